// SPDX-License-Identifier: GPL-2.0
/*
 * A host driver that does not let go: its remove() returns when the parameter `hold' is off, its probe() when `hold_probe' is. It takes what
 * driver_override gives to it.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>

static bool hold;
module_param(hold, bool, 0644);

static bool hold_probe;
module_param(hold_probe, bool, 0644);

static int slow_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	while (READ_ONCE(hold_probe))
		msleep(20);
	return 0;
}

static void slow_remove(struct pci_dev *pdev)
{
	while (READ_ONCE(hold))
		msleep(20);
}

static struct pci_driver slow_driver = {
	.name = "dpath_test_slow",
	.probe = slow_probe,
	.remove = slow_remove,
};
module_pci_driver(slow_driver);

MODULE_DESCRIPTION("directpath: a host driver that does not let go, for tests");
MODULE_LICENSE("GPL");
