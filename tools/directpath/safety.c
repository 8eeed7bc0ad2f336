// SPDX-License-Identifier: GPL-2.0
/*
 * Host safety: which PCI functions the host stands on.
 *
 * The scan goes from what is in use (mounts, swap, arrays, routes, the caller's session, displays) down to functions, and notes one finding for
 * each function that it meets, with the way as text: "nvme0n1p2 -> md0 -> /". It reads sysfs, procfs and the udev database only; no device is
 * opened. A path below /sys/devices names every function between the host bridge and the device; all of them are noted, since whoever takes the
 * controller of an array or the VMD in front of a disk takes the disk.
 *
 * The file system that the host runs from and its swap can be overridden by nothing: there is no host left to regret it.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safety.h"
#include "sysfs.h"

static bool can_force(unsigned int code)
{
	return code != DIRECTPATH_REASON_ROOT_DISK && code != DIRECTPATH_REASON_SWAP;
}

bool safety_has(const struct safety *safety, const char *address, unsigned int code, const char *key)
{
	unsigned int i;

	for (i = 0; i < safety->nr; i++) {
		const struct finding *f = &safety->v[i];

		if (f->reason.code == code && !strcmp(f->address, address) && (!key || !strcmp(f->key, key)))
			return true;
	}
	return false;
}

void safety_add(struct safety *safety, const char *address, unsigned int code, const char *key, const char *culprit, const char *fix)
{
	struct finding *f;

	if (safety_has(safety, address, code, key))
		return;
	safety->v = xrealloc(safety->v, safety->nr + 1, sizeof(*safety->v));
	f = &safety->v[safety->nr++];
	memset(f, 0, sizeof(*f));
	snprintf(f->address, sizeof(f->address), "%s", address);
	snprintf(f->key, sizeof(f->key), "%s", key);
	f->reason.code = code;
	f->reason.blocking = true;
	f->reason.forceable = can_force(code);
	snprintf(f->reason.culprit, sizeof(f->reason.culprit), "%s", culprit);
	snprintf(f->reason.fix, sizeof(f->reason.fix), "%s", fix);
}

static const char console_fix[] = "make another adapter the console (firmware setup; console=ttyS0), or work without one";

static bool note_boot_vga(const char *name, void *ctx)
{
	char path[PATH_SIZE], line[8];

	sysfs_path(path, "/sys/bus/pci/devices/%s/boot_vga", name);
	if (sysfs_line(path, line, sizeof(line)) && !strcmp(line, "1"))
		safety_add(ctx, name, DIRECTPATH_REASON_CONSOLE_GPU, "", "it is the boot display", console_fix);
	return true;
}

static void note_display(struct safety *safety, const char *link, const char *culprit)
{
	struct functions functions;
	const char *address = sysfs_function(link, &functions);

	if (address)
		safety_add(safety, address, DIRECTPATH_REASON_CONSOLE_GPU, "", culprit, console_fix);
}

static bool note_framebuffer(const char *name, void *ctx)
{
	char path[PATH_SIZE], line[64], culprit[128];

	if (strncmp(name, "fb", 2) || !isdigit((unsigned char)name[2]))
		return true;
	sysfs_path(path, "/sys/class/graphics/%s/name", name);
	sysfs_line(path, line, sizeof(line));
	snprintf(culprit, sizeof(culprit), "%.16s%s%s%s is a framebuffer console", name, line[0] ? " (" : "", line, line[0] ? ")" : "");
	sysfs_path(path, "/sys/class/graphics/%s/device", name);
	note_display(ctx, path, culprit);
	return true;
}

/* card0-HDMI-A-1 */
static bool note_connector(const char *name, void *ctx)
{
	char path[PATH_SIZE], status[32], enabled[32], culprit[128];
	const char *dash = strchr(name, '-');

	if (strncmp(name, "card", 4) || !dash)
		return true;
	sysfs_path(path, "/sys/class/drm/%s/status", name);
	sysfs_line(path, status, sizeof(status));
	sysfs_path(path, "/sys/class/drm/%s/enabled", name);
	sysfs_line(path, enabled, sizeof(enabled));
	if (strcmp(status, "connected") || strcmp(enabled, "enabled"))
		return true;
	snprintf(culprit, sizeof(culprit), "a display is on at its connector %.64s", dash + 1);
	sysfs_path(path, "/sys/class/drm/%s", name);
	note_display(ctx, path, culprit);
	return true;
}

struct safety *safety_scan(void)
{
	struct safety *safety = xcalloc(1, sizeof(*safety));

	safety_scan_disks(safety);
	safety_scan_net(safety);
	sysfs_each("/sys/bus/pci/devices", note_boot_vga, safety);
	sysfs_each("/sys/class/graphics", note_framebuffer, safety);
	sysfs_each("/sys/class/drm", note_connector, safety);
	return safety;
}

void safety_free(struct safety *safety)
{
	if (!safety)
		return;
	free(safety->v);
	free(safety);
}

/* The kernel knows the boot display, too, and may not have thought it worth refusing. */
static bool merge_reason(struct reasons *reasons, const struct reason *reason)
{
	unsigned int i;

	for (i = 0; i < reasons->nr; i++) {
		struct reason *have = &reasons->v[i];

		if (have->code != reason->code || reason->code != DIRECTPATH_REASON_CONSOLE_GPU)
			continue;
		if (!have->blocking)
			*have = *reason;
		return true;
	}
	return false;
}

void safety_apply(const struct safety *safety, const char *address, struct reasons *reasons)
{
	unsigned int i;

	for (i = 0; i < safety->nr; i++)
		if (!strcmp(safety->v[i].address, address) && !merge_reason(reasons, &safety->v[i].reason))
			reasons_add(reasons, &safety->v[i].reason);
}
