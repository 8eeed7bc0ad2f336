/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_DOOR_H
#define DPATH_TEST_DOOR_H

/*
 * The VFIO door: containers and groups.
 */

#include <stdbool.h>
#include <stdint.h>

/* /dev/vfio/vfio and /dev/vfio/N: fd or -errno. */
int __container_open(void);
int container_open(void);
int __group_open(int set);
int group_open(int set);
int __group_set_container(int group, int container);
void group_set_container(int group, int container);
int __group_unset_container(int group);
/* VFIO_GROUP_FLAGS_*. */
uint32_t group_status(int group);
int __container_set_iommu(int container, unsigned long type);
void container_set_iommu(int container, unsigned long type);
/* A function through its group: fd or -errno. */
int __group_device(int group, const char *address);
int group_device(int group, const char *address);

/**
 * struct door - a function opened as a VMM does
 */
struct door {
	int container;
	int group;
	int fd;
};

void door_open(struct door *door, const char *address, unsigned long type);
void door_close(struct door *door);

#endif
