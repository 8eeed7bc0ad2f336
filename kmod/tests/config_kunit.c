// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to config space (config.c) on a function in memory. What the PCI core does is replaced by fakes that keep a record: which bytes reached
 * the hardware, in which order decode went off and on around them, which resets, power states and reads of VPD were asked for. The function is one
 * of cfgspaces.c, so that what no emulated device has (AF, VPD, a broken FLR) is tried, too.
 */

#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/prandom.h>

#include "cfgspaces.h"

#define EVENTS 64

/**
 * struct fake - a function, and what was done to it
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
 *	!: an op was called with config space blocked
 * @power_error: the power state cannot be set
 * @reset_error: the reset fails
 * @unlocked: ops that were called with the config lock free
 */
struct fake {
	struct pci_dev pdev;
	u8 hw[4096];
	u8 written[4096];
	bool blocked;
	bool access;
	u8 vpd[256];
	unsigned int vpd_reads;
	int readrq;
	int mps;
	char log[EVENTS + 1];
	int power_error;
	int reset_error;
	unsigned int unlocked;
};

static struct fake *fake_of(struct pci_dev *pdev)
{
	return container_of(pdev, struct fake, pdev);
}

static void note(struct fake *fake, char event)
{
	size_t n = strlen(fake->log);

	if (n < EVENTS)
		fake->log[n] = event;
}

static u32 fake_load(struct pci_dev *pdev, int where, unsigned int width)
{
	u32 value = 0;

	while (width--)
		value = value << 8 | fake_of(pdev)->hw[where + width];
	return value;
}

static void fake_store(struct pci_dev *pdev, int where, unsigned int width, u32 value)
{
	struct fake *fake = fake_of(pdev);
	unsigned int i;

	for (i = 0; i < width; i++) {
		fake->hw[where + i] = value >> (8 * i);
		fake->written[where + i] = 1;
	}
	note(fake, 'w');
}

static int fake_read_byte(struct pci_dev *pdev, int where, u8 *value)
{
	*value = fake_load(pdev, where, 1);
	return 0;
}

static int fake_read_word(struct pci_dev *pdev, int where, u16 *value)
{
	*value = fake_load(pdev, where, 2);
	return 0;
}

static int fake_read_dword(struct pci_dev *pdev, int where, u32 *value)
{
	*value = fake_load(pdev, where, 4);
	return 0;
}

static int fake_write_byte(struct pci_dev *pdev, int where, u8 value)
{
	fake_store(pdev, where, 1, value);
	return 0;
}

static int fake_write_word(struct pci_dev *pdev, int where, u16 value)
{
	fake_store(pdev, where, 2, value);
	return 0;
}

static int fake_write_dword(struct pci_dev *pdev, int where, u32 value)
{
	fake_store(pdev, where, 4, value);
	return 0;
}

static bool fake_trylock(struct pci_dev *pdev)
{
	struct fake *fake = fake_of(pdev);

	if (fake->blocked || fake->access)
		return false;
	fake->access = true;
	return true;
}

static void fake_unlock(struct pci_dev *pdev)
{
	fake_of(pdev)->access = false;
}

static int fake_set_readrq(struct pci_dev *pdev, int rq)
{
	fake_of(pdev)->readrq = rq;
	return 0;
}

static int fake_get_mps(struct pci_dev *pdev)
{
	return fake_of(pdev)->mps;
}

/* As the PCI core: nothing beyond the end tag. */
static ssize_t fake_read_vpd(struct pci_dev *pdev, loff_t pos, size_t count, void *buf)
{
	struct fake *fake = fake_of(pdev);

	if (pos < 0 || pos + count > sizeof(fake->vpd))
		return -EINVAL;
	fake->vpd_reads++;
	memcpy(buf, fake->vpd + pos, count);
	return count;
}

#define pci_read_config_byte fake_read_byte
#define pci_read_config_word fake_read_word
#define pci_read_config_dword fake_read_dword
#define pci_write_config_byte fake_write_byte
#define pci_write_config_word fake_write_word
#define pci_write_config_dword fake_write_dword
#define pci_cfg_access_trylock fake_trylock
#define pci_cfg_access_unlock fake_unlock
#define pcie_set_readrq fake_set_readrq
#define pcie_get_mps fake_get_mps
#define pci_read_vpd fake_read_vpd

#include "../config.c"

/**
 * struct fixture - config space of a lease of the fake
 */
struct fixture {
	struct fake fake;
	struct dpath_lease_stats stats;
	struct xarray counts;
	struct dpath_config cfg;
};

static struct fixture *fixture_of(void *ctx)
{
	return ctx;
}

/* No op is called with config space blocked, and all but the reset hold the lock. */
static void note_op(struct fixture *fix, char event)
{
	if (fix->fake.access)
		note(&fix->fake, '!');
	if (!mutex_is_locked(&fix->cfg.lock))
		fix->fake.unlocked++;
	note(&fix->fake, event);
}

static void fake_decode(void *ctx, bool on)
{
	note_op(fixture_of(ctx), on ? 'D' : 'd');
}

static void fake_intx(void *ctx, bool disable)
{
	note_op(fixture_of(ctx), disable ? 'I' : 'i');
}

static int fake_reset(void *ctx)
{
	note_op(fixture_of(ctx), 'r');
	return fixture_of(ctx)->fake.reset_error;
}

static int fake_power(void *ctx, pci_power_t state)
{
	note_op(fixture_of(ctx), '0' + (__force int)state);
	return fixture_of(ctx)->fake.power_error;
}

static const struct dpath_config_ops fake_ops = {
	.decode = fake_decode,
	.intx = fake_intx,
	.reset = fake_reset,
	.power = fake_power,
};

static void set_bar(struct fixture *fix, int index, u64 size, unsigned long flags)
{
	struct resource *res = &fix->fake.pdev.resource[index];

	res->start = 0x100000000ULL;
	res->end = res->start + size - 1;
	res->flags = flags;
}

static struct fixture *new_fixture(struct kunit *test, const char *name)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	const struct dpath_cfgspace *space = dpath_cfgspace_find(name);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	KUNIT_ASSERT_NOT_NULL(test, space);
	KUNIT_ASSERT_TRUE(test, dpath_cfgspace_load(space, fix->fake.hw));
	fix->fake.pdev.vendor = dpath_cfg_load(fix->fake.hw, 2);
	fix->fake.pdev.device = dpath_cfg_load(fix->fake.hw + 2, 2);
	fix->fake.pdev.cfg_size = space->size;
	fix->fake.pdev.irq = 11;
	fix->fake.pdev.dev.init_name = "fake";
	fix->fake.mps = 256;
	set_bar(fix, 0, 0x4000, IORESOURCE_MEM | IORESOURCE_MEM_64);
	xa_init(&fix->counts);
	return fix;
}

static void start(struct kunit *test, struct fixture *fix)
{
	KUNIT_ASSERT_EQ(test, dpath_config_init(&fix->cfg, &fix->fake.pdev, &fake_ops, fix, &fix->stats, &fix->counts), 0);
	memset(fix->fake.log, 0, sizeof(fix->fake.log));
	memset(fix->fake.written, 0, sizeof(fix->fake.written));
}

static void stop(struct fixture *fix)
{
	dpath_config_kill(&fix->cfg);
	dpath_config_destroy(&fix->cfg);
	dpath_config_free_counts(&fix->counts);
}

static u32 rd(struct fixture *fix, unsigned int offset, unsigned int width)
{
	u8 buf[4] = {};

	return dpath_config_read(&fix->cfg, offset, buf, width) == width ? dpath_cfg_load(buf, width) : 0xdeadbeef;
}

static void wr(struct fixture *fix, unsigned int offset, unsigned int width, u32 value)
{
	u8 buf[4];

	dpath_cfg_store(buf, width, value);
	memset(fix->fake.log, 0, sizeof(fix->fake.log));
	dpath_config_write(&fix->cfg, offset, buf, width);
}

static u64 denied_at(struct fixture *fix, unsigned int offset, u32 *bits)
{
	struct dpath_register_count *count = xa_load(&fix->counts, offset / 4);

	*bits = count ? count->bits : 0;
	return count ? count->denied : 0;
}

/* The byte with Interrupt Disable is not written: only the lane with the bits of the hardware is. Decode goes off before the write, on behind it. */
static void command(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");

	start(test, fix);
	KUNIT_EXPECT_TRUE(test, dpath_config_decoding(&fix->cfg, false));
	wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "dw");
	KUNIT_EXPECT_FALSE(test, dpath_config_decoding(&fix->cfg, false));
	wr(fix, PCI_COMMAND, 4, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "wwDI");
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_COMMAND, 2), (u32)(PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE));
	KUNIT_EXPECT_EQ(test, fix->fake.written[PCI_COMMAND], 1);
	KUNIT_EXPECT_EQ(test, fix->fake.written[PCI_COMMAND + 1], 0);
	KUNIT_EXPECT_EQ(test, fix->fake.hw[PCI_COMMAND + 1], 0x04); /* the host's */
	wr(fix, PCI_COMMAND + 1, 1, 0);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "i");
	wr(fix, PCI_COMMAND + 1, 1, 0);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "");
	stop(fix);
}

/* Masks by size; a 64 bit BAR has two halves; what is not there reads as zero. */
static void bars(struct kunit *test)
{
	/* 64 GiB: no bit of the lower half. */
	static const u32 sized[] = { 0xffffc004, 0xffffffff, 0xffffff01, 0, 0x0000000c, 0xfffffff0 };
	struct fixture *fix = new_fixture(test, "82599ES");
	unsigned int i;

	set_bar(fix, 2, 0x100, IORESOURCE_IO);
	set_bar(fix, 4, 64ULL << 30, IORESOURCE_MEM | IORESOURCE_MEM_64 | IORESOURCE_PREFETCH);
	set_bar(fix, PCI_ROM_RESOURCE, 0x80000, IORESOURCE_MEM);
	start(test, fix);
	for (i = 0; i < 6; i++) {
		KUNIT_EXPECT_EQ(test, rd(fix, 0x10 + 4 * i, 4) & ~0xfU, 0U);
		wr(fix, 0x10 + 4 * i, 4, ~0U);
	}
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_EQ(test, rd(fix, 0x10 + 4 * i, 4), sized[i]);
	wr(fix, PCI_ROM_ADDRESS, 4, ~0U);
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_ROM_ADDRESS, 4), 0xfff80001U);
	/* Addresses stay, and none arrives. */
	wr(fix, 0x10, 4, 0xfebf0000);
	KUNIT_EXPECT_EQ(test, rd(fix, 0x10, 4), 0xfebf0004U);
	for (i = 0x10; i < 0x34; i++)
		KUNIT_EXPECT_EQ(test, fix->fake.written[i], 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fix->stats.config_denied), 0);
	stop(fix);
}

static void virtual_function(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "virtual function");

	fix->fake.pdev.vendor = 0x8086;
	fix->fake.pdev.device = 0x10ed;
	fix->fake.pdev.irq = 0;
	fix->fake.pdev.no_command_memory = 1;
	start(test, fix);
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_VENDOR_ID, 4), 0x10ed8086U);
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_INTERRUPT_PIN, 1), 0U);
	KUNIT_EXPECT_TRUE(test, dpath_config_decoding(&fix->cfg, false));
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_COMMAND, 2), (u32)(PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY));
	wr(fix, 0x10, 4, ~0U);
	KUNIT_EXPECT_EQ(test, rd(fix, 0x10, 4), 0xffffc004U);
	/* The guest's bit closes the map; there is none in the hardware. */
	wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "dw");
	KUNIT_EXPECT_EQ(test, fix->fake.hw[PCI_COMMAND] & PCI_COMMAND_MEMORY, 0);
	wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "wD");
	KUNIT_EXPECT_EQ(test, fix->fake.hw[PCI_COMMAND] & PCI_COMMAND_MEMORY, 0);
	stop(fix);
}

static void no_intx(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");

	start(test, fix);
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_INTERRUPT_PIN, 1), 1U);
	dpath_config_hide_intx(&fix->cfg);
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_INTERRUPT_PIN, 1), 0U);
	stop(fix);
}

/* --- resets --- */

static void flr(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");
	const unsigned int devctl = 0xa0 + PCI_EXP_DEVCTL;
	u32 bits;

	start(test, fix);
	wr(fix, devctl, 2, 0xa82f);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "wr");
	KUNIT_EXPECT_EQ(test, fix->fake.unlocked, 1U);
	KUNIT_EXPECT_EQ(test, rd(fix, devctl, 2), 0x282fU);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->fake.hw + devctl, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0U);
	/* By its byte alone. */
	wr(fix, devctl + 1, 1, 0xa8);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "wr");
	KUNIT_EXPECT_EQ(test, denied_at(fix, devctl, &bits), 0ULL);
	/* It fails: the bit that asked is what was denied. */
	fix->fake.reset_error = -EIO;
	wr(fix, devctl, 4, 0xa82f);
	KUNIT_EXPECT_EQ(test, denied_at(fix, devctl, &bits), 1ULL);
	KUNIT_EXPECT_EQ(test, bits, (u32)PCI_EXP_DEVCTL_BCR_FLR);
	/* Without the bit there is none. */
	wr(fix, devctl, 4, 0x282f);
	KUNIT_EXPECT_NULL(test, strchr(fix->fake.log, 'r'));
	stop(fix);
}

/* No FLR in the capabilities, or one that is known not to work: nothing is reset, and the guest can see that it is not there. */
static void no_flr(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "Vega");

	start(test, fix);
	wr(fix, 0x64 + PCI_EXP_DEVCTL, 2, 0x8000);
	KUNIT_EXPECT_NULL(test, strchr(fix->fake.log, 'r'));
	KUNIT_EXPECT_EQ(test, rd(fix, 0x64 + PCI_EXP_DEVCTL, 2) & 0x8000, 0U);
	stop(fix);

	fix = new_fixture(test, "82599ES");
	fix->fake.pdev.dev_flags = PCI_DEV_FLAGS_NO_FLR_RESET;
	start(test, fix);
	KUNIT_EXPECT_EQ(test, rd(fix, 0xa0 + PCI_EXP_DEVCAP, 4), 0x10008cc2U & ~PCI_EXP_DEVCAP_FLR);
	wr(fix, 0xa0 + PCI_EXP_DEVCTL, 2, 0x8000);
	KUNIT_EXPECT_NULL(test, strchr(fix->fake.log, 'r'));
	stop(fix);
}

static void af(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "ICH10");
	const unsigned int ctrl = 0xb0 + PCI_AF_CTRL;
	u32 bits;

	start(test, fix);
	wr(fix, ctrl, 1, 0);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "");
	wr(fix, ctrl, 1, PCI_AF_CTRL_FLR);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "r");
	KUNIT_EXPECT_EQ(test, fix->fake.unlocked, 1U);
	KUNIT_EXPECT_EQ(test, rd(fix, ctrl, 1), 0U);
	KUNIT_EXPECT_EQ(test, fix->fake.written[ctrl], 0);
	fix->fake.reset_error = -EIO;
	wr(fix, ctrl, 2, PCI_AF_CTRL_FLR);
	KUNIT_EXPECT_EQ(test, denied_at(fix, ctrl, &bits), 1ULL);
	KUNIT_EXPECT_EQ(test, bits, (u32)PCI_AF_CTRL_FLR);
	stop(fix);
	/* It has the capability, but not the reset. */
	fix = new_fixture(test, "ICH10");
	fix->fake.hw[0xb0 + PCI_AF_CAP] = PCI_AF_CAP_TP;
	start(test, fix);
	wr(fix, ctrl, 1, PCI_AF_CTRL_FLR);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "");
	stop(fix);
}

/* --- power --- */

static void power(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");
	const unsigned int ctrl = 0x40 + PCI_PM_CTRL;

	start(test, fix);
	wr(fix, ctrl, 2, 3);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "d3");
	KUNIT_EXPECT_EQ(test, rd(fix, ctrl, 2), 0x200bU);
	KUNIT_EXPECT_FALSE(test, dpath_config_decoding(&fix->cfg, false));
	/* Command in D3hot: no map opens for it. */
	wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "w");
	wr(fix, ctrl, 2, 3);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "");
	/* D3hot and back without No_Soft_Reset: command was lost, and what the hardware has counts. */
	fix->fake.hw[PCI_COMMAND] = 0;
	wr(fix, ctrl, 2, 0);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "0");
	KUNIT_EXPECT_FALSE(test, dpath_config_decoding(&fix->cfg, false));
	wr(fix, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "wD");
	/* It does not get there: the guest sees that, and goes on. */
	fix->fake.power_error = -EIO;
	wr(fix, ctrl, 2, 3);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "d3D");
	KUNIT_EXPECT_EQ(test, rd(fix, ctrl, 2), 0x2008U);
	/* A reset wakes it up. */
	fix->fake.power_error = 0;
	wr(fix, ctrl, 2, 3);
	dpath_config_restored(&fix->cfg);
	KUNIT_EXPECT_EQ(test, rd(fix, ctrl, 2), 0x2008U);
	KUNIT_EXPECT_TRUE(test, dpath_config_decoding(&fix->cfg, false));
	KUNIT_EXPECT_EQ(test, fix->fake.written[ctrl], 0);
	stop(fix);
}

/* --- VPD --- */

static void vpd(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");
	const unsigned int pos = 0xe0;
	unsigned int i, reads;
	u32 bits;

	for (i = 0; i < sizeof(fix->fake.vpd); i++)
		fix->fake.vpd[i] = i;
	start(test, fix);
	for (i = 0; i < 256; i += 4) {
		wr(fix, pos + PCI_VPD_ADDR, 2, i);
		KUNIT_EXPECT_EQ(test, rd(fix, pos + PCI_VPD_ADDR, 2), i | PCI_VPD_ADDR_F);
		KUNIT_EXPECT_EQ(test, rd(fix, pos + PCI_VPD_DATA, 4), dpath_cfg_load(fix->fake.vpd + i, 4));
	}
	/* Beyond the end it does not complete, and the hardware is not asked. */
	reads = fix->fake.vpd_reads;
	KUNIT_EXPECT_EQ(test, reads, 64U);
	for (i = 256; i < 0x8000; i += 0x7c) {
		wr(fix, pos + PCI_VPD_ADDR, 2, i);
		KUNIT_EXPECT_EQ(test, rd(fix, pos + PCI_VPD_ADDR, 2), i);
	}
	KUNIT_EXPECT_EQ(test, fix->fake.vpd_reads, reads);
	KUNIT_EXPECT_EQ(test, rd(fix, pos + PCI_VPD_DATA, 4), 0xfffefdfcU);
	KUNIT_EXPECT_EQ(test, denied_at(fix, pos, &bits), 0ULL);
	/* A write: never done, never completes. */
	wr(fix, pos + PCI_VPD_DATA, 4, 0x600df00d);
	wr(fix, pos + PCI_VPD_ADDR, 2, 0x10 | PCI_VPD_ADDR_F);
	KUNIT_EXPECT_EQ(test, rd(fix, pos + PCI_VPD_ADDR, 2), (u32)(0x10 | PCI_VPD_ADDR_F));
	KUNIT_EXPECT_EQ(test, fix->fake.vpd[0x10], 0x10);
	KUNIT_EXPECT_EQ(test, denied_at(fix, pos, &bits), 1ULL);
	KUNIT_EXPECT_EQ(test, bits, (u32)PCI_VPD_ADDR_F << 16);
	/* The upper byte starts it, the lower alone does not. */
	reads = fix->fake.vpd_reads;
	wr(fix, pos + PCI_VPD_ADDR, 1, 0x20);
	KUNIT_EXPECT_EQ(test, fix->fake.vpd_reads, reads);
	wr(fix, pos + PCI_VPD_ADDR + 1, 1, 0);
	KUNIT_EXPECT_EQ(test, fix->fake.vpd_reads, reads + 1);
	KUNIT_EXPECT_EQ(test, rd(fix, pos + PCI_VPD_DATA, 4), 0x23222120U);
	/* In a reset: no answer, and no wait. */
	fix->fake.blocked = true;
	wr(fix, pos + PCI_VPD_ADDR, 2, 0);
	KUNIT_EXPECT_EQ(test, fix->fake.vpd_reads, reads + 1);
	for (i = pos; i < pos + 8; i++)
		KUNIT_EXPECT_EQ(test, fix->fake.written[i], 0);
	stop(fix);
}

/* --- the rest --- */

/* The payload is the floor of read requests; sizes that do not exist are not set. */
static void read_requests(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");
	const unsigned int devctl = 0xa0 + PCI_EXP_DEVCTL;
	static const int expected[] = { 256, 256, 512, 1024, 2048, 4096, 0, 0 };
	unsigned int code;

	start(test, fix);
	for (code = 0; code < 8; code++) {
		wr(fix, devctl, 2, (code ^ 1) << 12);
		fix->fake.readrq = 0;
		wr(fix, devctl, 2, code << 12);
		KUNIT_EXPECT_EQ(test, fix->fake.readrq, expected[code]);
		KUNIT_EXPECT_EQ(test, rd(fix, devctl, 2) >> 12, code);
	}
	/* The guest's payload size is its own; the hardware keeps the host's. */
	KUNIT_EXPECT_EQ(test, fix->fake.hw[devctl] & 0xe0, 0x20);
	KUNIT_EXPECT_EQ(test, fix->fake.hw[devctl + 1] & 0xf0, 0x20);
	stop(fix);
}

/* While a reset has the function reads answer ones (but for what is virtual), and writes are lost, decode included. */
static void blocked(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");

	start(test, fix);
	fix->fake.blocked = true;
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_VENDOR_ID, 4), 0x10fb8086U);
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_CLASS_REVISION, 4), ~0U);
	wr(fix, PCI_COMMAND, 2, 0);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "dD");
	KUNIT_EXPECT_TRUE(test, dpath_config_decoding(&fix->cfg, false));
	wr(fix, 0xa0 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "");
	fix->fake.blocked = false;
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_COMMAND, 2), 0x0006U);
	stop(fix);
}

static void dead(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");
	u32 bits;

	start(test, fix);
	dpath_config_kill(&fix->cfg);
	KUNIT_EXPECT_EQ(test, rd(fix, PCI_VENDOR_ID, 4), ~0U);
	wr(fix, PCI_COMMAND, 2, 0);
	wr(fix, PCI_VENDOR_ID, 4, 0);
	wr(fix, 0xa0 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "");
	KUNIT_EXPECT_EQ(test, denied_at(fix, 0, &bits), 0ULL);
	stop(fix);
}

/* Any offset and length is split into what hardware would see, and ends at the end. */
static void splits(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");
	u8 buf[16], *all = kunit_kzalloc(test, 4096, GFP_KERNEL);
	unsigned int offset, count;

	KUNIT_ASSERT_NOT_NULL(test, all);
	start(test, fix);
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
	wr(fix, 0x4d, 2, 0xabcd);
	KUNIT_EXPECT_STREQ(test, fix->fake.log, "ww");
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->fake.hw + 0x4c, 4), 0x00abcd00U);
	stop(fix);
}

static void counters(struct kunit *test)
{
	struct fixture *fix = new_fixture(test, "82599ES");
	struct dpath_register_count *count;
	unsigned long index, nr = 0;

	start(test, fix);
	wr(fix, PCI_REVISION_ID, 1, 0xff);
	wr(fix, PCI_CLASS_DEVICE, 2, 0x0300);
	wr(fix, PCI_CLASS_REVISION, 4, 0x02000001);
	count = xa_load(&fix->counts, PCI_CLASS_REVISION / 4);
	KUNIT_ASSERT_NOT_NULL(test, count);
	KUNIT_EXPECT_EQ(test, count->writes, 3ULL);
	KUNIT_EXPECT_EQ(test, count->denied, 2ULL);
	KUNIT_EXPECT_EQ(test, count->bits, 0x010000feU);
	KUNIT_EXPECT_STREQ(test, count->where, "header");
	KUNIT_EXPECT_STREQ(test, count->why, "read-only by specification");
	/* The reason is that of the first bit that was dropped, not that of the first byte of the access. */
	wr(fix, PCI_COMMAND, 4, PCI_COMMAND_MEMORY | PCI_COMMAND_SPECIAL);
	count = xa_load(&fix->counts, PCI_COMMAND / 4);
	KUNIT_ASSERT_NOT_NULL(test, count);
	KUNIT_EXPECT_STREQ(test, count->why, "decode and bus master are the tenant's; INTx is masked by the interrupt code and SERR# is the host's");
	wr(fix, 0x164, 4, 1);
	count = xa_load(&fix->counts, 0x164 / 4);
	KUNIT_ASSERT_NOT_NULL(test, count);
	KUNIT_EXPECT_STREQ(test, count->where, "SR-IOV");
	/* A long write counts in each of its dwords, once in the sum. */
	KUNIT_EXPECT_EQ(test, atomic64_read(&fix->stats.config_writes), 5);
	wr(fix, 0x48, 4, 0);
	xa_for_each(&fix->counts, index, count)
		nr++;
	KUNIT_EXPECT_EQ(test, nr, 4UL);
	KUNIT_EXPECT_EQ(test, atomic64_read(&fix->stats.config_denied), 4);
	stop(fix);
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
	struct fixture *fix;
	unsigned int i, n;
	u8 buf[8];

	for (space = dpath_cfgspaces; space < dpath_cfgspaces + dpath_nr_cfgspaces; space++) {
		fix = new_fixture(test, space->name);
		start(test, fix);
		prandom_seed_state(&rnd, space - dpath_cfgspaces + 1);
		for (n = 0; n < 20000; n++) {
			unsigned int count = 1 + prandom_u32_state(&rnd) % 8;

			prandom_bytes_state(&rnd, buf, sizeof(buf));
			dpath_config_write(&fix->cfg, prandom_u32_state(&rnd) % (space->size - 8), buf, count);
			if (strchr(fix->fake.log, '!'))
				break;
			memset(fix->fake.log, 0, sizeof(fix->fake.log));
		}
		KUNIT_EXPECT_EQ_MSG(test, n, 20000U, "%s", space->name);
		for (i = 0; i < space->size; i++)
			if (!may_reach(space, i))
				KUNIT_EXPECT_EQ_MSG(test, fix->fake.written[i], 0, "%s: %#x", space->name, i);
		KUNIT_EXPECT_FALSE(test, fix->fake.access);
		stop(fix);
	}
}

static struct kunit_case config_cases[] = {
	KUNIT_CASE(command),
	KUNIT_CASE(bars),
	KUNIT_CASE(virtual_function),
	KUNIT_CASE(no_intx),
	KUNIT_CASE(flr),
	KUNIT_CASE(no_flr),
	KUNIT_CASE(af),
	KUNIT_CASE(power),
	KUNIT_CASE(vpd),
	KUNIT_CASE(read_requests),
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
