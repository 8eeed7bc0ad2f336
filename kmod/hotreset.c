// SPDX-License-Identifier: GPL-2.0
/*
 * Hot reset: what VFIO calls the reset of a bus or slot by its user.
 *
 * It reaches every function behind the port, so each has to be claimed, of a set that the same VM runs, and of one that the caller has proved to
 * own. That is looked at twice: before, for the errno, and again when every function is marked as being reset. From then on a run may end, but the
 * reset that follows it waits for the mark, so what is hit is the tenant's or nobody's.
 *
 * Locks: dpath_table_lock, for looks only. None is held over the reset: the kernel calls reset_prepare() and reset_done(), which find their leases by
 * themselves.
 */

#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "device.h"
#include "host.h"
#include "hotreset.h"
#include "lease.h"
#include "set.h"

#define RETRY_MS 10

/**
 * struct hotreset - one of them
 * @lease: who asks
 * @proven: sets that the caller owns, or NULL
 * @nr_proven: how many
 * @pdevs: functions behind the port, referenced
 * @devs: the same as claimed functions, referenced; NULL if they are not ours
 * @resets: their reset contexts
 * @nr: how many
 */
struct hotreset {
	struct dpath_lease *lease;
	struct dpath_set **proven;
	unsigned int nr_proven;
	struct pci_dev *pdevs[DPATH_SET_MAX];
	struct dpath_device *devs[DPATH_SET_MAX];
	struct dpath_reset *resets[DPATH_SET_MAX];
	unsigned int nr;
};

static bool is_proven(const struct hotreset *hot, const struct dpath_set *set)
{
	unsigned int i;

	for (i = 0; i < hot->nr_proven; i++)
		if (hot->proven[i] == set)
			return true;
	return !hot->proven;
}

static int check_member_locked(const struct hotreset *hot, const struct dpath_device *dev)
{
	lockdep_assert_held(&dpath_table_lock);
	if (!dev || !dev->set || dev->set->vm != hot->lease->vm || dev->state != DIRECTPATH_STATE_RUNNING)
		return -EPERM;
	if (!is_proven(hot, dev->set))
		return -EINVAL;
	/* The admin has said that a reset of it does harm. */
	if (dev->policy.consent_none && !dev->policy.nr)
		return -EOPNOTSUPP;
	return 0;
}

static int check_members(const struct hotreset *hot)
{
	unsigned int i;
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	for (i = 0; i < hot->nr && !ret; i++)
		ret = check_member_locked(hot, hot->devs[i]);
	mutex_unlock(&dpath_table_lock);
	if (!ret && !dpath_lease_alive(hot->lease))
		ret = -ENODEV;
	return ret;
}

static void put_members(struct hotreset *hot)
{
	unsigned int i;

	for (i = 0; i < hot->nr; i++) {
		if (hot->devs[i])
			dpath_device_put(hot->devs[i]);
		pci_dev_put(hot->pdevs[i]);
	}
}

static int find_members(struct hotreset *hot)
{
	unsigned int i;
	int nr;

	nr = dpath_reset_affected(hot->lease->dev->pdev, hot->pdevs, ARRAY_SIZE(hot->pdevs));
	if (nr < 0)
		return -ENODEV;
	hot->nr = nr;
	for (i = 0; i < hot->nr; i++) {
		hot->devs[i] = dpath_device_lookup(pci_name(hot->pdevs[i]));
		if (hot->devs[i])
			hot->resets[i] = &hot->devs[i]->reset;
		if (pci_num_vf(hot->pdevs[i]))
			return -EBUSY;
	}
	return check_members(hot);
}

static bool run_has_ended(struct dpath_device *dev)
{
	bool ended;

	mutex_lock(&dpath_table_lock);
	ended = dev->state != DIRECTPATH_STATE_RUNNING || (dev->lease && !dpath_lease_alive(dev->lease));
	mutex_unlock(&dpath_table_lock);
	return ended;
}

/*
 * The saved command of a function may have bus mastering on, and its run may have ended meanwhile: its DMA is blocked, and this is the rest of what
 * the end of a run promises.
 */
static void calm_ended(struct hotreset *hot)
{
	unsigned int i;

	for (i = 0; i < hot->nr; i++)
		if (run_has_ended(hot->devs[i]))
			pci_clear_master(hot->pdevs[i]);
}

static int reset_members(struct hotreset *hot)
{
	ktime_t start = ktime_get();
	unsigned int i;
	int ret;

	ret = dpath_reset_begin_all(hot->resets, hot->nr);
	if (ret)
		return ret;
	ret = check_members(hot);
	if (ret)
		goto out_end;
	ret = dpath_reset_hot(hot->lease->dev->pdev);
	calm_ended(hot);
	for (i = 0; i < hot->nr && ret != -EAGAIN; i++) {
		hot->resets[i]->last_method = DPATH_RESET_BUS;
		dpath_reset_account(hot->resets[i], start, ret);
	}
out_end:
	for (i = 0; i < hot->nr; i++)
		dpath_reset_end(hot->resets[i]);
	return ret;
}

int dpath_hotreset(struct dpath_lease *lease, struct dpath_set **proven, unsigned int nr)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	struct hotreset *hot;
	int ret;

	hot = kzalloc(sizeof(*hot), GFP_KERNEL_ACCOUNT);
	if (!hot)
		return -ENOMEM;
	hot->lease = lease;
	hot->proven = proven;
	hot->nr_proven = nr;
	ret = find_members(hot);
	while (!ret) {
		ret = reset_members(hot);
		if (ret != -EAGAIN || time_after(jiffies, deadline) || fatal_signal_pending(current))
			break;
		msleep(RETRY_MS);
		ret = 0;
	}
	put_members(hot);
	kfree(hot);
	return ret;
}
