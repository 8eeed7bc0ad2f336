// SPDX-License-Identifier: GPL-2.0
/*
 * Config space tables: the merge against its definition for every combination of one bit, and the walk on a function as it should be, on a small one
 * and on some that are none. Real functions are in cfgspaces_kunit.c, hostile and random ones in cfgwild_kunit.c.
 */

#include <kunit/test.h>

#include "../cfgperm.c"
#include "cfgfake.h"

/* One bit in every combination of masks and values, in every lane. */
static void merge_definition(struct kunit *test)
{
	unsigned int combo, shift, wrong = 0;

	for (shift = 0; shift < 32; shift++) {
		for (combo = 0; combo < 64; combo++) {
			bool virt = combo & 1, write = combo & 2, w1c = combo & 4, shadow = combo & 8, hw = combo & 16, value = combo & 32;
			struct dpath_cfg_bits bits = {
				.virt = virt << shift, .write = write << shift, .w1c = w1c << shift, .shadow = (u32)shadow << shift,
			};
			struct dpath_cfg_write out = dpath_cfg_merge_write(&bits, (u32)hw << shift, (u32)value << shift);
			bool reads = virt ? shadow : hw;
			bool to_hw = write && !virt ? value : w1c ? false : hw;

			wrong += dpath_cfg_merge_read(&bits, (u32)hw << shift) != (u32)reads << shift;
			wrong += out.shadow != (u32)(virt && write ? value : shadow) << shift;
			wrong += out.hw != (u32)to_hw << shift;
			wrong += out.lanes != (write && !virt ? 0xffU << (shift & ~7) : 0);
			wrong += out.denied != (u32)(!write && value != reads) << shift;
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
}

static void load_store(struct kunit *test)
{
	u8 bytes[6] = { 0xaa, 1, 2, 3, 4, 0xaa };

	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes + 1, 1), 0x01U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes + 1, 2), 0x0201U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes + 1, 4), 0x04030201U);
	dpath_cfg_store(bytes + 1, 2, 0x8765cdef);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes, 4), 0x03cdefaaU);
	dpath_cfg_store(bytes + 1, 4, 0x8765cdef);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(bytes + 1, 4), 0x8765cdefU);
	KUNIT_EXPECT_EQ(test, bytes[0], 0xaa);
	KUNIT_EXPECT_EQ(test, bytes[5], 0xaa);
}

/* They fit into what shows them. */
static void rules_of_places(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, strlen(specific_rule.name), (size_t)DPATH_CFG_NAME_MAX);
	KUNIT_EXPECT_LE(test, strlen(specific_rule.why), (size_t)DPATH_CFG_WHY_MAX);
	KUNIT_EXPECT_LE(test, strlen(nowhere_rule.name), (size_t)DPATH_CFG_NAME_MAX);
	KUNIT_EXPECT_LE(test, strlen(nowhere_rule.why), (size_t)DPATH_CFG_WHY_MAX);
}

static void good_function(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	u32 value;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	dpath_cfgfake_put_good(fix);
	KUNIT_ASSERT_EQ(test, dpath_cfgfake_build(fix, 4096), 0);
	KUNIT_EXPECT_PTR_EQ(test, fix->map.flaw, NULL);
	dpath_cfgfake_expect_sound(test, fix);
	KUNIT_EXPECT_STREQ(test, dpath_cfgfake_list_std(test, fix), "1 5 10 11 9");
	/* ATS is the head: a null capability stays in its place. */
	KUNIT_EXPECT_STREQ(test, dpath_cfgfake_list_ext(test, fix), "0 1 3 b");
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x100, 4), 0x11000000U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x110, 4), 0x1a020001U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x1b0, 4), 0x0001000bU);

	/* Command: bus master and memory persist, SERR# and INTx disable do not reach the hardware. */
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, PCI_COMMAND, 2), (u32)PCI_COMMAND_MEMORY);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_set(fix, PCI_COMMAND, 2, 0x0546), 0U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, PCI_COMMAND, 2), 0x0546U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + PCI_COMMAND, 2), 0x0146U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_set(fix, PCI_COMMAND, 2, 0x0546 | PCI_COMMAND_SPECIAL), (u32)PCI_COMMAND_SPECIAL);
	/* Status is not cleared by a write that does not mean it. */
	dpath_cfgfake_put(fix, PCI_STATUS, 2, 0xf910);
	dpath_cfgfake_set(fix, PCI_COMMAND, 4, 0x00100006);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + PCI_STATUS, 2), 0x0010U);

	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, PCI_BASE_ADDRESS_0, 4), 0U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_set(fix, PCI_VENDOR_ID, 4, 0x00101b37), 1U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, PCI_VENDOR_ID, 4), 0x00101b36U);

	/* PM: no wake-ups, PowerState in the shadow. */
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x42, 2), 0x0603U);
	dpath_cfgfake_set(fix, 0x44, 2, 0x8103);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x44, 2), 0x000bU);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + 0x44, 2), 0x0108U);

	/* MSI and MSI-X: everything may be written, nothing arrives. */
	dpath_cfgfake_set(fix, 0x50, 4, ~0U);
	dpath_cfgfake_set(fix, 0x54, 4, 0xfee01004);
	dpath_cfgfake_set(fix, 0x60, 4, 0x55);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x50, 4), 0x01f17005U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x54, 4), 0xfee01004U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x60, 4), 0x55U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + 0x50, 4), 0x01807005U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + 0x54, 4), 0U);
	dpath_cfgfake_set(fix, 0xb2, 2, 0xffff);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0xb2, 2), 0xc040U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + 0xb2, 2), 0x0040U);

	/* PCI Express: phantom functions never, no-snoop and relaxed ordering in the hardware, the rest in the shadow. */
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x70 + PCI_EXP_DEVCAP, 4), PCI_EXP_DEVCAP_FLR | 1);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_set(fix, 0x70 + PCI_EXP_DEVCTL, 2, 0x7fff), (u32)PCI_EXP_DEVCTL_PHANTOM);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x70 + PCI_EXP_DEVCTL, 2), 0x7dffU);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + 0x70 + PCI_EXP_DEVCTL, 2), 0x2910U);
	dpath_cfgfake_set(fix, 0x70 + PCI_EXP_LNKCTL, 2, 0x0003);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + 0x70 + PCI_EXP_LNKCTL, 2), 0U);

	/* Vendor specific: raw but for the header. */
	dpath_cfgfake_set(fix, 0xc4, 4, 0xa5a5a5a5);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + 0xc4, 4), 0xa5a5a5a5U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_set(fix, 0xc0, 2, 0x4005), 0x400cU);
	/* Device specific space between capabilities: raw; a hidden capability and what is behind it: closed. */
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_set(fix, 0x48, 4, 0x77), 0U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x48, 4), 0x77U);
	dpath_cfgfake_expect_closed(test, fix, 0xd0, 0x30);

	/* AER: the host's; masks are only pretended. */
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_set(fix, 0x110 + PCI_ERR_UNCOR_STATUS, 4, 0), 0x00100000U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x110 + PCI_ERR_UNCOR_STATUS, 4), 0x00100000U);
	dpath_cfgfake_set(fix, 0x110 + PCI_ERR_UNCOR_MASK, 4, ~0U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x110 + PCI_ERR_UNCOR_MASK, 4), ~0U);
	KUNIT_EXPECT_EQ(test, dpath_cfg_load(fix->bytes + 0x110 + PCI_ERR_UNCOR_MASK, 4), 0U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x1a4, 4), 0xdeadbeefU);
	/* VSEC: its 0x18 bytes are raw, what follows is closed. */
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_set(fix, 0x1c4, 4, 0x99), 0U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_set(fix, 0x1c8, 4, 0x99), 0x99U);
	value = dpath_cfg_load(fix->bytes + 0x1c4, 4);
	KUNIT_EXPECT_EQ(test, value, 0x99U);
	dpath_cfgfake_expect_closed(test, fix, 0x104, 12);
	dpath_cfgfake_expect_closed(test, fix, 0x150, 0x50);

	KUNIT_EXPECT_NOT_NULL(test, dpath_cfgmap_find(&fix->map, PCI_CAP_ID_MSIX, false));
	KUNIT_EXPECT_PTR_EQ(test, dpath_cfgmap_find(&fix->map, PCI_EXT_CAP_ID_ATS, true), NULL);
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_why(&fix->map, 0x106), "translated requests pass the IOMMU by");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_why(&fix->map, 0x48), "drivers use it");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_why(&fix->map, 0x800), "belongs to no capability");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, PCI_COMMAND), "header");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, 0x48), "device specific");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, 0x72), "PCI Express");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, 0x106), "ATS");
	KUNIT_EXPECT_STREQ(test, dpath_cfgmap_where(&fix->map, 0x800), "unused");
}

/* 256 bytes: no extended list, whatever is there. */
static void small_function(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	dpath_cfgfake_put_good(fix);
	KUNIT_ASSERT_EQ(test, dpath_cfgfake_build(fix, 256), 0);
	dpath_cfgfake_expect_sound(test, fix);
	KUNIT_EXPECT_STREQ(test, dpath_cfgfake_list_std(test, fix), "1 5 10 11 9");
	KUNIT_EXPECT_PTR_EQ(test, dpath_cfgmap_find(&fix->map, PCI_EXT_CAP_ID_DSN, true), NULL);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_build(fix, 1024), -EINVAL);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_build(fix, 0), -EINVAL);
}

static void wrong_functions(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	int i, ret;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	memset(fix->bytes, 0xff, sizeof(fix->bytes));
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_build(fix, 4096), -ENODEV);
	dpath_cfgfake_put_good(fix);
	dpath_cfgfake_put(fix, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_build(fix, 4096), -EINVAL);
	dpath_cfgfake_put(fix, PCI_HEADER_TYPE, 1, 0x80);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_build(fix, 4096), 0);
	/* A virtual function: ones for ids. */
	dpath_cfgfake_put(fix, PCI_VENDOR_ID, 4, ~0U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_build(fix, 4096), 0);
	/* An error of the reader at any point comes back. */
	for (i = 1; i < 400; i++) {
		dpath_cfgfake_put_good(fix);
		fix->fail_at = i;
		ret = dpath_cfgfake_build(fix, 4096);
		if (!ret)
			break;
		KUNIT_EXPECT_EQ(test, ret, -EIO);
	}
	KUNIT_EXPECT_GT(test, i, 50);
	KUNIT_EXPECT_LT(test, i, 400);
}

/* The list bit, or nothing to show. */
static void no_lists(struct kunit *test)
{
	struct dpath_cfgfake *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	dpath_cfgfake_put_header(fix, 0);
	dpath_cfgfake_put(fix, PCI_CAPABILITY_LIST, 1, 0x40);
	dpath_cfgfake_put_cap(fix, 0x40, PCI_CAP_ID_PM, 0, 0);
	KUNIT_ASSERT_EQ(test, dpath_cfgfake_build(fix, 4096), 0);
	KUNIT_EXPECT_EQ(test, fix->map.nr, 1U);	/* the null capability at 0x100 */
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, PCI_CAPABILITY_LIST, 1), 0U);
	dpath_cfgfake_expect_sound(test, fix);

	dpath_cfgfake_put_header(fix, 0x40);
	dpath_cfgfake_put_cap(fix, 0x40, PCI_CAP_ID_HT, 0x60, 0);
	dpath_cfgfake_put_cap(fix, 0x60, 0x77, 0, 0);
	dpath_cfgfake_put_ecap(fix, 0x100, PCI_EXT_CAP_ID_ATS, 1, 0x200);
	dpath_cfgfake_put_ecap(fix, 0x200, PCI_EXT_CAP_ID_ARI, 1, 0);
	KUNIT_ASSERT_EQ(test, dpath_cfgfake_build(fix, 4096), 0);
	KUNIT_EXPECT_PTR_EQ(test, fix->map.flaw, NULL);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, PCI_CAPABILITY_LIST, 1), 0U);
	KUNIT_EXPECT_EQ(test, dpath_cfgfake_get(fix, 0x100, 4), 0U);
	/* Unknown ones close everything up to the next capability. */
	dpath_cfgfake_expect_closed(test, fix, 0x40, 0xc0);
	dpath_cfgfake_expect_sound(test, fix);
}

static struct kunit_case cfgperm_cases[] = {
	KUNIT_CASE(merge_definition),
	KUNIT_CASE(load_store),
	KUNIT_CASE(rules_of_places),
	KUNIT_CASE(good_function),
	KUNIT_CASE(small_function),
	KUNIT_CASE(wrong_functions),
	KUNIT_CASE(no_lists),
	{}
};

static struct kunit_suite cfgperm_suite = {
	.name = "directpath_cfgperm",
	.test_cases = cfgperm_cases,
};

kunit_test_suite(cfgperm_suite);
