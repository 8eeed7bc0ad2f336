/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_VFIO_CONTAINER_H
#define DPATH_VFIO_CONTAINER_H

/*
 * /dev/vfio/vfio: VFIO's container, which is one space of one VM. See container.c.
 */

struct dpath_container;
struct dpath_space;
struct dpath_vgroup;
struct file;

/* Container of a file, or NULL if it is none; good while the caller holds the file. */
struct dpath_container *dpath_container_from_file(struct file *file);
/* Put a group into a container, and start its set if the container has its space already. @vgroup->lock is held. */
int dpath_container_add(struct dpath_container *container, struct dpath_vgroup *vgroup);
/* Take a group out of its container: its set stops, and with the last one the VM's space ends. @vgroup->lock is held. */
void dpath_container_remove(struct dpath_vgroup *vgroup, const char *cause);
/* Space that the group's set was started in, with a reference; or NULL. @vgroup->lock is held. */
struct dpath_space *dpath_container_space(struct dpath_vgroup *vgroup);

int dpath_container_module_init(void);
void dpath_container_module_exit(void);

#endif
