// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if.h>

#include <linux/pci_regs.h>

#include "assert.h"
#include "pci.h"
#include "proc.h"

#define DEVICES "/sys/bus/pci/devices"
#define DRIVERS "/sys/bus/pci/drivers"

static void path_of(char *path, const char *address, const char *file)
{
	snprintf(path, PATH_MAX, DEVICES "/%s/%s", address, file);
}

const char *pci_env(const char *variable)
{
	const char *address = getenv(variable);

	return address && pci_present(address) ? address : NULL;
}

bool pci_present(const char *address)
{
	char path[PATH_MAX];

	path_of(path, address, "config");
	return !access(path, F_OK);
}

static bool link_name(const char *address, const char *file, char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	path_of(path, address, file);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	snprintf(name, size, "%s", strrchr(target, '/') + 1);
	return true;
}

void pci_driver(const char *address, char *name, size_t size)
{
	if (!link_name(address, "driver", name, size))
		name[0] = '\0';
}

bool pci_driver_is(const char *address, const char *name)
{
	char driver[64];

	pci_driver(address, driver, sizeof(driver));
	return !strcmp(driver, name);
}

int pci_group(const char *address)
{
	char name[32];

	return link_name(address, "iommu_group", name, sizeof(name)) ? atoi(name) : -1;
}

bool pci_settled(const char *address)
{
	return pci_present(address) && pci_group(address) >= 0;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

void pci_override(const char *address, char *name, size_t size)
{
	char path[PATH_MAX];
	FILE *f;

	path_of(path, address, "driver_override");
	f = fopen(path, "r");
	dp_assert(f && fgets(name, size, f), "%s", path);
	fclose(f);
	name[strcspn(name, "\n")] = '\0';
	if (!strcmp(name, "(null)"))
		name[0] = '\0';
}

bool pci_set_override(const char *address, const char *name)
{
	char path[PATH_MAX], text[64];

	path_of(path, address, "driver_override");
	snprintf(text, sizeof(text), "%s\n", name);
	return !write_file(path, text);
}

int pci_bind(const char *address, const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DRIVERS "/%s/bind", driver);
	return write_file(path, address);
}

int pci_unbind(const char *address)
{
	char path[PATH_MAX];

	path_of(path, address, "driver/unbind");
	return write_file(path, address);
}

static int open_config(const char *address)
{
	char path[PATH_MAX];
	int fd;

	path_of(path, address, "config");
	fd = open(path, O_RDWR | O_CLOEXEC);
	dp_assert(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

uint32_t pci_config_read(const char *address, unsigned int offset, size_t size)
{
	int fd = open_config(address);
	uint32_t value = 0;

	dp_assert(pread(fd, &value, size, offset) == (ssize_t)size, "%s: %#x", address, offset);
	close(fd);
	return value;
}

void pci_config_write(const char *address, unsigned int offset, uint32_t value, size_t size)
{
	int fd = open_config(address);

	dp_assert(pwrite(fd, &value, size, offset) == (ssize_t)size, "%s: %#x", address, offset);
	close(fd);
}

void pci_config_change(const char *address, unsigned int offset, uint16_t mask, uint16_t bits)
{
	uint16_t value = pci_config_read(address, offset, sizeof(value));

	pci_config_write(address, offset, (value & ~mask) | bits, sizeof(value));
}

void pci_config_set(const char *address, unsigned int offset, uint16_t bits)
{
	pci_config_change(address, offset, bits, bits);
}

unsigned int pci_find_capability(const char *address, uint8_t id)
{
	unsigned int pos = pci_config_read(address, PCI_CAPABILITY_LIST, 1), ttl = 48;

	while (pos && ttl-- && pci_config_read(address, pos, 1) != id)
		pos = pci_config_read(address, pos + 1, 1);
	dp_assert(pos, "%s has no capability %#x", address, id);
	return pos;
}

void *pci_map_resource(const char *address, unsigned int index, size_t size)
{
	char path[PATH_MAX], file[16];
	void *bar;
	int fd;

	snprintf(file, sizeof(file), "resource%u", index);
	path_of(path, address, file);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return MAP_FAILED;
	bar = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return bar;
}

/* The first entry of a directory that begins with @prefix. */
static bool first_entry(const char *path, const char *prefix, char *name, size_t size)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(name, size, "%s", entry->d_name);
		found = true;
	}
	closedir(dir);
	return found;
}

bool pci_netdev(const char *address, char *name, size_t size)
{
	char path[PATH_MAX];

	path_of(path, address, "net");
	return first_entry(path, "", name, size);
}

/* nvme/nvme0/nvme0n1, or nvme0c0n1 with multipath, whose node is nvme0n1 */
bool pci_block(const char *address, char *name, size_t size)
{
	char file[300], path[PATH_MAX], ctrl[256], ns[256];

	path_of(path, address, "nvme");
	if (!first_entry(path, "nvme", ctrl, sizeof(ctrl)))
		return false;
	snprintf(file, sizeof(file), "nvme/%s", ctrl);
	path_of(path, address, file);
	if (!first_entry(path, ctrl, ns, sizeof(ns)))
		return false;
	snprintf(name, size, "%sn%s", ctrl, strrchr(ns, 'n') + 1);
	return true;
}

int pci_open_block(const char *address)
{
	char name[64], path[80];

	/* Its driver may just have got it back. */
	dp_assert(wait_until(pci_block(address, name, sizeof(name)), SETTLE_MS), "%s has no block device", address);
	snprintf(path, sizeof(path), "/dev/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void netdev_set_up(const char *name, bool up)
{
	struct ifreq req = {};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	dp_assert(sock >= 0, "%s", strerror(errno));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	dp_assert(!ioctl(sock, SIOCGIFFLAGS, &req), "%s: %s", name, strerror(errno));
	if (up)
		req.ifr_flags |= IFF_UP;
	else
		req.ifr_flags &= ~IFF_UP;
	dp_assert(!ioctl(sock, SIOCSIFFLAGS, &req), "%s: %s", name, strerror(errno));
	close(sock);
}
