/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_ASSIGN_H
#define DPATH_ASSIGN_H

/*
 * Attaching sets to VMs and detaching them: the bodies of operations, see op.h.
 */

struct dpath_op;

int dpath_attach_op(struct dpath_op *op);
int dpath_detach_op(struct dpath_op *op);

#endif
