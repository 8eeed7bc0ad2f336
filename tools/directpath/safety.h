/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SAFETY_H
#define SAFETY_H

/*
 * What must not be taken from the host, as far as only userspace can see: disks that it runs from, swap, members of RAID, LVM and ZFS, the network
 * that it and the caller are reached by, the console.
 */

#include "model.h"

struct finding {
	char address[ADDRESS_SIZE];
	char key[64];		/* lowest device of the chain: several mounts of one partition are one finding */
	struct reason reason;
};

struct safety {
	unsigned int nr;
	struct finding *v;
};

/* Look at the host as it is now. */
struct safety *safety_scan(void);
void safety_free(struct safety *safety);
/* Add what speaks against taking the function away. */
void safety_apply(const struct safety *safety, const char *address, struct reasons *reasons);

/* PCI functions that the disk or partition @name is on, through RAID, LVM and NVMe multipath; the lowest disk is passed, too. */
void safety_disk_functions(const char *name, void (*fn)(const char *address, const char *disk, void *ctx), void *ctx);

/* What follows is shared by safety*.c. */

#define SAFETY_DEPTH 16		/* most devices on top of each other */
#define SAFETY_CHAIN 200

bool safety_has(const struct safety *safety, const char *address, unsigned int code, const char *key);
void safety_add(struct safety *safety, const char *address, unsigned int code, const char *key, const char *culprit, const char *fix);
void safety_scan_disks(struct safety *safety);
void safety_scan_net(struct safety *safety);

#endif
