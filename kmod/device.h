/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_DEVICE_H
#define DPATH_DEVICE_H

/*
 * One PCI function that directpath knows: state, settings, counters. Made at the first claim or dev-set, kept until the function leaves the bus.
 */

#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <uapi/linux/directpath_nl.h>

#include "counters.h"
#include "driver.h"
#include "error.h"
#include "op.h"
#include "reset.h"
#include "storm.h"

struct dpath_irq_storm;
struct dpath_lease;
struct dpath_set;
struct dpath_vm;
struct module;

/**
 * struct dpath_acceptance - a change of identity that an admin has accepted
 * @who: who; its name is empty if there was none
 * @time: when, in seconds since 1970
 * @change: what had changed
 */
struct dpath_acceptance {
	struct dpath_actor who;
	time64_t time;
	char change[128];
};

/**
 * struct dpath_device - one function
 * @ref: the table, the set, leases, works
 * @node: in dpath_devices, under dpath_table_lock as everything down to @runs
 * @pdev: referenced
 * @address: "0000:3b:00.0"
 * @state: changed only by dpath_device_set_state_locked()
 * @since: when it got that state
 * @seq: number of its last event
 * @detail: what the state waits for, or why it was entered
 * @name: given by an admin, unique, or empty
 * @label: given by an admin, or empty
 * @host_driver: driver it is given back to, or empty
 * @prev_override: driver_override as it was before the claim, or NULL
 * @overridden: driver_override is ours
 * @policy: reset policy
 * @clean_hook: program that has to clean it after a tenant, or empty
 * @clean_failure: why that did not work the last time, or empty
 * @storm: limit of interrupts; what is not given is as for its VM
 * @storm_reported: when a storm was last reported, in jiffies; 0: never
 * @errors: what the hardware has reported, and what that means to its VM
 * @tainted: a tenant has had it since it was last cleaned; survives a release
 * @mismatch: it is quarantined because it is not what it was
 * @accepted: the last such change that was accepted
 * @set: its set while claimed
 * @set_node: in dpath_set.devices
 * @bound: our probe() has it
 * @by_hand: bound through sysfs, not by dev-claim
 * @unplugged: it is leaving the bus
 * @rebinding: it moves between two drivers of the core: probe and remove have nothing to do
 * @releasing: dev-release unbinds it: remove() leaves the set alone
 * @returning: it is bound to us again after its cleaning
 * @opens: leases in this run
 * @runs: runs since the claim
 * @owner: module of the driver it is bound to, referenced while @lease exists
 * @lease: current lease, under set->lock; reading for statistics under dpath_table_lock
 * @held: lease that is held for a reset that is under way, referenced; under device_lock
 * @reset: valid while @bound
 * @totals: counters of leases that have ended
 * @registers: struct dpath_register_count of config space, of all leases
 */
struct dpath_device {
	struct kref ref;
	struct list_head node;
	struct pci_dev *pdev;
	char address[DIRECTPATH_ADDRESS_MAX + 1];
	enum directpath_state state;
	ktime_t since;
	u64 seq;
	char detail[128];
	char name[DIRECTPATH_NAME_MAX + 1];
	char label[DIRECTPATH_NAME_MAX + 1];
	char host_driver[32];
	char *prev_override;
	bool overridden;
	struct dpath_reset_policy policy;
	char clean_hook[DIRECTPATH_NAME_MAX + 1];
	char clean_failure[80];
	struct dpath_storm_setting storm;
	unsigned long storm_reported;
	struct dpath_errors errors;
	bool tainted;
	bool mismatch;
	struct dpath_acceptance accepted;
	struct dpath_set *set;
	struct list_head set_node;
	bool bound;
	bool by_hand;
	bool unplugged;
	bool rebinding;
	bool releasing;
	bool returning;
	struct module *owner;
	unsigned int opens;
	u64 runs;
	struct dpath_lease *lease;
	struct dpath_lease *held;
	struct dpath_reset reset;
	struct dpath_lease_stats totals;
	struct xarray registers;
};

extern struct list_head dpath_devices; /* under dpath_table_lock */

void dpath_device_get(struct dpath_device *dev);
void dpath_device_put(struct dpath_device *dev);
struct dpath_device *dpath_device_lookup_locked(const char *address);
struct dpath_device *dpath_device_lookup_pci_locked(struct pci_dev *pdev);
struct dpath_device *dpath_device_lookup(const char *address);
/* The object of a PCI function, made if there is none; with a reference. Caller holds dpath_table_lock. */
struct dpath_device *dpath_device_obtain_locked(struct pci_dev *pdev);
/* PCI function by address text, with a reference; ERR_PTR(-EINVAL, -ENODEV). */
struct pci_dev *dpath_device_find_pci(const char *address);

/* One change, one event. Refuses (WARN_ONCE, our bug) what the table of state.c does not allow. */
void dpath_device_set_state_locked(struct dpath_device *dev, enum directpath_state state, const char *cause);
void dpath_device_set_state(struct dpath_device *dev, enum directpath_state state, const char *cause);
/* What the state waits for, for people; no event. */
__printf(2, 3) void dpath_device_detail(struct dpath_device *dev, const char *fmt, ...);
/* dev->detail, or "stuck in nvme remove, 37 s" if the deadline has passed. Caller holds dpath_table_lock. */
void dpath_device_describe_locked(struct dpath_device *dev, char *buf, size_t size);
/* Has it to be cleaned before the next tenant? Caller holds dpath_table_lock. */
bool dpath_device_dirty_locked(const struct dpath_device *dev);
/* The state of a clean or dirty function that no VM has, with its detail. Caller holds dpath_table_lock. */
void dpath_device_rest_locked(struct dpath_device *dev, const char *cause);

/**
 * struct dpath_device_settings - of dev-set
 * @name: NULL: as it is, "": none; so for all
 * @label: text for policies
 * @reset_policy: see dpath_reset_parse_policy()
 * @clean_hook: name of a program
 * @storm: limit of interrupts; NULL: as it is
 * @error_policy: what an uncorrectable error is; NULL: as it is
 * @fault_limit: refused DMA accesses that end its run; NULL: as it is
 */
struct dpath_device_settings {
	const char *name;
	const char *label;
	const char *reset_policy;
	const char *clean_hook;
	const struct dpath_storm_change *storm;
	const enum directpath_error_policy *error_policy;
	const u32 *fault_limit;
};

/* dev-set. -EEXIST for a name in use, -EINVAL with @why. */
int dpath_device_set(struct pci_dev *pdev, const struct dpath_device_settings *settings, char *why, size_t size);

/* A vector was held back, and the lease has had so many storms: an event, at most one a second. Caller holds dpath_table_lock. */
void dpath_device_report_storm_locked(struct dpath_device *dev, const struct dpath_irq_storm *storm, u64 storms);

/* Name of the driver bound to a function now, copied safely without device_lock; empty if none. */
void dpath_device_driver_name(struct pci_dev *pdev, char *buf, size_t size);

/* probe, remove and shutdown for every driver that functions are bound to. */
int dpath_device_probe(struct pci_dev *pdev, const struct pci_device_id *id);
void dpath_device_remove(struct pci_dev *pdev);
/* The host goes down: the run of its set ends, and the function can do no DMA. Bounded. */
void dpath_device_shutdown(struct pci_dev *pdev);

int dpath_device_module_init(void);
void dpath_device_module_exit(void);

#endif
