# SPDX-License-Identifier: GPL-2.0-only
"""I8 as a property: whatever happens on the way, each receiver has a true
beginning of what was sent, and an end in order only when it has all of it."""

import random
import select
import socket
import struct
import threading
import time

from sites import LINGER_RESET, noise

HEAD = struct.Struct(">III")
TCP_CLOSE = 7


class Sender(threading.Thread):
    """Sends all of it and the end, or a part; who started it then leaves."""

    def __init__(self, s, data, pick, leaves):
        super().__init__(daemon=True)
        self.socket, self.data, self.pick = s, data, pick
        self.stop = pick.randrange(len(data) + 1) if leaves else len(data)
        self.leaves = leaves
        self.left = self.was_reset = False
        self.start()

    def run(self):
        at = 0
        try:
            while at < self.stop:
                size = min(self.pick.choice((1, 1400, 16385, 200000)),
                           self.stop - at)
                self.socket.sendall(self.data[at:at + size])
                at += size
            if not self.leaves:
                self.socket.shutdown(socket.SHUT_WR)
        except TimeoutError:
            pass
        except OSError:
            self.was_reset = True
        self.left = self.leaves


def was_reset(s, sender):
    """A socket tells of a reset once, to whoever asks first, and that one may
    not have said so yet. Without a reset, one that still sends is not closed;
    later it may be, by a reset that answers what it sends behind an end."""
    state = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    sender.join(0.5)
    return sender.was_reset or (sender.is_alive() and state == TCP_CLOSE)


def take(s, pick, most, sender):
    """Octets until the end or until enough, in bites of all sizes."""
    got, how = bytearray(), None
    quiet = time.monotonic() + 30
    try:
        while how is None and len(got) < most and not sender.left:
            if not select.select([s], [], [], 0.2)[0]:
                how = "silence" if time.monotonic() > quiet else None
                continue
            data = s.recv(pick.choice((1, 1000, 16384, 1 << 18)))
            quiet = time.monotonic() + 30
            got += data
            if not data:
                how = "reset" if was_reset(s, sender) else "end"
            elif pick.random() < 0.02:
                time.sleep(pick.random() / 50)
    except ConnectionError:
        how = "reset"
    return bytes(got), how


def judge(got, how, sent):
    """What is wrong with what a receiver has."""
    if got != sent[:len(got)]:
        return f"{len(got)} octets that are not those sent"
    if how == "end" and len(got) != len(sent):
        return f"an end in order after {len(got)} of {len(sent)} octets"
    return "silence" if how == "silence" else None


class Ledger:
    """The backend's side of all connections."""

    def __init__(self):
        self.wrong = []
        self.ends = {"end": 0, "reset": 0, None: 0}

    def serve(self, s):
        """The head says what will come, what to answer, and how to behave."""
        head = b""
        try:
            while len(head) < HEAD.size:
                data = s.recv(HEAD.size - len(head))
                if not data:
                    return
                head += data
        except OSError:
            return
        seed, ask, answer = HEAD.unpack(head)
        pick = random.Random(seed + 1)
        sender = Sender(s, noise(answer, seed + 1), pick, pick.random() < 0.1)
        got, how = take(s, random.Random(seed + 2), ask // 2 if
                        pick.random() < 0.1 else ask + 1, sender)
        wrong = judge(got, how, noise(ask, seed))
        if wrong:
            self.wrong.append(f"backend, {seed}: {wrong}")
        self.ends[how if how in self.ends else None] += 1
        leave(s, sender, how)


def leave(s, sender, how):
    """In order where all was heard, else so that the other end knows."""
    if how == "end" and not sender.leaves:
        sender.join(30)
        s.close()
    else:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        s.shutdown(socket.SHUT_RD)
        s.close()


def one(bench, seed, wrong, ends):
    """One connection of a local program."""
    pick = random.Random(seed)
    ask, answer = (pick.choice((1, 5000, 100000, 2000000)) for _ in "ab")
    try:
        s = bench.open("ledger")
        s.sendall(HEAD.pack(seed, ask, answer))
    except OSError:
        ends["not open"] = ends.get("not open", 0) + 1
        return
    sender = Sender(s, noise(ask, seed), pick, pick.random() < 0.15)
    got, how = take(s, random.Random(seed + 3), answer // 2 if
                    pick.random() < 0.1 else answer + 1, sender)
    fault = judge(got, how, noise(answer, seed + 1))
    if fault:
        wrong.append(f"local program, {seed}: {fault}")
    ends[how] = ends.get(how, 0) + 1
    try:
        leave(s, sender, how)
    except OSError:
        s.close()


def test_chaos(bench, seconds):
    """Connections that end in every way, on a wire that is cut now and then; on
    a slow machine longer, and then cut no more once a cut was seen."""
    wrong, ends = [], {}
    seed = [random.randrange(1 << 30)]
    print(f"# seed {seed[0]}")
    until = time.monotonic() + seconds
    lock = threading.Lock()

    def goes_on(most):
        now = time.monotonic()
        seen = ends.get("end") and ends.get("reset")
        return now < until or (now < until + most and not seen)

    def run():
        while goes_on(60):
            with lock:
                seed[0] += 10
                mine = seed[0]
            one(bench, mine, wrong, ends)

    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    pick = random.Random(seed[0])
    while time.monotonic() < until or (goes_on(60) and not ends.get("reset")):
        time.sleep(pick.random() * 2)
        bench.wires["ledger"].cut(pick.choice(("fin", "reset")))
    for thread in threads:
        thread.join()
    time.sleep(1)
    print(f"# local programs: {ends}; backends: {bench.ledger.ends}")
    wrong += bench.ledger.wrong
    if not ends.get("end") or not ends.get("reset"):
        wrong.append("not all ways of ending were seen")
    return "\n".join(wrong[:8]) or None
