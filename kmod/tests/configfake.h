/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TESTS_CONFIGFAKE_H
#define DPATH_TESTS_CONFIGFAKE_H

/*
 * A function in memory for config.c: configfake.c is built with it and stands for the PCI core. It keeps a record: which bytes reached the hardware,
 * in which order decode went off and on around them, which resets, power states and reads of VPD were asked for. The function is one of
 * cfgspaces.c, so that what no emulated device has (AF, VPD, a broken FLR) is tried, too.
 */

#include <linux/pci.h>
#include <linux/xarray.h>

#include "../config.h"

struct kunit;

#define DPATH_CONFIGFAKE_EVENTS 64

/**
 * struct dpath_configfake - a function with the config space of a lease, and what was done to it
 * @pdev: what config.c has of it
 * @hw: its config space
 * @written: bytes of @hw that were written
 * @blocked: a reset has config space
 * @access: config space is being accessed
 * @vpd: bytes of vital product data
 * @vpd_reads: dwords of it that were read
 * @readrq: read request size last set
 * @mps: payload size
 * @log: what happened, a letter each. w: a write arrived; d, D: decode off, on; i, I: INTx enabled, disabled; 0 to 3: power state; r: reset;
 *	!: something was called with config access held that must not, or without; ?: the same for the config lock
 * @power_error: the power state cannot be set
 * @reset_error: the reset fails
 * @in_power: runs while the power state changes; or NULL
 * @in_vpd: while VPD is read; or NULL
 * @stats: counters of the lease
 * @counts: those of registers
 * @cfg: what is under test
 */
struct dpath_configfake {
	struct pci_dev pdev;
	u8 hw[4096];
	u8 written[4096];
	bool blocked;
	bool access;
	u8 vpd[256];
	unsigned int vpd_reads;
	int readrq;
	int mps;
	char log[DPATH_CONFIGFAKE_EVENTS + 1];
	int power_error;
	int reset_error;
	void (*in_power)(struct dpath_configfake *fix);
	void (*in_vpd)(struct dpath_configfake *fix);
	struct dpath_lease_stats stats;
	struct xarray counts;
	struct dpath_config cfg;
};

/* With the config space of that name in cfgspaces.c. */
struct dpath_configfake *dpath_configfake_new(struct kunit *test, const char *name);
void dpath_configfake_set_bar(struct dpath_configfake *fix, int index, u64 size, unsigned long flags);
/* The lease begins, after the function was changed to taste; and ends. */
void dpath_configfake_start(struct kunit *test, struct dpath_configfake *fix);
void dpath_configfake_stop(struct dpath_configfake *fix);
/* The guest reads. */
u32 dpath_configfake_rd(struct dpath_configfake *fix, unsigned int offset, unsigned int width);
/* The guest writes; the log has what comes of it. */
void dpath_configfake_wr(struct dpath_configfake *fix, unsigned int offset, unsigned int width, u32 value);
/* Writes that were denied in the dword of @offset, and their bits. */
u64 dpath_configfake_denied(struct dpath_configfake *fix, unsigned int offset, u32 *bits);

#endif
