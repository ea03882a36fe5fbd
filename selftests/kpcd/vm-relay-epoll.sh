#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The relay with records carried by the kernel, on epoll.
modprobe tls || { echo "1..0 # SKIP this kernel has no TLS"; exit 4; }
# Stalled connections must not fill the machine's TCP memory.
sysctl -qw net.ipv4.tcp_rmem="4096 131072 524288" net.ipv4.tcp_wmem="4096 131072 524288"
exec python3 "$(dirname "$0")/relay.py" epoll kernel short
