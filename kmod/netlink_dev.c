// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink requests about functions: dev-get, dev-claim, dev-release, dev-set, dev-reset, dev-recover, dev-accept, dev-clean. See netlink.c for the
 * rules.
 *
 * dev-get knows every PCI function of the host, claimed or not. Its dump goes by address, lowest domain first; the cursor is the address last sent
 * plus one, so that zero stands before the first.
 */

#include <linux/pci.h>
#include <net/genetlink.h>
#include <uapi/linux/directpath_nl.h>

#include "accept.h"
#include "claim.h"
#include "clean.h"
#include "device.h"
#include "generated/netlink.h"
#include "host.h"
#include "netlink.h"
#include "netlink_fill.h"
#include "op.h"
#include "recover.h"
#include "release.h"

/* The function that a request is about, referenced; *@ret is what to return if there is none. */
static struct pci_dev *get_function(struct sk_buff *skb, struct genl_info *info, int *ret)
{
	const struct nlattr *attr = info->attrs[DIRECTPATH_A_DEV_ADDRESS];
	struct pci_dev *pdev;

	if (!attr) {
		*ret = dpath_nl_refuse_missing(skb, DIRECTPATH_A_DEV_ADDRESS, "address is missing: which function?");
		return NULL;
	}
	pdev = dpath_device_find_pci(nla_data(attr));
	if (!IS_ERR(pdev))
		return pdev;
	if (PTR_ERR(pdev) == -ENODEV)
		*ret = dpath_nl_refuse(skb, attr, -ENODEV, "there is no function %s on this host", (const char *)nla_data(attr));
	else
		*ret = dpath_nl_refuse(skb, attr, PTR_ERR(pdev), "'%s' is no address of a function; write it as 0000:3b:00.0",
				       (const char *)nla_data(attr));
	return NULL;
}

/* An operation on one function; NULL: return *@ret. */
static struct dpath_op *new_dev_op(struct sk_buff *skb, struct genl_info *info, enum directpath_op_kind kind,
				   int (*run)(struct dpath_op *op), int *ret)
{
	struct pci_dev *pdev;
	struct dpath_op *op;

	*ret = dpath_nl_check_admin(skb);
	if (*ret)
		return NULL;
	pdev = get_function(skb, info, ret);
	if (!pdev)
		return NULL;
	op = dpath_op_alloc(kind, run);
	if (op)
		strscpy(op->address, pci_name(pdev), sizeof(op->address));
	else
		*ret = dpath_nl_refuse_memory(skb);
	pci_dev_put(pdev);
	return op;
}

/* Reasons that may be overridden; the policy has checked their range. */
static u64 read_force(struct genl_info *info)
{
	struct nlattr *attr;
	u64 force = 0;
	int rem;

	nla_for_each_attr(attr, genlmsg_data(info->genlhdr), genlmsg_len(info->genlhdr), rem)
		if (nla_type(attr) == DIRECTPATH_A_DEV_FORCE)
			force |= BIT_ULL(nla_get_u32(attr));
	return force;
}

static int fill_dev(struct sk_buff *msg, struct pci_dev *pdev)
{
	struct dpath_dev_facts *facts;
	struct dpath_device *dev;
	int ret;

	facts = dpath_facts_dev(pdev);
	if (!facts)
		return -ENOMEM;
	mutex_lock(&dpath_table_lock);
	dev = dpath_device_lookup_locked(pci_name(pdev));
	if (dev && dev->pdev != pdev)
		dev = NULL;	/* one that has left the bus, and its successor */
	ret = dpath_fill_dev_locked(msg, pdev, dev, facts);
	if (!ret)
		ret = dpath_fill_seq(msg, DIRECTPATH_A_DEV_SEQ, dpath_host.seq, DIRECTPATH_A_DEV_PAD);
	mutex_unlock(&dpath_table_lock);
	dpath_facts_dev_free(facts);
	return ret;
}

int directpath_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pci_dev *pdev;
	struct sk_buff *msg;
	int ret = 0;
	void *hdr;

	pdev = get_function(skb, info, &ret);
	if (!pdev)
		return ret;
	msg = dpath_nl_new_reply(info, DPATH_FILL_MAX, &hdr);
	if (!msg) {
		pci_dev_put(pdev);
		return -ENOMEM;
	}
	ret = fill_dev(msg, pdev);
	pci_dev_put(pdev);
	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	return dpath_nl_send_reply(msg, hdr, info);
}

/* 0 is before the first. */
u64 dpath_nl_function_key(struct pci_dev *pdev)
{
	return ((u64)pci_domain_nr(pdev->bus) << 16 | PCI_DEVID(pdev->bus->number, pdev->devfn)) + 1;
}

/* The function with the next address after @key, referenced. The bus list is not in that order once something was hot-added. */
static struct pci_dev *next_function(u64 key)
{
	struct pci_dev *pdev = NULL, *best = NULL;

	for_each_pci_dev(pdev) {
		if (dpath_nl_function_key(pdev) <= key || (best && dpath_nl_function_key(pdev) >= dpath_nl_function_key(best)))
			continue;
		pci_dev_put(best);
		best = pci_dev_get(pdev);
	}
	return best;
}

static int dump_dev(struct sk_buff *skb, struct netlink_callback *cb, struct pci_dev *pdev)
{
	void *hdr;
	int ret;

	hdr = dpath_nl_put_dump(skb, cb, DIRECTPATH_CMD_DEV_GET);
	if (!hdr)
		return -EMSGSIZE;
	ret = fill_dev(skb, pdev);
	if (ret)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return ret;
}

struct dev_cursor {
	u64 key;
};

int directpath_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dev_cursor *cursor = (void *)cb->ctx;
	struct pci_dev *pdev;
	int ret;

	BUILD_BUG_ON(sizeof(*cursor) > sizeof(cb->ctx));
	ret = dpath_nl_start_dump(cb);
	while (!ret) {
		pdev = next_function(cursor->key);
		if (!pdev)
			break;
		do {
			ret = dump_dev(skb, cb, pdev);
		} while (dpath_nl_grow_dump(skb, ret));
		if (!ret)
			cursor->key = dpath_nl_function_key(pdev);
		pci_dev_put(pdev);
	}
	return dpath_nl_end_dump(skb, ret);
}

int directpath_nl_dev_claim_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dpath_op *op;
	int ret = 0;

	op = new_dev_op(skb, info, DIRECTPATH_OP_KIND_CLAIM, dpath_claim_op, &ret);
	if (!op)
		return ret;
	op->unbind = nla_get_flag(info->attrs[DIRECTPATH_A_DEV_UNBIND]);
	op->whole_set = nla_get_flag(info->attrs[DIRECTPATH_A_DEV_WHOLE_SET]);
	op->force = read_force(info);
	return dpath_nl_queue_op(skb, info, op, DIRECTPATH_A_DEV_OP_ID);
}

int directpath_nl_dev_release_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dpath_op *op;
	int ret = 0;

	op = new_dev_op(skb, info, DIRECTPATH_OP_KIND_RELEASE, dpath_release_op, &ret);
	if (!op)
		return ret;
	op->whole_set = nla_get_flag(info->attrs[DIRECTPATH_A_DEV_WHOLE_SET]);
	op->driverless = nla_get_flag(info->attrs[DIRECTPATH_A_DEV_KEEP_DRIVERLESS]);
	op->force = read_force(info);
	return dpath_nl_queue_op(skb, info, op, DIRECTPATH_A_DEV_OP_ID);
}

int directpath_nl_dev_reset_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dpath_op *op;
	int ret = 0;

	op = new_dev_op(skb, info, DIRECTPATH_OP_KIND_RESET, dpath_reset_op, &ret);
	return op ? dpath_nl_queue_op(skb, info, op, DIRECTPATH_A_DEV_OP_ID) : ret;
}

int directpath_nl_dev_recover_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dpath_op *op;
	int ret = 0;

	op = new_dev_op(skb, info, DIRECTPATH_OP_KIND_RECOVER, dpath_recover_op, &ret);
	return op ? dpath_nl_queue_op(skb, info, op, DIRECTPATH_A_DEV_OP_ID) : ret;
}

int directpath_nl_dev_accept_doit(struct sk_buff *skb, struct genl_info *info)
{
	char why[DPATH_OP_MESSAGE_MAX] = "";
	struct dpath_op *op;
	int ret = 0;

	op = new_dev_op(skb, info, DIRECTPATH_OP_KIND_ACCEPT, dpath_accept_op, &ret);
	if (!op)
		return ret;
	ret = dpath_accept_check(op->address, why, sizeof(why));
	if (ret) {
		dpath_op_put(op);
		return dpath_nl_refuse(skb, NULL, ret, "%s", why);
	}
	dpath_actor_init(&op->who);
	return dpath_nl_queue_op(skb, info, op, DIRECTPATH_A_DEV_OP_ID);
}

int directpath_nl_dev_clean_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *message = info->attrs[DIRECTPATH_A_DEV_CLEAN_MESSAGE];
	struct dpath_op *op;
	int ret = 0;

	op = new_dev_op(skb, info, DIRECTPATH_OP_KIND_CLEAN, dpath_clean_op, &ret);
	if (!op)
		return ret;
	if (!info->attrs[DIRECTPATH_A_DEV_CLEAN_STEP]) {
		dpath_op_put(op);
		return dpath_nl_refuse_missing(skb, DIRECTPATH_A_DEV_CLEAN_STEP, "clean-step is missing: begin, done or fail?");
	}
	op->step = nla_get_u32(info->attrs[DIRECTPATH_A_DEV_CLEAN_STEP]);
	strscpy(op->note, message ? nla_data(message) : "no reason given", sizeof(op->note));
	dpath_actor_init(&op->who);
	return dpath_nl_queue_op(skb, info, op, DIRECTPATH_A_DEV_OP_ID);
}

static const char *text_or_null(const struct nlattr *attr)
{
	return attr ? nla_data(attr) : NULL;
}

int directpath_nl_dev_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct dpath_device_settings settings = {
		.name = text_or_null(info->attrs[DIRECTPATH_A_DEV_NAME]),
		.label = text_or_null(info->attrs[DIRECTPATH_A_DEV_LABEL]),
		.reset_policy = text_or_null(info->attrs[DIRECTPATH_A_DEV_RESET_POLICY]),
		.clean_hook = text_or_null(info->attrs[DIRECTPATH_A_DEV_CLEAN_HOOK]),
	};
	char why[DPATH_OP_MESSAGE_MAX] = "";
	struct dpath_storm_change storm = {};
	enum directpath_error_policy error_policy;
	u32 fault_limit;
	struct pci_dev *pdev;
	int ret;

	ret = dpath_nl_check_admin(skb);
	if (ret)
		return ret;
	if (dpath_nl_read_storm(info->attrs[DIRECTPATH_A_DEV_STORM_RATE], info->attrs[DIRECTPATH_A_DEV_STORM_BACKOFF],
				info->attrs[DIRECTPATH_A_DEV_STORM_DEFAULT], &storm))
		settings.storm = &storm;
	if (dpath_nl_read_error_policy(info->attrs[DIRECTPATH_A_DEV_ERROR_POLICY], &error_policy))
		settings.error_policy = &error_policy;
	if (info->attrs[DIRECTPATH_A_DEV_FAULT_LIMIT]) {
		fault_limit = nla_get_u32(info->attrs[DIRECTPATH_A_DEV_FAULT_LIMIT]);
		settings.fault_limit = &fault_limit;
	}
	if (!settings.name && !settings.label && !settings.reset_policy && !settings.clean_hook && !settings.storm && !settings.error_policy &&
	    !settings.fault_limit)
		return dpath_nl_refuse(skb, NULL, -EINVAL,
				       "no setting given: name, label, reset-policy, clean-hook, storm-*, error-policy or fault-limit");
	pdev = get_function(skb, info, &ret);
	if (!pdev)
		return ret;
	ret = dpath_device_set(pdev, &settings, why, sizeof(why));
	if (ret)
		ret = dpath_nl_refuse(skb, NULL, ret, "%s: %s", pci_name(pdev), why[0] ? why : "the settings were refused");
	pci_dev_put(pdev);
	return ret;
}
