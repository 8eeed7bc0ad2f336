/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TESTS_CFGFAKE_H
#define DPATH_TESTS_CFGFAKE_H

/*
 * A config space in memory with the tables of cfgperm.c over it, and what must hold for all of them: the lists that a tenant walks end, show nothing
 * hidden and nothing twice, and the registers that the kernel drives, found the way the kernel finds them, cannot be reached.
 */

#include <uapi/linux/pci_regs.h>

#include "../cfgperm.h"
#include "../cfgrule.h"

struct kunit;

/**
 * struct dpath_cfgfake - config space and tables
 * @bytes: what the hardware has
 * @reads: dwords read, if one is to fail
 * @fail_at: the read that fails; 0: none
 * @map: the tables
 */
struct dpath_cfgfake {
	u8 bytes[DPATH_CFG_SIZE];
	unsigned int reads;
	int fail_at;
	struct dpath_cfgmap map;
};

/* The tables anew, over @size bytes. */
int dpath_cfgfake_build(struct dpath_cfgfake *fix, unsigned int size);

static inline void dpath_cfgfake_put(struct dpath_cfgfake *fix, unsigned int offset, unsigned int width, u32 value)
{
	dpath_cfg_store(fix->bytes + offset, width, value);
}

/* What the tenant reads. */
u32 dpath_cfgfake_get(const struct dpath_cfgfake *fix, unsigned int offset, unsigned int width);
/* The tenant writes; returns the denied bits. */
u32 dpath_cfgfake_set(struct dpath_cfgfake *fix, unsigned int offset, unsigned int width, u32 value);
/* Bits of the hardware that the tenant can change. */
u32 dpath_cfgfake_hard(const struct dpath_cfgfake *fix, unsigned int offset, unsigned int width);

void dpath_cfgfake_put_cap(struct dpath_cfgfake *fix, unsigned int pos, u8 id, u8 next, u16 word);
void dpath_cfgfake_put_ecap(struct dpath_cfgfake *fix, unsigned int pos, u16 id, u8 version, unsigned int next);
/* An endpoint with a list head but no list yet. */
void dpath_cfgfake_put_header(struct dpath_cfgfake *fix, u8 first);
/* Something like an NVMe controller with SR-IOV and ATS. */
void dpath_cfgfake_put_good(struct dpath_cfgfake *fix);

/* Reads as zero, and nothing of it can be changed. */
void dpath_cfgfake_expect_closed(struct kunit *test, const struct dpath_cfgfake *fix, unsigned int pos, unsigned int size);
/* What must hold, whatever the function is. */
void dpath_cfgfake_expect_sound(struct kunit *test, const struct dpath_cfgfake *fix);
/* Ids of a list as the tenant walks it, as "1 5 10" in hexadecimal. */
const char *dpath_cfgfake_list_std(struct kunit *test, const struct dpath_cfgfake *fix);
const char *dpath_cfgfake_list_ext(struct kunit *test, const struct dpath_cfgfake *fix);

#endif
