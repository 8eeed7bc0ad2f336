// SPDX-License-Identifier: GPL-2.0
/*
 * The device fd: the VFIO device uAPI (linux/vfio.h) over one lease, whichever door opened it.
 *
 * A file has one lease for its whole life. When the lease is dead, every call that could reach or describe the function fails with -ENODEV (BAR
 * mappings show scratch, see mmio.c), whoever has the function by then: nothing here looks at the device without going through the engines of
 * the lease, each of which has its own `dead` flag. The test at the entry of a call is therefore only for the errno; a lease that dies right after it
 * is caught by the engine. Closing the last reference closes the lease; an ioctl holds the file, so there is none under way then.
 *
 * User memory is copied to and from bounce buffers on the stack with no lock held. A long read or write is done in chunks that end at multiples of
 * BOUNCE in the region, so that no naturally aligned access is split, and a signal that kills the caller ends it between two chunks.
 *
 * A file opened through a VFIO group also holds the group's file, which keeps the group in its container (in VFIO too the group outlives its
 * devices), and is counted there, so that the group can refuse to leave.
 *
 * Locks: group_test_lock around the one pointer; none otherwise.
 */

#include <linux/anon_inodes.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/directpath.h>
#include <uapi/linux/vfio.h>

#include "device.h"
#include "device_fd.h"
#include "group.h"
#include "host.h"
#include "hotreset.h"
#include "lease.h"
#include "peer.h"
#include "reset.h"
#include "set.h"
#include "space.h"

/* Region N starts at N << 40 of the fd; DPDK has that number built in. */
#define REGION_SHIFT 40
#define REGION_MASK (BIT_ULL(REGION_SHIFT) - 1)
#define REGION_PGSHIFT (REGION_SHIFT - PAGE_SHIFT)

#define BOUNCE 256

/* No BAR has this number: the function has no MSI-X table. */
#define NO_BAR 0xff

static DEFINE_MUTEX(group_test_lock); /* protects group_test */
static struct dpath_set *(*group_test)(struct file *file);

/**
 * struct device_file - one device fd
 * @lease: what it reaches
 * @keep: file of the group that it was opened through, or NULL
 * @nr: in @keep: how many device fds the group has
 * @msix_bar: BAR with the MSI-X table, or NO_BAR
 */
struct device_file {
	struct dpath_lease *lease;
	struct file *keep;
	atomic_t *nr;
	u8 msix_bar;
};

/**
 * struct target - where a read or write goes
 * @index: VFIO_PCI_*_REGION_INDEX
 * @offset: in the region
 * @count: bytes, cut at the end of the region
 */
struct target {
	unsigned int index;
	u64 offset;
	size_t count;
};

/* --- information --- */

static u64 region_size(const struct dpath_lease *lease, unsigned int index)
{
	if (index <= VFIO_PCI_ROM_REGION_INDEX)
		return lease->mmio.bars[index].size;
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return lease->config.size;
	return dpath_mmio_vga_size(&lease->mmio);
}

static int get_info(struct device_file *df, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info = {};
	u8 method;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	info.flags = VFIO_DEVICE_FLAGS_PCI;
	if (dpath_reset_methods(df->lease->dev->pdev, &method, 1) > 0)
		info.flags |= VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, min_t(size_t, info.argsz, sizeof(info))) ? -EFAULT : 0;
}

/* VFIO_REGION_INFO_FLAG_* of a region that exists. */
static u32 region_flags(const struct device_file *df, unsigned int index)
{
	u32 flags = VFIO_REGION_INFO_FLAG_READ;

	if (index == VFIO_PCI_ROM_REGION_INDEX)
		return flags;
	flags |= VFIO_REGION_INFO_FLAG_WRITE;
	if (index < VFIO_PCI_ROM_REGION_INDEX && df->lease->mmio.bars[index].mmapable) {
		flags |= VFIO_REGION_INFO_FLAG_MMAP;
		/* Interrupt remapping makes the table harmless: the whole BAR may be mapped, its pages included. */
		if (index == df->msix_bar)
			flags |= VFIO_REGION_INFO_FLAG_CAPS;
	}
	return flags;
}

static int get_region_info(struct device_file *df, void __user *arg)
{
	static const struct vfio_info_cap_header msix_cap = {
		.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
		.version = 1,
	};
	size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	/* The last index is VGA, which is unknown where there is none. */
	if (info.index == VFIO_PCI_VGA_REGION_INDEX && !dpath_mmio_vga_size(&df->lease->mmio))
		return -EINVAL;

	info.index = array_index_nospec(info.index, VFIO_PCI_NUM_REGIONS);
	info.offset = (u64)info.index << REGION_SHIFT;
	info.size = region_size(df->lease, info.index);
	info.flags = info.size ? region_flags(df, info.index) : 0;
	info.cap_offset = 0;
	if (info.flags & VFIO_REGION_INFO_FLAG_CAPS) {
		if (info.argsz < sizeof(info) + sizeof(msix_cap)) {
			info.argsz = sizeof(info) + sizeof(msix_cap);
		} else {
			if (copy_to_user(arg + sizeof(info), &msix_cap, sizeof(msix_cap)))
				return -EFAULT;
			info.cap_offset = sizeof(info);
		}
	}
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static int get_irq_info(struct device_file *df, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = dpath_irqs_info(&df->lease->irqs, info.index, &info.count, &info.flags);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* --- interrupts --- */

/* Size of the payload, or -EINVAL. DPDK gives a larger argsz than needed. */
static ssize_t irq_set_payload(struct device_file *df, const struct vfio_irq_set *hdr, size_t minsz)
{
	size_t width, size;
	u32 max, flags, last;

	if (hdr->argsz < minsz || hdr->flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -EINVAL;
	if (dpath_irqs_info(&df->lease->irqs, hdr->index, &max, &flags))
		return -EINVAL;
	if (check_add_overflow(hdr->start, hdr->count, &last) || hdr->start >= max || last > max)
		return -EINVAL;

	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		width = sizeof(u8);
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		width = sizeof(s32);
		break;
	default:
		return -EINVAL;
	}
	if (check_mul_overflow(width, (size_t)hdr->count, &size) || hdr->argsz - minsz < size)
		return -EINVAL;
	return size;
}

static int set_irqs(struct device_file *df, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_set hdr;
	void *data = NULL;
	ssize_t size;
	int ret;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	size = irq_set_payload(df, &hdr, minsz);
	if (size < 0)
		return size;
	/* Bounded by the size of the MSI-X table: 8 KiB. */
	if (size) {
		data = memdup_user(arg + minsz, size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	ret = dpath_irqs_set(&df->lease->irqs, hdr.flags, hdr.index, hdr.start, hdr.count, data);
	kfree(data);
	return ret;
}

/* --- resets --- */

static int reset_function(struct device_file *df, void __user *arg)
{
	return dpath_lease_reset(df->lease);
}

/* Bus and slot resets reach what else is behind the port: the caller gets to know who that is, and decides. */
static int hot_reset_devices(struct device_file *df, struct pci_dev **pdevs)
{
	int nr = dpath_reset_affected(df->lease->dev->pdev, pdevs, DPATH_SET_MAX);

	return nr < 0 ? -ENODEV : nr;
}

static void put_hot_reset_devices(struct pci_dev **pdevs, unsigned int nr)
{
	while (nr--)
		pci_dev_put(pdevs[nr]);
}

static int copy_hot_reset_devices(struct pci_dev **pdevs, unsigned int nr, struct vfio_pci_dependent_device __user *to)
{
	struct vfio_pci_dependent_device info;
	struct iommu_group *group;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		group = iommu_group_get(&pdevs[i]->dev);
		if (!group)
			return -EPERM;	/* nobody could ever own it */
		memset(&info, 0, sizeof(info));
		info.group_id = iommu_group_id(group);
		iommu_group_put(group);
		info.segment = pci_domain_nr(pdevs[i]->bus);
		info.bus = pdevs[i]->bus->number;
		info.devfn = pdevs[i]->devfn;
		if (copy_to_user(&to[i], &info, sizeof(info)))
			return -EFAULT;
	}
	return 0;
}

static int get_hot_reset_info(struct device_file *df, void __user *arg)
{
	struct vfio_pci_hot_reset_info __user *user = arg;
	size_t minsz = offsetofend(struct vfio_pci_hot_reset_info, count);
	struct vfio_pci_hot_reset_info hdr;
	struct pci_dev *pdevs[DPATH_SET_MAX];
	int nr, ret;

	if (copy_from_user(&hdr, user, minsz))
		return -EFAULT;
	if (hdr.argsz < minsz)
		return -EINVAL;
	nr = hot_reset_devices(df, pdevs);
	if (nr < 0)
		return nr;

	hdr.flags = 0;
	hdr.count = nr;
	if (nr > (hdr.argsz - minsz) / sizeof(struct vfio_pci_dependent_device))
		ret = -ENOSPC;
	else
		ret = copy_hot_reset_devices(pdevs, nr, user->devices);
	put_hot_reset_devices(pdevs, nr);
	/* The count tells the caller how much room it needs. */
	if ((!ret || ret == -ENOSPC) && copy_to_user(user, &hdr, minsz))
		return -EFAULT;
	return ret;
}

/* The set that @file proves the ownership of, referenced; ERR_PTR(-EINVAL) if it is no group file. */
static struct dpath_set *proven_set(struct file *file)
{
	struct dpath_set *set = NULL;

	mutex_lock(&group_test_lock);
	if (group_test)
		set = group_test(file);
	if (set)
		dpath_set_get(set);
	mutex_unlock(&group_test_lock);
	return set ?: ERR_PTR(-EINVAL);
}

/* References to the sets of @count group fds; *@nr counts those that were taken, on failure too. */
static int read_group_fds(const s32 __user *fds, u32 count, struct dpath_set **sets, unsigned int *nr)
{
	struct dpath_set *set;
	struct file *file;
	s32 fd;

	for (*nr = 0; *nr < count; (*nr)++) {
		if (get_user(fd, &fds[*nr]))
			return -EFAULT;
		file = fget(fd);
		if (!file)
			return -EBADF;
		set = proven_set(file);
		fput(file);
		if (IS_ERR(set))
			return PTR_ERR(set);
		sets[*nr] = set;
	}
	return 0;
}

/* More fds than functions prove nothing. */
static int check_group_count(struct device_file *df, u32 count)
{
	struct pci_dev *pdevs[DPATH_SET_MAX];
	int nr;

	nr = hot_reset_devices(df, pdevs);
	if (nr < 0)
		return nr;
	put_hot_reset_devices(pdevs, nr);
	return count > nr ? -EINVAL : 0;
}

static int hot_reset(struct device_file *df, void __user *arg)
{
	struct vfio_pci_hot_reset __user *user = arg;
	size_t minsz = offsetofend(struct vfio_pci_hot_reset, count);
	struct dpath_set *sets[DPATH_SET_MAX];
	struct vfio_pci_hot_reset hdr;
	unsigned int nr;
	int ret;

	if (copy_from_user(&hdr, user, minsz))
		return -EFAULT;
	if (hdr.argsz < minsz || hdr.flags)
		return -EINVAL;
	/* An fd that no group stands behind is proof enough by itself, as VFIO's own device nodes are; then there is no group to name. */
	if (!hdr.count != !df->keep)
		return -EINVAL;
	ret = check_group_count(df, hdr.count);
	if (ret)
		return ret;
	if (!df->keep)
		return dpath_hotreset(df->lease, NULL, 0);
	ret = read_group_fds(user->group_fds, hdr.count, sets, &nr);
	if (!ret)
		ret = dpath_hotreset(df->lease, sets, nr);
	while (nr--)
		dpath_set_put(sets[nr]);
	return ret;
}

/* --- the rest of the ioctls --- */

/* None yet: what VFIO answers for a feature that a device does not have, PROBE included. */
static int device_feature(struct device_file *df, void __user *arg)
{
	u32 known = VFIO_DEVICE_FEATURE_MASK | VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PROBE;
	size_t minsz = offsetofend(struct vfio_device_feature, flags);
	struct vfio_device_feature feature;

	if (copy_from_user(&feature, arg, minsz))
		return -EFAULT;
	if (feature.argsz < minsz || feature.flags & ~known)
		return -EINVAL;
	if (!(feature.flags & VFIO_DEVICE_FEATURE_PROBE) && feature.flags & VFIO_DEVICE_FEATURE_GET && feature.flags & VFIO_DEVICE_FEATURE_SET)
		return -EINVAL;
	return -ENOTTY;
}

static int set_doorbell(struct device_file *df, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_device_ioeventfd, fd);
	struct vfio_device_ioeventfd bell;
	u32 width;
	u64 index;

	if (copy_from_user(&bell, arg, minsz))
		return -EFAULT;
	width = bell.flags & VFIO_DEVICE_IOEVENTFD_SIZE_MASK;
	if (bell.argsz < minsz || bell.flags & ~VFIO_DEVICE_IOEVENTFD_SIZE_MASK || !is_power_of_2(width))
		return -EINVAL;
	index = bell.offset >> REGION_SHIFT;
	if (index >= VFIO_PCI_ROM_REGION_INDEX)
		return -EINVAL;
	index = array_index_nospec(index, VFIO_PCI_ROM_REGION_INDEX);
	return dpath_mmio_set_doorbell(&df->lease->mmio, index, bell.offset & REGION_MASK, width, bell.data, bell.fd);
}

/* One of ours among VFIO's: size first. */
static int set_bar(struct device_file *df, void __user *arg)
{
	struct directpath_set_bar cmd;
	u32 size;
	int ret;

	if (get_user(size, (u32 __user *)arg))
		return -EFAULT;
	if (size < offsetofend(struct directpath_set_bar, __reserved))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&cmd, sizeof(cmd), arg, size);
	if (ret)
		return ret;
	if (cmd.flags & ~DIRECTPATH_BAR_WC || cmd.__reserved)
		return -EOPNOTSUPP;
	if (cmd.index >= VFIO_PCI_ROM_REGION_INDEX)
		return -EINVAL;
	cmd.index = array_index_nospec(cmd.index, VFIO_PCI_ROM_REGION_INDEX);
	return dpath_mmio_set_wc(&df->lease->mmio, cmd.index, cmd.flags & DIRECTPATH_BAR_WC);
}

static const struct {
	unsigned int cmd;
	int (*fn)(struct device_file *df, void __user *arg);
} device_ops[] = {
	{ VFIO_DEVICE_SET_IRQS, set_irqs },
	{ VFIO_DEVICE_GET_INFO, get_info },
	{ VFIO_DEVICE_GET_REGION_INFO, get_region_info },
	{ VFIO_DEVICE_GET_IRQ_INFO, get_irq_info },
	{ VFIO_DEVICE_RESET, reset_function },
	{ VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, get_hot_reset_info },
	{ VFIO_DEVICE_PCI_HOT_RESET, hot_reset },
	{ VFIO_DEVICE_IOEVENTFD, set_doorbell },
	{ VFIO_DEVICE_FEATURE, device_feature },
	{ DIRECTPATH_DEVICE_SET_BAR, set_bar },
};

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct device_file *df = file->private_data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(device_ops); i++) {
		if (device_ops[i].cmd != cmd)
			continue;
		if (!dpath_lease_alive(df->lease))
			return -ENODEV;
		return device_ops[i].fn(df, (void __user *)arg);
	}
	return -ENOTTY;
}

/* --- access to regions --- */

static int locate(const struct device_file *df, loff_t pos, size_t count, bool write, struct target *target)
{
	u64 index = (u64)pos >> REGION_SHIFT;
	u64 size;

	if (!dpath_lease_alive(df->lease))
		return -ENODEV;
	if (index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	target->index = array_index_nospec(index, VFIO_PCI_NUM_REGIONS);
	target->offset = pos & REGION_MASK;
	if (write && target->index == VFIO_PCI_ROM_REGION_INDEX)
		return -EINVAL;
	size = region_size(df->lease, target->index);
	if (target->offset >= size)
		return -EINVAL;
	target->count = min_t(u64, count, size - target->offset);
	return 0;
}

static size_t chunk_size(const struct target *target, size_t done, size_t bounce)
{
	size_t room = bounce - (target->offset + done) % bounce;

	return min(room, target->count - done);
}

static ssize_t read_chunk(struct dpath_lease *lease, const struct target *target, size_t done, void *buf, size_t size)
{
	u64 offset = target->offset + done;

	if (target->index == VFIO_PCI_CONFIG_REGION_INDEX)
		return dpath_config_read(&lease->config, offset, buf, size);
	if (target->index == VFIO_PCI_VGA_REGION_INDEX)
		return dpath_mmio_vga(&lease->mmio, offset, buf, size, false);
	return dpath_mmio_read(&lease->mmio, target->index, offset, buf, size);
}

static ssize_t write_chunk(struct dpath_lease *lease, const struct target *target, size_t done, void *buf, size_t size)
{
	u64 offset = target->offset + done;

	if (target->index == VFIO_PCI_CONFIG_REGION_INDEX)
		return dpath_config_write(&lease->config, offset, buf, size);
	if (target->index == VFIO_PCI_VGA_REGION_INDEX)
		return dpath_mmio_vga(&lease->mmio, offset, buf, size, true);
	return dpath_mmio_write(&lease->mmio, target->index, offset, buf, size);
}

/* By way of @buf, of @bounce bytes, a power of two; bytes read, or -errno if there are none. */
static ssize_t read_region(struct dpath_lease *lease, const struct target *target, char __user *to, void *buf, size_t bounce)
{
	size_t done = 0;
	ssize_t ret = 0;

	while (done < target->count) {
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		ret = read_chunk(lease, target, done, buf, chunk_size(target, done, bounce));
		if (ret <= 0)
			break;
		if (copy_to_user(to + done, buf, ret)) {
			ret = -EFAULT;
			break;
		}
		done += ret;
		cond_resched();
	}
	return done ?: ret;
}

static ssize_t write_region(struct dpath_lease *lease, const struct target *target, const char __user *from, void *buf, size_t bounce)
{
	size_t done = 0, size;
	ssize_t ret = 0;

	while (done < target->count) {
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		size = chunk_size(target, done, bounce);
		if (copy_from_user(buf, from + done, size)) {
			ret = -EFAULT;
			break;
		}
		ret = write_chunk(lease, target, done, buf, size);
		if (ret <= 0)
			break;
		done += ret;
		cond_resched();
	}
	return done ?: ret;
}

/* In a frame of their own: kernels clear what is on the stack (CONFIG_INIT_STACK_ALL_ZERO), and almost all accesses are to one register. */
static noinline_for_stack ssize_t read_long(struct dpath_lease *lease, const struct target *target, char __user *to)
{
	u8 buf[BOUNCE] __aligned(8);

	return read_region(lease, target, to, buf, sizeof(buf));
}

static noinline_for_stack ssize_t write_long(struct dpath_lease *lease, const struct target *target, const char __user *from)
{
	u8 buf[BOUNCE] __aligned(8);

	return write_region(lease, target, from, buf, sizeof(buf));
}

static ssize_t device_read(struct file *file, char __user *to, size_t count, loff_t *ppos)
{
	struct device_file *df = file->private_data;
	struct target target;
	u64 word;
	ssize_t ret;

	ret = locate(df, *ppos, count, false, &target);
	if (ret)
		return ret;
	if (target.count <= sizeof(word))
		ret = read_region(df->lease, &target, to, &word, sizeof(word));
	else
		ret = read_long(df->lease, &target, to);
	if (ret > 0)
		*ppos += ret;
	return ret;
}

static ssize_t device_write(struct file *file, const char __user *from, size_t count, loff_t *ppos)
{
	struct device_file *df = file->private_data;
	struct target target;
	u64 word;
	ssize_t ret;

	ret = locate(df, *ppos, count, true, &target);
	if (ret)
		return ret;
	if (target.count <= sizeof(word))
		ret = write_region(df->lease, &target, from, &word, sizeof(word));
	else
		ret = write_long(df->lease, &target, from);
	if (ret > 0)
		*ppos += ret;
	return ret;
}

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct device_file *df = file->private_data;
	unsigned long index = vma->vm_pgoff >> REGION_PGSHIFT;
	u64 offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) & REGION_MASK;

	if (!dpath_lease_alive(df->lease))
		return -ENODEV;
	if (index >= VFIO_PCI_ROM_REGION_INDEX || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	index = array_index_nospec(index, VFIO_PCI_ROM_REGION_INDEX);
	return dpath_mmio_mmap(&df->lease->mmio, index, offset, vma);
}

static unsigned long device_get_unmapped_area(struct file *file, unsigned long addr, unsigned long len, unsigned long pgoff,
					      unsigned long flags)
{
	struct device_file *df = file->private_data;
	unsigned long index = pgoff >> REGION_PGSHIFT;
	u64 offset = ((u64)pgoff << PAGE_SHIFT) & REGION_MASK;

	if (index >= VFIO_PCI_ROM_REGION_INDEX)
		return -EINVAL;
	return dpath_mmio_get_unmapped_area(&df->lease->mmio, file, index, offset, addr, len, pgoff, flags);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct device_file *df = file->private_data;

	dpath_lease_close(df->lease);
	if (df->keep) {
		atomic_dec(df->nr);
		fput(df->keep);
	}
	kfree(df);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.read = device_read,
	.write = device_write,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = device_mmap,
	.get_unmapped_area = device_get_unmapped_area,
	.release = device_release,
};

int dpath_device_fd_map(struct file *file, struct dpath_space *space, u64 pos, u64 iova, u64 length, int prot, const char **why)
{
	struct device_file *df = file->private_data;
	u64 index = pos >> REGION_SHIFT;
	struct dpath_bar_part part;

	if (file->f_op != &device_fops)
		return -EBADF;
	if (index >= VFIO_PCI_ROM_REGION_INDEX) {
		*why = "not the offset of a BAR";
		return -EINVAL;
	}
	part.lease = df->lease;
	part.index = array_index_nospec(index, VFIO_PCI_ROM_REGION_INDEX);
	part.offset = pos & REGION_MASK;
	return dpath_space_map_bar(space, &part, iova, length, prot, why);
}

/* --- opening --- */

static u8 find_msix_bar(struct pci_dev *pdev)
{
	u32 table;

	if (!pdev->msix_cap || pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table))
		return NO_BAR;
	return table & PCI_MSIX_TABLE_BIR;
}

/* The space may run several sets; one set's fd must not open the others' functions. A member cannot change sets while its set runs. */
static struct dpath_lease *open_lease(struct dpath_set *set, struct dpath_space *space, const char *address)
{
	struct dpath_lease *lease = ERR_PTR(-ENODEV);
	struct dpath_device *dev;
	bool member = false;

	dev = dpath_device_lookup(address);
	if (!dev)
		return lease;
	mutex_lock(&dpath_table_lock);
	member = dev->set == set;
	mutex_unlock(&dpath_table_lock);
	if (member)
		lease = dpath_lease_open(dev, space);
	/* The callers have started the set in this space, so it was taken away since. */
	if (lease == ERR_PTR(-EPERM))
		lease = ERR_PTR(-ENODEV);
	dpath_device_put(dev);
	return lease;
}

/**
 * dpath_device_fd_reserve - open a function as a file, for an fd that nobody sees yet
 * @set: the function's set
 * @space: the space that the set runs in
 * @address: "0000:3b:00.0"
 * @keep: file that the new one holds open while it lives, or NULL
 * @nr: with @keep: counts the files that hold it; lives as long as @keep
 * @file: the file: for fd_install() when nothing can fail any more, or for fput() after put_unused_fd()
 *
 * Context: process context; may sleep. @keep is put after the lease was closed.
 * Return: an fd, close-on-exec; -ENODEV: the set has no such function, or it is gone; -ENOMEM, -EMFILE, and what dpath_lease_open() returns.
 */
int dpath_device_fd_reserve(struct dpath_set *set, struct dpath_space *space, const char *address, struct file *keep, atomic_t *nr,
			    struct file **file)
{
	struct device_file *df;
	struct file *opened;
	int fd, ret;

	df = kzalloc(sizeof(*df), GFP_KERNEL_ACCOUNT);
	if (!df)
		return -ENOMEM;
	df->lease = open_lease(set, space, address);
	if (IS_ERR(df->lease)) {
		ret = PTR_ERR(df->lease);
		goto err_free_df;
	}
	df->msix_bar = find_msix_bar(df->lease->dev->pdev);

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto err_close_lease;
	}
	/* The name is VFIO's: tools know it from /proc/PID/fd. */
	opened = anon_inode_getfile("[vfio-device]", &device_fops, df, O_RDWR);
	if (IS_ERR(opened)) {
		ret = PTR_ERR(opened);
		goto err_put_fd;
	}
	opened->f_mode |= FMODE_PREAD | FMODE_PWRITE;
	dpath_mmio_adopt_file(&df->lease->mmio, opened);
	*file = opened;
	if (keep) {
		atomic_inc(nr);
		df->nr = nr;
		df->keep = get_file(keep);
	}
	return fd;

err_put_fd:
	put_unused_fd(fd);
err_close_lease:
	dpath_lease_close(df->lease);
err_free_df:
	kfree(df);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dpath_device_fd_reserve, "DIRECTPATH");

void dpath_device_fd_set_group_test(struct dpath_set *(*file_set)(struct file *file))
{
	mutex_lock(&group_test_lock);
	group_test = file_set;
	mutex_unlock(&group_test_lock);
}
EXPORT_SYMBOL_NS_GPL(dpath_device_fd_set_group_test, "DIRECTPATH");
