// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on request in maps of memory of each kind, and of BARs.
 */
#include "failing.h"

#include <sys/mman.h>

#define PEER 0x4000000000ULL

FIXTURE_VARIANT_ADD(failing, edu) FAILING_EDU;
FIXTURE_VARIANT_ADD(failing, e1000e) FAILING_E1000E;

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
TEST_F_TIMEOUT(failing, map_shared, 900) { sweep_kind(_metadata, self, MEM_SHARED); }
TEST_F_TIMEOUT(failing, map_memfd, 900) { sweep_kind(_metadata, self, MEM_MEMFD); }
TEST_F_TIMEOUT(failing, map_hugetlb, 900) { sweep_kind(_metadata, self, MEM_HUGETLB); }

static const struct action unmap_action = { RUNNING, prepare_unmap, act_unmap, unmap_done };
SWEEP(unmap, 600)

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

/* The same without a map of it. */
static int act_peer_fd(FIXTURE_DATA(failing) *self)
{
	struct directpath_map cmd = {
		.size = sizeof(cmd),
		.flags = DIRECTPATH_MAP_MMIO | DIRECTPATH_MAP_READ | DIRECTPATH_MAP_WRITE,
		.iova = PEER,
		.length = PAGE,
		.fd = self->fd,
	};

	return fd_ioctl(self->vm_fd, DIRECTPATH_MAP, &cmd);
}

static const struct action peer_fd_action = { RUNNING, prepare_peer, act_peer_fd, peer_done };
SWEEP(peer_fd, 600)

FAILING_MAIN(HOST_DP)
