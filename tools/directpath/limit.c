// SPDX-License-Identifier: GPL-2.0
/*
 * The limit of DMA accesses that the IOMMU refused: see limit.h.
 */

#include <stdio.h>
#include <string.h>

#include <linux/directpath_nl.h>

#include "cmd.h"
#include "limit.h"

bool fault_limit_parse(const char *text, unsigned int *limit)
{
	*limit = strcmp(text, "default") ? 0 : DIRECTPATH_FAULT_LIMIT_DEFAULT;
	if (*limit || !strcmp(text, "off"))
		return true;
	return parse_u32(text, limit) && *limit && *limit != DIRECTPATH_FAULT_LIMIT_DEFAULT;
}

const char *fault_limit_text(unsigned int limit, char *buf, size_t size)
{
	if (limit)
		snprintf(buf, size, "%u", limit);
	else
		snprintf(buf, size, "off");
	return buf;
}
