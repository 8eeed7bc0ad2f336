// SPDX-License-Identifier: GPL-2.0
/*
 * The isolation set: members, DMA ownership, and its runs.
 *
 * A set is idle, or it has one run: a space that its IOMMU group is attached to, and a count of the fds that keep it so. The end of a run has a
 * fixed order (DESIGN.md 8, kernel-review 7.6) and cannot fail: leases dead and BAR maps to scratch; bus master off and pending transactions waited
 * for; domain detached, so that DMA is blocked; interrupts taken down; and only then, in a work, reset, read-back and comparison. Everything up to
 * the work is bounded and takes no mmap_lock, so that remove() may do it.
 *
 * Locks: set->lock for the run, the domain and the leases, held for bounded work only. dpath_table_lock (inside) for states, membership and
 * attachment. `busy`, under dpath_table_lock, excludes the operations that take long (claim, release, reset, rebind) from each other; a set that is
 * busy cannot be started.
 */

#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "device.h"
#include "host.h"
#include "lease.h"
#include "ntf.h"
#include "reset.h"
#include "set.h"
#include "space.h"
#include "state.h"
#include "vm.h"

/* How often a reset that finds device_lock taken tries again. */
#define RETRY_MS 20

LIST_HEAD(dpath_sets);

static DEFINE_MUTEX(door_lock);	/* protects door, serialises its calls; outside dpath_table_lock */
static const struct dpath_set_door *door;

static void end_run_work(struct work_struct *work);
static void adopt_work(struct work_struct *work);

static void free_set(struct kref *ref)
{
	struct dpath_set *set = container_of(ref, struct dpath_set, ref);

	iommu_group_put(set->group);
	mutex_destroy(&set->lock);
	kfree(set);
}

void dpath_set_get(struct dpath_set *set)
{
	kref_get(&set->ref);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_get, DIRECTPATH);

void dpath_set_put(struct dpath_set *set)
{
	kref_put(&set->ref, free_set);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_put, DIRECTPATH);

static struct dpath_set *lookup_locked(int id)
{
	struct dpath_set *set;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(set, &dpath_sets, node)
		if (set->id == id)
			return set;
	return NULL;
}

struct dpath_set *dpath_set_lookup(int id)
{
	struct dpath_set *set;

	mutex_lock(&dpath_table_lock);
	set = lookup_locked(id);
	if (set)
		dpath_set_get(set);
	mutex_unlock(&dpath_table_lock);
	return set;
}
EXPORT_SYMBOL_NS_GPL(dpath_set_lookup, DIRECTPATH);

struct dpath_set *dpath_set_obtain_locked(struct iommu_group *group)
{
	struct dpath_set *set;

	set = lookup_locked(iommu_group_id(group));
	if (set) {
		dpath_set_get(set);
		return set;
	}

	set = kzalloc(sizeof(*set), GFP_KERNEL);
	if (!set)
		return NULL;
	kref_init(&set->ref);
	mutex_init(&set->lock);
	INIT_LIST_HEAD(&set->node);
	INIT_LIST_HEAD(&set->devices);
	INIT_LIST_HEAD(&set->vm_node);
	INIT_LIST_HEAD(&set->orphans);
	INIT_WORK(&set->end_work, end_run_work);
	INIT_WORK(&set->adopt_work, adopt_work);
	set->group = iommu_group_ref_get(group);
	set->id = iommu_group_id(group);
	return set;
}

bool dpath_set_begin_locked(struct dpath_set *set, const char *what)
{
	struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	if (set->busy)
		return false;
	/* A running set ends its run before anything else works on it. */
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_RUNNING || dev->state == DIRECTPATH_STATE_DRAINING)
			return false;
	WRITE_ONCE(set->busy, what);
	return true;
}

static void clear_busy_locked(struct dpath_set *set)
{
	lockdep_assert_held(&dpath_table_lock);
	WRITE_ONCE(set->busy, NULL);
	wake_up_all(&dpath_state_wait);
}

/* The first member brings the set into the table; the list holds a reference to the set, the set one to each member. */
void dpath_set_link_locked(struct dpath_set *set, struct dpath_device *dev)
{
	lockdep_assert_held(&dpath_table_lock);
	if (dev->set)
		return;
	if (list_empty(&set->node)) {
		dpath_set_get(set);
		list_add_tail(&set->node, &dpath_sets);
	}
	dpath_device_get(dev);
	dpath_set_get(set);
	dev->set = set;
	list_add_tail(&dev->set_node, &set->devices);
	set->nr++;
	if (set->vm)
		set->vm->nr_devices++;
}

static void detach_vm_locked(struct dpath_set *set)
{
	lockdep_assert_held(&dpath_table_lock);
	if (!set->vm)
		return;
	set->vm->nr_devices -= set->nr;
	list_del_init(&set->vm_node);
	dpath_vm_put(set->vm);
	set->vm = NULL;
}

/*
 * Takes a member out. The last one out ends the set: DMA goes back to the host, the node of the door disappears. Ownership is given up after the
 * device was reset or found clean; with iommu=pt the default domain reaches all memory.
 */
void dpath_set_unlink(struct dpath_set *set, struct dpath_device *dev)
{
	bool last, owned = false;
	struct dpath_set *heir;

	mutex_lock(&set->lock);
	mutex_lock(&dpath_table_lock);
	if (dev->set != set) {
		mutex_unlock(&dpath_table_lock);
		mutex_unlock(&set->lock);
		return;
	}
	if (set->vm)
		set->vm->nr_devices--;
	list_del_init(&dev->set_node);
	dev->set = NULL;
	set->nr--;
	last = !set->nr;
	if (last) {
		detach_vm_locked(set);
		list_del_init(&set->node);
		owned = set->owned;
		set->owned = false;
		set->changed = false;
	}
	mutex_unlock(&dpath_table_lock);
	if (owned)
		dpath_group_disown(set->group);
	mutex_unlock(&set->lock);

	dpath_reset_destroy(&dev->reset);
	dpath_device_put(dev);
	dpath_set_put(set);
	if (!last)
		return;
	/* The group may have been claimed again meanwhile: the node is the new set's then. */
	mutex_lock(&door_lock);
	heir = dpath_set_lookup(set->id);
	if (door && !heir)
		door->removed(set->id);
	mutex_unlock(&door_lock);
	if (heir)
		dpath_set_put(heir);
	dpath_set_put(set);
}

unsigned int dpath_set_devices(struct dpath_set *set, struct dpath_device **devs)
{
	struct dpath_device *dev;
	unsigned int nr = 0;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node) {
		if (nr == DPATH_SET_MAX)
			break;
		dpath_device_get(dev);
		devs[nr++] = dev;
	}
	mutex_unlock(&dpath_table_lock);
	return nr;
}

void dpath_set_put_devices(struct dpath_device **devs, unsigned int nr)
{
	while (nr--)
		dpath_device_put(devs[nr]);
}

bool dpath_set_viable(struct dpath_set *set)
{
	return READ_ONCE(set->owned) && !READ_ONCE(set->changed);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_viable, DIRECTPATH);

struct dpath_vm *dpath_set_vm(struct dpath_set *set)
{
	struct dpath_vm *vm;

	mutex_lock(&dpath_table_lock);
	vm = set->vm;
	if (vm)
		dpath_vm_get(vm);
	mutex_unlock(&dpath_table_lock);
	return vm;
}
EXPORT_SYMBOL_NS_GPL(dpath_set_vm, DIRECTPATH);

/* The state that a clean member rests in. */
static enum directpath_state rest_state_locked(const struct dpath_set *set)
{
	lockdep_assert_held(&dpath_table_lock);
	return set->vm ? DIRECTPATH_STATE_RESERVED : DIRECTPATH_STATE_READY;
}

/* --- runs --- */

void dpath_run_free(struct dpath_run *run)
{
	if (!run)
		return;
	dpath_space_put(run->space);
	kfree(run);
}

/* Everything that is DMA of one member stops here; the bounded wait is for what is already on its way. */
static void quiesce_member(struct dpath_device *dev)
{
	if (!dev->unplugged && dpath_reset_quiesce(dev->pdev))
		pci_warn(dev->pdev, "transactions are still pending after bus mastering was switched off\n");
}

/* Reset, drop and clear the busy mark, which the caller has set. */
static void queue_end_work(struct dpath_set *set)
{
	dpath_set_get(set);
	__module_get(THIS_MODULE);
	queue_work(dpath_wq, &set->end_work);
}

/*
 * The end of the run. set->lock is held. The run is handed back in @spent if nobody uses it any more, else it becomes an orphan until its last fd is
 * closed.
 */
static void end_run_locked(struct dpath_set *set, const char *cause, struct dpath_run **spent)
{
	struct dpath_device *dev, *first;
	struct dpath_run *run = set->run;

	lockdep_assert_held(&set->lock);
	mutex_lock(&dpath_table_lock);
	WRITE_ONCE(set->busy, "reset");
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_RUNNING)
			dpath_device_set_state_locked(dev, DIRECTPATH_STATE_DRAINING, cause);
	mutex_unlock(&dpath_table_lock);

	/* Nobody leaves the list while set->lock is held; who joins it now (bound by hand) has no lease and no part in the run. */
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->lease)
			dpath_lease_kill_maps(dev->lease);
	list_for_each_entry(dev, &set->devices, set_node)
		quiesce_member(dev);
	first = list_first_entry(&set->devices, struct dpath_device, set_node);
	if (!dpath_space_detach(run->space, set->domain, set->group, first->pdev))
		set->kept = true;
	set->domain = NULL;
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->lease)
			dpath_lease_end_locked(dev);

	WRITE_ONCE(set->run, NULL);
	if (run->users)
		list_add(&run->node, &set->orphans);
	else
		*spent = run;

	dpath_vm_close(run->space->vm);
	queue_end_work(set);
}

void dpath_set_drop_user_locked(struct dpath_set *set, struct dpath_space *space, const char *cause, struct dpath_run **spent)
{
	struct dpath_run *run;

	lockdep_assert_held(&set->lock);
	*spent = NULL;
	if (set->run && set->run->space == space) {
		if (!--set->run->users)
			end_run_locked(set, cause, spent);
		return;
	}
	list_for_each_entry(run, &set->orphans, node) {
		if (run->space != space)
			continue;
		if (!--run->users) {
			list_del(&run->node);
			*spent = run;
		}
		return;
	}
}

void dpath_set_stop(struct dpath_set *set, struct dpath_space *space, const char *cause)
{
	struct dpath_run *spent;

	mutex_lock(&set->lock);
	dpath_set_drop_user_locked(set, space, cause, &spent);
	mutex_unlock(&set->lock);
	dpath_run_free(spent);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_stop, DIRECTPATH);

void dpath_set_revoke(struct dpath_set *set, const char *cause)
{
	struct dpath_run *spent = NULL;

	mutex_lock(&set->lock);
	if (set->run)
		end_run_locked(set, cause, &spent);
	mutex_unlock(&set->lock);
	dpath_run_free(spent);
}

bool dpath_set_use(struct dpath_set *set, struct dpath_space *space)
{
	bool used;

	mutex_lock(&set->lock);
	used = set->run && set->run->space == space;
	if (used)
		set->run->users++;
	mutex_unlock(&set->lock);
	return used;
}
EXPORT_SYMBOL_NS_GPL(dpath_set_use, DIRECTPATH);

/* Why a set may not be started; takes it (busy) if it may. */
static int begin_start(struct dpath_set *set, struct dpath_space *space, char *why, size_t size)
{
	struct dpath_device *dev;
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	if (set->busy) {
		ret = -EAGAIN;
	} else if (!set->owned) {
		scnprintf(why, size, "set %d is not viable: a member still has a host driver", set->id);
		ret = -EPERM;
	} else if (set->changed) {
		scnprintf(why, size, "a function was added to set %d after its claim: release and claim it again", set->id);
		ret = -EPERM;
	} else if (set->vm != space->vm) {
		scnprintf(why, size, "set %d is attached to %s%s", set->id, set->vm ? "VM " : "no VM", set->vm ? set->vm->name : "");
		ret = -EPERM;
	} else if (!dpath_vm_running_locked(space->vm)) {
		scnprintf(why, size, "VM %s was closed meanwhile", space->vm->name);
		ret = -ENODEV;
	}
	if (ret)
		goto out;
	list_for_each_entry(dev, &set->devices, set_node) {
		if (dev->state == DIRECTPATH_STATE_RESERVED && dev->bound)
			continue;
		scnprintf(why, size, "%s is %s%s%s", dev->address, dpath_state_name(dev->state), dev->detail[0] ? ": " : "", dev->detail);
		ret = -EIO;
		goto out;
	}
	space->vm->opens++;	/* the run keeps it open, until end_run_locked() */
	WRITE_ONCE(set->busy, "start");
out:
	mutex_unlock(&dpath_table_lock);
	return ret;
}

/* A condition to wait for: no lock may be taken there; whoever acts on it looks again under dpath_table_lock. */
static bool set_busy(const struct dpath_set *set)
{
	return READ_ONCE(set->busy);
}

static bool has_orphan_locked(struct dpath_set *set, struct dpath_space *space)
{
	struct dpath_run *run;

	lockdep_assert_held(&set->lock);
	list_for_each_entry(run, &set->orphans, node)
		if (run->space == space)
			return true;
	return false;
}

static struct dpath_set *next_set(struct dpath_set *prev, struct dpath_vm *vm);

/* Every set that runs in a broken space loses its run; `kept' quarantines it, for nobody knows what its IOMMU tables still translate. */
static void break_space_work(struct work_struct *work)
{
	struct dpath_space *space = container_of(work, struct dpath_space, broken_work);
	struct dpath_run *spent;
	struct dpath_set *set = NULL;

	while ((set = next_set(set, space->vm))) {
		spent = NULL;
		mutex_lock(&set->lock);
		if (set->run && set->run->space == space) {
			set->kept = true;
			end_run_locked(set, "the IOMMU driver failed to unmap", &spent);
		}
		mutex_unlock(&set->lock);
		dpath_run_free(spent);
	}
	dpath_space_put(space);
	module_put(THIS_MODULE);
}

/* Called by whoever unmapped, in a map, unmap or attach: only queues. */
static void break_space(struct dpath_space *space)
{
	dpath_space_get(space);
	__module_get(THIS_MODULE);
	INIT_WORK(&space->broken_work, break_space_work);
	queue_work(dpath_wq, &space->broken_work);
}

/* set->lock held, set begun. */
static int start_run_locked(struct dpath_set *set, struct dpath_space *space, char *why, size_t size)
{
	struct dpath_device *dev, *first;
	const char *reason = NULL;
	struct dpath_run *run;
	int ret;

	lockdep_assert_held(&set->lock);
	run = kzalloc(sizeof(*run), GFP_KERNEL_ACCOUNT);
	if (!run)
		return -ENOMEM;
	first = list_first_entry(&set->devices, struct dpath_device, set_node);
	space->on_broken = break_space;
	ret = dpath_space_attach(space, set->group, first->pdev, &set->domain, &reason);
	if (ret) {
		scnprintf(why, size, "set %d cannot join the address space: %s", set->id, reason ?: "the IOMMU driver refused");
		kfree(run);
		return ret;
	}
	dpath_space_get(space);
	run->space = space;
	run->users = 1;
	WRITE_ONCE(set->run, run);

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node) {
		/* One that was bound by hand just now waits in `claiming'. */
		if (dev->state != DIRECTPATH_STATE_RESERVED)
			continue;
		dev->opens = 0;
		dev->runs++;
		dpath_device_set_state_locked(dev, DIRECTPATH_STATE_RUNNING, "opened by its VM");
	}
	mutex_unlock(&dpath_table_lock);
	return 0;
}

static int start_or_join(struct dpath_set *set, struct dpath_space *space, char *why, size_t size)
{
	int ret;

	mutex_lock(&set->lock);
	if (set->run) {
		ret = -EBUSY;
		if (set->run->space == space) {
			set->run->users++;
			ret = 0;
		} else {
			scnprintf(why, size, "set %d runs in another address space", set->id);
		}
		goto out;
	}
	if (has_orphan_locked(set, space)) {
		scnprintf(why, size, "fds of a run that was taken away are still open in this address space: close them first");
		ret = -EBUSY;
		goto out;
	}
	ret = begin_start(set, space, why, size);
	if (ret)
		goto out;
	ret = start_run_locked(set, space, why, size);
	if (ret)
		dpath_vm_close(space->vm);
	/* Not dpath_set_end(), which takes set->lock: a remove() that came meanwhile waits for that lock and ends the run. */
	mutex_lock(&dpath_table_lock);
	clear_busy_locked(set);
	mutex_unlock(&dpath_table_lock);
out:
	mutex_unlock(&set->lock);
	return ret;
}

int dpath_set_start(struct dpath_set *set, struct dpath_space *space, char *why, size_t size)
{
	unsigned long left = msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	long wait;
	int ret;

	for (;;) {
		ret = start_or_join(set, space, why, size);
		if (ret != -EAGAIN)
			return ret;
		wait = wait_event_killable_timeout(dpath_state_wait, !set_busy(set), left);
		if (wait < 0)
			return -EINTR;
		if (!wait) {
			scnprintf(why, size, "set %d is still being made ready", set->id);
			return -EBUSY;
		}
		left = wait;
	}
}
EXPORT_SYMBOL_NS_GPL(dpath_set_start, DIRECTPATH);

/* --- reset and verify --- */

/* Workers get device_lock by trylock only: remove() holds it and must not wait for us. */
static int reset_member(struct dpath_device *dev, const char **why)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	struct dpath_reset_policy policy;
	int ret;

	mutex_lock(&dpath_table_lock);
	policy = dev->policy;
	mutex_unlock(&dpath_table_lock);
	for (;;) {
		*why = NULL;
		ret = dpath_reset_function(&dev->reset, &policy, why);
		if (ret != -EAGAIN || time_after(jiffies, deadline))
			return ret;
		msleep(RETRY_MS);
	}
}

/* Members that have no reset of their own are reset together, if that touches nobody else. */
static int reset_together(struct dpath_device **devs, unsigned int nr, const char **why)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	struct dpath_reset **resets;
	unsigned int i;
	int ret;

	resets = kcalloc(nr, sizeof(*resets), GFP_KERNEL);
	if (!resets)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		resets[i] = &devs[i]->reset;
	do {
		*why = NULL;
		ret = dpath_reset_set(resets, nr, why);
		if (ret != -EAGAIN)
			break;
		msleep(RETRY_MS);
	} while (time_before(jiffies, deadline));
	kfree(resets);
	return ret;
}

static bool consents(struct dpath_device *dev)
{
	bool none;

	mutex_lock(&dpath_table_lock);
	none = dev->policy.consent_none;
	mutex_unlock(&dpath_table_lock);
	return none;
}

static bool set_resettable(struct dpath_device **devs, unsigned int nr)
{
	struct pci_dev **pdevs;
	bool possible;
	unsigned int i;

	pdevs = kcalloc(nr, sizeof(*pdevs), GFP_KERNEL);
	if (!pdevs)
		return false;
	for (i = 0; i < nr; i++)
		pdevs[i] = devs[i]->pdev;
	possible = dpath_reset_set_possible(pdevs, nr);
	kfree(pdevs);
	return possible;
}

/* One verdict per member: 0 clean, -ENODEV does not answer, else what is wrong with it. */
static int clean_member(struct dpath_device *dev, bool was_reset, char *text, size_t size)
{
	const char *why = NULL;
	int ret = 0;

	quiesce_member(dev);
	if (!was_reset)
		ret = reset_member(dev, &why);
	if (ret == -ENOTTY && consents(dev))
		ret = 0;
	if (ret) {
		scnprintf(text, size, "reset failed (%d): %s", ret, why ?: ret == -EAGAIN ? "the driver core kept it locked" : "no reason given");
		return ret;
	}
	return dpath_reset_verify(&dev->reset, text, size);
}

static void settle_member(struct dpath_set *set, struct dpath_device *dev, int ret, const char *text, const char *cause)
{
	enum directpath_state state;

	mutex_lock(&dpath_table_lock);
	if (dev->state != DIRECTPATH_STATE_RESETTING)
		goto out;	/* gone meanwhile */
	if (!ret && set->kept) {
		ret = -EIO;
		text = "the IOMMU driver did not let go of the last run's domain";
	}
	if (!ret)
		state = rest_state_locked(set);
	else if (ret == -ENODEV)
		state = DIRECTPATH_STATE_FAILED;
	else
		state = DIRECTPATH_STATE_QUARANTINED;
	strscpy(dev->detail, ret ? text : "", sizeof(dev->detail));
	dpath_device_set_state_locked(dev, state, ret ? text : cause);
out:
	mutex_unlock(&dpath_table_lock);
}

/* To resetting, all that wait for it; returns how many. */
static unsigned int enter_resetting(struct dpath_device **devs, unsigned int nr, const char *cause)
{
	unsigned int i, found = 0;

	mutex_lock(&dpath_table_lock);
	for (i = 0; i < nr; i++) {
		struct dpath_device *dev = devs[i];

		if (dev->unplugged || !dev->set) {
			continue;
		} else if (dpath_state_busy(dev->state)) {
			strscpy(dev->detail, "reset", sizeof(dev->detail));
			dpath_device_set_state_locked(dev, DIRECTPATH_STATE_RESETTING, cause);
		} else {
			continue;
		}
		swap(devs[i], devs[found]);
		found++;
	}
	mutex_unlock(&dpath_table_lock);
	return found;
}

int dpath_set_clean(struct dpath_set *set, const char *cause, char *why, size_t size)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	char text[128] = "";
	unsigned int nr, all, i;
	const char *reason;
	bool together;
	u8 method;
	int ret, first = 0;

	all = dpath_set_devices(set, devs);
	nr = enter_resetting(devs, all, cause);

	/* By its bus or slot only if some member has no other way and the whole set is in our hands. */
	together = false;
	if (nr && nr == all)
		for (i = 0; i < nr; i++)
			together |= !dpath_reset_methods(devs[i]->pdev, &method, 1) && !consents(devs[i]);
	if (together && set_resettable(devs, nr)) {
		for (i = 0; i < nr; i++)
			quiesce_member(devs[i]);
		together = !reset_together(devs, nr, &reason);
	} else {
		together = false;
	}

	for (i = 0; i < nr; i++) {
		text[0] = '\0';
		ret = clean_member(devs[i], together, text, sizeof(text));
		settle_member(set, devs[i], ret, text, cause);
		if (ret && !first) {
			first = ret;
			if (why)
				scnprintf(why, size, "%s: %s", devs[i]->address, text);
		}
	}
	dpath_set_put_devices(devs, all);
	return first;
}

/* What failed its reset is not the host's before it was recovered, or released by force. */
static bool stays(const struct dpath_device *dev)
{
	return dev->bound || (!dev->unplugged && (dev->state == DIRECTPATH_STATE_QUARANTINED || dev->state == DIRECTPATH_STATE_FAILED));
}

/* Out of the set first: until the state says `host', probe() refuses it. */
static void drop_member(struct dpath_set *set, struct dpath_device *dev)
{
	dpath_set_unlink(set, dev);
	dpath_driver_restore_override(dev);
	mutex_lock(&dpath_table_lock);
	if (dev->unplugged) {
		dpath_device_set_state_locked(dev, DIRECTPATH_STATE_GONE, "removed from the bus");
	} else {
		if (dev->state == DIRECTPATH_STATE_RESERVED)
			dpath_device_set_state_locked(dev, DIRECTPATH_STATE_READY, "its driver was unbound");
		dpath_device_set_state_locked(dev, DIRECTPATH_STATE_HOST, "its driver was unbound");
	}
	mutex_unlock(&dpath_table_lock);
}

/* A member that lost its driver meanwhile leaves the set: it is clean now. */
static void drop_unbound(struct dpath_set *set)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr, i;
	bool leaves;

	nr = dpath_set_devices(set, devs);
	for (i = 0; i < nr; i++) {
		mutex_lock(&dpath_table_lock);
		leaves = !stays(devs[i]);
		mutex_unlock(&dpath_table_lock);
		if (leaves)
			drop_member(set, devs[i]);
	}
	dpath_set_put_devices(devs, nr);
}

static bool has_unbound_locked(const struct dpath_set *set)
{
	const struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		if (!stays(dev))
			return true;
	return false;
}

/* A remove() has either been seen here, or finds the set idle: both look under dpath_table_lock. */
void dpath_set_end(struct dpath_set *set)
{
	bool again;

	do {
		drop_unbound(set);
		mutex_lock(&dpath_table_lock);
		again = has_unbound_locked(set);
		if (!again)
			clear_busy_locked(set);
		mutex_unlock(&dpath_table_lock);
	} while (again);
}

/* Members that were bound by hand while the set was busy, running or not all ours still wait to be taken over. */
static bool adoption_waits_locked(const struct dpath_set *set)
{
	struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_CLAIMING && dev->by_hand && dev->bound)
			return true;
	return false;
}

static void end_run_work(struct work_struct *work)
{
	struct dpath_set *set = container_of(work, struct dpath_set, end_work);

	dpath_set_clean(set, "end of the run", NULL, 0);
	dpath_set_end(set);
	dpath_set_queue_adopt(set);
	dpath_set_put(set);
	module_put(THIS_MODULE);
}

/* --- bound and unbound by hand --- */

void dpath_set_lose(struct dpath_set *set, struct dpath_device *dev)
{
	bool idle;

	dpath_set_revoke(set, dpath_reset_gone(dev->pdev) ? "unplugged" : "its driver was unbound");

	/* Whoever has the set busy ends by dropping what is unbound; an idle set is dropped here. */
	mutex_lock(&dpath_table_lock);
	idle = dpath_set_begin_locked(set, "remove");
	mutex_unlock(&dpath_table_lock);
	if (!idle)
		return;
	quiesce_member(dev);
	/* In a work: what is dropped gets its driver_override back, which on 6.1 takes the device_lock that our caller holds. */
	queue_end_work(set);
}

/* Is a member still on the bus? While set->lock is held it stays in the IOMMU group too: dpath_set_leave() takes that lock before it is removed. */
static bool has_present(struct dpath_set *set)
{
	struct dpath_device *dev;
	bool present = false;

	lockdep_assert_held(&set->lock);
	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		present |= !dev->unplugged;
	mutex_unlock(&dpath_table_lock);
	return present;
}

/*
 * A member leaves the bus; its driver has gone before. The IOMMU layer wants an empty group back, and warns (6.12) if it is still owned; the default
 * domain is live from here until the function is gone, with bus mastering off.
 */
void dpath_set_leave(struct dpath_set *set)
{
	bool idle;

	dpath_set_revoke(set, "unplugged");
	mutex_lock(&set->lock);
	if (set->owned && !has_present(set)) {
		dpath_group_disown(set->group);
		WRITE_ONCE(set->owned, false);
	}
	mutex_unlock(&set->lock);
	mutex_lock(&dpath_table_lock);
	idle = dpath_set_begin_locked(set, "remove");
	mutex_unlock(&dpath_table_lock);
	if (idle)
		dpath_set_end(set);
}

void dpath_set_queue_adopt(struct dpath_set *set)
{
	bool waits;

	mutex_lock(&dpath_table_lock);
	waits = adoption_waits_locked(set);
	mutex_unlock(&dpath_table_lock);
	if (!waits)
		return;
	/* Fails while the module is being unloaded: it gives everything back then. */
	if (!try_module_get(THIS_MODULE))
		return;
	dpath_set_get(set);
	if (!queue_work(dpath_wq, &set->adopt_work)) {
		module_put(THIS_MODULE);
		dpath_set_put(set);
	}
}

int dpath_set_adopt(struct dpath_device *dev)
{
	struct dpath_set *set;

	mutex_lock(&dpath_table_lock);
	set = dpath_set_obtain_locked(dev->pdev->dev.iommu_group);
	if (!set) {
		mutex_unlock(&dpath_table_lock);
		return -ENOMEM;
	}
	dpath_set_link_locked(set, dev);
	dpath_device_set_state_locked(dev, DIRECTPATH_STATE_CLAIMING, "bound by hand");
	mutex_unlock(&dpath_table_lock);

	/* A work, because the reset needs device_lock, which our caller holds. */
	dpath_set_queue_adopt(set);
	dpath_set_put(set);
	return 0;
}

/* A member of the group that neither is ours nor can do no DMA by itself; its address and driver are put into @text. */
static bool foreign_member(struct dpath_set *set, char *text, size_t size)
{
	struct dpath_members *members;
	bool foreign = false;
	char driver[32];
	unsigned int i;

	members = kzalloc(sizeof(*members), GFP_KERNEL);
	if (!members)
		return true;
	if (dpath_group_members(set->group, members)) {
		foreign = true;
		goto out;
	}
	for (i = 0; i < members->nr && !foreign; i++) {
		dpath_device_driver_name(members->pdev[i], driver, sizeof(driver));
		if (!driver[0] || dpath_driver_is_ours(members->pdev[i]) || members->pdev[i]->hdr_type != PCI_HEADER_TYPE_NORMAL)
			continue;
		scnprintf(text, size, "waits for %s to be unbound from %s", pci_name(members->pdev[i]), driver);
		foreign = true;
	}
	dpath_group_put_members(members);
out:
	kfree(members);
	return foreign;
}

int dpath_set_own(struct dpath_set *set)
{
	int ret = 0;

	mutex_lock(&set->lock);
	if (!has_present(set)) {
		ret = -ENODEV;
	} else if (!set->owned) {
		ret = dpath_group_own(set->group, set);
		if (!ret)
			WRITE_ONCE(set->owned, true);
	}
	mutex_unlock(&set->lock);
	return ret;
}

static void set_details(struct dpath_set *set, const char *text)
{
	struct dpath_device *dev;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_CLAIMING)
			strscpy(dev->detail, text, sizeof(dev->detail));
	mutex_unlock(&dpath_table_lock);
}

/* The fingerprint of a function that was just bound is what it shows before its first reset. */
static void take_fingerprints(struct dpath_set *set)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr, i;

	nr = dpath_set_devices(set, devs);
	for (i = 0; i < nr; i++)
		if (devs[i]->state == DIRECTPATH_STATE_CLAIMING)
			dpath_fingerprint_take(devs[i]->pdev, &devs[i]->reset.fingerprint);
	dpath_set_put_devices(devs, nr);
}

/* From `all bound' to `ready': own, quiesce, reset, compare; used by dev-claim and by binding by hand. The set is begun. */
int dpath_set_take_over(struct dpath_set *set, char *why, size_t size)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr, i;
	int ret;

	nr = dpath_set_devices(set, devs);
	for (i = 0; i < nr; i++)
		quiesce_member(devs[i]);
	dpath_set_put_devices(devs, nr);

	ret = dpath_set_own(set);
	if (ret) {
		scnprintf(why, size, "DMA of set %d is not handed over (%d): a member has a driver, or firmware reserves memory for it", set->id,
			  ret);
		return ret;
	}
	dpath_set_door_refresh_set(set);
	take_fingerprints(set);
	return dpath_set_clean(set, "claimed", why, size);
}

static void adopt_work(struct work_struct *work)
{
	struct dpath_set *set = container_of(work, struct dpath_set, adopt_work);
	char text[160] = "";
	bool waits, begun;

	wait_event_timeout(dpath_state_wait, !set_busy(set), msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms)));
	mutex_lock(&dpath_table_lock);
	waits = adoption_waits_locked(set);
	begun = waits && dpath_set_begin_locked(set, "claim");
	mutex_unlock(&dpath_table_lock);
	if (!begun) {
		set_details(set, "waits for the end of the run of its set");
		goto out;
	}
	if (foreign_member(set, text, sizeof(text)) || dpath_set_take_over(set, text, sizeof(text)))
		set_details(set, text);
	dpath_set_end(set);
out:
	dpath_set_put(set);
	module_put(THIS_MODULE);
}

static void show_set(struct dpath_set *set)
{
	kuid_t uid = GLOBAL_ROOT_UID;
	kgid_t gid = GLOBAL_ROOT_GID;
	bool linked;

	mutex_lock(&dpath_table_lock);
	linked = !list_empty(&set->node);
	if (set->vm) {
		uid = set->vm->uid;
		gid = set->vm->gid;
	}
	mutex_unlock(&dpath_table_lock);
	if (linked && door)
		door->added(set->id, uid, gid);
}

/* @renew: a file that was opened before reaches nothing any more, and keeps nobody out. */
static void show_again(struct dpath_set *set, bool renew)
{
	mutex_lock(&door_lock);
	if (renew && door)
		door->removed(set->id);
	show_set(set);
	mutex_unlock(&door_lock);
}

/* --- attachment --- */

int dpath_set_attach(struct dpath_set *set, struct dpath_vm *vm, char *why, size_t size)
{
	struct dpath_device *dev;
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	if (set->vm == vm)
		goto out;
	if (set->vm) {
		scnprintf(why, size, "set %d is attached to VM %s: vm detach it first", set->id, set->vm->name);
		ret = -EBUSY;
	} else if (vm->deleted) {
		scnprintf(why, size, "VM %s is being removed", vm->name);
		ret = -ENOENT;
	} else if (set->busy || set->changed) {
		scnprintf(why, size, "set %d is busy: %s", set->id, set->busy ?: "a function was added to it; release and claim it again");
		ret = -EBUSY;
	} else if (vm->limits.devices && vm->nr_devices + set->nr > vm->limits.devices) {
		scnprintf(why, size, "VM %s may have %u devices and has %u; the set has %u: raise max-devs", vm->name, vm->limits.devices,
			  vm->nr_devices, set->nr);
		ret = -EDQUOT;
	}
	if (ret)
		goto out;
	list_for_each_entry(dev, &set->devices, set_node) {
		if (dev->state == DIRECTPATH_STATE_READY)
			continue;
		scnprintf(why, size, "%s is %s%s%s", dev->address, dpath_state_name(dev->state), dev->detail[0] ? ": " : "", dev->detail);
		ret = dpath_state_busy(dev->state) ? -EBUSY : -EIO;
		goto out;
	}
	dpath_vm_get(vm);
	set->vm = vm;
	vm->nr_devices += set->nr;
	list_add_tail(&set->vm_node, &vm->sets);
	list_for_each_entry(dev, &set->devices, set_node)
		dpath_device_set_state_locked(dev, DIRECTPATH_STATE_RESERVED, "attached");
out:
	mutex_unlock(&dpath_table_lock);
	if (!ret)
		dpath_set_door_refresh_set(set);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dpath_set_attach, DIRECTPATH);

/* From @vm (NULL: from whichever it is), now; a member that is still being reset rests as ready afterwards. */
void dpath_set_detach_idle(struct dpath_set *set, const struct dpath_vm *vm)
{
	struct dpath_device *dev;
	bool renew;

	mutex_lock(&dpath_table_lock);
	if (vm && set->vm != vm) {
		mutex_unlock(&dpath_table_lock);
		return;
	}
	renew = set->vm && !set->vm->adhoc;
	detach_vm_locked(set);
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_RESERVED)
			dpath_device_set_state_locked(dev, DIRECTPATH_STATE_READY, "detached");
	mutex_unlock(&dpath_table_lock);
	show_again(set, renew);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_detach_idle, DIRECTPATH);

/* --- the door that shows sets --- */

void dpath_set_door_refresh_set(struct dpath_set *set)
{
	show_again(set, false);
}

static struct dpath_set *next_set(struct dpath_set *prev, struct dpath_vm *vm)
{
	struct dpath_set *set, *found = NULL;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(set, &dpath_sets, node) {
		if (set->id <= (prev ? prev->id : -1) || (vm && set->vm != vm))
			continue;
		if (!found || set->id < found->id)
			found = set;
	}
	if (found)
		dpath_set_get(found);
	mutex_unlock(&dpath_table_lock);
	if (prev)
		dpath_set_put(prev);
	return found;
}

void dpath_set_door_refresh(struct dpath_vm *vm)
{
	struct dpath_set *set = NULL;

	mutex_lock(&door_lock);
	while ((set = next_set(set, vm))) {
		if (door)
			door->removed(set->id);
		show_set(set);
	}
	mutex_unlock(&door_lock);
}

int dpath_set_door_register(const struct dpath_set_door *new)
{
	struct dpath_set *set = NULL;
	int ret = 0;

	mutex_lock(&door_lock);
	if (door) {
		ret = -EBUSY;
		goto out;
	}
	door = new;
	while ((set = next_set(set, NULL)))
		show_set(set);
out:
	mutex_unlock(&door_lock);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dpath_set_door_register, DIRECTPATH);

void dpath_set_door_unregister(const struct dpath_set_door *old)
{
	struct dpath_set *set = NULL;

	mutex_lock(&door_lock);
	if (door == old) {
		while ((set = next_set(set, NULL)))
			door->removed(set->id);
		door = NULL;
	}
	mutex_unlock(&door_lock);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_door_unregister, DIRECTPATH);
