# SPDX-License-Identifier: GPL-2.0-only
"""The programs and libraries at the other end: how each is started as client
and as server, and what it cannot do."""

import re
import signal
import socket
import subprocess
import threading

from sites import wait_for

# How long a peer may take for anything.
SECONDS = 10

# What the two sides say when a key of TLS 1.3 goes with another hash.
ONLY_SHA256 = (r"illegal.parameter|no suitable signature algorithm|"
               r"no suite that both allow has the hash|"
               r"allows none of the offered cipher suites")
CALLBACK = (("ab", "^TLS_AES_256_GCM_SHA384", ONLY_SHA256,
             "OpenSSL's callback for keys is for SHA-256 only in TLS 1.3"),)
NOT_OFFERED = ("ab", "^TLS_AES_128_CCM",
               "allows none of the offered cipher suites|NO_SHARED_CIPHER",
               "it cannot be told suites of TLS 1.3, and does not offer this one by itself")


class Cannot(Exception):
    """The peer's own limit, in words."""


class Program:
    """One that runs: its input, and all it prints."""

    def __init__(self, cell, *words, env=None):
        self.said = b""
        self.errors = b""
        cell.programs.append(self)
        self.process = subprocess.Popen(
            cell.place.command(words), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(cell.place.env, **(env or {})), start_new_session=True)
        self.readers = [threading.Thread(target=self.listen, args=pipe, daemon=True)
                        for pipe in ((self.process.stdout, "said"),
                                     (self.process.stderr, "errors"))]
        for reader in self.readers:
            reader.start()

    def listen(self, pipe, name):
        """Keeps what comes."""
        while data := pipe.read1(65536):
            setattr(self, name, getattr(self, name) + data)

    def say(self, data):
        """Its standard input."""
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def hush(self):
        """The end of its input."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def says(self, what):
        """Waits for octets of its output, or its end."""
        wait_for(lambda: what in self.said or self.process.poll() is not None,
                 SECONDS)
        return what in self.said

    def status(self, seconds=SECONDS):
        """Its exit status, when all it printed is here."""
        self.hush()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end()
            return "does not end"
        for reader in self.readers:
            reader.join(5)
        return status

    def end(self):
        """Whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def last(self):
        """What it printed, for the report."""
        text = (self.errors + b"\n" + self.said[-1500:]).decode(errors="replace")
        return re.sub(r"(\d{64}\n)+", "[payload]\n", text)[-1500:]


def listening(port):
    """Somebody listens there: asked of the kernel, not by a connection, which
    a server of one connection would take for its peer."""
    wanted = f":{port:04X} "
    with open("/proc/net/tcp", encoding="ascii") as v4, \
            open("/proc/net/tcp6", encoding="ascii") as v6:
        return any(wanted in line.split(None, 2)[1] + " " and
                   line.split()[3] == "0A" for line in [*v4, *v6])


def await_listener(program, port):
    """A server that ends instead says why."""
    wait_for(lambda: program.process.poll() is not None or listening(port),
             SECONDS)
    if program.process.poll() is not None:
        return f"it ended with status {program.status()}\n{program.last()}"
    return None


def exchange(cell, port, expected=None):
    """A plain program at one end of the chain; the other end gives back."""
    got = bytearray()
    try:
        with socket.create_connection(("127.0.0.1", port), SECONDS) as s:
            s.sendall(cell.payload)
            s.shutdown(socket.SHUT_WR)
            while data := s.recv(65536):
                got += data
    except OSError as error:
        return f"{error}, after {len(got)} octets"
    if bytes(got) != (expected or cell.payload):
        return f"{len(got)} octets came back, and not those expected"
    return None


class Peer:
    """Base: a title, where it is, and what excuses a failure."""

    title = ""
    program = ""
    # Octets of a record of TLS 1.3 that holds an alert: it, its type, the tag.
    alert = 2 + 1 + 16
    # (roles, suites, what the peer or kpcd says then, why)
    limits = ()

    def missing(self, place):
        """Why it cannot be run at all, or None."""
        return None if place.which(self.program) else f"{self.program} is not here"

    def version(self, place):
        """Of the program; asked once."""
        return ""

    def excuse(self, cell, said):
        """The peer's own limit that explains a failure, proved by words."""
        for roles, suites, pattern, why in self.limits:
            if cell.role in roles and re.search(suites, cell.suite.name) and \
                    re.search(pattern, said):
                return why
        return None

    def client(self, cell):
        """The peer is the TLS client, kpcd has role b."""
        raise NotImplementedError

    def server(self, cell):
        """The peer is the TLS server at cell.port, kpcd has role a."""
        raise NotImplementedError


def version_of(place, words, pattern):
    """What a program calls itself."""
    done = subprocess.run(place.command(words), check=False, env=place.env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    found = re.search(pattern, done.stdout.decode(errors="replace"))
    return found[1] if found else "?"


class OpenSSL(Peer):
    """s_client and s_server. A key of TLS 1.3 comes in a session file, one of
    TLS 1.2 has no other way than the command line: it is made for the run."""

    title = program = "openssl"

    def version(self, place):
        return version_of(place, ["openssl", "version"], r"OpenSSL (\S+)")

    @staticmethod
    def words(cell):
        """What both programs need."""
        words = ["-psk_identity", cell.kpc_id]
        if cell.suite.tls13:
            return words + ["-tls1_3", "-ciphersuites", cell.suite.openssl,
                            "-psk_session", cell.file("session")]
        # The tag of 8 octets is none of level 1.
        level = ":@SECLEVEL=0" if cell.suite.short_tag else ""
        return words + ["-tls1_2", "-cipher", cell.suite.openssl + level,
                        "-psk", cell.key]

    def client(self, cell):
        peer = Program(cell, "openssl", "s_client", "-connect",
                       f"127.0.0.1:{cell.port}", "-quiet", "-no_ign_eof",
                       *self.words(cell))
        peer.say(cell.payload)
        heard = peer.says(cell.payload)
        status = peer.status()
        if not heard:
            return f"the payload did not come back, exit status {status}"
        return f"exit status {status}" if status else None

    def server(self, cell):
        dh = ["-dhparam", cell.bench.path("dh.pem")] \
            if cell.suite.openssl.startswith("DHE") else []
        peer = Program(cell, "openssl", "s_server", "-accept", str(cell.port),
                       "-nocert", "-rev", "-naccept", "1", *dh, *self.words(cell))
        return await_listener(peer, cell.port) or exchange(
            cell, cell.local,
            b"".join(line[::-1] + b"\n" for line in cell.payload.split()))


class GnuTLS(Peer):
    """gnutls-cli asks for identity and key; gnutls-serv has a file of them."""

    title = "gnutls"
    program = "gnutls-cli"
    limits = (
        ("ab", "^TLS_AES_256_GCM_SHA384", ONLY_SHA256,
         "GnuTLS takes a key of TLS 1.3 for SHA-256 only"),
        ("b", "DHE_PSK", "exit status -11",
         "gnutls-cli ends by a fault of its own when the handshake is done"),
    )

    def version(self, place):
        return version_of(place, ["gnutls-cli", "--version"], r"gnutls-cli (\S+)")

    @staticmethod
    def priority(cell):
        """One suite in its grammar."""
        suite = cell.suite
        words = ["NONE", "+" + suite.gnutls]
        name = suite.name.removeprefix("TLS_")
        exchange_of, _, cipher = name.partition("_WITH_")
        if suite.tls13:
            cipher, exchange_of = name, "DHE_PSK:+ECDHE_PSK"
        words.append("+" + exchange_of.replace("_", "-"))
        cipher, _, mac = cipher.replace("_", "-").rpartition("-SHA")
        if not cipher:
            cipher, mac = suite.name.rpartition("_WITH_")[2].replace("_", "-"), ""
        words.append("+" + cipher)
        if cipher.endswith("CBC"):
            words.append("+SHA" + mac)
        return ":".join(words + ["+AEAD", "+GROUP-ALL", "+COMP-NULL",
                                 "+SIGN-ALL", "+CTYPE-ALL"])

    def client(self, cell):
        peer = Program(cell, "gnutls-cli", "--port", str(cell.port), "--priority",
                       self.priority(cell), "127.0.0.1")
        peer.say(f"{cell.kpc_id}\n{cell.key}\n".encode())
        # What came with the answers would stay in its buffer for them.
        peer.says(b"Simple Client Mode")
        peer.say(cell.payload)
        heard = peer.says(cell.payload)
        status = peer.status()
        if not heard:
            return f"the payload did not come back, exit status {status}"
        return f"exit status {status}" if status else None

    def server(self, cell):
        peer = Program(cell, "gnutls-serv", "--port", str(cell.port), "--echo",
                       "--pskpasswd", cell.file("psk"), "--priority",
                       self.priority(cell))
        return await_listener(peer, cell.port) or exchange(cell, cell.local)


class Small(Peer):
    """A small program of ours on a library: usage as peer.h has it."""

    iana = True

    def version(self, place):
        return version_of(place, [*self.words(place), "version"], r"(\S+)")

    def words(self, place):
        """How it is started."""
        return [place.built(self.program)]

    def missing(self, place):
        return None if place.built(self.program) else f"{self.title} is not here"

    def more(self, cell):
        """Arguments behind those that all have."""
        return []

    def start(self, cell, role):
        suite = cell.suite
        return Program(cell, *self.words(cell.place), role, str(cell.port),
                       suite.asked, suite.word,
                       suite.name if self.iana else suite.openssl, cell.kpc_id,
                       cell.file("hex"), *self.more(cell))

    @staticmethod
    def judge(peer):
        status = peer.status()
        if status == 4:
            raise Cannot(re.search(r"cannot: (.*)", peer.errors.decode())[1])
        return f"exit status {status}" if status else None

    def client(self, cell):
        peer = self.start(cell, "client")
        peer.say(cell.payload)
        wrong = self.judge(peer)
        if not wrong and peer.said != cell.payload:
            return f"{len(peer.said)} octets came back, and not those expected"
        return wrong

    def server(self, cell):
        peer = self.start(cell, "server")
        wait_for(lambda: peer.process.poll() is not None or listening(cell.port),
                 SECONDS)
        wrong = "it did not listen"
        if peer.process.poll() is None:
            wrong = exchange(cell, cell.local)
        return self.judge(peer) or wrong


class LibGnuTLS(Small):
    """libgnutls: what gnutls-cli fails to do, and its own closing."""

    title = "libgnutls"
    program = "peer_gnutls"
    limits = GnuTLS.limits[:1]


class MbedTLS(Small):
    """libmbedtls."""

    title = "mbedtls"
    program = "peer_mbedtls"
    # Since 3 it pads to 16 octets.
    alert = 16 + 16
    limits = (("ab", "^TLS_AES_256_GCM_SHA384", r"decrypt_error|" + ONLY_SHA256,
               "mbedTLS takes a key of TLS 1.3 for SHA-256 only"),)

class WolfSSL(Small):
    """libwolfssl."""

    title = "wolfssl"
    program = "peer_wolfssl"
    limits = (("b", "ECDHE_PSK", "Bad ECC Peer Key",
               "wolfSSL before 5.7 fails at X25519 with ECDHE_PSK"),)

class Script(Small):
    """One that an interpreter runs."""

    iana = False
    script = ""

    def missing(self, place):
        return Peer.missing(self, place)

    def words(self, place):
        return [self.program, f"{place.scripts}/{self.script}"]


class Node(Script):
    """Node's tls with pskCallback."""

    title = program = "node"
    limits = CALLBACK
    script = "peer_node.js"

    def more(self, cell):
        return [cell.bench.path("dh.pem")]

    def version(self, place):
        return version_of(place, ["node", "--version"], r"v(\S+)")


class Python(Script):
    """Python's ssl with PSK callbacks."""

    title = "python"
    program = "python3"
    script = "peer_python.py"
    limits = (*CALLBACK, NOT_OFFERED)

    def more(self, cell):
        return [cell.bench.path("dh.pem")]

    def version(self, place):
        return version_of(place, ["python3", "--version"], r"Python (\S+)")


class Stunnel(Peer):
    """The tunnel daemon; its other end is plain."""

    title = program = "stunnel"
    limits = CALLBACK

    def version(self, place):
        return version_of(place, ["stunnel", "-version"], r"stunnel (\S+)")

    @staticmethod
    def start(cell, *lines):
        suite = cell.suite
        version = "TLSv1.3" if suite.tls13 else "TLSv1.2"
        text = ["foreground = yes", "pid =", "debug = 6", "[kpc]",
                f"PSKsecrets = {cell.file('psk')}", f"sslVersionMin = {version}",
                f"sslVersionMax = {version}",
                f"ciphersuites = {suite.openssl}" if suite.tls13 else
                f"ciphers = {suite.openssl}", *lines]
        if suite.short_tag:
            text.append("securityLevel = 0")
        path = cell.write("stunnel.conf", "\n".join(text) + "\n")
        return Program(cell, "stunnel", path)

    def client(self, cell):
        port = cell.bench.free_port()
        peer = self.start(cell, "client = yes", f"accept = 127.0.0.1:{port}",
                          f"connect = 127.0.0.1:{cell.port}",
                          f"PSKidentity = {cell.kpc_id}")
        return await_listener(peer, port) or exchange(cell, port)

    def server(self, cell):
        peer = self.start(cell, f"accept = 127.0.0.1:{cell.port}",
                          f"connect = 127.0.0.1:{cell.bench.echo.port}")
        return await_listener(peer, cell.port) or exchange(cell, cell.local)


class Mosquitto(Peer):
    """mosquitto_pub and mosquitto_sub to a plain broker behind role b; the
    same plain through role a to a broker that listens with PSK."""

    title = "mosquitto"
    program = "mosquitto_pub"
    backend = "broker"
    limits = (*CALLBACK,
              ("ab", "^TLS_(AES|CHACHA)", "no protocols available",
               "mosquitto 2.0.21 has no TLS 1.3 with PSK"), NOT_OFFERED)
    connections = 2

    def version(self, place):
        return version_of(place, ["mosquitto_pub", "--help"], r"version (\S+)")

    def missing(self, place):
        return Peer.missing(self, place) or (
            None if place.which("mosquitto") else "mosquitto is not here")

    @staticmethod
    def publish(cell, port, config):
        """One leaves a message, another takes it, and it is the same."""
        where = {"XDG_CONFIG_HOME": config}
        address = ["-h", "127.0.0.1", "-p", str(port), "-t", cell.folder, "-q", "1",
                   # DISCONNECT by itself is as long as an alert of TLS 1.3.
                   "-V", "mqttv5", "-D", "disconnect", "user-property", "end", "here"]
        path = cell.write("message", cell.payload.decode())
        pub = Program(cell, "mosquitto_pub", *address, "-r", "-d", "-f", path,
                      env=where)
        if status := pub.status():
            return f"mosquitto_pub: exit status {status}"
        sub = Program(cell, "mosquitto_sub", *address, "-C", "1", "-N", "-W",
                      str(SECONDS), env=where)
        if status := sub.status():
            return f"mosquitto_sub: exit status {status}"
        return None if sub.said == cell.payload else "another message came"

    def client(self, cell):
        suite = cell.suite
        options = [f"--psk-identity {cell.kpc_id}", f"--psk {cell.key}",
                   f"--tls-version {'tlsv1.3' if suite.tls13 else 'tlsv1.2'}"]
        if not suite.tls13:
            level = ":@SECLEVEL=0" if suite.short_tag else ""
            options.append(f"--ciphers {suite.openssl}{level}")
        for name in "mosquitto_pub", "mosquitto_sub":
            cell.write(f"config/{name}", "\n".join(options) + "\n")
        return self.publish(cell, cell.port, cell.file("config"))

    def server(self, cell):
        suite = cell.suite
        level = ":@SECLEVEL=0" if suite.short_tag else ""
        path = cell.write("mosquitto.conf", "\n".join((
            f"listener {cell.port} 127.0.0.1", "allow_anonymous true",
            "psk_hint interop", f"psk_file {cell.file('psk')}", f"user {cell.bench.user}",
            f"tls_version {'tlsv1.3' if suite.tls13 else 'tlsv1.2'}",
            f"ciphers_tls1.3 {suite.openssl}" if suite.tls13 else
            f"ciphers {suite.openssl}{level}", *(
                [f"dhparamfile {cell.bench.path('dh.pem')}"]
                if suite.openssl.startswith("DHE") else []))) + "\n")
        broker = Program(cell, "mosquitto", "-c", path)
        return await_listener(broker, cell.port) or \
            self.publish(cell, cell.local, cell.file("none"))


class Socat(Peer):
    """Only asked whether it has PSK by now."""

    title = program = "socat"

    def version(self, place):
        return version_of(place, ["socat", "-V"], r"version (\S+)")

    def missing(self, place):
        if wrong := Peer.missing(self, place):
            return wrong
        words = subprocess.run(place.command(["socat", "-hhh"]), check=False,
                               env=place.env, stdout=subprocess.PIPE).stdout
        if b"psk" not in words.lower():
            return "socat has no option for a PSK"
        raise NotImplementedError("this socat has options for a PSK")


PEERS = (OpenSSL(), GnuTLS(), LibGnuTLS(), MbedTLS(), WolfSSL(), Stunnel(), Mosquitto(),
         Node(), Python(), Socat())
