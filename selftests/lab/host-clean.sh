#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `make clean` removes what was built and nothing else, whatever O= names.
set -u

top=$(cd "$(dirname -- "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
count=0 failed=0

check()
{
	local name=$1
	shift
	count=$((count + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $count $name"
	else
		failed=1
		echo "not ok $count $name"
		sed 's/^/# /' "$work/log"
	fi
}

# The make of one of the Makefiles, with no variable of the make that runs us.
run_make()
{
	env -u MAKEFLAGS -u MAKEOVERRIDES -u O make "$@"
}

# A tree of its own, which may be lost.
new_tree()
{
	rm -rf "$tree"
	mkdir "$tree"
	cp -a "$top"/{Makefile,output.mk,Kbuild,include,kmod,packaging,selftests,userspace} \
		"$tree"/
	(cd "$tree" && find . -type f | sort) >"$work/before"
}

tree_is_whole()
{
	(cd "$tree" && find . -type f | sort) | diff "$work/before" -
}

# Refused, with a sentence, and no file of the tree gone or new.
refuses_sources()
{
	local where=$1 o=$2 goal=$3

	new_tree
	if (cd "$tree" && run_make -C "$where" "O=$o" "$goal") >"$work/said" 2>&1; then
		cat "$work/said"
		echo "make $goal O=$o in $where took it"
		return 1
	fi
	cat "$work/said"
	grep -q 'name another directory for what is built' "$work/said" && tree_is_whole
}

clean_refuses_sources()
{
	ln -sfn "$tree" "$work/link"
	refuses_sources . . clean &&
		refuses_sources . userspace clean &&
		refuses_sources . "$work/link" clean &&
		refuses_sources userspace .. clean &&
		refuses_sources selftests .. clean &&
		refuses_sources selftests . clean
}

build_refuses_sources()
{
	refuses_sources . . userspace && refuses_sources userspace .. lib
}

# With `make clean O="my build"` a directory `my` would be in the way of rm.
refuses_spaces()
{
	new_tree
	mkdir -p "$tree/my"
	touch "$tree/my/own"
	! run_make -C "$tree" "O=my build" clean 2>"$work/said" &&
		cat "$work/said" &&
		grep -q 'no name of one directory' "$work/said" && [ -e "$tree/my/own" ] &&
		! run_make -C "$tree" O= clean
}

# What has no mark of a build was not built.
leaves_foreign()
{
	local part

	new_tree
	for part in bin lib kmod selftests userspace sanitize report report-here; do
		mkdir -p "$work/foreign/$part"
		touch "$work/foreign/$part/own"
	done
	find "$work/foreign" | sort >"$work/foreign-before"
	run_make -C "$tree" O="$work/foreign" clean &&
		run_make -C "$tree/userspace" O="$work/foreign" clean &&
		run_make -C "$tree/selftests" O="$work/foreign" clean &&
		find "$work/foreign" | sort | diff "$work/foreign-before" -
}

# Else the next clean would take it for its own.
builds_not_into_foreign()
{
	! run_make -C "$tree/userspace" O="$work/foreign" \
		"$work/foreign/userspace/kpc/json.o" 2>"$work/said" &&
		cat "$work/said" && grep -q 'was not built from here' "$work/said" &&
		find "$work/foreign" | sort | diff "$work/foreign-before" -
}

removes_built()
{
	new_tree
	run_make -C "$tree/userspace" O="$work/out" "$work/out/userspace/kpc/json.o" &&
		mkdir -p "$work/out/lab" && [ -e "$work/out/userspace/kpc/json.o" ] &&
		run_make -C "$tree" O="$work/out" clean &&
		[ "$(ls -A "$work/out")" = lab ] && tree_is_whole
}

removes_reports()
{
	"$tree/selftests/run" --empty --report "$work/out/report/demo" &&
		"$tree/selftests/run" --empty --report "$work/out/report-here" &&
		mkdir "$work/out/report/own" && touch "$work/out/report/own/file" &&
		run_make -C "$tree" O="$work/out" clean &&
		run_make -C "$tree/selftests" O="$work/out" clean &&
		[ "$(ls -A "$work/out")" = $'lab\nreport' ] &&
		[ "$(ls -A "$work/out/report")" = own ] &&
		rm -r "$work/out/report/own" &&
		"$tree/selftests/run" --empty --report "$work/out/report" &&
		run_make -C "$tree" O="$work/out" clean &&
		[ "$(ls -A "$work/out")" = lab ]
}

echo "TAP version 13"
check "clean refuses an O= that holds sources, in each Makefile" clean_refuses_sources
check "so does the build" build_refuses_sources
check "an O= of two words or none is refused" refuses_spaces
check "clean leaves what has no mark of a build" leaves_foreign
check "the build does not begin where its names are taken" builds_not_into_foreign
check "clean removes what was built, and the lab's part stays" removes_built
check "clean removes results of tests, and what is no result stays" removes_reports
echo "1..$count"
exit $failed
