// SPDX-License-Identifier: GPL-2.0
/*
 * Two fingerprints of a function: what differs, and whether an admin may accept that. Pure logic, no locks.
 */

#include <linux/kernel.h>
#include <linux/string.h>

#include "reset.h"

/**
 * struct findings - differences as one text
 * @text: room for it
 * @size: of @text
 * @len: used
 * @nr: differences
 */
struct findings {
	char *text;
	size_t size;
	size_t len;
	unsigned int nr;
};

static __printf(2, 3) void add_finding(struct findings *findings, const char *fmt, ...)
{
	va_list args;

	if (findings->nr++)
		findings->len += scnprintf(findings->text + findings->len, findings->size - findings->len, "; ");
	va_start(args, fmt);
	findings->len += vscnprintf(findings->text + findings->len, findings->size - findings->len, fmt, args);
	va_end(args);
}

static void compare_identity(const struct dpath_fingerprint *was, const struct dpath_fingerprint *is, struct findings *findings)
{
	if (was->vendor != is->vendor || was->device != is->device)
		add_finding(findings, "id was %04x:%04x, is %04x:%04x", was->vendor, was->device, is->vendor, is->device);
	if (was->class_revision != is->class_revision)
		add_finding(findings, "class and revision were %08x, are %08x", was->class_revision, is->class_revision);
	if (was->header_type != is->header_type)
		add_finding(findings, "header type was %02x, is %02x", was->header_type, is->header_type);
	if (was->subsystem != is->subsystem)
		add_finding(findings, "subsystem was %04x:%04x, is %04x:%04x", was->subsystem & 0xffff, was->subsystem >> 16,
			    is->subsystem & 0xffff, is->subsystem >> 16);
	if (was->dsn != is->dsn)
		add_finding(findings, "serial number was %016llx, is %016llx", was->dsn, is->dsn);
}

static void compare_layout(const struct dpath_fingerprint *was, const struct dpath_fingerprint *is, struct findings *findings)
{
	unsigned int i;

	if (was->caps_crc != is->caps_crc)
		add_finding(findings, "capability layout was %08x, is %08x", was->caps_crc, is->caps_crc);
	if (was->ecaps_crc != is->ecaps_crc)
		add_finding(findings, "extended capability layout was %08x, is %08x", was->ecaps_crc, is->ecaps_crc);
	if (was->rom_size != is->rom_size)
		add_finding(findings, "ROM size was %#x, is %#x", was->rom_size, is->rom_size);
	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (was->bar_size[i] != is->bar_size[i])
			add_finding(findings, "size of BAR %u was %#llx, is %#llx", i, was->bar_size[i], is->bar_size[i]);
		if (was->bar_flags[i] != is->bar_flags[i])
			add_finding(findings, "type of BAR %u was %#x, is %#x", i, was->bar_flags[i], is->bar_flags[i]);
	}
}

/**
 * dpath_fingerprint_compare - is it the same function with the same layout
 * @was: as claimed
 * @is: as found now
 * @why: names the differences, with both values, as far as there is room
 * @size: room in @why, not 0
 *
 * Return: 0 or -EBADE.
 */
int dpath_fingerprint_compare(const struct dpath_fingerprint *was, const struct dpath_fingerprint *is, char *why, size_t size)
{
	struct findings findings = { .text = why, .size = size };

	compare_identity(was, is, &findings);
	compare_layout(was, is, &findings);
	return findings.nr ? -EBADE : 0;
}

/**
 * dpath_fingerprint_acceptable - can the host go on with the function as it is now
 * @was: as claimed
 * @is: as found now
 *
 * A new firmware may show another revision, subsystem, serial number or other capabilities. Ids, header and BARs are what the host has its resources,
 * quirks and reset methods from: if they differ, it has to find the function anew.
 *
 * Return: true if it can.
 */
bool dpath_fingerprint_acceptable(const struct dpath_fingerprint *was, const struct dpath_fingerprint *is)
{
	return was->vendor == is->vendor && was->device == is->device && was->header_type == is->header_type && was->rom_size == is->rom_size &&
	       !memcmp(was->bar_size, is->bar_size, sizeof(was->bar_size)) && !memcmp(was->bar_flags, is->bar_flags, sizeof(was->bar_flags));
}
