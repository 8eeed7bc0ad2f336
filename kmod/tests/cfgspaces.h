/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_CFGSPACES_H
#define DPATH_TEST_CFGSPACES_H

/*
 * Config spaces of devices that exist, and what a guest may see of them: for the suites of the tables (cfgspaces_kunit.c) and of the
 * accesses (config_kunit.c).
 */

#include <linux/types.h>

enum dpath_cfgspace_how {
	CFGSPACE_HIDDEN,	/* not in the list, reads as zero, ignores writes */
	CFGSPACE_SHOWN,		/* from the hardware and read-only, but for the registers listed */
	CFGSPACE_RAW,		/* the hardware's, but for the header */
};

/**
 * struct dpath_cfgspace_cap - a capability that the device has
 * @pos: where
 * @size: bytes
 * @how: what becomes of it
 */
struct dpath_cfgspace_cap {
	u16 pos;
	u16 size;
	enum dpath_cfgspace_how how;
};

/**
 * struct dpath_cfgspace_reg - a register that is not simply the hardware's
 * @offset: from the start of the header or capability
 * @width: bytes
 * @hard: bits that a guest changes in the hardware
 * @soft: bits that a guest changes for itself only
 */
struct dpath_cfgspace_reg {
	u16 offset;
	u8 width;
	u32 hard;
	u32 soft;
};

/**
 * struct dpath_cfgspace_form - such registers of the header or of a capability
 * @pos: where it is
 * @regs: the registers, up to one of width 0
 * @reads: what a guest reads of each first; of those that are not listed 0
 */
struct dpath_cfgspace_form {
	u16 pos;
	const struct dpath_cfgspace_reg *regs;
	u32 reads[16];
};

/**
 * struct dpath_cfgspace - a device
 * @name: what it is
 * @dump: its config space as lspci -xxxx prints it; lines of zeroes are left out
 * @size: 256 or 4096
 * @std: capabilities that a guest finds, as position:id in the order of the list
 * @ext: extended capabilities, likewise
 * @caps: every capability, up to one of size 0
 * @forms: registers, up to one without
 */
struct dpath_cfgspace {
	const char *name;
	const char *dump;
	unsigned int size;
	const char *std;
	const char *ext;
	struct dpath_cfgspace_cap caps[20];
	struct dpath_cfgspace_form forms[12];
};

extern const struct dpath_cfgspace dpath_cfgspaces[];
extern const unsigned int dpath_nr_cfgspaces;

/* Its bytes into a buffer of 4096; false: the dump is not one. */
bool dpath_cfgspace_load(const struct dpath_cfgspace *space, u8 *bytes);
const struct dpath_cfgspace *dpath_cfgspace_find(const char *name);

#endif
