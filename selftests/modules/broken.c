// SPDX-License-Identifier: GPL-2.0
/*
 * A function that does not come back from its reset: insmod dpath_test_broken.ko address=0000:01:00.0, then mode=1: from a function level reset on its
 * config space reads ones, as long as the kernel waits; mode=2: it answers while the kernel waits for it, and no more once that begins to restore it;
 * mode=3: it shows another subsystem; mode=0: it is well again. The config accesses of its bus go through here; what is written arrives.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>

enum mode {
	MODE_WELL,
	MODE_SILENT,
	MODE_LATE,
	MODE_OTHER,
};

#define SUBSYSTEM_BIT 0x0100

static char *address = "";
module_param(address, charp, 0);

static struct pci_dev *function;
static struct pci_ops *real;
static unsigned int devctl;
static unsigned int mode;
static bool was_reset;
static bool silent;

static int set_mode(const char *text, const struct kernel_param *kp)
{
	int ret = param_set_uint(text, kp);

	if (ret)
		return ret;
	WRITE_ONCE(was_reset, false);
	WRITE_ONCE(silent, false);
	return 0;
}

static const struct kernel_param_ops mode_ops = {
	.set = set_mode,
	.get = param_get_uint,
};
module_param_cb(mode, &mode_ops, &mode, 0644);

static bool is_ours(struct pci_bus *bus, unsigned int devfn)
{
	return bus == function->bus && devfn == function->devfn;
}

static int broken_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *value)
{
	int ret;

	if (is_ours(bus, devfn) && READ_ONCE(silent)) {
		*value = ~0U;
		return PCIBIOS_SUCCESSFUL;
	}
	ret = real->read(bus, devfn, where, size, value);
	if (!ret && is_ours(bus, devfn) && READ_ONCE(mode) == MODE_OTHER) {
		if (where == PCI_SUBSYSTEM_ID && size == 2)
			*value ^= SUBSYSTEM_BIT;
		else if (where == PCI_SUBSYSTEM_VENDOR_ID && size == 4)
			*value ^= SUBSYSTEM_BIT << 16;
	}
	return ret;
}

static int broken_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 value)
{
	int ret = real->write(bus, devfn, where, size, value);

	if (!is_ours(bus, devfn) || READ_ONCE(mode) == MODE_WELL || READ_ONCE(mode) == MODE_OTHER)
		return ret;
	/* PCIe 7.5.3.4 */
	if (devctl && where == devctl && value & PCI_EXP_DEVCTL_BCR_FLR) {
		WRITE_ONCE(was_reset, true);
		WRITE_ONCE(silent, READ_ONCE(mode) == MODE_SILENT);
	} else if (READ_ONCE(was_reset)) {
		WRITE_ONCE(silent, true);
	}
	return ret;
}

static struct pci_ops broken_ops = {
	.read = broken_read,
	.write = broken_write,
};

static int __init broken_init(void)
{
	unsigned int segment, bus, slot, nr;

	if (sscanf(address, "%x:%x:%x.%x", &segment, &bus, &slot, &nr) != 4)
		return -EINVAL;
	function = pci_get_domain_bus_and_slot(segment, bus, PCI_DEVFN(slot, nr));
	if (!function)
		return -ENODEV;
	if (pci_is_pcie(function))
		devctl = pci_pcie_cap(function) + PCI_EXP_DEVCTL;
	/* Accesses begin to come before this returns. */
	real = function->bus->ops;
	pci_bus_set_ops(function->bus, &broken_ops);
	return 0;
}
module_init(broken_init);

static void __exit broken_exit(void)
{
	pci_bus_set_ops(function->bus, real);
	/* x86 takes no lock around an access: whoever is in here has left soon. */
	msleep(100);
	pci_dev_put(function);
}
module_exit(broken_exit);

MODULE_DESCRIPTION("directpath: a function that does not come back from its reset, for tests");
MODULE_LICENSE("GPL");
