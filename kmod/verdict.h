/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_VERDICT_H
#define DPATH_VERDICT_H

/*
 * Everything that speaks against claiming a function, collected at once, each with its culprit and a way out. Works on any PCI function,
 * claimed or not, without touching its driver; reads config space and lists only. Never takes device_lock.
 */

#include <linux/pci.h>
#include <linux/types.h>
#include <uapi/linux/directpath_nl.h>

#define DPATH_REASONS_MAX 24

/**
 * struct dpath_reason - one fact
 * @code: which
 * @blocking: the claim is refused while it stands (a fact that only lowers the grade is not)
 * @forceable: dev-claim may list it in `force`
 * @culprit: text for a person that names the device, driver, interface or bridge
 * @fix: what leads out
 */
struct dpath_reason {
	enum directpath_reason code;
	bool blocking;
	bool forceable;
	char culprit[96];
	char fix[96];
};

/**
 * struct dpath_verdict - the verdict of one function
 * @verdict: ok, ok-set, risky, blocked
 * @grade: A to D; none if blocked for what no claim can change
 * @nr: reasons
 * @reasons: all of them
 */
struct dpath_verdict {
	enum directpath_verdict verdict;
	enum directpath_grade grade;
	unsigned int nr;
	struct dpath_reason reasons[DPATH_REASONS_MAX];
};

/**
 * struct dpath_verdict_opts - what the admin has said
 * @unsafe_interrupts: host setting
 * @consent_none: `reset none` was set for the function
 */
struct dpath_verdict_opts {
	bool unsafe_interrupts;
	bool consent_none;
};

/* Fill @verdict. GFP_KERNEL, may sleep, bounded. */
void dpath_verdict_collect(struct pci_dev *pdev, const struct dpath_verdict_opts *opts, struct dpath_verdict *verdict);
/*
 * What makes it wrong to take the function from its host driver right now (netdev up, block device open, VFs enabled, boot display, driver
 * without unbind): appended to @verdict as blocking and forceable reasons, culprit named.
 */
void dpath_verdict_in_use(struct pci_dev *pdev, struct dpath_verdict *verdict);
/* Append one reason (facts that others know: policy, quota) and judge again; a code that is there with the same culprit is only made stronger. */
__printf(6, 7)
void dpath_verdict_add(struct dpath_verdict *verdict, enum directpath_reason code, bool blocking, bool forceable,
		       const char *fix, const char *fmt, ...);
void dpath_verdict_judge(struct dpath_verdict *verdict);

/**
 * struct dpath_driver_facts - the driver of a function at one moment
 * @name: its name, empty if there is none
 * @pinned: it cannot be unbound by hand
 * @managed: it leaves DMA alone (ours, vfio-pci, pci-stub, pcieport)
 * @passive: with it, the function is a bridge that needs no claim
 */
struct dpath_driver_facts {
	char name[32];
	bool pinned;
	bool managed;
	bool passive;
};

void dpath_verdict_driver(struct pci_dev *pdev, struct dpath_driver_facts *facts);

/* Host facts for host-get; @pdev may be NULL: any function behind an IOMMU. */
bool dpath_verdict_intremap(struct pci_dev *pdev);
const char *dpath_verdict_iommu_driver(void);

#endif
