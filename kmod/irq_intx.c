// SPDX-License-Identifier: GPL-2.0
/*
 * INTx of one lease.
 *
 * INTx has one state: hw_masked is what the hardware was told, and it must follow (masked || irqs->intx_off || held): masked by the handler or by
 * MASK until UNMASK or the resample eventfd, off while the guest has Interrupt Disable set, held by the storm guard until its back-off is over.
 * While INTx is not the enabled kind, Interrupt Disable stays set in the hardware whatever the guest wrote, because nobody on the host would handle
 * the line, which others may share.
 *
 * irqs->intx_lock (spinlock, hard interrupts off) nests inside the wait queue lock of the resample eventfd; the trigger's eventfd is therefore never
 * signalled under it, and from a wakeup it is signalled by a work.
 */

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "irq_priv.h"

/* The resample eventfd: waits on the eventfd as a poller would. */
struct dpath_unmask {
	struct dpath_intx *intx;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table pt;
	bool closed; /* the last file is gone, under the wait queue's lock */
};

/* An interrupt or what stands for one. The line is masked; over its rate it stays so, whatever the guest unmasks. */
static void count_intx(struct dpath_intx *intx)
{
	lockdep_assert_held(&intx->irqs->intx_lock);
	WRITE_ONCE(intx->count, intx->count + 1);
	atomic64_inc(&intx->irqs->stats->interrupts);
	if (!dpath_hold_take(intx->irqs, &intx->hold) && !intx->hold.held)
		dpath_guard_hold(intx->irqs, &intx->hold);
}

/* Tell the hardware to stop asserting the line, or the chip to stop listening. */
static void mask_line(struct dpath_intx *intx)
{
	struct dpath_irqs *irqs = intx->irqs;

	lockdep_assert_held(&irqs->intx_lock);
	if (irqs->no_disintx)
		disable_irq_nosync(irqs->intx_irq);
	else
		pci_intx(irqs->pdev, 0);
	intx->hw_masked = true;
}

/*
 * Make the hardware follow the state. True: the function asserts the line already, so it stays masked and the caller signals the trigger, which
 * saves the interrupt that unmasking would raise.
 */
static bool sync_line(struct dpath_intx *intx)
{
	struct dpath_irqs *irqs = intx->irqs;
	bool want = intx->masked || irqs->intx_off || intx->hold.held;

	lockdep_assert_held(&irqs->intx_lock);
	if (want == intx->hw_masked)
		return false;
	if (want) {
		mask_line(intx);
		return false;
	}
	if (irqs->no_disintx) {
		intx->hw_masked = false;
		enable_irq(irqs->intx_irq);
		return false;
	}
	if (!pci_check_and_unmask_intx(irqs->pdev)) {
		intx->masked = true;
		count_intx(intx);
		return true;
	}
	intx->hw_masked = false;
	return false;
}

static bool set_line_masked(struct dpath_intx *intx, bool masked)
{
	struct dpath_irqs *irqs = intx->irqs;
	unsigned long flags;
	bool resend;

	spin_lock_irqsave(&irqs->intx_lock, flags);
	intx->masked = masked;
	resend = sync_line(intx);
	spin_unlock_irqrestore(&irqs->intx_lock, flags);

	return resend;
}

/* A reset's restoring of config space may have undone Interrupt Disable; a level that nobody admits to would lose the line for all who share it. */
static bool mask_again(struct dpath_intx *intx)
{
	u16 cmd;

	pci_read_config_word(intx->irqs->pdev, PCI_COMMAND, &cmd);
	if (cmd & PCI_COMMAND_INTX_DISABLE)
		return false;
	mask_line(intx);
	return true;
}

static irqreturn_t handle_intx(int irq, void *arg)
{
	struct dpath_intx *intx = arg;
	struct dpath_irqs *irqs = intx->irqs;
	irqreturn_t ret = IRQ_NONE;
	bool signal = false;
	unsigned long flags;

	spin_lock_irqsave(&irqs->intx_lock, flags);
	if (irqs->no_disintx) {
		/* Exclusive, so it is ours. If a MASK came first the level raises it again after UNMASK. */
		ret = IRQ_HANDLED;
		if (!intx->hw_masked) {
			mask_line(intx);
			signal = true;
		}
	} else if (intx->hw_masked) {
		ret = mask_again(intx) ? IRQ_HANDLED : IRQ_NONE;
	} else if (pci_check_and_mask_intx(irqs->pdev)) {
		intx->hw_masked = true;
		ret = IRQ_HANDLED;
		signal = true;
	}
	if (signal) {
		intx->masked = true;
		count_intx(intx);
	}
	spin_unlock_irqrestore(&irqs->intx_lock, flags);

	if (signal)
		dpath_sink_signal(&intx->sink);
	return ret;
}

static void resend_intx(struct work_struct *work)
{
	struct dpath_intx *intx = container_of(work, struct dpath_intx, resend);

	dpath_sink_signal(&intx->sink);
}

/* Runs under the wait queue's lock, perhaps in an interrupt, inside eventfd_signal(): no other eventfd may be signalled from here. */
static int wake_unmask(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct dpath_unmask *unmask = container_of(wait, struct dpath_unmask, wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(unmask->ctx, &count);
		if (set_line_masked(unmask->intx, false))
			schedule_work(&unmask->intx->resend);
	}
	if (events & EPOLLHUP)
		WRITE_ONCE(unmask->closed, true);
	return 0;
}

static void queue_unmask(struct file *file, wait_queue_head_t *wqh, poll_table *pt)
{
	struct dpath_unmask *unmask = container_of(pt, struct dpath_unmask, pt);

	add_wait_queue(wqh, &unmask->wait);
}

static void clear_unmask_fd(struct dpath_intx *intx)
{
	struct dpath_unmask *unmask = intx->unmask;
	u64 count;

	if (!unmask)
		return;
	eventfd_ctx_remove_wait_queue(unmask->ctx, &unmask->wait, &count);
	intx->unmask = NULL;
	eventfd_ctx_put(unmask->ctx);
	kfree(unmask);
}

static int set_unmask_fd(struct dpath_intx *intx, int fd)
{
	struct dpath_unmask *unmask;
	struct file *file;
	int ret;

	if (intx->unmask && !READ_ONCE(intx->unmask->closed))
		return -EBUSY;

	file = eventfd_fget(fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	unmask = kzalloc(sizeof(*unmask), GFP_KERNEL_ACCOUNT);
	if (!unmask) {
		ret = -ENOMEM;
		goto err_put_file;
	}
	unmask->ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(unmask->ctx)) {
		ret = PTR_ERR(unmask->ctx);
		goto err_free_unmask;
	}
	clear_unmask_fd(intx);
	unmask->intx = intx;
	init_waitqueue_func_entry(&unmask->wait, wake_unmask);
	init_poll_funcptr(&unmask->pt, queue_unmask);
	intx->unmask = unmask;

	/* What was signalled before we listened counts too. The file is held until here so that its closing is seen. */
	if (vfs_poll(file, &unmask->pt) & EPOLLIN && set_line_masked(intx, false))
		dpath_sink_signal(&intx->sink);
	fput(file);
	return 0;

err_free_unmask:
	kfree(unmask);
err_put_file:
	fput(file);
	return ret;
}

static int enable_intx(struct dpath_irqs *irqs, struct dpath_trigger *trigger)
{
	unsigned long irqflags = irqs->no_disintx ? IRQF_NO_AUTOEN : IRQF_SHARED;
	struct dpath_intx *intx;
	unsigned long flags;
	bool resend;
	int ret;

	if (!irqs->intx_irq)
		return -ENODEV;

	intx = kzalloc(sizeof(*intx), GFP_KERNEL_ACCOUNT);
	if (!intx)
		return -ENOMEM;
	intx->irqs = irqs;
	intx->hw_masked = true;
	dpath_hold_init(irqs, &intx->hold);
	INIT_WORK(&intx->resend, resend_intx);
	RCU_INIT_POINTER(intx->sink.trigger, trigger);
	intx->name = kasprintf(GFP_KERNEL_ACCOUNT, "directpath-intx(%s)", pci_name(irqs->pdev));
	if (!intx->name) {
		ret = -ENOMEM;
		goto err_free_intx;
	}

	ret = dpath_irq_request(irqs->intx_irq, handle_intx, irqflags, intx->name, intx);
	if (ret)
		goto err_free_name;
	if (!cpumask_empty(&irqs->cpus))
		dpath_irq_steer(irqs, irqs->intx_irq);
	/* It was requested disabled, so that its depth is ours alone. A line that the chip masks lazily goes on storming; free_irq() clears that. */
	if (irqs->no_disintx) {
		irq_set_status_flags(irqs->intx_irq, IRQ_DISABLE_UNLAZY);
		pci_intx(irqs->pdev, 1);
	}

	spin_lock_irqsave(&irqs->intx_lock, flags);
	irqs->intx = intx;
	resend = sync_line(intx);
	spin_unlock_irqrestore(&irqs->intx_lock, flags);
	irqs->index = VFIO_PCI_INTX_IRQ_INDEX;
	irqs->nvec = 1;
	WRITE_ONCE(irqs->used, 1);
	if (resend)
		dpath_sink_signal(&intx->sink);
	return 0;

err_free_name:
	kfree(intx->name);
err_free_intx:
	kfree(intx);
	return ret;
}

void dpath_intx_off(struct dpath_irqs *irqs)
{
	struct dpath_intx *intx = irqs->intx;
	unsigned long flags;

	lockdep_assert_held(&irqs->lock);
	clear_unmask_fd(intx);

	spin_lock_irqsave(&irqs->intx_lock, flags);
	irqs->intx = NULL;
	intx->masked = true;
	sync_line(intx);
	spin_unlock_irqrestore(&irqs->intx_lock, flags);

	cancel_work_sync(&intx->resend);
	dpath_irq_unsteer(irqs, irqs->intx_irq);
	free_irq(irqs->intx_irq, intx);
	pci_intx(irqs->pdev, 0);
	irqs->index = VFIO_PCI_NUM_IRQS;
	irqs->nvec = 0;
	WRITE_ONCE(irqs->used, 0);

	kfree(intx->name);
	dpath_trigger_replace(irqs, &intx->sink.trigger, NULL);
	kfree_rcu(intx, rcu);
}

void dpath_intx_release(struct dpath_irqs *irqs, unsigned long *next)
{
	struct dpath_intx *intx = irqs->intx;
	bool resend = false;
	unsigned long flags;

	lockdep_assert_held(&irqs->lock);
	spin_lock_irqsave(&irqs->intx_lock, flags);
	if (dpath_hold_over(irqs, &intx->hold, next)) {
		dpath_hold_end(&intx->hold);
		resend = sync_line(intx);
	}
	spin_unlock_irqrestore(&irqs->intx_lock, flags);
	if (resend)
		dpath_sink_signal(&intx->sink);
}

/*
 * Cannot fail. Takes over @trigger, which may be NULL. What came before is in the old eventfd when this returns, and its owner can close it: the
 * handler, the work and the guest's Interrupt Disable all signal under RCU.
 */
static void exchange_trigger(struct dpath_irqs *irqs, struct dpath_trigger *trigger)
{
	struct dpath_sink *sink = &irqs->intx->sink;
	bool swapped = dpath_trigger_current(irqs, &sink->trigger);

	dpath_sink_replace(irqs, sink, trigger);
	if (swapped)
		synchronize_rcu();
}

static int set_intx_trigger(struct dpath_irqs *irqs, u32 flags, u32 count, const void *data)
{
	bool enabled = irqs->index == VFIO_PCI_INTX_IRQ_INDEX;
	struct dpath_trigger *trigger = NULL;
	int ret = 0;

	if (enabled && !count && flags & VFIO_IRQ_SET_DATA_NONE) {
		dpath_intx_off(irqs);
		return 0;
	}
	if ((!enabled && irqs->index != VFIO_PCI_NUM_IRQS) || count != 1)
		return -EINVAL;

	if (flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		s32 fd = *(const s32 *)data;

		if (fd >= 0)
			trigger = dpath_trigger_get(fd);
		if (IS_ERR(trigger))
			return PTR_ERR(trigger);
		if (enabled)
			exchange_trigger(irqs, trigger);
		else
			ret = enable_intx(irqs, trigger);
		if (ret)
			dpath_trigger_put(trigger);
		return ret;
	}

	if (!enabled)
		return -EINVAL;
	if ((flags & VFIO_IRQ_SET_DATA_NONE || *(const u8 *)data) && !READ_ONCE(irqs->intx_off))
		dpath_trigger_signal(&irqs->intx->sink.trigger);
	return 0;
}

static int set_intx_mask(struct dpath_irqs *irqs, u32 flags, u32 count, const void *data, bool mask)
{
	struct dpath_intx *intx = irqs->intx;

	if (irqs->index != VFIO_PCI_INTX_IRQ_INDEX || count != 1)
		return -EINVAL;

	if (flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		s32 fd = *(const s32 *)data;

		if (mask)
			return -ENOTTY;
		if (fd >= 0)
			return set_unmask_fd(intx, fd);
		clear_unmask_fd(intx);
		return 0;
	}

	if (flags & VFIO_IRQ_SET_DATA_NONE || *(const u8 *)data)
		if (set_line_masked(intx, mask))
			dpath_sink_signal(&intx->sink);
	return 0;
}

int dpath_intx_set(struct dpath_irqs *irqs, u32 flags, u32 count, const void *data)
{
	lockdep_assert_held(&irqs->lock);
	if (flags & VFIO_IRQ_SET_ACTION_TRIGGER)
		return set_intx_trigger(irqs, flags, count, data);
	return set_intx_mask(irqs, flags, count, data, flags & VFIO_IRQ_SET_ACTION_MASK);
}

/**
 * dpath_irqs_intx_disable() - the guest wrote Interrupt Disable
 * @irqs: interrupts of a lease
 * @disable: the bit
 *
 * Only masks or unmasks the line; the bit of the hardware belongs to this file and not to the guest.
 *
 * Context: any that may be interrupted; does not take irqs->lock, so that config writes may call it under theirs.
 */
void dpath_irqs_intx_disable(struct dpath_irqs *irqs, bool disable)
{
	struct dpath_intx *intx;
	unsigned long flags;
	bool resend = false;

	/* RCU keeps @intx for the signal, which may not happen under the spinlock. */
	rcu_read_lock();
	spin_lock_irqsave(&irqs->intx_lock, flags);
	WRITE_ONCE(irqs->intx_off, disable);
	intx = irqs->intx;
	if (intx)
		resend = sync_line(intx);
	spin_unlock_irqrestore(&irqs->intx_lock, flags);
	if (resend)
		dpath_sink_signal(&intx->sink);
	rcu_read_unlock();
}

/**
 * dpath_irqs_restored() - config space was restored, after a reset or a stay in D3
 * @irqs: interrupts of a lease
 *
 * Gives Interrupt Disable the value that the state of the line asks for; the interrupt core restores MSI and MSI-X itself,
 * and undoes a halt by that, which is done again.
 *
 * Context: any that may be interrupted; does not take irqs->lock, as dpath_irqs_intx_disable().
 */
void dpath_irqs_restored(struct dpath_irqs *irqs)
{
	struct pci_dev *pdev = irqs->pdev;
	unsigned long flags;

	spin_lock_irqsave(&irqs->intx_lock, flags);
	if (irqs->intx)
		pci_intx(pdev, irqs->no_disintx || !irqs->intx->hw_masked);
	else if (!READ_ONCE(irqs->dead) && !pdev->msi_enabled && !pdev->msix_enabled)
		pci_intx(pdev, 0);
	dpath_guard_restored(irqs);
	spin_unlock_irqrestore(&irqs->intx_lock, flags);
}
