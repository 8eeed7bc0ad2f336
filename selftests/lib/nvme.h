/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_NVME_H
#define DPATH_TEST_NVME_H

/*
 * As much of an NVMe driver (NVM Express 1.4) as it takes to make a controller do DMA: an admin queue, one queue for reads, and requests that the
 * controller keeps until something happens. Nothing waits for a controller that was taken away: its registers answer ones then.
 */

#include <stdbool.h>
#include <stdint.h>

#define NVME_MEMORY (32UL << 10) /* queues and buffers */
#define NVME_DEPTH 4		 /* entries in each queue; one less may be under way */
#define NVME_READ_SIZE 4096UL
#define NVME_BAR_SIZE 0x2000
#define NVME_CSTS 0x1c
#define NVME_CSTS_READY 1
#define NVME_CSTS_FATAL 2

/**
 * struct nvme_queue - a pair of queues
 * @id: 0: admin
 * @sq: commands
 * @cq: completions
 * @tail: next free command
 * @head: next completion
 * @phase: of completions that are new
 */
struct nvme_queue {
	unsigned int id;
	volatile uint32_t *sq;
	volatile uint32_t *cq;
	unsigned int tail;
	unsigned int head;
	unsigned int phase;
};

/**
 * struct nvme - a controller that is run by this process
 * @regs: mapped registers
 * @mem: memory that it may reach, NVME_MEMORY bytes
 * @iova: where that is for the controller
 * @stride: from doorbell to doorbell, in bytes
 * @admin: its admin queue
 * @io: its queue for reads
 */
struct nvme {
	volatile uint8_t *regs;
	uint8_t *mem;
	uint64_t iova;
	unsigned int stride;
	struct nvme_queue admin;
	struct nvme_queue io;
};

/*
 * Switch a controller on, through a device fd whose decode and bus master are on, with queues in @mem, which is mapped at @iova. False: it does not
 * come up.
 */
bool nvme_start(struct nvme *nvme, int device_fd, void *mem, uint64_t iova);
/* The same through registers that are mapped already, NVME_BAR_SIZE bytes. */
bool nvme_start_at(struct nvme *nvme, void *regs, void *mem, uint64_t iova);
void nvme_stop(struct nvme *nvme);
uint32_t nvme_reg(struct nvme *nvme, unsigned int reg);
/* Start a read of NVME_READ_SIZE bytes at block @lba into the buffer for it. */
void nvme_read_start(struct nvme *nvme, uint64_t lba);
/* Has a read ended since the last call? */
bool nvme_read_done(struct nvme *nvme);
/* Where reads go, one of NVME_DEPTH - 1 places. */
uint8_t *nvme_buffer(struct nvme *nvme, unsigned int place);
/* Leave a request with the controller that it completes when it has something to report (5.2), as its health. */
bool nvme_await_event(struct nvme *nvme);

#endif
