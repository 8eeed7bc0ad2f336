// SPDX-License-Identifier: GPL-2.0
/* Messages of the family, answers and events, to the model. */

#include <errno.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <linux/directpath_nl.h>

#include "nl.h"
#include "nl_priv.h"

#define PARSE_NEST(tb, attr) nla_parse(tb, (int)ARRAY_SIZE(tb) - 1, nla_data(attr), nla_len(attr), NULL)
#define PARSE_MSG(tb, hdr) nla_parse(tb, (int)ARRAY_SIZE(tb) - 1, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), NULL)

void nl_get_text(struct nlattr *attr, char *buf, size_t size)
{
	if (attr)
		snprintf(buf, size, "%.*s", (int)strnlen(nla_data(attr), (size_t)nla_len(attr)), (const char *)nla_data(attr));
}

uint64_t nl_get_number(struct nlattr *attr)
{
	if (!attr)
		return 0;
	switch (nla_len(attr)) {
	case 1:
		return nla_get_u8(attr);
	case 2:
		return nla_get_u16(attr);
	case 4:
		return nla_get_u32(attr);
	case 8:
		return nla_get_u64(attr);
	default:
		return 0;
	}
}

static unsigned int get_uint(struct nlattr *attr)
{
	return (unsigned int)nl_get_number(attr);
}

static void get_storm(struct nlattr *rate, struct nlattr *backoff, struct storm *storm)
{
	storm->has_rate = rate;
	storm->has_backoff = backoff;
	storm->rate = get_uint(rate);
	storm->backoff = get_uint(backoff);
}

static void parse_reason(struct nlattr *attr, struct reasons *reasons)
{
	struct nlattr *tb[DIRECTPATH_A_REASON_MAX + 1];
	struct reason reason = {};

	if (PARSE_NEST(tb, attr))
		return;
	reason.code = get_uint(tb[DIRECTPATH_A_REASON_CODE]);
	reason.blocking = tb[DIRECTPATH_A_REASON_BLOCKING];
	reason.forceable = tb[DIRECTPATH_A_REASON_FORCEABLE];
	nl_get_text(tb[DIRECTPATH_A_REASON_CULPRIT], reason.culprit, sizeof(reason.culprit));
	nl_get_text(tb[DIRECTPATH_A_REASON_FIX], reason.fix, sizeof(reason.fix));
	reasons_add(reasons, &reason);
}

static void parse_bar(struct nlattr *attr, struct dev *dev)
{
	struct nlattr *tb[DIRECTPATH_A_BAR_MAX + 1];
	struct bar *bar;

	if (dev->nr_bars == MAX_BARS || PARSE_NEST(tb, attr))
		return;
	bar = &dev->bars[dev->nr_bars++];
	bar->index = get_uint(tb[DIRECTPATH_A_BAR_INDEX]);
	bar->size = nl_get_number(tb[DIRECTPATH_A_BAR_SIZE]);
	bar->prefetchable = tb[DIRECTPATH_A_BAR_PREFETCHABLE];
	bar->io = tb[DIRECTPATH_A_BAR_IO];
}

static void parse_acceptance(struct nlattr *attr, struct acceptance *accepted)
{
	struct nlattr *tb[DIRECTPATH_A_ACCEPTANCE_MAX + 1];

	if (!attr || PARSE_NEST(tb, attr))
		return;
	accepted->uid = get_uint(tb[DIRECTPATH_A_ACCEPTANCE_UID]);
	accepted->pid = get_uint(tb[DIRECTPATH_A_ACCEPTANCE_PID]);
	accepted->time = nl_get_number(tb[DIRECTPATH_A_ACCEPTANCE_TIME]);
	nl_get_text(tb[DIRECTPATH_A_ACCEPTANCE_COMM], accepted->comm, sizeof(accepted->comm));
	nl_get_text(tb[DIRECTPATH_A_ACCEPTANCE_CHANGE], accepted->change, sizeof(accepted->change));
}

static void parse_dev_lists(struct genlmsghdr *hdr, struct dev *dev)
{
	char member[ADDRESS_SIZE];
	struct nlattr *attr;
	int rem;

	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), rem) {
		switch (nla_type(attr)) {
		case DIRECTPATH_A_DEV_REASON:
			parse_reason(attr, &dev->reasons);
			break;
		case DIRECTPATH_A_DEV_BAR:
			parse_bar(attr, dev);
			break;
		case DIRECTPATH_A_DEV_SET_MEMBER:
			nl_get_text(attr, member, sizeof(member));
			dev_add_member(dev, member);
			break;
		}
	}
}

int nl_parse_dev(struct genlmsghdr *hdr, struct dev *dev)
{
	struct nlattr *tb[DIRECTPATH_A_DEV_MAX + 1];

	if (PARSE_MSG(tb, hdr) || !tb[DIRECTPATH_A_DEV_ADDRESS])
		return -EBADMSG;
	nl_get_text(tb[DIRECTPATH_A_DEV_ADDRESS], dev->address, sizeof(dev->address));
	nl_get_text(tb[DIRECTPATH_A_DEV_NAME], dev->name, sizeof(dev->name));
	nl_get_text(tb[DIRECTPATH_A_DEV_LABEL], dev->label, sizeof(dev->label));
	nl_get_text(tb[DIRECTPATH_A_DEV_DRIVER], dev->driver, sizeof(dev->driver));
	nl_get_text(tb[DIRECTPATH_A_DEV_HOST_DRIVER], dev->host_driver, sizeof(dev->host_driver));
	nl_get_text(tb[DIRECTPATH_A_DEV_DETAIL], dev->detail, sizeof(dev->detail));
	nl_get_text(tb[DIRECTPATH_A_DEV_RESET_METHODS], dev->reset_methods, sizeof(dev->reset_methods));
	nl_get_text(tb[DIRECTPATH_A_DEV_RESET_POLICY], dev->reset_policy, sizeof(dev->reset_policy));
	nl_get_text(tb[DIRECTPATH_A_DEV_VM], dev->vm, sizeof(dev->vm));
	nl_get_text(tb[DIRECTPATH_A_DEV_BUSY], dev->busy, sizeof(dev->busy));
	nl_get_text(tb[DIRECTPATH_A_DEV_CAUSE], dev->cause, sizeof(dev->cause));
	dev->vendor = get_uint(tb[DIRECTPATH_A_DEV_VENDOR]);
	dev->device = get_uint(tb[DIRECTPATH_A_DEV_DEVICE]);
	dev->subvendor = get_uint(tb[DIRECTPATH_A_DEV_SUBVENDOR]);
	dev->subdevice = get_uint(tb[DIRECTPATH_A_DEV_SUBDEVICE]);
	dev->class = get_uint(tb[DIRECTPATH_A_DEV_CLASS]);
	dev->revision = get_uint(tb[DIRECTPATH_A_DEV_REVISION]);
	dev->state = get_uint(tb[DIRECTPATH_A_DEV_STATE]);
	dev->has_prev_state = tb[DIRECTPATH_A_DEV_PREV_STATE];
	dev->prev_state = get_uint(tb[DIRECTPATH_A_DEV_PREV_STATE]);
	dev->state_ms = nl_get_number(tb[DIRECTPATH_A_DEV_STATE_MS]);
	dev->has_verdict = tb[DIRECTPATH_A_DEV_VERDICT];
	dev->verdict = get_uint(tb[DIRECTPATH_A_DEV_VERDICT]);
	dev->grade = get_uint(tb[DIRECTPATH_A_DEV_GRADE]);
	dev->has_set = tb[DIRECTPATH_A_DEV_SET];
	dev->set = get_uint(tb[DIRECTPATH_A_DEV_SET]);
	dev->numa = tb[DIRECTPATH_A_DEV_NUMA] ? (int)get_uint(tb[DIRECTPATH_A_DEV_NUMA]) : -1;
	dev->owner_pid = get_uint(tb[DIRECTPATH_A_DEV_OWNER_PID]);
	dev->msix = get_uint(tb[DIRECTPATH_A_DEV_MSIX]);
	dev->msi = get_uint(tb[DIRECTPATH_A_DEV_MSI]);
	dev->vectors = get_uint(tb[DIRECTPATH_A_DEV_VECTORS]);
	dev->resets = nl_get_number(tb[DIRECTPATH_A_DEV_RESETS]);
	dev->reset_ms = get_uint(tb[DIRECTPATH_A_DEV_RESET_MS]);
	dev->by_hand = tb[DIRECTPATH_A_DEV_BY_HAND];
	get_storm(tb[DIRECTPATH_A_DEV_STORM_RATE], tb[DIRECTPATH_A_DEV_STORM_BACKOFF], &dev->storm);
	dev->error_policy = get_uint(tb[DIRECTPATH_A_DEV_ERROR_POLICY]);
	dev->has_fault_limit = tb[DIRECTPATH_A_DEV_FAULT_LIMIT];
	dev->fault_limit = get_uint(tb[DIRECTPATH_A_DEV_FAULT_LIMIT]);
	dev->errors = nl_get_number(tb[DIRECTPATH_A_DEV_ERRORS]);
	nl_get_text(tb[DIRECTPATH_A_DEV_CLEAN_HOOK], dev->clean_hook, sizeof(dev->clean_hook));
	nl_get_text(tb[DIRECTPATH_A_DEV_RESET_METHOD], dev->reset_method, sizeof(dev->reset_method));
	parse_acceptance(tb[DIRECTPATH_A_DEV_ACCEPTED], &dev->accepted);
	dev->seq = nl_get_number(tb[DIRECTPATH_A_DEV_SEQ]);
	parse_dev_lists(hdr, dev);
	return 0;
}

int nl_parse_vm(struct genlmsghdr *hdr, struct vm *vm)
{
	struct nlattr *tb[DIRECTPATH_A_VM_MAX + 1], *attr;
	char address[ADDRESS_SIZE];
	int rem;

	if (PARSE_MSG(tb, hdr) || !tb[DIRECTPATH_A_VM_NAME])
		return -EBADMSG;
	nl_get_text(tb[DIRECTPATH_A_VM_NAME], vm->name, sizeof(vm->name));
	nl_get_text(tb[DIRECTPATH_A_VM_CAUSE], vm->cause, sizeof(vm->cause));
	get_storm(tb[DIRECTPATH_A_VM_STORM_RATE], tb[DIRECTPATH_A_VM_STORM_BACKOFF], &vm->storm);
	vm->error_policy = get_uint(tb[DIRECTPATH_A_VM_ERROR_POLICY]);
	vm->fault_limit = get_uint(tb[DIRECTPATH_A_VM_FAULT_LIMIT]);
	nl_get_text(tb[DIRECTPATH_A_VM_CPUS], vm->cpus, sizeof(vm->cpus));
	if (tb[DIRECTPATH_A_VM_UUID] && nla_len(tb[DIRECTPATH_A_VM_UUID]) == sizeof(vm->uuid))
		memcpy(vm->uuid, nla_data(tb[DIRECTPATH_A_VM_UUID]), sizeof(vm->uuid));
	vm->uid = get_uint(tb[DIRECTPATH_A_VM_UID]);
	vm->gid = get_uint(tb[DIRECTPATH_A_VM_GID]);
	vm->max_devices = get_uint(tb[DIRECTPATH_A_VM_MAX_DEVICES]);
	vm->max_vectors = get_uint(tb[DIRECTPATH_A_VM_MAX_VECTORS]);
	vm->max_pinned = nl_get_number(tb[DIRECTPATH_A_VM_MAX_PINNED]);
	vm->state = get_uint(tb[DIRECTPATH_A_VM_STATE]);
	vm->pid = get_uint(tb[DIRECTPATH_A_VM_PID]);
	vm->spaces = get_uint(tb[DIRECTPATH_A_VM_SPACES]);
	vm->has_sums = tb[DIRECTPATH_A_VM_AREAS];
	vm->areas = nl_get_number(tb[DIRECTPATH_A_VM_AREAS]);
	vm->mapped = nl_get_number(tb[DIRECTPATH_A_VM_MAPPED]);
	vm->pinned = nl_get_number(tb[DIRECTPATH_A_VM_PINNED]);
	vm->vectors = get_uint(tb[DIRECTPATH_A_VM_VECTORS]);
	vm->adhoc = tb[DIRECTPATH_A_VM_ADHOC];
	vm->deleted = tb[DIRECTPATH_A_VM_DELETED];
	vm->seq = nl_get_number(tb[DIRECTPATH_A_VM_SEQ]);
	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), rem) {
		if (nla_type(attr) != DIRECTPATH_A_VM_DEVICE)
			continue;
		nl_get_text(attr, address, sizeof(address));
		vm_add_device(vm, address);
	}
	return 0;
}

int nl_parse_host(struct genlmsghdr *hdr, struct host *host)
{
	struct nlattr *tb[DIRECTPATH_A_HOST_MAX + 1];

	if (PARSE_MSG(tb, hdr))
		return -EBADMSG;
	nl_get_text(tb[DIRECTPATH_A_HOST_VERSION], host->version, sizeof(host->version));
	nl_get_text(tb[DIRECTPATH_A_HOST_IOMMU], host->iommu, sizeof(host->iommu));
	host->has_facts = tb[DIRECTPATH_A_HOST_INTREMAP];
	host->intremap = get_uint(tb[DIRECTPATH_A_HOST_INTREMAP]);
	host->posted = get_uint(tb[DIRECTPATH_A_HOST_POSTED]);
	nl_get_text(tb[DIRECTPATH_A_HOST_POSTED_SOURCE], host->posted_source, sizeof(host->posted_source));
	host->bypassed = get_uint(tb[DIRECTPATH_A_HOST_VECTORS_BYPASSED]);
	host->adhoc = get_uint(tb[DIRECTPATH_A_HOST_ADHOC]);
	host->unsafe_interrupts = get_uint(tb[DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS]);
	host->vector_budget = get_uint(tb[DIRECTPATH_A_HOST_VECTOR_BUDGET]);
	host->vectors_used = get_uint(tb[DIRECTPATH_A_HOST_VECTORS_USED]);
	host->unbind_ms = get_uint(tb[DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS]);
	host->reset_ms = get_uint(tb[DIRECTPATH_A_HOST_RESET_DEADLINE_MS]);
	host->revoke_ms = get_uint(tb[DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS]);
	host->devices_claimed = get_uint(tb[DIRECTPATH_A_HOST_DEVICES_CLAIMED]);
	host->vms = get_uint(tb[DIRECTPATH_A_HOST_VMS]);
	host->door_vfio = get_uint(tb[DIRECTPATH_A_HOST_DOOR_VFIO]);
	host->seq = nl_get_number(tb[DIRECTPATH_A_HOST_SEQ]);
	return 0;
}

int nl_parse_op(struct genlmsghdr *hdr, struct op_result *op)
{
	struct nlattr *tb[DIRECTPATH_A_OP_MAX + 1], *attr;
	int rem;

	if (PARSE_MSG(tb, hdr) || !tb[DIRECTPATH_A_OP_ID])
		return -EBADMSG;
	op->id = get_uint(tb[DIRECTPATH_A_OP_ID]);
	op->kind = get_uint(tb[DIRECTPATH_A_OP_KIND]);
	nl_get_text(tb[DIRECTPATH_A_OP_ADDRESS], op->address, sizeof(op->address));
	nl_get_text(tb[DIRECTPATH_A_OP_VM], op->vm, sizeof(op->vm));
	op->done = tb[DIRECTPATH_A_OP_DONE];
	op->error = get_uint(tb[DIRECTPATH_A_OP_ERROR]);
	nl_get_text(tb[DIRECTPATH_A_OP_MESSAGE], op->message, sizeof(op->message));
	op->elapsed_ms = nl_get_number(tb[DIRECTPATH_A_OP_ELAPSED_MS]);
	op->seq = nl_get_number(tb[DIRECTPATH_A_OP_SEQ]);
	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), rem)
		if (nla_type(attr) == DIRECTPATH_A_OP_REASON)
			parse_reason(attr, &op->reasons);
	return 0;
}

static void parse_vector(struct nlattr *attr, struct stats *stats)
{
	struct nlattr *tb[DIRECTPATH_A_VECTOR_MAX + 1];
	struct vector *vector;

	if (PARSE_NEST(tb, attr))
		return;
	vector = stats_add_vector(stats);
	vector->index = get_uint(tb[DIRECTPATH_A_VECTOR_INDEX]);
	vector->bypassed = tb[DIRECTPATH_A_VECTOR_BYPASSED];
	vector->number = get_uint(tb[DIRECTPATH_A_VECTOR_NUMBER]);
	vector->irq = get_uint(tb[DIRECTPATH_A_VECTOR_IRQ]);
	vector->count = nl_get_number(tb[DIRECTPATH_A_VECTOR_COUNT]);
	vector->storms = nl_get_number(tb[DIRECTPATH_A_VECTOR_STORMS]);
	vector->held = tb[DIRECTPATH_A_VECTOR_HELD];
}

static void parse_register(struct nlattr *attr, struct stats *stats)
{
	struct nlattr *tb[DIRECTPATH_A_REGISTER_MAX + 1];
	struct config_register *reg;

	if (PARSE_NEST(tb, attr))
		return;
	reg = stats_add_register(stats);
	reg->offset = get_uint(tb[DIRECTPATH_A_REGISTER_OFFSET]);
	nl_get_text(tb[DIRECTPATH_A_REGISTER_WHERE], reg->where, sizeof(reg->where));
	reg->writes = nl_get_number(tb[DIRECTPATH_A_REGISTER_WRITES]);
	reg->denied = nl_get_number(tb[DIRECTPATH_A_REGISTER_DENIED]);
	reg->bits = get_uint(tb[DIRECTPATH_A_REGISTER_DENIED_BITS]);
	nl_get_text(tb[DIRECTPATH_A_REGISTER_WHY], reg->why, sizeof(reg->why));
}

int nl_parse_stats(struct genlmsghdr *hdr, struct stats *stats)
{
	struct nlattr *tb[DIRECTPATH_A_STATS_MAX + 1], *attr;
	int rem;

	if (PARSE_MSG(tb, hdr))
		return -EBADMSG;
	nl_get_text(tb[DIRECTPATH_A_STATS_ADDRESS], stats->address, sizeof(stats->address));
	nl_get_text(tb[DIRECTPATH_A_STATS_VM], stats->vm, sizeof(stats->vm));
	stats->interrupts = nl_get_number(tb[DIRECTPATH_A_STATS_INTERRUPTS]);
	stats->storms = nl_get_number(tb[DIRECTPATH_A_STATS_STORMS]);
	stats->storm_rate = get_uint(tb[DIRECTPATH_A_STATS_STORM_RATE]);
	stats->storm_backoff = get_uint(tb[DIRECTPATH_A_STATS_STORM_BACKOFF]);
	stats->has_correctable = tb[DIRECTPATH_A_STATS_ERRORS_CORRECTABLE];
	stats->correctable = nl_get_number(tb[DIRECTPATH_A_STATS_ERRORS_CORRECTABLE]);
	stats->nonfatal = nl_get_number(tb[DIRECTPATH_A_STATS_ERRORS_NONFATAL]);
	stats->fatal = nl_get_number(tb[DIRECTPATH_A_STATS_ERRORS_FATAL]);
	stats->error_policy = get_uint(tb[DIRECTPATH_A_STATS_ERROR_POLICY]);
	stats->iommu = nl_get_number(tb[DIRECTPATH_A_STATS_ERRORS_IOMMU]);
	stats->fault_limit = get_uint(tb[DIRECTPATH_A_STATS_FAULT_LIMIT]);
	stats->config_reads = nl_get_number(tb[DIRECTPATH_A_STATS_CONFIG_READS]);
	stats->config_writes = nl_get_number(tb[DIRECTPATH_A_STATS_CONFIG_WRITES]);
	stats->config_denied = nl_get_number(tb[DIRECTPATH_A_STATS_CONFIG_DENIED]);
	stats->region_reads = nl_get_number(tb[DIRECTPATH_A_STATS_REGION_READS]);
	stats->region_writes = nl_get_number(tb[DIRECTPATH_A_STATS_REGION_WRITES]);
	stats->faults = nl_get_number(tb[DIRECTPATH_A_STATS_FAULTS]);
	stats->resets = nl_get_number(tb[DIRECTPATH_A_STATS_RESETS]);
	stats->reset_failures = nl_get_number(tb[DIRECTPATH_A_STATS_RESET_FAILURES]);
	stats->runs = nl_get_number(tb[DIRECTPATH_A_STATS_RUNS]);
	stats->maps = nl_get_number(tb[DIRECTPATH_A_STATS_MAPS]);
	stats->unmaps = nl_get_number(tb[DIRECTPATH_A_STATS_UNMAPS]);
	stats->map_us = nl_get_number(tb[DIRECTPATH_A_STATS_MAP_US]);
	stats->unmap_us = nl_get_number(tb[DIRECTPATH_A_STATS_UNMAP_US]);
	stats->mapped = nl_get_number(tb[DIRECTPATH_A_STATS_MAPPED]);
	stats->pinned = nl_get_number(tb[DIRECTPATH_A_STATS_PINNED]);
	stats->areas = nl_get_number(tb[DIRECTPATH_A_STATS_AREAS]);
	stats->seq = nl_get_number(tb[DIRECTPATH_A_STATS_SEQ]);
	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), rem)
		if (nla_type(attr) == DIRECTPATH_A_STATS_VECTOR)
			parse_vector(attr, stats);
		else if (nla_type(attr) == DIRECTPATH_A_STATS_REGISTER)
			parse_register(attr, stats);
	return 0;
}

int nl_parse_error(struct genlmsghdr *hdr, struct hw_error *error)
{
	struct nlattr *tb[DIRECTPATH_A_FAULT_MAX + 1];

	if (PARSE_MSG(tb, hdr) || !tb[DIRECTPATH_A_FAULT_ADDRESS])
		return -EBADMSG;
	nl_get_text(tb[DIRECTPATH_A_FAULT_ADDRESS], error->address, sizeof(error->address));
	nl_get_text(tb[DIRECTPATH_A_FAULT_VM], error->vm, sizeof(error->vm));
	error->kind = get_uint(tb[DIRECTPATH_A_FAULT_KIND]);
	error->count = nl_get_number(tb[DIRECTPATH_A_FAULT_COUNT]);
	error->has_status = tb[DIRECTPATH_A_FAULT_STATUS];
	error->status = get_uint(tb[DIRECTPATH_A_FAULT_STATUS]);
	error->has_iova = tb[DIRECTPATH_A_FAULT_IOVA];
	error->iova = nl_get_number(tb[DIRECTPATH_A_FAULT_IOVA]);
	error->write = tb[DIRECTPATH_A_FAULT_WRITE];
	error->action = get_uint(tb[DIRECTPATH_A_FAULT_ACTION]);
	error->seq = nl_get_number(tb[DIRECTPATH_A_FAULT_SEQ]);
	return 0;
}
