/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_IRQ_PRIV_H
#define DPATH_IRQ_PRIV_H

/*
 * Between the files that make up the interrupts of a lease: irq.c, irq_trigger.c, irq_intx.c, irq_msi.c.
 */

#include <linux/irqbypass.h>
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
 * struct dpath_vector - a vector of MSI or MSI-X with a host interrupt; under irqs->lock
 * @irqs: whose
 * @sink: where it goes
 * @count: interrupts; written by the handler only
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
 * @count: interrupts; this and the next two under irqs->intx_lock
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

/* Linux interrupt @irq to irqs->cpus; and before it is freed. Under irqs->lock. */
void dpath_irq_steer(struct dpath_irqs *irqs, unsigned int irq);
void dpath_irq_unsteer(struct dpath_irqs *irqs, unsigned int irq);

/* SET_IRQS of one kind; the range was checked. And its end. All under irqs->lock. */
int dpath_intx_set(struct dpath_irqs *irqs, u32 flags, u32 count, const void *data);
void dpath_intx_off(struct dpath_irqs *irqs);
int dpath_msi_set(struct dpath_irqs *irqs, u32 flags, u32 index, u32 start, u32 count, const void *data);
void dpath_msi_off(struct dpath_irqs *irqs);

#endif
