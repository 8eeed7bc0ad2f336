/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_SLOT_H
#define DPATH_TEST_SLOT_H

/*
 * Slots with native hot-plug, by the address of their port.
 */

#include <stdbool.h>
#include <stdint.h>

/* Slot Control of a port (PCIe 7.5.3.10). QEMU takes away what is in a slot without power and with its indicator off. */
void slot_control(const char *port, uint16_t mask, uint16_t bits);
void slot_power(const char *port, bool on);
/* Switched on, and nothing else is about to happen to it: its indicator does not blink. */
bool slot_rests(const char *port);
/* Its events are no news any more. */
void slot_forget(const char *port);
/* The host's hot-plug driver for it. */
bool slot_driver(const char *port, bool on);
/* Another card into the bed's native slot, behind the back of the host, whose driver is off; and how the host finds out. */
bool slot_swap(const char *port, const char *card);
bool slot_find_anew(const char *address);

#endif
