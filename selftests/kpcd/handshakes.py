#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Accepted handshakes per second and core, beside OpenSSL's own ceiling, and what
those that take longest do to messages of others.

usage: handshakes.py [ROUNDS [COUNT]]

Runs of this machine, of which only ratios mean something. The ceiling is what
OpenSSL takes on memory BIOs for one handshake, and nothing around it; libkpc is
measured in the same way. The agent, without the module and with one worker, takes
a TCP connection, asks its warden for the key, connects to its backend, says what
happened, and closes: its own time in its processes counts and, beside it, that of
the kernel for all that. So the same is asked of a server that is only OpenSSL
behind sockets: nothing on this machine accepts, connects, and closes for less than
the kernel takes for it. Each figure is the median of the rounds, of which each has
all of them one after the other.

Then messages of 64 octets go through the agent's only worker to its backend and
back, one after the other, while nothing else is there and while it is stormed by
handshakes that each take milliseconds. Where there are processors for it, the agent
has one for itself.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

GOAL = 0.9
SUITES = ("TLS_AES_128_GCM_SHA256", "ECDHE-PSK-CHACHA20-POLY1305",
          "DHE-PSK-AES128-GCM-SHA256", "PSK-AES128-GCM-SHA256",
          "PSK-AES128-CBC-SHA256")
SECONDS = 5
RELAYED, STORM = SUITES[0], SUITES[2]
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
TICK = 1e9 / os.sysconf("SC_CLK_TCK")


def command(name, *words):
    build = os.environ.get("KPC_BUILD", "build")
    return [os.path.join(build, "selftests/kpcd", name), *map(str, words)]


def tool(*words, name="tool_handshakes"):
    return subprocess.run(command(name, *words), check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def kpc_id(number):
    """That of number 0 is what tool_handshakes has."""
    return f"bench{number or ''}@site.example"


def kpc(number):
    """A Kpc is one pair's."""
    return f"hex:{KEY[:-2]}{(0x1f + number) % 256:02x}"


def write(path, text):
    with open(path, "w", encoding="ascii", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
        file.write(text)


class Agent:
    """kpcd as Entity B for one suite, or for several at ports of their own."""

    def __init__(self, folder, *suites):
        self.ports = [free_port() for _ in suites]
        self.backends = [os.path.join(folder, f"backend{number}")
                         for number in range(len(suites))]
        self.log = os.path.join(folder, "log")
        keys, table = (os.path.join(folder, name) for name in ("keys", "table"))
        write(keys, "".join(f"{kpc_id(number)} {kpc(number)}\n"
                            for number in range(len(suites))))
        write(table, "".join(f"""association bench{number} role b kpc-id {kpc_id(number)} \\
	id-a //a{number}.example/cse id-b //b.example/cse \\
	versions {"tls1.3" if suite.startswith("TLS_") else "tls1.2"} suites {suite} \\
	offload off listen 127.0.0.1:{self.ports[number]} \\
	plain unix:{self.backends[number]} owner {os.getuid()} start auto
""" for number, suite in enumerate(suites)))
        with open(self.log, "w", encoding="utf-8") as log:
            self.warden = subprocess.Popen(
                ["kpcd", "--table", table, "--keys", keys, "--workers", "1", "--no-pin",
                 "--source-rate", "0", "--key-rate", "1000000", "--drain", "1"],
                stderr=log)
        self.worker = None
        for _ in range(200):
            time.sleep(0.05)
            with open(self.log, encoding="utf-8") as log:
                ready = [line for line in log if "worker 0 is ready" in line]
            if ready:
                self.worker = int(ready[0].rsplit("PID=", 1)[1])
                return
        sys.exit("handshakes: kpcd is not ready")

    def spent(self):
        """Nanoseconds of both processes: on a processor, and outside of the kernel."""
        on, user = 0, 0
        for process in (self.warden.pid, self.worker):
            with open(f"/proc/{process}/schedstat", encoding="ascii") as file:
                on += int(file.read().split()[0])
            with open(f"/proc/{process}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            user += int(fields[11]) * TICK
        return on, user

    def run(self, suite, count):
        """Nanoseconds of a handshake: outside of the kernel, and in all."""
        before = self.spent()
        tool("load", suite, count, self.ports[0], self.backends[0])
        after = self.spent()
        return tuple((b - a) / count for a, b in zip(before, after))

    def end(self):
        self.warden.terminate()
        self.warden.wait()


def listening(port):
    with open("/proc/net/tcp", encoding="ascii") as table:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
                   for line in list(table)[1:])


def sockets(folder, suite, count):
    """Nanoseconds of a handshake in all, of OpenSSL behind sockets."""
    port, backend = free_port(), os.path.join(folder, "sockets")
    with subprocess.Popen(command("tool_handshakes", "serve", suite, count, port, backend),
                          stdout=subprocess.PIPE, text=True) as server:
        while not listening(port):
            if server.poll() is not None:
                sys.exit("handshakes: nothing serves")
            time.sleep(0.01)
        tool("load", suite, count, port, backend)
        return int(server.communicate()[0])


def measure(suite, rounds, count):
    folder = tempfile.mkdtemp(prefix="kpc-bench.")
    agent = Agent(folder, suite)
    rows = []
    try:
        agent.run(suite, count // 10)
        for _ in range(rounds):
            openssl, libkpc = map(int, tool("memory", suite, count).split())
            on, user = agent.run(suite, count)
            rows.append((openssl, libkpc, user, sockets(folder, suite, count), on))
    finally:
        agent.end()
        shutil.rmtree(folder)
    return [statistics.median(column) for column in zip(*rows)]


def apart(agent):
    """The agent has a processor for itself, where there are two."""
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        os.sched_setaffinity(agent.worker, processors[:1])
        os.sched_setaffinity(agent.warden.pid, processors[1:])
        os.sched_setaffinity(0, processors[1:])


def round_trips():
    """How many there were, their median, 99th percentile and longest, in
    microseconds: alone, and beside the storm; and how many handshakes of that there
    were in a second."""
    folder = tempfile.mkdtemp(prefix="kpc-bench.")
    agent = Agent(folder, STORM, RELAYED)

    def measure_once():
        said = tool(RELAYED, agent.ports[1], agent.backends[1], kpc_id(1), kpc(1), SECONDS,
                    name="tool_round_trip")
        return tuple(map(int, said.split()))

    def accepted():
        with open(agent.log, encoding="utf-8") as log:
            return sum("connection up NAME=bench0" in line for line in log)

    try:
        apart(agent)
        alone = measure_once()
        # Whoever delivers packets on its processor comes before it.
        storm = subprocess.Popen(["nice", "-n", "19", *command(
            "tool_handshakes", "load", STORM, 1 << 30, agent.ports[0], agent.backends[0])])
        try:
            while accepted() < 20:
                time.sleep(0.05)
            before, at = accepted(), time.monotonic()
            stormed = measure_once()
            rate = (accepted() - before) / (time.monotonic() - at)
        finally:
            storm.kill()
            storm.wait()
    finally:
        agent.end()
        shutil.rmtree(folder)
    return alone, stormed, rate


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    print(f"accepted handshakes per second and core, medians of {rounds} rounds of {count}; "
          f"in brackets of OpenSSL's in memory, the goal is {GOAL:.0%}, and in the last "
          "column of OpenSSL's behind sockets too\n")
    print(f"{'':30}{'OpenSSL':>9}{'libkpc':>16}{'agent itself':>16}"
          f"{'OpenSSL, kernel':>17}{'agent, kernel':>21}")
    for suite in SUITES:
        ceiling, *others = measure(suite, rounds, max(count // 10, 50) if
                                   suite.startswith("DHE") else count)
        cells = [f"{1e9 / time_of:10.0f} ({ceiling / time_of:4.0%})" if time_of else
                 f"{'-':>17}" for time_of in others]
        cells[-1] = cells[-1][:-1] + f", {others[-2] / others[-1]:4.0%})"
        print(f"{suite:30}{1e9 / ceiling:9.0f}{''.join(cells)}", flush=True)
    alone, stormed, rate = round_trips()
    print("\nround trips of 64 octets through one worker, in microseconds\n")
    print(f"{'':44}{'median':>8}{'99 %':>8}{'longest':>9}{'of':>9}")
    for what, (number, *row) in (("alone", alone),
                                 (f"beside {rate:.0f}/s of {STORM}", stormed)):
        print(f"{what:44}{row[0]:8}{row[1]:8}{row[2]:9}{number:9}")


main()
