/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_SET_PRIV_H
#define DPATH_SET_PRIV_H

/*
 * What the files of the isolation set share: set.c (members, attachment, the door that shows sets), set_run.c (runs), set_clean.c (reset and
 * verify), set_bind.c (taken over and lost).
 */

#include "set.h"

/* A condition to wait for: no lock may be taken there; whoever acts on it looks again under dpath_table_lock. */
static inline bool dpath_set_busy(const struct dpath_set *set)
{
	return READ_ONCE(set->busy);
}

/* The operation has ended, and no member is unbound; caller holds dpath_table_lock. */
void dpath_set_clear_busy_locked(struct dpath_set *set);
/* The same if no member has to leave first; then it is dpath_set_end() that ends it. Caller holds dpath_table_lock. */
bool dpath_set_try_end_locked(struct dpath_set *set);

/* Everything that is DMA of one member stops here; the bounded wait is for what is already on its way. */
void dpath_set_quiesce_member(struct dpath_device *dev);
/* Reset, drop and clear the busy mark, which the caller has set. */
void dpath_set_queue_clean(struct dpath_set *set);

void dpath_set_clean_work(struct work_struct *work);
void dpath_set_adopt_work(struct work_struct *work);

#endif
