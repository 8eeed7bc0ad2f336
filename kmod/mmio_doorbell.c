// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells: a fixed write to a BAR whenever an eventfd is signalled, which saves a VMM the way from KVM through its own code.
 *
 * The eventfd calls wake_doorbell() with its wait queue locked, perhaps in an interrupt. The write is done there if mmio->sem can be had at once,
 * else in a work; a signal that meets a CLOSED BAR is lost, as a write is. Signals that come while the work waits become one write, as they become
 * one readiness of the eventfd.
 *
 * Locks: doorbell_lock -> sem. An entry is freed after it was taken off the wait queue, whose lock excludes its callback, and after its work.
 */

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "mmio.h"

#define DOORBELLS_MAX 1000 /* for one lease, as VFIO has it for a device */

/**
 * struct doorbell - one write
 * @node: in dpath_mmio.doorbells
 * @mmio: whose BAR
 * @index: BAR
 * @offset: place in it
 * @width: bytes
 * @data: what is written
 * @ctx: the eventfd, referenced
 * @wait: in its wait queue
 * @pt: used while that is done
 * @ring: for when the semaphore is taken
 * @closed: nobody else has the eventfd any more; freed when the next one is set
 */
struct doorbell {
	struct list_head node;
	struct dpath_mmio *mmio;
	unsigned int index;
	u64 offset;
	unsigned int width;
	u64 data;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table pt;
	struct work_struct ring;
	bool closed;
};

/* sem is held for reading. */
static bool try_ring(struct doorbell *bell)
{
	return !bell->mmio->open || dpath_mmio_poke(bell->mmio, bell->index, bell->offset, bell->data, bell->width);
}

static void ring_work(struct work_struct *work)
{
	struct doorbell *bell = container_of(work, struct doorbell, ring);

	down_read(&bell->mmio->sem);
	if (!bell->mmio->dead && dpath_mmio_prepare(bell->mmio, bell->index))
		try_ring(bell);
	up_read(&bell->mmio->sem);
}

static void ring(struct doorbell *bell)
{
	bool rung = false;

	if (down_read_trylock(&bell->mmio->sem)) {
		rung = try_ring(bell);
		up_read(&bell->mmio->sem);
	}
	if (!rung)
		schedule_work(&bell->ring);
}

static int wake_doorbell(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct doorbell *bell = container_of(wait, struct doorbell, wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(bell->ctx, &count);
		ring(bell);
	}
	if (events & EPOLLHUP)
		WRITE_ONCE(bell->closed, true);
	return 0;
}

static void queue_doorbell(struct file *file, wait_queue_head_t *wqh, poll_table *pt)
{
	struct doorbell *bell = container_of(pt, struct doorbell, pt);

	add_wait_queue(wqh, &bell->wait);
}

static void free_doorbell_locked(struct doorbell *bell)
{
	u64 count;

	lockdep_assert_held(&bell->mmio->doorbell_lock);
	list_del(&bell->node);
	bell->mmio->nr_doorbells--;
	eventfd_ctx_remove_wait_queue(bell->ctx, &bell->wait, &count);
	flush_work(&bell->ring);
	eventfd_ctx_put(bell->ctx);
	kfree(bell);
}

static struct doorbell *find_locked(struct dpath_mmio *mmio, const struct doorbell *like)
{
	struct doorbell *bell, *tmp, *found = NULL;

	lockdep_assert_held(&mmio->doorbell_lock);
	list_for_each_entry_safe(bell, tmp, &mmio->doorbells, node) {
		if (READ_ONCE(bell->closed))
			free_doorbell_locked(bell);
		else if (bell->index == like->index && bell->offset == like->offset && bell->width == like->width && bell->data == like->data)
			found = bell;
	}
	return found;
}

static int add_locked(struct dpath_mmio *mmio, const struct doorbell *like, int fd)
{
	struct doorbell *bell;
	struct file *file;
	int ret;

	lockdep_assert_held(&mmio->doorbell_lock);
	if (mmio->nr_doorbells >= DOORBELLS_MAX)
		return -ENOSPC;
	file = eventfd_fget(fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	bell = kmemdup(like, sizeof(*like), GFP_KERNEL_ACCOUNT);
	if (!bell) {
		ret = -ENOMEM;
		goto put_file;
	}
	bell->ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(bell->ctx)) {
		ret = PTR_ERR(bell->ctx);
		kfree(bell);
		goto put_file;
	}
	INIT_WORK(&bell->ring, ring_work);
	init_waitqueue_func_entry(&bell->wait, wake_doorbell);
	init_poll_funcptr(&bell->pt, queue_doorbell);
	list_add_tail(&bell->node, &mmio->doorbells);
	mmio->nr_doorbells++;
	/* What was signalled before we listened counts too; the file is held until here so that its closing is seen. */
	if (vfs_poll(file, &bell->pt) & EPOLLIN)
		schedule_work(&bell->ring);
	ret = 0;
put_file:
	fput(file);
	return ret;
}

static bool is_place(const struct dpath_mmio *mmio, unsigned int index, u64 offset, unsigned int width)
{
	const struct dpath_bar *bar;

	if (index >= PCI_STD_NUM_BARS)
		return false;
	bar = &mmio->bars[index];
	return bar->size && !bar->io && !(offset & (width - 1)) && offset < bar->size && width <= bar->size - offset &&
	       !dpath_mmio_in_msix_table(mmio, index, offset, width);
}

int dpath_mmio_set_doorbell(struct dpath_mmio *mmio, unsigned int index, u64 offset, unsigned int width, u64 data, int fd)
{
	struct doorbell like = { .mmio = mmio, .index = index, .offset = offset, .width = width, .data = data };
	struct doorbell *bell;
	int ret = 0;

	if (!is_place(mmio, index, offset, width) || fd < -1)
		return -EINVAL;
	mutex_lock(&mmio->doorbell_lock);
	bell = find_locked(mmio, &like);
	if (READ_ONCE(mmio->dead) || (fd == -1 && !bell))
		ret = -ENODEV;
	else if (fd == -1)
		free_doorbell_locked(bell);
	else if (bell)
		ret = -EEXIST;
	else
		ret = add_locked(mmio, &like, fd);
	mutex_unlock(&mmio->doorbell_lock);
	return ret;
}

/* dead is set: whoever comes after us adds none. */
void dpath_mmio_drop_doorbells(struct dpath_mmio *mmio)
{
	struct doorbell *bell, *tmp;

	mutex_lock(&mmio->doorbell_lock);
	list_for_each_entry_safe(bell, tmp, &mmio->doorbells, node)
		free_doorbell_locked(bell);
	mutex_unlock(&mmio->doorbell_lock);
}
