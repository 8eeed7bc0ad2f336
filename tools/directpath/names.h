/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of the netlink specification as its words; "unknown" for what a newer kernel may send. */
const char *state_name(unsigned int state);
const char *verdict_name(unsigned int verdict);
const char *grade_name(unsigned int grade);
const char *reason_name(unsigned int reason);
const char *op_kind_name(unsigned int kind);
const char *posted_name(unsigned int posted);
const char *irq_index_name(unsigned int index);
const char *error_policy_name(unsigned int policy);
const char *fault_kind_name(unsigned int kind);
/* -1 if there is none of that name. */
int state_by_name(const char *name);
int verdict_by_name(const char *name);
int reason_by_name(const char *name);
int error_policy_by_name(const char *name);

/* Short name of a 24-bit PCI class, e.g. "nvme", "eth"; a number in hexadecimal if it has none. @buf is used for that. */
const char *class_name(unsigned int class, char *buf, size_t size);
/* Long name, e.g. "Ethernet controller". */
const char *class_text(unsigned int class);
/* Does @class go by @name: a short name, an alias (gpu, net, storage) or leading hexadecimal digits? */
bool class_matches(unsigned int class, const char *name);
/* Is @name one that class_matches() can ever accept? */
bool class_name_valid(const char *name);

#endif
