// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink door: generic netlink family `directpath`, as Documentation/netlink/specs/directpath.yaml says; policies and the table of operations
 * are generated from it.
 *
 * A doit runs under genetlink's cb_lock (read), parallel_ops or not: one that waited for a host driver or a reset would, together with any
 * (un)registration of a family, stop every genetlink user of the host. So a doit validates, changes what is memory only, and queues the rest as an
 * operation (op.h); the reply is its number, its end is an event.
 *
 * Every mutation asks for CAP_SYS_ADMIN in the initial user namespace itself: GENL_ADMIN_PERM would be CAP_NET_ADMIN, which containers have.
 *
 * Refusals carry a text that names what is wrong and the way out. The text of an extack is read after the doit has returned, so it must outlive it,
 * and the buffer that newer kernels have in it holds 80 bytes; dpath_nl_refuse() acknowledges by itself instead, from its own stack.
 *
 * Dumps keep a cursor, not a pointer: the address or the name last sent. Objects come in that order, so one that is added or removed meanwhile is
 * sent or not, and no other is missed or sent twice. Each message is consistent in itself and has the number of the last event before it was made;
 * a listener that subscribes first drops events up to that number.
 *
 * Locks: dpath_table_lock around each message, taken here; the events are called with it held. `registered` is under it.
 */

#include <linux/module.h>
#include <net/genetlink.h>
#include <uapi/linux/directpath_nl.h>

#include "device.h"
#include "error.h"
#include "generated/netlink.h"
#include "host.h"
#include "netlink.h"
#include "netlink_fill.h"
#include "ntf.h"
#include "op.h"
#include "vm.h"

static const struct genl_multicast_group groups[] = {
	[DIRECTPATH_NLGRP_STATE] = { .name = DIRECTPATH_MCGRP_STATE },
	[DIRECTPATH_NLGRP_FAULT] = { .name = DIRECTPATH_MCGRP_FAULT },
};

static struct genl_family family __ro_after_init = {
	.name = DIRECTPATH_FAMILY_NAME,
	.version = DIRECTPATH_FAMILY_VERSION,
	.netnsok = false,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = directpath_nl_ops,
	.n_ops = ARRAY_SIZE(directpath_nl_ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

static bool registered;
/* Number of the last fault event, under dpath_table_lock: who listens to states only must not miss numbers. */
static u64 fault_seq;

/**
 * dpath_nl_refuse - say why, with a text made for the occasion
 * @skb: request
 * @attr: attribute that is at fault, or NULL
 * @ret: error
 * @fmt: text: what is wrong, which limit, the way out
 *
 * Return: -EINTR, by which netlink_rcv_skb() is told that the request has been acknowledged; the caller returns it.
 */
int dpath_nl_refuse(struct sk_buff *skb, const struct nlattr *attr, int ret, const char *fmt, ...)
{
	struct netlink_ext_ack extack = {};
	char text[DPATH_OP_MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	extack._msg = text;
	extack.bad_attr = attr;
	netlink_ack(skb, nlmsg_hdr(skb), ret, &extack);
	return -EINTR;
}

int dpath_nl_refuse_missing(struct sk_buff *skb, int attr, const char *text)
{
	struct netlink_ext_ack extack = {};

	extack._msg = text;
	NL_SET_ERR_ATTR_MISS(&extack, NULL, attr);
	netlink_ack(skb, nlmsg_hdr(skb), -EINVAL, &extack);
	return -EINTR;
}

int dpath_nl_check_admin(struct sk_buff *skb)
{
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	return dpath_nl_refuse(skb, NULL, -EPERM, "changing anything needs CAP_SYS_ADMIN in the initial user namespace; reading does not");
}

int dpath_nl_refuse_memory(struct sk_buff *skb)
{
	return dpath_nl_refuse(skb, NULL, -ENOMEM, "out of memory");
}

struct sk_buff *dpath_nl_new_reply(struct genl_info *info, size_t size, void **hdr)
{
	struct sk_buff *msg;

	msg = genlmsg_new(size, GFP_KERNEL);
	if (!msg)
		return NULL;
	*hdr = genlmsg_put_reply(msg, info, &family, 0, info->genlhdr->cmd);
	if (!*hdr) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int dpath_nl_send_reply(struct sk_buff *msg, void *hdr, struct genl_info *info)
{
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

/*
 * Queue @op, whose reference is passed on, and answer with its number in attribute @attr. What can fail is done before the operation exists for
 * others; the event of its end may still overtake the reply.
 */
int dpath_nl_queue_op(struct sk_buff *skb, struct genl_info *info, struct dpath_op *op, int attr)
{
	struct sk_buff *msg;
	void *hdr;

	msg = dpath_nl_new_reply(info, nla_total_size(sizeof(u32)), &hdr);
	if (!msg) {
		dpath_op_put(op);
		return dpath_nl_refuse_memory(skb);
	}
	/* The work's; fails while the module is being unloaded, which a request does not prevent. */
	if (!try_module_get(THIS_MODULE)) {
		nlmsg_free(msg);
		dpath_op_put(op);
		return dpath_nl_refuse(skb, NULL, -ENODEV, "directpath is being unloaded");
	}
	nla_put_u32(msg, attr, dpath_op_queue(op));
	return dpath_nl_send_reply(msg, hdr, info);
}

int dpath_nl_start_dump(struct netlink_callback *cb)
{
	if (nlmsg_attrlen(cb->nlh, GENL_HDRLEN) <= 0)
		return 0;
	NL_SET_ERR_MSG(cb->extack, "a dump takes no attributes; without NLM_F_DUMP they select one object");
	return -EINVAL;
}

/*
 * Try again? The room that netlink gives a message of a dump follows the reader's buffer, and at first is a page. An object that does not fit though
 * it is alone gets what the largest one can need.
 */
bool dpath_nl_grow_dump(struct sk_buff *skb, int ret)
{
	if (ret != -EMSGSIZE || skb->len || skb_tailroom(skb) >= DPATH_FILL_MAX)
		return false;
	return !pskb_expand_head(skb, 0, DPATH_FILL_MAX - skb_tailroom(skb), GFP_KERNEL);
}

int dpath_nl_end_dump(struct sk_buff *skb, int ret)
{
	if (ret && skb->len)
		return skb->len;	/* come again; the cursor stands on the last one that fitted */
	return ret;
}

void *dpath_nl_put_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &family, NLM_F_MULTI, cmd);
}

bool dpath_nl_read_u32(const struct nlattr *attr, u32 *value)
{
	if (!attr)
		return false;
	*value = nla_get_u32(attr);
	return true;
}

bool dpath_nl_read_storm(const struct nlattr *rate, const struct nlattr *backoff, const struct nlattr *forget, struct dpath_storm_change *change)
{
	change->forget = nla_get_flag(forget);
	change->setting.rate_given = dpath_nl_read_u32(rate, &change->setting.limit.rate);
	change->setting.backoff_given = dpath_nl_read_u32(backoff, &change->setting.limit.backoff_ms);
	return forget || rate || backoff;
}

bool dpath_nl_read_error_policy(const struct nlattr *attr, enum directpath_error_policy *policy)
{
	if (!attr)
		return false;
	*policy = nla_get_u32(attr);
	return true;
}

static bool read_bool(const struct nlattr *attr, bool *value)
{
	if (!attr)
		return false;
	*value = nla_get_u8(attr);
	return true;
}

int directpath_nl_host_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dpath_host_facts facts;
	struct sk_buff *msg;
	void *hdr;
	int ret;

	dpath_facts_host(&facts);
	msg = dpath_nl_new_reply(info, NLMSG_DEFAULT_SIZE, &hdr);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&dpath_table_lock);
	ret = dpath_fill_host_locked(msg, &facts);
	if (!ret)
		ret = dpath_fill_seq(msg, DIRECTPATH_A_HOST_SEQ, dpath_host.seq, DIRECTPATH_A_HOST_PAD);
	mutex_unlock(&dpath_table_lock);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	return dpath_nl_send_reply(msg, hdr, info);
}

int directpath_nl_host_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	bool given = false;
	int ret;

	ret = dpath_nl_check_admin(skb);
	if (ret)
		return ret;
	mutex_lock(&dpath_table_lock);
	given |= read_bool(info->attrs[DIRECTPATH_A_HOST_ADHOC], &dpath_host.adhoc);
	dpath_host.adhoc_said |= given;
	given |= read_bool(info->attrs[DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS], &dpath_host.unsafe_interrupts);
	given |= dpath_nl_read_u32(info->attrs[DIRECTPATH_A_HOST_VECTOR_BUDGET], &dpath_host.vector_budget);
	given |= dpath_nl_read_u32(info->attrs[DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS], &dpath_host.unbind_deadline_ms);
	given |= dpath_nl_read_u32(info->attrs[DIRECTPATH_A_HOST_RESET_DEADLINE_MS], &dpath_host.reset_deadline_ms);
	given |= dpath_nl_read_u32(info->attrs[DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS], &dpath_host.revoke_deadline_ms);
	if (given)
		dpath_host_ntf();
	mutex_unlock(&dpath_table_lock);
	if (!given)
		return dpath_nl_refuse(skb, NULL, -EINVAL, "no setting given");
	return 0;
}

int directpath_nl_op_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *id = info->attrs[DIRECTPATH_A_OP_ID];
	struct dpath_op *op;
	struct sk_buff *msg;
	void *hdr;
	int ret;

	if (!id)
		return dpath_nl_refuse_missing(skb, DIRECTPATH_A_OP_ID, "id is missing: which operation?");
	msg = dpath_nl_new_reply(info, DPATH_FILL_MAX, &hdr);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&dpath_table_lock);
	op = dpath_op_lookup_locked(nla_get_u32(id));
	ret = op ? dpath_fill_op_locked(msg, op) : -ENOENT;
	if (!ret)
		ret = dpath_fill_seq(msg, DIRECTPATH_A_OP_SEQ, op->done ? op->seq : dpath_host.seq, DIRECTPATH_A_OP_PAD);
	mutex_unlock(&dpath_table_lock);
	if (!ret)
		return dpath_nl_send_reply(msg, hdr, info);
	nlmsg_free(msg);
	if (ret == -ENOENT)
		return dpath_nl_refuse(skb, id, ret, "operation %u is not among the last ones", nla_get_u32(id));
	return ret;
}

/* An event of a multicast group, or NULL if nobody listens. */
static struct sk_buff *new_group_event_locked(unsigned int group, u8 cmd, void **hdr)
{
	struct sk_buff *msg;

	lockdep_assert_held(&dpath_table_lock);
	if (!registered || !genl_has_listeners(&family, &init_net, group))
		return NULL;
	msg = genlmsg_new(DPATH_FILL_MAX, GFP_KERNEL);
	if (!msg)
		return NULL;
	*hdr = genlmsg_put(msg, 0, 0, &family, 0, cmd);
	if (!*hdr) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static struct sk_buff *new_event_locked(u8 cmd, void **hdr)
{
	lockdep_assert_held(&dpath_table_lock);
	return new_group_event_locked(DIRECTPATH_NLGRP_STATE, cmd, hdr);
}

/* @ret: of filling @msg. An event that is not sent shows as a missing number. */
static void send_group_event_locked(unsigned int group, struct sk_buff *msg, void *hdr, int ret)
{
	lockdep_assert_held(&dpath_table_lock);
	if (ret) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast(&family, msg, 0, group, GFP_KERNEL);
}

static void send_event_locked(struct sk_buff *msg, void *hdr, int ret)
{
	lockdep_assert_held(&dpath_table_lock);
	send_group_event_locked(DIRECTPATH_NLGRP_STATE, msg, hdr, ret);
}

void dpath_dev_ntf(struct dpath_device *dev, enum directpath_state prev, const char *cause)
{
	struct sk_buff *msg;
	void *hdr;
	int ret;

	dev->seq = dpath_next_seq_locked();
	msg = new_event_locked(DIRECTPATH_CMD_DEV_NTF, &hdr);
	if (!msg)
		return;
	ret = dpath_fill_dev_locked(msg, dev->pdev, dev, NULL);
	if (!ret && prev != dev->state)
		ret = nla_put_u32(msg, DIRECTPATH_A_DEV_PREV_STATE, prev);
	if (!ret && cause)
		ret = nla_put_string(msg, DIRECTPATH_A_DEV_CAUSE, cause);
	if (!ret)
		ret = dpath_fill_seq(msg, DIRECTPATH_A_DEV_SEQ, dev->seq, DIRECTPATH_A_DEV_PAD);
	send_event_locked(msg, hdr, ret);
}

void dpath_vm_ntf(struct dpath_vm *vm, const char *cause, bool deleted)
{
	struct sk_buff *msg;
	void *hdr;
	int ret;

	vm->seq = dpath_next_seq_locked();
	msg = new_event_locked(DIRECTPATH_CMD_VM_NTF, &hdr);
	if (!msg)
		return;
	ret = dpath_fill_vm_locked(msg, vm, NULL);
	if (!ret && deleted)
		ret = nla_put_flag(msg, DIRECTPATH_A_VM_DELETED);
	if (!ret && cause)
		ret = nla_put_string(msg, DIRECTPATH_A_VM_CAUSE, cause);
	if (!ret)
		ret = dpath_fill_seq(msg, DIRECTPATH_A_VM_SEQ, vm->seq, DIRECTPATH_A_VM_PAD);
	send_event_locked(msg, hdr, ret);
}

void dpath_host_ntf(void)
{
	u64 seq = dpath_next_seq_locked();
	struct sk_buff *msg;
	void *hdr;
	int ret;

	msg = new_event_locked(DIRECTPATH_CMD_HOST_NTF, &hdr);
	if (!msg)
		return;
	ret = dpath_fill_host_locked(msg, NULL);
	if (!ret)
		ret = dpath_fill_seq(msg, DIRECTPATH_A_HOST_SEQ, seq, DIRECTPATH_A_HOST_PAD);
	send_event_locked(msg, hdr, ret);
}
EXPORT_SYMBOL_NS_GPL(dpath_host_ntf, "DIRECTPATH");

/* op.c numbers the end of an operation itself: op-get shows the number, too. */
void dpath_op_ntf(struct dpath_op *op)
{
	struct sk_buff *msg;
	void *hdr;
	int ret;

	msg = new_event_locked(DIRECTPATH_CMD_OP_NTF, &hdr);
	if (!msg)
		return;
	ret = dpath_fill_op_locked(msg, op);
	if (!ret)
		ret = dpath_fill_seq(msg, DIRECTPATH_A_OP_SEQ, op->seq, DIRECTPATH_A_OP_PAD);
	send_event_locked(msg, hdr, ret);
}

void dpath_fault_ntf(struct dpath_device *dev, const struct dpath_fault *fault)
{
	u64 seq = ++fault_seq;
	struct sk_buff *msg;
	void *hdr;
	int ret;

	msg = new_group_event_locked(DIRECTPATH_NLGRP_FAULT, DIRECTPATH_CMD_FAULT_NTF, &hdr);
	if (!msg)
		return;
	ret = dpath_fill_fault_locked(msg, dev, fault);
	if (!ret)
		ret = dpath_fill_seq(msg, DIRECTPATH_A_FAULT_SEQ, seq, DIRECTPATH_A_FAULT_PAD);
	send_group_event_locked(DIRECTPATH_NLGRP_FAULT, msg, hdr, ret);
}

/**
 * dpath_nl_init - open the netlink door
 *
 * Return: 0 or -errno.
 */
int __init dpath_nl_init(void)
{
	int ret;

	ret = genl_register_family(&family);
	if (ret)
		return ret;
	mutex_lock(&dpath_table_lock);
	registered = true;
	mutex_unlock(&dpath_table_lock);
	return 0;
}

/**
 * dpath_nl_exit - close the netlink door
 *
 * Nobody is inside any more when this returns. Events that follow are numbered and dropped.
 */
void dpath_nl_exit(void)
{
	mutex_lock(&dpath_table_lock);
	registered = false;
	mutex_unlock(&dpath_table_lock);
	genl_unregister_family(&family);
}
