// SPDX-License-Identifier: GPL-2.0
/*
 * Assignment: claimed sets are attached to VMs and detached from them.
 *
 * Runs in an operation's work. A detach revokes what runs, so it ends in bounded time whatever the VMM does; nothing is held meanwhile but, at the
 * end, the set's busy mark.
 */

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "assign.h"
#include "claim.h"
#include "device.h"
#include "host.h"
#include "op.h"
#include "set.h"
#include "vm.h"

/* All functions an operation names must be of one set; with a reference. */
static struct dpath_set *common_set(struct dpath_op *op)
{
	struct dpath_set *set = NULL, *next;
	unsigned int i;

	for (i = 0; i < op->nr_addresses; i++) {
		next = dpath_claim_set_of(op, op->addresses[i]);
		if (!next) {
			dpath_op_fail(op, -EINVAL, "%s is not claimed: dev claim it first", op->addresses[i]);
			next = ERR_PTR(-EINVAL);
		}
		if (!IS_ERR(next) && set && next != set) {
			dpath_op_fail(op, -EINVAL, "%s and %s are of different sets: attach them one after the other", op->addresses[0],
				      op->addresses[i]);
			dpath_set_put(next);
			next = ERR_PTR(-EINVAL);
		}
		if (set)
			dpath_set_put(set);
		set = next;
		if (IS_ERR(set))
			break;
	}
	return set;
}

int dpath_attach_op(struct dpath_op *op)
{
	char why[192] = "";
	struct dpath_set *set;
	struct dpath_vm *vm;
	int ret;

	vm = dpath_vm_lookup(op->vm_name);
	if (!vm)
		return dpath_op_fail(op, -ENOENT, "no VM %s: vm add makes one", op->vm_name);
	if (vm->adhoc) {
		dpath_vm_put(vm);
		return dpath_op_fail(op, -EINVAL, "VM %s is one process's own: vm add makes one to attach to", op->vm_name);
	}
	set = common_set(op);
	if (IS_ERR_OR_NULL(set)) {
		ret = set ? PTR_ERR(set) : -EINVAL;
		goto out;
	}
	ret = dpath_set_attach(set, vm, why, sizeof(why));
	if (ret)
		dpath_op_fail(op, ret, "%s", why);
	dpath_set_put(set);
out:
	dpath_vm_put(vm);
	return ret;
}

static bool begin_detach(struct dpath_set *set)
{
	bool begun;

	mutex_lock(&dpath_table_lock);
	begun = dpath_set_begin_locked(set, "detach");
	mutex_unlock(&dpath_table_lock);
	return begun;
}

static int check_detach(struct dpath_set *set, struct dpath_op *op)
{
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	if (!set->vm) {
		ret = 1;
	} else if (strcmp(set->vm->name, op->vm_name)) {
		scnprintf(op->message, sizeof(op->message), "%s is attached to VM %s, not to %s", op->addresses[0], set->vm->name, op->vm_name);
		ret = -EINVAL;
	}
	mutex_unlock(&dpath_table_lock);
	return ret;
}

int dpath_assign_end_run(struct dpath_set *set, struct dpath_op *op, const char *cause, int (*check)(struct dpath_set *set, struct dpath_op *op))
{
	int ret;

	dpath_op_deadline(op, READ_ONCE(dpath_host.reset_deadline_ms), "%s: its reset takes longer than the deadline; watch its state",
			  op->nr_addresses ? op->addresses[0] : op->address);
	/* The VM may start it again between the end of one run and our mark. */
	for (;;) {
		ret = check(set, op);
		if (ret)
			return ret;
		dpath_set_revoke(set, cause);
		wait_event_timeout(dpath_state_wait, !READ_ONCE(set->busy), HZ);
		if (begin_detach(set))
			return 0;
		if (dpath_op_expired(op))
			return -ETIMEDOUT;	/* the caller was told */
	}
}

int dpath_detach_op(struct dpath_op *op)
{
	struct dpath_set *set;
	int ret;

	set = common_set(op);
	if (IS_ERR_OR_NULL(set))
		return set ? PTR_ERR(set) : -EINVAL;
	ret = check_detach(set, op);
	if (ret)
		goto out;

	if (!op->now)
		dpath_set_ask(set);
	ret = dpath_assign_end_run(set, op, op->now ? "revoked" : "detached", check_detach);
	if (ret)
		goto out;
	ret = check_detach(set, op);	/* nobody changes it under our mark */
	if (!ret)
		dpath_set_detach_idle(set, NULL);
	dpath_set_end(set);
	dpath_set_queue_adopt(set);
out:
	dpath_set_put(set);
	return ret > 0 ? 0 : ret;
}
