// SPDX-License-Identifier: GPL-2.0
/*
 * How an isolation set becomes clean: quiesce, reset by the members' own ways or all together, read-back and comparison. Always in a work or in an
 * operation, with the set marked busy: a reset can take minutes and cannot be aborted.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"
#include "error.h"
#include "host.h"
#include "reset.h"
#include "set.h"
#include "set_priv.h"
#include "state.h"

/* How often a reset that finds device_lock taken tries again. */
#define RETRY_MS 20

void dpath_set_quiesce_member(struct dpath_device *dev)
{
	if (!dev->unplugged && dpath_reset_quiesce(dev->pdev) == -ETIMEDOUT)
		pci_warn(dev->pdev, "transactions are still pending after bus mastering was switched off\n");
}

/**
 * struct cleaning - one reset of a set
 * @devs: its members, referenced; those to be cleaned come first
 * @nr: members to be cleaned
 * @all: members
 * @policies: how they are to be reset
 * @ret: what became of each reset
 * @why: why it failed
 * @common_why: why not all together, if that was wanted
 */
struct cleaning {
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr;
	unsigned int all;
	struct dpath_reset_policy policies[DPATH_SET_MAX];
	int ret[DPATH_SET_MAX];
	const char *why[DPATH_SET_MAX];
	const char *common_why;
};

static void read_policies(struct cleaning *clean)
{
	unsigned int i;

	mutex_lock(&dpath_table_lock);
	for (i = 0; i < clean->nr; i++)
		clean->policies[i] = clean->devs[i]->policy;
	mutex_unlock(&dpath_table_lock);
}

static bool reset_patience_left(unsigned long deadline)
{
	if (!time_before(jiffies, deadline))
		return false;
	msleep(RETRY_MS);
	return true;
}

/* May the bus or slot be what resets this member? `none' is for those whose reset does harm. */
static bool takes_common(const struct dpath_reset_policy *policy)
{
	return !policy->consent_none &&
	       (!policy->nr || memchr(policy->order, DPATH_RESET_BUS, policy->nr) || memchr(policy->order, DPATH_RESET_SLOT, policy->nr));
}

/* Workers get device_lock by trylock only: remove() holds it and must not wait for us. */
static void reset_member(struct cleaning *clean, unsigned int i)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));

	do {
		clean->why[i] = NULL;
		clean->ret[i] = dpath_reset_function(&clean->devs[i]->reset, &clean->policies[i], &clean->why[i]);
	} while (clean->ret[i] == -EAGAIN && reset_patience_left(deadline));
	if (clean->ret[i] != -ENOTTY)
		return;
	if (clean->policies[i].consent_none)
		clean->ret[i] = 0;
	else if (clean->common_why && takes_common(&clean->policies[i]))
		clean->why[i] = clean->common_why;
}

/* Has it no way of its own, as its policy has it? */
static bool needs_common(struct dpath_device *dev, const struct dpath_reset_policy *policy)
{
	u8 methods[DPATH_RESET_NR];
	unsigned int i;
	int nr;

	if (!takes_common(policy))
		return false;
	nr = dpath_reset_methods(dev->pdev, methods, ARRAY_SIZE(methods));
	if (!policy->nr)
		return !nr;
	for (i = 0; i < policy->nr; i++)
		if (memchr(methods, policy->order[i] == DPATH_RESET_SLOT ? DPATH_RESET_BUS : policy->order[i], nr))
			return false;
	return true;
}

/* All together, if that touches nobody else. -ENOTTY: it cannot be done, and nothing was. */
static int reset_together(struct cleaning *clean, const char **why)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	struct dpath_reset *resets[DPATH_SET_MAX];
	unsigned int i;
	int ret;

	/* A member that is not to be cleaned is left alone for a reason. */
	if (clean->nr != clean->all) {
		*why = "has no reset of its own, and not all of its set is to be reset";
		return -ENOTTY;
	}
	for (i = 0; i < clean->nr; i++) {
		if (!takes_common(&clean->policies[i])) {
			*why = "has no reset of its own, and the policy of a member of its set rules the bus out";
			return -ENOTTY;
		}
		resets[i] = &clean->devs[i]->reset;
	}
	do {
		*why = NULL;
		ret = dpath_reset_set(resets, clean->nr, why);
	} while (ret == -EAGAIN && reset_patience_left(deadline));
	return ret;
}

static void note_common(struct cleaning *clean, unsigned int i, int ret, const char *why)
{
	/* One that does not answer fails the reset of all; the others are not dead for that. */
	clean->ret[i] = ret == -ENODEV && !dpath_reset_gone(clean->devs[i]->pdev) ? -EIO : ret;
	clean->why[i] = why;
}

/* The bus or slot for all if a member has no other way. Those that have one use it if that fails. */
static bool reset_common(struct cleaning *clean)
{
	bool common = false;
	const char *why;
	unsigned int i;
	int ret;

	for (i = 0; i < clean->nr; i++)
		common |= needs_common(clean->devs[i], &clean->policies[i]);
	if (!common)
		return false;
	ret = reset_together(clean, &why);
	if (ret == -ENOTTY) {
		clean->common_why = why;
		return false;
	}
	for (i = 0; i < clean->nr; i++) {
		if (ret && !needs_common(clean->devs[i], &clean->policies[i]))
			reset_member(clean, i);
		else
			note_common(clean, i, ret, why);
	}
	return true;
}

/* Each by its own way, and the bus or slot as the last resort. */
static void reset_each(struct cleaning *clean)
{
	bool failed = false;
	const char *why;
	unsigned int i;

	for (i = 0; i < clean->nr; i++) {
		reset_member(clean, i);
		failed |= clean->ret[i] && clean->ret[i] != -ENODEV && takes_common(&clean->policies[i]);
	}
	if (failed && !reset_together(clean, &why))
		for (i = 0; i < clean->nr; i++)
			note_common(clean, i, 0, NULL);
}

/* One verdict per member: 0 clean, -ENODEV does not answer, else what is wrong with it. */
static int judge_member(struct cleaning *clean, unsigned int i, char *text, size_t size)
{
	int ret = clean->ret[i];

	if (!ret)
		return dpath_reset_verify(&clean->devs[i]->reset, text, size);
	scnprintf(text, size, "reset failed (%d): %s", ret, clean->why[i] ?: ret == -EAGAIN ? "the driver core kept it locked" : "no reason given");
	return ret;
}

/* A VM that it is attached to finds what it has left; the next one does not. */
static void rest_locked(struct dpath_set *set, struct dpath_device *dev, const char *cause)
{
	lockdep_assert_held(&dpath_table_lock);
	if (!set->vm) {
		dpath_device_rest_locked(dev, cause);
		return;
	}
	dev->detail[0] = '\0';
	dpath_device_set_state_locked(dev, DIRECTPATH_STATE_RESERVED, cause);
}

/* What was found is the detail of a member that is not clean. */
static void note_verdict(struct dpath_device *dev, const char *text)
{
	mutex_lock(&dpath_table_lock);
	if (dev->state == DIRECTPATH_STATE_RESETTING)
		strscpy(dev->detail, text, sizeof(dev->detail));
	mutex_unlock(&dpath_table_lock);
}

static void settle_member_locked(struct dpath_set *set, struct dpath_device *dev, int ret, const char *cause)
{
	lockdep_assert_held(&dpath_table_lock);
	if (dev->state != DIRECTPATH_STATE_RESETTING)
		return;	/* gone meanwhile */
	if (!ret && set->kept) {
		ret = -EIO;
		strscpy(dev->detail, "the IOMMU driver did not let go of the last run's domain", sizeof(dev->detail));
	}
	dev->mismatch = ret == -EBADE;
	if (!ret)
		rest_locked(set, dev, cause);
	else
		dpath_device_set_state_locked(dev, ret == -ENODEV ? DIRECTPATH_STATE_FAILED : DIRECTPATH_STATE_QUARANTINED, dev->detail);
}

/* The states of rest and the end of the busy mark are seen together: who waits for the one may rely on the other. */
static void settle(struct dpath_set *set, struct cleaning *clean, const char *cause)
{
	unsigned int i;
	bool ended;

	mutex_lock(&dpath_table_lock);
	for (i = 0; i < clean->nr; i++)
		settle_member_locked(set, clean->devs[i], clean->ret[i], cause);
	ended = dpath_set_try_end_locked(set);
	mutex_unlock(&dpath_table_lock);
	if (!ended)
		dpath_set_end(set);
}

/* To resetting, all that wait for it; returns how many. */
static unsigned int enter_resetting(struct dpath_device **devs, unsigned int nr, const char *cause)
{
	unsigned int i, found = 0;

	mutex_lock(&dpath_table_lock);
	for (i = 0; i < nr; i++) {
		struct dpath_device *dev = devs[i];

		if (dev->unplugged || !dev->set) {
			continue;
		} else if (dpath_state_busy(dev->state)) {
			strscpy(dev->detail, "reset", sizeof(dev->detail));
			dpath_device_set_state_locked(dev, DIRECTPATH_STATE_RESETTING, cause);
		} else {
			continue;
		}
		swap(devs[i], devs[found]);
		found++;
	}
	mutex_unlock(&dpath_table_lock);
	return found;
}

static int clean_set(struct dpath_set *set, struct cleaning *clean, const char *cause, char *why, size_t size)
{
	char text[128] = "";
	int ret, first = 0;
	unsigned int i;

	clean->all = dpath_set_devices(set, clean->devs);
	clean->nr = enter_resetting(clean->devs, clean->all, cause);
	read_policies(clean);
	/* While the kernel recovers from a fatal error there is nothing to be reset, and the function would be taken for dead. */
	for (i = 0; i < clean->nr; i++)
		dpath_error_await(clean->devs[i]);
	for (i = 0; i < clean->nr; i++)
		dpath_set_quiesce_member(clean->devs[i]);
	if (!reset_common(clean))
		reset_each(clean);
	for (i = 0; i < clean->nr; i++) {
		text[0] = '\0';
		ret = judge_member(clean, i, text, sizeof(text));
		clean->ret[i] = ret;
		if (!ret)
			continue;
		note_verdict(clean->devs[i], text);
		if (first)
			continue;
		first = ret;
		if (why)
			scnprintf(why, size, "%s: %s", clean->devs[i]->address, text);
	}
	settle(set, clean, cause);
	dpath_set_put_devices(clean->devs, clean->all);
	return first;
}

int dpath_set_clean(struct dpath_set *set, const char *cause, char *why, size_t size)
{
	struct cleaning *clean;
	int ret;

	lockdep_assert_not_held(&set->lock);
	lockdep_assert_not_held(&dpath_table_lock);
	/* The end of a run cannot fail for want of memory, and there is nobody to tell. */
	clean = kzalloc(sizeof(*clean), GFP_KERNEL | __GFP_NOFAIL);
	ret = clean_set(set, clean, cause, why, size);
	kfree(clean);
	return ret;
}

bool dpath_set_begin_check_locked(struct dpath_set *set, const char *what, const char *cause)
{
	struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	/* One that was bound by hand waits in claiming, and its set may not be owned. */
	list_for_each_entry(dev, &set->devices, set_node)
		if (dpath_state_busy(dev->state))
			return false;
	if (!dpath_set_begin_locked(set, what))
		return false;
	list_for_each_entry(dev, &set->devices, set_node)
		if (dev->state == DIRECTPATH_STATE_READY || dev->state == DIRECTPATH_STATE_RESERVED || dev->state == DIRECTPATH_STATE_DIRTY)
			dpath_device_set_state_locked(dev, DIRECTPATH_STATE_RESETTING, cause);
	return true;
}

void dpath_set_queue_clean(struct dpath_set *set)
{
	dpath_set_get(set);
	__module_get(THIS_MODULE);
	dpath_inject_lend(&set->end_inject);
	queue_work(dpath_wq, &set->end_work);
}

void dpath_set_clean_work(struct work_struct *work)
{
	struct dpath_set *set = container_of(work, struct dpath_set, end_work);

	dpath_inject_borrow(&set->end_inject);
	/* Quiesced is what it has to be; a reset could be under way when the next kernel takes over. */
	if (dpath_host_going_down())
		goto out;
	/* Its function left the bus while it was being cleaned. */
	if (READ_ONCE(set->loaned) && dpath_set_own(set))
		pr_warn("directpath: DMA of set %d stays with the host; dev recover\n", set->id);
	dpath_set_clean(set, "end of the run", NULL, 0);
	dpath_set_queue_adopt(set);
out:
	dpath_inject_return(&set->end_inject);
	dpath_set_put(set);
	module_put(THIS_MODULE);
}
