/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_DEVICE_FD_H
#define DPATH_DEVICE_FD_H

#include <linux/types.h>

struct dpath_set;
struct dpath_space;
struct file;

/*
 * Open the function @address of @set, which must run in @space (one user of the set more while the fd lives), as an fd that speaks the VFIO
 * device uAPI. Returns the fd or -errno: -ENODEV if no such member.
 */
int dpath_device_fd_new(struct dpath_set *set, struct dpath_space *space, const char *address);
/* The same, and the fd holds @keep open and is counted in @nr, which lives as long as @keep: VFIO's group files outlive their device fds. */
int dpath_device_fd_new_kept(struct dpath_set *set, struct dpath_space *space, const char *address, struct file *keep, atomic_t *nr);

/*
 * Map a part of a BAR for peer-to-peer DMA in @space: @pos is its offset in the device fd @file. -EBADF: it is none; else as dpath_space_map_bar().
 */
int dpath_device_fd_map(struct file *file, struct dpath_space *space, u64 pos, u64 iova, u64 length, int prot, const char **why);

/*
 * Does @file belong to a door as proof of a set (a VFIO group file)? Registered by the personality, for PCI_HOT_RESET; NULL takes it back.
 * @file_set returns the set or NULL; the set is good for as long as the caller holds @file.
 */
void dpath_device_fd_set_group_test(struct dpath_set *(*file_set)(struct file *file));

#endif
