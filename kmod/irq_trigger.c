// SPDX-License-Identifier: GPL-2.0
/*
 * Where interrupts go: eventfds behind RCU pointers.
 *
 * An interrupt that finds no eventfd is remembered and signalled with the next one. An eventfd is never signalled under a spinlock of ours, because
 * who waits for it may come back to us from its wakeup.
 */

#include <linux/eventfd.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "irq_priv.h"

struct dpath_trigger *dpath_trigger_get(int fd)
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

void dpath_trigger_put(struct dpath_trigger *trigger)
{
	if (!trigger)
		return;
	eventfd_ctx_put(trigger->ctx);
	kfree(trigger);
}

static void put_trigger_rcu(struct rcu_head *rcu)
{
	dpath_trigger_put(container_of(rcu, struct dpath_trigger, rcu));
}

bool dpath_trigger_signal(struct dpath_trigger __rcu **slot)
{
	struct dpath_trigger *trigger;

	rcu_read_lock();
	trigger = rcu_dereference(*slot);
	if (trigger)
		eventfd_signal(trigger->ctx);
	rcu_read_unlock();

	return trigger;
}

struct dpath_trigger *dpath_trigger_current(struct dpath_irqs *irqs, struct dpath_trigger __rcu **slot)
{
	return rcu_dereference_protected(*slot, lockdep_is_held(&irqs->lock));
}

void dpath_trigger_replace(struct dpath_irqs *irqs, struct dpath_trigger __rcu **slot, struct dpath_trigger *trigger)
{
	struct dpath_trigger *old = rcu_replace_pointer(*slot, trigger, lockdep_is_held(&irqs->lock));

	if (old)
		call_rcu(&old->rcu, put_trigger_rcu);
}

void dpath_sink_signal(struct dpath_sink *sink)
{
	while (!dpath_trigger_signal(&sink->trigger)) {
		set_bit(0, &sink->pending);
		/* Pairs with dpath_sink_replace(): either it sees the bit, or we see its trigger, which may be gone again when we get there. */
		smp_mb__after_atomic();
		if (!rcu_access_pointer(sink->trigger) || !test_and_clear_bit(0, &sink->pending))
			return;
	}
}

void dpath_sink_replace(struct dpath_irqs *irqs, struct dpath_sink *sink, struct dpath_trigger *trigger)
{
	dpath_trigger_replace(irqs, &sink->trigger, trigger);
	/* A full barrier: pairs with dpath_sink_signal(). */
	if (trigger && test_and_clear_bit(0, &sink->pending))
		eventfd_signal(trigger->ctx);
}
