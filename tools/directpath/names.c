// SPDX-License-Identifier: GPL-2.0
/*
 * Words for numbers: the enums of the netlink specification, and PCI classes.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <linux/directpath_nl.h>

#include "model.h"
#include "names.h"

static const char *const states[] = {
	[DIRECTPATH_STATE_HOST] = "host",
	[DIRECTPATH_STATE_CLAIMING] = "claiming",
	[DIRECTPATH_STATE_READY] = "ready",
	[DIRECTPATH_STATE_RESERVED] = "reserved",
	[DIRECTPATH_STATE_RUNNING] = "running",
	[DIRECTPATH_STATE_DRAINING] = "draining",
	[DIRECTPATH_STATE_RESETTING] = "resetting",
	[DIRECTPATH_STATE_DIRTY] = "dirty",
	[DIRECTPATH_STATE_QUARANTINED] = "quarantined",
	[DIRECTPATH_STATE_FAILED] = "failed",
	[DIRECTPATH_STATE_GONE] = "gone",
};

static const char *const verdicts[] = {
	[DIRECTPATH_VERDICT_OK] = "ok",
	[DIRECTPATH_VERDICT_OK_SET] = "ok-set",
	[DIRECTPATH_VERDICT_RISKY] = "risky",
	[DIRECTPATH_VERDICT_BLOCKED] = "blocked",
};

static const char *const grades[] = {
	[DIRECTPATH_GRADE_NONE] = "-",
	[DIRECTPATH_GRADE_A] = "A",
	[DIRECTPATH_GRADE_B] = "B",
	[DIRECTPATH_GRADE_C] = "C",
	[DIRECTPATH_GRADE_D] = "D",
};

static const char *const reasons[] = {
	[DIRECTPATH_REASON_NO_IOMMU] = "no-iommu",
	[DIRECTPATH_REASON_NO_INTREMAP] = "no-intremap",
	[DIRECTPATH_REASON_ACS_MISSING] = "acs-missing",
	[DIRECTPATH_REASON_SET_SHARED] = "set-shared",
	[DIRECTPATH_REASON_RMRR] = "rmrr",
	[DIRECTPATH_REASON_NO_RESET] = "no-reset",
	[DIRECTPATH_REASON_RESET_SHARED] = "reset-shared",
	[DIRECTPATH_REASON_INTX_ONLY] = "intx-only",
	[DIRECTPATH_REASON_BARS_UNASSIGNED] = "bars-unassigned",
	[DIRECTPATH_REASON_BAR_BOOTFB] = "bar-bootfb",
	[DIRECTPATH_REASON_APERTURE_SMALL] = "aperture-small",
	[DIRECTPATH_REASON_NOT_ENDPOINT] = "not-endpoint",
	[DIRECTPATH_REASON_FW_OWNS_PCIE] = "fw-owns-pcie",
	[DIRECTPATH_REASON_ROOT_DISK] = "root-disk",
	[DIRECTPATH_REASON_SWAP] = "swap",
	[DIRECTPATH_REASON_RAID_MEMBER] = "raid-member",
	[DIRECTPATH_REASON_MGMT_NIC] = "mgmt-nic",
	[DIRECTPATH_REASON_CALLER_SESSION] = "caller-session",
	[DIRECTPATH_REASON_CONSOLE_GPU] = "console-gpu",
	[DIRECTPATH_REASON_NETDEV_UP] = "netdev-up",
	[DIRECTPATH_REASON_DRIVER_BUSY] = "driver-busy",
	[DIRECTPATH_REASON_VFS_ENABLED] = "vfs-enabled",
	[DIRECTPATH_REASON_VF_PARENT_OFF] = "vf-parent-off",
	[DIRECTPATH_REASON_D3COLD] = "d3cold",
	[DIRECTPATH_REASON_AER_LATCHED] = "aer-latched",
	[DIRECTPATH_REASON_IDENTITY_MISMATCH] = "identity-mismatch",
	[DIRECTPATH_REASON_POLICY_DENY] = "policy-deny",
	[DIRECTPATH_REASON_QUOTA] = "quota",
	[DIRECTPATH_REASON_VECTORS_EXHAUSTED] = "vectors-exhausted",
	[DIRECTPATH_REASON_MEMLOCK_LOW] = "memlock-low",
	[DIRECTPATH_REASON_DRIVER_BOUND] = "driver-bound",
	[DIRECTPATH_REASON_DRIVER_PINNED] = "driver-pinned",
	[DIRECTPATH_REASON_SET_CHANGED] = "set-changed",
	[DIRECTPATH_REASON_DIRTY] = "dirty",
	[DIRECTPATH_REASON_ATTACHED] = "attached",
};

static const char *const op_kinds[] = {
	[DIRECTPATH_OP_KIND_CLAIM] = "claim",
	[DIRECTPATH_OP_KIND_RELEASE] = "release",
	[DIRECTPATH_OP_KIND_RESET] = "reset",
	[DIRECTPATH_OP_KIND_RECOVER] = "recover",
	[DIRECTPATH_OP_KIND_ATTACH] = "attach",
	[DIRECTPATH_OP_KIND_DETACH] = "detach",
	[DIRECTPATH_OP_KIND_ACCEPT] = "accept",
	[DIRECTPATH_OP_KIND_CLEAN] = "clean",
};

static const char *const posted[] = {
	[DIRECTPATH_POSTED_UNKNOWN] = "unknown",
	[DIRECTPATH_POSTED_OFF] = "off",
	[DIRECTPATH_POSTED_ON] = "on",
};

static const char *const irq_indexes[] = {
	[DIRECTPATH_IRQ_INDEX_INTX] = "intx",
	[DIRECTPATH_IRQ_INDEX_MSI] = "msi",
	[DIRECTPATH_IRQ_INDEX_MSIX] = "msix",
	[DIRECTPATH_IRQ_INDEX_ERR] = "err",
	[DIRECTPATH_IRQ_INDEX_REQ] = "req",
};

static const char *const error_policies[] = {
	[DIRECTPATH_ERROR_POLICY_DEFAULT] = "default",
	[DIRECTPATH_ERROR_POLICY_NONE] = "none",
	[DIRECTPATH_ERROR_POLICY_NOTIFY] = "notify",
	[DIRECTPATH_ERROR_POLICY_REVOKE] = "revoke",
};

static const char *const fault_kinds[] = {
	[DIRECTPATH_FAULT_KIND_AER_CORRECTABLE] = "aer-correctable",
	[DIRECTPATH_FAULT_KIND_AER_NONFATAL] = "aer-nonfatal",
	[DIRECTPATH_FAULT_KIND_AER_FATAL] = "aer-fatal",
	[DIRECTPATH_FAULT_KIND_IOMMU] = "iommu",
};

static const char *name_of(const char *const *names, size_t nr, unsigned int value)
{
	return value < nr && names[value] ? names[value] : "unknown";
}

static int value_of(const char *const *names, size_t nr, const char *name)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (names[i] && !strcmp(names[i], name))
			return (int)i;
	return -1;
}

const char *state_name(unsigned int state)
{
	return name_of(states, ARRAY_SIZE(states), state);
}

const char *verdict_name(unsigned int verdict)
{
	return name_of(verdicts, ARRAY_SIZE(verdicts), verdict);
}

const char *grade_name(unsigned int grade)
{
	return name_of(grades, ARRAY_SIZE(grades), grade);
}

const char *reason_name(unsigned int reason)
{
	return name_of(reasons, ARRAY_SIZE(reasons), reason);
}

const char *op_kind_name(unsigned int kind)
{
	return name_of(op_kinds, ARRAY_SIZE(op_kinds), kind);
}

const char *posted_name(unsigned int value)
{
	return name_of(posted, ARRAY_SIZE(posted), value);
}

const char *irq_index_name(unsigned int index)
{
	return name_of(irq_indexes, ARRAY_SIZE(irq_indexes), index);
}

const char *error_policy_name(unsigned int policy)
{
	return name_of(error_policies, ARRAY_SIZE(error_policies), policy);
}

const char *fault_kind_name(unsigned int kind)
{
	return name_of(fault_kinds, ARRAY_SIZE(fault_kinds), kind);
}

int error_policy_by_name(const char *name)
{
	return value_of(error_policies, ARRAY_SIZE(error_policies), name);
}

int state_by_name(const char *name)
{
	return value_of(states, ARRAY_SIZE(states), name);
}

int verdict_by_name(const char *name)
{
	return value_of(verdicts, ARRAY_SIZE(verdicts), name);
}

int reason_by_name(const char *name)
{
	return value_of(reasons, ARRAY_SIZE(reasons), name);
}

/* First hit counts, so the exact ones come first; the mask says which bits of the 24 matter. */
static const struct class {
	unsigned int class;
	unsigned int mask;
	const char *name;
	const char *text;
} classes[] = {
	{ 0x010000, 0xffff00, "scsi", "SCSI controller" },
	{ 0x010100, 0xffff00, "ide", "IDE interface" },
	{ 0x010400, 0xffff00, "raid", "RAID controller" },
	{ 0x010600, 0xffff00, "sata", "SATA controller" },
	{ 0x010700, 0xffff00, "sas", "SAS controller" },
	{ 0x010802, 0xffffff, "nvme", "NVMe controller" },
	{ 0x010000, 0xff0000, "storage", "Mass storage controller" },
	{ 0x020000, 0xffff00, "eth", "Ethernet controller" },
	{ 0x020700, 0xffff00, "ib", "InfiniBand controller" },
	{ 0x028000, 0xffff00, "wifi", "Network controller" },
	{ 0x020000, 0xff0000, "net", "Network controller" },
	{ 0x030000, 0xffff00, "vga", "VGA controller" },
	{ 0x030200, 0xffff00, "3d", "3D controller" },
	{ 0x030000, 0xff0000, "display", "Display controller" },
	{ 0x040100, 0xffff00, "audio", "Audio device" },
	{ 0x040300, 0xffff00, "audio", "Audio device" },
	{ 0x040000, 0xff0000, "media", "Multimedia controller" },
	{ 0x050000, 0xff0000, "memory", "Memory controller" },
	{ 0x060000, 0xffff00, "hostbr", "Host bridge" },
	{ 0x060100, 0xffff00, "isa", "ISA bridge" },
	{ 0x060400, 0xffff00, "bridge", "PCI bridge" },
	{ 0x060000, 0xff0000, "bridge", "Bridge" },
	{ 0x070000, 0xffff00, "serial", "Serial controller" },
	{ 0x070000, 0xff0000, "comm", "Communication controller" },
	{ 0x080600, 0xffff00, "iommu", "IOMMU" },
	{ 0x080000, 0xff0000, "system", "System peripheral" },
	{ 0x090000, 0xff0000, "input", "Input device" },
	{ 0x0b4000, 0xffff00, "coproc", "Co-processor" },
	{ 0x0c0300, 0xffff00, "usb", "USB controller" },
	{ 0x0c0500, 0xffff00, "smbus", "SMBus" },
	{ 0x0c0000, 0xff0000, "bus", "Serial bus controller" },
	{ 0x0d0000, 0xff0000, "radio", "Wireless controller" },
	{ 0x100000, 0xff0000, "crypto", "Encryption controller" },
	{ 0x110000, 0xff0000, "signal", "Signal processing controller" },
	{ 0x120000, 0xff0000, "accel", "Processing accelerator" },
	{ 0xff0000, 0xff0000, "other", "Unassigned class" },
};

/* Names for more than one row. */
static const struct class aliases[] = {
	{ 0x030000, 0xff0000, "gpu", NULL },
	{ 0x020000, 0xff0000, "net", NULL },
	{ 0x010000, 0xff0000, "storage", NULL },
	{ 0x060000, 0xff0000, "bridge", NULL },
};

static const struct class *lookup_class(unsigned int class)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes); i++)
		if ((class & classes[i].mask) == classes[i].class)
			return &classes[i];
	return NULL;
}

const char *class_name(unsigned int class, char *buf, size_t size)
{
	const struct class *row = lookup_class(class);

	if (row)
		return row->name;
	snprintf(buf, size, "%04x", class >> 8);
	return buf;
}

const char *class_text(unsigned int class)
{
	const struct class *row = lookup_class(class);

	return row ? row->text : "Device";
}

static bool is_hex(const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < len; i++)
		if (!isxdigit((unsigned char)name[i]))
			return false;
	return len >= 2 && len <= 6 && len % 2 == 0;
}

bool class_name_valid(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes); i++)
		if (!strcmp(classes[i].name, name))
			return true;
	for (i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcmp(aliases[i].name, name))
			return true;
	return is_hex(name);
}

bool class_matches(unsigned int class, const char *name)
{
	char buf[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcmp(aliases[i].name, name))
			return (class & aliases[i].mask) == aliases[i].class;
	if (!strcmp(class_name(class, buf, sizeof(buf)), name))
		return true;
	if (!is_hex(name))
		return false;
	snprintf(buf, sizeof(buf), "%06x", class & 0xffffff);
	return !strncasecmp(buf, name, strlen(name));
}
