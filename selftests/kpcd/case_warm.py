# SPDX-License-Identifier: GPL-2.0-only
"""Far ends that mean no good, or have no more use for it: towards connections
that wait for their first local program, and towards those in use."""

import re
import signal
import socket
import time

from case_foreign import Foreign, tool
from sites import Site, free_port, wait_for


class Lone:
    """A site whose only association is established at its start, through a
    server that knows nothing of kpc, or through another site."""

    def __init__(self, bench, name, words, far, key, options=()):
        self.port = free_port()
        self.site = Site(bench.net, bench.folder, f"{name}-{self.port}",
                         bench.engine)
        self.site.command += options
        self.site.add(name, "a", f"peer {far} plain tcp:127.0.0.1:{self.port} "
                      f"{bench.uid} {words}", key, "auto")
        self.site.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.site.stop()

    def faults(self):
        """Of its workers."""
        return [line for line in self.site.said().splitlines()
                if "was ended by" in line or "Sanitizer" in line]


def server(bench, name, *words):
    """A server of TLS 1.2 that its standard input commands."""
    port = free_port()
    peer = Foreign(bench, "wire", "s_server", "-accept", str(port),
                   "-psk_identity", f"{name}@field.example", "-psk",
                   bench.key(name), "-nocert", "-tls1_2", "-cipher",
                   "PSK-AES128-CBC-SHA256:@SECLEVEL=0", "-msg", *words)
    return peer, f"{bench.net.wire_near}:{port}"


ONEM2M = "profile onem2m offload off versions tls1.2"


def test_warm_renegotiation(bench):
    """A far end asks a connection that nobody uses yet to renegotiate: it is
    told that there is none, and the worker goes on."""
    peer, far = server(bench, "idle")
    if not peer.says(rb"ACCEPT"):
        return peer.last()
    with Lone(bench, "idle", ONEM2M, far, bench.key("idle")) as lone:
        if not lone.site.says("association established NAME=idle"):
            return lone.site.said() + peer.last()
        peer.say("r\n")
        told = peer.says(rb"no_renegotiation", 5)
        time.sleep(0.2)
        peer.kill()
        if lone.faults():
            return "\n".join(lone.faults())
    return None if told else peer.last()


def test_warm_ended(bench, who):
    """A connection that nobody has used ends in order, by the backend or with
    its agent: the other site takes it for no loss."""
    ups = len(re.findall("connection up NAME=idle", bench.b.said()))
    ends = r"connection (?:closed|truncated) NAME=idle.*"
    before = len(re.findall(ends, bench.b.said()))
    bench.left.clear()
    with Lone(bench, "idle", "", f"{bench.net.b}:{bench.listen}",
              bench.key("idle")) as lone:
        if not lone.site.says("association established NAME=idle") or \
                not bench.b.says("connection up NAME=idle", ups + 1):
            return lone.site.said() + bench.b.said()
        if who == "backend":
            bench.left.set()
            bench.b.says(ends, before + 1)
    if not bench.b.says(ends, before + 1):
        return "the other site was not told"
    last = re.findall(ends, bench.b.said())[-1]
    return None if "ended in order" in last else last


def test_warm_moved(bench):
    """Where IdB has moved to another port, no local program gets a connection
    that was made to the old one, nor is there more than one made ahead."""
    one, far = server(bench, "idle")
    two, there = server(bench, "idle")
    if not one.says(rb"ACCEPT") or not two.says(rb"ACCEPT"):
        return one.last() + two.last()
    ports = [end.rpartition(":")[2] for end in (far, there)]
    with Lone(bench, "idle", ONEM2M, f"localhost:{ports[0]}",
              bench.key("idle")) as lone:
        made = "association established NAME=idle"
        if not lone.site.says(made):
            return lone.site.said() + one.last()
        lone.site.write("table", [line.replace(ports[0], ports[1])
                                  for line in lone.site.table])
        lone.site.process.send_signal(signal.SIGHUP)
        if not lone.site.says(made, 2):
            return lone.site.said() + two.last()
        for word in b"first", b"second":
            with socket.create_connection(("127.0.0.1", lone.port)) as s:
                s.sendall(word + b"\n")
                if not two.says(word, 5):
                    return f"{word} went elsewhere: {one.last()}"
    one.kill()
    two.kill()
    return None


def deaf(bench, name, role, port, count):
    """A far end that reads no answer."""
    return tool(bench, "tool_deaf_peer", role, bench.net.wire_far, port, name, count)


def test_renegotiation_flood(bench):
    """A far end that asks for new handshakes, and reads nothing: its second
    request ends it, for each costs an answer."""
    port = free_port()
    peer = deaf(bench, "idle", "server", port, 5)
    if not peer.says(rb"listening"):
        return peer.last()
    with Lone(bench, "idle", ONEM2M, f"{bench.net.wire_far}:{port}",
              bench.key("idle")) as lone:
        if not lone.site.says("association open NAME=idle"):
            return lone.site.said() + peer.last()
        with socket.create_connection(("127.0.0.1", lone.port)):
            peer.say("go\n")
            told = lone.site.says("truncated NAME=idle .*renegotiate", 1, 5)
        peer.end()
        return None if told else lone.site.said() + peer.last()


def test_answers_unread(bench):
    """A far end that asks for new keys and reads no answer is not read from
    either until it does: answers, behind all that the backend had to say, must
    not fill memory."""
    slow = bench.slow["unheard"]
    slow.freed.set()
    peer = deaf(bench, "unheard", "client", bench.listen, 16)
    if not slow.full():
        return f"{slow.said} octets of the backend's and more were taken"
    peer.say("go\n")
    if not peer.says(rb"asked 16 times"):
        return peer.last()
    time.sleep(1)
    early = slow.kept[0]
    peer.hang_up()
    heard = wait_for(lambda: slow.kept[0] == 5)
    peer.kill()
    return None if not early and heard else f"{early} octets, then {slow.kept}"
