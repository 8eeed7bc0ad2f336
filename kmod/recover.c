// SPDX-License-Identifier: GPL-2.0
/*
 * Reset and recover: a claimed set is reset and compared again because somebody asks for it. A recovery is a reset that also takes sets which are
 * quarantined or failed; members that were only waiting beside a broken one keep their state until all of the set is clean.
 *
 * Runs in an operation's work and may take long. Nothing is held meanwhile but the set's busy mark.
 */

#include <linux/kernel.h>

#include "clean.h"
#include "claim.h"
#include "device.h"
#include "host.h"
#include "op.h"
#include "recover.h"
#include "set.h"
#include "state.h"

static bool needs_recovery_locked(const struct dpath_set *set)
{
	const struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_QUARANTINED || dev->state == DIRECTPATH_STATE_FAILED)
			return true;
	return false;
}

static int begin_reset(struct dpath_set *set, struct dpath_op *op, bool recover)
{
	struct dpath_device *dev;
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node) {
		if (dev->state == DIRECTPATH_STATE_READY || dev->state == DIRECTPATH_STATE_RESERVED ||
		    dev->state == DIRECTPATH_STATE_QUARANTINED || dev->state == DIRECTPATH_STATE_FAILED || dev->state == DIRECTPATH_STATE_DIRTY)
			continue;
		scnprintf(op->message, sizeof(op->message), "%s is %s: %s", dev->address, dpath_state_name(dev->state),
			  dev->state == DIRECTPATH_STATE_RUNNING ? "stop the VM or detach it first" : "wait until that has ended");
		ret = -EBUSY;
		goto out;
	}
	if (!dpath_set_begin_locked(set, recover ? "recover" : "reset")) {
		scnprintf(op->message, sizeof(op->message), "set %d is busy: %s", set->id, set->busy ?: "it runs");
		ret = -EBUSY;
		goto out;
	}
	if (recover)
		set->kept = false;
	/* The whole set: what is wrong with one member may take a reset of all. */
	if (!recover || needs_recovery_locked(set))
		list_for_each_entry(dev, &set->devices, set_node)
			dpath_device_set_state_locked(dev, DIRECTPATH_STATE_RESETTING, recover ? "dev-recover" : "dev-reset");
out:
	mutex_unlock(&dpath_table_lock);
	return ret;
}

int dpath_recover_begun(struct dpath_set *set, struct dpath_op *op, const char *cause)
{
	char why[192] = "";
	int ret;

	dpath_op_deadline(op, READ_ONCE(dpath_host.reset_deadline_ms), "%s: its reset takes longer than the deadline; watch its state", op->address);
	/* A cleaning may not have got all of it back. */
	ret = dpath_clean_take_back(set, op, why, sizeof(why));
	if (ret)
		dpath_set_end(set);
	else
		ret = dpath_set_clean(set, cause, why, sizeof(why));
	if (ret == -ENODEV)
		ret = -EIO;
	if (ret)
		dpath_op_fail(op, ret, "%s", why);
	dpath_set_queue_adopt(set);
	return ret;
}

static int reset_set(struct dpath_op *op, bool recover)
{
	struct dpath_set *set;
	int ret;

	set = dpath_claim_set_of(op, op->address);
	if (IS_ERR(set))
		return PTR_ERR(set);
	if (!set)
		return dpath_op_fail(op, -EINVAL, "%s is not claimed: dev claim it first", op->address);
	ret = begin_reset(set, op, recover);
	if (!ret)
		ret = dpath_recover_begun(set, op, recover ? "recovered" : "reset");
	dpath_set_put(set);
	return ret;
}

int dpath_reset_op(struct dpath_op *op)
{
	return reset_set(op, false);
}

int dpath_recover_op(struct dpath_op *op)
{
	return reset_set(op, true);
}
