// SPDX-License-Identifier: GPL-2.0
/*
 * Operations: queued, and awaited on the socket of events, which listens from before the request is sent. If its buffer overflows (ENOBUFS), the result
 * is asked for with op-get instead.
 */

#include <errno.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <linux/directpath_nl.h>

#include "nl.h"
#include "nl_priv.h"

static int take_op_id(struct genlmsghdr *hdr, void *ctx)
{
	bool vm = hdr->cmd == DIRECTPATH_CMD_VM_ATTACH || hdr->cmd == DIRECTPATH_CMD_VM_DETACH;
	struct nlattr *attr;

	attr = nla_find(genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), vm ? DIRECTPATH_A_VM_OP_ID : DIRECTPATH_A_DEV_OP_ID);
	*(uint32_t *)ctx = (uint32_t)nl_get_number(attr);
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
	ret = nl_listen_events();
	if (ret)
		return ret;
	msg = nl_new_msg(cmds[request->kind], 0);
	if (!msg)
		return -ENOMEM;
	if (request->kind == DIRECTPATH_OP_KIND_ATTACH || request->kind == DIRECTPATH_OP_KIND_DETACH)
		put_vm_request(msg, request);
	else
		put_dev_request(msg, request);
	return nl_transact(msg, take_op_id, id);
}

static int take_op(struct genlmsghdr *hdr, void *ctx)
{
	return nl_parse_op(hdr, ctx);
}

static int get_op(uint32_t id, struct op_result *result)
{
	struct nl_msg *msg = nl_new_msg(DIRECTPATH_CMD_OP_GET, 0);

	if (!msg)
		return -ENOMEM;
	nla_put_u32(msg, DIRECTPATH_A_OP_ID, id);
	op_result_free(result);
	memset(result, 0, sizeof(*result));
	return nl_transact(msg, take_op, result);
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
	if (nl_parse_op(hdr, &op) || op.id != search->id) {
		op_result_free(&op);
		return NL_OK;
	}
	op_result_free(search->result);
	*search->result = op;
	search->found = true;
	return NL_OK;
}

int kernel_op_wait(uint32_t id, int ms, struct op_result *result)
{
	struct op_search search = { .id = id, .result = result };
	struct pollfd pfd = { .fd = nl_events_fd(), .events = POLLIN };
	int64_t deadline = now_ms() + ms, left;
	int ret;

	memset(result, 0, sizeof(*result));
	nl_forget_text();
	for (;;) {
		ret = nl_drain_events(on_op_event, &search);
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
