/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/pci.h>

#ifndef DPATH_COMPAT_PCI_H
#define DPATH_COMPAT_PCI_H

#ifndef DPATH_HAVE_MSIX_DYN
/* gone with 6.1: MSI-X vectors cannot be added while MSI-X is enabled */
struct irq_affinity_desc;

struct msi_map {
	int index;
	int virq;
};

static inline bool pci_msix_can_alloc_dyn(struct pci_dev *pdev)
{
	return false;
}

static inline struct msi_map pci_msix_alloc_irq_at(struct pci_dev *pdev, unsigned int index, const struct irq_affinity_desc *affdesc)
{
	return (struct msi_map){ .index = -EOPNOTSUPP };
}
#endif

#ifdef DPATH_HAVE_COR_ERROR
#define DPATH_COR_ERROR_CALLBACK true
#define DPATH_COR_ERROR_HANDLER .cor_error_detected = cor_error_detected,
#else
/* gone with 6.1: drivers are not told of errors that were corrected */
#define DPATH_COR_ERROR_CALLBACK false
#define DPATH_COR_ERROR_HANDLER
#endif

/* struct device: its own header is included by headers that it includes itself, so that it cannot be overlaid */
#include <linux/device.h>
#include <linux/slab.h>

#ifdef DPATH_HAVE_CONST_DEVNODE
#define dpath_const_device const struct device
#else
/* gone with 6.1: devnode() takes a device that it could change */
#define dpath_const_device struct device
#endif

#ifdef DPATH_HAVE_DEVICE_OVERRIDE
/* *copy: the override, or NULL if there is none; 0 or -ENOMEM. Reading has no exported helper in any kernel. */
static inline int dpath_dup_override(struct device *dev, char **copy)
{
	bool none;

	spin_lock(&dev->driver_override.lock);
	none = !dev->driver_override.name;
	*copy = none ? NULL : kstrdup(dev->driver_override.name, GFP_ATOMIC);
	spin_unlock(&dev->driver_override.lock);
	return none || *copy ? 0 : -ENOMEM;
}
#else
/* gone with 6.1: the override is a member of struct pci_dev, written and read under device_lock */
static inline int dpath_dup_override(struct device *dev, char **copy)
{
	bool none;

	device_lock(dev);
	none = !to_pci_dev(dev)->driver_override;
	*copy = none ? NULL : kstrdup(to_pci_dev(dev)->driver_override, GFP_KERNEL);
	device_unlock(dev);
	return none || *copy ? 0 : -ENOMEM;
}

static inline int device_set_driver_override(struct device *dev, const char *s)
{
	return driver_set_override(dev, &to_pci_dev(dev)->driver_override, s, strlen(s));
}
#endif

#endif
