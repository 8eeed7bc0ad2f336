// SPDX-License-Identifier: GPL-2.0
/*
 * One IOVA space of a running VM: areas (iova.c), their pages (pin.c, extent.c) and the domains that translate them (domain.c).
 *
 * Locks, outermost first:
 *   domain_rwsem  READ around each chunk's iommu_map or iommu_unmap (at most DPATH_CHUNK), so that maps and unmaps of disjoint areas run in parallel.
 *                 WRITE around attach, detach, replay and block: the IOMMU drivers free what mappers walk when attachments change.
 *   iova_lock     the tree and area->state; only for edits of the tree, also inside domain_rwsem.
 * Pinning, unpinning, zeroing, charging and user memory are outside both. dpath_table_lock is only taken with none of them held.
 *
 * An area belongs to the one thread that brought it into the state MAPPING or UNMAPPING; only that thread touches its pages and moves its cursor
 * mapped_to. Invariant: whenever domain_rwsem can be had for WRITE, every domain of the list translates exactly the pages [0, mapped_to) of every
 * area. Mapping moves the cursor up and unmapping moves it down from the end, chunk by chunk, each under READ together with the change to the
 * domains; so an attach that comes in between replays [0, mapped_to) into its domain and the rest follows with the others. The owner may append runs
 * behind mapped_to while a replay reads those before it; a run that grows at its end is good in either form.
 *
 * An area made of a BAR is mapped and unmapped while it is live, as the BAR comes and goes (peer.c): vm->peer_lock, outside domain_rwsem, makes
 * whoever holds it the owner of its cursor.
 *
 * An area keeps its IOVA until it is unmapped and unpinned, or a new map would be undone by the old unmap. Pages are unpinned only when no domain
 * translates them. If a driver does not unmap what it is told to, the domain is taken from all its sets (DMA blocked), the space is broken, the
 * pages stay pinned and the area keeps its place.
 */

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "domain.h"
#include "host.h"
#include "iova.h"
#include "pin.h"
#include "peer.h"
#include "space.h"
#include "space_priv.h"
#include "vm.h"

static struct kmem_cache *area_cache;

/* An address space may be created while the VM is open by the same mm only. */
static int link_space(struct dpath_space *space)
{
	int ret = -EPERM;

	mutex_lock(&dpath_table_lock);
	if (space->vm->mm == current->mm) {
		list_add_tail(&space->node, &space->vm->spaces);
		ret = 0;
	}
	mutex_unlock(&dpath_table_lock);
	return ret;
}

struct dpath_space *dpath_space_new(struct dpath_vm *vm)
{
	struct dpath_space *space;
	int ret;

	space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	if (!space)
		return ERR_PTR(-ENOMEM);
	kref_init(&space->ref);
	init_rwsem(&space->domain_rwsem);
	INIT_LIST_HEAD(&space->domains);
	mutex_init(&space->iova_lock);
	dpath_iova_init(&space->iova);
	space->pgsizes = PAGE_SIZE;
	space->vm = vm;
	space->account = dpath_account_new();
	if (IS_ERR(space->account)) {
		ret = PTR_ERR(space->account);
		goto err_free_space;
	}
	ret = link_space(space);
	if (ret)
		goto err_put_account;
	dpath_vm_get(vm);
	return space;

err_put_account:
	dpath_account_put(space->account);
err_free_space:
	kfree(space);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_NS_GPL(dpath_space_new, "DIRECTPATH");

void dpath_space_get(struct dpath_space *space)
{
	kref_get(&space->ref);
}
EXPORT_SYMBOL_NS_GPL(dpath_space_get, "DIRECTPATH");

static void uncharge(struct dpath_space *space, unsigned long npages)
{
	dpath_account_uncharge(space->account, npages);
	dpath_vm_uncharge_pinned(space->vm, (u64)npages << PAGE_SHIFT);
}

/* The quota of the VM, then the limit of the process. */
static int charge(struct dpath_space *space, unsigned long npages, const char **why)
{
	u64 bytes = (u64)npages << PAGE_SHIFT;
	int ret;

	ret = dpath_vm_charge_pinned(space->vm, bytes);
	if (ret) {
		*why = "over the VM's quota of pinned memory";
		return ret;
	}
	ret = dpath_account_charge(space->account, npages);
	if (ret) {
		*why = ret == -ENOMEM ? "over RLIMIT_MEMLOCK" : "interrupted";
		dpath_vm_uncharge_pinned(space->vm, bytes);
	}
	return ret;
}

/* Take the domains from their sets, once; nothing is mapped or attached from here on. */
static void break_space(struct dpath_space *space)
{
	struct dpath_domain *dom;
	bool first;

	lockdep_assert_not_held(&space->iova_lock);
	down_write(&space->domain_rwsem);
	first = !space->broken;
	space->broken = true;
	if (first) {
		list_for_each_entry(dom, &space->domains, node)
			dpath_domain_block(dom);
	}
	up_write(&space->domain_rwsem);
	if (!first)
		return;
	pr_err("directpath: %s: the IOMMU driver did not unmap what it was told to; DMA is blocked, memory is leaked\n", space->vm->name);
	if (space->on_broken)
		space->on_broken(space);
}

/* Map the pages [mapped_to, mapped_to + @npages), all in one chunk, into every domain or none. */
static int map_chunk_locked(struct dpath_space *space, struct dpath_area *area, const struct dpath_extent_iter *at, unsigned long npages)
{
	u64 iova = dpath_area_page_iova(area, area->mapped_to);
	struct dpath_domain *dom;
	bool leaky = false;
	int ret = 0;

	lockdep_assert_held(&space->domain_rwsem);
	if (space->broken)
		return -EIO;
	list_for_each_entry(dom, &space->domains, node) {
		ret = dpath_domain_map(dom, iova, at, npages, area->prot);
		if (ret)
			goto err_unmap;
	}
	area->mapped_to += npages;
	return 0;

err_unmap:
	leaky = READ_ONCE(dom->leaky);
	list_for_each_entry_continue_reverse(dom, &space->domains, node)
		leaky |= dpath_domain_unmap(dom, iova, (u64)npages << PAGE_SHIFT) != (u64)npages << PAGE_SHIFT;
	/* Something of it may still be translated. The area is dismantled next, and that decides. */
	if (leaky)
		area->mapped_to += npages;
	return ret;
}

int dpath_space_map_runs(struct dpath_space *space, struct dpath_area *area, struct dpath_extent_iter *at, unsigned long end, bool killable,
			 const char **why)
{
	unsigned long npages;
	int ret;

	while (area->mapped_to < end) {
		npages = min(end - area->mapped_to, dpath_area_chunk(area, area->mapped_to));
		if (!killable) {
			down_read(&space->domain_rwsem);
		} else if (down_read_killable(&space->domain_rwsem)) {
			*why = "interrupted";
			return -EINTR;
		}
		ret = map_chunk_locked(space, area, at, npages);
		up_read(&space->domain_rwsem);
		if (ret) {
			*why = ret == -EIO ? "an earlier unmap failed; the space is unusable" : "the IOMMU driver cannot map it";
			return ret;
		}
		dpath_skip_pages(at, npages);
		cond_resched();
	}
	return 0;
}

static int pin_and_map(struct dpath_space *space, struct dpath_area *area, const char **why)
{
	unsigned long total = dpath_area_npages(area), done = 0, vaddr;
	bool writable = area->prot & IOMMU_WRITE;
	struct dpath_extent_iter at;
	struct dpath_pinner pinner;
	long ret;

	dpath_extents_seek(&at, &area->extents, 0);
	*why = "out of memory";
	ret = dpath_pinner_init(&pinner, total);
	while (!ret && done < total) {
		vaddr = area->vaddr + (done << PAGE_SHIFT);
		ret = dpath_pin(&pinner, vaddr, total - done, writable, &area->extents);
		if (ret < 0) {
			if (ret == -EFAULT)
				*why = dpath_pin_explain(vaddr, writable);
			else if (ret == -EINTR)
				*why = "interrupted";
			break;
		}
		done += ret;
		ret = dpath_space_map_runs(space, area, &at, done, true, why);
	}
	dpath_pinner_destroy(&pinner);
	return ret;
}

/* Unmap the pages [@page, mapped_to), all in one chunk, from every domain; false if one of them stopped short. */
static bool unmap_chunk_locked(struct dpath_space *space, struct dpath_area *area, unsigned long page)
{
	u64 length = (u64)(area->mapped_to - page) << PAGE_SHIFT;
	struct dpath_domain *dom;
	bool whole = true;

	lockdep_assert_held(&space->domain_rwsem);
	list_for_each_entry(dom, &space->domains, node) {
		if (dpath_domain_unmap(dom, dpath_area_page_iova(area, page), length) != length)
			whole = false;
	}
	if (whole)
		area->mapped_to = page;
	return whole;
}

void dpath_space_unmap_area(struct dpath_space *space, struct dpath_area *area)
{
	unsigned long head = dpath_area_chunk(area, 0), chunk = DPATH_CHUNK >> PAGE_SHIFT, page;
	bool whole = true;

	/* Where the driver stops short. */
	might_lock(&space->domain_rwsem);
	while (whole && area->mapped_to) {
		down_read(&space->domain_rwsem);
		page = 0;
		if (area->mapped_to > head)
			page = head + (area->mapped_to - head - 1) / chunk * chunk;
		whole = unmap_chunk_locked(space, area, page);
		up_read(&space->domain_rwsem);
		cond_resched();
	}
	if (!whole)
		break_space(space);
}

void dpath_area_free(struct dpath_area *area)
{
	dpath_extents_destroy(&area->extents);
	kmem_cache_free(area_cache, area);
}

/* Takes no mmap_lock and cannot fail but for a broken IOMMU driver. The IOVA is taken until the area is unmapped and unpinned. */
bool dpath_space_dismantle(struct dpath_space *space, struct dpath_area *area)
{
	unsigned long pinned = area->extents.npages, kept, done;
	bool charged = !area->peer;

	if (area->peer)
		dpath_peer_unlink(space, area);
	dpath_space_unmap_area(space, area);
	kept = area->mapped_to;
	done = dpath_unpin(&area->extents, kept, pinned - kept, area->prot & IOMMU_WRITE);
	/* The whole area was charged, pinned or not; only what stays pinned stays charged. */
	if (charged)
		uncharge(space, dpath_area_npages(area) - (pinned - done));
	if (kept)
		return false;
	mutex_lock(&space->iova_lock);
	dpath_iova_remove(&space->iova, area);
	mutex_unlock(&space->iova_lock);
	dpath_area_free(area);
	return true;
}

static int check_caller(struct dpath_space *space, int prot, const char **why)
{
	if (current->mm != dpath_account_mm(space->account)) {
		*why = "only the process that opened the VM can map its memory";
		return -EPERM;
	}
	if (!prot || prot & ~(IOMMU_READ | IOMMU_WRITE)) {
		*why = "access must be read, write or both";
		return -EINVAL;
	}
	return 0;
}

static int check_memory(unsigned long vaddr, u64 length, const char **why)
{
	if (!PAGE_ALIGNED(vaddr) || !PAGE_ALIGNED(length)) {
		*why = "memory is not page aligned";
		return -EINVAL;
	}
	if (!access_ok((void __user *)vaddr, length)) {
		*why = "no user memory";
		return -EFAULT;
	}
	return 0;
}

static int check_free_locked(struct dpath_space *space, u64 iova, u64 length, const char **why)
{
	int ret;

	lockdep_assert_held(&space->iova_lock);
	ret = dpath_iova_check(&space->iova, iova, length, why);
	if (ret)
		return ret;
	if (dpath_iova_first(&space->iova, iova, iova + length - 1)) {
		*why = "already mapped";
		return -EEXIST;
	}
	return 0;
}

static int check_free(struct dpath_space *space, u64 iova, u64 length, const char **why)
{
	int ret;

	mutex_lock(&space->iova_lock);
	ret = check_free_locked(space, iova, length, why);
	mutex_unlock(&space->iova_lock);
	return ret;
}

struct dpath_area *dpath_area_new(unsigned long vaddr, int prot)
{
	struct dpath_area *area = kmem_cache_alloc(area_cache, GFP_KERNEL_ACCOUNT);

	if (!area)
		return NULL;
	area->state = DPATH_AREA_MAPPING;
	area->prot = prot;
	area->mapped_to = 0;
	area->vaddr = vaddr;
	area->owner = NULL;
	area->peer = NULL;
	dpath_extents_init(&area->extents);
	return area;
}

int dpath_space_reserve(struct dpath_space *space, struct dpath_area *area, u64 iova, u64 length, const char **why)
{
	int ret;

	mutex_lock(&space->iova_lock);
	ret = check_free_locked(space, iova, length, why);
	if (!ret)
		ret = dpath_iova_insert(&space->iova, area, iova, iova + length - 1);
	mutex_unlock(&space->iova_lock);
	return ret;
}

void dpath_space_publish(struct dpath_space *space, struct dpath_area *area)
{
	mutex_lock(&space->iova_lock);
	area->state = DPATH_AREA_LIVE;
	mutex_unlock(&space->iova_lock);
}

static int map_area(struct dpath_space *space, unsigned long vaddr, u64 iova, u64 length, int prot, const char **why)
{
	unsigned long npages = length >> PAGE_SHIFT;
	struct dpath_area *area;
	int ret;

	ret = charge(space, npages, why);
	if (ret)
		return ret;
	*why = "out of memory";
	ret = -ENOMEM;
	area = dpath_area_new(vaddr, prot);
	if (!area)
		goto err_uncharge;
	ret = dpath_space_reserve(space, area, iova, length, why);
	if (ret)
		goto err_free_area;
	ret = pin_and_map(space, area, why);
	if (ret)
		goto err_dismantle;
	dpath_space_publish(space, area);
	return 0;

err_dismantle:
	dpath_space_dismantle(space, area);
	return ret;

err_free_area:
	dpath_area_free(area);
err_uncharge:
	uncharge(space, npages);
	return ret;
}

/* Nanoseconds, for sums. The clock of the scheduler: that of the timekeeper may be a device, and cost more than the unmap of a page. */
static u64 elapsed(u64 start)
{
	u64 now = local_clock();

	/* We may have moved to a CPU that is behind. */
	return now > start ? now - start : 0;
}

static void count_map(struct dpath_space *space, u64 start)
{
	atomic64_inc(&space->vm->maps);
	atomic64_add(elapsed(start), &space->vm->map_ns);
}

/**
 * dpath_space_map - map memory of the caller, or BARs that it has mapped, for DMA
 * @space: the space
 * @vaddr: user address of the memory
 * @iova: address that devices shall see it at
 * @length: bytes
 * @prot: IOMMU_READ, IOMMU_WRITE or both
 * @why: set to a static text on failure, or NULL
 *
 * Works before any set is attached; the memory is pinned then, and translated from the attachment on. All or nothing. What the caller has mapped of a
 * BAR through a device fd of the same VM is mapped as that BAR, see peer.h.
 *
 * Context: process context of the mm that owns the space, no lock held; killable.
 * Return: 0; -EINVAL, -EOVERFLOW, -ERANGE (aperture), -EEXIST: the request; -EPERM: a reserved range, or another mm; -ENOMEM: RLIMIT_MEMLOCK or no
 * memory; -EDQUOT: the VM's quota; -EFAULT: not mapped or cannot be pinned; -EINTR: killed; -EIO: the space is broken.
 */
int dpath_space_map(struct dpath_space *space, unsigned long vaddr, u64 iova, u64 length, int prot, const char **why)
{
	u64 start = local_clock();
	const char *unused;
	int ret;

	if (!why)
		why = &unused;
	ret = check_caller(space, prot, why);
	if (ret)
		return ret;
	ret = check_memory(vaddr, length, why);
	if (ret)
		return ret;
	ret = check_free(space, iova, length, why);
	if (ret)
		return ret;
	ret = dpath_peer_map_user(space, vaddr, iova, length, prot, why);
	if (ret == -ENOENT)
		ret = map_area(space, vaddr, iova, length, prot, why);
	if (!ret)
		count_map(space, start);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dpath_space_map, "DIRECTPATH");

int dpath_space_map_bar(struct dpath_space *space, const struct dpath_bar_part *part, u64 iova, u64 length, int prot, const char **why)
{
	u64 start = local_clock();
	int ret;

	ret = check_caller(space, prot, why);
	if (ret)
		return ret;
	ret = check_free(space, iova, length, why);
	if (ret)
		return ret;
	ret = dpath_peer_map(space, part, iova, length, prot, why);
	if (!ret)
		count_map(space, start);
	return ret;
}

/* Make the live areas of a range ours, chained through area->owner. Those in flux are left alone. */
static struct dpath_area *take_live_locked(struct dpath_space *space, u64 first, u64 last)
{
	struct dpath_area *area, *taken = NULL;

	lockdep_assert_held(&space->iova_lock);
	for (area = dpath_iova_first(&space->iova, first, last); area; area = dpath_iova_next(area, first, last)) {
		if (area->state != DPATH_AREA_LIVE)
			continue;
		area->state = DPATH_AREA_UNMAPPING;
		area->owner = taken;
		taken = area;
		cond_resched();
	}
	return taken;
}

/* Dismantle a chain; returns the bytes that are free again. */
static u64 dismantle_taken(struct dpath_space *space, struct dpath_area *taken)
{
	u64 start = local_clock();
	struct dpath_area *area;
	u64 bytes = 0, length;
	s64 nr = 0;

	while ((area = taken)) {
		taken = area->owner;
		length = dpath_area_length(area);
		if (dpath_space_dismantle(space, area))
			bytes += length;
		nr++;
	}
	if (!nr)
		return 0;
	atomic64_add(nr, &space->vm->unmaps);
	atomic64_add(elapsed(start), &space->vm->unmap_ns);
	return bytes;
}

/**
 * dpath_space_unmap - unmap every area of a range
 * @space: the space
 * @iova: first byte
 * @length: bytes; the range may have holes, but must not cut an area
 * @unmapped: set to the bytes unmapped, 0 if there was nothing
 *
 * Context: process context of anybody who holds the fd, no lock held. Takes no mmap_lock.
 * Return: 0; -EINVAL: empty, misaligned or cuts an area; -EOVERFLOW; -EBUSY: an area is being mapped or unmapped by another thread.
 */
int dpath_space_unmap(struct dpath_space *space, u64 iova, u64 length, u64 *unmapped)
{
	struct dpath_area *taken = NULL;
	u64 last;
	int ret;

	*unmapped = 0;
	if (!length || !PAGE_ALIGNED(iova | length))
		return -EINVAL;
	if (check_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	mutex_lock(&space->iova_lock);
	ret = dpath_iova_check_whole(&space->iova, iova, last);
	if (!ret)
		taken = take_live_locked(space, iova, last);
	mutex_unlock(&space->iova_lock);
	if (!ret)
		*unmapped = dismantle_taken(space, taken);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dpath_space_unmap, "DIRECTPATH");

/**
 * dpath_space_unmap_all - unmap every area that is not in flux
 * @space: the space
 * @unmapped: set to the bytes unmapped
 *
 * Context: as dpath_space_unmap(). An area that another thread is mapping stays.
 */
void dpath_space_unmap_all(struct dpath_space *space, u64 *unmapped)
{
	struct dpath_area *taken;

	mutex_lock(&space->iova_lock);
	taken = take_live_locked(space, 0, U64_MAX);
	mutex_unlock(&space->iova_lock);
	*unmapped = dismantle_taken(space, taken);
}
EXPORT_SYMBOL_NS_GPL(dpath_space_unmap_all, "DIRECTPATH");

/* What a broken driver has left: the areas go, their pages stay pinned for good. */
static void forget_areas(struct dpath_space *space)
{
	struct dpath_area *area;

	while ((area = dpath_iova_first(&space->iova, 0, U64_MAX))) {
		dpath_iova_remove(&space->iova, area);
		dpath_area_free(area);
	}
}

static void release_space(struct kref *ref)
{
	struct dpath_space *space = container_of(ref, struct dpath_space, ref);
	struct dpath_domain *dom, *tmp;
	u64 unmapped;

	list_del(&space->node);
	mutex_unlock(&dpath_table_lock);

	/* There is no set left to be told about, and no reference to be had. */
	space->on_broken = NULL;
	dpath_space_unmap_all(space, &unmapped);
	forget_areas(space);
	list_for_each_entry_safe(dom, tmp, &space->domains, node) {
		list_del(&dom->node);
		dpath_domain_free(dom);
	}
	dpath_iova_destroy(&space->iova);
	dpath_account_put(space->account);
	dpath_vm_put(space->vm);
	mutex_destroy(&space->iova_lock);
	kfree(space);
}

/**
 * dpath_space_put - drop a reference
 * @space: the space
 *
 * With the last one everything is unmapped and unpinned. A space that is in dpath_vm.spaces has a reference, so it can be got under dpath_table_lock.
 *
 * Context: process context, no lock held; takes no mmap_lock, waits for nobody.
 */
void dpath_space_put(struct dpath_space *space)
{
	might_lock(&dpath_table_lock);
	might_lock(&space->vm->peer_lock);
	might_lock_read(&space->domain_rwsem);
	might_lock(&space->iova_lock);
	/* On the last reference the table lock is held, and release_space() drops it. */
	kref_put_mutex(&space->ref, release_space, &dpath_table_lock);
}
EXPORT_SYMBOL_NS_GPL(dpath_space_put, "DIRECTPATH");

void dpath_space_info(struct dpath_space *space, struct dpath_space_info *info)
{
	/* Not under domain_rwsem: a replay may take long, and this is asked for by netlink dumps. */
	info->pgsizes = READ_ONCE(space->pgsizes);
	info->coherent = READ_ONCE(space->coherent);
	mutex_lock(&space->iova_lock);
	info->areas = space->iova.nr;
	info->mapped = space->iova.bytes;
	mutex_unlock(&space->iova_lock);
}
EXPORT_SYMBOL_NS_GPL(dpath_space_info, "DIRECTPATH");

unsigned int dpath_space_ranges(struct dpath_space *space, u64 (*ranges)[2], unsigned int max)
{
	unsigned int nr;

	mutex_lock(&space->iova_lock);
	nr = dpath_iova_ranges(&space->iova, ranges, max);
	mutex_unlock(&space->iova_lock);
	return nr;
}
EXPORT_SYMBOL_NS_GPL(dpath_space_ranges, "DIRECTPATH");

int dpath_space_module_init(void)
{
	area_cache = KMEM_CACHE(dpath_area, SLAB_ACCOUNT);
	return area_cache ? 0 : -ENOMEM;
}

void dpath_space_module_exit(void)
{
	kmem_cache_destroy(area_cache);
}
