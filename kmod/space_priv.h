/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_SPACE_PRIV_H
#define DPATH_SPACE_PRIV_H

/*
 * What the files of the IOVA space share: space.c (areas, map, unmap), space_attach.c (sets, domains, replay), peer.c (areas made of BARs).
 */

#include <linux/mm.h>

#include "domain.h"
#include "space.h"

static inline unsigned long dpath_area_npages(const struct dpath_area *area)
{
	return dpath_area_length(area) >> PAGE_SHIFT;
}

static inline u64 dpath_area_page_iova(const struct dpath_area *area, unsigned long page)
{
	return dpath_area_first(area) + ((u64)page << PAGE_SHIFT);
}

/* Pages from @page on until a chunk boundary of IOVA. */
static inline unsigned long dpath_area_chunk(const struct dpath_area *area, unsigned long page)
{
	return (DPATH_CHUNK - (dpath_area_page_iova(area, page) & (DPATH_CHUNK - 1))) >> PAGE_SHIFT;
}

static inline void dpath_skip_pages(struct dpath_extent_iter *at, unsigned long npages)
{
	struct dpath_extent run;

	for (; dpath_extents_next(at, npages, &run); npages -= run.npages)
		;
}

/* An area in the state MAPPING, not in the tree yet. */
struct dpath_area *dpath_area_new(unsigned long vaddr, int prot);
void dpath_area_free(struct dpath_area *area);
/* Into the tree, ours until it is live; errors as dpath_iova_check(), or -EEXIST. */
int dpath_space_reserve(struct dpath_space *space, struct dpath_area *area, u64 iova, u64 length, const char **why);
/* Map the pages [mapped_to, @end), whose runs are recorded. @at stands at mapped_to and moves with it. @killable: give up with -EINTR. */
int dpath_space_map_runs(struct dpath_space *space, struct dpath_area *area, struct dpath_extent_iter *at, unsigned long end, bool killable,
			 const char **why);
/* Unmap an area from its end down to its start. If that is not possible, mapped_to is where it stopped, and the space is broken. */
void dpath_space_unmap_area(struct dpath_space *space, struct dpath_area *area);
/* An area of ours becomes everybody's. */
void dpath_space_publish(struct dpath_space *space, struct dpath_area *area);
/* Unmap and free an area of ours; false if it had to stay, because the IOMMU driver failed. */
bool dpath_space_dismantle(struct dpath_space *space, struct dpath_area *area);

#endif
