/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TESTS_IRQFAKE_H
#define DPATH_TESTS_IRQFAKE_H

/*
 * A function, its interrupts and eventfds in memory, for the files of irq*.c: irqfake.c is built with them and stands for the PCI and interrupt core,
 * eventfds, irq bypass, the allocator and RCU. It keeps a record, refuses what the kernel would warn about, and knows what has not been given back.
 *
 * Rules that it watches, each break one of @wrongs: no MSI-X table is touched with decode off or without the config lock; an interrupt is requested
 * once, allocated before and freed with its own cookie and without an affinity hint; vectors are not freed under a handler; enables follow disables;
 * no eventfd is signalled after its last reference or under a spinlock; what asserts that a lock is held holds it.
 */

#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/wait.h>

#include "../irq.h"

struct kunit;

#define DPATH_IRQFAKE_FDS 8
#define DPATH_IRQFAKE_VECTORS 2048
#define DPATH_IRQFAKE_LINE 11			/* Linux number of the line */
#define DPATH_IRQFAKE_BASE 100		/* and of vector 0 */
#define DPATH_IRQFAKE_MSI 0x50			/* its capabilities */
#define DPATH_IRQFAKE_MSIX 0x60
#define DPATH_IRQFAKE_NO_EVENTFD 77		/* an fd that is something else; others from DPATH_IRQFAKE_FDS on are closed */
#define DPATH_IRQFAKE_LOG 4096

struct eventfd_ctx {
	int fd;
	int refs;
	u64 count;
	u64 signals;
	wait_queue_head_t wqh;
};

struct dpath_irqfake_irq {
	irq_handler_t handler;
	void *arg;
	unsigned long flags;
	int depth;
	bool allocated;
	bool pending;
	bool unlazy;
	bool bypass;
	const struct cpumask *hint;
	int steered;
};

struct dpath_irqfake_rcu {
	struct rcu_head *head;
	rcu_callback_t func;
	void *memory;
};

/**
 * struct dpath_irqfake - a function and what became of it
 * @pdev: what irq*.c have of it
 * @command: its command register
 * @guest: bits of @command that the guest has set, which nobody may lose
 * @status: it wants an interrupt on the line
 * @no_mask: it has no Interrupt Disable
 * @msi: vectors of MSI
 * @msix: vectors of MSI-X
 * @dynamic: MSI-X vectors can be added one by one
 * @kernel_vectors: most the kernel has for one allocation
 * @budget: vectors that may be charged
 * @charged: that are
 * @cpus: what ops->affinity() answers
 * @type: PCI_IRQ_MSI, PCI_IRQ_MSIX or 0
 * @line: the line
 * @vectors: MSI and MSI-X
 * @fds: eventfds; as long as a test leaves them open each has one reference of its own
 * @files: struct file held
 * @memory: pieces of memory held
 * @producers: of irq bypass
 * @work: the work that was scheduled
 * @guard: the delayed work that is queued
 * @guard_due: when
 * @ticks: jiffies
 * @msi_control: Message Control of MSI
 * @msix_control: and of MSI-X
 * @limit: what ops->storm_limit() answers, unless its back-off is 0
 * @told: what ops->storm() was told last
 * @tellings: how often
 * @rcu: callbacks that wait for a grace period
 * @nr_rcu: how many
 * @config_locked: ops->config_lock() was called
 * @between: called once where a handler has found no eventfd and has not yet said so: another CPU is at work
 * @storm_on_request: a vector interrupts as soon as it has a handler, until it is masked
 * @calls: calls that could have failed, since dpath_irqfake_mark()
 * @fail_at: the one that is to fail; 0: none
 * @failed: what it was
 * @log: calls since dpath_irqfake_mark(), a word each
 * @wrongs: rules broken
 * @wrong: the first one
 * @irqs: the interrupts under test
 * @stats: their counters
 */
struct dpath_irqfake {
	struct pci_dev pdev;
	u16 command;
	u16 guest;
	bool status;
	bool no_mask;
	int msi;
	int msix;
	bool dynamic;
	unsigned int kernel_vectors;
	unsigned int budget;
	unsigned int charged;
	struct cpumask cpus;
	unsigned int type;
	struct dpath_irqfake_irq line;
	struct dpath_irqfake_irq vectors[DPATH_IRQFAKE_VECTORS];
	struct eventfd_ctx fds[DPATH_IRQFAKE_FDS];
	int files;
	int memory;
	int producers;
	struct work_struct *work;
	struct delayed_work *guard;
	unsigned long guard_due;
	unsigned long ticks;
	u16 msi_control;
	u16 msix_control;
	struct dpath_storm_limit limit;
	struct dpath_irq_storm told;
	unsigned int tellings;
	struct dpath_irqfake_rcu rcu[64];
	unsigned int nr_rcu;
	bool config_locked;
	void (*between)(struct dpath_irqfake *fake);
	bool storm_on_request;
	unsigned int calls;
	unsigned int fail_at;
	const char *failed;
	char log[DPATH_IRQFAKE_LOG];
	unsigned int wrongs;
	const char *wrong;
	struct dpath_irqs irqs;
	struct dpath_lease_stats stats;
};

/* MSI with 8 vectors, MSI-X with 16 that grows, a line that is masked with Interrupt Disable; the guest has decode and bus master on. */
struct dpath_irqfake *dpath_irqfake_new(struct kunit *test);
/* Its interrupts, after it was changed to taste. */
void dpath_irqfake_start(struct dpath_irqfake *fake, bool no_disintx);
/* Ends them: everything was given back, no rule broken. */
void dpath_irqfake_stop(struct kunit *test, struct dpath_irqfake *fake);
/* From here on is recorded. */
void dpath_irqfake_mark(struct dpath_irqfake *fake);
/* All that a caller has and can see, as text. Two that are the same have the same text. Static, in one of two buffers by turns. */
const char *dpath_irqfake_state(struct dpath_irqfake *fake);
/* A message from the function on a vector; false if nobody listens, or it is masked. */
bool dpath_irqfake_fire(struct dpath_irqfake *fake, unsigned int number);
/* Let the line interrupt for as long as it does; how often, at most 5. */
unsigned int dpath_irqfake_settle(struct dpath_irqfake *fake);
irqreturn_t dpath_irqfake_line(struct dpath_irqfake *fake);
/* Can the line interrupt, as the hardware stands? */
bool dpath_irqfake_line_open(struct dpath_irqfake *fake);
/* The VMM writes an eventfd; or closes it. */
void dpath_irqfake_write(struct dpath_irqfake *fake, int fd);
void dpath_irqfake_close(struct dpath_irqfake *fake, int fd);
/* The scheduled work runs; false if there is none. */
bool dpath_irqfake_work(struct dpath_irqfake *fake);
/* Time passes, and the guard's work runs when it is due: how often. */
unsigned int dpath_irqfake_pass(struct dpath_irqfake *fake, unsigned long ticks);
/* A grace period ends. */
void dpath_irqfake_grace(struct dpath_irqfake *fake);
/* SET_IRQS */
int dpath_irqfake_set(struct dpath_irqfake *fake, u32 index, u32 flags, u32 start, u32 count, const void *data);
/* With DATA_EVENTFD and TRIGGER, of one vector. */
int dpath_irqfake_set_fd(struct dpath_irqfake *fake, u32 index, u32 start, s32 fd);

#endif
