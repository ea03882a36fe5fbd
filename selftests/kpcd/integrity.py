#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""I8 for as many octets as time allows: integrity.py [wire] CARRIER...

   tool_integrity drive -- kpcd, role a ===== kpcd, role b -- tool_integrity serve
                   plain              TLS-PSK            plain

Both engines and the carriers that are named, keys that change every second,
connections of all sizes both ways, and at the end workers that are killed. With
"wire" the sites are network namespaces that kpc.ko guards, and what goes between
them is lost, doubled, late and out of order. KPC_INTEGRITY_MIB are moved in all.
"""

import os
import shutil
import signal
import subprocess
import sys
import time

from sites import (Loop, Machines, Site, Tap, find_kpcd, folder, free_port,
                   kernel_rekeys, wait_for)

KEYS = {"new": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "old": "f0e1d2c3b4a5968778695a4b3c2d1e0f"}
VERSIONS = {"new": "tls1.3", "old": "tls1.2"}
MIB = 1 << 20
AT_ONCE = 16        # connections of an association
MOST = 64 * MIB


class Lossy(Machines):
    """The cable between the sites as a bad radio link, each packet of its own, and
    so little room in sockets that many sends are cut short."""

    def __init__(self):
        super().__init__()
        for place, device in ("a", "to-b"), ("b", "to-a"):
            subprocess.run(self.command(place, [
                "ethtool", "-K", device, "tso", "off", "gso", "off"]),
                check=True, stdout=subprocess.DEVNULL)
            subprocess.run(self.command(place, ["sysctl", "-qw", *(
                f"net.ipv4.tcp_{setting}" for setting in (
                    "wmem=4096 16384 131072", "rmem=4096 65536 262144",
                    # A reset that the cable loses is never sent again.
                    "keepalive_time=5", "keepalive_intvl=1",
                    "keepalive_probes=5"))]), check=True)
            subprocess.run(self.command(place, [
                "tc", "qdisc", "add", "dev", device, "root", "netem", "delay",
                "2ms", "1ms", "loss", "2%", "duplicate", "1%", "reorder", "5%",
                "limit", "10000"]), check=True)

    def dropped(self):
        """What both ends of the cable have lost, as they count it."""
        said = "".join(subprocess.run(
            self.command(place, ["tc", "-s", "qdisc", "show", "dev", device]),
            check=True, capture_output=True, text=True).stdout
            for place, device in (("a", "to-b"), ("b", "to-a")))
        return sum(int(part.split(",")[0]) for part in
                   said.split("(dropped ")[1:])


def tool():
    """The build's generator and checker."""
    return os.path.join(os.path.dirname(os.path.dirname(find_kpcd())),
                        "selftests/kpcd/tool_integrity")


class Agents:
    """Both sites, and an association of each version to a server of its own."""

    def __init__(self, net, engine, carrier):
        self.net = net
        self.folder = folder()
        self.carrier = carrier
        self.near = {}
        self.servers = {}
        offload = "require" if carrier == "kernel" else "off"
        wire = free_port()
        self.a = Site(net, self.folder, "a", engine, workers=2)
        self.b = Site(net, self.folder, "b", engine, workers=2)
        for name, version in VERSIONS.items():
            self.near[name], far = free_port(), free_port()
            more = f"versions {version} offload {offload} allow-uid any"
            if version == "tls1.3":
                more += " rekey-after 1s"
            self.a.add(name, "a", f"peer {net.b}:{wire} plain "
                       f"tcp:127.0.0.1:{self.near[name]} {more}", KEYS[name])
            self.b.add(name, "b", f"listen {net.b}:{wire} plain "
                       f"tcp:127.0.0.1:{far} {more}", KEYS[name])
            self.servers[name] = self.begin("b", ["serve", far])
            if self.servers[name].stdout.readline() != "listening\n":
                raise OSError("the server does not listen")
        for site in self.b, self.a:
            site.start()
            if not site.says(r"worker \d+ is ready", 2, 30):
                raise OSError(f"{site.name}: {site.said()}")
        for name, port in self.near.items():
            if not wait_for(lambda port=port: self.open(port), 30):
                raise OSError(f"{name}: {self.a.said()}")

    def open(self, port):
        """Whether somebody listens at site a."""
        said = subprocess.run(self.net.command("a", ["cat", "/proc/net/tcp"]),
                              check=True, capture_output=True, text=True).stdout
        return any(line.split()[1].endswith(f":{port:04X}") and
                   line.split()[3] == "0A" for line in said.splitlines()[1:])

    def begin(self, place, words):
        return subprocess.Popen(
            self.net.command(place, [tool(), *map(str, words)]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def drive(self, octets, most, how):
        """Connections of both associations that move so many octets in all."""
        seed = int.from_bytes(os.urandom(4), "big")
        print(f"# up to {most >> 10} KiB each way, seed {seed}", flush=True)
        return {name: self.begin("a", ["drive", port, octets // len(self.near),
                                       most, AT_ONCE, seed + number, how])
                for number, (name, port) in enumerate(self.near.items())}

    def close(self):
        """Ends what is left."""
        for server in self.servers.values():
            if server.poll() is None:
                server.kill()
                server.communicate()
        for site in self.a, self.b:
            site.stop()
        shutil.rmtree(self.folder)


def sums(process, limit):
    """What a driver or a server says at its end; what is wrong is shown."""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += f"{process.args[-5:]} did not end in {limit} s\n"
    if err:
        print("".join(f"# {line}\n" for line in err.splitlines()[:40]), end="")
    return {name: int(value) for name, value in
            (word.split("=") for word in out.split() if "=" in word)}


def rekeys(net):
    """New keys that the kernel's TLS took, at both sites."""
    said = "".join(subprocess.run(
        net.command(place, ["cat", "/proc/net/tls_stat"]), check=True,
        capture_output=True, text=True).stdout
        for place in (("a", "b") if net.enforce else ("a",)))
    return sum(int(line.split()[1]) for line in said.splitlines()
               if line.startswith(("TlsTxRekeyOk", "TlsRxRekeyOk")))


def ends(processes, limit):
    """The sums of all that a test has begun, and what is wrong with them."""
    told = {name: sums(process, limit) for name, process in processes.items()}
    print(f"# {told}")
    return told, [f"{name}: status {process.returncode}, {told[name]}"
                  for name, process in processes.items()
                  if process.returncode or not told[name].get("whole")]


def test_whole(agents, octets, limit):
    """All that is not given up by an end comes whole to the other."""
    began = time.monotonic()
    changes = agents.carrier == "kernel" and kernel_rekeys()
    before = rekeys(agents.net) if changes else 0
    dropped = agents.net.dropped() if agents.net.enforce else 0
    most = min(octets // 16, MOST)
    told, wrong = ends(agents.drive(octets, most, "whole"), limit)
    seconds = time.monotonic() - began
    moved = sum(one.get("sent", 0) + one.get("received", 0)
                for one in told.values()) / MIB
    print(f"# {moved:.0f} MiB in {seconds:.1f} s, {moved / seconds:.1f} MiB/s")
    for site in agents.a, agents.b:
        if f"CARRIER={agents.carrier}" not in site.said():
            wrong.append(f"{site.name}: no connection had carrier {agents.carrier}")
    if changes:
        count = rekeys(agents.net) - before
        print(f"# the kernel took new keys {count} times")
        if not count:
            wrong.append("no connection has changed its keys")
    if agents.net.enforce:
        dropped = agents.net.dropped() - dropped
        print(f"# the cable lost {dropped} packets")
        if not dropped:
            wrong.append("the cable has lost nothing")
    return "\n".join(wrong) or None


def test_killed(agents, limit):
    """Workers of either site are killed: what that cuts off is told as cut off."""
    drivers = agents.drive(1 << 50, MIB // 4, "broken")
    for site in agents.b, agents.a:
        time.sleep(0.5)
        ready = site.said().count(" is ready")
        os.kill(site.worker(), signal.SIGKILL)
        if not site.says(r"worker \d+ is ready", ready + 1, 20):
            return f"{site.name}: no other worker came\n{site.said()[-800:]}"
    time.sleep(0.5)
    for driver in drivers.values():
        driver.terminate()
    told, wrong = ends(drivers, limit)
    if not sum(one.get("told", 0) for one in told.values()):
        wrong.append("nothing was cut off")
    return "\n".join(wrong) or None


def test_servers(agents, limit):
    """The other ends have seen the same."""
    for server in agents.servers.values():
        server.terminate()
    _, wrong = ends(agents.servers, limit)
    return "\n".join(wrong) or None


def run(tap, net, engine, carrier, octets):
    """All of it through one pair of agents."""
    what = f"{engine}, carrier {carrier}"
    limit = 60 + octets // MIB * 4
    agents = None

    def start():
        nonlocal agents
        agents = Agents(net, engine, carrier)

    tap.case("M1", f"{what}: two sites come up", start)
    if not agents:
        return
    try:
        tap.case("I8", f"{what}: every octet, once, in order and unchanged",
                 test_whole, agents, octets, limit)
        tap.case("I8", f"{what}: workers that are killed", test_killed, agents, limit)
        tap.case("I8", f"{what}: and at the other ends", test_servers, agents,
                 limit)
    finally:
        agents.close()


def main():
    wire, carriers = sys.argv[1] == "wire", sys.argv[1:]
    if not find_kpcd():
        print("1..0 # SKIP kpcd is not built")
        return 4
    pairs = [(engine, carrier) for carrier in carriers[wire:]
             for engine in ("uring", "epoll")]
    octets = int(os.environ.get("KPC_INTEGRITY_MIB", "64")) * MIB // len(pairs)
    tap = Tap()
    net = Lossy() if wire else Loop()
    for engine, carrier in pairs:
        run(tap, net, engine, carrier, octets)
    net.close()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
