/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/directpath.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_DIRECTPATH_GEN_H
#define _LINUX_DIRECTPATH_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/directpath_nl.h>

extern const struct nla_policy directpath_host_get_nl_policy[DIRECTPATH_A_HOST_PAD + 1];

extern const struct nla_policy directpath_host_set_nl_policy[DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS + 1];

extern const struct nla_policy directpath_dev_get_nl_policy[DIRECTPATH_A_DEV_ADDRESS + 1];

extern const struct nla_policy directpath_dev_claim_nl_policy[DIRECTPATH_A_DEV_FORCE + 1];

extern const struct nla_policy directpath_dev_release_nl_policy[DIRECTPATH_A_DEV_KEEP_DRIVERLESS + 1];

extern const struct nla_policy directpath_dev_set_nl_policy[DIRECTPATH_A_DEV_FAULT_LIMIT + 1];

extern const struct nla_policy directpath_dev_reset_nl_policy[DIRECTPATH_A_DEV_ADDRESS + 1];

extern const struct nla_policy directpath_dev_recover_nl_policy[DIRECTPATH_A_DEV_ADDRESS + 1];

extern const struct nla_policy directpath_vm_new_nl_policy[DIRECTPATH_A_VM_FAULT_LIMIT + 1];

extern const struct nla_policy directpath_vm_set_nl_policy[DIRECTPATH_A_VM_FAULT_LIMIT + 1];

extern const struct nla_policy directpath_vm_del_nl_policy[DIRECTPATH_A_VM_NAME + 1];

extern const struct nla_policy directpath_vm_get_nl_policy[DIRECTPATH_A_VM_NAME + 1];

extern const struct nla_policy directpath_vm_attach_nl_policy[DIRECTPATH_A_VM_DEVICE + 1];

extern const struct nla_policy directpath_vm_detach_nl_policy[DIRECTPATH_A_VM_FORCE + 1];

extern const struct nla_policy directpath_op_get_nl_policy[DIRECTPATH_A_OP_ID + 1];

extern const struct nla_policy directpath_stats_get_nl_policy[DIRECTPATH_A_STATS_VM + 1];

extern const struct nla_policy directpath_dev_accept_nl_policy[DIRECTPATH_A_DEV_ADDRESS + 1];

extern const struct nla_policy directpath_dev_clean_nl_policy[DIRECTPATH_A_DEV_CLEAN_MESSAGE + 1];

/* Ops table for directpath */
extern const struct genl_ops directpath_nl_ops[18];

int directpath_nl_host_get_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_host_set_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_dev_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int directpath_nl_dev_claim_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_dev_release_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_dev_set_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_dev_reset_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_dev_recover_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_vm_new_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_vm_set_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_vm_del_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_vm_get_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_vm_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int directpath_nl_vm_attach_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_vm_detach_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_op_get_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_stats_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int directpath_nl_dev_accept_doit(struct sk_buff *skb, struct genl_info *info);
int directpath_nl_dev_clean_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	DIRECTPATH_NLGRP_STATE,
	DIRECTPATH_NLGRP_FAULT,
};

#endif /* _LINUX_DIRECTPATH_GEN_H */
