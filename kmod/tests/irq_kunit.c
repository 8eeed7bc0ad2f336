// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of a lease: which kind may follow which, in which order the interrupt core is asked, that a call which fails at any of its steps leaves
 * everything as it was, and random calls against a model. INTx by itself is in irq_intx_kunit.c.
 */

#include <kunit/test.h>
#include <linux/prandom.h>

#include "irqfake.h"

#define NONE VFIO_PCI_NUM_IRQS
#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSI VFIO_PCI_MSI_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX

#define TRIGGER_NONE (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define TRIGGER_BOOL (VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER)
#define TRIGGER_FD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)

static int disable(struct dpath_irqfake *fake, u32 index)
{
	return dpath_irqfake_set(fake, index, TRIGGER_NONE, 0, 0, NULL);
}

static void expect_log(struct kunit *test, struct dpath_irqfake *fake, const char *log)
{
	KUNIT_EXPECT_STREQ(test, fake->log, log);
	dpath_irqfake_mark(fake);
}

/* What is asked of the interrupt core, in which order, as a VMM goes through the kinds. */
static void transitions(struct kunit *test)
{
	static const s32 two[] = { 0, 1 }, grown[] = { 2, -1, 3 };
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
	expect_log(test, fake, "request:11 unmask ");
	KUNIT_EXPECT_EQ(test, disable(fake, INTX), 0);
	expect_log(test, fake, "intx- free:11 intx- ");

	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, MSI, TRIGGER_FD, 0, 2, two), 0);
	expect_log(test, fake, "alloc:msi:2 request:100 request:101 bypass+:100 bypass+:101 ");
	KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 1));
	expect_log(test, fake, "signal:1 ");
	/* MSI does not grow, and no kind takes the place of another. */
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSI, 2, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 0, 2), -EINVAL);
	expect_log(test, fake, "");
	KUNIT_EXPECT_EQ(test, disable(fake, MSI), 0);
	expect_log(test, fake, "bypass-:100 bypass-:101 free:100 free:101 release intx- ");

	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, MSIX, TRIGGER_FD, 0, 2, two), 0);
	expect_log(test, fake, "alloc:msix:1 write:100 request:100 add:1 write:101 request:101 bypass+:100 bypass+:101 ");
	/* It grows by single vectors; those there are stay as they are. */
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, MSIX, TRIGGER_FD, 4, 3, grown), 0);
	expect_log(test, fake, "add:4 write:104 request:104 add:6 write:106 request:106 bypass+:104 bypass+:106 ");
	/* Another eventfd: the producer first, and the old one is quiet when the call returns. The same one is nothing. */
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 4, 5), 0);
	expect_log(test, fake, "bypass-:104 sync:104 bypass+:104 ");
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 4, 5), 0);
	expect_log(test, fake, "");
	/* None: the vector stays, what comes is kept for the next. */
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 4, -1), 0);
	expect_log(test, fake, "bypass-:104 sync:104 ");
	KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 4));
	KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 4));
	expect_log(test, fake, "");
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 4, 2), 0);
	expect_log(test, fake, "signal:2 bypass+:104 ");
	KUNIT_EXPECT_EQ(test, fake->charged, 4U);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fake->stats.interrupts), 3);
	KUNIT_EXPECT_EQ(test, disable(fake, MSIX), 0);
	expect_log(test, fake, "bypass-:100 bypass-:101 bypass-:104 bypass-:106 free:100 free:101 free:104 free:106 release intx- ");
	dpath_irqfake_stop(test, fake);
}

/* Each kind enabled, then each asked for. */
static void one_kind_at_a_time(struct kunit *test)
{
	static const u32 kinds[] = { NONE, INTX, MSI, MSIX };
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	unsigned int from, to;
	char before[1024];
	int ret;

	dpath_irqfake_start(fake, false);
	for (from = 0; from < ARRAY_SIZE(kinds); from++) {
		for (to = 1; to < ARRAY_SIZE(kinds); to++) {
			if (from)
				KUNIT_ASSERT_EQ(test, dpath_irqfake_set_fd(fake, kinds[from], 0, 0), 0);
			strscpy(before, dpath_irqfake_state(fake), sizeof(before));
			dpath_irqfake_mark(fake);
			ret = dpath_irqfake_set_fd(fake, kinds[to], 0, 1);
			KUNIT_EXPECT_EQ_MSG(test, ret, !from || from == to ? 0 : -EINVAL, "%u to %u", from, to);
			if (from && from != to) {
				KUNIT_EXPECT_STREQ(test, dpath_irqfake_state(fake), before);
				KUNIT_EXPECT_STREQ(test, fake->log, "");
				KUNIT_EXPECT_EQ(test, disable(fake, kinds[to]), -EINVAL);
				KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, kinds[to], TRIGGER_NONE, 0, 1, NULL), -EINVAL);
			}
			KUNIT_EXPECT_EQ(test, disable(fake, kinds[from ?: to]), 0);
			KUNIT_EXPECT_EQ(test, fake->irqs.index, NONE);
		}
	}
	dpath_irqfake_stop(test, fake);
}

/* Flags that are not one of each, ranges that are not there: refused for every kind, and nothing happens. */
static void requests(struct kunit *test)
{
	static const s32 fds[] = { 0, 1 };
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	u32 flags, index;
	char before[1024];

	dpath_irqfake_start(fake, false);
	strscpy(before, dpath_irqfake_state(fake), sizeof(before));
	for (index = 0; index <= NONE; index++) {
		u32 count = index < NONE ? fake->irqs.counts[index] : 0;

		for (flags = 0; flags < 128; flags++) {
			if (flags < 64 && hweight32(flags & 7) == 1 && hweight32(flags & 0x38) == 1)
				continue;
			KUNIT_EXPECT_EQ_MSG(test, dpath_irqfake_set(fake, index, flags, 0, 1, fds), -EINVAL, "index %u flags %#x", index, flags);
		}
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, index, TRIGGER_FD, count, 1, fds), -EINVAL);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, index, TRIGGER_FD, count, 0, fds), -EINVAL);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, index, TRIGGER_FD, 0, count + 1, fds), -EINVAL);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, index, TRIGGER_FD, 1, U32_MAX, fds), -EINVAL);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, index, TRIGGER_FD, U32_MAX, 2, fds), -EINVAL);
	}
	/* Messages have no mask of ours. */
	for (index = MSI; index <= VFIO_PCI_REQ_IRQ_INDEX; index++) {
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, index, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, 0, 1, NULL), -ENOTTY);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, index, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 0, 1, NULL), -ENOTTY);
	}
	/* And none of the kinds that are off can be triggered. */
	for (index = INTX; index <= VFIO_PCI_REQ_IRQ_INDEX; index++)
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, index, TRIGGER_NONE, 0, 1, NULL), -EINVAL);
	KUNIT_EXPECT_STREQ(test, dpath_irqfake_state(fake), before);
	expect_log(test, fake, "");
	dpath_irqfake_stop(test, fake);
}

/* --- failures --- */

struct call {
	u32 index;
	u32 flags;
	u32 start;
	u32 count;
	s32 fds[5];
};

/* What is there before, and the call that is to fail at each of its steps. */
static const struct {
	const char *name;
	struct call before[2];
	struct call call;
	bool no_disintx;
} scenarios[] = {
	{ "INTx", {}, { INTX, TRIGGER_FD, 0, 1, { 0 } } },
	{ "INTx without Interrupt Disable", {}, { INTX, TRIGGER_FD, 0, 1, { 0 } }, true },
	{ "another eventfd for INTx", { { INTX, TRIGGER_FD, 0, 1, { 0 } } }, { INTX, TRIGGER_FD, 0, 1, { 1 } } },
	{ "resample", { { INTX, TRIGGER_FD, 0, 1, { 0 } } }, { INTX, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, 0, 1, { 1 } } },
	{ "MSI", {}, { MSI, TRIGGER_FD, 0, 3, { 0, 1, 2 } } },
	{ "MSI with a hole", {}, { MSI, TRIGGER_FD, 1, 3, { 0, -1, 2 } } },
	{ "MSI-X", {}, { MSIX, TRIGGER_FD, 0, 3, { 0, 1, 2 } } },
	{ "MSI-X grows", { { MSIX, TRIGGER_FD, 0, 2, { 0, 1 } } }, { MSIX, TRIGGER_FD, 2, 3, { 2, 3, 4 } } },
	{ "MSI-X grows around what is there", { { MSIX, TRIGGER_FD, 1, 2, { 0, 1 } } }, { MSIX, TRIGGER_FD, 0, 5, { 2, 3, -1, 4, 5 } } },
	{ "MSI-X gets other eventfds", { { MSIX, TRIGGER_FD, 0, 2, { 0, 1 } } }, { MSIX, TRIGGER_FD, 0, 2, { 2, 3 } } },
	{ "MSI-X where one has none", { { MSIX, TRIGGER_FD, 0, 2, { 0, 1 } }, { MSIX, TRIGGER_FD, 0, 1, { -1 } } },
	  { MSIX, TRIGGER_FD, 0, 3, { 2, 3, 4 } } },
	{ "ERR", {}, { VFIO_PCI_ERR_IRQ_INDEX, TRIGGER_FD, 0, 1, { 0 } } },
	{ "REQ anew", { { VFIO_PCI_REQ_IRQ_INDEX, TRIGGER_FD, 0, 1, { 0 } } }, { VFIO_PCI_REQ_IRQ_INDEX, TRIGGER_FD, 0, 1, { 1 } } },
};

static int do_call(struct dpath_irqfake *fake, const struct call *call)
{
	return dpath_irqfake_set(fake, call->index, call->flags, call->start, call->count, call->fds);
}

/* A call goes on without these; and without the whole table of MSI-X, where it is asked for in advance. */
static bool tolerated(const char *failed, bool dynamic)
{
	return !strcmp(failed, "bypass") || !strcmp(failed, "affinity") || (!dynamic && !strcmp(failed, "table"));
}

/* Step @n fails. True if there was such a step. */
static bool fail_step(struct kunit *test, int i, unsigned int n, bool dynamic, u16 guest)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	char before[1024];
	const char *failed;
	int call, ret;
	bool reached;

	fake->dynamic = dynamic;
	fake->guest = guest;
	cpumask_set_cpu(0, &fake->cpus);
	dpath_irqfake_start(fake, scenarios[i].no_disintx);
	dpath_irqs_refresh_affinity(&fake->irqs);
	for (call = 0; call < ARRAY_SIZE(scenarios[i].before) && scenarios[i].before[call].flags; call++)
		KUNIT_ASSERT_EQ(test, do_call(fake, &scenarios[i].before[call]), 0);
	strscpy(before, dpath_irqfake_state(fake), sizeof(before));
	dpath_irqfake_mark(fake);
	fake->fail_at = n;
	ret = do_call(fake, &scenarios[i].call);
	reached = fake->calls >= n;
	failed = fake->failed ?: "nothing";
	fake->fail_at = 0;
	KUNIT_EXPECT_EQ_MSG(test, !ret, !reached || tolerated(failed, dynamic), "%s: step %u, %s, returns %d",
			    scenarios[i].name, n, failed, ret);
	if (ret)
		KUNIT_EXPECT_STREQ_MSG(test, dpath_irqfake_state(fake), before, "%s: step %u, %s", scenarios[i].name, n, failed);
	/* Whatever it was, the same call can be made again, now or after the rest has gone. */
	KUNIT_EXPECT_EQ_MSG(test, do_call(fake, &scenarios[i].call), !ret && !strcmp(scenarios[i].name, "resample") ? -EBUSY : 0, "%s again",
			    scenarios[i].name);
	dpath_irqfake_stop(test, fake);
	kunit_kfree(test, fake);
	return reached;
}

static void every_step_fails(struct kunit *test)
{
	static const u16 guests[] = { PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, PCI_COMMAND_MASTER };
	unsigned int i, n, variant, steps = 0;

	for (variant = 0; variant < 4; variant++) {
		for (i = 0; i < ARRAY_SIZE(scenarios); i++) {
			for (n = 1; fail_step(test, i, n, variant & 1, guests[variant / 2]); n++)
				KUNIT_ASSERT_LT(test, n, 100U);
			/* More than the trigger and its eventfd. */
			KUNIT_EXPECT_GE_MSG(test, n, 2U, "%s", scenarios[i].name);
			steps += n;
		}
	}
	kunit_info(test, "%u calls were made to fail", steps);
}

/* One fd of several is none: nothing is kept of the others, whatever was there. */
static void bad_eventfds(struct kunit *test)
{
	static const s32 strange[] = { DPATH_IRQFAKE_FDS, DPATH_IRQFAKE_NO_EVENTFD, S32_MAX };
	static const int errors[] = { -EBADF, -EINVAL, -EBADF };
	unsigned int bad, where, enabled;
	char before[1024];

	for (enabled = 0; enabled < 2; enabled++) {
		struct dpath_irqfake *fake = dpath_irqfake_new(test);

		dpath_irqfake_start(fake, false);
		if (enabled)
			KUNIT_ASSERT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 1, 0), 0);
		strscpy(before, dpath_irqfake_state(fake), sizeof(before));
		for (bad = 0; bad < ARRAY_SIZE(strange); bad++) {
			for (where = 0; where < 4; where++) {
				s32 fds[] = { 1, 2, 3, 4 };

				fds[where] = strange[bad];
				KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, MSIX, TRIGGER_FD, 0, 4, fds), errors[bad]);
				KUNIT_EXPECT_STREQ(test, dpath_irqfake_state(fake), before);
			}
			KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, VFIO_PCI_ERR_IRQ_INDEX, 0, strange[bad]), errors[bad]);
			if (!enabled)
				KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, strange[bad]), errors[bad]);
			KUNIT_EXPECT_STREQ(test, dpath_irqfake_state(fake), before);
		}
		dpath_irqfake_stop(test, fake);
	}
}

/*
 * Every budget from none to enough, and every number the kernel has: with the kind not enabled the answer is how many there are, so that the VMM asks
 * for so many; with none at all, or for more of an enabled kind, it is -ENOSPC.
 */
static void not_enough(struct kunit *test)
{
	static const s32 fds[] = { 0, 1, 2, 3, 4, 5 };
	unsigned int have, variant;

	for (variant = 0; variant < 6; variant++) {
		u32 index = variant & 1 ? MSIX : MSI;

		for (have = 0; have <= 6; have++) {
			struct dpath_irqfake *fake = dpath_irqfake_new(test);
			int first, none = have ? have : -ENOSPC;

			if (variant < 2)
				fake->kernel_vectors = have;
			else
				fake->budget = have;
			fake->dynamic = variant < 4;
			dpath_irqfake_start(fake, false);
			first = dpath_irqfake_set(fake, index, TRIGGER_FD, 0, 6, fds);
			KUNIT_EXPECT_EQ_MSG(test, first, have == 6 ? 0 : none, "variant %u, %u vectors", variant, have);
			KUNIT_EXPECT_EQ(test, fake->charged, have == 6 ? 6U : 0U);
			KUNIT_EXPECT_EQ(test, fake->irqs.used, have == 6 ? 6U : 0U);
			if (first > 0)
				KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, index, TRIGGER_FD, 0, first, fds), 0);
			if (first > 0 && index == MSIX)
				KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, index, first, 7), -ENOSPC);
			KUNIT_EXPECT_EQ(test, fake->charged, have);
			dpath_irqfake_stop(test, fake);
			kunit_kfree(test, fake);
		}
	}
}

/* --- where MSI-X does not grow by single vectors --- */

static void upfront(struct kunit *test)
{
	static const struct {
		int table;
		unsigned int kernel;
		u32 start;
		int ret;
		const char *log;
		u32 flags;	/* before, and when it is enabled */
		u32 enabled;
	} cases[] = {
		{ 16, 2048, 1, 0, "alloc:msix:16 ", 0, 0 },
		{ 512, 2048, 1, 0, "alloc:msix:512 ", 0, 0 },
		{ 513, 2048, 1, 0, "alloc:msix:512 ", VFIO_IRQ_INFO_NORESIZE, VFIO_IRQ_INFO_NORESIZE },
		{ 1024, 2048, 600, 0, "alloc:msix:601 ", VFIO_IRQ_INFO_NORESIZE, VFIO_IRQ_INFO_NORESIZE },
		{ 16, 5, 1, 0, "alloc:msix:16 ", 0, VFIO_IRQ_INFO_NORESIZE },
		{ 16, 1, 1, 1, "alloc:msix:16 release intx- ", 0, 0 },
		{ 16, 0, 1, -ENOSPC, "alloc:msix:16 alloc:msix:2 intx- ", 0, 0 },
	};
	u32 count, flags;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dpath_irqfake *fake = dpath_irqfake_new(test);

		fake->dynamic = false;
		fake->msix = cases[i].table;
		fake->kernel_vectors = cases[i].kernel;
		dpath_irqfake_start(fake, false);
		KUNIT_EXPECT_EQ(test, dpath_irqs_info(&fake->irqs, MSIX, &count, &flags), 0);
		KUNIT_EXPECT_EQ(test, count, (u32)cases[i].table);
		KUNIT_EXPECT_EQ_MSG(test, flags, VFIO_IRQ_INFO_EVENTFD | cases[i].flags, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, dpath_irqfake_set_fd(fake, MSIX, cases[i].start, 0), cases[i].ret, "case %u", i);
		if (cases[i].ret)
			KUNIT_EXPECT_STREQ(test, fake->log, cases[i].log);
		else
			KUNIT_EXPECT_EQ_MSG(test, strncmp(fake->log, cases[i].log, strlen(cases[i].log)), 0, "%s", fake->log);
		KUNIT_EXPECT_EQ(test, dpath_irqs_info(&fake->irqs, MSIX, &count, &flags), 0);
		KUNIT_EXPECT_EQ_MSG(test, flags, VFIO_IRQ_INFO_EVENTFD | cases[i].enabled, "case %u", i);
		/* What is not requested is not charged. */
		KUNIT_EXPECT_EQ(test, fake->charged, (unsigned int)!cases[i].ret);
		dpath_irqfake_stop(test, fake);
		kunit_kfree(test, fake);
	}
}

static void info(struct kunit *test)
{
	static const struct {
		u32 count;
		u32 flags;
	} kinds[] = {
		[INTX] = { 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED },
		[MSI] = { 8, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE },
		[MSIX] = { 16, VFIO_IRQ_INFO_EVENTFD },
		[VFIO_PCI_ERR_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE },
		[VFIO_PCI_REQ_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE },
	};
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	u32 index, count, flags;

	dpath_irqfake_start(fake, false);
	for (index = 0; index < ARRAY_SIZE(kinds); index++) {
		KUNIT_EXPECT_EQ(test, dpath_irqs_info(&fake->irqs, index, &count, &flags), 0);
		KUNIT_EXPECT_EQ(test, count, kinds[index].count);
		KUNIT_EXPECT_EQ(test, flags, kinds[index].flags);
	}
	KUNIT_EXPECT_EQ(test, dpath_irqs_info(&fake->irqs, NONE, &count, &flags), -EINVAL);
	dpath_irqfake_stop(test, fake);

	/* What grows by single vectors grows, however large the table is. */
	fake = dpath_irqfake_new(test);
	fake->msix = 1024;
	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqs_info(&fake->irqs, MSIX, &count, &flags), 0);
	KUNIT_EXPECT_EQ(test, count, 1024U);
	KUNIT_EXPECT_EQ(test, flags, (u32)VFIO_IRQ_INFO_EVENTFD);
	dpath_irqfake_stop(test, fake);

	/* A conventional function without line and capabilities. */
	fake = dpath_irqfake_new(test);
	fake->pdev.pin = 0;
	fake->pdev.pcie_cap = 0;
	fake->msi = 0;
	fake->msix = 0;
	dpath_irqfake_start(fake, false);
	for (index = INTX; index <= MSIX; index++) {
		KUNIT_EXPECT_EQ(test, dpath_irqs_info(&fake->irqs, index, &count, &flags), 0);
		KUNIT_EXPECT_EQ(test, count, 0U);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, index, 0, 0), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, dpath_irqs_info(&fake->irqs, VFIO_PCI_ERR_IRQ_INDEX, &count, &flags), -EINVAL);
	dpath_irqfake_stop(test, fake);
}

/* With the quirk Interrupt Disable would keep the messages away; it is set again when they are off, or could not be had. */
static void quirk(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	fake->pdev.dev_flags = PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSI, 0, 0), 0);
	KUNIT_EXPECT_FALSE(test, fake->command & PCI_COMMAND_INTX_DISABLE);
	KUNIT_EXPECT_EQ(test, disable(fake, MSI), 0);
	KUNIT_EXPECT_TRUE(test, fake->command & PCI_COMMAND_INTX_DISABLE);
	fake->kernel_vectors = 0;
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSI, 0, 0), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, fake->command & PCI_COMMAND_INTX_DISABLE);
	dpath_irqfake_stop(test, fake);
}

/* The guest has decode off: it is borrowed for what writes the table and given back before anything else may look. */
static void borrowed_decode(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	fake->guest = PCI_COMMAND_MASTER;
	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 0, 0), 0);
	expect_log(test, fake, "decode+ alloc:msix:1 decode- decode+ write:100 request:100 decode- bypass+:100 ");
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 0, 1), 0);
	expect_log(test, fake, "bypass-:100 sync:100 bypass+:100 ");
	KUNIT_EXPECT_EQ(test, disable(fake, MSIX), 0);
	expect_log(test, fake, "bypass-:100 decode+ free:100 release decode- intx- ");
	dpath_irqfake_stop(test, fake);
}

/* Chosen CPUs reach every interrupt, those to come as well; a hint goes before its interrupt does; what nobody chose is left alone. */
static void affinity(struct kunit *test)
{
	static const s32 fds[] = { 0, 1 };
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, MSIX, TRIGGER_FD, 0, 2, fds), 0);
	dpath_irqs_refresh_affinity(&fake->irqs);
	KUNIT_EXPECT_EQ(test, fake->vectors[0].steered + fake->vectors[1].steered, 0);
	cpumask_set_cpu(0, &fake->cpus);
	dpath_irqfake_mark(fake);
	dpath_irqs_refresh_affinity(&fake->irqs);
	expect_log(test, fake, "steer:100 steer:101 ");
	KUNIT_EXPECT_PTR_EQ(test, fake->vectors[1].hint, &fake->irqs.cpus);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 3, 2), 0);
	expect_log(test, fake, "add:3 write:103 request:103 steer:103 bypass+:103 ");
	/* That one cannot go there changes nothing for the others. */
	fake->fail_at = 1;
	dpath_irqs_refresh_affinity(&fake->irqs);
	expect_log(test, fake, "steer:100 steer:101 steer:103 ");
	cpumask_clear(&fake->cpus);
	dpath_irqs_refresh_affinity(&fake->irqs);
	expect_log(test, fake, "steer:100:all steer:101:all steer:103:all ");
	KUNIT_EXPECT_NULL(test, fake->vectors[3].hint);
	KUNIT_EXPECT_EQ(test, disable(fake, MSIX), 0);

	/* The line outlives its user: it goes back to all. */
	cpumask_set_cpu(0, &fake->cpus);
	dpath_irqs_refresh_affinity(&fake->irqs);
	dpath_irqfake_mark(fake);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
	expect_log(test, fake, "request:11 steer:11 unmask ");
	KUNIT_EXPECT_EQ(test, disable(fake, INTX), 0);
	expect_log(test, fake, "intx- steer:11:all free:11 intx- ");
	dpath_irqfake_stop(test, fake);
}

static bool notify(struct dpath_irqfake *fake, u32 index)
{
	return index == VFIO_PCI_ERR_IRQ_INDEX ? dpath_irqs_notify_err(&fake->irqs) : dpath_irqs_notify_req(&fake->irqs);
}

/* ERR and REQ: signalled by the host, or by the VMM for a try; the old eventfd is quiet when the call returns. */
static void notifiers(struct kunit *test)
{
	static const u32 kinds[] = { VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX };
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	const u8 yes = 1, no = 0;
	unsigned int i;

	dpath_irqfake_start(fake, false);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		KUNIT_EXPECT_FALSE(test, notify(fake, kinds[i]));
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, kinds[i], 0, 0), 0);
		expect_log(test, fake, "");
		KUNIT_EXPECT_TRUE(test, notify(fake, kinds[i]));
		KUNIT_EXPECT_FALSE(test, notify(fake, kinds[!i]));
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, kinds[i], TRIGGER_NONE, 0, 1, NULL), 0);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, kinds[i], TRIGGER_BOOL, 0, 1, &yes), 0);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, kinds[i], TRIGGER_BOOL, 0, 1, &no), 0);
		expect_log(test, fake, "signal:0 signal:0 signal:0 ");
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, kinds[i], 0, 1), 0);
		expect_log(test, fake, "grace ");
		KUNIT_EXPECT_EQ(test, fake->fds[0].refs, 1);
		KUNIT_EXPECT_TRUE(test, notify(fake, kinds[i]));
		expect_log(test, fake, "signal:1 ");
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, kinds[i], 0, -2), -EINVAL);
		KUNIT_EXPECT_EQ(test, i ? disable(fake, kinds[i]) : dpath_irqfake_set_fd(fake, kinds[i], 0, -1), 0);
		KUNIT_EXPECT_FALSE(test, notify(fake, kinds[i]));
		dpath_irqfake_mark(fake);
	}
	dpath_irqfake_stop(test, fake);
}

/* After the lease: refused, and an interrupt of before is not signalled. */
/* A reset has the function: its messages stay allocated, whatever ends meanwhile, but nobody hears of them. */
static void held(struct kunit *test)
{
	static const u32 kinds[] = { VFIO_PCI_MSI_IRQ_INDEX, MSIX };
	struct dpath_irqfake *fake;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		fake = dpath_irqfake_new(test);
		dpath_irqfake_start(fake, false);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, kinds[i], 0, 0), 0);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, VFIO_PCI_REQ_IRQ_INDEX, 0, 1), 0);
		dpath_irqfake_mark(fake);
		dpath_irqs_hold(&fake->irqs);
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
		KUNIT_EXPECT_TRUE(test, notify(fake, VFIO_PCI_REQ_IRQ_INDEX));
		expect_log(test, fake, "signal:0 signal:1 ");
		dpath_irqs_unhold(&fake->irqs);
		expect_log(test, fake, "");
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
		dpath_irqfake_mark(fake);

		dpath_irqs_hold(&fake->irqs);
		dpath_irqs_kill(&fake->irqs);
		expect_log(test, fake, "bypass-:100 ");
		KUNIT_EXPECT_TRUE(test, fake->vectors[0].allocated);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, kinds[i], 0, 0), -ENODEV);
		/* It has a handler still, and that has nobody to tell. */
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
		KUNIT_EXPECT_FALSE(test, notify(fake, VFIO_PCI_REQ_IRQ_INDEX));
		dpath_irqs_kill(&fake->irqs);
		expect_log(test, fake, "");
		dpath_irqs_unhold(&fake->irqs);
		expect_log(test, fake, "free:100 release intx- ");
		KUNIT_EXPECT_FALSE(test, dpath_irqfake_fire(fake, 0));
		KUNIT_EXPECT_EQ(test, fake->charged, 0U);
		dpath_irqfake_stop(test, fake);
	}
}

static void dead(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	u32 index;

	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, VFIO_PCI_REQ_IRQ_INDEX, 0, 1), 0);
	dpath_irqs_kill(&fake->irqs);
	dpath_irqfake_mark(fake);
	for (index = INTX; index < NONE; index++)
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, index, 0, 0), -ENODEV);
	KUNIT_EXPECT_FALSE(test, dpath_irqfake_fire(fake, 0));
	KUNIT_EXPECT_FALSE(test, dpath_irqs_notify_req(&fake->irqs));
	dpath_irqs_restored(&fake->irqs);
	dpath_irqs_intx_disable(&fake->irqs, false);
	expect_log(test, fake, "");
	dpath_irqfake_stop(test, fake);
}

static void exchange(struct dpath_irqfake *fake)
{
	dpath_irqfake_set_fd(fake, MSIX, 0, 1);
}

static void exchange_twice(struct dpath_irqfake *fake)
{
	dpath_irqfake_set_fd(fake, MSIX, 0, 1);
	dpath_irqfake_set_fd(fake, MSIX, 0, -1);
}

/* An eventfd arrives, or has come and gone, just when a handler has found none: the interrupt is signalled once, to the first that stays. */
static void no_interrupt_is_lost(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 0, -1), 0);
	fake->between = exchange;
	KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
	KUNIT_EXPECT_EQ(test, fake->fds[1].signals, 1ULL);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 0, -1), 0);
	fake->between = exchange_twice;
	KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
	KUNIT_EXPECT_EQ(test, fake->fds[1].signals, 1ULL);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, MSIX, 0, 2), 0);
	KUNIT_EXPECT_EQ(test, fake->fds[2].signals, 1ULL);
	dpath_irqfake_stop(test, fake);
}

/* --- random calls against a model --- */

/**
 * struct model - what a VMM knows of its MSI-X
 * @enabled: the kind is
 * @has: the vector has had an eventfd since
 * @fd: its eventfd, or -1
 * @kept: an interrupt came while there was none
 * @signals: of each eventfd
 * @budget: vectors that may be had
 */
struct model {
	bool enabled;
	bool has[16];
	s32 fd[16];
	bool kept[16];
	u64 signals[DPATH_IRQFAKE_FDS];
	unsigned int budget;
};

static unsigned int below(struct rnd_state *rnd, unsigned int limit)
{
	return prandom_u32_state(rnd) % limit;
}

static void model_reset(struct model *model)
{
	unsigned int i;

	model->enabled = false;
	for (i = 0; i < 16; i++) {
		model->has[i] = false;
		model->kept[i] = false;
		model->fd[i] = -1;
	}
}

static unsigned int model_used(const struct model *model)
{
	unsigned int i, used = 0;

	for (i = 0; i < 16; i++)
		used += model->has[i];
	return used;
}

/* What SET_IRQS has to answer; the model follows. */
static int model_set(struct model *model, u32 start, u32 count, const s32 *fds)
{
	unsigned int used = model_used(model), i;
	bool enabled = model->enabled;

	for (i = 0; i < count; i++) {
		if (fds[i] >= DPATH_IRQFAKE_FDS)
			return -EBADF;
	}
	for (i = 0; i < count; i++) {
		if (fds[i] < 0 || model->has[start + i])
			continue;
		if (used++ == model->budget)
			return enabled || !(start + i) ? -ENOSPC : start + i;
	}
	model->enabled = true;
	for (i = 0; i < count; i++) {
		if (fds[i] >= 0) {
			model->has[start + i] = true;
			model->signals[fds[i]] += model->kept[start + i];
			model->kept[start + i] = false;
		}
		model->fd[start + i] = fds[i];
	}
	return 0;
}

static void model_fire(struct model *model, unsigned int number)
{
	if (model->fd[number] >= 0)
		model->signals[model->fd[number]]++;
	else if (model->has[number])
		model->kept[number] = true;
}

static void step(struct kunit *test, struct dpath_irqfake *fake, struct model *model, struct rnd_state *rnd)
{
	u32 start = below(rnd, 16), count = 1 + below(rnd, min(16 - start, 5U)), i;
	s32 fds[5];
	u8 bools[5];

	switch (below(rnd, 12)) {
	case 0 ... 3:
		for (i = 0; i < count; i++)
			fds[i] = below(rnd, 40) ? (int)below(rnd, DPATH_IRQFAKE_FDS + 1) - 1 : DPATH_IRQFAKE_FDS;
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, MSIX, TRIGGER_FD, start, count, fds), model_set(model, start, count, fds));
		return;
	case 4 ... 8:
		KUNIT_EXPECT_EQ(test, dpath_irqfake_fire(fake, start), model->has[start]);
		model_fire(model, start);
		return;
	case 9:
		/* By hand: nothing is kept. */
		for (i = 0; i < count; i++) {
			bools[i] = below(rnd, 2);
			if (bools[i] && model->fd[start + i] >= 0)
				model->signals[model->fd[start + i]]++;
		}
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, MSIX, TRIGGER_BOOL, start, count, bools), model->enabled ? 0 : -EINVAL);
		return;
	case 10:
		model->budget = max(below(rnd, 20), model_used(model));
		fake->budget = model->budget;
		return;
	default:
		if (below(rnd, 4))
			return;
		KUNIT_EXPECT_EQ(test, disable(fake, MSIX), model->enabled ? 0 : -EINVAL);
		model_reset(model);
	}
}

static void compare(struct kunit *test, struct dpath_irqfake *fake, const struct model *model)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, fake->irqs.index, model->enabled ? MSIX : NONE);
	KUNIT_EXPECT_EQ(test, fake->charged, model_used(model));
	for (i = 0; i < 16; i++) {
		KUNIT_EXPECT_EQ(test, !!fake->vectors[i].handler, model->has[i]);
		KUNIT_EXPECT_EQ(test, fake->vectors[i].bypass, model->fd[i] >= 0);
	}
	for (i = 0; i < DPATH_IRQFAKE_FDS; i++)
		KUNIT_EXPECT_EQ(test, fake->fds[i].signals, model->signals[i]);
}

static void random_calls(struct kunit *test)
{
	struct dpath_irqfake *fake;
	struct rnd_state rnd;
	struct model model;
	unsigned int i;
	u32 seed;

	for (seed = 1; seed <= 60 && test->status != KUNIT_FAILURE; seed++) {
		prandom_seed_state(&rnd, seed);
		fake = dpath_irqfake_new(test);
		fake->dynamic = seed % 2;
		fake->guest = seed % 3 ? fake->guest : PCI_COMMAND_MASTER;
		memset(&model, 0, sizeof(model));
		model_reset(&model);
		model.budget = 16;
		dpath_irqfake_start(fake, false);
		for (i = 0; i < 300 && test->status != KUNIT_FAILURE; i++) {
			step(test, fake, &model, &rnd);
			compare(test, fake, &model);
			dpath_irqfake_mark(fake);
			dpath_irqfake_grace(fake);
		}
		dpath_irqfake_stop(test, fake);
		kunit_kfree(test, fake);
		if (test->status == KUNIT_FAILURE)
			KUNIT_FAIL(test, "seed %u, call %u", seed, i);
	}
	kunit_info(test, "seeds 1 to %u", seed - 1);
}

static struct kunit_case irq_cases[] = {
	KUNIT_CASE(transitions),
	KUNIT_CASE(one_kind_at_a_time),
	KUNIT_CASE(requests),
	KUNIT_CASE(every_step_fails),
	KUNIT_CASE(bad_eventfds),
	KUNIT_CASE(not_enough),
	KUNIT_CASE(upfront),
	KUNIT_CASE(info),
	KUNIT_CASE(quirk),
	KUNIT_CASE(borrowed_decode),
	KUNIT_CASE(affinity),
	KUNIT_CASE(notifiers),
	KUNIT_CASE(held),
	KUNIT_CASE(dead),
	KUNIT_CASE(no_interrupt_is_lost),
	KUNIT_CASE(random_calls),
	{}
};

static struct kunit_suite irq_suite = {
	.name = "directpath_irq",
	.test_cases = irq_cases,
};

kunit_test_suite(irq_suite);
