// SPDX-License-Identifier: GPL-2.0
/*
 * MSI and MSI-X of one lease.
 *
 * A vector gets its host interrupt with its first eventfd and keeps it until the kind is disabled; a swap of the eventfd is one pointer and one
 * re-registered bypass producer.
 *
 * MSI-X grows without losing an interrupt: where the kernel adds vectors to an enabled table (dynamic) they are allocated as they are used, elsewhere
 * the whole table, or DPATH_MSIX_UPFRONT vectors of it, is allocated at once; a vector that is not requested costs no CPU vector then.
 */

#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/msi.h>
#include <linux/slab.h>

#include "irq_priv.h"

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

/* Can the mask bit of a vector be written here and now, where decode cannot be borrowed? */
static bool table_reachable(struct dpath_irqs *irqs)
{
	u16 cmd;

	if (!irqs->msix)
		return true;
	pci_read_config_word(irqs->pdev, PCI_COMMAND, &cmd);
	return cmd & PCI_COMMAND_MEMORY;
}

/*
 * It is over its rate. In its handler, which nobody else runs. What has no mask bits is disabled as well: what is on its way, or comes because the
 * interrupt core wrote Message Control meanwhile, costs no more than its entry and is made up for.
 */
static void hold_vector(struct dpath_vector *vector)
{
	struct dpath_irqs *irqs = vector->irqs;
	bool reachable;

	/* One that came while Function Mask was on its way. */
	if (READ_ONCE(vector->hold.held))
		return;
	reachable = table_reachable(irqs);
	vector->hold.halt = irqs->maskless || !reachable;
	if (reachable)
		disable_irq_nosync(vector->irq);
	if (vector->hold.halt)
		dpath_guard_halt(irqs);
	dpath_guard_hold(irqs, &vector->hold);
}

static irqreturn_t handle_msi(int irq, void *arg)
{
	struct dpath_vector *vector = arg;

	WRITE_ONCE(vector->count, vector->count + 1);
	atomic64_inc(&vector->irqs->stats->interrupts);
	dpath_sink_signal(&vector->sink);
	if (!dpath_hold_take(vector->irqs, &vector->hold))
		hold_vector(vector);
	return IRQ_HANDLED;
}

/* A function that was halted sends again. What has no mask bits may have wanted to send meanwhile, and forgets it: each vector gets one signal. */
static void resume_function(struct dpath_irqs *irqs)
{
	unsigned int i;

	lockdep_assert_held(&irqs->lock);
	if (!dpath_guard_resume(irqs) || !irqs->maskless)
		return;
	for (i = 0; i < irqs->nvec; i++)
		if (irqs->vectors[i])
			dpath_sink_signal(&irqs->vectors[i]->sink);
}

/* Memory decode is on. Read before dpath_hold_end(), because a handler that is not disabled may hold the vector again. */
static void release_vector(struct dpath_irqs *irqs, struct dpath_vector *vector)
{
	bool halt = vector->hold.halt;

	dpath_hold_end(&vector->hold);
	if (!halt || irqs->maskless)
		enable_irq(vector->irq);
	if (halt)
		resume_function(irqs);
}

void dpath_msi_release(struct dpath_irqs *irqs, unsigned long *next)
{
	bool over = false;
	unsigned int i;
	u8 cmd;

	lockdep_assert_held(&irqs->lock);
	for (i = 0; i < irqs->nvec; i++)
		over |= irqs->vectors[i] && dpath_hold_over(irqs, &irqs->vectors[i]->hold, next);
	if (!over)
		return;

	cmd = borrow_decode(irqs);
	for (i = 0; i < irqs->nvec; i++)
		if (irqs->vectors[i] && dpath_hold_over(irqs, &irqs->vectors[i]->hold, next))
			release_vector(irqs, irqs->vectors[i]);
	return_decode(irqs, cmd);
}

/* Counts the vectors of all leases that have a consumer. */
static atomic_t bypassed = ATOMIC_INIT(0);

unsigned int dpath_irq_bypassed(void)
{
	return atomic_read(&bypassed);
}

static int note_consumer(struct irq_bypass_producer *producer, struct irq_bypass_consumer *consumer)
{
	WRITE_ONCE(container_of(producer, struct dpath_vector, producer)->connected, true);
	atomic_inc(&bypassed);
	return 0;
}

/* Also when the consumer has refused. */
static void forget_consumer(struct irq_bypass_producer *producer, struct irq_bypass_consumer *consumer)
{
	WRITE_ONCE(container_of(producer, struct dpath_vector, producer)->connected, false);
	atomic_dec(&bypassed);
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
	vector->producer.add_consumer = note_consumer;
	vector->producer.del_consumer = forget_consumer;
	vector->bypass = !irq_bypass_register_producer(&vector->producer, ctx, vector->irq);
}

/* Cannot fail. Takes over @trigger, which may be NULL. */
static void exchange_trigger(struct dpath_vector *vector, struct dpath_trigger *trigger)
{
	struct dpath_trigger *old = dpath_trigger_current(vector->irqs, &vector->sink.trigger);

	if (old && trigger && old->ctx == trigger->ctx) {
		dpath_trigger_put(trigger);
		return;
	}

	unregister_bypass(vector);
	dpath_sink_replace(vector->irqs, &vector->sink, trigger);
	/* What came before is in the old eventfd when the call returns, and its owner can close it. */
	if (old)
		synchronize_irq(vector->irq);
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
	dpath_hold_init(irqs, &vector->hold);
	irq_set_status_flags(vector->irq, IRQ_DISABLE_UNLAZY);
	ret = dpath_irq_request(vector->irq, handle_msi, 0, vector->name, vector);
	if (ret)
		goto err_uncharge;
	if (!cpumask_empty(&irqs->cpus))
		dpath_irq_steer(irqs, vector->irq);
	irqs->vectors[number] = vector;
	WRITE_ONCE(irqs->used, irqs->used + 1);
	return 0;

err_uncharge:
	irqs->ops->uncharge(irqs->ctx, 1);
err_free_name:
	kfree(vector->name);
err_free_vector:
	kfree(vector);
	return ret;
}

/* The bypass producer is unregistered, memory decode is on. With @resume other vectors go on. */
static void free_vector(struct dpath_irqs *irqs, unsigned int number, bool resume)
{
	struct dpath_vector *vector = irqs->vectors[number];

	if (!vector)
		return;
	irqs->vectors[number] = NULL;
	WRITE_ONCE(irqs->used, irqs->used - 1);
	dpath_irq_unsteer(irqs, vector->irq);
	free_irq(vector->irq, vector);
	/* No handler can hold it any more. That it was disabled has ended with the request. */
	if (resume && vector->hold.held && vector->hold.halt)
		resume_function(irqs);
	irqs->ops->uncharge(irqs->ctx, 1);
	/* The handler is gone, nobody else reads it without irqs->lock. */
	dpath_trigger_put(dpath_trigger_current(irqs, &vector->sink.trigger));
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
	return max_t(unsigned int, wanted, min_t(unsigned int, irqs->counts[index], DPATH_MSIX_UPFRONT));
}

/* MSI has mask bits or has not; a quirk of the core that says that it has, only makes us do without. */
static bool lacks_masks(struct pci_dev *pdev)
{
	u16 control;

	pci_read_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS, &control);
	return !(control & PCI_MSI_FLAGS_MASKBIT);
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

	irqs->msix = type == PCI_IRQ_MSIX;
	irqs->maskless = !irqs->msix && lacks_masks(irqs->pdev);
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

void dpath_msi_off(struct dpath_irqs *irqs)
{
	unsigned int i;
	u8 cmd;

	lockdep_assert_held(&irqs->lock);
	for (i = 0; i < irqs->nvec; i++)
		if (irqs->vectors[i])
			unregister_bypass(irqs->vectors[i]);

	cmd = borrow_decode(irqs);
	for (i = 0; i < irqs->nvec; i++)
		free_vector(irqs, i, false);
	/* No handler can halt the function any more; before the core writes Message Control, which dpath_irqs_restored() then leaves alone. */
	dpath_guard_reset(irqs);
	pci_free_irq_vectors(irqs->pdev);
	return_decode(irqs, cmd);
	/* The core has cleared Interrupt Disable; nobody handles the line now. */
	pci_intx(irqs->pdev, 0);

	kvfree(irqs->vectors);
	irqs->vectors = NULL;
	irqs->nvec = 0;
	irqs->index = VFIO_PCI_NUM_IRQS;
}

void dpath_msi_silence(struct dpath_irqs *irqs)
{
	unsigned int i;

	lockdep_assert_held(&irqs->lock);
	for (i = 0; i < irqs->nvec; i++) {
		if (!irqs->vectors[i])
			continue;
		unregister_bypass(irqs->vectors[i]);
		dpath_sink_replace(irqs, &irqs->vectors[i]->sink, NULL);
	}
}

static void put_triggers(struct dpath_trigger **triggers, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		dpath_trigger_put(triggers[i]);
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
		triggers[i] = dpath_trigger_get(fds[i]);
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
			free_vector(irqs, start + i, true);
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
		dpath_msi_off(irqs);
	/* As if the kernel had so many: the VMM may ask again for what there is. */
	if (!enabled && ret == -ENOSPC && failed)
		ret = failed;
err_put_triggers:
	put_triggers(triggers, count);
	return ret;
}

int dpath_msi_set(struct dpath_irqs *irqs, u32 flags, u32 index, u32 start, u32 count, const void *data)
{
	bool enabled = irqs->index == index;
	const u8 *bools = data;
	u32 i;

	lockdep_assert_held(&irqs->lock);
	if (!(flags & VFIO_IRQ_SET_ACTION_TRIGGER))
		return -ENOTTY;
	if (!enabled && irqs->index != VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	if (flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return set_msi_eventfds(irqs, index, start, count, data);
	if (!enabled)
		return -EINVAL;
	if (flags & VFIO_IRQ_SET_DATA_NONE && !count) {
		dpath_msi_off(irqs);
		return 0;
	}

	for (i = start; i < start + count && i < irqs->nvec; i++)
		if (irqs->vectors[i] && (flags & VFIO_IRQ_SET_DATA_NONE || bools[i - start]))
			dpath_trigger_signal(&irqs->vectors[i]->sink.trigger);
	return 0;
}
