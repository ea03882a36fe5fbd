# SPDX-License-Identifier: GPL-2.0-only
"""Octets in bulk: a fixed number of them from a source to a sink, which compares
each, and what the machine does from the first sent to the last received."""

import os
import subprocess

MIB = 1 << 20
DEADLINE = 900
HERE = os.path.dirname(os.path.realpath(__file__))


def tool():
    """The source and sink, as the tests are built."""
    build = os.environ.get("KPC_BUILD") or os.path.join(HERE, "../../build")
    return os.path.join(build, "selftests/bench/tool_bulk")


class End:
    """One of the two."""

    def __init__(self, net, place, words):
        self.process = subprocess.Popen(
            net.command(place, [tool(), *map(str, words)]), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)

    def says(self, word):
        """Waits for it, or raises what was said in its place."""
        line = self.process.stdout.readline().strip()
        if line != word:
            self.process.kill()
            raise OSError(f"no '{word}': {line} {self.process.stderr.read().strip()}")

    def go(self):
        self.process.stdin.write("go\n")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def places(peer, way):
    """Where the listening end is and its words; the same of the other."""
    if not peer.relays:
        host, place = peer.address()
        return ((place, [host, peer.sink], peer.ends("server")),
                ("a", [host, peer.sink], peer.ends("server")))
    if way == "decrypt":
        return (("b", ["127.0.0.1", peer.far], []),
                ("a", [peer.net.b, peer.wire], peer.ends("client")))
    return (("b", [peer.net.b, peer.sink], peer.ends("server")),
            ("a", ["127.0.0.1", peer.near], []))


def run(peer, counter, way, connections, mib, length):
    """One run; what it took per MiB. Both ways, half of the octets go each way."""
    octets = mib * MIB // (2 if way == "both" else 1)
    common = ["--connections", connections, "--octets", octets, "--length", length]
    if way == "both":
        common.append("--both")
    (place, address, words), (place_a, address_a, words_a) = places(peer, way)
    ends = [End(peer.net, place, ["--listen", *words, *common, *address])]
    try:
        ends[0].says("listening")
        ends.append(End(peer.net, place_a, [*words_a, *common, *address_a]))
        ends[1].says("ready")
        counter.begin()
        ends[1].go()
        ends[0].says("done")
        if way == "both":
            ends[1].says("done")
        return counter.end() / mib
    finally:
        for end in ends:
            end.end()
