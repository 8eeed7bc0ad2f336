/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_RECOVER_H
#define DPATH_RECOVER_H

/*
 * Resets that somebody has asked for: the bodies of operations, see op.h.
 */

struct dpath_op;
struct dpath_set;

int dpath_reset_op(struct dpath_op *op);
int dpath_recover_op(struct dpath_op *op);
/* Reset and compare a set that the caller has begun, and end it. @cause is what its members' events say. */
int dpath_recover_begun(struct dpath_set *set, struct dpath_op *op, const char *cause);

#endif
