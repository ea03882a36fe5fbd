#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# More peers in their handshakes than a worker has room for: one that takes its
# time is not pushed out by those that come after it from elsewhere, whatever
# they say and however many they are (X5).

. "$(dirname "$0")/lib.sh"
plan 5
ulimit -n 8192 2>/dev/null || skip_all "8192 descriptors are needed"

pump_site

cat >"$dir/crowd.py" <<'END'
"""crowd.py PORT KEY OCTETS COUNT WHERE: a peer says hello when so many others
that say so much have come after it, from 127.0.0.2 or its own address; says
whether it is answered."""
import os, socket, sys

sys.path.insert(0, os.environ["TESTS"])
from tls import HANDSHAKE, Peer13, record

port, key, octets, count, where = sys.argv[1:]
ROOM = 1024
held = []

def others(count):
    for _ in range(count):
        s = socket.socket()
        s.bind((where, 0))
        s.connect(("127.0.0.1", int(port)))
        s.sendall(b"\x16" * int(octets))
        held.append(s)

others(ROOM + 100)
with Peer13(int(port), b"pump@example.org", bytes.fromhex(key)) as peer:
    others(int(count))
    peer.send(record(HANDSHAKE, peer.hello()))
    if peer.read()[0] != HANDSHAKE:
        sys.exit("it is not answered")
END
export TESTS=${0%/*}

# One worker: 1024 is what each has room for.
check()
{
	up b --table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin \
		--source-rate 0
	ok "$1" python3 "$dir/crowd.py" "$port" $key "${@:2}"
	kill "$pid"
	wait "$pid" 2>/dev/null
}
check "a slow peer among silent ones" 0 500 127.0.0.2
check "and among those that say one octet" 1 500 127.0.0.2
check "and with many more of them" 1 3000 127.0.0.2
check "and with some from where it is itself" 1 500 127.0.0.1
ok "each that gave way is told of" logged b "the oldest gives way"
finish
