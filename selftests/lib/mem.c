// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "assert.h"
#include "mem.h"

#define POOL "/proc/sys/vm/nr_hugepages"

static long pool_before = -1;

static long read_pool(void)
{
	FILE *f = fopen(POOL, "r");
	long nr = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%ld", &nr) != 1)
		nr = 0;
	fclose(f);
	return nr;
}

static void write_pool(long nr)
{
	FILE *f = fopen(POOL, "w");

	if (!f)
		return;
	fprintf(f, "%ld\n", nr);
	fclose(f);
}

static void grow_pool(size_t size)
{
	long now = read_pool();

	if (pool_before < 0)
		pool_before = now;
	write_pool(now + size / HUGE_PAGE);
}

void mem_exit(void)
{
	if (pool_before >= 0)
		write_pool(pool_before);
	pool_before = -1;
}

/* Address space, aligned. */
static void *reserve(size_t size)
{
	char *raw, *mem;

	raw = mmap(NULL, size + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	dp_assert(raw != MAP_FAILED, "%s", strerror(errno));
	mem = (char *)(((uintptr_t)raw + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	if (mem > raw)
		munmap(raw, mem - raw);
	if (mem < raw + HUGE_PAGE)
		munmap(mem + size, raw + HUGE_PAGE - mem);
	return mem;
}

static int new_memfd(size_t size)
{
	int fd = memfd_create("dpath", MFD_CLOEXEC);

	dp_assert(fd >= 0 && !ftruncate(fd, size), "%s", strerror(errno));
	return fd;
}

void *mem_new(enum mem_kind kind, size_t size)
{
	int flags = MAP_FIXED | (kind == MEM_SHARED || kind == MEM_MEMFD ? MAP_SHARED : MAP_PRIVATE);
	void *place = reserve(size), *mem;
	int fd = -1;

	if (kind == MEM_MEMFD)
		fd = new_memfd(size);
	else
		flags |= MAP_ANONYMOUS;
	if (kind == MEM_HUGETLB) {
		grow_pool(size);
		flags |= MAP_HUGETLB;
	}
	mem = mmap(place, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (fd >= 0)
		close(fd);
	if (mem == MAP_FAILED) {
		munmap(place, size);
		return NULL;
	}
	if (kind == MEM_ANON)
		madvise(mem, size, MADV_NOHUGEPAGE);
	else if (kind == MEM_THP && madvise(mem, size, MADV_HUGEPAGE)) {
		munmap(mem, size);
		return NULL;
	}
	return mem;
}

void mem_free(void *mem, size_t size)
{
	munmap(mem, size);
}

static uint32_t word(uint32_t seed, size_t i)
{
	uint32_t x = seed * 2654435761U + (uint32_t)(i % (PAGE / sizeof(x))) * 40503U + 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x | 1; /* never a word of an empty page */
}

void mem_fill(void *mem, size_t size, uint32_t seed)
{
	uint32_t *words = mem;
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++)
		words[i] = word(seed, i);
}

static size_t count_matches(const void *mem, size_t size, uint32_t seed)
{
	const volatile uint32_t *words = mem;
	size_t i, nr = 0;

	for (i = 0; i < size / sizeof(*words); i++)
		nr += words[i] == word(seed, i);
	return nr;
}

bool mem_holds(const void *mem, size_t size, uint32_t seed)
{
	return count_matches(mem, size, seed) == size / sizeof(uint32_t);
}

bool mem_lacks(const void *mem, size_t size, uint32_t seed)
{
	return !count_matches(mem, size, seed);
}

uint64_t mem_phys(const void *mem)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;
	ssize_t n;

	dp_assert(fd >= 0, "%s", strerror(errno));
	n = pread(fd, &entry, sizeof(entry), (uintptr_t)mem / PAGE * sizeof(entry));
	close(fd);
	dp_assert(n == sizeof(entry) && entry >> 63, "page is not there");
	return (entry & ((1ULL << 55) - 1)) * PAGE + (uintptr_t)mem % PAGE;
}
