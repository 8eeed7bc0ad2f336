/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_CFGPERM_H
#define DPATH_CFGPERM_H

/*
 * What a tenant sees of config space and what it may write there, as tables, and the pure functions that apply them: a walk of the capability
 * lists that trusts nothing it reads, and the merge of shadow and hardware for one access. config.c brings the hardware. No locks here.
 */

#include <linux/types.h>

#define DPATH_CFG_SIZE 4096
#define DPATH_CFG_CAPS 160

/* Longest name of a capability, and longest reason. */
#define DPATH_CFG_NAME_MAX 39
#define DPATH_CFG_WHY_MAX 127

/**
 * struct dpath_cfg_reader - where a walk reads from
 * @read: read the dword at @offset (a multiple of 4, below @size) into @value; 0 or -errno
 * @ctx: for @read
 * @size: 256 or 4096
 */
struct dpath_cfg_reader {
	int (*read)(void *ctx, unsigned int offset, u32 *value);
	void *ctx;
	unsigned int size;
};

struct dpath_cfg_rule;

/**
 * struct dpath_cfgcap - one capability that the walk has found
 * @rule: how it is treated
 * @id: capability id
 * @pos: where its header is
 * @size: bytes it covers
 * @ext: from the extended list
 * @shown: in the list that the tenant sees
 */
struct dpath_cfgcap {
	const struct dpath_cfg_rule *rule;
	u16 id;
	u16 pos;
	u16 size;
	bool ext;
	bool shown;
};

/**
 * struct dpath_cfgmap - the tables applied to one function
 * @size: bytes of config space
 * @nr: capabilities found
 * @caps: in the order of the lists, standard ones first
 * @flaw: what is wrong with the lists (the first thing), or NULL
 * @shadow: values of the bits that are virtual
 * @virt: bits answered from @shadow; the others come from the hardware
 * @write: bits the tenant may change, in @shadow where virtual and in the hardware elsewhere
 * @w1c: bits of the hardware that a 1 clears or sets off: written as 0 unless the tenant wrote them
 */
struct dpath_cfgmap {
	unsigned int size;
	unsigned int nr;
	struct dpath_cfgcap caps[DPATH_CFG_CAPS];
	const char *flaw;
	u8 shadow[DPATH_CFG_SIZE];
	u8 virt[DPATH_CFG_SIZE];
	u8 write[DPATH_CFG_SIZE];
	u8 w1c[DPATH_CFG_SIZE];
};

/**
 * struct dpath_cfg_bits - the masks and the shadow of one access
 * @shadow: see struct dpath_cfgmap
 * @virt: see struct dpath_cfgmap
 * @write: see struct dpath_cfgmap
 * @w1c: see struct dpath_cfgmap
 */
struct dpath_cfg_bits {
	u32 shadow;
	u32 virt;
	u32 write;
	u32 w1c;
};

/**
 * struct dpath_cfg_write - outcome of one write
 * @shadow: new value of the shadow
 * @hw: value for the hardware
 * @lanes: bits of the bytes of @hw that must reach the hardware, 0xff each; the other bytes must not be written
 * @denied: bits the tenant tried to change and may not
 */
struct dpath_cfg_write {
	u32 shadow;
	u32 hw;
	u32 lanes;
	u32 denied;
};

int dpath_cfgmap_build(struct dpath_cfgmap *map, const struct dpath_cfg_reader *reader);
const struct dpath_cfgcap *dpath_cfgmap_find(const struct dpath_cfgmap *map, u16 id, bool ext);
const char *dpath_cfgmap_why(const struct dpath_cfgmap *map, unsigned int offset);
const char *dpath_cfgmap_where(const struct dpath_cfgmap *map, unsigned int offset);

u32 dpath_cfg_load(const u8 *bytes, unsigned int width);
void dpath_cfg_store(u8 *bytes, unsigned int width, u32 value);
struct dpath_cfg_bits dpath_cfgmap_bits(const struct dpath_cfgmap *map, unsigned int offset, unsigned int width);
void dpath_cfgmap_set(struct dpath_cfgmap *map, unsigned int offset, unsigned int width, const struct dpath_cfg_bits *bits);
u32 dpath_cfg_merge_read(const struct dpath_cfg_bits *bits, u32 hw);
struct dpath_cfg_write dpath_cfg_merge_write(const struct dpath_cfg_bits *bits, u32 hw, u32 value);

#endif
