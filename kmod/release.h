/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_RELEASE_H
#define DPATH_RELEASE_H

/*
 * Giving sets back to the host: the body of an operation, see op.h, and what other operations need of it.
 */

#include <linux/types.h>

struct dpath_device;
struct dpath_op;

int dpath_release_op(struct dpath_op *op);
/* Take a function from our driver, in an operation that has its set. */
void dpath_release_unbind(struct dpath_device *dev);
/* Back to the host driver that it had, unless @driverless; what goes wrong is its detail. */
void dpath_release_to_host(struct dpath_device *dev, bool driverless);
/* Everything back to the host: module exit, when nothing runs. */
void dpath_release_all(void);

#endif
