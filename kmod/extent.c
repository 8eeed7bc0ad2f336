// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of page frames behind one IOVA area, 8 bytes a run, because scattered 4K pages need one each (2 MiB per GiB): pfn (40 bits: 52 bits of
 * physical address), pages minus one (22 bits) and pin kind (2 bits). A longer run is split; 2^22 pages is a multiple of both huge page sizes, so
 * a split never cuts one.
 *
 * The first run lives in the struct: most areas of a guest on huge pages, and every BAR, need no allocation. Run i > 0 is slot (i - 1) % RUNS of
 * block (i - 1) / RUNS; a block is one page and knows how many pages its runs hold, so a seek skips it as a whole.
 *
 * Invariants: two neighbours that could be one run are one, except where the length field is full; runs of a huge pin kind begin and end at
 * multiples of that huge page; dpath_extents_add() either records everything or changes nothing, because a page that is pinned but not recorded
 * can never be unpinned.
 *
 * No locks: the owner of the area serialises. A cursor stays valid while runs are added behind it, at its end too.
 */

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "extent.h"

#define PFN_BITS 40
#define LEN_BITS 22
#define RUN_MAX BIT(LEN_BITS)

#define RUNS ((PAGE_SIZE - sizeof(void *) - sizeof(unsigned long)) / sizeof(u64))

/* One page of runs; @npages counts the pages of those in use. */
struct dpath_extent_block {
	struct dpath_extent_block *next;
	unsigned long npages;
	u64 runs[RUNS];
};

static_assert(sizeof(struct dpath_extent_block) == PAGE_SIZE);

static u64 pack(unsigned long pfn, unsigned long npages, enum dpath_pin pin)
{
	return (u64)pfn << (LEN_BITS + 2) | (u64)(npages - 1) << 2 | pin;
}

static struct dpath_extent unpack(u64 run)
{
	return (struct dpath_extent){
		.pfn = run >> (LEN_BITS + 2),
		.npages = ((run >> 2) & (RUN_MAX - 1)) + 1,
		.pin = run & 3,
	};
}

/* What a run of this kind is made of, in pages. */
static unsigned long pin_pages(enum dpath_pin pin)
{
	switch (pin) {
	case DPATH_PIN_PMD:
		return SZ_2M >> PAGE_SHIFT;
	case DPATH_PIN_PUD:
		return SZ_1G >> PAGE_SHIFT;
	default:
		return 1;
	}
}

static unsigned long slot_of(unsigned long idx)
{
	return (idx - 1) % RUNS;
}

static u64 *last_run(struct dpath_extents *extents)
{
	if (extents->nr == 1)
		return &extents->first;
	return &extents->tail->runs[slot_of(extents->nr - 1)];
}

static void free_blocks(struct dpath_extent_block *block)
{
	struct dpath_extent_block *next;

	for (; block; block = next) {
		next = block->next;
		kfree(block);
		cond_resched();
	}
}

/**
 * dpath_extents_init - make an empty list of runs
 * @extents: storage, part of the area
 */
void dpath_extents_init(struct dpath_extents *extents)
{
	*extents = (struct dpath_extents){};
}

/**
 * dpath_extents_destroy - forget all runs and free their memory
 * @extents: the runs; empty afterwards. Nothing is unpinned here.
 *
 * Context: may sleep.
 */
void dpath_extents_destroy(struct dpath_extents *extents)
{
	free_blocks(extents->head);
	dpath_extents_init(extents);
}

/* Chain blocks behind the tail so that @more runs fit. */
static int reserve_runs(struct dpath_extents *extents, unsigned long more)
{
	struct dpath_extent_block *fresh = NULL, *block;
	unsigned long nr = extents->nr + more;
	unsigned long have = 1, nblocks = 0;

	if (extents->nr)
		have += roundup(extents->nr - 1, RUNS);
	if (nr > have)
		nblocks = DIV_ROUND_UP(nr - have, RUNS);
	while (nblocks--) {
		block = kzalloc(sizeof(*block), GFP_KERNEL_ACCOUNT);
		if (!block)
			goto err_free_fresh;
		block->next = fresh;
		fresh = block;
	}
	if (extents->tail)
		extents->tail->next = fresh;
	else
		extents->head = fresh;
	return 0;

err_free_fresh:
	free_blocks(fresh);
	return -ENOMEM;
}

static void push_run(struct dpath_extents *extents, unsigned long pfn, unsigned long npages, enum dpath_pin pin)
{
	unsigned long idx = extents->nr++;

	extents->npages += npages;
	if (!idx) {
		extents->first = pack(pfn, npages, pin);
		return;
	}
	if (!slot_of(idx))
		extents->tail = extents->tail ? extents->tail->next : extents->head;
	extents->tail->runs[slot_of(idx)] = pack(pfn, npages, pin);
	extents->tail->npages += npages;
}

/* Pages of a new run that the last run can take. */
static unsigned long room_in_last(struct dpath_extents *extents, unsigned long pfn, enum dpath_pin pin)
{
	struct dpath_extent last;

	if (!extents->nr)
		return 0;
	last = unpack(*last_run(extents));
	if (last.pin != pin || last.pfn + last.npages != pfn)
		return 0;
	return RUN_MAX - last.npages;
}

static void extend_last(struct dpath_extents *extents, unsigned long npages)
{
	u64 *run = last_run(extents);
	struct dpath_extent last = unpack(*run);

	*run = pack(last.pfn, last.npages + npages, last.pin);
	extents->npages += npages;
	if (extents->nr > 1)
		extents->tail->npages += npages;
}

/**
 * dpath_extents_add - append a run
 * @extents: the runs of one area
 * @pfn: first page frame
 * @npages: how many follow each other
 * @pin: how they are held; @pfn and @npages are multiples of the huge page it names
 *
 * Context: may sleep; allocates with GFP_KERNEL_ACCOUNT.
 * Return: 0; -EINVAL for an empty run, one beyond 52 bits of physical address or one cut out of a huge page; -ENOMEM. After an error the list is
 * as it was.
 */
int dpath_extents_add(struct dpath_extents *extents, unsigned long pfn, unsigned long npages, enum dpath_pin pin)
{
	const unsigned long pfns = BIT(PFN_BITS);
	unsigned long merge, step;
	int ret;

	if (!npages || pfn >= pfns || npages > pfns - pfn || (unsigned int)pin > DPATH_PIN_NONE)
		return -EINVAL;
	if ((pfn | npages) & (pin_pages(pin) - 1))
		return -EINVAL;

	merge = min(npages, room_in_last(extents, pfn, pin));
	if (npages > merge) {
		ret = reserve_runs(extents, DIV_ROUND_UP(npages - merge, RUN_MAX));
		if (ret)
			return ret;
	}
	if (merge)
		extend_last(extents, merge);
	for (pfn += merge, npages -= merge; npages; pfn += step, npages -= step) {
		step = min(npages, RUN_MAX);
		push_run(extents, pfn, step, pin);
	}
	return 0;
}

static u64 run_at(const struct dpath_extent_iter *iter)
{
	return iter->idx ? iter->block->runs[slot_of(iter->idx)] : iter->extents->first;
}

/* The caller knows that there is a next run. */
static void step_run(struct dpath_extent_iter *iter)
{
	iter->idx++;
	iter->skip = 0;
	if (!slot_of(iter->idx))
		iter->block = iter->block ? iter->block->next : iter->extents->head;
}

/* Skip whole blocks while @page lies behind them. */
static unsigned long skip_blocks(struct dpath_extent_iter *iter, unsigned long page)
{
	while (iter->block->next && page >= iter->block->npages) {
		page -= iter->block->npages;
		iter->block = iter->block->next;
		iter->idx += RUNS;
	}
	return page;
}

/**
 * dpath_extents_seek - put a cursor on a page of an area
 * @iter: the cursor
 * @extents: runs to walk; runs may be added while the cursor is in use
 * @page: offset in pages from the start of the area; beyond the end means the end, where dpath_extents_next() waits for runs to be added
 */
void dpath_extents_seek(struct dpath_extent_iter *iter, const struct dpath_extents *extents, unsigned long page)
{
	unsigned long npages;

	*iter = (struct dpath_extent_iter){ .extents = extents };
	if (!extents->nr)
		return;
	for (;;) {
		npages = unpack(run_at(iter)).npages;
		if (page < npages || iter->idx + 1 == extents->nr)
			break;
		page -= npages;
		step_run(iter);
		if (!slot_of(iter->idx))
			page = skip_blocks(iter, page);
	}
	iter->skip = min(page, npages);
}

/**
 * dpath_extents_next - take the next pages
 * @iter: the cursor
 * @max_pages: at most this many
 * @out: the run, or the part of it that is left and fits; the pin kind is that of the whole run, of which this may be a piece
 *
 * Return: false at the end, or if @max_pages is 0; @out is then untouched.
 */
bool dpath_extents_next(struct dpath_extent_iter *iter, unsigned long max_pages, struct dpath_extent *out)
{
	struct dpath_extent run;

	if (!iter->extents->nr || !max_pages)
		return false;
	run = unpack(run_at(iter));
	/* Left behind only now: until here the run could still grow. */
	if (iter->skip == run.npages) {
		if (iter->idx + 1 == iter->extents->nr)
			return false;
		step_run(iter);
		run = unpack(run_at(iter));
	}
	out->pfn = run.pfn + iter->skip;
	out->npages = min(run.npages - iter->skip, max_pages);
	out->pin = run.pin;
	iter->skip += out->npages;
	return true;
}
