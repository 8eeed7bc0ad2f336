// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces: the rules of map and unmap, over the native door and over the VFIO door in both of its versions.
 */
#include "kselftest_harness.h"

#include <pthread.h>

#include <linux/directpath.h>
#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-space"
#define IOVA 0x10000000ULL
#define MSI_WINDOW 0xfee00000ULL
#define SEED 1
#define CANARY 2

#define BIG (64UL << 20)

FIXTURE(space) {
	struct rig rig;
	struct door door;
	const struct space_ops *ops;
	int fd;    /* the space */
	char *mem; /* sixteen pages */
};

/**
 * struct - door and its errors
 * @type: VFIO_TYPE1*_IOMMU, or 0 for the native door
 * @wraps: error of a range that wraps around
 * @beyond: error of a range that the IOMMU cannot address
 * @reserved: error of a range that is reserved
 */
FIXTURE_VARIANT(space) {
	unsigned long type;
	int wraps;
	int beyond;
	int reserved;
};

FIXTURE_VARIANT_ADD(space, native) {
	.wraps = -EOVERFLOW,
	.beyond = -ERANGE,
	.reserved = -EPERM,
};

FIXTURE_VARIANT_ADD(space, type1) {
	.type = VFIO_TYPE1_IOMMU,
	.wraps = -EINVAL,
	.beyond = -EINVAL,
	.reserved = -EINVAL,
};

FIXTURE_VARIANT_ADD(space, type1v2) {
	.type = VFIO_TYPE1v2_IOMMU,
	.wraps = -EINVAL,
	.beyond = -EINVAL,
	.reserved = -EINVAL,
};

FIXTURE_SETUP(space)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	if (variant->type) {
		door_open(&self->door, self->rig.address, variant->type);
		edu_map(&self->rig.edu, self->door.fd);
		self->fd = self->door.container;
		self->ops = &space_type1;
	} else {
		rig_open(&self->rig);
		self->fd = self->rig.vm_fd;
		self->ops = &space_native;
	}
	self->mem = mem_new(MEM_ANON, 16 * PAGE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN_PARENT(space)
{
	EXPECT_EQ(0, host_restore());
}

#define MAP(page, iova, pages) \
	self->ops->map(self->fd, self->mem + (page) * PAGE, iova, (pages) * PAGE, SPACE_RW)
#define UNMAP(iova, pages, unmapped) \
	self->ops->unmap(self->fd, iova, (pages) * PAGE, unmapped)

static uint64_t mapped(void)
{
	struct vm_info info;

	vm_get(VM, &info);
	return info.mapped;
}

static uint64_t areas(void)
{
	struct vm_info info;

	vm_get(VM, &info);
	return info.areas;
}

/* Does the device read and write @page at @iova? */
static bool reaches(struct edu *edu, char *page, uint64_t iova)
{
	bool good;

	mem_fill(page, PAGE, SEED);
	edu_fetch(edu, iova, 0, EDU_DMA_MAX);
	memset(page, 0, PAGE);
	edu_store(edu, iova, 0, EDU_DMA_MAX);
	good = mem_holds(page, EDU_DMA_MAX, SEED);
	memset(page, 0, PAGE);
	return good;
}

TEST_F(space, unmap_exactly)
{
	uint64_t done;

	ASSERT_EQ(0, MAP(0, IOVA, 4));
	EXPECT_EQ(4 * PAGE, mapped());
	ASSERT_EQ(0, UNMAP(IOVA, 4, &done));
	EXPECT_EQ(4 * PAGE, done);
	EXPECT_EQ(0, mapped());
	EXPECT_EQ(0, areas());
	/* The same address, at once. */
	ASSERT_EQ(0, MAP(4, IOVA, 4));
	EXPECT_TRUE(reaches(&self->rig.edu, self->mem + 4 * PAGE, IOVA));
}

TEST_F(space, unmap_nothing)
{
	uint64_t done;

	EXPECT_EQ(0, UNMAP(IOVA, 4, &done));
	EXPECT_EQ(0, done);
}

TEST_F(space, unmap_over_several_areas_and_holes)
{
	uint64_t done;

	ASSERT_EQ(0, MAP(0, IOVA, 2));
	ASSERT_EQ(0, MAP(2, IOVA + 2 * PAGE, 1));
	ASSERT_EQ(0, MAP(3, IOVA + 8 * PAGE, 1));
	ASSERT_EQ(0, MAP(4, IOVA + 64 * PAGE, 1));
	EXPECT_EQ(4, areas());
	ASSERT_EQ(0, UNMAP(IOVA - PAGE, 32, &done));
	EXPECT_EQ(4 * PAGE, done);
	EXPECT_EQ(PAGE, mapped());
	EXPECT_TRUE(reaches(&self->rig.edu, self->mem + 4 * PAGE, IOVA + 64 * PAGE));
}

TEST_F(space, unmap_does_not_cut)
{
	uint64_t done;

	ASSERT_EQ(0, MAP(0, IOVA, 4));
	EXPECT_EQ(-EINVAL, UNMAP(IOVA, 2, &done));
	EXPECT_EQ(-EINVAL, UNMAP(IOVA + 2 * PAGE, 2, &done));
	EXPECT_EQ(-EINVAL, UNMAP(IOVA + PAGE, 2, &done));
	EXPECT_EQ(-EINVAL, UNMAP(IOVA - 2 * PAGE, 4, &done));
	EXPECT_EQ(-EINVAL, UNMAP(IOVA + 3 * PAGE, 4, &done));
	EXPECT_EQ(4 * PAGE, mapped());
	EXPECT_TRUE(reaches(&self->rig.edu, self->mem, IOVA));
	EXPECT_TRUE(reaches(&self->rig.edu, self->mem + 3 * PAGE, IOVA + 3 * PAGE));
}

TEST_F(space, unmap_all)
{
	char *page = self->mem + 8 * PAGE;
	uint64_t done;

	ASSERT_EQ(0, MAP(0, IOVA, 4));
	ASSERT_EQ(0, MAP(8, 1ULL << 36, 2));
	ASSERT_EQ(0, self->ops->unmap_all(self->fd, &done));
	EXPECT_EQ(6 * PAGE, done);
	EXPECT_EQ(0, mapped());
	mem_fill(page, PAGE, CANARY);
	edu_store(&self->rig.edu, 1ULL << 36, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(page, EDU_DMA_MAX, CANARY));
	ASSERT_EQ(0, self->ops->unmap_all(self->fd, &done));
	EXPECT_EQ(0, done);
}

TEST_F(space, overlap_is_refused)
{
	ASSERT_EQ(0, MAP(0, IOVA, 4));
	EXPECT_EQ(-EEXIST, MAP(4, IOVA, 4));
	EXPECT_EQ(-EEXIST, MAP(4, IOVA + PAGE, 1));
	EXPECT_EQ(-EEXIST, MAP(4, IOVA - PAGE, 2));
	EXPECT_EQ(-EEXIST, MAP(4, IOVA + 3 * PAGE, 4));
	EXPECT_EQ(-EEXIST, MAP(4, IOVA - PAGE, 8));
	EXPECT_EQ(4 * PAGE, mapped());
	EXPECT_TRUE(reaches(&self->rig.edu, self->mem, IOVA));
	/* Side by side is no overlap. */
	EXPECT_EQ(0, MAP(4, IOVA - PAGE, 1));
	EXPECT_EQ(0, MAP(5, IOVA + 4 * PAGE, 1));
}

TEST_F(space, the_same_memory_twice)
{
	ASSERT_EQ(0, MAP(0, IOVA, 1));
	ASSERT_EQ(0, MAP(0, IOVA + 16 * PAGE, 1));
	mem_fill(self->mem, PAGE, SEED);
	edu_fetch(&self->rig.edu, IOVA, 0, EDU_DMA_MAX);
	memset(self->mem, 0, PAGE);
	edu_store(&self->rig.edu, IOVA + 16 * PAGE, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, SEED));
}

TEST_F(space, ranges_that_make_no_sense)
{
	const struct space_ops *ops = self->ops;
	uint64_t done;

	EXPECT_EQ(-EINVAL, ops->map(self->fd, self->mem, IOVA, 0, SPACE_RW));
	EXPECT_EQ(-EINVAL, ops->map(self->fd, self->mem, IOVA, PAGE, 0));
	EXPECT_EQ(-EINVAL, ops->map(self->fd, self->mem, IOVA + 1, PAGE, SPACE_RW));
	EXPECT_EQ(-EINVAL, ops->map(self->fd, self->mem + 1, IOVA, PAGE, SPACE_RW));
	EXPECT_EQ(-EINVAL, ops->map(self->fd, self->mem, IOVA, PAGE + 1, SPACE_RW));
	EXPECT_EQ(-EINVAL, ops->map(self->fd, self->mem, IOVA, PAGE / 2, SPACE_RW));
	EXPECT_EQ(-EINVAL, ops->unmap(self->fd, IOVA, 0, &done));
	EXPECT_EQ(-EINVAL, ops->unmap(self->fd, IOVA + 1, PAGE, &done));
	EXPECT_EQ(-EINVAL, ops->unmap(self->fd, IOVA, PAGE + 1, &done));
	EXPECT_EQ(0, areas());
	EXPECT_TRUE(vm_is_empty(VM, 0));
}

TEST_F(space, ends_of_the_address_space)
{
	const struct space_ops *ops = self->ops;
	uint64_t done;

	EXPECT_EQ(variant->wraps, MAP(0, -PAGE, 2));
	EXPECT_EQ(variant->wraps, UNMAP(-PAGE, 2, &done));
	/* The last page of 64 bits does not wrap; no IOMMU reaches it. */
	EXPECT_EQ(variant->beyond, MAP(0, -PAGE, 1));
	EXPECT_EQ(variant->beyond, MAP(0, 1ULL << 60, 1));
	EXPECT_EQ(0, UNMAP(-PAGE, 1, &done));
	EXPECT_EQ(0, done);
	/* All there is. */
	ASSERT_EQ(0, MAP(0, IOVA, 1));
	ASSERT_EQ(0, MAP(1, 0, 1));
	ASSERT_EQ(0, ops->unmap(self->fd, 0, 1ULL << 63, &done));
	EXPECT_EQ(2 * PAGE, done);
	EXPECT_TRUE(vm_is_empty(VM, 0));
}

TEST_F(space, msi_window_is_refused)
{
	EXPECT_EQ(variant->reserved, MAP(0, MSI_WINDOW, 1));
	EXPECT_EQ(variant->reserved, MAP(0, MSI_WINDOW + 0x1000, 1));
	EXPECT_EQ(variant->reserved, MAP(0, MSI_WINDOW - PAGE, 2));
	EXPECT_EQ(0, areas());
	EXPECT_TRUE(vm_is_empty(VM, 0));
	EXPECT_EQ(0, MAP(0, MSI_WINDOW - PAGE, 1));
	EXPECT_EQ(0, MAP(1, MSI_WINDOW + 0x100000, 1));
}

TEST_F(space, memory_that_is_none)
{
	const struct space_ops *ops = self->ops;
	char *hole = self->mem + 2 * PAGE;

	munmap(hole, PAGE);
	EXPECT_EQ(-EFAULT, ops->map(self->fd, hole, IOVA, PAGE, SPACE_RW));
	/* The end of it is missing: nothing stays. */
	EXPECT_EQ(-EFAULT, ops->map(self->fd, self->mem, IOVA, 4 * PAGE, SPACE_RW));
	EXPECT_EQ(-EFAULT, ops->map(self->fd, (void *)0xffff888000000000, IOVA, PAGE, SPACE_RW));
	EXPECT_EQ(-EFAULT, ops->map(self->fd, (void *)-PAGE, IOVA, PAGE, SPACE_RW));
	EXPECT_TRUE(vm_is_empty(VM, 0));
	EXPECT_TRUE(proc_locked_reaches(0, 5000));
	EXPECT_EQ(0, ops->map(self->fd, self->mem, IOVA, 2 * PAGE, SPACE_RW));
	EXPECT_TRUE(reaches(&self->rig.edu, self->mem + PAGE, IOVA + PAGE));
}

TEST_F(space, memory_that_is_read_only)
{
	const struct space_ops *ops = self->ops;
	char *page = self->mem;

	mem_fill(page, PAGE, CANARY);
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, ops->map(self->fd, page, IOVA, PAGE, SPACE_RW));
	EXPECT_EQ(-EFAULT, ops->map(self->fd, page, IOVA, PAGE, SPACE_WRITE));
	ASSERT_EQ(0, ops->map(self->fd, page, IOVA, PAGE, SPACE_READ));
	ASSERT_EQ(0, MAP(1, IOVA + PAGE, 1));
	edu_fetch(&self->rig.edu, IOVA, 0, EDU_DMA_MAX);
	edu_store(&self->rig.edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(page + PAGE, EDU_DMA_MAX, CANARY));
	/* The device cannot write it. */
	mem_fill(page + PAGE, PAGE, SEED);
	edu_fetch(&self->rig.edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	edu_store(&self->rig.edu, IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(page, EDU_DMA_MAX, CANARY));
}

/* The zero page must not be what a device reads for ever: memory that is touched after the map is what it sees. */
TEST_F(space, untouched_memory_stays_in_step)
{
	char *page = mem_new(MEM_ANON, PAGE);

	ASSERT_EQ(0, self->ops->map(self->fd, page, IOVA, PAGE, SPACE_READ));
	ASSERT_EQ(0, MAP(1, IOVA + PAGE, 1));
	mem_fill(page, PAGE, SEED);
	edu_fetch(&self->rig.edu, IOVA, 0, EDU_DMA_MAX);
	edu_store(&self->rig.edu, IOVA + PAGE, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem + PAGE, EDU_DMA_MAX, SEED));
}

/* fork() does not take the pages away from the device. */
static int touch(void *arg)
{
	memset(arg, 0xff, PAGE);
	return 0;
}

TEST_F(space, fork_keeps_the_pages)
{
	ASSERT_EQ(0, MAP(0, IOVA, 1));
	mem_fill(self->mem, PAGE, SEED);
	ASSERT_EQ(0, proc_run(touch, self->mem));
	edu_fetch(&self->rig.edu, IOVA, 0, EDU_DMA_MAX);
	memset(self->mem, 0, PAGE);
	edu_store(&self->rig.edu, IOVA, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, SEED));
}

/* A map of @kind with a hole in the alignment of IOVA and memory, so that chunks of every size occur. */
static void check_big(struct __test_metadata *_metadata, FIXTURE_DATA(space) *self, enum mem_kind kind, uint64_t iova)
{
	char *mem = mem_new(kind, BIG);
	uint64_t done;

	if (!mem)
		SKIP(return, "no such memory here");
	ASSERT_EQ(0, self->ops->map(self->fd, mem, iova, BIG, SPACE_RW));
	EXPECT_EQ(BIG, mapped());
	EXPECT_TRUE(reaches(&self->rig.edu, mem, iova));
	EXPECT_TRUE(reaches(&self->rig.edu, mem + BIG - PAGE, iova + BIG - PAGE));
	EXPECT_TRUE(reaches(&self->rig.edu, mem + BIG / 2 + 3 * PAGE, iova + BIG / 2 + 3 * PAGE));
	ASSERT_EQ(0, self->ops->unmap(self->fd, iova, BIG, &done));
	EXPECT_EQ(BIG, done);
	mem_fill(mem + BIG - PAGE, PAGE, CANARY);
	edu_store(&self->rig.edu, iova + BIG - PAGE, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(mem + BIG - PAGE, EDU_DMA_MAX, CANARY));
	EXPECT_TRUE(vm_is_empty(VM, 0));
	EXPECT_TRUE(proc_locked_reaches(0, 10000));
	mem_free(mem, BIG);
	mem_exit();
}

TEST_F_TIMEOUT(space, big_anonymous, 90)
{
	check_big(_metadata, self, MEM_ANON, 1ULL << 32);
}

TEST_F_TIMEOUT(space, big_transparent_huge, 90)
{
	check_big(_metadata, self, MEM_THP, 1ULL << 32);
}

TEST_F_TIMEOUT(space, big_transparent_huge_off_step, 90)
{
	check_big(_metadata, self, MEM_THP, (1ULL << 32) + 5 * PAGE);
}

TEST_F_TIMEOUT(space, big_hugetlb, 90)
{
	check_big(_metadata, self, MEM_HUGETLB, 1ULL << 32);
}

TEST_F_TIMEOUT(space, big_memfd, 90)
{
	check_big(_metadata, self, MEM_MEMFD, 1ULL << 32);
}

TEST_F_TIMEOUT(space, part_of_a_huge_page, 60)
{
	char *mem = mem_new(MEM_THP, HUGE_PAGE);
	uint64_t done;

	ASSERT_NE(NULL, mem);
	memset(mem, 0, HUGE_PAGE);
	ASSERT_EQ(0, self->ops->map(self->fd, mem + 7 * PAGE, IOVA, 3 * PAGE, SPACE_RW));
	ASSERT_EQ(0, self->ops->map(self->fd, mem + 100 * PAGE, IOVA + 3 * PAGE, PAGE, SPACE_RW));
	EXPECT_TRUE(reaches(&self->rig.edu, mem + 9 * PAGE, IOVA + 2 * PAGE));
	EXPECT_TRUE(reaches(&self->rig.edu, mem + 100 * PAGE, IOVA + 3 * PAGE));
	mem_fill(mem + 10 * PAGE, PAGE, CANARY);
	EXPECT_TRUE(mem_holds(mem + 10 * PAGE, EDU_DMA_MAX, CANARY));
	ASSERT_EQ(0, self->ops->unmap(self->fd, IOVA, 4 * PAGE, &done));
	EXPECT_TRUE(vm_is_empty(VM, 0));
}

/* No number of maps is too many: a million in the full run. */
TEST_F_TIMEOUT(space, many_small_maps, 600)
{
	const unsigned int nr = proc_rounds(1) * 20000, pages = 4000;
	char *mem = mem_new(MEM_THP, pages * PAGE);
	uint64_t done, total = 0, i;

	/* Every other page, so that nothing merges. */
	for (i = 0; i < nr; i++)
		ASSERT_EQ(0, self->ops->map(self->fd, mem + i % pages * PAGE, (1ULL << 33) + 2 * i * PAGE, PAGE, SPACE_RW)) TH_LOG("%lu", i);
	EXPECT_EQ(nr, areas());
	EXPECT_TRUE(reaches(&self->rig.edu, mem + 1234 * PAGE, (1ULL << 33) + 2 * 1234 * PAGE));
	EXPECT_TRUE(reaches(&self->rig.edu, mem + (nr - 1) % pages * PAGE, (1ULL << 33) + 2 * (nr - 1ULL) * PAGE));
	for (i = 0; i < nr / 2; i++) {
		ASSERT_EQ(0, self->ops->unmap(self->fd, (1ULL << 33) + 2 * i * PAGE, PAGE, &done));
		total += done;
	}
	ASSERT_EQ(0, self->ops->unmap(self->fd, 1ULL << 33, 2 * nr * PAGE, &done));
	EXPECT_EQ(nr * PAGE, total + done);
	EXPECT_TRUE(vm_is_empty(VM, 0));
}

/**
 * struct worker - a thread with a range of its own
 */
struct worker {
	const struct space_ops *ops;
	int fd;
	char *mem;
	uint64_t iova;
	size_t size;
	unsigned int rounds;
	int error;
};

static void *map_and_unmap(void *arg)
{
	struct worker *worker = arg;
	uint64_t done;

	while (worker->rounds-- && !worker->error) {
		worker->error = worker->ops->map(worker->fd, worker->mem, worker->iova, worker->size, SPACE_RW);
		if (worker->error)
			break;
		worker->error = worker->ops->unmap(worker->fd, worker->iova, worker->size, &done);
		if (!worker->error && done != worker->size)
			worker->error = -EIO;
	}
	return NULL;
}

/* Two threads with ranges side by side, in the same leaf table, and a device at work in a third one. */
TEST_F_TIMEOUT(space, two_threads, 90)
{
	const size_t size = 37 * PAGE;
	struct worker workers[2];
	pthread_t threads[2];
	unsigned int i;

	ASSERT_EQ(0, MAP(0, IOVA + 2 * size, 1));
	for (i = 0; i < 2; i++) {
		workers[i] = (struct worker){
			.ops = self->ops,
			.fd = self->fd,
			.mem = mem_new(i ? MEM_THP : MEM_ANON, size),
			.iova = IOVA + i * size,
			.size = size,
			.rounds = 300,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_and_unmap, &workers[i]));
	}
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(reaches(&self->rig.edu, self->mem, IOVA + 2 * size));
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, workers[i].error);
	}
	EXPECT_EQ(1, areas());
	EXPECT_TRUE(reaches(&self->rig.edu, self->mem, IOVA + 2 * size));
}

/* Two threads and one range: each map is there or not, and nothing is left over. */
static void *map_or_not(void *arg)
{
	struct worker *worker = arg;
	uint64_t done;
	int ret;

	while (worker->rounds-- && !worker->error) {
		ret = worker->ops->map(worker->fd, worker->mem, worker->iova, worker->size, SPACE_RW);
		if (ret && ret != -EEXIST)
			worker->error = ret;
		ret = worker->ops->unmap(worker->fd, worker->iova, worker->size, &done);
		if (ret && ret != -EBUSY)
			worker->error = ret;
	}
	return NULL;
}

TEST_F_TIMEOUT(space, two_threads_and_one_range, 90)
{
	struct worker workers[2];
	pthread_t threads[2];
	uint64_t done;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		workers[i] = (struct worker){
			.ops = self->ops,
			.fd = self->fd,
			.mem = self->mem,
			.iova = IOVA,
			.size = 16 * PAGE,
			.rounds = 300,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_or_not, &workers[i]));
	}
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, workers[i].error);
	}
	EXPECT_EQ(0, self->ops->unmap_all(self->fd, &done));
	EXPECT_TRUE(vm_is_empty(VM, 0));
	EXPECT_TRUE(proc_locked_reaches(0, 10000));
}

/* A second function joins a space that has maps: it is given all of them. */
TEST_F(space, maps_are_replayed_for_a_second_device)
{
	const char *second = pci_env("DP_EDU1");
	int group = -1, fd;
	struct edu edu;

	if (!second)
		SKIP(return, "one edu only");
	ASSERT_EQ(0, MAP(0, IOVA, 4));
	ASSERT_EQ(0, MAP(8, 1ULL << 36, 1));
	dev_set_policy(second, "none");
	dev_claim(second, DEV_UNBIND, 0);
	vm_attach(VM, second);
	if (variant->type) {
		group = group_open(pci_group(second));
		group_set_container(group, self->fd);
		fd = group_device(group, second);
	} else {
		fd = vm_device(self->fd, second);
	}
	device_enable(fd);
	edu_map(&edu, fd);
	EXPECT_TRUE(reaches(&edu, self->mem + 3 * PAGE, IOVA + 3 * PAGE));
	EXPECT_TRUE(reaches(&edu, self->mem + 8 * PAGE, 1ULL << 36));
	EXPECT_TRUE(reaches(&self->rig.edu, self->mem, IOVA));
}

/* The native door only: a container has its functions before it has maps. */
FIXTURE(reserved) {
	struct rig rig;
};

FIXTURE_SETUP(reserved)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
}

FIXTURE_TEARDOWN_PARENT(reserved)
{
	EXPECT_EQ(0, host_restore());
}

/* Memory is mapped where the next function cannot have it: it is refused, and the space goes on. */
TEST_F(reserved, conflict_with_what_a_device_reserves)
{
	struct rig *rig = &self->rig;
	char *page = mem_new(MEM_ANON, PAGE);

	ASSERT_NE(NULL, page);
	rig->vm_fd = vm_open(VM);
	ASSERT_EQ(0, __space_map(rig->vm_fd, page, MSI_WINDOW, PAGE, SPACE_RW));
	EXPECT_EQ(-EBUSY, __vm_device(rig->vm_fd, rig->address));
	EXPECT_EQ(DIRECTPATH_STATE_RESERVED, dev_state(rig->address));
	EXPECT_EQ(PAGE, mapped());
	space_unmap(rig->vm_fd, MSI_WINDOW, PAGE);
	EXPECT_LE(0, __vm_device(rig->vm_fd, rig->address));
}

/**
 * struct low - a thread that maps at low addresses and leaves it mapped
 */
struct low {
	int fd;
	char *mem;
	unsigned int nr;
	int error;
};

#define LOW_IOVA 0x100000000ULL

static void *map_low(void *arg)
{
	struct low *low = arg;
	unsigned int i;

	for (i = 0; i < low->nr && !low->error; i++)
		low->error = __space_map(low->fd, low->mem + i % 16 * PAGE, LOW_IOVA + ((uint64_t)i << 21), PAGE, SPACE_RW);
	return NULL;
}

/*
 * The first map above 512 GiB makes AMD's tables a level deeper, and 6.1 does that under the feet of other mappers (kernel-review 2.2): what they map
 * meanwhile must be where they put it, and must come out again.
 */
TEST_F_TIMEOUT(reserved, tables_grow_under_mappers, 300)
{
	struct rig *rig = &self->rig;
	char *mem = mem_new(MEM_ANON, 17 * PAGE);
	unsigned int round, rounds = proc_rounds(3);
	uint64_t unmapped;

	for (round = 0; round < rounds; round++) {
		struct low low = { .mem = mem, .nr = 300 };
		pthread_t thread;

		rig_open(rig);
		low.fd = rig->vm_fd;
		ASSERT_EQ(0, pthread_create(&thread, NULL, map_low, &low));
		ASSERT_EQ(0, __space_map(rig->vm_fd, mem + 16 * PAGE, 1ULL << 40, PAGE, SPACE_RW));
		ASSERT_EQ(0, __space_map(rig->vm_fd, mem + 16 * PAGE, 1ULL << 47, PAGE, SPACE_RW));
		pthread_join(thread, NULL);
		ASSERT_EQ(0, low.error);
		EXPECT_TRUE(reaches(&rig->edu, mem, LOW_IOVA));
		EXPECT_TRUE(reaches(&rig->edu, mem + 299 % 16 * PAGE, LOW_IOVA + (299ULL << 21)));
		EXPECT_TRUE(reaches(&rig->edu, mem + 16 * PAGE, 1ULL << 40));
		ASSERT_EQ(0, __space_unmap(rig->vm_fd, 0, 1ULL << 48, &unmapped));
		EXPECT_EQ(302 * PAGE, unmapped);
		mem_fill(mem, PAGE, CANARY);
		edu_store(&rig->edu, LOW_IOVA, 0, EDU_DMA_MAX);
		EXPECT_TRUE(mem_holds(mem, EDU_DMA_MAX, CANARY));
		rig_close(rig);
		ASSERT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	}
}

HOST_MAIN(HOST_VFIO)
