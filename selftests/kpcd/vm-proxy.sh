#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that web servers behind the agent learn who is at the far end from the
# PROXY protocol, set up as Documentation/gateway.rst says, and that no other local
# user can tell them so (M8).
#
#      site a                                      site b
#   +------------+                  +-----------------------------------+
#   | curl, kpcd |- 10.77.0.0/24 -- | kpcd --- unix, directory -- nginx |
#   |        .1  |                  |   .2 \-- tcp, nftables -- haproxy |
#   +------------+                  +-----------------------------------+

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites.sh"

here=$(dirname "$0")
modprobe tls || skip_all "this kernel has no TLS"
modprobe kpc 2>"$dir/why" || skip_all "no module kpc: $(head -n 1 "$dir/why")"
for program in nginx haproxy nft curl; do
	[ -n "$(type -P $program)" ] || skip_all "no $program"
done
id kpcd >/dev/null 2>&1 ||
	systemd-sysusers "$KPC_TREE/packaging/sysusers.d/kpc.conf" ||
	skip_all "no user kpcd"
plan 15
sites_up

key()
{
	printf '%s-has-a-key-of-its-own' "$1"
}
# Two entities to the one server, one to the other.
for name in pump tank lift; do
	echo "$name@example.org ascii:$(key $name)"
done | write "$dir/keys"
words()
{
	echo "kpc-id $1@example.org id-a //a.example/cse/C$1 kind-a ae" \
		"id-b //b.example/cse start auto"
}
write "$dir/a.conf" <<END
association pump role a $(words pump) peer 10.77.0.2:5684 plain unix:$dir/pump
association tank role a $(words tank) peer 10.77.0.2:5684 plain unix:$dir/tank
association lift role a $(words lift) peer 10.77.0.2:5684 plain unix:$dir/lift
END
write "$dir/b.conf" <<END
association pump role b $(words pump) listen 10.77.0.2:5684 \\
	plain unix:$dir/web/kpc.sock owner root proxy yes
association tank role b $(words tank) listen 10.77.0.2:5684 \\
	plain unix:$dir/web/kpc.sock owner root proxy yes
association lift role b $(words lift) listen 10.77.0.2:5684 \\
	plain tcp:127.0.0.1:8080 allow-uid haproxy,root proxy yes
END

# As in the guide.
mkdir -m 0700 "$dir/web"
cat >"$dir/nginx.conf" <<END
daemon off;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
events { }
http {
	log_format kpc '\$proxy_protocol_addr \$proxy_protocol_tlv_0xe0 '
		'\$proxy_protocol_tlv_0xe1 \$proxy_protocol_tlv_0xe2 '
		'\$proxy_protocol_tlv_ssl_cn \$proxy_protocol_tlv_ssl_version '
		'\$proxy_protocol_tlv_ssl_cipher \$proxy_protocol_tlv_ssl_verify '
		'\$proxy_protocol_tlv_unique_id "\$request" \$status';
	access_log $dir/nginx-access.log kpc;
	server {
		listen unix:$dir/web/kpc.sock proxy_protocol;
		location / {
			return 200 "you are \$proxy_protocol_tlv_0xe1\n";
		}
	}
}
END
cat >"$dir/haproxy.cfg" <<END
global
	user haproxy
	log stdout format raw local0
defaults
	mode http
	log global
	timeout connect 10s
	timeout client 10s
	timeout server 10s
frontend kpc
	bind 127.0.0.1:8080 accept-proxy
	log-format "%ci %[fc_pp_tlv(0xE0)] %[fc_pp_tlv(0xE1)] %[fc_pp_tlv(0xE2)] %[fc_pp_tlv(0x20),bytes(18)] %[fc_pp_unique_id,hex] %{+Q}r %ST"
	http-request return status 200 content-type text/plain lf-string "you are %[fc_pp_tlv(0xE1)]\n"
END
cat >"$dir/nft" <<END
table inet kpc_backends {
	chain out {
		type filter hook output priority 0;
		oifname "lo" tcp dport 8080 meta skuid != kpcd reject with tcp reset
	}
}
END

nb kpc load "$dir/b.conf" --keys "$dir/keys" || exit
na kpc load "$dir/a.conf" --keys "$dir/keys" || exit
nb nginx -c "$dir/nginx.conf" </dev/null >>"$dir/nginx-out.log" 2>&1 &
started+=($!)
nb haproxy -f "$dir/haproxy.cfg" </dev/null >>"$dir/haproxy.log" 2>&1 &
started+=($!)
for site in b a; do
	ip netns exec site-$site kpcd --config "$dir/$site.conf" \
		--keys "$dir/keys" --workers 1 --no-pin --user kpcd \
		</dev/null >>"$dir/$site.log" 2>&1 &
	started+=($!)
done
within 20 test -S "$dir/web/kpc.sock"
within 20 eval 'nb ss -Htln "sport = :8080" | grep -q .'
ok "both sites are open" within 30 eval \
	'[ -S "$dir/pump" ] && [ -S "$dir/tank" ] && [ -S "$dir/lift" ]'

# ask NAME PATH: what a program of site A is told.
ask()
{
	na curl -sS -m 20 --unix-socket "$dir/$1" "http://b$2"
}
# told NAME: who it is.
told()
{
	ask "$1" "/$1" | tee /dev/stderr | grep -qx "you are //a.example/cse/C$1"
}
# entry LOG NAME WORDS: a request of that name was logged with all of them.
entry()
{
	within 10 grep -q " /$2 HTTP" "$dir/$1" && grep " /$2 HTTP" "$dir/$1" | tee /dev/stderr |
		grep -qE -- "$3"
}
# forge WORD...: as a user who is neither kpcd's nor root.
forge()
{
	nb setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		"$here/forge.py" "$@"
}
# refused WORD REASON...: it did not get so far.
refused()
{
	local why=$1
	shift

	! forge "$@" >"$dir/forged" && cat "$dir/forged" && grep -qx "$why" "$dir/forged"
}
believed()
{
	forge "$@" | tee /dev/stderr | grep -qx 'you are //forged.example/cse/C9'
}
# silent LOG: it knows of no such request.
silent()
{
	! grep forged "$dir/$1"
}

ok "nginx knows who asks" told pump
ok "and another entity at the same socket from it" told tank
cn='TLSv1\.3 TLS_AES_128_GCM_SHA256 0'
ok "its log has the address, KpcId, IdA, IdB, and TLS" entry nginx-access.log pump \
	"^10\.77\.0\.1 pump@example\.org //a\.example/cse/Cpump //b\.example/cse //a\.example/cse/Cpump $cn "
ok "and of the other likewise" entry nginx-access.log tank \
	"^10\.77\.0\.1 tank@example\.org //a\.example/cse/Ctank //b\.example/cse //a\.example/cse/Ctank $cn "
ok "connections have unlike identities" eval \
	'[ "$(grep -oE "(.x[0-9A-F]{2}|[ -~]){24} \"GET" "$dir/nginx-access.log" | sort -u | wc -l)" = 2 ]'
ok "haproxy knows who asks" told lift
ok "its log has the address, KpcId, IdA, IdB, TLS's own and an identity" entry haproxy.log lift \
	'^10\.77\.0\.1 lift@example\.org //a\.example/cse/Clift //b\.example/cse //a\.example/cse/Clift.* [0-9A-F]{48} '

chmod 711 "$dir"
ok "another local user gets to no socket in root's directory" \
	refused "Permission denied" unix "$dir/web/kpc.sock"
ok "and nginx has heard nothing of him" silent nginx-access.log
ok "at a port without a rule he is believed" believed tcp 8080
: >"$dir/haproxy.log"
nb nft -f "$dir/nft"
ok "with the rule he is refused" refused "Connection refused" tcp 8080
ok "and haproxy has heard nothing of him" silent haproxy.log
ok "the agent still gets there" told lift

# What the far end itself sends is data, whatever it looks like.
na "$here/forge.py" unix "$dir/pump" >/dev/null
ok "a header that the far end sends makes it nobody else" eval \
	'within 10 grep -q "//a.example/cse/Cpump .* 400" "$dir/nginx-access.log" &&
	 ! grep -E "^192.0.2.66|forged.*200" "$dir/nginx-access.log"'
finish
