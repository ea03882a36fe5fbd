#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What peers cost that are in their handshakes, in memory of the workers: each of
# 1500 more. Silent ones next to nothing; those that have said hello what OpenSSL
# takes for a connection (X5).

. "$(dirname "$0")/lib.sh"
plan 5
ulimit -n 4096 2>/dev/null || skip_all "4096 descriptors are needed"

port=$(free_port)
write "$dir/keys" <<END
new@example.org hex:$key
old@example.org hex:$other
END
write "$dir/table" <<END
association new role b kpc-id new@example.org listen 127.0.0.1:$port \\
	id-a //a.example/cse/Cnew id-b //b.example/cse offload off limit handshake-time 1h \\
	plain unix:$dir/back owner $UID start auto
association old role b kpc-id old@example.org listen 127.0.0.1:$port \\
	id-a //a.example/cse/Cold id-b //b.example/cse offload off limit handshake-time 1h \\
	versions tls1.2 suites TLS_PSK_WITH_CHACHA20_POLY1305_SHA256 \\
	plain unix:$dir/back owner $UID start auto
END
echo_backend "$dir/back"

cat >"$dir/half.py" <<'END'
"""half.py HOW PORT KEY WORKER...: prints how many octets of the workers' memory
each of many peers takes that goes so far and no further."""
import os, socket, sys, time

sys.path.insert(0, os.environ["TESTS"])
from tls import HANDSHAKE, Peer12, Peer13, record

how, port, key, *workers = sys.argv[1:]
port, key = int(port), bytes.fromhex(key)
FEW, MANY = 500, 2000

def memory():
    """What the workers have for themselves, in KiB."""
    total = 0
    for pid in workers:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            total += sum(int(line.split()[1]) for line in rollup
                         if line.startswith("Pss_Anon:"))
    return total

def taken():
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in workers)

def settled(count):
    """Memory when so many descriptors are there and nothing changes."""
    until = time.monotonic() + 30
    while taken() < count:
        if time.monotonic() > until:
            sys.exit(f"{taken()} descriptors of {count}")
        time.sleep(0.05)
    last = -1
    while last != (last := memory()):
        time.sleep(0.5)
    return last

def hello(what):
    with what(port, f"{how}@example.org".encode(), key) as peer:
        return record(HANDSHAKE, peer.hello())

def cut():
    """A record with all of a hello but its last octet."""
    with Peer13(port, b"new@example.org", key) as peer:
        return record(HANDSHAKE, peer.hello()[:-1])

said = {"silent": lambda: b"", "begun": lambda: b"\x16\3\1\1\0", "cut": cut,
        "new": lambda: hello(Peer13), "old": lambda: hello(Peer12)}[how]()
base, held = int(os.environ["BASE"]), []

def more(count):
    while len(held) < count:
        s = socket.create_connection(("127.0.0.1", port))
        s.settimeout(20)
        s.sendall(said)
        held.append(s)
        # The same again: a hello is answered, whoever has sent it before.
        if how in ("new", "old") and s.recv(1) != b"\x16":
            sys.exit("not answered")
    return settled(base + count)

few = more(FEW)
print((more(MANY) - few) * 1024 // (MANY - FEW))
END
export TESTS=${0%/*}

# descriptors PID...: how many those processes have.
descriptors()
{
	find "${@/#/\/proc\/}" -maxdepth 2 -path '*/fd/*' 2>/dev/null | wc -l
}

# costs HOW MOST KEY: what a peer costs is at most so much; prints it.
costs()
{
	# shellcheck disable=SC2046
	set -- "$@" $(workers "$pid")
	BASE=$(descriptors "${@:4}") \
		python3 "$dir/half.py" "$1" "$port" "${@:3}" >"$dir/said" &&
		[ "$(cat "$dir/said")" -le "$2" ]
}

# Each with workers that have had no other.
check()
{
	local text=$1
	shift

	up b --table "$dir/table" --keys "$dir/keys" --workers 4 --no-pin \
		--source-rate 0
	if sanitized; then
		skip "$text" "the address sanitizer has memory of its own"
	else
		ok "$text" costs "$@"
		echo "# $1: $(cat "$dir/said") octets each"
	fi
	kill "$pid"
	wait "$pid" 2>/dev/null
}
check "a peer that says nothing takes less than 1 KiB" silent 1023 ""
check "one that has begun to speak less than 8 KiB" begun 8191 ""
check "nor does one whose hello is not whole take more" cut 8191 $key
# Nearly all of it is OpenSSL's own, and more with each version. Of 44 KiB by 3.0
# it has 21 to put a message together, 8 to gather what it sends and 7 for the
# connection, the rest in pieces of less than 1; it cannot be told to have less
# while it waits.
case $(openssl version) in
"OpenSSL 3.0."*)	most=48 ;;
*)			most=56 ;;
esac
check "one of TLS 1.3 that has said hello less than $most KiB" \
	new $((most * 1024 - 1)) $key
check "one of TLS 1.2 that has said hello less than $most KiB" \
	old $((most * 1024 - 1)) $other
finish
