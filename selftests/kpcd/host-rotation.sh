#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves a rotation as an operator makes it (X3): two KpcIds of one pair overlap,
# keys by reference come and go with a reload, what is broken changes nothing, and
# no connection ends but those of the KpcId that is taken away (M2, I6).

. "$(dirname "$0")/lib.sh"
plan

port=$(free_port)
new=0123456789abcdef0123456789abcdef
third=00010203040506070809ffeeddccbbaa

# association NAME: for the same two entities, under a KpcId of its own.
association()
{
	echo "association $1 role b kpc-id $1@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto"
}
write "$dir/keys" <<<"old@example.org hex:$key"
association old | write "$dir/table"
echo_backend "$dir/back"

# The agent has a session ring of its own, as under systemd, and credentials.
ring()
{
	python3 -c '
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
keyctl, add_key = (250, 248) if os.uname().machine == "x86_64" else (219, 217)
words = sys.argv[2:]
if sys.argv[1] == "run":	# KEYCTL_JOIN_SESSION_KEYRING
    if libc.syscall(keyctl, 1, None) < 0:
        sys.exit(1)
    os.execvp(words[0], words)
elif sys.argv[1] == "add":	# to KEY_SPEC_USER_KEYRING, for two minutes
    key = libc.syscall(add_key, b"user", words[0].encode(),
                       sys.stdin.buffer.read(), len(words[1]), -4)
    sys.exit(key < 0 or libc.syscall(keyctl, 15, key, 120) < 0)
else:				# KEYCTL_SEARCH, KEYCTL_UNLINK
    key = libc.syscall(keyctl, 10, -4, b"user", words[0].encode(), 0)
    sys.exit(key < 0 or libc.syscall(keyctl, 9, key, -4) < 0)
' "$@"
}
name=kpc-rotation:$$
if printf %s "$new" | ring add $name "$new"; then
	reference="keyring+hex:@u/$name"
else
	echo "# no key rings here: the key is in a file"
	printf %s "$new" | write "$dir/new.hex"
	reference="file+hex:$dir/new.hex"
	ring() { [ "$1" != run ] || exec "${@:2}"; rm -f "$dir/new.hex"; }
fi
mkdir -m 700 "$dir/credentials"
kpcd=$(type -P kpcd)
kpcd()
{
	export CREDENTIALS_DIRECTORY=$dir/credentials
	ring run "$kpcd" "$@"
}
kpcd --table "$dir/table" --keys "$dir/keys" --workers 2 --drain 5 \
	</dev/null >>"$dir/b.log" 2>&1 &
started+=($!)
within 10 eval '[ "$(grep -c "worker [0-9]* is ready" "$dir/b.log")" = 2 ]'
warden=$(sed -n 's/.*worker 0 is ready.*PID=//p' "$dir/b.log" | xargs -I% ps -o ppid= -p % | tr -d ' ')
started+=("$warden")

# connect N KPCID KEY: a connection that stays, on descriptor N.
connect()
{
	mkfifo "$dir/in$1"
	timeout 120 openssl s_client -connect "127.0.0.1:$port" \
		-psk_identity "$2@example.org" -psk "$3" -tls1_3 -quiet \
		<"$dir/in$1" >"$dir/out$1" 2>&1 &
	started+=($!)
	eval "exec $1>\"$dir/in$1\""
	lives "$1"
}
count=0
lives()
{
	count=$((count + 1))
	(trap '' PIPE; echo "alive $count" >&"$1") 2>/dev/null
	within 5 grep -q "alive $count" "$dir/out$1"
}
# reload PATTERN: SIGHUP, then a line of the log from after it.
reload()
{
	local seen

	seen=$(wc -l <"$dir/b.log")
	kill -HUP "$warden"
	within 5 eval 'tail -n +'$((seen + 1))' "$dir/b.log" | grep -qF -- "'"$1"'"'
}
opens() { answered "$port" "$1@example.org" "$2" -tls1_3; }

ok "a connection of the old KpcId" connect 7 old $key

# The overlap
write "$dir/keys" <<END
old@example.org hex:$key
new@example.org $reference
END
{ association old; association new; } | write "$dir/table"
ok "X3: a second KpcId for the same pair, its key by reference" \
	reload ": reloaded"
ok "the old KpcId's connection goes on" lives 7
ok "the new KpcId has one" connect 8 new $new
ok "and the old one opens others meanwhile" opens old $key
ok "each with its own Kpc only" \
	eval 'not opens old $new && not opens new $key'

# A Kpc that is replaced under one KpcId
echo "$third" | write "$dir/credentials/kpc.new"
write "$dir/keys" <<END
old@example.org hex:$key
new@example.org credential+hex:kpc.new
END
ok "X3: another Kpc for the new KpcId, a credential" reload ": reloaded"
ok "opens what comes next" opens new $third
ok "the one before does not" not opens new $new
ok "connections made with it go on" eval 'lives 7 && lives 8'

# What is broken. refused FILE:LINE..., all stays.
holds()
{
	reload "$1" && reload "reload refused; all stays as it was" &&
		lives 7 && lives 8 && opens old $key && opens new $third
}
ok "X3: a reference to nothing is refused, all stays" \
	eval 'ring drop $name
	write "$dir/keys" <<<"old@example.org hex:$key
new@example.org $reference"
	holds "$dir/keys:2: "'
rm "$dir/credentials/kpc.new"
write "$dir/keys" <<END
old@example.org hex:$key
new@example.org credential+hex:kpc.new
END
ok "so is a credential that is gone" \
	holds "$dir/keys:2: key: credential: there is none of that name"
echo "${third}0" | write "$dir/credentials/kpc.new"
ok "one that is no key" \
	holds "$dir/keys:2: credential+hex:kpc.new: key: hex: has an odd number of digits"
echo "$key" | write "$dir/credentials/kpc.new"
ok "T4: one that another KpcId has" \
	holds "has the same key as"
echo "$third" | write "$dir/credentials/kpc.new"
{ association old; association new; echo "association x role b"; } |
	write "$dir/table"
ok "an association file with a line that is none" holds "$dir/table:7: "
{ association old; association new; } | write "$dir/table"
ok "and the next good one is taken" reload ": reloaded"

# The end of the old one
write "$dir/keys" <<<"new@example.org credential+hex:kpc.new"
association new | write "$dir/table"
ok "X3: the old KpcId is taken away" reload "association gone NAME=old"
ok "its connection ends" within 5 logged b "connection closed NAME=old .*the association is gone"
ok "the other's goes on" lives 8
ok "the old KpcId opens nothing" not opens old $key
ok "the new one does" opens new $third
ok "I6: no key in the log" not grep -qE "$key|$new|$third" "$dir/b.log"
finish
