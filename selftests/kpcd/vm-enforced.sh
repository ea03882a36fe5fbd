#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The relay under kpc.ko: each socket registered, bound and guarded.
modprobe tls || { echo "1..0 # SKIP this kernel has no TLS"; exit 4; }
modprobe kpc || { echo "1..0 # SKIP the module kpc is not there"; exit 4; }
exec python3 "$(dirname "$0")/relay.py" uring kernel enforce
