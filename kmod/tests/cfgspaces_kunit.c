// SPDX-License-Identifier: GPL-2.0
/*
 * Config space tables over devices that exist (cfgspaces.c), every byte of them: what a guest reads, what of its writes arrives.
 */

#include <kunit/test.h>

#include "cfgfake.h"
#include "cfgspaces.h"

/* Both lists as a guest walks them, as position:id. */
static const char *walk_as_guest(struct kunit *test, const struct dpath_cfgfake *fix, bool ext)
{
	unsigned int pos = ext ? 0x100 : dpath_cfgfake_get(fix, PCI_CAPABILITY_LIST, 1), len = 0, ttl = 48, id;
	char *text = kunit_kzalloc(test, 256, GFP_KERNEL);
	u32 head;

	KUNIT_ASSERT_NOT_NULL(test, text);
	if (ext ? fix->map.size <= 0x100 : !(dpath_cfgfake_get(fix, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return text;
	while (pos && ttl--) {
		head = dpath_cfgfake_get(fix, pos, 4);
		id = ext ? PCI_EXT_CAP_ID(head) : head & 0xff;
		if (id)
			len += scnprintf(text + len, 256 - len, "%s%x:%x", len ? " " : "", pos, id);
		pos = ext ? PCI_EXT_CAP_NEXT(head) : (head >> 8) & 0xff;
	}
	return text;
}

/* What a guest shall have of one byte. */
struct byte {
	u8 reads;
	u8 hard;
	u8 soft;
	bool link; /* of a list, and checked with it */
};

/* A byte of one of the registers that are listed; false: it is none. */
static bool listed(const struct dpath_cfgspace *space, unsigned int offset, struct byte *byte)
{
	const struct dpath_cfgspace_form *form;
	const struct dpath_cfgspace_reg *reg;
	unsigned int shift;

	for (form = space->forms; form->regs; form++) {
		for (reg = form->regs; reg->width; reg++) {
			if (offset < form->pos + reg->offset || offset >= form->pos + reg->offset + reg->width)
				continue;
			shift = (offset - form->pos - reg->offset) * 8;
			byte->reads = form->reads[reg - form->regs] >> shift;
			byte->hard = reg->hard >> shift;
			byte->soft = reg->soft >> shift;
			return true;
		}
	}
	return false;
}

static const struct dpath_cfgspace_cap *cap_at(const struct dpath_cfgspace *space, unsigned int offset)
{
	const struct dpath_cfgspace_cap *cap;

	for (cap = space->caps; cap->size; cap++)
		if (offset >= cap->pos && offset < cap->pos + cap->size)
			return cap;
	return NULL;
}

static struct byte expected(const struct dpath_cfgspace *space, const u8 *hw, unsigned int offset)
{
	const struct dpath_cfgspace_cap *cap = cap_at(space, offset);
	struct byte byte = {};

	if (listed(space, offset, &byte) || (cap && cap->how == CFGSPACE_HIDDEN))
		return byte;
	byte.link = cap && offset - cap->pos < (cap->pos < 0x100 ? 2 : 4);
	if (offset < 0x40 || cap)
		byte.reads = hw[offset];
	if (cap && cap->how == CFGSPACE_RAW && !byte.link)
		byte.hard = 0xff;
	if (offset >= 0x40 && offset < 0x100 && !cap) {
		byte.reads = hw[offset];
		byte.hard = 0xff;
	}
	return byte;
}

static void expect_bytes(struct kunit *test, const struct dpath_cfgfake *fix, const struct dpath_cfgspace *space)
{
	unsigned int i;

	for (i = 0; i < space->size; i++) {
		struct byte byte = expected(space, fix->bytes, i);
		struct dpath_cfg_bits bits = dpath_cfgmap_bits(&fix->map, i, 1);

		if (!byte.link)
			KUNIT_EXPECT_EQ_MSG(test, dpath_cfgfake_get(fix, i, 1), (u32)byte.reads, "%s: %#x", space->name, i);
		KUNIT_EXPECT_EQ_MSG(test, bits.write & ~bits.virt, (u32)byte.hard, "%s: %#x", space->name, i);
		KUNIT_EXPECT_EQ_MSG(test, bits.write & bits.virt, (u32)byte.soft, "%s: %#x", space->name, i);
	}
}

/* A guest that writes everything everywhere: what of it arrives. Error bits are cleared by a one, and never set. */
static void expect_writes(struct kunit *test, struct dpath_cfgfake *fix, const struct dpath_cfgspace *space, u32 value)
{
	u8 *before = kunit_kmalloc(test, DPATH_CFG_SIZE, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, before);
	memcpy(before, fix->bytes, DPATH_CFG_SIZE);
	for (i = 0; i < space->size; i += 4)
		dpath_cfgfake_set(fix, i, 4, value);
	for (i = 0; i < space->size; i++) {
		struct byte byte = expected(space, before, i);
		u8 w1c = dpath_cfgmap_bits(&fix->map, i, 1).w1c, now = fix->bytes[i];

		KUNIT_EXPECT_EQ_MSG(test, (now ^ before[i]) & ~byte.hard & ~w1c, 0, "%s: %#x", space->name, i);
		KUNIT_EXPECT_EQ_MSG(test, (now ^ value) & byte.hard & ~w1c, 0, "%s: %#x", space->name, i);
		KUNIT_EXPECT_EQ_MSG(test, dpath_cfgfake_get(fix, i, 1) & byte.soft, value & byte.soft, "%s: %#x", space->name, i);
	}
}

static void recorded_functions(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	const struct dpath_cfgspace *space;
	const struct dpath_cfgspace_cap *cap;
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	for (space = dpath_cfgspaces; space < dpath_cfgspaces + dpath_nr_cfgspaces; space++) {
		fix->fail_at = 0;
		KUNIT_ASSERT_TRUE_MSG(test, dpath_cfgspace_load(space, fix->bytes), "%s", space->name);
		KUNIT_ASSERT_EQ_MSG(test, dpath_cfgfake_build(fix, space->size), 0, "%s", space->name);
		KUNIT_EXPECT_STREQ_MSG(test, fix->map.flaw ?: "", "", "%s", space->name);
		for (nr = 0, cap = space->caps; cap->size; cap++)
			nr++;
		KUNIT_EXPECT_EQ_MSG(test, fix->map.nr, nr, "%s", space->name);
		KUNIT_EXPECT_STREQ_MSG(test, walk_as_guest(test, fix, false), space->std, "%s", space->name);
		KUNIT_EXPECT_STREQ_MSG(test, walk_as_guest(test, fix, true), space->ext, "%s", space->name);
		expect_bytes(test, fix, space);
		dpath_cfgfake_expect_sound(test, fix);
		expect_writes(test, fix, space, ~0U);
		expect_writes(test, fix, space, 0);
		/* However much was written, the lists are as they were. */
		KUNIT_EXPECT_STREQ_MSG(test, walk_as_guest(test, fix, false), space->std, "%s", space->name);
		KUNIT_EXPECT_STREQ_MSG(test, walk_as_guest(test, fix, true), space->ext, "%s", space->name);
	}
	KUNIT_EXPECT_GE(test, dpath_nr_cfgspaces, 8U);
}

static struct kunit_case cfgspaces_cases[] = {
	KUNIT_CASE(recorded_functions),
	{}
};

static struct kunit_suite cfgspaces_suite = {
	.name = "directpath_cfgspaces",
	.test_cases = cfgspaces_cases,
};

kunit_test_suite(cfgspaces_suite);
