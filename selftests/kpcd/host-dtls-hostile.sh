#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves what DTLS bears (M7, I8): a path that loses, doubles and disorders;
# datagrams that nobody should send; hellos from everywhere, which cost no memory
# and give no more than they are; and peers that prove their address and no key.
#
#   program --- kpcd a === path === kpcd b --- backend
#                        hostile ==/

. "$(dirname "$0")/lib.sh"
plan

datagrams="$(dirname "$0")/dtls.py"
b=$(free_port)
path=$(free_port)
back=$(free_port)
front=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
END
write "$dir/b.table" <<END
association pump role b kpc-id pump@example.org id-a //a.example/cse id-b //b.example/cse \\
	profile onem2m versions dtls1.2 offload off listen *:$b start auto \\
	plain udp:127.0.0.1:$back allow-uid $UID
END
write "$dir/a.table" <<END
association pump role a kpc-id pump@example.org id-a //a.example/cse id-b //b.example/cse \\
	profile onem2m versions dtls1.2 offload off peer 127.0.0.1:$path start demand \\
	plain udp:127.0.0.1:$front allow-uid $UID
END
python3 "$datagrams" echo 127.0.0.1 "$back" &
started+=($!)
python3 "$datagrams" path "$path" "$b" 5 &
started+=($!)
within 5 bound "$back"
within 5 bound "$path"
# All peers may come from one address.
up b --table "$dir/b.table" --keys "$dir/keys" --workers 1 --no-pin --source-rate 0 --key-rate 100000
bpid=$pid
worker=$(workers "$bpid")
up a --table "$dir/a.table" --keys "$dir/keys" --workers 1 --no-pin

peer()
{
	talk hello hello timeout 10 openssl s_client -dtls -connect "127.0.0.1:$b" \
		-psk_identity pump@example.org -psk $key \
		-cipher PSK-AES128-CCM8:@SECLEVEL=0 -quiet -no_ign_eof | grep -qx hello
}
same_worker()
{
	[ "$(workers "$bpid")" = "$worker" ]
}
# resident: KiB that the worker has.
resident()
{
	awk '/^VmRSS/ { print $2 }' "/proc/$worker/status"
}
# grown FROM MOST: it has no more than MOST KiB more.
grown()
{
	# A sanitizer keeps what is freed.
	sanitized && return
	echo "$1 KiB before, $(resident) after"
	[ $(($(resident) - $1)) -le "$2" ]
}

within 5 bound "$front"
ok "over a path that loses, doubles and disorders a tenth each all goes through that is not lost" \
	python3 "$datagrams" lossy "$front" 400
ok "cookies that are another's, or of another hello, are none" python3 "$datagrams" cookies "$b"
ok "a good peer is served" peer
before=$(resident)
# flood: 100000 hellos, while a good peer comes.
flood()
{
	python3 "$datagrams" flood "$b" 100000 5000 "$(free_port)" >"$dir/flood" 2>&1 &
	local process=$!

	peer
	echo $? >"$dir/meanwhile"
	wait $process
	local status=$?

	cat "$dir/flood"
	return $status
}
ok "100000 hellos from 5000 addresses get no more octets than they are" flood
ok "a good peer is served meanwhile" [ "$(cat "$dir/meanwhile")" = 0 ]
ok "and they have cost no memory" grown "$before" 512
ok "datagrams that nobody should send" python3 "$datagrams" malformed "$b" 3 20000
ok "have not ended the worker" same_worker
ok "nor keep a good peer out" peer
ok "3000 peers that show their address and say no more" python3 "$datagrams" proved "$b" 3000
ok "give way to each other" logged b 'the oldest gives way'
ok "have no more than their share of memory" grown "$before" 90000
ok "and do not keep a good peer out" peer
ok "all that by one worker" same_worker
finish
