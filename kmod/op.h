/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_OP_H
#define DPATH_OP_H

/*
 * An operation that takes time: queued by a door, run in a work, ended by exactly one event. A watchdog ends it for the caller when a deadline
 * passes (a hung host driver, a reset that takes a minute); the work goes on and leads the devices to a defined state by itself.
 */

#include <linux/bits.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/workqueue.h>
#include <uapi/linux/directpath_nl.h>

#include "inject.h"

struct dpath_device;
struct dpath_op;
struct dpath_verdict;
struct dpath_vm;

#define DPATH_OP_MESSAGE_MAX 256
#define DPATH_OP_DEVICES_MAX 64
#define DPATH_OP_FORCE_WORDS 2

/**
 * struct dpath_actor - who has asked for something
 * @uid: user, as the initial namespace numbers it
 * @pid: process
 * @comm: its name
 */
struct dpath_actor {
	u32 uid;
	u32 pid;
	char comm[16];
};

/**
 * struct dpath_op - one operation
 * @ref: list, work and watchdog
 * @node: among the last operations, under dpath_table_lock
 * @work: runs @run
 * @inject: of @work
 * @watchdog: tells the caller -ETIMEDOUT
 * @id: what the caller got
 * @kind: what it does
 * @run: the work's body; returns 0 or -errno and may have called dpath_op_fail() for the text
 * @address: function asked for, or empty
 * @vm_name: VM asked for, or empty
 * @nr_addresses: entries in @addresses
 * @addresses: functions (vm-attach, vm-detach)
 * @force: bitmap of reasons that may be overridden
 * @unbind: take functions from their host drivers
 * @whole_set: the caller knows that the whole set is meant
 * @driverless: release to no driver
 * @now: do not ask the VMM first
 * @step: what dev-clean does
 * @who: who has asked for it (dev-accept, dev-clean)
 * @note: text that came with the request
 * @start: when it was queued
 * @done: it has ended; protected by dpath_table_lock, as the following
 * @error: 0 or -errno
 * @seq: number of its event
 * @elapsed_ms: from @start to the end
 * @message: why it failed
 * @overdue: the message if the watchdog ends it
 * @verdict: reasons of a refused claim, or NULL
 */
struct dpath_op {
	struct kref ref;
	struct list_head node;
	struct work_struct work;
	struct dpath_inject inject;
	struct delayed_work watchdog;
	u32 id;
	enum directpath_op_kind kind;
	int (*run)(struct dpath_op *op);
	char address[DIRECTPATH_ADDRESS_MAX + 1];
	char vm_name[DIRECTPATH_NAME_MAX + 1];
	unsigned int nr_addresses;
	char (*addresses)[DIRECTPATH_ADDRESS_MAX + 1];
	u64 force;
	bool unbind;
	bool whole_set;
	bool driverless;
	bool now;
	enum directpath_clean_step step;
	struct dpath_actor who;
	char note[80];
	ktime_t start;
	bool done;
	int error;
	u64 seq;
	u64 elapsed_ms;
	char message[DPATH_OP_MESSAGE_MAX];
	char overdue[DPATH_OP_MESSAGE_MAX];
	struct dpath_verdict *verdict;
};

/* The calling process. */
void dpath_actor_init(struct dpath_actor *who);

struct dpath_op *dpath_op_alloc(enum directpath_op_kind kind, int (*run)(struct dpath_op *op));
void dpath_op_put(struct dpath_op *op);
/* Queue it; takes over the caller's references on @op and on the module; returns the id. The caller must not touch @op afterwards. */
u32 dpath_op_queue(struct dpath_op *op);
/* Set the text of the failure and return @ret, for `return dpath_op_fail(op, -EBUSY, "...")`. */
__printf(3, 4) int dpath_op_fail(struct dpath_op *op, int ret, const char *fmt, ...);
/* Start the clock: after @ms the caller is told -ETIMEDOUT with the text, while the work goes on. */
__printf(3, 4) void dpath_op_deadline(struct dpath_op *op, unsigned int ms, const char *fmt, ...);
/* Did the watchdog end it? */
bool dpath_op_expired(struct dpath_op *op);
/* Caller holds dpath_table_lock. NULL if it is not among the last 256. */
struct dpath_op *dpath_op_lookup_locked(u32 id);
void dpath_op_exit(void);

static inline bool dpath_op_forces(const struct dpath_op *op, enum directpath_reason reason)
{
	return op->force & (BIT_ULL(reason));
}

#endif
