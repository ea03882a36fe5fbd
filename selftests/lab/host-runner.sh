#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that the TAP runner cannot be pleased by a test that breaks off, says
# nothing, hangs or lies, that its closing line adds up, that results take no
# place but that of earlier ones, and that tests beside each other are in no one's
# way.

. "$(dirname "$0")/../tap.sh"
runner=$(cd "$(dirname "$0")/.." && pwd)/run
plan 27

# Gives the runner one TAP file (its lines from stdin) and compares the closing
# line and the exit status with what they must be.
sums_to()
{
	local closing=$1 status=$2 said got

	cat >"$dir/a.tap"
	said=$("$runner" --sum "$dir")
	got=$?
	printf '%s\nstatus %d\n' "$said" $got
	[ "$(tail -n 1 <<<"$said")" = "$closing" ] && [ $got -eq "$status" ]
}

ok "two results pass" sums_to "2 passed, 0 failed, 0 skipped" 0 <<'END'
TAP version 13
1..2
ok 1 - a
ok 2 - b
# exit status 0
END
ok "a failure and a skip are counted" sums_to "1 passed, 1 failed, 1 skipped" 1 <<'END'
1..3
ok 1 - a
not ok 2 - b
ok 3 - c # SKIP no such kernel
# exit status 1
END
tells_why()
{
	sums_to "2 passed, 1 failed, 0 skipped" 1 >"$dir/why"
	[ "$(sed -n '/not ok: b/,/see /p' "$dir/why" | grep -c "of b")" = 2 ] &&
		! grep -q "of [ac]" "$dir/why"
}
ok "what was said before a failure and behind it is shown" tells_why <<'END'
1..3
# of a
ok 1 - a
# something of b
not ok 2 - b
# the rest of b
ok 3 - c
# of c
# exit status 1
END
ok "results of a subtest count once" sums_to "1 passed, 1 failed, 0 skipped" 1 <<'END'
1..2
    1..2
    ok 1 - inner
    not ok 2 - inner
not ok 1 - outer
ok 2 - other
# exit status 1
END
ok "a test that breaks off has failed" sums_to "1 passed, 1 failed, 0 skipped" 1 <<'END'
1..3
ok 1 - a
# exit status 139
END
ok "a test without a plan has failed" sums_to "1 passed, 1 failed, 0 skipped" 1 <<'END'
ok 1 - a
# exit status 0
END
ok "a test that says nothing has failed" sums_to "0 passed, 1 failed, 0 skipped" 1 </dev/null
ok "a test that hangs has failed" sums_to "1 passed, 1 failed, 0 skipped" 1 <<'END'
1..1
ok 1 - a
# timed out after 5 s
# exit status 124
END
ok "a bad exit status after good results is a failure" sums_to "1 passed, 1 failed, 0 skipped" 1 <<'END'
1..1
ok 1 - a
# exit status 1
END
ok "a run in which nothing was proved is no success" sums_to "0 passed, 0 failed, 1 skipped" 1 <<'END'
1..0 # SKIP no module
# exit status 4
END
ok "more results than planned are a failure" sums_to "2 passed, 1 failed, 0 skipped" 1 <<'END'
1..1
ok 1 - a
ok 2 - b
# exit status 0
END
ok "what is left behind is a failure" sums_to "1 passed, 1 failed, 0 skipped" 1 <<'END'
1..1
ok 1 - a
# left behind: kpc.ko, which is still in use
# exit status 0
END

# keeps FILE COMMAND...: refused in words, and FILE is still there.
keeps()
{
	local file=$1
	shift

	! timeout 60 "$@" 2>"$dir/words" && cat "$dir/words" && [ -e "$file" ] &&
		grep -q 'holds what no run of tests has written' "$dir/words"
}
mkdir -p "$dir/home/deep"
touch "$dir/home/deep/own" "$dir/file"
ok "a directory of somebody's is not emptied for results" \
	keeps "$dir/home/deep/own" "$runner" --report "$dir/home" --here no-area
ok "nor one deep in it" \
	keeps "$dir/home/deep/own" "$runner" --report "$dir/home/deep" --here no-area
ok "nor is a file" keeps "$dir/file" "$runner" --report "$dir/file" --here no-area
ok "nor by a machine of the lab" \
	keeps "$dir/home/deep/own" "${runner%/run}/lab/run" --out "$dir/home" \
	selftests/lab/vm-kernel.sh
# The results of a run that finds no test; it fails, but is not refused.
results()
{
	"$runner" --report "$dir/report" --here no-area
	[ -d "$dir/report" ] && [ ! -e "$dir/report/old" ]
}
mkdir "$dir/report"
ok "an empty directory is taken" results
touch "$dir/report/old"
ok "and that of an earlier run" results

# A tree of two tests: both have the same port until the other one has it too, and
# the first ends last.
tree=$dir/tree
mkdir -p "$tree/selftests/area"
cp "$runner" "$tree/selftests/"
echo 'userspace tests:' >"$tree/Makefile"
cat >"$tree/meet.py" <<'END'
"""meet.py OWN OTHER...: makes a file, and waits for others."""
import os, socket, sys, time
s = socket.create_server(("127.0.0.1", 5201))
open(sys.argv[1], "w").close()
until = time.monotonic() + 30
while not all(map(os.path.exists, sys.argv[2:])):
    if time.monotonic() > until:
        sys.exit("nobody is there")
    time.sleep(0.02)
END
cat >"$tree/selftests/area/host-one.sh" <<'END'
#!/bin/sh
echo 1..1
cd ../.. && python3 meet.py one two end && echo ok 1
END
cat >"$tree/selftests/area/host-two.sh" <<'END'
#!/bin/sh
echo 1..1
cd ../.. && python3 meet.py two one && echo ok 1 && touch end
END
chmod +x "$tree"/selftests/area/*

beside()
{
	"$tree/selftests/run" --jobs 2 --report "$tree/report" host &&
		[ -e "$tree/end" ]
}
in_order()
{
	grep -oE '^pass +[a-z.-]+ \(' "$dir/beside" |
		diff - <(printf 'pass  area.host-%s (\n' one two)
}
# One that would go on. interrupted SIGNAL
interrupted()
{
	local process runner

	rm -f "$tree/pid"
	printf '#!/bin/sh\necho $$ >../../pid\nexec sleep 600\n' \
		>"$tree/selftests/area/host-one.sh"
	env --default-signal=INT "$tree/selftests/run" --report "$tree/report" host &
	runner=$!
	for _ in $(seq 300); do
		[ ! -s "$tree/pid" ] || break
		sleep 0.1
	done
	process=$(cat "$tree/pid")
	kill -s $1 $runner
	! wait $runner || return
	[ ! -d "/proc/$process" ] || grep '^State:.*Z' "/proc/$process/status"
}
if unshare --net true 2>/dev/null; then
	ok "two tests run beside each other, each with a network of its own" beside
	cp "$dir/why" "$dir/beside"
	ok "what they say comes in the order of their names" in_order
	ok "who interrupts the runner ends what runs" interrupted INT
	ok "and who terminates it" interrupted TERM
else
	for what in "two tests run beside each other" "in the order of their names" \
		    "who interrupts the runner ends what runs" \
		    "and who terminates it"; do
		skip "$what" "no network namespaces"
	done
fi

# Two fuzzers: the one waits for a test of the group that comes after them, the
# other says what it is told.
mkdir -p "$tree/selftests/fuzz/corpus/alpha" "$tree/selftests/fuzz/corpus/beta"
cat >"$tree/selftests/fuzz/Makefile" <<'END'
all:
	mkdir -p $(O)/fuzz && cp fuzz_* $(O)/fuzz/
END
cat >"$tree/selftests/fuzz/fuzz_alpha" <<END
#!/bin/sh
echo "\$1 \$8" >$tree/words
touch $tree/one
for i in \$(seq 300); do [ ! -e $tree/end ] || break; sleep 0.1; done
[ -e $tree/end ] && echo 'stat::number_of_executed_units: 12'
END
cat >"$tree/selftests/area/host-one.sh" <<'END'
#!/bin/sh
echo 1..1
cd ../..
for i in $(seq 300); do [ ! -e one ] || break; sleep 0.1; done
[ -e one ] && touch end && echo ok 1
END
rm "$tree/selftests/area/host-two.sh"

# fuzzes CLOSING VARIABLE... and fuzz_beta from stdin
fuzzes()
{
	local closing=$1 said
	shift

	rm -f "$tree/one" "$tree/end"
	cat >"$tree/selftests/fuzz/fuzz_beta"
	chmod +x "$tree"/selftests/fuzz/fuzz_*
	said=$(env "$@" "$tree/selftests/run" --jobs 2 --report "$tree/report" fuzz host)
	echo "$said"
	[ "$(tail -n 1 <<<"$said")" = "$closing" ]
}
ok "fuzzers run beside the group that comes after them" \
	fuzzes "5 passed, 0 failed, 0 skipped" CLANG=true <<'END'
#!/bin/sh
echo 'stat::number_of_executed_units: 7'
END
ok "all together for a minute" \
	grep -q "^-max_total_time=60 .*/corpus/alpha$" "$tree/words"
ok "one that finds something has failed" \
	fuzzes "4 passed, 1 failed, 0 skipped" CLANG=true KPC_FUZZ_SECONDS=5 <<'END'
#!/bin/sh
echo 'stat::number_of_executed_units: 7'
exit 77
END
ok "and so has one that does not say how much it tried" \
	fuzzes "4 passed, 1 failed, 0 skipped" CLANG=true <<'END'
#!/bin/sh
END
left_out()
{
	rm -f "$tree/words"
	sed -i 's/^for.*/touch one/' "$tree/selftests/area/host-one.sh"
	fuzzes "2 passed, 0 failed, 2 skipped" CLANG=false </dev/null &&
		[ ! -e "$tree/words" ] &&
		grep -qx "ok 2 - beta # SKIP no clang with libFuzzer is here" \
			"$tree/report/fuzz.tap"
}
ok "without libFuzzer each is left out by its name" left_out
finish
