// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_DEVICE_SET_IRQS in every form, through both doors: what is refused, with which error, and that nothing has changed then; and what each good form
 * does. The function is an e1000e on a root port: INTx, MSI, five MSI-X vectors, ERR and REQ.
 */
#include "kselftest_harness.h"

#include <fcntl.h>

#include <linux/directpath_nl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "libdpath.h"

#define VM "t-setirqs"
#define SOON_MS 3000
#define NEVER_MS 100

#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSI VFIO_PCI_MSI_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX
#define ERR VFIO_PCI_ERR_IRQ_INDEX
#define REQ VFIO_PCI_REQ_IRQ_INDEX

#define NONE VFIO_IRQ_SET_DATA_NONE
#define BOOL VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define MASK VFIO_IRQ_SET_ACTION_MASK
#define UNMASK VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER

/* fds of a request in the tables. */
enum {
	HOLE = -1,
	MINUS2 = -2,
	FRESH = -100,  /* an eventfd that nothing else uses */
	CLOSED = -101, /* a number without a file */
	NO_EVENTFD = -102,
};

struct request {
	const char *what;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
	int error;
	int fds[NIC_VECTORS + 1];
};

FIXTURE(setirqs) {
	struct rig rig;
	struct nic nic;
	int efds[NIC_VECTORS];
	int fresh;
	int null;
};

FIXTURE_VARIANT(setirqs) {
	bool vfio;
};

FIXTURE_VARIANT_ADD(setirqs, native) {
};

FIXTURE_VARIANT_ADD(setirqs, vfio) {
	.vfio = true,
};

FIXTURE_SETUP(setirqs)
{
	unsigned int i;

	ASSERT_EQ(0, host_restore());
	if (!rig_reserve_any(&self->rig, "DP_NIC", VM))
		SKIP(return, "no e1000e on this machine");
	rig_use_vfio(&self->rig, variant->vfio);
	rig_open_any(&self->rig);
	nic_map(&self->nic, self->rig.fd);
	for (i = 0; i < NIC_VECTORS; i++)
		self->efds[i] = efd_new();
	self->fresh = efd_new();
	self->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->null);
}

FIXTURE_TEARDOWN_PARENT(setirqs)
{
	EXPECT_EQ(0, host_restore());
}

/* --- what is refused --- */

#define BAD(_what, _flags, _index, _start, _count, _error, ...) \
	{ .what = _what, .flags = _flags, .index = _index, .start = _start, .count = _count, .error = _error, .fds = { __VA_ARGS__ } }

/* Whatever is enabled. */
static const struct request never[] = {
	BAD("no data, no action", 0, MSIX, 0, 1, -EINVAL, FRESH),
	BAD("no action", EVENTFD, MSIX, 0, 1, -EINVAL, FRESH),
	BAD("no data", TRIGGER, MSIX, 0, 1, -EINVAL, FRESH),
	BAD("two kinds of data", EVENTFD | BOOL | TRIGGER, MSIX, 0, 1, -EINVAL, FRESH),
	BAD("three kinds of data", EVENTFD | BOOL | NONE | TRIGGER, MSIX, 0, 1, -EINVAL, FRESH),
	BAD("two actions", EVENTFD | TRIGGER | MASK, MSIX, 0, 1, -EINVAL, FRESH),
	BAD("mask and unmask", NONE | MASK | UNMASK, INTX, 0, 1, -EINVAL),
	BAD("an unknown flag", EVENTFD | TRIGGER | 1 << 6, MSIX, 0, 1, -EINVAL, FRESH),
	BAD("the highest flag", EVENTFD | TRIGGER | 1U << 31, MSIX, 0, 1, -EINVAL, FRESH),
	BAD("an index too high", EVENTFD | TRIGGER, VFIO_PCI_NUM_IRQS, 0, 1, -EINVAL, FRESH),
	BAD("the highest index", EVENTFD | TRIGGER, 0xffffffff, 0, 1, -EINVAL, FRESH),
	BAD("off behind the table", NONE | TRIGGER, MSIX, NIC_VECTORS, 0, -EINVAL),
	BAD("one behind the table", EVENTFD | TRIGGER, MSIX, NIC_VECTORS, 1, -EINVAL, FRESH),
	BAD("over the end of the table", EVENTFD | TRIGGER, MSIX, NIC_VECTORS - 1, 2, -EINVAL, FRESH, FRESH),
	BAD("more than the table", EVENTFD | TRIGGER, MSIX, 0, NIC_VECTORS + 1, -EINVAL, FRESH, FRESH, FRESH, FRESH, FRESH, FRESH),
	BAD("a range that wraps", NONE | TRIGGER, MSIX, 1, 0xffffffff, -EINVAL),
	BAD("the highest start", NONE | TRIGGER, MSIX, 0xffffffff, 1, -EINVAL),
	BAD("a second MSI", EVENTFD | TRIGGER, MSI, 1, 1, -EINVAL, FRESH),
	BAD("two MSIs", EVENTFD | TRIGGER, MSI, 0, 2, -EINVAL, FRESH, FRESH),
	BAD("two INTx", EVENTFD | TRIGGER, INTX, 0, 2, -EINVAL, FRESH, FRESH),
	BAD("a second INTx", EVENTFD | TRIGGER, INTX, 1, 1, -EINVAL, FRESH),
	BAD("INTx without a range", EVENTFD | TRIGGER, INTX, 0, 0, -EINVAL),
	BAD("two ERR", EVENTFD | TRIGGER, ERR, 0, 2, -EINVAL, FRESH, FRESH),
	BAD("a second REQ", EVENTFD | TRIGGER, REQ, 1, 1, -EINVAL, FRESH),
	BAD("ERR without a range", EVENTFD | TRIGGER, ERR, 0, 0, -EINVAL),
	BAD("REQ by bool without a range", BOOL | TRIGGER, REQ, 0, 0, -EINVAL),
	BAD("ERR that is not set", NONE | TRIGGER, ERR, 0, 1, -EINVAL),
	BAD("REQ off that is not set", NONE | TRIGGER, REQ, 0, 0, -EINVAL),
	BAD("ERR: -2", EVENTFD | TRIGGER, ERR, 0, 1, -EINVAL, MINUS2),
	BAD("REQ: a closed fd", EVENTFD | TRIGGER, REQ, 0, 1, -EBADF, CLOSED),
	BAD("REQ: no eventfd", EVENTFD | TRIGGER, REQ, 0, 1, -EINVAL, NO_EVENTFD),
	BAD("ERR masked", NONE | MASK, ERR, 0, 1, -ENOTTY),
	BAD("REQ unmasked", NONE | UNMASK, REQ, 0, 1, -ENOTTY),
	BAD("ERR unmasked by eventfd", EVENTFD | UNMASK, ERR, 0, 1, -ENOTTY, FRESH),
	BAD("MSI masked", NONE | MASK, MSI, 0, 1, -ENOTTY),
	BAD("MSI-X masked by bool", BOOL | MASK, MSIX, 0, 1, -ENOTTY),
	BAD("MSI-X unmasked", NONE | UNMASK, MSIX, 0, 1, -ENOTTY),
	BAD("MSI-X unmasked by eventfd", EVENTFD | UNMASK, MSIX, 0, 1, -ENOTTY, FRESH),
};

static const struct request while_off[] = {
	BAD("MSI loopback", NONE | TRIGGER, MSI, 0, 1, -EINVAL),
	BAD("MSI-X loopback", NONE | TRIGGER, MSIX, 0, NIC_VECTORS, -EINVAL),
	BAD("MSI-X loopback by bool", BOOL | TRIGGER, MSIX, 0, 1, -EINVAL, 1),
	BAD("INTx loopback", NONE | TRIGGER, INTX, 0, 1, -EINVAL),
	BAD("INTx loopback by bool", BOOL | TRIGGER, INTX, 0, 1, -EINVAL, 1),
	BAD("INTx masked", NONE | MASK, INTX, 0, 1, -EINVAL),
	BAD("INTx unmasked", NONE | UNMASK, INTX, 0, 1, -EINVAL),
	BAD("INTx unmask eventfd", EVENTFD | UNMASK, INTX, 0, 1, -EINVAL, FRESH),
	BAD("INTx off", NONE | TRIGGER, INTX, 0, 0, -EINVAL),
	BAD("MSI off", NONE | TRIGGER, MSI, 0, 0, -EINVAL),
	BAD("MSI-X off", NONE | TRIGGER, MSIX, 0, 0, -EINVAL),
	BAD("MSI-X without a range", EVENTFD | TRIGGER, MSIX, 0, 0, -EINVAL),
	BAD("MSI: a closed fd", EVENTFD | TRIGGER, MSI, 0, 1, -EBADF, CLOSED),
	BAD("MSI: no eventfd", EVENTFD | TRIGGER, MSI, 0, 1, -EINVAL, NO_EVENTFD),
	BAD("INTx: a closed fd", EVENTFD | TRIGGER, INTX, 0, 1, -EBADF, CLOSED),
	BAD("MSI-X: the last is closed", EVENTFD | TRIGGER, MSIX, 0, 3, -EBADF, FRESH, FRESH, CLOSED),
	BAD("MSI-X: no eventfd behind a hole", EVENTFD | TRIGGER, MSIX, 2, 3, -EINVAL, FRESH, HOLE, NO_EVENTFD),
};

static const struct request while_intx[] = {
	BAD("MSI beside it", EVENTFD | TRIGGER, MSI, 0, 1, -EINVAL, FRESH),
	BAD("MSI-X beside it", EVENTFD | TRIGGER, MSIX, 0, 2, -EINVAL, FRESH, FRESH),
	BAD("MSI off", NONE | TRIGGER, MSI, 0, 0, -EINVAL),
	BAD("MSI-X loopback", NONE | TRIGGER, MSIX, 0, 1, -EINVAL),
	BAD("mask by eventfd", EVENTFD | MASK, INTX, 0, 1, -ENOTTY, FRESH),
	BAD("mask without a range", NONE | MASK, INTX, 0, 0, -EINVAL),
	BAD("unmask without a range", BOOL | UNMASK, INTX, 0, 0, -EINVAL),
	BAD("a closed fd", EVENTFD | TRIGGER, INTX, 0, 1, -EBADF, CLOSED),
	BAD("no eventfd", EVENTFD | TRIGGER, INTX, 0, 1, -EINVAL, NO_EVENTFD),
	BAD("unmask: a closed fd", EVENTFD | UNMASK, INTX, 0, 1, -EBADF, CLOSED),
	BAD("unmask: no eventfd", EVENTFD | UNMASK, INTX, 0, 1, -EINVAL, NO_EVENTFD),
	BAD("off by bool", BOOL | TRIGGER, INTX, 0, 0, -EINVAL),
};

static const struct request while_msix[] = {
	BAD("MSI beside it", EVENTFD | TRIGGER, MSI, 0, 1, -EINVAL, FRESH),
	BAD("INTx beside it", EVENTFD | TRIGGER, INTX, 0, 1, -EINVAL, FRESH),
	BAD("INTx off", NONE | TRIGGER, INTX, 0, 0, -EINVAL),
	BAD("INTx masked", NONE | MASK, INTX, 0, 1, -EINVAL),
	BAD("the first is closed", EVENTFD | TRIGGER, MSIX, 0, 2, -EBADF, CLOSED, FRESH),
	BAD("the last is closed", EVENTFD | TRIGGER, MSIX, 0, 5, -EBADF, FRESH, FRESH, FRESH, FRESH, CLOSED),
	BAD("one is no eventfd", EVENTFD | TRIGGER, MSIX, 1, 4, -EINVAL, HOLE, FRESH, NO_EVENTFD, FRESH),
};

/* What a refused request must not change. */
struct state {
	unsigned int nr;
	struct dev_vector vectors[DEV_VECTORS];
	uint32_t charged;
	uint32_t command;
	uint32_t msi;
	uint32_t msix;
};

static unsigned int capability(const char *address, uint8_t id)
{
	unsigned int at = pci_config_read(address, PCI_CAPABILITY_LIST, 1);

	while (at && pci_config_read(address, at, 1) != id)
		at = pci_config_read(address, at + 1, 1);
	return at;
}

static uint32_t flags_of(const char *address, uint8_t id)
{
	unsigned int at = capability(address, id);

	return at ? pci_config_read(address, at + 2, 2) : 0;
}

static void take_state(const char *address, struct state *state)
{
	struct vm_info vm;

	memset(state, 0, sizeof(*state));
	vm_get(VM, &vm);
	state->charged = vm.vectors;
	state->nr = dev_vectors(address, state->vectors, DEV_VECTORS);
	state->command = pci_config_read(address, PCI_COMMAND, 2);
	state->msi = flags_of(address, PCI_CAP_ID_MSI);
	state->msix = flags_of(address, PCI_CAP_ID_MSIX);
}

/* Each enabled vector arrives at its eventfd, and nowhere else. Counts those that do not. */
static unsigned int wrong_targets(const FIXTURE_DATA(setirqs) *self, uint32_t index, uint32_t enabled)
{
	unsigned int i, k, wrong = 0;

	for (i = 0; i < NIC_VECTORS; i++)
		efd_wait(self->efds[i], 0);
	for (i = 0; i < NIC_VECTORS; i++) {
		if (!(enabled & 1U << i))
			continue;
		wrong += __irq_loopback(self->rig.fd, index, i, 1) != 0;
		for (k = 0; k < NIC_VECTORS; k++)
			wrong += efd_wait(self->efds[k], 0) != (i == k);
	}
	return wrong + (efd_wait(self->fresh, 0) != 0);
}

static int put_request(const FIXTURE_DATA(setirqs) *self, const struct request *request)
{
	uint8_t bools[NIC_VECTORS + 1] = {};
	int fds[NIC_VECTORS + 1];
	unsigned int i, nr = request->count < NIC_VECTORS + 1 ? request->count : NIC_VECTORS + 1;
	const void *data = NULL;

	for (i = 0; i < nr; i++) {
		bools[i] = request->fds[i];
		fds[i] = request->fds[i] == FRESH ? self->fresh : request->fds[i] == NO_EVENTFD ? self->null :
			 request->fds[i] == CLOSED ? 1000 : request->fds[i];
	}
	if (request->flags & EVENTFD)
		data = fds;
	else if (request->flags & BOOL)
		data = bools;
	return __irq_set(self->rig.fd, request->flags, request->index, request->start, request->count, nr ? data : NULL);
}

/* Every request of a table is refused with its error, and changes nothing. Counts those for which that is not so. */
static unsigned int not_refused(const FIXTURE_DATA(setirqs) *self, const struct request *table, size_t nr, uint32_t index, uint32_t enabled)
{
	struct state before, after;
	unsigned int wrong = 0;
	size_t i;
	int ret;

	for (i = 0; i < nr; i++) {
		take_state(self->rig.address, &before);
		ret = put_request(self, &table[i]);
		take_state(self->rig.address, &after);
		if (ret != table[i].error) {
			printf("# %s: %d instead of %d\n", table[i].what, ret, table[i].error);
			wrong++;
		}
		if (memcmp(&before, &after, sizeof(before))) {
			printf("# %s: has changed something: %u vectors, were %u; command %#x, was %#x\n", table[i].what, after.nr, before.nr,
			       after.command, before.command);
			wrong++;
		}
		ret = wrong_targets(self, index, enabled);
		if (ret) {
			printf("# %s: afterwards %d eventfds get what they should not\n", table[i].what, ret);
			wrong++;
		}
	}
	return wrong;
}

#define EXPECT_REFUSED(table, index, enabled) EXPECT_EQ(0, not_refused(self, table, sizeof(table) / sizeof((table)[0]), index, enabled))

TEST_F(setirqs, refused_while_off)
{
	EXPECT_REFUSED(never, MSIX, 0);
	EXPECT_REFUSED(while_off, MSIX, 0);
	/* None of it has left anything: the line is there as on the first day. */
	irq_trigger(self->rig.fd, INTX, 0, 1, self->efds);
	nic_raise_line(&self->nic);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	nic_lower_line(&self->nic);
}

TEST_F(setirqs, refused_while_intx)
{
	irq_trigger(self->rig.fd, INTX, 0, 1, self->efds);
	EXPECT_REFUSED(never, INTX, 1);
	EXPECT_REFUSED(while_intx, INTX, 1);
	nic_raise_line(&self->nic);
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	nic_lower_line(&self->nic);
}

TEST_F(setirqs, refused_while_msi)
{
	static const struct request table[] = {
		BAD("INTx beside it", EVENTFD | TRIGGER, INTX, 0, 1, -EINVAL, FRESH),
		BAD("MSI-X beside it", EVENTFD | TRIGGER, MSIX, 0, 1, -EINVAL, FRESH),
		BAD("a closed fd", EVENTFD | TRIGGER, MSI, 0, 1, -EBADF, CLOSED),
		BAD("no eventfd", EVENTFD | TRIGGER, MSI, 0, 1, -EINVAL, NO_EVENTFD),
	};

	irq_trigger(self->rig.fd, MSI, 0, 1, self->efds);
	EXPECT_REFUSED(never, MSI, 1);
	EXPECT_REFUSED(table, MSI, 1);
}

TEST_F(setirqs, refused_while_msix)
{
	int fds[] = { self->efds[0], self->efds[1], HOLE, self->efds[3] };

	irq_trigger(self->rig.fd, MSIX, 0, 4, fds);
	EXPECT_REFUSED(never, MSIX, 0xb);
	EXPECT_REFUSED(while_msix, MSIX, 0xb);
	nic_raise(&self->nic, 1);
	EXPECT_EQ(1, efd_wait(self->efds[1], SOON_MS));
}

TEST_F(setirqs, refused_for_its_size)
{
	struct {
		struct vfio_irq_set hdr;
		int32_t fds[8];
	} cmd = { .hdr = { .flags = EVENTFD | TRIGGER, .index = MSIX, .count = 2 }, .fds = { self->efds[0], self->efds[1] } };
	struct state before, after;

	take_state(self->rig.address, &before);
	cmd.hdr.argsz = 0;
	EXPECT_EQ(-EINVAL, fd_ioctl(self->rig.fd, VFIO_DEVICE_SET_IRQS, &cmd));
	cmd.hdr.argsz = sizeof(cmd.hdr) - 1;
	EXPECT_EQ(-EINVAL, fd_ioctl(self->rig.fd, VFIO_DEVICE_SET_IRQS, &cmd));
	cmd.hdr.argsz = sizeof(cmd.hdr) + 2 * sizeof(int32_t) - 1;
	EXPECT_EQ(-EINVAL, fd_ioctl(self->rig.fd, VFIO_DEVICE_SET_IRQS, &cmd));
	EXPECT_EQ(-EFAULT, fd_ioctl(self->rig.fd, VFIO_DEVICE_SET_IRQS, (void *)8));
	take_state(self->rig.address, &after);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	/* More than is needed is what DPDK sends. */
	cmd.hdr.argsz = sizeof(cmd);
	EXPECT_EQ(0, fd_ioctl(self->rig.fd, VFIO_DEVICE_SET_IRQS, &cmd));
	EXPECT_EQ(0, wrong_targets(self, MSIX, 3));
}

/* --- what each form does --- */

TEST_F(setirqs, ranges_of_eventfds)
{
	int fds[NIC_VECTORS] = { self->efds[0], HOLE, self->efds[2], HOLE, HOLE };
	int middle[] = { self->efds[1], HOLE, self->efds[3] };
	int fd = self->rig.fd, none = HOLE, minus2 = MINUS2;
	struct vm_info vm;

	irq_trigger(fd, MSIX, 0, NIC_VECTORS, fds);
	EXPECT_EQ(0, wrong_targets(self, MSIX, 0x5));
	vm_get(VM, &vm);
	EXPECT_EQ(2, vm.vectors);
	/* A part of it: 2 goes, 1 and 3 come, 0 and 4 stay as they are. */
	irq_trigger(fd, MSIX, 1, 3, middle);
	EXPECT_EQ(0, wrong_targets(self, MSIX, 0xb));
	EXPECT_EQ(0, __irq_loopback(fd, MSIX, 2, 1));
	EXPECT_EQ(0, efd_wait(self->efds[2], 0));
	/* The host interrupt of 2 waits for its next eventfd. */
	vm_get(VM, &vm);
	EXPECT_EQ(4, vm.vectors);
	irq_trigger(fd, MSIX, 2, 1, &self->efds[2]);
	irq_trigger(fd, MSIX, 4, 1, &self->efds[4]);
	EXPECT_EQ(0, wrong_targets(self, MSIX, 0x1f));
	/* Every negative number is a hole, and no range is no change. */
	irq_trigger(fd, MSIX, 0, 1, &minus2);
	irq_trigger(fd, MSIX, 1, 1, &none);
	irq_trigger(fd, MSIX, 2, 0, NULL);
	EXPECT_EQ(0, wrong_targets(self, MSIX, 0x1c));
	irq_disable(fd, MSIX);
	vm_get(VM, &vm);
	EXPECT_EQ(0, vm.vectors);
}

TEST_F(setirqs, enabled_from_the_middle)
{
	irq_trigger(self->rig.fd, MSIX, 3, 1, &self->efds[3]);
	nic_raise(&self->nic, 3);
	EXPECT_EQ(1, efd_wait(self->efds[3], SOON_MS));
	irq_trigger(self->rig.fd, MSIX, 0, 1, &self->efds[0]);
	EXPECT_EQ(0, wrong_targets(self, MSIX, 0x9));
}

TEST_F(setirqs, off_with_any_start)
{
	struct dev_vector vectors[DEV_VECTORS];

	irq_trigger(self->rig.fd, MSIX, 0, NIC_VECTORS, self->efds);
	EXPECT_EQ(NIC_VECTORS, dev_vectors(self->rig.address, vectors, DEV_VECTORS));
	EXPECT_TRUE(flags_of(self->rig.address, PCI_CAP_ID_MSIX) & PCI_MSIX_FLAGS_ENABLE);
	EXPECT_EQ(0, __irq_set(self->rig.fd, NONE | TRIGGER, MSIX, 2, 0, NULL));
	EXPECT_EQ(0, dev_vectors(self->rig.address, vectors, DEV_VECTORS));
	EXPECT_FALSE(flags_of(self->rig.address, PCI_CAP_ID_MSIX) & PCI_MSIX_FLAGS_ENABLE);
	EXPECT_TRUE(pci_config_read(self->rig.address, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
}

/* Loopback is no interrupt of the device: it is not counted. */
TEST_F(setirqs, loopback_of_ranges)
{
	uint8_t some[] = { 1, 0, 2 };
	struct dev_vector vector;
	unsigned int i;

	irq_trigger(self->rig.fd, MSIX, 0, NIC_VECTORS, self->efds);
	EXPECT_EQ(0, __irq_loopback(self->rig.fd, MSIX, 1, 3));
	for (i = 0; i < NIC_VECTORS; i++)
		EXPECT_EQ(i >= 1 && i <= 3, efd_wait(self->efds[i], 0)) TH_LOG("vector %u", i);
	EXPECT_EQ(0, __irq_set(self->rig.fd, BOOL | TRIGGER, MSIX, 1, 3, some));
	for (i = 0; i < NIC_VECTORS; i++)
		EXPECT_EQ(i == 1 || i == 3, efd_wait(self->efds[i], 0)) TH_LOG("vector %u", i);
	/* A hole in the range swallows its own. */
	i = HOLE;
	irq_trigger(self->rig.fd, MSIX, 2, 1, (int *)&i);
	EXPECT_EQ(0, __irq_loopback(self->rig.fd, MSIX, 0, NIC_VECTORS));
	for (i = 0; i < NIC_VECTORS; i++)
		EXPECT_EQ(i != 2, efd_wait(self->efds[i], 0)) TH_LOG("vector %u", i);
	ASSERT_TRUE(dev_vector(self->rig.address, 0, &vector));
	EXPECT_EQ(0, vector.count);
}

TEST_F(setirqs, loopback_of_the_line)
{
	uint32_t command = device_config_read(self->rig.fd, PCI_COMMAND, 2);
	uint8_t yes = 1, no = 0;
	int fd = self->rig.fd;

	irq_trigger(fd, INTX, 0, 1, self->efds);
	EXPECT_EQ(0, __irq_loopback(fd, INTX, 0, 1));
	EXPECT_EQ(1, efd_wait(self->efds[0], 0));
	EXPECT_EQ(0, __irq_set(fd, BOOL | TRIGGER, INTX, 0, 1, &yes));
	EXPECT_EQ(1, efd_wait(self->efds[0], 0));
	EXPECT_EQ(0, __irq_set(fd, BOOL | TRIGGER, INTX, 0, 1, &no));
	EXPECT_EQ(0, efd_wait(self->efds[0], 0));
	/* The guest does not want to hear of it. */
	device_config_write(fd, PCI_COMMAND, 2, command | PCI_COMMAND_INTX_DISABLE);
	EXPECT_EQ(0, __irq_loopback(fd, INTX, 0, 1));
	EXPECT_EQ(0, efd_wait(self->efds[0], 0));
}

static unsigned int wrong_notices(const FIXTURE_DATA(setirqs) *self, uint32_t index)
{
	uint8_t yes = 1, no = 0;
	unsigned int wrong = 0;
	int fd = self->rig.fd, none = HOLE;

	wrong += __irq_trigger(fd, index, 0, 1, &self->efds[0]) != 0;
	wrong += __irq_loopback(fd, index, 0, 1) || efd_wait(self->efds[0], 0) != 1;
	wrong += __irq_set(fd, BOOL | TRIGGER, index, 0, 1, &yes) || efd_wait(self->efds[0], 0) != 1;
	wrong += __irq_set(fd, BOOL | TRIGGER, index, 0, 1, &no) || efd_wait(self->efds[0], 0);
	/* Another one in its place. */
	wrong += __irq_trigger(fd, index, 0, 1, &self->efds[1]) != 0;
	wrong += __irq_loopback(fd, index, 0, 1) || efd_wait(self->efds[1], 0) != 1 || efd_wait(self->efds[0], 0);
	/* Two ways to take it back. */
	wrong += __irq_trigger(fd, index, 0, 1, &none) != 0;
	wrong += __irq_loopback(fd, index, 0, 1) != -EINVAL || efd_wait(self->efds[1], 0);
	wrong += __irq_trigger(fd, index, 0, 1, &self->efds[0]) || __irq_disable(fd, index);
	wrong += __irq_loopback(fd, index, 0, 1) != -EINVAL || efd_wait(self->efds[0], 0);
	return wrong;
}

TEST_F(setirqs, err_and_req_beside_any_kind)
{
	EXPECT_EQ(0, wrong_notices(self, ERR));
	EXPECT_EQ(0, wrong_notices(self, REQ));
	irq_trigger(self->rig.fd, MSIX, 0, 1, &self->efds[4]);
	EXPECT_EQ(0, wrong_notices(self, ERR));
	irq_disable(self->rig.fd, MSIX);
	irq_trigger(self->rig.fd, INTX, 0, 1, &self->efds[4]);
	EXPECT_EQ(0, wrong_notices(self, REQ));
	nic_raise_line(&self->nic);
	EXPECT_EQ(1, efd_wait(self->efds[4], SOON_MS));
	nic_lower_line(&self->nic);
}

/* An error of the root port (QEMU's e1000e reports none): all below it are told. */
TEST_F(setirqs, err_of_the_bus)
{
	irq_trigger(self->rig.fd, ERR, 0, 1, &self->efds[0]);
	ASSERT_TRUE(qmp_monitor("pcie_aer_inject_error rp4 COMP_TIME"));
	EXPECT_EQ(1, efd_wait(self->efds[0], SOON_MS));
	/* The function goes on. */
	irq_trigger(self->rig.fd, MSI, 0, 1, &self->efds[1]);
	EXPECT_EQ(0, __irq_loopback(self->rig.fd, MSI, 0, 1));
	EXPECT_EQ(1, efd_wait(self->efds[1], SOON_MS));
}

/* A polite detach asks; when the VMM closes, it ends well. */
TEST_F(setirqs, req_asks_for_the_device)
{
	struct nl_msg *msg = ctl_request(DIRECTPATH_CMD_VM_DETACH);
	uint32_t op;

	irq_trigger(self->rig.fd, REQ, 0, 1, &self->efds[0]);
	nla_put_string(msg, DIRECTPATH_A_VM_NAME, VM);
	nla_put_string(msg, DIRECTPATH_A_VM_DEVICE, self->rig.address);
	ASSERT_EQ(0, __ctl_queue(msg, DIRECTPATH_A_VM_OP_ID, &op));
	EXPECT_LE(1, efd_wait(self->efds[0], SOON_MS));
	EXPECT_EQ(DIRECTPATH_STATE_RUNNING, dev_state(self->rig.address));
	nic_unmap(&self->nic);
	rig_close(&self->rig);
	EXPECT_EQ(0, __ctl_wait(op)) TH_LOG("%s", ctl_last.text);
}

HOST_MAIN(HOST_VFIO)
