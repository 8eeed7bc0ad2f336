// SPDX-License-Identifier: GPL-2.0
/*
 * DMA faults as the IOMMU drivers write them to the kernel log:
 *
 *	DMAR: [DMA Write NO_PASID] Request device [3b:00.0] fault addr 0xfee00000 [fault reason 0x05] PTE Write access is not set
 *	AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:3b:00.0 domain=0x000a address=0x7f00000000 flags=0x0020]
 *	nvme 0000:3b:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000a address=0x7f00000000 flags=0x0020]
 *
 * The texts are no interface and have changed over time, so what is not found is left out, and only the address must be there.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

/* The word after @key, up to a blank or bracket. */
static bool word_after(const char *line, const char *key, char *buf, size_t size)
{
	const char *hit = strstr(line, key);
	size_t len;

	if (!hit)
		return false;
	hit += strlen(key);
	len = strcspn(hit, " ]\n");
	if (!len || len >= size)
		return false;
	memcpy(buf, hit, len);
	buf[len] = '\0';
	return true;
}

static bool parse_dmar(const char *line, struct fault *fault)
{
	const char *reason;
	char word[32];

	if (!strstr(line, "DMAR:") || !word_after(line, "evice [", word, sizeof(word)) || !address_parse(word, fault->address))
		return false;
	if (strstr(line, "[DMA Read") || strstr(line, "[INTR-REMAP"))
		text_copy(fault->kind, sizeof(fault->kind), strstr(line, "[DMA Read") ? "read" : "interrupt");
	else
		text_copy(fault->kind, sizeof(fault->kind), strstr(line, "[DMA Write") ? "write" : "access");
	if (!word_after(line, "fault addr ", fault->iova, sizeof(fault->iova)) && !word_after(line, "fault index ", fault->iova, sizeof(fault->iova)))
		return false;
	reason = strstr(line, "[fault reason");
	reason = reason ? strchr(reason, ']') : NULL;
	if (reason) {
		text_copy(fault->reason, sizeof(fault->reason), reason + 1 + strspn(reason + 1, " "));
		fault->reason[strcspn(fault->reason, "\n")] = '\0';
	}
	return true;
}

/* Bit 5 of the flags: the access was a write (AMD IOMMU specification, IO_PAGE_FAULT). */
static bool parse_amd(const char *line, struct fault *fault)
{
	const char *hit = strstr(line, "AMD-Vi: Event logged [IO_PAGE_FAULT"), *start;
	char word[32];

	if (!hit)
		return false;
	if (!word_after(hit, "device=", word, sizeof(word))) {
		/* dev_err() style: the address stands before. */
		if (hit - line < 3 || hit[-2] != ':')
			return false;
		for (start = hit - 2; start > line && start[-1] != ' '; start--)
			;
		if ((size_t)(hit - 2 - start) >= sizeof(word))
			return false;
		memcpy(word, start, (size_t)(hit - 2 - start));
		word[hit - 2 - start] = '\0';
	}
	if (!address_parse(word, fault->address) || !word_after(hit, "address=", fault->iova, sizeof(fault->iova)))
		return false;
	text_copy(fault->kind, sizeof(fault->kind), "access");
	if (word_after(hit, "flags=", word, sizeof(word)))
		text_copy(fault->kind, sizeof(fault->kind), strtoul(word, NULL, 16) & 0x20 ? "write" : "read");
	return true;
}

bool fault_parse(const char *line, struct fault *fault)
{
	memset(fault, 0, sizeof(*fault));
	return parse_dmar(line, fault) || parse_amd(line, fault);
}
