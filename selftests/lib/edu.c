// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "assert.h"
#include "device.h"
#include "edu.h"
#include "pci.h"
#include "proc.h"

#define DMA_MS 20000

void edu_map(struct edu *edu, int device_fd)
{
	edu->bar = device_mmap(device_fd, 0, getpagesize());
}

void edu_unmap(struct edu *edu)
{
	munmap((void *)edu->bar, getpagesize());
	edu->bar = NULL;
}

void edu_map_host(struct edu *edu, const char *address)
{
	pci_config_set(address, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	edu->bar = pci_map_resource(address, 0, getpagesize());
	dp_assert(edu->bar != MAP_FAILED, "%s: %s", address, strerror(errno));
}

uint32_t edu_read(struct edu *edu, unsigned int reg)
{
	return *(volatile uint32_t *)(edu->bar + reg);
}

void edu_write(struct edu *edu, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(edu->bar + reg) = value;
}

static void write64(struct edu *edu, unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)(edu->bar + reg) = value;
}

bool edu_present(struct edu *edu)
{
	return edu_read(edu, EDU_ID) == EDU_ID_VALUE;
}

bool edu_alive(struct edu *edu, uint32_t value)
{
	edu_write(edu, EDU_ALIVE, value);
	return edu_read(edu, EDU_ALIVE) == ~value;
}

void edu_raise(struct edu *edu, uint32_t bits)
{
	edu_write(edu, EDU_IRQ_RAISE, bits);
}

void edu_ack(struct edu *edu)
{
	edu_write(edu, EDU_IRQ_ACK, edu_read(edu, EDU_IRQ_STATUS));
}

static void start(struct edu *edu, uint64_t src, uint64_t dst, unsigned int count, uint32_t cmd)
{
	write64(edu, EDU_DMA_SRC, src);
	write64(edu, EDU_DMA_DST, dst);
	write64(edu, EDU_DMA_COUNT, count);
	write64(edu, EDU_DMA_CMD, cmd | EDU_DMA_RUN);
}

void edu_dma_wait(struct edu *edu)
{
	dp_assert(wait_until(!(edu_read(edu, EDU_DMA_CMD) & EDU_DMA_RUN), DMA_MS), "DMA does not end");
}

static void check_buffer(unsigned int offset, unsigned int count)
{
	dp_assert(count && offset < EDU_BUFFER_SIZE && count <= EDU_BUFFER_SIZE - offset, "outside of the buffer: %#x + %#x", offset, count);
}

void edu_fetch(struct edu *edu, uint64_t iova, unsigned int offset, unsigned int count)
{
	check_buffer(offset, count);
	start(edu, iova, EDU_BUFFER + offset, count, 0);
	edu_dma_wait(edu);
}

void edu_store_start(struct edu *edu, uint64_t iova, unsigned int offset, unsigned int count)
{
	check_buffer(offset, count);
	start(edu, EDU_BUFFER + offset, iova, count, EDU_DMA_TO_MEMORY);
}

void edu_store(struct edu *edu, uint64_t iova, unsigned int offset, unsigned int count)
{
	edu_store_start(edu, iova, offset, count);
	edu_dma_wait(edu);
}
