// SPDX-License-Identifier: GPL-2.0
/*
 * A function is taken from a VMM that is as busy with it as can be, in every way that there is, the VMM running or stopped. Each time: it ends within
 * its deadline; the VMM lives, and its guest reads ones; no DMA comes through any more; nothing stays behind; and the next VMM finds it usable.
 *
 * DP_ROUNDS sets how often, DP_SEED repeats a run, DP_WAY names one way.
 */
#include "kselftest_harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>

#include "libdpath.h"
#include "load.h"
#include "vmm.h"

#define VM "t-revoke"
#define ROUNDS 2
#define SHARE 8 /* of all kernels' in one round */
/* What a transfer of edu that was under way needs to arrive, if it could. */
#define ARRIVAL_US 150000
/* Of a machine that has nothing else to do. */
#define REVOKE_MS 4000
#define HOTPLUG_MS 8000
#define NATIVE_MS 20000
/* A machine that is busy with its VMM, on a host that is busy with such machines. */
#define PATIENCE_MS 120000
#define ONES 0xffffffffU
#define BUTTON_US 500000
/* Device and vendor. */
#define NVME_ID 0x00101b36U
#define EDU_ID_WORD 0x11e81234U
#define STATE(name) DIRECTPATH_STATE_##name

enum way {
	WAY_DETACH,   /* vm detach now */
	WAY_RELEASE,  /* dev release, forced */
	WAY_UNBIND,   /* by hand, through sysfs */
	WAY_EJECT,    /* hot-unplug through ACPI */
	WAY_VANISH,   /* it does not answer any more and is detached then; it heals */
	WAY_NATIVE,   /* hot-unplug through the port: the attention button, five seconds */
	WAY_SURPRISE, /* pulled out of the port */
	NR_WAYS,
};

/**
 * struct way_info - a way to lose a function
 * @name: for people
 * @weight: how often it is chosen
 * @ms: its deadline
 * @slot: the bed's port that it is for, or NULL: for functions that stay
 */
static const struct way_info {
	const char *name;
	unsigned int weight;
	unsigned int ms;
	const char *slot;
} ways[] = {
	[WAY_DETACH] = { "detach", 10, REVOKE_MS, NULL },
	[WAY_RELEASE] = { "release", 6, REVOKE_MS, NULL },
	[WAY_UNBIND] = { "unbind", 3, REVOKE_MS, NULL },
	[WAY_EJECT] = { "eject", 4, HOTPLUG_MS, "rp5" },
	[WAY_VANISH] = { "vanish", 2, REVOKE_MS, "rp5" },
	[WAY_NATIVE] = { "native unplug", 1, NATIVE_MS, "rpn0" },
	[WAY_SURPRISE] = { "surprise", 2, HOTPLUG_MS, "rpn0" },
};

/**
 * struct round - one revocation
 * @way: how
 * @nvme: an NVMe controller, not an edu
 * @stopped: the VMM is stopped meanwhile
 * @address: the function
 * @took_ms: until it was over
 */
struct round {
	enum way way;
	bool nvme;
	bool stopped;
	const char *address;
	uint64_t took_ms;
};

/* Not in the fixture, which is shared with children. */
static struct load_vmm vmm;

FIXTURE(revoke) {
	const char *edu;
	const char *nvme;
	const char *hot;
	const char *native;
	unsigned int slow;
};

FIXTURE_SETUP(revoke)
{
	ASSERT_EQ(0, host_restore());
	self->edu = pci_env("DP_EDU0");
	self->nvme = pci_env("DP_NVME");
	self->hot = getenv("DP_HOTPLUG");
	self->native = pci_env("DP_NUMA0_EDU");
	if (!self->edu || !self->nvme || !self->hot || !self->native)
		SKIP(return, "no slots on this machine");
	if (!vmm_available())
		SKIP(return, "no KVM on this machine");
	self->slow = getenv("DP_SLOW") ? atoi(getenv("DP_SLOW")) : 1;
	load_init(&vmm);
	vmm.vm = VM;
	vm_new(VM, NULL);
}

/* --- slots --- */

/* The function that the bed has below its native port is known to other tests. */
static const char *id_in(const char *slot)
{
	return strcmp(slot, "rp5") ? "numaedu" : "hot";
}

static bool is_free(const char *slot)
{
	return !qmp_asks("qom-get path=/machine/peripheral/%s property=realized", id_in(slot));
}

static bool add(const char *slot, bool nvme)
{
	if (nvme)
		return qmp_add_nvme(id_in(slot), slot);
	return qmp("device_add driver=edu id=%s dma_mask=0xffffffffffffffff bus=%s", id_in(slot), slot);
}

/*
 * QEMU presses the button of a native slot, too, when it puts a card into it. A host that sees the card first takes the button for the wish to have
 * it out again, and blinks for five seconds.
 */
static bool stays(const char *slot, const char *address)
{
	if (!strcmp(slot, "rp5"))
		return true;
	usleep(BUTTON_US);
	return pci_present(address) && slot_rests(getenv("DP_NUMA0_PORT"));
}

static void plug(const char *slot, bool nvme, const char *address)
{
	unsigned int tries = 3;

	if (pci_present(address) && pci_config_read(address, 0, 4) == (nvme ? NVME_ID : EDU_ID_WORD) && stays(slot, address))
		return;
	if (pci_present(address) && !is_free(slot))
		qmp("device_del id=%s", id_in(slot));
	do {
		dp_assert(wait_until(!pci_present(address), PATIENCE_MS), "%s stays", address);
		dp_assert(wait_until(is_free(slot), PATIENCE_MS), "%s stays in its slot", id_in(slot));
		dp_assert(add(slot, nvme), "nothing can be put into %s", slot);
		dp_assert(wait_until(pci_settled(address), PATIENCE_MS), "%s does not come", address);
	} while (!stays(slot, address) && --tries);
	dp_assert(tries, "%s does not stay", address);
}

/* The interrupt of the slot is off meanwhile: the port's driver would take a slot without power for one that it has emptied itself. */
static void pull(const char *port)
{
	slot_control(port, PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC, PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF);
	slot_control(port, PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC, PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_PWR_IND_OFF);
}

FIXTURE_TEARDOWN_PARENT(revoke)
{
	if (self->hot)
		slot_power(getenv("DP_HOTPLUG_PORT"), true);
	EXPECT_EQ(0, host_restore());
	if (self->hot && pci_present(self->hot)) {
		EXPECT_TRUE(qmp("device_del id=hot"));
		EXPECT_TRUE(wait_until(!pci_present(self->hot), SETTLE_MS));
	}
	if (self->native)
		plug("rpn0", false, self->native);
}

/* --- a round --- */

static enum way choose_way(uint64_t *state)
{
	const char *only = getenv("DP_WAY");
	unsigned int sum = 0, i;

	for (i = 0; only && i < NR_WAYS; i++)
		if (!strcmp(ways[i].name, only))
			return i;
	for (i = 0; i < NR_WAYS; i++)
		sum += ways[i].weight;
	sum = proc_random(state, sum);
	for (i = 0; sum >= ways[i].weight; i++)
		sum -= ways[i].weight;
	return i;
}

/* Each way once to begin with. */
static void choose(FIXTURE_DATA(revoke) *self, struct round *round, unsigned int nr, uint64_t *state)
{
	const char *slot;

	round->way = nr < NR_WAYS && !getenv("DP_WAY") ? nr : choose_way(state);
	slot = ways[round->way].slot;
	round->nvme = proc_random(state, 3) == 0 && (!slot || !strcmp(slot, "rp5"));
	round->stopped = proc_random(state, 3) == 0;
	if (slot)
		round->address = strcmp(slot, "rp5") ? self->native : self->hot;
	else
		round->address = round->nvme ? self->nvme : self->edu;
	vmm.address = round->address;
	vmm.loads = round->nvme ? LOADS_NVME : LOADS_EDU;
}

static void prepare(struct round *round)
{
	if (ways[round->way].slot)
		plug(ways[round->way].slot, round->nvme, round->address);
	if (!round->nvme)
		dev_set_policy(round->address, "none");
	dev_claim(round->address, DEV_UNBIND, 0);
	vm_attach(VM, round->address);
}

static void take(struct round *round)
{
	uint64_t start = now_ms();

	switch (round->way) {
	case WAY_DETACH:
		vm_detach(VM, round->address, true);
		break;
	case WAY_RELEASE:
		dev_release(round->address, 0, DEV_FORCE(ATTACHED));
		break;
	case WAY_UNBIND:
		dp_assert(!pci_unbind(round->address), "%s is not unbound", round->address);
		break;
	case WAY_EJECT:
		dp_assert(qmp("device_del id=hot"), "no ejection");
		break;
	case WAY_VANISH:
		slot_power(getenv("DP_HOTPLUG_PORT"), false);
		dp_assert(pci_config_read(round->address, 0, 4) == ONES, "%s is still there", round->address);
		start = now_ms();
		vm_detach(VM, round->address, true);
		break;
	case WAY_NATIVE:
		dp_assert(qmp("device_del id=numaedu"), "no ejection");
		break;
	case WAY_SURPRISE:
		pull(getenv("DP_NUMA0_PORT"));
		break;
	default:
		break;
	}
	if (ways[round->way].slot && round->way != WAY_VANISH)
		dp_assert(wait_until(!pci_present(round->address), PATIENCE_MS), "%s stays", round->address);
	round->took_ms = now_ms() - start;
}

/* Nothing writes to the memory that the function could reach, from the moment on when it was taken. */
static bool memory_stands_still(uint32_t seed)
{
	mem_fill(vmm.mem, LOAD_MEMORY, seed);
	usleep(ARRIVAL_US);
	return mem_holds(vmm.mem, LOAD_MEMORY, seed);
}

static void check_taken(struct __test_metadata *_metadata, FIXTURE_DATA(revoke) *self, struct round *round, uint32_t seed)
{
	/* The driver of an NVMe writes to its queues as long as it does not know. */
	if (round->nvme && !round->stopped)
		EXPECT_TRUE(wait_until(load_noticed(&vmm), SETTLE_MS));
	EXPECT_TRUE(memory_stands_still(seed));
	/* After a release its host driver has it. */
	if (round->way == WAY_DETACH || round->way == WAY_UNBIND)
		EXPECT_EQ(0, pci_config_read(round->address, 4, 2) & 4);
	EXPECT_GE(ways[round->way].ms * self->slow, round->took_ms);
	if (round->stopped)
		kill(vmm.peer.pid, SIGCONT);
	EXPECT_TRUE(wait_until(load_noticed(&vmm), SETTLE_MS)) TH_LOG("%s", load_laggard(&vmm));
	EXPECT_EQ(0, load_stop(&vmm));
}

static bool unknown(const char *address)
{
	struct dev_info info;

	return __dev_get(address, &info) == -ENODEV;
}

static void check_rest(struct __test_metadata *_metadata, struct round *round)
{
	struct host_info host;

	switch (round->way) {
	case WAY_DETACH:
		EXPECT_TRUE(dev_reaches(round->address, STATE(READY), SETTLE_MS));
		break;
	case WAY_UNBIND:
		EXPECT_TRUE(dev_reaches(round->address, STATE(HOST), SETTLE_MS));
		if (round->nvme)
			EXPECT_EQ(0, pci_bind(round->address, "nvme"));
		break;
	case WAY_RELEASE:
		EXPECT_TRUE(dev_reaches(round->address, STATE(HOST), SETTLE_MS));
		break;
	case WAY_VANISH:
		EXPECT_EQ(STATE(FAILED), dev_state(round->address));
		EXPECT_NE(0, __dev_recover(round->address));
		slot_power(getenv("DP_HOTPLUG_PORT"), true);
		EXPECT_EQ(0, __dev_recover(round->address)) TH_LOG("%s", ctl_last.text);
		EXPECT_EQ(STATE(READY), dev_state(round->address));
		break;
	default:
		EXPECT_TRUE(wait_until(unknown(round->address), SETTLE_MS));
	}
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
	host_get(&host);
	EXPECT_EQ(0, host.vectors_used);
	EXPECT_EQ(round->way == WAY_DETACH || round->way == WAY_VANISH, host.devices_claimed);
	if (host.devices_claimed)
		dev_release(round->address, 0, 0);
}

static void run_round(struct __test_metadata *_metadata, FIXTURE_DATA(revoke) *self, struct round *round, uint64_t *state)
{
	prepare(round);
	load_start(&vmm);
	usleep(proc_random(state, 100000));
	if (round->stopped)
		kill(vmm.peer.pid, SIGSTOP);
	take(round);
	check_taken(_metadata, self, round, proc_random(state, 1000));
	check_rest(_metadata, round);
}

TEST_F_TIMEOUT(revoke, in_every_way, 7200)
{
	unsigned int rounds = proc_rounds(ROUNDS) * SHARE, count[NR_WAYS] = {}, i;
	uint64_t seed = proc_seed(), state = seed, worst[NR_WAYS] = {};
	struct round round;

	TH_LOG("%u rounds, DP_SEED=%llu", rounds, (unsigned long long)seed);
	for (i = 0; i < rounds; i++) {
		choose(self, &round, i, &state);
		run_round(_metadata, self, &round, &state);
		ASSERT_EQ(KSFT_PASS, _metadata->exit_code)
			TH_LOG("round %u: %s of %s%s", i, ways[round.way].name, round.address, round.stopped ? ", VMM stopped" : "");
		count[round.way]++;
		worst[round.way] = round.took_ms > worst[round.way] ? round.took_ms : worst[round.way];
	}
	for (i = 0; i < NR_WAYS; i++)
		TH_LOG("%s: %u, at most %llu ms", ways[i].name, count[i], (unsigned long long)worst[i]);
}

HOST_MAIN(HOST_DP)
