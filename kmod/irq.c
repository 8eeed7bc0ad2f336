// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of one lease.
 *
 * One kind (INTx, MSI or MSI-X) is enabled at a time. A vector of MSI or MSI-X gets its host interrupt with its first eventfd and keeps it until the
 * kind is disabled; the eventfd behind it is a struct dpath_trigger under RCU, so that a swap is one pointer and one re-registered bypass producer.
 * An interrupt that finds no eventfd is remembered and signalled with the next one. SET_IRQS works in two phases: everything that can fail (eventfds,
 * vectors, host interrupts, budget) is prepared for the whole range first and undone as a whole; the exchange of triggers cannot fail.
 *
 * MSI-X grows without losing an interrupt: where the kernel adds vectors to an enabled table (dynamic) they are allocated as they are used, elsewhere
 * the whole table, or MAX_UPFRONT vectors of it, is allocated at once; a vector that is not requested costs no CPU vector then.
 *
 * INTx has one state: hw_masked is what the hardware was told, and it must follow (masked || irqs->intx_off): masked by the handler or by MASK until
 * UNMASK or the resample eventfd, off while the guest has Interrupt Disable set. While INTx is not the enabled kind, Interrupt Disable stays set in
 * the hardware whatever the guest wrote, because nobody on the host would handle the line, which others may share.
 *
 * Locks: irqs->lock (mutex) around every change. Inside it ops->config_lock. irqs->intx_lock (spinlock, hard interrupts off) nests inside the wait
 * queue lock of the resample eventfd; the trigger's eventfd is therefore never signalled under it, and from a wakeup it is signalled by a work.
 */

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqbypass.h>
#include <linux/msi.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "irq.h"

/* Vectors allocated at once where MSI-X cannot grow; AMD's remapping tables end at 512 entries a function. */
#define MAX_UPFRONT 512

/* An eventfd that interrupts are signalled to. Freed after a grace period, or at once where no handler can see it. */
struct dpath_trigger {
	struct eventfd_ctx *ctx;
	struct rcu_head rcu;
};

/* Where an interrupt goes. Bit 0 of @pending: one came while there was no trigger. */
struct sink {
	struct dpath_trigger __rcu *trigger;
	unsigned long pending;
};

struct dpath_vector {
	struct dpath_irqs *irqs;
	struct sink sink;
	u64 count; /* written by the handler only */
	unsigned int number;
	int irq;
	struct irq_bypass_producer producer;
	bool bypass; /* @producer is registered */
	char *name;
};

/* The resample eventfd of INTx: waits on the eventfd as a poller would. */
struct unmask_fd {
	struct dpath_intx *intx;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table pt;
	bool closed; /* the last file is gone, under the wait queue's lock */
};

struct dpath_intx {
	struct dpath_irqs *irqs;
	struct sink sink;
	u64 count; /* this and the next two under irqs->intx_lock */
	bool masked;
	bool hw_masked;
	struct unmask_fd *unmask; /* under irqs->lock */
	struct work_struct resend;
	char *name;
	struct rcu_head rcu;
};

static struct dpath_trigger *get_trigger(int fd)
{
	struct dpath_trigger *trigger;
	int ret;

	trigger = kzalloc(sizeof(*trigger), GFP_KERNEL_ACCOUNT);
	if (!trigger)
		return ERR_PTR(-ENOMEM);

	trigger->ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(trigger->ctx)) {
		ret = PTR_ERR(trigger->ctx);
		kfree(trigger);
		return ERR_PTR(ret);
	}
	return trigger;
}

static void put_trigger(struct dpath_trigger *trigger)
{
	if (!trigger)
		return;
	eventfd_ctx_put(trigger->ctx);
	kfree(trigger);
}

static void put_trigger_rcu(struct rcu_head *rcu)
{
	put_trigger(container_of(rcu, struct dpath_trigger, rcu));
}

static bool signal_trigger(struct dpath_trigger __rcu **slot)
{
	struct dpath_trigger *trigger;

	rcu_read_lock();
	trigger = rcu_dereference(*slot);
	if (trigger)
		eventfd_signal(trigger->ctx);
	rcu_read_unlock();

	return trigger;
}

static struct dpath_trigger *current_trigger(struct dpath_irqs *irqs, struct dpath_trigger __rcu **slot)
{
	return rcu_dereference_protected(*slot, lockdep_is_held(&irqs->lock));
}

static void replace_trigger(struct dpath_irqs *irqs, struct dpath_trigger __rcu **slot, struct dpath_trigger *trigger)
{
	struct dpath_trigger *old = rcu_replace_pointer(*slot, trigger, lockdep_is_held(&irqs->lock));

	if (old)
		call_rcu(&old->rcu, put_trigger_rcu);
}

static void signal_sink(struct sink *sink)
{
	while (!signal_trigger(&sink->trigger)) {
		set_bit(0, &sink->pending);
		/* Pairs with replace_sink(): either it sees the bit, or we see its trigger, which may be gone again when we get there. */
		smp_mb__after_atomic();
		if (!rcu_access_pointer(sink->trigger) || !test_and_clear_bit(0, &sink->pending))
			return;
	}
}

static void replace_sink(struct dpath_irqs *irqs, struct sink *sink, struct dpath_trigger *trigger)
{
	replace_trigger(irqs, &sink->trigger, trigger);
	/* A full barrier: pairs with signal_sink(). */
	if (trigger && test_and_clear_bit(0, &sink->pending))
		eventfd_signal(trigger->ctx);
}

/*
 * The MSI-X table is in memory space: whoever makes the interrupt core write it needs memory decode, which the guest may have switched off. User
 * maps are closed then, so that only the host's writes reach the function. Bytes, because the other byte of the register has Interrupt Disable, which
 * changes under irqs->intx_lock. Returns what to restore.
 */
static u8 borrow_decode(struct dpath_irqs *irqs)
{
	u8 cmd;

	if (irqs->ops->config_lock)
		irqs->ops->config_lock(irqs->ctx);
	pci_read_config_byte(irqs->pdev, PCI_COMMAND, &cmd);
	if (!(cmd & PCI_COMMAND_MEMORY))
		pci_write_config_byte(irqs->pdev, PCI_COMMAND, cmd | PCI_COMMAND_MEMORY);
	return cmd;
}

static void return_decode(struct dpath_irqs *irqs, u8 cmd)
{
	if (!(cmd & PCI_COMMAND_MEMORY))
		pci_write_config_byte(irqs->pdev, PCI_COMMAND, cmd);
	if (irqs->ops->config_unlock)
		irqs->ops->config_unlock(irqs->ctx);
}

/* INTx */

static void count_intx(struct dpath_intx *intx)
{
	lockdep_assert_held(&intx->irqs->intx_lock);
	WRITE_ONCE(intx->count, intx->count + 1);
	atomic64_inc(&intx->irqs->stats->interrupts);
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
	bool want = intx->masked || irqs->intx_off;

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
		signal_sink(&intx->sink);
	return ret;
}

static void resend_intx(struct work_struct *work)
{
	struct dpath_intx *intx = container_of(work, struct dpath_intx, resend);

	signal_sink(&intx->sink);
}

/* Runs under the wait queue's lock, perhaps in an interrupt, inside eventfd_signal(): no other eventfd may be signalled from here. */
static int wake_unmask(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct unmask_fd *unmask = container_of(wait, struct unmask_fd, wait);
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
	struct unmask_fd *unmask = container_of(pt, struct unmask_fd, pt);

	add_wait_queue(wqh, &unmask->wait);
}

static void clear_unmask_fd(struct dpath_intx *intx)
{
	struct unmask_fd *unmask = intx->unmask;
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
	struct unmask_fd *unmask;
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
		signal_sink(&intx->sink);
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
	INIT_WORK(&intx->resend, resend_intx);
	RCU_INIT_POINTER(intx->sink.trigger, trigger);
	intx->name = kasprintf(GFP_KERNEL_ACCOUNT, "directpath-intx(%s)", pci_name(irqs->pdev));
	if (!intx->name) {
		ret = -ENOMEM;
		goto err_free_intx;
	}

	/* A line that the chip masks lazily goes on storming; it is requested disabled, so that its depth is ours alone. */
	if (irqs->no_disintx)
		irq_set_status_flags(irqs->intx_irq, IRQ_DISABLE_UNLAZY);
	ret = request_irq(irqs->intx_irq, handle_intx, irqflags, intx->name, intx);
	if (ret)
		goto err_clear_unlazy;
	if (irqs->no_disintx)
		pci_intx(irqs->pdev, 1);

	spin_lock_irqsave(&irqs->intx_lock, flags);
	irqs->intx = intx;
	resend = sync_line(intx);
	spin_unlock_irqrestore(&irqs->intx_lock, flags);
	irqs->index = VFIO_PCI_INTX_IRQ_INDEX;
	irqs->nvec = 1;
	if (resend)
		signal_sink(&intx->sink);
	return 0;

err_clear_unlazy:
	if (irqs->no_disintx)
		irq_clear_status_flags(irqs->intx_irq, IRQ_DISABLE_UNLAZY);
	kfree(intx->name);
err_free_intx:
	kfree(intx);
	return ret;
}

static void disable_intx(struct dpath_irqs *irqs)
{
	struct dpath_intx *intx = irqs->intx;
	unsigned long flags;

	clear_unmask_fd(intx);

	spin_lock_irqsave(&irqs->intx_lock, flags);
	irqs->intx = NULL;
	intx->masked = true;
	sync_line(intx);
	spin_unlock_irqrestore(&irqs->intx_lock, flags);

	cancel_work_sync(&intx->resend);
	free_irq(irqs->intx_irq, intx);
	if (irqs->no_disintx)
		irq_clear_status_flags(irqs->intx_irq, IRQ_DISABLE_UNLAZY);
	pci_intx(irqs->pdev, 0);
	irqs->index = VFIO_PCI_NUM_IRQS;
	irqs->nvec = 0;

	kfree(intx->name);
	replace_trigger(irqs, &intx->sink.trigger, NULL);
	kfree_rcu(intx, rcu);
}

static int set_intx_trigger(struct dpath_irqs *irqs, u32 flags, u32 count, const void *data)
{
	bool enabled = irqs->index == VFIO_PCI_INTX_IRQ_INDEX;
	struct dpath_trigger *trigger = NULL;
	int ret = 0;

	if (enabled && !count && flags & VFIO_IRQ_SET_DATA_NONE) {
		disable_intx(irqs);
		return 0;
	}
	if ((!enabled && irqs->index != VFIO_PCI_NUM_IRQS) || count != 1)
		return -EINVAL;

	if (flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		s32 fd = *(const s32 *)data;

		if (fd >= 0)
			trigger = get_trigger(fd);
		if (IS_ERR(trigger))
			return PTR_ERR(trigger);
		if (enabled)
			replace_sink(irqs, &irqs->intx->sink, trigger);
		else
			ret = enable_intx(irqs, trigger);
		if (ret)
			put_trigger(trigger);
		return ret;
	}

	if (!enabled)
		return -EINVAL;
	if ((flags & VFIO_IRQ_SET_DATA_NONE || *(const u8 *)data) && !READ_ONCE(irqs->intx_off))
		signal_trigger(&irqs->intx->sink.trigger);
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
			signal_sink(&intx->sink);
	return 0;
}

static int set_intx(struct dpath_irqs *irqs, u32 flags, u32 count, const void *data)
{
	if (flags & VFIO_IRQ_SET_ACTION_TRIGGER)
		return set_intx_trigger(irqs, flags, count, data);
	return set_intx_mask(irqs, flags, count, data, flags & VFIO_IRQ_SET_ACTION_MASK);
}

/* MSI and MSI-X */

static irqreturn_t handle_msi(int irq, void *arg)
{
	struct dpath_vector *vector = arg;

	WRITE_ONCE(vector->count, vector->count + 1);
	atomic64_inc(&vector->irqs->stats->interrupts);
	signal_sink(&vector->sink);
	return IRQ_HANDLED;
}

static void unregister_bypass(struct dpath_vector *vector)
{
	if (vector->bypass)
		irq_bypass_unregister_producer(&vector->producer);
	vector->bypass = false;
}

/* Not being able to (the token is in use by another vector) costs speed, nothing else. */
static void register_bypass(struct dpath_vector *vector, struct eventfd_ctx *ctx)
{
	memset(&vector->producer, 0, sizeof(vector->producer));
	vector->bypass = !irq_bypass_register_producer(&vector->producer, ctx, vector->irq);
}

/* Cannot fail. Takes over @trigger, which may be NULL. */
static void exchange_trigger(struct dpath_vector *vector, struct dpath_trigger *trigger)
{
	struct dpath_trigger *old = current_trigger(vector->irqs, &vector->sink.trigger);

	if (old && trigger && old->ctx == trigger->ctx) {
		put_trigger(trigger);
		return;
	}

	unregister_bypass(vector);
	replace_sink(vector->irqs, &vector->sink, trigger);
	if (trigger)
		register_bypass(vector, trigger->ctx);
}

/* Linux interrupt of a vector, allocated if the kernel can do that now. */
static int obtain_irq(struct dpath_irqs *irqs, unsigned int number)
{
	struct msi_map map;
	int irq = pci_irq_vector(irqs->pdev, number);

	if (irq > 0 || irqs->index != VFIO_PCI_MSIX_IRQ_INDEX || !irqs->dynamic)
		return irq;
	map = pci_msix_alloc_irq_at(irqs->pdev, number, NULL);
	return map.index < 0 ? map.index : map.virq;
}

/* Give a vector its host interrupt. Memory decode is on. */
static int request_vector(struct dpath_irqs *irqs, unsigned int number)
{
	bool msix = irqs->index == VFIO_PCI_MSIX_IRQ_INDEX;
	struct dpath_vector *vector;
	struct msi_msg msg;
	int ret;

	vector = kzalloc(sizeof(*vector), GFP_KERNEL_ACCOUNT);
	if (!vector)
		return -ENOMEM;
	vector->irqs = irqs;
	vector->number = number;
	vector->name = kasprintf(GFP_KERNEL_ACCOUNT, "directpath-%s[%u](%s)", msix ? "msix" : "msi", number, pci_name(irqs->pdev));
	if (!vector->name) {
		ret = -ENOMEM;
		goto err_free_vector;
	}
	ret = irqs->ops->charge(irqs->ctx, 1);
	if (ret)
		goto err_free_name;
	vector->irq = obtain_irq(irqs, number);
	if (vector->irq <= 0) {
		ret = vector->irq ?: -EINVAL;
		goto err_uncharge;
	}

	/* A reset behind our back may have cleared an entry that was written when it was allocated. */
	if (msix) {
		get_cached_msi_msg(vector->irq, &msg);
		pci_write_msi_msg(vector->irq, &msg);
	}
	irq_set_status_flags(vector->irq, IRQ_DISABLE_UNLAZY);
	ret = request_irq(vector->irq, handle_msi, 0, vector->name, vector);
	if (ret)
		goto err_uncharge;
	irqs->vectors[number] = vector;
	return 0;

err_uncharge:
	irqs->ops->uncharge(irqs->ctx, 1);
err_free_name:
	kfree(vector->name);
err_free_vector:
	kfree(vector);
	return ret;
}

/* The bypass producer is unregistered, memory decode is on. */
static void free_vector(struct dpath_irqs *irqs, unsigned int number)
{
	struct dpath_vector *vector = irqs->vectors[number];

	if (!vector)
		return;
	irqs->vectors[number] = NULL;
	free_irq(vector->irq, vector);
	irqs->ops->uncharge(irqs->ctx, 1);
	/* The handler is gone, nobody else reads it without irqs->lock. */
	put_trigger(current_trigger(irqs, &vector->sink.trigger));
	kfree(vector->name);
	kfree(vector);
}

/* Vectors to ask the kernel for at once when @wanted are to be usable. */
static unsigned int vectors_upfront(struct dpath_irqs *irqs, u32 index, unsigned int wanted)
{
	if (index == VFIO_PCI_MSI_IRQ_INDEX)
		return wanted;
	if (irqs->dynamic)
		return 1;
	return max_t(unsigned int, wanted, min_t(unsigned int, irqs->counts[index], MAX_UPFRONT));
}

/* Returns 0, the number of vectors there are if that is less than @wanted, or -errno. */
static int enable_msi(struct dpath_irqs *irqs, u32 index, unsigned int wanted)
{
	unsigned int type = index == VFIO_PCI_MSIX_IRQ_INDEX ? PCI_IRQ_MSIX : PCI_IRQ_MSI;
	unsigned int upfront = vectors_upfront(irqs, index, wanted);
	u8 cmd;
	int ret;

	/* With this quirk Interrupt Disable also keeps MSI away, and the core does not touch it. */
	if (irqs->pdev->dev_flags & PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG)
		pci_intx(irqs->pdev, 1);

	cmd = borrow_decode(irqs);
	ret = pci_alloc_irq_vectors(irqs->pdev, 1, upfront, type);
	if (ret < 0 && upfront > wanted)
		ret = pci_alloc_irq_vectors(irqs->pdev, 1, wanted, type);
	if (ret < 0)
		goto err_return_decode;
	irqs->nvec = type == PCI_IRQ_MSIX && irqs->dynamic ? irqs->counts[index] : ret;
	if (irqs->nvec < wanted)
		goto err_free_irqs;
	if (type == PCI_IRQ_MSIX && !irqs->dynamic)
		irqs->resizable = irqs->nvec == irqs->counts[index];

	irqs->vectors = kvcalloc(irqs->nvec, sizeof(*irqs->vectors), GFP_KERNEL_ACCOUNT);
	if (!irqs->vectors) {
		ret = -ENOMEM;
		goto err_free_irqs;
	}
	return_decode(irqs, cmd);
	irqs->index = index;
	return 0;

err_free_irqs:
	pci_free_irq_vectors(irqs->pdev);
err_return_decode:
	return_decode(irqs, cmd);
	pci_intx(irqs->pdev, 0);
	irqs->nvec = 0;
	return ret;
}

static void disable_msi(struct dpath_irqs *irqs)
{
	unsigned int i;
	u8 cmd;

	for (i = 0; i < irqs->nvec; i++)
		if (irqs->vectors[i])
			unregister_bypass(irqs->vectors[i]);

	cmd = borrow_decode(irqs);
	for (i = 0; i < irqs->nvec; i++)
		free_vector(irqs, i);
	pci_free_irq_vectors(irqs->pdev);
	return_decode(irqs, cmd);
	/* The core has cleared Interrupt Disable; nobody handles the line now. */
	pci_intx(irqs->pdev, 0);

	kvfree(irqs->vectors);
	irqs->vectors = NULL;
	irqs->nvec = 0;
	irqs->index = VFIO_PCI_NUM_IRQS;
}

static void put_triggers(struct dpath_trigger **triggers, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		put_trigger(triggers[i]);
	kvfree(triggers);
}

static struct dpath_trigger **get_triggers(const s32 *fds, u32 count)
{
	struct dpath_trigger **triggers;
	int ret;
	u32 i;

	triggers = kvcalloc(count, sizeof(*triggers), GFP_KERNEL_ACCOUNT);
	if (!triggers)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < count; i++) {
		if (fds[i] < 0)
			continue;
		triggers[i] = get_trigger(fds[i]);
		if (IS_ERR(triggers[i])) {
			ret = PTR_ERR(triggers[i]);
			put_triggers(triggers, i);
			return ERR_PTR(ret);
		}
	}
	return triggers;
}

static bool need_vectors(struct dpath_irqs *irqs, u32 start, u32 count, struct dpath_trigger **triggers)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (triggers[i] && !irqs->vectors[start + i])
			return true;
	return false;
}

/*
 * Host interrupts for every vector of the range that is to have a trigger; on failure those that this call requested are freed again. @failed is
 * the number of the vector that could not be had.
 */
static int request_range(struct dpath_irqs *irqs, u32 start, u32 count, struct dpath_trigger **triggers, u32 *failed)
{
	unsigned long *fresh;
	int ret = 0;
	u8 cmd;
	u32 i;

	if (!need_vectors(irqs, start, count, triggers))
		return 0;
	fresh = kvcalloc(BITS_TO_LONGS(count), sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return -ENOMEM;

	cmd = borrow_decode(irqs);
	for (i = 0; i < count; i++) {
		if (!triggers[i] || irqs->vectors[start + i])
			continue;
		ret = request_vector(irqs, start + i);
		if (ret)
			break;
		__set_bit(i, fresh);
	}
	if (ret) {
		*failed = start + i;
		for_each_set_bit(i, fresh, count)
			free_vector(irqs, start + i);
	}
	return_decode(irqs, cmd);

	kvfree(fresh);
	return ret;
}

static int set_msi_eventfds(struct dpath_irqs *irqs, u32 index, u32 start, u32 count, const s32 *fds)
{
	bool enabled = irqs->index == index;
	struct dpath_trigger **triggers;
	u32 i, failed = 0;
	int ret;

	if (!count)
		return enabled ? 0 : -EINVAL;
	if (enabled && start + count > irqs->nvec)
		return -EINVAL;
	triggers = get_triggers(fds, count);
	if (IS_ERR(triggers))
		return PTR_ERR(triggers);

	if (!enabled) {
		ret = enable_msi(irqs, index, start + count);
		if (ret)
			goto err_put_triggers;
	}
	ret = request_range(irqs, start, count, triggers, &failed);
	if (ret)
		goto err_disable;

	for (i = 0; i < count; i++)
		if (irqs->vectors[start + i])
			exchange_trigger(irqs->vectors[start + i], triggers[i]);
	kvfree(triggers);
	return 0;

err_disable:
	if (!enabled)
		disable_msi(irqs);
	/* As if the kernel had so many: the VMM may ask again for what there is. */
	if (!enabled && ret == -ENOSPC && failed)
		ret = failed;
err_put_triggers:
	put_triggers(triggers, count);
	return ret;
}

static int set_msi(struct dpath_irqs *irqs, u32 flags, u32 index, u32 start, u32 count, const void *data)
{
	bool enabled = irqs->index == index;
	const u8 *bools = data;
	u32 i;

	if (!(flags & VFIO_IRQ_SET_ACTION_TRIGGER))
		return -ENOTTY;
	if (!enabled && irqs->index != VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	if (flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return set_msi_eventfds(irqs, index, start, count, data);
	if (!enabled)
		return -EINVAL;
	if (flags & VFIO_IRQ_SET_DATA_NONE && !count) {
		disable_msi(irqs);
		return 0;
	}

	for (i = start; i < start + count && i < irqs->nvec; i++)
		if (irqs->vectors[i] && (flags & VFIO_IRQ_SET_DATA_NONE || bools[i - start]))
			signal_trigger(&irqs->vectors[i]->sink.trigger);
	return 0;
}

/* ERR and REQ */

static int set_notifier(struct dpath_irqs *irqs, struct dpath_trigger __rcu **slot, u32 flags, u32 count, const void *data)
{
	struct dpath_trigger *trigger;
	s32 fd;

	if (!(flags & VFIO_IRQ_SET_ACTION_TRIGGER))
		return -ENOTTY;
	if (flags & VFIO_IRQ_SET_DATA_NONE) {
		if (!current_trigger(irqs, slot))
			return -EINVAL;
		if (count)
			signal_trigger(slot);
		else
			replace_trigger(irqs, slot, NULL);
		return 0;
	}
	if (!count)
		return -EINVAL;
	if (flags & VFIO_IRQ_SET_DATA_BOOL) {
		if (*(const u8 *)data)
			signal_trigger(slot);
		return 0;
	}

	fd = *(const s32 *)data;
	if (fd < -1)
		return -EINVAL;
	trigger = fd < 0 ? NULL : get_trigger(fd);
	if (IS_ERR(trigger))
		return PTR_ERR(trigger);
	replace_trigger(irqs, slot, trigger);
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
		return set_intx(irqs, flags, count, data);
	case VFIO_PCI_MSI_IRQ_INDEX:
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return set_msi(irqs, flags, index, start, count, data);
	case VFIO_PCI_ERR_IRQ_INDEX:
		return set_notifier(irqs, &irqs->err, flags, count, data);
	default:
		return set_notifier(irqs, &irqs->req, flags, count, data);
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
 * Context: process context of the caller whose fds @data holds; sleeps. The caller holds no lock of dpath_config.
 * Return: 0, a positive number of vectors that are available when more were asked for, or -errno: -EINVAL, -ENOTTY (this kind has no such action),
 * -EBUSY (there is a resample eventfd already), -EBADF, -ENOSPC, -ENOMEM, -ENODEV (the lease has ended, or there is no usable line).
 */
int dpath_irqs_set(struct dpath_irqs *irqs, u32 flags, u32 index, u32 start, u32 count, const void *data)
{
	int ret = check_request(irqs, flags, index, start, count);

	if (ret)
		return ret;
	mutex_lock(&irqs->lock);
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
		signal_sink(&intx->sink);
	rcu_read_unlock();
}

/**
 * dpath_irqs_restored() - config space was restored, after a reset or a stay in D3
 * @irqs: interrupts of a lease
 *
 * Gives Interrupt Disable the value that the state of the line asks for; the interrupt core restores MSI and MSI-X itself.
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
	spin_unlock_irqrestore(&irqs->intx_lock, flags);
}

bool dpath_irqs_notify_err(struct dpath_irqs *irqs)
{
	return signal_trigger(&irqs->err);
}

bool dpath_irqs_notify_req(struct dpath_irqs *irqs)
{
	return signal_trigger(&irqs->req);
}

static bool describe_vector(struct dpath_irqs *irqs, unsigned int number, struct dpath_vector_info *info)
{
	lockdep_assert_held(&irqs->lock);
	info->index = irqs->index;
	info->number = number;
	if (irqs->intx) {
		info->irq = irqs->intx_irq;
		info->count = READ_ONCE(irqs->intx->count);
		return true;
	}
	if (!irqs->vectors[number])
		return false;
	info->irq = irqs->vectors[number]->irq;
	info->count = READ_ONCE(irqs->vectors[number]->count);
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
	irqs->pdev = pdev;
	irqs->ops = ops;
	irqs->ctx = ctx;
	irqs->stats = stats;
	irqs->index = VFIO_PCI_NUM_IRQS;
	irqs->no_disintx = no_disintx || !pci_intx_mask_supported(pdev);
	count_vectors(irqs);
	irqs->dynamic = pci_msix_can_alloc_dyn(pdev);
	irqs->resizable = irqs->dynamic || irqs->counts[VFIO_PCI_MSIX_IRQ_INDEX] <= MAX_UPFRONT;
	pci_intx(pdev, 0);
	return 0;
}

/**
 * dpath_irqs_kill() - free every interrupt and eventfd for good
 * @irqs: interrupts of a lease
 *
 * No handler runs and the function is not touched once this has returned. Bounded: waits for handlers and for KVM's bypass callbacks only.
 *
 * Context: process context, sleeps. The caller holds no lock of dpath_config. May be called again.
 */
void dpath_irqs_kill(struct dpath_irqs *irqs)
{
	mutex_lock(&irqs->lock);
	WRITE_ONCE(irqs->dead, true);
	if (irqs->index == VFIO_PCI_INTX_IRQ_INDEX)
		disable_intx(irqs);
	else if (irqs->index != VFIO_PCI_NUM_IRQS)
		disable_msi(irqs);
	replace_trigger(irqs, &irqs->err, NULL);
	replace_trigger(irqs, &irqs->req, NULL);
	mutex_unlock(&irqs->lock);
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
