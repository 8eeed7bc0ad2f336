/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/mm.h>

#ifndef DPATH_COMPAT_MM_H
#define DPATH_COMPAT_MM_H

#ifndef DPATH_HAVE_VM_FLAGS_SET
/* gone with 6.1: vm_flags is a plain member, written under mmap_lock */
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

#ifdef DPATH_HAVE_OLD_UNSHARE
/* gone with 6.1: a long-term pin for reading may leave the zero page or a COW page in place (Linux commit 84209e87c696) */
#define DPATH_GUP_KEEPS_COW 1
#else
#define DPATH_GUP_KEEPS_COW 0
#endif

#ifndef VM_ALLOW_ANY_UNCACHED
/* gone with 6.1: arm64's KVM may map write-combining what the VMM maps uncached */
#define VM_ALLOW_ANY_UNCACHED VM_NONE
#endif

#if defined(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && !defined(DPATH_HAVE_HUGE_PFN_PLAIN)
/* gone with 6.12: pfn_t */
#include <linux/pfn_t.h>
#define vmf_insert_pfn_pmd(vmf, pfn, write) vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#endif

#endif
