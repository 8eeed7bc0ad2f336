// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of config space: what any table must satisfy, and every id of the specification with its treatment, written down a second time.
 */

#include <kunit/test.h>
#include <linux/bitmap.h>

#include "../cfgperm.h"
#include "../cfgrule.c"

static void sound_rule(struct kunit *test, const struct dpath_cfg_rule *rule)
{
	const struct dpath_cfg_field *field;
	unsigned int end = 0;

	KUNIT_ASSERT_TRUE(test, rule->name && *rule->name);
	KUNIT_EXPECT_TRUE_MSG(test, rule->why && *rule->why, "%s", rule->name);
	KUNIT_EXPECT_LE_MSG(test, strlen(rule->name), (size_t)DPATH_CFG_NAME_MAX, "%s", rule->name);
	KUNIT_EXPECT_LE_MSG(test, strlen(rule->why), (size_t)DPATH_CFG_WHY_MAX, "%s", rule->name);
	KUNIT_EXPECT_FALSE_MSG(test, rule->how == DPATH_CFG_HIDE && rule->fields, "%s", rule->name);
	KUNIT_EXPECT_FALSE_MSG(test, rule->how != DPATH_CFG_HIDE && !rule->size && !rule->measure, "%s", rule->name);
	for (field = rule->fields; field && field->width; field++) {
		u32 fits = GENMASK(field->width * 8 - 1, 0);

		KUNIT_EXPECT_TRUE_MSG(test, field->why && *field->why, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_LE_MSG(test, strlen(field->why), (size_t)DPATH_CFG_WHY_MAX, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_GE_MSG(test, field->offset, end, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_EQ_MSG(test, field->offset % field->width, 0, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_EQ_MSG(test, (field->virt | field->write | field->w1c | field->zero) & ~fits, 0U, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_EQ_MSG(test, field->zero & ~field->virt, 0U, "%s+%#x", rule->name, field->offset);
		KUNIT_EXPECT_EQ_MSG(test, field->w1c & field->virt, 0U, "%s+%#x", rule->name, field->offset);
		if (rule->size)
			KUNIT_EXPECT_LE_MSG(test, field->offset + field->width, ALIGN(rule->size, 4), "%s+%#x", rule->name, field->offset);
		end = field->offset + field->width;
	}
}

/* Every id of the specifications has an entry; nothing else is shown. */
static void table_complete(struct kunit *test)
{
	static const u16 shown_ext[] = {
		PCI_EXT_CAP_ID_ERR, PCI_EXT_CAP_ID_VC, PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_ID_PWR, PCI_EXT_CAP_ID_VC9, PCI_EXT_CAP_ID_VNDR,
		PCI_EXT_CAP_ID_ACS, PCI_EXT_CAP_ID_LTR, 0x22, PCI_EXT_CAP_ID_DVSEC,
	};
	unsigned int id, i;

	sound_rule(test, &dpath_cfg_header_rule);
	sound_rule(test, &msi64_rule);
	sound_rule(test, &cxl_rule);
	sound_rule(test, &unknown_rule);
	for (id = 0; id < 0x10000; id++) {
		if (id < 0x100 && id <= 0x15) {
			sound_rule(test, dpath_cfg_rule_of(id, false));
			KUNIT_EXPECT_STRNEQ(test, dpath_cfg_rule_of(id, false)->name, "unknown");
		} else {
			KUNIT_EXPECT_PTR_EQ(test, dpath_cfg_rule_of(id, false), &unknown_rule);
		}
		if (id <= 0x36) {
			bool shown = false;

			sound_rule(test, dpath_cfg_rule_of(id, true));
			KUNIT_EXPECT_STRNEQ(test, dpath_cfg_rule_of(id, true)->name, "unknown");
			for (i = 0; i < ARRAY_SIZE(shown_ext); i++)
				shown |= shown_ext[i] == id;
			KUNIT_EXPECT_EQ_MSG(test, dpath_cfg_rule_of(id, true)->how != DPATH_CFG_HIDE, shown, "id %#x", id);
		} else if (dpath_cfg_rule_of(id, true) != &unknown_rule) {
			KUNIT_FAIL(test, "extended id %#x", id);
		}
	}
}

#define HIDE DPATH_CFG_HIDE
#define SHOWN DPATH_CFG_SHOW
#define RAWLY DPATH_CFG_RAW

/* What chapters 6 and 7 of the PCI Express base specification 6.0 and the older ones define, and what becomes of it. */
static const struct treated {
	u16 id;
	bool ext;
	enum dpath_cfg_how how;
	const char *why; /* words that the reason has */
} treated[] = {
	{ 0x00, false, HIDE, "header" },
	{ PCI_CAP_ID_PM, false, SHOWN, "tenant's within bounds" },
	{ PCI_CAP_ID_AGP, false, HIDE, "no IOMMU" },
	{ PCI_CAP_ID_VPD, false, SHOWN, "read-only" },
	{ PCI_CAP_ID_SLOTID, false, HIDE, "bridges" },
	{ PCI_CAP_ID_MSI, false, SHOWN, "kernel programs it" },
	{ PCI_CAP_ID_CHSWP, false, HIDE, "slot" },
	{ PCI_CAP_ID_PCIX, false, SHOWN, "status" },
	{ PCI_CAP_ID_HT, false, HIDE, "routes interrupts" },
	{ PCI_CAP_ID_VNDR, false, RAWLY, "drivers use it" },
	{ PCI_CAP_ID_DBG, false, HIDE, "console" },
	{ PCI_CAP_ID_CCRC, false, HIDE, "chassis" },
	{ PCI_CAP_ID_SHPC, false, HIDE, "bridges" },
	{ PCI_CAP_ID_SSVID, false, SHOWN, "read-only" },
	{ PCI_CAP_ID_AGP3, false, HIDE, "bridges" },
	{ PCI_CAP_ID_SECDEV, false, HIDE, "IOMMU" },
	{ PCI_CAP_ID_EXP, false, SHOWN, "link half the host's" },
	{ PCI_CAP_ID_MSIX, false, SHOWN, "kernel programs it" },
	{ PCI_CAP_ID_SATA, false, SHOWN, "registers" },
	{ PCI_CAP_ID_AF, false, SHOWN, "reset" },
	{ PCI_CAP_ID_EA, false, HIDE, "host addresses" },
	{ 0x15, false, HIDE, "bridges" },
	{ 0x00, true, HIDE, "header" },
	{ PCI_EXT_CAP_ID_ERR, true, SHOWN, "host handles" },
	{ PCI_EXT_CAP_ID_VC, true, SHOWN, "path is the host's" },
	{ PCI_EXT_CAP_ID_DSN, true, SHOWN, "read-only" },
	{ PCI_EXT_CAP_ID_PWR, true, SHOWN, "describes" },
	{ PCI_EXT_CAP_ID_RCLD, true, HIDE, "topology" },
	{ PCI_EXT_CAP_ID_RCILC, true, HIDE, "link of the host" },
	{ PCI_EXT_CAP_ID_RCEC, true, HIDE, "other functions" },
	{ PCI_EXT_CAP_ID_MFVC, true, HIDE, "other functions" },
	{ PCI_EXT_CAP_ID_VC9, true, SHOWN, "path is the host's" },
	{ PCI_EXT_CAP_ID_RCRB, true, HIDE, "root complex" },
	{ PCI_EXT_CAP_ID_VNDR, true, RAWLY, "drivers use it" },
	{ PCI_EXT_CAP_ID_CAC, true, HIDE, "another way" },
	{ PCI_EXT_CAP_ID_ACS, true, SHOWN, "isolation is the host's" },
	{ PCI_EXT_CAP_ID_ARI, true, HIDE, "function numbers" },
	{ PCI_EXT_CAP_ID_ATS, true, HIDE, "pass the IOMMU" },
	{ PCI_EXT_CAP_ID_SRIOV, true, HIDE, "nobody owns" },
	{ PCI_EXT_CAP_ID_MRIOV, true, HIDE, "several hosts" },
	{ PCI_EXT_CAP_ID_MCAST, true, HIDE, "reach others" },
	{ PCI_EXT_CAP_ID_PRI, true, HIDE, "page requests" },
	{ PCI_EXT_CAP_ID_AMD_XXX, true, HIDE, "cannot be known" },
	{ PCI_EXT_CAP_ID_REBAR, true, HIDE, "placed the BARs" },
	{ PCI_EXT_CAP_ID_DPA, true, HIDE, "budget" },
	{ PCI_EXT_CAP_ID_TPH, true, HIDE, "caches of the host" },
	{ PCI_EXT_CAP_ID_LTR, true, SHOWN, "drivers look" },
	{ PCI_EXT_CAP_ID_SECPCI, true, HIDE, "link" },
	{ PCI_EXT_CAP_ID_PMUX, true, HIDE, "protocols" },
	{ PCI_EXT_CAP_ID_PASID, true, HIDE, "address spaces" },
	{ 0x1c, true, HIDE, "cache lines" },
	{ PCI_EXT_CAP_ID_DPC, true, HIDE, "ports" },
	{ PCI_EXT_CAP_ID_L1SS, true, HIDE, "link" },
	{ PCI_EXT_CAP_ID_PTM, true, HIDE, "clock" },
	{ 0x20, true, HIDE, "link" },
	{ 0x21, true, HIDE, "root ports" },
	{ 0x22, true, SHOWN, "read-only" },
	{ PCI_EXT_CAP_ID_DVSEC, true, RAWLY, "as VSEC" },
	{ 0x24, true, HIDE, "placed the BARs" },
	{ PCI_EXT_CAP_ID_DLF, true, HIDE, "link" },
	{ PCI_EXT_CAP_ID_PL_16GT, true, HIDE, "link" },
	{ 0x27, true, HIDE, "link" },
	{ 0x28, true, HIDE, "host" },
	{ 0x29, true, HIDE, "enclosure" },
	{ 0x2a, true, HIDE, "link" },
	{ 0x2b, true, HIDE, "CXL" },
	{ 0x2c, true, HIDE, "firmware" },
	{ 0x2d, true, HIDE, "requester ids" },
	{ PCI_EXT_CAP_ID_DOE, true, HIDE, "host talks to it" },
	{ 0x2f, true, HIDE, "path" },
	{ 0x30, true, HIDE, "keys" },
	{ 0x31, true, HIDE, "link" },
	{ 0x32, true, HIDE, "link" },
	{ 0x33, true, HIDE, "link" },
	{ 0x34, true, HIDE, "link" },
	{ 0x35, true, HIDE, "path" },
	{ 0x36, true, HIDE, "ports" },
};

/* A kernel that knows more ids than the tables: each wants a decision. */
static_assert(PCI_CAP_ID_MAX <= 0x15);
static_assert(PCI_EXT_CAP_ID_MAX <= 0x36);

static void every_id_is_treated_as_written(struct kunit *test)
{
	DECLARE_BITMAP(std, 0x16) = {};
	DECLARE_BITMAP(ext, 0x37) = {};
	const struct treated *t;

	for (t = treated; t < treated + ARRAY_SIZE(treated); t++) {
		const struct dpath_cfg_rule *rule = dpath_cfg_rule_of(t->id, t->ext);

		KUNIT_EXPECT_PTR_NE_MSG(test, rule, &unknown_rule, "id %#x", t->id);
		KUNIT_EXPECT_EQ_MSG(test, rule->how, t->how, "%s", rule->name);
		KUNIT_EXPECT_TRUE_MSG(test, strstr(rule->why, t->why), "%s: '%s' is not in '%s'", rule->name, t->why, rule->why);
		KUNIT_EXPECT_FALSE_MSG(test, __test_and_set_bit(t->id, t->ext ? ext : std), "id %#x twice", t->id);
	}
	KUNIT_EXPECT_TRUE(test, bitmap_full(std, 0x16));
	KUNIT_EXPECT_TRUE(test, bitmap_full(ext, 0x37));
}

static struct kunit_case cfgrule_cases[] = {
	KUNIT_CASE(table_complete),
	KUNIT_CASE(every_id_is_treated_as_written),
	{}
};

static struct kunit_suite cfgrule_suite = {
	.name = "directpath_cfgrule",
	.test_cases = cfgrule_cases,
};

kunit_test_suite(cfgrule_suite);
