/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CLEAN_H
#define CLEAN_H

/*
 * The cleaning of one function by its hook.
 */

#include <stdbool.h>

struct dev;

/* Give it to its host driver, run the hook, take it back; or, with @abort, only the last. Prints what became of it; returns an exit code. */
int clean_function(const struct dev *dev, bool abort);

#endif
