// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "assert.h"
#include "device.h"
#include "pci.h"
#include "rig.h"
#include "vm.h"

static bool reserve(struct rig *rig, const char *variable, const char *vm, const char *policy)
{
	rig->address = pci_env(variable);
	rig->vfio = false;
	rig->vm_fd = -1;
	rig->door = (struct door){ -1, -1, -1 };
	rig->fd = -1;
	rig->edu.bar = NULL;
	snprintf(rig->vm, sizeof(rig->vm), "%s", vm);
	if (!rig->address)
		return false;
	if (policy)
		dev_set_policy(rig->address, policy);
	dev_claim(rig->address, DEV_UNBIND, 0);
	vm_new(vm, NULL);
	vm_attach(vm, rig->address);
	return true;
}

bool rig_reserve(struct rig *rig, const char *variable, const char *vm)
{
	return reserve(rig, variable, vm, "none");
}

bool rig_reserve_any(struct rig *rig, const char *variable, const char *vm)
{
	return reserve(rig, variable, vm, NULL);
}

void rig_use_vfio(struct rig *rig, bool vfio)
{
	rig->vfio = vfio;
}

void rig_open_any(struct rig *rig)
{
	if (rig->vfio) {
		door_open(&rig->door, rig->address, VFIO_TYPE1v2_IOMMU);
		rig->fd = rig->door.fd;
		return;
	}
	rig->vm_fd = vm_open(rig->vm);
	rig->fd = vm_device(rig->vm_fd, rig->address);
	device_enable(rig->fd);
}

void rig_open(struct rig *rig)
{
	rig_open_any(rig);
	edu_map(&rig->edu, rig->fd);
	dp_assert(edu_present(&rig->edu), "%s is no edu: %#x", rig->address, edu_read(&rig->edu, EDU_ID));
}

void rig_close(struct rig *rig)
{
	if (rig->edu.bar)
		edu_unmap(&rig->edu);
	if (rig->fd >= 0)
		close(rig->fd);
	if (rig->vm_fd >= 0)
		close(rig->vm_fd);
	if (rig->door.group >= 0)
		close(rig->door.group);
	if (rig->door.container >= 0)
		close(rig->door.container);
	rig->fd = -1;
	rig->vm_fd = -1;
	rig->door = (struct door){ -1, -1, -1 };
}
