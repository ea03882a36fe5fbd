#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Accepted handshakes per second and core, beside OpenSSL's own ceiling.

usage: handshakes.py [ROUNDS [COUNT]]

Runs of this machine, of which only ratios mean something. The ceiling is what
OpenSSL takes on memory BIOs for one handshake, and nothing around it; libkpc is
measured in the same way. The agent, without the module and with one worker, takes
a TCP connection, asks its warden for the key, connects to its backend, says what
happened, and closes: its own time in its processes counts and, beside it, that of
the kernel for all that. Each figure is the median of the rounds, of which each has
all of them one after the other.
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
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
TICK = 1e9 / os.sysconf("SC_CLK_TCK")


def tool(*words):
    build = os.environ.get("KPC_BUILD", "build")
    return subprocess.run(
        [os.path.join(build, "selftests/kpcd/tool_handshakes"), *map(str, words)],
        check=True, stdout=subprocess.PIPE, text=True).stdout


def write(path, text):
    with open(path, "w", encoding="ascii", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
        file.write(text)


class Agent:
    """kpcd as Entity B for one suite."""

    def __init__(self, folder, suite):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.backend = os.path.join(folder, "backend")
        self.log = os.path.join(folder, "log")
        keys, table = (os.path.join(folder, name) for name in ("keys", "table"))
        write(keys, f"bench@site.example hex:{KEY}\n")
        write(table, f"""association bench role b kpc-id bench@site.example \\
	id-a //a.example/cse id-b //b.example/cse \\
	versions {"tls1.3" if suite.startswith("TLS_") else "tls1.2"} suites {suite} \\
	offload off listen 127.0.0.1:{self.port} \\
	plain unix:{self.backend} owner {os.getuid()} start auto
""")
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
        tool("load", suite, count, self.port, self.backend)
        after = self.spent()
        return tuple((b - a) / count for a, b in zip(before, after))

    def end(self):
        self.warden.terminate()
        self.warden.wait()


def measure(suite, rounds, count):
    folder = tempfile.mkdtemp(prefix="kpc-bench.")
    agent = Agent(folder, suite)
    rows = []
    try:
        agent.run(suite, count // 10)
        for _ in range(rounds):
            openssl, libkpc = map(int, tool("memory", suite, count).split())
            rows.append((openssl, libkpc, *reversed(agent.run(suite, count))))
    finally:
        agent.end()
        shutil.rmtree(folder)
    return [statistics.median(column) for column in zip(*rows)]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    print(f"accepted handshakes per second and core, medians of {rounds} rounds of {count}; "
          f"in brackets of OpenSSL's, the goal is {GOAL:.0%}\n")
    print(f"{'':30}{'OpenSSL':>9}{'libkpc':>16}{'agent itself':>16}{'with kernel':>16}")
    for suite in SUITES:
        ceiling, *others = measure(suite, rounds, max(count // 10, 50) if
                                   suite.startswith("DHE") else count)
        cells = "".join(f"{1e9 / time_of:10.0f} ({ceiling / time_of:4.0%})" if time_of else
                        f"{'-':>17}" for time_of in others)
        print(f"{suite:30}{1e9 / ceiling:9.0f}{cells}", flush=True)


main()
