/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_EXTENT_H
#define DPATH_EXTENT_H

/*
 * The physical side of one IOVA area: runs of contiguous page frames in the order of the area, coalesced as they are added, 8 bytes a run.
 * No locking: the area's owner serialises (mapping, live and unmapping are exclusive phases of an area, see iova.h).
 */

#include <linux/types.h>

/**
 * enum dpath_pin - how the pages of a run are held
 * @DPATH_PIN_PAGE: one pin per 4K page
 * @DPATH_PIN_PMD: one pin per 2 MiB huge page, the run is made of whole ones
 * @DPATH_PIN_PUD: one pin per 1 GiB huge page, the run is made of whole ones
 * @DPATH_PIN_NONE: not memory (a BAR); nothing to unpin, nothing charged
 */
enum dpath_pin {
	DPATH_PIN_PAGE,
	DPATH_PIN_PMD,
	DPATH_PIN_PUD,
	DPATH_PIN_NONE,
};

/* One run, unpacked. */
struct dpath_extent {
	unsigned long pfn;
	unsigned long npages;
	enum dpath_pin pin;
};

struct dpath_extent_block;

/**
 * struct dpath_extents - runs of one area
 * @first: the first run, packed; one run needs no allocation
 * @head: blocks with the further runs
 * @tail: last block
 * @nr: number of runs
 * @npages: pages in all runs
 */
struct dpath_extents {
	u64 first;
	struct dpath_extent_block *head;
	struct dpath_extent_block *tail;
	unsigned long nr;
	unsigned long npages;
};

/* Cursor over runs; opaque. */
struct dpath_extent_iter {
	const struct dpath_extents *extents;
	const struct dpath_extent_block *block;
	unsigned long idx;	/* run number, counted over the area */
	unsigned long skip;	/* pages of that run already consumed */
};

void dpath_extents_init(struct dpath_extents *extents);
int dpath_extents_add(struct dpath_extents *extents, unsigned long pfn, unsigned long npages, enum dpath_pin pin);
void dpath_extents_destroy(struct dpath_extents *extents);

void dpath_extents_seek(struct dpath_extent_iter *iter, const struct dpath_extents *extents, unsigned long page);
bool dpath_extents_next(struct dpath_extent_iter *iter, unsigned long max_pages, struct dpath_extent *out);

#endif
