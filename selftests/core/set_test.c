// SPDX-License-Identifier: GPL-2.0
/*
 * Isolation sets of several functions: claimed, attached, run, reset and released as one; the reset of all through the port above them; and a VM's
 * own reset of that kind.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-set"
#define OTHER "t-set-2"
#define IOVA 0x10000000ULL
#define STATE(name) DIRECTPATH_STATE_##name

/* Register of an intel-hda (base of its command ring) that a reset clears. */
#define HDA_CORB 0x40
#define HDA_MARK 0x12345680

/* The card below the switch: an hda and an edu, neither with a reset of its own. */
FIXTURE(set) {
	const char *hda;
	const char *edu;
};

FIXTURE_SETUP(set)
{
	/* A test that failed may have left one out. */
	ASSERT_EQ(0, host_shell("echo 1 >/sys/bus/pci/rescan"));
	ASSERT_EQ(0, host_restore());
	self->hda = pci_env("DP_SWITCH_CARD_0");
	self->edu = pci_env("DP_SWITCH_CARD_1");
	if (!self->hda || !self->edu)
		SKIP(return, "no switch on this machine");
}

FIXTURE_TEARDOWN_PARENT(set)
{
	EXPECT_EQ(0, host_restore());
}

static uint32_t mark_read(int fd)
{
	uint32_t value = 0;

	dp_assert(__device_read(fd, 0, HDA_CORB, &value, 4) == 4, "the register cannot be read");
	return value;
}

static void mark_write(int fd)
{
	uint32_t value = HDA_MARK;

	dp_assert(__device_write(fd, 0, HDA_CORB, &value, 4) == 4, "the register cannot be written");
}

static bool both_are(const char *first, const char *second, uint32_t state)
{
	return dev_reaches(first, state, SETTLE_MS) && dev_reaches(second, state, SETTLE_MS);
}

/* --- without a reset of its own --- */

TEST_F_TIMEOUT(set, part_is_refused, 60)
{
	struct dev_info info;

	dev_get(self->hda, &info);
	EXPECT_STREQ("", info.methods);
	EXPECT_EQ(DIRECTPATH_VERDICT_OK_SET, info.verdict);
	EXPECT_EQ(DIRECTPATH_GRADE_C, info.grade);
	EXPECT_EQ(-EBUSY, __dev_claim(self->hda, 0, 0));
	EXPECT_TEXT("set-shared");
	EXPECT_TEXT(self->edu);
	EXPECT_EQ(-EBUSY, __dev_claim(self->edu, 0, 0));
	EXPECT_TEXT(self->hda);
	/* The bridge above it is in the set, and needs no claim. */
	EXPECT_EQ(NULL, strstr(ctl_last.text, getenv("DP_SWITCH_DOWN2")));
	EXPECT_EQ(STATE(HOST), dev_state(self->hda));
	EXPECT_EQ(STATE(HOST), dev_state(self->edu));
}

TEST_F_TIMEOUT(set, reset_by_the_bus, 120)
{
	struct dev_info first, second;
	int vm_fd, fds[2];

	/* No consent to anything: the bus resets them. */
	dev_claim(self->edu, DEV_WHOLE_SET, 0);
	dev_get(self->hda, &first);
	dev_get(self->edu, &second);
	EXPECT_EQ(STATE(READY), first.state);
	EXPECT_EQ(STATE(READY), second.state);
	EXPECT_EQ(1, first.resets);
	EXPECT_EQ(1, second.resets);
	EXPECT_TRUE(pci_driver_is(getenv("DP_SWITCH_DOWN2"), "pcieport"));

	vm_new(VM, NULL);
	vm_attach(VM, self->hda);
	EXPECT_EQ(STATE(RESERVED), dev_state(self->edu));
	vm_fd = vm_open(VM);
	fds[0] = vm_device(vm_fd, self->hda);
	fds[1] = vm_device(vm_fd, self->edu);
	device_enable(fds[0]);
	mark_write(fds[0]);
	EXPECT_EQ(HDA_MARK, mark_read(fds[0]));
	/* Nothing is reset while a member still runs. */
	close(fds[0]);
	EXPECT_EQ(STATE(RUNNING), dev_state(self->hda));
	dev_get(self->hda, &first);
	EXPECT_EQ(1, first.resets);
	close(fds[1]);
	EXPECT_TRUE(both_are(self->hda, self->edu, STATE(RESERVED)));
	dev_get(self->hda, &first);
	dev_get(self->edu, &second);
	EXPECT_EQ(2, first.resets);
	EXPECT_EQ(2, second.resets);

	fds[0] = vm_device(vm_fd, self->hda);
	device_enable(fds[0]);
	EXPECT_EQ(0, mark_read(fds[0]));
	close(fds[0]);
	close(vm_fd);
	EXPECT_TRUE(both_are(self->hda, self->edu, STATE(RESERVED)));
	vm_detach(VM, self->edu, false);
	EXPECT_EQ(STATE(READY), dev_state(self->hda));
	EXPECT_EQ(-EBUSY, __dev_release(self->hda, 0, 0));
	dev_release(self->hda, DEV_WHOLE_SET, 0);
	EXPECT_EQ(STATE(HOST), dev_state(self->hda));
	EXPECT_EQ(STATE(HOST), dev_state(self->edu));
}

/* A member whose reset does harm keeps the others from theirs; and the set comes back as one. */
TEST_F_TIMEOUT(set, a_member_that_must_not_be_reset, 120)
{
	struct dev_info info;
	uint64_t resets;

	dev_set_policy(self->edu, "none");
	EXPECT_GT(0, __dev_claim(self->hda, DEV_WHOLE_SET, 0));
	EXPECT_TEXT(self->hda);
	EXPECT_TEXT("rules the bus out");
	EXPECT_EQ(STATE(QUARANTINED), dev_state(self->hda));
	EXPECT_EQ(STATE(READY), dev_state(self->edu));
	vm_new(VM, NULL);
	EXPECT_EQ(-EIO, __vm_attach(VM, self->edu));
	EXPECT_TEXT(self->hda);

	dev_set_policy(self->edu, "default");
	dev_get(self->edu, &info);
	resets = info.resets;
	EXPECT_EQ(0, __dev_recover(self->hda));
	EXPECT_TRUE(both_are(self->hda, self->edu, STATE(READY)));
	dev_get(self->edu, &info);
	EXPECT_EQ(resets + 1, info.resets);
	vm_attach(VM, self->edu);
	EXPECT_EQ(STATE(RESERVED), dev_state(self->hda));
}

TEST_F_TIMEOUT(set, policy_names_the_bus, 120)
{
	dev_set_policy(self->edu, "flr,bus");
	dev_set_policy(self->hda, "slot");
	dev_claim(self->hda, DEV_WHOLE_SET, 0);
	EXPECT_EQ(STATE(READY), dev_state(self->hda));
	EXPECT_EQ(STATE(READY), dev_state(self->edu));
	/* Its methods are all that may be used, and it has none of them. */
	dev_set_policy(self->edu, "flr,pm");
	EXPECT_EQ(-ENOTTY, __dev_reset(self->hda));
	EXPECT_TEXT(self->hda);
	EXPECT_EQ(STATE(QUARANTINED), dev_state(self->edu));
	dev_set_policy(self->edu, "bus");
	EXPECT_EQ(0, __dev_recover(self->edu));
	EXPECT_TRUE(both_are(self->hda, self->edu, STATE(READY)));
}

/* --- other sets of the machine --- */

/* The port of this card fails bus resets in QEMU 7.2: no link-active bit comes back. */
TEST_F_TIMEOUT(set, display_and_audio, 180)
{
	const char *display = getenv("DP_GPU_0"), *audio = getenv("DP_GPU_1");
	int vm_fd, fds[2];
	struct dev_info info;

	EXPECT_EQ(-EBUSY, __dev_claim(display, DEV_UNBIND, 0));
	EXPECT_TEXT(audio);
	if (__dev_claim(display, DEV_UNBIND | DEV_WHOLE_SET, 0)) {
		EXPECT_TEXT("bus reset failed");
		EXPECT_EQ(STATE(QUARANTINED), dev_state(display));
		EXPECT_EQ(STATE(QUARANTINED), dev_state(audio));
		vm_new(OTHER, NULL);
		EXPECT_EQ(-EIO, __vm_attach(OTHER, audio));
		EXPECT_EQ(-EPERM, __dev_release(audio, DEV_WHOLE_SET, 0));
		dev_set_policy(display, "none");
		dev_set_policy(audio, "none");
		EXPECT_EQ(0, __dev_recover(audio));
	}
	EXPECT_TRUE(both_are(display, audio, STATE(READY)));
	dev_get(display, &info);
	ASSERT_EQ(1, info.nr_members);
	EXPECT_STREQ(audio, info.members[0]);

	vm_new(VM, NULL);
	vm_attach(VM, audio);
	EXPECT_EQ(STATE(RESERVED), dev_state(display));
	vm_fd = vm_open(VM);
	fds[0] = vm_device(vm_fd, display);
	fds[1] = vm_device(vm_fd, audio);
	EXPECT_EQ(0x11111234, (int)device_config_read(fds[0], 0, 4));
	device_enable(fds[1]);
	mark_write(fds[1]);
	EXPECT_EQ(HDA_MARK, mark_read(fds[1]));
	close(vm_fd);
	close(fds[1]);
	EXPECT_EQ(STATE(RUNNING), dev_state(audio));
	close(fds[0]);
	EXPECT_TRUE(both_are(display, audio, STATE(RESERVED)));
	vm_detach(VM, display, false);
	dev_release(audio, DEV_WHOLE_SET, 0);
	EXPECT_EQ(STATE(HOST), dev_state(display));
}

TEST_F_TIMEOUT(set, shared_with_the_platform, 60)
{
	const char *ahci = getenv("DP_AHCI"), *lpc = getenv("DP_LPC"), *smbus = getenv("DP_SMBUS");
	struct dev_info info;
	char driver[64];

	pci_driver(ahci, driver, sizeof(driver));
	EXPECT_GT(0, __dev_claim(ahci, DEV_UNBIND | DEV_WHOLE_SET, 0));
	EXPECT_TRUE(ctl_has_reason(ctl_last.reasons, ctl_last.nr_reasons, DIRECTPATH_REASON_SET_SHARED) ||
		    ctl_has_reason(ctl_last.reasons, ctl_last.nr_reasons, DIRECTPATH_REASON_NOT_ENDPOINT));
	dev_get(ahci, &info);
	ASSERT_EQ(2, info.nr_members);
	EXPECT_STREQ(lpc, info.members[0]);
	EXPECT_STREQ(smbus, info.members[1]);
	EXPECT_TRUE(pci_driver_is(ahci, driver));
	EXPECT_EQ(STATE(HOST), dev_state(smbus));
}

/* A set of one function and the port above it is one function for everybody. */
TEST_F_TIMEOUT(set, with_its_port, 120)
{
	const char *nvme = getenv("DP_SWITCH_NVME"), *port = getenv("DP_SWITCH_DOWN0");
	struct dev_info info;

	dev_claim(nvme, DEV_UNBIND, 0);
	EXPECT_TRUE(pci_driver_is(port, "pcieport"));
	dev_get(nvme, &info);
	EXPECT_EQ(STATE(READY), info.state);
	dev_set_policy(nvme, "bus");
	EXPECT_EQ(0, __dev_reset(nvme));
	dev_release(nvme, 0, 0);
	EXPECT_TRUE(pci_driver_is(nvme, "nvme"));
}

/* --- hot reset --- */

struct hot {
	int fds[2];
	struct vfio_pci_hot_reset_info *info;
	struct vfio_pci_hot_reset *reset;
};

static void hot_new(struct hot *hot)
{
	hot->info = calloc(1, 4096);
	hot->reset = calloc(1, 4096);
	hot->info->argsz = 4096;
	hot->reset->argsz = 4096;
}

static int hot_info(struct hot *hot, uint32_t argsz)
{
	hot->info->argsz = argsz;
	hot->info->count = 77;
	return fd_ioctl(hot->fds[0], VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, hot->info);
}

static int hot_reset(struct hot *hot, unsigned int count, const int *groups)
{
	hot->reset->count = count;
	if (count)
		memcpy(hot->reset->group_fds, groups, count * sizeof(int));
	return fd_ioctl(hot->fds[0], VFIO_DEVICE_PCI_HOT_RESET, hot->reset);
}

static bool info_names(const struct hot *hot, unsigned int i, const char *address)
{
	const struct vfio_pci_dependent_device *device = &hot->info->devices[i];
	char text[16];

	snprintf(text, sizeof(text), "%04x:%02x:%02x.%x", device->segment, device->bus, device->devfn >> 3, device->devfn & 7);
	return !strcmp(text, address) && (int)device->group_id == pci_group(address);
}

static bool dma_works(int space, const struct space_ops *door, struct edu *edu, char *mem)
{
	bool good;

	if (door->map(space, mem, IOVA, PAGE, SPACE_RW))
		return false;
	mem_fill(mem, PAGE, 7);
	edu_fetch(edu, IOVA, 0, EDU_DMA_MAX);
	memset(mem, 0, PAGE);
	edu_store(edu, IOVA, 0, EDU_DMA_MAX);
	good = mem_holds(mem, EDU_DMA_MAX, 7);
	return !door->unmap(space, IOVA, PAGE, NULL) && good;
}

/* What a guest had set up is there again, and what was in the function is gone. */
static void check_hot_reset(struct __test_metadata *_metadata, struct hot *hot, int space, const struct space_ops *door, unsigned int count,
			    const int *groups)
{
	char *mem = mem_new(MEM_ANON, PAGE);
	uint32_t bars[2], command[2];
	int efd = efd_new(), i;
	struct edu edu;

	for (i = 0; i < 2; i++)
		device_enable(hot->fds[i]);
	edu_map(&edu, hot->fds[1]);
	irq_trigger(hot->fds[1], VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &efd);
	mark_write(hot->fds[0]);
	for (i = 0; i < 2; i++) {
		bars[i] = device_config_read(hot->fds[i], PCI_BASE_ADDRESS_0, 4);
		command[i] = device_config_read(hot->fds[i], PCI_COMMAND, 2);
	}
	EXPECT_TRUE(dma_works(space, door, &edu, mem));

	EXPECT_EQ(0, hot_reset(hot, count, groups));
	EXPECT_EQ(0, mark_read(hot->fds[0]));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(bars[i], device_config_read(hot->fds[i], PCI_BASE_ADDRESS_0, 4));
		EXPECT_EQ(command[i], device_config_read(hot->fds[i], PCI_COMMAND, 2));
	}
	EXPECT_TRUE(edu_present(&edu));
	EXPECT_TRUE(dma_works(space, door, &edu, mem));
	edu_raise(&edu, 1);
	EXPECT_EQ(1, efd_wait(efd, SETTLE_MS));
	edu_ack(&edu);
	irq_disable(hot->fds[1], VFIO_PCI_MSI_IRQ_INDEX);
	edu_unmap(&edu);
	close(efd);
}

static int run_card(FIXTURE_DATA(set) *self, struct hot *hot)
{
	int vm_fd;

	dev_claim(self->hda, DEV_WHOLE_SET, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->hda);
	vm_fd = vm_open(VM);
	hot->fds[0] = vm_device(vm_fd, self->hda);
	hot->fds[1] = vm_device(vm_fd, self->edu);
	hot_new(hot);
	return vm_fd;
}

TEST_F_TIMEOUT(set, hot_reset_natively, 120)
{
	size_t room = sizeof(struct vfio_pci_dependent_device), head = sizeof(struct vfio_pci_hot_reset_info);
	struct dev_info before, after;
	int vm_fd, wrong = 0;
	struct hot hot;

	vm_fd = run_card(self, &hot);
	EXPECT_EQ(-EINVAL, hot_info(&hot, head - 1));
	EXPECT_EQ(-ENOSPC, hot_info(&hot, head));
	EXPECT_EQ(2, hot.info->count);
	EXPECT_EQ(-ENOSPC, hot_info(&hot, head + 2 * room - 1));
	EXPECT_EQ(2, hot.info->count);
	EXPECT_EQ(0, hot_info(&hot, head + 2 * room));
	EXPECT_EQ(2, hot.info->count);
	EXPECT_TRUE(info_names(&hot, 0, self->hda));
	EXPECT_TRUE(info_names(&hot, 1, self->edu));

	dev_get(self->edu, &before);
	/* There is no group to name. */
	EXPECT_EQ(-EINVAL, hot_reset(&hot, 1, &wrong));
	check_hot_reset(_metadata, &hot, vm_fd, &space_native, 0, NULL);
	dev_get(self->edu, &after);
	EXPECT_EQ(before.resets + 1, after.resets);
	EXPECT_EQ(STATE(RUNNING), dev_state(self->hda));

	/* A reset of it does harm, says the admin. */
	dev_set_policy(self->edu, "none");
	EXPECT_EQ(-EOPNOTSUPP, hot_reset(&hot, 0, NULL));
	dev_set_policy(self->edu, "default");
	close(hot.fds[1]);
	/* A companion that is not open is reset as well. */
	EXPECT_EQ(0, hot_reset(&hot, 0, NULL));
	vm_detach(VM, self->hda, true);
	EXPECT_EQ(-ENODEV, hot_reset(&hot, 0, NULL));
	EXPECT_EQ(-ENODEV, hot_info(&hot, 4096));
	close(hot.fds[0]);
	close(vm_fd);
}

TEST_F_TIMEOUT(set, hot_reset_through_the_vfio_door, 120)
{
	int groups[3], stranger, other, closed;
	const char *second = getenv("DP_EDU0");
	struct door door;
	struct hot hot;

	dev_set_policy(second, "none");
	dev_claim(second, 0, 0);
	dev_claim(self->hda, DEV_WHOLE_SET, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->hda);
	door_open(&door, self->hda, VFIO_TYPE1v2_IOMMU);
	hot.fds[0] = door.fd;
	hot.fds[1] = group_device(door.group, self->edu);
	hot_new(&hot);
	EXPECT_EQ(0, hot_info(&hot, 4096));
	EXPECT_EQ(2, hot.info->count);

	EXPECT_EQ(-EINVAL, hot_reset(&hot, 0, NULL));
	stranger = open("/dev/null", O_RDONLY);
	other = group_open(pci_group(second));
	closed = dup(stranger);
	close(closed);
	EXPECT_EQ(-EINVAL, hot_reset(&hot, 1, &stranger));
	EXPECT_EQ(-EINVAL, hot_reset(&hot, 1, &door.container));
	EXPECT_EQ(-EBADF, hot_reset(&hot, 1, &closed));
	EXPECT_EQ(-EINVAL, hot_reset(&hot, 1, &other));
	groups[0] = door.group;
	groups[1] = door.group;
	groups[2] = door.group;
	EXPECT_EQ(-EINVAL, hot_reset(&hot, 3, groups));
	check_hot_reset(_metadata, &hot, door.container, &space_type1, 1, groups);
	groups[1] = other;
	EXPECT_EQ(0, hot_reset(&hot, 2, groups));
	close(other);
	close(stranger);
	close(hot.fds[1]);
	door_close(&door);
	EXPECT_TRUE(both_are(self->hda, self->edu, STATE(RESERVED)));
}

/* The two-function card's port cannot do it in QEMU 7.2; who is behind it is told all the same. */
TEST_F_TIMEOUT(set, hot_reset_that_fails, 180)
{
	const char *first = getenv("DP_CARD2_0"), *second = getenv("DP_CARD2_1");
	struct hot hot;
	int vm_fd, ret;

	dev_claim(first, DEV_UNBIND | DEV_WHOLE_SET, 0);
	vm_new(VM, NULL);
	vm_attach(VM, first);
	vm_fd = vm_open(VM);
	hot.fds[0] = vm_device(vm_fd, first);
	hot.fds[1] = vm_device(vm_fd, second);
	hot_new(&hot);
	EXPECT_EQ(0, hot_info(&hot, 4096));
	EXPECT_EQ(2, hot.info->count);
	EXPECT_TRUE(info_names(&hot, 0, first));
	EXPECT_TRUE(info_names(&hot, 1, second));
	ret = hot_reset(&hot, 0, NULL);
	EXPECT_TRUE(!ret || ret == -EIO) TH_LOG("%d", ret);
	/* Each has its own reset, whatever became of the common one. */
	EXPECT_EQ(0, __device_reset(hot.fds[0]));
	EXPECT_EQ(0, __device_reset(hot.fds[1]));
	close(hot.fds[0]);
	close(hot.fds[1]);
	close(vm_fd);
	EXPECT_TRUE(both_are(first, second, STATE(RESERVED)));
}

static bool remove_function(const char *address)
{
	char command[128];

	snprintf(command, sizeof(command), "echo 1 >/sys/bus/pci/devices/%s/remove", address);
	return !host_shell(command) && wait_until(!pci_present(address), SETTLE_MS);
}

static bool find_function(const char *address)
{
	return !host_shell("echo 1 >/sys/bus/pci/rescan") && wait_until(pci_settled(address), SETTLE_MS);
}

/* A function that comes behind the port is nobody's: it must not be reset by the VM, nor by the end of the run. */
TEST_F_TIMEOUT(set, somebody_else_behind_the_port, 180)
{
	struct dev_info info;
	struct hot hot;
	int vm_fd;

	ASSERT_TRUE(remove_function(self->edu));
	dev_claim(self->hda, 0, 0);
	vm_new(VM, NULL);
	vm_attach(VM, self->hda);
	vm_fd = vm_open(VM);
	hot.fds[0] = vm_device(vm_fd, self->hda);
	hot_new(&hot);
	EXPECT_EQ(0, hot_info(&hot, 4096));
	EXPECT_EQ(1, hot.info->count);
	EXPECT_EQ(0, hot_reset(&hot, 0, NULL));

	ASSERT_TRUE(find_function(self->edu));
	EXPECT_EQ(0, hot_info(&hot, 4096));
	EXPECT_EQ(2, hot.info->count);
	EXPECT_EQ(-EPERM, hot_reset(&hot, 0, NULL));
	EXPECT_EQ(STATE(RUNNING), dev_state(self->hda));
	close(hot.fds[0]);
	close(vm_fd);
	EXPECT_TRUE(dev_reaches(self->hda, STATE(QUARANTINED), SETTLE_MS));
	dev_get(self->hda, &info);
	EXPECT_NE(NULL, strstr(info.detail, "other functions")) TH_LOG("%s", info.detail);
	EXPECT_GT(0, __dev_recover(self->hda));
	EXPECT_TEXT("other functions");

	ASSERT_TRUE(remove_function(self->edu));
	EXPECT_EQ(0, __dev_recover(self->hda));
	EXPECT_EQ(STATE(RESERVED), dev_state(self->hda));
	EXPECT_EQ(0, host_restore());
	EXPECT_TRUE(find_function(self->edu));
}

/* --- virtual functions --- */

#define SRIOV \
	"driver=nvme serial=dp-sriov subsys=/machine/peripheral/subsys max_ioqpairs=8 msix_qsize=9 " \
	"sriov_max_vfs=2 sriov_vq_flexible=4 sriov_vi_flexible=2"

/* How many virtual functions are enabled. */
static int set_vfs(const char *address, unsigned int nr)
{
	char command[192];

	snprintf(command, sizeof(command), "cd /sys/bus/pci/devices/%s && echo 0 >sriov_drivers_autoprobe && echo %u >sriov_numvfs", address, nr);
	return host_shell(command);
}

static int nr_vfs(const char *address)
{
	char path[96];
	int nr = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/sriov_numvfs", address);
	f = fopen(path, "r");
	dp_assert(f && fscanf(f, "%d", &nr) == 1, "%s", path);
	fclose(f);
	return nr;
}

/*
 * An edu beside the ports of a switch: the reset of its bus would take the virtual functions of a host's card below the switch. (A function that has
 * some itself does not get out of its claim's reset.)
 */
TEST_F_TIMEOUT(set, hot_reset_that_would_take_virtual_functions, 240)
{
	const char *edu = pci_env("DP_SWITCH_EDU"), *pf = getenv("DP_SWITCH_HOTPLUG");
	volatile uint32_t *mark;
	struct dev_info before, after;
	uint32_t command;
	struct rig rig;
	struct hot hot;

	/* What a reset of the bus would clear; the host's. */
	pci_config_set(self->hda, PCI_COMMAND, PCI_COMMAND_MEMORY);
	mark = pci_map_resource(self->hda, 0, PAGE);
	ASSERT_NE(MAP_FAILED, mark);
	mark += HDA_CORB / 4;
	*mark = HDA_MARK;
	ASSERT_TRUE(rig_reserve(&rig, "DP_SWITCH_EDU", VM));
	rig_open(&rig);
	hot.fds[0] = rig.fd;
	hot_new(&hot);
	dev_get(edu, &before);
	command = pci_config_read(edu, PCI_COMMAND, 2);
	EXPECT_EQ(-EPERM, hot_reset(&hot, 0, NULL));

	ASSERT_TRUE(qmp("device_add id=hot bus=down3 " SRIOV));
	ASSERT_TRUE(wait_until(pci_settled(pf) && pci_driver_is(pf, "nvme"), SETTLE_MS));
	ASSERT_EQ(0, set_vfs(pf, 2));
	EXPECT_EQ(-EBUSY, hot_reset(&hot, 0, NULL));
	EXPECT_EQ(2, nr_vfs(pf));
	EXPECT_TRUE(pci_driver_is(pf, "nvme"));
	EXPECT_EQ(HDA_MARK, *mark);
	EXPECT_EQ(command, pci_config_read(edu, PCI_COMMAND, 2));
	EXPECT_EQ(STATE(RUNNING), dev_state(edu));
	dev_get(edu, &after);
	EXPECT_EQ(before.resets, after.resets);

	EXPECT_EQ(0, set_vfs(pf, 0));
	EXPECT_EQ(-EPERM, hot_reset(&hot, 0, NULL));
	EXPECT_EQ(HDA_MARK, *mark);
	rig_close(&rig);
	EXPECT_TRUE(qmp("device_del id=hot"));
	EXPECT_TRUE(wait_until(!pci_present(pf), SETTLE_MS));
}

/* A function with virtual functions stays with the host, by force, too: every reset would take them. */
TEST_F_TIMEOUT(set, virtual_functions_keep_the_physical_one, 180)
{
	const char *pf = pci_env("DP_SRIOV"), *vf = getenv("DP_SRIOV_VF0");
	struct rig rig;
	struct hot hot;

	ASSERT_EQ(0, set_vfs(pf, 2));
	EXPECT_EQ(-EBUSY, __dev_claim(pf, DEV_UNBIND, 0));
	EXPECT_TEXT("vfs-enabled");
	EXPECT_TRUE(pci_driver_is(pf, "nvme"));

	/* Nor is the bus a virtual function's to reset. */
	ASSERT_TRUE(rig_reserve_any(&rig, "DP_SRIOV_VF0", VM));
	rig_open_any(&rig);
	hot.fds[0] = rig.fd;
	hot_new(&hot);
	EXPECT_EQ(-ENODEV, hot_info(&hot, 4096));
	EXPECT_EQ(-ENODEV, hot_reset(&hot, 0, NULL));
	EXPECT_EQ(2, nr_vfs(pf));
	/* Claimed, it forbids even the force. */
	EXPECT_EQ(-EBUSY, __dev_claim(pf, DEV_UNBIND, DEV_FORCE(VFS_ENABLED)));
	EXPECT_TEXT(vf);
	EXPECT_TRUE(pci_driver_is(pf, "nvme"));
	rig_close(&rig);
	EXPECT_TRUE(dev_reaches(vf, STATE(RESERVED), SETTLE_MS));
	EXPECT_EQ(0, host_restore());
	EXPECT_EQ(0, set_vfs(pf, 0));
	EXPECT_EQ(0, host_shell("echo 1 >/sys/bus/pci/devices/$DP_SRIOV/sriov_drivers_autoprobe"));
}

HOST_MAIN(HOST_VFIO)
