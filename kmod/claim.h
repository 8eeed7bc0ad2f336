/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_CLAIM_H
#define DPATH_CLAIM_H

/*
 * Taking sets from the host: the body of an operation, see op.h; giving them back is release.h.
 */

struct dpath_op;
struct dpath_set;

int dpath_claim_op(struct dpath_op *op);
/* The set of the function that an operation names, with a reference; NULL: it is not claimed; or an error, whose text is set. */
struct dpath_set *dpath_claim_set_of(struct dpath_op *op, const char *address);

#endif
