// SPDX-License-Identifier: GPL-2.0
/*
 * directpath vm: VM objects, their limits, and which functions are attached to them.
 */

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "cmd.h"
#include "limit.h"
#include "names.h"
#include "show.h"
#include "storm.h"

/* As many as a kernel can be built for. */
#define CPUS_MAX 8192

static const char *limit_text(uint64_t limit, bool bytes, char *buf, size_t size)
{
	if (!limit)
		snprintf(buf, size, "-");
	else if (bytes)
		size_text(limit, buf, size);
	else
		snprintf(buf, size, "%llu", ULL(limit));
	return buf;
}

static void add_vm_row(struct table *table, const struct vm *vm)
{
	char pid[16], owner[32], devices[64], vectors[64], pinned[64], mapped[24], used[24], limit[24];
	const char *const cells[] = {
		vm->name, vm->state == DIRECTPATH_VM_STATE_RUNNING ? "running" : "off", pid, owner, devices, vectors, pinned, mapped,
		vm->adhoc ? "adhoc" : "",
	};

	snprintf(pid, sizeof(pid), vm->pid ? "%u" : "-", vm->pid);
	snprintf(owner, sizeof(owner), "%u:%u", vm->uid, vm->gid);
	snprintf(devices, sizeof(devices), "%u/%s", vm->nr_devices, limit_text(vm->max_devices, false, limit, sizeof(limit)));
	snprintf(vectors, sizeof(vectors), "%u/%s", vm->vectors, limit_text(vm->max_vectors, false, limit, sizeof(limit)));
	size_text(vm->pinned, used, sizeof(used));
	snprintf(pinned, sizeof(pinned), "%s/%s", used, limit_text(vm->max_pinned, true, limit, sizeof(limit)));
	size_text(vm->mapped, mapped, sizeof(mapped));
	table_row(table, cells, ARRAY_SIZE(cells) - (vm->adhoc ? 0 : 1));
}

static void print_vm(const struct vm *vm)
{
	char buf[64];
	unsigned int i;

	out_text("\nuuid %s\n", uuid_text(vm->uuid, buf, sizeof(buf)));
	out_text("cpus %s\n", vm->cpus[0] ? vm->cpus : "any");
	out_text("%s\n", storm_text(&vm->storm, buf, sizeof(buf)));
	out_text("errors %s\n", error_policy_name(vm->error_policy));
	out_text("faults %s\n", fault_limit_text(vm->fault_limit, buf, sizeof(buf)));
	out_text("spaces %u, areas %llu\n", vm->spaces, ULL(vm->areas));
	for (i = 0; i < vm->nr_devices; i++)
		out_text("device %s\n", vm->devices[i]);
}

static int vm_show(int argc, char **argv)
{
	static const char *const header[] = { "VM", "STATE", "PID", "UID:GID", "DEVICES", "VECTORS", "PINNED", "MAPPED" };
	const char *name = argc ? argv[0] : NULL;
	json_t *array = json_array();
	struct table table = {};
	struct vm_list list;
	unsigned int i;
	int ret;

	if (argc > 1) {
		json_decref(array);
		return bad_word(argv[1], "one VM");
	}
	ret = load_vms(&list);
	if (!ret && name && !vm_list_find(&list, name))
		ret = out_error(EXIT_NOT_FOUND, "there is no VM %s", name);
	table_row(&table, header, ARRAY_SIZE(header));
	for (i = 0; !ret && i < list.nr; i++) {
		if (name && strcmp(list.v[i].name, name))
			continue;
		add_vm_row(&table, &list.v[i]);
		json_array_append_new(array, json_vm(&list.v[i]));
	}
	if (ret)
		table_free(&table);
	else
		table_print(&table);
	if (!ret && name)
		print_vm(vm_list_find(&list, name));
	if (out_json())
		json_object_set(out_json(), "vms", array);
	json_decref(array);
	vm_list_free(&list);
	return ret;
}

static bool parse_uuid(const char *text, uint8_t uuid[16])
{
	unsigned int i, byte;

	if (strlen(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
		return false;
	for (i = 0; i < 16; i++) {
		text += *text == '-';
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) || sscanf(text, "%2x", &byte) != 1)
			return false;
		uuid[i] = (uint8_t)byte;
		text += 2;
	}
	return true;
}

static bool parse_uid(const char *text, uint32_t *uid)
{
	const struct passwd *pw;

	if (parse_u32(text, uid))
		return true;
	pw = getpwnam(text);
	if (pw)
		*uid = pw->pw_uid;
	return pw;
}

static bool parse_gid(const char *text, uint32_t *gid)
{
	const struct group *gr;

	if (parse_u32(text, gid))
		return true;
	gr = getgrnam(text);
	if (gr)
		*gid = gr->gr_gid;
	return gr;
}

static bool parse_limit(const char *text, uint32_t *limit)
{
	if (!strcmp(text, "none")) {
		*limit = 0;
		return true;
	}
	return parse_u32(text, limit) && *limit;
}

static bool parse_cpu_range(char *text, bool cpus[CPUS_MAX])
{
	char *dash = strchr(text, '-');
	uint32_t first, last;

	if (dash)
		*dash++ = '\0';
	if (!parse_u32(text, &first) || !parse_u32(dash ? dash : text, &last) || first > last || last >= CPUS_MAX)
		return false;
	for (; first <= last; first++)
		cpus[first] = true;
	return true;
}

/* In the kernel's way to write it, so that what is so already is seen. */
static void print_cpus(const bool cpus[CPUS_MAX], char *buf, size_t size)
{
	unsigned int first, last;
	size_t used = 0;

	buf[0] = '\0';
	for (first = 0; first < CPUS_MAX && used < size; first = last + 1) {
		last = first;
		if (!cpus[first])
			continue;
		while (last + 1 < CPUS_MAX && cpus[last + 1])
			last++;
		used += (size_t)snprintf(buf + used, size - used, last > first ? "%s%u-%u" : "%s%u", used ? "," : "", first, last);
	}
}

static bool parse_cpus(const char *text, char cpus[CPUS_SIZE])
{
	bool chosen[CPUS_MAX] = {};
	char list[CPUS_SIZE], *rest = list, *part;

	cpus[0] = '\0';
	if (!strcmp(text, "any"))
		return true;
	if (strlen(text) >= sizeof(list))
		return false;
	text_copy(list, sizeof(list), text);
	while ((part = strsep(&rest, ",")))
		if (!parse_cpu_range(part, chosen))
			return false;
	print_cpus(chosen, cpus, CPUS_SIZE);
	return true;
}

static const char vm_words[] = "uuid U, uid N, gid N, max-devs N, max-vectors N, max-pin SIZE, cpus LIST, errors none|notify|revoke|default, "
			       "faults N|off|default, " STORM_WORDS;

static int parse_vm(int argc, char **argv, struct vm_change *change, uint8_t uuid[16], char cpus[CPUS_SIZE])
{
	bool ok = true;
	int policy;

	for (; argc >= 2; argc -= 2, argv += 2) {
		const char *value = argv[1];

		if (!strcmp(argv[0], "uuid")) {
			ok = parse_uuid(value, uuid);
			change->uuid = uuid;
		} else if (!strcmp(argv[0], "uid")) {
			ok = parse_uid(value, &change->uid);
			change->has_uid = true;
		} else if (!strcmp(argv[0], "gid")) {
			ok = parse_gid(value, &change->gid);
			change->has_gid = true;
		} else if (!strcmp(argv[0], "max-devs")) {
			ok = parse_limit(value, &change->max_devices);
			change->has_max_devices = true;
		} else if (!strcmp(argv[0], "max-vectors")) {
			ok = parse_limit(value, &change->max_vectors);
			change->has_max_vectors = true;
		} else if (!strcmp(argv[0], "max-pin")) {
			ok = parse_size(value, &change->max_pinned);
			change->has_max_pinned = true;
		} else if (!strcmp(argv[0], "cpus")) {
			ok = parse_cpus(value, cpus);
			change->cpus = cpus;
		} else if (!strcmp(argv[0], "errors")) {
			policy = error_policy_by_name(value);
			ok = policy >= 0;
			change->error_policy = ok ? (unsigned int)policy : 0;
			change->has_error_policy = true;
		} else if (!strcmp(argv[0], "faults")) {
			ok = fault_limit_parse(value, &change->fault_limit);
			change->has_fault_limit = true;
		} else if (!storm_word(argv[0], value, &change->storm, &ok)) {
			return bad_word(argv[0], vm_words);
		}
		if (!ok)
			return out_error(EXIT_USAGE, "%s '%s' is not understood", argv[0], value);
	}
	return argc ? bad_word(argv[0], vm_words) : EXIT_DONE;
}

/* Drop what is so already; true if anything is left. */
static bool reduce(struct vm_change *change, const struct vm *vm)
{
	change->has_uid &= change->uid != vm->uid;
	change->has_gid &= change->gid != vm->gid;
	change->has_max_devices &= change->max_devices != vm->max_devices;
	change->has_max_vectors &= change->max_vectors != vm->max_vectors;
	change->has_max_pinned &= change->max_pinned != vm->max_pinned;
	change->has_error_policy &= change->error_policy != vm->error_policy;
	if (change->fault_limit == DIRECTPATH_FAULT_LIMIT_DEFAULT)
		change->fault_limit = 0;
	change->has_fault_limit &= change->fault_limit != vm->fault_limit;
	if (change->cpus && !strcmp(change->cpus, vm->cpus))
		change->cpus = NULL;
	return storm_reduce(&change->storm, &vm->storm) || change->cpus || change->has_uid || change->has_gid || change->has_max_devices ||
	       change->has_max_vectors || change->has_max_pinned || change->has_error_policy || change->has_fault_limit ||
	       (change->uuid && memcmp(change->uuid, vm->uuid, 16));
}

static int add_vm(struct vm_change *change, const struct vm *vm)
{
	if (vm && !reduce(change, vm))
		return report("add", change->name, "already", EXIT_DONE, NULL, NULL);
	if (vm)
		return report("add", change->name, "failed", EXIT_KERNEL, "there is one with other settings; vm set changes them", NULL);
	if (options.dry_run)
		return report("add", change->name, "planned", EXIT_DONE, NULL, NULL);
	return report_request("add", change->name, kernel_vm_new(change));
}

static int set_vm(struct vm_change *change, const struct vm *vm)
{
	if (!vm)
		return out_error(EXIT_NOT_FOUND, "there is no VM %s; vm add makes one", change->name);
	if (change->uuid)
		return out_error(EXIT_USAGE, "the uuid of a VM does not change");
	if (!reduce(change, vm))
		return report("set", change->name, "already", EXIT_DONE, NULL, NULL);
	if (options.dry_run)
		return report("set", change->name, "planned", EXIT_DONE, NULL, NULL);
	return report_request("set", change->name, kernel_vm_set(change));
}

static int change_vm(int argc, char **argv, int (*fn)(struct vm_change *change, const struct vm *vm))
{
	struct vm_change change = {};
	struct vm_list list;
	char cpus[CPUS_SIZE];
	uint8_t uuid[16];
	int ret;

	if (!argc)
		return out_error(EXIT_USAGE, "which VM?");
	change.name = argv[0];
	ret = parse_vm(argc - 1, argv + 1, &change, uuid, cpus);
	if (ret)
		return ret;
	ret = load_vms(&list);
	if (!ret)
		ret = fn(&change, vm_list_find(&list, change.name));
	vm_list_free(&list);
	return ret;
}

static int vm_add(int argc, char **argv)
{
	return change_vm(argc, argv, add_vm);
}

static int vm_set(int argc, char **argv)
{
	return change_vm(argc, argv, set_vm);
}

static int vm_del(int argc, char **argv)
{
	struct vm_list list;
	int ret;

	if (argc != 1)
		return argc ? bad_word(argv[1], "one VM") : out_error(EXIT_USAGE, "which VM?");
	ret = load_vms(&list);
	if (ret)
		return ret;
	if (!vm_list_find(&list, argv[0]))
		ret = report("del", argv[0], "already", EXIT_DONE, NULL, NULL);
	else if (options.dry_run)
		ret = report("del", argv[0], "planned", EXIT_DONE, NULL, NULL);
	else
		ret = report_request("del", argv[0], kernel_vm_del(argv[0]));
	vm_list_free(&list);
	return ret;
}

static int move_one(struct selection *selection, const struct dev *dev, const char *vm, bool attach, bool now)
{
	const char *action = attach ? "attach" : "detach";
	char addresses[MAX_SET][ADDRESS_SIZE], target[1300], list[1200], message[256];
	const struct dev *all[MAX_SET];
	struct op_request request = {
		.kind = attach ? DIRECTPATH_OP_KIND_ATTACH : DIRECTPATH_OP_KIND_DETACH, .vm = vm, .addresses = addresses, .now = now,
	};

	request.nr_addresses = selection_claimed(selection, dev, all, addresses);
	list_addresses(all, request.nr_addresses, list, sizeof(list));
	snprintf(target, sizeof(target), "%s %s %s", list, attach ? "to" : "from", vm);
	if (attach ? !strcmp(dev->vm, vm) : strcmp(dev->vm, vm))
		return report(action, target, "already", EXIT_DONE, NULL, NULL);
	if (attach && !dev_is_claimed(dev)) {
		snprintf(message, sizeof(message), "it is not claimed; first: directpath dev claim %s", dev->address);
		return report(action, target, "failed", EXIT_KERNEL, message, NULL);
	}
	if (attach && dev->vm[0]) {
		snprintf(message, sizeof(message), "VM %s has it; first: directpath vm detach %s %s", dev->vm, dev->vm, dev->address);
		return report(action, target, "failed", EXIT_BUSY, message, NULL);
	}
	if (attach && dev->state != DIRECTPATH_STATE_READY && options.dry_run) {
		snprintf(message, sizeof(message), "it is %s, not ready", state_name(dev->state));
		return report(action, target, "failed", EXIT_BUSY, message, NULL);
	}
	if (options.dry_run)
		return report(action, target, "planned", EXIT_DONE, dev->state == DIRECTPATH_STATE_RUNNING ? "the VM is running" : NULL, NULL);
	return run_op(&request, action, target, NULL);
}

static int move_functions(int argc, char **argv, bool attach)
{
	static const char *const keywords[] = { "now", NULL };
	struct selection selection = {};
	struct tally tally = {};
	struct vm_list vms;
	unsigned int i;
	int ret, used;

	if (argc < 2)
		return out_error(EXIT_USAGE, "vm %s VM SELECTOR...", attach ? "attach" : "detach");
	ret = selection_words(argc - 1, argv + 1, attach ? NULL : keywords, true, &used);
	if (!ret && argc - 1 > used + 1)
		ret = bad_word(argv[used + 2], "nothing after now");
	if (ret)
		return ret;
	ret = load_vms(&vms);
	if (!ret && !vm_list_find(&vms, argv[0]))
		ret = out_error(EXIT_NOT_FOUND, "there is no VM %s; vm add makes one", argv[0]);
	if (!ret)
		ret = selection_load(&selection, used, argv + 1);
	for (i = 0; !ret && i < selection.list.nr; i++) {
		if (!selection.marked[i] || selection.handled[i])
			continue;
		selection.handled[i] = true;
		tally_add(&tally, move_one(&selection, &selection.list.v[i], argv[0], attach, argc - 1 > used));
	}
	selection_free(&selection);
	vm_list_free(&vms);
	return ret ? ret : tally_code(&tally);
}

static int vm_attach(int argc, char **argv)
{
	return move_functions(argc, argv, true);
}

static int vm_detach(int argc, char **argv)
{
	return move_functions(argc, argv, false);
}

int cmd_vm(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "show", vm_show }, { "list", vm_show }, { "add", vm_add }, { "set", vm_set }, { "del", vm_del }, { "delete", vm_del },
		{ "attach", vm_attach }, { "detach", vm_detach }, {},
	};

	return run_verb(verbs, "vm", &verbs[0], argc, argv);
}
