#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves how long a peer of role b may take for its handshake: what the largest
# handshake-time of its listener's associations says until it has proved its Kpc,
# and then what its own association says (X5: the time does not tell whether a
# KpcId is known).

. "$(dirname "$0")/lib.sh"
plan 9

x=$(free_port)
y=$(free_port)
write "$dir/keys" <<END
alone@example.org hex:$key
quick@example.org hex:$other
patient@example.org ascii:of-one-that-waits-long
END
# associations TIME: the table. There is one at $x, and two are at $y, of which the
# patient one has that handshake-time.
associations()
{
	local with="offload off plain unix:$dir/back owner $UID start auto \\
		versions tls1.2 suites TLS_PSK_WITH_CHACHA20_POLY1305_SHA256"

	write "$dir/table" <<-END
	association alone role b kpc-id alone@example.org listen 127.0.0.1:$x $with \\
		id-a //a.example/cse/Calone id-b //b.example/cse limit handshake-time 2s
	association quick role b kpc-id quick@example.org listen 127.0.0.1:$y $with \\
		id-a //a.example/cse/Cquick id-b //b.example/cse limit handshake-time 2s
	association patient role b kpc-id patient@example.org listen 127.0.0.1:$y $with \\
		id-a //a.example/cse/Cpatient id-b //b.example/cse limit handshake-time $1
	END
}
associations 1h
echo_backend "$dir/back"
up b --table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin
warden=$pid

cat >"$dir/late.py" <<'END'
"""late.py silent PORT SECONDS | late.py PORT IDENTITY KEY: a peer that says
nothing, or names itself and takes 4 seconds to prove it."""
import os, socket, sys, time

sys.path.insert(0, os.environ["TESTS"])
from tls import APPLICATION_DATA, Alert, Peer12

def silent(port, seconds):
    """Whether the agent waited so long."""
    at = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(seconds)
        try:
            s.recv(1)
        except ConnectionError:
            pass
        except TimeoutError:
            return "waits"
    return "ended" if time.monotonic() - at >= 2 else "early"

def late(port, identity, key):
    """What became of it."""
    with Peer12(port, identity.encode(), key) as peer:
        peer.greet()
        change, *rest = peer.last()
        peer.send(change)
        peer.socket.settimeout(4)
        try:
            return f"not waited for: {peer.read()}"
        except TimeoutError:
            peer.socket.settimeout(15)
        except (EOFError, ConnectionError):
            return "not waited for"
        peer.send(*rest)
        try:
            peer.established()
            peer.send(peer.protect(APPLICATION_DATA, b"hello"))
            return peer.read()[1].decode()
        except (EOFError, ConnectionError, Alert) as error:
            return f"refused {error}"

if sys.argv[1] == "silent":
    print(silent(*map(int, sys.argv[2:])))
else:
    print(late(int(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3])))
END
export TESTS=${0%/*}

declare -A slow
# comes NAME ARGS...: a slow peer. All come at once, and each is waited for when
# it is asked what it said.
comes()
{
	local name=$1
	shift

	python3 "$dir/late.py" "$@" >"$dir/said.$name" 2>&1 &
	slow[$name]=$!
}

# said NAME PATTERN: what that peer printed.
said()
{
	wait "${slow[$1]}"
	grep -E -- "^$2" "$dir/said.$1" || { cat "$dir/said.$1"; return 1; }
}
comes silent-alone silent "$x" 15
comes silent-beside silent "$y" 6
comes patient "$y" patient@example.org \
	"$(printf of-one-that-waits-long | od -An -tx1 | tr -d ' \n')"
comes quick "$y" quick@example.org "$other"
comes wrong "$y" quick@example.org "$key"
comes unknown "$y" nobody@example.org "$key"
ok "a silent peer is ended after its listener's handshake-time" \
	said silent-alone "ended$"
ok "and the log says why" logged b \
	"handshake failed PEER=.*the handshake was not over in time"
ok "where one of two associations is patient, it waits" said silent-beside waits
ok "a slow peer of that one is served" said patient "hello$"
ok "one of the other is refused once its Kpc is proved" said quick refused
ok "and the log says why" logged b \
	"handshake failed NAME=quick .*took longer than its association's handshake-time"
# Were it ended before it has proved anything, its KpcId would be a known one.
ok "X5: one that has not the Kpc is waited for as one that is not known" \
	said wrong "refused alert 20$"
ok "and that one too" said unknown "refused alert 20$"
associations 2s
kill -HUP "$warden"
within 5 logged b "kpcd: reloaded"
comes later silent "$y" 15
ok "what is configured later holds" said later "ended$"
finish
