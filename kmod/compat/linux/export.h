/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/export.h>

#ifndef DPATH_COMPAT_EXPORT_H
#define DPATH_COMPAT_EXPORT_H

#ifndef DPATH_HAVE_EXPORT_NS_STRING
/* gone with 6.12: the namespace as a word */
#undef EXPORT_SYMBOL_NS_GPL
#ifdef DPATH_HAVE_EXPORT_LICENSE
#define EXPORT_SYMBOL_NS_GPL(sym, ns) __EXPORT_SYMBOL(sym, "GPL", ns)
#else
/* gone with 6.1: the section's name in place of the licence */
#define EXPORT_SYMBOL_NS_GPL(sym, ns) __EXPORT_SYMBOL(sym, "_gpl", ns)
#endif
#endif

#endif
