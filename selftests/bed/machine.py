# SPDX-License-Identifier: GPL-2.0
"""QEMU command lines of the outer machines. devices.sh has their addresses."""

import dataclasses
import os

import acpi


@dataclasses.dataclass(frozen=True)
class Variant:
    """What distinguishes one outer machine from another."""
    about: str
    iommu: str = "intel"        # intel, amd or none
    intremap: bool = True
    snoop: bool = False
    shm: str = "256M"           # BAR of the ivshmem device
    bridges: bool = True        # ports, switch, NUMA nodes
    vga: bool = False           # a display that the host boots with
    counted: bool = False       # its clock counts instructions, 1 ns each
    rmrr: bool = False          # firmware that does DMA of its own


VARIANTS = {
    "full": Variant("VT-d, every device"),
    "amd": Variant("AMD-Vi, devices on the root bus", iommu="amd", bridges=False),
    "noiommu": Variant("no IOMMU", iommu="none"),
    "nointremap": Variant("VT-d without interrupt remapping", intremap=False),
    "snoop": Variant("VT-d with snoop control", snoop=True),
    "bigbar": Variant("as full, with a BAR of 4 GiB", shm="4G"),
    "vga": Variant("as full, with a boot display", vga=True),
    "counted": Variant("as full, with a clock that counts instructions", counted=True),
    "rmrr": Variant("as full, with memory for firmware's DMA", rmrr=True),
    "kexec": Variant("as full, for a test that leaves another kernel behind"),
}

MEMORY_MB = 4096
# Memory for firmware's DMA: a region of this size for each path from bus 0.
RMRR_BASE = 0x40000000
RMRR_SIZE = 64 << 10
RMRR_PATHS = (((3, 0),), ((10, 0), (0, 1)), ((11, 0), (0, 0)))


def onoff(value):
    return "on" if value else "off"


class CommandLine(list):
    """Arguments of QEMU, with shorthands for what the bed is made of."""

    def __init__(self, images):
        super().__init__()
        self.images = images

    def device(self, driver, **props):
        text = ",".join([driver] + [f"{k}={v}" for k, v in props.items()])
        self.extend(("-device", text))

    def drive(self, name, size_mb=16):
        """A sparse raw image of this boot."""
        path = os.path.join(self.images, f"{name}.raw")
        with open(path, "wb") as f:
            f.truncate(size_mb << 20)
        self.extend(("-drive", f"if=none,id={name},format=raw,cache=unsafe,file={path}"))

    def share(self, tag, path, addr, readonly=True):
        self.extend(("-fsdev", f"local,id={tag},path={path},security_model=none,"
                               f"multidevs=remap,readonly={onoff(readonly)}"))
        self.device("virtio-9p-pci", fsdev=tag, mount_tag=tag, addr=addr, bus="pcie.0")

    def port(self, name, addr, slot, bus="pcie.0"):
        self.device("pcie-root-port", id=name, bus=bus, addr=addr, chassis=1, slot=slot)

    def nic(self, name, bus, **props):
        """All of them are on one wire."""
        self.extend(("-netdev", f"hubport,id=wire-{name},hubid=1"))
        self.device("e1000e", id=name, bus=bus, netdev=f"wire-{name}", romfile="", **props)

    def nvme(self, name, bus, size_mb=16, **props):
        self.drive(name, size_mb)
        self.device("nvme", id=name, drive=name, serial=f"dp-{name}", bus=bus, **props)


def iommu(cmd, variant):
    if variant.iommu == "intel":
        cmd.device("intel-iommu", intremap=onoff(variant.intremap),
                   **{"aw-bits": 48, "snoop-control": onoff(variant.snoop)})
    elif variant.iommu == "amd":
        cmd.device("amd-iommu", intremap=onoff(variant.intremap))


def root_bus(cmd, variant):
    """Devices every variant has, on the root bus itself."""
    for i, addr in enumerate(("02.0", "03.0")):
        cmd.device("edu", id=f"edu{i}", bus="pcie.0", addr=addr,
                   dma_mask="0xffffffffffffffff")
    cmd.nic("e1000e", "pcie.0", addr="04.0")
    cmd.extend(("-object", f"memory-backend-ram,id=shm,size={variant.shm},share=on"))
    cmd.device("ivshmem-plain", id="ivshmem", memdev="shm", bus="pcie.0", addr="05.0")
    if variant.vga:
        cmd.device("VGA", id="vga", bus="pcie.0", addr="06.0")
    cmd.drive("sata", 32)
    cmd.device("ide-hd", id="sata", drive="sata", bus="ide.0", serial="dp-sata")


def demo_disk(cmd, content, **where):
    """The NVMe disk with known content; what a test writes is dropped."""
    cmd.extend(("-drive", f"if=none,id=nvme,format=raw,snapshot=on,file={content}"))
    cmd.device("nvme", id="nvme", drive="nvme", serial="dp-nvme", **where)


def two_functions(cmd, bus, slot):
    # Both say so, or Linux takes a second one that comes back alone for a card of its own.
    cmd.nvme("card0", bus, addr=f"{slot}.0", multifunction="on")
    cmd.nvme("card1", bus, addr=f"{slot}.1", multifunction="on")


def display_and_audio(cmd, bus, slot):
    cmd.device("secondary-vga", id="gpu", bus=bus, addr=f"{slot}.0", multifunction="on")
    cmd.device("intel-hda", id="gpuaudio", bus=bus, addr=f"{slot}.1")


def flat_cards(cmd, content):
    """AMD: QEMU 7.2 looks requester ids up before buses have numbers."""
    demo_disk(cmd, content, bus="pcie.0", addr="08.0")
    two_functions(cmd, "pcie.0", "09")
    display_and_audio(cmd, "pcie.0", "0a")


def sriov_disk(cmd, bus):
    cmd.drive("sriov")
    cmd.device("nvme-subsys", id="subsys", nqn="dp-subsys")
    cmd.device("nvme", id="sriov", serial="dp-sriov", subsys="subsys", bus=bus,
               sriov_max_vfs=4, sriov_vq_flexible=8, sriov_vi_flexible=4,
               max_ioqpairs=16, msix_qsize=17)
    cmd.device("nvme-ns", drive="sriov", bus="sriov")


def switch(cmd, bus):
    cmd.device("x3130-upstream", id="up", bus=bus)
    for i in range(4):
        cmd.device("xio3130-downstream", id=f"down{i}", bus="up",
                   addr=f"0{i}.0", chassis=2, slot=i)
    # Beside the ports: a reset of their bus reaches it, and all that is below them.
    cmd.device("edu", id="swedu", bus="up", addr="04.0", dma_mask="0xffffffffffffffff")
    cmd.nvme("swnvme", "down0")
    cmd.nic("swnic", "down1")
    # Neither function has a reset of its own.
    cmd.device("intel-hda", id="swcard0", bus="down2", addr="00.0", multifunction="on")
    cmd.device("edu", id="swcard1", bus="down2", addr="00.1", dma_mask="0xffffffffffffffff")


def numa_cards(cmd):
    """A host bridge for each node, a card behind each."""
    cmd.device("pxb-pcie", id="node0", bus="pcie.0", addr="10.0", bus_nr=0x40, numa_node=0)
    cmd.device("pxb-pcie", id="node1", bus="pcie.0", addr="11.0", bus_nr=0x80, numa_node=1)
    cmd.port("rpn0", "00.0", 20, bus="node0")
    cmd.port("rpn1", "00.0", 21, bus="node1")
    cmd.device("edu", id="numaedu", bus="rpn0", dma_mask="0xffffffffffffffff")
    cmd.nvme("numanvme", "rpn1")


def port_cards(cmd, variant, content):
    """One root port a card; the firmware numbers the buses in this order."""
    for i in range(7):
        cmd.port(f"rp{i}", f"{8 + i:02x}.0", i + 1)
    demo_disk(cmd, content, bus="rp0")
    sriov_disk(cmd, "rp1")
    two_functions(cmd, "rp2", "00")
    display_and_audio(cmd, "rp3", "00")
    if variant.rmrr:
        cmd.device("edu", id="gpuedu", bus="rp3", addr="00.2", dma_mask="0xffffffffffffffff")
    cmd.nic("portnic", "rp4")
    cmd.drive("spare")
    switch(cmd, "rp6")
    numa_cards(cmd)


def processors(cmd, variant):
    cmd.extend(("-machine", "q35", "-cpu", "max", "-smp", "2,sockets=2,cores=1,threads=1",
                "-m", str(MEMORY_MB)))
    if variant.counted:
        cmd.extend(("-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"))
    else:
        cmd.extend(("-accel", "tcg,thread=multi"))
    if not variant.bridges:
        return
    for node in range(2):
        cmd.extend(("-object", f"memory-backend-ram,id=mem{node},size={MEMORY_MB // 2}M",
                    "-numa", f"node,nodeid={node},cpus={node},memdev=mem{node}"))


def infrastructure(cmd, shares, sockets):
    """What the bed itself needs: no test touches it."""
    cmd.extend(("-netdev", "user,id=uplink,restrict=on"))
    cmd.device("virtio-net-pci", id="uplink", netdev="uplink", bus="pcie.0",
               addr="17.0", romfile="")
    for i, (tag, (path, readonly)) in enumerate(shares.items()):
        cmd.share(tag, path, f"{0x18 + i:02x}.0", readonly)
    cmd.device("virtio-serial-pci", id="ports", bus="pcie.0", addr="1c.0")
    for name in ("qmp", "run"):
        cmd.extend(("-chardev", f"socket,id={name},path={sockets}/{name},server=on,wait=off"))
        cmd.device("virtserialport", chardev=name, name=f"org.directpath.{name}")
    cmd.extend(("-qmp", f"unix:{sockets}/monitor,server=on,wait=off"))


def command(variant, images, content, shares, sockets):
    """Arguments of the machine itself: not its kernel, not its console."""
    cmd = CommandLine(images)
    cmd.extend(("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"))
    processors(cmd, variant)
    iommu(cmd, variant)
    root_bus(cmd, variant)
    if variant.bridges:
        port_cards(cmd, variant, content)
    else:
        flat_cards(cmd, content)
    infrastructure(cmd, shares, sockets)
    return list(cmd)


def firmware_tables(variant):
    """ACPI tables for the initrd, in place of QEMU's: content by file name."""
    if not variant.rmrr:
        return {}
    regions = [(RMRR_BASE + i * RMRR_SIZE, RMRR_SIZE, path)
               for i, path in enumerate(RMRR_PATHS)]
    return {"dmar.aml": acpi.dmar(regions)}


def kernel_parameters(variant, interactive, checks=False):
    # no_timer_check: on a loaded host the emulated ticks come late, and the
    # kernel takes interrupt remapping for broken. tsc=reliable: emulated CPUs
    # have one counter, which is much faster to read than the HPET. admin_timeout:
    # QEMU's NVMe controllers leave a command unanswered now and then, and a driver that
    # waits a minute for its answer is not let go of in time.
    words = ["console=ttyS0", "nokaslr", "panic=-1", "iommu=nopt", "net.ifnames=0",
             "printk.devkmsg=on", "random.trust_cpu=on", "no_timer_check", "tsc=reliable",
             "nvme_core.admin_timeout=15", "secretmem.enable=1"]
    if variant.iommu == "intel":
        words.append("intel_iommu=on")
    if variant.vga:
        # a VESA mode for the kernel's framebuffer, 1024x768 with 32 bits
        words.append("vga=0x318")
    if variant.counted:
        # 6.1 never sees its second processor start: they take turns here.
        words.append("maxcpus=1")
    if variant.rmrr:
        # what firmware would have said; the kernel takes no RMRR in other memory
        words.append(f"memmap={len(RMRR_PATHS) * RMRR_SIZE >> 10}K${RMRR_BASE:#x}")
    if interactive:
        words.append("loglevel=4")
    else:
        # An oops ends the machine, a task stuck for a minute is seen. The
        # emulated CPUs are too slow for the other watchdogs.
        words += ["ignore_loglevel", "oops=panic", "watchdog_thresh=60",
                  "sysctl.kernel.hung_task_timeout_secs=60",
                  "rcupdate.rcu_cpu_stall_timeout=60"]
    if checks:
        # The first report is the cause, what comes after it may not be.
        words += ["panic_on_warn=1", "printk.time=1", "log_buf_len=4M"]
    return " ".join(words)
