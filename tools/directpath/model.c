// SPDX-License-Identifier: GPL-2.0
/*
 * Storage of the plain structs of model.h. Lists grow by one; memory that cannot be had ends the program.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static void die_memory(void)
{
	fputs("directpath: out of memory\n", stderr);
	exit(2);
}

void text_copy(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die_memory();
	return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ? n : 1, size);
	if (!p)
		die_memory();
	return p;
}

void reasons_add(struct reasons *reasons, const struct reason *reason)
{
	reasons->v = xrealloc(reasons->v, reasons->nr + 1, sizeof(*reasons->v));
	reasons->v[reasons->nr++] = *reason;
}

void reasons_free(struct reasons *reasons)
{
	free(reasons->v);
	reasons->v = NULL;
	reasons->nr = 0;
}

void dev_add_member(struct dev *dev, const char *address)
{
	dev->members = xrealloc(dev->members, dev->nr_members + 1, sizeof(*dev->members));
	snprintf(dev->members[dev->nr_members++], ADDRESS_SIZE, "%s", address);
}

void dev_free(struct dev *dev)
{
	reasons_free(&dev->reasons);
	free(dev->members);
}

struct dev *dev_list_add(struct dev_list *list)
{
	struct dev *dev;

	list->v = xrealloc(list->v, list->nr + 1, sizeof(*list->v));
	dev = &list->v[list->nr++];
	memset(dev, 0, sizeof(*dev));
	dev->numa = -1;
	return dev;
}

static int compare_devs(const void *a, const void *b)
{
	return address_compare(((const struct dev *)a)->address, ((const struct dev *)b)->address);
}

void dev_list_sort(struct dev_list *list)
{
	if (list->nr)
		qsort(list->v, list->nr, sizeof(*list->v), compare_devs);
}

void dev_list_free(struct dev_list *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		dev_free(&list->v[i]);
	free(list->v);
	list->v = NULL;
	list->nr = 0;
}

struct dev *dev_list_find(const struct dev_list *list, const char *address)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		if (!strcmp(list->v[i].address, address))
			return &list->v[i];
	return NULL;
}

void vm_add_device(struct vm *vm, const char *address)
{
	vm->devices = xrealloc(vm->devices, vm->nr_devices + 1, sizeof(*vm->devices));
	snprintf(vm->devices[vm->nr_devices++], ADDRESS_SIZE, "%s", address);
}

void vm_free(struct vm *vm)
{
	free(vm->devices);
}

struct vm *vm_list_add(struct vm_list *list)
{
	struct vm *vm;

	list->v = xrealloc(list->v, list->nr + 1, sizeof(*list->v));
	vm = &list->v[list->nr++];
	memset(vm, 0, sizeof(*vm));
	return vm;
}

struct vm *vm_list_find(const struct vm_list *list, const char *name)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		if (!strcmp(list->v[i].name, name))
			return &list->v[i];
	return NULL;
}

void vm_list_free(struct vm_list *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		vm_free(&list->v[i]);
	free(list->v);
	list->v = NULL;
	list->nr = 0;
}

void op_result_free(struct op_result *op)
{
	reasons_free(&op->reasons);
}

struct vector *stats_add_vector(struct stats *stats)
{
	struct vector *vector;

	stats->vectors = xrealloc(stats->vectors, stats->nr_vectors + 1, sizeof(*stats->vectors));
	vector = &stats->vectors[stats->nr_vectors++];
	memset(vector, 0, sizeof(*vector));
	return vector;
}

struct config_register *stats_add_register(struct stats *stats)
{
	struct config_register *reg;

	stats->registers = xrealloc(stats->registers, stats->nr_registers + 1, sizeof(*stats->registers));
	reg = &stats->registers[stats->nr_registers++];
	memset(reg, 0, sizeof(*reg));
	return reg;
}

void stats_free(struct stats *stats)
{
	free(stats->registers);
	free(stats->vectors);
}

struct stats *stats_list_add(struct stats_list *list)
{
	struct stats *stats;

	list->v = xrealloc(list->v, list->nr + 1, sizeof(*list->v));
	stats = &list->v[list->nr++];
	memset(stats, 0, sizeof(*stats));
	return stats;
}

void stats_list_free(struct stats_list *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		stats_free(&list->v[i]);
	free(list->v);
	list->v = NULL;
	list->nr = 0;
}

static bool take_hex(const char **text, unsigned int min, unsigned int max, char end, unsigned int *value)
{
	const char *p = *text;
	unsigned int n = 0;

	*value = 0;
	while (n < max && isxdigit((unsigned char)*p)) {
		*value = *value << 4 | (unsigned int)(isdigit((unsigned char)*p) ? *p - '0' : tolower((unsigned char)*p) - 'a' + 10);
		p++;
		n++;
	}
	if (n < min || *p != end)
		return false;
	*text = end ? p + 1 : p;
	return true;
}

static bool take_address(const char *text, bool has_domain, unsigned int f[4])
{
	f[0] = 0;
	if (has_domain && !take_hex(&text, 4, 8, ':', &f[0]))
		return false;
	return take_hex(&text, 2, 2, ':', &f[1]) && take_hex(&text, 2, 2, '.', &f[2]) && take_hex(&text, 1, 1, '\0', &f[3]) &&
	       f[2] <= 0x1f && f[3] <= 7;
}

bool address_parse(const char *text, char out[ADDRESS_SIZE])
{
	char buf[32];
	unsigned int f[4];

	if (!take_address(text, true, f) && !take_address(text, false, f))
		return false;
	if (snprintf(buf, sizeof(buf), "%04x:%02x:%02x.%x", f[0], f[1], f[2], f[3]) >= ADDRESS_SIZE)
		return false;
	memcpy(out, buf, strlen(buf) + 1);
	return true;
}

int address_compare(const char *a, const char *b)
{
	unsigned int x[4] = {}, y[4] = {}, i;

	if (!take_address(a, true, x) || !take_address(b, true, y))
		return strcmp(a, b);
	for (i = 0; i < 4; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}
