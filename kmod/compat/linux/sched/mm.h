/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/sched/mm.h>

#ifndef DPATH_COMPAT_SCHED_MM_H
#define DPATH_COMPAT_SCHED_MM_H

#ifndef DPATH_HAVE_MM_GET_UNMAPPED_AREA
/* gone with 6.1: a method of the mm */
static inline unsigned long mm_get_unmapped_area(struct mm_struct *mm, struct file *file, unsigned long addr, unsigned long len,
						 unsigned long pgoff, unsigned long flags)
{
	return mm->get_unmapped_area(file, addr, len, pgoff, flags);
}
#endif

#endif
