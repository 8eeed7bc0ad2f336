// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "assert.h"
#include "device.h"
#include "mem.h"
#include "nvme.h"
#include "proc.h"

#define CAP 0x00
#define CC 0x14
#define CC_ENABLE (6 << 16 | 4 << 20 | 1) /* commands of 64 bytes, completions of 16 */
#define AQA 0x24
#define ASQ 0x28
#define ACQ 0x30
#define DOORBELLS 0x1000
#define ONES 0xffffffffU

#define COMMAND_DWORDS 16
#define COMPLETION_DWORDS 4
#define OP_CREATE_SQ 0x01
#define OP_CREATE_CQ 0x05
#define OP_SET_FEATURES 0x09
#define OP_AWAIT_EVENT 0x0c
#define OP_READ 0x02
#define CONTIGUOUS 1
#define FEATURE_EVENTS 0x0b
#define EVERY_WARNING 0xff
#define BLOCK 512
/* Pages of @mem: two for each queue, then the buffers. */
#define BUFFER_PAGE 4

uint32_t nvme_reg(struct nvme *nvme, unsigned int reg)
{
	return *(volatile uint32_t *)(nvme->regs + reg);
}

static void set_reg(struct nvme *nvme, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(nvme->regs + reg) = value;
}

static void set_reg64(struct nvme *nvme, unsigned int reg, uint64_t value)
{
	set_reg(nvme, reg, value);
	set_reg(nvme, reg + 4, value >> 32);
}

uint8_t *nvme_buffer(struct nvme *nvme, unsigned int place)
{
	return nvme->mem + (BUFFER_PAGE + place) * PAGE;
}

static void init_queue(struct nvme *nvme, struct nvme_queue *queue, unsigned int id)
{
	queue->id = id;
	queue->sq = (volatile uint32_t *)(nvme->mem + 2 * id * PAGE);
	queue->cq = (volatile uint32_t *)(nvme->mem + (2 * id + 1) * PAGE);
	queue->tail = 0;
	queue->head = 0;
	queue->phase = 1;
}

static uint64_t iova_of(struct nvme *nvme, const volatile void *mem)
{
	return nvme->iova + ((const volatile uint8_t *)mem - nvme->mem);
}

/* A command with a place of memory and three dwords of its own. */
static void submit(struct nvme *nvme, struct nvme_queue *queue, uint32_t op, const volatile void *mem, const uint32_t *words)
{
	volatile uint32_t *command = queue->sq + queue->tail * COMMAND_DWORDS;
	uint64_t iova = mem ? iova_of(nvme, mem) : 0;
	unsigned int i;

	for (i = 0; i < COMMAND_DWORDS; i++)
		command[i] = 0;
	command[0] = op | queue->tail << 16;
	command[1] = queue->id ? 1 : 0; /* the namespace */
	command[6] = iova;
	command[7] = iova >> 32;
	for (i = 0; i < 3; i++)
		command[10 + i] = words[i];
	queue->tail = (queue->tail + 1) % NVME_DEPTH;
	__sync_synchronize();
	set_reg(nvme, DOORBELLS + 2 * queue->id * nvme->stride, queue->tail);
}

static bool complete(struct nvme *nvme, struct nvme_queue *queue)
{
	if ((queue->cq[queue->head * COMPLETION_DWORDS + 3] >> 16 & 1) != queue->phase)
		return false;
	queue->head = (queue->head + 1) % NVME_DEPTH;
	if (!queue->head)
		queue->phase ^= 1;
	set_reg(nvme, DOORBELLS + (2 * queue->id + 1) * nvme->stride, queue->head);
	return true;
}

static bool admin(struct nvme *nvme, uint32_t op, const volatile void *mem, uint32_t word10, uint32_t word11)
{
	const uint32_t words[] = { word10, word11, 0 };

	submit(nvme, &nvme->admin, op, mem, words);
	return wait_until(complete(nvme, &nvme->admin), SETTLE_MS);
}

static bool is_ready(struct nvme *nvme, bool on)
{
	uint32_t csts = nvme_reg(nvme, NVME_CSTS);

	return csts != ONES && !!(csts & NVME_CSTS_READY) == on;
}

bool nvme_start_at(struct nvme *nvme, void *regs, void *mem, uint64_t iova)
{
	memset(mem, 0, NVME_MEMORY);
	nvme->regs = regs;
	nvme->mem = mem;
	nvme->iova = iova;
	nvme->stride = 4 << (nvme_reg(nvme, CAP + 4) & 15);
	init_queue(nvme, &nvme->admin, 0);
	init_queue(nvme, &nvme->io, 1);

	set_reg(nvme, CC, 0);
	if (!wait_until(is_ready(nvme, false), SETTLE_MS))
		return false;
	set_reg(nvme, AQA, (NVME_DEPTH - 1) << 16 | (NVME_DEPTH - 1));
	set_reg64(nvme, ASQ, iova_of(nvme, nvme->admin.sq));
	set_reg64(nvme, ACQ, iova_of(nvme, nvme->admin.cq));
	set_reg(nvme, CC, CC_ENABLE);
	return wait_until(is_ready(nvme, true), SETTLE_MS) &&
	       admin(nvme, OP_CREATE_CQ, nvme->io.cq, (NVME_DEPTH - 1) << 16 | 1, CONTIGUOUS) &&
	       admin(nvme, OP_CREATE_SQ, nvme->io.sq, (NVME_DEPTH - 1) << 16 | 1, 1 << 16 | CONTIGUOUS);
}

bool nvme_start(struct nvme *nvme, int device_fd, void *mem, uint64_t iova)
{
	return nvme_start_at(nvme, device_mmap(device_fd, 0, NVME_BAR_SIZE), mem, iova);
}

void nvme_stop(struct nvme *nvme)
{
	munmap((void *)nvme->regs, NVME_BAR_SIZE);
}

void nvme_read_start(struct nvme *nvme, uint64_t lba)
{
	const uint32_t words[] = { lba, lba >> 32, NVME_READ_SIZE / BLOCK - 1 };

	submit(nvme, &nvme->io, OP_READ, nvme_buffer(nvme, nvme->io.tail % (NVME_DEPTH - 1)), words);
}

bool nvme_read_done(struct nvme *nvme)
{
	return complete(nvme, &nvme->io);
}

bool nvme_await_event(struct nvme *nvme)
{
	const uint32_t words[3] = {};

	if (!admin(nvme, OP_SET_FEATURES, NULL, FEATURE_EVENTS, EVERY_WARNING))
		return false;
	submit(nvme, &nvme->admin, OP_AWAIT_EVENT, NULL, words);
	return true;
}
