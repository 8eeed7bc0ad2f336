// SPDX-License-Identifier: GPL-2.0
/*
 * The CPUs of a VM: its interrupts arrive on them, those that are enabled and those to come, through both doors; lists that are refused.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include <linux/directpath_nl.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-affinity"
#define SOON_MS 3000
#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX

FIXTURE(affinity) {
	struct rig rig;
	struct nic nic;
	int efds[NIC_VECTORS];
};

FIXTURE_VARIANT(affinity) {
	bool vfio;
};

FIXTURE_VARIANT_ADD(affinity, native) {
};

FIXTURE_VARIANT_ADD(affinity, vfio) {
	.vfio = true,
};

FIXTURE_SETUP(affinity)
{
	unsigned int i;

	ASSERT_EQ(0, host_restore());
	if (sysconf(_SC_NPROCESSORS_ONLN) != 2)
		SKIP(return, "the numbers are those of a machine with two CPUs");
	if (!rig_reserve_any(&self->rig, "DP_NIC", VM))
		SKIP(return, "no e1000e on this machine");
	rig_use_vfio(&self->rig, variant->vfio);
	for (i = 0; i < NIC_VECTORS; i++)
		self->efds[i] = efd_new();
}

static bool set_online(unsigned int cpu, const char *online)
{
	char path[64];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	fd = open(path, O_WRONLY);
	done = fd >= 0 && write(fd, online, 1) == 1;
	if (fd >= 0)
		close(fd);
	return done;
}

FIXTURE_TEARDOWN_PARENT(affinity)
{
	set_online(1, "1");
	EXPECT_EQ(0, host_restore());
}

static int __set_cpus(const char *cpus)
{
	struct vm_config config = { .cpus = cpus };

	return __vm_set(VM, &config);
}

static void set_cpus(const char *cpus)
{
	int ret = __set_cpus(cpus);

	dp_assert(!ret, "%s: %s", cpus, ctl_last.text);
}

static bool allowed_are(unsigned int irq, const char *cpus)
{
	char text[64];

	irq_proc(irq, "smp_affinity_list", text, sizeof(text));
	return !strcmp(text, cpus);
}

static bool hinted(unsigned int irq, const char *mask)
{
	char text[64];

	irq_proc(irq, "affinity_hint", text, sizeof(text));
	return strlen(text) >= strlen(mask) && !strcmp(text + strlen(text) - strlen(mask), mask);
}

/* Raised by the device, taken by that CPU. */
static bool taken_by(FIXTURE_DATA(affinity) *self, unsigned int number, unsigned int cpu)
{
	struct dev_vector vector;
	uint64_t before;

	if (!dev_vector(self->rig.address, number, &vector))
		return false;
	before = irq_taken_by(vector.irq, cpu);
	nic_raise(&self->nic, number);
	return efd_wait(self->efds[number], SOON_MS) == 1 && irq_taken_by(vector.irq, cpu) == before + 1;
}

static unsigned int irq_of(const char *address, unsigned int number)
{
	struct dev_vector vector;

	dp_assert(dev_vector(address, number, &vector), "%s has no vector %u", address, number);
	return vector.irq;
}

TEST_F(affinity, vectors_follow)
{
	struct vm_info info;
	unsigned int i;

	set_cpus("1");
	vm_get(VM, &info);
	EXPECT_STREQ("1", info.cpus);
	rig_open_any(&self->rig);
	nic_map(&self->nic, self->rig.fd);
	irq_trigger(self->rig.fd, MSIX, 0, 2, self->efds);
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(allowed_are(irq_of(self->rig.address, i), "1"));
		EXPECT_TRUE(hinted(irq_of(self->rig.address, i), "2"));
		EXPECT_TRUE(taken_by(self, i, 1)) TH_LOG("vector %u", i);
	}
	/* Those that are enabled move, those to come go there at once. */
	set_cpus("0");
	irq_trigger(self->rig.fd, MSIX, 2, 2, &self->efds[2]);
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(allowed_are(irq_of(self->rig.address, i), "0"));
		EXPECT_TRUE(hinted(irq_of(self->rig.address, i), "1"));
		EXPECT_TRUE(taken_by(self, i, 0)) TH_LOG("vector %u", i);
	}
	/* Other settings leave them alone. */
	vm_set(VM, &(struct vm_config){ .limits = true, .max_vectors = 10 });
	vm_get(VM, &info);
	EXPECT_STREQ("0", info.cpus);
	EXPECT_TRUE(allowed_are(irq_of(self->rig.address, 0), "0"));
	/* An eventfd that changes does not move the interrupt. */
	irq_trigger(self->rig.fd, MSIX, 0, 1, &self->efds[4]);
	irq_trigger(self->rig.fd, MSIX, 0, 1, &self->efds[0]);
	EXPECT_TRUE(taken_by(self, 0, 0));

	set_cpus("");
	vm_get(VM, &info);
	EXPECT_STREQ("", info.cpus);
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(allowed_are(irq_of(self->rig.address, i), "0-1"));
		EXPECT_TRUE(hinted(irq_of(self->rig.address, i), "0"));
	}
}

/* The line outlives the VM, its CPUs do not. */
TEST_F(affinity, line_follows)
{
	unsigned int line;
	uint64_t before;

	rig_open_any(&self->rig);
	nic_map(&self->nic, self->rig.fd);
	set_cpus("1");
	irq_trigger(self->rig.fd, INTX, 0, 1, self->efds);
	line = irq_of(self->rig.address, 0);
	EXPECT_TRUE(allowed_are(line, "1"));
	before = irq_taken_by(line, 1);
	nic_raise_line(&self->nic);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	EXPECT_EQ(before + 1, irq_taken_by(line, 1));
	nic_lower_line(&self->nic);
	EXPECT_EQ(0, __irq_unmask(self->rig.fd, INTX));
	set_cpus("0");
	before = irq_taken_by(line, 0);
	nic_raise_line(&self->nic);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	EXPECT_EQ(before + 1, irq_taken_by(line, 0));
	nic_lower_line(&self->nic);
	irq_disable(self->rig.fd, INTX);
	EXPECT_TRUE(allowed_are(line, "0-1"));
}

TEST_F(affinity, given_to_a_new_vm)
{
	struct vm_config config = { .cpus = "0-1,1" };
	struct vm_info info;

	vm_new(VM "-2", &config);
	vm_get(VM "-2", &info);
	EXPECT_STREQ("0-1", info.cpus);
	config.cpus = "7";
	EXPECT_EQ(-ERANGE, __vm_new(VM "-3", &config));
	EXPECT_NE(0, __vm_get(VM "-3", &info));
}

TEST_F(affinity, refused)
{
	static const struct {
		const char *cpus;
		int error;
		const char *text;
	} bad[] = {
		{ "x", -EINVAL, "'x' is no CPU" },
		{ "0,x", -EINVAL, "'x' is no CPU" },
		{ "0,", -EINVAL, "'' is no CPU" },
		{ ",", -EINVAL, "'' is no CPU" },
		{ "1-0", -EINVAL, "'1-0' is no CPU" },
		{ "0-", -EINVAL, "'0-' is no CPU" },
		{ "-1", -EINVAL, "'-1' is no CPU" },
		{ "0-1:1/2", -EINVAL, "'0-1:1/2' is no CPU" },
		{ "all", -EINVAL, "'all' is no CPU" },
		{ "0 1", -EINVAL, "'0 1' is no CPU" },
		{ "0,2", -ERANGE, "'2': there is no such CPU; this host has 0-1" },
		{ "0-2", -ERANGE, "'0-2': there is no such CPU" },
		{ "99999", -ERANGE, "'99999': there is no such CPU" },
		{ "99999999999999999999", -ERANGE, "'99999999999999999999'" },
	};
	struct vm_info info;
	unsigned int i;
	int ret;

	rig_open_any(&self->rig);
	set_cpus("1");
	irq_trigger(self->rig.fd, MSIX, 0, 1, self->efds);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ret = __set_cpus(bad[i].cpus);
		EXPECT_EQ(bad[i].error, ret) TH_LOG("%s", bad[i].cpus);
		EXPECT_NE(NULL, strstr(ctl_last.text, bad[i].text)) TH_LOG("%s: %s", bad[i].cpus, ctl_last.text);
	}
	vm_get(VM, &info);
	EXPECT_STREQ("1", info.cpus);
	EXPECT_TRUE(allowed_are(irq_of(self->rig.address, 0), "1"));
}

TEST_F(affinity, refused_if_offline)
{
	if (!set_online(1, "0"))
		SKIP(return, "CPU 1 cannot be taken offline");
	EXPECT_EQ(-EINVAL, __set_cpus("1"));
	EXPECT_NE(NULL, strstr(ctl_last.text, "none of '1' is online; 0 are")) TH_LOG("%s", ctl_last.text);
	/* With one that is there it will do. */
	EXPECT_EQ(0, __set_cpus("0-1"));
	ASSERT_TRUE(set_online(1, "1"));
}

HOST_MAIN(HOST_VFIO)
