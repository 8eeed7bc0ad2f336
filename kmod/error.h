/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_ERROR_H
#define DPATH_ERROR_H

/*
 * Errors that the hardware reports about a function (PCIe AER, IOMMU): counted, reported, and acted upon by a policy; and what the kernel's recovery
 * from them does to a function that a tenant has.
 */

#include <linux/types.h>
#include <linux/workqueue.h>
#include <uapi/linux/directpath_nl.h>

struct dpath_device;
struct dpath_set;
struct pci_error_handlers;

#define DPATH_FAULT_KINDS (DIRECTPATH_FAULT_KIND_IOMMU + 1)

/**
 * struct dpath_fault - one error
 * @kind: what it is
 * @count: how many of this kind the function has had
 * @status: its uncorrectable error status, if @has_status
 * @has_status: it was read
 * @has_iova: @iova and @write are known
 * @iova: address of a refused access
 * @write: it was a write
 * @action: what is done about it; default for one that is not acted upon
 */
struct dpath_fault {
	enum directpath_fault_kind kind;
	u64 count;
	u32 status;
	bool has_status;
	bool has_iova;
	u64 iova;
	bool write;
	enum directpath_error_policy action;
};

/**
 * struct dpath_errors - errors of one function
 * @policy: what was set; default: as for its VM. Under dpath_table_lock, as all that follows but for readers of @resumed
 * @count: errors by kind
 * @reported: when one of a kind was last reported, in jiffies; 0: never
 * @fault_limit: refused accesses in a window after which its run ends; 0: none; DIRECTPATH_FAULT_LIMIT_DEFAULT: as for its VM
 * @window: when the window began, in jiffies
 * @window_count: refused accesses in it
 * @resumed: the function is frozen, and the kernel's recovery has ended: it waits to be restored
 * @todo: ERROR_*, for @work
 * @work: does what the callbacks may not
 */
struct dpath_errors {
	enum directpath_error_policy policy;
	u64 count[DPATH_FAULT_KINDS];
	unsigned long reported[DPATH_FAULT_KINDS];
	u32 fault_limit;
	unsigned long window;
	u64 window_count;
	bool resumed;
	unsigned int todo;
	struct work_struct work;
};

/* Does the kernel tell drivers of errors that were corrected? */
bool dpath_error_counts_correctable(void);
void dpath_error_init(struct dpath_device *dev);
/* What an uncorrectable error is, by all settings; never default. Caller holds dpath_table_lock. */
enum directpath_error_policy dpath_error_policy_locked(const struct dpath_device *dev);
/* Its limit of refused accesses, by all settings; 0: none. Caller holds dpath_table_lock. */
u32 dpath_error_fault_limit_locked(const struct dpath_device *dev);
/* There were @nr more of @fault's kind: counted, and an event unless there was one just now. Caller holds dpath_table_lock. */
void dpath_error_count_locked(struct dpath_device *dev, struct dpath_fault *fault, u64 nr);
/*
 * Until the kernel's recovery from a fatal error has ended, or the reset deadline has passed: the function may be reset then, and has to be. No lock
 * is held.
 */
void dpath_error_await(struct dpath_device *dev);
/* It is not frozen any more: it is being unbound, or was restored, or will be reset. */
void dpath_error_forget(struct dpath_device *dev);

/* For every driver that functions are bound to. */
extern const struct pci_error_handlers dpath_error_handlers;

#endif
