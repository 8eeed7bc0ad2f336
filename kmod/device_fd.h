/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_DEVICE_FD_H
#define DPATH_DEVICE_FD_H

#include <linux/types.h>

struct dpath_set;
struct dpath_space;
struct file;

/*
 * Open the function @address of @set, which must run in @space (one user of the set more while the file lives), as a file that speaks the VFIO
 * device uAPI. It holds @keep open, if there is one, and is counted in @nr, which lives as long as @keep: VFIO's group files outlive their device
 * fds. Returns an fd for fd_install(), or -errno: -ENODEV if no such member.
 */
int dpath_device_fd_reserve(struct dpath_set *set, struct dpath_space *space, const char *address, struct file *keep, atomic_t *nr,
			    struct file **file);

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
