// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assert.h"
#include "inject.h"
#include "proc.h"

#define WORKS "/sys/module/directpath/parameters/injected"
#define UNDER_WAY "/sys/module/directpath/parameters/injecting"
#define DEPTH 32

static int nth_fd = -1;
static int task_fd = -1;
static bool armed;
static bool hit;
static unsigned int works;

static bool read_line(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, text, size - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

/* 0 of a module that is not loaded. */
static unsigned int count_of(const char *path)
{
	char text[16];

	return read_line(path, text, sizeof(text)) ? atoi(text) : 0;
}

bool inject_able(void)
{
	return !access("/proc/thread-self/fail-nth", W_OK) && !access("/sys/kernel/debug/failslab", F_OK);
}

static void set(const char *kind, const char *name, unsigned long value)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind, name);
	file = fopen(path, "w");
	dp_assert(file, "no %s", path);
	fprintf(file, "%#lx\n", value);
	dp_assert(!fclose(file), "%s takes no %#lx", path, value);
}

static const char * const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

struct range {
	unsigned long first;
	unsigned long last;
};

static void extend(struct range *range, unsigned long address)
{
	range->first = address < range->first ? address : range->first;
	range->last = address > range->last ? address : range->last;
}

/* Of the interpreter of ACPI's byte code; the unlikely parts of functions are somewhere else. */
static bool is_interpreter(const char *name)
{
	static const char * const parts[] = { "ds", "ev", "ex", "hw", "ns", "ps", "rs", "ut" };
	unsigned int i;

	if (strncmp(name, "acpi_", 5) || strlen(name) < 8 || name[7] != '_' || strchr(name, '.'))
		return false;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!memcmp(name + 5, parts[i], 2))
			return true;
	return false;
}

static bool is_ours(const char *module)
{
	return !strcmp(module, "directpath") || !strcmp(module, "vfio") || !strcmp(module, "vfio_pci");
}

/* From the first to the last function of our modules, and of ACPI's interpreter; where the text of the kernel ends. */
static struct range module, acpi;
static unsigned long kernel_end;

static void find_text(void)
{
	char line[256], type, name[128], owner[32];
	unsigned long address;
	FILE *file;
	int got;

	module = (struct range){ .first = ~0UL };
	acpi = module;
	file = fopen("/proc/kallsyms", "r");
	dp_assert(file, "no kallsyms");
	/* By address: what lies behind _etext is gone, or no code. */
	while (fgets(line, sizeof(line), file)) {
		got = sscanf(line, "%lx %c %127s [%31[^]]]", &address, &type, name, owner);
		if (got < 3)
			continue;
		if (!strcmp(name, "_etext"))
			kernel_end = address;
		if (!strchr("tT", type))
			continue;
		if (got == 4 && is_ours(owner))
			extend(&module, address);
		else if (got == 3 && !kernel_end && is_interpreter(name))
			extend(&acpi, address);
	}
	fclose(file);
	dp_assert(module.last && kernel_end, "directpath is not loaded");
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return written;
}

/* All slab caches but kmemleak's, which remembers each allocation in one of its own: every other step would be lost on these. */
static void mark_caches(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *entry;
	char path[512];

	dp_assert(dir, "no /sys/kernel/slab");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !strncmp(entry->d_name, "kmemleak", 8))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab", entry->d_name);
		dp_assert(write_text(path, "1"), "%s", path);
	}
	closedir(dir);
	dp_assert(write_text("/sys/kernel/debug/failslab/cache-filter", "Y"), "no cache-filter");
}

static void require(unsigned long first, unsigned long last)
{
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		set(kinds[i], "require-start", first);
		set(kinds[i], "require-end", last);
	}
}

void inject_find(void)
{
	if (!inject_able())
		return;
	mark_caches();
	find_text();
}

void inject_modules(void)
{
	require(kernel_end, ~0UL);
}

void inject_setup(void)
{
	unsigned int i;

	dp_assert(!access(WORKS, R_OK), "no %s: the modules are not built with DIRECTPATH_CI=1", WORKS);
	require(module.first, module.last + 0x1000);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		set(kinds[i], "stacktrace-depth", DEPTH);
		/* It drops references twice where it gets no memory: 6.12, acpi_rs_get_prt_method_data(). */
		set(kinds[i], "reject-start", acpi.first);
		set(kinds[i], "reject-end", acpi.last);
	}
	set("failslab", "ignore-gfp-wait", 0);
	set("fail_page_alloc", "ignore-gfp-wait", 0);
	set("fail_page_alloc", "ignore-gfp-highmem", 0);
	set("fail_page_alloc", "min-order", 0);
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	task_fd = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	dp_assert(nth_fd >= 0 && task_fd >= 0, "no fail-nth, or no make-it-fail");
}

static void write_nth(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	dp_assert(pwrite(nth_fd, text, len, 0) == len, "fail-nth");
}

void inject_arm(unsigned int nth)
{
	works = count_of(WORKS);
	hit = false;
	armed = true;
	dp_assert(pwrite(task_fd, "1", 1, 0) == 1, "make-it-fail");
	write_nth(nth);
}

void inject_stop(void)
{
	char text[16] = "";

	if (!armed)
		return;
	armed = false;
	dp_assert(pread(nth_fd, text, sizeof(text) - 1, 0) > 0, "fail-nth");
	hit = !atoi(text);
	write_nth(0);
	dp_assert(pwrite(task_fd, "0", 1, 0) == 1, "make-it-fail");
}

bool inject_fired(void)
{
	inject_stop();
	dp_assert(wait_until(!count_of(UNDER_WAY), SETTLE_MS), "a work does not end");
	return hit || count_of(WORKS) != works;
}
