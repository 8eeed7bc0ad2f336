// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "assert.h"
#include "device.h"
#include "door.h"
#include "pci.h"

static int open_node(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int __container_open(void)
{
	return open_node("/dev/vfio/vfio");
}

int container_open(void)
{
	int fd = __container_open();

	dp_assert(fd >= 0, "%s", strerror(-fd));
	return fd;
}

int __group_open(int set)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%d", set);
	return open_node(path);
}

int group_open(int set)
{
	int fd = __group_open(set);

	dp_assert(fd >= 0, "%d: %s", set, strerror(-fd));
	return fd;
}

int __group_set_container(int group, int container)
{
	return fd_ioctl(group, VFIO_GROUP_SET_CONTAINER, &container);
}

void group_set_container(int group, int container)
{
	int ret = __group_set_container(group, container);

	dp_assert(!ret, "%s", strerror(-ret));
}

int __group_unset_container(int group)
{
	return fd_ioctl(group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

uint32_t group_status(int group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int ret = fd_ioctl(group, VFIO_GROUP_GET_STATUS, &status);

	dp_assert(!ret, "%s", strerror(-ret));
	return status.flags;
}

int __container_set_iommu(int container, unsigned long type)
{
	return fd_ioctl(container, VFIO_SET_IOMMU, (void *)type);
}

void container_set_iommu(int container, unsigned long type)
{
	int ret = __container_set_iommu(container, type);

	dp_assert(!ret, "type %lu: %s", type, strerror(-ret));
}

int __group_device(int group, const char *address)
{
	return fd_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (void *)address);
}

int group_device(int group, const char *address)
{
	int fd = __group_device(group, address);

	dp_assert(fd >= 0, "%s: %s", address, strerror(-fd));
	return fd;
}

void door_open(struct door *door, const char *address, unsigned long type)
{
	door->container = container_open();
	door->group = group_open(pci_group(address));
	group_set_container(door->group, door->container);
	container_set_iommu(door->container, type);
	door->fd = group_device(door->group, address);
	device_enable(door->fd);
}

void door_close(struct door *door)
{
	close(door->fd);
	close(door->group);
	close(door->container);
}
