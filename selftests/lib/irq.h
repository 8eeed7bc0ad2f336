/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_IRQ_H
#define DPATH_TEST_IRQ_H

/*
 * Interrupts of a device fd, and the eventfds behind them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* VFIO_DEVICE_SET_IRQS as it is: -errno, 0, or vectors that are available. @data: count times s32 (DATA_EVENTFD) or u8 (DATA_BOOL). */
int __irq_set(int fd, uint32_t flags, uint32_t index, uint32_t start, uint32_t count, const void *data);
/* Signal @fds for vectors from @start on; enables the kind. */
int __irq_trigger(int fd, uint32_t index, uint32_t start, uint32_t count, const int *fds);
void irq_trigger(int fd, uint32_t index, uint32_t start, uint32_t count, const int *fds);
/* The kind off. */
int __irq_disable(int fd, uint32_t index);
void irq_disable(int fd, uint32_t index);
/* As if the device had raised it. */
int __irq_loopback(int fd, uint32_t index, uint32_t start, uint32_t count);
int __irq_mask(int fd, uint32_t index);
int __irq_unmask(int fd, uint32_t index);

/* How often the host has taken Linux interrupt @irq, by /proc/interrupts. */
uint64_t irq_taken(unsigned int irq);
/* The same on one CPU; all CPUs are online. */
uint64_t irq_taken_by(unsigned int irq, unsigned int cpu);
/* A file of /proc/irq/N without its line end; empty if there is none. */
void irq_proc(unsigned int irq, const char *file, char *text, size_t size);

/* A non-blocking eventfd. */
int efd_new(void);
/* What has been signalled within @ms; 0: nothing. */
uint64_t efd_wait(int efd, int ms);
void efd_signal(int efd);

#endif
