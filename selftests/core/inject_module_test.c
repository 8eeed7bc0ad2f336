// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on request as modules come and go: directpath itself, and the personality, which takes over the functions that are claimed as it comes,
 * and hands them back as it goes.
 */
#include "failing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

FIXTURE_VARIANT_ADD(failing, edu) {
	.variable = "DP_EDU0",
	.policy = "none",
	.edu = true,
};

/**
 * struct image - a module, ready to be loaded
 * @bytes: its file
 * @size: of it
 */
struct image {
	void *bytes;
	size_t size;
};

/* All of the file beforehand: what is read from it as a module is loaded would be file systems' calls that can fail. */
static struct image read_image(const char *file)
{
	struct image image;
	struct utsname uts;
	char path[256];
	struct stat st;
	int fd;

	uname(&uts);
	snprintf(path, sizeof(path), "/dp/build/%s/kmod/%s", uts.release, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	dp_assert(fd >= 0 && !fstat(fd, &st), "no %s", path);
	image.size = st.st_size;
	image.bytes = malloc(image.size);
	dp_assert(image.bytes && read(fd, image.bytes, image.size) == (ssize_t)image.size, "%s", path);
	close(fd);
	return image;
}

static int load(const struct image *image)
{
	return syscall(SYS_init_module, image->bytes, image->size, "") ? -errno : 0;
}

static int unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static void shell(const char *command)
{
	dp_assert(!host_shell(command), "%s", command);
}

/* --- the module --- */

static struct image module;

/* What it needs itself stays. */
static void unload_all(void)
{
	static const char * const names[] = { "vfio_pci", "vfio", "directpath" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (host_loaded(names[i]))
			dp_assert(wait_until(!unload(names[i]), SETTLE_MS), "%s is in use", names[i]);
}

static void prepare_arrival(FIXTURE_DATA(failing) *self)
{
	unload_all();
	inject_modules();
}

/* What it would leave behind if it did not give everything back. */
static bool left_nothing(void)
{
	static const char * const traces[] = {
		"/sys/module/directpath", "/sys/bus/pci/drivers/directpath", "/sys/class/directpath", "/sys/kernel/slab/dpath_area",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(traces); i++)
		if (!access(traces[i], F_OK))
			return false;
	return true;
}

/* Nothing can be asked of a module that is not there. */
static int act_arrival(FIXTURE_DATA(failing) *self)
{
	int ret = load(&module);

	inject_stop();
	if (!ret)
		return 0;
	dp_assert(left_nothing(), "it has left something behind");
	dp_assert(!load(&module), "directpath cannot be loaded");
	return ret;
}

static void arrival_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	claim(self);
	vm_new(OTHER, NULL);
	vm_attach(OTHER, self->address);
	close(vm_open(OTHER));
	vm_detach(OTHER, self->address, false);
	vm_del(OTHER);
	EXPECT_EQ(0, __dev_release(self->address, 0, 0)) TH_LOG("%s", ctl_last.text);
}

static const struct action arrival_action = { HOST, prepare_arrival, act_arrival, arrival_done };

TEST_F_TIMEOUT(failing, arrival, 3600)
{
	module = read_image("directpath.ko");
	sweep(_metadata, self, &arrival_action);
}

/* A function that the module has not met: it knows it from then on. */
static void prepare_meeting(FIXTURE_DATA(failing) *self)
{
	unload_all();
	dp_assert(!load(&module), "directpath cannot be loaded");
	inject_modules();
}

static int act_meeting(FIXTURE_DATA(failing) *self)
{
	return __dev_set(self->address, NULL, "met", NULL);
}

static void meeting_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	struct dev_info info;

	dev_get(self->address, &info);
	EXPECT_STREQ(ret ? "" : "met", info.label);
	EXPECT_EQ(0, __dev_set(self->address, NULL, "", NULL));
}

static const struct action meeting_action = { HOST, prepare_meeting, act_meeting, meeting_done };

TEST_F_TIMEOUT(failing, meeting, 900)
{
	module = read_image("directpath.ko");
	sweep(_metadata, self, &meeting_action);
}

/* --- the personality --- */

static struct image personality;

/* Claimed as before, by whatever driver of ours; and it works. */
static void check_driver(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, const char *wanted)
{
	int vm_fd, fd;

	EXPECT_EQ(STATE(READY), dev_state(self->address));
	EXPECT_TRUE(pci_driver_is(self->address, "directpath") || pci_driver_is(self->address, "vfio-pci"));
	if (wanted)
		EXPECT_TRUE(pci_driver_is(self->address, wanted));
	vm_new(OTHER, NULL);
	vm_attach(OTHER, self->address);
	vm_fd = vm_open(OTHER);
	fd = vm_device(vm_fd, self->address);
	close(fd);
	close(vm_fd);
	EXPECT_TRUE(dev_reaches(self->address, STATE(RESERVED), SETTLE_MS));
	vm_detach(OTHER, self->address, false);
	vm_del(OTHER);
}

static void prepare_personality(FIXTURE_DATA(failing) *self)
{
	if (!host_loaded("vfio"))
		shell("load_vfio");
	if (host_loaded("vfio_pci"))
		dp_assert(wait_until(!unload("vfio_pci"), SETTLE_MS), "vfio-pci is in use");
	inject_modules();
}

static int act_personality(FIXTURE_DATA(failing) *self)
{
	return load(&personality);
}

static void personality_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	EXPECT_EQ(!ret, host_loaded("vfio_pci"));
	check_driver(_metadata, self, inject_fired() ? NULL : "vfio-pci");
}

static const struct action personality_action = { CLAIMED, prepare_personality, act_personality, personality_done };

TEST_F_TIMEOUT(failing, personality, 1800)
{
	personality = read_image("vfio/vfio-pci.ko");
	sweep(_metadata, self, &personality_action);
}

static void prepare_departure(FIXTURE_DATA(failing) *self)
{
	if (!host_loaded("vfio"))
		shell("load_vfio");
	if (!host_loaded("vfio_pci"))
		dp_assert(!load(&personality), "vfio-pci cannot be loaded");
	inject_modules();
}

static int act_departure(FIXTURE_DATA(failing) *self)
{
	return unload("vfio_pci");
}

/* A module that goes cannot say no: what it had is with the other driver, or, if that could not be bound, with the host. */
static void departure_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	EXPECT_EQ(!ret, !host_loaded("vfio_pci"));
	if (dev_state(self->address) == STATE(HOST)) {
		EXPECT_TRUE(inject_fired());
		EXPECT_TRUE(dma_is_open(self->address));
		claim(self);
	}
	check_driver(_metadata, self, ret ? NULL : "directpath");
}

static const struct action departure_action = { CLAIMED, prepare_departure, act_departure, departure_done };

TEST_F_TIMEOUT(failing, departure, 1800)
{
	personality = read_image("vfio/vfio-pci.ko");
	sweep(_metadata, self, &departure_action);
	EXPECT_EQ(0, load(&personality));
}

FAILING_MAIN(HOST_VFIO)
