# SPDX-License-Identifier: GPL-2.0-only
# 1. Both sites get their keys and associations (M2-M6).
# shellcheck shell=bash

# Writes a site's key store. Both ends of a pair hold the same line; nothing
# but these two ever sees it (M6).
write_keys()
{
	local dir=/etc/netns/$1/kpc id
	shift

	install -d -m 0700 "$dir"
	(umask 077 && for id in "$@"; do
		echo "$id hex:${kpc[$id]}"
	done >"$dir/keys")
}

# Makes the keys of the demonstration. $kpc holds them by KpcId.
make_keys()
{
	local id

	declare -gA kpc
	for id in telemetry files back tls12 tls13 gnutls mqtt; do
		new_key "$id@site-b.example"
		kpc[$id@site-b.example]=$key
	done
	new_key partner@site-f.example
	kpc[partner@site-f.example]=$key
	write_keys site-a telemetry@site-b.example files@site-b.example \
		partner@site-f.example
	write_keys site-b telemetry@site-b.example files@site-b.example \
		back@site-b.example tls12@site-b.example tls13@site-b.example \
		gnutls@site-b.example mqtt@site-b.example
}

# The association files.
write_tables()
{
	cp "$demo/conf/site-a.conf" /etc/netns/site-a/kpc/kpc.conf
	cp "$demo/conf/site-b.conf" /etc/netns/site-b/kpc/kpc.conf
	chmod 0600 /etc/netns/site-?/kpc/kpc.conf
}

# The names of a site's associations.
association_names()
{
	at "$1" kpc -j association show | jq -r '[.[].name] | sort | join(" ")'
}

# Provisions the association for iperf3: on site B with a new key, which
# then goes to site A. Sets $a, $b and $text.
provision()
{
	local file=$run/bench.key

	text=$(nb kpc provision --generate --save bench role b kpc-id bench@site-b.example \
		id-a //site-a.example/mn/Cbench id-b //site-b.example/in \
		listen $SITE_B:5202 plain tcp:127.0.0.1:5201 allow-uid root \
		start auto 2>&1)
	b=$?
	(umask 077 && sed -n 's/^bench@site-b.example //p' \
		/etc/netns/site-b/kpc/keys >"$file")
	hide_key "$(sed 's/^hex://' "$file")" bench@site-b.example
	na kpc provision --save bench role a kpc-id bench@site-b.example \
		id-a //site-a.example/mn/Cbench id-b //site-b.example/in \
		peer $SITE_B:5202 plain tcp:127.0.0.1:5201 \
		allow-uid $OPERATOR <"$file"
	a=$?
	rm -f "$file"
}

point_1()
{
	local a b text

	make_keys
	write_tables
	check "1. key stores on both sites, owner root, mode 0600 (M2, T5)" \
		"$(wc -l </etc/netns/site-a/kpc/keys) and $(wc -l </etc/netns/site-b/kpc/keys) keys" \
		test "$(stat -c %a-%u /etc/netns/site-[ab]/kpc/keys | sort -u)" = 600-0

	na kpc load
	a=$?
	nb kpc load
	b=$?
	check "1. kpc load of the association file on both sites (M3, M4)" \
		"site A: $(association_names site-a); site B: $(association_names site-b)" \
		test "$a$b" = 00

	# Identities and key in one step: the key is made on one site, and
	# carried to the other the way the operator trusts.
	provision
	check "1. kpc provision sets key and identities in a single step (M5)" \
		"$text" test "$a$b" = 00

	text=$(na kpc key check 2>&1)
	a=$?
	text+=$'\n'$(nb kpc key check 2>&1)
	b=$?
	check "1. kpc key check finds a key for every association" \
		"$(grep -c ': ok' <<<"$text") of $(wc -l <<<"$text")" test "$a$b" = 00

	text=$(for id in "${!kpc[@]}"; do
		at site-a kpc association show | grep -cF "${kpc[$id]}"
		at site-a kpc save | grep -cF "${kpc[$id]}"
	done | awk '{ n += $1 } END { print n }')
	check "1. no key in what kpc shows and saves (I6)" \
		"$text of ${#kpc[@]} keys seen" test "$text" = 0
}
