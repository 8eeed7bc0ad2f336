// SPDX-License-Identifier: GPL-2.0
/*
 * Every ioctl of the native door, and every way in of a device fd, with inputs that are wrong: the error number, and that nothing is kept.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include <linux/directpath.h>
#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-ioctl"
#define OTHER "t-ioctl-2"
#define IOVA 0x10000000ULL
#define CONFIG VFIO_PCI_CONFIG_REGION_INDEX

FIXTURE(ioctls) {
	struct rig rig;
	char *mem;
	struct vm_info before;
	uint64_t seq;
};

FIXTURE_SETUP(ioctls)
{
	struct host_info host;

	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	rig_open(&self->rig);
	self->mem = mem_new(MEM_ANON, 4 * PAGE);
	ASSERT_NE(NULL, self->mem);
	space_map(self->rig.vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
	vm_get(VM, &self->before);
	host_get(&host);
	self->seq = host.seq;
}

FIXTURE_TEARDOWN_PARENT(ioctls)
{
	EXPECT_EQ(0, host_restore());
}

/* One map of a page, one device, no interrupt; no event was sent. */
static bool is_unchanged(FIXTURE_DATA(ioctls) *self)
{
	struct host_info host;
	struct vm_info now;

	vm_get(VM, &now);
	host_get(&host);
	return now.areas == self->before.areas && now.mapped == self->before.mapped && now.pinned == self->before.pinned &&
	       now.vectors == self->before.vectors && now.spaces == self->before.spaces && now.nr_devices == self->before.nr_devices &&
	       host.seq == self->seq && proc_locked_reaches(PAGE, 5000) && edu_present(&self->rig.edu);
}

#define EXPECT_UNCHANGED() EXPECT_TRUE(is_unchanged(self))

/* --- the native door: all ioctls alike --- */

/**
 * union arg - the arguments of the ioctls, with room behind for a caller that is newer than the kernel
 */
union arg {
	uint32_t size;
	struct directpath_vm_info vm_info;
	struct directpath_space_info space_info;
	struct directpath_iova_ranges iova_ranges;
	struct directpath_map map;
	struct directpath_unmap unmap;
	struct directpath_device_open device_open;
	uint8_t bytes[8192];
};

/**
 * struct row - one ioctl
 * @cmd: its number
 * @size: of its struct in its first version
 * @flags_at: offset of its flags
 * @reserved_at: offset of its reserved member, or 0
 * @result: of a harmless call
 */
struct row {
	const char *name;
	unsigned long cmd;
	size_t size;
	size_t flags_at;
	size_t reserved_at;
	int result;
};

#define ROW(_cmd, _struct, _reserved, _result) { \
		.name = #_cmd, \
		.cmd = _cmd, \
		.size = sizeof(struct _struct), \
		.flags_at = offsetof(struct _struct, flags), \
		.reserved_at = _reserved, \
		.result = _result, \
	}

static const struct row rows[] = {
	ROW(DIRECTPATH_VM_INFO, directpath_vm_info, 0, 0),
	ROW(DIRECTPATH_SPACE_INFO, directpath_space_info, offsetof(struct directpath_space_info, __reserved), 0),
	ROW(DIRECTPATH_IOVA_RANGES, directpath_iova_ranges, offsetof(struct directpath_iova_ranges, __reserved), -EMSGSIZE),
	ROW(DIRECTPATH_MAP, directpath_map, 0, -EINVAL),
	ROW(DIRECTPATH_UNMAP, directpath_unmap, 0, 0),
	ROW(DIRECTPATH_DEVICE_OPEN, directpath_device_open, offsetof(struct directpath_device_open, __reserved), -ENOENT),
};

/* A call that is in order and does nothing. */
static void fill_harmless(const struct row *row, union arg *arg)
{
	memset(arg, 0, sizeof(*arg));
	arg->size = row->size;
	if (row->cmd == DIRECTPATH_UNMAP) {
		arg->unmap.iova = 0x40000000;
		arg->unmap.length = PAGE;
	} else if (row->cmd == DIRECTPATH_DEVICE_OPEN) {
		strcpy(arg->device_open.address, "0000:ff:1f.7");
	}
}

TEST_F(ioctls, sizes)
{
	int fd = self->rig.vm_fd;
	const struct row *row;
	union arg arg;

	for (row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		fill_harmless(row, &arg);
		EXPECT_EQ(row->result, fd_ioctl(fd, row->cmd, &arg)) TH_LOG("%s", row->name);
		fill_harmless(row, &arg);
		arg.size = row->size - 1;
		EXPECT_EQ(-EINVAL, fd_ioctl(fd, row->cmd, &arg)) TH_LOG("%s", row->name);
		arg.size = 4;
		EXPECT_EQ(-EINVAL, fd_ioctl(fd, row->cmd, &arg)) TH_LOG("%s", row->name);
		arg.size = 0;
		EXPECT_EQ(-EINVAL, fd_ioctl(fd, row->cmd, &arg)) TH_LOG("%s", row->name);
		/* A newer caller, that asks for nothing new. */
		fill_harmless(row, &arg);
		arg.size = row->size + 8;
		EXPECT_EQ(row->result, fd_ioctl(fd, row->cmd, &arg)) TH_LOG("%s", row->name);
		EXPECT_EQ(row->size + 8, arg.size);
		/* And one that does. */
		fill_harmless(row, &arg);
		arg.size = row->size + 8;
		arg.bytes[row->size + 7] = 1;
		EXPECT_EQ(-E2BIG, fd_ioctl(fd, row->cmd, &arg)) TH_LOG("%s", row->name);
		fill_harmless(row, &arg);
		arg.size = 0xffffffff;
		EXPECT_EQ(-E2BIG, fd_ioctl(fd, row->cmd, &arg)) TH_LOG("%s", row->name);
	}
	EXPECT_UNCHANGED();
}

TEST_F(ioctls, flags_and_reserved_members)
{
	const struct row *row;
	union arg arg;

	for (row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		fill_harmless(row, &arg);
		*(uint32_t *)(arg.bytes + row->flags_at) = 1U << 31;
		EXPECT_EQ(-EOPNOTSUPP, fd_ioctl(self->rig.vm_fd, row->cmd, &arg)) TH_LOG("%s", row->name);
		if (!row->reserved_at)
			continue;
		fill_harmless(row, &arg);
		*(uint32_t *)(arg.bytes + row->reserved_at) = 1;
		EXPECT_EQ(-EOPNOTSUPP, fd_ioctl(self->rig.vm_fd, row->cmd, &arg)) TH_LOG("%s", row->name);
	}
	EXPECT_UNCHANGED();
}

TEST_F(ioctls, pointers)
{
	char *page = mem_new(MEM_ANON, PAGE), *end = page + PAGE;
	const struct row *row;
	union arg arg;

	for (row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		EXPECT_EQ(-EFAULT, fd_ioctl(self->rig.vm_fd, row->cmd, NULL)) TH_LOG("%s", row->name);
		EXPECT_EQ(-EFAULT, fd_ioctl(self->rig.vm_fd, row->cmd, (void *)-8UL)) TH_LOG("%s", row->name);
		/* Its end is missing. */
		fill_harmless(row, &arg);
		memcpy(end - 16, &arg, 16);
		EXPECT_EQ(-EFAULT, fd_ioctl(self->rig.vm_fd, row->cmd, end - 16)) TH_LOG("%s", row->name);
	}
	EXPECT_UNCHANGED();
}

TEST_F(ioctls, unknown_numbers)
{
	union arg arg = { .size = 64 };
	unsigned int nr;

	for (nr = ARRAY_SIZE(rows); nr < 256; nr++)
		EXPECT_EQ(-ENOTTY, fd_ioctl(self->rig.vm_fd, _IO(DIRECTPATH_TYPE, nr), &arg));
	EXPECT_EQ(-ENOTTY, fd_ioctl(self->rig.vm_fd, _IO(';', 100), &arg));
	EXPECT_EQ(-ENOTTY, fd_ioctl(self->rig.vm_fd, _IOR(DIRECTPATH_TYPE, 0, int), &arg));
	EXPECT_EQ(-ENOTTY, fd_ioctl(self->rig.vm_fd, VFIO_IOMMU_MAP_DMA, &arg));
	EXPECT_EQ(-ENOTTY, fd_ioctl(self->rig.vm_fd, VFIO_DEVICE_GET_INFO, &arg));
	EXPECT_UNCHANGED();
}

/* --- one by one --- */

TEST_F(ioctls, vm_info)
{
	struct directpath_vm_info info = { .size = sizeof(info) };

	ASSERT_EQ(0, fd_ioctl(self->rig.vm_fd, DIRECTPATH_VM_INFO, &info));
	EXPECT_STREQ(VM, info.out_name);
	EXPECT_EQ(0, memcmp(self->before.uuid, info.out_uuid, 16));
	EXPECT_EQ(1, info.out_devices);
	EXPECT_EQ(0, info.out_max_devices);
	EXPECT_EQ(0, info.out_vectors);
	EXPECT_EQ(PAGE, info.out_pinned);
}

TEST_F(ioctls, space_info)
{
	struct directpath_space_info info = { .size = sizeof(info) };

	ASSERT_EQ(0, fd_ioctl(self->rig.vm_fd, DIRECTPATH_SPACE_INFO, &info));
	EXPECT_EQ(1, info.out_areas);
	EXPECT_EQ(PAGE, info.out_mapped);
	EXPECT_EQ(PAGE, info.out_pgsizes & -info.out_pgsizes);
	EXPECT_EQ(0, info.out_flags & ~DIRECTPATH_SPACE_COHERENT);
}

TEST_F(ioctls, iova_ranges)
{
	struct directpath_iova_range ranges[16];
	struct directpath_iova_ranges cmd = { .size = sizeof(cmd) };
	unsigned int nr, i;

	EXPECT_EQ(-EMSGSIZE, fd_ioctl(self->rig.vm_fd, DIRECTPATH_IOVA_RANGES, &cmd));
	nr = cmd.num_ranges;
	ASSERT_LT(1, nr);
	ASSERT_GE(16, nr);
	/* One fits. */
	memset(ranges, 0xee, sizeof(ranges));
	cmd.num_ranges = 1;
	cmd.ranges = (uintptr_t)ranges;
	EXPECT_EQ(-EMSGSIZE, fd_ioctl(self->rig.vm_fd, DIRECTPATH_IOVA_RANGES, &cmd));
	EXPECT_EQ(nr, cmd.num_ranges);
	EXPECT_EQ(0xeeeeeeeeeeeeeeeeULL, ranges[1].first);
	cmd.num_ranges = 16;
	ASSERT_EQ(0, fd_ioctl(self->rig.vm_fd, DIRECTPATH_IOVA_RANGES, &cmd));
	EXPECT_EQ(nr, cmd.num_ranges);
	for (i = 0; i < nr; i++) {
		EXPECT_LT(ranges[i].first, ranges[i].last);
		if (i)
			EXPECT_LT(ranges[i - 1].last, ranges[i].first);
		/* The MSI window is not in any. */
		EXPECT_TRUE(ranges[i].last < 0xfee00000 || ranges[i].first > 0xfee00000);
	}
	cmd.num_ranges = 16;
	cmd.ranges = 8;
	EXPECT_EQ(-EFAULT, fd_ioctl(self->rig.vm_fd, DIRECTPATH_IOVA_RANGES, &cmd));
	cmd.num_ranges = 0xffffffff;
	cmd.ranges = (uintptr_t)ranges;
	EXPECT_EQ(0, fd_ioctl(self->rig.vm_fd, DIRECTPATH_IOVA_RANGES, &cmd));
	EXPECT_EQ(nr, cmd.num_ranges);
	EXPECT_UNCHANGED();
}

TEST_F(ioctls, map)
{
	int fd = self->rig.vm_fd;
	char *mem = self->mem;

	EXPECT_EQ(-EINVAL, __space_map(fd, mem, IOVA + PAGE, PAGE, 0));
	EXPECT_EQ(-EINVAL, __space_map(fd, mem, IOVA + PAGE, 0, SPACE_RW));
	EXPECT_EQ(-EINVAL, __space_map(fd, mem, IOVA + PAGE, 100, SPACE_RW));
	EXPECT_EQ(-EINVAL, __space_map(fd, mem, IOVA + PAGE + 8, PAGE, SPACE_RW));
	EXPECT_EQ(-EINVAL, __space_map(fd, mem + 8, IOVA + PAGE, PAGE, SPACE_RW));
	EXPECT_EQ(-EFAULT, __space_map(fd, NULL, IOVA + PAGE, PAGE, SPACE_RW));
	EXPECT_EQ(-EFAULT, __space_map(fd, mem + 4 * PAGE, IOVA + PAGE, PAGE, SPACE_RW));
	EXPECT_EQ(-EFAULT, __space_map(fd, (void *)0x7ffffffff000, IOVA + PAGE, 2 * PAGE, SPACE_RW));
	EXPECT_EQ(-EFAULT, __space_map(fd, mem, IOVA + PAGE, 1ULL << 62, SPACE_RW));
	EXPECT_EQ(-EOVERFLOW, __space_map(fd, mem, -PAGE, 2 * PAGE, SPACE_RW));
	EXPECT_EQ(-ERANGE, __space_map(fd, mem, -PAGE, PAGE, SPACE_RW));
	EXPECT_EQ(-EEXIST, __space_map(fd, mem, IOVA, PAGE, SPACE_RW));
	EXPECT_EQ(-EPERM, __space_map(fd, mem, 0xfee00000, PAGE, SPACE_RW));
	EXPECT_UNCHANGED();
}

TEST_F(ioctls, unmap)
{
	struct directpath_unmap all = { .size = sizeof(all), .flags = DIRECTPATH_UNMAP_ALL, .length = PAGE };
	int fd = self->rig.vm_fd;
	uint64_t done;

	EXPECT_EQ(-EINVAL, __space_unmap(fd, IOVA, 0, &done));
	EXPECT_EQ(-EINVAL, __space_unmap(fd, IOVA + 8, PAGE, &done));
	EXPECT_EQ(-EINVAL, __space_unmap(fd, IOVA, PAGE + 8, &done));
	EXPECT_EQ(-EOVERFLOW, __space_unmap(fd, -PAGE, 2 * PAGE, &done));
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, DIRECTPATH_UNMAP, &all));
	all.length = 0;
	all.iova = PAGE;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, DIRECTPATH_UNMAP, &all));
	EXPECT_EQ(0, __space_unmap(fd, IOVA + PAGE, PAGE, &done));
	EXPECT_EQ(0, done);
	EXPECT_UNCHANGED();
}

/* A child has the fd, but not the memory. */
static int map_in_child(void *arg)
{
	struct rig *rig = arg;
	char *mem = mem_new(MEM_ANON, PAGE);

	return -__space_map(rig->vm_fd, mem, IOVA + PAGE, PAGE, SPACE_RW);
}

static int unmap_in_child(void *arg)
{
	struct rig *rig = arg;
	uint64_t done;

	return -__space_unmap(rig->vm_fd, IOVA, PAGE, &done);
}

static int open_in_child(void *arg)
{
	int fd = __vm_open(arg);

	return fd < 0 ? -fd : 0;
}

TEST_F(ioctls, other_processes)
{
	EXPECT_EQ(EPERM, proc_run(map_in_child, &self->rig));
	EXPECT_EQ(EBUSY, proc_run(open_in_child, VM));
	EXPECT_UNCHANGED();
	EXPECT_EQ(0, proc_run(unmap_in_child, &self->rig));
	EXPECT_TRUE(vm_is_empty(VM, 1000));
}

static int open_as_nobody(void *arg)
{
	proc_drop_root();
	return open_in_child(arg);
}

TEST_F(ioctls, open)
{
	struct vm_config owned = { .owner = true, .uid = 65534, .gid = 65534 };

	EXPECT_EQ(-EBUSY, __vm_open(VM));
	EXPECT_EQ(-ENOENT, __vm_open("t-nobody"));
	EXPECT_UNCHANGED();
	vm_new(OTHER, NULL);
	EXPECT_EQ(EACCES, proc_run(open_as_nobody, OTHER));
	vm_set(OTHER, &owned);
	EXPECT_EQ(0, proc_run(open_as_nobody, OTHER));
	EXPECT_EQ(EACCES, proc_run(open_as_nobody, VM));
}

TEST_F(ioctls, device_open)
{
	struct directpath_device_open cmd = { .size = sizeof(cmd) };
	const char *second = pci_env("DP_EDU1");
	int fd = self->rig.vm_fd, again;
	int efd = efd_new();

	EXPECT_EQ(-ENOENT, __vm_device(fd, "0000:ff:1f.7"));
	EXPECT_GT(0, __vm_device(fd, ""));
	EXPECT_GT(0, __vm_device(fd, "nonsense"));
	memset(cmd.address, 'x', sizeof(cmd.address));
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, DIRECTPATH_DEVICE_OPEN, &cmd));
	EXPECT_UNCHANGED();

	/* Twice is the same device; each fd counts. */
	again = vm_device(fd, self->rig.address);
	irq_trigger(again, 1, 0, 1, &efd);
	close(again);
	EXPECT_EQ(0, __irq_loopback(self->rig.fd, 1, 0, 1));
	EXPECT_EQ(1, efd_wait(efd, 1000));
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(self->rig.address));

	if (!second)
		return;
	EXPECT_EQ(-ENOENT, __vm_device(fd, second));
	dev_set_policy(second, "none");
	dev_claim(second, 0, 0);
	EXPECT_EQ(-EPERM, __vm_device(fd, second));
	vm_new(OTHER, NULL);
	vm_attach(OTHER, second);
	EXPECT_EQ(-EPERM, __vm_device(fd, second));
	EXPECT_EQ(DIRECTPATH_STATE_RESERVED, dev_state(second));
}

/* The fd cannot be given out: the device is not left running. */
TEST_F(ioctls, device_open_without_room_for_an_fd)
{
	char *page = mem_new(MEM_ANON, 2 * PAGE);
	struct directpath_device_open *cmd = (void *)(page + PAGE - 16);
	struct rig *rig = &self->rig;

	rig_close(rig);
	ASSERT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, 10000));
	rig->vm_fd = vm_open(VM);
	cmd->size = sizeof(*cmd);
	strcpy(cmd->address, rig->address);
	mprotect(page, 2 * PAGE, PROT_READ);
	EXPECT_EQ(-EFAULT, fd_ioctl(rig->vm_fd, DIRECTPATH_DEVICE_OPEN, cmd));
	EXPECT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, 10000));
}

/* --- the device fd --- */

TEST_F(ioctls, device_ioctl_sizes)
{
	static const unsigned long cmds[] = {
		VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_SET_IRQS,
		VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_PCI_HOT_RESET, VFIO_DEVICE_FEATURE,
	};
	uint32_t arg[64] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		arg[0] = 4;
		EXPECT_EQ(-EINVAL, fd_ioctl(self->rig.fd, cmds[i], arg)) TH_LOG("%#lx", cmds[i]);
		arg[0] = 0;
		EXPECT_EQ(-EINVAL, fd_ioctl(self->rig.fd, cmds[i], arg)) TH_LOG("%#lx", cmds[i]);
		EXPECT_EQ(-EFAULT, fd_ioctl(self->rig.fd, cmds[i], NULL)) TH_LOG("%#lx", cmds[i]);
	}
	EXPECT_EQ(-ENOTTY, fd_ioctl(self->rig.fd, _IO(';', 99), arg));
	EXPECT_EQ(-ENOTTY, fd_ioctl(self->rig.fd, DIRECTPATH_MAP, arg));
	EXPECT_UNCHANGED();
}

TEST_F(ioctls, device_info)
{
	struct vfio_device_info info;
	struct vfio_region_info region;
	struct vfio_irq_info irq;

	device_info(self->rig.fd, &info);
	EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI, info.flags); /* and no reset */
	EXPECT_EQ(VFIO_PCI_NUM_REGIONS, info.num_regions);
	EXPECT_EQ(VFIO_PCI_NUM_IRQS, info.num_irqs);
	EXPECT_EQ(-EINVAL, __device_region(self->rig.fd, VFIO_PCI_NUM_REGIONS, &region));
	EXPECT_EQ(-EINVAL, __device_region(self->rig.fd, 0xffffffff, &region));
	EXPECT_EQ(-EINVAL, __device_irq_info(self->rig.fd, VFIO_PCI_NUM_IRQS, &irq));
	device_region(self->rig.fd, 0, &region);
	EXPECT_EQ(1 << 20, region.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP, region.flags);
	device_region(self->rig.fd, 1, &region);
	EXPECT_EQ(0, region.size);
	EXPECT_EQ(0, region.flags);
	device_region(self->rig.fd, CONFIG, &region);
	EXPECT_EQ(256, region.size);
	EXPECT_EQ(-EINVAL, __device_reset(self->rig.fd));
	EXPECT_UNCHANGED();
}

#define DATA_NONE VFIO_IRQ_SET_DATA_NONE
#define DATA_BOOL VFIO_IRQ_SET_DATA_BOOL
#define DATA_EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define MASK VFIO_IRQ_SET_ACTION_MASK
#define UNMASK VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER

TEST_F(ioctls, set_irqs)
{
	int null = open("/dev/null", O_RDWR), closed = dup(null);
	int efds[4] = { efd_new(), efd_new(), efd_new(), efd_new() };
	int fd = self->rig.fd;
	struct vfio_irq_set shorter = { .argsz = sizeof(shorter), .flags = DATA_EVENTFD | TRIGGER, .index = 1, .count = 1 };

	close(closed);
	/* Flags */
	EXPECT_EQ(-EINVAL, __irq_set(fd, 0, 1, 0, 1, NULL));
	EXPECT_EQ(-EINVAL, __irq_set(fd, DATA_EVENTFD, 1, 0, 1, efds));
	EXPECT_EQ(-EINVAL, __irq_set(fd, TRIGGER, 1, 0, 1, NULL));
	EXPECT_EQ(-EINVAL, __irq_set(fd, DATA_EVENTFD | DATA_BOOL | TRIGGER, 1, 0, 1, efds));
	EXPECT_EQ(-EINVAL, __irq_set(fd, DATA_EVENTFD | TRIGGER | MASK, 1, 0, 1, efds));
	EXPECT_EQ(-EINVAL, __irq_set(fd, 1 << 10 | DATA_EVENTFD | TRIGGER, 1, 0, 1, efds));
	/* Ranges */
	EXPECT_EQ(-EINVAL, __irq_set(fd, DATA_EVENTFD | TRIGGER, VFIO_PCI_NUM_IRQS, 0, 1, efds));
	EXPECT_EQ(-EINVAL, __irq_set(fd, DATA_EVENTFD | TRIGGER, 1, 1, 1, efds));
	EXPECT_EQ(-EINVAL, __irq_set(fd, DATA_EVENTFD | TRIGGER, 1, 0, 2, efds));
	EXPECT_EQ(-EINVAL, __irq_set(fd, DATA_NONE | TRIGGER, 1, 1, 0xffffffff, NULL));
	EXPECT_EQ(-EINVAL, __irq_set(fd, DATA_EVENTFD | TRIGGER, 2, 0, 1, efds));
	EXPECT_EQ(-EINVAL, __irq_set(fd, DATA_EVENTFD | TRIGGER, 1, 0, 0, NULL));
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_DEVICE_SET_IRQS, &shorter));
	/* What is not there */
	EXPECT_EQ(-EINVAL, __irq_loopback(fd, 1, 0, 1));
	EXPECT_EQ(-EINVAL, __irq_disable(fd, 1));
	EXPECT_EQ(-EINVAL, __irq_mask(fd, 0));
	EXPECT_EQ(-EINVAL, __irq_unmask(fd, 0));
	EXPECT_EQ(-EINVAL, __irq_loopback(fd, 0, 0, 1));
	/* What is no eventfd */
	EXPECT_EQ(-EINVAL, __irq_trigger(fd, 1, 0, 1, &null));
	EXPECT_EQ(-EBADF, __irq_trigger(fd, 1, 0, 1, &closed));
	EXPECT_EQ(-EINVAL, __irq_trigger(fd, 0, 0, 1, &null));
	EXPECT_EQ(-EBADF, __irq_trigger(fd, 4, 0, 1, &closed));
	/* What the kind does not have */
	EXPECT_EQ(-ENOTTY, __irq_set(fd, DATA_NONE | MASK, 1, 0, 1, NULL));
	EXPECT_EQ(-ENOTTY, __irq_set(fd, DATA_NONE | UNMASK, 4, 0, 1, NULL));
	EXPECT_UNCHANGED();
	/* None of it has an effect. */
	edu_raise(&self->rig.edu, 1);
	EXPECT_EQ(0, efd_wait(efds[0], 100));
	edu_ack(&self->rig.edu);
	EXPECT_EQ(0, __irq_trigger(fd, 1, 0, 1, efds));
	EXPECT_EQ(0, __irq_loopback(fd, 1, 0, 1));
	EXPECT_EQ(1, efd_wait(efds[0], 1000));
	/* A bad eventfd in place of a good one: the good one stays. */
	EXPECT_EQ(-EINVAL, __irq_trigger(fd, 1, 0, 1, &null));
	edu_raise(&self->rig.edu, 1);
	EXPECT_EQ(1, efd_wait(efds[0], 1000));
	edu_ack(&self->rig.edu);
}

TEST_F(ioctls, regions)
{
	uint64_t word = 0;
	int fd = self->rig.fd;

	EXPECT_EQ(4, __device_read(fd, 0, EDU_ID, &word, 4));
	EXPECT_EQ(EDU_ID_VALUE, word);
	/* Cut at the end, refused behind it. */
	EXPECT_EQ(4, __device_read(fd, 0, (1 << 20) - 4, &word, 8));
	EXPECT_EQ(-EINVAL, __device_read(fd, 0, 1 << 20, &word, 4));
	EXPECT_EQ(-EINVAL, __device_write(fd, 0, 1 << 20, &word, 4));
	EXPECT_EQ(-EINVAL, __device_read(fd, 1, 0, &word, 4));
	EXPECT_EQ(-EINVAL, __device_read(fd, 6, 0, &word, 4));
	EXPECT_EQ(-EINVAL, __device_write(fd, 6, 0, &word, 4));
	EXPECT_EQ(-EINVAL, __device_read(fd, 8, 0, &word, 4));
	EXPECT_EQ(-EINVAL, __device_read(fd, 9, 0, &word, 4));
	EXPECT_EQ(-EINVAL, __device_read(fd, 1000, 0, &word, 4));
	EXPECT_EQ(-EINVAL, __device_read(fd, CONFIG, 256, &word, 4));
	EXPECT_EQ(-EINVAL, __device_write(fd, CONFIG, 4096, &word, 4));
	EXPECT_EQ(2, __device_read(fd, CONFIG, 254, &word, 4));
	EXPECT_EQ(-EFAULT, __device_read(fd, 0, 0, (void *)8, 4));
	EXPECT_EQ(-EFAULT, __device_write(fd, 0, EDU_ALIVE, (void *)8, 4));
	EXPECT_EQ(-EFAULT, __device_read(fd, CONFIG, 0, (void *)8, 4));
	EXPECT_EQ(0, __device_read(fd, 0, 0, &word, 0));
	EXPECT_UNCHANGED();
}

TEST_F(ioctls, config_space)
{
	int fd = self->rig.fd;
	uint32_t bar, id = device_config_read(fd, 0, 4);

	EXPECT_EQ(0x11e81234, id);
	device_config_write(fd, 0, 4, 0);
	EXPECT_EQ(id, device_config_read(fd, 0, 4));
	/* A BAR is sized in the shadow only. */
	bar = pci_config_read(self->rig.address, 0x10, 4);
	device_config_write(fd, 0x10, 4, 0xffffffff);
	EXPECT_EQ(0xfff00000, device_config_read(fd, 0x10, 4));
	EXPECT_EQ(bar, pci_config_read(self->rig.address, 0x10, 4));
	device_config_write(fd, 0x10, 4, 0xe0000000);
	EXPECT_EQ(0xe0000000, device_config_read(fd, 0x10, 4));
	EXPECT_EQ(bar, pci_config_read(self->rig.address, 0x10, 4));
	EXPECT_UNCHANGED();
}

static int map_region(int fd, uint32_t index, uint64_t offset, size_t size, int flags)
{
	void *bar = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, ((off_t)index << 40) + offset);

	if (bar == MAP_FAILED)
		return -errno;
	munmap(bar, size);
	return 0;
}

TEST_F(ioctls, mmap)
{
	int fd = self->rig.fd;

	EXPECT_EQ(0, map_region(fd, 0, 0, 1 << 20, MAP_SHARED));
	EXPECT_EQ(0, map_region(fd, 0, (1 << 20) - PAGE, PAGE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_region(fd, 0, 0, PAGE, MAP_PRIVATE));
	EXPECT_EQ(-EINVAL, map_region(fd, 0, 0, (1 << 20) + PAGE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_region(fd, 0, 1 << 20, PAGE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_region(fd, 0, 1ULL << 39, PAGE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_region(fd, 1, 0, PAGE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_region(fd, 5, 0, PAGE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_region(fd, 6, 0, PAGE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_region(fd, CONFIG, 0, PAGE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_region(fd, 9, 0, PAGE, MAP_SHARED));
	EXPECT_EQ(-EINVAL, map_region(fd, 1000, 0, PAGE, MAP_SHARED));
	EXPECT_GT(0, map_region(self->rig.vm_fd, 0, 0, PAGE, MAP_SHARED));
	EXPECT_UNCHANGED();
}

TEST_F(ioctls, hot_reset)
{
	struct vfio_pci_hot_reset_info *info = calloc(1, 4096);
	struct vfio_pci_hot_reset *reset = calloc(1, 4096);
	int fd = self->rig.fd;

	/* edu sits on the root bus: nothing resets it. */
	info->argsz = 4096;
	EXPECT_EQ(-ENODEV, fd_ioctl(fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info));
	reset->argsz = 4096;
	reset->flags = 1;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_DEVICE_PCI_HOT_RESET, reset));
	reset->flags = 0;
	EXPECT_GT(0, fd_ioctl(fd, VFIO_DEVICE_PCI_HOT_RESET, reset));
	reset->count = 0xffffffff;
	EXPECT_GT(0, fd_ioctl(fd, VFIO_DEVICE_PCI_HOT_RESET, reset));
	EXPECT_UNCHANGED();
}

TEST_F(ioctls, feature)
{
	struct vfio_device_feature feature = { .argsz = sizeof(feature) };
	int fd = self->rig.fd;

	feature.flags = 1 << 30;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_DEVICE_FEATURE, &feature));
	feature.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET | 1;
	EXPECT_EQ(-EINVAL, fd_ioctl(fd, VFIO_DEVICE_FEATURE, &feature));
	feature.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET | 1;
	EXPECT_EQ(-ENOTTY, fd_ioctl(fd, VFIO_DEVICE_FEATURE, &feature));
	EXPECT_UNCHANGED();
}

HOST_MAIN(HOST_DP)
