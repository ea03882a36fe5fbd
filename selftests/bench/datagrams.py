# SPDX-License-Identifier: GPL-2.0-only
"""Datagrams through two gateways of DTLS, in bursts: what the machine does for one
more of them. Two runs of different length are compared, so that neither's beginning
and end is counted.

   source ---> role a ================> role b ---> sink
"""

import os
import re
import subprocess

from machine import Program
from peers import Direct, Kpcd, Peer, Socat
from sites import Site, wait_for

SUITE = "PSK-AES128-GCM-SHA256"
KEY = "202122232425262728292a2b2c2d2e2f"
TOOL = os.path.join(os.environ.get("KPC_BUILD", "build"), "selftests/bench/tool_datagrams")
DEADLINE = 900


class Datagrams:
    """What all of them have: a source before and a sink behind."""

    keys = ()

    def bound(self, place, port):
        """Somebody takes datagrams there."""
        said = subprocess.run(self.net.command(place, ["ss", "-Huln", f"sport = :{port}"]),
                              check=True, capture_output=True, text=True).stdout
        return bool(said.strip())

    def wait(self, place, port):
        if not wait_for(lambda: self.bound(place, port), 30):
            raise OSError(f"nobody takes datagrams at {place}, port {port}")

    def front(self):
        """Where the source sends to."""
        return "127.0.0.1", self.through

    def back(self):
        """Where the sink is."""
        return "127.0.0.1", self.far

    def serve(self):
        address, port = self.back()
        self.sink_of = Program(self.net, "b", [TOOL, "sink", address, str(port), *self.keys],
                               [], self.path("sink"))
        self.wait("b", port)

    def once(self, counter, octets, window, count):
        """What a run took, and how many datagrams arrived."""
        address, port = self.front()
        counter.begin()
        done = subprocess.run(
            self.net.command("a", [TOOL, "source", address, str(port), str(octets), str(count),
                                   str(window), *self.keys]),
            check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=DEADLINE)
        took = counter.end()
        if done.returncode:
            raise OSError(f"{self.title}: {done.stderr.strip()}")
        sent, come = map(int, re.search(r"sent (\d+) come (\d+)", done.stdout).groups())
        if come < 0.9 * sent:
            raise OSError(f"{self.title}: of {sent} only {come} arrived")
        return took, come

    def run(self, counter, octets, window, count):
        """What one more datagram takes."""
        took, come = self.once(counter, octets, window, count // 4)
        more, more_come = self.once(counter, octets, window, count)
        return (more - took) / (more_come - come)

    def stop(self):
        self.sink_of.end()
        super().stop()


class KpcdDatagrams(Datagrams, Kpcd):
    name, title, engine = "kpcd-datagrams", "kpcd, io_uring", "uring"

    def start(self):
        self.serve()
        common = f"allow-uid any versions dtls1.2 profile onem2m suites {SUITE} offload off"
        self.sites = [Site(self.net, self.folder, place, self.engine) for place in "ba"]
        b, a = self.sites
        a.add("pair", "a", f"peer {self.net.b}:{self.wire} plain udp:127.0.0.1:{self.through} "
              f"{common}", KEY)
        b.add("pair", "b", f"listen {self.net.b}:{self.wire} plain udp:127.0.0.1:{self.far} "
              f"{common}", KEY)
        for site in self.sites:
            site.start()
        self.wait("b", self.wire)
        self.wait("a", self.through)


class KpcdDatagramsEpoll(KpcdDatagrams):
    name, title, engine = "kpcd-datagrams-epoll", "kpcd, epoll", "epoll"


class SocatDatagrams(Datagrams, Socat):
    """By a certificate, which it needs; the cipher of the records is the same."""

    name, title = "socat-datagrams", "socat, OpenSSL"

    def env(self):
        return None

    def start(self):
        self.serve()
        certificate = self.certificate()
        cipher = "cipher=ECDHE-ECDSA-AES128-GCM-SHA256"
        for place, port, words in (
                ("b", self.wire, [f"OPENSSL-DTLS-LISTEN:{self.wire},bind={self.net.b},fork,"
                                  f"reuseaddr,cert={certificate},verify=0,{cipher}",
                                  f"UDP:127.0.0.1:{self.far}"]),
                ("a", self.through, [f"UDP-LISTEN:{self.through},bind=127.0.0.1,fork,reuseaddr",
                                     f"OPENSSL-DTLS-CLIENT:{self.net.b}:{self.wire},"
                                     f"cafile={certificate}.crt,commonname=bench.example,"
                                     f"{cipher}"])):
            self.programs.append(Program(self.net, place, ["socat", "-b16384", *words], [],
                                         self.path("log")))
            self.wait(place, port)


class DirectDatagrams(Datagrams, Direct):
    """No relay, no DTLS."""

    name, title = "direct-datagrams", "direct, plain UDP"

    def start(self):
        self.serve()

    def back(self):
        return self.net.b, self.sink

    front = back


class DirectDtls(DirectDatagrams):
    """The limit: OpenSSL's own, a datagram a call, and no plain legs."""

    name, title = "direct-dtls", "direct, OpenSSL's DTLS"
    keys = (SUITE, KEY)


PEERS = (DirectDatagrams, DirectDtls, KpcdDatagrams, KpcdDatagramsEpoll, SocatDatagrams)
