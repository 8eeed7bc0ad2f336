// SPDX-License-Identifier: GPL-2.0
#include <linux/pci_regs.h>

#include "host.h"
#include "pci.h"
#include "proc.h"
#include "qmp.h"
#include "slot.h"

/* Attention button, power fault, latch, presence changed, command completed. */
#define SLOT_EVENTS 0x1f

void slot_control(const char *port, uint16_t mask, uint16_t bits)
{
	pci_config_change(port, pci_find_capability(port, PCI_CAP_ID_EXP) + PCI_EXP_SLTCTL, mask, bits);
}

void slot_power(const char *port, bool on)
{
	slot_control(port, PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC,
		     on ? PCI_EXP_SLTCTL_PWR_IND_ON : PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF);
}

bool slot_rests(const char *port)
{
	uint16_t control = pci_config_read(port, pci_find_capability(port, PCI_CAP_ID_EXP) + PCI_EXP_SLTCTL, 2);

	return (control & (PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC)) == PCI_EXP_SLTCTL_PWR_IND_ON;
}

void slot_forget(const char *port)
{
	unsigned int pos = pci_find_capability(port, PCI_CAP_ID_EXP) + PCI_EXP_SLTSTA;

	/* QEMU clears what is set, if nothing else is to be cleared. */
	pci_config_change(port, pos, (uint16_t)~SLOT_EVENTS, 0);
}

bool slot_driver(const char *port, bool on)
{
	return host_does("echo %s:pcie004 >/sys/bus/pci_express/drivers/pciehp/%s", port, on ? "bind" : "unbind");
}

bool slot_swap(const char *port, const char *card)
{
	bool swapped;

	slot_power(port, false);
	swapped = qmp("device_add bus=rpn0 %s", card);
	slot_power(port, true);
	return swapped;
}

bool slot_find_anew(const char *address)
{
	return host_does("echo 1 >/sys/bus/pci/devices/%s/remove && echo 1 >/sys/bus/pci/rescan", address) &&
	       wait_until(pci_settled(address), SETTLE_MS);
}
