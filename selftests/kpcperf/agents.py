#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Integrity of what two agents relay, every octet checked by kpcperf at both
ends: agents.py ENGINE CARRIER.

   kpcperf -c --- kpcd, role a ======== kpcd, role b --- kpcperf -s
           plain               TLS-PSK                plain
"""

import shutil
import signal
import sys

from runs import Bench
from sites import Loop, Site, Tap, folder, free_port, wait_for

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
MIB = 1 << 20


class Agents:
    """Both sites, and a way through them to a server."""

    def __init__(self, engine, carrier):
        self.folder = folder()
        self.bench = Bench("plain")
        self.net = Loop()
        self.wire, self.near, self.far = free_port(), free_port(), free_port()
        offload = "require" if carrier == "kernel" else "off"
        self.carrier = carrier
        self.a = Site(self.net, self.folder, "a", engine, workers=2)
        self.b = Site(self.net, self.folder, "b", engine, workers=2)
        common = f"versions tls1.2,tls1.3 offload {offload} allow-uid any"
        self.a.add("perf", "a", f"peer 127.0.0.1:{self.wire} "
                   f"plain tcp:127.0.0.1:{self.near} {common}", KEY)
        self.b.add("perf", "b", f"listen 127.0.0.1:{self.wire} "
                   f"plain tcp:127.0.0.1:{self.far} {common}", KEY)
        for site in (self.b, self.a):
            site.start()
            if not site.says("worker [0-9]+ is ready", 2):
                raise OSError(f"{site.name}: {site.said()}")
        # The plain leg of role a opens with the association.
        if not wait_for(lambda: self.open(self.near)):
            raise OSError(f"a: {self.a.said()}")

    @staticmethod
    def open(port):
        with open("/proc/net/tcp", encoding="ascii") as table:
            return any(line.split()[1].endswith(f":{port:04X}") and
                       line.split()[3] == "0A" for line in list(table)[1:])

    def server(self, *words):
        return self.bench.server("-B", "127.0.0.1", *words, port=self.far)

    def close(self):
        statuses = [site.stop() for site in (self.a, self.b)]
        shutil.rmtree(self.folder)
        self.bench.close()
        return statuses


def run(agents, *words):
    """A test through both agents that has to be whole at both ends."""
    with agents.server("-1") as server:
        done = agents.bench.client(agents.near, "--verify", *words)
        end = server.wait()
    if done.status or end.status:
        return f"{done.why()}; server {end.why()}; {agents.a.said()[-800:]}"
    if done.end["verify"]["faults"]:
        return done.why()
    if done.end["sum_sent"]["bytes"] != done.end["sum_received"]["bytes"]:
        return "not as many octets came as were sent"
    return None


def test_carrier(agents):
    """It went through the agents, and these made the records as they should."""
    for site in (agents.a, agents.b):
        if f"CARRIER={agents.carrier}" not in site.said():
            return f"{site.name}: {site.said()[-800:]}"
    return None


def test_lost(agents):
    """An agent that is ended takes the test with it, in no silence."""
    with agents.server("-1") as server:
        client = agents.bench.begin(agents.near, "-J", "-t", "60", "--verify",
                                    "-i", "0.05", "--bidir")
        for line in client.stdout:
            if "bits_per_second" in line:
                break
        agents.b.process.send_signal(signal.SIGKILL)
        done = agents.bench.finish(client)
        end = server.wait()
    if done.status != 1 or end.status != 1 or not done.err:
        return f"{done.why()}; server {end.why()}"
    return None


CASES = (
    ("octets both ways, uneven, on eight connections", run,
     ("--bidir", "-P", 4, "-n", 8 * MIB, "-l", "50K", "--uneven")),
    ("octets up, as fast as they go", run, ("-P", 3, "-n", 64 * MIB)),
    ("octets down, as fast as they go", run, ("-R", "-P", 3, "-n", 64 * MIB)),
    ("octets one by one", run, ("--bidir", "-n", "20000", "-l", 1)),
    ("requests and responses of all lengths", run,
     ("--rr", "-P", 5, "-t", "0.5", "--request", "3", "--response", "70000")),
    ("short connections beside idle ones", run,
     ("--connect", "-P", 8, "-t", "0.5", "--idle", 50)),
    ("who made the records", test_carrier, ()),
    ("an agent that is killed", test_lost, ()),
)


def main():
    """All cases, one after another on the same two agents."""
    engine, carrier = sys.argv[1:]
    tap, agents = Tap(), Agents(engine, carrier)
    for what, test, words in CASES:
        tap.case("I8", what, test, agents, *words)
    agents.close()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
