# SPDX-License-Identifier: GPL-2.0-only
# 5. On the wire there are TLS records and nothing of what crossed; in the
# kernel there are the contexts that made them.
#
# That the agent made no record is shown at the library it would need: probes
# on OpenSSL's entry points, set before the agents started, count by program.
# shellcheck shell=bash

tracing=/sys/kernel/tracing
PROBED=(SSL_new SSL_free SSL_write SSL_write_ex SSL_sendfile SSL_read SSL_read_ex)

# Counts calls of OpenSSL's functions by every program, without a record each.
probe_openssl()
{
	local library name offset

	library=$(realpath "$(ldd "$(command -v kpcd)" | awk '/libssl/ { print $3 }')")
	for name in "${PROBED[@]}"; do
		offset=$(nm -D "$library" | awk -v n="$name" \
			'{ sub(/@.*/, "", $3) } $3 == n && $2 == "T" { print $1 }')
		echo "p:demo/$name $library:0x$offset" >>$tracing/uprobe_events
		echo 'hist:keys=common_pid.execname' >"$tracing/events/demo/$name/trigger"
	done
}

# How often the agents, or others named, called a function.
calls()
{
	awk -v who="${2:-kpcd}" '$0 ~ who && /hitcount:/ { n += $NF } END { print n + 0 }' \
		"$tracing/events/demo/$1/hist"
}

# That each probe is there, and those of reading and writing count: point 4's
# s_client calls the two of them that kpcd would not.
probes_count()
{
	local name

	for name in "${PROBED[@]}"; do
		[ -e "$tracing/events/demo/$name/hist" ] || return
	done
	[ "$(calls SSL_read openssl)" -gt 0 ] && [ "$(calls SSL_write openssl)" -gt 0 ]
}

# All of the agents' calls that would make or read a record.
record_calls()
{
	local name n=0

	for name in SSL_write SSL_write_ex SSL_sendfile SSL_read SSL_read_ex; do
		n=$((n + $(calls $name)))
	done
	echo $n
}

unprobe_openssl()
{
	local name

	for name in "${PROBED[@]}"; do
		echo '!hist:keys=common_pid.execname' >"$tracing/events/demo/$name/trigger"
		echo "-:demo/$name" >>$tracing/uprobe_events
	done
}

# A capture on a machine: capture NETNS DEVICE FILE FILTER...; sets $tcpdump.
capture()
{
	local netns=$1 device=$2 file=$3
	shift 3

	shown "$netns" tcpdump -i "$device" -w "${file##*/}" "$@" '&'
	ip netns exec "$netns" tcpdump -Z root -U --immediate-mode -B 65536 -s 0 -i "$device" \
		-w "$file" "$@" 2>"$file.log" &
	tcpdump=$!
	within 10 has "$file.log" 'listening on'
}

# Ends a capture when it has nothing more to write: end_capture PID FILE.
end_capture()
{
	local before=-1

	while [ "$(stat -c %s "$2")" != "$before" ]; do
		before=$(stat -c %s "$2")
		sleep 0.5
	done
	kill -INT "$1"
	wait "$1"
}

# A value of /proc/net/tls_stat.
tls_stat()
{
	at "$1" awk -v k="$2" '$1 == k { print $2 }' /proc/net/tls_stat
}

# Software contexts of a site against its bindings; sets $facts.
contexts()
{
	local tx rx n

	tx=$(tls_stat "$1" TlsCurrTxSw)
	rx=$(tls_stat "$1" TlsCurrRxSw)
	n=$(binding_count "$1")
	facts="TlsCurrTxSw $tx, TlsCurrRxSw $rx, bindings $n; since boot" 
	facts+=" TlsTxSw $(tls_stat "$1" TlsTxSw), TlsRxSw $(tls_stat "$1" TlsRxSw)"
	[ "$n" -gt 0 ] && [ "$tx" = "$n" ] && [ "$rx" = "$n" ]
}

# Sends a marker both ways, by MQTT and by HTTP.
send_marker()
{
	local got

	yes "$1" | head -c 1M >"$run/www/marker"
	got=$(na "${as_operator[@]}" curl -sS -m 20 --unix-socket "$FILES" \
		http://site-b/marker | sha)
	nb mosquitto_sub -h 127.0.0.1 -t sensor/marker -C 1 -W 60 >"$run/got-marker" &
	within 10 has "$run/mosquitto-b.log" 'sensor/marker \(QoS'
	nd mosquitto_pub -h $DEVICE_GATEWAY -t sensor/marker -q 1 -m "$1"
	wait $!
	[ "$got" = "$(sha "$run/www/marker")" ] && has "$run/got-marker" "$1"
}

point_5()
{
	local facts marker ok wire plain seen control tcpdump site

	marker="marker-$(openssl rand -hex 16)"
	capture wire site-b "$out/wire.pcap" tcp
	wire=$tcpdump
	capture site-b lo "$run/plain.pcap" tcp
	plain=$tcpdump
	send_marker "$marker"
	ok=$?
	end_capture $wire "$out/wire.pcap"
	end_capture $plain "$run/plain.pcap"
	control=$("$demo/wire.py" "$run/plain.pcap" "$marker")
	seen=$("$demo/wire.py" "$out/wire.pcap" "$marker")
	rm -f "$run/plain.pcap"

	check "5. a marker crossed and stands in a capture of the plain leg" \
		"$(jq .marker <<<"$control") times" \
		eval "[ $ok = 0 ] && [ $(jq .marker <<<"$control") -gt 0 ]"
	check "5. not one octet string of it is on the wire" \
		"$(jq .marker <<<"$seen") times in $(jq .octets <<<"$seen") octets" \
		jq -e '.marker == 0 and .octets > 1048576' <<<"$seen"
	check "5. every octet on the wire belongs to a TLS record" \
		"$(jq -c .records <<<"$seen"), $(jq .outside <<<"$seen") outside, $(
			jq .holes <<<"$seen") holes, dropped by the capture: $(
			sed -n 's/ packets dropped by kernel//p' "$out/wire.pcap.log")" \
		jq -e '.outside == 0 and .holes == 0 and .records.application_data > 0' <<<"$seen"

	for site in site-a site-b; do
		within 5 contexts $site
		ok=$?
		check "5. $site: a kernel TLS context each way for every binding" \
			"$facts" test $ok = 0
	done

	check "5. the agents made no record: OpenSSL's read and write never called" \
		"$(record_calls) calls, by s_client $(calls SSL_read openssl) and $(
			calls SSL_write openssl)" \
		eval 'probes_count && [ $(record_calls) = 0 ]'
	check "5. their OpenSSL objects are gone after the handshakes" \
		"$(calls SSL_new) made, $(calls SSL_free) freed" \
		eval '[ $(calls SSL_new) -gt 0 ] && [ $(calls SSL_new) = $(calls SSL_free) ]'
}
