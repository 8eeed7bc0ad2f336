// SPDX-License-Identifier: GPL-2.0
/*
 * Config space tables over functions that lie: a list of hostile ones, random ones, and existing ones with a few bytes changed. What must hold for
 * all of them is in dpath_cfgfake_expect_sound().
 */

#include <kunit/test.h>
#include <linux/prandom.h>

#include "cfgfake.h"
#include "cfgspaces.h"

/* A dword of a hostile config space. */
struct poke {
	u16 offset;
	u32 value;
};

#define CAP(pos, id, next, word) { pos, (id) | (next) << 8 | (u32)(word) << 16 }
#define ECAP(pos, id, next) { pos, (id) | 1 << 16 | (u32)(next) << 20 }

/* First capability, what is there, what the tenant shall see of it, and what is to be found fault with. */
static const struct hostile {
	const char *name;
	u8 first;
	struct poke pokes[8];
	const char *std;
	const char *ext;
	const char *flaw;
} hostiles[] = {
	{ "loop to itself", 0x40, { CAP(0x40, PCI_CAP_ID_PM, 0x40, 3) }, "1", "", "the capability list is a loop" },
	{ "loop to the head", 0x40, { CAP(0x40, PCI_CAP_ID_PM, 0x50, 3), CAP(0x50, PCI_CAP_ID_SSVID, 0x40, 0) }, "1 d", "",
	  "the capability list is a loop" },
	{ "loop of hidden ones", 0x40, { CAP(0x40, 0x60, 0x50, 0), CAP(0x50, 0x61, 0x40, 0) }, "", "", "the capability list is a loop" },
	{ "head in the header", 0x10, {}, "", "", "a capability pointer points into the header" },
	{ "next in the header", 0x40, { CAP(0x40, PCI_CAP_ID_PM, 0x3c, 3) }, "1", "", "a capability pointer points into the header" },
	{ "misaligned pointers", 0x42, { CAP(0x40, PCI_CAP_ID_PM, 0x53, 3), CAP(0x50, PCI_CAP_ID_SSVID, 1, 0) }, "1 d", "", NULL },
	{ "ends in ones", 0x40, { CAP(0x40, PCI_CAP_ID_PM, 0x50, 3), { 0x50, ~0U } }, "1", "", "a capability does not answer" },
	{ "truncated PM", 0xfc, { CAP(0xfc, PCI_CAP_ID_PM, 0, 3) }, "", "", "a capability runs over the end of its space" },
	{ "truncated PCI Express", 0xe0, { CAP(0xe0, PCI_CAP_ID_EXP, 0, 2) }, "", "", "a capability runs over the end of its space" },
	{ "MSI over PM", 0x40, { CAP(0x40, PCI_CAP_ID_MSI, 0x48, PCI_MSI_FLAGS_64BIT), CAP(0x48, PCI_CAP_ID_PM, 0, 3) }, "", "",
	  "capabilities overlap" },
	{ "vendor over MSI", 0x40, { CAP(0x40, PCI_CAP_ID_VNDR, 0x50, 0xff), CAP(0x50, PCI_CAP_ID_MSI, 0, 0) }, "9 5", "",
	  "a vendor specific capability runs into the next one" },
	{ "vendor within MSI", 0x40, { CAP(0x40, PCI_CAP_ID_MSI, 0x44, 0x180), CAP(0x44, PCI_CAP_ID_VNDR, 0, 8) }, "", "", "capabilities overlap" },
	{ "vendor over the end", 0xf0, { CAP(0xf0, PCI_CAP_ID_VNDR, 0, 0xff) }, "9", "", "a vendor specific capability runs into the next one" },
	{ "vendor without length", 0x40, { CAP(0x40, PCI_CAP_ID_VNDR, 0, 0) }, "", "", "a capability has a nonsensical length" },
	{ "vendor twice", 0x40, { CAP(0x40, PCI_CAP_ID_VNDR, 0x50, 8), CAP(0x50, PCI_CAP_ID_VNDR, 0, 8) }, "9 9", "", NULL },
	{ "MSI twice", 0x40, { CAP(0x40, PCI_CAP_ID_MSI, 0x60, 0), CAP(0x60, PCI_CAP_ID_MSI, 0, 0) }, "5", "", NULL },
	{ "null capability", 0x40, { CAP(0x40, 0, 0x50, 0), CAP(0x50, PCI_CAP_ID_PM, 0, 3) }, "1", "", NULL },
	{ "ext loop to itself", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x100) }, "", "3", "the extended capability list is a loop" },
	{ "ext loop", 0, { ECAP(0x100, PCI_EXT_CAP_ID_ATS, 0x200), ECAP(0x200, PCI_EXT_CAP_ID_DSN, 0x100) }, "", "0 3",
	  "the extended capability list is a loop" },
	{ "ext next in the first 256 bytes", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x40) }, "", "3",
	  "an extended capability pointer points out of its space" },
	{ "ext next in the header", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x4) }, "", "3", "an extended capability pointer points out of its space" },
	{ "ext truncated", 0, { ECAP(0x100, PCI_EXT_CAP_ID_VC, 0xffc), ECAP(0xffc, PCI_EXT_CAP_ID_DSN, 0) }, "", "2",
	  "a capability runs over the end of its space" },
	{ "ext ones", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x200), { 0x200, ~0U } }, "", "3", "an extended capability does not answer" },
	{ "ext ones at the head", 0, { { 0x100, ~0U } }, "", "", NULL },
	{ "VSEC over ATS", 0, { ECAP(0x100, PCI_EXT_CAP_ID_VNDR, 0x120), { 0x104, 0xfff00001 }, ECAP(0x120, PCI_EXT_CAP_ID_ATS, 0) }, "", "b",
	  "a vendor specific capability runs into the next one" },
	{ "VSEC within ATS", 0, { ECAP(0x100, PCI_EXT_CAP_ID_ATS, 0x104), ECAP(0x104, PCI_EXT_CAP_ID_VNDR, 0), { 0x108, 0x01000001 } }, "", "",
	  "capabilities overlap" },
	{ "VSEC within SR-IOV", 0, { ECAP(0x100, PCI_EXT_CAP_ID_SRIOV, 0x108), ECAP(0x108, PCI_EXT_CAP_ID_VNDR, 0), { 0x10c, 0x01000001 } }, "", "",
	  "capabilities overlap" },
	{ "VSEC without length", 0, { ECAP(0x100, PCI_EXT_CAP_ID_VNDR, 0) }, "", "", "a capability has a nonsensical length" },
	{ "CXL and another DVSEC", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DVSEC, 0x140), { 0x104, 0x03801e98 }, ECAP(0x140, PCI_EXT_CAP_ID_DVSEC, 0),
	  { 0x144, 0x01008086 } }, "", "0 23", NULL },
	{ "unknown ext in the middle", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x200), ECAP(0x200, 0x7777, 0x300), ECAP(0x300, PCI_EXT_CAP_ID_LTR, 0) },
	  "", "3 18", NULL },
	{ "DSN twice", 0, { ECAP(0x100, PCI_EXT_CAP_ID_DSN, 0x200), ECAP(0x200, PCI_EXT_CAP_ID_DSN, 0) }, "", "3", NULL },
};

static void hostile_functions(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	for (i = 0; i < ARRAY_SIZE(hostiles); i++) {
		const struct hostile *hostile = &hostiles[i];

		dpath_cfgfake_put_header(fix, hostile->first);
		for (j = 0; j < ARRAY_SIZE(hostile->pokes); j++) {
			if (hostile->pokes[j].offset)
				dpath_cfgfake_put(fix, hostile->pokes[j].offset, 4, hostile->pokes[j].value);
		}
		KUNIT_ASSERT_EQ_MSG(test, dpath_cfgfake_build(fix, 4096), 0, "%s", hostile->name);
		KUNIT_EXPECT_STREQ_MSG(test, dpath_cfgfake_list_std(test, fix), hostile->std, "%s", hostile->name);
		KUNIT_EXPECT_STREQ_MSG(test, dpath_cfgfake_list_ext(test, fix), hostile->ext, "%s", hostile->name);
		KUNIT_EXPECT_STREQ_MSG(test, fix->map.flaw ?: "", hostile->flaw ?: "", "%s", hostile->name);
		dpath_cfgfake_expect_sound(test, fix);
		if (test->status == KUNIT_FAILURE) {
			KUNIT_FAIL(test, "in: %s", hostile->name);
			return;
		}
	}
}

/* As many capabilities as fit, and more than there is room for. */
static void crowded_function(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	unsigned int pos;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	dpath_cfgfake_put_header(fix, 0x40);
	for (pos = 0x40; pos < 0x100; pos += 4)
		dpath_cfgfake_put_cap(fix, pos, PCI_CAP_ID_VNDR, pos + 4 < 0x100 ? pos + 4 : 0, 4);
	dpath_cfgfake_put_ecap(fix, 0x100, PCI_EXT_CAP_ID_VNDR, 1, 0xff8);
	dpath_cfgfake_put(fix, 0x104, 4, 0xef800001);
	for (pos = 0xff8; pos > 0x100; pos -= 8)
		dpath_cfgfake_put_ecap(fix, pos, PCI_EXT_CAP_ID_ATS, 1, pos - 8);
	KUNIT_ASSERT_EQ(test, dpath_cfgfake_build(fix, 4096), 0);
	KUNIT_EXPECT_STREQ(test, fix->map.flaw, "too many capabilities");
	KUNIT_EXPECT_EQ(test, fix->map.nr, (unsigned int)DPATH_CFG_CAPS);
	dpath_cfgfake_expect_sound(test, fix);
	dpath_cfgfake_expect_closed(test, fix, 0x104, 0xefc);
}

static u32 random_below(struct rnd_state *rnd, u32 limit)
{
	return prandom_u32_state(rnd) % limit;
}

/* Garbage over which lists are laid whose entries lie anywhere, so that they often overlap, loop and run out. */
static void put_random(struct dpath_cfgfake *fix, struct rnd_state *rnd)
{
	unsigned int nr = 1 + random_below(rnd, 14), i, pos, next;

	prandom_bytes_state(rnd, fix->bytes, sizeof(fix->bytes));
	for (i = 0, pos = 0; i < nr; i++, pos = next & ~3) {
		next = random_below(rnd, 20) ? 0x40 + 4 * random_below(rnd, 48) : random_below(rnd, 256);
		dpath_cfgfake_put(fix, pos ? pos + 1 : PCI_CAPABILITY_LIST, 1, next);
		if (pos)
			dpath_cfgfake_put(fix, pos, 1, random_below(rnd, 0x18));
	}
	for (i = 0, pos = 0x100; i < nr; i++, pos = next & ~3) {
		next = random_below(rnd, 20) ? 0x100 + 4 * random_below(rnd, 200) : random_below(rnd, 4096);
		dpath_cfgfake_put_ecap(fix, min(pos, 0xffcU), random_below(rnd, 8) ? random_below(rnd, 0x3a) : PCI_EXT_CAP_ID_VNDR, 1, next);
	}
	/* Last: a list may have gone through the header. */
	dpath_cfgfake_put(fix, PCI_HEADER_TYPE, 1, 0);
	dpath_cfgfake_put(fix, PCI_STATUS, 2, random_below(rnd, 8) ? PCI_STATUS_CAP_LIST : 0);
}

static void random_functions(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct rnd_state rnd;
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	memset(fix->bytes, 0, sizeof(fix->bytes));
	fix->reads = 0;
	fix->fail_at = 0;
	for (seed = 1; seed <= 1500; seed++) {
		prandom_seed_state(&rnd, seed);
		put_random(fix, &rnd);
		KUNIT_EXPECT_EQ_MSG(test, dpath_cfgfake_build(fix, seed % 4 ? 4096 : 256), 0, "seed %u", seed);
		dpath_cfgfake_expect_sound(test, fix);
		if (test->status == KUNIT_FAILURE) {
			KUNIT_FAIL(test, "seed %u", seed);
			return;
		}
	}
	kunit_info(test, "seeds 1 to %u", seed - 1);
}

/*
 * A device that exists, with some of its bytes changed: mostly links, ids and lengths of its lists, sometimes anything. Whatever comes of it ends and
 * keeps its secrets.
 */
static void mutated_functions(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	const struct dpath_cfgspace *space;
	const struct dpath_cfgspace_cap *cap;
	struct rnd_state rnd;
	unsigned int i, nr;
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	for (seed = 1; seed <= 4000; seed++) {
		prandom_seed_state(&rnd, seed);
		space = &dpath_cfgspaces[seed % dpath_nr_cfgspaces];
		KUNIT_ASSERT_TRUE(test, dpath_cfgspace_load(space, fix->bytes));
		for (nr = 0, cap = space->caps; cap->size; cap++)
			nr++;
		for (i = 1 + random_below(&rnd, 6); i; i--) {
			cap = &space->caps[random_below(&rnd, nr)];
			if (random_below(&rnd, 4))
				dpath_cfgfake_put(fix, cap->pos + random_below(&rnd, 6), 1, prandom_u32_state(&rnd));
			else if (random_below(&rnd, 8))
				dpath_cfgfake_put(fix, PCI_CAPABILITY_LIST, 1, prandom_u32_state(&rnd));
			else
				dpath_cfgfake_put(fix, random_below(&rnd, 4096), 1, prandom_u32_state(&rnd));
		}
		dpath_cfgfake_put(fix, PCI_HEADER_TYPE, 1, 0);
		dpath_cfgfake_put(fix, PCI_CACHE_LINE_SIZE, 1, 0);
		KUNIT_EXPECT_EQ_MSG(test, dpath_cfgfake_build(fix, space->size), 0, "seed %u", seed);
		dpath_cfgfake_expect_sound(test, fix);
		if (test->status == KUNIT_FAILURE) {
			KUNIT_FAIL(test, "seed %u: %s", seed, space->name);
			return;
		}
	}
	kunit_info(test, "seeds 1 to %u", seed - 1);
}

/* No lists laid out at all. */
static void noise(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct rnd_state rnd;
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	for (seed = 1; seed <= 1000; seed++) {
		prandom_seed_state(&rnd, seed);
		prandom_bytes_state(&rnd, fix->bytes, sizeof(fix->bytes));
		dpath_cfgfake_put(fix, PCI_HEADER_TYPE, 1, 0);
		KUNIT_EXPECT_EQ_MSG(test, dpath_cfgfake_build(fix, 4096), 0, "seed %u", seed);
		dpath_cfgfake_expect_sound(test, fix);
		if (test->status == KUNIT_FAILURE) {
			KUNIT_FAIL(test, "seed %u", seed);
			return;
		}
	}
	kunit_info(test, "seeds 1 to %u", seed - 1);
}

static struct kunit_case cfgwild_cases[] = {
	KUNIT_CASE(hostile_functions),
	KUNIT_CASE(crowded_function),
	KUNIT_CASE(random_functions),
	KUNIT_CASE(mutated_functions),
	KUNIT_CASE(noise),
	{}
};

static struct kunit_suite cfgwild_suite = {
	.name = "directpath_cfgwild",
	.test_cases = cfgwild_cases,
};

kunit_test_suite(cfgwild_suite);
