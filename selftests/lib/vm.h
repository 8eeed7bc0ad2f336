/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_VM_H
#define DPATH_TEST_VM_H

/*
 * VM objects and their nodes.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VM_DEVICES 16

/**
 * struct vm_info - what vm-get says
 * @known: the kernel has answered
 */
struct vm_info {
	bool known;
	char name[32];
	uint8_t uuid[16];
	uint32_t uid;
	uint32_t gid;
	uint32_t max_devices;
	uint32_t max_vectors;
	uint64_t max_pinned;
	uint32_t state;
	uint32_t pid;
	unsigned int nr_devices;
	char devices[VM_DEVICES][16];
	uint32_t spaces;
	uint64_t areas;
	uint64_t mapped;
	uint64_t pinned;
	uint32_t vectors;
	bool adhoc;
	char cpus[64];
	bool storm_set;
	uint32_t storm_rate;
	uint32_t storm_backoff;
	uint32_t error_policy;
	uint32_t fault_limit;
	uint64_t seq;
};

/**
 * struct vm_config - for vm-new and vm-set
 * @limits: max_* are given
 * @owner: uid and gid are given
 * @cpus: NULL: not given
 * @storm: storm_* are given
 * @forget_storm: storm-default is
 * @errors: error_policy is given
 * @faults: fault_limit is
 */
struct vm_config {
	bool limits;
	uint32_t max_devices;
	uint32_t max_vectors;
	uint64_t max_pinned;
	bool owner;
	uint32_t uid;
	uint32_t gid;
	const char *cpus;
	bool storm;
	uint32_t storm_rate;
	uint32_t storm_backoff;
	bool forget_storm;
	bool errors;
	uint32_t error_policy;
	bool faults;
	uint32_t fault_limit;
};

int __vm_get(const char *name, struct vm_info *info);
void vm_get(const char *name, struct vm_info *info);
int __vm_new(const char *name, const struct vm_config *config);
void vm_new(const char *name, const struct vm_config *config);
int __vm_set(const char *name, const struct vm_config *config);
void vm_set(const char *name, const struct vm_config *config);
int __vm_del(const char *name);
void vm_del(const char *name);
int __vm_attach(const char *name, const char *address);
void vm_attach(const char *name, const char *address);
int __vm_detach(const char *name, const char *address, bool force);
void vm_detach(const char *name, const char *address, bool force);
/* The names of all VMs: returns how many. */
unsigned int vm_list(char (*names)[32], unsigned int max);
/* Is nothing mapped, pinned and allocated for it within @ms? */
bool vm_is_empty(const char *name, int ms);

/* Its node: fd or -errno. */
int __vm_open(const char *name);
int vm_open(const char *name);
/* A function through the VM's fd: fd or -errno. */
int __vm_device(int vm_fd, const char *address);
int vm_device(int vm_fd, const char *address);

#endif
