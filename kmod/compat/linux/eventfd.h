/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/eventfd.h>

#ifndef DPATH_COMPAT_EVENTFD_H
#define DPATH_COMPAT_EVENTFD_H

#ifndef DPATH_HAVE_EVENTFD_SIGNAL_ONE
/* gone with 6.1: the count to add */
#define eventfd_signal(ctx) ((void)eventfd_signal(ctx, 1))
#endif

#endif
