// SPDX-License-Identifier: GPL-2.0
/*
 * A guest under KVM drives an edu: its registers through nested paging, its interrupts through irqfd into the kernel's interrupt controller, DMA to
 * guest memory at guest addresses.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include <linux/directpath_nl.h>
#include <linux/kvm.h>
#include <linux/vfio.h>

#include "libdpath.h"
#include "vmm.h"

#define VM "t-kvm"
#define BAR_SIZE (1 << 20)
#define ONES 0xffffffffU
#define STORE_ROUNDS 20
/* What is promised on a machine that has nothing else to do. */
#define ONES_US 20000

FIXTURE(kvm) {
	struct rig rig;
	struct door door;
	struct vmm vmm;
	const struct space_ops *ops;
	int space;
	int fd;
	int efd;
	void *bar;
};

FIXTURE_VARIANT(kvm) {
	bool door;
};

FIXTURE_VARIANT_ADD(kvm, native) {
	.door = false,
};

FIXTURE_VARIANT_ADD(kvm, vfio) {
	.door = true,
};

FIXTURE_SETUP(kvm)
{
	ASSERT_EQ(0, host_restore());
	if (!vmm_available())
		SKIP(return, "no KVM on this machine");
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	if (variant->door) {
		door_open(&self->door, self->rig.address, VFIO_TYPE1v2_IOMMU);
		self->ops = &space_type1;
		self->space = self->door.container;
		self->fd = self->door.fd;
	} else {
		rig_open_any(&self->rig);
		self->ops = &space_native;
		self->space = self->rig.vm_fd;
		self->fd = self->rig.fd;
	}
	self->efd = efd_new();
	irq_trigger(self->fd, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, &self->efd);
	self->bar = device_mmap(self->fd, 0, BAR_SIZE);
}

FIXTURE_TEARDOWN_PARENT(kvm)
{
	EXPECT_EQ(0, host_restore());
}

/* Tell KVM of the group, as VMMs do. */
static int add_group(struct vmm *vmm, int group)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_device_attr attr = { .group = KVM_DEV_VFIO_GROUP, .attr = KVM_DEV_VFIO_GROUP_ADD, .addr = (uintptr_t)&group };

	if (ioctl(vmm->vm, KVM_CREATE_DEVICE, &device))
		return -errno;
	return ioctl(device.fd, KVM_SET_DEVICE_ATTR, &attr) ? -errno : 0;
}

static void start(FIXTURE_DATA(kvm) *self, const uint8_t *entry)
{
	vmm_init(&self->vmm, entry);
	vmm_map_bar(&self->vmm, self->bar, BAR_SIZE);
	vmm_route(&self->vmm, self->efd);
}

/* What the guest reports next must be this. */
#define EXPECT_REPORT(want_port, want_value) \
	do { \
		uint16_t port = 0; \
		uint32_t value = 0; \
		ASSERT_TRUE(vmm_next(&self->vmm, &port, &value)); \
		ASSERT_EQ(want_port, port); \
		EXPECT_EQ(want_value, value); \
	} while (0)

TEST_F_TIMEOUT(kvm, registers_and_interrupts, 60)
{
	struct dev_stats before, after;
	unsigned int i;

	start(self, guest_interrupts);
	if (variant->door)
		EXPECT_EQ(0, add_group(&self->vmm, self->door.group));
	dev_stats(self->rig.address, &before);
	EXPECT_REPORT(PORT_ID, EDU_ID_VALUE);
	EXPECT_REPORT(PORT_ALIVE, ~0x12345678U);
	for (i = 0; i < 3; i++)
		EXPECT_REPORT(PORT_IRQ, 0x5a);
	EXPECT_REPORT(PORT_DONE, 3);
	/* The guest itself was at the registers, and the kernel took the interrupts. */
	EXPECT_EQ(0, self->vmm.mmio_exits);
	EXPECT_EQ(0, efd_wait(self->efd, 0));
	dev_stats(self->rig.address, &after);
	EXPECT_EQ(before.interrupts + 3, after.interrupts);
	EXPECT_LT(before.faults, after.faults);
	vmm_destroy(&self->vmm);
}

TEST_F_TIMEOUT(kvm, dma_at_guest_addresses, 60)
{
	uint8_t *memory;

	start(self, guest_dma);
	memory = self->vmm.memory;
	ASSERT_EQ(0, self->ops->map(self->space, memory, 0, GUEST_MEMORY, SPACE_RW));
	mem_fill(memory + GUEST_FROM, PAGE, 1);
	EXPECT_REPORT(PORT_IRQ, 0x100);
	EXPECT_REPORT(PORT_IRQ, 0x100);
	EXPECT_REPORT(PORT_DONE, 2);
	EXPECT_TRUE(mem_holds(memory + GUEST_TO, EDU_DMA_MAX, 1));
	EXPECT_TRUE(mem_holds(memory + GUEST_FROM, EDU_DMA_MAX, 1));
	EXPECT_EQ(0, self->vmm.mmio_exits);
	vmm_destroy(&self->vmm);
}

/* The device is taken away under the running guest: it sees what a card that was pulled shows, and goes on. */
static void *take_away(void *arg)
{
	vm_detach(VM, arg, true);
	return NULL;
}

TEST_F_TIMEOUT(kvm, revoked_under_the_guest, 60)
{
	unsigned int before = 0, after = 0;
	uint16_t port = 0;
	uint32_t value = 0;
	pthread_t thread;

	start(self, guest_watch);
	while (before < 10) {
		ASSERT_TRUE(vmm_next(&self->vmm, &port, &value));
		ASSERT_EQ(PORT_VALUE, port);
		ASSERT_EQ(EDU_ID_VALUE, value);
		before++;
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_away, (void *)self->rig.address));
	while (after < 200) {
		ASSERT_TRUE(vmm_next(&self->vmm, &port, &value));
		ASSERT_TRUE(value == EDU_ID_VALUE || value == ONES) TH_LOG("%#x", value);
		/* Once gone it stays gone. */
		ASSERT_TRUE(!after || value == ONES) TH_LOG("%#x", value);
		after += value == ONES;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(DIRECTPATH_STATE_READY, dev_state(self->rig.address));
	EXPECT_EQ(0, self->vmm.mmio_exits);
	vmm_destroy(&self->vmm);
}

/* Memory decode off and on again under the running guest. */
TEST_F_TIMEOUT(kvm, decode_off_under_the_guest, 60)
{
	uint16_t port = 0;
	uint32_t value = 0;
	unsigned int i;

	start(self, guest_watch);
	EXPECT_REPORT(PORT_VALUE, EDU_ID_VALUE);
	for (i = 0; i < 5; i++) {
		device_config_write(self->fd, 4, 2, 0);
		EXPECT_REPORT(PORT_VALUE, ONES);
		device_enable(self->fd);
		/* The guest may have read before it wrote the report. */
		ASSERT_TRUE(vmm_next(&self->vmm, &port, &value));
		EXPECT_EQ(EDU_ID_VALUE, value);
	}
	vmm_destroy(&self->vmm);
}

/* From the guest's stores to its report that it sees ones again: the shortest of some rounds, which a busy machine does not lengthen. */
static uint64_t ones_after(struct __test_metadata *_metadata, struct vmm *vmm, const char *when)
{
	uint64_t start, took, best = ~0ULL, worst = 0;
	uint32_t value = 0;
	uint16_t port = 0;
	unsigned int i;

	for (i = 0; i < STORE_ROUNDS; i++) {
		start = now_us();
		dp_assert(vmm_next(vmm, &port, &value), "the guest has stopped");
		took = now_us() - start;
		EXPECT_EQ(PORT_VALUE, port);
		EXPECT_EQ(ONES, value);
		best = took < best ? took : best;
		worst = took > worst ? took : worst;
	}
	TH_LOG("%s: ones again after %.1f to %.1f ms", when, best / 1000.0, worst / 1000.0);
	return best;
}

/* The page of ones takes stores of any kind from the guest itself, and is ones again soon after each. */
TEST_F_TIMEOUT(kvm, stores_that_cannot_be_emulated, 60)
{
	device_config_write(self->fd, 4, 2, 0);
	start(self, guest_store);
	EXPECT_GT(ONES_US, ones_after(_metadata, &self->vmm, "decode off"));
	vm_detach(VM, self->rig.address, true);
	EXPECT_GT(ONES_US, ones_after(_metadata, &self->vmm, "revoked"));
	EXPECT_EQ(0, self->vmm.mmio_exits);
	vmm_destroy(&self->vmm);
}

/* Loading KVM takes long on an emulated machine: not in a test's time. */
int main(int argc, char **argv)
{
	vmm_available();
	return host_main(argc, argv, HOST_VFIO, test_harness_run);
}
