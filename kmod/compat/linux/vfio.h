/* SPDX-License-Identifier: GPL-2.0 */
/* A kernel without VFIO groups has inline answers under a name that our vfio.ko defines. */
#if !IS_ENABLED(CONFIG_VFIO_GROUP)
#define vfio_file_is_group dpath_no_vfio_file_is_group
#endif
#include_next <linux/vfio.h>
#undef vfio_file_is_group

#ifndef DPATH_COMPAT_VFIO_H
#define DPATH_COMPAT_VFIO_H

/* The same prototypes again; gone with 6.1: vfio_file_is_valid(), which is not in its header. */
bool vfio_file_is_group(struct file *file);
bool vfio_file_is_valid(struct file *file);

#endif
