// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on request in what an admin asks for: every command of the netlink family, and functions that are bound by hand.
 */
#include "failing.h"

FIXTURE_VARIANT_ADD(failing, edu) FAILING_EDU;
FIXTURE_VARIANT_ADD(failing, e1000e) FAILING_E1000E;

/* --- what only looks, and settings --- */

static void swallow(struct nlattr **attrs, void *arg)
{
}

static int act_queries(FIXTURE_DATA(failing) *self)
{
	static const int dumps[] = { DIRECTPATH_CMD_DEV_GET, DIRECTPATH_CMD_VM_GET, DIRECTPATH_CMD_STATS_GET };
	struct vm_info vm;
	struct nl_msg *msg;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(dumps) && !ret; i++)
		ret = __ctl_dump(ctl_request(dumps[i]), swallow, NULL);
	if (!ret)
		ret = __ctl_do(ctl_request(DIRECTPATH_CMD_HOST_GET), swallow, NULL);
	if (!ret)
		ret = __vm_get(VM, &vm);
	for (i = 0; i < 2 && !ret; i++) {
		msg = ctl_request(i ? DIRECTPATH_CMD_STATS_GET : DIRECTPATH_CMD_DEV_GET);
		nla_put_string(msg, i ? DIRECTPATH_A_STATS_ADDRESS : DIRECTPATH_A_DEV_ADDRESS, self->address);
		ret = __ctl_do(msg, swallow, NULL);
	}
	return ret;
}

static int act_stats(FIXTURE_DATA(failing) *self)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_STATS_GET);

	nla_put_string(msg, DIRECTPATH_A_STATS_ADDRESS, self->address);
	return __ctl_do(msg, swallow, NULL);
}

static const struct action queries_action = { RUNNING, NULL, act_queries, nothing_done };
SWEEP(queries, 600)

/* Counters of each vector. */
static void prepare_vectors(FIXTURE_DATA(failing) *self)
{
	irq_trigger(self->fd, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, self->efds);
}

static void vectors_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct dev_vector vector;

	EXPECT_TRUE(dev_vector(self->address, 0, &vector));
	irq_disable(self->fd, VFIO_PCI_MSI_IRQ_INDEX);
}

static const struct action vectors_action = { RUNNING, prepare_vectors, act_stats, vectors_done };
SWEEP(vectors, 600)

static int act_settings(FIXTURE_DATA(failing) *self)
{
	int ret;

	ret = __dev_set(self->address, "injected", "label", NULL);
	if (!ret)
		ret = __dev_set(self->address, "", "", "");
	if (!ret)
		ret = __dev_set_storm(self->address, 1000, 10);
	if (!ret)
		ret = __dev_forget_storm(self->address);
	if (!ret)
		ret = __dev_set_error_policy(self->address, DIRECTPATH_ERROR_POLICY_REVOKE);
	if (!ret)
		ret = __dev_set_error_policy(self->address, DIRECTPATH_ERROR_POLICY_DEFAULT);
	if (!ret)
		ret = __dev_set_fault_limit(self->address, 5);
	if (!ret)
		ret = __dev_set_fault_limit(self->address, DIRECTPATH_FAULT_LIMIT_DEFAULT);
	if (!ret)
		ret = __dev_set_hook(self->address, "a-hook");
	if (!ret)
		ret = __dev_set_hook(self->address, "");
	if (!ret)
		ret = __host_set(DIRECTPATH_A_HOST_VECTOR_BUDGET, 4096);
	return ret;
}

static void settings_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct dev_info dev;

	EXPECT_EQ(0, act_settings(self));
	dev_get(self->address, &dev);
	EXPECT_STREQ("", dev.label);
	EXPECT_STREQ("", dev.clean_hook);
	EXPECT_FALSE(dev.storm_set);
	EXPECT_EQ(DIRECTPATH_ERROR_POLICY_DEFAULT, dev.error_policy);
	EXPECT_FALSE(dev.has_fault_limit);
}

static const struct action settings_action = { HOST, NULL, act_settings, settings_done };
SWEEP(settings, 600)

/* --- claims and VMs --- */

static const struct action claim_action = { HOST, unbind_members, act_claim, claim_done };
SWEEP_DRIVERLESS(claim, 1800)

/* What the host has put into driver_override is there again when the function is back. */
static void prepare_override(FIXTURE_DATA(failing) *self)
{
	unbind_members(self);
	pci_set_override(self->address, "t-driver");
}

static void override_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	char name[32];

	claim_done(_metadata, self, ret);
	pci_override(self->address, name, sizeof(name));
	EXPECT_STREQ("t-driver", name);
	pci_set_override(self->address, "");
}

static const struct action override_action = { HOST, prepare_override, act_claim, override_done };
SWEEP_DRIVERLESS(override, 1800)

static void prepare_restoration(FIXTURE_DATA(failing) *self)
{
	prepare_override(self);
	claim(self);
}

/* Without memory it is cleared, so that the host's drivers can have the function. */
static void restoration_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	bool fired = inject_fired();
	char name[32];

	EXPECT_EQ(!ret, !is_claimed(_metadata, self));
	if (ret)
		EXPECT_EQ(0, act_release(self)) TH_LOG("%s", ctl_last.text);
	pci_override(self->address, name, sizeof(name));
	EXPECT_TRUE(!strcmp(name, "t-driver") || (fired && !ret && !name[0])) TH_LOG("it is '%s'", name);
	pci_set_override(self->address, "");
}

static const struct action restoration_action = { HOST, prepare_restoration, act_release, restoration_done };
SWEEP_DRIVERLESS(restoration, 1800)

/* A refusal has memory of its own, for its reasons. */
static int act_refused(FIXTURE_DATA(failing) *self)
{
	int ret = __dev_claim(pci_env("DP_UPLINK"), 0, 0);

	if (!ret)
		return -EINVAL;
	return ctl_last.nr_reasons ? 0 : ret;
}

static void refused_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	EXPECT_EQ(STATE(HOST), dev_state(pci_env("DP_UPLINK")));
}

static const struct action refused_action = { HOST, NULL, act_refused, refused_done };
SWEEP(refused, 600)

/* Bound by hand: probe() leaves the rest to a work. */
static int act_adopt(FIXTURE_DATA(failing) *self)
{
	int ret = pci_set_override(self->address, "directpath") ? 0 : -ENOMEM;

	return ret ? ret : pci_bind(self->address, "directpath");
}

static bool is_taken(FIXTURE_DATA(failing) *self)
{
	return dev_state(self->address) == STATE(READY) || dev_state(self->address) == STATE(QUARANTINED);
}

/* A work that found no memory says so in the detail, and unbinding undoes it. */
static void adopt_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct dev_info dev;

	if (pci_driver_is(self->address, "directpath")) {
		if (!inject_fired())
			EXPECT_TRUE(wait_until(is_taken(self), SETTLE_MS));
		dev_get(self->address, &dev);
		if (dev.state == STATE(CLAIMING)) {
			EXPECT_NE(0, dev.detail[0]);
		} else {
			EXPECT_FALSE(dma_is_open(self->address));
		}
		EXPECT_EQ(0, pci_unbind(self->address));
	} else {
		EXPECT_NE(0, ret);
	}
	EXPECT_TRUE(wait_until(dev_state(self->address) == STATE(HOST), SETTLE_MS)) TH_LOG("it is %s", dev_state_name(dev_state(self->address)));
	EXPECT_TRUE(pci_set_override(self->address, ""));
}

static const struct action adopt_action = { HOST, unbind_members, act_adopt, adopt_done };
SWEEP_DRIVERLESS(adopt, 1800)

static const struct action release_action = { CLAIMED, NULL, act_release, release_done };
SWEEP_DRIVERLESS(release, 1800)

static const struct action reset_action = { CLAIMED, NULL, act_reset, reset_done };
SWEEP(reset, 1800)

static int act_recover(FIXTURE_DATA(failing) *self)
{
	return __dev_recover(self->address);
}

/* A way to be reset that it has not. */
static void prepare_recover(FIXTURE_DATA(failing) *self)
{
	dev_set_policy(self->address, "bus");
	dp_assert(__dev_reset(self->address) && dev_state(self->address) == STATE(QUARANTINED), "it has been reset by a bus");
	dev_set_policy(self->address, self->policy[0] ? self->policy : "default");
}

static const struct action recover_action = { CLAIMED, prepare_recover, act_recover, reset_done };
SWEEP(recover, 1800)

static const struct action vm_action = { CLAIMED, NULL, act_vm, vm_done };
SWEEP(vm, 1800)

/* --- force --- */

/* From a VM that uses it. */
static void prepare_forced(FIXTURE_DATA(failing) *self)
{
	vm_new(OTHER, NULL);
	vm_attach(OTHER, self->address);
	self->vm_fd = vm_open(OTHER);
	prepare_revoke(self);
}

static int act_forced(FIXTURE_DATA(failing) *self)
{
	return __dev_release(self->address, DEV_DRIVERLESS | DEV_WHOLE_SET, DEV_FORCE(ATTACHED));
}

/* It is the host's, or it is still claimed, and then the VM has it or has lost it for good. */
static void forced_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	bool claimed = is_claimed(_metadata, self);
	struct vm_info vm;

	EXPECT_EQ(!ret, !claimed);
	if (!claimed)
		EXPECT_TRUE(device_is_dead(self->fd));
	close_device(self);
	close(self->vm_fd);
	EXPECT_TRUE(wait_until(at_rest(self), SETTLE_MS));
	vm_get(OTHER, &vm);
	if (vm.nr_devices)
		vm_detach(OTHER, self->address, false);
	vm_del(OTHER);
	if (!claimed)
		dev_claim(self->address, claim_flags(self), 0);
	else if (dev_state(self->address) == STATE(QUARANTINED))
		EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
}

static const struct action forced_action = { CLAIMED, prepare_forced, act_forced, forced_done };
SWEEP_DRIVERLESS(forced, 1800)

/* --- another card in its place --- */

#define MASK_MODULE "dpath_test_broken"
#define MASK "/dp/build/$(uname -r)/selftests/modules/" MASK_MODULE ".ko"

/* What it shows is not what was claimed, or accepted last. */
static void prepare_accept(FIXTURE_DATA(failing) *self)
{
	static bool other;

	other = !other;
	dp_assert(host_does("echo %d >/sys/module/" MASK_MODULE "/parameters/mode", other ? 3 : 0), "no " MASK_MODULE);
	dp_assert(__dev_reset(self->address) && dev_state(self->address) == STATE(QUARANTINED), "it is taken for the same: %s",
		  dev_state_name(dev_state(self->address)));
}

static int act_accept(FIXTURE_DATA(failing) *self)
{
	return __dev_accept(self->address);
}

/* It is accepted and reset; or accepted, and its reset has failed; or neither. */
static void accept_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct dev_info dev;

	EXPECT_EQ(!ret, dev_state(self->address) == STATE(READY));
	if (ret && __dev_accept(self->address))
		EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
	dev_get(self->address, &dev);
	EXPECT_TRUE(dev.accepted.known && strstr(dev.accepted.change, "subsystem was")) TH_LOG("'%s'", dev.accepted.change);
}

static const struct action accept_action = { CLAIMED, prepare_accept, act_accept, accept_done };

TEST_F_TIMEOUT(failing, accept, 1800)
{
	ASSERT_TRUE(host_does("rmmod " MASK_MODULE " 2>/dev/null; insmod " MASK " address=%s", self->address));
	sweep(_metadata, self, &accept_action);
	ASSERT_TRUE(host_does("echo 0 >/sys/module/" MASK_MODULE "/parameters/mode; rmmod " MASK_MODULE));
	if (__dev_reset(self->address))
		EXPECT_EQ(0, __dev_accept(self->address)) TH_LOG("%s", ctl_last.text);
}

/* --- cleaning --- */

/* A tenant has had it; or the one of an earlier test. */
static void prepare_clean(FIXTURE_DATA(failing) *self)
{
	int vm_fd;

	dp_assert(!__dev_set_hook(self->address, "a-hook"), "%s", ctl_last.text);
	if (dev_state(self->address) == STATE(DIRTY))
		return;
	vm_new(OTHER, NULL);
	vm_attach(OTHER, self->address);
	vm_fd = vm_open(OTHER);
	close(vm_device(vm_fd, self->address));
	close(vm_fd);
	dp_assert(dev_reaches(self->address, STATE(RESERVED), SETTLE_MS), "it is %s", dev_state_name(dev_state(self->address)));
	vm_detach(OTHER, self->address, false);
	vm_del(OTHER);
	dp_assert(dev_state(self->address) == STATE(DIRTY), "it is %s", dev_state_name(dev_state(self->address)));
}

static int act_clean(FIXTURE_DATA(failing) *self)
{
	int ret = __dev_clean(self->address, DIRECTPATH_CLEAN_STEP_BEGIN, NULL);

	return ret ? ret : __dev_clean(self->address, DIRECTPATH_CLEAN_STEP_DONE, NULL);
}

/* Nothing that failed makes it clean; whoever goes on where it stopped gets there. */
static void clean_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	uint32_t state = dev_state(self->address);

	EXPECT_EQ(!ret, state == STATE(READY)) TH_LOG("it is %s", dev_state_name(state));
	if (state != STATE(READY)) {
		__dev_clean(self->address, DIRECTPATH_CLEAN_STEP_FAIL, "no memory");
		EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
		EXPECT_TRUE(wait_until(at_rest(self), SETTLE_MS));
		if (dev_state(self->address) == STATE(DIRTY))
			EXPECT_EQ(0, act_clean(self)) TH_LOG("%s", ctl_last.text);
	}
	EXPECT_EQ(0, __dev_set_hook(self->address, "")) TH_LOG("%s", ctl_last.text);
}

static const struct action clean_action = { CLAIMED, prepare_clean, act_clean, clean_done };
SWEEP_DRIVERLESS(clean, 1800)

FAILING_MAIN(HOST_DP)
