/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_SILENT_H
#define DPATH_TEST_SILENT_H

/*
 * Memory that does not answer: whoever touches it waits for somebody who never comes, or finds nothing there.
 */

#include <stdbool.h>
#include <stddef.h>

enum silent_kind {
	SILENT_UFFD, /* userfaultfd without a reader */
	SILENT_FUSE, /* a file whose daemon answers no read */
	SILENT_FULL, /* a hole in a file on a disk that is full: SIGBUS */
};

/**
 * struct silent - a piece of it
 * @kind: why it is silent
 * @mem: the memory; the page before it answers
 * @size: its size
 * @fd: userfaultfd
 */
struct silent {
	enum silent_kind kind;
	void *mem;
	size_t size;
	int fd;
};

/* False: this kernel has none of this kind. FUSE's daemon ends with the calling thread. */
bool silent_new(struct silent *silent, enum silent_kind kind, size_t size);
/* It answers: who waits goes on. For SILENT_UFFD. */
void silent_answer(struct silent *silent);

#endif
