// SPDX-License-Identifier: GPL-2.0
/*
 * The host goes to sleep.
 *
 * A function loses its state in the host's sleep, and only its VM's guest could bring that back, which nobody has told. So a host does not go to
 * sleep while a VM runs a function: prepare() refuses, and the kernel log names both. All processes are frozen when it is called, so no run starts
 * later.
 *
 * What is claimed and does not run sleeps with the host: the PCI core saves its config space and chooses its power state. dpath_wq is frozen before
 * that, so no reset and no operation meets a function that is asleep; one that is under way delays the sleep, and prevents it if it takes longer than
 * the kernel's freezer waits. Afterwards each such set is reset and compared before anybody gets it: it may have been without power, and somebody may
 * have opened the case.
 *
 * Runtime power management does not touch claimed functions: the PCI core holds a reference for each that is bound, and none of our drivers drops it.
 * What a guest does with the PM capability is config.c's.
 */

#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/suspend.h>

#include "device.h"
#include "host.h"
#include "set.h"
#include "set_priv.h"
#include "sleep.h"
#include "state.h"
#include "vm.h"

static int prepare(struct device *device)
{
	struct pci_dev *pdev = to_pci_dev(device);
	struct dpath_device *dev;
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_pci_locked(pdev);
	if (dev && (dev->state == DIRECTPATH_STATE_RUNNING || dev->state == DIRECTPATH_STATE_DRAINING)) {
		pci_err(pdev, "directpath: VM %s would lose it in the host's sleep: stop the VM or detach it first\n",
			dev->set->vm ? dev->set->vm->name : "?");
		ret = -EBUSY;
	}
	mutex_unlock(&dpath_table_lock);
	return ret;
}

const struct dev_pm_ops dpath_sleep_pm_ops = {
	.prepare = prepare,
};
EXPORT_SYMBOL_NS_GPL(dpath_sleep_pm_ops, "DIRECTPATH");

/* Also after a sleep that was given up half way, which cannot be told from the other. */
static int sleep_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct dpath_set *set;

	if (event != PM_POST_SUSPEND && event != PM_POST_HIBERNATION)
		return NOTIFY_DONE;
	mutex_lock(&dpath_table_lock);
	/* One that is busy is reset and compared by whoever works on it. The busy mark keeps a set in the table until its work has run. */
	list_for_each_entry(set, &dpath_sets, node)
		if (dpath_set_begin_check_locked(set, "resume", "the host has slept"))
			dpath_set_queue_clean(set);
	mutex_unlock(&dpath_table_lock);
	return NOTIFY_OK;
}

static struct notifier_block sleep_notifier = { .notifier_call = sleep_event };

int dpath_sleep_module_init(void)
{
	return register_pm_notifier(&sleep_notifier);
}

void dpath_sleep_module_exit(void)
{
	unregister_pm_notifier(&sleep_notifier);
}
