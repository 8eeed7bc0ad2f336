/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_VM_H
#define DPATH_VM_H

/*
 * A named VM: who may open it, what it may use, which sets are attached to it, who runs it now.
 */

#include <linux/cdev.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/uuid.h>
#include <uapi/linux/directpath_nl.h>

#include "storm.h"

/**
 * struct dpath_vm_limits - 0 is no limit
 * @devices: functions attached
 * @vectors: interrupt vectors
 * @pinned: bytes of memory pinned for DMA
 */
struct dpath_vm_limits {
	u32 devices;
	u32 vectors;
	u64 pinned;
};

/**
 * struct dpath_vm - one VM object
 * @ref: the table, open fds, spaces, leases
 * @node: in the table, under dpath_table_lock like all that follows but the atomics
 * @name: unique, see dpath_match_name_valid()
 * @uuid: for people and management software; nil if none was given
 * @uid: owner of the node
 * @gid: group of the node
 * @limits: what it may use
 * @cpus: CPUs that take its interrupts; none: as the kernel likes
 * @storm: limit of interrupts, for functions that have none of their own
 * @error_policy: what uncorrectable errors are, of functions that have no policy of their own
 * @fault_limit: refused DMA accesses that end a run, of functions that have no limit of their own; 0: none
 * @cpus_round: counts the changes of @cpus and @storm
 * @adhoc: anonymous, made for one process
 * @deleted: out of the table; nothing can be attached or opened any more
 * @sets: attached sets (struct dpath_set.vm_node)
 * @nr_devices: functions in all attached sets
 * @spaces: open spaces
 * @peer_lock: protects the BARs of its functions that are mapped in its spaces; inside set->lock and config.lock, outside domain_rwsem
 * @mm: mm that has it open (mm_count reference), NULL when off; compared only
 * @pid: thread group that opened it, for people
 * @opens: how many opens keep it running
 * @seq: number of its last event
 * @pinned: bytes pinned now, all spaces
 * @vectors: vectors in use
 * @refused: when a refused vector was last reported, in jiffies; 0: never
 * @maps: map calls that succeeded
 * @unmaps: unmap calls
 * @map_ns: time spent in map calls
 * @unmap_ns: time spent in unmap calls
 * @cdev: the node's character device, under vm.c's node_lock as the two below
 * @chardev: the node
 * @minor: its minor number, -1 for none (ad hoc)
 */
struct dpath_vm {
	struct kref ref;
	struct list_head node;
	char name[DIRECTPATH_NAME_MAX + 1];
	uuid_t uuid;
	kuid_t uid;
	kgid_t gid;
	struct dpath_vm_limits limits;
	struct cpumask cpus;
	struct dpath_storm_setting storm;
	enum directpath_error_policy error_policy;
	u32 fault_limit;
	unsigned int cpus_round;
	bool adhoc;
	bool deleted;
	struct list_head sets;
	unsigned int nr_devices;
	struct list_head spaces;
	struct mutex peer_lock; /* protects peer-to-peer maps */
	struct mm_struct *mm;
	pid_t pid;
	unsigned int opens;
	u64 seq;
	atomic64_t pinned;
	atomic_t vectors;
	unsigned long refused;
	atomic64_t maps;
	atomic64_t unmaps;
	atomic64_t map_ns;
	atomic64_t unmap_ns;
	struct cdev *cdev;
	struct device *chardev;
	int minor;
};

extern struct list_head dpath_vms; /* under dpath_table_lock */

int dpath_vm_module_init(const struct file_operations *fops);
void dpath_vm_module_exit(void);

void dpath_vm_get(struct dpath_vm *vm);
void dpath_vm_put(struct dpath_vm *vm);
/* By name, with a reference, or NULL. */
struct dpath_vm *dpath_vm_lookup(const char *name);
struct dpath_vm *dpath_vm_lookup_locked(const char *name);
struct dpath_vm *dpath_vm_by_minor(int minor);

/**
 * struct dpath_vm_config - what can be given to a VM; NULL: as it is, or for a new one root, no limits and any CPU
 * @uid: owner
 * @gid: group
 * @limits: what it may use
 * @cpus: CPUs that take its interrupts; none: as the kernel likes
 * @storm: limit of interrupts
 * @error_policy: what uncorrectable errors are
 * @fault_limit: refused DMA accesses that end a run
 */
struct dpath_vm_config {
	const kuid_t *uid;
	const kgid_t *gid;
	const struct dpath_vm_limits *limits;
	const struct cpumask *cpus;
	const struct dpath_storm_change *storm;
	const enum directpath_error_policy *error_policy;
	const u32 *fault_limit;
};

/* All text goes to @why, a buffer of @size. -EEXIST, -EINVAL, -ENOMEM, -ENOSPC. */
int dpath_vm_new(const char *name, const uuid_t *uuid, const struct dpath_vm_config *config, char *why, size_t size);
/* -ENOENT; -EBUSY while it runs and the owner would change. Interrupts that it has go to the new CPUs. */
int dpath_vm_set(const char *name, const struct dpath_vm_config *config, char *why, size_t size);
/* -ENOENT; -EBUSY while it runs or has devices (named in @why). */
int dpath_vm_del(const char *name, char *why, size_t size);
/* The anonymous VM of the calling process, made on first use, with a reference; ERR_PTR(-EPERM) if the host does not allow it. */
struct dpath_vm *dpath_vm_adhoc(void);

/* Running: one mm at a time may have it open, as often as it likes. -EBUSY for another mm, -ENODEV if it was deleted. */
int dpath_vm_open(struct dpath_vm *vm);
void dpath_vm_close(struct dpath_vm *vm);
bool dpath_vm_running_locked(const struct dpath_vm *vm);

/* Pinned memory: 0 or -EDQUOT. */
int dpath_vm_charge_pinned(struct dpath_vm *vm, u64 bytes);
void dpath_vm_uncharge_pinned(struct dpath_vm *vm, u64 bytes);
/* Interrupt vectors, against the VM's limit and the host's budget: 0 or -ENOSPC, which is an event. Takes dpath_table_lock. */
int dpath_vm_charge_vectors(struct dpath_vm *vm, unsigned int nvec);
void dpath_vm_uncharge_vectors(struct dpath_vm *vm, unsigned int nvec);

#endif
