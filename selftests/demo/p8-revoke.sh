# SPDX-License-Identifier: GPL-2.0-only
# 8. An association is deleted while iperf3 runs through it (I4, X2).
#
# What counts is the order of two things: the acknowledgement and the last
# payload. The kernel's own trace has both in one clock. Deletion runs inside
# the command's send call, and the acknowledgement is queued before that call
# returns, so the return is the earliest moment at which anyone can know. What
# the hooks let out is seen where the device takes it: TCP sends under
# rcu_read_lock from before LOCAL_OUT until there, and a veth has no queue. What
# they let in is seen where the socket takes it, tcp_probe, by the port: other
# associations live on, and MQTT's keep-alive may be answered at any time. On the
# way out its question is shorter than what is looked at.
# shellcheck shell=bash

# Headers are at most 14 + 20 + 60 octets; what is longer carries payload.
HEADERS=94

trace_on()
{
	echo mono >$tracing/trace_clock
	echo 16384 >$tracing/buffer_size_kb
	echo "name == \"wire-a\" && len > $HEADERS" \
		>$tracing/events/net/net_dev_start_xmit/filter
	echo 'data_len > 0 && dport == 5202' >$tracing/events/tcp/tcp_probe/filter
	for call in sendto sendmsg; do
		echo 'comm == "kpc"' | tee \
			$tracing/events/syscalls/sys_{enter,exit}_$call/filter >/dev/null
		echo 1 | tee $tracing/events/syscalls/sys_{enter,exit}_$call/enable >/dev/null
	done
	echo 1 >$tracing/events/net/net_dev_start_xmit/enable
	echo 1 >$tracing/events/tcp/tcp_probe/enable
	echo >$tracing/trace
	echo 1 >$tracing/tracing_on
}

# Ends the trace and sums it up: payload before and after the acknowledgement,
# microseconds of the call and from its begin to the last payload. As JSON.
trace_off()
{
	echo 0 >$tracing/tracing_on
	grep -v '^#' $tracing/trace >"$out/revoke.trace"
	echo 0 >$tracing/events/enable
	echo >$tracing/trace
	awk -v a="$SITE_A" '
	{
		# Task names may have blanks: the time is the first field that
		# is a number with a colon behind it.
		for (i = 1; $i !~ /^[0-9]+\.[0-9]+:$/; i++);
		t = $i + 0
		what = $(i + 1)
	}
	what == "sys_sendto(fd:" || what == "sys_sendmsg(fd:" { begin = t }
	what == "sys_sendto" || what == "sys_sendmsg" { end = t }
	what == "net_dev_start_xmit:" { out[++o] = t }
	what == "tcp_probe:" && $0 ~ "src=" a ":" && !/data_len=0/ { in_[++n] = t }
	END {
		for (i = 1; i <= o; i++)
			if (out[i] > end) oa++; else { ob++; last = out[i] > last ? out[i] : last }
		for (i = 1; i <= n; i++)
			if (in_[i] > end) ia++; else { ib++; last = in_[i] > last ? in_[i] : last }
		printf "{\"out_before\":%d,\"in_before\":%d,\"out_after\":%d,\"in_after\":%d,", \
			ob, ib, oa, ia
		printf "\"call_us\":%d,\"last_us\":%d}\n", (end - begin) * 1e6, (last - begin) * 1e6
	}' "$out/revoke.trace"
}

no_bindings()
{
	[ "$(binding_count site-a bench)$(binding_count site-b bench)" = 00 ]
}

# Octets that the association has carried on site A.
carried()
{
	bindings site-a bench | jq 'map(.tx_octets + .rx_octets) | add // 0'
}

# Deletes the association while iperf3 runs. revoke_during NAME OPTION...; sets
# $reply, $seen, $gone_ms (-1: a binding stayed) and $said.
revoke_during()
{
	local log=$out/iperf3-revoked-$1.json client start
	shift

	na "${as_operator[@]}" iperf3 -c 127.0.0.1 -t 30 -J "$@" >"$log" &
	client=$!
	within 10 eval '[ "$(carried)" -gt 4000000 ]'
	trace_on
	sleep 0.3
	start=$(now_ms)
	reply=$(na kpc -j association del bench)
	sleep 1
	seen=$(trace_off)
	gone_ms=-1
	within 10 no_bindings && gone_ms=$(($(now_ms) - start))
	gone 10 $client && said=$(jq -r .error "$log")
}

# Payload that passed site A's hooks before and after the acknowledgement.
passed()
{
	jq -r '"before it \(.out_before) packets out and \(.in_before) in, " +
		"after it \(.out_after) and \(.in_after)"' <<<"$seen"
}

# How long that took.
took()
{
	local last

	last=$(jq .last_us <<<"$seen")
	echo "$(jq .took_ns <<<"$reply") ns by the kernel, $(jq .call_us <<<"$seen") us" \
		"for the call, last payload ${last#-} us" \
		"$([ "$last" -lt 0 ] && echo before || echo after) it began"
}

point_8()
{
	local reply seen gone_ms said times=()

	revoke_during forward
	times+=("$(took)")
	check "8. kpc association del while iperf3 sends from A" "$reply" \
		jq -e '.name == "bench" and .bindings >= 2' <<<"$reply"
	check "8. no payload passes the hooks after the acknowledgement (I4)" \
		"$(passed)" jq -e '.out_before > 0 and .out_after == 0 and
			.in_after == 0' <<<"$seen"
	check "8. iperf3 and all bindings on both sites end" \
		"after $gone_ms ms at most; iperf3: $said" \
		eval '[ $gone_ms -ge 0 ] && [ -n "$said" ] && [ "$said" != null ]'

	# The file still has it.
	na kpc sync
	na kpc establish bench
	# establish has opened a connection ahead; iperf3, which serves one
	# client at a time, would wait for it to speak.
	na kpc binding del "$(bindings site-a bench | jq '.[0].id')"
	within 10 no_bindings
	revoke_during reverse -R
	times+=("$(took)")
	check "8. the same while iperf3 sends to A" "$(passed); $said" \
		jq -e '.in_before > 0 and .in_after == 0 and .out_after == 0' <<<"$seen"
	check "8. the time it took is known" "${times[0]}; ${times[1]}" \
		jq -e '.call_us > 0' <<<"$seen"
}
