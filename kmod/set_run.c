// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of an isolation set.
 *
 * A set is idle, or it has one run: a space that its IOMMU group is attached to, and a count of the fds that keep it so. The end of a run has a
 * fixed order (DESIGN.md 8, kernel-review 7.6) and cannot fail: leases dead and BAR maps to scratch; bus master off and pending transactions waited
 * for; domain detached, so that DMA is blocked; interrupts taken down; and only then, in a work, reset, read-back and comparison. Everything up to
 * the work is bounded and takes no mmap_lock, so that remove() may do it.
 */

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "device.h"
#include "host.h"
#include "lease.h"
#include "set.h"
#include "set_priv.h"
#include "space.h"
#include "state.h"
#include "vm.h"

void dpath_run_free(struct dpath_run *run)
{
	if (!run)
		return;
	dpath_space_put(run->space);
	kfree(run);
}

/*
 * The end of the run. set->lock is held. The run is handed back in @spent if nobody uses it any more, else it becomes an orphan until its last fd is
 * closed.
 */
static void end_run_locked(struct dpath_set *set, const char *cause, struct dpath_run **spent)
{
	struct dpath_device *dev, *first;
	struct dpath_run *run = set->run;

	lockdep_assert_held(&set->lock);
	mutex_lock(&dpath_table_lock);
	WRITE_ONCE(set->busy, "reset");
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_RUNNING)
			dpath_device_set_state_locked(dev, DIRECTPATH_STATE_DRAINING, cause);
	mutex_unlock(&dpath_table_lock);

	/* Nobody leaves the list while set->lock is held; who joins it now (bound by hand) has no lease and no part in the run. */
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->lease)
			dpath_lease_kill_maps(dev->lease);
	list_for_each_entry(dev, &set->devices, set_node)
		dpath_set_quiesce_member(dev);
	first = list_first_entry(&set->devices, struct dpath_device, set_node);
	if (!dpath_space_detach(run->space, set->domain, set->group, first->pdev))
		set->kept = true;
	set->domain = NULL;
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->lease)
			dpath_lease_end_locked(dev);

	WRITE_ONCE(set->run, NULL);
	if (run->users)
		list_add(&run->node, &set->orphans);
	else
		*spent = run;

	dpath_vm_close(run->space->vm);
	dpath_set_queue_clean(set);
}

void dpath_set_drop_user_locked(struct dpath_set *set, struct dpath_space *space, const char *cause, struct dpath_run **spent)
{
	struct dpath_run *run;

	lockdep_assert_held(&set->lock);
	*spent = NULL;
	if (set->run && set->run->space == space) {
		if (!--set->run->users)
			end_run_locked(set, cause, spent);
		return;
	}
	list_for_each_entry(run, &set->orphans, node) {
		if (run->space != space)
			continue;
		if (!--run->users) {
			list_del(&run->node);
			*spent = run;
		}
		return;
	}
}

void dpath_set_stop(struct dpath_set *set, struct dpath_space *space, const char *cause)
{
	struct dpath_run *spent;

	mutex_lock(&set->lock);
	dpath_set_drop_user_locked(set, space, cause, &spent);
	mutex_unlock(&set->lock);
	dpath_run_free(spent);
}
EXPORT_SYMBOL_NS_GPL(dpath_set_stop, "DIRECTPATH");

void dpath_set_revoke(struct dpath_set *set, const char *cause)
{
	struct dpath_run *spent = NULL;

	mutex_lock(&set->lock);
	if (set->run)
		end_run_locked(set, cause, &spent);
	mutex_unlock(&set->lock);
	dpath_run_free(spent);
}

static bool request_release(struct dpath_set *set)
{
	struct dpath_device *dev;
	bool heard = false;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->lease)
			heard |= dpath_irqs_notify_req(&dev->lease->irqs);
	mutex_unlock(&dpath_table_lock);
	return heard;
}

static bool set_runs(const struct dpath_set *set)
{
	return READ_ONCE(set->run);
}

/* A VMM that listens unplugs the device from its guest. */
void dpath_set_ask(struct dpath_set *set)
{
	unsigned long patience = msecs_to_jiffies(READ_ONCE(dpath_host.revoke_deadline_ms));

	lockdep_assert_not_held(&set->lock);
	lockdep_assert_not_held(&dpath_table_lock);
	if (set_runs(set) && request_release(set))
		wait_event_timeout(dpath_state_wait, !set_runs(set), patience);
}

bool dpath_set_use(struct dpath_set *set, struct dpath_space *space)
{
	bool used;

	mutex_lock(&set->lock);
	used = set->run && set->run->space == space;
	if (used)
		set->run->users++;
	mutex_unlock(&set->lock);
	return used;
}
EXPORT_SYMBOL_NS_GPL(dpath_set_use, "DIRECTPATH");

/* Why a set may not be started; takes it (busy) if it may. */
static int begin_start(struct dpath_set *set, struct dpath_space *space, char *why, size_t size)
{
	struct dpath_device *dev;
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	if (set->busy) {
		ret = -EAGAIN;
	} else if (dpath_host_going_down()) {
		scnprintf(why, size, "the host shuts down");
		ret = -ENODEV;
	} else if (!set->owned) {
		scnprintf(why, size, "set %d is not viable: a member still has a host driver", set->id);
		ret = -EPERM;
	} else if (set->changed) {
		scnprintf(why, size, "a function was added to set %d after its claim: release and claim it again", set->id);
		ret = -EPERM;
	} else if (set->vm != space->vm) {
		scnprintf(why, size, "set %d is attached to %s%s", set->id, set->vm ? "VM " : "no VM", set->vm ? set->vm->name : "");
		ret = -EPERM;
	} else if (!dpath_vm_running_locked(space->vm)) {
		scnprintf(why, size, "VM %s was closed meanwhile", space->vm->name);
		ret = -ENODEV;
	}
	if (ret)
		goto out;
	list_for_each_entry(dev, &set->devices, set_node) {
		if (dev->state == DIRECTPATH_STATE_RESERVED && dev->bound)
			continue;
		scnprintf(why, size, "%s is %s%s%s", dev->address, dpath_state_name(dev->state), dev->detail[0] ? ": " : "", dev->detail);
		ret = -EIO;
		goto out;
	}
	space->vm->opens++;	/* the run keeps it open, until end_run_locked() */
	WRITE_ONCE(set->busy, "start");
out:
	mutex_unlock(&dpath_table_lock);
	return ret;
}

static bool has_orphan_locked(struct dpath_set *set, struct dpath_space *space)
{
	struct dpath_run *run;

	lockdep_assert_held(&set->lock);
	list_for_each_entry(run, &set->orphans, node)
		if (run->space == space)
			return true;
	return false;
}

/* Every set that runs in a broken space loses its run; `kept' quarantines it, for nobody knows what its IOMMU tables still translate. */
static void break_space_work(struct work_struct *work)
{
	struct dpath_space *space = container_of(work, struct dpath_space, broken_work);
	struct dpath_run *spent;
	struct dpath_set *set = NULL;

	while ((set = dpath_set_next(set, space->vm))) {
		spent = NULL;
		mutex_lock(&set->lock);
		if (set->run && set->run->space == space) {
			set->kept = true;
			end_run_locked(set, "the IOMMU driver failed to unmap", &spent);
		}
		mutex_unlock(&set->lock);
		dpath_run_free(spent);
	}
	dpath_space_put(space);
	module_put(THIS_MODULE);
}

/* Called by whoever unmapped, in a map, unmap or attach: only queues. */
static void break_space(struct dpath_space *space)
{
	dpath_space_get(space);
	__module_get(THIS_MODULE);
	INIT_WORK(&space->broken_work, break_space_work);
	queue_work(dpath_wq, &space->broken_work);
}

/* set->lock held, set begun. */
static int start_run_locked(struct dpath_set *set, struct dpath_space *space, char *why, size_t size)
{
	struct dpath_device *dev, *first;
	const char *reason = NULL;
	struct dpath_run *run;
	int ret;

	lockdep_assert_held(&set->lock);
	run = kzalloc(sizeof(*run), GFP_KERNEL_ACCOUNT);
	if (!run)
		return -ENOMEM;
	first = list_first_entry(&set->devices, struct dpath_device, set_node);
	space->on_broken = break_space;
	ret = dpath_space_attach(space, set->group, first->pdev, &set->domain, &reason);
	if (ret) {
		scnprintf(why, size, "set %d cannot join the address space: %s", set->id, reason ?: "the IOMMU driver refused");
		kfree(run);
		return ret;
	}
	dpath_space_get(space);
	run->space = space;
	run->users = 1;
	WRITE_ONCE(set->run, run);

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node) {
		/* One that was bound by hand just now waits in `claiming'. */
		if (dev->state != DIRECTPATH_STATE_RESERVED)
			continue;
		dev->opens = 0;
		dev->runs++;
		dev->tainted = true;
		dpath_device_set_state_locked(dev, DIRECTPATH_STATE_RUNNING, "opened by its VM");
	}
	mutex_unlock(&dpath_table_lock);
	return 0;
}

static int start_or_join(struct dpath_set *set, struct dpath_space *space, char *why, size_t size)
{
	int ret;

	mutex_lock(&set->lock);
	if (set->run) {
		ret = -EBUSY;
		if (set->run->space == space) {
			set->run->users++;
			ret = 0;
		} else {
			scnprintf(why, size, "set %d runs in another address space", set->id);
		}
		goto out;
	}
	if (has_orphan_locked(set, space)) {
		scnprintf(why, size, "fds of a run that was taken away are still open in this address space: close them first");
		ret = -EBUSY;
		goto out;
	}
	ret = begin_start(set, space, why, size);
	if (ret)
		goto out;
	ret = start_run_locked(set, space, why, size);
	if (ret)
		dpath_vm_close(space->vm);
	/* Not dpath_set_end(), which takes set->lock: a remove() that came meanwhile waits for that lock and ends the run. */
	mutex_lock(&dpath_table_lock);
	dpath_set_clear_busy_locked(set);
	mutex_unlock(&dpath_table_lock);
out:
	mutex_unlock(&set->lock);
	return ret;
}

int dpath_set_start(struct dpath_set *set, struct dpath_space *space, char *why, size_t size)
{
	unsigned long left = msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	long wait;
	int ret;

	lockdep_assert_not_held(&dpath_table_lock);
	for (;;) {
		ret = start_or_join(set, space, why, size);
		if (ret != -EAGAIN)
			return ret;
		wait = wait_event_killable_timeout(dpath_state_wait, !dpath_set_busy(set), left);
		if (wait < 0)
			return -EINTR;
		if (!wait) {
			scnprintf(why, size, "set %d is still being made ready", set->id);
			return -EBUSY;
		}
		left = wait;
	}
}
EXPORT_SYMBOL_NS_GPL(dpath_set_start, "DIRECTPATH");
