# SPDX-License-Identifier: GPL-2.0-only
# What the points of the demonstration share: TAP, commands that are printed as
# they run, and how to wait. Results go to descriptor 5, so that a command
# whose output is captured is shown all the same.
# shellcheck shell=bash

exec 5>&1
tests=0
failures=0
declare -A secrets

# A remark for the reader.
say()
{
	printf '# %s\n' "$*" >&5
}

# A headline of the report.
headline()
{
	printf '#\n# == %s\n' "$*" >&5
}

# Shows a command as it could be typed; keys are never shown.
shown()
{
	local where=$1 text='' word key
	shift

	for word in "$@"; do
		case $word in
		'&')			text+=" &" ;;
		*[[:space:]\'\"\$\&\;]*)	text+=" '$word'" ;;
		*)			text+=" $word" ;;
		esac
	done
	for key in "${!secrets[@]}"; do
		text=${text//"$key"/"<${secrets[$key]}>"}
	done
	printf '# [%s]%s\n' "$where" "$text" >&5
}

# Commands on one of the machines: field device, site A, wire, site B, foreign.
nd() { shown device "$@"; ip netns exec device "$@"; }
na() { shown site-a "$@"; ip netns exec site-a "$@"; }
nw() { shown wire "$@"; ip netns exec wire "$@"; }
nb() { shown site-b "$@"; ip netns exec site-b "$@"; }
nf() { shown foreign "$@"; ip netns exec foreign "$@"; }

# The same, unshown, for looking rather than doing.
at() { local netns=$1; shift; ip netns exec "$netns" "$@"; }

# Judges one check: check TEXT FACTS COMMAND...; the command's success is the
# verdict, FACTS is what was seen and stands in the report either way.
check()
{
	local text=$1 facts=$2
	shift 2

	tests=$((tests + 1))
	if "$@" >/dev/null; then
		printf 'ok %d - %s: %s\n' $tests "$text" "$facts" >&5
	else
		failures=$((failures + 1))
		printf 'not ok %d - %s: %s\n' $tests "$text" "$facts" >&5
	fi
}

# Repeats a command until it succeeds, for at most so many seconds of a machine
# that has its processors to itself; an emulated one on a busy host gets four
# times that.
within()
{
	local end=$((${EPOCHREALTIME//[.,]/} + $1 * 4000000))
	shift

	until "$@"; do
		[ "${EPOCHREALTIME//[.,]/}" -lt $end ] || return 1
		sleep 0.1
	done
}

# Milliseconds since the machine's Epoch, for times that a person reads.
now_ms()
{
	echo $((${EPOCHREALTIME//[.,]/} / 1000))
}

# Whether a file has a line, for `within`.
has()
{
	grep -qE -- "$2" "$1" 2>/dev/null
}

# The sum of a file or of standard input.
sha()
{
	sha256sum "$@" | cut -d' ' -f1
}

# The sums of several files as words of a line, two at a time.
sums()
{
	local file

	for file in "$@"; do
		sha "$file" >"$file.sum" &
	done
	wait
	for file in "$@"; do
		cat "$file.sum"
		rm "$file.sum"
	done | xargs
}

# A key for an identity, to be printed as its identity only. Sets $key.
new_key()
{
	key=$(openssl rand -hex "${2:-32}")
	hide_key "$key" "$1"
}

# From now on a key is printed as its identity.
hide_key()
{
	[ -z "$1" ] || secrets[$1]="Kpc of $2"
}

# Waits for a process to be gone, for at most so many seconds.
gone()
{
	within "$1" eval "! kill -0 $2 2>/dev/null"
}
