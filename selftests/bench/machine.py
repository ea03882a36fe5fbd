# SPDX-License-Identifier: GPL-2.0-only
"""Where the benchmark runs, and how it counts: two sites joined by a cable, and
what the whole machine has done between two moments."""

import ctypes
import os
import re
import socket
import struct
import subprocess
import tempfile
import time

from sites import Machines, wait_for

PERF_EVENT_OPEN = 298           # x86-64
HARDWARE, INSTRUCTIONS = 0, 1
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(space):
    """This thread is at a site from here on; Debian 12's Python has no setns()."""
    if LIBC.setns(space, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Sites(Machines):
    """Site a and site b; agents do without the module unless it is asked for."""

    enforce = False

    def listens(self, place, port):
        """Whether somebody does at a site."""
        said = subprocess.run(self.command(place, ["ss", "-Hltn", f"sport = :{port}"]),
                              check=True, capture_output=True, text=True).stdout
        return bool(said.strip())

    def socket(self, place, family=socket.AF_INET):
        enter(self.spaces[place])
        try:
            return socket.socket(family)
        finally:
            enter(self.own)

    def run(self, place, *words):
        """A command at a site."""
        subprocess.run(self.command(place, list(words)), check=True)


class Program:
    """A process at a site that listens until it is ended."""

    def __init__(self, net, place, words, ports, log, env=None):
        self.log = log
        with open(log, "a", encoding="utf-8") as out:
            self.process = subprocess.Popen(
                net.command(place, words), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=dict(os.environ, **env) if env else None)
        for port in ports:
            if not wait_for(lambda port=port: self.process.poll() is not None or
                            net.listens(place, port), 30) or self.process.poll() is not None:
                raise OSError(f"{words[0]} does not listen at {port}: {self.said()}")

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()[-600:].strip()

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Counted:
    """A machine whose nanosecond is one instruction. Its clock also jumps over
    what it waits for, and that is taken off."""

    unit = "instructions"
    how = "one emulated processor that counts instructions"

    @staticmethod
    def waited():
        """Nanoseconds in which the processors had nothing to do."""
        with open("/proc/timer_list", encoding="ascii", errors="replace") as text:
            return sum(map(int, re.findall(r"\.idle_sleeptime +: (\d+) nsecs", text.read())))

    def begin(self):
        self.idle = self.waited()
        self.clock = time.monotonic_ns()

    def end(self):
        clock = time.monotonic_ns() - self.clock
        return clock - (self.waited() - self.idle)


class Events(Counted):
    """A real machine, whose processors count what they do, all of them."""

    how = "the processors' own counters of instructions, all processors"

    def __init__(self):
        attributes = struct.pack("=IIQ", HARDWARE, 112, INSTRUCTIONS).ljust(112, b"\0")
        self.events = []
        for cpu in sorted(os.sched_getaffinity(0)):
            fd = LIBC.syscall(PERF_EVENT_OPEN, attributes, -1, cpu, -1, 0)
            if fd < 0:
                raise OSError(ctypes.get_errno(), "no counter of instructions")
            self.events.append(fd)

    def read(self):
        return sum(int.from_bytes(os.read(fd, 8), "little") for fd in self.events)

    def begin(self):
        self.count = self.read()

    def end(self):
        return self.read() - self.count


class Busy(Counted):
    """A machine that counts none: the time that its processors were busy."""

    unit = "busy nanoseconds"
    how = "time in which the processors were not idle: no counter of instructions here"

    def begin(self):
        self.idle = self.waited()
        self.clock = time.monotonic_ns()

    def end(self):
        clock = (time.monotonic_ns() - self.clock) * len(os.sched_getaffinity(0))
        return clock - (self.waited() - self.idle)


class Profile:
    """A counter that has perf look at where the processors are meanwhile; what is
    counted is perf's own work too."""

    def __init__(self, inner, out):
        self.inner, self.out = inner, out
        self.unit, self.how = inner.unit, f"{inner.how}, looked at by perf"
        self.name = "unnamed"
        root = os.path.join(os.environ.get("KPC_BUILD", ""), "bench/root")
        self.perf = os.path.join(root, "usr/bin/perf")
        self.env = dict(os.environ)
        if os.path.exists(self.perf):
            more = os.path.join(root, "usr/lib/x86_64-linux-gnu")
            self.env["LD_LIBRARY_PATH"] = f"{more}:{self.env.get('LD_LIBRARY_PATH', '')}"
        else:
            self.perf = "perf"
        self.data = os.path.join(tempfile.gettempdir(), "bench.perf")

    def begin(self):
        """It looks until its command ends, and that begins when it looks."""
        self.process = subprocess.Popen(
            [self.perf, "record", "-q", "-a", "-e", "cpu-clock", "-c", "50000", "-o", self.data,
             "--", "sh", "-c", "echo begun; read line"], env=self.env, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if not self.process.stdout.readline():
            raise OSError(f"perf record: {self.process.stderr.read().strip()}")
        self.inner.begin()

    def end(self):
        """What was seen goes to a file of its name, the most frequent first."""
        counted = self.inner.end()
        self.process.communicate("\n", timeout=300)
        done = subprocess.run(
            [self.perf, "report", "--stdio", "-i", self.data, "--sort", "comm,dso,sym",
             "--field-separator", "|"], env=self.env, check=False, stdin=subprocess.DEVNULL,
            capture_output=True, text=True)
        if done.returncode:
            raise OSError(f"perf report: {done.stderr.strip()}")
        seen = [[word.strip() for word in line.split("|")] for line in done.stdout.splitlines()
                if line.strip() and not line.startswith("#")]
        with open(os.path.join(self.out, f"{self.name}.profile"), "w",
                  encoding="utf-8") as file:
            for columns in (1, 2), (1, 2, 3):
                self.write_sums(file, seen, columns)
        return counted

    @staticmethod
    def write_sums(file, seen, columns):
        """Percent, by some of: command, where the code is, symbol."""
        sums = {}
        for row in seen:
            key = "  ".join(f"{row[column]:24}" for column in columns)
            sums[key] = sums.get(key, 0) + float(row[0].rstrip("%"))
        for key, percent in sorted(sums.items(), key=lambda pair: -pair[1]):
            if percent >= 0.4:
                file.write(f"{percent:6.2f} %  {key.rstrip()}\n")
        file.write("\n")


class Locks:
    """A counter of how often anybody in the kernel waited for a lock that another
    processor had, and of how often below the module's code, and where: by a histogram
    that the kernel keeps of its tracepoint."""

    unit = "waits for locks"
    how = "waits for locks, as the kernel traces them"

    def __init__(self, out):
        self.out = out
        self.name = "unnamed"
        self.ours = 0
        self.trace = "/sys/kernel/tracing/instances/kpc-bench"
        self.event = f"{self.trace}/events/lock/contention_begin"

    def command(self, word):
        with open(f"{self.event}/trigger", "w", encoding="ascii") as file:
            file.write(f"{word}hist:keys=stacktrace:size=8192")

    def begin(self):
        os.mkdir(self.trace)
        self.command("")

    def end(self):
        """What was seen goes to a file of its name."""
        with open(f"{self.event}/hist", encoding="ascii") as file:
            seen = file.read()
        self.command("!")
        os.rmdir(self.trace)
        with open(os.path.join(self.out, f"{self.name}.locks"), "w", encoding="ascii") as file:
            file.write(seen)
        dropped = re.search(r"Dropped: (\d+)", seen)
        if not dropped or int(dropped[1]):
            raise OSError(f"the histogram of locks is not whole: {seen[-200:]}")
        counts = [(int(count), "[kpc]" in where) for where, count in
                  re.findall(r"\{(.*?)\} hitcount: *(\d+)", seen, re.DOTALL)]
        self.ours = sum(count for count, ours in counts if ours)
        return sum(count for count, _ in counts)


def counter():
    """The best that there is here."""
    if os.environ.get("KPC_BENCH_COUNTED"):
        return Counted()
    try:
        return Events()
    except OSError:
        return Busy()
