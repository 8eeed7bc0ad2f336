/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_MEM_H
#define DPATH_TEST_MEM_H

/*
 * Memory of each kind that a VMM gives its guest, and patterns in it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096UL
#define HUGE_PAGE (2UL << 20)

enum mem_kind {
	MEM_ANON,    /* private, 4K pages */
	MEM_THP,     /* private, huge pages where there are any */
	MEM_SHARED,  /* shared with children */
	MEM_MEMFD,   /* shared file without a name */
	MEM_HUGETLB, /* from the pool of huge pages, which is made large enough */
};

/* Aligned to HUGE_PAGE and not yet touched; NULL if the host has none of this kind. */
void *mem_new(enum mem_kind kind, size_t size);
void mem_free(void *mem, size_t size);
/* Huge pages that mem_new() has taken are given back. */
void mem_exit(void);
/* A pattern that depends on @seed and the place in the page; is it there, all of it? Is none of its words there? */
void mem_fill(void *mem, size_t size, uint32_t seed);
bool mem_holds(const void *mem, size_t size, uint32_t seed);
bool mem_lacks(const void *mem, size_t size, uint32_t seed);
/* Physical address; only for root. */
uint64_t mem_phys(const void *mem);

#endif
