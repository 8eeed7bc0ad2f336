// SPDX-License-Identifier: GPL-2.0
/*
 * The BARs of one lease: user mappings and access through the fd.
 *
 * Every VMA of a lease is in the address_space of one private inode, so that one unmap_mapping_range() takes every page of every process from it.
 * mmap() maps nothing; faults do. What a fault maps depends on one bit, mmio->open, which they read under mmio->sem:
 *
 *	OPEN	the BAR: a 2 MiB page where the kernel has huge PFN maps and alignment permits, else FILL_SIZE around the address page by page
 *	CLOSED	the scratch page, in the page that was touched only
 *
 * A flip changes the bit with the semaphore held for writing, releases it, and zaps. A fault that read the old bit has inserted its page before the
 * flip, so the zap takes it; a fault after the flip sees the new bit. So after dpath_mmio_close() no page of the BAR is mapped and none will be, and
 * nothing ever waits for a reset under mmap_lock.
 *
 * The scratch page is writable, since KVM cannot emulate every guest store that meets a read-only page, and it is cached RAM. It is all ones as a
 * missing device is; a work makes it so again every REFILL_MS while it may be mapped. One page stands for every page of every BAR.
 *
 * VMAs that come from one mmap() share a struct bar_vma, which is all that a fault needs; they hold the file, the file holds the lease. The inode's
 * super block is pinned by the inodes and not by the module, which it would keep loaded.
 *
 * Access through the fd goes in naturally aligned steps, little endian as the bus is, under the same semaphore, held for CHUNK bytes at a time.
 */

#include <linux/fs.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/overflow.h>
#include <linux/pseudo_fs.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "mmio.h"

#define MMIO_MAGIC 0x64706d6d
#define REFILL_MS 5
#define CHUNK 256
#define ROM_CHUNK SZ_4K /* what is worth mapping the ROM for */

/* A fault that cannot map a huge page maps the small pages around it too: about a millisecond's worth where there are no huge pages at all. */
#define FILL_SIZE (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) ? PMD_SIZE : SZ_64M)

/* What the VMAs of one mmap() have in common. */
struct bar_vma {
	refcount_t refs;
	struct dpath_mmio *mmio;
	unsigned int index;
	pgoff_t pgoff; /* vm_pgoff that byte 0 of the BAR would have */
};

static struct vfsmount *mmio_mount;
static int mmio_mount_count;

static int init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, MMIO_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type mmio_fs = {
	.name = "directpath",
	.owner = THIS_MODULE,
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

static struct inode *get_inode(void)
{
	struct inode *inode;
	int ret;

	ret = simple_pin_fs(&mmio_fs, &mmio_mount, &mmio_mount_count);
	if (ret)
		return ERR_PTR(ret);

	inode = alloc_anon_inode(mmio_mount->mnt_sb);
	if (IS_ERR(inode))
		simple_release_fs(&mmio_mount, &mmio_mount_count);
	return inode;
}

static void put_inode(struct inode *inode)
{
	iput(inode);
	simple_release_fs(&mmio_mount, &mmio_mount_count);
}

static void zap_all(struct dpath_mmio *mmio)
{
	unmap_mapping_range(mmio->inode->i_mapping, 0, 0, true);
}

static void fill_scratch(struct dpath_mmio *mmio)
{
	memset(page_address(mmio->scratch), 0xff, PAGE_SIZE);
}

static void refill_scratch(struct work_struct *work)
{
	struct dpath_mmio *mmio = container_of(to_delayed_work(work), struct dpath_mmio, refill);

	fill_scratch(mmio);
	if (READ_ONCE(mmio->scratched) && mapping_mapped(mmio->inode->i_mapping))
		schedule_delayed_work(&mmio->refill, msecs_to_jiffies(REFILL_MS));
}

/* Faults */

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
	if (ret == VM_FAULT_NOPAGE) {
		WRITE_ONCE(mmio->scratched, true);
		schedule_delayed_work(&mmio->refill, msecs_to_jiffies(REFILL_MS));
	}
	return ret;
}

/* Small pages: the one that was touched, which decides, then its neighbours. A page that another fault has inserted meanwhile stays as it is. */
static vm_fault_t map_small(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = ALIGN_DOWN(vmf->address, FILL_SIZE);
	unsigned long last = min(addr + FILL_SIZE - 1, vma->vm_end - 1);
	vm_fault_t ret;

	ret = vmf_insert_pfn(vma, vmf->address, vma_pfn(vma, vmf->address));
	if (ret != VM_FAULT_NOPAGE)
		return ret;

	for (addr = max(addr, vma->vm_start); addr <= last; addr += PAGE_SIZE) {
		if (addr == vmf->address)
			continue;
		if (vmf_insert_pfn(vma, addr, vma_pfn(vma, addr)) != VM_FAULT_NOPAGE)
			break;
		if (IS_ALIGNED(addr, PMD_SIZE))
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

/* Access through the fd */

static void __iomem *get_iomap(struct dpath_mmio *mmio, unsigned int index)
{
	/* Pairs with the release below: a mapping that is seen is complete. */
	void __iomem *map = smp_load_acquire(&mmio->iomap[index]);

	if (map)
		return map;

	mutex_lock(&mmio->iomap_lock);
	map = mmio->iomap[index];
	if (!map) {
		map = mmio->bars[index].wc ? pci_iomap_wc(mmio->pdev, index, 0) : pci_iomap(mmio->pdev, index, 0);
		/* Pairs with the acquire above. */
		smp_store_release(&mmio->iomap[index], map);
	}
	mutex_unlock(&mmio->iomap_lock);

	return map;
}

static unsigned int step_width(const struct dpath_bar *bar, u64 offset, size_t count)
{
	unsigned int width = bar->max_width;

	while (width > count || offset & (width - 1))
		width >>= 1;
	return width;
}

/* The table is the host's: the interrupt core writes it. Its edges are 8-byte aligned (PCI 3.0, 6.8.2), so no step crosses them. */
bool dpath_mmio_in_msix_table(const struct dpath_mmio *mmio, unsigned int index, u64 offset, unsigned int width)
{
	return index == mmio->msix_bar && offset < mmio->msix_end && offset + width > mmio->msix_start;
}

void dpath_mmio_read_step(void __iomem *from, void *buf, unsigned int width)
{
	__le64 v64;
	__le32 v32;
	__le16 v16;

	switch (width) {
	case 8:
		v64 = cpu_to_le64(ioread64(from));
		memcpy(buf, &v64, sizeof(v64));
		break;
	case 4:
		v32 = cpu_to_le32(ioread32(from));
		memcpy(buf, &v32, sizeof(v32));
		break;
	case 2:
		v16 = cpu_to_le16(ioread16(from));
		memcpy(buf, &v16, sizeof(v16));
		break;
	default:
		*(u8 *)buf = ioread8(from);
	}
}

void dpath_mmio_write_step(void __iomem *to, const void *buf, unsigned int width)
{
	__le64 v64;
	__le32 v32;
	__le16 v16;

	switch (width) {
	case 8:
		memcpy(&v64, buf, sizeof(v64));
		iowrite64(le64_to_cpu(v64), to);
		break;
	case 4:
		memcpy(&v32, buf, sizeof(v32));
		iowrite32(le32_to_cpu(v32), to);
		break;
	case 2:
		memcpy(&v16, buf, sizeof(v16));
		iowrite16(le16_to_cpu(v16), to);
		break;
	default:
		iowrite8(*(const u8 *)buf, to);
	}
}

static int read_bar_locked(struct dpath_mmio *mmio, unsigned int index, u64 offset, u8 *buf, size_t count)
{
	const struct dpath_bar *bar = &mmio->bars[index];
	void __iomem *map;
	unsigned int width;

	lockdep_assert_held(&mmio->sem);
	map = get_iomap(mmio, index);
	if (!map)
		return -ENOMEM;

	for (; count; count -= width, offset += width, buf += width) {
		width = step_width(bar, offset, count);
		if (dpath_mmio_in_msix_table(mmio, index, offset, 1))
			memset(buf, 0xff, width);
		else
			dpath_mmio_read_step(map + offset, buf, width);
	}
	return 0;
}

static int write_bar_locked(struct dpath_mmio *mmio, unsigned int index, u64 offset, const u8 *buf, size_t count)
{
	const struct dpath_bar *bar = &mmio->bars[index];
	void __iomem *map;
	unsigned int width;

	lockdep_assert_held(&mmio->sem);
	map = get_iomap(mmio, index);
	if (!map)
		return -ENOMEM;

	for (; count; count -= width, offset += width, buf += width) {
		width = step_width(bar, offset, count);
		if (!dpath_mmio_in_msix_table(mmio, index, offset, 1))
			dpath_mmio_write_step(map + offset, buf, width);
	}
	if (bar->wc)
		wmb(); /* what was combined goes out now */
	return 0;
}

/* What lies behind the end of the image reads as ones; so does a ROM that has none. */
static void read_rom_image(const struct dpath_bar *bar, void __iomem *rom, size_t size, u64 offset, u8 *buf, size_t count)
{
	unsigned int width;

	for (; count; count -= width, offset += width, buf += width) {
		width = step_width(bar, offset, count);
		if (offset + width > size)
			memset(buf, 0xff, width);
		else
			dpath_mmio_read_step(rom + offset, buf, width);
	}
}

/*
 * The ROM is decoded only while it is read: on some functions that takes the decoder of a BAR. iomap_lock: one reader's end must not switch it off
 * under another.
 */
static void read_rom_locked(struct dpath_mmio *mmio, u64 offset, u8 *buf, size_t count)
{
	const struct dpath_bar *bar = &mmio->bars[PCI_ROM_RESOURCE];
	struct pci_dev *pdev = mmio->pdev;
	bool platform = !pci_resource_len(pdev, PCI_ROM_RESOURCE);
	void __iomem *rom;
	size_t size = 0;

	lockdep_assert_held(&mmio->sem);
	mutex_lock(&mmio->iomap_lock);
	if (platform) {
		rom = ioremap(pdev->rom, pdev->romlen);
		size = pdev->romlen;
	} else {
		rom = pci_map_rom(pdev, &size);
	}
	read_rom_image(bar, rom, rom ? size : 0, offset, buf, count);
	if (rom && platform)
		iounmap(rom);
	else if (rom)
		pci_unmap_rom(pdev, rom);
	mutex_unlock(&mmio->iomap_lock);
}

/* Bytes of an access that are within the BAR, or -EINVAL. */
static ssize_t clamp_access(struct dpath_mmio *mmio, unsigned int index, u64 offset, size_t count)
{
	if (index >= DPATH_NR_BARS || offset >= mmio->bars[index].size)
		return -EINVAL;
	return min_t(u64, min_t(u64, count, mmio->bars[index].size - offset), SSIZE_MAX);
}

/**
 * dpath_mmio_read() - read a BAR or the ROM through the fd
 * @mmio: the lease's BARs
 * @index: BAR, or PCI_ROM_RESOURCE
 * @offset: byte in it
 * @buf: kernel buffer
 * @count: bytes
 *
 * While CLOSED, and in the MSI-X table, reads are ones.
 *
 * Context: process context, sleeps; no lock of dpath_mmio is held.
 * Return: bytes read, fewer than @count at the end of the BAR; -EINVAL if there is no such byte; -ENOMEM.
 */
ssize_t dpath_mmio_read(struct dpath_mmio *mmio, unsigned int index, u64 offset, void *buf, size_t count)
{
	ssize_t total = clamp_access(mmio, index, offset, count);
	size_t done, chunk;
	int ret = 0;

	if (total <= 0)
		return total;
	atomic64_inc(&mmio->stats->region_reads);

	for (done = 0; done < total && !ret; done += chunk) {
		chunk = min_t(size_t, total - done, index == PCI_ROM_RESOURCE ? ROM_CHUNK : CHUNK);
		down_read(&mmio->sem);
		if (!mmio->open)
			memset(buf + done, 0xff, chunk);
		else if (index == PCI_ROM_RESOURCE)
			read_rom_locked(mmio, offset + done, buf + done, chunk);
		else
			ret = read_bar_locked(mmio, index, offset + done, buf + done, chunk);
		up_read(&mmio->sem);
	}
	return ret ?: total;
}

/**
 * dpath_mmio_write() - write a BAR through the fd
 * @mmio: the lease's BARs
 * @index: BAR
 * @offset: byte in it
 * @buf: kernel buffer
 * @count: bytes
 *
 * While CLOSED, and in the MSI-X table, writes are dropped.
 *
 * Context: process context, sleeps; no lock of dpath_mmio is held.
 * Return: bytes written, fewer than @count at the end of the BAR; -EINVAL if there is no such byte or it is in the ROM; -ENOMEM.
 */
ssize_t dpath_mmio_write(struct dpath_mmio *mmio, unsigned int index, u64 offset, const void *buf, size_t count)
{
	ssize_t total = clamp_access(mmio, index, offset, count);
	size_t done, chunk;
	int ret = 0;

	if (total <= 0)
		return total;
	if (index == PCI_ROM_RESOURCE)
		return -EINVAL;
	atomic64_inc(&mmio->stats->region_writes);

	for (done = 0; done < total && !ret; done += chunk) {
		chunk = min_t(size_t, total - done, CHUNK);
		down_read(&mmio->sem);
		if (mmio->open)
			ret = write_bar_locked(mmio, index, offset + done, buf + done, chunk);
		up_read(&mmio->sem);
	}
	return ret ?: total;
}

bool dpath_mmio_prepare(struct dpath_mmio *mmio, unsigned int index)
{
	return get_iomap(mmio, index);
}

bool dpath_mmio_poke(struct dpath_mmio *mmio, unsigned int index, u64 offset, u64 data, unsigned int width)
{
	void __iomem *map = smp_load_acquire(&mmio->iomap[index]); /* as in get_iomap() */
	__le64 bytes = cpu_to_le64(data);

	if (!map)
		return false;
	dpath_mmio_write_step(map + offset, &bytes, width);
	if (mmio->bars[index].wc)
		wmb(); /* what was combined goes out now */
	return true;
}

/* Memory types */

/* With sem held for writing nobody uses the mapping. */
static void drop_iomap_locked(struct dpath_mmio *mmio, unsigned int index)
{
	lockdep_assert_held_write(&mmio->sem);
	mutex_lock(&mmio->iomap_lock);
	if (mmio->iomap[index])
		pci_iounmap(mmio->pdev, mmio->iomap[index]);
	mmio->iomap[index] = NULL;
	mutex_unlock(&mmio->iomap_lock);
}

/*
 * On x86 the memory type of a physical range is reserved, and what is reserved first decides for every mapping made of it by page faults: uncached
 * where nothing is. So write-combining is reserved for the BAR as a whole, while nothing maps it, and the kernel's own mapping is of that type too.
 */
int dpath_mmio_set_wc(struct dpath_mmio *mmio, unsigned int index, bool on)
{
	struct dpath_bar *bar;
	int ret = 0;

	if (index >= PCI_STD_NUM_BARS || !mmio->bars[index].mmapable || !mmio->bars[index].prefetchable)
		return -EINVAL;
	bar = &mmio->bars[index];

	down_write(&mmio->sem);
	if (mmio->dead)
		ret = -ENODEV;
	else if (bar->wc != on && atomic_read(&bar->maps))
		ret = -EBUSY;
	if (ret || bar->wc == on)
		goto unlock;
	drop_iomap_locked(mmio, index);
	if (!on)
		arch_io_free_memtype_wc(bar->phys, PAGE_ALIGN(bar->size));
	else if (arch_io_reserve_memtype_wc(bar->phys, PAGE_ALIGN(bar->size)))
		ret = -EBUSY;
	if (!ret)
		bar->wc = on;
unlock:
	up_write(&mmio->sem);
	return ret;
}

/* Flips */

/* The guest may have written to the scratch page after its last refill. */
static void set_closed_locked(struct dpath_mmio *mmio)
{
	lockdep_assert_held_write(&mmio->sem);
	if (!mmio->scratched)
		fill_scratch(mmio);
	mmio->open = false;
}

/**
 * dpath_mmio_close() - CLOSED
 * @mmio: the lease's BARs
 *
 * Context: process context; takes no mmap_lock; bounded by the faults and accesses under way.
 */
void dpath_mmio_close(struct dpath_mmio *mmio)
{
	down_write(&mmio->sem);
	set_closed_locked(mmio);
	up_write(&mmio->sem);
	zap_all(mmio);
}

/**
 * dpath_mmio_open() - OPEN, unless dead
 * @mmio: the lease's BARs
 *
 * Context: process context; takes no mmap_lock.
 */
void dpath_mmio_open(struct dpath_mmio *mmio)
{
	bool zap = false;

	down_write(&mmio->sem);
	if (!mmio->dead) {
		mmio->open = true;
		zap = mmio->scratched;
		mmio->scratched = false;
	}
	up_write(&mmio->sem);
	if (zap)
		zap_all(mmio);
}

static void unmap_io(struct dpath_mmio *mmio)
{
	unsigned int i;

	mutex_lock(&mmio->iomap_lock);
	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (mmio->iomap[i])
			pci_iounmap(mmio->pdev, mmio->iomap[i]);
		mmio->iomap[i] = NULL;
		if (mmio->bars[i].wc)
			arch_io_free_memtype_wc(mmio->bars[i].phys, PAGE_ALIGN(mmio->bars[i].size));
		mmio->bars[i].wc = false;
		if (mmio->spare[i].parent)
			release_resource(&mmio->spare[i]);
	}
	mutex_unlock(&mmio->iomap_lock);
}

/**
 * dpath_mmio_kill() - CLOSED for good
 * @mmio: the lease's BARs
 *
 * Mappings stay and show ones.
 *
 * Context: process context; takes no mmap_lock; bounded as dpath_mmio_close(). May be called again.
 */
void dpath_mmio_kill(struct dpath_mmio *mmio)
{
	down_write(&mmio->sem);
	mmio->dead = true;
	set_closed_locked(mmio);
	up_write(&mmio->sem);
	zap_all(mmio);
	dpath_mmio_drop_doorbells(mmio);
	unmap_io(mmio);
}

/* Beginning and end */

/* A BAR smaller than a page may be mapped if it begins its page and nothing else can come to be in the rest of it. */
static bool reserve_page(struct dpath_mmio *mmio, unsigned int index, struct resource *res)
{
	struct resource *spare = &mmio->spare[index];

	if (resource_size(res) >= PAGE_SIZE)
		return true;
	if (offset_in_page(res->start) || !res->parent)
		return false;
	spare->name = "directpath sub-page";
	spare->start = res->end + 1;
	spare->end = res->start + PAGE_SIZE - 1;
	spare->flags = res->flags;
	return !request_resource(res->parent, spare);
}

static void describe_bar(struct dpath_mmio *mmio, unsigned int index)
{
	struct resource *res = &mmio->pdev->resource[index];
	struct dpath_bar *bar = &mmio->bars[index];

	if (!res->start || res->flags & IORESOURCE_UNSET)
		return;
	bar->phys = res->start;
	bar->size = pci_resource_len(mmio->pdev, index);
	bar->io = res->flags & IORESOURCE_IO;
	bar->prefetchable = res->flags & IORESOURCE_PREFETCH;
	bar->mmapable = res->flags & IORESOURCE_MEM && reserve_page(mmio, index, res);
	bar->max_width = bar->io ? 4 : 8;
}

/* 8-byte reads of a ROM raise errors on some functions. The BAR need not have an address before the ROM is read. */
static void describe_rom(struct dpath_mmio *mmio)
{
	struct dpath_bar *bar = &mmio->bars[PCI_ROM_RESOURCE];
	struct pci_dev *pdev = mmio->pdev;

	bar->max_width = 4;
	bar->phys = pci_resource_start(pdev, PCI_ROM_RESOURCE);
	bar->size = pci_resource_len(pdev, PCI_ROM_RESOURCE);
	if (!bar->size && pdev->rom && pdev->romlen)
		bar->size = roundup_pow_of_two(pdev->romlen);
}

static void find_msix_table(struct dpath_mmio *mmio)
{
	int count = pci_msix_vec_count(mmio->pdev);
	u32 table;

	mmio->msix_bar = DPATH_NR_BARS;
	if (count <= 0)
		return;
	pci_read_config_dword(mmio->pdev, mmio->pdev->msix_cap + PCI_MSIX_TABLE, &table);
	mmio->msix_bar = table & PCI_MSIX_TABLE_BIR;
	mmio->msix_start = table & PCI_MSIX_TABLE_OFFSET;
	mmio->msix_end = mmio->msix_start + count * PCI_MSIX_ENTRY_SIZE;
}

/**
 * dpath_mmio_init() - the BARs of a new lease
 * @mmio: to be initialised
 * @pdev: the function, enabled, its regions requested by the caller
 * @stats: counters of the lease
 *
 * Context: process context.
 * Return: 0 or -errno; CLOSED afterwards.
 */
int dpath_mmio_init(struct dpath_mmio *mmio, struct pci_dev *pdev, struct dpath_lease_stats *stats)
{
	unsigned int i;

	memset(mmio, 0, sizeof(*mmio));
	init_rwsem(&mmio->sem);
	mutex_init(&mmio->iomap_lock);
	mutex_init(&mmio->doorbell_lock);
	INIT_LIST_HEAD(&mmio->doorbells);
	INIT_DELAYED_WORK(&mmio->refill, refill_scratch);
	mmio->pdev = pdev;
	mmio->stats = stats;

	mmio->scratch = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!mmio->scratch)
		return -ENOMEM;
	fill_scratch(mmio);
	mmio->inode = get_inode();
	if (IS_ERR(mmio->inode)) {
		__free_page(mmio->scratch);
		return PTR_ERR(mmio->inode);
	}

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		describe_bar(mmio, i);
	describe_rom(mmio);
	find_msix_table(mmio);
	return 0;
}

/**
 * dpath_mmio_destroy() - the end of @mmio
 * @mmio: the lease's BARs, dead or not
 *
 * Context: process context, after the last file and with it the last VMA is gone.
 */
void dpath_mmio_destroy(struct dpath_mmio *mmio)
{
	unmap_io(mmio);
	cancel_delayed_work_sync(&mmio->refill);
	put_inode(mmio->inode);
	__free_page(mmio->scratch);
	mutex_destroy(&mmio->doorbell_lock);
	mutex_destroy(&mmio->iomap_lock);
}
