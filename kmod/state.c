// SPDX-License-Identifier: GPL-2.0
/*
 * States of a claimed function and the transitions between them, as one table. Nothing is stored here: the device holds its state under its own
 * lock, asks dpath_state_legal() before it changes it, and sends one event per change.
 *
 * The way of a function: host -> claiming -> resetting -> ready -> reserved -> running -> draining -> resetting -> reserved ... -> ready -> host.
 * Three rules shape the table. A tenant's function is always drained and then reset before anyone else may have it, hence running leads to
 * draining only (a function that vanishes while it runs is drained too: maps, interrupts and DMA must still be taken down) and draining never to
 * ready. Where a cleaning hook is set, `dirty' comes when the tenant has gone for good, that is when it is detached: an attached VM that is switched
 * off and on again finds what it has left. Quarantined and failed lead to use only through a reset that was verified. Nothing leads out
 * of gone: a function that comes back is a new one.
 *
 * The names are those of the netlink specification, which is what users script against.
 */

#include <linux/bits.h>
#include <linux/kernel.h>

#include "state.h"

#define TO(name) BIT(DIRECTPATH_STATE_##name)

static const u16 legal[DPATH_STATE_NR] = {
	[DIRECTPATH_STATE_HOST] = TO(CLAIMING) | TO(GONE),
	[DIRECTPATH_STATE_CLAIMING] = TO(RESETTING) | TO(READY) | TO(HOST) | TO(QUARANTINED) | TO(FAILED) | TO(GONE),
	[DIRECTPATH_STATE_READY] = TO(RESERVED) | TO(RESETTING) | TO(DIRTY) | TO(HOST) | TO(QUARANTINED) | TO(FAILED) | TO(GONE),
	[DIRECTPATH_STATE_RESERVED] = TO(READY) | TO(RUNNING) | TO(RESETTING) | TO(DIRTY) | TO(QUARANTINED) | TO(FAILED) | TO(GONE),
	[DIRECTPATH_STATE_RUNNING] = TO(DRAINING),
	[DIRECTPATH_STATE_DRAINING] = TO(RESETTING) | TO(QUARANTINED) | TO(FAILED) | TO(GONE),
	[DIRECTPATH_STATE_RESETTING] = TO(READY) | TO(RESERVED) | TO(DIRTY) | TO(QUARANTINED) | TO(FAILED) | TO(GONE),
	[DIRECTPATH_STATE_DIRTY] = TO(READY) | TO(RESERVED) | TO(RESETTING) | TO(HOST) | TO(QUARANTINED) | TO(FAILED) | TO(GONE),
	[DIRECTPATH_STATE_QUARANTINED] = TO(RESETTING) | TO(HOST) | TO(FAILED) | TO(GONE),
	[DIRECTPATH_STATE_FAILED] = TO(RESETTING) | TO(HOST) | TO(QUARANTINED) | TO(GONE),
	[DIRECTPATH_STATE_GONE] = 0,
};

static const char * const state_names[DPATH_STATE_NR] = {
	[DIRECTPATH_STATE_HOST] = "host",
	[DIRECTPATH_STATE_CLAIMING] = "claiming",
	[DIRECTPATH_STATE_READY] = "ready",
	[DIRECTPATH_STATE_RESERVED] = "reserved",
	[DIRECTPATH_STATE_RUNNING] = "running",
	[DIRECTPATH_STATE_DRAINING] = "draining",
	[DIRECTPATH_STATE_RESETTING] = "resetting",
	[DIRECTPATH_STATE_DIRTY] = "dirty",
	[DIRECTPATH_STATE_QUARANTINED] = "quarantined",
	[DIRECTPATH_STATE_FAILED] = "failed",
	[DIRECTPATH_STATE_GONE] = "gone",
};

static const char * const reason_names[] = {
	[DIRECTPATH_REASON_NO_IOMMU] = "no-iommu",
	[DIRECTPATH_REASON_NO_INTREMAP] = "no-intremap",
	[DIRECTPATH_REASON_ACS_MISSING] = "acs-missing",
	[DIRECTPATH_REASON_SET_SHARED] = "set-shared",
	[DIRECTPATH_REASON_RMRR] = "rmrr",
	[DIRECTPATH_REASON_NO_RESET] = "no-reset",
	[DIRECTPATH_REASON_RESET_SHARED] = "reset-shared",
	[DIRECTPATH_REASON_INTX_ONLY] = "intx-only",
	[DIRECTPATH_REASON_BARS_UNASSIGNED] = "bars-unassigned",
	[DIRECTPATH_REASON_BAR_BOOTFB] = "bar-bootfb",
	[DIRECTPATH_REASON_APERTURE_SMALL] = "aperture-small",
	[DIRECTPATH_REASON_NOT_ENDPOINT] = "not-endpoint",
	[DIRECTPATH_REASON_FW_OWNS_PCIE] = "fw-owns-pcie",
	[DIRECTPATH_REASON_ROOT_DISK] = "root-disk",
	[DIRECTPATH_REASON_SWAP] = "swap",
	[DIRECTPATH_REASON_RAID_MEMBER] = "raid-member",
	[DIRECTPATH_REASON_MGMT_NIC] = "mgmt-nic",
	[DIRECTPATH_REASON_CALLER_SESSION] = "caller-session",
	[DIRECTPATH_REASON_CONSOLE_GPU] = "console-gpu",
	[DIRECTPATH_REASON_NETDEV_UP] = "netdev-up",
	[DIRECTPATH_REASON_DRIVER_BUSY] = "driver-busy",
	[DIRECTPATH_REASON_VFS_ENABLED] = "vfs-enabled",
	[DIRECTPATH_REASON_VF_PARENT_OFF] = "vf-parent-off",
	[DIRECTPATH_REASON_D3COLD] = "d3cold",
	[DIRECTPATH_REASON_AER_LATCHED] = "aer-latched",
	[DIRECTPATH_REASON_IDENTITY_MISMATCH] = "identity-mismatch",
	[DIRECTPATH_REASON_POLICY_DENY] = "policy-deny",
	[DIRECTPATH_REASON_QUOTA] = "quota",
	[DIRECTPATH_REASON_VECTORS_EXHAUSTED] = "vectors-exhausted",
	[DIRECTPATH_REASON_MEMLOCK_LOW] = "memlock-low",
	[DIRECTPATH_REASON_DRIVER_BOUND] = "driver-bound",
	[DIRECTPATH_REASON_DRIVER_PINNED] = "driver-pinned",
	[DIRECTPATH_REASON_SET_CHANGED] = "set-changed",
	[DIRECTPATH_REASON_DIRTY] = "dirty",
	[DIRECTPATH_REASON_ATTACHED] = "attached",
};

/**
 * dpath_state_name - name of a state as the netlink specification spells it
 * @state: the state
 *
 * Return: a static string; "unknown" for a value that is no state.
 */
const char *dpath_state_name(enum directpath_state state)
{
	return (unsigned int)state < DPATH_STATE_NR ? state_names[state] : "unknown";
}

/**
 * dpath_state_legal - may a function go from one state to another
 * @from: state it is in
 * @to: state it shall be in
 *
 * A state never leads to itself: a change is an event, and there is none to report.
 *
 * Return: true if it may.
 */
bool dpath_state_legal(enum directpath_state from, enum directpath_state to)
{
	if ((unsigned int)from >= DPATH_STATE_NR || (unsigned int)to >= DPATH_STATE_NR)
		return false;
	return legal[from] & BIT(to);
}

/**
 * dpath_state_claimed - is the function ours in this state
 * @state: the state
 *
 * Return: true in every state but host and gone.
 */
bool dpath_state_claimed(enum directpath_state state)
{
	return (unsigned int)state < DPATH_STATE_NR && state != DIRECTPATH_STATE_HOST && state != DIRECTPATH_STATE_GONE;
}

/**
 * dpath_state_busy - is work under way that will lead out of this state by itself
 * @state: the state
 *
 * Return: true for claiming, draining and resetting; requests are refused meanwhile, and a deadline runs.
 */
bool dpath_state_busy(enum directpath_state state)
{
	return state == DIRECTPATH_STATE_CLAIMING || state == DIRECTPATH_STATE_DRAINING || state == DIRECTPATH_STATE_RESETTING;
}

/**
 * dpath_reason_name - name of a reason as the netlink specification spells it
 * @reason: the reason
 *
 * Return: a static string; "unknown" for a value that is no reason.
 */
const char *dpath_reason_name(enum directpath_reason reason)
{
	if ((unsigned int)reason >= ARRAY_SIZE(reason_names) || !reason_names[reason])
		return "unknown";
	return reason_names[reason];
}
