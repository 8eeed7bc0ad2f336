/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_NETLINK_H
#define DPATH_NETLINK_H

/*
 * The netlink door. Its other half is ntf.h, which the objects call. dpath_nl_init() is the last step of the module's init ladder, for from there
 * on users come in; until then, and after dpath_nl_exit(), events take their number and go nowhere.
 */

#include <linux/types.h>
#include <uapi/linux/directpath_nl.h>

struct dpath_op;
struct dpath_storm_change;
struct dpath_vm;
struct genl_info;
struct netlink_callback;
struct nlattr;
struct pci_dev;
struct sk_buff;

int dpath_nl_init(void);
void dpath_nl_exit(void);

/* What follows is shared by the files of the door, netlink*.c. */

/* Each answers the request with a text and returns what the doit has to return. */
__printf(4, 5) int dpath_nl_refuse(struct sk_buff *skb, const struct nlattr *attr, int ret, const char *fmt, ...);
int dpath_nl_refuse_missing(struct sk_buff *skb, int attr, const char *text);
int dpath_nl_refuse_memory(struct sk_buff *skb);
/* 0, or the request was refused for lack of privilege. */
int dpath_nl_check_admin(struct sk_buff *skb);

struct sk_buff *dpath_nl_new_reply(struct genl_info *info, size_t size, void **hdr);
int dpath_nl_send_reply(struct sk_buff *msg, void *hdr, struct genl_info *info);
int dpath_nl_queue_op(struct sk_buff *skb, struct genl_info *info, struct dpath_op *op, int attr);
bool dpath_nl_read_u32(const struct nlattr *attr, u32 *value);
/* Storm guard, from the attributes of a function or a VM; false if there is none of them. */
bool dpath_nl_read_storm(const struct nlattr *rate, const struct nlattr *backoff, const struct nlattr *forget, struct dpath_storm_change *change);

/* Error policy of a function or a VM; false if it is not given. */
bool dpath_nl_read_error_policy(const struct nlattr *attr, enum directpath_error_policy *policy);

int dpath_nl_start_dump(struct netlink_callback *cb);
bool dpath_nl_grow_dump(struct sk_buff *skb, int ret);
void *dpath_nl_put_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);
int dpath_nl_end_dump(struct sk_buff *skb, int ret);
/* Order of functions in dumps; 0 is before the first. */
u64 dpath_nl_function_key(struct pci_dev *pdev);
/* The VM with the next name after @name, referenced, or NULL. */
struct dpath_vm *dpath_nl_next_vm(const char *name);

#endif
