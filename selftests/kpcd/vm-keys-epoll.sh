#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Keys that wear out and keys that change, of records carried by the kernel under
# kpc.ko, on epoll.
modprobe tls || { echo "1..0 # SKIP this kernel has no TLS"; exit 4; }
modprobe kpc || { echo "1..0 # SKIP the module kpc is not there"; exit 4; }
exec python3 "$(dirname "$0")/relay.py" epoll kernel enforce keys
