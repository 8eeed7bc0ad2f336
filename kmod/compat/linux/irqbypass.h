/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/irqbypass.h>

#ifndef DPATH_COMPAT_IRQBYPASS_H
#define DPATH_COMPAT_IRQBYPASS_H

#ifndef DPATH_HAVE_BYPASS_EVENTFD
struct eventfd_ctx;

/* gone with 6.12: token and irq are set by the producer itself */
static inline int dpath_irq_bypass_register(struct irq_bypass_producer *producer, struct eventfd_ctx *eventfd, int irq)
{
	int ret;

	producer->token = eventfd;
	producer->irq = irq;
	ret = irq_bypass_register_producer(producer);
	if (ret)
		producer->token = NULL;
	return ret;
}

#define irq_bypass_register_producer(producer, eventfd, irq) dpath_irq_bypass_register(producer, eventfd, irq)

static inline int dpath_irq_bypass_register_consumer(struct irq_bypass_consumer *consumer, struct eventfd_ctx *eventfd)
{
	int ret;

	consumer->token = eventfd;
	ret = irq_bypass_register_consumer(consumer);
	if (ret)
		consumer->token = NULL;
	return ret;
}

#define irq_bypass_register_consumer(consumer, eventfd) dpath_irq_bypass_register_consumer(consumer, eventfd)
#endif

#endif
