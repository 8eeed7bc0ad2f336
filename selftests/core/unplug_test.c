// SPDX-License-Identifier: GPL-2.0
/*
 * Functions that leave: hot-unplugged, removed or unbound through sysfs, in each state. What their VM keeps reaches nothing, and nothing stays behind.
 */
#include "kselftest_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
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
	return qmp("device_add id=hot bus=rp5 %s", arguments) && wait_until(pci_settled(address), SETTLE_MS);
}

#define EDU "driver=edu dma_mask=0xffffffffffffffff"

/* Returns before the host has let it go. */
static bool eject(void)
{
	return qmp("device_del id=hot");
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

static bool works(struct edu *edu, char *page, uint64_t iova)
{
	mem_fill(page, PAGE, 1);
	edu_fetch(edu, iova, 0, EDU_DMA_MAX);
	memset(page, 0, PAGE);
	edu_store(edu, iova, 0, EDU_DMA_MAX);
	return mem_holds(page, EDU_DMA_MAX, 1);
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
	EXPECT_TRUE(wait_until(!claimed(), SETTLE_MS));
	EXPECT_TRUE(wait_until(!node_exists(group), SETTLE_MS));

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
	EXPECT_TRUE(wait_until(!claimed(), SETTLE_MS));

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

#define SIGHTS 12

/* Returns as soon as it is seen, without a pause. */
static bool plug_nvme(const char *address)
{
	uint64_t end = now_ms() + SETTLE_MS;

	if (!qmp_add_nvme("hot", "rp5"))
		return false;
	while (!pci_settled(address))
		if (now_ms() > end)
			return false;
	return true;
}

/* A rule of udev's claims it before the kernel has given it its BARs: they are what every reset restores. */
TEST_F_TIMEOUT(unplug, claimed_at_first_sight, 120)
{
	unsigned int i;

	for (i = 0; i < SIGHTS; i++) {
		EXPECT_TRUE(eject());
		EXPECT_TRUE(is_gone(self->hot));
		ASSERT_TRUE(plug_nvme(self->hot));
		dev_claim(self->hot, DEV_UNBIND, 0);
		EXPECT_EQ(0, __dev_reset(self->hot)) TH_LOG("%s", ctl_last.text);
		EXPECT_NE(0, pci_config_read(self->hot, PCI_BASE_ADDRESS_0, 4) & PCI_BASE_ADDRESS_MEM_MASK) TH_LOG("sight %u", i);
		dev_release(self->hot, DEV_DRIVERLESS, 0);
	}
}

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
	EXPECT_TRUE(wait_until(attached() == 1, SETTLE_MS));
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
	EXPECT_TRUE(wait_until(attached() == 1, SETTLE_MS));
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
	EXPECT_TRUE(wait_until(unknown(self->hot), SETTLE_MS));
	EXPECT_TRUE(wait_until(!node_exists(group), SETTLE_MS));
	/* The container outlives it, with what is mapped. */
	EXPECT_EQ(0, space_type1.unmap(door.container, IOVA, PAGE, NULL));
	edu_unmap(&edu);
	door_close(&door);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_TRUE(wait_until(!claimed(), SETTLE_MS));
}

/* --- by hand --- */

TEST_F_TIMEOUT(unplug, unbound_by_hand, 120)
{
	dev_claim(self->hot, 0, 0);
	EXPECT_EQ(0, pci_unbind(self->hot));
	EXPECT_TRUE(dev_reaches(self->hot, STATE(HOST), SETTLE_MS));
	EXPECT_TRUE(wait_until(!claimed(), SETTLE_MS));

	dev_claim(self->hot, 0, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->hot);
	EXPECT_EQ(0, pci_unbind(self->hot));
	EXPECT_TRUE(dev_reaches(self->hot, STATE(HOST), SETTLE_MS));
	EXPECT_TRUE(wait_until(!attached(), SETTLE_MS));
	EXPECT_TRUE(wait_until(!claimed(), SETTLE_MS));
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
	EXPECT_TRUE(wait_until(!claimed(), SETTLE_MS));
	EXPECT_EQ(0, host_shell("echo 1 >/sys/bus/pci/rescan"));
	ASSERT_TRUE(wait_until(pci_settled(nvme), SETTLE_MS));
	EXPECT_TRUE(wait_until(pci_driver_is(nvme, "nvme"), SETTLE_MS));
	EXPECT_EQ(STATE(HOST), dev_state(nvme));
}

/* --- several functions --- */

#define HOOK "t-unplug"

/* A card with two functions in the slot, one set. */
FIXTURE(card) {
	const char *first;
	char second[16];
};

static bool add(const char *id, unsigned int function, const char *arguments)
{
	return qmp("device_add id=%s bus=rp5 addr=0.%u %s", id, function, arguments);
}

/* Has the IOMMU layer put the other one into its set? */
static bool is_whole(const char *address)
{
	struct dev_info info;

	return !__dev_get(address, &info) && info.nr_members == 1;
}

FIXTURE_SETUP(card)
{
	ASSERT_EQ(0, host_restore());
	self->first = getenv("DP_HOTPLUG");
	if (!self->first)
		SKIP(return, "no empty slot on this machine");
	snprintf(self->second, sizeof(self->second), "%.*s.1", (int)strlen(self->first) - 2, self->first);
	/* The slot is looked at when function 0 is there. */
	ASSERT_TRUE(add("hot1", 1, EDU " multifunction=on"));
	ASSERT_TRUE(add("hot", 0, EDU " multifunction=on"));
	ASSERT_TRUE(wait_until(is_whole(self->first) && is_whole(self->second), SETTLE_MS));
	dev_set_policy(self->first, "none");
	dev_set_policy(self->second, "none");
	dev_claim(self->first, DEV_WHOLE_SET, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->first);
}

FIXTURE_TEARDOWN_PARENT(card)
{
	EXPECT_EQ(0, host_restore());
	if (self->first && pci_present(self->first)) {
		EXPECT_TRUE(eject());
		EXPECT_TRUE(is_gone(self->first));
	}
}

static void check_gone(struct __test_metadata *_metadata, FIXTURE_DATA(card) *self)
{
	EXPECT_TRUE(eject());
	EXPECT_TRUE(is_gone(self->first));
	EXPECT_TRUE(is_gone(self->second));
	EXPECT_TRUE(wait_until(unknown(self->first) && unknown(self->second), SETTLE_MS));
	EXPECT_TRUE(wait_until(!claimed(), SETTLE_MS));
	EXPECT_TRUE(wait_until(!attached(), SETTLE_MS));
}

static void begin_clean(FIXTURE_DATA(card) *self)
{
	int vm_fd;

	dp_assert(!__dev_set_hook(self->first, HOOK) && !__dev_set_hook(self->second, HOOK), "no hook");
	vm_fd = vm_open(VM);
	close(vm_device(vm_fd, self->first));
	close(vm_fd);
	dp_assert(dev_reaches(self->first, STATE(RESERVED), SETTLE_MS), "%s", dev_state_name(dev_state(self->first)));
	vm_detach(VM, self->first, false);
	dp_assert(dev_state(self->second) == STATE(DIRTY), "%s", dev_state_name(dev_state(self->second)));
	dp_assert(!__dev_clean(self->second, DIRECTPATH_CLEAN_STEP_BEGIN, NULL), "%s", ctl_last.text);
}

/* What comes to the set while its DMA is lent to the host is a stranger all the same. */
TEST_F_TIMEOUT(card, stranger_while_being_cleaned, 180)
{
	char command[128];

	begin_clean(self);
	snprintf(command, sizeof(command), "echo 1 >/sys/bus/pci/devices/%s/remove && echo 1 >/sys/bus/pci/rescan", self->first);
	ASSERT_EQ(0, host_shell(command));
	ASSERT_TRUE(wait_until(pci_settled(self->first), SETTLE_MS));
	ASSERT_EQ(pci_group(self->second), pci_group(self->first));
	EXPECT_EQ(0, __dev_clean(self->second, DIRECTPATH_CLEAN_STEP_DONE, NULL));
	EXPECT_EQ(STATE(READY), dev_state(self->second));
	EXPECT_EQ(STATE(HOST), dev_state(self->first));
	EXPECT_GT(0, __vm_attach(VM, self->second));
	EXPECT_NE(NULL, strstr(ctl_last.text, "added")) TH_LOG("%s", ctl_last.text);
	/* As it says: released and claimed again, the set is whole. */
	dev_release(self->second, DEV_WHOLE_SET, 0);
	dev_set_policy(self->first, "none");
	dev_claim(self->first, DEV_WHOLE_SET, 0);
	EXPECT_TRUE(dev_reaches(self->first, STATE(READY), SETTLE_MS));
	vm_attach(VM, self->first);
}

static bool find_again(const char *address)
{
	return host_does("echo 1 >/sys/bus/pci/rescan") && wait_until(pci_settled(address), SETTLE_MS);
}

static void check_stranger(struct __test_metadata *_metadata, FIXTURE_DATA(card) *self, int vm_fd)
{
	struct dev_info info;

	ASSERT_EQ(pci_group(self->first), pci_group(self->second));
	dev_get(self->second, &info);
	EXPECT_EQ(STATE(HOST), info.state);
	EXPECT_STREQ("", info.vm);
	EXPECT_TRUE(wait_until(attached() == 1, SETTLE_MS));
	EXPECT_GT(0, __vm_device(vm_fd, self->second));
	EXPECT_EQ(0, pci_config_read(self->second, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	/* Bound to us by hand it is one more that nobody can open. */
	dev_set_policy(self->second, "none");
	EXPECT_TRUE(pci_set_override(self->second, "directpath"));
	pci_bind(self->second, "directpath");
	EXPECT_GT(0, __vm_device(vm_fd, self->second));
	EXPECT_EQ(0, pci_config_read(self->second, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	if (pci_driver_is(self->second, "directpath"))
		EXPECT_EQ(0, pci_unbind(self->second));
	EXPECT_TRUE(pci_set_override(self->second, ""));
}

/* The set has one function only when it is claimed. */
static void begin_alone(FIXTURE_DATA(card) *self)
{
	vm_detach(VM, self->first, false);
	dev_release(self->first, DEV_WHOLE_SET, 0);
	dp_assert(host_does("echo 1 >/sys/bus/pci/devices/%s/remove", self->second), "%s stays", self->second);
	dp_assert(wait_until(unknown(self->second), SETTLE_MS), "%s is still known", self->second);
	dev_claim(self->first, 0, 0);
	vm_attach(VM, self->first);
}

/* The set is another one than the VM was given. */
static void check_changed(struct __test_metadata *_metadata, FIXTURE_DATA(card) *self)
{
	vm_detach(VM, self->first, false);
	EXPECT_GT(0, __vm_attach(VM, self->first));
	EXPECT_NE(NULL, strstr(ctl_last.text, "added")) TH_LOG("%s", ctl_last.text);
	dev_release(self->first, DEV_WHOLE_SET, 0);
	EXPECT_TRUE(dev_reaches(self->first, STATE(HOST), SETTLE_MS));
	EXPECT_TRUE(dev_reaches(self->second, STATE(HOST), SETTLE_MS));
}

TEST_F_TIMEOUT(card, stranger_while_reserved, 180)
{
	int vm_fd;

	begin_alone(self);
	vm_fd = vm_open(VM);
	ASSERT_TRUE(find_again(self->second));
	check_stranger(_metadata, self, vm_fd);
	/* Both can reach each other's DMA: the VM gets neither. */
	EXPECT_EQ(-EPERM, __vm_device(vm_fd, self->first));
	close(vm_fd);
	check_changed(_metadata, self);
}

TEST_F_TIMEOUT(card, stranger_while_running, 180)
{
	char *mem = mem_new(MEM_ANON, PAGE);
	struct edu edu;
	int vm_fd, fd;

	begin_alone(self);
	vm_fd = vm_open(VM);
	space_map(vm_fd, mem, IOVA, PAGE, SPACE_RW);
	fd = vm_device(vm_fd, self->first);
	device_enable(fd);
	edu_map(&edu, fd);
	ASSERT_TRUE(works(&edu, mem, IOVA));
	ASSERT_TRUE(find_again(self->second));
	check_stranger(_metadata, self, vm_fd);
	EXPECT_TRUE(works(&edu, mem, IOVA));
	edu_unmap(&edu);
	close(fd);
	close(vm_fd);
	EXPECT_TRUE(dev_reaches(self->first, STATE(RESERVED), SETTLE_MS));
	check_changed(_metadata, self);
}

/* One that was bound to us by hand, and so waits for the end of the run, leaves again: that is no end of it. */
TEST_F_TIMEOUT(card, stranger_leaves_while_running, 180)
{
	char *mem = mem_new(MEM_ANON, PAGE);
	struct edu edu;
	int vm_fd, fd;

	begin_alone(self);
	vm_fd = vm_open(VM);
	space_map(vm_fd, mem, IOVA, PAGE, SPACE_RW);
	fd = vm_device(vm_fd, self->first);
	device_enable(fd);
	edu_map(&edu, fd);
	ASSERT_TRUE(find_again(self->second));
	dev_set_policy(self->second, "none");
	ASSERT_TRUE(pci_set_override(self->second, "directpath"));
	ASSERT_EQ(0, pci_bind(self->second, "directpath"));
	EXPECT_TRUE(dev_reaches(self->second, STATE(CLAIMING), SETTLE_MS));
	EXPECT_TRUE(host_does("echo 1 >/sys/bus/pci/devices/%s/remove", self->second));
	EXPECT_TRUE(works(&edu, mem, IOVA));
	EXPECT_EQ(STATE(RUNNING), dev_state(self->first));
	edu_unmap(&edu);
	close(fd);
	close(vm_fd);
	EXPECT_TRUE(dev_reaches(self->first, STATE(RESERVED), SETTLE_MS));
	EXPECT_TRUE(wait_until(unknown(self->second), SETTLE_MS));
	ASSERT_TRUE(find_again(self->second));
	check_changed(_metadata, self);
}

/* While one is being cleaned, and so the host's, and the other waits for its turn. */
TEST_F_TIMEOUT(card, being_cleaned, 180)
{
	begin_clean(self);
	EXPECT_TRUE(pci_driver_is(self->second, ""));
	EXPECT_FALSE(pci_driver_is(self->first, ""));
	check_gone(_metadata, self);
	EXPECT_EQ(-ENODEV, __dev_clean(self->second, DIRECTPATH_CLEAN_STEP_DONE, NULL));
}

/* While one runs, and the other is its companion that nobody has opened. */
TEST_F_TIMEOUT(card, running, 180)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int vm_fd, fd;
	struct edu edu;

	vm_fd = vm_open(VM);
	fd = vm_device(vm_fd, self->second);
	device_enable(fd);
	edu_map(&edu, fd);
	ASSERT_TRUE(edu_present(&edu));
	host_set(DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, PATIENCE_MS);
	check_gone(_metadata, self);
	EXPECT_EQ(ONES, edu_read(&edu, EDU_ID));
	EXPECT_EQ(-ENODEV, fd_ioctl(fd, VFIO_DEVICE_GET_INFO, &info));
	edu_unmap(&edu);
	close(fd);
	close(vm_fd);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
}

HOST_MAIN(HOST_VFIO)
