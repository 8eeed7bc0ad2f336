// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts arrive at eventfds: edu's MSI, e1000e's MSI-X. The device raises them; loopback is tested as well.
 */
#include "kselftest_harness.h"

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-irq"
#define SOON_MS 3000
#define NEVER_MS 100

#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSI VFIO_PCI_MSI_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX
#define ERR VFIO_PCI_ERR_IRQ_INDEX
#define REQ VFIO_PCI_REQ_IRQ_INDEX

static unsigned int vectors_of(const char *vm)
{
	struct vm_info info;

	vm_get(vm, &info);
	return info.vectors;
}

static uint64_t interrupts_of(const char *address)
{
	struct dev_stats stats;

	dev_stats(address, &stats);
	return stats.interrupts;
}

/* --- edu --- */

FIXTURE(edu) {
	struct rig rig;
	int efd;
	int other;
};

FIXTURE_SETUP(edu)
{
	ASSERT_EQ(0, host_restore());
	if (!rig_reserve(&self->rig, "DP_EDU0", VM))
		SKIP(return, "no edu on this machine");
	rig_open(&self->rig);
	edu_ack(&self->rig.edu);
	self->efd = efd_new();
	self->other = efd_new();
}

FIXTURE_TEARDOWN_PARENT(edu)
{
	EXPECT_EQ(0, host_restore());
}

TEST_F(edu, info)
{
	struct vfio_irq_info info;
	int fd = self->rig.fd;

	ASSERT_EQ(0, __device_irq_info(fd, INTX, &info));
	EXPECT_EQ(1, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED, info.flags);
	ASSERT_EQ(0, __device_irq_info(fd, MSI, &info));
	EXPECT_EQ(1, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, info.flags);
	ASSERT_EQ(0, __device_irq_info(fd, MSIX, &info));
	EXPECT_EQ(0, info.count);
	ASSERT_EQ(0, __device_irq_info(fd, REQ, &info));
	EXPECT_EQ(1, info.count);
}

TEST_F(edu, msi_arrives)
{
	struct edu *edu = &self->rig.edu;
	uint64_t before = interrupts_of(self->rig.address);
	unsigned int i;

	irq_trigger(self->rig.fd, MSI, 0, 1, &self->efd);
	EXPECT_EQ(1, vectors_of(VM));
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	for (i = 0; i < 3; i++) {
		edu_raise(edu, 1);
		EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
		edu_ack(edu);
	}
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	EXPECT_EQ(before + 3, interrupts_of(self->rig.address));
}

TEST_F(edu, msi_of_dma)
{
	struct rig *rig = &self->rig;
	char *mem = mem_new(MEM_ANON, PAGE);

	space_map(rig->vm_fd, mem, 0x10000, PAGE, SPACE_RW);
	irq_trigger(rig->fd, MSI, 0, 1, &self->efd);
	*(volatile uint64_t *)(rig->edu.bar + EDU_DMA_SRC) = EDU_BUFFER;
	*(volatile uint64_t *)(rig->edu.bar + EDU_DMA_DST) = 0x10000;
	*(volatile uint64_t *)(rig->edu.bar + EDU_DMA_COUNT) = 64;
	*(volatile uint64_t *)(rig->edu.bar + EDU_DMA_CMD) = EDU_DMA_RUN | EDU_DMA_TO_MEMORY | EDU_DMA_IRQ;
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(0x100, edu_read(&rig->edu, EDU_IRQ_STATUS));
	edu_ack(&rig->edu);
}

TEST_F(edu, msi_off_is_off)
{
	struct rig *rig = &self->rig;

	irq_trigger(rig->fd, MSI, 0, 1, &self->efd);
	irq_disable(rig->fd, MSI);
	EXPECT_EQ(0, vectors_of(VM));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	edu_ack(&rig->edu);
	/* And on again. */
	irq_trigger(rig->fd, MSI, 0, 1, &self->efd);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
}

TEST_F(edu, msi_goes_to_the_eventfd_of_now)
{
	struct rig *rig = &self->rig;
	int none = -1;

	irq_trigger(rig->fd, MSI, 0, 1, &self->efd);
	irq_trigger(rig->fd, MSI, 0, 1, &self->other);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->other, SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	edu_ack(&rig->edu);

	/* A guest that masks: no eventfd, but the vector stays, and what comes is pending, once. */
	irq_trigger(rig->fd, MSI, 0, 1, &none);
	edu_raise(&rig->edu, 1);
	edu_ack(&rig->edu);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(0, efd_wait(self->other, NEVER_MS));
	edu_ack(&rig->edu);
	irq_trigger(rig->fd, MSI, 0, 1, &self->efd);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(0, efd_wait(self->other, 0));
	edu_ack(&rig->edu);
}

TEST_F(edu, loopback)
{
	struct rig *rig = &self->rig;
	uint8_t yes = 1, no = 0;

	irq_trigger(rig->fd, MSI, 0, 1, &self->efd);
	EXPECT_EQ(0, __irq_loopback(rig->fd, MSI, 0, 1));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(0, __irq_set(rig->fd, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER, MSI, 0, 1, &yes));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(0, __irq_set(rig->fd, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER, MSI, 0, 1, &no));
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	irq_disable(rig->fd, MSI);

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	EXPECT_EQ(0, __irq_loopback(rig->fd, INTX, 0, 1));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
}

TEST_F(edu, err_and_req_loopback)
{
	struct vfio_irq_info info;
	int fd = self->rig.fd;

	irq_trigger(fd, REQ, 0, 1, &self->efd);
	EXPECT_EQ(0, __irq_loopback(fd, REQ, 0, 1));
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	irq_disable(fd, REQ);
	EXPECT_EQ(-EINVAL, __irq_loopback(fd, REQ, 0, 1));
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	/* edu is no PCI Express function: there are no errors to report. */
	EXPECT_EQ(-EINVAL, __device_irq_info(fd, ERR, &info));
}

/* directpath.ko's own parameter; intx_test has the rest. */
TEST_F(edu, intx_without_disable_bit)
{
	struct rig *rig = &self->rig;

	rig_close(rig);
	host_nointxmask(true);
	rig_open(rig);
	host_nointxmask(false);
	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efd, NEVER_MS));
	/* Masked, but not there. */
	EXPECT_EQ(0, pci_config_read(rig->address, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
	edu_ack(&rig->edu);
	EXPECT_EQ(0, __irq_unmask(rig->fd, INTX));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
}

TEST_F(edu, one_kind_at_a_time)
{
	struct rig *rig = &self->rig;

	irq_trigger(rig->fd, INTX, 0, 1, &self->efd);
	EXPECT_EQ(-EINVAL, __irq_trigger(rig->fd, MSI, 0, 1, &self->other));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->efd, SOON_MS));
	edu_ack(&rig->edu);
	irq_disable(rig->fd, INTX);
	irq_trigger(rig->fd, MSI, 0, 1, &self->other);
	EXPECT_EQ(-EINVAL, __irq_trigger(rig->fd, INTX, 0, 1, &self->efd));
	edu_raise(&rig->edu, 1);
	EXPECT_EQ(1, efd_wait(self->other, SOON_MS));
	EXPECT_EQ(0, efd_wait(self->efd, 0));
	edu_ack(&rig->edu);
}

/* --- e1000e --- */

FIXTURE(e1000e) {
	struct rig rig;
	struct nic nic;
	int efds[NIC_VECTORS];
};

FIXTURE_SETUP(e1000e)
{
	unsigned int i;

	ASSERT_EQ(0, host_restore());
	if (!rig_reserve_any(&self->rig, "DP_E1000E", VM))
		SKIP(return, "no e1000e on this machine");
	rig_open_any(&self->rig);
	for (i = 0; i < NIC_VECTORS; i++)
		self->efds[i] = efd_new();
	nic_map(&self->nic, self->rig.fd);
}

FIXTURE_TEARDOWN_PARENT(e1000e)
{
	EXPECT_EQ(0, host_restore());
}

/* Counts which eventfds did not get exactly what they should: one for @vector, none for the others. */
static unsigned int only(const int *efds, unsigned int vector)
{
	unsigned int i, wrong = 0;
	uint64_t count;

	count = efd_wait(efds[vector], SOON_MS);
	if (count != 1 && (vector != NIC_OTHER || !count)) {
		printf("# vector %u: %llu interrupts\n", vector, (unsigned long long)count);
		wrong++;
	}
	for (i = 0; i < NIC_VECTORS; i++) {
		count = efd_wait(efds[i], i == 0 ? NEVER_MS : 0);
		if (!count || i == NIC_OTHER)
			continue;
		printf("# vector %u: %llu interrupts too many\n", i, (unsigned long long)count);
		wrong++;
	}
	return wrong;
}

TEST_F(e1000e, each_vector_arrives_at_its_eventfd)
{
	unsigned int i;

	irq_trigger(self->rig.fd, MSIX, 0, NIC_VECTORS, self->efds);
	EXPECT_EQ(NIC_VECTORS, vectors_of(VM));
	for (i = 0; i < NIC_VECTORS; i++) {
		nic_raise(&self->nic, i);
		EXPECT_EQ(0, only(self->efds, i)) TH_LOG("vector %u", i);
	}
	EXPECT_LE(NIC_VECTORS, interrupts_of(self->rig.address));
	irq_disable(self->rig.fd, MSIX);
	EXPECT_EQ(0, vectors_of(VM));
	nic_raise(&self->nic, 0);
	EXPECT_EQ(0, efd_wait(self->efds[0], NEVER_MS));
}

TEST_F(e1000e, loopback_of_each)
{
	unsigned int i;

	irq_trigger(self->rig.fd, MSIX, 0, NIC_VECTORS, self->efds);
	for (i = 0; i < NIC_VECTORS; i++) {
		EXPECT_EQ(0, __irq_loopback(self->rig.fd, MSIX, i, 1));
		EXPECT_EQ(0, only(self->efds, i)) TH_LOG("vector %u", i);
	}
}

TEST_F(e1000e, holes_are_filled_later)
{
	int fds[NIC_VECTORS] = { self->efds[0], -1, -1, -1, -1 };

	irq_trigger(self->rig.fd, MSIX, 0, NIC_VECTORS, fds);
	nic_raise(&self->nic, 0);
	EXPECT_EQ(0, only(self->efds, 0));
	irq_trigger(self->rig.fd, MSIX, 3, 1, &self->efds[3]);
	nic_raise(&self->nic, 3);
	EXPECT_EQ(0, only(self->efds, 3));
	nic_raise(&self->nic, 0);
	EXPECT_EQ(0, only(self->efds, 0));
}

/* What is enabled goes on while more vectors come. */
TEST_F(e1000e, grows)
{
	struct vfio_irq_info info;

	ASSERT_EQ(0, __device_irq_info(self->rig.fd, MSIX, &info));
	ASSERT_FALSE(info.flags & VFIO_IRQ_INFO_NORESIZE);
	irq_trigger(self->rig.fd, MSIX, 0, 1, self->efds);
	nic_raise(&self->nic, 0);
	EXPECT_EQ(0, only(self->efds, 0));
	irq_trigger(self->rig.fd, MSIX, 1, 4, &self->efds[1]);
	nic_raise(&self->nic, 4);
	EXPECT_EQ(0, only(self->efds, 4));
	nic_raise(&self->nic, 0);
	EXPECT_EQ(0, only(self->efds, 0));
}

/* What the device raised, and nothing else, by vector. */
TEST_F(e1000e, counters)
{
	struct dev_vector vectors[DEV_VECTORS];
	uint64_t before = interrupts_of(self->rig.address), sum = 0;
	unsigned int i, k, nr;

	irq_trigger(self->rig.fd, MSIX, 0, NIC_VECTORS, self->efds);
	for (i = 0; i < NIC_OTHER; i++) {
		for (k = 0; k <= i; k++) {
			nic_raise(&self->nic, i);
			EXPECT_EQ(1, efd_wait(self->efds[i], SOON_MS));
		}
		EXPECT_EQ(0, __irq_loopback(self->rig.fd, MSIX, i, 1));
	}
	nr = dev_vectors(self->rig.address, vectors, DEV_VECTORS);
	ASSERT_EQ(NIC_VECTORS, nr);
	for (i = 0; i < nr; i++) {
		EXPECT_EQ(MSIX, vectors[i].index);
		EXPECT_EQ(i, vectors[i].number);
		if (i != NIC_OTHER)
			EXPECT_EQ(i + 1, vectors[i].count);
		EXPECT_EQ(irq_taken(vectors[i].irq), vectors[i].count);
		sum += vectors[i].count;
	}
	EXPECT_EQ(before + sum, interrupts_of(self->rig.address));
	/* Those of a vector end with it, the sum stays. */
	irq_disable(self->rig.fd, MSIX);
	EXPECT_EQ(0, dev_vectors(self->rig.address, vectors, DEV_VECTORS));
	EXPECT_EQ(before + sum, interrupts_of(self->rig.address));
}

/* Waits for the event that names the limit. */
static bool is_reported(struct nl_sock *events, const char *cause)
{
	struct ctl_event event;

	while (ctl_event_next(events, &event, SOON_MS))
		if (event.cmd == DIRECTPATH_CMD_VM_NTF && !strcmp(event.vm, VM) && strstr(event.cause, cause))
			return true;
	return false;
}

TEST_F(e1000e, budget_of_the_vm)
{
	struct vm_config config = { .limits = true, .max_vectors = 2 };
	struct nl_sock *events;

	vm_set(VM, &config);
	events = ctl_listen();
	/* So many are available, as when the platform has no more. */
	EXPECT_EQ(2, __irq_trigger(self->rig.fd, MSIX, 0, NIC_VECTORS, self->efds));
	EXPECT_EQ(0, vectors_of(VM));
	EXPECT_TRUE(is_reported(events, "no vector left: max-vectors 2 are in use; vm set " VM " max-vectors"));
	ctl_unlisten(events);
	irq_trigger(self->rig.fd, MSIX, 0, 2, self->efds);
	EXPECT_EQ(2, vectors_of(VM));
	/* Growth is refused as a whole, and what is enabled goes on. */
	EXPECT_EQ(-ENOSPC, __irq_trigger(self->rig.fd, MSIX, 2, 3, &self->efds[2]));
	EXPECT_EQ(2, vectors_of(VM));
	nic_raise(&self->nic, 1);
	EXPECT_EQ(0, only(self->efds, 1));
	/* The limit can be raised meanwhile. */
	config.max_vectors = NIC_VECTORS;
	vm_set(VM, &config);
	irq_trigger(self->rig.fd, MSIX, 2, 3, &self->efds[2]);
	EXPECT_EQ(NIC_VECTORS, vectors_of(VM));
	nic_raise(&self->nic, 3);
	EXPECT_EQ(0, only(self->efds, 3));
}

TEST_F(e1000e, budget_of_the_host)
{
	struct nl_sock *events;
	struct host_info host;

	host_get(&host);
	host_set(DIRECTPATH_A_HOST_VECTOR_BUDGET, host.vectors_used + 3);
	events = ctl_listen();
	EXPECT_EQ(3, __irq_trigger(self->rig.fd, MSIX, 0, NIC_VECTORS, self->efds));
	host_get(&host);
	EXPECT_EQ(0, host.vectors_used);
	EXPECT_TRUE(is_reported(events, "no vector left: vector-budget 3 of the host is in use; host set vector-budget"));
	ctl_unlisten(events);
	irq_trigger(self->rig.fd, MSIX, 0, 3, self->efds);
	host_get(&host);
	EXPECT_EQ(3, host.vectors_used);
	EXPECT_EQ(-ENOSPC, __irq_trigger(self->rig.fd, MSIX, 3, 1, &self->efds[3]));
	host_get(&host);
	EXPECT_EQ(3, host.vectors_used);
	nic_raise(&self->nic, 2);
	EXPECT_EQ(0, only(self->efds, 2));
}

TEST_F(e1000e, close_frees_the_vectors)
{
	irq_trigger(self->rig.fd, MSIX, 0, NIC_VECTORS, self->efds);
	rig_close(&self->rig);
	/* The map holds the device. */
	EXPECT_EQ(NIC_VECTORS, vectors_of(VM));
	nic_unmap(&self->nic);
	EXPECT_TRUE(dev_reaches(self->rig.address, DIRECTPATH_STATE_RESERVED, 20000));
	EXPECT_EQ(0, vectors_of(VM));
}

HOST_MAIN(HOST_DP)
