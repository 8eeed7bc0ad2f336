/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_MMIO_H
#define DPATH_MMIO_H

/*
 * The BARs of one lease: user mappings through a private inode, and read/write through the fd. OPEN (decode on, not in reset, lease alive) is
 * flipped under @sem; a fault while CLOSED maps a scratch page full of ones, never SIGBUS, and never sleeps on a reset.
 */

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "counters.h"

struct file;
struct inode;
struct vm_area_struct;

/**
 * struct dpath_bar - one BAR as the fd shows it
 * @phys: host physical address
 * @size: bytes; 0 if absent
 * @io: I/O ports
 * @prefetchable: may be mapped write-combining on request
 * @mmapable: pages of it may be mapped (memory, page aligned, nothing else in its last page)
 * @wc: is mapped write-combining; under dpath_mmio.sem
 * @maps: mmap() calls with mappings left
 * @max_width: widest access through the fd
 */
struct dpath_bar {
	phys_addr_t phys;
	resource_size_t size;
	bool io;
	bool prefetchable;
	bool mmapable;
	bool wc;
	atomic_t maps;
	u8 max_width;
};

#define DPATH_NR_BARS (PCI_ROM_RESOURCE + 1)

/**
 * struct dpath_mmio - the BARs of one lease
 * @sem: write: flip @open, @held or @dead; read: an access or a fault that relies on them. Nests inside mmap_lock: nothing that faults, pins or takes
 *	mmap_lock may run under it
 * @open: decode is on and no reset is under way
 * @held: resets and recoveries from errors under way: it stays CLOSED whoever opens it
 * @dead: the lease has ended; faults get scratch, reads ones, writes are dropped
 * @pdev: the function
 * @stats: counters of the lease
 * @bars: constant after dpath_mmio_init()
 * @iomap: mappings for access through the fd, made at first use under @iomap_lock, gone with the lease
 * @iomap_lock: protects making @iomap, and the one mapping of the ROM at a time; inside @sem
 * @spare: the rest of the page of a BAR smaller than a page, reserved so that nothing else is put there
 * @msix_bar: BAR of the MSI-X table, or DPATH_NR_BARS
 * @msix_start: offset of the table, which reads as ones and drops writes through the fd
 * @msix_end: offset after it
 * @inode: private inode; its i_mapping holds every VMA of the lease
 * @scratch: page of ones that CLOSED faults map; writable, refilled by @refill while mapped
 * @scratched: it was mapped since the last OPEN
 * @refill: makes @scratch all ones again
 * @doorbell_lock: protects @doorbells and @nr_doorbells; outside @sem
 * @doorbells: writes that an eventfd sets off, see mmio_doorbell.c
 * @nr_doorbells: how many
 */
struct dpath_mmio {
	struct rw_semaphore sem;
	bool open;
	unsigned int held;
	bool dead;
	struct pci_dev *pdev;
	struct dpath_lease_stats *stats;
	struct dpath_bar bars[DPATH_NR_BARS];
	void __iomem *iomap[DPATH_NR_BARS];
	struct mutex iomap_lock; /* protects making iomap */
	struct resource spare[PCI_STD_NUM_BARS];
	unsigned int msix_bar;
	u32 msix_start;
	u32 msix_end;
	struct inode *inode;
	struct page *scratch;
	bool scratched;
	struct delayed_work refill;
	struct mutex doorbell_lock; /* protects doorbells */
	struct list_head doorbells;
	unsigned int nr_doorbells;
};

/* The function is enabled and its regions are requested by the caller; starts CLOSED. */
int dpath_mmio_init(struct dpath_mmio *mmio, struct pci_dev *pdev, struct dpath_lease_stats *stats);
void dpath_mmio_destroy(struct dpath_mmio *mmio);
/* CLOSED: no access reaches the hardware when this returns; every mapping faults again. Bounded; takes no mmap_lock. */
void dpath_mmio_close(struct dpath_mmio *mmio);
/* OPEN again, unless dead or held; scratch pages are zapped so that the next touch reaches the BAR. */
void dpath_mmio_open(struct dpath_mmio *mmio);
/* CLOSED until as many dpath_mmio_unhold(), which open nothing by themselves. */
void dpath_mmio_hold(struct dpath_mmio *mmio);
void dpath_mmio_unhold(struct dpath_mmio *mmio);
/* CLOSED for good. */
void dpath_mmio_kill(struct dpath_mmio *mmio);
/* A fault has mapped the scratch page: it is kept all ones from now on. The caller holds @sem. */
void dpath_mmio_scratch_mapped(struct dpath_mmio *mmio);

/* Set file->f_mapping so that mappings of @file belong to this lease. Call once after the file was made. */
void dpath_mmio_adopt_file(struct dpath_mmio *mmio, struct file *file);
/*
 * mmap of BAR @index at byte @offset within it. Checks size, alignment, MAP_SHARED and mmapable: -EINVAL. The VMA's file must keep @mmio alive. Maps
 * nothing yet; mapping a dead lease succeeds and shows ones.
 */
int dpath_mmio_mmap(struct dpath_mmio *mmio, unsigned int index, u64 offset, struct vm_area_struct *vma);
/* f_op->get_unmapped_area for a BAR mapping: aligns the address to the BAR offset so that huge PTEs fit (where the kernel has them). */
unsigned long dpath_mmio_get_unmapped_area(struct dpath_mmio *mmio, struct file *file, unsigned int index, u64 offset, unsigned long addr,
					   unsigned long len, unsigned long pgoff, unsigned long flags);
/* Is this VMA a mapping of a BAR made here? Gives the lease's mmio, BAR and offset of vma->vm_start; caller holds mmap_lock for read. */
struct dpath_mmio *dpath_mmio_of_vma(struct vm_area_struct *vma, unsigned int *index, u64 *offset);

/* Access through the fd: kernel buffer, any count, done in naturally aligned steps of at most the region's width. CLOSED: ones, dropped. */
ssize_t dpath_mmio_read(struct dpath_mmio *mmio, unsigned int index, u64 offset, void *buf, size_t count);
ssize_t dpath_mmio_write(struct dpath_mmio *mmio, unsigned int index, u64 offset, const void *buf, size_t count);

/*
 * From now on BAR @index is mapped and accessed write-combining, or uncached as at first. -EINVAL: no prefetchable memory that can be mapped;
 * -EBUSY: it is mapped now, or the host maps it otherwise; -ENODEV: dead.
 */
int dpath_mmio_set_wc(struct dpath_mmio *mmio, unsigned int index, bool on);

/*
 * Whenever @fd is signalled, @data is written to the BAR; @fd of -1 ends that. -EINVAL: not a naturally aligned place in a memory BAR, or in the
 * MSI-X table; -EEXIST: there is one for the same place and data; -ENODEV: there is none, or the lease is dead; -ENOSPC: too many; -EBADF.
 */
int dpath_mmio_set_doorbell(struct dpath_mmio *mmio, unsigned int index, u64 offset, unsigned int width, u64 data, int fd);
/* The end of all, and none can come; part of dpath_mmio_kill(). */
void dpath_mmio_drop_doorbells(struct dpath_mmio *mmio);
/* One write of @width to a BAR that is OPEN, by whoever holds @sem; false if it has no mapping to write through yet. Any context. */
bool dpath_mmio_poke(struct dpath_mmio *mmio, unsigned int index, u64 offset, u64 data, unsigned int width);
/* Make that mapping; may sleep. */
bool dpath_mmio_prepare(struct dpath_mmio *mmio, unsigned int index);
/* One access of 1, 2, 4 or 8 bytes, little endian; the caller holds @sem. */
void dpath_mmio_read_step(void __iomem *from, void *buf, unsigned int width);
void dpath_mmio_write_step(void __iomem *to, const void *buf, unsigned int width);
/* Is any byte of [offset, offset + width) in the MSI-X table? */
bool dpath_mmio_in_msix_table(const struct dpath_mmio *mmio, unsigned int index, u64 offset, unsigned int width);

/* The legacy VGA ranges: bytes of the region, 0 if the function is no VGA adapter. */
#define DPATH_VGA_SIZE 0xc0000
u64 dpath_mmio_vga_size(const struct dpath_mmio *mmio);
/* Kernel buffer; bytes done, up to the end of the range; -EINVAL: no range there; -EINTR. Sleeps for the arbiter. */
ssize_t dpath_mmio_vga(struct dpath_mmio *mmio, u64 offset, void *buf, size_t count, bool write);
/* The framebuffer that the host booted with, if it is in a BAR of @pdev, ends. It does not come back. */
int dpath_mmio_evict_bootfb(struct pci_dev *pdev);

#endif
