// SPDX-License-Identifier: GPL-2.0
/*
 * Producers of irq bypass: one for each MSI and MSI-X vector that has an eventfd, added and deleted with every change. The consumer is a module of the
 * tests, because KVM has one only where the host can post interrupts.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "../modules/bypass.h"
#include "libdpath.h"

#define VM "t-bypass"
#define SOON_MS 3000
#define MODULE "/dp/build/$(uname -r)/selftests/modules/dpath_test_bypass.ko"
#define NODE "/dev/dpath-test-bypass"
#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX

FIXTURE(bypass) {
	struct rig rig;
	struct nic nic;
	int efds[NIC_VECTORS];
};

FIXTURE_VARIANT(bypass) {
	bool vfio;
};

FIXTURE_VARIANT_ADD(bypass, native) {
};

FIXTURE_VARIANT_ADD(bypass, vfio) {
	.vfio = true,
};

FIXTURE_SETUP(bypass)
{
	unsigned int i;

	ASSERT_EQ(0, host_restore());
	ASSERT_TRUE(host_loaded("dpath_test_bypass") || !host_shell("insmod " MODULE)) TH_LOG("make modules TEST_MODULES=1 builds it");
	if (!rig_reserve_any(&self->rig, "DP_NIC", VM))
		SKIP(return, "no e1000e on this machine");
	rig_use_vfio(&self->rig, variant->vfio);
	rig_open_any(&self->rig);
	nic_map(&self->nic, self->rig.fd);
	for (i = 0; i < NIC_VECTORS; i++)
		self->efds[i] = efd_new();
}

FIXTURE_TEARDOWN_PARENT(bypass)
{
	EXPECT_EQ(0, host_restore());
	if (host_loaded("dpath_test_bypass"))
		EXPECT_EQ(0, host_shell("rmmod dpath_test_bypass"));
}

static int listen_to(int efd, bool refuse)
{
	struct bypass_listen what = { .eventfd = efd, .refuse = refuse };
	int fd = open(NODE, O_RDWR | O_CLOEXEC);

	dp_assert(fd >= 0, "%s: %s", NODE, strerror(errno));
	dp_assert(write(fd, &what, sizeof(what)) == sizeof(what), "%s", strerror(errno));
	return fd;
}

static struct bypass_seen seen_by(int fd)
{
	struct bypass_seen seen;

	dp_assert(read(fd, &seen, sizeof(seen)) == sizeof(seen), "%s", strerror(errno));
	return seen;
}

/* So many have come and gone; a difference of one is there now. */
static bool has_seen(int fd, uint64_t added, uint64_t deleted)
{
	struct bypass_seen seen = seen_by(fd);

	if (seen.added == added && seen.deleted == deleted && seen.connected == added - deleted)
		return true;
	printf("# %llu added, %llu deleted, %u connected; not %llu and %llu\n", (unsigned long long)seen.added, (unsigned long long)seen.deleted,
	       seen.connected, (unsigned long long)added, (unsigned long long)deleted);
	return false;
}

/* Does directpath know of it? */
static bool is_bypassed(const char *address, unsigned int number)
{
	struct dev_vector vector;

	dp_assert(dev_vector(address, number, &vector), "%s has no vector %u", address, number);
	return vector.bypassed;
}

static uint32_t bypassed_vectors(void)
{
	struct host_info host;

	host_get(&host);
	return host.vectors_bypassed;
}

TEST_F(bypass, consumer_first)
{
	int fd = self->rig.fd, none = -1, first = listen_to(self->efds[0], false), second = listen_to(self->efds[1], false);
	struct dev_vector vector;

	EXPECT_TRUE(has_seen(first, 0, 0));
	irq_trigger(fd, MSIX, 0, 1, &self->efds[0]);
	EXPECT_TRUE(has_seen(first, 1, 0));
	ASSERT_TRUE(dev_vector(self->rig.address, 0, &vector));
	EXPECT_EQ(vector.irq, (uint32_t)seen_by(first).irq);
	EXPECT_TRUE(vector.bypassed);
	EXPECT_EQ(1, bypassed_vectors());
	/* It still arrives: this consumer takes nothing. */
	nic_raise(&self->nic, 0);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));

	/* The same again is no change. */
	irq_trigger(fd, MSIX, 0, 1, &self->efds[0]);
	EXPECT_TRUE(has_seen(first, 1, 0));
	/* Swapped, and back. */
	irq_trigger(fd, MSIX, 0, 1, &self->efds[1]);
	EXPECT_TRUE(has_seen(first, 1, 1));
	EXPECT_TRUE(has_seen(second, 1, 0));
	EXPECT_EQ(vector.irq, (uint32_t)seen_by(second).irq);
	nic_raise(&self->nic, 0);
	EXPECT_EQ(1, efd_wait(self->efds[1], SOON_MS));
	irq_trigger(fd, MSIX, 0, 1, &self->efds[0]);
	EXPECT_TRUE(has_seen(first, 2, 1));
	EXPECT_TRUE(has_seen(second, 1, 1));
	/* Without an eventfd, and with one again. */
	irq_trigger(fd, MSIX, 0, 1, &none);
	EXPECT_TRUE(has_seen(first, 2, 2));
	EXPECT_FALSE(is_bypassed(self->rig.address, 0));
	irq_trigger(fd, MSIX, 0, 1, &self->efds[0]);
	EXPECT_TRUE(has_seen(first, 3, 2));
	/* A vector of its own for each; a refused request changes none. */
	irq_trigger(fd, MSIX, 1, 1, &self->efds[1]);
	EXPECT_TRUE(has_seen(second, 2, 1));
	EXPECT_EQ(2, bypassed_vectors());
	EXPECT_EQ(-EBADF, __irq_trigger(fd, MSIX, 0, 2, (int[]){ self->efds[2], 1000 }));
	EXPECT_TRUE(has_seen(first, 3, 2));
	EXPECT_TRUE(has_seen(second, 2, 1));
	irq_disable(fd, MSIX);
	EXPECT_TRUE(has_seen(first, 3, 3));
	EXPECT_TRUE(has_seen(second, 2, 2));
	EXPECT_EQ(0, bypassed_vectors());
	close(first);
	close(second);
}

TEST_F(bypass, producer_first)
{
	int fd = self->rig.fd, consumer;

	irq_trigger(fd, MSIX, 0, 2, self->efds);
	EXPECT_FALSE(is_bypassed(self->rig.address, 1));
	consumer = listen_to(self->efds[1], false);
	EXPECT_TRUE(has_seen(consumer, 1, 0));
	EXPECT_TRUE(is_bypassed(self->rig.address, 1));
	EXPECT_FALSE(is_bypassed(self->rig.address, 0));
	/* The consumer goes first, another one comes. */
	close(consumer);
	EXPECT_FALSE(is_bypassed(self->rig.address, 1));
	EXPECT_EQ(0, bypassed_vectors());
	consumer = listen_to(self->efds[1], false);
	EXPECT_TRUE(has_seen(consumer, 1, 0));
	nic_raise(&self->nic, 1);
	EXPECT_EQ(1, efd_wait(self->efds[1], SOON_MS));
	irq_disable(fd, MSIX);
	EXPECT_TRUE(has_seen(consumer, 1, 1));
	close(consumer);
}

TEST_F(bypass, closed)
{
	int consumer = listen_to(self->efds[0], false);

	irq_trigger(self->rig.fd, MSIX, 0, 1, self->efds);
	EXPECT_TRUE(has_seen(consumer, 1, 0));
	nic_unmap(&self->nic);
	rig_close(&self->rig);
	ASSERT_TRUE(dev_reaches(self->rig.address, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	EXPECT_TRUE(has_seen(consumer, 1, 1));
	/* In the next run again. */
	rig_open_any(&self->rig);
	irq_trigger(self->rig.fd, MSIX, 3, 1, self->efds);
	EXPECT_TRUE(has_seen(consumer, 2, 1));
	close(consumer);
}

TEST_F(bypass, revoked)
{
	int consumer = listen_to(self->efds[0], false);

	irq_trigger(self->rig.fd, MSIX, 0, 1, self->efds);
	EXPECT_TRUE(has_seen(consumer, 1, 0));
	vm_detach(VM, self->rig.address, true);
	EXPECT_TRUE(has_seen(consumer, 1, 1));
	EXPECT_EQ(-ENODEV, __irq_trigger(self->rig.fd, MSIX, 0, 1, self->efds));
	EXPECT_TRUE(has_seen(consumer, 1, 1));
	EXPECT_EQ(0, bypassed_vectors());
	close(consumer);
}

/* The line has none: it is resampled, which nobody could do in the host's place. */
TEST_F(bypass, line)
{
	int consumer = listen_to(self->efds[0], false);

	irq_trigger(self->rig.fd, INTX, 0, 1, self->efds);
	EXPECT_TRUE(has_seen(consumer, 0, 0));
	close(consumer);
}

/* One eventfd for two vectors, or a consumer that does not want: no bypass, but all interrupts. */
TEST_F(bypass, not_to_be_had)
{
	int both[] = { self->efds[0], self->efds[0] }, consumer = listen_to(self->efds[0], false), unwilling = listen_to(self->efds[2], true);
	int fd = self->rig.fd;

	irq_trigger(fd, MSIX, 0, 2, both);
	EXPECT_TRUE(has_seen(consumer, 1, 0));
	EXPECT_FALSE(is_bypassed(self->rig.address, 1));
	nic_raise(&self->nic, 0);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	nic_raise(&self->nic, 1);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));

	irq_trigger(fd, MSIX, 2, 1, &self->efds[2]);
	EXPECT_TRUE(has_seen(unwilling, 0, 0));
	EXPECT_FALSE(is_bypassed(self->rig.address, 2));
	nic_raise(&self->nic, 2);
	EXPECT_EQ(1, efd_wait(self->efds[2], SOON_MS));
	EXPECT_EQ(1, bypassed_vectors());
	irq_disable(fd, MSIX);
	EXPECT_TRUE(has_seen(consumer, 1, 1));
	EXPECT_EQ(0, bypassed_vectors());
	close(unwilling);
	close(consumer);
}

TEST_F(bypass, swapped_often)
{
	int first = listen_to(self->efds[0], false), second = listen_to(self->efds[1], false);
	unsigned int i;

	for (i = 0; i < 1000; i++)
		irq_trigger(self->rig.fd, MSIX, 0, 1, &self->efds[i % 2]);
	EXPECT_TRUE(has_seen(first, 500, 500));
	EXPECT_TRUE(has_seen(second, 500, 499));
	EXPECT_EQ(1, bypassed_vectors());
	irq_disable(self->rig.fd, MSIX);
	EXPECT_TRUE(has_seen(second, 500, 500));
	close(first);
	close(second);
}

/* QEMU's VT-d remaps and does not post. */
TEST_F(bypass, host_says_why)
{
	struct host_info host;

	host_get(&host);
	EXPECT_TRUE(host.intremap);
	EXPECT_EQ(DIRECTPATH_POSTED_OFF, host.posted);
	EXPECT_STREQ("the interrupt remapping driver says that its units cannot, or may not", host.posted_source);
}

HOST_MAIN(HOST_VFIO)
