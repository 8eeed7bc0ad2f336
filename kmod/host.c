// SPDX-License-Identifier: GPL-2.0
/*
 * The module as a whole: settings, the vector budget, the work queue and the lock of the owner table. The order of all locks is in
 * Documentation/locking.rst.
 */

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include "host.h"
#include "ntf.h"

DEFINE_MUTEX(dpath_table_lock); /* the owner table, see host.h */
EXPORT_SYMBOL_NS_GPL(dpath_table_lock, "DIRECTPATH");

DECLARE_WAIT_QUEUE_HEAD(dpath_state_wait);
EXPORT_SYMBOL_NS_GPL(dpath_state_wait, "DIRECTPATH");

struct workqueue_struct *dpath_wq;

struct dpath_host dpath_host = {
	.vector_budget = 4096,
	.vectors_used = ATOMIC_INIT(0),
	.unbind_deadline_ms = 30000,
	.reset_deadline_ms = 60000,
	.revoke_deadline_ms = 5000,
};
EXPORT_SYMBOL_NS_GPL(dpath_host, "DIRECTPATH");

/* Every event and every change that has one takes the next number. */
u64 dpath_next_seq_locked(void)
{
	lockdep_assert_held(&dpath_table_lock);
	return ++dpath_host.seq;
}

int dpath_host_charge_vectors(unsigned int nvec)
{
	u32 budget = READ_ONCE(dpath_host.vector_budget);
	int used = atomic_read(&dpath_host.vectors_used);

	do {
		if (nvec > budget || used > (int)(budget - nvec))
			return -ENOSPC;
	} while (!atomic_try_cmpxchg(&dpath_host.vectors_used, &used, used + nvec));
	return 0;
}

void dpath_host_uncharge_vectors(unsigned int nvec)
{
	atomic_sub(nvec, &dpath_host.vectors_used);
}

void dpath_host_default_adhoc(bool on)
{
	mutex_lock(&dpath_table_lock);
	if (!dpath_host.adhoc_said && dpath_host.adhoc != on) {
		dpath_host.adhoc = on;
		dpath_host_ntf();
	}
	mutex_unlock(&dpath_table_lock);
}
EXPORT_SYMBOL_NS_GPL(dpath_host_default_adhoc, "DIRECTPATH");

int dpath_host_init(void)
{
	/* Unbound, and wide enough that a few hung host drivers do not stop the rest. Freezable: no reset meets a function that sleeps. */
	dpath_wq = alloc_workqueue("directpath", WQ_UNBOUND | WQ_FREEZABLE, 0);
	return dpath_wq ? 0 : -ENOMEM;
}

void dpath_host_exit(void)
{
	destroy_workqueue(dpath_wq);
}
