// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a process held for DMA: who is charged for it, how it is pinned, how it is given back. The only user of GUP.
 *
 * Charging. An account stands for one mm: it holds mm_count, so the pointer stays comparable, but not mm_users, so a process that dies takes its
 * memory down whatever we do. mm->locked_vm is protected by mmap_lock for writing. A charge takes it (killable) in the context of the process. A
 * debit must not: a tenant can hold its own mmap_lock for as long as it likes (a page fault on a FUSE file that is never answered), and close, revoke
 * and unplug all debit. So debits are added up in account->debit, and a delayed work carries them to the mm with a trylock, again and again until it
 * succeeds or the mm has no users left. Invariant: mm->locked_vm holds what is charged plus account->debit. A charge may therefore be paid out of
 * pending debits; that keeps unmap-then-map of the same size within RLIMIT_MEMLOCK, also from one space to the next, and off mmap_lock.
 *
 * Pinning. pin_user_pages_fast() in batches that end at multiples of 32 MiB of the user address, so that no huge page is split between two map calls.
 * In hugetlb memory one pin holds a whole huge page (the folio cannot be split), which is noted in the extent; the VMA is looked at before, without
 * any lock during the pin itself, so the folio that was pinned is checked afterwards and only believed if it is such a page. Everything else is
 * pinned per 4K page, and runs of page frames are coalesced. What was pinned how is recorded, never guessed: unpinning looks only at the extents.
 * The zero page is taken and given back by GUP's own rules, which agree.
 *
 * Unpinning waits for nobody either. What a device may have written to is marked dirty under the folio lock, and a FUSE daemon can make the kernel
 * hold that lock for ever (6.1 pins file pages for writing; newer kernels refuse). So the lock of a file's folio is only tried, with a bounded
 * patience for each call, and a folio whose lock is not to be had stays clean. Anonymous and shmem memory, which must not be lost, is locked by the
 * kernel alone.
 *
 * Locks: accounts_lock for the list of accounts. Extents are serialised by their area's phase (iova.h).
 */

#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hugetlb.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "pin.h"

/* Batches end at multiples of what a full one covers. */
#define BATCH_BYTES (DPATH_PIN_BATCH << PAGE_SHIFT)
/* Huge pages taken by one call end here, so that a fatal signal and the domain's chunks come around. */
#define HUGE_BATCH_BYTES ((unsigned long)SZ_1G)
/* GUP says -EAGAIN when a page that it wants to migrate is busy. */
#define GUP_TRIES 8

/* What one round of unpinning looks at twice: struct pages that fit the L1 cache. */
#define UNPIN_BATCH 256UL
/* Waits for folio locks in one call of dpath_unpin(), 100 us each. */
#define LOCK_TRIES 100

#define DEBIT_DELAY msecs_to_jiffies(20)
#define DEBIT_DELAY_MAX msecs_to_jiffies(500)

/**
 * struct dpath_account - one charged mm
 * @ref: the spaces of the mm, and one while @work is queued
 * @node: in accounts
 * @mm: mm_count reference
 * @debit: pages charged to @mm that are no longer held
 * @work: carries @debit to @mm
 * @delay: jiffies until the next try; only @work uses it
 */
struct dpath_account {
	struct kref ref;
	struct list_head node;
	struct mm_struct *mm;
	atomic_long_t debit;
	struct delayed_work work;
	unsigned long delay;
};

static struct workqueue_struct *debit_wq;
/* All accounts, one for each mm: a debit that one space left pays for a charge of the next one. */
static LIST_HEAD(accounts);
static DEFINE_MUTEX(accounts_lock); /* protects accounts; innermost */
static DECLARE_WAIT_QUEUE_HEAD(accounts_gone);
/* Set at exit: no debit is tried twice. */
static bool stopping;

static void free_account(struct kref *ref)
{
	struct dpath_account *account = container_of(ref, struct dpath_account, ref);

	mutex_lock(&accounts_lock);
	list_del(&account->node);
	mutex_unlock(&accounts_lock);
	mmdrop(account->mm);
	kfree(account);
	wake_up(&accounts_gone);
}

static void queue_debit(struct dpath_account *account, unsigned long delay)
{
	kref_get(&account->ref);
	if (!queue_delayed_work(debit_wq, &account->work, delay))
		kref_put(&account->ref, free_account);
}

/* False: mmap_lock is taken; the debit is put back. */
static bool try_debit(struct dpath_account *account)
{
	long npages = atomic_long_xchg(&account->debit, 0);
	bool done;

	/* Without users there is nobody whose limit would matter. */
	if (!npages || !mmget_not_zero(account->mm))
		return true;
	/* The bare semaphore: no VMA is changed, and the wrapper for trying went away with its last user in the kernel. */
	done = down_write_trylock(&account->mm->mmap_lock);
	if (done) {
		__account_locked_vm(account->mm, npages, false, current, true);
		up_write(&account->mm->mmap_lock);
	} else {
		atomic_long_add(npages, &account->debit);
	}
	/* The last user would tear the whole mm down, our own files with it, in this work. */
	mmput_async(account->mm);
	return done;
}

static void run_debit(struct work_struct *work)
{
	struct dpath_account *account = container_of(to_delayed_work(work), struct dpath_account, work);

	if (try_debit(account)) {
		account->delay = DEBIT_DELAY;
	} else if (!READ_ONCE(stopping)) {
		account->delay = min(2 * account->delay, DEBIT_DELAY_MAX);
		queue_debit(account, account->delay);
	}
	kref_put(&account->ref, free_account);
}

static struct dpath_account *find_account_locked(struct mm_struct *mm)
{
	struct dpath_account *account;

	lockdep_assert_held(&accounts_lock);
	list_for_each_entry(account, &accounts, node) {
		if (account->mm == mm && kref_get_unless_zero(&account->ref))
			return account;
	}
	return NULL;
}

/**
 * dpath_account_new - charge what current's mm pins from now on
 *
 * Return: the account, to be given back with dpath_account_put(); ERR_PTR(-EINVAL) for a kernel thread, ERR_PTR(-ENOMEM).
 */
struct dpath_account *dpath_account_new(void)
{
	struct dpath_account *account, *fresh;

	if (!current->mm)
		return ERR_PTR(-EINVAL);
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	kref_init(&fresh->ref);
	atomic_long_set(&fresh->debit, 0);
	INIT_DELAYED_WORK(&fresh->work, run_debit);
	fresh->delay = DEBIT_DELAY;
	fresh->mm = current->mm;

	mutex_lock(&accounts_lock);
	account = find_account_locked(current->mm);
	if (!account) {
		mmgrab(fresh->mm);
		list_add(&fresh->node, &accounts);
		swap(account, fresh);
	}
	mutex_unlock(&accounts_lock);
	kfree(fresh);
	return account;
}

void dpath_account_put(struct dpath_account *account)
{
	kref_put(&account->ref, free_account);
}

struct mm_struct *dpath_account_mm(struct dpath_account *account)
{
	return account->mm;
}

/* Take @npages out of the pending debits, all of them or none. */
static bool pay_from_debit(struct dpath_account *account, long npages)
{
	long debit = atomic_long_read(&account->debit);

	while (debit >= npages) {
		if (atomic_long_try_cmpxchg(&account->debit, &debit, debit - npages))
			return true;
	}
	return false;
}

/**
 * dpath_account_charge - charge pages before they are pinned
 * @account: an account of current's mm
 * @npages: pages
 *
 * Context: process context of the account's mm, without any lock; sleeps for mmap_lock, killable.
 * Return: 0; -ENOMEM: over RLIMIT_MEMLOCK, and no CAP_IPC_LOCK; -EINTR: killed.
 */
int dpath_account_charge(struct dpath_account *account, unsigned long npages)
{
	struct mm_struct *mm = account->mm;
	bool bypass = capable(CAP_IPC_LOCK);
	long debit;
	int ret;

	might_lock(&mm->mmap_lock);
	if (npages > LONG_MAX)
		return -ENOMEM;
	if (pay_from_debit(account, npages))
		return 0;
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	debit = atomic_long_xchg(&account->debit, 0);
	if (debit)
		__account_locked_vm(mm, debit, false, current, true);
	ret = __account_locked_vm(mm, npages, true, current, bypass);
	mmap_write_unlock(mm);
	return ret;
}

/**
 * dpath_account_uncharge - give back a charge
 * @account: the account
 * @npages: pages that are no longer held
 *
 * Context: any process context; takes no lock. The account may be put right afterwards.
 */
void dpath_account_uncharge(struct dpath_account *account, unsigned long npages)
{
	if (!npages)
		return;
	/* Where there was a debit, its work has yet to come. */
	if (atomic_long_add_return(npages, &account->debit) == npages)
		queue_debit(account, DEBIT_DELAY);
}

/**
 * dpath_pinner_init - get ready to pin
 * @pinner: storage on the caller's stack
 * @npages: pages that the whole map will pin
 *
 * Return: 0 or -ENOMEM.
 */
int dpath_pinner_init(struct dpath_pinner *pinner, unsigned long npages)
{
	pinner->max = DPATH_PIN_SMALL;
	pinner->pages = pinner->small;
	if (npages <= DPATH_PIN_SMALL)
		return 0;
	pinner->max = min(npages, DPATH_PIN_BATCH);
	pinner->pages = kvmalloc_array(pinner->max, sizeof(*pinner->pages), GFP_KERNEL_ACCOUNT);
	return pinner->pages ? 0 : -ENOMEM;
}

void dpath_pinner_destroy(struct dpath_pinner *pinner)
{
	if (pinner->pages != pinner->small)
		kvfree(pinner->pages);
}

static long try_pages(unsigned long vaddr, unsigned long npages, unsigned int flags, struct page **pages)
{
	unsigned int tries = GUP_TRIES;
	int ret;

	do {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = pin_user_pages_fast(vaddr, npages, flags, pages);
	} while (ret == -EAGAIN && --tries);

	if (ret > 0 || ret == -ENOMEM || ret == -EINTR)
		return ret;
	return -EFAULT;
}

/*
 * Pages pinned, at least one; or -EFAULT, -ENOMEM, -EINTR. A device that only reads must see what the process writes later: GUP has to break COW (the
 * zero page, a page shared with a child) before it pins. Where it does not do so by itself, it is told to write; memory that is shared and read-only
 * refuses that, and needs no breaking.
 */
static long get_pages(unsigned long vaddr, unsigned long npages, bool writable, struct page **pages)
{
	long ret = -EFAULT;

	if (writable)
		return try_pages(vaddr, npages, FOLL_LONGTERM | FOLL_WRITE, pages);
	if (DPATH_GUP_KEEPS_COW)
		ret = try_pages(vaddr, npages, FOLL_LONGTERM | FOLL_WRITE | FOLL_FORCE, pages);
	return ret == -EFAULT ? try_pages(vaddr, npages, FOLL_LONGTERM, pages) : ret;
}

/* Pages from @pages[@from] on that are consecutive page frames. Contiguous virtual addresses prove nothing: each page is compared. */
static unsigned long run_length(struct page **pages, unsigned long from, unsigned long npages)
{
	unsigned long pfn = page_to_pfn(pages[from]);
	unsigned long i;

	for (i = from + 1; i < npages && page_to_pfn(pages[i]) == pfn + (i - from); i++)
		;
	return i - from;
}

static long pin_pages(struct dpath_pinner *pinner, unsigned long vaddr, unsigned long npages, bool writable, struct dpath_extents *extents)
{
	unsigned long done = 0, run;
	long ret, nr;

	nr = get_pages(vaddr, npages, writable, pinner->pages);
	if (nr < 0)
		return nr;
	while (done < nr) {
		run = run_length(pinner->pages, done, nr);
		ret = dpath_extents_add(extents, page_to_pfn(pinner->pages[done]), run, DPATH_PIN_PAGE);
		if (ret) {
			unpin_user_pages(pinner->pages + done, nr - done);
			return done ? done : ret;
		}
		done += run;
	}
	return nr;
}

static bool is_huge_page(struct page *page, unsigned long size)
{
	struct folio *folio = page_folio(page);

	return folio_test_hugetlb(folio) && folio_size(folio) == size && folio_page(folio, 0) == page;
}

/*
 * Pin the hugetlb pages of @size bytes in [@vaddr, @vaddr + @bytes), one pin each. Returns the pages (4K) pinned; 0 if the first one is none such
 * after all (the VMA was replaced since we looked); or -errno.
 */
static long pin_huge(unsigned long vaddr, unsigned long bytes, unsigned long size, bool writable, struct dpath_extents *extents)
{
	enum dpath_pin pin = size == SZ_1G ? DPATH_PIN_PUD : DPATH_PIN_PMD;
	unsigned long done = 0;
	struct page *page;
	long ret = 0;

	for (; done < bytes; done += size) {
		ret = get_pages(vaddr + done, 1, writable, &page);
		if (ret < 0)
			break;
		ret = 0;
		if (!is_huge_page(page, size))
			goto unpin;
		ret = dpath_extents_add(extents, page_to_pfn(page), size >> PAGE_SHIFT, pin);
		if (ret)
			goto unpin;
	}
	return done ? done >> PAGE_SHIFT : ret;

unpin:
	unpin_user_page(page);
	return done ? done >> PAGE_SHIFT : ret;
}

/* Is @vaddr in hugetlb memory? Sets the page size (0: no, or one we do not know) and the end of the VMA. Returns 0 or -EINTR. */
static int find_hugetlb(unsigned long vaddr, unsigned long *size, unsigned long *end)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;

	*size = 0;
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, vaddr);
	if (vma && is_vm_hugetlb_page(vma)) {
		*size = vma_kernel_pagesize(vma);
		*end = vma->vm_end;
	}
	mmap_read_unlock(mm);
	if (*size != SZ_2M && *size != SZ_1G)
		*size = 0;
	return 0;
}

static unsigned long bytes_to_boundary(unsigned long vaddr, unsigned long boundary)
{
	return boundary - (vaddr & (boundary - 1));
}

/**
 * dpath_pin - pin the next pages of a map
 * @pinner: scratch
 * @vaddr: user address, page aligned; the range is below TASK_SIZE
 * @npages: pages wanted, at least one
 * @writable: the device may write to them
 * @extents: the pages pinned are appended here
 *
 * Context: process context of the mm, without any lock; takes mmap_lock for reading (killable) and may sleep for page faults.
 * Return: pages pinned (at least one; the caller asks again for the rest); -EFAULT: not mapped, not writable or not memory; -ENOMEM; -EINTR: killed.
 */
long dpath_pin(struct dpath_pinner *pinner, unsigned long vaddr, unsigned long npages, bool writable, struct dpath_extents *extents)
{
	unsigned long bytes = min(npages << PAGE_SHIFT, bytes_to_boundary(vaddr, BATCH_BYTES));
	unsigned long size, end, huge;
	long ret;

	/* GUP takes it only where a page is not there yet. */
	might_lock_read(&current->mm->mmap_lock);
	if (npages >= SZ_2M >> PAGE_SHIFT) {
		ret = find_hugetlb(vaddr, &size, &end);
		if (ret)
			return ret;
		if (size && !IS_ALIGNED(vaddr, size)) {
			bytes = min(bytes, bytes_to_boundary(vaddr, size));
		} else if (size) {
			huge = min3(npages << PAGE_SHIFT, bytes_to_boundary(vaddr, HUGE_BATCH_BYTES), end - vaddr);
			ret = pin_huge(vaddr, ALIGN_DOWN(huge, size), size, writable, extents);
			if (ret)
				return ret;
		}
	}
	return pin_pages(pinner, vaddr, min(bytes >> PAGE_SHIFT, pinner->max), writable, extents);
}

/**
 * dpath_pin_explain - why a page could not be pinned
 * @vaddr: the address that dpath_pin() refused
 * @writable: as it was asked
 *
 * Context: as dpath_pin(). A second look, so it may be wrong if the process changes its maps meanwhile; for people only.
 * Return: a static text.
 */
const char *dpath_pin_explain(unsigned long vaddr, bool writable)
{
	const char *why = "memory cannot be pinned (file system, secret or broken memory)";
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;

	if (mmap_read_lock_killable(mm))
		return why;
	vma = vma_lookup(mm, vaddr);
	if (!vma)
		why = "no memory at that address";
	else if (vma->vm_flags & (VM_IO | VM_PFNMAP))
		why = "device memory is not mapped for DMA";
	else if (writable && !(vma->vm_flags & VM_WRITE))
		why = "memory is not writable";
	else if (!(vma->vm_flags & VM_READ))
		why = "memory is not readable";
	mmap_read_unlock(mm);
	return why;
}

/**
 * struct unpinner - state of one dpath_unpin() call
 * @dirty: the device may have written
 * @patience: how often more to wait for a folio lock
 */
struct unpinner {
	bool dirty;
	unsigned int patience;
};

/* The lock of a folio that belongs to a file system is not waited for longer than our patience lasts. */
static bool lock_folio(struct unpinner *unpinner, struct folio *folio)
{
	if (folio_test_swapbacked(folio)) {
		folio_lock(folio);
		return true;
	}
	while (!folio_trylock(folio)) {
		if (!unpinner->patience)
			return false;
		unpinner->patience--;
		usleep_range(50, 100);
	}
	return true;
}

static void mark_dirty(struct unpinner *unpinner, struct folio *folio)
{
	if (folio_test_dirty(folio) || !lock_folio(unpinner, folio))
		return;
	folio_mark_dirty(folio);
	folio_unlock(folio);
}

static void mark_range_dirty(struct unpinner *unpinner, unsigned long pfn, unsigned long npages)
{
	unsigned long end = pfn + npages;
	struct folio *folio;

	for (; pfn < end; pfn = folio_pfn(folio) + folio_nr_pages(folio)) {
		folio = page_folio(pfn_to_page(pfn));
		mark_dirty(unpinner, folio);
	}
}

static void unpin_pages(struct unpinner *unpinner, unsigned long pfn, unsigned long npages)
{
	unsigned long step;

	for (; npages; pfn += step, npages -= step) {
		step = min(npages, UNPIN_BATCH);
		if (unpinner->dirty)
			mark_range_dirty(unpinner, pfn, step);
		unpin_user_page_range_dirty_lock(pfn_to_page(pfn), step, false);
		cond_resched();
	}
}

/* Those of the huge pages of @size bytes that are wholly in the run. Hugetlb pages are never written back, so dirt means nothing to them. */
static unsigned long unpin_huge(const struct dpath_extent *run, unsigned long size)
{
	unsigned long step = size >> PAGE_SHIFT;
	unsigned long pfn = ALIGN(run->pfn, step);
	unsigned long end = ALIGN_DOWN(run->pfn + run->npages, step);
	unsigned long done = 0;

	for (; pfn < end; pfn += step, done += step) {
		unpin_user_page(pfn_to_page(pfn));
		cond_resched();
	}
	return done;
}

/**
 * dpath_unpin - give pages back
 * @extents: pages of one area
 * @first: offset of the first page to unpin
 * @npages: how many
 * @dirty: the device may have written to them
 *
 * Context: process context, no lock of ours held; bounded, whatever the tenant does. Nothing is taken out of @extents: each page is unpinned once.
 * Return: pages given back; less than @npages if a huge page lies partly outside the range.
 */
unsigned long dpath_unpin(const struct dpath_extents *extents, unsigned long first, unsigned long npages, bool dirty)
{
	struct unpinner unpinner = { .dirty = dirty, .patience = LOCK_TRIES };
	struct dpath_extent_iter iter;
	struct dpath_extent run;
	unsigned long done = 0;

	dpath_extents_seek(&iter, extents, first);
	for (; dpath_extents_next(&iter, npages, &run); npages -= run.npages) {
		switch (run.pin) {
		case DPATH_PIN_PAGE:
			unpin_pages(&unpinner, run.pfn, run.npages);
			done += run.npages;
			break;
		case DPATH_PIN_PMD:
			done += unpin_huge(&run, SZ_2M);
			break;
		case DPATH_PIN_PUD:
			done += unpin_huge(&run, SZ_1G);
			break;
		case DPATH_PIN_NONE:
			break;
		}
	}
	return done;
}

int dpath_pin_module_init(void)
{
	debit_wq = alloc_workqueue("dpath_debit", WQ_UNBOUND, 0);
	return debit_wq ? 0 : -ENOMEM;
}

/**
 * dpath_pin_module_exit - wait for the last debits
 *
 * A debit whose mmap_lock is held by a stuck process is given up: its locked_vm stays too high, which only that process can notice.
 *
 * Context: module exit; all accounts have been put, only works hold them. Takes at most DEBIT_DELAY_MAX.
 */
void dpath_pin_module_exit(void)
{
	WRITE_ONCE(stopping, true);
	wait_event(accounts_gone, list_empty(&accounts));
	destroy_workqueue(debit_wq);
}
