// SPDX-License-Identifier: GPL-2.0
/*
 * VM objects: names, owners, limits, nodes, and who has one open.
 *
 * A VM is off or it is open by one mm, as often as that mm likes (the native node once, containers any number). The mm is only compared, never
 * used; a reference on mm_count keeps its address from being reused. Anonymous VMs (`adhoc-<pid>') are made for a process that opens functions
 * which were bound by hand, and go with its last close.
 *
 * Fields are protected by dpath_table_lock; the budgets are atomics, charged from interrupt set-up and map calls without it.
 */

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"
#include "host.h"
#include "lease.h"
#include "match.h"
#include "ntf.h"
#include "op.h"
#include "set.h"
#include "vm.h"

#define VMS_MAX 4096
#define REPORT_INTERVAL HZ

LIST_HEAD(dpath_vms);

/*
 * Limits of every anonymous VM that is made from now on: found by its name, which is a pattern and can be no VM's. Not in the list; it cannot be
 * opened, attached to or removed.
 */
static struct dpath_vm adhoc_pattern = {
	.ref = KREF_INIT(1),
	.name = "adhoc-*",
	.adhoc = true,
	.sets = LIST_HEAD_INIT(adhoc_pattern.sets),
	.spaces = LIST_HEAD_INIT(adhoc_pattern.spaces),
	.minor = -1,
};

static dev_t vm_devt;
static struct class *vm_class;
static const struct file_operations *vm_fops;
static DEFINE_IDA(vm_minors);
static DEFINE_MUTEX(node_lock);	/* serialises making and removing nodes; outside dpath_table_lock */

static void free_vm(struct kref *ref)
{
	struct dpath_vm *vm = container_of(ref, struct dpath_vm, ref);

	if (vm->minor >= 0)
		ida_free(&vm_minors, vm->minor);
	mutex_destroy(&vm->peer_lock);
	kfree(vm);
}

void dpath_vm_get(struct dpath_vm *vm)
{
	kref_get(&vm->ref);
}
EXPORT_SYMBOL_NS_GPL(dpath_vm_get, "DIRECTPATH");

void dpath_vm_put(struct dpath_vm *vm)
{
	kref_put(&vm->ref, free_vm);
}
EXPORT_SYMBOL_NS_GPL(dpath_vm_put, "DIRECTPATH");

struct dpath_vm *dpath_vm_lookup_locked(const char *name)
{
	struct dpath_vm *vm;

	lockdep_assert_held(&dpath_table_lock);
	if (!strcmp(adhoc_pattern.name, name))
		return &adhoc_pattern;
	list_for_each_entry(vm, &dpath_vms, node)
		if (!strcmp(vm->name, name))
			return vm;
	return NULL;
}

struct dpath_vm *dpath_vm_lookup(const char *name)
{
	struct dpath_vm *vm;

	mutex_lock(&dpath_table_lock);
	vm = dpath_vm_lookup_locked(name);
	if (vm)
		dpath_vm_get(vm);
	mutex_unlock(&dpath_table_lock);
	return vm;
}

struct dpath_vm *dpath_vm_by_minor(int minor)
{
	struct dpath_vm *vm, *found = NULL;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(vm, &dpath_vms, node) {
		if (vm->minor != minor)
			continue;
		dpath_vm_get(vm);
		found = vm;
		break;
	}
	mutex_unlock(&dpath_table_lock);
	return found;
}

bool dpath_vm_running_locked(const struct dpath_vm *vm)
{
	lockdep_assert_held(&dpath_table_lock);
	return vm->opens;
}

/* --- nodes --- */

/*
 * devtmpfs asks once, when the node is made: an owner that changes means a new node. Without a name from here it takes the device's, so the node
 * would be somewhere else.
 */
static char *vm_devnode(dpath_const_device *device, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct dpath_vm *vm = dev_get_drvdata(device);

	if (mode)
		*mode = 0600;
	if (uid)
		*uid = vm->uid;
	if (gid)
		*gid = vm->gid;
	return kasprintf(GFP_KERNEL | __GFP_NOFAIL, "directpath/%s", vm->name);
}

static const struct device_type vm_device_type = {
	.name = "directpath_vm",
	.devnode = vm_devnode,
};

static void release_chardev(struct device *device)
{
	kfree(device);
}

static int add_node(struct dpath_vm *vm)
{
	struct device *chardev;
	struct cdev *cdev;
	int ret;

	lockdep_assert_held(&node_lock);
	chardev = kzalloc(sizeof(*chardev), GFP_KERNEL);
	if (!chardev)
		return -ENOMEM;
	device_initialize(chardev);
	chardev->devt = MKDEV(MAJOR(vm_devt), vm->minor);
	chardev->class = vm_class;
	chardev->type = &vm_device_type;
	chardev->release = release_chardev;
	dev_set_drvdata(chardev, vm);
	ret = dev_set_name(chardev, "%s", vm->name);
	if (ret)
		goto err_put_chardev;
	cdev = cdev_alloc();
	ret = -ENOMEM;
	if (!cdev)
		goto err_put_chardev;
	cdev->ops = vm_fops;
	cdev->owner = THIS_MODULE;
	ret = cdev_add(cdev, chardev->devt, 1);
	if (ret)
		goto err_del_cdev;
	ret = device_add(chardev);
	if (ret)
		goto err_del_cdev;
	vm->cdev = cdev;
	vm->chardev = chardev;
	return 0;

err_del_cdev:
	cdev_del(cdev);
err_put_chardev:
	put_device(chardev);
	return ret;
}

static void remove_node(struct dpath_vm *vm)
{
	lockdep_assert_held(&node_lock);
	if (!vm->chardev)
		return;
	device_del(vm->chardev);
	cdev_del(vm->cdev);
	put_device(vm->chardev);
	vm->chardev = NULL;
	vm->cdev = NULL;
}

/* --- birth, change, death --- */

static struct dpath_vm *alloc_vm(const char *name)
{
	struct dpath_vm *vm;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	if (!vm)
		return NULL;
	kref_init(&vm->ref);
	INIT_LIST_HEAD(&vm->node);
	INIT_LIST_HEAD(&vm->sets);
	INIT_LIST_HEAD(&vm->spaces);
	mutex_init(&vm->peer_lock);
	strscpy(vm->name, name, sizeof(vm->name));
	vm->minor = -1;
	return vm;
}

static int check_new_locked(const char *name, char *why, size_t size)
{
	lockdep_assert_held(&dpath_table_lock);
	if (!dpath_vm_lookup_locked(name))
		return 0;
	scnprintf(why, size, "VM %s exists already: vm set changes it", name);
	return -EEXIST;
}

static void set_fault_limit(struct dpath_vm *vm, const u32 *limit)
{
	if (limit)
		vm->fault_limit = *limit == DIRECTPATH_FAULT_LIMIT_DEFAULT ? 0 : *limit;
}

int dpath_vm_new(const char *name, const uuid_t *uuid, const struct dpath_vm_config *config, char *why, size_t size)
{
	kuid_t uid = config->uid ? *config->uid : GLOBAL_ROOT_UID;
	kgid_t gid = config->gid ? *config->gid : GLOBAL_ROOT_GID;
	struct dpath_vm *vm;
	int ret;

	if (!dpath_match_name_valid(name)) {
		scnprintf(why, size, "VM name: 1 to %u letters, digits, dots, dashes and underscores, the first a letter or digit",
			  DIRECTPATH_NAME_MAX);
		return -EINVAL;
	}
	if (dpath_match_pattern("adhoc-*", name)) {
		scnprintf(why, size, "VM names that begin with adhoc- are given by the kernel");
		return -EINVAL;
	}
	if (!uid_valid(uid) || !gid_valid(gid)) {
		scnprintf(why, size, "uid or gid is out of range");
		return -EINVAL;
	}
	vm = alloc_vm(name);
	if (!vm)
		return -ENOMEM;
	if (uuid)
		vm->uuid = *uuid;
	vm->uid = uid;
	vm->gid = gid;
	if (config->limits)
		vm->limits = *config->limits;
	if (config->cpus)
		cpumask_copy(&vm->cpus, config->cpus);
	if (config->storm)
		dpath_storm_set(&vm->storm, config->storm);
	if (config->error_policy)
		vm->error_policy = *config->error_policy;
	set_fault_limit(vm, config->fault_limit);

	mutex_lock(&node_lock);
	mutex_lock(&dpath_table_lock);
	ret = check_new_locked(name, why, size);
	mutex_unlock(&dpath_table_lock);
	if (ret)
		goto err_put;
	ret = ida_alloc_max(&vm_minors, VMS_MAX - 1, GFP_KERNEL);
	if (ret < 0) {
		if (ret == -ENOSPC)
			scnprintf(why, size, "%u VMs exist, no more can be made", VMS_MAX);
		goto err_put;
	}
	vm->minor = ret;
	ret = add_node(vm);
	if (ret)
		goto err_put;
	mutex_lock(&dpath_table_lock);
	list_add_tail(&vm->node, &dpath_vms);
	dpath_vm_ntf(vm, "vm-new", false);
	mutex_unlock(&dpath_table_lock);
	mutex_unlock(&node_lock);
	return 0;

err_put:
	mutex_unlock(&node_lock);
	dpath_vm_put(vm);
	return ret;
}

static int change_locked(struct dpath_vm *vm, const struct dpath_vm_config *config, bool *moved, char *why, size_t size)
{
	const struct dpath_vm_limits *limits = config->limits;

	lockdep_assert_held(&dpath_table_lock);
	if (vm->adhoc && (config->uid || config->gid)) {
		scnprintf(why, size, "%s: anonymous VMs are owned by who runs them; only limits, cpus, storm guard and error policy can be set",
			  vm->name);
		return -EINVAL;
	}
	*moved = (config->uid && !uid_eq(*config->uid, vm->uid)) || (config->gid && !gid_eq(*config->gid, vm->gid));
	if (*moved && dpath_vm_running_locked(vm)) {
		scnprintf(why, size, "VM %s is running (pid %d): its owner can change only while it is off", vm->name, vm->pid);
		return -EBUSY;
	}
	if (limits && limits->devices && limits->devices < vm->nr_devices) {
		scnprintf(why, size, "VM %s has %u devices: detach some before max-devs becomes %u", vm->name, vm->nr_devices, limits->devices);
		return -EBUSY;
	}
	if (config->uid)
		vm->uid = *config->uid;
	if (config->gid)
		vm->gid = *config->gid;
	if (limits)
		vm->limits = *limits;
	if (config->cpus)
		cpumask_copy(&vm->cpus, config->cpus);
	if (config->storm)
		dpath_storm_set(&vm->storm, config->storm);
	if (config->error_policy)
		vm->error_policy = *config->error_policy;
	set_fault_limit(vm, config->fault_limit);
	if (config->cpus || config->storm)
		vm->cpus_round++;
	return 0;
}

/* A lease of @vm that has not seen the CPUs and the storm guard of now, referenced. */
static struct dpath_lease *next_stale_lease(struct dpath_vm *vm)
{
	struct dpath_lease *found = NULL;
	struct dpath_device *dev;
	struct dpath_set *set;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(set, &vm->sets, vm_node) {
		list_for_each_entry(dev, &set->devices, set_node) {
			if (found || !dev->lease || dev->lease->cpus_round == vm->cpus_round)
				continue;
			found = dev->lease;
			found->cpus_round = vm->cpus_round;
			kref_get(&found->ref);
		}
	}
	mutex_unlock(&dpath_table_lock);
	return found;
}

static void refresh_interrupts(struct dpath_vm *vm)
{
	struct dpath_lease *lease;

	while ((lease = next_stale_lease(vm))) {
		dpath_irqs_refresh_affinity(&lease->irqs);
		dpath_irqs_refresh_storm(&lease->irqs);
		dpath_lease_put(lease);
	}
}

int dpath_vm_set(const char *name, const struct dpath_vm_config *config, char *why, size_t size)
{
	bool moved = false;
	struct dpath_vm *vm;
	int ret;

	if ((config->uid && !uid_valid(*config->uid)) || (config->gid && !gid_valid(*config->gid))) {
		scnprintf(why, size, "uid or gid is out of range");
		return -EINVAL;
	}
	mutex_lock(&node_lock);
	mutex_lock(&dpath_table_lock);
	vm = dpath_vm_lookup_locked(name);
	if (!vm) {
		scnprintf(why, size, "no VM %s: vm show lists them", name);
		ret = -ENOENT;
	} else {
		ret = change_locked(vm, config, &moved, why, size);
		dpath_vm_get(vm);
	}
	if (!ret)
		dpath_vm_ntf(vm, "vm-set", false);
	mutex_unlock(&dpath_table_lock);
	/* A node that could not be made last time is tried again. */
	if (!ret && (moved || (!vm->adhoc && !vm->chardev))) {
		remove_node(vm);
		ret = add_node(vm);
	}
	mutex_unlock(&node_lock);
	if (!ret && moved)
		dpath_set_door_refresh(vm);
	if (vm && (config->cpus || config->storm))
		refresh_interrupts(vm);
	if (vm)
		dpath_vm_put(vm);
	return ret;
}

/* Out of the table; the caller owns the table's reference then. */
static void forget_locked(struct dpath_vm *vm, const char *cause)
{
	lockdep_assert_held(&dpath_table_lock);
	vm->deleted = true;
	list_del_init(&vm->node);
	dpath_vm_ntf(vm, cause, true);
}

static int check_del_locked(struct dpath_vm *vm, char *why, size_t size)
{
	struct dpath_device *dev;
	struct dpath_set *set;

	lockdep_assert_held(&dpath_table_lock);
	if (vm == &adhoc_pattern) {
		scnprintf(why, size, "%s is the pattern of anonymous VMs: vm set changes its limits", vm->name);
		return -EINVAL;
	}
	if (dpath_vm_running_locked(vm)) {
		scnprintf(why, size, "VM %s is running (pid %d): stop it first", vm->name, vm->pid);
		return -EBUSY;
	}
	if (list_empty(&vm->sets))
		return 0;
	set = list_first_entry(&vm->sets, struct dpath_set, vm_node);
	dev = list_first_entry(&set->devices, struct dpath_device, set_node);
	scnprintf(why, size, "VM %s has %u devices, %s among them: vm detach %s %s first", vm->name, vm->nr_devices, dev->address, vm->name,
		  dev->address);
	return -EBUSY;
}

int dpath_vm_del(const char *name, char *why, size_t size)
{
	struct dpath_vm *vm;
	int ret;

	mutex_lock(&node_lock);
	mutex_lock(&dpath_table_lock);
	vm = dpath_vm_lookup_locked(name);
	if (!vm) {
		scnprintf(why, size, "no VM %s: vm show lists them", name);
		ret = -ENOENT;
	} else {
		ret = check_del_locked(vm, why, size);
	}
	if (!ret)
		forget_locked(vm, "vm-del");
	mutex_unlock(&dpath_table_lock);
	if (!ret)
		remove_node(vm);
	mutex_unlock(&node_lock);
	if (!ret)
		dpath_vm_put(vm);
	return ret;
}

struct dpath_vm *dpath_vm_adhoc(void)
{
	char name[DIRECTPATH_NAME_MAX + 1];
	struct dpath_vm *vm, *new;

	scnprintf(name, sizeof(name), "adhoc-%d", task_tgid_nr(current));
	new = alloc_vm(name);
	if (!new)
		return ERR_PTR(-ENOMEM);
	new->adhoc = true;
	new->uid = current_fsuid();
	new->gid = current_fsgid();

	mutex_lock(&dpath_table_lock);
	vm = dpath_vm_lookup_locked(name);
	if (vm) {
		dpath_vm_get(vm);
	} else if (!dpath_host.adhoc) {
		vm = ERR_PTR(-EPERM);
	} else {
		vm = new;
		vm->limits = adhoc_pattern.limits;
		cpumask_copy(&vm->cpus, &adhoc_pattern.cpus);
		vm->storm = adhoc_pattern.storm;
		vm->error_policy = adhoc_pattern.error_policy;
		vm->fault_limit = adhoc_pattern.fault_limit;
		new = NULL;
		dpath_vm_get(vm);
		list_add_tail(&vm->node, &dpath_vms);
		dpath_vm_ntf(vm, "made for a process", false);
	}
	mutex_unlock(&dpath_table_lock);
	if (new)
		dpath_vm_put(new);
	return vm;
}
EXPORT_SYMBOL_NS_GPL(dpath_vm_adhoc, "DIRECTPATH");

/* --- running --- */

int dpath_vm_open(struct dpath_vm *vm)
{
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	if (vm->deleted) {
		ret = -ENODEV;
	} else if (vm->opens && vm->mm != current->mm) {
		ret = -EBUSY;
	} else if (!vm->opens++) {
		mmgrab(current->mm);
		vm->mm = current->mm;
		vm->pid = task_tgid_nr(current);
		dpath_vm_get(vm);
		dpath_vm_ntf(vm, "opened", false);
	}
	mutex_unlock(&dpath_table_lock);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dpath_vm_open, "DIRECTPATH");

void dpath_vm_close(struct dpath_vm *vm)
{
	struct mm_struct *mm = NULL;
	bool forgotten = false;

	mutex_lock(&dpath_table_lock);
	if (!--vm->opens) {
		mm = vm->mm;
		vm->mm = NULL;
		vm->pid = 0;
		dpath_vm_ntf(vm, "closed", false);
		if (vm->adhoc && list_empty(&vm->sets)) {
			forget_locked(vm, "its process is gone");
			forgotten = true;
		}
	}
	mutex_unlock(&dpath_table_lock);
	if (!mm)
		return;
	mmdrop(mm);
	if (forgotten)
		dpath_vm_put(vm);
	dpath_vm_put(vm);
}
EXPORT_SYMBOL_NS_GPL(dpath_vm_close, "DIRECTPATH");

/* --- budgets --- */

int dpath_vm_charge_pinned(struct dpath_vm *vm, u64 bytes)
{
	u64 limit = READ_ONCE(vm->limits.pinned);

	if ((u64)atomic64_add_return(bytes, &vm->pinned) > limit && limit) {
		atomic64_sub(bytes, &vm->pinned);
		return -EDQUOT;
	}
	return 0;
}

void dpath_vm_uncharge_pinned(struct dpath_vm *vm, u64 bytes)
{
	atomic64_sub(bytes, &vm->pinned);
}

/*
 * An ioctl has no text, so that an event and the log say whose limit it was and what leads out; once in a while, because a VMM can ask as fast as
 * it likes.
 */
static void report_no_vector(struct dpath_vm *vm, u32 limit)
{
	char why[DPATH_OP_MESSAGE_MAX];

	if (limit)
		scnprintf(why, sizeof(why), "no vector left: max-vectors %u are in use; vm set %s max-vectors allows more", limit, vm->name);
	else
		scnprintf(why, sizeof(why), "no vector left: vector-budget %u of the host is in use; host set vector-budget allows more",
			  READ_ONCE(dpath_host.vector_budget));
	mutex_lock(&dpath_table_lock);
	if (!vm->refused || time_after(jiffies, vm->refused + REPORT_INTERVAL)) {
		vm->refused = jiffies ?: 1;
		pr_notice("directpath: VM %s: %s\n", vm->name, why);
		dpath_vm_ntf(vm, why, false);
	}
	mutex_unlock(&dpath_table_lock);
}

int dpath_vm_charge_vectors(struct dpath_vm *vm, unsigned int nvec)
{
	u32 limit = READ_ONCE(vm->limits.vectors);
	int ret;

	if ((u32)atomic_add_return(nvec, &vm->vectors) > limit && limit) {
		atomic_sub(nvec, &vm->vectors);
		report_no_vector(vm, limit);
		return -ENOSPC;
	}
	ret = dpath_host_charge_vectors(nvec);
	if (ret) {
		atomic_sub(nvec, &vm->vectors);
		report_no_vector(vm, 0);
	}
	return ret;
}

void dpath_vm_uncharge_vectors(struct dpath_vm *vm, unsigned int nvec)
{
	atomic_sub(nvec, &vm->vectors);
	dpath_host_uncharge_vectors(nvec);
}

/* --- module --- */

int dpath_vm_module_init(const struct file_operations *fops)
{
	int ret;

	vm_fops = fops;
	ret = alloc_chrdev_region(&vm_devt, 0, VMS_MAX, "directpath");
	if (ret)
		return ret;
	vm_class = class_create("directpath");
	if (IS_ERR(vm_class)) {
		unregister_chrdev_region(vm_devt, VMS_MAX);
		return PTR_ERR(vm_class);
	}
	return 0;
}

/* No VM is open and no set is attached any more. */
void dpath_vm_module_exit(void)
{
	struct dpath_vm *vm, *next;

	mutex_lock(&node_lock);
	list_for_each_entry_safe(vm, next, &dpath_vms, node) {
		list_del_init(&vm->node);
		remove_node(vm);
		dpath_vm_put(vm);
	}
	mutex_unlock(&node_lock);
	class_destroy(vm_class);
	unregister_chrdev_region(vm_devt, VMS_MAX);
	ida_destroy(&vm_minors);
}
