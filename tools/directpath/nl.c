// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family `directpath` by libnl-genl-3.
 *
 * Two sockets: one for requests, one that is a member of the multicast groups. An operation is awaited on the second, which joins before the
 * request is sent (nl_op.c). libnl 3.7 does not ask for extended acknowledgements, so that is done by setsockopt, and the text is taken out of the
 * error message here.
 */

#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/directpath_nl.h>

#include "nl.h"
#include "nl_priv.h"
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

void nl_forget_text(void)
{
	text[0] = '\0';
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

int nl_listen_events(void)
{
	int ret = kernel_connect();

	if (ret || events)
		return ret;
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

int nl_events_fd(void)
{
	return nl_socket_get_fd(events);
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

/* The core's own text for a number out of range does not say which range; its policy does. */
static void add_range(struct nlattr *policy)
{
	struct nlattr *min, *max;
	size_t len = strlen(text);

	min = nla_find(nla_data(policy), nla_len(policy), NL_POLICY_TYPE_ATTR_MIN_VALUE_U);
	max = nla_find(nla_data(policy), nla_len(policy), NL_POLICY_TYPE_ATTR_MAX_VALUE_U);
	if (min && max)
		snprintf(text + len, sizeof(text) - len, " (%llu to %llu)", ULL(nl_get_number(min)), ULL(nl_get_number(max)));
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
	nl_get_text(attr, text, sizeof(text));
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

struct nl_msg *nl_new_msg(int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(8192);

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, cmd, DIRECTPATH_FAMILY_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

int nl_transact(struct nl_msg *msg, int (*parse)(struct genlmsghdr *hdr, void *ctx), void *ctx)
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

/* Events are no answers: any sequence number is right. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

int nl_drain_events(nl_recvmsg_msg_cb_t fn, void *arg)
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
