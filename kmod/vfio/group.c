// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/vfio/N: one node for each claimed set, N being the number of its IOMMU group.
 *
 * The core says which sets there are and who owns them (struct dpath_set_door); this file keeps a group for each in a table by number, and a
 * device node that belongs to the owner of the VM that the set is attached to, or to root. One character device serves all minors; a group is
 * found at open, so a node may be made anew (another owner) without touching open files. A group that left the table because its set is no more
 * lives on with its open file, which reaches the old set only, and that one cannot be started again.
 *
 * A set that an ad hoc VM borrows for a run keeps its node as it is, before and after: whoever was given the node by chown keeps it.
 *
 * One file at a time per group, as in VFIO. It binds the set to a container; the device fds opened through it hold it, so the binding ends when the
 * last of them all is closed, in any order, or with UNSET_CONTAINER when there are none.
 *
 * Locks: groups_lock for the table and the nodes. The core calls in with its door lock held, also from below an ioctl of ours (attaching a set to an
 * ad hoc VM), so groups_lock nests inside vgroup->lock and takes nothing but dpath_table_lock. vgroup->lock serialises ioctls; it may be held while a
 * set is waited for (bounded, killable), so the ioctls take it killably, and release finds it free: no ioctl is under way then.
 */

#define pr_fmt(fmt) "vfio: " fmt

#include <linux/bitops.h>
#include <linux/cdev.h>
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include <linux/uuid.h>
#include <linux/xarray.h>
#include <uapi/linux/vfio.h>

#include "../device_fd.h"
#include "../set.h"
#include "../space.h"
#include "../vm.h"
#include "container.h"
#include "group.h"

#define NR_MINORS (MINORMASK + 1)

/**
 * struct group_node - a device node and its owner
 * @dev: the device that devtmpfs and udev make the node for
 * @uid: owner
 * @gid: group
 */
struct group_node {
	struct device dev;
	kuid_t uid;
	kgid_t gid;
};

static DEFINE_MUTEX(groups_lock); /* protects groups and the nodes */
static DEFINE_XARRAY(groups);	  /* struct dpath_vgroup by number */
static dev_t group_devt;
static struct cdev group_cdev;

/* --- groups --- */

static void free_vgroup(struct kref *ref)
{
	struct dpath_vgroup *vgroup = container_of(ref, struct dpath_vgroup, ref);

	mutex_destroy(&vgroup->lock);
	kfree(vgroup);
}

void dpath_vgroup_get(struct dpath_vgroup *vgroup)
{
	kref_get(&vgroup->ref);
}

void dpath_vgroup_put(struct dpath_vgroup *vgroup)
{
	kref_put(&vgroup->ref, free_vgroup);
}

static struct dpath_vgroup *obtain_vgroup_locked(int id)
{
	struct dpath_vgroup *vgroup;
	int ret;

	lockdep_assert_held(&groups_lock);
	vgroup = xa_load(&groups, id);
	if (vgroup)
		return vgroup;
	vgroup = kzalloc(sizeof(*vgroup), GFP_KERNEL);
	if (!vgroup)
		return ERR_PTR(-ENOMEM);
	kref_init(&vgroup->ref);
	mutex_init(&vgroup->lock);
	INIT_LIST_HEAD(&vgroup->container_node);
	vgroup->id = id;
	ret = xa_err(xa_store(&groups, id, vgroup, GFP_KERNEL));
	if (ret) {
		dpath_vgroup_put(vgroup);
		return ERR_PTR(ret);
	}
	return vgroup;
}

/* --- nodes --- */

static struct group_node *to_node(const struct device *dev)
{
	return container_of(dev, struct group_node, dev);
}

/* Without a name from here devtmpfs takes the device's, so the node would be /dev/N. */
static char *node_name(dpath_const_device *dev, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct group_node *node = to_node(dev);

	if (mode)
		*mode = 0600;
	if (uid)
		*uid = node->uid;
	if (gid)
		*gid = node->gid;
	return kasprintf(GFP_KERNEL | __GFP_NOFAIL, "vfio/%s", dev_name(dev));
}

static void release_node(struct device *dev)
{
	kfree(to_node(dev));
}

static struct class group_class = {
	.name = "vfio",
};

static const struct device_type node_type = {
	.name = "vfio-group",
	.devnode = node_name,
	.release = release_node,
};

static struct device *make_node(int id, kuid_t uid, kgid_t gid)
{
	struct group_node *node;
	int ret;

	node = kzalloc(sizeof(*node), GFP_KERNEL);
	if (!node)
		return ERR_PTR(-ENOMEM);
	node->uid = uid;
	node->gid = gid;
	device_initialize(&node->dev);
	node->dev.class = &group_class;
	node->dev.type = &node_type;
	node->dev.devt = MKDEV(MAJOR(group_devt), id);
	ret = dev_set_name(&node->dev, "%d", id);
	if (!ret)
		ret = device_add(&node->dev);
	if (ret) {
		put_device(&node->dev);
		return ERR_PTR(ret);
	}
	return &node->dev;
}

static void drop_node_locked(struct dpath_vgroup *vgroup)
{
	lockdep_assert_held(&groups_lock);
	if (vgroup->node)
		device_unregister(vgroup->node);
	vgroup->node = NULL;
}

/* Is the node to stay, whoever the core says the owner is? */
static bool keeps_node_locked(struct dpath_vgroup *vgroup)
{
	struct dpath_vm *vm = NULL;
	struct dpath_set *set;
	bool adhoc, keep;

	lockdep_assert_held(&groups_lock);
	set = dpath_set_lookup(vgroup->id);
	if (set) {
		vm = dpath_set_vm(set);
		dpath_set_put(set);
	}
	adhoc = vm && vm->adhoc;
	keep = adhoc || (!vm && vgroup->keep_node);
	vgroup->keep_node = adhoc;
	if (vm)
		dpath_vm_put(vm);
	return keep;
}

static void group_added(int id, kuid_t uid, kgid_t gid)
{
	struct dpath_vgroup *vgroup;
	struct device *node;

	mutex_lock(&groups_lock);
	vgroup = id < NR_MINORS ? obtain_vgroup_locked(id) : ERR_PTR(-ENOSPC);
	if (IS_ERR(vgroup)) {
		pr_warn("no group %d: error %ld\n", id, PTR_ERR(vgroup));
		goto out;
	}
	if (keeps_node_locked(vgroup) && vgroup->node)
		goto out;
	if (vgroup->node && uid_eq(to_node(vgroup->node)->uid, uid) && gid_eq(to_node(vgroup->node)->gid, gid))
		goto out;
	drop_node_locked(vgroup);
	node = make_node(id, uid, gid);
	if (IS_ERR(node))
		pr_warn("no node for group %d: error %ld\n", id, PTR_ERR(node));
	else
		vgroup->node = node;
out:
	mutex_unlock(&groups_lock);
}

static void group_removed(int id)
{
	struct dpath_vgroup *vgroup;

	mutex_lock(&groups_lock);
	vgroup = xa_erase(&groups, id);
	if (vgroup) {
		WRITE_ONCE(vgroup->gone, true);
		drop_node_locked(vgroup);
	}
	mutex_unlock(&groups_lock);
	if (vgroup)
		dpath_vgroup_put(vgroup);
}

static const struct dpath_set_door group_door = {
	.added = group_added,
	.removed = group_removed,
};

/* --- the file --- */

static int group_open(struct inode *inode, struct file *file)
{
	struct dpath_vgroup *vgroup;
	int ret;

	mutex_lock(&groups_lock);
	vgroup = xa_load(&groups, iminor(inode));
	if (vgroup)
		dpath_vgroup_get(vgroup);
	mutex_unlock(&groups_lock);
	if (!vgroup)
		return -ENODEV;

	if (test_and_set_bit_lock(0, &vgroup->opened)) {
		ret = -EBUSY;
		goto err_put_vgroup;
	}
	vgroup->set = dpath_set_lookup(vgroup->id);
	if (!vgroup->set) {
		ret = -ENODEV;
		goto err_clear_opened;
	}
	file->private_data = vgroup;
	return 0;

err_clear_opened:
	clear_bit_unlock(0, &vgroup->opened);
err_put_vgroup:
	dpath_vgroup_put(vgroup);
	return ret;
}

static int group_release(struct inode *inode, struct file *file)
{
	struct dpath_vgroup *vgroup = file->private_data;

	mutex_lock(&vgroup->lock);
	if (vgroup->container)
		dpath_container_remove(vgroup, "closed");
	mutex_unlock(&vgroup->lock);
	dpath_set_put(vgroup->set);
	vgroup->set = NULL;
	clear_bit_unlock(0, &vgroup->opened);
	dpath_vgroup_put(vgroup);
	return 0;
}

static int get_status(struct dpath_vgroup *vgroup, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_group_status, flags);
	struct vfio_group_status status;

	if (copy_from_user(&status, arg, minsz))
		return -EFAULT;
	if (status.argsz < minsz)
		return -EINVAL;

	status.flags = 0;
	if (dpath_set_viable(vgroup->set))
		status.flags |= VFIO_GROUP_FLAGS_VIABLE;
	if (mutex_lock_killable(&vgroup->lock))
		return -EINTR;
	if (vgroup->container)
		status.flags |= VFIO_GROUP_FLAGS_CONTAINER_SET;
	mutex_unlock(&vgroup->lock);
	return copy_to_user(arg, &status, minsz) ? -EFAULT : 0;
}

static int set_container(struct dpath_vgroup *vgroup, const s32 __user *arg)
{
	struct dpath_container *container;
	struct file *file;
	int ret;
	s32 fd;

	if (get_user(fd, arg))
		return -EFAULT;
	file = fget(fd);
	if (!file)
		return -EBADF;
	container = dpath_container_from_file(file);
	if (!container) {
		ret = -EINVAL;
		goto out_put_file;
	}
	ret = mutex_lock_killable(&vgroup->lock);
	if (ret)
		goto out_put_file;
	ret = vgroup->container ? -EINVAL : dpath_container_add(container, vgroup);
	mutex_unlock(&vgroup->lock);
out_put_file:
	fput(file);
	return ret;
}

static int unset_container(struct dpath_vgroup *vgroup)
{
	int ret = 0;

	if (mutex_lock_killable(&vgroup->lock))
		return -EINTR;
	if (!vgroup->container)
		ret = -EINVAL;
	else if (atomic_read(&vgroup->device_fds))
		ret = -EBUSY;
	else
		dpath_container_remove(vgroup, "left its container");
	mutex_unlock(&vgroup->lock);
	return ret;
}

/*
 * What may follow the address: " vf_token=UUID", at most once. VFIO's tokens let the driver of a physical function in userspace vouch for users of
 * its virtual functions; here the VM that a function is attached to says who may use it, so the token is checked for its form and not used.
 */
static int check_options(const char *text)
{
	static const char token[] = "vf_token=";
	bool seen = false;
	uuid_t uuid;

	while (*text) {
		if (*text == ' ') {
			text++;
			continue;
		}
		if (seen || strncmp(text, token, sizeof(token) - 1))
			return -EINVAL;
		text += sizeof(token) - 1;
		if (strlen(text) < UUID_STRING_LEN || uuid_parse(text, &uuid))
			return -EINVAL;
		text += UUID_STRING_LEN;
		seen = true;
	}
	return 0;
}

static int open_device(struct dpath_vgroup *vgroup, struct file *file, const char *address)
{
	struct dpath_space *space;
	struct file *opened;
	int ret = -EINVAL;

	if (mutex_lock_killable(&vgroup->lock))
		return -EINTR;
	space = dpath_container_space(vgroup);
	if (space) {
		ret = dpath_device_fd_reserve(vgroup->set, space, address, file, &vgroup->device_fds, &opened);
		dpath_space_put(space);
	}
	mutex_unlock(&vgroup->lock);
	if (ret >= 0)
		fd_install(ret, opened);
	return ret;
}

static int get_device_fd(struct dpath_vgroup *vgroup, struct file *file, const char __user *arg)
{
	char *name, *options;
	int ret = 0;

	name = strndup_user(arg, PAGE_SIZE);
	if (IS_ERR(name))
		return PTR_ERR(name);
	options = strchr(name, ' ');
	if (options) {
		ret = check_options(options);
		*options = '\0';
	}
	if (!ret)
		ret = open_device(vgroup, file, name);
	kfree(name);
	return ret;
}

static long group_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct dpath_vgroup *vgroup = file->private_data;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case VFIO_GROUP_GET_STATUS:
		return get_status(vgroup, user);
	case VFIO_GROUP_SET_CONTAINER:
		return set_container(vgroup, user);
	case VFIO_GROUP_UNSET_CONTAINER:
		return unset_container(vgroup);
	case VFIO_GROUP_GET_DEVICE_FD:
		return get_device_fd(vgroup, file, user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations group_fops = {
	.owner = THIS_MODULE,
	.open = group_open,
	.release = group_release,
	.unlocked_ioctl = group_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

struct dpath_vgroup *dpath_vgroup_from_file(struct file *file)
{
	return file->f_op == &group_fops ? file->private_data : NULL;
}

static struct dpath_set *file_set(struct file *file)
{
	struct dpath_vgroup *vgroup = dpath_vgroup_from_file(file);

	return vgroup ? vgroup->set : NULL;
}

int dpath_vgroup_module_init(void)
{
	int ret;

	ret = class_register(&group_class);
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&group_devt, 0, NR_MINORS, "vfio");
	if (ret)
		goto err_unregister_class;
	cdev_init(&group_cdev, &group_fops);
	group_cdev.owner = THIS_MODULE;
	ret = cdev_add(&group_cdev, group_devt, NR_MINORS);
	if (ret)
		goto err_unregister_region;
	dpath_device_fd_set_group_test(file_set);
	/* Shows every set that exists. */
	ret = dpath_set_door_register(&group_door);
	if (ret)
		goto err_clear_test;
	return 0;

err_clear_test:
	dpath_device_fd_set_group_test(NULL);
	cdev_del(&group_cdev);
err_unregister_region:
	unregister_chrdev_region(group_devt, NR_MINORS);
err_unregister_class:
	class_unregister(&group_class);
	return ret;
}

void dpath_vgroup_module_exit(void)
{
	/* Takes every set back through group_removed(). */
	dpath_set_door_unregister(&group_door);
	dpath_device_fd_set_group_test(NULL);
	cdev_del(&group_cdev);
	unregister_chrdev_region(group_devt, NR_MINORS);
	class_unregister(&group_class);
	xa_destroy(&groups);
}
