// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink requests about VMs: vm-new, vm-set, vm-del, vm-get, vm-attach, vm-detach. See netlink.c for the rules.
 *
 * The dump goes by name; the cursor is the name last sent.
 */

#include <linux/cpumask.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <net/genetlink.h>
#include <uapi/linux/directpath_nl.h>

#include "assign.h"
#include "generated/netlink.h"
#include "host.h"
#include "match.h"
#include "netlink.h"
#include "netlink_fill.h"
#include "op.h"
#include "vm.h"

static struct dpath_vm *get_vm(struct sk_buff *skb, struct genl_info *info, int *ret)
{
	const struct nlattr *attr = info->attrs[DIRECTPATH_A_VM_NAME];
	struct dpath_vm *vm;

	if (!attr) {
		*ret = dpath_nl_refuse_missing(skb, DIRECTPATH_A_VM_NAME, "name is missing: which VM?");
		return NULL;
	}
	vm = dpath_vm_lookup(nla_data(attr));
	if (!vm)
		*ret = dpath_nl_refuse(skb, attr, -ENOENT, "there is no VM '%s'; vm-new makes one", (const char *)nla_data(attr));
	return vm;
}

/* Owner of a VM as asked for; false and *@ret if the number is none. */
static bool read_owner(struct sk_buff *skb, struct genl_info *info, kuid_t *uid, kgid_t *gid, int *ret)
{
	const struct nlattr *u = info->attrs[DIRECTPATH_A_VM_UID];
	const struct nlattr *g = info->attrs[DIRECTPATH_A_VM_GID];

	if (u)
		*uid = make_kuid(&init_user_ns, nla_get_u32(u));
	if (g)
		*gid = make_kgid(&init_user_ns, nla_get_u32(g));
	if (u && !uid_valid(*uid))
		*ret = dpath_nl_refuse(skb, u, -EINVAL, "uid %u is no user", nla_get_u32(u));
	else if (g && !gid_valid(*gid))
		*ret = dpath_nl_refuse(skb, g, -EINVAL, "gid %u is no group", nla_get_u32(g));
	else
		return true;
	return false;
}

static bool read_limits(struct genl_info *info, struct dpath_vm_limits *limits)
{
	const struct nlattr *pinned = info->attrs[DIRECTPATH_A_VM_MAX_PINNED];
	bool given;

	given = dpath_nl_read_u32(info->attrs[DIRECTPATH_A_VM_MAX_DEVICES], &limits->devices);
	given |= dpath_nl_read_u32(info->attrs[DIRECTPATH_A_VM_MAX_VECTORS], &limits->vectors);
	if (pinned)
		limits->pinned = nla_get_u64(pinned);
	return given || pinned;
}

static const struct dpath_storm_change *read_storm(struct genl_info *info, struct dpath_storm_change *storm)
{
	return dpath_nl_read_storm(info->attrs[DIRECTPATH_A_VM_STORM_RATE], info->attrs[DIRECTPATH_A_VM_STORM_BACKOFF],
				   info->attrs[DIRECTPATH_A_VM_STORM_DEFAULT], storm) ? storm : NULL;
}

/* One part of a list of CPUs, such as 8 or 0-3. */
static int read_cpu_range(struct sk_buff *skb, const struct nlattr *attr, const char *part, struct cpumask *range)
{
	int ret;

	if (!*part || part[strspn(part, "0123456789-")])
		return dpath_nl_refuse(skb, attr, -EINVAL, "cpus: '%s' is no CPU and no range of CPUs; write 0-3,8", part);
	ret = cpulist_parse(part, range);
	if (ret == -ERANGE || ret == -EOVERFLOW || (!ret && !cpumask_subset(range, cpu_present_mask)))
		return dpath_nl_refuse(skb, attr, -ERANGE, "cpus: '%s': there is no such CPU; this host has %*pbl", part,
				      cpumask_pr_args(cpu_present_mask));
	if (ret)
		return dpath_nl_refuse(skb, attr, -EINVAL, "cpus: '%s' is no CPU and no range of CPUs; write 0-3,8", part);
	return 0;
}

static int read_cpu_list(struct sk_buff *skb, const struct nlattr *attr, char *list, struct cpumask *range, struct cpumask *cpus)
{
	char *part;
	int ret;

	cpumask_clear(cpus);
	if (!*list)
		return 0;
	while ((part = strsep(&list, ","))) {
		ret = read_cpu_range(skb, attr, part, range);
		if (ret)
			return ret;
		cpumask_or(cpus, cpus, range);
	}
	if (!cpumask_intersects(cpus, cpu_online_mask))
		return dpath_nl_refuse(skb, attr, -EINVAL, "cpus: none of '%s' is online; %*pbl are", (const char *)nla_data(attr),
				      cpumask_pr_args(cpu_online_mask));
	return 0;
}

/* CPUs as asked for, to be freed; NULL if they are not, or *@ret says why. */
static struct cpumask *read_cpus(struct sk_buff *skb, struct genl_info *info, int *ret)
{
	const struct nlattr *attr = info->attrs[DIRECTPATH_A_VM_CPUS];
	struct cpumask *masks;
	char *list;

	*ret = 0;
	if (!attr)
		return NULL;
	masks = kcalloc(2, sizeof(*masks), GFP_KERNEL);
	list = nla_strdup(attr, GFP_KERNEL);
	if (masks && list)
		*ret = read_cpu_list(skb, attr, list, &masks[1], &masks[0]);
	else
		*ret = dpath_nl_refuse_memory(skb);
	kfree(list);
	if (!*ret)
		return masks;
	kfree(masks);
	return NULL;
}

static const u32 *read_fault_limit(struct genl_info *info, u32 *limit)
{
	const struct nlattr *attr = info->attrs[DIRECTPATH_A_VM_FAULT_LIMIT];

	if (!attr)
		return NULL;
	*limit = nla_get_u32(attr);
	return limit;
}

int directpath_nl_vm_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *name = info->attrs[DIRECTPATH_A_VM_NAME];
	char why[DPATH_OP_MESSAGE_MAX] = "";
	struct dpath_storm_change storm = {};
	struct dpath_vm_limits limits = {};
	enum directpath_error_policy error_policy;
	u32 fault_limit;
	kuid_t uid = GLOBAL_ROOT_UID;
	kgid_t gid = GLOBAL_ROOT_GID;
	struct dpath_vm_config config = { .uid = &uid, .gid = &gid, .limits = &limits };
	struct cpumask *cpus;
	uuid_t uuid;
	int ret;

	ret = dpath_nl_check_admin(skb);
	if (ret)
		return ret;
	if (!name)
		return dpath_nl_refuse_missing(skb, DIRECTPATH_A_VM_NAME, "name is missing: what is the VM to be called?");
	if (!dpath_match_name_valid(nla_data(name)))
		return dpath_nl_refuse(skb, name, -EINVAL, "VM '%s': letters, digits, dot, dash and underscore only, first a letter or digit",
			      (const char *)nla_data(name));
	if (!read_owner(skb, info, &uid, &gid, &ret))
		return ret;
	read_limits(info, &limits);
	config.storm = read_storm(info, &storm);
	if (dpath_nl_read_error_policy(info->attrs[DIRECTPATH_A_VM_ERROR_POLICY], &error_policy))
		config.error_policy = &error_policy;
	config.fault_limit = read_fault_limit(info, &fault_limit);
	cpus = read_cpus(skb, info, &ret);
	if (ret)
		return ret;
	config.cpus = cpus;
	if (info->attrs[DIRECTPATH_A_VM_UUID])
		import_uuid(&uuid, nla_data(info->attrs[DIRECTPATH_A_VM_UUID]));
	else
		uuid_gen(&uuid);
	ret = dpath_vm_new(nla_data(name), &uuid, &config, why, sizeof(why));
	kfree(cpus);
	if (ret)
		return dpath_nl_refuse(skb, name, ret, "%s", why[0] ? why : "the VM could not be made");
	return 0;
}

/* The limits that the VM has now, for those that the request does not name. */
static int read_current_limits(struct sk_buff *skb, struct genl_info *info, struct dpath_vm_limits *limits)
{
	struct dpath_vm *vm;
	int ret = 0;

	vm = get_vm(skb, info, &ret);
	if (!vm)
		return ret;
	mutex_lock(&dpath_table_lock);
	*limits = vm->limits;
	mutex_unlock(&dpath_table_lock);
	dpath_vm_put(vm);
	return 0;
}

int directpath_nl_vm_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *uid_attr = info->attrs[DIRECTPATH_A_VM_UID];
	const struct nlattr *gid_attr = info->attrs[DIRECTPATH_A_VM_GID];
	char why[DPATH_OP_MESSAGE_MAX] = "";
	struct dpath_vm_config config = {};
	struct dpath_storm_change storm = {};
	enum directpath_error_policy error_policy;
	u32 fault_limit;
	struct dpath_vm_limits limits;
	struct cpumask *cpus;
	const char *name;
	kuid_t uid;
	kgid_t gid;
	int ret;

	ret = dpath_nl_check_admin(skb);
	if (ret)
		return ret;
	ret = read_current_limits(skb, info, &limits);
	if (ret)
		return ret;
	if (!read_owner(skb, info, &uid, &gid, &ret))
		return ret;
	config.uid = uid_attr ? &uid : NULL;
	config.gid = gid_attr ? &gid : NULL;
	config.limits = read_limits(info, &limits) ? &limits : NULL;
	config.storm = read_storm(info, &storm);
	if (dpath_nl_read_error_policy(info->attrs[DIRECTPATH_A_VM_ERROR_POLICY], &error_policy))
		config.error_policy = &error_policy;
	config.fault_limit = read_fault_limit(info, &fault_limit);
	cpus = read_cpus(skb, info, &ret);
	if (ret)
		return ret;
	config.cpus = cpus;
	if (!config.limits && !config.storm && !config.error_policy && !config.fault_limit && !uid_attr && !gid_attr && !cpus)
		return dpath_nl_refuse(skb, NULL, -EINVAL,
				       "no setting given: uid, gid, max-devices, max-vectors, max-pinned, cpus, storm-*, error-policy or fault-limit");
	name = nla_data(info->attrs[DIRECTPATH_A_VM_NAME]);
	ret = dpath_vm_set(name, &config, why, sizeof(why));
	kfree(cpus);
	if (ret)
		return dpath_nl_refuse(skb, NULL, ret, "%s", why[0] ? why : "the settings were refused");
	return 0;
}

int directpath_nl_vm_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *name = info->attrs[DIRECTPATH_A_VM_NAME];
	char why[DPATH_OP_MESSAGE_MAX] = "";
	int ret;

	ret = dpath_nl_check_admin(skb);
	if (ret)
		return ret;
	if (!name)
		return dpath_nl_refuse_missing(skb, DIRECTPATH_A_VM_NAME, "name is missing: which VM?");
	ret = dpath_vm_del(nla_data(name), why, sizeof(why));
	if (ret)
		return dpath_nl_refuse(skb, name, ret, "%s", why[0] ? why : "the VM could not be removed");
	return 0;
}

static int fill_vm(struct sk_buff *msg, struct dpath_vm *vm)
{
	struct dpath_vm_facts facts;
	int ret;

	ret = dpath_facts_vm(vm, &facts);
	if (ret)
		return ret;
	mutex_lock(&dpath_table_lock);
	ret = dpath_fill_vm_locked(msg, vm, &facts);
	if (!ret)
		ret = dpath_fill_seq(msg, DIRECTPATH_A_VM_SEQ, dpath_host.seq, DIRECTPATH_A_VM_PAD);
	mutex_unlock(&dpath_table_lock);
	return ret;
}

int directpath_nl_vm_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dpath_vm *vm;
	struct sk_buff *msg;
	int ret = 0;
	void *hdr;

	vm = get_vm(skb, info, &ret);
	if (!vm)
		return ret;
	msg = dpath_nl_new_reply(info, DPATH_FILL_MAX, &hdr);
	if (!msg) {
		dpath_vm_put(vm);
		return -ENOMEM;
	}
	ret = fill_vm(msg, vm);
	dpath_vm_put(vm);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	return dpath_nl_send_reply(msg, hdr, info);
}

/* The VM with the next name after @name, referenced. */
struct dpath_vm *dpath_nl_next_vm(const char *name)
{
	struct dpath_vm *vm, *best = NULL;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(vm, &dpath_vms, node)
		if (strcmp(vm->name, name) > 0 && (!best || strcmp(vm->name, best->name) < 0))
			best = vm;
	if (best)
		dpath_vm_get(best);
	mutex_unlock(&dpath_table_lock);
	return best;
}

static int dump_vm(struct sk_buff *skb, struct netlink_callback *cb, struct dpath_vm *vm)
{
	void *hdr;
	int ret;

	hdr = dpath_nl_put_dump(skb, cb, DIRECTPATH_CMD_VM_GET);
	if (!hdr)
		return -EMSGSIZE;
	ret = fill_vm(skb, vm);
	if (ret)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return ret;
}

struct vm_cursor {
	char name[DIRECTPATH_NAME_MAX + 1];
};

int directpath_nl_vm_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vm_cursor *cursor = (void *)cb->ctx;
	struct dpath_vm *vm;
	int ret;

	BUILD_BUG_ON(sizeof(*cursor) > sizeof(cb->ctx));
	ret = dpath_nl_start_dump(cb);
	while (!ret) {
		vm = dpath_nl_next_vm(cursor->name);
		if (!vm)
			break;
		do {
			ret = dump_vm(skb, cb, vm);
		} while (dpath_nl_grow_dump(skb, ret));
		if (!ret)
			strscpy(cursor->name, vm->name, sizeof(cursor->name));
		dpath_vm_put(vm);
	}
	return dpath_nl_end_dump(skb, ret);
}

static int add_address(struct sk_buff *skb, struct dpath_op *op, const struct nlattr *attr)
{
	unsigned int domain, bus, devfn;

	if (op->nr_addresses == DPATH_OP_DEVICES_MAX)
		return dpath_nl_refuse(skb, attr, -E2BIG, "more than %u functions in one request; send several", DPATH_OP_DEVICES_MAX);
	if (dpath_match_address(nla_data(attr), &domain, &bus, &devfn))
		return dpath_nl_refuse(skb, attr, -EINVAL, "'%s' is no address of a function; write it as 0000:3b:00.0",
			      (const char *)nla_data(attr));
	scnprintf(op->addresses[op->nr_addresses++], sizeof(op->addresses[0]), "%04x:%02x:%02x.%x", domain, bus, PCI_SLOT(devfn),
		  PCI_FUNC(devfn));
	return 0;
}

static int read_addresses(struct sk_buff *skb, struct genl_info *info, struct dpath_op *op)
{
	struct nlattr *attr;
	int rem, ret;

	op->addresses = kcalloc(DPATH_OP_DEVICES_MAX, sizeof(op->addresses[0]), GFP_KERNEL);
	if (!op->addresses)
		return dpath_nl_refuse_memory(skb);
	nla_for_each_attr(attr, genlmsg_data(info->genlhdr), genlmsg_len(info->genlhdr), rem) {
		if (nla_type(attr) != DIRECTPATH_A_VM_DEVICE)
			continue;
		ret = add_address(skb, op, attr);
		if (ret)
			return ret;
	}
	if (!op->nr_addresses)
		return dpath_nl_refuse_missing(skb, DIRECTPATH_A_VM_DEVICE, "device is missing: which functions?");
	strscpy(op->address, op->addresses[0], sizeof(op->address));
	return 0;
}

/* An operation on functions and a VM; NULL: return *@ret. */
static struct dpath_op *new_vm_op(struct sk_buff *skb, struct genl_info *info, enum directpath_op_kind kind,
				  int (*run)(struct dpath_op *op), int *ret)
{
	struct dpath_vm *vm;
	struct dpath_op *op;

	*ret = dpath_nl_check_admin(skb);
	if (*ret)
		return NULL;
	vm = get_vm(skb, info, ret);
	if (!vm)
		return NULL;
	op = dpath_op_alloc(kind, run);
	if (op)
		strscpy(op->vm_name, vm->name, sizeof(op->vm_name));
	else
		*ret = dpath_nl_refuse_memory(skb);
	dpath_vm_put(vm);
	if (!op)
		return NULL;
	*ret = read_addresses(skb, info, op);
	if (!*ret)
		return op;
	dpath_op_put(op);
	return NULL;
}

int directpath_nl_vm_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dpath_op *op;
	int ret = 0;

	op = new_vm_op(skb, info, DIRECTPATH_OP_KIND_ATTACH, dpath_attach_op, &ret);
	return op ? dpath_nl_queue_op(skb, info, op, DIRECTPATH_A_VM_OP_ID) : ret;
}

int directpath_nl_vm_detach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dpath_op *op;
	int ret = 0;

	op = new_vm_op(skb, info, DIRECTPATH_OP_KIND_DETACH, dpath_detach_op, &ret);
	if (!op)
		return ret;
	op->now = nla_get_flag(info->attrs[DIRECTPATH_A_VM_FORCE]);
	return dpath_nl_queue_op(skb, info, op, DIRECTPATH_A_VM_OP_ID);
}
