/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/blkdev.h>

#ifndef DPATH_COMPAT_BLKDEV_H
#define DPATH_COMPAT_BLKDEV_H

#ifndef DPATH_HAVE_ALLOC_DISK_LIMITS
/* gone with 6.1: no limits at allocation, and NULL on failure */
static inline struct gendisk *dpath_alloc_disk(const struct queue_limits *limits, int node)
{
	return blk_alloc_disk(node) ?: ERR_PTR(-ENOMEM);
}

#undef blk_alloc_disk
#define blk_alloc_disk dpath_alloc_disk
#endif

#endif
