# SPDX-License-Identifier: GPL-2.0-only
# What all commands of the lab share: places, packages, privilege, messages.
# shellcheck shell=bash

LAB=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
TOP=$(cd -- "$LAB/../.." && pwd -P)
KPC_CACHE=${KPC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpc}
KPC_BUILD=${KPC_BUILD:-$TOP/build}

# Counted up when `root` changes what it makes from the same packages.
ROOT_RECIPE=1

say()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# Runs a command as root: as we are, or through sudo.
as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die "$1 needs root: run as root or install sudo"
	fi
}

# Prints the packages of one or more sections of the list.
packages()
{
	local section

	for section in "$@"; do
		awk -v s="$section" '$1 == s { for (i = 2; i <= NF; i++) print $i }' \
			"$LAB/packages"
	done
}

# The sections that a root filesystem consists of.
root_sections()
{
	case $1 in
	tools)		echo tools source source-backports ;;
	trixie)		echo guest trixie trixie-backports ;;
	bookworm)	echo guest bookworm ;;
	*)		die "no root filesystem '$1': tools, trixie or bookworm" ;;
	esac
}

# Where a root filesystem is: the name carries a digest of its packages and of
# the recipe, so that one made from an older list is never taken.
root_dir()
{
	local sections key

	sections=$(root_sections "$1") || exit 1
	# shellcheck disable=SC2086
	key=$({ packages $sections; echo "$ROOT_RECIPE"; } | sha256sum | cut -c1-12)
	echo "$KPC_CACHE/$1-$key"
}

# Holds directories of the cache for as long as this shell lives, against those
# who clear away what older lists left.
hold()
{
	local dir held

	for dir; do
		exec {held}<"$dir" && flock -s "$held" || exit 1
	done
}

# Removes directories of the cache that nobody holds.
remove_unheld()
{
	local dir held

	for dir; do
		[ -d "$dir" ] || continue
		exec {held}<"$dir" || continue
		if flock -n "$held"; then
			as_root rm -rf --one-file-system "$dir"
		else
			say "$dir is left: it is in use"
		fi
		exec {held}<&-
	done
}

# The root filesystem that holds a kernel.
kernel_root()
{
	case $1 in
	6.1)		echo bookworm ;;
	6.12|new|debug)	echo trixie ;;
	*)		die "no kernel '$1': 6.1, 6.12, new or debug" ;;
	esac
}

# The releases of the kernels in a root filesystem, oldest first.
root_kernels()
{
	local dir

	dir=$(root_dir "$1") || exit 1
	find "$dir/root/boot" -name 'vmlinuz-*' -printf '%f\n' |
		sed 's/^vmlinuz-//' | sort -V
}

# The full release of a kernel asked for by its short name.
kernel_release()
{
	local root

	root=$(kernel_root "$1") || exit 1
	case $1 in
	new)	root_kernels "$root" | tail -n 1 ;;
	debug)	cat "$(debug_dir)/release" ;;
	*)	root_kernels "$root" | grep -F "$1." | head -n 1 ;;
	esac
}

# Where the debugging kernel is: its name carries a digest of what it is made of.
debug_dir()
{
	local key

	key=$({ root_dir trixie; cat "$LAB/debug.config" "$LAB/debug-kernel"; } |
		sha256sum | cut -c1-12)
	echo "$KPC_CACHE/debug-$key"
}
