/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest programs. They run at GUEST_CODE whatever they are linked at, so jumps are relative and nothing else refers to a label. %ebx holds the BAR,
 * %edi the local APIC, %ecx counts interrupts.
 */
#include "vmm.h"

#define EDU_ID 0x00
#define EDU_ALIVE 0x04
#define EDU_IRQ_STATUS 0x24
#define EDU_IRQ_RAISE 0x60
#define EDU_IRQ_ACK 0x64
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_CMD 0x98
#define EDU_BUFFER 0x40000
#define EDU_LENGTH 4092

#define APIC 0xfee00000
#define APIC_EOI 0xb0
#define APIC_SPURIOUS 0xf0

	.section .rodata
	.code32

	.macro report port
	movw	$\port, %dx
	outl	%eax, %dx
	.endm

	.macro prepare
	movl	$GUEST_BAR, %ebx
	movl	$APIC, %edi
	xorl	%ecx, %ecx
	movl	$0x1ff, APIC_SPURIOUS(%edi)
	.endm

	/* Until the handler has run once more. No hlt: emulated SVM takes the interrupt between sti and hlt, and hlt then waits for another one. */
	.macro wait_irq
	movl	%ecx, %esi
	sti
1:	pause
	cmpl	%ecx, %esi
	je	1b
	cli
	.endm

	.macro finish
	movl	%ecx, %eax
	report	PORT_DONE
2:	hlt
	jmp	2b
	.endm

	.globl guest_start, guest_end, guest_irq
	.globl guest_interrupts, guest_dma, guest_watch, guest_store
guest_start:

/* The handler: say why, tell the device, tell the interrupt controller. */
guest_irq:
	pushl	%eax
	pushl	%edx
	movl	EDU_IRQ_STATUS(%ebx), %eax
	report	PORT_IRQ
	movl	%eax, EDU_IRQ_ACK(%ebx)
	incl	%ecx
	movl	$0, APIC_EOI(%edi)
	popl	%edx
	popl	%eax
	iret

/* Look at the device, then raise three interrupts, one after the other. */
guest_interrupts:
	prepare
	movl	EDU_ID(%ebx), %eax
	report	PORT_ID
	movl	$0x12345678, EDU_ALIVE(%ebx)
	movl	EDU_ALIVE(%ebx), %eax
	report	PORT_ALIVE
3:	movl	$0x5a, EDU_IRQ_RAISE(%ebx)
	wait_irq
	cmpl	$3, %ecx
	jb	3b
	finish

/* A page through the device's buffer, each way ended by an interrupt. */
guest_dma:
	prepare
	movl	$GUEST_FROM, EDU_DMA_SRC(%ebx)
	movl	$EDU_BUFFER, EDU_DMA_DST(%ebx)
	movl	$EDU_LENGTH, EDU_DMA_COUNT(%ebx)
	movl	$5, EDU_DMA_CMD(%ebx)
	wait_irq
	movl	$EDU_BUFFER, EDU_DMA_SRC(%ebx)
	movl	$GUEST_TO, EDU_DMA_DST(%ebx)
	movl	$EDU_LENGTH, EDU_DMA_COUNT(%ebx)
	movl	$7, EDU_DMA_CMD(%ebx)
	wait_irq
	finish

/* Read and write registers for ever; the device may be taken away meanwhile. */
guest_watch:
	prepare
4:	movl	$0, EDU_ALIVE(%ebx)
	movl	EDU_ID(%ebx), %eax
	report	PORT_VALUE
	jmp	4b

/*
 * Stores of the floating point unit to a BAR that is closed, then until it shows ones again. KVM emulates none of them, as none of AVX; but AVX needs
 * XCR0, which the bed's emulated SVM does not keep apart from the host's.
 */
guest_store:
	prepare
	fninit
5:	fldz
	fstpl	(%ebx)
	fldz
	fstpl	0x40(%ebx)
6:	cmpl	$-1, (%ebx)
	jne	6b
	cmpl	$-1, 0x44(%ebx)
	jne	6b
	movl	(%ebx), %eax
	report	PORT_VALUE
	jmp	5b

guest_end:
	.section .note.GNU-stack, "", @progbits
