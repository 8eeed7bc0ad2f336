/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_CONFIG_H
#define DPATH_CONFIG_H

/*
 * Config space of one lease: the tables of cfgperm.c applied to a function. Everything is answered from a shadow or the hardware, bit by bit, as
 * the tables say. Callers pass kernel buffers; no user memory is touched under @lock.
 */

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "counters.h"

struct dpath_cfgmap;

/**
 * struct dpath_config_ops - what a config write can set off outside config space
 * @decode: decode is about to go off (@on false, before the write) or has gone on (@on true, after it), by the command register or by a power
 *	state; both with @lock held, the first with config access as well. Decode of memory counts; of I/O only for a function without memory
 *	BARs, as a port that nobody decodes answers ones by itself
 * @intx: the guest set or cleared Interrupt Disable; the handler masks or unmasks INTx instead of the hardware bit; @lock held
 * @reset: the guest initiated a function level reset (PCIe or AF capability); called without @lock, returns 0 or -errno
 * @power: the guest wrote PowerState; @state is a PCI_D* value; called without @lock, with config access held, decode off; returns 0 or -errno
 *	(the write is then dropped). What the function loses on the way is restored here. The lease may end meanwhile
 *
 * Context: process context, may sleep. dpath_config_decoding() may be called from all of them, nothing else of this header from those that have
 * @lock held.
 */
struct dpath_config_ops {
	void (*decode)(void *ctx, bool on);
	void (*intx)(void *ctx, bool disable);
	int (*reset)(void *ctx);
	int (*power)(void *ctx, pci_power_t state);
};

/**
 * struct dpath_config - config space of one lease
 * @lock: protects everything below and each access; a reader of the flags alone may do without
 * @dead: set by dpath_config_kill(); reads answer ones, writes are dropped
 * @held: by dpath_config_hold(): the hardware is not accessed, as in a reset
 * @pdev: the function
 * @ops: what writes set off
 * @ctx: for @ops
 * @stats: counters of the lease
 * @counts: of struct dpath_register_count, of the function
 * @size: bytes of config space shown: 256 or 4096
 * @map: shadow and masks
 * @pm: position of the power management capability, 0 if it is not shown
 * @exp: of the PCI Express capability
 * @af: of the advanced features capability
 * @vpd: of the vital product data capability
 * @has_mem: there is a memory BAR
 * @mem_enabled: the command register decodes memory, as the guest sees it
 * @io_enabled: it decodes I/O
 * @intx_disabled: Interrupt Disable, as the guest sees it
 * @power: power state the guest has asked for
 */
struct dpath_config {
	struct mutex lock; /* protects everything below */
	bool dead;
	bool held;
	struct pci_dev *pdev;
	const struct dpath_config_ops *ops;
	void *ctx;
	struct dpath_lease_stats *stats;
	struct xarray *counts;
	unsigned int size;
	struct dpath_cfgmap *map;
	u16 pm;
	u16 exp;
	u16 af;
	u16 vpd;
	bool has_mem;
	bool mem_enabled;
	bool io_enabled;
	bool intx_disabled;
	u8 power;
};

int dpath_config_init(struct dpath_config *cfg, struct pci_dev *pdev, const struct dpath_config_ops *ops, void *ctx,
		      struct dpath_lease_stats *stats, struct xarray *counts);
void dpath_config_hide_intx(struct dpath_config *cfg);
void dpath_config_kill(struct dpath_config *cfg);
void dpath_config_destroy(struct dpath_config *cfg);
ssize_t dpath_config_read(struct dpath_config *cfg, u32 offset, void *buf, size_t count);
ssize_t dpath_config_write(struct dpath_config *cfg, u32 offset, const void *buf, size_t count);
bool dpath_config_decoding(struct dpath_config *cfg, bool io);
void dpath_config_restored(struct dpath_config *cfg);
void dpath_config_hold(struct dpath_config *cfg);
void dpath_config_unhold(struct dpath_config *cfg);
void dpath_config_free_counts(struct xarray *counts);

#endif
