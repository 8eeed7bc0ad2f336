// SPDX-License-Identifier: GPL-2.0
/*
 * Cleaning: what a reset does not erase (the blocks of a disk) is erased by a program, the hook, that works through the function's host driver.
 *
 * The kernel knows the name of the hook, that it has to run, and three steps: `begin' gives the function to its host driver, `done' and `fail' take
 * it back. Who runs the program is not its business. Between begin and the other two the set keeps its busy mark and the function its state `dirty',
 * so nobody can attach, claim or reset it; DMA of the set is the host's for that time and no longer. Companions stay bound to us with bus mastering
 * off. Only `done', with a reset and a comparison after it, leads out of dirty. Should whoever has begun it die, `fail' by anybody ends it; so do a
 * forced release, the unplug of the function, and the end of the module.
 *
 * Every function here runs in an operation's work. A host driver that hangs is waited for without any lock; the watchdog tells the caller.
 */

#include <linux/ktime.h>
#include <linux/pci.h>

#include "claim.h"
#include "clean.h"
#include "device.h"
#include "host.h"
#include "ntf.h"
#include "op.h"
#include "release.h"
#include "set.h"
#include "state.h"

/* --- back --- */

static void set_returning(struct dpath_device *dev, bool on)
{
	mutex_lock(&dpath_table_lock);
	dev->returning = on;
	mutex_unlock(&dpath_table_lock);
}

/* From whichever driver has it to ours. */
static int bind_again(struct dpath_device *dev, struct dpath_op *op)
{
	char ours[32], driver[32];
	int ret;

	if (dev->bound)
		return 0;
	dpath_driver_name(ours, sizeof(ours));
	ret = dpath_driver_set_override(dev->pdev, ours);
	if (ret)
		return ret;
	dpath_device_driver_name(dev->pdev, driver, sizeof(driver));
	if (driver[0]) {
		dpath_device_detail(dev, "%s remove", driver);
		dpath_op_deadline(op, READ_ONCE(dpath_host.unbind_deadline_ms), "%s: %s has not let go of it in time; it comes back when it does",
				  dev->address, driver);
		dpath_driver_unbind(dev->pdev);
	}
	set_returning(dev, true);
	ret = dpath_driver_bind(dev->pdev, ours);
	set_returning(dev, false);
	return ret ?: dev->bound ? 0 : -ENODEV;
}

static void quarantine(struct dpath_device *dev, const char *why)
{
	mutex_lock(&dpath_table_lock);
	strscpy(dev->detail, why, sizeof(dev->detail));
	dpath_device_set_state_locked(dev, DIRECTPATH_STATE_QUARANTINED, why);
	mutex_unlock(&dpath_table_lock);
}

int dpath_clean_take_back(struct dpath_set *set, struct dpath_op *op, char *why, size_t size)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr, i;
	int ret = 0, one;

	if (!READ_ONCE(set->loaned))
		return 0;
	nr = dpath_set_devices(set, devs);
	for (i = 0; i < nr; i++) {
		if (devs[i]->unplugged)
			continue;
		one = bind_again(devs[i], op);
		if (!one)
			continue;
		ret = one;
		scnprintf(why, size, "%s could not be bound again after its cleaning (%d): dev recover", devs[i]->address, one);
		quarantine(devs[i], why);
	}
	if (!ret) {
		ret = dpath_set_own(set);
		if (ret)
			scnprintf(why, size, "DMA of set %d did not come back from the host after a cleaning (%d): dev recover", set->id, ret);
		for (i = 0; i < nr && ret; i++)
			quarantine(devs[i], why);
	}
	dpath_set_put_devices(devs, nr);
	return ret;
}

static void enter_resetting(struct dpath_set *set, const char *cause)
{
	struct dpath_device *dev;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		if (!dev->unplugged)
			dpath_device_set_state_locked(dev, DIRECTPATH_STATE_RESETTING, cause);
	mutex_unlock(&dpath_table_lock);
}

/* --- begin --- */

static int check_begin_locked(struct dpath_set *set, struct dpath_device *dev, struct dpath_op *op)
{
	struct dpath_device *member;

	lockdep_assert_held(&dpath_table_lock);
	if (set->handed) {
		scnprintf(op->message, sizeof(op->message),
			  "%s is being cleaned by process %u (%s), since %lld s; if that is dead, dev clean %s abort", set->handed->address,
			  set->handed_to.pid, set->handed_to.comm, ktime_ms_delta(ktime_get(), set->handed_since) / MSEC_PER_SEC,
			  set->handed->address);
		return -EBUSY;
	}
	if (dev->state != DIRECTPATH_STATE_DIRTY) {
		scnprintf(op->message, sizeof(op->message), "%s is %s, there is nothing to clean", dev->address, dpath_state_name(dev->state));
		return -EINVAL;
	}
	/* DMA is given to the host for the whole set. */
	list_for_each_entry(member, &set->devices, set_node) {
		if (member->state == DIRECTPATH_STATE_DIRTY || member->state == DIRECTPATH_STATE_READY)
			continue;
		scnprintf(op->message, sizeof(op->message), "%s of its set is %s: dev recover it first", member->address,
			  dpath_state_name(member->state));
		return -EBUSY;
	}
	if (!dpath_set_begin_locked(set, "clean")) {
		scnprintf(op->message, sizeof(op->message), "set %d is busy: %s", set->id, set->busy ?: "it runs");
		return -EBUSY;
	}
	return 0;
}

/* Bus mastering of all is off and ours stays bound to the others: none of them can do DMA while it is not blocked. */
static int hand_over(struct dpath_set *set, struct dpath_device *dev, struct dpath_op *op)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr, i;
	int ret;

	nr = dpath_set_devices(set, devs);
	for (i = 0; i < nr; i++)
		dpath_reset_quiesce(devs[i]->pdev);
	dpath_set_put_devices(devs, nr);
	dpath_release_unbind(dev);
	dpath_set_loan(set);
	/* Without a host driver it is the hook that chooses one. */
	ret = dpath_driver_set_override(dev->pdev, dev->host_driver);
	if (ret || !dev->host_driver[0])
		return ret;
	dpath_op_deadline(op, READ_ONCE(dpath_host.unbind_deadline_ms), "%s: its host driver %s takes long to start", dev->address,
			  dev->host_driver);
	ret = dpath_driver_bind(dev->pdev, dev->host_driver);
	if (ret)
		return dpath_op_fail(op, ret, "%s: its host driver %s did not take it (%d), so it cannot be cleaned; is it loaded?", dev->address,
				     dev->host_driver, ret);
	/* The caller was told that it failed: there is nobody who would clean it. */
	return dpath_op_expired(op) ? -ETIMEDOUT : 0;
}

static int note_handed(struct dpath_set *set, struct dpath_device *dev, struct dpath_op *op)
{
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	if (dev->unplugged) {
		ret = -ENODEV;
		goto out;
	}
	set->handed = dev;
	set->handed_to = op->who;
	set->handed_since = ktime_get();
	scnprintf(dev->detail, sizeof(dev->detail), "being cleaned by process %u (%s) with hook %s", op->who.pid, op->who.comm, dev->clean_hook);
	dpath_dev_ntf(dev, dev->state, dev->detail);
out:
	mutex_unlock(&dpath_table_lock);
	return ret;
}

/* The end of every cleaning that did not succeed: it is dirty as before, or worse. */
static int come_back(struct dpath_set *set, struct dpath_op *op, const char *cause)
{
	char why[192] = "";
	int ret;

	ret = dpath_clean_take_back(set, op, why, sizeof(why));
	if (ret) {
		dpath_set_end(set);
	} else {
		enter_resetting(set, cause);
		ret = dpath_set_clean(set, cause, why, sizeof(why));
	}
	if (ret)
		dpath_op_fail(op, ret, "%s", why);
	dpath_set_queue_adopt(set);
	return ret;
}

static int begin_clean(struct dpath_set *set, struct dpath_device *dev, struct dpath_op *op)
{
	int ret;

	mutex_lock(&dpath_table_lock);
	ret = check_begin_locked(set, dev, op);
	mutex_unlock(&dpath_table_lock);
	if (ret)
		return ret;
	ret = hand_over(set, dev, op) ?: note_handed(set, dev, op);
	if (ret)
		come_back(set, op, "its cleaning could not begin");
	return ret;
}

/* --- done, fail --- */

static int end_clean(struct dpath_set *set, struct dpath_device *dev, struct dpath_op *op)
{
	bool done = op->step == DIRECTPATH_CLEAN_STEP_DONE;
	bool mine;

	mutex_lock(&dpath_table_lock);
	mine = set->handed == dev && dpath_set_steal_locked(set);
	if (mine) {
		dev->tainted &= !done;
		strscpy(dev->clean_failure, done ? "" : op->note, sizeof(dev->clean_failure));
	} else {
		scnprintf(op->message, sizeof(op->message), "%s is %s, and nobody cleans it", dev->address, dpath_state_name(dev->state));
	}
	mutex_unlock(&dpath_table_lock);
	if (!mine)
		return -EINVAL;
	dpath_op_deadline(op, READ_ONCE(dpath_host.reset_deadline_ms), "%s: its reset takes longer than the deadline; watch its state", op->address);
	return come_back(set, op, done ? "cleaned" : "its cleaning has failed");
}

int dpath_clean_op(struct dpath_op *op)
{
	struct dpath_device *dev;
	struct dpath_set *set;
	int ret;

	set = dpath_claim_set_of(op, op->address);
	if (IS_ERR(set))
		return PTR_ERR(set);
	dev = dpath_device_lookup(op->address);
	if (!set || !dev)
		ret = dpath_op_fail(op, -EINVAL, "%s is not claimed, there is nothing to clean", op->address);
	else if (op->step == DIRECTPATH_CLEAN_STEP_BEGIN)
		ret = begin_clean(set, dev, op);
	else
		ret = end_clean(set, dev, op);
	if (dev)
		dpath_device_put(dev);
	if (set)
		dpath_set_put(set);
	return ret;
}
