// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <linux/directpath.h>
#include <linux/vfio.h>

#include "assert.h"
#include "device.h"
#include "space.h"

int __space_map(int fd, const void *vaddr, uint64_t iova, uint64_t length, unsigned int prot)
{
	struct directpath_map cmd = {
		.size = sizeof(cmd),
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.length = length,
	};

	if (prot & SPACE_READ)
		cmd.flags |= DIRECTPATH_MAP_READ;
	if (prot & SPACE_WRITE)
		cmd.flags |= DIRECTPATH_MAP_WRITE;
	return fd_ioctl(fd, DIRECTPATH_MAP, &cmd);
}

void space_map(int fd, const void *vaddr, uint64_t iova, uint64_t length, unsigned int prot)
{
	int ret = __space_map(fd, vaddr, iova, length, prot);

	dp_assert(!ret, "%#llx bytes at %#llx: %s", (unsigned long long)length, (unsigned long long)iova, strerror(-ret));
}

int __space_unmap(int fd, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	struct directpath_unmap cmd = {
		.size = sizeof(cmd),
		.iova = iova,
		.length = length,
		.out_unmapped = ~0ULL,
	};
	int ret = fd_ioctl(fd, DIRECTPATH_UNMAP, &cmd);

	if (unmapped)
		*unmapped = cmd.out_unmapped;
	return ret;
}

void space_unmap(int fd, uint64_t iova, uint64_t length)
{
	uint64_t unmapped;
	int ret = __space_unmap(fd, iova, length, &unmapped);

	dp_assert(!ret && unmapped == length, "%#llx bytes at %#llx: %s, %#llx done", (unsigned long long)length, (unsigned long long)iova,
		  strerror(-ret), (unsigned long long)unmapped);
}

static int native_unmap_all(int fd, uint64_t *unmapped)
{
	struct directpath_unmap cmd = {
		.size = sizeof(cmd),
		.flags = DIRECTPATH_UNMAP_ALL,
		.out_unmapped = ~0ULL,
	};
	int ret = fd_ioctl(fd, DIRECTPATH_UNMAP, &cmd);

	*unmapped = cmd.out_unmapped;
	return ret;
}

const struct space_ops space_native = {
	.map = __space_map,
	.unmap = __space_unmap,
	.unmap_all = native_unmap_all,
};

static int type1_map(int fd, const void *vaddr, uint64_t iova, uint64_t length, unsigned int prot)
{
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd),
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = length,
	};

	if (prot & SPACE_READ)
		cmd.flags |= VFIO_DMA_MAP_FLAG_READ;
	if (prot & SPACE_WRITE)
		cmd.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	return fd_ioctl(fd, VFIO_IOMMU_MAP_DMA, &cmd);
}

static int type1_unmap_flags(int fd, uint32_t flags, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.flags = flags,
		.iova = iova,
		.size = length,
	};
	int ret = fd_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &cmd);

	if (unmapped)
		*unmapped = cmd.size;
	return ret;
}

static int type1_unmap(int fd, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	return type1_unmap_flags(fd, 0, iova, length, unmapped);
}

static int type1_unmap_all(int fd, uint64_t *unmapped)
{
	return type1_unmap_flags(fd, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, unmapped);
}

const struct space_ops space_type1 = {
	.map = type1_map,
	.unmap = type1_unmap,
	.unmap_all = type1_unmap_all,
};
