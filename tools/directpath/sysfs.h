/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SYSFS_H
#define SYSFS_H

/*
 * Small files of /sys, /proc and /run.
 */

#include <stdbool.h>
#include <stddef.h>

#include "model.h"

#define PATH_SIZE 4096

/* What stands before /sys, /proc and /run. Empty; only the test program sets it. */
extern const char *sysfs_root;

/* All paths are absolute and without the root. False, and an empty result, if there is no such thing. */
bool sysfs_exists(const char *path);
/* The first line without its end. */
bool sysfs_line(const char *path, char *buf, size_t size);
/* The whole file, NUL terminated (it may hold NULs, see @length); free() it. */
char *sysfs_file(const char *path, size_t *length);
/* Resolved, without the root. */
bool sysfs_real(const char *path, char out[PATH_SIZE]);
/* Call @fn for every entry of a directory, in the order of names; stops when it returns false. */
void sysfs_each(const char *path, bool (*fn)(const char *name, void *ctx), void *ctx);
__printf(2, 3) void sysfs_path(char out[PATH_SIZE], const char *fmt, ...);

#define MAX_FUNCTIONS 16

/* PCI functions on the way to a device, outermost first. */
struct functions {
	unsigned int nr;
	char v[MAX_FUNCTIONS][ADDRESS_SIZE];
};

/* Those in a resolved path below /sys/devices; returns how many. */
unsigned int sysfs_functions(const char *real, struct functions *out);
/* The last one, the function that the device at @path (a link) belongs to; NULL if there is none. */
const char *sysfs_function(const char *path, struct functions *out);

#endif
