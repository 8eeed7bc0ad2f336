// SPDX-License-Identifier: GPL-2.0
/*
 * The storm guard: a vector that interrupts too often is masked for a while.
 *
 * The handler of a vector that is over its rate (storm.c) masks it and leaves the rest to one work for the lease, which reports it and unmasks it
 * when its back-off is over. The work takes irqs->lock, so a vector or line that goes while it is held needs no care: free_irq() is its end, and the
 * work finds it gone. Nothing is taken in a handler that another vector's handler takes, unless it is held back.
 *
 * How a vector is masked, so that nothing is lost: MSI-X and MSI with mask bits by its mask bit; the function keeps what comes as pending. The line
 * by not unmasking it: its level stays. MSI without mask bits by switching MSI off (a halt), with Interrupt Disable set so that the function does not
 * turn to the line; what it would have sent meanwhile is made up for by one signal to each vector. A mask bit of MSI-X is in memory space, and while
 * the guest has decode off a handler cannot reach it: such a function is halted with Function Mask, which is in config space and keeps pending bits
 * as well.
 */

#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "irq_priv.h"

/* Longer than any back-off, as the time of no next one. */
#define NEVER MAX_JIFFY_OFFSET

/* One bit of Message Control. A function that does not answer is left alone: a reset that brings it back restores the register. */
static void change_control(struct pci_dev *pdev, int where, u16 bit, bool set)
{
	u16 control;

	pci_read_config_word(pdev, where, &control);
	if (PCI_POSSIBLE_ERROR(control))
		return;
	pci_write_config_word(pdev, where, set ? control | bit : control & ~bit);
}

static void sync_halt(struct dpath_irqs *irqs)
{
	struct pci_dev *pdev = irqs->pdev;

	lockdep_assert_held(&irqs->intx_lock);
	if (irqs->msix) {
		change_control(pdev, pdev->msix_cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_MASKALL, irqs->halted);
		return;
	}
	/* Usually set while MSI is on, except where it would keep MSI away. */
	if (irqs->halted)
		pci_intx(pdev, 0);
	change_control(pdev, pdev->msi_cap + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE, !irqs->halted);
	if (!irqs->halted && pdev->dev_flags & PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG)
		pci_intx(pdev, 1);
}

void dpath_guard_halt(struct dpath_irqs *irqs)
{
	unsigned long flags;

	spin_lock_irqsave(&irqs->intx_lock, flags);
	if (!irqs->halts++) {
		irqs->halted = true;
		sync_halt(irqs);
	}
	spin_unlock_irqrestore(&irqs->intx_lock, flags);
}

bool dpath_guard_resume(struct dpath_irqs *irqs)
{
	unsigned long flags;
	bool last;

	spin_lock_irqsave(&irqs->intx_lock, flags);
	last = !--irqs->halts;
	if (last) {
		irqs->halted = false;
		sync_halt(irqs);
	}
	spin_unlock_irqrestore(&irqs->intx_lock, flags);
	return last;
}

void dpath_guard_reset(struct dpath_irqs *irqs)
{
	unsigned long flags;

	lockdep_assert_held(&irqs->lock);
	spin_lock_irqsave(&irqs->intx_lock, flags);
	/* The core leaves Function Mask as it is. MSI Enable it clears anyway. */
	if (irqs->halted && irqs->msix)
		change_control(irqs->pdev, irqs->pdev->msix_cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_MASKALL, false);
	irqs->halts = 0;
	irqs->halted = false;
	spin_unlock_irqrestore(&irqs->intx_lock, flags);
}

void dpath_guard_restored(struct dpath_irqs *irqs)
{
	lockdep_assert_held(&irqs->intx_lock);
	if (irqs->halted)
		sync_halt(irqs);
}

void dpath_guard_hold(struct dpath_irqs *irqs, struct dpath_hold *hold)
{
	hold->due = jiffies + dpath_storm_trip(&hold->storm, READ_ONCE(irqs->limit.backoff_ms), HZ, jiffies);
	WRITE_ONCE(hold->storms, hold->storms + 1);
	atomic64_inc(&irqs->stats->storms);
	hold->fresh = true;
	/* Pairs with dpath_hold_over(), which may be on its way to others: the vector is masked and the rest of @hold is written. */
	smp_store_release(&hold->held, true);
	/* Not the CPU's own queue: the CPU may have more to suffer. At once, for the report. */
	mod_delayed_work(system_unbound_wq, &irqs->guard, 0);
}

bool dpath_hold_over(struct dpath_irqs *irqs, const struct dpath_hold *hold, unsigned long *next)
{
	unsigned long now = jiffies;

	lockdep_assert_held(&irqs->lock);
	/* Pairs with dpath_guard_hold(). */
	if (!smp_load_acquire(&hold->held))
		return false;
	/* Nothing is held back when the guard is switched off. */
	if (irqs->limit.rate && time_before(now, hold->due)) {
		*next = min(*next, hold->due - now);
		return false;
	}
	return true;
}

void dpath_hold_end(struct dpath_hold *hold)
{
	dpath_storm_return(&hold->storm, jiffies);
	WRITE_ONCE(hold->held, false);
}

static bool collect(struct dpath_hold *hold, u32 index, u32 number, struct dpath_irq_storm *storm)
{
	/* Pairs with dpath_guard_hold(). */
	if (!smp_load_acquire(&hold->held) || !hold->fresh)
		return false;
	hold->fresh = false;
	storm->index = index;
	storm->number = number;
	storm->wait_ms = jiffies_to_msecs(hold->storm.wait);
	return true;
}

/* What was held since the last time. True: @storm is one of them. */
static bool collect_all(struct dpath_irqs *irqs, struct dpath_irq_storm *storm)
{
	bool found = false;
	unsigned int i;

	lockdep_assert_held(&irqs->lock);
	if (irqs->intx)
		return collect(&irqs->intx->hold, irqs->index, 0, storm);
	for (i = 0; irqs->vectors && i < irqs->nvec; i++)
		if (irqs->vectors[i])
			found |= collect(&irqs->vectors[i]->hold, irqs->index, i, storm);
	return found;
}

/*
 * Runs at once when a vector was held, and when the first back-off ends. A handler that holds another one meanwhile has queued it again for now,
 * which queue_delayed_work() leaves as it is.
 */
void dpath_guard_work(struct work_struct *work)
{
	struct dpath_irqs *irqs = container_of(to_delayed_work(work), struct dpath_irqs, guard);
	struct dpath_irq_storm storm;
	unsigned long next = NEVER;
	bool report = false;

	mutex_lock(&irqs->lock);
	/* What is held by a reset is not unmasked in it: dpath_irqs_unhold() queues us again. */
	if (!irqs->dead && !irqs->held) {
		report = collect_all(irqs, &storm);
		if (irqs->intx)
			dpath_intx_release(irqs, &next);
		else if (irqs->vectors)
			dpath_msi_release(irqs, &next);
		if (next != NEVER)
			queue_delayed_work(system_unbound_wq, &irqs->guard, next);
	}
	mutex_unlock(&irqs->lock);

	if (report && irqs->ops->storm)
		irqs->ops->storm(irqs->ctx, &storm);
}

/**
 * dpath_irqs_refresh_storm() - what vectors may do is what ops->storm_limit() says now
 * @irqs: interrupts of a lease
 *
 * Buckets stay as full as they are; back-offs that have begun go on, but end at once when there is no limit any more.
 *
 * Context: process context, sleeps; no lock inside irqs->lock is held.
 */
void dpath_irqs_refresh_storm(struct dpath_irqs *irqs)
{
	struct dpath_storm_limit limit = { .rate = DPATH_STORM_RATE, .backoff_ms = DPATH_STORM_BACKOFF_MS };

	mutex_lock(&irqs->lock);
	if (irqs->ops->storm_limit)
		irqs->ops->storm_limit(irqs->ctx, &limit);
	WRITE_ONCE(irqs->limit.rate, limit.rate);
	WRITE_ONCE(irqs->limit.backoff_ms, limit.backoff_ms);
	if (!irqs->dead)
		mod_delayed_work(system_unbound_wq, &irqs->guard, 0);
	mutex_unlock(&irqs->lock);
}
