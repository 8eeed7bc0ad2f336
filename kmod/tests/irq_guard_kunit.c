// SPDX-License-Identifier: GPL-2.0
/*
 * The storm guard: how each kind is masked and comes back, that nothing is lost meanwhile, and every way in which a vector can end while it is held.
 */

#include <kunit/test.h>

#include "irqfake.h"

#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSI VFIO_PCI_MSI_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX

#define TRIGGER_NONE (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define TRIGGER_FD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define UNMASK_NONE (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK)

/* At 100 a second the bucket holds 16. */
#define BURST 16
#define BACKOFF msecs_to_jiffies(20)

static const s32 two[] = { 0, 1 };

static void start(struct kunit *test, struct dpath_irqfake *fake, bool no_disintx)
{
	fake->limit = (struct dpath_storm_limit){ 100, 20 };
	dpath_irqfake_start(fake, no_disintx);
	dpath_irqs_refresh_storm(&fake->irqs);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_pass(fake, 0), 1U);
	KUNIT_EXPECT_EQ(test, fake->tellings, 0U);
}

/* One more than the bucket holds, all at once: they all arrive, the last one is too many. */
static void storm(struct kunit *test, struct dpath_irqfake *fake, unsigned int number)
{
	u64 before = fake->fds[number].signals;
	unsigned int i;

	for (i = 0; i < BURST; i++)
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, number));
	KUNIT_EXPECT_NULL(test, fake->guard);
	dpath_irqfake_mark(fake);
	KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, number));
	KUNIT_EXPECT_NOT_NULL(test, fake->guard);
	KUNIT_EXPECT_EQ(test, fake->fds[number].signals, before + BURST + 1);
}

static bool is_held(struct dpath_irqfake *fake, unsigned int number, u64 *storms)
{
	struct dpath_vector_info info[8];
	unsigned int i, nr = dpath_irqs_vectors(&fake->irqs, info, ARRAY_SIZE(info));

	for (i = 0; i < nr; i++) {
		if (info[i].number != number)
			continue;
		*storms = info[i].storms;
		return info[i].held;
	}
	return false;
}

static void expect_held(struct kunit *test, struct dpath_irqfake *fake, unsigned int number, bool held, u64 storms)
{
	u64 counted = 0;

	KUNIT_EXPECT_EQ(test, is_held(fake, number, &counted), held);
	KUNIT_EXPECT_EQ(test, counted, storms);
}

/* The vector has a mask bit: it alone is held, and what it sends meanwhile is pending. */
static void maskable(struct kunit *test)
{
	static const u32 kinds[] = { MSI, MSIX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct dpath_irqfake *fake = dpath_irqfake_new(test);

		start(test, fake, false);
		KUNIT_ASSERT_EQ(test, dpath_irqfake_set(fake, kinds[i], TRIGGER_FD, 0, 2, two), 0);
		storm(test, fake, 1);
		KUNIT_EXPECT_STREQ(test, fake->log, "signal:1 disable:101 ");
		KUNIT_EXPECT_EQ(test, dpath_irqfake_pass(fake, 0), 1U);
		KUNIT_EXPECT_EQ(test, fake->tellings, 1U);
		KUNIT_EXPECT_EQ(test, fake->told.index, kinds[i]);
		KUNIT_EXPECT_EQ(test, fake->told.number, 1U);
		KUNIT_EXPECT_EQ(test, fake->told.wait_ms, 20U);
		expect_held(test, fake, 1, true, 1);
		expect_held(test, fake, 0, false, 0);
		KUNIT_EXPECT_FALSE(test, dpath_irqfake_fire(fake, 1));
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
		dpath_irqfake_pass(fake, BACKOFF - 1);
		expect_held(test, fake, 1, true, 1);
		dpath_irqfake_mark(fake);
		dpath_irqfake_pass(fake, 1);
		KUNIT_EXPECT_STREQ(test, fake->log, "enable:101 signal:1 ");
		expect_held(test, fake, 1, false, 1);
		KUNIT_EXPECT_EQ(test, fake->tellings, 1U);
		KUNIT_EXPECT_EQ(test, atomic64_read(&fake->stats.storms), 1);

		/* It goes on, and is away for twice as long, up to 64 times. */
		while (dpath_irqfake_fire(fake, 1))
			;
		dpath_irqfake_pass(fake, 0);
		KUNIT_EXPECT_EQ(test, fake->told.wait_ms, 40U);
		dpath_irqfake_pass(fake, 2 * BACKOFF - 1);
		expect_held(test, fake, 1, true, 2);
		dpath_irqfake_pass(fake, 1);
		expect_held(test, fake, 1, false, 2);
		KUNIT_EXPECT_NULL(test, fake->guard);
		dpath_irqfake_stop(test, fake);
		kunit_kfree(test, fake);
	}
}

/* MSI without mask bits: off with the line shut, on again when the last one that is held comes back, and one signal for what may have been lost. */
static void maskless(struct kunit *test)
{
	unsigned int quirk;

	for (quirk = 0; quirk < 2; quirk++) {
		struct dpath_irqfake *fake = dpath_irqfake_new(test);
		u64 signals[2];

		fake->msi_control = 0;
		fake->pdev.dev_flags = quirk ? PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG : 0;
		start(test, fake, false);
		KUNIT_ASSERT_EQ(test, dpath_irqfake_set(fake, MSI, TRIGGER_FD, 0, 2, two), 0);
		KUNIT_EXPECT_EQ(test, !!(fake->command & PCI_COMMAND_INTX_DISABLE), !quirk);
		storm(test, fake, 0);
		KUNIT_EXPECT_STREQ(test, fake->log, "signal:0 disable:100 intx- msi:0 ");
		KUNIT_EXPECT_TRUE(test, fake->command & PCI_COMMAND_INTX_DISABLE);
		/* A reset restores config space: the function stays halted. */
		fake->msi_control |= PCI_MSI_FLAGS_ENABLE;
		fake->command &= ~PCI_COMMAND_INTX_DISABLE;
		dpath_irqs_restored(&fake->irqs);
		KUNIT_EXPECT_FALSE(test, fake->msi_control & PCI_MSI_FLAGS_ENABLE);
		KUNIT_EXPECT_TRUE(test, fake->command & PCI_COMMAND_INTX_DISABLE);
		KUNIT_EXPECT_FALSE(test, dpath_irqfake_fire(fake, 0));
		KUNIT_EXPECT_FALSE(test, dpath_irqfake_fire(fake, 1));
		signals[0] = fake->fds[0].signals;
		signals[1] = fake->fds[1].signals;
		dpath_irqfake_mark(fake);
		dpath_irqfake_pass(fake, BACKOFF);
		KUNIT_EXPECT_TRUE(test, fake->msi_control & PCI_MSI_FLAGS_ENABLE);
		KUNIT_EXPECT_EQ(test, !!(fake->command & PCI_COMMAND_INTX_DISABLE), !quirk);
		KUNIT_EXPECT_EQ(test, fake->fds[0].signals, signals[0] + 1);
		KUNIT_EXPECT_EQ(test, fake->fds[1].signals, signals[1] + 1);
		expect_held(test, fake, 0, false, 1);
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 1));
		dpath_irqfake_stop(test, fake);
		kunit_kfree(test, fake);
	}
}

/* The handlers of both were at work when the first one halted the function. */
static void two_at_a_time(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	unsigned int i;

	fake->msi_control = 0;
	start(test, fake, false);
	KUNIT_ASSERT_EQ(test, dpath_irqfake_set(fake, MSI, TRIGGER_FD, 0, 2, two), 0);
	for (i = 0; i < BURST; i++) {
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 1));
	}
	KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
	dpath_irqfake_pass(fake, BACKOFF / 2);
	fake->vectors[1].handler(DPATH_IRQFAKE_BASE + 1, fake->vectors[1].arg);
	/* Time has passed: it had earned something. */
	while (!fake->vectors[1].depth)
		fake->vectors[1].handler(DPATH_IRQFAKE_BASE + 1, fake->vectors[1].arg);
	dpath_irqfake_pass(fake, BACKOFF - BACKOFF / 2);
	expect_held(test, fake, 0, false, 1);
	expect_held(test, fake, 1, true, 1);
	KUNIT_EXPECT_FALSE(test, fake->msi_control & PCI_MSI_FLAGS_ENABLE);
	dpath_irqfake_pass(fake, BACKOFF / 2);
	expect_held(test, fake, 1, false, 1);
	KUNIT_EXPECT_TRUE(test, fake->msi_control & PCI_MSI_FLAGS_ENABLE);
	dpath_irqfake_stop(test, fake);
}

/* With decode off a handler cannot reach the table: Function Mask, which keeps pending bits. */
static void without_decode(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	fake->guest = PCI_COMMAND_MASTER;
	start(test, fake, false);
	KUNIT_ASSERT_EQ(test, dpath_irqfake_set(fake, MSIX, TRIGGER_FD, 0, 2, two), 0);
	storm(test, fake, 1);
	KUNIT_EXPECT_STREQ(test, fake->log, "signal:1 msix:4000 ");
	/* One that was on its way changes nothing. */
	fake->vectors[1].handler(DPATH_IRQFAKE_BASE + 1, fake->vectors[1].arg);
	expect_held(test, fake, 1, true, 1);
	KUNIT_EXPECT_FALSE(test, dpath_irqfake_fire(fake, 0));
	fake->msix_control = 0;
	dpath_irqs_restored(&fake->irqs);
	KUNIT_EXPECT_EQ(test, fake->msix_control, PCI_MSIX_FLAGS_MASKALL);
	dpath_irqfake_mark(fake);
	dpath_irqfake_pass(fake, BACKOFF);
	KUNIT_EXPECT_STREQ(test, fake->log, "decode+ msix:0 decode- signal:0 ");
	KUNIT_EXPECT_EQ(test, fake->command & 0xff, fake->guest);
	/* And off while it is masked: the bit does not stay for the next user. */
	while (fake->msix_control == 0)
		fake->vectors[1].handler(DPATH_IRQFAKE_BASE + 1, fake->vectors[1].arg);
	dpath_irqfake_stop(test, fake);
}

/* The line: the guest unmasks and nothing comes until it is over; a level that is there then is one interrupt. */
static void line(struct kunit *test)
{
	unsigned int variant;

	for (variant = 0; variant < 4; variant++) {
		struct dpath_irqfake *fake = dpath_irqfake_new(test);
		bool no_disintx = variant & 1, asserted = variant & 2;
		unsigned int i;

		start(test, fake, no_disintx);
		KUNIT_ASSERT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
		for (i = 0; i <= BURST; i++) {
			KUNIT_EXPECT_TRUE(test, dpath_irqfake_line_open(fake));
			fake->status = true;
			KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 1U);
			fake->status = false;
			KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, UNMASK_NONE, 0, 1, NULL), 0);
		}
		KUNIT_EXPECT_FALSE(test, dpath_irqfake_line_open(fake));
		KUNIT_EXPECT_EQ(test, fake->fds[0].signals, BURST + 1ULL);
		expect_held(test, fake, 0, true, 1);
		fake->status = asserted;
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, UNMASK_NONE, 0, 1, NULL), 0);
		dpath_irqs_intx_disable(&fake->irqs, true);
		dpath_irqs_intx_disable(&fake->irqs, false);
		dpath_irqs_restored(&fake->irqs);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 0U);
		dpath_irqfake_pass(fake, 0);
		KUNIT_EXPECT_EQ(test, fake->told.index, INTX);
		dpath_irqfake_pass(fake, BACKOFF - 1);
		KUNIT_EXPECT_FALSE(test, dpath_irqfake_line_open(fake));
		dpath_irqfake_pass(fake, 1);
		dpath_irqfake_settle(fake);
		KUNIT_EXPECT_EQ(test, fake->fds[0].signals, BURST + 1ULL + asserted);
		fake->status = false;
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, UNMASK_NONE, 0, 1, NULL), 0);
		expect_held(test, fake, 0, false, 1);
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_line_open(fake));
		dpath_irqfake_stop(test, fake);
		kunit_kfree(test, fake);
	}
}

/* A guest that unmasks a level that nobody lowers never gets to the handler; it is held all the same. */
static void unmask_loop(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	unsigned int i;

	start(test, fake, false);
	KUNIT_ASSERT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
	fake->status = true;
	KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 1U);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, UNMASK_NONE, 0, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, fake->fds[0].signals, BURST + 1ULL);
	expect_held(test, fake, 0, true, 1);
	dpath_irqfake_pass(fake, BACKOFF);
	KUNIT_EXPECT_EQ(test, fake->fds[0].signals, BURST + 2ULL);
	dpath_irqfake_stop(test, fake);
}

/* No limit: nothing is held, and what is comes back. */
static void off(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	unsigned int i;

	start(test, fake, false);
	KUNIT_ASSERT_EQ(test, dpath_irqfake_set(fake, MSIX, TRIGGER_FD, 0, 2, two), 0);
	storm(test, fake, 0);
	fake->limit.rate = 0;
	dpath_irqs_refresh_storm(&fake->irqs);
	dpath_irqfake_pass(fake, 0);
	expect_held(test, fake, 0, false, 1);
	for (i = 0; i < 1000; i++)
		KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
	expect_held(test, fake, 0, false, 1);
	KUNIT_EXPECT_NULL(test, fake->guard);
	dpath_irqfake_stop(test, fake);
}

/* It ends while it is held, and begins anew: free, unmasked, its work finds nothing. */
static void ends_while_held(struct kunit *test)
{
	static const u32 kinds[] = { INTX, MSI, MSI, MSIX, MSIX };
	unsigned int i, again;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct dpath_irqfake *fake = dpath_irqfake_new(test);

		fake->msi_control = i == 1 ? 0 : PCI_MSI_FLAGS_MASKBIT;
		fake->guest = i == 4 ? PCI_COMMAND_MASTER : PCI_COMMAND_MEMORY;
		start(test, fake, false);
		for (again = 0; again < 3; again++) {
			KUNIT_ASSERT_EQ(test, dpath_irqfake_set_fd(fake, kinds[i], 0, 0), 0);
			if (kinds[i] == INTX) {
				fake->status = true;
				dpath_irqfake_settle(fake);
				while (!fake->guard)
					dpath_irqfake_set(fake, INTX, UNMASK_NONE, 0, 1, NULL);
				fake->status = false;
			} else {
				storm(test, fake, 0);
			}
			expect_held(test, fake, 0, true, 1);
			if (again == 2)
				break;
			KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, kinds[i], TRIGGER_NONE, 0, 0, NULL), 0);
			dpath_irqfake_pass(fake, again ? BACKOFF : 0);
			KUNIT_EXPECT_NULL(test, fake->guard);
		}
		dpath_irqfake_stop(test, fake);
		kunit_kfree(test, fake);
	}
}

/* A vector that a failing call has added storms before the call gives it back: the others go on. */
static void fails_while_held(struct kunit *test)
{
	static const s32 three[] = { 2, 3, 4 };
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	s32 holes[] = { 0, -1, -1 };

	fake->msi_control = 0;
	fake->budget = 2;
	start(test, fake, false);
	KUNIT_ASSERT_EQ(test, dpath_irqfake_set(fake, MSI, TRIGGER_FD, 0, 3, holes), 0);
	fake->storm_on_request = true;
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, MSI, TRIGGER_FD, 0, 3, three), -ENOSPC);
	fake->storm_on_request = false;
	KUNIT_EXPECT_TRUE(test, fake->msi_control & PCI_MSI_FLAGS_ENABLE);
	KUNIT_EXPECT_EQ(test, fake->fds[0].signals, 1ULL);
	dpath_irqfake_pass(fake, BACKOFF);
	KUNIT_EXPECT_TRUE(test, dpath_irqfake_fire(fake, 0));
	dpath_irqfake_stop(test, fake);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(maskable),
	KUNIT_CASE(maskless),
	KUNIT_CASE(two_at_a_time),
	KUNIT_CASE(without_decode),
	KUNIT_CASE(line),
	KUNIT_CASE(unmask_loop),
	KUNIT_CASE(off),
	KUNIT_CASE(ends_while_held),
	KUNIT_CASE(fails_while_held),
	{},
};

static struct kunit_suite suite = {
	.name = "directpath_irq_guard",
	.test_cases = cases,
};

kunit_test_suite(suite);
