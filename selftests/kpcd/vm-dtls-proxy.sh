#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who tells a backend of datagrams who is there, with a firewall (host-dtls-proxy.sh).
exec "$(dirname "$0")/host-dtls-proxy.sh" alone
