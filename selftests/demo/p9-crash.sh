# SPDX-License-Identifier: GPL-2.0-only
# 9. The agent is killed: first one worker, then all of it (I5, I8).
# shellcheck shell=bash

# Site B's sessions that hold downloads, one a line.
download_sessions()
{
	bindings site-b files | jq -r '.[] | select(.tx_octets > 0) | .session' | sort -un
}

# One download whose reader waits for a sign before it takes more than the
# buffers hold. Leaves sum and status of curl in a file.
held_download()
{
	local status

	{
		at site-a "${as_operator[@]}" curl -sS -m 120 --unix-socket "$FILES" \
			http://site-b/held 2>/dev/null
		status=$?
		echo $status >"$run/held-$1.status"
	} | { within 60 test -e "$run/go"; sha; } >"$run/held-$1.sum"
}

# Starts downloads until two workers of site B have some. Sets $downloads.
spread_downloads()
{
	local i

	downloads=()
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		held_download $i &
		downloads+=($!)
		within 5 eval '[ "$(bindings site-b files |
			jq "map(select(.tx_octets > 0)) | length")" -ge '$i' ]'
		[ "$(download_sessions | wc -l)" -lt 2 ] || return 0
	done
	return 1
}

kill_worker()
{
	local downloads session victim before others i sum good=0 bad=0 kept

	head -c 24M /dev/urandom >"$run/www/held"
	sum=$(sha "$run/www/held")
	say "downloads until both workers of site B have some"
	spread_downloads
	session=$(download_sessions | tail -n 1)
	victim=$(at site-b kpc -j session show | jq -r --argjson s "${session:-0}" \
		'.[] | select(.id == $s) | .pid')
	before=$(workers site-b | wc -l)
	others=$(bindings site-b | jq -c --argjson s "${session:-0}" \
		'[.[] | select(.session != $s) | .id] | sort')
	nb kill -9 "$victim"
	within 10 replaced site-b "$victim" "$before"
	check "9. kill -9 of a worker: replaced" \
		"$victim gone, now $(workers site-b | xargs)" \
		replaced site-b "$victim" "$before"
	kept=$(bindings site-b | jq -c --argjson o "$others" \
		'[.[].id | select(. as $i | $o | index($i) != null)] | sort')
	touch "$run/go"
	wait "${downloads[@]}"
	for i in "${!downloads[@]}"; do
		i=$((i + 1))
		if [ "$(cat "$run/held-$i.status")" != 0 ]; then
			bad=$((bad + 1))
		elif [ "$(cat "$run/held-$i.sum")" = "$sum" ]; then
			good=$((good + 1))
		fi
	done
	check "9. other connections untouched" \
		"bindings of the other worker $others, after it $kept; of ${#downloads[@]} downloads $good whole, $bad ended with an error" \
		eval '[ "$kept" = "$others" ] && [ $good -gt 0 ] && [ $bad -gt 0 ] &&
			[ $((good + bad)) = ${#downloads[@]} ]'
	rm -f "$run"/held-* "$run/www/held"
}

# A site has as many workers as before, and not the one that was killed.
replaced()
{
	local now

	now=$(workers "$1")
	[ -n "$2" ] && [ "$(wc -l <<<"$now")" = "$3" ] && ! grep -qx "$2" <<<"$now"
}

# Whether anything of ours still runs on a site.
agent_gone()
{
	! ip netns pids "$1" | xargs -r ps -o comm= -p | grep -q kpcd
}

# What site B's agent says of connections of files that broke off.
cut_files()
{
	grep 'connection truncated NAME=files ' "$run/kpcd-site-b.log"
}

kill_agent()
{
	local client reply status before

	shown site-a curl --limit-rate 400k -T upload '&'
	head -c 8M /dev/urandom >"$run/operator/upload"
	chown $OPERATOR "$run/operator/upload"
	at site-a "${as_operator[@]}" curl -sS -m 120 --limit-rate 400k \
		--unix-socket "$FILES" -T "$run/operator/upload" \
		http://site-b/upload/cut 2>"$run/upload.log" &
	client=$!
	within 10 eval 'bindings site-b files | jq -e "any(.rx_octets > 100000)" >/dev/null'
	before=$(cut_files | wc -l)
	na kill -9 "${agent[site-a]}"
	wait $client
	status=$?
	within 10 agent_gone site-a
	check "9. kill -9 of kpcd on A: relayed connections end" \
		"curl: $(tail -n 1 "$run/upload.log"); bindings left on A: $(binding_count site-a)" \
		eval '[ $status != 0 ] && agent_gone site-a && [ "$(binding_count site-a)" = 0 ]'
	within 5 eval '[ "$(cut_files | wc -l)" -gt '"$before"' ]'
	check "9. the far side learns that it was truncation (I8)" \
		"kpcd on B: $(cut_files | tail -n 1); upload stored: $(
		ls "$run/www/upload" | wc -l)" \
		eval '[ "$(cut_files | wc -l)" -gt '"$before"' ] &&
			[ ! -e "$run/www/upload/cut" ]'

	reply=$(na "${as_operator[@]}" curl -sS -m 5 --unix-socket "$FILES" \
		http://site-b/hello 2>&1)
	status=$?
	check "9. nothing new opens" "$reply" test $status != 0
	before=$(wire_count protected_syn)
	reply=$(na curl -sS -m 5 http://$SITE_B:8443/hello 2>&1)
	status=$?
	check "9. A's protected endpoints stay closed" \
		"$reply; $(($(wire_count protected_syn) - before)) SYN on the wire; associations: $(association_names site-a)" \
		test "$status $(($(wire_count protected_syn) - before))" = "7 0"
}

# B's port without B's agent, though another program listens there.
kill_far_agent()
{
	local reply status intruder

	nb kill -9 "${agent[site-b]}"
	within 10 agent_gone site-b
	shown site-b python3 -m http.server -b $SITE_B 8443 '&'
	ip netns exec site-b python3 -m http.server -d "$run/www" -b $SITE_B 8443 \
		>"$run/intruder.log" 2>&1 &
	intruder=$!
	within 10 listening site-b 8443
	reply=$(nf curl -sS -m 5 http://$SITE_B:8443/hello 2>&1)
	status=$?
	kill $intruder
	check "9. kpcd of B killed too: another program on B's protected port is not reached (I3, I5)" \
		"$reply" eval '[ $status != 0 ] && [[ "$reply" != *hello* ]]'
}

agent_back()
{
	start_agent site-b
	start_agent site-a
	within 20 bridged
	check "9. kpcd started again: telemetry is back by itself" \
		"$(bindings site-a telemetry | jq -r '.[0] | "\(.id_a) -> \(.id_b), \(.suite)"')" \
		bridged
}

point_9()
{
	kill_worker
	kill_agent
	kill_far_agent
	agent_back
}
