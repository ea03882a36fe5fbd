#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The relay of kpcd, as those at its two ends see it: relay.py ENGINE CARRIER
[enforce]. Proves I8 (nothing lost in silence) and how connections come up and end."""

import hashlib
import json
import os
import random
import re
import resource
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from sites import (ID_A, ID_B, Loop, Machines, Service, Site, Tap, Wire,
                   find_kpcd, folder, free_port, noise, receive_all, reset,
                   wait_for)

OTHER_KEY = "f00102030405060708090a0b0c0d0e0f"
MIB = 1 << 20


def echo(s):
    """Gives everything back, the end too."""
    while data := s.recv(1 << 18):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)


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
        self.wires = {}
        self.ends = []
        self.stalled = threading.Event()
        self.seen = []
        uid = os.getuid()
        self.uid = f"allow-uid {uid}"

        self.direct = self.join("echo", echo)
        self.join("wired", echo, wire=True)
        self.join("keep", self.keep, wire=True)
        self.join("late", self.late)
        self.join("early", self.early)
        self.join("stall", self.stall)
        self.join("silent", self.silent)
        self.join("abort", self.abort)
        self.join("proxy", self.record, b_words=" proxy yes")
        self.join("tls12", echo, both="versions tls1.2")
        self.join("warm", self.keep, start="auto", wire=True)
        if carrier == "agent":
            self.join("cbc", echo,
                      both="profile onem2m offload prefer versions tls1.2 "
                           "suites TLS_PSK_WITH_AES_128_CBC_SHA256")
        if net.enforce:
            self.join("gone", self.keep)
        self.join("wrong", echo, b_key=OTHER_KEY)
        self.join_unix()
        self.a.add("nobody", "a", f"peer {self.net.b}:{self.listen} plain "
                   f"tcp:127.0.0.1:{self.port('nobody')} {self.uid}", self.key("nobody"))

    def port(self, name):
        self.plain[name] = free_port()
        return self.plain[name]

    def key(self, name):
        """T4: each KpcId has a key of its own."""
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    def join(self, name, backend, wire=False, both="", b_words="", b_key=None,
             start="demand"):
        """An association through both sites to a backend."""
        service = Service(self.net, "b", backend)
        far = f"{self.net.b}:{self.listen}"
        if wire:
            self.wires[name] = Wire(self.net, (self.net.wire_far, self.listen))
            far = f"{self.net.wire_near}:{self.wires[name].port}"
        key = self.key(name)
        self.a.add(name, "a", f"peer {far} plain tcp:127.0.0.1:"
                   f"{self.port(name)} {self.uid} {both}", key, start)
        self.b.add(name, "b", f"listen {self.any}:{self.listen} plain "
                   f"tcp:127.0.0.1:{service.port} {self.uid} {both}{b_words}",
                   b_key or key)
        return service.port

    def join_unix(self):
        path = os.path.join(self.folder, "backend")
        Service(self.net, "b", echo, path)
        self.local = os.path.join(self.folder, "local")
        key = self.key("unix")
        self.a.add("unix", "a", f"peer {self.net.b}:{self.listen} plain "
                   f"unix:{self.local}", key)
        self.b.add("unix", "b", f"listen {self.any}:{self.listen} plain "
                   f"unix:{path}", key)

    # Backends.

    def keep(self, s):
        """Holds the connection and reports how it ends."""
        self.ends.append(receive_all(s))

    @staticmethod
    def late(s):
        """Speaks only when all was heard."""
        count, digest, _ = receive_all(s)
        s.sendall(digest.encode() + noise(4 * MIB, 7))

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

    @staticmethod
    def silent(s):
        time.sleep(30)

    @staticmethod
    def abort(s):
        s.recv(5)
        reset(s)

    def record(self, s):
        self.seen.append(s.recv(65536))
        s.sendall(b"seen")

    def open(self, name):
        s = self.net.connect("a", ("127.0.0.1", self.plain[name]))
        s.settimeout(20)
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
        codes = self.a.stop(), self.b.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.net.close()
        return codes


def send_pieces(s, data, seed):
    """In pieces of all sizes, and then the end."""
    pick = random.Random(seed)
    at = 0
    while at < len(data):
        size = pick.choice((1, 100, 1400, 16384, 16385, 65536, 300000))
        s.sendall(data[at:at + size])
        at += size
    s.shutdown(socket.SHUT_WR)


def round_trip(s, data, seed=1):
    """Both directions at once; what is wrong with what came back."""
    sender = threading.Thread(target=send_pieces, args=(s, data, seed),
                              daemon=True)
    sender.start()
    count, digest, how = receive_all(s)
    sender.join(10)
    if how != "end":
        return f"{count} of {len(data)} octets came, then {how}"
    if digest != hashlib.sha256(data).hexdigest():
        return f"{count} of {len(data)} octets came, and not the same"
    return None


def test_bulk(bench, name, size):
    with bench.open(name) as s:
        return round_trip(s, noise(size, size))


def test_carrier(bench):
    """Who carried the records is told in the log."""
    lines = re.findall(r"connection up NAME=echo .*", bench.a.said())
    if not lines:
        return "no connection of that name was told to be up"
    if f"CARRIER={bench.carrier}" not in lines[-1]:
        return lines[-1]
    return None


def tls_stat():
    """The kernel's own counters of TLS."""
    with open("/proc/net/tls_stat", encoding="ascii") as stat:
        return {name: int(value) for name, value in
                (line.split() for line in stat)}


def test_tls_stat(bench):
    """Both directions of both ends are the kernel's, and it had no trouble."""
    before = tls_stat()
    with bench.open("echo") as s:
        s.sendall(b"hello")
        if s.recv(5) != b"hello":
            return "no echo"
        during = tls_stat()
    for name in "TlsTxSw", "TlsRxSw":
        if during[name] - before[name] < 2:
            return f"{name} grew by {during[name] - before[name]}, not 2"
    for name in "TlsCurrTxSw", "TlsCurrRxSw":
        if during[name] < 2:
            return f"{name} is {during[name]} with a connection up"
    if during["TlsDecryptError"]:
        return f"TlsDecryptError is {during['TlsDecryptError']}"
    return None


def test_bound(bench):
    """M8: each site's module tells whose the connection is."""
    with bench.open("echo") as s:
        s.sendall(b"hello")
        s.recv(5)
        for site in bench.a, bench.b:
            bound = [one for one in json.loads(site.kpc("-j", "binding"))
                     if one["association"] == "echo"]
            if len(bound) != 1:
                return f"{len(bound)} bindings at {site.name}"
            if bound[0]["carrier"] != bench.carrier:
                return f"carrier {bound[0]['carrier']} at {site.name}"
    if not wait_for(lambda: '"echo"' not in bench.a.kpc("-j", "binding")):
        return "the binding outlives its connection"
    return None


def test_unharmed(bench):
    """I1, I2, I3: nothing that kpcd does is a violation."""
    for site in bench.a, bench.b:
        stats = json.loads(site.kpc("-j", "stats"))
        stats = stats[0] if isinstance(stats, list) else stats
        if stats["violations"]:
            return f"{site.name}: {stats}"
    return None


def test_deleted(bench):
    """I4: a deleted association ends at both ends at once, as a loss."""
    before = len(bench.ends)
    with bench.open("gone") as s:
        stop = threading.Event()

        def push():
            try:
                while not stop.is_set():
                    s.sendall(b"y" * 65536)
            except OSError:
                pass

        sender = threading.Thread(target=push, daemon=True)
        sender.start()
        time.sleep(1)
        bench.a.kpc("association", "del", "gone", "--force")
        at = time.monotonic()
        here = receive_all(s)[2]
        took = time.monotonic() - at
        stop.set()
        sender.join()
    if not wait_for(lambda: len(bench.ends) > before):
        return "the backend was not told"
    there = bench.ends[-1][2]
    print(f"# the local program knew {took * 1000:.0f} ms after it was done")
    if (here, there) != ("reset", "reset"):
        return f"here {here}, at the backend {there}"
    return None


def heap(pid):
    """KiB of the heap alone, for the report."""
    with open(f"/proc/{pid}/smaps", encoding="ascii") as smaps:
        found = re.search(r"\[heap\]\n.*?Anonymous:\s+(\d+)", smaps.read(), re.S)
        return int(found[1]) if found else 0


def test_idle(bench, count):
    """What an idle connection costs each agent, which is not its peak."""
    sockets = []
    workers = bench.a.worker(), bench.b.worker()

    def more(number):
        for _ in range(number):
            s = bench.open("echo")
            s.sendall(b"hello")
            s.recv(5)
            sockets.append(s)
        time.sleep(0.5)
        print("# heap", [heap(pid) for pid in workers], "KiB of",
              [memory(pid) for pid in workers])
        return [memory(pid) for pid in workers]

    more(100)
    before = more(100)
    after = more(count)
    for s in sockets:
        s.close()
    each = [(y - x) * 1024 // count for x, y in zip(before, after)]
    print(f"# {each} octets each in a and b")
    return f"{each} octets" if max(each) > 1536 else None


def message_time(s):
    """Seconds of one message there and back, in the middle of many."""
    times = []
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(300):
        message = struct.pack(">I", i) * 8
        at = time.monotonic()
        s.sendall(message)
        if s.recv(1000) != message:
            raise OSError(f"message {i} came back otherwise")
        times.append(time.monotonic() - at)
    return sorted(times)[len(times) // 2]


def test_small(bench):
    """Request and response, each sent on at once."""
    with bench.net.connect("b", ("127.0.0.1", bench.direct)) as s:
        direct = message_time(s)
    with bench.open("echo") as s:
        relayed = message_time(s)
    print(f"# {relayed * 1e6:.0f} us, {direct * 1e6:.0f} us without a relay")
    # Nagle's algorithm or a delayed acknowledgement would show as 40 ms.
    if relayed > 0.02 + 5 * direct:
        return f"{relayed * 1000:.1f} ms a message"
    return None


def test_half_close_out(bench):
    """The local program ends first; all of the answer still comes."""
    data = noise(3 * MIB, 5)
    with bench.open("late") as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        count, digest, how = receive_all(s)
    want = hashlib.sha256(hashlib.sha256(data).hexdigest().encode() +
                          noise(4 * MIB, 7)).hexdigest()
    if (digest, how) != (want, "end"):
        return f"{count} octets came, then {how}"
    return None


def test_half_close_in(bench):
    """The backend ends first; the local program may go on."""
    data = noise(2 * MIB, 9)
    Bench.heard = None
    with bench.open("early") as s:
        count, digest, how = receive_all(s)
        if (digest, how) != (hashlib.sha256(noise(MIB, 8)).hexdigest(), "end"):
            return f"{count} octets came, then {how}"
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        if not wait_for(lambda: Bench.heard):
            return "the backend was not told of the end"
    if Bench.heard[1:] != (hashlib.sha256(data).hexdigest(), "end"):
        return f"the backend heard {Bench.heard}"
    return None


def test_cut(bench, how):
    """The wire is cut: both local programs get a reset, never an end."""
    before = len(bench.ends)
    with bench.open("keep") as s:
        s.sendall(noise(100000, 3))
        time.sleep(0.3)
        bench.wires["keep"].cut(how)
        count, _, here = receive_all(s)
    if not wait_for(lambda: len(bench.ends) > before):
        return "the backend was not told"
    count, _, there = bench.ends[-1]
    if (here, there) != ("reset", "reset"):
        return f"here {here}, at the backend {there}"
    if count != 100000:
        return f"the backend got {count} of 100000 octets that had come"
    if not bench.b.says(r"truncated.* NAME=keep", 1, 3):
        return "the log tells nothing of truncation"
    return None


def test_local_reset(bench):
    """The local program is gone: the backend gets a reset."""
    before = len(bench.ends)
    s = bench.open("keep")
    s.sendall(b"x" * 1000)
    time.sleep(0.3)
    reset(s)
    if not wait_for(lambda: len(bench.ends) > before):
        return "the backend was not told"
    return None if bench.ends[-1][2] == "reset" else f"{bench.ends[-1]}"


def test_backend_reset(bench):
    with bench.open("abort") as s:
        s.sendall(b"hello")
        how = receive_all(s)[2]
    return None if how == "reset" else f"the local program saw {how}"


def memory(pid):
    """KiB of a process that are its own."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return int(re.search(r"Pss_Anon:\s+(\d+)", rollup.read())[1])


def test_back_pressure(bench):
    """A reader that does not read stops the sender, and nothing is lost."""
    bench.stalled.clear()
    data = noise(64 * MIB, 11)
    sent = [0]
    idle = memory(bench.a.worker()), memory(bench.b.worker())

    def push(s):
        for at in range(0, len(data), 65536):
            s.sendall(data[at:at + 65536])
            sent[0] = at + 65536
        s.shutdown(socket.SHUT_WR)

    with bench.open("stall") as s:
        s.settimeout(60)
        sender = threading.Thread(target=push, args=(s,), daemon=True)
        sender.start()
        while True:
            before = sent[0]
            time.sleep(1)
            if sent[0] == before:
                break
        if before >= len(data):
            return "all was taken while nobody read"
        held = (memory(bench.a.worker()) - idle[0],
                memory(bench.b.worker()) - idle[1])
        print(f"# {before >> 10} KiB on the way, {held} KiB of it in workers")
        wrong = test_small(bench)
        if wrong:
            return f"others wait meanwhile: {wrong}"
        bench.stalled.set()
        sender.join(60)
        digest = s.recv(64).decode()
    if digest != hashlib.sha256(data).hexdigest():
        return "what the reader read in the end is not what was sent"
    if max(held) > 8 * 1024:
        return f"a worker holds {max(held)} KiB for one connection"
    return None


def test_many_stalled(bench):
    """Fifty readers that do not read do not hold up another connection."""
    bench.stalled.clear()
    stalled = []
    at = time.monotonic()
    test_bulk(bench, "echo", 4 * MIB)
    alone = time.monotonic() - at
    try:
        for _ in range(50):
            s = bench.open("stall")
            s.setblocking(False)
            stalled.append(s)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            for s in stalled:
                try:
                    s.send(b"z" * 65536)
                except BlockingIOError:
                    pass
            time.sleep(0.01)
        at = time.monotonic()
        wrong = test_bulk(bench, "echo", 4 * MIB)
        took = time.monotonic() - at
        print(f"# 4 MiB both ways in {took:.2f} s, {alone:.2f} s without them")
        return wrong or (f"{took:.1f} s" if took > 3 * alone + 3 else None)
    finally:
        bench.stalled.set()
        for s in stalled:
            s.close()


def test_concurrent(bench, count):
    """So many connections at once, each with its own octets."""
    sockets = [bench.open("echo") for _ in range(count)]
    wrong = []

    def one(i, s):
        result = round_trip(s, noise(200000 + i, i), i)
        if result:
            wrong.append(f"{i}: {result}")

    threads = [threading.Thread(target=one, args=at, daemon=True)
               for at in enumerate(sockets)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for s in sockets:
        s.close()
    return "\n".join(wrong[:5]) or None


def hostile(bench, what):
    """What one bad peer sends, and how it is left."""
    with bench.hostile() as s:
        s.settimeout(40)
        try:
            s.sendall(what)
            if not what:
                s.shutdown(socket.SHUT_WR)
            while s.recv(4096):
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
    return True


def test_garbage(bench):
    """Bad peers are closed and told of; good ones do not notice."""
    hello = bytes.fromhex("1603010200") + b"\1\0\1\xfc\3\3"
    inputs = [b"GET / HTTP/1.0\r\n\r\n", b"\0" * 5, os.urandom(4000),
              hello + os.urandom(0x200 - 6), b"",
              bytes.fromhex("1503010002") + b"\2\50",
              bytes.fromhex("1703030010") + os.urandom(16),
              bytes.fromhex("16030100") + b"\0"]
    already = len(re.findall("handshake failed", bench.b.said()))
    for what in inputs:
        if not hostile(bench, what):
            return f"{what[:16].hex()}: not closed"
    if not bench.b.says("handshake failed", already + len(inputs), 5):
        return "not each was told of"
    return test_bulk(bench, "echo", MIB)


def test_silence(bench):
    """Silent peers and half records end at the deadline, which is 30 s."""
    at = time.monotonic()
    ends = []

    def wait(start):
        with bench.hostile() as s:
            s.settimeout(45)
            s.sendall(start)
            try:
                s.recv(1)
            except ConnectionError:
                pass
            except TimeoutError:
                return
            ends.append(time.monotonic() - at)

    starts = (b"", b"\x16\3\1", bytes.fromhex("1603010200") + b"\1\0")
    threads = [threading.Thread(target=wait, args=(start,)) for start in starts]
    for thread in threads:
        thread.start()
    wrong = test_bulk(bench, "echo", MIB)
    for thread in threads:
        thread.join()
    if wrong:
        return wrong
    if len(ends) != len(starts) or not all(25 < end < 40 for end in ends):
        return f"closed after {ends}"
    return None


def test_refused(bench, name):
    """X5: the local program gets a reset; the log says why."""
    try:
        with bench.open(name) as s:
            s.sendall(b"x")
            how = receive_all(s)[2]
    except ConnectionError:
        how = "reset"
    if how != "reset":
        return f"the local program saw {how}"
    if not bench.a.says(f"handshake failed NAME={name}"):
        return "the log tells nothing"
    return None


def test_uid(bench):
    """Another user at the local TCP leg is refused before anything flows."""
    script = ("import os, socket, sys\n'x'.encode('idna')\n"
              "os.setgid(65534)\nos.setuid(65534)\n"
              f"s = socket.create_connection(('127.0.0.1', {bench.plain['echo']}))\n"
              "s.settimeout(10)\n"
              "try:\n s.sendall(b'x')\n print(s.recv(1))\n"
              "except ConnectionError: print('reset')\n")
    said = subprocess.run(bench.net.command("a", [sys.executable, "-c",
                          script]), check=False,
                          capture_output=True, text=True).stdout.strip()
    if said != "reset":
        return f"it got {said}"
    if not bench.a.says("not among allow-uid"):
        return "the log tells nothing"
    return None


def test_uid_gone(bench):
    """One who sends and closes at once does not pass for root."""
    script = ("import os, socket, sys\n'x'.encode('idna')\n"
              "os.setgid(65534)\nos.setuid(65534)\n"
              "for i in range(20):\n"
              f" s = socket.create_connection(('127.0.0.1', {bench.plain['proxy']}))\n"
              " try: s.sendall(b'from another user')\n"
              " except ConnectionError: pass\n"
              " s.close()\n")
    subprocess.run(bench.net.command("a", [sys.executable, "-c",
                          script]), check=True)
    time.sleep(1)
    for seen in bench.seen:
        if b"another user" in seen:
            return "his octets reached the backend"
    return None


def test_proxy(bench):
    """The backend is told the identity by PROXY protocol v2."""
    bench.seen.clear()
    with bench.open("proxy") as s:
        s.sendall(b"hello")
        if s.recv(4) != b"seen":
            return "the backend did not answer"
    head = bench.seen[0]
    if head[:16][:13] != b"\r\n\r\n\0\r\nQUIT\n\x21":
        return f"it begins with {head[:16].hex()}"
    length = struct.unpack(">H", head[14:16])[0]
    tlvs, at, end = {}, 16 + 12, 16 + length
    while at < end:
        kind, size = struct.unpack(">BH", head[at:at + 3])
        tlvs[kind] = head[at + 3:at + 3 + size]
        at += 3 + size
    want = {0xe0: b"proxy@field.example", 0xe1: ID_A.encode(),
            0xe2: ID_B.encode()}
    for kind, value in want.items():
        if tlvs.get(kind) != value:
            return f"TLV {kind:#x} is {tlvs.get(kind)}"
    if struct.pack(">BH", 0x22, len(ID_A)) + ID_A.encode() not in tlvs[0x20]:
        return "no common name among what is said of TLS"
    return None


def test_unix(bench):
    """Both plain legs are UNIX sockets."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(bench.local)
        return round_trip(s, noise(8 * MIB, 21))


def test_warm(bench):
    """The connection made by establish serves the first local program; one
    that the far end has given up is dropped and another takes its place."""
    before = len(re.findall("NAME=warm", bench.b.said()))
    bench.wires["warm"].cut("fin")
    time.sleep(0.5)
    with bench.open("warm") as s:
        s.sendall(b"x" * 1000)
        s.shutdown(socket.SHUT_WR)
        count, _, how = receive_all(s)
    if how != "end":
        return (f"the local program saw {how}\n" + "\n".join(
            re.findall(".*NAME=warm.*", bench.a.said() + bench.b.said())))
    if len(re.findall("NAME=warm", bench.b.said())) <= before:
        return "no new connection was made"
    return None


def test_killed(bench):
    """A worker is killed: the far side learns of the loss, others go on."""
    before = len(bench.ends)
    ready = len(re.findall("worker 0 is ready", bench.a.said()))
    with bench.open("keep") as s:
        s.sendall(b"x" * 5000)
        time.sleep(0.3)
        os.kill(bench.a.worker(), 9)
        here = receive_all(s)[2]
    if not wait_for(lambda: len(bench.ends) > before):
        return "the backend was not told"
    if bench.ends[-1][2] != "reset":
        return f"the backend saw {bench.ends[-1][2]}"
    if not bench.a.says("worker 0 is ready", ready + 1):
        return "the worker was not replaced"
    time.sleep(0.5)
    if here != "reset":
        return f"the local program saw {here}"
    return test_bulk(bench, "echo", MIB)


def test_drain(bench):
    """SIGTERM: what runs ends in order, then the program."""
    s = bench.open("echo")
    s.sendall(b"hello")
    s.recv(5)
    done = []

    def finish():
        time.sleep(1)
        done.append(round_trip(s, noise(MIB, 1)))
        s.close()

    thread = threading.Thread(target=finish)
    thread.start()
    codes = bench.stop()
    thread.join()
    if done != [None]:
        return f"a connection that ran: {done}"
    return None if codes == (0, 0) else f"exit status {codes}"


def main():
    engine, carrier = sys.argv[1], sys.argv[2]
    if not find_kpcd():
        print("1..0 # SKIP kpcd is not built")
        return 4
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    net = Machines() if "enforce" in sys.argv[3:] else Loop()
    bench = Bench(engine, carrier, net)
    tap = Tap()
    tap.case("M1", f"{engine}: two sites come up", lambda: None if
             bench.start() else bench.a.said() + bench.b.said())
    if tap.failed:
        bench.stop()
        return tap.done()
    tap.case("I8", "64 MiB both ways at once, unchanged", test_bulk, bench,
             "echo", 64 * MIB)
    tap.case("I2", f"records are carried by the {carrier}", test_carrier,
             bench)
    if carrier == "kernel":
        tap.case("I2", "the kernel counts them as its own", test_tls_stat,
                 bench)
    tap.case("I8", "TLS 1.2 likewise", test_bulk, bench, "tls12", 8 * MIB)
    if carrier == "agent":
        tap.case("T1", "CBC of TLS 1.2 by the agent", test_bulk, bench, "cbc",
                 8 * MIB)
    tap.case("I8", "small messages are sent on at once", test_small, bench)
    tap.case("I8", "UNIX sockets at both ends", test_unix, bench)
    tap.case("I8", "half-close by the local program", test_half_close_out,
             bench)
    tap.case("I8", "half-close by the backend", test_half_close_in, bench)
    tap.case("I8", "the wire ends without close_notify", test_cut, bench,
             "fin")
    tap.case("I8", "the wire is reset", test_cut, bench, "reset")
    tap.case("I8", "the local program is gone", test_local_reset, bench)
    tap.case("I8", "the backend is gone", test_backend_reset, bench)
    tap.case("I8", "a reader that stops", test_back_pressure, bench)
    tap.case("I8", "fifty readers that stop", test_many_stalled, bench)
    tap.case("I8", "200 connections at once", test_concurrent, bench, 200)
    if carrier == "kernel":
        tap.case("I2", "what an idle connection costs", test_idle, bench, 400)
    tap.case("X5", "garbage on the TLS port", test_garbage, bench)
    tap.case("X5", "another Kpc", test_refused, bench, "wrong")
    tap.case("X5", "an unknown KpcId", test_refused, bench, "nobody")
    if net.enforce:
        tap.case("M8", "bindings as the modules tell them", test_bound, bench)
        tap.case("I2", "no violation by what kpcd does", test_unharmed, bench)
        tap.case("I4", "an association is deleted", test_deleted, bench)
    if os.getuid() == 0:
        tap.case("M8", "another user is refused", test_uid, bench)
        tap.case("M8", "another user who is gone at once is refused",
                 test_uid_gone, bench)
    else:
        tap.skip("another user is refused", "needs root to become one")
        tap.skip("another user who is gone at once is refused",
                 "needs root to become one")
    tap.case("M8", "identity by PROXY protocol v2", test_proxy, bench)
    tap.case("M3", "a connection made by establish", test_warm, bench)
    tap.case("X5", "silence on the TLS port", test_silence, bench)
    tap.case("I5", "a worker is killed", test_killed, bench)
    tap.case("I8", "SIGTERM lets connections end", test_drain, bench)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
