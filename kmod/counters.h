/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_COUNTERS_H
#define DPATH_COUNTERS_H

/*
 * A lease is one opening of one function by one VM. Its three engines (struct dpath_irqs, struct dpath_mmio, struct dpath_config) live and die
 * with it and are never handed to the next VM: an old fd, VMA or eventfd reaches the engines of its own lease, which are dead.
 * Each engine has a `dead` flag under its own lock; dpath_*_kill() sets it, and after kill returned no path through that engine touches the
 * function any more. This header holds what the three share.
 */

#include <linux/types.h>

/* Event counters of a lease, added up into the device when the lease ends. Written with atomic64_inc, read at any time. */
struct dpath_lease_stats {
	atomic64_t interrupts;
	atomic64_t storms;
	atomic64_t config_reads;
	atomic64_t config_writes;
	atomic64_t config_denied;
	atomic64_t region_reads;
	atomic64_t region_writes;
	atomic64_t faults;
};

/**
 * struct dpath_register_count - what the VMMs did to one dword of a function's config space since it is known
 * @writes: accesses that wrote it
 * @denied: those of them that were dropped in whole or part
 * @bits: the bits that were denied, all together
 * @where: header, name of the capability, or of what is between them
 * @why: reason of the last denial, or NULL
 *
 * Kept in an xarray by the number of the dword, made when first written, freed with the function. Written under the lock of its current lease's
 * config space, read at any time; the strings are static.
 */
struct dpath_register_count {
	u64 writes;
	u64 denied;
	u32 bits;
	const char *where;
	const char *why;
};

#endif
