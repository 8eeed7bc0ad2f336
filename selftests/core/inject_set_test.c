// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on request in sets of two functions that are claimed, run, reset and released as one: the card below the switch, whose functions have no
 * reset of their own; and in a VM's own reset of their bus.
 */
#include "failing.h"

#include <stdlib.h>

FIXTURE_VARIANT_ADD(failing, card) {
	.variable = "DP_SWITCH_CARD_1",
	.companion = "DP_SWITCH_CARD_0",
	.policy = "",
	.edu = true,
};

FIXTURE_VARIANT_ADD(failing, card_by_vfio) {
	.variable = "DP_SWITCH_CARD_1",
	.companion = "DP_SWITCH_CARD_0",
	.policy = "",
	.edu = true,
	.door = true,
};

/* --- as one --- */

static const struct action claim_action = { HOST, unbind_members, act_claim, claim_done };
SWEEP_DRIVERLESS(claim, 1800)

static const struct action release_action = { CLAIMED, NULL, act_release, release_done };
SWEEP_DRIVERLESS(release, 1800)

static const struct action reset_action = { CLAIMED, NULL, act_reset, reset_done };
SWEEP(reset, 1800)

static const struct action vm_action = { CLAIMED, NULL, act_vm, vm_done };
SWEEP(vm, 1800)

static const struct action run_action = { OPENED, NULL, act_run, run_done };
SWEEP(run, 1800)

static const struct action revoke_action = { OPENED, prepare_revoke, act_revoke, revoke_done };
SWEEP(revoke, 1800)

static const struct action map_action = { RUNNING, prepare_map, act_map, map_done };
SWEEP(map, 900)

/* --- hot reset --- */

#define ROOM 256

static int act_hot_info(FIXTURE_DATA(failing) *self)
{
	struct vfio_pci_hot_reset_info *info = calloc(1, ROOM);
	int ret;

	info->argsz = ROOM;
	ret = fd_ioctl(self->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
	if (!ret && info->count != self->nr)
		ret = -EIO;
	free(info);
	return ret;
}

static const struct action hot_info_action = { RUNNING, NULL, act_hot_info, nothing_done };
SWEEP(hot_info, 600)

/* The groups that prove the ownership are named at the VFIO door; at the other one there is none. */
static int act_hot_reset(FIXTURE_DATA(failing) *self)
{
	struct vfio_pci_hot_reset *reset = calloc(1, ROOM);
	int ret;

	reset->argsz = ROOM;
	reset->count = self->door;
	reset->group_fds[0] = self->group;
	ret = fd_ioctl(self->fd, VFIO_DEVICE_PCI_HOT_RESET, reset);
	free(reset);
	return ret;
}

/* It works as before, by DMA and by an interrupt; and it can be done. */
static void hot_reset_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	EXPECT_EQ(0, self->space->map(self->vm_fd, self->mem, IOVA, self->size, SPACE_RW));
	check_dma(_metadata, self, true);
	EXPECT_EQ(0, self->space->unmap(self->vm_fd, IOVA, self->size, NULL));
	check_dma(_metadata, self, false);
	irq_trigger(self->fd, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, self->efds);
	edu_raise(&self->edu, 1);
	EXPECT_LE(1, efd_wait(self->efds[0], SETTLE_MS));
	edu_ack(&self->edu);
	irq_disable(self->fd, VFIO_PCI_MSI_IRQ_INDEX);
	EXPECT_EQ(0, ret ? act_hot_reset(self) : 0);
}

static const struct action hot_reset_action = { RUNNING, NULL, act_hot_reset, hot_reset_done };
SWEEP(hot_reset, 1800)

FAILING_MAIN(HOST_VFIO)
