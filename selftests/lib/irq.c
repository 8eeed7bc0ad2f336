// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "assert.h"
#include "device.h"
#include "irq.h"

static size_t payload(uint32_t flags, uint32_t count)
{
	if (flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return count * sizeof(int32_t);
	if (flags & VFIO_IRQ_SET_DATA_BOOL)
		return count;
	return 0;
}

int __irq_set(int fd, uint32_t flags, uint32_t index, uint32_t start, uint32_t count, const void *data)
{
	size_t size = data ? payload(flags, count) : 0;
	struct vfio_irq_set *cmd = calloc(1, sizeof(*cmd) + size);
	int ret;

	dp_assert(cmd, "no memory");
	cmd->argsz = sizeof(*cmd) + size;
	cmd->flags = flags;
	cmd->index = index;
	cmd->start = start;
	cmd->count = count;
	if (size)
		memcpy(cmd->data, data, size);
	ret = fd_ioctl(fd, VFIO_DEVICE_SET_IRQS, cmd);
	free(cmd);
	return ret;
}

int __irq_trigger(int fd, uint32_t index, uint32_t start, uint32_t count, const int *fds)
{
	return __irq_set(fd, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, index, start, count, fds);
}

void irq_trigger(int fd, uint32_t index, uint32_t start, uint32_t count, const int *fds)
{
	int ret = __irq_trigger(fd, index, start, count, fds);

	dp_assert(!ret, "kind %u: %d", index, ret);
}

int __irq_disable(int fd, uint32_t index)
{
	return __irq_set(fd, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, index, 0, 0, NULL);
}

void irq_disable(int fd, uint32_t index)
{
	int ret = __irq_disable(fd, index);

	dp_assert(!ret, "kind %u: %d", index, ret);
}

int __irq_loopback(int fd, uint32_t index, uint32_t start, uint32_t count)
{
	return __irq_set(fd, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, index, start, count, NULL);
}

int __irq_mask(int fd, uint32_t index)
{
	return __irq_set(fd, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, index, 0, 1, NULL);
}

int __irq_unmask(int fd, uint32_t index)
{
	return __irq_set(fd, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, index, 0, 1, NULL);
}

#define ALL_CPUS (~0U)

static uint64_t taken_in(const char *at, unsigned int cpu)
{
	unsigned long long count;
	uint64_t taken = 0;
	unsigned int i;
	int used;

	for (i = 0; sscanf(at, " %llu%n", &count, &used) == 1; i++, at += used)
		if (cpu == ALL_CPUS || cpu == i)
			taken += count;
	return taken;
}

uint64_t irq_taken_by(unsigned int irq, unsigned int cpu)
{
	uint64_t taken = 0;
	char line[1024];
	unsigned int nr;
	FILE *file;
	int used;

	file = fopen("/proc/interrupts", "re");
	dp_assert(file, "%s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " %u:%n", &nr, &used) == 1 && nr == irq)
			taken = taken_in(line + used, cpu);
	fclose(file);
	return taken;
}

uint64_t irq_taken(unsigned int irq)
{
	return irq_taken_by(irq, ALL_CPUS);
}

void irq_proc(unsigned int irq, const char *file, char *text, size_t size)
{
	char path[64];
	FILE *from;

	snprintf(path, sizeof(path), "/proc/irq/%u/%s", irq, file);
	from = fopen(path, "re");
	if (!from || !fgets(text, size, from))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (from)
		fclose(from);
}

int efd_new(void)
{
	int efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	dp_assert(efd >= 0, "%s", strerror(errno));
	return efd;
}

uint64_t efd_wait(int efd, int ms)
{
	struct pollfd ready = { .fd = efd, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&ready, 1, ms) <= 0)
		return 0;
	return read(efd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

void efd_signal(int efd)
{
	uint64_t one = 1;

	dp_assert(write(efd, &one, sizeof(one)) == sizeof(one), "%s", strerror(errno));
}
