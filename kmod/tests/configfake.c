// SPDX-License-Identifier: GPL-2.0
/*
 * Fakes of what config.c calls, and config.c itself: see configfake.h.
 */

#include <kunit/test.h>
#include <linux/pci.h>

#include "cfgspaces.h"
#include "configfake.h"

static struct dpath_configfake *fake_of(struct pci_dev *pdev)
{
	return container_of(pdev, struct dpath_configfake, pdev);
}

static void note(struct dpath_configfake *fake, char event)
{
	size_t n = strlen(fake->log);

	if (n < DPATH_CONFIGFAKE_EVENTS)
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
	struct dpath_configfake *fake = fake_of(pdev);
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
	struct dpath_configfake *fake = fake_of(pdev);

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
	struct dpath_configfake *fake = fake_of(pdev);

	if (pos < 0 || pos + count > sizeof(fake->vpd))
		return -EINVAL;
	fake->vpd_reads++;
	/* It waits for the end of a reset, which takes the lock. */
	if (mutex_is_locked(&fake->cfg.lock) || fake->access)
		note(fake, '!');
	if (fake->in_vpd)
		fake->in_vpd(fake);
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

/*
 * Config access is kept for what takes decode away and for the power state, that no reset begins in the middle; no other op is called with it. The
 * power state and the reset may take long: these do without the lock.
 */
static void note_op(struct dpath_configfake *fix, char event)
{
	bool slow = event == 'r' || (event >= '0' && event <= '3');

	if (event != 'd' && fix->access != (slow && event != 'r'))
		note(fix, '!');
	if (mutex_is_locked(&fix->cfg.lock) == slow)
		note(fix, '?');
	note(fix, event);
}

static void fake_decode(void *ctx, bool on)
{
	note_op(ctx, on ? 'D' : 'd');
}

static void fake_intx(void *ctx, bool disable)
{
	note_op(ctx, disable ? 'I' : 'i');
}

static int fake_reset(void *ctx)
{
	note_op(ctx, 'r');
	return ((struct dpath_configfake *)ctx)->reset_error;
}

static int fake_power(void *ctx, pci_power_t state)
{
	struct dpath_configfake *fix = ctx;

	note_op(fix, '0' + (__force int)state);
	if (fix->in_power)
		fix->in_power(fix);
	return fix->power_error;
}

static const struct dpath_config_ops fake_ops = {
	.decode = fake_decode,
	.intx = fake_intx,
	.reset = fake_reset,
	.power = fake_power,
};

void dpath_configfake_set_bar(struct dpath_configfake *fix, int index, u64 size, unsigned long flags)
{
	struct resource *res = &fix->pdev.resource[index];

	res->start = 0x100000000ULL;
	res->end = res->start + size - 1;
	res->flags = flags;
}

struct dpath_configfake *dpath_configfake_new(struct kunit *test, const char *name)
{
	struct dpath_configfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	const struct dpath_cfgspace *space = dpath_cfgspace_find(name);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	KUNIT_ASSERT_NOT_NULL(test, space);
	KUNIT_ASSERT_TRUE(test, dpath_cfgspace_load(space, fix->hw));
	fix->pdev.vendor = dpath_cfg_load(fix->hw, 2);
	fix->pdev.device = dpath_cfg_load(fix->hw + 2, 2);
	fix->pdev.cfg_size = space->size;
	fix->pdev.irq = 11;
	fix->pdev.dev.init_name = "fake";
	fix->mps = 256;
	dpath_configfake_set_bar(fix, 0, 0x4000, IORESOURCE_MEM | IORESOURCE_MEM_64);
	xa_init(&fix->counts);
	return fix;
}

void dpath_configfake_start(struct kunit *test, struct dpath_configfake *fix)
{
	/* Config access is the caller's. */
	fix->access = true;
	KUNIT_ASSERT_EQ(test, dpath_config_init(&fix->cfg, &fix->pdev, &fake_ops, fix, &fix->stats, &fix->counts), 0);
	fix->access = false;
	memset(fix->log, 0, sizeof(fix->log));
	memset(fix->written, 0, sizeof(fix->written));
}

void dpath_configfake_stop(struct dpath_configfake *fix)
{
	dpath_config_kill(&fix->cfg);
	dpath_config_destroy(&fix->cfg);
	dpath_config_free_counts(&fix->counts);
}

u32 dpath_configfake_rd(struct dpath_configfake *fix, unsigned int offset, unsigned int width)
{
	u8 buf[4] = {};

	return dpath_config_read(&fix->cfg, offset, buf, width) == width ? dpath_cfg_load(buf, width) : 0xdeadbeef;
}

void dpath_configfake_wr(struct dpath_configfake *fix, unsigned int offset, unsigned int width, u32 value)
{
	u8 buf[4];

	dpath_cfg_store(buf, width, value);
	memset(fix->log, 0, sizeof(fix->log));
	dpath_config_write(&fix->cfg, offset, buf, width);
}

u64 dpath_configfake_denied(struct dpath_configfake *fix, unsigned int offset, u32 *bits)
{
	struct dpath_register_count *count = xa_load(&fix->counts, offset / 4);

	*bits = count ? count->bits : 0;
	return count ? count->denied : 0;
}
