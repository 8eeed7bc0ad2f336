// SPDX-License-Identifier: GPL-2.0
/*
 * Power: the host's sleep, and runtime power management of claimed functions. The kernel's pm_test goes a part of the way to sleep and back:
 * `devices' as far as the drivers, which is only gone when it is refused there, because the bed's root file system does not survive more; `freezer'
 * as far as the processes, with all notices before and after.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>

#include "libdpath.h"

#define VM "t-sleep"
#define STATE(name) DIRECTPATH_STATE_##name

FIXTURE(sleeps) {
	struct rig rig;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* To sleep, as far as @level: 0 or -errno. */
static int go_to_sleep(const char *level)
{
	int ret;

	dp_assert(!write_file("/sys/power/pm_test", level), "no pm_test");
	ret = write_file("/sys/power/state", "freeze");
	write_file("/sys/power/pm_test", "none");
	return ret;
}

FIXTURE_SETUP(sleeps)
{
	ASSERT_EQ(0, host_restore());
	if (access("/sys/power/pm_test", W_OK))
		SKIP(return, "this kernel cannot try to sleep (CONFIG_PM_DEBUG, CONFIG_SUSPEND)");
	if (!rig_reserve_any(&self->rig, "DP_E1000E", VM))
		SKIP(return, "no e1000e on this machine");
}

FIXTURE_TEARDOWN_PARENT(sleeps)
{
	EXPECT_EQ(0, host_restore());
}

/* A VM that runs would lose its function: the host stays awake, says which, and the VM has noticed nothing. */
TEST_F_TIMEOUT(sleeps, not_while_a_vm_runs, 120)
{
	char text[160];

	rig_open_any(&self->rig);
	EXPECT_EQ(0, host_shell("dmesg -C"));
	EXPECT_EQ(-EBUSY, go_to_sleep("devices"));
	snprintf(text, sizeof(text), "dmesg | grep -q \"%s: directpath: VM %s would lose it\"", self->rig.address, VM);
	EXPECT_EQ(0, host_shell(text));
	EXPECT_EQ(STATE(RUNNING), dev_state(self->rig.address));
	EXPECT_NE(0, device_config_read(self->rig.fd, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	rig_close(&self->rig);
}

/* What nobody runs sleeps with the host, and is reset and compared before somebody does. */
TEST_F_TIMEOUT(sleeps, reset_after_it, 120)
{
	struct ctl_event event = {};
	struct nl_sock *sock;
	struct dev_stats stats;
	bool slept = false, back = false;
	uint64_t resets;

	dev_stats(self->rig.address, &stats);
	resets = stats.resets;
	sock = ctl_listen();
	EXPECT_EQ(0, go_to_sleep("freezer"));
	while (!back && ctl_event_next(sock, &event, SETTLE_MS)) {
		if (event.cmd != DIRECTPATH_CMD_DEV_NTF || strcmp(event.address, self->rig.address))
			continue;
		slept |= event.state == STATE(RESETTING) && strstr(event.cause, "the host has slept");
		back = slept && event.state == STATE(RESERVED);
	}
	EXPECT_TRUE(back);
	ctl_unlisten(sock);
	dev_stats(self->rig.address, &stats);
	EXPECT_LT(resets, stats.resets);
	rig_open_any(&self->rig);
	EXPECT_EQ(STATE(RUNNING), dev_state(self->rig.address));
	rig_close(&self->rig);
}

static bool power_is(const char *address, const char *file, const char *value)
{
	char path[96], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/%s", address, file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return !strncmp(text, value, strlen(value));
}

/* Runtime power management may be allowed by whoever likes: a claimed function stays awake, idle or running, and answers. */
TEST_F_TIMEOUT(sleeps, not_at_runtime, 120)
{
	unsigned int i;
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control", self->rig.address);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, write_file(path, "auto"));
		/* The PCI core would put an idle function to sleep at once. */
		usleep(1000000);
		EXPECT_TRUE(power_is(self->rig.address, "runtime_status", "active"));
		EXPECT_EQ(0x8086, pci_config_read(self->rig.address, PCI_VENDOR_ID, 2));
		EXPECT_EQ(0, write_file(path, "on"));
		if (!i)
			rig_open_any(&self->rig);
	}
	rig_close(&self->rig);
}

/* --- what a guest does with the PM capability, while the host would like to save power --- */

FIXTURE(power) {
	struct rig rig;
	struct nic nic;
	char port[16];
};

static void set_power(const char *address, const char *control)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control", address);
	dp_assert(!write_file(path, control), "%s", path);
}

FIXTURE_SETUP(power)
{
	char path[64], target[256], *slash;
	ssize_t n;

	ASSERT_EQ(0, host_restore());
	self->port[0] = '\0';
	if (!rig_reserve_any(&self->rig, "DP_SWITCH_NIC", VM))
		SKIP(return, "no switch on this machine");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", self->rig.address);
	n = readlink(path, target, sizeof(target) - 1);
	ASSERT_LT(0, n);
	target[n] = '\0';
	slash = strrchr(target, '/');
	ASSERT_NE(NULL, slash);
	*slash = '\0';
	slash = strrchr(target, '/');
	ASSERT_NE(NULL, slash);
	snprintf(self->port, sizeof(self->port), "%s", slash + 1);
	ASSERT_TRUE(pci_present(self->port));
	set_power(self->rig.address, "auto");
	set_power(self->port, "auto");
}

FIXTURE_TEARDOWN_PARENT(power)
{
	if (self->port[0]) {
		set_power(self->rig.address, "on");
		set_power(self->port, "on");
	}
	EXPECT_EQ(0, host_restore());
}

static unsigned int find_pm(int fd)
{
	unsigned int pos, ttl = 48;

	for (pos = device_config_read(fd, PCI_CAPABILITY_LIST, 1); pos && ttl; pos = device_config_read(fd, pos + 1, 1), ttl--)
		if (device_config_read(fd, pos, 1) == PCI_CAP_ID_PM)
			return pos;
	return 0;
}

static unsigned int d3cold_allowed(const char *address)
{
	char path[80], c = '?';
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/d3cold_allowed", address);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, &c, 1) != 1)
		c = '?';
	close(fd);
	return c - '0';
}

/* A register of the card that is never ones. */
#define NIC_STATUS 0x8

static uint32_t nic_status(struct nic *nic)
{
	return *(volatile uint32_t *)(nic->regs + NIC_STATUS);
}

/* The function and the port above it are awake for the host, whatever state the function is in. */
static bool on_the_bus(FIXTURE_DATA(power) *self)
{
	return power_is(self->rig.address, "runtime_status", "active") && power_is(self->port, "runtime_status", "active") &&
	       pci_config_read(self->rig.address, PCI_VENDOR_ID, 2) == 0x8086;
}

/* Each state that there is: in those the function answers, and afterwards it is what it was. */
TEST_F_TIMEOUT(power, guest_drives_it, 120)
{
	struct rig *rig = &self->rig;
	uint32_t state, bar;
	unsigned int pm;

	EXPECT_EQ(0, d3cold_allowed(rig->address));
	rig_open_any(rig);
	nic_map(&self->nic, rig->fd);
	pm = find_pm(rig->fd);
	ASSERT_NE(0, pm);
	bar = pci_config_read(rig->address, PCI_BASE_ADDRESS_0, 4);
	for (state = 1; state <= 3; state++) {
		device_config_write(rig->fd, pm + PCI_PM_CTRL, 2, state | PCI_PM_CTRL_PME_ENABLE);
		/* The host would put what is idle to sleep at once. */
		usleep(1000000);
		EXPECT_TRUE(on_the_bus(self));
		EXPECT_EQ(0, pci_config_read(rig->address, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_PME_ENABLE);
		EXPECT_EQ(0x8086, device_config_read(rig->fd, PCI_VENDOR_ID, 2));
		/* No admin who switches runtime power management off or on changes the guest's state. */
		set_power(rig->address, "on");
		set_power(rig->address, "auto");
		EXPECT_EQ(pci_config_read(rig->address, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK,
			  device_config_read(rig->fd, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK);
		device_config_write(rig->fd, pm + PCI_PM_CTRL, 2, 0);
		EXPECT_TRUE(on_the_bus(self));
		EXPECT_EQ(bar, pci_config_read(rig->address, PCI_BASE_ADDRESS_0, 4));
		EXPECT_NE(0xffffffffU, nic_status(&self->nic));
		EXPECT_EQ(0, d3cold_allowed(rig->address));
	}
	/* D3hot is there, and the function was in it. */
	device_config_write(rig->fd, pm + PCI_PM_CTRL, 2, 3);
	EXPECT_EQ(3, pci_config_read(rig->address, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK);
	nic_unmap(&self->nic);
	rig_close(rig);
	/* Left there: nobody runs it, and it is awake all the same. */
	EXPECT_TRUE(dev_reaches(rig->address, STATE(RESERVED), SETTLE_MS));
	EXPECT_EQ(0, pci_config_read(rig->address, pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK);
	usleep(1000000);
	EXPECT_TRUE(on_the_bus(self));
}

HOST_MAIN(HOST_DP)
