/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_VM_FD_H
#define DPATH_VM_FD_H

/*
 * The native door: /dev/directpath/<vm>. Parses, checks and answers; everything else is done by space.c, set.c and device_fd.c.
 */

#include <linux/fs.h>

/* For dpath_vm_module_init(). */
extern const struct file_operations dpath_vm_fops;

#endif
