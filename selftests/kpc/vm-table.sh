#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kpc(8) with the module: associations, load, sync, confirm, save, monitor and
# -j in a network namespace of its own (X2, X3, T2, T4-T6, I9).
set -u

tree=${KPC_TREE:-$(realpath "$(dirname "$0")/../..")}
. "$(dirname "$0")/lib.sh"

clean_up_table()
{
	local n

	clean_up
	for n in 1 2 3 4; do
		ip netns del kpc-t$n 2>/dev/null
	done
}
trap clean_up_table EXIT

k() { kpc -n kpc-t1 "$@"; }

# refuses SENTENCE COMMAND...: status 1, the sentence on stderr alone.
refuses()
{
	local sentence=$1
	shift

	run 1 "$@" && [ ! -s "$dir/out" ] &&
		[ "$(cat "$dir/err")" = "$sentence" ]
}

# names: those of the table.
names()
{
	k -j association show | python3 -c 'import json, sys
print(" ".join(sorted(a["name"] for a in json.load(sys.stdin))))'
}

# has NAMES: the table holds exactly these.
has() { [ "$(names)" = "$*" ]; }

# field EXPRESSION: of the JSON text kept; "d" is the whole of it.
field()
{
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$dir/out" "$1"
}

command -v kpc >/dev/null && modprobe kpc 2>/dev/null && ip netns add kpc-t1 &&
	ip netns add kpc-t2 || skip_all "needs root, kpc and the module"
plan

a="role a kpc-id m1@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in"
b="role b kpc-id m2@sp.example id-a //sp.example/cse/C2 id-b //sp.example/in"

# One association
ok "an empty table is shown as one" gives "" k
ok "and in JSON" gives '{"associations":[],"bindings":[]}' k -j
# shellcheck disable=SC2086
ok "association add answers with the mark that was chosen" \
	eval 'run 0 k -j association add m1 $a peer 192.0.2.1:8883 &&
	[ "$(field "d[\"mark\"] != 0")" = True ]'
# shellcheck disable=SC2086
ok "a second time it is refused" \
	refuses 'kpc: association add m1: exists already; `kpc association replace` changes its policy' \
	k association add m1 $a peer 192.0.2.1:8883
ok "association get in JSON has what was configured" \
	eval 'run 0 k -j association get m1 &&
	[ "$(field "d[\"kpc_id\"], d[\"id_a\"], d[\"kind_a\"], d[\"id_b\"], d[\"role\"], d[\"agent\"][\"peer\"], d[\"selectors\"]")" = \
	"('\''m1@sp.example'\'', '\''//sp.example/cse/C1'\'', '\''ae'\'', '\''//sp.example/in'\'', '\''a'\'', '\''192.0.2.1:8883'\'', ['\''remote 192.0.2.1:8883'\''])" ]'
ok "a name that is not there" \
	refuses "kpc: association get mx: no association has the name 'mx'" \
	k association get mx
ok "an address and a port that are protected" \
	gives "role a remote 192.0.2.1:8883 associations 1" \
	k endpoint get remote 192.0.2.1:8883
ok "all of them" gives "role a remote 192.0.2.1:8883 associations 1" k endpoint
# shellcheck disable=SC2086
ok "replace changes the policy in place" \
	eval 'run 0 k association replace m1 $a peer 192.0.2.1:8884 start auto &&
	gives "role a remote 192.0.2.1:8884 associations 1" k endpoint'
ok "but not the role" \
	eval 'run 1 k association replace m1 role b kpc-id m1@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in listen "*:8883" &&
	grep -q "^kpc: association replace m1: .*exists with another KpcId, IdA, IdB, kind or role" "$dir/err"'
# shellcheck disable=SC2086
ok "T6, X4: the module refuses one KpcId in both directions" \
	eval 'run 1 k association add m9 role b kpc-id m1@sp.example id-a //sp.example/in id-b //sp.example/cse/C1 listen 192.0.2.9:1 &&
	grep -q "in the other role; each direction has its own" "$dir/err" && has m1'
ok "I9: another namespace sees nothing of it" \
	gives '{"associations":[],"bindings":[]}' kpc -n kpc-t2 -j
ok "establish without an agent" \
	refuses 'kpc: establish m1: no agent is registered in this network namespace' \
	k establish m1
ok "close without one ends what there is" \
	gives 'm1: closed' k close m1
ok "agent show says so" eval 'run 0 k -j agent && [ "$(field "d[\"running\"]")" = False ]'
ok "association del tells what ended and how long it took" \
	eval 'run 0 k -j association del m1 &&
	[ "$(field "d[\"bindings\"], d[\"took_ns\"] > 0")" = "(0, True)" ] && has'

# Whole tables
cat >"$dir/one.conf" <<END
config max-bindings 500 clock wait
association m1 $a peer 192.0.2.1:8883 limit lifetime 1h octets 1G
association m2 $b listen 192.0.2.2:8883 plain tcp:127.0.0.1:1883 allow-uid 0 \\
	holder-uid 65534 holder-cgroup /a.slice/b.service \\
	versions tls1.2,tls1.3 suites 1301,00aa,ccac
END
ok "load" gives "2 added, 0 changed, 0 removed, 0 bindings ended" \
	k load "$dir/one.conf"
ok "config lines were set" \
	eval 'run 0 k -j config && [ "$(field "d[\"max_bindings\"]")" = 500 ]'
ok "a clock that was waited for is set, whatever is loaded again" \
	eval 'run 0 k config set clock set && run 0 k load "$dir/one.conf" &&
	run 0 k -j config && [ "$(field "d[\"clock\"]")" = set ]'
ok "save prints a file" run 0 k save "$dir/saved.conf"
ok "in which the clock is to be waited for" \
	grep -q "^config .* clock wait$" "$dir/saved.conf"
ok "that loads back without a change" \
	gives "0 added, 0 changed, 0 removed, 0 bindings ended" \
	k load "$dir/saved.conf"
ok "and prints the same again" \
	eval 'k save >"$dir/again.conf" && cmp "$dir/saved.conf" "$dir/again.conf"'
ok "in another namespace it makes the same table" \
	eval 'run 0 kpc -n kpc-t2 load "$dir/saved.conf" &&
	kpc -n kpc-t2 save | cmp - "$dir/saved.conf"'

# A load that is refused leaves everything
ln -s saved.conf "$dir/linked.conf"
ok "and to /dev/stdout, or by a link, into the file that it leads to" \
	eval 'k save /dev/stdout >"$dir/again.conf" && [ -L /dev/stdout ] &&
	cmp "$dir/saved.conf" "$dir/again.conf" && run 0 k save "$dir/linked.conf" &&
	[ -L "$dir/linked.conf" ] && cmp "$dir/saved.conf" "$dir/again.conf"'
before=$(k save)
same() { "$@" && [ "$(k save)" = "$before" ]; }
cat >"$dir/bad.conf" <<END
config max-bindings 7
association m3 role a kpc-id m3@sp.example id-a //sp.example/cse/C3 id-b //sp.example/in peer 192.0.2.3:1
association m4 role b kpc-id m4@sp.example id-a //sp.example/cse/C4 id-b //sp.example/in
END
ok "a refusal of the module names the file and the line; nothing changes" \
	same refuses "kpc: load: $dir/bad.conf:3: 'm4': role b needs a selector with a local port" \
	k load "$dir/bad.conf"
echo "association m1 $a peer 192.0.2.1:8883 rloe x" >"$dir/bad.conf"
ok "a mistake in the file never reaches the module" \
	eval 'same run 1 k load "$dir/bad.conf" &&
	grep -q "^kpc: load: $dir/bad.conf:1: \"rloe\" is not known" "$dir/err"'
chmod 0666 "$dir/one.conf"
ok "T5: nor does a file that others may write" \
	same refuses "kpc: load: $dir/one.conf: may be written by others (mode 0666); chmod go-w makes it acceptable" \
	k load "$dir/one.conf"
chmod 0644 "$dir/one.conf"
echo 'm1@sp.example ascii:123456' >"$dir/keys"
chmod 0600 "$dir/keys"
ok "nor one whose Kpc in the store is too short; the key is not shown" \
	eval 'same run 1 k load "$dir/one.conf" --keys "$dir/keys" &&
	grep -q "m1@sp.example" "$dir/err" && ! grep -q 123456 "$dir/err"'

# What was not written
many=$dir/many.conf
for i in $(seq 60); do
	echo "association n$i role a kpc-id n$i@sp.example id-a //sp.example/cse/C$i id-b //sp.example/in peer 192.0.2.6:$i"
done >"$many"
mkfifo "$dir/pipe"
# loses COMMAND...: with its first write failed, though all others are done.
loses()
{
	run 1 strace -o "$dir/trace" -e trace=write \
		-e inject=write:error=ENOSPC:when=1 "$@" &&
		grep -q "INJECTED" "$dir/trace" && [ "$(wc -l <"$dir/err")" = 1 ]
}
loses_into_pipe()
{
	local reader ret=0

	cat "$dir/pipe" >"$dir/piped" &
	reader=$!
	loses kpc -n kpc-t2 save "$dir/pipe" || ret=1
	kill $reader 2>/dev/null
	wait $reader
	return $ret
}
if command -v strace >/dev/null; then
	run 0 kpc -n kpc-t2 load --force "$many"
	echo old >"$dir/kept.conf"
	ok "a save that loses a part on the way is refused, and the old file stays" \
		eval 'loses kpc -n kpc-t2 save "$dir/kept.conf" &&
		[ "$(cat "$dir/kept.conf")" = old ] && ! ls "$dir"/kept.conf.*'
	ok "it is refused for a pipe too" loses_into_pipe
else
	for what in "a save that loses a part on the way is refused, and the old file stays" \
		    "it is refused for a pipe too"; do
		skip "$what" "no strace here"
	done
fi

# The module and the library judge alike. One that only one of them took would
# be in force and not load again, or load nowhere.
first="role b kpc-id j1@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in listen 192.0.2.8:1"
judged()
{
	local status=$1 second=$2

	printf 'association j1 %s\nassociation j2 %s\n' "$first" "$second" \
		>"$dir/both.conf"
	# shellcheck disable=SC2086
	run 0 kpc -n kpc-t2 load --force - &&
		run 0 kpc -n kpc-t2 association add j1 $first &&
		run "$status" kpc -n kpc-t2 association add j2 $second &&
		run 0 kpc -n kpc-t2 load --force - &&
		run "$status" kpc -n kpc-t2 load "$dir/both.conf"
}
j="listen 192.0.2.8:2"
ok "T4: one KpcId for two pairs is taken by neither" \
	judged 1 "role b kpc-id j1@sp.example id-a //sp.example/cse/C1 id-b //sp.example/mn $j"
ok "whichever of the identities differs" \
	judged 1 "role b kpc-id j1@sp.example id-a //sp.example/cse/C2 id-b //sp.example/in $j"
ok "or both" \
	judged 1 "role b kpc-id j1@sp.example id-a //sp.example/cse/C2 id-b //sp.example/mn $j"
ok "nor once more for the same pair" \
	judged 1 "role b kpc-id j1@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in $j"
ok "X4: nor for the other end of it" \
	judged 1 "role a kpc-id j1@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in peer 192.0.2.8:2"
ok "T6: nor for the other direction" \
	judged 1 "role a kpc-id j1@sp.example id-a //sp.example/in id-b //sp.example/cse/C1 peer 192.0.2.8:2"
ok "T2: nor with other letters" \
	judged 1 "role b kpc-id J1@sp.example id-a //sp.example/cse/C2 id-b //sp.example/in $j"
ok "X3: the next KpcId of the pair is taken by both" \
	judged 0 "role b kpc-id j2@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in $j"
ok "T6: and that of the other direction" \
	judged 0 "role a kpc-id j2@sp.example id-a //sp.example/in id-b //sp.example/cse/C1 peer 192.0.2.8:2"
run 0 kpc -n kpc-t2 load --force -

# Differences
sed -i '/association m1/d' "$dir/one.conf"
echo 'association m3 role a kpc-id m3@sp.example id-a //sp.example/cse/C3 id-b //sp.example/in peer 192.0.2.3:1' >>"$dir/one.conf"
ok "sync carries out the differences" \
	gives "1 added, 0 changed, 1 removed, 0 bindings ended" \
	k sync "$dir/one.conf"
ok "and only these" has m2 m3

# A selector without a port
cp "$dir/one.conf" "$dir/wide.conf"
echo 'association wide role a kpc-id w1@sp.example id-a //sp.example/cse/C9 id-b //sp.example/in selector remote 198.51.100.0/24:*' >>"$dir/wide.conf"
ok "a selector without a port is not taken by sync, and named with its line" \
	eval 'refuses "kpc: sync: $dir/wide.conf:$(wc -l <"$dir/wide.conf"): '\''wide'\'': selector 1 has no remote port and would shut out every connection to that address; force takes it" \
	k sync "$dir/wide.conf" && has m2 m3'
echo "config mark-range 0x10000000/0xf0000000" >"$dir/range.conf"
ok "a config line that is refused is named too" \
	eval 'run 1 kpc -n kpc-t2 load --force "$dir/range.conf" &&
	grep -q "^kpc: load: $dir/range.conf:1: config: handshake mark " "$dir/err"'
ok "sync --force takes it, as at boot" \
	gives "1 added, 0 changed, 0 removed, 0 bindings ended" \
	k sync "$dir/wide.conf" --force
ok "once it is in force no --force is needed to keep it" \
	gives "0 added, 0 changed, 0 removed, 0 bindings ended" \
	k sync "$dir/wide.conf"
run 0 k save "$dir/wide.conf"
run 0 kpc -n kpc-t2 load --force - </dev/null
ok "what save wrote of it loads back with --force" \
	eval 'run 1 kpc -n kpc-t2 load "$dir/wide.conf" &&
	run 0 kpc -n kpc-t2 load "$dir/wide.conf" --force'
run 0 k sync "$dir/one.conf"

# What boot runs, with a key store that cannot be read and a user that is not
# known yet
boots()
{
	local unit=$tree/packaging/systemd/kpc-table.service.in

	mkdir -p "$dir/bin"
	printf '#!/bin/sh\necho initializing\n' >"$dir/bin/systemctl"
	chmod +x "$dir/bin/systemctl"
	sed -n "s|@SBINDIR@/||g; s|^ExecStart=/bin/sh -c '\(.*\)'$|\1|p" "$unit" \
		>"$dir/boot"
	# An /etc of its own, as ip-netns gives it a view of mounts of its own.
	echo 'association wide role a kpc-id w1@sp.example id-a //sp.example/cse/C9 id-b //sp.example/in selector remote 198.51.100.0/24:* plain unix:/run/w owner later' \
		>"$dir/late.conf"
	run 0 ip netns exec kpc-t2 sh -c 'mount -t tmpfs -o mode=755 tmpfs /etc &&
		mkdir /etc/kpc && cp "$1/late.conf" /etc/kpc/kpc.conf &&
		echo "$2" >/etc/kpc/keys && chmod "$3" /etc/kpc/keys &&
		PATH=$1/bin:$PATH && . "$1/boot"' sh "$dir" "$@" &&
		kpc -n kpc-t2 endpoint | grep -q "remote 198.51.100.0/24:\*" &&
		run 0 kpc -n kpc-t2 load --force -
}
ok "boot closes the addresses although others may read the key store" \
	boots "m2@sp.example hex:00112233445566778899aabbccddeeff" 0644
ok "and although a credential that it names is not there yet" \
	boots "m2@sp.example file:/run/credentials/kpcd.service/m2" 0600

# Confirmation
ok "load --confirm says that it waits" \
	gives $'1 added, 0 changed, 1 removed, 0 bindings ended\ntaken back in 3 s unless `kpc confirm` comes' \
	k load "$dir/saved.conf" --force --confirm 3
ok "the new table is in force meanwhile" has m1 m2
for _ in $(seq 50); do
	has m2 m3 && break
	sleep 0.2
done
ok "without a word the old one comes back" has m2 m3
run 0 k load "$dir/saved.conf" --force --confirm 60
ok "confirm keeps the new one" eval 'run 0 k confirm && has m1 m2'
run 0 k sync "$dir/one.conf" --force --confirm 60
ok "confirm --abort brings the old one back at once" \
	eval 'run 0 k confirm --abort && has m1 m2'
sed 's/max-bindings 500/max-bindings 9/' "$dir/saved.conf" >"$dir/less.conf"
max_bindings() { k -j config >"$dir/out" && field 'd["max_bindings"]'; }
ok "config lines wait with it" \
	eval 'run 0 k load "$dir/less.conf" --confirm 60 &&
	[ "$(max_bindings)" = 9 ]'
ok "nothing else changes the configuration meanwhile" \
	refuses 'kpc: config set: an earlier commit waits to be confirmed or aborted, which would undo this' \
	k config set max-bindings 10
ok "and go back with it" \
	eval 'run 0 k confirm --abort && [ "$(max_bindings)" = 500 ]'
run 0 k load "$dir/less.conf" --confirm 1
loaded=$?
for _ in $(seq 50); do
	[ "$(max_bindings)" = 500 ] && break
	sleep 0.2
done
ok "without a word too" test "$loaded $(max_bindings)" = "0 500"
ok "there is nothing to confirm now" \
	refuses 'kpc: confirm: no commit waits to be confirmed' k confirm

# Rules for nft
behind_the_gateway()
{
	ip netns add kpc-t3
	ip netns add kpc-t4
	ip link add to-t1 netns kpc-t3 type veth peer name to-t3 netns kpc-t1
	ip link add to-t1 netns kpc-t4 type veth peer name to-t4 netns kpc-t1
	ip -n kpc-t3 addr add 198.51.100.3/24 dev to-t1
	ip -n kpc-t1 addr add 198.51.100.1/24 dev to-t3
	ip -n kpc-t1 addr add 192.0.2.9/24 dev to-t4
	ip -n kpc-t4 addr add 192.0.2.1/24 dev to-t1
	ip -n kpc-t3 link set to-t1 up
	ip -n kpc-t1 link set to-t3 up
	ip -n kpc-t1 link set to-t4 up
	ip -n kpc-t4 link set to-t1 up
	ip -n kpc-t3 route add default via 198.51.100.1
	ip -n kpc-t4 route add default via 192.0.2.9
	ip netns exec kpc-t1 sysctl -qw net.ipv4.ip_forward=1
	for port in 8883 8884; do
		ip netns exec kpc-t4 socat "TCP-LISTEN:$port,fork" PIPE &
		started+=($!)
		for ((i = 0; i < 200; i++)); do
			[ -z "$(ip netns exec kpc-t4 ss -Htln "sport = :$port")" ] || break
			sleep 0.1
		done
	done
}
device_reaches()
{
	timeout 2 ip netns exec kpc-t3 \
		bash -c "exec 3<>/dev/tcp/192.0.2.1/$1"
}
if command -v nft >/dev/null; then
	ok "save --nft is taken by nft" \
		eval 'run 0 k save --nft && ip netns exec kpc-t1 nft -c -f "$dir/out"'
	ok "and drops both directions of each endpoint" \
		eval '[ "$(grep -c " drop$" "$dir/out")" = 4 ] &&
		grep -q "ip daddr 192.0.2.2/32 tcp dport 8883 drop" "$dir/out" &&
		grep -q "ip daddr 192.0.2.1/32 tcp dport 8883 drop" "$dir/out"'

	# device kpc-t3 --- gateway kpc-t1 --- peer kpc-t4
	behind_the_gateway
	ok "the module does not judge what is forwarded" device_reaches 8883
	ok "save --nft-forward is taken by nft" \
		eval 'run 0 k save --nft-forward && ip netns exec kpc-t1 nft -f "$dir/out"'
	ok "and drops what is forwarded to role a's peer" not device_reaches 8883
	ok "and nothing else" device_reaches 8884
	ok "one rule for one peer" eval '[ "$(grep " drop$" "$dir/out")" = \
		"$(printf "\t\tip daddr 192.0.2.1/32 tcp dport 8883 drop")" ]'
	ok "the two rulesets are two commands" \
		eval 'run 2 k save --nft --nft-forward'
else
	for what in "save --nft is taken by nft" \
		    "and drops both directions of each endpoint" \
		    "the module does not judge what is forwarded" \
		    "save --nft-forward is taken by nft" \
		    "and drops what is forwarded to role a's peer" \
		    "and nothing else" "one rule for one peer" \
		    "the two rulesets are two commands"; do
		skip "$what" "no nft here"
	done
fi

# Events
ip netns exec kpc-t1 kpc -j monitor association --count 2 --timeout 20 \
	>"$dir/events" 2>"$dir/listening" &
monitor=$!
started+=($monitor)
for _ in $(seq 100); do
	grep -q listening "$dir/listening" && break
	sleep 0.1
done
# shellcheck disable=SC2086
k association add e1 ${a//m1@/e1@} selector remote 192.0.2.7:1 >/dev/null
k association del e1 >/dev/null
wait $monitor
status=$?
cp "$dir/events" "$dir/out"
cp "$dir/listening" "$dir/err"
ok "monitor --count ends by itself" test $status = 0
ok "one JSON text a line: added, removed with its reason, generations grow" \
	eval '[ "$(python3 -c "import json, sys
e = [json.loads(l) for l in open(sys.argv[1])]
print([(x[\"event\"], x[\"change\"], x[\"name\"]) for x in e],
      e[1][\"reason\"], e[0][\"generation\"] < e[1][\"generation\"])" "$dir/events")" = \
	"[('\''association'\'', '\''added'\'', '\''e1'\''), ('\''association'\'', '\''removed'\'', '\''e1'\'')] deleted True" ]'
# ended_by SIGNAL STATUS COMMAND...: the monitor that it runs ends by it. What
# runs behind a shell has SIGINT ignored, and is given it back.
ended_by()
{
	local signal=$1 expected=$2 pid i
	shift 2

	ip netns exec kpc-t1 env --default-signal=INT "$@" >"$dir/out" 2>"$dir/err" &
	pid=$!
	for i in $(seq 100); do
		grep -q listening "$dir/err" && break
		sleep 0.1
	done
	kill -s "$signal" $pid
	wait $pid
	[ $? = "$expected" ]
}
printf '%s\n' 'monitor violation' version >"$dir/batch"
ok "a signal ends a monitor before its count, and not well" \
	ended_by INT 130 kpc monitor violation --count 1
ok "SIGTERM too" ended_by TERM 143 kpc monitor violation --count 1
ok "a batch ends with it" \
	eval 'ended_by INT 130 kpc -B "$dir/batch" && [ ! -s "$dir/out" ]'
ok "a monitor that sees too little in its time ends with 1" \
	run 1 k monitor violation --count 1 --timeout 1

if python3 -c 'import jsonschema' 2>/dev/null; then
	ok "what -j prints is as its schema says, events too" \
		run 0 ip netns exec kpc-t1 \
		python3 "$tree/selftests/demo/conforms.py" \
		"$tree/Documentation/schema/kpc.schema.json" "$dir/events" \
		show "association show" "association get -- m1" \
		"binding show" "endpoint show" "session show" "agent show" \
		"config show" stats
else
	skip "what -j prints is as its schema says, events too" "no jsonschema here"
fi

# Rights
ok "T5, I9: another user may not even look" \
	refuses 'kpc: show: CAP_NET_ADMIN over the network namespace is needed' \
	setpriv --reuid 65534 --clear-groups --bounding-set -all \
	--inh-caps -all kpc

# No file is no empty table (X3)
mkdir -p /etc/kpc/conf.d
ok "sync without any association file is refused" \
	refuses 'kpc: sync: there is neither /etc/kpc/kpc.conf nor a *.conf in /etc/kpc/conf.d' \
	k sync
# The agent without --config looks in the same places.
hang_up()
{
	local agent i

	ip netns exec kpc-t1 kpcd --keys "$dir/nokeys" >"$dir/out" 2>&1 &
	agent=$!
	for i in $(seq 100); do
		grep -q 'ready' "$dir/out" && break
		sleep 0.1
	done
	kill -HUP $agent
	for i in $(seq 100); do
		grep -q 'reloaded' "$dir/out" && break
		sleep 0.1
	done
	kill $agent
	wait $agent
	grep 'reloaded' "$dir/out"
}
ok "nor does SIGHUP take anything away" \
	eval 'hang_up && run 0 k -j stats && [ "$(field "d[\"associations\"]")" = 2 ]'

# A mark that the module has free, and a file has not
put_files()
{
	printf 'association away role a kpc-id away@sp.example id-a //sp.example/away id-b //sp.example/in peer 192.0.2.77:9 mark %s\n' \
		"$1" >"$dir/saved.conf"
	: >"$dir/saved.keys"
	chmod 600 "$dir/saved.conf" "$dir/saved.keys"
	cp "$dir/saved.conf" "$dir/saved.before"
}
provision_near()
{
	k provision --generate --keys "$dir/saved.keys" --file "$dir/saved.conf" \
		near role a kpc-id near@sp.example id-a //sp.example/near \
		id-b //sp.example/in peer 192.0.2.78:9
}
free_mark()
{
	put_files 0
	sed -i '$d' "$dir/saved.conf"
	provision_near >"$dir/out" 2>"$dir/err" || return
	k -j association get near >"$dir/out" || return
	mark=$(field 'd["mark"]')
	k association del near
}
ok "M5: provision saves the mark that the module chose" \
	eval 'free_mark && [ "$(grep -c "^association near .*mark " "$dir/saved.conf")" = 1 ]'
put_files "$mark"
ok "one that the file has given away is not saved" \
	eval 'run 1 provision_near && grep -q "saved.conf:2: mark .* belongs to other identities already (line 1)" "$dir/err" &&
	grep -q "the module chose mark .*kpc sync" "$dir/err"'
ok "and nothing is left of it" \
	eval 'cmp "$dir/saved.conf" "$dir/saved.before" >"$dir/err" &&
	[ ! -s "$dir/saved.keys" ] && run 1 k association get near &&
	grep -q "no association has the name" "$dir/err"'

# Configuration and counters
ok "the managed range stays while associations exist" \
	eval 'run 1 k config set mark-range 0x10000000/0xf0000000 &&
	grep -q "the managed range does not change while 2 associations exist" "$dir/err"'
ok "stats counts associations and endpoints" \
	eval 'run 0 k -j stats &&
	[ "$(field "d[\"associations\"], d[\"endpoints\"], d[\"bindings\"]")" = "(2, 2, 0)" ]'
ok "version knows the module" \
	eval 'run 0 k -j version && [ "$(field "d[\"abi\"] == d[\"module_abi\"]")" = True ]'
ok "the doctor finds the module, and misses the agent" \
	eval 'run 1 k -j doctor &&
	[ "$(field "[r[\"verdict\"] for r in d if r[\"check\"] in (\"module\", \"agent\")]")" = "['\''ok'\'', '\''fail'\'']" ]'

finish
