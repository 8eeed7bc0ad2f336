// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-pci.ko: a pci_driver of the name that DPDK, libvirt and driverctl bind devices to. Binding is claiming by hand; probe(), remove() and error
 * handling are the core's. While it is loaded, the core's own claims bind to it as well.
 *
 * Parameters are those of the kernel's driver, so that modprobe.d files go on working. Effective: ids, nointxmask. Accepted, without effect:
 * disable_vga (VGA ranges are never offered), disable_idle_d3 (idle functions are not put to sleep), enable_sriov (a claimed physical function
 * cannot enable virtual functions), disable_denylist (what speaks against a device is in its verdict).
 *
 * A device matches only by driver_override or by an id that was added at run time (ids=, new_id): there is no table, hence no alias that would load
 * the module for every device.
 *
 * The exit cannot fail: while a function of ours runs, the core holds a reference to this module. Idle ones go back to directpath.ko's own driver if
 * they were claimed; those that were bound by hand are unbound, and so released.
 */

#define pr_fmt(fmt) "vfio-pci: " fmt

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "../device.h"
#include "../host.h"
#include "../sleep.h"
#include "door.h"

static char ids[1024] __initdata;
module_param_string(ids, ids, sizeof(ids), 0);
MODULE_PARM_DESC(ids, "Devices to take, as vendor:device[:subvendor[:subdevice[:class[:class_mask]]]], separated by commas");

static bool nointxmask;
module_param(nointxmask, bool, 0644);
MODULE_PARM_DESC(nointxmask, "Mask INTx at the interrupt controller, not with Interrupt Disable; for functions opened from then on");

static bool disable_idle_d3;
module_param(disable_idle_d3, bool, 0444);
MODULE_PARM_DESC(disable_idle_d3, "Accepted for compatibility; no effect");

static bool disable_vga;
module_param(disable_vga, bool, 0444);
MODULE_PARM_DESC(disable_vga, "Accepted for compatibility; no effect");

static bool disable_denylist;
module_param(disable_denylist, bool, 0444);
MODULE_PARM_DESC(disable_denylist, "Accepted for compatibility; no effect");

static bool enable_sriov;
module_param(enable_sriov, bool, 0444);
MODULE_PARM_DESC(enable_sriov, "Accepted for compatibility; no effect");

static const struct pci_device_id no_table[] = {
	{}
};

static struct pci_driver vfio_pci_driver = {
	.name = "vfio-pci",
	.id_table = no_table,
	.probe = dpath_device_probe,
	.remove = dpath_device_remove,
	.shutdown = dpath_device_shutdown,
	.err_handler = &dpath_error_handlers,
	.driver.pm = &dpath_sleep_pm_ops,
	.driver_managed_dma = true,
};

static struct dpath_driver core_driver = {
	.driver = &vfio_pci_driver,
	.no_disintx = &nointxmask,
};

static void __init add_id(const char *text)
{
	unsigned int vendor, device, subvendor = PCI_ANY_ID, subdevice = PCI_ANY_ID, class = 0, class_mask = 0;
	int ret;

	ret = sscanf(text, "%x:%x:%x:%x:%x:%x", &vendor, &device, &subvendor, &subdevice, &class, &class_mask);
	if (ret < 2) {
		pr_warn("ids: \"%s\" is not vendor:device[:subvendor[:subdevice[:class[:class_mask]]]]\n", text);
		return;
	}
	ret = pci_add_dynid(&vfio_pci_driver, vendor, device, subvendor, subdevice, class, class_mask, 0);
	if (ret)
		pr_warn("ids: \"%s\" not added: error %d\n", text, ret);
}

/* Each one binds the free devices that it matches. */
static void __init add_ids(void)
{
	char *rest = ids, *text;

	while ((text = strsep(&rest, ",")))
		if (*text)
			add_id(text);
}

static int __init vfio_pci_init(void)
{
	int ret;

	if (!directpath_vfio_door())
		return -ENODEV;
	ret = pci_register_driver(&vfio_pci_driver);
	if (ret)
		return ret;
	ret = dpath_driver_register(&core_driver);
	if (ret)
		goto err_unregister_driver;
	dpath_host_default_adhoc(true);
	add_ids();
	return 0;

err_unregister_driver:
	pci_unregister_driver(&vfio_pci_driver);
	return ret;
}

static void __exit vfio_pci_exit(void)
{
	dpath_host_default_adhoc(false);
	/* Nothing runs, or its lease would hold a reference to this module. */
	if (dpath_driver_unregister(&core_driver))
		pr_warn("a set is still busy; its functions go back to the host\n");
	pci_unregister_driver(&vfio_pci_driver);
}

module_init(vfio_pci_init);
module_exit(vfio_pci_exit);

MODULE_DESCRIPTION("directpath: the PCI driver named vfio-pci");
MODULE_LICENSE("GPL");
/* As MODULE_IMPORT_NS(), whose argument became a string in 6.13. */
MODULE_INFO(import_ns, "DIRECTPATH");
