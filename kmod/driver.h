/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_DRIVER_H
#define DPATH_DRIVER_H

#include <linux/list.h>

struct dpath_device;
struct pci_dev;
struct pci_driver;

/*
 * The pci_drivers of the core: our own, and vfio-pci's while it is loaded. dev-claim binds to the one that was registered last. Registering and
 * unregistering rebinds claimed functions that are idle; unregister fails with -EBUSY while one runs. @no_disintx is a module parameter
 * or NULL: does INTx have to be masked at the interrupt controller? It is asked when a function is opened.
 */
struct dpath_driver {
	struct list_head node;
	struct pci_driver *driver;
	const bool *no_disintx;
};

int dpath_driver_register(struct dpath_driver *drv);
int dpath_driver_unregister(struct dpath_driver *drv);
/* Name of the driver that a claim binds to. */
void dpath_driver_name(char *buf, size_t size);
/* Is @pdev bound to one of ours? */
bool dpath_driver_is_ours(struct pci_dev *pdev);
/* Does the driver it is bound to want interrupts without DisINTx? */
bool dpath_driver_no_disintx(struct pci_dev *pdev);

/* driver_override of a function: what it is, as a copy or NULL; and a new value, NULL clears. */
int dpath_driver_get_override(struct pci_dev *pdev, char **override);
int dpath_driver_set_override(struct pci_dev *pdev, const char *override);
/* What a claim found there, again; nothing if the override is not ours. On 6.1 this takes device_lock. */
void dpath_driver_restore_override(struct dpath_device *dev);
/* Bind @pdev to the driver of that name: 0, -ENOENT if there is none, or what its probe() said. */
int dpath_driver_bind(struct pci_dev *pdev, const char *name);
/* Unbind whatever is bound. Hangs as long as that driver does. */
void dpath_driver_unbind(struct pci_dev *pdev);

int dpath_driver_module_init(void);
void dpath_driver_module_exit(void);

#endif
