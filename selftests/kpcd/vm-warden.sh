#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves the agent with the module: two sites, commanded over netlink, enforced
# by the kernel (M3, M8, X2, I4, I5, I10).
#
#      site a                                site b
#   +-------------+                      +--------------+
#   | socat, kpcd |---- 10.77.0.0/24 ----| kpcd, echo   |
#   |         .1  |                      |  .2          |
#   +-------------+                      +--------------+

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites.sh"

modprobe kpc 2>"$dir/why" || skip_all "no module kpc: $(head -n 1 "$dir/why")"
plan 51

clean_up_all()
{
	clean_up_sites
	rm -rf /etc/netns/site-a /run/modprobe.d/kpc-test.conf
}
sites_up
trap clean_up_all EXIT
mkdir -p /etc/netns/site-a
echo "10.77.0.2 site-b.test" >/etc/netns/site-a/hosts

write "$dir/keys-a" <<END
poly@example.org ascii:its-cipher-is-not-in-the-kernel
need@example.org ascii:nor-is-this-one-which-needs-it
pump@example.org hex:$key
tank@example.org hex:$other
wrong@example.org ascii:these-are-not-the-octets
name@example.org ascii:found-by-a-name-and-not-by-digits
bare@example.org ascii:of-one-that-lets-nobody-in
END
write "$dir/keys-b" <<END
poly@example.org ascii:its-cipher-is-not-in-the-kernel
need@example.org ascii:nor-is-this-one-which-needs-it
pump@example.org hex:$key
tank@example.org hex:$other
wrong@example.org ascii:that-the-other-side-has
name@example.org ascii:found-by-a-name-and-not-by-digits
END
words()
{
	echo "kpc-id $1@example.org id-a //a.example/cse/C$1 id-b //b.example/cse"
}
write "$dir/a.conf" <<END
association pump role a $(words pump) \\
	peer 10.77.0.2:5684 plain unix:$dir/pump
association tank role a $(words tank) \\
	peer 10.77.0.2:5684 plain unix:$dir/tank start auto
association wrong role a $(words wrong) \\
	peer 10.77.0.2:5684 plain unix:$dir/wrong
association name role a $(words name) \\
	peer site-b.test:5685 plain unix:$dir/name
association poly role a $(words poly) suites TLS_CHACHA20_POLY1305_SHA256 \\
	peer 10.77.0.2:5684 plain unix:$dir/poly offload prefer start demand
association need role a $(words need) suites TLS_CHACHA20_POLY1305_SHA256 \\
	peer 10.77.0.2:5684 plain unix:$dir/need
END
write "$dir/b.conf" <<END
association pump role b $(words pump) \\
	listen 10.77.0.2:5684 plain unix:$dir/back start auto
association tank role b $(words tank) \\
	listen 10.77.0.2:5684 plain unix:$dir/back start auto
association wrong role b $(words wrong) \\
	listen 10.77.0.2:5684 plain unix:$dir/back start auto
association name role b $(words name) \\
	listen 10.77.0.2:5685 plain unix:$dir/back
association poly role b $(words poly) suites TLS_CHACHA20_POLY1305_SHA256 \\
	listen 10.77.0.2:5684 plain unix:$dir/back offload prefer start auto
association need role b $(words need) suites TLS_CHACHA20_POLY1305_SHA256 \\
	listen 10.77.0.2:5684 plain unix:$dir/back start auto
END

# agent SITE: starts its kpcd; its process is $pid.
agent()
{
	ip netns exec site-$1 kpcd --config "$dir/$1.conf" \
		--keys "$dir/keys-$1" --workers 2 --no-pin --drain 2 \
		</dev/null >>"$dir/$1.log" 2>&1 &
	pid=$!
	started+=("$pid")
}

# sessions SITE TYPE: how many.
sessions()
{
	ip netns exec "site-$1" kpc -j session show |
		jq "[.[] | select(.type == \"$2\")] | length"
}

# bindings SITE [NAME]: how many live.
bindings()
{
	ip netns exec "site-$1" kpc -j binding show ${2:+"$2"} | jq length
}

# through NAME: a local program of site a reaches the backend of site b.
through()
{
	[ "$(talk "by $1" "by $1" timeout 15 socat - "UNIX-CONNECT:$dir/$1")" = "by $1" ]
}

echo_backend "$dir/back"

ok "I5: without an agent establish is refused, in words" \
	eval 'na kpc load "$dir/a.conf" --keys "$dir/keys-a" &&
	      not na kpc establish pump 2>&1 | grep "no agent"'
ok "site b is loaded" nb kpc load "$dir/b.conf" --keys "$dir/keys-b"
agent b
b=$pid
ok "site b: a warden and two workers have sessions" within 20 \
	eval '[ "$(sessions b warden)" = 1 ] && [ "$(sessions b worker)" = 2 ]'
ok "its listener is open" within 10 logged b "association open NAME=pump"
agent a
a=$pid
ok "start auto: tank comes up by itself" \
	within 20 logged a "association established NAME=tank"
ok "and its local socket is there" within 5 test -S "$dir/tank"
ok "start manual: pump has none" not test -e "$dir/pump"

na kpc establish pump >"$dir/said" 2>&1
ok "M3: kpc establish pump" test $? = 0
ok "the answer tells the version" grep -qE "TLSv?1\.3" "$dir/said"
sed 's/^/# /' "$dir/said"
ok "and now the local socket is there" test -S "$dir/pump"
ok "M8: a local program reaches site b" through pump

# A connection that stays.
mkfifo "$dir/in"
socat - "UNIX-CONNECT:$dir/pump" <"$dir/in" >"$dir/out" 2>&1 &
started+=($!)
exec 9>"$dir/in"
count=0
lives()
{
	count=$((count + 1))
	echo "alive $count" >&9
	within 5 grep -q "alive $count" "$dir/out"
}
ok "a connection that stays" lives
seen()
{
	ip netns exec site-$1 kpc -j binding show pump | jq -e '
		length > 0 and all(.association == "pump" and
		.kpc_id == "pump@example.org" and
		.id_a == "//a.example/cse/Cpump" and
		.id_b == "//b.example/cse" and .carrier == "kernel")'
}
ok "site a's module ties it to NAME, KpcId, IdA and IdB" within 5 seen a
ok "site b's too" within 5 seen b
ok "kernel TLS carries it" eval \
	'[ "$(awk "/TlsTxSw/ { n += \$2 } /TlsTxDevice/ { n += \$2 } END { print n }" <(na cat /proc/net/tls_stat))" -ge 1 ]'

na kpc establish wrong >"$dir/said" 2>&1
ok "another Kpc: establish fails" test $? = 1
ok "and says why" grep -q "its Kpc is another" "$dir/said"
sed 's/^/# /' "$dir/said"

# A kernel with TLS but without one of its ciphers: the module is kept out.
mkdir -p /run/modprobe.d
echo "install chacha20poly1305 /bin/false" >/run/modprobe.d/kpc-test.conf
rmmod chacha20poly1305 2>/dev/null
ok "offload prefer: what the kernel cannot carry passes" through poly
declined="connection up NAME=poly .*CARRIER=agent BINDING=.*the kernel refuses keys"
ok "by the agents, and the logs tell why" eval \
	'logged a "$declined" && logged b "$declined"'
na kpc establish need >"$dir/said" 2>&1
ok "offload require: establish fails and names the suite" grep -q \
	"requires offload for TLS_CHACHA20_POLY1305_SHA256, and the kernel refuses the keys" \
	"$dir/said"
sed 's/^/# /' "$dir/said"
rm /run/modprobe.d/kpc-test.conf

ok "role b by command: name is not open yet" \
	not nb timeout 2 bash -c "exec 3<>/dev/tcp/10.77.0.2/5685"
ok "until kpc establish says so" nb kpc establish name
ok "a peer by name is looked up and reached" na kpc establish name
ok "its address is protected, marked as resolved" \
	eval 'na kpc -j association get name | tee /dev/stderr |
	      jq -e "[.. | .selectors? // empty | .[]] | any(test(\"resolved\"))"'
ok "data passes" through name

# The name has another address: it is protected, and the old one no more.
mkfifo "$dir/in0"
socat - "UNIX-CONNECT:$dir/name" <"$dir/in0" >"$dir/out0" 2>&1 &
started+=($!)
exec 8>"$dir/in0"
echo before >&8
within 5 grep -q before "$dir/out0"
nb ip addr add 10.77.0.3/24 dev wire
echo "10.77.0.3 site-b.test" >/etc/netns/site-a/hosts
na kpc establish name
ok "a name's new address is protected in place of the old one" eval \
	'[ "$(na kpc -j association get name |
	      jq -r "[.. | .selectors? // empty | .[]] | join(\" \")")" = \
	   "remote 10.77.0.3:5685 resolved" ]'
echo after >&8
ok "what is bound to the old one goes on" within 5 grep -q after "$dir/out0"
exec 8>&-
echo "10.77.0.2 site-b.test" >/etc/netns/site-a/hosts
ok "the name leads back" eval 'within 10 na kpc establish name && through name'

# provision SITE ROLE WORDS...: key and association in one step, from here on.
provision()
{
	local site=$1 role=$2
	shift 2

	ip netns exec "site-$site" kpc provision --keys "$dir/keys-$site" \
		fresh role "$role" $(words fresh) "$@" start auto \
		<<<"hex:$fresh"
}
fresh=8899aabbccddeeff0011223344556677
ok "M5: kpc provision on both sites while the agents run" eval \
	'provision b b listen 10.77.0.2:5684 plain unix:$dir/back &&
	 provision a a peer 10.77.0.2:5684 plain unix:$dir/fresh'
ok "needs no further step" within 10 logged a "association established NAME=fresh"

# withdraw SITE: the association and its key, and nobody tells the agent.
withdraw()
{
	ip netns exec "site-$1" kpc association del fresh --force &&
		sed -i '/^fresh@/d' "$dir/keys-$1"
}
# replaced: site b's Kpc is another, and site a comes with the one of before.
replaced()
{
	withdraw b && withdraw a && fresh=${fresh}02 &&
		provision b b listen 10.77.0.2:5684 plain unix:$dir/back &&
		fresh=${fresh%02} &&
		provision a a peer 10.77.0.2:5684 plain unix:$dir/fresh
}
ok "X3: a Kpc is replaced with its association, on site b only" replaced
na kpc establish fresh >"$dir/said" 2>&1
said=$?
sed 's/^/# /' "$dir/said"
ok "the one of before opens nothing, and no signal was needed" eval \
	'[ $said = 1 ] && grep -q "its Kpc is another" "$dir/said"'
renewed()
{
	fresh=${fresh}02
	withdraw a && provision a a peer 10.77.0.2:5684 plain unix:$dir/fresh &&
		within 10 na kpc establish fresh && through fresh
}
ok "the new one does" renewed

# What kpc would not send: a plain TCP leg for which no user is named.
ok "an association without allow-uid is taken from another sender" \
	na "$KPC_BUILD/selftests/kpcd/tool_bare_association" bare role a \
	$(words bare) peer 10.77.0.2:5684 plain tcp:127.0.0.1:4000 \
	allow-uid any start demand
ok "its local port is opened" within 10 \
	eval "na ss -Htln 'sport = :4000' | grep -q ."
nobody_is_let_in()
{
	na bash -c 'exec 3<>/dev/tcp/127.0.0.1/4000; timeout 5 cat <&3'
	within 5 logged a "local user refused NAME=bare.*is not among allow-uid"
}
ok "I5: and lets nobody in, root neither" nobody_is_let_in
na kpc association del bare

# The workers.
holder=$(sed -n 's/.*connection up NAME=pump.*WORKER=//p' "$dir/a.log" | tail -n 1)
mapfile -t worker < <(workers "$a")
for process in "${worker[@]}"; do
	grep -q "worker $holder is ready.*PID=$process" "$dir/a.log" ||
		victim=$process
done
kill -9 "$victim"
ok "I5: kill -9 of the other worker: replaced" within 10 eval \
	'[ "$(grep -c "worker [0-9] is ready" "$dir/a.log")" -ge 3 ] &&
	 [ "$(sessions a worker)" = 2 ]'
ok "the connection goes on" lives
ok "new ones come up" eval 'through pump && through tank && through pump'

# SIGHUP: what stays keeps its connections.
na kpc association get tank >/dev/null || echo "# tank was not there before"
sed -i '/^association tank/,+1d' "$dir/a.conf"
kill -HUP "$a"
ok "SIGHUP: removed from the file, gone from the module" within 10 eval \
	'na kpc association get tank 2>&1 | grep -q "no association has the name"'
ok "its local socket is gone" within 5 not test -e "$dir/tank"
ok "X3: what stays keeps its connection" lives
echo "association pump role x" >>"$dir/a.conf"
kill -HUP "$a"
ok "a broken file is refused with file and line" within 5 \
	logged a "$dir/a.conf:[0-9]+: .*role"
ok "and changes nothing" lives
sed -i '$d' "$dir/a.conf"

# close and establish again.
ok "kpc close" na kpc close pump
closed()
{
	[ "$(bindings a pump)" = 0 ] && [ ! -e "$dir/pump" ]
}
ok "bindings ended, local socket gone" within 5 closed
exec 9>&-

na kpc establish pump >/dev/null
# How many connections a site has seen broken off.
ended_at()
{
	grep -cE "connection truncated NAME=pump" "$dir/$1.log"
}
mkfifo "$dir/in2"
socat - "UNIX-CONNECT:$dir/pump" <"$dir/in2" >"$dir/out2" 2>&1 &
client=$!
started+=($client)
exec 9>"$dir/in2"
echo before >&9
within 5 grep -q before "$dir/out2"

before=$(ended_at a)
ok "X2: association del on site b" nb kpc association del pump --force
ok "I4: the connection ends at site a's program" \
	within 10 eval "! kill -0 $client"
ok "both logs name the association" eval \
	'within 5 logged b "association gone NAME=pump" &&
	 within 5 eval "[ \$(ended_at a) -gt $before ]"'
exec 9>&-

# The warden.
mapfile -t worker < <(workers "$b")
kill -9 "$b"
ended()
{
	local process

	for process in "${worker[@]}"; do
		[ ! -d "/proc/$process" ] ||
			grep -q '^State:.*Z' "/proc/$process/status" || return 1
	done
	[ "$(sessions b warden)" = 0 ] && [ "$(sessions b worker)" = 0 ]
}
ok "I5: kill -9 of kpcd: workers and sessions are gone" within 5 ended
agent b
ok "a new one takes over" within 20 eval \
	'[ "$(sessions b warden)" = 1 ] && [ "$(sessions b worker)" = 2 ] &&
	 nb kpc establish name && na kpc establish name'
finish
