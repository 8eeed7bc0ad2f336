// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of pages: the limits of the packing, coalescing and splitting by hand, block boundaries in full, and random runs against a model that
 * holds one entry per page.
 */

#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static unsigned int allocations;
static unsigned int fail_at;
static int blocks;

static void *fake_kzalloc(size_t size, gfp_t flags)
{
	void *block = ++allocations == fail_at ? NULL : kzalloc(size, flags);

	blocks += !!block;
	return block;
}

static void fake_kfree(const void *block)
{
	blocks -= !!block;
	kfree(block);
}

#undef kzalloc
#undef kfree
#define kzalloc fake_kzalloc
#define kfree fake_kfree

#include "../extent.c"

#define PMD_PAGES 512UL
#define PUD_PAGES 262144UL

static void expect_next(struct kunit *test, struct dpath_extent_iter *iter, unsigned long max, unsigned long pfn, unsigned long npages,
			enum dpath_pin pin)
{
	struct dpath_extent run;

	KUNIT_ASSERT_TRUE(test, dpath_extents_next(iter, max, &run));
	KUNIT_EXPECT_EQ(test, run.pfn, pfn);
	KUNIT_EXPECT_EQ(test, run.npages, npages);
	KUNIT_EXPECT_EQ(test, run.pin, pin);
}

static void expect_end(struct kunit *test, struct dpath_extent_iter *iter)
{
	struct dpath_extent run = { .pfn = 77 };

	KUNIT_EXPECT_FALSE(test, dpath_extents_next(iter, ULONG_MAX, &run));
	KUNIT_EXPECT_EQ(test, run.pfn, 77UL);
}

static void extents_empty(struct kunit *test)
{
	struct dpath_extent_iter iter;
	struct dpath_extents extents;

	dpath_extents_init(&extents);
	dpath_extents_seek(&iter, &extents, 0);
	expect_end(test, &iter);
	dpath_extents_seek(&iter, &extents, 100);
	expect_end(test, &iter);
	dpath_extents_destroy(&extents);
	dpath_extents_destroy(&extents);
	KUNIT_EXPECT_EQ(test, extents.nr, 0UL);
}

/* The largest and smallest values of each field in all combinations come back. */
static void extents_pack(struct kunit *test)
{
	static const unsigned long pfns[] = { 0, PUD_PAGES, 1UL << 28, (1UL << 40) - (1UL << 22) };
	static const unsigned long lengths[] = { PUD_PAGES, 1UL << 21, (1UL << 22) - PUD_PAGES, 1UL << 22 };
	int p, l, pin;

	for (p = 0; p < ARRAY_SIZE(pfns); p++) {
		for (l = 0; l < ARRAY_SIZE(lengths); l++) {
			for (pin = DPATH_PIN_PAGE; pin <= DPATH_PIN_NONE; pin++) {
				struct dpath_extent_iter iter;
				struct dpath_extents extents;

				dpath_extents_init(&extents);
				KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, pfns[p], lengths[l], pin), 0);
				KUNIT_EXPECT_EQ(test, extents.nr, 1UL);
				KUNIT_EXPECT_EQ(test, extents.npages, lengths[l]);
				KUNIT_EXPECT_PTR_EQ(test, extents.head, NULL);
				dpath_extents_seek(&iter, &extents, 0);
				expect_next(test, &iter, ULONG_MAX, pfns[p], lengths[l], pin);
				expect_end(test, &iter);
				dpath_extents_destroy(&extents);
			}
		}
	}
}

static void extents_refused(struct kunit *test)
{
	static const struct {
		unsigned long pfn, npages;
		int pin;
	} bad[] = {
		{ 1, 0, DPATH_PIN_PAGE },
		{ 1UL << 40, 1, DPATH_PIN_PAGE },
		{ (1UL << 40) - 1, 2, DPATH_PIN_PAGE },
		{ 0, (1UL << 40) + 1, DPATH_PIN_NONE },
		{ ULONG_MAX, 1, DPATH_PIN_NONE },
		{ 1, ULONG_MAX, DPATH_PIN_NONE },
		{ 0, 1, DPATH_PIN_PMD },
		{ 0, PMD_PAGES + 1, DPATH_PIN_PMD },
		{ 1, PMD_PAGES, DPATH_PIN_PMD },
		{ 0, PMD_PAGES, DPATH_PIN_PUD },
		{ PMD_PAGES, PUD_PAGES, DPATH_PIN_PUD },
		{ 0, 1, 4 },
		{ 0, 1, -1 },
	};
	struct dpath_extents extents, was;
	int i;

	dpath_extents_init(&extents);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 0, 1, DPATH_PIN_PAGE), 0);
	was = extents;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, dpath_extents_add(&extents, bad[i].pfn, bad[i].npages, bad[i].pin), -EINVAL, "case %d", i);
		KUNIT_EXPECT_EQ(test, memcmp(&extents, &was, sizeof(was)), 0);
	}
	KUNIT_EXPECT_EQ(test, dpath_extents_add(&extents, (1UL << 40) - 1, 1, DPATH_PIN_PAGE), 0);
	dpath_extents_destroy(&extents);
}

static void extents_coalesce(struct kunit *test)
{
	struct dpath_extent_iter iter;
	struct dpath_extents extents;

	dpath_extents_init(&extents);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 100, 4, DPATH_PIN_PAGE), 0);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 104, 1, DPATH_PIN_PAGE), 0);
	KUNIT_EXPECT_EQ(test, extents.nr, 1UL);
	/* Not contiguous, then before the last, then another kind. */
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 106, 1, DPATH_PIN_PAGE), 0);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 105, 1, DPATH_PIN_PAGE), 0);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 106, 2, DPATH_PIN_NONE), 0);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 108, 404, DPATH_PIN_NONE), 0);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 512, PMD_PAGES, DPATH_PIN_PMD), 0);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 1024, PMD_PAGES, DPATH_PIN_PMD), 0);
	KUNIT_EXPECT_EQ(test, extents.nr, 5UL);
	KUNIT_EXPECT_EQ(test, extents.npages, 5 + 1 + 1 + 406 + 2 * PMD_PAGES);
	dpath_extents_seek(&iter, &extents, 0);
	expect_next(test, &iter, ULONG_MAX, 100, 5, DPATH_PIN_PAGE);
	expect_next(test, &iter, ULONG_MAX, 106, 1, DPATH_PIN_PAGE);
	expect_next(test, &iter, ULONG_MAX, 105, 1, DPATH_PIN_PAGE);
	expect_next(test, &iter, ULONG_MAX, 106, 406, DPATH_PIN_NONE);
	expect_next(test, &iter, ULONG_MAX, 512, 2 * PMD_PAGES, DPATH_PIN_PMD);
	expect_end(test, &iter);
	dpath_extents_destroy(&extents);
}

/* A run longer than the length field, and one that fills up what the last has left. */
static void extents_split(struct kunit *test)
{
	const unsigned long max = 1UL << 22;
	struct dpath_extent_iter iter;
	struct dpath_extents extents;

	dpath_extents_init(&extents);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, PMD_PAGES, 2 * max + PMD_PAGES, DPATH_PIN_PMD), 0);
	KUNIT_EXPECT_EQ(test, extents.nr, 3UL);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 2 * max + 2 * PMD_PAGES, max, DPATH_PIN_PMD), 0);
	KUNIT_EXPECT_EQ(test, extents.nr, 4UL);
	KUNIT_EXPECT_EQ(test, extents.npages, 3 * max + PMD_PAGES);
	dpath_extents_seek(&iter, &extents, 0);
	expect_next(test, &iter, ULONG_MAX, PMD_PAGES, max, DPATH_PIN_PMD);
	expect_next(test, &iter, ULONG_MAX, PMD_PAGES + max, max, DPATH_PIN_PMD);
	expect_next(test, &iter, ULONG_MAX, PMD_PAGES + 2 * max, max, DPATH_PIN_PMD);
	expect_next(test, &iter, ULONG_MAX, PMD_PAGES + 3 * max, PMD_PAGES, DPATH_PIN_PMD);
	expect_end(test, &iter);
	/* Clipped at will; the kind stays that of the run. */
	dpath_extents_seek(&iter, &extents, max - 3);
	expect_next(test, &iter, 2, PMD_PAGES + max - 3, 2, DPATH_PIN_PMD);
	expect_next(test, &iter, 5, PMD_PAGES + max - 1, 1, DPATH_PIN_PMD);
	expect_next(test, &iter, 5, PMD_PAGES + max, 5, DPATH_PIN_PMD);
	dpath_extents_destroy(&extents);

	/* More runs than two blocks hold, in one call. */
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 0, (2 * RUNS + 7) * max + 1, DPATH_PIN_NONE), 0);
	KUNIT_EXPECT_EQ(test, extents.nr, 2 * RUNS + 8);
	KUNIT_ASSERT_NOT_NULL(test, extents.head->next->next);
	KUNIT_EXPECT_PTR_EQ(test, extents.head->next->next, extents.tail);
	KUNIT_EXPECT_PTR_EQ(test, extents.tail->next, NULL);
	dpath_extents_seek(&iter, &extents, (2 * RUNS + 7) * max);
	expect_next(test, &iter, ULONG_MAX, (2 * RUNS + 7) * max, 1, DPATH_PIN_NONE);
	expect_end(test, &iter);
	dpath_extents_destroy(&extents);
}

/* A cursor that stands at the end goes on when runs are added, by coalescing too. */
static void extents_grow(struct kunit *test)
{
	struct dpath_extent_iter iter;
	struct dpath_extents extents;
	unsigned long i;

	dpath_extents_init(&extents);
	dpath_extents_seek(&iter, &extents, 0);
	expect_end(test, &iter);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 10, 2, DPATH_PIN_PAGE), 0);
	expect_next(test, &iter, ULONG_MAX, 10, 2, DPATH_PIN_PAGE);
	expect_end(test, &iter);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 12, 3, DPATH_PIN_PAGE), 0);
	expect_next(test, &iter, 2, 12, 2, DPATH_PIN_PAGE);
	expect_next(test, &iter, 2, 14, 1, DPATH_PIN_PAGE);
	expect_end(test, &iter);
	for (i = 1; i < 2 * RUNS + 10; i++) {
		KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 100 * i, 3, DPATH_PIN_PAGE), 0);
		expect_next(test, &iter, ULONG_MAX, 100 * i, 3, DPATH_PIN_PAGE);
		expect_end(test, &iter);
	}
	dpath_extents_seek(&iter, &extents, extents.npages);
	expect_end(test, &iter);
	KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 7, 1, DPATH_PIN_PAGE), 0);
	expect_next(test, &iter, ULONG_MAX, 7, 1, DPATH_PIN_PAGE);
	dpath_extents_destroy(&extents);
}

/* Every number of runs around the block boundaries: walk them, and seek to each page. */
static void extents_blocks(struct kunit *test)
{
	static const unsigned long counts[] = { 1, 2, 3, RUNS, RUNS + 1, RUNS + 2, 2 * RUNS, 2 * RUNS + 1, 2 * RUNS + 2, 3 * RUNS + 5 };
	struct dpath_extent_iter iter;
	struct dpath_extents extents;
	struct dpath_extent run;
	unsigned long i, page, wrong = 0;
	int c;

	for (c = 0; c < ARRAY_SIZE(counts); c++) {
		dpath_extents_init(&extents);
		for (i = 0; i < counts[c]; i++)
			KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 1000 + 3 * i, 2, DPATH_PIN_PAGE), 0);
		KUNIT_EXPECT_EQ(test, extents.nr, counts[c]);
		dpath_extents_seek(&iter, &extents, 0);
		for (i = 0; i < counts[c]; i++)
			wrong += !dpath_extents_next(&iter, 9, &run) || run.pfn != 1000 + 3 * i || run.npages != 2;
		expect_end(test, &iter);
		for (page = 0; page < 2 * counts[c]; page++) {
			dpath_extents_seek(&iter, &extents, page);
			wrong += !dpath_extents_next(&iter, 9, &run) || run.pfn != 1000 + 3 * (page / 2) + page % 2 ||
				 run.npages != 2 - page % 2;
		}
		dpath_extents_seek(&iter, &extents, page + 1);
		expect_end(test, &iter);
		KUNIT_EXPECT_EQ_MSG(test, wrong, 0UL, "%lu runs", counts[c]);
		dpath_extents_destroy(&extents);
	}
}

/* Of a run that takes three blocks each allocation fails, behind lists of every length around the ends of blocks: the list is as it was. */
static void extents_no_memory(struct kunit *test)
{
	static const unsigned long counts[] = { 0, 1, 2, RUNS, RUNS + 1, RUNS + 2 };
	struct dpath_extents extents, was;
	unsigned long c, i;

	for (c = 0; c < ARRAY_SIZE(counts); c++) {
		fail_at = 0;
		blocks = 0;
		dpath_extents_init(&extents);
		for (i = 0; i < counts[c]; i++)
			KUNIT_ASSERT_EQ(test, dpath_extents_add(&extents, 2 * i, 1, DPATH_PIN_PAGE), 0);
		for (fail_at = 1; fail_at <= 3; fail_at++) {
			int held = blocks;

			was = extents;
			allocations = 0;
			KUNIT_EXPECT_EQ(test, dpath_extents_add(&extents, 1 << 20, 3 * RUNS * RUN_MAX, DPATH_PIN_PAGE), -ENOMEM);
			KUNIT_EXPECT_EQ(test, memcmp(&extents, &was, sizeof(was)), 0);
			KUNIT_EXPECT_EQ(test, blocks, held);
			if (extents.tail)
				KUNIT_EXPECT_NULL(test, extents.tail->next);
		}
		fail_at = 0;
		KUNIT_EXPECT_EQ(test, dpath_extents_add(&extents, 1 << 20, 3 * RUNS * RUN_MAX, DPATH_PIN_PAGE), 0);
		KUNIT_EXPECT_EQ(test, extents.nr, counts[c] + 3 * RUNS);
		dpath_extents_destroy(&extents);
		KUNIT_EXPECT_EQ(test, blocks, 0);
	}
}

#define MODEL_PAGES 65536UL

/* One page of the model. */
struct model_page {
	u32 pfn;
	u8 pin;
};

struct model {
	struct model_page *pages;
	unsigned long npages;
	unsigned long nr;
};

static unsigned long below(struct rnd_state *rnd, unsigned long limit)
{
	return prandom_u32_state(rnd) % limit;
}

/* A random run: often one that continues the last, of few frames, so that merges are frequent. */
static bool add_random(struct rnd_state *rnd, struct model *model, struct dpath_extents *extents)
{
	const struct model_page *last = model->npages ? &model->pages[model->npages - 1] : NULL;
	enum dpath_pin pin = below(rnd, 8) ? DPATH_PIN_PAGE : below(rnd, 2) ? DPATH_PIN_PMD : DPATH_PIN_NONE;
	unsigned long unit = pin == DPATH_PIN_PMD ? PMD_PAGES : 1;
	unsigned long npages = unit * (1 + below(rnd, pin == DPATH_PIN_PMD ? 3 : 6));
	unsigned long pfn = unit * below(rnd, 64), i;

	if (last && below(rnd, 3) == 0 && !((last->pfn + 1) % unit))
		pfn = last->pfn + 1;
	if (model->npages + npages > MODEL_PAGES)
		return false;
	if (dpath_extents_add(extents, pfn, npages, pin))
		return false;
	if (!last || last->pin != pin || last->pfn + 1 != pfn)
		model->nr++;
	for (i = 0; i < npages; i++)
		model->pages[model->npages++] = (struct model_page){ .pfn = pfn + i, .pin = pin };
	return true;
}

/* Walk from a page in steps of random size and compare; returns the number of pages seen. */
static unsigned long walk_random(struct rnd_state *rnd, const struct model *model, const struct dpath_extents *extents, unsigned long page,
				 unsigned long *wrong)
{
	struct dpath_extent_iter iter;
	unsigned long i, start = page;
	struct dpath_extent run;

	dpath_extents_seek(&iter, extents, page);
	while (dpath_extents_next(&iter, 1 + below(rnd, 700), &run)) {
		for (i = 0; i < run.npages; i++, page++) {
			if (page >= model->npages) {
				(*wrong)++;
				return page - start;
			}
			*wrong += model->pages[page].pfn != run.pfn + i || model->pages[page].pin != run.pin;
		}
	}
	return page - start;
}

static void extents_random(struct kunit *test)
{
	struct model model = { .pages = vmalloc(array_size(MODEL_PAGES, sizeof(*model.pages))) };
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, model.pages);
	for (seed = 1; seed <= 40; seed++) {
		struct dpath_extents extents;
		unsigned long wrong = 0, i;
		struct rnd_state rnd;

		prandom_seed_state(&rnd, seed);
		dpath_extents_init(&extents);
		model.npages = 0;
		model.nr = 0;
		for (i = 0; i < 40UL * seed && add_random(&rnd, &model, &extents); i++)
			;
		KUNIT_EXPECT_EQ_MSG(test, extents.npages, model.npages, "seed %u", seed);
		KUNIT_EXPECT_EQ_MSG(test, extents.nr, model.nr, "seed %u", seed);
		KUNIT_EXPECT_EQ_MSG(test, walk_random(&rnd, &model, &extents, 0, &wrong), model.npages, "seed %u", seed);
		for (i = 0; i < 10; i++) {
			unsigned long page = below(&rnd, model.npages + 1);

			KUNIT_EXPECT_EQ_MSG(test, walk_random(&rnd, &model, &extents, page, &wrong), model.npages - page, "seed %u", seed);
		}
		KUNIT_EXPECT_EQ_MSG(test, wrong, 0UL, "seed %u", seed);
		dpath_extents_destroy(&extents);
	}
	kunit_info(test, "seeds 1 to %u", seed - 1);
	vfree(model.pages);
}

static struct kunit_case extent_cases[] = {
	KUNIT_CASE(extents_empty),
	KUNIT_CASE(extents_pack),
	KUNIT_CASE(extents_refused),
	KUNIT_CASE(extents_coalesce),
	KUNIT_CASE(extents_split),
	KUNIT_CASE(extents_grow),
	KUNIT_CASE(extents_blocks),
	KUNIT_CASE(extents_no_memory),
	KUNIT_CASE(extents_random),
	{}
};

static struct kunit_suite extent_suite = {
	.name = "directpath_extent",
	.test_cases = extent_cases,
};

kunit_test_suite(extent_suite);
