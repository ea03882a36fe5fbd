#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Ends in order where the kernel's TLS holds back what it has taken: TCP has less
# room than a record needs, and the workers always come before the kernel's own
# work that hands records on.
modprobe tls || { echo "1..0 # SKIP this kernel has no TLS"; exit 4; }
read -r wmem </proc/sys/net/ipv4/tcp_wmem
read -r rmem </proc/sys/net/ipv4/tcp_rmem
mtu=$(cat /sys/class/net/lo/mtu)

clean_up()
{
	kill "$favour"
	ip link set lo mtu "$mtu"
	echo "$wmem" >/proc/sys/net/ipv4/tcp_wmem
	echo "$rmem" >/proc/sys/net/ipv4/tcp_rmem
}

ip link set lo up mtu 1500
echo "4096 4608 4608" >/proc/sys/net/ipv4/tcp_wmem
echo "4096 8192 8192" >/proc/sys/net/ipv4/tcp_rmem
while sleep 0.1; do
	# This session's alone: a gateway's own are none of the test's.
	for worker in $(pgrep -s 0 -f '^kpcd worker'); do
		chrt -f -p 1 "$worker" 2>/dev/null
	done
done &
favour=$!
trap clean_up EXIT
taskset -c 0 python3 "$(dirname "$0")/relay.py" "${1:-uring}" kernel ends
