#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The agent's own unit under a real systemd, with a key that is sealed at rest: the
# first process of a container of its own unseals it for kpcd.service alone (M2, I6).

. "$(dirname "$0")/lib.sh"

manager=/lib/systemd/systemd
for needed in $manager /usr/bin/systemd-creds; do
	[ -x $needed ] || skip_all "no $needed"
done
modprobe kpc 2>"$dir/why" || skip_all "no module kpc: $(head -n 1 "$dir/why")"
modprobe tls 2>"$dir/why" || skip_all "no module tls: $(head -n 1 "$dir/why")"
[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
plan 12

port=$(free_port)
back=$(free_port)
make -s -C "$KPC_TREE/packaging" install DESTDIR="$dir/root" >"$dir/why" 2>&1 ||
	skip_all "packaging does not install: $(tail -n 1 "$dir/why")"
socat "TCP-LISTEN:$back,bind=127.0.0.1,fork,reuseaddr" PIPE </dev/null >/dev/null 2>&1 &
started+=($!)
mkdir "$dir/kpc"
write "$dir/kpc/keys" <<END
pump@example.org credential+hex:pump
END
write "$dir/kpc/table" <<END
association pump role b kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse selector local 127.0.0.1:$port \\
	listen 127.0.0.1:$port plain tcp:127.0.0.1:$back allow-uid any start auto
END
# What the guide adds to the unit; and where the programs are, which are not
# installed here.
cat >"$dir/more.conf" <<END
[Service]
LoadCredentialEncrypted=pump:/etc/kpc/pump.cred
ExecStart=
ExecStart=$(command -v kpcd) --workers 1
Environment=LD_LIBRARY_PATH=$LD_LIBRARY_PATH
StandardError=append:/etc/kpc/log
END
cat >"$dir/container" <<END
mount -t proc proc /proc
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib/systemd
mkdir -p /etc/kpc /run/systemd/system/kpcd.service.d
mount --bind $dir/kpc /etc/kpc
cp $dir/root/usr/lib/systemd/system/kpcd.service /run/systemd/system/
sed -i '/kpc-table/d' /run/systemd/system/kpcd.service
cp $dir/more.conf /run/systemd/system/kpcd.service.d/
mount --make-rshared /
# The key is never in a file as it is.
systemd-creds encrypt --with-key=host --name=pump - /etc/kpc/pump.cred || exit
exec env -i container=kpc PATH=$PATH $manager --system --unit=kpcd.service \\
	--log-target=console --show-status=no --log-color=no
END

# contain: begins it; its first process is \$first as others see it.
contain()
{
	unshare --mount --propagation private --pid --fork --kill-child --cgroup \
		bash -e "$dir/container" <<<"$key" >"$dir/manager.log" 2>&1 &
	container=$!
	started+=("$container")
	first=
	within 10 eval 'first=$(pgrep -P '"$container"')'
}

# inside COMMAND...
inside()
{
	nsenter -t "$first" --mount --pid "$@"
}

running()
{
	[ "$(inside systemctl is-active kpcd.service)" = active ]
}

contain
ok "the unit comes up with a credential that this machine has sealed" within 60 running
ok "which does not show the key" eval '[ -s "$dir/kpc/pump.cred" ] &&
	! base64 -d "$dir/kpc/pump.cred" | grep -q "$key" &&
	! grep -q "$key" "$dir/kpc/pump.cred"'
ok "it is unsealed for the agent alone, who only may read it" eval \
	'[ "$(inside stat -c %a /run/credentials/kpcd.service/pump)" = 400 ] &&
	 ! ls /run/credentials/kpcd.service'
ok "kpc finds it there, for as long as the unit runs" \
	inside kpc load /etc/kpc/table --keys /etc/kpc/keys
ok "the association opens" within 20 grep -q "association open NAME=pump" "$dir/kpc/log"
ok "M7: a peer that has the key is answered" within 20 \
	answered "$port" pump@example.org $key -tls1_3
ok "and the kernel carries its records" \
	grep -q "connection up NAME=pump .*CARRIER=kernel" "$dir/kpc/log"
main()
{
	inside systemctl show -P MainPID kpcd.service
}
# shown PROCESS...: where a key that came so would be seen.
shown()
{
	local process

	for process; do
		inside cat "/proc/$process/environ" "/proc/$process/cmdline" |
			grep -aiq "$key" && return
	done
	grep -qi "$key" "$dir/kpc/log" "$dir/manager.log"
}
ok "I6: neither environment, arguments nor logs have it" \
	eval 'warden=$(main) && [ "$warden" -gt 1 ] &&
	 not shown "$warden" $(inside pgrep -P "$warden")'
ok "reload keeps what it was given" eval 'inside systemctl reload kpcd.service &&
	within 20 grep -q "kpcd: reloaded" "$dir/kpc/log" &&
	answered "$port" pump@example.org $key -tls1_3'
ok "stopped, it has left no credential behind" eval 'inside systemctl stop kpcd.service &&
	! inside test -e /run/credentials/kpcd.service/pump'

# A seal of another machine.
inside rm /var/lib/systemd/credential.secret
inside systemd-creds setup 2>/dev/null
ok "what another machine has sealed starts no agent" eval \
	'! inside systemctl start kpcd.service && ! running && ! inside pgrep -x kpcd'
ok "and what this one has sealed anew does" eval 'inside rm /etc/kpc/pump.cred &&
	inside systemd-creds encrypt --with-key=host --name=pump - /etc/kpc/pump.cred \
		<<<"$key" &&
	inside systemctl reset-failed kpcd.service &&
	inside systemctl restart kpcd.service && running &&
	within 20 answered "$port" pump@example.org $key -tls1_3'
kill -KILL "$first" 2>/dev/null
wait "$container" 2>/dev/null
# With its table the module would stay.
: >"$dir/none"
kpc load "$dir/none" --force >/dev/null 2>&1
finish
