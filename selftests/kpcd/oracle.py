#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Whether a peer learns what a KpcId is to this agent (X5, I7).

usage: oracle.py [COUNT] [--records]

COUNT handshakes of each kind, in random order: with a wrong Kpc, and with what is
refused for other reasons, under KpcIds of the same length. What comes back, records
and alert, has to be the same for all; and so has the time until it does: of a
handshake of each kind and one with a wrong Kpc, the chance that the former takes
longer (AUC; 0.5: nothing to be learned) has to lie between 0.48 and 0.52 with its
95 % interval. That a delay of 20 us in the way of the answer is found by the same
statistic is seen with handshakes that are delayed so.

--records looks at records and alerts alone.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

LOW, HIGH = 0.48, 0.52
DELAY = 20000
RIGHT = "hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
WRONG = "hex:ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
VERSIONS = (
    # Suite of the peers, and what the one association has that they do not offer.
    ("tls1.3", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"),
    ("tls1.2", "PSK-AES128-GCM-SHA256", "PSK-AES256-GCM-SHA384"),
)


def right(number):
    """A Kpc of each KpcId's own."""
    return RIGHT[:-2] + f"{number:02x}"


# Kind, KpcId, its Kpc, the peer's, authority, words of B's association. Each has a
# KpcId of its own: what is asked for more often is in nearer caches.
KINDS = (
    ("wrong-Kpc", "known@x.example", right(1), WRONG, "-", ""),
    ("wrong-Kpc-too", "again@x.example", right(8), WRONG, "-", ""),
    ("delayed", "delay@x.example", right(9), WRONG, "-", ""),
    ("unknown-KpcId", "nobod@x.example", None, RIGHT, "-", None),
    ("expired", "expir@x.example", right(2), right(2), "-", "limit not-after 2020-01-01"),
    ("not-yet-valid", "early@x.example", right(3), right(3), "-", "limit not-before 2099-01-01"),
    ("wrong-role", "rolea@x.example", right(4), right(4), "-", "role a"),
    ("wrong-hash", "hasho@x.example", right(5), right(5), "-", "suites"),
    ("wrong-authority", "autho@x.example", right(6), right(6), "-", "authority b.example"),
    ("no-association", "store@x.example", right(7), right(7), "-", None),
)


def write(path, text):
    with open(path, "w", encoding="ascii",
              opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
        file.write(text)


def association(number, kpc_id, words, version, suites, port, folder):
    name = kpc_id.split("@", maxsplit=1)[0]
    start = (f"association {name} kpc-id {kpc_id} id-a //a.example/cse/C{number} "
             f"id-b //b.example/cse versions {version} offload off ")
    if words == "role a":
        return start + f"role a peer 127.0.0.1:{port} plain unix:{folder}/a start manual\n"
    named = suites[1] if words == "suites" else ",".join(suites)
    return (start + f"role b suites {named} listen 127.0.0.1:{port} "
            f"plain unix:{folder}/b owner {os.getuid()} start auto "
            f"{'' if words == 'suites' else words}\n")


class Agent:
    """kpcd as Entity B of one version, whose listener offers both suites."""

    def __init__(self, folder, version, suites, port):
        keys, table, log = (os.path.join(folder, n) for n in ("keys", "table", "log"))
        write(keys, "".join({f"{kpc_id} {key}\n" for _, kpc_id, key, *_ in KINDS if key}))
        write(table, "".join(
            association(number, kpc_id, words, version, suites, port, folder)
            for number, (_, kpc_id, _, _, _, words) in enumerate(KINDS) if words is not None))
        with open(log, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                ["kpcd", "--table", table, "--keys", keys, "--workers", "1", "--no-pin",
                 "--source-rate", "0", "--key-rate", "1000000", "--drain", "0"], stderr=file)
        for _ in range(200):
            time.sleep(0.05)
            with open(log, encoding="utf-8") as file:
                said = file.read()
            if "worker 0 is ready" in said:
                return
        self.end()
        sys.exit(f"oracle: kpcd is not ready: {said}")

    def end(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(version, suites, count):
    """Of each kind its answers and its times."""
    port = free_port()
    folder = tempfile.mkdtemp(prefix="kpc-oracle.")
    scenes = [f"{kind} {kpc_id} {key} {suites[0]} {authority} "
              f"{DELAY if kind == 'delayed' else 0}"
              for kind, kpc_id, _, key, authority, _ in KINDS]
    tool = os.path.join(os.environ.get("KPC_BUILD", "build"), "selftests/kpcd/tool_oracle")
    agent = Agent(folder, version, suites, port)
    try:
        out = subprocess.run([tool, str(port), str(count)], input="\n".join(scenes) + "\n",
                             check=True, stdout=subprocess.PIPE, text=True).stdout
    finally:
        agent.end()
        shutil.rmtree(folder)
    answers, times = {}, {}
    for line in out.splitlines():
        kind, answer, took = line.split()
        answers.setdefault(kind, set()).add(answer)
        times.setdefault(kind, []).append(int(took))
    return answers, times


def ranks(values):
    """Of each value among them all, from 1; the middle of those that are equal."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for at in range(start, end + 1):
            found[order[at]] = (start + end) / 2 + 1
        start = end + 1
    return found


def auc(base, other):
    """That one of other is larger than one of base, with its 95 % interval
    (E. R. DeLong et al., Biometrics 44, 1988)."""
    m, n = len(other), len(base)
    both = ranks(other + base)
    above = [(b - o) / n for b, o in zip(both[:m], ranks(other))]
    below = [1 - (b - o) / m for b, o in zip(both[m:], ranks(base))]
    area = statistics.fmean(above)
    half = 1.96 * (statistics.variance(above) / m + statistics.variance(below) / n) ** 0.5
    return area, area - half, area + half


def judge_times(times):
    base = times[KINDS[0][0]]
    good = True
    for kind, took in times.items():
        if took is base:
            continue
        area, low, high = auc(base, took)
        alike = LOW <= low and high <= HIGH
        held = low > HIGH if kind == "delayed" else alike
        good &= held
        print(f"  {kind:16} median {statistics.median(took) / 1000:7.1f} us  "
              f"AUC {area:.4f} ({low:.4f}-{high:.4f})  "
              f"{'found' if kind == 'delayed' and held else 'alike' if held else 'NOT SO'}")
    return good


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    parser.add_argument("count", nargs="?", type=int, default=20000)
    parser.add_argument("--records", action="store_true")
    wish = parser.parse_args()
    good = True
    for version, *suites in VERSIONS:
        answers, times = ask(version, suites, wish.count)
        same = set.union(*answers.values())
        alert = len(same) == 1 and "alert:-" not in next(iter(same))
        print(f"{version}: {wish.count} handshakes of each of {len(answers)} kinds, "
              f"median of a wrong Kpc {statistics.median(times[KINDS[0][0]]) / 1000:.1f} us")
        for answer in sorted(same):
            kinds = [kind for kind, got in answers.items() if answer in got]
            print(f"  {answer} to {', '.join(kinds) if len(same) > 1 else 'all'}")
        good &= alert
        if not wish.records:
            good &= judge_times(times)
    sys.exit(not good)


main()
