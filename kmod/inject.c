// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on request: see inject.h. A test reads /sys/module/directpath/parameters/injected to know whether one came that the task which asked for
 * it cannot see: in a work, or a silent one.
 */

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <trace/events/kmem.h>

#include "inject.h"

/* From a failed allocation to the caller of xa_store(), in functions. */
#define DIRECT_DEPTH 8U

static atomic_t injected = ATOMIC_INIT(0);
static atomic_t injecting = ATOMIC_INIT(0);

static int get_count(char *buf, const struct kernel_param *kp)
{
	return scnprintf(buf, PAGE_SIZE, "%d\n", atomic_read(kp->arg));
}

static const struct kernel_param_ops count_ops = {
	.get = get_count,
};

module_param_cb(injected, &count_ops, &injected, 0444);
MODULE_PARM_DESC(injected, "Injected failures that came in a work, or silently");
/* The state that a work leads to is seen before the work has ended. */
module_param_cb(injecting, &count_ops, &injecting, 0444);
MODULE_PARM_DESC(injecting, "Works under way whose calls may fail");

void dpath_inject_lend(struct dpath_inject *inject)
{
	WRITE_ONCE(inject->nth, in_task() ? READ_ONCE(current->fail_nth) : 0);
}

void dpath_inject_borrow(const struct dpath_inject *inject)
{
	atomic_inc(&injecting);
	WRITE_ONCE(current->fail_nth, READ_ONCE(inject->nth));
	current->make_it_fail = !!READ_ONCE(inject->nth);
}

/* The next work of this worker is somebody else's. */
void dpath_inject_return(const struct dpath_inject *inject)
{
	if (READ_ONCE(inject->nth) && !READ_ONCE(current->fail_nth))
		atomic_inc(&injected);
	WRITE_ONCE(current->fail_nth, 0);
	current->make_it_fail = 0;
	atomic_dec(&injecting);
}

unsigned int dpath_inject_mask(void)
{
	unsigned int nth = READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, 0);
	return nth;
}

void dpath_inject_unmask(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Is one of the innermost functions of @stack in a module? */
static bool is_call_of_ours(const unsigned long *stack, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < min(nr, DIRECT_DEPTH); i++)
		if (stack[i] >= MODULES_VADDR && stack[i] < MODULES_END)
			return true;
	return false;
}

/*
 * The kernel does not log a failure if the caller wants no warning (__GFP_NOWARN). If that is what our code calls, it has something to fall back
 * on: kvmalloc() vmalloc(), an xarray another try that may sleep. That fails, too, so that it is our code that finds out; in the depths of the
 * kernel it is not always survived. Messages of the network have no fallback, and are known by __GFP_NOMEMALLOC. Once: the next one that fails
 * silently is not ours.
 */
static void note_silent(const void *ptr, gfp_t gfp)
{
	unsigned long stack[32];
	unsigned int nr;

	if (ptr || !(gfp & __GFP_NOWARN) || !in_task() || !current->make_it_fail || READ_ONCE(current->fail_nth))
		return;
	nr = stack_trace_save(stack, ARRAY_SIZE(stack), 2);
	pr_info("FAULT_INJECTION: forcing a silent failure\n");
	stack_trace_print(stack, nr, 0);
	atomic_inc(&injected);
	current->make_it_fail = 0;
	if (!(gfp & __GFP_NOMEMALLOC) && is_call_of_ours(stack, nr))
		WRITE_ONCE(current->fail_nth, 1);
}

static void probe_kmalloc(void *data, unsigned long site, const void *ptr, size_t wanted, size_t allocated, gfp_t gfp, int node)
{
	note_silent(ptr, gfp);
}

static void probe_cache(void *data, unsigned long site, const void *ptr, struct kmem_cache *cache, gfp_t gfp, int node)
{
	note_silent(ptr, gfp);
}

int dpath_inject_init(void)
{
	int ret;

	ret = register_trace_kmalloc(probe_kmalloc, NULL);
	if (ret)
		return ret;
	ret = register_trace_kmem_cache_alloc(probe_cache, NULL);
	if (ret)
		unregister_trace_kmalloc(probe_kmalloc, NULL);
	return ret;
}

void dpath_inject_exit(void)
{
	unregister_trace_kmem_cache_alloc(probe_cache, NULL);
	unregister_trace_kmalloc(probe_kmalloc, NULL);
	tracepoint_synchronize_unregister();
}
