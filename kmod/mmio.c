// SPDX-License-Identifier: GPL-2.0
/*
 * The BARs of one lease: what they are, and whether user mappings (mmio_vma.c) and accesses through the fd (mmio_access.c) reach them.
 *
 * Every VMA of a lease is in the address_space of one private inode, so that one unmap_mapping_range() takes every page of every process from it.
 * Everything that reaches a BAR reads one bit, mmio->open, under mmio->sem. A flip changes the bit with the semaphore held for writing, releases it,
 * and zaps. A fault that read the old bit has inserted its page before the flip, so the zap takes it; a fault after the flip sees the new bit. So
 * after dpath_mmio_close() no page of the BAR is mapped and none will be, and nothing ever waits for a reset under mmap_lock.
 *
 * The scratch page, which faults map meanwhile, is writable, since KVM cannot emulate every guest store that meets a read-only page, and it is cached
 * RAM. It is all ones as a missing device is; a work makes it so again every REFILL_MS while it may be mapped. One page stands for every page of
 * every BAR.
 *
 * The inode's super block is pinned by the inodes and not by the module, which it would keep loaded.
 */

#include <linux/fs.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>

#include "mmio.h"

#define MMIO_MAGIC 0x64706d6d
#define REFILL_MS 5

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

/* Takes every page of every process out of its page tables. */
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

void dpath_mmio_scratch_mapped(struct dpath_mmio *mmio)
{
	WRITE_ONCE(mmio->scratched, true);
	schedule_delayed_work(&mmio->refill, msecs_to_jiffies(REFILL_MS));
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
 * dpath_mmio_hold() - CLOSED, and nobody opens it before dpath_mmio_unhold()
 * @mmio: the lease's BARs
 *
 * A reset, a fatal error, or both: the guest's decode bit, which others act upon, is not all that counts then.
 *
 * Context: as dpath_mmio_close().
 */
void dpath_mmio_hold(struct dpath_mmio *mmio)
{
	down_write(&mmio->sem);
	mmio->held++;
	set_closed_locked(mmio);
	up_write(&mmio->sem);
	zap_all(mmio);
}

void dpath_mmio_unhold(struct dpath_mmio *mmio)
{
	down_write(&mmio->sem);
	mmio->held--;
	up_write(&mmio->sem);
}

/**
 * dpath_mmio_open() - OPEN, unless dead or held
 * @mmio: the lease's BARs
 *
 * Context: process context; takes no mmap_lock.
 */
void dpath_mmio_open(struct dpath_mmio *mmio)
{
	bool zap = false;

	down_write(&mmio->sem);
	if (!mmio->dead && !mmio->held) {
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
