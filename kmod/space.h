/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_SPACE_H
#define DPATH_SPACE_H

/*
 * One IOVA space of a running VM: areas, their pages, and the IOMMU domains that translate them. See space.c for the locking.
 */

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "iova.h"
#include "pin.h"

struct dpath_bar_part;
struct dpath_domain;
struct dpath_vm;
struct iommu_group;
struct pci_dev;

/**
 * struct dpath_space - one IOVA space
 * @ref: fds and sets that use it
 * @vm: the VM, referenced
 * @node: in dpath_vm.spaces, under dpath_table_lock
 * @domain_rwsem: READ around each chunk's iommu_map/iommu_unmap, WRITE around attach, detach and replay. No GUP, accounting or user memory under it
 * @domains: struct dpath_domain, under @domain_rwsem
 * @iova_lock: protects @iova and area states; innermost
 * @iova: areas
 * @account: who is charged for pinned memory
 * @pgsizes: page sizes that every domain offers; written under @domain_rwsem, read at any time
 * @coherent: every domain enforces snooping, and there is one; written under @domain_rwsem, read at any time
 * @broken: an unmap left something mapped: the sets are blocked, nothing is mapped or attached any more; under @domain_rwsem
 * @on_broken: set by the layer above before the space is used, or NULL; called once, by whoever unmapped, with no lock of the space held but maybe
 *             some of the caller's: takes a reference and queues a work
 * @broken_work: for that layer
 */
struct dpath_space {
	struct kref ref;
	struct dpath_vm *vm;
	struct list_head node;
	struct rw_semaphore domain_rwsem; /* protects domains */
	struct list_head domains;
	struct mutex iova_lock; /* protects iova and the state of its areas */
	struct dpath_iova iova;
	struct dpath_account *account;
	u64 pgsizes;
	bool coherent;
	bool broken;
	void (*on_broken)(struct dpath_space *space);
	struct work_struct broken_work;
};

/**
 * struct dpath_space_info - for the doors
 * @pgsizes: page sizes that every domain of the space offers (4K if there is none yet)
 * @areas: IOVA areas
 * @mapped: bytes in them
 * @coherent: DMA is always cache coherent (snooping enforced)
 */
struct dpath_space_info {
	u64 pgsizes;
	u64 areas;
	u64 mapped;
	bool coherent;
};

/* New space for current->mm, which must be the mm that has @vm open. ERR_PTR on failure. */
struct dpath_space *dpath_space_new(struct dpath_vm *vm);
/* Also for what was found in dpath_vm.spaces under dpath_table_lock. */
void dpath_space_get(struct dpath_space *space);
/* Last reference: everything is unmapped and unpinned. Bounded; takes no mmap_lock. */
void dpath_space_put(struct dpath_space *space);

/*
 * Map @length bytes at @vaddr of the caller to @iova. @prot: IOMMU_READ|IOMMU_WRITE. Context: process of the mm that owns the space, killable.
 * Return: 0; -EINVAL, -EOVERFLOW, -ERANGE, -EPERM, -EEXIST (range), -EPERM (another mm), -ENOMEM (RLIMIT_MEMLOCK), -EDQUOT (quota of the VM),
 * -EFAULT (not mapped or not pinnable), -EINTR. @why, if not NULL, gets a static text.
 */
int dpath_space_map(struct dpath_space *space, unsigned long vaddr, u64 iova, u64 length, int prot, const char **why);
/* The same for a part of a BAR of one of the VM's functions; also -ENODEV: it was taken away. */
int dpath_space_map_bar(struct dpath_space *space, const struct dpath_bar_part *part, u64 iova, u64 length, int prot, const char **why);
/* Unmap every area in [iova, iova+length); if there is none, @unmapped is 0. -EINVAL if an area would be cut, -EBUSY if one is in flux. */
int dpath_space_unmap(struct dpath_space *space, u64 iova, u64 length, u64 *unmapped);
void dpath_space_unmap_all(struct dpath_space *space, u64 *unmapped);
void dpath_space_info(struct dpath_space *space, struct dpath_space_info *info);
/* Usable ranges, each {first, last}; returns how many there are. */
unsigned int dpath_space_ranges(struct dpath_space *space, u64 (*ranges)[2], unsigned int max);

/* Attach the set whose DMA is owned (blocked) and give it every map of the space; @domain is what it is attached to afterwards. */
int dpath_space_attach(struct dpath_space *space, struct iommu_group *group, struct pci_dev *pdev, struct dpath_domain **domain,
		       const char **why);
/* Back to blocked. False: the IOMMU driver kept the domain (it is leaked); the caller quarantines. */
bool dpath_space_detach(struct dpath_space *space, struct dpath_domain *domain, struct iommu_group *group, struct pci_dev *pdev);

int dpath_space_module_init(void);
void dpath_space_module_exit(void);

#endif
