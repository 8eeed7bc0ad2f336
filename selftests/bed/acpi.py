# SPDX-License-Identifier: GPL-2.0
"""ACPI tables that say more than QEMU's do.

The kernel takes a table from the initrd in place of the firmware's if signature
and OEM ids are the same and the OEM revision is higher.
"""

import struct

HEADER = struct.Struct("<4sIBB6s8sI4sI")
OEM = (b"BOCHS ", b"BXPC    ")
CREATOR = b"BXPC"
REVISION = 2            # QEMU's is 1

# Of QEMU's intel-iommu
UNIT_BASE = 0xfed90000
WIDTH = 48
INTREMAP = 1
INCLUDE_ALL = 1
DRHD, RMRR = 0, 1
ENDPOINT, IOAPIC = 1, 3
IOAPIC_BUS = 0xff


def table(signature, revision, body):
    """BODY behind a header whose checksum is right."""
    def build(checksum):
        return HEADER.pack(signature, HEADER.size + len(body), revision, checksum,
                           *OEM, REVISION, CREATOR, 1) + body
    return build(-sum(build(0)) & 0xff)


def scope(kind, bus, path, number=0):
    """A device by its PATH of (device, function) pairs from BUS on."""
    hops = bytes(n for hop in path for n in hop)
    return struct.pack("<BBHBB", kind, 6 + len(hops), 0, number, bus) + hops


def remapping(kind, head, scopes):
    """A remapping structure: its fields after type and length, its devices."""
    return struct.pack("<HH", kind, 4 + len(head) + len(scopes)) + head + scopes


def rmrr(base, size, path):
    head = struct.pack("<HHQQ", 0, 0, base, base + size - 1)
    return remapping(RMRR, head, scope(ENDPOINT, 0, path))


def dmar(regions):
    """QEMU's only unit for every device, and REGIONS of memory that firmware
    does DMA to: (base, size, path of the device from bus 0)."""
    unit = remapping(DRHD, struct.pack("<BBHQ", INCLUDE_ALL, 0, 0, UNIT_BASE),
                     scope(IOAPIC, IOAPIC_BUS, ((0, 0),)))
    head = struct.pack("<BB10x", WIDTH - 1, INTREMAP)
    return table(b"DMAR", 1, head + unit + b"".join(rmrr(*r) for r in regions))
