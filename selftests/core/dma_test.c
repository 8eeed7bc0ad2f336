// SPDX-License-Identifier: GPL-2.0
/*
 * DMA lands where the map says, and nowhere else. What is looked at is memory, never what a call returned.
 */
#include "kselftest_harness.h"

#include <linux/directpath_nl.h>

#include "libdpath.h"

#define VM "t-dma"
#define IOVA 0x10000000ULL
#define LOW_IOVA 0x5000ULL
#define HIGH_IOVA (1ULL << 37)

#define SEED 1
#define CANARY 2
#define SECRET 3

/* Time for a transfer that was started by mistake. */
#define LATE_MS 300

FIXTURE(dma) {
	struct rig rig;
	char *mem; /* four pages */
};

FIXTURE_SETUP(dma)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	rig_open(&self->rig);
	self->mem = mem_new(MEM_SHARED, 4 * PAGE);
	ASSERT_NE(NULL, self->mem);
	mem_fill(self->mem, 4 * PAGE, CANARY);
}

FIXTURE_TEARDOWN_PARENT(dma)
{
	EXPECT_EQ(0, host_restore());
}

/* Bring a pattern into edu's buffer, through a page at @iova that is mapped for reading. */
static void load_buffer(struct rig *rig, void *page, uint64_t iova, uint32_t seed)
{
	mem_fill(page, PAGE, seed);
	edu_fetch(&rig->edu, iova, 0, EDU_DMA_MAX);
	memset(page, 0, PAGE);
}

/* What is in the buffer, seen through a page at @iova that is mapped for writing. */
static void show_buffer(struct edu *edu, void *page, uint64_t iova)
{
	memset(page, 0, PAGE);
	edu_store(edu, iova, 0, EDU_DMA_MAX);
}

TEST_F(dma, lands_where_the_map_says)
{
	struct rig *rig = &self->rig;

	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	space_map(rig->vm_fd, self->mem + 2 * PAGE, LOW_IOVA, PAGE, SPACE_RW);
	mem_fill(self->mem, PAGE, SEED);
	edu_fetch(&rig->edu, IOVA, 0, EDU_DMA_MAX);
	edu_store(&rig->edu, LOW_IOVA, 0, EDU_DMA_MAX);

	EXPECT_TRUE(mem_holds(self->mem + 2 * PAGE, EDU_DMA_MAX, SEED));
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, SEED));
	mem_fill(self->mem, 2 * PAGE, CANARY);
	EXPECT_TRUE(mem_holds(self->mem, 2 * PAGE, CANARY));
}

TEST_F(dma, part_of_a_page)
{
	struct rig *rig = &self->rig;
	unsigned int i, changed = 0;

	space_map(rig->vm_fd, self->mem, IOVA, 2 * PAGE, SPACE_RW);
	load_buffer(rig, self->mem, IOVA, SEED);
	memset(self->mem, 0xee, 2 * PAGE);
	edu_store(&rig->edu, IOVA + PAGE - 24, 0x100, 64);

	for (i = 0; i < 2 * PAGE; i++)
		changed += (uint8_t)self->mem[i] != 0xee;
	EXPECT_LE(56, changed);
	EXPECT_GE(64, changed);
	for (i = 0; i < PAGE - 24; i++)
		ASSERT_EQ((char)0xee, self->mem[i]);
	for (i = PAGE + 40; i < 2 * PAGE; i++)
		ASSERT_EQ((char)0xee, self->mem[i]);
}

TEST_F(dma, above_4_gib)
{
	struct rig *rig = &self->rig;

	space_map(rig->vm_fd, self->mem, HIGH_IOVA, PAGE, SPACE_RW);
	space_map(rig->vm_fd, self->mem + PAGE, HIGH_IOVA + 0x40000000, PAGE, SPACE_RW);
	mem_fill(self->mem, PAGE, SEED);
	edu_fetch(&rig->edu, HIGH_IOVA, 0, EDU_DMA_MAX);
	edu_store(&rig->edu, HIGH_IOVA + 0x40000000, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, EDU_DMA_MAX, SEED));
}

TEST_F(dma, read_only_map_is_not_written)
{
	struct rig *rig = &self->rig;

	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	space_map(rig->vm_fd, self->mem + PAGE, IOVA + PAGE, PAGE, SPACE_READ);
	load_buffer(rig, self->mem, IOVA, SEED);
	mem_fill(self->mem + PAGE, PAGE, CANARY);
	edu_store(&rig->edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, EDU_DMA_MAX, CANARY));

	/* It can be read. */
	edu_fetch(&rig->edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	show_buffer(&rig->edu, self->mem, IOVA);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, CANARY));
}

/* That it cannot be read either is not promised: VT-d's driver sets the read bit of every entry. */
TEST_F(dma, write_only_map_is_written)
{
	struct rig *rig = &self->rig;

	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	space_map(rig->vm_fd, self->mem + PAGE, IOVA + PAGE, PAGE, SPACE_WRITE);
	load_buffer(rig, self->mem, IOVA, SEED);
	edu_store(&rig->edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, EDU_DMA_MAX, SEED));
}

TEST_F(dma, unmapped_address_is_not_reached)
{
	struct rig *rig = &self->rig;
	char *canary = self->mem + 3 * PAGE;
	uint64_t phys = mem_phys(canary);

	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	load_buffer(rig, self->mem, IOVA, SEED);
	/* Neither beside the map, nor at the canary's own address, physical or virtual. */
	edu_store(&rig->edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	edu_store(&rig->edu, IOVA - PAGE, 0, EDU_DMA_MAX);
	edu_store(&rig->edu, phys, 0, EDU_DMA_MAX);
	edu_store(&rig->edu, (uintptr_t)canary, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, 3 * PAGE, CANARY));

	mem_fill(canary, PAGE, SECRET);
	edu_fetch(&rig->edu, phys, 0, EDU_DMA_MAX);
	show_buffer(&rig->edu, self->mem, IOVA);
	EXPECT_TRUE(mem_lacks(self->mem, EDU_DMA_MAX, SECRET));
}

TEST_F(dma, unmapped_page_is_not_reached_any_more)
{
	struct rig *rig = &self->rig;
	char *page = self->mem + PAGE;

	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	space_map(rig->vm_fd, page, IOVA + PAGE, PAGE, SPACE_RW);
	load_buffer(rig, self->mem, IOVA, SEED);
	edu_store(&rig->edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	ASSERT_TRUE(mem_holds(page, EDU_DMA_MAX, SEED));

	space_unmap(rig->vm_fd, IOVA + PAGE, PAGE);
	mem_fill(page, PAGE, CANARY);
	edu_store(&rig->edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(page, EDU_DMA_MAX, CANARY));
	/* The neighbour is as before. */
	show_buffer(&rig->edu, self->mem, IOVA);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, SEED));

	/* The address goes to another page: not to the old one. */
	space_map(rig->vm_fd, page + PAGE, IOVA + PAGE, PAGE, SPACE_RW);
	edu_store(&rig->edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(page + PAGE, EDU_DMA_MAX, SEED));
	EXPECT_TRUE(mem_holds(page, EDU_DMA_MAX, CANARY));
}

TEST_F(dma, maps_before_the_device_is_open)
{
	struct rig *rig = &self->rig;

	rig_close(rig);
	ASSERT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, 10000));
	rig->vm_fd = vm_open(VM);
	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	space_map(rig->vm_fd, self->mem + PAGE, HIGH_IOVA, PAGE, SPACE_RW);
	mem_fill(self->mem, PAGE, SEED);
	rig->fd = vm_device(rig->vm_fd, rig->address);
	device_enable(rig->fd);
	edu_map(&rig->edu, rig->fd);
	edu_fetch(&rig->edu, IOVA, 0, EDU_DMA_MAX);
	edu_store(&rig->edu, HIGH_IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, EDU_DMA_MAX, SEED));
}

TEST_F(dma, no_bus_master_no_dma)
{
	struct rig *rig = &self->rig;

	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	load_buffer(rig, self->mem, IOVA, SEED);
	mem_fill(self->mem, PAGE, CANARY);
	device_config_write(rig->fd, 4, 2, 2);
	edu_store(&rig->edu, IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, CANARY));
	device_enable(rig->fd);
	edu_store(&rig->edu, IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, SEED));
}

TEST_F(dma, two_vms_do_not_meet)
{
	struct rig *rig = &self->rig, other;
	char *theirs = self->mem + 2 * PAGE;

	if (!rig_reserve(&other, "DP_EDU1", "t-dma-2"))
		SKIP(return, "one edu only");
	rig_open(&other);
	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	space_map(rig->vm_fd, self->mem + PAGE, LOW_IOVA, PAGE, SPACE_RW);
	space_map(other.vm_fd, theirs, IOVA, PAGE, SPACE_RW);
	load_buffer(rig, self->mem, IOVA, SEED);
	load_buffer(&other, theirs, IOVA, SECRET);

	edu_store(&rig->edu, IOVA, 0, EDU_DMA_MAX);
	edu_store(&other.edu, IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, SEED));
	EXPECT_TRUE(mem_holds(theirs, EDU_DMA_MAX, SECRET));
	/* Mapped for the one VM only. */
	edu_store(&other.edu, LOW_IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, EDU_DMA_MAX, CANARY));
}

TEST_F(dma, two_devices_of_a_vm_share_its_maps)
{
	struct rig *rig = &self->rig;
	const char *second = pci_env("DP_EDU1");
	struct edu edu;
	int fd;

	if (!second)
		SKIP(return, "one edu only");
	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	dev_set_policy(second, "none");
	dev_claim(second, DEV_UNBIND, 0);
	vm_attach(VM, second);
	fd = vm_device(rig->vm_fd, second);
	device_enable(fd);
	edu_map(&edu, fd);
	space_map(rig->vm_fd, self->mem + PAGE, LOW_IOVA, PAGE, SPACE_RW);

	mem_fill(self->mem, PAGE, SEED);
	edu_fetch(&edu, IOVA, 0, EDU_DMA_MAX);
	edu_store(&edu, LOW_IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, EDU_DMA_MAX, SEED));

	/* The one leaves: the other goes on, and what is unmapped is unmapped for both. */
	edu_unmap(&edu);
	close(fd);
	load_buffer(rig, self->mem, IOVA, SECRET);
	edu_store(&rig->edu, LOW_IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, EDU_DMA_MAX, SECRET));
}

/* As root of the host: registers through sysfs, bus master forced on. */
static void try_hard(struct edu *edu, const char *address, const char *canary)
{
	edu_map_host(edu, address);
	edu_store(edu, IOVA, 0, EDU_DMA_MAX);
	edu_store(edu, mem_phys(canary), 0, EDU_DMA_MAX);
	edu_unmap(edu);
}

TEST_F(dma, idle_device_reaches_nothing)
{
	struct rig *rig = &self->rig;
	char *canary = self->mem + PAGE;
	struct edu edu;

	space_map(rig->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	load_buffer(rig, self->mem, IOVA, SEED);
	mem_fill(self->mem, PAGE, CANARY);
	rig_close(rig);
	ASSERT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, 10000));
	EXPECT_EQ(0, pci_config_read(rig->address, 4, 2) & 4);

	try_hard(&edu, rig->address, canary);
	EXPECT_TRUE(mem_holds(self->mem, 4 * PAGE, CANARY));
	vm_detach(VM, rig->address, false);
	ASSERT_EQ(DIRECTPATH_STATE_READY, dev_state(rig->address));
	try_hard(&edu, rig->address, canary);
	EXPECT_TRUE(mem_holds(self->mem, 4 * PAGE, CANARY));
}

TEST_F(dma, claimed_device_reaches_nothing)
{
	struct rig *rig = &self->rig;
	struct edu edu;

	rig_close(rig);
	ASSERT_EQ(0, host_restore());
	dev_set_policy(rig->address, "none");
	dev_claim(rig->address, 0, 0);
	EXPECT_EQ(0, pci_config_read(rig->address, 4, 2) & 4);
	try_hard(&edu, rig->address, self->mem);
	EXPECT_TRUE(mem_holds(self->mem, 4 * PAGE, CANARY));
}

/**
 * struct vmm - what the child that plays a VMM is told
 */
struct vmm {
	const char *address;
	char *mem;
};

static void run_vmm(struct peer *self, void *arg)
{
	struct vmm *vmm = arg;
	struct rig rig = { .address = vmm->address, .vm = VM };

	rig_open(&rig);
	space_map(rig.vm_fd, vmm->mem, IOVA, PAGE, SPACE_RW);
	load_buffer(&rig, vmm->mem, IOVA, SEED);
	edu_store(&rig.edu, IOVA, 0, EDU_DMA_MAX);
	/* One is on its way when the end comes. */
	edu_store_start(&rig.edu, IOVA, 0, EDU_DMA_MAX);
	peer_tell(self, 'r');
	pause();
}

TEST_F(dma, killed_vmm_leaves_no_dma)
{
	struct rig *rig = &self->rig;
	struct vmm vmm = { .address = rig->address, .mem = self->mem };
	struct peer peer;
	struct edu edu;

	rig_close(rig);
	ASSERT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, 10000));
	peer_start(&peer, run_vmm, &vmm);
	ASSERT_EQ('r', peer_hear(&peer, 20000));
	ASSERT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(rig->address));
	ASSERT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, SEED));
	peer_kill(&peer);
	ASSERT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, 10000));

	/* From here on nothing may change. */
	mem_fill(self->mem, PAGE, CANARY);
	usleep(LATE_MS * 1000);
	EXPECT_TRUE(mem_holds(self->mem, 4 * PAGE, CANARY));
	try_hard(&edu, rig->address, self->mem + PAGE);
	EXPECT_TRUE(mem_holds(self->mem, 4 * PAGE, CANARY));
}

HOST_MAIN(HOST_DP)
