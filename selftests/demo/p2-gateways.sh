# SPDX-License-Identifier: GPL-2.0-only
# 2. Services behind site B's gateway, and site A commanded to establish (M1,
# M3): local programs reach B through a local socket.
# shellcheck shell=bash

# Where site B is listened at, one a line.
site_b_listens()
{
	at site-b ss -Htln | awk '{ print $4 }' | sort -u
}

point_2()
{
	local reply status

	start_backends
	check "2. mosquitto, nginx and iperf3 serve plainly, on site B's loopback only" \
		"$(site_b_listens | xargs)" \
		test "$(site_b_listens | xargs)" = \
		"127.0.0.1:1883 127.0.0.1:5201 127.0.0.1:8080"

	start_monitors
	start_agent site-b
	start_agent site-a
	start_bridge
	check "2. kpcd runs on both sites" \
		"workers: $(workers site-a | xargs) and $(workers site-b | xargs)" \
		eval 'agent_ready site-a && agent_ready site-b'

	within 20 bridged
	check "2. 'start auto': telemetry came up without a command" \
		"$(bindings site-a telemetry | jq -r '.[0] | "\(.kpc_id), \(.id_a) -> \(.id_b)"')" \
		bridged

	reply=$(na kpc establish files)
	status=$?
	check "2. kpc establish files: one command with KpcId, IdA and IdB (M3)" \
		"${reply//$'\n'/; }" test $status = 0
	reply=$(na kpc establish bench)
	status=$?
	check "2. kpc establish bench, the association that was provisioned" \
		"${reply//$'\n'/; }" test $status = 0

	echo "hello from site B" >"$run/www/hello"
	reply=$(na "${as_operator[@]}" curl -sS -m 10 --unix-socket /run/kpc/files.sock \
		http://site-b/hello 2>&1)
	check "2. site A's operator reaches nginx through a UNIX socket" \
		"$reply" test "$reply" = "hello from site B"
}

# The brokers have found each other: site B's has told the bridge that it is
# subscribed, and the octets came by the association.
bridged()
{
	has "$run/mosquitto-b.log" "Sending SUBACK" &&
		bindings site-a telemetry | jq -e 'any(.rx_octets > 0)' >/dev/null
}
