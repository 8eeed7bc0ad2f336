// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading. The order of initialisation is the order of the layers; unloading is its exact reverse, after every device was given back.
 */

#include <linux/module.h>

#include "device.h"
#include "driver.h"
#include "host.h"
#include "inject.h"
#include "iofault.h"
#include "irq.h"
#include "netlink.h"
#include "op.h"
#include "pin.h"
#include "release.h"
#include "sleep.h"
#include "space.h"
#include "vm.h"
#include "vm_fd.h"

static int __init directpath_init(void)
{
	int ret;

	ret = dpath_inject_init();
	if (ret)
		return ret;
	ret = dpath_host_init();
	if (ret)
		goto err_inject;
	ret = dpath_pin_module_init();
	if (ret)
		goto err_host;
	ret = dpath_space_module_init();
	if (ret)
		goto err_pin;
	ret = dpath_vm_module_init(&dpath_vm_fops);
	if (ret)
		goto err_space;
	ret = dpath_device_module_init();
	if (ret)
		goto err_vm;
	ret = dpath_driver_module_init();
	if (ret)
		goto err_device;
	ret = dpath_sleep_module_init();
	if (ret)
		goto err_driver;
	ret = dpath_nl_init();
	if (ret)
		goto err_sleep;
	return 0;

err_sleep:
	dpath_sleep_module_exit();
err_driver:
	dpath_driver_module_exit();
err_device:
	dpath_device_module_exit();
err_vm:
	dpath_vm_module_exit();
err_space:
	dpath_space_module_exit();
err_pin:
	dpath_pin_module_exit();
err_host:
	dpath_host_exit();
err_inject:
	dpath_inject_exit();
	return ret;
}

/* Nobody has anything open: every fd, operation and reset in flight holds the module. */
static void __exit directpath_exit(void)
{
	dpath_nl_exit();
	dpath_sleep_module_exit();
	dpath_release_all();
	dpath_driver_module_exit();
	dpath_device_module_exit();
	dpath_vm_module_exit();
	dpath_op_exit();
	dpath_irq_module_exit();
	dpath_space_module_exit();
	dpath_iofault_module_exit();
	dpath_pin_module_exit();
	dpath_host_exit();
	dpath_inject_exit();
}

module_init(directpath_init);
module_exit(directpath_exit);

MODULE_DESCRIPTION("directpath: a broker of PCI functions for virtual machines");
MODULE_AUTHOR("The directpath developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
