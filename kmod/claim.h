/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_CLAIM_H
#define DPATH_CLAIM_H

/*
 * Taking sets from the host and giving them back, attaching them to VMs and detaching them: the bodies of the asynchronous operations, run in a
 * work (see op.h).
 */

struct dpath_op;

int dpath_claim_op(struct dpath_op *op);
int dpath_release_op(struct dpath_op *op);
int dpath_reset_op(struct dpath_op *op);
int dpath_recover_op(struct dpath_op *op);
int dpath_attach_op(struct dpath_op *op);
int dpath_detach_op(struct dpath_op *op);
/* Everything back to the host: module exit, when nothing runs. */
void dpath_release_all(void);

#endif
