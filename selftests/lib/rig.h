/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_RIG_H
#define DPATH_TEST_RIG_H

/*
 * What most tests start from: a VM with one function, most often an edu, run by this process through one of the doors.
 */

#include <stdbool.h>

#include "door.h"
#include "edu.h"

/**
 * struct rig - a VM with one function
 * @address: the function
 * @vm: name of the VM
 * @vfio: opened through the VFIO door
 * @vm_fd: the VM, open; or -1
 * @door: the group and the container, open; or -1
 * @fd: the function, open; or -1
 * @edu: its registers, if it is an edu
 */
struct rig {
	const char *address;
	char vm[32];
	bool vfio;
	int vm_fd;
	struct door door;
	int fd;
	struct edu edu;
};

/* Claim the edu that the bed gives in @variable (with the consent to no reset) and attach it to a new VM; false if this machine has none. */
bool rig_reserve(struct rig *rig, const char *variable, const char *vm);
/* The same for a function with a reset and a host driver. */
bool rig_reserve_any(struct rig *rig, const char *variable, const char *vm);
/* Through the VFIO door from now on. */
void rig_use_vfio(struct rig *rig, bool vfio);
/* Open both, decode and bus master on; registers mapped. */
void rig_open(struct rig *rig);
/* Without the registers. */
void rig_open_any(struct rig *rig);
void rig_close(struct rig *rig);

#endif
