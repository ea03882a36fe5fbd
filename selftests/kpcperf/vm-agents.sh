#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What two agents relay on io_uring, their records by the kernel.
modprobe tls || { echo "1..0 # SKIP this kernel has no TLS"; exit 4; }
exec python3 "$(dirname "$0")/agents.py" uring kernel
