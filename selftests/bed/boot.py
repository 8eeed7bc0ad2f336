# SPDX-License-Identifier: GPL-2.0
"""One run of an outer machine: start, console, control, QMP, end."""

import contextlib
import fcntl
import glob
import hashlib
import json
import math
import os
import queue
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import initrd
import machine
import modindex

BED = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(BED))
LOGS = os.path.join(TOP, "build/bed-logs")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME")
                     or os.path.expanduser("~/.cache"), "directpath")

MODULES = ("9p", "9pnet_virtio", "virtio_pci", "virtio_console", "overlay")
DISK_MB = 64
# A bed that is killed takes its machine with it.
WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]
# Seconds; a boot takes 10 on a quiet machine, and machines are not always quiet.
INIT_DEADLINE = 300
# A kernel that boots says something every few seconds; the CI kernel is silent
# for half a minute twice, on a quiet host.
SILENCE_LIMIT = 60
READY_DEADLINE = 300
END_DEADLINE = 60
BOOT_TRIES = 4
# Those three waits are longer on the CI kernel.
CHECKS_BOOT = 2.5
# How much longer the same takes with every check of the CI kernel
CHECKS_SLOW = 4
# Rounds of the long loops on it, if the caller does not say
CHECKS_ROUNDS = 1
KEPT_LOGS = 60


class Died(Exception):
    """QEMU has ended."""


class Late(Exception):
    """A marker did not come in time."""


class Kernel:
    """A kernel to boot: one of the root tree's, the CI kernel, or a directory
    of one's own with bzImage, lib/modules and build."""

    def __init__(self, name, root):
        self.name = name
        self.checks = name == "ci"
        self.own = ci_kernel() if self.checks else name if "/" in name else None
        if self.own:
            self.image = os.path.join(self.own, "bzImage")
            self.modules = os.path.join(self.own, "lib/modules")
            self.release = os.path.basename(one(f"{self.modules}/*"))
            self.kdir = os.path.join(self.own, "build")
        else:
            self.image = one(f"{root}/boot/vmlinuz-{name}.*")
            self.modules = os.path.join(root, "lib/modules")
            self.release = os.path.basename(self.image).split("-", 1)[1]
            self.kdir = os.path.join(CACHE, "headers", name, "build")

    def takes(self, kernels):
        """Whether a test for these kernels runs on it; a directory takes all."""
        return "/" in self.name or self.name in kernels

    def slowness(self):
        """Factor for limits: its own checks, and the build host's load."""
        return slowness() * (CHECKS_SLOW if self.checks else 1)


def ci_kernel(*options):
    """The directory of the CI kernel, which is built if it is not there."""
    done = subprocess.run([os.path.join(TOP, "selftests/ci/kernel"), *options],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit("bed: there is no CI kernel")
    return done.stdout.strip()


def slowness():
    """Limits are for a quiet machine; factor for one that others load."""
    return max(1.0, min(5.0, os.getloadavg()[0] / os.cpu_count()))


def one(pattern):
    found = sorted(glob.glob(pattern))
    if not found:
        sys.exit(f"bed: no {pattern}")
    return found[-1]


def root_tree():
    return os.path.realpath(os.path.join(CACHE, "root"))


def disk_content():
    """The demo disk's image and its SHA-256, made once."""
    path = os.path.join(CACHE, f"disk-{DISK_MB}M.raw")
    if not os.path.exists(path):
        tmp = f"{path}.{os.getpid()}.{threading.get_ident()}"
        with open(tmp, "wb") as f:
            f.write(random.Random("directpath").randbytes(DISK_MB << 20))
        os.rename(tmp, path)
    with open(path, "rb") as f:
        return path, hashlib.sha256(f.read()).hexdigest()


def loops(kernel):
    """How often long loops go round, if the caller says so; see make check-full."""
    dflt = {"DP_ROUNDS": CHECKS_ROUNDS} if kernel.checks else {}
    return dflt | {name: os.environ[name] for name in ("DP_ROUNDS", "DP_SEED") if name in os.environ}


def leaks():
    """When a kernel with kmemleak looks for them: after "each" test, or at the "end"
    of a machine's life, which is much cheaper and says less."""
    return os.environ.get("DP_LEAKS", "end")


def age(path):
    """For sorting; another bed may remove the file meanwhile."""
    try:
        return os.path.getmtime(path)
    except FileNotFoundError:
        return 0.0


def drop_old_logs():
    logs = sorted(glob.glob(f"{LOGS}/*.log"), key=age, reverse=True)
    for path in logs[KEPT_LOGS:]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


class Console(threading.Thread):
    """Splits the serial output into lines: to a log file and to a queue."""

    def __init__(self, stream, path):
        super().__init__(daemon=True)
        self.stream, self.path, self.lines = stream, path, queue.Queue()
        self.start()

    def run(self):
        with open(self.path, "a", encoding="utf-8", buffering=1) as log:
            for raw in self.stream:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                log.write(line + "\n")
                self.lines.put(line)
        self.lines.put(None)


class QmpProxy(threading.Thread):
    """Passes one-line commands from the guest's port to QEMU, replies back."""

    def __init__(self, monitor, port):
        super().__init__(daemon=True)
        self.monitor, self.port = monitor.makefile("rw"), port.makefile("rw")
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            self.monitor.readline()
            self.ask('{"execute": "qmp_capabilities"}')
            for line in self.port:
                self.port.write(self.ask(line.strip()) + "\n")
                self.port.flush()

    def ask(self, line):
        try:
            json.loads(line)
        except ValueError as e:
            return json.dumps({"error": {"class": "Syntax", "desc": str(e)}})
        self.monitor.write(line + "\n")
        self.monitor.flush()
        for reply in self.monitor:
            message = json.loads(reply)
            if "return" in message or "error" in message:
                return reply.strip()
        return json.dumps({"error": {"class": "Gone", "desc": "QEMU ended"}})


class Stall:
    """QEMU 7.2 can lose a CPU's timer interrupt: that CPU sleeps for ever, and
    the kernel says so, or, if it was the only one yet, nothing any more."""

    def __init__(self, lines, limit):
        self.lines, self.limit = lines, limit
        self.seen, self.since = 0, time.monotonic()

    def watch(self):
        if any("detected stalls" in line for line in self.lines[-40:]):
            raise Died("INIT")
        if len(self.lines) != self.seen:
            self.seen, self.since = len(self.lines), time.monotonic()
        elif self.seen and time.monotonic() - self.since > self.limit:
            raise Late("INIT")


class Outer:
    """A running outer machine. Use as a context manager."""

    def __init__(self, kernel, variant, mode, log_name, env=None):
        self.kernel, self.variant, self.mode = kernel, variant, mode
        self.env = env or {}
        self.log = os.path.join(LOGS, f"{log_name}.log")
        self.qemu = self.console = self.run_port = None
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        os.makedirs(LOGS, exist_ok=True)
        drop_old_logs()
        self.tmp = tempfile.mkdtemp(prefix="directpath-bed.")
        self.stack.callback(shutil.rmtree, self.tmp, ignore_errors=True)
        self.out = os.path.join(self.tmp, "out")
        os.mkdir(self.out)
        self.root = root_tree()
        # old trees and kernels are removed only when nobody holds these
        for held in [self.root] + ([self.kernel.own] if self.kernel.checks else []):
            lock = self.stack.enter_context(open(held + ".lock", encoding="ascii"))
            fcntl.flock(lock, fcntl.LOCK_SH)
        moddir = os.path.join(self.kernel.modules, self.kernel.release)
        modindex.make(os.path.join(TOP, "build", self.kernel.release), moddir)
        self.content, digest = disk_content()
        self.write_env(digest)
        self.make_initrd()
        return self

    def __exit__(self, *_):
        self.kill()
        self.stack.close()

    def write_env(self, digest):
        env = {"DP_MODE": self.mode, "DP_KERNEL": self.kernel.name,
               "DP_MACHINE": self.variant, "DP_NVME_SHA256": digest,
               "DP_NVME_MIB": DISK_MB, "DP_SLOW": math.ceil(self.kernel.slowness()),
               "DP_LEAKS": leaks(), **loops(self.kernel), **self.env}
        if self.kernel.own:
            env["DP_OWN_MODULES"] = 1
        with open(os.path.join(self.out, "env"), "w", encoding="utf-8") as f:
            f.writelines(f"{k}='{v}'\n" for k, v in env.items())

    def make_initrd(self):
        with open(os.path.join(BED, "initramfs-init"), "rb") as f:
            init = f.read()
        self.initrd = os.path.join(self.tmp, "initrd")
        moddir = os.path.join(self.kernel.modules, self.kernel.release)
        tables = machine.firmware_tables(machine.VARIANTS[self.variant])
        initrd.build(self.initrd, self.root, moddir, MODULES, init, tables=tables)

    def command(self):
        variant = machine.VARIANTS[self.variant]
        shares = {"root": (self.root, True), "dp": (TOP, True), "out": (self.out, False)}
        if self.kernel.own:
            shares["mods"] = (self.kernel.modules, True)
        interactive = self.mode == "shell"
        return (["qemu-system-x86_64"]
                + machine.command(variant, self.tmp, self.content, shares, self.tmp)
                + ["-kernel", self.kernel.image, "-initrd", self.initrd,
                   "-append", machine.kernel_parameters(variant, interactive, self.kernel.checks)])

    def start(self):
        """Boot to the guest's runner; the kernel's own early death excused."""
        slow = CHECKS_BOOT if self.kernel.checks else 1
        for left in reversed(range(BOOT_TRIES)):
            self.launch()
            lines = []
            try:
                self.wait_for("INIT", INIT_DEADLINE * slow, lines,
                              Stall(lines, SILENCE_LIMIT * slow).watch)
                break
            except (Died, Late) as e:
                self.kill()
                if not left or not any("Linux version" in line for line in lines):
                    raise
                print(f"bed: {self.kernel.name} {self.variant}: the kernel "
                      f"{type(e).__name__.lower()} before init (a race of QEMU 7.2), "
                      f"starting again, {left} left", flush=True)
        return self.wait_for("READY", READY_DEADLINE * slow)

    def launch(self):
        self.qemu = subprocess.Popen(
            WITH_US + self.command() +
            ["-chardev", "stdio,id=con,signal=off", "-serial", "chardev:con"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.console = Console(self.qemu.stdout, self.log)
        self.connect_ports()

    def shell(self):
        """The serial console on this terminal until the guest powers off."""
        self.qemu = subprocess.Popen(
            WITH_US + self.command() +
            ["-chardev", f"stdio,id=con,mux=on,signal=off,logfile={self.log}",
             "-serial", "chardev:con", "-mon", "chardev=con"])
        self.connect_ports()
        return self.qemu.wait()

    def connect_ports(self):
        monitor = self.connect("monitor")
        port = self.connect("qmp")
        self.run_port = self.connect("run")
        if monitor and port:
            QmpProxy(monitor, port)

    def connect(self, name):
        """QEMU makes its sockets as it starts; None if it ended instead."""
        path = os.path.join(self.tmp, name)
        deadline = time.monotonic() + 20
        while self.qemu.poll() is None and time.monotonic() < deadline:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(path)
                self.stack.callback(sock.close)
                return sock
            except OSError:
                sock.close()
                time.sleep(0.05)
        return None

    def send(self, line):
        with contextlib.suppress(OSError):
            self.run_port.sendall(line.encode() + b"\n")

    def wait_for(self, word, seconds, seen=None, idle=None):
        """Console lines up to the marker WORD, it included. SEEN collects them
        as they come, so that they outlive an exception; IDLE is called often."""
        seen = [] if seen is None else seen
        deadline = time.monotonic() + seconds
        while True:
            if idle:
                idle()
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late(word)
            try:
                line = self.console.lines.get(timeout=min(left, 0.1))
            except queue.Empty:
                continue
            if line is None:
                raise Died(word)
            seen.append(line)
            if f"DPBED:{word}" in line:
                return seen

    def finish(self):
        """Ask the runner to end; the console's last lines."""
        seen = []
        self.send("quit")
        self.wait_for("DONE", END_DEADLINE * self.kernel.slowness(), seen)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.qemu.wait(END_DEADLINE)
        return seen

    def crash(self):
        """The signal that ended QEMU itself, or None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.qemu.wait(5)
            if code < 0:
                return signal.Signals(-code).name
        return None

    def kill(self):
        if self.qemu and self.qemu.poll() is None:
            self.qemu.kill()
            self.qemu.wait()
        if self.console:
            self.console.join(5)
