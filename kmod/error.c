// SPDX-License-Identifier: GPL-2.0
/*
 * Errors that the hardware reports (PCIe AER), and resets by others.
 *
 * A correctable error is counted and reported. After an uncorrectable one the PCI core calls, for each function below the port: error_detected();
 * if the error is fatal it resets the link; resume(). If a driver among them has no such callbacks, or gives up, resume() does not come, hence
 * deadlines. slot_reset() has nothing to do here: it comes under the same locks, which are too many for what a tenant's function needs.
 *
 * Non-fatal: the function goes on. Its VMM is told, or loses it, as the policy says. The core tells all functions below the port, but one that has
 * logged nothing while another function of its bus has is not concerned: a tenant must not be able to stop his neighbour's VM.
 *
 * Fatal: whatever the policy, no access reaches the function from error_detected() on: its BARs and its config space are ones, and no reset of ours
 * begins (dpath_reset_is_frozen(), dpath_lease_freeze()). After resume() a work has device_lock and config access, holds the lease as a reset does,
 * restores the config space of the claim and compares the function with its fingerprint. If it is what it was, the tenant has it again, as after a
 * reset: decode and bus mastering are off, MSI is as the VMM has it. If not, or if resume() does not come before the reset deadline, the run ends,
 * with the reset and the comparison of every end. A set that nobody runs is reset and compared before it is given to anyone.
 *
 * The domain stays the VM's meanwhile: what a function that has failed still writes can only reach memory of its own VM, as on bare metal, and the
 * reset of the link switches bus mastering off, which no write of the guest switches on before the function was compared.
 *
 * The votes are always for recovery: what is wrong with our function is between it and its tenant, while a veto would leave everything else below the
 * port broken.
 *
 * Locks: the callbacks come with device_lock and, but for cor_error_detected(), pci_bus_sem held for read. Under pci_bus_sem only these are taken:
 * dpath_config.lock, dpath_mmio.sem, dpath_vm.peer_lock, dpath_space.domain_rwsem, dpath_table_lock; no reference is dropped that could be the last
 * one of an address space, and nothing is waited for. set->lock is held by others while the core takes pci_bus_sem (ASPM, in pci_enable_device()),
 * and irqs->lock over whatever an allocation of interrupts takes. What needs them is done by the work, which tries device_lock, so that neither
 * remove() nor the PCI core waits for it.
 */

#include <linux/bits.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "device.h"
#include "error.h"
#include "host.h"
#include "lease.h"
#include "ntf.h"
#include "set.h"
#include "state.h"
#include "vm.h"

/* Errors of one kind of one function are one event in this long. */
#define REPORT_INTERVAL HZ
/* Until device_lock is tried again. */
#define RETRY_MS 20

#define ERROR_REVOKE BIT(0)  /* end the run */
#define ERROR_RECOVER BIT(1) /* wait for the recovery, then give it to the tenant again or end the run */
#define ERROR_CLEAN BIT(2)   /* the set is begun: reset and compare it */

bool dpath_error_counts_correctable(void)
{
	return DPATH_COR_ERROR_CALLBACK;
}

enum directpath_error_policy dpath_error_policy_locked(const struct dpath_device *dev)
{
	lockdep_assert_held(&dpath_table_lock);
	if (dev->errors.policy != DIRECTPATH_ERROR_POLICY_DEFAULT)
		return dev->errors.policy;
	if (dev->set && dev->set->vm && dev->set->vm->error_policy != DIRECTPATH_ERROR_POLICY_DEFAULT)
		return dev->set->vm->error_policy;
	return DIRECTPATH_ERROR_POLICY_NOTIFY;
}

u32 dpath_error_fault_limit_locked(const struct dpath_device *dev)
{
	lockdep_assert_held(&dpath_table_lock);
	if (dev->errors.fault_limit != DIRECTPATH_FAULT_LIMIT_DEFAULT)
		return dev->errors.fault_limit;
	return dev->set && dev->set->vm ? dev->set->vm->fault_limit : 0;
}

/* --- the tenant's lease in a reset, and in what is like one --- */

/*
 * Somebody resets the function (its VM, sysfs, a bus reset of a neighbour): no access of the tenant may meet it half way. device_lock and config
 * access are held from here to unhold_lease(), so that these come in pairs, and a lease that is made between them is impossible (lease.c). The one
 * that is there may end meanwhile.
 */
static void hold_lease(struct dpath_device *dev)
{
	device_lock_assert(&dev->pdev->dev);
	mutex_lock(&dpath_table_lock);
	dev->held = dev->lease;
	if (dev->held)
		dpath_lease_get(dev->held);
	mutex_unlock(&dpath_table_lock);
	if (dev->held)
		dpath_lease_hold(dev->held);
}

static void unhold_lease(struct dpath_device *dev)
{
	struct dpath_lease *lease = dev->held;

	device_lock_assert(&dev->pdev->dev);
	dev->held = NULL;
	if (lease) {
		dpath_lease_unhold(lease);
		/* Under device_lock: a whole address space is not taken down here. */
		dpath_lease_put_later(lease);
	}
}

/* --- what the callbacks leave to a work --- */

static void end_run(struct dpath_device *dev, struct dpath_set *set, const char *why)
{
	char cause[160];

	scnprintf(cause, sizeof(cause), "uncorrectable error of %s%s%s", dev->address, why[0] ? ": " : "", why);
	dpath_set_revoke(set, cause);
}

static void thaw_locked(struct dpath_device *dev)
{
	lockdep_assert_held(&dpath_table_lock);
	dpath_reset_freeze(&dev->reset, false);
	dev->errors.resumed = false;
	wake_up_all(&dpath_state_wait);
}

void dpath_error_forget(struct dpath_device *dev)
{
	mutex_lock(&dpath_table_lock);
	thaw_locked(dev);
	mutex_unlock(&dpath_table_lock);
}

/* The end of the kernel's recovery, or of patience; false: it has not ended. */
static bool await_kernel(struct dpath_device *dev)
{
	return wait_event_timeout(dpath_state_wait, READ_ONCE(dev->errors.resumed) || !dpath_reset_is_frozen(&dev->reset),
				  msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms)));
}

void dpath_error_await(struct dpath_device *dev)
{
	await_kernel(dev);
	dpath_error_forget(dev);
}

/* Under device_lock: is there something to restore? -EAGAIN: there was another error meanwhile. */
static int may_restore(struct dpath_device *dev)
{
	int ret = 0;

	mutex_lock(&dpath_table_lock);
	if (!dev->bound || !dpath_reset_is_frozen(&dev->reset))
		ret = -ENODEV;
	else if (!dev->errors.resumed)
		ret = -EAGAIN;
	mutex_unlock(&dpath_table_lock);
	return ret;
}

static int restore_locked(struct dpath_device *dev, char *why, size_t size)
{
	int ret = may_restore(dev);

	device_lock_assert(&dev->pdev->dev);
	if (ret)
		return ret;
	hold_lease(dev);
	ret = dpath_reset_recovered(&dev->reset, why, size);
	if (!ret) {
		if (dev->held)
			dpath_lease_thaw(dev->held);
		dpath_error_forget(dev);
	}
	unhold_lease(dev);
	return ret;
}

static int restore(struct dpath_device *dev, char *why, size_t size)
{
	int ret = -EAGAIN;

	strscpy(why, "is locked by the driver core", size);
	if (pci_dev_trylock(dev->pdev)) {
		ret = restore_locked(dev, why, size);
		pci_dev_unlock(dev->pdev);
	}
	return ret;
}

/* Nothing is left to do for one that is not frozen any more: whoever has reset, lost or unbound it meanwhile has seen to it. */
static void finish_recovery(struct dpath_device *dev, struct dpath_set *set)
{
	unsigned long deadline;
	char why[96];
	int ret;

	strscpy(why, "the kernel has not recovered it", sizeof(why));
	ret = await_kernel(dev) ? -EAGAIN : -EIO;
	deadline = jiffies + msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	while (ret == -EAGAIN) {
		ret = restore(dev, why, sizeof(why));
		if (ret != -EAGAIN || !time_before(jiffies, deadline))
			break;
		msleep(RETRY_MS);
	}
	if (!ret || !dpath_reset_is_frozen(&dev->reset))
		return;
	if (set)
		end_run(dev, set, why);
	dpath_error_forget(dev);
}

static void error_work(struct work_struct *work)
{
	struct dpath_device *dev = container_of(work, struct dpath_device, errors.work);
	struct dpath_set *set;
	unsigned int todo;

	mutex_lock(&dpath_table_lock);
	todo = dev->errors.todo;
	dev->errors.todo = 0;
	set = dev->set;
	if (set)
		dpath_set_get(set);
	mutex_unlock(&dpath_table_lock);

	if (set && todo & ERROR_REVOKE)
		end_run(dev, set, "");
	if (todo & ERROR_RECOVER)
		finish_recovery(dev, set);
	/* Until this ends what was begun, the function keeps its set. */
	if (set && todo & ERROR_CLEAN) {
		dpath_set_clean(set, "recovered from a fatal error", NULL, 0);
		dpath_set_queue_adopt(set);
	}
	if (set)
		dpath_set_put(set);
	dpath_device_put(dev);
	module_put(THIS_MODULE);
}

void dpath_error_init(struct dpath_device *dev)
{
	INIT_WORK(&dev->errors.work, error_work);
	dev->errors.fault_limit = DIRECTPATH_FAULT_LIMIT_DEFAULT;
}

static void queue_locked(struct dpath_device *dev, unsigned int todo)
{
	lockdep_assert_held(&dpath_table_lock);
	dev->errors.todo |= todo;
	dpath_device_get(dev);
	__module_get(THIS_MODULE);
	if (queue_work(dpath_wq, &dev->errors.work))
		return;
	/* Queued already. It begins with the table lock. */
	module_put(THIS_MODULE);
	dpath_device_put(dev);
}

/* One that is busy is reset and compared by whoever works on it, who waits for the end of this. */
static void begin_recovery_locked(struct dpath_device *dev)
{
	lockdep_assert_held(&dpath_table_lock);
	if (dev->set && dpath_set_begin_check_locked(dev->set, "error", "fatal error"))
		queue_locked(dev, ERROR_CLEAN);
	else
		queue_locked(dev, ERROR_RECOVER);
}

/* Its VMM reaches it no more. */
static void freeze(struct pci_dev *pdev)
{
	struct dpath_lease *lease = NULL;
	struct dpath_device *dev;

	device_lock_assert(&pdev->dev);
	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_pci_locked(pdev);
	if (dev && dev->bound) {
		dpath_reset_freeze(&dev->reset, true);
		WRITE_ONCE(dev->errors.resumed, false);
		lease = dev->lease;
	}
	if (lease)
		dpath_lease_get(lease);
	mutex_unlock(&dpath_table_lock);
	if (!lease)
		return;
	dpath_lease_freeze(lease);
	dpath_lease_put_later(lease);
}

/* --- errors --- */

/* Uncorrectable errors that @pdev has logged and does not mask; false if it has no place to log them. */
static bool read_logged(struct pci_dev *pdev, u32 *logged)
{
	u32 status, mask;
	u16 pos;

	pos = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_ERR);
	if (!pos)
		return false;
	pci_read_config_dword(pdev, pos + PCI_ERR_UNCOR_STATUS, &status);
	pci_read_config_dword(pdev, pos + PCI_ERR_UNCOR_MASK, &mask);
	*logged = status == ~0U ? 0 : status & ~mask;
	return true;
}

static bool has_logged(struct pci_dev *pdev)
{
	u32 logged;

	return pdev && read_logged(pdev, &logged) && logged;
}

/*
 * Who has logged a non-fatal error: the function, the port above it or its PF, with which it is concerned, or another function of its bus? If nobody
 * shows (firmware that handles AER may have cleared it), it is taken for concerned. The functions of a bus below a port are told with pci_bus_sem
 * held, so the list stands still; below the root there is nothing to look through, each is told for itself.
 */
static bool is_concerned(struct pci_dev *pdev, struct dpath_fault *fault)
{
	struct pci_dev *other;

	fault->has_status = read_logged(pdev, &fault->status);
	if (!fault->has_status || fault->status || pci_is_root_bus(pdev->bus))
		return true;
	if (has_logged(pdev->bus->self) || (pdev->is_virtfn && has_logged(pci_physfn(pdev))))
		return true;
	list_for_each_entry(other, &pdev->bus->devices, bus_list)
		if (other != pdev && has_logged(other))
			return false;
	return true;
}

void dpath_error_count_locked(struct dpath_device *dev, struct dpath_fault *fault, u64 nr)
{
	unsigned long *reported = &dev->errors.reported[fault->kind];

	lockdep_assert_held(&dpath_table_lock);
	dev->errors.count[fault->kind] += nr;
	fault->count = dev->errors.count[fault->kind];
	if (*reported && !time_after(jiffies, *reported + REPORT_INTERVAL))
		return;
	*reported = jiffies ?: 1;
	dpath_fault_ntf(dev, fault);
}

/* Its VMM is told of it, and what its policy asks for is under way when this returns. */
static void take_error(struct pci_dev *pdev, struct dpath_fault *fault)
{
	struct dpath_device *dev;

	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_pci_locked(pdev);
	if (!dev || !dev->bound)
		goto out;
	if (fault->kind != DIRECTPATH_FAULT_KIND_AER_CORRECTABLE)
		fault->action = dpath_error_policy_locked(dev);
	dpath_error_count_locked(dev, fault, 1);
	if (fault->kind == DIRECTPATH_FAULT_KIND_AER_FATAL)
		begin_recovery_locked(dev);
	if (fault->action == DIRECTPATH_ERROR_POLICY_REVOKE && dev->state == DIRECTPATH_STATE_RUNNING)
		queue_locked(dev, ERROR_REVOKE);
	if (dev->lease && (fault->action == DIRECTPATH_ERROR_POLICY_NOTIFY || fault->action == DIRECTPATH_ERROR_POLICY_REVOKE))
		dpath_irqs_notify_err(&dev->lease->irqs);
out:
	mutex_unlock(&dpath_table_lock);
}

static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t channel)
{
	struct dpath_fault fault = { .kind = DIRECTPATH_FAULT_KIND_AER_NONFATAL };

	if (channel == pci_channel_io_normal) {
		if (is_concerned(pdev, &fault))
			take_error(pdev, &fault);
		return PCI_ERS_RESULT_CAN_RECOVER;
	}
	/* Nothing is read from it: the link may hang. Who is told of it finds it frozen. */
	fault.kind = DIRECTPATH_FAULT_KIND_AER_FATAL;
	freeze(pdev);
	take_error(pdev, &fault);
	return channel == pci_channel_io_perm_failure ? PCI_ERS_RESULT_DISCONNECT : PCI_ERS_RESULT_NEED_RESET;
}

/* Also called after an error that was not fatal. Whether the link was reset does not matter: what follows restores and compares. */
static void resume(struct pci_dev *pdev)
{
	struct dpath_device *dev = pci_get_drvdata(pdev);

	mutex_lock(&dpath_table_lock);
	WRITE_ONCE(dev->errors.resumed, dpath_reset_is_frozen(&dev->reset));
	wake_up_all(&dpath_state_wait);
	mutex_unlock(&dpath_table_lock);
}

/* Without device_lock: the function may be on its way to another driver. */
static void __maybe_unused cor_error_detected(struct pci_dev *pdev)
{
	struct dpath_fault fault = { .kind = DIRECTPATH_FAULT_KIND_AER_CORRECTABLE };

	take_error(pdev, &fault);
}

/* --- resets by others --- */

static void reset_prepare(struct pci_dev *pdev)
{
	hold_lease(pci_get_drvdata(pdev));
}

static void reset_done(struct pci_dev *pdev)
{
	unhold_lease(pci_get_drvdata(pdev));
}

const struct pci_error_handlers dpath_error_handlers = {
	.error_detected = error_detected,
	.resume = resume,
	DPATH_COR_ERROR_HANDLER
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};
EXPORT_SYMBOL_NS_GPL(dpath_error_handlers, "DIRECTPATH");
