// SPDX-License-Identifier: GPL-2.0
/*
 * Permission tables of config space.
 *
 * Each bit has one of four treatments: from the hardware and read-only (the default of the header and of a shown capability), from the hardware
 * and writable, from the shadow and read-only, from the shadow and writable. A capability is shown (with the fields that differ from the
 * default), raw (all of it but the header goes to the hardware) or hidden: it reads as zero, ignores writes and is unlinked from its list.
 * Every id of the PCI Code and ID Assignment Specification 1.16 has an entry with the reason; an id that has none is hidden.
 *
 * What belongs to no capability: below 0x100 it is device specific (PCI Local Bus 3.0, 6.2.4), drivers use it, and it goes to the hardware; from
 * 0x100 on the specification leaves nothing to devices but VSEC and DVSEC, so it reads as zero. That keeps a hidden capability out of reach by
 * its address, not only by its list. A tenant who could enable MSI behind the kernel's back, or who owns a device that lies about its lists,
 * still meets interrupt remapping and the IOMMU: the tables keep the host's registers for the host, they do not replace the two.
 */

#include <linux/kernel.h>
#include <uapi/linux/pci_regs.h>

#include "cfgrule.h"

#define ALL32 0xffffffffU

#define SHOW .how = DPATH_CFG_SHOW
#define RAW .how = DPATH_CFG_RAW

#define COMMAND_HW (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE | PCI_COMMAND_PARITY)
#define COMMAND_VIRT (PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)
#define STATUS_W1C (PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT | \
		    PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY)

static const struct dpath_cfg_field header_fields[] = {
	{ PCI_VENDOR_ID, 4, .virt = ALL32, .why = "a virtual function reads as ones here; the kernel knows its ids" },
	{ PCI_COMMAND, 2, .virt = COMMAND_VIRT, .write = COMMAND_HW | COMMAND_VIRT, .zero = COMMAND_VIRT,
	  .why = "decode and bus master are the tenant's; INTx is masked by the interrupt code and SERR# is the host's" },
	{ PCI_STATUS, 2, .virt = PCI_STATUS_CAP_LIST, .write = STATUS_W1C, .w1c = STATUS_W1C,
	  .why = "error bits may be cleared; whether there is a list depends on what is shown" },
	{ PCI_CACHE_LINE_SIZE, 1, .write = 0xff, .why = "only tells the function about itself" },
	{ PCI_LATENCY_TIMER, 1, .virt = 0xff, .write = 0xff, .why = "a share of a bus that others use too" },
	{ PCI_BIST, 1, .virt = 0xff, .zero = 0xff, .why = "a self test is a reset that nobody else knows of" },
	{ PCI_BASE_ADDRESS_0, 4, .virt = ALL32, .zero = ALL32, .why = "host addresses stay in the host; sized by the masks of config.c" },
	{ PCI_BASE_ADDRESS_1, 4, .virt = ALL32, .zero = ALL32, .why = "as BAR 0" },
	{ PCI_BASE_ADDRESS_2, 4, .virt = ALL32, .zero = ALL32, .why = "as BAR 0" },
	{ PCI_BASE_ADDRESS_3, 4, .virt = ALL32, .zero = ALL32, .why = "as BAR 0" },
	{ PCI_BASE_ADDRESS_4, 4, .virt = ALL32, .zero = ALL32, .why = "as BAR 0" },
	{ PCI_BASE_ADDRESS_5, 4, .virt = ALL32, .zero = ALL32, .why = "as BAR 0" },
	{ PCI_ROM_ADDRESS, 4, .virt = ALL32, .zero = ALL32, .why = "as BAR 0; the fd enables the ROM while it reads it" },
	{ PCI_CAPABILITY_LIST, 1, .virt = 0xff, .zero = 0xff, .why = "hidden capabilities are unlinked" },
	{ PCI_INTERRUPT_LINE, 1, .virt = 0xff, .write = 0xff, .why = "a note of firmware to itself" },
	{ PCI_INTERRUPT_PIN, 1, .virt = 0xff, .why = "0 if the host cannot deliver INTx" },
	{}
};

static const struct dpath_cfg_field pm_fields[] = {
	{ PCI_PM_PMC, 2, .virt = PCI_PM_CAP_PME_MASK, .zero = PCI_PM_CAP_PME_MASK, .why = "a wake-up event would go to the host" },
	{ PCI_PM_CTRL, 2, .virt = PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS, .write = PCI_PM_CTRL_STATE_MASK,
	  .zero = PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS,
	  .why = "the PCI core changes the power state and saves what it loses" },
	{}
};

static const struct dpath_cfg_field vpd_fields[] = {
	{ PCI_VPD_ADDR, 2, .virt = 0xffff, .write = 0xffff, .zero = 0xffff, .why = "read through the PCI core, which knows the broken ones" },
	{ PCI_VPD_DATA, 4, .virt = ALL32, .write = ALL32, .zero = ALL32, .why = "what is written there would outlive the tenant" },
	{}
};

#define MSI_VIRT (PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE)
#define MSI_EXT_DATA 0x0600 /* extended message data capable and enable */
#define MSI_FLAGS_FIELD { PCI_MSI_FLAGS, 2, .virt = MSI_VIRT | MSI_EXT_DATA, .write = MSI_VIRT, .zero = MSI_VIRT | MSI_EXT_DATA, \
			  .why = "enabled through SET_IRQS; the kernel owns the registers" }
#define MSI_FIELD(offset_, width_, write_) { offset_, width_, .virt = ALL32, .write = write_, .zero = ALL32, \
					     .why = "the message is the host's" }

static const struct dpath_cfg_field msi32_fields[] = {
	MSI_FLAGS_FIELD,
	MSI_FIELD(PCI_MSI_ADDRESS_LO, 4, ~3U),
	MSI_FIELD(PCI_MSI_DATA_32, 4, 0xffff),
	MSI_FIELD(PCI_MSI_MASK_32, 4, ALL32),
	{}
};

static const struct dpath_cfg_field msi64_fields[] = {
	MSI_FLAGS_FIELD,
	MSI_FIELD(PCI_MSI_ADDRESS_LO, 4, ~3U),
	MSI_FIELD(PCI_MSI_ADDRESS_HI, 4, ALL32),
	MSI_FIELD(PCI_MSI_DATA_64, 4, 0xffff),
	MSI_FIELD(PCI_MSI_MASK_64, 4, ALL32),
	{}
};

#define MSIX_VIRT (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL)

static const struct dpath_cfg_field msix_fields[] = {
	{ PCI_MSIX_FLAGS, 2, .virt = MSIX_VIRT, .write = MSIX_VIRT, .zero = MSIX_VIRT,
	  .why = "enabled through SET_IRQS; the kernel owns the table" },
	{}
};

static const struct dpath_cfg_field pcix_fields[] = {
	{ PCI_X_CMD, 2, .virt = 0x7f, .write = 0x7f, .why = "shares of a bus that others use too" },
	{}
};

static const struct dpath_cfg_field sata_fields[] = {
	{ 0x08, 4, .write = ALL32, .why = "index into the function's own registers" },
	{ 0x0c, 4, .write = ALL32, .why = "data of the function's own registers" },
	{}
};

static const struct dpath_cfg_field af_fields[] = {
	{ PCI_AF_CTRL, 1, .virt = 0xff, .write = PCI_AF_CTRL_FLR, .zero = 0xff,
	  .why = "the reset is done by the PCI core, which saves and restores" },
	{}
};

#define DEVCTL_HW (PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN)
#define DEVCTL_VIRT (0xffff & ~(DEVCTL_HW | PCI_EXP_DEVCTL_PHANTOM))
#define DEVCTL2_HW (PCI_EXP_DEVCTL2_COMP_TIMEOUT | PCI_EXP_DEVCTL2_COMP_TMOUT_DIS | PCI_EXP_DEVCTL2_ATOMIC_REQ | \
		    PCI_EXP_DEVCTL2_IDO_REQ_EN | PCI_EXP_DEVCTL2_IDO_CMP_EN)

static const struct dpath_cfg_field exp_fields[] = {
	{ PCI_EXP_DEVCAP, 4, .virt = PCI_EXP_DEVCAP_PHANTOM | PCI_EXP_DEVCAP_FLR, .zero = PCI_EXP_DEVCAP_PHANTOM,
	  .why = "phantom functions use requester ids of others; FLR may be known as broken" },
	{ PCI_EXP_DEVCTL, 2, .virt = DEVCTL_VIRT | PCI_EXP_DEVCTL_PHANTOM, .write = DEVCTL_HW | DEVCTL_VIRT,
	  .zero = PCI_EXP_DEVCTL_PHANTOM | PCI_EXP_DEVCTL_BCR_FLR,
	  .why = "payload, tags, aux power and error reports are agreed with the path by the host; read requests go through the PCI core" },
	{ PCI_EXP_DEVSTA, 2, .write = 0x000f, .w1c = 0x004f, .why = "error bits may be cleared" },
	{ PCI_EXP_LNKCTL, 2, .virt = 0xffff, .write = 0xffff, .why = "the link has another end, which is the host's" },
	{ PCI_EXP_DEVCTL2, 2, .virt = 0xffff & ~DEVCTL2_HW, .write = 0xffff,
	  .why = "LTR, OBFF, tags and forwarding are agreed with the path by the host" },
	{ PCI_EXP_LNKCTL2, 2, .virt = 0xffff, .write = 0xffff, .why = "the link has another end, which is the host's" },
	{}
};

static const struct dpath_cfg_field aer_fields[] = {
	{ PCI_ERR_UNCOR_MASK, 4, .virt = ALL32, .write = ALL32, .why = "the host wants to know of errors whatever the tenant masks" },
	{ PCI_ERR_UNCOR_SEVER, 4, .virt = ALL32, .write = ALL32, .why = "severity decides what the host does" },
	{ PCI_ERR_COR_MASK, 4, .virt = ALL32, .write = ALL32, .why = "as the uncorrectable mask" },
	{ PCI_ERR_CAP, 4, .virt = PCI_ERR_CAP_ECRC_GENE | PCI_ERR_CAP_ECRC_CHKE, .write = PCI_ERR_CAP_ECRC_GENE | PCI_ERR_CAP_ECRC_CHKE,
	  .why = "ECRC is agreed with the path by the host" },
	{}
};

static const struct dpath_cfg_field ltr_fields[] = {
	{ PCI_LTR_MAX_SNOOP_LAT, 4, .virt = ALL32, .write = 0x1fff1fff, .why = "latency of the platform is the host's" },
	{}
};

static const struct dpath_cfg_field pwr_fields[] = {
	{ PCI_PWR_DSR, 1, .write = 0xff, .why = "selects what the data register shows" },
	{}
};

static unsigned int measure_vndr(u32 dw0, u32 dw1)
{
	unsigned int length = (dw0 >> 16) & 0xff;

	return length < 3 ? 0 : length;
}

static unsigned int measure_msi(u32 dw0, u32 dw1)
{
	u16 flags = dw0 >> 16;
	unsigned int size = flags & PCI_MSI_FLAGS_64BIT ? 14 : 10;

	/* Mask and pending bits follow at the next dword. */
	return flags & PCI_MSI_FLAGS_MASKBIT ? size + 10 : size;
}

static unsigned int measure_pcix(u32 dw0, u32 dw1)
{
	return PCI_X_CMD_VERSION(dw0 >> 16) ? PCI_CAP_PCIX_SIZEOF_V1 : PCI_CAP_PCIX_SIZEOF_V0;
}

static unsigned int measure_exp(u32 dw0, u32 dw1)
{
	u16 flags = dw0 >> 16;
	bool link = ((flags & PCI_EXP_FLAGS_TYPE) >> 4) != PCI_EXP_TYPE_RC_END;

	if ((flags & PCI_EXP_FLAGS_VERS) < 2)
		return link ? PCI_CAP_EXP_ENDPOINT_SIZEOF_V1 : PCI_CAP_EXP_RC_ENDPOINT_SIZEOF_V1;
	return link ? PCI_CAP_EXP_ENDPOINT_SIZEOF_V2 : PCI_CAP_EXP_RC_ENDPOINT_SIZEOF_V2;
}

static unsigned int measure_sata(u32 dw0, u32 dw1)
{
	return (dw1 & PCI_SATA_REGS_MASK) == PCI_SATA_REGS_INLINE ? PCI_SATA_SIZEOF_LONG : PCI_SATA_SIZEOF_SHORT;
}

static unsigned int measure_vc(u32 dw0, u32 dw1)
{
	return PCI_CAP_VC_BASE_SIZEOF + ((dw1 & PCI_VC_CAP1_EVCC) + 1) * PCI_CAP_VC_PER_VC_SIZEOF;
}

static unsigned int measure_vsec(u32 dw0, u32 dw1)
{
	unsigned int length = dw1 >> 20;

	return length < 8 ? 0 : length;
}

const struct dpath_cfg_rule dpath_cfg_header_rule = {
	.name = "header", .why = "read-only by specification", SHOW, .size = PCI_STD_HEADER_SIZEOF, .fields = header_fields,
};

static const struct dpath_cfg_rule unknown_rule = {
	.name = "unknown", .why = "what it does to the host cannot be known", .how = DPATH_CFG_HIDE, .many = true,
};

static const struct dpath_cfg_rule msi64_rule = {
	.name = "MSI", .why = "as the 32-bit form", SHOW, .measure = measure_msi, .fields = msi64_fields,
};

static const struct dpath_cfg_rule cxl_rule = {
	.name = "CXL DVSEC", .why = "CXL.cache and CXL.mem are enabled here and pass the IOMMU by", .how = DPATH_CFG_HIDE, .many = true,
};

static const struct dpath_cfg_rule *refine_msi(u32 dw0, u32 dw1)
{
	return (dw0 >> 16) & PCI_MSI_FLAGS_64BIT ? &msi64_rule : NULL;
}

static const struct dpath_cfg_rule *refine_dvsec(u32 dw0, u32 dw1)
{
	return (dw1 & 0xffff) == 0x1e98 ? &cxl_rule : NULL;
}

#define HIDDEN(name_, size_, why_) { .name = name_, .size = size_, .why = why_, .how = DPATH_CFG_HIDE }

/* Capabilities of the first 256 bytes, by id. Hidden ones need their size (0: unknown), because what is behind them is raw. */
static const struct dpath_cfg_rule std_rules[] = {
	[0x00] = { .name = "null", .size = 4, .why = "nothing but a header", .how = DPATH_CFG_HIDE, .many = true },
	[PCI_CAP_ID_PM] = { .name = "PM", .size = PCI_PM_SIZEOF, .why = "power states are the tenant's within bounds", SHOW,
			    .fields = pm_fields },
	[PCI_CAP_ID_AGP] = HIDDEN("AGP", PCI_AGP_SIZEOF, "the aperture is the chipset's and no IOMMU is in between"),
	[PCI_CAP_ID_VPD] = { .name = "VPD", .size = PCI_CAP_VPD_SIZEOF, .why = "drivers need it, read-only", SHOW, .fields = vpd_fields },
	[PCI_CAP_ID_SLOTID] = HIDDEN("slot id", 4, "of bridges"),
	[PCI_CAP_ID_MSI] = { .name = "MSI", .why = "the kernel programs it", SHOW, .measure = measure_msi, .refine = refine_msi,
			     .fields = msi32_fields },
	[PCI_CAP_ID_CHSWP] = HIDDEN("CompactPCI hot swap", 4, "the slot is the host's"),
	[PCI_CAP_ID_PCIX] = { .name = "PCI-X", .why = "status only", SHOW, .measure = measure_pcix, .fields = pcix_fields },
	[PCI_CAP_ID_HT] = HIDDEN("HyperTransport", 0, "routes interrupts and addresses of the host"),
	[PCI_CAP_ID_VNDR] = { .name = "vendor specific", .why = "drivers use it; the function can do the same by its BARs", RAW, .many = true,
			      .measure = measure_vndr },
	[PCI_CAP_ID_DBG] = HIDDEN("debug port", 4, "the host's early console may use it"),
	[PCI_CAP_ID_CCRC] = HIDDEN("CompactPCI resource control", 4, "the chassis is the host's"),
	[PCI_CAP_ID_SHPC] = HIDDEN("hot-plug controller", 8, "of bridges"),
	[PCI_CAP_ID_SSVID] = { .name = "subsystem ids", .size = 8, .why = "read-only by specification", SHOW },
	[PCI_CAP_ID_AGP3] = HIDDEN("AGP 8x", PCI_AGP_SIZEOF, "of bridges"),
	[PCI_CAP_ID_SECDEV] = HIDDEN("secure device", 0, "AMD's IOMMU and its exclusion registers"),
	[PCI_CAP_ID_EXP] = { .name = "PCI Express", .why = "device half the tenant's, link half the host's", SHOW, .measure = measure_exp,
			     .fields = exp_fields },
	[PCI_CAP_ID_MSIX] = { .name = "MSI-X", .size = PCI_CAP_MSIX_SIZEOF, .why = "the kernel programs it", SHOW, .fields = msix_fields },
	[PCI_CAP_ID_SATA] = { .name = "SATA", .why = "says where its registers are", SHOW, .measure = measure_sata, .fields = sata_fields },
	[PCI_CAP_ID_AF] = { .name = "AF", .size = PCI_CAP_AF_SIZEOF, .why = "a reset for conventional PCI", SHOW, .fields = af_fields },
	[PCI_CAP_ID_EA] = HIDDEN("enhanced allocation", 0, "holds host addresses; BARs are virtual instead"),
	[0x15] = HIDDEN("flattening portal bridge", 16, "of bridges"),
};

/*
 * Extended capabilities by id. All space from 0x100 on that is not shown is out of reach, so a hidden one needs a size only against a shown one
 * that claims to lie over it: given, at its least, where that would matter.
 */
static const struct dpath_cfg_rule ext_rules[] = {
	[0x00] = { .name = "null", .why = "nothing but a header", .how = DPATH_CFG_HIDE, .many = true },
	[PCI_EXT_CAP_ID_ERR] = { .name = "AER", .size = 0x2c, .why = "may be read; the host handles and clears errors", SHOW,
				 .fields = aer_fields },
	[PCI_EXT_CAP_ID_VC] = { .name = "VC", .why = "may be read; the path is the host's", SHOW, .measure = measure_vc },
	[PCI_EXT_CAP_ID_DSN] = { .name = "serial number", .size = PCI_EXT_CAP_DSN_SIZEOF, .why = "read-only by specification", SHOW },
	[PCI_EXT_CAP_ID_PWR] = { .name = "power budgeting", .size = PCI_EXT_CAP_PWR_SIZEOF, .why = "describes the function", SHOW,
				 .fields = pwr_fields },
	[PCI_EXT_CAP_ID_RCLD] = HIDDEN("root complex links", 0, "topology of the host"),
	[PCI_EXT_CAP_ID_RCILC] = HIDDEN("root complex internal link", 0, "a link of the host"),
	[PCI_EXT_CAP_ID_RCEC] = HIDDEN("event collector", 0, "errors of other functions"),
	[PCI_EXT_CAP_ID_MFVC] = HIDDEN("multi-function VC", 0, "shares of a link that other functions use too"),
	[PCI_EXT_CAP_ID_VC9] = { .name = "VC", .why = "may be read; the path is the host's", SHOW, .measure = measure_vc },
	[PCI_EXT_CAP_ID_RCRB] = HIDDEN("RCRB header", 0, "of the root complex"),
	[PCI_EXT_CAP_ID_VNDR] = { .name = "VSEC", .why = "drivers use it; the function can do the same by its BARs", RAW, .many = true,
				  .measure = measure_vsec },
	[PCI_EXT_CAP_ID_CAC] = HIDDEN("configuration access", 0, "another way into config space"),
	[PCI_EXT_CAP_ID_ACS] = { .name = "ACS", .size = 8, .why = "may be read; isolation is the host's", SHOW },
	[PCI_EXT_CAP_ID_ARI] = HIDDEN("ARI", PCI_EXT_CAP_ARI_SIZEOF, "function numbers of the host, which are not the guest's"),
	[PCI_EXT_CAP_ID_ATS] = HIDDEN("ATS", PCI_EXT_CAP_ATS_SIZEOF, "translated requests pass the IOMMU by"),
	[PCI_EXT_CAP_ID_SRIOV] = HIDDEN("SR-IOV", PCI_EXT_CAP_SRIOV_SIZEOF, "makes functions that nobody owns"),
	[PCI_EXT_CAP_ID_MRIOV] = HIDDEN("MR-IOV", 0, "as SR-IOV, for several hosts"),
	[PCI_EXT_CAP_ID_MCAST] = HIDDEN("multicast", PCI_EXT_CAP_MCAST_ENDPOINT_SIZEOF, "writes of one function reach others"),
	[PCI_EXT_CAP_ID_PRI] = HIDDEN("PRI", PCI_EXT_CAP_PRI_SIZEOF, "page requests go to the host's IOMMU"),
	[PCI_EXT_CAP_ID_AMD_XXX] = HIDDEN("reserved for AMD", 0, "what it does to the host cannot be known"),
	[PCI_EXT_CAP_ID_REBAR] = HIDDEN("resizable BAR", 12, "the host has placed the BARs"),
	[PCI_EXT_CAP_ID_DPA] = HIDDEN("dynamic power", 0, "the budget of the slot is the host's"),
	[PCI_EXT_CAP_ID_TPH] = HIDDEN("TPH", 12, "steering tags name caches of the host"),
	[PCI_EXT_CAP_ID_LTR] = { .name = "LTR", .size = PCI_EXT_CAP_LTR_SIZEOF, .why = "drivers look at it", SHOW, .fields = ltr_fields },
	[PCI_EXT_CAP_ID_SECPCI] = HIDDEN("secondary PCI Express", 0, "equalisation of a link whose other end is the host's"),
	[PCI_EXT_CAP_ID_PMUX] = HIDDEN("protocol multiplexing", 0, "other protocols on a link of the host"),
	[PCI_EXT_CAP_ID_PASID] = HIDDEN("PASID", PCI_EXT_CAP_PASID_SIZEOF, "address spaces that the host has not attached"),
	[0x1c] = HIDDEN("LN requester", 0, "cache lines of the host"),
	[PCI_EXT_CAP_ID_DPC] = HIDDEN("DPC", 0, "of ports"),
	[PCI_EXT_CAP_ID_L1SS] = HIDDEN("L1 substates", 16, "both ends of the link must agree, and one is the host's"),
	[PCI_EXT_CAP_ID_PTM] = HIDDEN("PTM", 12, "the clock is the host's, and the path must be set up by it"),
	[0x20] = HIDDEN("M-PCIe", 0, "a link of the host"),
	[0x21] = HIDDEN("FRS queueing", 0, "of root ports"),
	[0x22] = { .name = "readiness time", .size = 12, .why = "read-only by specification", SHOW },
	[PCI_EXT_CAP_ID_DVSEC] = { .name = "DVSEC", .why = "as VSEC, unless it is one that is known to matter", RAW, .many = true,
				   .measure = measure_vsec, .refine = refine_dvsec },
	[0x24] = HIDDEN("VF resizable BAR", 12, "of physical functions; the host has placed the BARs"),
	[PCI_EXT_CAP_ID_DLF] = HIDDEN("data link feature", 0, "agreed with the other end of the link"),
	[PCI_EXT_CAP_ID_PL_16GT] = HIDDEN("physical layer 16 GT/s", 0, "the link is the host's"),
	[0x27] = HIDDEN("lane margining", 0, "disturbs the link"),
	[0x28] = HIDDEN("hierarchy id", 0, "names the host"),
	[0x29] = HIDDEN("NPEM", 0, "lamps of the enclosure are the host's"),
	[0x2a] = HIDDEN("physical layer 32 GT/s", 0, "the link is the host's"),
	[0x2b] = HIDDEN("alternate protocol", 0, "turns the link into CXL"),
	[0x2c] = HIDDEN("system firmware intermediary", 0, "of ports; goes to firmware"),
	[0x2d] = HIDDEN("shadow functions", 0, "use requester ids of others"),
	[PCI_EXT_CAP_ID_DOE] = HIDDEN("DOE", 24, "attestation and firmware of the function; the host talks to it"),
	[0x2f] = HIDDEN("device 3", 12, "tags and ordering are agreed with the path by the host"),
	[0x30] = HIDDEN("IDE", 12, "keys of the link and of streams are the host's"),
	[0x31] = HIDDEN("physical layer 64 GT/s", 0, "the link is the host's"),
	[0x32] = HIDDEN("flit logging", 0, "the link is the host's"),
	[0x33] = HIDDEN("flit performance", 0, "the link is the host's"),
	[0x34] = HIDDEN("flit error injection", 0, "disturbs the link"),
	[0x35] = HIDDEN("streamlined VC", 0, "the path is the host's"),
	[0x36] = HIDDEN("MMIO register block locator", 0, "points to registers of ports and links"),
};

/**
 * dpath_cfg_rule_of - the rule for a capability
 * @id: its id
 * @ext: extended
 *
 * Return: the rule; one that hides for an id without an entry. Never NULL.
 */
const struct dpath_cfg_rule *dpath_cfg_rule_of(u16 id, bool ext)
{
	const struct dpath_cfg_rule *rule = &unknown_rule;

	if (ext && id < ARRAY_SIZE(ext_rules))
		rule = &ext_rules[id];
	else if (!ext && id < ARRAY_SIZE(std_rules))
		rule = &std_rules[id];
	return rule->name ? rule : &unknown_rule;
}
