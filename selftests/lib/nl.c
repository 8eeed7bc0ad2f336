// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "assert.h"
#include "device.h"
#include "inject.h"
#include "nl.h"
#include "proc.h"

/* Longest that a request or an operation may take: emulated machines are slow. */
#define ANSWER_S 60
#define OPERATION_MS 90000
#define ATTR_MAX 64

struct ctl_result ctl_last;

static struct nl_sock *ctl_sock;
static pid_t ctl_pid;
static int ctl_family;
static ino_t ctl_module; /* that has it: another one gets another number for its family */
static struct nlmsghdr *handled; /* message that a handler looks at */

static struct nl_sock *open_socket(void)
{
	struct timeval limit = { .tv_sec = ANSWER_S };
	struct nl_sock *sock = nl_socket_alloc();
	int on = 1, fd;

	dp_assert(sock, "no memory");
	dp_assert(!genl_connect(sock), "no generic netlink");
	nl_socket_disable_auto_ack(sock);
	fd = nl_socket_get_fd(sock);
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	nl_socket_set_buffer_size(sock, 4 << 20, 0);
	nl_socket_set_msg_buf_size(sock, 64 << 10);
	return sock;
}

static ino_t find_module(void)
{
	struct stat st;

	return stat("/sys/module/directpath", &st) ? 0 : st.st_ino;
}

/* One socket a process: a child must not read its parent's answers. */
static struct nl_sock *my_socket(void)
{
	ino_t module = find_module();

	if (ctl_sock && ctl_pid == getpid() && ctl_module == module)
		return ctl_sock;
	if (!ctl_sock || ctl_pid != getpid())
		ctl_sock = open_socket();
	ctl_pid = getpid();
	ctl_module = module;
	ctl_family = genl_ctrl_resolve(ctl_sock, DIRECTPATH_FAMILY_NAME);
	dp_assert(ctl_family > 0, "no netlink family %s: is the module loaded?", DIRECTPATH_FAMILY_NAME);
	return ctl_sock;
}

struct nl_msg *ctl_request(int cmd)
{
	struct nl_sock *sock = my_socket();
	struct nl_msg *msg = nlmsg_alloc_size(64 << 10);

	dp_assert(msg, "no memory");
	dp_assert(genlmsg_put(msg, NL_AUTO_PORT, nl_socket_use_seq(sock), ctl_family, 0, NLM_F_REQUEST | NLM_F_ACK, cmd, DIRECTPATH_FAMILY_VERSION),
		  "message full");
	return msg;
}

static void read_tlvs(struct nlattr *first, int length)
{
	struct nlattr *tlv;
	int left;

	nla_for_each_attr(tlv, first, length, left) {
		switch (nla_type(tlv)) {
		case NLMSGERR_ATTR_MSG:
			snprintf(ctl_last.text, sizeof(ctl_last.text), "%s", (char *)nla_data(tlv));
			break;
		case NLMSGERR_ATTR_OFFS:
			ctl_last.offset = nla_get_u32(tlv);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			ctl_last.missing = nla_get_u32(tlv);
			break;
		}
	}
}

static int read_error(struct nlmsghdr *nlh)
{
	struct nlmsgerr *err = nlmsg_data(nlh);
	int skip = sizeof(*err);

	ctl_last.error = err->error;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - sizeof(err->msg);
	skip = NLMSG_ALIGN(skip);
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		read_tlvs((void *)err + skip, nlmsg_datalen(nlh) - skip);
	return err->error;
}

static int read_done(struct nlmsghdr *nlh)
{
	int *error = nlmsg_data(nlh);

	if (nlmsg_datalen(nlh) < (int)sizeof(*error))
		return 0;
	ctl_last.error = *error;
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		read_tlvs((void *)error + NLMSG_ALIGN(sizeof(*error)), nlmsg_datalen(nlh) - NLMSG_ALIGN(sizeof(*error)));
	return *error;
}

static void handle(struct nlmsghdr *nlh, ctl_handler handler, void *arg)
{
	struct nlattr *attrs[ATTR_MAX + 1];

	if (!handler)
		return;
	nla_parse(attrs, ATTR_MAX, genlmsg_attrdata(nlmsg_data(nlh), 0), genlmsg_attrlen(nlmsg_data(nlh), 0), NULL);
	handled = nlh;
	handler(attrs, arg);
	handled = NULL;
}

/* The messages of one datagram; true at the end of the answer. */
static bool read_datagram(unsigned char *buf, int length, uint32_t seq, ctl_handler handler, void *arg)
{
	struct nlmsghdr *nlh;

	for (nlh = (void *)buf; nlmsg_ok(nlh, length); nlh = nlmsg_next(nlh, &length)) {
		if (nlh->nlmsg_seq != seq)
			continue;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			read_error(nlh);
			return true;
		}
		if (nlh->nlmsg_type == NLMSG_DONE) {
			read_done(nlh);
			return true;
		}
		handle(nlh, handler, arg);
	}
	return false;
}

static int transact(struct nl_msg *msg, ctl_handler handler, void *arg)
{
	uint32_t seq = nlmsg_hdr(msg)->nlmsg_seq;
	struct nl_sock *sock = my_socket();
	struct sockaddr_nl from;
	unsigned char *buf;
	bool ended = false;
	int n;

	memset(&ctl_last, 0, sizeof(ctl_last));
	nlmsg_hdr(msg)->nlmsg_pid = nl_socket_get_local_port(sock);
	n = nl_sendto(sock, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
	dp_assert(n > 0, "not sent: %s", nl_geterror(n));
	while (!ended) {
		n = nl_recv(sock, &from, &buf, NULL);
		/* The kernel had no memory for the message that it was refused with. */
		if (n == -NLE_NOMEM)
			return ctl_last.error = -ENOBUFS;
		dp_assert(n > 0, "no answer: %s", nl_geterror(n));
		ended = read_datagram(buf, n, seq, handler, arg);
		free(buf);
	}
	return ctl_last.error;
}

int __ctl_do(struct nl_msg *msg, ctl_handler handler, void *arg)
{
	return transact(msg, handler, arg);
}

int __ctl_dump(struct nl_msg *msg, ctl_handler handler, void *arg)
{
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
	return transact(msg, handler, arg);
}

void ctl_do(struct nl_msg *msg, ctl_handler handler, void *arg)
{
	int ret = __ctl_do(msg, handler, arg);

	dp_assert(!ret, "refused: %s: %s", strerror(-ret), ctl_last.text);
}

struct queued {
	int attr;
	uint32_t id;
};

static void take_id(struct nlattr **attrs, void *arg)
{
	struct queued *queued = arg;

	queued->id = ctl_u32(attrs[queued->attr]);
}

int __ctl_queue(struct nl_msg *msg, int attr, uint32_t *id)
{
	struct queued queued = { .attr = attr };
	int ret = __ctl_do(msg, take_id, &queued);

	*id = queued.id;
	dp_assert(ret || queued.id, "no operation id");
	return ret;
}

struct ended {
	bool done;
	struct ctl_result result;
};

static void take_end(struct nlattr **attrs, void *arg)
{
	struct ended *ended = arg;
	struct ctl_result *result = &ended->result;

	ended->done = attrs[DIRECTPATH_A_OP_DONE];
	result->error = -(int)ctl_u32(attrs[DIRECTPATH_A_OP_ERROR]);
	ctl_copy(result->text, sizeof(result->text), attrs[DIRECTPATH_A_OP_MESSAGE]);
	result->nr_reasons = ctl_reasons(DIRECTPATH_A_OP_REASON, result->reasons, CTL_REASONS);
}

static bool op_ended(uint32_t id, struct ended *ended)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_OP_GET);

	memset(ended, 0, sizeof(*ended));
	nla_put_u32(msg, DIRECTPATH_A_OP_ID, id);
	ctl_do(msg, take_end, ended);
	return ended->done;
}

int __ctl_wait(uint32_t id)
{
	uint64_t deadline = now_ms() + OPERATION_MS;
	struct ended ended;

	inject_stop();
	while (!op_ended(id, &ended)) {
		dp_assert(now_ms() < deadline, "operation %u does not end", id);
		usleep(3000);
	}
	ctl_last = ended.result;
	ctl_last.op = id;
	return ctl_last.error;
}

int __ctl_op(struct nl_msg *msg, int attr)
{
	uint32_t id;
	int ret;

	ret = __ctl_queue(msg, attr, &id);
	return ret ? ret : __ctl_wait(id);
}

/* --- attributes --- */

const char *ctl_string(struct nlattr *attr)
{
	return attr ? nla_get_string(attr) : "";
}

uint32_t ctl_u32(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

uint64_t ctl_u64(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

void ctl_copy(char *to, size_t size, struct nlattr *attr)
{
	snprintf(to, size, "%s", ctl_string(attr));
}

static void read_reason(struct nlattr *nest, struct ctl_reason *reason)
{
	struct nlattr *attrs[DIRECTPATH_A_REASON_MAX + 1];

	memset(reason, 0, sizeof(*reason));
	nla_parse_nested(attrs, DIRECTPATH_A_REASON_MAX, nest, NULL);
	reason->code = ctl_u32(attrs[DIRECTPATH_A_REASON_CODE]);
	reason->blocking = attrs[DIRECTPATH_A_REASON_BLOCKING];
	reason->forceable = attrs[DIRECTPATH_A_REASON_FORCEABLE];
	ctl_copy(reason->culprit, sizeof(reason->culprit), attrs[DIRECTPATH_A_REASON_CULPRIT]);
	ctl_copy(reason->fix, sizeof(reason->fix), attrs[DIRECTPATH_A_REASON_FIX]);
}

#define for_each_handled(attr, left) \
	nla_for_each_attr(attr, genlmsg_attrdata(nlmsg_data(handled), 0), genlmsg_attrlen(nlmsg_data(handled), 0), left)

unsigned int ctl_reasons(int type, struct ctl_reason *reasons, unsigned int max)
{
	unsigned int nr = 0;
	struct nlattr *attr;
	int left;

	for_each_handled(attr, left)
		if (nla_type(attr) == type && nr < max)
			read_reason(attr, &reasons[nr++]);
	return nr;
}

static void read_vector(struct nlattr *nest, struct dev_vector *vector)
{
	struct nlattr *attrs[DIRECTPATH_A_VECTOR_MAX + 1];

	dp_assert(!nla_parse_nested(attrs, DIRECTPATH_A_VECTOR_MAX, nest, NULL), "a vector cannot be parsed");
	vector->index = ctl_u32(attrs[DIRECTPATH_A_VECTOR_INDEX]);
	vector->number = ctl_u32(attrs[DIRECTPATH_A_VECTOR_NUMBER]);
	vector->irq = ctl_u32(attrs[DIRECTPATH_A_VECTOR_IRQ]);
	vector->count = ctl_u64(attrs[DIRECTPATH_A_VECTOR_COUNT]);
	vector->storms = ctl_u64(attrs[DIRECTPATH_A_VECTOR_STORMS]);
	vector->held = attrs[DIRECTPATH_A_VECTOR_HELD];
	vector->bypassed = attrs[DIRECTPATH_A_VECTOR_BYPASSED];
}

unsigned int ctl_vectors(int type, struct dev_vector *vectors, unsigned int max)
{
	unsigned int nr = 0;
	struct nlattr *attr;
	int left;

	for_each_handled(attr, left)
		if (nla_type(attr) == type && nr < max)
			read_vector(attr, &vectors[nr++]);
	return nr;
}

void ctl_each(int type, int max, void (*take)(struct nlattr **attrs, void *arg), void *arg)
{
	struct nlattr *attrs[ATTR_MAX + 1], *attr;
	int left;

	dp_assert(max <= ATTR_MAX, "%d attributes", max);
	for_each_handled(attr, left) {
		if (nla_type(attr) != type)
			continue;
		nla_parse_nested(attrs, max, attr, NULL);
		take(attrs, arg);
	}
}

unsigned int ctl_strings(int type, char (*strings)[16], unsigned int max)
{
	unsigned int nr = 0;
	struct nlattr *attr;
	int left;

	for_each_handled(attr, left)
		if (nla_type(attr) == type && nr < max)
			ctl_copy(strings[nr++], sizeof(strings[0]), attr);
	return nr;
}

struct pattern {
	const void *bytes;
	size_t size;
	bool found;
};

static void look_for(struct nlattr **attrs, void *arg)
{
	struct pattern *pattern = arg;

	(void)attrs;
	pattern->found |= memmem(handled, handled->nlmsg_len, pattern->bytes, pattern->size) != NULL;
}

bool ctl_reply_holds(int cmd, int attr, const char *object, const void *bytes, size_t size)
{
	struct pattern pattern = { .bytes = bytes, .size = size };
	struct nl_msg *msg = ctl_request(cmd);

	nla_put_string(msg, attr, object);
	ctl_do(msg, look_for, &pattern);
	return pattern.found;
}

bool ctl_has_reason(const struct ctl_reason *reasons, unsigned int nr, uint32_t code)
{
	while (nr--)
		if (reasons[nr].code == code)
			return true;
	return false;
}

/* --- events --- */

static struct nl_sock *listen_to(const char *name)
{
	struct nl_sock *sock = open_socket();
	int group;

	group = genl_ctrl_resolve_grp(sock, DIRECTPATH_FAMILY_NAME, name);
	dp_assert(group > 0, "no multicast group");
	nl_socket_disable_seq_check(sock);
	dp_assert(!nl_socket_add_membership(sock, group), "cannot join the group");
	return sock;
}

struct nl_sock *ctl_listen(void)
{
	return listen_to(DIRECTPATH_MCGRP_STATE);
}

struct nl_sock *ctl_listen_faults(void)
{
	return listen_to(DIRECTPATH_MCGRP_FAULT);
}

void ctl_unlisten(struct nl_sock *sock)
{
	nl_socket_free(sock);
}

static void read_dev_event(struct nlattr **attrs, struct ctl_event *event)
{
	ctl_copy(event->address, sizeof(event->address), attrs[DIRECTPATH_A_DEV_ADDRESS]);
	ctl_copy(event->vm, sizeof(event->vm), attrs[DIRECTPATH_A_DEV_VM]);
	ctl_copy(event->cause, sizeof(event->cause), attrs[DIRECTPATH_A_DEV_CAUSE]);
	event->state = ctl_u32(attrs[DIRECTPATH_A_DEV_STATE]);
	event->changed = attrs[DIRECTPATH_A_DEV_PREV_STATE];
	event->prev = ctl_u32(attrs[DIRECTPATH_A_DEV_PREV_STATE]);
	event->seq = ctl_u64(attrs[DIRECTPATH_A_DEV_SEQ]);
}

static void read_vm_event(struct nlattr **attrs, struct ctl_event *event)
{
	ctl_copy(event->vm, sizeof(event->vm), attrs[DIRECTPATH_A_VM_NAME]);
	ctl_copy(event->cause, sizeof(event->cause), attrs[DIRECTPATH_A_VM_CAUSE]);
	event->state = ctl_u32(attrs[DIRECTPATH_A_VM_STATE]);
	event->deleted = attrs[DIRECTPATH_A_VM_DELETED];
	event->seq = ctl_u64(attrs[DIRECTPATH_A_VM_SEQ]);
}

static void read_op_event(struct nlattr **attrs, struct ctl_event *event)
{
	ctl_copy(event->address, sizeof(event->address), attrs[DIRECTPATH_A_OP_ADDRESS]);
	ctl_copy(event->vm, sizeof(event->vm), attrs[DIRECTPATH_A_OP_VM]);
	ctl_copy(event->message, sizeof(event->message), attrs[DIRECTPATH_A_OP_MESSAGE]);
	event->op = ctl_u32(attrs[DIRECTPATH_A_OP_ID]);
	event->error = -(int)ctl_u32(attrs[DIRECTPATH_A_OP_ERROR]);
	event->seq = ctl_u64(attrs[DIRECTPATH_A_OP_SEQ]);
}

static void read_fault_event(struct nlattr **attrs, struct ctl_event *event)
{
	ctl_copy(event->address, sizeof(event->address), attrs[DIRECTPATH_A_FAULT_ADDRESS]);
	ctl_copy(event->vm, sizeof(event->vm), attrs[DIRECTPATH_A_FAULT_VM]);
	event->kind = ctl_u32(attrs[DIRECTPATH_A_FAULT_KIND]);
	event->count = ctl_u64(attrs[DIRECTPATH_A_FAULT_COUNT]);
	event->has_status = attrs[DIRECTPATH_A_FAULT_STATUS];
	event->status = ctl_u32(attrs[DIRECTPATH_A_FAULT_STATUS]);
	event->iova = ctl_u64(attrs[DIRECTPATH_A_FAULT_IOVA]);
	event->write = attrs[DIRECTPATH_A_FAULT_WRITE];
	event->action = ctl_u32(attrs[DIRECTPATH_A_FAULT_ACTION]);
	event->seq = ctl_u64(attrs[DIRECTPATH_A_FAULT_SEQ]);
}

static void read_event(struct nlmsghdr *nlh, struct ctl_event *event)
{
	struct nlattr *attrs[ATTR_MAX + 1];

	memset(event, 0, sizeof(*event));
	nla_parse(attrs, ATTR_MAX, genlmsg_attrdata(nlmsg_data(nlh), 0), genlmsg_attrlen(nlmsg_data(nlh), 0), NULL);
	event->cmd = ((struct genlmsghdr *)nlmsg_data(nlh))->cmd;
	switch (event->cmd) {
	case DIRECTPATH_CMD_DEV_NTF:
		read_dev_event(attrs, event);
		break;
	case DIRECTPATH_CMD_VM_NTF:
		read_vm_event(attrs, event);
		break;
	case DIRECTPATH_CMD_OP_NTF:
		read_op_event(attrs, event);
		break;
	case DIRECTPATH_CMD_FAULT_NTF:
		read_fault_event(attrs, event);
		break;
	case DIRECTPATH_CMD_HOST_NTF:
		event->seq = ctl_u64(attrs[DIRECTPATH_A_HOST_SEQ]);
		break;
	}
}

/* Each event is a datagram of its own. */
bool ctl_event_next(struct nl_sock *sock, struct ctl_event *event, int ms)
{
	struct pollfd ready = { .fd = nl_socket_get_fd(sock), .events = POLLIN };
	struct sockaddr_nl from;
	unsigned char *buf;
	int n;

	if (poll(&ready, 1, ms) <= 0)
		return false;
	n = nl_recv(sock, &from, &buf, NULL);
	dp_assert(n > 0, "events: %s", nl_geterror(n));
	read_event((void *)buf, event);
	free(buf);
	return true;
}
