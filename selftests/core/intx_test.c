// SPDX-License-Identifier: GPL-2.0
/*
 * INTx through both doors, masked with Interrupt Disable and at the interrupt controller (nointxmask): a level that stays masked until the guest has
 * handled it, three ways to unmask, lines that others share. /proc/interrupts says whether the host was left alone meanwhile.
 */
#include "kselftest_harness.h"

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-intx"
#define SOON_MS 3000
#define NEVER_MS 100
#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSI VFIO_PCI_MSI_IRQ_INDEX
#define UNMASK_FD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK)

FIXTURE(intx) {
	struct rig rig;
	int efd;
	int other;
};

/**
 * struct - door and way to mask
 * @vfio: the VFIO door
 * @line: at the interrupt controller
 */
FIXTURE_VARIANT(intx) {
	bool vfio;
	bool line;
};

FIXTURE_VARIANT_ADD(intx, native) {
};

FIXTURE_VARIANT_ADD(intx, native_line) {
	.line = true,
};

FIXTURE_VARIANT_ADD(intx, vfio) {
	.vfio = true,
};

FIXTURE_VARIANT_ADD(intx, vfio_line) {
	.vfio = true,
	.line = true,
};

FIXTURE_SETUP(intx)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	host_nointxmask(variant->line);
	rig_use_vfio(&self->rig, variant->vfio);
	rig_open(&self->rig);
	edu_ack(&self->rig.edu);
	self->efd = efd_new();
	self->other = efd_new();
}

FIXTURE_TEARDOWN_PARENT(intx)
{
	host_nointxmask(false);
	EXPECT_EQ(0, host_restore());
}

/* Interrupt Disable of the hardware, whatever the guest sees. */
static bool disabled(const char *address)
{
	return pci_config_read(address, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE;
}

static uint64_t count_of(const char *address)
{
	struct dev_vector vector;

	return dev_vector(address, 0, &vector) && vector.index == INTX ? vector.count : 0;
}

static unsigned int line_of(const char *address)
{
	struct dev_vector vector;

	dp_assert(dev_vector(address, 0, &vector) && vector.index == INTX, "INTx is not enabled");
	return vector.irq;
}

TEST_F(intx, masked_until_handled)
{
	struct rig *rig = &self->rig;

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	EXPECT_FALSE(disabled(rig->address));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(!variant->line, disabled(rig->address));
	edu_raise(&rig->edu, 2);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	/* Not handled yet: it comes again. */
	EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
	EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(3, count_of(rig->address));
	edu_ack(&rig->edu);
}

/* A level that nobody handles costs the host one interrupt for each unmask, at most. */
TEST_F(intx, asserted_level_does_not_storm)
{
	struct rig *rig = &self->rig;
	unsigned int line, i;
	uint64_t before;

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	line = line_of(rig->address);
	before = irq_taken(line);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efd, 2 * NEVER_MS));
	EXPECT_EQ(before + 1, irq_taken(line));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
		EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
		EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	}
	EXPECT_EQ(6, count_of(rig->address));
	/* Interrupt Disable can be asked whether the level is still there. */
	EXPECT_EQ(before + (variant->line ? 6 : 1), irq_taken(line));
	edu_ack(&rig->edu);
}

TEST_F(intx, mask)
{
	struct rig *rig = &self->rig;

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	EXPECT_EQ(0, __irq_mask(rig->fd, INTX));
	EXPECT_EQ(0, __irq_mask(rig->fd, INTX));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	/* Once is enough, however often it was masked. */
	EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
	EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
	EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
}

TEST_F(intx, mask_by_bool)
{
	uint32_t mask = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_MASK, unmask = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_UNMASK;
	struct rig *rig = &self->rig;
	uint8_t yes = 1, no = 0;

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	EXPECT_EQ(0, __irq_set(rig->fd, mask, INTX, 0, 1, &no));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
	EXPECT_EQ(0, __irq_set(rig->fd, unmask, INTX, 0, 1, &yes));
	EXPECT_EQ(0, __irq_set(rig->fd, mask, INTX, 0, 1, &yes));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(0, __irq_set(rig->fd, unmask, INTX, 0, 1, &no));
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	EXPECT_EQ(0, __irq_set(rig->fd, unmask, INTX, 0, 1, &yes));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
}

TEST_F(intx, unmask_by_eventfd)
{
	struct rig *rig = &self->rig;
	int none = -1;

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	ASSERT_EQ(0, __irq_set(rig->fd, UNMASK_FD, INTX, 0, 1, &self->other));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	efd_signal(self->other);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	/* Resampled while the level is still there: it comes again. What the eventfd said was taken from it. */
	efd_signal(self->other);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(0, efd_wait(self->other, 0));
	edu_ack(&rig->edu);
	efd_signal(self->other);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));

	/* Without the eventfd again. */
	ASSERT_EQ(0, __irq_set(rig->fd, UNMASK_FD, INTX, 0, 1, &none));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	efd_signal(self->other);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
}

/* One at a time; what was signalled before it was given counts; a closed one makes room. */
TEST_F(intx, unmask_eventfd_changes)
{
	struct rig *rig = &self->rig;
	int third = efd_new();

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	efd_signal(self->other);
	ASSERT_EQ(0, __irq_set(rig->fd, UNMASK_FD, INTX, 0, 1, &self->other));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(-EBUSY, __irq_set(rig->fd, UNMASK_FD, INTX, 0, 1, &third));
	efd_signal(self->other);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	close(self->other);
	ASSERT_EQ(0, __irq_set(rig->fd, UNMASK_FD, INTX, 0, 1, &third));
	efd_signal(third);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
}

/* The guest's Interrupt Disable masks, and does not change what the host has set. */
TEST_F(intx, disable_bit)
{
	struct rig *rig = &self->rig;
	uint32_t command = device_config_read(rig->fd, PCI_COMMAND, 2);

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	device_config_write(rig->fd, PCI_COMMAND, 2, command | PCI_COMMAND_INTX_DISABLE);
	EXPECT_EQ(PCI_COMMAND_INTX_DISABLE, device_config_read(rig->fd, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	/* Two reasons to be masked: both have to go. */
	EXPECT_EQ(0, __irq_mask(rig->fd, INTX));
	device_config_write(rig->fd, PCI_COMMAND, 2, command & ~PCI_COMMAND_INTX_DISABLE);
	EXPECT_EQ(0, device_config_read(rig->fd, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
}

TEST_F(intx, no_eventfd_for_a_while)
{
	struct rig *rig = &self->rig;
	int none = -1;

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	irq_trigger(rig->fd, INTX, 0, 1, &none);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	irq_trigger(rig->fd, INTX, 0, 1, &self->other);
	EXPECT_EQ(1, efd_wait(self->other, SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efd, 0));
	edu_ack(&rig->edu);
}

/* Off while asserted: the line is quiet; on again: it comes. */
TEST_F(intx, off_and_on_with_the_level_asserted)
{
	struct rig *rig = &self->rig;
	unsigned int line;
	uint64_t before;

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	line = line_of(rig->address);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	irq_disable(rig->fd, INTX);
	EXPECT_TRUE(disabled(rig->address));
	before = irq_taken(line);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	EXPECT_GE(before, irq_taken(line));
	irq_trigger(rig->fd, INTX, 0, 1, &self->other);
	EXPECT_EQ(1, efd_wait(self->other, SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efd, 0));
	edu_ack(&rig->edu);
}

/* A VMM that goes while its device asserts the line leaves it quiet, and whole for the next one. */
TEST_F(intx, closed_with_the_level_asserted)
{
	struct rig *rig = &self->rig;
	unsigned int line;
	uint64_t before;

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	line = line_of(rig->address);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	rig_close(rig);
	ASSERT_TRUE(dev_reaches(rig->address, DIRECTPATH_STATE_RESERVED, SETTLE_MS));
	EXPECT_TRUE(disabled(rig->address));
	before = irq_taken(line);
	usleep(NEVER_MS * 1000);
	EXPECT_GE(before, irq_taken(line));

	rig_open(rig);
	irq_trigger(rig->fd, INTX, 0, 1, &self->other);
	EXPECT_EQ(1, efd_wait(self->other, SOON_MS));
	edu_ack(&rig->edu);
	EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->other, SOON_MS));
	edu_ack(&rig->edu);
}

/* --- two network cards on one line --- */

FIXTURE(shared) {
	struct rig rig;
	const char *second;
	int fd;
	struct nic nics[2];
	int efds[2];
};

FIXTURE_SETUP(shared)
{
	ASSERT_EQ(0, host_restore());
	self->second = pci_env("DP_NIC");
	if (!self->second || !rig_reserve_any(&self->rig, "DP_E1000E", VM))
		SKIP(return, "no two e1000e on this machine");
	dev_claim(self->second, DEV_UNBIND, 0);
	vm_attach(VM, self->second);
	self->efds[0] = efd_new();
	self->efds[1] = efd_new();
}

FIXTURE_TEARDOWN_PARENT(shared)
{
	host_nointxmask(false);
	EXPECT_EQ(0, host_restore());
}

static void open_both(FIXTURE_DATA(shared) *self, bool line)
{
	host_nointxmask(line);
	rig_open_any(&self->rig);
	self->fd = vm_device(self->rig.vm_fd, self->second);
	device_enable(self->fd);
	nic_map(&self->nics[0], self->rig.fd);
	nic_map(&self->nics[1], self->fd);
}

TEST_F(shared, each_gets_its_own)
{
	unsigned int line;
	uint64_t before;

	open_both(self, false);
	irq_trigger(self->rig.fd, INTX, 0, 1, &self->efds[0]);
	irq_trigger(self->fd, INTX, 0, 1, &self->efds[1]);
	line = line_of(self->rig.address);
	ASSERT_EQ(line, line_of(self->second));
	before = irq_taken(line);

	nic_raise_line(&self->nics[0]);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efds[1], NEVER_MS));
	/* The other arrives while the first one is asserted and masked, and neither storms. */
	nic_raise_line(&self->nics[1]);
	EXPECT_EQ(1, efd_wait(self->efds[1], SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efds[0], NEVER_MS));
	EXPECT_EQ(before + 2, irq_taken(line));
	EXPECT_EQ(1, count_of(self->rig.address));
	EXPECT_EQ(1, count_of(self->second));

	nic_lower_line(&self->nics[1]);
	EXPECT_EQ(0, __irq_unmask(self->fd, INTX));
	EXPECT_EQ(0, efd_wait(self->efds[1], NEVER_MS));
	EXPECT_EQ(0, __irq_unmask(self->rig.fd, INTX));
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	nic_lower_line(&self->nics[0]);

	/* One that leaves with its level asserted does not take the other along. */
	nic_raise_line(&self->nics[1]);
	EXPECT_EQ(1, efd_wait(self->efds[1], SOON_MS));
	irq_disable(self->fd, INTX);
	EXPECT_EQ(0, __irq_unmask(self->rig.fd, INTX));
	before = irq_taken(line);
	EXPECT_EQ(0, efd_wait(self->efds[0], NEVER_MS));
	EXPECT_EQ(before, irq_taken(line));
	nic_raise_line(&self->nics[0]);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	nic_lower_line(&self->nics[0]);
	nic_lower_line(&self->nics[1]);
}

/* Masking the line would silence the others on it, so that it is refused, and nothing is changed. */
TEST_F(shared, a_line_that_is_masked_has_one_user)
{
	struct dev_vector vector;

	open_both(self, true);
	irq_trigger(self->rig.fd, INTX, 0, 1, &self->efds[0]);
	EXPECT_EQ(-EBUSY, __irq_trigger(self->fd, INTX, 0, 1, &self->efds[1]));
	EXPECT_FALSE(dev_vector(self->second, 0, &vector));
	EXPECT_TRUE(disabled(self->second));
	nic_raise_line(&self->nics[0]);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efds[0], NEVER_MS));

	/* The other has MSI, or the line when it is free. */
	EXPECT_EQ(0, __irq_trigger(self->fd, MSI, 0, 1, &self->efds[1]));
	irq_disable(self->fd, MSI);
	irq_disable(self->rig.fd, INTX);
	irq_trigger(self->fd, INTX, 0, 1, &self->efds[1]);
	nic_raise_line(&self->nics[1]);
	EXPECT_EQ(1, efd_wait(self->efds[1], SOON_MS));
	nic_lower_line(&self->nics[1]);
	EXPECT_EQ(0, __irq_unmask(self->fd, INTX));
	nic_raise_line(&self->nics[1]);
	EXPECT_EQ(1, efd_wait(self->efds[1], SOON_MS));
	nic_lower_line(&self->nics[0]);
	nic_lower_line(&self->nics[1]);
}

HOST_MAIN(HOST_VFIO)
