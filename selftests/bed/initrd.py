# SPDX-License-Identifier: GPL-2.0
"""Initramfs images: busybox, some modules of one kernel, an init script."""

import gzip
import lzma
import os
import stat

DIRS = ("bin", "sbin", "dev", "proc", "sys", "etc", "tmp", "run", "mnt", "modules")
# Where the kernel looks for tables before it unpacks an image; only if that is
# not compressed.
TABLES = "kernel/firmware/acpi"


def module_paths(moddir, names):
    """Paths of the modules NAMES and what they depend on, in load order."""
    deps, paths, seen = {}, [], set()
    with open(os.path.join(moddir, "modules.dep"), encoding="ascii") as f:
        for line in f:
            path, _, needs = line.partition(":")
            deps[module_name(path)] = (path, needs.split())
    with open(os.path.join(moddir, "modules.builtin"), encoding="ascii") as f:
        builtin = {module_name(line.strip()) for line in f}

    def add(name):
        if name in seen or name in builtin:
            return
        seen.add(name)
        path, needs = deps[name]
        # modules.dep lists the nearest dependency first
        for need in reversed(needs):
            add(module_name(need))
        paths.append(os.path.join(moddir, path))

    for name in names:
        add(name.replace("-", "_"))
    return paths


def module_name(path):
    """nvme-core.ko.xz -> nvme_core"""
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


def read_module(path):
    """A module's content; busybox insmod wants it uncompressed."""
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(os.path.splitext(path)[1], open)
    with opener(path, "rb") as f:
        return f.read()


class Archive:
    """A cpio archive (newc), written as it grows."""

    def __init__(self, out):
        self.out, self.inode, self.dirs = out, 0, set()

    def _entry(self, name, mode, data=b""):
        self.inode += 1
        raw = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        self._padded(b"070701" + b"".join(b"%08X" % f for f in fields) + raw)
        self._padded(data)

    def _padded(self, data):
        self.out.write(data + b"\0" * (-len(data) % 4))

    def dir(self, name):
        name = name.strip("/")
        if not name or name in self.dirs:
            return
        self.dir(os.path.dirname(name))
        self.dirs.add(name)
        self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o755):
        name = name.strip("/")
        self.dir(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, data)

    def symlink(self, name, target):
        self._entry(name.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def close(self):
        self._entry("TRAILER!!!", 0)


def build(path, root, moddir, modules, init, files=(), tables=None):
    """Write the image PATH.

    ROOT holds bin/busybox, MODDIR is lib/modules/<release>, MODULES are names,
    INIT is the content of /init, FILES are (source, destination) pairs, TABLES
    are ACPI tables by file name. The modules' load order is in /modules/order.
    """
    tmp = f"{path}.{os.getpid()}"
    with open(tmp, "wb") as out:
        cpio = Archive(out)
        for name, table in (tables or {}).items():
            cpio.file(f"{TABLES}/{name}", table, 0o644)
        for name in DIRS:
            cpio.dir(name)
        with open(os.path.join(root, "bin/busybox"), "rb") as f:
            cpio.file("bin/busybox", f.read())
        cpio.symlink("bin/sh", "busybox")
        order = module_paths(moddir, modules) if modules else []
        for module in order:
            cpio.file(f"modules/{module_name(module)}.ko", read_module(module), 0o644)
        names = "".join(f"{module_name(m)}\n" for m in order)
        cpio.file("modules/order", names.encode(), 0o644)
        for src, dst in files:
            with open(src, "rb") as f:
                cpio.file(dst, f.read(), os.stat(src).st_mode & 0o777)
        cpio.file("init", init)
        cpio.close()
    os.rename(tmp, path)
