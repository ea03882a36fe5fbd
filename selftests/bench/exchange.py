# SPDX-License-Identifier: GPL-2.0-only
"""Requests and responses, and short connections, between two kpcperf that know
of no TLS: what the machine does for one more of them. Two runs of different
length are compared, so that neither's beginning and end is counted."""

import json
import subprocess

from machine import Program

DEADLINE = 900


def ends(peer):
    """Where the server listens, and where the client connects: through both
    gateways where there are any."""
    if peer.relays:
        return "b", "127.0.0.1", peer.far, "127.0.0.1", peer.through
    host, place = peer.address()
    return place, host, peer.sink, host, peer.sink


def once(peer, counter, words, seconds):
    """What a run took and how many exchanges that were."""
    place, at, port, host, door = ends(peer)
    server = Program(peer.net, place, ["kpcperf", "-s", "-1", "--plain", "-B", at, "-p",
                                       str(port)], [port], peer.path("kpcperf"))
    try:
        counter.begin()
        done = subprocess.run(
            peer.net.command("a", ["kpcperf", "-c", host, "-p", str(door), "--plain", "-J",
                                   "-i", "0", "-t", str(seconds), *map(str, words)]),
            check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=DEADLINE)
        took = counter.end()
        if done.returncode:
            raise OSError(f"kpcperf -c: {done.stderr.strip()}")
        return took, json.loads(done.stdout)["end"]["transactions"]
    finally:
        server.end()


def run(peer, counter, words, seconds):
    """What one more exchange takes."""
    took, count = once(peer, counter, words, seconds / 4)
    more_took, more_count = once(peer, counter, words, seconds)
    if more_count <= count:
        raise OSError(f"{count} exchanges in {seconds / 4} s and {more_count} in {seconds} s")
    return (more_took - took) / (more_count - count)
