// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on request in the runs of a VM and in what it asks of a function, but for its memory and its interrupts.
 */
#include "failing.h"

#include <sys/mman.h>

FIXTURE_VARIANT_ADD(failing, edu) FAILING_EDU;
FIXTURE_VARIANT_ADD(failing, e1000e) FAILING_E1000E;

/* --- runs --- */

static int act_open_vm(FIXTURE_DATA(failing) *self)
{
	int fd = __vm_open(VM);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static const struct action open_vm_action = { ATTACHED, NULL, act_open_vm, nothing_done };

/* The first minor number is the one that the table of open VMs has room for without memory. */
TEST_F_TIMEOUT(failing, open_vm, 600)
{
	vm_new(OTHER, NULL);
	sweep(_metadata, self, &open_vm_action);
}

static const struct action run_action = { OPENED, NULL, act_run, run_done };
SWEEP(run, 1800)

static const struct action revoke_action = { OPENED, prepare_revoke, act_revoke, revoke_done };
SWEEP(revoke, 1800)

/* The space has maps before the function comes: they are made in its domain as it is opened. */
static void prepare_late(FIXTURE_DATA(failing) *self)
{
	space_map(self->vm_fd, self->mem, IOVA, self->size, SPACE_RW);
}

static int act_late(FIXTURE_DATA(failing) *self)
{
	self->fd = __vm_device(self->vm_fd, self->address);
	return self->fd < 0 ? self->fd : 0;
}

static void late_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (ret)
		EXPECT_EQ(0, act_late(self));
	device_enable(self->fd);
	if (self->is_edu)
		edu_map(&self->edu, self->fd);
	check_dma(_metadata, self, true);
	close_device(self);
	space_unmap(self->vm_fd, IOVA, self->size);
	EXPECT_TRUE(wait_until(at_rest(self), SETTLE_MS));
	run_done(_metadata, self, ret);
}

static const struct action late_action = { OPENED, prepare_late, act_late, late_done };
SWEEP(late, 1800)

static int act_ranges(FIXTURE_DATA(failing) *self)
{
	struct directpath_space_info space = { .size = sizeof(space) };
	struct directpath_vm_info vm = { .size = sizeof(vm) };
	struct directpath_iova_range out[16];
	struct directpath_iova_ranges ranges = { .size = sizeof(ranges), .num_ranges = 16, .ranges = (uintptr_t)out };
	int ret;

	ret = fd_ioctl(self->vm_fd, DIRECTPATH_VM_INFO, &vm);
	if (!ret)
		ret = fd_ioctl(self->vm_fd, DIRECTPATH_SPACE_INFO, &space);
	if (!ret)
		ret = fd_ioctl(self->vm_fd, DIRECTPATH_IOVA_RANGES, &ranges);
	return ret;
}

static const struct action ranges_action = { RUNNING, NULL, act_ranges, nothing_done };
SWEEP(ranges, 300)

/* --- BARs and registers --- */

static int act_touch(FIXTURE_DATA(failing) *self)
{
	uint32_t word;
	int ret;

	self->bar = __device_mmap(self->fd, 0, 2 * PAGE);
	if (self->bar == MAP_FAILED)
		return -errno;
	/* A fault that gets no memory is taken again: it never ends in a signal. */
	word = self->bar[0];
	ret = word == ~0U ? -EIO : 0;
	munmap((void *)self->bar, 2 * PAGE);
	return ret;
}

static const struct action touch_action = { RUNNING, NULL, act_touch, nothing_done };
SWEEP(touch, 600)

static int act_doorbell(FIXTURE_DATA(failing) *self)
{
	struct vfio_device_ioeventfd bell = { .argsz = sizeof(bell), .flags = 4, .data = 5, .offset = self->is_edu ? EDU_ALIVE : 0x10 };

	bell.fd = self->efds[2];
	return fd_ioctl(self->fd, VFIO_DEVICE_IOEVENTFD, &bell);
}

static void doorbell_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vfio_device_ioeventfd bell = { .argsz = sizeof(bell), .flags = 4, .data = 5, .offset = self->is_edu ? EDU_ALIVE : 0x10, .fd = -1 };

	if (ret)
		EXPECT_EQ(0, act_doorbell(self));
	efd_signal(self->efds[2]);
	if (self->is_edu)
		EXPECT_TRUE(wait_until(edu_read(&self->edu, EDU_ALIVE) == ~5U, SETTLE_MS));
	EXPECT_EQ(0, fd_ioctl(self->fd, VFIO_DEVICE_IOEVENTFD, &bell));
	efd_wait(self->efds[2], 0);
}

static const struct action doorbell_action = { RUNNING, NULL, act_doorbell, doorbell_done };
SWEEP(doorbell, 600)

static int act_registers(FIXTURE_DATA(failing) *self)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info region;
	struct vfio_irq_info irq;
	uint32_t word;
	ssize_t got;
	int ret;

	ret = fd_ioctl(self->fd, VFIO_DEVICE_GET_INFO, &info);
	if (!ret)
		ret = __device_region(self->fd, 0, &region);
	if (!ret)
		ret = __device_irq_info(self->fd, VFIO_PCI_MSI_IRQ_INDEX, &irq);
	if (ret)
		return ret;
	got = __device_read(self->fd, 0, 0, &word, 4);
	if (got == 4)
		got = __device_read(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4);
	if (got == 4)
		got = __device_write(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, PCI_INTERRUPT_LINE, &word, 1) == 1 ? 4 : -EFAULT;
	/* A bit that is not the guest's is counted. */
	if (got == 4)
		got = __device_write(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4);
	return got == 4 ? 0 : got < 0 ? got : -EIO;
}

static void registers_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (ret)
		EXPECT_TRUE(ret == -EFAULT || ret == -ENOMEM) TH_LOG("it says %d", ret);
	EXPECT_EQ(0, act_registers(self));
}

static const struct action registers_action = { RUNNING, NULL, act_registers, registers_done };
SWEEP(registers, 300)

/* A dword that nobody has written gets a counter of its own: without memory it is not counted, and the write is done. */
static void prepare_count(FIXTURE_DATA(failing) *self)
{
	self->offset += self->is_edu ? 4 : PCI_CFG_SPACE_SIZE;
}

static int act_count(FIXTURE_DATA(failing) *self)
{
	uint32_t word = 0;
	ssize_t got = __device_write(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, self->offset, &word, 4);

	return got == 4 ? 0 : got < 0 ? got : -EIO;
}

static void count_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct dev_register reg;

	if (ret)
		EXPECT_EQ(-EFAULT, ret);
	EXPECT_EQ(0, act_count(self));
	EXPECT_TRUE(dev_register(self->address, self->offset, &reg));
	EXPECT_EQ(inject_fired() ? 1 : 2, reg.writes);
}

static const struct action count_action = { RUNNING, prepare_count, act_count, count_done };

TEST_F_TIMEOUT(failing, count, 600)
{
	/* Past what the others write; in an extended config space each 256 bytes have a node of their own in the table of counters. */
	self->offset = self->is_edu ? PCI_STD_HEADER_SIZEOF : 0;
	sweep(_metadata, self, &count_action);
}

/* What no device here has is answered, whatever else fails. */
static int act_lacking(FIXTURE_DATA(failing) *self)
{
	struct vfio_device_feature feature = { .argsz = sizeof(feature), .flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET };
	struct directpath_set_bar bar = { .size = sizeof(bar), .flags = DIRECTPATH_BAR_WC };
	int ret;

	ret = fd_ioctl(self->fd, VFIO_DEVICE_FEATURE, &feature);
	if (ret != -ENOTTY)
		return ret ?: -EIO;
	return refused(fd_ioctl(self->fd, DIRECTPATH_DEVICE_SET_BAR, &bar));
}

static const struct action lacking_action = { RUNNING, NULL, act_lacking, nothing_done };
SWEEP(lacking, 300)

static int act_device_reset(FIXTURE_DATA(failing) *self)
{
	return self->is_edu ? refused(__device_reset(self->fd)) : __device_reset(self->fd);
}

static void device_reset_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	EXPECT_EQ(0, act_device_reset(self));
	device_enable(self->fd);
}

static const struct action device_reset_action = { RUNNING, NULL, act_device_reset, device_reset_done };
SWEEP(device_reset, 900)

FAILING_MAIN(HOST_DP)
