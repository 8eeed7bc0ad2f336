/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_NTF_H
#define DPATH_NTF_H

/*
 * The one upward edge: events from the objects to the doors. Implemented by netlink.c. All are called with dpath_table_lock held, may
 * sleep for memory, and never fail (an event that cannot be sent is counted by its missing number).
 */

#include <uapi/linux/directpath_nl.h>

struct dpath_device;
struct dpath_fault;
struct dpath_op;
struct dpath_vm;

/* @prev is the state before, equal to the state now if only settings changed. */
void dpath_dev_ntf(struct dpath_device *dev, enum directpath_state prev, const char *cause);
void dpath_vm_ntf(struct dpath_vm *vm, const char *cause, bool deleted);
void dpath_host_ntf(void);
void dpath_op_ntf(struct dpath_op *op);
/* To those who listen to faults; numbered by itself. */
void dpath_fault_ntf(struct dpath_device *dev, const struct dpath_fault *fault);

#endif
