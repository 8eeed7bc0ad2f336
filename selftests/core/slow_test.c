// SPDX-License-Identifier: GPL-2.0
/*
 * A host driver that does not let go of a function (a test module): who asks is told in time, everybody else is served, and nothing that has come into
 * use meanwhile is taken from the host.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/directpath_nl.h>

#include "libdpath.h"

#define DRIVER "dpath_test_slow"
#define MODULE "/dp/build/$(uname -r)/selftests/modules/" DRIVER ".ko"
#define STATE(name) DIRECTPATH_STATE_##name
#define SHORT_MS 500
#define NO_DEADLINE_MS 60000

/* Claims have not been made of @first before where @hot: it has just come. */
FIXTURE(slow) {
	const char *first;
	const char *second;
	const char *other;
};

FIXTURE_VARIANT(slow) {
	bool hot;
};

FIXTURE_VARIANT_ADD(slow, new_function) {
	.hot = true,
};

FIXTURE_VARIANT_ADD(slow, card) {
	.hot = false,
};

static bool hold(bool on)
{
	return host_does("echo %d >/sys/module/" DRIVER "/parameters/hold", on);
}

static bool hold_probe(bool on)
{
	return host_does("echo %d >/sys/module/" DRIVER "/parameters/hold_probe", on);
}

static bool give_to_slow(const char *address)
{
	return host_does("insmod " MODULE) && (pci_driver_is(address, "") || !pci_unbind(address)) && pci_set_override(address, DRIVER) &&
	       !pci_bind(address, DRIVER);
}

/* To nobody, or to nvme. */
static bool take_from_slow(const char *address, const char *driver)
{
	return hold(false) && hold_probe(false) && wait_until(!__dev_release(address, DEV_WHOLE_SET, 0) || pci_driver_is(address, DRIVER), SETTLE_MS) &&
	       wait_until(pci_driver_is(address, DRIVER), SETTLE_MS) && !pci_unbind(address) && pci_set_override(address, "") &&
	       host_does("rmmod " DRIVER) && (!driver || !pci_bind(address, driver));
}

FIXTURE_SETUP(slow)
{
	ASSERT_EQ(0, host_restore());
	self->first = variant->hot ? getenv("DP_HOTPLUG") : pci_env("DP_CARD2_0");
	self->second = pci_env("DP_CARD2_1");
	self->other = pci_env("DP_NIC");
	if (!self->first || !self->second || !self->other)
		SKIP(return, "no empty slot or no card with two functions on this machine");
	if (variant->hot) {
		ASSERT_TRUE(qmp("device_add id=hot bus=rp5 driver=edu dma_mask=0xffffffffffffffff"));
		ASSERT_TRUE(wait_until(pci_settled(self->first), SETTLE_MS));
		dev_set_policy(self->first, "none");
	}
	ASSERT_TRUE(give_to_slow(self->first));
}

FIXTURE_TEARDOWN_PARENT(slow)
{
	if (!self->first || !self->second || !self->other)
		return;
	EXPECT_TRUE(take_from_slow(self->first, variant->hot ? NULL : "nvme"));
	EXPECT_EQ(0, host_restore());
	if (variant->hot) {
		EXPECT_TRUE(qmp("device_del id=hot"));
		EXPECT_TRUE(wait_until(!pci_present(self->first), SETTLE_MS));
	}
}

static unsigned int set_flag(const FIXTURE_VARIANT(slow) *variant)
{
	return variant->hot ? 0 : DEV_WHOLE_SET;
}

static bool back_at_slow(const char *address)
{
	return dev_reaches(address, STATE(HOST), SETTLE_MS) && wait_until(pci_driver_is(address, DRIVER), SETTLE_MS);
}

static bool is_stuck(const char *address, const char *where)
{
	struct dev_info info;

	dev_get(address, &info);
	return info.state == STATE(CLAIMING) && strstr(info.detail, where) == info.detail;
}

/* Told at the deadline; shown as what it is; goes back when its driver returns, for who asked was told no. */
TEST_F_TIMEOUT(slow, remove_hangs, 120)
{
	unsigned int flags = DEV_UNBIND | set_flag(variant);

	host_set(DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, SHORT_MS);
	ASSERT_TRUE(hold(true));
	EXPECT_EQ(-ETIMEDOUT, __dev_claim(self->first, flags, 0));
	EXPECT_TEXT("the host driver " DRIVER " has not let go in time");
	EXPECT_TEXT(self->first);
	EXPECT_TRUE(is_stuck(self->first, "stuck in " DRIVER " remove, "));
	/* Neither can it be asked for twice, nor can the module go. */
	EXPECT_EQ(-EBUSY, __dev_claim(self->first, flags, 0));
	EXPECT_TEXT("claim");
	EXPECT_GT(0, __dev_release(self->first, set_flag(variant), 0));
	EXPECT_FALSE(host_does("rmmod directpath 2>/dev/null"));

	/* Others are served, by drivers that may take their time. */
	host_set(DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, NO_DEADLINE_MS);
	dev_claim(self->other, DEV_UNBIND, 0);
	EXPECT_EQ(0, __dev_reset(self->other));
	dev_release(self->other, 0, 0);
	EXPECT_EQ(STATE(CLAIMING), dev_state(self->first));

	ASSERT_TRUE(hold(false));
	EXPECT_TRUE(back_at_slow(self->first));
	dev_claim(self->first, flags, 0);
	EXPECT_EQ(STATE(READY), dev_state(self->first));
	dev_release(self->first, set_flag(variant), 0);
	EXPECT_TRUE(back_at_slow(self->first));
}

static void bind_to_slow(__attribute__((unused)) struct peer *self, void *address)
{
	int ret = pci_bind(address, DRIVER);

	dp_assert(!ret, "%s: %s", (char *)address, strerror(-ret));
}

/* Whoever has its device lock: a driver that is just binding. It gets the function when it has got ready at last. */
TEST_F_TIMEOUT(slow, probe_hangs, 120)
{
	unsigned int flags = DEV_UNBIND | set_flag(variant);
	struct peer binder;

	host_set(DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, SHORT_MS);
	ASSERT_EQ(0, pci_unbind(self->first));
	ASSERT_TRUE(hold_probe(true));
	peer_start(&binder, bind_to_slow, (void *)self->first);
	/* Its name is there before its probe() is called. */
	ASSERT_TRUE(wait_until(pci_driver_is(self->first, DRIVER), SETTLE_MS));
	EXPECT_EQ(-ETIMEDOUT, __dev_claim(self->first, flags, 0));
	EXPECT_TEXT("has not ended in time what it does with it");
	EXPECT_TEXT(self->first);
	EXPECT_TRUE(is_stuck(self->first, "stuck in the wait for its device lock, "));

	/* Others are served, by drivers that may take their time. */
	host_set(DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, NO_DEADLINE_MS);
	dev_claim(self->other, DEV_UNBIND, 0);
	dev_release(self->other, 0, 0);
	EXPECT_EQ(STATE(CLAIMING), dev_state(self->first));

	ASSERT_TRUE(hold_probe(false));
	EXPECT_TRUE(back_at_slow(self->first));
	EXPECT_EQ(0, peer_wait(&binder));
}

/* It returns late, but in time. */
TEST_F_TIMEOUT(slow, remove_takes_a_while, 120)
{
	unsigned int flags = DEV_UNBIND | set_flag(variant);
	uint32_t op;

	host_set(DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, NO_DEADLINE_MS);
	ASSERT_TRUE(hold(true));
	op = dev_claim_begin(self->first, flags);
	EXPECT_TRUE(dev_reaches(self->first, STATE(CLAIMING), SETTLE_MS));
	ASSERT_TRUE(hold(false));
	EXPECT_EQ(0, __ctl_wait(op));
	EXPECT_EQ(STATE(READY), dev_state(self->first));
}

/* --- what happens meanwhile --- */

FIXTURE(meanwhile) {
	const char *first;
	const char *second;
};

FIXTURE_SETUP(meanwhile)
{
	ASSERT_EQ(0, host_restore());
	self->first = pci_env("DP_CARD2_0");
	self->second = pci_env("DP_CARD2_1");
	if (!self->first || !self->second)
		SKIP(return, "no card with two functions on this machine");
	host_set(DIRECTPATH_A_HOST_UNBIND_DEADLINE_MS, NO_DEADLINE_MS);
	ASSERT_TRUE(give_to_slow(self->first));
}

FIXTURE_TEARDOWN_PARENT(meanwhile)
{
	if (self->first && self->second)
		EXPECT_TRUE(take_from_slow(self->first, "nvme"));
	EXPECT_EQ(0, host_restore());
}

/* The driver of the first function hangs while something is done to the second one. */
static uint32_t begin_claim(FIXTURE_DATA(meanwhile) *self)
{
	uint32_t op;

	dp_assert(hold(true), "no module");
	op = dev_claim_begin(self->first, DEV_UNBIND | DEV_WHOLE_SET);
	dp_assert(dev_reaches(self->first, STATE(CLAIMING), SETTLE_MS), "%s is not claimed", self->first);
	return op;
}

/* A disk that is opened stays the host's, and open. */
TEST_F_TIMEOUT(meanwhile, a_disk_is_opened, 120)
{
	uint32_t op;
	int fd;

	op = begin_claim(self);
	fd = pci_open_block(self->second);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(hold(false));
	EXPECT_EQ(-EBUSY, __ctl_wait(op));
	EXPECT_TEXT(self->second);
	EXPECT_TEXT("driver-busy");
	EXPECT_EQ(PAGE, pread(fd, mem_new(MEM_ANON, PAGE), PAGE, 0));
	close(fd);
	EXPECT_TRUE(pci_driver_is(self->second, "nvme"));
	EXPECT_EQ(STATE(HOST), dev_state(self->second));
	EXPECT_TRUE(back_at_slow(self->first));
}

/* A function that was bound to us by hand is what the claim wants. */
TEST_F_TIMEOUT(meanwhile, bound_by_hand, 120)
{
	uint32_t op = begin_claim(self);

	EXPECT_EQ(0, pci_unbind(self->second));
	EXPECT_TRUE(pci_set_override(self->second, "directpath"));
	EXPECT_EQ(0, pci_bind(self->second, "directpath"));
	ASSERT_TRUE(hold(false));
	EXPECT_EQ(0, __ctl_wait(op)) TH_LOG("%s", ctl_last.text);
	EXPECT_EQ(STATE(READY), dev_state(self->first));
	EXPECT_EQ(STATE(READY), dev_state(self->second));
	dev_release(self->first, DEV_WHOLE_SET, 0);
	EXPECT_TRUE(pci_set_override(self->second, ""));
	EXPECT_TRUE(pci_driver_is(self->second, "") || !pci_unbind(self->second));
	EXPECT_EQ(0, pci_bind(self->second, "nvme"));
}

HOST_MAIN(HOST_DP)
