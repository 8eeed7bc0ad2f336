// SPDX-License-Identifier: GPL-2.0
/* Events, one after the other. */

#include <errno.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <linux/directpath_nl.h>

#include "nl.h"
#include "nl_priv.h"

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
		ret = nl_parse_dev(hdr, &dev);
		break;
	case DIRECTPATH_CMD_VM_NTF:
		event.kind = EVENT_VM;
		event.vm = &vm;
		ret = nl_parse_vm(hdr, &vm);
		break;
	case DIRECTPATH_CMD_HOST_NTF:
		event.kind = EVENT_HOST;
		event.host = &host;
		ret = nl_parse_host(hdr, &host);
		break;
	case DIRECTPATH_CMD_OP_NTF:
		event.kind = EVENT_OP;
		event.op = &op;
		ret = nl_parse_op(hdr, &op);
		break;
	case DIRECTPATH_CMD_FAULT_NTF:
		event.kind = EVENT_ERROR;
		event.error = &error;
		ret = nl_parse_error(hdr, &error);
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

	ret = nl_listen_events();
	if (ret)
		return ret;
	pfds[0].fd = nl_events_fd();
	while (!monitor.stop) {
		if (poll(pfds, 2, -1) < 0)
			return errno == EINTR ? 0 : -errno;
		if (pfds[1].revents)
			monitor.stop = !ready(ctx);
		ret = nl_drain_events(on_event, &monitor);
		if (ret == -ENOBUFS)
			monitor.stop = !fn(&lost, ctx);
		else if (ret)
			return ret;
	}
	return 0;
}
