// SPDX-License-Identifier: GPL-2.0
/*
 * What displays have besides BARs: the legacy VGA ranges, which one adapter of a bus answers at a time, and the framebuffer that the host booted
 * with.
 *
 * The VGA arbiter routes the ranges to the function for one access; that is slow, and only what firmware and text modes use. An access is done under
 * mmio->sem, so that it cannot outlive the lease; the arbiter may let us wait and is asked before, where a signal ends it.
 */

#include <linux/aperture.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/vgaarb.h>

#include "mmio.h"

/* Offsets in the region are addresses; what lies between the ranges belongs to nobody (VGA: 0xa0000-0xbffff, 0x3b0-0x3bb, 0x3c0-0x3df). */
static const struct vga_range {
	u32 first;
	u32 size;
	bool io;
} ranges[] = {
	{ 0x3b0, 0x0c, true },
	{ 0x3c0, 0x20, true },
	{ 0xa0000, 0x20000, false },
};

static const struct vga_range *find_range(u64 offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		if (offset >= ranges[i].first && offset - ranges[i].first < ranges[i].size)
			return &ranges[i];
	return NULL;
}

u64 dpath_mmio_vga_size(const struct dpath_mmio *mmio)
{
	bool vga = IS_ENABLED(CONFIG_VGA_ARB) && mmio->pdev->class >> 8 == PCI_CLASS_DISPLAY_VGA;

	return vga ? DPATH_VGA_SIZE : 0;
}

/* Its registers are bytes and words; nothing here is wider than a dword. */
static void transfer(void __iomem *at, u64 offset, u8 *buf, size_t count, bool write)
{
	unsigned int width;

	for (; count; count -= width, offset += width, at += width, buf += width) {
		width = 4;
		while (width > count || offset & (width - 1))
			width >>= 1;
		if (write)
			dpath_mmio_write_step(at, buf, width);
		else
			dpath_mmio_read_step(at, buf, width);
	}
}

ssize_t dpath_mmio_vga(struct dpath_mmio *mmio, u64 offset, void *buf, size_t count, bool write)
{
	const struct vga_range *range = find_range(offset);
	unsigned int resource;
	void __iomem *map;
	int ret;

	if (!range || !dpath_mmio_vga_size(mmio))
		return -EINVAL;
	count = min_t(size_t, count, range->first + range->size - offset);
	resource = range->io ? VGA_RSRC_LEGACY_IO : VGA_RSRC_LEGACY_MEM;
	map = range->io ? ioport_map(range->first, range->size) : ioremap(range->first, range->size);
	if (!map)
		return -ENOMEM;
	ret = vga_get_interruptible(mmio->pdev, resource);
	if (ret)
		goto unmap;

	down_read(&mmio->sem);
	if (!mmio->dead && !mmio->held)
		transfer(map + (offset - range->first), offset, buf, count, write);
	else if (!write)
		memset(buf, 0xff, count);
	up_read(&mmio->sem);

	vga_put(mmio->pdev, resource);
unmap:
	if (range->io)
		ioport_unmap(map);
	else
		iounmap(map);
	return ret ?: count;
}

int dpath_mmio_evict_bootfb(struct pci_dev *pdev)
{
	if (pdev->class >> 16 != PCI_BASE_CLASS_DISPLAY && pdev->class >> 8 != PCI_CLASS_NOT_DEFINED_VGA)
		return 0;
	return aperture_remove_conflicting_pci_devices(pdev, "directpath");
}
