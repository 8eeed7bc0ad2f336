// SPDX-License-Identifier: GPL-2.0
/*
 * Config spaces of devices that exist, put together by hand from their data sheets and from what lspci shows of them, with a host driver at work:
 * what a claim finds. Beside each is what a guest sees. The expectations are numbers, not masks of the tables under test.
 */

#include <linux/kernel.h>
#include <linux/string.h>

#include "cfgspaces.h"

#define ALL32 0xffffffffU

/*
 * Of the command I/O, memory, master, invalidate and parity are the hardware's; SERR# and Interrupt Disable are pretended. Error bits of the status
 * may be cleared. Latency, BIST, BARs and ROM show nothing of the hardware's (BARs get their masks from config.c). The first read values are those
 * of ids, command, status, cache line size, first capability, line and pin.
 */
static const struct dpath_cfgspace_reg header[] = {
	{ 0x00, 4, 0, 0 }, { 0x04, 2, 0x0057, 0x0500 }, { 0x06, 2, 0xf900, 0 }, { 0x0c, 1, 0xff, 0 }, { 0x34, 1, 0, 0 }, { 0x3c, 1, 0, 0xff },
	{ 0x3d, 1, 0, 0 }, { 0x0d, 1, 0, 0xff }, { 0x0f, 1, 0, 0 }, { 0x10, 4, 0, 0 }, { 0x14, 4, 0, 0 }, { 0x18, 4, 0, 0 }, { 0x1c, 4, 0, 0 },
	{ 0x20, 4, 0, 0 }, { 0x24, 4, 0, 0 }, { 0x30, 4, 0, 0 }, {}
};

/* Capabilities without wake-up events; PowerState is the guest's wish. */
static const struct dpath_cfgspace_reg pm[] = { { 2, 2, 0, 0 }, { 4, 2, 0, 0x0003 }, {} };

/* Enable and the number of vectors, address, data and masks: all pretended. */
static const struct dpath_cfgspace_reg msi32[] = { { 2, 2, 0, 0x0071 }, { 4, 4, 0, ~3U }, { 8, 4, 0, 0xffff }, {} };
static const struct dpath_cfgspace_reg msi64[] = { { 2, 2, 0, 0x0071 }, { 4, 4, 0, ~3U }, { 8, 4, 0, ALL32 }, { 12, 4, 0, 0xffff }, {} };
static const struct dpath_cfgspace_reg msi64_mask[] = {
	{ 2, 2, 0, 0x0071 }, { 4, 4, 0, ~3U }, { 8, 4, 0, ALL32 }, { 12, 4, 0, 0xffff }, { 16, 4, 0, ALL32 }, {}
};

static const struct dpath_cfgspace_reg msix[] = { { 2, 2, 0, 0xc000 }, {} };

/* Done by the kernel. */
static const struct dpath_cfgspace_reg vpd[] = { { 2, 2, 0, 0xffff }, { 4, 4, 0, ALL32 }, {} };
static const struct dpath_cfgspace_reg af[] = { { 4, 1, 0, 0x01 }, {} };

/*
 * Device capabilities, control and status, link control, device control 2, link control 2. Phantom functions do not exist and cannot be enabled;
 * relaxed ordering and no-snoop are the hardware's, error bits may be cleared, timeouts, atomics and ID based ordering are the hardware's.
 * Everything about the link is pretended. Registers of slots (0x34 and up) are none of an endpoint.
 */
static const struct dpath_cfgspace_reg exp[] = {
	{ 0x04, 4, 0, 0 }, { 0x08, 2, 0x0810, 0xf5ef }, { 0x0a, 2, 0x000f, 0 }, { 0x10, 2, 0, 0xffff }, { 0x28, 2, 0x035f, 0xfca0 },
	{ 0x30, 2, 0, 0xffff }, {}
};

/* Uncorrectable mask and severity, correctable mask, ECRC: pretended. Status and logs may be read. */
static const struct dpath_cfgspace_reg aer[] = {
	{ 0x08, 4, 0, ALL32 }, { 0x0c, 4, 0, ALL32 }, { 0x14, 4, 0, ALL32 }, { 0x18, 4, 0, 0x0140 }, {}
};

static const struct dpath_cfgspace_reg ltr[] = { { 4, 4, 0, 0x1fff1fff }, {} };
/* Data Select alone. */
static const struct dpath_cfgspace_reg power[] = { { 4, 1, 0xff, 0 }, {} };

static const char intel_82599[] =
	"00: 86 80 fb 10 06 04 10 00 01 00 00 02 10 00 80 00\n"
	"10: 0c 00 c8 df 00 00 00 00 21 e0 00 00 00 00 00 00\n"
	"20: 0c 40 e0 df 00 00 00 00 00 00 00 00 86 80 03 00\n"
	"30: 00 00 b8 df 40 00 00 00 00 00 00 00 0b 01 00 00\n"
	"40: 01 50 23 48 08 20 00 00 00 00 00 00 00 00 00 00\n"
	"50: 05 70 80 01 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"70: 11 a0 3f 80 04 00 00 00 04 20 00 00 00 00 00 00\n"
	"a0: 10 e0 02 00 c2 8c 00 10 2f 28 09 00 82 7c 42 00\n"
	"b0: 40 00 82 10 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"c0: 00 00 00 00 1f 00 00 00 05 00 00 00 00 00 00 00\n"
	"d0: 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"e0: 03 00 fc 80 00 46 43 78 00 00 00 00 00 00 00 00\n"
	"100: 01 00 01 14 00 00 00 00 00 00 00 00 30 20 06 00\n"
	"110: 00 20 00 00 00 20 00 00 ae 00 00 00 00 00 00 00\n"
	"140: 03 00 01 15 18 f2 1d ff ff 9f 36 a0 00 00 00 00\n"
	"150: 0e 00 01 16 00 01 00 00 00 00 00 00 00 00 00 00\n"
	"160: 10 00 01 00 00 00 00 00 00 00 00 00 40 00 40 00\n"
	"170: 00 00 00 00 80 01 02 00 00 00 ed 10 53 05 00 00\n"
	"180: 01 00 00 00 0c 00 a0 df 00 00 00 00 00 00 00 00\n"
	"190: 0c 00 90 df 00 00 00 00 00 00 00 00 00 00 00 00\n";

static const char intel_82599_vf[] =
	"00: ff ff ff ff 04 00 10 00 01 00 00 02 00 00 00 00\n"
	"20: 00 00 00 00 00 00 00 00 00 00 00 00 86 80 03 00\n"
	"30: 00 00 00 00 70 00 00 00 00 00 00 00 00 00 00 00\n"
	"70: 11 a0 02 80 03 00 00 00 03 20 00 00 00 00 00 00\n"
	"a0: 10 00 02 00 c2 8c 00 10 00 00 00 00 82 7c 42 00\n"
	"c0: 00 00 00 00 1f 00 00 00 00 00 00 00 00 00 00 00\n"
	"100: 01 00 01 15 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"110: 00 00 00 00 00 00 00 00 a0 00 00 00 00 00 00 00\n"
	"150: 0e 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00\n";

static const char intel_x710[] =
	"00: 86 80 72 15 06 04 10 00 02 00 00 02 08 00 80 00\n"
	"10: 0c 00 00 95 00 00 00 00 00 00 00 00 0c 80 80 96\n"
	"20: 00 00 00 00 00 00 00 00 00 00 00 00 86 80 07 00\n"
	"30: 00 00 88 96 40 00 00 00 00 00 00 00 0b 01 00 00\n"
	"40: 01 50 03 48 08 20 00 00 00 00 00 00 00 00 00 00\n"
	"50: 05 70 80 01 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"70: 11 a0 80 80 03 00 00 00 03 10 00 00 00 00 00 00\n"
	"a0: 10 e0 02 00 a3 8d 00 10 36 29 08 00 83 90 42 00\n"
	"b0: 40 00 83 10 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"c0: 00 00 00 00 1f 00 00 00 09 00 00 00 0e 00 00 00\n"
	"d0: 03 00 1e 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"e0: 03 00 00 80 82 00 00 00 00 00 00 00 00 00 00 00\n"
	"100: 01 00 02 14 00 00 00 00 00 00 00 00 30 30 46 00\n"
	"110: 00 00 00 00 00 20 00 00 a0 00 00 00 00 00 00 00\n"
	"140: 03 00 01 15 f0 c5 a8 ff ff fe fd 3c 00 00 00 00\n"
	"150: 0e 00 01 16 00 01 00 00 00 00 00 00 00 00 00 00\n"
	"160: 10 00 01 1a 00 00 00 00 00 00 00 00 40 00 40 00\n"
	"170: 00 00 00 00 50 00 01 00 00 00 4c 15 53 05 00 00\n"
	"180: 01 00 00 00 0c 00 c0 96 00 00 00 00 00 00 00 00\n"
	"190: 0c 00 88 96 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"1a0: 17 00 01 1b 05 00 00 00 00 00 00 00 00 00 00 00\n"
	"1b0: 0d 00 01 1d 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"1d0: 19 00 01 00 00 00 00 00 00 00 00 00 7f 7f 7f 7f\n"
	"1e0: 7f 7f 7f 7f 00 00 00 00 00 00 00 00 00 00 00 00\n";

static const char mellanox_cx5[] =
	"00: b3 15 17 10 06 05 10 00 00 00 00 02 08 00 80 00\n"
	"10: 0c 00 00 f4 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"20: 00 00 00 00 00 00 00 00 00 00 00 00 b3 15 08 00\n"
	"30: 00 00 20 f6 60 00 00 00 00 00 00 00 0b 01 00 00\n"
	"40: 01 00 03 98 08 00 00 00 03 9c 00 00 00 00 00 00\n"
	"60: 10 48 02 00 e2 8f 00 10 56 29 09 00 03 11 47 00\n"
	"70: 40 00 03 11 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"80: 00 00 00 00 1e 0c 10 00 06 00 00 00 0e 00 00 00\n"
	"90: 03 00 1e 00 00 00 00 00 00 00 00 00 11 c0 3f 80\n"
	"a0: 00 20 00 00 00 30 00 00 00 00 00 00 00 00 00 00\n"
	"c0: 09 40 18 00 03 00 00 00 00 00 00 00 00 00 00 10\n"
	"d0: 0c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"100: 01 00 02 15 00 00 00 00 00 00 00 00 30 20 46 00\n"
	"110: 00 20 00 00 00 20 00 00 a0 00 00 00 00 00 00 00\n"
	"150: 0e 00 01 18 00 01 00 00 00 00 00 00 00 00 00 00\n"
	"180: 10 00 01 1c 00 00 00 00 00 00 00 00 08 00 08 00\n"
	"190: 00 00 00 00 02 00 01 00 00 00 18 10 ff 07 00 00\n"
	"1a0: 01 00 00 00 0c 00 00 f6 00 00 00 00 00 00 00 00\n"
	"1c0: 19 00 01 23 00 00 00 00 00 00 00 00 7f 7f 7f 7f\n"
	"1d0: 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f\n"
	"1e0: 7f 7f 7f 7f 7f 7f 7f 7f 00 00 00 00 00 00 00 00\n"
	"230: 0d 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00\n";

static const char samsung_980pro[] =
	"00: 4d 14 0a a8 06 04 10 00 00 02 08 01 10 00 00 00\n"
	"10: 04 00 e0 fc 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"20: 00 00 00 00 00 00 00 00 00 00 00 00 4d 14 01 a8\n"
	"30: 00 00 00 00 40 00 00 00 00 00 00 00 0b 01 00 00\n"
	"40: 01 50 03 00 08 00 00 00 00 00 00 00 00 00 00 00\n"
	"50: 05 70 8a 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"70: 10 b0 02 00 e1 8f 00 10 3f 29 00 00 44 08 47 00\n"
	"80: 42 01 44 10 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"90: 00 00 00 00 1f 08 04 00 00 04 00 00 1e 00 00 00\n"
	"a0: 04 00 1e 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"b0: 11 00 81 80 00 30 00 00 00 20 00 00 00 00 00 00\n"
	"100: 01 00 82 16 00 00 00 00 00 00 40 00 30 20 46 00\n"
	"110: 00 00 00 00 00 e0 00 00 a0 00 00 00 00 00 00 00\n"
	"160: 00 00 00 00 00 00 00 00 0e 00 81 17 00 00 00 00\n"
	"170: 00 00 00 00 00 00 00 00 19 00 81 19 00 00 00 00\n"
	"180: 00 00 00 00 7f 7f 7f 7f 7f 7f 7f 7f 00 00 00 00\n"
	"190: 00 00 00 00 00 00 00 00 26 00 c1 1b 00 00 00 00\n"
	"1a0: 00 00 00 00 1f 00 00 00 00 00 00 00 00 00 00 00\n"
	"1b0: 00 00 00 00 00 00 00 00 00 00 00 00 27 00 41 21\n"
	"1c0: 00 00 00 00 38 9c 00 00 38 9c 00 00 38 9c 00 00\n"
	"1d0: 38 9c 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"210: 00 00 00 00 18 00 c1 21 03 10 03 10 1e 00 01 3a\n"
	"220: 1f 28 28 00 00 3c 00 00 28 00 00 00 00 00 00 00\n"
	"3a0: 25 00 01 00 01 00 00 80 01 00 00 80 00 00 00 00\n";

static const char amd_vega10[] =
	"00: 02 10 7f 68 07 04 10 08 c1 00 00 03 10 00 80 00\n"
	"10: 0c 00 00 e0 00 00 00 00 0c 00 00 f0 00 00 00 00\n"
	"20: 01 e0 00 00 00 00 b0 fc 00 00 00 00 02 10 36 0b\n"
	"30: 02 00 0c 00 48 00 00 00 00 00 00 00 0b 01 00 00\n"
	"40: 00 00 00 00 00 00 00 00 09 50 08 00 02 10 36 0b\n"
	"50: 01 64 03 f0 08 00 00 00 00 00 00 00 00 00 00 00\n"
	"60: 00 00 00 00 10 a0 12 00 a1 8f 00 00 37 29 00 00\n"
	"70: 03 0d 40 00 40 01 03 11 00 00 00 00 00 00 00 00\n"
	"80: 00 00 00 00 00 00 00 00 1f 00 70 00 00 00 00 00\n"
	"90: 0e 00 00 00 03 00 1e 00 00 00 00 00 00 00 00 00\n"
	"a0: 05 00 81 00 58 05 e0 fe 00 00 00 00 00 00 00 00\n"
	"100: 0b 00 01 15 01 00 01 01 00 00 00 00 00 00 00 00\n"
	"150: 01 00 02 20 00 00 00 00 00 00 00 00 30 20 46 00\n"
	"160: 00 20 00 00 00 20 00 00 a0 00 00 00 00 00 00 00\n"
	"200: 15 00 01 27 00 f0 1f 00 20 0d 00 00 00 00 00 00\n"
	"270: 19 00 01 2a 00 00 00 00 00 00 00 00 7f 7f 7f 7f\n"
	"280: 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f 7f\n"
	"290: 7f 7f 7f 7f 7f 7f 7f 7f 00 00 00 00 00 00 00 00\n"
	"2a0: 0d 00 01 2b 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"2b0: 0f 00 01 2c 20 00 00 80 00 00 00 00 00 00 00 00\n"
	"2c0: 13 00 01 2d 00 00 00 01 20 00 00 00 00 00 00 00\n"
	"2d0: 1b 00 01 32 06 10 00 00 00 00 00 00 00 00 00 00\n"
	"320: 18 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00\n";

static const char lsi_sas2008[] =
	"00: 00 10 72 00 06 04 10 00 03 00 07 01 10 00 00 00\n"
	"10: 01 d0 00 00 04 00 4c fb 00 00 00 00 04 00 48 fb\n"
	"20: 00 00 00 00 00 00 00 00 00 00 00 00 00 10 20 30\n"
	"30: 00 00 40 fb 50 00 00 00 00 00 00 00 0b 01 00 00\n"
	"50: 01 68 03 06 08 00 00 00 00 00 00 00 00 00 00 00\n"
	"60: 00 00 00 00 00 00 00 00 10 d0 02 00 25 80 00 10\n"
	"70: 1f 29 01 00 82 04 00 00 40 00 82 10 00 00 00 00\n"
	"80: 00 00 00 00 00 00 00 00 00 00 00 00 1f 00 00 00\n"
	"90: 00 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00\n"
	"a0: 00 00 00 00 00 00 00 00 05 c0 80 00 00 00 00 00\n"
	"c0: 11 00 0e 80 01 e0 00 00 01 f8 00 00 00 00 00 00\n"
	"d0: 03 a8 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"100: 01 00 81 13 00 00 00 00 00 00 00 00 30 20 06 00\n"
	"110: 01 00 00 00 00 20 00 00 a0 00 00 00 00 00 00 00\n"
	"130: 00 00 00 00 00 00 00 00 04 00 01 15 00 00 00 00\n"
	"140: 00 80 01 00 01 00 00 00 00 00 00 00 00 00 00 00\n"
	"150: 10 00 01 19 00 00 00 00 00 00 00 00 10 00 10 00\n"
	"160: 00 00 00 00 01 00 01 00 00 00 72 00 53 05 00 00\n"
	"170: 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"190: 0e 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00\n";

static const char intel_ich10_ahci[] =
	"00: 86 80 22 3a 07 04 b0 02 00 01 06 01 00 00 00 00\n"
	"10: 01 c0 00 00 01 bc 00 00 81 b8 00 00 01 b8 00 00\n"
	"20: 81 b4 00 00 00 e8 ff f9 00 00 00 00 43 10 d4 82\n"
	"30: 00 00 00 00 80 00 00 00 00 00 00 00 13 02 00 00\n"
	"40: 00 80 00 80 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"70: 01 a8 03 40 08 00 00 00 00 00 00 00 00 00 00 00\n"
	"80: 05 70 08 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
	"90: 60 00 3f 01 83 01 88 1f 00 00 00 00 00 00 00 00\n"
	"a0: 00 00 00 00 00 00 00 00 12 b0 10 00 48 00 00 00\n"
	"b0: 13 00 06 03 00 00 00 00 00 00 00 00 00 00 00 00\n";

const struct dpath_cfgspace dpath_cfgspaces[] = {
	{
		.name = "Intel 82599ES, network function",
		.dump = intel_82599,
		.size = 4096,
		.std = "40:1 50:5 70:11 a0:10 e0:3",
		.ext = "100:1 140:3",
		.caps = {
			{ 0x40, 8, CFGSPACE_SHOWN }, { 0x50, 0x18, CFGSPACE_SHOWN }, { 0x70, 12, CFGSPACE_SHOWN }, { 0xa0, 0x34, CFGSPACE_SHOWN },
			{ 0xe0, 8, CFGSPACE_SHOWN }, { 0x100, 0x2c, CFGSPACE_SHOWN }, { 0x140, 12, CFGSPACE_SHOWN },
			{ 0x150, 8, CFGSPACE_HIDDEN }, /* ARI */
			{ 0x160, 0x40, CFGSPACE_HIDDEN }, /* SR-IOV */
		},
		.forms = {
			{ 0, header, { 0x10fb8086, 0x0006, 0x0010, 0x10, 0x40, 0x0b, 1 } }, { 0x40, pm, { 0x0023, 0x2008 } },
			{ 0x50, msi64_mask, { 0x0180 } }, { 0x70, msix, { 0x003f } },
			{ 0xa0, exp, { 0x10008cc2, 0x282f, 0x0009, 0x0040, 0x0005, 0x0002 } }, { 0xe0, vpd },
			{ 0x100, aer, { 0, 0x00062030, 0x00002000, 0x000000ae } },
		},
	}, {
		/* Its ids, command bits and INTx come from config.c; it has no BARs of its own, no INTx, no power management. */
		.name = "Intel 82599 virtual function",
		.dump = intel_82599_vf,
		.size = 4096,
		.std = "70:11 a0:10",
		.ext = "100:1",
		.caps = {
			{ 0x70, 12, CFGSPACE_SHOWN }, { 0xa0, 0x34, CFGSPACE_SHOWN }, { 0x100, 0x2c, CFGSPACE_SHOWN },
			{ 0x150, 8, CFGSPACE_HIDDEN }, /* ARI */
		},
		.forms = {
			{ 0, header, { ALL32, 0x0004, 0x0010, 0, 0x70, 0, 0 } }, { 0x70, msix, { 0x0002 } },
			{ 0xa0, exp, { 0x10008cc2, 0, 0, 0, 0, 0 } }, { 0x100, aer, { 0, 0, 0, 0x000000a0 } },
		},
	}, {
		.name = "Intel X710, network function",
		.dump = intel_x710,
		.size = 4096,
		.std = "40:1 50:5 70:11 a0:10 e0:3",
		.ext = "100:1 140:3 1b0:d",
		.caps = {
			{ 0x40, 8, CFGSPACE_SHOWN }, { 0x50, 0x18, CFGSPACE_SHOWN }, { 0x70, 12, CFGSPACE_SHOWN }, { 0xa0, 0x34, CFGSPACE_SHOWN },
			{ 0xe0, 8, CFGSPACE_SHOWN }, { 0x100, 0x2c, CFGSPACE_SHOWN }, { 0x140, 12, CFGSPACE_SHOWN }, { 0x1b0, 8, CFGSPACE_SHOWN },
			{ 0x150, 8, CFGSPACE_HIDDEN }, /* ARI */
			{ 0x160, 0x40, CFGSPACE_HIDDEN }, /* SR-IOV */
			{ 0x1a0, 12, CFGSPACE_HIDDEN }, /* TPH */
			{ 0x1d0, 20, CFGSPACE_HIDDEN }, /* secondary PCI Express */
		},
		.forms = {
			{ 0, header, { 0x15728086, 0x0006, 0x0010, 0x08, 0x40, 0x0b, 1 } }, { 0x40, pm, { 0x0003, 0x2008 } },
			{ 0x50, msi64_mask, { 0x0180 } }, { 0x70, msix, { 0x0080 } },
			{ 0xa0, exp, { 0x10008da3, 0x2936, 0x0008, 0x0040, 0x0009, 0x0003 } }, { 0xe0, vpd },
			{ 0x100, aer, { 0, 0x00463030, 0x00002000, 0x000000a0 } },
		},
	}, {
		.name = "Mellanox ConnectX-5, network function",
		.dump = mellanox_cx5,
		.size = 4096,
		.std = "60:10 48:3 9c:11 c0:9 40:1",
		.ext = "100:1 230:d",
		.caps = {
			{ 0x60, 0x34, CFGSPACE_SHOWN }, { 0x48, 8, CFGSPACE_SHOWN }, { 0x9c, 12, CFGSPACE_SHOWN }, { 0xc0, 0x18, CFGSPACE_RAW },
			{ 0x40, 8, CFGSPACE_SHOWN }, { 0x100, 0x2c, CFGSPACE_SHOWN }, { 0x230, 8, CFGSPACE_SHOWN },
			{ 0x150, 8, CFGSPACE_HIDDEN }, /* ARI */
			{ 0x180, 0x40, CFGSPACE_HIDDEN }, /* SR-IOV */
			{ 0x1c0, 40, CFGSPACE_HIDDEN }, /* secondary PCI Express */
		},
		.forms = {
			{ 0, header, { 0x101715b3, 0x0006, 0x0010, 0x08, 0x60, 0x0b, 1 } }, { 0x40, pm, { 0x0003, 0x0008 } }, { 0x48, vpd },
			{ 0x60, exp, { 0x10008fe2, 0x2956, 0x0009, 0x0040, 0x0006, 0x0003 } }, { 0x9c, msix, { 0x003f } },
			{ 0x100, aer, { 0, 0x00462030, 0x00002000, 0x000000a0 } },
		},
	}, {
		.name = "Samsung 980 PRO, NVMe controller",
		.dump = samsung_980pro,
		.size = 4096,
		.std = "40:1 50:5 70:10 b0:11",
		.ext = "100:1 214:18",
		.caps = {
			{ 0x40, 8, CFGSPACE_SHOWN }, { 0x50, 0x10, CFGSPACE_SHOWN }, { 0x70, 0x34, CFGSPACE_SHOWN }, { 0xb0, 12, CFGSPACE_SHOWN },
			{ 0x100, 0x2c, CFGSPACE_SHOWN }, { 0x214, 8, CFGSPACE_SHOWN },
			{ 0x168, 8, CFGSPACE_HIDDEN }, /* ARI */
			{ 0x178, 20, CFGSPACE_HIDDEN }, /* secondary PCI Express */
			{ 0x198, 36, CFGSPACE_HIDDEN }, /* physical layer 16 GT/s */
			{ 0x1bc, 88, CFGSPACE_HIDDEN }, /* lane margining */
			{ 0x21c, 16, CFGSPACE_HIDDEN }, /* L1 substates */
			{ 0x3a0, 12, CFGSPACE_HIDDEN }, /* data link feature */
		},
		.forms = {
			{ 0, header, { 0xa80a144d, 0x0006, 0x0010, 0x10, 0x40, 0x0b, 1 } }, { 0x40, pm, { 0x0003, 0x0008 } },
			{ 0x50, msi64, { 0x008a } }, { 0x70, exp, { 0x10008fe1, 0x293f, 0, 0x0142, 0x0400, 0x0004 } }, { 0xb0, msix, { 0x0081 } },
			{ 0x100, aer, { 0x00400000, 0x00462030, 0x0000e000, 0x000000a0 } }, { 0x214, ltr, { 0x10031003 } },
		},
	}, {
		/* A legacy endpoint without FLR; what its capabilities leave out of the first 256 bytes is its own. */
		.name = "AMD Vega 10, graphics function",
		.dump = amd_vega10,
		.size = 4096,
		.std = "48:9 50:1 64:10 a0:5",
		.ext = "100:b 150:1 2a0:d 320:18",
		.caps = {
			{ 0x48, 8, CFGSPACE_RAW }, { 0x50, 8, CFGSPACE_SHOWN }, { 0x64, 0x34, CFGSPACE_SHOWN }, { 0xa0, 0x10, CFGSPACE_SHOWN },
			{ 0x100, 0x10, CFGSPACE_RAW }, { 0x150, 0x2c, CFGSPACE_SHOWN }, { 0x2a0, 8, CFGSPACE_SHOWN }, { 0x320, 8, CFGSPACE_SHOWN },
			{ 0x200, 12, CFGSPACE_HIDDEN }, /* resizable BAR */
			{ 0x270, 40, CFGSPACE_HIDDEN }, /* secondary PCI Express */
			{ 0x2b0, 8, CFGSPACE_HIDDEN }, /* ATS, enabled by the host */
			{ 0x2c0, 16, CFGSPACE_HIDDEN }, /* PRI */
			{ 0x2d0, 8, CFGSPACE_HIDDEN }, /* PASID */
		},
		.forms = {
			{ 0, header, { 0x687f1002, 0x0007, 0x0810, 0x10, 0x48, 0x0b, 1 } }, { 0x50, pm, { 0x0003, 0x0008 } },
			{ 0x64, exp, { 0x00008fa1, 0x2937, 0, 0x0140, 0, 0x0003 } }, { 0xa0, msi64, { 0x0080 } },
			{ 0x150, aer, { 0, 0x00462030, 0x00002000, 0x000000a0 } }, { 0x320, ltr, { 0 } },
		},
	}, {
		.name = "LSI SAS2008, host bus adapter",
		.dump = lsi_sas2008,
		.size = 4096,
		.std = "50:1 68:10 d0:3 a8:5 c0:11",
		.ext = "100:1 138:4",
		.caps = {
			{ 0x50, 8, CFGSPACE_SHOWN }, { 0x68, 0x34, CFGSPACE_SHOWN }, { 0xd0, 8, CFGSPACE_SHOWN }, { 0xa8, 0x10, CFGSPACE_SHOWN },
			{ 0xc0, 12, CFGSPACE_SHOWN }, { 0x100, 0x2c, CFGSPACE_SHOWN }, { 0x138, 16, CFGSPACE_SHOWN },
			{ 0x150, 0x40, CFGSPACE_HIDDEN }, /* SR-IOV */
			{ 0x190, 8, CFGSPACE_HIDDEN }, /* ARI */
		},
		.forms = {
			{ 0, header, { 0x00721000, 0x0006, 0x0010, 0x10, 0x50, 0x0b, 1 } }, { 0x50, pm, { 0x0603, 0x0008 } },
			{ 0x68, exp, { 0x10008025, 0x291f, 0x0001, 0x0040, 0, 0x0002 } }, { 0xd0, vpd }, { 0xa8, msi64, { 0x0080 } },
			{ 0xc0, msix, { 0x000e } }, { 0x100, aer, { 0, 0x00062030, 0x00002000, 0x000000a0 } }, { 0x138, power },
		},
	}, {
		/* Conventional PCI: resets by its advanced features. */
		.name = "Intel ICH10, AHCI controller",
		.dump = intel_ich10_ahci,
		.size = 256,
		.std = "80:5 70:1 a8:12 b0:13",
		.ext = "",
		.caps = {
			{ 0x80, 12, CFGSPACE_SHOWN }, { 0x70, 8, CFGSPACE_SHOWN }, { 0xa8, 8, CFGSPACE_SHOWN }, { 0xb0, 8, CFGSPACE_SHOWN },
		},
		.forms = {
			{ 0, header, { 0x3a228086, 0x0007, 0x02b0, 0, 0x80, 0x13, 2 } }, { 0x80, msi32, { 0x0008 } },
			{ 0x70, pm, { 0x0003, 0x0008 } }, { 0xb0, af },
		},
	},
};

const unsigned int dpath_nr_cfgspaces = ARRAY_SIZE(dpath_cfgspaces);

/* "100: 01 00 ..." up to its end. */
static const char *load_line(const char *line, u8 *bytes)
{
	unsigned int offset, i, n;
	int used;

	if (sscanf(line, "%x:%n", &offset, &used) != 1 || offset & 15 || offset >= 4096)
		return NULL;
	line += used;
	for (n = 0; n < 16; n++) {
		if (sscanf(line, " %2x%n", &i, &used) != 1)
			return NULL;
		bytes[offset + n] = i;
		line += used;
	}
	return *line == '\n' ? line + 1 : NULL;
}

bool dpath_cfgspace_load(const struct dpath_cfgspace *space, u8 *bytes)
{
	const char *line = space->dump;

	memset(bytes, 0, 4096);
	while (line && *line)
		line = load_line(line, bytes);
	return line;
}

const struct dpath_cfgspace *dpath_cfgspace_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < dpath_nr_cfgspaces; i++)
		if (strstr(dpath_cfgspaces[i].name, name))
			return &dpath_cfgspaces[i];
	return NULL;
}
