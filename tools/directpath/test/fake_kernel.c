// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel for the tests, in place of nl.c: $DIRECTPATH_FAKE/kernel.json is what it knows, and is written back when an operation changes it;
 * $DIRECTPATH_FAKE/log gets a line for every request; $DIRECTPATH_FAKE/root stands before /sys, /proc and /run.
 */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "nl.h"
#include "sysfs.h"

static json_t *kernel;
static char text[512];
static char root_path[4096];
static struct op_request last;
static char last_address[ADDRESS_SIZE];

static const char *fake_path(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", getenv("DIRECTPATH_FAKE"), name);
	return path;
}

__attribute__((constructor)) static void set_root(void)
{
	if (!getenv("DIRECTPATH_FAKE"))
		return;
	snprintf(root_path, sizeof(root_path), "%s/root", getenv("DIRECTPATH_FAKE"));
	sysfs_root = root_path;
}

__printf(1, 2) static void log_line(const char *fmt, ...)
{
	FILE *file = fopen(fake_path("log"), "a");
	va_list args;

	if (!file)
		return;
	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	fputc('\n', file);
	fclose(file);
}

int kernel_connect(void)
{
	json_error_t error;

	text[0] = '\0';
	if (kernel)
		return 0;
	kernel = json_load_file(fake_path("kernel.json"), 0, &error);
	if (kernel)
		return 0;
	if (error.line > 0)
		fprintf(stderr, "kernel.json: line %d: %s\n", error.line, error.text);
	snprintf(text, sizeof(text), "the kernel module is not loaded; try: modprobe directpath");
	return -ENOENT;
}

void kernel_disconnect(void)
{
	json_decref(kernel);
	kernel = NULL;
}

const char *kernel_text(void)
{
	return text;
}

static void save(void)
{
	json_dump_file(kernel, fake_path("kernel.json"), JSON_INDENT(1));
}

static void get_text(const json_t *object, const char *key, char *buf, size_t size)
{
	const char *value = json_string_value(json_object_get(object, key));

	snprintf(buf, size, "%s", value ? value : "");
}

static unsigned int get_hex(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? (unsigned int)strtoul(value, NULL, 16) : 0;
}

static uint64_t get_number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void load_reasons(const json_t *array, struct reasons *reasons)
{
	size_t i;
	json_t *one;

	json_array_foreach(array, i, one) {
		struct reason reason = {};

		reason.code = (unsigned int)reason_by_name(json_string_value(json_object_get(one, "code")));
		reason.blocking = json_is_true(json_object_get(one, "blocking"));
		reason.forceable = json_is_true(json_object_get(one, "forceable"));
		get_text(one, "culprit", reason.culprit, sizeof(reason.culprit));
		get_text(one, "fix", reason.fix, sizeof(reason.fix));
		reasons_add(reasons, &reason);
	}
}

static void load_storm(const json_t *one, struct storm *storm)
{
	storm->has_rate = json_object_get(one, "storm_rate");
	storm->has_backoff = json_object_get(one, "storm_backoff");
	storm->rate = (unsigned int)get_number(one, "storm_rate");
	storm->backoff = (unsigned int)get_number(one, "storm_backoff");
}

static void store_storm(json_t *one, const char *whose, const struct storm_change *change)
{
	if (!storm_given(change))
		return;
	log_line("storm %s%s", whose, change->forget ? " default" : "");
	if (change->forget) {
		json_object_del(one, "storm_rate");
		json_object_del(one, "storm_backoff");
	}
	if (change->set.has_rate)
		json_object_set_new(one, "storm_rate", json_integer(change->set.rate));
	if (change->set.has_backoff)
		json_object_set_new(one, "storm_backoff", json_integer(change->set.backoff));
}

static void store_error_policy(json_t *one, const char *whose, bool given, unsigned int policy)
{
	if (!given)
		return;
	log_line("errors %s %u", whose, policy);
	json_object_set_new(one, "error_policy", json_integer(policy));
}

static void store_fault_limit(json_t *one, const char *whose, bool given, unsigned int limit)
{
	if (!given)
		return;
	log_line("faults %s %u", whose, limit);
	if (limit == DIRECTPATH_FAULT_LIMIT_DEFAULT)
		json_object_del(one, "fault_limit");
	else
		json_object_set_new(one, "fault_limit", json_integer(limit));
}

static void load_dev(const json_t *one, struct dev *dev)
{
	const char *grade = json_string_value(json_object_get(one, "grade"));
	json_t *value;
	size_t i;

	get_text(one, "bdf", dev->address, sizeof(dev->address));
	get_text(one, "name", dev->name, sizeof(dev->name));
	get_text(one, "label", dev->label, sizeof(dev->label));
	get_text(one, "driver", dev->driver, sizeof(dev->driver));
	get_text(one, "host_driver", dev->host_driver, sizeof(dev->host_driver));
	get_text(one, "vm", dev->vm, sizeof(dev->vm));
	get_text(one, "detail", dev->detail, sizeof(dev->detail));
	get_text(one, "reset_methods", dev->reset_methods, sizeof(dev->reset_methods));
	get_text(one, "reset_policy", dev->reset_policy, sizeof(dev->reset_policy));
	get_text(one, "cause", dev->cause, sizeof(dev->cause));
	get_text(one, "clean_hook", dev->clean_hook, sizeof(dev->clean_hook));
	load_storm(one, &dev->storm);
	dev->error_policy = (unsigned int)get_number(one, "error_policy");
	dev->has_fault_limit = json_object_get(one, "fault_limit");
	dev->fault_limit = (unsigned int)get_number(one, "fault_limit");
	dev->errors = get_number(one, "errors");
	value = json_object_get(one, "accepted");
	if (value) {
		dev->accepted.time = get_number(value, "time");
		dev->accepted.uid = (unsigned int)get_number(value, "uid");
		dev->accepted.pid = (unsigned int)get_number(value, "pid");
		get_text(value, "comm", dev->accepted.comm, sizeof(dev->accepted.comm));
		get_text(value, "change", dev->accepted.change, sizeof(dev->accepted.change));
	}
	dev->vendor = get_hex(one, "vendor");
	dev->device = get_hex(one, "device");
	dev->class = get_hex(one, "class");
	value = json_object_get(one, "state");
	dev->state = value ? (unsigned int)state_by_name(json_string_value(value)) : DIRECTPATH_STATE_HOST;
	value = json_object_get(one, "prev_state");
	dev->has_prev_state = value;
	if (value)
		dev->prev_state = (unsigned int)state_by_name(json_string_value(value));
	dev->has_verdict = true;
	value = json_object_get(one, "verdict");
	dev->verdict = value ? (unsigned int)verdict_by_name(json_string_value(value)) : DIRECTPATH_VERDICT_OK;
	dev->grade = grade ? (unsigned int)(*grade - 'A' + 1) : 0;
	load_reasons(json_object_get(one, "reasons"), &dev->reasons);
	value = json_object_get(one, "set");
	dev->has_set = value;
	dev->set = (unsigned int)json_integer_value(value);
	value = json_object_get(one, "numa");
	dev->numa = value ? (int)json_integer_value(value) : -1;
	dev->msix = (unsigned int)get_number(one, "msix");
	dev->seq = get_number(one, "seq");
	json_array_foreach(json_object_get(one, "bars"), i, value)
		dev->bars[dev->nr_bars++] = (struct bar){ .index = (unsigned int)i, .size = (uint64_t)json_integer_value(value) };
}

int kernel_dev_list(struct dev_list *list)
{
	json_t *one;
	size_t i;

	memset(list, 0, sizeof(*list));
	json_array_foreach(json_object_get(kernel, "devices"), i, one)
		load_dev(one, dev_list_add(list));
	dev_list_sort(list);
	return 0;
}

static json_t *find(const char *array, const char *key, const char *value)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(kernel, array), i, one)
		if (json_is_string(json_object_get(one, key)) && !strcmp(json_string_value(json_object_get(one, key)), value))
			return one;
	return NULL;
}

int kernel_dev_set(const char *address, const struct dev_change *change)
{
	const char *name = change->name, *label = change->label, *reset_policy = change->reset_policy;
	json_t *one = find("devices", "bdf", address);

	log_line("dev-set %s name=%s label=%s reset=%s%s%s", address, name ? name : "(same)", label ? label : "(same)",
		 reset_policy ? reset_policy : "(same)", change->clean_hook ? " clean=" : "", change->clean_hook ? change->clean_hook : "");
	if (name && find("devices", "name", name)) {
		snprintf(text, sizeof(text), "%s: name %s is in use by another device", address, name);
		return -EEXIST;
	}
	if (name)
		json_object_set_new(one, "name", json_string(name));
	if (label)
		json_object_set_new(one, "label", json_string(label));
	if (reset_policy)
		json_object_set_new(one, "reset_policy", json_string(reset_policy));
	if (change->clean_hook)
		json_object_set_new(one, "clean_hook", json_string(change->clean_hook));
	store_storm(one, address, &change->storm);
	store_error_policy(one, address, change->has_error_policy, change->error_policy);
	store_fault_limit(one, address, change->has_fault_limit, change->fault_limit);
	save();
	return 0;
}

int kernel_host_get(struct host *host)
{
	const json_t *one = json_object_get(kernel, "host");

	memset(host, 0, sizeof(*host));
	get_text(one, "version", host->version, sizeof(host->version));
	get_text(one, "iommu", host->iommu, sizeof(host->iommu));
	host->has_facts = true;
	host->intremap = json_is_true(json_object_get(one, "intremap"));
	host->posted = (unsigned int)get_number(one, "posted");
	get_text(one, "posted_source", host->posted_source, sizeof(host->posted_source));
	host->bypassed = (unsigned int)get_number(one, "bypassed");
	host->vector_budget = (unsigned int)get_number(one, "vector_budget");
	host->vectors_used = (unsigned int)get_number(one, "vectors_used");
	host->unbind_ms = 30000;
	host->reset_ms = 60000;
	host->revoke_ms = 5000;
	host->adhoc = json_is_true(json_object_get(one, "adhoc"));
	host->seq = 4711;
	return 0;
}

int kernel_host_set(const struct host_change *change)
{
	int i;

	for (i = 0; i < HOST_NR_FIELDS; i++)
		if (change->given[i])
			log_line("host-set %d=%u", i, change->value[i]);
	if (change->given[HOST_ADHOC])
		json_object_set_new(json_object_get(kernel, "host"), "adhoc", json_boolean(change->value[HOST_ADHOC]));
	save();
	return 0;
}

static void load_vm(const json_t *one, struct vm *vm)
{
	json_t *value;
	size_t i;

	get_text(one, "name", vm->name, sizeof(vm->name));
	get_text(one, "cause", vm->cause, sizeof(vm->cause));
	get_text(one, "cpus", vm->cpus, sizeof(vm->cpus));
	load_storm(one, &vm->storm);
	vm->error_policy = (unsigned int)get_number(one, "error_policy");
	vm->fault_limit = (unsigned int)get_number(one, "fault_limit");
	vm->uid = (unsigned int)get_number(one, "uid");
	vm->gid = (unsigned int)get_number(one, "gid");
	vm->max_devices = (unsigned int)get_number(one, "max_devices");
	vm->max_vectors = (unsigned int)get_number(one, "max_vectors");
	vm->max_pinned = get_number(one, "max_pinned");
	vm->pinned = get_number(one, "pinned");
	vm->pid = (unsigned int)get_number(one, "pid");
	vm->state = vm->pid ? DIRECTPATH_VM_STATE_RUNNING : DIRECTPATH_VM_STATE_OFF;
	vm->seq = get_number(one, "seq");
	json_array_foreach(json_object_get(one, "devices"), i, value)
		vm_add_device(vm, json_string_value(value));
}

int kernel_vm_list(struct vm_list *list)
{
	json_t *one;
	size_t i;

	memset(list, 0, sizeof(*list));
	json_array_foreach(json_object_get(kernel, "vms"), i, one)
		load_vm(one, vm_list_add(list));
	return 0;
}

static void store_vm(json_t *one, const struct vm_change *change)
{
	json_object_set_new(one, "name", json_string(change->name));
	if (change->has_uid)
		json_object_set_new(one, "uid", json_integer(change->uid));
	if (change->has_gid)
		json_object_set_new(one, "gid", json_integer(change->gid));
	if (change->has_max_devices)
		json_object_set_new(one, "max_devices", json_integer(change->max_devices));
	if (change->has_max_vectors)
		json_object_set_new(one, "max_vectors", json_integer(change->max_vectors));
	if (change->has_max_pinned)
		json_object_set_new(one, "max_pinned", json_integer((json_int_t)change->max_pinned));
	if (change->cpus)
		json_object_set_new(one, "cpus", json_string(change->cpus));
	store_storm(one, change->name, &change->storm);
	store_error_policy(one, change->name, change->has_error_policy, change->error_policy);
	store_fault_limit(one, change->name, change->has_fault_limit, change->fault_limit);
	save();
}

int kernel_vm_new(const struct vm_change *change)
{
	json_t *one = json_object();

	log_line("vm-new %s", change->name);
	json_array_append_new(json_object_get(kernel, "vms"), one);
	store_vm(one, change);
	return 0;
}

int kernel_vm_set(const struct vm_change *change)
{
	log_line("vm-set %s", change->name);
	store_vm(find("vms", "name", change->name), change);
	return 0;
}

int kernel_vm_del(const char *name)
{
	json_t *array = json_object_get(kernel, "vms"), *one;
	size_t i;

	log_line("vm-del %s", name);
	one = find("vms", "name", name);
	if (json_array_size(json_object_get(one, "devices"))) {
		snprintf(text, sizeof(text), "VM %s: it has devices; detach them first", name);
		return -EBUSY;
	}
	for (i = 0; i < json_array_size(array); i++)
		if (json_array_get(array, i) == one)
			break;
	json_array_remove(array, i);
	save();
	return 0;
}

static void load_stats(const json_t *one, struct stats *stats)
{
	json_t *value;
	size_t i;

	get_text(one, "bdf", stats->address, sizeof(stats->address));
	get_text(one, "vm", stats->vm, sizeof(stats->vm));
	stats->interrupts = get_number(one, "interrupts");
	stats->storms = get_number(one, "storms");
	stats->storm_rate = (unsigned int)get_number(one, "storm_rate");
	stats->storm_backoff = (unsigned int)get_number(one, "storm_backoff");
	stats->has_correctable = json_object_get(one, "correctable");
	stats->correctable = get_number(one, "correctable");
	stats->nonfatal = get_number(one, "nonfatal");
	stats->fatal = get_number(one, "fatal");
	stats->error_policy = (unsigned int)get_number(one, "error_policy");
	stats->iommu = get_number(one, "iommu");
	stats->fault_limit = (unsigned int)get_number(one, "fault_limit");
	stats->config_denied = get_number(one, "config_denied");
	stats->mapped = get_number(one, "mapped");
	stats->maps = get_number(one, "maps");
	json_array_foreach(json_object_get(one, "vectors"), i, value) {
		struct vector *vector = stats_add_vector(stats);

		vector->index = DIRECTPATH_IRQ_INDEX_MSIX;
		vector->number = (unsigned int)i;
		vector->irq = 40 + (unsigned int)i;
		vector->count = (uint64_t)json_integer_value(value);
		vector->storms = i == 1 ? get_number(one, "storms") : 0;
		vector->held = vector->storms;
	}
	json_array_foreach(json_object_get(one, "registers"), i, value) {
		struct config_register *reg = stats_add_register(stats);

		reg->offset = (unsigned int)get_number(value, "offset");
		get_text(value, "where", reg->where, sizeof(reg->where));
		reg->writes = get_number(value, "writes");
		reg->denied = get_number(value, "denied");
		reg->bits = (unsigned int)get_number(value, "bits");
		get_text(value, "why", reg->why, sizeof(reg->why));
	}
}

int kernel_stats_get(const char *address, const char *vm, struct stats *stats)
{
	json_t *one;
	size_t i;

	memset(stats, 0, sizeof(*stats));
	json_array_foreach(json_object_get(kernel, "stats"), i, one) {
		const char *bdf = json_string_value(json_object_get(one, "bdf"));

		if (address ? !bdf || strcmp(bdf, address) : bdf || strcmp(json_string_value(json_object_get(one, "vm")), vm))
			continue;
		load_stats(one, stats);
		return 0;
	}
	snprintf(text, sizeof(text), "%s was never claimed: nothing is counted", address ? address : vm);
	return -ENOENT;
}

int kernel_stats_list(struct stats_list *list)
{
	json_t *one;
	size_t i;

	memset(list, 0, sizeof(*list));
	json_array_foreach(json_object_get(kernel, "stats"), i, one)
		load_stats(one, stats_list_add(list));
	return 0;
}

static json_t *script(void)
{
	return json_object_get(json_object_get(kernel, "ops"), op_kind_name(last.kind));
}

int kernel_op_start(const struct op_request *request, uint32_t *id)
{
	const char *refusal;
	char force[256] = "";
	unsigned int i;

	for (i = 0; i < 64; i++)
		if (request->force & 1ULL << i)
			snprintf(force + strlen(force), sizeof(force) - strlen(force), " force=%s", reason_name(i));
	if (request->kind == DIRECTPATH_OP_KIND_CLEAN)
		snprintf(force, sizeof(force), " step=%u%s%s", request->step, request->message ? " " : "", request->message ? request->message : "");
	if (request->address) {
		log_line("%s %s%s%s%s%s", op_kind_name(request->kind), request->address, request->unbind ? " unbind" : "",
			 request->whole_set ? " whole-set" : "", request->driverless ? " driverless" : "", force);
		snprintf(last_address, sizeof(last_address), "%s", request->address);
	} else {
		for (i = 0; i < request->nr_addresses; i++)
			log_line("%s %s %s%s", op_kind_name(request->kind), request->vm, request->addresses[i], request->now ? " now" : "");
		snprintf(last_address, sizeof(last_address), "%s", request->addresses[0]);
	}
	last = *request;
	*id = 7;
	refusal = json_string_value(json_object_get(script(), "refuse"));
	if (refusal)
		snprintf(text, sizeof(text), "%s", refusal);
	return refusal ? -EPERM : 0;
}

static void set_state(const char *state)
{
	json_t *dev = find("devices", "bdf", last_address), *one;
	json_int_t set = json_integer_value(json_object_get(dev, "set"));
	size_t i;

	json_array_foreach(json_object_get(kernel, "devices"), i, one) {
		if (one != dev && json_integer_value(json_object_get(one, "set")) != set)
			continue;
		if (state)
			json_object_set_new(one, "state", json_string(state));
		if (last.kind == DIRECTPATH_OP_KIND_ATTACH)
			json_object_set_new(one, "vm", json_string(last.vm));
		if (last.kind == DIRECTPATH_OP_KIND_DETACH)
			json_object_del(one, "vm");
	}
}

int kernel_op_wait(uint32_t id, int ms, struct op_result *result)
{
	static const char *const states[] = {
		[DIRECTPATH_OP_KIND_CLAIM] = "ready", [DIRECTPATH_OP_KIND_RELEASE] = "host", [DIRECTPATH_OP_KIND_RESET] = NULL,
		[DIRECTPATH_OP_KIND_RECOVER] = "ready", [DIRECTPATH_OP_KIND_ATTACH] = "reserved", [DIRECTPATH_OP_KIND_DETACH] = "ready",
		[DIRECTPATH_OP_KIND_ACCEPT] = "ready", [DIRECTPATH_OP_KIND_CLEAN] = NULL,
	};

	(void)ms;
	memset(result, 0, sizeof(*result));
	result->id = id;
	if (json_is_true(json_object_get(script(), "hang")))
		return -ETIME;
	result->kind = last.kind;
	result->done = true;
	result->elapsed_ms = 612;
	result->error = (unsigned int)get_number(script(), "error");
	get_text(script(), "message", result->message, sizeof(result->message));
	load_reasons(json_object_get(script(), "reasons"), &result->reasons);
	if (result->error)
		return 0;
	set_state(last.kind == DIRECTPATH_OP_KIND_CLEAN && last.step == DIRECTPATH_CLEAN_STEP_DONE ? "ready" : states[last.kind]);
	save();
	return 0;
}

int kernel_monitor(bool (*fn)(const struct event *event, void *ctx), int fd, bool (*ready)(void *ctx), void *ctx)
{
	json_t *one;
	size_t i;

	(void)fd;
	(void)ready;
	json_array_foreach(json_object_get(kernel, "events"), i, one) {
		const char *kind = json_string_value(json_object_get(one, "event"));
		struct event event = {};
		struct hw_error error = {};
		struct op_result op = {};
		struct dev dev = {};
		struct vm vm = {};

		if (!strcmp(kind, "dev")) {
			load_dev(one, &dev);
			event.kind = EVENT_DEV;
			event.dev = &dev;
		} else if (!strcmp(kind, "vm")) {
			load_vm(one, &vm);
			event.kind = EVENT_VM;
			event.vm = &vm;
		} else if (!strcmp(kind, "op")) {
			op.id = 12;
			op.kind = DIRECTPATH_OP_KIND_CLAIM;
			op.elapsed_ms = 34;
			get_text(one, "bdf", op.address, sizeof(op.address));
			event.kind = EVENT_OP;
			event.op = &op;
		} else if (!strcmp(kind, "error")) {
			get_text(one, "bdf", error.address, sizeof(error.address));
			get_text(one, "vm", error.vm, sizeof(error.vm));
			error.kind = (unsigned int)get_number(one, "kind");
			error.count = get_number(one, "count");
			error.has_status = json_object_get(one, "status");
			error.status = (unsigned int)get_number(one, "status");
			error.has_iova = json_object_get(one, "iova");
			error.iova = get_number(one, "iova");
			error.write = json_is_true(json_object_get(one, "write"));
			error.action = (unsigned int)get_number(one, "action");
			event.kind = EVENT_ERROR;
			event.error = &error;
		} else {
			event.kind = EVENT_LOST;
		}
		fn(&event, ctx);
		dev_free(&dev);
		vm_free(&vm);
	}
	return 0;
}
