#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every octet of many connections, on both engines, their records by OpenSSL. In a
# network of its own sockets get so little room that many sends are cut short.
all=(python3 "$(dirname "$0")/integrity.py" agent)
unshare --net true 2>/dev/null || exec "${all[@]}"
exec unshare --net bash -ec '
	ip link set lo up mtu 9000
	echo "4096 16384 65536" >/proc/sys/net/ipv4/tcp_wmem
	echo "4096 16384 65536" >/proc/sys/net/ipv4/tcp_rmem
	exec "$@"' bash "${all[@]}"
