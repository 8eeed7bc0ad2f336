// SPDX-License-Identifier: GPL-2.0
/*
 * The driver core's side: which pci_drivers are registrations of the core, and binding functions to them and to their host drivers.
 *
 * A claim sets driver_override first and then unbinds and binds, so that no other driver slips in between (pci_match_device honours the override
 * above everything else). Unbinding runs the host driver's remove(), which may hang for good: only works call it.
 *
 * dpath_driver_lock protects the list; it is outside the set's busy mark and dpath_table_lock, and is never held by probe() or remove().
 */

#include <linux/device.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"
#include "driver.h"
#include "host.h"
#include "set.h"
#include "sleep.h"

static DEFINE_MUTEX(dpath_driver_lock);	/* serialises registration and rebinding */
static LIST_HEAD(drivers);		/* newest first, under dpath_table_lock */

static struct pci_driver own_driver = {
	.name = "directpath",
	.probe = dpath_device_probe,
	.remove = dpath_device_remove,
	.shutdown = dpath_device_shutdown,
	.err_handler = &dpath_error_handlers,
	.driver.pm = &dpath_sleep_pm_ops,
	/* DMA is the set's business, not the DMA API's: probing must not claim the group's default domain. */
	.driver_managed_dma = true,
};

static bool nointxmask;
module_param(nointxmask, bool, 0644);
MODULE_PARM_DESC(nointxmask, "Mask INTx at the interrupt controller, not with Interrupt Disable; for functions opened from then on");

static struct dpath_driver own = { .driver = &own_driver, .no_disintx = &nointxmask };

void dpath_driver_name(char *buf, size_t size)
{
	struct dpath_driver *drv;

	mutex_lock(&dpath_table_lock);
	drv = list_first_entry(&drivers, struct dpath_driver, node);
	strscpy(buf, drv->driver->name, size);
	mutex_unlock(&dpath_table_lock);
}

static struct dpath_driver *driver_of_locked(struct pci_dev *pdev)
{
	const struct device_driver *bound = READ_ONCE(pdev->dev.driver);
	struct dpath_driver *drv;

	lockdep_assert_held(&dpath_table_lock);
	list_for_each_entry(drv, &drivers, node)
		if (bound == &drv->driver->driver)
			return drv;
	return NULL;
}

/* By its probe(), not by the list: functions are bound while a driver is still registering. The driver cannot go under RCU, see device.c. */
bool dpath_driver_is_ours(struct pci_dev *pdev)
{
	const struct device_driver *drv;
	bool ours;

	rcu_read_lock();
	drv = READ_ONCE(pdev->dev.driver);
	ours = drv && container_of_const(drv, struct pci_driver, driver)->probe == dpath_device_probe;
	rcu_read_unlock();
	return ours;
}

bool dpath_driver_no_disintx(struct pci_dev *pdev)
{
	struct dpath_driver *drv;
	bool no;

	mutex_lock(&dpath_table_lock);
	drv = driver_of_locked(pdev);
	no = drv && drv->no_disintx && READ_ONCE(*drv->no_disintx);
	mutex_unlock(&dpath_table_lock);
	return no;
}

int dpath_driver_get_override(struct pci_dev *pdev, char **override)
{
	return dpath_dup_override(&pdev->dev, override);
}

int dpath_driver_set_override(struct pci_dev *pdev, const char *override)
{
	return device_set_driver_override(&pdev->dev, override ?: "");
}

void dpath_driver_restore_override(struct dpath_device *dev)
{
	char *override;
	bool ours;

	mutex_lock(&dpath_table_lock);
	override = dev->prev_override;
	dev->prev_override = NULL;
	ours = dev->overridden;
	dev->overridden = false;
	mutex_unlock(&dpath_table_lock);
	if (ours && !dev->unplugged && dpath_driver_set_override(dev->pdev, override)) {
		/* Clearing takes no memory, and it must not stay ours: the host's drivers could not have it. */
		pci_warn(dev->pdev, "driver_override was %s before the claim, and could not be set to it again\n", override);
		dpath_driver_set_override(dev->pdev, NULL);
	}
	kfree(override);
}

struct bind_request {
	struct pci_dev *pdev;
	const char *name;
	int ret;
};

/* Driver_override, which the bus compares, is freed under device_lock by who writes it. */
static bool bus_matches(struct device_driver *drv, struct device *dev)
{
	bool matches;

	device_lock(dev);
	matches = drv->bus->match(dev, drv);
	device_unlock(dev);
	return matches;
}

/* Runs with a reference on the driver's list node, so that the driver cannot be unregistered under it. */
static int try_bind(struct device_driver *drv, void *data)
{
	struct bind_request *request = data;

	if (strcmp(drv->name, request->name))
		return 0;
	/*
	 * A function that was found has no resources yet; pci_bus_add_device() lets drivers match when they are assigned. device_driver_attach() does
	 * not ask, and what it binds before would keep a config space without addresses for its pristine one.
	 */
	if (!bus_matches(drv, &request->pdev->dev)) {
		request->ret = -EAGAIN;
		return 1;
	}
	request->ret = device_driver_attach(drv, &request->pdev->dev);
	return 1;
}

/* -EAGAIN: the bus does not match them, or not yet. */
int dpath_driver_bind(struct pci_dev *pdev, const char *name)
{
	struct bind_request request = { .pdev = pdev, .name = name, .ret = -ENOENT };

	lockdep_assert_not_held(&dpath_table_lock);
	bus_for_each_drv(&pci_bus_type, NULL, &request, try_bind);
	return request.ret;
}

void dpath_driver_unbind(struct pci_dev *pdev)
{
	lockdep_assert_not_held(&dpath_table_lock);
	device_release_driver(&pdev->dev);
}

/* One idle function to another of our drivers: probe() and remove() see `rebinding' and leave everything as it is. */
static void rebind_device(struct dpath_device *dev, const char *name, const char *fallback)
{
	mutex_lock(&dpath_table_lock);
	dev->rebinding = true;
	mutex_unlock(&dpath_table_lock);

	if (!dpath_driver_set_override(dev->pdev, name)) {
		dpath_driver_unbind(dev->pdev);
		if (dpath_driver_bind(dev->pdev, name)) {
			dpath_driver_set_override(dev->pdev, fallback);
			dpath_driver_bind(dev->pdev, fallback);
		}
	}

	mutex_lock(&dpath_table_lock);
	dev->rebinding = false;
	/* No driver took it, or it is leaving the bus: dpath_set_end() drops it. */
	if (!dpath_driver_is_ours(dev->pdev))
		dev->bound = false;
	mutex_unlock(&dpath_table_lock);
}

static bool uses_driver(struct dpath_set *set, const struct pci_driver *drv)
{
	struct dpath_device *dev;
	bool uses = false;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &set->devices, set_node)
		uses |= !dev->by_hand && READ_ONCE(dev->pdev->dev.driver) == &drv->driver;
	mutex_unlock(&dpath_table_lock);
	return uses;
}

/* @leaving: the driver goes, so runs that have no lease end, and works are waited for, within the reset deadline. */
static bool begin_rebind(struct dpath_set *set, bool leaving)
{
	long left = msecs_to_jiffies(READ_ONCE(dpath_host.reset_deadline_ms));
	bool begun;

	do {
		if (leaving) {
			dpath_set_revoke(set, "its driver is unloaded");
			left = wait_event_timeout(dpath_state_wait, !READ_ONCE(set->busy), left);
		}
		mutex_lock(&dpath_table_lock);
		begun = dpath_set_begin_locked(set, "rebind");
		mutex_unlock(&dpath_table_lock);
	} while (!begun && leaving && left);
	return begun;
}

static void rebind_set(struct dpath_set *set, const struct pci_driver *from, const char *name, bool leaving)
{
	struct dpath_device *devs[DPATH_SET_MAX];
	unsigned int nr, i;

	if (!uses_driver(set, from) || !begin_rebind(set, leaving))
		return;
	nr = dpath_set_devices(set, devs);
	for (i = 0; i < nr; i++)
		if (!devs[i]->by_hand && READ_ONCE(devs[i]->pdev->dev.driver) == &from->driver)
			rebind_device(devs[i], name, from->name);
	dpath_set_put_devices(devs, nr);
	dpath_set_end(set);
	dpath_set_queue_adopt(set);
}

/*
 * All idle sets that are bound to @from, one by one; a running one keeps its driver (its lease holds that module). Nothing here can fail: what a
 * driver that is unloaded leaves behind, the driver core would take from its VM.
 */
static void rebind_all(const struct pci_driver *from, const char *name, bool leaving)
{
	struct dpath_set *set = NULL;

	while ((set = dpath_set_next(set, NULL)))
		rebind_set(set, from, name, leaving);
}

int dpath_driver_register(struct dpath_driver *drv)
{
	struct dpath_driver *prev;

	mutex_lock(&dpath_driver_lock);
	mutex_lock(&dpath_table_lock);
	prev = list_first_entry_or_null(&drivers, struct dpath_driver, node);
	list_add(&drv->node, &drivers);
	mutex_unlock(&dpath_table_lock);
	if (prev)
		rebind_all(prev->driver, drv->driver->name, false);
	mutex_unlock(&dpath_driver_lock);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(dpath_driver_register, "DIRECTPATH");

static bool still_used(struct dpath_driver *drv)
{
	struct dpath_device *dev;
	bool used = false;

	mutex_lock(&dpath_table_lock);
	list_for_each_entry(dev, &dpath_devices, node)
		used |= dev->set && READ_ONCE(dev->pdev->dev.driver) == &drv->driver->driver && !dev->by_hand;
	mutex_unlock(&dpath_table_lock);
	return used;
}

int dpath_driver_unregister(struct dpath_driver *drv)
{
	struct dpath_driver *next;
	int ret = 0;

	mutex_lock(&dpath_driver_lock);
	mutex_lock(&dpath_table_lock);
	list_del(&drv->node);
	next = list_first_entry_or_null(&drivers, struct dpath_driver, node);
	mutex_unlock(&dpath_table_lock);
	if (next) {
		rebind_all(drv->driver, next->driver->name, true);
		if (still_used(drv))
			ret = -EBUSY;
	}
	mutex_unlock(&dpath_driver_lock);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dpath_driver_unregister, "DIRECTPATH");

int dpath_driver_module_init(void)
{
	int ret;

	ret = pci_register_driver(&own_driver);
	if (ret)
		return ret;
	return dpath_driver_register(&own);
}

void dpath_driver_module_exit(void)
{
	dpath_driver_unregister(&own);
	pci_unregister_driver(&own_driver);
}
