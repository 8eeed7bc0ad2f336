// SPDX-License-Identifier: GPL-2.0
/*
 * dev-accept: the fingerprint that did not match becomes the one to compare with.
 *
 * What is accepted is what was found, and shown to the admin, when the function was quarantined; not what it shows by now. The set is reset and
 * compared again, so a function that goes on changing stays where it is. Who, when and what are kept with the function and are in its event.
 */

#include <linux/ktime.h>

#include "accept.h"
#include "claim.h"
#include "device.h"
#include "host.h"
#include "ntf.h"
#include "op.h"
#include "recover.h"
#include "set.h"
#include "state.h"

static int check_locked(const struct dpath_device *dev, const char *address, char *why, size_t size)
{
	lockdep_assert_held(&dpath_table_lock);
	if (!dev || dev->state != DIRECTPATH_STATE_QUARANTINED || !dev->mismatch) {
		scnprintf(why, size, "%s is %s%s: there is no change to accept", address, dpath_state_name(dev ? dev->state : DIRECTPATH_STATE_HOST),
			  dev && dev->state == DIRECTPATH_STATE_QUARANTINED ? " for another reason" : "");
		return -EINVAL;
	}
	if (!dpath_fingerprint_acceptable(&dev->reset.fingerprint, &dev->reset.found)) {
		scnprintf(why, size, "%s is another device for the host (%s): release it by force identity-mismatch, remove it from the bus, rescan",
			  address, dev->detail);
		return -EPERM;
	}
	return 0;
}

int dpath_accept_check(const char *address, char *why, size_t size)
{
	int ret;

	mutex_lock(&dpath_table_lock);
	ret = check_locked(dpath_device_lookup_locked(address), address, why, size);
	mutex_unlock(&dpath_table_lock);
	return ret;
}

static void accept_locked(struct dpath_device *dev, const struct dpath_actor *who)
{
	char cause[sizeof(dev->accepted.change) + 64];

	lockdep_assert_held(&dpath_table_lock);
	dev->accepted.who = *who;
	dev->accepted.time = ktime_get_real_seconds();
	strscpy(dev->accepted.change, dev->detail, sizeof(dev->accepted.change));
	dev->reset.fingerprint = dev->reset.found;
	dev->mismatch = false;
	scnprintf(cause, sizeof(cause), "accepted by uid %u, process %u (%s): %s", who->uid, who->pid, who->comm, dev->accepted.change);
	dpath_dev_ntf(dev, dev->state, cause);
}

static int begin_accept(struct dpath_set *set, struct dpath_op *op)
{
	struct dpath_device *dev, *member;
	int ret;

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_locked(op->address);
	ret = check_locked(dev, op->address, op->message, sizeof(op->message));
	if (ret)
		goto out;
	if (!dpath_set_begin_locked(set, "accept")) {
		scnprintf(op->message, sizeof(op->message), "set %d is busy: %s", set->id, set->busy ?: "it runs");
		ret = -EBUSY;
		goto out;
	}
	accept_locked(dev, &op->who);
	list_for_each_entry(member, &set->devices, set_node)
		dpath_device_set_state_locked(member, DIRECTPATH_STATE_RESETTING, "dev-accept");
out:
	mutex_unlock(&dpath_table_lock);
	return ret;
}

int dpath_accept_op(struct dpath_op *op)
{
	struct dpath_set *set;
	int ret;

	set = dpath_claim_set_of(op, op->address);
	if (IS_ERR(set))
		return PTR_ERR(set);
	if (!set)
		return dpath_op_fail(op, -EINVAL, "%s is not claimed: there is no change to accept", op->address);
	ret = begin_accept(set, op);
	if (!ret)
		ret = dpath_recover_begun(set, op, "accepted");
	dpath_set_put(set);
	return ret;
}
