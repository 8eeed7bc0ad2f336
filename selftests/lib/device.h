/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_DEVICE_H
#define DPATH_TEST_DEVICE_H

/*
 * PCI functions: as objects of the netlink family, and as fds that speak the VFIO device interface.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vfio.h>

#include "nl.h"

#define DEV_MEMBERS 8
#define DEV_VECTORS 64

/**
 * struct dev_info - what dev-get says
 * @known: the kernel has answered
 */
struct dev_info {
	bool known;
	char address[16];
	char name[32];
	char label[32];
	char driver[32];
	char host_driver[32];
	char vm[32];
	char policy[64];
	char methods[64];
	char detail[128];
	char busy[32];
	char method[32];
	char clean_hook[32];
	bool storm_set;
	uint32_t storm_rate;
	uint32_t storm_backoff;
	uint32_t error_policy;
	uint64_t errors;
	bool has_fault_limit;
	uint32_t fault_limit;
	uint32_t state;
	uint32_t verdict;
	uint32_t grade;
	uint32_t set;
	uint32_t owner_pid;
	uint32_t vectors;
	uint32_t msi;
	uint32_t msix;
	uint64_t resets;
	uint64_t seq;
	unsigned int nr_members;
	char members[DEV_MEMBERS][16];
	unsigned int nr_reasons;
	struct ctl_reason reasons[CTL_REASONS];
	struct {
		bool known;
		uint32_t uid;
		uint32_t pid;
		uint64_t time;
		char comm[16];
		char change[128];
	} accepted;
};

/**
 * struct dev_stats - what stats-get says about a function
 */
struct dev_stats {
	uint64_t interrupts;
	uint64_t storms;
	uint32_t storm_rate;
	uint32_t storm_backoff;
	uint64_t config_reads;
	uint64_t config_writes;
	uint64_t config_denied;
	uint64_t region_reads;
	uint64_t region_writes;
	uint64_t faults;
	uint64_t resets;
	uint64_t reset_failures;
	uint64_t runs;
	bool has_correctable;
	uint64_t correctable;
	uint64_t nonfatal;
	uint64_t fatal;
	uint32_t error_policy;
	uint64_t iommu;
	uint32_t fault_limit;
};

/**
 * struct dev_vector - one vector of the run that goes on
 */
struct dev_vector {
	uint32_t index;
	uint32_t number;
	uint32_t irq;
	uint64_t count;
	uint64_t storms;
	bool bypassed;
	bool held;
};

/**
 * struct dev_register - what stats-get says about one dword of config space
 */
struct dev_register {
	uint32_t offset;
	char where[40];
	uint64_t writes;
	uint64_t denied;
	uint32_t bits;
	char why[160];
};

enum {
	DEV_UNBIND = 1 << 0,
	DEV_WHOLE_SET = 1 << 1,
	DEV_DRIVERLESS = 1 << 2,
};

#define DEV_FORCE(reason) (1ULL << DIRECTPATH_REASON_##reason)

/* --- netlink --- */

int __dev_get(const char *address, struct dev_info *info);
void dev_get(const char *address, struct dev_info *info);
uint32_t dev_state(const char *address);
const char *dev_state_name(uint32_t state);
/* Does it get there within @ms? */
bool dev_reaches(const char *address, uint32_t state, int ms);
int __dev_claim(const char *address, unsigned int flags, uint64_t force);
void dev_claim(const char *address, unsigned int flags, uint64_t force);
/* The operation, for __ctl_wait(). */
uint32_t dev_claim_begin(const char *address, unsigned int flags);
int __dev_release(const char *address, unsigned int flags, uint64_t force);
void dev_release(const char *address, unsigned int flags, uint64_t force);
/* The strings that are NULL stay as they are. */
int __dev_set(const char *address, const char *name, const char *label, const char *policy);
void dev_set_policy(const char *address, const char *policy);
int __dev_reset(const char *address);
int __dev_recover(const char *address);
int __dev_accept(const char *address);
/* DIRECTPATH_CLEAN_STEP_*; @message may be NULL. */
int __dev_clean(const char *address, uint32_t step, const char *message);
/* The cleaning hook; "" for none. */
int __dev_set_hook(const char *address, const char *hook);
/* The storm guard: interrupts a second, and the first back-off in ms. And as for its VM. */
int __dev_set_storm(const char *address, uint32_t rate, uint32_t backoff);
int __dev_forget_storm(const char *address);
/* DIRECTPATH_ERROR_POLICY_*. */
int __dev_set_error_policy(const char *address, uint32_t policy);
/* Refused DMA accesses that end its run; 0: none; DIRECTPATH_FAULT_LIMIT_DEFAULT: as for its VM. */
int __dev_set_fault_limit(const char *address, uint32_t limit);
void dev_stats(const char *address, struct dev_stats *stats);
/* Its vectors now: returns how many. */
unsigned int dev_vectors(const char *address, struct dev_vector *vectors, unsigned int max);
/* One of them; false: it has no host interrupt. */
bool dev_vector(const char *address, uint32_t number, struct dev_vector *vector);
/* The dword at @offset; false if nobody has written it. */
bool dev_register(const char *address, uint32_t offset, struct dev_register *reg);
/* How many of them are in a reply. */
unsigned int dev_nr_registers(const char *address);
/* Every function that the module knows: returns how many. */
unsigned int dev_known(char (*addresses)[16], unsigned int max);

/* --- the fd --- */

/* An ioctl: -errno, or what it returned. */
int fd_ioctl(int fd, unsigned long cmd, void *arg);

void device_info(int fd, struct vfio_device_info *info);
int __device_region(int fd, uint32_t index, struct vfio_region_info *info);
void device_region(int fd, uint32_t index, struct vfio_region_info *info);
int __device_irq_info(int fd, uint32_t index, struct vfio_irq_info *info);
int __device_reset(int fd);
/* Register @offset of a region: 1, 2, 4 or 8 bytes. -errno, or the bytes moved. */
ssize_t __device_read(int fd, uint32_t index, uint64_t offset, void *buf, size_t size);
ssize_t __device_write(int fd, uint32_t index, uint64_t offset, const void *buf, size_t size);
uint32_t device_config_read(int fd, uint32_t offset, size_t size);
void device_config_write(int fd, uint32_t offset, size_t size, uint32_t value);
/* Memory decode and bus master on. */
void device_enable(int fd);
/* Was its function taken away? */
bool device_is_dead(int fd);
/* The first @size bytes of a BAR; MAP_FAILED and errno if that is refused. */
void *__device_mmap(int fd, uint32_t index, size_t size);
void *device_mmap(int fd, uint32_t index, size_t size);

#endif
