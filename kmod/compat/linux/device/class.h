/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/device/class.h>

#ifndef DPATH_COMPAT_DEVICE_CLASS_H
#define DPATH_COMPAT_DEVICE_CLASS_H

#ifdef class_create
/* gone with 6.1: class_create() is a macro that takes the owner too */
#include <linux/export.h>
#undef class_create
#define class_create(name)						\
({									\
	static struct lock_class_key __key;				\
	__class_create(THIS_MODULE, name, &__key);			\
})
#endif

#endif
