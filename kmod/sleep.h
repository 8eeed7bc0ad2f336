/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_SLEEP_H
#define DPATH_SLEEP_H

/*
 * The host goes to sleep (suspend, hibernation), or wants to.
 */

#include <linux/pm.h>

int dpath_sleep_module_init(void);
void dpath_sleep_module_exit(void);

/* For every driver that functions are bound to. */
extern const struct dev_pm_ops dpath_sleep_pm_ops;

#endif
