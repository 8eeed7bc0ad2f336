// SPDX-License-Identifier: GPL-2.0
/*
 * The VFIO personality: vfio.ko in place of the kernel's own, for VMMs that know the legacy container and group uAPI (QEMU, DPDK, cloud-hypervisor).
 *
 * A door with no logic of its own: sets, VMs and spaces are directpath.ko's. A second module of this name never gets as far as its init;
 * vfio-pci.ko makes sure that it sits on this one by using directpath_vfio_door(), which no other vfio.ko exports. The kernel's vfio_iommu_type1,
 * mdev and variant drivers need symbols that are not here and refuse to load beside it.
 *
 * Init order: container, groups (from here on users see nodes), then the word to the core; the exit is its exact reverse and runs only when no
 * file of ours is open.
 */

#define pr_fmt(fmt) "vfio: " fmt

#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>

#include "../host.h"
#include "../ntf.h"
#include "container.h"
#include "door.h"
#include "group.h"

static bool noiommu;

/* Scripts set it and look at it; a device without IOMMU is never handed out, so it stays off, and says so. */
static int set_noiommu(const char *val, const struct kernel_param *kp)
{
	bool wanted = true;
	int ret = 0;

	if (val)
		ret = kstrtobool(val, &wanted);
	if (!ret && wanted)
		pr_warn("there is no unsafe no-IOMMU mode; enable_unsafe_noiommu_mode stays off\n");
	return ret;
}

static const struct kernel_param_ops noiommu_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_noiommu,
	.get = param_get_bool,
};

module_param_cb(enable_unsafe_noiommu_mode, &noiommu_ops, &noiommu, 0444);
MODULE_PARM_DESC(enable_unsafe_noiommu_mode, "Accepted for compatibility; always off");

static bool door_open;

bool directpath_vfio_door(void)
{
	return READ_ONCE(door_open);
}
EXPORT_SYMBOL_GPL(directpath_vfio_door);

static void tell_core(bool open)
{
	WRITE_ONCE(door_open, open);
	mutex_lock(&dpath_table_lock);
	dpath_host.door_vfio = open;
	dpath_host_ntf();
	mutex_unlock(&dpath_table_lock);
}

static int __init vfio_init(void)
{
	int ret;

	ret = dpath_container_module_init();
	if (ret)
		return ret;
	ret = dpath_vgroup_module_init();
	if (ret)
		goto err_container_exit;
	tell_core(true);
	return 0;

err_container_exit:
	dpath_container_module_exit();
	return ret;
}

static void __exit vfio_exit(void)
{
	tell_core(false);
	dpath_vgroup_module_exit();
	dpath_container_module_exit();
}

module_init(vfio_init);
module_exit(vfio_exit);

MODULE_DESCRIPTION("directpath: VFIO container and group uAPI");
MODULE_LICENSE("GPL");
/* As MODULE_IMPORT_NS(), whose argument became a string in 6.13. */
MODULE_INFO(import_ns, "DIRECTPATH");
