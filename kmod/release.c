// SPDX-License-Identifier: GPL-2.0
/*
 * Release: sets go back to the host, whole ones.
 *
 * A set that a VM has is refused, unless the caller forces just that: then the run is taken away as by a forced detach, and everything that would
 * refuse the release afterwards is asked before, so that it does not end half way. One thing can come between: the reset after the run may quarantine
 * a member, which stays claimed then, with DMA blocked.
 *
 * Every function here runs in an operation's work, or at the module's exit.
 */

#include <linux/kernel.h>
#include <linux/string.h>

#include "assign.h"
#include "claim.h"
#include "device.h"
#include "driver.h"
#include "host.h"
#include "op.h"
#include "release.h"
#include "set.h"
#include "state.h"
#include "vm.h"

/* Back to the host driver; says in the detail what went wrong, for there is nobody to refuse to. */
void dpath_release_to_host(struct dpath_device *dev, bool driverless)
{
	char driver[sizeof(dev->host_driver)];
	int ret;

	mutex_lock(&dpath_table_lock);
	strscpy(driver, dev->host_driver, sizeof(driver));
	mutex_unlock(&dpath_table_lock);

	dpath_driver_restore_override(dev);
	if (!driver[0] || driverless || dev->unplugged)
		return;
	ret = dpath_driver_bind(dev->pdev, driver);
	if (ret == -ENOENT)
		dpath_device_detail(dev, "host driver %s is not loaded any more", driver);
	else if (ret && ret != -EBUSY)
		dpath_device_detail(dev, "host driver %s did not take it back (%d)", driver, ret);
}

static void set_releasing(struct dpath_device *dev, bool on)
{
	mutex_lock(&dpath_table_lock);
	dev->releasing = on;
	mutex_unlock(&dpath_table_lock);
}

void dpath_release_unbind(struct dpath_device *dev)
{
	set_releasing(dev, true);
	if (dpath_driver_is_ours(dev->pdev))
		dpath_driver_unbind(dev->pdev);
	set_releasing(dev, false);
}

static int refuse_dirty_locked(const struct dpath_device *dev, struct dpath_op *op)
{
	lockdep_assert_held(&dpath_table_lock);
	if (dev->state == DIRECTPATH_STATE_DIRTY)
		scnprintf(op->message, sizeof(op->message),
			  "%s is dirty (%s): dev clean it, or give it to the host as it is with force dirty", dev->address, dev->detail);
	else
		scnprintf(op->message, sizeof(op->message),
			  "%s would be dirty (cleaning hook %s): vm detach and dev clean it, or give it to the host as it is with force dirty",
			  dev->address, dev->clean_hook);
	return -EPERM;
}

/* A member of a set that no VM has; @soon: it has one still. */
static int check_member_locked(const struct dpath_device *dev, bool soon, struct dpath_op *op)
{
	lockdep_assert_held(&dpath_table_lock);
	if (dev->state == DIRECTPATH_STATE_DIRTY || (soon && dpath_device_dirty_locked(dev)))
		return dpath_op_forces(op, DIRECTPATH_REASON_DIRTY) ? 0 : refuse_dirty_locked(dev, op);
	if (dev->state == DIRECTPATH_STATE_READY || dev->state == DIRECTPATH_STATE_CLAIMING)
		return 0;
	if (soon && (dev->state == DIRECTPATH_STATE_RESERVED || dev->state == DIRECTPATH_STATE_RUNNING || dpath_state_busy(dev->state)))
		return 0;
	if (dpath_state_busy(dev->state)) {
		scnprintf(op->message, sizeof(op->message), "%s is %s: wait until that has ended", dev->address, dpath_state_name(dev->state));
		return -EBUSY;
	}
	if (dpath_op_forces(op, DIRECTPATH_REASON_IDENTITY_MISMATCH))
		return 0;
	scnprintf(op->message, sizeof(op->message), "%s is %s (%s): dev recover it, or give it to the host as it is with force identity-mismatch",
		  dev->address, dpath_state_name(dev->state), dev->detail);
	return -EPERM;
}

static int check_release_locked(struct dpath_set *set, struct dpath_op *op)
{
	struct dpath_device *dev;
	int ret = 0;

	lockdep_assert_held(&dpath_table_lock);
	if (set->vm && !dpath_op_forces(op, DIRECTPATH_REASON_ATTACHED)) {
		scnprintf(op->message, sizeof(op->message),
			  "%s: set %d is attached to VM %s: vm detach %s %s first, or take it from the VM with force attached", op->address, set->id,
			  set->vm->name, set->vm->name, op->address);
		return -EBUSY;
	}
	if (set->nr > 1 && !op->whole_set) {
		scnprintf(op->message, sizeof(op->message), "%s: set %d has %u members and is released as a whole: say set", op->address, set->id,
			  set->nr);
		return -EBUSY;
	}
	list_for_each_entry(dev, &set->devices, set_node) {
		ret = check_member_locked(dev, set->vm, op);
		if (ret)
			break;
	}
	return ret;
}

/* Unbind, give DMA back, bind the host drivers. The set is begun and has no run. */
static void release_members(struct dpath_set *set, bool driverless, struct dpath_op *op)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr, i;

	nr = dpath_set_devices(set, devs);
	for (i = 0; i < nr; i++) {
		/* One that is being cleaned is at work for its host driver. */
		if (!devs[i]->unplugged && dpath_driver_is_ours(devs[i]->pdev))
			dpath_reset_quiesce(devs[i]->pdev);
		dpath_release_unbind(devs[i]);
	}
	for (i = 0; i < nr; i++) {
		dpath_set_unlink(set, devs[i]);
		mutex_lock(&dpath_table_lock);
		devs[i]->detail[0] = '\0';
		dpath_device_set_state_locked(devs[i], devs[i]->unplugged ? DIRECTPATH_STATE_GONE : DIRECTPATH_STATE_HOST, "released");
		mutex_unlock(&dpath_table_lock);
	}
	for (i = 0; i < nr; i++) {
		if (op)
			dpath_op_deadline(op, READ_ONCE(dpath_host.unbind_deadline_ms), "%s: its host driver %s takes long to start",
					  devs[i]->address, devs[i]->host_driver);
		dpath_release_to_host(devs[i], driverless);
	}
	dpath_set_put_devices(devs, nr);
}

/* For dpath_assign_end_run(): 1 if no VM has it any more. */
static int check_forced(struct dpath_set *set, struct dpath_op *op)
{
	int ret;

	mutex_lock(&dpath_table_lock);
	ret = check_release_locked(set, op);
	if (!ret && !set->vm)
		ret = 1;
	mutex_unlock(&dpath_table_lock);
	return ret;
}

/* By force, from the VM that has it; 0: the set is begun, 1: no VM has it any more. */
static int take_from_vm(struct dpath_set *set, struct dpath_op *op)
{
	int ret;

	ret = dpath_assign_end_run(set, op, "revoked: released by force", check_forced);
	if (ret)
		return ret;
	dpath_set_detach_idle(set, NULL);
	mutex_lock(&dpath_table_lock);
	ret = check_release_locked(set, op);
	if (!ret)
		WRITE_ONCE(set->busy, "release");
	mutex_unlock(&dpath_table_lock);
	if (ret)
		dpath_set_end(set);
	return ret;
}

static bool is_attached(struct dpath_set *set)
{
	bool attached;

	mutex_lock(&dpath_table_lock);
	attached = set->vm;
	mutex_unlock(&dpath_table_lock);
	return attached;
}

/* 0: the set is begun, 1: a VM has got it meanwhile, and is to lose it. */
static int begin_release(struct dpath_set *set, struct dpath_op *op)
{
	int ret;

	mutex_lock(&dpath_table_lock);
	ret = check_release_locked(set, op);
	if (!ret && set->vm) {
		ret = 1;
	} else if (!ret && !dpath_set_steal_locked(set) && !dpath_set_begin_locked(set, "release")) {
		scnprintf(op->message, sizeof(op->message), "set %d is busy: %s", set->id, set->busy ?: "it runs");
		ret = -EBUSY;
	}
	mutex_unlock(&dpath_table_lock);
	return ret;
}

int dpath_release_op(struct dpath_op *op)
{
	bool forced = dpath_op_forces(op, DIRECTPATH_REASON_ATTACHED);
	struct dpath_set *set;
	int ret;

	set = dpath_claim_set_of(op, op->address);
	if (IS_ERR_OR_NULL(set))
		return PTR_ERR_OR_ZERO(set);	/* not claimed: done already */
	do {
		ret = forced && is_attached(set) ? take_from_vm(set, op) : begin_release(set, op);
	} while (ret > 0);
	if (!ret) {
		release_members(set, op->driverless, op);
		dpath_set_end(set);
	}
	dpath_set_put(set);
	return ret;
}

static struct dpath_set *any_set(void)
{
	struct dpath_set *set;

	mutex_lock(&dpath_table_lock);
	set = list_first_entry_or_null(&dpath_sets, struct dpath_set, node);
	if (set)
		dpath_set_get(set);
	mutex_unlock(&dpath_table_lock);
	return set;
}

void dpath_release_all(void)
{
	struct dpath_set *set;

	while ((set = any_set())) {
		/* Works that still reset it hold the module, so there are none; the mark only keeps remove() out. */
		mutex_lock(&dpath_table_lock);
		dpath_set_steal_locked(set);
		set->busy = "release";
		mutex_unlock(&dpath_table_lock);
		dpath_set_detach_idle(set, NULL);
		release_members(set, false, NULL);
		dpath_set_end(set);
		dpath_set_put(set);
	}
}
