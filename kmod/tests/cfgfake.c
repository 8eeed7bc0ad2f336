// SPDX-License-Identifier: GPL-2.0
/*
 * Config space in memory with the tables of cfgperm.c over it: see cfgfake.h.
 */

#include <kunit/test.h>
#include <linux/bitmap.h>

#include "cfgfake.h"

static int read_space(void *ctx, unsigned int offset, u32 *value)
{
	struct dpath_cfgfake *fix = ctx;

	if (offset & 3 || offset >= sizeof(fix->bytes))
		return -EFAULT;
	if (fix->fail_at && ++fix->reads == fix->fail_at)
		return -EIO;
	*value = dpath_cfg_load(fix->bytes + offset, 4);
	return 0;
}

int dpath_cfgfake_build(struct dpath_cfgfake *fix, unsigned int size)
{
	struct dpath_cfg_reader reader = { .read = read_space, .ctx = fix, .size = size };

	memset(&fix->map, 0xcc, sizeof(fix->map));
	return dpath_cfgmap_build(&fix->map, &reader);
}

u32 dpath_cfgfake_get(const struct dpath_cfgfake *fix, unsigned int offset, unsigned int width)
{
	struct dpath_cfg_bits bits = dpath_cfgmap_bits(&fix->map, offset, width);

	return dpath_cfg_merge_read(&bits, dpath_cfg_load(fix->bytes + offset, width));
}

u32 dpath_cfgfake_set(struct dpath_cfgfake *fix, unsigned int offset, unsigned int width, u32 value)
{
	struct dpath_cfg_bits bits = dpath_cfgmap_bits(&fix->map, offset, width);
	struct dpath_cfg_write out = dpath_cfg_merge_write(&bits, dpath_cfg_load(fix->bytes + offset, width), value);
	unsigned int i;

	dpath_cfg_store(fix->map.shadow + offset, width, out.shadow);
	for (i = 0; i < width; i++) {
		if ((out.lanes >> (8 * i)) & 0xff)
			fix->bytes[offset + i] = out.hw >> (8 * i);
	}
	return out.denied;
}

u32 dpath_cfgfake_hard(const struct dpath_cfgfake *fix, unsigned int offset, unsigned int width)
{
	struct dpath_cfg_bits bits = dpath_cfgmap_bits(&fix->map, offset, width);

	return bits.write & ~bits.virt;
}

void dpath_cfgfake_put_cap(struct dpath_cfgfake *fix, unsigned int pos, u8 id, u8 next, u16 word)
{
	dpath_cfgfake_put(fix, pos, 4, id | next << 8 | (u32)word << 16);
}

void dpath_cfgfake_put_ecap(struct dpath_cfgfake *fix, unsigned int pos, u16 id, u8 version, unsigned int next)
{
	dpath_cfgfake_put(fix, pos, 4, id | version << 16 | next << 20);
}

void dpath_cfgfake_put_header(struct dpath_cfgfake *fix, u8 first)
{
	memset(fix->bytes, 0, sizeof(fix->bytes));
	fix->reads = 0;
	fix->fail_at = 0;
	dpath_cfgfake_put(fix, PCI_VENDOR_ID, 4, 0x00101b36);
	dpath_cfgfake_put(fix, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_SERR);
	dpath_cfgfake_put(fix, PCI_STATUS, 2, first ? PCI_STATUS_CAP_LIST : 0);
	dpath_cfgfake_put(fix, PCI_CLASS_REVISION, 4, 0x01080202);
	dpath_cfgfake_put(fix, PCI_BASE_ADDRESS_0, 4, 0xfebf0004);
	dpath_cfgfake_put(fix, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4);
	dpath_cfgfake_put(fix, PCI_CAPABILITY_LIST, 1, first);
	dpath_cfgfake_put(fix, PCI_INTERRUPT_PIN, 1, 1);
	dpath_cfgfake_put(fix, PCI_INTERRUPT_LINE, 1, 11);
}

void dpath_cfgfake_put_good(struct dpath_cfgfake *fix)
{
	dpath_cfgfake_put_header(fix, 0x40);
	dpath_cfgfake_put_cap(fix, 0x40, PCI_CAP_ID_PM, 0x50, 0xfe03);
	dpath_cfgfake_put(fix, 0x44, 2, 0x0108);
	dpath_cfgfake_put_cap(fix, 0x50, PCI_CAP_ID_MSI, 0x70, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	dpath_cfgfake_put_cap(fix, 0x70, PCI_CAP_ID_EXP, 0xb0, 0x0002);
	dpath_cfgfake_put(fix, 0x70 + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_FLR | 0x18 | 0x1);
	dpath_cfgfake_put(fix, 0x70 + PCI_EXP_DEVCTL, 2, 0x2110);
	dpath_cfgfake_put_cap(fix, 0xb0, PCI_CAP_ID_MSIX, 0xc0, 0x0040);
	dpath_cfgfake_put(fix, 0xb4, 4, 0x2000);
	dpath_cfgfake_put_cap(fix, 0xc0, PCI_CAP_ID_VNDR, 0xd0, 0x0010);
	dpath_cfgfake_put(fix, 0xc4, 4, 0x12345678);
	dpath_cfgfake_put_cap(fix, 0xd0, PCI_CAP_ID_EA, 0, 0x0000);
	dpath_cfgfake_put_ecap(fix, 0x100, PCI_EXT_CAP_ID_ATS, 1, 0x110);
	dpath_cfgfake_put(fix, 0x106, 2, 0x0080);
	dpath_cfgfake_put_ecap(fix, 0x110, PCI_EXT_CAP_ID_ERR, 2, 0x150);
	dpath_cfgfake_put(fix, 0x110 + PCI_ERR_UNCOR_STATUS, 4, 0x00100000);
	dpath_cfgfake_put_ecap(fix, 0x150, PCI_EXT_CAP_ID_SRIOV, 1, 0x1a0);
	dpath_cfgfake_put(fix, 0x158, 2, 1);
	dpath_cfgfake_put_ecap(fix, 0x1a0, PCI_EXT_CAP_ID_DSN, 1, 0x1b0);
	dpath_cfgfake_put(fix, 0x1a4, 4, 0xdeadbeef);
	dpath_cfgfake_put_ecap(fix, 0x1b0, PCI_EXT_CAP_ID_VNDR, 1, 0x1e0);
	dpath_cfgfake_put(fix, 0x1b4, 4, 0x01810001);
	dpath_cfgfake_put_ecap(fix, 0x1e0, PCI_EXT_CAP_ID_PASID, 1, 0);
}

/* The first capability of this id as the kernel's own walk finds it. */
static unsigned int kernel_find(const struct dpath_cfgfake *fix, u8 id)
{
	const u8 *bytes = fix->bytes;
	unsigned int ttl = 48, pos;

	if (!(bytes[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return 0;
	for (pos = bytes[PCI_CAPABILITY_LIST]; ttl--; pos = bytes[pos + 1]) {
		if (pos < 0x40)
			return 0;
		pos &= ~3;
		if (bytes[pos] == 0xff)
			return 0;
		if (bytes[pos] == id)
			return pos;
	}
	return 0;
}

static unsigned int kernel_find_ext(const struct dpath_cfgfake *fix, u16 id)
{
	unsigned int ttl = (4096 - 256) / 8, pos = 256;
	u32 value = dpath_cfg_load(fix->bytes + pos, 4);

	while (value && ttl--) {
		if (PCI_EXT_CAP_ID(value) == id)
			return pos;
		pos = PCI_EXT_CAP_NEXT(value);
		if (pos < 256)
			break;
		value = dpath_cfg_load(fix->bytes + pos, 4);
	}
	return 0;
}

static void sound_std_list(struct kunit *test, const struct dpath_cfgfake *fix)
{
	DECLARE_BITMAP(ids, 256) = {};
	unsigned int pos, nr = 0;
	u8 id;

	KUNIT_EXPECT_EQ(test, !(dpath_cfgfake_get(fix, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST), !dpath_cfgfake_get(fix, PCI_CAPABILITY_LIST, 1));
	for (pos = dpath_cfgfake_get(fix, PCI_CAPABILITY_LIST, 1); pos; pos = dpath_cfgfake_get(fix, pos + 1, 1)) {
		KUNIT_ASSERT_LT(test, nr++, 48U);
		KUNIT_ASSERT_GE(test, pos, 0x40U);
		KUNIT_ASSERT_EQ(test, pos & 3, 0U);
		id = dpath_cfgfake_get(fix, pos, 1);
		KUNIT_EXPECT_NE(test, dpath_cfg_rule_of(id, false)->how, DPATH_CFG_HIDE);
		KUNIT_EXPECT_EQ(test, id, fix->bytes[pos]);
		KUNIT_EXPECT_FALSE(test, __test_and_set_bit(id, ids) && !dpath_cfg_rule_of(id, false)->many);
		KUNIT_EXPECT_EQ(test, dpath_cfgfake_hard(fix, pos, 2), 0U);
	}
}

static void sound_ext_list(struct kunit *test, const struct dpath_cfgfake *fix)
{
	unsigned int pos = 0x100, nr = 0;
	u32 head = fix->map.size > 0x100 ? dpath_cfgfake_get(fix, pos, 4) : 0;

	while (head) {
		u16 id = PCI_EXT_CAP_ID(head);

		KUNIT_ASSERT_LT(test, nr++, (unsigned int)DPATH_CFG_CAPS);
		/* Only the head of the list may be a null capability. */
		if (id || pos != 0x100) {
			KUNIT_EXPECT_NE(test, dpath_cfg_rule_of(id, true)->how, DPATH_CFG_HIDE);
			KUNIT_EXPECT_EQ(test, head & 0xfffff, dpath_cfg_load(fix->bytes + pos, 4) & 0xfffff);
		}
		KUNIT_EXPECT_EQ(test, dpath_cfgfake_hard(fix, pos, 4), 0U);
		pos = PCI_EXT_CAP_NEXT(head);
		if (!pos)
			break;
		KUNIT_ASSERT_GE(test, pos, 0x100U);
		KUNIT_ASSERT_LT(test, pos, fix->map.size);
		head = dpath_cfgfake_get(fix, pos, 4);
	}
}

void dpath_cfgfake_expect_closed(struct kunit *test, const struct dpath_cfgfake *fix, unsigned int pos, unsigned int size)
{
	unsigned int i;

	for (i = pos; i < pos + size && i < fix->map.size; i++) {
		KUNIT_EXPECT_EQ(test, dpath_cfgfake_hard(fix, i, 1), 0U);
		KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, i, 1), 0U);
	}
}

static void sound_kernel_registers(struct kunit *test, const struct dpath_cfgfake *fix)
{
	unsigned int pos, i;

	pos = kernel_find(fix, PCI_CAP_ID_MSI);
	if (pos && pos <= 0xf0)
		for (i = 0; i < 12; i += 4)
			KUNIT_EXPECT_EQ(test, dpath_cfgfake_hard(fix, pos + i, 4), 0U);
	pos = kernel_find(fix, PCI_CAP_ID_MSIX);
	if (pos && pos <= 0xf4)
		KUNIT_EXPECT_EQ(test, dpath_cfgfake_hard(fix, pos, 4), 0U);
	pos = kernel_find(fix, PCI_CAP_ID_PM);
	if (pos && pos <= 0xf8)
		KUNIT_EXPECT_EQ(test, dpath_cfgfake_hard(fix, pos + PCI_PM_CTRL, 2), 0U);
	if (fix->map.size == 0x100)
		return;
	pos = kernel_find_ext(fix, PCI_EXT_CAP_ID_ATS);
	if (pos)
		dpath_cfgfake_expect_closed(test, fix, pos + 4, 4);
	pos = kernel_find_ext(fix, PCI_EXT_CAP_ID_PRI);
	if (pos)
		dpath_cfgfake_expect_closed(test, fix, pos + 4, 12);
	pos = kernel_find_ext(fix, PCI_EXT_CAP_ID_PASID);
	if (pos)
		dpath_cfgfake_expect_closed(test, fix, pos + 4, 4);
	pos = kernel_find_ext(fix, PCI_EXT_CAP_ID_SRIOV);
	if (pos)
		dpath_cfgfake_expect_closed(test, fix, pos + 4, 0x3c);
}

/* Nothing of a hidden capability is there, at its address either. */
static void sound_hidden(struct kunit *test, const struct dpath_cfgfake *fix)
{
	const struct dpath_cfgcap *cap;
	unsigned int i, bad = 0;

	for (cap = fix->map.caps; cap < fix->map.caps + fix->map.nr; cap++) {
		/* The head of the extended list stays as a null capability that leads on. */
		i = cap->ext && cap->pos == 0x100 ? 4 : 0;
		for (; !cap->shown && i < cap->size; i++)
			bad += dpath_cfgfake_hard(fix, cap->pos + i, 1) || dpath_cfgfake_get(fix, cap->pos + i, 1);
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
}

void dpath_cfgfake_expect_sound(struct kunit *test, const struct dpath_cfgfake *fix)
{
	const u32 command = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE | PCI_COMMAND_PARITY;
	const struct dpath_cfgcap *cap;
	unsigned int i, bad = 0;

	sound_std_list(test, fix);
	sound_ext_list(test, fix);
	sound_kernel_registers(test, fix);
	sound_hidden(test, fix);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_hard(fix, PCI_COMMAND, 2), command);
	for (i = PCI_BASE_ADDRESS_0; i < 0x40; i += 4)
		KUNIT_EXPECT_EQ(test, dpath_cfgfake_hard(fix, i, 4), 0U);
	for (i = 0; i < fix->map.size; i++) {
		bad += fix->map.shadow[i] & ~fix->map.virt[i] ? 1 : 0;
		bad += fix->map.w1c[i] & fix->map.virt[i] ? 1 : 0;
		bad += !dpath_cfgmap_why(&fix->map, i);
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
	for (cap = fix->map.caps; cap < fix->map.caps + fix->map.nr; cap++) {
		KUNIT_EXPECT_GE(test, cap->size, 4);
		KUNIT_EXPECT_LE(test, (unsigned int)(cap->pos + cap->size), cap->ext ? fix->map.size : 0x100U);
	}
}

const char *dpath_cfgfake_list_std(struct kunit *test, const struct dpath_cfgfake *fix)
{
	char *text = kunit_kzalloc(test, 256, GFP_KERNEL);
	unsigned int pos, len = 0;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (pos = dpath_cfgfake_get(fix, PCI_CAPABILITY_LIST, 1); pos && len < 200; pos = dpath_cfgfake_get(fix, pos + 1, 1))
		len += scnprintf(text + len, 256 - len, "%s%x", len ? " " : "", dpath_cfgfake_get(fix, pos, 1));
	return text;
}

const char *dpath_cfgfake_list_ext(struct kunit *test, const struct dpath_cfgfake *fix)
{
	char *text = kunit_kzalloc(test, 256, GFP_KERNEL);
	unsigned int pos, len = 0;
	u32 head;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (pos = 0x100; pos && len < 200; pos = PCI_EXT_CAP_NEXT(head)) {
		head = dpath_cfgfake_get(fix, pos, 4);
		if (head)
			len += scnprintf(text + len, 256 - len, "%s%x", len ? " " : "", PCI_EXT_CAP_ID(head));
	}
	return text;
}
