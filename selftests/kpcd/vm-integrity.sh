#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every octet of many connections over a bad cable, on both engines, their records
# by the kernel and by OpenSSL, under kpc.ko.
modprobe tls || { echo "1..0 # SKIP this kernel has no TLS"; exit 4; }
modprobe kpc || { echo "1..0 # SKIP the module kpc is not there"; exit 4; }
modprobe sch_netem || { echo "1..0 # SKIP this kernel has no netem"; exit 4; }
export KPC_INTEGRITY_MIB="${KPC_INTEGRITY_MIB:-16}"
exec python3 "$(dirname "$0")/integrity.py" wire kernel agent
