# SPDX-License-Identifier: GPL-2.0-only
"""What connections cost that are up and say nothing: memory of the relays'
processes, and of the kernel, for each one more."""

import glob
import os
import select
import socket
import time

BATCH = 64


def tree(pids):
    """These processes and all that they began."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        parents[int(text.split()[0])] = int(text.rpartition(")")[2].split()[1])
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def pss(pids):
    """Octets, shared pages by their share."""
    total = 0
    for pid in tree(pids):
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return 1024 * total


def slab():
    """Octets of the kernel's own objects."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return sum(1024 * int(line.split()[1]) for line in file if line.startswith("Slab:"))


class Crowd:
    """Connections through both gateways, each seen at both ends."""

    def __init__(self, peer):
        self.peer = peer
        self.listener = peer.net.socket("b")
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", peer.far))
        self.listener.listen(4096)
        self.pairs = []

    def grow(self, count):
        """Until there are so many."""
        while len(self.pairs) < count:
            self.batch(min(BATCH, count - len(self.pairs)))

    def batch(self, count):
        near = []
        for _ in range(count):
            s = self.peer.net.socket("a")
            s.settimeout(60)
            s.connect(("127.0.0.1", self.peer.through))
            s.sendall(b"?")
            near.append(s)
        for s in near:
            if not select.select([self.listener], [], [], 60)[0]:
                raise OSError(f"of {len(self.pairs) + count} connections not all came")
            far, _ = self.listener.accept()
            far.settimeout(60)
            if far.recv(1) != b"?":
                raise OSError("a connection came without its octet")
            self.pairs.append((s, far))

    def close(self):
        for pair in self.pairs:
            for s in pair:
                s.close()
        self.listener.close()


def settled(ask):
    """What is given back late is given back by then."""
    least = ask()
    for _ in range(10):
        time.sleep(0.5)
        least = min(least, ask())
    return least


def run(peer, sizes):
    """(octets of processes, octets of the kernel) for one more connection."""
    crowd = Crowd(peer)
    try:
        seen = []
        for size in sizes:
            crowd.grow(size)
            seen.append((settled(lambda: pss(peer.pids())), settled(slab)))
        return [(more - less) / (sizes[1] - sizes[0]) for less, more in zip(*seen)]
    finally:
        crowd.close()
