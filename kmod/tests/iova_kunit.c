// SPDX-License-Identifier: GPL-2.0
/*
 * IOVA areas, reserved ranges and aperture: errors and edges by hand, and random calls against a model of 96 pages that knows of each page which
 * area and which reserved ranges hold it. The model is run at the bottom, in the middle and at the very top of the 64-bit space.
 */

#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>

static bool no_memory;

static void *fake_kzalloc(size_t size, gfp_t flags)
{
	return no_memory ? NULL : kzalloc(size, flags);
}

#undef kzalloc
#define kzalloc fake_kzalloc

#include "../iova.c"

#define PG 4096ULL

static const char rmrr[] = "RMRR";
static const char msi[] = "MSI window";

static void iova_check_errors(struct kunit *test)
{
	static const struct {
		u64 first, length;
		int ret;
	} cases[] = {
		{ 16 * PG, PG, 0 },
		{ 16 * PG, 0, -EINVAL },
		{ 16 * PG + 1, PG, -EINVAL },
		{ 16 * PG, PG + 1, -EINVAL },
		{ 16 * PG, PG - 1, -EINVAL },
		{ 16 * PG + 8, PG - 8, -EINVAL },
		{ U64_MAX - PG + 1, PG, -ERANGE },
		{ U64_MAX - PG + 1, 2 * PG, -EOVERFLOW },
		{ PG, U64_MAX, -EOVERFLOW },
		{ U64_MAX, 2, -EOVERFLOW },
		{ 15 * PG, PG, -ERANGE },
		{ 15 * PG, 2 * PG, -ERANGE },
		{ 63 * PG, PG, 0 },
		{ 63 * PG, 2 * PG, -ERANGE },
		{ 64 * PG, PG, -ERANGE },
		{ 20 * PG, PG, -EPERM },
		{ 19 * PG, 2 * PG, -EPERM },
		{ 23 * PG, 2 * PG, -EPERM },
		{ 19 * PG, 40 * PG, -EPERM },
		{ 19 * PG, PG, 0 },
		{ 24 * PG, PG, 0 },
	};
	struct dpath_iova iova;
	const char *why;
	int i;

	dpath_iova_init(&iova);
	KUNIT_ASSERT_EQ(test, dpath_iova_narrow(&iova, 16 * PG, 64 * PG - 1, PG, &why), 0);
	KUNIT_ASSERT_EQ(test, dpath_iova_reserve(&iova, 20 * PG, 24 * PG - 1, rmrr), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		why = NULL;
		KUNIT_EXPECT_EQ_MSG(test, dpath_iova_check(&iova, cases[i].first, cases[i].length, &why), cases[i].ret, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, !why, !cases[i].ret, "case %d", i);
		if (cases[i].ret == -EPERM)
			KUNIT_EXPECT_STREQ(test, why, rmrr);
	}
	dpath_iova_destroy(&iova);
}

/* The last byte of the space is an address like any other. */
static void iova_top(struct kunit *test)
{
	struct dpath_area low = { .state = DPATH_AREA_LIVE }, top = { .state = DPATH_AREA_LIVE }, other = {};
	struct dpath_iova iova;
	u64 ranges[4][2];
	const char *why;

	dpath_iova_init(&iova);
	KUNIT_EXPECT_EQ(test, dpath_iova_check(&iova, U64_MAX - PG + 1, PG, &why), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_check(&iova, PG, U64_MAX - PG + 1, &why), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_insert(&iova, &top, U64_MAX - PG + 1, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_insert(&iova, &low, 0, PG - 1), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_insert(&iova, &other, PG, U64_MAX), -EEXIST);
	KUNIT_EXPECT_EQ(test, dpath_iova_insert(&iova, &other, PG, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_area_length(&top), PG);
	KUNIT_EXPECT_EQ(test, iova.nr, 2UL);
	KUNIT_EXPECT_EQ(test, iova.bytes, 2 * PG);
	KUNIT_EXPECT_PTR_EQ(test, dpath_iova_first(&iova, 0, U64_MAX), &low);
	KUNIT_EXPECT_PTR_EQ(test, dpath_iova_next(&low, 0, U64_MAX), &top);
	KUNIT_EXPECT_PTR_EQ(test, dpath_iova_next(&top, 0, U64_MAX), NULL);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 0, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 0, U64_MAX - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 1, U64_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, U64_MAX, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_reserve(&iova, U64_MAX, U64_MAX, rmrr), -EBUSY);
	dpath_iova_remove(&iova, &top);
	KUNIT_EXPECT_EQ(test, dpath_iova_reserve(&iova, U64_MAX, U64_MAX, rmrr), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_check(&iova, U64_MAX - PG + 1, PG, &why), -EPERM);
	/* What is left of the last page is no whole page. */
	KUNIT_EXPECT_EQ(test, dpath_iova_ranges(&iova, ranges, 4), 1U);
	KUNIT_EXPECT_EQ(test, ranges[0][0], 0ULL);
	KUNIT_EXPECT_EQ(test, ranges[0][1], U64_MAX - PG);
	dpath_iova_remove(&iova, &low);
	KUNIT_EXPECT_EQ(test, iova.bytes, 0ULL);
	KUNIT_EXPECT_EQ(test, dpath_iova_reserve(&iova, 0, U64_MAX, rmrr), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_ranges(&iova, NULL, 0), 0U);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&iova.reserved));
	dpath_iova_destroy(&iova);

	dpath_iova_init(&iova);
	KUNIT_EXPECT_EQ(test, dpath_iova_insert(&iova, &other, 0, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 0, U64_MAX), -EBUSY);
	dpath_iova_remove(&iova, &other);
	dpath_iova_destroy(&iova);
}

static void iova_whole_states(struct kunit *test)
{
	struct dpath_area areas[3] = {};
	struct dpath_iova iova;
	int i;

	dpath_iova_init(&iova);
	for (i = 0; i < 3; i++) {
		areas[i].state = DPATH_AREA_LIVE;
		KUNIT_ASSERT_EQ(test, dpath_iova_insert(&iova, &areas[i], (2 + 4 * i) * PG, (4 + 4 * i) * PG - 1), 0);
	}
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 0, 100 * PG), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 4 * PG, 6 * PG - 1), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 3 * PG, 8 * PG - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 2 * PG, 7 * PG - 1), -EINVAL);
	areas[1].state = DPATH_AREA_MAPPING;
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 0, 100 * PG), -EBUSY);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 0, 6 * PG - 1), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 3 * PG, 100 * PG), -EINVAL);
	areas[1].state = DPATH_AREA_UNMAPPING;
	KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, 6 * PG, 8 * PG - 1), -EBUSY);
	for (i = 0; i < 3; i++)
		dpath_iova_remove(&iova, &areas[i]);
	dpath_iova_destroy(&iova);
}

static void iova_reserve_merge(struct kunit *test)
{
	struct dpath_iova_reserved *resv;
	struct dpath_iova iova;
	u64 ranges[8][2];

	dpath_iova_init(&iova);
	KUNIT_EXPECT_EQ(test, dpath_iova_reserve(&iova, 9 * PG, 8 * PG, rmrr), -EINVAL);
	KUNIT_ASSERT_EQ(test, dpath_iova_reserve(&iova, 30 * PG, 32 * PG - 1, rmrr), 0);
	KUNIT_ASSERT_EQ(test, dpath_iova_reserve(&iova, 10 * PG, 12 * PG - 1, rmrr), 0);
	KUNIT_ASSERT_EQ(test, dpath_iova_reserve(&iova, 11 * PG, 21 * PG - 1, msi), 0);
	/* Adjacent to the first, overlapping the second; another name in between stays. */
	KUNIT_ASSERT_EQ(test, dpath_iova_reserve(&iova, 12 * PG, 30 * PG, rmrr), 0);
	KUNIT_ASSERT_EQ(test, dpath_iova_reserve(&iova, 15 * PG, 16 * PG - 1, rmrr), 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&iova.reserved), (size_t)2);
	resv = list_first_entry(&iova.reserved, struct dpath_iova_reserved, list);
	KUNIT_EXPECT_STREQ(test, resv->name, rmrr);
	KUNIT_EXPECT_EQ(test, resv->first, 10 * PG);
	KUNIT_EXPECT_EQ(test, resv->last, 32 * PG - 1);
	KUNIT_EXPECT_EQ(test, dpath_iova_ranges(&iova, ranges, 8), 2U);
	KUNIT_EXPECT_EQ(test, ranges[0][0], 0ULL);
	KUNIT_EXPECT_EQ(test, ranges[0][1], 10 * PG - 1);
	KUNIT_EXPECT_EQ(test, ranges[1][0], 32 * PG);
	KUNIT_EXPECT_EQ(test, ranges[1][1], U64_MAX);
	/* Without memory those that it would have swallowed stay. */
	no_memory = true;
	KUNIT_EXPECT_EQ(test, dpath_iova_reserve(&iova, 0, 30 * PG, rmrr), -ENOMEM);
	no_memory = false;
	KUNIT_EXPECT_EQ(test, list_count_nodes(&iova.reserved), (size_t)2);
	KUNIT_EXPECT_EQ(test, dpath_iova_ranges(&iova, ranges, 8), 2U);
	/* More than there is room for. */
	memset(ranges, 0xcc, sizeof(ranges));
	KUNIT_EXPECT_EQ(test, dpath_iova_ranges(&iova, ranges, 1), 2U);
	KUNIT_EXPECT_EQ(test, ranges[1][0], 0xccccccccccccccccULL);
	/* Not page aligned: rounded inwards. */
	KUNIT_ASSERT_EQ(test, dpath_iova_reserve(&iova, 40 * PG + 1, 40 * PG + 1, msi), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_ranges(&iova, ranges, 8), 3U);
	KUNIT_EXPECT_EQ(test, ranges[1][1], 40 * PG - 1);
	KUNIT_EXPECT_EQ(test, ranges[2][0], 41 * PG);
	dpath_iova_destroy(&iova);
}

static void iova_narrow_errors(struct kunit *test)
{
	struct dpath_area area = {};
	struct dpath_iova iova, was;
	const char *why = NULL;

	dpath_iova_init(&iova);
	KUNIT_ASSERT_EQ(test, dpath_iova_insert(&iova, &area, 8 * PG, 9 * PG - 1), 0);
	KUNIT_ASSERT_EQ(test, dpath_iova_narrow(&iova, PG, 100 * PG - 1, 512, &why), 0);
	KUNIT_EXPECT_EQ(test, iova.granule, PG);
	was = iova;
	KUNIT_EXPECT_EQ(test, dpath_iova_narrow(&iova, 9 * PG, U64_MAX, PG, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_narrow(&iova, 0, 9 * PG - 2, PG, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_narrow(&iova, 0, U64_MAX, 2 * PG, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_narrow(&iova, 0, U64_MAX, 0, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_narrow(&iova, 0, U64_MAX, 3 * PG, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_narrow(&iova, 100 * PG, U64_MAX, PG, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_iova_narrow(&iova, 0, PG - 1, PG, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, memcmp(&was, &iova, sizeof(was)), 0);
	KUNIT_EXPECT_NOT_NULL(test, why);
	dpath_iova_remove(&iova, &area);
	/* All that is left is reserved. */
	KUNIT_ASSERT_EQ(test, dpath_iova_reserve(&iova, 0, 50 * PG - 1, msi), 0);
	KUNIT_EXPECT_EQ(test, dpath_iova_narrow(&iova, 0, 50 * PG - 1, PG, &why), -EINVAL);
	KUNIT_EXPECT_EQ(test, iova.last, 100 * PG - 1);
	KUNIT_EXPECT_EQ(test, dpath_iova_narrow(&iova, 0, 51 * PG - 1, PG, &why), 0);
	KUNIT_EXPECT_EQ(test, iova.first, PG);
	KUNIT_EXPECT_EQ(test, iova.last, 51 * PG - 1);
	dpath_iova_destroy(&iova);
}

#define PAGES 96
#define AREAS 24
#define NAMES 2

/* Aperture and granule, in pages of the model. */
struct limits {
	int first, last;
	int granule;
};

/* What each page of the model is used for. */
struct model {
	u64 base;
	u8 area[PAGES];			/* 1 + index into areas, 0: none */
	u8 resv[PAGES];			/* bit per name */
	struct limits limits;
	struct dpath_area areas[AREAS];
	bool used[AREAS];
};

static const char * const names[NAMES] = { rmrr, msi };

static u64 addr(const struct model *model, int page)
{
	return model->base + page * PG;
}

static int below(struct rnd_state *rnd, int limit)
{
	return prandom_u32_state(rnd) % limit;
}

static int expect_check(const struct model *model, int first, int last)
{
	int page;

	if (first % model->limits.granule || (last + 1) % model->limits.granule)
		return -EINVAL;
	if (first < model->limits.first || last > model->limits.last)
		return -ERANGE;
	for (page = first; page <= last; page++) {
		if (model->resv[page])
			return -EPERM;
	}
	return 0;
}

static int expect_insert(const struct model *model, int first, int last)
{
	int ret = expect_check(model, first, last), page;

	for (page = first; page <= last && !ret; page++) {
		if (model->area[page])
			ret = -EEXIST;
	}
	return ret;
}

static int expect_whole(const struct model *model, int first, int last)
{
	bool busy = false;
	int page;

	if (first > 0 && model->area[first] && model->area[first] == model->area[first - 1])
		return -EINVAL;
	if (last < PAGES - 1 && model->area[last] && model->area[last] == model->area[last + 1])
		return -EINVAL;
	for (page = first; page <= last; page++)
		busy |= model->area[page] && model->areas[model->area[page] - 1].state != DPATH_AREA_LIVE;
	return busy ? -EBUSY : 0;
}

/* Reserved or outside the aperture, in whole granules: a range is a maximal run of the others. */
static unsigned int expect_ranges(const struct model *model, const struct limits *limits, u64 (*ranges)[2])
{
	unsigned int nr = 0;
	bool open = false;
	int page, i;

	for (page = 0; page < PAGES; page += limits->granule) {
		bool usable = page >= limits->first && page + limits->granule - 1 <= limits->last;

		for (i = 0; i < limits->granule; i++)
			usable &= !model->resv[page + i];
		if (usable && !open)
			ranges[nr++][0] = addr(model, page);
		if (usable)
			ranges[nr - 1][1] = addr(model, page + limits->granule) - 1;
		open = usable;
	}
	return nr;
}

static int expect_narrow(const struct model *model, int first, int last, int granule)
{
	static u64 ranges[PAGES][2];
	struct limits next;
	int page;

	next.first = max(first, model->limits.first);
	next.last = min(last, model->limits.last);
	next.granule = max(granule, model->limits.granule);
	if (next.first > next.last)
		return -EINVAL;
	for (page = 0; page < PAGES; page++) {
		bool starts = model->area[page] && (!page || model->area[page - 1] != model->area[page]);
		bool ends = model->area[page] && (page == PAGES - 1 || model->area[page + 1] != model->area[page]);

		if (model->area[page] && (page < next.first || page > next.last))
			return -EINVAL;
		if ((starts && page % next.granule) || (ends && (page + 1) % next.granule))
			return -EINVAL;
	}
	return expect_ranges(model, &next, ranges) ? 0 : -EINVAL;
}

static void mark(u8 *pages, int first, int last, u8 clear, u8 set)
{
	for (; first <= last; first++)
		pages[first] = (pages[first] & ~clear) | set;
}

static void step_insert(struct kunit *test, struct rnd_state *rnd, struct model *model, struct dpath_iova *iova, int first, int last)
{
	int i = below(rnd, AREAS), expected, ret;

	if (model->used[i])
		return;
	expected = expect_insert(model, first, last);
	model->areas[i].state = below(rnd, 4) ? DPATH_AREA_LIVE : below(rnd, 2) ? DPATH_AREA_MAPPING : DPATH_AREA_UNMAPPING;
	ret = dpath_iova_insert(iova, &model->areas[i], addr(model, first), addr(model, last + 1) - 1);
	KUNIT_EXPECT_EQ(test, ret, expected);
	if (ret)
		return;
	model->used[i] = true;
	mark(model->area, first, last, 0, i + 1);
}

static void step_remove(struct rnd_state *rnd, struct model *model, struct dpath_iova *iova)
{
	int i = below(rnd, AREAS), page;

	if (!model->used[i])
		return;
	dpath_iova_remove(iova, &model->areas[i]);
	model->used[i] = false;
	for (page = 0; page < PAGES; page++) {
		if (model->area[page] == i + 1)
			model->area[page] = 0;
	}
}

static void step_reserve(struct kunit *test, struct rnd_state *rnd, struct model *model, struct dpath_iova *iova, int first, int last)
{
	int name = below(rnd, NAMES), page, expected = 0, ret;

	last = min(last, first + 3);
	for (page = first; page <= last; page++) {
		if (model->area[page])
			expected = -EBUSY;
	}
	ret = dpath_iova_reserve(iova, addr(model, first), addr(model, last + 1) - 1, names[name]);
	KUNIT_EXPECT_EQ(test, ret, expected);
	if (!ret)
		mark(model->resv, first, last, 0, 1 << name);
}

static void step_narrow(struct kunit *test, struct rnd_state *rnd, struct model *model, struct dpath_iova *iova)
{
	int first = below(rnd, 8), last = PAGES - 1 - below(rnd, 8), granule = 1 << below(rnd, 3);
	const char *why = NULL;
	int expected, ret;

	expected = expect_narrow(model, first, last, granule);
	ret = dpath_iova_narrow(iova, addr(model, first), addr(model, last + 1) - 1, granule * PG, &why);
	KUNIT_EXPECT_EQ(test, ret, expected);
	KUNIT_EXPECT_EQ(test, !why, !ret);
	if (ret)
		return;
	model->limits.first = max(model->limits.first, first);
	model->limits.last = min(model->limits.last, last);
	model->limits.granule = max(model->limits.granule, granule);
}

/* Areas in order, ranges, counters and the reserved list agree with the model. */
static void compare(struct kunit *test, const struct model *model, const struct dpath_iova *iova)
{
	static u64 expected[PAGES][2], ranges[PAGES][2];
	const struct dpath_iova_reserved *resv, *prev = NULL;
	struct dpath_area *area = dpath_iova_first(iova, 0, U64_MAX);
	unsigned int nr = 0, pages = 0;
	int page;

	for (page = 0; page < PAGES; page++) {
		pages += !!model->area[page];
		if (!model->area[page] || (page && model->area[page - 1] == model->area[page]))
			continue;
		KUNIT_EXPECT_PTR_EQ(test, area, (struct dpath_area *)&model->areas[model->area[page] - 1]);
		if (!area)
			return;
		KUNIT_EXPECT_EQ(test, dpath_area_first(area), addr(model, page));
		area = dpath_iova_next(area, 0, U64_MAX);
		nr++;
	}
	KUNIT_EXPECT_PTR_EQ(test, area, NULL);
	KUNIT_EXPECT_EQ(test, iova->nr, (unsigned long)nr);
	KUNIT_EXPECT_EQ(test, iova->bytes, pages * PG);

	nr = expect_ranges(model, &model->limits, expected);
	KUNIT_EXPECT_EQ(test, dpath_iova_ranges(iova, ranges, PAGES), nr);
	KUNIT_EXPECT_EQ(test, memcmp(expected, ranges, nr * sizeof(ranges[0])), 0);
	list_for_each_entry(resv, &iova->reserved, list) {
		if (prev)
			KUNIT_EXPECT_LE(test, prev->first, resv->first);
		prev = resv;
	}
}

static void random_walk(struct kunit *test, struct model *model, u64 base, u32 seed)
{
	struct dpath_iova iova;
	struct rnd_state rnd;
	const char *why;
	int i;

	prandom_seed_state(&rnd, seed);
	memset(model, 0, sizeof(*model));
	model->base = base;
	model->limits.last = PAGES - 1;
	model->limits.granule = 1;
	dpath_iova_init(&iova);
	KUNIT_ASSERT_EQ(test, dpath_iova_narrow(&iova, base, addr(model, PAGES) - 1, PG, &why), 0);
	for (i = 0; i < 300; i++) {
		int first = below(&rnd, PAGES), last = min(PAGES - 1, first + below(&rnd, 10));
		int op = below(&rnd, 40);

		/* Often enough aligned that a larger granule finds nothing in its way. */
		if (seed % 3 || below(&rnd, 2)) {
			first &= ~3;
			last |= 3;
		}
		if (op < 16)
			step_insert(test, &rnd, model, &iova, first, last);
		else if (op < 30)
			step_remove(&rnd, model, &iova);
		else if (op < 31)
			step_reserve(test, &rnd, model, &iova, first, last);
		else if (op < 32)
			step_narrow(test, &rnd, model, &iova);
		KUNIT_EXPECT_EQ(test, dpath_iova_check(&iova, addr(model, first), (last - first + 1) * PG, &why), expect_check(model, first, last));
		KUNIT_EXPECT_EQ(test, dpath_iova_check_whole(&iova, addr(model, first), addr(model, last + 1) - 1), expect_whole(model, first, last));
		compare(test, model, &iova);
		if (test->status == KUNIT_FAILURE) {
			KUNIT_FAIL(test, "seed %u, base %#llx, step %d", seed, base, i);
			break;
		}
	}
	for (i = 0; i < AREAS; i++) {
		if (model->used[i])
			dpath_iova_remove(&iova, &model->areas[i]);
	}
	dpath_iova_destroy(&iova);
}

static void iova_random(struct kunit *test)
{
	static const u64 bases[] = { 0, 0xfee00000, 0x8000000000000000ULL - 48 * PG, U64_MAX - PAGES * PG + 1 };
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, model);
	for (seed = 1; seed <= 60 && test->status != KUNIT_FAILURE; seed++)
		random_walk(test, model, bases[seed % ARRAY_SIZE(bases)], seed);
	kunit_info(test, "seeds 1 to %u", seed - 1);
}

static struct kunit_case iova_cases[] = {
	KUNIT_CASE(iova_check_errors),
	KUNIT_CASE(iova_top),
	KUNIT_CASE(iova_whole_states),
	KUNIT_CASE(iova_reserve_merge),
	KUNIT_CASE(iova_narrow_errors),
	KUNIT_CASE(iova_random),
	{}
};

static struct kunit_suite iova_suite = {
	.name = "directpath_iova",
	.test_cases = iova_cases,
};

kunit_test_suite(iova_suite);
