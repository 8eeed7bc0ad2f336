// SPDX-License-Identifier: GPL-2.0
/*
 * One iommu_domain of a space. With group.c the only file that talks to the IOMMU layer.
 *
 * The order of its life is the same on every kernel and driver: allocate, attach the first set, enforce snooping, read page sizes and aperture, map.
 * VT-d knows only 4K pages and a wider aperture before something is attached, and refuses to enforce snooping once something is mapped.
 *
 * Domains are shared between sets of one IOMMU unit. Between units only if a fresh domain of each shows the same page sizes, aperture and snooping:
 * VT-d does not check again on a second attachment whether the unit can walk the tables it is given (levels of superpages, snooped walks). Whether
 * walks are snooped cannot be seen by a module; units of integrated graphics are those that do not, so their domains are not shared at all.
 *
 * The depth of AMD's tables grows on demand, and on 6.1 a mapper that runs meanwhile can write an entry of the wrong level. So the highest address is
 * touched once, before anybody else can map.
 *
 * dom->members lists the attached sets, so that a domain which can no longer be trusted can be taken from all of them.
 *
 * Locks: none here. The space holds domain_rwsem for WRITE around everything but map and unmap, for READ around these two; concurrent maps and unmaps
 * are of disjoint ranges, which is all that the drivers ask for while attachments stand still.
 */

#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/pgtable.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "domain.h"
#include "inject.h"

/* Runs given to one iommu_map_sg(): a batch of fully fragmented 4K pages. Few of them are kept on the stack. */
#define SG_MAX 8192UL
#define SG_SMALL 8UL

/* No bus address of x86 is wider, and each further level of a table makes every walk longer. */
#define DEEP_LAST ((1ULL << 52) - 1)

/**
 * struct member - one attached set
 * @list: in dpath_domain.members
 * @group: the set; its owner keeps it referenced until it has detached it
 * @pdev: one of its functions
 * @blocked: already detached by dpath_domain_block()
 */
struct member {
	struct list_head list;
	struct iommu_group *group;
	struct pci_dev *pdev;
	bool blocked;
};

static void *unit_of(struct pci_dev *pdev)
{
	return pdev->dev.iommu ? pdev->dev.iommu->iommu_dev : NULL;
}

static bool still_attached(const struct dpath_domain *dom, struct pci_dev *pdev)
{
	return iommu_get_domain_for_dev(&pdev->dev) == dom->domain;
}

static void detach_group(struct dpath_domain *dom, struct iommu_group *group)
{
	unsigned int nth = dpath_inject_mask();

	iommu_detach_group(dom->domain, group);
	dpath_inject_unmask(nth);
}

static int attach_member(struct dpath_domain *dom, struct iommu_group *group, struct pci_dev *pdev)
{
	struct member *member;
	int ret;

	member = kzalloc(sizeof(*member), GFP_KERNEL_ACCOUNT);
	if (!member)
		return -ENOMEM;
	member->group = group;
	member->pdev = pdev;
	ret = iommu_attach_group(dom->domain, group);
	if (ret) {
		kfree(member);
		return ret;
	}
	list_add_tail(&member->list, &dom->members);
	dom->nr_groups++;
	return 0;
}

static void read_properties(struct dpath_domain *dom, struct pci_dev *pdev)
{
	const struct iommu_domain *domain = dom->domain;

	dom->pgsizes = domain->pgsize_bitmap;
	dom->first = domain->geometry.aperture_start;
	dom->last = domain->geometry.aperture_end;
	dom->iommu = unit_of(pdev);
	dom->unshared = pdev->class >> 16 == PCI_BASE_CLASS_DISPLAY && pci_is_root_bus(pdev->bus);
}

/*
 * Make the tables as deep as they will ever be. Only AMD's first format grows; it is the one that has leaves of any power of two. The page is not
 * secret and mapped for reading only.
 */
static int fix_depth(struct dpath_domain *dom)
{
	u64 iova;
	int ret;

	if (!(dom->pgsizes & SZ_8K))
		return 0;
	dom->last = min(dom->last, DEEP_LAST);
	iova = dom->last & PAGE_MASK;
	ret = iommu_map(dom->domain, iova, page_to_phys(ZERO_PAGE(0)), PAGE_SIZE, IOMMU_READ | IOMMU_CACHE, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	return iommu_unmap(dom->domain, iova, PAGE_SIZE) == PAGE_SIZE ? 0 : -EIO;
}

/**
 * dpath_domain_new - a fresh domain for a set
 * @group: the set; its DMA is owned by us and blocked
 * @pdev: one of its functions
 * @handler: called by IOMMU drivers that report refused DMA, in any context
 *
 * Context: process context, domain_rwsem held for WRITE.
 * Return: the domain, attached to @group and empty; or ERR_PTR, with @group as it was.
 */
struct dpath_domain *dpath_domain_new(struct iommu_group *group, struct pci_dev *pdev, iommu_fault_handler_t handler)
{
	const struct iommu_domain_ops *ops;
	struct dpath_domain *dom;
	int ret;

	dom = kzalloc(sizeof(*dom), GFP_KERNEL_ACCOUNT);
	if (!dom)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&dom->members);
	dom->domain = iommu_paging_domain_alloc(&pdev->dev);
	if (IS_ERR(dom->domain)) {
		ret = PTR_ERR(dom->domain);
		goto err_free_dom;
	}
	iommu_set_fault_handler(dom->domain, handler, NULL);
	ret = attach_member(dom, group, pdev);
	if (ret)
		goto err_free_domain;

	ops = dom->domain->ops;
	dom->coherent = ops->enforce_cache_coherency && ops->enforce_cache_coherency(dom->domain);
	read_properties(dom, pdev);
	ret = -EIO;
	if (!dom->pgsizes || dom->first > dom->last)
		goto err_detach;
	ret = fix_depth(dom);
	if (ret)
		goto err_detach;
	return dom;

err_detach:
	dpath_domain_detach(dom, group, pdev);
	dpath_domain_free(dom);
	return ERR_PTR(ret);

err_free_domain:
	iommu_domain_free(dom->domain);
err_free_dom:
	kfree(dom);
	return ERR_PTR(ret);
}

/**
 * dpath_domain_free - free a domain and its tables
 * @dom: no longer in its space's list. What is still mapped goes with the tables, unless it is stuck: then everything has been unmapped before,
 *       as far as that was possible
 *
 * Context: process context; domain_rwsem need not be held.
 */
void dpath_domain_free(struct dpath_domain *dom)
{
	struct member *member, *tmp;

	list_for_each_entry_safe(member, tmp, &dom->members, list) {
		list_del(&member->list);
		kfree(member);
		/* A set that nobody has detached: the IOMMU layer would keep a pointer to freed memory. */
		dom->stuck = true;
	}
	/* What the IOMMU layer keeps may outlive this module. iommu_set_fault_handler() of newer kernels can be called once only, and warns. */
	if (dom->stuck)
		WRITE_ONCE(dom->domain->handler, NULL);
	else
		iommu_domain_free(dom->domain);
	kfree(dom);
}

/**
 * dpath_domain_attach - let one more set use a domain
 * @dom: the domain
 * @group: the set, blocked
 * @pdev: one of its functions
 *
 * Context: process context, domain_rwsem held for WRITE.
 * Return: 0; any error means that the set needs a domain of its own.
 */
int dpath_domain_attach(struct dpath_domain *dom, struct iommu_group *group, struct pci_dev *pdev)
{
	const struct iommu_domain *domain = dom->domain;
	int ret;

	ret = attach_member(dom, group, pdev);
	if (ret)
		return ret;
	/* What is mapped already cannot become smaller pages or move into a smaller aperture. */
	if (domain->pgsize_bitmap == dom->pgsizes && domain->geometry.aperture_start <= dom->first && domain->geometry.aperture_end >= dom->last)
		return 0;
	dpath_domain_detach(dom, group, pdev);
	return -EINVAL;
}

static struct member *find_member(struct dpath_domain *dom, struct iommu_group *group)
{
	struct member *member;

	list_for_each_entry(member, &dom->members, list) {
		if (member->group == group)
			return member;
	}
	return NULL;
}

/**
 * dpath_domain_detach - take a set from a domain, back to blocked
 * @dom: the domain
 * @group: the set
 * @pdev: one of its functions, or what is left of it after a surprise removal
 *
 * On 6.1 the driver blocks the device first and then attaches an empty domain, which can fail; the IOMMU layer only warns and goes on pointing to our
 * domain, which a function hot-added to the set would then get.
 *
 * Context: process context, domain_rwsem held for WRITE.
 * Return: false if the IOMMU layer still has the domain; it is never freed then, and the caller must not hand the set out again.
 */
bool dpath_domain_detach(struct dpath_domain *dom, struct iommu_group *group, struct pci_dev *pdev)
{
	struct member *member = find_member(dom, group);

	if (!member)
		return !still_attached(dom, pdev);
	if (!member->blocked)
		detach_group(dom, group);
	list_del(&member->list);
	kfree(member);
	dom->nr_groups--;
	if (!still_attached(dom, pdev))
		return true;
	dom->stuck = true;
	return false;
}

void dpath_domain_block(struct dpath_domain *dom)
{
	struct member *member;

	dom->stuck = true;
	list_for_each_entry(member, &dom->members, list) {
		if (!member->blocked)
			detach_group(dom, member->group);
		member->blocked = true;
	}
}

bool dpath_domain_compatible(const struct dpath_domain *dom, struct pci_dev *pdev)
{
	return !dom->stuck && dom->iommu && dom->iommu == unit_of(pdev);
}

bool dpath_domain_alike(const struct dpath_domain *dom, const struct dpath_domain *fresh)
{
	if (dom->stuck || dom->unshared || fresh->unshared || dom->domain->ops != fresh->domain->ops)
		return false;
	return dom->pgsizes == fresh->pgsizes && dom->first == fresh->first && dom->last == fresh->last && dom->coherent == fresh->coherent;
}

/**
 * struct batch - physical runs on their way to iommu_map_sg()
 * @sg: array
 * @max: entries in it
 * @nr: entries used
 * @iova: where the first one goes
 * @bytes: in the entries used
 * @small: where @sg points to if there are few
 */
struct batch {
	struct scatterlist *sg;
	unsigned long max;
	unsigned long nr;
	u64 iova;
	u64 bytes;
	struct scatterlist small[SG_SMALL];
};

static unsigned long count_runs(struct dpath_extent_iter iter, unsigned long npages)
{
	struct dpath_extent run;
	unsigned long nr = 0;

	for (; nr < SG_MAX && dpath_extents_next(&iter, npages, &run); npages -= run.npages)
		nr++;
	return nr;
}

/* Cannot fail: with the small array the same is done in more steps. */
static void init_batch(struct batch *batch, u64 iova, unsigned long nr_runs)
{
	batch->sg = NULL;
	batch->max = nr_runs;
	batch->nr = 0;
	batch->iova = iova;
	batch->bytes = 0;
	if (nr_runs > SG_SMALL)
		batch->sg = kvmalloc_array(nr_runs, sizeof(*batch->sg), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!batch->sg) {
		batch->sg = batch->small;
		batch->max = SG_SMALL;
	}
	sg_init_table(batch->sg, batch->max);
}

static void destroy_batch(struct batch *batch)
{
	if (batch->sg != batch->small)
		kvfree(batch->sg);
}

/* Map what is in the batch; on failure nothing of it is mapped. */
static int flush_batch(struct dpath_domain *dom, struct batch *batch, int prot)
{
	ssize_t mapped;

	if (!batch->nr)
		return 0;
	mapped = iommu_map_sg(dom->domain, batch->iova, batch->sg, batch->nr, prot, GFP_KERNEL_ACCOUNT);
	if (mapped < 0)
		return mapped;
	if (mapped != batch->bytes) {
		dpath_domain_unmap(dom, batch->iova, mapped);
		return -EIO;
	}
	batch->iova += batch->bytes;
	batch->bytes = 0;
	batch->nr = 0;
	return 0;
}

static int add_run(struct dpath_domain *dom, struct batch *batch, const struct dpath_extent *run, int prot)
{
	u64 bytes = (u64)run->npages << PAGE_SHIFT;
	int ret;

	if (run->pin == DPATH_PIN_NONE || batch->nr == batch->max) {
		ret = flush_batch(dom, batch, prot);
		if (ret)
			return ret;
	}
	/* A BAR has no struct page that a scatterlist could name. */
	if (run->pin == DPATH_PIN_NONE) {
		ret = iommu_map(dom->domain, batch->iova, PFN_PHYS(run->pfn), bytes, prot, GFP_KERNEL_ACCOUNT);
		if (!ret)
			batch->iova += bytes;
		return ret;
	}
	sg_set_page(&batch->sg[batch->nr], pfn_to_page(run->pfn), bytes, 0);
	batch->nr++;
	batch->bytes += bytes;
	return 0;
}

/**
 * dpath_domain_map - map pages of an area
 * @dom: the domain
 * @iova: where the first page goes
 * @at: the first page among those of its area; not moved, so that it serves every domain of a space
 * @npages: how many, all present already; within one DPATH_CHUNK of IOVA
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_MMIO; IOMMU_CACHE is added for memory, as VFIO does whether snooping is enforced or not
 *
 * Context: process context, domain_rwsem held.
 * Return: 0 or -errno; after an error nothing of the range is mapped.
 */
int dpath_domain_map(struct dpath_domain *dom, u64 iova, const struct dpath_extent_iter *at, unsigned long npages, int prot)
{
	struct dpath_extent_iter iter = *at;
	struct dpath_extent run;
	struct batch batch;
	int ret = 0;

	if (!(prot & IOMMU_MMIO))
		prot |= IOMMU_CACHE;
	init_batch(&batch, iova, count_runs(iter, npages));
	for (; !ret && dpath_extents_next(&iter, npages, &run); npages -= run.npages)
		ret = add_run(dom, &batch, &run, prot);
	if (!ret)
		ret = flush_batch(dom, &batch, prot);
	if (ret && batch.iova != iova)
		dpath_domain_unmap(dom, iova, batch.iova - iova);
	destroy_batch(&batch);
	return ret;
}

/**
 * dpath_domain_unmap - unmap a range that was mapped by whole calls of dpath_domain_map()
 * @dom: the domain
 * @iova: first byte
 * @length: bytes
 *
 * The drivers do not reschedule inside a call, hence the chunks. A driver that stops short is asked once more for the rest.
 *
 * Context: process context, domain_rwsem held.
 * Return: bytes unmapped from the start of the range; less than @length means that the rest may still be translated.
 */
u64 dpath_domain_unmap(struct dpath_domain *dom, u64 iova, u64 length)
{
	u64 done = 0, step, part;

	while (done < length) {
		step = min(length - done, DPATH_CHUNK - ((iova + done) & (DPATH_CHUNK - 1)));
		part = iommu_unmap(dom->domain, iova + done, step);
		if (part < step)
			part += iommu_unmap(dom->domain, iova + done + part, step - part);
		done += min(part, step);
		if (part < step) {
			WRITE_ONCE(dom->leaky, true);
			break;
		}
		cond_resched();
	}
	return done;
}
