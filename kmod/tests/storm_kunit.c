// SPDX-License-Identifier: GPL-2.0
/*
 * Token bucket and back-off: random interrupts against a model that counts in real numbers of its own, and the bounds that are promised.
 */

#include <kunit/test.h>
#include <linux/prandom.h>

#include "../storm.c"

static const unsigned int clocks[] = { 100, 250, 300, 1000 };
static const u32 rates[] = { 1, 7, 99, 100, 160, 161, 1000, 12345, 400000, 10000000 };

/* The bucket as it is described: every interrupt has a time, in units of 1/hz/rate second; it is earned rate times a second. */
struct model {
	u64 level;	/* parts of an interrupt: 1/hz */
	u64 seen;	/* latest tick */
};

static bool model_take(struct model *model, u32 rate, unsigned int hz, u64 tick)
{
	u64 most = (u64)(rate / 10 > 16 ? rate / 10 : 16) * hz;

	while (model->seen < tick && model->level < most) {
		model->level = min(model->level + rate, most);
		model->seen++;
	}
	if (model->seen < tick)
		model->seen = tick;
	if (model->level < hz)
		return false;
	model->level -= hz;
	return true;
}

/* A tick that wraps, gaps short and long, now and then one that another CPU had seen already. */
static void bucket(struct kunit *test, u32 rate, unsigned int hz, u64 seed)
{
	unsigned long start = ULONG_MAX - 50;
	struct dpath_storm storm;
	struct rnd_state rnd;
	struct model model = {};
	unsigned int i, refused = 0;
	u64 tick = 0;

	prandom_seed_state(&rnd, seed);
	dpath_storm_init(&storm, rate, hz, start);
	model.level = (u64)max(rate / 10, 16U) * hz;
	for (i = 0; i < 4000; i++) {
		u32 dice = prandom_u32_state(&rnd);
		u64 at = tick;
		bool ours, theirs;

		if (dice % 8 == 0)
			tick += dice / 8 % (dice % 64 ? 3 : 100 * hz);
		at = tick;
		if (dice % 32 == 3 && tick)
			at--;
		ours = dpath_storm_take(&storm, rate, hz, start + at);
		theirs = model_take(&model, rate, hz, at);
		if (ours != theirs) {
			KUNIT_FAIL(test, "rate %u hz %u seed %llu step %u: %d instead of %d", rate, hz, seed, i, ours, theirs);
			return;
		}
		refused += !ours;
	}
	/* A large bucket does not run dry in so few steps. */
	if (rate < 1000)
		KUNIT_EXPECT_NE_MSG(test, refused, 0U, "rate %u hz %u", rate, hz);
}

static void buckets(struct kunit *test)
{
	unsigned int i, k;
	u64 seed;

	for (i = 0; i < ARRAY_SIZE(rates); i++)
		for (k = 0; k < ARRAY_SIZE(clocks); k++)
			for (seed = 1; seed <= 10; seed++)
				bucket(test, rates[i], clocks[k], seed);
}

/* As fast as it goes for ten seconds: a first bucket and the rate, not one more, and not less. */
static void sustained(struct kunit *test)
{
	unsigned int i, k, tick;
	struct dpath_storm storm;
	u64 taken, due;

	for (i = 0; i < ARRAY_SIZE(rates) - 2; i++) {
		for (k = 0; k < ARRAY_SIZE(clocks); k++) {
			dpath_storm_init(&storm, rates[i], clocks[k], 0);
			taken = 0;
			for (tick = 0; tick < 10 * clocks[k]; tick++)
				while (dpath_storm_take(&storm, rates[i], clocks[k], tick))
					taken++;
			due = dpath_storm_burst(rates[i]) + 10ULL * rates[i];
			KUNIT_EXPECT_LE_MSG(test, taken, due, "rate %u hz %u", rates[i], clocks[k]);
			KUNIT_EXPECT_GE_MSG(test, taken + 1 + rates[i] / clocks[k], due, "rate %u hz %u", rates[i], clocks[k]);
		}
	}
}

/* Evenly at its rate, for ever: never refused, at any clock. */
static void at_its_rate(struct kunit *test)
{
	unsigned int i, k, refused;
	struct dpath_storm storm;
	u64 n;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		for (k = 0; k < ARRAY_SIZE(clocks); k++) {
			dpath_storm_init(&storm, rates[i], clocks[k], 0);
			refused = 0;
			for (n = 0; n < 100000; n++)
				refused += !dpath_storm_take(&storm, rates[i], clocks[k], div_u64(n * clocks[k], rates[i]));
			KUNIT_EXPECT_EQ_MSG(test, refused, 0U, "rate %u hz %u", rates[i], clocks[k]);
		}
	}
}

/* 0 is no limit; a limit that comes later finds a bucket, one that gets smaller a smaller one. */
static void change_of_rate(struct kunit *test)
{
	struct dpath_storm storm;
	unsigned int i, taken;

	dpath_storm_init(&storm, 0, 250, 0);
	for (i = 0; i < 100000; i++)
		KUNIT_ASSERT_TRUE(test, dpath_storm_take(&storm, 0, 250, 0));
	for (taken = 0; dpath_storm_take(&storm, 1000, 250, 1000); taken++)
		;
	KUNIT_EXPECT_EQ(test, taken, 100U);
	dpath_storm_init(&storm, 10000000, 250, 0);
	for (taken = 0; dpath_storm_take(&storm, 100, 250, 1); taken++)
		;
	KUNIT_EXPECT_EQ(test, taken, 16U);
}

/* The back-off by its description, with its own arithmetic. */
static void backoff(struct kunit *test)
{
	static const u32 first_ms[] = { 1, 3, 10, 100, 999, 5000, 10000 };
	unsigned int i, k, n;

	for (i = 0; i < ARRAY_SIZE(first_ms); i++) {
		for (k = 0; k < ARRAY_SIZE(clocks); k++) {
			unsigned int hz = clocks[k];
			unsigned long first = ((u64)first_ms[i] * hz + 999) / 1000, most = max(min(first * 64, 10UL * hz), first);
			unsigned long now = ULONG_MAX - 1000, wait, due = first;
			struct dpath_storm storm;

			dpath_storm_init(&storm, 100, hz, now);
			for (n = 0; n < 10; n++) {
				wait = dpath_storm_trip(&storm, first_ms[i], hz, now);
				KUNIT_EXPECT_EQ_MSG(test, wait, due, "%u ms, hz %u, %u", first_ms[i], hz, n);
				now += wait;
				dpath_storm_return(&storm, now);
				due = min(due * 2, most);
				now += n % 2 ? hz : 1;
			}
			/* Not calm for quite as long as it was away, or a second. */
			now += max_t(unsigned long, wait, hz) - hz;
			KUNIT_EXPECT_EQ(test, dpath_storm_trip(&storm, first_ms[i], hz, now), most);
			dpath_storm_return(&storm, now);
			now += max_t(unsigned long, most, hz) + 1;
			KUNIT_EXPECT_EQ(test, dpath_storm_trip(&storm, first_ms[i], hz, now), first);
			/* Another setting takes hold within its own bounds. */
			dpath_storm_return(&storm, now);
			wait = dpath_storm_trip(&storm, 1, hz, now);
			KUNIT_EXPECT_LE(test, wait, 64UL * max(hz / 1000, 1U));
			KUNIT_EXPECT_GE(test, wait, 1UL);
		}
	}
}

/* Which of two settings counts, for each way to give or forget them. */
static void settings(struct kunit *test)
{
	unsigned int vm, dev;

	for (vm = 0; vm < 4; vm++) {
		for (dev = 0; dev < 8; dev++) {
			struct dpath_storm_change change = {
				.setting = { { 1, 2 }, vm & 1, vm & 2 },
			};
			struct dpath_storm_setting of_vm = {}, of_dev = { { 3, 4 }, true, true };
			struct dpath_storm_limit limit = { 5, 6 };

			dpath_storm_set(&of_vm, &change);
			change = (struct dpath_storm_change){ .forget = dev & 4, .setting = { { 7, 8 }, dev & 1, dev & 2 } };
			dpath_storm_set(&of_dev, &change);
			dpath_storm_apply(&limit, &of_vm);
			dpath_storm_apply(&limit, &of_dev);
			KUNIT_EXPECT_EQ(test, limit.rate, dev & 1 ? 7U : !(dev & 4) ? 3U : vm & 1 ? 1U : 5U);
			KUNIT_EXPECT_EQ(test, limit.backoff_ms, dev & 2 ? 8U : !(dev & 4) ? 4U : vm & 2 ? 2U : 6U);
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(buckets),
	KUNIT_CASE(sustained),
	KUNIT_CASE(at_its_rate),
	KUNIT_CASE(change_of_rate),
	KUNIT_CASE(backoff),
	KUNIT_CASE(settings),
	{},
};

static struct kunit_suite suite = {
	.name = "directpath_storm",
	.test_cases = cases,
};

kunit_test_suite(suite);
