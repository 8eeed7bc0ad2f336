// SPDX-License-Identifier: GPL-2.0
/*
 * INTx of a lease: the order in which a line is opened and closed, with Interrupt Disable and without; every short history of the line against a
 * model of two bits; the resample eventfd; what a restored config space must look like.
 */

#include <kunit/test.h>

#include "irqfake.h"

#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MASK VFIO_IRQ_SET_ACTION_MASK
#define UNMASK VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER

static int act(struct dpath_irqfake *fake, u32 action)
{
	return dpath_irqfake_set(fake, INTX, VFIO_IRQ_SET_DATA_NONE | action, 0, 1, NULL);
}

static int disable(struct dpath_irqfake *fake)
{
	return dpath_irqfake_set(fake, INTX, VFIO_IRQ_SET_DATA_NONE | TRIGGER, 0, 0, NULL);
}

static int resample(struct dpath_irqfake *fake, s32 fd)
{
	return dpath_irqfake_set(fake, INTX, VFIO_IRQ_SET_DATA_EVENTFD | UNMASK, 0, 1, &fd);
}

static void expect_log(struct kunit *test, struct dpath_irqfake *fake, const char *log)
{
	KUNIT_EXPECT_STREQ(test, fake->log, log);
	dpath_irqfake_mark(fake);
}

/* The line is requested before it is opened and closed before it is freed; it is shared, so what does not come from the function is not ours. */
static void with_disintx(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
	expect_log(test, fake, "request:11 unmask ");
	KUNIT_EXPECT_EQ(test, fake->line.flags, (unsigned long)IRQF_SHARED);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_line(fake), IRQ_NONE);
	expect_log(test, fake, "");
	fake->status = true;
	KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 1U);
	expect_log(test, fake, "mask signal:0 ");
	/* Masked, a neighbour interrupts. */
	KUNIT_EXPECT_EQ(test, dpath_irqfake_line(fake), IRQ_NONE);
	expect_log(test, fake, "");
	/* A reset behind our back has undone the mask: closed again, for a level that nobody takes loses the line for all. */
	fake->command &= ~PCI_COMMAND_INTX_DISABLE;
	KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 1U);
	expect_log(test, fake, "intx- ");
	/* Still asserted: it stays masked and is signalled at once. */
	KUNIT_EXPECT_EQ(test, act(fake, UNMASK), 0);
	expect_log(test, fake, "signal:0 ");
	fake->status = false;
	KUNIT_EXPECT_EQ(test, act(fake, UNMASK), 0);
	expect_log(test, fake, "unmask ");
	KUNIT_EXPECT_EQ(test, disable(fake), 0);
	expect_log(test, fake, "intx- free:11 intx- ");
	KUNIT_EXPECT_EQ(test, atomic64_read(&fake->stats.interrupts), 2);
	dpath_irqfake_stop(test, fake);
}

/* At the chip: exclusive, requested disabled, Interrupt Disable out of the way before it is enabled; masked before the eventfd is signalled. */
static void without_disintx(struct kunit *test)
{
	unsigned int variant;

	for (variant = 0; variant < 2; variant++) {
		struct dpath_irqfake *fake = dpath_irqfake_new(test);

		fake->no_mask = variant;
		dpath_irqfake_start(fake, !variant);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
		expect_log(test, fake, "request:11 intx+ enable:11 ");
		KUNIT_EXPECT_EQ(test, fake->line.flags, (unsigned long)IRQF_NO_AUTOEN);
		KUNIT_EXPECT_TRUE(test, fake->line.unlazy);
		fake->status = true;
		KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 1U);
		expect_log(test, fake, "disable:11 signal:0 ");
		KUNIT_EXPECT_EQ(test, act(fake, MASK), 0);
		expect_log(test, fake, "");
		KUNIT_EXPECT_EQ(test, act(fake, UNMASK), 0);
		expect_log(test, fake, "enable:11 ");
		KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 1U);
		expect_log(test, fake, "disable:11 signal:0 ");
		KUNIT_EXPECT_EQ(test, act(fake, UNMASK), 0);
		dpath_irqfake_mark(fake);
		/* One that was on its way when the line was masked: handled, not signalled, and no second disable. */
		KUNIT_EXPECT_EQ(test, act(fake, MASK), 0);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_line(fake), IRQ_HANDLED);
		expect_log(test, fake, "disable:11 ");
		KUNIT_EXPECT_EQ(test, act(fake, UNMASK), 0);
		dpath_irqfake_mark(fake);
		KUNIT_EXPECT_EQ(test, disable(fake), 0);
		expect_log(test, fake, "disable:11 free:11 intx- ");
		dpath_irqfake_stop(test, fake);
	}
}

/* --- every short history --- */

enum event { EVENT_MASK, EVENT_UNMASK, EVENT_OFF, EVENT_ON, EVENT_ASSERT, EVENT_DEASSERT, EVENTS };

#define HISTORY 6

static const char event_letters[EVENTS + 1] = "muidal";

/* What the guest sees of the line: open unless masked or off; a level that it can see masks it and is signalled once. */
struct model {
	bool masked;
	bool off;
	bool asserted;
	u64 signals;
};

static void model_event(struct model *model, enum event event)
{
	switch (event) {
	case EVENT_MASK:
	case EVENT_UNMASK:
		model->masked = event == EVENT_MASK;
		break;
	case EVENT_OFF:
	case EVENT_ON:
		model->off = event == EVENT_OFF;
		break;
	default:
		model->asserted = event == EVENT_ASSERT;
	}
	if (model->asserted && !model->masked && !model->off) {
		model->masked = true;
		model->signals++;
	}
}

static void real_event(struct dpath_irqfake *fake, enum event event)
{
	switch (event) {
	case EVENT_MASK:
		act(fake, MASK);
		break;
	case EVENT_UNMASK:
		act(fake, UNMASK);
		break;
	case EVENT_OFF:
	case EVENT_ON:
		dpath_irqs_intx_disable(&fake->irqs, event == EVENT_OFF);
		break;
	default:
		fake->status = event == EVENT_ASSERT;
	}
	dpath_irqfake_settle(fake);
}

static bool same(struct dpath_irqfake *fake, const struct model *model)
{
	return fake->fds[0].signals == model->signals && dpath_irqfake_line_open(fake) == (!model->masked && !model->off);
}

/* @history is a number of HISTORY digits; the first events are the most significant, so that all that differ only late share a name. */
static bool try_history(struct dpath_irqfake *fake, unsigned int history, char *name)
{
	struct model model = { .signals = fake->fds[0].signals };
	unsigned int i, power = 1;
	enum event event;

	for (i = 1; i < HISTORY; i++)
		power *= EVENTS;
	for (i = 0; i < HISTORY; i++, power /= EVENTS) {
		event = history / power % EVENTS;
		name[i] = event_letters[event];
		name[i + 1] = '\0';
		model_event(&model, event);
		real_event(fake, event);
		if (!same(fake, &model))
			return false;
	}
	return true;
}

static void every_history(struct kunit *test)
{
	unsigned int variant, history, histories = 1;
	char name[HISTORY + 1];

	for (history = 0; history < HISTORY; history++)
		histories *= EVENTS;
	for (variant = 0; variant < 2; variant++) {
		struct dpath_irqfake *fake = dpath_irqfake_new(test);

		dpath_irqfake_start(fake, variant);
		for (history = 0; history < histories; history++) {
			KUNIT_ASSERT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
			if (!try_history(fake, history, name)) {
				KUNIT_FAIL(test, "after %s, %s Interrupt Disable", name, variant ? "without" : "with");
				break;
			}
			real_event(fake, EVENT_DEASSERT);
			real_event(fake, EVENT_ON);
			disable(fake);
			dpath_irqfake_grace(fake);
			dpath_irqfake_mark(fake);
		}
		dpath_irqfake_stop(test, fake);
	}
	kunit_info(test, "%u histories each", histories);
}

/* The guest sets Interrupt Disable before the line is enabled: it counts then, and is what it was when the line has gone and come again. */
static void off_before(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	dpath_irqfake_start(fake, false);
	dpath_irqs_intx_disable(&fake->irqs, true);
	fake->status = true;
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 0U);
	/* Nor can the VMM inject what the guest cannot see. */
	KUNIT_EXPECT_EQ(test, act(fake, TRIGGER), 0);
	expect_log(test, fake, "request:11 ");
	KUNIT_EXPECT_EQ(test, disable(fake), 0);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 0U);
	dpath_irqfake_mark(fake);
	dpath_irqs_intx_disable(&fake->irqs, false);
	expect_log(test, fake, "signal:0 ");
	dpath_irqfake_stop(test, fake);
}

/* --- the resample eventfd --- */

static void resamples(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, resample(fake, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, resample(fake, 1), 0);
	dpath_irqfake_mark(fake);

	fake->status = true;
	dpath_irqfake_settle(fake);
	expect_log(test, fake, "mask signal:0 ");
	/* Still asserted: signalled again, but not from within the wakeup. */
	dpath_irqfake_write(fake, 1);
	expect_log(test, fake, "");
	KUNIT_EXPECT_EQ(test, fake->fds[1].count, 0ULL);
	KUNIT_EXPECT_TRUE(test, dpath_irqfake_work(fake));
	expect_log(test, fake, "signal:0 ");
	fake->status = false;
	dpath_irqfake_write(fake, 1);
	KUNIT_EXPECT_FALSE(test, dpath_irqfake_work(fake));
	expect_log(test, fake, "unmask ");

	/* There is one already; when its file has gone another may come. */
	KUNIT_EXPECT_EQ(test, resample(fake, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, resample(fake, DPATH_IRQFAKE_FDS), -EBUSY);
	dpath_irqfake_close(fake, 1);
	KUNIT_EXPECT_EQ(test, fake->fds[1].refs, 1);
	KUNIT_EXPECT_EQ(test, resample(fake, DPATH_IRQFAKE_FDS), -EBADF);
	KUNIT_EXPECT_EQ(test, resample(fake, DPATH_IRQFAKE_NO_EVENTFD), -EINVAL);
	/* Written before we listened. */
	fake->status = true;
	dpath_irqfake_settle(fake);
	dpath_irqfake_write(fake, 2);
	dpath_irqfake_mark(fake);
	KUNIT_EXPECT_EQ(test, resample(fake, 2), 0);
	expect_log(test, fake, "signal:0 ");
	KUNIT_EXPECT_EQ(test, fake->fds[1].refs, 0);
	fake->fds[1].refs = 1;

	/* Taken away: it is an eventfd like any other again. */
	KUNIT_EXPECT_EQ(test, resample(fake, -1), 0);
	KUNIT_EXPECT_EQ(test, resample(fake, -1), 0);
	dpath_irqfake_write(fake, 2);
	KUNIT_EXPECT_EQ(test, fake->fds[2].count, 1ULL);
	expect_log(test, fake, "");

	/* The line goes with a work on its way. */
	KUNIT_EXPECT_EQ(test, resample(fake, 3), 0);
	dpath_irqfake_write(fake, 3);
	KUNIT_EXPECT_NOT_NULL(test, fake->work);
	KUNIT_EXPECT_EQ(test, disable(fake), 0);
	KUNIT_EXPECT_NULL(test, fake->work);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, VFIO_IRQ_SET_DATA_EVENTFD | MASK, 0, 1, "\0\0\0"), -EINVAL);
	fake->status = false;
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, VFIO_IRQ_SET_DATA_EVENTFD | MASK, 0, 1, "\0\0\0"), -ENOTTY);
	dpath_irqfake_stop(test, fake);
}

/* Another eventfd: the old one is quiet when the call returns; what came while there was none reaches the next, once. */
static void eventfds_change(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);
	const u8 yes = 1, no = 0;

	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
	dpath_irqfake_mark(fake);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 1), 0);
	expect_log(test, fake, "grace ");
	KUNIT_EXPECT_EQ(test, fake->fds[0].refs, 1);
	KUNIT_EXPECT_EQ(test, act(fake, TRIGGER), 0);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, VFIO_IRQ_SET_DATA_BOOL | TRIGGER, 0, 1, &yes), 0);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, VFIO_IRQ_SET_DATA_BOOL | TRIGGER, 0, 1, &no), 0);
	expect_log(test, fake, "signal:1 signal:1 ");
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, -1), 0);
	expect_log(test, fake, "grace ");
	fake->status = true;
	KUNIT_EXPECT_EQ(test, dpath_irqfake_settle(fake), 1U);
	expect_log(test, fake, "mask ");
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 2), 0);
	expect_log(test, fake, "signal:2 ");
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 3), 0);
	expect_log(test, fake, "grace ");
	/* Masking by a byte: only a byte that is set. */
	fake->status = false;
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, VFIO_IRQ_SET_DATA_BOOL | UNMASK, 0, 1, &no), 0);
	expect_log(test, fake, "");
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set(fake, INTX, VFIO_IRQ_SET_DATA_BOOL | UNMASK, 0, 1, &yes), 0);
	expect_log(test, fake, "unmask ");
	dpath_irqfake_stop(test, fake);
}

/* Whatever a restored config space says, Interrupt Disable becomes what the line asks for: set while nobody on the host handles the line. */
static void restored(struct kunit *test)
{
	static const struct {
		u32 index;
		bool chip;
		bool masked;
		bool after;
	} cases[] = {
		{ VFIO_PCI_NUM_IRQS, false, false, true },
		{ VFIO_PCI_NUM_IRQS, true, false, true },
		{ INTX, false, false, false },
		{ INTX, false, true, true },
		{ INTX, true, false, false },
		{ INTX, true, true, false },
	};
	unsigned int i, was;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (was = 0; was < 2; was++) {
			struct dpath_irqfake *fake = dpath_irqfake_new(test);

			dpath_irqfake_start(fake, cases[i].chip);
			if (cases[i].index == INTX)
				KUNIT_ASSERT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), 0);
			if (cases[i].masked)
				KUNIT_ASSERT_EQ(test, act(fake, MASK), 0);
			fake->command = fake->guest | (was ? PCI_COMMAND_INTX_DISABLE : 0);
			dpath_irqs_restored(&fake->irqs);
			KUNIT_EXPECT_EQ_MSG(test, !!(fake->command & PCI_COMMAND_INTX_DISABLE), cases[i].after, "case %u, was %u", i, was);
			dpath_irqfake_stop(test, fake);
			kunit_kfree(test, fake);
		}
	}
}

/* With messages enabled the core has the bit. */
static void restored_with_messages(struct kunit *test)
{
	static const u32 kinds[] = { VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct dpath_irqfake *fake = dpath_irqfake_new(test);

		dpath_irqfake_start(fake, false);
		KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, kinds[i], 0, 0), 0);
		dpath_irqfake_mark(fake);
		dpath_irqs_restored(&fake->irqs);
		expect_log(test, fake, "");
		dpath_irqfake_stop(test, fake);
	}
}

/* A line that another driver has, or none at all. */
static void no_line(struct kunit *test)
{
	struct dpath_irqfake *fake = dpath_irqfake_new(test);

	dpath_irqfake_start(fake, false);
	fake->fail_at = 4; /* trigger, line, name, request */
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), -EBUSY);
	KUNIT_EXPECT_STREQ(test, fake->failed, "request");
	/* It stayed closed: nobody would have taken it. */
	KUNIT_EXPECT_TRUE(test, fake->command & PCI_COMMAND_INTX_DISABLE);
	dpath_irqfake_stop(test, fake);

	fake = dpath_irqfake_new(test);
	fake->pdev.irq = IRQ_NOTCONNECTED;
	dpath_irqfake_start(fake, false);
	KUNIT_EXPECT_EQ(test, dpath_irqfake_set_fd(fake, INTX, 0, 0), -EINVAL);
	dpath_irqfake_stop(test, fake);
}

static struct kunit_case intx_cases[] = {
	KUNIT_CASE(with_disintx),
	KUNIT_CASE(without_disintx),
	KUNIT_CASE(every_history),
	KUNIT_CASE(off_before),
	KUNIT_CASE(resamples),
	KUNIT_CASE(eventfds_change),
	KUNIT_CASE(restored),
	KUNIT_CASE(restored_with_messages),
	KUNIT_CASE(no_line),
	{}
};

static struct kunit_suite intx_suite = {
	.name = "directpath_irq_intx",
	.test_cases = intx_cases,
};

kunit_test_suite(intx_suite);
