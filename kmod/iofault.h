/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_IOFAULT_H
#define DPATH_IOFAULT_H

/*
 * DMA that the IOMMU has refused, where its driver reports it (report_iommu_fault()): counted for function and VM, reported, and the end of the run
 * of a function that does not stop.
 */

#include <linux/types.h>

struct device;
struct iommu_domain;

/* Domains of spaces report here. Any context. The IOMMU driver logs the fault as ever. */
int dpath_iofault_handler(struct iommu_domain *domain, struct device *device, unsigned long iova, int flags, void *token);

void dpath_iofault_module_exit(void);

#endif
