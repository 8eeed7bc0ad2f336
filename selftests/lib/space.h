/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_SPACE_H
#define DPATH_TEST_SPACE_H

/*
 * Address spaces: the VM's fd, or a container of the VFIO door. The same tests run over both.
 */

#include <stddef.h>
#include <stdint.h>

enum {
	SPACE_READ = 1 << 0,
	SPACE_WRITE = 1 << 1,
	SPACE_RW = SPACE_READ | SPACE_WRITE,
};

/**
 * struct space_ops - how a door maps
 * @map: 0 or -errno
 * @unmap: 0 or -errno; @unmapped: bytes
 * @unmap_all: the same
 */
struct space_ops {
	int (*map)(int fd, const void *vaddr, uint64_t iova, uint64_t length, unsigned int prot);
	int (*unmap)(int fd, uint64_t iova, uint64_t length, uint64_t *unmapped);
	int (*unmap_all)(int fd, uint64_t *unmapped);
};

extern const struct space_ops space_native;
extern const struct space_ops space_type1;

/* The native door. */
int __space_map(int fd, const void *vaddr, uint64_t iova, uint64_t length, unsigned int prot);
void space_map(int fd, const void *vaddr, uint64_t iova, uint64_t length, unsigned int prot);
int __space_unmap(int fd, uint64_t iova, uint64_t length, uint64_t *unmapped);
/* All of it was mapped. */
void space_unmap(int fd, uint64_t iova, uint64_t length);

#endif
