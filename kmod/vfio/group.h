/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_VFIO_GROUP_H
#define DPATH_VFIO_GROUP_H

/*
 * /dev/vfio/N: the node and the file of one isolation set, as VFIO's group. See group.c.
 */

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct device;
struct dpath_container;
struct dpath_set;
struct dpath_space;
struct file;

/**
 * struct dpath_vgroup - one group
 * @ref: the table of groups, the open file, SET_IOMMU while it works on it
 * @id: number of the set, which is N and the minor number
 * @lock: serialises the ioctls of the open file; outside dpath_container.rwsem
 * @opened: bit 0: there is an open file; only one may be
 * @set: the set, referenced while the file is open
 * @container: container that the group is in, referenced; written under both @lock and the container's rwsem, read under either
 * @container_node: in dpath_container.groups
 * @space: space that the set was started in (one user of it), referenced; under the container's rwsem
 * @lent: the set was attached to an ad hoc VM for this run; as @space
 * @device_fds: device fds that were opened through the file, each of which holds it
 * @gone: out of the table: its file cannot start the set any more; written under groups_lock
 * @node: the device node, or NULL; under groups_lock of group.c, as is @keep_node
 * @keep_node: the set was given to an ad hoc VM since the node was made, and the end of that changes nothing
 */
struct dpath_vgroup {
	struct kref ref;
	int id;
	struct mutex lock; /* protects container, with the rwsem */
	unsigned long opened;
	struct dpath_set *set;
	struct dpath_container *container;
	struct list_head container_node;
	struct dpath_space *space;
	bool lent;
	atomic_t device_fds;
	bool gone;
	struct device *node;
	bool keep_node;
};

/* Group of a file, or NULL if it is none; good while the caller holds the file. */
struct dpath_vgroup *dpath_vgroup_from_file(struct file *file);
void dpath_vgroup_get(struct dpath_vgroup *vgroup);
void dpath_vgroup_put(struct dpath_vgroup *vgroup);

int dpath_vgroup_module_init(void);
void dpath_vgroup_module_exit(void);

#endif
