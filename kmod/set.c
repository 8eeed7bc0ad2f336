// SPDX-License-Identifier: GPL-2.0
/*
 * The isolation set: its members, the VM it is attached to, and the door that shows it.
 *
 * Locks: set->lock for the run, the domain and the leases, held for bounded work only. dpath_table_lock (inside) for states, membership and
 * attachment. `busy', under dpath_table_lock, excludes the operations that take long (claim, release, reset, rebind) from each other; a set that is
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
#include "set_priv.h"
#include "space.h"
#include "state.h"
#include "vm.h"

LIST_HEAD(dpath_sets);

static DEFINE_MUTEX(door_lock);	/* protects door, serialises its calls; outside dpath_table_lock */
static const struct dpath_set_door *door;

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
EXPORT_SYMBOL_NS_GPL(dpath_set_get, "DIRECTPATH");

void dpath_set_put(struct dpath_set *set)
{
	kref_put(&set->ref, free_set);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_put, "DIRECTPATH");

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
EXPORT_SYMBOL_NS_GPL(dpath_set_lookup, "DIRECTPATH");

struct dpath_set *dpath_set_obtain_locked(struct iommu_group *group)
{
	struct dpath_set *set;

	lockdep_assert_held(&dpath_table_lock);
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
	INIT_WORK(&set->end_work, dpath_set_clean_work);
	INIT_WORK(&set->adopt_work, dpath_set_adopt_work);
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

bool dpath_set_steal_locked(struct dpath_set *set)
{
	lockdep_assert_held(&dpath_table_lock);
	if (!set->handed)
		return false;
	set->handed = NULL;
	return true;
}

void dpath_set_clear_busy_locked(struct dpath_set *set)
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
	struct dpath_set *heir;
	bool last, owned;

	mutex_lock(&set->lock);
	mutex_lock(&dpath_table_lock);
	if (dev->set != set) {
		mutex_unlock(&dpath_table_lock);
		mutex_unlock(&set->lock);
		return;
	}
	owned = set->nr == 1 && set->owned;
	if (owned)
		WRITE_ONCE(set->owned, false);
	mutex_unlock(&dpath_table_lock);

	/*
	 * While the function still names its set: whoever removes it waits for set->lock then, and for this. A function that the IOMMU layer lets go
	 * of in the middle of an attach takes the kernel down (intel_iommu_release_device(), 6.1).
	 */
	if (owned)
		dpath_group_disown(set->group);

	mutex_lock(&dpath_table_lock);
	if (set->vm)
		set->vm->nr_devices--;
	list_del_init(&dev->set_node);
	dev->set = NULL;
	set->nr--;
	/* One that was bound by hand meanwhile keeps the set, and has it owned again. */
	last = !set->nr;
	if (last) {
		detach_vm_locked(set);
		list_del_init(&set->node);
		set->changed = false;
	}
	mutex_unlock(&dpath_table_lock);
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
EXPORT_SYMBOL_NS_GPL(dpath_set_viable, "DIRECTPATH");

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
EXPORT_SYMBOL_NS_GPL(dpath_set_vm, "DIRECTPATH");

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
bool dpath_set_try_end_locked(struct dpath_set *set)
{
	lockdep_assert_held(&dpath_table_lock);
	if (has_unbound_locked(set))
		return false;
	dpath_set_clear_busy_locked(set);
	return true;
}

void dpath_set_end(struct dpath_set *set)
{
	bool ended;

	do {
		drop_unbound(set);
		mutex_lock(&dpath_table_lock);
		ended = dpath_set_try_end_locked(set);
		mutex_unlock(&dpath_table_lock);
	} while (!ended);
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
		ret = dpath_state_busy(dev->state) ? -EBUSY : dev->state == DIRECTPATH_STATE_DIRTY ? -EPERM : -EIO;
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
EXPORT_SYMBOL_NS_GPL(dpath_set_attach, "DIRECTPATH");

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
			dpath_device_rest_locked(dev, "detached");
	mutex_unlock(&dpath_table_lock);
	show_again(set, renew);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_detach_idle, "DIRECTPATH");

/* --- the door that shows sets --- */

void dpath_set_door_refresh_set(struct dpath_set *set)
{
	show_again(set, false);
}

struct dpath_set *dpath_set_next(struct dpath_set *prev, struct dpath_vm *vm)
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
	while ((set = dpath_set_next(set, vm))) {
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
	while ((set = dpath_set_next(set, NULL)))
		show_set(set);
out:
	mutex_unlock(&door_lock);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dpath_set_door_register, "DIRECTPATH");

void dpath_set_door_unregister(const struct dpath_set_door *old)
{
	struct dpath_set *set = NULL;

	mutex_lock(&door_lock);
	if (door == old) {
		while ((set = dpath_set_next(set, NULL)))
			door->removed(set->id);
		door = NULL;
	}
	mutex_unlock(&door_lock);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_door_unregister, "DIRECTPATH");
