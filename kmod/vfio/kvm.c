// SPDX-License-Identifier: GPL-2.0
/*
 * The names that KVM looks up with symbol_get() when a VMM adds a group to KVM's VFIO device: is this file one of VFIO's, and may its devices do
 * DMA that does not snoop the caches (then the guest gets WBINVD and its own memory types). KVM finds them by name, whoever exports them, and
 * calls them with a reference to the file; it asks about coherency whenever a group comes or goes, and rust-vmm's VMMs treat a refusal as fatal.
 *
 * KVM up to 6.3 asks vfio_file_is_group(), later ones vfio_file_is_valid(): both are here for every kernel. The prototypes are the kernel's.
 */

#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/vfio.h>

#include "../space.h"
#include "container.h"
#include "group.h"

/**
 * vfio_file_is_group - is this the file of a VFIO group?
 * @file: any file
 *
 * Return: true if so.
 */
bool vfio_file_is_group(struct file *file)
{
	return dpath_vgroup_from_file(file);
}
EXPORT_SYMBOL_GPL(vfio_file_is_group);

/**
 * vfio_file_is_valid - may this file be added to KVM's VFIO device?
 * @file: any file
 *
 * Return: true for the file of a group.
 */
bool vfio_file_is_valid(struct file *file)
{
	return dpath_vgroup_from_file(file);
}
EXPORT_SYMBOL_GPL(vfio_file_is_valid);

/**
 * vfio_file_enforced_coherent - is all DMA of the group cache coherent, whatever its devices ask for?
 * @file: file of a group
 *
 * Context: process context; may sleep: killable, and not longer than an ioctl of the group waits for its set.
 * Return: true if so; false also for a group that has no space yet, as nobody knows then. True for other files, which have no DMA.
 */
bool vfio_file_enforced_coherent(struct file *file)
{
	struct dpath_vgroup *vgroup = dpath_vgroup_from_file(file);
	struct dpath_space_info info = {};
	struct dpath_space *space;

	if (!vgroup)
		return true;
	/* KVM holds a lock of its own meanwhile. */
	if (mutex_lock_killable(&vgroup->lock))
		return false;
	space = dpath_container_space(vgroup);
	mutex_unlock(&vgroup->lock);
	if (!space)
		return false;
	dpath_space_info(space, &info);
	dpath_space_put(space);
	return info.coherent;
}
EXPORT_SYMBOL_GPL(vfio_file_enforced_coherent);

/**
 * vfio_file_set_kvm - tell a group which VM it serves
 * @file: file of a group
 * @kvm: the VM, or NULL
 *
 * For drivers that work with struct kvm. Here there are none: interrupts find KVM through their eventfds (irq bypass).
 */
void vfio_file_set_kvm(struct file *file, struct kvm *kvm)
{
}
EXPORT_SYMBOL_GPL(vfio_file_set_kvm);
