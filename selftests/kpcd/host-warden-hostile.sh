#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves what the warden gives to a worker that somebody has taken over: nothing
# that a sound worker would not have been given (I10, I7, X4). A worker is
# stopped and its socket to the warden is used in its place; so with the resolver.

. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all "only root can take another process's socket"

b=$(free_port)
c=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
tank@example.org hex:$other
late@example.org ascii:valid-from-the-year-2100
init@example.org ascii:of-the-other-role-here
open@example.org ascii:of-one-that-is-open
past@example.org ascii:of-one-that-is-over
END
write "$dir/table" <<END
association pump role b kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b plain unix:$dir/back owner $UID start auto
association tank role b kpc-id tank@example.org \\
	id-a //a.example/cse/Ctank id-b //b.example/cse \\
	offload off listen 127.0.0.1:$c plain unix:$dir/back owner $UID start auto
association late role b kpc-id late@example.org \\
	id-a //a.example/cse/Clate id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b plain unix:$dir/back owner $UID start auto \\
	limit not-before 2100-01-01
association init role a kpc-id init@example.org \\
	id-a //b.example/cse id-b //a.example/cse \\
	offload off peer 127.0.0.1:$b plain unix:$dir/front
association open role a kpc-id open@example.org \\
	id-a //b.example/cse id-b //c.example/cse \\
	offload off peer 127.0.0.1:$b plain unix:$dir/open start demand
association past role a kpc-id past@example.org \\
	id-a //b.example/cse id-b //d.example/cse \\
	offload off peer 127.0.0.1:$b plain unix:$dir/past start demand \\
	limit not-after 2021-01-01
END
echo_backend "$dir/back"
up b --table "$dir/table" --keys "$dir/keys" --workers 1 --key-rate 50
warden=$pid

late=$(printf valid-from-the-year-2100 | od -An -tx1 | tr -d ' \n')
openssl s_client -connect "127.0.0.1:$b" -tls1_3 -psk_identity late@example.org \
	-psk "$late" </dev/null >/dev/null 2>&1
ok "X5: only the log tells that one is outside its dates" within 5 logged b \
	"KpcId late@example.org is known, but the association's dates .not-before, not-after. do not allow it now"
python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.recv(1)' "$dir/past" 2>/dev/null
ok "and at role a too" within 5 logged b \
	"handshake failed NAME=past.*the association's dates .not-before, not-after. do not allow it now"

cat >"$dir/hostile.py" <<'END'
"""Speaks to the warden through a stopped worker's socket."""
import ctypes, os, signal, socket, struct, sys, time

KEY_REQUEST, KEY, BACKEND_REQUEST, BACKEND = 8, 9, 10, 11
libc = ctypes.CDLL(None, use_errno=True)
worker = int(sys.argv[1])
os.kill(worker, signal.SIGSTOP)
fd = libc.syscall(438, os.pidfd_open(worker), 3, 0)  # pidfd_getfd
if fd < 0:
    print("steal", os.strerror(ctypes.get_errno()))
    sys.exit()
warden = socket.socket(fileno=fd)
warden.settimeout(10)
refused = set()
with open(os.path.join(os.path.dirname(__file__), "keys"), encoding="ascii") as store:
    parts = [line.split()[1].partition(":")[::2] for line in store]
stored = [bytes.fromhex(text) if form == "hex" else text.encode()
          for form, text in parts]

def say(kind, body, request=7):
    warden.send(struct.pack("=II", kind, request) + body)

def key_request(kpc_id, association=0, listener=0):
    return (struct.pack("=II", association, listener) + bytes(28) +
            bytes([len(kpc_id)]) + kpc_id.ljust(255, b"\0"))

def ask_key(kpc_id, **more):
    say(KEY_REQUEST, key_request(kpc_id, **more))
    said = warden.recv(65536)
    kind, request, association, length = struct.unpack_from("=IIII", said)
    assert kind == KEY and request == 7
    if association:
        return association, length
    # A refusal is as long as a key: it has nobody's.
    refused.add(said[20:20 + length])
    return 0, sum(octets in said for octets in stored)

def ask_backend(association):
    say(BACKEND_REQUEST, struct.pack("=I", association) + bytes(52))
    data, ancillary, _, _ = warden.recvmsg(65536, 64)
    kind, _, error = struct.unpack_from("=IIi", data)
    assert kind == BACKEND
    return error, len(ancillary)

# Listeners and associations are numbered in the order of the file.
if sys.argv[2] == "ask":
    print("backend-first", *ask_backend(1))
    print("right", *ask_key(b"pump@example.org", listener=1))
    print("backend-then", *ask_backend(1))
    print("backend-again", *ask_backend(1))
    print("listener", *ask_key(b"tank@example.org", listener=1))
    print("no-listener", *ask_key(b"pump@example.org", listener=99))
    print("dates", *ask_key(b"late@example.org", listener=1))
    print("role", *ask_key(b"init@example.org", listener=1))
    print("idle-a", *ask_key(b"init@example.org", association=4))
    print("open-a", *ask_key(b"", association=5))
    print("other-a", *ask_key(b"pump@example.org", association=5))
    print("as-a", *ask_key(b"pump@example.org", association=1))
    print("no-a", *ask_key(b"open@example.org", association=99))
    print("case", *ask_key(b"Pump@example.org", listener=1))
    print("none", *ask_key(b"", listener=1))
    print("nobody", len(refused), len(refused.pop()))
elif sys.argv[2] == "flood":
    started = time.monotonic()
    for _ in range(150):
        ask_key(b"pump@example.org", listener=1)
    print("flood %.1f" % (time.monotonic() - started))
elif sys.argv[2] == "short":
    warden.send(b"\1")
elif sys.argv[2] == "half":
    warden.shutdown(socket.SHUT_WR)
elif sys.argv[2] == "shut":
    warden.shutdown(socket.SHUT_RDWR)
    sys.exit()  # It would see that itself, were it let go.
elif sys.argv[2] == "deaf":
    warden.shutdown(socket.SHUT_RD)
    say(KEY_REQUEST, key_request(b"x", listener=1))
    sys.exit()
elif sys.argv[2] == "type":
    say(4711, b"")
elif sys.argv[2] == "long":
    say(KEY_REQUEST, key_request(b"x", listener=1) + bytes(65000))
if len(sys.argv) > 3:
    # Not let go before the warden has judged.
    time.sleep(0.5)
os.kill(worker, signal.SIGCONT)
END

hostile()
{
	python3 "$dir/hostile.py" "$(workers "$warden")" "$@"
}

hostile ask >"$dir/said" 2>&1
if grep -q "^steal" "$dir/said"; then
	skip_all "$(cat "$dir/said")"
fi
plan 30
said()
{
	grep -qx -- "$1" "$dir/said" || { cat "$dir/said"; return 1; }
}
ok "no backend before a key was given" said "backend-first -1 0"
ok "and that is logged" logged b "asks for a backend of an association whose key it was not given NAME=pump"
ok "the key of the listener's KpcId is given" said "right 1 16"
ok "with it one backend" said "backend-then 0 1"
ok "and no second" said "backend-again -1 0"
ok "I10: no key of another listener" said "listener 0 0"
ok "none of a listener that is none" said "no-listener 0 0"
ok "none before its date" said "dates 0 0"
ok "X4: none of the other role" said "role 0 0"
ok "none of a role a association that nobody opened" said "idle-a 0 0"
ok "that of one that is open" said "open-a 5 19"
ok "and no other KpcId's by naming that one" said "other-a 5 19"
ok "none of role b as if it were role a" said "as-a 0 0"
ok "none of an association that is none" said "no-a 0 0"
ok "T2: none of a KpcId in other letters" said "case 0 0"
ok "none where no KpcId is named" said "none 0 0"
ok "X5: each refusal has the same key, of nobody" said "nobody 1 32"

# 150 keys at 50 a second: a second's worth is there at once.
hostile flood >"$dir/said" 2>&1
ok "keys are given at --key-rate" \
	awk '/^flood/ { exit !($2 > 1.5 && $2 < 6) }' "$dir/said"
sed 's/^/# /' "$dir/said"

# ended WHAT: the worker that sent it is ended and replaced.
ended()
{
	local before

	before=$(workers "$warden")
	hostile "$1" judged
	within 10 eval '[ -n "$(workers "$warden")" ] &&
			[ "$(workers "$warden")" != '"$before"' ]'
}
ok "a short packet ends the worker" ended short
ok "an unknown type too" ended type
ok "a long packet too" ended long
ok "a socket that is closed for sending alone too" ended half

# The more workers have failed the later the next one is started: begin anew.
kill "$warden"
wait "$warden"
up b --table "$dir/table" --keys "$dir/keys" --workers 1
warden=$pid
ok "one that is closed for receiving alone too" ended deaf
ok "one that is closed both ways too" ended shut
blamed()
{
	[ "$(grep -c "worker 0 has shut its socket and goes on" "$dir/b.log")" -eq "$1" ]
}
ok "and that is logged" blamed 2
kill -9 "$(workers "$warden")"
ok "one that is killed is replaced" within 10 eval '[ -n "$(workers "$warden")" ]'
ok "and not blamed for that" blamed 2

write "$dir/table" <<END
association init role a kpc-id init@example.org \\
	id-a //b.example/cse id-b //a.example/cse \\
	offload off peer no-such-host.invalid:9 plain unix:$dir/front start auto
END
up a --table "$dir/table" --keys "$dir/keys"
resolver()
{
	pgrep -P "$pid" -x kpcd-r0
}
within 10 resolver
shut=$(resolver)
python3 "$dir/hostile.py" "$shut" shut
ok "a resolver that shuts its socket is ended and replaced" within 30 eval \
	'[ -n "$(resolver)" ] && [ "$(resolver)" != '"$shut"' ]'
finish
