/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_HOST_H
#define DPATH_TEST_HOST_H

/*
 * The host: module, settings, and how it was before. A test takes what it needs; host_restore() gives everything back, whatever happened.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * struct host_info - what host-get says
 */
struct host_info {
	char version[32];
	char iommu[32];
	bool intremap;
	uint32_t posted;
	char posted_source[96];
	uint32_t vectors_bypassed;
	uint32_t adhoc;
	uint32_t unsafe_interrupts;
	uint32_t vector_budget;
	uint32_t vectors_used;
	uint32_t unbind_deadline_ms;
	uint32_t reset_deadline_ms;
	uint32_t revoke_deadline_ms;
	uint32_t devices_claimed;
	uint32_t vms;
	bool door_vfio;
	uint64_t seq;
};

enum host_modules {
	HOST_DP,   /* directpath beside the kernel's own vfio */
	HOST_VFIO, /* with the VFIO personality */
};

void host_get(struct host_info *info);
/* One setting, an attribute of host-set. */
int __host_set(int attr, uint32_t value);
void host_set(int attr, uint32_t value);

/* Parameter nointxmask of the modules that functions are bound to. */
void host_nointxmask(bool on);

/* Is a module loaded? */
bool host_loaded(const char *module);
/* A command of bed/lib.sh, without single quotes: its exit code. And with a format: did it succeed? */
int host_shell(const char *command);
bool host_does(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * VMs removed, functions released, names, policies and settings as before; then a look whether drivers and budgets are as they were. Returns how many
 * things are not, each of which is printed.
 */
unsigned int host_restore(void);

/*
 * main() of a test program: loads the modules unless they are there, runs @run (the harness) in a child, restores the host, and unloads what it has
 * loaded. Exit code of the harness, or 1 if something was left behind.
 */
int host_main(int argc, char **argv, enum host_modules modules, int (*run)(int argc, char **argv));

#define HOST_MAIN(modules) \
	int main(int argc, char **argv) \
	{ \
		return host_main(argc, argv, modules, test_harness_run); \
	}

#endif
