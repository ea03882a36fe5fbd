#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# KUnit suites of the module, which run when a module that has them is loaded:
# matching of endpoints, arithmetic of limits, life of associations. What they
# say is in the kernel's log.

. "$(dirname "$0")/../tap.sh"
ko=$KPC_BUILD/kmod/$(uname -r)-kunit/kpc.ko
[ -f "$ko" ] || skip_all "no module was built with KUNIT=1 for this kernel"
grep -qw 'kunit.enable=1' /proc/cmdline ||
	skip_all "the kernel was not told kunit.enable=1"

details()
{
	sed 's/^/# /' "$dir/log"
}

load()
{
	local needs

	needs=$(modinfo -F depends "$ko" | tr , ' ')
	# shellcheck disable=SC2086
	[ -z "$needs" ] || modprobe -a $needs || return
	echo "<6>kpc-kunit: begin" >/dev/kmsg
	insmod "$ko"
}

# Every case of a suite, and each parameter of it, came to a good end.
passed()
{
	grep -qE "^ok [0-9]+ $1\$" "$dir/log" &&
	sed -n "/# Subtest: $1\$/,/^\(not \)\?ok [0-9]* $1\$/p" "$dir/log" |
		tee "$dir/suite" | not grep -E '^ *not ok' &&
	[ "$(grep -cE '^ +ok ' "$dir/suite")" -ge "$2" ]
}

plan 5
ok "the module with the suites is loaded" load
dmesg | sed -n '/kpc-kunit: begin/,$p' | sed 's/^\[[^]]*\] //' >"$dir/log"
ok "endpoints: which flows are selected, and what protects them" \
	passed kpc_endpoint 33
ok "limits: octets, times, dates and keys" passed kpc_limit 21
ok "associations: from the commit that adds one to its last reference" \
	passed kpc_association 4
ok "it leaves" rmmod kpc
finish
