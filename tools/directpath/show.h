/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHOW_H
#define SHOW_H

/*
 * Functions and VMs as text and JSON, in the one form that every command uses.
 */

#include <jansson.h>

#include "model.h"

json_t *json_dev(const struct dev *dev);
json_t *json_vm(const struct vm *vm);
json_t *json_op(const struct op_result *op);
json_t *json_host(const struct host *host);
/* "vm:train1", "nvme", "directpath", or "-" */
const char *owner_text(const struct dev *dev, char *buf, size_t size);
/* Codes of the reasons that block, comma separated, or the state's detail. */
const char *reasons_text(const struct dev *dev, char *buf, size_t size);
/* Position below the host bridge, "pci0000:3a/02.0-00.0"; survives renumbering of buses. Empty if sysfs does not know it. */
const char *path_text(const char *address, char *buf, size_t size);
const char *uuid_text(const uint8_t uuid[16], char *buf, size_t size);
/* Interfaces and disks of a function as "ens3f0" or "", for headings. */
const char *users_text(const char *address, char *buf, size_t size);

#endif
