/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_CLEAN_H
#define DPATH_CLEAN_H

/*
 * The cleaning of a function between two tenants, by a program that works through the host driver. See clean.c.
 */

#include <linux/types.h>

struct dpath_op;
struct dpath_set;

/* dev-clean. */
int dpath_clean_op(struct dpath_op *op);
/*
 * Members that are not bound to us any more, and the set's DMA, back to us; nothing to do for most sets. The set is begun. On failure what did not
 * come back is quarantined, and @why says what it is.
 */
int dpath_clean_take_back(struct dpath_set *set, struct dpath_op *op, char *why, size_t size);

#endif
