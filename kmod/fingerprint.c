// SPDX-License-Identifier: GPL-2.0
/*
 * The fingerprint of a function: what must be the same before and after a tenant.
 *
 * Identity (ids, class and revision, subsystem, header type, serial number) and layout (capabilities of both lists, BARs, ROM) as the hardware shows
 * them, where it shows them. Nothing that a guest or a reset changes by right: no status, control, address or enable bits. The capability lists are
 * folded into a CRC over (id, offset, size-giving bits) in list order. A tenant may have changed what the function shows, for instance by other
 * firmware, so both walks are bounded and tolerate every pointer.
 *
 * No locks: config reads of a function that nobody resets.
 */

#include <linux/crc32.h>
#include <linux/kernel.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "reset.h"

/* Bits of the 16-bit register after a capability's header that say how large it is and which registers it has; never status or control. */
static u16 layout_mask(u8 id)
{
	switch (id) {
	case PCI_CAP_ID_PM:
		return PCI_PM_CAP_VER_MASK;
	case PCI_CAP_ID_MSI:
		return PCI_MSI_FLAGS_QMASK | PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT;
	case PCI_CAP_ID_MSIX:
		return PCI_MSIX_FLAGS_QSIZE;
	case PCI_CAP_ID_EXP:
		return PCI_EXP_FLAGS_VERS | PCI_EXP_FLAGS_TYPE;
	case PCI_CAP_ID_VNDR:
	case PCI_CAP_ID_AF:
		return 0x00ff; /* length */
	case PCI_CAP_ID_EA:
		return 0x003f; /* entries */
	default:
		return 0;
	}
}

static u32 crc_cap(u32 crc, u16 id, u16 pos, u32 layout)
{
	__le32 entry[] = { cpu_to_le32(id | (u32)pos << 16), cpu_to_le32(layout) };

	return crc32_le(crc, (const u8 *)entry, sizeof(entry));
}

/* Both walks are bounded by what fits into the space, whatever the pointers say; a loop gives a value too, and the same one each time. */
static u32 caps_crc(struct pci_dev *pdev)
{
	unsigned int ttl = (PCI_CFG_SPACE_SIZE - PCI_STD_HEADER_SIZEOF) / 4;
	u32 crc = ~0U;
	u16 status, head, layout;
	u8 pos, id;

	pci_read_config_word(pdev, PCI_STATUS, &status);
	if (!(status & PCI_STATUS_CAP_LIST))
		return crc;
	pci_read_config_byte(pdev, PCI_CAPABILITY_LIST, &pos);
	while (ttl--) {
		pos &= ~3;
		if (pos < PCI_STD_HEADER_SIZEOF)
			break;
		pci_read_config_word(pdev, pos, &head);
		pci_read_config_word(pdev, pos + 2, &layout);
		id = head & 0xff;
		crc = crc_cap(crc, id, pos, layout & layout_mask(id));
		if (id == 0xff)
			break;
		pos = head >> 8;
	}
	return crc;
}

static u32 ecaps_crc(struct pci_dev *pdev)
{
	unsigned int ttl = (PCI_CFG_SPACE_EXP_SIZE - PCI_CFG_SPACE_SIZE) / 8;
	u32 crc = ~0U, head, layout;
	u16 pos = PCI_CFG_SPACE_SIZE, id;

	if (pdev->cfg_size < PCI_CFG_SPACE_EXP_SIZE)
		return crc;
	while (ttl-- && pos >= PCI_CFG_SPACE_SIZE) {
		pci_read_config_dword(pdev, pos, &head);
		if (!head || head == ~0U)
			break;
		id = PCI_EXT_CAP_ID(head);
		layout = 0;
		/* Vendor-specific ones (PCIe 6.0, 7.9.5 and 7.9.6) tell revision and length in the next dword. */
		if (id == PCI_EXT_CAP_ID_VNDR || id == PCI_EXT_CAP_ID_DVSEC)
			pci_read_config_dword(pdev, pos + 4, &layout);
		crc = crc_cap(crc, id, pos, layout);
		crc = crc_cap(crc, PCI_EXT_CAP_VER(head), pos, 0);
		pos = PCI_EXT_CAP_NEXT(head);
	}
	return crc;
}

/* Type bits of the BARs as the hardware has them; those of a VF are in its PF. */
static void read_bar_types(struct pci_dev *pdev, struct dpath_fingerprint *fp)
{
	unsigned int i;
	u32 bar;

	if (pdev->is_virtfn || pdev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return;
	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * i, &bar);
		bar &= bar & PCI_BASE_ADDRESS_SPACE_IO ? ~PCI_BASE_ADDRESS_IO_MASK : ~PCI_BASE_ADDRESS_MEM_MASK;
		fp->bar_flags[i] |= bar << 24;
		/* The next register is the upper half of the address, which is no type. */
		if ((bar & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64)
			i++;
	}
}

static void read_bars(struct pci_dev *pdev, struct dpath_fingerprint *fp)
{
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		flags = pci_resource_flags(pdev, i);
		fp->bar_size[i] = pci_resource_len(pdev, i);
		fp->bar_flags[i] = flags & (IORESOURCE_IO | IORESOURCE_MEM | IORESOURCE_PREFETCH | IORESOURCE_MEM_64);
	}
	fp->rom_size = min_t(u64, pci_resource_len(pdev, PCI_ROM_RESOURCE), U32_MAX);
}

/* A VF answers ones for these (SR-IOV 3.4.1.1): the kernel's idea of them, made from its PF, is used. */
static void read_identity(struct pci_dev *pdev, struct dpath_fingerprint *fp)
{
	if (pdev->is_virtfn) {
		fp->vendor = pdev->vendor;
		fp->device = pdev->device;
		fp->subsystem = pdev->subsystem_vendor | (u32)pdev->subsystem_device << 16;
		return;
	}
	pci_read_config_word(pdev, PCI_VENDOR_ID, &fp->vendor);
	pci_read_config_word(pdev, PCI_DEVICE_ID, &fp->device);
	if (pdev->hdr_type == PCI_HEADER_TYPE_NORMAL)
		pci_read_config_dword(pdev, PCI_SUBSYSTEM_VENDOR_ID, &fp->subsystem);
}

/**
 * dpath_fingerprint_take - read what identifies a function
 * @pdev: the function, awake
 * @fp: filled; valid only on success
 *
 * Context: process context; reads config space only, some dozen registers.
 * Return: 0, or -ENODEV if it does not answer.
 */
int dpath_fingerprint_take(struct pci_dev *pdev, struct dpath_fingerprint *fp)
{
	memset(fp, 0, sizeof(*fp));
	if (dpath_reset_gone(pdev))
		return -ENODEV;
	/* For a VF the above has asked its PF; this it answers itself. */
	pci_read_config_dword(pdev, PCI_CLASS_REVISION, &fp->class_revision);
	if (fp->class_revision == ~0U)
		return -ENODEV;
	read_identity(pdev, fp);
	pci_read_config_byte(pdev, PCI_HEADER_TYPE, &fp->header_type);
	fp->dsn = pci_get_dsn(pdev);
	fp->caps_crc = caps_crc(pdev);
	fp->ecaps_crc = ecaps_crc(pdev);
	read_bars(pdev, fp);
	read_bar_types(pdev, fp);
	/* It may have gone in the middle: half a fingerprint is none. */
	if (dpath_reset_gone(pdev))
		return -ENODEV;
	fp->valid = true;
	return 0;
}
