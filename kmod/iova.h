/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_IOVA_H
#define DPATH_IOVA_H

/*
 * The IOVA side of one address space: which areas exist, which ranges may never be mapped, and what the aperture is. `last` is inclusive
 * everywhere, so that an area may end at the last byte of the 64-bit space. No locking here: the space's lock serialises every call.
 */

#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/types.h>

#include "extent.h"

struct dpath_peer;

/**
 * enum dpath_area_state - phase of one area
 * @DPATH_AREA_MAPPING: being pinned and mapped by the thread that made it
 * @DPATH_AREA_LIVE: mapped; may be unmapped
 * @DPATH_AREA_UNMAPPING: being unmapped by one thread; its IOVA stays taken until it is unmapped and unpinned
 */
enum dpath_area_state {
	DPATH_AREA_MAPPING,
	DPATH_AREA_LIVE,
	DPATH_AREA_UNMAPPING,
};

/**
 * struct dpath_area - one mapping made by one map call
 * @node: place in the tree; node.start and node.last are the IOVA range, both inclusive
 * @state: phase
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE, IOMMU_MMIO
 * @mapped_to: pages already mapped into every domain of the space, from the start
 * @vaddr: user address it was made from, for observation only
 * @extents: the physical side
 * @owner: for the layer above
 * @peer: the BAR that it is made of, for the layer above; NULL: memory
 */
struct dpath_area {
	struct interval_tree_node node;
	enum dpath_area_state state;
	int prot;
	unsigned long mapped_to;
	unsigned long vaddr;
	struct dpath_extents extents;
	void *owner;
	struct dpath_peer *peer;
};

/**
 * struct dpath_iova_reserved - range that may not be mapped
 * @list: in dpath_iova.reserved
 * @first: first IOVA
 * @last: last IOVA, inclusive
 * @name: why, shown to the caller ("MSI window", "reserved by firmware (RMRR)")
 */
struct dpath_iova_reserved {
	struct list_head list;
	u64 first;
	u64 last;
	const char *name;
};

/**
 * struct dpath_iova - areas, reserved ranges and aperture of one space
 * @root: interval tree of areas
 * @reserved: list of struct dpath_iova_reserved, sorted, merged where the name is the same
 * @first: first usable IOVA
 * @last: last usable IOVA, inclusive
 * @granule: smallest page size, every area starts and ends at a multiple of it
 * @nr: number of areas
 * @bytes: bytes in all areas
 */
struct dpath_iova {
	struct rb_root_cached root;
	struct list_head reserved;
	u64 first;
	u64 last;
	u64 granule;
	unsigned long nr;
	u64 bytes;
};

void dpath_iova_init(struct dpath_iova *iova);
void dpath_iova_destroy(struct dpath_iova *iova);

int dpath_iova_check(const struct dpath_iova *iova, u64 first, u64 length, const char **why);
int dpath_iova_insert(struct dpath_iova *iova, struct dpath_area *area, u64 first, u64 last);
void dpath_iova_remove(struct dpath_iova *iova, struct dpath_area *area);
struct dpath_area *dpath_iova_first(const struct dpath_iova *iova, u64 first, u64 last);
struct dpath_area *dpath_iova_next(struct dpath_area *area, u64 first, u64 last);
int dpath_iova_check_whole(const struct dpath_iova *iova, u64 first, u64 last);

int dpath_iova_reserve(struct dpath_iova *iova, u64 first, u64 last, const char *name);
int dpath_iova_narrow(struct dpath_iova *iova, u64 first, u64 last, u64 granule, const char **why);
unsigned int dpath_iova_ranges(const struct dpath_iova *iova, u64 (*ranges)[2], unsigned int max);

static inline u64 dpath_area_first(const struct dpath_area *area)
{
	return area->node.start;
}

static inline u64 dpath_area_last(const struct dpath_area *area)
{
	return area->node.last;
}

static inline u64 dpath_area_length(const struct dpath_area *area)
{
	return area->node.last - area->node.start + 1;
}

#endif
