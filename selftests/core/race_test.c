// SPDX-License-Identifier: GPL-2.0
/*
 * A reset of a function, by its VM or by the host, while its VM does what must not meet it: changes decode, power state or the kind of its
 * interrupts, opens it, or loses it. What is asked for are effects that a user can see; the rest is for the kernel that watches.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-race"
#define ONES 0xffffffffU
#define MARK 0x12345678U
#define ROUNDS 20
#define SELDOM 10 /* one look in so many may be off its time; a BAR that is opened is reached by all that follow */
/* Read only, and never ones: the version of an NVMe controller, the status of an e1000e. */
#define REG(bar) (&(bar)[2])
#define STATE(name) DIRECTPATH_STATE_##name

FIXTURE(race) {
	struct rig rig;
	volatile uint32_t *bar;
};

/* The page of ones, which stands for a BAR out of reach, keeps what is written for some milliseconds; a register that is only read does not. */
static bool is_scratch(volatile uint32_t *reg)
{
	unsigned int tries;

	for (tries = 0; tries < 50; tries++) {
		*reg = MARK;
		if (*reg == MARK)
			return true;
	}
	return false;
}

FIXTURE_SETUP(race)
{
	ASSERT_EQ(0, host_restore());
}

FIXTURE_TEARDOWN_PARENT(race)
{
	EXPECT_EQ(0, host_restore());
}

static bool start(FIXTURE_DATA(race) *self, const char *variable)
{
	if (!rig_reserve_any(&self->rig, variable, VM))
		return false;
	rig_open_any(&self->rig);
	device_enable(self->rig.fd);
	self->bar = device_mmap(self->rig.fd, 0, PAGE);
	dp_assert(*REG(self->bar) != ONES && !is_scratch(REG(self->bar)), "it does not answer");
	return true;
}

/* As a guest finds it, by walking. */
static unsigned int find_cap(int fd, uint8_t id)
{
	unsigned int pos = device_config_read(fd, PCI_CAPABILITY_LIST, 1);

	while (pos && device_config_read(fd, pos, 1) != id)
		pos = device_config_read(fd, pos + 1, 1);
	return pos;
}

/* Config space answers ones for as long as a reset has the function. */
static bool in_reset(int fd)
{
	return device_config_read(fd, PCI_STATUS, 2) == 0xffff;
}

/* Whoever resets it, over and over. */
struct resetter {
	pthread_t thread;
	int fd;              /* through the fd, or */
	const char *address; /* through sysfs */
	bool stop;
	unsigned int done;
	int error;           /* of the last that failed */
};

static void reset_by_host(const char *address)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", address);
	fd = open(path, O_WRONLY);
	dp_assert(fd >= 0 && write(fd, "1", 1) == 1, "%s: %s", path, strerror(errno));
	close(fd);
}

static void *reset_often(void *arg)
{
	struct resetter *resetter = arg;
	int ret = 0;

	while (!__atomic_load_n(&resetter->stop, __ATOMIC_RELAXED)) {
		if (resetter->address)
			reset_by_host(resetter->address);
		else
			ret = __device_reset(resetter->fd);
		if (ret)
			resetter->error = ret;
		__atomic_add_fetch(&resetter->done, 1, __ATOMIC_RELAXED);
		usleep(1000);
	}
	return NULL;
}

static void resetter_start(struct resetter *resetter)
{
	dp_assert(!pthread_create(&resetter->thread, NULL, reset_often, resetter), "no thread");
}

static unsigned int resets_done(struct resetter *resetter)
{
	return __atomic_load_n(&resetter->done, __ATOMIC_RELAXED);
}

static void resetter_stop(struct resetter *resetter)
{
	__atomic_store_n(&resetter->stop, true, __ATOMIC_RELAXED);
	pthread_join(resetter->thread, NULL);
}

/*
 * In the middle of one, neither where it has config space and has not closed the BARs yet, nor where it has opened them and has not gone: an FLR
 * takes 100 ms. On a machine that stalls that is not exact. *@since is kept between the calls.
 */
static bool deep_in_reset(int fd, uint64_t *since)
{
	uint64_t passed;

	if (!in_reset(fd)) {
		*since = 0;
		return false;
	}
	if (!*since)
		*since = now_ms();
	passed = now_ms() - *since;
	return passed >= 20 && passed <= 70;
}

/* Is the BAR reachable although a reset is under way? *@seen counts the looks that were within one. */
static bool reached_in_reset(FIXTURE_DATA(race) *self, uint64_t *since, unsigned int *seen)
{
	bool reached = !is_scratch(REG(self->bar));

	if (!deep_in_reset(self->rig.fd, since))
		return false;
	(*seen)++;
	return reached;
}

static void check_bars(struct __test_metadata *_metadata, FIXTURE_DATA(race) *self)
{
	device_enable(self->rig.fd);
	EXPECT_TRUE(wait_until(*REG(self->bar) != ONES && !is_scratch(REG(self->bar)), SETTLE_MS));
}

/* The write is lost, as on bare metal, and the BAR stays away. */
TEST_F_TIMEOUT(race, decode_written_in_a_reset, 120)
{
	struct resetter resetter = {};
	unsigned int seen = 0, reached = 0;
	uint64_t since = 0;
	uint32_t value;

	if (!start(self, "DP_NVME"))
		SKIP(return, "no nvme on this machine");
	resetter.fd = self->rig.fd;
	resetter_start(&resetter);
	while (resets_done(&resetter) < ROUNDS) {
		if (!deep_in_reset(self->rig.fd, &since))
			continue;
		for (value = 0; value < 4; value += 2) {
			device_config_write(self->rig.fd, PCI_COMMAND, 1, value);
			reached += reached_in_reset(self, &since, &seen);
		}
	}
	resetter_stop(&resetter);
	EXPECT_EQ(0, resetter.error);
	EXPECT_LT(SELDOM, seen);
	EXPECT_GE(seen / SELDOM, reached) TH_LOG("of %u looks", seen);
	check_bars(_metadata, self);
}

/* A reset that is refused, because the function has no way of its own, ends nothing that somebody else has begun. */
TEST_F_TIMEOUT(race, refused_while_the_host_resets_it, 120)
{
	struct resetter resetter = {};
	unsigned int seen = 0, reached = 0;
	uint64_t since = 0;

	if (!start(self, "DP_NVME"))
		SKIP(return, "no nvme on this machine");
	dev_set_policy(self->rig.address, "none");
	resetter.address = self->rig.address;
	resetter_start(&resetter);
	while (resets_done(&resetter) < ROUNDS) {
		if (!deep_in_reset(self->rig.fd, &since))
			continue;
		EXPECT_EQ(-EINVAL, __device_reset(self->rig.fd));
		reached += reached_in_reset(self, &since, &seen);
	}
	resetter_stop(&resetter);
	dev_set_policy(self->rig.address, "default");
	EXPECT_LT(SELDOM, seen);
	EXPECT_GE(seen / SELDOM, reached) TH_LOG("of %u looks", seen);
	check_bars(_metadata, self);
}

/* The PCI core restores its messages after the reset; they must not go meanwhile. */
TEST_F_TIMEOUT(race, messages_on_and_off, 300)
{
	static const uint32_t kinds[] = { VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX };
	unsigned int i, kind, rounds = proc_rounds(10) * 10;
	struct resetter resetter = {};
	int efd = efd_new();

	if (!start(self, "DP_E1000E"))
		SKIP(return, "no e1000e on this machine");
	for (kind = 0; kind < 2; kind++) {
		memset(&resetter, 0, sizeof(resetter));
		resetter.fd = self->rig.fd;
		resetter_start(&resetter);
		for (i = 0; resets_done(&resetter) < rounds; i++) {
			irq_trigger(self->rig.fd, kinds[kind], 0, 1, &efd);
			irq_disable(self->rig.fd, kinds[kind]);
		}
		resetter_stop(&resetter);
		EXPECT_EQ(0, resetter.error);
		EXPECT_LT(0, i);
		/* They work on. */
		irq_trigger(self->rig.fd, kinds[kind], 0, 1, &efd);
		EXPECT_EQ(0, __irq_loopback(self->rig.fd, kinds[kind], 0, 1));
		EXPECT_EQ(1, efd_wait(efd, SETTLE_MS));
		irq_disable(self->rig.fd, kinds[kind]);
	}
	check_bars(_metadata, self);
	close(efd);
}

/* Both save config space and put it back: one that gets between the other two steps brings back what it saw half way. */
TEST_F_TIMEOUT(race, power_states, 300)
{
	unsigned int i, pm, rounds = proc_rounds(10) * 10;
	struct resetter resetter = {};
	uint32_t bars[6];

	if (!start(self, "DP_E1000E"))
		SKIP(return, "no e1000e on this machine");
	pm = find_cap(self->rig.fd, PCI_CAP_ID_PM);
	ASSERT_NE(0, pm);
	for (i = 0; i < 6; i++)
		bars[i] = pci_config_read(self->rig.address, PCI_BASE_ADDRESS_0 + 4 * i, 4);
	resetter.fd = self->rig.fd;
	resetter_start(&resetter);
	while (resets_done(&resetter) < rounds) {
		device_config_write(self->rig.fd, pm + PCI_PM_CTRL, 2, 3);
		device_config_write(self->rig.fd, pm + PCI_PM_CTRL, 2, 0);
		for (i = 0; i < 6 && !in_reset(self->rig.fd); i++)
			if (pci_config_read(self->rig.address, PCI_BASE_ADDRESS_0 + 4 * i, 4) != bars[i] && !in_reset(self->rig.fd))
				break;
	}
	resetter_stop(&resetter);
	EXPECT_EQ(0, resetter.error);
	device_config_write(self->rig.fd, pm + PCI_PM_CTRL, 2, 0);
	EXPECT_EQ(0, pci_config_read(self->rig.address, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(bars[i], pci_config_read(self->rig.address, PCI_BASE_ADDRESS_0 + 4 * i, 4));
	check_bars(_metadata, self);
}

/* The run ends while its reset is under way: at once, and what the PCI core restores then is nobody's. The next run has all of it. */
TEST_F_TIMEOUT(race, revoked_in_a_reset, 300)
{
	static const uint32_t kinds[] = { VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX };
	unsigned int round;
	int efd = efd_new();

	for (round = 0; round < 4; round++) {
		uint32_t kind = kinds[round % 2];
		struct resetter resetter = {};

		if (!start(self, "DP_E1000E"))
			SKIP(return, "no e1000e on this machine");
		irq_trigger(self->rig.fd, kind, 0, 1, &efd);
		resetter.fd = self->rig.fd;
		resetter_start(&resetter);
		EXPECT_TRUE(wait_until(in_reset(self->rig.fd), SETTLE_MS));
		usleep(3000 * round);
		vm_detach(VM, self->rig.address, true);
		resetter_stop(&resetter);
		EXPECT_EQ(-ENODEV, __device_reset(self->rig.fd));
		EXPECT_EQ(-ENODEV, __irq_disable(self->rig.fd, kind));
		EXPECT_TRUE(dev_reaches(self->rig.address, STATE(READY), SETTLE_MS));
		EXPECT_EQ(0, pci_config_read(self->rig.address, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
		munmap((void *)self->bar, PAGE);
		rig_close(&self->rig);
		vm_del(VM);
	}
	ASSERT_TRUE(start(self, "DP_E1000E"));
	irq_trigger(self->rig.fd, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &efd);
	irq_disable(self->rig.fd, VFIO_PCI_MSI_IRQ_INDEX);
	irq_trigger(self->rig.fd, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &efd);
	close(efd);
}

/* Two at once, and others at config space all the time: each gets its turn, none is told to try again. */
TEST_F_TIMEOUT(race, two_resets, 300)
{
	struct resetter resetters[2] = {};
	unsigned int i;

	if (!start(self, "DP_E1000E"))
		SKIP(return, "no e1000e on this machine");
	for (i = 0; i < 2; i++) {
		resetters[i].fd = self->rig.fd;
		resetter_start(&resetters[i]);
	}
	while (resets_done(&resetters[0]) < ROUNDS || resets_done(&resetters[1]) < ROUNDS)
		device_config_read(self->rig.fd, PCI_STATUS, 2);
	for (i = 0; i < 2; i++) {
		resetter_stop(&resetters[i]);
		EXPECT_EQ(0, resetters[i].error);
	}
	check_bars(_metadata, self);
}

/* It is opened when the host has done with it, and not refused. */
TEST_F_TIMEOUT(race, opened_in_a_reset, 120)
{
	struct resetter resetter = {};
	unsigned int round;

	if (!start(self, "DP_NVME"))
		SKIP(return, "no nvme on this machine");
	resetter.address = self->rig.address;
	resetter_start(&resetter);
	for (round = 0; round < ROUNDS; round++) {
		munmap((void *)self->bar, PAGE);
		close(self->rig.fd);
		self->rig.fd = __vm_device(self->rig.vm_fd, self->rig.address);
		ASSERT_LE(0, self->rig.fd);
		self->bar = device_mmap(self->rig.fd, 0, PAGE);
	}
	resetter_stop(&resetter);
	check_bars(_metadata, self);
}

HOST_MAIN(0)
