// SPDX-License-Identifier: GPL-2.0
/*
 * directpath stats: counters of functions and VMs, once, every so many seconds (as rates from the second round on), or for Prometheus.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "act.h"
#include "cmd.h"
#include "names.h"
#include "show.h"

static const struct counter {
	const char *name;	/* JSON key; directpath_NAME_total for Prometheus */
	const char *head;
	const char *help;
	size_t offset;
	bool gauge;
	bool bytes;
} dev_counters[] = {
	{ "interrupts", "IRQS", "Interrupts delivered by the host handler.", offsetof(struct stats, interrupts), false, false },
	{ "storms", "STORMS", "Times the storm guard held a vector back.", offsetof(struct stats, storms), false, false },
	{ "errors_correctable", "CORR", "PCIe errors that were corrected.", offsetof(struct stats, correctable), false, false },
	{ "errors_nonfatal", "NONFATAL", "Uncorrectable PCIe errors that left the link working.", offsetof(struct stats, nonfatal), false, false },
	{ "errors_fatal", "FATAL", "Uncorrectable PCIe errors that had the link reset.", offsetof(struct stats, fatal), false, false },
	{ "errors_iommu", "DMA", "DMA accesses that the IOMMU refused, where its driver tells.", offsetof(struct stats, iommu), false, false },
	{ "config_reads", "CFG-RD", "Config space reads by the VMM.", offsetof(struct stats, config_reads), false, false },
	{ "config_writes", "CFG-WR", "Config space writes by the VMM.", offsetof(struct stats, config_writes), false, false },
	{ "config_denied", "DENIED", "Config writes dropped in whole or part.", offsetof(struct stats, config_denied), false, false },
	{ "region_reads", "BAR-RD", "BAR reads through the fd.", offsetof(struct stats, region_reads), false, false },
	{ "region_writes", "BAR-WR", "BAR writes through the fd.", offsetof(struct stats, region_writes), false, false },
	{ "mmio_faults", "FAULTS", "Page faults on BAR maps.", offsetof(struct stats, faults), false, false },
	{ "resets", "RESETS", "Resets done.", offsetof(struct stats, resets), false, false },
	{ "reset_failures", "FAILED", "Resets that failed.", offsetof(struct stats, reset_failures), false, false },
	{ "runs", "RUNS", "Times a VM ran it.", offsetof(struct stats, runs), false, false },
}, vm_counters[] = {
	{ "dma_maps", "MAPS", "DMA maps done.", offsetof(struct stats, maps), false, false },
	{ "dma_unmaps", "UNMAPS", "DMA unmaps done.", offsetof(struct stats, unmaps), false, false },
	{ "dma_map_microseconds", "MAP-US", "Microseconds spent in map.", offsetof(struct stats, map_us), false, false },
	{ "dma_unmap_microseconds", "UNMAP-US", "Microseconds spent in unmap.", offsetof(struct stats, unmap_us), false, false },
	{ "dma_mapped_bytes", "MAPPED", "Bytes mapped for DMA.", offsetof(struct stats, mapped), true, true },
	{ "pinned_bytes", "PINNED", "Bytes of memory pinned.", offsetof(struct stats, pinned), true, true },
	{ "dma_areas", "AREAS", "IOVA areas.", offsetof(struct stats, areas), true, false },
};

static uint64_t count_of(const struct stats *stats, const struct counter *counter)
{
	uint64_t value;

	memcpy(&value, (const char *)stats + counter->offset, sizeof(value));
	return value;
}

/* Does this kernel count it? */
static bool has_count(const struct stats *stats, const struct counter *counter)
{
	return counter->offset != offsetof(struct stats, correctable) || stats->has_correctable;
}

static const char *label_of(const struct stats *stats)
{
	return stats->address[0] ? stats->address : stats->vm;
}

/* Functions have an address, VMs only a name. */
static const struct counter *counters_of(const struct stats *stats, unsigned int *nr)
{
	*nr = stats->address[0] ? ARRAY_SIZE(dev_counters) : ARRAY_SIZE(vm_counters);
	return stats->address[0] ? dev_counters : vm_counters;
}

static json_t *json_register(const struct config_register *reg)
{
	json_t *object = json_object();

	json_object_set_new(object, "offset", json_integer(reg->offset));
	json_object_set_new(object, "where", json_text(reg->where));
	json_object_set_new(object, "writes", json_u64(reg->writes));
	json_object_set_new(object, "denied", json_u64(reg->denied));
	json_object_set_new(object, "denied_bits", json_integer(reg->bits));
	json_object_set_new(object, "why", reg->why[0] ? json_text(reg->why) : json_null());
	return object;
}

static json_t *json_stats(const struct stats *stats)
{
	json_t *object = json_object(), *array, *one;
	const struct counter *counters;
	unsigned int i, nr;

	if (stats->address[0])
		json_object_set_new(object, "bdf", json_text(stats->address));
	json_object_set_new(object, "vm", stats->vm[0] ? json_text(stats->vm) : json_null());
	counters = counters_of(stats, &nr);
	for (i = 0; i < nr; i++)
		json_object_set_new(object, counters[i].name, has_count(stats, &counters[i]) ? json_u64(count_of(stats, &counters[i])) : json_null());
	if (stats->address[0]) {
		json_object_set_new(object, "storm_rate", json_integer(stats->storm_rate));
		json_object_set_new(object, "storm_backoff_ms", json_integer(stats->storm_backoff));
		json_object_set_new(object, "errors_policy", json_string(error_policy_name(stats->error_policy)));
		json_object_set_new(object, "fault_limit", json_integer(stats->fault_limit));
		array = json_array();
		for (i = 0; i < stats->nr_vectors; i++) {
			one = json_object();
			json_object_set_new(one, "kind", json_string(irq_index_name(stats->vectors[i].index)));
			json_object_set_new(one, "n", json_integer(stats->vectors[i].number));
			json_object_set_new(one, "irq", json_integer(stats->vectors[i].irq));
			json_object_set_new(one, "count", json_u64(stats->vectors[i].count));
			json_object_set_new(one, "bypassed", json_boolean(stats->vectors[i].bypassed));
			json_object_set_new(one, "storms", json_u64(stats->vectors[i].storms));
			json_object_set_new(one, "held", json_boolean(stats->vectors[i].held));
			json_array_append_new(array, one);
		}
		json_object_set_new(object, "vectors", array);
		array = json_array();
		for (i = 0; i < stats->nr_registers; i++)
			json_array_append_new(array, json_register(&stats->registers[i]));
		json_object_set_new(object, "config_registers", array);
	}
	json_object_set_new(object, "seq", json_u64(stats->seq));
	return object;
}

static const struct stats *find_before(const struct stats_list *before, const struct stats *stats)
{
	unsigned int i;

	for (i = 0; before && i < before->nr; i++)
		if (!strcmp(label_of(&before->v[i]), label_of(stats)))
			return &before->v[i];
	return NULL;
}

static void add_row(struct table *table, const struct stats *stats, const struct stats *before, unsigned int seconds)
{
	const struct counter *counters;
	char values[TABLE_COLUMNS][24];
	const char *cells[TABLE_COLUMNS];
	unsigned int i, nr, n = 0;

	cells[n++] = label_of(stats);
	if (stats->address[0])
		cells[n++] = stats->vm;
	counters = counters_of(stats, &nr);
	for (i = 0; i < nr; i++) {
		uint64_t value = count_of(stats, &counters[i]);

		if (before && !counters[i].gauge)
			value = (value - count_of(before, &counters[i])) / seconds;
		if (!has_count(stats, &counters[i]))
			text_copy(values[i], sizeof(values[i]), "-");
		else if (counters[i].bytes)
			size_text(value, values[i], sizeof(values[i]));
		else
			snprintf(values[i], sizeof(values[i]), "%llu", ULL(value));
		cells[n++] = values[i];
	}
	table_row(table, cells, n);
}

static void print_kind(const struct stats_list *list, const struct stats_list *before, unsigned int seconds, bool vms)
{
	const struct counter *counters = vms ? vm_counters : dev_counters;
	unsigned int i, n = 0, nr = vms ? ARRAY_SIZE(vm_counters) : ARRAY_SIZE(dev_counters);
	const char *head[TABLE_COLUMNS];
	struct table table = {};

	head[n++] = vms ? "VM" : "DEVICE";
	if (!vms)
		head[n++] = "VM";
	for (i = 0; i < nr; i++)
		head[n++] = counters[i].head;
	table_row(&table, head, n);
	for (i = 0; i < list->nr; i++)
		if (!list->v[i].address[0] == vms)
			add_row(&table, &list->v[i], find_before(before, &list->v[i]), seconds);
	if (table.rows == 1)
		table_free(&table);
	table_print(&table);
}

static void print_vectors(const struct stats_list *list)
{
	unsigned int i, k;

	for (i = 0; i < list->nr; i++)
		for (k = 0; k < list->v[i].nr_vectors; k++) {
			const struct vector *v = &list->v[i].vectors[k];

			out_text("%s %s %u irq %u count %llu", list->v[i].address, irq_index_name(v->index), v->number, v->irq, ULL(v->count));
			if (v->storms)
				out_text(" storms %llu%s", ULL(v->storms), v->held ? " (held back)" : "");
			out_text("%s\n", v->bypassed ? " (KVM is connected)" : "");
		}
}

/* Only denials need somebody to look at them; the others are in -j. */
static void print_denials(const struct stats_list *list)
{
	const struct config_register *reg;
	unsigned int i, k;

	for (i = 0; i < list->nr; i++)
		for (k = 0; k < list->v[i].nr_registers; k++) {
			reg = &list->v[i].registers[k];
			if (reg->denied)
				out_text("%s config %#05x (%s) writes %llu denied %llu bits %#010x: %s\n", list->v[i].address, reg->offset, reg->where,
					 ULL(reg->writes), ULL(reg->denied), reg->bits, reg->why);
		}
}

static void print_stats(const struct stats_list *list, const struct stats_list *before, unsigned int seconds)
{
	json_t *array, *object;
	unsigned int i;

	if (!out_json()) {
		if (before)
			out_text("per second\n");
		print_kind(list, before, seconds, false);
		print_kind(list, before, seconds, true);
		if (!before) {
			print_vectors(list);
			print_denials(list);
		}
		fflush(stdout);
		return;
	}
	array = json_array();
	for (i = 0; i < list->nr; i++)
		json_array_append_new(array, json_stats(&list->v[i]));
	if (!seconds) {
		json_object_set_new(out_json(), "stats", array);
		return;
	}
	object = json_object();
	json_object_set_new(object, "schema", json_integer(1));
	json_object_set_new(object, "stats", array);
	out_json_line(object);
}

/* --- Prometheus text exposition format --- */

static void print_label(const char *name, const char *value, bool first)
{
	printf("%s%s=\"", first ? "" : ",", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			putchar('\\');
		if (*value == '\n')
			fputs("\\n", stdout);
		else
			putchar(*value);
	}
	putchar('"');
}

static void prom_counters(const struct stats_list *list, const struct counter *counters, size_t nr, bool vms)
{
	unsigned int i;
	size_t k;

	for (k = 0; k < nr; k++) {
		const char *suffix = counters[k].gauge ? "" : "_total";

		printf("# HELP directpath_%s%s %s\n", counters[k].name, suffix, counters[k].help);
		printf("# TYPE directpath_%s%s %s\n", counters[k].name, suffix, counters[k].gauge ? "gauge" : "counter");
		for (i = 0; i < list->nr; i++) {
			if (!list->v[i].address[0] != vms || !has_count(&list->v[i], &counters[k]))
				continue;
			printf("directpath_%s%s{", counters[k].name, suffix);
			print_label(vms ? "vm" : "bdf", label_of(&list->v[i]), true);
			printf("} %llu\n", ULL(count_of(&list->v[i], &counters[k])));
		}
	}
}

static void prom_vectors(const struct stats_list *list)
{
	char number[16];
	unsigned int i, k;

	printf("# HELP directpath_irq_total Interrupts delivered, by vector.\n# TYPE directpath_irq_total counter\n");
	for (i = 0; i < list->nr; i++)
		for (k = 0; k < list->v[i].nr_vectors; k++) {
			const struct vector *v = &list->v[i].vectors[k];

			snprintf(number, sizeof(number), "%u", v->number);
			printf("directpath_irq_total{");
			print_label("bdf", list->v[i].address, true);
			print_label("kind", irq_index_name(v->index), false);
			print_label("vector", number, false);
			printf("} %llu\n", ULL(v->count));
		}
}

static void prom_registers(const struct stats_list *list)
{
	const struct config_register *reg;
	char offset[16];
	unsigned int i, k;

	printf("# HELP directpath_config_register_denied_total Config writes dropped in whole or part, by dword.\n");
	printf("# TYPE directpath_config_register_denied_total counter\n");
	for (i = 0; i < list->nr; i++)
		for (k = 0; k < list->v[i].nr_registers; k++) {
			reg = &list->v[i].registers[k];
			if (!reg->denied)
				continue;
			snprintf(offset, sizeof(offset), "%#05x", reg->offset);
			printf("directpath_config_register_denied_total{");
			print_label("bdf", list->v[i].address, true);
			print_label("offset", offset, false);
			print_label("where", reg->where, false);
			printf("} %llu\n", ULL(reg->denied));
		}
}

static void prom_devices(const struct dev_list *devs, const struct stats_list *list)
{
	unsigned int i;

	printf("# HELP directpath_device_info Who has which function; join on bdf.\n# TYPE directpath_device_info gauge\n");
	for (i = 0; i < list->nr; i++) {
		const struct dev *dev = list->v[i].address[0] ? dev_list_find(devs, list->v[i].address) : NULL;

		if (!dev)
			continue;
		printf("directpath_device_info{");
		print_label("bdf", dev->address, true);
		print_label("name", dev->name, false);
		print_label("vm", dev->vm, false);
		print_label("label", dev->label, false);
		print_label("grade", dev->grade ? grade_name(dev->grade) : "", false);
		print_label("state", state_name(dev->state), false);
		printf("} 1\n");
	}
}

static void prom_host(const struct host *host)
{
	printf("# HELP directpath_vectors_used Interrupt vectors in use.\n# TYPE directpath_vectors_used gauge\n");
	printf("directpath_vectors_used %u\n", host->vectors_used);
	printf("# HELP directpath_vectors_budget Most vectors all VMs may have.\n# TYPE directpath_vectors_budget gauge\n");
	printf("directpath_vectors_budget %u\n", host->vector_budget);
	printf("# HELP directpath_events_total Events since the module was loaded.\n# TYPE directpath_events_total counter\n");
	printf("directpath_events_total %llu\n", ULL(host->seq));
}

static int print_prom(const struct stats_list *list)
{
	struct dev_list devs = {};
	struct host host;
	int ret;

	ret = kernel_dev_list(&devs);
	if (!ret)
		ret = kernel_host_get(&host);
	if (ret) {
		dev_list_free(&devs);
		return out_kernel_error("stats", ret, kernel_text());
	}
	prom_devices(&devs, list);
	prom_counters(list, dev_counters, ARRAY_SIZE(dev_counters), false);
	prom_vectors(list);
	prom_registers(list);
	prom_counters(list, vm_counters, ARRAY_SIZE(vm_counters), true);
	prom_host(&host);
	fflush(stdout);
	dev_list_free(&devs);
	return EXIT_DONE;
}

/* --- */

/* Whose counters; nothing selected means all. */
struct wanted {
	struct selection selection;
	const char *vm;
	bool some;
};

static int read_stats(const struct wanted *wanted, struct stats_list *list)
{
	unsigned int i;
	int ret = 0;

	memset(list, 0, sizeof(*list));
	if (!wanted->some) {
		ret = kernel_stats_list(list);
		/* A dump has no vectors and registers: ask again for functions that have some. */
		for (i = 0; !ret && i < list->nr; i++) {
			struct stats full;

			if (!list->v[i].address[0] || (!list->v[i].vm[0] && !list->v[i].config_denied) ||
			    kernel_stats_get(list->v[i].address, NULL, &full))
				continue;
			stats_free(&list->v[i]);
			list->v[i] = full;
		}
	} else if (wanted->vm) {
		ret = kernel_stats_get(NULL, wanted->vm, stats_list_add(list));
	}
	for (i = 0; !ret && wanted->some && i < wanted->selection.list.nr; i++)
		if (wanted->selection.marked[i])
			ret = kernel_stats_get(wanted->selection.list.v[i].address, NULL, stats_list_add(list));
	if (ret)
		stats_list_free(list);
	return ret ? out_kernel_error("stats", ret, kernel_text()) : EXIT_DONE;
}

/* The only word is a VM if there is one of that name, else a selector. */
static int load_wanted(int nr, char **argv, struct wanted *wanted)
{
	struct vm_list vms;
	int ret;

	memset(wanted, 0, sizeof(*wanted));
	ret = need_kernel();
	if (ret || !nr)
		return ret;
	wanted->some = true;
	ret = kernel_vm_list(&vms);
	if (ret)
		return out_kernel_error("stats", ret, kernel_text());
	if (nr == 1 && vm_list_find(&vms, argv[0]))
		wanted->vm = argv[0];
	vm_list_free(&vms);
	return wanted->vm ? EXIT_DONE : selection_load(&wanted->selection, nr, argv);
}

static int repeat(const struct wanted *wanted, unsigned int seconds, bool prom)
{
	struct stats_list list = {}, before = {};
	bool again = false;
	int ret;

	for (;;) {
		ret = read_stats(wanted, &list);
		if (ret)
			break;
		ret = EXIT_DONE;
		if (prom)
			ret = print_prom(&list);
		else
			print_stats(&list, again ? &before : NULL, seconds);
		stats_list_free(&before);
		before = list;
		again = true;
		if (ret || !seconds)
			break;
		nanosleep(&(struct timespec){ .tv_sec = seconds }, NULL);
	}
	stats_list_free(&before);
	return ret;
}

int cmd_stats(int argc, char **argv)
{
	static const char *const keywords[] = { "every", "prom", NULL };
	struct wanted wanted;
	uint32_t seconds = 0;
	bool prom = false;
	int ret, used, arg;

	if (argc && !strcmp(argv[0], "help"))
		return help_object("stats");
	if (argc && !strcmp(argv[0], "show")) {
		argc--;
		argv++;
	}
	ret = selection_words(argc, argv, keywords, false, &used);
	for (arg = used; !ret && arg < argc; arg++) {
		if (!strcmp(argv[arg], "prom"))
			prom = true;
		else if (!strcmp(argv[arg], "every") && arg + 1 < argc && parse_u32(argv[arg + 1], &seconds) && seconds)
			arg++;
		else
			ret = bad_word(argv[arg], "every SECS or prom");
	}
	if (!ret && prom && out_json())
		ret = out_error(EXIT_USAGE, "prom has a format of its own; leave out -j");
	if (ret)
		return ret;
	ret = load_wanted(used, argv, &wanted);
	if (!ret)
		ret = repeat(&wanted, seconds, prom);
	selection_free(&wanted.selection);
	return ret;
}
