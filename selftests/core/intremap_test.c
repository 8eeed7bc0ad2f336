// SPDX-License-Identifier: GPL-2.0
/*
 * A host that does not remap interrupts, so that a guest can forge them by DMA: nothing is claimed there, nor run after it was bound by hand, unless
 * the admin's setting permits it.
 */
#include "kselftest_harness.h"

#include <string.h>

#include <linux/directpath_nl.h>

#include "libdpath.h"

#define VM "t-intremap"
#define STATE(name) DIRECTPATH_STATE_##name

FIXTURE(intremap) {
	const char *edu;
};

FIXTURE_SETUP(intremap)
{
	struct host_info host;

	ASSERT_EQ(0, host_restore());
	host_get(&host);
	if (host.intremap)
		SKIP(return, "interrupts are remapped on this machine");
	self->edu = pci_env("DP_EDU0");
	dev_set_policy(self->edu, "none");
}

FIXTURE_TEARDOWN_PARENT(intremap)
{
	EXPECT_EQ(0, host_restore());
}

static uint32_t verdict(const char *address)
{
	struct dev_info info;

	dev_get(address, &info);
	return info.verdict;
}

TEST_F(intremap, claim_by_consent_only)
{
	EXPECT_EQ(DIRECTPATH_VERDICT_RISKY, verdict(self->edu));
	EXPECT_EQ(-EPERM, __dev_claim(self->edu, 0, DEV_FORCE(NO_INTREMAP)));
	EXPECT_IN("no-intremap", ctl_last.text);
	EXPECT_EQ(STATE(HOST), dev_state(self->edu));
	host_set(DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS, 1);
	dev_claim(self->edu, 0, 0);
	EXPECT_EQ(STATE(READY), dev_state(self->edu));
}

TEST_F_TIMEOUT(intremap, bound_by_hand, 120)
{
	struct dev_info info = {};

	ASSERT_TRUE(pci_set_override(self->edu, "directpath"));
	ASSERT_EQ(0, pci_bind(self->edu, "directpath"));
	EXPECT_TRUE(wait_until((dev_get(self->edu, &info), info.detail[0]), SETTLE_MS));
	EXPECT_EQ(STATE(CLAIMING), info.state);
	EXPECT_IN("no-intremap", info.detail);
	vm_new(VM, NULL);
	EXPECT_GT(0, __vm_attach(VM, self->edu));
	EXPECT_EQ(0, pci_unbind(self->edu));
	EXPECT_TRUE(dev_reaches(self->edu, STATE(HOST), SETTLE_MS));

	host_set(DIRECTPATH_A_HOST_UNSAFE_INTERRUPTS, 1);
	ASSERT_EQ(0, pci_bind(self->edu, "directpath"));
	EXPECT_TRUE(dev_reaches(self->edu, STATE(READY), SETTLE_MS));
	vm_attach(VM, self->edu);
	EXPECT_EQ(STATE(RESERVED), dev_state(self->edu));
	EXPECT_EQ(0, pci_unbind(self->edu));
	EXPECT_TRUE(dev_reaches(self->edu, STATE(HOST), SETTLE_MS));
	EXPECT_TRUE(pci_set_override(self->edu, ""));
}

HOST_MAIN(HOST_DP)
