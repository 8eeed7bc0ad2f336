// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of one lease.
 *
 * One kind (INTx, MSI or MSI-X) is enabled at a time; irq_intx.c and irq_msi.c deliver it to the triggers of irq_trigger.c, and irq_guard.c holds
 * back what comes too often. SET_IRQS works in two phases: everything that can fail (eventfds, vectors, host interrupts, budget) is prepared for the
 * whole range first and undone as a whole; the exchange of triggers cannot fail.
 *
 * Locks: irqs->lock (mutex) around every change. Inside it ops->config_lock, then irqs->intx_lock.
 *
 * Where the PCI core restores config space it writes the messages again, by descriptors that it does not keep from being freed meanwhile. After a
 * change of the power state that is done under irqs->lock (dpath_irqs_restore()). A reset does it by itself, after minutes perhaps, so it does not
 * hold the lock: it holds the messages (dpath_irqs_hold()). SET_IRQS waits for its end, without the lock and no longer than the lease lives. The end
 * of the lease waits for nothing: it takes the eventfds from messages that are held, and the messages go with the end of the reset.
 */

#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>

#include "inject.h"
#include "irq_priv.h"

/* ERR and REQ */

static int set_notifier(struct dpath_irqs *irqs, struct dpath_trigger __rcu **slot, u32 flags, u32 count, const void *data)
{
	struct dpath_trigger *trigger;
	bool swapped;
	s32 fd;

	if (!(flags & VFIO_IRQ_SET_ACTION_TRIGGER))
		return -ENOTTY;
	if (flags & VFIO_IRQ_SET_DATA_NONE) {
		if (!dpath_trigger_current(irqs, slot))
			return -EINVAL;
		if (count)
			dpath_trigger_signal(slot);
		else
			dpath_trigger_replace(irqs, slot, NULL);
		return 0;
	}
	if (!count)
		return -EINVAL;
	if (flags & VFIO_IRQ_SET_DATA_BOOL) {
		if (*(const u8 *)data)
			dpath_trigger_signal(slot);
		return 0;
	}

	fd = *(const s32 *)data;
	if (fd < -1)
		return -EINVAL;
	trigger = fd < 0 ? NULL : dpath_trigger_get(fd);
	if (IS_ERR(trigger))
		return PTR_ERR(trigger);
	swapped = trigger && dpath_trigger_current(irqs, slot);
	dpath_trigger_replace(irqs, slot, trigger);
	/* As with the others: nothing is signalled to the old one any more. */
	if (swapped)
		synchronize_rcu();
	return 0;
}

static int check_request(struct dpath_irqs *irqs, u32 flags, u32 index, u32 start, u32 count)
{
	u32 end;

	if (flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -EINVAL;
	if (hweight32(flags & VFIO_IRQ_SET_DATA_TYPE_MASK) != 1 || hweight32(flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) != 1)
		return -EINVAL;
	if (index >= VFIO_PCI_NUM_IRQS || check_add_overflow(start, count, &end))
		return -EINVAL;
	if (start >= irqs->counts[index] || end > irqs->counts[index])
		return -EINVAL;
	return 0;
}

static int set_locked(struct dpath_irqs *irqs, u32 flags, u32 index, u32 start, u32 count, const void *data)
{
	lockdep_assert_held(&irqs->lock);

	if (irqs->dead)
		return -ENODEV;
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return dpath_intx_set(irqs, flags, count, data);
	case VFIO_PCI_MSI_IRQ_INDEX:
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return dpath_msi_set(irqs, flags, index, start, count, data);
	case VFIO_PCI_ERR_IRQ_INDEX:
		return set_notifier(irqs, &irqs->err, flags, count, data);
	default:
		return set_notifier(irqs, &irqs->req, flags, count, data);
	}
}

/* With irqs->lock, and nobody in between saving and restoring config space if a kind of interrupts may change. */
static int lock_for_set(struct dpath_irqs *irqs, u32 index)
{
	bool kind = index <= VFIO_PCI_MSIX_IRQ_INDEX;

	for (;;) {
		mutex_lock(&irqs->lock);
		if (!kind || !irqs->held || irqs->dead)
			return 0;
		mutex_unlock(&irqs->lock);
		if (wait_event_killable(irqs->unheld, !READ_ONCE(irqs->held) || READ_ONCE(irqs->dead)))
			return -EINTR;
	}
}

/**
 * dpath_irqs_set() - VFIO_DEVICE_SET_IRQS
 * @irqs: interrupts of a lease
 * @flags: one VFIO_IRQ_SET_DATA_* and one VFIO_IRQ_SET_ACTION_*
 * @index: VFIO_PCI_*_IRQ_INDEX
 * @start: first vector
 * @count: vectors; 0 with TRIGGER and DATA_NONE disables the kind
 * @data: kernel copy of the payload; eventfds are fds of the caller
 *
 * A call takes effect as a whole or not at all.
 *
 * Context: process context of the caller whose fds @data holds; sleeps, for a reset that is under way as well. The caller holds no lock of
 * dpath_config, nor what a reset takes.
 * Return: 0, a positive number of vectors that are available when more were asked for, or -errno: -EINVAL, -ENOTTY (this kind has no such action),
 * -EBUSY (there is a resample eventfd already, or INTx has to be masked at the interrupt controller and the line has another user), -EBADF, -ENOSPC
 * (the kernel, the VM's limit or the host's budget has no more vectors), -ENOMEM, -ENODEV (the lease has ended, or there is no usable line), -EINTR
 * (killed).
 */
int dpath_irqs_set(struct dpath_irqs *irqs, u32 flags, u32 index, u32 start, u32 count, const void *data)
{
	int ret = check_request(irqs, flags, index, start, count);

	if (!ret)
		ret = lock_for_set(irqs, index);
	if (ret)
		return ret;
	ret = set_locked(irqs, flags, index, start, count, data);
	mutex_unlock(&irqs->lock);

	return ret;
}

int dpath_irqs_info(struct dpath_irqs *irqs, u32 index, u32 *count, u32 *flags)
{
	if (index >= VFIO_PCI_NUM_IRQS || (index == VFIO_PCI_ERR_IRQ_INDEX && !irqs->counts[index]))
		return -EINVAL;

	*count = irqs->counts[index];
	*flags = VFIO_IRQ_INFO_EVENTFD;
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		*flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	else if (index != VFIO_PCI_MSIX_IRQ_INDEX || !READ_ONCE(irqs->resizable))
		*flags |= VFIO_IRQ_INFO_NORESIZE;
	return 0;
}

bool dpath_irqs_notify_err(struct dpath_irqs *irqs)
{
	return dpath_trigger_signal(&irqs->err);
}

bool dpath_irqs_notify_req(struct dpath_irqs *irqs)
{
	return dpath_trigger_signal(&irqs->req);
}

/* procfs warns when it takes away what it had no memory to make. */
int dpath_irq_request(unsigned int irq, irq_handler_t handler, unsigned long flags, const char *name, void *arg)
{
	unsigned int nth = dpath_inject_mask();
	int ret;

	ret = request_irq(irq, handler, flags, name, arg);
	dpath_inject_unmask(nth);
	return ret;
}

/*
 * The hint is for irqbalance. It points to irqs->cpus and has to go before the interrupt does. An interrupt that cannot go there (the CPUs have no
 * vector left, or went offline) works where it is.
 */
void dpath_irq_steer(struct dpath_irqs *irqs, unsigned int irq)
{
	bool chosen = !cpumask_empty(&irqs->cpus);
	int ret;

	lockdep_assert_held(&irqs->lock);
	irq_update_affinity_hint(irq, chosen ? &irqs->cpus : NULL);
	ret = irq_set_affinity(irq, chosen ? &irqs->cpus : cpu_possible_mask);
	if (ret)
		pci_notice_ratelimited(irqs->pdev, "interrupt %u cannot go to CPUs %*pbl: error %d\n", irq, cpumask_pr_args(&irqs->cpus), ret);
}

/* A line outlives its user, and the next one did not ask for these CPUs. */
void dpath_irq_unsteer(struct dpath_irqs *irqs, unsigned int irq)
{
	lockdep_assert_held(&irqs->lock);
	if (cpumask_empty(&irqs->cpus))
		return;
	irq_update_affinity_hint(irq, NULL);
	if (irqs->index == VFIO_PCI_INTX_IRQ_INDEX)
		irq_set_affinity(irq, cpu_possible_mask);
}

/**
 * dpath_irqs_refresh_affinity() - interrupts go to the CPUs that ops->affinity() names now
 * @irqs: interrupts of a lease
 *
 * Context: process context, sleeps; no lock inside irqs->lock is held.
 */
void dpath_irqs_refresh_affinity(struct dpath_irqs *irqs)
{
	unsigned int i;
	bool chosen;

	mutex_lock(&irqs->lock);
	chosen = !cpumask_empty(&irqs->cpus);
	irqs->ops->affinity(irqs->ctx, &irqs->cpus);
	/* What nobody chose and nobody chooses is left alone. */
	if (!chosen && cpumask_empty(&irqs->cpus))
		goto out_unlock;
	if (irqs->index == VFIO_PCI_INTX_IRQ_INDEX)
		dpath_irq_steer(irqs, irqs->intx_irq);
	for (i = 0; irqs->vectors && i < irqs->nvec; i++)
		if (irqs->vectors[i])
			dpath_irq_steer(irqs, irqs->vectors[i]->irq);
out_unlock:
	mutex_unlock(&irqs->lock);
}

static void describe_hold(const struct dpath_hold *hold, struct dpath_vector_info *info)
{
	info->storms = READ_ONCE(hold->storms);
	info->held = READ_ONCE(hold->held);
}

static bool describe_vector(struct dpath_irqs *irqs, unsigned int number, struct dpath_vector_info *info)
{
	lockdep_assert_held(&irqs->lock);
	info->index = irqs->index;
	info->number = number;
	info->bypassed = false;
	if (irqs->intx) {
		info->irq = irqs->intx_irq;
		info->count = READ_ONCE(irqs->intx->count);
		describe_hold(&irqs->intx->hold, info);
		return true;
	}
	if (!irqs->vectors[number])
		return false;
	info->irq = irqs->vectors[number]->irq;
	info->count = READ_ONCE(irqs->vectors[number]->count);
	describe_hold(&irqs->vectors[number]->hold, info);
	info->bypassed = READ_ONCE(irqs->vectors[number]->connected);
	return true;
}

unsigned int dpath_irqs_vectors(struct dpath_irqs *irqs, struct dpath_vector_info *info, unsigned int max)
{
	struct dpath_vector_info one;
	unsigned int i, found = 0;

	mutex_lock(&irqs->lock);
	for (i = 0; i < irqs->nvec; i++) {
		if (!describe_vector(irqs, i, &one))
			continue;
		if (found < max)
			info[found] = one;
		found++;
	}
	mutex_unlock(&irqs->lock);

	return found;
}

static void count_vectors(struct dpath_irqs *irqs)
{
	struct pci_dev *pdev = irqs->pdev;

	if (pdev->pin && pdev->irq && pdev->irq != IRQ_NOTCONNECTED)
		irqs->intx_irq = pdev->irq;
	irqs->counts[VFIO_PCI_INTX_IRQ_INDEX] = !!irqs->intx_irq;
	irqs->counts[VFIO_PCI_MSI_IRQ_INDEX] = max(pci_msi_vec_count(pdev), 0);
	irqs->counts[VFIO_PCI_MSIX_IRQ_INDEX] = max(pci_msix_vec_count(pdev), 0);
	irqs->counts[VFIO_PCI_ERR_IRQ_INDEX] = pci_is_pcie(pdev);
	irqs->counts[VFIO_PCI_REQ_IRQ_INDEX] = 1;
}

/**
 * dpath_irqs_init() - start with no interrupt kind enabled
 * @irqs: to be initialised
 * @pdev: the function, enabled and without MSI or MSI-X
 * @ops: the vector budget
 * @ctx: for @ops
 * @stats: counters of the lease
 * @no_disintx: mask INTx at the interrupt chip even if the function has Interrupt Disable
 *
 * Sets Interrupt Disable in the hardware.
 *
 * Context: process context.
 * Return: 0.
 */
int dpath_irqs_init(struct dpath_irqs *irqs, struct pci_dev *pdev, const struct dpath_irq_ops *ops, void *ctx,
		    struct dpath_lease_stats *stats, bool no_disintx)
{
	memset(irqs, 0, sizeof(*irqs));
	mutex_init(&irqs->lock);
	spin_lock_init(&irqs->intx_lock);
	init_waitqueue_head(&irqs->unheld);
	irqs->pdev = pdev;
	irqs->ops = ops;
	irqs->ctx = ctx;
	irqs->stats = stats;
	irqs->index = VFIO_PCI_NUM_IRQS;
	irqs->limit.rate = DPATH_STORM_RATE;
	irqs->limit.backoff_ms = DPATH_STORM_BACKOFF_MS;
	INIT_DELAYED_WORK(&irqs->guard, dpath_guard_work);
	irqs->no_disintx = no_disintx || !pci_intx_mask_supported(pdev);
	count_vectors(irqs);
	irqs->dynamic = pci_msix_can_alloc_dyn(pdev);
	irqs->resizable = irqs->dynamic || irqs->counts[VFIO_PCI_MSIX_IRQ_INDEX] <= DPATH_MSIX_UPFRONT;
	pci_intx(pdev, 0);
	return 0;
}

/**
 * dpath_irqs_restore() - have the PCI core restore config space
 * @irqs: interrupts of a lease
 *
 * Context: process context, sleeps. Config access of the function is held.
 */
void dpath_irqs_restore(struct dpath_irqs *irqs)
{
	mutex_lock(&irqs->lock);
	pci_restore_state(irqs->pdev);
	mutex_unlock(&irqs->lock);
	dpath_irqs_restored(irqs);
}

/**
 * dpath_irqs_hold() - a reset is about to begin
 * @irqs: interrupts of a lease
 *
 * From here to dpath_irqs_unhold() no kind of interrupts is enabled, disabled or grows.
 *
 * Context: process context, sleeps; waits for a SET_IRQS that is under way. device_lock is held until dpath_irqs_unhold(): there is one hold at a
 * time, and the driver core, which takes down what is left of messages when a driver goes, waits for its end.
 */
void dpath_irqs_hold(struct dpath_irqs *irqs)
{
	mutex_lock(&irqs->lock);
	WRITE_ONCE(irqs->held, true);
	mutex_unlock(&irqs->lock);
}

/**
 * dpath_irqs_unhold() - the reset is over, config space was restored
 * @irqs: interrupts of a lease, dead by now or not
 *
 * Context: as dpath_irqs_hold().
 */
void dpath_irqs_unhold(struct dpath_irqs *irqs)
{
	bool dead;

	mutex_lock(&irqs->lock);
	WRITE_ONCE(irqs->held, false);
	dead = irqs->dead;
	if (dead && irqs->index != VFIO_PCI_NUM_IRQS)
		dpath_msi_off(irqs);
	else if (!dead)
		mod_delayed_work(system_unbound_wq, &irqs->guard, 0);
	mutex_unlock(&irqs->lock);
	wake_up_all(&irqs->unheld);
	/* As in dpath_irqs_kill(), which has left handlers then. */
	if (dead)
		cancel_delayed_work_sync(&irqs->guard);
}

/**
 * dpath_irqs_kill() - free every interrupt and eventfd for good
 * @irqs: interrupts of a lease
 *
 * No eventfd is signalled, no handler runs and the function is not touched once this has returned; if it is held, handlers of messages go with
 * dpath_irqs_unhold(). Bounded: waits for handlers, for KVM's bypass callbacks and for a report of the storm guard only.
 *
 * Context: process context, sleeps. The caller holds no lock of dpath_config and none that ops->storm() takes. May be called again.
 */
void dpath_irqs_kill(struct dpath_irqs *irqs)
{
	mutex_lock(&irqs->lock);
	WRITE_ONCE(irqs->dead, true);
	if (irqs->index == VFIO_PCI_INTX_IRQ_INDEX)
		dpath_intx_off(irqs);
	else if (irqs->index != VFIO_PCI_NUM_IRQS && irqs->held)
		dpath_msi_silence(irqs);
	else if (irqs->index != VFIO_PCI_NUM_IRQS)
		dpath_msi_off(irqs);
	dpath_trigger_replace(irqs, &irqs->err, NULL);
	dpath_trigger_replace(irqs, &irqs->req, NULL);
	mutex_unlock(&irqs->lock);
	wake_up_all(&irqs->unheld);
	/* No handler is left to queue it, and it does not queue itself any more. It takes the lock. */
	cancel_delayed_work_sync(&irqs->guard);
}

/**
 * dpath_irqs_destroy() - the end of @irqs, after dpath_irqs_kill()
 * @irqs: interrupts of a lease
 *
 * Context: process context; no other user of @irqs is left.
 */
void dpath_irqs_destroy(struct dpath_irqs *irqs)
{
	mutex_destroy(&irqs->lock);
}

void dpath_irq_module_exit(void)
{
	rcu_barrier();
}
