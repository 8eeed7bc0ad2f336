/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_ACCEPT_H
#define DPATH_ACCEPT_H

/*
 * An admin says that a function which is not what it was is all right. See accept.c.
 */

#include <linux/types.h>

struct dpath_op;

/* May it be asked for? 0, or an errno with @why. Takes dpath_table_lock; said again by the operation. */
int dpath_accept_check(const char *address, char *why, size_t size);
/* dev-accept. */
int dpath_accept_op(struct dpath_op *op);

#endif
