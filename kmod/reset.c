// SPDX-License-Identifier: GPL-2.0
/*
 * Quiesce, reset, read back, compare.
 *
 * struct dpath_reset lives with a claimed function. Its `pristine` is the config space as found at the claim, taken with bus master off; it is loaded
 * before a host's reset, so that what the kernel's reset code saves and restores is not the tenant's, and loaded again after it.
 *
 * Methods: the kernel keeps what a function can do as indices into a private table in pdev->reset_methods[]. To run one chosen method, the array is
 * narrowed to it around __pci_reset_function_locked(), under device_lock, as somebody who writes to sysfs reset_method would. Readers of this file
 * see the real array meanwhile (`narrowed`); a write to sysfs during a reset wins.
 *
 * Locks: device_lock and config access of the upstream bridge -> the same of the function -> dpath_reset.flags (one reset at a time; a bit, because
 * reset_set.c keeps it while the kernel takes and drops device_lock). All are only tried, -EAGAIN otherwise: remove() holds device_lock for as long
 * as a hung driver likes, and the callers are works that come again. The bridge is taken because a bus reset rewrites its control register, and
 * 6.12 warns if somebody else could write it meanwhile. narrow_lock is a leaf. The pristine state is freed when the function leaves its set, which
 * is begun then and has no run: nobody resets it any more.
 *
 * A reset takes up to a minute and cannot be aborted (the kernel polls the function until it answers); callers watch the clock from outside.
 */

#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "reset.h"

/* A function narrowed to one method; on the stack of whoever resets it. */
struct narrowing {
	struct list_head node;
	struct pci_dev *pdev;
	u8 methods[PCI_NUM_RESET_METHODS];
};

static DEFINE_SPINLOCK(narrow_lock); /* protects narrowed, and reset_methods[] of the functions in it */
static LIST_HEAD(narrowed);

/*
 * The kernel's indices (drivers/pci/pci.c, the table behind reset_methods[]; the same in 6.1 and 6.12, where 6.12 has one more). Its bus method tries
 * the slot first. A kernel that adds a method has to be looked at before this builds again.
 */
static const u8 kernel_methods[] = {
	[1] = DPATH_RESET_DEVICE_SPECIFIC,
	[2] = DPATH_RESET_ACPI,
	[3] = DPATH_RESET_FLR,
	[4] = DPATH_RESET_AF,
	[5] = DPATH_RESET_PM,
	[6] = DPATH_RESET_BUS,
	[7] = DPATH_RESET_BUS, /* CXL: the same with the port's mask lifted */
};

static_assert(PCI_NUM_RESET_METHODS == 7 || PCI_NUM_RESET_METHODS == 8);

/* The kernel's array as it is when nobody narrows it. */
static void read_methods(struct pci_dev *pdev, u8 *methods)
{
	const u8 *source = pdev->reset_methods;
	struct narrowing *narrow;

	spin_lock(&narrow_lock);
	list_for_each_entry(narrow, &narrowed, node) {
		if (narrow->pdev == pdev)
			source = narrow->methods;
	}
	memcpy(methods, source, PCI_NUM_RESET_METHODS);
	spin_unlock(&narrow_lock);
}

static void narrow_methods(struct narrowing *narrow, struct pci_dev *pdev, u8 index)
{
	narrow->pdev = pdev;
	spin_lock(&narrow_lock);
	memcpy(narrow->methods, pdev->reset_methods, sizeof(narrow->methods));
	memset(pdev->reset_methods, 0, sizeof(pdev->reset_methods));
	pdev->reset_methods[0] = index;
	list_add(&narrow->node, &narrowed);
	spin_unlock(&narrow_lock);
}

static void widen_methods(struct narrowing *narrow, u8 index)
{
	u8 *methods = narrow->pdev->reset_methods;

	spin_lock(&narrow_lock);
	list_del(&narrow->node);
	/* Otherwise sysfs was written meanwhile. */
	if (methods[0] == index && !methods[1])
		memcpy(methods, narrow->methods, sizeof(narrow->methods));
	spin_unlock(&narrow_lock);
}

/* What a kernel index means here; NONE for one that is out of range. */
static u8 method_of(u8 index)
{
	return index < ARRAY_SIZE(kernel_methods) ? kernel_methods[index] : DPATH_RESET_NONE;
}

struct neighbour_query {
	struct pci_dev *pdev;
	bool found;
};

static int find_neighbour(struct pci_dev *pdev, void *data)
{
	struct neighbour_query *query = data;

	query->found |= pdev != query->pdev;
	return query->found;
}

/* May a reset of its bus be called a reset of the function? Takes pci_bus_sem, in which AER takes device_lock: not under device_lock. */
static bool is_alone(struct pci_dev *pdev)
{
	struct neighbour_query query = { .pdev = pdev };

	lockdep_assert_not_held(&pdev->dev.mutex);
	if (pdev->is_virtfn || pci_is_root_bus(pdev->bus))
		return false;
	pci_walk_bus(pdev->bus, find_neighbour, &query);
	return !query.found;
}

/*
 * The kernel's indices that work now, 0 at the end. The kernel has asked each method when it met the function: then the first function of a card was
 * still alone on its bus, and has `bus' in its array for good.
 */
static void read_usable(struct pci_dev *pdev, u8 *methods)
{
	u8 all[PCI_NUM_RESET_METHODS], method;
	unsigned int i, nr = 0;

	read_methods(pdev, all);
	memset(methods, 0, PCI_NUM_RESET_METHODS);
	for (i = 0; i < PCI_NUM_RESET_METHODS && all[i]; i++) {
		method = method_of(all[i]);
		if (method == DPATH_RESET_NONE || (method == DPATH_RESET_BUS && !is_alone(pdev)))
			continue;
		methods[nr++] = all[i];
	}
}

/**
 * dpath_reset_methods - the function's own methods, best first
 * @pdev: the function, claimed or not
 * @order: filled with DPATH_RESET_*, each once; may be NULL if @max is 0
 * @max: room in @order
 *
 * BUS is among them only if the function is alone behind its port. What was disabled through sysfs reset_method is not.
 *
 * Context: process context; takes pci_bus_sem for read, so no device_lock may be held.
 * Return: how many there are.
 */
int dpath_reset_methods(struct pci_dev *pdev, u8 *order, unsigned int max)
{
	u8 methods[PCI_NUM_RESET_METHODS], found[DPATH_RESET_NR];
	unsigned int i, nr = 0;
	u8 method;

	read_usable(pdev, methods);
	for (i = 0; i < PCI_NUM_RESET_METHODS && methods[i]; i++) {
		method = method_of(methods[i]);
		if (!memchr(found, method, nr))
			found[nr++] = method;
	}
	if (max)
		memcpy(order, found, min(nr, max));
	return nr;
}

int dpath_reset_format_methods(struct pci_dev *pdev, char *buf, size_t size)
{
	u8 order[DPATH_RESET_NR];
	int nr = dpath_reset_methods(pdev, order, ARRAY_SIZE(order));

	return dpath_reset_format_order(order, nr, buf, size);
}

/* Config accesses to a function that has left the bus answer ones and may take long; resets of it never end well. */
bool dpath_reset_gone(struct pci_dev *pdev)
{
	return READ_ONCE(pdev->error_state) == pci_channel_io_perm_failure || !pci_device_is_present(pdev);
}

/* In D3cold a function forgets what it was given, and its first fault would come long after the VM's. What sysfs shows is what holds. */
static void forbid_d3cold(struct dpath_reset *reset)
{
	struct pci_dev *pdev = reset->pdev;

	reset->d3cold_allowed = pdev->d3cold_allowed;
	pdev->d3cold_allowed = false;
	if (pdev->no_d3cold)
		return;
	pci_d3cold_disable(pdev);
	reset->d3cold_off = true;
}

static void allow_d3cold(struct dpath_reset *reset)
{
	/* Somebody who has written to sysfs meanwhile has decided for himself. */
	if (!reset->pdev->d3cold_allowed)
		reset->pdev->d3cold_allowed = reset->d3cold_allowed;
	reset->d3cold_allowed = false;
	if (reset->d3cold_off)
		pci_d3cold_enable(reset->pdev);
	reset->d3cold_off = false;
}

/**
 * dpath_reset_init - start to keep a function resettable
 * @reset: to be filled
 * @pdev: the function, bound to us, in use by nobody
 *
 * Takes the pristine config space with bus master off, and keeps the function out of D3cold. The fingerprint is taken by the first
 * dpath_reset_verify(), after the reset of the claim.
 *
 * Context: probe(), device_lock held.
 * Return: 0, -ENODEV, or -ENOMEM.
 */
int dpath_reset_init(struct dpath_reset *reset, struct pci_dev *pdev)
{
	int ret;

	memset(reset, 0, sizeof(*reset));
	reset->pdev = pdev;
	if (dpath_reset_gone(pdev))
		return -ENODEV;
	forbid_d3cold(reset);
	ret = pci_set_power_state(pdev, PCI_D0);
	if (ret)
		goto err_allow_d3cold;
	pci_clear_master(pdev);
	/*
	 * A level that a tenant left asserted and that no reset took away would take the line from all who share it. A host driver's
	 * pci_enable_device() clears this.
	 */
	pci_intx(pdev, 0);
	ret = pci_save_state(pdev);
	if (ret)
		goto err_allow_d3cold;
	reset->pristine = pci_store_saved_state(pdev);
	if (!reset->pristine) {
		ret = -ENOMEM;
		goto err_allow_d3cold;
	}
	return 0;

err_allow_d3cold:
	allow_d3cold(reset);
	return ret;
}

/**
 * dpath_reset_destroy - the function is no longer ours to reset
 * @reset: the function
 *
 * One that never was is left alone: a claim may fail before its first probe().
 *
 * Context: its set is begun, without a run, which keeps out every reset of this function; or a failed probe(). Device_lock is not needed.
 */
void dpath_reset_destroy(struct dpath_reset *reset)
{
	if (!reset->pdev)
		return;
	kfree(reset->pristine);
	reset->pristine = NULL;
	allow_d3cold(reset);
}

/**
 * dpath_reset_quiesce - bus master off, and wait until nothing is pending
 * @pdev: the function
 *
 * Context: process context, bounded (0.7 s). Device_lock is not needed.
 * Return: 0; -ENODEV: it does not answer; -ETIMEDOUT: transactions are still pending, which a reset may cure.
 */
int dpath_reset_quiesce(struct pci_dev *pdev)
{
	if (dpath_reset_gone(pdev))
		return -ENODEV;
	pci_clear_master(pdev);
	return pci_wait_for_pending_transaction(pdev) ? 0 : -ETIMEDOUT;
}

/* Does any of the methods go through the upstream bridge? ACPI may do what it likes. */
static bool needs_bridge(const u8 *methods)
{
	unsigned int i;
	u8 method;

	for (i = 0; i < PCI_NUM_RESET_METHODS && methods[i]; i++) {
		method = method_of(methods[i]);
		if (method == DPATH_RESET_BUS || method == DPATH_RESET_ACPI)
			return true;
	}
	return false;
}

/* Tries to lock the upstream bridge, if a method needs it, and the function. @bridge: what to pass to unlock_path(). */
static bool trylock_path(struct pci_dev *pdev, const u8 *methods, struct pci_dev **bridge)
{
	*bridge = needs_bridge(methods) ? pci_upstream_bridge(pdev) : NULL;
	if (*bridge && !pci_dev_trylock(*bridge))
		return false;
	if (pci_dev_trylock(pdev))
		return true;
	if (*bridge)
		pci_dev_unlock(*bridge);
	return false;
}

static void unlock_path(struct pci_dev *pdev, struct pci_dev *bridge)
{
	pci_dev_unlock(pdev);
	if (bridge)
		pci_dev_unlock(bridge);
}

static int run_method_locked(struct pci_dev *pdev, u8 index)
{
	struct narrowing narrow;
	int ret;

	device_lock_assert(&pdev->dev);
	narrow_methods(&narrow, pdev, index);
	ret = __pci_reset_function_locked(pdev);
	widen_methods(&narrow, index);
	return ret;
}

/*
 * Run the kernel indices in @methods that mean @method (or all of them for NONE, the kernel's own order), until one works. Returns -ENOTTY if there
 * was none; *offered counts those that were tried.
 */
static int run_matching_locked(struct dpath_reset *reset, const u8 *methods, u8 method, unsigned int *offered)
{
	unsigned int i;
	int ret = -ENOTTY;

	device_lock_assert(&reset->pdev->dev);
	for (i = 0; i < PCI_NUM_RESET_METHODS && methods[i]; i++) {
		if (method != DPATH_RESET_NONE && method_of(methods[i]) != method)
			continue;
		(*offered)++;
		reset->last_method = method_of(methods[i]);
		ret = run_method_locked(reset->pdev, methods[i]);
		/* -ENOTTY is also what the kernel says when the function did not come back in time: the next method may bring it back. */
		if (ret != -ENOTTY)
			break;
	}
	return ret;
}

/*
 * Run the policy's methods, or the kernel's own order. In a policy any failure leads on to the next method: the admin has listed them, and a bus
 * reset often cures what an flr has not. SLOT is the kernel's bus method, which tries the slot first.
 */
static int run_policy_locked(struct dpath_reset *reset, const struct dpath_reset_policy *policy, const u8 *methods, unsigned int *offered)
{
	unsigned int i;
	int ret = -ENOTTY, one;
	u8 method;

	device_lock_assert(&reset->pdev->dev);
	*offered = 0;
	if (!policy->nr)
		return run_matching_locked(reset, methods, DPATH_RESET_NONE, offered);
	for (i = 0; i < policy->nr; i++) {
		method = policy->order[i] == DPATH_RESET_SLOT ? DPATH_RESET_BUS : policy->order[i];
		one = run_matching_locked(reset, methods, method, offered);
		if (!one)
			return 0;
		if (one != -ENOTTY)
			ret = one;
	}
	return ret;
}

/* Config space as it was at the claim; bus master is off. */
static int restore_pristine_locked(struct dpath_reset *reset)
{
	struct pci_dev *pdev = reset->pdev;
	int ret;

	device_lock_assert(&pdev->dev);
	ret = pci_load_saved_state(pdev, reset->pristine);
	if (ret)
		return ret;
	pci_restore_state(pdev);
	pci_clear_master(pdev);
	return 0;
}

/* Awake and pristine: from here on nothing of the tenant is left in what the kernel saves. */
int dpath_reset_clean_locked(struct dpath_reset *reset, const char **why)
{
	int ret;

	device_lock_assert(&reset->pdev->dev);
	ret = pci_set_power_state(reset->pdev, PCI_D0);
	if (ret) {
		*why = "cannot be brought to D0";
		return ret;
	}
	ret = restore_pristine_locked(reset);
	if (ret)
		*why = "saved config space does not fit the function any more";
	return ret;
}

/* Everything off, as the kernel's own reset paths do it. */
static void disable_function(struct pci_dev *pdev)
{
	pci_write_config_word(pdev, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE);
}

static int reset_host_locked(struct dpath_reset *reset, const struct dpath_reset_policy *policy, const u8 *methods, const char **why)
{
	bool skip = policy->consent_none && !policy->nr;
	unsigned int offered = 0;
	int ret;

	device_lock_assert(&reset->pdev->dev);
	if (pci_num_vf(reset->pdev)) {
		*why = "has virtual functions enabled, which a reset would take away";
		return -EBUSY;
	}
	ret = dpath_reset_clean_locked(reset, why);
	if (ret)
		return ret;
	reset->last_method = DPATH_RESET_NONE;
	if (skip)
		return 0;
	disable_function(reset->pdev);
	ret = run_policy_locked(reset, policy, methods, &offered);
	if (!offered)
		*why = policy->nr ? "has none of the reset methods of its policy" : "has no reset method";
	else if (ret)
		*why = "reset failed";
	if (!offered && policy->consent_none)
		ret = 0;
	if (offered && dpath_reset_gone(reset->pdev)) {
		*why = "does not answer after the reset";
		return -ENODEV;
	}
	/* Also after a failure: whatever the function is now, it should not decode where nobody expects it. */
	if (restore_pristine_locked(reset) && !ret) {
		*why = "saved config space does not fit the function any more";
		ret = -EIO;
	}
	/* A method that was there and did not work must not look like no method. */
	return ret == -ENOTTY && offered ? -EIO : ret;
}

static int begin_locked(struct dpath_reset *reset, const char **why)
{
	device_lock_assert(&reset->pdev->dev);
	if (!reset->pristine) {
		*why = "is not bound any more";
		return -ENODEV;
	}
	if (test_and_set_bit_lock(DPATH_RESET_BUSY, &reset->flags)) {
		*why = "is being reset already";
		return -EAGAIN;
	}
	return 0;
}

/**
 * dpath_reset_begin_locked - start a reset, unless there is one, or the function is not ours any more
 * @reset: the function
 * @why: set to a text when it fails
 *
 * Context: device_lock held.
 * Return: 0; -ENODEV; -EAGAIN.
 */
int dpath_reset_begin_locked(struct dpath_reset *reset, const char **why)
{
	device_lock_assert(&reset->pdev->dev);
	if (dpath_reset_is_frozen(reset)) {
		*why = "is being recovered from a fatal error";
		return -EAGAIN;
	}
	return begin_locked(reset, why);
}

void dpath_reset_end(struct dpath_reset *reset)
{
	clear_bit_unlock(DPATH_RESET_BUSY, &reset->flags);
}

void dpath_reset_account(struct dpath_reset *reset, ktime_t start, int ret)
{
	reset->last_ms = ktime_ms_delta(ktime_get(), start);
	atomic64_inc(&reset->count);
	if (ret)
		atomic64_inc(&reset->failures);
}

/**
 * dpath_reset_function - reset one function between two tenants
 * @reset: the function
 * @policy: which methods, in which order
 * @why: set to a text when it fails
 *
 * The caller has quiesced it and has closed its BARs: the driver's reset_prepare() and reset_done() are not called.
 *
 * Context: a work; may take minutes. No lock that remove() or an error handler of ours takes may be held, nor device_lock.
 * Return: 0; -ENOTTY: no such method, and no consent; -EAGAIN: somebody holds device_lock of the function or of its port, or resets it: try again;
 * -ENODEV: it does not answer; -EBUSY: it has VFs; -EIO and others: the reset failed.
 */
int dpath_reset_function(struct dpath_reset *reset, const struct dpath_reset_policy *policy, const char **why)
{
	struct pci_dev *pdev = reset->pdev, *bridge;
	u8 methods[PCI_NUM_RESET_METHODS];
	ktime_t start = ktime_get();
	int ret;

	if (dpath_reset_gone(pdev)) {
		*why = "does not answer";
		return -ENODEV;
	}
	read_usable(pdev, methods);
	if (!trylock_path(pdev, methods, &bridge)) {
		*why = "is locked by the driver core";
		return -EAGAIN;
	}
	ret = dpath_reset_begin_locked(reset, why);
	if (ret)
		goto out_unlock;
	ret = reset_host_locked(reset, policy, methods, why);
	dpath_reset_account(reset, start, ret);
	dpath_reset_end(reset);
out_unlock:
	unlock_path(pdev, bridge);
	return ret;
}

static const struct pci_error_handlers *error_handlers(struct pci_dev *pdev)
{
	device_lock_assert(&pdev->dev);
	return pdev->driver ? pdev->driver->err_handler : NULL;
}

static int reset_guest_locked(struct dpath_reset *reset, const struct dpath_reset_policy *policy, const u8 *methods, const bool *dead)
{
	struct pci_dev *pdev = reset->pdev;
	const struct pci_error_handlers *handlers = error_handlers(pdev);
	unsigned int offered;
	int ret;

	device_lock_assert(&pdev->dev);
	if (pci_num_vf(pdev))
		return -EBUSY;
	if (handlers && handlers->reset_prepare)
		handlers->reset_prepare(pdev);
	pci_set_power_state(pdev, PCI_D0);
	ret = pci_save_state(pdev);
	if (!ret) {
		disable_function(pdev);
		reset->last_method = DPATH_RESET_NONE;
		ret = run_policy_locked(reset, policy, methods, &offered);
		pci_restore_state(pdev);
		/* The end of a run sets the flag before it quiesces, and the guest's command may have bus mastering on. */
		if (READ_ONCE(*dead))
			pci_clear_master(pdev);
	}
	if (handlers && handlers->reset_done)
		handlers->reset_done(pdev);
	return ret;
}

/**
 * dpath_reset_guest - a reset that the tenant asked for
 * @reset: the function
 * @policy: which methods, in which order
 * @dead: the tenant has lost the function; looked at under device_lock
 *
 * As pci_try_reset_function(): BARs, command and what else the kernel saves stay as they are, and the driver's reset_prepare() and reset_done() are
 * called around it with device_lock held; the caller holds no lock that these take.
 *
 * Context: process context; may take minutes.
 * Return: 0; -ENOTTY: no method, or the policy is none; -EAGAIN: somebody holds device_lock, or it is being reset; -ENODEV; -EBUSY: it has VFs; or
 * what the method said.
 */
int dpath_reset_guest(struct dpath_reset *reset, const struct dpath_reset_policy *policy, const bool *dead)
{
	struct pci_dev *pdev = reset->pdev, *bridge;
	u8 methods[PCI_NUM_RESET_METHODS];
	ktime_t start = ktime_get();
	const char *why;
	int ret;

	read_usable(pdev, methods);
	if ((policy->consent_none && !policy->nr) || !methods[0])
		return -ENOTTY;
	if (dpath_reset_gone(pdev))
		return -ENODEV;
	if (!trylock_path(pdev, methods, &bridge))
		return -EAGAIN;
	/* The end of a run sets the flag before it resets under the same lock: what comes later would hit the next tenant. */
	ret = READ_ONCE(*dead) ? -ENODEV : dpath_reset_begin_locked(reset, &why);
	if (ret)
		goto out_unlock;
	ret = reset_guest_locked(reset, policy, methods, dead);
	dpath_reset_account(reset, start, ret);
	dpath_reset_end(reset);
out_unlock:
	unlock_path(pdev, bridge);
	return ret;
}

/**
 * dpath_reset_verify - does the function answer, and is it the one we claimed
 * @reset: the function; the first call takes its fingerprint
 * @why: text of what is wrong
 * @size: room in @why
 *
 * Context: process context, function awake; the caller serialises it with resets.
 * Return: 0; -ENODEV: it does not answer; -EBADE: something differs.
 */
int dpath_reset_verify(struct dpath_reset *reset, char *why, size_t size)
{
	struct dpath_fingerprint now;
	int ret;

	ret = dpath_fingerprint_take(reset->pdev, &now);
	if (ret) {
		snprintf(why, size, "does not answer (all ones)");
		return ret;
	}
	if (!reset->fingerprint.valid) {
		reset->fingerprint = now;
		return 0;
	}
	ret = dpath_fingerprint_compare(&reset->fingerprint, &now, why, size);
	if (ret)
		reset->found = now;
	return ret;
}

/* A tenant finds decode off, as after any reset; the MSI-X table is in memory space, and is written with decode on. */
static void restore_decode(struct pci_dev *pdev)
{
	u16 cmd;

	pci_read_config_word(pdev, PCI_COMMAND, &cmd);
	cmd &= ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	if (pdev->msix_enabled) {
		pci_write_config_word(pdev, PCI_COMMAND, cmd | PCI_COMMAND_MEMORY);
		pci_restore_msi_state(pdev);
	}
	pci_write_config_word(pdev, PCI_COMMAND, cmd);
}

/**
 * dpath_reset_recovered - the kernel has reset the port above a function that a tenant may have
 * @reset: the function
 * @why: text of what is wrong
 * @size: room in @why
 *
 * Config space becomes that of the claim, but for MSI and MSI-X, which the kernel knows; decode and bus mastering are off.
 *
 * Context: a work, after resume() of the driver: device_lock and config access held, and the tenant's lease. Bounded: some hundred config accesses.
 * Return: 0; -EAGAIN: it is being reset by us; -ENODEV: it does not answer, or is not bound any more; -EBADE: it is not what it was; -EIO.
 */
int dpath_reset_recovered(struct dpath_reset *reset, char *why, size_t size)
{
	const char *reason = "";
	int ret;

	ret = begin_locked(reset, &reason);
	if (ret) {
		strscpy(why, reason, size);
		return ret;
	}
	/* Whatever state a tenant has left it in: a function is in D0 after a reset of the link. */
	reset->pdev->current_state = PCI_D0;
	if (!pci_device_is_present(reset->pdev)) {
		strscpy(why, "does not answer", size);
		ret = -ENODEV;
	} else if (restore_pristine_locked(reset)) {
		strscpy(why, "saved config space does not fit the function any more", size);
		ret = -EIO;
	} else {
		restore_decode(reset->pdev);
		ret = dpath_reset_verify(reset, why, size);
	}
	dpath_reset_end(reset);
	return ret;
}
