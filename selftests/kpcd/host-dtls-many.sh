#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# 4000 peers of DTLS at one worker: each has its datagrams echoed, and one that is
# silent costs less than 8 KiB.
#
#   4000 programs --- kpcd a === kpcd b --- backend

. "$(dirname "$0")/lib.sh"
ulimit -n 16384 2>/dev/null || skip_all "16384 descriptors are needed"
plan 10

datagrams="$(dirname "$0")/dtls.py"
b=$(free_port)
back=$(free_port)
front=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
END
words="kpc-id pump@example.org id-a //a.example/cse id-b //b.example/cse profile onem2m \
	suites PSK-AES128-CCM8 versions dtls1.2 offload off"
write "$dir/b.table" <<END
association pump role b $words start auto listen 127.0.0.1:$b \\
	plain udp:127.0.0.1:$back allow-uid $UID
END
write "$dir/a.table" <<END
association pump role a $words start demand peer 127.0.0.1:$b \\
	plain udp:127.0.0.1:$front allow-uid $UID
END
python3 "$datagrams" echo 127.0.0.1 "$back" &
started+=($!)
up b --table "$dir/b.table" --keys "$dir/keys" --workers 1 --no-pin --source-rate 0 --key-rate 100000
bpid=$pid
b_worker=$(workers "$bpid")
up a --table "$dir/a.table" --keys "$dir/keys" --workers 1 --no-pin --key-rate 100000
apid=$pid
a_worker=$(workers "$apid")

# resident WORKER: KiB that it has.
resident()
{
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}
# cheap WORKER BEFORE: less than 8 KiB for each peer since.
cheap()
{
	local now

	now=$(resident "$1")
	echo "# $(((now - $2) * 1024 / 4000)) octets each" | tee -a "$dir/each"
	# A sanitizer keeps what is freed.
	sanitized || [ $((now - $2)) -lt $((4000 * 8)) ]
}
# What the first ones cost all share.
python3 "$datagrams" crowd "$front" 50 50 1
b_before=$(resident "$b_worker")
a_before=$(resident "$a_worker")
ok "4000 peers come up, 50 at a time, and each has its datagrams echoed" \
	python3 "$datagrams" crowd "$front" 4000 50 3
ok "one costs role b less than 8 KiB" cheap "$b_worker" "$b_before"
ok "and role a" cheap "$a_worker" "$a_before"
cat "$dir/each"
kill "$apid"
ok "an agent with as many tells them all, and ends" wait "$apid"
# 4000 datagrams at once: no more are heard than its socket has room for meanwhile.
ok "role b hears of it" within 20 eval \
	'[ "$(grep -c "closed NAME=pump .*ended in order" "$dir/b.log")" -gt 10 ]'
kill "$bpid"
ok "and ends as well" wait "$bpid"

# Half of the descriptors are 40. It runs in a shell of its own.
kpcd()
{
	ulimit -n 80
	exec "$(type -P kpcd)" "$@"
}
up few --table "$dir/b.table" --keys "$dir/keys" --workers 1 --no-pin --source-rate 0
unset -f kpcd
up a --table "$dir/a.table" --keys "$dir/keys" --workers 1 --no-pin
come_and_go()
{
	local n

	for n in $(seq 12); do
		python3 "$datagrams" crowd "$front" 10 10 1 || return
	done
}
ok "where descriptors are few, 120 peers come all the same" come_and_go
ok "in place of those silent longest" logged few 'closed NAME=pump .*silent longest gives way'
gave_way()
{
	grep -c 'silent longest gives way' "$dir/few.log"
}
gave=$(gave_way)
ok "100 that prove no key come" python3 "$datagrams" proved "$b" 100
# Whoever had given way to them would have been told of before.
one_more()
{
	python3 "$datagrams" crowd "$front" 1 1 1 &&
		within 5 eval '[ "$(gave_way)" -gt $gave ]' && [ "$(gave_way)" = $((gave + 1)) ]
}
ok "and nobody gives way but to one that does" one_more
finish
