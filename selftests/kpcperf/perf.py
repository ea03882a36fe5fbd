#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""kpcperf, as who runs it sees it: perf.py plain | user | kernel."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from runs import HELLO, OTHER, READY, Bench, Wire, spoil
from sites import Tap, wait_for

MIB = 1 << 20


def differ(**pairs):
    """The first pair that is not of two equals."""
    for name, (seen, wanted) in pairs.items():
        if seen != wanted:
            return f"{name}: {seen!r}, not {wanted!r}"
    return None


def failed(result, words, status=1):
    """A client that was to fail for a reason."""
    if result.status != status or words not in result.err:
        return f"not a failure with '{words}': {result.why()}"
    if result.json and words not in result.json["error"]:
        return f"its JSON has another reason: {result.json['error']}"
    return None


def octets(bench, direction, count, *words):
    """So many octets, checked, and each end's count of them."""
    with bench.server("-1") as server:
        done = bench.client(server.port, *direction, "-n", count, "--verify",
                            *words)
        end = server.wait()
    if done.status or end.status:
        return f"{done.why()}; server {end.why()}"
    start = done.json["start"]["kpcperf"]
    sums = [done.end["sum_sent"], done.end["sum_received"]]
    if "--bidir" in direction:
        sums += [done.end["sum_sent_bidir_reverse"],
                 done.end["sum_received_bidir_reverse"]]
    return differ(
        sums=([one["bytes"] for one in sums], [count] * len(sums)),
        intervals=(sum(one["sum"]["bytes"] for one in done.json["intervals"]),
                   count),
        sender=(sums[0]["sender"], "-R" not in direction),
        faults=(done.end["verify"]["faults"], 0),
        carrier=(start["carrier"], bench.carrier),
        peer=(start["peer_carrier"], bench.carrier))


def test_words(bench):
    """In words, who has both ends' counts says that all was verified."""
    with bench.server("-1") as server:
        done = bench.finish(bench.begin(server.port, "-n", "1M", "-R",
                                        "--verify"))
        end = server.wait()
    return differ(
        status=((done.status, end.status), (0, 0)),
        client=("Verified: all octets" in done.text, True),
        server=("Verified" in end.text, False))


def test_form(bench):
    """The members of iperf3 that other programs read."""
    with bench.server() as server:
        done = bench.client(server.port, "-t", "0.5", "-i", "0.1", "-P", "2")
    if done.status:
        return done.why()
    start, end = done.json["start"], done.end
    wanted = {
        "start": ({"connected", "version", "system_info", "timestamp",
                   "connecting_to", "test_start"}, start),
        "connected": ({"socket", "local_host", "local_port", "remote_host",
                       "remote_port"}, start["connected"][1]),
        "test": ({"protocol", "num_streams", "blksize", "omit", "duration",
                  "bytes", "blocks", "reverse", "tos"}, start["test_start"]),
        "interval": ({"streams", "sum"}, done.json["intervals"][0]),
        "stream": ({"socket", "start", "end", "seconds", "bytes",
                    "bits_per_second", "retransmits", "snd_cwnd", "rtt",
                    "omitted", "sender"},
                   done.json["intervals"][0]["streams"][1]),
        "end": ({"streams", "sum_sent", "sum_received",
                 "cpu_utilization_percent"}, end),
        "sender": ({"socket", "bytes", "seconds", "retransmits",
                    "max_snd_cwnd", "max_rtt", "min_rtt", "mean_rtt",
                    "sender"}, end["streams"][1]["sender"]),
        "sum": ({"start", "end", "seconds", "bytes", "bits_per_second",
                 "retransmits", "sender"}, end["sum_sent"]),
        "cpu": ({"host_total", "host_user", "host_system", "remote_total",
                 "remote_user", "remote_system"},
                end["cpu_utilization_percent"]),
    }
    for name, (members, seen) in wanted.items():
        if missing := members - set(seen):
            return f"{name} has no {missing}"
    sums = [one["sum"] for one in done.json["intervals"]]
    return differ(
        streams=(len(end["streams"]), 2),
        gapless=([one["start"] for one in sums[1:]],
                 [one["end"] for one in sums[:-1]]),
        all=(sum(one["bytes"] for one in sums), end["sum_sent"]["bytes"]),
        came=(end["sum_received"]["bytes"], end["sum_sent"]["bytes"]),
        time=(end["sum_sent"]["seconds"] >= 0.5, True))


def has_ipv6():
    try:
        with open("/proc/net/if_inet6", encoding="ascii") as table:
            return "0" * 31 + "1 " in table.read()
    except FileNotFoundError:
        return False


def test_families(bench):
    """Each family where it was asked for, and not the other."""
    cases = [(["-4"], "127.0.0.1", "::1"), (["-B", "127.0.0.1"], "127.0.0.1",
                                           "::1"),
             (["-6"], "::1", "127.0.0.1"), (["-B", "::1"], "::1", "127.0.0.1"),
             ([], "::1", None), ([], "127.0.0.1", None)]
    if not has_ipv6():
        cases = [case for case in cases if "::1" not in case[0] + [case[1]] and
                 "-6" not in case[0]]
    for words, host, other in cases:
        with bench.server(*words) as server:
            done = bench.client(server.port, "-n", "1K", host=host)
            if done.status:
                return f"{words} {host}: {done.why()}"
            at = done.json["start"]["connected"][0]
            if wrong := differ(host=(at["remote_host"], host)):
                return f"{words}: {wrong}"
            if other and not bench.client(server.port, "-n", "1K",
                                          host=other).status:
                return f"{words}: {other} was served"
    return None


def test_rr(bench):
    with bench.server("-1") as server:
        done = bench.client(server.port, "--rr", "-t", "0.5", "-P", "3",
                            "--request", "100", "--response", "5000",
                            "--verify")
        end = server.wait()
    if done.status or end.status:
        return f"{done.why()}; server {end.why()}"
    times, count = done.end["latency_ns"], done.end["transactions"]
    order = [times[name] for name in
             ("min", "p50", "p90", "p99", "p99.9", "max")]
    return differ(
        some=(count > 0, True), each=(times["count"], count),
        order=(order, sorted(order)), over=(order[0] > 0, True),
        sent=(done.end["sum_sent"]["bytes"], 100 * count),
        lines=(sum(one["sum"]["transactions"]
                   for one in done.json["intervals"]), count))


def test_connect(bench):
    with bench.server("-1") as server:
        done = bench.client(server.port, "--connect", "-t", "0.5", "-P", "3",
                            "--verify")
        end = server.wait()
    if done.status or end.status:
        return f"{done.why()}; server {end.why()}"
    count = done.end["transactions"]
    return differ(
        some=(count > 0, True),
        whole=(done.end["latency_ns"]["count"], count),
        tls=(done.end["handshake_ns"]["count"] >= count, True),
        failed=(done.end["failed_connections"], 0),
        server=(f" {count} " in end.text, True))


def test_rate(bench):
    """What is counted has gone by in the time that it is divided by."""
    for mode in ("--rr", "--connect"):
        with bench.server() as server:
            done = bench.client(server.port, mode, "-t", "0.1", "-i", "0.05",
                                "-P", "4")
        if done.status:
            return f"{mode}: {done.why()}"
        rows = [one["sum"] for one in done.json["intervals"]]
        rate = done.end["transactions"] / done.end["seconds"]
        seen = done.end["transactions_per_second"]
        if wrong := differ(
                seconds=(done.end["seconds"], rows[-1]["end"]),
                all=(sum(row["transactions"] for row in rows),
                     done.end["transactions"]),
                rate=(abs(seen - rate) < rate / 1000, True)):
            return f"{mode}: {wrong}"
    return None


def test_idle(bench):
    """They are there, before, while and until the others are over, and came
    no faster than they were to."""
    began = time.monotonic()
    with bench.server("-1") as server:
        done = bench.client(server.port, "--connect", "-t", "0.2", "--idle",
                            "40", "--ramp", "100")
        end = server.wait()
    if done.status or end.status:
        return f"{done.why()}; server {end.why()}"
    return differ(
        idle=(done.end["idle"], {"wanted": 40, "held": 40}),
        text=("40 of 40" in end.text, True),
        time=(time.monotonic() - began >= 0.5, True))


def test_turns(bench):
    """Connections are as far apart as --ramp says, whatever threads begin them."""
    began = time.monotonic()
    with bench.server() as server:
        done = bench.client(server.port, "--rr", "-t", "0.05", "-P", "4",
                            "--threads", "4", "--ramp", "10")
    if done.status:
        return done.why()
    return differ(time=(time.monotonic() - began >= 0.3, True))


def test_clock(bench):
    """The server's time begins when octets move, not while connections come."""
    with bench.server("-1", "-J", "-i", "0.1") as server:
        done = bench.client(server.port, "-t", "0.5", "--idle", "40", "--ramp",
                            "100")
        end = server.wait()
    if done.status or end.status:
        return f"{done.why()}; server {end.why()}"
    first = end.json["intervals"][0]["sum"]
    return differ(start=(first["start"], 0), moves=(first["bytes"] > 0, True))


def test_pace(bench):
    """A stream of 4 Mbit/s takes half a second for 250 KB, but for what it
    may make up."""
    with bench.server() as server:
        done = bench.client(server.port, "-b", "4M", "-n", "250000", "-l", "1K")
    if done.status:
        return done.why()
    return differ(
        time=(done.end["sum_sent"]["seconds"] >= 0.35, True),
        octets=(done.end["sum_received"]["bytes"], 250000))


def test_slow(bench):
    """A low bitrate is sent in small pieces, not in one that is a stall."""
    with bench.server() as server:
        done = bench.client(server.port, "-b", "80K", "-n", "5000")
        least = bench.client(server.port, "-b", "1", "-n", "1")
    if done.status or least.status:
        return f"{done.why()} {least.why()}"
    return differ(
        length=(done.json["start"]["test_start"]["blksize"], 1000),
        least=(least.json["start"]["test_start"]["blksize"], 1),
        time=(done.end["sum_sent"]["seconds"] >= 0.25, True),
        octets=(done.end["sum_received"]["bytes"], 5000))


def spoiled(bench, how, fault, count, at=300001):
    """One stream, plain, over a wire that changes it."""
    with bench.server("-1") as server, \
            Wire(server.port, spoil(at, how)) as wire:
        done = bench.client(wire.port, "-n", MIB, "--verify")
        end = server.wait()
    if not done.json or "verify" not in done.end:
        return done.why()
    found = done.end["verify"]
    faults = {name: found[name] for name in
              ("lost", "changed", "repeated", "added") if found[name]}
    # A neighbour of what is lost or added may look like it by chance.
    near = abs(found["first"][0]["offset"] - at) < 8 if found["first"] else None
    return differ(
        status=(done.status, 1), server=(end.status, 1),
        faults=(faults, {fault: count}), place=(near, True),
        error=(fault in done.json["error"], True))


def test_connect_spoiled(bench):
    """Each short connection's request is checked, not its response alone."""
    with bench.server("-1") as server, \
            Wire(server.port, spoil(100, flip, which=bool)) as wire:
        done = bench.client(wire.port, "--connect", "-t", "0.3", "--verify")
        end = server.wait()
    if not done.json:
        return done.why()
    return differ(
        status=(done.status, 1), server=(end.status, 1),
        transactions=(done.end["transactions"], 0),
        failed=(done.end["failed_connections"] > 0, True),
        told=("a request is not what was sent" in end.err, True))


def test_rr_spoiled(bench):
    """What each end found is told, one after the other."""
    with bench.server() as server, \
            Wire(server.port, spoil(100, flip),
                 spoil(20, flip, READY)) as wire:
        done = bench.client(wire.port, "--rr", "-t", "0.2", "--verify")
    if not done.json or "verify" not in done.end:
        return done.why()
    found = done.end["verify"]
    return differ(
        status=(done.status, 1), faults=(found["faults"], 2),
        changed=(found["changed"], 2),
        first=([(one["fault"], one["offset"]) for one in found["first"]],
               [("changed", 100), ("changed", 20)]))


def test_short(bench):
    """Octets that are lost at the end are missed without a check too."""
    def cut(number, offset, data):
        keep = max(0, MIB // 2 - offset)
        return data if number != 1 else data[:keep]
    with bench.server() as server, Wire(server.port, cut) as wire:
        done = bench.client(wire.port, "-n", MIB)
    return failed(done, f"{MIB} octets were sent and {MIB // 2 - 64} received")


def test_forged(bench):
    """With TLS the record is refused before any check of octets."""
    with bench.server("-1") as server, \
            Wire(server.port, spoil(300000, flip)) as wire:
        done = bench.client(wire.port, "-n", MIB)
        end = server.wait()
    if end.status != 1 or "authentic" not in end.err:
        return f"the server took it: {end.why()}"
    return None if done.status == 1 and done.json["error"] else done.why()


def flip(data):
    return bytes([data[0] ^ 1]) + data[1:]


def repeat(data):
    return data[:1000] + data


def test_busy(bench):
    """Two tests at once would measure each other; one after another goes."""
    with bench.server() as server:
        first = bench.begin(server.port, "-t", "60", "-i", "0.05")
        first.stdout.readline()
        for line in first.stdout:
            if "sec" in line:
                break
        refused = bench.client(server.port, "-n", "1K")
        first.send_signal(signal.SIGINT)
        ended = bench.finish(first)
        after = [bench.client(server.port, "-n", "1K").status
                 for _ in range(10)]
    if wrong := failed(refused, "runs a test for another client"):
        return wrong
    if wrong := failed(ended, "interrupted"):
        return wrong
    return differ(
        sums=("sender" in ended.text and "receiver" in ended.text, True),
        after=(after, [0] * 10))


def test_killed_client(bench):
    """The server notices, tells it, and has time for the next one."""
    with bench.server() as server:
        client = bench.begin(server.port, "-J", "-t", "60", "-i", "0.05",
                             "--bidir", "--idle", "5")
        for line in client.stdout:
            if "bits_per_second" in line:
                break
        client.kill()
        bench.finish(client)
        free = wait_for(lambda: not bench.client(server.port, "-n", "1K").status)
        end = server.stop()
    return differ(free=(free, True), status=(end.status, 0),
                  told=("before its time" in end.err, True))


def test_interrupted_server(bench):
    """It prints what it has, and the client learns that the test is over."""
    with bench.server() as server:
        client = bench.begin(server.port, "-J", "-t", "60", "-i", "0.05")
        for line in client.stdout:
            if "bits_per_second" in line:
                break
        end = server.stop()
        done = bench.finish(client)
    if done.status != 1 or not done.err:
        return f"the client: {done.why()}"
    return differ(status=(end.status, 0), sum=("receiver" in end.text, True))


def test_stopped_client(bench):
    """A client that stays and does not go on is given up, and so is one that
    says that it wants a test, and not which."""
    with bench.server("-1") as server, \
            socket.create_connection(("127.0.0.1", server.port)) as silent:
        silent.sendall(b"KPCPERF1".ljust(HELLO, b"\0"))
        client = bench.begin(server.port, "-J", "-t", "600", "-i", "0.05",
                             "--idle", "5")
        for line in client.stdout:
            if "bits_per_second" in line:
                break
        client.send_signal(signal.SIGSTOP)
        end = server.wait()
        client.kill()
        bench.finish(client)
    return differ(
        status=(end.status, 1),
        why=("its test is given up" in end.err, True),
        silent=("not said what it is for" in end.err, True))


def test_unserved(bench):
    """A server for one test that had none has not done what it was for."""
    with bench.server("-1") as server:
        end = server.stop()
    return failed(end, "ended before any test")


def test_full(bench):
    """What cannot be written is no success."""
    with bench.server() as server, open("/dev/full", "wb") as full:
        ends = []
        for words in (["-J"], []):
            client = subprocess.run(
                ["kpcperf", "-c", "127.0.0.1", "-p", str(server.port),
                 *bench.options("a"), "-n", "1K", *words],
                stdin=subprocess.DEVNULL, stdout=full,
                stderr=subprocess.PIPE, text=True, check=False)
            ends.append((client.returncode,
                         "kpcperf: writing: " in client.stderr))
    return differ(ends=(ends, [(1, True)] * 2))


def test_versions(bench):
    """Each version and suite that is asked for is what was agreed."""
    wanted = [("1.2", "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256"),
              ("1.2", "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"),
              ("1.3", "TLS_AES_128_GCM_SHA256"),
              ("1.3", "TLS_AES_256_GCM_SHA384"),
              ("1.3", "TLS_CHACHA20_POLY1305_SHA256")]
    with bench.server() as server:
        for version, suite in wanted:
            done = bench.client(server.port, "--tls-version", version,
                                "--suite", suite, "-n", MIB, "--bidir",
                                "--verify")
            if done.status:
                return f"{suite}: {done.why()}"
            seen = done.json["start"]["kpcperf"]
            if wrong := differ(version=(seen["tls_version"], f"TLSv{version}"),
                               suite=(seen["suite"], suite)):
                return wrong
    return None


def test_together(bench):
    """Of several associations a server offers what one of them allows, as far
    as it was asked for."""
    dhe = "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256"
    bench.table("both", "b", ("one", "two"))
    bench.write("mixed", open(bench.table("mixed", "b", ("two",)),
                              encoding="ascii").read()
                .replace("tls1.2,tls1.3", "tls1.3") +
                open(bench.table("one", "b",
                                 words=f"suites {dhe},TLS_AES_128_GCM_SHA256"),
                     encoding="ascii").read())
    for table, words in (("both", ["--suite", dhe]), ("mixed", [])):
        with bench.server(*words, table=table) as server:
            done = bench.client(server.port, "--tls-version", "1.2", "-n", "1K")
        if done.status:
            return f"{table}: {done.why()}"
        if wrong := differ(suite=(done.json["start"]["kpcperf"]["suite"], dhe)):
            return f"{table}: {wrong}"
    return None


def test_identities(bench):
    """The server knows by the KpcId whom it serves, and takes no other key."""
    bench.table("both", "b", ("one", "two"))
    bench.table("two", "a", ("two",))
    bench.table("a2", "a", ("one", "two"))
    bench.keys("wrong", {"one": OTHER})
    bench.keys("unknown", {"two": OTHER})
    with bench.server(table="both") as server:
        done = bench.client(server.port, "-n", "1K", table="a2",
                            keys="keys")
        if wrong := failed(done, "--association NAME"):
            return wrong
        done = bench.client(server.port, "-n", "1K", "--association", "two",
                            table="a2")
        if done.status:
            return done.why()
        seen = done.json["start"]["kpcperf"]
        if wrong := differ(name=(seen["association"], "two"),
                           kpc_id=(seen["kpc_id"], "two@example.org"),
                           id_a=(seen["id_a"], "//a.example/two"),
                           id_b=(seen["id_b"], "//b.example/cse")):
            return wrong
    with bench.server() as server:
        wrong = bench.client(server.port, "-n", "1K", keys="wrong")
        unknown = bench.client(server.port, "-n", "1K", table="two",
                               keys="unknown")
    if not (wrong.status == unknown.status == 1):
        return f"let in: {wrong.why()} {unknown.why()}"
    return differ(alike=(wrong.json["error"], unknown.json["error"]),
                  why=("handshake" in wrong.err or
                       "alert" in wrong.err, True))


def test_not_mixed(bench):
    """An end with TLS and one without do not come together."""
    with bench.server() as server:
        plain = bench.client(server.port, "-n", "1K", carrier="plain")
        good = bench.client(server.port, "-n", "1K")
    if plain.status != 1 or not plain.json["error"]:
        return plain.why()
    return good.why() if good.status else None


def test_narrow(bench):
    """What an association does not allow is refused before anything is sent."""
    bench.write("old", open(bench.path("a"), encoding="ascii").read()
                .replace("tls1.2,tls1.3", "tls1.2"))
    bench.write("off", open(bench.path("a"), encoding="ascii").read()
                .replace(f"offload {bench.offload}", "offload off"))
    bench.write("must", open(bench.path("a"), encoding="ascii").read()
                .replace(f"offload {bench.offload}", "offload require"))
    cases = [
        (dict(table="old"), ["--tls-version", "1.3"], "does not allow TLSv1.3"),
        (dict(table="old"), ["--suite", "1301"], "--tls-version"),
        ({}, ["--suite", "00A8"], "does not allow --suite"),
        (dict(table="off", carrier="kernel"), [], "has offload off"),
        (dict(table="must", carrier="user"), [], "requires offload"),
        (dict(table="b"), [], "role a"),
        ({}, ["--association", "three"], "no association three"),
        (dict(table="nowhere"), [], "nowhere"),
        (dict(keys="nowhere"), [], "nowhere"),
    ]
    for options, words, reason in cases:
        done = bench.client(1, "-n", "1K", *words, **options)
        if wrong := failed(done, reason):
            return wrong
    os.chmod(bench.path("keys"), 0o644)
    done = bench.client(1, "-n", "1K")
    os.chmod(bench.path("keys"), 0o600)
    return failed(done, "keys")


def test_usage(bench):
    """Each wrong command line is told what is accepted."""
    cases = [
        ("", "-c HOST"), ("-s -c x", "-s and -c"),
        ("-s -t 1", "--time is the client's"),
        ("-s --verify", "--verify is the client's"),
        ("-c x -1", "--one-off"), ("-c x -t 0", "--time 0"),
        ("-c x -n 1.5", "--bytes 1.5"), ("-c x -n 1X", "--bytes 1X"),
        ("-c x -l 2M", "--length 2M"), ("-c x -P 0", "--parallel 0"),
        ("-c x -p 65536", "--port 65536"), ("-c x --rr -R", "-R and --bidir"),
        ("-c x -R --bidir", "-R and --bidir"),
        ("-c x --rr --connect", "--rr and --connect"),
        ("-c x --connect -n 5", "-n, -b"),
        ("-c x --plain --carrier user", "--plain does without --carrier"),
        ("-c x --suite foo", "--suite foo"),
        ("-c x --carrier gpu", "kernel or user"),
        ("-c x --tls-version 1.1", "1.2 or 1.3"),
        ("-c x -b 1 -l 1M", "one send"), ("-c x --ramp 1e-9", "a day"),
        ("-c x -n 3 -P 4", "less than one octet"),
        ("-c x -n 5 -t 5", "-n and -t"),
        ("-c x --request 5", "go with --rr"), ("-c x more", "'more'"),
        ("-c x --nothing", "kpcperf --help"),
    ]
    for words, reason in cases:
        done = bench.run(*words.split())
        if done.status != 2 or reason not in done.err or done.text:
            return f"{words}: {done.why()}"
    done = bench.run("--help")
    return differ(help=(done.status, 0),
                  same=(bench.run("-v").text[:8], "kpcperf "))


def test_no_kernel(bench):
    """Without kernel TLS nothing else is measured in its place."""
    bench.write("ask", open(bench.path("a"), encoding="ascii").read())
    with bench.server() as server:
        done = bench.client(server.port, "-n", "1K", carrier="kernel")
    return failed(done, "--carrier user")


def test_guarded(bench):
    """A process that has keys leaves no core and cannot be traced."""
    with bench.server() as server:
        where = f"/proc/{server.process.pid}"
        with open(f"{where}/limits", encoding="ascii") as limits:
            core = [line.split()[4:6] for line in limits
                    if line.startswith("Max core file size")]
        with open(f"{where}/status", encoding="ascii") as status:
            locked = [int(line.split()[1]) for line in status
                      if line.startswith("VmLck")]
        words = open(f"{where}/cmdline", "rb").read()
        words += open(f"{where}/environ", "rb").read()
        secret = has_secret_memory(where) or locked[0] > 0
    return differ(core=(core, [["0", "0"]]), locked=(secret, True),
                  key=(b"00112233" in words, False))


def has_secret_memory(where):
    with open(f"{where}/maps", encoding="utf-8") as maps:
        return "secretmem" in maps.read()


def tls_stat():
    with open("/proc/net/tls_stat", encoding="ascii") as stat:
        return {name: int(value) for name, value in map(str.split, stat)}


def test_kernel_counts(bench):
    """The kernel itself says that it made the records, and all were whole."""
    before = tls_stat()
    if wrong := octets(bench, ["--bidir"], 4 * MIB):
        return wrong
    more = {name: value - before[name] for name, value in tls_stat().items()}
    # Two streams and the control connection, both ends of each.
    return differ(tx=(more["TlsTxSw"], 6), rx=(more["TlsRxSw"], 6),
                  errors=(more["TlsDecryptError"], 0))


def test_both_carriers(bench):
    """A kernel and an OpenSSL at the two ends of a stream."""
    bench.offload = "prefer"
    bench.table("pa", "a")
    bench.table("pb", "b")
    for server_has, client_has in (("kernel", "user"), ("user", "kernel")):
        with bench.server(carrier=server_has, table="pb") as server:
            done = bench.client(server.port, "-n", 4 * MIB, "--bidir",
                                "--verify", carrier=client_has, table="pa")
        if done.status:
            return done.why()
        seen = done.json["start"]["kpcperf"]
        if wrong := differ(own=(seen["carrier"], client_has),
                           peer=(seen["peer_carrier"], server_has)):
            return wrong
    return None


# What does little but wait for time to pass: begins first, is judged last.
WAITING = (
    ("clients that do not go on", test_stopped_client, (), "plain"),
)

CASES = (
    ("octets up, all checked", octets, ([], 8 * MIB, "-P", 3), ""),
    ("octets down, all checked", octets, (["-R"], 8 * MIB, "-P", 3), ""),
    ("octets both ways, all checked", octets,
     (["--bidir"], 8 * MIB + 3, "-P", 2), ""),
    ("a number of octets that no send divides", octets, ([], 1000003, "-l",
                                                         "997"), ""),
    ("sends and pauses by chance", octets,
     (["--bidir"], 2 * MIB, "-l", "20K", "--uneven"), ""),
    ("who says that octets were verified", test_words, (), ""),
    ("JSON as iperf3 writes it", test_form, (), ""),
    ("IPv4 and IPv6", test_families, (), "plain"),
    ("requests and responses", test_rr, (), ""),
    ("connections", test_connect, (), ""),
    ("requests and connections per second", test_rate, (), ""),
    ("idle connections, one after another", test_idle, (), ""),
    ("a bitrate is kept", test_pace, (), ""),
    ("the server's clock", test_clock, (), ""),
    ("threads take turns", test_turns, (), ""),
    ("a low bitrate is no stall", test_slow, (), ""),
    ("one test at a time, and after an interrupt the next", test_busy, (), ""),
    ("a client that is killed", test_killed_client, (), ""),
    ("a server that is ended prints what it has", test_interrupted_server, (),
     ""),
    ("a server that is ended before its test", test_unserved, (), ""),
    ("standard output is full", test_full, (), ""),
    ("an octet changed", spoiled, (flip, "changed", 1), "plain"),
    ("octets lost", spoiled, (lambda data: data[1000:], "lost", 1000),
     "plain"),
    ("octets repeated", spoiled, (repeat, "repeated", 1000, 299001), "plain"),
    ("octets added", spoiled, (lambda data: b"KPC" * 300 + data, "added", 900),
     "plain"),
    ("an octet of each request changed", test_connect_spoiled, (), "plain"),
    ("octets of a request and a response changed", test_rr_spoiled, (),
     "plain"),
    ("the end lost, without a check", test_short, (), "plain"),
    ("a record changed", test_forged, (), "user kernel"),
    ("versions and suites", test_versions, (), "user kernel"),
    ("associations behind one listener", test_together, (), "user kernel"),
    ("identities", test_identities, (), "user kernel"),
    ("plain and TLS do not mix", test_not_mixed, (), "user kernel"),
    ("an association narrows what is asked for", test_narrow, (), "user"),
    ("no core, keys locked, none in arguments", test_guarded, (),
     "user kernel"),
    ("wrong command lines", test_usage, (), "user"),
    ("the kernel counts the records as its own", test_kernel_counts, (),
     "kernel"),
    ("kernel and OpenSSL at the two ends", test_both_carriers, (), "kernel"),
)


def main():
    """Runs all cases that are of a carrier."""
    carrier = sys.argv[1]
    tap, bench = Tap(), Bench(carrier)

    def chosen(cases):
        return (case for case in cases if not case[3] or
                carrier in case[3].split())

    with ThreadPoolExecutor(len(WAITING)) as pool:
        begun = [(what, pool.submit(test, bench, *arguments))
                 for what, test, arguments, _ in chosen(WAITING)]
        for what, test, arguments, _ in chosen(CASES):
            tap.case(carrier, what, test, bench, *arguments)
        for what, test in begun:
            tap.case(carrier, what, test.result)
    if carrier == "user":
        if os.path.exists("/proc/net/tls_stat"):
            tap.skip("no kernel TLS, no test", "this kernel has it")
        else:
            tap.case(carrier, "no kernel TLS, no test", test_no_kernel, bench)
    bench.close()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
