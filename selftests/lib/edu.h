/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_EDU_H
#define DPATH_TEST_EDU_H

/*
 * QEMU's edu: a DMA engine over a buffer of its own, an interrupt that is raised by a register (MSI if enabled, else INTx), a liveness register that
 * answers the complement of what was written. It has no reset, so registers and buffer outlive a VM. A transfer begins 100 ms after it was started.
 */

#include <stdbool.h>
#include <stdint.h>

#define EDU_ID 0x00
#define EDU_ID_VALUE 0x010000edU
#define EDU_ALIVE 0x04
#define EDU_FACTORIAL 0x08
#define EDU_STATUS 0x20
#define EDU_IRQ_STATUS 0x24
#define EDU_IRQ_RAISE 0x60
#define EDU_IRQ_ACK 0x64
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_CMD 0x98
#define EDU_DMA_RUN 0x1
#define EDU_DMA_TO_MEMORY 0x2
#define EDU_DMA_IRQ 0x4

/* Address of its buffer as its own engine sees it. QEMU ends if a transfer leaves it, or reaches its last byte. */
#define EDU_BUFFER 0x40000
#define EDU_BUFFER_SIZE 4095
#define EDU_DMA_MAX 4092UL

/**
 * struct edu - its registers
 * @bar: mapped page of BAR 0
 */
struct edu {
	volatile uint8_t *bar;
};

/* Through a device fd whose memory decode is on. */
void edu_map(struct edu *edu, int device_fd);
void edu_unmap(struct edu *edu);
/* Through sysfs, as root of the host: decode and bus master are forced on. Only while no VM runs it. */
void edu_map_host(struct edu *edu, const char *address);

uint32_t edu_read(struct edu *edu, unsigned int reg);
void edu_write(struct edu *edu, unsigned int reg, uint32_t value);
bool edu_present(struct edu *edu);
/* Does the liveness register answer to @value? Leaves the complement of @value in it. */
bool edu_alive(struct edu *edu, uint32_t value);
void edu_raise(struct edu *edu, uint32_t bits);
void edu_ack(struct edu *edu);
/* From memory at @iova into its buffer at @offset, or back. Waits for the end; what the IOMMU refused ends, too. */
void edu_fetch(struct edu *edu, uint64_t iova, unsigned int offset, unsigned int count);
void edu_store(struct edu *edu, uint64_t iova, unsigned int offset, unsigned int count);
/* Start the latter, and do not wait. */
void edu_store_start(struct edu *edu, uint64_t iova, unsigned int offset, unsigned int count);
void edu_dma_wait(struct edu *edu);

#endif
