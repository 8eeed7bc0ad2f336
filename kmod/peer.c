// SPDX-License-Identifier: GPL-2.0
/*
 * Peer-to-peer maps.
 *
 * An area made of a BAR is listed at the lease it belongs to, and everything about that list, also whether the areas are mapped now, is under
 * vm->peer_lock: a lease maps only into spaces of its own VM. Whoever opens or closes the BARs flips mmio->open first and comes here then, so the
 * last one to come sees the last state; a map that is being made reads mmio->open under the same lock.
 *
 * No references: an area outlives the lease as an empty one (dpath_peer_end()), and a lease outlives its areas (dpath_peer_unlink()). A reference
 * from the area would close a circle, for the lease holds the space.
 *
 * Locks: set->lock, config.lock -> vm->peer_lock -> domain_rwsem, iova_lock, dpath_table_lock. mmap_lock is not held when vm->peer_lock is taken.
 */

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "device.h"
#include "host.h"
#include "iova.h"
#include "lease.h"
#include "ntf.h"
#include "peer.h"
#include "space.h"
#include "space_priv.h"
#include "vm.h"

/**
 * struct dpath_peer - one area that is made of a BAR
 * @node: in dpath_lease.peers, under vm->peer_lock; empty once the lease has ended
 * @space: the space
 * @area: the area, for as long as @node is not empty or the area's owner looks at it
 */
struct dpath_peer {
	struct list_head node;
	struct dpath_space *space;
	struct dpath_area *area;
};

static struct dpath_lease *lease_of(struct dpath_mmio *mmio)
{
	return container_of(mmio, struct dpath_lease, mmio);
}

static bool is_open(struct dpath_mmio *mmio)
{
	return READ_ONCE(mmio->open);
}

static int show_locked(struct dpath_peer *peer, const char **why)
{
	struct dpath_area *area = peer->area;
	struct dpath_extent_iter at;
	int ret;

	lockdep_assert_held(&peer->space->vm->peer_lock);
	dpath_extents_seek(&at, &area->extents, area->mapped_to);
	ret = dpath_space_map_runs(peer->space, area, &at, dpath_area_npages(area), false, why);
	if (ret)
		dpath_space_unmap_area(peer->space, area);
	return ret;
}

static void hide_locked(struct dpath_peer *peer)
{
	lockdep_assert_held(&peer->space->vm->peer_lock);
	dpath_space_unmap_area(peer->space, peer->area);
}

/* The guest works on without that map; its admin should know. */
static void report_loss(struct dpath_lease *lease, const struct dpath_peer *peer, const char *why)
{
	struct dpath_device *dev = lease->dev;

	pci_warn(dev->pdev, "its BAR is not mapped again at IOVA %#llx: %s\n", dpath_area_first(peer->area), why);
	mutex_lock(&dpath_table_lock);
	dpath_dev_ntf(dev, dev->state, "a peer-to-peer map was lost");
	mutex_unlock(&dpath_table_lock);
}

void dpath_peer_sync(struct dpath_lease *lease)
{
	const char *why = NULL;
	struct dpath_peer *peer;

	mutex_lock(&lease->vm->peer_lock);
	list_for_each_entry(peer, &lease->peers, node) {
		if (!is_open(&lease->mmio))
			hide_locked(peer);
		else if (show_locked(peer, &why))
			report_loss(lease, peer, why);
	}
	mutex_unlock(&lease->vm->peer_lock);
}

void dpath_peer_end(struct dpath_lease *lease)
{
	struct dpath_peer *peer, *tmp;

	mutex_lock(&lease->vm->peer_lock);
	list_for_each_entry_safe(peer, tmp, &lease->peers, node) {
		hide_locked(peer);
		list_del_init(&peer->node);
	}
	mutex_unlock(&lease->vm->peer_lock);
}

void dpath_peer_unlink(struct dpath_space *space, struct dpath_area *area)
{
	mutex_lock(&space->vm->peer_lock);
	list_del(&area->peer->node);
	mutex_unlock(&space->vm->peer_lock);
	kfree(area->peer);
	area->peer = NULL;
}

/* The area is in the tree and ours: from here on it follows the BAR. */
static int link_peer(struct dpath_lease *lease, struct dpath_peer *peer, const char **why)
{
	int ret = -ENODEV;

	*why = "the function was taken away";
	mutex_lock(&lease->vm->peer_lock);
	if (!dpath_lease_alive(lease))
		goto unlock;
	ret = is_open(&lease->mmio) ? show_locked(peer, why) : 0;
	if (!ret)
		list_add_tail(&peer->node, &lease->peers);
unlock:
	mutex_unlock(&lease->vm->peer_lock);
	return ret;
}

static int check_part(const struct dpath_space *space, const struct dpath_bar_part *part, u64 length, const char **why)
{
	const struct dpath_bar *bar;
	u64 end;

	if (part->lease->vm != space->vm) {
		*why = "the BAR belongs to a function of another VM";
		return -EPERM;
	}
	*why = "not within a memory BAR that can be mapped";
	if (part->index >= PCI_STD_NUM_BARS || !PAGE_ALIGNED(part->offset | length) || check_add_overflow(part->offset, length, &end))
		return -EINVAL;
	bar = &part->lease->mmio.bars[part->index];
	return bar->mmapable && length && end <= PAGE_ALIGN(bar->size) ? 0 : -EINVAL;
}

static struct dpath_peer *new_peer(struct dpath_space *space, phys_addr_t phys, u64 length, int prot)
{
	struct dpath_area *area;
	struct dpath_peer *peer;

	peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	if (!peer)
		return NULL;
	area = dpath_area_new(0, prot | IOMMU_MMIO);
	if (!area)
		goto err_free_peer;
	if (dpath_extents_add(&area->extents, PHYS_PFN(phys), length >> PAGE_SHIFT, DPATH_PIN_NONE))
		goto err_free_area;
	INIT_LIST_HEAD(&peer->node);
	peer->space = space;
	peer->area = area;
	area->peer = peer;
	return peer;

err_free_area:
	dpath_area_free(area);
err_free_peer:
	kfree(peer);
	return NULL;
}

int dpath_peer_map(struct dpath_space *space, const struct dpath_bar_part *part, u64 iova, u64 length, int prot, const char **why)
{
	struct dpath_peer *peer;
	int ret;

	ret = check_part(space, part, length, why);
	if (ret)
		return ret;
	*why = "out of memory";
	peer = new_peer(space, part->lease->mmio.bars[part->index].phys + part->offset, length, prot);
	if (!peer)
		return -ENOMEM;
	ret = dpath_space_reserve(space, peer->area, iova, length, why);
	if (ret)
		goto err_free;
	ret = link_peer(part->lease, peer, why);
	if (ret)
		goto err_dismantle;
	dpath_space_publish(space, peer->area);
	return 0;

err_dismantle:
	dpath_space_dismantle(space, peer->area);
	return ret;

err_free:
	dpath_area_free(peer->area);
	kfree(peer);
	return ret;
}

/* VMAs may be split (mprotect, munmap of a part and mmap again): all of them must show one BAR without a gap. mmap_lock is held. */
static int find_bar_locked(unsigned long vaddr, u64 length, int prot, struct dpath_bar_part *part, const char **why)
{
	struct vm_area_struct *vma = vma_lookup(current->mm, vaddr);
	unsigned long addr = vaddr, end = vaddr + length;
	unsigned long need = (prot & IOMMU_READ ? VM_READ : 0) | (prot & IOMMU_WRITE ? VM_WRITE : 0);
	struct dpath_mmio *mmio;
	unsigned int index;
	u64 offset;

	mmap_assert_locked(current->mm);
	if (!vma || !dpath_mmio_of_vma(vma, &index, &offset))
		return -ENOENT;
	while (addr < end) {
		mmio = vma ? dpath_mmio_of_vma(vma, &index, &offset) : NULL;
		*why = "only a part of it is mapped from one BAR";
		if (!mmio)
			return -EFAULT;
		if ((vma->vm_flags & need) != need) {
			*why = "the BAR is not mapped with that access";
			return -EFAULT;
		}
		offset += addr - vma->vm_start;
		if (addr == vaddr)
			*part = (struct dpath_bar_part){ .lease = lease_of(mmio), .index = index, .offset = offset };
		if (lease_of(mmio) != part->lease || index != part->index || offset != part->offset + (addr - vaddr))
			return -EFAULT;
		addr = vma->vm_end;
		vma = vma_lookup(current->mm, addr);
	}
	return 0;
}

int dpath_peer_map_user(struct dpath_space *space, unsigned long vaddr, u64 iova, u64 length, int prot, const char **why)
{
	struct dpath_bar_part part;
	int ret;

	*why = "interrupted";
	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	ret = find_bar_locked(vaddr, length, prot, &part, why);
	/* The VMA holds the file, and that the lease. */
	if (!ret)
		dpath_lease_get(part.lease);
	mmap_read_unlock(current->mm);
	if (ret)
		return ret;
	ret = dpath_peer_map(space, &part, iova, length, prot, why);
	dpath_lease_put(part.lease);
	return ret;
}
