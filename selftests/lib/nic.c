// SPDX-License-Identifier: GPL-2.0
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "nic.h"

#define E1000_ICR 0xc0
#define E1000_ITR 0xc4
#define E1000_ICS 0xc8
#define E1000_IMS 0xd0
#define E1000_IMC 0xd8
#define E1000_EIAC 0xdc
#define E1000_IVAR 0xe4
#define E1000_EITR 0xe8
#define E1000_CAUSES 0x01f00000U
#define E1000_CAUSE0 0x00100000U
#define E1000_IVAR_ALL 0x000cba98U

/*
 * After an interrupt QEMU 7.2 holds back the next one for 128 us by its own clock, and its main loop may come late to the end of that. What is raised
 * meanwhile may come twice, and QEMU ends if MSI-X is switched on or off then.
 */
static void wait_out_throttle(void)
{
	usleep(10000);
}

static void write_reg(struct nic *nic, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(nic->regs + reg) = value;
}

void nic_map(struct nic *nic, int device_fd)
{
	unsigned int i;

	nic->regs = device_mmap(device_fd, 0, getpagesize());
	write_reg(nic, E1000_IMC, ~0U);
	/* As short as QEMU lets them be: 128 us. */
	write_reg(nic, E1000_ITR, 0);
	write_reg(nic, E1000_IVAR, E1000_IVAR_ALL);
	write_reg(nic, E1000_EIAC, E1000_CAUSES);
	for (i = 0; i < NIC_VECTORS; i++)
		write_reg(nic, E1000_EITR + 4 * i, 0);
}

void nic_unmap(struct nic *nic)
{
	munmap((void *)nic->regs, getpagesize());
	nic->regs = NULL;
}

void nic_raise(struct nic *nic, unsigned int vector)
{
	write_reg(nic, E1000_ICR, ~0U);
	write_reg(nic, E1000_IMS, E1000_CAUSES);
	write_reg(nic, E1000_ICS, E1000_CAUSE0 << vector);
	wait_out_throttle();
}

void nic_raise_line(struct nic *nic)
{
	write_reg(nic, E1000_IMS, E1000_CAUSE0);
	write_reg(nic, E1000_ICS, E1000_CAUSE0);
	wait_out_throttle();
}

void nic_lower_line(struct nic *nic)
{
	write_reg(nic, E1000_IMC, ~0U);
	write_reg(nic, E1000_ICR, ~0U);
	wait_out_throttle();
}
