/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_ASSIGN_H
#define DPATH_ASSIGN_H

/*
 * Attaching sets to VMs and detaching them: the bodies of operations, see op.h.
 */

struct dpath_op;
struct dpath_set;

int dpath_attach_op(struct dpath_op *op);
int dpath_detach_op(struct dpath_op *op);
/*
 * Revoke the run of a set, again if its VM starts it meanwhile, until the set is the operation's (begun). @check is asked before each revoke; what it
 * returns other than 0 ends this. -ETIMEDOUT: the caller was told.
 */
int dpath_assign_end_run(struct dpath_set *set, struct dpath_op *op, const char *cause, int (*check)(struct dpath_set *set, struct dpath_op *op));

#endif
