// SPDX-License-Identifier: GPL-2.0
/*
 * The IOVA side of an address space: an interval tree of areas, a short sorted list of reserved ranges, the aperture and the granule. Nothing
 * here touches a page or a domain.
 *
 * Every bound is inclusive, so that the last byte of the 64-bit space is an address like any other and no sum of a first byte and a length ever
 * wraps to zero unnoticed.
 *
 * Invariants: areas are disjoint, inside the aperture, outside every reserved range, and begin and end at multiples of the granule; whatever
 * would break that is refused by the call that tries (insert, reserve, narrow), which then has changed nothing. An area that is being unmapped
 * still owns its range. Reserved ranges are sorted by first byte; those of one name neither touch nor overlap each other, those of different
 * names may.
 *
 * No locks: the lock of the space serialises every call.
 */

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "iova.h"

/* The interval tree counts in unsigned long. */
static_assert(sizeof(unsigned long) == sizeof(u64));

/**
 * dpath_iova_init - make an empty address space
 * @iova: storage
 *
 * All 64 bits are usable, in pages of the CPU, until dpath_iova_narrow() says otherwise.
 */
void dpath_iova_init(struct dpath_iova *iova)
{
	*iova = (struct dpath_iova){
		.root = RB_ROOT_CACHED,
		.last = U64_MAX,
		.granule = PAGE_SIZE,
	};
	INIT_LIST_HEAD(&iova->reserved);
}

/**
 * dpath_iova_destroy - free the reserved ranges
 * @iova: the address space; its owner has removed and freed every area
 */
void dpath_iova_destroy(struct dpath_iova *iova)
{
	struct dpath_iova_reserved *resv, *tmp;

	WARN_ON_ONCE(iova->nr);
	list_for_each_entry_safe(resv, tmp, &iova->reserved, list) {
		list_del(&resv->list);
		kfree(resv);
	}
}

/**
 * dpath_iova_first - first area that overlaps a range
 * @iova: the address space
 * @first: first byte of the range
 * @last: last byte of the range
 *
 * Return: the area with the lowest address, or NULL.
 */
struct dpath_area *dpath_iova_first(const struct dpath_iova *iova, u64 first, u64 last)
{
	/* The tree is only read; its accessor has no const form. */
	struct interval_tree_node *node = interval_tree_iter_first((struct rb_root_cached *)&iova->root, first, last);

	return node ? container_of(node, struct dpath_area, node) : NULL;
}

/**
 * dpath_iova_next - next area that overlaps a range
 * @area: what dpath_iova_first() or dpath_iova_next() returned for the same range
 * @first: first byte of the range
 * @last: last byte of the range
 *
 * Return: the area with the next higher address, or NULL.
 */
struct dpath_area *dpath_iova_next(struct dpath_area *area, u64 first, u64 last)
{
	struct interval_tree_node *node;

	/* Areas are disjoint: nothing of the range is left. */
	if (dpath_area_last(area) >= last)
		return NULL;
	node = interval_tree_iter_next(&area->node, first, last);
	return node ? container_of(node, struct dpath_area, node) : NULL;
}

static bool aligned(u64 granule, u64 first, u64 last)
{
	return !((first | (last + 1)) & (granule - 1));
}

static int check_range(const struct dpath_iova *iova, u64 first, u64 last, const char **why)
{
	struct dpath_iova_reserved *resv;

	if (!aligned(iova->granule, first, last)) {
		*why = "not aligned to the page size of the IOMMU";
		return -EINVAL;
	}
	if (first < iova->first || last > iova->last) {
		*why = "outside the range that the IOMMU can address";
		return -ERANGE;
	}
	list_for_each_entry(resv, &iova->reserved, list) {
		if (resv->first > last)
			break;
		if (resv->last >= first) {
			*why = resv->name;
			return -EPERM;
		}
	}
	return 0;
}

/**
 * dpath_iova_check - may this range be mapped, apart from areas that exist
 * @iova: the address space
 * @first: first byte
 * @length: bytes
 * @why: set to a static text when it may not; the name of the range for one that is reserved
 *
 * Return: 0; -EINVAL: empty or misaligned; -EOVERFLOW: wraps around; -ERANGE: outside the aperture; -EPERM: touches a reserved range.
 */
int dpath_iova_check(const struct dpath_iova *iova, u64 first, u64 length, const char **why)
{
	u64 last;

	if (!length) {
		*why = "empty range";
		return -EINVAL;
	}
	if (check_add_overflow(first, length - 1, &last)) {
		*why = "range wraps around the end of the address space";
		return -EOVERFLOW;
	}
	return check_range(iova, first, last, why);
}

/**
 * dpath_iova_insert - give an area its range
 * @iova: the address space
 * @area: the area; its node is written here
 * @first: first byte
 * @last: last byte
 *
 * Return: 0; -EEXIST: overlaps an area; -EINVAL: @first is behind @last; or what dpath_iova_check() says about the range.
 */
int dpath_iova_insert(struct dpath_iova *iova, struct dpath_area *area, u64 first, u64 last)
{
	const char *why;
	int ret;

	if (first > last)
		return -EINVAL;
	ret = check_range(iova, first, last, &why);
	if (ret)
		return ret;
	if (dpath_iova_first(iova, first, last))
		return -EEXIST;
	area->node.start = first;
	area->node.last = last;
	interval_tree_insert(&area->node, &iova->root);
	iova->nr++;
	iova->bytes += dpath_area_length(area);
	return 0;
}

/**
 * dpath_iova_remove - take the range of an area back
 * @iova: the address space
 * @area: an area that is in it: unmapped everywhere, and unpinned, or the same IOVA would be mapped again under the unmap
 */
void dpath_iova_remove(struct dpath_iova *iova, struct dpath_area *area)
{
	interval_tree_remove(&area->node, &iova->root);
	iova->nr--;
	iova->bytes -= dpath_area_length(area);
}

/**
 * dpath_iova_check_whole - may the areas of a range be unmapped
 * @iova: the address space
 * @first: first byte
 * @last: last byte
 *
 * The rule of VFIO type1 version 2: a range may hold any number of areas and holes, but must not cut an area in two.
 *
 * Return: 0, also if there is none; -EINVAL: cuts an area, or @first is behind @last; -EBUSY: one of them is still being mapped or already being
 * unmapped by another thread.
 */
int dpath_iova_check_whole(const struct dpath_iova *iova, u64 first, u64 last)
{
	struct dpath_area *area;
	int ret = 0;

	if (first > last)
		return -EINVAL;
	for (area = dpath_iova_first(iova, first, last); area; area = dpath_iova_next(area, first, last)) {
		if (dpath_area_first(area) < first || dpath_area_last(area) > last)
			return -EINVAL;
		if (area->state != DPATH_AREA_LIVE)
			ret = -EBUSY;
	}
	return ret;
}

/* Does [first, last] overlap @resv or continue it without a gap? */
static bool touches(const struct dpath_iova_reserved *resv, u64 first, u64 last)
{
	if (resv->first > last)
		return resv->first - last == 1;
	if (resv->last < first)
		return first - resv->last == 1;
	return true;
}

/**
 * dpath_iova_reserve - rule out a range for good
 * @iova: the address space
 * @first: first byte
 * @last: last byte
 * @name: why; a static string
 *
 * Context: may sleep.
 * Return: 0; -EINVAL: @first is behind @last; -EBUSY: an area is there already; -ENOMEM.
 */
int dpath_iova_reserve(struct dpath_iova *iova, u64 first, u64 last, const char *name)
{
	struct dpath_iova_reserved *fresh, *resv, *tmp;
	struct list_head *place = &iova->reserved;

	if (first > last)
		return -EINVAL;
	if (dpath_iova_first(iova, first, last))
		return -EBUSY;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return -ENOMEM;
	fresh->first = first;
	fresh->last = last;
	fresh->name = name;

	/* Those of one name are apart from each other, so a swallowed one brings no further neighbour. */
	list_for_each_entry_safe(resv, tmp, &iova->reserved, list) {
		if (strcmp(resv->name, name) || !touches(resv, first, last))
			continue;
		fresh->first = min(fresh->first, resv->first);
		fresh->last = max(fresh->last, resv->last);
		list_del(&resv->list);
		kfree(resv);
	}
	list_for_each_entry(resv, &iova->reserved, list) {
		if (resv->first > fresh->first) {
			place = &resv->list;
			break;
		}
	}
	list_add_tail(&fresh->list, place);
	return 0;
}

static bool areas_fit(const struct dpath_iova *iova, u64 first, u64 last, u64 granule)
{
	struct dpath_area *area;

	for (area = dpath_iova_first(iova, 0, U64_MAX); area; area = dpath_iova_next(area, 0, U64_MAX)) {
		if (dpath_area_first(area) < first || dpath_area_last(area) > last)
			return false;
		if (!aligned(granule, dpath_area_first(area), dpath_area_last(area)))
			return false;
	}
	return true;
}

/**
 * dpath_iova_narrow - a domain joins the address space
 * @iova: the address space
 * @first: first IOVA the domain can translate
 * @last: last one
 * @granule: its smallest page, a power of two
 * @why: set to a static text on failure
 *
 * The aperture becomes the common part and the granule the larger one, unless that contradicts an area or leaves nothing.
 *
 * Return: 0, or -EINVAL with the address space as it old_
 */
int dpath_iova_narrow(struct dpath_iova *iova, u64 first, u64 last, u64 granule, const char **why)
{
	u64 old_first = iova->first, old_last = iova->last, old_granule = iova->granule;

	if (!is_power_of_2(granule)) {
		*why = "page size of the IOMMU is no power of two";
		return -EINVAL;
	}
	first = max(first, iova->first);
	last = min(last, iova->last);
	granule = max(granule, iova->granule);
	if (first > last) {
		*why = "IOMMU has no address in common with the others of this address space";
		return -EINVAL;
	}
	if (!areas_fit(iova, first, last, granule)) {
		*why = "IOMMU cannot translate what is mapped already (address width or page size)";
		return -EINVAL;
	}
	iova->first = first;
	iova->last = last;
	iova->granule = granule;
	if (!dpath_iova_ranges(iova, NULL, 0)) {
		*why = "IOMMU leaves no usable address: all of them are reserved";
		goto err_widen;
	}
	return 0;

err_widen:
	iova->first = old_first;
	iova->last = old_last;
	iova->granule = old_granule;
	return -EINVAL;
}

/* Append what whole granules there are in [first, last]. */
static unsigned int emit_range(const struct dpath_iova *iova, u64 first, u64 last, u64 (*ranges)[2], unsigned int nr, unsigned int max)
{
	u64 mask = iova->granule - 1;

	if (first & mask) {
		first |= mask;
		if (first == U64_MAX)
			return nr;
		first++;
	}
	if ((last & mask) != mask) {
		last &= ~mask;
		if (!last)
			return nr;
		last--;
	}
	if (first > last)
		return nr;
	if (nr < max) {
		ranges[nr][0] = first;
		ranges[nr][1] = last;
	}
	return nr + 1;
}

/**
 * dpath_iova_ranges - what may be mapped, areas not considered
 * @iova: the address space
 * @ranges: pairs of first and last byte, ascending; may be NULL if @max is 0
 * @max: room in @ranges
 *
 * Return: how many ranges there are, which may be more than @max.
 */
unsigned int dpath_iova_ranges(const struct dpath_iova *iova, u64 (*ranges)[2], unsigned int max)
{
	struct dpath_iova_reserved *resv;
	u64 next = iova->first;
	unsigned int nr = 0;

	list_for_each_entry(resv, &iova->reserved, list) {
		if (resv->first > iova->last)
			break;
		if (resv->last < next)
			continue;
		if (resv->first > next)
			nr = emit_range(iova, next, resv->first - 1, ranges, nr, max);
		if (resv->last >= iova->last)
			return nr;
		next = resv->last + 1;
	}
	return emit_range(iova, next, iova->last, ranges, nr, max);
}
