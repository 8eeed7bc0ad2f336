// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <linux/directpath.h>

#include "assert.h"
#include "device.h"
#include "nl.h"
#include "proc.h"
#include "vm.h"

static void read_info(struct nlattr **attrs, void *arg)
{
	struct vm_info *info = arg;

	info->known = true;
	ctl_copy(info->name, sizeof(info->name), attrs[DIRECTPATH_A_VM_NAME]);
	if (attrs[DIRECTPATH_A_VM_UUID])
		memcpy(info->uuid, nla_data(attrs[DIRECTPATH_A_VM_UUID]), sizeof(info->uuid));
	info->uid = ctl_u32(attrs[DIRECTPATH_A_VM_UID]);
	info->gid = ctl_u32(attrs[DIRECTPATH_A_VM_GID]);
	info->max_devices = ctl_u32(attrs[DIRECTPATH_A_VM_MAX_DEVICES]);
	ctl_copy(info->cpus, sizeof(info->cpus), attrs[DIRECTPATH_A_VM_CPUS]);
	info->storm_set = attrs[DIRECTPATH_A_VM_STORM_RATE] || attrs[DIRECTPATH_A_VM_STORM_BACKOFF];
	info->error_policy = ctl_u32(attrs[DIRECTPATH_A_VM_ERROR_POLICY]);
	info->fault_limit = ctl_u32(attrs[DIRECTPATH_A_VM_FAULT_LIMIT]);
	info->storm_rate = ctl_u32(attrs[DIRECTPATH_A_VM_STORM_RATE]);
	info->storm_backoff = ctl_u32(attrs[DIRECTPATH_A_VM_STORM_BACKOFF]);
	info->max_vectors = ctl_u32(attrs[DIRECTPATH_A_VM_MAX_VECTORS]);
	info->max_pinned = ctl_u64(attrs[DIRECTPATH_A_VM_MAX_PINNED]);
	info->state = ctl_u32(attrs[DIRECTPATH_A_VM_STATE]);
	info->pid = ctl_u32(attrs[DIRECTPATH_A_VM_PID]);
	info->nr_devices = ctl_strings(DIRECTPATH_A_VM_DEVICE, info->devices, VM_DEVICES);
	info->spaces = ctl_u32(attrs[DIRECTPATH_A_VM_SPACES]);
	info->areas = ctl_u64(attrs[DIRECTPATH_A_VM_AREAS]);
	info->mapped = ctl_u64(attrs[DIRECTPATH_A_VM_MAPPED]);
	info->pinned = ctl_u64(attrs[DIRECTPATH_A_VM_PINNED]);
	info->vectors = ctl_u32(attrs[DIRECTPATH_A_VM_VECTORS]);
	info->adhoc = attrs[DIRECTPATH_A_VM_ADHOC];
	info->seq = ctl_u64(attrs[DIRECTPATH_A_VM_SEQ]);
}

static struct nl_msg *request(int cmd, const char *name)
{
	struct nl_msg *msg = ctl_request(cmd);

	if (name)
		nla_put_string(msg, DIRECTPATH_A_VM_NAME, name);
	return msg;
}

int __vm_get(const char *name, struct vm_info *info)
{
	memset(info, 0, sizeof(*info));
	return __ctl_do(request(DIRECTPATH_CMD_VM_GET, name), read_info, info);
}

void vm_get(const char *name, struct vm_info *info)
{
	int ret = __vm_get(name, info);

	dp_assert(!ret && info->known, "%s: %s: %s", name, strerror(-ret), ctl_last.text);
}

static void put_config(struct nl_msg *msg, const struct vm_config *config)
{
	if (config && config->owner) {
		nla_put_u32(msg, DIRECTPATH_A_VM_UID, config->uid);
		nla_put_u32(msg, DIRECTPATH_A_VM_GID, config->gid);
	}
	if (config && config->limits) {
		nla_put_u32(msg, DIRECTPATH_A_VM_MAX_DEVICES, config->max_devices);
		nla_put_u32(msg, DIRECTPATH_A_VM_MAX_VECTORS, config->max_vectors);
		nla_put_u64(msg, DIRECTPATH_A_VM_MAX_PINNED, config->max_pinned);
	}
	if (config && config->cpus)
		nla_put_string(msg, DIRECTPATH_A_VM_CPUS, config->cpus);
	if (config && config->storm) {
		nla_put_u32(msg, DIRECTPATH_A_VM_STORM_RATE, config->storm_rate);
		nla_put_u32(msg, DIRECTPATH_A_VM_STORM_BACKOFF, config->storm_backoff);
	}
	if (config && config->forget_storm)
		nla_put_flag(msg, DIRECTPATH_A_VM_STORM_DEFAULT);
	if (config && config->errors)
		nla_put_u32(msg, DIRECTPATH_A_VM_ERROR_POLICY, config->error_policy);
	if (config && config->faults)
		nla_put_u32(msg, DIRECTPATH_A_VM_FAULT_LIMIT, config->fault_limit);
}

static int configure(int cmd, const char *name, const struct vm_config *config)
{
	struct nl_msg *msg = request(cmd, name);

	put_config(msg, config);
	return __ctl_do(msg, NULL, NULL);
}

int __vm_new(const char *name, const struct vm_config *config)
{
	return configure(DIRECTPATH_CMD_VM_NEW, name, config);
}

void vm_new(const char *name, const struct vm_config *config)
{
	int ret = __vm_new(name, config);

	dp_assert(!ret, "%s: %s: %s", name, strerror(-ret), ctl_last.text);
}

int __vm_set(const char *name, const struct vm_config *config)
{
	return configure(DIRECTPATH_CMD_VM_SET, name, config);
}

void vm_set(const char *name, const struct vm_config *config)
{
	int ret = __vm_set(name, config);

	dp_assert(!ret, "%s: %s: %s", name, strerror(-ret), ctl_last.text);
}

int __vm_del(const char *name)
{
	return __ctl_do(request(DIRECTPATH_CMD_VM_DEL, name), NULL, NULL);
}

void vm_del(const char *name)
{
	int ret = __vm_del(name);

	dp_assert(!ret, "%s: %s: %s", name, strerror(-ret), ctl_last.text);
}

int __vm_attach(const char *name, const char *address)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_VM_ATTACH, name);

	if (address)
		nla_put_string(msg, DIRECTPATH_A_VM_DEVICE, address);
	return __ctl_op(msg, DIRECTPATH_A_VM_OP_ID);
}

void vm_attach(const char *name, const char *address)
{
	int ret = __vm_attach(name, address);

	dp_assert(!ret, "%s to %s: %s: %s", address, name, strerror(-ret), ctl_last.text);
}

int __vm_detach(const char *name, const char *address, bool force)
{
	struct nl_msg *msg = request(DIRECTPATH_CMD_VM_DETACH, name);

	if (address)
		nla_put_string(msg, DIRECTPATH_A_VM_DEVICE, address);
	if (force)
		nla_put_flag(msg, DIRECTPATH_A_VM_FORCE);
	return __ctl_op(msg, DIRECTPATH_A_VM_OP_ID);
}

void vm_detach(const char *name, const char *address, bool force)
{
	int ret = __vm_detach(name, address, force);

	dp_assert(!ret, "%s from %s: %s: %s", address, name, strerror(-ret), ctl_last.text);
}

struct names {
	char (*names)[32];
	unsigned int nr, max;
};

static void read_name(struct nlattr **attrs, void *arg)
{
	struct names *names = arg;

	if (names->nr < names->max)
		ctl_copy(names->names[names->nr++], sizeof(names->names[0]), attrs[DIRECTPATH_A_VM_NAME]);
}

unsigned int vm_list(char (*list)[32], unsigned int max)
{
	struct names names = { .names = list, .max = max };
	int ret = __ctl_dump(ctl_request(DIRECTPATH_CMD_VM_GET), read_name, &names);

	dp_assert(!ret, "dump: %s: %s", strerror(-ret), ctl_last.text);
	return names.nr;
}

static bool is_empty(const char *name)
{
	struct vm_info info;

	vm_get(name, &info);
	return !info.areas && !info.mapped && !info.pinned && !info.vectors;
}

bool vm_is_empty(const char *name, int ms)
{
	return wait_until(is_empty(name), ms);
}

int __vm_open(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/directpath/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vm_open(const char *name)
{
	int fd = __vm_open(name);

	dp_assert(fd >= 0, "%s: %s", name, strerror(-fd));
	return fd;
}

int __vm_device(int vm_fd, const char *address)
{
	struct directpath_device_open cmd = { .size = sizeof(cmd) };
	int ret;

	snprintf(cmd.address, sizeof(cmd.address), "%s", address);
	ret = fd_ioctl(vm_fd, DIRECTPATH_DEVICE_OPEN, &cmd);
	return ret ? ret : cmd.out_fd;
}

int vm_device(int vm_fd, const char *address)
{
	int fd = __vm_device(vm_fd, address);

	dp_assert(fd >= 0, "%s: %s", address, strerror(-fd));
	return fd;
}
