# SPDX-License-Identifier: GPL-2.0-only
# What tests in shell share: TAP, a working directory $dir, processes that are
# ended with the test, and how to wait.
# shellcheck shell=bash

dir=$(mktemp -d /tmp/kpc-test.XXXXXX)
chmod 755 "$dir"
tests=0
failures=0
planned=elsewhere
started=()

# group PID: its process group; nothing where there is no such process.
group()
{
	local stat

	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return
	stat=${stat##*) }
	stat=${stat#* * }
	echo "${stat%% *}"
}

clean_up()
{
	local pid ours

	# The number of one that has ended may be another test's by now. What a
	# child has started is no job of this shell, but in its group.
	ours=" $(jobs -pr) $(jobs -ps) "
	ours=${ours//$'\n'/ }
	for pid in "${started[@]}"; do
		if [[ $ours = *" $pid "* || $(group "$pid") = "$(group $$)" ]]; then
			kill "$pid" 2>/dev/null
		fi
	done
	[ ${#started[@]} -eq 0 ] || wait "${started[@]}" 2>/dev/null
	rm -rf "$dir"
}
trap clean_up EXIT

# plan [N]: how many checks there will be; without it `finish` says how many there
# were.
plan()
{
	planned=${1:-}
	echo "TAP version 13"
	[ -z "$planned" ] || echo "1..$planned"
}

# skip_all REASON: nothing can be proved here.
skip_all()
{
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit 4
}

# details: what is shown of a check that failed, beside what its command said.
details()
{
	:
}

# ok TEXT COMMAND...: one check; the command's success is the verdict. What it says
# is in $dir/why.
ok()
{
	local text=$1
	shift

	tests=$((tests + 1))
	if "$@" >"$dir/why" 2>&1; then
		echo "ok $tests - $text"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $tests - $text"
	echo "# failed: $*"
	sed 's/^/# /' "$dir/why"
	details
}

# skip TEXT REASON: one check that cannot be made here.
skip()
{
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# sound: whether nothing went wrong beside the checks.
sound()
{
	:
}

# finish: the end of every test.
finish()
{
	[ -n "$planned" ] || echo "1..$tests"
	sound && [ $failures -eq 0 ]
	exit
}

# within SECONDS COMMAND...: repeats it until it succeeds.
within()
{
	local end=$((${EPOCHREALTIME//[.,]/} + $1 * 1000000))
	shift

	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME//[.,]/}" -lt $end ] || return 1
		sleep 0.05
	done
}

# not COMMAND...
not()
{
	! "$@"
}
