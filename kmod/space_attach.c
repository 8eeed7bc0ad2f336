// SPDX-License-Identifier: GPL-2.0
/*
 * Sets in a space: joining, leaving, and giving a domain every map that was made before. The locks and the invariant are in space.c.
 *
 * Reserved ranges and aperture only ever shrink what may be mapped: they stay after the set that brought them has gone.
 */

#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "domain.h"
#include "iofault.h"
#include "group.h"
#include "iova.h"
#include "space.h"
#include "space_priv.h"

/* Texts for an attachment that maps already made rule out. */
static const char * const resv_conflict[] = {
	[DPATH_RESV_DIRECT] = "memory is mapped where firmware does DMA to (RMRR, IVMD)",
	[DPATH_RESV_RELAXABLE] = "memory is mapped where firmware did DMA to at boot",
	[DPATH_RESV_RESERVED] = "memory is mapped at addresses that the IOMMU reserves for the set",
	[DPATH_RESV_MSI] = "memory is mapped over the MSI window",
	[DPATH_RESV_SW_MSI] = "memory is mapped over the software MSI window",
};

/**
 * struct resv_ctx - argument of reserve_region()
 * @space: the space
 * @commit: reserve; else only look whether that will be possible
 * @why: text of a conflict
 */
struct resv_ctx {
	struct dpath_space *space;
	bool commit;
	const char **why;
};

static int reserve_region(void *data, enum dpath_resv kind, u64 first, u64 last)
{
	struct resv_ctx *ctx = data;
	struct dpath_iova *iova = &ctx->space->iova;
	int ret = 0;

	/* Boot display and USB stop using theirs once a driver or a VM takes over. */
	if (kind == DPATH_RESV_RELAXABLE)
		return 0;
	mutex_lock(&ctx->space->iova_lock);
	if (dpath_iova_first(iova, first, last))
		ret = -EBUSY;
	else if (ctx->commit)
		ret = dpath_iova_reserve(iova, first, last, dpath_group_resv_name(kind));
	mutex_unlock(&ctx->space->iova_lock);
	if (ret)
		*ctx->why = ret == -EBUSY ? resv_conflict[kind] : "out of memory";
	return ret;
}

/* Two rounds, so that a set that cannot be attached takes no address from the space. */
static int reserve_regions(struct dpath_space *space, struct iommu_group *group, const char **why)
{
	struct resv_ctx ctx = { .space = space, .why = why };
	int ret;

	ret = dpath_group_walk_resv(group, reserve_region, &ctx);
	if (ret)
		return ret;
	ctx.commit = true;
	return dpath_group_walk_resv(group, reserve_region, &ctx);
}

/*
 * The area with the lowest address from *@iova on that has something mapped; moves *@iova behind it. It cannot go away while domain_rwsem is held for
 * WRITE: its owner would have to unmap first.
 */
static struct dpath_area *next_mapped(struct dpath_space *space, u64 *iova)
{
	struct dpath_area *area;

	lockdep_assert_held_write(&space->domain_rwsem);
	mutex_lock(&space->iova_lock);
	for (area = dpath_iova_first(&space->iova, *iova, U64_MAX); area; area = dpath_iova_next(area, *iova, U64_MAX)) {
		if (area->mapped_to)
			break;
	}
	mutex_unlock(&space->iova_lock);
	if (area)
		*iova = dpath_area_last(area) + 1;
	return area;
}

static int replay_area(struct dpath_domain *dom, struct dpath_area *area)
{
	struct dpath_extent_iter at;
	unsigned long page, npages;
	int ret;

	dpath_extents_seek(&at, &area->extents, 0);
	for (page = 0; page < area->mapped_to; page += npages) {
		npages = min(area->mapped_to - page, dpath_area_chunk(area, page));
		ret = dpath_domain_map(dom, dpath_area_page_iova(area, page), &at, npages, area->prot);
		if (ret)
			return ret;
		dpath_skip_pages(&at, npages);
		cond_resched();
	}
	return 0;
}

/* Give a fresh domain every mapping of the space. */
static int replay(struct dpath_space *space, struct dpath_domain *dom)
{
	struct dpath_area *area;
	u64 iova = 0;
	int ret;

	while ((area = next_mapped(space, &iova))) {
		ret = replay_area(dom, area);
		if (ret)
			return ret;
		/* The last area may end at the last byte. */
		if (!iova)
			break;
	}
	return 0;
}

/*
 * Undo a replay, done in part. Only for a domain that the IOMMU layer did not let go of: it stays for good, and must not translate pages that are
 * unpinned later.
 */
static void unreplay(struct dpath_space *space, struct dpath_domain *dom)
{
	struct dpath_area *area;
	u64 iova = 0;

	while ((area = next_mapped(space, &iova))) {
		dpath_domain_unmap(dom, dpath_area_first(area), (u64)area->mapped_to << PAGE_SHIFT);
		if (!iova)
			break;
	}
}

/* What the domains have in common. */
static void update_common_locked(struct dpath_space *space)
{
	bool coherent = !list_empty(&space->domains);
	u64 pgsizes = coherent ? U64_MAX : PAGE_SIZE;
	struct dpath_domain *dom;

	lockdep_assert_held_write(&space->domain_rwsem);
	list_for_each_entry(dom, &space->domains, node) {
		coherent = coherent && dom->coherent;
		pgsizes &= dom->pgsizes;
	}
	WRITE_ONCE(space->coherent, coherent);
	WRITE_ONCE(space->pgsizes, pgsizes);
}

/* A domain of the same unit that takes the set, or NULL. */
static struct dpath_domain *join_unit(struct dpath_space *space, struct iommu_group *group, struct pci_dev *pdev)
{
	struct dpath_domain *dom;

	list_for_each_entry(dom, &space->domains, node) {
		if (dpath_domain_compatible(dom, pdev) && !dpath_domain_attach(dom, group, pdev))
			return dom;
	}
	return NULL;
}

/*
 * A domain of another unit that looks like @fresh and takes the set, which is then no longer in @fresh; or NULL. Anything that goes wrong on the way
 * leaves the set in @fresh again, or the reason in *@ret.
 */
static struct dpath_domain *join_alike(struct dpath_space *space, struct dpath_domain *fresh, struct iommu_group *group, struct pci_dev *pdev,
				       int *ret)
{
	struct dpath_domain *dom;

	*ret = 0;
	list_for_each_entry(dom, &space->domains, node) {
		if (!dpath_domain_alike(dom, fresh))
			continue;
		if (!dpath_domain_detach(fresh, group, pdev)) {
			*ret = -EIO;
			return NULL;
		}
		if (!dpath_domain_attach(dom, group, pdev))
			return dom;
		*ret = dpath_domain_attach(fresh, group, pdev);
		return NULL;
	}
	return NULL;
}

/* Bring @fresh, to which the set is attached, up to the state of the space. */
static int adopt_fresh(struct dpath_space *space, struct dpath_domain *fresh, const char **why)
{
	u64 granule = max_t(u64, PAGE_SIZE, 1ULL << __ffs(fresh->pgsizes));
	int ret;

	mutex_lock(&space->iova_lock);
	ret = dpath_iova_narrow(&space->iova, fresh->first, fresh->last, granule, why);
	mutex_unlock(&space->iova_lock);
	if (ret)
		return -EBUSY;
	ret = replay(space, fresh);
	if (ret) {
		*why = "the IOMMU driver cannot map all memory for the set";
		return ret;
	}
	list_add_tail(&fresh->node, &space->domains);
	return 0;
}

static struct dpath_domain *attach_fresh(struct dpath_space *space, struct iommu_group *group, struct pci_dev *pdev, const char **why)
{
	struct dpath_domain *fresh, *dom;
	int ret;

	fresh = dpath_domain_new(group, pdev, dpath_iofault_handler);
	if (IS_ERR(fresh)) {
		*why = "the IOMMU driver gives no domain for the set";
		return fresh;
	}
	dom = join_alike(space, fresh, group, pdev, &ret);
	if (dom) {
		dpath_domain_free(fresh);
		return dom;
	}
	if (ret)
		*why = "the IOMMU driver does not attach the set";
	else
		ret = adopt_fresh(space, fresh, why);
	if (!ret)
		return fresh;
	if (!dpath_domain_detach(fresh, group, pdev))
		unreplay(space, fresh);
	dpath_domain_free(fresh);
	return ERR_PTR(ret);
}

/**
 * dpath_space_attach - let a set do DMA in a space
 * @space: the space
 * @group: the set; its DMA is owned by us and blocked
 * @pdev: one of its functions
 * @domain: what it is attached to, for dpath_space_detach()
 * @why: set to a static text on failure
 *
 * Its reserved regions and the aperture of its IOMMU become those of the space; a mapping that exists there is a reason to refuse.
 *
 * Context: process context, set->lock held; takes domain_rwsem for WRITE for as long as a replay takes.
 * Return: 0, with every mapping of the space translated for the set; or -errno, with the set blocked as before.
 */
int dpath_space_attach(struct dpath_space *space, struct iommu_group *group, struct pci_dev *pdev, struct dpath_domain **domain,
		       const char **why)
{
	struct dpath_domain *dom;
	int ret;

	*why = "the reserved regions of the set cannot be read";
	ret = reserve_regions(space, group, why);
	if (ret)
		return ret;
	down_write(&space->domain_rwsem);
	if (space->broken) {
		*why = "an earlier unmap failed; the space is unusable";
		ret = -EIO;
		goto unlock;
	}
	dom = join_unit(space, group, pdev);
	if (!dom)
		dom = attach_fresh(space, group, pdev, why);
	if (IS_ERR(dom)) {
		ret = PTR_ERR(dom);
		goto unlock;
	}
	update_common_locked(space);
	*domain = dom;
unlock:
	up_write(&space->domain_rwsem);
	return ret;
}

/**
 * dpath_space_detach - end a set's DMA in a space
 * @space: the space
 * @domain: from dpath_space_attach()
 * @group: the set
 * @pdev: one of its functions
 *
 * The maps of the space stay, also when its last domain goes: the next set that is attached gets them.
 *
 * Context: process context, set->lock held; takes domain_rwsem for WRITE.
 * Return: false if the IOMMU driver kept the domain. It is leaked; the set must not be used again before a reboot.
 */
bool dpath_space_detach(struct dpath_space *space, struct dpath_domain *domain, struct iommu_group *group, struct pci_dev *pdev)
{
	bool ok, unused;

	down_write(&space->domain_rwsem);
	ok = dpath_domain_detach(domain, group, pdev);
	/* A stuck one stays in the list, so that what is unmapped goes out of it too. */
	unused = !domain->nr_groups && !domain->stuck;
	if (unused) {
		list_del(&domain->node);
		update_common_locked(space);
	}
	up_write(&space->domain_rwsem);
	/* Its tables can be large. */
	if (unused)
		dpath_domain_free(domain);
	return ok;
}
