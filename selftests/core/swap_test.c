// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts are neither lost nor doubled while what they go to changes: eventfds swapped and closed as fast as it goes, vectors added to an enabled
 * table. The device raises one, and the next when that one has arrived, so that the hardware merges none.
 */
#include "kselftest_harness.h"

#include <pthread.h>
#include <stdatomic.h>

#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-swap"
#define LOST_MS 5000
#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSI VFIO_PCI_MSI_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX

/* Vectors that only we raise. */
#define OWN NIC_OTHER

/**
 * struct fire - interrupts under way
 * @fd: the function
 * @index: kind
 * @nr: vectors that are swapped together
 * @holes: for a while there is no eventfd at all
 * @fresh: every eventfd is read out and closed when another has its place, else two take turns
 * @efds: eventfds of now
 * @spare: those whose turn is next
 * @arrived: by vector
 * @swaps: done
 * @failed: a swap was refused
 * @stop: enough
 */
struct fire {
	int fd;
	uint32_t index;
	unsigned int nr;
	bool holes;
	bool fresh;
	int efds[OWN];
	int spare[OWN];
	atomic_ullong arrived[OWN];
	atomic_ullong swaps;
	atomic_bool failed;
	atomic_bool stop;
};

static void collect(struct fire *fire, unsigned int vector, int efd)
{
	uint64_t count;

	if (read(efd, &count, sizeof(count)) == sizeof(count))
		atomic_fetch_add(&fire->arrived[vector], count);
}

static void swap(struct fire *fire)
{
	static const int none[OWN] = { -1, -1, -1, -1 };
	unsigned int i;
	int old;

	if (fire->holes && __irq_trigger(fire->fd, fire->index, 0, fire->nr, none))
		atomic_store(&fire->failed, true);
	if (__irq_trigger(fire->fd, fire->index, 0, fire->nr, fire->spare))
		atomic_store(&fire->failed, true);
	/* Nothing comes to the old ones any more: what is in them now is all. */
	for (i = 0; i < fire->nr; i++) {
		old = fire->efds[i];
		collect(fire, i, old);
		fire->efds[i] = fire->spare[i];
		if (fire->fresh) {
			close(old);
			old = efd_new();
		}
		fire->spare[i] = old;
	}
	atomic_fetch_add(&fire->swaps, 1);
}

static void *swap_all_the_time(void *arg)
{
	struct fire *fire = arg;

	while (!atomic_load(&fire->stop))
		swap(fire);
	return NULL;
}

static void fire_begin(struct fire *fire, pthread_t *thread)
{
	unsigned int i;

	for (i = 0; i < fire->nr; i++) {
		fire->efds[i] = efd_new();
		fire->spare[i] = efd_new();
	}
	irq_trigger(fire->fd, fire->index, 0, fire->nr, fire->efds);
	dp_assert(!pthread_create(thread, NULL, swap_all_the_time, fire), "no thread");
}

static void fire_end(struct fire *fire, pthread_t thread)
{
	unsigned int i;

	atomic_store(&fire->stop, true);
	pthread_join(thread, NULL);
	for (i = 0; i < fire->nr; i++) {
		collect(fire, i, fire->efds[i]);
		collect(fire, i, fire->spare[i]);
		close(fire->efds[i]);
		close(fire->spare[i]);
	}
}

static bool has_arrived(struct fire *fire, unsigned int vector, uint64_t count)
{
	uint64_t end = now_ms() + LOST_MS;

	while (atomic_load(&fire->arrived[vector]) < count)
		if (now_ms() > end)
			return false;
	return true;
}

/* --- edu: one MSI, or the line --- */

FIXTURE(edu) {
	struct rig rig;
};

FIXTURE_VARIANT(edu) {
	bool vfio;
	bool holes;
	bool fresh;
	uint32_t index;
};

FIXTURE_VARIANT_ADD(edu, native_turns) {
	.index = MSI,
};

FIXTURE_VARIANT_ADD(edu, native_closed) {
	.fresh = true,
	.index = MSI,
};

FIXTURE_VARIANT_ADD(edu, native_closed_with_holes) {
	.fresh = true,
	.holes = true,
	.index = MSI,
};

FIXTURE_VARIANT_ADD(edu, vfio_closed_with_holes) {
	.vfio = true,
	.fresh = true,
	.holes = true,
	.index = MSI,
};

FIXTURE_VARIANT_ADD(edu, native_line) {
	.fresh = true,
	.index = INTX,
};

FIXTURE_VARIANT_ADD(edu, vfio_line_with_holes) {
	.vfio = true,
	.fresh = true,
	.holes = true,
	.index = INTX,
};

FIXTURE_SETUP(edu)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	rig_use_vfio(&self->rig, variant->vfio);
	rig_open(&self->rig);
	edu_ack(&self->rig.edu);
}

FIXTURE_TEARDOWN_PARENT(edu)
{
	EXPECT_EQ(0, host_restore());
}

TEST_F(edu, nothing_is_lost)
{
	struct fire fire = { .fd = self->rig.fd, .index = variant->index, .nr = 1, .holes = variant->holes, .fresh = variant->fresh };
	unsigned int rounds = variant->index == INTX ? 100 : 2000, i;
	struct dev_vector vector;
	pthread_t thread;

	fire_begin(&fire, &thread);
	for (i = 1; i <= rounds; i++) {
		edu_raise(&self->rig.edu, 1);
		if (!has_arrived(&fire, 0, i))
			break;
		edu_ack(&self->rig.edu);
		if (variant->index == INTX && __irq_unmask(self->rig.fd, INTX))
			break;
	}
	fire_end(&fire, thread);
	EXPECT_EQ(rounds + 1, i) TH_LOG("interrupt %u is lost after %llu swaps", i, atomic_load(&fire.swaps));
	EXPECT_EQ(rounds, atomic_load(&fire.arrived[0]));
	EXPECT_FALSE(atomic_load(&fire.failed));
	/* It was a fight: at least one swap for ten interrupts. */
	EXPECT_LT(rounds / 10, atomic_load(&fire.swaps));
	ASSERT_TRUE(dev_vector(self->rig.address, 0, &vector));
	EXPECT_EQ(rounds, vector.count);
	TH_LOG("%llu swaps, %u interrupts", atomic_load(&fire.swaps), rounds);
}

/* --- e1000e: MSI-X --- */

FIXTURE(msix) {
	struct rig rig;
	struct nic nic;
};

FIXTURE_VARIANT(msix) {
	bool vfio;
};

FIXTURE_VARIANT_ADD(msix, native) {
};

FIXTURE_VARIANT_ADD(msix, vfio) {
	.vfio = true,
};

FIXTURE_SETUP(msix)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve_any(&self->rig, "DP_NIC", VM))
		SKIP(return, "no e1000e on this machine");
	rig_use_vfio(&self->rig, variant->vfio);
	rig_open_any(&self->rig);
	nic_map(&self->nic, self->rig.fd);
}

FIXTURE_TEARDOWN_PARENT(msix)
{
	EXPECT_EQ(0, host_restore());
}

/* All vectors swapped by one call, each raised in turn. */
TEST_F(msix, nothing_is_lost)
{
	struct fire fire = { .fd = self->rig.fd, .index = MSIX, .nr = OWN, .holes = true, .fresh = true };
	struct dev_vector vector;
	unsigned int i, rounds = 2000, k;
	pthread_t thread;

	fire_begin(&fire, &thread);
	for (i = 0; i < rounds; i++) {
		nic_raise(&self->nic, i % OWN);
		if (!has_arrived(&fire, i % OWN, i / OWN + 1))
			break;
	}
	fire_end(&fire, thread);
	EXPECT_EQ(rounds, i) TH_LOG("interrupt %u, vector %u, is lost after %llu swaps", i, i % OWN, atomic_load(&fire.swaps));
	EXPECT_FALSE(atomic_load(&fire.failed));
	EXPECT_LT(rounds / 10, atomic_load(&fire.swaps));
	for (k = 0; k < OWN; k++) {
		EXPECT_EQ(rounds / OWN, atomic_load(&fire.arrived[k])) TH_LOG("vector %u", k);
		ASSERT_TRUE(dev_vector(self->rig.address, k, &vector));
		EXPECT_EQ(rounds / OWN, vector.count) TH_LOG("vector %u", k);
	}
}

/* --- growth --- */

struct growth {
	struct nic *nic;
	int efd;
	unsigned int raised;
	unsigned int arrived;
	bool lost;
	atomic_bool stop;
};

static void *raise_all_the_time(void *arg)
{
	struct growth *growth = arg;

	while (!growth->lost && !atomic_load(&growth->stop)) {
		nic_raise(growth->nic, 0);
		growth->raised++;
		/* The end of the wait is the loss: each one comes alone. */
		growth->lost = efd_wait(growth->efd, LOST_MS) != 1;
		growth->arrived += !growth->lost;
	}
	return NULL;
}

TEST_F(msix, growth_loses_nothing)
{
	unsigned int rounds = proc_rounds(20), round, i, sum = 0;
	struct growth growth = { .nic = &self->nic };
	struct vfio_irq_info info;
	struct dev_vector vector;
	int efds[NIC_VECTORS];
	pthread_t thread;

	for (i = 0; i < NIC_VECTORS; i++)
		efds[i] = efd_new();
	growth.efd = efds[0];
	ASSERT_EQ(0, __device_irq_info(self->rig.fd, MSIX, &info));
	ASSERT_FALSE(info.flags & VFIO_IRQ_INFO_NORESIZE);
	for (round = 0; round < rounds && !growth.lost; round++) {
		growth.raised = 0;
		growth.arrived = 0;
		atomic_store(&growth.stop, false);
		irq_trigger(self->rig.fd, MSIX, 0, 1, efds);
		dp_assert(!pthread_create(&thread, NULL, raise_all_the_time, &growth), "no thread");
		for (i = 1; i < NIC_VECTORS; i++) {
			EXPECT_EQ(0, __irq_trigger(self->rig.fd, MSIX, i, 1, &efds[i]));
			usleep(5000);
		}
		atomic_store(&growth.stop, true);
		pthread_join(thread, NULL);
		EXPECT_FALSE(growth.lost) TH_LOG("round %u: number %u", round, growth.raised);
		EXPECT_EQ(growth.raised, growth.arrived);
		ASSERT_TRUE(dev_vector(self->rig.address, 0, &vector));
		EXPECT_EQ(growth.raised, vector.count);
		/* Those that were added work. */
		for (i = 1; i < OWN; i++) {
			nic_raise(&self->nic, i);
			EXPECT_EQ(1, efd_wait(efds[i], LOST_MS)) TH_LOG("vector %u", i);
		}
		irq_disable(self->rig.fd, MSIX);
		sum += growth.raised;
	}
	ASSERT_EQ(0, __device_irq_info(self->rig.fd, MSIX, &info));
	EXPECT_FALSE(info.flags & VFIO_IRQ_INFO_NORESIZE);
	TH_LOG("%u interrupts while %u vectors were added", sum, rounds * (NIC_VECTORS - 1));
}

HOST_MAIN(HOST_VFIO)
