// SPDX-License-Identifier: GPL-2.0
/*
 * Resets of one function: which methods are tried in which order, against a model of every policy on every set of methods; what is left of a tenant;
 * locks, D3cold, marks and memory after each step has failed; a function that does not answer, before, in or after the reset.
 */

#include <kunit/test.h>
#include <linux/prandom.h>

#include "resetfake.h"

static const struct dpath_reset_policy by_default;

static const u8 flr_pm[] = { 3, 5, 0 };

static struct dpath_reset_policy policy_of(const char *text)
{
	struct dpath_reset_policy policy = {};
	const char *why;

	if (dpath_reset_parse_policy(text, &policy, &why))
		policy.nr = DPATH_RESET_POLICY_MAX + 1; /* no test gets far with it */
	return policy;
}

/* A function alone behind the port, claimed and then left by a tenant. */
static struct dpath_resetfake_fn *claimed(struct kunit *test, struct dpath_resetfake *fake, const u8 *methods, struct dpath_reset *reset)
{
	struct dpath_resetfake_fn *fn = dpath_resetfake_add(fake, &fake->fns[0], methods);

	KUNIT_ASSERT_EQ(test, dpath_reset_init(reset, &fn->pdev), 0);
	dpath_resetfake_tenant(fn);
	dpath_resetfake_mark(fake);
	return fn;
}

static void released(struct kunit *test, struct dpath_resetfake *fake, struct dpath_reset *reset)
{
	dpath_reset_destroy(reset);
	KUNIT_EXPECT_EQ(test, reset->flags, 0UL);
	dpath_resetfake_check(test, fake);
}

static u16 command_of(const struct dpath_resetfake_fn *fn)
{
	return fn->hw[PCI_COMMAND] | fn->hw[PCI_COMMAND + 1] << 8;
}

static void expect_log(struct kunit *test, struct dpath_resetfake *fake, const char *log)
{
	KUNIT_EXPECT_STREQ(test, fake->log, log);
	dpath_resetfake_mark(fake);
}

/* Awake and pristine, off, reset, pristine again; nothing of the tenant is left, and bus master is off. */
static void between_tenants(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	u8 pristine[PCI_CFG_SPACE_SIZE];
	const char *why = NULL;
	struct dpath_reset reset;
	struct dpath_resetfake_fn *fn;

	fn = dpath_resetfake_add(fake, &fake->fns[0], flr_pm);
	fn->hw[PCI_COMMAND] |= PCI_COMMAND_MASTER;
	KUNIT_ASSERT_EQ(test, dpath_reset_init(&reset, &fn->pdev), 0);
	expect_log(test, fake, "d0:1 nomaster:1 save:1 ");
	memcpy(pristine, fn->hw, sizeof(pristine));
	KUNIT_EXPECT_EQ(test, command_of(fn) & (PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE), PCI_COMMAND_INTX_DISABLE);
	dpath_resetfake_tenant(fn);
	KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &why), 0);
	expect_log(test, fake, "lock:1 d0:1 load:1 restore:1 nomaster:1 off:1 reset:1:3 load:1 restore:1 nomaster:1 unlock:1 ");
	KUNIT_EXPECT_EQ(test, memcmp(fn->hw, pristine, sizeof(pristine)), 0);
	KUNIT_EXPECT_EQ(test, reset.last_method, DPATH_RESET_FLR);
	KUNIT_EXPECT_EQ(test, atomic64_read(&reset.count), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&reset.failures), 0);
	released(test, fake, &reset);
}

/* A bus reset: the port's lock before the function's, given back in the other order. */
static void by_the_bus(struct kunit *test)
{
	static const u8 methods[] = { 6, 0 };
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	const char *why = NULL;
	struct dpath_reset reset;

	claimed(test, fake, methods, &reset);
	KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &why), 0);
	expect_log(test, fake, "lock:0 lock:1 d0:1 load:1 restore:1 nomaster:1 off:1 reset:1:6 load:1 restore:1 nomaster:1 unlock:1 unlock:0 ");
	KUNIT_EXPECT_EQ(test, reset.last_method, DPATH_RESET_BUS);
	released(test, fake, &reset);
}

/* --- policies --- */

static const u8 index_of[DPATH_RESET_NR] = {
	[DPATH_RESET_DEVICE_SPECIFIC] = 1, [DPATH_RESET_ACPI] = 2, [DPATH_RESET_FLR] = 3, [DPATH_RESET_AF] = 4, [DPATH_RESET_PM] = 5,
	[DPATH_RESET_BUS] = 6, [DPATH_RESET_SLOT] = 6,
};

/* What a policy has to do with the methods in @offered (bits of kernel indices), which say @results: the indices it tries and what comes of it. */
static int model_reset(const struct dpath_reset_policy *policy, unsigned int offered, const int *results, char *tried)
{
	int ret = -ENOTTY, last;
	unsigned int i, index, nr = 0;

	*tried = '\0';
	if (policy->consent_none && !policy->nr)
		return 0;
	for (i = 0; i < (policy->nr ?: 6); i++) {
		index = policy->nr ? index_of[policy->order[i]] : i + 1;
		if (!(offered & BIT(index)))
			continue;
		tried[nr++] = '0' + index;
		tried[nr] = '\0';
		last = results[index];
		if (!last)
			return 0;
		if (last != -ENOTTY)
			ret = last;
		/* The kernel's own order ends where a method fails; an admin's goes on. */
		if (last != -ENOTTY && !policy->nr)
			return last;
	}
	if (!nr && policy->consent_none)
		return 0;
	return nr && ret == -ENOTTY ? -EIO : ret;
}

/* The methods that the log has, a digit each. */
static void tried_methods(const char *log, char *tried)
{
	const char *at = log;

	while ((at = strstr(at, "reset:1:"))) {
		at += strlen("reset:1:");
		*tried++ = *at;
	}
	*tried = '\0';
}

static void one_policy(struct kunit *test, const struct dpath_reset_policy *policy, unsigned int offered, struct rnd_state *rnd)
{
	static const int answers[] = { 0, -ENOTTY, -ENOTTY, -EIO, -ETIMEDOUT };
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	u8 methods[PCI_NUM_RESET_METHODS + 1] = {};
	char expected[16], tried[64], text[64];
	struct dpath_reset reset;
	struct dpath_resetfake_fn *fn;
	const char *why = NULL;
	unsigned int i, nr = 0;
	int ret, expected_ret;

	for (i = 1; i <= 6; i++) {
		if (offered & BIT(i))
			methods[nr++] = i;
	}
	fn = claimed(test, fake, methods, &reset);
	for (i = 1; i <= 6; i++)
		fn->results[i] = answers[prandom_u32_state(rnd) % ARRAY_SIZE(answers)];
	expected_ret = model_reset(policy, offered, fn->results, expected);
	ret = dpath_reset_function(&reset, policy, &why);
	tried_methods(fake->log, tried);
	dpath_reset_format_policy(policy, text, sizeof(text));
	KUNIT_EXPECT_STREQ_MSG(test, tried, expected, "policy %s, methods %#x", text, offered);
	KUNIT_EXPECT_EQ_MSG(test, ret, expected_ret, "policy %s, methods %#x", text, offered);
	KUNIT_EXPECT_TRUE(test, why || !ret);
	KUNIT_EXPECT_EQ(test, atomic64_read(&reset.failures), !!ret);
	KUNIT_EXPECT_EQ(test, index_of[reset.last_method], *tried ? tried[strlen(tried) - 1] - '0' : 0);
	/* Also after a failure it is pristine and off the bus, and the array of the kernel is whole. */
	KUNIT_EXPECT_EQ(test, fn->hw[DPATH_RESETFAKE_TENANT] == DPATH_RESETFAKE_MARK || command_of(fn) & PCI_COMMAND_MASTER, 0);
	KUNIT_EXPECT_EQ(test, fn->hw[PCI_LATENCY_TIMER], fn->on[PCI_LATENCY_TIMER]);
	KUNIT_EXPECT_EQ(test, memcmp(fn->pdev.reset_methods, methods, PCI_NUM_RESET_METHODS), 0);
	released(test, fake, &reset);
	kunit_kfree(test, fake);
}

/* Every set of methods with every policy of up to two methods, and with some of more; each method says something at random. */
static void every_policy(struct kunit *test)
{
	static const char * const longer[] = {
		"default", "none", "device-specific,acpi,flr,af,pm,bus,slot", "slot,bus,pm,af,flr,acpi,device-specific", "af,slot,flr", "bus,slot,pm",
	};
	struct dpath_reset_policy policy;
	unsigned int offered, i, j;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 1);
	for (offered = 0; offered < BIT(7) && test->status != KUNIT_FAILURE; offered += 2) {
		for (i = 0; i < ARRAY_SIZE(longer); i++) {
			policy = policy_of(longer[i]);
			one_policy(test, &policy, offered, &rnd);
		}
		for (i = 1; i < DPATH_RESET_NR; i++) {
			for (j = 1; j < DPATH_RESET_NR; j++) {
				policy = (struct dpath_reset_policy){ .nr = i == j ? 1 : 2, .order = { i, j } };
				one_policy(test, &policy, offered, &rnd);
				/* No text says so; the consent counts where the function has none of them. */
				policy.consent_none = true;
				one_policy(test, &policy, offered, &rnd);
			}
		}
	}
	kunit_info(test, "seed 1");
}

/* What the function has and what a policy does with it, in the words that an admin reads. */
static void refusals(struct kunit *test)
{
	static const struct {
		const char *policy;
		u8 methods[3];
		int result;
		int ret;
		const char *why;
	} cases[] = {
		{ "default", {}, 0, -ENOTTY, "has no reset method" },
		{ "flr", { 5 }, 0, -ENOTTY, "has none of the reset methods of its policy" },
		{ "default", { 3 }, -ENOTTY, -EIO, "reset failed" },
		{ "default", { 3 }, -ETIMEDOUT, -ETIMEDOUT, "reset failed" },
		{ "flr", { 3 }, -ENOTTY, -EIO, "reset failed" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dpath_reset_policy policy = policy_of(cases[i].policy);
		struct dpath_resetfake *fake = dpath_resetfake_new(test);
		struct dpath_reset reset;
		struct dpath_resetfake_fn *fn;
		const char *why = "";

		fn = claimed(test, fake, cases[i].methods, &reset);
		fn->results[3] = cases[i].result;
		KUNIT_EXPECT_EQ_MSG(test, dpath_reset_function(&reset, &policy, &why), cases[i].ret, "case %u", i);
		KUNIT_EXPECT_STREQ(test, why, cases[i].why);
		released(test, fake, &reset);
		kunit_kfree(test, fake);
	}
}

/* The bus is a method of a function that is alone on it; what the kernel once found does not count. */
static void bus_only_alone(struct kunit *test)
{
	static const u8 methods[] = { 3, 6, 0 }, strange[] = { 200, 5, 6, 7 };
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	struct dpath_resetfake_fn *fn = dpath_resetfake_add(fake, &fake->fns[0], methods), *other;
	char text[64];

	dpath_reset_format_methods(&fn->pdev, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "flr,bus");
	fn->pdev.is_virtfn = 1;
	dpath_reset_format_methods(&fn->pdev, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "flr");
	fn->pdev.is_virtfn = 0;
	other = dpath_resetfake_add(fake, &fake->fns[0], methods);
	dpath_reset_format_methods(&fn->pdev, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "flr");
	other->pdev.bus = &fake->root;
	dpath_reset_format_methods(&fn->pdev, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "flr,bus");
	dpath_reset_format_methods(&other->pdev, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "flr");
	/* Indices of a kernel that has been changed mean nothing; each method is named once. */
	memcpy(fn->pdev.reset_methods, strange, sizeof(strange));
	dpath_reset_format_methods(&fn->pdev, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "pm,bus");
	KUNIT_EXPECT_EQ(test, dpath_reset_methods(&fn->pdev, NULL, 0), 2);
	dpath_resetfake_check(test, fake);
}

/* --- somebody else at work --- */

static char methods_seen[64];

static void look_at_methods(struct dpath_resetfake *fake, struct dpath_resetfake_fn *fn)
{
	/* A reader has no device_lock; that the fake's is ours is no matter. */
	fn->locked = false;
	dpath_reset_format_methods(&fn->pdev, methods_seen, sizeof(methods_seen));
	fn->locked = true;
}

/* While one method runs, readers see all of them. */
static void readers_see_all(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	struct dpath_reset_policy pm = policy_of("pm");
	struct dpath_reset reset;
	const char *why;

	claimed(test, fake, flr_pm, &reset);
	fake->during = look_at_methods;
	methods_seen[0] = '\0';
	KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &pm, &why), 0);
	KUNIT_EXPECT_STREQ(test, methods_seen, "flr,pm");
	KUNIT_EXPECT_EQ(test, reset.last_method, DPATH_RESET_PM);
	released(test, fake, &reset);
}

static const u8 pm_flr[] = { 5, 3, 0 };

static void write_sysfs(struct dpath_resetfake *fake, struct dpath_resetfake_fn *fn)
{
	memcpy(fn->pdev.reset_methods, pm_flr, sizeof(pm_flr));
}

/* A write to sysfs meanwhile wins. */
static void sysfs_wins(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	struct dpath_reset reset;
	struct dpath_resetfake_fn *fn;
	const char *why;

	fn = claimed(test, fake, flr_pm, &reset);
	fake->during = write_sysfs;
	KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &why), 0);
	KUNIT_EXPECT_EQ(test, memcmp(fn->pdev.reset_methods, pm_flr, sizeof(pm_flr)), 0);
	released(test, fake, &reset);
}

/* Locks that are taken and resets that run: try again; nothing was touched and nothing is counted. */
static void try_again(struct kunit *test)
{
	static const u8 bus[] = { 6, 0 }, acpi[] = { 2, 0 }, flr[] = { 3, 0 };
	static const struct {
		const u8 *methods;
		bool port;
		bool function;
		bool marked;
		const char *log;
	} cases[] = {
		{ flr, false, true, false, "" },
		{ bus, true, false, false, "" },
		{ acpi, true, false, false, "" },
		{ bus, false, true, false, "lock:0 unlock:0 " },
		{ bus, false, false, true, "lock:0 lock:1 unlock:1 unlock:0 " },
		{ flr, false, false, true, "lock:1 unlock:1 " },
	};
	const bool dead = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dpath_resetfake *fake = dpath_resetfake_new(test);
		struct dpath_reset reset;
		struct dpath_resetfake_fn *fn;
		const char *why = NULL;

		fn = claimed(test, fake, cases[i].methods, &reset);
		fake->fns[0].foreign = cases[i].port;
		fn->foreign = cases[i].function;
		reset.flags = cases[i].marked;
		KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &why), -EAGAIN);
		KUNIT_EXPECT_NOT_NULL(test, why);
		expect_log(test, fake, cases[i].log);
		KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &dead), -EAGAIN);
		expect_log(test, fake, cases[i].log);
		KUNIT_EXPECT_EQ(test, reset.flags, (unsigned long)cases[i].marked);
		KUNIT_EXPECT_EQ(test, atomic64_read(&reset.count), 0);
		reset.flags = 0;
		released(test, fake, &reset);
		kunit_kfree(test, fake);
	}
}

/* A port that is locked is no matter for a method that does not use it; VFs would be lost; after destroy it is not ours. */
static void may_not(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	const bool dead = false;
	struct dpath_reset reset;
	struct dpath_resetfake_fn *fn;
	const char *why;

	fn = claimed(test, fake, flr_pm, &reset);
	fake->fns[0].foreign = true;
	fn->vfs = 1;
	KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &why), -EBUSY);
	expect_log(test, fake, "lock:1 unlock:1 ");
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &dead), -EBUSY);
	expect_log(test, fake, "lock:1 unlock:1 ");
	KUNIT_EXPECT_EQ(test, atomic64_read(&reset.failures), 2);
	fn->vfs = 0;
	KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &why), 0);
	dpath_reset_destroy(&reset);
	dpath_resetfake_mark(fake);
	KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &why), -ENODEV);
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &dead), -ENODEV);
	expect_log(test, fake, "lock:1 unlock:1 lock:1 unlock:1 ");
	released(test, fake, &reset);
}

/* --- every step fails --- */

/* Step @n of a claim and a reset fails: no lock, mark or memory is left, and D3cold is as it was. True if there was such a step. */
static bool fail_step(struct kunit *test, const u8 *methods, unsigned int n)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	struct dpath_resetfake_fn *fn = dpath_resetfake_add(fake, &fake->fns[0], methods);
	struct dpath_reset reset;
	const char *why = NULL;
	bool reached;
	int ret;

	dpath_resetfake_mark(fake);
	fake->fail_at = n;
	ret = dpath_reset_init(&reset, &fn->pdev);
	if (ret) {
		KUNIT_EXPECT_TRUE(test, fn->pdev.d3cold_allowed && !fn->pdev.no_d3cold);
	} else {
		dpath_resetfake_tenant(fn);
		ret = dpath_reset_function(&reset, &by_default, &why);
		KUNIT_EXPECT_EQ(test, !!why, !!ret);
		/* It was pristine before the reset, so that a failure behind it leaves nothing of the tenant. */
		if (strstr(fake->log, "reset:"))
			KUNIT_EXPECT_NE(test, fn->hw[DPATH_RESETFAKE_TENANT], DPATH_RESETFAKE_MARK);
	}
	reached = fake->calls >= n;
	KUNIT_EXPECT_EQ_MSG(test, !!ret, reached, "step %u, %s", n, fake->failed ?: "nothing");
	dpath_reset_destroy(&reset);
	KUNIT_EXPECT_EQ(test, reset.flags, 0UL);
	KUNIT_EXPECT_TRUE(test, fn->pdev.d3cold_allowed);
	KUNIT_EXPECT_FALSE(test, fn->pdev.no_d3cold);
	KUNIT_EXPECT_EQ(test, memcmp(fn->pdev.reset_methods, methods, 2), 0);
	dpath_resetfake_check(test, fake);
	kunit_kfree(test, fake);
	return reached;
}

static void every_step_fails(struct kunit *test)
{
	static const u8 bus[] = { 6, 0, 0 };
	unsigned int n;

	for (n = 1; fail_step(test, flr_pm, n); n++)
		KUNIT_ASSERT_LT(test, n, 50U);
	KUNIT_EXPECT_EQ(test, n, 8U); /* power, save, store; lock, power, load, load */
	for (n = 1; fail_step(test, bus, n); n++)
		KUNIT_ASSERT_LT(test, n, 50U);
	KUNIT_EXPECT_EQ(test, n, 9U); /* and the port's lock */
}

/* Every state of D3cold before, and what somebody writes to sysfs meanwhile: as it was, unless that says otherwise. */
static void d3cold(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		struct dpath_resetfake *fake = dpath_resetfake_new(test);
		struct dpath_resetfake_fn *fn = dpath_resetfake_add(fake, &fake->fns[0], flr_pm);
		bool allowed = i & 1, forbidden = i & 2, written = i & 4;
		struct dpath_reset reset;

		fn->pdev.d3cold_allowed = allowed;
		fn->pdev.no_d3cold = forbidden;
		KUNIT_ASSERT_EQ(test, dpath_reset_init(&reset, &fn->pdev), 0);
		KUNIT_EXPECT_FALSE(test, fn->pdev.d3cold_allowed);
		KUNIT_EXPECT_TRUE(test, fn->pdev.no_d3cold);
		/* As a write of 1 does. */
		if (written) {
			fn->pdev.d3cold_allowed = true;
			fn->pdev.no_d3cold = false;
		}
		dpath_reset_destroy(&reset);
		KUNIT_EXPECT_EQ_MSG(test, !!fn->pdev.d3cold_allowed, allowed || written, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, !!fn->pdev.no_d3cold, forbidden && !written, "case %u", i);
		/* Once more, as after a failed probe(): what somebody else has made of it since stays. */
		fn->pdev.d3cold_allowed = !fn->pdev.d3cold_allowed;
		fn->pdev.no_d3cold = !fn->pdev.no_d3cold;
		dpath_reset_destroy(&reset);
		KUNIT_EXPECT_EQ_MSG(test, !!fn->pdev.d3cold_allowed, !(allowed || written), "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, !!fn->pdev.no_d3cold, !(forbidden && !written), "case %u", i);
		dpath_resetfake_check(test, fake);
		kunit_kfree(test, fake);
	}
}

/* --- it does not answer --- */

static void gone_before(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	struct dpath_resetfake_fn *fn;
	const bool dead = false;
	struct dpath_reset reset;
	const char *why = NULL;
	unsigned int way;
	char text[64];

	fn = claimed(test, fake, flr_pm, &reset);
	for (way = 0; way < 2; way++) {
		fn->absent = !way;
		fn->pdev.error_state = way ? pci_channel_io_perm_failure : pci_channel_io_normal;
		KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &why), -ENODEV);
		KUNIT_EXPECT_STREQ(test, why, "does not answer");
		KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &dead), -ENODEV);
		KUNIT_EXPECT_EQ(test, dpath_reset_quiesce(&fn->pdev), -ENODEV);
		KUNIT_EXPECT_EQ(test, dpath_reset_verify(&reset, text, sizeof(text)), -ENODEV);
		expect_log(test, fake, "");
	}
	released(test, fake, &reset);
	KUNIT_EXPECT_EQ(test, dpath_reset_init(&reset, &fn->pdev), -ENODEV);
	expect_log(test, fake, "");
	KUNIT_EXPECT_TRUE(test, fn->pdev.d3cold_allowed);
	released(test, fake, &reset);
}

/* All ones after the reset, whatever the method has said: a failure, and nothing is written to where nobody is. */
static void gone_after(struct kunit *test)
{
	static const int results[] = { 0, -ENOTTY, -EIO };
	struct dpath_reset_policy flr = policy_of("flr");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(results); i++) {
		struct dpath_resetfake *fake = dpath_resetfake_new(test);
		struct dpath_reset reset;
		struct dpath_resetfake_fn *fn;
		const char *why = NULL;

		fn = claimed(test, fake, flr_pm, &reset);
		fn->results[3] = results[i];
		fn->dies = BIT(3);
		KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &flr, &why), -ENODEV);
		KUNIT_EXPECT_STREQ(test, why, "does not answer after the reset");
		expect_log(test, fake, "lock:1 d0:1 load:1 restore:1 nomaster:1 off:1 reset:1:3 unlock:1 ");
		KUNIT_EXPECT_EQ(test, atomic64_read(&reset.failures), 1);
		released(test, fake, &reset);
		kunit_kfree(test, fake);
	}
}

/* The first look is what later ones are held against. */
static void fingerprints(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	struct dpath_reset reset;
	struct dpath_resetfake_fn *fn;
	char why[128] = "";
	const char *text;

	fn = claimed(test, fake, flr_pm, &reset);
	fn->hw[DPATH_RESETFAKE_TENANT] = 0;
	KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &text), 0);
	KUNIT_EXPECT_EQ(test, dpath_reset_verify(&reset, why, sizeof(why)), 0);
	KUNIT_EXPECT_TRUE(test, reset.fingerprint.valid);
	KUNIT_EXPECT_EQ(test, reset.fingerprint.vendor, 0x8086);
	/* What a guest writes is no identity. */
	dpath_resetfake_tenant(fn);
	KUNIT_EXPECT_EQ(test, dpath_reset_verify(&reset, why, sizeof(why)), 0);
	/* Firmware of another revision. */
	fn->hw[PCI_REVISION_ID] ^= 1;
	KUNIT_EXPECT_EQ(test, dpath_reset_verify(&reset, why, sizeof(why)), -EBADE);
	KUNIT_EXPECT_EQ(test, strncmp(why, "class and revision", 18), 0);
	KUNIT_EXPECT_EQ(test, reset.found.class_revision ^ reset.fingerprint.class_revision, 1U);
	fn->hw[PCI_REVISION_ID] ^= 1;
	/* A capability is gone. */
	fn->hw[PCI_CAPABILITY_LIST] = fn->hw[fn->hw[PCI_CAPABILITY_LIST] + 1];
	KUNIT_EXPECT_EQ(test, dpath_reset_verify(&reset, why, sizeof(why)), -EBADE);
	released(test, fake, &reset);
}

/* Half a fingerprint is none, wherever it ends; nor is one of a VF that answers ones while its PF is there. */
static void half_fingerprints(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	struct dpath_reset reset;
	struct dpath_resetfake_fn *fn;
	unsigned int answers;
	char why[128] = "";
	int ret;

	fn = claimed(test, fake, flr_pm, &reset);
	fn->mute = true;
	KUNIT_EXPECT_EQ(test, dpath_reset_verify(&reset, why, sizeof(why)), -ENODEV);
	KUNIT_EXPECT_STREQ(test, why, "does not answer (all ones)");
	fn->pdev.is_virtfn = 1;
	KUNIT_EXPECT_EQ(test, dpath_reset_verify(&reset, why, sizeof(why)), -ENODEV);
	fn->pdev.is_virtfn = 0;
	fn->mute = false;
	for (answers = 1; answers < 1000; answers++) {
		fn->answers = answers;
		ret = dpath_reset_verify(&reset, why, sizeof(why));
		if (fn->answers)
			break;
		KUNIT_EXPECT_EQ_MSG(test, ret, -ENODEV, "after %u reads", answers);
		KUNIT_EXPECT_FALSE(test, reset.fingerprint.valid);
		fn->absent = false;
	}
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, reset.fingerprint.valid);
	KUNIT_EXPECT_GT(test, answers, 20U);
	KUNIT_EXPECT_LT(test, answers, 1000U);
	released(test, fake, &reset);
}

/* The core has reset the port above it; under the device_lock that the core holds. */
static int recover(struct dpath_resetfake_fn *fn, struct dpath_reset *reset, char *why, size_t size)
{
	int ret;

	memcpy(fn->hw, fn->on, sizeof(fn->hw));
	fn->locked = true;
	ret = dpath_reset_recovered(reset, why, size);
	fn->locked = false;
	return ret;
}

/* After a fatal error: pristine, off, and compared; interrupts of a tenant that goes on are there again. */
static void restored(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	u8 pristine[PCI_CFG_SPACE_SIZE];
	struct dpath_reset reset;
	struct dpath_resetfake_fn *fn;
	const char *reason = "";
	bool dead = false;
	char why[128] = "";

	fn = dpath_resetfake_add(fake, &fake->fns[0], flr_pm);
	fn->hw[PCI_COMMAND] &= ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	KUNIT_ASSERT_EQ(test, dpath_reset_init(&reset, &fn->pdev), 0);
	KUNIT_ASSERT_EQ(test, dpath_reset_verify(&reset, why, sizeof(why)), 0);
	memcpy(pristine, fn->hw, sizeof(pristine));
	dpath_resetfake_tenant(fn);
	dpath_resetfake_mark(fake);
	KUNIT_EXPECT_EQ(test, recover(fn, &reset, why, sizeof(why)), 0);
	expect_log(test, fake, "load:1 restore:1 nomaster:1 off:1 ");
	KUNIT_EXPECT_EQ(test, memcmp(fn->hw, pristine, sizeof(pristine)), 0);
	/* Decode is on for the table only. */
	fn->pdev.msix_enabled = 1;
	KUNIT_EXPECT_EQ(test, recover(fn, &reset, why, sizeof(why)), 0);
	expect_log(test, fake, "load:1 restore:1 nomaster:1 command:1 msix:1 off:1 ");
	KUNIT_EXPECT_EQ(test, command_of(fn), PCI_COMMAND_INTX_DISABLE);

	/* What is wrong is told, and the next one is not refused for it. */
	reset.fingerprint.subsystem ^= 1;
	KUNIT_EXPECT_EQ(test, recover(fn, &reset, why, sizeof(why)), -EBADE);
	KUNIT_EXPECT_EQ(test, strncmp(why, "subsystem", 9), 0);
	reset.fingerprint.subsystem ^= 1;
	dpath_resetfake_mark(fake);
	fake->fail_at = 1;
	KUNIT_EXPECT_EQ(test, recover(fn, &reset, why, sizeof(why)), -EIO);
	KUNIT_EXPECT_STREQ(test, why, "saved config space does not fit the function any more");
	dpath_resetfake_mark(fake);
	fn->absent = true;
	KUNIT_EXPECT_EQ(test, recover(fn, &reset, why, sizeof(why)), -ENODEV);
	KUNIT_EXPECT_STREQ(test, why, "does not answer");
	expect_log(test, fake, "");
	fn->absent = false;
	reset.flags = BIT(DPATH_RESET_BUSY);
	KUNIT_EXPECT_EQ(test, recover(fn, &reset, why, sizeof(why)), -EAGAIN);
	reset.flags = 0;
	/* Frozen: nobody else resets it before that is over. */
	dpath_reset_freeze(&reset, true);
	dpath_resetfake_mark(fake);
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &dead), -EAGAIN);
	KUNIT_EXPECT_EQ(test, dpath_reset_function(&reset, &by_default, &reason), -EAGAIN);
	KUNIT_EXPECT_STREQ(test, reason, "is being recovered from a fatal error");
	expect_log(test, fake, "lock:1 unlock:1 lock:1 unlock:1 ");
	KUNIT_EXPECT_EQ(test, recover(fn, &reset, why, sizeof(why)), 0);
	dpath_reset_freeze(&reset, false);
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &dead), 0);
	KUNIT_EXPECT_EQ(test, recover(fn, &reset, why, sizeof(why)), 0);
	released(test, fake, &reset);
	KUNIT_EXPECT_EQ(test, recover(fn, &reset, why, sizeof(why)), -ENODEV);
	KUNIT_EXPECT_STREQ(test, why, "is not bound any more");
}

static void quiesces(struct kunit *test)
{
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	struct dpath_reset reset;
	struct dpath_resetfake_fn *fn;

	fn = claimed(test, fake, flr_pm, &reset);
	KUNIT_EXPECT_EQ(test, dpath_reset_quiesce(&fn->pdev), 0);
	expect_log(test, fake, "nomaster:1 wait:1 ");
	fn->pending = true;
	KUNIT_EXPECT_EQ(test, dpath_reset_quiesce(&fn->pdev), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, command_of(fn) & PCI_COMMAND_MASTER, 0);
	released(test, fake, &reset);
}

/* --- a guest's own --- */

static unsigned int prepared, done;

static void fake_prepare(struct pci_dev *pdev)
{
	prepared += container_of(pdev, struct dpath_resetfake_fn, pdev)->locked;
}

static void fake_done(struct pci_dev *pdev)
{
	done += prepared && container_of(pdev, struct dpath_resetfake_fn, pdev)->locked;
}

static const struct pci_error_handlers fake_handlers = {
	.reset_prepare = fake_prepare,
	.reset_done = fake_done,
};

static bool lease_dead;

static void end_lease(struct dpath_resetfake *fake, struct dpath_resetfake_fn *fn)
{
	lease_dead = true;
}

/* The guest's config stays; the driver is told before and after, under device_lock. */
static void by_the_guest(struct kunit *test)
{
	struct dpath_reset_policy none = policy_of("none"), pm = policy_of("pm"), bus = policy_of("bus");
	struct dpath_resetfake *fake = dpath_resetfake_new(test);
	struct pci_driver driver = { .err_handler = &fake_handlers };
	struct dpath_reset reset;
	struct dpath_resetfake_fn *fn;
	u8 was[PCI_CFG_SPACE_SIZE];

	fn = claimed(test, fake, flr_pm, &reset);
	fn->tenant = false;
	fn->pdev.driver = &driver;
	memcpy(was, fn->hw, sizeof(was));
	prepared = 0;
	done = 0;
	lease_dead = false;
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &lease_dead), 0);
	expect_log(test, fake, "lock:1 d0:1 save:1 off:1 reset:1:3 restore:1 unlock:1 ");
	KUNIT_EXPECT_EQ(test, prepared, 1U);
	KUNIT_EXPECT_EQ(test, done, 1U);
	KUNIT_EXPECT_EQ(test, memcmp(fn->hw, was, sizeof(was)), 0);
	KUNIT_EXPECT_EQ(test, reset.last_method, DPATH_RESET_FLR);
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &pm, &lease_dead), 0);
	expect_log(test, fake, "lock:1 d0:1 save:1 off:1 reset:1:5 restore:1 unlock:1 ");
	/* Not to be had. */
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &none, &lease_dead), -ENOTTY);
	expect_log(test, fake, "");
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &bus, &lease_dead), -ENOTTY);
	expect_log(test, fake, "lock:1 d0:1 save:1 off:1 restore:1 unlock:1 ");
	KUNIT_EXPECT_EQ(test, memcmp(fn->hw, was, sizeof(was)), 0);
	/* What cannot be saved is not reset; the driver is told all the same that it is over. */
	fake->fail_at = 3; /* lock, power, save */
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &lease_dead), -ENOMEM);
	expect_log(test, fake, "lock:1 d0:1 save:1 unlock:1 ");
	KUNIT_EXPECT_EQ(test, done, prepared);
	KUNIT_EXPECT_EQ(test, memcmp(fn->hw, was, sizeof(was)), 0);

	/* The run ends while it is reset: what was restored must not be let onto the bus. */
	fake->during = end_lease;
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &lease_dead), 0);
	expect_log(test, fake, "lock:1 d0:1 save:1 off:1 reset:1:3 restore:1 nomaster:1 unlock:1 ");
	/* And after it has ended, it would hit the next tenant. */
	KUNIT_EXPECT_EQ(test, dpath_reset_guest(&reset, &by_default, &lease_dead), -ENODEV);
	expect_log(test, fake, "lock:1 unlock:1 ");
	fn->pdev.driver = NULL;
	released(test, fake, &reset);
}

static struct kunit_case function_cases[] = {
	KUNIT_CASE(between_tenants),
	KUNIT_CASE(by_the_bus),
	KUNIT_CASE(every_policy),
	KUNIT_CASE(refusals),
	KUNIT_CASE(bus_only_alone),
	KUNIT_CASE(readers_see_all),
	KUNIT_CASE(sysfs_wins),
	KUNIT_CASE(try_again),
	KUNIT_CASE(may_not),
	KUNIT_CASE(every_step_fails),
	KUNIT_CASE(d3cold),
	KUNIT_CASE(gone_before),
	KUNIT_CASE(gone_after),
	KUNIT_CASE(fingerprints),
	KUNIT_CASE(half_fingerprints),
	KUNIT_CASE(restored),
	KUNIT_CASE(quiesces),
	KUNIT_CASE(by_the_guest),
	{}
};

static struct kunit_suite function_suite = {
	.name = "directpath_reset_function",
	.test_cases = function_cases,
};

kunit_test_suite(function_suite);
