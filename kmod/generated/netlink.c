// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/directpath.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink.h"

#include <uapi/linux/directpath_nl.h>

/* Integer value ranges */
static const struct netlink_range_validation directpath_a_host_vector_budget_range = {
	.min	= 1ULL,
	.max	= 65536ULL,
};

static const struct netlink_range_validation directpath_a_host_unbind_deadline_ms_range = {
	.min	= 100ULL,
	.max	= 3600000ULL,
};

static const struct netlink_range_validation directpath_a_host_reset_deadline_ms_range = {
	.min	= 100ULL,
	.max	= 3600000ULL,
};

static const struct netlink_range_validation directpath_a_host_revoke_deadline_ms_range = {
	.min	= 0ULL,
	.max	= 3600000ULL,
};

static const struct netlink_range_validation directpath_a_dev_storm_rate_range = {
	.max	= 10000000ULL,
};

static const struct netlink_range_validation directpath_a_vm_storm_rate_range = {
	.max	= 10000000ULL,
};

/* DIRECTPATH_CMD_HOST_GET - do */
const struct nla_policy directpath_host_get_nl_policy[DIRECTPATH_A_HOST_PAD + 1] = {
};

/* DIRECTPATH_CMD_HOST_SET - do */
const struct nla_policy directpath_host_set_nl_policy[DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS + 1] = {
	[DIRECTPATH_A_HOST_ADHOC] = NLA_POLICY_MAX(NLA_U8, 1),
	[DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS] = NLA_POLICY_MAX(NLA_U8, 1),
	[DIRECTPATH_A_HOST_VECTOR_BUDGET] = NLA_POLICY_FULL_RANGE(NLA_U32, &directpath_a_host_vector_budget_range),
	[DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &directpath_a_host_unbind_deadline_ms_range),
	[DIRECTPATH_A_HOST_RESET_DEADLINE_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &directpath_a_host_reset_deadline_ms_range),
	[DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &directpath_a_host_revoke_deadline_ms_range),
};

/* DIRECTPATH_CMD_DEV_GET - do */
const struct nla_policy directpath_dev_get_nl_policy[DIRECTPATH_A_DEV_ADDRESS + 1] = {
	[DIRECTPATH_A_DEV_ADDRESS] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* DIRECTPATH_CMD_DEV_CLAIM - do */
const struct nla_policy directpath_dev_claim_nl_policy[DIRECTPATH_A_DEV_FORCE + 1] = {
	[DIRECTPATH_A_DEV_ADDRESS] = { .type = NLA_NUL_STRING, .len = 15, },
	[DIRECTPATH_A_DEV_UNBIND] = { .type = NLA_FLAG, },
	[DIRECTPATH_A_DEV_WHOLE_SET] = { .type = NLA_FLAG, },
	[DIRECTPATH_A_DEV_FORCE] = NLA_POLICY_RANGE(NLA_U32, 1, 35),
};

/* DIRECTPATH_CMD_DEV_RELEASE - do */
const struct nla_policy directpath_dev_release_nl_policy[DIRECTPATH_A_DEV_KEEP_DRIVERLESS + 1] = {
	[DIRECTPATH_A_DEV_ADDRESS] = { .type = NLA_NUL_STRING, .len = 15, },
	[DIRECTPATH_A_DEV_WHOLE_SET] = { .type = NLA_FLAG, },
	[DIRECTPATH_A_DEV_FORCE] = NLA_POLICY_RANGE(NLA_U32, 1, 35),
	[DIRECTPATH_A_DEV_KEEP_DRIVERLESS] = { .type = NLA_FLAG, },
};

/* DIRECTPATH_CMD_DEV_SET - do */
const struct nla_policy directpath_dev_set_nl_policy[DIRECTPATH_A_DEV_FAULT_LIMIT + 1] = {
	[DIRECTPATH_A_DEV_ADDRESS] = { .type = NLA_NUL_STRING, .len = 15, },
	[DIRECTPATH_A_DEV_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[DIRECTPATH_A_DEV_LABEL] = { .type = NLA_NUL_STRING, .len = 31, },
	[DIRECTPATH_A_DEV_RESET_POLICY] = { .type = NLA_NUL_STRING, .len = 63, },
	[DIRECTPATH_A_DEV_CLEAN_HOOK] = { .type = NLA_NUL_STRING, .len = 31, },
	[DIRECTPATH_A_DEV_STORM_RATE] = NLA_POLICY_FULL_RANGE(NLA_U32, &directpath_a_dev_storm_rate_range),
	[DIRECTPATH_A_DEV_STORM_BACKOFF] = NLA_POLICY_RANGE(NLA_U32, 1, 10000),
	[DIRECTPATH_A_DEV_STORM_DEFAULT] = { .type = NLA_FLAG, },
	[DIRECTPATH_A_DEV_ERROR_POLICY] = NLA_POLICY_MAX(NLA_U32, 3),
	[DIRECTPATH_A_DEV_FAULT_LIMIT] = { .type = NLA_U32, },
};

/* DIRECTPATH_CMD_DEV_RESET - do */
const struct nla_policy directpath_dev_reset_nl_policy[DIRECTPATH_A_DEV_ADDRESS + 1] = {
	[DIRECTPATH_A_DEV_ADDRESS] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* DIRECTPATH_CMD_DEV_RECOVER - do */
const struct nla_policy directpath_dev_recover_nl_policy[DIRECTPATH_A_DEV_ADDRESS + 1] = {
	[DIRECTPATH_A_DEV_ADDRESS] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* DIRECTPATH_CMD_VM_NEW - do */
const struct nla_policy directpath_vm_new_nl_policy[DIRECTPATH_A_VM_FAULT_LIMIT + 1] = {
	[DIRECTPATH_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[DIRECTPATH_A_VM_UUID] = NLA_POLICY_EXACT_LEN(16),
	[DIRECTPATH_A_VM_UID] = { .type = NLA_U32, },
	[DIRECTPATH_A_VM_GID] = { .type = NLA_U32, },
	[DIRECTPATH_A_VM_MAX_DEVICES] = { .type = NLA_U32, },
	[DIRECTPATH_A_VM_MAX_VECTORS] = { .type = NLA_U32, },
	[DIRECTPATH_A_VM_MAX_PINNED] = { .type = NLA_U64, },
	[DIRECTPATH_A_VM_CPUS] = { .type = NLA_NUL_STRING, .len = 1023, },
	[DIRECTPATH_A_VM_STORM_RATE] = NLA_POLICY_FULL_RANGE(NLA_U32, &directpath_a_vm_storm_rate_range),
	[DIRECTPATH_A_VM_STORM_BACKOFF] = NLA_POLICY_RANGE(NLA_U32, 1, 10000),
	[DIRECTPATH_A_VM_STORM_DEFAULT] = { .type = NLA_FLAG, },
	[DIRECTPATH_A_VM_ERROR_POLICY] = NLA_POLICY_MAX(NLA_U32, 3),
	[DIRECTPATH_A_VM_FAULT_LIMIT] = { .type = NLA_U32, },
};

/* DIRECTPATH_CMD_VM_SET - do */
const struct nla_policy directpath_vm_set_nl_policy[DIRECTPATH_A_VM_FAULT_LIMIT + 1] = {
	[DIRECTPATH_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[DIRECTPATH_A_VM_UID] = { .type = NLA_U32, },
	[DIRECTPATH_A_VM_GID] = { .type = NLA_U32, },
	[DIRECTPATH_A_VM_MAX_DEVICES] = { .type = NLA_U32, },
	[DIRECTPATH_A_VM_MAX_VECTORS] = { .type = NLA_U32, },
	[DIRECTPATH_A_VM_MAX_PINNED] = { .type = NLA_U64, },
	[DIRECTPATH_A_VM_CPUS] = { .type = NLA_NUL_STRING, .len = 1023, },
	[DIRECTPATH_A_VM_STORM_RATE] = NLA_POLICY_FULL_RANGE(NLA_U32, &directpath_a_vm_storm_rate_range),
	[DIRECTPATH_A_VM_STORM_BACKOFF] = NLA_POLICY_RANGE(NLA_U32, 1, 10000),
	[DIRECTPATH_A_VM_STORM_DEFAULT] = { .type = NLA_FLAG, },
	[DIRECTPATH_A_VM_ERROR_POLICY] = NLA_POLICY_MAX(NLA_U32, 3),
	[DIRECTPATH_A_VM_FAULT_LIMIT] = { .type = NLA_U32, },
};

/* DIRECTPATH_CMD_VM_DEL - do */
const struct nla_policy directpath_vm_del_nl_policy[DIRECTPATH_A_VM_NAME + 1] = {
	[DIRECTPATH_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* DIRECTPATH_CMD_VM_GET - do */
const struct nla_policy directpath_vm_get_nl_policy[DIRECTPATH_A_VM_NAME + 1] = {
	[DIRECTPATH_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* DIRECTPATH_CMD_VM_ATTACH - do */
const struct nla_policy directpath_vm_attach_nl_policy[DIRECTPATH_A_VM_DEVICE + 1] = {
	[DIRECTPATH_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[DIRECTPATH_A_VM_DEVICE] = { .type = NLA_STRING, .len = 15, },
};

/* DIRECTPATH_CMD_VM_DETACH - do */
const struct nla_policy directpath_vm_detach_nl_policy[DIRECTPATH_A_VM_FORCE + 1] = {
	[DIRECTPATH_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[DIRECTPATH_A_VM_DEVICE] = { .type = NLA_STRING, .len = 15, },
	[DIRECTPATH_A_VM_FORCE] = { .type = NLA_FLAG, },
};

/* DIRECTPATH_CMD_OP_GET - do */
const struct nla_policy directpath_op_get_nl_policy[DIRECTPATH_A_OP_ID + 1] = {
	[DIRECTPATH_A_OP_ID] = { .type = NLA_U32, },
};

/* DIRECTPATH_CMD_STATS_GET - do */
const struct nla_policy directpath_stats_get_nl_policy[DIRECTPATH_A_STATS_VM + 1] = {
	[DIRECTPATH_A_STATS_ADDRESS] = { .type = NLA_NUL_STRING, .len = 15, },
	[DIRECTPATH_A_STATS_VM] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* DIRECTPATH_CMD_DEV_ACCEPT - do */
const struct nla_policy directpath_dev_accept_nl_policy[DIRECTPATH_A_DEV_ADDRESS + 1] = {
	[DIRECTPATH_A_DEV_ADDRESS] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* DIRECTPATH_CMD_DEV_CLEAN - do */
const struct nla_policy directpath_dev_clean_nl_policy[DIRECTPATH_A_DEV_CLEAN_MESSAGE + 1] = {
	[DIRECTPATH_A_DEV_ADDRESS] = { .type = NLA_NUL_STRING, .len = 15, },
	[DIRECTPATH_A_DEV_CLEAN_STEP] = NLA_POLICY_MAX(NLA_U32, 2),
	[DIRECTPATH_A_DEV_CLEAN_MESSAGE] = { .type = NLA_NUL_STRING, .len = 79, },
};

/* Ops table for directpath */
const struct genl_ops directpath_nl_ops[18] = {
	{
		.cmd		= DIRECTPATH_CMD_HOST_GET,
		.doit		= directpath_nl_host_get_doit,
		.policy		= directpath_host_get_nl_policy,
		.maxattr	= DIRECTPATH_A_HOST_PAD,
	},
	{
		.cmd		= DIRECTPATH_CMD_HOST_SET,
		.doit		= directpath_nl_host_set_doit,
		.policy		= directpath_host_set_nl_policy,
		.maxattr	= DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS,
	},
	{
		.cmd		= DIRECTPATH_CMD_DEV_GET,
		.doit		= directpath_nl_dev_get_doit,
		.dumpit		= directpath_nl_dev_get_dumpit,
		.policy		= directpath_dev_get_nl_policy,
		.maxattr	= DIRECTPATH_A_DEV_ADDRESS,
	},
	{
		.cmd		= DIRECTPATH_CMD_DEV_CLAIM,
		.doit		= directpath_nl_dev_claim_doit,
		.policy		= directpath_dev_claim_nl_policy,
		.maxattr	= DIRECTPATH_A_DEV_FORCE,
	},
	{
		.cmd		= DIRECTPATH_CMD_DEV_RELEASE,
		.doit		= directpath_nl_dev_release_doit,
		.policy		= directpath_dev_release_nl_policy,
		.maxattr	= DIRECTPATH_A_DEV_KEEP_DRIVERLESS,
	},
	{
		.cmd		= DIRECTPATH_CMD_DEV_SET,
		.doit		= directpath_nl_dev_set_doit,
		.policy		= directpath_dev_set_nl_policy,
		.maxattr	= DIRECTPATH_A_DEV_FAULT_LIMIT,
	},
	{
		.cmd		= DIRECTPATH_CMD_DEV_RESET,
		.doit		= directpath_nl_dev_reset_doit,
		.policy		= directpath_dev_reset_nl_policy,
		.maxattr	= DIRECTPATH_A_DEV_ADDRESS,
	},
	{
		.cmd		= DIRECTPATH_CMD_DEV_RECOVER,
		.doit		= directpath_nl_dev_recover_doit,
		.policy		= directpath_dev_recover_nl_policy,
		.maxattr	= DIRECTPATH_A_DEV_ADDRESS,
	},
	{
		.cmd		= DIRECTPATH_CMD_VM_NEW,
		.doit		= directpath_nl_vm_new_doit,
		.policy		= directpath_vm_new_nl_policy,
		.maxattr	= DIRECTPATH_A_VM_FAULT_LIMIT,
	},
	{
		.cmd		= DIRECTPATH_CMD_VM_SET,
		.doit		= directpath_nl_vm_set_doit,
		.policy		= directpath_vm_set_nl_policy,
		.maxattr	= DIRECTPATH_A_VM_FAULT_LIMIT,
	},
	{
		.cmd		= DIRECTPATH_CMD_VM_DEL,
		.doit		= directpath_nl_vm_del_doit,
		.policy		= directpath_vm_del_nl_policy,
		.maxattr	= DIRECTPATH_A_VM_NAME,
	},
	{
		.cmd		= DIRECTPATH_CMD_VM_GET,
		.doit		= directpath_nl_vm_get_doit,
		.dumpit		= directpath_nl_vm_get_dumpit,
		.policy		= directpath_vm_get_nl_policy,
		.maxattr	= DIRECTPATH_A_VM_NAME,
	},
	{
		.cmd		= DIRECTPATH_CMD_VM_ATTACH,
		.doit		= directpath_nl_vm_attach_doit,
		.policy		= directpath_vm_attach_nl_policy,
		.maxattr	= DIRECTPATH_A_VM_DEVICE,
	},
	{
		.cmd		= DIRECTPATH_CMD_VM_DETACH,
		.doit		= directpath_nl_vm_detach_doit,
		.policy		= directpath_vm_detach_nl_policy,
		.maxattr	= DIRECTPATH_A_VM_FORCE,
	},
	{
		.cmd		= DIRECTPATH_CMD_OP_GET,
		.doit		= directpath_nl_op_get_doit,
		.policy		= directpath_op_get_nl_policy,
		.maxattr	= DIRECTPATH_A_OP_ID,
	},
	{
		.cmd		= DIRECTPATH_CMD_STATS_GET,
		.doit		= directpath_nl_stats_get_doit,
		.dumpit		= directpath_nl_stats_get_dumpit,
		.policy		= directpath_stats_get_nl_policy,
		.maxattr	= DIRECTPATH_A_STATS_VM,
	},
	{
		.cmd		= DIRECTPATH_CMD_DEV_ACCEPT,
		.doit		= directpath_nl_dev_accept_doit,
		.policy		= directpath_dev_accept_nl_policy,
		.maxattr	= DIRECTPATH_A_DEV_ADDRESS,
	},
	{
		.cmd		= DIRECTPATH_CMD_DEV_CLEAN,
		.doit		= directpath_nl_dev_clean_doit,
		.policy		= directpath_dev_clean_nl_policy,
		.maxattr	= DIRECTPATH_A_DEV_CLEAN_MESSAGE,
	},
};
