/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_SET_H
#define DPATH_SET_H

/*
 * The isolation set (one IOMMU group): what is claimed, attached, run, reset and released as one. All or nothing.
 */

#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include "group.h"
#include "inject.h"
#include "op.h"

struct dpath_device;
struct dpath_domain;
struct dpath_space;
struct dpath_vm;

/**
 * struct dpath_run - one run of a set in a space
 * @node: in dpath_set.orphans once the run was revoked
 * @space: referenced
 * @users: fds that were opened in it
 *
 * A revoked run stays until its last fd is closed, so that a late close is never taken for one of the next run.
 */
struct dpath_run {
	struct list_head node;
	struct dpath_space *space;
	unsigned int users;
};

/**
 * struct dpath_set - one claimed isolation set
 * @ref: its devices, group fds, works
 * @node: in dpath_sets, under dpath_table_lock
 * @group: the IOMMU group, referenced
 * @id: its number, which is also N in /dev/vfio/N
 * @lock: serialises ownership, domain, leases; held for bounded work only (never over unbind or reset). Outside space.domain_rwsem, inside nothing
 * @devices: claimed members; added under dpath_table_lock, taken out under that and @lock, so that @lock alone keeps those that are there
 * @nr: how many
 * @owned: DMA ownership is ours
 * @changed: a function was hot-added to it
 * @busy: name of the operation that works on it ("claim", "release", "reset"...), or NULL; under dpath_table_lock
 * @vm: VM it is attached to, under dpath_table_lock
 * @vm_node: in dpath_vm.sets
 * @run: the current run, under @lock
 * @orphans: revoked runs with fds still open, under @lock
 * @domain: domain that it is attached to, under @lock
 * @handed: member that is with its host driver to be cleaned: @busy is the cleaning's, and no operation works on the set; under dpath_table_lock
 * @handed_to: who has begun that
 * @handed_since: and when
 * @loaned: DMA went back to the host for a cleaning; to be owned again
 * @kept: the IOMMU driver did not let go of the domain of a run; DMA cannot be trusted to be blocked
 * @end_work: reset and verify after a run
 * @end_inject: of @end_work
 * @adopt_inject: of @adopt_work
 * @adopt_work: take over what was bound by hand
 */
struct dpath_set {
	struct kref ref;
	struct list_head node;
	struct iommu_group *group;
	int id;
	struct mutex lock; /* run, domain, leases, ownership */
	struct list_head devices;
	unsigned int nr;
	bool owned;
	bool changed;
	const char *busy;
	struct dpath_vm *vm;
	struct list_head vm_node;
	struct dpath_run *run;
	struct list_head orphans;
	struct dpath_domain *domain;
	bool kept;
	bool loaned;
	struct dpath_device *handed;
	struct dpath_actor handed_to;
	ktime_t handed_since;
	struct work_struct end_work;
	struct work_struct adopt_work;
	struct dpath_inject end_inject;
	struct dpath_inject adopt_inject;
};

extern struct list_head dpath_sets; /* under dpath_table_lock */

/* The set of an IOMMU group, made if there is none; with a reference. Caller holds dpath_table_lock. */
struct dpath_set *dpath_set_obtain_locked(struct iommu_group *group);
/* Mark that an operation works on the set; false if another one does. Caller holds dpath_table_lock. */
bool dpath_set_begin_locked(struct dpath_set *set, const char *what);
/* Ends that; members that lost their driver meanwhile leave the set. Takes set->lock. */
void dpath_set_end(struct dpath_set *set);
/* Put a device into the set or take it out; the last one out gives DMA back to the host. */
void dpath_set_link_locked(struct dpath_set *set, struct dpath_device *dev);
void dpath_set_unlink(struct dpath_set *set, struct dpath_device *dev);
/* The busy mark of a cleaning that waits for its hook becomes the caller's. Caller holds dpath_table_lock. */
bool dpath_set_steal_locked(struct dpath_set *set);
/* References to the members; returns how many. */
unsigned int dpath_set_devices(struct dpath_set *set, struct dpath_device **devs);
void dpath_set_put_devices(struct dpath_device **devs, unsigned int nr);
/*
 * Quiesce, reset, verify the devices that are in one of the busy states; each ends in a state of rest. Only with the set begun, which ends here: who
 * sees the state may begin the next. May take minutes.
 */
int dpath_set_clean(struct dpath_set *set, const char *cause, char *why, size_t size);
/*
 * Nobody runs the set and nothing works on it: begun as @what, and what rests on its way to a reset, because of @cause. dpath_set_clean() has to
 * follow. Caller holds dpath_table_lock.
 */
bool dpath_set_begin_check_locked(struct dpath_set *set, const char *what, const char *cause);
/* remove() of a member outside any operation: unbound by hand or unplugged. */
void dpath_set_lose(struct dpath_set *set, struct dpath_device *dev);
/* A member is about to leave the bus. */
void dpath_set_leave(struct dpath_set *set, struct dpath_device *dev);
/* probe() of a function that was bound by hand. */
int dpath_set_adopt(struct dpath_device *dev);
/* Try again to take over what was bound by hand: a member's host driver has gone, or a run has ended. */
void dpath_set_queue_adopt(struct dpath_set *set);
/* Drops a user of @space's run; a run without users is given in @spent, for dpath_run_free() after set->lock was dropped. */
void dpath_set_drop_user_locked(struct dpath_set *set, struct dpath_space *space, const char *cause, struct dpath_run **spent);
void dpath_run_free(struct dpath_run *run);
/* DMA ownership of the group, once; and back to the host for a while, for a set that has no run. */
int dpath_set_own(struct dpath_set *set);
void dpath_set_loan(struct dpath_set *set);
/* All of it is bound: quiesce, own, note what it is. dpath_set_clean() is next. Only with the set begun. */
int dpath_set_take_over(struct dpath_set *set, char *why, size_t size);
/* Show the door one set again. */
void dpath_set_door_refresh_set(struct dpath_set *set);

void dpath_set_get(struct dpath_set *set);
void dpath_set_put(struct dpath_set *set);
/* The next set by number (of @vm, or of all), with a reference; drops the one to @prev. */
struct dpath_set *dpath_set_next(struct dpath_set *prev, struct dpath_vm *vm);
/* Claimed set by number of its IOMMU group, with a reference, or NULL. */
struct dpath_set *dpath_set_lookup(int id);

/* Every member is claimed or driverless, and DMA is ours (or can be): what VFIO calls viable. */
bool dpath_set_viable(struct dpath_set *set);
/* VM it is attached to, with a reference; or NULL. */
struct dpath_vm *dpath_set_vm(struct dpath_set *set);

/*
 * Start or join the run of a set in a space: waits (killable, bounded by the reset deadline) until it is not busy; all members reserved -> running.
 * Each success is one user and must be matched by dpath_set_stop(). -EBUSY: it runs in another space; -EPERM: attached to another VM than the
 * space's, or not viable; -EIO: quarantined or failed; @why names it.
 */
int dpath_set_start(struct dpath_set *set, struct dpath_space *space, char *why, size_t size);
/* A further user of a running set: false if it does not run in @space any more. */
bool dpath_set_use(struct dpath_set *set, struct dpath_space *space);
/* Last user: end of the run (drain, block, then reset in a work). @cause for the event. Bounded, cannot fail. */
void dpath_set_stop(struct dpath_set *set, struct dpath_space *space, const char *cause);
/* Ask the VMM to give the set back (the REQ notice), and wait for the end of the run within the revoke deadline; at once if nobody listens. */
void dpath_set_ask(struct dpath_set *set);
/* End of the run now, whoever uses it; used by detach, unplug. Old fds stay dead. */
void dpath_set_revoke(struct dpath_set *set, const char *cause);

/* Attach a set to a VM at once (adhoc); the set must be idle and ready. */
int dpath_set_attach(struct dpath_set *set, struct dpath_vm *vm, char *why, size_t size);
void dpath_set_detach_idle(struct dpath_set *set, const struct dpath_vm *vm);

/**
 * struct dpath_set_door - a door that shows sets (the VFIO personality)
 * @added: a set was claimed, or its VM or the VM's owner changed: node with owner @uid, @gid
 * @removed: a set is no more
 *
 * Context: process context, no lock held; serialised by the caller.
 */
struct dpath_set_door {
	void (*added)(int id, kuid_t uid, kgid_t gid);
	void (*removed)(int id);
};

/* One door at a time; @added is called for every set that exists. */
int dpath_set_door_register(const struct dpath_set_door *door);
void dpath_set_door_unregister(const struct dpath_set_door *door);
/* The VM's owner has changed: tell the door. */
void dpath_set_door_refresh(struct dpath_vm *vm);

#endif
