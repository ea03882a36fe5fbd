# SPDX-License-Identifier: GPL-2.0-only
"""I8 at the end: in order it is told as such, and every loss as a loss."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import threading
import time

from bench import MIB, Bench
from case_flow import round_trip, test_bulk
from case_warm import Lone
from sites import noise, receive_all, reset, wait_for
from tls import ALERT, APPLICATION_DATA, CLOSE_NOTIFY, Peer13

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


def ticks(pid):
    """Of processor time that a process has had."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))


def test_half_close_unread(bench):
    """The local program ends first and does not read its answer: who waits for
    room to send it is not told without end that nothing more comes."""
    with bench.net.socket("a") as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(60)
        s.connect(("127.0.0.1", bench.plain["late"]))
        s.sendall(b"all")
        s.shutdown(socket.SHUT_WR)
        # The answer begins, and fills what there is.
        s.recv(1)
        time.sleep(1)
        before = ticks(bench.a.worker())
        time.sleep(2)
        took = (ticks(bench.a.worker()) - before) / os.sysconf("SC_CLK_TCK")
        count, _, how = receive_all(s)
    if took >= 1:
        return f"the worker took {took} s of 2"
    if (count, how) != (63 + 4 * MIB, "end"):
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
    told = r"truncated.* NAME=keep"
    logged = len(re.findall(told, bench.b.said()))
    before = len(bench.ends)
    bench.kept = [0]
    with bench.open("keep") as s:
        s.sendall(noise(100000, 3))
        if not wait_for(lambda: bench.kept[0] == 100000, 30):
            return f"the backend got {bench.kept[0]} of 100000 octets"
        bench.wires["keep"].cut(how)
        count, _, here = receive_all(s)
    if not wait_for(lambda: len(bench.ends) > before):
        return "the backend was not told"
    count, _, there = bench.ends[-1]
    if (here, there) != ("reset", "reset"):
        return f"here {here}, at the backend {there}"
    if count != 100000:
        return f"the backend got {count} of 100000 octets that had come"
    if not bench.b.says(told, logged + 1, 3):
        return "the log tells nothing of truncation"
    return None


def test_cut_unix(bench):
    """A UNIX socket has no reset. Its program sees an end, as after an orderly
    one; what it was is in the log."""
    before = len(bench.ends)
    bench.kept = [0]
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(bench.local["cut"])
        s.sendall(noise(100000, 3))
        if not wait_for(lambda: bench.kept[0] == 100000, 30):
            return f"the backend got {bench.kept[0]} of 100000 octets"
        bench.wires["cut"].cut("reset")
        here = receive_all(s)[2]
    if not wait_for(lambda: len(bench.ends) > before):
        return "the backend was not told"
    count, _, there = bench.ends[-1]
    if (here, there, count) != ("end", "end", 100000):
        return f"here {here}, at the backend {there} after {count} octets"
    for site in bench.a, bench.b:
        if not site.says(r"connection truncated NAME=cut ", 1, 3):
            return f"the log of {site.name} tells nothing of truncation"
    return None


def test_spoilt(bench):
    """A record that is not authentic: the one who sent it is told by an alert
    before the reset."""
    told = r"truncated NAME=keep .*bad_record_mac"
    before = len(re.findall(told, bench.a.said()))
    ends = len(bench.ends)
    bench.kept = [0]
    with bench.open("keep") as s:
        s.sendall(b"before")
        wait_for(lambda: bench.kept[0] == 6, 30)
        bench.wires["keep"].spoils = True
        s.sendall(b"after")
        how = receive_all(s)[2]
    if not wait_for(lambda: len(bench.ends) > ends):
        return "the backend was not told"
    count, _, there = bench.ends[-1]
    if (count, how, there) != (6, "reset", "reset"):
        return f"here {how}; the backend got {count} of 6 octets, then {there}"
    if not bench.a.says(told, before + 1, 3):
        return "\n".join(re.findall("truncated NAME=keep.*", bench.a.said()))
    return None


def unix_room():
    """Octets that the kernel holds for a UNIX socket whose reader sleeps."""
    near, far = socket.socketpair()
    near.setblocking(False)
    room = 0
    try:
        while True:
            room += near.send(bytes(16384))
    except BlockingIOError:
        pass
    near.close()
    far.close()
    return room


def test_late_loss(bench, pause, name):
    """The far end is lost while the backend pauses, first for receiving and
    then for sending too: the backend still gets all that had come."""
    slow = bench.slow[name]
    # In the socket, and a part of what the relay may hold.
    data = noise(unix_room() + 65536, 13)
    wire = bench.wires[name]
    passed = wire.passed
    with bench.open(name) as s:
        s.sendall(data)
        # All is at the other site then, which needs a moment to take it.
        wait_for(lambda: wire.passed - passed > len(data), 30)
        time.sleep(2)
        wire.cut("late")
        time.sleep(pause)
        slow.freed.set()
        if not wait_for(lambda: slow.ends):
            return "the backend was not told"
    count, digest, _ = slow.ends[0]
    if digest != hashlib.sha256(data).hexdigest():
        return f"the backend got {count} of {len(data)} octets that had come"
    return None


def test_drip(bench):
    """The far end is lost, and the backend takes so little at a time that its
    socket long has no room for more: it still gets all that had come."""
    data = noise(unix_room() + 65536, 21)
    wire = bench.wires["drip"]
    with bench.open("drip") as s:
        s.sendall(data)
        wait_for(lambda: wire.passed > len(data), 30)
        time.sleep(1)
        wire.cut("late")
        if not wait_for(lambda: bench.dripped, 60):
            return "the backend was not told"
    if bench.dripped[0] != data:
        return f"the backend got {len(bench.dripped[0])} of {len(data)} octets"
    return None


def test_unread(bench):
    """The backend says all, ends, and is gone without having read what the
    local program goes on to send: that one still gets all, though it pauses."""
    told = r"connection (?:closed|truncated) NAME=hasty "
    before = len(re.findall(told, bench.b.said()))

    def push(s):
        try:
            s.sendall(bytes(32 * MIB))
        except OSError:
            pass

    with bench.open("hasty") as s:
        threading.Thread(target=push, args=(s,), daemon=True).start()
        if not bench.b.says(told, before + 1):
            return "the backend's end did not come"
        time.sleep(2)
        count, digest, _ = receive_all(s)
    if digest != hashlib.sha256(noise(MIB, 15)).hexdigest():
        return f"the local program got {count} of {MIB} octets"
    return None


def test_rude(bench, name):
    """The backend is gone with something unread, which shows as a reset at its
    socket: the local program, which goes on to speak and reads bit by bit,
    still gets all that it said before, and then a reset."""
    rude = bench.rude[name]
    before = len(rude.said)
    heard, how = bytearray(), "end"
    with bench.open(name) as s:
        s.sendall(b"unread")
        if not wait_for(lambda: len(rude.said) > before, 60):
            return "the backend could say all, or waits still"
        s.sendall(b"and nobody hears it")
        try:
            while piece := s.recv(65536):
                heard += piece
                # So that the relay has something to hold to the last.
                time.sleep(0.005)
        except ConnectionError:
            how = "reset"
    said = rude.said[-1]
    if len(heard) < said or heard != bench.speech[:len(heard)]:
        return f"{len(heard)} of {said} octets came, then {how}"
    return None if how == "reset" else f"all came, and then {how}"


def test_deaf(bench):
    """Both sides have said so much that they must wait, and the backend takes
    nothing more: the local program can say the rest, and then reads all."""
    data, left = memoryview(bytes(96 * MIB)), [0]

    def push(s):
        while left[0] < len(data):
            left[0] += s.send(data[left[0]:left[0] + MIB // 4])

    with bench.open("deaf") as s:
        thread = threading.Thread(target=push, args=(s,), daemon=True)
        thread.start()
        before = -1
        while before < left[0]:
            before = left[0]
            time.sleep(1)
        if before == len(data):
            return "nobody had to wait"
        bench.deaf_freed.set()
        # However slow the machine is: where nothing moves it stands still.
        before, moved = -1, 0
        while thread.is_alive() and before < moved:
            before = moved
            thread.join(25)
            moved = left[0] + sum(count for count, in bench.deaf_moved)
        if thread.is_alive():
            return (f"{left[0]} octets of {len(data)} are sent, no more; the backend "
                    f"said {bench.deaf_moved[0]} and heard {bench.deaf_moved[1]}: "
                    f"{bench.b.said()[-300:]}")
        count, digest, _ = receive_all(s)
    if digest != hashlib.sha256(bench.speech[:bench.said]).hexdigest():
        return f"the local program got {count} of {bench.said} octets"
    return None


def carried(octets):
    """Of data, in records of TLS 1.3 without padding."""
    at = total = 0
    while at + 5 <= len(octets):
        size = int.from_bytes(octets[at + 3:at + 5], "big")
        total += size - 17
        at += 5 + size
    return total


def test_rude_slow(bench):
    """The backend is gone, and the far end takes so little of what it said that
    the agent long has nothing to do: it still gets all."""
    rude, heard = bench.rude["rude-slow"], bytearray()
    with Peer13(bench.listen, b"rude-slow@field.example",
                bytes.fromhex(bench.key("rude-slow"))) as peer:
        peer.connect()
        peer.send(peer.protect(APPLICATION_DATA, b"unread"))
        if not wait_for(lambda: rude.said, 60):
            return "the backend could say all, or waits still"
        peer.send(peer.protect(APPLICATION_DATA, b"and nobody hears it"))
        end = time.monotonic() + 40
        while time.monotonic() < end:
            heard += peer.socket.recv(16384)
            time.sleep(2)
        try:
            while piece := peer.socket.recv(MIB):
                heard += piece
        except ConnectionError:
            pass
    count = carried(heard)
    return None if count == rude.said[0] else \
        f"{count} of {rude.said[0]} octets came: {bench.b.said()[-300:]}"


def test_slow_end(bench):
    """Both directions have ended, and the far end takes a little now and then:
    that is waited for, longer than for one that takes nothing."""
    with Peer13(bench.listen, b"brief@field.example",
                bytes.fromhex(bench.key("brief"))) as peer:
        peer.connect()
        peer.send(peer.protect(ALERT, bytes((1, CLOSE_NOTIFY))))
        heard, end = 0, time.monotonic() + 75
        while time.monotonic() < end:
            heard += len(peer.socket.recv(600))
            time.sleep(2)
        if re.search("connection .*NAME=brief .*stood still", bench.b.said()):
            return f"it was given up with {heard} octets taken"
        if heard > 32768:
            return "there was nothing left to wait for"
        heard += receive_all(peer.socket)[0]
    if not bench.b.says("connection closed NAME=brief .*ended in order"):
        return f"after {heard} octets: {bench.b.said()[-300:]}"
    return None


def test_local_aborted(bench):
    """The local program's socket is ended by the kernel: that is no end."""
    before = len(bench.ends)
    bench.kept = [0]
    with bench.open("keep") as s:
        s.sendall(b"x" * 1000)
        wait_for(lambda: bench.kept[0] == 1000, 30)
        port = s.getsockname()[1]
        killed = subprocess.run(
            bench.net.command("a", ["ss", "-HK", "-tn", "dst", "127.0.0.1",
                                    "dport", f"= :{port}"]),
            check=False, capture_output=True, text=True).stdout
        if not killed.strip():
            return "the kernel ends no sockets (INET_DIAG_DESTROY)"
        if not wait_for(lambda: len(bench.ends) > before):
            return "the backend was not told"
    return None if bench.ends[-1][2] == "reset" else f"{bench.ends[-1]}"


def test_local_reset(bench):
    """The local program is gone: the backend gets a reset."""
    before = len(bench.ends)
    bench.kept = [0]
    s = bench.open("keep")
    s.sendall(b"x" * 1000)
    wait_for(lambda: bench.kept[0] == 1000, 30)
    reset(s)
    if not wait_for(lambda: len(bench.ends) > before):
        return "the backend was not told"
    return None if bench.ends[-1][2] == "reset" else f"{bench.ends[-1]}"


def test_backend_reset(bench):
    with bench.open("abort") as s:
        s.sendall(b"hello")
        how = receive_all(s)[2]
    return None if how == "reset" else f"the local program saw {how}"


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
    bench.kept = [0]
    ready = len(re.findall("worker 0 is ready", bench.a.said()))
    with bench.open("keep") as s:
        s.sendall(b"x" * 5000)
        wait_for(lambda: bench.kept[0] == 5000, 30)
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


def test_farewell(bench, count):
    """A worker that ends with its connections has told of each end, though its
    warden takes nothing just then."""
    with Lone(bench, "echo", "", f"{bench.net.b}:{bench.listen}",
              bench.key("echo"), ("--drain", "1")) as lone:
        if not lone.site.says("association open NAME=echo"):
            return lone.site.said()
        held = [socket.create_connection(("127.0.0.1", lone.port), 10)
                for _ in range(count)]
        if not lone.site.says("connection up NAME=echo", count, 60):
            return lone.site.said()[-500:]
        warden = lone.site.process
        warden.send_signal(signal.SIGTERM)
        lone.site.says("stopping: ")
        time.sleep(0.2)
        warden.send_signal(signal.SIGSTOP)
        how = {receive_all(s)[2] for s in held}
        warden.send_signal(signal.SIGCONT)
        warden.wait(20)
        ends = len(re.findall("connection closed NAME=echo", lone.site.said()))
    if (how, ends) != ({"reset"}, count):
        return f"{ends} of {count} ends are told of; {how}"
    return None


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
