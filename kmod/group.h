/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_GROUP_H
#define DPATH_GROUP_H

/*
 * The isolation set as the IOMMU layer sees it: members, DMA ownership, reserved regions. The only user of the iommu_group calls besides
 * domain.c. iommu_group_for_each_dev() runs under group->mutex, so callbacks only collect references; nobody locks a device inside one.
 */

#include <linux/list.h>
#include <linux/pci.h>
#include <linux/types.h>

struct iommu_group;

#define DPATH_SET_MAX 64

/**
 * struct dpath_members - references to the functions of one set
 * @pdev: the functions, each with a reference, ordered by address
 * @nr: how many
 * @foreign: devices of the set that are no PCI functions
 */
struct dpath_members {
	struct pci_dev *pdev[DPATH_SET_MAX];
	unsigned int nr;
	unsigned int foreign;
};

/* Kind of a reserved region. */
enum dpath_resv {
	DPATH_RESV_DIRECT,	/* RMRR, IVMD: firmware DMAs there */
	DPATH_RESV_RELAXABLE,	/* direct, but only for the boot display or USB */
	DPATH_RESV_RESERVED,
	DPATH_RESV_MSI,
	DPATH_RESV_SW_MSI,
};

typedef int (*dpath_resv_fn)(void *ctx, enum dpath_resv kind, u64 first, u64 last);

int dpath_group_members(struct iommu_group *group, struct dpath_members *members);
void dpath_group_put_members(struct dpath_members *members);
/* A PCI bridge that stays with pcieport (or no driver): a member that needs no claim and must not be touched. */
bool dpath_group_passive(const struct pci_dev *pdev, const struct pci_driver *driver);
int dpath_group_walk_resv(struct iommu_group *group, dpath_resv_fn fn, void *ctx);
const char *dpath_group_resv_name(enum dpath_resv kind);
/* DMA ownership: from here until disown every member's DMA is blocked unless a domain is attached. -EPERM: a driver still does DMA. */
int dpath_group_own(struct iommu_group *group, void *owner);
void dpath_group_disown(struct iommu_group *group);

#endif
