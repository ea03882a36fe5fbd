#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that the lab's machine gives what the other tests build on: the TLS
# upper layer protocol, AES by the processor's instructions, namespaces joined
# by veth, a clock that runs, and a way back for results.

. "$(dirname "$0")/../tap.sh"
plan 7

tls_offered()
{
	grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp
}

# The kernel may instantiate an algorithm only when somebody first asks for it.
aes_by_processor()
{
	python3 - 2>/dev/null <<-'END'
		import socket
		s = socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
		s.bind(("aead", "gcm(aes)"))
	END
	awk -F': *' '$1 ~ /^name/ { name = $2 } $1 ~ /^driver/ && name == "gcm(aes)" { print $2 }' \
		/proc/crypto | grep -E 'aesni|vaes'
}

wire()
{
	ip netns add left && ip netns add right &&
	ip link add wire netns left type veth peer name wire netns right &&
	ip -n left addr add 192.0.2.1/24 dev wire &&
	ip -n right addr add 192.0.2.2/24 dev wire &&
	ip -n left link set wire up && ip -n right link set wire up &&
	ip netns exec left ping -q -c 2 -i 0.2 -W 5 192.0.2.2
}

clock_runs()
{
	local before

	before=$(date +%s%N)
	sleep 0.5
	[ $(($(date +%s%N) - before)) -gt 400000000 ]
}

marks_counted()
{
	ip netns exec left nft -f - <<-'END' &&
		table inet t {
			chain out {
				type filter hook output priority 0
				meta mark 7 counter
			}
		}
	END
	ip netns exec left ping -q -c 1 -m 7 -W 5 192.0.2.2 >/dev/null &&
	ip netns exec left nft list table inet t | grep -q 'counter packets 1 '
}

results_return()
{
	echo '{ "kernel": "'"$(uname -r)"'" }' >"$KPC_OUT/kernel.json" &&
	jq -e .kernel "$KPC_OUT/kernel.json" >/dev/null
}

tools_there()
{
	local tool

	for tool in openssl gnutls-cli mosquitto mosquitto_pub nginx curl \
		    iperf3 stunnel4 socat nft conntrack tcpdump strace gdb jq; do
		command -v "$tool" >/dev/null || { echo "no $tool"; return 1; }
	done
}

ok "the kernel offers the TLS upper layer protocol" tls_offered
ok "AES-GCM runs on the processor's instructions" aes_by_processor
sed 's/^/# /' "$dir/why"
ok "two namespaces joined by veth reach each other" wire
ok "nftables counts by mark" marks_counted
ok "the clock runs" clock_runs
ok "the programs that tests need are installed" tools_there
ok "results come back" results_return
finish
