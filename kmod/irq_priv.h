/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_IRQ_PRIV_H
#define DPATH_IRQ_PRIV_H

/*
 * Between the files that make up the interrupts of a lease: irq.c, irq_trigger.c, irq_guard.c, irq_intx.c, irq_msi.c.
 */

#include <linux/interrupt.h>
#include <linux/irqbypass.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "irq.h"

/* Vectors allocated at once where MSI-X cannot grow; AMD's remapping tables end at 512 entries a function. */
#define DPATH_MSIX_UPFRONT 512

struct eventfd_ctx;
struct dpath_unmask;

/**
 * struct dpath_trigger - an eventfd that interrupts are signalled to
 * @ctx: the eventfd
 * @rcu: freed after a grace period, or at once where no handler can see it
 */
struct dpath_trigger {
	struct eventfd_ctx *ctx;
	struct rcu_head rcu;
};

/**
 * struct dpath_sink - where an interrupt goes
 * @trigger: the eventfd of now, or NULL; changed under irqs->lock
 * @pending: bit 0: one came while there was no trigger
 */
struct dpath_sink {
	struct dpath_trigger __rcu *trigger;
	unsigned long pending;
};

/**
 * struct dpath_hold - the guard of one vector or line
 * @storm: its bucket; the handler's while it is not held back
 * @storms: times it was held back; written by who holds it
 * @due: when it is to come back, in jiffies
 * @held: it is held back; set by the handler, cleared by the guard's work
 * @fresh: and that was not reported yet
 * @halt: the whole function is halted for it
 */
struct dpath_hold {
	struct dpath_storm storm;
	u64 storms;
	unsigned long due;
	bool held;
	bool fresh;
	bool halt;
};

/**
 * struct dpath_vector - a vector of MSI or MSI-X with a host interrupt; under irqs->lock
 * @irqs: whose
 * @sink: where it goes
 * @count: interrupts; written by the handler only
 * @hold: its guard
 * @number: within the kind
 * @irq: Linux interrupt number
 * @producer: for KVM
 * @bypass: @producer is registered
 * @connected: a consumer is connected to it; written under the lock of irqbypass.ko
 * @name: in /proc/interrupts
 */
struct dpath_vector {
	struct dpath_irqs *irqs;
	struct dpath_sink sink;
	u64 count;
	struct dpath_hold hold;
	unsigned int number;
	int irq;
	struct irq_bypass_producer producer;
	bool bypass;
	bool connected;
	char *name;
};

/**
 * struct dpath_intx - the line while it is the enabled kind
 * @irqs: whose
 * @sink: where it goes
 * @count: interrupts; this and the next three under irqs->intx_lock
 * @hold: its guard
 * @masked: by the handler or by MASK
 * @hw_masked: what the hardware was told
 * @unmask: the resample eventfd, or NULL; under irqs->lock
 * @resend: signals @sink outside a wakeup
 * @name: in /proc/interrupts
 * @rcu: readers of irqs->intx signal @sink
 */
struct dpath_intx {
	struct dpath_irqs *irqs;
	struct dpath_sink sink;
	u64 count;
	struct dpath_hold hold;
	bool masked;
	bool hw_masked;
	struct dpath_unmask *unmask;
	struct work_struct resend;
	char *name;
	struct rcu_head rcu;
};

/* The eventfd @fd of the caller, or ERR_PTR(-EBADF, -EINVAL, -ENOMEM). */
struct dpath_trigger *dpath_trigger_get(int fd);
/* Of one that no handler can see. */
void dpath_trigger_put(struct dpath_trigger *trigger);
/* Any context that may be interrupted. False if there is none. */
bool dpath_trigger_signal(struct dpath_trigger __rcu **slot);
/* Under irqs->lock. */
struct dpath_trigger *dpath_trigger_current(struct dpath_irqs *irqs, struct dpath_trigger __rcu **slot);
/* Under irqs->lock. Takes over @trigger, which may be NULL. */
void dpath_trigger_replace(struct dpath_irqs *irqs, struct dpath_trigger __rcu **slot, struct dpath_trigger *trigger);
/* Signal or remember. */
void dpath_sink_signal(struct dpath_sink *sink);
/* Under irqs->lock. What was remembered is signalled to @trigger. A handler that has begun may still signal the old one: see who calls. */
void dpath_sink_replace(struct dpath_irqs *irqs, struct dpath_sink *sink, struct dpath_trigger *trigger);

/* request_irq(), which injected failures spare. */
int dpath_irq_request(unsigned int irq, irq_handler_t handler, unsigned long flags, const char *name, void *arg);
/* Linux interrupt @irq to irqs->cpus; and before it is freed. Under irqs->lock. */
void dpath_irq_steer(struct dpath_irqs *irqs, unsigned int irq);
void dpath_irq_unsteer(struct dpath_irqs *irqs, unsigned int irq);

/* A new vector or line starts with a full bucket. */
static inline void dpath_hold_init(struct dpath_irqs *irqs, struct dpath_hold *hold)
{
	dpath_storm_init(&hold->storm, irqs->limit.rate, HZ, jiffies);
}

/* It has interrupted, in its handler: false if that was once too often. Then the caller masks it and calls dpath_guard_hold(). */
static inline bool dpath_hold_take(struct dpath_irqs *irqs, struct dpath_hold *hold)
{
	return likely(dpath_storm_take(&hold->storm, READ_ONCE(irqs->limit.rate), HZ, jiffies));
}

/* It is masked until the guard's work unmasks it. Any context. */
void dpath_guard_hold(struct dpath_irqs *irqs, struct dpath_hold *hold);
/* Is it held, and has been for long enough? If it goes on, *@next becomes not later than its end. Under irqs->lock. */
bool dpath_hold_over(struct dpath_irqs *irqs, const struct dpath_hold *hold, unsigned long *next);
/* It is not held any more, and about to be unmasked. */
void dpath_hold_end(struct dpath_hold *hold);
/* No message leaves the function until as many calls of dpath_guard_resume(), of which the last returns true. Any context. */
void dpath_guard_halt(struct dpath_irqs *irqs);
bool dpath_guard_resume(struct dpath_irqs *irqs);
/* The last vector is freed: nothing is left to resume. Under irqs->lock. */
void dpath_guard_reset(struct dpath_irqs *irqs);
/* Config space was restored, and a halt undone. Under irqs->intx_lock. */
void dpath_guard_restored(struct dpath_irqs *irqs);
void dpath_guard_work(struct work_struct *work);
/* Bring back what is over: lines by irq_intx.c, vectors by irq_msi.c. Under irqs->lock. */
void dpath_intx_release(struct dpath_irqs *irqs, unsigned long *next);
void dpath_msi_release(struct dpath_irqs *irqs, unsigned long *next);

/* SET_IRQS of one kind; the range was checked. And its end. All under irqs->lock. */
int dpath_intx_set(struct dpath_irqs *irqs, u32 flags, u32 count, const void *data);
void dpath_intx_off(struct dpath_irqs *irqs);
int dpath_msi_set(struct dpath_irqs *irqs, u32 flags, u32 index, u32 start, u32 count, const void *data);
void dpath_msi_off(struct dpath_irqs *irqs);
/* Nobody hears of them any more; the function is not touched. */
void dpath_msi_silence(struct dpath_irqs *irqs);

#endif
