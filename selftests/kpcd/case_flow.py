# SPDX-License-Identifier: GPL-2.0-only
"""I8 while all goes well: octets, unchanged, in time, and for little memory."""

import hashlib
import random
import re
import socket
import struct
import subprocess
import threading
import time

from bench import MIB
from sites import noise, receive_all, sanitized
from tls import APPLICATION_DATA, Peer13

def send_pieces(s, data, seed, failed):
    """In pieces of all sizes, and then the end."""
    pick = random.Random(seed)
    at = 0
    try:
        while at < len(data):
            size = pick.choice((1, 100, 1400, 16384, 16385, 65536, 300000))
            s.sendall(data[at:at + size])
            at += size
        s.shutdown(socket.SHUT_WR)
    except OSError as error:
        failed.append(str(error))


def round_trip(s, data, seed=1):
    """Both directions at once; what is wrong with what came back."""
    failed = []
    sender = threading.Thread(target=send_pieces, daemon=True,
                              args=(s, data, seed, failed))
    sender.start()
    count, digest, how = receive_all(s)
    sender.join(10)
    if failed:
        return f"{count} octets came; sending: {failed[0]}"
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


def tls_stat(bench):
    """The kernel's own counters of TLS, those of both sites together."""
    total = {}
    for place in ("a", "b") if bench.net.enforce else ("a",):
        said = subprocess.run(
            bench.net.command(place, ["cat", "/proc/net/tls_stat"]),
            check=True, capture_output=True, text=True).stdout
        for line in said.splitlines():
            name, value = line.split()
            total[name] = total.get(name, 0) + int(value)
    return total


def test_tls_stat(bench):
    """Both directions of both ends are the kernel's, and it had no trouble."""
    before = tls_stat(bench)
    with bench.open("echo") as s:
        s.sendall(b"hello")
        if s.recv(5) != b"hello":
            return "no echo"
        during = tls_stat(bench)
    for name in "TlsTxSw", "TlsRxSw":
        if during[name] - before[name] < 2:
            return f"{name} grew by {during[name] - before[name]}, not 2"
    for name in "TlsCurrTxSw", "TlsCurrRxSw":
        if during[name] < 2:
            return f"{name} is {during[name]} with a connection up"
    if during["TlsDecryptError"]:
        return f"TlsDecryptError is {during['TlsDecryptError']}"
    return None


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


def test_unix(bench):
    """Both plain legs are UNIX sockets."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(bench.local["unix"])
        return round_trip(s, noise(8 * MIB, 21))


def memory(pid):
    """KiB of a process that are its own."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return int(re.search(r"Pss_Anon:\s+(\d+)", rollup.read())[1])


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
        # A few at a time, which keeps both agents busy.
        for _ in range(0, number, 5):
            few = [bench.open("echo") for _ in range(5)]
            for s in few:
                s.sendall(b"hello")
            for s in few:
                s.recv(5)
            sockets.extend(few)
        time.sleep(0.5)
        print("# heap", [heap(pid) for pid in workers], "KiB of",
              [memory(pid) for pid in workers])
        return [memory(pid) for pid in workers]

    more(50)
    before = more(50)
    after = more(count)
    for s in sockets:
        s.close()
    each = [(y - x) * 1024 // count for x, y in zip(before, after)]
    print(f"# {each} octets each in a and b")
    return f"{each} octets" if max(each) > 1536 else None


def test_back_pressure(bench):
    """A reader that does not read stops the sender, and nothing is lost."""
    bench.stalled.clear()
    data = noise(48 * MIB, 11)
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
        while sender.is_alive():
            before = sent[0]
            time.sleep(1)
            if before and sent[0] == before:
                break
        if not sender.is_alive():
            return f"{sent[0]} octets were taken while nobody read"
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
    if max(held) > 32 * 1024 and not sanitized():
        return f"a worker holds {max(held)} KiB for one connection"
    return None


def highest(pid):
    """KiB of memory that a process has had at most since it was last forgotten."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])


def test_small_records(bench, count):
    """Records of one octet each do not take a buffer each, however many come with
    one receive."""
    worker = bench.b.worker()
    with Peer13(bench.listen, b"echo@field.example",
                bytes.fromhex(bench.key("echo"))) as peer:
        peer.connect()
        records = b"".join(peer.protect(APPLICATION_DATA, bytes([i & 0xff]))
                           for i in range(count))
        with open(f"/proc/{worker}/clear_refs", "w", encoding="ascii") as refs:
            refs.write("5")
        before = highest(worker)
        peer.send(records)
        heard = b""
        while len(heard) < count:
            heard += peer.read()[1]
        grown = highest(worker) - before
    print(f"# the worker grew by {grown} KiB for {len(records) >> 10} KiB of records")
    if heard != bytes(i & 0xff for i in range(count)):
        return "other octets came back"
    return f"the worker grew by {grown} KiB" if grown > 16384 and not sanitized() else None


def test_many_stalled(bench, count):
    """Readers that do not read do not hold up another connection."""
    bench.stalled.clear()
    stalled = []
    at = time.monotonic()
    test_bulk(bench, "echo", 4 * MIB)
    alone = time.monotonic() - at
    try:
        for _ in range(count):
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
        return wrong or (f"{took:.1f} s" if took > 10 * alone + 20 else None)
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
