// SPDX-License-Identifier: GPL-2.0
/*
 * Between two tenants: which reset is used, how long it may take, what must be the same after it, what an admin may accept, and what has to be
 * cleaned before the next one.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>

#include "libdpath.h"

#define VM "t-hand"
#define OTHER "t-hand-2"
#define HOOK "t-hook"
#define STATE(name) DIRECTPATH_STATE_##name
#define STEP(name) DIRECTPATH_CLEAN_STEP_##name

/* --- resets --- */

FIXTURE(reset) {
	const char *nvme; /* flr, and a port that can be reset */
	const char *nic;  /* pm */
	const char *card; /* a set that only its bus resets */
};

FIXTURE_SETUP(reset)
{
	ASSERT_EQ(0, host_restore());
	self->nvme = pci_env("DP_SWITCH_NVME");
	self->nic = pci_env("DP_SWITCH_NIC");
	self->card = pci_env("DP_SWITCH_CARD_0");
	if (!self->nvme || !self->nic || !self->card)
		SKIP(return, "no switch on this machine");
}

FIXTURE_TEARDOWN_PARENT(reset)
{
	EXPECT_EQ(0, host_restore());
}

static const char *method_of(const char *address)
{
	static struct dev_info info;

	dev_get(address, &info);
	return info.method;
}

TEST_F_TIMEOUT(reset, in_the_order_of_the_device, 120)
{
	struct dev_info info;

	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_claim(self->nic, DEV_UNBIND, 0);
	dev_claim(self->card, DEV_WHOLE_SET, 0);
	dev_get(self->nvme, &info);
	EXPECT_STREQ("flr,bus", info.methods);
	EXPECT_STREQ("flr", info.method);
	dev_get(self->nic, &info);
	EXPECT_STREQ("pm,bus", info.methods);
	EXPECT_STREQ("pm", info.method);
	dev_get(self->card, &info);
	EXPECT_STREQ("", info.methods);
	EXPECT_STREQ("bus", info.method);
}

TEST_F_TIMEOUT(reset, in_the_order_of_the_policy, 120)
{
	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_set_policy(self->nvme, "af,bus,flr");
	EXPECT_EQ(0, __dev_reset(self->nvme));
	EXPECT_STREQ("bus", method_of(self->nvme));
	dev_set_policy(self->nvme, "flr,bus");
	EXPECT_EQ(0, __dev_reset(self->nvme));
	EXPECT_STREQ("flr", method_of(self->nvme));
	dev_set_policy(self->nvme, "none");
	EXPECT_EQ(0, __dev_reset(self->nvme));
	EXPECT_STREQ("none", method_of(self->nvme));
	dev_set_policy(self->nvme, "pm,device-specific,af,acpi");
	EXPECT_EQ(-ENOTTY, __dev_reset(self->nvme));
	EXPECT_TEXT("policy");
	EXPECT_EQ(STATE(QUARANTINED), dev_state(self->nvme));
	EXPECT_EQ(-ENOTTY, __dev_recover(self->nvme));
	EXPECT_EQ(STATE(QUARANTINED), dev_state(self->nvme));
	dev_set_policy(self->nvme, "default");
	EXPECT_EQ(0, __dev_recover(self->nvme));
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));
	/* What is well needs no recovery, and gets none. */
	EXPECT_EQ(0, __dev_recover(self->nvme));
}

static int reset_start(const char *address, uint32_t *op)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_DEV_RESET);

	nla_put_string(msg, DIRECTPATH_A_DEV_ADDRESS, address);
	return __ctl_queue(msg, DIRECTPATH_A_DEV_OP_ID, op);
}

/* A bus reset takes more than a second on both kernels. */
TEST_F_TIMEOUT(reset, past_its_deadline, 120)
{
	struct dev_info info;
	uint64_t start;
	uint32_t op;

	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_set_policy(self->nvme, "bus");
	vm_new(VM, NULL);
	host_set(DIRECTPATH_A_HOST_RESET_DEADLINE_MS, 100);
	start = now_ms();
	ASSERT_EQ(0, reset_start(self->nvme, &op));
	EXPECT_GT(500, now_ms() - start);
	EXPECT_EQ(-ETIMEDOUT, __ctl_wait(op));
	EXPECT_TEXT(self->nvme);
	EXPECT_TEXT("deadline");
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(RESETTING), info.state);
	EXPECT_IN("stuck in reset", info.detail);
	EXPECT_GT(0, __vm_attach(VM, self->nvme));
	EXPECT_EQ(-EBUSY, __dev_release(self->nvme, 0, 0));
	EXPECT_TRUE(dev_reaches(self->nvme, STATE(READY), SETTLE_MS));
	dev_get(self->nvme, &info);
	EXPECT_STREQ("", info.detail);
	EXPECT_EQ(0, __vm_attach(VM, self->nvme));
}

static uint64_t time_resets(struct __test_metadata *_metadata, const char *const *addresses, unsigned int nr, bool together)
{
	uint64_t start = now_ms();
	uint32_t ops[4];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		EXPECT_EQ(0, reset_start(addresses[i], &ops[i]));
		if (!together)
			EXPECT_EQ(0, __ctl_wait(ops[i]));
	}
	for (i = 0; together && i < nr; i++)
		EXPECT_EQ(0, __ctl_wait(ops[i]));
	return now_ms() - start;
}

TEST_F_TIMEOUT(reset, of_several_sets_at_once, 180)
{
	const char *const addresses[] = { self->nvme, self->nic, self->card };
	uint64_t single, after, together;

	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_claim(self->nic, DEV_UNBIND, 0);
	dev_claim(self->card, DEV_WHOLE_SET, 0);
	dev_set_policy(self->nvme, "bus");
	dev_set_policy(self->nic, "bus");
	single = time_resets(_metadata, addresses, 1, false);
	after = time_resets(_metadata, addresses, 3, false);
	together = time_resets(_metadata, addresses, 3, true);
	TH_LOG("one %u ms, three one after the other %u ms, at once %u ms", (unsigned int)single, (unsigned int)after, (unsigned int)together);
	EXPECT_LT(together * 3, after * 2);
}

static unsigned int d3cold_allowed(const char *address)
{
	char path[80], c = '?';
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/d3cold_allowed", address);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, &c, 1) != 1)
		return 99;
	close(fd);
	return c - '0';
}

TEST_F_TIMEOUT(reset, no_d3cold_while_claimed, 60)
{
	EXPECT_EQ(1, d3cold_allowed(self->nvme));
	dev_claim(self->nvme, DEV_UNBIND, 0);
	EXPECT_EQ(0, d3cold_allowed(self->nvme));
	dev_release(self->nvme, 0, 0);
	EXPECT_EQ(1, d3cold_allowed(self->nvme));

	/* What was off stays off. */
	EXPECT_TRUE(host_does("echo 0 >/sys/bus/pci/devices/%s/d3cold_allowed", self->nvme));
	dev_claim(self->nvme, DEV_UNBIND, 0);
	EXPECT_EQ(0, d3cold_allowed(self->nvme));
	dev_release(self->nvme, 0, 0);
	EXPECT_EQ(0, d3cold_allowed(self->nvme));
	EXPECT_TRUE(host_does("echo 1 >/sys/bus/pci/devices/%s/d3cold_allowed", self->nvme));
}

static bool rests(struct nl_sock *sock, const char *address)
{
	struct ctl_event event;

	while (ctl_event_next(sock, &event, SETTLE_MS))
		if (event.cmd == DIRECTPATH_CMD_DEV_NTF && !strcmp(event.address, address) && event.changed && event.state == STATE(RESERVED))
			return true;
	return false;
}

/* Who hears that the first function of a card is at rest may use the card at once. */
TEST_F_TIMEOUT(reset, over_when_the_state_says_so, 180)
{
	struct nl_sock *sock;
	unsigned int round;
	int vm_fd, fd;

	dev_claim(self->card, DEV_WHOLE_SET, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->card);
	for (round = 0; round < 10; round++) {
		vm_fd = vm_open(VM);
		fd = vm_device(vm_fd, self->card);
		sock = ctl_listen();
		close(fd);
		close(vm_fd);
		EXPECT_TRUE(rests(sock, self->card));
		ctl_unlisten(sock);
		EXPECT_EQ(0, __dev_reset(self->card)) TH_LOG("round %u: %s", round, ctl_last.text);
	}
}

/* --- identity --- */

/* A slot in which one card takes the place of another without the host's knowledge: its hot-plug driver is unbound. */
FIXTURE(identity) {
	const char *slot;
	const char *port;
};

#define NIC "driver=e1000e mac=52:54:00:44:50:01 subsys_ven=0x8086 romfile="

static bool swap_card(FIXTURE_DATA(identity) *self, const char *fmt, const char *card, unsigned int subsystem)
{
	char arguments[160];

	snprintf(arguments, sizeof(arguments), fmt, card, subsystem);
	return slot_swap(self->port, arguments);
}

#define swap_nic(self, subsystem) swap_card(self, "%s subsys=0x%x", NIC, subsystem)

FIXTURE_SETUP(identity)
{
	ASSERT_EQ(0, host_restore());
	self->slot = pci_env("DP_NUMA0_EDU");
	self->port = pci_env("DP_NUMA0_PORT");
	if (!self->slot || !self->port)
		SKIP(return, "no such slot on this machine");
	ASSERT_TRUE(slot_driver(self->port, false));
	ASSERT_TRUE(swap_nic(self, 0x1111));
	ASSERT_TRUE(slot_find_anew(self->slot));
	ASSERT_TRUE(wait_until(pci_driver_is(self->slot, "e1000e"), SETTLE_MS));
}

FIXTURE_TEARDOWN_PARENT(identity)
{
	if (!self->slot || !self->port)
		return;
	EXPECT_TRUE(swap_card(self, "%s dma_mask=0x%x", "driver=edu id=numaedu", 0xffffffff));
	EXPECT_TRUE(slot_find_anew(self->slot));
	EXPECT_EQ(0, host_restore());
	/* What has happened in the slot is no news for the driver. */
	slot_forget(self->port);
	EXPECT_TRUE(slot_driver(self->port, true));
}

static bool next_cause(struct nl_sock *sock, const char *address, const char *cause, struct ctl_event *event)
{
	while (ctl_event_next(sock, event, SETTLE_MS))
		if (event->cmd == DIRECTPATH_CMD_DEV_NTF && !strcmp(event->address, address) && strstr(event->cause, cause))
			return true;
	return false;
}

static int accept_as_nobody(void *address)
{
	proc_drop_root();
	return __dev_accept(address) == -EPERM && strstr(ctl_last.text, "CAP_SYS_ADMIN") ? 0 : 1;
}

TEST_F_TIMEOUT(identity, accepted, 180)
{
	uint64_t begin = time(NULL);
	struct ctl_event event;
	struct dev_info info;
	struct nl_sock *sock;
	int vm_fd, fd;

	EXPECT_EQ(-EINVAL, __dev_accept(self->slot));
	EXPECT_EQ(0, ctl_last.op);
	EXPECT_TEXT("is host");
	dev_claim(self->slot, DEV_UNBIND, 0);
	EXPECT_EQ(-EINVAL, __dev_accept(self->slot));
	EXPECT_TEXT("is ready");
	vm_new(VM, NULL);
	vm_attach(VM, self->slot);

	ASSERT_TRUE(swap_nic(self, 0x2222));
	EXPECT_EQ(-EBADE, __dev_reset(self->slot));
	EXPECT_TEXT("subsystem was 8086:1111, is 8086:2222");
	dev_get(self->slot, &info);
	EXPECT_EQ(STATE(QUARANTINED), info.state);
	EXPECT_STREQ("subsystem was 8086:1111, is 8086:2222", info.detail);
	EXPECT_TRUE(ctl_has_reason(info.reasons, info.nr_reasons, DIRECTPATH_REASON_IDENTITY_MISMATCH));
	EXPECT_FALSE(info.accepted.known);
	vm_fd = vm_open(VM);
	EXPECT_EQ(-EIO, __vm_device(vm_fd, self->slot));
	/* It stays what it is, however often it is reset. */
	EXPECT_EQ(-EBADE, __dev_recover(self->slot));
	EXPECT_EQ(STATE(QUARANTINED), dev_state(self->slot));

	EXPECT_EQ(0, proc_run(accept_as_nobody, (void *)self->slot));
	EXPECT_EQ(STATE(QUARANTINED), dev_state(self->slot));
	sock = ctl_listen();
	EXPECT_EQ(0, __dev_accept(self->slot));
	EXPECT_TRUE(next_cause(sock, self->slot, "accepted by uid 0", &event));
	EXPECT_IN("subsystem was 8086:1111, is 8086:2222", event.cause);
	ctl_unlisten(sock);
	dev_get(self->slot, &info);
	EXPECT_EQ(STATE(RESERVED), info.state);
	EXPECT_FALSE(ctl_has_reason(info.reasons, info.nr_reasons, DIRECTPATH_REASON_IDENTITY_MISMATCH));
	ASSERT_TRUE(info.accepted.known);
	EXPECT_EQ(0, info.accepted.uid);
	EXPECT_EQ((uint32_t)getpid(), info.accepted.pid);
	EXPECT_STREQ("handover_test", info.accepted.comm);
	EXPECT_STREQ("subsystem was 8086:1111, is 8086:2222", info.accepted.change);
	EXPECT_LE(begin, info.accepted.time);
	EXPECT_GE((uint64_t)time(NULL), info.accepted.time);

	/* That is what it is now. */
	fd = vm_device(vm_fd, self->slot);
	EXPECT_EQ(0x22228086U, device_config_read(fd, PCI_SUBSYSTEM_VENDOR_ID, 4));
	close(fd);
	close(vm_fd);
	EXPECT_TRUE(dev_reaches(self->slot, STATE(RESERVED), SETTLE_MS));
	EXPECT_EQ(0, __dev_reset(self->slot));
	EXPECT_EQ(-EINVAL, __dev_accept(self->slot));
}

/* What the admin has seen is accepted, not what comes after. */
TEST_F_TIMEOUT(identity, changes_again, 180)
{
	struct dev_info info;

	dev_claim(self->slot, DEV_UNBIND, 0);
	ASSERT_TRUE(swap_nic(self, 0x2222));
	EXPECT_EQ(-EBADE, __dev_reset(self->slot));
	ASSERT_TRUE(swap_nic(self, 0x3333));
	EXPECT_EQ(-EBADE, __dev_accept(self->slot));
	dev_get(self->slot, &info);
	EXPECT_EQ(STATE(QUARANTINED), info.state);
	EXPECT_STREQ("subsystem was 8086:2222, is 8086:3333", info.detail);
	EXPECT_EQ(0, __dev_accept(self->slot));
	EXPECT_EQ(STATE(READY), dev_state(self->slot));
}

/* At the end of a run, too; and a device of another kind is nothing to accept. */
TEST_F_TIMEOUT(identity, another_device, 180)
{
	int vm_fd, fd;

	dev_claim(self->slot, DEV_UNBIND, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->slot);
	vm_fd = vm_open(VM);
	fd = vm_device(vm_fd, self->slot);
	ASSERT_TRUE(swap_card(self, "%s subsys=0x%x", "driver=e1000 subsys_ven=0x8086 romfile=", 0x1111) ||
		    swap_card(self, "%s dma_mask=0x%x", "driver=edu", 0xffffffff));
	close(fd);
	close(vm_fd);
	EXPECT_TRUE(dev_reaches(self->slot, STATE(QUARANTINED), SETTLE_MS));
	EXPECT_EQ(-EPERM, __dev_accept(self->slot));
	EXPECT_EQ(0, ctl_last.op);
	EXPECT_TEXT("another device");
	EXPECT_TEXT("id was 8086:10d3");
	EXPECT_EQ(STATE(QUARANTINED), dev_state(self->slot));
	vm_detach(VM, self->slot, false);
	EXPECT_EQ(-EPERM, __dev_release(self->slot, 0, 0));
	dev_release(self->slot, DEV_DRIVERLESS, DEV_FORCE(IDENTITY_MISMATCH));
	EXPECT_EQ(STATE(HOST), dev_state(self->slot));
}

/* --- cleaning --- */

FIXTURE(clean) {
	const char *nvme;
};

FIXTURE_SETUP(clean)
{
	ASSERT_EQ(0, host_restore());
	self->nvme = pci_env("DP_SWITCH_NVME");
	if (!self->nvme)
		SKIP(return, "no switch on this machine");
	ASSERT_EQ(0, __dev_set_hook(self->nvme, HOOK));
	dev_claim(self->nvme, DEV_UNBIND, 0);
	/* It may be that an earlier test's tenant had it. */
	if (dev_state(self->nvme) == STATE(DIRTY)) {
		ASSERT_EQ(0, __dev_clean(self->nvme, STEP(BEGIN), NULL));
		ASSERT_EQ(0, __dev_clean(self->nvme, STEP(DONE), NULL));
	}
	ASSERT_EQ(STATE(READY), dev_state(self->nvme));
	vm_new(VM, NULL);
	vm_new(OTHER, NULL);
}

FIXTURE_TEARDOWN_PARENT(clean)
{
	EXPECT_EQ(0, host_restore());
}

static void run_once(const char *vm, const char *address)
{
	int vm_fd = vm_open(vm), fd = vm_device(vm_fd, address);

	close(fd);
	close(vm_fd);
	dp_assert(dev_reaches(address, STATE(RESERVED), SETTLE_MS), "it is %s", dev_state_name(dev_state(address)));
}

/* A tenant has had it. */
static void soil(const char *address)
{
	vm_attach(VM, address);
	run_once(VM, address);
	vm_detach(VM, address, false);
}

TEST_F_TIMEOUT(clean, dirty_when_the_tenant_has_gone, 120)
{
	struct ctl_event event;
	struct dev_info info;
	struct nl_sock *sock;

	/* One that never ran leaves nothing. */
	vm_attach(VM, self->nvme);
	vm_detach(VM, self->nvme, false);
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));

	/* A VM that is switched off and on again finds what it has left. */
	vm_attach(VM, self->nvme);
	run_once(VM, self->nvme);
	run_once(VM, self->nvme);
	sock = ctl_listen();
	vm_detach(VM, self->nvme, false);
	EXPECT_TRUE(next_cause(sock, self->nvme, "detached", &event));
	EXPECT_EQ(STATE(DIRTY), event.state);
	ctl_unlisten(sock);
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(DIRTY), info.state);
	EXPECT_STREQ(HOOK, info.clean_hook);
	EXPECT_IN(HOOK, info.detail);
	EXPECT_TRUE(ctl_has_reason(info.reasons, info.nr_reasons, DIRECTPATH_REASON_DIRTY));

	/* Nobody gets it, not even who had it; and a reset does not change that. */
	EXPECT_EQ(-EPERM, __vm_attach(OTHER, self->nvme));
	EXPECT_TEXT("dev clean");
	EXPECT_EQ(-EPERM, __vm_attach(VM, self->nvme));
	EXPECT_EQ(0, __dev_reset(self->nvme));
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
	EXPECT_EQ(0, __dev_recover(self->nvme));
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
	EXPECT_EQ(-EINVAL, __dev_clean(self->nvme, STEP(DONE), NULL));
	EXPECT_TEXT("nobody cleans");
	EXPECT_EQ(-EINVAL, __dev_clean(self->nvme, STEP(FAIL), NULL));
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
}

TEST_F_TIMEOUT(clean, revoked_from_a_running_vm, 120)
{
	int vm_fd, fd;

	vm_attach(VM, self->nvme);
	vm_fd = vm_open(VM);
	fd = vm_device(vm_fd, self->nvme);
	vm_detach(VM, self->nvme, true);
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
	close(fd);
	close(vm_fd);
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
}

TEST_F_TIMEOUT(clean, through_the_host_driver, 120)
{
	struct dev_info info;
	char name[64];
	uint64_t resets;

	soil(self->nvme);
	dev_get(self->nvme, &info);
	resets = info.resets;
	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(BEGIN), NULL));
	EXPECT_TRUE(pci_driver_is(self->nvme, "nvme"));
	EXPECT_TRUE(wait_until(pci_block(self->nvme, name, sizeof(name)), SETTLE_MS));
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(DIRTY), info.state);
	EXPECT_STREQ("clean", info.busy);
	EXPECT_IN("handover_test", info.detail);

	/* One at a time, and nothing else. */
	EXPECT_EQ(-EBUSY, __dev_clean(self->nvme, STEP(BEGIN), NULL));
	EXPECT_TEXT("handover_test");
	EXPECT_TEXT("abort");
	EXPECT_GT(0, __vm_attach(OTHER, self->nvme));
	EXPECT_EQ(-EBUSY, __dev_reset(self->nvme));
	EXPECT_EQ(-EPERM, __dev_release(self->nvme, 0, 0));
	EXPECT_EQ(0, __dev_claim(self->nvme, DEV_UNBIND, 0));
	EXPECT_TRUE(pci_driver_is(self->nvme, "nvme"));
	EXPECT_GT(0, pci_bind(self->nvme, "directpath"));

	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(DONE), NULL));
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(READY), info.state);
	EXPECT_STREQ("", info.busy);
	EXPECT_STREQ("", info.detail);
	EXPECT_EQ(resets + 1, info.resets);
	EXPECT_TRUE(pci_driver_is(self->nvme, "directpath"));
	EXPECT_EQ(0, pci_config_read(self->nvme, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	EXPECT_FALSE(pci_block(self->nvme, name, sizeof(name)));

	/* And it works for the next one. */
	vm_attach(OTHER, self->nvme);
	run_once(OTHER, self->nvme);
	vm_detach(OTHER, self->nvme, false);
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
	EXPECT_EQ(-EINVAL, __dev_clean(self->nvme, STEP(DONE), NULL));
}

TEST_F_TIMEOUT(clean, that_fails, 120)
{
	struct dev_info info;

	soil(self->nvme);
	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(BEGIN), NULL));
	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(FAIL), "exit 3: no such namespace"));
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(DIRTY), info.state);
	EXPECT_IN(HOOK " failed: exit 3: no such namespace", info.detail);
	EXPECT_TRUE(pci_driver_is(self->nvme, "directpath"));
	EXPECT_EQ(-EPERM, __vm_attach(OTHER, self->nvme));
	EXPECT_TEXT("no such namespace");
	/* Once more. */
	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(BEGIN), NULL));
	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(DONE), NULL));
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));
}

/* The hook counts at once, in both directions. */
TEST_F_TIMEOUT(clean, hook_set_and_cleared, 120)
{
	soil(self->nvme);
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
	EXPECT_EQ(0, __dev_set_hook(self->nvme, ""));
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));
	EXPECT_EQ(0, __dev_set_hook(self->nvme, "another"));
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
	EXPECT_EQ(-EINVAL, __dev_set_hook(self->nvme, "../etc/passwd"));
	EXPECT_TEXT("clean-hook");
	EXPECT_EQ(-EINVAL, __dev_set_hook(self->nvme, ".."));
	EXPECT_TEXT("dot");
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
}

/* What would refuse it afterwards refuses it before the VM loses anything. */
TEST_F_TIMEOUT(clean, taken_from_its_vm, 120)
{
	int vm_fd, fd;

	vm_attach(VM, self->nvme);
	vm_fd = vm_open(VM);
	fd = vm_device(vm_fd, self->nvme);
	EXPECT_EQ(-EPERM, __dev_release(self->nvme, 0, DEV_FORCE(ATTACHED)));
	EXPECT_TEXT("would be dirty");
	EXPECT_EQ(STATE(RUNNING), dev_state(self->nvme));
	device_enable(fd);
	dev_release(self->nvme, 0, DEV_FORCE(ATTACHED) | DEV_FORCE(DIRTY));
	EXPECT_EQ(STATE(HOST), dev_state(self->nvme));
	EXPECT_TRUE(pci_driver_is(self->nvme, "nvme"));
	close(fd);
	close(vm_fd);
}

/* Giving it to the host and claiming it again does not make it clean. */
TEST_F_TIMEOUT(clean, released_as_it_is, 120)
{
	struct dev_info info;

	soil(self->nvme);
	EXPECT_EQ(-EPERM, __dev_release(self->nvme, 0, 0));
	EXPECT_TEXT("dirty");
	EXPECT_EQ(-EPERM, __dev_release(self->nvme, 0, DEV_FORCE(IDENTITY_MISMATCH)));
	dev_release(self->nvme, 0, DEV_FORCE(DIRTY));
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(HOST), info.state);
	EXPECT_TRUE(ctl_has_reason(info.reasons, info.nr_reasons, DIRECTPATH_REASON_DIRTY));
	EXPECT_TRUE(pci_driver_is(self->nvme, "nvme"));
	dev_claim(self->nvme, DEV_UNBIND, 0);
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));

	/* In the middle of it. */
	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(BEGIN), NULL));
	dev_release(self->nvme, 0, DEV_FORCE(DIRTY));
	EXPECT_EQ(STATE(HOST), dev_state(self->nvme));
	EXPECT_TRUE(pci_driver_is(self->nvme, "nvme"));
	EXPECT_EQ(-EINVAL, __dev_clean(self->nvme, STEP(DONE), NULL));
	dev_claim(self->nvme, DEV_UNBIND, 0);
	EXPECT_EQ(STATE(DIRTY), dev_state(self->nvme));
}

TEST_F_TIMEOUT(clean, unplugged_meanwhile, 120)
{
	struct host_info host;

	soil(self->nvme);
	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(BEGIN), NULL));
	EXPECT_TRUE(host_does("echo 1 >/sys/bus/pci/devices/%s/remove", self->nvme));
	EXPECT_FALSE(pci_present(self->nvme));
	host_get(&host);
	EXPECT_TRUE(wait_until((host_get(&host), !host.devices_claimed), SETTLE_MS));
	EXPECT_TRUE(host_does("echo 1 >/sys/bus/pci/rescan"));
	ASSERT_TRUE(wait_until(pci_driver_is(self->nvme, "nvme"), SETTLE_MS));
	dev_claim(self->nvme, DEV_UNBIND, 0);
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));
}

/* Somebody has given it to another driver by then. */
TEST_F_TIMEOUT(clean, host_driver_unbound_by_hand, 120)
{
	soil(self->nvme);
	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(BEGIN), NULL));
	EXPECT_EQ(0, pci_unbind(self->nvme));
	EXPECT_EQ(0, __dev_clean(self->nvme, STEP(DONE), NULL));
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));
	EXPECT_TRUE(pci_driver_is(self->nvme, "directpath"));
	vm_attach(OTHER, self->nvme);
	run_once(OTHER, self->nvme);
}

/* A card with two functions, both of which have to be cleaned. */
static void soil_card(const char *first, const char *second)
{
	dp_assert(!__dev_set_hook(first, HOOK) && !__dev_set_hook(second, HOOK), "no hook");
	dev_claim(first, DEV_UNBIND | DEV_WHOLE_SET, 0);
	soil(first);
}

/* A member at a time; the others stay where they are. */
TEST_F_TIMEOUT(clean, members_of_a_set, 180)
{
	const char *first = getenv("DP_CARD2_0"), *second = getenv("DP_CARD2_1");

	soil_card(first, second);
	EXPECT_EQ(STATE(DIRTY), dev_state(first));
	EXPECT_EQ(STATE(DIRTY), dev_state(second));
	EXPECT_EQ(0, __dev_clean(second, STEP(BEGIN), NULL));
	EXPECT_TRUE(pci_driver_is(second, "nvme"));
	EXPECT_TRUE(pci_driver_is(first, "directpath"));
	EXPECT_EQ(0, pci_config_read(first, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	EXPECT_EQ(-EBUSY, __dev_clean(first, STEP(BEGIN), NULL));
	EXPECT_TEXT(second);
	EXPECT_EQ(0, __dev_clean(second, STEP(DONE), NULL));
	EXPECT_EQ(STATE(READY), dev_state(second));
	EXPECT_EQ(STATE(DIRTY), dev_state(first));
	EXPECT_EQ(-EPERM, __vm_attach(VM, second));
	EXPECT_TEXT(first);
	EXPECT_EQ(0, __dev_clean(first, STEP(BEGIN), NULL));
	EXPECT_EQ(0, __dev_clean(first, STEP(DONE), NULL));
	EXPECT_EQ(STATE(READY), dev_state(first));
	EXPECT_EQ(0, __vm_attach(VM, second));
}

static bool take_out(const char *address)
{
	return host_does("echo 1 >/sys/bus/pci/devices/%s/remove", address) && !pci_present(address);
}

static bool put_in(const char *address)
{
	return host_does("echo 1 >/sys/bus/pci/rescan") && wait_until(pci_settled(address), SETTLE_MS);
}

static bool is_unknown(const char *address)
{
	struct dev_info info;

	return __dev_get(address, &info) == -ENODEV;
}

static unsigned int nr_claimed(void)
{
	struct host_info host;

	host_get(&host);
	return host.devices_claimed;
}

/*
 * What is left of a set when @lost has been taken out: clean, run and dirty again; DMA of the set is ours, so the host's driver cannot have what
 * comes back, nor has a VM the set with it; until it is released.
 */
static void check_remaining(struct __test_metadata *_metadata, const char *kept, const char *lost)
{
	EXPECT_EQ(STATE(READY), dev_state(kept));
	EXPECT_TRUE(pci_driver_is(kept, "directpath"));
	vm_attach(VM, kept);
	run_once(VM, kept);
	vm_detach(VM, kept, false);
	EXPECT_EQ(STATE(DIRTY), dev_state(kept));

	EXPECT_TRUE(put_in(lost));
	EXPECT_FALSE(wait_until(pci_driver_is(lost, "nvme"), 1000));
	EXPECT_EQ(-EBUSY, pci_bind(lost, "nvme"));
	EXPECT_EQ(0, __dev_clean(kept, STEP(BEGIN), NULL));
	EXPECT_EQ(0, __dev_clean(kept, STEP(DONE), NULL));
	EXPECT_GT(0, __vm_attach(VM, kept));
	EXPECT_TEXT("added");
	dev_release(kept, DEV_WHOLE_SET, 0);
	EXPECT_EQ(STATE(HOST), dev_state(kept));
	EXPECT_TRUE(pci_driver_is(kept, "nvme"));
	/* The kernel has prepared it for a domain that is not the host's. */
	EXPECT_TRUE(take_out(lost));
	EXPECT_TRUE(put_in(lost));
	EXPECT_TRUE(wait_until(pci_driver_is(lost, "nvme"), SETTLE_MS));
}

/* The member that the host has: its companion gets its blocked DMA back, and can be cleaned. */
TEST_F_TIMEOUT(clean, member_unplugged_meanwhile, 240)
{
	const char *first = getenv("DP_CARD2_0"), *second = getenv("DP_CARD2_1");
	struct dev_info info = {};

	soil_card(first, second);
	EXPECT_EQ(0, __dev_clean(second, STEP(BEGIN), NULL));
	EXPECT_TRUE(take_out(second));
	EXPECT_TRUE(wait_until(is_unknown(second), SETTLE_MS));
	EXPECT_TRUE(wait_until((dev_get(first, &info), !info.busy[0]), SETTLE_MS)) TH_LOG("%s", info.busy);
	EXPECT_EQ(STATE(DIRTY), info.state);
	EXPECT_TRUE(pci_driver_is(first, "directpath"));
	EXPECT_EQ(0, pci_config_read(first, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	EXPECT_EQ(-ENODEV, __dev_clean(second, STEP(DONE), NULL));
	EXPECT_EQ(0, __dev_clean(first, STEP(BEGIN), NULL));
	EXPECT_TRUE(pci_driver_is(first, "nvme"));
	EXPECT_EQ(0, __dev_clean(first, STEP(DONE), NULL));
	check_remaining(_metadata, first, second);
}

/* Its companion: the cleaning goes on. */
TEST_F_TIMEOUT(clean, companion_unplugged_meanwhile, 240)
{
	const char *first = getenv("DP_CARD2_0"), *second = getenv("DP_CARD2_1");
	struct dev_info info = {};

	soil_card(first, second);
	EXPECT_EQ(0, __dev_clean(second, STEP(BEGIN), NULL));
	EXPECT_TRUE(take_out(first));
	EXPECT_TRUE(wait_until(is_unknown(first), SETTLE_MS));
	dev_get(second, &info);
	EXPECT_EQ(STATE(DIRTY), info.state);
	EXPECT_STREQ("clean", info.busy);
	EXPECT_TRUE(pci_driver_is(second, "nvme"));
	EXPECT_EQ(0, __dev_clean(second, STEP(DONE), NULL));
	check_remaining(_metadata, second, first);
}

/* All of it, in both orders: nothing is left, and what comes back is the host's. */
TEST_F_TIMEOUT(clean, set_unplugged_meanwhile, 240)
{
	const char *const card[] = { getenv("DP_CARD2_0"), getenv("DP_CARD2_1") };
	unsigned int i, others = nr_claimed();

	for (i = 0; i < 2; i++) {
		soil_card(card[0], card[1]);
		EXPECT_EQ(0, __dev_clean(card[1], STEP(BEGIN), NULL));
		EXPECT_TRUE(take_out(card[i]));
		EXPECT_TRUE(take_out(card[!i]));
		EXPECT_TRUE(wait_until(is_unknown(card[0]) && is_unknown(card[1]), SETTLE_MS));
		EXPECT_TRUE(wait_until(nr_claimed() == others, SETTLE_MS));
		EXPECT_TRUE(put_in(card[0]));
		ASSERT_TRUE(wait_until(pci_driver_is(card[0], "nvme") && pci_driver_is(card[1], "nvme"), SETTLE_MS));
		EXPECT_EQ(-EINVAL, __dev_clean(card[1], STEP(DONE), NULL));
	}
}

HOST_MAIN(HOST_DP)
