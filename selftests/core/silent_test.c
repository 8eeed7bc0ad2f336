// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that never answers. A VMM waits for it in a call of ours; meanwhile its function is taken, its fds are closed, it is killed. All of that
 * ends, and nothing is left.
 */
#include "kselftest_harness.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <linux/directpath.h>
#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"
#include "silent.h"

#define VM "t-silent"
#define IOVA 0x10000000ULL
#define SIZE (8 * PAGE)
/* Long enough to be sure that it waits. */
#define STUCK_US 300000
/* Of a machine that has nothing else to do. */
#define END_MS 5000
#define STATE(name) DIRECTPATH_STATE_##name

/* Where the VMM waits. */
enum wait {
	WAIT_MAP,     /* pages of guest memory */
	WAIT_REQUEST, /* an ioctl's structure */
	WAIT_IRQS,    /* its eventfds */
	WAIT_READ,    /* registers, read into it */
	WAIT_WRITE,   /* and written from it */
	NR_WAITS,
};

/* Not in the fixture, which is shared with children. */
static struct rig rig;
static struct {
	volatile bool waiting;
	volatile bool returned;
	volatile int ret;
} *report;

FIXTURE(silent) {
	unsigned int slow;
};

FIXTURE_VARIANT(silent) {
	enum silent_kind kind;
	enum wait wait;
};

FIXTURE_VARIANT_ADD(silent, uffd_map) { .kind = SILENT_UFFD, .wait = WAIT_MAP };
FIXTURE_VARIANT_ADD(silent, uffd_request) { .kind = SILENT_UFFD, .wait = WAIT_REQUEST };
FIXTURE_VARIANT_ADD(silent, uffd_irqs) { .kind = SILENT_UFFD, .wait = WAIT_IRQS };
FIXTURE_VARIANT_ADD(silent, uffd_read) { .kind = SILENT_UFFD, .wait = WAIT_READ };
FIXTURE_VARIANT_ADD(silent, uffd_write) { .kind = SILENT_UFFD, .wait = WAIT_WRITE };
FIXTURE_VARIANT_ADD(silent, fuse_map) { .kind = SILENT_FUSE, .wait = WAIT_MAP };
FIXTURE_VARIANT_ADD(silent, fuse_irqs) { .kind = SILENT_FUSE, .wait = WAIT_IRQS };
FIXTURE_VARIANT_ADD(silent, fuse_write) { .kind = SILENT_FUSE, .wait = WAIT_WRITE };

FIXTURE_SETUP(silent)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	self->slow = getenv("DP_SLOW") ? atoi(getenv("DP_SLOW")) : 1;
	report = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, report);
}

FIXTURE_TEARDOWN_PARENT(silent)
{
	EXPECT_EQ(0, host_restore());
}

/* --- the VMM --- */

static int touch(enum wait wait, void *mem)
{
	struct {
		struct vfio_irq_set head;
		int fds[1];
	} irqs = { .head = { .argsz = sizeof(irqs), .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, .index = 1, .count = 1 } };

	switch (wait) {
	case WAIT_MAP:
		return __space_map(rig.vm_fd, mem, IOVA, SIZE, SPACE_RW);
	case WAIT_REQUEST:
		return fd_ioctl(rig.vm_fd, DIRECTPATH_MAP, mem);
	case WAIT_IRQS:
		/* The structure's last word is the first of the silent page. */
		mem = (char *)mem - sizeof(irqs.head);
		memcpy(mem, &irqs.head, sizeof(irqs.head));
		return fd_ioctl(rig.fd, VFIO_DEVICE_SET_IRQS, mem);
	case WAIT_READ:
		return __device_read(rig.fd, 0, 0, mem, 4);
	default:
		return __device_write(rig.fd, 0, 4, mem, 4);
	}
}

struct job {
	enum wait wait;
	void *mem;
};

static void *wait_there(void *arg)
{
	struct job *job = arg;

	report->waiting = true;
	report->ret = touch(job->wait, job->mem);
	report->returned = true;
	return NULL;
}

struct plan {
	enum silent_kind kind;
	enum wait wait;
};

/* 'b': begun; then as told: 'c': close everything, 'a': let the memory answer; 'd': done. */
static void run_vmm(struct peer *peer, void *arg)
{
	const struct plan *plan = arg;
	struct silent silent;
	struct job job = { .wait = plan->wait };
	pthread_t thread;
	char what;

	if (!silent_new(&silent, plan->kind, SIZE)) {
		peer_tell(peer, 'n');
		return;
	}
	job.mem = silent.mem;
	rig_open(&rig);
	dp_assert(!pthread_create(&thread, NULL, wait_there, &job), "no thread");
	peer_tell(peer, 'b');
	while ((what = peer_hear(peer, 10 * SETTLE_MS))) {
		if (what == 'a')
			silent_answer(&silent);
		if (what == 'c') {
			close(rig.fd);
			close(rig.vm_fd);
		}
		peer_tell(peer, 'd');
	}
}

/* --- from outside --- */

static bool start(struct peer *peer, const FIXTURE_VARIANT(silent) *variant)
{
	struct plan plan = { .kind = variant->kind, .wait = variant->wait };
	char what;

	memset((void *)report, 0, sizeof(*report));
	peer_start(peer, run_vmm, &plan);
	what = peer_hear(peer, SETTLE_MS);
	if (what == 'n')
		return false;
	dp_assert(what == 'b' && wait_until(report->waiting, SETTLE_MS), "the VMM has not begun");
	usleep(STUCK_US);
	/* 6.1 pins for long without giving mmap_lock back in between, and userfaultfd refuses to wait like that. */
	if (report->returned && report->ret == -EFAULT && variant->kind == SILENT_UFFD && variant->wait == WAIT_MAP) {
		peer_kill(peer);
		return false;
	}
	dp_assert(!report->returned, "it does not wait: %d", report->ret);
	return true;
}

#define START(peer) \
	do { \
		if (!start(peer, variant)) \
			SKIP(return, "this kernel does not wait for memory of this kind"); \
	} while (0)

/* Within its deadline, which is for a quiet machine. */
#define EXPECT_ENDS(statement) \
	do { \
		uint64_t __begin = now_ms(); \
		statement; \
		EXPECT_GE(END_MS * self->slow, now_ms() - __begin) TH_LOG("%s", #statement); \
	} while (0)

static void check_end(struct __test_metadata *_metadata, FIXTURE_DATA(silent) *self, struct peer *peer)
{
	EXPECT_ENDS(peer_kill(peer));
	EXPECT_TRUE(vm_is_empty(VM, SETTLE_MS));
}

TEST_F_TIMEOUT(silent, revoke, 120)
{
	struct peer peer;

	START(&peer);
	EXPECT_ENDS(vm_detach(VM, rig.address, true));
	EXPECT_EQ(STATE(READY), dev_state(rig.address));
	EXPECT_EQ(0, pci_config_read(rig.address, 4, 2) & 4);
	EXPECT_FALSE(report->returned);
	check_end(_metadata, self, &peer);
}

TEST_F_TIMEOUT(silent, release, 120)
{
	struct peer peer;

	START(&peer);
	EXPECT_ENDS(dev_release(rig.address, 0, DEV_FORCE(ATTACHED)));
	EXPECT_EQ(STATE(HOST), dev_state(rig.address));
	check_end(_metadata, self, &peer);
}

/* remove() of our driver. */
TEST_F_TIMEOUT(silent, unbind, 120)
{
	struct peer peer;

	START(&peer);
	EXPECT_ENDS(EXPECT_EQ(0, pci_unbind(rig.address)));
	EXPECT_TRUE(dev_reaches(rig.address, STATE(HOST), SETTLE_MS));
	check_end(_metadata, self, &peer);
}

/* Every fd of it; the call that waits has its own reference, so the run goes on until it ends. */
TEST_F_TIMEOUT(silent, close, 120)
{
	struct peer peer;

	START(&peer);
	peer_tell(&peer, 'c');
	EXPECT_ENDS(EXPECT_EQ('d', peer_hear(&peer, SETTLE_MS)));
	EXPECT_FALSE(report->returned);
	EXPECT_ENDS(vm_detach(VM, rig.address, true));
	EXPECT_EQ(STATE(READY), dev_state(rig.address));
	check_end(_metadata, self, &peer);
}

TEST_F_TIMEOUT(silent, kill, 120)
{
	struct peer peer;

	START(&peer);
	check_end(_metadata, self, &peer);
	EXPECT_TRUE(dev_reaches(rig.address, STATE(RESERVED), SETTLE_MS));
	/* And the next VMM finds all as it should be. */
	rig_open(&rig);
	EXPECT_TRUE(edu_alive(&rig.edu, 0x1234));
	rig_close(&rig);
}

/* The operator is served meanwhile, and so are the VMM's other threads. */
TEST_F_TIMEOUT(silent, status_answers, 120)
{
	struct dev_stats stats;
	struct vm_info vm;
	struct peer peer;

	START(&peer);
	EXPECT_ENDS(EXPECT_EQ(STATE(RUNNING), dev_state(rig.address)));
	EXPECT_ENDS(vm_get(VM, &vm));
	EXPECT_EQ(DIRECTPATH_VM_STATE_RUNNING, vm.state);
	EXPECT_ENDS(dev_stats(rig.address, &stats));
	check_end(_metadata, self, &peer);
}

TEST_F_TIMEOUT(silent, answers_after_the_revoke, 120)
{
	/* Zeroes are no request. The space is the VM's and lives. What a function showed was read before it waited; what is written goes nowhere. */
	static const int answers[] = {
		[WAIT_MAP] = 0, [WAIT_REQUEST] = -EINVAL, [WAIT_IRQS] = -ENODEV, [WAIT_READ] = 4, [WAIT_WRITE] = 4,
	};
	struct peer peer;

	if (variant->kind != SILENT_UFFD)
		return;
	START(&peer);
	vm_detach(VM, rig.address, true);
	peer_tell(&peer, 'a');
	EXPECT_EQ('d', peer_hear(&peer, SETTLE_MS));
	EXPECT_TRUE(wait_until(report->returned, SETTLE_MS));
	EXPECT_EQ(answers[variant->wait], report->ret);
	check_end(_metadata, self, &peer);
}

/* --- a disk that is full --- */

FIXTURE(full) {
	struct silent silent;
};

FIXTURE_SETUP(full)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	ASSERT_TRUE(silent_new(&self->silent, SILENT_FULL, SIZE));
}

FIXTURE_TEARDOWN_PARENT(full)
{
	EXPECT_EQ(0, host_restore());
}

TEST_F_TIMEOUT(full, is_refused_whole, 60)
{
	uint64_t locked = proc_locked();
	struct vm_info vm;

	rig_open(&rig);
	EXPECT_EQ(-EFAULT, __space_map(rig.vm_fd, self->silent.mem, IOVA, SIZE, SPACE_RW));
	EXPECT_TRUE(proc_locked_reaches(locked, SETTLE_MS));
	vm_get(VM, &vm);
	EXPECT_EQ(0, vm.mapped);
	EXPECT_EQ(0, vm.pinned);
	/* The half that is there can be had. */
	EXPECT_EQ(0, __space_map(rig.vm_fd, self->silent.mem, IOVA, SIZE / 2, SPACE_RW));
	edu_store(&rig.edu, IOVA, 0, EDU_DMA_MAX);
	space_unmap(rig.vm_fd, IOVA, SIZE / 2);
	rig_close(&rig);
}

HOST_MAIN(HOST_DP)
