// SPDX-License-Identifier: GPL-2.0
/*
 * Small files of /sys, /proc and /run, below a root that is empty but in tests.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sysfs.h"

const char *sysfs_root = "";

void sysfs_path(char out[PATH_SIZE], const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(out, PATH_SIZE, fmt, args);
	va_end(args);
	if (len < 0 || len >= PATH_SIZE)
		out[0] = '\0';
}

static void full_path(char out[PATH_SIZE], const char *path)
{
	sysfs_path(out, "%s%s", sysfs_root, path);
}

bool sysfs_exists(const char *path)
{
	char full[PATH_SIZE];

	full_path(full, path);
	return !access(full, F_OK);
}

bool sysfs_line(const char *path, char *buf, size_t size)
{
	char full[PATH_SIZE];
	FILE *file;
	bool ok;

	buf[0] = '\0';
	full_path(full, path);
	file = fopen(full, "re");
	if (!file)
		return false;
	ok = fgets(buf, (int)size, file);
	if (!ok)
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	fclose(file);
	return ok;
}

char *sysfs_file(const char *path, size_t *length)
{
	size_t size = 0, used = 0, n;
	char full[PATH_SIZE];
	char *buf = NULL;
	FILE *file;

	full_path(full, path);
	file = fopen(full, "re");
	if (!file)
		return NULL;
	do {
		if (used + 4096 > size) {
			size += 65536;
			buf = xrealloc(buf, size, 1);
		}
		n = fread(buf + used, 1, size - used - 1, file);
		used += n;
	} while (n);
	fclose(file);
	buf[used] = '\0';
	if (length)
		*length = used;
	return buf;
}

bool sysfs_real(const char *path, char out[PATH_SIZE])
{
	char full[PATH_SIZE], root[PATH_MAX], resolved[PATH_MAX];
	size_t skip;

	out[0] = '\0';
	full_path(full, path);
	if (!realpath(full, resolved))
		return false;
	skip = *sysfs_root && realpath(sysfs_root, root) ? strlen(root) : 0;
	if (skip && strncmp(resolved, root, skip))
		return false;
	sysfs_path(out, "%s", resolved + skip);
	return true;
}

void sysfs_each(const char *path, bool (*fn)(const char *name, void *ctx), void *ctx)
{
	struct dirent **entries;
	char full[PATH_SIZE];
	bool more = true;
	int i, n;

	full_path(full, path);
	n = scandir(full, &entries, NULL, versionsort);
	if (n < 0)
		return;
	for (i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (more && strcmp(name, ".") && strcmp(name, ".."))
			more = fn(name, ctx);
		free(entries[i]);
	}
	free(entries);
}

unsigned int sysfs_functions(const char *real, struct functions *out)
{
	char component[64];
	size_t len;

	out->nr = 0;
	while (*real && out->nr < MAX_FUNCTIONS) {
		real += strspn(real, "/");
		len = strcspn(real, "/");
		/* Only the long form: "1:2.0" could be a USB interface. */
		if (len >= 12 && len < sizeof(component)) {
			memcpy(component, real, len);
			component[len] = '\0';
			out->nr += address_parse(component, out->v[out->nr]);
		}
		real += len;
	}
	return out->nr;
}

const char *sysfs_function(const char *path, struct functions *out)
{
	char real[PATH_SIZE];

	out->nr = 0;
	return sysfs_real(path, real) && sysfs_functions(real, out) ? out->v[out->nr - 1] : NULL;
}
