// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that firmware has reserved for its own DMA through a function (RMRR): nobody gets the function, whichever way he tries, and each refusal
 * names the region. Only a display's (or USB controller's) is relaxable: in a VM its region is memory like any other, and firmware's is out of reach.
 */
#include "kselftest_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-rmrr"
#define STATE(name) DIRECTPATH_STATE_##name

struct region {
	uint64_t first;
	uint64_t last;
	char text[64]; /* as refusals show it */
};

/* The only region of this kind that the kernel has for the group of a function. */
static bool find_region(const char *address, const char *kind, struct region *region)
{
	char path[96], found[32];
	bool seen = false;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/reserved_regions", address);
	f = fopen(path, "r");
	dp_assert(f, "%s: %s", path, strerror(errno));
	while (!seen && fscanf(f, "%lx %lx %31s", &region->first, &region->last, found) == 3)
		seen = !strcmp(found, kind);
	fclose(f);
	snprintf(region->text, sizeof(region->text), "%#lx-%#lx", region->first, region->last);
	return seen;
}

/* --- not relaxable --- */

FIXTURE(rmrr) {
	const char *edu;
	struct region region;
};

FIXTURE_SETUP(rmrr)
{
	ASSERT_EQ(0, host_restore());
	if (!pci_env("DP_GPU_2"))
		SKIP(return, "no firmware that does DMA on this machine");
	self->edu = pci_env("DP_EDU1");
	ASSERT_TRUE(find_region(self->edu, "direct", &self->region));
	dev_set_policy(self->edu, "none");
}

FIXTURE_TEARDOWN_PARENT(rmrr)
{
	EXPECT_EQ(0, host_restore());
}

static const struct ctl_reason *find_reason(const struct ctl_reason *reasons, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (reasons[i].code == DIRECTPATH_REASON_RMRR)
			return &reasons[i];
	return NULL;
}

TEST_F(rmrr, is_listed)
{
	const struct ctl_reason *reason;
	struct dev_info info;

	dev_get(self->edu, &info);
	EXPECT_EQ(DIRECTPATH_VERDICT_BLOCKED, info.verdict);
	EXPECT_EQ(DIRECTPATH_GRADE_D, info.grade);
	reason = find_reason(info.reasons, info.nr_reasons);
	ASSERT_NE(NULL, reason);
	EXPECT_TRUE(reason->blocking);
	EXPECT_FALSE(reason->forceable);
	EXPECT_IN(self->region.text, reason->culprit);
	EXPECT_NE('\0', reason->fix[0]);
	/* The one beside it has none. */
	dev_get(pci_env("DP_EDU0"), &info);
	EXPECT_EQ(NULL, find_reason(info.reasons, info.nr_reasons));
}

static void check_refused(struct __test_metadata *_metadata, const char *address, const struct region *region)
{
	const struct ctl_reason *reason = find_reason(ctl_last.reasons, ctl_last.nr_reasons);

	EXPECT_IN(address, ctl_last.text);
	EXPECT_IN("rmrr", ctl_last.text);
	EXPECT_IN(region->text, ctl_last.text);
	ASSERT_NE(NULL, reason);
	EXPECT_IN(region->text, reason->culprit);
	EXPECT_EQ(STATE(HOST), dev_state(address));
}

TEST_F(rmrr, no_claim)
{
	struct host_info host;
	char override[32];

	EXPECT_EQ(-EPERM, __dev_claim(self->edu, 0, 0));
	check_refused(_metadata, self->edu, &self->region);
	EXPECT_EQ(-EPERM, __dev_claim(self->edu, DEV_UNBIND | DEV_WHOLE_SET, DEV_FORCE(RMRR)));
	check_refused(_metadata, self->edu, &self->region);
	pci_override(self->edu, override, sizeof(override));
	EXPECT_STREQ("", override);
	EXPECT_TRUE(pci_driver_is(self->edu, ""));
	host_get(&host);
	EXPECT_EQ(0, host.devices_claimed);
}

/* A VM gets nothing of it: not by attach, not by its fd, not through a group's node. */
static void check_closed(struct __test_metadata *_metadata, const char *address)
{
	int vm_fd;

	vm_new(VM, NULL);
	EXPECT_GT(0, __vm_attach(VM, address));
	EXPECT_IN(address, ctl_last.text);
	vm_fd = vm_open(VM);
	EXPECT_GT(0, __vm_device(vm_fd, address));
	EXPECT_EQ(-ENOENT, __group_open(pci_group(address)));
	close(vm_fd);
	vm_del(VM);
}

TEST_F(rmrr, no_run)
{
	check_closed(_metadata, self->edu);
}

/* Who binds it by hand reads why nothing comes of it. */
static void bind_by_hand(struct __test_metadata *_metadata, FIXTURE_DATA(rmrr) *self, const char *driver)
{
	struct dev_info info = {};

	ASSERT_TRUE(pci_set_override(self->edu, driver));
	ASSERT_EQ(0, pci_bind(self->edu, driver));
	EXPECT_TRUE(wait_until((dev_get(self->edu, &info), info.detail[0]), SETTLE_MS));
	EXPECT_EQ(STATE(CLAIMING), info.state);
	EXPECT_IN("rmrr", info.detail);
	EXPECT_IN(self->region.text, info.detail);
	check_closed(_metadata, self->edu);
	EXPECT_EQ(-EPERM, __dev_claim(self->edu, 0, 0));
	EXPECT_IN(self->region.text, ctl_last.text);
	EXPECT_EQ(0, pci_unbind(self->edu));
	EXPECT_TRUE(dev_reaches(self->edu, STATE(HOST), SETTLE_MS));
	EXPECT_TRUE(pci_set_override(self->edu, ""));
}

TEST_F_TIMEOUT(rmrr, bound_by_hand, 120)
{
	bind_by_hand(_metadata, self, "directpath");
	bind_by_hand(_metadata, self, "vfio-pci");
}

/* A region of one member is everybody's; the host goes on with its disks. */
TEST_F_TIMEOUT(rmrr, of_a_companion, 120)
{
	const char *first = pci_env("DP_CARD2_0"), *second = pci_env("DP_CARD2_1");
	char disks[2][32], now[32];
	struct region region;

	ASSERT_TRUE(find_region(first, "direct", &region));
	ASSERT_STRNE(self->region.text, region.text);
	ASSERT_TRUE(pci_block(first, disks[0], sizeof(disks[0])));
	ASSERT_TRUE(pci_block(second, disks[1], sizeof(disks[1])));
	EXPECT_EQ(-EPERM, __dev_claim(first, DEV_UNBIND | DEV_WHOLE_SET, 0));
	check_refused(_metadata, first, &region);
	EXPECT_EQ(-EPERM, __dev_claim(second, DEV_UNBIND | DEV_WHOLE_SET, DEV_FORCE(RMRR)));
	check_refused(_metadata, second, &region);
	EXPECT_TRUE(pci_driver_is(first, "nvme"));
	EXPECT_TRUE(pci_driver_is(second, "nvme"));
	EXPECT_TRUE(pci_block(first, now, sizeof(now)));
	EXPECT_STREQ(disks[0], now);
	EXPECT_TRUE(pci_block(second, now, sizeof(now)));
	EXPECT_STREQ(disks[1], now);
}

/* --- relaxable --- */

/* A card with a display, for which firmware has a region, and an edu that can do DMA there: the set shares one domain. */
FIXTURE(relaxable) {
	const char *display;
	const char *audio;
	const char *edu;
	struct region region;
	char *firmware; /* two pages of the region */
	char *mem;
};

FIXTURE_SETUP(relaxable)
{
	int fd;

	ASSERT_EQ(0, host_restore());
	self->edu = pci_env("DP_GPU_2");
	if (!self->edu)
		SKIP(return, "no firmware that does DMA on this machine");
	self->display = pci_env("DP_GPU_0");
	self->audio = pci_env("DP_GPU_1");
	ASSERT_TRUE(find_region(self->display, "direct-relaxable", &self->region));
	ASSERT_LE(2 * PAGE, self->region.last - self->region.first + 1);
	fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	self->firmware = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, self->region.first);
	ASSERT_NE(MAP_FAILED, self->firmware);
	close(fd);
	self->mem = mem_new(MEM_ANON, PAGE);
	/* The port of this card fails bus resets in QEMU 7.2. */
	dev_set_policy(self->display, "none");
	dev_set_policy(self->audio, "none");
	dev_set_policy(self->edu, "none");
}

FIXTURE_TEARDOWN_PARENT(relaxable)
{
	EXPECT_EQ(0, host_restore());
}

/* The edu copies the first page of the region to the second, by the addresses that firmware uses: does that reach its memory? */
static bool firmware_is_reached(FIXTURE_DATA(relaxable) *self, struct edu *edu, uint32_t seed)
{
	mem_fill(self->firmware, PAGE, seed);
	memset(self->firmware + PAGE, 0, PAGE);
	edu_fetch(edu, self->region.first, 0, EDU_DMA_MAX);
	edu_store(edu, self->region.first + PAGE, 0, EDU_DMA_MAX);
	return mem_holds(self->firmware + PAGE, EDU_DMA_MAX, seed);
}

/* Neither what firmware has there comes out, nor does anything go in. */
static bool firmware_is_out_of_reach(FIXTURE_DATA(relaxable) *self, struct edu *edu, uint32_t seed)
{
	char *second = self->firmware + PAGE;
	unsigned int i;

	mem_fill(self->firmware, PAGE, seed);
	memset(second, 0, PAGE);
	edu_fetch(edu, self->region.first, 0, EDU_DMA_MAX);
	edu_store(edu, self->region.first + PAGE, 0, EDU_DMA_MAX);
	for (i = 0; i < PAGE && !second[i]; i++)
		;
	return i == PAGE && mem_holds(self->firmware, PAGE, seed);
}

static bool host_reaches(FIXTURE_DATA(relaxable) *self, uint32_t seed)
{
	struct edu edu;
	bool reached;

	edu_map_host(&edu, self->edu);
	reached = firmware_is_reached(self, &edu, seed);
	edu_unmap(&edu);
	return reached;
}

static bool host_does_not_reach(FIXTURE_DATA(relaxable) *self, uint32_t seed)
{
	struct edu edu;
	bool out;

	edu_map_host(&edu, self->edu);
	out = firmware_is_out_of_reach(self, &edu, seed);
	edu_unmap(&edu);
	return out;
}

TEST_F(relaxable, is_no_reason)
{
	struct dev_info info;

	dev_get(self->display, &info);
	EXPECT_EQ(NULL, find_reason(info.reasons, info.nr_reasons));
	EXPECT_EQ(DIRECTPATH_VERDICT_OK_SET, info.verdict);
}

static void run(FIXTURE_DATA(relaxable) *self)
{
	dev_claim(self->display, DEV_UNBIND | DEV_WHOLE_SET, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->display);
}

/* What a VM maps at the region's addresses is its own memory, and the only thing there. */
static void check_maps(struct __test_metadata *_metadata, FIXTURE_DATA(relaxable) *self, struct edu *edu, int space, const struct space_ops *door)
{
	uint64_t iova = self->region.first;

	EXPECT_TRUE(firmware_is_out_of_reach(self, edu, 3));
	ASSERT_EQ(0, door->map(space, self->mem, iova, PAGE, SPACE_RW));
	mem_fill(self->firmware, PAGE, 4);
	mem_fill(self->mem, PAGE, 5);
	edu_fetch(edu, iova, 0, EDU_DMA_MAX);
	memset(self->mem, 0, PAGE);
	edu_store(edu, iova, 0, EDU_DMA_MAX);
	EXPECT_TRUE(mem_holds(self->mem, EDU_DMA_MAX, 5));
	EXPECT_TRUE(mem_holds(self->firmware, PAGE, 4));
	EXPECT_EQ(0, door->unmap(space, iova, PAGE, NULL));
	EXPECT_TRUE(firmware_is_out_of_reach(self, edu, 6));
}

TEST_F_TIMEOUT(relaxable, natively, 180)
{
	struct edu edu;
	int vm_fd, fd;

	/* The kernel's own domain has the region, or this shows nothing. */
	ASSERT_TRUE(host_reaches(self, 1));
	run(self);
	EXPECT_TRUE(host_does_not_reach(self, 2));
	vm_fd = vm_open(VM);
	fd = vm_device(vm_fd, self->edu);
	device_enable(fd);
	edu_map(&edu, fd);
	check_maps(_metadata, self, &edu, vm_fd, &space_native);
	edu_unmap(&edu);
	close(fd);
	close(vm_fd);
	EXPECT_TRUE(dev_reaches(self->display, STATE(RESERVED), SETTLE_MS));
	EXPECT_TRUE(host_does_not_reach(self, 7));

	/* And with the host it is firmware's again. */
	vm_detach(VM, self->display, false);
	dev_release(self->display, DEV_WHOLE_SET, 0);
	EXPECT_EQ(STATE(HOST), dev_state(self->edu));
	EXPECT_TRUE(host_reaches(self, 8));
}

TEST_F_TIMEOUT(relaxable, through_the_vfio_door, 180)
{
	struct door door;
	struct edu edu;

	run(self);
	door_open(&door, self->edu, VFIO_TYPE1v2_IOMMU);
	device_enable(door.fd);
	edu_map(&edu, door.fd);
	check_maps(_metadata, self, &edu, door.container, &space_type1);
	edu_unmap(&edu);
	door_close(&door);
	EXPECT_TRUE(dev_reaches(self->display, STATE(RESERVED), SETTLE_MS));
}

HOST_MAIN(HOST_VFIO)
