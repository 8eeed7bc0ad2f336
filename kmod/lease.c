// SPDX-License-Identifier: GPL-2.0
/*
 * Leases: what one VM has of one function while it runs.
 *
 * A lease is made under set->lock from a running device and ends there; its engines are killed in the order that the set's end asks for. The object
 * stays until the last fd is closed, dead, so that nothing an old VMM holds ever reaches the function of the next one. Counters are added up into the
 * device at the end. The module of the driver that the function is bound to is held while the lease lives: an rmmod of vfio-pci says `in use'.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "device.h"
#include "host.h"
#include "lease.h"
#include "peer.h"
#include "set.h"
#include "space.h"
#include "vm.h"

#define RETRY_MS 10

static void free_lease(struct kref *ref)
{
	struct dpath_lease *lease = container_of(ref, struct dpath_lease, ref);

	dpath_config_destroy(&lease->config);
	dpath_irqs_destroy(&lease->irqs);
	dpath_mmio_destroy(&lease->mmio);
	dpath_space_put(lease->space);
	dpath_vm_put(lease->vm);
	dpath_set_put(lease->set);
	dpath_device_put(lease->dev);
	kfree(lease);
}

void dpath_lease_get(struct dpath_lease *lease)
{
	kref_get(&lease->ref);
}

void dpath_lease_put(struct dpath_lease *lease)
{
	/* The last one takes down BARs, and perhaps the whole address space. */
	might_sleep();
	lockdep_assert_not_held(&dpath_table_lock);
	kref_put(&lease->ref, free_lease);
}

static void free_work(struct work_struct *work)
{
	struct dpath_lease *lease = container_of(work, struct dpath_lease, free_work);

	free_lease(&lease->ref);
	module_put(THIS_MODULE);
}

static void free_later(struct kref *ref)
{
	struct dpath_lease *lease = container_of(ref, struct dpath_lease, ref);

	INIT_WORK(&lease->free_work, free_work);
	__module_get(THIS_MODULE);
	queue_work(dpath_wq, &lease->free_work);
}

void dpath_lease_put_later(struct dpath_lease *lease)
{
	kref_put(&lease->ref, free_later);
}

void dpath_lease_close_bars(struct dpath_lease *lease)
{
	dpath_mmio_close(&lease->mmio);
	dpath_peer_sync(lease);
}

void dpath_lease_open_bars(struct dpath_lease *lease)
{
	dpath_mmio_open(&lease->mmio);
	dpath_peer_sync(lease);
}

/* --- what config space sets off --- */

static void config_decode(void *ctx, bool on)
{
	struct dpath_lease *lease = ctx;

	if (on)
		dpath_lease_open_bars(lease);
	else
		dpath_lease_close_bars(lease);
}

static void config_intx(void *ctx, bool disable)
{
	struct dpath_lease *lease = ctx;

	dpath_irqs_intx_disable(&lease->irqs, disable);
}

static int config_reset(void *ctx)
{
	return dpath_lease_reset(ctx);
}

/*
 * config.c closes and opens decode around this. Functions without No_Soft_Reset lose their BARs on the way back from D3hot (PCI PM 1.2, 5.4.1), so
 * config is kept across it, and no reset meets that, because config.c holds config access. The way back may take a minute, and the lease may end
 * meanwhile: what is restored then is the host's business.
 */
static int config_power(void *ctx, pci_power_t state)
{
	struct dpath_lease *lease = ctx;
	struct pci_dev *pdev = lease->dev->pdev;
	int ret;

	if (state != PCI_D0)
		pci_save_state(pdev);
	ret = pci_set_power_state(pdev, state);
	if (state != PCI_D0 || pdev->current_state != PCI_D0 || !dpath_lease_alive(lease))
		return ret;
	dpath_irqs_restore(&lease->irqs);
	/* The guest's command may have bus mastering on; the end of the run sets the flag before it quiesces. */
	if (!dpath_lease_alive(lease))
		pci_clear_master(pdev);
	return ret;
}

static const struct dpath_config_ops config_ops = {
	.decode = config_decode,
	.intx = config_intx,
	.reset = config_reset,
	.power = config_power,
};

static int charge_vectors(void *ctx, unsigned int nvec)
{
	struct dpath_lease *lease = ctx;

	return dpath_vm_charge_vectors(lease->vm, nvec);
}

static void uncharge_vectors(void *ctx, unsigned int nvec)
{
	struct dpath_lease *lease = ctx;

	dpath_vm_uncharge_vectors(lease->vm, nvec);
}

static void get_affinity(void *ctx, struct cpumask *cpus)
{
	struct dpath_lease *lease = ctx;

	mutex_lock(&dpath_table_lock);
	cpumask_copy(cpus, &lease->vm->cpus);
	mutex_unlock(&dpath_table_lock);
}

/* The MSI-X table can be written only while memory decodes: the guest's command register stands still meanwhile. */
static void lock_config(void *ctx)
{
	struct dpath_lease *lease = ctx;

	mutex_lock(&lease->config.lock);
}

static void unlock_config(void *ctx)
{
	struct dpath_lease *lease = ctx;

	mutex_unlock(&lease->config.lock);
}

static void get_storm_limit(void *ctx, struct dpath_storm_limit *limit)
{
	struct dpath_lease *lease = ctx;

	mutex_lock(&dpath_table_lock);
	dpath_storm_apply(limit, &lease->vm->storm);
	dpath_storm_apply(limit, &lease->dev->storm);
	mutex_unlock(&dpath_table_lock);
}

static void report_storm(void *ctx, const struct dpath_irq_storm *storm)
{
	struct dpath_lease *lease = ctx;

	mutex_lock(&dpath_table_lock);
	dpath_device_report_storm_locked(lease->dev, storm, atomic64_read(&lease->stats.storms));
	mutex_unlock(&dpath_table_lock);
}

static const struct dpath_irq_ops irq_ops = {
	.charge = charge_vectors,
	.uncharge = uncharge_vectors,
	.affinity = get_affinity,
	.config_lock = lock_config,
	.config_unlock = unlock_config,
	.storm_limit = get_storm_limit,
	.storm = report_storm,
};

/* --- birth --- */

static int enable_function(struct pci_dev *pdev)
{
	int ret;

	ret = pci_set_power_state(pdev, PCI_D0);
	if (ret)
		return ret;
	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	pci_clear_master(pdev);
	ret = pci_request_regions(pdev, "directpath");
	if (ret)
		pci_disable_device(pdev);
	return ret;
}

static void disable_function(struct pci_dev *pdev)
{
	pci_release_regions(pdev);
	pci_disable_device(pdev);
}

static int init_engines(struct dpath_lease *lease)
{
	struct pci_dev *pdev = lease->dev->pdev;
	u32 lines = 0, flags;
	int ret;

	ret = dpath_mmio_init(&lease->mmio, pdev, &lease->stats);
	if (ret)
		return ret;
	ret = dpath_irqs_init(&lease->irqs, pdev, &irq_ops, lease, &lease->stats, dpath_driver_no_disintx(pdev));
	if (ret)
		goto err_destroy_mmio;
	ret = dpath_config_init(&lease->config, pdev, &config_ops, lease, &lease->stats, &lease->dev->registers);
	if (ret)
		goto err_destroy_irqs;
	dpath_irqs_info(&lease->irqs, VFIO_PCI_INTX_IRQ_INDEX, &lines, &flags);
	if (!lines)
		dpath_config_hide_intx(&lease->config);
	if (dpath_config_decoding(&lease->config, false))
		dpath_lease_open_bars(lease);
	return 0;

err_destroy_irqs:
	dpath_irqs_kill(&lease->irqs);
	dpath_irqs_destroy(&lease->irqs);
err_destroy_mmio:
	dpath_mmio_kill(&lease->mmio);
	dpath_mmio_destroy(&lease->mmio);
	return ret;
}

/*
 * set->lock and config access held: a reset that is under way would find no lease to hold, and one that begins now finds this one. The device is
 * bound and running. Two references: the device's and the caller's.
 */
static struct dpath_lease *new_lease_locked(struct dpath_device *dev, struct dpath_space *space)
{
	struct device_driver *driver = READ_ONCE(dev->pdev->dev.driver);
	struct module *owner = driver ? driver->owner : NULL;
	struct dpath_lease *lease;
	int ret;

	lockdep_assert_held(&dev->set->lock);
	/* Bound, so it has a driver, unless that is being taken from it right now. */
	if (!driver || !try_module_get(owner))
		return ERR_PTR(-ENODEV);
	lease = kzalloc(sizeof(*lease), GFP_KERNEL_ACCOUNT);
	ret = -ENOMEM;
	if (!lease)
		goto err_put_module;
	kref_init(&lease->ref);
	INIT_LIST_HEAD(&lease->peers);
	lease->dev = dev;
	lease->set = dev->set;
	lease->space = space;
	lease->vm = space->vm;
	ret = enable_function(dev->pdev);
	if (ret)
		goto err_free;
	ret = init_engines(lease);
	if (ret)
		goto err_disable;

	dpath_device_get(dev);
	dpath_set_get(dev->set);
	dpath_space_get(space);
	dpath_vm_get(space->vm);
	kref_get(&lease->ref);
	mutex_lock(&dpath_table_lock);
	dev->lease = lease;
	dev->owner = owner;
	mutex_unlock(&dpath_table_lock);
	/* From here on dpath_vm_set() and dpath_device_set() see the lease; what was set until now is taken over. */
	dpath_irqs_refresh_affinity(&lease->irqs);
	dpath_irqs_refresh_storm(&lease->irqs);
	return lease;

err_disable:
	disable_function(dev->pdev);
err_free:
	kfree(lease);
err_put_module:
	module_put(owner);
	return ERR_PTR(ret);
}

static struct dpath_lease *make_lease_locked(struct dpath_device *dev, struct dpath_space *space)
{
	struct dpath_lease *lease;

	lockdep_assert_held(&dev->set->lock);
	if (dpath_reset_is_frozen(&dev->reset) || !pci_cfg_access_trylock(dev->pdev))
		return ERR_PTR(-EAGAIN);
	lease = new_lease_locked(dev, space);
	/* A fatal error that was reported meanwhile has frozen the lease, or has not seen it yet; its end needs config access. */
	if (!IS_ERR(lease) && dpath_reset_is_frozen(&dev->reset)) {
		dpath_lease_kill_maps(lease);
		dpath_lease_end_locked(dev);
		dpath_lease_put(lease);
		lease = ERR_PTR(-EAGAIN);
	}
	pci_cfg_access_unlock(dev->pdev);
	return lease;
}

/* *@again: it had one before in this run. -EAGAIN: it is being reset, or recovers from a fatal error. */
static struct dpath_lease *open_locked(struct dpath_set *set, struct dpath_device *dev, struct dpath_space *space, bool *again)
{
	struct dpath_lease *lease;

	lockdep_assert_held(&set->lock);
	if (!set->run || set->run->space != space)
		return ERR_PTR(-EPERM);
	if (dev->set != set || !dev->bound || dev->state != DIRECTPATH_STATE_RUNNING)
		return ERR_PTR(-ENODEV);
	lease = dev->lease;
	if (lease) {
		kref_get(&lease->ref);
	} else {
		lease = make_lease_locked(dev, space);
		if (IS_ERR(lease))
			return lease;
		*again = dev->opens++;
	}
	lease->files++;
	set->run->users++;
	return lease;
}

/* Without set->lock, which a revoke takes. */
static bool may_wait(unsigned long deadline, int *ret)
{
	if (fatal_signal_pending(current))
		*ret = -EINTR;
	else if (time_after(jiffies, deadline))
		*ret = -EBUSY;
	else
		msleep(RETRY_MS);
	return !*ret;
}

struct dpath_lease *dpath_lease_open(struct dpath_device *dev, struct dpath_space *space)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	struct dpath_lease *lease;
	struct dpath_set *set;
	bool again = false;
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	set = dev->set;
	if (set)
		dpath_set_get(set);
	mutex_unlock(&dpath_table_lock);
	if (!set)
		return ERR_PTR(-ENODEV);

	do {
		mutex_lock(&set->lock);
		lease = open_locked(set, dev, space, &again);
		mutex_unlock(&set->lock);
	} while (lease == ERR_PTR(-EAGAIN) && may_wait(deadline, &ret));
	dpath_set_put(set);
	if (ret)
		return ERR_PTR(ret);

	/* A second opening in one run starts from a reset function, as the first one did. */
	if (again)
		dpath_lease_reset(lease);
	return lease;
}

/* --- death --- */

void dpath_lease_kill_maps(struct dpath_lease *lease)
{
	lockdep_assert_held(&lease->set->lock);
	WRITE_ONCE(lease->dead, true);
	dpath_config_kill(&lease->config);
	dpath_mmio_kill(&lease->mmio);
	dpath_peer_end(lease);
}

void dpath_lease_kill_irqs(struct dpath_lease *lease)
{
	dpath_irqs_kill(&lease->irqs);
}

static void add_counters(struct dpath_lease_stats *sum, struct dpath_lease_stats *add)
{
	atomic64_add(atomic64_read(&add->interrupts), &sum->interrupts);
	atomic64_add(atomic64_read(&add->storms), &sum->storms);
	atomic64_add(atomic64_read(&add->config_reads), &sum->config_reads);
	atomic64_add(atomic64_read(&add->config_writes), &sum->config_writes);
	atomic64_add(atomic64_read(&add->config_denied), &sum->config_denied);
	atomic64_add(atomic64_read(&add->region_reads), &sum->region_reads);
	atomic64_add(atomic64_read(&add->region_writes), &sum->region_writes);
	atomic64_add(atomic64_read(&add->faults), &sum->faults);
}

void dpath_lease_end_locked(struct dpath_device *dev)
{
	struct dpath_lease *lease = dev->lease;

	lockdep_assert_held(&lease->set->lock);
	dpath_lease_kill_irqs(lease);
	disable_function(dev->pdev);
	mutex_lock(&dpath_table_lock);
	add_counters(&dev->totals, &lease->stats);
	dev->lease = NULL;
	mutex_unlock(&dpath_table_lock);
	module_put(dev->owner);
	dpath_lease_put(lease);
}

void dpath_lease_close(struct dpath_lease *lease)
{
	struct dpath_set *set = lease->set;
	struct dpath_device *dev = lease->dev;
	struct dpath_run *spent;
	bool last_of_run;

	mutex_lock(&set->lock);
	last_of_run = set->run && set->run->space == lease->space && set->run->users == 1;
	/* The end of a run ends its leases itself, in the set's order. */
	if (!--lease->files && dev->lease == lease && !last_of_run) {
		dpath_lease_kill_maps(lease);
		dpath_reset_quiesce(dev->pdev);
		dpath_lease_end_locked(dev);
	}
	dpath_set_drop_user_locked(set, lease->space, "closed by its VM", &spent);
	mutex_unlock(&set->lock);
	dpath_run_free(spent);
	dpath_lease_put(lease);
}

/* --- life --- */

void dpath_lease_hold(struct dpath_lease *lease)
{
	device_lock_assert(&lease->dev->pdev->dev);
	dpath_irqs_hold(&lease->irqs);
	dpath_mmio_hold(&lease->mmio);
	dpath_peer_sync(lease);
}

void dpath_lease_unhold(struct dpath_lease *lease)
{
	device_lock_assert(&lease->dev->pdev->dev);
	dpath_irqs_unhold(&lease->irqs);
	dpath_mmio_unhold(&lease->mmio);
	if (!dpath_lease_alive(lease))
		return;
	dpath_config_restored(&lease->config);
	dpath_irqs_restored(&lease->irqs);
	if (dpath_config_decoding(&lease->config, false))
		dpath_lease_open_bars(lease);
}

void dpath_lease_freeze(struct dpath_lease *lease)
{
	device_lock_assert(&lease->dev->pdev->dev);
	if (lease->frozen)
		return;
	lease->frozen = true;
	dpath_config_hold(&lease->config);
	dpath_mmio_hold(&lease->mmio);
	dpath_peer_sync(lease);
}

void dpath_lease_thaw(struct dpath_lease *lease)
{
	device_lock_assert(&lease->dev->pdev->dev);
	if (!lease->frozen)
		return;
	lease->frozen = false;
	dpath_mmio_unhold(&lease->mmio);
	dpath_config_unhold(&lease->config);
}

int dpath_lease_reset(struct dpath_lease *lease)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	struct dpath_device *dev = lease->dev;
	struct dpath_reset_policy policy;
	int ret;

	lockdep_assert_not_held(&lease->config.lock);
	lockdep_assert_not_held(&lease->irqs.lock);
	lockdep_assert_not_held(&lease->set->lock);
	if (!dpath_lease_alive(lease))
		return -ENODEV;
	mutex_lock(&dpath_table_lock);
	policy = dev->policy;
	mutex_unlock(&dpath_table_lock);

	/* Its BARs are closed and opened by the reset_prepare() and reset_done() of our driver, as in anybody's reset. */
	for (;;) {
		ret = dpath_reset_guest(&dev->reset, &policy, &lease->dead);
		if (ret != -EAGAIN || time_after(jiffies, deadline) || fatal_signal_pending(current))
			break;
		msleep(RETRY_MS);
	}
	if (ret == -ENOTTY)
		ret = -EINVAL;
	return ret;
}
