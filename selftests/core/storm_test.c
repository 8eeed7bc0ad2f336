// SPDX-License-Identifier: GPL-2.0
/*
 * The storm guard: a function that interrupts as fast as it can is held back, reported and counted, the host stays responsive, the vector comes back,
 * and what it sends when it is calm arrives. The device is edu, whose MSI has no mask bits, or e1000e with MSI-X.
 */
#include "kselftest_harness.h"

#include <pthread.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-storm"
#define SOON_MS 5000
#define NEVER_MS 100
#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSI VFIO_PCI_MSI_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX
#define UNMASK_FD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK)

/* An emulated machine takes some thousand interrupts a second when it does nothing else. */
#define RATE 200
#define BACKOFF_MS 50
/* Longest back-off: 64 times the first. */
#define LONGEST_MS (64 * BACKOFF_MS)
#define STORM_MS 3000
/* A back-off that is long enough to look at what is held back, on a slow machine too. */
#define HELD_MS 2000
/* What a beat may be late on two emulated CPUs that others share: it would stand still for seconds on a CPU that does nothing but interrupts. */
#define LATE_MS 2000

/* --- the heart of the host --- */

struct heart {
	pthread_t thread;
	atomic_bool stop;
	unsigned int beats;
	unsigned int latest_ms;
};

static void *beat(void *arg)
{
	struct heart *heart = arg;
	uint64_t last = now_ms(), now;

	while (!atomic_load(&heart->stop)) {
		usleep(1000);
		now = now_ms();
		if (now - last > heart->latest_ms)
			heart->latest_ms = now - last;
		heart->beats++;
		last = now;
	}
	return NULL;
}

static void heart_start(struct heart *heart)
{
	memset(heart, 0, sizeof(*heart));
	dp_assert(!pthread_create(&heart->thread, NULL, beat, heart), "no thread");
}

static void heart_stop(struct heart *heart)
{
	atomic_store(&heart->stop, true);
	pthread_join(heart->thread, NULL);
}

/* --- edu --- */

FIXTURE(edu) {
	struct rig rig;
	struct nl_sock *events;
	int efd;
};

/**
 * struct - how it interrupts
 * @index: MSI or INTx
 * @line: masked at the interrupt controller
 * @vfio: through the VFIO door
 */
FIXTURE_VARIANT(edu) {
	uint32_t index;
	bool line;
	bool vfio;
};

FIXTURE_VARIANT_ADD(edu, msi) {
	.index = MSI,
};

FIXTURE_VARIANT_ADD(edu, intx) {
	.index = INTX,
};

FIXTURE_VARIANT_ADD(edu, intx_line) {
	.index = INTX,
	.line = true,
};

FIXTURE_VARIANT_ADD(edu, msi_vfio) {
	.index = MSI,
	.vfio = true,
};

FIXTURE_SETUP(edu)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	host_nointxmask(variant->line);
	rig_use_vfio(&self->rig, variant->vfio);
	rig_open(&self->rig);
	edu_ack(&self->rig.edu);
	self->efd = efd_new();
	self->events = ctl_listen();
}

FIXTURE_TEARDOWN_PARENT(edu)
{
	host_nointxmask(false);
	EXPECT_EQ(0, host_restore());
}

static uint64_t storms_of(const char *address)
{
	struct dev_stats stats;

	dev_stats(address, &stats);
	return stats.storms;
}

static uint64_t taken_by(const char *address)
{
	struct dev_stats stats;

	dev_stats(address, &stats);
	return stats.interrupts;
}

static bool is_held(const char *address, uint32_t number)
{
	struct dev_vector vector;

	return dev_vector(address, number, &vector) && vector.held;
}

/* Raise as fast as it goes for @ms, as a guest that unmasks at once. */
static void storm(struct rig *rig, uint32_t index, int efd, unsigned int ms)
{
	uint64_t end = now_ms() + ms, count;

	while (now_ms() < end) {
		edu_raise(&rig->edu, 1);
		if (index != INTX)
			continue;
		if (read(efd, &count, sizeof(count)) == sizeof(count)) {
			edu_ack(&rig->edu);
			__irq_unmask(rig->fd, INTX);
		}
	}
}

/* The events of storms that are there; the last cause goes to @cause. */
static unsigned int storm_events(struct nl_sock *events, const char *address, char *cause, size_t size)
{
	struct ctl_event event;
	unsigned int nr = 0;

	while (ctl_event_next(events, &event, NEVER_MS)) {
		if (event.cmd != DIRECTPATH_CMD_DEV_NTF || strcmp(event.address, address) || strncmp(event.cause, "interrupt storm", 15))
			continue;
		if (size)
			snprintf(cause, size, "%s", event.cause);
		nr++;
	}
	return nr;
}

/* It comes back, and then every single one arrives. */
static unsigned int missing_after(struct rig *rig, uint32_t index, int efd)
{
	unsigned int i, missing = 0;
	uint64_t came;

	if (!wait_until(!is_held(rig->address, 0), LONGEST_MS + SOON_MS))
		return 1000;
	/* What was on its way has masked the line once more. */
	do {
		edu_ack(&rig->edu);
		if (index == INTX)
			__irq_unmask(rig->fd, INTX);
	} while (efd_wait(efd, 2 * NEVER_MS));
	for (i = 0; i < 5; i++) {
		edu_raise(&rig->edu, 1);
		came = efd_wait(efd, SOON_MS);
		if (came != 1)
			printf("# interrupt %u: signalled %llu times\n", i, (unsigned long long)came);
		missing += came != 1;
		edu_ack(&rig->edu);
		if (index == INTX)
			__irq_unmask(rig->fd, INTX);
	}
	return missing;
}

TEST_F(edu, is_held_back_and_comes_back)
{
	struct rig *rig = &self->rig;
	uint64_t storms, before, taken;
	struct heart heart;
	char cause[128] = "";
	unsigned int nr;

	ASSERT_EQ(0, __dev_set_storm(rig->address, RATE, BACKOFF_MS));
	irq_trigger(rig->fd, variant->index, 0, 1, &self->efd);
	storm_events(self->events, rig->address, NULL, 0);
	before = taken_by(rig->address);
	storms = storms_of(rig->address);

	heart_start(&heart);
	storm(rig, variant->index, self->efd, STORM_MS);
	heart_stop(&heart);
	taken = taken_by(rig->address) - before;
	storms = storms_of(rig->address) - storms;
	nr = storm_events(self->events, rig->address, cause, sizeof(cause));
	printf("# %llu interrupts in %d ms, held back %llu times, %u events, %u beats, the latest after %u ms\n", (unsigned long long)taken, STORM_MS,
	       (unsigned long long)storms, nr, heart.beats, heart.latest_ms);

	/* A first bucket, and the rate for the rest of the time; the back-off doubles. */
	EXPECT_LE(RATE / 10, taken);
	EXPECT_GE(RATE / 10 + RATE * STORM_MS / 1000 + RATE, taken);
	EXPECT_LE(3, storms);
	EXPECT_GE(10, storms);
	/* Reported, but not each. */
	EXPECT_LE(1, nr);
	EXPECT_GE(STORM_MS / 1000 + 2, nr);
	EXPECT_TRUE(strstr(cause, variant->index == MSI ? "MSI vector 0" : "INTx vector 0"));
	EXPECT_GE(LATE_MS, heart.latest_ms);
	EXPECT_LE(STORM_MS / 20, heart.beats);

	EXPECT_EQ(0, missing_after(rig, variant->index, self->efd));
}

/* The message that came while it was held back is not lost, though edu forgets it. */
TEST_F(edu, what_came_meanwhile_arrives)
{
	struct rig *rig = &self->rig;
	uint64_t count;

	ASSERT_EQ(0, __dev_set_storm(rig->address, RATE, HELD_MS));
	irq_trigger(rig->fd, variant->index, 0, 1, &self->efd);
	while (!is_held(rig->address, 0))
		storm(rig, variant->index, self->efd, 20);
	/* Nothing is on its way any more; the guest has handled everything. */
	usleep(50000);
	edu_ack(&rig->edu);
	if (variant->index == INTX)
		__irq_unmask(rig->fd, INTX);
	while (read(self->efd, &count, sizeof(count)) > 0)
		;
	ASSERT_TRUE(is_held(rig->address, 0));
	edu_raise(&rig->edu, 4);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	EXPECT_LE(1, efd_wait(self->efd, HELD_MS + SOON_MS));
	EXPECT_FALSE(is_held(rig->address, 0));
	EXPECT_EQ(4, edu_read(&rig->edu, EDU_IRQ_STATUS) & 4);
	edu_ack(&rig->edu);
}

/* The hardware while it is held back, and after it is over: no line, and MSI as it was. */
static void messages_are_off(struct __test_metadata *_metadata, FIXTURE_DATA(edu) *self)
{
	struct rig *rig = &self->rig;
	unsigned int cap = 0x40, command;

	ASSERT_EQ(PCI_CAP_ID_MSI, pci_config_read(rig->address, cap, 1));
	ASSERT_EQ(0, __dev_set_storm(rig->address, RATE, HELD_MS));
	irq_trigger(rig->fd, MSI, 0, 1, &self->efd);
	EXPECT_TRUE(pci_config_read(rig->address, cap + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE);
	while (!is_held(rig->address, 0))
		storm(rig, MSI, self->efd, 20);
	EXPECT_FALSE(pci_config_read(rig->address, cap + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE);
	command = pci_config_read(rig->address, PCI_COMMAND, 2);
	EXPECT_TRUE(command & PCI_COMMAND_INTX_DISABLE);
	ASSERT_TRUE(wait_until(!is_held(rig->address, 0), HELD_MS + SOON_MS));
	EXPECT_TRUE(pci_config_read(rig->address, cap + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE);
	EXPECT_EQ(command, pci_config_read(rig->address, PCI_COMMAND, 2));
	/* Off and on while it is held: as new. */
	while (!is_held(rig->address, 0))
		storm(rig, MSI, self->efd, 20);
	irq_disable(rig->fd, MSI);
	irq_trigger(rig->fd, MSI, 0, 1, &self->efd);
	EXPECT_FALSE(is_held(rig->address, 0));
	EXPECT_EQ(0, missing_after(rig, MSI, self->efd));
}

/* A guest whose resample eventfd unmasks a level that nobody lowers. */
static void unmasked_in_a_loop(struct __test_metadata *_metadata, FIXTURE_DATA(edu) *self)
{
	struct rig *rig = &self->rig;
	uint64_t end, before, count;
	int unmask = efd_new();

	ASSERT_EQ(0, __dev_set_storm(rig->address, RATE, BACKOFF_MS));
	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	ASSERT_EQ(0, __irq_set(rig->fd, UNMASK_FD, INTX, 0, 1, &unmask));
	before = taken_by(rig->address);
	edu_raise(&rig->edu, 1);
	for (end = now_ms() + STORM_MS; now_ms() < end;)
		if (read(self->efd, &count, sizeof(count)) == sizeof(count))
			efd_signal(unmask);
	EXPECT_LE(1, storms_of(rig->address));
	EXPECT_GE(RATE / 10 + RATE * STORM_MS / 1000 + RATE, taken_by(rig->address) - before);
	EXPECT_EQ(0, missing_after(rig, INTX, self->efd));
}

TEST_F(edu, in_its_own_way)
{
	if (variant->index == MSI)
		messages_are_off(_metadata, self);
	else
		unmasked_in_a_loop(_metadata, self);
}

/* With the guard off nothing is held back, counted or reported; switching it off ends a back-off. */
TEST_F(edu, off_is_off)
{
	struct rig *rig = &self->rig;
	uint64_t storms;

	irq_trigger(rig->fd, variant->index, 0, 1, &self->efd);
	ASSERT_EQ(0, __dev_set_storm(rig->address, 0, BACKOFF_MS));
	storm_events(self->events, rig->address, NULL, 0);
	storms = storms_of(rig->address);
	storm(rig, variant->index, self->efd, STORM_MS / 3);
	EXPECT_EQ(storms, storms_of(rig->address));
	EXPECT_EQ(0, storm_events(self->events, rig->address, NULL, 0));

	ASSERT_EQ(0, __dev_set_storm(rig->address, RATE, 10000));
	while (!is_held(rig->address, 0))
		storm(rig, variant->index, self->efd, 20);
	ASSERT_EQ(0, __dev_set_storm(rig->address, 0, 10000));
	EXPECT_TRUE(wait_until(!is_held(rig->address, 0), SOON_MS));
	EXPECT_EQ(0, missing_after(rig, variant->index, self->efd));
}

/* Its eventfd is swapped, its CPUs change and it ends while it is held back, and while it storms. */
TEST_F(edu, changes_while_held)
{
	struct rig *rig = &self->rig;
	struct vm_config all = { .cpus = "" }, first = { .cpus = "0" };
	int other = efd_new();
	uint64_t start;

	ASSERT_EQ(0, __dev_set_storm(rig->address, RATE, HELD_MS));
	irq_trigger(rig->fd, variant->index, 0, 1, &self->efd);
	while (!is_held(rig->address, 0))
		storm(rig, variant->index, self->efd, 20);
	irq_trigger(rig->fd, variant->index, 0, 1, &other);
	EXPECT_EQ(0, __vm_set(VM, &first));
	EXPECT_EQ(0, __vm_set(VM, &all));
	EXPECT_TRUE(is_held(rig->address, 0));
	EXPECT_EQ(0, missing_after(rig, variant->index, other));

	/* The end does not wait for a back-off. */
	ASSERT_EQ(0, __dev_set_storm(rig->address, RATE, 10000));
	while (!is_held(rig->address, 0))
		storm(rig, variant->index, other, 20);
	start = now_ms();
	rig_close(rig);
	EXPECT_GE(SOON_MS, now_ms() - start);
	rig_open(rig);
	edu_ack(&rig->edu);
	irq_trigger(rig->fd, variant->index, 0, 1, &self->efd);
	EXPECT_EQ(0, missing_after(rig, variant->index, self->efd));
}

/* --- settings --- */

TEST_F(edu, settings)
{
	struct vm_config config = { .storm = true, .storm_rate = 5000, .storm_backoff = 20 }, forget = { .forget_storm = true };
	struct rig *rig = &self->rig;
	struct dev_stats stats;
	struct dev_info dev;
	struct vm_info vm;

	dev_stats(rig->address, &stats);
	EXPECT_EQ(400000, stats.storm_rate);
	EXPECT_EQ(10, stats.storm_backoff);
	ASSERT_EQ(0, __vm_set(VM, &config));
	dev_stats(rig->address, &stats);
	EXPECT_EQ(5000, stats.storm_rate);
	EXPECT_EQ(20, stats.storm_backoff);
	vm_get(VM, &vm);
	EXPECT_TRUE(vm.storm_set);
	EXPECT_EQ(5000, vm.storm_rate);
	EXPECT_EQ(20, vm.storm_backoff);
	dev_get(rig->address, &dev);
	EXPECT_FALSE(dev.storm_set);
	ASSERT_EQ(0, __dev_set_storm(rig->address, 0, 30));
	dev_stats(rig->address, &stats);
	EXPECT_EQ(0, stats.storm_rate);
	EXPECT_EQ(30, stats.storm_backoff);
	ASSERT_EQ(0, __dev_forget_storm(rig->address));
	dev_stats(rig->address, &stats);
	EXPECT_EQ(5000, stats.storm_rate);
	EXPECT_EQ(-ERANGE, __dev_set_storm(rig->address, 10000001, 30));
	EXPECT_EQ(-ERANGE, __dev_set_storm(rig->address, 1000, 0));
	EXPECT_EQ(-ERANGE, __dev_set_storm(rig->address, 1000, 10001));
	dev_stats(rig->address, &stats);
	EXPECT_EQ(5000, stats.storm_rate);
	ASSERT_EQ(0, __vm_set(VM, &forget));
	vm_get(VM, &vm);
	EXPECT_FALSE(vm.storm_set);

	/* The VM's limit holds for a vector that is at work already. */
	irq_trigger(rig->fd, variant->index, 0, 1, &self->efd);
	config.storm_rate = RATE;
	ASSERT_EQ(0, __vm_set(VM, &config));
	storm(rig, variant->index, self->efd, STORM_MS / 3);
	EXPECT_LE(1, storms_of(rig->address));
}

/* --- MSI-X --- */

FIXTURE(e1000e) {
	struct rig rig;
	struct nic nic;
	int efds[NIC_VECTORS];
};

FIXTURE_SETUP(e1000e)
{
	unsigned int i;

	ASSERT_EQ(0, host_restore());
	if (!rig_reserve_any(&self->rig, "DP_E1000E", VM))
		SKIP(return, "no e1000e on this machine");
	rig_open_any(&self->rig);
	for (i = 0; i < NIC_VECTORS; i++)
		self->efds[i] = efd_new();
	nic_map(&self->nic, self->rig.fd);
}

FIXTURE_TEARDOWN_PARENT(e1000e)
{
	EXPECT_EQ(0, host_restore());
}

static void storm_vector(struct rig *rig, struct nic *nic, unsigned int vector)
{
	while (!is_held(rig->address, vector)) {
		unsigned int i;

		for (i = 0; i < 8; i++)
			nic_raise(nic, vector);
	}
}

/* One vector is held back and the others are not; what it would have sent is pending. */
TEST_F(e1000e, others_go_on)
{
	struct rig *rig = &self->rig;
	struct dev_vector vector;

	irq_trigger(rig->fd, MSIX, 0, NIC_VECTORS, self->efds);
	ASSERT_EQ(0, __dev_set_storm(rig->address, 20, 4 * HELD_MS));
	storm_vector(rig, &self->nic, 1);
	while (efd_wait(self->efds[1], NEVER_MS))
		;
	nic_raise(&self->nic, 2);
	EXPECT_EQ(1, efd_wait(self->efds[2], SOON_MS));
	nic_raise(&self->nic, 1);
	EXPECT_EQ(0, efd_wait(self->efds[1], NEVER_MS));
	ASSERT_TRUE(dev_vector(rig->address, 1, &vector));
	EXPECT_TRUE(vector.held);
	EXPECT_EQ(1, vector.storms);
	ASSERT_TRUE(dev_vector(rig->address, 2, &vector));
	EXPECT_FALSE(vector.held);
	EXPECT_EQ(0, vector.storms);
	EXPECT_EQ(1, efd_wait(self->efds[1], 4 * HELD_MS + SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efds[1], NEVER_MS));
	nic_raise(&self->nic, 1);
	EXPECT_EQ(1, efd_wait(self->efds[1], SOON_MS));
}

HOST_MAIN(HOST_VFIO)
