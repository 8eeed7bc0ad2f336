// SPDX-License-Identifier: GPL-2.0
/*
 * Accounting: what is pinned is charged, to the process and to the VM, and everything is back at zero after every failure and every end.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <linux/directpath.h>
#include <linux/directpath_nl.h>

#include "libdpath.h"

#define VM "t-account"
#define IOVA 0x10000000ULL
#define MIB (1UL << 20)
#define SIZE (8 * MIB)

FIXTURE(account) {
	struct rig rig;
	char *mem;
	uint64_t maps;
};

FIXTURE_SETUP(account)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	rig_open(&self->rig);
	self->mem = mem_new(MEM_ANON, SIZE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, proc_locked());
}

FIXTURE_TEARDOWN_PARENT(account)
{
	EXPECT_EQ(0, host_restore());
}

static uint64_t pinned(void)
{
	struct vm_info info;

	vm_get(VM, &info);
	return info.pinned;
}

/* Nothing is charged to anybody, and everything still works. */
static bool is_clean(FIXTURE_DATA(account) *self)
{
	int vm_fd = self->rig.vm_fd;

	if (!vm_is_empty(VM, SETTLE_MS) || !proc_locked_reaches(0, SETTLE_MS))
		return false;
	/* The memory is not pinned: it can be taken away, and its pages are new then. */
	mem_fill(self->mem, PAGE, 1);
	if (madvise(self->mem, SIZE, MADV_DONTNEED) || self->mem[0])
		return false;
	space_map(vm_fd, self->mem, IOVA, 2 * PAGE, SPACE_RW);
	space_unmap(vm_fd, IOVA, 2 * PAGE);
	return vm_is_empty(VM, SETTLE_MS) && proc_locked_reaches(0, SETTLE_MS);
}

TEST_F(account, map_and_unmap)
{
	int fd = self->rig.vm_fd;

	space_map(fd, self->mem, IOVA, SIZE, SPACE_RW);
	EXPECT_EQ(SIZE, pinned());
	EXPECT_EQ(SIZE, proc_locked());
	space_map(fd, self->mem, IOVA + SIZE, PAGE, SPACE_READ);
	EXPECT_EQ(SIZE + PAGE, pinned());
	EXPECT_EQ(SIZE + PAGE, proc_locked());
	space_unmap(fd, IOVA, SIZE);
	EXPECT_EQ(PAGE, pinned());
	EXPECT_TRUE(proc_locked_reaches(PAGE, SETTLE_MS));
	space_unmap(fd, IOVA + SIZE, PAGE);
	EXPECT_TRUE(is_clean(self));
}

TEST_F(account, over_the_limit_of_the_process)
{
	int fd = self->rig.vm_fd;

	proc_limit_locked(4 * MIB);
	proc_keep_caps(1ULL << 21); /* CAP_SYS_ADMIN for netlink, not CAP_IPC_LOCK */
	EXPECT_EQ(-ENOMEM, __space_map(fd, self->mem, IOVA, SIZE, SPACE_RW));
	EXPECT_TRUE(is_clean(self));
	/* Up to the limit, and not a page more. */
	space_map(fd, self->mem, IOVA, 4 * MIB, SPACE_RW);
	EXPECT_EQ(-ENOMEM, __space_map(fd, self->mem + 4 * MIB, IOVA + 4 * MIB, PAGE, SPACE_RW));
	EXPECT_EQ(4 * MIB, pinned());
	EXPECT_EQ(4 * MIB, proc_locked());
	space_unmap(fd, IOVA, 4 * MIB);
	ASSERT_TRUE(proc_locked_reaches(0, SETTLE_MS));
	space_map(fd, self->mem + 4 * MIB, IOVA + 4 * MIB, PAGE, SPACE_RW);
	space_unmap(fd, IOVA + 4 * MIB, PAGE);
	EXPECT_TRUE(is_clean(self));
}

/* An unmap that is followed by a map at once: the debit that is still under way must not count against the limit. */
TEST_F(account, remap_at_the_limit)
{
	int fd = self->rig.vm_fd;
	unsigned int i;

	proc_limit_locked(SIZE);
	proc_keep_caps(1ULL << 21);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, __space_map(fd, self->mem, IOVA, SIZE, SPACE_RW)) TH_LOG("round %u", i);
		space_unmap(fd, IOVA, SIZE);
	}
	EXPECT_TRUE(is_clean(self));
}

TEST_F(account, over_the_quota_of_the_vm)
{
	struct vm_config config = { .limits = true, .max_pinned = 4 * MIB };
	int fd = self->rig.vm_fd;

	vm_set(VM, &config);
	EXPECT_EQ(-EDQUOT, __space_map(fd, self->mem, IOVA, SIZE, SPACE_RW));
	EXPECT_TRUE(is_clean(self));
	space_map(fd, self->mem, IOVA, 4 * MIB, SPACE_RW);
	EXPECT_EQ(-EDQUOT, __space_map(fd, self->mem + 4 * MIB, IOVA + 4 * MIB, PAGE, SPACE_RW));
	EXPECT_EQ(4 * MIB, pinned());
	EXPECT_EQ(4 * MIB, proc_locked());
	space_unmap(fd, IOVA, 4 * MIB);
	EXPECT_TRUE(is_clean(self));
}

TEST_F(account, bad_address)
{
	int fd = self->rig.vm_fd;

	munmap(self->mem + SIZE - PAGE, PAGE);
	EXPECT_EQ(-EFAULT, __space_map(fd, self->mem, IOVA, SIZE, SPACE_RW));
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_TRUE(proc_locked_reaches(0, SETTLE_MS));
	EXPECT_EQ(-EFAULT, __space_map(fd, self->mem + SIZE - PAGE, IOVA, PAGE, SPACE_RW));
	EXPECT_EQ(-EFAULT, __space_map(fd, NULL, IOVA, PAGE, SPACE_RW));
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_TRUE(proc_locked_reaches(0, SETTLE_MS));
}

/* Memory that cannot be pinned for long. A BAR of the VM's own functions is another matter: peer_test. */
TEST_F(account, device_memory)
{
	const char *other = pci_env("DP_EDU1");
	void *bar;

	ASSERT_NE(NULL, other);
	bar = pci_map_resource(other, 0, PAGE);
	ASSERT_NE(MAP_FAILED, bar);
	EXPECT_EQ(-EFAULT, __space_map(self->rig.vm_fd, bar, IOVA, PAGE, SPACE_RW));
	EXPECT_TRUE(is_clean(self));
}

TEST_F(account, secret_memory)
{
	int secret = syscall(SYS_memfd_secret, 0);
	void *mem;

	if (secret < 0)
		SKIP(return, "no secret memory on this kernel");
	ASSERT_EQ(0, ftruncate(secret, PAGE));
	mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, secret, 0);
	ASSERT_NE(MAP_FAILED, mem);
	memset(mem, 1, PAGE);
	EXPECT_EQ(-EFAULT, __space_map(self->rig.vm_fd, mem, IOVA, PAGE, SPACE_RW));
	EXPECT_EQ(0, pinned());
}

TEST_F(account, refused_ranges)
{
	int fd = self->rig.vm_fd;

	space_map(fd, self->mem, IOVA, PAGE, SPACE_RW);
	EXPECT_EQ(-EEXIST, __space_map(fd, self->mem, IOVA, SIZE, SPACE_RW));
	EXPECT_EQ(-EPERM, __space_map(fd, self->mem, 0xfee00000, PAGE, SPACE_RW));
	EXPECT_EQ(-ERANGE, __space_map(fd, self->mem, 1ULL << 60, SIZE, SPACE_RW));
	EXPECT_EQ(-EOVERFLOW, __space_map(fd, self->mem, -PAGE, SIZE, SPACE_RW));
	EXPECT_EQ(-EINVAL, __space_map(fd, self->mem, IOVA + 1, SIZE, SPACE_RW));
	EXPECT_EQ(PAGE, pinned());
	EXPECT_TRUE(proc_locked_reaches(PAGE, SETTLE_MS));
	space_unmap(fd, IOVA, PAGE);
	EXPECT_TRUE(is_clean(self));
}

TEST_F(account, device_closed_maps_stay)
{
	int fd = self->rig.vm_fd;

	space_map(fd, self->mem, IOVA, SIZE, SPACE_RW);
	edu_unmap(&self->rig.edu);
	close(self->rig.fd);
	ASSERT_TRUE(dev_reaches(self->rig.address, DIRECTPATH_STATE_RESERVED, 20000));
	EXPECT_EQ(SIZE, pinned());
	EXPECT_EQ(SIZE, proc_locked());
	space_unmap(fd, IOVA, SIZE);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_TRUE(proc_locked_reaches(0, SETTLE_MS));
}

TEST_F(account, close_frees_everything)
{
	int efd = efd_new();

	space_map(self->rig.vm_fd, self->mem, IOVA, SIZE, SPACE_RW);
	irq_trigger(self->rig.fd, 1, 0, 1, &efd);
	rig_close(&self->rig);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_TRUE(proc_locked_reaches(0, SETTLE_MS));
}

TEST_F(account, revoke_keeps_the_maps)
{
	space_map(self->rig.vm_fd, self->mem, IOVA, SIZE, SPACE_RW);
	vm_detach(VM, self->rig.address, true);
	EXPECT_EQ(SIZE, pinned());
	EXPECT_EQ(SIZE, proc_locked());
	space_unmap(self->rig.vm_fd, IOVA, SIZE);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_TRUE(proc_locked_reaches(0, SETTLE_MS));
}

/* Interrupts that are refused: no vector stays. */
TEST_F(account, refused_interrupts)
{
	int fds[2] = { efd_new(), efd_new() }, fd = self->rig.fd, bad = open("/dev/null", O_RDWR);

	EXPECT_GT(0, __irq_trigger(fd, 1, 0, 2, fds));
	EXPECT_GT(0, __irq_trigger(fd, 1, 0, 1, &bad));
	EXPECT_GT(0, __irq_trigger(fd, 2, 0, 1, fds));
	EXPECT_TRUE(vm_is_empty(VM, 0));
	EXPECT_EQ(0, __irq_trigger(fd, 1, 0, 1, fds));
}

static int map_and_die(void *arg)
{
	struct rig rig = *(struct rig *)arg;
	char *mem = mem_new(MEM_ANON, SIZE);

	rig_open(&rig);
	space_map(rig.vm_fd, mem, IOVA, SIZE, SPACE_RW);
	kill(getpid(), SIGKILL);
	return 0;
}

TEST_F(account, death_frees_everything)
{
	rig_close(&self->rig);
	ASSERT_TRUE(dev_reaches(self->rig.address, DIRECTPATH_STATE_RESERVED, 20000));
	EXPECT_EQ(-SIGKILL, proc_run(map_and_die, &self->rig));
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_TRUE(dev_reaches(self->rig.address, DIRECTPATH_STATE_RESERVED, 20000));
}

/* A map that is killed on its way: a hundred MiB that nobody has touched yet take a while. */
static void map_much(struct peer *self, void *arg)
{
	struct rig rig = *(struct rig *)arg;
	char *mem = mem_new(MEM_ANON, 256 * MIB);

	rig_open(&rig);
	peer_tell(self, 'm');
	space_map(rig.vm_fd, mem, IOVA, 256 * MIB, SPACE_RW);
	peer_tell(self, 'd');
	pause();
}

TEST_F_TIMEOUT(account, killed_while_it_maps, 60)
{
	unsigned int early = 0, i;
	struct peer peer;

	rig_close(&self->rig);
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(dev_reaches(self->rig.address, DIRECTPATH_STATE_RESERVED, 20000));
		peer_start(&peer, map_much, &self->rig);
		ASSERT_EQ('m', peer_hear(&peer, 20000));
		early += !peer_hear(&peer, 20 * i + 5);
		peer_kill(&peer);
		EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS)) TH_LOG("round %u", i);
	}
	EXPECT_LT(0, early);
}

HOST_MAIN(HOST_DP)
