# SPDX-License-Identifier: GPL-2.0-only
"""What is compared: each is two gateways between the same two ends, of TLS 1.3
with AES-128-GCM where it has TLS.

     site a                                        site b
   near  ---> role a ====================> sink                (encrypts)
                      ====================> wire role b --> far (decrypts)
   through ---> role a ================> wire role b --> far    (both)
"""

import os
import re
import shutil
import subprocess
import tempfile

from machine import Program
from sites import Site, find_kpcd

SUITE = "TLS_AES_128_GCM_SHA256"
KEYS = {"enc": "000102030405060708090a0b0c0d0e0f", "pair": "101112131415161718191a1b1c1d1e1f"}
SECONDS = 3600


class Peer:
    """A relay at each site."""

    tls = "psk"
    ports = 0
    relays = True
    exchanges = False           # is measured with requests and short connections
    title = ""

    def __init__(self, net, folder):
        self.net = net
        self.folder = tempfile.mkdtemp(prefix=f"{self.name}-", dir=folder)
        self.programs = []
        base = 10000 + 10 * Peer.ports
        Peer.ports += 1
        self.near, self.through, self.sink, self.wire, self.far = range(base, base + 5)

    @classmethod
    def missing(cls):
        """What it wants and this machine has not, or None."""
        return None if shutil.which(cls.program) else f"{cls.program} is not installed"

    @classmethod
    def version(cls):
        said = subprocess.run(cls.asks, check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
        found = re.search(rb"\d+(\.\d+)+\S*", said)
        return found.group().decode() if found else ""

    def compared(self, _way, _connections):
        """Whether it is one of those in this table of bulk."""
        return True

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(os.open(self.path(name), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w",
                  encoding="ascii") as file:
            file.write(text)
        return self.path(name)

    def certificate(self):
        """One of its own with its key, for who proves itself by it."""
        path = self.path("certificate.pem")
        if not os.path.exists(path):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                            "/CN=bench.example", "-addext", f"subjectAltName=IP:{self.net.b}",
                            "-keyout", path, "-out", path + ".crt"],
                           check=True, capture_output=True)
            with open(path + ".crt", encoding="ascii") as more, \
                    open(path, "a", encoding="ascii") as out:
                out.write(more.read())
        return path

    def psk(self):
        """Keys of both associations, as the tool reads them."""
        return self.write("keys", "".join(f"{name}@field.example:{key}\n"
                                          for name, key in KEYS.items()))

    def pair_psk(self):
        """The key of what the tool connects to."""
        return self.write("pair", f"pair@field.example:{KEYS['pair']}\n")

    def ends(self, role):
        """Words that have the tool be the other end of this TLS."""
        if self.tls == "psk":
            return ["--psk", self.psk() if role == "server" else self.pair_psk()]
        return ["--certificate", self.certificate()] if self.tls else []

    def start(self):
        for place, ports in (("b", [self.wire]), ("a", [self.near, self.through])):
            self.programs.append(Program(self.net, place, self.command(place), ports,
                                         self.path("log"), self.env()))

    def env(self):
        return None

    def stop(self):
        for program in self.programs:
            program.end()
        self.programs = []

    def pids(self):
        """Its processes, and those these have begun."""
        return [program.process.pid for program in self.programs]


class Kpcd(Peer):
    """The agent."""

    program = "kpcd"
    asks = ["kpcd", "--version"]
    engine = "auto"
    workers = 1
    exchanges = True

    @classmethod
    def missing(cls):
        return None if find_kpcd() else "kpcd is not built"

    def start(self):
        uid = "allow-uid any"
        common = f"versions tls1.3 suites {SUITE} offload require"
        self.sites = [Site(self.net, self.folder, place, self.engine, self.workers)
                      for place in "ba"]
        b, a = self.sites
        a.add("enc", "a", f"peer {self.net.b}:{self.sink} plain tcp:127.0.0.1:{self.near} "
              f"{uid} {common}", KEYS["enc"])
        for site, role, words in (
                (a, "a", f"peer {self.net.b}:{self.wire} plain tcp:127.0.0.1:{self.through}"),
                (b, "b", f"listen {self.net.b}:{self.wire} plain tcp:127.0.0.1:{self.far}")):
            site.add("pair", role, f"{words} {uid} {common}", KEYS["pair"])
        for site in self.sites:
            site.start()
            if not site.says("worker [0-9]+ is ready", self.workers):
                raise OSError(f"kpcd at {site.name}: {site.said()[-600:]}")

    def stop(self):
        for site in self.sites:
            site.stop()

    def pids(self):
        return [site.process.pid for site in self.sites]


class KpcdRing(Kpcd):
    name, engine = "kpcd", "uring"
    title = "kpcd, io_uring"


class KpcdEpoll(Kpcd):
    name, engine = "kpcd-epoll", "epoll"
    title = "kpcd, epoll"


class Guarded:
    """The same sites, for agents that ask the module."""

    enforce = True

    def __init__(self, net):
        self.net = net

    def __getattr__(self, name):
        return getattr(self.net, name)


class KpcdModule(KpcdRing):
    """With every connection bound, which all packets of its sites pass by."""

    name = "kpcd-module"
    title = "kpcd, io_uring, enforced"

    def __init__(self, net, folder):
        super().__init__(Guarded(net), folder)

    @classmethod
    def missing(cls):
        done = subprocess.run(["modprobe", "kpc"], check=False, capture_output=True, text=True)
        return super().missing() or (done.stderr.strip() or "no module" if done.returncode
                                     else None)


class Stunnel(Peer):
    """By the same keys."""

    name, program, asks = "stunnel", "stunnel", ["stunnel", "-version"]
    exchanges = True
    title = "stunnel, PSK"
    common = (f"sslVersion = TLSv1.3\nciphersuites = {SUITE}\nsessionResume = no\n"
              "TIMEOUTclose = 0\n")

    def service(self, name, words):
        keys = self.write(name, f"{name}@field.example:{KEYS[name]}\n")
        return (f"[{name}-{len(words)}]\n{words}PSKsecrets = {keys}\n{self.common}")

    def command(self, place):
        text = ("foreground = yes\npid =\nsyslog = no\ndebug = 3\n"
                "socket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n")
        if place == "b":
            text += self.service("pair", f"accept = {self.net.b}:{self.wire}\n"
                                 f"connect = 127.0.0.1:{self.far}\n")
        else:
            for name, port, to in (("enc", self.near, self.sink),
                                   ("pair", self.through, self.wire)):
                text += self.service(name, f"client = yes\naccept = 127.0.0.1:{port}\n"
                                     f"connect = {self.net.b}:{to}\n"
                                     f"PSKidentity = {name}@field.example\n")
        return ["stunnel", self.write(f"conf-{place}", text)]


class Haproxy(Peer):
    """By a certificate, which the other side verifies."""

    name, program, asks, tls = "haproxy", "haproxy", ["haproxy", "-v"], "cert"
    title = "haproxy"
    exchanges = True
    buffer = 16384
    options = ""

    def listener(self):
        return (f"ssl crt {self.certificate()} ssl-min-ver TLSv1.3 ciphersuites {SUITE} "
                "no-tls-tickets")

    def server(self):
        return (f"ssl verify required ca-file {self.certificate()}.crt ssl-min-ver TLSv1.3 "
                f"ciphersuites {SUITE} no-ssl-reuse no-tls-tickets")

    def command(self, place):
        text = (f"global\n nbthread 1\n maxconn 40000\n tune.bufsize {self.buffer}\n"
                " tune.ssl.cachesize 0\n"
                f"defaults\n mode tcp\n{self.options} timeout client {SECONDS}s\n"
                f" timeout server {SECONDS}s\n timeout connect 30s\n")
        if place == "b":
            text += (f"listen pair\n bind {self.net.b}:{self.wire} {self.listener()}\n"
                     f" server far 127.0.0.1:{self.far}\n")
        else:
            text += (f"listen enc\n bind 127.0.0.1:{self.near}\n"
                     f" server sink {self.net.b}:{self.sink} {self.server()}\n"
                     f"listen pair\n bind 127.0.0.1:{self.through}\n"
                     f" server wire {self.net.b}:{self.wire} {self.server()}\n")
        return ["haproxy", "-db", "-f", self.write(f"conf-{place}", text)]


class HaproxyLarge(Haproxy):
    name, buffer = "haproxy-64k", 65536
    title = "haproxy, buffers of 64 KiB"


class Splice(Haproxy):
    """What relaying costs without TLS."""

    exchanges = False
    name, tls = "splice", None
    title = "plain relay by splice (haproxy)"
    options = " option splice-request\n option splice-response\n"

    def listener(self):
        return ""

    server = listener


class Nginx(Peer):
    """Its stream module, by a certificate."""

    name, program, asks, tls = "nginx", "nginx", ["nginx", "-v"], "cert"
    title = "nginx"
    exchanges = True
    buffer = "16k"
    command_words = ""

    @staticmethod
    def module():
        """Where the stream module is, if it is not in the program."""
        for root in (os.path.join(os.environ.get("KPC_BUILD", "/nowhere"), "bench/root"), ""):
            path = f"{root}/usr/lib/nginx/modules/ngx_stream_module.so"
            if os.path.exists(path):
                return path
        return None

    @classmethod
    def missing(cls):
        return super().missing() or (
            None if cls.module() else "nginx has no stream module here")

    def command(self, place):
        ssl = f"Ciphersuites {SUITE};"
        words = f" proxy_buffer_size {self.buffer};\n proxy_timeout {SECONDS};\n tcp_nodelay on;\n"
        client = (" proxy_ssl on;\n proxy_ssl_protocols TLSv1.3;\n proxy_ssl_session_reuse off;\n"
                  f" proxy_ssl_conf_command {ssl}\n proxy_ssl_verify on;\n"
                  " proxy_ssl_name bench.example;\n"
                  f" proxy_ssl_trusted_certificate {self.certificate()}.crt;\n")
        server = (f" ssl_certificate {self.certificate()}.crt;\n"
                  f" ssl_certificate_key {self.certificate()};\n ssl_protocols TLSv1.3;\n"
                  f" ssl_conf_command {ssl}\n ssl_session_tickets off;\n")
        if self.command_words:
            client += f" proxy_ssl_conf_command {self.command_words};\n"
            server += f" ssl_conf_command {self.command_words};\n"
        if place == "b":
            servers = (f"server {{\n listen {self.net.b}:{self.wire} ssl;\n"
                       f" proxy_pass 127.0.0.1:{self.far};\n{server}{words}}}\n")
        else:
            servers = "".join(f"server {{\n listen 127.0.0.1:{port};\n"
                              f" proxy_pass {self.net.b}:{to};\n{client}{words}}}\n"
                              for port, to in ((self.near, self.sink),
                                               (self.through, self.wire)))
        return ["nginx", "-e", self.path(f"error-{place}"), "-c", self.write(
            f"conf-{place}", f"load_module {self.module()};\nuser root;\ndaemon off;\n"
            f"worker_processes 1;\nworker_rlimit_nofile 65536;\npid {self.path('pid-' + place)};\n"
            f"error_log {self.path('error-' + place)} error;\n"
            f"events {{ worker_connections 32768; }}\nstream {{\n{servers}}}\n")]


class NginxKernel(Nginx):
    """With the kernel's TLS."""

    exchanges = False
    name, command_words = "nginx-ktls", "Options KTLS"
    title = "nginx, kernel TLS"


class NginxLarge(Nginx):
    exchanges = False
    name, buffer = "nginx-64k", "64k"
    title = "nginx, buffers of 64 KiB"


class Socat(Peer):
    """A process for each connection."""

    name, program, asks, tls = "socat", "socat", ["socat", "-V"], "cert"
    title = "socat, OpenSSL"

    def env(self):
        """It has no option for the suites of TLS 1.3."""
        return {"OPENSSL_CONF": self.write(
            "openssl.cnf", "openssl_conf = o\n[o]\nssl_conf = s\n[s]\nsystem_default = d\n"
            f"[d]\nCiphersuites = {SUITE}\nMinProtocol = TLSv1.3\n")}

    def start(self):
        certificate, common = self.certificate(), "nodelay"
        listen = f"bind=127.0.0.1,fork,reuseaddr,backlog=1024,{common}"
        to = f"cafile={certificate}.crt,commonname=bench.example,{common}"
        for place, port, words in (
                ("b", self.wire, [f"OPENSSL-LISTEN:{self.wire},bind={self.net.b},fork,reuseaddr,"
                                  f"backlog=1024,cert={certificate},verify=0,{common}",
                                  f"TCP:127.0.0.1:{self.far},{common}"]),
                ("a", self.near, [f"TCP-LISTEN:{self.near},{listen}",
                                  f"OPENSSL:{self.net.b}:{self.sink},{to}"]),
                ("a", self.through, [f"TCP-LISTEN:{self.through},{listen}",
                                     f"OPENSSL:{self.net.b}:{self.wire},{to}"])):
            self.programs.append(Program(self.net, place, ["socat", "-b65536", *words], [port],
                                         self.path("log"), self.env()))


RELAYS = (KpcdRing, KpcdEpoll, Stunnel, Haproxy, HaproxyLarge, Nginx, NginxLarge, NginxKernel,
          Socat, Splice)


class Direct(Peer):
    """No relay: the limits."""

    relays = False
    exchanges = True
    name, tls = "direct-plain", None
    title = "direct, plain TCP"

    @classmethod
    def missing(cls):
        return None

    @classmethod
    def version(cls):
        return ""

    def start(self):
        pass

    def address(self):
        """Where its other end is, and at which site."""
        return self.net.b, "b"


class DirectLocal(Direct):
    """A plain leg, at one site."""

    exchanges = False
    name = "direct-local"
    title = "direct, plain TCP at one site"

    def compared(self, _way, _connections):
        return False

    def address(self):
        return "127.0.0.1", "a"


class DirectKernel(Direct):
    exchanges = False
    name, tls = "direct-ktls", "psk"
    title = "direct, kernel TLS"


class WireGuard(Peer):
    """Plain TCP in a tunnel of the kernel's, with ChaCha20-Poly1305."""

    relays, tls = False, None
    name, program, asks = "wireguard", "wg", ["wg", "--version"]
    title = "WireGuard, plain TCP inside"
    exchanges = True

    def compared(self, way, connections):
        """It is no relay and dear to emulate: one table shows it."""
        return way == "encrypt" and connections == 1

    @classmethod
    def missing(cls):
        if why := super().missing():
            return why
        done = subprocess.run(["modprobe", "wireguard"], check=False, capture_output=True,
                              text=True)
        return done.stderr.strip() or None if done.returncode else None

    def start(self):
        keys = {}
        for place in "ab":
            keys[place] = subprocess.run(["wg", "genkey"], check=True, capture_output=True,
                                         text=True).stdout
            self.write(place, keys[place])
        for place, other, far in (("a", "b", self.net.b), ("b", "a", self.net.a)):
            public = subprocess.run(["wg", "pubkey"], check=True, capture_output=True, text=True,
                                    input=keys[other]).stdout.strip()
            run = self.net.run
            run(place, "ip", "link", "add", "wg0", "type", "wireguard")
            run(place, "wg", "set", "wg0", "listen-port", "51820", "private-key",
                self.path(place), "peer", public, "allowed-ips", "0.0.0.0/0", "endpoint",
                f"{far}:51820")
            run(place, "ip", "addr", "add", f"198.18.0.{1 if place == 'a' else 2}/24", "dev",
                "wg0")
            run(place, "ip", "link", "set", "wg0", "up")

    def stop(self):
        for place in "ab":
            self.net.run(place, "ip", "link", "del", "wg0")

    def address(self):
        return "198.18.0.2", "b"


DIRECT = (Direct, DirectLocal, DirectKernel, WireGuard)
