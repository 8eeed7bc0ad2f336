// SPDX-License-Identifier: GPL-2.0
/*
 * Names, name patterns and PCI addresses as users write them. Pure: strings in, values out, no state and no lock.
 *
 * A name becomes a device node, a netlink attribute and a file name of the tool, so it is kept to what needs no quoting anywhere and cannot be
 * mistaken for an option, a path or a hidden file: 1 to DIRECTPATH_NAME_MAX of A-Z a-z 0-9 . _ -, the first one a letter or a digit. A pattern
 * is a shell glob over names. An address is written as the kernel prints it, in either case: "dddd:bb:dd.f" with exactly that many hexadecimal
 * digits, more in front only where the domain needs them (Intel VMD starts at 10000), or "bb:dd.f" in domain 0. "0:1f.2", a padded domain and
 * trailing blanks are refused, because an address that can be spelled in several ways ends up twice in a configuration.
 */

#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/glob.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <uapi/linux/directpath_nl.h>
#include <uapi/linux/pci.h>

#include "match.h"

#define SHORT_LEN 7 /* "bb:dd.f" */

/**
 * dpath_match_name_valid - may this be the name of a VM, a device group or a label
 * @name: NUL terminated
 *
 * Return: true if it may.
 */
bool dpath_match_name_valid(const char *name)
{
	size_t i, len = strnlen(name, DIRECTPATH_NAME_MAX + 1);

	if (!len || len > DIRECTPATH_NAME_MAX || !isascii(name[0]) || !isalnum(name[0]))
		return false;
	for (i = 1; i < len; i++) {
		if (!isascii(name[i]))
			return false;
		if (!isalnum(name[i]) && !strchr("._-", name[i]))
			return false;
	}
	return true;
}

/**
 * dpath_match_pattern - does a shell glob match a name
 * @pattern: glob with * ? [a-z] [!a-z] and backslash
 * @name: what to match, as a whole
 *
 * Return: true if it matches.
 */
bool dpath_match_pattern(const char *pattern, const char *name)
{
	return glob_match(pattern, name);
}

/* @digits hexadecimal digits, then @end; advances @text past both. */
static int parse_field(const char **text, unsigned int digits, char end, unsigned int *value)
{
	const char *p = *text;
	unsigned int n = 0;
	int nibble;

	while (digits--) {
		nibble = hex_to_bin(*p);
		if (nibble < 0)
			return -EINVAL;
		n = n << 4 | nibble;
		p++;
	}
	if (*p != end)
		return -EINVAL;
	*text = p + 1;
	*value = n;
	return 0;
}

/**
 * dpath_match_address - parse the address of a PCI function
 * @text: "dddd:bb:dd.f" or "bb:dd.f"
 * @domain: set to the PCI domain, 0 in the short form
 * @bus: set to the bus number
 * @devfn: set to device and function number as PCI_DEVFN() packs them
 *
 * Return: 0, or -EINVAL with nothing set.
 */
int dpath_match_address(const char *text, unsigned int *domain, unsigned int *bus, unsigned int *devfn)
{
	size_t digits = strnlen(text, DIRECTPATH_ADDRESS_MAX + 1);
	unsigned int d = 0, b, slot, fn;
	int ret;

	if (digits < SHORT_LEN || digits > DIRECTPATH_ADDRESS_MAX)
		return -EINVAL;
	if (digits > SHORT_LEN) {
		digits -= SHORT_LEN + 1;
		if (digits < 4 || (digits > 4 && *text == '0'))
			return -EINVAL;
		ret = parse_field(&text, digits, ':', &d);
		if (ret)
			return ret;
	}
	ret = parse_field(&text, 2, ':', &b);
	if (ret)
		return ret;
	ret = parse_field(&text, 2, '.', &slot);
	if (ret)
		return ret;
	ret = parse_field(&text, 1, '\0', &fn);
	if (ret)
		return ret;
	if (slot > 0x1f || fn > 7)
		return -EINVAL;
	*domain = d;
	*bus = b;
	*devfn = PCI_DEVFN(slot, fn);
	return 0;
}
