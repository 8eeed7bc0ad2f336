/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_STATE_H
#define DPATH_STATE_H

#include <linux/types.h>
#include <uapi/linux/directpath_nl.h>

#define DPATH_STATE_NR (DIRECTPATH_STATE_GONE + 1)

const char *dpath_state_name(enum directpath_state state);
bool dpath_state_legal(enum directpath_state from, enum directpath_state to);
bool dpath_state_claimed(enum directpath_state state);
bool dpath_state_busy(enum directpath_state state);
const char *dpath_reason_name(enum directpath_reason reason);

#endif
