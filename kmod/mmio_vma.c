// SPDX-License-Identifier: GPL-2.0
/*
 * User mappings of BARs: mmap(), which maps nothing, and the faults that do. What a fault maps depends on mmio->open, see mmio.c:
 *
 *	OPEN	the BAR: a 2 MiB page where the kernel has huge PFN maps and alignment permits, else FILL_SIZE around the address page by page
 *	CLOSED	the scratch page, in the page that was touched only
 *
 * VMAs that come from one mmap() share a struct bar_vma, which is all that a fault needs; they hold the file, the file holds the lease.
 *
 * Locks: mmap_lock is held by whoever calls in here; mmio->sem inside it.
 */

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/overflow.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "mmio.h"

/* A fault that cannot map a huge page maps the small pages around it too: about a millisecond's worth where there are no huge pages at all. */
#define FILL_SIZE (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) ? PMD_SIZE : SZ_64M)

/* What the VMAs of one mmap() have in common. */
struct bar_vma {
	refcount_t refs;
	struct dpath_mmio *mmio;
	unsigned int index;
	pgoff_t pgoff; /* vm_pgoff that byte 0 of the BAR would have */
};

static unsigned long vma_pfn(struct vm_area_struct *vma, unsigned long addr)
{
	struct bar_vma *bv = vma->vm_private_data;

	return PHYS_PFN(bv->mmio->bars[bv->index].phys) + vma->vm_pgoff - bv->pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
}

/* vm_page_prot is uncached, and unencrypted where memory is encrypted: wrong for a page of RAM. */
static vm_fault_t map_scratch(struct dpath_mmio *mmio, struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	vm_fault_t ret;

	ret = vmf_insert_pfn_prot(vma, vmf->address, page_to_pfn(mmio->scratch), vm_get_page_prot(vma->vm_flags));
	if (ret == VM_FAULT_NOPAGE)
		dpath_mmio_scratch_mapped(mmio);
	return ret;
}

/* Page table entries to be made like another one: @nr of them, of one table. */
struct fill {
	struct mm_struct *mm;
	unsigned long pfn;
	unsigned long nr;
	pgprot_t prot;
};

#define FILLED 1

static int read_prot(pte_t *pte, unsigned long addr, void *data)
{
	struct fill *fill = data;

	fill->prot = pte_pgprot(ptep_get(pte));
	return pte_present(ptep_get(pte)) ? 0 : -ENOENT;
}

/*
 * Called with the first entry, under the lock of the page table; does all of them, as a call for each would cost more than the entry. A page that
 * another fault has inserted meanwhile stays as it is.
 */
static int fill_table(pte_t *pte, unsigned long addr, void *data)
{
	struct fill *fill = data;
	unsigned long i;

	for (i = 0; i < fill->nr; i++)
		if (pte_none(ptep_get(pte + i)))
			set_pte_at(fill->mm, addr + i * PAGE_SIZE, pte + i, pte_mkspecial(pfn_pte(fill->pfn + i, fill->prot)));
	return FILLED;
}

/*
 * Small pages: the one that was touched, which decides, then its neighbours. These are like it in everything, memory type included, which is one for
 * the whole BAR (dpath_mmio_set_wc()): looking it up again for each of them costs 15 times as much, and remap_pfn_range() would hang the whole VMA on
 * VM_PAT, which a zap clears without mmap_lock.
 */
static vm_fault_t map_small(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = ALIGN_DOWN(vmf->address, FILL_SIZE);
	unsigned long end = min(addr + FILL_SIZE, vma->vm_end), next;
	struct fill fill = { .mm = vma->vm_mm };
	vm_fault_t ret;

	ret = vmf_insert_pfn(vma, vmf->address, vma_pfn(vma, vmf->address));
	if (ret != VM_FAULT_NOPAGE || apply_to_page_range(fill.mm, vmf->address, PAGE_SIZE, read_prot, &fill))
		return ret;

	for (addr = max(addr, vma->vm_start); addr < end; addr = next) {
		next = min(ALIGN_DOWN(addr, PMD_SIZE) + PMD_SIZE, end);
		fill.pfn = vma_pfn(vma, addr);
		fill.nr = (next - addr) >> PAGE_SHIFT;
		if (apply_to_page_range(fill.mm, addr, next - addr, fill_table, &fill) != FILLED)
			break;
		cond_resched();
	}
	return ret;
}

#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
/*
 * Not PUDs: an unaligned split of a VMA (munmap, mprotect) looks for a PMD below one without asking whether it is a leaf, and mremap() takes it for a
 * bad one (mm_find_pmd() and get_old_pud(), 6.12): any process could crash the host.
 */
static vm_fault_t map_huge(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = ALIGN_DOWN(vmf->address, PMD_SIZE);
	unsigned long pfn;

	if (order != PMD_ORDER || addr < vma->vm_start || vma->vm_end - addr < PMD_SIZE)
		return VM_FAULT_FALLBACK;
	pfn = vma_pfn(vma, addr);
	if (!IS_ALIGNED(PFN_PHYS(pfn), PMD_SIZE))
		return VM_FAULT_FALLBACK;

	return vmf_insert_pfn_pmd(vmf, pfn, false);
}

static vm_fault_t huge_fault_bar(struct vm_fault *vmf, unsigned int order)
{
	struct bar_vma *bv = vmf->vma->vm_private_data;
	struct dpath_mmio *mmio = bv->mmio;
	vm_fault_t ret = VM_FAULT_FALLBACK;

	down_read(&mmio->sem);
	if (mmio->open)
		ret = map_huge(vmf, order);
	up_read(&mmio->sem);

	if (ret != VM_FAULT_FALLBACK)
		atomic64_inc(&mmio->stats->faults);
	return ret;
}
#endif

static vm_fault_t fault_bar(struct vm_fault *vmf)
{
	struct bar_vma *bv = vmf->vma->vm_private_data;
	struct dpath_mmio *mmio = bv->mmio;
	vm_fault_t ret;

	atomic64_inc(&mmio->stats->faults);
	down_read(&mmio->sem);
	if (mmio->open)
		ret = map_small(vmf);
	else
		ret = map_scratch(mmio, vmf);
	up_read(&mmio->sem);

	return ret;
}

static void open_vma(struct vm_area_struct *vma)
{
	struct bar_vma *bv = vma->vm_private_data;

	refcount_inc(&bv->refs);
}

static void close_vma(struct vm_area_struct *vma)
{
	struct bar_vma *bv = vma->vm_private_data;

	if (!refcount_dec_and_test(&bv->refs))
		return;
	atomic_dec(&bv->mmio->bars[bv->index].maps);
	kfree(bv);
}

static const struct vm_operations_struct bar_vm_ops = {
	.open = open_vma,
	.close = close_vma,
	.fault = fault_bar,
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	.huge_fault = huge_fault_bar,
#endif
};

void dpath_mmio_adopt_file(struct dpath_mmio *mmio, struct file *file)
{
	file->f_mapping = mmio->inode->i_mapping;
}

int dpath_mmio_mmap(struct dpath_mmio *mmio, unsigned int index, u64 offset, struct vm_area_struct *vma)
{
	u64 length = vma->vm_end - vma->vm_start;
	struct bar_vma *bv;
	pgprot_t prot;
	u64 size;

	if (index >= PCI_STD_NUM_BARS || !mmio->bars[index].mmapable)
		return -EINVAL;
	size = PAGE_ALIGN(mmio->bars[index].size);
	if (!(vma->vm_flags & VM_SHARED) || !length || offset_in_page(offset))
		return -EINVAL;
	if (offset >= size || length > size - offset)
		return -EINVAL;

	bv = kzalloc(sizeof(*bv), GFP_KERNEL_ACCOUNT);
	if (!bv)
		return -ENOMEM;
	refcount_set(&bv->refs, 1);
	bv->mmio = mmio;
	bv->index = index;
	bv->pgoff = vma->vm_pgoff - (offset >> PAGE_SHIFT);

	/* From here on its memory type stays, see dpath_mmio_set_wc(). */
	down_read(&mmio->sem);
	atomic_inc(&mmio->bars[index].maps);
	prot = mmio->bars[index].wc ? pgprot_writecombine(vma->vm_page_prot) : pgprot_noncached(vma->vm_page_prot);
	up_read(&mmio->sem);

	vm_flags_set(vma, VM_ALLOW_ANY_UNCACHED | VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_decrypted(prot);
	vma->vm_private_data = bv;
	vma->vm_ops = &bar_vm_ops;
	return 0;
}

struct dpath_mmio *dpath_mmio_of_vma(struct vm_area_struct *vma, unsigned int *index, u64 *offset)
{
	struct bar_vma *bv = vma->vm_private_data;

	if (vma->vm_ops != &bar_vm_ops)
		return NULL;
	*index = bv->index;
	*offset = (u64)(vma->vm_pgoff - bv->pgoff) << PAGE_SHIFT;
	return bv->mmio;
}

/**
 * dpath_mmio_get_unmapped_area() - where to map a BAR
 * @mmio: the lease's BARs
 * @file: the file that is mapped
 * @index: BAR
 * @offset: byte in it
 * @addr: what the caller would like, or 0
 * @len: bytes to map
 * @pgoff: page of @file
 * @flags: MAP_*
 *
 * Asks for as much more as makes room for an address that is congruent to the physical one, so that faults can map 2 MiB pages.
 *
 * Context: mmap_lock held for writing.
 * Return: an address or -errno.
 */
unsigned long dpath_mmio_get_unmapped_area(struct dpath_mmio *mmio, struct file *file, unsigned int index, u64 offset, unsigned long addr,
					   unsigned long len, unsigned long pgoff, unsigned long flags)
{
	bool huge = IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && len >= PMD_SIZE;
	unsigned long wide, found, want;

	if (addr || flags & MAP_FIXED || !huge || index >= PCI_STD_NUM_BARS || check_add_overflow(len, PMD_SIZE, &wide))
		return mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags);

	found = mm_get_unmapped_area(current->mm, file, 0, wide, pgoff, flags);
	if (IS_ERR_VALUE(found))
		return mm_get_unmapped_area(current->mm, file, 0, len, pgoff, flags);
	want = mmio->bars[index].phys + offset;
	return found + ((want - found) & (PMD_SIZE - 1));
}
