# SPDX-License-Identifier: GPL-2.0-only
"""Programs that know nothing of kpc at the other end of the TLS leg."""

import os
import re
import subprocess
import threading
import time

from case_flow import test_bulk
from sites import find_kpcd, receive_all, wait_for


class Foreign:
    """openssl s_client or s_server, or another; its input and what it
    prints."""

    def __init__(self, bench, place, *words, program="openssl",
                 errors=subprocess.STDOUT):
        self.said = b""
        self.process = subprocess.Popen(
            bench.net.command(place, [program, *words]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=errors)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        """Keeps all it prints."""
        while data := self.process.stdout.read1(65536):
            self.said += data

    def say(self, text):
        """Its standard input, which takes commands too."""
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def says(self, pattern, seconds=15):
        """Waits until it prints that."""
        return wait_for(lambda: re.search(pattern, self.said), seconds)

    def last(self):
        """What it printed last, for the report of a failure."""
        return self.said.decode(errors="replace")[-800:]

    def hang_up(self):
        """The end of its standard input."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def kill(self):
        """For one that goes on at the end of its input."""
        self.process.kill()
        self.end()

    def end(self, seconds=10):
        """Returns its exit status."""
        self.hang_up()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def client(bench, name, version, *words, **more):
    """A client of site B for that association."""
    return Foreign(bench, "wire", "s_client", "-connect",
                   f"{bench.net.wire_far}:{bench.listen}", "-psk_identity",
                   f"{name}@field.example", "-psk", bench.key(name), version,
                   *words, **more)


def tool(bench, which, role, address, port, name, count):
    """A far end of ours that does what no other does."""
    path = os.path.join(os.path.dirname(find_kpcd()), "../selftests/kpcd", which)
    return Foreign(bench, "wire", role, address, str(port), f"{name}@field.example",
                   bench.key(name), str(count), program=path)


def answered(peer):
    """The connection carries data both ways."""
    peer.say("before\n")
    return peer.says(rb"\nbefore\n")


def test_client(bench, name, version):
    """Data both ways, and the end in order."""
    peer = client(bench, name, version)
    peer.say("a line of the foreign client\n")
    heard = peer.says(rb"\n(read R BLOCK\n)?a line of the foreign client\n")
    peer.say("Q\n")
    status = peer.end()
    if not heard:
        return peer.last()
    return f"exit status {status}" if status else None


def test_key_update(bench):
    """The records follow; where the kernel's cannot they end, and it is told
    why."""
    peer = client(bench, "echo", "-tls1_3")
    if not answered(peer):
        return peer.last()
    peer.say("K\n")
    time.sleep(0.5)
    peer.say("after\n")
    if bench.rekeys:
        good = peer.says(rb"\nafter\n")
    else:
        good = bench.b.says(r"truncated NAME=echo .*KeyUpdate") and \
            peer.says(rb"unexpected.message")
    peer.end()
    if not good:
        return peer.last()
    return test_bulk(bench, "echo", 1 << 20)


def test_key_flood(bench):
    """KeyUpdates without end end it, by the agent as by the kernel."""
    peer = client(bench, "echo", "-tls1_3")
    if not answered(peer):
        return peer.last()
    for _ in range(40):
        peer.say("K\n")
        time.sleep(0.02)
    good = bench.b.says(r"truncated NAME=echo .*changes its keys more often")
    peer.end()
    if not good:
        return peer.last()
    return test_bulk(bench, "echo", 1 << 20)


def test_renegotiation(bench):
    """TLS 1.2: it is told that there is none, and others are untouched."""
    peer = client(bench, "tls12", "-tls1_2")
    if not answered(peer):
        return peer.last()
    peer.say("R\n")
    if not wait_for(lambda: peer.process.poll() is not None or
                    b"renegotiation" in peer.said.replace(
                        b"Secure Renegotiation", b"").lower()):
        return peer.last()
    peer.end()
    return test_bulk(bench, "tls12", 1 << 20)


def test_server(bench):
    """Site A's local program through a server that sends tickets."""
    peer = Foreign(bench, "wire", "s_server", "-accept", str(bench.foreign["foreign"]),
                   "-psk_identity", "foreign@field.example", "-psk",
                   bench.key("foreign"), "-nocert", "-rev", "-tls1_3")
    if not peer.says(rb"ACCEPT"):
        return peer.last()
    with bench.open("foreign") as s:
        s.sendall(b"hello\n")
        answer = s.recv(100)
        s.sendall(b"once more\n")
        more = s.recv(100)
        s.shutdown(1)
        how = receive_all(s)[2]
    peer.process.terminate()
    peer.end()
    if (answer, more) != (b"olleh\n", b"erom ecno\n"):
        return f"{answer}, {more}\n" + peer.last()
    print(f"# it ended as {how}")
    return None


def test_hasty_client(bench, size):
    """What a client says with its Finished, in one piece, is octets for the
    backend, however much it is and however long BIND takes."""
    peer = tool(bench, "tool_hasty_peer", "client", bench.net.wire_far,
                bench.listen, "echo", size)
    status = peer.end(60)
    if status or not peer.says(rb"the same came back", 1):
        return f"exit status {status}\n" + peer.last()
    return None


def test_hasty_server(bench, role, name, size):
    """What a server says with its Finished: of TLS 1.3, before that of site A."""
    peer = tool(bench, "tool_hasty_peer", role, bench.net.wire_near,
                bench.foreign[name], name, size)
    if not peer.says(rb"listening"):
        return peer.last()
    with bench.open(name) as s:
        while data := s.recv(1 << 16):
            s.sendall(data)
        s.shutdown(1)
    status = peer.end(60)
    if status or not peer.says(rb"the same came back", 1):
        return f"exit status {status}\n" + peer.last()
    return None
