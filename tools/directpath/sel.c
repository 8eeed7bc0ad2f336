// SPDX-License-Identifier: GPL-2.0
/*
 * Selectors of functions, see sel.h.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "names.h"
#include "safety.h"
#include "sel.h"
#include "sysfs.h"

/* "3b:00" or "0000:3b:00" is a slot: an address that lacks the function. */
static bool parse_slot(const char *word, char out[ADDRESS_SIZE])
{
	char full[32];

	if (snprintf(full, sizeof(full), "%s.0", word) >= (int)sizeof(full))
		return false;
	return address_parse(full, out);
}

static const char *after_prefix(const char *word, const char *prefix)
{
	size_t len = strlen(prefix);

	return !strncmp(word, prefix, len) ? word + len : NULL;
}

static bool parse_id(const char *text, unsigned int *vendor, unsigned int *device)
{
	char tail;

	return sscanf(text, "%4x:%4x%c", vendor, device, &tail) == 2 && strlen(text) == 9;
}

static bool parse_number(const char *text, unsigned int *value)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)*text))
		return false;
	n = strtoul(text, &end, 10);
	*value = (unsigned int)n;
	return !*end && n <= 0xffffffffUL;
}

static bool valid_name(const char *text)
{
	size_t i, len = strlen(text);

	if (!len || len > DIRECTPATH_NAME_MAX || !isalnum((unsigned char)text[0]))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i]))
			return false;
	return true;
}

bool sel_valid(const char *word, char *why, size_t size)
{
	char address[ADDRESS_SIZE];
	unsigned int a, b;
	const char *rest;

	if (address_parse(word, address) || parse_slot(word, address))
		return true;
	rest = after_prefix(word, "id:");
	if (rest) {
		snprintf(why, size, "'%s': write id:10de:2330", word);
		return parse_id(rest, &a, &b);
	}
	rest = after_prefix(word, "class:");
	if (rest) {
		snprintf(why, size, "'%s': no class of that name; e.g. nvme eth gpu vga 3d audio usb sata, or class:0108", word);
		return class_name_valid(rest);
	}
	rest = after_prefix(word, "set:");
	if (rest) {
		snprintf(why, size, "'%s': a set is a number", word);
		return parse_number(rest, &a);
	}
	rest = after_prefix(word, "label:");
	if (!rest)
		rest = after_prefix(word, "name:");
	if (!rest && (after_prefix(word, "if:") || after_prefix(word, "blk:"))) {
		snprintf(why, size, "'%s': which one?", word);
		rest = strchr(word, ':') + 1;
		return *rest && !strchr(rest, '/');
	}
	snprintf(why, size, "'%s' is no selector: 0000:3b:00.0, 3b:00, id:10de:2330, class:nvme, label:x, name:x, set:12, if:ens3 or blk:nvme0n1",
		 word);
	return valid_name(rest ? rest : word);
}

static bool same_slot(const char *address, const char *slot)
{
	const char *dot = strrchr(slot, '.');

	return !strncmp(address, slot, (size_t)(dot - slot) + 1);
}

static unsigned int mark_address(const char *address, const struct dev_list *list, bool *marked)
{
	const struct dev *dev = dev_list_find(list, address);

	if (dev)
		marked[dev - list->v] = true;
	return dev ? 1 : 0;
}

static bool matches(const struct dev *dev, const char *word)
{
	unsigned int vendor, device, set;
	const char *rest;

	rest = after_prefix(word, "id:");
	if (rest)
		return parse_id(rest, &vendor, &device) && dev->vendor == vendor && dev->device == device;
	rest = after_prefix(word, "class:");
	if (rest)
		return class_matches(dev->class, rest);
	rest = after_prefix(word, "set:");
	if (rest)
		return parse_number(rest, &set) && dev->has_set && dev->set == set;
	rest = after_prefix(word, "label:");
	if (rest)
		return !strcmp(dev->label, rest);
	rest = after_prefix(word, "name:");
	return !strcmp(dev->name, rest ? rest : word);
}

static unsigned int mark_netdev(const char *name, const struct dev_list *list, bool *marked)
{
	struct functions functions;
	char path[PATH_SIZE];
	const char *address;

	sysfs_path(path, "/sys/class/net/%s/device", name);
	address = sysfs_function(path, &functions);
	return address ? mark_address(address, list, marked) : 0;
}

struct disk_marks {
	const struct dev_list *list;
	bool *marked;
	unsigned int n;
};

static void mark_disk(const char *address, const char *disk, void *ctx)
{
	struct disk_marks *marks = ctx;

	(void)disk;
	marks->n += mark_address(address, marks->list, marks->marked);
}

static unsigned int mark_block(const char *name, const struct dev_list *list, bool *marked)
{
	struct disk_marks marks = { .list = list, .marked = marked };
	struct functions functions;
	char path[PATH_SIZE];
	const char *address;

	/* nvme1 is a controller, not a disk. */
	sysfs_path(path, "/sys/class/nvme/%s", name);
	address = sysfs_function(path, &functions);
	if (address)
		return mark_address(address, list, marked);
	safety_disk_functions(name, mark_disk, &marks);
	return marks.n;
}

unsigned int sel_mark(const char *word, const struct dev_list *list, bool *marked)
{
	char address[ADDRESS_SIZE];
	unsigned int i, n = 0;
	bool slot = false;

	if (address_parse(word, address))
		return mark_address(address, list, marked);
	slot = parse_slot(word, address);
	if (!slot && after_prefix(word, "if:"))
		return mark_netdev(word + 3, list, marked);
	if (!slot && after_prefix(word, "blk:"))
		return mark_block(word + 4, list, marked);
	for (i = 0; i < list->nr; i++) {
		if (slot ? !same_slot(list->v[i].address, address) : !matches(&list->v[i], word))
			continue;
		marked[i] = true;
		n++;
	}
	return n;
}
