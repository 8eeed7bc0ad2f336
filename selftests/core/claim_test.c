// SPDX-License-Identifier: GPL-2.0
/*
 * Claim, release, attach, detach: the states, what is refused and why, what is remembered and restored. The view from outside is sysfs and /dev.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include <linux/directpath_nl.h>

#include "libdpath.h"

#define VM "t-claim"
#define OTHER "t-claim-2"
#define DISK_HEAD (1UL << 20)

#define STATE(name) DIRECTPATH_STATE_##name

FIXTURE(claim) {
	const char *edu;
	const char *nvme;
	const char *nic;
};

FIXTURE_SETUP(claim)
{
	ASSERT_EQ(0, host_restore());
	self->edu = pci_env("DP_EDU0");
	self->nvme = pci_env("DP_NVME");
	self->nic = pci_env("DP_E1000E");
	if (!self->edu || !self->nvme || !self->nic)
		SKIP(return, "not the devices of the bed");
}

FIXTURE_TEARDOWN_PARENT(claim)
{
	EXPECT_EQ(0, host_restore());
}

/* --- states --- */

TEST_F_TIMEOUT(claim, from_host_and_back, 60)
{
	struct dev_info info;

	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(HOST), info.state);
	EXPECT_STREQ("nvme", info.driver);
	EXPECT_EQ(DIRECTPATH_VERDICT_OK, info.verdict);
	EXPECT_EQ(pci_group(self->nvme), (int)info.set);

	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(READY), info.state);
	EXPECT_STREQ("nvme", info.host_driver);
	EXPECT_TRUE(pci_driver_is(self->nvme, "directpath"));
	EXPECT_LE(1, info.resets);

	vm_new(VM, NULL);
	vm_attach(VM, self->nvme);
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(RESERVED), info.state);
	EXPECT_STREQ(VM, info.vm);

	vm_detach(VM, self->nvme, false);
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));
	dev_release(self->nvme, 0, 0);
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(HOST), info.state);
	EXPECT_STREQ("", info.vm);
	EXPECT_TRUE(pci_driver_is(self->nvme, "nvme"));
}

TEST_F_TIMEOUT(claim, twice_is_once, 60)
{
	uint64_t resets;
	struct dev_info info;

	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_get(self->nvme, &info);
	resets = info.resets;
	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_claim(self->nvme, 0, 0);
	dev_get(self->nvme, &info);
	EXPECT_EQ(resets, info.resets);
	EXPECT_EQ(STATE(READY), info.state);

	vm_new(VM, NULL);
	vm_attach(VM, self->nvme);
	vm_attach(VM, self->nvme);
	/* Claiming what a VM has changes nothing. */
	dev_claim(self->nvme, 0, 0);
	dev_get(self->nvme, &info);
	EXPECT_EQ(STATE(RESERVED), info.state);
	EXPECT_STREQ(VM, info.vm);
	vm_detach(VM, self->nvme, false);
	vm_detach(VM, self->nvme, false);
	vm_detach(VM, self->nvme, true);
	dev_release(self->nvme, 0, 0);
	dev_release(self->nvme, 0, 0);
	EXPECT_TRUE(pci_driver_is(self->nvme, "nvme"));
}

TEST_F_TIMEOUT(claim, reset_counts, 60)
{
	struct dev_stats before, after;

	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_stats(self->nvme, &before);
	ASSERT_EQ(0, __dev_reset(self->nvme));
	dev_stats(self->nvme, &after);
	EXPECT_EQ(before.resets + 1, after.resets);
	EXPECT_EQ(before.reset_failures, after.reset_failures);
	EXPECT_EQ(STATE(READY), dev_state(self->nvme));
	EXPECT_EQ(0, pci_config_read(self->nvme, 4, 2) & 4);
}

/* A function without a reset, with the consent to that: it can be tried, and there is nothing that fails. */
TEST_F(claim, reset_of_nothing)
{
	dev_set_policy(self->edu, "none");
	dev_claim(self->edu, 0, 0);
	EXPECT_EQ(0, __dev_reset(self->edu));
	EXPECT_EQ(STATE(READY), dev_state(self->edu));
	EXPECT_EQ(0, __dev_recover(self->edu));
	EXPECT_EQ(STATE(READY), dev_state(self->edu));
}

TEST_F_TIMEOUT(claim, a_run_counts, 60)
{
	struct dev_stats before, after;
	struct rig rig;

	ASSERT_TRUE(rig_reserve(&rig, "DP_EDU0", VM));
	dev_stats(rig.address, &before);
	rig_open(&rig);
	device_config_read(rig.fd, 0, 4);
	dev_stats(rig.address, &after);
	EXPECT_EQ(before.runs + 1, after.runs);
	EXPECT_LT(before.config_reads, after.config_reads);
	EXPECT_LT(before.faults, after.faults);
	rig_close(&rig);
	EXPECT_TRUE(dev_reaches(rig.address, STATE(RESERVED), SETTLE_MS));
	dev_stats(rig.address, &before);
	/* What was counted stays. */
	EXPECT_LE(after.config_reads, before.config_reads);
}

/* --- what is refused --- */

TEST_F(claim, driver_is_bound)
{
	EXPECT_EQ(-EBUSY, __dev_claim(self->nvme, 0, 0));
	EXPECT_TRUE(ctl_has_reason(ctl_last.reasons, ctl_last.nr_reasons, DIRECTPATH_REASON_DRIVER_BOUND));
	EXPECT_TEXT("nvme");
	EXPECT_TEXT("unbind");
	EXPECT_NE(0, ctl_last.op);
	EXPECT_EQ(STATE(HOST), dev_state(self->nvme));
	EXPECT_TRUE(pci_driver_is(self->nvme, "nvme"));
}

TEST_F_TIMEOUT(claim, interface_is_up, 60)
{
	char name[64], override[64];

	ASSERT_TRUE(pci_netdev(self->nic, name, sizeof(name)));
	netdev_set_up(name, true);
	EXPECT_EQ(-EBUSY, __dev_claim(self->nic, DEV_UNBIND, 0));
	EXPECT_TRUE(ctl_has_reason(ctl_last.reasons, ctl_last.nr_reasons, DIRECTPATH_REASON_NETDEV_UP));
	EXPECT_TEXT(name);
	EXPECT_TEXT("netdev-up");
	EXPECT_EQ(STATE(HOST), dev_state(self->nic));
	EXPECT_TRUE(pci_driver_is(self->nic, "e1000e"));
	pci_override(self->nic, override, sizeof(override));
	EXPECT_STREQ("", override);
	/* Another reason does not force it. */
	EXPECT_EQ(-EBUSY, __dev_claim(self->nic, DEV_UNBIND, DEV_FORCE(DRIVER_BUSY)));

	netdev_set_up(name, false);
	dev_claim(self->nic, DEV_UNBIND, 0);
	EXPECT_FALSE(pci_netdev(self->nic, name, sizeof(name)));
	dev_release(self->nic, 0, 0);
	EXPECT_TRUE(wait_until(pci_netdev(self->nic, name, sizeof(name)), SETTLE_MS));
}

TEST_F_TIMEOUT(claim, interface_is_up_but_forced, 60)
{
	char name[64];

	ASSERT_TRUE(pci_netdev(self->nic, name, sizeof(name)));
	netdev_set_up(name, true);
	dev_claim(self->nic, DEV_UNBIND, DEV_FORCE(NETDEV_UP));
	EXPECT_EQ(STATE(READY), dev_state(self->nic));
}

TEST_F_TIMEOUT(claim, block_device_is_open, 60)
{
	char name[64];
	int fd;

	ASSERT_TRUE(wait_until(pci_block(self->nvme, name, sizeof(name)), SETTLE_MS));
	fd = pci_open_block(self->nvme);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, __dev_claim(self->nvme, DEV_UNBIND, 0));
	EXPECT_TRUE(ctl_has_reason(ctl_last.reasons, ctl_last.nr_reasons, DIRECTPATH_REASON_DRIVER_BUSY));
	EXPECT_TEXT("driver-busy");
	EXPECT_TEXT(name);
	EXPECT_EQ(STATE(HOST), dev_state(self->nvme));
	EXPECT_TRUE(pci_driver_is(self->nvme, "nvme"));
	close(fd);
	dev_claim(self->nvme, DEV_UNBIND, 0);
}

TEST_F(claim, no_reset_and_no_consent)
{
	struct dev_info info;

	dev_get(self->edu, &info);
	EXPECT_TRUE(ctl_has_reason(info.reasons, info.nr_reasons, DIRECTPATH_REASON_NO_RESET));
	EXPECT_STREQ("", info.methods);
	EXPECT_GT(0, __dev_claim(self->edu, 0, 0));
	EXPECT_TRUE(ctl_has_reason(ctl_last.reasons, ctl_last.nr_reasons, DIRECTPATH_REASON_NO_RESET));
	EXPECT_TEXT("no-reset");
	EXPECT_EQ(STATE(HOST), dev_state(self->edu));
	EXPECT_TRUE(pci_driver_is(self->edu, ""));

	dev_set_policy(self->edu, "none");
	dev_claim(self->edu, 0, 0);
	dev_get(self->edu, &info);
	EXPECT_EQ(STATE(READY), info.state);
	EXPECT_EQ(DIRECTPATH_GRADE_D, info.grade);
	EXPECT_STREQ("none", info.policy);
}

TEST_F(claim, no_such_function)
{
	EXPECT_EQ(-ENODEV, __dev_claim("0000:ff:1f.7", DEV_UNBIND, 0));
	EXPECT_EQ(0, ctl_last.op);
	EXPECT_TEXT("0000:ff:1f.7");
	EXPECT_EQ(-EINVAL, __dev_claim("nonsense", DEV_UNBIND, 0));
	EXPECT_TEXT("nonsense");
}

TEST_F(claim, part_of_the_platform)
{
	const char *lpc = getenv("DP_LPC"), *ahci = getenv("DP_AHCI");
	struct dev_info info;
	char driver[64];

	pci_driver(ahci, driver, sizeof(driver));
	EXPECT_GT(0, __dev_claim(lpc, DEV_UNBIND | DEV_WHOLE_SET, 0));
	EXPECT_GT(0, __dev_claim(ahci, DEV_UNBIND, 0));
	EXPECT_GT(0, __dev_claim(ahci, DEV_UNBIND | DEV_WHOLE_SET, 0));
	EXPECT_TRUE(strstr(ctl_last.text, lpc) || strstr(ctl_last.text, ahci)) TH_LOG("%s", ctl_last.text);
	EXPECT_TRUE(pci_driver_is(ahci, driver));
	dev_get(ahci, &info);
	EXPECT_EQ(STATE(HOST), info.state);
	EXPECT_EQ(DIRECTPATH_VERDICT_BLOCKED, info.verdict);
	EXPECT_EQ(2, info.nr_members);
	dev_get(lpc, &info);
	EXPECT_TRUE(ctl_has_reason(info.reasons, info.nr_reasons, DIRECTPATH_REASON_NOT_ENDPOINT));
}

/* --- sets --- */

TEST_F_TIMEOUT(claim, half_a_set_is_refused, 60)
{
	const char *first = getenv("DP_CARD2_0"), *second = getenv("DP_CARD2_1");

	EXPECT_EQ(-EBUSY, __dev_claim(first, DEV_UNBIND, 0));
	EXPECT_TEXT("set-shared");
	EXPECT_TEXT(second);
	EXPECT_EQ(STATE(HOST), dev_state(first));
	EXPECT_TRUE(pci_driver_is(first, "nvme"));
	EXPECT_TRUE(pci_driver_is(second, "nvme"));
}

TEST_F_TIMEOUT(claim, a_whole_set, 90)
{
	const char *first = getenv("DP_CARD2_0"), *second = getenv("DP_CARD2_1");
	struct dev_info info;
	int vm_fd, fds[2];

	dev_claim(first, DEV_UNBIND | DEV_WHOLE_SET, 0);
	EXPECT_EQ(STATE(READY), dev_state(first));
	EXPECT_EQ(STATE(READY), dev_state(second));
	dev_get(first, &info);
	ASSERT_EQ(1, info.nr_members);
	EXPECT_STREQ(second, info.members[0]);

	/* It goes to a VM as one. */
	vm_new(VM, NULL);
	vm_attach(VM, second);
	EXPECT_EQ(STATE(RESERVED), dev_state(first));
	vm_fd = vm_open(VM);
	fds[0] = vm_device(vm_fd, first);
	EXPECT_EQ(STATE(RUNNING), dev_state(second));
	fds[1] = vm_device(vm_fd, second);
	close(fds[0]);
	EXPECT_EQ(STATE(RUNNING), dev_state(first));
	close(fds[1]);
	EXPECT_TRUE(dev_reaches(first, STATE(RESERVED), SETTLE_MS));
	EXPECT_TRUE(dev_reaches(second, STATE(RESERVED), SETTLE_MS));
	close(vm_fd);
	vm_detach(VM, first, false);

	EXPECT_EQ(-EBUSY, __dev_release(first, 0, 0));
	EXPECT_EQ(STATE(READY), dev_state(first));
	dev_release(first, DEV_WHOLE_SET, 0);
	EXPECT_TRUE(pci_driver_is(first, "nvme"));
	EXPECT_TRUE(pci_driver_is(second, "nvme"));
}

/* One member cannot be taken: the other one keeps its driver. */
TEST_F_TIMEOUT(claim, a_set_that_is_half_in_use, 60)
{
	const char *first = getenv("DP_CARD2_0"), *second = getenv("DP_CARD2_1");
	int fd = pci_open_block(second);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, __dev_claim(first, DEV_UNBIND | DEV_WHOLE_SET, 0));
	EXPECT_TEXT(second);
	EXPECT_EQ(STATE(HOST), dev_state(first));
	EXPECT_EQ(STATE(HOST), dev_state(second));
	EXPECT_TRUE(pci_driver_is(first, "nvme"));
	EXPECT_TRUE(pci_driver_is(second, "nvme"));
}

/* --- release --- */

static void read_head(const char *address, char *head)
{
	int fd = pci_open_block(address);

	dp_assert(fd >= 0 && pread(fd, head, DISK_HEAD, 0) == DISK_HEAD, "%s cannot be read", address);
	close(fd);
}

TEST_F_TIMEOUT(claim, the_disk_comes_back, 60)
{
	char *before = malloc(DISK_HEAD), *after = malloc(DISK_HEAD), name[64];

	read_head(self->nvme, before);
	dev_claim(self->nvme, DEV_UNBIND, 0);
	EXPECT_FALSE(pci_block(self->nvme, name, sizeof(name)));
	dev_release(self->nvme, 0, 0);
	ASSERT_TRUE(wait_until(pci_open_block(self->nvme) >= 0, SETTLE_MS));
	read_head(self->nvme, after);
	EXPECT_EQ(0, memcmp(before, after, DISK_HEAD));
}

TEST_F_TIMEOUT(claim, released_to_nobody, 60)
{
	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_release(self->nvme, DEV_DRIVERLESS, 0);
	EXPECT_EQ(STATE(HOST), dev_state(self->nvme));
	EXPECT_TRUE(pci_driver_is(self->nvme, ""));
	EXPECT_EQ(0, pci_bind(self->nvme, "nvme"));
}

TEST_F_TIMEOUT(claim, override_is_restored, 60)
{
	char override[64];

	ASSERT_TRUE(pci_set_override(self->nvme, "nvme"));
	dev_claim(self->nvme, DEV_UNBIND, 0);
	pci_override(self->nvme, override, sizeof(override));
	EXPECT_STREQ("directpath", override);
	dev_release(self->nvme, 0, 0);
	pci_override(self->nvme, override, sizeof(override));
	EXPECT_STREQ("nvme", override);
	ASSERT_TRUE(pci_set_override(self->nvme, ""));

	dev_claim(self->nvme, DEV_UNBIND, 0);
	dev_release(self->nvme, 0, 0);
	pci_override(self->nvme, override, sizeof(override));
	EXPECT_STREQ("", override);
}

TEST_F_TIMEOUT(claim, not_while_a_vm_has_it, 60)
{
	struct rig rig;

	ASSERT_TRUE(rig_reserve(&rig, "DP_EDU0", VM));
	EXPECT_EQ(-EBUSY, __dev_release(rig.address, 0, 0));
	EXPECT_TEXT(VM);
	EXPECT_EQ(STATE(RESERVED), dev_state(rig.address));
	rig_open(&rig);
	EXPECT_EQ(-EBUSY, __dev_release(rig.address, 0, 0));
	EXPECT_EQ(-EBUSY, __dev_reset(rig.address));
	EXPECT_EQ(-EBUSY, __dev_recover(rig.address));
	EXPECT_EQ(STATE(RUNNING), dev_state(rig.address));
	EXPECT_TRUE(edu_present(&rig.edu));
	EXPECT_EQ(-EBUSY, __vm_del(VM));
	EXPECT_TEXT(VM);
}

/* By force, of just that reason, from under the VMM. */
TEST_F_TIMEOUT(claim, taken_from_its_vm, 60)
{
	struct vfio_device_info device = { .argsz = sizeof(device) };
	struct vm_info vm;
	struct rig rig;

	ASSERT_TRUE(rig_reserve(&rig, "DP_EDU0", VM));
	rig_open(&rig);
	EXPECT_EQ(-EBUSY, __dev_release(rig.address, 0, DEV_FORCE(DIRTY) | DEV_FORCE(IDENTITY_MISMATCH)));
	EXPECT_TEXT("force attached");
	EXPECT_TRUE(edu_present(&rig.edu));
	dev_release(rig.address, 0, DEV_FORCE(ATTACHED));
	EXPECT_EQ(STATE(HOST), dev_state(rig.address));
	EXPECT_FALSE(pci_driver_is(rig.address, "directpath"));
	EXPECT_EQ(0xffffffffU, edu_read(&rig.edu, EDU_ID));
	EXPECT_EQ(-ENODEV, fd_ioctl(rig.fd, VFIO_DEVICE_GET_INFO, &device));
	vm_get(VM, &vm);
	EXPECT_EQ(0, vm.nr_devices);
	EXPECT_EQ(-ENOENT, __vm_device(rig.vm_fd, rig.address));
	rig_close(&rig);

	/* And from one that has not opened it. */
	ASSERT_TRUE(rig_reserve(&rig, "DP_EDU1", VM "-idle"));
	dev_release(rig.address, 0, DEV_FORCE(ATTACHED));
	EXPECT_EQ(STATE(HOST), dev_state(rig.address));
	vm_get(VM "-idle", &vm);
	EXPECT_EQ(0, vm.nr_devices);
	/* From nobody: it is done. */
	dev_claim(rig.address, 0, 0);
	dev_release(rig.address, 0, DEV_FORCE(ATTACHED));
	EXPECT_EQ(STATE(HOST), dev_state(rig.address));
}

/* All of a set or nothing of it: a refusal takes nothing from the VM. */
TEST_F_TIMEOUT(claim, a_whole_set_is_taken_from_its_vm, 60)
{
	const char *first = pci_env("DP_CARD2_0"), *second = pci_env("DP_CARD2_1");

	dev_claim(first, DEV_UNBIND | DEV_WHOLE_SET, 0);
	vm_new(VM, NULL);
	vm_attach(VM, first);
	EXPECT_EQ(-EBUSY, __dev_release(second, 0, DEV_FORCE(ATTACHED)));
	EXPECT_TEXT("say set");
	EXPECT_EQ(STATE(RESERVED), dev_state(first));
	EXPECT_EQ(STATE(RESERVED), dev_state(second));
	dev_release(second, DEV_WHOLE_SET, DEV_FORCE(ATTACHED));
	EXPECT_EQ(STATE(HOST), dev_state(first));
	EXPECT_EQ(STATE(HOST), dev_state(second));
}

/* --- attach --- */

TEST_F_TIMEOUT(claim, attach_is_refused, 60)
{
	struct vm_config config = { .limits = true, .max_devices = 1 };
	const char *second = getenv("DP_EDU1");
	struct rig rig;
	struct vm_info info;

	vm_new(OTHER, NULL);
	EXPECT_EQ(-EINVAL, __vm_attach(OTHER, self->edu));
	EXPECT_TEXT(self->edu);
	EXPECT_EQ(-ENOENT, __vm_attach("t-nobody", self->edu));
	ASSERT_TRUE(rig_reserve(&rig, "DP_EDU0", VM));
	EXPECT_EQ(-EBUSY, __vm_attach(OTHER, rig.address));
	EXPECT_TEXT(VM);
	EXPECT_EQ(-EINVAL, __vm_detach(OTHER, rig.address, true));
	EXPECT_TEXT(VM);

	vm_set(VM, &config);
	dev_set_policy(second, "none");
	dev_claim(second, 0, 0);
	EXPECT_EQ(-EDQUOT, __vm_attach(VM, second));
	EXPECT_EQ(STATE(READY), dev_state(second));
	vm_get(VM, &info);
	EXPECT_EQ(1, info.nr_devices);
	EXPECT_EQ(-EBUSY, __vm_del(VM));
	EXPECT_TEXT(rig.address);
	vm_get(OTHER, &info);
	EXPECT_EQ(0, info.nr_devices);
}

TEST_F(claim, functions_of_two_sets_in_one_request)
{
	const char *second = getenv("DP_EDU1");
	struct nl_msg *msg;

	vm_new(VM, NULL);
	dev_set_policy(self->edu, "none");
	dev_set_policy(second, "none");
	dev_claim(self->edu, 0, 0);
	dev_claim(second, 0, 0);
	msg = ctl_request(DIRECTPATH_CMD_VM_ATTACH);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, VM);
	nla_put_string(msg, DIRECTPATH_A_VM_DEVICE, self->edu);
	nla_put_string(msg, DIRECTPATH_A_VM_DEVICE, second);
	EXPECT_EQ(-EINVAL, __ctl_op(msg, DIRECTPATH_A_VM_OP_ID));
	EXPECT_TEXT(second);
	EXPECT_EQ(STATE(READY), dev_state(self->edu));
	EXPECT_EQ(STATE(READY), dev_state(second));
}

/* Two requests at once: the device is claimed once, and each caller is told the truth. */
TEST_F_TIMEOUT(claim, two_at_once, 60)
{
	uint32_t ops[2];
	int rets[2], i;

	dev_set_policy(self->edu, "none");
	for (i = 0; i < 2; i++) {
		struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_DEV_CLAIM);

		nla_put_string(msg, DIRECTPATH_A_DEV_ADDRESS, self->edu);
		ASSERT_EQ(0, __ctl_queue(msg, DIRECTPATH_A_DEV_OP_ID, &ops[i]));
	}
	for (i = 0; i < 2; i++)
		rets[i] = __ctl_wait(ops[i]);
	EXPECT_TRUE(!rets[0] || !rets[1]);
	EXPECT_TRUE(!rets[0] || rets[0] == -EBUSY);
	EXPECT_TRUE(!rets[1] || rets[1] == -EBUSY);
	EXPECT_EQ(STATE(READY), dev_state(self->edu));
}

/* --- by hand --- */

TEST_F_TIMEOUT(claim, bound_by_hand, 60)
{
	struct dev_info info;

	dev_set_policy(self->edu, "none");
	ASSERT_TRUE(pci_set_override(self->edu, "directpath"));
	ASSERT_EQ(0, pci_bind(self->edu, "directpath"));
	EXPECT_TRUE(dev_reaches(self->edu, STATE(READY), SETTLE_MS));
	dev_get(self->edu, &info);
	EXPECT_STREQ("", info.host_driver);
	vm_new(VM, NULL);
	vm_attach(VM, self->edu);
	ASSERT_EQ(0, pci_unbind(self->edu));
	EXPECT_TRUE(dev_reaches(self->edu, STATE(HOST), SETTLE_MS));
	ASSERT_TRUE(pci_set_override(self->edu, ""));
	EXPECT_EQ(0, __vm_del(VM));
}

/* --- events --- */

static bool next_of(struct nl_sock *sock, int cmd, const char *address, struct ctl_event *event, uint64_t *seq, unsigned int *bad)
{
	while (ctl_event_next(sock, event, SETTLE_MS)) {
		/* Numbers without a gap, in order. */
		*bad += *seq && event->seq != *seq + 1;
		*seq = event->seq;
		if (event->cmd == cmd && !strcmp(event->address, address))
			return true;
	}
	return false;
}

/* The states that a function goes through, from @from on, until the operation @op ends. */
static unsigned int follow(struct nl_sock *sock, const char *address, uint32_t from, const uint32_t *states, unsigned int nr, uint64_t *seq)
{
	struct ctl_event event;
	unsigned int bad = 0, i;

	for (i = 0; i < nr; i++) {
		if (!next_of(sock, DIRECTPATH_CMD_DEV_NTF, address, &event, seq, &bad))
			return bad + 100;
		if (event.state == states[i] && event.prev == (i ? states[i - 1] : from))
			continue;
		fprintf(stderr, "# step %u: %s to %s (%s)\n", i, dev_state_name(event.prev), dev_state_name(event.state), event.cause);
		bad++;
	}
	return bad;
}

TEST_F_TIMEOUT(claim, every_change_is_an_event, 60)
{
	static const uint32_t claimed[] = { STATE(CLAIMING), STATE(RESETTING), STATE(READY) };
	static const uint32_t attached[] = { STATE(RESERVED) };
	static const uint32_t ran[] = { STATE(RUNNING), STATE(DRAINING), STATE(RESETTING), STATE(RESERVED) };
	static const uint32_t detached[] = { STATE(READY) };
	static const uint32_t released[] = { STATE(HOST) };
	struct nl_sock *sock;
	struct ctl_event event;
	unsigned int bad = 0;
	struct rig rig = {};
	uint64_t seq = 0;

	dev_set_policy(self->edu, "none");
	vm_new(VM, NULL);
	sock = ctl_listen();
	rig.address = self->edu;
	strcpy(rig.vm, VM);

	dev_claim(self->edu, 0, 0);
	EXPECT_EQ(0, follow(sock, self->edu, STATE(HOST), claimed, 3, &seq));
	EXPECT_TRUE(next_of(sock, DIRECTPATH_CMD_OP_NTF, self->edu, &event, &seq, &bad));
	EXPECT_EQ(ctl_last.op, event.op);
	EXPECT_EQ(0, event.error);
	vm_attach(VM, self->edu);
	EXPECT_EQ(0, follow(sock, self->edu, STATE(READY), attached, 1, &seq));
	rig_open(&rig);
	rig_close(&rig);
	EXPECT_EQ(0, follow(sock, self->edu, STATE(RESERVED), ran, 4, &seq));
	vm_detach(VM, self->edu, false);
	EXPECT_EQ(0, follow(sock, self->edu, STATE(RESERVED), detached, 1, &seq));
	dev_release(self->edu, 0, 0);
	EXPECT_EQ(0, follow(sock, self->edu, STATE(READY), released, 1, &seq));
	EXPECT_EQ(0, bad);
	ctl_unlisten(sock);
}

TEST_F(claim, refusal_is_an_event)
{
	struct nl_sock *sock = ctl_listen();
	struct ctl_event event;
	unsigned int bad = 0;
	uint64_t seq = 0;

	EXPECT_GT(0, __dev_claim(self->edu, 0, 0));
	EXPECT_TRUE(next_of(sock, DIRECTPATH_CMD_OP_NTF, self->edu, &event, &seq, &bad));
	EXPECT_EQ(ctl_last.op, event.op);
	EXPECT_EQ(ctl_last.error, event.error);
	EXPECT_STREQ(ctl_last.text, event.message);
	EXPECT_EQ(0, bad);
	/* Nothing else has happened. */
	EXPECT_FALSE(ctl_event_next(sock, &event, 200));
	ctl_unlisten(sock);
}

TEST_F(claim, events_of_a_vm)
{
	struct nl_sock *sock = ctl_listen();
	struct vm_config config = { .limits = true, .max_devices = 3 };
	struct ctl_event event;
	int fd;

	vm_new(VM, NULL);
	ASSERT_TRUE(ctl_event_next(sock, &event, SETTLE_MS));
	EXPECT_EQ(DIRECTPATH_CMD_VM_NTF, event.cmd);
	EXPECT_STREQ(VM, event.vm);
	vm_set(VM, &config);
	ASSERT_TRUE(ctl_event_next(sock, &event, SETTLE_MS));
	EXPECT_EQ(DIRECTPATH_CMD_VM_NTF, event.cmd);
	fd = vm_open(VM);
	ASSERT_TRUE(ctl_event_next(sock, &event, SETTLE_MS));
	EXPECT_EQ(DIRECTPATH_VM_STATE_RUNNING, event.state);
	close(fd);
	ASSERT_TRUE(ctl_event_next(sock, &event, SETTLE_MS));
	EXPECT_EQ(DIRECTPATH_VM_STATE_OFF, event.state);
	EXPECT_FALSE(event.deleted);
	vm_del(VM);
	ASSERT_TRUE(ctl_event_next(sock, &event, SETTLE_MS));
	EXPECT_TRUE(event.deleted);
	ctl_unlisten(sock);
}

HOST_MAIN(HOST_DP)
