// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM keeps of a device that it has lost: an fd, a map of a BAR, an eventfd. They reach nothing, whoever has the device now.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-lease"
#define NEXT "t-lease-next"
#define IOVA 0x10000000ULL
#define MARK 0x12345678U
#define ONES 0xffffffffU
#define SOON_MS 3000
#define NEVER_MS 100

FIXTURE(lease) {
	struct rig old;
	struct rig next;
	char *mem; /* two pages */
	int efd;
	int req;
};

FIXTURE_SETUP(lease)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->old, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	rig_open(&self->old);
	self->next = self->old;
	snprintf(self->next.vm, sizeof(self->next.vm), NEXT);
	self->mem = mem_new(MEM_SHARED, 2 * PAGE);
	self->efd = efd_new();
	self->req = efd_new();
	memset(self->mem, 0, 2 * PAGE);
}

FIXTURE_TEARDOWN_PARENT(lease)
{
	EXPECT_EQ(0, host_restore());
}

/* Take the device away from the old VM and give it to the next one, which is another process. */
static void hand_over(FIXTURE_DATA(lease) *self)
{
	vm_detach(VM, self->old.address, true);
	vm_new(NEXT, NULL);
	vm_attach(NEXT, self->old.address);
}

static void check_dead(struct __test_metadata *_metadata, FIXTURE_DATA(lease) *self)
{
	uint32_t index = VFIO_PCI_CONFIG_REGION_INDEX, word = 0;
	int fd = self->old.fd;
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info region;
	struct vfio_irq_info irq;

	EXPECT_EQ(-ENODEV, fd_ioctl(fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(-ENODEV, __device_region(fd, 0, &region));
	EXPECT_EQ(-ENODEV, __device_irq_info(fd, 1, &irq));
	EXPECT_EQ(-ENODEV, __device_reset(fd));
	EXPECT_EQ(-ENODEV, __irq_trigger(fd, 1, 0, 1, &self->efd));
	EXPECT_EQ(-ENODEV, __irq_loopback(fd, 1, 0, 1));
	EXPECT_EQ(-ENODEV, __irq_disable(fd, 1));
	EXPECT_EQ(-ENODEV, __device_read(fd, index, 0, &word, 4));
	EXPECT_EQ(-ENODEV, __device_write(fd, index, 4, &word, 2));
	EXPECT_EQ(-ENODEV, __device_read(fd, 0, 0, &word, 4));
	EXPECT_EQ(-ENODEV, __device_write(fd, 0, EDU_ALIVE, &word, 4));
	EXPECT_EQ(MAP_FAILED, __device_mmap(fd, 0, PAGE));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(lease, revoked_fd_is_dead)
{
	vm_detach(VM, self->old.address, true);
	EXPECT_EQ(DIRECTPATH_STATE_READY, dev_state(self->old.address));
	check_dead(_metadata, self);
	/* The VM itself runs on, without the device. */
	EXPECT_EQ(-EPERM, __vm_device(self->old.vm_fd, self->old.address));
	space_map(self->old.vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	space_unmap(self->old.vm_fd, IOVA, PAGE);
}

TEST_F(lease, revoked_map_shows_ones)
{
	struct edu *edu = &self->old.edu;

	edu_write(edu, EDU_ALIVE, ~MARK);
	ASSERT_EQ(MARK, edu_read(edu, EDU_ALIVE));
	vm_detach(VM, self->old.address, true);
	EXPECT_EQ(ONES, edu_read(edu, EDU_ID));
	EXPECT_EQ(ONES, edu_read(edu, EDU_ALIVE));
	/* A store goes nowhere, and is forgotten. */
	edu_write(edu, EDU_ALIVE, 0);
	EXPECT_TRUE(wait_until(edu_read(edu, EDU_ALIVE) == ONES, 1000));
	EXPECT_EQ(ONES, edu_read(edu, EDU_ID));
}

TEST_F(lease, map_not_touched_before_the_revoke)
{
	volatile uint32_t *bar = device_mmap(self->old.fd, 0, 4 * PAGE);

	vm_detach(VM, self->old.address, true);
	EXPECT_EQ(ONES, bar[0]);
	EXPECT_EQ(ONES, bar[3 * PAGE / 4]);
	bar[1] = 0;
	EXPECT_TRUE(wait_until(bar[1] == ONES, 1000));
}

/* The next VM's side: it leaves a mark in the device, and says whether it is still there. */
static void run_next(struct peer *self, void *arg)
{
	struct rig *rig = arg;
	int efd = efd_new();

	rig_open(rig);
	irq_trigger(rig->fd, 1, 0, 1, &efd);
	edu_write(&rig->edu, EDU_ALIVE, ~MARK);
	peer_tell(self, 'r');
	peer_hear(self, SETTLE_MS);
	dp_assert(edu_read(&rig->edu, EDU_ALIVE) == MARK, "the mark was changed: %#x", edu_read(&rig->edu, EDU_ALIVE));
	dp_assert(edu_read(&rig->edu, EDU_IRQ_STATUS) == 0, "somebody raised an interrupt");
	dp_assert(device_config_read(rig->fd, 4, 2) & 4, "somebody took the bus master bit");
	dp_assert(!efd_wait(efd, NEVER_MS), "an interrupt that was not ours");
	edu_raise(&rig->edu, 1);
	dp_assert(efd_wait(efd, SOON_MS) == 1, "our interrupt is lost");
	edu_ack(&rig->edu);
	peer_tell(self, 'i');
	peer_hear(self, SETTLE_MS);
}

TEST_F_TIMEOUT(lease, old_things_do_not_reach_the_next_vm, 60)
{
	struct edu *edu = &self->old.edu;
	struct peer next;
	unsigned int i;

	irq_trigger(self->old.fd, 1, 0, 1, &self->efd);
	edu_raise(edu, 1);
	ASSERT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(edu);
	hand_over(self);
	peer_start(&next, run_next, &self->next);
	ASSERT_EQ('r', peer_hear(&next, SETTLE_MS));
	ASSERT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(self->old.address));

	check_dead(_metadata, self);
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(ONES, edu_read(edu, EDU_ID));
		edu_write(edu, EDU_ALIVE, i);
		edu_write(edu, EDU_IRQ_RAISE, 1);
		edu_write(edu, EDU_IRQ_ACK, ONES);
		usleep(6000);
	}
	EXPECT_TRUE(wait_until(edu_read(edu, EDU_ALIVE) == ONES, 1000));
	/* The next VM looks, and raises an interrupt: it is heard there only. */
	peer_tell(&next, 'l');
	EXPECT_EQ('i', peer_hear(&next, SETTLE_MS));
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));

	/* A late close takes nothing from the next VM. */
	rig_close(&self->old);
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(self->old.address));
	peer_tell(&next, 'e');
	EXPECT_EQ(0, peer_wait(&next));
	EXPECT_TRUE(dev_reaches(self->old.address, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
}

TEST_F(lease, old_maps_are_not_the_next_vms)
{
	struct rig *next = &self->next;
	char *canary = self->mem;

	space_map(self->old.vm_fd, canary, IOVA, PAGE, SPACE_RW);
	mem_fill(canary, PAGE, 1);
	edu_fetch(&self->old.edu, IOVA, 0, EDU_DMA_MAX);
	hand_over(self);
	mem_fill(canary, PAGE, 2);
	rig_open(next);
	/* The old VM's map is still there, and the device is in another space. */
	edu_store(&next->edu, IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(canary, EDU_DMA_MAX, 2));
	space_map(next->vm_fd, self->mem + PAGE, IOVA, PAGE, SPACE_RW);
	edu_store(&next->edu, IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, EDU_DMA_MAX, 1));
	EXPECT_TRUE(mem_holds(canary, EDU_DMA_MAX, 2));
}

/* The same VM again: with fds of the lost run still open it is refused, without them it starts. */
TEST_F(lease, the_same_vm_again)
{
	vm_detach(VM, self->old.address, true);
	vm_attach(VM, self->old.address);
	EXPECT_EQ(-EBUSY, __vm_device(self->old.vm_fd, self->old.address));
	close(self->old.fd);
	EXPECT_EQ(ONES, edu_read(&self->old.edu, EDU_ID)); /* the map holds it */
	EXPECT_EQ(-EBUSY, __vm_device(self->old.vm_fd, self->old.address));
	edu_unmap(&self->old.edu);
	self->old.fd = vm_device(self->old.vm_fd, self->old.address);
	device_enable(self->old.fd);
	edu_map(&self->old.edu, self->old.fd);
	EXPECT_TRUE(edu_present(&self->old.edu));
}

TEST_F(lease, decode_off_shows_ones)
{
	struct edu *edu = &self->old.edu;

	ASSERT_TRUE(edu_alive(edu, MARK));
	device_config_write(self->old.fd, 4, 2, 0);
	EXPECT_EQ(ONES, edu_read(edu, EDU_ID));
	edu_write(edu, EDU_ALIVE, 7);
	device_enable(self->old.fd);
	EXPECT_TRUE(edu_present(edu));
	EXPECT_EQ(~MARK, edu_read(edu, EDU_ALIVE));
}

TEST_F(lease, request_comes_before_the_end)
{
	uint32_t op;
	struct nl_msg *msg;

	irq_trigger(self->old.fd, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &self->req);
	msg = ctl_request(DIRECTPATH_CMD_VM_DETACH);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, VM);
	nla_put_string(msg, DIRECTPATH_A_VM_DEVICE, self->old.address);
	ASSERT_EQ(0, __ctl_queue(msg, DIRECTPATH_A_VM_OP_ID, &op));
	EXPECT_LE(1, efd_wait(self->req, SOON_MS));
	/* It is still ours until we give it back. */
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(self->old.address));
	EXPECT_TRUE(edu_present(&self->old.edu));
	rig_close(&self->old);
	EXPECT_EQ(0, __ctl_wait(op));
	EXPECT_EQ(DIRECTPATH_STATE_READY, dev_state(self->old.address));
}

TEST_F(lease, request_that_nobody_answers)
{
	uint64_t start;

	host_set(DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, 700);
	irq_trigger(self->old.fd, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &self->req);
	start = now_ms();
	vm_detach(VM, self->old.address, false);
	EXPECT_LE(600, now_ms() - start);
	EXPECT_LE(1, efd_wait(self->req, 0));
	EXPECT_EQ(DIRECTPATH_STATE_READY, dev_state(self->old.address));
	check_dead(_metadata, self);
}

TEST_F(lease, request_that_nobody_hears)
{
	host_set(DIRECTPATH_A_HOST_REVOKE_DEADLINE_MS, 3600000);
	vm_detach(VM, self->old.address, false);
	EXPECT_EQ(DIRECTPATH_STATE_READY, dev_state(self->old.address));
	check_dead(_metadata, self);
}

/* A child of the VMM has the map: that keeps the device running, until it is gone as well. */
static void hold_map(struct peer *self, void *arg)
{
	struct rig rig = *(struct rig *)arg; /* the parent changes its own */

	close(rig.fd);
	close(rig.vm_fd);
	peer_tell(self, edu_present(&rig.edu) ? 'p' : 'n');
	peer_hear(self, SETTLE_MS);
	peer_tell(self, edu_read(&rig.edu, EDU_ID) == ONES ? 'o' : 'n');
	peer_hear(self, SETTLE_MS);
}

TEST_F_TIMEOUT(lease, map_in_a_child, 60)
{
	struct peer child;

	peer_start(&child, hold_map, &self->old);
	ASSERT_EQ('p', peer_hear(&child, SETTLE_MS));
	rig_close(&self->old);
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(self->old.address));
	vm_detach(VM, self->old.address, true);
	peer_tell(&child, 'l');
	EXPECT_EQ('o', peer_hear(&child, SETTLE_MS));
	peer_tell(&child, 'e');
	EXPECT_EQ(0, peer_wait(&child));
	EXPECT_EQ(DIRECTPATH_STATE_READY, dev_state(self->old.address));
}

/* Never is a running device in two hands. */
TEST_F(lease, unbound_by_hand)
{
	char override[64];

	ASSERT_EQ(0, pci_unbind(self->old.address));
	check_dead(_metadata, self);
	EXPECT_EQ(ONES, edu_read(&self->old.edu, EDU_ID));
	EXPECT_TRUE(dev_reaches(self->old.address, DIRECTPATH_STATE_HOST, SETTLE_MS));
	/* The next load of the module is not to find it claimed. */
	pci_override(self->old.address, override, sizeof(override));
	EXPECT_STREQ("", override);
}

HOST_MAIN(HOST_DP)
