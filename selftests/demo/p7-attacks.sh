# SPDX-License-Identifier: GPL-2.0-only
# 7. Attacks on the box and on the wire. Each that is stopped has its twin that
# is not, so that it is known to have been real.
# shellcheck shell=bash

as_marker=(setpriv --reuid=1501 --regid=1501 --clear-groups
	--inh-caps=-all,+net_raw --ambient-caps=-all,+net_raw
	--bounding-set=-all,+net_raw)

# Packets that left site A: TCP, UDP, ICMP.
left_site_a()
{
	echo "$(wire_count attack_tcp) $(wire_count attack_udp) $(wire_count attack_icmp)"
}

# Sends from marked sockets, by a process whose only capability is CAP_NET_RAW.
# send_marked MARK; sets $left to what the wire saw of it, $tried to how many
# sends had an outcome.
send_marked()
{
	local before after i

	read -ra before <<<"$(left_site_a)"
	tried=$(na "${as_marker[@]}" "$demo/marked.py" "$1" $SITE_B 9999 |
		jq '[.tcp, .udp[], .cmsg[], .icmp[]] | length')
	read -ra after <<<"$(left_site_a)"
	left=
	for i in 0 1 2; do
		left+=" $((after[i] - before[i]))"
	done
	left=${left# }
}

forged_marks()
{
	local left tried mark log=$out/monitor-site-a.log

	mark=$(mark_of site-a telemetry)
	send_marked 0
	check "7. unmarked, the same sockets reach the wire (control)" \
		"of $tried sends TCP, UDP, ICMP packets on the wire: $left" \
		eval '[[ "$left" =~ ^[1-9][0-9]*\ 6\ 3$ ]]'
	send_marked "$mark"
	check "7. SO_MARK by a process with CAP_NET_RAW: nothing leaves (I1)" \
		"with mark $mark, of $tried sends TCP, UDP, ICMP packets on the wire: $left" \
		test "$tried: $left" = "10: 0 0 0"
	within 5 has "$log" "violation mark: .* $mark, user $GUEST"
	check "7. kpc monitor prints the violation" \
		"$(grep -m 1 "violation mark: .* $mark, user $GUEST" "$log")" \
		has "$log" "violation mark: .* $mark, user $GUEST"
}

# Plain TCP to B's protected ports: from A's box, and arriving at B.
plain_tcp()
{
	local before reply status

	before=$(wire_count protected_syn)
	reply=$(na curl -sS -m 5 http://$SITE_B:8443/hello 2>&1)
	status=$?
	check "7. plain TCP from A's box to B's protected port: refused at once, no packet leaves (I3)" \
		"${reply}; $(($(wire_count protected_syn) - before)) SYN on the wire" \
		test "$status $(($(wire_count protected_syn) - before))" = "7 0"
	reply=$(nf timeout 40 curl -sS -m 35 http://$SITE_B:8443/hello 2>&1)
	status=$?
	check "7. plain HTTP at B's TLS port from elsewhere: no answer" \
		"$reply" eval '[ $status != 0 ] && [[ "$reply" != *hello* ]]'
}

# Another local user at both kinds of local sockets; the operator got through
# both before.
other_users()
{
	local reply status before

	before=$(association_bound site-a bench)
	reply=$(na "${as_guest[@]}" curl -sS -m 5 http://127.0.0.1:5201/ 2>&1)
	status=$?
	within 5 has "$run/kpcd-site-a.log" 'local user refused.*NAME=bench'
	check "7. another uid at A's TCP socket is refused" \
		"$reply; bindings made: $(($(association_bound site-a bench) - before)); kpcd: $(
		grep -oE 'local user refused.*' "$run/kpcd-site-a.log" | tail -n 1)" \
		eval '[ $status != 0 ] && [ $status != 28 ] &&
			[ "$(association_bound site-a bench)" = "$before" ]'
	reply=$(na "${as_guest[@]}" curl -sS -m 5 --unix-socket "$FILES" \
		http://site-b/hello 2>&1)
	status=$?
	check "7. another uid at A's UNIX socket is refused" "$reply" \
		eval '[ $status != 0 ] && [[ "$reply" != *hello* ]]'
}

# How many bindings an association has had.
association_bound()
{
	at "$1" kpc -j association get "$2" | jq .bound
}

# What a client with this identity and key sees: refused_client ID KEY OPTION...
refused_client()
{
	local id=$1 secret=$2 log=$run/refused.log
	shift 2

	nf timeout 60 openssl s_client -connect $SITE_B:8443 -psk_identity "$id" \
		-psk "$secret" "$@" </dev/null >"$log" 2>&1
	grep -oE 'alert [a-z_ ]+|SSL alert number [0-9]+' "$log" | sort -u | paste -sd,
}

# Unknown KpcId and wrong Kpc, compared to the alert (I7, X5).
alike()
{
	local version wrong unknown key start took

	for version in -tls1_2 -tls1_3; do
		new_key "wrong key"
		start=$(now_ms)
		wrong=$(refused_client tls12@site-b.example "$key" $version)
		took="$(($(now_ms) - start)) ms"
		[ $version = -tls1_2 ] ||
			wrong=$(refused_client tls13@site-b.example "$key" $version)
		start=$(now_ms)
		unknown=$(refused_client nobody@site-b.example "$key" $version)
		took+=" and $(($(now_ms) - start)) ms"
		check "7. ${version#-}: wrong Kpc and unknown KpcId are refused alike (I7)" \
			"'$wrong' and '$unknown', $took" \
			eval '[ -n "$wrong" ] && [ "$wrong" = "$unknown" ]'
	done
}

# One KpcId has one role at an entity.
other_role()
{
	local reply status unknown
	local id=telemetry@site-b.example back=back@site-b.example

	reply=$(nb kpc association add mirror role a kpc-id $id \
		id-a //site-a.example/mn id-b //site-b.example/in \
		peer $SITE_A:8883 2>&1)
	status=$?
	check "7. the same KpcId in the other role is refused by the kernel (I7)" \
		"$reply" eval '[ $status = 1 ] &&
			[[ "$reply" == *"in the other role; each direction has its own"* ]]'

	# B itself uses this one as role a: reflected to it, it is unknown.
	reply=$(refused_client $back "${kpc[$back]}" -tls1_3)
	unknown=$(refused_client nobody@site-b.example "${kpc[$back]}" -tls1_3)
	check "7. reflection: B's own role a KpcId with its right key, sent to B (X4)" \
		"'$reply', and '$unknown' for an unknown one" \
		eval '[ -n "$reply" ] && [ "$reply" = "$unknown" ]'
}

# A taken-over worker: its session is real, but it holds no grant (I10).
without_grant()
{
	local reply worker

	worker=$(workers site-a | head -n 1)
	reply=$(na "$KPC_BUILD/selftests/demo/tool_stolen_session" "$worker" \
		telemetry $SITE_B 8883)
	check "7. a worker session's BIND without a grant is refused (I10)" \
		"$reply" jq -e '.session and .registered and .installed and
			(.bind | test("grant"))' <<<"$reply"
}

point_7()
{
	forged_marks
	plain_tcp
	other_users
	alike
	other_role
	without_grant
}
