// SPDX-License-Identifier: GPL-2.0
/*
 * A function that does not come back from its reset (a test module stands between the host and its config space): nobody gets it, its DMA is blocked,
 * the operator hears of it, and when it is well again `dev recover' brings it back.
 */
#include "kselftest_harness.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>

#include "libdpath.h"

#define VM "t-broken"
#define MODULE "/dp/build/$(uname -r)/selftests/modules/dpath_test_broken.ko"
#define IOVA 0x10000000ULL
#define STATE(name) DIRECTPATH_STATE_##name
#define ONES 0xffffffffU
#define DEADLINE_MS 1000
/* What the kernel gives a function to come back (PCIE_RESET_READY_POLL_MS), doubling its pauses. */
#define KERNEL_MS 130000
/* The controller writes at once what it writes. */
#define ARRIVAL_US 200000

enum mode {
	WELL,	/* it answers */
	SILENT, /* ones from its reset on */
	LATE,	/* ones from the first write after its reset on */
};

FIXTURE(broken) {
	const char *nvme;
	const char *other;
	uint32_t bar[2];
	void *mem;
	struct nl_sock *events;
};

static bool set_mode(enum mode mode)
{
	return host_does("echo %d >/sys/module/dpath_test_broken/parameters/mode", mode);
}

FIXTURE_SETUP(broken)
{
	ASSERT_EQ(0, host_restore());
	self->nvme = pci_env("DP_NVME");
	self->other = pci_env("DP_NIC");
	if (!self->nvme || !self->other)
		SKIP(return, "no nvme or no e1000e on this machine");
	self->bar[0] = pci_config_read(self->nvme, PCI_BASE_ADDRESS_0, 4);
	self->bar[1] = pci_config_read(self->nvme, PCI_BASE_ADDRESS_1, 4);
	ASSERT_TRUE(host_does("insmod " MODULE " address=%s", self->nvme));
	self->mem = mem_new(MEM_ANON, NVME_MEMORY);
	ASSERT_NE(NULL, self->mem);
	dev_set_policy(self->nvme, "flr");
	self->events = ctl_listen();
}

FIXTURE_TEARDOWN_PARENT(broken)
{
	if (!self->nvme || !self->other)
		return;
	EXPECT_TRUE(set_mode(WELL));
	if (dev_state(self->nvme) == STATE(FAILED) || dev_state(self->nvme) == STATE(QUARANTINED))
		__dev_recover(self->nvme);
	EXPECT_EQ(0, host_restore());
	EXPECT_TRUE(host_does("rmmod dpath_test_broken"));
}

static bool is_told(struct nl_sock *events, const char *address, uint32_t state)
{
	struct ctl_event event;

	while (ctl_event_next(events, &event, SETTLE_MS))
		if (event.cmd == DIRECTPATH_CMD_DEV_NTF && event.changed && event.state == state && !strcmp(event.address, address))
			return true;
	return false;
}

static int run(const char *address, void *mem, int *vm)
{
	*vm = vm_open(VM);
	space_map(*vm, mem, IOVA, NVME_MEMORY, SPACE_RW);
	return vm_device(*vm, address);
}

static bool works(int fd, void *mem)
{
	struct nvme nvme;
	bool works;

	device_enable(fd);
	works = nvme_start(&nvme, fd, mem, IOVA);
	nvme_stop(&nvme);
	return works;
}

/* The host itself tells it to write where the VM's memory was for it. A reset that failed has left it without an address. */
static bool reaches(FIXTURE_DATA(broken) *self)
{
	const char *address = self->nvme;
	struct nvme nvme;
	bool reaches;
	void *regs;

	pci_config_write(address, PCI_BASE_ADDRESS_0, self->bar[0], 4);
	pci_config_write(address, PCI_BASE_ADDRESS_1, self->bar[1], 4);
	pci_config_set(address, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	regs = pci_map_resource(address, 0, NVME_BAR_SIZE);
	dp_assert(regs != MAP_FAILED && *(volatile uint32_t *)regs != ONES, "%s: its registers cannot be reached", address);
	reaches = nvme_start_at(&nvme, regs, self->mem, IOVA);
	usleep(ARRIVAL_US);
	/* A completion has its phase set. */
	reaches |= nvme.admin.cq[3] >> 16 & 1;
	nvme_stop(&nvme);
	return reaches;
}

/* At the end of a run. */
TEST_F_TIMEOUT(broken, answers_ones_after_its_reset, 180)
{
	struct dev_info info;
	int vm, fd;

	dev_claim(self->nvme, DEV_UNBIND, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->nvme);
	fd = run(self->nvme, self->mem, &vm);
	ASSERT_TRUE(works(fd, self->mem));
	ASSERT_TRUE(set_mode(LATE));
	close(fd);
	EXPECT_TRUE(is_told(self->events, self->nvme, STATE(FAILED)));
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(FAILED), info.state);
	EXPECT_IN("does not answer", info.detail);
	EXPECT_EQ(-EIO, __vm_device(vm, self->nvme));
	EXPECT_GT(0, __dev_recover(self->nvme));
	EXPECT_EQ(STATE(FAILED), dev_state(self->nvme));

	/* It answers again, but nobody has looked at it yet. */
	ASSERT_TRUE(set_mode(WELL));
	EXPECT_FALSE(reaches(self));
	EXPECT_EQ(STATE(FAILED), dev_state(self->nvme));
	EXPECT_EQ(-EIO, __vm_device(vm, self->nvme));
	EXPECT_EQ(0, __dev_recover(self->nvme)) TH_LOG("%s", ctl_last.text);
	EXPECT_TRUE(is_told(self->events, self->nvme, STATE(RESERVED)));
	fd = vm_device(vm, self->nvme);
	EXPECT_TRUE(works(fd, self->mem));
	close(fd);
	close(vm);
	EXPECT_TRUE(dev_reaches(self->nvme, STATE(RESERVED), SETTLE_MS));
}

/* Before it has a VM. */
TEST_F_TIMEOUT(broken, answers_ones_when_it_is_claimed, 180)
{
	ASSERT_TRUE(set_mode(LATE));
	EXPECT_GT(0, __dev_claim(self->nvme, DEV_UNBIND, 0));
	EXPECT_IN("does not answer", ctl_last.text);
	EXPECT_EQ(STATE(FAILED), dev_state(self->nvme));
	vm_new(VM, NULL);
	EXPECT_GT(0, __vm_attach(VM, self->nvme));
	EXPECT_IN(self->nvme, ctl_last.text);
	ASSERT_TRUE(set_mode(WELL));
	EXPECT_GT(0, __vm_attach(VM, self->nvme));
	EXPECT_EQ(0, __dev_recover(self->nvme)) TH_LOG("%s", ctl_last.text);
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));
	vm_attach(VM, self->nvme);
}

static bool is_stuck(const char *address)
{
	struct dev_info info;

	dev_get(address, &info);
	return info.state == STATE(RESETTING) && strstr(info.detail, "stuck in");
}

static void begin_reset(struct __test_metadata *_metadata, FIXTURE_DATA(broken) *self)
{
	dev_claim(self->nvme, DEV_UNBIND, 0);
	host_set(DIRECTPATH_A_HOST_RESET_DEADLINE_MS, DEADLINE_MS);
	ASSERT_TRUE(set_mode(SILENT));
	EXPECT_EQ(-ETIMEDOUT, __dev_reset(self->nvme));
	EXPECT_IN(self->nvme, ctl_last.text);
	EXPECT_TRUE(wait_until(is_stuck(self->nvme), SETTLE_MS));
	/* Others are served. */
	host_set(DIRECTPATH_A_HOST_RESET_DEADLINE_MS, KERNEL_MS);
	dev_claim(self->other, DEV_UNBIND, 0);
	EXPECT_EQ(0, __dev_reset(self->other));
	dev_release(self->other, 0, 0);
	EXPECT_EQ(STATE(RESETTING), dev_state(self->nvme));
}

/* The kernel waits for a minute. */
TEST_F_TIMEOUT(broken, never_comes_back, 300)
{
	struct dev_info info;

	begin_reset(_metadata, self);
	vm_new(VM, NULL);
	EXPECT_GT(0, __vm_attach(VM, self->nvme));
	EXPECT_TRUE(dev_reaches(self->nvme, STATE(FAILED), KERNEL_MS));
	dev_get(self->nvme, &info);
	EXPECT_IN("does not answer", info.detail);
	EXPECT_GT(0, __vm_attach(VM, self->nvme));
	ASSERT_TRUE(set_mode(WELL));
	EXPECT_EQ(0, __dev_recover(self->nvme)) TH_LOG("%s", ctl_last.text);
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));
}

/* Long after who asked was told, but in time for the kernel. */
TEST_F_TIMEOUT(broken, comes_back_late, 300)
{
	struct dev_info before, after;

	begin_reset(_metadata, self);
	dev_get(self->nvme, &before);
	ASSERT_TRUE(set_mode(WELL));
	EXPECT_TRUE(dev_reaches(self->nvme, STATE(READY), KERNEL_MS));
	dev_get(self->nvme, &after);
	EXPECT_EQ(before.resets + 1, after.resets);
	vm_new(VM, NULL);
	vm_attach(VM, self->nvme);
}

HOST_MAIN(HOST_DP)
