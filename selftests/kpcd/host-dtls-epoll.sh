#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The relay of DTLS where io_uring is forbidden (host-dtls.sh).

exec "$(dirname "$0")/host-dtls.sh" epoll
