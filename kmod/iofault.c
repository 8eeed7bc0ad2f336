// SPDX-License-Identifier: GPL-2.0
/*
 * DMA that the IOMMU has refused, where its driver reports it: AMD's does, VT-d's writes to the kernel log only (`directpath monitor' reads it
 * there).
 *
 * A fault is reported wherever the driver finds it, perhaps in an interrupt, and a function may fault as fast as its link allows. So the handler adds
 * up by function, in a short table under a spinlock, and a work does the rest: the counter, an event for many faults, and the limit. The limit counts
 * in windows that begin with a fault; who reaches it loses the run, by the way of every revocation.
 *
 * A function is known here by the address of its struct device, which is compared and never followed.
 */

#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "device.h"
#include "error.h"
#include "host.h"
#include "iofault.h"
#include "set.h"
#include "state.h"
#include "vm.h"

/* Functions that fault between two runs of the work; of more than these some are found later, if they go on. */
#define SLOTS 32

/**
 * struct pending - faults of one function that nobody has looked at
 * @device: whose; NULL: the slot is free
 * @nr: how many
 * @iova: address of the last one
 * @write: it was a write
 */
struct pending {
	const struct device *device;
	u64 nr;
	u64 iova;
	bool write;
};

static DEFINE_RAW_SPINLOCK(pending_lock); /* protects pending; taken in interrupts */
static struct pending pending[SLOTS];

static void fault_work(struct work_struct *work);
static DECLARE_WORK(iofault_work, fault_work);

static struct pending *find_slot_locked(const struct device *device)
{
	unsigned int i;

	lockdep_assert_held(&pending_lock);
	for (i = 0; i < SLOTS && pending[i].device; i++)
		if (pending[i].device == device)
			return &pending[i];
	return i < SLOTS ? &pending[i] : NULL;
}

int dpath_iofault_handler(struct iommu_domain *domain, struct device *device, unsigned long iova, int flags, void *token)
{
	struct pending *slot;
	unsigned long irq;

	raw_spin_lock_irqsave(&pending_lock, irq);
	slot = find_slot_locked(device);
	if (slot) {
		slot->device = device;
		slot->nr++;
		slot->iova = iova;
		slot->write = flags & IOMMU_FAULT_WRITE;
	}
	raw_spin_unlock_irqrestore(&pending_lock, irq);
	queue_work(dpath_wq, &iofault_work);
	/* Not handled: the driver writes its line. */
	return -EOPNOTSUPP;
}

static struct dpath_device *find_device_locked(const struct device *device)
{
	struct dpath_device *dev;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(dev, &dpath_devices, node)
		if (&dev->pdev->dev == device)
			return dev;
	return NULL;
}

/* Has it had enough? */
static bool reached_limit_locked(struct dpath_device *dev, u64 nr)
{
	struct dpath_errors *errors = &dev->errors;
	u32 limit = dpath_error_fault_limit_locked(dev);

	lockdep_assert_held(&dpath_table_lock);
	if (!errors->window_count || time_after(jiffies, errors->window + DIRECTPATH_FAULT_WINDOW * HZ)) {
		errors->window = jiffies;
		errors->window_count = 0;
	}
	errors->window_count += nr;
	return limit && errors->window_count >= limit && dev->state == DIRECTPATH_STATE_RUNNING;
}

/* What @one says of a function. The set whose run is to end, with a reference, or NULL. */
static struct dpath_set *take_faults_locked(const struct pending *one, char *cause, size_t size)
{
	struct dpath_fault fault = { .kind = DIRECTPATH_FAULT_KIND_IOMMU, .has_iova = true, .iova = one->iova, .write = one->write };
	struct dpath_device *dev = find_device_locked(one->device);
	bool enough;

	lockdep_assert_held(&dpath_table_lock);
	if (!dev || !dev->set)
		return NULL;
	enough = reached_limit_locked(dev, one->nr);
	if (enough)
		fault.action = DIRECTPATH_ERROR_POLICY_REVOKE;
	dpath_error_count_locked(dev, &fault, one->nr);
	if (!enough)
		return NULL;
	scnprintf(cause, size, "%llu DMA faults of %s within %u s", dev->errors.window_count, dev->address, DIRECTPATH_FAULT_WINDOW);
	dev->errors.window_count = 0;
	dpath_set_get(dev->set);
	return dev->set;
}

static void take_faults(const struct pending *one)
{
	struct dpath_set *set;
	char cause[96];

	mutex_lock(&dpath_table_lock);
	set = take_faults_locked(one, cause, sizeof(cause));
	mutex_unlock(&dpath_table_lock);
	if (set) {
		dpath_set_revoke(set, cause);
		dpath_set_put(set);
	}
}

/* A function that faults without end must not keep the others waiting, so it is one slot at a time. */
static void fault_work(struct work_struct *unused)
{
	struct pending one;
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		raw_spin_lock_irq(&pending_lock);
		one = pending[0];
		memmove(&pending[0], &pending[1], sizeof(pending) - sizeof(pending[0]));
		pending[SLOTS - 1].device = NULL;
		raw_spin_unlock_irq(&pending_lock);
		if (!one.device)
			return;
		take_faults(&one);
	}
	/* There may be more: their reports have queued this again. */
}

void dpath_iofault_module_exit(void)
{
	cancel_work_sync(&iofault_work);
}
