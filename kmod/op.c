// SPDX-License-Identifier: GPL-2.0
/*
 * Asynchronous operations.
 *
 * A door fills in an operation and queues it; it runs once in dpath_wq and ends with one event that carries the error and the text. Ended
 * operations stay in a list of the last OPS_KEPT, so that a listener that lost the event can ask. References: one for the list, one for the work,
 * one for an armed watchdog. An operation in flight holds the module, because a hung host driver can hold its work for ever: rmmod then says
 * that the module is in use instead of hanging.
 */

#include <linux/cred.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "host.h"
#include "ntf.h"
#include "op.h"
#include "verdict.h"

#define OPS_KEPT 256

static LIST_HEAD(ops);		/* newest last; under dpath_table_lock, as the two below */
static unsigned int nr_ops;
static u32 last_id;

static void free_op(struct kref *ref)
{
	struct dpath_op *op = container_of(ref, struct dpath_op, ref);

	kfree(op->verdict);
	kfree(op->addresses);
	kfree(op);
}

void dpath_op_put(struct dpath_op *op)
{
	kref_put(&op->ref, free_op);
}

/* The first end counts: the work's or the watchdog's. */
static void finish_op(struct dpath_op *op, int error)
{
	mutex_lock(&dpath_table_lock);
	if (!op->done) {
		op->done = true;
		op->error = error;
		if (!error)
			op->message[0] = '\0';
		else if (error == -ETIMEDOUT && !op->message[0])
			strscpy(op->message, op->overdue, sizeof(op->message));
		op->elapsed_ms = ktime_ms_delta(ktime_get(), op->start);
		op->seq = dpath_next_seq_locked();
		dpath_op_ntf(op);
	}
	mutex_unlock(&dpath_table_lock);
}

static void run_watchdog(struct work_struct *work)
{
	struct dpath_op *op = container_of(to_delayed_work(work), struct dpath_op, watchdog);

	finish_op(op, -ETIMEDOUT);
	dpath_op_put(op);
}

static void run_op(struct work_struct *work)
{
	struct dpath_op *op = container_of(work, struct dpath_op, work);
	int ret;

	dpath_inject_borrow(&op->inject);
	ret = op->run(op);
	dpath_inject_return(&op->inject);
	if (cancel_delayed_work(&op->watchdog))
		dpath_op_put(op);
	finish_op(op, ret);
	dpath_op_put(op);
	module_put(THIS_MODULE);
}

void dpath_actor_init(struct dpath_actor *who)
{
	who->uid = from_kuid_munged(&init_user_ns, current_uid());
	who->pid = task_tgid_nr(current);
	get_task_comm(who->comm, current);
}

struct dpath_op *dpath_op_alloc(enum directpath_op_kind kind, int (*run)(struct dpath_op *op))
{
	struct dpath_op *op;

	op = kzalloc(sizeof(*op), GFP_KERNEL);
	if (!op)
		return NULL;
	kref_init(&op->ref);
	INIT_LIST_HEAD(&op->node);
	INIT_WORK(&op->work, run_op);
	INIT_DELAYED_WORK(&op->watchdog, run_watchdog);
	op->kind = kind;
	op->run = run;
	return op;
}

static void drop_oldest_locked(void)
{
	struct dpath_op *op;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(op, &ops, node) {
		if (!op->done)
			continue;
		list_del(&op->node);
		nr_ops--;
		dpath_op_put(op);
		return;
	}
}

u32 dpath_op_queue(struct dpath_op *op)
{
	u32 id;

	mutex_lock(&dpath_table_lock);
	if (nr_ops >= OPS_KEPT)
		drop_oldest_locked();
	op->id = ++last_id ?: ++last_id;
	id = op->id;
	op->start = ktime_get();
	kref_get(&op->ref);
	list_add_tail(&op->node, &ops);
	nr_ops++;
	mutex_unlock(&dpath_table_lock);
	dpath_inject_lend(&op->inject);
	queue_work(dpath_wq, &op->work);
	return id;
}

int dpath_op_fail(struct dpath_op *op, int ret, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	mutex_lock(&dpath_table_lock);
	if (!op->done)
		vscnprintf(op->message, sizeof(op->message), fmt, args);
	mutex_unlock(&dpath_table_lock);
	va_end(args);
	return ret;
}

/* The text is what the caller gets if the time runs out. Setting a new deadline replaces the old one. */
void dpath_op_deadline(struct dpath_op *op, unsigned int ms, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	mutex_lock(&dpath_table_lock);
	vscnprintf(op->overdue, sizeof(op->overdue), fmt, args);
	mutex_unlock(&dpath_table_lock);
	va_end(args);

	kref_get(&op->ref);
	/* One more: the tick that is under way counts, and who is told of the deadline is to see it in the state, too. */
	if (mod_delayed_work(dpath_wq, &op->watchdog, msecs_to_jiffies(ms) + 1))
		dpath_op_put(op);	/* it was armed, its reference carries on */
}

bool dpath_op_expired(struct dpath_op *op)
{
	bool done;

	mutex_lock(&dpath_table_lock);
	done = op->done;
	mutex_unlock(&dpath_table_lock);
	return done;
}

struct dpath_op *dpath_op_lookup_locked(u32 id)
{
	struct dpath_op *op;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(op, &ops, node)
		if (op->id == id)
			return op;
	return NULL;
}

/* Nothing is in flight: each of those holds the module. */
void dpath_op_exit(void)
{
	struct dpath_op *op, *next;

	list_for_each_entry_safe(op, next, &ops, node) {
		cancel_delayed_work_sync(&op->watchdog);
		list_del(&op->node);
		dpath_op_put(op);
	}
	nr_ops = 0;
}
