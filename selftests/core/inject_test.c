// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that is asked of the module, with its first allocation failing, then its second, until none fails any more: also copies from and to user
 * space, and in the works that do what was asked. After each step everything is as if it had been done or as if it had not been asked for: states,
 * what is mapped, pinned and charged, vectors, and what the IOMMU's own tables say of the function's DMA. Only the CI kernel can fail on request.
 *
 * Without DP_ROUNDS a seeded share of the steps is taken, with more than one of them all.
 */
#include "kselftest_harness.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/directpath.h>
#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

/* What is done in steps has one signature, whatever it needs. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define VM "t-inject"
#define OTHER "t-inject-2"
#define STATE(name) DIRECTPATH_STATE_##name
#define IOVA 0x10000000ULL
/* Every page that is pinned can fail: enough of the small ones to be more than one call of the IOMMU, or of any. */
#define SMALL (32 * PAGE)
#define SIZE (2 * HUGE_PAGE)
#define PEER 0x4000000000ULL
#define SEED 7
#define CANARY 8
#define STEPS_MAX 3000
/* In a share, up to this many steps are left out after each. */
#define STRIDE 4
#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSI VFIO_PCI_MSI_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX
#define ERR VFIO_PCI_ERR_IRQ_INDEX
#define REQ VFIO_PCI_REQ_IRQ_INDEX
#define UNMASK_FD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK)
#define MASK_FD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_MASK)

/* How far it has come before each step. */
enum stage { HOST, CLAIMED, ATTACHED, OPENED, RUNNING };

/**
 * struct - the function that is used
 * @variable: of the bed
 * @policy: of its resets
 */
FIXTURE_VARIANT(failing) {
	const char *variable;
	const char *policy;
};

FIXTURE(failing) {
	const char *address;
	const char *policy;
	bool is_edu;
	enum stage stage;
	int vm_fd;
	int fd;
	struct edu edu;
	int efds[8];
	char *mem; /* SIZE bytes, of which @size are mapped */
	size_t size;
	enum mem_kind kind;
	volatile uint32_t *bar;
	uint64_t locked;
	uint64_t random;
	char *shm;
	struct nl_sock *events; /* somebody listens: events take memory, too */
};

FIXTURE_VARIANT_ADD(failing, edu) {
	.variable = "DP_EDU0",
	.policy = "none",
};

FIXTURE_VARIANT_ADD(failing, e1000e) {
	.variable = "DP_E1000E",
	.policy = "",
};

/**
 * struct action - what is asked for
 * @stage: before it
 * @prepare: before each step; may be NULL
 * @act: 0 or -errno
 * @done: afterwards, with what @act returned: what must be true now; brings back @stage
 */
struct action {
	enum stage stage;
	void (*prepare)(FIXTURE_DATA(failing) *self);
	int (*act)(FIXTURE_DATA(failing) *self);
	void (*done)(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret);
};

/* --- from outside --- */

/* Has the function an entry in the tables of VT-d, so that its DMA is translated? With DMA blocked it has none. */
static bool dma_is_open(const char *address)
{
	unsigned int bus, slot, func, at_bus, at_slot, at_func;
	bool found = false;
	char line[256];
	FILE *file;

	dp_assert(sscanf(address, "%*x:%x:%x.%u", &bus, &slot, &func) == 3, "%s", address);
	file = fopen("/sys/kernel/debug/iommu/intel/dmar_translation_struct", "r");
	dp_assert(file, "the kernel does not show the tables of its IOMMU");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " %x:%x.%u", &at_bus, &at_slot, &at_func) == 3)
			found |= at_bus == bus && at_slot == slot && at_func == func;
	fclose(file);
	return found;
}

/* One that was bound by hand waits in `claiming' if it was not taken over, and says why. */
static bool at_rest(const char *address)
{
	struct dev_info info;

	dev_get(address, &info);
	return !info.busy[0] && (info.state != STATE(CLAIMING) || info.detail[0]) && info.state != STATE(DRAINING) && info.state != STATE(RESETTING);
}

static uint32_t state_of_stage(enum stage stage)
{
	switch (stage) {
	case HOST:
		return STATE(HOST);
	case CLAIMED:
		return STATE(READY);
	case ATTACHED:
	case OPENED:
		return STATE(RESERVED);
	case RUNNING:
		break;
	}
	return STATE(RUNNING);
}

/* All that can be seen of a stage. */
static void check_stage(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self)
{
	struct dev_info dev;
	struct host_info host;
	struct vm_info vm = {};

	dev_get(self->address, &dev);
	EXPECT_EQ(state_of_stage(self->stage), dev.state) TH_LOG("it is %s: %s", dev_state_name(dev.state), dev.detail);
	EXPECT_STREQ(self->stage >= ATTACHED ? VM : "", dev.vm);
	EXPECT_EQ(self->stage == HOST || self->stage == RUNNING, dma_is_open(self->address));
	host_get(&host);
	EXPECT_EQ(0, host.vectors_used);
	EXPECT_TRUE(proc_locked_reaches(self->locked, SETTLE_MS)) TH_LOG("%llu bytes are charged", (unsigned long long)proc_locked());
	EXPECT_EQ(self->stage >= ATTACHED ? 0 : -ENOENT, __vm_get(VM, &vm));
	if (self->stage >= ATTACHED) {
		EXPECT_EQ(self->stage >= OPENED ? DIRECTPATH_VM_STATE_RUNNING : DIRECTPATH_VM_STATE_OFF, vm.state);
		EXPECT_EQ(0, vm.areas);
		EXPECT_EQ(0, vm.mapped);
		EXPECT_EQ(0, vm.pinned);
		EXPECT_EQ(0, vm.vectors);
		EXPECT_EQ(self->stage >= OPENED ? 1 : 0, vm.spaces);
	}
	if (self->stage > HOST && self->stage < RUNNING)
		EXPECT_EQ(0, pci_config_read(self->address, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
}

/* --- stages --- */

static void claim(FIXTURE_DATA(failing) *self)
{
	if (self->policy[0])
		dev_set_policy(self->address, self->policy);
	dev_claim(self->address, DEV_UNBIND, 0);
}

static void attach(FIXTURE_DATA(failing) *self)
{
	vm_new(VM, NULL);
	vm_attach(VM, self->address);
}

static void open_device(FIXTURE_DATA(failing) *self)
{
	self->fd = vm_device(self->vm_fd, self->address);
	device_enable(self->fd);
	if (self->is_edu)
		edu_map(&self->edu, self->fd);
}

static void close_device(FIXTURE_DATA(failing) *self)
{
	if (self->is_edu)
		edu_unmap(&self->edu);
	close(self->fd);
	self->fd = -1;
}

static void reach(FIXTURE_DATA(failing) *self, enum stage stage)
{
	self->stage = stage;
	if (stage >= CLAIMED)
		claim(self);
	if (stage >= ATTACHED)
		attach(self);
	if (stage >= OPENED)
		self->vm_fd = vm_open(VM);
	if (stage >= RUNNING)
		open_device(self);
}

FIXTURE_SETUP(failing)
{
	unsigned int i;

	if (!inject_able())
		SKIP(return, "this kernel cannot fail on request (CONFIG_FAULT_INJECTION)");
	ASSERT_EQ(0, host_restore());
	self->address = pci_env(variant->variable);
	if (!self->address)
		SKIP(return, "no such function on this machine");
	self->policy = variant->policy;
	self->is_edu = !strcmp(variant->variable, "DP_EDU0");
	self->vm_fd = -1;
	self->fd = -1;
	self->mem = mem_new(MEM_ANON, SIZE);
	self->size = SMALL;
	self->random = proc_seed();
	self->events = ctl_listen();
	TH_LOG("DP_SEED=%llu", (unsigned long long)self->random);
	for (i = 0; i < ARRAY_SIZE(self->efds); i++)
		self->efds[i] = efd_new();
	inject_setup();
}

FIXTURE_TEARDOWN_PARENT(failing)
{
	if (inject_able())
		EXPECT_EQ(0, host_restore());
}

/* --- steps --- */

static unsigned int next_step(FIXTURE_DATA(failing) *self)
{
	return proc_rounds(1) > 1 ? 1 : 1 + proc_random(&self->random, STRIDE + 1);
}

static bool failed(struct __test_metadata *_metadata)
{
	return _metadata->exit_code != KSFT_PASS;
}

/* The socket of the listener does not run full. */
static void drain(FIXTURE_DATA(failing) *self)
{
	struct ctl_event event;

	while (ctl_event_next(self->events, &event, 0))
		;
}

/* One step; false when nothing has failed any more. */
static bool step(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, const struct action *action, unsigned int nth)
{
	bool fired;
	int ret;

	if (action->prepare)
		action->prepare(self);
	inject_arm(nth);
	ret = action->act(self);
	inject_stop();
	EXPECT_TRUE(wait_until(at_rest(self->address), SETTLE_MS));
	drain(self);
	fired = inject_fired();
	if (!fired)
		EXPECT_EQ(0, ret) TH_LOG("nothing was injected: %s", ctl_last.text);
	action->done(_metadata, self, ret);
	EXPECT_TRUE(wait_until(at_rest(self->address), SETTLE_MS));
	check_stage(_metadata, self);
	return fired;
}

static void sweep(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, const struct action *action)
{
	unsigned int nth = 1, steps = 1;

	reach(self, action->stage);
	self->locked = proc_locked();
	check_stage(_metadata, self);
	while (step(_metadata, self, action, nth)) {
		ASSERT_FALSE(failed(_metadata)) TH_LOG("the %u. failure", nth);
		ASSERT_GT(STEPS_MAX, nth);
		nth += next_step(self);
		steps++;
	}
	ASSERT_FALSE(failed(_metadata)) TH_LOG("without a failure");
	TH_LOG("%u steps, fewer than %u can fail", steps, nth);
}

#define SWEEP(name, limit) TEST_F_TIMEOUT(failing, name, limit) { sweep(_metadata, self, &name##_action); }

static void nothing_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
}

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

static const struct action queries_action = { RUNNING, NULL, act_queries, nothing_done };
SWEEP(queries, 600)

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

static int act_claim(FIXTURE_DATA(failing) *self)
{
	return __dev_claim(self->address, DEV_UNBIND, 0);
}

static void claim_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	uint32_t state = dev_state(self->address);

	if (!ret) {
		EXPECT_EQ(STATE(READY), state);
	} else if (state != STATE(HOST)) {
		EXPECT_EQ(STATE(QUARANTINED), state);
	}
	if (state != STATE(HOST)) {
		EXPECT_FALSE(dma_is_open(self->address));
		EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
		EXPECT_EQ(0, __dev_release(self->address, 0, 0)) TH_LOG("%s", ctl_last.text);
	}
}

/* A function without a host driver: what a host driver does when its memory fails is not ours. */
static void prepare_claim(FIXTURE_DATA(failing) *self)
{
	if (self->policy[0])
		dev_set_policy(self->address, self->policy);
	pci_unbind(self->address);
}

static const struct action claim_action = { HOST, prepare_claim, act_claim, claim_done };

TEST_F_TIMEOUT(failing, claim, 1800)
{
	char driver[32];

	pci_driver(self->address, driver, sizeof(driver));
	sweep(_metadata, self, &claim_action);
	if (driver[0])
		EXPECT_EQ(0, pci_bind(self->address, driver));
}

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

static const struct action adopt_action = { HOST, prepare_claim, act_adopt, adopt_done };

TEST_F_TIMEOUT(failing, adopt, 1800)
{
	char driver[32];

	pci_driver(self->address, driver, sizeof(driver));
	sweep(_metadata, self, &adopt_action);
	if (driver[0])
		EXPECT_EQ(0, pci_bind(self->address, driver));
}

static int act_release(FIXTURE_DATA(failing) *self)
{
	return __dev_release(self->address, DEV_DRIVERLESS, 0);
}

static void release_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	uint32_t state = dev_state(self->address);

	EXPECT_EQ(ret ? STATE(READY) : STATE(HOST), state);
	if (state == STATE(HOST))
		dev_claim(self->address, DEV_UNBIND, 0);
}

static const struct action release_action = { CLAIMED, NULL, act_release, release_done };

TEST_F_TIMEOUT(failing, release, 1800)
{
	char driver[32];

	pci_driver(self->address, driver, sizeof(driver));
	sweep(_metadata, self, &release_action);
	EXPECT_EQ(0, act_release(self));
	if (driver[0])
		EXPECT_EQ(0, pci_bind(self->address, driver));
}

static int act_reset(FIXTURE_DATA(failing) *self)
{
	return __dev_reset(self->address);
}

/* Quarantine is an answer to a reset that failed, and to nothing else. */
static void reset_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	EXPECT_EQ(ret && dev_state(self->address) == STATE(QUARANTINED) ? STATE(QUARANTINED) : STATE(READY), dev_state(self->address));
	EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
}

static const struct action reset_action = { CLAIMED, NULL, act_reset, reset_done };
SWEEP(reset, 1800)

static int act_vm(FIXTURE_DATA(failing) *self)
{
	struct vm_config config = { .limits = true, .max_devices = 3, .max_vectors = 100, .max_pinned = 1 << 30, .cpus = "0" };
	int ret;

	ret = __vm_new(OTHER, &config);
	if (!ret)
		ret = __vm_attach(OTHER, self->address);
	if (!ret)
		ret = __vm_set(OTHER, &config);
	if (!ret)
		ret = __vm_detach(OTHER, self->address, false);
	if (!ret)
		ret = __vm_del(OTHER);
	return ret;
}

/* Wherever it stopped, an admin can go on from there. */
static void vm_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vm_info vm = {};

	if (__vm_get(OTHER, &vm))
		return;
	EXPECT_NE(0, ret);
	if (vm.nr_devices)
		EXPECT_EQ(0, __vm_detach(OTHER, self->address, false)) TH_LOG("%s", ctl_last.text);
	EXPECT_EQ(0, __vm_del(OTHER)) TH_LOG("%s", ctl_last.text);
}

static const struct action vm_action = { CLAIMED, NULL, act_vm, vm_done };
SWEEP(vm, 1800)

/* --- runs --- */

static int act_open_vm(FIXTURE_DATA(failing) *self)
{
	int fd = __vm_open(VM);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static const struct action open_vm_action = { ATTACHED, NULL, act_open_vm, nothing_done };
SWEEP(open_vm, 600)

/* Opened and closed again: the end of the run and its reset are in a work. */
static int act_run(FIXTURE_DATA(failing) *self)
{
	int fd = __vm_device(self->vm_fd, self->address);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void run_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (dev_state(self->address) == STATE(RESERVED))
		return;
	EXPECT_EQ(STATE(QUARANTINED), dev_state(self->address));
	EXPECT_FALSE(dma_is_open(self->address));
	EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
}

static const struct action run_action = { OPENED, NULL, act_run, run_done };
SWEEP(run, 1800)

static void prepare_revoke(FIXTURE_DATA(failing) *self)
{
	open_device(self);
	space_map(self->vm_fd, self->mem, IOVA, PAGE, SPACE_RW);
}

static int act_revoke(FIXTURE_DATA(failing) *self)
{
	return __vm_detach(VM, self->address, true);
}

static void revoke_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	uint32_t word;

	/* Asked for again, it is done. */
	if (ret)
		EXPECT_EQ(0, __vm_detach(VM, self->address, true)) TH_LOG("%s", ctl_last.text);
	EXPECT_TRUE(wait_until(at_rest(self->address), SETTLE_MS));
	EXPECT_FALSE(dma_is_open(self->address));
	EXPECT_EQ(-ENODEV, __device_read(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4));
	close_device(self);
	space_unmap(self->vm_fd, IOVA, PAGE);
	if (dev_state(self->address) == STATE(QUARANTINED))
		EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
	vm_attach(VM, self->address);
}

static const struct action revoke_action = { OPENED, prepare_revoke, act_revoke, revoke_done };
SWEEP(revoke, 1800)

/* --- memory --- */

static int act_map(FIXTURE_DATA(failing) *self)
{
	return __space_map(self->vm_fd, self->mem, IOVA, self->size, SPACE_RW);
}

/* A page of @seed to and from the middle of the map, or nowhere. */
static void check_dma(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, bool mapped)
{
	uint64_t at = self->size / 2 + 3 * PAGE;

	if (!self->is_edu)
		return;
	mem_fill(self->mem + at, PAGE, SEED);
	edu_fetch(&self->edu, IOVA + at, 0, EDU_DMA_MAX);
	mem_fill(self->mem + at, PAGE, CANARY);
	edu_store(&self->edu, IOVA + at, 0, EDU_DMA_MAX);
	EXPECT_EQ(mapped, mem_holds(self->mem + at, EDU_DMA_MAX, SEED));
	EXPECT_EQ(!mapped, mem_holds(self->mem + at, EDU_DMA_MAX, CANARY));
}

static void map_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vm_info vm;

	vm_get(VM, &vm);
	EXPECT_EQ(ret ? 0 : self->size, vm.mapped);
	check_dma(_metadata, self, !ret);
	if (!ret)
		space_unmap(self->vm_fd, IOVA, self->size);
	check_dma(_metadata, self, false);
}

static void prepare_map(FIXTURE_DATA(failing) *self)
{
	mem_free(self->mem, SIZE);
	self->mem = mem_new(self->kind, SIZE);
	dp_assert(self->mem, "no memory of this kind");
}

static const struct action map_action = { RUNNING, prepare_map, act_map, map_done };

static void sweep_kind(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, enum mem_kind kind)
{
	self->kind = kind;
	if (kind == MEM_THP || kind == MEM_HUGETLB)
		self->size = SIZE;
	sweep(_metadata, self, &map_action);
}

TEST_F_TIMEOUT(failing, map_anon, 900) { sweep_kind(_metadata, self, MEM_ANON); }
TEST_F_TIMEOUT(failing, map_thp, 900) { sweep_kind(_metadata, self, MEM_THP); }
TEST_F_TIMEOUT(failing, map_memfd, 900) { sweep_kind(_metadata, self, MEM_MEMFD); }
TEST_F_TIMEOUT(failing, map_hugetlb, 900) { sweep_kind(_metadata, self, MEM_HUGETLB); }

static void prepare_unmap(FIXTURE_DATA(failing) *self)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		space_map(self->vm_fd, self->mem + i * self->size / 4, IOVA + i * self->size / 4, self->size / 4, SPACE_RW);
}

static int act_unmap(FIXTURE_DATA(failing) *self)
{
	return __space_unmap(self->vm_fd, IOVA, self->size / 2, NULL);
}

static void unmap_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vm_info vm;

	vm_get(VM, &vm);
	/* What is said of a change that was made can get lost: the struct cannot be written any more. */
	EXPECT_TRUE(vm.mapped == (ret ? self->size : self->size / 2) || (ret == -EFAULT && vm.mapped == self->size / 2));
	check_dma(_metadata, self, true);
	if (vm.mapped == self->size)
		space_unmap(self->vm_fd, IOVA, self->size / 2);
	space_unmap(self->vm_fd, IOVA + self->size / 2, self->size / 2);
	check_dma(_metadata, self, false);
}

static const struct action unmap_action = { RUNNING, prepare_unmap, act_unmap, unmap_done };
SWEEP(unmap, 600)

/* The space has maps before the function comes: they are made in its domain as it is opened. */
static void prepare_late(FIXTURE_DATA(failing) *self)
{
	space_map(self->vm_fd, self->mem, IOVA, self->size, SPACE_RW);
}

static int act_late(FIXTURE_DATA(failing) *self)
{
	self->fd = __vm_device(self->vm_fd, self->address);
	return self->fd < 0 ? self->fd : 0;
}

static void late_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (ret)
		EXPECT_EQ(0, act_late(self));
	device_enable(self->fd);
	if (self->is_edu)
		edu_map(&self->edu, self->fd);
	check_dma(_metadata, self, true);
	close_device(self);
	space_unmap(self->vm_fd, IOVA, self->size);
	EXPECT_TRUE(wait_until(at_rest(self->address), SETTLE_MS));
	run_done(_metadata, self, ret);
}

static const struct action late_action = { OPENED, prepare_late, act_late, late_done };
SWEEP(late, 1800)

/* Its own BAR among the memory. */
static void prepare_peer(FIXTURE_DATA(failing) *self)
{
	self->shm = device_mmap(self->fd, 0, PAGE);
}

static int act_peer(FIXTURE_DATA(failing) *self)
{
	return __space_map(self->vm_fd, self->shm, PEER, PAGE, SPACE_RW);
}

static void peer_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vm_info vm;

	vm_get(VM, &vm);
	EXPECT_EQ(ret ? 0 : 1, vm.areas);
	EXPECT_EQ(0, vm.pinned);
	if (!ret)
		space_unmap(self->vm_fd, PEER, PAGE);
	munmap(self->shm, PAGE);
}

static const struct action peer_action = { RUNNING, prepare_peer, act_peer, peer_done };
SWEEP(peer, 600)

static int act_ranges(FIXTURE_DATA(failing) *self)
{
	struct directpath_space_info space = { .size = sizeof(space) };
	struct directpath_vm_info vm = { .size = sizeof(vm) };
	struct directpath_iova_range out[16];
	struct directpath_iova_ranges ranges = { .size = sizeof(ranges), .num_ranges = 16, .ranges = (uintptr_t)out };
	int ret;

	ret = fd_ioctl(self->vm_fd, DIRECTPATH_VM_INFO, &vm);
	if (!ret)
		ret = fd_ioctl(self->vm_fd, DIRECTPATH_SPACE_INFO, &space);
	if (!ret)
		ret = fd_ioctl(self->vm_fd, DIRECTPATH_IOVA_RANGES, &ranges);
	return ret;
}

static const struct action ranges_action = { RUNNING, NULL, act_ranges, nothing_done };
SWEEP(ranges, 300)

/* --- interrupts --- */

static unsigned int nr_vectors(FIXTURE_DATA(failing) *self, uint32_t index)
{
	return index == MSIX ? 5 : 1;
}

static int turn_on(FIXTURE_DATA(failing) *self, uint32_t index)
{
	unsigned int nr = nr_vectors(self, index), i;
	int ret = 0;

	/* One after the other: it grows. */
	for (i = 0; i < nr && !ret; i++)
		ret = __irq_trigger(self->fd, index, i, 1, &self->efds[i]);
	/* Another eventfd, and masks by eventfd. */
	if (!ret)
		ret = __irq_trigger(self->fd, index, 0, 1, &self->efds[6]);
	if (!ret && index == INTX)
		ret = __irq_set(self->fd, UNMASK_FD, INTX, 0, 1, &self->efds[1]);
	return ret;
}

/* It can be switched on now, interrupts arrive, and it is off afterwards. */
static void check_irq(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, uint32_t index)
{
	/* Off already, if it never came on. */
	__irq_disable(self->fd, index);
	EXPECT_EQ(0, turn_on(self, index));
	efd_wait(self->efds[6], 0);
	if (self->is_edu) {
		edu_ack(&self->edu);
		edu_raise(&self->edu, 1);
	} else {
		EXPECT_EQ(0, __irq_loopback(self->fd, index, 0, 1));
	}
	EXPECT_LE(1, efd_wait(self->efds[6], SETTLE_MS));
	if (self->is_edu)
		edu_ack(&self->edu);
	irq_disable(self->fd, index);
}

static int act_intx(FIXTURE_DATA(failing) *self)
{
	return turn_on(self, INTX);
}

static void intx_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (!ret)
		irq_disable(self->fd, INTX);
	check_irq(_metadata, self, INTX);
}

static const struct action intx_action = { RUNNING, NULL, act_intx, intx_done };
SWEEP(intx, 900)

static int act_msi(FIXTURE_DATA(failing) *self)
{
	return turn_on(self, MSI);
}

static void msi_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (!ret)
		irq_disable(self->fd, MSI);
	check_irq(_metadata, self, MSI);
}

static const struct action msi_action = { RUNNING, NULL, act_msi, msi_done };
SWEEP(msi, 900)

/* What a function has not is refused, whatever else fails. */
static int refused(int ret)
{
	if (!ret)
		return -EIO;
	return ret == -EINVAL ? 0 : ret;
}

static int act_msix(FIXTURE_DATA(failing) *self)
{
	return self->is_edu ? refused(__irq_trigger(self->fd, MSIX, 0, 1, self->efds)) : turn_on(self, MSIX);
}

static void msix_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (self->is_edu) {
		EXPECT_EQ(0, act_msix(self));
		return;
	}
	if (!ret)
		irq_disable(self->fd, MSIX);
	check_irq(_metadata, self, MSIX);
}

static const struct action msix_action = { RUNNING, NULL, act_msix, msix_done };
SWEEP(msix, 900)

static int act_notices(FIXTURE_DATA(failing) *self)
{
	struct vfio_irq_info info;
	int ret = 0;

	if (!__device_irq_info(self->fd, ERR, &info))
		ret = __irq_trigger(self->fd, ERR, 0, 1, &self->efds[0]);
	if (!ret)
		ret = __irq_trigger(self->fd, REQ, 0, 1, &self->efds[1]);
	return ret;
}

static void notices_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	EXPECT_EQ(0, act_notices(self));
	EXPECT_EQ(0, __irq_loopback(self->fd, REQ, 0, 1));
	EXPECT_EQ(1, efd_wait(self->efds[1], SETTLE_MS));
}

static const struct action notices_action = { RUNNING, NULL, act_notices, notices_done };
SWEEP(notices, 600)

/* --- BARs and registers --- */

static int act_touch(FIXTURE_DATA(failing) *self)
{
	uint32_t word;
	int ret;

	self->bar = __device_mmap(self->fd, 0, 2 * PAGE);
	if (self->bar == MAP_FAILED)
		return -errno;
	/* A fault that gets no memory is taken again: it never ends in a signal. */
	word = self->bar[0];
	ret = word == ~0U ? -EIO : 0;
	munmap((void *)self->bar, 2 * PAGE);
	return ret;
}

static const struct action touch_action = { RUNNING, NULL, act_touch, nothing_done };
SWEEP(touch, 600)

static int act_doorbell(FIXTURE_DATA(failing) *self)
{
	struct vfio_device_ioeventfd bell = { .argsz = sizeof(bell), .flags = 4, .data = 5, .offset = self->is_edu ? EDU_ALIVE : 0x10 };

	bell.fd = self->efds[2];
	return fd_ioctl(self->fd, VFIO_DEVICE_IOEVENTFD, &bell);
}

static void doorbell_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vfio_device_ioeventfd bell = { .argsz = sizeof(bell), .flags = 4, .data = 5, .offset = self->is_edu ? EDU_ALIVE : 0x10, .fd = -1 };

	if (ret)
		EXPECT_EQ(0, act_doorbell(self));
	efd_signal(self->efds[2]);
	if (self->is_edu)
		EXPECT_TRUE(wait_until(edu_read(&self->edu, EDU_ALIVE) == ~5U, SETTLE_MS));
	EXPECT_EQ(0, fd_ioctl(self->fd, VFIO_DEVICE_IOEVENTFD, &bell));
	efd_wait(self->efds[2], 0);
}

static const struct action doorbell_action = { RUNNING, NULL, act_doorbell, doorbell_done };
SWEEP(doorbell, 600)

static int act_registers(FIXTURE_DATA(failing) *self)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info region;
	struct vfio_irq_info irq;
	uint32_t word;
	ssize_t got;
	int ret;

	ret = fd_ioctl(self->fd, VFIO_DEVICE_GET_INFO, &info);
	if (!ret)
		ret = __device_region(self->fd, 0, &region);
	if (!ret)
		ret = __device_irq_info(self->fd, MSI, &irq);
	if (ret)
		return ret;
	got = __device_read(self->fd, 0, 0, &word, 4);
	if (got == 4)
		got = __device_read(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4);
	if (got == 4)
		got = __device_write(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, PCI_INTERRUPT_LINE, &word, 1) == 1 ? 4 : -EFAULT;
	/* A bit that is not the guest's is counted. */
	if (got == 4)
		got = __device_write(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4);
	return got == 4 ? 0 : got < 0 ? got : -EIO;
}

static void registers_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (ret)
		EXPECT_TRUE(ret == -EFAULT || ret == -ENOMEM) TH_LOG("it says %d", ret);
	EXPECT_EQ(0, act_registers(self));
}

static const struct action registers_action = { RUNNING, NULL, act_registers, registers_done };
SWEEP(registers, 300)

static int act_device_reset(FIXTURE_DATA(failing) *self)
{
	return self->is_edu ? refused(__device_reset(self->fd)) : __device_reset(self->fd);
}

static void device_reset_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	EXPECT_EQ(0, act_device_reset(self));
	device_enable(self->fd);
}

static const struct action device_reset_action = { RUNNING, NULL, act_device_reset, device_reset_done };
SWEEP(device_reset, 900)

HOST_MAIN(HOST_DP)
