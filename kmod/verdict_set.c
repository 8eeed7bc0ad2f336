// SPDX-License-Identifier: GPL-2.0
/*
 * What the isolation set and the way to the root say about a function: companions, interrupt remapping, ACS, firmware's memory, reset.
 *
 * Part of dpath_verdict_collect(), with its rules: a snapshot without device_lock. The members are taken once as references; whether one of them
 * needs a claim (anything but a PCI bridge with pcieport) is decided by the driver it has at that moment.
 */

#include <linux/iommu.h>
#include <linux/kernel.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "group.h"
#include "reset.h"
#include "survey.h"
#include "verdict.h"

static void check_intremap(struct dpath_survey *survey)
{
	if (iommu_group_has_isolated_msi(survey->group))
		return;
	dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_NO_INTREMAP, !survey->opts->unsafe_interrupts, false,
			  "enable it in the firmware, boot without nointremap, or: host set unsafe-interrupts on",
			  "a VM could send any interrupt to the host: interrupt remapping is off");
	dpath_survey_lower(survey, DIRECTPATH_GRADE_D);
}

/* Why nobody can ever claim a member, or NULL. */
static const char *unclaimable(struct pci_dev *pdev, const struct dpath_driver_facts *driver)
{
	const char *part = dpath_survey_part(pdev);

	if (part)
		return part;
	return driver->pinned && !driver->managed ? "its driver cannot be unbound" : NULL;
}

static void list_companions(struct dpath_survey *survey, bool blocked)
{
	struct dpath_driver_facts driver;
	char list[72] = "", one[56];
	unsigned int i, more = 0;
	int len = 0;

	for (i = 0; i < survey->members.nr; i++) {
		struct pci_dev *pdev = survey->members.pdev[i];

		dpath_verdict_driver(pdev, &driver);
		if (pdev == survey->pdev || driver.passive)
			continue;
		scnprintf(one, sizeof(one), "%s%s (%s)", len ? ", " : "", pci_name(pdev), driver.name[0] ? driver.name : "no driver");
		if (more || len + strlen(one) >= sizeof(list) - sizeof(" and 60 more"))
			more++;
		else
			len += scnprintf(list + len, sizeof(list) - len, "%s", one);
	}
	if (more)
		len += scnprintf(list + len, sizeof(list) - len, "%s%u more", len ? " and " : "", more);
	if (!len)
		return;
	dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_SET_SHARED, false, false,
			  blocked ? "use another slot" : "claim all of them (whole set), or use a slot whose port has ACS",
			  "set %d also holds %s", iommu_group_id(survey->group), list);
	dpath_survey_lower(survey, DIRECTPATH_GRADE_C);
}

static void check_set(struct dpath_survey *survey)
{
	struct dpath_verdict *verdict = survey->verdict;
	int id = iommu_group_id(survey->group);
	struct dpath_driver_facts driver;
	bool blocked = false;
	unsigned int i;
	const char *why;

	for (i = 0; i < survey->members.nr; i++) {
		struct pci_dev *pdev = survey->members.pdev[i];

		dpath_verdict_driver(pdev, &driver);
		if (pdev == survey->pdev || driver.passive)
			continue;
		why = unclaimable(pdev, &driver);
		if (!why)
			continue;
		blocked = true;
		dpath_verdict_add(verdict, DIRECTPATH_REASON_SET_SHARED, true, false, "use another slot, whose port has ACS",
				  "set %d holds %s (%s), which no VM can have", id, pci_name(pdev), why);
	}
	if (survey->members.foreign) {
		blocked = true;
		dpath_verdict_add(verdict, DIRECTPATH_REASON_SET_SHARED, true, false, "leave it to the host",
				  "set %d holds %u devices that are no PCI functions", id, survey->members.foreign);
	}
	list_companions(survey, blocked);
}

static const char *port_name(struct pci_dev *pdev)
{
	if (!pci_is_pcie(pdev))
		return "conventional PCI";
	switch (pci_pcie_type(pdev)) {
	case PCI_EXP_TYPE_ROOT_PORT:
		return "root port";
	case PCI_EXP_TYPE_UPSTREAM:
		return "switch upstream port";
	case PCI_EXP_TYPE_DOWNSTREAM:
		return "switch downstream port";
	case PCI_EXP_TYPE_PCI_BRIDGE:
	case PCI_EXP_TYPE_PCIE_BRIDGE:
		return "PCI bridge";
	default:
		return "multifunction device";
	}
}

/* Does ACS apply to it at all (PCIe 6.0, 6.12.1)? Single-function endpoints and upstream ports cannot lack it. */
static bool needs_acs(struct pci_dev *pdev)
{
	if (!pci_is_pcie(pdev))
		return true;
	switch (pci_pcie_type(pdev)) {
	case PCI_EXP_TYPE_ENDPOINT:
	case PCI_EXP_TYPE_LEG_END:
	case PCI_EXP_TYPE_RC_END:
	case PCI_EXP_TYPE_UPSTREAM:
		return pdev->multifunction;
	default:
		return true;
	}
}

static const struct {
	u16 bit;
	const char *name;
} acs_bits[] = {
	{ PCI_ACS_SV, " SV" },
	{ PCI_ACS_RR, " RR" },
	{ PCI_ACS_CR, " CR" },
	{ PCI_ACS_UF, " UF" },
};

/* Names the required bits that are off; what the capability does not offer counts as wired, as in the kernel. False if nothing is off. */
static bool name_missing_bits(struct pci_dev *pdev, char *buf, size_t size)
{
	u16 cap, ctrl;
	unsigned int i;
	int len = 0;

	pci_read_config_word(pdev, pdev->acs_cap + PCI_ACS_CAP, &cap);
	pci_read_config_word(pdev, pdev->acs_cap + PCI_ACS_CTRL, &ctrl);
	for (i = 0; i < ARRAY_SIZE(acs_bits); i++) {
		if (cap & ~ctrl & acs_bits[i].bit)
			len += scnprintf(buf + len, size - len, "%s", acs_bits[i].name);
	}
	return len;
}

static bool report_acs(struct dpath_survey *survey, struct pci_dev *pdev)
{
	char bits[16];

	if (!needs_acs(pdev))
		return false;
	if (!pci_is_pcie(pdev) || !pdev->acs_cap) {
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_ACS_MISSING, false, false, "use a slot whose ports all have ACS",
				  "%s (%s) has no ACS: SV RR CR UF", pci_name(pdev), port_name(pdev));
		return true;
	}
	if (!name_missing_bits(pdev, bits, sizeof(bits)))
		return false;
	dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_ACS_MISSING, false, false,
			  "boot with pci=config_acs= (6.11 and later) for it, or use another slot",
			  "%s (%s) has ACS switched off:%s", pci_name(pdev), port_name(pdev), bits);
	return true;
}

static bool has_sibling(const struct dpath_survey *survey)
{
	struct pci_dev *pdev = survey->pdev;
	unsigned int i;

	for (i = 0; i < survey->members.nr; i++) {
		const struct pci_dev *other = survey->members.pdev[i];

		if (other != pdev && other->bus == pdev->bus && PCI_SLOT(other->devfn) == PCI_SLOT(pdev->devfn))
			return true;
	}
	return false;
}

/*
 * The kernel puts a function into the set of the bridge above it unless everything from that bridge to the root has ACS, or a quirk that stands for
 * it (which modules cannot ask about). So the sets tell whether something is missing, and config space what.
 */
static void check_acs(struct dpath_survey *survey)
{
	struct pci_dev *pdev = survey->pdev, *bridge = pci_upstream_bridge(pdev), *above;
	bool found = false;

	if (pdev->multifunction && has_sibling(survey))
		found = report_acs(survey, pdev);
	if (bridge && bridge->dev.iommu_group == pdev->dev.iommu_group) {
		for (above = bridge; above; above = pci_upstream_bridge(above))
			found |= report_acs(survey, above);
		if (!found)
			dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_ACS_MISSING, false, false, "use another slot",
					  "the kernel does not take %s (%s) for isolating", pci_name(bridge), port_name(bridge));
		found = true;
	}
	if (found)
		dpath_survey_lower(survey, DIRECTPATH_GRADE_C);
}

/* Behind a conventional bus requester ids are shared, and anybody on it can listen. */
static void check_conventional(struct dpath_survey *survey)
{
	struct pci_dev *bridge;

	for (bridge = pci_upstream_bridge(survey->pdev); bridge; bridge = pci_upstream_bridge(bridge)) {
		if (!pci_is_pcie(bridge) || pci_pcie_type(bridge) == PCI_EXP_TYPE_PCI_BRIDGE || pci_pcie_type(bridge) == PCI_EXP_TYPE_PCIE_BRIDGE)
			dpath_survey_lower(survey, DIRECTPATH_GRADE_C);
	}
}

static int check_region(void *ctx, enum dpath_resv kind, u64 first, u64 last)
{
	struct dpath_survey *survey = ctx;

	if (kind != DPATH_RESV_DIRECT)
		return 0;
	dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_RMRR, true, false,
			  "switch off what uses it in the firmware (USB legacy, remote management), if it can be",
			  "firmware does DMA at %#llx-%#llx through set %d", first, last, iommu_group_id(survey->group));
	dpath_survey_lower(survey, DIRECTPATH_GRADE_D);
	return 0;
}

static void report_no_reset(struct dpath_survey *survey)
{
	struct dpath_members *members = &survey->members;
	struct dpath_driver_facts driver;
	unsigned int i, nr = 0;
	char outsider[16];
	int ret;

	/* The array is not needed in its old order any more: those to be claimed go first. */
	for (i = 0; i < members->nr; i++) {
		dpath_verdict_driver(members->pdev[i], &driver);
		if (driver.passive)
			continue;
		swap(members->pdev[nr], members->pdev[i]);
		nr++;
	}
	ret = dpath_reset_set_probe(members->pdev, nr, outsider, sizeof(outsider));
	if (!ret) {
		dpath_survey_lower(survey, DIRECTPATH_GRADE_B);
		return;
	}
	dpath_survey_lower(survey, DIRECTPATH_GRADE_D);
	if (ret == -EXDEV)
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_RESET_SHARED, true, false, "dev set reset none, if its tenants trust each other",
				  "its only reset is that of its bus, which would also reset %s", outsider);
	else
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_NO_RESET, true, false, "dev set reset none, if its tenants trust each other",
				  "%s has no reset of its own, and its bus cannot be reset", pci_name(survey->pdev));
}

static void check_reset(struct dpath_survey *survey)
{
	u8 order[DPATH_RESET_NR];
	int nr = dpath_reset_methods(survey->pdev, order, ARRAY_SIZE(order));

	if (survey->opts->consent_none) {
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_NO_RESET, false, false, "dev set reset default",
				  "%s is handed over without a reset: reset none is set", pci_name(survey->pdev));
		dpath_survey_lower(survey, DIRECTPATH_GRADE_D);
	} else if (!nr) {
		report_no_reset(survey);
	} else if (!memchr(order, DPATH_RESET_FLR, nr) && !memchr(order, DPATH_RESET_AF, nr) && !memchr(order, DPATH_RESET_DEVICE_SPECIFIC, nr)) {
		dpath_survey_lower(survey, DIRECTPATH_GRADE_B);
	}
}

/**
 * dpath_survey_group - what the set of a function says
 * @survey: of a function that has a set
 *
 * Context: process context; takes group->mutex and pci_bus_sem for read, one after the other.
 */
void dpath_survey_group(struct dpath_survey *survey)
{
	if (dpath_group_members(survey->group, &survey->members))
		dpath_verdict_add(survey->verdict, DIRECTPATH_REASON_SET_SHARED, true, false, "use another slot, whose port has ACS",
				  "set %d holds more than %u functions", iommu_group_id(survey->group), DPATH_SET_MAX);
	check_intremap(survey);
	check_set(survey);
	check_acs(survey);
	check_conventional(survey);
	dpath_group_walk_resv(survey->group, check_region, survey);
	check_reset(survey);
	dpath_group_put_members(&survey->members);
}
