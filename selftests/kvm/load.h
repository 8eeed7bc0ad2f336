/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_LOAD_H
#define DPATH_TEST_LOAD_H

/*
 * A VMM that is busy with its function in as many ways as it can, in a process of its own, and does not mind when the function is taken away.
 */

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"
#include "proc.h"

enum load {
	LOAD_DMA,    /* edu: stores to memory, one after the other */
	LOAD_IRQS,   /* edu: MSIs */
	LOAD_GUEST,  /* edu: a guest under KVM at its registers */
	LOAD_READS,  /* nvme: reads into memory */
	LOAD_FAULTS, /* BAR mapped, read, unmapped */
	LOAD_MAPS,   /* memory mapped and unmapped */
	NR_LOADS,
};

#define LOADS_EDU (1U << LOAD_DMA | 1U << LOAD_IRQS | 1U << LOAD_GUEST | 1U << LOAD_FAULTS | 1U << LOAD_MAPS)
#define LOADS_NVME (1U << LOAD_READS | 1U << LOAD_FAULTS | 1U << LOAD_MAPS)
/* Memory that the function may write to. */
#define LOAD_MEMORY (64UL << 10)

/**
 * struct load_report - shared with the VMM
 * @beats: how often each load came around
 * @ones: the same since it has seen that the function is gone
 * @stop: the VMM is to end
 */
struct load_report {
	volatile uint64_t beats[NR_LOADS];
	volatile uint64_t ones[NR_LOADS];
	volatile bool stop;
};

/**
 * struct load_vmm - a VMM
 * @vm: name of its VM
 * @address: its function, attached and not open
 * @loads: bits of enum load
 * @report: what it does
 * @mem: LOAD_MEMORY bytes that the function may write to
 * @peer: its process
 */
struct load_vmm {
	const char *vm;
	const char *address;
	unsigned int loads;
	struct load_report *report;
	uint8_t *mem;
	struct peer peer;
};

/* Once, before the first VMM. */
void load_init(struct load_vmm *vmm);
/* Start it and wait until each load goes. */
void load_start(struct load_vmm *vmm);
/* Each load has noticed that the function is gone, and goes on. */
bool load_noticed(const struct load_vmm *vmm);
/* The name of the first load that has not. */
const char *load_laggard(const struct load_vmm *vmm);
/* It ends by itself: exit code, or minus the signal that ended it. */
int load_stop(struct load_vmm *vmm);

#endif
