// SPDX-License-Identifier: GPL-2.0
/*
 * DMA that the IOMMU has refused: counted, reported, a limit where the IOMMU's driver tells (a module in place of one), and found in the kernel log by
 * the tool where it only writes there.
 */
#include "kselftest_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-iofault"
#define MODULE "/dp/build/$(uname -r)/selftests/modules/dpath_test_iofault.ko"
#define IOVA 0x5000ULL
#define KIND DIRECTPATH_FAULT_KIND_IOMMU
#define STATE(name) DIRECTPATH_STATE_##name
/* Longer than the interval between two events of one kind. */
#define QUIET_MS 1500
#define WINDOW_MS (DIRECTPATH_FAULT_WINDOW * 1000)

FIXTURE(iofault) {
	struct rig rig;
	struct nl_sock *faults;
};

FIXTURE_SETUP(iofault)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	rig_open(&self->rig);
	self->faults = ctl_listen_faults();
}

FIXTURE_TEARDOWN_PARENT(iofault)
{
	EXPECT_EQ(0, host_restore());
}

/* As many refused accesses of a function. They have been looked at when it returns: the count says so, if they count at all. */
static bool report(const char *address, unsigned int count, bool write)
{
	return host_does("insmod " MODULE " address=%s iova=%#llx write=%d count=%u && rmmod dpath_test_iofault", address, IOVA, write, count);
}

static uint64_t counted(const char *address)
{
	struct dev_stats stats;

	dev_stats(address, &stats);
	return stats.iommu;
}

static uint32_t limit_of(const char *address)
{
	struct dev_stats stats;

	dev_stats(address, &stats);
	return stats.fault_limit;
}

static bool next_fault(struct nl_sock *sock, const char *address, struct ctl_event *event, int ms)
{
	while (ctl_event_next(sock, event, ms))
		if (event->cmd == DIRECTPATH_CMD_FAULT_NTF && !strcmp(event->address, address) && event->kind == KIND)
			return true;
	return false;
}

static void set_vm_limit(uint32_t limit)
{
	struct vm_config config = { .faults = true, .fault_limit = limit };

	vm_set(VM, &config);
}

/* The function, its VM, where, how often; and it goes on. */
TEST_F_TIMEOUT(iofault, is_told, 120)
{
	const char *address = self->rig.address;
	struct ctl_event event = {};
	uint64_t before = counted(address);

	ASSERT_TRUE(report(address, 3, true));
	ASSERT_TRUE(next_fault(self->faults, address, &event, SETTLE_MS));
	EXPECT_STREQ(VM, event.vm);
	EXPECT_EQ(IOVA, event.iova);
	EXPECT_TRUE(event.write);
	EXPECT_EQ(DIRECTPATH_ERROR_POLICY_DEFAULT, event.action);
	EXPECT_TRUE(wait_until(counted(address) == before + 3, SETTLE_MS));
	EXPECT_EQ(STATE(RUNNING), dev_state(address));
	EXPECT_TRUE(edu_alive(&self->rig.edu, 7));

	usleep(QUIET_MS * 1000);
	ASSERT_TRUE(report(address, 1, false));
	ASSERT_TRUE(next_fault(self->faults, address, &event, SETTLE_MS));
	EXPECT_FALSE(event.write);
	EXPECT_EQ(before + 4, event.count);
	rig_close(&self->rig);
	/* Its DMA is blocked and nobody's: what is reported of that is not its VM's. */
	EXPECT_TRUE(dev_reaches(address, STATE(RESERVED), SETTLE_MS));
	ASSERT_TRUE(report(address, 5, true));
	EXPECT_FALSE(next_fault(self->faults, address, &event, QUIET_MS));
	EXPECT_EQ(before + 4, counted(address));
}

/* None is lost in the count, and few are events. */
TEST_F_TIMEOUT(iofault, events_are_limited, 120)
{
	const char *address = self->rig.address;
	struct ctl_event event = {};
	uint64_t before = counted(address), start = now_ms();
	unsigned int i, events = 0;

	for (i = 0; i < 5; i++)
		ASSERT_TRUE(report(address, 1000, true));
	EXPECT_TRUE(wait_until(counted(address) == before + 5000, SETTLE_MS));
	start = now_ms() - start;
	while (next_fault(self->faults, address, &event, QUIET_MS))
		events++;
	EXPECT_LE(1, events);
	EXPECT_GE(start / 1000 + 1, events);
	EXPECT_EQ(STATE(RUNNING), dev_state(address));
	rig_close(&self->rig);
}

/* Off unless it is set; the function's goes before its VM's; who reaches it loses the run, and may have another one. */
TEST_F_TIMEOUT(iofault, limit_ends_the_run, 120)
{
	const char *address = self->rig.address;
	struct ctl_event event = {};
	struct nl_sock *states;

	EXPECT_EQ(0, limit_of(address));
	set_vm_limit(10);
	EXPECT_EQ(10, limit_of(address));
	EXPECT_EQ(0, __dev_set_fault_limit(address, 0));
	EXPECT_EQ(0, limit_of(address));
	ASSERT_TRUE(report(address, 50, true));
	ASSERT_TRUE(wait_until(counted(address) >= 50, SETTLE_MS));
	EXPECT_EQ(STATE(RUNNING), dev_state(address));

	/* Those of before the limit was set are in the window as well. */
	usleep((WINDOW_MS + 1000) * 1000);
	EXPECT_EQ(0, __dev_set_fault_limit(address, DIRECTPATH_FAULT_LIMIT_DEFAULT));
	EXPECT_EQ(10, limit_of(address));
	ASSERT_TRUE(report(address, 9, true));
	ASSERT_TRUE(wait_until(counted(address) >= 59, SETTLE_MS));
	EXPECT_EQ(STATE(RUNNING), dev_state(address));
	states = ctl_listen();
	ASSERT_TRUE(report(address, 1, true));
	EXPECT_TRUE(wait_until(device_is_dead(self->rig.fd), SETTLE_MS));
	do {
		ASSERT_TRUE(ctl_event_next(states, &event, SETTLE_MS));
	} while (event.cmd != DIRECTPATH_CMD_DEV_NTF || strcmp(event.address, address) || event.state != STATE(DRAINING));
	EXPECT_NE(NULL, strstr(event.cause, "10 DMA faults of"));
	EXPECT_TRUE(dev_reaches(address, STATE(RESERVED), SETTLE_MS));
	ctl_unlisten(states);
	rig_close(&self->rig);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	rig_open(&self->rig);
	EXPECT_TRUE(edu_alive(&self->rig.edu, 9));
	rig_close(&self->rig);
}

/* A slow trickle reaches no limit. */
TEST_F_TIMEOUT(iofault, window_ends, 120)
{
	const char *address = self->rig.address;

	EXPECT_EQ(0, __dev_set_fault_limit(address, 5));
	ASSERT_TRUE(report(address, 4, true));
	usleep((WINDOW_MS + 1000) * 1000);
	ASSERT_TRUE(report(address, 4, true));
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(STATE(RUNNING), dev_state(address));
	ASSERT_TRUE(report(address, 1, true));
	EXPECT_TRUE(wait_until(device_is_dead(self->rig.fd), SETTLE_MS));
	rig_close(&self->rig);
}

/* What the function really does to an address without memory, in the driver's own line: the monitor adds the VM. */
TEST_F_TIMEOUT(iofault, monitor_knows_the_vm, 120)
{
	bool found = false;
	unsigned int i;

	ASSERT_TRUE(host_does("directpath monitor fault >/run/t-iofault & echo $! >/run/t-iofault.pid"));
	/* It says nothing when it has begun to listen, and the driver reports ten in five seconds. */
	for (i = 0; i < 30 && !found; i++) {
		edu_store(&self->rig.edu, 0x7654000, 0, 64);
		usleep(1000 * 1000);
		found = host_does("grep -q \"fault %s vm=%s iommu write iova=0x7654\" /run/t-iofault", self->rig.address, VM);
	}
	EXPECT_TRUE(found);
	EXPECT_TRUE(host_does("kill $(cat /run/t-iofault.pid) && rm /run/t-iofault.pid"));
	EXPECT_EQ(STATE(RUNNING), dev_state(self->rig.address));
	rig_close(&self->rig);
}

HOST_MAIN(HOST_DP)
