// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/fuse.h>
#include <linux/userfaultfd.h>

#include "assert.h"
#include "host.h"
#include "mem.h"
#include "silent.h"

#define FILE_NODE 2
#define BUFFER (FUSE_MIN_READ_BUFFER + 4096)

/* A page that answers, and after it room for memory that does not. */
static void *new_place(size_t size)
{
	char *area = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	dp_assert(area != MAP_FAILED, "%s", strerror(errno));
	*area = 0;
	return area + PAGE;
}

/* --- userfaultfd --- */

static bool new_uffd(struct silent *silent)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	silent->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (silent->fd < 0)
		return false;
	silent->mem = new_place(silent->size);
	range.range.start = (uintptr_t)silent->mem;
	range.range.len = silent->size;
	dp_assert(!ioctl(silent->fd, UFFDIO_API, &api) && !ioctl(silent->fd, UFFDIO_REGISTER, &range), "%s", strerror(errno));
	return true;
}

void silent_answer(struct silent *silent)
{
	struct uffdio_zeropage zero = { .range = { .start = (uintptr_t)silent->mem, .len = silent->size } };

	dp_assert(!ioctl(silent->fd, UFFDIO_ZEROPAGE, &zero), "%s", strerror(errno));
}

/* --- FUSE --- */

/*
 * A file system of one file. It takes four answers, all of them fixed, until somebody reads; what libfuse would add is what this one is not to have.
 */
static size_t make_answer(const struct fuse_in_header *in, size_t size, void *body)
{
	struct fuse_init_out *init = body;
	struct fuse_entry_out *entry = body;
	struct fuse_attr_out *attr = body;

	switch (in->opcode) {
	case FUSE_INIT:
		init->major = FUSE_KERNEL_VERSION;
		init->minor = FUSE_KERNEL_MINOR_VERSION;
		init->max_write = 4096;
		return sizeof(*init);
	case FUSE_LOOKUP:
		entry->nodeid = FILE_NODE;
		entry->attr_valid = 3600;
		entry->entry_valid = 3600;
		entry->attr.ino = FILE_NODE;
		entry->attr.mode = S_IFREG | 0600;
		entry->attr.size = size;
		entry->attr.nlink = 1;
		return sizeof(*entry);
	case FUSE_GETATTR:
		attr->attr_valid = 3600;
		attr->attr.ino = in->nodeid;
		attr->attr.mode = in->nodeid == FILE_NODE ? S_IFREG | 0600 : S_IFDIR | 0700;
		attr->attr.size = in->nodeid == FILE_NODE ? size : 0;
		attr->attr.nlink = 1;
		return sizeof(*attr);
	case FUSE_OPEN:
		return sizeof(struct fuse_open_out);
	default:
		return 0;
	}
}

static void serve(const struct silent *silent)
{
	char *request = malloc(BUFFER), answer[256];
	struct fuse_in_header *in = (void *)request;
	struct fuse_out_header *out = (void *)answer;
	ssize_t n;

	while ((n = read(silent->fd, request, BUFFER)) > 0) {
		if (in->opcode == FUSE_READ || in->opcode == FUSE_FORGET || in->opcode == FUSE_RELEASE)
			continue;
		memset(answer, 0, sizeof(answer));
		out->unique = in->unique;
		out->len = sizeof(*out) + make_answer(in, silent->size, out + 1);
		if (out->len == sizeof(*out))
			out->error = -EOPNOTSUPP;
		if (write(silent->fd, answer, out->len) != (ssize_t)out->len)
			break;
	}
	free(request);
}

/*
 * A process of its own, which ends with the thread that has started it: FUSE waits for an answer to what its daemon has read, and no signal ends that
 * (fs/fuse/dev.c, request_wait_answer()); only the daemon's death does.
 */
static void start_daemon(struct silent *silent)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	dp_assert(pid >= 0, "%s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(silent);
		_exit(0);
	}
	close(silent->fd);
	silent->fd = -1;
}

static bool new_fuse(struct silent *silent)
{
	char dir[] = "/tmp/silent-XXXXXX", path[64], options[96];
	int fd;

	if (access("/dev/fuse", F_OK))
		(void)host_shell("modprobe -q fuse");
	silent->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (silent->fd < 0)
		return false;
	dp_assert(mkdtemp(dir), "%s", strerror(errno));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", silent->fd);
	dp_assert(!mount("silent", dir, "fuse", 0, options), "%s: %s", dir, strerror(errno));
	start_daemon(silent);
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	dp_assert(fd >= 0, "%s: %s", path, strerror(errno));
	silent->mem = new_place(silent->size);
	dp_assert(mmap(silent->mem, silent->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0) == silent->mem, "%s", strerror(errno));
	close(fd);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return true;
}

/* --- a disk that is full --- */

static bool new_full(struct silent *silent)
{
	char dir[] = "/tmp/full-XXXXXX", path[64], options[32];
	int fd;

	dp_assert(mkdtemp(dir), "%s", strerror(errno));
	/* Room for half of it. */
	snprintf(options, sizeof(options), "size=%zu", silent->size / 2);
	dp_assert(!mount("full", dir, "tmpfs", 0, options), "%s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	dp_assert(fd >= 0 && !ftruncate(fd, silent->size), "%s: %s", path, strerror(errno));
	silent->mem = new_place(silent->size);
	dp_assert(mmap(silent->mem, silent->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == silent->mem, "%s", strerror(errno));
	close(fd);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return true;
}

bool silent_new(struct silent *silent, enum silent_kind kind, size_t size)
{
	static bool (*const makers[])(struct silent *silent) = {
		[SILENT_UFFD] = new_uffd, [SILENT_FUSE] = new_fuse, [SILENT_FULL] = new_full,
	};

	silent->kind = kind;
	silent->size = size;
	silent->fd = -1;
	return makers[kind](silent);
}
