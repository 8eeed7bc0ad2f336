// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of capabilities that do something when a guest writes them (config.c): resets, power states, vital product data, read requests.
 */

#include <kunit/test.h>

#include "../cfgperm.h"
#include "configfake.h"

/* --- resets --- */

static void flr(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	const unsigned int devctl = 0xa0 + PCI_EXP_DEVCTL;
	u32 bits;

	dpath_configfake_start(test, fix);
	dpath_configfake_wr(fix, devctl, 2, 0xa82f);
	KUNIT_EXPECT_STREQ(test, fix->log, "wr");
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, devctl, 2), 0x282fU);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->hw + devctl, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0U);
	/* By its byte alone. */
	dpath_configfake_wr(fix, devctl + 1, 1, 0xa8);
	KUNIT_EXPECT_STREQ(test, fix->log, "wr");
	KUNIT_EXPECT_EQ(test, dpath_configfake_denied(fix, devctl, &bits), 0ULL);
	/* It fails: the bit that asked is what was denied. */
	fix->reset_error = -EIO;
	dpath_configfake_wr(fix, devctl, 4, 0xa82f);
	KUNIT_EXPECT_EQ(test, dpath_configfake_denied(fix, devctl, &bits), 1ULL);
	KUNIT_EXPECT_EQ(test, bits, (u32)PCI_EXP_DEVCTL_BCR_FLR);
	/* Without the bit there is none. */
	dpath_configfake_wr(fix, devctl, 4, 0x282f);
	KUNIT_EXPECT_NULL(test, strchr(fix->log, 'r'));
	dpath_configfake_stop(fix);
}

/* No FLR in the capabilities, or one that is known not to work: nothing is reset, and the guest can see that it is not there. */
static void no_flr(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "Vega");

	dpath_configfake_start(test, fix);
	dpath_configfake_wr(fix, 0x64 + PCI_EXP_DEVCTL, 2, 0x8000);
	KUNIT_EXPECT_NULL(test, strchr(fix->log, 'r'));
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, 0x64 + PCI_EXP_DEVCTL, 2) & 0x8000, 0U);
	dpath_configfake_stop(fix);

	fix = dpath_configfake_new(test, "82599ES");
	fix->pdev.dev_flags = PCI_DEV_FLAGS_NO_FLR_RESET;
	dpath_configfake_start(test, fix);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, 0xa0 + PCI_EXP_DEVCAP, 4), 0x10008cc2U & ~PCI_EXP_DEVCAP_FLR);
	dpath_configfake_wr(fix, 0xa0 + PCI_EXP_DEVCTL, 2, 0x8000);
	KUNIT_EXPECT_NULL(test, strchr(fix->log, 'r'));
	dpath_configfake_stop(fix);
}

static void af(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "ICH10");
	const unsigned int ctrl = 0xb0 + PCI_AF_CTRL;
	u32 bits;

	dpath_configfake_start(test, fix);
	dpath_configfake_wr(fix, ctrl, 1, 0);
	KUNIT_EXPECT_STREQ(test, fix->log, "");
	dpath_configfake_wr(fix, ctrl, 1, PCI_AF_CTRL_FLR);
	KUNIT_EXPECT_STREQ(test, fix->log, "r");
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, ctrl, 1), 0U);
	KUNIT_EXPECT_EQ(test, fix->written[ctrl], 0);
	fix->reset_error = -EIO;
	dpath_configfake_wr(fix, ctrl, 2, PCI_AF_CTRL_FLR);
	KUNIT_EXPECT_EQ(test, dpath_configfake_denied(fix, ctrl, &bits), 1ULL);
	KUNIT_EXPECT_EQ(test, bits, (u32)PCI_AF_CTRL_FLR);
	dpath_configfake_stop(fix);
	/* It has the capability, but not the reset. */
	fix = dpath_configfake_new(test, "ICH10");
	fix->hw[0xb0 + PCI_AF_CAP] = PCI_AF_CAP_TP;
	dpath_configfake_start(test, fix);
	dpath_configfake_wr(fix, ctrl, 1, PCI_AF_CTRL_FLR);
	KUNIT_EXPECT_STREQ(test, fix->log, "");
	dpath_configfake_stop(fix);
}

/* --- power --- */

static void power(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	const unsigned int ctrl = 0x40 + PCI_PM_CTRL;

	dpath_configfake_start(test, fix);
	dpath_configfake_wr(fix, ctrl, 2, 3);
	KUNIT_EXPECT_STREQ(test, fix->log, "d3");
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, ctrl, 2), 0x200bU);
	KUNIT_EXPECT_FALSE(test, dpath_config_decoding(&fix->cfg, false));
	/* Command in D3hot: no map opens for it. */
	dpath_configfake_wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_STREQ(test, fix->log, "w");
	dpath_configfake_wr(fix, ctrl, 2, 3);
	KUNIT_EXPECT_STREQ(test, fix->log, "");
	/* D3hot and back without No_Soft_Reset: command was lost, and what the hardware has counts. */
	fix->hw[PCI_COMMAND] = 0;
	dpath_configfake_wr(fix, ctrl, 2, 0);
	KUNIT_EXPECT_STREQ(test, fix->log, "0");
	KUNIT_EXPECT_FALSE(test, dpath_config_decoding(&fix->cfg, false));
	dpath_configfake_wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_STREQ(test, fix->log, "wD");
	/* It does not get there: the guest sees that, and goes on. */
	fix->power_error = -EIO;
	dpath_configfake_wr(fix, ctrl, 2, 3);
	KUNIT_EXPECT_STREQ(test, fix->log, "d3D");
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, ctrl, 2), 0x2008U);
	/* A reset wakes it up. */
	fix->power_error = 0;
	dpath_configfake_wr(fix, ctrl, 2, 3);
	dpath_config_restored(&fix->cfg);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, ctrl, 2), 0x2008U);
	KUNIT_EXPECT_TRUE(test, dpath_config_decoding(&fix->cfg, false));
	KUNIT_EXPECT_EQ(test, fix->written[ctrl], 0);
	/* In a reset the write is lost. */
	fix->blocked = true;
	dpath_configfake_wr(fix, ctrl, 2, 3);
	KUNIT_EXPECT_STREQ(test, fix->log, "");
	fix->blocked = false;
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, ctrl, 2), 0x2008U);
	dpath_configfake_stop(fix);
}

static void write_meanwhile(struct dpath_configfake *fix)
{
	u8 word[2] = {};

	dpath_config_write(&fix->cfg, PCI_COMMAND, word, 2);
	dpath_config_write(&fix->cfg, 0x40 + PCI_PM_CTRL, word, 2);
}

static void kill_meanwhile(struct dpath_configfake *fix)
{
	dpath_config_kill(&fix->cfg);
}

/* It may take a minute: others have config space as in a reset until then, and the lease can end. */
static void slow_power(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	const unsigned int ctrl = 0x40 + PCI_PM_CTRL;

	dpath_configfake_start(test, fix);
	fix->in_power = write_meanwhile;
	dpath_configfake_wr(fix, ctrl, 2, 3);
	KUNIT_EXPECT_STREQ(test, fix->log, "d3");
	KUNIT_EXPECT_FALSE(test, fix->access);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, ctrl, 2), 0x200bU);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_COMMAND, 2), 0x0006U);
	fix->in_power = kill_meanwhile;
	dpath_configfake_wr(fix, ctrl, 2, 0);
	KUNIT_EXPECT_STREQ(test, fix->log, "0");
	KUNIT_EXPECT_FALSE(test, fix->access);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, ctrl, 2), 0xffffU);
	dpath_configfake_stop(fix);
}

/* --- VPD --- */

static void vpd(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	const unsigned int pos = 0xe0;
	unsigned int i, reads;
	u32 bits;

	for (i = 0; i < sizeof(fix->vpd); i++)
		fix->vpd[i] = i;
	dpath_configfake_start(test, fix);
	for (i = 0; i < 256; i += 4) {
		dpath_configfake_wr(fix, pos + PCI_VPD_ADDR, 2, i);
		KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, pos + PCI_VPD_ADDR, 2), i | PCI_VPD_ADDR_F);
		KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, pos + PCI_VPD_DATA, 4), dpath_cfg_load(fix->vpd + i, 4));
	}
	/* Beyond the end it does not complete, and the hardware is not asked. */
	reads = fix->vpd_reads;
	KUNIT_EXPECT_EQ(test, reads, 64U);
	for (i = 256; i < 0x8000; i += 0x7c) {
		dpath_configfake_wr(fix, pos + PCI_VPD_ADDR, 2, i);
		KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, pos + PCI_VPD_ADDR, 2), i);
	}
	KUNIT_EXPECT_EQ(test, fix->vpd_reads, reads);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, pos + PCI_VPD_DATA, 4), 0xfffefdfcU);
	KUNIT_EXPECT_EQ(test, dpath_configfake_denied(fix, pos, &bits), 0ULL);
	/* A write: never done, never completes. */
	dpath_configfake_wr(fix, pos + PCI_VPD_DATA, 4, 0x600df00d);
	dpath_configfake_wr(fix, pos + PCI_VPD_ADDR, 2, 0x10 | PCI_VPD_ADDR_F);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, pos + PCI_VPD_ADDR, 2), (u32)(0x10 | PCI_VPD_ADDR_F));
	KUNIT_EXPECT_EQ(test, fix->vpd[0x10], 0x10);
	KUNIT_EXPECT_EQ(test, dpath_configfake_denied(fix, pos, &bits), 1ULL);
	KUNIT_EXPECT_EQ(test, bits, (u32)PCI_VPD_ADDR_F << 16);
	/* The upper byte starts it, the lower alone does not. */
	reads = fix->vpd_reads;
	dpath_configfake_wr(fix, pos + PCI_VPD_ADDR, 1, 0x20);
	KUNIT_EXPECT_EQ(test, fix->vpd_reads, reads);
	dpath_configfake_wr(fix, pos + PCI_VPD_ADDR + 1, 1, 0);
	KUNIT_EXPECT_EQ(test, fix->vpd_reads, reads + 1);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, pos + PCI_VPD_DATA, 4), 0x23222120U);
	/* The lowest bits of an address are none: data come by dwords. */
	dpath_configfake_wr(fix, pos + PCI_VPD_ADDR, 2, 0x36);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, pos + PCI_VPD_DATA, 4), 0x37363534U);
	reads++;
	/* In a reset: no answer, and no wait. */
	fix->blocked = true;
	dpath_configfake_wr(fix, pos + PCI_VPD_ADDR, 2, 0);
	KUNIT_EXPECT_EQ(test, fix->vpd_reads, reads + 1);
	for (i = pos; i < pos + 8; i++)
		KUNIT_EXPECT_EQ(test, fix->written[i], 0);
	dpath_configfake_stop(fix);
}

static void next_address(struct dpath_configfake *fix)
{
	u8 address[2] = { 0x40 };

	fix->in_vpd = NULL;
	dpath_config_write(&fix->cfg, 0xe0 + PCI_VPD_ADDR, address, 2);
}

/* A read waits for the function, and for a reset that begins: without the lock, so another address may be written, or the lease end. */
static void slow_vpd(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	const unsigned int pos = 0xe0;
	unsigned int i;

	dpath_configfake_start(test, fix);
	for (i = 0; i < sizeof(fix->vpd); i++)
		fix->vpd[i] = i;
	fix->in_vpd = next_address;
	dpath_configfake_wr(fix, pos + PCI_VPD_ADDR, 2, 0x10);
	KUNIT_EXPECT_STREQ(test, fix->log, "");
	KUNIT_EXPECT_EQ(test, fix->vpd_reads, 2U);
	/* Not the data of the first address under the second. */
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, pos + PCI_VPD_ADDR, 2), (u32)(0x40 | PCI_VPD_ADDR_F));
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, pos + PCI_VPD_DATA, 4), 0x43424140U);
	fix->in_vpd = kill_meanwhile;
	dpath_configfake_wr(fix, pos + PCI_VPD_ADDR, 2, 0x20);
	KUNIT_EXPECT_EQ(test, fix->vpd_reads, 3U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->cfg.map->shadow + pos + PCI_VPD_ADDR, 2), 0x20U);
	dpath_configfake_stop(fix);
}

/* --- the rest --- */

/* The payload is the floor of read requests; sizes that do not exist are not set. */
static void read_requests(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	const unsigned int devctl = 0xa0 + PCI_EXP_DEVCTL;
	static const int expected[] = { 256, 256, 512, 1024, 2048, 4096, 0, 0 };
	unsigned int code;

	dpath_configfake_start(test, fix);
	for (code = 0; code < 8; code++) {
		dpath_configfake_wr(fix, devctl, 2, (code ^ 1) << 12);
		fix->readrq = 0;
		dpath_configfake_wr(fix, devctl, 2, code << 12);
		KUNIT_EXPECT_EQ(test, fix->readrq, expected[code]);
		KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, devctl, 2) >> 12, code);
	}
	/* The guest's payload size is its own; the hardware keeps the host's. */
	KUNIT_EXPECT_EQ(test, fix->hw[devctl] & 0xe0, 0x20);
	KUNIT_EXPECT_EQ(test, fix->hw[devctl + 1] & 0xf0, 0x20);
	dpath_configfake_stop(fix);
}

static struct kunit_case config_caps_cases[] = {
	KUNIT_CASE(flr),
	KUNIT_CASE(no_flr),
	KUNIT_CASE(af),
	KUNIT_CASE(power),
	KUNIT_CASE(slow_power),
	KUNIT_CASE(vpd),
	KUNIT_CASE(slow_vpd),
	KUNIT_CASE(read_requests),
	{}
};

static struct kunit_suite config_caps_suite = {
	.name = "directpath_config_caps",
	.test_cases = config_caps_cases,
};

kunit_test_suite(config_caps_suite);
