# SPDX-License-Identifier: GPL-2.0-only
"""Two sites on one machine for tests of the relay: kpcd in both roles without
the module, a wire between them that can be cut, and backends that behave."""

import hashlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
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


def receive_all(s):
    """What comes until the end, and how it ended: 'end' or 'reset'."""
    digest, count = hashlib.sha256(), 0
    try:
        while data := s.recv(1 << 18):
            digest.update(data)
            count += len(data)
    except ConnectionError:
        return count, digest.hexdigest(), "reset"
    except TimeoutError:
        return count, digest.hexdigest(), "silence"
    return count, digest.hexdigest(), "end"


class Service:
    """A TCP or UNIX listener whose connections are handled by a function."""

    def __init__(self, handle, path=None):
        self.handle = handle
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(path)
        else:
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(("127.0.0.1", 0))
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


class Wire:
    """The way between the sites, octet for octet, until it is cut."""

    def __init__(self, to):
        self.to = to
        self.pairs = []
        self.service = Service(self.carry)
        self.port = self.service.port

    def carry(self, near):
        far = socket.create_connection(("127.0.0.1", self.to))
        self.pairs.append((near, far))
        back = threading.Thread(target=self.copy, args=(far, near), daemon=True)
        back.start()
        self.copy(near, far)
        back.join()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            Wire.kill(sink)

    @staticmethod
    def kill(s):
        """A reset passes; the thread that reads there is woken by it."""
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
            s.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        s.close()

    def cut(self, how):
        """Ends all connections: 'fin' as if each end had closed, or 'reset'."""
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                if how == "fin":
                    s.shutdown(socket.SHUT_RDWR)
                else:
                    self.kill(s)


class Site:
    """One kpcd with its table and keys."""

    def __init__(self, folder, name, engine, workers=1):
        self.name = name
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.command = [find_kpcd(), "--engine", engine,
                        "--workers", str(workers), "--no-pin"]
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
        self.process = subprocess.Popen(
            self.command + ["--table", self.path("table"),
                            "--keys", self.path("keys")],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

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
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


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
        except OSError as error:
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
