// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/vfio/vfio: the container, which is one IOVA space of one VM (a VM may have several, see DESIGN.md 2).
 *
 * An open file is an empty container. SET_CONTAINER remembers groups; the first SET_IOMMU opens the VM that their sets are attached to for the
 * caller's mm, makes a space, and starts the sets in it. Groups that come later start at once. The last group that leaves ends the space and
 * closes the VM; the container is empty then and can be used again, as in VFIO. Hence: a container has a space only while it has groups.
 *
 * Sets that are attached to no VM run in the ad hoc VM of the process, where the host allows that: they are lent to it (attached) for the run. A
 * container never holds sets of two VMs.
 *
 * Starting a set may have to wait until its last run has been cleaned up. That is done with no lock of the container held: SET_IOMMU works on a
 * snapshot of the groups while `opening` keeps new ones out, and afterwards gives up what it started for groups that have left. So a group can be
 * closed at any time without waiting, and likewise a map that hangs in a page fault (it holds a reference to the space, not a lock) keeps nobody
 * from leaving.
 *
 * Locks: vgroup->lock, then container->rwsem, held for list work only, inside nothing of the core's.
 */

#define pr_fmt(fmt) "vfio: " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <uapi/linux/vfio.h>

#include "../host.h"
#include "../set.h"
#include "../space.h"
#include "../vm.h"
#include "container.h"
#include "group.h"

/* IOVA ranges that are asked for at first; a space has few. */
#define RANGES_GUESS 16

/**
 * struct dpath_container - one container
 * @ref: its file and each group in it
 * @rwsem: protects what follows, and container, space and lent of the groups in it
 * @groups: struct dpath_vgroup
 * @nr: how many
 * @opening: SET_IOMMU is at work
 * @vm: the VM, referenced, and opened once; NULL if there is no @space
 * @space: the space, referenced; NULL before SET_IOMMU
 */
struct dpath_container {
	struct kref ref;
	struct rw_semaphore rwsem;
	struct list_head groups;
	unsigned int nr;
	bool opening;
	struct dpath_vm *vm;
	struct dpath_space *space;
};

/**
 * struct joiner - one group that SET_IOMMU starts
 * @vgroup: referenced
 * @set: its set, referenced: the group may be closed meanwhile
 * @lent: attached to the ad hoc VM for this
 * @taken: the group is still there and has taken over the start
 */
struct joiner {
	struct dpath_vgroup *vgroup;
	struct dpath_set *set;
	bool lent;
	bool taken;
};

/**
 * struct opening - what SET_IOMMU has made so far
 * @vm: the VM, referenced and opened
 * @space: the new space
 * @nr: groups
 * @started: how many of them are started
 * @joiners: the groups
 */
struct opening {
	struct dpath_vm *vm;
	struct dpath_space *space;
	unsigned int nr;
	unsigned int started;
	struct joiner *joiners;
};

static void free_container(struct kref *ref)
{
	kfree(container_of(ref, struct dpath_container, ref));
}

/* --- one set in a space --- */

/* Attach a set to the ad hoc VM; waits until it has been cleaned up after its last run. */
static int lend_set(struct dpath_set *set, struct dpath_vm *vm, char *why, size_t size)
{
	long left = msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	bool busy;
	int ret;

	do {
		busy = READ_ONCE(set->busy);
		ret = dpath_set_attach(set, vm, why, size);
		if (ret != -EBUSY || !(busy || READ_ONCE(set->busy)))
			return ret;
		left = wait_event_killable_timeout(dpath_state_wait, !READ_ONCE(set->busy), left);
	} while (left > 0);
	return left ? -EINTR : -EBUSY;
}

static void leave_space(struct dpath_set *set, struct dpath_space *space, bool lent, const char *cause)
{
	dpath_set_stop(set, space, cause);
	if (lent)
		dpath_set_detach_idle(set, space->vm);
}

/* dpath_set_start() refuses a set that is attached to another VM than the space's, or to none. */
static int join_space(struct dpath_set *set, struct dpath_space *space, bool *lent)
{
	char why[128] = "";
	int ret = 0;

	*lent = space->vm->adhoc;
	if (*lent)
		ret = lend_set(set, space->vm, why, sizeof(why));
	if (ret)
		goto out;
	ret = dpath_set_start(set, space, why, sizeof(why));
	if (ret && *lent)
		dpath_set_detach_idle(set, space->vm);
out:
	/* The errno is all that a VMM can show; this is where its user finds out. */
	if (ret && why[0])
		pr_notice_ratelimited("%s[%d]: group %d: %s\n", current->comm, task_pid_nr(current), set->id, why);
	return ret;
}

static void close_space(struct dpath_space *space, struct dpath_vm *vm)
{
	dpath_space_put(space);
	dpath_vm_close(vm);
	dpath_vm_put(vm);
}

/* --- SET_IOMMU --- */

static int begin_opening(struct dpath_container *container, struct opening *opening)
{
	struct dpath_vgroup *vgroup;
	struct joiner *joiner;
	int ret = 0;

	down_write(&container->rwsem);
	if (!container->nr || container->space) {
		ret = -EINVAL;
		goto out;
	}
	if (container->opening) {
		ret = -EBUSY;
		goto out;
	}
	opening->joiners = kcalloc(container->nr, sizeof(*opening->joiners), GFP_KERNEL_ACCOUNT);
	if (!opening->joiners) {
		ret = -ENOMEM;
		goto out;
	}
	list_for_each_entry(vgroup, &container->groups, container_node) {
		joiner = &opening->joiners[opening->nr++];
		dpath_vgroup_get(vgroup);
		dpath_set_get(vgroup->set);
		joiner->vgroup = vgroup;
		joiner->set = vgroup->set;
	}
	container->opening = true;
out:
	up_write(&container->rwsem);
	return ret;
}

/* The VM that the set is attached to, or the ad hoc one, referenced and opened. */
static struct dpath_vm *open_vm(const struct joiner *joiner)
{
	struct dpath_vm *vm;
	bool adhoc;
	int ret;

	do {
		vm = dpath_set_vm(joiner->set);
		/* Asked after the VM: the group is made anew before its set can be given to another one. */
		if (READ_ONCE(joiner->vgroup->gone)) {
			if (vm)
				dpath_vm_put(vm);
			return ERR_PTR(-ENODEV);
		}
		if (!vm)
			vm = dpath_vm_adhoc();
		if (IS_ERR(vm))
			return vm;
		ret = dpath_vm_open(vm);
		if (!ret)
			return vm;
		adhoc = vm->adhoc;
		dpath_vm_put(vm);
		/* Another thread has closed the process's ad hoc VM, and so ended it, right now: there is a new one for the asking. */
	} while (adhoc && ret == -ENODEV && !fatal_signal_pending(current));
	return ERR_PTR(ret);
}

static int open_space(struct opening *opening)
{
	struct joiner *joiner;
	int ret;

	opening->vm = open_vm(&opening->joiners[0]);
	if (IS_ERR(opening->vm))
		return PTR_ERR(opening->vm);
	opening->space = dpath_space_new(opening->vm);
	if (IS_ERR(opening->space)) {
		ret = PTR_ERR(opening->space);
		goto err_close_vm;
	}
	while (opening->started < opening->nr) {
		joiner = &opening->joiners[opening->started];
		ret = join_space(joiner->set, opening->space, &joiner->lent);
		if (ret)
			goto err_leave_space;
		opening->started++;
	}
	return 0;

err_leave_space:
	while (opening->started--) {
		joiner = &opening->joiners[opening->started];
		leave_space(joiner->set, opening->space, joiner->lent, "could not start its whole container");
	}
	dpath_space_put(opening->space);
err_close_vm:
	dpath_vm_close(opening->vm);
	dpath_vm_put(opening->vm);
	return ret;
}

/* Hands space and starts over to the container and the groups that are still in it; none may have come. */
static bool publish_space_locked(struct dpath_container *container, struct opening *opening)
{
	struct dpath_vgroup *vgroup;
	struct joiner *joiner;
	unsigned int i;

	lockdep_assert_held_write(&container->rwsem);
	for (i = 0; i < opening->nr; i++) {
		joiner = &opening->joiners[i];
		vgroup = joiner->vgroup;
		if (vgroup->container != container)
			continue;
		dpath_space_get(opening->space);
		vgroup->space = opening->space;
		vgroup->lent = joiner->lent;
		joiner->taken = true;
	}
	if (list_empty(&container->groups))
		return false;
	container->space = opening->space;
	container->vm = opening->vm;
	return true;
}

static void end_opening(struct opening *opening)
{
	struct joiner *joiner;
	unsigned int i;

	for (i = 0; i < opening->nr; i++) {
		joiner = &opening->joiners[i];
		dpath_set_put(joiner->set);
		dpath_vgroup_put(joiner->vgroup);
	}
	kfree(opening->joiners);
}

static int set_iommu(struct dpath_container *container, unsigned long type)
{
	struct opening opening = {};
	bool published = false;
	unsigned int i;
	int ret;

	ret = begin_opening(container, &opening);
	if (ret)
		return ret;
	ret = type == VFIO_TYPE1_IOMMU || type == VFIO_TYPE1v2_IOMMU ? open_space(&opening) : -ENODEV;

	down_write(&container->rwsem);
	if (!ret)
		published = publish_space_locked(container, &opening);
	container->opening = false;
	up_write(&container->rwsem);

	if (!ret) {
		for (i = 0; i < opening.nr; i++)
			if (!opening.joiners[i].taken)
				leave_space(opening.joiners[i].set, opening.space, opening.joiners[i].lent, "closed");
		if (!published) {
			close_space(opening.space, opening.vm);
			ret = -ENODEV;
		}
	}
	end_opening(&opening);
	return ret;
}

/* --- groups come and go --- */

static void link_group_locked(struct dpath_container *container, struct dpath_vgroup *vgroup)
{
	lockdep_assert_held_write(&container->rwsem);
	kref_get(&container->ref);
	vgroup->container = container;
	list_add_tail(&vgroup->container_node, &container->groups);
	container->nr++;
}

/* An early no for what SET_IOMMU would refuse: VMMs try their containers one after the other. */
static bool same_vm_locked(struct dpath_container *container, struct dpath_set *set)
{
	struct dpath_vgroup *first;
	struct dpath_vm *theirs, *ours;

	lockdep_assert_held(&container->rwsem);
	if (!container->nr)
		return true;
	first = list_first_entry(&container->groups, struct dpath_vgroup, container_node);
	theirs = dpath_set_vm(first->set);
	ours = dpath_set_vm(set);
	if (theirs)
		dpath_vm_put(theirs);
	if (ours)
		dpath_vm_put(ours);
	return theirs == ours;
}

/* Into a container that has its space: @space is the caller's reference, which the group takes over. */
static int add_running(struct dpath_container *container, struct dpath_vgroup *vgroup, struct dpath_space *space)
{
	bool lent, same;
	int ret;

	ret = join_space(vgroup->set, space, &lent);
	down_write(&container->rwsem);
	same = container->space == space;
	if (!ret && same) {
		link_group_locked(container, vgroup);
		vgroup->space = space;
		vgroup->lent = lent;
	}
	up_write(&container->rwsem);
	if (!ret && same)
		return 0;

	if (!ret)
		leave_space(vgroup->set, space, lent, "its container was emptied meanwhile");
	dpath_space_put(space);
	return same ? ret : -EBUSY;
}

/**
 * dpath_container_add - put a group into a container
 * @container: the container
 * @vgroup: the group, which is in none
 *
 * Context: vgroup->lock is held. Waits, killable and bounded, for a set that is still being cleaned up if the container has its space.
 * Return: 0; -EPERM: not viable, or of another VM; -EBUSY: SET_IOMMU is at work in another thread, or the set runs elsewhere; -EINTR; -EIO.
 */
int dpath_container_add(struct dpath_container *container, struct dpath_vgroup *vgroup)
{
	struct dpath_space *space;
	int ret = 0;

	lockdep_assert_held(&vgroup->lock);
	if (READ_ONCE(vgroup->gone))
		return -ENODEV;
	if (!dpath_set_viable(vgroup->set))
		return -EPERM;

	down_write(&container->rwsem);
	space = container->space;
	if (space)
		dpath_space_get(space);
	else if (container->opening)
		ret = -EBUSY;
	else if (!same_vm_locked(container, vgroup->set))
		ret = -EPERM;
	else
		link_group_locked(container, vgroup);
	up_write(&container->rwsem);
	return space ? add_running(container, vgroup, space) : ret;
}

void dpath_container_remove(struct dpath_vgroup *vgroup, const char *cause)
{
	struct dpath_container *container = vgroup->container;
	struct dpath_space *space, *last = NULL;
	struct dpath_vm *vm = NULL;
	bool lent;

	lockdep_assert_held(&vgroup->lock);
	down_write(&container->rwsem);
	list_del_init(&vgroup->container_node);
	container->nr--;
	vgroup->container = NULL;
	space = vgroup->space;
	vgroup->space = NULL;
	lent = vgroup->lent;
	vgroup->lent = false;
	if (!container->nr) {
		swap(last, container->space);
		swap(vm, container->vm);
	}
	up_write(&container->rwsem);

	if (space) {
		leave_space(vgroup->set, space, lent, cause);
		dpath_space_put(space);
	}
	if (last)
		close_space(last, vm);
	kref_put(&container->ref, free_container);
}

struct dpath_space *dpath_container_space(struct dpath_vgroup *vgroup)
{
	struct dpath_space *space;

	lockdep_assert_held(&vgroup->lock);
	if (!vgroup->container)
		return NULL;
	down_read(&vgroup->container->rwsem);
	space = vgroup->space;
	if (space)
		dpath_space_get(space);
	up_read(&vgroup->container->rwsem);
	return space;
}

/* --- the IOMMU ioctls --- */

static struct dpath_space *get_space(struct dpath_container *container)
{
	struct dpath_space *space;

	down_read(&container->rwsem);
	space = container->space;
	if (space)
		dpath_space_get(space);
	up_read(&container->rwsem);
	return space;
}

/* Before and after the groups. Not offered: no-IOMMU mode, nesting, sPAPR, UPDATE_VADDR (kernel-facts 4.14 says why). */
static int check_extension(struct dpath_container *container, unsigned long extension)
{
	struct dpath_space_info info = {};
	struct dpath_space *space;

	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return 1;
	case VFIO_DMA_CC_IOMMU:
		space = get_space(container);
		if (!space)
			return 0;
		dpath_space_info(space, &info);
		dpath_space_put(space);
		return info.coherent;
	default:
		return 0;
	}
}

/* The chain of capabilities: how many maps there may be (no limit but the VM's quota), and which IOVAs. Offsets count from the start of the info. */
static void *build_caps(struct dpath_space *space, size_t *size)
{
	size_t avail_size = ALIGN(sizeof(struct vfio_iommu_type1_info_dma_avail), sizeof(u64));
	struct vfio_iommu_type1_info_cap_iova_range *range;
	struct vfio_iommu_type1_info_dma_avail *avail;
	unsigned int max = RANGES_GUESS, nr, i;
	u64 (*ranges)[2];
	void *caps;

	for (;;) {
		ranges = kcalloc(max, sizeof(*ranges), GFP_KERNEL_ACCOUNT);
		if (!ranges)
			return ERR_PTR(-ENOMEM);
		nr = dpath_space_ranges(space, ranges, max);
		if (nr <= max)
			break;
		kfree(ranges);
		max = nr;
	}

	*size = avail_size + struct_size(range, iova_ranges, nr);
	caps = kzalloc(*size, GFP_KERNEL_ACCOUNT);
	if (!caps) {
		kfree(ranges);
		return ERR_PTR(-ENOMEM);
	}
	avail = caps;
	avail->header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
	avail->header.version = 1;
	avail->header.next = sizeof(struct vfio_iommu_type1_info) + avail_size;
	avail->avail = U32_MAX;
	range = caps + avail_size;
	range->header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	range->header.version = 1;
	range->nr_iovas = nr;
	for (i = 0; i < nr; i++) {
		range->iova_ranges[i].start = ranges[i][0];
		range->iova_ranges[i].end = ranges[i][1];
	}
	kfree(ranges);
	return caps;
}

static int get_info(struct dpath_space *space, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
	struct vfio_iommu_type1_info info = {};
	struct dpath_space_info space_info;
	size_t size, shown;
	void *caps;
	int ret = 0;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	caps = build_caps(space, &size);
	if (IS_ERR(caps))
		return PTR_ERR(caps);

	dpath_space_info(space, &space_info);
	shown = min_t(size_t, info.argsz, sizeof(info));
	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info.iova_pgsizes = space_info.pgsizes;
	if (info.argsz < sizeof(info) + size) {
		info.argsz = sizeof(info) + size;
	} else {
		info.cap_offset = sizeof(info);
		if (copy_to_user(arg + sizeof(info), caps, size))
			ret = -EFAULT;
	}
	kfree(caps);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, shown) ? -EFAULT : 0;
}

/* What type1 says where the core is more exact: wrapped around, outside the aperture, reserved. */
static int type1_errno(int ret)
{
	return ret == -EOVERFLOW || ret == -ERANGE || ret == -EPERM ? -EINVAL : ret;
}

static int map_dma(struct dpath_space *space, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_dma_map, size);
	struct vfio_iommu_type1_dma_map map;
	const char *why = NULL;
	int ret, prot = 0;

	if (copy_from_user(&map, arg, minsz))
		return -EFAULT;
	if (map.argsz < minsz || map.flags & ~(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE))
		return -EINVAL;
	if (map.flags & VFIO_DMA_MAP_FLAG_READ)
		prot |= IOMMU_READ;
	if (map.flags & VFIO_DMA_MAP_FLAG_WRITE)
		prot |= IOMMU_WRITE;
	if (!prot || map.vaddr != (unsigned long)map.vaddr)
		return -EINVAL;
	ret = dpath_space_map(space, map.vaddr, map.iova, map.size, prot, &why);
	/* DPDK takes `already mapped' for success. */
	if (ret && ret != -EEXIST && why)
		pr_notice_ratelimited("%s[%d]: map of %llu bytes: %s\n", current->comm, task_pid_nr(current), map.size, why);
	return type1_errno(ret);
}

/*
 * The rules are those of type1 v2 for both versions: whole mappings only. Version 1 of old let an unmap that covers the start of a mapping take it
 * all and one that does not take nothing, both with success; its users (DPDK) unmap exactly what they mapped and compare the size that comes back,
 * which is the same under either. There is no dirty tracking, so asking for its bitmap is an error, as it is in VFIO before tracking was started.
 */
static int unmap_dma(struct dpath_space *space, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_dma_unmap, size);
	struct vfio_iommu_type1_dma_unmap unmap;
	u64 unmapped = 0;
	int ret = 0;

	if (copy_from_user(&unmap, arg, minsz))
		return -EFAULT;
	if (unmap.argsz < minsz || unmap.flags & ~VFIO_DMA_UNMAP_FLAG_ALL)
		return -EINVAL;
	if (unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		if (unmap.iova || unmap.size)
			return -EINVAL;
		dpath_space_unmap_all(space, &unmapped);
	} else {
		if (!unmap.size || !PAGE_ALIGNED(unmap.iova) || !PAGE_ALIGNED(unmap.size))
			return -EINVAL;
		ret = dpath_space_unmap(space, unmap.iova, unmap.size, &unmapped);
	}
	if (ret)
		return type1_errno(ret);
	unmap.size = unmapped;
	return copy_to_user(arg, &unmap, minsz) ? -EFAULT : 0;
}

static int iommu_ioctl(struct dpath_container *container, unsigned int cmd, void __user *arg)
{
	struct dpath_space *space;
	int ret;

	/* VFIO has nobody to ask before SET_IOMMU. */
	space = get_space(container);
	if (!space)
		return -EINVAL;
	switch (cmd) {
	case VFIO_IOMMU_GET_INFO:
		ret = get_info(space, arg);
		break;
	case VFIO_IOMMU_MAP_DMA:
		ret = map_dma(space, arg);
		break;
	case VFIO_IOMMU_UNMAP_DMA:
		ret = unmap_dma(space, arg);
		break;
	default:
		ret = -ENOTTY;
	}
	dpath_space_put(space);
	return ret;
}

/* --- the file --- */

static long container_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct dpath_container *container = file->private_data;

	switch (cmd) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return check_extension(container, arg);
	case VFIO_SET_IOMMU:
		return set_iommu(container, arg);
	default:
		return iommu_ioctl(container, cmd, (void __user *)arg);
	}
}

static int container_open(struct inode *inode, struct file *file)
{
	struct dpath_container *container;

	container = kzalloc(sizeof(*container), GFP_KERNEL_ACCOUNT);
	if (!container)
		return -ENOMEM;
	kref_init(&container->ref);
	init_rwsem(&container->rwsem);
	INIT_LIST_HEAD(&container->groups);
	file->private_data = container;
	return 0;
}

/* The groups in it live on, and so does the space. */
static int container_release(struct inode *inode, struct file *file)
{
	struct dpath_container *container = file->private_data;

	kref_put(&container->ref, free_container);
	return 0;
}

static const struct file_operations container_fops = {
	.owner = THIS_MODULE,
	.open = container_open,
	.release = container_release,
	.unlocked_ioctl = container_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

struct dpath_container *dpath_container_from_file(struct file *file)
{
	return file->f_op == &container_fops ? file->private_data : NULL;
}

static struct miscdevice container_misc = {
	.minor = VFIO_MINOR,
	.name = "vfio",
	.fops = &container_fops,
	.nodename = "vfio/vfio",
	.mode = 0666,
};

int dpath_container_module_init(void)
{
	return misc_register(&container_misc);
}

void dpath_container_module_exit(void)
{
	misc_deregister(&container_misc);
}

MODULE_ALIAS_MISCDEV(VFIO_MINOR);
MODULE_ALIAS("devname:vfio/vfio");
