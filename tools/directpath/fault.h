/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FAULT_H
#define FAULT_H

/*
 * DMA faults as the IOMMU drivers write them to the kernel log.
 */

#include "model.h"

struct fault {
	char address[ADDRESS_SIZE];
	char kind[16];		/* read, write, or access if the text does not say */
	char iova[32];
	char reason[128];
};

/* One line of the log, without its header; false if it reports no fault. */
bool fault_parse(const char *line, struct fault *fault);

#endif
