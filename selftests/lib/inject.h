/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_INJECT_H
#define DPATH_TEST_INJECT_H

/*
 * Failures on request: the n-th allocation of memory, or copy from or to user space, that this process causes in the module, itself or in a work
 * that it has queued there. Only the CI kernel can, with modules that are built for it.
 */

#include <stdbool.h>

bool inject_able(void);
/* Only calls with the module in their stack count; once for a process. */
void inject_setup(void);
/* The @nth fails from now on. */
void inject_arm(unsigned int nth);
/* None fails any more that does not wait in a work already. Waiting for the end of an operation does that, too. */
void inject_stop(void);
/* Did it fail, here or in a work that has ended? */
bool inject_fired(void);

#endif
