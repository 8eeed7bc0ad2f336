/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_IRQ_H
#define DPATH_IRQ_H

/*
 * Interrupts of one lease, delivered to eventfds. A host handler lives as long as the interrupt kind is enabled; the eventfd behind it is an
 * RCU pointer that a guest's mask and unmask churn swaps cheaply. Only irq*.c uses linux/interrupt.h.
 */

#include <linux/cpumask.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/vfio.h>

#include "counters.h"
#include "storm.h"

struct dpath_trigger;
struct dpath_vector;
struct dpath_intx;

/**
 * struct dpath_irq_storm - a vector was held back
 * @index: VFIO_PCI_*_IRQ_INDEX
 * @number: number within the kind
 * @wait_ms: for how long
 */
struct dpath_irq_storm {
	u32 index;
	u32 number;
	u32 wait_ms;
};

/**
 * struct dpath_irq_ops - what interrupts need from above
 * @charge: ask for @nvec more MSI or MSI-X vectors; 0 or -ENOSPC. INTx is not charged: it takes no vector
 * @uncharge: give them back
 * @affinity: CPUs that are to take the interrupts; none: as the kernel likes
 * @config_lock: optional; keep the guest's config writes away while memory decode is borrowed to write the MSI-X table
 * @config_unlock: and let them in again; both or none
 * @storm_limit: optional; what each vector may do; @limit holds what nobody has set
 * @storm: optional; vectors were held back, @storm is the last one. Called without dpath_irqs.lock
 *
 * Context: called with dpath_irqs.lock held if not said otherwise, may sleep.
 */
struct dpath_irq_ops {
	int (*charge)(void *ctx, unsigned int nvec);
	void (*uncharge)(void *ctx, unsigned int nvec);
	void (*affinity)(void *ctx, struct cpumask *cpus);
	void (*config_lock)(void *ctx);
	void (*config_unlock)(void *ctx);
	void (*storm_limit)(void *ctx, struct dpath_storm_limit *limit);
	void (*storm)(void *ctx, const struct dpath_irq_storm *storm);
};

/**
 * struct dpath_irqs - interrupts of one lease
 * @lock: protects the interrupt kind, the vectors and every change of them; never taken in an interrupt, in error_detected(), for a REQ notice or
 *	under the lock of config space
 * @dead: set by dpath_irqs_kill()
 * @pdev: the function
 * @ops: the vector budget
 * @ctx: for @ops
 * @stats: counters of the lease
 * @index: kind that is enabled (VFIO_PCI_INTX_IRQ_INDEX, ..MSI.., ..MSIX..), or VFIO_PCI_NUM_IRQS for none
 * @nvec: vectors of that kind that may be asked for; slots of @vectors unless it is INTx
 * @used: host interrupts that are requested
 * @vectors: the vectors with a host interrupt, by number; NULL where there is none
 * @intx_lock: protects @intx_off, the pointer @intx, the state of the line and of a halt; taken in handlers and in eventfd wakeups
 * @intx_off: Interrupt Disable as the guest sees it
 * @intx: the line while its kind is enabled; its memory is freed by RCU
 * @err: eventfd of the ERR index
 * @req: eventfd of the REQ index
 * @intx_irq: Linux number of the line, or 0
 * @counts: vectors of each kind, constant
 * @no_disintx: INTx is masked at the interrupt chip, not with Interrupt Disable
 * @dynamic: the kernel adds MSI-X vectors one by one
 * @resizable: MSI-X can grow while it is enabled
 * @cpus: CPUs that take the interrupts, under @lock; none: as the kernel likes
 * @limit: what each vector may do; written under @lock, read by handlers
 * @guard: brings held vectors back and reports them
 * @msix: of MSI and MSI-X the one that was enabled last; stands still while interrupts are requested, as does the next one
 * @maskless: it is MSI and has no mask bits
 * @held: by dpath_irqs_hold(): a reset is under way
 * @unheld: woken when it is not any more, and at the end
 * @halts: vectors that are held back by halting the whole function; this and the next one under @intx_lock
 * @halted: it is: MSI Enable is off, or MSI-X has Function Mask
 */
struct dpath_irqs {
	struct mutex lock; /* protects the kind and the vectors */
	bool dead;
	struct pci_dev *pdev;
	const struct dpath_irq_ops *ops;
	void *ctx;
	struct dpath_lease_stats *stats;
	unsigned int index;
	unsigned int nvec;
	unsigned int used;
	struct dpath_vector **vectors;
	spinlock_t intx_lock; /* protects intx_off, intx and the line */
	bool intx_off;
	struct dpath_intx *intx;
	struct dpath_trigger __rcu *err;
	struct dpath_trigger __rcu *req;
	unsigned int intx_irq;
	unsigned int counts[VFIO_PCI_NUM_IRQS];
	bool no_disintx;
	bool dynamic;
	bool resizable;
	struct cpumask cpus;
	struct dpath_storm_limit limit;
	struct delayed_work guard;
	bool msix;
	bool maskless;
	bool held;
	wait_queue_head_t unheld;
	unsigned int halts;
	bool halted;
};

/**
 * struct dpath_vector_info - what a vector has done, for statistics
 * @index: VFIO_PCI_*_IRQ_INDEX
 * @number: number within the kind
 * @irq: Linux interrupt number
 * @count: interrupts signalled
 * @storms: times it was held back
 * @bypassed: a consumer of irq bypass is connected
 * @held: it is held back now
 */
struct dpath_vector_info {
	u32 index;
	u32 number;
	u32 irq;
	u64 count;
	u64 storms;
	bool bypassed;
	bool held;
};

/* Before the module's text goes: waits for eventfds that are being released after a grace period. */
void dpath_irq_module_exit(void);

int dpath_irqs_init(struct dpath_irqs *irqs, struct pci_dev *pdev, const struct dpath_irq_ops *ops, void *ctx,
		    struct dpath_lease_stats *stats, bool no_disintx);
void dpath_irqs_kill(struct dpath_irqs *irqs);
void dpath_irqs_destroy(struct dpath_irqs *irqs);

/* VFIO_DEVICE_GET_IRQ_INFO: number of vectors of a kind and its VFIO_IRQ_INFO_* flags; -EINVAL for an unknown index */
int dpath_irqs_info(struct dpath_irqs *irqs, u32 index, u32 *count, u32 *flags);
/*
 * VFIO_DEVICE_SET_IRQS. @data is a kernel copy of the payload: count times s32 (DATA_EVENTFD), u8 (DATA_BOOL) or NULL (DATA_NONE).
 * Returns 0, a positive number (vectors that are available, when more were asked for) or -errno.
 */
int dpath_irqs_set(struct dpath_irqs *irqs, u32 flags, u32 index, u32 start, u32 count, const void *data);
/* pci_restore_state(), which writes messages again, and dpath_irqs_restored(). */
void dpath_irqs_restore(struct dpath_irqs *irqs);
/* A reset restores them by itself: what it has stays until dpath_irqs_unhold(). SET_IRQS waits meanwhile, dpath_irqs_kill() does not. */
void dpath_irqs_hold(struct dpath_irqs *irqs);
void dpath_irqs_unhold(struct dpath_irqs *irqs);
/* The guest wrote Interrupt Disable in its command register. */
void dpath_irqs_intx_disable(struct dpath_irqs *irqs, bool disable);
/* Config space was restored from a copy (reset, D3): make Interrupt Disable right again. */
void dpath_irqs_restored(struct dpath_irqs *irqs);
/* Signal the ERR or REQ eventfd; any context that may be interrupted, no lock. False if there is none. */
bool dpath_irqs_notify_err(struct dpath_irqs *irqs);
bool dpath_irqs_notify_req(struct dpath_irqs *irqs);
/* ops->affinity() says something else now: every interrupt goes there, those to come as well. */
void dpath_irqs_refresh_affinity(struct dpath_irqs *irqs);
/* ops->storm_limit() says something else now. */
void dpath_irqs_refresh_storm(struct dpath_irqs *irqs);
/* Vectors of all leases that a consumer of irq bypass is connected to. */
unsigned int dpath_irq_bypassed(void);
/* A snapshot for statistics: fills up to @max entries, returns how many there are. */
unsigned int dpath_irqs_vectors(struct dpath_irqs *irqs, struct dpath_vector_info *info, unsigned int max);

#endif
