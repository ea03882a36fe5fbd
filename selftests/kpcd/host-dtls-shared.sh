#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that allow-uid says who sends, not only who receives (M8): a port of UDP that
# others can have at the same time is nobody's, at either plain leg.
#
#   program --- kpcd a === kpcd b --- backend
#
# SO_REUSEADDR, which any CoAP server of libcoap sets, lets every user bind the same
# port; a port below 1024 is out of their reach.

. "$(dirname "$0")/lib.sh"
plan

datagrams="$(dirname "$0")/dtls.py"
sites="own shared any low"
write "$dir/keys" </dev/null
write "$dir/b.table" </dev/null
write "$dir/a.table" </dev/null
declare -A back front
for site in $sites; do
	b=$(free_port)
	back[$site]=$(free_port)
	front[$site]=$(free_port)
	allowed=$UID
	[ $site = any ] && allowed=any
	[ $site = low ] && back[$site]=683
	psk=$(printf '%s' "the key of $site" | sha256sum | cut -c1-32)
	words="kpc-id $site@example.org id-a //a.example/cse/C$site id-b //b.example/cse/C$site \
		profile onem2m versions dtls1.2 offload off"
	echo "$site@example.org hex:$psk" >>"$dir/keys"
	cat >>"$dir/b.table" <<-END
	association $site role b $words start auto listen 127.0.0.1:$b \\
		plain udp:127.0.0.1:${back[$site]} allow-uid $allowed
	END
	cat >>"$dir/a.table" <<-END
	association $site role a $words start demand peer 127.0.0.1:$b \\
		plain udp:127.0.0.1:${front[$site]} allow-uid $allowed
	END
done
# backend SITE [shared]
backend()
{
	python3 "$datagrams" echo 127.0.0.1 "${back[$1]}" "${@:2}" &
	started+=($!)
	within 5 bound "${back[$1]}"
}
backend own
backend shared shared
backend any shared
[ "$(id -u)" = 0 ] && backend low shared
up b --table "$dir/b.table" --keys "$dir/keys" --workers 1 --no-pin
up a --table "$dir/a.table" --keys "$dir/keys" --workers 1 --no-pin
within 5 bound "${front[low]}"

# answered SITE [shared]: a program of the site a.
answered()
{
	python3 "$datagrams" answered "${front[$1]}" "${@:2}"
}
why='any user can send from its port, as it has SO_REUSEADDR'
ok "a program and a backend that have their ports for themselves" answered own
ok "a program whose port others can have is not let in" not answered own shared
ok "and the log says why" logged a "local user refused NAME=own .*$why"
ok "nor is such a backend" not answered shared
ok "and the log says why" logged b "local user refused NAME=shared .*$why"
ok "but where allow-uid any says so, either is" answered any shared
if [ "$(id -u)" = 0 ]; then
	ok "and a backend at a port below 1024" answered low
else
	skip "and a backend at a port below 1024" "only root can have one"
fi
finish
