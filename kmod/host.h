/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_HOST_H
#define DPATH_HOST_H

/*
 * What belongs to the module as a whole: the lock of the owner table, the settings, the sequence number of events, the work queue.
 */

#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/*
 * The owner table: the lists of devices, sets and VMs, every device state, every attachment, names and limits. Innermost of the sleeping
 * locks: held for list and field work and for sending the event of a change (so events leave in the order of their numbers), never over
 * hardware, device_lock, IOMMU calls, user memory or another lock.
 */
extern struct mutex dpath_table_lock;

/**
 * struct dpath_host - settings and totals; fields protected by dpath_table_lock
 * @adhoc: devices bound by hand may run in an anonymous VM
 * @adhoc_said: an admin has set @adhoc; loading vfio-pci.ko does not change it any more
 * @unsafe_interrupts: claims are allowed without interrupt remapping
 * @door_vfio: the VFIO personality is loaded
 * @vector_budget: most vectors all VMs together may have
 * @vectors_used: vectors in use
 * @unbind_deadline_ms: after this an unbind is reported as stuck
 * @reset_deadline_ms: after this a reset is reported as stuck
 * @revoke_deadline_ms: how long a VMM may take to give a device back
 * @seq: sequence number of the last event
 */
struct dpath_host {
	bool adhoc;
	bool adhoc_said;
	bool unsafe_interrupts;
	bool door_vfio;
	u32 vector_budget;
	atomic_t vectors_used;
	u32 unbind_deadline_ms;
	u32 reset_deadline_ms;
	u32 revoke_deadline_ms;
	u64 seq;
};

extern struct dpath_host dpath_host;
extern struct workqueue_struct *dpath_wq;
/* Woken at every change of a device state. */
extern wait_queue_head_t dpath_state_wait;

/* Off, over into another kernel: set before the first device is told. */
static inline bool dpath_host_going_down(void)
{
	return system_state >= SYSTEM_HALT && system_state <= SYSTEM_RESTART;
}

u64 dpath_next_seq_locked(void);
/* Counts vectors against the host's budget; 0 or -ENOSPC. */
int dpath_host_charge_vectors(unsigned int nvec);
void dpath_host_uncharge_vectors(unsigned int nvec);
/* vfio-pci.ko comes and goes: with it, functions bound by hand may run, unless an admin has said otherwise. */
void dpath_host_default_adhoc(bool on);
int dpath_host_init(void);
void dpath_host_exit(void);

#endif
