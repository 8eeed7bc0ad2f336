// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on request at the VFIO door: containers, groups, what both are asked for, and the nodes of sets that come, go, and change hands.
 */
#include "failing.h"

#include <stdlib.h>
#include <sys/stat.h>

#define UID 1000
/* BITS_PER_XA_VALUE: an IDA has the lowest numbers in the pointer to itself. */
#define NUMBERS_FREE 63

FIXTURE_VARIANT_ADD(failing, edu) {
	.variable = "DP_EDU0",
	.policy = "none",
	.edu = true,
	.door = true,
};

FIXTURE_VARIANT_ADD(failing, e1000e) {
	.variable = "DP_E1000E",
	.policy = "",
	.door = true,
};

/* --- nodes --- */

static bool owned_by(const char *path, uid_t uid)
{
	struct stat st;

	return !stat(path, &st) && S_ISCHR(st.st_mode) && st.st_uid == uid;
}

static void node_of_group(FIXTURE_DATA(failing) *self, char *path, size_t size)
{
	snprintf(path, size, "/dev/vfio/%d", pci_group(self->address));
}

static void check_node(struct __test_metadata *_metadata, const char *path, uid_t uid)
{
	char stray[64];

	EXPECT_TRUE(wait_until(owned_by(path, uid), SETTLE_MS)) TH_LOG("%s is not there, or not of user %u", path, uid);
	/* Where the kernel would put it if its driver had no name for it. */
	snprintf(stray, sizeof(stray), "/dev/%s", strrchr(path, '/') + 1);
	EXPECT_NE(0, access(stray, F_OK)) TH_LOG("%s is there", stray);
}

/* What could not be made as a set was claimed is made when it is given to a VM. */
static void claim_node_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	char path[32];

	check_claim(_metadata, self, ret);
	node_of_group(self, path, sizeof(path));
	if (dev_state(self->address) == STATE(HOST)) {
		EXPECT_TRUE(wait_until(access(path, F_OK), SETTLE_MS));
		return;
	}
	EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
	if (!inject_fired())
		check_node(_metadata, path, 0);
	vm_new(OTHER, &(struct vm_config){ .owner = true, .uid = UID });
	vm_attach(OTHER, self->address);
	check_node(_metadata, path, UID);
	vm_detach(OTHER, self->address, false);
	vm_del(OTHER);
	check_node(_metadata, path, 0);
	EXPECT_EQ(0, __dev_release(self->address, 0, 0)) TH_LOG("%s", ctl_last.text);
	EXPECT_TRUE(wait_until(access(path, F_OK), SETTLE_MS));
}

static const struct action claim_action = { HOST, unbind_members, act_claim, claim_node_done };
SWEEP_DRIVERLESS(claim, 1800)

static int act_owner(FIXTURE_DATA(failing) *self)
{
	return __vm_set(VM, &(struct vm_config){ .owner = true, .uid = UID });
}

/* Asked for again, it is done. */
static void owner_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	char path[32];

	node_of_group(self, path, sizeof(path));
	if (!ret) {
		check_node(_metadata, "/dev/directpath/" VM, UID);
		/* It is the new owner's or nobody's. */
		EXPECT_TRUE(wait_until(!owned_by(path, 0), SETTLE_MS));
	}
	vm_set(VM, &(struct vm_config){ .owner = true });
	check_node(_metadata, "/dev/directpath/" VM, 0);
	check_node(_metadata, path, 0);
}

static const struct action owner_action = { ATTACHED, NULL, act_owner, owner_done };
SWEEP(owner, 900)

static int act_new_vm(FIXTURE_DATA(failing) *self)
{
	return __vm_new(OTHER, &(struct vm_config){ .owner = true, .uid = UID });
}

static void new_vm_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	const char *path = "/dev/directpath/" OTHER;
	struct vm_info vm = {};

	EXPECT_EQ(ret ? -ENOENT : 0, __vm_get(OTHER, &vm));
	if (ret) {
		EXPECT_TRUE(wait_until(access(path, F_OK), SETTLE_MS));
		return;
	}
	check_node(_metadata, path, UID);
	vm_del(OTHER);
	EXPECT_TRUE(wait_until(access(path, F_OK), SETTLE_MS));
}

static const struct action new_vm_action = { CLAIMED, NULL, act_new_vm, new_vm_done };

/* As many minor numbers as the kernel keeps without memory are taken. */
TEST_F_TIMEOUT(failing, new_vm, 900)
{
	char name[16];
	unsigned int i;

	for (i = 0; i < NUMBERS_FREE; i++) {
		snprintf(name, sizeof(name), "t-filler-%u", i);
		vm_new(name, NULL);
	}
	sweep(_metadata, self, &new_vm_action);
}

/* --- as a VMM does it --- */

static int act_container(FIXTURE_DATA(failing) *self)
{
	int fd = __container_open();

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static const struct action container_action = { ATTACHED, NULL, act_container, nothing_done };
SWEEP(container, 600)

static int open_door(FIXTURE_DATA(failing) *self, struct door *door)
{
	uint32_t flags = VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET;
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int ret;

	*door = (struct door){ -1, -1, -1 };
	door->container = __container_open();
	if (door->container < 0)
		return door->container;
	door->group = __group_open(pci_group(self->address));
	if (door->group < 0)
		return door->group;
	ret = __group_set_container(door->group, door->container);
	if (!ret)
		ret = fd_ioctl(door->group, VFIO_GROUP_GET_STATUS, &status);
	if (!ret)
		ret = status.flags == flags ? 0 : -EIO;
	if (!ret)
		ret = __container_set_iommu(door->container, VFIO_TYPE1v2_IOMMU);
	if (ret)
		return ret;
	door->fd = __group_device(door->group, self->address);
	return door->fd < 0 ? door->fd : 0;
}

static int act_door(FIXTURE_DATA(failing) *self)
{
	struct door door;
	int ret = open_door(self, &door);

	door_close(&door);
	return ret;
}

static const struct action door_action = { ATTACHED, NULL, act_door, run_done };
SWEEP(door, 1800)

/* In no VM: in the one of the process, which ends with the run. */
static void prepare_adhoc(FIXTURE_DATA(failing) *self)
{
	host_set(DIRECTPATH_A_HOST_ADHOC, 1);
}

static void adhoc_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	char names[4][32];

	EXPECT_TRUE(wait_until(!vm_list(names, 4), SETTLE_MS));
	run_done(_metadata, self, ret);
	host_set(DIRECTPATH_A_HOST_ADHOC, 0);
}

static const struct action adhoc_action = { CLAIMED, prepare_adhoc, act_door, adhoc_done };
SWEEP(adhoc, 1800)

static const struct action device_action = { OPENED, NULL, act_run, nothing_done };
SWEEP(device, 900)

static void prepare_door_revoke(FIXTURE_DATA(failing) *self)
{
	open_vm(self);
	prepare_revoke(self);
}

static void door_revoke_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	uint32_t word;

	if (ret)
		EXPECT_EQ(0, __vm_detach(VM, self->address, true)) TH_LOG("%s", ctl_last.text);
	EXPECT_TRUE(wait_until(at_rest(self), SETTLE_MS));
	EXPECT_FALSE(dma_is_open(self->address));
	EXPECT_EQ(-ENODEV, __device_read(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4));
	close_device(self);
	close(self->group);
	close(self->vm_fd);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	if (dev_state(self->address) == STATE(QUARANTINED))
		EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
	vm_attach(VM, self->address);
}

static const struct action door_revoke_action = { ATTACHED, prepare_door_revoke, act_revoke, door_revoke_done };
SWEEP(door_revoke, 1800)

/* A group that comes when the container has its space, and leaves it again. */
static int act_rejoin(FIXTURE_DATA(failing) *self)
{
	int ret = __group_unset_container(self->group);

	return ret ? ret : __group_set_container(self->group, self->vm_fd);
}

/* With its last group the container has lost the space. */
static void rejoin_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (!(group_status(self->group) & VFIO_GROUP_FLAGS_CONTAINER_SET))
		group_set_container(self->group, self->vm_fd);
	if (dev_state(self->address) == STATE(QUARANTINED))
		EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
	if (dev_state(self->address) == STATE(RESERVED))
		container_set_iommu(self->vm_fd, VFIO_TYPE1v2_IOMMU);
}

static const struct action rejoin_action = { OPENED, NULL, act_rejoin, rejoin_done };
SWEEP(rejoin, 1800)

/* --- the container's ioctls --- */

static int act_info(FIXTURE_DATA(failing) *self)
{
	struct vfio_iommu_type1_info *info = calloc(1, PAGE);
	int ret;

	info->argsz = PAGE;
	ret = fd_ioctl(self->vm_fd, VFIO_CHECK_EXTENSION, (void *)VFIO_DMA_CC_IOMMU);
	if (ret >= 0)
		ret = fd_ioctl(self->vm_fd, VFIO_IOMMU_GET_INFO, info);
	if (!ret && !(info->flags & VFIO_IOMMU_INFO_CAPS))
		ret = -EIO;
	free(info);
	return ret;
}

static const struct action info_action = { OPENED, NULL, act_info, nothing_done };
SWEEP(info, 600)

static const struct action map_action = { RUNNING, prepare_map, act_map, map_done };
SWEEP(map, 900)

static const struct action unmap_action = { RUNNING, prepare_unmap, act_unmap, unmap_done };
SWEEP(unmap, 900)

static int act_unmap_all(FIXTURE_DATA(failing) *self)
{
	uint64_t unmapped;

	return self->space->unmap_all(self->vm_fd, &unmapped);
}

static void unmap_all_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vm_info vm;

	vm_get(VM, &vm);
	EXPECT_TRUE(!vm.mapped || (ret && vm.mapped == self->size));
	if (vm.mapped)
		EXPECT_EQ(0, act_unmap_all(self));
	check_dma(_metadata, self, false);
}

static const struct action unmap_all_action = { RUNNING, prepare_unmap, act_unmap_all, unmap_all_done };
SWEEP(unmap_all, 600)

FAILING_MAIN(HOST_VFIO)
