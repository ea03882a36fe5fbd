#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `make clean` removes what was built and nothing else, whatever O= names.
set -u

top=$(cd "$(dirname -- "$0")/../.." && pwd)
. "$top/selftests/tap.sh"
tree=$dir/tree

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
	(cd "$tree" && find . -type f | sort) >"$dir/before"
}

tree_is_whole()
{
	(cd "$tree" && find . -type f | sort) | diff "$dir/before" -
}

# Refused, with a sentence, and no file of the tree gone or new.
refuses_sources()
{
	local where=$1 o=$2 goal=$3

	new_tree
	if (cd "$tree" && run_make -C "$where" "O=$o" "$goal") >"$dir/said" 2>&1; then
		cat "$dir/said"
		echo "make $goal O=$o in $where took it"
		return 1
	fi
	cat "$dir/said"
	grep -q 'name another directory for what is built' "$dir/said" && tree_is_whole
}

clean_refuses_sources()
{
	ln -sfn "$tree" "$dir/link"
	refuses_sources . . clean &&
		refuses_sources . userspace clean &&
		refuses_sources . "$dir/link" clean &&
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
	! run_make -C "$tree" "O=my build" clean 2>"$dir/said" &&
		cat "$dir/said" &&
		grep -q 'no name of one directory' "$dir/said" && [ -e "$tree/my/own" ] &&
		! run_make -C "$tree" O= clean
}

# What has no mark of a build was not built.
leaves_foreign()
{
	local part

	new_tree
	for part in bin lib kmod selftests userspace sanitize report report-here; do
		mkdir -p "$dir/foreign/$part"
		touch "$dir/foreign/$part/own"
	done
	find "$dir/foreign" | sort >"$dir/foreign-before"
	run_make -C "$tree" O="$dir/foreign" clean &&
		run_make -C "$tree/userspace" O="$dir/foreign" clean &&
		run_make -C "$tree/selftests" O="$dir/foreign" clean &&
		find "$dir/foreign" | sort | diff "$dir/foreign-before" -
}

# Else the next clean would take it for its own.
builds_not_into_foreign()
{
	! run_make -C "$tree/userspace" O="$dir/foreign" \
		"$dir/foreign/userspace/kpc/json.o" 2>"$dir/said" &&
		cat "$dir/said" && grep -q 'was not built from here' "$dir/said" &&
		find "$dir/foreign" | sort | diff "$dir/foreign-before" -
}

removes_built()
{
	new_tree
	run_make -C "$tree/userspace" O="$dir/out" "$dir/out/userspace/kpc/json.o" &&
		mkdir -p "$dir/out/lab" && [ -e "$dir/out/userspace/kpc/json.o" ] &&
		run_make -C "$tree" O="$dir/out" clean &&
		[ "$(ls -A "$dir/out")" = lab ] && tree_is_whole
}

removes_reports()
{
	"$tree/selftests/run" --empty --report "$dir/out/report/demo" &&
		"$tree/selftests/run" --empty --report "$dir/out/report-here" &&
		mkdir "$dir/out/report/own" && touch "$dir/out/report/own/file" &&
		run_make -C "$tree" O="$dir/out" clean &&
		run_make -C "$tree/selftests" O="$dir/out" clean &&
		[ "$(ls -A "$dir/out")" = $'lab\nreport' ] &&
		[ "$(ls -A "$dir/out/report")" = own ] &&
		rm -r "$dir/out/report/own" &&
		"$tree/selftests/run" --empty --report "$dir/out/report" &&
		run_make -C "$tree" O="$dir/out" clean &&
		[ "$(ls -A "$dir/out")" = lab ]
}

# Whatever of it is built first.
builds_beside_fuzzers()
{
	new_tree
	! run_make -C "$tree/selftests/fuzz" O="$dir/fuzzed" CLANG=false &&
		[ -e "$dir/fuzzed/fuzz" ] &&
		run_make -C "$tree/userspace" O="$dir/fuzzed" \
			"$dir/fuzzed/userspace/kpc/json.o" &&
		run_make -C "$tree" O="$dir/fuzzed" clean && [ ! -e "$dir/fuzzed/fuzz" ]
}

plan 8
ok "clean refuses an O= that holds sources, in each Makefile" clean_refuses_sources
ok "so does the build" build_refuses_sources
ok "an O= of two words or none is refused" refuses_spaces
ok "clean leaves what has no mark of a build" leaves_foreign
ok "the build does not begin where its names are taken" builds_not_into_foreign
ok "it begins where the fuzzers were built" builds_beside_fuzzers
ok "clean removes what was built, and the lab's part stays" removes_built
ok "clean removes results of tests, and what is no result stays" removes_reports
finish
