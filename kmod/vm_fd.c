// SPDX-License-Identifier: GPL-2.0
/*
 * The native door: one character device per VM, one space per open file. The interface and its errors are described in uapi/linux/directpath.h.
 *
 * A VM is open once through its node (open_vms holds the minors), whoever opens it, while the VFIO door may have it open at the same time for the
 * same mm. The file holds a reference to the VM, one opening of it, and a reference to its space; device fds hold further references to the space,
 * and a user of their set, so they may outlive the file.
 *
 * No locks: ioctls of one file run in parallel, and the objects below serialise what they have to. User memory is touched here only, before and
 * after.
 */

#include <linux/cdev.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uuid.h>
#include <linux/xarray.h>

#include <uapi/linux/directpath.h>

#include "device.h"
#include "device_fd.h"
#include "host.h"
#include "set.h"
#include "space.h"
#include "vm.h"
#include "vm_fd.h"

/* Most ranges that one call copies: more than any host has reserved regions. */
#define RANGES_MAX 256U

/**
 * struct vm_file - one open file
 * @vm: referenced and open
 * @space: referenced
 */
struct vm_file {
	struct dpath_vm *vm;
	struct dpath_space *space;
};

/* Minor of each VM that is open through its node, to its struct vm_file. */
static DEFINE_XARRAY(open_vms);

static int vm_fd_open(struct inode *inode, struct file *file)
{
	struct vm_file *ctx;
	int ret;

	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return -ENOMEM;
	ret = -ENODEV;
	ctx->vm = dpath_vm_by_minor(iminor(inode));
	if (!ctx->vm)
		goto err_free_ctx;
	ret = xa_insert(&open_vms, ctx->vm->minor, ctx, GFP_KERNEL);
	if (ret)
		goto err_put_vm;
	ret = dpath_vm_open(ctx->vm);
	if (ret)
		goto err_erase;
	ctx->space = dpath_space_new(ctx->vm);
	if (IS_ERR(ctx->space)) {
		ret = PTR_ERR(ctx->space);
		goto err_close_vm;
	}
	file->private_data = ctx;
	return 0;

err_close_vm:
	dpath_vm_close(ctx->vm);
err_erase:
	xa_erase(&open_vms, ctx->vm->minor);
err_put_vm:
	dpath_vm_put(ctx->vm);
err_free_ctx:
	kfree(ctx);
	return ret;
}

static int vm_fd_release(struct inode *inode, struct file *file)
{
	struct vm_file *ctx = file->private_data;

	dpath_space_put(ctx->space);
	dpath_vm_close(ctx->vm);
	xa_erase(&open_vms, ctx->vm->minor);
	dpath_vm_put(ctx->vm);
	kfree(ctx);
	return 0;
}

static int vm_info(struct vm_file *ctx, void *arg)
{
	struct directpath_vm_info *cmd = arg;
	struct dpath_vm *vm = ctx->vm;

	if (cmd->flags)
		return -EOPNOTSUPP;
	mutex_lock(&dpath_table_lock);
	cmd->out_devices = vm->nr_devices;
	cmd->out_max_devices = vm->limits.devices;
	cmd->out_max_vectors = vm->limits.vectors;
	cmd->out_max_pinned = vm->limits.pinned;
	mutex_unlock(&dpath_table_lock);
	strscpy_pad(cmd->out_name, vm->name, sizeof(cmd->out_name));
	export_uuid(cmd->out_uuid, &vm->uuid);
	cmd->out_vectors = atomic_read(&vm->vectors);
	cmd->out_pinned = atomic64_read(&vm->pinned);
	return 0;
}

static int space_info(struct vm_file *ctx, void *arg)
{
	struct directpath_space_info *cmd = arg;
	struct dpath_space_info info;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	dpath_space_info(ctx->space, &info);
	cmd->out_flags = info.coherent ? DIRECTPATH_SPACE_COHERENT : 0;
	cmd->out_pgsizes = info.pgsizes;
	cmd->out_areas = info.areas;
	cmd->out_mapped = info.mapped;
	return 0;
}

static int iova_ranges(struct vm_file *ctx, void *arg)
{
	struct directpath_iova_ranges *cmd = arg;
	unsigned int max = min(cmd->num_ranges, RANGES_MAX), nr;
	u64 (*ranges)[2] = NULL;
	int ret = 0;

	static_assert(sizeof(*ranges) == sizeof(struct directpath_iova_range));

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	if (max) {
		ranges = kcalloc(max, sizeof(*ranges), GFP_KERNEL_ACCOUNT);
		if (!ranges)
			return -ENOMEM;
	}
	nr = dpath_space_ranges(ctx->space, ranges, max);
	if (copy_to_user(u64_to_user_ptr(cmd->ranges), ranges, min(nr, max) * sizeof(*ranges)))
		ret = -EFAULT;
	else if (nr > max)
		ret = -EMSGSIZE;
	cmd->num_ranges = nr;
	kfree(ranges);
	return ret;
}

static int map_bar(struct vm_file *ctx, const struct directpath_map *cmd, int prot, const char **why)
{
	struct file *file = fget(cmd->fd);
	int ret = -EBADF;

	*why = "not a device fd";
	if (file) {
		ret = dpath_device_fd_map(file, ctx->space, cmd->vaddr, cmd->iova, cmd->length, prot, why);
		fput(file);
	}
	return ret;
}

static int map_memory(struct vm_file *ctx, void *arg)
{
	struct directpath_map *cmd = arg;
	const char *why;
	int prot = 0;
	int ret;

	if (cmd->flags & ~(DIRECTPATH_MAP_READ | DIRECTPATH_MAP_WRITE | DIRECTPATH_MAP_MMIO) || cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->fd && !(cmd->flags & DIRECTPATH_MAP_MMIO))
		return -EOPNOTSUPP;
	if (cmd->flags & DIRECTPATH_MAP_READ)
		prot |= IOMMU_READ;
	if (cmd->flags & DIRECTPATH_MAP_WRITE)
		prot |= IOMMU_WRITE;
	if (cmd->flags & DIRECTPATH_MAP_MMIO)
		ret = map_bar(ctx, cmd, prot, &why);
	else
		ret = dpath_space_map(ctx->space, cmd->vaddr, cmd->iova, cmd->length, prot, &why);
	if (ret)
		pr_debug("directpath: %s: map refused: %s\n", ctx->vm->name, why);
	return ret;
}

static int unmap_memory(struct vm_file *ctx, void *arg)
{
	struct directpath_unmap *cmd = arg;
	u64 unmapped;
	int ret = 0;

	if (cmd->flags & ~DIRECTPATH_UNMAP_ALL)
		return -EOPNOTSUPP;
	if (!(cmd->flags & DIRECTPATH_UNMAP_ALL))
		ret = dpath_space_unmap(ctx->space, cmd->iova, cmd->length, &unmapped);
	else if (cmd->iova || cmd->length)
		ret = -EINVAL;
	else
		dpath_space_unmap_all(ctx->space, &unmapped);
	if (!ret)
		cmd->out_unmapped = unmapped;
	return ret;
}

/* The claimed set of a function, with a reference, if it is attached to @vm; or ERR_PTR. */
static struct dpath_set *find_set(struct dpath_vm *vm, const char *address)
{
	struct dpath_device *dev = dpath_device_lookup(address);
	struct dpath_set *set;

	if (!dev)
		return ERR_PTR(-ENOENT);
	mutex_lock(&dpath_table_lock);
	set = dev->set;
	if (!set)
		set = ERR_PTR(-ENOENT);
	else if (set->vm != vm)
		set = ERR_PTR(-EPERM);
	else
		dpath_set_get(set);
	mutex_unlock(&dpath_table_lock);
	dpath_device_put(dev);
	return set;
}

union vm_ioctl_arg {
	struct directpath_vm_info vm_info;
	struct directpath_space_info space_info;
	struct directpath_iova_ranges iova_ranges;
	struct directpath_map map;
	struct directpath_unmap unmap;
	struct directpath_device_open device_open;
};

/**
 * struct vm_call - a call under way
 * @arg: the struct
 * @opened: a file for @arg.device_open.out_fd, which is nobody's before the caller knows its number
 */
struct vm_call {
	union vm_ioctl_arg arg;
	struct file *opened;
};

static int device_open(struct vm_file *ctx, void *arg)
{
	struct directpath_device_open *cmd = arg;
	struct vm_call *call = container_of(arg, struct vm_call, arg);
	struct dpath_set *set;
	char why[128] = "";
	int ret;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	if (strnlen(cmd->address, sizeof(cmd->address)) == sizeof(cmd->address))
		return -EINVAL;
	set = find_set(ctx->vm, cmd->address);
	if (IS_ERR(set))
		return PTR_ERR(set);
	ret = dpath_set_start(set, ctx->space, why, sizeof(why));
	if (ret) {
		pr_debug("directpath: %s: %s not started: %s\n", ctx->vm->name, cmd->address, why);
		goto put_set;
	}
	ret = dpath_device_fd_reserve(set, ctx->space, cmd->address, NULL, NULL, &call->opened);
	if (ret >= 0) {
		cmd->out_fd = ret;
		ret = 0;
	}
	/* The device fd is a user of the set by itself. */
	dpath_set_stop(set, ctx->space, ret ? "device not opened" : "closed");
put_set:
	dpath_set_put(set);
	return ret;
}

/**
 * struct vm_ioctl - one ioctl
 * @cmd: its full number
 * @size: of its struct, as this kernel knows it
 * @min_size: of the first version of its struct
 * @run: does it, and fills the output members
 * @out: there are some: the struct is copied back if @run returns 0 or -EMSGSIZE, and once before, so that one that cannot be written changes nothing
 */
struct vm_ioctl {
	unsigned int cmd;
	unsigned int size;
	unsigned int min_size;
	int (*run)(struct vm_file *ctx, void *arg);
	bool out;
};

static const struct vm_ioctl vm_ioctls[] = {
	[DIRECTPATH_CMD_VM_INFO] = {
		.cmd = DIRECTPATH_VM_INFO,
		.size = sizeof(struct directpath_vm_info),
		.min_size = offsetofend(struct directpath_vm_info, out_max_pinned),
		.run = vm_info,
		.out = true,
	},
	[DIRECTPATH_CMD_SPACE_INFO] = {
		.cmd = DIRECTPATH_SPACE_INFO,
		.size = sizeof(struct directpath_space_info),
		.min_size = offsetofend(struct directpath_space_info, out_mapped),
		.run = space_info,
		.out = true,
	},
	[DIRECTPATH_CMD_IOVA_RANGES] = {
		.cmd = DIRECTPATH_IOVA_RANGES,
		.size = sizeof(struct directpath_iova_ranges),
		.min_size = offsetofend(struct directpath_iova_ranges, ranges),
		.run = iova_ranges,
		.out = true,
	},
	[DIRECTPATH_CMD_MAP] = {
		.cmd = DIRECTPATH_MAP,
		.size = sizeof(struct directpath_map),
		.min_size = offsetofend(struct directpath_map, length),
		.run = map_memory,
	},
	[DIRECTPATH_CMD_UNMAP] = {
		.cmd = DIRECTPATH_UNMAP,
		.size = sizeof(struct directpath_unmap),
		.min_size = offsetofend(struct directpath_unmap, out_unmapped),
		.run = unmap_memory,
		.out = true,
	},
	[DIRECTPATH_CMD_DEVICE_OPEN] = {
		.cmd = DIRECTPATH_DEVICE_OPEN,
		.size = sizeof(struct directpath_device_open),
		.min_size = offsetofend(struct directpath_device_open, __reserved),
		.run = device_open,
		.out = true,
	},
};

static int settle_opened(struct vm_call *call, int ret)
{
	int fd = call->arg.device_open.out_fd;

	if (!ret) {
		fd_install(fd, call->opened);
	} else {
		put_unused_fd(fd);
		fput(call->opened);
	}
	return ret;
}

static long vm_fd_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	void __user *user = (void __user *)uarg;
	const struct vm_ioctl *op;
	struct vm_call call = {};
	u32 size, copied;
	int ret;

	if (_IOC_NR(cmd) >= ARRAY_SIZE(vm_ioctls))
		return -ENOTTY;
	op = &vm_ioctls[_IOC_NR(cmd)];
	if (op->cmd != cmd)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < op->min_size)
		return -EINVAL;
	/* Nobody has to look through megabytes of zeroes. */
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&call.arg, op->size, user, size);
	if (ret)
		return ret;

	copied = min(size, op->size);
	if (op->out && copy_to_user(user, &call.arg, copied))
		return -EFAULT;
	ret = op->run(file->private_data, &call.arg);
	if (op->out && (!ret || ret == -EMSGSIZE) && copy_to_user(user, &call.arg, copied))
		ret = -EFAULT;
	return call.opened ? settle_opened(&call, ret) : ret;
}

const struct file_operations dpath_vm_fops = {
	.owner = THIS_MODULE,
	.open = vm_fd_open,
	.release = vm_fd_release,
	.unlocked_ioctl = vm_fd_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
