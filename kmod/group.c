// SPDX-License-Identifier: GPL-2.0
/*
 * The isolation set as the IOMMU layer sees it.
 *
 * A set is an iommu_group. Its member list, its reserved regions and its DMA owner belong to the IOMMU layer and are guarded by group->mutex there;
 * this file keeps nothing. The member list that callers get is a snapshot of references, sorted by address: a function may leave or join the bus
 * right after it was taken, and whoever acts on it has to cope.
 *
 * Lock order: the driver core takes device_lock and then group->mutex (binding a driver takes DMA ownership for the kernel), so nothing below
 * iommu_group_for_each_dev() takes a lock of a device, and callers lock, bind or attach only after it has returned.
 *
 * DMA ownership: as long as a host driver that uses the DMA API is bound to any member, the default domain is live (with iommu=pt that is all of RAM)
 * and owning the group is refused with -EPERM. From dpath_group_own() to dpath_group_disown() the group has the blocking domain, or the domain that
 * domain.c attached in between. Disowning brings the default domain back, so the functions are reset before.
 */

#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/sort.h>

#include "group.h"
#include "inject.h"

static int compare_address(const void *a, const void *b)
{
	const struct pci_dev *left = *(struct pci_dev * const *)a;
	const struct pci_dev *right = *(struct pci_dev * const *)b;
	int domain = pci_domain_nr(left->bus) - pci_domain_nr(right->bus);

	return domain ?: PCI_DEVID(left->bus->number, left->devfn) - PCI_DEVID(right->bus->number, right->devfn);
}

static int add_member(struct device *dev, void *data)
{
	struct dpath_members *members = data;

	if (!dev_is_pci(dev)) {
		members->foreign++;
		return 0;
	}
	if (members->nr == DPATH_SET_MAX)
		return -E2BIG;
	members->pdev[members->nr++] = pci_dev_get(to_pci_dev(dev));
	return 0;
}

/**
 * dpath_group_members - take references to the functions of a set
 * @group: the set
 * @members: filled, sorted by address; to be given back with dpath_group_put_members()
 *
 * Context: process context, takes group->mutex; the caller may hold a device_lock.
 * Return: 0, or -E2BIG for more than DPATH_SET_MAX functions (@members is empty then).
 */
int dpath_group_members(struct iommu_group *group, struct dpath_members *members)
{
	int ret;

	members->nr = 0;
	members->foreign = 0;
	ret = iommu_group_for_each_dev(group, members, add_member);
	if (ret) {
		dpath_group_put_members(members);
		return ret;
	}
	sort(members->pdev, members->nr, sizeof(members->pdev[0]), compare_address, NULL);
	return 0;
}

void dpath_group_put_members(struct dpath_members *members)
{
	while (members->nr)
		pci_dev_put(members->pdev[--members->nr]);
}

/**
 * dpath_group_passive - is a member one that the set's owner leaves alone
 * @pdev: the member
 * @driver: the driver bound to it, or NULL; the caller makes sure that it stays
 *
 * PCI bridges are in the set of what lies behind them when the path lacks ACS. They do no DMA of their own and have to go on working; pcieport says
 * so by driver_managed_dma. A bridge with a driver that uses the DMA API (shpchp) is not passive, and makes dpath_group_own() fail.
 *
 * Return: true if it needs no claim.
 */
bool dpath_group_passive(const struct pci_dev *pdev, const struct pci_driver *driver)
{
	if (pdev->hdr_type != PCI_HEADER_TYPE_BRIDGE)
		return false;
	return !driver || driver->driver_managed_dma;
}

static enum dpath_resv convert_kind(enum iommu_resv_type type)
{
	switch (type) {
	case IOMMU_RESV_DIRECT:
		return DPATH_RESV_DIRECT;
	case IOMMU_RESV_DIRECT_RELAXABLE:
		return DPATH_RESV_RELAXABLE;
	case IOMMU_RESV_MSI:
		return DPATH_RESV_MSI;
	case IOMMU_RESV_SW_MSI:
		return DPATH_RESV_SW_MSI;
	case IOMMU_RESV_RESERVED:
		break;
	}
	/* A kind from a newer kernel is not to be mapped either, whatever it is. */
	return DPATH_RESV_RESERVED;
}

/**
 * dpath_group_walk_resv - call a function for each reserved region of a set
 * @group: the set
 * @fn: called with the region, @last inclusive; ends the walk by returning non-zero
 * @ctx: passed to @fn
 *
 * Context: process context; @fn is called without any lock.
 * Return: what @fn returned, or -errno if the regions could not be read.
 */
int dpath_group_walk_resv(struct iommu_group *group, dpath_resv_fn fn, void *ctx)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int ret;

	ret = iommu_get_group_resv_regions(group, &regions);
	if (ret)
		goto out_put;
	list_for_each_entry(region, &regions, list) {
		if (!region->length)
			continue;
		ret = fn(ctx, convert_kind(region->type), region->start, region->start + region->length - 1);
		if (ret)
			break;
	}
out_put:
	/* The group form returns copies that belong to no device, and a partial list when it fails. */
	iommu_put_resv_regions(NULL, &regions);
	return ret;
}

static const char * const resv_names[] = {
	[DPATH_RESV_DIRECT] = "firmware memory (RMRR)",
	[DPATH_RESV_RELAXABLE] = "boot firmware memory (RMRR, relaxable)",
	[DPATH_RESV_RESERVED] = "reserved by the platform",
	[DPATH_RESV_MSI] = "MSI window",
	[DPATH_RESV_SW_MSI] = "MSI translation window",
};

const char *dpath_group_resv_name(enum dpath_resv kind)
{
	if (kind >= ARRAY_SIZE(resv_names))
		return "reserved";
	return resv_names[kind];
}

/**
 * dpath_group_own - take DMA ownership of a set
 * @group: the set
 * @owner: any address of ours, not NULL
 *
 * Context: process context, takes group->mutex. Every member is bound to us, passive or without driver, and has bus master off.
 * Return: 0: DMA of every member is blocked. -EPERM: somebody owns it, or a driver of the host still uses it. -EINVAL (and -EPERM with VT-d on 6.1):
 * firmware demands a direct mapping. -ENOMEM and others from the IOMMU driver.
 */
int dpath_group_own(struct iommu_group *group, void *owner)
{
	return iommu_group_claim_dma_owner(group, owner);
}

/**
 * dpath_group_disown - give DMA ownership back to the kernel
 * @group: the set, without any domain of ours
 *
 * Context: process context, takes group->mutex. The default domain is live when it returns: the members have been reset and have bus master off.
 */
void dpath_group_disown(struct iommu_group *group)
{
	unsigned int nth = dpath_inject_mask();

	iommu_group_release_dma_owner(group);
	dpath_inject_unmask(nth);
}
