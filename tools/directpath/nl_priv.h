/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NL_PRIV_H
#define NL_PRIV_H

/*
 * What the files that know libnl share: nl.c (sockets, transactions), nl_parse.c (messages to the model), nl_request.c, nl_op.c, nl_monitor.c.
 */

#include <netlink/netlink.h>

#include "model.h"

struct genlmsghdr;

/* A request of the family, or NULL; nl_transact() takes NULL for want of memory. */
struct nl_msg *nl_new_msg(int cmd, int flags);
/* Send @msg, which is freed, and pass every reply to @parse, if there is one. */
int nl_transact(struct nl_msg *msg, int (*parse)(struct genlmsghdr *hdr, void *ctx), void *ctx);
void nl_forget_text(void);

/* Connect, and listen to events from now on; calling it again is free. */
int nl_listen_events(void);
/* Readable when there is one. */
int nl_events_fd(void);
/* Read what is there. -ENOBUFS: events were lost. */
int nl_drain_events(nl_recvmsg_msg_cb_t fn, void *arg);

void nl_get_text(struct nlattr *attr, char *buf, size_t size);
/* Numbers of any width: a kernel that widens one later is still understood. 0 if there is none. */
uint64_t nl_get_number(struct nlattr *attr);

/* -EBADMSG: not what it should be. What has been filled in is to be freed all the same. */
int nl_parse_dev(struct genlmsghdr *hdr, struct dev *dev);
int nl_parse_vm(struct genlmsghdr *hdr, struct vm *vm);
int nl_parse_host(struct genlmsghdr *hdr, struct host *host);
int nl_parse_op(struct genlmsghdr *hdr, struct op_result *op);
int nl_parse_stats(struct genlmsghdr *hdr, struct stats *stats);
int nl_parse_error(struct genlmsghdr *hdr, struct hw_error *error);

#endif
