# SPDX-License-Identifier: GPL-2.0-only
"""Two sites on one machine for tests of the relay: kpcd in both roles without
the module, a wire between them that can be cut, and backends that behave."""

import ctypes
import fcntl
import hashlib
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time

LINGER_RESET = b"\1\0\0\0\0\0\0\0"
ID_A = "//field.example/cse/C1"
ID_B = "//field.example/cse"


def find_kpcd():
    """The program under test: the build's, or the machine's."""
    build = os.environ.get("KPC_BUILD") or os.path.join(
        os.path.dirname(os.path.realpath(__file__)), "../../build")
    for path in (os.environ.get("KPCD"), os.path.join(build, "bin/kpcd"),
                 shutil.which("kpcd")):
        if path and os.access(path, os.X_OK):
            return path
    return None


def sanitized():
    """Whether kpcd has the address sanitizer, and with it memory that is not its
    own."""
    return "libasan" in subprocess.run(["ldd", find_kpcd()], check=True,
                                       capture_output=True, text=True).stdout


SOL_TLS, TLS_TX, TCP_ULP = 282, 1, 31


def kernel_rekeys():
    """Whether this kernel takes new keys for a connection: tried."""
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()) as s:
        keys = (0x0304).to_bytes(2, sys.byteorder) + \
            (51).to_bytes(2, sys.byteorder) + bytes(36)
        try:
            s.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
            s.setsockopt(SOL_TLS, TLS_TX, keys)
            s.setsockopt(SOL_TLS, TLS_TX, keys)
        except OSError:
            return False
        return True


PORTS = iter(random.sample(range(20000, 32000), 12000))


def free_port():
    """A port that nobody has, outside of those the kernel gives away."""
    while True:
        port = next(PORTS)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def setns(space):
    """Moves this thread to another network; os.setns() is of Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(space, 0x40000000):  # CLONE_NEWNET
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Loop:
    """Both sites and the wire on this machine's loopback."""

    a = b = wire_near = wire_far = "127.0.0.1"
    enforce = False

    @staticmethod
    def socket(_, family=socket.AF_INET):
        return socket.socket(family)

    @staticmethod
    def command(_, words):
        return words

    def connect(self, place, address):
        """A connection from one of the places."""
        s = self.socket(place)
        s.settimeout(30)
        s.connect(address)
        return s

    def close(self):
        """Nothing was made."""


class Machines(Loop):
    """Sites and wire as network namespaces that kpc.ko guards:

       a 192.0.2.1 --- 192.0.2.2 wire 198.51.100.2 --- 198.51.100.1 b
       a 203.0.113.1 ------------------------------- 203.0.113.2 b
    """

    enforce = True
    a, b = "203.0.113.1", "203.0.113.2"
    wire_near, wire_far = "192.0.2.2", "198.51.100.1"

    def __init__(self):
        self.own = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.names = {place: f"kpc-{place}" for place in ("a", "wire", "b")}
        for name in self.names.values():
            self.ip("netns", "add", name)
            self.ip("-n", name, "link", "set", "lo", "up")
        self.veth("a", "wire", "192.0.2.1", "192.0.2.2")
        self.veth("b", "wire", "198.51.100.1", "198.51.100.2")
        self.veth("a", "b", self.a, self.b)
        self.spaces = {place: os.open(f"/run/netns/{name}", os.O_RDONLY)
                       for place, name in self.names.items()}

    @staticmethod
    def ip(*words):
        subprocess.run(("ip",) + words, check=True)

    def veth(self, one, other, near, far):
        """Two places joined by a cable."""
        names = f"to-{other}", f"to-{one}"
        self.ip("link", "add", names[0], "netns", self.names[one], "type",
                "veth", "peer", "name", names[1], "netns", self.names[other])
        for place, name, at in ((one, names[0], near), (other, names[1], far)):
            self.ip("-n", self.names[place], "addr", "add", f"{at}/24", "dev",
                    name)
            self.ip("-n", self.names[place], "link", "set", name, "up")

    def socket(self, place, family=socket.AF_INET):
        """A thread is where it was when the socket is made."""
        setns(self.spaces[place])
        try:
            return socket.socket(family)
        finally:
            setns(self.own)

    def command(self, place, words):
        return ["ip", "netns", "exec", self.names[place]] + words

    def close(self):
        for name in self.names.values():
            self.ip("netns", "del", name)


def wait_for(what, seconds=10):
    """Asks until it is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def reset(s):
    """Closes a socket so that the other end is told of a loss."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    s.close()


def unsent(s):
    """Octets that the other end of a TCP socket has not acknowledged."""
    return int.from_bytes(fcntl.ioctl(s, termios.TIOCOUTQ, bytes(4)),
                          sys.byteorder)


def receive_all(s, so_far=None):
    """What comes until the end, and how it ended: 'end' or 'reset'. A list
    that is given always has the count as its first element."""
    digest, count = hashlib.sha256(), 0
    try:
        while data := s.recv(1 << 18):
            digest.update(data)
            count += len(data)
            if so_far is not None:
                so_far[0] = count
    except ConnectionError:
        return count, digest.hexdigest(), "reset"
    except TimeoutError:
        return count, digest.hexdigest(), "silence"
    return count, digest.hexdigest(), "end"


class Service:
    """A TCP or UNIX listener whose connections are handled by a function."""

    def __init__(self, net, place, handle, path=None, address="127.0.0.1"):
        self.handle = handle
        if path:
            self.socket = net.socket(place, socket.AF_UNIX)
            self.socket.bind(path)
        else:
            self.socket = net.socket(place)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((address, 0))
            self.port = self.socket.getsockname()[1]
        self.socket.listen(1024)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        """Each connection has its thread."""
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            s.settimeout(30)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        """A test looks at its own end; what befalls the backend is no news."""
        try:
            self.handle(s)
        except OSError:
            pass
        s.close()


class Lane:
    """One direction of a connection through the wire."""

    def __init__(self, source, sink, change=bytes):
        self.source, self.sink, self.change = source, sink, change
        self.held = bytearray()
        self.ended = self.told = False

    def reads(self):
        return not self.ended and len(self.held) < 1 << 18

    def take(self):
        data = self.source.recv(1 << 16)
        self.held += self.change(data)
        self.ended = not data

    def give(self):
        if self.held:
            del self.held[:self.sink.send(self.held)]
        if self.ended and not self.held:
            self.sink.shutdown(socket.SHUT_WR)
            self.told = True

    def waits(self):
        return bool(self.held) or (self.ended and not self.told)


class Wire:
    """The way between the sites, octet for octet, until it is cut."""

    def __init__(self, net, to):
        self.net = net
        self.to = to
        self.cuts = []
        self.passed = 0
        self.spoils = False
        self.service = Service(net, "wire", self.carry, address=net.wire_near)
        self.port = self.service.port

    def carry(self, near):
        """One thread for both directions: a socket that another thread waits
        for would not be closed when it is."""
        since = len(self.cuts)
        far = self.net.connect("wire", self.to)
        for s in near, far:
            s.setblocking(False)
        lanes = Lane(near, far, self.watch), Lane(far, near)
        try:
            while len(self.cuts) == since and not all(
                    lane.told for lane in lanes):
                self.turn(lanes)
        except BlockingIOError:
            pass
        except OSError:
            self.kill(near, far)
        if len(self.cuts) > since and self.cuts[-1] == "late":
            for s in near, far:
                s.shutdown(socket.SHUT_WR)
            time.sleep(0.5)
        if len(self.cuts) > since and self.cuts[-1] in ("reset", "late"):
            self.kill(near, far)
        near.close()
        far.close()

    @staticmethod
    def turn(lanes):
        reads = {lane.source: lane for lane in lanes if lane.reads()}
        writes = {lane.sink: lane for lane in lanes if lane.waits()}
        ready = select.select(list(reads), list(writes), [], 0.05)
        # First what came before a loss, which taking may find.
        for s in ready[1]:
            writes[s].give()
        for s in ready[0]:
            reads[s].take()

    @staticmethod
    def kill(*sockets):
        """A loss at one side is one at the other."""
        for s in sockets:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)

    def watch(self, data):
        """Counts what goes to the far site, and changes the last octet of the
        next piece where it was asked for."""
        self.passed += len(data)
        if not self.spoils or not data:
            return data
        self.spoils = False
        return data[:-1] + bytes([data[-1] ^ 1])

    def cut(self, how):
        """Ends all connections: 'fin' as if each end had closed, 'reset', or
        'late', the one before the other."""
        self.cuts.append(how)


class Site:
    """One kpcd with its table and keys."""

    def __init__(self, net, folder, name, engine, workers=1):
        self.net = net
        self.name = name
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.command = [find_kpcd(), "--engine", engine,
                        "--workers", str(workers), "--no-pin",
                        "--source-rate", "0"]
        self.table = []
        self.keys = []
        self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, role, words, key, start="demand"):
        """An association, and its key."""
        kpc_id = f"{name}@field.example"
        self.table.append(
            f"association {name} role {role} kpc-id {kpc_id} id-a {ID_A} "
            f"kind-a ae id-b {ID_B} kind-b cse start {start} {words}\n")
        self.keys.append(f"{kpc_id} hex:{key}\n")

    def write(self, name, lines):
        with open(self.path(name), "w", encoding="ascii") as out:
            os.chmod(self.path(name), 0o600)
            out.writelines(lines)

    def start(self):
        self.write("table", self.table)
        self.write("keys", self.keys)
        self.log = open(self.path("log"), "w", encoding="utf-8")
        table = ["--table", self.path("table")]
        if self.net.enforce:
            self.kpc("load", self.path("table"))
            self.seen = open(self.path("monitor"), "w", encoding="utf-8")
            self.monitor = subprocess.Popen(
                self.net.command(self.name, ["kpc", "monitor"]),
                stdin=subprocess.DEVNULL, stdout=self.seen, stderr=self.seen)
            table = ["--config", self.path("table")]
        self.process = subprocess.Popen(
            self.net.command(self.name, self.command + table +
                             ["--keys", self.path("keys")]),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def kpc(self, *words):
        """The command at this site: what it says."""
        done = subprocess.run(self.net.command(self.name, ["kpc", *words]),
                              check=False, capture_output=True, text=True)
        if done.returncode:
            raise OSError(f"kpc {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def said(self):
        if not self.process:
            return ""
        with open(self.path("log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def says(self, pattern, times=1, seconds=10):
        """Waits for a line of the log."""
        return wait_for(lambda: len(re.findall(pattern, self.said())) >= times,
                        seconds)

    def worker(self):
        """The pid of the worker started last."""
        found = re.findall(r"worker \d+ is ready.*PID=(\d+)", self.said())
        return int(found[-1]) if found else None

    def stop(self):
        """Returns the exit status."""
        if not self.process:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if self.net.enforce:
            self.monitor.terminate()
            self.write("empty", [])
            self.kpc("load", self.path("empty"), "--force")
        return status


class Tap:
    """Results as they come, in TAP 13."""

    def __init__(self):
        self.count = self.failed = 0
        print("TAP version 13", flush=True)

    def case(self, row, what, test, *arguments):
        """Runs a test that returns None or what is wrong."""
        self.count += 1
        try:
            wrong = test(*arguments)
        except Exception as error:  # pylint: disable=broad-except
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            self.failed += 1
            print(f"not ok {self.count} - {what} ({row})")
            for line in str(wrong).splitlines():
                print(f"# {line}")
        else:
            print(f"ok {self.count} - {what} ({row})")
        sys.stdout.flush()

    def skip(self, what, why):
        self.count += 1
        print(f"ok {self.count} - {what} # SKIP {why}", flush=True)

    def done(self):
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0


def folder():
    """A place for the files of a test; workers see none of it."""
    return tempfile.mkdtemp(prefix="kpc-relay-")


def noise(count, seed):
    """So many octets, the same for the same seed."""
    return random.Random(seed).randbytes(count)
