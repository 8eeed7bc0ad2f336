// SPDX-License-Identifier: GPL-2.0
/*
 * Is the host using a function right now? The part of the verdict that is asked before its driver is unbound.
 *
 * What hangs below the function in the device tree is walked: network interfaces that are up, disks that are open (mounts, swap, RAID and LVM all
 * keep a disk open). What only userspace can know (routes, sessions, which file system matters) is the tool's to find.
 *
 * The walk uses the klists of the driver core, which give references to the children; no device_lock. A child may be unregistered meanwhile, and the
 * class of a module that goes with it, so dev->class is only compared, never followed: the classes of network interfaces and disks are known by
 * address. Names are read from the objects that the reference keeps, not from dev_name(), which a rename frees.
 */

#include <linux/blkdev.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/numa.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/vgaarb.h>
#include <net/net_namespace.h>

#include "verdict.h"

/* usb-storage is the deepest: controller, hub, hub, ..., interface, host, target, unit, disk. */
#define WALK_DEPTH_MAX 24

struct walk {
	struct dpath_verdict *verdict;
	const void *net_class;
	const void *block_class;
	unsigned int depth;
};

/* The class of disks is not exported; a disk that is never added tells it. */
static const void *find_block_class(void)
{
	static const void *cached;
	const void *class = READ_ONCE(cached);
	struct gendisk *disk;

	if (class)
		return class;
	disk = blk_alloc_disk(NULL, NUMA_NO_NODE);
	if (IS_ERR(disk))
		return NULL;
	class = disk_to_dev(disk)->class;
	put_disk(disk);
	WRITE_ONCE(cached, class);
	return class;
}

static void report_interface(struct walk *walk, struct net_device *ndev)
{
	const char *role = "";
	char name[IFNAMSIZ];

	if (!(READ_ONCE(ndev->flags) & IFF_UP))
		return;
	if (netif_is_bridge_port(ndev))
		role = " and a bridge port";
	else if (netif_is_bond_slave(ndev) || netif_is_team_port(ndev))
		role = " and part of a bond";
	/* A rename may tear it; it stays within the array. */
	strscpy(name, ndev->name, sizeof(name));
	dpath_verdict_add(walk->verdict, DIRECTPATH_REASON_NETDEV_UP, true, true, "move its traffic, then: ip link set it down",
			  "interface %s is up%s", name, role);
}

static void report_disk(struct walk *walk, struct gendisk *disk, const char *how)
{
	unsigned int openers = disk_openers(disk);

	if (openers)
		dpath_verdict_add(walk->verdict, DIRECTPATH_REASON_DRIVER_BUSY, true, true,
				  "unmount it, or end what has it open (see holders in /sys/block, fuser)",
				  "disk %s is open%s (%u)", disk->disk_name, how, openers);
}

/*
 * NVMe multipath: the function's child is a hidden path (nvme0c1n1: subsystem, controller, namespace) that nobody opens; what is open is the disk
 * over all paths (nvme0n1), which hangs elsewhere.
 */
static void check_path(struct walk *walk, struct device *dev, struct gendisk *path)
{
	unsigned int subsystem, controller, namespace;
	struct device *head;
	char name[32];

	if (sscanf(path->disk_name, "nvme%uc%un%u", &subsystem, &controller, &namespace) != 3)
		return;
	scnprintf(name, sizeof(name), "nvme%un%u", subsystem, namespace);
	head = class_find_device_by_name(dev->class, name);
	if (!head)
		return;
	report_disk(walk, dev_to_disk(head), ", and this is a path to it");
	put_device(head);
}

static int visit_child(struct device *dev, void *data)
{
	struct walk *walk = data;
	const void *class = dev->class;

	if (class && class == walk->net_class) {
		report_interface(walk, to_net_dev(dev));
	} else if (class && class == walk->block_class) {
		struct gendisk *disk = dev_to_disk(dev);

		if (disk->flags & GENHD_FL_HIDDEN)
			check_path(walk, dev, disk);
		else
			report_disk(walk, disk, "");
	} else if (walk->depth < WALK_DEPTH_MAX) {
		walk->depth++;
		device_for_each_child(dev, walk, visit_child);
		walk->depth--;
	}
	return 0;
}

static bool is_claimed(struct pci_dev *pdev)
{
	struct dpath_driver_facts driver;

	dpath_verdict_driver(pdev, &driver);
	return driver.managed && strcmp(driver.name, "pci-stub");
}

/* VFs go away with the driver of their PF, under whoever has them. */
static void check_vfs(struct pci_dev *pdev, struct dpath_verdict *verdict)
{
	int nr = pci_num_vf(pdev);
	struct pci_dev *vf = NULL;
	bool claimed = false;

	if (!nr)
		return;
	for_each_pci_dev(vf) {
		if (!vf->is_virtfn || pci_physfn(vf) != pdev || !is_claimed(vf))
			continue;
		claimed = true;
		dpath_verdict_add(verdict, DIRECTPATH_REASON_VFS_ENABLED, true, false, "release the VF first",
				  "its virtual function %s is claimed", pci_name(vf));
	}
	if (!claimed)
		dpath_verdict_add(verdict, DIRECTPATH_REASON_VFS_ENABLED, true, true, "write 0 to its sriov_numvfs in sysfs",
				  "%s has %d virtual functions enabled", pci_name(pdev), nr);
}

/**
 * dpath_verdict_in_use - add what the host does with a function now
 * @pdev: the function; the caller has a reference
 * @verdict: what dpath_verdict_collect() has filled; blocking reasons are appended, and it is judged again
 *
 * Context: process context, may sleep for memory; no device_lock, bounded by the number of devices below the function.
 */
void dpath_verdict_in_use(struct pci_dev *pdev, struct dpath_verdict *verdict)
{
	struct walk walk = {
		.verdict = verdict,
		.net_class = init_net.loopback_dev->dev.class,
		.block_class = find_block_class(),
	};

	/* What hangs below a bridge is other functions' business, and no bridge is claimed. */
	if (pdev->subordinate)
		return;
	if (!walk.block_class)
		dpath_verdict_add(verdict, DIRECTPATH_REASON_DRIVER_BUSY, true, true, "try again", "out of memory when looking for open disks");
	device_for_each_child(&pdev->dev, &walk, visit_child);
	check_vfs(pdev, verdict);
	if (vga_default_device() == pdev)
		dpath_verdict_add(verdict, DIRECTPATH_REASON_CONSOLE_GPU, true, true, "make another adapter the boot display",
				  "%s is the boot display", pci_name(pdev));
}
