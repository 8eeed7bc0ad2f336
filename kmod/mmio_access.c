// SPDX-License-Identifier: GPL-2.0
/*
 * Access to BARs and the ROM through the fd, in naturally aligned steps, little endian as the bus is.
 *
 * Locks: mmio->sem for reading, held for CHUNK bytes at a time, so that a close waits for no more than those.
 */

#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "mmio.h"

#define CHUNK 256
#define ROM_CHUNK SZ_4K /* what is worth mapping the ROM for */

static void __iomem *get_iomap(struct dpath_mmio *mmio, unsigned int index)
{
	/* Pairs with the release below: a mapping that is seen is complete. */
	void __iomem *map = smp_load_acquire(&mmio->iomap[index]);

	if (map)
		return map;

	mutex_lock(&mmio->iomap_lock);
	map = mmio->iomap[index];
	if (!map) {
		map = mmio->bars[index].wc ? pci_iomap_wc(mmio->pdev, index, 0) : pci_iomap(mmio->pdev, index, 0);
		/* Pairs with the acquire above. */
		smp_store_release(&mmio->iomap[index], map);
	}
	mutex_unlock(&mmio->iomap_lock);

	return map;
}

static unsigned int step_width(const struct dpath_bar *bar, u64 offset, size_t count)
{
	unsigned int width = bar->max_width;

	while (width > count || offset & (width - 1))
		width >>= 1;
	return width;
}

/* The table is the host's: the interrupt core writes it. Its edges are 8-byte aligned (PCI 3.0, 6.8.2), so no step crosses them. */
bool dpath_mmio_in_msix_table(const struct dpath_mmio *mmio, unsigned int index, u64 offset, unsigned int width)
{
	return index == mmio->msix_bar && offset < mmio->msix_end && offset + width > mmio->msix_start;
}

void dpath_mmio_read_step(void __iomem *from, void *buf, unsigned int width)
{
	__le64 v64;
	__le32 v32;
	__le16 v16;

	switch (width) {
	case 8:
		v64 = cpu_to_le64(ioread64(from));
		memcpy(buf, &v64, sizeof(v64));
		break;
	case 4:
		v32 = cpu_to_le32(ioread32(from));
		memcpy(buf, &v32, sizeof(v32));
		break;
	case 2:
		v16 = cpu_to_le16(ioread16(from));
		memcpy(buf, &v16, sizeof(v16));
		break;
	default:
		*(u8 *)buf = ioread8(from);
	}
}

void dpath_mmio_write_step(void __iomem *to, const void *buf, unsigned int width)
{
	__le64 v64;
	__le32 v32;
	__le16 v16;

	switch (width) {
	case 8:
		memcpy(&v64, buf, sizeof(v64));
		iowrite64(le64_to_cpu(v64), to);
		break;
	case 4:
		memcpy(&v32, buf, sizeof(v32));
		iowrite32(le32_to_cpu(v32), to);
		break;
	case 2:
		memcpy(&v16, buf, sizeof(v16));
		iowrite16(le16_to_cpu(v16), to);
		break;
	default:
		iowrite8(*(const u8 *)buf, to);
	}
}

static int read_bar_locked(struct dpath_mmio *mmio, unsigned int index, u64 offset, u8 *buf, size_t count)
{
	const struct dpath_bar *bar = &mmio->bars[index];
	void __iomem *map;
	unsigned int width;

	lockdep_assert_held(&mmio->sem);
	map = get_iomap(mmio, index);
	if (!map)
		return -ENOMEM;

	for (; count; count -= width, offset += width, buf += width) {
		width = step_width(bar, offset, count);
		if (dpath_mmio_in_msix_table(mmio, index, offset, 1))
			memset(buf, 0xff, width);
		else
			dpath_mmio_read_step(map + offset, buf, width);
	}
	return 0;
}

static int write_bar_locked(struct dpath_mmio *mmio, unsigned int index, u64 offset, const u8 *buf, size_t count)
{
	const struct dpath_bar *bar = &mmio->bars[index];
	void __iomem *map;
	unsigned int width;

	lockdep_assert_held(&mmio->sem);
	map = get_iomap(mmio, index);
	if (!map)
		return -ENOMEM;

	for (; count; count -= width, offset += width, buf += width) {
		width = step_width(bar, offset, count);
		if (!dpath_mmio_in_msix_table(mmio, index, offset, 1))
			dpath_mmio_write_step(map + offset, buf, width);
	}
	if (bar->wc)
		wmb(); /* what was combined goes out now */
	return 0;
}

/* What lies behind the end of the image reads as ones; so does a ROM that has none. */
static void read_rom_image(const struct dpath_bar *bar, void __iomem *rom, size_t size, u64 offset, u8 *buf, size_t count)
{
	unsigned int width;

	for (; count; count -= width, offset += width, buf += width) {
		width = step_width(bar, offset, count);
		if (offset + width > size)
			memset(buf, 0xff, width);
		else
			dpath_mmio_read_step(rom + offset, buf, width);
	}
}

/*
 * The ROM is decoded only while it is read: on some functions that takes the decoder of a BAR. iomap_lock: one reader's end must not switch it off
 * under another.
 */
static void read_rom_locked(struct dpath_mmio *mmio, u64 offset, u8 *buf, size_t count)
{
	const struct dpath_bar *bar = &mmio->bars[PCI_ROM_RESOURCE];
	struct pci_dev *pdev = mmio->pdev;
	bool platform = !pci_resource_len(pdev, PCI_ROM_RESOURCE);
	void __iomem *rom;
	size_t size = 0;

	lockdep_assert_held(&mmio->sem);
	mutex_lock(&mmio->iomap_lock);
	if (platform) {
		rom = ioremap(pdev->rom, pdev->romlen);
		size = pdev->romlen;
	} else {
		rom = pci_map_rom(pdev, &size);
	}
	read_rom_image(bar, rom, rom ? size : 0, offset, buf, count);
	if (rom && platform)
		iounmap(rom);
	else if (rom)
		pci_unmap_rom(pdev, rom);
	mutex_unlock(&mmio->iomap_lock);
}

/* Bytes of an access that are within the BAR, or -EINVAL. */
static ssize_t clamp_access(struct dpath_mmio *mmio, unsigned int index, u64 offset, size_t count)
{
	if (index >= DPATH_NR_BARS || offset >= mmio->bars[index].size)
		return -EINVAL;
	return min_t(u64, min_t(u64, count, mmio->bars[index].size - offset), SSIZE_MAX);
}

/**
 * dpath_mmio_read() - read a BAR or the ROM through the fd
 * @mmio: the lease's BARs
 * @index: BAR, or PCI_ROM_RESOURCE
 * @offset: byte in it
 * @buf: kernel buffer
 * @count: bytes
 *
 * While CLOSED, and in the MSI-X table, reads are ones.
 *
 * Context: process context, sleeps; no lock of dpath_mmio is held.
 * Return: bytes read, fewer than @count at the end of the BAR; -EINVAL if there is no such byte; -ENOMEM.
 */
ssize_t dpath_mmio_read(struct dpath_mmio *mmio, unsigned int index, u64 offset, void *buf, size_t count)
{
	ssize_t total = clamp_access(mmio, index, offset, count);
	size_t done, chunk;
	int ret = 0;

	if (total <= 0)
		return total;
	atomic64_inc(&mmio->stats->region_reads);

	for (done = 0; done < total && !ret; done += chunk) {
		chunk = min_t(size_t, total - done, index == PCI_ROM_RESOURCE ? ROM_CHUNK : CHUNK);
		down_read(&mmio->sem);
		if (!mmio->open)
			memset(buf + done, 0xff, chunk);
		else if (index == PCI_ROM_RESOURCE)
			read_rom_locked(mmio, offset + done, buf + done, chunk);
		else
			ret = read_bar_locked(mmio, index, offset + done, buf + done, chunk);
		up_read(&mmio->sem);
	}
	return ret ?: total;
}

/**
 * dpath_mmio_write() - write a BAR through the fd
 * @mmio: the lease's BARs
 * @index: BAR
 * @offset: byte in it
 * @buf: kernel buffer
 * @count: bytes
 *
 * While CLOSED, and in the MSI-X table, writes are dropped.
 *
 * Context: process context, sleeps; no lock of dpath_mmio is held.
 * Return: bytes written, fewer than @count at the end of the BAR; -EINVAL if there is no such byte or it is in the ROM; -ENOMEM.
 */
ssize_t dpath_mmio_write(struct dpath_mmio *mmio, unsigned int index, u64 offset, const void *buf, size_t count)
{
	ssize_t total = clamp_access(mmio, index, offset, count);
	size_t done, chunk;
	int ret = 0;

	if (total <= 0)
		return total;
	if (index == PCI_ROM_RESOURCE)
		return -EINVAL;
	atomic64_inc(&mmio->stats->region_writes);

	for (done = 0; done < total && !ret; done += chunk) {
		chunk = min_t(size_t, total - done, CHUNK);
		down_read(&mmio->sem);
		if (mmio->open)
			ret = write_bar_locked(mmio, index, offset + done, buf + done, chunk);
		up_read(&mmio->sem);
	}
	return ret ?: total;
}

bool dpath_mmio_prepare(struct dpath_mmio *mmio, unsigned int index)
{
	return get_iomap(mmio, index);
}

bool dpath_mmio_poke(struct dpath_mmio *mmio, unsigned int index, u64 offset, u64 data, unsigned int width)
{
	void __iomem *map = smp_load_acquire(&mmio->iomap[index]); /* as in get_iomap() */
	__le64 bytes = cpu_to_le64(data);

	if (!map)
		return false;
	dpath_mmio_write_step(map + offset, &bytes, width);
	if (mmio->bars[index].wc)
		wmb(); /* what was combined goes out now */
	return true;
}
