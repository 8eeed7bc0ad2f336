#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Which allocations of the modules were made to fail.

  inject_sites.py LOG UNREACHABLE MODULE...

A site is a call of an allocator in a MODULE, as `function+offset' of the return
address; the first frame of a module in a stack that CONFIG_FAULT_INJECTION has
logged is one, and so is that of a failure it has not logged (kmod/inject.c).
UNREACHABLE names the others: function, allocator, reason. With more than one
round (DP_ROUNDS) every site is hit or named.
"""

import collections
import os
import re
import subprocess
import sys

ALLOCATOR = re.compile(
    r"^(_*k[vmz]*alloc|_*kmem_cache_alloc|k(mem|str)n?dup|_*k(vasprintf|asprintf)"
    r"|_*v[mz]?alloc|_*alloc_pages|_*folio_alloc|_*get_(free_pages|zeroed_page)"
    r"|_*(xa|idr|ida)_(store|insert|alloc|reserve)|_*alloc_skb|(v?memdup|strndup)_user"
    r"|pcpu_alloc|_*alloc_percpu|alloc_workqueue|sg_alloc_table)")
FUNCTION = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
INSTRUCTION = re.compile(r"^ +([0-9a-f]+):\t(call )?")
RELOCATION = re.compile(r"^\s+[0-9a-f]+: R_X86_64_(?:PLT32|PC32)\s+([\w.]+)")
FRAME = re.compile(r"[;\]] +(\? )?([\w.]+)\+0x([0-9a-f]+)/0x[0-9a-f]+ \[(directpath|vfio|vfio_pci)\]")


def find_sites(module):
    """Every call of an allocator: {(module, function, offset of return): allocator}."""
    name = os.path.basename(module).removesuffix(".ko").replace("-", "_")
    text = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", module],
                          capture_output=True, text=True, check=True).stdout
    sites = {}
    function, start, called, is_call = None, 0, None, False
    for line in text.splitlines():
        if m := FUNCTION.match(line):
            start, function, called = int(m[1], 16), m[2], None
        elif m := INSTRUCTION.match(line):
            if called:
                sites[name, function, int(m[1], 16) - start] = called
            called, is_call = None, bool(m[2])
        elif is_call and (m := RELOCATION.match(line)) and ALLOCATOR.match(m[1]):
            called = m[1].removesuffix("_noprof")
    return sites


def find_hits(log):
    """Where failures came from: first frame of a module, of each stack."""
    hits = collections.Counter()
    waiting = False
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f:
            if "FAULT_INJECTION: forcing a" in line:
                waiting = True
            elif waiting and (m := FRAME.search(line)) and not m[1]:
                hits[m[4], m[2], int(m[3], 16)] += 1
                waiting = False
    return hits


def read_named(path):
    with open(path, encoding="utf-8") as f:
        lines = (line.split(None, 2) for line in f
                 if line.strip() and not line.startswith("#"))
        return {(function, allocator): reason for function, allocator, reason in lines}


def main():
    log, unreachable, *modules = sys.argv[1:]
    sites = {}
    for module in modules:
        sites |= find_sites(module)
    hits = find_hits(log)
    named = read_named(unreachable)
    missed = [site for site in sites if not hits[site]]
    unnamed = [site for site in missed if (site[1].split(".")[0], sites[site]) not in named]
    inner = sum(n for site, n in hits.items() if site not in sites)
    print(f"# {sum(hits.values())} failures, {inner} of them in functions of the kernel "
          f"that the modules call")
    print(f"# {len(sites)} allocation sites: {len(sites) - len(missed)} failed, "
          f"{len(missed) - len(unnamed)} named as unreachable, {len(unnamed)} not hit")
    if not sites:
        sys.exit("not ok no allocation site was found in the modules")
    for module, function, offset in sorted(unnamed):
        print(f"# not hit: {function}+{offset:#x} ({sites[module, function, offset]}) of {module}")
    if int(os.environ.get("DP_ROUNDS", "1")) <= 1:
        print("ok the sites are counted")
        return
    known = {(site[1].split(".")[0], allocator) for site, allocator in sites.items()}
    stale = set(named) - known
    for function, allocator in sorted(stale):
        print(f"# named, but not there: {function} {allocator}")
    if unnamed or stale:
        print("not ok every site fails once or is named")
        sys.exit(1)
    print("ok every site fails once or is named")


main()
