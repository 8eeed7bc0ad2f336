// SPDX-License-Identifier: GPL-2.0
/*
 * Config space as a guest has it: what it sees of real functions, what its writes set off in them (reset, power state), and who counts them.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-config"
#define CONFIG VFIO_PCI_CONFIG_REGION_INDEX
#define ONES 0xffffffffU
#define SOON_MS 3000

/* Registers that hold what is written: of an NVMe controller the interrupt mask (a reset clears it), of an e1000e a flow control address. */
#define NVME_INTMS 0x0c
#define NVME_VS 0x08
#define E1000_STATUS 0x08
#define E1000_FCAL 0x28

FIXTURE(config) {
	struct rig rig;
};

FIXTURE_SETUP(config)
{
	ASSERT_EQ(0, host_restore());
	memset(&self->rig, 0, sizeof(self->rig));
	self->rig.fd = -1;
	self->rig.vm_fd = -1;
}

FIXTURE_TEARDOWN_PARENT(config)
{
	EXPECT_EQ(0, host_restore());
}

/* Where a guest finds a capability, by walking as it does; 0: nowhere. */
static unsigned int find_cap(int fd, uint8_t id)
{
	unsigned int pos, ttl = 48;

	if (!(device_config_read(fd, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	for (pos = device_config_read(fd, PCI_CAPABILITY_LIST, 1); pos && ttl; pos = device_config_read(fd, pos + 1, 1), ttl--)
		if (device_config_read(fd, pos, 1) == id)
			return pos;
	return 0;
}

static unsigned int find_ext_cap(int fd, uint16_t id)
{
	unsigned int pos = 0x100, ttl = 480;
	uint32_t head;

	for (; pos && ttl; pos = head >> 20, ttl--) {
		head = device_config_read(fd, pos, 4);
		if ((head & 0xffff) == id)
			return pos;
	}
	return 0;
}

/* The same in the host's view. */
static unsigned int host_find_ext_cap(const char *address, uint16_t id)
{
	unsigned int pos = 0x100, ttl = 480;
	uint32_t head;

	for (; pos && ttl; pos = head >> 20, ttl--) {
		head = pci_config_read(address, pos, 4);
		if ((head & 0xffff) == id)
			return pos;
	}
	return 0;
}

static volatile uint32_t *registers(struct rig *rig)
{
	return device_mmap(rig->fd, 0, PAGE);
}

/* A map keeps the device open. */
static void close_all(struct rig *rig, volatile uint32_t *bar)
{
	munmap((void *)bar, PAGE);
	rig_close(rig);
}

#define REG(bar, offset) ((bar)[(offset) / 4])

/* --- resets --- */

/* The guest's bit resets the function: what it had in its registers is gone, and the host's BARs are where they were. */
TEST_F(config, flr)
{
	uint32_t bar0, command;
	struct dev_stats before, after;
	struct rig *rig = &self->rig;
	volatile uint32_t *bar;
	unsigned int exp;

	if (!rig_reserve_any(rig, "DP_NVME", VM))
		SKIP(return, "no nvme on this machine");
	rig_open_any(rig);
	bar = registers(rig);
	exp = find_cap(rig->fd, PCI_CAP_ID_EXP);
	ASSERT_NE(0, exp);
	ASSERT_TRUE(device_config_read(rig->fd, exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	bar0 = pci_config_read(rig->address, PCI_BASE_ADDRESS_0, 4);
	device_config_write(rig->fd, PCI_BASE_ADDRESS_0, 4, 0xe0000000);
	command = device_config_read(rig->fd, PCI_COMMAND, 2);
	REG(bar, NVME_INTMS) = 0x5;
	ASSERT_EQ(0x5, REG(bar, NVME_INTMS));
	dev_stats(rig->address, &before);

	device_config_write(rig->fd, exp + PCI_EXP_DEVCTL, 2, device_config_read(rig->fd, exp + PCI_EXP_DEVCTL, 2) | PCI_EXP_DEVCTL_BCR_FLR);
	dev_stats(rig->address, &after);
	EXPECT_EQ(before.resets + 1, after.resets);
	EXPECT_EQ(before.reset_failures, after.reset_failures);
	EXPECT_EQ(before.config_denied, after.config_denied);
	EXPECT_EQ(0, device_config_read(rig->fd, exp + PCI_EXP_DEVCTL, 2) & PCI_EXP_DEVCTL_BCR_FLR);
	EXPECT_EQ(bar0, pci_config_read(rig->address, PCI_BASE_ADDRESS_0, 4));
	EXPECT_EQ(0xe0000004, device_config_read(rig->fd, PCI_BASE_ADDRESS_0, 4));
	/* The kernel restores what the reset takes. */
	EXPECT_EQ(command, device_config_read(rig->fd, PCI_COMMAND, 2));
	EXPECT_TRUE(wait_until(REG(bar, NVME_VS) != ONES, SOON_MS));
	EXPECT_EQ(0, REG(bar, NVME_INTMS));
	/* It works on. */
	REG(bar, NVME_INTMS) = 0x3;
	EXPECT_EQ(0x3, REG(bar, NVME_INTMS));
	close_all(rig, bar);
	EXPECT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, 20000));
}

/* A function that has none: the bit does nothing, as on bare metal. */
TEST_F(config, flr_of_a_function_without)
{
	struct dev_stats before, after;
	struct rig *rig = &self->rig;
	volatile uint32_t *bar;
	unsigned int exp;

	if (!rig_reserve_any(rig, "DP_E1000E", VM))
		SKIP(return, "no e1000e on this machine");
	rig_open_any(rig);
	bar = registers(rig);
	exp = find_cap(rig->fd, PCI_CAP_ID_EXP);
	ASSERT_NE(0, exp);
	ASSERT_FALSE(device_config_read(rig->fd, exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	REG(bar, E1000_FCAL) = 0x12345678;
	ASSERT_EQ(0x12345678, REG(bar, E1000_FCAL));
	dev_stats(rig->address, &before);
	device_config_write(rig->fd, exp + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	dev_stats(rig->address, &after);
	EXPECT_EQ(before.resets, after.resets);
	EXPECT_EQ(0, device_config_read(rig->fd, exp + PCI_EXP_DEVCTL, 2) & PCI_EXP_DEVCTL_BCR_FLR);
	EXPECT_EQ(0x12345678, REG(bar, E1000_FCAL));
}

/* --- power states --- */

/* To D3hot and back as a guest does it, over and over: no decode there, all as it was here. */
TEST_F(config, power_states)
{
	struct rig *rig = &self->rig;
	unsigned int pm, i, round;
	uint32_t bars[6], word;
	volatile uint32_t *bar;

	if (!rig_reserve_any(rig, "DP_E1000E", VM))
		SKIP(return, "no e1000e on this machine");
	rig_open_any(rig);
	bar = registers(rig);
	pm = find_cap(rig->fd, PCI_CAP_ID_PM);
	ASSERT_NE(0, pm);
	/* Wake-up events are the host's. */
	EXPECT_EQ(0, device_config_read(rig->fd, pm + PCI_PM_PMC, 2) & PCI_PM_CAP_PME_MASK);
	device_config_write(rig->fd, pm + PCI_PM_CTRL, 2, PCI_PM_CTRL_PME_ENABLE);
	EXPECT_EQ(0, device_config_read(rig->fd, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_PME_ENABLE);
	EXPECT_EQ(0, pci_config_read(rig->address, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_PME_ENABLE);
	for (i = 0; i < 6; i++)
		bars[i] = pci_config_read(rig->address, PCI_BASE_ADDRESS_0 + 4 * i, 4);
	REG(bar, E1000_FCAL) = 0x12345678;
	for (round = 0; round < 5; round++) {
		device_config_write(rig->fd, pm + PCI_PM_CTRL, 2, 3);
		EXPECT_EQ(3, device_config_read(rig->fd, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK);
		EXPECT_EQ(3, pci_config_read(rig->address, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK);
		/* Command still says memory; yet nobody decodes. */
		EXPECT_EQ(ONES, REG(bar, E1000_STATUS));
		REG(bar, E1000_FCAL) = 0;
		EXPECT_TRUE(wait_until(REG(bar, E1000_FCAL) == ONES, SOON_MS));
		word = 0;
		EXPECT_EQ(4, __device_read(rig->fd, 0, E1000_STATUS, &word, 4));
		EXPECT_EQ(ONES, word);
		/* Config space answers in D3hot. */
		EXPECT_EQ(0x8086, device_config_read(rig->fd, PCI_VENDOR_ID, 2));

		device_config_write(rig->fd, pm + PCI_PM_CTRL, 2, 0);
		EXPECT_EQ(0, pci_config_read(rig->address, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK);
		for (i = 0; i < 6; i++)
			EXPECT_EQ(bars[i], pci_config_read(rig->address, PCI_BASE_ADDRESS_0 + 4 * i, 4));
		EXPECT_NE(ONES, REG(bar, E1000_STATUS));
		EXPECT_EQ(0x12345678, REG(bar, E1000_FCAL)); /* what was written in D3hot reached nothing */
	}
	/* Left in D3hot: the next one finds it awake. */
	device_config_write(rig->fd, pm + PCI_PM_CTRL, 2, 3);
	close_all(rig, bar);
	EXPECT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, 20000));
	rig_open_any(rig);
	EXPECT_EQ(0, device_config_read(rig->fd, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK);
	EXPECT_NE(ONES, REG(registers(rig), E1000_STATUS));
}

/* --- what is hidden --- */

/* Virtual functions can be made by the host, and by nobody in a guest. */
TEST_F(config, sriov_is_hidden)
{
	struct rig *rig = &self->rig;
	unsigned int pos, aer, i;
	uint32_t ctrl;

	if (!rig_reserve_any(rig, "DP_SRIOV", VM))
		SKIP(return, "nothing with virtual functions on this machine");
	pos = host_find_ext_cap(rig->address, PCI_EXT_CAP_ID_SRIOV);
	ASSERT_NE(0, pos);
	ASSERT_NE(0, pci_config_read(rig->address, pos + PCI_SRIOV_TOTAL_VF, 2));
	ctrl = pci_config_read(rig->address, pos + PCI_SRIOV_CTRL, 2);
	ASSERT_EQ(0, ctrl & (PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE));
	rig_open_any(rig);
	EXPECT_EQ(0, find_ext_cap(rig->fd, PCI_EXT_CAP_ID_SRIOV));
	EXPECT_EQ(0, find_ext_cap(rig->fd, PCI_EXT_CAP_ID_ARI));
	for (i = 0; i < 0x40; i += 4)
		EXPECT_EQ(0, device_config_read(rig->fd, pos + i, 4)) TH_LOG("%#x", pos + i);
	device_config_write(rig->fd, pos + PCI_SRIOV_NUM_VF, 2, 2);
	device_config_write(rig->fd, pos + PCI_SRIOV_CTRL, 2, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	EXPECT_EQ(0, pci_config_read(rig->address, pos + PCI_SRIOV_NUM_VF, 2));
	EXPECT_EQ(ctrl, pci_config_read(rig->address, pos + PCI_SRIOV_CTRL, 2));
	/* Its neighbour may be read. */
	aer = host_find_ext_cap(rig->address, PCI_EXT_CAP_ID_ERR);
	if (aer)
		EXPECT_EQ(aer, find_ext_cap(rig->fd, PCI_EXT_CAP_ID_ERR));
}

/* A virtual function has no ids, no BARs, no enable bit and no INTx of its own; a guest sees a function like any other. */
TEST_F(config, virtual_function)
{
	const char *pf = pci_env("DP_SRIOV"), *vf = getenv("DP_SRIOV_VF0");
	struct vfio_irq_info irq;
	struct rig *rig = &self->rig;
	volatile uint32_t *bar;
	char command[256];
	uint32_t size;

	if (!pf || !vf)
		SKIP(return, "nothing with virtual functions on this machine");
	snprintf(command, sizeof(command),
		 "cd /sys/bus/pci/devices/%s && echo 0 >sriov_drivers_autoprobe && echo 1 >sriov_numvfs && echo 1 >sriov_drivers_autoprobe", pf);
	ASSERT_EQ(0, host_shell(command));
	EXPECT_EQ(ONES, pci_config_read(vf, PCI_VENDOR_ID, 4));
	EXPECT_EQ(0, pci_config_read(vf, PCI_BASE_ADDRESS_0, 4));
	ASSERT_TRUE(rig_reserve_any(rig, "DP_SRIOV_VF0", VM));
	rig_open_any(rig);
	EXPECT_EQ(0x1b36, device_config_read(rig->fd, PCI_VENDOR_ID, 2));
	EXPECT_NE(0xffff, device_config_read(rig->fd, PCI_DEVICE_ID, 2));
	device_config_write(rig->fd, PCI_BASE_ADDRESS_0, 4, ONES);
	size = device_config_read(rig->fd, PCI_BASE_ADDRESS_0, 4);
	EXPECT_LT(PAGE, -(size & ~0xf));
	EXPECT_EQ(PCI_BASE_ADDRESS_MEM_TYPE_64, size & 0x7);
	EXPECT_EQ(0, pci_config_read(vf, PCI_BASE_ADDRESS_0, 4));
	/* A virtual function has no bit for memory; the guest has one, and it does what it says. */
	bar = registers(rig);
	EXPECT_EQ(PCI_COMMAND_MEMORY, device_config_read(rig->fd, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY);
	EXPECT_NE(ONES, REG(bar, NVME_VS));
	device_config_write(rig->fd, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	EXPECT_EQ(0, device_config_read(rig->fd, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY);
	EXPECT_EQ(ONES, REG(bar, NVME_VS));
	device_config_write(rig->fd, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	EXPECT_NE(ONES, REG(bar, NVME_VS));
	EXPECT_EQ(0, device_config_read(rig->fd, PCI_INTERRUPT_PIN, 1));
	ASSERT_EQ(0, __device_irq_info(rig->fd, VFIO_PCI_INTX_IRQ_INDEX, &irq));
	EXPECT_EQ(0, irq.count);
	ASSERT_EQ(0, __device_irq_info(rig->fd, VFIO_PCI_MSIX_IRQ_INDEX, &irq));
	EXPECT_LT(0, irq.count);
	EXPECT_EQ(0, find_cap(rig->fd, PCI_CAP_ID_MSI));
	EXPECT_NE(0, find_cap(rig->fd, PCI_CAP_ID_MSIX));
	close_all(rig, bar);
	EXPECT_TRUE(dev_reaches(vf, DIRECTPATH_STATE_RESERVED, 20000));
	vm_detach(VM, vf, false);
	dev_release(vf, 0, 0);
	snprintf(command, sizeof(command), "echo 0 >/sys/bus/pci/devices/%s/sriov_numvfs", pf);
	EXPECT_EQ(0, host_shell(command));
}

/* --- counters --- */

TEST_F(config, register_counters)
{
	struct dev_stats before, after;
	struct dev_register reg;
	struct rig *rig = &self->rig;
	uint32_t id, bits;
	uint64_t denied;

	if (!rig_reserve(rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	rig_open(rig);
	id = device_config_read(rig->fd, PCI_VENDOR_ID, 4);
	dev_register(rig->address, PCI_VENDOR_ID, &reg);
	/* What others have written since the function is there. */
	denied = reg.denied;
	bits = reg.bits;
	dev_stats(rig->address, &before);
	device_config_write(rig->fd, PCI_VENDOR_ID, 2, (id & 0xffff) ^ 0x0101);
	device_config_write(rig->fd, PCI_DEVICE_ID, 2, (id >> 16) ^ 0x8000);
	/* Nothing is denied where nothing would change. */
	device_config_write(rig->fd, PCI_VENDOR_ID, 4, id);
	/* Sizing a BAR is what everybody does. */
	device_config_write(rig->fd, PCI_BASE_ADDRESS_0, 4, ONES);
	dev_stats(rig->address, &after);
	EXPECT_EQ(before.config_denied + 2, after.config_denied);
	EXPECT_EQ(before.config_writes + 4, after.config_writes);
	ASSERT_TRUE(dev_register(rig->address, PCI_VENDOR_ID, &reg));
	EXPECT_EQ(denied + 2, reg.denied);
	EXPECT_LE(reg.denied + 1, reg.writes);
	EXPECT_EQ(0x80000101 | bits, reg.bits);
	EXPECT_STREQ("header", reg.where);
	EXPECT_NE(NULL, strstr(reg.why, "virtual function"));
	ASSERT_TRUE(dev_register(rig->address, PCI_BASE_ADDRESS_0, &reg));
	EXPECT_EQ(0, reg.denied);
	EXPECT_LE(1, reg.writes);
	EXPECT_STREQ("", reg.why);
	ASSERT_TRUE(dev_register(rig->address, PCI_COMMAND, &reg)); /* device_enable() */
	EXPECT_EQ(0, reg.denied);
	EXPECT_FALSE(dev_register(rig->address, 0xf0, &reg));
	/* They are of the function, and outlive the run. */
	rig_close(rig);
	EXPECT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, 20000));
	ASSERT_TRUE(dev_register(rig->address, PCI_VENDOR_ID, &reg));
	EXPECT_EQ(denied + 2, reg.denied);
	dev_stats(rig->address, &after);
	EXPECT_EQ(before.config_denied + 2, after.config_denied);
}

/* A guest that writes everywhere: each is counted, a reply has what it can hold, and a dump has none. */
TEST_F(config, every_register_is_counted)
{
	struct dev_register reg;
	struct rig *rig = &self->rig;
	unsigned int i;

	if (!rig_reserve_any(rig, "DP_NVME", VM))
		SKIP(return, "no nvme on this machine");
	rig_open_any(rig);
	for (i = 0x100; i < 0x1000; i += 4)
		device_config_write(rig->fd, i, 4, device_config_read(rig->fd, i, 4) ^ ONES);
	ASSERT_TRUE(dev_register(rig->address, 0x1fc, &reg));
	EXPECT_LE(1, reg.writes);
	EXPECT_STREQ("unused", reg.where);
	EXPECT_EQ(ONES, reg.bits);
	EXPECT_STREQ("belongs to no capability", reg.why);
	EXPECT_FALSE(dev_register(rig->address, 0xffc, &reg));
	EXPECT_EQ(128, dev_nr_registers(rig->address));
}

HOST_MAIN(HOST_DP)
