# SPDX-License-Identifier: GPL-2.0-only
"""What one key may protect: before it is too much there is another, or an end."""

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import re
import select
import socket
import stat
import subprocess
import sys
import termios
import threading
import time

from bench import MIB
from case_flow import round_trip
from case_foreign import client
from sites import noise, receive_all, wait_for
from tls import APPLICATION_DATA, Peer13

PIDFD_GETFD, NETLINK_GENERIC, SO_RCVBUFFORCE = 438, 16, 33

# Three quarters of limit records 2048, of records that are full: more than that
# much nobody sends with one key.
MOST = 2048 * 16384


def test_worn_out(bench, name):
    """No next key: what was taken has come, both ends learn that there is no
    more, and the next connection is as good as the first."""
    told = rf"connection closed NAME={name} .*as many records"
    data = noise(48 * MIB, 23)
    before = len(bench.ends)
    with bench.open(name) as s:
        try:
            s.sendall(data)
            receive_all(s)
            return "48 MiB were taken with a limit that allows 32"
        except ConnectionError:
            pass
    if not wait_for(lambda: len(bench.ends) > before, 30):
        return "the backend was not told"
    count, digest, how = bench.ends[-1]
    print(f"# {count} octets came")
    if how != "reset":
        return f"the backend heard {how} after {count} octets"
    if not MIB < count < MOST:
        return f"the backend got {count} octets"
    if digest != hashlib.sha256(data[:count]).hexdigest():
        return f"the {count} octets that came are others than were sent"
    if not any(re.search(told, site.said()) for site in (bench.a, bench.b)):
        return "no log tells why"
    bench.kept = [0]
    with bench.open(name) as s:
        s.sendall(data[:MIB])
        if not wait_for(lambda: bench.kept[0] == MIB, 30):
            return f"of the next connection's octets {bench.kept[0]} came"
    return None


def rekeys(bench, name):
    """Announcements of new keys for the live bindings, as both modules count."""
    return [binding["rekeys"] for site in (bench.a, bench.b)
            for binding in json.loads(site.kpc("-j", "binding", "show", name))]


def renewed(bench, data):
    """Nobody reads before no more is taken: new keys come while all is full. At
    the end the modules are asked."""
    sent = [0]

    def push(s):
        for at in range(0, len(data), 1 << 16):
            s.sendall(data[at:at + (1 << 16)])
            sent[0] = at

    with bench.open("worn") as s:
        sender = threading.Thread(target=push, args=(s,), daemon=True)
        sender.start()
        before = -1
        while sender.is_alive() and sent[0] != before:
            before = sent[0]
            time.sleep(1)
        got = bytearray()
        while len(got) < len(data) and (piece := s.recv(1 << 18)):
            got += piece
        print(f"# {sent[0] >> 20} MiB were taken before anybody read")
        if got != data:
            return f"of {len(data)} octets {len(got)} came back, or others"
        if bench.net.enforce and bench.carrier == "kernel":
            # The connection before may take its time to be gone.
            if not wait_for(lambda: len(rekeys(bench, "worn")) == 2, 30):
                return f"bindings with announcements: {rekeys(bench, 'worn')}"
            counts = rekeys(bench, "worn")
            print(f"# {counts} announcements of new keys")
            if min(counts) < 2:
                return "new keys were not announced by both"
    return None


def test_renewed(bench, size):
    """Several times what a key may protect, both ways at once, unchanged."""
    told = r"connection (?:closed|truncated) NAME=worn .*(?:records|limit|keys).*"
    data = noise(size, 29)
    try:
        with bench.open("worn") as s:
            wrong = round_trip(s, data)
        wrong = wrong or renewed(bench, data[:size // 2])
    except OSError as error:
        wrong = str(error)
    lines = [line for site in (bench.a, bench.b)
             for line in re.findall(told, site.said())]
    return "\n".join([wrong or "", *lines]).strip() or None


def test_often(bench, size):
    """The least limit and bulk: many keys a second, which the far end does not
    take for a flood of KeyUpdates."""
    data, sent = noise(4 * MIB, 37), hashlib.sha256()
    before = len(bench.ends)
    with bench.open("often") as s:
        try:
            for _ in range(0, size, len(data)):
                s.sendall(data)
                sent.update(data)
        except ConnectionError:
            return f"{bench.kept[0]} of {size} octets came: {bench.b.said()[-300:]}"
    if not wait_for(lambda: len(bench.ends) > before, 60):
        return f"{bench.kept[0]} of {size} octets came, and no end"
    count, digest, how = bench.ends[-1]
    if (count, digest, how) != (size, sent.hexdigest(), "end"):
        return f"{count} of {size} octets came, or others, then {how}"
    return None


def module_sockets(worker):
    """Copies of a worker's sockets of generic netlink."""
    pidfd, libc = os.pidfd_open(worker), ctypes.CDLL(None, use_errno=True)
    found = []
    for fd in map(int, os.listdir(f"/proc/{worker}/fd")):
        copy = libc.syscall(PIDFD_GETFD, pidfd, fd, 0)
        if copy < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        if not stat.S_ISSOCK(os.fstat(copy).st_mode):
            os.close(copy)
            continue
        s = socket.socket(fileno=copy)
        if (s.family, s.proto) == (socket.AF_NETLINK, NETLINK_GENERIC):
            found.append(s)
        else:
            s.close()
    os.close(pidfd)
    return found


def spoken(connections, word):
    """Sends a word through each and reads it back; how many are silent."""
    silent = 0
    for s in connections:
        s.sendall(word)
    for s in connections:
        s.settimeout(20 if not silent else 0.5)
        try:
            silent += s.recv(100) != word
        except TimeoutError:
            silent += 1
    return silent


def answers_lost(bench, count):
    """What goes wrong where the workers' sockets have room for few answers."""
    with contextlib.ExitStack() as all_of_it:
        connections = [all_of_it.enter_context(bench.open("hourly"))
                       for _ in range(count)]
        if spoken(connections, b"before"):
            return "not all came up"
        narrowed = module_sockets(bench.a.worker()) + module_sockets(bench.b.worker())
        if len(narrowed) != 2:
            return f"{len(narrowed)} sockets of generic netlink in two workers"
        try:
            for s in narrowed:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            before = rekeys(bench, "hourly")
            for i in range(3):
                time.sleep(1.5)
                silent = spoken(connections, b"after %d" % i)
                if silent:
                    return f"{silent} of {count} connections are silent"
            if not wait_for(lambda: min(rekeys(bench, "hourly")) >
                            max(before) + 2, 30):
                return (f"announcements of new keys: {sorted(before)}, then "
                        f"{sorted(rekeys(bench, 'hourly'))}")
        finally:
            for s in narrowed:
                s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 2 * MIB)
                s.close()
    return None


def test_answers_lost(bench, count):
    """Of the module's answers most are lost, and each connection goes on and gets
    new keys all the same."""
    try:
        return answers_lost(bench, count)
    except OSError as error:
        told = re.compile(r"(?:truncated|failed|refused).* NAME=hourly .*")
        return "\n".join([str(error), *(line for site in (bench.a, bench.b)
                                        for line in told.findall(site.said())[:3])])


def push(s, octets, sent):
    """As much of it as is taken, and the end."""
    with contextlib.suppress(OSError):
        while sent[0] < len(octets):
            sent[0] += s.send(octets[sent[0]:sent[0] + (1 << 18)])
        s.shutdown(socket.SHUT_WR)


def test_blocked(bench, size, seconds):
    """New keys come due again and again while one direction, or the other, is
    full: it goes on where it was, and neither stops what is not full."""
    data = noise(size, 43)
    digest, octets = hashlib.sha256(data).hexdigest(), memoryview(data)
    sent = {"asleep": [0], "speaker": [0]}
    with contextlib.ExitStack() as both:
        pushing = []
        for name, so_far in sent.items():
            s = both.enter_context(bench.open(name))
            s.settimeout(None)
            pushing.append(threading.Thread(target=push, args=(s, octets, so_far),
                                            daemon=True))
            pushing[-1].start()
        heard, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            if not select.select([s], [], [], 20)[0]:
                bench.awake.set()
                return f"{heard} octets were heard, and no more came for 20 s"
            heard += len(s.recv(1 << 18))
        bench.awake.set()
        print(f"# taken: {sent}, heard {heard}")
        if not heard or len(data) in (so_far[0] for so_far in sent.values()):
            return f"nobody had to wait: taken {sent}, heard {heard}"
        receive_all(s)
        for thread in pushing:
            thread.join(60)
        if not wait_for(lambda: len(bench.blocked) == 2, 60):
            return f"not all has come: taken {sent}, {bench.blocked}"
    wrong = [end for end in bench.blocked if end != (size, digest, "end")]
    return f"{wrong}: {bench.b.said()[-400:]}" if wrong else None


def unread(pipe):
    """Octets in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)),
                          sys.byteorder)


def test_updates(bench):
    """KeyUpdates of both kinds between the octets of both directions, which all
    come, in order: the client's commands are lines of their own."""
    peer = client(bench, "echo", "-tls1_3", "-quiet", "-no_ign_eof",
                  errors=subprocess.DEVNULL)
    data = noise(4 * MIB, 31).hex()
    lines = "".join(data[i:i + 127] + "\n" for i in range(0, len(data), 127))
    step = len(lines) // 12 + 1
    for at in range(0, len(lines), step):
        peer.say(lines[at:at + step])
        # A command is one at the beginning of what is read.
        if not wait_for(lambda: not unread(peer.process.stdin), 30):
            return f"nothing is taken after {at} octets"
        peer.say("Kk"[at // step % 2] + "\n")
        if not wait_for(lambda: not unread(peer.process.stdin), 30):
            return f"no command is taken after {at} octets"
    whole = wait_for(lambda: len(peer.said) >= len(lines), 60)
    said = peer.said.decode(errors="replace")
    peer.kill()
    if not whole or said != lines:
        return f"{len(said)} of {len(lines)} octets came back, or others"
    return None


def test_behind_data(bench):
    """A KeyUpdate right behind data: the kernel's TLS has taken it along with the
    data, and says of nothing behind it that it is there."""
    heard = wanted = b""
    with Peer13(bench.hostile(), b"echo@field.example",
                bytes.fromhex(bench.key("echo"))) as peer:
        peer.connect()
        try:
            for i in range(4):
                before, after = b"before %d, " % i, b"after %d, " % i
                wanted += before + after
                peer.send(peer.protect(APPLICATION_DATA, before),
                          peer.key_update(i % 2),
                          peer.protect(APPLICATION_DATA, after))
                while len(heard) < len(wanted):
                    kind, octets = peer.read()
                    heard += octets if kind == APPLICATION_DATA else b""
        except (OSError, EOFError) as error:
            return f"{error}: of {wanted} came back {heard}"
    return None if heard == wanted else f"{heard}, not {wanted}"


def test_in_time(bench):
    """rekey-after: the agent changes its keys and asks for the same, again and
    again, and octets pass before and after."""
    peer = client(bench, "hourly", "-tls1_3", "-msg")
    for i in range(3):
        if not wait_for(lambda: len(re.findall(
                rb"<<< TLS 1.3, Handshake.*KeyUpdate", peer.said)) > i, 20):
            return f"{i} KeyUpdates came\n" + peer.last()
        peer.say(f"words {i}\n")
        if not peer.says(rb"\nwords %d\n" % i):
            return f"no answer after {i + 1} KeyUpdates\n" + peer.last()
    peer.kill()
    return None
