# SPDX-License-Identifier: GPL-2.0-only
"""Both sites, with an association for each kind of backend."""

import hashlib
import os
import select
import shutil
import socket
import threading
import time

from case_chaos import Ledger
from sites import (Service, Site, Wire, folder, free_port, noise, receive_all,
                   reset, unsent, wait_for)

OTHER_KEY = "f00102030405060708090a0b0c0d0e0f"
MIB = 1 << 20

def echo(s):
    """Gives everything back, the end too."""
    while data := s.recv(1 << 18):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)


class Slow:
    """A backend that says more than anybody takes, and hears nothing before it
    may. For one test alone: others run meanwhile."""

    def __init__(self):
        self.freed = threading.Event()
        self.kept = [0]
        self.ends = []
        self.said = 0

    def serve(self, s):
        threading.Thread(target=self.talk, args=(s,), daemon=True).start()
        self.freed.wait(60)
        self.ends.append(receive_all(s, self.kept))

    def talk(self, s):
        data = memoryview(noise(32 * MIB, 11))
        try:
            while self.said < len(data):
                self.said += s.send(data[self.said:self.said + MIB // 4])
        except OSError:
            pass

    def full(self, seconds=30):
        """Waits until it has spoken and for a second nothing was taken."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = self.said
            time.sleep(1)
            if before and self.said == before:
                return True
        return False


def say_taken(s, speech, seconds, so_far=None):
    """Says what is taken, until for so long nothing is: how much that was. A list
    that is given has it as its first element meanwhile."""
    s.settimeout(seconds)
    said = 0
    try:
        while said < len(speech):
            said += s.send(speech[said:said + MIB // 4])
            if so_far is not None:
                so_far[0] = said
    except TimeoutError:
        pass
    return said


class Rude:
    """A backend that says all that is taken while nobody reads it, and goes
    without having read what came. A UNIX socket throws nothing away then, a TCP
    one what the other end's kernel has not got."""

    def __init__(self, speech):
        self.speech = speech
        self.said = []

    def serve(self, s):
        s.recv(1, socket.MSG_PEEK)
        said = say_taken(s, self.speech, 1)
        if s.family != socket.AF_UNIX:
            said -= unsent(s)
        s.close()
        self.said.append(said)


class Bench:
    """Both sites, with an association for each kind of backend."""

    def __init__(self, engine, carrier, net):
        self.net = net
        self.folder = folder()
        self.engine = engine
        self.carrier = carrier
        self.b = Site(net, self.folder, "b", engine)
        self.a = Site(net, self.folder, "a", engine)
        self.listen = free_port()
        self.any = "*" if net.enforce else net.b
        self.plain = {}
        self.local = {}
        self.wires = {}
        self.ends = []
        self.kept = [0]
        self.stalled = threading.Event()
        self.stopped = False
        self.rekeys = True
        self.faults = []
        self.seen = []
        uid = os.getuid()
        self.uid = f"allow-uid {uid}"

        self.direct = self.join("echo", echo)
        self.join("wired", echo, wire=True)
        self.join("keep", self.keep, wire=True)
        self.ledger = Ledger()
        self.join("ledger", self.ledger.serve, wire=True)
        self.join("late", self.late)
        self.join("early", self.early)
        self.join("stall", self.stall)
        self.join("silent", self.silent)
        self.join("abort", self.abort)
        self.join("proxy", self.record, b_words=" proxy yes")
        self.join("tls12", echo, both="versions tls1.2")
        self.join("worn", echo, both="limit records 2048")
        for name, version in ("worn12", "tls1.2"), ("worn13", "tls1.3"):
            self.join(name, self.keep,
                      both=f"versions {version} limit records 2048")
        self.join("often", self.keep, both="limit records 1024")
        self.join("hourly", echo, both="rekey-after 1s")
        self.awake, self.blocked = threading.Event(), []
        self.join("asleep", self.asleep, both="rekey-after 1s")
        self.join("speaker", self.speak_first, b_words=" rekey-after 1s")
        self.join("warm", self.hear, start="auto", wire=True)
        if carrier == "agent":
            self.join("cbc", echo,
                      both="profile onem2m offload prefer versions tls1.2 "
                           "suites TLS_PSK_WITH_AES_128_CBC_SHA256")
        self.left = threading.Event()
        self.join("idle", self.leave)
        if net.enforce:
            self.join("gone", self.keep)
        self.join("wrong", echo, b_key=OTHER_KEY)
        self.slow = {name: Slow() for name in
                     ("slow", "slower", "slow-tcp", "unheard")}
        for name, slow in self.slow.items():
            self.join(name, slow.serve, wire=True, path=None if name ==
                      "slow-tcp" else os.path.join(self.folder, name))
        self.join("hasty", self.hasty)
        self.speech = 64 * noise(MIB, 17)
        self.said = 0
        self.deaf_freed = threading.Event()
        self.deaf_moved = [[0], [0]]
        self.join("deaf", self.deaf, path=os.path.join(self.folder, "deaf"))
        self.rude = {name: Rude(self.speech) for name in
                     ("rude", "rude-tcp", "rude-slow")}
        for name, rude in self.rude.items():
            self.join(name, rude.serve, path=None if name == "rude-tcp" else
                      os.path.join(self.folder, name))
        self.dripped = []
        self.join("drip", self.drip, wire=True,
                  path=os.path.join(self.folder, "drip"))
        self.join("brief", self.brief, path=os.path.join(self.folder, "brief"))
        self.join_unix("unix", echo)
        self.join_unix("cut", self.keep, wire=True)
        self.foreign = {}
        for name, words in ("foreign", ""), ("foreign12", "profile onem2m"):
            self.foreign[name] = free_port()
            self.a.add(name, "a", f"peer {net.wire_near}:{self.foreign[name]} "
                       f"plain tcp:127.0.0.1:{self.port(name)} {self.uid} "
                       f"{words}", self.key(name))
        self.a.add("nobody", "a", f"peer {self.net.b}:{self.listen} plain "
                   f"tcp:127.0.0.1:{self.port('nobody')} {self.uid}", self.key("nobody"))

    def port(self, name):
        self.plain[name] = free_port()
        return self.plain[name]

    def key(self, name):
        """T4: each KpcId has a key of its own."""
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    def join(self, name, backend, wire=False, both="", b_words="", b_key=None,
             start="demand", path=None):
        """An association through both sites to a backend, at a UNIX socket
        where there is a path."""
        service = Service(self.net, "b", backend, path)
        plain = (f"unix:{path} owner {os.getuid()}" if path else
                 f"tcp:127.0.0.1:{service.port} {self.uid}")
        local = (f"unix:{self.local[name]}" if name in self.local else
                 f"tcp:127.0.0.1:{self.port(name)} {self.uid}")
        far = f"{self.net.b}:{self.listen}"
        if wire:
            self.wires[name] = Wire(self.net, (self.net.wire_far, self.listen))
            far = f"{self.net.wire_near}:{self.wires[name].port}"
        key = self.key(name)
        self.a.add(name, "a", f"peer {far} plain {local} {both}", key, start)
        self.b.add(name, "b", f"listen {self.any}:{self.listen} plain "
                   f"{plain} {both}{b_words}", b_key or key)
        return None if path else service.port

    def join_unix(self, name, backend, wire=False):
        """UNIX sockets at both sites."""
        self.local[name] = os.path.join(self.folder, f"{name}-local")
        self.join(name, backend, wire,
                  path=os.path.join(self.folder, f"{name}-backend"))

    # Backends.

    def keep(self, s):
        """Holds the connection and reports how it ends."""
        self.kept = [0]
        self.ends.append(receive_all(s, self.kept))

    @staticmethod
    def late(s):
        """Speaks only when all was heard."""
        count, digest, _ = receive_all(s)
        s.sendall(digest.encode() + noise(4 * MIB, 7))

    @staticmethod
    def hear(s):
        """Tells nobody: one that waits for its first program may time out
        in the middle of any other test."""
        receive_all(s)

    @staticmethod
    def early(s):
        """Says all and ends; then hears the rest and is silent about it."""
        s.sendall(noise(MIB, 8))
        s.shutdown(socket.SHUT_WR)
        count, digest, how = receive_all(s)
        Bench.heard = (count, digest, how)

    def stall(self, s):
        """Reads nothing before it is allowed to."""
        self.stalled.wait(60)
        s.sendall(receive_all(s)[1].encode())

    def asleep(self, s):
        """The same, and tells how it ended."""
        self.awake.wait(90)
        self.blocked.append(receive_all(s))

    def speak_first(self, s):
        """Speaks as long, as fast as it is heard, and reads nothing before."""
        octets = noise(MIB // 16, 41)
        while not self.awake.wait(0.05):
            s.sendall(octets)
        s.shutdown(socket.SHUT_WR)
        self.blocked.append(receive_all(s))

    @staticmethod
    def silent(s):
        time.sleep(30)

    @staticmethod
    def abort(s):
        s.recv(5)
        reset(s)

    @staticmethod
    def hasty(s):
        """Says all and ends, and goes without having read what came."""
        s.recv(1, socket.MSG_PEEK)
        s.sendall(noise(MIB, 15))
        s.shutdown(socket.SHUT_WR)
        # Its own kernel has nothing left that it would throw away.
        wait_for(lambda: not unsent(s))

    def deaf(self, s):
        """Says all that is taken while nobody reads it, and then hears
        nothing more."""
        self.deaf_freed.wait(60)
        self.said = say_taken(s, self.speech, 2, self.deaf_moved[0])
        s.shutdown(socket.SHUT_RD)
        # The other end finds it out when there is room.
        receive_all(s, self.deaf_moved[1])

    def drip(self, s):
        """Hears a little at a time for long, and then the rest at once."""
        heard, end = bytearray(), time.monotonic() + 40
        while piece := s.recv(4096 if time.monotonic() < end else MIB):
            heard += piece
            if time.monotonic() < end:
                time.sleep(1)
        self.dripped.append(bytes(heard))

    @staticmethod
    def brief(s):
        """Hears all, and has two records to say."""
        receive_all(s)
        s.sendall(noise(32768, 19))

    def leave(self, s):
        """Says nothing, and ends when it is told to or the other end does."""
        while not self.left.is_set():
            if select.select([s], [], [], 0.05)[0]:
                break

    def record(self, s):
        self.seen.append(s.recv(65536))
        s.sendall(b"seen")

    def open(self, name):
        s = self.net.connect("a", ("127.0.0.1", self.plain[name]))
        s.settimeout(60)
        return s

    def hostile(self):
        """A connection of a peer that is up to no good."""
        return self.net.connect("wire", (self.net.wire_far, self.listen))

    def start(self):
        self.b.start()
        if not self.b.says(r"kpcd: ready"):
            return False
        self.a.start()
        return self.a.says(r"association established NAME=warm")

    def stop(self):
        """Once; returns the exit statuses of both sites."""
        if self.stopped:
            return None
        self.stopped = True
        codes = self.a.stop(), self.b.stop()
        self.faults = [line for site in (self.a, self.b)
                       for line in site.said().splitlines()
                       if "Sanitizer" in line or "runtime error" in line]
        shutil.rmtree(self.folder, ignore_errors=True)
        self.net.close()
        return codes
