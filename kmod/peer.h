/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_PEER_H
#define DPATH_PEER_H

/*
 * Peer-to-peer: BARs of a VM's functions, mapped in its spaces for DMA of its other functions. Such an area is there while the BAR is: not while
 * memory decode is off, the function is reset or in D3, and never again after its lease. Its IOVA stays taken, and unmapping it always returns its
 * size. Nothing is pinned or charged.
 */

#include <linux/types.h>

struct dpath_area;
struct dpath_lease;
struct dpath_space;

/**
 * struct dpath_bar_part - where in which BAR
 * @lease: whose
 * @index: BAR
 * @offset: byte in it
 */
struct dpath_bar_part {
	struct dpath_lease *lease;
	unsigned int index;
	u64 offset;
};

/*
 * Map @length bytes of a BAR from @part on at @iova. -EPERM: another VM's; -EINVAL: not in a BAR that can be mapped; -ENODEV: the lease has
 * ended; else as dpath_space_map().
 */
int dpath_peer_map(struct dpath_space *space, const struct dpath_bar_part *part, u64 iova, u64 length, int prot, const char **why);
/* The same for what the caller has mapped at @vaddr; -ENOENT: that is no BAR of ours. */
int dpath_peer_map_user(struct dpath_space *space, unsigned long vaddr, u64 iova, u64 length, int prot, const char **why);

/* @area, which is ours, belongs to no BAR any more; whatever is mapped of it is the caller's to unmap. */
void dpath_peer_unlink(struct dpath_space *space, struct dpath_area *area);

/* The BARs of @lease were opened or closed: every area made of them follows. */
void dpath_peer_sync(struct dpath_lease *lease);
/* The lease has ended: they are gone for good. */
void dpath_peer_end(struct dpath_lease *lease);

#endif
