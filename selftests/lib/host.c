// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "assert.h"
#include "device.h"
#include "host.h"
#include "mem.h"
#include "nl.h"
#include "pci.h"
#include "proc.h"
#include "vm.h"

#define KSFT_SKIP 4
#define FUNCTIONS_MAX 256

/**
 * struct function - a function as it was before the tests
 */
struct function {
	char address[16];
	char driver[64];
	char override[64];
};

static struct function functions[FUNCTIONS_MAX];
static unsigned int nr_functions;
static struct host_info before;

static void read_info(struct nlattr **attrs, void *arg)
{
	struct host_info *info = arg;

	ctl_copy(info->version, sizeof(info->version), attrs[DIRECTPATH_A_HOST_VERSION]);
	ctl_copy(info->iommu, sizeof(info->iommu), attrs[DIRECTPATH_A_HOST_IOMMU]);
	info->intremap = attrs[DIRECTPATH_A_HOST_INTREMAP] && nla_get_u8(attrs[DIRECTPATH_A_HOST_INTREMAP]);
	info->posted = ctl_u32(attrs[DIRECTPATH_A_HOST_POSTED]);
	ctl_copy(info->posted_source, sizeof(info->posted_source), attrs[DIRECTPATH_A_HOST_POSTED_SOURCE]);
	info->vectors_bypassed = ctl_u32(attrs[DIRECTPATH_A_HOST_VECTORS_BYPASSED]);
	info->adhoc = attrs[DIRECTPATH_A_HOST_ADHOC] && nla_get_u8(attrs[DIRECTPATH_A_HOST_ADHOC]);
	info->unsafe_interrupts = attrs[DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS] && nla_get_u8(attrs[DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS]);
	info->door_vfio = attrs[DIRECTPATH_A_HOST_DOOR_VFIO] && nla_get_u8(attrs[DIRECTPATH_A_HOST_DOOR_VFIO]);
	info->vector_budget = ctl_u32(attrs[DIRECTPATH_A_HOST_VECTOR_BUDGET]);
	info->vectors_used = ctl_u32(attrs[DIRECTPATH_A_HOST_VECTORS_USED]);
	info->unbind_deadline_ms = ctl_u32(attrs[DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS]);
	info->reset_deadline_ms = ctl_u32(attrs[DIRECTPATH_A_HOST_RESET_DEADLINE_MS]);
	info->revoke_deadline_ms = ctl_u32(attrs[DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS]);
	info->devices_claimed = ctl_u32(attrs[DIRECTPATH_A_HOST_DEVICES_CLAIMED]);
	info->vms = ctl_u32(attrs[DIRECTPATH_A_HOST_VMS]);
	info->seq = ctl_u64(attrs[DIRECTPATH_A_HOST_SEQ]);
}

void host_get(struct host_info *info)
{
	memset(info, 0, sizeof(*info));
	ctl_do(ctl_request(DIRECTPATH_CMD_HOST_GET), read_info, info);
}

int __host_set(int attr, uint32_t value)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_HOST_SET);

	if (attr == DIRECTPATH_A_HOST_ADHOC || attr == DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS)
		nla_put_u8(msg, attr, value);
	else
		nla_put_u32(msg, attr, value);
	return __ctl_do(msg, NULL, NULL);
}

void host_set(int attr, uint32_t value)
{
	int ret = __host_set(attr, value);

	dp_assert(!ret, "setting %d: %s: %s", attr, strerror(-ret), ctl_last.text);
}

static void write_parameter(const char *module, const char *value)
{
	char path[PATH_MAX];
	int fd;

	if (!host_loaded(module))
		return;
	snprintf(path, sizeof(path), "/sys/module/%s/parameters/nointxmask", module);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	dp_assert(fd >= 0, "%s: %s", path, strerror(errno));
	dp_assert(write(fd, value, 1) == 1, "%s: %s", path, strerror(errno));
	close(fd);
}

void host_nointxmask(bool on)
{
	write_parameter("directpath", on ? "Y" : "N");
	write_parameter("vfio_pci", on ? "Y" : "N");
}

bool host_loaded(const char *module)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return !access(path, F_OK);
}

int host_shell(const char *command)
{
	char self[PATH_MAX], line[PATH_MAX + 256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int status;

	dp_assert(n > 0, "%s", strerror(errno));
	dp_assert(!strchr(command, '\''), "a single quote would end the command: %s", command);
	self[n] = '\0';
	snprintf(line, sizeof(line), "bash -c '. %s/../bed/lib.sh && %s'", dirname(self), command);
	fflush(stdout);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

bool host_does(const char *fmt, ...)
{
	char command[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	dp_assert(n >= 0 && (size_t)n < sizeof(command), "too long: %s", command);
	return !host_shell(command);
}

/* --- how it was --- */

static int is_address(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strlen(entry->d_name) < sizeof(functions[0].address);
}

static void take_snapshot(void)
{
	struct dirent **entries;
	int nr, i;

	host_get(&before);
	dp_assert(!before.devices_claimed && !before.vms, "%u functions are claimed and %u VMs exist before anything was done",
		  before.devices_claimed, before.vms);
	nr = scandir("/sys/bus/pci/devices", &entries, is_address, alphasort);
	dp_assert(nr > 0, "no PCI functions");
	for (i = 0; i < nr; i++) {
		if (nr_functions < FUNCTIONS_MAX) {
			struct function *function = &functions[nr_functions++];

			strcpy(function->address, entries[i]->d_name);
			pci_driver(function->address, function->driver, sizeof(function->driver));
			pci_override(function->address, function->override, sizeof(function->override));
		}
		free(entries[i]);
	}
	free(entries);
}

/* --- back to it --- */

static unsigned int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static unsigned int complain(const char *fmt, ...)
{
	va_list args;

	fputs("# left behind: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return 1;
}

static bool vm_is_off(const char *name)
{
	struct vm_info info;

	return __vm_get(name, &info) || info.state == DIRECTPATH_VM_STATE_OFF;
}

static unsigned int remove_vm(const char *name)
{
	struct vm_info info;
	unsigned int i;

	if (__vm_get(name, &info))
		return 0;
	for (i = 0; i < info.nr_devices; i++)
		__vm_detach(name, info.devices[i], true);
	/* Its process may just be dying. */
	if (!wait_until(vm_is_off(name), SETTLE_MS))
		return complain("VM %s is still open, by pid %u", name, info.pid);
	/* A function that was pulled out leaves it in a work. */
	if (!info.adhoc && !wait_until(!__vm_del(name), SETTLE_MS))
		return complain("VM %s: %s", name, ctl_last.text);
	return 0;
}

static unsigned int remove_vms(void)
{
	char names[64][32];
	unsigned int nr = vm_list(names, 64), i, bad = 0;

	for (i = 0; i < nr; i++)
		bad += remove_vm(names[i]);
	return bad;
}

static bool is_taken(uint32_t state)
{
	return state != DIRECTPATH_STATE_HOST && state != DIRECTPATH_STATE_GONE;
}

static bool release(const char *address)
{
	struct dev_info info;

	if (__dev_get(address, &info) || !is_taken(info.state))
		return true;
	return !__dev_release(address, DEV_WHOLE_SET, DEV_FORCE(IDENTITY_MISMATCH) | DEV_FORCE(DIRTY));
}

static unsigned int give_back(const char *address)
{
	struct dev_info info;

	if (__dev_get(address, &info))
		return 0; /* it has left the bus */
	if (is_taken(info.state) && !wait_until(release(address), SETTLE_MS))
		return complain("%s is %s (%s): %s", address, dev_state_name(info.state), info.detail, ctl_last.text);
	if (info.clean_hook[0] && __dev_set_hook(address, ""))
		return complain("%s: %s", address, ctl_last.text);
	if (info.storm_set && __dev_forget_storm(address))
		return complain("%s: %s", address, ctl_last.text);
	if (info.has_fault_limit && __dev_set_fault_limit(address, DIRECTPATH_FAULT_LIMIT_DEFAULT))
		return complain("%s: %s", address, ctl_last.text);
	if (info.error_policy && __dev_set_error_policy(address, DIRECTPATH_ERROR_POLICY_DEFAULT))
		return complain("%s: %s", address, ctl_last.text);
	if ((info.name[0] || info.label[0] || strcmp(info.policy, "default")) && __dev_set(address, "", "", ""))
		return complain("%s: %s", address, ctl_last.text);
	return 0;
}

static unsigned int give_all_back(void)
{
	char addresses[FUNCTIONS_MAX][16];
	unsigned int nr = dev_known(addresses, FUNCTIONS_MAX), i, bad = 0;

	for (i = 0; i < nr; i++)
		bad += give_back(addresses[i]);
	return bad;
}

static unsigned int restore_setting(int attr, uint32_t was, uint32_t is)
{
	if (was != is && __host_set(attr, was))
		return complain("setting %d: %s", attr, ctl_last.text);
	return 0;
}

static unsigned int restore_settings(void)
{
	struct host_info now;
	unsigned int bad = 0;

	host_get(&now);
	bad += restore_setting(DIRECTPATH_A_HOST_ADHOC, before.adhoc, now.adhoc);
	bad += restore_setting(DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS, before.unsafe_interrupts, now.unsafe_interrupts);
	bad += restore_setting(DIRECTPATH_A_HOST_VECTOR_BUDGET, before.vector_budget, now.vector_budget);
	bad += restore_setting(DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, before.unbind_deadline_ms, now.unbind_deadline_ms);
	bad += restore_setting(DIRECTPATH_A_HOST_RESET_DEADLINE_MS, before.reset_deadline_ms, now.reset_deadline_ms);
	bad += restore_setting(DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, before.revoke_deadline_ms, now.revoke_deadline_ms);
	return bad;
}

/* Complains once: what can be put right is put right. */
static unsigned int compare(const struct function *function)
{
	char driver[64], override[64];
	unsigned int bad = 0;

	pci_override(function->address, override, sizeof(override));
	if (strcmp(override, function->override)) {
		bad += complain("%s has driver_override '%s', it had '%s'", function->address, override, function->override);
		pci_set_override(function->address, function->override);
	}
	pci_driver(function->address, driver, sizeof(driver));
	if (strcmp(driver, function->driver)) {
		bad += complain("%s has driver '%s', it had '%s'", function->address, driver, function->driver);
		pci_unbind(function->address);
		if (function->driver[0])
			pci_bind(function->address, function->driver);
	}
	return bad;
}

static unsigned int compare_functions(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < nr_functions; i++)
		if (pci_present(functions[i].address))
			bad += compare(&functions[i]);
	return bad;
}

static bool budgets_are_free(struct host_info *now)
{
	host_get(now);
	return now->vectors_used == before.vectors_used && now->devices_claimed == before.devices_claimed && now->vms == before.vms;
}

unsigned int host_restore(void)
{
	struct host_info now;
	unsigned int bad;

	bad = remove_vms();
	bad += give_all_back();
	bad += restore_settings();
	bad += compare_functions();
	if (!wait_until(budgets_are_free(&now), SETTLE_MS))
		bad += complain("%u vectors, %u functions, %u VMs", now.vectors_used, now.devices_claimed, now.vms);
	return bad;
}

/* --- a test program --- */

static bool only_asks(int argc, char **argv)
{
	return argc > 1 && (!strcmp(argv[1], "-l") || !strcmp(argv[1], "-h"));
}

static int run_child(int argc, char **argv, int (*run)(int argc, char **argv))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	dp_assert(pid >= 0, "%s", strerror(errno));
	if (!pid)
		exit(run(argc, argv));
	dp_assert(waitpid(pid, &status, 0) == pid, "%s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return KSFT_SKIP;
}

int host_main(int argc, char **argv, enum host_modules modules, int (*run)(int argc, char **argv))
{
	bool ours = !host_loaded("directpath"), door = modules == HOST_VFIO;
	int ret;

	if (only_asks(argc, argv))
		return run(argc, argv);
	if (geteuid())
		return skip_all("needs root");
	if (ours || (door && !host_loaded("vfio_pci")))
		dp_assert(!host_shell(door ? "load_vfio" : "load_dp"), "the modules were not loaded");
	take_snapshot();
	ret = run_child(argc, argv, run);
	if (host_restore())
		ret = 1;
	mem_exit();
	if (ours && host_shell("unload_dp")) {
		complain("the modules: they were not unloaded");
		ret = 1;
	}
	return ret;
}
