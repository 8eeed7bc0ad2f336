// SPDX-License-Identifier: GPL-2.0
/*
 * A display that the host booted with: what is said about it, what a claim by force does to its framebuffer, and the legacy VGA ranges of its owner.
 */
#include "kselftest_harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-vga"
#define VGA_SIZE 0xc0000
#define MISC_READ 0x3cc
#define DAC_READ 0x3c7
#define DAC_WRITE 0x3c8
#define DAC_DATA 0x3c9
#define BOTH (DEV_FORCE(BAR_BOOTFB) | DEV_FORCE(CONSOLE_GPU))

FIXTURE(vga) {
	const char *address;
	int vm;
	int fd;
};

FIXTURE_SETUP(vga)
{
	ASSERT_EQ(0, host_restore());
	self->address = pci_env("DP_VGA");
	if (!self->address)
		SKIP(return, "no display on this machine");
	dev_set_policy(self->address, "none");
}

FIXTURE_TEARDOWN_PARENT(vga)
{
	EXPECT_EQ(0, host_restore());
}

static bool has_reason(const char *address, uint32_t code)
{
	struct dev_info info;
	unsigned int i;

	dev_get(address, &info);
	for (i = 0; i < info.nr_reasons; i++)
		if (info.reasons[i].code == code)
			return true;
	return false;
}

static bool host_has_framebuffer(void)
{
	return !access("/sys/class/graphics/fb0", F_OK);
}

/* First of all: its framebuffer does not come back in this boot. */
TEST_F(vga, evicts_the_framebuffer_by_force_only)
{
	ASSERT_TRUE(host_has_framebuffer());
	EXPECT_TRUE(has_reason(self->address, DIRECTPATH_REASON_BAR_BOOTFB));
	EXPECT_TRUE(has_reason(self->address, DIRECTPATH_REASON_CONSOLE_GPU));
	EXPECT_EQ(-EPERM, __dev_claim(self->address, 0, 0));
	EXPECT_EQ(-EPERM, __dev_claim(self->address, 0, DEV_FORCE(CONSOLE_GPU)));
	EXPECT_TRUE(host_has_framebuffer());
	EXPECT_EQ(DIRECTPATH_STATE_HOST, dev_state(self->address));

	dev_claim(self->address, 0, BOTH);
	EXPECT_FALSE(host_has_framebuffer());
	EXPECT_FALSE(has_reason(self->address, DIRECTPATH_REASON_BAR_BOOTFB));
	EXPECT_EQ(DIRECTPATH_STATE_READY, dev_state(self->address));
}

static void run(FIXTURE_DATA(vga) *self)
{
	dev_claim(self->address, 0, BOTH);
	vm_new(VM, NULL);
	vm_attach(VM, self->address);
	self->vm = vm_open(VM);
	self->fd = vm_device(self->vm, self->address);
	device_enable(self->fd);
}

static ssize_t vga_read(int fd, uint64_t at, void *buf, size_t size)
{
	return __device_read(fd, VFIO_PCI_VGA_REGION_INDEX, at, buf, size);
}

static ssize_t vga_write(int fd, uint64_t at, const void *buf, size_t size)
{
	return __device_write(fd, VFIO_PCI_VGA_REGION_INDEX, at, buf, size);
}

static uint8_t in(int fd, uint16_t port)
{
	uint8_t byte = 0;

	dp_assert(vga_read(fd, port, &byte, 1) == 1, "port %#x: %s", port, strerror(errno));
	return byte;
}

static void out(int fd, uint16_t port, uint8_t byte)
{
	dp_assert(vga_write(fd, port, &byte, 1) == 1, "port %#x: %s", port, strerror(errno));
}

TEST_F(vga, ports)
{
	struct vfio_region_info info;
	unsigned int i;

	run(self);
	ASSERT_EQ(0, __device_region(self->fd, VFIO_PCI_VGA_REGION_INDEX, &info));
	EXPECT_EQ(VGA_SIZE, info.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE, info.flags);
	EXPECT_NE(0xff, in(self->fd, MISC_READ));

	/* A colour of the palette, written and read back through its index registers. */
	out(self->fd, DAC_WRITE, 200);
	for (i = 0; i < 3; i++)
		out(self->fd, DAC_DATA, 10 + i);
	out(self->fd, DAC_READ, 200);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(10 + i, in(self->fd, DAC_DATA));
}

/* Sequencer and graphics controller such that the window at 0xa0000 is plain memory. */
static void make_linear(int fd)
{
	static const uint8_t seq[][2] = { { 0x02, 0x0f }, { 0x04, 0x0e } }, gfx[][2] = { { 0x05, 0x40 }, { 0x06, 0x05 }, { 0x08, 0xff } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(seq); i++) {
		out(fd, 0x3c4, seq[i][0]);
		out(fd, 0x3c5, seq[i][1]);
	}
	for (i = 0; i < ARRAY_SIZE(gfx); i++) {
		out(fd, 0x3ce, gfx[i][0]);
		out(fd, 0x3cf, gfx[i][1]);
	}
}

TEST_F(vga, window)
{
	uint32_t word = 0x12345678, seen = 0;
	uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, back[8] = {};

	run(self);
	make_linear(self->fd);
	EXPECT_EQ(4, vga_write(self->fd, 0xa0100, &word, 4));
	EXPECT_EQ(4, vga_read(self->fd, 0xa0100, &seen, 4));
	EXPECT_EQ(word, seen);
	EXPECT_EQ(8, vga_write(self->fd, 0xa0201, bytes, 8));
	EXPECT_EQ(8, vga_read(self->fd, 0xa0201, back, 8));
	EXPECT_EQ(0, memcmp(bytes, back, 8));
}

TEST_F(vga, outside_of_the_ranges)
{
	uint8_t bytes[64];

	run(self);
	EXPECT_EQ(-EINVAL, vga_read(self->fd, 0, bytes, 1));
	EXPECT_EQ(-EINVAL, vga_read(self->fd, 0x3bc, bytes, 1));
	EXPECT_EQ(-EINVAL, vga_read(self->fd, 0x9ffff, bytes, 1));
	EXPECT_EQ(-EINVAL, vga_read(self->fd, VGA_SIZE, bytes, 1));
	EXPECT_EQ(-EINVAL, vga_write(self->fd, 0x3e0, bytes, 1));
	/* As far as the range goes. */
	EXPECT_EQ(16, vga_read(self->fd, 0xbfff0, bytes, 64));
	EXPECT_EQ(MAP_FAILED, __device_mmap(self->fd, VFIO_PCI_VGA_REGION_INDEX, PAGE));
}

TEST_F(vga, ends_with_the_lease)
{
	uint8_t byte = 0;

	run(self);
	vm_detach(VM, self->address, true);
	EXPECT_EQ(-ENODEV, vga_read(self->fd, MISC_READ, &byte, 1));
	EXPECT_EQ(-ENODEV, vga_write(self->fd, DAC_WRITE, &byte, 1));
}

HOST_MAIN(HOST_DP)
