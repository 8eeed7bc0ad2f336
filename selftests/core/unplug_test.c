// SPDX-License-Identifier: GPL-2.0
/*
 * Functions that leave: hot-unplugged, removed or unbound through sysfs, in each state. What their VM keeps reaches nothing, and nothing stays behind.
 */
#include "kselftest_harness.h"

#include <stdlib.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-unplug"
#define IOVA 0x10000000ULL
#define ONES 0xffffffffU
#define REQ VFIO_PCI_REQ_IRQ_INDEX
#define STATE(name) DIRECTPATH_STATE_##name
#define PATIENCE_MS 1500

/* The function in the empty slot, and one that stays. */
FIXTURE(unplug) {
	const char *hot;
	const char *other;
	char *mem; /* two pages */
};

static bool plug(const char *address, const char *arguments)
{
	char command[160];

	snprintf(command, sizeof(command), "qmp device_add id=hot bus=rp5 %s", arguments);
	return !host_shell(command) && wait_until(pci_present(address), SETTLE_MS);
}

#define EDU "driver=edu dma_mask=0xffffffffffffffff"

/* Returns before the host has let it go. */
static bool eject(void)
{
	return !host_shell("qmp device_del id=hot");
}

static bool is_gone(const char *address)
{
	return wait_until(!pci_present(address), SETTLE_MS);
}

FIXTURE_SETUP(unplug)
{
	ASSERT_EQ(0, host_restore());
	self->hot = getenv("DP_HOTPLUG");
	self->other = pci_env("DP_EDU1");
	if (!self->hot || !self->other)
		SKIP(return, "no empty slot on this machine");
	ASSERT_TRUE(plug(self->hot, EDU));
	self->mem = mem_new(MEM_ANON, 2 * PAGE);
	ASSERT_NE(NULL, self->mem);
	host_set(DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, PATIENCE_MS);
	dev_set_policy(self->hot, "none");
}

FIXTURE_TEARDOWN_PARENT(unplug)
{
	EXPECT_EQ(0, host_restore());
	if (self->hot && pci_present(self->hot)) {
		EXPECT_TRUE(eject());
		EXPECT_TRUE(is_gone(self->hot));
	}
}

static bool unknown(const char *address)
{
	struct dev_info info;

	return __dev_get(address, &info) == -ENODEV;
}

static unsigned int claimed(void)
{
	struct host_info host;

	host_get(&host);
	return host.devices_claimed;
}

static unsigned int attached(void)
{
	struct vm_info vm;

	vm_get(VM, &vm);
	return vm.nr_devices;
}

static bool node_exists(int group)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	return !access(path, F_OK);
}

/* --- idle --- */

TEST_F_TIMEOUT(unplug, on_the_host, 120)
{
	EXPECT_TRUE(eject());
	EXPECT_TRUE(is_gone(self->hot));
	EXPECT_TRUE(wait_until(unknown(self->hot), SETTLE_MS));
}

TEST_F_TIMEOUT(unplug, claimed, 120)
{
	int group = pci_group(self->hot);

	dev_claim(self->hot, 0, 0);
	EXPECT_EQ(1, claimed());
	EXPECT_TRUE(node_exists(group));
	EXPECT_TRUE(eject());
	EXPECT_TRUE(is_gone(self->hot));
	EXPECT_TRUE(wait_until(unknown(self->hot), SETTLE_MS));
	EXPECT_EQ(0, claimed());
	EXPECT_FALSE(node_exists(group));

	/* What comes into the slot next is a stranger. */
	ASSERT_TRUE(plug(self->hot, EDU));
	ASSERT_TRUE(wait_until(!unknown(self->hot), SETTLE_MS));
	EXPECT_EQ(STATE(HOST), dev_state(self->hot));
	EXPECT_TRUE(pci_driver_is(self->hot, ""));
}

TEST_F_TIMEOUT(unplug, reserved, 120)
{
	struct vm_config one = { .limits = true, .max_devices = 1 };

	dev_claim(self->hot, 0, 0);
	vm_new(VM, &one);
	vm_attach(VM, self->hot);
	EXPECT_TRUE(eject());
	EXPECT_TRUE(is_gone(self->hot));
	EXPECT_TRUE(wait_until(!attached(), SETTLE_MS));
	EXPECT_EQ(0, claimed());

	/* Its share of the limit is free again. */
	ASSERT_TRUE(plug(self->hot, EDU));
	dev_set_policy(self->hot, "none");
	dev_claim(self->hot, 0, 0);
	vm_attach(VM, self->hot);
	EXPECT_EQ(STATE(RESERVED), dev_state(self->hot));
}

/* --- running --- */

struct guest {
	int vm;
	int fd;
	int other;
	struct edu edu;
	struct edu kept;
};

/* A VM with the hot function and one that stays, both in one space. */
static void start(FIXTURE_DATA(unplug) *self, struct guest *guest)
{
	dev_set_policy(self->other, "none");
	dev_claim(self->hot, 0, 0);
	dev_claim(self->other, 0, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->hot);
	vm_attach(VM, self->other);
	guest->vm = vm_open(VM);
	guest->fd = vm_device(guest->vm, self->hot);
	guest->other = vm_device(guest->vm, self->other);
	device_enable(guest->fd);
	device_enable(guest->other);
	edu_map(&guest->edu, guest->fd);
	edu_map(&guest->kept, guest->other);
	space_map(guest->vm, self->mem, IOVA, 2 * PAGE, SPACE_RW);
}

static bool works(struct edu *edu, char *page, uint64_t iova)
{
	mem_fill(page, PAGE, 1);
	edu_fetch(edu, iova, 0, EDU_DMA_MAX);
	memset(page, 0, PAGE);
	edu_store(edu, iova, 0, EDU_DMA_MAX);
	return mem_holds(page, EDU_DMA_MAX, 1);
}

/* What the VM has of the lost function is dead; what it has of the other one works. */
static void check_lost(struct __test_metadata *_metadata, FIXTURE_DATA(unplug) *self, struct guest *guest)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int efd = efd_new();
	uint32_t word;

	EXPECT_EQ(ONES, edu_read(&guest->edu, EDU_ID));
	EXPECT_EQ(-ENODEV, fd_ioctl(guest->fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(-ENODEV, __device_read(guest->fd, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4));
	EXPECT_EQ(-ENODEV, __device_read(guest->fd, 0, 0, &word, 4));
	EXPECT_EQ(-ENODEV, __irq_trigger(guest->fd, 1, 0, 1, &efd));
	EXPECT_EQ(-ENODEV, __device_reset(guest->fd));
	EXPECT_TRUE(works(&guest->kept, self->mem, IOVA));
}

static void stop(struct __test_metadata *_metadata, struct guest *guest)
{
	edu_unmap(&guest->edu);
	edu_unmap(&guest->kept);
	close(guest->fd);
	close(guest->other);
	close(guest->vm);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
}

/* Nobody listens to the REQ notice: it is taken at once. */
TEST_F_TIMEOUT(unplug, running, 120)
{
	struct guest guest;

	start(self, &guest);
	EXPECT_TRUE(works(&guest.edu, self->mem, IOVA));
	EXPECT_TRUE(eject());
	EXPECT_TRUE(is_gone(self->hot));
	EXPECT_TRUE(wait_until(unknown(self->hot), SETTLE_MS));
	check_lost(_metadata, self, &guest);
	EXPECT_EQ(1, attached());
	EXPECT_EQ(STATE(RUNNING), dev_state(self->other));
	stop(_metadata, &guest);
	EXPECT_TRUE(dev_reaches(self->other, STATE(RESERVED), SETTLE_MS));

	ASSERT_TRUE(plug(self->hot, EDU));
	EXPECT_EQ(STATE(HOST), dev_state(self->hot));
}

TEST_F_TIMEOUT(unplug, running_vmm_gives_it_back, 120)
{
	int req = efd_new();
	struct guest guest;
	uint64_t asked;

	start(self, &guest);
	host_set(DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, SETTLE_MS);
	irq_trigger(guest.fd, REQ, 0, 1, &req);
	EXPECT_TRUE(eject());
	ASSERT_LE(1, efd_wait(req, SETTLE_MS));
	asked = now_ms();
	/* Asked, not forced: the guest still has the device. */
	EXPECT_TRUE(works(&guest.edu, self->mem, IOVA));
	EXPECT_EQ(STATE(RUNNING), dev_state(self->hot));
	EXPECT_TRUE(pci_present(self->hot));
	edu_unmap(&guest.edu);
	close(guest.fd);
	EXPECT_TRUE(is_gone(self->hot));
	EXPECT_GT(SETTLE_MS / 2, now_ms() - asked);
	EXPECT_TRUE(works(&guest.kept, self->mem, IOVA));
	EXPECT_EQ(1, attached());
}

TEST_F_TIMEOUT(unplug, running_vmm_only_listens, 120)
{
	int req = efd_new();
	struct guest guest;

	start(self, &guest);
	irq_trigger(guest.fd, REQ, 0, 1, &req);
	EXPECT_TRUE(eject());
	ASSERT_LE(1, efd_wait(req, SETTLE_MS));
	EXPECT_TRUE(is_gone(self->hot));
	check_lost(_metadata, self, &guest);
	stop(_metadata, &guest);
}

TEST_F_TIMEOUT(unplug, running_through_the_vfio_door, 120)
{
	int group = pci_group(self->hot);
	struct door door;
	struct edu edu;

	dev_claim(self->hot, 0, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->hot);
	door_open(&door, self->hot, VFIO_TYPE1v2_IOMMU);
	device_enable(door.fd);
	edu_map(&edu, door.fd);
	ASSERT_EQ(0, space_type1.map(door.container, self->mem, IOVA, PAGE, SPACE_RW));
	EXPECT_TRUE(works(&edu, self->mem, IOVA));
	EXPECT_TRUE(eject());
	EXPECT_TRUE(is_gone(self->hot));
	EXPECT_EQ(ONES, edu_read(&edu, EDU_ID));
	EXPECT_EQ(-ENODEV, __device_reset(door.fd));
	EXPECT_FALSE(node_exists(group));
	/* The container outlives it, with what is mapped. */
	EXPECT_EQ(0, space_type1.unmap(door.container, IOVA, PAGE, NULL));
	edu_unmap(&edu);
	door_close(&door);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_EQ(0, claimed());
}

/* --- by hand --- */

TEST_F_TIMEOUT(unplug, unbound_by_hand, 120)
{
	dev_claim(self->hot, 0, 0);
	EXPECT_EQ(0, pci_unbind(self->hot));
	EXPECT_TRUE(dev_reaches(self->hot, STATE(HOST), SETTLE_MS));
	EXPECT_EQ(0, claimed());

	dev_claim(self->hot, 0, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->hot);
	EXPECT_EQ(0, pci_unbind(self->hot));
	EXPECT_TRUE(dev_reaches(self->hot, STATE(HOST), SETTLE_MS));
	EXPECT_EQ(0, attached());
	EXPECT_EQ(0, claimed());
	dev_claim(self->hot, 0, 0);
	EXPECT_EQ(STATE(READY), dev_state(self->hot));
}

TEST_F_TIMEOUT(unplug, unbound_while_running, 120)
{
	struct guest guest;

	start(self, &guest);
	EXPECT_EQ(0, pci_unbind(self->hot));
	check_lost(_metadata, self, &guest);
	EXPECT_TRUE(dev_reaches(self->hot, STATE(HOST), SETTLE_MS));
	EXPECT_TRUE(pci_driver_is(self->hot, ""));
	EXPECT_EQ(0, pci_config_read(self->hot, 4, 2) & 4);
	/* Its next owner has nothing to do with the old run, which is still open. */
	dev_claim(self->hot, 0, 0);
	EXPECT_EQ(-EPERM, __vm_device(guest.vm, self->hot));
	vm_attach(VM, self->hot);
	stop(_metadata, &guest);
	EXPECT_TRUE(dev_reaches(self->hot, STATE(RESERVED), SETTLE_MS));
}

/* The sysfs way out, and in again. */
TEST_F_TIMEOUT(unplug, removed_and_found_again, 120)
{
	const char *nvme = pci_env("DP_NVME");
	char command[128];

	dev_claim(nvme, DEV_UNBIND, 0);
	snprintf(command, sizeof(command), "echo 1 >/sys/bus/pci/devices/%s/remove", nvme);
	EXPECT_EQ(0, host_shell(command));
	EXPECT_FALSE(pci_present(nvme));
	EXPECT_TRUE(wait_until(unknown(nvme), SETTLE_MS));
	EXPECT_EQ(0, claimed());
	EXPECT_EQ(0, host_shell("echo 1 >/sys/bus/pci/rescan"));
	ASSERT_TRUE(wait_until(pci_present(nvme), SETTLE_MS));
	EXPECT_TRUE(wait_until(pci_driver_is(nvme, "nvme"), SETTLE_MS));
	EXPECT_EQ(STATE(HOST), dev_state(nvme));
}

HOST_MAIN(HOST_VFIO)
