/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_PIN_H
#define DPATH_PIN_H

/*
 * Pages of a process held for DMA: pinning into extents, unpinning by extent, and charging the mm once a map. The only user of GUP.
 */

#include <linux/types.h>

#include "extent.h"

struct dpath_account;
struct mm_struct;

/* Pages one pin call may ask for: GUP-fast runs with interrupts off. */
#define DPATH_PIN_BATCH 8192UL

/* Who is charged: current's mm. ERR_PTR on failure. */
struct dpath_account *dpath_account_new(void);
/* What was uncharged before is still given back, in the background. */
void dpath_account_put(struct dpath_account *account);
/* For comparing with current->mm only: the address space may be dead. */
struct mm_struct *dpath_account_mm(struct dpath_account *account);
/* -ENOMEM over RLIMIT_MEMLOCK (unless CAP_IPC_LOCK), -EINTR. May sleep for mmap_lock, killable. */
int dpath_account_charge(struct dpath_account *account, unsigned long npages);
/* Never sleeps for mmap_lock: the debit is done by a work. */
void dpath_account_uncharge(struct dpath_account *account, unsigned long npages);

struct page;

/* Maps up to this size need no allocation for their batches. */
#define DPATH_PIN_SMALL 16

/**
 * struct dpath_pinner - scratch of one map call, on its stack
 * @pages: array for one batch
 * @max: entries in it
 * @small: where @pages points to for a small map
 */
struct dpath_pinner {
	struct page **pages;
	unsigned long max;
	struct page *small[DPATH_PIN_SMALL];
};

int dpath_pinner_init(struct dpath_pinner *pinner, unsigned long npages);
void dpath_pinner_destroy(struct dpath_pinner *pinner);
/*
 * Pin up to @npages pages at @vaddr of current's mm and append them to @extents. Returns the number of pages (> 0, maybe fewer than asked, and for
 * huge pages far more than a batch of small ones) or -EFAULT, -ENOMEM, -EINTR.
 */
long dpath_pin(struct dpath_pinner *pinner, unsigned long vaddr, unsigned long npages, bool writable, struct dpath_extents *extents);
/* Why dpath_pin() said -EFAULT about @vaddr, for the caller's text. */
const char *dpath_pin_explain(unsigned long vaddr, bool writable);
/*
 * Unpin @npages pages from page @first of the extents; @dirty if the device could write. A huge page held by one pin is only given back as a whole:
 * one that lies partly outside the range stays pinned. Returns the pages given back.
 */
unsigned long dpath_unpin(const struct dpath_extents *extents, unsigned long first, unsigned long npages, bool dirty);

int dpath_pin_module_init(void);
/* Waits for the debits that are under way, bounded. All accounts have been put. */
void dpath_pin_module_exit(void);

#endif
