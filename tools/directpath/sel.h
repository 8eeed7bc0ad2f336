/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SEL_H
#define SEL_H

/*
 * Selectors of functions, the same in all commands:
 *	0000:3b:00.0 | 3b:00.0		one function
 *	0000:3b:00 | 3b:00		all functions of the slot
 *	id:10de:2330			vendor and device
 *	class:nvme | class:0108		see names.c
 *	label:x  name:x | x		label; name
 *	set:12				isolation set
 *	if:ens3  blk:nvme0n1		through sysfs
 */

#include "model.h"

/* Is @word a selector, as opposed to a keyword that is written wrong? A bare name is one. */
bool sel_valid(const char *word, char *why, size_t size);
/* Mark what @word selects; returns how many. */
unsigned int sel_mark(const char *word, const struct dev_list *list, bool *marked);

#endif
