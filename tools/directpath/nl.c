// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family `directpath` by libnl-genl-3.
 *
 * Two sockets: one for requests, one that is a member of the multicast groups. An operation is awaited on the second, which joins before the
 * request is sent; if its buffer overflows (ENOBUFS), the result is asked for with op-get instead. libnl 3.7 does not ask for extended
 * acknowledgements, so that is done by setsockopt, and the text is taken out of the error message here.
 */

#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/netlink.h>
#include <linux/directpath_nl.h>

#include "nl.h"
#include "sysfs.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

#define RECV_SIZE (256 * 1024)
#define EVENT_BUFFER (1024 * 1024)

static struct nl_sock *requests;
static struct nl_sock *events;
static int family;
static char text[512];

const char *kernel_text(void)
{
	return text;
}

static int set_option(struct nl_sock *sock, int option)
{
	int one = 1;

	return setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, option, &one, sizeof(one));
}

static struct nl_sock *open_socket(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (!sock)
		return NULL;
	if (genl_connect(sock)) {
		nl_socket_free(sock);
		return NULL;
	}
	nl_socket_set_msg_buf_size(sock, RECV_SIZE);
	/* Kernels that lack one of them only lose the text. */
	set_option(sock, NETLINK_EXT_ACK);
	set_option(sock, NETLINK_CAP_ACK);
	return sock;
}

int kernel_connect(void)
{
	text[0] = '\0';
	if (requests)
		return 0;
	requests = open_socket();
	if (!requests) {
		snprintf(text, sizeof(text), "no generic netlink socket: %s", strerror(errno));
		return -EPROTONOSUPPORT;
	}
	family = genl_ctrl_resolve(requests, DIRECTPATH_FAMILY_NAME);
	if (family < 0) {
		kernel_disconnect();
		if (sysfs_exists("/sys/module/directpath"))
			snprintf(text, sizeof(text), "directpath does not answer in this network namespace; use the initial one (nsenter -n -t 1)");
		else
			snprintf(text, sizeof(text), "the kernel module is not loaded; try: modprobe directpath");
		return -ENOENT;
	}
	return 0;
}

void kernel_disconnect(void)
{
	nl_socket_free(requests);
	nl_socket_free(events);
	requests = NULL;
	events = NULL;
}

static int join_group(const char *name)
{
	int group = genl_ctrl_resolve_grp(requests, DIRECTPATH_FAMILY_NAME, name);

	return group < 0 ? group : nl_socket_add_membership(events, group);
}

static int listen_events(void)
{
	if (events)
		return 0;
	events = open_socket();
	if (!events)
		return -ENOBUFS;
	nl_socket_set_buffer_size(events, EVENT_BUFFER, 0);
	nl_socket_set_nonblocking(events);
	if (join_group(DIRECTPATH_MCGRP_STATE) || join_group(DIRECTPATH_MCGRP_FAULT)) {
		nl_socket_free(events);
		events = NULL;
		snprintf(text, sizeof(text), "cannot listen to events");
		return -EIO;
	}
	return 0;
}

/* What the callbacks of one request have found. */
struct request {
	int (*parse)(struct genlmsghdr *hdr, void *ctx);
	void *ctx;
	bool finished;
	int error;
};

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct request *req = arg;

	if (req->parse)
		req->parse(nlmsg_data(nlmsg_hdr(msg)), req->ctx);
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct request *req = arg;

	(void)msg;
	req->finished = true;
	return NL_STOP;
}

static void get_text(struct nlattr *attr, char *buf, size_t size)
{
	if (attr)
		snprintf(buf, size, "%.*s", (int)strnlen(nla_data(attr), (size_t)nla_len(attr)), (const char *)nla_data(attr));
}

/* Numbers of any width: a kernel that widens one later is still understood. */
static uint64_t get_number(struct nlattr *attr)
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
	return (unsigned int)get_number(attr);
}

static void get_storm(struct nlattr *rate, struct nlattr *backoff, struct storm *storm)
{
	storm->has_rate = rate;
	storm->has_backoff = backoff;
	storm->rate = get_uint(rate);
	storm->backoff = get_uint(backoff);
}

/* The core's own text for a number out of range does not say which range; its policy does. */
static void add_range(struct nlattr *policy)
{
	struct nlattr *min, *max;
	size_t len = strlen(text);

	min = nla_find(nla_data(policy), nla_len(policy), NL_POLICY_TYPE_ATTR_MIN_VALUE_U);
	max = nla_find(nla_data(policy), nla_len(policy), NL_POLICY_TYPE_ATTR_MAX_VALUE_U);
	if (min && max)
		snprintf(text + len, sizeof(text) - len, " (%llu to %llu)", ULL(get_number(min)), ULL(get_number(max)));
}

/* The attributes of a final message (error or end of a dump) begin at @offset of its payload. */
static void take_text(struct nlmsghdr *hdr, int offset)
{
	struct nlattr *attrs = (struct nlattr *)((char *)nlmsg_data(hdr) + offset), *attr;
	int len = nlmsg_datalen(hdr) - offset;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS) || len < 0)
		return;
	attr = nla_find(attrs, len, NLMSGERR_ATTR_MSG);
	if (!attr)
		return;
	get_text(attr, text, sizeof(text));
	attr = nla_find(attrs, len, NLMSGERR_ATTR_POLICY);
	if (attr && strstr(text, "out of range"))
		add_range(attr);
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct request *req = arg;
	int error = 0;

	if (nlmsg_datalen(hdr) >= (int)sizeof(error))
		memcpy(&error, nlmsg_data(hdr), sizeof(error));
	req->error = error;
	if (error)
		take_text(hdr, NLMSG_ALIGN(sizeof(error)));
	req->finished = true;
	return NL_STOP;
}

/* The request follows the header in an error message, unless the kernel has capped it. */
static int on_error(struct sockaddr_nl *addr, struct nlmsgerr *err, void *arg)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)err - 1;
	struct request *req = arg;
	int offset = sizeof(*err);

	(void)addr;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		offset += NLMSG_ALIGN(err->msg.nlmsg_len) - sizeof(err->msg);
	take_text(hdr, offset);
	req->error = err->error;
	req->finished = true;
	return NL_STOP;
}

static int nle_to_errno(int nle)
{
	switch (-nle) {
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_INTR:
		return -EINTR;
	case NLE_PERM:
		return -EPERM;
	default:
		return -EIO;
	}
}

static struct nl_msg *new_msg(int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(8192);

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, cmd, DIRECTPATH_FAMILY_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

/* Send @msg, which is freed, and pass every reply to @parse. */
static int transact(struct nl_msg *msg, int (*parse)(struct genlmsghdr *hdr, void *ctx), void *ctx)
{
	struct request req = { .parse = parse, .ctx = ctx };
	struct nl_cb *cb;
	int ret;

	text[0] = '\0';
	if (!msg)
		return -ENOMEM;
	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!cb) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &req);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &req);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &req);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &req);
	ret = nl_send_auto(requests, msg);
	while (ret >= 0 && !req.finished) {
		ret = nl_recvmsgs(requests, cb);
		if (ret == -NLE_INTR)
			ret = 0;
	}
	nl_cb_put(cb);
	nlmsg_free(msg);
	if (req.finished)
		return req.error;
	snprintf(text, sizeof(text), "netlink: %s", nl_geterror(ret));
	return nle_to_errno(ret);
}

#define PARSE_NEST(tb, attr) nla_parse(tb, (int)ARRAY_SIZE(tb) - 1, nla_data(attr), nla_len(attr), NULL)
#define PARSE_MSG(tb, hdr) nla_parse(tb, (int)ARRAY_SIZE(tb) - 1, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), NULL)

static void parse_reason(struct nlattr *attr, struct reasons *reasons)
{
	struct nlattr *tb[DIRECTPATH_A_REASON_MAX + 1];
	struct reason reason = {};

	if (PARSE_NEST(tb, attr))
		return;
	reason.code = get_uint(tb[DIRECTPATH_A_REASON_CODE]);
	reason.blocking = tb[DIRECTPATH_A_REASON_BLOCKING];
	reason.forceable = tb[DIRECTPATH_A_REASON_FORCEABLE];
	get_text(tb[DIRECTPATH_A_REASON_CULPRIT], reason.culprit, sizeof(reason.culprit));
	get_text(tb[DIRECTPATH_A_REASON_FIX], reason.fix, sizeof(reason.fix));
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
	bar->size = get_number(tb[DIRECTPATH_A_BAR_SIZE]);
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
	accepted->time = get_number(tb[DIRECTPATH_A_ACCEPTANCE_TIME]);
	get_text(tb[DIRECTPATH_A_ACCEPTANCE_COMM], accepted->comm, sizeof(accepted->comm));
	get_text(tb[DIRECTPATH_A_ACCEPTANCE_CHANGE], accepted->change, sizeof(accepted->change));
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
			get_text(attr, member, sizeof(member));
			dev_add_member(dev, member);
			break;
		}
	}
}

static int parse_dev(struct genlmsghdr *hdr, struct dev *dev)
{
	struct nlattr *tb[DIRECTPATH_A_DEV_MAX + 1];

	if (PARSE_MSG(tb, hdr) || !tb[DIRECTPATH_A_DEV_ADDRESS])
		return -EBADMSG;
	get_text(tb[DIRECTPATH_A_DEV_ADDRESS], dev->address, sizeof(dev->address));
	get_text(tb[DIRECTPATH_A_DEV_NAME], dev->name, sizeof(dev->name));
	get_text(tb[DIRECTPATH_A_DEV_LABEL], dev->label, sizeof(dev->label));
	get_text(tb[DIRECTPATH_A_DEV_DRIVER], dev->driver, sizeof(dev->driver));
	get_text(tb[DIRECTPATH_A_DEV_HOST_DRIVER], dev->host_driver, sizeof(dev->host_driver));
	get_text(tb[DIRECTPATH_A_DEV_DETAIL], dev->detail, sizeof(dev->detail));
	get_text(tb[DIRECTPATH_A_DEV_RESET_METHODS], dev->reset_methods, sizeof(dev->reset_methods));
	get_text(tb[DIRECTPATH_A_DEV_RESET_POLICY], dev->reset_policy, sizeof(dev->reset_policy));
	get_text(tb[DIRECTPATH_A_DEV_VM], dev->vm, sizeof(dev->vm));
	get_text(tb[DIRECTPATH_A_DEV_BUSY], dev->busy, sizeof(dev->busy));
	get_text(tb[DIRECTPATH_A_DEV_CAUSE], dev->cause, sizeof(dev->cause));
	dev->vendor = get_uint(tb[DIRECTPATH_A_DEV_VENDOR]);
	dev->device = get_uint(tb[DIRECTPATH_A_DEV_DEVICE]);
	dev->subvendor = get_uint(tb[DIRECTPATH_A_DEV_SUBVENDOR]);
	dev->subdevice = get_uint(tb[DIRECTPATH_A_DEV_SUBDEVICE]);
	dev->class = get_uint(tb[DIRECTPATH_A_DEV_CLASS]);
	dev->revision = get_uint(tb[DIRECTPATH_A_DEV_REVISION]);
	dev->state = get_uint(tb[DIRECTPATH_A_DEV_STATE]);
	dev->has_prev_state = tb[DIRECTPATH_A_DEV_PREV_STATE];
	dev->prev_state = get_uint(tb[DIRECTPATH_A_DEV_PREV_STATE]);
	dev->state_ms = get_number(tb[DIRECTPATH_A_DEV_STATE_MS]);
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
	dev->resets = get_number(tb[DIRECTPATH_A_DEV_RESETS]);
	dev->reset_ms = get_uint(tb[DIRECTPATH_A_DEV_RESET_MS]);
	dev->by_hand = tb[DIRECTPATH_A_DEV_BY_HAND];
	get_storm(tb[DIRECTPATH_A_DEV_STORM_RATE], tb[DIRECTPATH_A_DEV_STORM_BACKOFF], &dev->storm);
	dev->error_policy = get_uint(tb[DIRECTPATH_A_DEV_ERROR_POLICY]);
	dev->has_fault_limit = tb[DIRECTPATH_A_DEV_FAULT_LIMIT];
	dev->fault_limit = get_uint(tb[DIRECTPATH_A_DEV_FAULT_LIMIT]);
	dev->errors = get_number(tb[DIRECTPATH_A_DEV_ERRORS]);
	get_text(tb[DIRECTPATH_A_DEV_CLEAN_HOOK], dev->clean_hook, sizeof(dev->clean_hook));
	get_text(tb[DIRECTPATH_A_DEV_RESET_METHOD], dev->reset_method, sizeof(dev->reset_method));
	parse_acceptance(tb[DIRECTPATH_A_DEV_ACCEPTED], &dev->accepted);
	dev->seq = get_number(tb[DIRECTPATH_A_DEV_SEQ]);
	parse_dev_lists(hdr, dev);
	return 0;
}

static int parse_vm(struct genlmsghdr *hdr, struct vm *vm)
{
	struct nlattr *tb[DIRECTPATH_A_VM_MAX + 1], *attr;
	char address[ADDRESS_SIZE];
	int rem;

	if (PARSE_MSG(tb, hdr) || !tb[DIRECTPATH_A_VM_NAME])
		return -EBADMSG;
	get_text(tb[DIRECTPATH_A_VM_NAME], vm->name, sizeof(vm->name));
	get_text(tb[DIRECTPATH_A_VM_CAUSE], vm->cause, sizeof(vm->cause));
	get_storm(tb[DIRECTPATH_A_VM_STORM_RATE], tb[DIRECTPATH_A_VM_STORM_BACKOFF], &vm->storm);
	vm->error_policy = get_uint(tb[DIRECTPATH_A_VM_ERROR_POLICY]);
	vm->fault_limit = get_uint(tb[DIRECTPATH_A_VM_FAULT_LIMIT]);
	get_text(tb[DIRECTPATH_A_VM_CPUS], vm->cpus, sizeof(vm->cpus));
	if (tb[DIRECTPATH_A_VM_UUID] && nla_len(tb[DIRECTPATH_A_VM_UUID]) == sizeof(vm->uuid))
		memcpy(vm->uuid, nla_data(tb[DIRECTPATH_A_VM_UUID]), sizeof(vm->uuid));
	vm->uid = get_uint(tb[DIRECTPATH_A_VM_UID]);
	vm->gid = get_uint(tb[DIRECTPATH_A_VM_GID]);
	vm->max_devices = get_uint(tb[DIRECTPATH_A_VM_MAX_DEVICES]);
	vm->max_vectors = get_uint(tb[DIRECTPATH_A_VM_MAX_VECTORS]);
	vm->max_pinned = get_number(tb[DIRECTPATH_A_VM_MAX_PINNED]);
	vm->state = get_uint(tb[DIRECTPATH_A_VM_STATE]);
	vm->pid = get_uint(tb[DIRECTPATH_A_VM_PID]);
	vm->spaces = get_uint(tb[DIRECTPATH_A_VM_SPACES]);
	vm->has_sums = tb[DIRECTPATH_A_VM_AREAS];
	vm->areas = get_number(tb[DIRECTPATH_A_VM_AREAS]);
	vm->mapped = get_number(tb[DIRECTPATH_A_VM_MAPPED]);
	vm->pinned = get_number(tb[DIRECTPATH_A_VM_PINNED]);
	vm->vectors = get_uint(tb[DIRECTPATH_A_VM_VECTORS]);
	vm->adhoc = tb[DIRECTPATH_A_VM_ADHOC];
	vm->deleted = tb[DIRECTPATH_A_VM_DELETED];
	vm->seq = get_number(tb[DIRECTPATH_A_VM_SEQ]);
	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), rem) {
		if (nla_type(attr) != DIRECTPATH_A_VM_DEVICE)
			continue;
		get_text(attr, address, sizeof(address));
		vm_add_device(vm, address);
	}
	return 0;
}

static int parse_host(struct genlmsghdr *hdr, struct host *host)
{
	struct nlattr *tb[DIRECTPATH_A_HOST_MAX + 1];

	if (PARSE_MSG(tb, hdr))
		return -EBADMSG;
	get_text(tb[DIRECTPATH_A_HOST_VERSION], host->version, sizeof(host->version));
	get_text(tb[DIRECTPATH_A_HOST_IOMMU], host->iommu, sizeof(host->iommu));
	host->has_facts = tb[DIRECTPATH_A_HOST_INTREMAP];
	host->intremap = get_uint(tb[DIRECTPATH_A_HOST_INTREMAP]);
	host->posted = get_uint(tb[DIRECTPATH_A_HOST_POSTED]);
	get_text(tb[DIRECTPATH_A_HOST_POSTED_SOURCE], host->posted_source, sizeof(host->posted_source));
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
	host->seq = get_number(tb[DIRECTPATH_A_HOST_SEQ]);
	return 0;
}

static int parse_op(struct genlmsghdr *hdr, struct op_result *op)
{
	struct nlattr *tb[DIRECTPATH_A_OP_MAX + 1], *attr;
	int rem;

	if (PARSE_MSG(tb, hdr) || !tb[DIRECTPATH_A_OP_ID])
		return -EBADMSG;
	op->id = get_uint(tb[DIRECTPATH_A_OP_ID]);
	op->kind = get_uint(tb[DIRECTPATH_A_OP_KIND]);
	get_text(tb[DIRECTPATH_A_OP_ADDRESS], op->address, sizeof(op->address));
	get_text(tb[DIRECTPATH_A_OP_VM], op->vm, sizeof(op->vm));
	op->done = tb[DIRECTPATH_A_OP_DONE];
	op->error = get_uint(tb[DIRECTPATH_A_OP_ERROR]);
	get_text(tb[DIRECTPATH_A_OP_MESSAGE], op->message, sizeof(op->message));
	op->elapsed_ms = get_number(tb[DIRECTPATH_A_OP_ELAPSED_MS]);
	op->seq = get_number(tb[DIRECTPATH_A_OP_SEQ]);
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
	vector->count = get_number(tb[DIRECTPATH_A_VECTOR_COUNT]);
	vector->storms = get_number(tb[DIRECTPATH_A_VECTOR_STORMS]);
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
	get_text(tb[DIRECTPATH_A_REGISTER_WHERE], reg->where, sizeof(reg->where));
	reg->writes = get_number(tb[DIRECTPATH_A_REGISTER_WRITES]);
	reg->denied = get_number(tb[DIRECTPATH_A_REGISTER_DENIED]);
	reg->bits = get_uint(tb[DIRECTPATH_A_REGISTER_DENIED_BITS]);
	get_text(tb[DIRECTPATH_A_REGISTER_WHY], reg->why, sizeof(reg->why));
}

static int parse_stats(struct genlmsghdr *hdr, struct stats *stats)
{
	struct nlattr *tb[DIRECTPATH_A_STATS_MAX + 1], *attr;
	int rem;

	if (PARSE_MSG(tb, hdr))
		return -EBADMSG;
	get_text(tb[DIRECTPATH_A_STATS_ADDRESS], stats->address, sizeof(stats->address));
	get_text(tb[DIRECTPATH_A_STATS_VM], stats->vm, sizeof(stats->vm));
	stats->interrupts = get_number(tb[DIRECTPATH_A_STATS_INTERRUPTS]);
	stats->storms = get_number(tb[DIRECTPATH_A_STATS_STORMS]);
	stats->storm_rate = get_uint(tb[DIRECTPATH_A_STATS_STORM_RATE]);
	stats->storm_backoff = get_uint(tb[DIRECTPATH_A_STATS_STORM_BACKOFF]);
	stats->has_correctable = tb[DIRECTPATH_A_STATS_ERRORS_CORRECTABLE];
	stats->correctable = get_number(tb[DIRECTPATH_A_STATS_ERRORS_CORRECTABLE]);
	stats->nonfatal = get_number(tb[DIRECTPATH_A_STATS_ERRORS_NONFATAL]);
	stats->fatal = get_number(tb[DIRECTPATH_A_STATS_ERRORS_FATAL]);
	stats->error_policy = get_uint(tb[DIRECTPATH_A_STATS_ERROR_POLICY]);
	stats->iommu = get_number(tb[DIRECTPATH_A_STATS_ERRORS_IOMMU]);
	stats->fault_limit = get_uint(tb[DIRECTPATH_A_STATS_FAULT_LIMIT]);
	stats->config_reads = get_number(tb[DIRECTPATH_A_STATS_CONFIG_READS]);
	stats->config_writes = get_number(tb[DIRECTPATH_A_STATS_CONFIG_WRITES]);
	stats->config_denied = get_number(tb[DIRECTPATH_A_STATS_CONFIG_DENIED]);
	stats->region_reads = get_number(tb[DIRECTPATH_A_STATS_REGION_READS]);
	stats->region_writes = get_number(tb[DIRECTPATH_A_STATS_REGION_WRITES]);
	stats->faults = get_number(tb[DIRECTPATH_A_STATS_FAULTS]);
	stats->resets = get_number(tb[DIRECTPATH_A_STATS_RESETS]);
	stats->reset_failures = get_number(tb[DIRECTPATH_A_STATS_RESET_FAILURES]);
	stats->runs = get_number(tb[DIRECTPATH_A_STATS_RUNS]);
	stats->maps = get_number(tb[DIRECTPATH_A_STATS_MAPS]);
	stats->unmaps = get_number(tb[DIRECTPATH_A_STATS_UNMAPS]);
	stats->map_us = get_number(tb[DIRECTPATH_A_STATS_MAP_US]);
	stats->unmap_us = get_number(tb[DIRECTPATH_A_STATS_UNMAP_US]);
	stats->mapped = get_number(tb[DIRECTPATH_A_STATS_MAPPED]);
	stats->pinned = get_number(tb[DIRECTPATH_A_STATS_PINNED]);
	stats->areas = get_number(tb[DIRECTPATH_A_STATS_AREAS]);
	stats->seq = get_number(tb[DIRECTPATH_A_STATS_SEQ]);
	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), rem)
		if (nla_type(attr) == DIRECTPATH_A_STATS_VECTOR)
			parse_vector(attr, stats);
		else if (nla_type(attr) == DIRECTPATH_A_STATS_REGISTER)
			parse_register(attr, stats);
	return 0;
}

static int parse_error(struct genlmsghdr *hdr, struct hw_error *error)
{
	struct nlattr *tb[DIRECTPATH_A_FAULT_MAX + 1];

	if (PARSE_MSG(tb, hdr) || !tb[DIRECTPATH_A_FAULT_ADDRESS])
		return -EBADMSG;
	get_text(tb[DIRECTPATH_A_FAULT_ADDRESS], error->address, sizeof(error->address));
	get_text(tb[DIRECTPATH_A_FAULT_VM], error->vm, sizeof(error->vm));
	error->kind = get_uint(tb[DIRECTPATH_A_FAULT_KIND]);
	error->count = get_number(tb[DIRECTPATH_A_FAULT_COUNT]);
	error->has_status = tb[DIRECTPATH_A_FAULT_STATUS];
	error->status = get_uint(tb[DIRECTPATH_A_FAULT_STATUS]);
	error->has_iova = tb[DIRECTPATH_A_FAULT_IOVA];
	error->iova = get_number(tb[DIRECTPATH_A_FAULT_IOVA]);
	error->write = tb[DIRECTPATH_A_FAULT_WRITE];
	error->action = get_uint(tb[DIRECTPATH_A_FAULT_ACTION]);
	error->seq = get_number(tb[DIRECTPATH_A_FAULT_SEQ]);
	return 0;
}

static int take_host(struct genlmsghdr *hdr, void *ctx)
{
	return parse_host(hdr, ctx);
}

static int take_dev(struct genlmsghdr *hdr, void *ctx)
{
	return parse_dev(hdr, dev_list_add(ctx));
}

static int take_vm(struct genlmsghdr *hdr, void *ctx)
{
	return parse_vm(hdr, vm_list_add(ctx));
}

static int take_op(struct genlmsghdr *hdr, void *ctx)
{
	return parse_op(hdr, ctx);
}

static int take_stats(struct genlmsghdr *hdr, void *ctx)
{
	return parse_stats(hdr, ctx);
}

static int take_stats_list(struct genlmsghdr *hdr, void *ctx)
{
	return parse_stats(hdr, stats_list_add(ctx));
}

int kernel_host_get(struct host *host)
{
	int ret = kernel_connect();

	memset(host, 0, sizeof(*host));
	return ret ? ret : transact(new_msg(DIRECTPATH_CMD_HOST_GET, 0), take_host, host);
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
	msg = new_msg(DIRECTPATH_CMD_HOST_SET, 0);
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
	return transact(msg, NULL, NULL);
}

int kernel_dev_list(struct dev_list *list)
{
	int ret = kernel_connect();

	memset(list, 0, sizeof(*list));
	if (!ret)
		ret = transact(new_msg(DIRECTPATH_CMD_DEV_GET, NLM_F_DUMP), take_dev, list);
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
	msg = new_msg(DIRECTPATH_CMD_DEV_SET, 0);
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
	return transact(msg, NULL, NULL);
}

int kernel_vm_list(struct vm_list *list)
{
	int ret = kernel_connect();

	memset(list, 0, sizeof(*list));
	if (!ret)
		ret = transact(new_msg(DIRECTPATH_CMD_VM_GET, NLM_F_DUMP), take_vm, list);
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
	msg = new_msg(cmd, 0);
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
	return transact(msg, NULL, NULL);
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
	msg = new_msg(DIRECTPATH_CMD_STATS_GET, 0);
	if (!msg)
		return -ENOMEM;
	if (address)
		nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, address);
	if (vm)
		nla_put_string(msg, DIRECTPATH_A_STATS_VM, vm);
	return transact(msg, take_stats, stats);
}

int kernel_stats_list(struct stats_list *list)
{
	int ret = kernel_connect();

	memset(list, 0, sizeof(*list));
	if (!ret)
		ret = transact(new_msg(DIRECTPATH_CMD_STATS_GET, NLM_F_DUMP), take_stats_list, list);
	if (ret)
		stats_list_free(list);
	return ret;
}

/* dev-* answer with DEV_OP_ID, vm-* with VM_OP_ID, under the request's command. */
static int take_op_id(struct genlmsghdr *hdr, void *ctx)
{
	bool vm = hdr->cmd == DIRECTPATH_CMD_VM_ATTACH || hdr->cmd == DIRECTPATH_CMD_VM_DETACH;
	struct nlattr *attr;

	attr = nla_find(genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), vm ? DIRECTPATH_A_VM_OP_ID : DIRECTPATH_A_DEV_OP_ID);
	*(uint32_t *)ctx = get_uint(attr);
	return 0;
}

static void put_dev_request(struct nl_msg *msg, const struct op_request *request)
{
	unsigned int reason;

	nla_put_string(msg, DIRECTPATH_A_DEV_ADDRESS, request->address);
	if (request->unbind)
		nla_put_flag(msg, DIRECTPATH_A_DEV_UNBIND);
	if (request->whole_set)
		nla_put_flag(msg, DIRECTPATH_A_DEV_WHOLE_SET);
	if (request->driverless)
		nla_put_flag(msg, DIRECTPATH_A_DEV_KEEP_DRIVERLESS);
	if (request->kind == DIRECTPATH_OP_KIND_CLEAN)
		nla_put_u32(msg, DIRECTPATH_A_DEV_CLEAN_STEP, request->step);
	if (request->message)
		nla_put_string(msg, DIRECTPATH_A_DEV_CLEAN_MESSAGE, request->message);
	for (reason = 0; reason < 64; reason++)
		if (request->force & (1ULL << reason))
			nla_put_u32(msg, DIRECTPATH_A_DEV_FORCE, reason);
}

static void put_vm_request(struct nl_msg *msg, const struct op_request *request)
{
	unsigned int i;

	nla_put_string(msg, DIRECTPATH_A_VM_NAME, request->vm);
	for (i = 0; i < request->nr_addresses; i++)
		nla_put_string(msg, DIRECTPATH_A_VM_DEVICE, request->addresses[i]);
	if (request->now)
		nla_put_flag(msg, DIRECTPATH_A_VM_FORCE);
}

int kernel_op_start(const struct op_request *request, uint32_t *id)
{
	static const int cmds[] = {
		[DIRECTPATH_OP_KIND_CLAIM] = DIRECTPATH_CMD_DEV_CLAIM,
		[DIRECTPATH_OP_KIND_RELEASE] = DIRECTPATH_CMD_DEV_RELEASE,
		[DIRECTPATH_OP_KIND_RESET] = DIRECTPATH_CMD_DEV_RESET,
		[DIRECTPATH_OP_KIND_RECOVER] = DIRECTPATH_CMD_DEV_RECOVER,
		[DIRECTPATH_OP_KIND_ATTACH] = DIRECTPATH_CMD_VM_ATTACH,
		[DIRECTPATH_OP_KIND_DETACH] = DIRECTPATH_CMD_VM_DETACH,
		[DIRECTPATH_OP_KIND_ACCEPT] = DIRECTPATH_CMD_DEV_ACCEPT,
		[DIRECTPATH_OP_KIND_CLEAN] = DIRECTPATH_CMD_DEV_CLEAN,
	};
	struct nl_msg *msg;
	int ret;

	*id = 0;
	ret = kernel_connect();
	if (!ret)
		ret = listen_events();
	if (ret)
		return ret;
	msg = new_msg(cmds[request->kind], 0);
	if (!msg)
		return -ENOMEM;
	if (request->kind == DIRECTPATH_OP_KIND_ATTACH || request->kind == DIRECTPATH_OP_KIND_DETACH)
		put_vm_request(msg, request);
	else
		put_dev_request(msg, request);
	return transact(msg, take_op_id, id);
}

static int get_op(uint32_t id, struct op_result *result)
{
	struct nl_msg *msg = new_msg(DIRECTPATH_CMD_OP_GET, 0);

	if (!msg)
		return -ENOMEM;
	nla_put_u32(msg, DIRECTPATH_A_OP_ID, id);
	op_result_free(result);
	memset(result, 0, sizeof(*result));
	return transact(msg, take_op, result);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* What one batch of events is searched for. */
struct op_search {
	uint32_t id;
	struct op_result *result;
	bool found;
};

static int on_op_event(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *hdr = nlmsg_data(nlmsg_hdr(msg));
	struct op_search *search = arg;
	struct op_result op = {};

	if (hdr->cmd != DIRECTPATH_CMD_OP_NTF || search->found)
		return NL_OK;
	if (parse_op(hdr, &op) || op.id != search->id) {
		op_result_free(&op);
		return NL_OK;
	}
	op_result_free(search->result);
	*search->result = op;
	search->found = true;
	return NL_OK;
}

/* Events are no answers: any sequence number is right. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

/* Read what is there. -ENOBUFS: events were lost. */
static int drain_events(nl_recvmsg_msg_cb_t fn, void *arg)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, fn, arg);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, NULL);
	do {
		ret = nl_recvmsgs(events, cb);
	} while (ret >= 0);
	nl_cb_put(cb);
	ret = nle_to_errno(ret);
	return ret == -EAGAIN || ret == -EINTR ? 0 : ret;
}

int kernel_op_wait(uint32_t id, int ms, struct op_result *result)
{
	struct op_search search = { .id = id, .result = result };
	struct pollfd pfd = { .fd = nl_socket_get_fd(events), .events = POLLIN };
	int64_t deadline = now_ms() + ms, left;
	int ret;

	memset(result, 0, sizeof(*result));
	text[0] = '\0';
	for (;;) {
		ret = drain_events(on_op_event, &search);
		if (search.found)
			return 0;
		left = deadline - now_ms();
		if (ret || left <= 0) {
			ret = get_op(id, result);
			if (ret || result->done)
				return ret;
		}
		if (left <= 0)
			return -ETIME;
		if (poll(&pfd, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

struct monitor {
	bool (*fn)(const struct event *event, void *ctx);
	void *ctx;
	bool stop;
};

static int on_event(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *hdr = nlmsg_data(nlmsg_hdr(msg));
	struct monitor *monitor = arg;
	struct op_result op = {};
	struct hw_error error = {};
	struct event event = {};
	struct host host = {};
	struct dev dev = {};
	struct vm vm = {};
	int ret = -EBADMSG;

	if (monitor->stop)
		return NL_OK;
	switch (hdr->cmd) {
	case DIRECTPATH_CMD_DEV_NTF:
		event.kind = EVENT_DEV;
		event.dev = &dev;
		ret = parse_dev(hdr, &dev);
		break;
	case DIRECTPATH_CMD_VM_NTF:
		event.kind = EVENT_VM;
		event.vm = &vm;
		ret = parse_vm(hdr, &vm);
		break;
	case DIRECTPATH_CMD_HOST_NTF:
		event.kind = EVENT_HOST;
		event.host = &host;
		ret = parse_host(hdr, &host);
		break;
	case DIRECTPATH_CMD_OP_NTF:
		event.kind = EVENT_OP;
		event.op = &op;
		ret = parse_op(hdr, &op);
		break;
	case DIRECTPATH_CMD_FAULT_NTF:
		event.kind = EVENT_ERROR;
		event.error = &error;
		ret = parse_error(hdr, &error);
		break;
	}
	if (!ret)
		monitor->stop = !monitor->fn(&event, monitor->ctx);
	dev_free(&dev);
	vm_free(&vm);
	op_result_free(&op);
	return NL_OK;
}

int kernel_monitor(bool (*fn)(const struct event *event, void *ctx), int fd, bool (*ready)(void *ctx), void *ctx)
{
	struct monitor monitor = { .fn = fn, .ctx = ctx };
	const struct event lost = { .kind = EVENT_LOST };
	struct pollfd pfds[2] = { { .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	int ret;

	ret = kernel_connect();
	if (!ret)
		ret = listen_events();
	if (ret)
		return ret;
	pfds[0].fd = nl_socket_get_fd(events);
	while (!monitor.stop) {
		if (poll(pfds, 2, -1) < 0)
			return errno == EINTR ? 0 : -errno;
		if (pfds[1].revents)
			monitor.stop = !ready(ctx);
		ret = drain_events(on_event, &monitor);
		if (ret == -ENOBUFS)
			monitor.stop = !fn(&lost, ctx);
		else if (ret)
			return ret;
	}
	return 0;
}
