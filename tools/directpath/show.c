// SPDX-License-Identifier: GPL-2.0
/*
 * Functions and VMs as text and JSON. JSON keys never change their meaning or type; new ones are added.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "out.h"
#include "show.h"
#include "storm.h"
#include "sysfs.h"

const char *owner_text(const struct dev *dev, char *buf, size_t size)
{
	if (dev->vm[0])
		snprintf(buf, size, "vm:%s", dev->vm);
	else if (dev_is_claimed(dev))
		snprintf(buf, size, "directpath");
	else
		snprintf(buf, size, "%s", dev->driver[0] ? dev->driver : "-");
	return buf;
}

const char *reasons_text(const struct dev *dev, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i, k;

	buf[0] = '\0';
	for (i = 0; i < dev->reasons.nr && len < size; i++) {
		const struct reason *r = &dev->reasons.v[i];

		for (k = 0; k < i && (!dev->reasons.v[k].blocking || dev->reasons.v[k].code != r->code); k++)
			;
		if (!r->blocking || k < i)
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? "," : "", reason_name(r->code));
	}
	if (dev->detail[0] && len < size)
		snprintf(buf + len, size - len, "%s(%s)", len ? " " : "", dev->detail);
	return buf;
}

static bool parent_bridge(const char *real, char *bridge, size_t size)
{
	const char *start = strstr(real, "/pci"), *end;

	if (!start)
		return false;
	end = strchr(start + 1, '/');
	if (!end)
		return false;
	snprintf(bridge, size, "%.*s", (int)(end - start - 1), start + 1);
	return true;
}

const char *path_text(const char *address, char *buf, size_t size)
{
	char path[PATH_SIZE], real[PATH_SIZE], bridge[64];
	struct functions functions;
	unsigned int i;
	size_t len;

	buf[0] = '\0';
	sysfs_path(path, "/sys/bus/pci/devices/%s", address);
	if (!sysfs_real(path, real) || !parent_bridge(real, bridge, sizeof(bridge)))
		return buf;
	sysfs_functions(real, &functions);
	len = (size_t)snprintf(buf, size, "%s", bridge);
	for (i = 0; i < functions.nr && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? "-" : "/", strrchr(functions.v[i], ':') + 1);
	return buf;
}

struct users {
	char *buf;
	size_t size;
	size_t len;
};

static bool add_user(const char *name, void *ctx)
{
	struct users *users = ctx;

	if (users->len < users->size)
		users->len += (size_t)snprintf(users->buf + users->len, users->size - users->len, "%s%s", users->len ? " " : "", name);
	return true;
}

const char *users_text(const char *address, char *buf, size_t size)
{
	struct users users = { .buf = buf, .size = size };
	char path[PATH_SIZE];

	buf[0] = '\0';
	sysfs_path(path, "/sys/bus/pci/devices/%s/net", address);
	sysfs_each(path, add_user, &users);
	sysfs_path(path, "/sys/bus/pci/devices/%s/nvme", address);
	sysfs_each(path, add_user, &users);
	return buf;
}

const char *uuid_text(const uint8_t u[16], char *buf, size_t size)
{
	snprintf(buf, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
		 u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	return buf;
}

static json_t *json_words(const char *text)
{
	json_t *array = json_array();
	char *copy = strdup(text), *word, *rest = copy;

	while (rest && (word = strsep(&rest, ",")))
		if (*word)
			json_array_append_new(array, json_text(word));
	free(copy);
	return array;
}

static json_t *json_hex(unsigned int value, int digits)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%0*x", digits, value);
	return json_string(buf);
}

static json_t *json_or_null(const char *text)
{
	return text[0] ? json_text(text) : json_null();
}

static json_t *json_bars(const struct dev *dev)
{
	json_t *array = json_array(), *bar;
	unsigned int i;

	for (i = 0; i < dev->nr_bars; i++) {
		bar = json_object();
		json_object_set_new(bar, "n", json_integer(dev->bars[i].index));
		json_object_set_new(bar, "size", json_u64(dev->bars[i].size));
		json_object_set_new(bar, "prefetchable", json_boolean(dev->bars[i].prefetchable));
		json_object_set_new(bar, "io", json_boolean(dev->bars[i].io));
		json_array_append_new(array, bar);
	}
	return array;
}

static json_t *json_strings(char (*addresses)[ADDRESS_SIZE], unsigned int nr)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < nr; i++)
		json_array_append_new(array, json_text(addresses[i]));
	return array;
}

static void add_identity(json_t *object, const struct dev *dev)
{
	char buf[PATH_SIZE];

	json_object_set_new(object, "bdf", json_text(dev->address));
	json_object_set_new(object, "name", json_or_null(dev->name));
	json_object_set_new(object, "label", json_or_null(dev->label));
	json_object_set_new(object, "vendor", json_hex(dev->vendor, 4));
	json_object_set_new(object, "device", json_hex(dev->device, 4));
	json_object_set_new(object, "subvendor", json_hex(dev->subvendor, 4));
	json_object_set_new(object, "subdevice", json_hex(dev->subdevice, 4));
	json_object_set_new(object, "class", json_hex(dev->class, 6));
	json_object_set_new(object, "class_name", json_text(class_name(dev->class, buf, sizeof(buf))));
	json_object_set_new(object, "revision", json_hex(dev->revision, 2));
	json_object_set_new(object, "path", json_or_null(path_text(dev->address, buf, sizeof(buf))));
	json_object_set_new(object, "driver", json_or_null(dev->driver));
	json_object_set_new(object, "host_driver", json_or_null(dev->host_driver));
}

static json_t *json_acceptance(const struct acceptance *accepted)
{
	json_t *object;

	if (!accepted->time)
		return json_null();
	object = json_object();
	json_object_set_new(object, "uid", json_integer(accepted->uid));
	json_object_set_new(object, "pid", json_integer(accepted->pid));
	json_object_set_new(object, "comm", json_text(accepted->comm));
	json_object_set_new(object, "time", json_u64(accepted->time));
	json_object_set_new(object, "change", json_or_null(accepted->change));
	return object;
}

json_t *json_dev(const struct dev *dev)
{
	json_t *object = json_object();

	add_identity(object, dev);
	json_object_set_new(object, "state", json_string(state_name(dev->state)));
	if (dev->has_prev_state)
		json_object_set_new(object, "prev_state", json_string(state_name(dev->prev_state)));
	json_object_set_new(object, "state_ms", json_u64(dev->state_ms));
	json_object_set_new(object, "detail", json_or_null(dev->detail));
	json_object_set_new(object, "busy", json_or_null(dev->busy));
	json_object_set_new(object, "vm", json_or_null(dev->vm));
	json_object_set_new(object, "pid", dev->owner_pid ? json_integer(dev->owner_pid) : json_null());
	if (dev->has_verdict) {
		json_object_set_new(object, "verdict", json_string(verdict_name(dev->verdict)));
		json_object_set_new(object, "reasons", json_reasons(&dev->reasons));
		json_object_set_new(object, "grade", dev->grade ? json_string(grade_name(dev->grade)) : json_null());
		json_object_set_new(object, "reset", json_words(dev->reset_methods));
		json_object_set_new(object, "msix", json_integer(dev->msix));
		json_object_set_new(object, "msi", json_integer(dev->msi));
	}
	json_object_set_new(object, "reset_policy", json_or_null(dev->reset_policy));
	json_object_set_new(object, "numa", dev->numa >= 0 ? json_integer(dev->numa) : json_null());
	json_object_set_new(object, "set", dev->has_set ? json_integer(dev->set) : json_null());
	json_object_set_new(object, "set_members", json_strings(dev->members, dev->nr_members));
	json_object_set_new(object, "bars", json_bars(dev));
	json_object_set_new(object, "vectors", json_integer(dev->vectors));
	json_object_set_new(object, "resets", json_u64(dev->resets));
	json_object_set_new(object, "reset_ms", json_integer(dev->reset_ms));
	json_object_set_new(object, "reset_method", json_or_null(dev->reset_method));
	json_object_set_new(object, "by_hand", json_boolean(dev->by_hand));
	json_object_set_new(object, "clean_hook", json_or_null(dev->clean_hook));
	storm_json(object, &dev->storm);
	json_object_set_new(object, "errors_policy", dev->error_policy ? json_string(error_policy_name(dev->error_policy)) : json_null());
	json_object_set_new(object, "fault_limit", dev->has_fault_limit ? json_integer(dev->fault_limit) : json_null());
	json_object_set_new(object, "errors", json_u64(dev->errors));
	json_object_set_new(object, "accepted", json_acceptance(&dev->accepted));
	json_object_set_new(object, "seq", json_u64(dev->seq));
	return object;
}

/* 0 is no limit, in the kernel; here that is null, so that nobody computes with it. */
static json_t *json_limit(uint64_t limit)
{
	return limit ? json_u64(limit) : json_null();
}

json_t *json_vm(const struct vm *vm)
{
	json_t *object = json_object();
	char buf[40];

	json_object_set_new(object, "name", json_text(vm->name));
	json_object_set_new(object, "uuid", json_string(uuid_text(vm->uuid, buf, sizeof(buf))));
	json_object_set_new(object, "uid", json_integer(vm->uid));
	json_object_set_new(object, "gid", json_integer(vm->gid));
	json_object_set_new(object, "state", json_string(vm->state == DIRECTPATH_VM_STATE_RUNNING ? "running" : "off"));
	json_object_set_new(object, "pid", vm->pid ? json_integer(vm->pid) : json_null());
	json_object_set_new(object, "devices", json_strings(vm->devices, vm->nr_devices));
	json_object_set_new(object, "max_devices", json_limit(vm->max_devices));
	json_object_set_new(object, "max_vectors", json_limit(vm->max_vectors));
	json_object_set_new(object, "max_pinned", json_limit(vm->max_pinned));
	json_object_set_new(object, "cpus", json_or_null(vm->cpus));
	storm_json(object, &vm->storm);
	json_object_set_new(object, "errors_policy", vm->error_policy ? json_string(error_policy_name(vm->error_policy)) : json_null());
	json_object_set_new(object, "fault_limit", json_integer(vm->fault_limit));
	json_object_set_new(object, "spaces", json_integer(vm->spaces));
	if (vm->has_sums) {
		json_object_set_new(object, "areas", json_u64(vm->areas));
		json_object_set_new(object, "mapped", json_u64(vm->mapped));
	}
	json_object_set_new(object, "pinned", json_u64(vm->pinned));
	json_object_set_new(object, "vectors", json_integer(vm->vectors));
	json_object_set_new(object, "adhoc", json_boolean(vm->adhoc));
	json_object_set_new(object, "seq", json_u64(vm->seq));
	return object;
}

json_t *json_op(const struct op_result *op)
{
	json_t *object = json_object();

	json_object_set_new(object, "id", json_integer(op->id));
	json_object_set_new(object, "kind", json_string(op_kind_name(op->kind)));
	json_object_set_new(object, "bdf", json_or_null(op->address));
	json_object_set_new(object, "vm", json_or_null(op->vm));
	json_object_set_new(object, "done", json_boolean(op->done));
	json_object_set_new(object, "error", json_integer(op->error));
	json_object_set_new(object, "message", json_or_null(op->message));
	json_object_set_new(object, "elapsed_ms", json_u64(op->elapsed_ms));
	json_object_set_new(object, "reasons", json_reasons(&op->reasons));
	json_object_set_new(object, "seq", json_u64(op->seq));
	return object;
}

json_t *json_host(const struct host *host)
{
	json_t *object = json_object();

	json_object_set_new(object, "version", json_or_null(host->version));
	if (host->has_facts) {
		json_object_set_new(object, "iommu", json_or_null(host->iommu));
		json_object_set_new(object, "intremap", json_boolean(host->intremap));
		json_object_set_new(object, "posted", json_string(posted_name(host->posted)));
		json_object_set_new(object, "posted_source", json_or_null(host->posted_source));
		json_object_set_new(object, "vectors_bypassed", json_integer(host->bypassed));
	}
	json_object_set_new(object, "adhoc", json_boolean(host->adhoc));
	json_object_set_new(object, "unsafe_interrupts", json_boolean(host->unsafe_interrupts));
	json_object_set_new(object, "vector_budget", json_integer(host->vector_budget));
	json_object_set_new(object, "vectors_used", json_integer(host->vectors_used));
	json_object_set_new(object, "unbind_deadline_ms", json_integer(host->unbind_ms));
	json_object_set_new(object, "reset_deadline_ms", json_integer(host->reset_ms));
	json_object_set_new(object, "revoke_deadline_ms", json_integer(host->revoke_ms));
	json_object_set_new(object, "devices_claimed", json_integer(host->devices_claimed));
	json_object_set_new(object, "vms", json_integer(host->vms));
	json_object_set_new(object, "door_vfio", json_boolean(host->door_vfio));
	json_object_set_new(object, "seq", json_u64(host->seq));
	return object;
}
