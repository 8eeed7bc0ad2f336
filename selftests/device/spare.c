// SPDX-License-Identifier: GPL-2.0
/*
 * spare BDF [ROUNDS]: what can be tested of directpath with any function that has nothing else to do, on a real host too (see ../run). No registers of it
 * are touched but those of config space; nothing is known about its DMA. The module is loaded. Results are TAP; what was done is undone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-spare"
#define IOVA (1ULL << 32)
#define MSI_WINDOW 0xfee00000ULL
#define CONFIG VFIO_PCI_CONFIG_REGION_INDEX
#define COMMAND 4
#define VECTORS 4
#define SOON_MS 2000
#define BIG (64UL << 20)
#define SIZE_IN_VM (4 * PAGE)

static const char *address;
static char old_driver[32], old_override[64], old_policy[64];
static unsigned int number, failed;

static void result(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void result(bool good, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("%s %u ", good ? "ok" : "not ok", ++number);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	failed += !good;
}

static void skip(const char *what, const char *why)
{
	printf("ok %u %s # SKIP %s\n", ++number, what, why);
}

/* What the function does not have cannot be wrong. */
static void absent(const char *what)
{
	result(true, "%s: the function has none", what);
}

static struct dev_info info_now(void)
{
	struct dev_info info;

	dev_get(address, &info);
	return info;
}

static bool reserved(void)
{
	return dev_reaches(address, DIRECTPATH_STATE_RESERVED, 90000);
}

/* --- what the fd shows --- */

/* Start and end of a line of the sysfs file `resource'. */
static uint64_t sysfs_size(unsigned int index)
{
	unsigned long long first = 0, last = 0;
	char path[PATH_MAX], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", address);
	file = fopen(path, "r");
	dp_assert(file, "%s: %s", path, strerror(errno));
	do
		dp_assert(fgets(line, sizeof(line), file), "%s has no line %u", path, index);
	while (index--);
	fclose(file);
	dp_assert(sscanf(line, "%llx %llx", &first, &last) == 2, "%s", line);
	return last ? last - first + 1 : 0;
}

static void check_regions(int fd)
{
	struct vfio_region_info region;
	unsigned int i, wrong = 0;

	for (i = 0; i < 6; i++) {
		device_region(fd, i, &region);
		/* The upper half of a 64-bit BAR has no region of its own, nor a line in sysfs. */
		wrong += region.size != sysfs_size(i);
	}
	result(!wrong, "regions of the BARs have the sizes that sysfs shows");
	device_region(fd, CONFIG, &region);
	result(region.size == 256 || region.size == 4096, "config space has %llu bytes", (unsigned long long)region.size);
}

static void check_config(int fd)
{
	uint32_t id = device_config_read(fd, 0, 4), bar, mask, word;

	result(id == pci_config_read(address, 0, 4), "vendor and device are the hardware's");
	result(device_config_read(fd, 8, 4) == pci_config_read(address, 8, 4), "class and revision too");
	bar = device_config_read(fd, 0x10, 4);
	device_config_write(fd, 0x10, 4, ~0U);
	mask = device_config_read(fd, 0x10, 4);
	device_config_write(fd, 0x10, 4, bar);
	result(!sysfs_size(0) || (~(mask & ~0xfU) + 1 == (uint32_t)sysfs_size(0) || sysfs_size(0) > 1ULL << 31 || mask & 1),
	       "BAR 0 can be sized by the guest");
	result(device_config_read(fd, 0x10, 4) == bar, "and put back");
	result(__device_read(fd, CONFIG, 1 << 20, &word, 4) == -EINVAL, "there is nothing behind config space");
}

/* As a guest's kernel would walk them. */
static bool lists_end(int fd, unsigned int *hidden)
{
	unsigned int pos = device_config_read(fd, 0x34, 1) & ~3U, steps = 0;
	struct vfio_region_info region;
	uint32_t header;

	for (; pos && steps < 100; steps++)
		pos = device_config_read(fd, pos + 1, 1) & ~3U;
	if (steps == 100)
		return false;
	device_region(fd, CONFIG, &region);
	if (region.size <= 256)
		return true;
	for (pos = 0x100; pos && steps < 1200; steps++) {
		header = device_config_read(fd, pos, 4);
		switch (header & 0xffff) {
		case 0x0f: /* ATS */
		case 0x10: /* SR-IOV */
		case 0x13: /* PRI */
		case 0x1b: /* PASID */
			++*hidden;
		}
		pos = header >> 20 & ~3U;
	}
	return steps < 1200;
}

static void check_capabilities(int fd)
{
	unsigned int hidden = 0;

	result(lists_end(fd, &hidden), "both capability lists end");
	result(!hidden, "ATS, PRI, PASID and SR-IOV are not shown");
}

/* --- interrupts, as if the function had raised them --- */

static void check_irqs(int fd, unsigned int kind, const char *name)
{
	struct vfio_irq_info info;
	int efds[VECTORS], wrong = 0;
	unsigned int nr, i, j;

	if (__device_irq_info(fd, kind, &info) || !info.count) {
		absent(name);
		return;
	}
	nr = info.count < VECTORS ? info.count : VECTORS;
	for (i = 0; i < nr; i++)
		efds[i] = efd_new();
	if (__irq_trigger(fd, kind, 0, nr, efds)) {
		result(false, "%s: %u vectors are enabled: %s", name, nr, strerror(errno));
		return;
	}
	for (i = 0; i < nr; i++) {
		wrong += __irq_loopback(fd, kind, i, 1) != 0;
		wrong += efd_wait(efds[i], SOON_MS) < 1;
		for (j = 0; j < nr; j++)
			wrong += j != i && kind != VFIO_PCI_INTX_IRQ_INDEX && efd_wait(efds[j], 0);
	}
	irq_disable(fd, kind);
	result(!wrong, "%s: each of %u vectors arrives at its eventfd", name, nr);
	for (i = 0; i < nr; i++)
		close(efds[i]);
}

/* --- memory --- */

static void check_memory(int vm, enum mem_kind kind, const char *name)
{
	void *mem = mem_new(kind, BIG);
	struct vm_info info;
	uint64_t done = 0;
	int ret;

	if (!mem) {
		skip(name, "the host has none");
		return;
	}
	ret = __space_map(vm, mem, IOVA, BIG, SPACE_RW);
	vm_get(VM, &info);
	result(!ret && info.mapped == BIG, "%s: %lu MiB mapped", name, BIG >> 20);
	result(__space_map(vm, mem, IOVA + BIG - PAGE, PAGE, SPACE_RW) == -EEXIST, "%s: not twice", name);
	ret = __space_unmap(vm, IOVA, BIG, &done);
	result(!ret && done == BIG && vm_is_empty(VM, SOON_MS), "%s: unmapped, nothing is pinned", name);
	mem_free(mem, BIG);
}

static void check_maps(int vm)
{
	char *page = mem_new(MEM_ANON, PAGE);

	check_memory(vm, MEM_ANON, "4K pages");
	check_memory(vm, MEM_THP, "transparent huge pages");
	check_memory(vm, MEM_MEMFD, "memfd");
	result(__space_map(vm, page, MSI_WINDOW, PAGE, SPACE_RW) < 0, "the MSI window cannot be mapped");
	mem_free(page, PAGE);
}

/* --- BARs --- */

static void check_bars(int fd)
{
	struct vfio_region_info region;
	volatile uint32_t *bar;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		device_region(fd, i, &region);
		if (region.flags & VFIO_REGION_INFO_FLAG_MMAP)
			break;
	}
	if (i == 6) {
		absent("BARs that can be mapped");
		return;
	}
	device_config_write(fd, COMMAND, 2, 0);
	bar = device_mmap(fd, i, PAGE);
	result(bar[0] == ~0U, "BAR %u: ones while decode is off", i);
	bar[0] = 0;
	result(wait_until(bar[0] == ~0U, SOON_MS), "and again after a store");
	munmap((void *)bar, PAGE);
}

/* --- runs --- */

static void check_reset(int fd)
{
	struct vfio_device_info info;
	uint64_t start = now_ms();

	device_info(fd, &info);
	if (!(info.flags & VFIO_DEVICE_FLAGS_RESET)) {
		absent("reset");
		return;
	}
	result(!__device_reset(fd), "reset in %llu ms", (unsigned long long)(now_ms() - start));
}

static void check_run(void)
{
	uint64_t resets = info_now().resets, start;
	struct vm_info vm;
	int vm_fd, fd;

	vm_fd = vm_open(VM);
	fd = vm_device(vm_fd, address);
	vm_get(VM, &vm);
	result(dev_state(address) == DIRECTPATH_STATE_RUNNING && vm.pid == (uint32_t)getpid(), "opened by this process");
	check_regions(fd);
	check_config(fd);
	check_capabilities(fd);
	check_irqs(fd, VFIO_PCI_INTX_IRQ_INDEX, "INTx");
	check_irqs(fd, VFIO_PCI_MSI_IRQ_INDEX, "MSI");
	check_irqs(fd, VFIO_PCI_MSIX_IRQ_INDEX, "MSI-X");
	check_maps(vm_fd);
	check_bars(fd);
	check_reset(fd);
	close(fd);
	close(vm_fd);
	start = now_ms();
	result(reserved(), "closed, reset, verified and reserved after %llu ms", (unsigned long long)(now_ms() - start));
	result(info_now().resets >= resets, "%llu resets in all", (unsigned long long)info_now().resets);
	result(!(pci_config_read(address, COMMAND, 2) & 4), "bus master is off");
}

static void live(struct peer *self, void *arg)
{
	char *mem = mem_new(MEM_ANON, SIZE_IN_VM);
	int vm_fd, fd;

	(void)arg;
	peer_tell(self, 'b');
	for (;;) {
		vm_fd = vm_open(VM);
		fd = vm_device(vm_fd, address);
		space_map(vm_fd, mem, IOVA, SIZE_IN_VM, SPACE_RW);
		device_enable(fd);
		close(fd);
		close(vm_fd);
	}
}

static void check_deaths(unsigned int rounds)
{
	uint64_t seed = proc_seed(), state = seed;
	unsigned int i, bad = 0;
	struct peer peer;

	for (i = 0; i < rounds && !bad; i++) {
		peer_start(&peer, live, NULL);
		bad += peer_hear(&peer, SETTLE_MS) != 'b';
		usleep(proc_random(&state, 300000));
		peer_kill(&peer);
		bad += !reserved() || !vm_is_empty(VM, SETTLE_MS);
	}
	result(!bad, "a VMM killed %u times (DP_SEED=%llu): reserved each time, nothing pinned", i, (unsigned long long)seed);
}

static void check_revoke(void)
{
	int vm_fd = vm_open(VM), fd = vm_device(vm_fd, address);
	struct vfio_device_info info = { .argsz = sizeof(info) };

	vm_detach(VM, address, true);
	result(fd_ioctl(fd, VFIO_DEVICE_GET_INFO, &info) == -ENODEV, "taken away: the fd is dead");
	result(dev_reaches(address, DIRECTPATH_STATE_READY, 90000), "and the function clean");
	close(fd);
	close(vm_fd);
}

/* --- all of it --- */

static bool begin(void)
{
	struct dev_info info = info_now();
	int ret;

	pci_driver(address, old_driver, sizeof(old_driver));
	pci_override(address, old_override, sizeof(old_override));
	snprintf(old_policy, sizeof(old_policy), "%s", info.policy);
	if (info.state != DIRECTPATH_STATE_HOST) {
		result(false, "%s is %s: give it back first (directpath dev release)", address, dev_state_name(info.state));
		return false;
	}
	ret = __dev_claim(address, DEV_UNBIND, 0);
	result(!ret, "claimed%s%s", ret ? ": " : " from ", ret ? ctl_last.text : old_driver[0] ? old_driver : "no driver");
	if (ret)
		return false;
	result(dev_state(address) == DIRECTPATH_STATE_READY, "ready, grade and methods: %c, %s", "-ABCD"[info.grade % 5], info.methods);
	vm_new(VM, NULL);
	vm_attach(VM, address);
	result(dev_state(address) == DIRECTPATH_STATE_RESERVED, "reserved");
	return true;
}

static void end(void)
{
	char override[64];

	vm_del(VM);
	dev_release(address, 0, 0);
	result(wait_until(pci_driver_is(address, old_driver), SETTLE_MS), "released to %s", old_driver[0] ? old_driver : "no driver");
	pci_override(address, override, sizeof(override));
	result(!strcmp(override, old_override), "driver_override is as it was");
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: spare BDF [ROUNDS]\n");
		return 2;
	}
	address = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (begin()) {
		check_run();
		check_deaths(argc > 2 ? atoi(argv[2]) : 10);
		check_revoke();
		end();
	}
	printf("1..%u\n", number);
	return failed ? 1 : 0;
}
