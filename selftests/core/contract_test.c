// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of all fds by one table: containers and groups of the VFIO door, VMs of the native one, and functions. Whatever a struct's size says,
 * whatever lies behind it, wherever it ends, on whatever fd, in whatever state, and while another thread closes the fd: the error number that the
 * contract names, and nothing is kept.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include <linux/directpath.h>
#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-contract"
#define OTHER "t-contract-2"
#define IOVA 0x10000000ULL
#define ROOM 4096

enum fds { CONTAINER, GROUP, DEVICE, VM_FD, NR_FDS };

static const char * const fd_names[] = { "container", "group", "device", "VM" };

/* How a struct says how long it is. */
enum form {
	ARGSZ,	/* VFIO: a shorter one is EINVAL, what is behind is not looked at */
	SIZE,	/* directpath: as ARGSZ, but what is behind must be zero */
	NAME,	/* a string */
	FD,	/* a pointer to an int */
	VALUE,	/* no pointer */
};

/**
 * struct row - one ioctl
 * @fd: what it is for
 * @size: of its struct in its first version
 * @flags_at: where its flags are, or 0
 * @flag: one that nobody knows
 * @result: of a call that is in order but for the zeroes in it, and that changes nothing
 * @empty: on a container or group that nothing was done with
 */
static const struct row {
	const char *name;
	enum fds fd;
	unsigned long cmd;
	enum form form;
	size_t size;
	size_t flags_at;
	uint32_t flag;
	int result;
	int empty;
} rows[] = {
#define ROW(_fd, _cmd, _form, _size, ...) { .name = #_cmd, .fd = _fd, .cmd = _cmd, .form = _form, .size = _size, ## __VA_ARGS__ }
#define THROUGH(_struct, _member) (offsetof(struct _struct, _member) + sizeof(((struct _struct *)0)->_member))
#define FLAGS(_struct, _flag) .flags_at = offsetof(struct _struct, flags), .flag = (_flag)
	ROW(CONTAINER, VFIO_GET_API_VERSION, VALUE, 0, .result = VFIO_API_VERSION, .empty = VFIO_API_VERSION),
	ROW(CONTAINER, VFIO_CHECK_EXTENSION, VALUE, 0, .result = 0, .empty = 0),
	ROW(CONTAINER, VFIO_SET_IOMMU, VALUE, 0, .result = -EINVAL, .empty = -EINVAL),
	ROW(CONTAINER, VFIO_IOMMU_GET_INFO, ARGSZ, THROUGH(vfio_iommu_type1_info, iova_pgsizes), .result = 0, .empty = -EINVAL),
	ROW(CONTAINER, VFIO_IOMMU_MAP_DMA, ARGSZ, THROUGH(vfio_iommu_type1_dma_map, size), FLAGS(vfio_iommu_type1_dma_map, 1U << 31),
	    .result = -EINVAL, .empty = -EINVAL),
	ROW(CONTAINER, VFIO_IOMMU_UNMAP_DMA, ARGSZ, THROUGH(vfio_iommu_type1_dma_unmap, size), FLAGS(vfio_iommu_type1_dma_unmap, 1U << 31),
	    .result = -EINVAL, .empty = -EINVAL),
	ROW(GROUP, VFIO_GROUP_GET_STATUS, ARGSZ, THROUGH(vfio_group_status, flags), .result = 0, .empty = 0),
	ROW(GROUP, VFIO_GROUP_SET_CONTAINER, FD, 4, .result = -EINVAL, .empty = -EINVAL),
	ROW(GROUP, VFIO_GROUP_UNSET_CONTAINER, VALUE, 0, .result = -EBUSY, .empty = -EINVAL),
	ROW(GROUP, VFIO_GROUP_GET_DEVICE_FD, NAME, 0, .result = -ENODEV, .empty = -EINVAL),
	ROW(DEVICE, VFIO_DEVICE_GET_INFO, ARGSZ, THROUGH(vfio_device_info, num_irqs), .result = 0),
	ROW(DEVICE, VFIO_DEVICE_GET_REGION_INFO, ARGSZ, THROUGH(vfio_region_info, offset), .result = 0),
	ROW(DEVICE, VFIO_DEVICE_GET_IRQ_INFO, ARGSZ, THROUGH(vfio_irq_info, count), .result = 0),
	ROW(DEVICE, VFIO_DEVICE_SET_IRQS, ARGSZ, sizeof(struct vfio_irq_set), FLAGS(vfio_irq_set, 1U << 31), .result = -EINVAL),
	ROW(DEVICE, VFIO_DEVICE_RESET, VALUE, 0, .result = -EINVAL),
	ROW(DEVICE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, ARGSZ, sizeof(struct vfio_pci_hot_reset_info), .result = -ENODEV),
	ROW(DEVICE, VFIO_DEVICE_PCI_HOT_RESET, ARGSZ, sizeof(struct vfio_pci_hot_reset), FLAGS(vfio_pci_hot_reset, 1), .result = -EINVAL),
	ROW(DEVICE, VFIO_DEVICE_IOEVENTFD, ARGSZ, THROUGH(vfio_device_ioeventfd, fd), FLAGS(vfio_device_ioeventfd, 1U << 31), .result = -EINVAL),
	ROW(DEVICE, VFIO_DEVICE_FEATURE, ARGSZ, sizeof(struct vfio_device_feature), FLAGS(vfio_device_feature, 1U << 30), .result = -ENOTTY),
	ROW(DEVICE, DIRECTPATH_DEVICE_SET_BAR, SIZE, sizeof(struct directpath_set_bar), FLAGS(directpath_set_bar, 1U << 31), .result = -EINVAL),
	ROW(VM_FD, DIRECTPATH_VM_INFO, SIZE, sizeof(struct directpath_vm_info), FLAGS(directpath_vm_info, 1), .result = 0),
	ROW(VM_FD, DIRECTPATH_SPACE_INFO, SIZE, sizeof(struct directpath_space_info), FLAGS(directpath_space_info, 1), .result = 0),
	ROW(VM_FD, DIRECTPATH_IOVA_RANGES, SIZE, sizeof(struct directpath_iova_ranges), FLAGS(directpath_iova_ranges, 1), .result = -EMSGSIZE),
	ROW(VM_FD, DIRECTPATH_MAP, SIZE, offsetof(struct directpath_map, fd), FLAGS(directpath_map, 1U << 31), .result = -EINVAL),
	ROW(VM_FD, DIRECTPATH_UNMAP, SIZE, sizeof(struct directpath_unmap), FLAGS(directpath_unmap, 1U << 31), .result = -EINVAL),
	ROW(VM_FD, DIRECTPATH_DEVICE_OPEN, SIZE, sizeof(struct directpath_device_open), FLAGS(directpath_device_open, 1), .result = -ENOENT),
};

#define for_each_row(row) for (row = rows; row < rows + ARRAY_SIZE(rows); row++)

/* A struct with room behind it, and a page behind that which is not there. */
struct arg {
	uint8_t *page;
	uint8_t *end;
	int null; /* of /dev/null */
};

FIXTURE(contract) {
	const char *edu;
	struct door door;
	int fds[NR_FDS];
	struct arg arg;
	struct host_info before;
};

static void reserve(const char *address, const char *vm)
{
	dev_set_policy(address, "none");
	dev_claim(address, DEV_UNBIND, 0);
	vm_attach(vm, address);
}

FIXTURE_SETUP(contract)
{
	ASSERT_EQ(0, host_restore());
	self->edu = pci_env("DP_EDU0");
	if (!self->edu)
		SKIP(return, "no edu on this machine");
	vm_new(VM, NULL);
	vm_new(OTHER, NULL);
	reserve(self->edu, VM);
	door_open(&self->door, self->edu, VFIO_TYPE1v2_IOMMU);
	self->fds[CONTAINER] = self->door.container;
	self->fds[GROUP] = self->door.group;
	self->fds[DEVICE] = self->door.fd;
	self->fds[VM_FD] = vm_open(OTHER);
	self->arg.page = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->arg.page);
	self->arg.end = self->arg.page + ROOM;
	ASSERT_EQ(0, munmap(self->arg.end, ROOM));
	self->arg.null = open("/dev/null", O_RDWR);
	host_get(&self->before);
}

FIXTURE_TEARDOWN_PARENT(contract)
{
	EXPECT_EQ(0, host_restore());
}

/* No event, no vector, no map; and the function runs. */
static bool is_unchanged(FIXTURE_DATA(contract) *self)
{
	struct host_info now;
	struct vm_info vm, other;

	host_get(&now);
	vm_get(VM, &vm);
	vm_get(OTHER, &other);
	return !memcmp(&now, &self->before, sizeof(now)) && !vm.areas && !vm.pinned && !other.areas && !other.pinned && vm.spaces == 1 &&
	       other.spaces == 1 && dev_state(self->edu) == DIRECTPATH_STATE_RUNNING;
}

#define EXPECT_UNCHANGED() EXPECT_TRUE(is_unchanged(self))

static bool has_size(const struct row *row)
{
	return row->form == ARGSZ || row->form == SIZE;
}

/* Its argument, zero but for its size; of the harmless kind. */
static void *fill(struct arg *arg, const struct row *row, uint32_t size)
{
	memset(arg->page, 0, ROOM);
	if (row->form == VALUE)
		return NULL;
	if (row->form == FD)
		*(int *)arg->page = arg->null;
	if (has_size(row))
		*(uint32_t *)arg->page = size;
	return arg->page;
}

static int call(FIXTURE_DATA(contract) *self, const struct row *row, uint32_t size)
{
	return fd_ioctl(self->fds[row->fd], row->cmd, fill(&self->arg, row, size));
}

TEST_F(contract, sizes)
{
	const struct row *row;

	for_each_row(row) {
		EXPECT_EQ(row->result, call(self, row, row->size)) TH_LOG("%s", row->name);
		if (!has_size(row))
			continue;
		EXPECT_EQ(-EINVAL, call(self, row, 0)) TH_LOG("%s", row->name);
		EXPECT_EQ(-EINVAL, call(self, row, 4)) TH_LOG("%s", row->name);
		EXPECT_EQ(-EINVAL, call(self, row, row->size - 1)) TH_LOG("%s", row->name);
		/* Longer, with zeroes behind. */
		EXPECT_EQ(row->result, call(self, row, row->size + 8)) TH_LOG("%s", row->name);
		EXPECT_EQ(row->result, call(self, row, 2048)) TH_LOG("%s", row->name);
	}
	EXPECT_UNCHANGED();
}

/* Longer, with something behind: VFIO takes what it knows, the native ones refuse. */
TEST_F(contract, something_behind)
{
	const struct row *row;
	int expected;

	for_each_row(row) {
		if (!has_size(row))
			continue;
		fill(&self->arg, row, 2048);
		memset(self->arg.page + 1024, 0xff, 1024);
		expected = row->form == SIZE ? -E2BIG : row->result;
		EXPECT_EQ(expected, fd_ioctl(self->fds[row->fd], row->cmd, self->arg.page)) TH_LOG("%s", row->name);
	}
	EXPECT_UNCHANGED();
}

TEST_F(contract, sizes_without_end)
{
	const struct row *row;

	for_each_row(row) {
		if (row->form != SIZE)
			continue;
		EXPECT_EQ(-E2BIG, call(self, row, 0xffffffff)) TH_LOG("%s", row->name);
	}
	EXPECT_UNCHANGED();
}

TEST_F(contract, pointers)
{
	const struct row *row;

	for_each_row(row) {
		int fd = self->fds[row->fd];

		if (row->form == VALUE)
			continue;
		EXPECT_EQ(-EFAULT, fd_ioctl(fd, row->cmd, NULL)) TH_LOG("%s", row->name);
		EXPECT_EQ(-EFAULT, fd_ioctl(fd, row->cmd, (void *)-8UL)) TH_LOG("%s", row->name);
		EXPECT_EQ(-EFAULT, fd_ioctl(fd, row->cmd, (void *)0xdead000000000000UL)) TH_LOG("%s", row->name);
		if (!has_size(row))
			continue;
		/* Its last byte is missing. */
		*(uint32_t *)(self->arg.end - row->size + 1) = row->size;
		EXPECT_EQ(-EFAULT, fd_ioctl(fd, row->cmd, self->arg.end - row->size + 1)) TH_LOG("%s", row->name);
	}
	EXPECT_UNCHANGED();
}

TEST_F(contract, flags)
{
	const struct row *row;
	uint32_t *flags;

	for_each_row(row) {
		if (!row->flags_at)
			continue;
		fill(&self->arg, row, row->size);
		flags = (void *)(self->arg.page + row->flags_at);
		*flags = row->flag;
		EXPECT_EQ(row->form == SIZE ? -EOPNOTSUPP : -EINVAL, fd_ioctl(self->fds[row->fd], row->cmd, self->arg.page))
			TH_LOG("%s", row->name);
	}
	EXPECT_UNCHANGED();
}

static bool is_row(enum fds fd, unsigned long cmd)
{
	const struct row *row;

	for_each_row(row)
		if (row->fd == fd && row->cmd == cmd)
			return true;
	return false;
}

/* Each ioctl on each other kind of fd (VFIO uses some numbers twice), on files of other kinds, and on none. */
TEST_F(contract, wrong_fds)
{
	int null = self->arg.null, efd = efd_new(), closed = fcntl(null, F_DUPFD, 500);
	const struct row *row;
	enum fds fd;

	close(closed);
	for_each_row(row) {
		void *arg = fill(&self->arg, row, row->size);

		for (fd = 0; fd < NR_FDS; fd++) {
			if (is_row(fd, row->cmd))
				continue;
			EXPECT_EQ(-ENOTTY, fd_ioctl(self->fds[fd], row->cmd, arg)) TH_LOG("%s on a %s", row->name, fd_names[fd]);
		}
		EXPECT_EQ(-ENOTTY, fd_ioctl(null, row->cmd, arg)) TH_LOG("%s", row->name);
		EXPECT_GT(0, fd_ioctl(efd, row->cmd, arg)) TH_LOG("%s", row->name);
		EXPECT_EQ(-EBADF, fd_ioctl(closed, row->cmd, arg)) TH_LOG("%s", row->name);
		EXPECT_EQ(-EBADF, fd_ioctl(-1, row->cmd, arg)) TH_LOG("%s", row->name);
	}
	EXPECT_UNCHANGED();
}

/* Every number of both types that is no ioctl of the fd. */
TEST_F(contract, unknown_numbers)
{
	unsigned int nr;
	enum fds fd;

	memset(self->arg.page, 0, ROOM);
	*(uint32_t *)self->arg.page = 64;
	for (fd = 0; fd < NR_FDS; fd++) {
		for (nr = 0; nr < 256; nr++) {
			if (!is_row(fd, _IO(VFIO_TYPE, nr))) {
				EXPECT_EQ(-ENOTTY, fd_ioctl(self->fds[fd], _IO(VFIO_TYPE, nr), self->arg.page))
					TH_LOG("VFIO %u on a %s", nr, fd_names[fd]);
			}
			if (!is_row(fd, _IO(DIRECTPATH_TYPE, nr))) {
				EXPECT_EQ(-ENOTTY, fd_ioctl(self->fds[fd], _IO(DIRECTPATH_TYPE, nr), self->arg.page))
					TH_LOG("directpath %u on a %s", nr, fd_names[fd]);
			}
		}
	}
	EXPECT_UNCHANGED();
}

/* A container without a group, and a group without a container. */
TEST_F(contract, nothing_was_done_with_them)
{
	int container = container_open(), group;
	const struct row *row;

	door_close(&self->door);
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	group = group_open(pci_group(self->edu));
	self->fds[CONTAINER] = container;
	self->fds[GROUP] = group;
	for_each_row(row) {
		if (row->fd != CONTAINER && row->fd != GROUP)
			continue;
		EXPECT_EQ(row->empty, call(self, row, row->size)) TH_LOG("%s", row->name);
	}
	EXPECT_EQ(DIRECTPATH_STATE_RESERVED, dev_state(self->edu));
}

/* The function is another's: nothing that it can be asked is answered. */
TEST_F(contract, function_was_taken_away)
{
	const struct row *row;

	vm_detach(VM, self->edu, true);
	for_each_row(row) {
		if (row->fd != DEVICE)
			continue;
		EXPECT_EQ(-ENODEV, call(self, row, row->size)) TH_LOG("%s", row->name);
		EXPECT_EQ(-ENODEV, call(self, row, 0)) TH_LOG("%s", row->name);
	}
}

/* --- closed by another thread --- */

struct caller {
	pthread_t thread;
	enum fds fd;
	atomic_int *number; /* fd that is called now */
	atomic_bool *stop;
	unsigned long calls;
	unsigned long alive;
	int wrong;
};

static bool is_expected(const struct row *row, int ret)
{
	/* The number may be free, or name a file whose neighbours are just being closed. */
	return ret == row->result || ret == row->empty || ret == -EBADF || ret == -ENODEV || ret == -EINVAL || ret == -EBUSY;
}

static void *call_all(void *arg)
{
	struct caller *caller = arg;
	uint8_t buf[ROOM];
	struct arg room = { .page = buf, .end = buf + ROOM, .null = open("/dev/null", O_RDWR) };
	const struct row *row;
	int ret;

	while (!atomic_load(caller->stop)) {
		for_each_row(row) {
			if (row->fd != caller->fd)
				continue;
			ret = fd_ioctl(atomic_load(caller->number), row->cmd, fill(&room, row, row->size));
			caller->calls++;
			caller->alive += ret != -EBADF;
			if (!is_expected(row, ret) && !caller->wrong) {
				fprintf(stderr, "# %s: %d\n", row->name, ret);
				caller->wrong = ret;
			}
		}
	}
	close(room.null);
	return NULL;
}

/* A number that no other file gets while this test runs: a call that comes late must not meet a file of the next round. */
static void publish(atomic_int *number, int *fd, int unique)
{
	int moved = fcntl(*fd, F_DUPFD, unique);

	dp_assert(moved == unique, "fd %d is %d: %m", unique, moved);
	close(*fd);
	*fd = moved;
	atomic_store(number, moved);
}

/* A call that is under way keeps a file open for a moment after close(). */
static bool group_is_free(int set)
{
	int fd = __group_open(set);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Four threads call everything that there is on four fds, which are opened and closed meanwhile. */
TEST_F_TIMEOUT(contract, closed_meanwhile, 120)
{
	unsigned int round, rounds = proc_rounds(15), i;
	struct caller callers[NR_FDS];
	atomic_int numbers[NR_FDS];
	atomic_bool stop = false;
	struct door door;
	int vm_fd;

	close(self->fds[VM_FD]);
	door_close(&self->door);
	for (i = 0; i < NR_FDS; i++) {
		numbers[i] = -1;
		callers[i] = (struct caller){ .fd = i, .number = &numbers[i], .stop = &stop };
		ASSERT_EQ(0, pthread_create(&callers[i].thread, NULL, call_all, &callers[i]));
	}
	for (round = 0; round < rounds; round++) {
		ASSERT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
		ASSERT_TRUE(wait_until(group_is_free(pci_group(self->edu)), SETTLE_MS));
		ASSERT_TRUE(wait_until((vm_fd = __vm_open(OTHER)) >= 0, SETTLE_MS));
		door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
		publish(&numbers[CONTAINER], &door.container, 500 + NR_FDS * round);
		publish(&numbers[GROUP], &door.group, 501 + NR_FDS * round);
		publish(&numbers[DEVICE], &door.fd, 502 + NR_FDS * round);
		publish(&numbers[VM_FD], &vm_fd, 503 + NR_FDS * round);
		usleep(5000 + 1000 * (round % 7));
		close(vm_fd);
		door_close(&door);
	}
	atomic_store(&stop, true);
	for (i = 0; i < NR_FDS; i++) {
		pthread_join(callers[i].thread, NULL);
		EXPECT_EQ(0, callers[i].wrong) TH_LOG("%s", fd_names[i]);
		EXPECT_LT(rounds, callers[i].alive) TH_LOG("%s: %lu calls, %lu met a file", fd_names[i], callers[i].calls, callers[i].alive);
	}
	EXPECT_TRUE(dev_reaches(self->edu, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	EXPECT_TRUE(vm_is_empty(OTHER, SETTLE_MS));
}

HOST_MAIN(HOST_VFIO)
