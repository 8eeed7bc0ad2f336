// SPDX-License-Identifier: GPL-2.0
/*
 * directpath host: the module, its settings, and whether the machine is fit for passthrough.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "act.h"
#include "cmd.h"
#include "names.h"
#include "show.h"
#include "sysfs.h"

static int load_host(struct host *host)
{
	int ret = need_kernel();

	if (ret)
		return ret;
	ret = kernel_host_get(host);
	return ret ? out_kernel_error("host show", ret, kernel_text()) : EXIT_DONE;
}

static void print_seconds(const char *name, unsigned int ms)
{
	if (ms % 1000)
		out_text("%-20s %u ms\n", name, ms);
	else
		out_text("%-20s %u s\n", name, ms / 1000);
}

static int host_show(int argc, char **argv)
{
	struct host host;
	int ret;

	if (argc)
		return bad_word(argv[0], "nothing after host show");
	ret = load_host(&host);
	if (ret)
		return ret;
	if (out_json())
		json_object_set_new(out_json(), "host", json_host(&host));
	out_text("%-20s %s\n", "module", host.version[0] ? host.version : "loaded");
	out_text("%-20s %s\n", "iommu", host.iommu[0] ? host.iommu : "none");
	out_text("%-20s %s\n", "interrupt remapping", host.intremap ? "on" : "off");
	out_text("%-20s %s%s%s\n", "posted interrupts", posted_name(host.posted), host.posted_source[0] ? ": " : "", host.posted_source);
	out_text("%-20s %s\n", "unsafe-interrupts", host.unsafe_interrupts ? "on" : "off");
	out_text("%-20s %s\n", "adhoc", host.adhoc ? "on" : "off");
	out_text("%-20s %s\n", "vfio door", host.door_vfio ? "open" : "closed");
	out_text("%-20s %u of %u, %u connected to KVM\n", "vectors", host.vectors_used, host.vector_budget, host.bypassed);
	print_seconds("unbind-deadline", host.unbind_ms);
	print_seconds("reset-deadline", host.reset_ms);
	print_seconds("revoke-deadline", host.revoke_ms);
	out_text("%-20s %u\n", "devices claimed", host.devices_claimed);
	out_text("%-20s %u\n", "vms", host.vms);
	out_text("%-20s %llu\n", "events", ULL(host.seq));
	return EXIT_DONE;
}

struct checks {
	json_t *array;
	unsigned int bad;
};

enum level { LEVEL_OK, LEVEL_WARN, LEVEL_BAD };

__printf(5, 6)
static void check(struct checks *checks, enum level level, const char *name, const char *fix, const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warn", "bad" };
	char text[256];
	json_t *one;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	checks->bad += level == LEVEL_BAD;
	out_text("%-5s %-12s %s\n", words[level], name, text);
	if (level != LEVEL_OK)
		out_text("      fix: %s\n", fix);
	one = json_object();
	json_object_set_new(one, "check", json_string(name));
	json_object_set_new(one, "level", json_string(words[level]));
	json_object_set_new(one, "text", json_text(text));
	json_object_set_new(one, "fix", level == LEVEL_OK ? json_null() : json_text(fix));
	json_array_append_new(checks->array, one);
}

static void check_iommu(struct checks *checks, const struct host *host)
{
	if (host->iommu[0])
		check(checks, LEVEL_OK, "iommu", "", "%s translates the DMA of devices", host->iommu);
	else
		check(checks, LEVEL_BAD, "iommu", "enable VT-d or AMD-Vi in the firmware; on Intel boot with intel_iommu=on",
		      "there is none, or it is off");
	if (host->intremap)
		check(checks, LEVEL_OK, "intremap", "", "interrupts are remapped, posted: %s", posted_name(host->posted));
	else
		check(checks, host->unsafe_interrupts ? LEVEL_WARN : LEVEL_BAD, "intremap",
		      "enable x2APIC and interrupt remapping in the firmware; host set unsafe-interrupts on gives up on it",
		      "a device can forge any interrupt%s", host->unsafe_interrupts ? ", and unsafe-interrupts is on" : "");
}

/* Somebody else's vfio.ko would take the nodes and the names that ours needs. */
static void check_vfio(struct checks *checks, const struct host *host)
{
	char taint[32];

	if (host->door_vfio)
		check(checks, LEVEL_OK, "vfio door", "", "unmodified VMMs can use claimed devices through /dev/vfio");
	else if (!sysfs_exists("/sys/module/vfio"))
		check(checks, LEVEL_WARN, "vfio door", "modprobe vfio-pci, if a VMM needs /dev/vfio", "closed");
	else if (sysfs_line("/sys/module/vfio/taint", taint, sizeof(taint)) && strchr(taint, 'O'))
		check(checks, LEVEL_WARN, "vfio door", "modprobe vfio-pci", "vfio is ours, but vfio-pci is not loaded");
	else
		check(checks, LEVEL_WARN, "vfio door", "rmmod vfio-pci vfio_iommu_type1 vfio, then modprobe directpath's",
		      "the kernel's own vfio module is loaded");
}

static void check_vectors(struct checks *checks, const struct host *host)
{
	bool tight = host->vectors_used > host->vector_budget / 10 * 9;

	check(checks, tight ? LEVEL_WARN : LEVEL_OK, "vectors", "host set vector-budget N", "%u of %u in use", host->vectors_used,
	      host->vector_budget);
}

static void check_states(struct checks *checks, const struct dev_list *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		const struct dev *dev = &list->v[i];

		if (dev->state == DIRECTPATH_STATE_QUARANTINED || dev->state == DIRECTPATH_STATE_FAILED)
			check(checks, LEVEL_WARN, "device", "dev recover, or dev release to give it up", "%s is %s%s%s", dev->address,
			      state_name(dev->state), dev->detail[0] ? ": " : "", dev->detail);
		else if (!strncmp(dev->detail, "stuck", 5))
			check(checks, LEVEL_WARN, "device", "look at the kernel log; a hung driver may need a reboot", "%s is %s (%s)", dev->address,
			      state_name(dev->state), dev->detail);
	}
}

static int host_check(int argc, char **argv)
{
	struct checks checks = {};
	struct dev_list list = {};
	struct host host;
	int ret;

	if (argc)
		return bad_word(argv[0], "nothing after host check");
	ret = load_host(&host);
	if (!ret && kernel_dev_list(&list))
		ret = out_kernel_error("host check", EIO, kernel_text());
	if (ret)
		return ret;
	checks.array = json_array();
	check(&checks, LEVEL_OK, "module", "", "directpath %s", host.version[0] ? host.version : "is loaded");
	check_iommu(&checks, &host);
	check_vectors(&checks, &host);
	check_vfio(&checks, &host);
	check_states(&checks, &list);
	if (out_json())
		json_object_set(out_json(), "checks", checks.array);
	json_decref(checks.array);
	dev_list_free(&list);
	if (checks.bad && out_json())
		return out_error(EXIT_REFUSED, "%u checks failed", checks.bad);
	return checks.bad ? EXIT_REFUSED : EXIT_DONE;
}

static const struct {
	const char *name;
	enum host_field field;
	bool (*parse)(const char *text, uint32_t *value);
} settings[] = {
	{ "adhoc", HOST_ADHOC, parse_switch },
	{ "unsafe-interrupts", HOST_UNSAFE_INTERRUPTS, parse_switch },
	{ "vector-budget", HOST_VECTOR_BUDGET, parse_u32 },
	{ "unbind-deadline", HOST_UNBIND_MS, parse_duration_ms },
	{ "reset-deadline", HOST_RESET_MS, parse_duration_ms },
	{ "revoke-deadline", HOST_REVOKE_MS, parse_duration_ms },
};

#define NR_SETTINGS (ARRAY_SIZE(settings))

static const char setting_words[] =
	"adhoc on|off, unsafe-interrupts on|off, vector-budget N, unbind-deadline SECS, reset-deadline SECS or revoke-deadline SECS";

static uint32_t current_value(const struct host *host, enum host_field field)
{
	const uint32_t values[HOST_NR_FIELDS] = {
		[HOST_ADHOC] = host->adhoc,
		[HOST_UNSAFE_INTERRUPTS] = host->unsafe_interrupts,
		[HOST_VECTOR_BUDGET] = host->vector_budget,
		[HOST_UNBIND_MS] = host->unbind_ms,
		[HOST_RESET_MS] = host->reset_ms,
		[HOST_REVOKE_MS] = host->revoke_ms,
	};

	return values[field];
}

static int parse_change(int argc, char **argv, struct host_change *change)
{
	size_t i;

	for (; argc >= 2; argc -= 2, argv += 2) {
		for (i = 0; i < NR_SETTINGS && strcmp(settings[i].name, argv[0]); i++)
			;
		if (i == NR_SETTINGS)
			break;
		if (!settings[i].parse(argv[1], &change->value[settings[i].field]))
			return out_error(EXIT_USAGE, "%s '%s' is not understood", argv[0], argv[1]);
		change->given[settings[i].field] = true;
	}
	return argc ? bad_word(argv[0], setting_words) : EXIT_DONE;
}

static int host_set(int argc, char **argv)
{
	struct host_change change = {};
	struct host host;
	bool differs = false;
	int ret, i;

	if (!argc)
		return out_error(EXIT_USAGE, "what to set? %s", setting_words);
	ret = parse_change(argc, argv, &change);
	if (!ret)
		ret = load_host(&host);
	if (ret)
		return ret;
	for (i = 0; i < HOST_NR_FIELDS; i++) {
		change.given[i] &= change.value[i] != current_value(&host, i);
		differs |= change.given[i];
	}
	if (!differs)
		return report("set", "host", "already", EXIT_DONE, NULL, NULL);
	if (options.dry_run)
		return report("set", "host", "planned", EXIT_DONE, NULL, NULL);
	return report_request("set", "host", kernel_host_set(&change));
}

/* What a VM has is detached first, if the VM is off. */
static int release_set(struct selection *selection, const struct vm_list *vms, const struct dev *dev)
{
	char addresses[MAX_SET][ADDRESS_SIZE], message[256];
	const struct dev *all[MAX_SET];
	const struct vm *vm = dev->vm[0] ? vm_list_find(vms, dev->vm) : NULL;
	struct op_request release = {
		.kind = DIRECTPATH_OP_KIND_RELEASE, .address = dev->address, .whole_set = true, .force = options.force,
	}, detach = {
		.kind = DIRECTPATH_OP_KIND_DETACH, .vm = dev->vm, .addresses = addresses,
	};
	int ret = EXIT_DONE;

	detach.nr_addresses = selection_claimed(selection, dev, all, addresses);
	if (vm && vm->state == DIRECTPATH_VM_STATE_RUNNING) {
		snprintf(message, sizeof(message), "VM %s is running (pid %u): stop it, or first: directpath vm detach %s %s now", vm->name,
			 vm->pid, vm->name, dev->address);
		return report("release", dev->address, "failed", EXIT_BUSY, message, NULL);
	}
	if (options.dry_run)
		return report("release", dev->address, "planned", EXIT_DONE, NULL, NULL);
	if (dev->vm[0])
		ret = run_op(&detach, "detach", dev->address, NULL);
	return ret ? ret : run_op(&release, "release", dev->address, NULL);
}

static int host_release_all(int argc, char **argv)
{
	struct selection selection = {};
	struct tally tally = {};
	struct vm_list vms;
	unsigned int i, n = 0;
	int ret;

	if (argc)
		return bad_word(argv[0], "nothing after host release-all");
	ret = load_vms(&vms);
	if (!ret)
		ret = selection_load(&selection, 0, NULL);
	for (i = 0; !ret && i < selection.list.nr; i++) {
		if (selection.handled[i] || !dev_is_claimed(&selection.list.v[i]))
			continue;
		n++;
		tally_add(&tally, release_set(&selection, &vms, &selection.list.v[i]));
	}
	if (!ret && !n)
		report("release", "everything", "already", EXIT_DONE, NULL, NULL);
	selection_free(&selection);
	vm_list_free(&vms);
	return ret ? ret : tally_code(&tally);
}

int cmd_host(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "show", host_show }, { "check", host_check }, { "set", host_set }, { "release-all", host_release_all }, {},
	};

	return run_verb(verbs, "host", &verbs[0], argc, argv);
}
