# SPDX-License-Identifier: GPL-2.0
"""Module indexes for the guest's modprobe: depmod takes a minute there."""

import concurrent.futures
import fcntl
import glob
import os
import shutil
import subprocess
import tempfile

SETS = {
    "none": (),
    "dp": ("directpath.ko",),
    "vfio": ("directpath.ko", "vfio/vfio.ko", "vfio/vfio-pci.ko"),
}
DEPMOD_LIMIT = 120


def make(build, moddir):
    """BUILD/index/<set>/: what goes into lib/modules/<release> to have modprobe
    find that set of our modules. MODDIR has the kernel's own."""
    if not os.path.isdir(build):
        return
    lock = os.open(build, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_locked(build, moddir)
    finally:
        os.close(lock)


def make_locked(build, moddir):
    release = os.path.basename(moddir)
    index = os.path.join(build, "index")
    ours = glob.glob(f"{build}/kmod/*.ko") + glob.glob(f"{build}/kmod/vfio/*.ko")
    if not ours or not glob.glob(f"{moddir}/kernel") or fresh(index, ours + [moddir]):
        return
    with tempfile.TemporaryDirectory(prefix="index.", dir=build) as tmp:
        os.chmod(tmp, 0o755)
        sets = [s for s, names in SETS.items()
                if all(os.path.exists(f"{build}/kmod/{n}") for n in names)]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda s: one_set(tmp, s, build, moddir, release), sets))
        shutil.rmtree(index, ignore_errors=True)
        done = os.path.join(tmp, "done")
        os.mkdir(done)
        for name in sets:
            os.rename(f"{tmp}/{name}/lib/modules/{release}", f"{done}/{name}")
        os.rename(done, index)


def fresh(index, inputs):
    return (os.path.isdir(index)
            and os.path.getmtime(index) > max(os.path.getmtime(i) for i in inputs))


def one_set(tmp, name, build, moddir, release):
    base = os.path.join(tmp, name)
    target = os.path.join(base, "lib/modules", release)
    os.makedirs(os.path.join(target, "updates/directpath"))
    os.symlink(os.path.join(moddir, "kernel"), os.path.join(target, "kernel"))
    for path in glob.glob(f"{moddir}/modules.*"):
        shutil.copy(path, target)
    for module in SETS[name]:
        shutil.copy(f"{build}/kmod/{module}", f"{target}/updates/directpath/")
    if SETS[name]:
        subprocess.run(["depmod", "-b", base, release], check=True, timeout=DEPMOD_LIMIT)
    os.unlink(os.path.join(target, "kernel"))
