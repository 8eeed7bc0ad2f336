/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_LIBDPATH_H
#define DPATH_TEST_LIBDPATH_H

/*
 * The library of the C tests, a header a noun. A function __x() returns 0 or -errno, for tests of refusals; x() expects success and ends the test
 * otherwise.
 */

#include "assert.h"
#include "device.h"
#include "door.h"
#include "edu.h"
#include "host.h"
#include "inject.h"
#include "irq.h"
#include "mem.h"
#include "nic.h"
#include "nl.h"
#include "nvme.h"
#include "pci.h"
#include "proc.h"
#include "qmp.h"
#include "rig.h"
#include "slot.h"
#include "space.h"
#include "vm.h"

#endif
