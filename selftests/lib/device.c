// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "assert.h"
#include "device.h"
#include "proc.h"

static void read_acceptance(struct nlattr *nest, struct dev_info *info)
{
	struct nlattr *attrs[DIRECTPATH_A_ACCEPTANCE_MAX + 1];

	info->accepted.known = nest && !nla_parse_nested(attrs, DIRECTPATH_A_ACCEPTANCE_MAX, nest, NULL);
	if (!info->accepted.known)
		return;
	info->accepted.uid = ctl_u32(attrs[DIRECTPATH_A_ACCEPTANCE_UID]);
	info->accepted.pid = ctl_u32(attrs[DIRECTPATH_A_ACCEPTANCE_PID]);
	info->accepted.time = ctl_u64(attrs[DIRECTPATH_A_ACCEPTANCE_TIME]);
	ctl_copy(info->accepted.comm, sizeof(info->accepted.comm), attrs[DIRECTPATH_A_ACCEPTANCE_COMM]);
	ctl_copy(info->accepted.change, sizeof(info->accepted.change), attrs[DIRECTPATH_A_ACCEPTANCE_CHANGE]);
}

static void read_info(struct nlattr **attrs, void *arg)
{
	struct dev_info *info = arg;

	info->known = true;
	ctl_copy(info->address, sizeof(info->address), attrs[DIRECTPATH_A_DEV_ADDRESS]);
	ctl_copy(info->name, sizeof(info->name), attrs[DIRECTPATH_A_DEV_NAME]);
	ctl_copy(info->label, sizeof(info->label), attrs[DIRECTPATH_A_DEV_LABEL]);
	ctl_copy(info->driver, sizeof(info->driver), attrs[DIRECTPATH_A_DEV_DRIVER]);
	ctl_copy(info->host_driver, sizeof(info->host_driver), attrs[DIRECTPATH_A_DEV_HOST_DRIVER]);
	ctl_copy(info->vm, sizeof(info->vm), attrs[DIRECTPATH_A_DEV_VM]);
	ctl_copy(info->policy, sizeof(info->policy), attrs[DIRECTPATH_A_DEV_RESET_POLICY]);
	ctl_copy(info->methods, sizeof(info->methods), attrs[DIRECTPATH_A_DEV_RESET_METHODS]);
	ctl_copy(info->detail, sizeof(info->detail), attrs[DIRECTPATH_A_DEV_DETAIL]);
	ctl_copy(info->busy, sizeof(info->busy), attrs[DIRECTPATH_A_DEV_BUSY]);
	ctl_copy(info->method, sizeof(info->method), attrs[DIRECTPATH_A_DEV_RESET_METHOD]);
	ctl_copy(info->clean_hook, sizeof(info->clean_hook), attrs[DIRECTPATH_A_DEV_CLEAN_HOOK]);
	info->storm_set = attrs[DIRECTPATH_A_DEV_STORM_RATE] || attrs[DIRECTPATH_A_DEV_STORM_BACKOFF];
	info->storm_rate = ctl_u32(attrs[DIRECTPATH_A_DEV_STORM_RATE]);
	info->storm_backoff = ctl_u32(attrs[DIRECTPATH_A_DEV_STORM_BACKOFF]);
	info->error_policy = ctl_u32(attrs[DIRECTPATH_A_DEV_ERROR_POLICY]);
	info->errors = ctl_u64(attrs[DIRECTPATH_A_DEV_ERRORS]);
	info->has_fault_limit = attrs[DIRECTPATH_A_DEV_FAULT_LIMIT];
	info->fault_limit = ctl_u32(attrs[DIRECTPATH_A_DEV_FAULT_LIMIT]);
	read_acceptance(attrs[DIRECTPATH_A_DEV_ACCEPTED], info);
	info->state = ctl_u32(attrs[DIRECTPATH_A_DEV_STATE]);
	info->verdict = ctl_u32(attrs[DIRECTPATH_A_DEV_VERDICT]);
	info->grade = ctl_u32(attrs[DIRECTPATH_A_DEV_GRADE]);
	info->set = ctl_u32(attrs[DIRECTPATH_A_DEV_SET]);
	info->owner_pid = ctl_u32(attrs[DIRECTPATH_A_DEV_OWNER_PID]);
	info->vectors = ctl_u32(attrs[DIRECTPATH_A_DEV_VECTORS]);
	info->msi = ctl_u32(attrs[DIRECTPATH_A_DEV_MSI]);
	info->msix = ctl_u32(attrs[DIRECTPATH_A_DEV_MSIX]);
	info->resets = ctl_u64(attrs[DIRECTPATH_A_DEV_RESETS]);
	info->seq = ctl_u64(attrs[DIRECTPATH_A_DEV_SEQ]);
	info->nr_members = ctl_strings(DIRECTPATH_A_DEV_SET_MEMBER, info->members, DEV_MEMBERS);
	info->nr_reasons = ctl_reasons(DIRECTPATH_A_DEV_REASON, info->reasons, CTL_REASONS);
}

static struct nl_msg *request(int cmd, const char *address)
{
	struct nl_msg *msg = ctl_request(cmd);

	if (address)
		nla_put_string(msg, DIRECTPATH_A_DEV_ADDRESS, address);
	return msg;
}

int __dev_get(const char *address, struct dev_info *info)
{
	memset(info, 0, sizeof(*info));
	return __ctl_do(request(DIRECTPATH_CMD_DEV_GET, address), read_info, info);
}

void dev_get(const char *address, struct dev_info *info)
{
	int ret = __dev_get(address, info);

	dp_assert(!ret && info->known, "%s: %s: %s", address, strerror(-ret), ctl_last.text);
}

uint32_t dev_state(const char *address)
{
	struct dev_info info;

	dev_get(address, &info);
	return info.state;
}

const char *dev_state_name(uint32_t state)
{
	static const char * const names[] = {
		"host", "claiming", "ready", "reserved", "running", "draining", "resetting", "dirty", "quarantined", "failed", "gone",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

bool dev_reaches(const char *address, uint32_t state, int ms)
{
	return wait_until(dev_state(address) == state, ms);
}

static void put_force(struct nl_msg *msg, uint64_t force)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		if (force & 1ULL << i)
			nla_put_u32(msg, DIRECTPATH_A_DEV_FORCE, i);
}

static void put_flags(struct nl_msg *msg, unsigned int flags)
{
	if (flags & DEV_UNBIND)
		nla_put_flag(msg, DIRECTPATH_A_DEV_UNBIND);
	if (flags & DEV_WHOLE_SET)
		nla_put_flag(msg, DIRECTPATH_A_DEV_WHOLE_SET);
	if (flags & DEV_DRIVERLESS)
		nla_put_flag(msg, DIRECTPATH_A_DEV_KEEP_DRIVERLESS);
}

static int change(int cmd, const char *address, unsigned int flags, uint64_t force)
{
	struct nl_msg *msg = request(cmd, address);

	put_flags(msg, flags);
	put_force(msg, force);
	return __ctl_op(msg, DIRECTPATH_A_DEV_OP_ID);
}

int __dev_claim(const char *address, unsigned int flags, uint64_t force)
{
	return change(DIRECTPATH_CMD_DEV_CLAIM, address, flags, force);
}

uint32_t dev_claim_begin(const char *address, unsigned int flags)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_DEV_CLAIM, address);
	uint32_t id;
	int ret;

	put_flags(msg, flags);
	ret = __ctl_queue(msg, DIRECTPATH_A_DEV_OP_ID, &id);
	dp_assert(!ret, "%s: %s: %s", address, strerror(-ret), ctl_last.text);
	return id;
}

void dev_claim(const char *address, unsigned int flags, uint64_t force)
{
	int ret;

	/* A disk that has just come is open for as long as its partitions are looked for. */
	wait_until(!(ret = __dev_claim(address, flags, force)) || !strstr(ctl_last.text, " is open ("), SETTLE_MS);
	dp_assert(!ret, "%s: %s: %s", address, strerror(-ret), ctl_last.text);
}

int __dev_release(const char *address, unsigned int flags, uint64_t force)
{
	return change(DIRECTPATH_CMD_DEV_RELEASE, address, flags, force);
}

void dev_release(const char *address, unsigned int flags, uint64_t force)
{
	int ret = __dev_release(address, flags, force);

	dp_assert(!ret, "%s: %s: %s", address, strerror(-ret), ctl_last.text);
}

int __dev_set(const char *address, const char *name, const char *label, const char *policy)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_DEV_SET, address);

	if (name)
		nla_put_string(msg, DIRECTPATH_A_DEV_NAME, name);
	if (label)
		nla_put_string(msg, DIRECTPATH_A_DEV_LABEL, label);
	if (policy)
		nla_put_string(msg, DIRECTPATH_A_DEV_RESET_POLICY, policy);
	return __ctl_do(msg, NULL, NULL);
}

void dev_set_policy(const char *address, const char *policy)
{
	int ret = __dev_set(address, NULL, NULL, policy);

	dp_assert(!ret, "%s: %s: %s", address, strerror(-ret), ctl_last.text);
}

int __dev_reset(const char *address)
{
	return change(DIRECTPATH_CMD_DEV_RESET, address, 0, 0);
}

int __dev_recover(const char *address)
{
	return change(DIRECTPATH_CMD_DEV_RECOVER, address, 0, 0);
}

int __dev_accept(const char *address)
{
	return change(DIRECTPATH_CMD_DEV_ACCEPT, address, 0, 0);
}

int __dev_clean(const char *address, uint32_t step, const char *message)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_DEV_CLEAN, address);

	nla_put_u32(msg, DIRECTPATH_A_DEV_CLEAN_STEP, step);
	if (message)
		nla_put_string(msg, DIRECTPATH_A_DEV_CLEAN_MESSAGE, message);
	return __ctl_op(msg, DIRECTPATH_A_DEV_OP_ID);
}

int __dev_set_hook(const char *address, const char *hook)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_DEV_SET, address);

	nla_put_string(msg, DIRECTPATH_A_DEV_CLEAN_HOOK, hook);
	return __ctl_do(msg, NULL, NULL);
}

int __dev_set_storm(const char *address, uint32_t rate, uint32_t backoff)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_DEV_SET, address);

	nla_put_u32(msg, DIRECTPATH_A_DEV_STORM_RATE, rate);
	nla_put_u32(msg, DIRECTPATH_A_DEV_STORM_BACKOFF, backoff);
	return __ctl_do(msg, NULL, NULL);
}

int __dev_forget_storm(const char *address)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_DEV_SET, address);

	nla_put_flag(msg, DIRECTPATH_A_DEV_STORM_DEFAULT);
	return __ctl_do(msg, NULL, NULL);
}

int __dev_set_error_policy(const char *address, uint32_t policy)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_DEV_SET, address);

	nla_put_u32(msg, DIRECTPATH_A_DEV_ERROR_POLICY, policy);
	return __ctl_do(msg, NULL, NULL);
}

int __dev_set_fault_limit(const char *address, uint32_t limit)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_DEV_SET, address);

	nla_put_u32(msg, DIRECTPATH_A_DEV_FAULT_LIMIT, limit);
	return __ctl_do(msg, NULL, NULL);
}

static void read_stats(struct nlattr **attrs, void *arg)
{
	struct dev_stats *stats = arg;

	stats->interrupts = ctl_u64(attrs[DIRECTPATH_A_STATS_INTERRUPTS]);
	stats->storms = ctl_u64(attrs[DIRECTPATH_A_STATS_STORMS]);
	stats->storm_rate = ctl_u32(attrs[DIRECTPATH_A_STATS_STORM_RATE]);
	stats->storm_backoff = ctl_u32(attrs[DIRECTPATH_A_STATS_STORM_BACKOFF]);
	stats->config_reads = ctl_u64(attrs[DIRECTPATH_A_STATS_CONFIG_READS]);
	stats->config_writes = ctl_u64(attrs[DIRECTPATH_A_STATS_CONFIG_WRITES]);
	stats->config_denied = ctl_u64(attrs[DIRECTPATH_A_STATS_CONFIG_DENIED]);
	stats->region_reads = ctl_u64(attrs[DIRECTPATH_A_STATS_REGION_READS]);
	stats->region_writes = ctl_u64(attrs[DIRECTPATH_A_STATS_REGION_WRITES]);
	stats->faults = ctl_u64(attrs[DIRECTPATH_A_STATS_FAULTS]);
	stats->resets = ctl_u64(attrs[DIRECTPATH_A_STATS_RESETS]);
	stats->reset_failures = ctl_u64(attrs[DIRECTPATH_A_STATS_RESET_FAILURES]);
	stats->runs = ctl_u64(attrs[DIRECTPATH_A_STATS_RUNS]);
	stats->has_correctable = attrs[DIRECTPATH_A_STATS_ERRORS_CORRECTABLE];
	stats->correctable = ctl_u64(attrs[DIRECTPATH_A_STATS_ERRORS_CORRECTABLE]);
	stats->nonfatal = ctl_u64(attrs[DIRECTPATH_A_STATS_ERRORS_NONFATAL]);
	stats->fatal = ctl_u64(attrs[DIRECTPATH_A_STATS_ERRORS_FATAL]);
	stats->error_policy = ctl_u32(attrs[DIRECTPATH_A_STATS_ERROR_POLICY]);
	stats->iommu = ctl_u64(attrs[DIRECTPATH_A_STATS_ERRORS_IOMMU]);
	stats->fault_limit = ctl_u32(attrs[DIRECTPATH_A_STATS_FAULT_LIMIT]);
}

void dev_stats(const char *address, struct dev_stats *stats)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_STATS_GET);

	memset(stats, 0, sizeof(*stats));
	nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, address);
	ctl_do(msg, read_stats, stats);
}

struct vector_list {
	struct dev_vector *vectors;
	unsigned int nr, max;
};

static void read_vectors(struct nlattr **attrs, void *arg)
{
	struct vector_list *list = arg;

	(void)attrs;
	list->nr = ctl_vectors(DIRECTPATH_A_STATS_VECTOR, list->vectors, list->max);
}

unsigned int dev_vectors(const char *address, struct dev_vector *vectors, unsigned int max)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_STATS_GET);
	struct vector_list list = { .vectors = vectors, .max = max };

	nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, address);
	ctl_do(msg, read_vectors, &list);
	return list.nr;
}

bool dev_vector(const char *address, uint32_t number, struct dev_vector *vector)
{
	struct dev_vector vectors[DEV_VECTORS];
	unsigned int nr = dev_vectors(address, vectors, DEV_VECTORS), i;

	for (i = 0; i < nr; i++) {
		if (vectors[i].number != number)
			continue;
		*vector = vectors[i];
		return true;
	}
	return false;
}

static void read_register(struct nlattr **attrs, void *arg)
{
	struct dev_register *reg = arg;

	if (ctl_u32(attrs[DIRECTPATH_A_REGISTER_OFFSET]) != reg->offset)
		return;
	ctl_copy(reg->where, sizeof(reg->where), attrs[DIRECTPATH_A_REGISTER_WHERE]);
	reg->writes = ctl_u64(attrs[DIRECTPATH_A_REGISTER_WRITES]);
	reg->denied = ctl_u64(attrs[DIRECTPATH_A_REGISTER_DENIED]);
	reg->bits = ctl_u32(attrs[DIRECTPATH_A_REGISTER_DENIED_BITS]);
	ctl_copy(reg->why, sizeof(reg->why), attrs[DIRECTPATH_A_REGISTER_WHY]);
}

static void read_registers(struct nlattr **attrs, void *arg)
{
	(void)attrs;
	ctl_each(DIRECTPATH_A_STATS_REGISTER, DIRECTPATH_A_REGISTER_MAX, read_register, arg);
}

bool dev_register(const char *address, uint32_t offset, struct dev_register *reg)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_STATS_GET);

	memset(reg, 0, sizeof(*reg));
	reg->offset = offset;
	nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, address);
	ctl_do(msg, read_registers, reg);
	return reg->where[0];
}

static void count_register(struct nlattr **attrs, void *arg)
{
	(void)attrs;
	++*(unsigned int *)arg;
}

static void count_registers(struct nlattr **attrs, void *arg)
{
	(void)attrs;
	ctl_each(DIRECTPATH_A_STATS_REGISTER, DIRECTPATH_A_REGISTER_MAX, count_register, arg);
}

unsigned int dev_nr_registers(const char *address)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_STATS_GET);
	unsigned int nr = 0;

	nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, address);
	ctl_do(msg, count_registers, &nr);
	return nr;
}

struct known {
	char (*addresses)[16];
	unsigned int nr, max;
};

static void read_known(struct nlattr **attrs, void *arg)
{
	struct known *known = arg;

	if (attrs[DIRECTPATH_A_STATS_ADDRESS] && known->nr < known->max)
		ctl_copy(known->addresses[known->nr++], sizeof(known->addresses[0]), attrs[DIRECTPATH_A_STATS_ADDRESS]);
}

unsigned int dev_known(char (*addresses)[16], unsigned int max)
{
	struct known known = { .addresses = addresses, .max = max };
	int ret = __ctl_dump(ctl_request(DIRECTPATH_CMD_STATS_GET), read_known, &known);

	dp_assert(!ret, "dump: %s: %s", strerror(-ret), ctl_last.text);
	return known.nr;
}

/* --- the fd --- */

int fd_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

void device_info(int fd, struct vfio_device_info *info)
{
	int ret;

	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	ret = fd_ioctl(fd, VFIO_DEVICE_GET_INFO, info);
	dp_assert(!ret, "%s", strerror(-ret));
}

int __device_region(int fd, uint32_t index, struct vfio_region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return fd_ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info);
}

void device_region(int fd, uint32_t index, struct vfio_region_info *info)
{
	int ret = __device_region(fd, index, info);

	dp_assert(!ret, "region %u: %s", index, strerror(-ret));
}

int __device_irq_info(int fd, uint32_t index, struct vfio_irq_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	return fd_ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, info);
}

int __device_reset(int fd)
{
	return fd_ioctl(fd, VFIO_DEVICE_RESET, NULL);
}

ssize_t __device_read(int fd, uint32_t index, uint64_t offset, void *buf, size_t size)
{
	ssize_t ret = pread(fd, buf, size, ((off_t)index << 40) + offset);

	return ret < 0 ? -errno : ret;
}

ssize_t __device_write(int fd, uint32_t index, uint64_t offset, const void *buf, size_t size)
{
	ssize_t ret = pwrite(fd, buf, size, ((off_t)index << 40) + offset);

	return ret < 0 ? -errno : ret;
}

uint32_t device_config_read(int fd, uint32_t offset, size_t size)
{
	uint32_t value = 0;
	ssize_t ret = __device_read(fd, VFIO_PCI_CONFIG_REGION_INDEX, offset, &value, size);

	dp_assert(ret == (ssize_t)size, "config %#x: %zd", offset, ret);
	return value;
}

void device_config_write(int fd, uint32_t offset, size_t size, uint32_t value)
{
	ssize_t ret = __device_write(fd, VFIO_PCI_CONFIG_REGION_INDEX, offset, &value, size);

	dp_assert(ret == (ssize_t)size, "config %#x: %zd", offset, ret);
}

bool device_is_dead(int fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return fd_ioctl(fd, VFIO_DEVICE_GET_INFO, &info) == -ENODEV;
}

void device_enable(int fd)
{
	uint32_t command = device_config_read(fd, PCI_COMMAND, 2);

	device_config_write(fd, PCI_COMMAND, 2, command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void *__device_mmap(int fd, uint32_t index, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)index << 40);
}

void *device_mmap(int fd, uint32_t index, size_t size)
{
	void *bar = __device_mmap(fd, index, size);

	dp_assert(bar != MAP_FAILED, "BAR %u: %s", index, strerror(errno));
	return bar;
}
