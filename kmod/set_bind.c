// SPDX-License-Identifier: GPL-2.0
/*
 * Functions that are bound to our drivers, or taken from them, by other hands than dev-claim: sysfs, hot-unplug; and what both ways of taking a
 * set over share.
 */

#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "device.h"
#include "driver.h"
#include "host.h"
#include "reset.h"
#include "set.h"
#include "set_priv.h"
#include "state.h"
#include "verdict.h"

#define RETRY_MS 10
#define LEAVE_MS 10000 /* from a function's removal to the end of its place in the group */

/* Members that were bound by hand while the set was busy, running or not all ours still wait to be taken over. */
static bool adoption_waits_locked(const struct dpath_set *set)
{
	struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_CLAIMING && dev->by_hand && dev->bound)
			return true;
	return false;
}

/* One that was bound by hand to a set that runs waits for the end, and is none of the run's. */
static bool is_of_run(struct dpath_device *dev)
{
	bool waits;

	mutex_lock(&dpath_table_lock);
	waits = dev->by_hand && dev->state == DIRECTPATH_STATE_CLAIMING;
	mutex_unlock(&dpath_table_lock);
	return !waits;
}

/* An orderly removal leaves the guest time to let go; the end of the run needs no device_lock, which our caller holds. */
static void end_run(struct dpath_set *set, bool gone)
{
	if (!gone)
		dpath_set_ask(set);
	dpath_set_revoke(set, gone ? "unplugged" : "its driver was unbound");
}

void dpath_set_lose(struct dpath_set *set, struct dpath_device *dev)
{
	bool idle;

	if (is_of_run(dev))
		end_run(set, dpath_reset_gone(dev->pdev));

	/* Whoever has the set busy ends by dropping what is unbound; an idle set is dropped here. */
	mutex_lock(&dpath_table_lock);
	idle = dpath_set_begin_locked(set, "remove");
	mutex_unlock(&dpath_table_lock);
	if (!idle)
		return;
	dpath_set_quiesce_member(dev);
	/* In a work: what is dropped gets its driver_override back, which on 6.1 takes the device_lock that our caller holds. */
	dpath_set_queue_clean(set);
}

/* Is a member still on the bus? While set->lock is held it stays in the IOMMU group too: dpath_set_leave() takes that lock before it is removed. */
static bool has_present(struct dpath_set *set)
{
	struct dpath_device *dev;
	bool present = false;

	lockdep_assert_held(&set->lock);
	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		present |= !dev->unplugged;
	mutex_unlock(&dpath_table_lock);
	return present;
}

/*
 * A member leaves the bus; its driver has gone before. The IOMMU layer wants an empty group back, and warns (6.12) if it is still owned; the default
 * domain is live from here until the function is gone, with bus mastering off.
 */
void dpath_set_leave(struct dpath_set *set, struct dpath_device *dev)
{
	bool idle, stolen;

	if (is_of_run(dev))
		dpath_set_revoke(set, "unplugged");
	mutex_lock(&set->lock);
	if (set->owned && !has_present(set)) {
		dpath_group_disown(set->group);
		WRITE_ONCE(set->owned, false);
	}
	mutex_unlock(&set->lock);
	mutex_lock(&dpath_table_lock);
	stolen = set->handed && set->handed->unplugged && dpath_set_steal_locked(set);
	idle = !stolen && dpath_set_begin_locked(set, "remove");
	mutex_unlock(&dpath_table_lock);
	/* Its companions, if it has any, get their ownership back before they rest. */
	if (stolen)
		dpath_set_queue_clean(set);
	if (idle)
		dpath_set_end(set);
}

void dpath_set_queue_adopt(struct dpath_set *set)
{
	bool waits;

	mutex_lock(&dpath_table_lock);
	waits = adoption_waits_locked(set);
	mutex_unlock(&dpath_table_lock);
	if (!waits)
		return;
	/* Fails while the module is being unloaded: it gives everything back then. */
	if (!try_module_get(THIS_MODULE))
		return;
	dpath_set_get(set);
	dpath_inject_lend(&set->adopt_inject);
	if (!queue_work(dpath_wq, &set->adopt_work)) {
		module_put(THIS_MODULE);
		dpath_set_put(set);
	}
}

int dpath_set_adopt(struct dpath_device *dev)
{
	struct dpath_set *set;

	mutex_lock(&dpath_table_lock);
	set = dpath_set_obtain_locked(dev->pdev->dev.iommu_group);
	if (!set) {
		mutex_unlock(&dpath_table_lock);
		return -ENOMEM;
	}
	dpath_set_link_locked(set, dev);
	dpath_device_set_state_locked(dev, DIRECTPATH_STATE_CLAIMING, "bound by hand");
	mutex_unlock(&dpath_table_lock);

	/* A work, because the reset needs device_lock, which our caller holds. */
	dpath_set_queue_adopt(set);
	dpath_set_put(set);
	return 0;
}

/* A member of the group that neither is ours nor can do no DMA by itself; its address and driver are put into @text. */
static bool foreign_member(struct dpath_set *set, char *text, size_t size)
{
	struct dpath_members *members;
	bool foreign = false;
	char driver[32];
	unsigned int i;

	members = kzalloc(sizeof(*members), GFP_KERNEL);
	if (!members)
		return true;
	if (dpath_group_members(set->group, members)) {
		foreign = true;
		goto out;
	}
	for (i = 0; i < members->nr && !foreign; i++) {
		dpath_device_driver_name(members->pdev[i], driver, sizeof(driver));
		if (!driver[0] || dpath_driver_is_ours(members->pdev[i]) || members->pdev[i]->hdr_type != PCI_HEADER_TYPE_NORMAL)
			continue;
		scnprintf(text, size, "waits for %s to be unbound from %s", pci_name(members->pdev[i]), driver);
		foreign = true;
	}
	dpath_group_put_members(members);
out:
	kfree(members);
	return foreign;
}

/*
 * Who binds by hand has weighed what dev-claim would let him force. What the host's own safety rests on is not his to weigh: firmware that goes on
 * doing DMA (the IOMMU driver refuses that too, mostly, and names nothing), and interrupts that a guest can forge unless a host setting permits it.
 */
static bool is_vital(const struct dpath_reason *reason)
{
	return reason->blocking && (reason->code == DIRECTPATH_REASON_RMRR || reason->code == DIRECTPATH_REASON_NO_INTREMAP);
}

static int find_vital(struct pci_dev *pdev, struct dpath_verdict *verdict, char *text, size_t size)
{
	struct dpath_verdict_opts opts = { .unsafe_interrupts = READ_ONCE(dpath_host.unsafe_interrupts) };
	unsigned int i;

	dpath_verdict_collect(pdev, &opts, verdict);
	for (i = 0; i < verdict->nr; i++) {
		if (!is_vital(&verdict->reasons[i]))
			continue;
		scnprintf(text, size, "%s: %s; unbind it", dpath_reason_name(verdict->reasons[i].code), verdict->reasons[i].culprit);
		return -EPERM;
	}
	return 0;
}

/* Both facts are of the whole set, so one member stands for all. */
static int check_vital(struct dpath_set *set, char *text, size_t size)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	struct dpath_verdict *verdict;
	unsigned int nr;
	int ret = 0;

	verdict = kmalloc(sizeof(*verdict), GFP_KERNEL);
	if (!verdict) {
		strscpy(text, "out of memory; unbind it and bind it again", size);
		return -ENOMEM;
	}
	nr = dpath_set_devices(set, devs);
	if (nr)
		ret = find_vital(devs[0]->pdev, verdict, text, size);
	dpath_set_put_devices(devs, nr);
	kfree(verdict);
	return ret;
}

/* Is a member on its way off the bus, and in the IOMMU group still? */
static bool has_leaving(struct dpath_set *set)
{
	struct dpath_device *dev;
	bool leaving = false;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		leaving |= dev->unplugged && READ_ONCE(dev->pdev->dev.iommu_group) == set->group;
	mutex_unlock(&dpath_table_lock);
	return leaving;
}

/*
 * 6.1 frees what its IOMMU driver knows of a function before the function leaves its group, and falls over an attach of the group in between. Nobody
 * who removes a function waits for us from there on; set->lock is not held meanwhile.
 */
static int await_leaving(struct dpath_set *set)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(LEAVE_MS);

	lockdep_assert_not_held(&set->lock);
	while (has_leaving(set)) {
		if (time_after(jiffies, deadline))
			return -EBUSY;
		msleep(RETRY_MS);
	}
	return 0;
}

int dpath_set_own(struct dpath_set *set)
{
	int ret;

	ret = await_leaving(set);
	if (ret)
		return ret;
	mutex_lock(&set->lock);
	if (!has_present(set)) {
		ret = -ENODEV;
	} else if (!set->owned) {
		ret = dpath_group_own(set->group, set);
		if (!ret) {
			WRITE_ONCE(set->owned, true);
			WRITE_ONCE(set->loaned, false);
		}
	}
	mutex_unlock(&set->lock);
	return ret;
}

void dpath_set_loan(struct dpath_set *set)
{
	mutex_lock(&set->lock);
	if (set->owned) {
		dpath_group_disown(set->group);
		WRITE_ONCE(set->owned, false);
		WRITE_ONCE(set->loaned, true);
	}
	mutex_unlock(&set->lock);
}

static void set_details(struct dpath_set *set, const char *text)
{
	struct dpath_device *dev;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_CLAIMING)
			strscpy(dev->detail, text, sizeof(dev->detail));
	mutex_unlock(&dpath_table_lock);
}

/* The fingerprint of a function that was just bound is what it shows before its first reset. */
static void take_fingerprints(struct dpath_set *set)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr, i;

	nr = dpath_set_devices(set, devs);
	for (i = 0; i < nr; i++)
		if (devs[i]->state == DIRECTPATH_STATE_CLAIMING)
			dpath_fingerprint_take(devs[i]->pdev, &devs[i]->reset.fingerprint);
	dpath_set_put_devices(devs, nr);
}

/* From `all bound' to `ready': own, quiesce, reset, compare; used by dev-claim and by binding by hand. The set is begun. */
int dpath_set_take_over(struct dpath_set *set, char *why, size_t size)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr, i;
	int ret;

	nr = dpath_set_devices(set, devs);
	for (i = 0; i < nr; i++)
		dpath_set_quiesce_member(devs[i]);
	dpath_set_put_devices(devs, nr);

	ret = dpath_set_own(set);
	if (ret) {
		scnprintf(why, size, "DMA of set %d is not handed over (%d): a member has a driver, or firmware reserves memory for it", set->id,
			  ret);
		return ret;
	}
	dpath_set_door_refresh_set(set);
	take_fingerprints(set);
	return 0;
}

void dpath_set_adopt_work(struct work_struct *work)
{
	struct dpath_set *set = container_of(work, struct dpath_set, adopt_work);
	char text[160] = "";
	bool waits, begun;

	dpath_inject_borrow(&set->adopt_inject);
	wait_event_timeout(dpath_state_wait, !dpath_set_busy(set), msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms)));
	mutex_lock(&dpath_table_lock);
	waits = adoption_waits_locked(set);
	begun = waits && dpath_set_begin_locked(set, "claim");
	mutex_unlock(&dpath_table_lock);
	if (!begun) {
		set_details(set, "waits for the end of the run of its set");
		goto out;
	}
	if (foreign_member(set, text, sizeof(text)) || check_vital(set, text, sizeof(text)) || dpath_set_take_over(set, text, sizeof(text))) {
		set_details(set, text);
		dpath_set_end(set);
		goto out;
	}
	dpath_set_clean(set, "claimed", NULL, 0);
out:
	dpath_inject_return(&set->adopt_inject);
	dpath_set_put(set);
	module_put(THIS_MODULE);
}
