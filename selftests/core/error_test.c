// SPDX-License-Identifier: GPL-2.0
/*
 * Errors that the hardware reports: PCIe AER. QEMU injects them into functions and ports, and the kernel recovers as from real ones; errors that were
 * corrected come from the kernel's aer_inject, because QEMU 7.2 lets no function send them.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-error"
#define ERR VFIO_PCI_ERR_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX
#define CONFIG VFIO_PCI_CONFIG_REGION_INDEX
#define ONES 0xffffffffU
#define STATE(name) DIRECTPATH_STATE_##name
#define POLICY(name) DIRECTPATH_ERROR_POLICY_##name
#define KIND(name) DIRECTPATH_FAULT_KIND_AER_##name
/* Longer than the interval between two events of one kind. */
#define QUIET_MS 1500
/* Non-fatal, and its bit in the status; fatal. */
#define NONFATAL "COMP_TIME"
#define FATAL "DLP"

/* Into a function or port, by QEMU's name of it. */
static bool inject(const char *id, const char *error)
{
	return qmp_monitor("pcie_aer_inject_error %s %s", id, error);
}

/* QEMU sends what a function reports only if SERR# is enabled, too. */
static bool inject_function(const char *address, const char *id, const char *error)
{
	pci_config_set(address, PCI_COMMAND, PCI_COMMAND_SERR);
	return inject(id, error);
}

static struct dev_stats *stats_of(const char *address)
{
	static struct dev_stats stats;

	dev_stats(address, &stats);
	return &stats;
}

#define counts(address, what, number) wait_until(stats_of(address)->what >= (number), SETTLE_MS)

/* The next event about a function, of a kind. */
static bool next_fault(struct nl_sock *sock, const char *address, uint32_t kind, struct ctl_event *event, int ms)
{
	while (ctl_event_next(sock, event, ms))
		if (event->cmd == DIRECTPATH_CMD_FAULT_NTF && !strcmp(event->address, address) && event->kind == kind)
			return true;
	return false;
}

static bool next_cause(struct nl_sock *sock, const char *address, const char *cause, struct ctl_event *event)
{
	while (ctl_event_next(sock, event, SETTLE_MS))
		if (event->cmd == DIRECTPATH_CMD_DEV_NTF && !strcmp(event->address, address) && strstr(event->cause, cause))
			return true;
	return false;
}

static void set_vm_policy(uint32_t policy)
{
	struct vm_config config = { .errors = true, .error_policy = policy };

	vm_set(VM, &config);
}

/* --- one that is not fatal --- */

/* Two functions of one card, hot-plugged, each a set of its own: virtio's random number generator is one that can report errors. */
FIXTURE(nonfatal) {
	char card[16];
	char second[16];
	struct nl_sock *faults;
	int vm;
	int fd;
	int fd2;
	int err;
	int err2;
};

#define AER_CARD "driver=virtio-scsi-pci aer=on disable-legacy=on bus=rp5"

static bool plug_card(FIXTURE_DATA(nonfatal) *self)
{
	const char *address = getenv("DP_HOTPLUG");

	if (!address)
		return false;
	snprintf(self->card, sizeof(self->card), "%s", address);
	snprintf(self->second, sizeof(self->second), "%.*s1", (int)strlen(address) - 1, address);
	/* The second function first: the host looks when the first one appears. */
	return qmp("device_add id=hot1 addr=0.1 " AER_CARD) && qmp("device_add id=hot addr=0.0 multifunction=on " AER_CARD) &&
	       wait_until(pci_settled(self->card) && pci_settled(self->second), SETTLE_MS);
}

static int open_err(int vm, const char *address, int *err)
{
	int fd = vm_device(vm, address);

	device_enable(fd);
	*err = efd_new();
	irq_trigger(fd, ERR, 0, 1, err);
	return fd;
}

static void open_card(FIXTURE_DATA(nonfatal) *self)
{
	self->vm = vm_open(VM);
	self->fd = open_err(self->vm, self->card, &self->err);
	self->fd2 = open_err(self->vm, self->second, &self->err2);
}

static void close_card(FIXTURE_DATA(nonfatal) *self)
{
	close(self->fd);
	close(self->fd2);
	close(self->vm);
}

FIXTURE_SETUP(nonfatal)
{
	ASSERT_EQ(0, host_restore());
	self->card[0] = '\0';
	if (!getenv("DP_HOTPLUG"))
		SKIP(return, "no empty slot on this machine");
	ASSERT_TRUE(plug_card(self));
	dev_claim(self->card, DEV_UNBIND, 0);
	dev_claim(self->second, DEV_UNBIND, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->card);
	vm_attach(VM, self->second);
	self->faults = ctl_listen_faults();
}

FIXTURE_TEARDOWN_PARENT(nonfatal)
{
	EXPECT_EQ(0, host_restore());
	if (!self->card[0] || !pci_present(self->card))
		return;
	EXPECT_TRUE(qmp("device_del id=hot"));
	EXPECT_TRUE(wait_until(!pci_present(self->card) && !pci_present(self->second), SETTLE_MS));
}

/* Counted, reported with all that is known, and the VMM hears of it; the function goes on. */
TEST_F_TIMEOUT(nonfatal, is_told, 120)
{
	struct ctl_event event = {};
	struct dev_info info;

	open_card(self);
	EXPECT_EQ(POLICY(NOTIFY), stats_of(self->card)->error_policy);
	EXPECT_EQ(0, stats_of(self->card)->nonfatal);
	ASSERT_TRUE(inject_function(self->card, "hot", NONFATAL));
	EXPECT_EQ(1, efd_wait(self->err, SETTLE_MS));
	ASSERT_TRUE(next_fault(self->faults, self->card, KIND(NONFATAL), &event, SETTLE_MS));
	EXPECT_STREQ(VM, event.vm);
	EXPECT_EQ(1, event.count);
	EXPECT_TRUE(event.has_status);
	EXPECT_EQ(PCI_ERR_UNC_COMP_TIME, event.status);
	EXPECT_EQ(POLICY(NOTIFY), event.action);
	EXPECT_EQ(1, stats_of(self->card)->nonfatal);
	EXPECT_EQ(0, stats_of(self->card)->fatal);
	dev_get(self->card, &info);
	EXPECT_EQ(1, info.errors);
	EXPECT_EQ(STATE(RUNNING), info.state);
	EXPECT_NE(ONES, device_config_read(self->fd, PCI_VENDOR_ID, 4));
	close_card(self);
}

/* A function of the same card is not concerned by what its neighbour has logged; all are by what the port has. */
TEST_F_TIMEOUT(nonfatal, of_a_neighbour_and_of_the_port, 120)
{
	open_card(self);
	ASSERT_TRUE(inject_function(self->second, "hot1", NONFATAL));
	EXPECT_EQ(1, efd_wait(self->err2, SETTLE_MS));
	/* The kernel tells all of them before it has done: that was the last thing it could have told the first one. */
	ASSERT_TRUE(counts(self->second, nonfatal, 1));
	EXPECT_EQ(0, efd_wait(self->err, QUIET_MS));
	EXPECT_EQ(0, stats_of(self->card)->nonfatal);

	ASSERT_TRUE(inject("rp5", NONFATAL));
	EXPECT_EQ(1, efd_wait(self->err, SETTLE_MS));
	EXPECT_EQ(1, efd_wait(self->err2, SETTLE_MS));
	EXPECT_EQ(1, stats_of(self->card)->nonfatal);
	EXPECT_EQ(2, stats_of(self->second)->nonfatal);
	close_card(self);
}

TEST_F_TIMEOUT(nonfatal, policy_none, 120)
{
	struct ctl_event event = {};

	set_vm_policy(POLICY(NONE));
	EXPECT_EQ(POLICY(NONE), stats_of(self->card)->error_policy);
	open_card(self);
	ASSERT_TRUE(inject_function(self->card, "hot", NONFATAL));
	ASSERT_TRUE(next_fault(self->faults, self->card, KIND(NONFATAL), &event, SETTLE_MS));
	EXPECT_EQ(POLICY(NONE), event.action);
	EXPECT_EQ(1, stats_of(self->card)->nonfatal);
	EXPECT_EQ(0, efd_wait(self->err, QUIET_MS));
	/* A setting that comes while it runs counts at once. */
	set_vm_policy(POLICY(DEFAULT));
	ASSERT_TRUE(inject_function(self->card, "hot", NONFATAL));
	EXPECT_EQ(1, efd_wait(self->err, SETTLE_MS));
	close_card(self);
}

/* The function's own policy goes before its VM's; a revocation takes the function, nothing else, and ends as each does. */
TEST_F_TIMEOUT(nonfatal, policy_revoke, 120)
{
	struct ctl_event event = {};
	struct nl_sock *states;

	set_vm_policy(POLICY(REVOKE));
	EXPECT_EQ(0, __dev_set_error_policy(self->card, POLICY(NOTIFY)));
	open_card(self);
	ASSERT_TRUE(inject_function(self->card, "hot", NONFATAL));
	EXPECT_EQ(1, efd_wait(self->err, SETTLE_MS));
	EXPECT_EQ(0, efd_wait(self->err2, QUIET_MS));
	EXPECT_EQ(STATE(RUNNING), dev_state(self->card));

	EXPECT_EQ(0, __dev_set_error_policy(self->card, POLICY(DEFAULT)));
	EXPECT_EQ(POLICY(REVOKE), stats_of(self->card)->error_policy);
	states = ctl_listen();
	ASSERT_TRUE(inject_function(self->card, "hot", NONFATAL));
	ASSERT_TRUE(next_cause(states, self->card, "uncorrectable error", &event));
	EXPECT_EQ(STATE(DRAINING), event.state);
	EXPECT_TRUE(dev_reaches(self->card, STATE(RESERVED), SETTLE_MS));
	EXPECT_EQ(1, efd_wait(self->err, SETTLE_MS));
	EXPECT_TRUE(device_is_dead(self->fd));
	EXPECT_FALSE(device_is_dead(self->fd2));
	EXPECT_EQ(0, efd_wait(self->err2, 0));
	close_card(self);
	ctl_unlisten(states);
	/* The VM may have it again. */
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	open_card(self);
	EXPECT_EQ(STATE(RUNNING), dev_state(self->card));
	close_card(self);
}

/* Many errors are few events, each with the number of them. */
TEST_F_TIMEOUT(nonfatal, events_are_limited, 120)
{
	struct ctl_event event = {};
	unsigned int i, events = 0;
	uint64_t start, seq = 0;

	open_card(self);
	start = now_ms();
	for (i = 1; i <= 8; i++) {
		ASSERT_TRUE(inject_function(self->card, "hot", NONFATAL));
		ASSERT_TRUE(counts(self->card, nonfatal, i));
	}
	start = now_ms() - start;
	while (next_fault(self->faults, self->card, KIND(NONFATAL), &event, QUIET_MS)) {
		EXPECT_LE(events, event.count);
		/* Numbers without a gap: none was sent that did not arrive. */
		EXPECT_TRUE(!seq || event.seq == seq + 1);
		seq = event.seq;
		events++;
	}
	EXPECT_LE(1, events);
	EXPECT_GE(start / 1000 + 1, events);
	EXPECT_EQ(8, efd_wait(self->err, SETTLE_MS));
	/* After the interval it is told again, with the whole count. */
	usleep(QUIET_MS * 1000);
	ASSERT_TRUE(inject_function(self->card, "hot", NONFATAL));
	ASSERT_TRUE(next_fault(self->faults, self->card, KIND(NONFATAL), &event, SETTLE_MS));
	EXPECT_EQ(9, event.count);
	close_card(self);
}

/* Nobody is told of one in a function that no VM runs; it stays usable. */
TEST_F_TIMEOUT(nonfatal, while_reserved, 120)
{
	struct ctl_event event = {};

	ASSERT_TRUE(inject_function(self->card, "hot", NONFATAL));
	ASSERT_TRUE(next_fault(self->faults, self->card, KIND(NONFATAL), &event, SETTLE_MS));
	EXPECT_EQ(STATE(RESERVED), dev_state(self->card));
	open_card(self);
	EXPECT_EQ(0, efd_wait(self->err, 0));
	close_card(self);
}

/*
 * The kernel does not recover: a function beside it has no driver that could take part. The VM reads ones while it is open how it ends, loses the
 * function when the deadline has passed, and the function is reset.
 */
TEST_F_TIMEOUT(nonfatal, fatal_without_recovery, 180)
{
	struct ctl_event event = {};
	struct nl_sock *states;

	vm_detach(VM, self->second, false);
	dev_release(self->second, DEV_DRIVERLESS, 0);
	ASSERT_TRUE(pci_driver_is(self->second, ""));
	self->vm = vm_open(VM);
	self->fd = open_err(self->vm, self->card, &self->err);
	host_set(DIRECTPATH_A_HOST_RESET_DEADLINE_MS, 5000);
	states = ctl_listen();
	ASSERT_TRUE(inject("rp5", FATAL));
	EXPECT_EQ(1, efd_wait(self->err, SETTLE_MS));
	ASSERT_TRUE(next_cause(states, self->card, "the kernel has not recovered it", &event));
	EXPECT_EQ(STATE(DRAINING), event.state);
	EXPECT_TRUE(dev_reaches(self->card, STATE(RESERVED), SETTLE_MS));
	EXPECT_TRUE(device_is_dead(self->fd));
	EXPECT_EQ(1, stats_of(self->card)->fatal);
	close(self->fd);
	close(self->vm);
	ctl_unlisten(states);
}

/* --- one that is fatal: the kernel resets the link --- */

FIXTURE(fatal) {
	struct rig rig;
	struct nic nic;
	struct nl_sock *faults;
	int err;
	int efd;
};

FIXTURE_SETUP(fatal)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve_any(&self->rig, "DP_SWITCH_NIC", VM))
		SKIP(return, "no switch on this machine");
	self->faults = ctl_listen_faults();
}

FIXTURE_TEARDOWN_PARENT(fatal)
{
	EXPECT_EQ(0, host_restore());
}

static void open_nic(FIXTURE_DATA(fatal) *self)
{
	unsigned int i;

	rig_open_any(&self->rig);
	self->err = efd_new();
	self->efd = efd_new();
	irq_trigger(self->rig.fd, ERR, 0, 1, &self->err);
	for (i = 0; i < 2; i++)
		irq_trigger(self->rig.fd, MSIX, i, 1, &self->efd);
	nic_map(&self->nic, self->rig.fd);
}

static void close_nic(FIXTURE_DATA(fatal) *self)
{
	nic_unmap(&self->nic);
	rig_close(&self->rig);
}

static bool works(FIXTURE_DATA(fatal) *self)
{
	nic_raise(&self->nic, 1);
	return efd_wait(self->efd, SETTLE_MS) > 0;
}

/* A register of the card that is never ones. */
#define NIC_STATUS 0x8

static uint32_t nic_status(FIXTURE_DATA(fatal) *self)
{
	return *(volatile uint32_t *)(self->nic.regs + NIC_STATUS);
}

/* Told, and after the kernel's recovery as after a reset: BARs where they were, no decode, no bus master; interrupts as the VMM has set them. */
TEST_F_TIMEOUT(fatal, recovered, 120)
{
	struct ctl_event event = {};
	uint32_t bar, command;

	open_nic(self);
	ASSERT_TRUE(works(self));
	bar = pci_config_read(self->rig.address, PCI_BASE_ADDRESS_0, 4);
	ASSERT_NE(ONES, nic_status(self));
	ASSERT_TRUE(inject("down1", FATAL));
	EXPECT_EQ(1, efd_wait(self->err, SETTLE_MS));
	ASSERT_TRUE(next_fault(self->faults, self->rig.address, KIND(FATAL), &event, SETTLE_MS));
	EXPECT_STREQ(VM, event.vm);
	EXPECT_EQ(1, event.count);
	EXPECT_FALSE(event.has_status);
	EXPECT_EQ(POLICY(NOTIFY), event.action);
	/* First because it is frozen, then because it has been reset. */
	EXPECT_EQ(ONES, nic_status(self));
	EXPECT_TRUE(wait_until(pci_config_read(self->rig.address, PCI_BASE_ADDRESS_0, 4) == bar, SETTLE_MS));
	EXPECT_TRUE(wait_until(!(device_config_read(self->rig.fd, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY), SETTLE_MS));
	EXPECT_EQ(ONES, nic_status(self));
	/* Decode can be switched on at any time; until the recovery has ended nothing is there. */
	EXPECT_TRUE(wait_until((device_enable(self->rig.fd), nic_status(self) != ONES), SETTLE_MS));
	EXPECT_EQ(bar, pci_config_read(self->rig.address, PCI_BASE_ADDRESS_0, 4));
	EXPECT_EQ(STATE(RUNNING), dev_state(self->rig.address));
	EXPECT_EQ(1, stats_of(self->rig.address)->fatal);
	nic_unmap(&self->nic);
	nic_map(&self->nic, self->rig.fd);
	efd_wait(self->efd, 0);
	EXPECT_TRUE(works(self));
	/* It was reset: what the VM had on before is off. */
	ASSERT_TRUE(inject("down1", FATAL));
	EXPECT_EQ(1, efd_wait(self->err, SETTLE_MS));
	EXPECT_TRUE(wait_until(!((command = device_config_read(self->rig.fd, PCI_COMMAND, 2)) & PCI_COMMAND_MASTER), SETTLE_MS));
	EXPECT_EQ(0, pci_config_read(self->rig.address, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	close_nic(self);
	EXPECT_TRUE(dev_reaches(self->rig.address, STATE(RESERVED), SETTLE_MS));
}

TEST_F_TIMEOUT(fatal, policy_none, 120)
{
	EXPECT_EQ(0, __dev_set_error_policy(self->rig.address, POLICY(NONE)));
	open_nic(self);
	ASSERT_TRUE(inject("down1", FATAL));
	ASSERT_TRUE(counts(self->rig.address, fatal, 1));
	EXPECT_TRUE(wait_until((device_enable(self->rig.fd), nic_status(self) != ONES), SETTLE_MS));
	EXPECT_EQ(0, efd_wait(self->err, 0));
	EXPECT_EQ(STATE(RUNNING), dev_state(self->rig.address));
	close_nic(self);
}

TEST_F_TIMEOUT(fatal, policy_revoke, 120)
{
	uint64_t resets;

	EXPECT_EQ(0, __dev_set_error_policy(self->rig.address, POLICY(REVOKE)));
	open_nic(self);
	resets = stats_of(self->rig.address)->resets;
	ASSERT_TRUE(inject("down1", FATAL));
	EXPECT_TRUE(wait_until(device_is_dead(self->rig.fd), SETTLE_MS));
	EXPECT_EQ(ONES, nic_status(self));
	EXPECT_EQ(1, efd_wait(self->err, SETTLE_MS));
	EXPECT_TRUE(dev_reaches(self->rig.address, STATE(RESERVED), SETTLE_MS));
	EXPECT_LT(resets, stats_of(self->rig.address)->resets);
	close_nic(self);
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	open_nic(self);
	EXPECT_TRUE(works(self));
	close_nic(self);
}

/* Nobody has it: it is reset and compared before somebody does. */
TEST_F_TIMEOUT(fatal, while_reserved, 120)
{
	struct ctl_event event = {};
	struct nl_sock *states;
	uint64_t resets;

	resets = stats_of(self->rig.address)->resets;
	states = ctl_listen();
	ASSERT_TRUE(inject("down1", FATAL));
	ASSERT_TRUE(next_cause(states, self->rig.address, "fatal error", &event));
	EXPECT_EQ(STATE(RESETTING), event.state);
	ASSERT_TRUE(next_cause(states, self->rig.address, "recovered", &event));
	EXPECT_EQ(STATE(RESERVED), event.state);
	EXPECT_LT(resets, stats_of(self->rig.address)->resets);
	ctl_unlisten(states);
	open_nic(self);
	EXPECT_TRUE(works(self));
	close_nic(self);
}

/* --- a card that is another one after the error --- */

FIXTURE(changed) {
	const char *slot;
	const char *port;
};

#define CARD(subsystem) "driver=e1000e mac=52:54:00:44:50:01 subsys_ven=0x8086 romfile= subsys=" subsystem

FIXTURE_SETUP(changed)
{
	ASSERT_EQ(0, host_restore());
	self->slot = pci_env("DP_NUMA0_EDU");
	self->port = pci_env("DP_NUMA0_PORT");
	if (!self->slot || !self->port)
		SKIP(return, "no such slot on this machine");
	ASSERT_TRUE(slot_driver(self->port, false));
	ASSERT_TRUE(slot_swap(self->port, CARD("0x1111")));
	ASSERT_TRUE(slot_find_anew(self->slot));
	ASSERT_TRUE(wait_until(pci_driver_is(self->slot, "e1000e"), SETTLE_MS));
	dev_claim(self->slot, DEV_UNBIND, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->slot);
}

FIXTURE_TEARDOWN_PARENT(changed)
{
	if (!self->slot || !self->port)
		return;
	EXPECT_TRUE(slot_swap(self->port, "driver=edu id=numaedu dma_mask=0xffffffff"));
	EXPECT_TRUE(slot_find_anew(self->slot));
	EXPECT_EQ(0, host_restore());
	/* What has happened in the slot is no news for the driver. */
	slot_forget(self->port);
	EXPECT_TRUE(slot_driver(self->port, true));
}

/* The VM loses it, and nobody gets it, until an admin has looked. */
TEST_F_TIMEOUT(changed, is_quarantined, 180)
{
	struct dev_info info;
	int vm, fd, err;

	vm = vm_open(VM);
	fd = open_err(vm, self->slot, &err);
	ASSERT_TRUE(slot_swap(self->port, CARD("0x2222")));
	ASSERT_TRUE(inject("rpn0", FATAL));
	EXPECT_TRUE(wait_until(device_is_dead(fd), SETTLE_MS));
	EXPECT_TRUE(dev_reaches(self->slot, STATE(QUARANTINED), SETTLE_MS));
	dev_get(self->slot, &info);
	EXPECT_STREQ("subsystem was 8086:1111, is 8086:2222", info.detail);
	close(fd);
	EXPECT_EQ(-EIO, __vm_device(vm, self->slot));
	close(vm);
	ASSERT_TRUE(slot_swap(self->port, CARD("0x1111")));
	EXPECT_EQ(0, __dev_recover(self->slot));
	EXPECT_EQ(STATE(RESERVED), dev_state(self->slot));
}

TEST_F_TIMEOUT(changed, while_reserved, 180)
{
	ASSERT_TRUE(slot_swap(self->port, CARD("0x2222")));
	ASSERT_TRUE(inject("rpn0", FATAL));
	EXPECT_TRUE(dev_reaches(self->slot, STATE(QUARANTINED), SETTLE_MS));
}

/* --- corrected ones, and what the verdict says --- */

/* What a write to /dev/aer_inject has to be. */
struct aer_error {
	uint8_t bus, device, function;
	uint32_t uncorrectable, correctable, header[4];
	uint32_t domain;
};

static bool inject_corrected(const char *address, uint32_t status)
{
	struct aer_error error = { .correctable = status };
	unsigned int domain, bus, device, function;
	bool done;
	int fd;

	if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		return false;
	error.domain = domain;
	error.bus = bus;
	error.device = device;
	error.function = function;
	fd = open("/dev/aer_inject", O_WRONLY);
	if (fd < 0)
		return false;
	done = write(fd, &error, sizeof(error)) == sizeof(error);
	close(fd);
	return done;
}

/* Counted and reported where the kernel tells drivers; never told to the VMM, which would stop its VM for nothing. */
TEST_F_TIMEOUT(nonfatal, corrected, 120)
{
	struct ctl_event event = {};
	bool told;

	if (!host_does("modprobe -q aer_inject"))
		SKIP(return, "this kernel has no aer_inject");
	set_vm_policy(POLICY(REVOKE));
	open_card(self);
	told = stats_of(self->card)->has_correctable;
	ASSERT_TRUE(inject_corrected(self->card, PCI_ERR_COR_BAD_TLP));
	EXPECT_EQ(told, next_fault(self->faults, self->card, KIND(CORRECTABLE), &event, told ? SETTLE_MS : QUIET_MS));
	if (told) {
		EXPECT_EQ(1, event.count);
		EXPECT_EQ(POLICY(DEFAULT), event.action);
		EXPECT_EQ(1, stats_of(self->card)->correctable);
	}
	EXPECT_EQ(0, efd_wait(self->err, QUIET_MS));
	EXPECT_EQ(0, stats_of(self->card)->nonfatal);
	EXPECT_EQ(STATE(RUNNING), dev_state(self->card));
	close_card(self);
	EXPECT_TRUE(host_does("modprobe -r aer_inject"));
}

/* An error that nobody has handled stays in the status, and is a reason for care. */
TEST(latched_is_a_reason)
{
	const char *address = pci_env("DP_NIC");
	struct dev_info info;

	if (!address)
		SKIP(return, "no card with AER on this machine");
	dev_get(address, &info);
	EXPECT_FALSE(ctl_has_reason(info.reasons, info.nr_reasons, DIRECTPATH_REASON_AER_LATCHED));
	ASSERT_TRUE(inject("portnic", NONFATAL));
	dev_get(address, &info);
	EXPECT_TRUE(ctl_has_reason(info.reasons, info.nr_reasons, DIRECTPATH_REASON_AER_LATCHED));
	EXPECT_TRUE(host_does("setpci -s %s ECAP_AER+4.l=ffffffff", address));
	dev_get(address, &info);
	EXPECT_FALSE(ctl_has_reason(info.reasons, info.nr_reasons, DIRECTPATH_REASON_AER_LATCHED));
}

HOST_MAIN(HOST_DP)
