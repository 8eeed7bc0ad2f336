// SPDX-License-Identifier: GPL-2.0
/*
 * BARs beyond plain maps and reads: write-combining, and writes that an eventfd sets off.
 */
#include "kselftest_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/directpath.h>
#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-mmio"
#define SHM_BAR 2
#define SHM_SIZE (256UL << 20)
#define OFFSET(bar, byte) (((uint64_t)(bar) << 40) + (byte))
#define SOON_MS 5000

FIXTURE(mmio) {
	struct rig rig;   /* edu */
	const char *shm_address;
	int shm;
};

static void join(FIXTURE_DATA(mmio) *self)
{
	dev_set_policy(self->shm_address, "none");
	dev_claim(self->shm_address, 0, 0);
	vm_attach(VM, self->shm_address);
	self->shm = vm_device(self->rig.vm_fd, self->shm_address);
	device_enable(self->shm);
}

FIXTURE_SETUP(mmio)
{
	ASSERT_EQ(0, host_restore());
	self->shm_address = pci_env("DP_IVSHMEM");
	if (!self->shm_address || !rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu or no ivshmem on this machine");
	rig_open(&self->rig);
	join(self);
}

FIXTURE_TEARDOWN_PARENT(mmio)
{
	EXPECT_EQ(0, host_restore());
}

/* --- write-combining --- */

static int set_bar(int fd, uint32_t index, uint32_t flags)
{
	struct directpath_set_bar cmd = { .size = sizeof(cmd), .flags = flags, .index = index };

	return fd_ioctl(fd, DIRECTPATH_DEVICE_SET_BAR, &cmd);
}

static uint64_t bar_start(const char *address, unsigned int index)
{
	char path[80], line[128] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", address);
	file = fopen(path, "r");
	dp_assert(file, "%s", path);
	do
		dp_assert(fgets(line, sizeof(line), file), "%s has no line %u", path, index);
	while (index--);
	fclose(file);
	return strtoull(line, NULL, 16);
}

/* Does the kernel's table of memory types have @type for the whole BAR? */
static bool memtype_is(const char *address, unsigned int index, uint64_t size, const char *type)
{
	uint64_t start = bar_start(address, index), first, end;
	char line[160], name[32];
	bool found = false;
	FILE *file;

	file = fopen("/sys/kernel/debug/x86/pat_memtype_list", "r");
	dp_assert(file, "no list of memory types");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "PAT: [mem 0x%lx-0x%lx] %31s", &first, &end, name) == 3)
			found |= first == start && end == start + size && !strcmp(name, type);
	fclose(file);
	return found;
}

#define IS_WC(size) memtype_is(self->shm_address, SHM_BAR, size, "write-combining")

TEST_F(mmio, write_combining)
{
	uint64_t seen = 0, value = 0x1122334455667788ULL;
	volatile uint64_t *bar;

	EXPECT_FALSE(IS_WC(SHM_SIZE));
	ASSERT_EQ(0, set_bar(self->shm, SHM_BAR, DIRECTPATH_BAR_WC));
	bar = device_mmap(self->shm, SHM_BAR, SHM_SIZE);
	bar[0] = value;
	bar[SHM_SIZE / 8 - 1] = ~value;
	__sync_synchronize();
	EXPECT_TRUE(IS_WC(SHM_SIZE));
	EXPECT_EQ(8, __device_read(self->shm, SHM_BAR, 0, &seen, 8));
	EXPECT_EQ(value, seen);
	EXPECT_EQ(8, __device_read(self->shm, SHM_BAR, SHM_SIZE - 8, &seen, 8));
	EXPECT_EQ(~value, seen);
	seen = 42;
	EXPECT_EQ(8, __device_write(self->shm, SHM_BAR, 8, &seen, 8));
	EXPECT_EQ(42, bar[1]);

	/* One type for all maps. */
	EXPECT_EQ(0, set_bar(self->shm, SHM_BAR, DIRECTPATH_BAR_WC));
	EXPECT_EQ(-EBUSY, set_bar(self->shm, SHM_BAR, 0));
	munmap((void *)bar, SHM_SIZE);
	EXPECT_EQ(0, set_bar(self->shm, SHM_BAR, 0));
	EXPECT_FALSE(IS_WC(SHM_SIZE));
	bar = device_mmap(self->shm, SHM_BAR, PAGE);
	EXPECT_EQ(value, bar[0]);
	EXPECT_EQ(-EBUSY, set_bar(self->shm, SHM_BAR, DIRECTPATH_BAR_WC));
}

/* The page of ones takes the place of write-combined pages, too, and they come back. */
TEST_F(mmio, write_combining_and_decode)
{
	volatile uint32_t *bar;

	ASSERT_EQ(0, set_bar(self->shm, SHM_BAR, DIRECTPATH_BAR_WC));
	bar = device_mmap(self->shm, SHM_BAR, HUGE_PAGE);
	bar[0] = 7;
	device_config_write(self->shm, 4, 2, 0);
	EXPECT_EQ(~0U, bar[0]);
	bar[0] = 8;
	device_enable(self->shm);
	EXPECT_EQ(7, bar[0]);
}

TEST_F(mmio, write_combining_ends_with_the_lease)
{
	volatile uint32_t *bar;

	ASSERT_EQ(0, set_bar(self->shm, SHM_BAR, DIRECTPATH_BAR_WC));
	bar = device_mmap(self->shm, SHM_BAR, PAGE);
	bar[0] = 7;
	EXPECT_TRUE(IS_WC(SHM_SIZE));
	vm_detach(VM, self->shm_address, true);
	EXPECT_FALSE(IS_WC(SHM_SIZE));
	EXPECT_EQ(~0U, bar[0]);
	EXPECT_EQ(-ENODEV, set_bar(self->shm, SHM_BAR, DIRECTPATH_BAR_WC));
}

/* A large BAR costs a fault for 2 MiB, or for more where a fault maps many small pages; the address is aligned for that by itself. */
TEST_F(mmio, few_faults)
{
	struct dev_stats before, after;
	volatile uint32_t *bar;
	unsigned long at;

	bar = device_mmap(self->shm, SHM_BAR, SHM_SIZE);
	dev_stats(self->shm_address, &before);
	for (at = 0; at < SHM_SIZE; at += PAGE)
		(void)bar[at / 4];
	dev_stats(self->shm_address, &after);
	EXPECT_LT(before.faults, after.faults);
	EXPECT_GE(SHM_SIZE / HUGE_PAGE, after.faults - before.faults);
}

TEST_F(mmio, write_combining_is_refused)
{
	struct directpath_set_bar cmd = { .size = sizeof(cmd), .index = SHM_BAR, .flags = DIRECTPATH_BAR_WC };
	struct {
		struct directpath_set_bar cmd;
		uint32_t tail;
	} longer = { .cmd = { .size = sizeof(longer), .index = SHM_BAR, .flags = DIRECTPATH_BAR_WC } };

	EXPECT_EQ(-EINVAL, set_bar(self->rig.fd, 0, DIRECTPATH_BAR_WC)); /* not prefetchable */
	EXPECT_EQ(-EINVAL, set_bar(self->shm, 5, DIRECTPATH_BAR_WC));
	EXPECT_EQ(-EINVAL, set_bar(self->shm, VFIO_PCI_CONFIG_REGION_INDEX, DIRECTPATH_BAR_WC));
	EXPECT_EQ(-EINVAL, set_bar(self->shm, 1000, DIRECTPATH_BAR_WC));
	EXPECT_EQ(-EOPNOTSUPP, set_bar(self->shm, SHM_BAR, 2));
	cmd.size = sizeof(cmd) - 1;
	EXPECT_EQ(-EINVAL, fd_ioctl(self->shm, DIRECTPATH_DEVICE_SET_BAR, &cmd));
	cmd.size = 1 << 20;
	EXPECT_EQ(-E2BIG, fd_ioctl(self->shm, DIRECTPATH_DEVICE_SET_BAR, &cmd));
	cmd.size = sizeof(cmd);
	cmd.__reserved = 1;
	EXPECT_EQ(-EOPNOTSUPP, fd_ioctl(self->shm, DIRECTPATH_DEVICE_SET_BAR, &cmd));
	EXPECT_EQ(-EFAULT, fd_ioctl(self->shm, DIRECTPATH_DEVICE_SET_BAR, NULL));
	longer.tail = 1;
	EXPECT_EQ(-E2BIG, fd_ioctl(self->shm, DIRECTPATH_DEVICE_SET_BAR, &longer));
	EXPECT_FALSE(IS_WC(SHM_SIZE));
	longer.tail = 0;
	EXPECT_EQ(0, fd_ioctl(self->shm, DIRECTPATH_DEVICE_SET_BAR, &longer));
}

/* --- the page of ones --- */

#define ONES_ROUNDS 20
/* What is promised on a machine that has nothing else to do. */
#define ONES_US 20000

/* Write to a closed BAR and look until all of it is ones: the shortest time of some rounds, which a busy machine does not lengthen. */
static uint64_t ones_after(struct __test_metadata *_metadata, volatile uint32_t *bar, const char *when)
{
	uint64_t start, took, best = ~0ULL, worst = 0;
	unsigned int i, last = HUGE_PAGE / 4 - 1;

	for (i = 0; i < ONES_ROUNDS; i++) {
		bar[0] = i;
		bar[last] = i;
		start = now_us();
		while ((bar[0] != ~0U || bar[last] != ~0U) && now_us() - start < SETTLE_MS * 1000)
			;
		took = now_us() - start;
		best = took < best ? took : best;
		worst = took > worst ? took : worst;
	}
	TH_LOG("%s: ones again after %.1f to %.1f ms", when, best / 1000.0, worst / 1000.0);
	EXPECT_EQ(~0U, bar[0]);
	EXPECT_EQ(~0U, bar[last]);
	return best;
}

TEST_F_TIMEOUT(mmio, ones_again, 120)
{
	volatile uint32_t *bar = device_mmap(self->shm, SHM_BAR, HUGE_PAGE);

	bar[0] = 7;
	bar[HUGE_PAGE / 4 - 1] = 9;
	device_config_write(self->shm, 4, 2, 0);
	EXPECT_GT(ONES_US, ones_after(_metadata, bar, "decode off"));
	/* Nothing of it has reached the memory behind the BAR. */
	device_enable(self->shm);
	EXPECT_EQ(7, bar[0]);
	EXPECT_EQ(9, bar[HUGE_PAGE / 4 - 1]);
	vm_detach(VM, self->shm_address, true);
	EXPECT_GT(ONES_US, ones_after(_metadata, bar, "revoked"));
}

/* --- doorbells --- */

static int set_bell(int fd, uint64_t offset, uint32_t width, uint64_t data, int efd)
{
	struct vfio_device_ioeventfd cmd = { .argsz = sizeof(cmd), .flags = width, .offset = offset, .data = data, .fd = efd };

	return fd_ioctl(fd, VFIO_DEVICE_IOEVENTFD, &cmd);
}

static uint64_t word_at(int fd, uint64_t at)
{
	uint64_t word = 0;

	dp_assert(__device_read(fd, SHM_BAR, at, &word, 8) == 8, "%s", strerror(errno));
	return word;
}

TEST_F(mmio, doorbell_rings)
{
	static const uint64_t ones[] = { 0xff, 0xffff, 0xffffffff, ~0ULL };
	volatile uint64_t *bar = device_mmap(self->shm, SHM_BAR, PAGE);
	uint64_t data = 0x8877665544332211ULL;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		int efd = efd_new();

		bar[i] = 0;
		ASSERT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 8 * i), 1 << i, data, efd)) TH_LOG("width %u", 1 << i);
		EXPECT_EQ(0, bar[i]);
		efd_signal(efd);
		EXPECT_TRUE(wait_until(bar[i], SOON_MS));
		EXPECT_EQ(data & ones[i], bar[i]) TH_LOG("width %u", 1 << i);
		/* The count was consumed. */
		EXPECT_EQ(0, efd_wait(efd, 0));
		bar[i] = 0;
		efd_signal(efd);
		EXPECT_TRUE(wait_until(bar[i], SOON_MS));
	}
}

/* The way that KVM takes: a doorbell of the device sets off its interrupt. */
TEST_F(mmio, doorbell_to_interrupt)
{
	int bell = efd_new(), irq = efd_new();
	unsigned int i;

	irq_trigger(self->rig.fd, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &irq);
	ASSERT_EQ(0, set_bell(self->rig.fd, OFFSET(0, EDU_IRQ_RAISE), 4, 1, bell));
	for (i = 0; i < 10; i++) {
		efd_signal(bell);
		EXPECT_EQ(1, efd_wait(irq, SOON_MS));
		edu_ack(&self->rig.edu);
	}
}

TEST_F(mmio, doorbell_that_was_signalled_before)
{
	int efd = efd_new();
	uint64_t zero = 0;

	__device_write(self->shm, SHM_BAR, 0, &zero, 8);
	efd_signal(efd);
	ASSERT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 5, efd));
	EXPECT_TRUE(wait_until(word_at(self->shm, 0) == 5, SOON_MS));
}

TEST_F(mmio, doorbells_come_and_go)
{
	volatile uint64_t *bar = device_mmap(self->shm, SHM_BAR, PAGE);
	int efd = efd_new(), other = efd_new();

	bar[0] = 0;
	bar[1] = 0;
	ASSERT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 1, efd));
	ASSERT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 8), 8, 1, efd));
	EXPECT_EQ(-EEXIST, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 1, other));
	EXPECT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 2, other));
	EXPECT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 1, -1));
	EXPECT_EQ(-ENODEV, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 1, -1));
	efd_signal(efd);
	EXPECT_TRUE(wait_until(bar[1] == 1, SOON_MS));
	EXPECT_EQ(0, bar[0]);
	efd_signal(other);
	EXPECT_TRUE(wait_until(bar[0] == 2, SOON_MS));
	/* An eventfd that nobody else has any more. */
	close(other);
	close(efd);
	efd = efd_new();
	EXPECT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 2, efd));
	bar[0] = 0;
	efd_signal(efd);
	EXPECT_TRUE(wait_until(bar[0] == 2, SOON_MS));
}

TEST_F(mmio, doorbell_of_a_closed_bar)
{
	volatile uint64_t *bar = device_mmap(self->shm, SHM_BAR, PAGE);
	int efd = efd_new();

	bar[0] = 0;
	ASSERT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 3, efd));
	device_config_write(self->shm, 4, 2, 0);
	efd_signal(efd);
	EXPECT_TRUE(wait_until(!efd_wait(efd, 0), SOON_MS));
	device_enable(self->shm);
	EXPECT_EQ(0, bar[0]);
	efd_signal(efd);
	EXPECT_TRUE(wait_until(bar[0] == 3, SOON_MS));
}

TEST_F(mmio, doorbell_ends_with_the_lease)
{
	int efd = efd_new();
	char *host;

	ASSERT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 3, efd));
	device_config_write(self->shm, 4, 2, 2);
	efd_signal(efd);
	EXPECT_TRUE(wait_until(word_at(self->shm, 0) == 3, SOON_MS));
	vm_detach(VM, self->shm_address, true);
	EXPECT_EQ(-ENODEV, set_bell(self->shm, OFFSET(SHM_BAR, 8), 8, 3, efd));
	dev_release(self->shm_address, 0, 0);
	ASSERT_EQ(0, host_shell("echo 1 >/sys/bus/pci/devices/$DP_IVSHMEM/enable"));
	host = pci_map_resource(self->shm_address, SHM_BAR, PAGE);
	ASSERT_NE(MAP_FAILED, host);
	memset(host, 0, 8);
	efd_signal(efd);
	/* It is the process's own again. */
	EXPECT_EQ(1, efd_wait(efd, SOON_MS));
	EXPECT_EQ(0, *(volatile uint64_t *)host);
	munmap(host, PAGE);
	ASSERT_EQ(0, host_shell("echo 0 >/sys/bus/pci/devices/$DP_IVSHMEM/enable"));
}

#define MAX 1000

TEST_F(mmio, doorbells_are_limited)
{
	int efd = efd_new(), i;

	for (i = 0; i < MAX; i++)
		ASSERT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, i, efd)) TH_LOG("%d", i);
	EXPECT_EQ(-ENOSPC, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, MAX, efd));
	EXPECT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, 0, -1));
	EXPECT_EQ(0, set_bell(self->shm, OFFSET(SHM_BAR, 0), 8, MAX, efd));
}

TEST_F(mmio, doorbells_that_are_refused)
{
	struct vfio_device_ioeventfd cmd = { .argsz = sizeof(cmd), .flags = 4, .offset = OFFSET(SHM_BAR, 0) };
	int fd = self->shm, efd = efd_new(), devnull = open("/dev/null", O_RDWR);

	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(SHM_BAR, 0), 0, 1, efd));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(SHM_BAR, 0), 3, 1, efd));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(SHM_BAR, 0), 16, 1, efd));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(SHM_BAR, 4), 8, 1, efd));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(SHM_BAR, SHM_SIZE), 4, 1, efd));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(5, 0), 4, 1, efd));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(VFIO_PCI_CONFIG_REGION_INDEX, 4), 2, 1, efd));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(1000, 0), 4, 1, efd));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(SHM_BAR, 0), 4, 1, -2));
	EXPECT_EQ(-EBADF, set_bell(fd, OFFSET(SHM_BAR, 0), 4, 1, 1000));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(SHM_BAR, 0), 4, 1, devnull));
	cmd.argsz = sizeof(cmd) - 8;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_DEVICE_IOEVENTFD, &cmd));
	EXPECT_EQ(-EFAULT, fd_ioctl(fd, VFIO_DEVICE_IOEVENTFD, NULL));
}

/* The MSI-X table is the host's. */
TEST_F(mmio, doorbell_in_the_msix_table)
{
	const char *nvme = pci_env("DP_NVME");
	uint32_t table, pos = 0x34;
	int fd, efd = efd_new();

	ASSERT_NE(NULL, nvme);
	dev_claim(nvme, DEV_UNBIND, 0);
	vm_attach(VM, nvme);
	fd = vm_device(self->rig.vm_fd, nvme);
	device_enable(fd);
	pos = device_config_read(fd, pos, 1);
	while (pos && device_config_read(fd, pos, 1) != 0x11)
		pos = device_config_read(fd, pos + 1, 1);
	ASSERT_NE(0, pos);
	table = device_config_read(fd, pos + 4, 4);
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(table & 7, table & ~7U), 4, 1, efd));
	EXPECT_EQ(-EINVAL, set_bell(fd, OFFSET(table & 7, (table & ~7U) + 12), 4, 0, efd));
	EXPECT_EQ(0, set_bell(fd, OFFSET(0, 0x1000), 4, 0, efd));
}

HOST_MAIN(HOST_DP)
