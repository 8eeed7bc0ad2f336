// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "assert.h"
#include "proc.h"
#include "qmp.h"

#define PORT "/dev/virtio-ports/org.directpath.qmp"
/* Of bed/qmp, for the port can be open once at a time. */
#define LOCK "/run/qmp.lock"
#define ANSWER_MS 30000
#define LONGEST 1024
/* QEMU frees a name some time after the host has lost the device; a slot's driver takes seconds to switch it on. */
#define BUSY_MS 20000

static void format(char *text, const char *fmt, va_list args)
{
	int n = vsnprintf(text, LONGEST, fmt, args);

	dp_assert(n >= 0 && n < LONGEST, "too long: %s", text);
	/* What JSON would have to escape: no test needs it. */
	dp_assert(!strpbrk(text, "\"\\"), "not to be quoted: %s", text);
}

static void append(char *request, const char *fmt, ...)
{
	size_t length = strlen(request);
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(request + length, LONGEST - length, fmt, args);
	va_end(args);
	dp_assert(n >= 0 && (size_t)n < LONGEST - length, "too long: %s", request);
}

/* QEMU answers with a line. */
static void receive(int fd, char *answer)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t length = 0;
	ssize_t n;

	while (!length || answer[length - 1] != '\n') {
		dp_assert(poll(&pfd, 1, ANSWER_MS) == 1, "QEMU does not answer");
		n = read(fd, answer + length, LONGEST - 1 - length);
		dp_assert(n > 0, "QEMU's answer ends: %.*s", (int)length, answer);
		length += n;
	}
	answer[length] = '\0';
}

static void transact(const char *request, char *answer)
{
	size_t length = strlen(request);
	int lock, fd;

	lock = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	dp_assert(lock >= 0 && wait_until(!flock(lock, LOCK_EX | LOCK_NB), ANSWER_MS), "no " LOCK ": %m");
	fd = open(PORT, O_RDWR | O_CLOEXEC);
	dp_assert(fd >= 0, "no " PORT ": %m");
	dp_assert(write(fd, request, length) == (ssize_t)length, "QEMU does not take %s", request);
	receive(fd, answer);
	close(fd);
	close(lock);
}

static void request(const char *fmt, va_list args, char *answer)
{
	char text[LONGEST], line[LONGEST], *rest = text, *word, *value;
	const char *comma = "";

	format(text, fmt, args);
	word = strsep(&rest, " ");
	snprintf(line, sizeof(line), "{\"execute\": \"%s\", \"arguments\": {", word);
	while ((word = strsep(&rest, " "))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		dp_assert(value, "%s has no value", word);
		append(line, "%s\"%.*s\": \"%s\"", comma, (int)(value - word), word, value + 1);
		comma = ", ";
	}
	append(line, "}}\n");
	transact(line, answer);
}

static bool refused(const char *answer)
{
	return strstr(answer, "\"error\": {");
}

static bool busy(const char *answer)
{
	return strstr(answer, "Duplicate device ID") || strstr(answer, "guest is busy");
}

bool qmp(const char *fmt, ...)
{
	uint64_t end = now_ms() + BUSY_MS;
	char answer[LONGEST];
	va_list args;

	do {
		va_start(args, fmt);
		request(fmt, args, answer);
		va_end(args);
	} while (busy(answer) && now_ms() < end && !usleep(10000));
	if (refused(answer))
		printf("# QEMU: %s", answer);
	return !refused(answer);
}

bool qmp_asks(const char *fmt, ...)
{
	char answer[LONGEST];
	va_list args;

	va_start(args, fmt);
	request(fmt, args, answer);
	va_end(args);
	return !refused(answer);
}

bool qmp_monitor(const char *fmt, ...)
{
	char text[LONGEST], line[LONGEST], answer[LONGEST];
	va_list args;
	int n;

	va_start(args, fmt);
	format(text, fmt, args);
	va_end(args);
	n = snprintf(line, sizeof(line), "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"%s\"}}\n", text);
	dp_assert(n < (int)sizeof(line), "too long: %s", text);
	transact(line, answer);
	if (!strstr(answer, "\"OK"))
		printf("# QEMU: %s", answer);
	return strstr(answer, "\"OK");
}

bool qmp_add_nvme(const char *id, const char *bus)
{
	static unsigned int drives;

	drives++;
	return qmp_monitor("drive_add 0 if=none,id=drive%d.%u,driver=null-co,size=16M,read-zeroes=on", getpid(), drives) &&
	       qmp("device_add driver=nvme id=%s serial=hot drive=drive%d.%u bus=%s", id, getpid(), drives, bus);
}
