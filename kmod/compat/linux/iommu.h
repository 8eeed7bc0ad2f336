/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/iommu.h>

#ifndef DPATH_COMPAT_IOMMU_H
#define DPATH_COMPAT_IOMMU_H

#ifdef DPATH_HAVE_IOMMU_MAP_ATOMIC
/* gone with 6.1: a function for each context instead of allocation flags; page tables are charged to nobody */
static inline int dpath_iommu_map(struct iommu_domain *domain, unsigned long iova, phys_addr_t paddr, size_t size, int prot, gfp_t gfp)
{
	return iommu_map(domain, iova, paddr, size, prot);
}

static inline ssize_t dpath_iommu_map_sg(struct iommu_domain *domain, unsigned long iova, struct scatterlist *sg, unsigned int nents, int prot,
					 gfp_t gfp)
{
	return iommu_map_sg(domain, iova, sg, nents, prot);
}

#define iommu_map dpath_iommu_map
#define iommu_map_sg dpath_iommu_map_sg
#endif

#ifndef DPATH_HAVE_PAGING_DOMAIN_ALLOC
/* gone with 6.1: domains are allocated for a bus */
static inline struct iommu_domain *iommu_paging_domain_alloc(struct device *dev)
{
	struct iommu_domain *domain = iommu_domain_alloc(dev->bus);

	return domain ?: ERR_PTR(-ENOMEM);
}
#endif

#ifndef DPATH_HAVE_ISOLATED_MSI
#include <linux/irqdomain.h>

static inline int dpath_lacks_intremap(struct device *dev, void *data)
{
	return !device_iommu_capable(dev, IOMMU_CAP_INTR_REMAP);
}

/* gone with 6.1: x86 says it by a capability of the IOMMU, others by their MSI domains */
static inline bool iommu_group_has_isolated_msi(struct iommu_group *group)
{
	return irq_domain_check_msi_remap() || !iommu_group_for_each_dev(group, NULL, dpath_lacks_intremap);
}
#endif

#endif
