/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_CORE_FAILING_H
#define DPATH_CORE_FAILING_H

/*
 * What the tests inject_*_test.c share. Something is asked of the module with its first allocation failing, then its second, until none fails any
 * more: also copies from and to user space, and in the works that do what was asked. After each step everything is as if it had been done or as if
 * it had not been asked for: states, what is mapped, pinned and charged, vectors, and what the IOMMU's own tables say of the function's DMA. Only
 * the CI kernel can fail on request.
 *
 * Without DP_ROUNDS a seeded share of the steps is taken, with more than one of them all.
 */
#include "kselftest_harness.h"

#include <stdio.h>
#include <string.h>

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
#define SEED 7
#define CANARY 8
#define STEPS_MAX 3000
/* In a share, up to this many steps are left out after each. */
#define STRIDE 4
#define MEMBERS_MAX 2

/* How far it has come before each step. */
enum stage { HOST, CLAIMED, ATTACHED, OPENED, RUNNING };

/**
 * struct - the function that is used
 * @variable: of the bed
 * @companion: the other one of its set, or NULL
 * @policy: of their resets
 * @edu: it is one
 * @door: opened through the VFIO door
 */
FIXTURE_VARIANT(failing) {
	const char *variable;
	const char *companion;
	const char *policy;
	bool edu;
	bool door;
};

FIXTURE(failing) {
	const char *address;
	const char *members[MEMBERS_MAX];
	unsigned int nr;
	const char *policy;
	bool is_edu;
	bool door;
	const struct space_ops *space;
	enum stage stage;
	int vm_fd; /* or the container */
	int group;
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
	uint32_t offset;
	struct nl_sock *events; /* somebody listens: events take memory, too */
};

/* What most subjects are swept over: a function without a host driver, and a network card. */
#define FAILING_EDU { .variable = "DP_EDU0", .policy = "none", .edu = true }
#define FAILING_E1000E { .variable = "DP_E1000E", .policy = "" }

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
static inline bool dma_is_open(const char *address)
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
static inline bool at_rest(FIXTURE_DATA(failing) *self)
{
	struct dev_info info;
	unsigned int i;

	for (i = 0; i < self->nr; i++) {
		dev_get(self->members[i], &info);
		if (info.busy[0] || (info.state == STATE(CLAIMING) && !info.detail[0]) || info.state == STATE(DRAINING) ||
		    info.state == STATE(RESETTING))
			return false;
	}
	return true;
}

/* SET_IOMMU starts the whole set. */
static inline bool is_started(FIXTURE_DATA(failing) *self)
{
	return self->stage == RUNNING || (self->door && self->stage == OPENED);
}

static inline uint32_t state_of_stage(FIXTURE_DATA(failing) *self)
{
	if (is_started(self))
		return STATE(RUNNING);
	switch (self->stage) {
	case HOST:
		return STATE(HOST);
	case CLAIMED:
		return STATE(READY);
	default:
		return STATE(RESERVED);
	}
}

static inline void check_member(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, const char *address)
{
	struct dev_info dev;

	dev_get(address, &dev);
	EXPECT_EQ(state_of_stage(self), dev.state) TH_LOG("%s is %s: %s", address, dev_state_name(dev.state), dev.detail);
	EXPECT_STREQ(self->stage >= ATTACHED ? VM : "", dev.vm);
	EXPECT_EQ(self->stage == HOST || is_started(self), dma_is_open(address)) TH_LOG("%s", address);
	if (self->stage > HOST && self->stage < RUNNING)
		EXPECT_EQ(0, pci_config_read(address, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
}

static inline void check_vm(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self)
{
	struct vm_info vm = {};

	EXPECT_EQ(self->stage >= ATTACHED ? 0 : -ENOENT, __vm_get(VM, &vm));
	if (self->stage < ATTACHED)
		return;
	EXPECT_EQ(self->stage >= OPENED ? DIRECTPATH_VM_STATE_RUNNING : DIRECTPATH_VM_STATE_OFF, vm.state);
	EXPECT_EQ(0, vm.areas);
	EXPECT_EQ(0, vm.mapped);
	EXPECT_EQ(0, vm.pinned);
	EXPECT_EQ(0, vm.vectors);
	EXPECT_EQ(self->stage >= OPENED ? 1 : 0, vm.spaces);
}

/* All that can be seen of a stage. */
static inline void check_stage(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self)
{
	struct host_info host;
	unsigned int i;

	for (i = 0; i < self->nr; i++)
		check_member(_metadata, self, self->members[i]);
	host_get(&host);
	EXPECT_EQ(0, host.vectors_used);
	EXPECT_TRUE(proc_locked_reaches(self->locked, SETTLE_MS)) TH_LOG("%llu bytes are charged", (unsigned long long)proc_locked());
	check_vm(_metadata, self);
}

/* --- stages --- */

static inline void set_policies(FIXTURE_DATA(failing) *self)
{
	unsigned int i;

	for (i = 0; i < self->nr && self->policy[0]; i++)
		dev_set_policy(self->members[i], self->policy);
}

static inline unsigned int claim_flags(FIXTURE_DATA(failing) *self)
{
	return DEV_UNBIND | (self->nr > 1 ? DEV_WHOLE_SET : 0);
}

static inline void claim(FIXTURE_DATA(failing) *self)
{
	set_policies(self);
	dev_claim(self->address, claim_flags(self), 0);
}

static inline void attach(FIXTURE_DATA(failing) *self)
{
	vm_new(VM, NULL);
	vm_attach(VM, self->address);
}

static inline void open_vm(FIXTURE_DATA(failing) *self)
{
	if (!self->door) {
		self->vm_fd = vm_open(VM);
		return;
	}
	self->vm_fd = container_open();
	self->group = group_open(pci_group(self->address));
	group_set_container(self->group, self->vm_fd);
	container_set_iommu(self->vm_fd, VFIO_TYPE1v2_IOMMU);
}

static inline int __device_fd(FIXTURE_DATA(failing) *self)
{
	return self->door ? __group_device(self->group, self->address) : __vm_device(self->vm_fd, self->address);
}

static inline void open_device(FIXTURE_DATA(failing) *self)
{
	self->fd = __device_fd(self);
	dp_assert(self->fd >= 0, "%s: %s", self->address, strerror(-self->fd));
	device_enable(self->fd);
	if (self->is_edu)
		edu_map(&self->edu, self->fd);
}

static inline void close_device(FIXTURE_DATA(failing) *self)
{
	if (self->is_edu)
		edu_unmap(&self->edu);
	close(self->fd);
	self->fd = -1;
}

static inline void reach(FIXTURE_DATA(failing) *self, enum stage stage)
{
	self->stage = stage;
	if (stage >= CLAIMED)
		claim(self);
	if (stage >= ATTACHED)
		attach(self);
	if (stage >= OPENED)
		open_vm(self);
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
	self->members[self->nr++] = self->address;
	if (variant->companion)
		self->members[self->nr++] = pci_env(variant->companion);
	self->policy = variant->policy;
	self->is_edu = variant->edu;
	self->door = variant->door;
	self->space = self->door ? &space_type1 : &space_native;
	self->vm_fd = -1;
	self->group = -1;
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

static inline unsigned int next_step(FIXTURE_DATA(failing) *self)
{
	return proc_rounds(1) > 1 ? 1 : 1 + proc_random(&self->random, STRIDE + 1);
}

static inline bool has_failed(struct __test_metadata *_metadata)
{
	return _metadata->exit_code != KSFT_PASS;
}

/* The socket of the listener does not run full. */
static inline void drain(FIXTURE_DATA(failing) *self)
{
	struct ctl_event event;

	while (ctl_event_next(self->events, &event, 0))
		;
}

/* One step; false when nothing has failed any more. */
static inline bool step(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, const struct action *action, unsigned int nth)
{
	bool fired;
	int ret;

	if (action->prepare)
		action->prepare(self);
	inject_arm(nth);
	ret = action->act(self);
	inject_stop();
	EXPECT_TRUE(wait_until(at_rest(self), SETTLE_MS));
	drain(self);
	fired = inject_fired();
	if (!fired)
		EXPECT_EQ(0, ret) TH_LOG("nothing was injected: %s", ctl_last.text);
	action->done(_metadata, self, ret);
	EXPECT_TRUE(wait_until(at_rest(self), SETTLE_MS));
	check_stage(_metadata, self);
	return fired;
}

static inline void sweep(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, const struct action *action)
{
	unsigned int nth = 1, steps = 1;

	reach(self, action->stage);
	self->locked = proc_locked();
	check_stage(_metadata, self);
	while (step(_metadata, self, action, nth)) {
		ASSERT_FALSE(has_failed(_metadata)) TH_LOG("the %u. failure", nth);
		ASSERT_GT(STEPS_MAX, nth);
		nth += next_step(self);
		steps++;
	}
	ASSERT_FALSE(has_failed(_metadata)) TH_LOG("without a failure");
	TH_LOG("%u steps, fewer than %u can fail", steps, nth);
}

#define SWEEP(name, limit) TEST_F_TIMEOUT(failing, name, limit) { sweep(_metadata, self, &name##_action); }

static inline void unbind_members(FIXTURE_DATA(failing) *self)
{
	unsigned int i;

	set_policies(self);
	for (i = 0; i < self->nr; i++)
		pci_unbind(self->members[i]);
}

/* Of a function without a host driver: what a host driver does when its memory fails is not ours. It has it again afterwards. */
static inline void sweep_driverless(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, const struct action *action)
{
	char driver[MEMBERS_MAX][32];
	unsigned int i;

	for (i = 0; i < self->nr; i++)
		pci_driver(self->members[i], driver[i], sizeof(driver[i]));
	unbind_members(self);
	sweep(_metadata, self, action);
	if (self->stage == CLAIMED)
		EXPECT_EQ(0, __dev_release(self->address, DEV_DRIVERLESS | DEV_WHOLE_SET, 0)) TH_LOG("%s", ctl_last.text);
	for (i = 0; i < self->nr; i++)
		if (driver[i][0])
			EXPECT_EQ(0, pci_bind(self->members[i], driver[i]));
}

#define SWEEP_DRIVERLESS(name, limit) TEST_F_TIMEOUT(failing, name, limit) { sweep_driverless(_metadata, self, &name##_action); }

/* --- what several of them do --- */

static inline void nothing_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
}

/* What a function has not is refused, whatever else fails. */
static inline int refused(int ret)
{
	if (!ret)
		return -EIO;
	return ret == -EINVAL ? 0 : ret;
}

static inline int act_claim(FIXTURE_DATA(failing) *self)
{
	return __dev_claim(self->address, claim_flags(self), 0);
}

/* Every member is with the host, or none. */
static inline bool is_claimed(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self)
{
	bool claimed = dev_state(self->address) != STATE(HOST);
	unsigned int i;

	for (i = 1; i < self->nr; i++)
		EXPECT_EQ(claimed, dev_state(self->members[i]) != STATE(HOST)) TH_LOG("%s", self->members[i]);
	return claimed;
}

static inline void check_claim(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	bool claimed = is_claimed(_metadata, self), quarantined = false;
	unsigned int i;

	for (i = 0; i < self->nr && claimed; i++) {
		EXPECT_FALSE(dma_is_open(self->members[i]));
		quarantined |= dev_state(self->members[i]) == STATE(QUARANTINED);
	}
	EXPECT_EQ(!ret, claimed && !quarantined);
}

/* Back to the host, by the ways that an admin has. */
static inline void give_back(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self)
{
	EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
	EXPECT_EQ(0, __dev_release(self->address, DEV_WHOLE_SET, 0)) TH_LOG("%s", ctl_last.text);
}

static inline void claim_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	check_claim(_metadata, self, ret);
	if (dev_state(self->address) != STATE(HOST))
		give_back(_metadata, self);
}

static inline int act_release(FIXTURE_DATA(failing) *self)
{
	return __dev_release(self->address, DEV_DRIVERLESS | DEV_WHOLE_SET, 0);
}

static inline void release_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	bool claimed = is_claimed(_metadata, self);

	EXPECT_EQ(!ret, !claimed);
	if (!claimed)
		dev_claim(self->address, claim_flags(self), 0);
}

static inline int act_reset(FIXTURE_DATA(failing) *self)
{
	return __dev_reset(self->address);
}

/* Quarantine is an answer to a reset that failed, and to nothing else. */
static inline void reset_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	unsigned int i;
	uint32_t state;

	for (i = 0; i < self->nr; i++) {
		state = dev_state(self->members[i]);
		EXPECT_TRUE(state == state_of_stage(self) || (ret && state == STATE(QUARANTINED))) TH_LOG("it is %s", dev_state_name(state));
	}
	EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
}

static inline int act_vm(FIXTURE_DATA(failing) *self)
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
static inline void vm_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vm_info vm = {};

	if (__vm_get(OTHER, &vm))
		return;
	EXPECT_NE(0, ret);
	if (vm.nr_devices)
		EXPECT_EQ(0, __vm_detach(OTHER, self->address, false)) TH_LOG("%s", ctl_last.text);
	EXPECT_EQ(0, __vm_del(OTHER)) TH_LOG("%s", ctl_last.text);
}

/* Opened and closed again: the end of the run and its reset are in a work. */
static inline int act_run(FIXTURE_DATA(failing) *self)
{
	int fd = __device_fd(self);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static inline void run_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	bool quarantined = false;
	unsigned int i;

	for (i = 0; i < self->nr; i++) {
		if (dev_state(self->members[i]) == state_of_stage(self))
			continue;
		EXPECT_EQ(STATE(QUARANTINED), dev_state(self->members[i]));
		EXPECT_FALSE(dma_is_open(self->members[i]));
		quarantined = true;
	}
	if (quarantined)
		EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
}

static inline void prepare_revoke(FIXTURE_DATA(failing) *self)
{
	open_device(self);
	dp_assert(!self->space->map(self->vm_fd, self->mem, IOVA, PAGE, SPACE_RW), "it cannot be mapped");
}

static inline int act_revoke(FIXTURE_DATA(failing) *self)
{
	return __vm_detach(VM, self->address, true);
}

static inline void revoke_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	uint32_t word;
	unsigned int i;

	/* Asked for again, it is done. */
	if (ret)
		EXPECT_EQ(0, __vm_detach(VM, self->address, true)) TH_LOG("%s", ctl_last.text);
	EXPECT_TRUE(wait_until(at_rest(self), SETTLE_MS));
	for (i = 0; i < self->nr; i++)
		EXPECT_FALSE(dma_is_open(self->members[i]));
	EXPECT_EQ(-ENODEV, __device_read(self->fd, VFIO_PCI_CONFIG_REGION_INDEX, 0, &word, 4));
	close_device(self);
	EXPECT_EQ(0, self->space->unmap(self->vm_fd, IOVA, PAGE, NULL));
	for (i = 0; i < self->nr; i++)
		if (dev_state(self->members[i]) == STATE(QUARANTINED))
			EXPECT_EQ(0, __dev_recover(self->address)) TH_LOG("%s", ctl_last.text);
	vm_attach(VM, self->address);
}

static inline int act_map(FIXTURE_DATA(failing) *self)
{
	return self->space->map(self->vm_fd, self->mem, IOVA, self->size, SPACE_RW);
}

/* A page to and from the middle of the map; or from the function to nowhere, where it has what it was given last, or nothing. */
static inline void check_dma(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, bool mapped)
{
	uint64_t at = self->size / 2 + 3 * PAGE;

	if (!self->is_edu)
		return;
	if (mapped) {
		mem_fill(self->mem + at, PAGE, SEED);
		edu_fetch(&self->edu, IOVA + at, 0, EDU_DMA_MAX);
	}
	mem_fill(self->mem + at, PAGE, CANARY);
	edu_store(&self->edu, IOVA + at, 0, EDU_DMA_MAX);
	EXPECT_EQ(mapped, mem_holds(self->mem + at, EDU_DMA_MAX, SEED));
	EXPECT_EQ(!mapped, mem_holds(self->mem + at, EDU_DMA_MAX, CANARY));
}

static inline void map_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vm_info vm;

	vm_get(VM, &vm);
	EXPECT_EQ(ret ? 0 : self->size, vm.mapped);
	check_dma(_metadata, self, !ret);
	if (ret)
		return;
	EXPECT_EQ(0, self->space->unmap(self->vm_fd, IOVA, self->size, NULL));
	check_dma(_metadata, self, false);
}

static inline void prepare_map(FIXTURE_DATA(failing) *self)
{
	mem_free(self->mem, SIZE);
	self->mem = mem_new(self->kind, SIZE);
	dp_assert(self->mem, "no memory of this kind");
}

static inline void prepare_unmap(FIXTURE_DATA(failing) *self)
{
	uint64_t part = self->size / 4;
	unsigned int i;

	for (i = 0; i < 4; i++)
		dp_assert(!self->space->map(self->vm_fd, self->mem + i * part, IOVA + i * part, part, SPACE_RW), "it cannot be mapped");
}

static inline int act_unmap(FIXTURE_DATA(failing) *self)
{
	return self->space->unmap(self->vm_fd, IOVA, self->size / 2, NULL);
}

static inline void unmap_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct vm_info vm;

	vm_get(VM, &vm);
	/* What is said of a change that was made can get lost: the struct cannot be written any more. */
	EXPECT_TRUE(vm.mapped == (ret ? self->size : self->size / 2) || (ret == -EFAULT && vm.mapped == self->size / 2));
	check_dma(_metadata, self, true);
	if (vm.mapped == self->size)
		EXPECT_EQ(0, self->space->unmap(self->vm_fd, IOVA, self->size / 2, NULL));
	EXPECT_EQ(0, self->space->unmap(self->vm_fd, IOVA + self->size / 2, self->size / 2, NULL));
	check_dma(_metadata, self, false);
}

static inline int run_tests(int argc, char **argv)
{
	inject_find();
	return test_harness_run(argc, argv);
}

#define FAILING_MAIN(modules) \
	int main(int argc, char **argv) \
	{ \
		return host_main(argc, argv, modules, run_tests); \
	}

#endif
