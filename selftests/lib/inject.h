/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_INJECT_H
#define DPATH_TEST_INJECT_H

/*
 * Failures on request: the n-th allocation of memory, or copy from or to user space, that this process causes in the module, itself or in a work
 * that it has queued there. Only the CI kernel can, with modules that are built for it.
 */

#include <stdbool.h>

bool inject_able(void);
/* What can fail, and where our modules are. Takes seconds: once for a program, before it forks for its tests. */
void inject_find(void);
/* Only calls with one of our modules in their stack count; once for a process. */
void inject_setup(void);
/* Calls with any module in their stack: for one that is being loaded, whose place is not known. */
void inject_modules(void);
/* The @nth fails from now on. */
void inject_arm(unsigned int nth);
/* None fails any more that does not wait in a work already. Waiting for the end of an operation does that, too. */
void inject_stop(void);
/* Did it fail, here or in a work that has ended? */
bool inject_fired(void);

#endif
