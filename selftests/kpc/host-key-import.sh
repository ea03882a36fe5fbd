#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kpc key import: what lines of stunnel's PSKsecrets and mosquitto's psk_file mean
# to those programs (stunnel 5.74 and mosquitto 2.0.21 were asked), what is
# refused, and that the store gets all of a file or nothing (M2, T2, T4, I6).
set -u

umask 077
. "$(dirname "$0")/lib.sh"

command -v kpc >/dev/null || skip_all "kpc is not in PATH"
plan
key=00112233445566778899aabbccddeeff
words=secret-secret-secret
words_hex=7365637265742d7365637265742d736563726574
mkdir "$dir/keys.d"

# import FORMAT LINES [OPTION...]: of a file that has these lines.
import()
{
	local format=$1
	printf '%b' "$2" >"$dir/file"
	shift 2

	kpc key import "$format" "$dir/file" --keys "$dir/keys.d/in" "$@"
}

# means STORE FORMAT LINES [OPTION...]: an empty store has these lines then.
means()
{
	local store=$1
	shift

	rm -f "$dir/keys" "$dir/keys.d/in"
	run 0 import "$@" && [ "$(cat "$dir/keys.d/in")" = "$(printf '%b' "$store")" ]
}

# refuses SENTENCE FORMAT LINES [OPTION...]: nothing is stored and no key shown.
refuses()
{
	local sentence=$1
	shift

	rm -f "$dir/keys.d/in"
	run 1 import "$@" && [ ! -e "$dir/keys.d/in" ] && [ ! -s "$dir/out" ] &&
		[ "$(cat "$dir/err")" = "kpc: key import: $dir/file:$sentence" ] &&
		! grep -E "$words|0011|7365" "$dir/err"
}

a="a@sp.example"
b="b@sp.example"

# stunnel
ok "stunnel: pairs of hexadecimal digits are octets" \
	means "$a hex:$key" stunnel "$a:$key\n"
ok "with its own end of line, or none, and empty lines between" \
	means "$a hex:$key\n$b hex:${key}11" stunnel "$a:$key\r\n\n\r\n$b:${key}11"
ok "and colons between the pairs" means "$a hex:$key" \
	stunnel "$a:00:11:22:33:44:55:66:77:88:99:AA:bb:cc:dd:ee:ff\n"
ok "all else is text" means "$a hex:$words_hex" stunnel "$a:$words\n"
ok "as are colons in the wrong place" means \
	"$a hex:303a31313232333334343535363637373838393961616262636364646565666630" \
	stunnel "$a:0:112233445566778899aabbccddeeff0\n"
ok "and an odd number of digits, of which it warns" \
	eval 'means "$a hex:303031313232333334343535363637373838393961616262636364646565666630" \
		stunnel "$a:${key}0\n" &&
	grep -qx "kpc: key import: warning: $dir/file:1: the key is not of pairs of hexadecimal digits; it is taken as stunnel does, 33 characters" "$dir/err"'
ok "a blank behind the digits too" \
	eval 'means "$a hex:303031313232333334343535363637373838393961616262636364646565666620" \
		stunnel "$a:$key \n" && grep -q "as stunnel does, 33 characters" "$dir/err"'
ok "an identity is taken with its blanks" means "\\\\x20a\\\\x20 hex:$key" \
	stunnel " a :$key\n" --any
ok "which no strict KpcId has" refuses \
	"1: the identity is not of the form relative@FQDN; --any takes it" \
	stunnel " a :$key\n"
ok "there are no comments" refuses \
	"1: has no colon; IDENTITY:KEY is accepted" stunnel "# keys\n$a:$key\n"

# mosquitto
ok "mosquitto: hexadecimal digits are octets, blanks are cut off, # begins a comment" \
	means "$a hex:$key\n$b hex:${key}11" \
	mosquitto "# keys\n\n \t\n $a\t: $key \r\n$b:${key}11"
ok "text is refused" refuses \
	"2: key: hex: position 1 is not a hex digit" \
	mosquitto "\n$a:$words\n"
ok "as is an odd number of digits, which mean a number" refuses \
	"1: key: hex: has an odd number of digits" \
	mosquitto "$a:${key}0\n"
ok "and what it does not read" refuses \
	"1: has a second colon, what is behind which mosquitto does not read; IDENTITY:KEY is accepted" \
	mosquitto "$a:$key:$words\n"
ok "and a line that is none" refuses \
	"2: has no colon; IDENTITY:KEY is accepted" mosquitto "$a:$key\n$words\n"
ok "and no key" refuses \
	"1: key: empty; up to 64 octets are accepted" mosquitto "$a:\n"
ok "and no identity" refuses \
	"1: an identity of 0 octets is no KpcId; 1 to 128 are accepted" \
	mosquitto " :$key\n"

# Both
for format in stunnel mosquitto; do
	ok "$format: M2: a short key is refused" refuses \
		"2: key of 4 octets: 16 to 64 are accepted, fewer only with weak-key yes" \
		$format "$a:$key\n$b:00112233\n"
	ok "and taken when asked, with a warning" \
		eval 'means "$a hex:00112233" $format "$a:00112233\n" --weak &&
		grep -q "warning: $dir/file:1: key of 4 octets is weak" "$dir/err"'
	ok "a long one is refused" refuses \
		"1: key: over 64 octets long" \
		$format "$a:$key$key$key$key$key\n"
	ok "T2: one KpcId twice" refuses \
		"2: its KpcId is at line 1 already, in upper or lower case" \
		$format "$a:$key\nA@sp.example:${key}11\n"
	ok "T4: one Kpc twice" refuses \
		"3: has the Kpc of line 1; each pair has its own" \
		$format "$a:$key\n\n$b:$key\n"
	ok "what was mistaken for the identity may be the key" refuses \
		"1: key$([ $format = stunnel ] && echo " of 72 octets: 1 to 64 are accepted" ||
			  echo ": hex: position 2 is not a hex digit")" \
		$format "$key:$b$b$b$b$b$b\n" --any
	ok "a NUL" refuses "1: has a NUL octet" $format "$a:$key\\0000\n"
done

# The store
echo "$a hex:$key" >"$dir/keys"
ok "T4: another KpcId of the store has the Kpc" refuses \
	"1: this Kpc is that of KpcId $a at $dir/keys:1 already; each pair has its own" \
	mosquitto "$b:$key\n"
ok "the store has another Kpc for a KpcId" refuses \
	"2: KpcId $a has another Kpc already at $dir/keys:1; remove that line first" \
	mosquitto "$b:${key}11\n$a:${key}22\n"
ok "what it has alike is passed over, and the file is mode 0600" \
	eval 'printf "$a:$key\n$b:${key}11\n" >"$dir/file"
	gives "1 keys of $dir/file are new in $dir/keys.d/in" \
		kpc key import mosquitto "$dir/file" --keys "$dir/keys.d/in" &&
	[ "$(cat "$dir/keys.d/in") $(stat -c %a "$dir/keys.d/in")" = "$b hex:${key}11 600" ]'
ok "the same once more changes nothing" \
	eval 'before=$(stat -c %i "$dir/keys.d/in")
	gives "0 keys of - are new in $dir/keys.d/in" \
		kpc key import mosquitto - --keys "$dir/keys.d/in" &&
	kpc key import mosquitto - --keys "$dir/keys.d/in" <"$dir/file" >"$dir/out" &&
	[ "$(stat -c %i "$dir/keys.d/in")" = "$before" ]'
printf "" >"$dir/none.conf"
printf "c@sp.example:${key}33\nd@sp.example:${words}\n" >"$dir/file"
ok "more of them are added, of another format too" \
	eval 'run 0 kpc key import stunnel - --keys "$dir/keys.d/in" &&
	kpc key import stunnel - --keys "$dir/keys.d/in" <"$dir/file" >"$dir/out" &&
	[ "$(wc -l <"$dir/keys.d/in")" = 3 ] &&
	run 0 kpc key check --keys "$dir/keys" --file "$dir/none.conf" &&
	grep -qx "KpcId d@sp.example: unused, 20 octets, $dir/keys.d/in:3, no association names it" "$dir/out"'
chmod 0640 "$dir/file"
ok "T5: a file that others may read is refused" \
	eval 'run 1 kpc key import stunnel "$dir/file" --keys "$dir/keys.d/in" &&
	[ "$(cat "$dir/err")" = "kpc: key import: $dir/file: others have rights on it (mode 0640); mode 0600 is accepted" ]'
ok "no file" eval 'run 1 kpc key import stunnel "$dir/none" --keys "$dir/keys.d/in"'
ok "no format" \
	eval 'run 2 kpc key import gnutls "$dir/file" &&
	[ "$(cat "$dir/err")" = "kpc: key import: \"gnutls\" is not known; stunnel or mosquitto is accepted" ]'
ok "no words" \
	eval 'run 2 kpc key import stunnel &&
	[ "$(cat "$dir/err")" = "kpc: key import: stunnel FILE or mosquitto FILE is accepted" ]'
for i in $(seq 300); do
	printf 'gw-%d@sp.example:%032x\n' "$i" "$i"
done >"$dir/many"
ok "300 keys at once" \
	gives "300 keys of $dir/many are new in $dir/keys.d/many" \
	kpc key import mosquitto "$dir/many" --keys "$dir/keys.d/many"
ok "nothing is left beside the store's files" \
	eval '[ "$(cd "$dir" && echo keys* keys.d/*)" = "keys keys.d keys.lock~ keys.d/in keys.d/many" ]'
finish
