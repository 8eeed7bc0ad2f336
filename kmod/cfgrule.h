/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_CFGRULE_H
#define DPATH_CFGRULE_H

/*
 * The permission tables of config space: one rule per capability, one field per register that is not simply read from the hardware, each with
 * the reason. Data only; cfgperm.c applies it.
 */

#include <linux/types.h>

/**
 * struct dpath_cfg_field - one register that is not simply read from the hardware
 * @offset: from the start of the header or capability
 * @width: bytes
 * @virt: bits answered from the shadow
 * @write: bits the tenant may change
 * @w1c: bits that do something when a 1 is written
 * @zero: virtual bits that start as 0, not as the hardware's value
 * @why: reason
 */
struct dpath_cfg_field {
	u16 offset;
	u8 width;
	u32 virt;
	u32 write;
	u32 w1c;
	u32 zero;
	const char *why;
};

/* What becomes of a capability. */
enum dpath_cfg_how {
	DPATH_CFG_HIDE,
	DPATH_CFG_SHOW,
	DPATH_CFG_RAW,
};

/**
 * struct dpath_cfg_rule - how one capability is treated
 * @name: what it is
 * @why: reason for the treatment as a whole
 * @how: hidden, shown or raw
 * @many: a function may have several
 * @size: bytes, where they are always the same; 0: as far as the next capability
 * @measure: bytes, from its first two dwords; 0: nonsense
 * @refine: another rule, by its first two dwords
 * @fields: registers that differ from the default, up to one of width 0; or NULL
 */
struct dpath_cfg_rule {
	const char *name;
	const char *why;
	enum dpath_cfg_how how;
	bool many;
	u16 size;
	unsigned int (*measure)(u32 dw0, u32 dw1);
	const struct dpath_cfg_rule *(*refine)(u32 dw0, u32 dw1);
	const struct dpath_cfg_field *fields;
};

extern const struct dpath_cfg_rule dpath_cfg_header_rule;

const struct dpath_cfg_rule *dpath_cfg_rule_of(u16 id, bool ext);

#endif
