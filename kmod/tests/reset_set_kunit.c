// SPDX-License-Identifier: GPL-2.0
/*
 * Resets of a whole set through its port: where that is possible and what it would touch, the order of the steps, and what is left after each of them
 * has failed.
 */

#include <kunit/test.h>

#include "resetfake.h"

static const u8 none[] = { 0 };

/*
 * root - 0 - 1, 2
 *      - 3 (a switch) - 4 - 5
 *                     - 6 - 7
 */
static struct dpath_resetfake *new_tree(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);

	dpath_resetfake_add(fake, &fake->fns[0], none);
	dpath_resetfake_add(fake, &fake->fns[0], none);
	dpath_resetfake_bridge(dpath_resetfake_add(fake, NULL, none));
	dpath_resetfake_bridge(dpath_resetfake_add(fake, &fake->fns[3], none));
	dpath_resetfake_add(fake, &fake->fns[4], none);
	dpath_resetfake_bridge(dpath_resetfake_add(fake, &fake->fns[3], none));
	dpath_resetfake_add(fake, &fake->fns[6], none);
	return fake;
}

static void expect_log(struct kunit *test, struct dpath_resetfake *fake, const char *log)
{
	KUNIT_EXPECT_STREQ(test, fake->log, log);
	dpath_resetfake_mark(fake);
}

/* The functions of @bits, lowest first. */
static unsigned int members_of(struct dpath_resetfake *fake, unsigned int bits, struct pci_dev **members)
{
	unsigned int i, nr = 0;

	for (i = 0; i < fake->nr; i++) {
		if (bits & BIT(i))
			members[nr++] = &fake->fns[i].pdev;
	}
	return nr;
}

/* Every set of endpoints: one bus that holds no other, or both buses of the switch. */
static void every_set(struct kunit *test)
{
	static const unsigned int endpoints = BIT(1) | BIT(2) | BIT(5) | BIT(7);
	struct dpath_resetfake *fake = new_tree(test);
	struct pci_dev *members[DPATH_RESETFAKE_FNS];
	unsigned int bits, nr;
	char outsider[16];
	int ret;

	for (bits = 0; bits < BIT(DPATH_RESETFAKE_FNS); bits++) {
		bool whole = bits == (BIT(1) | BIT(2)) || bits == BIT(5) || bits == BIT(7) || bits == (BIT(5) | BIT(7));
		bool part = bits == BIT(1) || bits == BIT(2);

		if (bits & ~endpoints)
			continue;
		nr = members_of(fake, bits, members);
		strscpy(outsider, "unchanged", sizeof(outsider));
		ret = dpath_reset_set_probe(members, nr, outsider, sizeof(outsider));
		KUNIT_EXPECT_EQ_MSG(test, ret, whole ? 0 : part ? -EXDEV : -ENOTTY, "members %#x", bits);
		KUNIT_EXPECT_STREQ(test, outsider, part ? fake->fns[bits == BIT(1) ? 2 : 1].name : "");
		KUNIT_EXPECT_EQ(test, dpath_reset_set_possible(members, nr), whole);
	}
	dpath_resetfake_check(test, fake);
}

/* The port has to have a reset, by its slot or its bus; nothing goes with VFs; a function on the root bus has no port. */
static void impossible(struct kunit *test)
{
	struct dpath_resetfake *fake = new_tree(test);
	struct pci_dev *members[2];
	char outsider[16];

	members_of(fake, BIT(1) | BIT(2), members);
	fake->bus_error = -ENOTTY;
	KUNIT_EXPECT_EQ(test, dpath_reset_set_probe(members, 2, outsider, sizeof(outsider)), -ENOTTY);
	fake->slot_error = 0;
	KUNIT_EXPECT_EQ(test, dpath_reset_set_probe(members, 2, outsider, sizeof(outsider)), 0);
	fake->bus_error = 0;
	fake->fns[2].vfs = 1;
	KUNIT_EXPECT_EQ(test, dpath_reset_set_probe(members, 2, outsider, sizeof(outsider)), -ENOTTY);
	fake->fns[2].vfs = 0;
	members[1]->is_virtfn = 1;
	KUNIT_EXPECT_EQ(test, dpath_reset_set_probe(members, 2, outsider, sizeof(outsider)), -ENOTTY);
	members[1]->is_virtfn = 0;
	members[1]->bus = &fake->root;
	KUNIT_EXPECT_EQ(test, dpath_reset_set_probe(members, 1, outsider, sizeof(outsider)), 0);
	KUNIT_EXPECT_EQ(test, dpath_reset_set_probe(members + 1, 1, outsider, sizeof(outsider)), -ENOTTY);
	dpath_resetfake_check(test, fake);
}

/* What a reset behind a port touches: references to all but the bridges, or to none. */
static void affected(struct kunit *test)
{
	struct dpath_resetfake *fake = new_tree(test);
	struct pci_dev *found[4] = {};
	unsigned int max;
	int nr;

	KUNIT_EXPECT_EQ(test, dpath_reset_affected(&fake->fns[0].pdev, found, 4), -ENODEV);
	KUNIT_EXPECT_EQ(test, dpath_reset_affected(&fake->fns[2].pdev, found, 4), 2);
	KUNIT_EXPECT_PTR_EQ(test, found[0], &fake->fns[1].pdev);
	KUNIT_EXPECT_PTR_EQ(test, found[1], &fake->fns[2].pdev);
	KUNIT_EXPECT_EQ(test, fake->fns[1].refs + fake->fns[2].refs, 2);
	fake->fns[1].refs = 0;
	fake->fns[2].refs = 0;
	/* On the bus of the switch itself is a bridge: what lies behind it is touched too. */
	for (max = 0; max < 4; max++) {
		nr = dpath_reset_affected(&fake->fns[4].pdev, found, max);
		KUNIT_EXPECT_EQ(test, nr, max < 2 ? -ENOSPC : 2);
		while (nr > 0)
			container_of(found[--nr], struct dpath_resetfake_fn, pdev)->refs--;
		dpath_resetfake_check(test, fake);
	}
	fake->bus_error = -ENOTTY;
	KUNIT_EXPECT_EQ(test, dpath_reset_affected(&fake->fns[2].pdev, found, 4), -ENODEV);
	fake->bus_error = 0;
	fake->fns[2].pdev.is_virtfn = 1;
	KUNIT_EXPECT_EQ(test, dpath_reset_affected(&fake->fns[2].pdev, found, 4), -ENODEV);
	dpath_resetfake_check(test, fake);
}

/* --- the reset --- */

struct claim {
	struct dpath_resetfake *fake;
	struct dpath_reset resets[2];
	struct dpath_reset *members[2];
};

/* Functions 1 and 2, left by tenants. */
static void claim(struct kunit *test, struct claim *claim)
{
	unsigned int i;

	claim->fake = new_tree(test);
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, dpath_reset_init(&claim->resets[i], &claim->fake->fns[1 + i].pdev), 0);
		claim->members[i] = &claim->resets[i];
		dpath_resetfake_tenant(&claim->fake->fns[1 + i]);
	}
	dpath_resetfake_mark(claim->fake);
}

static void release(struct kunit *test, struct claim *claim)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, claim->resets[i].flags, 0UL);
		dpath_reset_destroy(&claim->resets[i]);
	}
	dpath_resetfake_check(test, claim->fake);
	kunit_kfree(test, claim->fake);
}

static struct claim *watched;
static unsigned int marks_seen;

static void look_at_marks(struct dpath_resetfake *fake, struct dpath_resetfake_fn *fn)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		marks_seen += watched->resets[i].flags;
}

/* Each member marked and pristine, then the port once, then bus master off; each is one reset. */
static void in_order(struct kunit *test)
{
	const char *why = NULL;
	struct claim set;
	unsigned int i;

	claim(test, &set);
	watched = &set;
	marks_seen = 0;
	set.fake->during = look_at_marks;
	KUNIT_EXPECT_EQ(test, dpath_reset_set(set.members, 2, &why), 0);
	expect_log(test, set.fake, "lock:1 d0:1 load:1 restore:1 nomaster:1 unlock:1 lock:2 d0:2 load:2 restore:2 nomaster:2 unlock:2 bus:1 "
				   "nomaster:1 nomaster:2 ");
	KUNIT_EXPECT_EQ(test, marks_seen, 2U);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, set.resets[i].last_method, DPATH_RESET_BUS);
		KUNIT_EXPECT_EQ(test, atomic64_read(&set.resets[i].count), 1);
		KUNIT_EXPECT_EQ(test, atomic64_read(&set.resets[i].failures), 0);
		KUNIT_EXPECT_EQ(test, set.fake->fns[1 + i].hw[PCI_COMMAND] & PCI_COMMAND_MASTER, 0);
	}
	set.fake->slot_error = 0;
	KUNIT_EXPECT_EQ(test, dpath_reset_set(set.members, 2, &why), 0);
	KUNIT_EXPECT_EQ(test, set.resets[1].last_method, DPATH_RESET_SLOT);
	KUNIT_EXPECT_NULL(test, why);
	release(test, &set);
}

/* A member that is locked, marked, not bound or not there: the port is left alone, and no mark stays. */
static void not_ready(struct kunit *test)
{
	static const int errors[] = { -EAGAIN, -EAGAIN, -ENODEV, -ENODEV };
	unsigned int way, member;

	for (way = 0; way < ARRAY_SIZE(errors); way++) {
		for (member = 0; member < 2; member++) {
			const char *why = NULL;
			struct claim set;

			claim(test, &set);
			set.fake->fns[1 + member].foreign = way == 0;
			set.resets[member].flags = way == 1;
			if (way == 2)
				dpath_reset_destroy(&set.resets[member]);
			set.fake->fns[1 + member].absent = way == 3;
			KUNIT_EXPECT_EQ_MSG(test, dpath_reset_set(set.members, 2, &why), errors[way], "way %u, member %u", way, member);
			KUNIT_EXPECT_NOT_NULL(test, why);
			KUNIT_EXPECT_NULL(test, strstr(set.fake->log, "bus:"));
			KUNIT_EXPECT_EQ(test, set.resets[member].flags, way == 1);
			KUNIT_EXPECT_EQ(test, set.resets[!member].flags, 0UL);
			KUNIT_EXPECT_EQ(test, atomic64_read(&set.resets[0].count), errors[way] != -EAGAIN && member);
			KUNIT_EXPECT_EQ(test, atomic64_read(&set.resets[1].count), 0);
			set.resets[member].flags = 0;
			release(test, &set);
		}
	}
}

/* What the port says, and who answers afterwards. */
static void outcomes(struct kunit *test)
{
	static const struct {
		int result;
		unsigned int dies;
		int ret;
		const char *why;
		int count;
	} cases[] = {
		{ -EAGAIN, 0, -EAGAIN, "a member of the set or its port is locked by the driver core", 0 },
		{ -ENOTTY, 0, -EIO, "bus reset failed", 1 },
		{ -EIO, 0, -EIO, "bus reset failed", 1 },
		{ -ETIMEDOUT, 0, -ETIMEDOUT, "bus reset failed", 1 },
		{ 0, BIT(1), -ENODEV, "a member of the set does not answer after the reset", 1 },
		{ 0, BIT(2), -ENODEV, "a member of the set does not answer after the reset", 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = "";
		struct claim set;

		claim(test, &set);
		set.fake->bus_result = cases[i].result;
		set.fake->bus_dies = cases[i].dies;
		KUNIT_EXPECT_EQ_MSG(test, dpath_reset_set(set.members, 2, &why), cases[i].ret, "case %u", i);
		KUNIT_EXPECT_STREQ(test, why, cases[i].why);
		KUNIT_EXPECT_EQ(test, atomic64_read(&set.resets[0].count), cases[i].count);
		KUNIT_EXPECT_EQ(test, atomic64_read(&set.resets[1].failures), cases[i].count);
		release(test, &set);
	}
}

/* A set that cannot be: it is said why, and nobody is touched. */
static void refused(struct kunit *test)
{
	const char *why = "";
	struct claim set;

	claim(test, &set);
	KUNIT_EXPECT_EQ(test, dpath_reset_set(set.members, 1, &why), -ENOTTY);
	KUNIT_EXPECT_STREQ(test, why, "the port of the set has other functions behind it");
	set.fake->bus_error = -ENOTTY;
	KUNIT_EXPECT_EQ(test, dpath_reset_set(set.members, 2, &why), -ENOTTY);
	KUNIT_EXPECT_STREQ(test, why, "the set has no port that can reset it");
	expect_log(test, set.fake, "");
	KUNIT_EXPECT_EQ(test, atomic64_read(&set.resets[0].count), 0);
	release(test, &set);
}

static bool fail_step(struct kunit *test, unsigned int n)
{
	const char *why = NULL;
	struct claim set;
	bool reached;
	int ret;

	claim(test, &set);
	set.fake->fail_at = n;
	ret = dpath_reset_set(set.members, 2, &why);
	reached = set.fake->calls >= n;
	KUNIT_EXPECT_EQ_MSG(test, !!ret, reached, "step %u, %s", n, set.fake->failed ?: "nothing");
	KUNIT_EXPECT_EQ(test, !!why, reached);
	KUNIT_EXPECT_EQ(test, !!strstr(set.fake->log, "bus:"), !reached);
	release(test, &set);
	return reached;
}

static void every_step_fails(struct kunit *test)
{
	unsigned int n;

	for (n = 1; fail_step(test, n); n++)
		KUNIT_ASSERT_LT(test, n, 50U);
	KUNIT_EXPECT_EQ(test, n, 8U); /* memory; lock, power and load of each */
}

/* --- marks, and the guest's reset of a bus --- */

static void all_or_none(struct kunit *test)
{
	struct claim set;
	unsigned int i;

	claim(test, &set);
	KUNIT_EXPECT_EQ(test, dpath_reset_begin_all(set.members, 2), 0);
	KUNIT_EXPECT_EQ(test, set.resets[0].flags & set.resets[1].flags, 1UL);
	KUNIT_EXPECT_EQ(test, dpath_reset_begin_all(set.members, 2), -EAGAIN);
	KUNIT_EXPECT_EQ(test, set.resets[0].flags & set.resets[1].flags, 1UL);
	dpath_reset_end(&set.resets[0]);
	KUNIT_EXPECT_EQ(test, dpath_reset_begin_all(set.members, 2), -EAGAIN);
	KUNIT_EXPECT_EQ(test, set.resets[0].flags, 0UL);
	KUNIT_EXPECT_EQ(test, set.resets[1].flags, 1UL);
	dpath_reset_end(&set.resets[1]);
	for (i = 0; i < 2; i++) {
		set.fake->fns[1 + i].foreign = true;
		KUNIT_EXPECT_EQ(test, dpath_reset_begin_all(set.members, 2), -EAGAIN);
		set.fake->fns[1 + i].foreign = false;
		KUNIT_EXPECT_EQ(test, set.resets[0].flags | set.resets[1].flags, 0UL);
	}
	dpath_reset_destroy(&set.resets[1]);
	KUNIT_EXPECT_EQ(test, dpath_reset_begin_all(set.members, 2), -ENODEV);
	release(test, &set);
}

static void hot(struct kunit *test)
{
	static const int results[][2] = { { 0, 0 }, { -EAGAIN, -EAGAIN }, { -ENOTTY, -EIO }, { -EBUSY, -EBUSY } };
	struct claim set;
	unsigned int i;

	claim(test, &set);
	for (i = 0; i < 2; i++)
		set.fake->fns[1 + i].tenant = false;
	for (i = 0; i < ARRAY_SIZE(results); i++) {
		set.fake->bus_result = results[i][0];
		KUNIT_EXPECT_EQ(test, dpath_reset_hot(&set.fake->fns[2].pdev), results[i][1]);
		expect_log(test, set.fake, "bus:2 ");
	}
	release(test, &set);
}

static struct kunit_case set_cases[] = {
	KUNIT_CASE(every_set),
	KUNIT_CASE(impossible),
	KUNIT_CASE(affected),
	KUNIT_CASE(in_order),
	KUNIT_CASE(not_ready),
	KUNIT_CASE(outcomes),
	KUNIT_CASE(refused),
	KUNIT_CASE(every_step_fails),
	KUNIT_CASE(all_or_none),
	KUNIT_CASE(hot),
	{}
};

static struct kunit_suite set_suite = {
	.name = "directpath_reset_set",
	.test_cases = set_cases,
};

kunit_test_suite(set_suite);
