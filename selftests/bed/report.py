# SPDX-License-Identifier: GPL-2.0
"""What a test's output and the kernel's messages say about it."""

import dataclasses
import os
import re

BED = os.path.dirname(os.path.realpath(__file__))
OUTPUT_LINES = 25
KERNEL_LINES = 40
FAILED_LINES = 8

COMPLAINT = re.compile(
    r"Kernel panic|\bOops\b|\bBUG\b|WARNING: |Call Trace|KASAN|KCSAN|KFENCE|UBSAN"
    r"|unable to handle|general protection|possible (circular|recursive) locking"
    r"|inconsistent lock state|suspicious RCU|INFO: task .* blocked|detected stall"
    r"|soft lockup|hard LOCKUP|refcount_t:|list_(add|del) corruption|Bad page|Bad rss"
    r"|kmemleak: (Cannot|.* disabled)|lockdep is turned off|ODEBUG: |scheduling while atomic|sleeping function|double free"
    r"|DEBUG_LOCKS_WARN|Modules linked in:|segfault at|Out of memory")
RESULT = re.compile(r"^(\s*)(?:# )?(not ok|ok)\b(?: \d+)?(?P<text>.*)$")
PLAN = re.compile(r"^1\.\.(\d+)")
SKIP = re.compile(r"#\s*SKIP\b", re.IGNORECASE)


def read_allowed():
    """Kernel lines known to be harmless, from the file kernel-allow."""
    with open(os.path.join(BED, "kernel-allow"), encoding="utf-8") as f:
        lines = (line.strip() for line in f)
        return [re.compile(line) for line in lines if line and not line.startswith("#")]


ALLOWED = read_allowed()


def complaint(lines):
    """Index of the first kernel line that must not be there, or None."""
    for i, line in enumerate(lines):
        if COMPLAINT.search(line) and not any(a.search(line) for a in ALLOWED):
            return i
    return None


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def tap_counts(output):
    """Result lines of (K)TAP output; a line that sums up deeper ones before it
    is not a result of its own."""
    counts, planned, top, deepest = Counts(), None, 0, 0
    for line in output:
        plan = PLAN.match(line)
        if plan:
            planned = (planned or 0) + int(plan[1])
        m = RESULT.match(line)
        if not m:
            continue
        depth = len(m[1])
        if depth == 0:
            top += 1
        if depth < deepest:
            deepest = depth
            continue
        deepest = depth
        if SKIP.search(m["text"]):
            counts.skipped += 1
        elif m[2] == "ok":
            counts.passed += 1
        else:
            counts.failed += 1
    if planned is not None and top < planned:
        counts.failed += planned - top
    return counts


@dataclasses.dataclass
class Outcome:
    """One test on one kernel."""
    name: str
    where: str
    seconds: float = 0.0
    code: int = 0
    output: list = dataclasses.field(default_factory=list)
    kernel: list = dataclasses.field(default_factory=list)
    why: str = ""           # set when it failed otherwise than by its own word
    between: list = dataclasses.field(default_factory=list)

    def judge(self):
        """Counts, verdict word and reason."""
        counts = tap_counts(self.output)
        reason = self.why or self.wrong()
        if reason and not counts.failed:
            counts.failed = 1
        if counts.failed:
            return counts, "FAIL", reason or f"{counts.failed} of its results bad or missing"
        if self.code == 4:
            text = self.skip_reason()
            if not text:
                return Counts(failed=1), "FAIL", "skipped without a reason"
            return Counts(counts.passed, 0, counts.skipped or 1), "skip", text
        if not counts.passed and not counts.skipped:
            counts.passed = 1
        return counts, "ok", ""

    def wrong(self):
        at = complaint(self.kernel)
        if at is not None:
            return f"kernel: {strip_stamp(self.kernel[at])}"
        if self.code == 124:
            return "out of time"
        if self.code not in (0, 4):
            return f"exit code {self.code}"
        if self.between:
            return "left something behind"
        return ""

    def skip_reason(self):
        texts = [line for line in self.output if line.strip()]
        for line in texts:
            m = SKIP.search(line)
            if m:
                return line[m.end():].strip()
        return texts[-1].lstrip("# ") if texts else ""

    def details(self):
        """The lines that matter of a failed test; first the kernel's if it complained,
        for it is why, and who reads may see the begin only."""
        said = [f"    {line}" for line in essence(self.output)]
        said += [f"    after it: {line}" for line in self.between[-OUTPUT_LINES:]]
        at = complaint(self.kernel)
        last = at is None
        if last and self.why:
            at = max(0, len(self.kernel) - KERNEL_LINES)
        near = [] if at is None else self.kernel[max(0, at - 3):][:KERNEL_LINES]
        near = [f"    kernel: {line}" for line in near]
        return said + near if last else near + said


def essence(output):
    """Failed results with what is said about them, then the last lines. TAP says
    it after the result, kselftest's harness before."""
    failed, last, since = [], output[-OUTPUT_LINES:], 0
    for i, line in enumerate(output[:-OUTPUT_LINES]):
        m = RESULT.match(line)
        if not m:
            continue
        if m[2] == "not ok":
            failed += output[max(since, i - FAILED_LINES):i + 3]
        since = i + 1
    return failed[:OUTPUT_LINES] + (["..."] if failed else []) + last


def strip_stamp(line):
    return re.sub(r"^\[ *[\d.]+\](\[.*?\])? ?", "", line)
