/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LIMIT_H
#define LIMIT_H

/*
 * The limit of DMA accesses that the IOMMU refused, as a setting: faults N|off|default.
 */

#include <stdbool.h>
#include <stddef.h>

/* "default", "off" or a number: DIRECTPATH_FAULT_LIMIT_DEFAULT, 0 or that. */
bool fault_limit_parse(const char *text, unsigned int *limit);
const char *fault_limit_text(unsigned int limit, char *buf, size_t size);

#endif
