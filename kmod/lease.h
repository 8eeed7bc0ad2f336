/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_LEASE_H
#define DPATH_LEASE_H

/*
 * One opening of one function by one VM. Everything that an fd, a VMA or an eventfd can reach hangs off the lease; when the lease is dead they
 * reach nothing, whoever has the device then.
 */

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "config.h"
#include "counters.h"
#include "irq.h"
#include "mmio.h"

struct dpath_device;
struct dpath_set;
struct dpath_space;
struct dpath_vm;

/**
 * struct dpath_lease - one opening
 * @ref: device fds, plus one while it is the device's current lease
 * @dev: the device, referenced
 * @set: its set, referenced
 * @space: the space it runs in, referenced
 * @vm: the VM, referenced
 * @dead: set first at the end; never cleared. Readers use dpath_lease_alive()
 * @files: fds, under set->lock
 * @cpus_round: change of the VM's CPUs or storm guard that its interrupts have seen, under dpath_table_lock
 * @stats: counters, added up into the device at the end
 * @mmio: its BARs
 * @irqs: its interrupts
 * @config: its config space
 * @peers: its BARs that are mapped in spaces of the VM, under vm->peer_lock
 * @frozen: by dpath_lease_freeze(), under device_lock
 * @free_work: of dpath_lease_put_later()
 */
struct dpath_lease {
	struct kref ref;
	struct dpath_device *dev;
	struct dpath_set *set;
	struct dpath_space *space;
	struct dpath_vm *vm;
	bool dead;
	unsigned int files;
	unsigned int cpus_round;
	struct dpath_lease_stats stats;
	struct dpath_mmio mmio;
	struct dpath_irqs irqs;
	struct dpath_config config;
	struct list_head peers;
	bool frozen;
	struct work_struct free_work;
};

static inline bool dpath_lease_alive(const struct dpath_lease *lease)
{
	return !READ_ONCE(lease->dead);
}

/*
 * Open (or share) the lease of a running device: one user of the set and one file more. Waits, killable and bounded, for a reset that is under way.
 * -ENODEV: gone; -EBUSY: it is being reset for longer than the deadline; -EINTR; -EPERM: not in @space. Matched by dpath_lease_close().
 */
struct dpath_lease *dpath_lease_open(struct dpath_device *dev, struct dpath_space *space);
void dpath_lease_close(struct dpath_lease *lease);
void dpath_lease_get(struct dpath_lease *lease);
void dpath_lease_put(struct dpath_lease *lease);
/* The same where the last one must not take anything down: it is left to a work. */
void dpath_lease_put_later(struct dpath_lease *lease);
/* No access reaches its BARs any more, by CPU or by DMA of others; and again, unless it is dead. Bounded; takes no mmap_lock. */
void dpath_lease_close_bars(struct dpath_lease *lease);
void dpath_lease_open_bars(struct dpath_lease *lease);
/*
 * A reset is about to begin, whoever does it: no access reaches the function, and what the PCI core restores at its end stands still, until
 * dpath_lease_unhold(); then as its config space says, if the lease lives. Under device_lock and with config access held.
 */
void dpath_lease_hold(struct dpath_lease *lease);
void dpath_lease_unhold(struct dpath_lease *lease);
/*
 * A fatal error was reported: until dpath_lease_thaw() no access of the tenant reaches BARs or config space, resets of others or not. Takes no lock
 * under which the PCI core takes pci_bus_sem. Thawed inside of a hold, whose end opens what may be open. Under device_lock.
 */
void dpath_lease_freeze(struct dpath_lease *lease);
void dpath_lease_thaw(struct dpath_lease *lease);
/* End of the current lease of a device, under set->lock: counters are added up, the function is disabled. */
void dpath_lease_end_locked(struct dpath_device *dev);
/* A guest's reset of the function. 0, -ENODEV (dead), -EINVAL (no method, as VFIO says), -EAGAIN after the deadline. */
int dpath_lease_reset(struct dpath_lease *lease);
/* The end, in three steps so that a set ends as one; under set->lock. Steps 1: dead, maps to scratch. 2: interrupts, after DMA is blocked. */
void dpath_lease_kill_maps(struct dpath_lease *lease);
void dpath_lease_kill_irqs(struct dpath_lease *lease);

#endif
