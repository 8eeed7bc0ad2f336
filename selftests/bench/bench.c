// SPDX-License-Identifier: GPL-2.0
/*
 * bench GROUP BDF GROUP BDF: what calls of the VFIO interface cost, whoever serves it; the second function is an ivshmem, for its large BAR. Prints
 * lines "case value unit" (a case has spaces in it), the best of a few repetitions each; lines with # are remarks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "assert.h"
#include "device.h"
#include "door.h"
#include "irq.h"
#include "mem.h"

/* Above the window of the interrupts */
#define IOVA (4ULL << 30)
#define BULK (256UL << 20)
#define BULK_TIMES 5
#define BAR 2
#define BAR_SIZE (256UL << 20)
#define BAR_TIMES 3
#define SEPARATE 100000
#define SEPARATE_TIMES 3
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX
#define SOON_MS 5000
#define NEVER 1e18

/**
 * struct rig - the device, opened
 * @group: number of its group
 * @address: of the device
 * @door: the fds
 * @config: where the config space is in the device fd
 * @efd: eventfds of vector 0
 * @turn: which of them is next
 * @page: memory to map
 * @shm_group: group of the ivshmem
 * @shm_address: the ivshmem
 * @shm_door: its fds, in the same container
 */
struct rig {
	int group;
	const char *address;
	struct door door;
	uint64_t config;
	int efd[2];
	unsigned int turn;
	char *page;
	int shm_group;
	const char *shm_address;
	struct door shm_door;
};

/* As struct vfio_irq_set, with its data. */
struct irq_call {
	struct vfio_irq_set set;
	union {
		int32_t fd;
		uint8_t on;
	};
};

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static void keep_best(double *best, double value)
{
	if (value < *best)
		*best = value;
}

static void report(const char *what, double value, const char *unit)
{
	printf("%s %.3f %s\n", what, value, unit);
	fflush(stdout);
}

/* --- the device --- */

static void rig_open(struct rig *rig)
{
	struct door *door = &rig->door;

	door->container = container_open();
	door->group = group_open(rig->group);
	group_set_container(door->group, door->container);
	container_set_iommu(door->container, VFIO_TYPE1v2_IOMMU);
	door->fd = group_device(door->group, rig->address);
}

static void rig_init(struct rig *rig)
{
	struct vfio_region_info region;

	rig_open(rig);
	device_region(rig->door.fd, VFIO_PCI_CONFIG_REGION_INDEX, &region);
	rig->config = region.offset;
	rig->efd[0] = efd_new();
	rig->efd[1] = efd_new();
	rig->page = mem_new(MEM_ANON, PAGE);
	mem_fill(rig->page, PAGE, 1);
}

/* --- memory --- */

static void dma_map(struct rig *rig, void *mem, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = size,
	};
	int ret = fd_ioctl(rig->door.container, VFIO_IOMMU_MAP_DMA, &map);

	dp_assert(!ret, "%s", strerror(-ret));
}

static void dma_unmap(struct rig *rig, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap), .iova = iova, .size = size };
	int ret = fd_ioctl(rig->door.container, VFIO_IOMMU_UNMAP_DMA, &unmap);

	dp_assert(!ret && unmap.size == size, "%s, %llu bytes", strerror(-ret), (unsigned long long)unmap.size);
}

static void report_pair(const char *kind, const char *unit, double map, double unmap)
{
	char what[64];

	snprintf(what, sizeof(what), "map %s", kind);
	report(what, map, unit);
	snprintf(what, sizeof(what), "unmap %s", kind);
	report(what, unmap, unit);
}

/* Some of this process's memory, in kB. */
static unsigned long rollup(const char *key)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	unsigned long kb = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kb = strtoul(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

/* Is THP memory what it is called? */
static void check_thp(void)
{
	unsigned long percent = rollup("AnonHugePages:") * 100 / (BULK >> 10);

	if (percent < 95)
		printf("# only %lu%% of the THP memory are huge pages\n", percent);
}

static void bulk(struct rig *rig, enum mem_kind kind, const char *name)
{
	const double to_ms_per_gib = (double)(1 << 30) / BULK / 1000;
	double start, mapped, best_map = NEVER, best_unmap = NEVER;
	char *mem = mem_new(kind, BULK);
	int i;

	if (!mem) {
		printf("# no memory for %s\n", name);
		return;
	}
	memset(mem, 1, BULK);
	if (kind == MEM_THP)
		check_thp();
	for (i = 0; i < BULK_TIMES; i++) {
		start = now_us();
		dma_map(rig, mem, IOVA, BULK);
		mapped = now_us();
		keep_best(&best_map, mapped - start);
		start = now_us();
		dma_unmap(rig, IOVA, BULK);
		keep_best(&best_unmap, now_us() - start);
	}
	mem_free(mem, BULK);
	report_pair(name, "ms/GiB", best_map * to_ms_per_gib, best_unmap * to_ms_per_gib);
}

static double map_each(struct rig *rig, char *mem)
{
	double start = now_us();
	size_t i;

	for (i = 0; i < SEPARATE; i++)
		dma_map(rig, mem + i * PAGE, IOVA + i * PAGE, PAGE);
	return (now_us() - start) / SEPARATE;
}

static double unmap_each(struct rig *rig)
{
	double start = now_us();
	size_t i;

	for (i = 0; i < SEPARATE; i++)
		dma_unmap(rig, IOVA + i * PAGE, PAGE);
	return (now_us() - start) / SEPARATE;
}

static void separate(struct rig *rig)
{
	double best_map = NEVER, best_unmap = NEVER;
	char *mem = mem_new(MEM_ANON, SEPARATE * PAGE);
	int i;

	dp_assert(mem, "no memory");
	memset(mem, 1, SEPARATE * PAGE);
	for (i = 0; i < SEPARATE_TIMES; i++) {
		keep_best(&best_map, map_each(rig, mem));
		keep_best(&best_unmap, unmap_each(rig));
	}
	mem_free(mem, SEPARATE * PAGE);
	report_pair("100,000 times 4K, each", "us", best_map, best_unmap);
}

/* Memory that nobody has touched is made by the map. */
static void untouched(struct rig *rig)
{
	const double to_ms_per_gib = (double)(1 << 30) / BULK / 1000;
	double start, best = NEVER;
	char *mem;
	int i;

	for (i = 0; i < BAR_TIMES; i++) {
		mem = mem_new(MEM_ANON, BULK);
		dp_assert(mem, "no memory");
		start = now_us();
		dma_map(rig, mem, IOVA, BULK);
		keep_best(&best, now_us() - start);
		dma_unmap(rig, IOVA, BULK);
		mem_free(mem, BULK);
	}
	report("map 4K pages, untouched", best * to_ms_per_gib, "ms/GiB");
}

/* --- BARs --- */

static void open_shm(struct rig *rig)
{
	struct door *door = &rig->shm_door;

	door->group = group_open(rig->shm_group);
	group_set_container(door->group, rig->door.container);
	door->fd = group_device(door->group, rig->shm_address);
	device_enable(door->fd);
}

static void bar_cases(struct rig *rig)
{
	double start, first = NEVER, all = NEVER, map = NEVER, unmap = NEVER;
	volatile uint32_t *bar;
	size_t at;
	int i;

	open_shm(rig);
	for (i = 0; i < BAR_TIMES; i++) {
		bar = device_mmap(rig->shm_door.fd, BAR, BAR_SIZE);
		start = now_us();
		(void)bar[0];
		keep_best(&first, now_us() - start);
		for (at = 0; at < BAR_SIZE / sizeof(*bar); at += PAGE / sizeof(*bar))
			(void)bar[at];
		keep_best(&all, now_us() - start);
		start = now_us();
		dma_map(rig, (void *)bar, IOVA, BAR_SIZE);
		keep_best(&map, now_us() - start);
		start = now_us();
		dma_unmap(rig, IOVA, BAR_SIZE);
		keep_best(&unmap, now_us() - start);
		munmap((void *)bar, BAR_SIZE);
	}
	report("BAR of 256M, first touch", first, "us");
	report("BAR of 256M, each page touched", all / 1000, "ms");
	report_pair("BAR of 256M", "us", map, unmap);
	close(rig->shm_door.fd);
	close(rig->shm_door.group);
}

/* --- calls that are made again and again --- */

static void map_unmap(struct rig *rig)
{
	dma_map(rig, rig->page, IOVA, PAGE);
	dma_unmap(rig, IOVA, PAGE);
}

static void config_read(struct rig *rig)
{
	uint32_t ids;

	dp_assert(pread(rig->door.fd, &ids, sizeof(ids), rig->config) == sizeof(ids), "%s", strerror(errno));
}

static void irq_call(struct rig *rig, struct irq_call *call, uint32_t data)
{
	int ret;

	call->set.argsz = sizeof(*call);
	call->set.flags = data | VFIO_IRQ_SET_ACTION_TRIGGER;
	call->set.index = MSIX;
	call->set.start = 0;
	call->set.count = 1;
	ret = fd_ioctl(rig->door.fd, VFIO_DEVICE_SET_IRQS, call);
	dp_assert(!ret, "%s", strerror(-ret));
}

static void swap(struct rig *rig)
{
	struct irq_call call = { .fd = rig->efd[rig->turn++ % 2] };

	irq_call(rig, &call, VFIO_IRQ_SET_DATA_EVENTFD);
}

static void loopback(struct rig *rig)
{
	struct irq_call call = { .on = 1 };
	uint64_t count = 0;
	int efd = rig->efd[(rig->turn - 1) % 2];

	irq_call(rig, &call, VFIO_IRQ_SET_DATA_BOOL);
	if (read(efd, &count, sizeof(count)) < 0)
		count = efd_wait(efd, SOON_MS);
	dp_assert(count == 1, "%llu signals", (unsigned long long)count);
}

static void reopen_device(struct rig *rig)
{
	rig->door.fd = group_device(rig->door.group, rig->address);
	close(rig->door.fd);
}

static void reopen_all(struct rig *rig)
{
	rig_open(rig);
	door_close(&rig->door);
}

/* The cheapest of some batches, per call. */
static double cost(void (*call)(struct rig *rig), struct rig *rig, int batches, int calls)
{
	double start, best = NEVER;
	int i, k;

	for (i = 0; i < batches; i++) {
		start = now_us();
		for (k = 0; k < calls; k++)
			call(rig);
		keep_best(&best, (now_us() - start) / calls);
	}
	return best;
}

static void memory_cases(struct rig *rig)
{
	bulk(rig, MEM_ANON, "4K pages");
	untouched(rig);
	bulk(rig, MEM_THP, "THP");
	bulk(rig, MEM_HUGETLB, "hugetlb");
	report("map and unmap 4K", cost(map_unmap, rig, 5, 2000), "us");
	separate(rig);
}

static void device_cases(struct rig *rig)
{
	report("config dword read", cost(config_read, rig, 5, 5000), "us");
	swap(rig);
	report("MSI-X loopback to eventfd", cost(loopback, rig, 5, 5000), "us");
	report("eventfd swap of a vector", cost(swap, rig, 5, 500), "us");
	irq_disable(rig->door.fd, MSIX);
}

static void open_cases(struct rig *rig)
{
	close(rig->door.fd);
	report("device fd open and close", cost(reopen_device, rig, 3, 3), "us");
	close(rig->door.group);
	close(rig->door.container);
	report("all fds, open and close", cost(reopen_all, rig, 3, 3), "us");
}

int main(int argc, char **argv)
{
	struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	struct rig rig = {};

	if (argc != 5) {
		fprintf(stderr, "usage: bench GROUP BDF GROUP BDF\n");
		return 2;
	}
	rig.group = atoi(argv[1]);
	rig.address = argv[2];
	rig.shm_group = atoi(argv[3]);
	rig.shm_address = argv[4];
	dp_assert(!setrlimit(RLIMIT_MEMLOCK, &all), "%s", strerror(errno));
	rig_init(&rig);
	memory_cases(&rig);
	bar_cases(&rig);
	device_cases(&rig);
	open_cases(&rig);
	mem_exit();
	return 0;
}
