// SPDX-License-Identifier: GPL-2.0
/*
 * The VFIO door: containers and groups, in the order in which QEMU and DPDK use them, and with inputs that are wrong.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-door"
#define OTHER "t-door-2"
#define IOVA 0x10000000ULL

FIXTURE(door) {
	const char *edu;
	const char *second;
	char *mem;
};

static void reserve(const char *address, const char *vm)
{
	dev_set_policy(address, "none");
	dev_claim(address, DEV_UNBIND, 0);
	vm_attach(vm, address);
}

FIXTURE_SETUP(door)
{
	ASSERT_EQ(0, host_restore());
	self->edu = pci_env("DP_EDU0");
	self->second = pci_env("DP_EDU1");
	if (!self->edu || !self->second)
		SKIP(return, "no two edus on this machine");
	vm_new(VM, NULL);
	reserve(self->edu, VM);
	self->mem = mem_new(MEM_ANON, 4 * PAGE);
}

FIXTURE_TEARDOWN_PARENT(door)
{
	EXPECT_EQ(0, host_restore());
}

/* The device at work: DMA in both directions, an interrupt. */
static bool works(int space, int fd, char *mem)
{
	int efd = efd_new();
	struct edu edu;
	bool good;

	device_enable(fd);
	edu_map(&edu, fd);
	good = edu_present(&edu);
	if (space_type1.map(space, mem, IOVA, PAGE, SPACE_RW))
		return false;
	mem_fill(mem, PAGE, 1);
	edu_fetch(&edu, IOVA, 0, EDU_DMA_MAX);
	memset(mem, 0, PAGE);
	edu_store(&edu, IOVA, 0, EDU_DMA_MAX);
	good &= mem_holds(mem, EDU_DMA_MAX, 1);
	irq_trigger(fd, 1, 0, 1, &efd);
	edu_raise(&edu, 1);
	good &= efd_wait(efd, 3000) == 1;
	edu_ack(&edu);
	irq_disable(fd, 1);
	good &= !space_type1.unmap(space, IOVA, PAGE, NULL);
	edu_unmap(&edu);
	close(efd);
	return good;
}

/* --- as the VMMs do it --- */

TEST_F(door, as_qemu)
{
	struct vfio_iommu_type1_info *info = calloc(1, 4096);
	struct vfio_device_info device;
	int group, container, fd;
	struct vm_info vm;

	group = group_open(pci_group(self->edu));
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE, group_status(group));
	container = container_open();
	EXPECT_EQ(VFIO_API_VERSION, fd_ioctl(container, VFIO_GET_API_VERSION, NULL));
	EXPECT_EQ(1, fd_ioctl(container, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU));
	group_set_container(group, container);
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET, group_status(group));
	container_set_iommu(container, VFIO_TYPE1v2_IOMMU);
	vm_get(VM, &vm);
	EXPECT_EQ(DIRECTPATH_VM_STATE_RUNNING, vm.state);
	EXPECT_EQ((uint32_t)getpid(), vm.pid);
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(self->edu));

	/* Ask with too little room, grow, ask again. */
	info->argsz = sizeof(*info);
	ASSERT_EQ(0, fd_ioctl(container, VFIO_IOMMU_GET_INFO, info));
	ASSERT_LT(sizeof(*info), info->argsz);
	ASSERT_EQ(0, fd_ioctl(container, VFIO_IOMMU_GET_INFO, info));
	EXPECT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, info->flags);
	EXPECT_EQ(sizeof(*info), info->cap_offset);
	EXPECT_EQ(PAGE, info->iova_pgsizes & -info->iova_pgsizes);

	fd = group_device(group, self->edu);
	device_info(fd, &device);
	EXPECT_LE(8, device.num_regions);
	EXPECT_LE(3, device.num_irqs);
	EXPECT_TRUE(works(container, fd, self->mem));
	/* The device goes first, then the group leaves. */
	EXPECT_EQ(-EBUSY, __group_unset_container(group));
	close(fd);
	EXPECT_EQ(0, __group_unset_container(group));
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE, group_status(group));
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	close(group);
	close(container);
	vm_get(VM, &vm);
	EXPECT_EQ(DIRECTPATH_VM_STATE_OFF, vm.state);
}

TEST_F(door, as_dpdk)
{
	char option[64];
	int container, group, fd;

	container = container_open();
	EXPECT_EQ(VFIO_API_VERSION, fd_ioctl(container, VFIO_GET_API_VERSION, NULL));
	EXPECT_EQ(1, fd_ioctl(container, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1_IOMMU));
	EXPECT_EQ(0, fd_ioctl(container, VFIO_CHECK_EXTENSION, (void *)VFIO_SPAPR_TCE_v2_IOMMU));
	EXPECT_EQ(0, fd_ioctl(container, VFIO_CHECK_EXTENSION, (void *)VFIO_NOIOMMU_IOMMU));
	group = group_open(pci_group(self->edu));
	group_set_container(group, container);
	container_set_iommu(container, VFIO_TYPE1_IOMMU);
	ASSERT_EQ(0, space_type1.map(container, self->mem, 1ULL << 33, 2 * PAGE, SPACE_RW));
	EXPECT_EQ(-EEXIST, space_type1.map(container, self->mem, 1ULL << 33, 2 * PAGE, SPACE_RW));
	snprintf(option, sizeof(option), "%s vf_token=12345678-1234-1234-1234-123456789abc", self->edu);
	fd = group_device(group, option);
	EXPECT_EQ(-EINVAL, __device_reset(fd)); /* the one error that it accepts */
	EXPECT_TRUE(works(container, fd, self->mem));
	EXPECT_TRUE(pci_driver_is(self->edu, "vfio-pci"));
	/* No UNSET_CONTAINER: everything is closed, in this order. */
	close(fd);
	close(group);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	close(container);
}

TEST_F(door, closed_in_any_order)
{
	static const unsigned int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct door door;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
		ASSERT_EQ(0, space_type1.map(door.container, self->mem, IOVA, PAGE, SPACE_RW));
		for (j = 0; j < 3; j++) {
			int fds[] = { door.container, door.group, door.fd };

			close(fds[orders[i][j]]);
		}
		EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS)) TH_LOG("order %u", i);
		EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS)) TH_LOG("order %u", i);
	}
}

TEST_F(door, device_fd_lives_on_alone)
{
	struct door door;

	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	close(door.group);
	EXPECT_TRUE(works(door.container, door.fd, self->mem));
	close(door.container);
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(self->edu));
	/* Its group cannot be opened by anybody else. */
	EXPECT_EQ(-EBUSY, __group_open(pci_group(self->edu)));
	close(door.fd);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
}

TEST_F(door, two_groups_one_container)
{
	int container, groups[2], fds[2];

	reserve(self->second, VM);
	container = container_open();
	groups[0] = group_open(pci_group(self->edu));
	groups[1] = group_open(pci_group(self->second));
	group_set_container(groups[0], container);
	group_set_container(groups[1], container);
	container_set_iommu(container, VFIO_TYPE1v2_IOMMU);
	fds[0] = group_device(groups[0], self->edu);
	fds[1] = group_device(groups[1], self->second);
	EXPECT_TRUE(works(container, fds[0], self->mem));
	EXPECT_TRUE(works(container, fds[1], self->mem));
	/* A function is opened through its own group. */
	EXPECT_GT(0, __group_device(groups[0], self->second));
	close(fds[0]);
	close(groups[0]);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	EXPECT_TRUE(works(container, fds[1], self->mem));
}

/* As QEMU with a vIOMMU: a container a device, one VM. */
TEST_F(door, two_containers_one_vm)
{
	struct door doors[2];
	struct vm_info vm;

	reserve(self->second, VM);
	door_open(&doors[0], self->edu, VFIO_TYPE1v2_IOMMU);
	door_open(&doors[1], self->second, VFIO_TYPE1v2_IOMMU);
	vm_get(VM, &vm);
	EXPECT_EQ(2, vm.spaces);
	EXPECT_TRUE(works(doors[0].container, doors[0].fd, self->mem));
	EXPECT_TRUE(works(doors[1].container, doors[1].fd, self->mem + PAGE));
	door_close(&doors[0]);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	EXPECT_TRUE(works(doors[1].container, doors[1].fd, self->mem));
}

static int open_in_child(void *arg)
{
	int container = container_open(), group = group_open(pci_group(arg)), ret;

	ret = __group_set_container(group, container);
	if (!ret)
		ret = __container_set_iommu(container, VFIO_TYPE1v2_IOMMU);
	return -ret;
}

TEST_F(door, two_processes_one_vm)
{
	struct door door;

	reserve(self->second, VM);
	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(EBUSY, proc_run(open_in_child, (void *)self->second));
	EXPECT_EQ(DIRECTPATH_STATE_RESERVED, dev_state(self->second));
	door_close(&door);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	EXPECT_EQ(0, proc_run(open_in_child, (void *)self->second));
	EXPECT_TRUE(dev_reaches(self->second, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
}

TEST_F(door, groups_of_two_vms)
{
	int container, group, other;

	vm_new(OTHER, NULL);
	reserve(self->second, OTHER);
	container = container_open();
	group = group_open(pci_group(self->edu));
	other = group_open(pci_group(self->second));
	group_set_container(group, container);
	EXPECT_EQ(-EPERM, __group_set_container(other, container));
	container_set_iommu(container, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(-EPERM, __group_set_container(other, container));
	EXPECT_EQ(DIRECTPATH_STATE_RESERVED, dev_state(self->second));
	EXPECT_EQ(VFIO_GROUP_FLAGS_VIABLE, group_status(other));
}

/* A group file of an owner that lost the set: it opens nothing of the next owner's, and keeps nobody out. */
TEST_F(door, group_opened_before_the_set_changed_hands)
{
	int set = pci_group(self->edu), container = container_open(), group = group_open(set);
	struct door door;

	vm_new(OTHER, NULL);
	vm_detach(VM, self->edu, false);
	vm_attach(OTHER, self->edu);
	EXPECT_GT(0, __group_set_container(group, container));
	EXPECT_GT(0, __group_device(group, self->edu));
	EXPECT_EQ(DIRECTPATH_STATE_RESERVED, dev_state(self->edu));
	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	EXPECT_TRUE(works(door.container, door.fd, self->mem));
	EXPECT_GT(0, __group_set_container(group, container));
	EXPECT_GT(0, __group_device(group, self->edu));
	close(group);
	EXPECT_TRUE(works(door.container, door.fd, self->mem));
	door_close(&door);
}

/* The driver of a function that runs stays, and so does what it needs. */
TEST_F(door, modules_stay_while_it_runs)
{
	struct door door;

	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	EXPECT_NE(0, host_shell("rmmod vfio-pci 2>/dev/null"));
	EXPECT_NE(0, host_shell("rmmod vfio 2>/dev/null"));
	EXPECT_NE(0, host_shell("rmmod directpath 2>/dev/null"));
	EXPECT_TRUE(pci_driver_is(self->edu, "vfio-pci"));
	EXPECT_TRUE(works(door.container, door.fd, self->mem));
	door_close(&door);
}

/* --- nodes --- */

static int open_as_nobody(void *arg)
{
	int fd;

	proc_drop_root();
	fd = __group_open(*(int *)arg);
	return fd < 0 ? -fd : 0;
}

TEST_F(door, node_belongs_to_the_owner)
{
	struct vm_config owner = { .owner = true, .uid = 65534, .gid = 65534 };
	int set = pci_group(self->edu);
	char path[32];

	EXPECT_EQ(EACCES, proc_run(open_as_nobody, &set));
	vm_set(VM, &owner);
	EXPECT_EQ(0, proc_run(open_as_nobody, &set));
	vm_detach(VM, self->edu, false);
	EXPECT_EQ(EACCES, proc_run(open_as_nobody, &set));
	dev_release(self->edu, 0, 0);
	snprintf(path, sizeof(path), "/dev/vfio/%d", set);
	EXPECT_TRUE(wait_until(access(path, F_OK), 3000));
	EXPECT_EQ(-ENOENT, __group_open(set));
}

/* --- what is refused --- */

TEST_F(door, container_errors)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map), .flags = 3, .vaddr = (uintptr_t)self->mem, .size = PAGE };
	int container = container_open(), group;

	/* Empty. */
	EXPECT_EQ(-EINVAL, __container_set_iommu(container, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-EINVAL, fd_ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(0, fd_ioctl(container, VFIO_CHECK_EXTENSION, (void *)1000));
	EXPECT_GT(0, fd_ioctl(container, VFIO_GROUP_GET_STATUS, &map));
	/* With a group, and not yet set up. */
	group = group_open(pci_group(self->edu));
	group_set_container(group, container);
	EXPECT_EQ(-EINVAL, fd_ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(-EINVAL, __group_device(group, self->edu));
	EXPECT_GT(0, __container_set_iommu(container, VFIO_SPAPR_TCE_IOMMU));
	EXPECT_GT(0, __container_set_iommu(container, 1000));
	EXPECT_EQ(DIRECTPATH_STATE_RESERVED, dev_state(self->edu));
	container_set_iommu(container, VFIO_TYPE1_IOMMU);
	EXPECT_EQ(-EINVAL, __container_set_iommu(container, VFIO_TYPE1_IOMMU));
	EXPECT_TRUE(vm_is_empty(VM, 0));
}

TEST_F(door, iommu_errors)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap) };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map) };
	struct vfio_iommu_type1_info info = { .argsz = 8 };
	struct door door;
	int fd;

	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	fd = door.container;
	map.vaddr = (uintptr_t)self->mem;
	map.size = PAGE;
	map.iova = IOVA;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_IOMMU_MAP_DMA, &map)); /* neither read nor write */
	map.flags = 1 << 7 | VFIO_DMA_MAP_FLAG_READ;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_IOMMU_MAP_DMA, &map));
	map.flags = VFIO_DMA_MAP_FLAG_READ;
	map.argsz = sizeof(map) - 1;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_IOMMU_MAP_DMA, &map));
	EXPECT_EQ(-EFAULT, fd_ioctl(fd, VFIO_IOMMU_MAP_DMA, NULL));
	map.argsz = sizeof(map) + 100;
	EXPECT_EQ(0, fd_ioctl(fd, VFIO_IOMMU_MAP_DMA, &map));

	unmap.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	unmap.iova = IOVA;
	unmap.size = PAGE;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	unmap.flags = VFIO_DMA_UNMAP_FLAG_ALL;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	unmap.flags = 0;
	unmap.argsz = sizeof(unmap) - 1;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(-EFAULT, fd_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, NULL));
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_IOMMU_GET_INFO, &info));
	EXPECT_EQ(-EFAULT, fd_ioctl(fd, VFIO_IOMMU_GET_INFO, NULL));
	EXPECT_EQ(-ENOTTY, fd_ioctl(fd, _IO(VFIO_TYPE, VFIO_BASE + 60), NULL));
	unmap.argsz = sizeof(unmap);
	EXPECT_EQ(0, fd_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(PAGE, unmap.size);
	EXPECT_TRUE(vm_is_empty(VM, 0));
}

/* A map whose address is promised for later would let the kernel wait for its user. */
TEST_F(door, no_map_without_its_memory)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap), .iova = IOVA, .size = PAGE };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map), .iova = IOVA, .size = PAGE };
	struct door door;

	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(0, fd_ioctl(door.container, VFIO_CHECK_EXTENSION, (void *)VFIO_UPDATE_VADDR));
	map.vaddr = (uintptr_t)self->mem;
	map.flags = VFIO_DMA_MAP_FLAG_READ;
	ASSERT_EQ(0, fd_ioctl(door.container, VFIO_IOMMU_MAP_DMA, &map));
	unmap.flags = VFIO_DMA_UNMAP_FLAG_VADDR;
	EXPECT_EQ(-EINVAL, fd_ioctl(door.container, VFIO_IOMMU_UNMAP_DMA, &unmap));
	map.flags = VFIO_DMA_MAP_FLAG_VADDR;
	EXPECT_EQ(-EINVAL, fd_ioctl(door.container, VFIO_IOMMU_MAP_DMA, &map));
	unmap.flags = 0;
	EXPECT_EQ(0, fd_ioctl(door.container, VFIO_IOMMU_UNMAP_DMA, &unmap));
	EXPECT_EQ(PAGE, unmap.size);
}

TEST_F(door, group_errors)
{
	struct vfio_group_status status = { .argsz = 4 };
	int set = pci_group(self->edu), group = group_open(set), container = container_open();
	int null = open("/dev/null", O_RDWR);

	EXPECT_EQ(-EBUSY, __group_open(set));
	EXPECT_EQ(-ENOENT, __group_open(9999));
	EXPECT_EQ(-EINVAL, fd_ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	EXPECT_EQ(-EFAULT, fd_ioctl(group, VFIO_GROUP_GET_STATUS, NULL));
	EXPECT_EQ(-EBADF, __group_set_container(group, 9999));
	EXPECT_EQ(-EINVAL, __group_set_container(group, null));
	EXPECT_EQ(-EINVAL, __group_set_container(group, group));
	EXPECT_EQ(-EFAULT, fd_ioctl(group, VFIO_GROUP_SET_CONTAINER, NULL));
	EXPECT_EQ(-EINVAL, __group_unset_container(group));
	EXPECT_EQ(-EINVAL, __group_device(group, self->edu));
	EXPECT_GT(0, fd_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, NULL));
	EXPECT_EQ(-ENOTTY, fd_ioctl(group, VFIO_DEVICE_RESET, NULL));
	group_set_container(group, container);
	EXPECT_EQ(-EINVAL, __group_set_container(group, container));
	container_set_iommu(container, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(-ENODEV, __group_device(group, "0000:ff:1f.7"));
	EXPECT_EQ(-ENODEV, __group_device(group, self->second));
	EXPECT_EQ(-ENODEV, __group_device(group, ""));
	EXPECT_LE(0, __group_device(group, self->edu));
}

TEST_F(door, not_attached_to_a_vm)
{
	int container, group;
	struct door door;

	host_set(DIRECTPATH_A_HOST_ADHOC, 0);
	vm_detach(VM, self->edu, false);
	container = container_open();
	group = group_open(pci_group(self->edu));
	EXPECT_EQ(0, __group_set_container(group, container));
	EXPECT_EQ(-EPERM, __container_set_iommu(container, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(DIRECTPATH_STATE_READY, dev_state(self->edu));
	close(group);
	close(container);

	/* Unless the host allows it. */
	host_set(DIRECTPATH_A_HOST_ADHOC, 1);
	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	EXPECT_TRUE(works(door.container, door.fd, self->mem));
	door_close(&door);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_READY, SETTLE_MS));
}

/* The pattern of anonymous VMs has their limits, and is no VM itself. */
TEST_F(door, limits_of_anonymous_vms)
{
	const char *pattern = "adhoc-*";
	struct vm_config limits = { .limits = true, .max_pinned = PAGE }, owner = { .owner = true, .uid = 1000 };
	struct vm_config none = { .limits = true };
	struct door door;

	vm_detach(VM, self->edu, false);
	host_set(DIRECTPATH_A_HOST_ADHOC, 1);
	EXPECT_EQ(-EINVAL, __vm_set(pattern, &owner));
	EXPECT_EQ(-EINVAL, __vm_del(pattern));
	EXPECT_EQ(-EINVAL, __vm_attach(pattern, self->edu));
	vm_set(pattern, &limits);
	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(-EDQUOT, space_type1.map(door.container, self->mem, IOVA, 2 * PAGE, SPACE_RW));
	EXPECT_EQ(0, space_type1.map(door.container, self->mem, IOVA, PAGE, SPACE_RW));
	door_close(&door);
	vm_set(pattern, &none);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_READY, SETTLE_MS));
	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(0, space_type1.map(door.container, self->mem, IOVA, 2 * PAGE, SPACE_RW));
	door_close(&door);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_READY, SETTLE_MS));
}

/* Over the limit of the process, as VFIO says it. */
TEST_F(door, over_the_limit)
{
	struct door door;

	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	proc_limit_locked(2 * PAGE);
	proc_keep_caps(1ULL << 21);
	EXPECT_EQ(-ENOMEM, space_type1.map(door.container, self->mem, IOVA, 4 * PAGE, SPACE_RW));
	EXPECT_TRUE(vm_is_empty(VM, 0));
	EXPECT_EQ(0, space_type1.map(door.container, self->mem, IOVA, 2 * PAGE, SPACE_RW));
}

TEST_F(door, revoked)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct door door;

	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	ASSERT_EQ(0, space_type1.map(door.container, self->mem, IOVA, PAGE, SPACE_RW));
	vm_detach(VM, self->edu, true);
	EXPECT_EQ(-ENODEV, fd_ioctl(door.fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_GT(0, __group_device(door.group, self->edu));
	/* The container goes on as a container without devices. */
	EXPECT_EQ(0, space_type1.unmap(door.container, IOVA, PAGE, NULL));
	door_close(&door);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	/* And the next one gets the device. */
	vm_new(OTHER, NULL);
	vm_attach(OTHER, self->edu);
	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	EXPECT_TRUE(works(door.container, door.fd, self->mem));
}

/* The native door and this one do not have a VM at the same time in two processes, nor a device in two spaces. */
TEST_F(door, both_doors)
{
	struct door door;
	int vm_fd;

	vm_fd = vm_open(VM);
	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	EXPECT_EQ(-EBUSY, __vm_device(vm_fd, self->edu));
	EXPECT_TRUE(works(door.container, door.fd, self->mem));
	door_close(&door);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	EXPECT_LE(0, __vm_device(vm_fd, self->edu));
}

HOST_MAIN(HOST_VFIO)
