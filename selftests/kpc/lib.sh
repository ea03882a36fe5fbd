# SPDX-License-Identifier: GPL-2.0-only
# What the tests of kpc(8) share: commands whose output is kept in $dir.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"

details()
{
	sed 's/^/# out: /' "$dir/out"
	sed 's/^/# err: /' "$dir/err"
}

# run STATUS COMMAND...: the command ends with STATUS; output is kept.
run()
{
	local expected=$1 status
	shift

	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	[ $status = "$expected" ] || echo "exit status $status" >>"$dir/err"
	[ $status = "$expected" ]
}

# gives TEXT COMMAND...: succeeds with exactly this on stdout.
gives()
{
	local text=$1
	shift

	run 0 "$@" && [ "$(cat "$dir/out")" = "$text" ]
}
