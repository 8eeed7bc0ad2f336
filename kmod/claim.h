/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_CLAIM_H
#define DPATH_CLAIM_H

/*
 * Taking sets from the host and giving them back: the bodies of operations, see op.h.
 */

struct dpath_device;
struct dpath_op;
struct dpath_set;

int dpath_claim_op(struct dpath_op *op);
int dpath_release_op(struct dpath_op *op);
/* The set of the function that an operation names, with a reference; NULL: it is not claimed; or an error, whose text is set. */
struct dpath_set *dpath_claim_set_of(struct dpath_op *op, const char *address);
/* Take a function from our driver, in an operation that has its set. */
void dpath_claim_unbind(struct dpath_device *dev);
/* Everything back to the host: module exit, when nothing runs. */
void dpath_release_all(void);

#endif
