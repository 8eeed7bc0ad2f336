// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM is killed at any point of its life. The device is back to reserved and nothing is pinned, each time, and the next one finds it usable.
 *
 * DP_ROUNDS sets how often, DP_SEED repeats a run.
 */
#include "kselftest_harness.h"

#include <sys/mman.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-death"
#define IOVA 0x10000000ULL
#define SIZE (2UL << 20)
#define ROUNDS 3
#define DEATHS 4 /* in a round */
/* Longer than a loop takes to come around here and there, so that every part of it is hit. */
#define SPAN_US 700000

FIXTURE(death) {
	struct rig edu;
	struct rig nic;
	bool with_nic;
};

FIXTURE_SETUP(death)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->edu, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	self->nic.address = pci_env("DP_E1000E");
	self->with_nic = self->nic.address;
	if (!self->with_nic)
		return;
	dev_claim(self->nic.address, DEV_UNBIND, 0);
	vm_attach(VM, self->nic.address);
}

FIXTURE_TEARDOWN_PARENT(death)
{
	EXPECT_EQ(0, host_restore());
}

/* A doorbell, a mapped BAR that faults, a reset that takes both away and brings them back. */
static void drive_nic(int nic, int efd)
{
	struct vfio_device_ioeventfd bell = { .argsz = sizeof(bell), .flags = 4, .data = 0, .offset = 0x10, .fd = efd };
	volatile uint32_t *regs;

	device_enable(nic);
	regs = device_mmap(nic, 0, 16 * PAGE);
	dp_assert(!fd_ioctl(nic, VFIO_DEVICE_IOEVENTFD, &bell), "no doorbell");
	(void)regs[0];
	irq_trigger(nic, 2, 0, 1, &efd);
	efd_signal(efd);
	dp_assert(!__device_reset(nic), "e1000e was not reset");
	(void)regs[4 * PAGE / 4];
	munmap((void *)regs, 16 * PAGE);
}

/* The life of a VMM, again and again: open, map, interrupts, DMA, reset, close. */
static void live(FIXTURE_DATA(death) *self, char *mem)
{
	int efd = efd_new(), nic = -1;
	struct rig rig = self->edu;

	rig.vm_fd = vm_open(VM);
	space_map(rig.vm_fd, mem, IOVA, SIZE, SPACE_RW);
	rig.fd = vm_device(rig.vm_fd, rig.address);
	device_enable(rig.fd);
	edu_map(&rig.edu, rig.fd);
	irq_trigger(rig.fd, 1, 0, 1, &efd);
	edu_raise(&rig.edu, 1);
	edu_store_start(&rig.edu, IOVA, 0, EDU_DMA_MAX);
	if (self->with_nic) {
		nic = vm_device(rig.vm_fd, self->nic.address);
		drive_nic(nic, efd);
	}
	/* A BAR among the memory. */
	space_map(rig.vm_fd, (char *)rig.edu.bar, IOVA + 2 * SIZE, PAGE, SPACE_RW);
	space_map(rig.vm_fd, mem + SIZE, IOVA + SIZE, SIZE, SPACE_RW);
	edu_dma_wait(&rig.edu);
	edu_ack(&rig.edu);
	space_unmap(rig.vm_fd, IOVA, SIZE);
	if (nic >= 0)
		close(nic);
	rig_close(&rig);
	close(efd);
}

static void run_vmm(struct peer *peer, void *arg)
{
	char *mem = mem_new(MEM_ANON, 2 * SIZE);

	peer_tell(peer, 'b');
	for (;;)
		live(arg, mem);
}

/* Everything as before the VMM: states, maps, budgets. */
static void check_settled(struct __test_metadata *_metadata, FIXTURE_DATA(death) *self)
{
	struct host_info host;
	struct vm_info vm;

	EXPECT_TRUE(dev_reaches(self->edu.address, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	if (self->with_nic)
		EXPECT_TRUE(dev_reaches(self->nic.address, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	vm_get(VM, &vm);
	EXPECT_EQ(DIRECTPATH_VM_STATE_OFF, vm.state);
	EXPECT_EQ(0, vm.spaces);
	host_get(&host);
	EXPECT_EQ(0, host.vectors_used);
	/* Off, and it stays off. */
	EXPECT_EQ(0, pci_config_read(self->edu.address, 4, 2) & 4);
}

TEST_F_TIMEOUT(death, at_any_point, 1800)
{
	unsigned int rounds = proc_rounds(ROUNDS) * DEATHS, i;
	uint64_t seed = proc_seed(), state = seed;
	struct peer peer;

	TH_LOG("%u deaths, DP_SEED=%llu", rounds, (unsigned long long)seed);
	for (i = 0; i < rounds; i++) {
		uint32_t us = proc_random(&state, SPAN_US);

		peer_start(&peer, run_vmm, self);
		ASSERT_EQ('b', peer_hear(&peer, SETTLE_MS));
		usleep(us);
		peer_kill(&peer);
		check_settled(_metadata, self);
		ASSERT_EQ(KSFT_PASS, _metadata->exit_code) TH_LOG("round %u, killed after %u us", i, us);
	}
	/* And a whole life afterwards. */
	live(self, mem_new(MEM_ANON, 2 * SIZE));
	check_settled(_metadata, self);
}

/* The parts of a VMM go one after the other, in either order: the last one counts. */
static void hold_device(struct peer *peer, void *arg)
{
	struct rig *rig = arg;

	edu_unmap(&rig->edu);
	close(rig->vm_fd);
	peer_tell(peer, 'h');
	peer_hear(peer, SETTLE_MS);
}

TEST_F_TIMEOUT(death, the_last_fd_counts, 60)
{
	struct rig rig = self->edu;
	struct vm_info vm;
	struct peer peer;

	rig_open(&rig);
	peer_start(&peer, hold_device, &rig);
	ASSERT_EQ('h', peer_hear(&peer, SETTLE_MS));
	rig_close(&rig);
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(rig.address));
	vm_get(VM, &vm);
	EXPECT_EQ(DIRECTPATH_VM_STATE_RUNNING, vm.state);
	/* Nobody else gets at the VM while it runs. */
	EXPECT_EQ(-EBUSY, __vm_del(VM));
	peer_kill(&peer);
	check_settled(_metadata, self);
}

TEST_F_TIMEOUT(death, device_fd_outlives_the_vm_fd, 60)
{
	struct rig rig = self->edu;
	struct vm_info vm;

	rig_open(&rig);
	close(rig.vm_fd);
	rig.vm_fd = -1;
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(rig.address));
	EXPECT_TRUE(edu_present(&rig.edu));
	vm_get(VM, &vm);
	EXPECT_EQ(DIRECTPATH_VM_STATE_RUNNING, vm.state);
	rig_close(&rig);
	check_settled(_metadata, self);
}

/* Opened by a process that is already on its way out. */
static int open_and_exec(void *arg)
{
	struct rig rig = *(struct rig *)arg;

	rig_open(&rig);
	execl("/bin/true", "true", NULL);
	return 1;
}

TEST_F_TIMEOUT(death, exec_ends_the_run, 60)
{
	EXPECT_EQ(0, proc_run(open_and_exec, &self->edu));
	check_settled(_metadata, self);
}

HOST_MAIN(HOST_DP)
