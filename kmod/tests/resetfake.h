/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TESTS_RESETFAKE_H
#define DPATH_TESTS_RESETFAKE_H

/*
 * Functions behind ports, in memory, for reset.c, reset_set.c and fingerprint.c: resetfake.c is built with them and stands for the PCI core. Function
 * 0 is a port on the root bus; the tree below it is made by the test. A reset takes a function to what it was when it was switched on, or kills it.
 *
 * Rules that it watches, each break one of @wrongs: a function is reset under its device_lock, with one method in its array and all of it switched
 * off, under the lock of its port if that is used, and with nothing of a tenant in what the core saves; locks are given back once; pci_bus_sem is not
 * taken under a device_lock; the whole bus is reset under none of them, every member pristine.
 */

#include <linux/pci.h>

#include "../reset.h"

struct kunit;

#define DPATH_RESETFAKE_FNS 8
#define DPATH_RESETFAKE_LOG 2048
#define DPATH_RESETFAKE_TENANT 0x3c		/* a register that a tenant has written */
#define DPATH_RESETFAKE_MARK 0xa5		/* with this */

/**
 * struct dpath_resetfake_fn - a function
 * @pdev: what the code has of it
 * @bus: the one behind it, of a bridge
 * @name: its address
 * @hw: config space
 * @on: what that is after a reset
 * @saved: what the core has saved
 * @locked: its device_lock is held by who is under test
 * @foreign: it is held by somebody else
 * @results: what a reset says, by kernel index
 * @dies: by kernel index: it does not answer after that
 * @absent: it does not answer
 * @mute: config reads answer ones, though the core finds it present, as of a VF
 * @answers: config reads that are answered before it leaves; 0: it stays
 * @vfs: VFs that it has
 * @pending: transactions stay pending
 * @refs: references
 * @tenant: it has the tenant's config, which only a host's reset has to get rid of
 */
struct dpath_resetfake_fn {
	struct pci_dev pdev;
	struct pci_bus bus;
	char name[16];
	u8 hw[4096];
	u8 on[4096];
	u8 saved[4096];
	bool locked;
	bool foreign;
	int results[PCI_NUM_RESET_METHODS + 1];
	u16 dies;
	bool absent;
	bool mute;
	unsigned int answers;
	int vfs;
	bool pending;
	int refs;
	bool tenant;
};

/**
 * struct dpath_resetfake - the tree
 * @root: the root bus
 * @fns: the functions
 * @nr: how many
 * @slot_error: of pci_probe_reset_slot()
 * @bus_error: of pci_probe_reset_bus()
 * @bus_result: of pci_reset_bus()
 * @bus_dies: functions that do not answer after it
 * @during: called while a function or bus is reset; @fn is NULL for a bus
 * @memory: pieces held
 * @calls: calls that could have failed, since dpath_resetfake_mark()
 * @fail_at: the one that is to fail; 0: none
 * @failed: what it was
 * @log: calls since dpath_resetfake_mark(), a word each
 * @wrongs: rules broken
 * @wrong: the first one
 */
struct dpath_resetfake {
	struct pci_bus root;
	struct dpath_resetfake_fn fns[DPATH_RESETFAKE_FNS];
	unsigned int nr;
	int slot_error;
	int bus_error;
	int bus_result;
	unsigned int bus_dies;
	void (*during)(struct dpath_resetfake *fake, struct dpath_resetfake_fn *fn);
	int memory;
	unsigned int calls;
	unsigned int fail_at;
	const char *failed;
	char log[DPATH_RESETFAKE_LOG];
	unsigned int wrongs;
	const char *wrong;
};

/* With the port of function 0. No slot has a reset, every bus has. */
struct dpath_resetfake *dpath_resetfake_new(struct kunit *test);
/* One more function, on the bus behind @above or on the root bus; with the kernel's methods @methods, 0 at the end, all of which work. */
struct dpath_resetfake_fn *dpath_resetfake_add(struct dpath_resetfake *fake, struct dpath_resetfake_fn *above, const u8 *methods);
/* It becomes a bridge. */
void dpath_resetfake_bridge(struct dpath_resetfake_fn *fn);
/* A tenant leaves its traces, with bus master on. */
void dpath_resetfake_tenant(struct dpath_resetfake_fn *fn);
void dpath_resetfake_mark(struct dpath_resetfake *fake);
/* No lock is held, no memory and no reference left, no rule broken. */
void dpath_resetfake_check(struct kunit *test, struct dpath_resetfake *fake);
static inline unsigned int dpath_resetfake_number(struct dpath_resetfake *fake, const struct dpath_resetfake_fn *fn)
{
	return fn - fake->fns;
}

#endif
