// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to config space (config.c): the header, how an access is split, what is counted, a function that a reset has or that is gone, and a wild
 * guest. Capabilities that do something are in config_caps_kunit.c.
 */

#include <kunit/test.h>
#include <linux/prandom.h>

#include "../cfgperm.h"
#include "cfgspaces.h"
#include "configfake.h"

/* The byte with Interrupt Disable is not written: only the lane with the bits of the hardware is. Decode goes off before the write, on behind it. */
static void command(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");

	dpath_configfake_start(test, fix);
	KUNIT_EXPECT_TRUE(test, dpath_config_decoding(&fix->cfg, false));
	dpath_configfake_wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_STREQ(test, fix->log, "dw");
	KUNIT_EXPECT_FALSE(test, dpath_config_decoding(&fix->cfg, false));
	dpath_configfake_wr(fix, PCI_COMMAND, 4, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	KUNIT_EXPECT_STREQ(test, fix->log, "wwDI");
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_COMMAND, 2), (u32)(PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE));
	KUNIT_EXPECT_EQ(test, fix->written[PCI_COMMAND], 1);
	KUNIT_EXPECT_EQ(test, fix->written[PCI_COMMAND + 1], 0);
	KUNIT_EXPECT_EQ(test, fix->hw[PCI_COMMAND + 1], 0x04); /* the host's */
	dpath_configfake_wr(fix, PCI_COMMAND + 1, 1, 0);
	KUNIT_EXPECT_STREQ(test, fix->log, "i");
	dpath_configfake_wr(fix, PCI_COMMAND + 1, 1, 0);
	KUNIT_EXPECT_STREQ(test, fix->log, "");
	dpath_configfake_stop(fix);
}

/* Masks by size; a 64 bit BAR has two halves; what is not there reads as zero. */
static void bars(struct kunit *test)
{
	/* 64 GiB: no bit of the lower half. */
	static const u32 sized[] = { 0xffffc004, 0xffffffff, 0xffffff01, 0, 0x0000000c, 0xfffffff0 };
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	unsigned int i;

	dpath_configfake_set_bar(fix, 2, 0x100, IORESOURCE_IO);
	dpath_configfake_set_bar(fix, 4, 64ULL << 30, IORESOURCE_MEM | IORESOURCE_MEM_64 | IORESOURCE_PREFETCH);
	dpath_configfake_set_bar(fix, PCI_ROM_RESOURCE, 0x80000, IORESOURCE_MEM);
	dpath_configfake_start(test, fix);
	for (i = 0; i < 6; i++) {
		KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, 0x10 + 4 * i, 4) & ~0xfU, 0U);
		dpath_configfake_wr(fix, 0x10 + 4 * i, 4, ~0U);
	}
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, 0x10 + 4 * i, 4), sized[i]);
	dpath_configfake_wr(fix, PCI_ROM_ADDRESS, 4, ~0U);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_ROM_ADDRESS, 4), 0xfff80001U);
	/* Addresses stay, and none arrives. */
	dpath_configfake_wr(fix, 0x10, 4, 0xfebf0000);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, 0x10, 4), 0xfebf0004U);
	for (i = 0x10; i < 0x34; i++)
		KUNIT_EXPECT_EQ(test, fix->written[i], 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fix->stats.config_denied), 0);
	dpath_configfake_stop(fix);
}

/* A BAR of 32 bits has no upper half: the empty slot behind it stays empty. A size is that of the smallest BAR that holds the resource. */
static void narrow_bar(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");

	dpath_configfake_set_bar(fix, 0, 0x3000, IORESOURCE_MEM);
	dpath_configfake_start(test, fix);
	dpath_configfake_wr(fix, PCI_BASE_ADDRESS_0, 4, ~0U);
	dpath_configfake_wr(fix, PCI_BASE_ADDRESS_1, 4, ~0U);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_BASE_ADDRESS_0, 4), 0xffffc000U);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_BASE_ADDRESS_1, 4), 0U);
	dpath_configfake_stop(fix);
}

static void virtual_function(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "virtual function");

	fix->pdev.vendor = 0x8086;
	fix->pdev.device = 0x10ed;
	fix->pdev.irq = 0;
	fix->pdev.no_command_memory = 1;
	dpath_configfake_start(test, fix);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_VENDOR_ID, 4), 0x10ed8086U);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_INTERRUPT_PIN, 1), 0U);
	KUNIT_EXPECT_TRUE(test, dpath_config_decoding(&fix->cfg, false));
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_COMMAND, 2), (u32)(PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY));
	dpath_configfake_wr(fix, 0x10, 4, ~0U);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, 0x10, 4), 0xffffc004U);
	/* The guest's bit closes the map; there is none in the hardware. */
	dpath_configfake_wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_STREQ(test, fix->log, "dw");
	KUNIT_EXPECT_EQ(test, fix->hw[PCI_COMMAND] & PCI_COMMAND_MEMORY, 0);
	dpath_configfake_wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_STREQ(test, fix->log, "wD");
	KUNIT_EXPECT_EQ(test, fix->hw[PCI_COMMAND] & PCI_COMMAND_MEMORY, 0);
	dpath_configfake_stop(fix);
}

static void no_intx(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");

	dpath_configfake_start(test, fix);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_INTERRUPT_PIN, 1), 1U);
	dpath_config_hide_intx(&fix->cfg);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_INTERRUPT_PIN, 1), 0U);
	dpath_configfake_stop(fix);

	/* The host has no line for the pin. */
	fix = dpath_configfake_new(test, "82599ES");
	fix->pdev.irq = 0;
	dpath_configfake_start(test, fix);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_INTERRUPT_PIN, 1), 0U);
	dpath_configfake_stop(fix);
}

/* Without memory it is the bit for I/O that opens and closes maps. */
static void ports_only(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");

	dpath_configfake_set_bar(fix, 0, 0x20, IORESOURCE_IO);
	dpath_configfake_start(test, fix);
	dpath_configfake_wr(fix, PCI_COMMAND, 2, 0);
	dpath_configfake_wr(fix, PCI_COMMAND, 2, PCI_COMMAND_IO);
	KUNIT_EXPECT_STREQ(test, fix->log, "wD");
	dpath_configfake_wr(fix, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_STREQ(test, fix->log, "w");
	dpath_configfake_wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_STREQ(test, fix->log, "dw");
	dpath_configfake_stop(fix);
}

/* While a reset has the function reads answer ones (but for what is virtual), and writes are lost, decode included. */
static void blocked(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");

	dpath_configfake_start(test, fix);
	fix->blocked = true;
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_VENDOR_ID, 4), 0x10fb8086U);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_CLASS_REVISION, 4), ~0U);
	dpath_configfake_wr(fix, PCI_COMMAND, 2, 0);
	/* Decode does not even flicker: what opens the BARs would open them in the reset. */
	KUNIT_EXPECT_STREQ(test, fix->log, "");
	KUNIT_EXPECT_TRUE(test, dpath_config_decoding(&fix->cfg, false));
	dpath_configfake_wr(fix, 0xa0 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	KUNIT_EXPECT_STREQ(test, fix->log, "");
	fix->blocked = false;
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_COMMAND, 2), 0x0006U);
	dpath_configfake_stop(fix);
}

static void dead(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	u32 bits;

	dpath_configfake_start(test, fix);
	dpath_config_kill(&fix->cfg);
	KUNIT_EXPECT_EQ(test, dpath_configfake_rd(fix, PCI_VENDOR_ID, 4), ~0U);
	dpath_configfake_wr(fix, PCI_COMMAND, 2, 0);
	dpath_configfake_wr(fix, PCI_VENDOR_ID, 4, 0);
	dpath_configfake_wr(fix, 0xa0 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	KUNIT_EXPECT_STREQ(test, fix->log, "");
	KUNIT_EXPECT_EQ(test, dpath_configfake_denied(fix, 0, &bits), 0ULL);
	dpath_configfake_stop(fix);
}

/* Any offset and length is split into what hardware would see, and ends at the end. */
static void splits(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	u8 buf[16], *all = kunit_kzalloc(test, 4096, GFP_KERNEL);
	unsigned int offset, count;

	KUNIT_ASSERT_NOT_NULL(test, all);
	dpath_configfake_start(test, fix);
	KUNIT_ASSERT_EQ(test, dpath_config_read(&fix->cfg, 0, all, 4096), 4096);
	for (offset = 0; offset < 0x110; offset++) {
		for (count = 0; count <= sizeof(buf); count++) {
			memset(buf, 0xee, sizeof(buf));
			KUNIT_EXPECT_EQ(test, dpath_config_read(&fix->cfg, offset, buf, count), (ssize_t)count);
			KUNIT_EXPECT_EQ(test, memcmp(buf, all + offset, count), 0);
			KUNIT_EXPECT_TRUE(test, count == sizeof(buf) || buf[count] == 0xee);
		}
	}
	KUNIT_EXPECT_EQ(test, dpath_config_read(&fix->cfg, 4092, buf, 4), 4);
	KUNIT_EXPECT_EQ(test, dpath_config_read(&fix->cfg, 4093, buf, 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_config_read(&fix->cfg, 4096, buf, 0), 0);
	KUNIT_EXPECT_EQ(test, dpath_config_read(&fix->cfg, 4097, buf, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_config_read(&fix->cfg, 0xffffffff, buf, 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_config_write(&fix->cfg, 4094, buf, 4), -EINVAL);
	/* A word at an odd place is two accesses. */
	dpath_configfake_wr(fix, 0x4d, 2, 0xabcd);
	KUNIT_EXPECT_STREQ(test, fix->log, "ww");
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->hw + 0x4c, 4), 0x00abcd00U);
	dpath_configfake_stop(fix);
}

static void counters(struct kunit *test)
{
	struct dpath_configfake *fix = dpath_configfake_new(test, "82599ES");
	struct dpath_register_count *count;
	unsigned long index, nr = 0;

	dpath_configfake_start(test, fix);
	dpath_configfake_wr(fix, PCI_REVISION_ID, 1, 0xff);
	dpath_configfake_wr(fix, PCI_CLASS_DEVICE, 2, 0x0300);
	dpath_configfake_wr(fix, PCI_CLASS_REVISION, 4, 0x02000001);
	count = xa_load(&fix->counts, PCI_CLASS_REVISION / 4);
	KUNIT_ASSERT_NOT_NULL(test, count);
	KUNIT_EXPECT_EQ(test, count->writes, 3ULL);
	KUNIT_EXPECT_EQ(test, count->denied, 2ULL);
	KUNIT_EXPECT_EQ(test, count->bits, 0x010000feU);
	KUNIT_EXPECT_STREQ(test, count->where, "header");
	KUNIT_EXPECT_STREQ(test, count->why, "read-only by specification");
	/* The reason is that of the first bit that was dropped, not that of the first byte of the access. */
	dpath_configfake_wr(fix, PCI_COMMAND, 4, PCI_COMMAND_MEMORY | PCI_COMMAND_SPECIAL);
	count = xa_load(&fix->counts, PCI_COMMAND / 4);
	KUNIT_ASSERT_NOT_NULL(test, count);
	KUNIT_EXPECT_STREQ(test, count->why, "decode and bus master are the tenant's; INTx is masked by the interrupt code and SERR# is the host's");
	dpath_configfake_wr(fix, 0x164, 4, 1);
	count = xa_load(&fix->counts, 0x164 / 4);
	KUNIT_ASSERT_NOT_NULL(test, count);
	KUNIT_EXPECT_STREQ(test, count->where, "SR-IOV");
	/* A long write counts in each of its dwords, once in the sum. */
	KUNIT_EXPECT_EQ(test, atomic64_read(&fix->stats.config_writes), 5);
	dpath_configfake_wr(fix, 0x48, 4, 0);
	xa_for_each(&fix->counts, index, count)
		nr++;
	KUNIT_EXPECT_EQ(test, nr, 4UL);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fix->stats.config_denied), 4);
	dpath_configfake_stop(fix);
}

static const struct dpath_cfgspace_form *form_at(const struct dpath_cfgspace *space, unsigned int offset, const struct dpath_cfgspace_reg **reg)
{
	const struct dpath_cfgspace_form *form;

	for (form = space->forms; form->regs; form++)
		for (*reg = form->regs; (*reg)->width; (*reg)++)
			if (offset >= form->pos + (*reg)->offset && offset < form->pos + (*reg)->offset + (*reg)->width)
				return form;
	return NULL;
}

static const struct dpath_cfgspace_cap *cap_over(const struct dpath_cfgspace *space, unsigned int offset)
{
	const struct dpath_cfgspace_cap *cap;

	for (cap = space->caps; cap->size; cap++)
		if (offset >= cap->pos && offset < cap->pos + cap->size)
			return cap;
	return NULL;
}

/* May a write of the guest's reach this byte of the hardware at all? */
static bool may_reach(const struct dpath_cfgspace *space, unsigned int offset)
{
	const struct dpath_cfgspace_reg *reg;
	const struct dpath_cfgspace_form *form = form_at(space, offset, &reg);
	const struct dpath_cfgspace_cap *cap = cap_over(space, offset);

	if (form)
		return (reg->hard >> (8 * (offset - form->pos - reg->offset))) & 0xff;
	if (cap)
		return cap->how == CFGSPACE_RAW && offset - cap->pos >= (cap->pos < 0x100 ? 2 : 4);
	return offset >= 0x40 && offset < 0x100;
}

/* A wild guest on every function: nothing arrives where nothing may, whatever the width; nothing is called under a blocked config space. */
static void wild_guest(struct kunit *test)
{
	const struct dpath_cfgspace *space;
	struct rnd_state rnd;
	struct dpath_configfake *fix;
	unsigned int i, n;
	u8 buf[8];

	for (space = dpath_cfgspaces; space < dpath_cfgspaces + dpath_nr_cfgspaces; space++) {
		fix = dpath_configfake_new(test, space->name);
		dpath_configfake_start(test, fix);
		prandom_seed_state(&rnd, space - dpath_cfgspaces + 1);
		for (n = 0; n < 20000; n++) {
			unsigned int count = 1 + prandom_u32_state(&rnd) % 8;

			prandom_bytes_state(&rnd, buf, sizeof(buf));
			dpath_config_write(&fix->cfg, prandom_u32_state(&rnd) % (space->size - 8), buf, count);
			if (strpbrk(fix->log, "!?"))
				break;
			memset(fix->log, 0, sizeof(fix->log));
		}
		KUNIT_EXPECT_EQ_MSG(test, n, 20000U, "%s", space->name);
		for (i = 0; i < space->size; i++)
			if (!may_reach(space, i))
				KUNIT_EXPECT_EQ_MSG(test, fix->written[i], 0, "%s: %#x", space->name, i);
		KUNIT_EXPECT_FALSE(test, fix->access);
		dpath_configfake_stop(fix);
	}
}

static struct kunit_case config_cases[] = {
	KUNIT_CASE(command),
	KUNIT_CASE(bars),
	KUNIT_CASE(narrow_bar),
	KUNIT_CASE(virtual_function),
	KUNIT_CASE(no_intx),
	KUNIT_CASE(ports_only),
	KUNIT_CASE(blocked),
	KUNIT_CASE(dead),
	KUNIT_CASE(splits),
	KUNIT_CASE(counters),
	KUNIT_CASE(wild_guest),
	{}
};

static struct kunit_suite config_suite = {
	.name = "directpath_config",
	.test_cases = config_cases,
};

kunit_test_suite(config_suite);
