/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_HOTRESET_H
#define DPATH_HOTRESET_H

/*
 * A tenant's reset of everything behind the port of one of its functions.
 */

struct dpath_lease;
struct dpath_set;

/*
 * Reset the bus or slot of the lease's function. @proven: the sets that the caller has proved to own, @nr of them; NULL: being the VM is proof. 0;
 * -ENODEV: dead, or no such reset; -EINVAL: an affected function is of a set that is not proven; -EPERM: one is not run by the same VM; -EOPNOTSUPP:
 * the policy of one forbids resets; -EBUSY: VFs; -EAGAIN after the deadline; -EIO: it failed.
 */
int dpath_hotreset(struct dpath_lease *lease, struct dpath_set **proven, unsigned int nr);

#endif
