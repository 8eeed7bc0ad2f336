// SPDX-License-Identifier: GPL-2.0
/*
 * How an isolation set becomes clean: quiesce, reset by the members' own ways or all together, read-back and comparison. Always in a work or in an
 * operation, with the set marked busy: a reset can take minutes and cannot be aborted.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "device.h"
#include "host.h"
#include "reset.h"
#include "set.h"
#include "set_priv.h"
#include "state.h"

/* How often a reset that finds device_lock taken tries again. */
#define RETRY_MS 20

void dpath_set_quiesce_member(struct dpath_device *dev)
{
	if (!dev->unplugged && dpath_reset_quiesce(dev->pdev))
		pci_warn(dev->pdev, "transactions are still pending after bus mastering was switched off\n");
}

/* Workers get device_lock by trylock only: remove() holds it and must not wait for us. */
static int reset_member(struct dpath_device *dev, const char **why)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	struct dpath_reset_policy policy;
	int ret;

	mutex_lock(&dpath_table_lock);
	policy = dev->policy;
	mutex_unlock(&dpath_table_lock);
	for (;;) {
		*why = NULL;
		ret = dpath_reset_function(&dev->reset, &policy, why);
		if (ret != -EAGAIN || time_after(jiffies, deadline))
			return ret;
		msleep(RETRY_MS);
	}
}

/* Members that have no reset of their own are reset together, if that touches nobody else. */
static int reset_together(struct dpath_device **devs, unsigned int nr, const char **why)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	struct dpath_reset **resets;
	unsigned int i;
	int ret;

	resets = kcalloc(nr, sizeof(*resets), GFP_KERNEL);
	if (!resets)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		resets[i] = &devs[i]->reset;
	do {
		*why = NULL;
		ret = dpath_reset_set(resets, nr, why);
		if (ret != -EAGAIN)
			break;
		msleep(RETRY_MS);
	} while (time_before(jiffies, deadline));
	kfree(resets);
	return ret;
}

static bool consents(struct dpath_device *dev)
{
	bool none;

	mutex_lock(&dpath_table_lock);
	none = dev->policy.consent_none;
	mutex_unlock(&dpath_table_lock);
	return none;
}

static bool set_resettable(struct dpath_device **devs, unsigned int nr)
{
	struct pci_dev **pdevs;
	bool possible;
	unsigned int i;

	pdevs = kcalloc(nr, sizeof(*pdevs), GFP_KERNEL);
	if (!pdevs)
		return false;
	for (i = 0; i < nr; i++)
		pdevs[i] = devs[i]->pdev;
	possible = dpath_reset_set_possible(pdevs, nr);
	kfree(pdevs);
	return possible;
}

/* One verdict per member: 0 clean, -ENODEV does not answer, else what is wrong with it. */
static int clean_member(struct dpath_device *dev, bool was_reset, char *text, size_t size)
{
	const char *why = NULL;
	int ret = 0;

	dpath_set_quiesce_member(dev);
	if (!was_reset)
		ret = reset_member(dev, &why);
	if (ret == -ENOTTY && consents(dev))
		ret = 0;
	if (ret) {
		scnprintf(text, size, "reset failed (%d): %s", ret, why ?: ret == -EAGAIN ? "the driver core kept it locked" : "no reason given");
		return ret;
	}
	return dpath_reset_verify(&dev->reset, text, size);
}

/* The state that a clean member rests in. */
static enum directpath_state rest_state_locked(const struct dpath_set *set)
{
	lockdep_assert_held(&dpath_table_lock);
	return set->vm ? DIRECTPATH_STATE_RESERVED : DIRECTPATH_STATE_READY;
}

static void settle_member(struct dpath_set *set, struct dpath_device *dev, int ret, const char *text, const char *cause)
{
	enum directpath_state state;

	mutex_lock(&dpath_table_lock);
	if (dev->state != DIRECTPATH_STATE_RESETTING)
		goto out;	/* gone meanwhile */
	if (!ret && set->kept) {
		ret = -EIO;
		text = "the IOMMU driver did not let go of the last run's domain";
	}
	if (!ret)
		state = rest_state_locked(set);
	else if (ret == -ENODEV)
		state = DIRECTPATH_STATE_FAILED;
	else
		state = DIRECTPATH_STATE_QUARANTINED;
	strscpy(dev->detail, ret ? text : "", sizeof(dev->detail));
	dpath_device_set_state_locked(dev, state, ret ? text : cause);
out:
	mutex_unlock(&dpath_table_lock);
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

int dpath_set_clean(struct dpath_set *set, const char *cause, char *why, size_t size)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	char text[128] = "";
	unsigned int nr, all, i;
	const char *reason;
	bool together;
	u8 method;
	int ret, first = 0;

	all = dpath_set_devices(set, devs);
	nr = enter_resetting(devs, all, cause);

	/* By its bus or slot only if some member has no other way and the whole set is in our hands. */
	together = false;
	if (nr && nr == all)
		for (i = 0; i < nr; i++)
			together |= !dpath_reset_methods(devs[i]->pdev, &method, 1) && !consents(devs[i]);
	if (together && set_resettable(devs, nr)) {
		for (i = 0; i < nr; i++)
			dpath_set_quiesce_member(devs[i]);
		together = !reset_together(devs, nr, &reason);
	} else {
		together = false;
	}

	for (i = 0; i < nr; i++) {
		text[0] = '\0';
		ret = clean_member(devs[i], together, text, sizeof(text));
		settle_member(set, devs[i], ret, text, cause);
		if (ret && !first) {
			first = ret;
			if (why)
				scnprintf(why, size, "%s: %s", devs[i]->address, text);
		}
	}
	dpath_set_put_devices(devs, all);
	return first;
}

void dpath_set_queue_clean(struct dpath_set *set)
{
	dpath_set_get(set);
	__module_get(THIS_MODULE);
	queue_work(dpath_wq, &set->end_work);
}

void dpath_set_clean_work(struct work_struct *work)
{
	struct dpath_set *set = container_of(work, struct dpath_set, end_work);

	dpath_set_clean(set, "end of the run", NULL, 0);
	dpath_set_end(set);
	dpath_set_queue_adopt(set);
	dpath_set_put(set);
	module_put(THIS_MODULE);
}
