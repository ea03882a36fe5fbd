# SPDX-License-Identifier: GPL-2.0-only
"""Who may take part, at either end, and who is told what of whom."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from bench import MIB
from case_flow import test_bulk
from sites import ID_A, ID_B, receive_all, wait_for

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


def test_flood(bench, count):
    """More silent peers than there may be handshakes: the oldest give way."""
    silent = []
    try:
        for _ in range(count):
            silent.append(bench.hostile())
        at = time.monotonic()
        wrong = test_bulk(bench, "echo", 1 << 20)
        took = time.monotonic() - at
        print(f"# 1 MiB both ways beside them in {took:.2f} s")
        if wrong:
            return wrong
        if not bench.b.says("the oldest gives way"):
            return "the log tells nothing of those that were ended"
        return f"{took:.1f} s" if took > 15 else None
    finally:
        for s in silent:
            s.close()


def urge(sockets):
    """Urgent octets on each, a little apart so that each is told of."""
    for _ in range(160):
        for s in sockets:
            s.send(b"!", socket.MSG_OOB)
        time.sleep(0.01)


def test_urgent(bench, opened):
    """A kernel wakes for urgent octets who waits for others. Who sends them
    without end, on more connections than the engine has buffers provided, holds
    nobody up."""
    sockets = []
    try:
        for _ in range(80):
            sockets.append(opened(bench))
        urge(sockets)
        for site in bench.a, bench.b:
            tasks = os.listdir(f"/proc/{site.worker()}/task")
            if len(tasks) != 1:
                return f"a worker has {len(tasks)} threads"
        with bench.open("echo") as s:
            s.settimeout(10)
            s.sendall(b"hello")
            return None if s.recv(5) == b"hello" else "no echo"
    except TimeoutError:
        return "nobody else is served"
    finally:
        for s in sockets:
            s.close()


def a_program(bench):
    """A local program whose connection is up."""
    s = bench.open("echo")
    s.sendall(b"x")
    s.recv(1)
    return s


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
              "try:\n"
              f" s = socket.create_connection(('127.0.0.1', {bench.plain['echo']}))\n"
              " s.settimeout(10)\n"
              " s.sendall(b'x')\n print(s.recv(1))\n"
              "except ConnectionError: print('reset')\n")
    ran = subprocess.run(bench.net.command("a", [sys.executable, "-c",
                         script]), check=False, capture_output=True, text=True)
    said = ran.stdout.strip()
    if said != "reset":
        return f"it got {said or ran.stderr.strip()}"
    if not bench.a.says("not among allow-uid"):
        return "the log tells nothing"
    return None


def test_uid_gone(bench):
    """One who sends and closes before he is accepted does not pass for root.
    The worker is stopped meanwhile, so that he is always the quicker."""
    script = ("import os, socket, sys\n'x'.encode('idna')\n"
              "os.setgid(65534)\nos.setuid(65534)\n"
              "for i in range(20):\n"
              " with socket.create_connection(('127.0.0.1', "
              f"{bench.plain['proxy']})) as s: s.sendall(b'from another user')\n")
    worker = bench.a.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        subprocess.run(bench.net.command("a", [sys.executable, "-c", script]),
                       check=True)
    finally:
        os.kill(worker, signal.SIGCONT)
    if not bench.a.says("who connected had closed before it could be told"):
        return "the log does not say that he was gone"
    time.sleep(1)
    if any(b"another user" in seen for seen in bench.seen):
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


def test_bound(bench):
    """M8: each site's module tells whose the connection is."""
    for site in bench.a, bench.b:
        if not wait_for(lambda: '"echo"' not in site.kpc("-j", "binding"), 30):
            return f"bindings of before are left at {site.name}"
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
            with open(site.path("monitor"), encoding="utf-8") as seen:
                told = [line for line in seen if "violation" in line]
            return f"{site.name}: {stats}\n" + "".join(told)
    return None


def test_deleted(bench):
    """I4: a deleted association ends at both ends at once, as a loss."""
    before = len(bench.ends)
    with bench.open("gone") as s:
        stop = threading.Event()
        failed = []

        def push():
            try:
                while not stop.is_set():
                    s.sendall(b"y" * 65536)
            except ConnectionError:
                failed.append("reset")

        sender = threading.Thread(target=push, daemon=True)
        sender.start()
        time.sleep(1)
        bench.a.kpc("association", "del", "gone", "--force")
        at = time.monotonic()
        here = receive_all(s)[2]
        took = time.monotonic() - at
        stop.set()
        sender.join()
        # A socket tells of a reset once, to whoever asks first.
        if failed:
            here = "reset"
    if not wait_for(lambda: len(bench.ends) > before):
        return "the backend was not told"
    there = bench.ends[-1][2]
    print(f"# the local program knew {took * 1000:.0f} ms after it was done")
    if (here, there) != ("reset", "reset"):
        return f"here {here}, at the backend {there}"
    return None
