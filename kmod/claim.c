// SPDX-License-Identifier: GPL-2.0
/*
 * Claim: sets are taken from the host, whole ones, all or nothing. Giving them back is release.c.
 *
 * Every function here runs in an operation's work and may take long. A claim goes: verdict of every member (nothing has been touched yet) -> state
 * claiming -> driver_override -> host drivers unbound -> bound to us -> DMA owned (blocked from here) -> quiesce, reset, compare -> ready. A failure
 * before DMA is owned gives every member back to its host driver; after it, a member that does not pass is quarantined, with DMA blocked. While a
 * host driver hangs in remove() nothing is held but the set's busy mark; the watchdog of the operation tells the caller.
 */

#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "claim.h"
#include "clean.h"
#include "device.h"
#include "host.h"
#include "lease.h"
#include "op.h"
#include "release.h"
#include "set.h"
#include "state.h"
#include "verdict.h"
#include "vm.h"

#define READY_POLL_MS 5
/* A hot-plug controller adds what it has found within milliseconds. */
#define ADDED_MS 1000

/* What a claim works on: the functions of one set that can be claimed. */
struct claim {
	struct dpath_op *op;
	struct iommu_group *group;
	struct dpath_members members;
	struct dpath_device *devs[DPATH_SET_MAX];
	struct dpath_set *set;
	bool entered[DPATH_SET_MAX];	/* the host's before this claim */
	bool taken[DPATH_SET_MAX];	/* override set, host driver asked to go */
	struct dpath_verdict verdict;
};

/* Bridges of the set stay with the host: they do no DMA of their own and their driver manages none. */
static void drop_bridges(struct dpath_members *members)
{
	unsigned int i, kept = 0;

	for (i = 0; i < members->nr; i++) {
		if (members->pdev[i]->hdr_type == PCI_HEADER_TYPE_NORMAL)
			members->pdev[kept++] = members->pdev[i];
		else
			pci_dev_put(members->pdev[i]);
	}
	members->nr = kept;
}

static int keep_verdict(struct claim *claim)
{
	kfree(claim->op->verdict);
	claim->op->verdict = kmemdup(&claim->verdict, sizeof(claim->verdict), GFP_KERNEL);
	return claim->op->verdict ? 0 : -ENOMEM;
}

static int refuse(struct claim *claim, struct pci_dev *pdev, const struct dpath_reason *reason, int ret)
{
	keep_verdict(claim);
	return dpath_op_fail(claim->op, ret, "%s: %s: %s%s%s", pci_name(pdev), dpath_reason_name(reason->code), reason->culprit,
			     reason->fix[0] ? "; fix: " : "", reason->fix);
}

/* In use now is busy; what the platform or an admin rules out is not permitted. */
static int reason_errno(enum directpath_reason code)
{
	switch (code) {
	case DIRECTPATH_REASON_NETDEV_UP:
	case DIRECTPATH_REASON_DRIVER_BUSY:
	case DIRECTPATH_REASON_VFS_ENABLED:
	case DIRECTPATH_REASON_CONSOLE_GPU:
	case DIRECTPATH_REASON_DRIVER_BOUND:
	case DIRECTPATH_REASON_SET_SHARED:
		return -EBUSY;
	default:
		return -EPERM;
	}
}

static void add_driver_bound(struct dpath_verdict *verdict, const char *driver)
{
	struct dpath_reason *reason;

	if (verdict->nr == DPATH_REASONS_MAX)
		return;
	reason = &verdict->reasons[verdict->nr++];
	*reason = (struct dpath_reason){ .code = DIRECTPATH_REASON_DRIVER_BOUND, .blocking = true };
	scnprintf(reason->culprit, sizeof(reason->culprit), "the host driver %s is bound to it", driver);
	scnprintf(reason->fix, sizeof(reason->fix), "give `unbind' to take it from %s", driver);
}

/* The first blocking reason that nothing overrules. */
static int refuse_blocked(struct claim *claim, struct pci_dev *pdev)
{
	struct dpath_op *op = claim->op;
	unsigned int i;

	for (i = 0; i < claim->verdict.nr; i++) {
		const struct dpath_reason *reason = &claim->verdict.reasons[i];

		if (!reason->blocking || (reason->forceable && dpath_op_forces(op, reason->code)))
			continue;
		if (reason->code == DIRECTPATH_REASON_SET_SHARED && op->whole_set && reason->forceable)
			continue;
		return refuse(claim, pdev, reason, reason_errno(reason->code));
	}
	return 0;
}

/* What the host driver, if there is one, does with it. */
static void judge_use(struct claim *claim, struct pci_dev *pdev)
{
	char driver[32];

	dpath_device_driver_name(pdev, driver, sizeof(driver));
	if (!driver[0] || dpath_driver_is_ours(pdev))
		return;
	dpath_verdict_in_use(pdev, &claim->verdict);
	if (!claim->op->unbind)
		add_driver_bound(&claim->verdict, driver);
}

/*
 * A rule of udev's sees a function that the IOMMU layer may not have listed yet and that has no addresses: these come before pci_bus_add_device(),
 * which makes its entry in /proc. One that leaves has none either.
 */
static void await_added(struct pci_dev *pdev)
{
	unsigned int tries = ADDED_MS / READY_POLL_MS;

	while (IS_ENABLED(CONFIG_PROC_FS) && !READ_ONCE(pdev->procent) && tries--)
		msleep(READY_POLL_MS);
}

static int judge(struct claim *claim, struct pci_dev *pdev)
{
	struct dpath_verdict_opts opts = {};
	struct dpath_verdict *verdict = &claim->verdict;
	struct dpath_device *dev;

	mutex_lock(&dpath_table_lock);
	opts.unsafe_interrupts = dpath_host.unsafe_interrupts;
	dev = dpath_device_lookup_locked(pci_name(pdev));
	opts.consent_none = dev && dev->policy.consent_none;
	mutex_unlock(&dpath_table_lock);

	memset(verdict, 0, sizeof(*verdict));
	dpath_verdict_collect(pdev, &opts, verdict);
	judge_use(claim, pdev);
	return refuse_blocked(claim, pdev);
}

static int refuse_partial(struct claim *claim, struct pci_dev *pdev)
{
	char others[160] = "";
	unsigned int i, len = 0;

	for (i = 0; i < claim->members.nr; i++)
		if (claim->members.pdev[i] != pdev)
			len += scnprintf(others + len, sizeof(others) - len, "%s%s", len ? ", " : "", pci_name(claim->members.pdev[i]));
	return dpath_op_fail(claim->op, -EBUSY, "%s: set-shared: set %d also holds %s; claim the whole set (set), or none of it", pci_name(pdev),
			     iommu_group_id(claim->group), others);
}

static bool is_member(const struct claim *claim, const struct pci_dev *pdev)
{
	unsigned int i;

	for (i = 0; i < claim->members.nr; i++)
		if (claim->members.pdev[i] == pdev)
			return true;
	return false;
}

/* Who is in the set, and may all of them be taken? Touches nothing. */
static int examine(struct claim *claim)
{
	struct dpath_op *op = claim->op;
	struct pci_dev *pdev;
	unsigned int i;
	int ret;

	pdev = dpath_device_find_pci(op->address);
	if (IS_ERR(pdev))
		return dpath_op_fail(op, PTR_ERR(pdev), "no PCI function %s", op->address);
	await_added(pdev);
	claim->group = iommu_group_get(&pdev->dev);
	if (!claim->group) {
		ret = judge(claim, pdev) ?: -EPERM;
		goto out;
	}
	ret = dpath_group_members(claim->group, &claim->members);
	if (ret) {
		dpath_op_fail(op, ret, "set %d of %s cannot be listed", iommu_group_id(claim->group), op->address);
		goto out;
	}
	/* The function that was named is judged first, so that its own reasons are what the caller reads. */
	ret = judge(claim, pdev);
	if (ret)
		goto out;
	drop_bridges(&claim->members);
	/* The IOMMU layer tells a function its group before it lists it there, and has taken it off the list when the group is told to go. */
	if (!is_member(claim, pdev)) {
		ret = dpath_op_fail(op, -EAGAIN, "%s is just being added to set %d, or leaves it: try again", op->address,
				    iommu_group_id(claim->group));
		goto out;
	}
	if (claim->members.nr > 1 && !op->whole_set) {
		ret = refuse_partial(claim, pdev);
		goto out;
	}
	for (i = 0; i < claim->members.nr && !ret; i++)
		if (claim->members.pdev[i] != pdev) {
			await_added(claim->members.pdev[i]);
			ret = judge(claim, claim->members.pdev[i]);
		}
out:
	pci_dev_put(pdev);
	return ret;
}

/* Is all of it ours already? */
static bool already_claimed_locked(struct claim *claim)
{
	unsigned int i, claimed = 0;

	lockdep_assert_held(&dpath_table_lock);
	for (i = 0; i < claim->members.nr; i++)
		claimed += dpath_state_claimed(claim->devs[i]->state) && claim->devs[i]->state != DIRECTPATH_STATE_CLAIMING;
	return claimed && claimed == claim->members.nr;
}

/* All members to `claiming', or none. 1: nothing to do. */
static int enter_claiming(struct claim *claim)
{
	struct dpath_op *op = claim->op;
	unsigned int i;
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	for (i = 0; i < claim->members.nr; i++) {
		claim->devs[i] = dpath_device_obtain_locked(claim->members.pdev[i]);
		if (!claim->devs[i]) {
			ret = -ENOMEM;
			goto out;
		}
	}
	if (already_claimed_locked(claim)) {
		ret = 1;
		goto out;
	}
	claim->set = dpath_set_obtain_locked(claim->group);
	if (!claim->set) {
		ret = -ENOMEM;
		goto out;
	}
	if (claim->set->changed) {
		scnprintf(op->message, sizeof(op->message), "a function was added to set %d after its claim: release the set first", claim->set->id);
		dpath_set_put(claim->set);
		claim->set = NULL;
		ret = -EPERM;
		goto out;
	}
	if (!dpath_set_begin_locked(claim->set, "claim")) {
		scnprintf(op->message, sizeof(op->message), "set %d is busy: %s; try again when it has ended", claim->set->id,
			  claim->set->busy ?: "it runs");
		dpath_set_put(claim->set);
		claim->set = NULL;
		ret = -EBUSY;
		goto out;
	}
	for (i = 0; i < claim->members.nr; i++) {
		if (claim->devs[i]->state != DIRECTPATH_STATE_HOST)
			continue;	/* a member that was bound by hand is ours already */
		dpath_set_link_locked(claim->set, claim->devs[i]);
		claim->devs[i]->detail[0] = '\0';
		dpath_device_set_state_locked(claim->devs[i], DIRECTPATH_STATE_CLAIMING, "dev-claim");
		claim->entered[i] = true;
	}
out:
	mutex_unlock(&dpath_table_lock);
	return ret;
}

static int override_driver(struct claim *claim, struct dpath_device *dev, const char *ours)
{
	char *override;
	int ret;

	ret = dpath_driver_get_override(dev->pdev, &override);
	if (ret)
		return dpath_op_fail(claim->op, ret, "%s: driver_override could not be read (%d)", dev->address, ret);
	mutex_lock(&dpath_table_lock);
	kfree(dev->prev_override);
	dev->prev_override = override;
	dev->overridden = true;
	mutex_unlock(&dpath_table_lock);

	ret = dpath_driver_set_override(dev->pdev, ours);
	if (ret)
		return dpath_op_fail(claim->op, ret, "%s: driver_override could not be set (%d)", dev->address, ret);
	return 0;
}

/* Who has it now has it until we take it: a probe() that was under way when the override came has ended once the lock was ours. */
static void find_host_driver(struct dpath_device *dev)
{
	char driver[sizeof(dev->host_driver)];

	device_lock(&dev->pdev->dev);
	dpath_device_driver_name(dev->pdev, driver, sizeof(driver));
	/* Bound by hand meanwhile, which is what we were about to do. */
	if (dpath_driver_is_ours(dev->pdev))
		driver[0] = '\0';
	device_unlock(&dev->pdev->dev);
	mutex_lock(&dpath_table_lock);
	strscpy(dev->host_driver, driver, sizeof(dev->host_driver));
	mutex_unlock(&dpath_table_lock);
}

static int take_member(struct claim *claim, unsigned int i, const char *ours)
{
	struct dpath_device *dev = claim->devs[i];
	int ret;

	if (dev->bound)
		return 0;
	/* 6.1 takes device_lock for driver_override already. */
	dpath_device_detail(dev, "the wait for its device lock");
	dpath_op_deadline(claim->op, READ_ONCE(dpath_host.unbind_deadline_ms),
			  "%s: the kernel or a driver has not ended in time what it does with it; it stays `claiming' until then, and then goes back",
			  dev->address);
	ret = override_driver(claim, dev, ours);
	if (!ret) {
		claim->taken[i] = true;
		find_host_driver(dev);
	}
	dpath_device_detail(dev, "%s", "");
	if (ret)
		return ret;
	if (!dev->host_driver[0])
		return 0;
	/* It may have come, or come into use, since it was judged. */
	memset(&claim->verdict, 0, sizeof(claim->verdict));
	judge_use(claim, dev->pdev);
	ret = refuse_blocked(claim, dev->pdev);
	if (ret)
		return ret;
	dpath_device_detail(dev, "%s remove", dev->host_driver);
	dpath_op_deadline(claim->op, READ_ONCE(dpath_host.unbind_deadline_ms),
			  "%s: the host driver %s has not let go in time; it stays `claiming' until that driver returns, and then goes back to it",
			  dev->address, dev->host_driver);
	dpath_driver_unbind(dev->pdev);
	dpath_device_detail(dev, "%s", "");
	return 0;
}

static int bind_member(struct claim *claim, unsigned int i, const char *ours)
{
	struct dpath_device *dev = claim->devs[i];
	int ret;

	if (dev->bound)
		return 0;
	/* A function that the kernel has announced, as udev's rules see it, can be had when it has been added to its bus, with resources. */
	while ((ret = dpath_driver_bind(dev->pdev, ours)) == -EAGAIN && !dpath_op_expired(claim->op))
		msleep(READY_POLL_MS);
	/* The kernel binds it by the override itself then. */
	if (dev->bound)
		return 0;
	if (!ret)
		ret = -ENODEV;
	if (ret)
		return dpath_op_fail(claim->op, ret, "%s: the %s driver could not be bound (%d)", dev->address, ours, ret);
	return 0;
}

/* Nothing has been owned yet: every member that was taken goes back. */
static void roll_back(struct claim *claim)
{
	unsigned int i;

	for (i = claim->members.nr; i--; ) {
		struct dpath_device *dev = claim->devs[i];

		if (!claim->entered[i])
			continue;
		dpath_release_unbind(dev);
		dpath_set_unlink(claim->set, dev);
		mutex_lock(&dpath_table_lock);
		dpath_device_set_state_locked(dev, dev->unplugged ? DIRECTPATH_STATE_GONE : DIRECTPATH_STATE_HOST, "the claim failed");
		mutex_unlock(&dpath_table_lock);
		if (claim->taken[i])
			dpath_release_to_host(dev, false);
	}
}

static int take_all(struct claim *claim)
{
	char ours[32];
	unsigned int i;
	int ret = 0;

	dpath_driver_name(ours, sizeof(ours));
	for (i = 0; i < claim->members.nr && !ret; i++)
		ret = take_member(claim, i, ours);
	if (!ret && dpath_op_expired(claim->op))
		ret = -ETIMEDOUT;	/* the caller was told; what he was told is what happens */
	for (i = 0; i < claim->members.nr && !ret; i++)
		ret = bind_member(claim, i, ours);
	return ret;
}

static int run_claim(struct claim *claim)
{
	char why[192] = "";
	int ret;

	ret = examine(claim);
	if (ret)
		return ret;
	ret = enter_claiming(claim);
	if (ret)
		return ret > 0 ? 0 : ret;
	ret = take_all(claim);
	if (ret) {
		roll_back(claim);
		goto out_end;
	}
	dpath_op_deadline(claim->op, READ_ONCE(dpath_host.reset_deadline_ms), "%s: its reset takes longer than the deadline; watch its state",
			  claim->op->address);
	ret = dpath_set_take_over(claim->set, why, sizeof(why));
	if (ret) {
		dpath_op_fail(claim->op, ret, "%s", why);
		if (!claim->set->owned)
			roll_back(claim);
		goto out_end;
	}
	ret = dpath_set_clean(claim->set, "claimed", why, sizeof(why));
	if (ret)
		dpath_op_fail(claim->op, ret, "%s", why);
	goto out;
out_end:
	dpath_set_end(claim->set);
out:
	dpath_set_queue_adopt(claim->set);
	dpath_set_put(claim->set);
	return ret;
}

int dpath_claim_op(struct dpath_op *op)
{
	struct claim *claim;
	unsigned int i;
	int ret;

	claim = kzalloc(sizeof(*claim), GFP_KERNEL);
	if (!claim)
		return -ENOMEM;
	claim->op = op;
	ret = run_claim(claim);
	for (i = 0; i < DPATH_SET_MAX; i++)
		if (claim->devs[i])
			dpath_device_put(claim->devs[i]);
	dpath_group_put_members(&claim->members);
	if (claim->group)
		iommu_group_put(claim->group);
	kfree(claim);
	return ret;
}

struct dpath_set *dpath_claim_set_of(struct dpath_op *op, const char *address)
{
	struct dpath_set *set = NULL;
	struct dpath_device *dev;
	struct pci_dev *pdev;

	pdev = dpath_device_find_pci(address);
	if (IS_ERR(pdev)) {
		dpath_op_fail(op, PTR_ERR(pdev), "no PCI function %s", address);
		return ERR_CAST(pdev);
	}
	pci_dev_put(pdev);
	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_locked(address);
	if (dev && dev->set) {
		set = dev->set;
		dpath_set_get(set);
	}
	mutex_unlock(&dpath_table_lock);
	return set;
}
