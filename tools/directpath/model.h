/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MODEL_H
#define MODEL_H

/*
 * Plain copies of what the kernel says. Commands work on these; only nl.c knows how they come over netlink.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/directpath_nl.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* For %llu, which uint64_t is not everywhere. */
#define ULL(x) ((unsigned long long)(x))

#define ADDRESS_SIZE (DIRECTPATH_ADDRESS_MAX + 1)
#define NAME_SIZE (DIRECTPATH_NAME_MAX + 1)

struct reason {
	unsigned int code;
	bool blocking;
	bool forceable;
	char culprit[256];
	char fix[256];
};

struct reasons {
	unsigned int nr;
	struct reason *v;
};

struct bar {
	unsigned int index;
	uint64_t size;
	bool prefetchable;
	bool io;
};

#define MAX_BARS 7

/* One PCI function; empty strings mean none. */
/* A change of identity that an admin has accepted; @time is 0 if there was none. */
struct acceptance {
	unsigned int uid;
	unsigned int pid;
	uint64_t time;
	char comm[32];
	char change[192];
};

/* What was set of the storm guard; 0 interrupts a second is no limit. */
struct storm {
	bool has_rate;
	bool has_backoff;
	unsigned int rate;
	unsigned int backoff;
};

struct dev {
	char address[ADDRESS_SIZE];
	char name[NAME_SIZE];
	char label[NAME_SIZE];
	unsigned int vendor;
	unsigned int device;
	unsigned int subvendor;
	unsigned int subdevice;
	unsigned int class;
	unsigned int revision;
	char driver[32];
	char host_driver[32];
	unsigned int state;
	bool has_prev_state;
	unsigned int prev_state;
	uint64_t state_ms;
	char detail[192];
	bool has_verdict;
	unsigned int verdict;
	unsigned int grade;
	struct reasons reasons;
	bool has_set;
	unsigned int set;
	unsigned int nr_members;
	char (*members)[ADDRESS_SIZE];
	int numa;
	char reset_methods[64];
	char reset_policy[64];
	char vm[NAME_SIZE];
	unsigned int owner_pid;
	unsigned int nr_bars;
	struct bar bars[MAX_BARS];
	unsigned int msix;
	unsigned int msi;
	unsigned int vectors;
	uint64_t resets;
	unsigned int reset_ms;
	char busy[32];
	bool by_hand;
	char clean_hook[NAME_SIZE];
	struct storm storm;
	unsigned int error_policy; /* 0: as for its VM */
	bool has_fault_limit;	   /* false: as for its VM */
	unsigned int fault_limit;
	uint64_t errors;
	char reset_method[32];
	struct acceptance accepted;
	char cause[128];
	uint64_t seq;
};

struct dev_list {
	unsigned int nr;
	struct dev *v;
};

/* A list of CPUs as text. */
#define CPUS_SIZE 1024

struct vm {
	char name[NAME_SIZE];
	uint8_t uuid[16];
	unsigned int uid;
	unsigned int gid;
	unsigned int max_devices;
	unsigned int max_vectors;
	uint64_t max_pinned;
	unsigned int state;
	unsigned int pid;
	unsigned int nr_devices;
	char (*devices)[ADDRESS_SIZE];
	unsigned int spaces;
	bool has_sums;
	uint64_t areas;
	uint64_t mapped;
	uint64_t pinned;
	unsigned int vectors;
	bool adhoc;
	bool deleted;
	char cause[128];
	char cpus[CPUS_SIZE];
	struct storm storm;
	unsigned int error_policy; /* 0: notify */
	unsigned int fault_limit;  /* 0: none */
	uint64_t seq;
};

struct vm_list {
	unsigned int nr;
	struct vm *v;
};

struct host {
	char version[64];
	char iommu[64];
	bool has_facts;
	bool intremap;
	unsigned int posted;
	char posted_source[96];
	unsigned int bypassed;
	bool adhoc;
	bool unsafe_interrupts;
	unsigned int vector_budget;
	unsigned int vectors_used;
	unsigned int unbind_ms;
	unsigned int reset_ms;
	unsigned int revoke_ms;
	unsigned int devices_claimed;
	unsigned int vms;
	bool door_vfio;
	uint64_t seq;
};

struct op_result {
	uint32_t id;
	unsigned int kind;
	char address[ADDRESS_SIZE];
	char vm[NAME_SIZE];
	bool done;
	unsigned int error;
	char message[512];
	uint64_t elapsed_ms;
	struct reasons reasons;
	uint64_t seq;
};

struct vector {
	unsigned int index;
	unsigned int number;
	unsigned int irq;
	uint64_t count;
	uint64_t storms;
	bool bypassed;
	bool held;
};

/* One dword of config space; @why is empty if nothing was denied. */
struct config_register {
	unsigned int offset;
	char where[40];
	uint64_t writes;
	uint64_t denied;
	unsigned int bits;
	char why[160];
};

/* Of a function if @address is set, else of a VM. */
struct stats {
	char address[ADDRESS_SIZE];
	char vm[NAME_SIZE];
	uint64_t interrupts;
	uint64_t storms;
	unsigned int storm_rate;
	unsigned int storm_backoff;
	bool has_correctable;
	uint64_t correctable;
	uint64_t nonfatal;
	uint64_t fatal;
	unsigned int error_policy;
	uint64_t iommu;
	unsigned int fault_limit;
	uint64_t config_reads;
	uint64_t config_writes;
	uint64_t config_denied;
	uint64_t region_reads;
	uint64_t region_writes;
	uint64_t faults;
	uint64_t resets;
	uint64_t reset_failures;
	uint64_t runs;
	uint64_t maps;
	uint64_t unmaps;
	uint64_t map_us;
	uint64_t unmap_us;
	uint64_t mapped;
	uint64_t pinned;
	uint64_t areas;
	uint64_t seq;
	unsigned int nr_vectors;
	struct vector *vectors;
	unsigned int nr_registers;
	struct config_register *registers;
};

struct stats_list {
	unsigned int nr;
	struct stats *v;
};

/* An error that the kernel has reported. */
struct hw_error {
	char address[ADDRESS_SIZE];
	char vm[NAME_SIZE];
	unsigned int kind;
	uint64_t count;
	bool has_status;
	unsigned int status;
	bool has_iova;
	uint64_t iova;
	bool write;
	unsigned int action;
	uint64_t seq;
};

enum event_kind { EVENT_DEV, EVENT_VM, EVENT_HOST, EVENT_OP, EVENT_ERROR, EVENT_LOST };

struct event {
	enum event_kind kind;
	union {
		const struct dev *dev;
		const struct vm *vm;
		const struct host *host;
		const struct op_result *op;
		const struct hw_error *error;
	};
};

/* Copy what fits. */
void text_copy(char *dst, size_t size, const char *src);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);

void reasons_add(struct reasons *reasons, const struct reason *reason);
void reasons_free(struct reasons *reasons);
void dev_add_member(struct dev *dev, const char *address);
void dev_free(struct dev *dev);
struct dev *dev_list_add(struct dev_list *list);
void dev_list_sort(struct dev_list *list);
void dev_list_free(struct dev_list *list);
struct dev *dev_list_find(const struct dev_list *list, const char *address);
void vm_add_device(struct vm *vm, const char *address);
void vm_free(struct vm *vm);
struct vm *vm_list_add(struct vm_list *list);
struct vm *vm_list_find(const struct vm_list *list, const char *name);
void vm_list_free(struct vm_list *list);
void op_result_free(struct op_result *op);
struct vector *stats_add_vector(struct stats *stats);
struct config_register *stats_add_register(struct stats *stats);
void stats_free(struct stats *stats);
struct stats *stats_list_add(struct stats_list *list);
void stats_list_free(struct stats_list *list);

/* Canonical "0000:3b:00.0" from that or "3b:00.0"; false if @text is no address. */
bool address_parse(const char *text, char out[ADDRESS_SIZE]);
/* Numeric order: domains above ffff come last. */
int address_compare(const char *a, const char *b);

/* Owned by the host: not claimed, or gone. */
static inline bool dev_is_claimed(const struct dev *dev)
{
	return dev->state != DIRECTPATH_STATE_HOST && dev->state != DIRECTPATH_STATE_GONE;
}

/* Lifted by a setting (dev set reset none, host set unsafe-interrupts on) instead of force. */
static inline bool reason_is_consentable(unsigned int code)
{
	return code == DIRECTPATH_REASON_NO_RESET || code == DIRECTPATH_REASON_RESET_SHARED || code == DIRECTPATH_REASON_NO_INTREMAP;
}

static inline bool dev_is_bridge(const struct dev *dev)
{
	return dev->class >> 16 == 0x06;
}

#endif
