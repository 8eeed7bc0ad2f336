/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_NIC_H
#define DPATH_TEST_NIC_H

/*
 * QEMU's e1000e as a source of interrupts: five MSI-X vectors that a register raises, or the line.
 */

#include <stdint.h>

/* Receive 0 and 1, transmit 0 and 1, other: a cause and a vector for each. */
#define NIC_VECTORS 5
/* The last one is for causes that the card has on its own, too: link changes, overruns by what its neighbours send. */
#define NIC_OTHER (NIC_VECTORS - 1)

/**
 * struct nic - its registers
 * @regs: mapped page of BAR 0
 */
struct nic {
	volatile uint8_t *regs;
};

/* Through a device fd whose memory decode is on. Nothing is raised after this. */
void nic_map(struct nic *nic, int device_fd);
void nic_unmap(struct nic *nic);
/* A cause that is new to the device: what is pending is cleared first, as a driver's handler does. It has come, and the next one may come, when this returns. */
void nic_raise(struct nic *nic, unsigned int vector);
/* The line, until it is lowered. */
void nic_raise_line(struct nic *nic);
void nic_lower_line(struct nic *nic);

#endif
