#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The relay of kpcd, as those at its two ends see it: relay.py ENGINE CARRIER
[enforce] [short | ends | keys]. Each case names the row of the specification that it proves."""

import os
import resource
import sys
from concurrent.futures import ThreadPoolExecutor

import case_chaos
import case_end
import case_flow
import case_foreign
import case_keys
import case_peer
import case_warm
from bench import MIB, Bench
from sites import Loop, Machines, Tap, find_kpcd, kernel_rekeys

# Row, what, test, its arguments, and which benches it is for. First those that
# count or fill what others would use too.
ALONE = (
    ("I8", "64 MiB both ways at once, unchanged", case_flow.test_bulk,
     ("echo", 64 * MIB), "agent"),
    ("I8", "16 MiB both ways at once, unchanged", case_flow.test_bulk,
     ("echo", 16 * MIB), "kernel"),
    ("I2", "who carries the records", case_flow.test_carrier, ()),
    ("I2", "the kernel counts them as its own", case_flow.test_tls_stat, (),
     "kernel"),
    ("I2", "what an idle connection costs", case_flow.test_idle, (200,),
     "kernel"),
    ("I8", "a reader that stops", case_flow.test_back_pressure, ()),
    ("I8", "fifty readers that stop", case_flow.test_many_stalled, (50,),
     "agent"),
    # More of them would fill the TCP memory of a small machine.
    ("I8", "eight readers that stop", case_flow.test_many_stalled, (8,),
     "kernel"),
    ("I8", "12000 records of one octet", case_flow.test_small_records,
     (12000,), "agent"),
    ("X5", "garbage on the TLS port", case_peer.test_garbage, ()),
    ("X5", "1100 silent peers", case_peer.test_flood, (1100,)),
    ("X2", "TLS 1.2: a key's last record, and the end",
     case_keys.test_worn_out, ("worn12",)),
    ("X2", "TLS 1.3: a key's last record, and another key",
     case_keys.test_renewed, (64 * MIB,), "rekeys"),
    ("X2", "TLS 1.3: fifty keys of bulk, the least limit's, are no flood",
     case_keys.test_often, (400 * MIB,), "agent"),
    ("X2", "TLS 1.3: answers of the module that are lost stop nobody",
     case_keys.test_answers_lost, (40,), "announced"),
    ("X2", "TLS 1.3 without another key: the last record, and the end",
     case_keys.test_worn_out, ("worn13",), "fixed"),
    ("X5", "urgent octets of eighty silent peers", case_peer.test_urgent,
     (Bench.hostile,)),
    ("I8", "urgent octets of eighty local programs", case_peer.test_urgent,
     (case_peer.a_program,)),
    ("M8", "bindings as the modules tell them", case_peer.test_bound, (),
     "enforce"),
)

# What does little but wait for time to pass: all begin now.
WAITING = (
    ("X2", "TLS 1.3: keys that change while nobody reads",
     case_keys.test_blocked, (48 * MIB, 26), "rekeys"),
    ("X5", "silence on the TLS port", case_peer.test_silence, ()),
    ("I8", "the far end is lost bit by bit, nothing that came is",
     case_end.test_late_loss, (1, "slow")),
    ("I8", "and a backend that pauses gets it still", case_end.test_late_loss,
     (12, "slower"), "uring"),
    ("I8", "and one at a TCP leg too", case_end.test_late_loss,
     (3, "slow-tcp")),
    ("I8", "and one at a UNIX socket that reads bit by bit",
     case_end.test_drip, (), "agent"),
    ("I8", "the backend says all and reads nothing", case_end.test_unread, ()),
    ("I8", "the backend has said more than is taken, and the far end takes it bit by bit",
     case_end.test_rude_slow, (), "agent"),
    ("I8", "a far end takes the last of an answer bit by bit",
     case_end.test_slow_end, (), "ends"),
    ("I8", "the backend takes nothing more and goes on to speak",
     case_end.test_deaf, (), "agent"),
    ("X5", "a far end reads no answers of TLS",
     case_warm.test_answers_unread, (), "agent"),
)

# These run meanwhile, one after another.
MEANWHILE = (
    ("I8", "TLS 1.2 likewise", case_flow.test_bulk, ("tls12", 8 * MIB)),
    ("T1", "CBC of TLS 1.2 by the agent", case_flow.test_bulk,
     ("cbc", 8 * MIB), "agent"),
    ("I8", "256 KiB both ways, and the end behind them", case_flow.test_bulk,
     ("echo", MIB // 4), "ends"),
    ("I8", "five such connections at once", case_flow.test_concurrent, (5,),
     "ends"),
    ("I8", "small messages are sent on at once", case_flow.test_small, ()),
    ("I8", "UNIX sockets at both ends", case_flow.test_unix, ()),
    ("I8", "half-close by the local program", case_end.test_half_close_out,
     ()),
    ("I8", "and who does not read its answer then keeps no worker busy",
     case_end.test_half_close_unread, ()),
    ("I8", "half-close by the backend", case_end.test_half_close_in, ()),
    ("I8", "the wire ends without close_notify", case_end.test_cut, ("fin",)),
    ("I8", "the wire is reset", case_end.test_cut, ("reset",)),
    ("I8", "which a UNIX socket shows as an end, and the log as a loss",
     case_end.test_cut_unix, ()),
    ("I8", "a record is changed on its way", case_end.test_spoilt, (), "agent"),
    ("I8", "a backend at a UNIX socket says more than is taken, and is gone",
     case_end.test_rude, ("rude",)),
    ("I8", "and one at a TCP leg", case_end.test_rude, ("rude-tcp",)),
    ("I8", "the local program is gone", case_end.test_local_reset, ()),
    ("I8", "the kernel ends the local program's socket",
     case_end.test_local_aborted, (), "kernel"),
    ("I8", "the backend is gone", case_end.test_backend_reset, ()),
    ("I8", "200 connections at once", case_flow.test_concurrent, (200,),
     "agent"),
    ("I8", "100 connections at once", case_flow.test_concurrent, (100,),
     "kernel"),
    ("I8", "connections that end in every way", case_chaos.test_chaos, (15,)),
    ("M7", "a foreign client of TLS 1.3", case_foreign.test_client,
     ("echo", "-tls1_3")),
    ("M7", "a foreign client of TLS 1.2", case_foreign.test_client,
     ("tls12", "-tls1_2")),
    ("M7", "a foreign client that changes its keys",
     case_foreign.test_key_update, ()),
    ("M7", "a foreign client that changes its keys without end",
     case_foreign.test_key_flood, (), "rekeys"),
    ("M7", "a foreign client that changes its keys while octets flow",
     case_keys.test_updates, (), "rekeys"),
    ("M7", "a foreign client that changes its keys right behind octets",
     case_keys.test_behind_data, (), "rekeys"),
    ("M7", "a foreign client's keys are changed in time",
     case_keys.test_in_time, (), "rekeys"),
    ("M7", "a foreign client that renegotiates",
     case_foreign.test_renegotiation, ()),
    ("M7", "a foreign server, its tickets ignored", case_foreign.test_server,
     ()),
    ("I8", "a foreign client says 1 MiB with its Finished",
     case_foreign.test_hasty_client, (MIB,)),
    ("I8", "a foreign server of TLS 1.3 does", case_foreign.test_hasty_server,
     ("server", "foreign", MIB)),
    ("I8", "a foreign server of TLS 1.2 does", case_foreign.test_hasty_server,
     ("server12", "foreign12", MIB)),
    ("X5", "another Kpc", case_peer.test_refused, ("wrong",)),
    ("X5", "an unknown KpcId", case_peer.test_refused, ("nobody",)),
    ("I4", "an association is deleted", case_peer.test_deleted, (),
     "enforce"),
    ("M8", "another user is refused", case_peer.test_uid, (), "root"),
    ("M8", "another user who is gone at once is refused",
     case_peer.test_uid_gone, (), "root"),
    ("M8", "identity by PROXY protocol v2", case_peer.test_proxy, ()),
    ("M3", "a connection made by establish", case_end.test_warm, ()),
    ("I8", "the backend ends an unused connection", case_warm.test_warm_ended,
     ("backend",), "table"),
    ("I8", "the agent ends with an unused connection",
     case_warm.test_warm_ended, ("agent",), "table"),
    ("M3", "none leads to where the far end was before",
     case_warm.test_warm_moved, (), "table"),
    ("X5", "a far end renegotiates before it is used",
     case_warm.test_warm_renegotiation, (), "agent"),
    ("X5", "a far end renegotiates without end and reads nothing",
     case_warm.test_renegotiation_flood, (), "agent"),
)

# After all of that. Most of these end workers, and with them what waits.
LAST = (
    ("I2", "no violation by what kpcd does", case_peer.test_unharmed, (),
     "enforce"),
    ("I5", "a worker is killed", case_end.test_killed, ()),
    ("I8", "an agent that ends has told of each connection's end",
     case_end.test_farewell, (240,), "table"),
    ("I8", "SIGTERM lets connections end", case_end.test_drain, ()),
)

# What differs by engine and carrier; all else is proved by the longer runs.
SHORT = (case_flow.test_bulk, case_flow.test_small_records,
         case_peer.test_urgent, case_flow.test_carrier, case_flow.test_tls_stat,
         case_flow.test_small, case_flow.test_idle,
         case_foreign.test_hasty_client, case_foreign.test_hasty_server,
         case_end.test_half_close_out, case_end.test_half_close_unread,
         case_end.test_half_close_in, case_end.test_cut,
         case_end.test_unread, case_end.test_rude,
         case_end.test_local_reset, case_end.test_local_aborted,
         case_end.test_backend_reset, case_foreign.test_key_update,
         case_chaos.test_chaos, case_warm.test_warm_ended,
         case_end.test_drain)


# What wears keys out, and what changes them.
KEYS = (case_flow.test_tls_stat, case_keys.test_worn_out, case_keys.test_renewed,
        case_keys.test_often, case_keys.test_blocked, case_keys.test_answers_lost,
        case_keys.test_updates, case_keys.test_behind_data, case_keys.test_in_time,
        case_peer.test_unharmed,
        case_foreign.test_key_update, case_foreign.test_key_flood)


def chosen(cases, has, short):
    """Those that are for this bench."""
    for row, what, test, arguments, *wants in cases:
        if ((not short or test in SHORT) and
                ("keys" not in has or test in KEYS) and
                ("ends" not in has or wants == ["ends"]) and
                (not wants or wants[0] in has | {"root"})):
            yield row, what, test, arguments, wants


def run(tap, bench, has, short):
    """All cases; those that wait are judged when the others are through."""
    def each(cases):
        for row, what, test, arguments, wants in chosen(cases, has, short):
            if wants == ["root"] and "root" not in has:
                tap.skip(what, "needs root to become another user")
            else:
                tap.case(row, what, test, bench, *arguments)

    each(ALONE)
    with ThreadPoolExecutor(len(WAITING)) as pool:
        begun = [(row, what, pool.submit(test, bench, *arguments))
                 for row, what, test, arguments, _ in
                 chosen(WAITING, has, short)]
        each(MEANWHILE)
        for row, what, test in begun:
            tap.case(row, what, test.result)
    each(LAST)


def main():
    engine, carrier, *more = sys.argv[1:]
    if not find_kpcd():
        print("1..0 # SKIP kpcd is not built")
        return 4
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    net = Machines() if "enforce" in more else Loop()
    has = {engine, carrier, "enforce" if net.enforce else "table"}
    has |= {"ends", "keys"} & set(more)
    if os.getuid() == 0:
        has.add("root")
    rekeys = carrier == "agent" or kernel_rekeys()
    has.add("rekeys" if rekeys else "fixed")
    if rekeys and net.enforce:
        has.add("announced")
    bench = Bench(engine, carrier, net)
    bench.rekeys = rekeys
    tap = Tap()
    tap.case("M1", f"{engine}: two sites come up", lambda: None if
             bench.start() else bench.a.said() + bench.b.said())
    try:
        if not tap.failed:
            run(tap, bench, has, "short" in more)
    finally:
        bench.stop()
    # A worker that a sanitizer ended was replaced.
    if bench.faults:
        print("\n".join(bench.faults))
        tap.failed += 1
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
