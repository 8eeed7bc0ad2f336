// SPDX-License-Identifier: GPL-2.0
/*
 * The suites register themselves; this file only names the module they are linked into.
 */

#include <linux/module.h>

MODULE_DESCRIPTION("KUnit tests of directpath");
MODULE_LICENSE("GPL");
