// SPDX-License-Identifier: GPL-2.0
/*
 * A consumer of irq bypass in place of KVM's, which exists only where the host can post interrupts: sees the producers come and go.
 *
 * irqbypass.ko calls add and del under its own mutex; @lock is for readers.
 */

#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/irqbypass.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include "bypass.h"

/**
 * struct listener - one open file
 * @consumer: registered while @ctx is set
 * @ctx: the eventfd; set once, under @listen_lock
 * @refuse: say no
 * @listen_lock: one writer at a time
 * @lock: protects @seen
 * @seen: what has happened
 */
struct listener {
	struct irq_bypass_consumer consumer;
	struct eventfd_ctx *ctx;
	bool refuse;
	struct mutex listen_lock; /* one writer at a time */
	spinlock_t lock; /* protects seen */
	struct bypass_seen seen;
};

static int add_producer(struct irq_bypass_consumer *consumer, struct irq_bypass_producer *producer)
{
	struct listener *listener = container_of(consumer, struct listener, consumer);

	if (listener->refuse)
		return -EOPNOTSUPP;
	spin_lock(&listener->lock);
	listener->seen.added++;
	listener->seen.irq = producer->irq;
	listener->seen.connected = 1;
	spin_unlock(&listener->lock);
	return 0;
}

static void del_producer(struct irq_bypass_consumer *consumer, struct irq_bypass_producer *producer)
{
	struct listener *listener = container_of(consumer, struct listener, consumer);

	spin_lock(&listener->lock);
	listener->seen.deleted++;
	listener->seen.connected = 0;
	spin_unlock(&listener->lock);
}

static int open_listener(struct inode *inode, struct file *file)
{
	struct listener *listener = kzalloc(sizeof(*listener), GFP_KERNEL);

	if (!listener)
		return -ENOMEM;
	mutex_init(&listener->listen_lock);
	spin_lock_init(&listener->lock);
	listener->consumer.add_producer = add_producer;
	listener->consumer.del_producer = del_producer;
	file->private_data = listener;
	return 0;
}

static int listen(struct listener *listener, const struct bypass_listen *what)
{
	struct eventfd_ctx *ctx;
	int ret;

	lockdep_assert_held(&listener->listen_lock);
	if (listener->ctx)
		return -EBUSY;
	ctx = eventfd_ctx_fdget(what->eventfd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	listener->refuse = what->refuse;
	ret = irq_bypass_register_consumer(&listener->consumer, ctx);
	if (ret)
		eventfd_ctx_put(ctx);
	else
		listener->ctx = ctx;
	return ret;
}

static ssize_t write_listener(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	struct listener *listener = file->private_data;
	struct bypass_listen what;
	int ret;

	if (size != sizeof(what))
		return -EINVAL;
	if (copy_from_user(&what, buf, sizeof(what)))
		return -EFAULT;
	mutex_lock(&listener->listen_lock);
	ret = listen(listener, &what);
	mutex_unlock(&listener->listen_lock);
	return ret ?: sizeof(what);
}

static ssize_t read_listener(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct listener *listener = file->private_data;
	struct bypass_seen seen;

	if (size != sizeof(seen))
		return -EINVAL;
	spin_lock(&listener->lock);
	seen = listener->seen;
	spin_unlock(&listener->lock);
	return copy_to_user(buf, &seen, sizeof(seen)) ? -EFAULT : sizeof(seen);
}

static int release_listener(struct inode *inode, struct file *file)
{
	struct listener *listener = file->private_data;

	if (listener->ctx) {
		irq_bypass_unregister_consumer(&listener->consumer);
		eventfd_ctx_put(listener->ctx);
	}
	kfree(listener);
	return 0;
}

static const struct file_operations listener_fops = {
	.owner = THIS_MODULE,
	.open = open_listener,
	.read = read_listener,
	.write = write_listener,
	.release = release_listener,
	.llseek = noop_llseek,
};

static struct miscdevice listener_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dpath-test-bypass",
	.fops = &listener_fops,
	.mode = 0600,
};
module_misc_device(listener_device);

MODULE_DESCRIPTION("directpath: a consumer of irq bypass for tests");
MODULE_LICENSE("GPL");
