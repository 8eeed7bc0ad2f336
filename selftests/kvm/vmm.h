/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_VMM_H
#define DPATH_TEST_VMM_H

/*
 * The smallest VMM that passes a device through: one CPU in 32 bit protected mode without paging, a little memory, a BAR, an interrupt.
 *
 * Guest physical addresses: memory from 0 on, the program at GUEST_CODE; the BAR at GUEST_BAR. The guest reports by 32 bit writes to ports.
 */

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#define GUEST_MEMORY 0x100000
#define GUEST_IDT 0x500
#define GUEST_CODE 0x1000
#define GUEST_STACK 0x8000
#define GUEST_FROM 0x10000 /* page that the guest's DMA reads */
#define GUEST_TO 0x11000   /* and one that it writes */
#define GUEST_BAR 0x80000000
#define GUEST_VECTOR 0x41

/* What the guest reports. */
#define PORT_ID 0x100	    /* the device's identification */
#define PORT_ALIVE 0x104    /* its liveness register */
#define PORT_IRQ 0x108	    /* interrupt status, by the handler */
#define PORT_VALUE 0x10c    /* a register it looks at again and again */
#define PORT_DONE 0x110	    /* the end; number of interrupts */

#ifndef __ASSEMBLER__

/* The programs, in guest.S: from their start to their end, and where the handler is. */
extern const uint8_t guest_start[], guest_end[], guest_irq[];
extern const uint8_t guest_interrupts[], guest_dma[], guest_watch[], guest_store[];

struct kvm_run;

/**
 * struct vmm - one guest
 * @vm: KVM's VM
 * @cpu: its CPU
 * @run: shared with the kernel
 * @memory: guest memory
 * @mmio_exits: accesses that were not made by the guest itself
 */
struct vmm {
	int kvm;
	int vm;
	int cpu;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *memory;
	unsigned int mmio_exits;
};

/* Is there KVM? Loads its module. */
bool vmm_available(void);
/* A guest that will begin at @entry. */
void vmm_init(struct vmm *vmm, const uint8_t *entry);
void vmm_map_bar(struct vmm *vmm, const volatile void *bar, size_t size);
/* What is signalled at @efd is the guest's interrupt. */
void vmm_route(struct vmm *vmm, int efd);
/* Run until the guest writes to a port; false, with the reason printed: it did something else. */
bool vmm_next(struct vmm *vmm, uint16_t *port, uint32_t *value);
void vmm_destroy(struct vmm *vmm);

#endif
#endif
