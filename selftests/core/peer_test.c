// SPDX-License-Identifier: GPL-2.0
/*
 * Peer-to-peer: a BAR of one function (ivshmem's memory) mapped for DMA of another (edu), over both doors. The map follows the BAR.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include <linux/directpath.h>
#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-peer"
#define OTHER "t-peer-other"
#define STATE(name) DIRECTPATH_STATE_##name
#define RAM 0x10000000ULL
#define PEER 0x4000000000ULL
#define SHM_BAR 2
#define SHM_SIZE (256UL << 20)
#define WINDOW (8 * PAGE)
#define SEED 1
#define CANARY 2
#define COMMAND 4

FIXTURE(peer) {
	const char *edu_address;
	const char *shm_address;
	const struct space_ops *ops;
	int space;
	int edu_group; /* the VFIO door's */
	int group;     /* of the ivshmem */
	int edu_fd;
	int shm_fd;
	struct edu edu;
	char *mem;     /* a page, mapped at RAM */
	char *shm;     /* the first WINDOW bytes of the BAR */
};

FIXTURE_VARIANT(peer) {
	bool type1;
};

FIXTURE_VARIANT_ADD(peer, native) {};

FIXTURE_VARIANT_ADD(peer, type1v2) {
	.type1 = true,
};

static void reserve(const char *address)
{
	dev_set_policy(address, "none");
	dev_claim(address, 0, 0);
	vm_attach(VM, address);
}

static void open_type1(FIXTURE_DATA(peer) *self)
{
	struct door door;

	door_open(&door, self->edu_address, VFIO_TYPE1v2_IOMMU);
	self->space = door.container;
	self->edu_fd = door.fd;
	self->edu_group = door.group;
	self->group = group_open(pci_group(self->shm_address));
	group_set_container(self->group, self->space);
	self->shm_fd = group_device(self->group, self->shm_address);
}

static void open_native(FIXTURE_DATA(peer) *self)
{
	self->space = vm_open(VM);
	self->edu_fd = vm_device(self->space, self->edu_address);
	self->shm_fd = vm_device(self->space, self->shm_address);
}

FIXTURE_SETUP(peer)
{
	ASSERT_EQ(0, host_restore());
	self->edu_address = pci_env("DP_EDU0");
	self->shm_address = pci_env("DP_IVSHMEM");
	if (!self->edu_address || !self->shm_address)
		SKIP(return, "no edu or no ivshmem on this machine");
	vm_new(VM, NULL);
	reserve(self->edu_address);
	reserve(self->shm_address);
	self->ops = variant->type1 ? &space_type1 : &space_native;
	if (variant->type1)
		open_type1(self);
	else
		open_native(self);
	device_enable(self->edu_fd);
	device_enable(self->shm_fd);
	edu_map(&self->edu, self->edu_fd);
	self->mem = mem_new(MEM_ANON, PAGE);
	self->shm = device_mmap(self->shm_fd, SHM_BAR, WINDOW);
	memset(self->mem, 0, PAGE);
	ASSERT_EQ(0, self->ops->map(self->space, self->mem, RAM, PAGE, SPACE_RW));
}

FIXTURE_TEARDOWN_PARENT(peer)
{
	EXPECT_EQ(0, host_restore());
}

static int map(FIXTURE_DATA(peer) *self, const char *at, uint64_t iova, uint64_t length, unsigned int prot)
{
	return self->ops->map(self->space, at, iova, length, prot);
}

/* The edu brings a page of @seed to @iova. */
static void dma_to(FIXTURE_DATA(peer) *self, uint64_t iova, uint32_t seed)
{
	mem_fill(self->mem, PAGE, seed);
	edu_fetch(&self->edu, RAM, 0, EDU_DMA_MAX);
	edu_store(&self->edu, iova, 0, EDU_DMA_MAX);
}

/* And what is at @iova into memory. */
static void dma_from(FIXTURE_DATA(peer) *self, uint64_t iova)
{
	memset(self->mem, 0, PAGE);
	edu_fetch(&self->edu, iova, 0, EDU_DMA_MAX);
	edu_store(&self->edu, RAM, 0, EDU_DMA_MAX);
}

static bool fault_is_logged(FIXTURE_DATA(peer) *self)
{
	dma_to(self, PEER, SEED);
	return !host_shell("log_since | grep -q \"fault addr 0x4000000000 \"");
}

/* A transfer to PEER that the IOMMU refuses, not the BAR: the log says so, with the address; but not more than ten such lines in five seconds. */
static bool is_refused(FIXTURE_DATA(peer) *self)
{
	return !host_shell("log_mark") && wait_until(fault_is_logged(self), SETTLE_MS);
}

/* Does the map lead to page @page of the BAR, in both directions? */
static bool leads_to(FIXTURE_DATA(peer) *self, uint64_t iova, unsigned int page)
{
	char *at = self->shm + page * PAGE;

	memset(at, 0, PAGE);
	dma_to(self, iova, SEED);
	if (!mem_holds(at, EDU_DMA_MAX, SEED))
		return false;
	mem_fill(at, PAGE, CANARY);
	dma_from(self, iova);
	return mem_holds(self->mem, EDU_DMA_MAX, CANARY);
}

static uint64_t mapped(void)
{
	struct vm_info info;

	vm_get(VM, &info);
	return info.mapped;
}

static uint64_t pinned(void)
{
	struct vm_info info;

	vm_get(VM, &info);
	return info.pinned;
}

TEST_F(peer, reaches_the_bar)
{
	uint64_t unmapped;

	ASSERT_EQ(0, map(self, self->shm, PEER, WINDOW, SPACE_RW));
	EXPECT_TRUE(leads_to(self, PEER, 0));
	EXPECT_TRUE(leads_to(self, PEER + WINDOW - PAGE, WINDOW / PAGE - 1));
	EXPECT_EQ(WINDOW + PAGE, mapped());
	EXPECT_EQ(-EEXIST, map(self, self->shm, PEER + PAGE, PAGE, SPACE_RW));
	ASSERT_EQ(0, self->ops->unmap(self->space, PEER, WINDOW, &unmapped));
	EXPECT_EQ(WINDOW, unmapped);
	mem_fill(self->shm, PAGE, CANARY);
	dma_to(self, PEER, SEED);
	EXPECT_TRUE(mem_holds(self->shm, EDU_DMA_MAX, CANARY));
}

TEST_F(peer, part_of_it)
{
	ASSERT_EQ(0, map(self, self->shm + 3 * PAGE, PEER, 2 * PAGE, SPACE_RW));
	EXPECT_TRUE(leads_to(self, PEER, 3));
	EXPECT_TRUE(leads_to(self, PEER + PAGE, 4));
	mem_fill(self->shm + 5 * PAGE, PAGE, CANARY);
	dma_to(self, PEER + 2 * PAGE, SEED);
	EXPECT_TRUE(mem_holds(self->shm + 5 * PAGE, EDU_DMA_MAX, CANARY));
}

/* A map that the device may only read from. */
TEST_F(peer, read_only)
{
	ASSERT_EQ(0, map(self, self->shm, PEER, PAGE, SPACE_READ));
	mem_fill(self->shm, PAGE, CANARY);
	dma_from(self, PEER);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, CANARY));
	dma_to(self, PEER, SEED);
	EXPECT_TRUE(mem_holds(self->shm, EDU_DMA_MAX, CANARY));
}

/* mprotect() and munmap() split VMAs; what hangs together is still one BAR, and what does not is refused. */
TEST_F(peer, split_vmas)
{
	char *again;

	ASSERT_EQ(0, mprotect(self->shm + 2 * PAGE, PAGE, PROT_READ));
	ASSERT_EQ(0, map(self, self->shm, PEER, WINDOW, SPACE_READ));
	mem_fill(self->shm + 4 * PAGE, PAGE, CANARY);
	dma_from(self, PEER + 4 * PAGE);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, CANARY));
	ASSERT_EQ(0, self->ops->unmap(self->space, PEER, WINDOW, NULL));
	EXPECT_EQ(-EFAULT, map(self, self->shm, PEER, WINDOW, SPACE_RW));
	EXPECT_EQ(0, map(self, self->shm, PEER, 2 * PAGE, SPACE_RW));
	EXPECT_EQ(0, self->ops->unmap(self->space, PEER, 2 * PAGE, NULL));

	ASSERT_EQ(0, munmap(self->shm + 2 * PAGE, PAGE));
	EXPECT_EQ(-EFAULT, map(self, self->shm, PEER, WINDOW, SPACE_READ));
	/* The right BAR at the wrong place. */
	again = mmap(self->shm + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, self->shm_fd, (2ULL << 40) + 5 * PAGE);
	ASSERT_EQ(self->shm + 2 * PAGE, again);
	EXPECT_EQ(-EFAULT, map(self, self->shm, PEER, WINDOW, SPACE_RW));
	again = mmap(self->shm + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, self->shm_fd, (2ULL << 40) + 2 * PAGE);
	ASSERT_EQ(self->shm + 2 * PAGE, again);
	EXPECT_EQ(0, map(self, self->shm, PEER, WINDOW, SPACE_RW));
	EXPECT_TRUE(leads_to(self, PEER + 2 * PAGE, 2));
	/* Neither memory behind a BAR nor a BAR behind memory. */
	again = mmap(self->shm + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(self->shm + 2 * PAGE, again);
	EXPECT_EQ(-EFAULT, map(self, self->shm, 2 * PEER, WINDOW, SPACE_RW));
	EXPECT_EQ(-EFAULT, map(self, self->shm + 2 * PAGE, 2 * PEER, 2 * PAGE, SPACE_RW));
	EXPECT_EQ(WINDOW + PAGE, mapped());
}

TEST_F_TIMEOUT(peer, goes_and_comes_with_decode, 90)
{
	uint64_t unmapped;

	ASSERT_EQ(0, map(self, self->shm, PEER, WINDOW, SPACE_RW));
	mem_fill(self->shm, PAGE, CANARY);
	device_config_write(self->shm_fd, COMMAND, 2, 0);
	EXPECT_TRUE(is_refused(self));
	EXPECT_EQ(WINDOW + PAGE, mapped());
	EXPECT_EQ(-EEXIST, map(self, self->shm, PEER, PAGE, SPACE_RW));
	device_enable(self->shm_fd);
	EXPECT_TRUE(mem_holds(self->shm, EDU_DMA_MAX, CANARY));
	EXPECT_TRUE(leads_to(self, PEER + PAGE, 1));

	device_config_write(self->shm_fd, COMMAND, 2, 0);
	ASSERT_EQ(0, self->ops->unmap(self->space, PEER, WINDOW, &unmapped));
	EXPECT_EQ(WINDOW, unmapped);
	/* Made while it is off, it comes when it is on. */
	ASSERT_EQ(0, map(self, self->shm, PEER, WINDOW, SPACE_RW));
	device_enable(self->shm_fd);
	EXPECT_TRUE(leads_to(self, PEER, 0));
}

TEST_F(peer, nothing_is_pinned_or_charged)
{
	char *whole = device_mmap(self->shm_fd, SHM_BAR, SHM_SIZE);
	struct vm_config config = { .limits = true, .max_pinned = 2 * PAGE };

	vm_set(VM, &config);
	proc_keep_caps(0);
	proc_limit_locked(2 * PAGE);
	EXPECT_TRUE(proc_locked_reaches(PAGE, SETTLE_MS));
	ASSERT_EQ(0, map(self, whole, PEER, SHM_SIZE, SPACE_RW));
	EXPECT_EQ(SHM_SIZE + PAGE, mapped());
	EXPECT_EQ(PAGE, pinned());
	EXPECT_EQ(PAGE, proc_locked());
	memset(whole + SHM_SIZE - PAGE, 0, PAGE);
	dma_to(self, PEER + SHM_SIZE - PAGE, SEED);
	EXPECT_TRUE(mem_holds(whole + SHM_SIZE - PAGE, EDU_DMA_MAX, SEED));
	ASSERT_EQ(0, self->ops->unmap(self->space, PEER, SHM_SIZE, NULL));
	EXPECT_EQ(PAGE, pinned());
	EXPECT_EQ(PAGE, proc_locked());
}

/* The function is taken away: its BAR is not reached any more, its next owner's least of all. */
TEST_F_TIMEOUT(peer, ends_with_the_lease, 90)
{
	uint64_t unmapped;
	char *host;

	ASSERT_EQ(0, map(self, self->shm, PEER, WINDOW, SPACE_RW));
	mem_fill(self->shm, PAGE, CANARY);
	vm_detach(VM, self->shm_address, true);
	dma_to(self, PEER, SEED);
	dev_release(self->shm_address, 0, 0);
	ASSERT_EQ(0, host_shell("echo 1 >/sys/bus/pci/devices/$DP_IVSHMEM/enable"));
	host = pci_map_resource(self->shm_address, SHM_BAR, PAGE);
	ASSERT_NE(MAP_FAILED, host);
	EXPECT_TRUE(mem_holds(host, EDU_DMA_MAX, CANARY));
	EXPECT_TRUE(is_refused(self));
	EXPECT_TRUE(mem_holds(host, EDU_DMA_MAX, CANARY));
	munmap(host, PAGE);
	ASSERT_EQ(0, host_shell("echo 0 >/sys/bus/pci/devices/$DP_IVSHMEM/enable"));

	EXPECT_EQ(WINDOW + PAGE, mapped());
	EXPECT_EQ(-ENODEV, map(self, self->shm, 2 * PEER, PAGE, SPACE_RW));
	ASSERT_EQ(0, self->ops->unmap(self->space, PEER, WINDOW, &unmapped));
	EXPECT_EQ(WINDOW, unmapped);
	EXPECT_EQ(PAGE, mapped());
}

/* The space ends first, with the map in it. */
TEST_F(peer, ends_with_the_space)
{
	ASSERT_EQ(0, map(self, self->shm, PEER, WINDOW, SPACE_RW));
	munmap(self->shm, WINDOW);
	edu_unmap(&self->edu);
	close(self->edu_fd);
	close(self->shm_fd);
	close(self->space);
	if (variant->type1) {
		close(self->group);
		close(self->edu_group);
	}
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_TRUE(dev_reaches(self->shm_address, STATE(RESERVED), SETTLE_MS));
}

/* Whoever joins the space later reaches the BAR, too, and a function its own one. */
TEST_F(peer, itself)
{
	uint32_t id = 0;

	ASSERT_EQ(0, map(self, (char *)self->edu.bar, PEER, PAGE, SPACE_READ));
	edu_fetch(&self->edu, PEER, 0, 4);
	edu_store(&self->edu, RAM, 0, 4);
	memcpy(&id, self->mem, sizeof(id));
	EXPECT_EQ(EDU_ID_VALUE, id);
}

/* --- a function with a reset --- */

#define NVME_BAR 0
#define NVME_VERSION 8 /* VS: a constant of the model */

TEST_F(peer, comes_back_after_a_reset)
{
	const char *nvme = pci_env("DP_NVME");
	uint32_t version, seen = 0;
	int fd, group;
	char *regs;

	ASSERT_NE(NULL, nvme);
	dev_claim(nvme, DEV_UNBIND, 0);
	vm_attach(VM, nvme);
	if (variant->type1) {
		group = group_open(pci_group(nvme));
		group_set_container(group, self->space);
		fd = group_device(group, nvme);
	} else {
		fd = vm_device(self->space, nvme);
	}
	device_enable(fd);
	regs = device_mmap(fd, NVME_BAR, PAGE);
	version = *(volatile uint32_t *)(regs + NVME_VERSION);
	ASSERT_NE(0, version);
	ASSERT_EQ(0, map(self, regs, PEER, PAGE, SPACE_READ));
	ASSERT_EQ(0, __device_reset(fd));
	device_enable(fd);
	edu_fetch(&self->edu, PEER + NVME_VERSION, 0, 4);
	edu_store(&self->edu, RAM, 0, 4);
	memcpy(&seen, self->mem, sizeof(seen));
	EXPECT_EQ(version, seen);
}

/* --- what is refused --- */

TEST_F(peer, of_another_vm)
{
	const char *second = pci_env("DP_EDU1");
	void *theirs;
	int vm, fd;

	ASSERT_NE(NULL, second);
	vm_new(OTHER, NULL);
	dev_set_policy(second, "none");
	dev_claim(second, 0, 0);
	vm_attach(OTHER, second);
	vm = vm_open(OTHER);
	fd = vm_device(vm, second);
	theirs = device_mmap(fd, 0, PAGE);
	EXPECT_EQ(variant->type1 ? -EINVAL : -EPERM, map(self, theirs, PEER, PAGE, SPACE_RW));
	EXPECT_EQ(PAGE, mapped());
}

/* --- by fd --- */

static int map_fd(int space, int fd, uint64_t offset, uint64_t iova, uint64_t length, uint32_t flags)
{
	struct directpath_map cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.vaddr = offset,
		.iova = iova,
		.length = length,
		.fd = fd,
	};

	return fd_ioctl(space, DIRECTPATH_MAP, &cmd);
}

#define OFFSET(bar, byte) (((uint64_t)(bar) << 40) + (byte))
#define MMIO_RW (DIRECTPATH_MAP_MMIO | DIRECTPATH_MAP_READ | DIRECTPATH_MAP_WRITE)

TEST_F(peer, by_fd)
{
	int fd = self->shm_fd, devnull;

	/* The native door alone has it. */
	if (variant->type1)
		return;
	ASSERT_EQ(0, map_fd(self->space, fd, OFFSET(SHM_BAR, 2 * PAGE), PEER, SHM_SIZE - 2 * PAGE, MMIO_RW));
	EXPECT_TRUE(leads_to(self, PEER, 2));
	/* It holds neither the file nor any map of it. */
	EXPECT_EQ(-EEXIST, map_fd(self->space, fd, OFFSET(SHM_BAR, 0), PEER, PAGE, MMIO_RW));
	EXPECT_EQ(-EINVAL, map_fd(self->space, fd, OFFSET(SHM_BAR, 0), 2 * PEER, SHM_SIZE + PAGE, MMIO_RW));
	EXPECT_EQ(-EINVAL, map_fd(self->space, fd, OFFSET(SHM_BAR, SHM_SIZE), 2 * PEER, PAGE, MMIO_RW));
	EXPECT_EQ(-EINVAL, map_fd(self->space, fd, OFFSET(SHM_BAR, 1), 2 * PEER, PAGE, MMIO_RW));
	EXPECT_EQ(-EINVAL, map_fd(self->space, fd, OFFSET(SHM_BAR, 0), 2 * PEER, 0, MMIO_RW));
	EXPECT_EQ(-EINVAL, map_fd(self->space, fd, OFFSET(SHM_BAR, 0), 2 * PEER, PAGE, DIRECTPATH_MAP_MMIO));
	EXPECT_EQ(-EINVAL, map_fd(self->space, fd, OFFSET(5, 0), 2 * PEER, PAGE, MMIO_RW));
	EXPECT_EQ(-EINVAL, map_fd(self->space, fd, OFFSET(VFIO_PCI_CONFIG_REGION_INDEX, 0), 2 * PEER, PAGE, MMIO_RW));
	EXPECT_EQ(-EINVAL, map_fd(self->space, fd, OFFSET(1000, 0), 2 * PEER, PAGE, MMIO_RW));
	EXPECT_EQ(-EOPNOTSUPP, map_fd(self->space, fd, 0, 2 * PEER, PAGE, DIRECTPATH_MAP_READ));
	EXPECT_EQ(-EBADF, map_fd(self->space, -1, 0, 2 * PEER, PAGE, MMIO_RW));
	devnull = open("/dev/null", O_RDWR);
	EXPECT_EQ(-EBADF, map_fd(self->space, devnull, OFFSET(SHM_BAR, 0), 2 * PEER, PAGE, MMIO_RW));
	EXPECT_EQ(-EBADF, map_fd(self->space, self->space, OFFSET(SHM_BAR, 0), 2 * PEER, PAGE, MMIO_RW));
	EXPECT_EQ(SHM_SIZE - 2 * PAGE + PAGE, mapped());
}

/* Decode on and off as fast as it goes while maps come and go: in the end it is as the last one left it. */
struct toggler {
	int fd;
	bool stop;
};

static void *toggle(void *arg)
{
	struct toggler *toggler = arg;

	while (!__atomic_load_n(&toggler->stop, __ATOMIC_RELAXED)) {
		device_config_write(toggler->fd, COMMAND, 2, 0);
		device_config_write(toggler->fd, COMMAND, 2, 2);
	}
	return NULL;
}

TEST_F_TIMEOUT(peer, maps_under_toggling, 120)
{
	struct toggler toggler = { .fd = self->shm_fd };
	unsigned int i, rounds = proc_rounds(10) * 20;
	pthread_t thread;

	ASSERT_EQ(0, map(self, self->shm, PEER, WINDOW, SPACE_RW));
	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle, &toggler));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, map(self, self->shm, 2 * PEER, WINDOW, SPACE_RW));
		ASSERT_EQ(0, self->ops->unmap(self->space, 2 * PEER, WINDOW, NULL));
	}
	__atomic_store_n(&toggler.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	device_enable(self->shm_fd);
	EXPECT_TRUE(leads_to(self, PEER, 0));
	EXPECT_EQ(WINDOW + PAGE, mapped());
	device_config_write(self->shm_fd, COMMAND, 2, 0);
	dma_to(self, PEER, SEED);
	device_enable(self->shm_fd);
	EXPECT_TRUE(mem_holds(self->shm, EDU_DMA_MAX, CANARY));
}

HOST_MAIN(HOST_VFIO)
