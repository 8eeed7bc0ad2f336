/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NL_H
#define NL_H

/*
 * The kernel, over generic netlink. Only nl*.c know libnl (nl_priv.h); the tests link a stand-in for it.
 * Functions return 0 or -errno; kernel_text() is what the kernel said about the last failure, or "".
 */

#include "model.h"
#include "storm.h"

/* -ENOENT: the family is not there, i.e. the module is not loaded. Calling it again is free. */
int kernel_connect(void);
void kernel_disconnect(void);
const char *kernel_text(void);

int kernel_host_get(struct host *host);

enum host_field { HOST_ADHOC, HOST_UNSAFE_INTERRUPTS, HOST_VECTOR_BUDGET, HOST_UNBIND_MS, HOST_RESET_MS, HOST_REVOKE_MS, HOST_NR_FIELDS };

/* Fields that are not given stay. */
struct host_change {
	bool given[HOST_NR_FIELDS];
	uint32_t value[HOST_NR_FIELDS];
};

int kernel_host_set(const struct host_change *change);

/* Every PCI function of the host, in the order of addresses. */
int kernel_dev_list(struct dev_list *list);
/* NULL stays, "" clears. */
struct dev_change {
	const char *name;
	const char *label;
	const char *reset_policy;
	const char *clean_hook;
	struct storm_change storm;
	bool has_error_policy;
	unsigned int error_policy;
	bool has_fault_limit;
	unsigned int fault_limit;
};

int kernel_dev_set(const char *address, const struct dev_change *change);

int kernel_vm_list(struct vm_list *list);

struct vm_change {
	const char *name;
	const uint8_t *uuid;
	bool has_uid, has_gid, has_max_devices, has_max_vectors, has_max_pinned;
	uint32_t uid, gid, max_devices, max_vectors;
	uint64_t max_pinned;
	const char *cpus; /* NULL stays, "" leaves it to the kernel */
	struct storm_change storm;
	bool has_error_policy;
	unsigned int error_policy;
	bool has_fault_limit;
	unsigned int fault_limit;
};

int kernel_vm_new(const struct vm_change *change);
int kernel_vm_set(const struct vm_change *change);
int kernel_vm_del(const char *name);

/* One of @address and @vm is NULL. Vectors come with this one only. */
int kernel_stats_get(const char *address, const char *vm, struct stats *stats);
int kernel_stats_list(struct stats_list *list);

struct op_request {
	enum directpath_op_kind kind;
	const char *address;
	const char *vm;
	unsigned int nr_addresses;
	char (*addresses)[ADDRESS_SIZE];
	bool unbind;
	bool whole_set;
	bool driverless;
	bool now;
	uint64_t force;
	enum directpath_clean_step step;
	const char *message;
};

/* Queue an operation; *@id is its number. Events are listened to from before the request, so that its end is not missed. */
int kernel_op_start(const struct op_request *request, uint32_t *id);
/* Wait up to @ms for its end: 0 and *@result, or -ETIME with what it is doing. */
int kernel_op_wait(uint32_t id, int ms, struct op_result *result);

/* Pass every event to @fn until it returns false, or a signal comes (0). @ready is called when @fd, if it is not -1, can be read. */
int kernel_monitor(bool (*fn)(const struct event *event, void *ctx), int fd, bool (*ready)(void *ctx), void *ctx);

#endif
