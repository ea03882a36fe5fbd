# SPDX-License-Identifier: GPL-2.0-only
"""Runs of kpcperf for its tests: keys and associations of both ends, a server,
clients, and a wire between them that spoils what goes over it."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "../kpcd"))

from sites import LINGER_RESET, free_port, wait_for  # noqa: E402

KEY = "hex:00112233445566778899aabbccddeeff"
OTHER = "hex:ffeeddccbbaa99887766554433221100"
HELLO = 64              # octets of a connection before those that are measured
READY = 1               # and from the server
DEADLINE = 120


class Result:
    """How a client ended, and what it said."""

    def __init__(self, process, out, err):
        self.status = process.returncode
        self.text = out
        self.err = err
        self.json = None
        with contextlib.suppress(ValueError):
            self.json = json.loads(out)

    @property
    def end(self):
        return self.json["end"]

    def why(self):
        """For a person."""
        return f"status {self.status}: {self.err.strip()} {self.text[-400:]}"


class Bench:
    """Files of both ends, and the carrier that the tests are of."""

    def __init__(self, carrier):
        self.carrier = carrier
        self.folder = tempfile.mkdtemp(prefix="kpcperf-test-")
        self.offload = {"kernel": "require", "user": "prefer"}.get(carrier)
        self.keys("keys", {"one": KEY, "two": OTHER})
        for role in "ab":
            self.table(role, role)

    def close(self):
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as out:
            os.chmod(self.path(name), 0o600)
            out.write(text)
        return self.path(name)

    def keys(self, name, keys):
        return self.write(name, "".join(
            f"{who}@example.org {key}\n" for who, key in keys.items()))

    def table(self, name, role, names=("one",), words=""):
        """An association file; all of a role share the listener."""
        at = {"a": "peer 127.0.0.1:5201", "b": "listen 127.0.0.1:5201"}[role]
        return self.write(name, "".join(
            f"association {who} role {role} kpc-id {who}@example.org "
            f"id-a //a.example/{who} id-b //b.example/cse "
            f"versions tls1.2,tls1.3 offload {self.offload or 'prefer'} "
            f"{at} {words}\n" for who in names))

    def options(self, role, carrier=None, table=None, keys="keys"):
        """Who one end is."""
        carrier = carrier or self.carrier
        if carrier == "plain":
            return ["--plain"]
        return ["--carrier", carrier, "--table", self.path(table or role),
                "--keys", self.path(keys)]

    def run(self, *words):
        """Any command line."""
        return self.finish(subprocess.Popen(
            ["kpcperf", *words], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))

    def server(self, *words, port=None, **options):
        return Server(["kpcperf", "-s", *self.options("b", **options), *words],
                      port or free_port())

    def begin(self, port, *words, host="127.0.0.1", **options):
        """A client that runs."""
        return subprocess.Popen(
            ["kpcperf", "-c", host, "-p", str(port),
             *self.options("a", **options), *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    @staticmethod
    def finish(process):
        """Waits for one that runs."""
        try:
            out, err = process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        return Result(process, out, err)

    def client(self, port, *words, **options):
        """A client to its end, its JSON read."""
        return self.finish(self.begin(port, "-J", *words, **options))


class Server:
    """A server as long as a test lasts."""

    def __init__(self, command, port):
        self.port = port
        self.process = subprocess.Popen(
            [*command, "-p", str(self.port)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not wait_for(self.listens):
            raise OSError(f"no server: {self.stop().why()}")

    def listens(self):
        """Asked of the table of sockets: a connection would be one to it."""
        if self.process.poll() is not None:
            return False
        want = f":{self.port:04X}"
        for name in ("/proc/net/tcp", "/proc/net/tcp6"):
            with contextlib.suppress(OSError), open(name, encoding="ascii") as f:
                if any(line.split()[1].endswith(want) and
                       line.split()[3] == "0A" for line in list(f)[1:]):
                    return True
        return False

    def stop(self):
        self.process.terminate()
        return self.wait()

    def wait(self):
        return Bench.finish(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


class Wire:
    """Carries connections to a port and has what goes up, and what comes down,
    connection by connection, changed by functions of the octets and their
    offset."""

    def __init__(self, port, change, change_down=None):
        self.to = port
        self.change = change
        self.change_down = change_down or (lambda number, offset, data: data)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.count = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
                number, self.count = self.count, self.count + 1
                threading.Thread(target=self.up, args=(near, far, number),
                                 daemon=True).start()
                threading.Thread(target=self.down, args=(far, near, number),
                                 daemon=True).start()

    def up(self, near, far, number):
        offset = 0
        with contextlib.suppress(OSError):
            while data := near.recv(1 << 16):
                far.sendall(self.change(number, offset, data))
                offset += len(data)
            far.shutdown(socket.SHUT_WR)

    def down(self, far, near, number):
        offset = 0
        try:
            while data := far.recv(1 << 16):
                near.sendall(self.change_down(number, offset, data))
                offset += len(data)
            near.shutdown(socket.SHUT_WR)
        except OSError:
            with contextlib.suppress(OSError):
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                LINGER_RESET)
                near.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def spoil(at, how, head=HELLO, which=lambda number: number == 1):
    """A change of the first stream, the connection after the control one, or of
    others: at an offset of it, `how` makes of the octets there what goes on."""
    def change(number, offset, data):
        here = at + head - offset
        if not which(number) or not 0 <= here < len(data):
            return data
        return data[:here] + how(data[here:])
    return change
