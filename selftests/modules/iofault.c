// SPDX-License-Identifier: GPL-2.0
/*
 * An IOMMU driver that reports faults: insmod dpath_test_iofault.ko address=0000:00:03.0 iova=0x5000 write=1 count=7 reports as many for the domain
 * that the function is attached to, with interrupts off as in a handler, and stays loaded until it is removed. It fails if somebody calls a fault
 * handled, which would keep it out of the kernel log.
 */

#include <linux/iommu.h>
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/pci.h>

static char *address = "";
module_param(address, charp, 0);

static unsigned long iova;
module_param(iova, ulong, 0);

static bool write;
module_param(write, bool, 0);

static unsigned int count = 1;
module_param(count, uint, 0);

static int report(struct pci_dev *pdev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&pdev->dev);
	unsigned long irq;
	unsigned int i;
	int ret;

	if (!domain)
		return -ENODEV;
	for (i = 0; i < count; i++) {
		local_irq_save(irq);
		ret = report_iommu_fault(domain, &pdev->dev, iova, write ? IOMMU_FAULT_WRITE : IOMMU_FAULT_READ);
		local_irq_restore(irq);
		if (!ret)
			return -EBADMSG;
	}
	return 0;
}

static int __init iofault_init(void)
{
	unsigned int segment, bus, slot, function;
	struct pci_dev *pdev;
	int ret;

	if (sscanf(address, "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4)
		return -EINVAL;
	pdev = pci_get_domain_bus_and_slot(segment, bus, PCI_DEVFN(slot, function));
	if (!pdev)
		return -ENODEV;
	ret = report(pdev);
	pci_dev_put(pdev);
	return ret;
}
module_init(iofault_init);

static void __exit iofault_exit(void)
{
}
module_exit(iofault_exit);

MODULE_DESCRIPTION("directpath: faults of an IOMMU for tests");
MODULE_LICENSE("GPL");
