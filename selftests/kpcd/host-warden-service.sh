#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves what kpcd tells the service manager and the journal, with sockets of
# our own in their places, and that systemd takes the units.

# The journal's socket has one path only: a /run of our own.
if [ -z "$KPCD_OWN_RUN" ]; then
	if ! unshare -m true 2>/dev/null; then
		echo "1..0 # SKIP no right to make a mount namespace"
		exit 4
	fi
	exec unshare -m env KPCD_OWN_RUN=1 "$0"
fi
mount -t tmpfs none /run
mkdir -p /run/systemd/journal

. "$(dirname "$0")/lib.sh"
plan 18

# Keeps datagrams of a UNIX socket, one line "--" after each.
keep()
{
	python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
out = open(sys.argv[2], "wb", buffering=0)
while True:
    out.write(s.recv(65536) + b"\n--\n")
' "$1" "$2" &
	started+=($!)
	within 5 test -S "$1"
}

pump_site
echo_backend "$dir/back"
keep "$dir/notify" "$dir/told"
keeper=${started[-1]}
keep /run/systemd/journal/socket "$dir/journal"

: >"$dir/b.log"
NOTIFY_SOCKET=$dir/notify JOURNAL_STREAM=$(stat -c %d:%i "$dir/b.log") \
	kpcd --table "$dir/table" --keys "$dir/keys" --workers 1 --drain 1 \
	</dev/null >>"$dir/b.log" 2>&1 &
warden=$!
started+=($warden)
ok "READY=1 once it is" within 10 grep -qx READY=1 "$dir/told"
within 10 grep -q "worker 0 is ready" "$dir/journal"
ok "a connection" answered "$port" pump@example.org $key -tls1_3
ok "the journal gets each field by itself" eval '
	for field in KPC_NAME=pump KPC_KPCID=pump@example.org \
		     KPC_IDA=//a.example/cse KPC_IDB=//b.example/cse KPC_ROLE=b \
		     KPC_VERSION=TLSv1.3 KPC_CARRIER=agent PRIORITY=6 \
		     SYSLOG_IDENTIFIER=kpcd "MESSAGE=connection up"; do
		within 5 grep -qx -- "$field" "$dir/journal" || exit
	done'
ok "and nothing goes to stderr beside" not grep -q "connection" "$dir/b.log"

# An identity that would forge a field.
answered "$port" $'x\nKPC_NAME=forged' $key -tls1_3
ok "a KpcId with a line feed is told of" \
	within 5 grep -q "KPC_NAME=forged is not known" "$dir/journal"
ok "what a peer sends makes no field of its own" \
	not grep -qx "KPC_NAME=forged" "$dir/journal"
ok "I6: no key in the journal" not grep -qi $key "$dir/journal"

# A peer that goes without close_notify.
cut()
{
	TESTS=${BASH_SOURCE[0]%/*} python3 - "$port" "$key" <<-END
	import os, sys
	sys.path.insert(0, os.environ["TESTS"])
	from tls import APPLICATION_DATA, Peer13
	with Peer13(int(sys.argv[1]), b"pump@example.org", bytes.fromhex(sys.argv[2])) as peer:
	    peer.connect()
	    peer.send(peer.protect(APPLICATION_DATA, b"hello"))
	    peer.read()
	END
}
ok "I8: connections are counted by how they ended, and told as STATUS" eval 'cut &&
	within 10 grep -qx "STATUS=2 connections came up, 1 closed, 1 truncated; 1 handshakes failed" "$dir/told"'

# 400 peers that speak no TLS, of which no more than some fifty have a line.
garbage()
{
	python3 - "$port" <<-END
	import socket, sys
	for _ in range(400):
	    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
	        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
	        try:
	            while s.recv(100):
	                pass
	        except ConnectionError:
	            pass
	END
}
ok "X5: those without a line of the log too" eval 'garbage &&
	within 20 grep -q "; 401 handshakes failed" "$dir/told"'
# Whoever may write to the manager's socket fills it while nobody reads.
filled()
{
	kill -STOP "$keeper"
	python3 - "$dir/notify" <<-END
	import socket, sys
	with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
	    s.setblocking(False)
	    try:
	        while True:
	            s.sendto(b"x", sys.argv[1])
	    except BlockingIOError:
	        pass
	END
	answered "$port" pump@example.org $key -tls1_3
	sleep 2
	answered "$port" pump@example.org $key -tls1_3
}
ok "X5: a manager that does not read keeps nobody waiting" filled
kill -CONT "$keeper"

kill -HUP $warden
ok "RELOADING=1 with its time" within 5 \
	eval 'grep -qx RELOADING=1 "$dir/told" && grep -qE "^MONOTONIC_USEC=[0-9]+$" "$dir/told"'
ok "READY=1 after it" within 5 eval '[ "$(grep -cx READY=1 "$dir/told")" -eq 2 ]'
kill $warden
ok "STOPPING=1" within 5 grep -qx STOPPING=1 "$dir/told"
wait $warden
ok "exit status 0 after SIGTERM" test $? = 0

tree=$(realpath "$(dirname "$0")/../..")
mkdir -p "$dir/bin" "$dir/units"
make -s -C "$tree/packaging" install DESTDIR="$dir/root" SBINDIR="$dir/bin" \
	>/dev/null
printf '#!/bin/sh\necho "$*"\n' >"$dir/bin/kpc"
chmod +x "$dir/bin/kpc"

units_hold()
{
	ln -s "$(command -v kpcd)" "$dir/bin/kpcd"
	cp "$dir"/root/usr/lib/systemd/system/kpc*.service "$dir/units/"
	# A host without modules has no modprobe; a gateway has.
	sed -i 's|/sbin/modprobe|/bin/true|' "$dir/units/kpc-table.service"
	systemd-analyze verify --man=no "$dir"/units/kpc*.service 2>&1 |
		tee /dev/stderr | not grep -E 'kpc.*\.service'
}
if command -v systemd-analyze >/dev/null; then
	ok "systemd-analyze verify has nothing to say of the units" units_hold
else
	skip "systemd-analyze verify" "no systemd-analyze"
fi

# What a boot makes of the units, as a manager that only tests says it.
boot_orders()
{
	local manager=/lib/systemd/systemd

	mkdir -p /run/units/sysinit.target.wants
	cp "$dir"/root/usr/lib/systemd/system/kpc*.service /run/units/
	ln -sf ../kpc-table.service /run/units/sysinit.target.wants/
	setpriv --reuid 65534 --clear-groups env -i HOME=/ \
		SYSTEMD_UNIT_PATH=/run/units: $manager --test --system \
		--unit=sysinit.target --no-pager >"$dir/boot" 2>&1 </dev/null
	not grep -i cycle "$dir/boot" || return
	sed -n '/-> Unit kpc-table.service:/,/-> Unit .*:/p' "$dir/boot" |
		grep -q 'Before: sysinit.target '
}
if [ -x /lib/systemd/systemd ]; then
	ok "the boot is not over before the table is set" boot_orders
else
	skip "the boot and the table" "no systemd"
fi

# The table's command as the unit has it, with the manager in this state.
table_command()
{
	local line

	printf '#!/bin/sh\necho %s\nexit 1\n' "$1" >"$dir/bin/systemctl"
	chmod +x "$dir/bin/systemctl"
	line=$(sed -n "s|^ExecStart=/bin/sh -c '\(.*\)'$|\1|p" \
		"$dir/root/usr/lib/systemd/system/kpc-table.service")
	PATH=$dir/bin:$PATH sh -c "${line:-false}"
}
ok "at boot the table is taken although it would lock out, whatever keys and users are there" \
	eval '[ "$(table_command initializing)" = "sync --no-keys --late-users --force" ]'
judged_later()
{
	local state

	for state in starting running degraded maintenance offline; do
		[ "$(table_command $state)" = "sync --no-keys" ] || return
	done
}
ok "and started on a running machine it is judged" judged_later
finish
