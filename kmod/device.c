// SPDX-License-Identifier: GPL-2.0
/*
 * One PCI function: its place in the owner table, its state, its settings, and the driver core's calls.
 *
 * The object is made when directpath first hears of a function by name (a claim, dev-set, or a bind by hand) and stays until the function leaves
 * the bus, so that a label or the consent to a missing reset survives claim and release. States change in dpath_device_set_state_locked() only:
 * one legal transition, one event.
 *
 * remove() may be called by the driver core at any time (unplug, a write to sysfs `unbind`): it takes what is left of a run away from the VM and
 * returns; what takes long (unpin, reset) is done by the set's work, see set.c.
 */

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"
#include "error.h"
#include "host.h"
#include "lease.h"
#include "match.h"
#include "ntf.h"
#include "set.h"
#include "state.h"

/* A storm of one function is one event in this long. */
#define STORM_INTERVAL HZ

LIST_HEAD(dpath_devices);

static void free_device(struct kref *ref)
{
	struct dpath_device *dev = container_of(ref, struct dpath_device, ref);

	pci_dev_put(dev->pdev);
	dpath_config_free_counts(&dev->registers);
	kfree(dev->prev_override);
	kfree(dev);
}

void dpath_device_get(struct dpath_device *dev)
{
	kref_get(&dev->ref);
}

void dpath_device_put(struct dpath_device *dev)
{
	kref_put(&dev->ref, free_device);
}
EXPORT_SYMBOL_NS_GPL(dpath_device_put, "DIRECTPATH");

struct dpath_device *dpath_device_lookup_locked(const char *address)
{
	struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(dev, &dpath_devices, node)
		if (!strcmp(dev->address, address))
			return dev;
	return NULL;
}

struct dpath_device *dpath_device_lookup(const char *address)
{
	struct dpath_device *dev;

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_locked(address);
	if (dev)
		dpath_device_get(dev);
	mutex_unlock(&dpath_table_lock);
	return dev;
}

struct dpath_device *dpath_device_lookup_pci_locked(struct pci_dev *pdev)
{
	struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(dev, &dpath_devices, node)
		if (dev->pdev == pdev)
			return dev;
	return NULL;
}

struct dpath_device *dpath_device_obtain_locked(struct pci_dev *pdev)
{
	struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	dev = dpath_device_lookup_pci_locked(pdev);
	if (dev) {
		dpath_device_get(dev);
		return dev;
	}

	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return NULL;
	kref_init(&dev->ref);
	dev->pdev = pci_dev_get(pdev);
	strscpy(dev->address, pci_name(pdev), sizeof(dev->address));
	dev->state = DIRECTPATH_STATE_HOST;
	dev->since = ktime_get();
	INIT_LIST_HEAD(&dev->set_node);
	xa_init(&dev->registers);
	dpath_error_init(dev);
	dpath_device_get(dev);
	list_add_tail(&dev->node, &dpath_devices);
	return dev;
}

struct pci_dev *dpath_device_find_pci(const char *address)
{
	unsigned int domain, bus, devfn;
	struct pci_dev *pdev;
	int ret;

	ret = dpath_match_address(address, &domain, &bus, &devfn);
	if (ret)
		return ERR_PTR(ret);
	pdev = pci_get_domain_bus_and_slot(domain, bus, devfn);
	return pdev ?: ERR_PTR(-ENODEV);
}

void dpath_device_set_state_locked(struct dpath_device *dev, enum directpath_state state, const char *cause)
{
	enum directpath_state prev = dev->state;

	lockdep_assert_held(&dpath_table_lock);
	if (prev == state)
		return;
	if (WARN_ONCE(!dpath_state_legal(prev, state), "directpath: %s: %s -> %s is no legal transition (%s)\n", dev->address,
		      dpath_state_name(prev), dpath_state_name(state), cause))
		return;
	dev->state = state;
	dev->since = ktime_get();
	dpath_dev_ntf(dev, prev, cause);
	wake_up_all(&dpath_state_wait);
}

void dpath_device_set_state(struct dpath_device *dev, enum directpath_state state, const char *cause)
{
	mutex_lock(&dpath_table_lock);
	dpath_device_set_state_locked(dev, state, cause);
	mutex_unlock(&dpath_table_lock);
}

void dpath_device_detail(struct dpath_device *dev, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	mutex_lock(&dpath_table_lock);
	vscnprintf(dev->detail, sizeof(dev->detail), fmt, args);
	mutex_unlock(&dpath_table_lock);
	va_end(args);
}

void dpath_device_describe_locked(struct dpath_device *dev, char *buf, size_t size)
{
	s64 ms = ktime_ms_delta(ktime_get(), dev->since);
	u32 limit = 0;

	lockdep_assert_held(&dpath_table_lock);
	if (dev->state == DIRECTPATH_STATE_CLAIMING)
		limit = dpath_host.unbind_deadline_ms;
	else if (dev->state == DIRECTPATH_STATE_RESETTING)
		limit = dpath_host.reset_deadline_ms;
	if (limit && ms >= limit)
		scnprintf(buf, size, "stuck in %s, %lld s", dev->detail[0] ? dev->detail : "it", ms / MSEC_PER_SEC);
	else
		strscpy(buf, dev->detail, size);
}

static bool name_taken_locked(const struct dpath_device *self, const char *name)
{
	const struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(dev, &dpath_devices, node)
		if (dev != self && !strcmp(dev->name, name))
			return true;
	return false;
}

static int check_word(const char *what, const char *word, char *why, size_t size)
{
	if (!word || !*word || dpath_match_name_valid(word))
		return 0;
	scnprintf(why, size, "%s: letters, digits, dot, dash and underscore only, at most %u", what, DIRECTPATH_NAME_MAX);
	return -EINVAL;
}

static int check_settings_locked(struct dpath_device *dev, const struct dpath_device_settings *settings, char *why, size_t size)
{
	int ret;

	lockdep_assert_held(&dpath_table_lock);
	ret = check_word("name", settings->name, why, size) ?: check_word("label", settings->label, why, size) ?:
	      check_word("clean-hook", settings->clean_hook, why, size);
	if (ret)
		return ret;
	/* It is a file name for those who run it. */
	if (settings->clean_hook && settings->clean_hook[0] == '.') {
		scnprintf(why, size, "clean-hook: the name of a program does not begin with a dot");
		return -EINVAL;
	}
	if (settings->name && settings->name[0] && name_taken_locked(dev, settings->name)) {
		scnprintf(why, size, "name %s is in use by another device", settings->name);
		return -EEXIST;
	}
	return 0;
}

bool dpath_device_dirty_locked(const struct dpath_device *dev)
{
	lockdep_assert_held(&dpath_table_lock);
	return dev->tainted && dev->clean_hook[0];
}

void dpath_device_rest_locked(struct dpath_device *dev, const char *cause)
{
	lockdep_assert_held(&dpath_table_lock);
	dev->detail[0] = '\0';
	if (!dpath_device_dirty_locked(dev)) {
		dpath_device_set_state_locked(dev, DIRECTPATH_STATE_READY, cause);
		return;
	}
	if (dev->clean_failure[0])
		scnprintf(dev->detail, sizeof(dev->detail), "cleaning hook %s failed: %s", dev->clean_hook, dev->clean_failure);
	else
		scnprintf(dev->detail, sizeof(dev->detail), "cleaning hook %s has not run: dev clean %s", dev->clean_hook, dev->address);
	dpath_device_set_state_locked(dev, DIRECTPATH_STATE_DIRTY, cause);
}

/* A hook that is set or cleared counts at once for a function that rests. */
static void set_clean_hook_locked(struct dpath_device *dev, const char *hook)
{
	lockdep_assert_held(&dpath_table_lock);
	strscpy(dev->clean_hook, hook, sizeof(dev->clean_hook));
	dev->clean_failure[0] = '\0';
	if (dev->set && !dev->set->busy && (dev->state == DIRECTPATH_STATE_READY || dev->state == DIRECTPATH_STATE_DIRTY))
		dpath_device_rest_locked(dev, "its cleaning hook was changed");
}

/* The lease that has to know, referenced, or NULL. */
static struct dpath_lease *set_storm_locked(struct dpath_device *dev, const struct dpath_storm_change *change)
{
	lockdep_assert_held(&dpath_table_lock);
	dpath_storm_set(&dev->storm, change);
	if (dev->lease)
		dpath_lease_get(dev->lease);
	return dev->lease;
}

int dpath_device_set(struct pci_dev *pdev, const struct dpath_device_settings *settings, char *why, size_t size)
{
	struct dpath_reset_policy policy = {};
	struct dpath_lease *lease = NULL;
	struct dpath_device *dev;
	const char *reason = NULL;
	int ret;

	if (settings->reset_policy) {
		ret = dpath_reset_parse_policy(settings->reset_policy, &policy, &reason);
		if (ret) {
			scnprintf(why, size, "reset policy '%s': %s", settings->reset_policy, reason ?: "not understood");
			return ret;
		}
	}

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_obtain_locked(pdev);
	if (!dev) {
		ret = -ENOMEM;
		goto out_unlock;
	}
	ret = check_settings_locked(dev, settings, why, size);
	if (ret)
		goto out_put;
	if (settings->name)
		strscpy(dev->name, settings->name, sizeof(dev->name));
	if (settings->label)
		strscpy(dev->label, settings->label, sizeof(dev->label));
	if (settings->reset_policy)
		dev->policy = policy;
	if (settings->clean_hook)
		set_clean_hook_locked(dev, settings->clean_hook);
	if (settings->storm)
		lease = set_storm_locked(dev, settings->storm);
	if (settings->error_policy)
		dev->errors.policy = *settings->error_policy;
	if (settings->fault_limit)
		dev->errors.fault_limit = *settings->fault_limit;
	dpath_dev_ntf(dev, dev->state, "dev-set");
out_put:
	dpath_device_put(dev);
out_unlock:
	mutex_unlock(&dpath_table_lock);
	if (lease) {
		dpath_irqs_refresh_storm(&lease->irqs);
		dpath_lease_put(lease);
	}
	return ret;
}

void dpath_device_report_storm_locked(struct dpath_device *dev, const struct dpath_irq_storm *storm, u64 storms)
{
	static const char * const kinds[] = { "INTx", "MSI", "MSI-X" };
	char cause[96];

	lockdep_assert_held(&dpath_table_lock);
	if (dev->storm_reported && !time_after(jiffies, dev->storm_reported + STORM_INTERVAL))
		return;
	dev->storm_reported = jiffies ?: 1;
	scnprintf(cause, sizeof(cause), "interrupt storm: %s vector %u is held back for %u ms; storms in this run: %llu", kinds[storm->index],
		  storm->number, storm->wait_ms, storms);
	dpath_dev_ntf(dev, dev->state, cause);
}

/*
 * device_lock would be the plain way, but a host driver that hangs in remove() holds it for good. The driver structure lives in its module, and
 * a module is freed only after a grace period that starts when no device is bound to it any more: under RCU the name cannot vanish.
 */
void dpath_device_driver_name(struct pci_dev *pdev, char *buf, size_t size)
{
	const struct device_driver *drv;

	rcu_read_lock();
	drv = READ_ONCE(pdev->dev.driver);
	strscpy(buf, drv ? drv->name : "", size);
	rcu_read_unlock();
}

int dpath_device_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct dpath_device *dev;
	bool rebinding, returning, by_hand;
	int ret;

	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL) {
		pci_warn(pdev, "a bridge cannot be given to a VM\n");
		return -EINVAL;
	}
	if (!pdev->dev.iommu_group) {
		pci_warn(pdev, "no IOMMU translates its DMA; switch the IOMMU on in the firmware and boot with intel_iommu=on\n");
		return -EINVAL;
	}

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_obtain_locked(pdev);
	rebinding = dev && dev->rebinding;
	returning = dev && dev->returning;
	by_hand = dev && dev->state == DIRECTPATH_STATE_HOST;
	ret = !dev ? -ENOMEM : by_hand || rebinding || returning || dev->state == DIRECTPATH_STATE_CLAIMING ? 0 : -EBUSY;
	mutex_unlock(&dpath_table_lock);
	if (ret)
		goto out;

	pci_set_drvdata(pdev, dev);
	if (rebinding)
		goto out;
	pci_clear_master(pdev);
	/* Whoever claimed it was told, and forced it; who binds it by hand decides by himself. */
	ret = dpath_mmio_evict_bootfb(pdev);
	if (ret)
		goto out;
	/* After its cleaning it is still the function that was claimed, with the config space and the fingerprint of that day. */
	if (!returning)
		ret = dpath_reset_init(&dev->reset, pdev);
	if (ret)
		goto out;

	mutex_lock(&dpath_table_lock);
	dev->bound = true;
	if (!returning) {
		dev->by_hand = by_hand;
		dev->runs = 0;
		dev->mismatch = false;
	}
	mutex_unlock(&dpath_table_lock);
	if (by_hand)
		ret = dpath_set_adopt(dev);
	if (ret) {
		dev->bound = false;
		dpath_reset_destroy(&dev->reset);
	}
out:
	if (dev)
		dpath_device_put(dev);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dpath_device_probe, "DIRECTPATH");

void dpath_device_remove(struct pci_dev *pdev)
{
	struct dpath_device *dev = pci_get_drvdata(pdev);
	struct dpath_set *set;
	bool quiet;

	mutex_lock(&dpath_table_lock);
	quiet = dev->rebinding;
	if (!quiet)
		dev->bound = false;
	quiet |= dev->releasing;
	set = dev->set;
	if (set)
		dpath_set_get(set);
	dpath_device_get(dev);
	mutex_unlock(&dpath_table_lock);

	dpath_error_forget(dev);
	if (!quiet && set)
		dpath_set_lose(set, dev);
	if (set)
		dpath_set_put(set);
	dpath_device_put(dev);
}
EXPORT_SYMBOL_NS_GPL(dpath_device_remove, "DIRECTPATH");

/*
 * The host goes down or jumps into another kernel, and VMMs may still run: what they hold is dead from here on, so that no write of theirs brings
 * bus mastering back when the PCI core has cleared it. Nothing starts again (set_run.c), and the reset that follows a run does not begin: it
 * takes long, and the work is not waited for.
 */
void dpath_device_shutdown(struct pci_dev *pdev)
{
	struct dpath_device *dev = pci_get_drvdata(pdev);
	struct dpath_set *set;

	mutex_lock(&dpath_table_lock);
	set = dev->set;
	if (set)
		dpath_set_get(set);
	mutex_unlock(&dpath_table_lock);
	if (set) {
		dpath_set_revoke(set, "the host shuts down");
		dpath_set_put(set);
	}
	dpath_reset_quiesce(pdev);
}
EXPORT_SYMBOL_NS_GPL(dpath_device_shutdown, "DIRECTPATH");

/* Made for a function after it had left: its place belongs to the one that came now. */
static void forget_stale_locked(struct pci_dev *pdev)
{
	struct dpath_device *dev, *next;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry_safe(dev, next, &dpath_devices, node) {
		if (dev->pdev == pdev || strcmp(dev->address, pci_name(pdev)))
			continue;
		list_del(&dev->node);
		dpath_device_put(dev);
	}
}

/*
 * A function that appears in a set that we own is attached to the set's domain by the IOMMU layer without a word (kernel-review 1.4): make it
 * unable to DMA and keep the set from running again until an admin has looked.
 */
static void note_added(struct pci_dev *pdev)
{
	struct dpath_device *dev;
	struct dpath_set *set;
	char cause[64];
	int id;

	mutex_lock(&dpath_table_lock);
	forget_stale_locked(pdev);
	mutex_unlock(&dpath_table_lock);
	if (!pdev->dev.iommu_group)
		return;
	/* Nobody drives it yet. */
	pci_clear_master(pdev);
	id = iommu_group_id(pdev->dev.iommu_group);
	scnprintf(cause, sizeof(cause), "%s was added to the set", pci_name(pdev));
	mutex_lock(&dpath_table_lock);
	list_for_each_entry(set, &dpath_sets, node) {
		/* Also while its DMA is lent to the host for a cleaning: it comes back. */
		if (set->id != id || (!set->owned && !READ_ONCE(set->loaned)))
			continue;
		set->changed = true;
		list_for_each_entry(dev, &set->devices, set_node)
			dpath_dev_ntf(dev, dev->state, cause);
	}
	mutex_unlock(&dpath_table_lock);
}

/* Our remove() has run by now: pci_stop_dev() comes first. */
static void note_leaving(struct pci_dev *pdev)
{
	struct dpath_set *set = NULL;
	struct dpath_device *dev;

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_pci_locked(pdev);
	if (dev) {
		dev->unplugged = true;
		set = dev->set;
		if (set)
			dpath_set_get(set);
	}
	mutex_unlock(&dpath_table_lock);
	if (set) {
		dpath_set_leave(set, dev);
		dpath_set_put(set);
	}
}

/* Off the bus and unbound: the object goes, unless a set's work still needs it; its address may come back as another device. */
static void note_removed(struct pci_dev *pdev)
{
	struct dpath_device *dev;

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_pci_locked(pdev);
	if (dev) {
		dpath_device_set_state_locked(dev, DIRECTPATH_STATE_GONE, "removed from the bus");
		list_del(&dev->node);
	}
	mutex_unlock(&dpath_table_lock);
	if (dev)
		dpath_device_put(dev);
}

/* A host driver has left a member of a set that waits for just that. */
static void note_unbound(struct pci_dev *pdev)
{
	struct dpath_set *set;

	if (!pdev->dev.iommu_group)
		return;
	set = dpath_set_lookup(iommu_group_id(pdev->dev.iommu_group));
	if (!set)
		return;
	if (!READ_ONCE(set->owned))
		dpath_set_queue_adopt(set);
	dpath_set_put(set);
}

static int bus_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (action == BUS_NOTIFY_ADD_DEVICE)
		note_added(pdev);
	else if (action == BUS_NOTIFY_DEL_DEVICE)
		note_leaving(pdev);
	else if (action == BUS_NOTIFY_UNBOUND_DRIVER)
		note_unbound(pdev);
	else if (action == BUS_NOTIFY_REMOVED_DEVICE)
		note_removed(pdev);
	return NOTIFY_DONE;
}

static struct notifier_block bus_notifier = { .notifier_call = bus_event };

int dpath_device_module_init(void)
{
	return bus_register_notifier(&pci_bus_type, &bus_notifier);
}

void dpath_device_module_exit(void)
{
	struct dpath_device *dev, *next;

	bus_unregister_notifier(&pci_bus_type, &bus_notifier);
	list_for_each_entry_safe(dev, next, &dpath_devices, node) {
		list_del(&dev->node);
		dpath_device_put(dev);
	}
}
