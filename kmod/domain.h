/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_DOMAIN_H
#define DPATH_DOMAIN_H

/*
 * One iommu_domain of a space: allocation, attachment, map by extents, unmap by range. The space's domain_rwsem serialises: WRITE for alloc, attach,
 * detach, free; READ for map and unmap.
 */

#include <linux/bits.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/types.h>

#include "extent.h"

struct iommu_group;
struct pci_dev;

/* Most a map or unmap call passes to the IOMMU layer at once: bounds the time without a reschedule, keeps AMD's power-of-two leaves unsplit. */
#define DPATH_CHUNK BIT_ULL(30)

/**
 * struct dpath_domain - one domain
 * @node: in dpath_space.domains
 * @domain: the IOMMU layer's
 * @iommu: identity of the IOMMU unit it was first attached to
 * @members: sets attached, private to domain.c
 * @nr_groups: how many
 * @pgsizes: page sizes, as read after the first attachment
 * @first: aperture
 * @last: aperture, inclusive
 * @coherent: snooping is enforced
 * @unshared: never for a second IOMMU unit
 * @stuck: a detach left it attached, or an unmap left something mapped; takes no further set and is never freed
 * @leaky: an unmap left something mapped; set under READ
 */
struct dpath_domain {
	struct list_head node;
	struct iommu_domain *domain;
	void *iommu;
	struct list_head members;
	unsigned int nr_groups;
	unsigned long pgsizes;
	u64 first;
	u64 last;
	bool coherent;
	bool unshared;
	bool stuck;
	bool leaky;
};

/* A domain attached to @group; pgsizes and aperture are known afterwards. Refused DMA is reported to @handler. ERR_PTR on failure. */
struct dpath_domain *dpath_domain_new(struct iommu_group *group, struct pci_dev *pdev, iommu_fault_handler_t handler);
/* No set is attached any more, or it is stuck, and then only the IOMMU layer's part is leaked. */
void dpath_domain_free(struct dpath_domain *dom);
/* Attach one more set; any error means: take a fresh domain. */
int dpath_domain_attach(struct dpath_domain *dom, struct iommu_group *group, struct pci_dev *pdev);
/* False: still attached (leaked). */
bool dpath_domain_detach(struct dpath_domain *dom, struct iommu_group *group, struct pci_dev *pdev);
/* Is the set behind @pdev translated by the unit that @dom was made for? */
bool dpath_domain_compatible(const struct dpath_domain *dom, struct pci_dev *pdev);
/* Can the sets of @fresh, which belongs to another unit, share @dom? */
bool dpath_domain_alike(const struct dpath_domain *dom, const struct dpath_domain *fresh);
/* Block DMA of every set attached and give the domain up: it may still translate what was to be unmapped. */
void dpath_domain_block(struct dpath_domain *dom);

/* Map the next @npages pages from @at, which is not moved, at @iova; nothing stays mapped on failure. Callers keep within one DPATH_CHUNK. */
int dpath_domain_map(struct dpath_domain *dom, u64 iova, const struct dpath_extent_iter *at, unsigned long npages, int prot);
/* Unmap; returns the bytes that were unmapped. */
u64 dpath_domain_unmap(struct dpath_domain *dom, u64 iova, u64 length);

#endif
