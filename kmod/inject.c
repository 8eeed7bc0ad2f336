// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on request: see inject.h. A test reads /sys/module/directpath/parameters/injected to know whether one came in a work.
 */

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>

#include "inject.h"

static atomic_t injected = ATOMIC_INIT(0);

static int get_injected(char *buf, const struct kernel_param *kp)
{
	return scnprintf(buf, PAGE_SIZE, "%d\n", atomic_read(&injected));
}

static const struct kernel_param_ops injected_ops = {
	.get = get_injected,
};

module_param_cb(injected, &injected_ops, NULL, 0444);
MODULE_PARM_DESC(injected, "Works in which an injected failure came");

void dpath_inject_lend(struct dpath_inject *inject)
{
	WRITE_ONCE(inject->nth, in_task() ? READ_ONCE(current->fail_nth) : 0);
}

void dpath_inject_borrow(const struct dpath_inject *inject)
{
	WRITE_ONCE(current->fail_nth, READ_ONCE(inject->nth));
}

/* The next work of this worker is somebody else's. */
void dpath_inject_return(const struct dpath_inject *inject)
{
	if (READ_ONCE(inject->nth) && !READ_ONCE(current->fail_nth))
		atomic_inc(&injected);
	WRITE_ONCE(current->fail_nth, 0);
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
