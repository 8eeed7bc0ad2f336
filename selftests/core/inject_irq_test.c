// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on request in interrupts of each type.
 */
#include "failing.h"

#define INTX VFIO_PCI_INTX_IRQ_INDEX
#define MSI VFIO_PCI_MSI_IRQ_INDEX
#define MSIX VFIO_PCI_MSIX_IRQ_INDEX
#define ERR VFIO_PCI_ERR_IRQ_INDEX
#define REQ VFIO_PCI_REQ_IRQ_INDEX
#define UNMASK_FD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK)

FIXTURE_VARIANT_ADD(failing, edu) FAILING_EDU;
FIXTURE_VARIANT_ADD(failing, e1000e) FAILING_E1000E;

static unsigned int nr_vectors(FIXTURE_DATA(failing) *self, uint32_t index)
{
	return index == MSIX ? 5 : 1;
}

static int turn_on(FIXTURE_DATA(failing) *self, uint32_t index)
{
	unsigned int nr = nr_vectors(self, index), i;
	int ret = 0;

	/* One after the other: it grows. */
	for (i = 0; i < nr && !ret; i++)
		ret = __irq_trigger(self->fd, index, i, 1, &self->efds[i]);
	/* Another eventfd, and masks by eventfd. */
	if (!ret)
		ret = __irq_trigger(self->fd, index, 0, 1, &self->efds[6]);
	if (!ret && index == INTX)
		ret = __irq_set(self->fd, UNMASK_FD, INTX, 0, 1, &self->efds[1]);
	return ret;
}

/* It can be switched on now, interrupts arrive, and it is off afterwards. */
static void check_irq(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, uint32_t index)
{
	/* Off already, if it never came on. */
	__irq_disable(self->fd, index);
	EXPECT_EQ(0, turn_on(self, index));
	efd_wait(self->efds[6], 0);
	if (self->is_edu) {
		edu_ack(&self->edu);
		edu_raise(&self->edu, 1);
	} else {
		EXPECT_EQ(0, __irq_loopback(self->fd, index, 0, 1));
	}
	EXPECT_LE(1, efd_wait(self->efds[6], SETTLE_MS));
	if (self->is_edu)
		edu_ack(&self->edu);
	irq_disable(self->fd, index);
}

static int act_intx(FIXTURE_DATA(failing) *self)
{
	return turn_on(self, INTX);
}

static void intx_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (!ret)
		irq_disable(self->fd, INTX);
	check_irq(_metadata, self, INTX);
}

static const struct action intx_action = { RUNNING, NULL, act_intx, intx_done };
SWEEP(intx, 900)

static int act_msi(FIXTURE_DATA(failing) *self)
{
	return turn_on(self, MSI);
}

static void msi_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (!ret)
		irq_disable(self->fd, MSI);
	check_irq(_metadata, self, MSI);
}

static const struct action msi_action = { RUNNING, NULL, act_msi, msi_done };
SWEEP(msi, 900)

static int act_msix(FIXTURE_DATA(failing) *self)
{
	return self->is_edu ? refused(__irq_trigger(self->fd, MSIX, 0, 1, self->efds)) : turn_on(self, MSIX);
}

static void msix_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	if (self->is_edu) {
		EXPECT_EQ(0, act_msix(self));
		return;
	}
	if (!ret)
		irq_disable(self->fd, MSIX);
	check_irq(_metadata, self, MSIX);
}

static const struct action msix_action = { RUNNING, NULL, act_msix, msix_done };
SWEEP(msix, 900)

static int act_notices(FIXTURE_DATA(failing) *self)
{
	struct vfio_irq_info info;
	int ret = 0;

	if (!__device_irq_info(self->fd, ERR, &info))
		ret = __irq_trigger(self->fd, ERR, 0, 1, &self->efds[0]);
	if (!ret)
		ret = __irq_trigger(self->fd, REQ, 0, 1, &self->efds[1]);
	return ret;
}

static void notices_done(struct __test_metadata *_metadata, FIXTURE_DATA(failing) *self, int ret)
{
	EXPECT_EQ(0, act_notices(self));
	EXPECT_EQ(0, __irq_loopback(self->fd, REQ, 0, 1));
	EXPECT_EQ(1, efd_wait(self->efds[1], SETTLE_MS));
}

static const struct action notices_action = { RUNNING, NULL, act_notices, notices_done };
SWEEP(notices, 600)

FAILING_MAIN(HOST_DP)
