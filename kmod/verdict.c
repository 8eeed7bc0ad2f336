// SPDX-License-Identifier: GPL-2.0
/*
 * The verdict: everything that speaks against claiming a function, or lowers its grade, in one list.
 *
 * Built afresh for each question from what the kernel knows at that moment; nothing is kept, no lock of ours is needed. The function may be bound to
 * any driver, running in a VM or on its way off the bus (the caller has a reference): the facts are a snapshot, and the claim meets the real ones.
 *
 * Never device_lock: a host driver that hangs in probe() or remove() holds it for good, and a dump asks about every function. What is used instead:
 * - the driver bound to a function: read under RCU, see dpath_verdict_driver();
 * - members, interrupt remapping and reserved regions of the set: group->mutex, inside the IOMMU layer;
 * - config space: only of functions that are awake, whose bridges are awake, and that nobody is resetting (block_cfg_access).
 *
 * A reason blocks or not; a blocking one is forceable (dev-claim may list it), consentable (an admin's setting lifts it: reset none,
 * unsafe-interrupts), or neither. From these follows the verdict; the grade is that of the worst fact.
 */

#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/screen_info.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/vgaarb.h>

#include "group.h"
#include "reset.h"
#include "survey.h"
#include "verdict.h"

/* Lifted by a setting of the admin instead of force. */
static bool is_consentable(enum directpath_reason code)
{
	return code == DIRECTPATH_REASON_NO_RESET || code == DIRECTPATH_REASON_RESET_SHARED || code == DIRECTPATH_REASON_NO_INTREMAP;
}

void dpath_verdict_judge(struct dpath_verdict *verdict)
{
	const struct dpath_reason *reason;
	bool hard = false, soft = false, shared = false;

	for (reason = verdict->reasons; reason < verdict->reasons + verdict->nr; reason++) {
		shared |= reason->code == DIRECTPATH_REASON_SET_SHARED;
		if (!reason->blocking)
			continue;
		if (reason->forceable || is_consentable(reason->code))
			soft = true;
		else
			hard = true;
	}
	if (hard)
		verdict->verdict = DIRECTPATH_VERDICT_BLOCKED;
	else if (soft)
		verdict->verdict = DIRECTPATH_VERDICT_RISKY;
	else
		verdict->verdict = shared ? DIRECTPATH_VERDICT_OK_SET : DIRECTPATH_VERDICT_OK;
}

/* Where a new reason goes; when the list is full a blocking one takes the place of the last that is not. */
static struct dpath_reason *find_room(struct dpath_verdict *verdict, bool blocking)
{
	unsigned int i;

	if (verdict->nr < DPATH_REASONS_MAX)
		return &verdict->reasons[verdict->nr++];
	for (i = DPATH_REASONS_MAX; blocking && i; i--) {
		if (!verdict->reasons[i - 1].blocking)
			return &verdict->reasons[i - 1];
	}
	return NULL;
}

void dpath_verdict_add(struct dpath_verdict *verdict, enum directpath_reason code, bool blocking, bool forceable,
		       const char *fix, const char *fmt, ...)
{
	struct dpath_reason *reason, *end = verdict->reasons + verdict->nr;
	char culprit[sizeof(reason->culprit)];
	va_list args;

	va_start(args, fmt);
	vscnprintf(culprit, sizeof(culprit), fmt, args);
	va_end(args);

	for (reason = verdict->reasons; reason < end; reason++) {
		if (reason->code == code && !strcmp(reason->culprit, culprit))
			break;
	}
	if (reason == end) {
		reason = find_room(verdict, blocking);
		if (!reason)
			return;
		reason->code = code;
		reason->blocking = blocking;
		reason->forceable = forceable;
		strscpy(reason->culprit, culprit, sizeof(reason->culprit));
	} else if (blocking && !reason->blocking) {
		reason->blocking = true;
		reason->forceable = forceable;
	} else if (blocking) {
		reason->forceable &= forceable;
	}
	strscpy(reason->fix, fix, sizeof(reason->fix));
	dpath_verdict_judge(verdict);
}

/**
 * dpath_verdict_driver - what is bound to a function now
 * @pdev: the function
 * @facts: filled
 *
 * A driver structure lies in the data of its module or of the kernel. The driver core clears dev->driver before the module's exit function returns,
 * and a module's memory goes only after an RCU grace period that begins after that: under RCU the pointer, once read, stays good.
 *
 * Context: any; no device_lock.
 */
void dpath_verdict_driver(struct pci_dev *pdev, struct dpath_driver_facts *facts)
{
	struct device_driver *drv;

	memset(facts, 0, sizeof(*facts));
	rcu_read_lock();
	drv = READ_ONCE(pdev->dev.driver);
	if (drv) {
		strscpy(facts->name, drv->name, sizeof(facts->name));
		facts->pinned = drv->suppress_bind_attrs;
		facts->managed = to_pci_driver(drv)->driver_managed_dma;
	}
	facts->passive = dpath_group_passive(pdev, drv ? to_pci_driver(drv) : NULL);
	rcu_read_unlock();
}

static const struct {
	u16 class;
	const char *name;
} platform_classes[] = {
	{ PCI_CLASS_BRIDGE_HOST, "host bridge" },
	{ PCI_CLASS_BRIDGE_ISA, "ISA bridge" },
	{ PCI_CLASS_BRIDGE_EISA, "EISA bridge" },
	{ PCI_CLASS_BRIDGE_PCI, "PCI bridge" },
	{ PCI_CLASS_BRIDGE_CARDBUS, "CardBus bridge" },
	{ PCI_CLASS_SYSTEM_PIC, "interrupt controller" },
	{ PCI_CLASS_SYSTEM_DMA, "DMA controller" },
	{ PCI_CLASS_SYSTEM_TIMER, "system timer" },
	{ PCI_CLASS_SYSTEM_RTC, "real-time clock" },
	{ PCI_CLASS_SYSTEM_PCI_HOTPLUG, "hot-plug controller" },
	{ 0x0806, "IOMMU" },
	{ 0x0807, "root complex event collector" },
};

/* Name of the part of the platform that this is, or NULL for what can be given to a VM. */
const char *dpath_survey_part(struct pci_dev *pdev)
{
	u16 class = pdev->class >> 8;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(platform_classes); i++) {
		if (platform_classes[i].class == class)
			return platform_classes[i].name;
	}
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return "bridge";
	/* "Other bridge" with an endpoint's header behind a port is a device, such as an NVSwitch; on the root bus it is a piece of the chipset. */
	if (class == PCI_CLASS_BRIDGE_OTHER && pci_is_pcie(pdev) && pci_pcie_type(pdev) == PCI_EXP_TYPE_ENDPOINT)
		return NULL;
	return class >> 8 == PCI_BASE_CLASS_BRIDGE ? "bridge" : NULL;
}

static bool sleeps(struct pci_dev *pdev)
{
	return pdev->current_state != PCI_D0 && pdev->current_state != PCI_UNKNOWN;
}

/* Config requests reach it without waking anything: D3hot answers, a bridge that is not in D0 forwards nothing (PCI PM 1.2, 5.6). */
static bool is_awake(struct pci_dev *pdev)
{
	struct pci_dev *bridge;

	if (pdev->current_state == PCI_D3cold || pdev->block_cfg_access)
		return false;
	for (bridge = pci_upstream_bridge(pdev); bridge; bridge = pci_upstream_bridge(bridge)) {
		if (sleeps(bridge))
			return false;
	}
	return true;
}

static void check_endpoint(struct dpath_survey *survey, const char *part)
{
	dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_NOT_ENDPOINT, true, false, "leave it to the host",
			  "%s is part of the platform (%s)", pci_name(survey->pdev), part);
}

static void check_bars(struct dpath_survey *survey)
{
	const struct resource *res;
	char size[16];
	unsigned int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		res = &survey->pdev->resource[i];
		if (!(res->flags & (IORESOURCE_MEM | IORESOURCE_IO)) || !(res->flags & IORESOURCE_UNSET) || !resource_size(res))
			continue;
		string_get_size(resource_size(res), 1, STRING_UNITS_2, size, sizeof(size));
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_BARS_UNASSIGNED, true, false,
				  "boot with pci=realloc, enlarge the MMIO window in the firmware, or remove and rescan",
				  "BAR %u (%s) has no address", i, size);
	}
}

/* Devices that the kernel makes of the framebuffer that firmware left; only the first one reserves memory without a driver. */
static const char * const bootfb_names[] = {
	"simple-framebuffer.0",
	"efi-framebuffer.0",
	"vesa-framebuffer.0",
};

static bool bar_holds(struct pci_dev *pdev, u64 address, unsigned int *bar)
{
	for (*bar = 0; *bar < PCI_STD_NUM_BARS; (*bar)++) {
		const struct resource *res = &pdev->resource[*bar];

		if (res->flags & IORESOURCE_MEM && !(res->flags & IORESOURCE_UNSET) && address >= res->start && address <= res->end)
			return true;
	}
	return false;
}

/* Address of the framebuffer that a platform device stands for; 0 if it holds none now. The caller has a reference to it. */
static u64 bootfb_address(struct device *dev)
{
	const struct platform_device *fb = to_platform_device(dev);
	const struct screen_info *screen = dev_get_platdata(dev);

	if (fb->num_resources)
		return fb->resource[0].start;
	if (!READ_ONCE(dev->driver) || !screen)
		return 0;
	return screen->lfb_base | (screen->capabilities & VIDEO_CAPABILITY_64BIT_BASE ? (u64)screen->ext_lfb_base << 32 : 0);
}

static bool is_display(struct pci_dev *pdev)
{
	return pdev->class >> 16 == PCI_BASE_CLASS_DISPLAY || pdev->class >> 8 == PCI_CLASS_NOT_DEFINED_VGA;
}

/* The resource tree would say it, but its lock is private; the owners of the regions are on the platform bus, for as long as they have them. */
static void check_bootfb(struct dpath_survey *survey)
{
	struct device *dev;
	unsigned int i, bar;
	u64 address;

	if (!is_display(survey->pdev))
		return;
	for (i = 0; i < ARRAY_SIZE(bootfb_names); i++) {
		dev = bus_find_device_by_name(&platform_bus_type, NULL, bootfb_names[i]);
		if (!dev)
			continue;
		address = bootfb_address(dev);
		if (address && bar_holds(survey->pdev, address, &bar))
			dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_BAR_BOOTFB, true, true,
					  "unbind it in /sys/bus/platform, or boot with initcall_blacklist=sysfb_init",
					  "%s (BOOTFB) holds BAR %u of %s", bootfb_names[i], bar, pci_name(survey->pdev));
		put_device(dev);
	}
}

static void check_interrupts(struct dpath_survey *survey)
{
	if (!survey->pdev->msi_cap && !survey->pdev->msix_cap && survey->pdev->pin)
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_INTX_ONLY, false, false, "expect slow interrupts",
				  "%s has neither MSI nor MSI-X", pci_name(survey->pdev));
}

static void check_power(struct dpath_survey *survey)
{
	struct pci_dev *pdev = survey->pdev, *bridge;

	if (pdev->current_state == PCI_D3cold) {
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_D3COLD, false, false, "the claim wakes it and keeps it awake",
				  "%s is in D3cold", pci_name(pdev));
		return;
	}
	for (bridge = pci_upstream_bridge(pdev); bridge; bridge = pci_upstream_bridge(bridge)) {
		if (!sleeps(bridge))
			continue;
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_D3COLD, false, false, "the claim wakes it and keeps it awake",
				  "%s sleeps, and %s behind it", pci_name(bridge), pci_name(pdev));
		return;
	}
	/* Asked again, as a bridge may have been put to sleep, or a reset begun, while it was read. */
	if (survey->awake && dpath_reset_gone(pdev) && is_awake(pdev))
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_D3COLD, true, false, "power-cycle the slot or the host; then rescan",
				  "%s does not answer (all ones)", pci_name(pdev));
}

static void check_aer(struct dpath_survey *survey)
{
	u32 status;
	u16 pos;

	if (!survey->awake || !pci_is_pcie(survey->pdev))
		return;
	pos = pci_find_ext_capability(survey->pdev, PCI_EXT_CAP_ID_ERR);
	if (!pos)
		return;
	pci_read_config_dword(survey->pdev, pos + PCI_ERR_UNCOR_STATUS, &status);
	if (status && status != ~0U)
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_AER_LATCHED, false, false, "look at the link; a reset or reboot clears it",
				  "uncorrectable error status of %s is %08x", pci_name(survey->pdev), status);
}

/* Whoever has the PF can reset and reconfigure its VFs. */
static void check_parent(struct dpath_survey *survey)
{
	struct pci_dev *parent = pci_physfn(survey->pdev);
	struct dpath_driver_facts driver;

	if (!survey->pdev->is_virtfn)
		return;
	dpath_verdict_driver(parent, &driver);
	if (!driver.name[0])
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_VF_PARENT_OFF, true, true, "bind the PF to its host driver",
				  "its physical function %s has no driver", pci_name(parent));
	else if (driver.managed)
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_VF_PARENT_OFF, true, true, "release the PF to its host driver",
				  "its physical function %s is claimed (%s)", pci_name(parent), driver.name);
}

static void check_driver(struct dpath_survey *survey)
{
	if (survey->driver.pinned && !survey->driver.managed)
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_DRIVER_PINNED, true, false, "boot without that driver",
				  "%s of %s cannot be unbound by hand", survey->driver.name, pci_name(survey->pdev));
	if (vga_default_device() == survey->pdev)
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_CONSOLE_GPU, false, true, "make another adapter the boot display",
				  "%s is the boot display", pci_name(survey->pdev));
}

/**
 * dpath_verdict_collect - everything that speaks against a function, or for care
 * @pdev: the function; the caller has a reference
 * @opts: what the admin has said
 * @verdict: filled, earlier contents are lost
 *
 * Context: process context; takes group->mutex, pci_bus_sem for read; bounded: some dozen config reads and list walks.
 */
void dpath_verdict_collect(struct pci_dev *pdev, const struct dpath_verdict_opts *opts, struct dpath_verdict *verdict)
{
	struct dpath_survey survey = { .pdev = pdev, .opts = opts, .verdict = verdict };
	const char *part = dpath_survey_part(pdev);

	memset(verdict, 0, sizeof(*verdict));
	/* Nothing can change this one, so the rest is noise. */
	if (part) {
		check_endpoint(&survey, part);
		return;
	}
	survey.group = iommu_group_get(&pdev->dev);
	survey.awake = is_awake(pdev);
	dpath_verdict_driver(pdev, &survey.driver);
	if (survey.group) {
		verdict->grade = DIRECTPATH_GRADE_A;
		dpath_survey_group(&survey);
		iommu_group_put(survey.group);
	} else {
		dpath_verdict_add(verdict, DIRECTPATH_REASON_NO_IOMMU, true, false, "enable VT-d or AMD-Vi in the firmware; boot with intel_iommu=on",
				  "no IOMMU translates the DMA of %s", pci_name(pdev));
	}
	check_bars(&survey);
	check_bootfb(&survey);
	check_interrupts(&survey);
	check_power(&survey);
	check_aer(&survey);
	check_parent(&survey);
	check_driver(&survey);
	dpath_verdict_judge(verdict);
}

/* A function behind an IOMMU, with a reference, or NULL. */
static struct pci_dev *find_translated(void)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (READ_ONCE(pdev->dev.iommu_group))
			return pdev;
	}
	return NULL;
}

bool dpath_verdict_intremap(struct pci_dev *pdev)
{
	struct iommu_group *group;
	bool isolated = false;

	pdev = pdev ? pci_dev_get(pdev) : find_translated();
	if (!pdev)
		return false;
	group = iommu_group_get(&pdev->dev);
	if (group) {
		isolated = iommu_group_has_isolated_msi(group);
		iommu_group_put(group);
	}
	pci_dev_put(pdev);
	return isolated;
}

struct unit_name {
	char text[32];
};

/* Under group->mutex, which a device that leaves takes before the IOMMU layer forgets it. */
static int read_unit_name(struct device *dev, void *data)
{
	struct unit_name *name = data;

	if (!dev->iommu || !dev->iommu->iommu_dev || !dev->iommu->iommu_dev->dev)
		return 0;
	strscpy(name->text, dev_name(dev->iommu->iommu_dev->dev), sizeof(name->text));
	return 1;
}

static const struct {
	const char *unit;
	const char *driver;
} iommu_drivers[] = {
	{ "dmar", "intel-iommu" },
	{ "ivhd", "amd-iommu" },
	{ "smmu3", "arm-smmu-v3" },
	{ "smmu", "arm-smmu" },
	{ "virtio", "virtio-iommu" },
};

/**
 * dpath_verdict_iommu_driver - which IOMMU driver the host has
 *
 * The driver's own name is private; its units are named after it in sysfs.
 *
 * Return: a name for people, "none" without IOMMU.
 */
const char *dpath_verdict_iommu_driver(void)
{
	struct unit_name name = {};
	struct iommu_group *group;
	struct pci_dev *pdev;
	unsigned int i;

	pdev = find_translated();
	if (!pdev)
		return "none";
	group = iommu_group_get(&pdev->dev);
	if (group) {
		iommu_group_for_each_dev(group, &name, read_unit_name);
		iommu_group_put(group);
	}
	pci_dev_put(pdev);
	for (i = 0; i < ARRAY_SIZE(iommu_drivers); i++) {
		if (str_has_prefix(name.text, iommu_drivers[i].unit))
			return iommu_drivers[i].driver;
	}
	return "other";
}
