// SPDX-License-Identifier: GPL-2.0
/*
 * What is pure about resets: fingerprints that differ in one or more of their parts, what of that may be accepted, and policies as text.
 */

#include <kunit/test.h>
#include <linux/string.h>

#include "../fingerprint_compare.c"
#include "../reset_policy.c"

static const struct dpath_fingerprint sample = {
	.valid = true,
	.vendor = 0x8086,
	.device = 0x10d3,
	.class_revision = 0x02000000,
	.subsystem = 0x00018086,
	.header_type = 0x00,
	.dsn = 0x525400ffff123456ULL,
	.caps_crc = 0x12345678,
	.ecaps_crc = 0x9abcdef0,
	.rom_size = 0x40000,
	.bar_flags = { 0x200, 0x200, 0x01000100, 0x200 },
	.bar_size = { 0x20000, 0x20000, 0x20, 0x4000 },
};

/* One change each: what is said, and whether the host could go on with it. */
static const struct {
	size_t offset;
	size_t size;
	bool acceptable;
	const char *said;
} parts[] = {
	{ offsetof(struct dpath_fingerprint, vendor), 2, false, "id was 8086:10d3, is 8087:10d3" },
	{ offsetof(struct dpath_fingerprint, device), 2, false, "id was 8086:10d3, is 8086:10d2" },
	{ offsetof(struct dpath_fingerprint, class_revision), 4, true, "class and revision were 02000000, are 02000001" },
	{ offsetof(struct dpath_fingerprint, subsystem), 4, true, "subsystem was 8086:0001, is 8087:0001" },
	{ offsetof(struct dpath_fingerprint, header_type), 1, false, "header type was 00, is 01" },
	{ offsetof(struct dpath_fingerprint, dsn), 8, true, "serial number was 525400ffff123456, is 525400ffff123457" },
	{ offsetof(struct dpath_fingerprint, caps_crc), 4, true, "capability layout was 12345678, is 12345679" },
	{ offsetof(struct dpath_fingerprint, ecaps_crc), 4, true, "extended capability layout was 9abcdef0, is 9abcdef1" },
	{ offsetof(struct dpath_fingerprint, rom_size), 4, false, "ROM size was 0x40000, is 0x40001" },
	{ offsetof(struct dpath_fingerprint, bar_flags[2]), 4, false, "type of BAR 2 was 0x1000100, is 0x1000101" },
	{ offsetof(struct dpath_fingerprint, bar_size[0]), 8, false, "size of BAR 0 was 0x20000, is 0x20001" },
	{ offsetof(struct dpath_fingerprint, bar_size[5]), 8, false, "size of BAR 5 was 0x0, is 0x1" },
};

static void flip(struct dpath_fingerprint *fp, unsigned int part)
{
	((u8 *)fp)[parts[part].offset] ^= 1;
}

static void same_is_same(struct kunit *test)
{
	struct dpath_fingerprint is = sample;
	char why[128] = "";

	KUNIT_EXPECT_EQ(test, 0, dpath_fingerprint_compare(&sample, &is, why, sizeof(why)));
	KUNIT_EXPECT_STREQ(test, why, "");
	KUNIT_EXPECT_TRUE(test, dpath_fingerprint_acceptable(&sample, &is));
}

/* Each part counts by itself, and every byte of it. */
static void each_part_counts(struct kunit *test)
{
	struct dpath_fingerprint is;
	unsigned int i, byte;
	char why[128];

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		is = sample;
		flip(&is, i);
		why[0] = '\0';
		KUNIT_EXPECT_EQ(test, -EBADE, dpath_fingerprint_compare(&sample, &is, why, sizeof(why)));
		KUNIT_EXPECT_STREQ(test, why, parts[i].said);
		KUNIT_EXPECT_EQ_MSG(test, parts[i].acceptable, dpath_fingerprint_acceptable(&sample, &is), "%s", why);
		for (byte = 0; byte < parts[i].size; byte++) {
			is = sample;
			((u8 *)&is)[parts[i].offset + byte] ^= 0x80;
			KUNIT_EXPECT_EQ(test, -EBADE, dpath_fingerprint_compare(&sample, &is, why, sizeof(why)));
			KUNIT_EXPECT_EQ(test, parts[i].acceptable, dpath_fingerprint_acceptable(&sample, &is));
		}
	}
}

static void all_are_named(struct kunit *test)
{
	struct dpath_fingerprint is = sample;
	bool acceptable = true;
	char why[1024] = "";
	unsigned int i;

	for (i = 2; i < ARRAY_SIZE(parts); i++) {
		flip(&is, i);
		acceptable &= parts[i].acceptable;
		KUNIT_EXPECT_EQ(test, acceptable, dpath_fingerprint_acceptable(&sample, &is));
	}
	KUNIT_EXPECT_EQ(test, -EBADE, dpath_fingerprint_compare(&sample, &is, why, sizeof(why)));
	for (i = 2; i < ARRAY_SIZE(parts); i++)
		KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(why, parts[i].said), "'%s' is not in '%s'", parts[i].said, why);
}

/* The text is cut, never the verdict; nothing is written behind its end. */
static void text_is_cut(struct kunit *test)
{
	struct dpath_fingerprint is = sample;
	char why[64];
	size_t size;

	flip(&is, 2);
	flip(&is, 3);
	flip(&is, 5);
	for (size = 1; size < sizeof(why); size++) {
		memset(why, '#', sizeof(why));
		KUNIT_EXPECT_EQ(test, -EBADE, dpath_fingerprint_compare(&sample, &is, why, size));
		KUNIT_EXPECT_EQ(test, strnlen(why, sizeof(why)), size - 1);
		KUNIT_EXPECT_EQ(test, why[size], '#');
	}
}

static void policies(struct kunit *test)
{
	static const struct {
		const char *text;
		const char *again;	/* NULL: refused */
	} cases[] = {
		{ "", "default" }, { "default", "default" }, { "none", "none" }, { "flr", "flr" }, { "flr,bus", "flr,bus" },
		{ "bus, flr", "bus,flr" }, { "af_flr", "af" }, { "device_specific,slot", "device-specific,slot" },
		{ "device-specific,acpi,flr,af,pm,bus,slot", "device-specific,acpi,flr,af,pm,bus,slot" },
		{ "flr,flr", NULL }, { "flr,none", NULL }, { "none,flr", NULL }, { "none,none", NULL }, { "flr,", NULL }, { ",", NULL },
		{ "FLR", NULL },
		{ "flr,default", NULL }, { "reset", NULL }, { "flr;bus", NULL },
		{ "flr,flrflrflrflrflrflrflrflrflrflrflrflrflrflrflrflrflrflrflrflrflrflr", NULL },
	};
	struct dpath_reset_policy policy, again;
	const char *why;
	char text[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&policy, 0x5a, sizeof(policy));
		again = policy;
		why = NULL;
		if (!cases[i].again) {
			KUNIT_EXPECT_EQ_MSG(test, -EINVAL, dpath_reset_parse_policy(cases[i].text, &policy, &why), "'%s'", cases[i].text);
			KUNIT_EXPECT_NOT_NULL(test, why);
			KUNIT_EXPECT_EQ(test, 0, memcmp(&policy, &again, sizeof(policy)));
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, 0, dpath_reset_parse_policy(cases[i].text, &policy, &why), "'%s'", cases[i].text);
		dpath_reset_format_policy(&policy, text, sizeof(text));
		KUNIT_EXPECT_STREQ(test, text, cases[i].again);
		KUNIT_EXPECT_EQ(test, 0, dpath_reset_parse_policy(text, &again, &why));
		KUNIT_EXPECT_EQ(test, 0, memcmp(&policy, &again, sizeof(policy)));
	}
}

static struct kunit_case reset_cases[] = {
	KUNIT_CASE(same_is_same),
	KUNIT_CASE(each_part_counts),
	KUNIT_CASE(all_are_named),
	KUNIT_CASE(text_is_cut),
	KUNIT_CASE(policies),
	{}
};

static struct kunit_suite reset_suite = {
	.name = "directpath_reset",
	.test_cases = reset_cases,
};

kunit_test_suite(reset_suite);
