/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_NETLINK_FILL_H
#define DPATH_NETLINK_FILL_H

/*
 * Objects as netlink attributes. Get replies, dumps and events are built by the same functions; what an event leaves out is what cannot be had
 * under dpath_table_lock: everything that reads hardware or takes a lock. It is collected before, into facts, and an event has none.
 */

#include <linux/types.h>
#include <uapi/linux/directpath_nl.h>

#include "group.h"
#include "verdict.h"

struct dpath_device;
struct dpath_fault;
struct dpath_op;
struct dpath_vm;
struct pci_dev;
struct sk_buff;

/* Room for the longest message about one object: every reason with full texts, every member of the largest set. */
#define DPATH_FILL_MAX 16384u

/**
 * struct dpath_host_facts - what the hardware says about the host
 * @iommu: name of the IOMMU driver, or NULL
 * @intremap: interrupts are remapped
 * @posted: can interrupts be posted
 * @posted_source: what says so
 */
struct dpath_host_facts {
	const char *iommu;
	bool intremap;
	enum directpath_posted posted;
	const char *posted_source;
};

/**
 * struct dpath_dev_facts - what the hardware and the IOMMU layer say about a function
 * @verdict: every reason
 * @members: its isolation set
 * @methods: reset methods
 * @msix: MSI-X table size
 * @msi: most MSI vectors
 */
struct dpath_dev_facts {
	struct dpath_verdict verdict;
	struct dpath_members members;
	char methods[64];
	int msix;
	int msi;
};

/**
 * struct dpath_vm_facts - sums over the spaces of a VM
 * @areas: IOVA areas
 * @mapped: bytes mapped
 */
struct dpath_vm_facts {
	u64 areas;
	u64 mapped;
};

/* No lock may be held; may sleep. */
void dpath_facts_host(struct dpath_host_facts *facts);
struct dpath_dev_facts *dpath_facts_dev(struct pci_dev *pdev);
void dpath_facts_dev_free(struct dpath_dev_facts *facts);
int dpath_facts_vm(struct dpath_vm *vm, struct dpath_vm_facts *facts);

/* 0 or -EMSGSIZE. Those that are _locked: caller holds dpath_table_lock. */
int dpath_fill_host_locked(struct sk_buff *skb, const struct dpath_host_facts *facts);
/* @dev NULL: directpath does not know it yet. @facts NULL: an event. */
int dpath_fill_dev_locked(struct sk_buff *skb, struct pci_dev *pdev, const struct dpath_device *dev, const struct dpath_dev_facts *facts);
int dpath_fill_vm_locked(struct sk_buff *skb, const struct dpath_vm *vm, const struct dpath_vm_facts *facts);
int dpath_fill_op_locked(struct sk_buff *skb, const struct dpath_op *op);
int dpath_fill_fault_locked(struct sk_buff *skb, const struct dpath_device *dev, const struct dpath_fault *fault);
/* Sequence number: of the event, or of the last one. */
int dpath_fill_seq(struct sk_buff *skb, int attr, u64 seq, int pad);

#endif
