// SPDX-License-Identifier: GPL-2.0
/*
 * States: the whole legality matrix, written down a second time in another form, and what must hold for any such matrix. Names: every value has
 * one, spelled as the netlink specification spells it.
 */

#include <kunit/test.h>
#include <linux/ctype.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "../state.c"

/* Rows and columns in the order of the enum: host claiming ready reserved running draining resetting dirty quarantined failed gone. */
static const char * const matrix[DPATH_STATE_NR] = {
	[DIRECTPATH_STATE_HOST] = ".c........g",
	[DIRECTPATH_STATE_CLAIMING] = "h.r...s.qfg",
	[DIRECTPATH_STATE_READY] = "h..r..sdqfg",
	[DIRECTPATH_STATE_RESERVED] = "..r.r.sdqfg",
	[DIRECTPATH_STATE_RUNNING] = ".....d.....",
	[DIRECTPATH_STATE_DRAINING] = "......s.qfg",
	[DIRECTPATH_STATE_RESETTING] = "..rr...dqfg",
	[DIRECTPATH_STATE_DIRTY] = "h.rr..s.qfg",
	[DIRECTPATH_STATE_QUARANTINED] = "h.....s..fg",
	[DIRECTPATH_STATE_FAILED] = "h.....s.q.g",
	[DIRECTPATH_STATE_GONE] = "...........",
};

static void state_matrix(struct kunit *test)
{
	int from, to;

	for (from = 0; from < DPATH_STATE_NR; from++) {
		for (to = 0; to < DPATH_STATE_NR; to++)
			KUNIT_EXPECT_EQ_MSG(test, dpath_state_legal(from, to), matrix[from][to] != '.', "%s -> %s",
					    dpath_state_name(from), dpath_state_name(to));
	}
}

static void state_out_of_range(struct kunit *test)
{
	static const int strange[] = { -1, DPATH_STATE_NR, DPATH_STATE_NR + 1, 31, 32, 64, INT_MAX, INT_MIN };
	int i, state;

	for (i = 0; i < ARRAY_SIZE(strange); i++) {
		for (state = 0; state < DPATH_STATE_NR; state++) {
			KUNIT_EXPECT_FALSE(test, dpath_state_legal(strange[i], state));
			KUNIT_EXPECT_FALSE(test, dpath_state_legal(state, strange[i]));
		}
		KUNIT_EXPECT_STREQ(test, dpath_state_name(strange[i]), "unknown");
		KUNIT_EXPECT_FALSE(test, dpath_state_claimed(strange[i]));
		KUNIT_EXPECT_FALSE(test, dpath_state_busy(strange[i]));
	}
}

/* States reachable from @from in any number of steps, none of them through a state of @avoid. */
static unsigned int reachable(unsigned int from, unsigned int avoid)
{
	unsigned int seen = BIT(from), last = 0;
	int state, to;

	while (seen != last) {
		last = seen;
		for (state = 0; state < DPATH_STATE_NR; state++) {
			if (!(last & ~avoid & BIT(state)))
				continue;
			for (to = 0; to < DPATH_STATE_NR; to++) {
				if (dpath_state_legal(state, to))
					seen |= BIT(to);
			}
		}
	}
	return seen;
}

/* What the hand-over promises, whatever the table says in detail. */
static void state_promises(struct kunit *test)
{
	unsigned int usable = BIT(DIRECTPATH_STATE_READY) | BIT(DIRECTPATH_STATE_RESERVED) | BIT(DIRECTPATH_STATE_RUNNING);
	unsigned int avoid;
	int state;

	for (state = 0; state < DPATH_STATE_NR; state++) {
		KUNIT_EXPECT_FALSE(test, dpath_state_legal(state, state));
		KUNIT_EXPECT_FALSE(test, dpath_state_legal(DIRECTPATH_STATE_GONE, state));
		if (state != DIRECTPATH_STATE_GONE) {
			KUNIT_EXPECT_TRUE_MSG(test, reachable(state, 0) & BIT(DIRECTPATH_STATE_HOST), "no way back from %s",
					      dpath_state_name(state));
			KUNIT_EXPECT_TRUE(test, reachable(state, 0) & BIT(DIRECTPATH_STATE_GONE));
		}
		if (dpath_state_busy(state))
			KUNIT_EXPECT_TRUE(test, dpath_state_claimed(state));
	}
	/* After a tenant nobody gets it before a reset, unless an admin gives it back to the host as it is and claims it anew. */
	avoid = BIT(DIRECTPATH_STATE_RESETTING) | BIT(DIRECTPATH_STATE_HOST);
	KUNIT_EXPECT_EQ(test, reachable(DIRECTPATH_STATE_RUNNING, avoid) & usable, (unsigned int)BIT(DIRECTPATH_STATE_RUNNING));
	KUNIT_EXPECT_FALSE(test, dpath_state_legal(DIRECTPATH_STATE_DRAINING, DIRECTPATH_STATE_HOST));
	KUNIT_EXPECT_FALSE(test, dpath_state_legal(DIRECTPATH_STATE_RUNNING, DIRECTPATH_STATE_HOST));
	KUNIT_EXPECT_FALSE(test, dpath_state_legal(DIRECTPATH_STATE_QUARANTINED, DIRECTPATH_STATE_READY));
	KUNIT_EXPECT_FALSE(test, dpath_state_legal(DIRECTPATH_STATE_FAILED, DIRECTPATH_STATE_READY));
}

static void state_classes(struct kunit *test)
{
	unsigned int claimed = 0, busy = 0;
	int state;

	for (state = 0; state < DPATH_STATE_NR; state++) {
		claimed |= dpath_state_claimed(state) << state;
		busy |= dpath_state_busy(state) << state;
	}
	KUNIT_EXPECT_EQ(test, claimed, GENMASK(DPATH_STATE_NR - 1, 0) & ~(BIT(DIRECTPATH_STATE_HOST) | BIT(DIRECTPATH_STATE_GONE)));
	KUNIT_EXPECT_EQ(test, busy, BIT(DIRECTPATH_STATE_CLAIMING) | BIT(DIRECTPATH_STATE_DRAINING) | BIT(DIRECTPATH_STATE_RESETTING));
}

#define STATE(word) \
	[DIRECTPATH_STATE_##word] = #word
#define REASON(word) \
	[DIRECTPATH_REASON_##word] = #word

/* As the enumerations of the interface have them, which are made from the specification. */
static const char * const state_enums[] = {
	STATE(HOST), STATE(CLAIMING), STATE(READY), STATE(RESERVED), STATE(RUNNING), STATE(DRAINING), STATE(RESETTING), STATE(DIRTY),
	STATE(QUARANTINED), STATE(FAILED), STATE(GONE),
};

static const char * const reason_enums[] = {
	REASON(NO_IOMMU), REASON(NO_INTREMAP), REASON(ACS_MISSING), REASON(SET_SHARED), REASON(RMRR), REASON(NO_RESET),
	REASON(RESET_SHARED), REASON(INTX_ONLY), REASON(BARS_UNASSIGNED), REASON(BAR_BOOTFB), REASON(APERTURE_SMALL), REASON(NOT_ENDPOINT),
	REASON(FW_OWNS_PCIE), REASON(ROOT_DISK), REASON(SWAP), REASON(RAID_MEMBER), REASON(MGMT_NIC), REASON(CALLER_SESSION),
	REASON(CONSOLE_GPU), REASON(NETDEV_UP), REASON(DRIVER_BUSY), REASON(VFS_ENABLED), REASON(VF_PARENT_OFF), REASON(D3COLD),
	REASON(AER_LATCHED), REASON(IDENTITY_MISMATCH), REASON(POLICY_DENY), REASON(QUOTA), REASON(VECTORS_EXHAUSTED), REASON(MEMLOCK_LOW),
	REASON(DRIVER_BOUND), REASON(DRIVER_PINNED), REASON(SET_CHANGED), REASON(DIRTY), REASON(ATTACHED),
};

static_assert(ARRAY_SIZE(state_enums) == DPATH_STATE_NR);

/* A name is that of its enumerator in lower case, with dashes. */
static void expect_name(struct kunit *test, const char *name, const char *enumerator)
{
	char expected[32];
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, enumerator);
	for (i = 0; enumerator[i] && i + 1 < sizeof(expected); i++)
		expected[i] = enumerator[i] == '_' ? '-' : tolower(enumerator[i]);
	expected[i] = '\0';
	KUNIT_EXPECT_STREQ(test, name, expected);
}

static void names(struct kunit *test)
{
	int i;

	for (i = 0; i < DPATH_STATE_NR; i++)
		expect_name(test, dpath_state_name(i), state_enums[i]);
	for (i = DIRECTPATH_REASON_NO_IOMMU; i < ARRAY_SIZE(reason_enums); i++)
		expect_name(test, dpath_reason_name(i), reason_enums[i]);
	KUNIT_EXPECT_STREQ(test, dpath_reason_name(0), "unknown");
	KUNIT_EXPECT_STREQ(test, dpath_reason_name(-1), "unknown");
	KUNIT_EXPECT_STREQ(test, dpath_reason_name(ARRAY_SIZE(reason_enums)), "unknown");
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(state_matrix),
	KUNIT_CASE(state_out_of_range),
	KUNIT_CASE(state_promises),
	KUNIT_CASE(state_classes),
	KUNIT_CASE(names),
	{}
};

static struct kunit_suite state_suite = {
	.name = "directpath_state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);
