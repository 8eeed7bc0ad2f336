// SPDX-License-Identifier: GPL-2.0
/* Questions and changes that are answered at once. */

#include <errno.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <string.h>
#include <linux/directpath_nl.h>

#include "nl.h"
#include "nl_priv.h"

static int take_host(struct genlmsghdr *hdr, void *ctx)
{
	return nl_parse_host(hdr, ctx);
}

static int take_dev(struct genlmsghdr *hdr, void *ctx)
{
	return nl_parse_dev(hdr, dev_list_add(ctx));
}

static int take_vm(struct genlmsghdr *hdr, void *ctx)
{
	return nl_parse_vm(hdr, vm_list_add(ctx));
}

static int take_stats(struct genlmsghdr *hdr, void *ctx)
{
	return nl_parse_stats(hdr, ctx);
}

static int take_stats_list(struct genlmsghdr *hdr, void *ctx)
{
	return nl_parse_stats(hdr, stats_list_add(ctx));
}

int kernel_host_get(struct host *host)
{
	int ret = kernel_connect();

	memset(host, 0, sizeof(*host));
	return ret ? ret : nl_transact(nl_new_msg(DIRECTPATH_CMD_HOST_GET, 0), take_host, host);
}

int kernel_host_set(const struct host_change *change)
{
	static const struct {
		int attr;
		bool byte;
	} fields[HOST_NR_FIELDS] = {
		[HOST_ADHOC] = { DIRECTPATH_A_HOST_ADHOC, true },
		[HOST_UNSAFE_INTERRUPTS] = { DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS, true },
		[HOST_VECTOR_BUDGET] = { DIRECTPATH_A_HOST_VECTOR_BUDGET, false },
		[HOST_UNBIND_MS] = { DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, false },
		[HOST_RESET_MS] = { DIRECTPATH_A_HOST_RESET_DEADLINE_MS, false },
		[HOST_REVOKE_MS] = { DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, false },
	};
	struct nl_msg *msg;
	int ret, i;

	ret = kernel_connect();
	if (ret)
		return ret;
	msg = nl_new_msg(DIRECTPATH_CMD_HOST_SET, 0);
	if (!msg)
		return -ENOMEM;
	for (i = 0; i < HOST_NR_FIELDS; i++) {
		if (!change->given[i])
			continue;
		if (fields[i].byte)
			nla_put_u8(msg, fields[i].attr, (uint8_t)change->value[i]);
		else
			nla_put_u32(msg, fields[i].attr, change->value[i]);
	}
	return nl_transact(msg, NULL, NULL);
}

int kernel_dev_list(struct dev_list *list)
{
	int ret = kernel_connect();

	memset(list, 0, sizeof(*list));
	if (!ret)
		ret = nl_transact(nl_new_msg(DIRECTPATH_CMD_DEV_GET, NLM_F_DUMP), take_dev, list);
	if (ret)
		dev_list_free(list);
	dev_list_sort(list);
	return ret;
}

int kernel_dev_set(const char *address, const struct dev_change *change)
{
	struct nl_msg *msg;
	int ret;

	ret = kernel_connect();
	if (ret)
		return ret;
	msg = nl_new_msg(DIRECTPATH_CMD_DEV_SET, 0);
	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, DIRECTPATH_A_DEV_ADDRESS, address);
	if (change->name)
		nla_put_string(msg, DIRECTPATH_A_DEV_NAME, change->name);
	if (change->label)
		nla_put_string(msg, DIRECTPATH_A_DEV_LABEL, change->label);
	if (change->reset_policy)
		nla_put_string(msg, DIRECTPATH_A_DEV_RESET_POLICY, change->reset_policy);
	if (change->clean_hook)
		nla_put_string(msg, DIRECTPATH_A_DEV_CLEAN_HOOK, change->clean_hook);
	if (change->storm.forget)
		nla_put_flag(msg, DIRECTPATH_A_DEV_STORM_DEFAULT);
	if (change->storm.set.has_rate)
		nla_put_u32(msg, DIRECTPATH_A_DEV_STORM_RATE, change->storm.set.rate);
	if (change->storm.set.has_backoff)
		nla_put_u32(msg, DIRECTPATH_A_DEV_STORM_BACKOFF, change->storm.set.backoff);
	if (change->has_error_policy)
		nla_put_u32(msg, DIRECTPATH_A_DEV_ERROR_POLICY, change->error_policy);
	if (change->has_fault_limit)
		nla_put_u32(msg, DIRECTPATH_A_DEV_FAULT_LIMIT, change->fault_limit);
	return nl_transact(msg, NULL, NULL);
}

int kernel_vm_list(struct vm_list *list)
{
	int ret = kernel_connect();

	memset(list, 0, sizeof(*list));
	if (!ret)
		ret = nl_transact(nl_new_msg(DIRECTPATH_CMD_VM_GET, NLM_F_DUMP), take_vm, list);
	if (ret)
		vm_list_free(list);
	return ret;
}

static int send_vm(int cmd, const struct vm_change *change)
{
	struct nl_msg *msg;
	int ret;

	ret = kernel_connect();
	if (ret)
		return ret;
	msg = nl_new_msg(cmd, 0);
	if (!msg)
		return -ENOMEM;
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, change->name);
	if (change->uuid)
		nla_put(msg, DIRECTPATH_A_VM_UUID, 16, change->uuid);
	if (change->has_uid)
		nla_put_u32(msg, DIRECTPATH_A_VM_UID, change->uid);
	if (change->has_gid)
		nla_put_u32(msg, DIRECTPATH_A_VM_GID, change->gid);
	if (change->has_max_devices)
		nla_put_u32(msg, DIRECTPATH_A_VM_MAX_DEVICES, change->max_devices);
	if (change->has_max_vectors)
		nla_put_u32(msg, DIRECTPATH_A_VM_MAX_VECTORS, change->max_vectors);
	if (change->has_max_pinned)
		nla_put_u64(msg, DIRECTPATH_A_VM_MAX_PINNED, change->max_pinned);
	if (change->cpus)
		nla_put_string(msg, DIRECTPATH_A_VM_CPUS, change->cpus);
	if (change->storm.forget)
		nla_put_flag(msg, DIRECTPATH_A_VM_STORM_DEFAULT);
	if (change->storm.set.has_rate)
		nla_put_u32(msg, DIRECTPATH_A_VM_STORM_RATE, change->storm.set.rate);
	if (change->storm.set.has_backoff)
		nla_put_u32(msg, DIRECTPATH_A_VM_STORM_BACKOFF, change->storm.set.backoff);
	if (change->has_error_policy)
		nla_put_u32(msg, DIRECTPATH_A_VM_ERROR_POLICY, change->error_policy);
	if (change->has_fault_limit)
		nla_put_u32(msg, DIRECTPATH_A_VM_FAULT_LIMIT, change->fault_limit);
	return nl_transact(msg, NULL, NULL);
}

int kernel_vm_new(const struct vm_change *change)
{
	return send_vm(DIRECTPATH_CMD_VM_NEW, change);
}

int kernel_vm_set(const struct vm_change *change)
{
	return send_vm(DIRECTPATH_CMD_VM_SET, change);
}

int kernel_vm_del(const char *name)
{
	const struct vm_change change = { .name = name };

	return send_vm(DIRECTPATH_CMD_VM_DEL, &change);
}

int kernel_stats_get(const char *address, const char *vm, struct stats *stats)
{
	struct nl_msg *msg;
	int ret;

	memset(stats, 0, sizeof(*stats));
	ret = kernel_connect();
	if (ret)
		return ret;
	msg = nl_new_msg(DIRECTPATH_CMD_STATS_GET, 0);
	if (!msg)
		return -ENOMEM;
	if (address)
		nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, address);
	if (vm)
		nla_put_string(msg, DIRECTPATH_A_STATS_VM, vm);
	return nl_transact(msg, take_stats, stats);
}

int kernel_stats_list(struct stats_list *list)
{
	int ret = kernel_connect();

	memset(list, 0, sizeof(*list));
	if (!ret)
		ret = nl_transact(nl_new_msg(DIRECTPATH_CMD_STATS_GET, NLM_F_DUMP), take_stats_list, list);
	if (ret)
		stats_list_free(list);
	return ret;
}

/* dev-* answer with DEV_OP_ID, vm-* with VM_OP_ID, under the request's command. */
