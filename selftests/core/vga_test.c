// SPDX-License-Identifier: GPL-2.0
/*
 * A display that the host booted with: what is said about it, what a claim by force does to its framebuffer, and the legacy VGA ranges of its owner. And
 * option ROMs, which displays have.
 */
#include "kselftest_harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
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

/* --- option ROM --- */

#define ROM VFIO_PCI_ROM_REGION_INDEX
#define ROM_RESOURCE 6
#define SHADOW 0x2 /* IORESOURCE_ROM_SHADOW */

/* The boot display's is the copy that firmware left in memory; that of a card in the empty slot is in a BAR of its own. */
FIXTURE(rom) {
	const char *address;
	uint8_t *host; /* what sysfs shows */
	size_t image;
	size_t size;
};

FIXTURE_VARIANT(rom) {
	bool shadow;
};

FIXTURE_VARIANT_ADD(rom, shadow) {
	.shadow = true,
};

FIXTURE_VARIANT_ADD(rom, bar) {
	.shadow = false,
};

static const char *plug_card(void)
{
	const char *address = getenv("DP_HOTPLUG");

	dp_assert(qmp("device_add driver=edu id=hot bus=rp5 romfile=vgabios-stdvga.bin") && wait_until(pci_settled(address), SETTLE_MS),
		  "no card in the slot");
	/* Its ROM answers only then. */
	pci_config_set(address, PCI_COMMAND, PCI_COMMAND_MEMORY);
	return address;
}

static FILE *open_attribute(const char *address, const char *name, const char *mode)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	file = fopen(path, mode);
	dp_assert(file, "%s: %s", path, strerror(errno));
	return file;
}

/* Bounds and flags of the ROM as the kernel has them. */
static void rom_resource(const char *address, uint64_t *start, size_t *size, uint64_t *flags)
{
	FILE *file = open_attribute(address, "resource", "r");
	uint64_t end = 0;
	unsigned int i;

	for (i = 0; i <= ROM_RESOURCE; i++)
		dp_assert(fscanf(file, "%lx %lx %lx", start, &end, flags) == 3, "resource %u of %s", i, address);
	fclose(file);
	*size = end - *start + 1;
}

/* What the host reads, while the function is still its own; how long that is. */
static size_t host_rom(const char *address, uint8_t *buf, size_t size)
{
	FILE *file = open_attribute(address, "rom", "r+");

	dp_assert(fputc('1', file) != EOF && !fflush(file), "the ROM of %s stays off", address);
	fclose(file);
	file = open_attribute(address, "rom", "r");
	size = fread(buf, 1, size, file);
	fclose(file);
	return size;
}

FIXTURE_SETUP(rom)
{
	uint64_t start, flags;

	ASSERT_EQ(0, host_restore());
	self->address = pci_env("DP_VGA");
	if (!self->address)
		SKIP(return, "no display on this machine");
	if (!variant->shadow)
		self->address = plug_card();
	rom_resource(self->address, &start, &self->size, &flags);
	ASSERT_EQ(variant->shadow, !!(flags & SHADOW));
	if (variant->shadow)
		ASSERT_EQ(0xc0000, start);
	self->host = malloc(self->size);
	self->image = host_rom(self->address, self->host, self->size);
	ASSERT_LT(512, self->image);
	ASSERT_EQ(0x55, self->host[0]);
	ASSERT_EQ(0xaa, self->host[1]);
	dev_set_policy(self->address, "none");
}

FIXTURE_TEARDOWN_PARENT(rom)
{
	EXPECT_EQ(0, host_restore());
	if (variant->shadow)
		return;
	EXPECT_TRUE(qmp("device_del id=hot"));
	EXPECT_TRUE(wait_until(!pci_present(getenv("DP_HOTPLUG")), SETTLE_MS));
}

static int run_card(FIXTURE_DATA(rom) *self)
{
	dev_claim(self->address, 0, BOTH);
	vm_new(VM, NULL);
	vm_attach(VM, self->address);
	return vm_device(vm_open(VM), self->address);
}

static bool all_ones(const uint8_t *buf, size_t size)
{
	while (size && *buf == 0xff) {
		buf++;
		size--;
	}
	return !size;
}

TEST_F(rom, is_what_the_host_reads)
{
	struct vfio_region_info info;
	uint8_t *seen = malloc(self->size), byte = 0;
	uint32_t word = 0;
	uint16_t half = 0;
	int fd;

	fd = run_card(self);
	ASSERT_EQ(0, __device_region(fd, ROM, &info));
	EXPECT_EQ(self->size, info.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ, info.flags);
	device_config_write(fd, PCI_COMMAND, 2, 0);
	ASSERT_EQ(self->size, __device_read(fd, ROM, 0, seen, self->size));
	EXPECT_TRUE(all_ones(seen, self->size));
	device_enable(fd);
	ASSERT_EQ(self->size, __device_read(fd, ROM, 0, seen, self->size));
	EXPECT_EQ(0, memcmp(seen, self->host, self->image));
	EXPECT_TRUE(all_ones(seen + self->image, self->size - self->image));
	/* In pieces of each width, and at odd places. */
	EXPECT_EQ(1, __device_read(fd, ROM, 1, &byte, 1));
	EXPECT_EQ(0xaa, byte);
	EXPECT_EQ(2, __device_read(fd, ROM, 0, &half, 2));
	EXPECT_EQ(0xaa55, half);
	EXPECT_EQ(4, __device_read(fd, ROM, 0x1d, &word, 4));
	EXPECT_EQ(0, memcmp(&word, self->host + 0x1d, 4));
	/* As far as it goes. */
	EXPECT_EQ(2, __device_read(fd, ROM, self->size - 2, &word, 4));
	EXPECT_EQ(-EINVAL, __device_read(fd, ROM, self->size, &byte, 1));
}

TEST_F(rom, is_read_only)
{
	uint32_t word = 0, seen = 0;
	int fd;

	fd = run_card(self);
	device_enable(fd);
	EXPECT_EQ(-EINVAL, __device_write(fd, ROM, 0, &word, 4));
	EXPECT_EQ(MAP_FAILED, __device_mmap(fd, ROM, PAGE));
	EXPECT_EQ(4, __device_read(fd, ROM, 0, &seen, 4));
	EXPECT_EQ(0, memcmp(&seen, self->host, 4));
	vm_detach(VM, self->address, true);
	EXPECT_EQ(-ENODEV, __device_read(fd, ROM, 0, &seen, 4));
}

/* The size that a guest finds is the one that it is told. */
TEST_F(rom, register)
{
	uint32_t old, mask;
	int fd;

	fd = run_card(self);
	old = device_config_read(fd, PCI_ROM_ADDRESS, 4);
	device_config_write(fd, PCI_ROM_ADDRESS, 4, PCI_ROM_ADDRESS_MASK);
	mask = device_config_read(fd, PCI_ROM_ADDRESS, 4);
	EXPECT_EQ(self->size, -(mask & PCI_ROM_ADDRESS_MASK));
	device_config_write(fd, PCI_ROM_ADDRESS, 4, old | PCI_ROM_ADDRESS_ENABLE);
	EXPECT_EQ(old | PCI_ROM_ADDRESS_ENABLE, device_config_read(fd, PCI_ROM_ADDRESS, 4));
	/* The host's own register does not move. */
	EXPECT_EQ(0, pci_config_read(self->address, PCI_ROM_ADDRESS, 4) & PCI_ROM_ADDRESS_ENABLE);
}

HOST_MAIN(HOST_DP)
