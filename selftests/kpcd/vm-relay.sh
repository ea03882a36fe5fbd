#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The relay with records carried by the kernel, on io_uring.
modprobe tls || { echo "1..0 # SKIP this kernel has no TLS"; exit 4; }
exec python3 "$(dirname "$0")/relay.py" uring kernel short
