// SPDX-License-Identifier: GPL-2.0
/*
 * Reset of a whole isolation set through the port above it.
 *
 * Taken for functions that have no reset of their own, and only when the port has nothing but members behind it: bridges on the way do not count,
 * they are restored by the kernel. VFs have no port, and a PF with VFs is not reset.
 *
 * pci_reset_bus() takes the locks of the port and of everything behind it by itself and by trylock, so none can be held across it; a member is
 * marked as being reset (dpath_reset.flags) meanwhile, which keeps dpath_reset_function() out. A member that is unbound or unplugged in that window
 * is reset under the locks of the kernel like any other, nothing here relies on it.
 *
 * Buses hold their bridges and functions hold their buses, so the references of the members keep everything above them.
 */

#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "reset.h"

/* Does @bus lie behind @top, or is it @top? VFs may be on buses of their own that no bridge leads to; the callers refuse VFs. */
static bool bus_below(struct pci_bus *bus, struct pci_bus *top)
{
	for (; bus; bus = bus->parent) {
		if (bus == top)
			return true;
	}
	return false;
}

/* A function right on the bus whose reset reaches all members: a member, or the bridge that leads to one; no reference of its own. */
static struct pci_dev *find_top(struct pci_dev **members, unsigned int nr)
{
	struct pci_dev *pdev = members[0];
	unsigned int i;

	for (i = 1; i < nr; i++) {
		while (!bus_below(members[i]->bus, pdev->bus)) {
			/* The buses hold their bridges, and the members hold their buses. */
			if (pci_is_root_bus(pdev->bus) || !pdev->bus->self)
				return NULL;
			pdev = pdev->bus->self;
		}
	}
	if (pci_is_root_bus(pdev->bus) || !pdev->bus->self)
		return NULL;
	return pdev;
}

struct outsider_query {
	struct pci_dev **members;
	unsigned int nr;
	char *outsider;
	size_t size;
	bool found;
};

/* Called under pci_bus_sem: compares pointers, nothing else. */
static int find_outsider(struct pci_dev *pdev, void *data)
{
	struct outsider_query *query = data;
	unsigned int i;

	for (i = 0; i < query->nr; i++) {
		if (query->members[i] == pdev)
			return 0;
	}
	/* A bridge on the way is reset and restored with what is behind it. */
	if (pdev->subordinate)
		return 0;
	strscpy(query->outsider, pci_name(pdev), query->size);
	query->found = true;
	return 1;
}

/**
 * dpath_reset_set_probe - may all members be reset through their bus or slot
 * @members: the functions to be claimed or claimed, without passive bridges
 * @nr: how many
 * @outsider: gets the address of the function that forbids it, else ""
 * @size: room in @outsider
 *
 * Context: process context; takes pci_bus_sem for read, no device_lock.
 * Return: 0; -ENOTTY: no port above them all, or it has no reset, or VFs hang on it; -EXDEV: @outsider would be reset too.
 */
int dpath_reset_set_probe(struct pci_dev **members, unsigned int nr, char *outsider, size_t size)
{
	struct outsider_query query = { .members = members, .nr = nr, .outsider = outsider, .size = size };
	struct pci_dev *top;
	unsigned int i;

	if (size)
		*outsider = '\0';
	for (i = 0; i < nr; i++) {
		if (members[i]->is_virtfn || pci_num_vf(members[i]))
			return -ENOTTY;
	}
	top = nr ? find_top(members, nr) : NULL;
	if (!top)
		return -ENOTTY;
	/* The same choice as pci_reset_bus() makes. pciehp resets the whole bus for a slot, so the bus counts in both cases. */
	if (pci_probe_reset_slot(top->slot) && pci_probe_reset_bus(top->bus))
		return -ENOTTY;
	pci_walk_bus(top->bus, find_outsider, &query);
	return query.found ? -EXDEV : 0;
}

bool dpath_reset_set_possible(struct pci_dev **members, unsigned int nr)
{
	char outsider[16];

	return !dpath_reset_set_probe(members, nr, outsider, sizeof(outsider));
}

struct affected_query {
	struct pci_dev **affected;
	unsigned int max;
	unsigned int nr;
};

static int add_affected(struct pci_dev *pdev, void *data)
{
	struct affected_query *query = data;

	/* A bridge on the way is reset and restored with what is behind it. */
	if (pdev->subordinate)
		return 0;
	if (query->nr < query->max)
		query->affected[query->nr] = pci_dev_get(pdev);
	query->nr++;
	return 0;
}

/**
 * dpath_reset_affected - the functions that a reset of a function's bus or slot touches
 * @pdev: the function
 * @affected: filled with references, @pdev among them
 * @max: room in @affected
 *
 * Context: process context; takes pci_bus_sem for read, no device_lock.
 * Return: how many; -ENODEV: no port above it, or one that has no reset; -ENOSPC: more than @max.
 */
int dpath_reset_affected(struct pci_dev *pdev, struct pci_dev **affected, unsigned int max)
{
	struct affected_query query = { .affected = affected, .max = max };

	if (pdev->is_virtfn || pci_is_root_bus(pdev->bus) || !pdev->bus->self)
		return -ENODEV;
	if (pci_probe_reset_slot(pdev->slot) && pci_probe_reset_bus(pdev->bus))
		return -ENODEV;
	pci_walk_bus(pdev->bus, add_affected, &query);
	if (query.nr <= max)
		return query.nr;
	while (max--)
		pci_dev_put(affected[max]);
	return -ENOSPC;
}

/**
 * dpath_reset_begin_all - mark functions as being reset, all or none
 * @members: the functions
 * @nr: how many
 *
 * While the marks stand nobody of us resets one of them, so none gets out of `resetting', and none goes to another tenant.
 *
 * Context: process context; takes each device_lock for a moment, by trylock.
 * Return: 0; -EAGAIN: one is locked by the driver core or being reset; -ENODEV: one is not bound any more.
 */
int dpath_reset_begin_all(struct dpath_reset **members, unsigned int nr)
{
	const char *why;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++) {
		if (!pci_dev_trylock(members[i]->pdev)) {
			ret = -EAGAIN;
			break;
		}
		ret = dpath_reset_begin_locked(members[i], &why);
		pci_dev_unlock(members[i]->pdev);
		if (ret)
			break;
	}
	if (ret)
		while (i--)
			dpath_reset_end(members[i]);
	return ret;
}

/**
 * dpath_reset_hot - reset a function's bus or slot while tenants have what is behind it
 * @pdev: the function
 *
 * The kernel saves and restores the config space of everything behind the port, and calls reset_prepare() and reset_done() of the drivers.
 *
 * Context: process context; may take minutes. Every function of dpath_reset_affected() is marked as being reset by the caller.
 * Return: 0; -EAGAIN: somebody holds a device_lock; -EBUSY: VFs would be lost; -EIO and others: it failed.
 */
int dpath_reset_hot(struct pci_dev *pdev)
{
	int ret = pci_reset_bus(pdev);

	return ret == -ENOTTY ? -EIO : ret;
}

/*
 * Each member marked as being reset, awake and pristine, so that what pci_reset_bus() saves and restores is not a tenant's. *begun counts the marks.
 */
static int clean_members(struct dpath_reset **members, unsigned int nr, unsigned int *begun, const char **why)
{
	struct pci_dev *pdev;
	int ret;

	for (*begun = 0; *begun < nr; (*begun)++) {
		pdev = members[*begun]->pdev;
		if (dpath_reset_gone(pdev)) {
			*why = "a member of the set does not answer";
			return -ENODEV;
		}
		if (!pci_dev_trylock(pdev)) {
			*why = "a member of the set is locked by the driver core";
			return -EAGAIN;
		}
		ret = dpath_reset_begin_locked(members[*begun], why);
		if (ret) {
			pci_dev_unlock(pdev);
			return ret;
		}
		ret = dpath_reset_clean_locked(members[*begun], why);
		pci_dev_unlock(pdev);
		if (ret) {
			(*begun)++;
			return ret;
		}
	}
	return 0;
}

static int reset_bus(struct pci_dev **pdevs, unsigned int nr, enum dpath_reset_method *method, const char **why)
{
	struct pci_dev *top = find_top(pdevs, nr);
	unsigned int i;
	int ret;

	*method = pci_probe_reset_slot(top->slot) ? DPATH_RESET_BUS : DPATH_RESET_SLOT;
	/* Both kernels take device_lock and config access of the port and of everything behind it by trylock only, and call reset_prepare(). */
	ret = pci_reset_bus(top);
	if (ret == -EAGAIN) {
		*why = "a member of the set or its port is locked by the driver core";
		return ret;
	}
	if (ret) {
		*why = "bus reset failed";
		return ret == -ENOTTY ? -EIO : ret;
	}
	for (i = 0; i < nr; i++) {
		if (dpath_reset_gone(pdevs[i])) {
			*why = "a member of the set does not answer after the reset";
			return -ENODEV;
		}
		/* It was off in what pci_reset_bus() has saved and restored; this is for what reset_done() may have done. */
		pci_clear_master(pdevs[i]);
	}
	return 0;
}

static int reset_members(struct dpath_reset **members, struct pci_dev **pdevs, unsigned int nr, const char **why)
{
	enum dpath_reset_method method = DPATH_RESET_NONE;
	ktime_t start = ktime_get();
	unsigned int i, begun;
	char outsider[16];
	int ret;

	ret = dpath_reset_set_probe(pdevs, nr, outsider, sizeof(outsider));
	if (ret) {
		*why = ret == -EXDEV ? "the port of the set has other functions behind it" : "the set has no port that can reset it";
		return -ENOTTY;
	}
	ret = clean_members(members, nr, &begun, why);
	if (!ret)
		ret = reset_bus(pdevs, nr, &method, why);
	for (i = 0; i < begun; i++) {
		members[i]->last_method = method;
		if (ret != -EAGAIN)
			dpath_reset_account(members[i], start, ret);
		dpath_reset_end(members[i]);
	}
	return ret;
}

/**
 * dpath_reset_set - reset all members together, through their bus or slot
 * @members: every claimed member of the set
 * @nr: how many
 * @why: set to a text when it fails
 *
 * The driver's reset_prepare() and reset_done() are called for each member, with its device_lock held.
 *
 * Context: a work; may take minutes. No lock that remove() or an error handler of ours takes may be held.
 * Return: 0; -ENOTTY: no port, or it has other functions behind it; -EAGAIN: a device_lock is taken or a member is being reset: try again; -ENODEV: a
 * member does not answer, or is not bound any more; -EIO and others: the reset failed.
 */
int dpath_reset_set(struct dpath_reset **members, unsigned int nr, const char **why)
{
	struct pci_dev **pdevs;
	unsigned int i;
	int ret;

	pdevs = kmalloc_array(nr, sizeof(*pdevs), GFP_KERNEL);
	if (!pdevs) {
		*why = "out of memory";
		return -ENOMEM;
	}
	for (i = 0; i < nr; i++)
		pdevs[i] = members[i]->pdev;
	ret = reset_members(members, pdevs, nr, why);
	kfree(pdevs);
	return ret;
}
