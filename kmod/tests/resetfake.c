// SPDX-License-Identifier: GPL-2.0
/*
 * Fakes of what reset.c, reset_set.c and fingerprint.c call, and these themselves: see resetfake.h. Suites run one after the other, so there is one
 * fake at a time.
 */

#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cfgspaces.h"
#include "resetfake.h"

struct pci_saved_state {
	u8 bytes[4096];
};

static struct dpath_resetfake *now;

static struct dpath_resetfake_fn *fn_of(struct pci_dev *pdev)
{
	return container_of(pdev, struct dpath_resetfake_fn, pdev);
}

static __printf(1, 2) void note(const char *fmt, ...)
{
	size_t len = strlen(now->log);
	va_list args;

	va_start(args, fmt);
	vscnprintf(now->log + len, sizeof(now->log) - len, fmt, args);
	va_end(args);
}

static void note_fn(const char *what, struct dpath_resetfake_fn *fn)
{
	note("%s:%u ", what, dpath_resetfake_number(now, fn));
}

static void expect(bool right, const char *what)
{
	if (!right && !now->wrongs++)
		now->wrong = what;
}

static bool fails(const char *what)
{
	if (++now->calls != now->fail_at)
		return false;
	now->failed = what;
	return true;
}

static bool any_locked(void)
{
	unsigned int i;

	for (i = 0; i < now->nr; i++) {
		if (now->fns[i].locked)
			return true;
	}
	return false;
}

static void *count_memory(void *memory)
{
	now->memory += !!memory;
	return memory;
}

static void *fake_kmalloc_array(size_t n, size_t size, gfp_t flags)
{
	return fails("memory") ? NULL : count_memory(kmalloc_array(n, size, flags));
}

static void fake_kfree(const void *memory)
{
	now->memory -= !!memory;
	kfree(memory);
}

/* --- config space --- */

static void count_read(struct dpath_resetfake_fn *fn)
{
	if (fn->answers && !--fn->answers)
		fn->absent = true;
}

static u32 load(struct pci_dev *pdev, int where, unsigned int width)
{
	struct dpath_resetfake_fn *fn = fn_of(pdev);
	u32 value = 0;

	while (width--)
		value = value << 8 | (fn->absent || fn->mute ? 0xff : fn->hw[where + width]);
	return value;
}

static int fake_read_byte(struct pci_dev *pdev, int where, u8 *value)
{
	*value = load(pdev, where, 1);
	count_read(fn_of(pdev));
	return 0;
}

static int fake_read_word(struct pci_dev *pdev, int where, u16 *value)
{
	*value = load(pdev, where, 2);
	count_read(fn_of(pdev));
	return 0;
}

static int fake_read_dword(struct pci_dev *pdev, int where, u32 *value)
{
	*value = load(pdev, where, 4);
	count_read(fn_of(pdev));
	return 0;
}

static void set_command(struct dpath_resetfake_fn *fn, u16 clear, u16 set)
{
	u16 command = (fn->hw[PCI_COMMAND] | fn->hw[PCI_COMMAND + 1] << 8);

	command = (command & ~clear) | set;
	fn->hw[PCI_COMMAND] = command;
	fn->hw[PCI_COMMAND + 1] = command >> 8;
}

static int fake_write_word(struct pci_dev *pdev, int where, u16 value)
{
	expect(where == PCI_COMMAND, "writes another register");
	note_fn(value == PCI_COMMAND_INTX_DISABLE ? "off" : "command", fn_of(pdev));
	set_command(fn_of(pdev), 0xffff, value);
	return 0;
}

static void fake_clear_master(struct pci_dev *pdev)
{
	note_fn("nomaster", fn_of(pdev));
	set_command(fn_of(pdev), PCI_COMMAND_MASTER, 0);
}

static void fake_intx(struct pci_dev *pdev, int enable)
{
	set_command(fn_of(pdev), PCI_COMMAND_INTX_DISABLE, enable ? 0 : PCI_COMMAND_INTX_DISABLE);
}

static bool fake_device_is_present(struct pci_dev *pdev)
{
	return !fn_of(pdev)->absent;
}

static int fake_wait_for_pending_transaction(struct pci_dev *pdev)
{
	note_fn("wait", fn_of(pdev));
	return !fn_of(pdev)->pending;
}

static u64 fake_get_dsn(struct pci_dev *pdev)
{
	return 0x525400ffff123456ULL;
}

static int fake_num_vf(struct pci_dev *pdev)
{
	return fn_of(pdev)->vfs;
}

/* --- what the core saves --- */

static int fake_set_power_state(struct pci_dev *pdev, pci_power_t state)
{
	expect(state == PCI_D0, "asks for a state of sleep");
	note_fn("d0", fn_of(pdev));
	return fails("power") ? -EIO : 0;
}

static int fake_save_state(struct pci_dev *pdev)
{
	struct dpath_resetfake_fn *fn = fn_of(pdev);

	note_fn("save", fn);
	if (fails("save"))
		return -ENOMEM;
	memcpy(fn->saved, fn->hw, sizeof(fn->saved));
	pdev->state_saved = true;
	return 0;
}

static struct pci_saved_state *fake_store_saved_state(struct pci_dev *pdev)
{
	struct pci_saved_state *state;

	expect(pdev->state_saved, "stores a state that was not saved");
	if (fails("store"))
		return NULL;
	state = count_memory(kmalloc(sizeof(*state), GFP_KERNEL));
	if (state)
		memcpy(state->bytes, fn_of(pdev)->saved, sizeof(state->bytes));
	return state;
}

static int fake_load_saved_state(struct pci_dev *pdev, struct pci_saved_state *state)
{
	note_fn("load", fn_of(pdev));
	pdev->state_saved = false;
	if (fails("load"))
		return -EINVAL;
	memcpy(fn_of(pdev)->saved, state->bytes, sizeof(state->bytes));
	pdev->state_saved = true;
	return 0;
}

static void fake_restore_state(struct pci_dev *pdev)
{
	struct dpath_resetfake_fn *fn = fn_of(pdev);

	note_fn("restore", fn);
	if (!pdev->state_saved)
		return;
	memcpy(fn->hw, fn->saved, sizeof(fn->hw));
	pdev->state_saved = false;
}

static void fake_restore_msi_state(struct pci_dev *pdev)
{
	struct dpath_resetfake_fn *fn = fn_of(pdev);

	expect(fn->hw[PCI_COMMAND] & PCI_COMMAND_MEMORY, "writes a table of MSI-X that is not decoded");
	note_fn("msix", fn);
}

/* As the core; what d3cold_allowed says is sysfs's own. */
static void fake_d3cold_disable(struct pci_dev *pdev)
{
	pdev->no_d3cold = true;
}

static void fake_d3cold_enable(struct pci_dev *pdev)
{
	pdev->no_d3cold = false;
}

/* --- locks and references --- */

static int fake_trylock(struct pci_dev *pdev)
{
	struct dpath_resetfake_fn *fn = fn_of(pdev);

	expect(!fn->locked, "tries a lock that it has");
	if (fn->foreign || fails("lock"))
		return 0;
	fn->locked = true;
	note_fn("lock", fn);
	return 1;
}

static void fake_unlock(struct pci_dev *pdev)
{
	struct dpath_resetfake_fn *fn = fn_of(pdev);

	expect(fn->locked, "drops a lock that it has not");
	fn->locked = false;
	note_fn("unlock", fn);
}

static struct pci_dev *fake_dev_get(struct pci_dev *pdev)
{
	fn_of(pdev)->refs++;
	return pdev;
}

static void fake_dev_put(struct pci_dev *pdev)
{
	expect(fn_of(pdev)->refs > 0, "puts a function too often");
	fn_of(pdev)->refs--;
}

static bool below(const struct pci_bus *bus, const struct pci_bus *top)
{
	for (; bus; bus = bus->parent) {
		if (bus == top)
			return true;
	}
	return false;
}

static void fake_walk_bus(struct pci_bus *top, int (*visit)(struct pci_dev *pdev, void *data), void *data)
{
	unsigned int i;

	expect(!any_locked(), "takes pci_bus_sem under a device_lock");
	for (i = 0; i < now->nr; i++) {
		if (below(now->fns[i].pdev.bus, top) && visit(&now->fns[i].pdev, data))
			return;
	}
}

/* --- resets --- */

static bool marked(const u8 *space)
{
	return space[DPATH_RESETFAKE_TENANT] == DPATH_RESETFAKE_MARK;
}

static void switch_off(struct dpath_resetfake_fn *fn, bool dies)
{
	memcpy(fn->hw, fn->on, sizeof(fn->hw));
	fn->absent |= dies;
}

/* It is not reset, and not what it was. */
static void fail_reset(struct dpath_resetfake_fn *fn, bool dies)
{
	fn->hw[PCI_LATENCY_TIMER] = DPATH_RESETFAKE_MARK;
	fn->absent |= dies;
}

static void watch_reset(struct dpath_resetfake_fn *fn, u8 index)
{
	struct pci_dev *bridge = pci_upstream_bridge(&fn->pdev);

	expect(fn->locked, "resets a function without its device_lock");
	/* 2: ACPI, 6 and 7: the bus */
	if (bridge && (index == 2 || index > 5))
		expect(fn_of(bridge)->locked, "resets a bus without the lock of its port");
	expect(!fn->pdev.reset_methods[1], "resets with more methods than one");
	expect((load(&fn->pdev, PCI_COMMAND, 2) & ~PCI_COMMAND_INTX_DISABLE) == 0, "resets a function that is not switched off");
	if (fn->tenant)
		expect(!marked(fn->hw) && !marked(fn->saved), "a tenant's config space gets into a reset");
}

/* As the core: the methods in their order, until one says something else than -ENOTTY. */
static int fake_reset_function_locked(struct pci_dev *pdev)
{
	struct dpath_resetfake_fn *fn = fn_of(pdev);
	u8 index = pdev->reset_methods[0];

	watch_reset(fn, index);
	note("reset:%u:%u ", dpath_resetfake_number(now, fn), index);
	if (!index)
		return -ENOTTY;
	if (!fn->results[index])
		switch_off(fn, fn->dies & BIT(index));
	else
		fail_reset(fn, fn->dies & BIT(index));
	if (now->during)
		now->during(now, fn);
	return fn->results[index];
}

static int fake_probe_reset_slot(struct pci_slot *slot)
{
	return now->slot_error;
}

static int fake_probe_reset_bus(struct pci_bus *bus)
{
	return now->bus_error;
}

static int fake_reset_bus(struct pci_dev *pdev)
{
	unsigned int i;

	expect(!any_locked(), "resets a bus under a device_lock");
	note_fn("bus", fn_of(pdev));
	if (now->during)
		now->during(now, NULL);
	for (i = 0; i < now->nr; i++) {
		if (!below(now->fns[i].pdev.bus, pdev->bus))
			continue;
		if (now->fns[i].tenant)
			expect(!marked(now->fns[i].hw), "a tenant's config space gets into a reset of its bus");
		now->fns[i].absent |= !!(now->bus_dies & BIT(i));
		/* The core restores what it has saved, and then drivers do what they like. */
		if (!now->fns[i].absent && !now->fns[i].pdev.subordinate)
			now->fns[i].hw[PCI_COMMAND] |= PCI_COMMAND_MASTER;
	}
	return now->bus_result;
}

#undef kmalloc_array
#undef kfree
#undef device_lock_assert
#undef pci_dev_put
#define kmalloc_array fake_kmalloc_array
#define kfree fake_kfree
#define device_lock_assert(device) expect(fn_of(to_pci_dev(device))->locked, "device_lock is not held")
#define pci_read_config_byte fake_read_byte
#define pci_read_config_word fake_read_word
#define pci_read_config_dword fake_read_dword
#define pci_write_config_word fake_write_word
#define pci_clear_master fake_clear_master
#define pci_intx fake_intx
#define pci_device_is_present fake_device_is_present
#define pci_wait_for_pending_transaction fake_wait_for_pending_transaction
#define pci_get_dsn fake_get_dsn
#define pci_num_vf fake_num_vf
#define pci_set_power_state fake_set_power_state
#define pci_save_state fake_save_state
#define pci_store_saved_state fake_store_saved_state
#define pci_load_saved_state fake_load_saved_state
#define pci_restore_state fake_restore_state
#define pci_restore_msi_state fake_restore_msi_state
#define pci_d3cold_disable fake_d3cold_disable
#define pci_d3cold_enable fake_d3cold_enable
#define pci_dev_trylock fake_trylock
#define pci_dev_unlock fake_unlock
#define pci_dev_get fake_dev_get
#define pci_dev_put fake_dev_put
#define pci_walk_bus fake_walk_bus
#define __pci_reset_function_locked fake_reset_function_locked
#define pci_probe_reset_slot fake_probe_reset_slot
#define pci_probe_reset_bus fake_probe_reset_bus
#define pci_reset_bus fake_reset_bus

#include "../fingerprint.c"
#include "../reset.c"
#include "../reset_set.c"

/* --- the tree --- */

struct dpath_resetfake *dpath_resetfake_new(struct kunit *test)
{
	struct dpath_resetfake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->slot_error = -ENOTTY;
	now = fake;
	dpath_resetfake_bridge(dpath_resetfake_add(fake, NULL, (const u8[]){ 0 }));
	KUNIT_ASSERT_TRUE(test, dpath_cfgspace_load(dpath_cfgspace_find("82599ES"), fake->fns[0].hw));
	return fake;
}

struct dpath_resetfake_fn *dpath_resetfake_add(struct dpath_resetfake *fake, struct dpath_resetfake_fn *above, const u8 *methods)
{
	struct dpath_resetfake_fn *fn = &fake->fns[fake->nr];
	unsigned int i;

	snprintf(fn->name, sizeof(fn->name), "0000:%02x:00.%u", above ? dpath_resetfake_number(fake, above) + 1 : 0, fake->nr);
	fn->pdev.dev.init_name = fn->name;
	fn->pdev.bus = above ? &above->bus : &fake->root;
	fn->pdev.cfg_size = 4096;
	fn->pdev.error_state = pci_channel_io_normal;
	fn->pdev.d3cold_allowed = true;
	for (i = 0; i < PCI_NUM_RESET_METHODS && methods[i]; i++)
		fn->pdev.reset_methods[i] = methods[i];
	dpath_cfgspace_load(dpath_cfgspace_find("82599ES"), fn->hw);
	memcpy(fn->on, fn->hw, sizeof(fn->on));
	memset(fn->on + PCI_COMMAND, 0, 2);
	memset(fn->on + PCI_BASE_ADDRESS_0, 0, 4 * PCI_STD_NUM_BARS);
	fake->nr++;
	return fn;
}

void dpath_resetfake_bridge(struct dpath_resetfake_fn *fn)
{
	fn->bus.parent = fn->pdev.bus;
	fn->bus.self = &fn->pdev;
	fn->pdev.subordinate = &fn->bus;
}

void dpath_resetfake_tenant(struct dpath_resetfake_fn *fn)
{
	fn->tenant = true;
	fn->hw[DPATH_RESETFAKE_TENANT] = DPATH_RESETFAKE_MARK;
	fn->hw[PCI_COMMAND] |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	memcpy(fn->saved, fn->hw, sizeof(fn->saved));
}

void dpath_resetfake_mark(struct dpath_resetfake *fake)
{
	fake->calls = 0;
	fake->fail_at = 0;
	fake->failed = NULL;
	memset(fake->log, 0, sizeof(fake->log));
}

void dpath_resetfake_check(struct kunit *test, struct dpath_resetfake *fake)
{
	unsigned int i;

	for (i = 0; i < fake->nr; i++) {
		KUNIT_EXPECT_FALSE_MSG(test, fake->fns[i].locked, "function %u is still locked", i);
		KUNIT_EXPECT_EQ_MSG(test, fake->fns[i].refs, 0, "references to function %u", i);
	}
	KUNIT_EXPECT_EQ(test, fake->memory, 0);
	KUNIT_EXPECT_EQ_MSG(test, fake->wrongs, 0U, "%s", fake->wrong);
}
