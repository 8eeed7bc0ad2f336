/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_VFIO_DOOR_H
#define DPATH_VFIO_DOOR_H

#include <linux/types.h>

/* Exported by our vfio.ko and by no other: what vfio-pci.ko refuses to load without. True while the door is open. */
bool directpath_vfio_door(void);

#endif
