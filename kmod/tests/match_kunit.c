// SPDX-License-Identifier: GPL-2.0
/*
 * Names, patterns and addresses: tables of what is taken and what is refused, and every address there is, written and read back.
 */

#include <kunit/test.h>

#include "../match.c"

#define A31 "abcdefghijklmnopqrstuvwxyz01234"

static void names_taken(struct kunit *test)
{
	static const char * const good[] = { "a", "Z", "0", "vm1", "web-01.prod_eu", "a..b", "9-", A31 };
	int i;

	KUNIT_ASSERT_EQ(test, strlen(A31), (size_t)DIRECTPATH_NAME_MAX);
	for (i = 0; i < ARRAY_SIZE(good); i++)
		KUNIT_EXPECT_TRUE_MSG(test, dpath_match_name_valid(good[i]), "%s", good[i]);
}

static void names_refused(struct kunit *test)
{
	static const char * const bad[] = {
		"", ".", "..", "-a", "_a", ".a", " a", "a ", "a b", "a/b", "/", "a\n", "a\t", "a*", "a?", "a[", "a\\", "a%s", "a,b", "a:b",
		"a@b", "a+b", "a\x7f", "\x80", "a\xc3\xa9", "\xe9t\xe9", "a\xff", A31 "5", A31 A31 A31,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_FALSE_MSG(test, dpath_match_name_valid(bad[i]), "%d: '%s'", i, bad[i]);
}

/* Every byte value at every place of the longest name. */
static void names_alphabet(struct kunit *test)
{
	char name[] = A31;
	unsigned int at;
	int c;

	for (at = 0; at < strlen(A31); at++) {
		for (c = 1; c < 256; c++) {
			bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

			name[at] = c;
			if (dpath_match_name_valid(name) != (alnum || (at && (c == '.' || c == '_' || c == '-'))))
				KUNIT_FAIL(test, "%#x at %u", c, at);
		}
		name[at] = A31[at];
	}
}

static void patterns(struct kunit *test)
{
	static const struct {
		const char *pattern;
		const char *name;
		bool match;
	} cases[] = {
		{ "*", "anything", true },
		{ "web-*", "web-01", true },
		{ "web-*", "web", false },
		{ "web-*", "xweb-01", false },
		{ "web-?", "web-1", true },
		{ "web-?", "web-11", false },
		{ "vm[0-3]", "vm2", true },
		{ "vm[0-3]", "vm4", false },
		{ "vm[!0-3]", "vm4", true },
		{ "a*b*c", "axxbyyc", true },
		{ "a*b*c", "axxbyy", false },
		{ "exact", "exact", true },
		{ "exact", "Exact", false },
		{ "", "a", false },
		{ "vm[", "vm1", false },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, dpath_match_pattern(cases[i].pattern, cases[i].name), cases[i].match, "%s on %s", cases[i].pattern,
				    cases[i].name);
}

/* What a pattern of letters, ? and * matches, by its definition. */
static bool model_match(const char *pattern, const char *name)
{
	if (*pattern == '*')
		return model_match(pattern + 1, name) || (*name && model_match(pattern, name + 1));
	if (!*pattern || !*name)
		return *pattern == *name;
	return (*pattern == '?' || *pattern == *name) && model_match(pattern + 1, name + 1);
}

/* The text with this number, of up to five letters of an alphabet. */
static void nth_text(unsigned int n, const char *alphabet, char *text)
{
	for (; n; n = (n - 1) / strlen(alphabet))
		*text++ = alphabet[(n - 1) % strlen(alphabet)];
	*text = '\0';
}

/* Every pattern of up to five of these letters on every name of up to five. */
static void patterns_all(struct kunit *test)
{
	char pattern[6], name[6];
	unsigned int p, n;

	for (p = 0; p < 1 + 4 + 16 + 64 + 256 + 1024; p++) {
		nth_text(p, "ab?*", pattern);
		for (n = 0; n < 1 + 2 + 4 + 8 + 16 + 32; n++) {
			nth_text(n, "ab", name);
			if (dpath_match_pattern(pattern, name) != model_match(pattern, name))
				KUNIT_FAIL(test, "'%s' on '%s'", pattern, name);
		}
	}
}

static void addresses_taken(struct kunit *test)
{
	static const struct {
		const char *text;
		unsigned int domain, bus, devfn;
	} cases[] = {
		{ "0000:00:00.0", 0, 0, PCI_DEVFN(0, 0) },
		{ "0000:01:1f.7", 0, 1, PCI_DEVFN(0x1f, 7) },
		{ "01:1f.7", 0, 1, PCI_DEVFN(0x1f, 7) },
		{ "ffff:ff:1f.7", 0xffff, 0xff, PCI_DEVFN(0x1f, 7) },
		{ "ABCD:eF:0a.1", 0xabcd, 0xef, PCI_DEVFN(0x0a, 1) },
		{ "10000:e1:00.0", 0x10000, 0xe1, PCI_DEVFN(0, 0) },
		{ "fffffff:00:00.0", 0xfffffff, 0, PCI_DEVFN(0, 0) },
	};
	unsigned int domain, bus, devfn;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ_MSG(test, dpath_match_address(cases[i].text, &domain, &bus, &devfn), 0, "%s", cases[i].text);
		KUNIT_EXPECT_EQ(test, domain, cases[i].domain);
		KUNIT_EXPECT_EQ(test, bus, cases[i].bus);
		KUNIT_EXPECT_EQ(test, devfn, cases[i].devfn);
	}
}

static void addresses_refused(struct kunit *test)
{
	static const char * const bad[] = {
		"", "0", ":", "00:00", "00:00.", "00:00.8", "00:20.0", "00:00.00", "0:00.0", "00:0.0", "000:00.0", "00:00.0 ", " 00:00.0",
		"00:00.0\n", "00-00.0", "00:00:0", "00.00.0", "0g:00.0", "00:0g.0", "00:00.g", "000:00:00.0", "00:00:00.0", "0:00:00.0", ":00:00.0",
		"0000:00:00.8", "0000:00:20.0", "0000:00:00.0x", "0000:0000:00.0", "00000:00:00.0", "010000:00:00.0", "0x00:00:00.0",
		"0000:00:00,0", "0000.00:00.0", "ffffffff:00:00.0", "-001:00:00.0", "+001:00:00.0", "0000:00:1f.-", "nvme0",
	};
	unsigned int domain = 77, bus = 78, devfn = 79;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, dpath_match_address(bad[i], &domain, &bus, &devfn), -EINVAL, "'%s'", bad[i]);
	KUNIT_EXPECT_EQ(test, domain, 77U);
	KUNIT_EXPECT_EQ(test, bus, 78U);
	KUNIT_EXPECT_EQ(test, devfn, 79U);
}

/* What may stand at a place of an address: 'x' any hexadecimal digit, '1' 0 or 1, '7' 0 to 7, 'z' any but 0, or the sign itself. */
static bool may_stand(char form, int c)
{
	switch (form) {
	case 'x':
		return isxdigit(c) && isascii(c);
	case 'z':
		return may_stand('x', c) && c != '0';
	case '1':
		return c == '0' || c == '1';
	case '7':
		return c >= '0' && c <= '7';
	default:
		return c == form;
	}
}

/* Every byte at every place of an address of each form; and one more or less of them. */
static void addresses_disturbed(struct kunit *test)
{
	static const char * const forms[][2] = {
		{ "xx:1x.7", "3b:1f.6" }, { "xxxx:xx:1x.7", "0aF0:3b:0c.1" }, { "zxxxx:xx:1x.7", "10000:e1:00.0" },
		{ "zxxxxxx:xx:1x.7", "fffffff:00:1f.7" },
	};
	unsigned int domain, bus, devfn, form, at;
	char text[DIRECTPATH_ADDRESS_MAX + 3];
	bool longer;
	int c;

	for (form = 0; form < ARRAY_SIZE(forms); form++) {
		size_t len = strlen(forms[form][0]);

		for (at = 0; at < len; at++) {
			for (c = 1; c < 256; c++) {
				strscpy(text, forms[form][1], sizeof(text));
				text[at] = c;
				if (!dpath_match_address(text, &domain, &bus, &devfn) != may_stand(forms[form][0][at], c))
					KUNIT_FAIL(test, "%#x at %u of %s", c, at, forms[form][1]);
				memmove(text + at + 1, forms[form][1] + at, len - at + 1);
				/* A digit more is right in a domain only, if that is not padded. */
				longer = form && at <= len - 8 && len < DIRECTPATH_ADDRESS_MAX && may_stand('x', c) && text[0] != '0';
				if (!dpath_match_address(text, &domain, &bus, &devfn) != longer)
					KUNIT_FAIL(test, "%#x inserted at %u of %s", c, at, forms[form][1]);
			}
			strscpy(text, forms[form][1], sizeof(text));
			text[at] = '\0';
			KUNIT_EXPECT_EQ_MSG(test, dpath_match_address(text, &domain, &bus, &devfn), -EINVAL, "'%s'", text);
		}
	}
}

/* Bus, device and function in full, in both forms. */
static void addresses_all(struct kunit *test)
{
	unsigned int domain, bus, devfn, b, df, wrong = 0;
	char text[DIRECTPATH_ADDRESS_MAX + 1];

	for (b = 0; b < 256; b++) {
		for (df = 0; df < 256; df++) {
			snprintf(text, sizeof(text), "%04x:%02x:%02x.%x", b << 8 | df, b, PCI_SLOT(df), PCI_FUNC(df));
			if (dpath_match_address(text, &domain, &bus, &devfn) || domain != (b << 8 | df) || bus != b || devfn != df)
				wrong++;
			if (dpath_match_address(text + 5, &domain, &bus, &devfn) || domain || bus != b || devfn != df)
				wrong++;
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
}

static struct kunit_case match_cases[] = {
	KUNIT_CASE(names_taken),
	KUNIT_CASE(names_refused),
	KUNIT_CASE(names_alphabet),
	KUNIT_CASE(patterns),
	KUNIT_CASE(patterns_all),
	KUNIT_CASE(addresses_taken),
	KUNIT_CASE(addresses_refused),
	KUNIT_CASE(addresses_disturbed),
	KUNIT_CASE(addresses_all),
	{}
};

static struct kunit_suite match_suite = {
	.name = "directpath_match",
	.test_cases = match_cases,
};

kunit_test_suite(match_suite);
