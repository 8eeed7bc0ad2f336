/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DPATH_TEST_PCI_H
#define DPATH_TEST_PCI_H

/*
 * PCI functions as the host's sysfs shows them: the view from outside of directpath.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The address that the bed gives in a variable, NULL if this machine has no such device. */
const char *pci_env(const char *variable);
bool pci_present(const char *address);
/* The kernel has added it, and an IOMMU translates its DMA: it can be claimed. */
bool pci_settled(const char *address);
/* Name of the driver bound to it; empty if none. */
void pci_driver(const char *address, char *name, size_t size);
bool pci_driver_is(const char *address, const char *name);
/* Number of its IOMMU group, or -1. */
int pci_group(const char *address);
/* driver_override; empty if there is none. */
void pci_override(const char *address, char *name, size_t size);
bool pci_set_override(const char *address, const char *name);
/* Bind or unbind by hand: 0 or -errno. */
int pci_bind(const char *address, const char *driver);
int pci_unbind(const char *address);
uint32_t pci_config_read(const char *address, unsigned int offset, size_t size);
void pci_config_write(const char *address, unsigned int offset, uint32_t value, size_t size);
/* Change bits of a 16 bit register; set some. */
void pci_config_change(const char *address, unsigned int offset, uint16_t mask, uint16_t bits);
void pci_config_set(const char *address, unsigned int offset, uint16_t bits);
/* Where a capability is that the function must have. */
unsigned int pci_find_capability(const char *address, uint8_t id);
/* A BAR through sysfs; MAP_FAILED and errno if that is refused. */
void *pci_map_resource(const char *address, unsigned int index, size_t size);
/* First network interface or block device (a name in /dev) of it; false if there is none. */
bool pci_netdev(const char *address, char *name, size_t size);
bool pci_block(const char *address, char *name, size_t size);
/* Open the block device for reading. */
int pci_open_block(const char *address);
/* An interface up or down. */
void netdev_set_up(const char *name, bool up);

#endif
