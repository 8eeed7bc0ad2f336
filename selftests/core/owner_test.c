// SPDX-License-Identifier: GPL-2.0
/*
 * What the owner of the memory does with it while it is mapped for a device: unmap, map anew, move, protect, drop, fork, exec, in any order. What was
 * pinned stays the device's until it is unmapped there, and what was charged is given back then, and only then.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <linux/directpath_nl.h>

#include "libdpath.h"

#define VM "t-owner"
#define IOVA 0x10000000ULL
#define CHECK 0x7fff0000ULL   /* a page for what the device sends back */
#define SLOTS 12
#define PAGES 6
#define SIZE (PAGES * PAGE)
#define CANARY 0x5a5a5a5aU

/**
 * struct slot - a place for memory
 * @mem: where it is now
 * @iova: where the device has it, or 0
 * @linked: the owner and the device have the same pages
 */
struct slot {
	char *mem;
	uint64_t iova;
	bool linked;
};

FIXTURE(owner) {
	struct rig rig;
	struct slot slots[SLOTS];
	char *back;
	uint32_t seed; /* of the next pattern */
};

static char *fresh(char *at)
{
	char *mem = mmap(at, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);

	dp_assert(mem != MAP_FAILED, "%s", strerror(errno));
	mem_fill(mem, SIZE, CANARY);
	return mem;
}

FIXTURE_SETUP(owner)
{
	unsigned int i;

	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	rig_open(&self->rig);
	self->back = mem_new(MEM_ANON, PAGE);
	self->seed = 1;
	space_map(self->rig.vm_fd, self->back, CHECK, PAGE, SPACE_RW);
	for (i = 0; i < SLOTS; i++)
		self->slots[i] = (struct slot){ .mem = fresh(NULL) };
}

FIXTURE_TEARDOWN_PARENT(owner)
{
	EXPECT_EQ(0, host_restore());
}

/* --- what the owner does --- */

static void map_slot(FIXTURE_DATA(owner) *self, struct slot *slot)
{
	if (slot->iova)
		return;
	slot->iova = IOVA + (slot - self->slots) * 2 * SIZE;
	space_map(self->rig.vm_fd, slot->mem, slot->iova, SIZE, SPACE_RW);
	slot->linked = true;
}

static void unmap_slot(FIXTURE_DATA(owner) *self, struct slot *slot)
{
	if (slot->iova)
		space_unmap(self->rig.vm_fd, slot->iova, SIZE);
	slot->iova = 0;
	slot->linked = false;
}

static void map_anew(FIXTURE_DATA(owner) *self, struct slot *slot)
{
	(void)self;
	fresh(slot->mem);
	slot->linked = false;
}

static void drop_pages(FIXTURE_DATA(owner) *self, struct slot *slot)
{
	(void)self;
	dp_assert(!madvise(slot->mem, SIZE, MADV_DONTNEED), "%s", strerror(errno));
	mem_fill(slot->mem, SIZE, CANARY);
	slot->linked = false;
}

/* The pages move with it. */
static void move(FIXTURE_DATA(owner) *self, struct slot *slot)
{
	char *to = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)self;
	dp_assert(to != MAP_FAILED, "%s", strerror(errno));
	dp_assert(mremap(slot->mem, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "%s", strerror(errno));
	slot->mem = to;
}

static void protect(FIXTURE_DATA(owner) *self, struct slot *slot)
{
	(void)self;
	dp_assert(!mprotect(slot->mem, SIZE, PROT_READ), "%s", strerror(errno));
	dp_assert(!mprotect(slot->mem, SIZE, PROT_READ | PROT_WRITE), "%s", strerror(errno));
}

static void wait_child(pid_t pid)
{
	int status;

	dp_assert(pid > 0 && waitpid(pid, &status, 0) == pid && !status, "child: %d", pid);
}

/* A child gets copies, and writes to all of them. */
static void fork_and_write(FIXTURE_DATA(owner) *self, struct slot *slot)
{
	unsigned int i;
	pid_t pid;

	(void)slot;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		for (i = 0; i < SLOTS; i++)
			memset(self->slots[i].mem, 0xee, SIZE);
		_exit(0);
	}
	wait_child(pid);
}

static void fork_and_exec(FIXTURE_DATA(owner) *self, struct slot *slot)
{
	pid_t pid;

	(void)self;
	(void)slot;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	wait_child(pid);
}

/* While a child is alive the pages are shared with it, but for those that a device has. */
static void write_beside_a_child(FIXTURE_DATA(owner) *self, struct slot *slot)
{
	struct slot old = *slot;
	int pipes[2];
	char byte;
	pid_t pid;

	(void)self;
	dp_assert(!pipe(pipes), "%s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) != 0);
	}
	close(pipes[0]);
	memset(old.mem, 0x77, SIZE);
	close(pipes[1]);
	wait_child(pid);
	mem_fill(old.mem, SIZE, CANARY);
}

typedef void (*owner_op)(FIXTURE_DATA(owner) *self, struct slot *slot);

static const struct {
	const char *name;
	owner_op run;
} ops[] = {
	{ "map", map_slot }, { "map", map_slot }, { "map", map_slot }, { "unmap", unmap_slot }, { "unmap", unmap_slot }, { "mmap", map_anew },
	{ "madvise", drop_pages }, { "mremap", move }, { "mprotect", protect }, { "fork, write", fork_and_write }, { "fork, exec", fork_and_exec },
	{ "write beside a child", write_beside_a_child },
};

/* --- what must be true --- */

static uint64_t pinned(void)
{
	struct vm_info info;

	vm_get(VM, &info);
	return info.pinned;
}

static uint64_t should_be_pinned(FIXTURE_DATA(owner) *self)
{
	uint64_t bytes = PAGE;
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		bytes += self->slots[i].iova ? SIZE : 0;
	return bytes;
}

/* The device writes a page of a slot and reads it back: it is there, the owner has it if they share the page, and else sees nothing of it. */
static bool device_has(FIXTURE_DATA(owner) *self, struct slot *slot, unsigned int page)
{
	char *mine = slot->mem + page * PAGE;
	uint64_t iova = slot->iova + page * PAGE;
	uint32_t seed = self->seed++;

	mem_fill(mine, PAGE, CANARY);
	mem_fill(self->back, PAGE, seed);
	edu_fetch(&self->rig.edu, CHECK, 0, EDU_DMA_MAX);
	edu_store(&self->rig.edu, iova, 0, EDU_DMA_MAX);
	if (!mem_holds(mine, EDU_DMA_MAX, slot->linked ? seed : CANARY))
		return false;
	memset(self->back, 0, PAGE);
	edu_fetch(&self->rig.edu, iova, 0, EDU_DMA_MAX);
	edu_store(&self->rig.edu, CHECK, 0, EDU_DMA_MAX);
	mem_fill(mine, PAGE, CANARY);
	return mem_holds(self->back, EDU_DMA_MAX, seed);
}

TEST_F_TIMEOUT(owner, in_any_order, 600)
{
	uint64_t seed = proc_seed(), random = seed;
	unsigned int rounds = proc_rounds(10) * 30, i;
	struct slot *slot;

	TH_LOG("seed %llu, %u steps", (unsigned long long)seed, rounds);
	for (i = 0; i < rounds; i++) {
		unsigned int op = proc_random(&random, ARRAY_SIZE(ops));

		slot = &self->slots[proc_random(&random, SLOTS)];
		ops[op].run(self, slot);
		ASSERT_EQ(should_be_pinned(self), pinned()) TH_LOG("step %u, %s", i, ops[op].name);
		if (i % 10 || !slot->iova)
			continue;
		ASSERT_TRUE(device_has(self, slot, proc_random(&random, PAGES))) TH_LOG("step %u, after %s", i, ops[op].name);
	}
	for (slot = self->slots; slot < self->slots + SLOTS; slot++) {
		if (slot->iova)
			EXPECT_TRUE(device_has(self, slot, 0));
		unmap_slot(self, slot);
	}
	EXPECT_EQ(PAGE, pinned());
	EXPECT_TRUE(proc_locked_reaches(PAGE, SETTLE_MS));
}

/* Each of them by itself, on memory that a device has. */
TEST_F_TIMEOUT(owner, one_by_one, 120)
{
	struct slot *slot = self->slots;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		unmap_slot(self, slot);
		map_slot(self, slot);
		if (ops[i].run == unmap_slot)
			continue;
		ops[i].run(self, slot);
		EXPECT_TRUE(device_has(self, slot, i % PAGES)) TH_LOG("%s", ops[i].name);
		EXPECT_EQ(SIZE + PAGE, pinned()) TH_LOG("%s", ops[i].name);
	}
}

/* --- kinds of memory --- */

/* Files: what can be pinned for long and what cannot is the kernel's word; it is all of it or nothing. */
static void check_file(struct __test_metadata *_metadata, FIXTURE_DATA(owner) *self, const char *path, int flags, bool may_fail)
{
	char name[64];
	char *mem;
	int fd, ret;

	snprintf(name, sizeof(name), "%s/t-owner-XXXXXX", path);
	fd = mkstemp(name);
	ASSERT_LE(0, fd);
	unlink(name);
	ASSERT_EQ(0, ftruncate(fd, SIZE));
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	mem_fill(mem, SIZE, CANARY);
	ret = __space_map(self->rig.vm_fd, mem, IOVA, SIZE, SPACE_RW);
	if (ret) {
		EXPECT_TRUE(may_fail);
		EXPECT_EQ(-EFAULT, ret);
		EXPECT_EQ(PAGE, pinned());
		goto out;
	}
	self->slots[0] = (struct slot){ .mem = mem, .iova = IOVA, .linked = true };
	EXPECT_TRUE(device_has(self, &self->slots[0], 1));
	space_unmap(self->rig.vm_fd, IOVA, SIZE);
	EXPECT_EQ(PAGE, pinned());
out:
	munmap(mem, SIZE);
	close(fd);
}

TEST_F(owner, file_on_tmpfs)
{
	check_file(_metadata, self, "/dev/shm", MAP_SHARED, false);
}

TEST_F(owner, private_map_of_a_file)
{
	check_file(_metadata, self, "/dev/shm", MAP_PRIVATE, false);
}

/* A file system that tracks dirty pages: newer kernels refuse to pin it for writing. */
TEST_F(owner, file_on_a_disk)
{
	ASSERT_EQ(0, host_shell("modprobe -q ext4; modprobe loop; truncate -s 16M /dev/shm/t-owner.img && mkfs.ext4 -q /dev/shm/t-owner.img "
				"&& mkdir -p /run/t-owner && mount -o loop /dev/shm/t-owner.img /run/t-owner"));
	check_file(_metadata, self, "/run/t-owner", MAP_SHARED, true);
	check_file(_metadata, self, "/run/t-owner", MAP_PRIVATE, false);
	EXPECT_EQ(0, host_shell("umount /run/t-owner && rm /dev/shm/t-owner.img"));
}

/* --- sets come and go while maps run --- */

struct mapper {
	int fd;
	char *mem;
	uint64_t iova;
	bool stop;
	unsigned int rounds;
	int error;
};

static void *map_and_unmap(void *arg)
{
	struct mapper *mapper = arg;

	while (!__atomic_load_n(&mapper->stop, __ATOMIC_RELAXED) && !mapper->error) {
		mapper->error = __space_map(mapper->fd, mapper->mem, mapper->iova, SIZE, SPACE_RW);
		if (!mapper->error)
			mapper->error = __space_unmap(mapper->fd, mapper->iova, SIZE, NULL);
		mapper->rounds++;
	}
	return NULL;
}

TEST_F_TIMEOUT(owner, sets_come_and_go, 300)
{
	const char *second = pci_env("DP_EDU1");
	unsigned int i, rounds = proc_rounds(5);
	struct mapper mappers[2];
	pthread_t threads[2];

	ASSERT_NE(NULL, second);
	dev_set_policy(second, "none");
	dev_claim(second, DEV_UNBIND, 0);
	vm_attach(VM, second);
	map_slot(self, &self->slots[0]);
	for (i = 0; i < 2; i++) {
		mappers[i] = (struct mapper){ .fd = self->rig.vm_fd, .mem = self->slots[2 + i].mem, .iova = (i + 1) * (1ULL << 32) };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_and_unmap, &mappers[i]));
	}
	for (i = 0; i < rounds; i++) {
		struct edu edu = self->rig.edu;
		int fd = vm_device(self->rig.vm_fd, second);

		device_enable(fd);
		edu_map(&self->rig.edu, fd);
		EXPECT_TRUE(device_has(self, &self->slots[0], i % PAGES)) TH_LOG("round %u", i);
		edu_unmap(&self->rig.edu);
		self->rig.edu = edu;
		close(fd);
		EXPECT_TRUE(dev_reaches(second, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&mappers[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, mappers[i].error);
		EXPECT_LT(0, mappers[i].rounds);
	}
	EXPECT_TRUE(device_has(self, &self->slots[0], 0));
	EXPECT_EQ(should_be_pinned(self), pinned());
}

HOST_MAIN(HOST_DP)
