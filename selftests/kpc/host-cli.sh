#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kpc(8) without a module: words, exit statuses, where messages go, files it
# writes, and that no key is ever shown (M5, T4, I6).
set -u

umask 077
. "$(dirname "$0")/lib.sh"

# refuses STATUS SENTENCE COMMAND...: one line on stderr, nothing on stdout.
refuses()
{
	local expected=$1 sentence=$2
	shift 2

	run "$expected" "$@" && [ ! -s "$dir/out" ] &&
		[ "$(cat "$dir/err")" = "$sentence" ]
}

command -v kpc >/dev/null || skip_all "kpc is not in PATH"
plan
key=00112233445566778899aabbccddeeff
words=(m7 role a kpc-id m7@sp.example id-a //sp.example/cse/C1
       id-b //sp.example/in peer 192.0.2.1:8883)
files=(--keys "$dir/keys" --file "$dir/kpc.conf" --offline)

# Words and statuses
ok "help is not a mistake" run 0 kpc -h
objects=(show association binding endpoint session agent establish close key
	 provision config load sync confirm save monitor stats doctor version)
# explains COMMAND WORD: help of it, and nothing is done.
explains()
{
	(cd "$dir" && run 0 kpc $1 "$2") && [ ! -s "$dir/err" ] &&
		grep -q "^  kpc $1" "$dir/out" && [ ! -e "$dir/help" ]
}
each_explains()
{
	local object

	for object in "${objects[@]}"; do
		explains $object help && explains $object --help || return
	done
}
ok "each object has its help, by word and by option" each_explains
ok "and each command of one, by option" \
	eval 'explains "association add" --help && explains "key generate" --help'
ok "among other words too" \
	eval 'run 0 kpc sync "$dir/none" --force --help &&
	grep -q "^  kpc sync \[FILE\]" "$dir/out"'
ok "the program as well" \
	eval 'run 0 kpc --help && grep -q "^usage: kpc" "$dir/out"'
ok "an unknown object is, and names what is accepted" \
	refuses 2 'kpc: "frob" is not known; accepted: show association binding endpoint session agent establish close key provision config load sync confirm save monitor stats doctor version' \
	kpc frob
ok "an abbreviation that fits two" \
	refuses 2 'kpc: "con" may be one of: config confirm' kpc con
ok "one that fits a single one" run 0 kpc vers
ok "an unknown command of an object" \
	refuses 2 'kpc: association: "mod" is not known; accepted: show add replace del get' \
	kpc assoc mod
ok "a word too many" \
	refuses 2 'kpc: stats: "x" is too much: no word is accepted here' \
	kpc stats x
ok "an unknown option" \
	refuses 2 'kpc: stats: --all is no option of this command' \
	kpc stats --all
ok "an option without its value" \
	refuses 2 'kpc: load: --confirm needs a value' kpc load --confirm
ok "a value that is no number" \
	refuses 2 'kpc: load: --confirm "soon" is not a number of 1 or more' \
	kpc load --confirm soon
ok "a timeout that the module would not wait for" \
	eval 'refuses 2 "kpc: establish: --timeout is at most 60 seconds: the module ends a request then" \
		kpc establish m7 --timeout 61 &&
	refuses 2 "kpc: close: --timeout is at most 60 seconds: the module ends a request then" \
		kpc close m7 --timeout 90s'
ok "-j of an unknown form" \
	refuses 2 'kpc: -jx is not known; -j or -jpretty is accepted' kpc -jx
ok "a network namespace that is not there" \
	refuses 1 'kpc: -n /run/netns/nosuch: No such file or directory' \
	kpc -n nosuch show
ok "M3: id-b missing for role a" \
	refuses 2 'kpc: association add m7: id-b is missing: the identity that A authenticates, such as id-b //sp.example/cse' \
	kpc association add m7 role a kpc-id m7@sp.example id-a //sp.example/cse/C1
ok "no octet of a word reaches the terminal raw" \
	refuses 2 'kpc: "\x1b[2Jx" is not known; accepted: show association binding endpoint session agent establish close key provision config load sync confirm save monitor stats doctor version' \
	kpc $'\e[2Jx'

ok "--no-keys beside a key store" \
	refuses 2 'kpc: load: --keys and --no-keys exclude each other' \
	kpc load --keys x --no-keys

# completes WORD...: what completion offers for the last one, where one
# association is in force, m7.
completes()
(
	kpc() { echo "association m7 role a"; }
	. "$(dirname "$0")/../../packaging/completion/kpc"
	COMP_WORDS=(kpc "$@")
	COMP_CWORD=$#
	_kpc
	echo "${COMPREPLY[@]}"
)
ok "completion of binding offers commands" \
	gives "show del help" completes binding ""
ok "and the formats of key import, with the options behind them" \
	eval 'gives "stunnel" completes key import s &&
	gives "--keys --any --weak" completes key import stunnel file --'
ok "and names where one is taken" gives "m7" completes binding show ""
ok "which is not where an ID is" gives "" completes binding del ""
ok "nor without the command" \
	refuses 2 'kpc: binding: "m7" is not known; accepted: show del' kpc binding m7

# Without the module
if [ -e /sys/module/kpc ]; then
	echo "# kpc.ko is loaded: what is said without it is not looked at"
else
	ok "says how to load the module" \
		refuses 1 'kpc: show: kpc.ko is not loaded: modprobe kpc' kpc
	ok "the same for a change" \
		refuses 1 'kpc: association del: kpc.ko is not loaded: modprobe kpc' \
		kpc association del m7
	ok "save to a device writes into it and puts no file in its place" \
		refuses 1 'kpc: save: kpc.ko is not loaded: modprobe kpc' \
		kpc save /proc/self/fd/0
	ok "the doctor tells what is missing, and ends with 1" run 1 kpc -j doctor
	ok "in JSON" python3 -c 'import json, sys
rows = json.load(open(sys.argv[1]))
row = [r for r in rows if r["check"] == "module"][0]
sys.exit(row["verdict"] != "fail" or "modprobe" not in row["advice"])' "$dir/out"
fi

# M5: Kpc and identities in one step
provision()
{
	printf '%s\n' "$1" >"$dir/key"
	shift
	run 0 kpc provision --key "$dir/key" "$@"
}
ok "M5: provision takes key, identities and association at once" \
	provision "hex:$key" "${files[@]}" "${words[@]}"
ok "the store holds KpcId and key, mode 0600" \
	test "$(cat "$dir/keys") $(stat -c %a "$dir/keys")" = "m7@sp.example hex:$key 600"
ok "the association file holds the association, and reads back" \
	gives "m7, KpcId m7@sp.example: ok, 16 octets, $dir/keys:1" \
	kpc key check --keys "$dir/keys" --file "$dir/kpc.conf"
cp "$dir/keys" "$dir/keys.before"
cp "$dir/kpc.conf" "$dir/conf.before"

unchanged()
{
	"$@" && cmp -s "$dir/keys" "$dir/keys.before" &&
		cmp -s "$dir/kpc.conf" "$dir/conf.before"
}
again=(m8 role a kpc-id m8@sp.example id-a //sp.example/cse/C2
       id-b //sp.example/in)
ok "T4: one Kpc for two pairs is refused, files stay, no key is shown" \
	unchanged refuses 1 "kpc: provision m8: this Kpc is that of KpcId m7@sp.example at $dir/keys:1 already; each pair has its own" \
	kpc provision --key "$dir/key" "${files[@]}" "${again[@]}"
echo "hex:${key}00" >"$dir/key"
ok "a KpcId keeps its Kpc" \
	unchanged refuses 1 "kpc: provision n7: KpcId m7@sp.example has another Kpc already at $dir/keys:1; remove that line first" \
	kpc provision --key "$dir/key" --keys "$dir/keys" --file "$dir/other.conf" \
	--offline n7 "${words[@]:1}"
ok "a name that the file has is refused before the store is touched" \
	unchanged refuses 1 "kpc: provision m7: $dir/kpc.conf:2: the name m7 is taken (line 1)" \
	kpc provision --key "$dir/key" "${files[@]}" m7 "${again[@]:1}"
two_files()
{
	refuses 1 "kpc: provision m8: $1 is the association file and the key store; these are two files" \
		timeout 5 kpc provision --key "$dir/key" --offline \
		--file "$1" --keys "$2" "${again[@]}"
}
: >"$dir/empty"
ln "$dir/empty" "$dir/linked"
ok "one file for both is refused, whatever it is called" \
	unchanged eval 'two_files "$dir/both" "$dir/both" && [ ! -e "$dir/both" ] &&
	two_files "$dir/both" "$dir/./both" && [ ! -e "$dir/both" ] &&
	two_files "$dir/empty" "$dir/linked" && [ ! -s "$dir/empty" ]'
echo "$key" >"$dir/key"
run 1 kpc provision --key "$dir/key" "${files[@]}" "${again[@]}"
ok "a key that names no encoding is refused and not shown" \
	unchanged eval '[ -s "$dir/err" ] && ! grep -q "$key" "$dir/err" "$dir/out"'
ok "a short key too, unless the entry takes it" \
	eval 'echo ascii:123456 >"$dir/key"
	unchanged run 1 kpc provision --key "$dir/key" "${files[@]}" "${again[@]}" &&
	! grep -q 123456 "$dir/err" &&
	run 0 kpc provision --key "$dir/key" "${files[@]}" "${again[@]}" weak-key yes'
cp "$dir/keys" "$dir/keys.before"
cp "$dir/kpc.conf" "$dir/conf.before"
chmod 0644 "$dir/key"
ok "a key file that others may read is refused" \
	unchanged refuses 1 "kpc: provision m9: $dir/key: others have rights on it (mode 0644); mode 0600 is accepted" \
	kpc provision --key "$dir/key" "${files[@]}" m9 "${again[@]:1}"
ok "an empty standard input is no key" \
	refuses 1 'kpc: provision m9: the first line of standard input is empty; encoding:KEY is accepted, such as hex:00112233445566778899aabbccddeeff' \
	kpc provision "${files[@]}" m9 "${again[@]:1}"

ok "a signal at the prompt leaves the terminal with its echo" \
	python3 "$(dirname "$0")/prompt.py" kpc provision "${files[@]}" m9 "${again[@]:1}"
ok "a line typed there is a key, and is not shown" \
	python3 "$(dirname "$0")/prompt.py" --type "hex:${key}33" \
	kpc provision --keys "$dir/keys.typed" --file "$dir/typed.conf" --offline \
	m9 "${again[@]:1}"

# Keys
ok "generate puts a new Kpc into the store" \
	gives "KpcId n1@sp.example: a Kpc of 32 octets is in $dir/keys" \
	kpc key generate n1@sp.example --keys "$dir/keys"
line=$(tail -1 "$dir/keys")
ok "of 32 random octets" \
	eval '[[ $line =~ ^n1@sp\.example\ hex:[0-9a-f]{64}$ ]]'
ok "and nothing of it was shown" \
	eval '! grep -q "${line#*hex:}" "$dir/out" "$dir/err"'
ok "on standard output only when asked" \
	eval 'run 0 kpc key generate n2@sp.example --octets 16 --stdout &&
	grep -Eqx "n2@sp\.example hex:[0-9a-f]{32}" "$dir/out"'
mv "$dir/out" "$dir/n2" && chmod 0600 "$dir/n2"
ok "whose line provision takes at the other entity, under this KpcId only" \
	eval 'run 0 kpc provision --key "$dir/n2" --keys "$dir/keys2" --file "$dir/n2.conf" --offline \
		n2 role b kpc-id n2@sp.example id-a //sp.example/cse/C2 id-b //sp.example/in &&
	cmp -s "$dir/n2" "$dir/keys2" &&
	run 1 kpc provision --key "$dir/n2" --keys "$dir/keys3" --file "$dir/n3.conf" --offline \
		n3 role b kpc-id n3@sp.example id-a //sp.example/cse/C2 id-b //sp.example/in &&
	[ ! -e "$dir/keys3" ]'
ok "key check names a KpcId without Kpc and one without association" \
	eval 'echo "association p1 role a kpc-id p1@sp.example id-a //sp.example/cse/C9 id-b //sp.example/in" >>"$dir/kpc.conf"
	run 1 kpc key check --keys "$dir/keys" --file "$dir/kpc.conf" &&
	grep -q "^p1, KpcId p1@sp.example: missing, the store has no Kpc for it$" "$dir/out" &&
	grep -q "^KpcId n1@sp.example: unused, 32 octets" "$dir/out"'
# By reference
mkdir -m 700 "$dir/credentials" && echo "${key}04" >"$dir/credentials/kpc.r1"
echo "credential+hex:kpc.r1" >"$dir/key" && chmod 0600 "$dir/key"
credentials() { CREDENTIALS_DIRECTORY=$dir/credentials "$@"; }
ok "M2: provision keeps a reference as one" \
	eval 'credentials run 0 kpc provision --key "$dir/key" --keys "$dir/keys.r" --file "$dir/r.conf" --offline \
		r1 role a kpc-id r1@sp.example id-a //sp.example/cse/C8 id-b //sp.example/in &&
	[ "$(cat "$dir/keys.r")" = "r1@sp.example credential+hex:kpc.r1" ]'
ok "and key check says where the Kpc is" \
	credentials gives "r1, KpcId r1@sp.example: ok, 17 octets, $dir/keys.r:1, credential+hex:kpc.r1" \
	kpc key check --keys "$dir/keys.r" --file "$dir/r.conf"
ok "in JSON too" eval 'credentials run 0 kpc -j key check --keys "$dir/keys.r" --file "$dir/r.conf" &&
	grep -q "\"reference\":\"credential+hex:kpc.r1\"" "$dir/out"'
echo "${key}0z" >"$dir/credentials/kpc.r1"
ok "I6: what is wrong there is told by file and line, without the key" \
	credentials refuses 1 "kpc: key check: $dir/keys.r:1: credential+hex:kpc.r1: key: hex: position 34 is not a hex digit" \
	kpc key check --keys "$dir/keys.r" --file "$dir/r.conf"
ok "load and sync refuse it before they ask the module" \
	eval 'for way in load sync; do
		credentials refuses 1 "kpc: $way: $dir/keys.r:1: credential+hex:kpc.r1: key: hex: position 34 is not a hex digit" \
			kpc $way "$dir/r.conf" --keys "$dir/keys.r" || exit
	done'

chmod 0640 "$dir/keys"
ok "T5: a store that others may read is refused" \
	eval 'run 1 kpc key check --keys "$dir/keys" --file "$dir/kpc.conf" &&
	grep -q "$dir/keys" "$dir/err"'
chmod 0600 "$dir/keys"

cp "$dir/keys" "$dir/keys.before"
ok "a line that the store's reader refuses does not get into it" \
	eval 'next=$(($(wc -l <"$dir/keys") + 1))
	mkdir "$dir/a b" && printf %032d 7 >"$dir/a b/key"
	echo "file:$dir/a b/key" >"$dir/key" && chmod 0600 "$dir/key"
	refuses 1 "kpc: provision s1: $dir/keys:$next: the line has a third word; KpcId encoding:KEY is accepted" \
		kpc provision --key "$dir/key" --keys "$dir/keys" --file "$dir/s1.conf" --offline \
		s1 role a kpc-id s1@sp.example id-a //sp.example/cse/C3 id-b //sp.example/in &&
	cmp -s "$dir/keys" "$dir/keys.before" && [ ! -e "$dir/s1.conf" ] &&
	! ls "$dir"/keys.*~ | grep -v lock'

# One store of several files
mkdir "$dir/store.d" && echo "w1@sp.example hex:${key}01" >"$dir/store"
echo "w2@sp.example hex:${key}02" >"$dir/store.d/two"
w3=(role a kpc-id w3@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in)
w3_in()
{
	kpc provision --key "$dir/key" --keys "$1" --file "$dir/w3.conf" \
		--offline w3 "${w3[@]}"
}
# inside COMMAND...: runs in the store's directory.
inside() { (cd "$dir/store.d" && "$@"); }
# whole: the store reads as a whole, as the agent reads it, and has two keys.
whole()
{
	run 0 kpc key check --keys "$dir/store" --file "$dir/empty" &&
		[ "$(wc -l <"$dir/out")" = 2 ]
}
echo "hex:${key}01" >"$dir/key"
ok "T4: a file beside a store takes no Kpc that the store has" \
	eval 'refuses 1 "kpc: provision w3: this Kpc is that of KpcId w1@sp.example at $dir/store:1 already; each pair has its own" \
		w3_in "$dir/store.d/three" && whole'
echo "hex:${key}02" >"$dir/key"
ok "T4: nor one that another file beside it has" \
	eval 'refuses 1 "kpc: provision w3: this Kpc is that of KpcId w2@sp.example at $dir/store.d/two:1 already; each pair has its own" \
		w3_in "$dir/store.d/three" && whole'
ok "whatever the directory is called" \
	eval 'refuses 1 "kpc: provision w3: this Kpc is that of KpcId w2@sp.example at $dir/store.d/two:1 already; each pair has its own" \
		inside w3_in three && whole'
ok "nor a second Kpc for a KpcId" \
	eval 'refuses 1 "kpc: key generate: KpcId w1@sp.example has another Kpc already at $dir/store:1; remove that line first" \
		kpc key generate w1@sp.example --keys "$dir/store.d/three" &&
	refuses 1 "kpc: key generate: KpcId W2@sp.example differs only in case from one at $dir/store.d/two:1" \
		kpc key generate W2@sp.example --keys "$dir/store.d/three" && whole'
not_both()
{
	local names

	for names in "store store.d/a" "store.d/a store" "store.d/a store.d/b"; do
		refuses 1 "kpc: provision w3: $dir/${names% *} is the association file and the key store; these are two files" \
			timeout 5 kpc provision --generate --offline \
			--file "$dir/${names% *}" --keys "$dir/${names#* }" \
			w3 "${w3[@]}" || return
	done
	refuses 1 "kpc: provision w3: store.d/a is the association file and the key store; these are two files" \
		timeout 5 env -C "$dir" kpc provision --generate --offline \
		--file store.d/a --keys "$dir/store" w3 "${w3[@]}" && whole
}
ok "nor is the association file one of them" not_both
# What is called *.d without being a store's is a place as any other.
own_place()
{
	mkdir -p "$dir/x.d/keys.d" && echo "# none" >"$dir/x.d/notes" &&
		kpc key generate w4@sp.example --keys "$dir/x.d/keys" \
		>"$dir/out" 2>"$dir/err" &&
		kpc provision --generate --offline --file "$dir/x.d/kpc.conf" \
		--keys "$dir/x.d/keys" w3 "${w3[@]}" >"$dir/out" 2>"$dir/err"
}
ok "a store may stand in a directory called *.d" own_place
beside()
{
	mkdir -p "$dir/app" "$dir/app.d" &&
		run 0 kpc key generate w6@sp.example --keys "$dir/app.d/keys"
}
ok "beside a directory of that name too" beside
ln -s store.d "$dir/link.d"
ok "a link to a store's directory is that" \
	eval 'refuses 1 "kpc: key generate: KpcId w1@sp.example has another Kpc already at $dir/store:1; remove that line first" \
		kpc key generate w1@sp.example --keys "$dir/link.d/f" && whole'
too_long()
{
	run 1 kpc key generate w5@sp.example --keys "$(printf 'x%.0s' {1..5000})" &&
		grep -q "key generate: xxx" "$dir/err"
}
ok "a name that is too long is refused" too_long
# Whoever changes one file of a store holds the lock of all of it.
waits()
{
	local i pid waiting=1

	exec 9>"$dir/store.lock~" && flock 9
	kpc key generate "$2" --keys "$dir/$1" >"$dir/out" 2>"$dir/err" 9>&- &
	pid=$!
	for i in $(seq 100); do
		grep -q -- "-> FLOCK .* $pid " /proc/locks && waiting=0 && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	exec 9>&-
	wait $pid && return $waiting
}
ok "one at a time changes a store" waits store w4@sp.example
ok "whichever of its files" waits store.d/four w5@sp.example
ok "a key that fits is taken" \
	eval 'run 0 kpc key generate w3@sp.example --keys "$dir/store.d/three" &&
	grep -q "^w3@sp.example hex:" "$dir/store.d/three" &&
	run 0 kpc key check --keys "$dir/store" --file "$dir/empty"'

# A key file in the place of another
echo "hex:$key" >"$dir/site.key" && chmod 0600 "$dir/site.key"
echo "m7@sp.example hex:$key" >"$dir/site.keys" && chmod 0600 "$dir/site.keys"
hidden()
{
	local file

	for file in "$dir/site.key" "$dir/site.keys"; do
		run 1 "$@" "$file" && ! grep -q "${key:0:8}" "$dir/out" "$dir/err" &&
			grep -q "$file:1: word [12] is a key" "$dir/err" "$dir/out" ||
			return
	done
}
ok "I6: load shows nothing of a key file" hidden kpc load
ok "I6: nor does key check" hidden kpc key check --keys "$dir/keys" --file
ok "I6: nor the doctor" hidden kpc doctor --keys "$dir/keys" --file
ok "I6: nor provision" hidden kpc provision --generate --keys "$dir/other" \
	--offline "${words[@]}" --file
ok "I6: nor a batch" hidden kpc -B
# unsaid COMMAND...: one word is a key, of which nothing is repeated.
unsaid()
{
	run 2 "$@" && [ ! -s "$dir/out" ] && ! grep -q "${key:0:4}" "$dir/err" &&
		grep -q ": word $(($# - 1)) is a key: none is taken from the command line" "$dir/err"
}
each_unsaid()
{
	local command

	for command in kpc "kpc load" "kpc sync" "kpc provision" "kpc provision m7" \
		       "kpc key generate" "kpc key check --keys" "kpc association del" \
		       "kpcd" "kpcd --keys" "kpcperf --keys"; do
		unsaid $command "hex:$key" || return
	done
}
ok "I6: a key in the place of another word of the command line" each_unsaid
ok "but not of a KpcId, which the store's reader refuses in its own words" refuses 1 \
	"kpc: provision m9: $dir/other:1: the line starts with the key; KpcId encoding:KEY is accepted" \
	kpc provision --generate --keys "$dir/other" --file "$dir/none" --offline \
	m9 role a kpc-id hex:meter format any id-a //sp.example/cse/C1 id-b //sp.example/in
echo "m8@sp.example:$key" >"$dir/site.key"
# alien COMMAND...: reads other programs' keys, and repeats none.
alien()
{
	run $1 "${@:2}" "$dir/site.key" && ! grep -q "${key:0:8}" "$dir/out" "$dir/err" &&
		grep -q "$dir/site.key:1: .* colon " "$dir/err"
}
ok "I6: load shows nothing of another program's keys" alien 1 kpc load
ok "I6: nor a batch" alien 2 kpc -B
# A file whose last line goes on in the next, and a host that is called as an
# encoding of keys is.
printf 'association e0 role a kpc-id e0@sp.example id-a //sp.example/cse/C1 id-b //sp.example/cse/C2 peer file:1 \\\n' \
	>"$dir/open.conf"
ok "what provision appends is a line of its own" \
	eval 'run 0 kpc provision --generate --keys "$dir/open.keys" \
	--file "$dir/open.conf" --offline e1 role a kpc-id e1@sp.example \
	id-a //sp.example/cse/C1 id-b //sp.example/cse/C3 peer 192.0.2.1:1 &&
	run 0 kpc provision --generate --keys "$dir/open.keys" \
	--file "$dir/open.conf" --offline e2 role a kpc-id e2@sp.example \
	id-a //sp.example/cse/C1 id-b //sp.example/cse/C4 peer 192.0.2.1:1 &&
	[ "$(grep -c ^association "$dir/open.conf")" = 3 ]'
printf 'association e0 role a kpc-id e0@sp.example id-a //sp.example/cse/C1 id-b //sp.example/cse/C2 peer file:1 \\\r\n' \
	>"$dir/dos.conf"
ok "behind DOS line ends too" \
	eval 'run 0 kpc provision --generate --keys "$dir/dos.keys" \
	--file "$dir/dos.conf" --offline e1 role a kpc-id e1@sp.example \
	id-a //sp.example/cse/C1 id-b //sp.example/cse/C3 peer 192.0.2.1:1 &&
	run 0 kpc key check --keys "$dir/dos.keys" --file "$dir/dos.conf" ||
	grep -q "^e1, KpcId e1@sp.example: ok" "$dir/out"'
ok "a key to read and one to make are not given together" \
	eval 'run 2 kpc provision --generate --key "$dir/keys" --keys "$dir/other" \
	--offline --file "$dir/none" "${words[@]}" && [ ! -e "$dir/none" ] &&
	grep -q "^kpc: provision: --key FILE reads the Kpc, --generate makes a new one: give one of the two" "$dir/err"'

# Batch
printf '%s\n' 'version' '# a remark' 'frob' 'version' >"$dir/batch"
ok "-B runs line by line and stops at the first mistake, with its place" \
	eval 'run 2 kpc -B "$dir/batch" &&
	[ "$(grep -c ABI "$dir/out")" -le 2 ] &&
	grep -q "^kpc: $dir/batch:3: \"frob\" is not known" "$dir/err"'
printf "key generate --keys $dir/made %s@x.example\n" one two >"$dir/batch"
ok "-B takes options before other words, line after line" \
	eval 'run 0 kpc -B "$dir/batch" &&
	grep -q "^one@x.example " "$dir/made" && grep -q "^two@x.example " "$dir/made"'
ok "-B of what cannot be read says so" \
	eval 'run 1 kpc -B "$dir" && grep -q "$dir: Is a directory" "$dir/err"'

# What boot reads, in an /etc of the command's own
apart='mount -t tmpfs -o mode=755 tmpfs /etc && mkdir -p /etc/kpc/conf.d &&
	echo "association $1" >/etc/kpc/conf.d/a.conf && shift && exec "$@"'
# beside WORDS OPTION...: provision of b1 where boot reads an association as well.
beside()
{
	local other=$1
	shift

	rm -f "$dir/b1.keys"
	unshare -m sh -c "$apart" sh "$other" \
		kpc provision --key "$dir/b1" --keys "$dir/b1.keys" --offline "$@" \
		b1 role a kpc-id b1@sp.example id-a //sp.example/cse/C8 \
		id-b //sp.example/in plain unix:/run/kpc/b1
}
pair="id-a //sp.example/cse/C9 id-b //sp.example/in"
if unshare -m true 2>/dev/null; then
	echo "hex:${key}b1" >"$dir/b1"
	ok "what boot reads beside the file is judged with it: a name" \
		refuses 1 "kpc: provision b1: /etc/kpc/kpc.conf:1: the name b1 is taken (/etc/kpc/conf.d/a.conf:1)" \
		beside "b1 role a kpc-id b2@sp.example $pair" --save
	ok "a KpcId" \
		refuses 1 "kpc: provision b1: /etc/kpc/conf.d/b.conf:1: KpcId b1@sp.example belongs to another pair of identities already; each pair has its own (/etc/kpc/conf.d/a.conf:1)" \
		beside "b2 role a kpc-id b1@sp.example $pair" \
		--file /etc/kpc/conf.d/b.conf
	ok "a local socket" \
		refuses 1 "kpc: provision b1: /etc/kpc/kpc.conf:1: plain unix:/run/kpc/b1 is the local socket of b2 already (/etc/kpc/conf.d/a.conf:1)" \
		beside "b2 role a kpc-id b2@sp.example $pair plain unix:/run/kpc/b1" \
		--save
	ok "and nothing is written" test ! -e "$dir/b1.keys"
	ok "without a conflict it is saved" \
		run 0 beside "b2 role a kpc-id b2@sp.example $pair" --save
	ok "a file that boot does not read is judged alone" \
		run 0 beside "b1 role a kpc-id b2@sp.example $pair" \
		--file "$dir/b1.conf"

	# The table without the keys, in an /etc and a network of its own
	apart_keys='mount -t tmpfs -o mode=755 tmpfs /etc && mkdir /etc/kpc &&
		echo "association $1" >/etc/kpc/kpc.conf && echo "$2" >/etc/kpc/keys &&
		chmod "$3" /etc/kpc/keys && shift 3 && exec "$@"'
	# of_store LINE MODE SENTENCE: sync says so of the key store, and without
	# the keys it comes to ask the module.
	of_store()
	{
		local line="b2 role a kpc-id b2@sp.example $pair"
		local sync=(unshare -mn sh -c "$apart_keys" sh "$line" "$1" "$2"
			    kpc sync)

		refuses 1 "kpc: sync: $3" "${sync[@]}" || return
		if [ -e /sys/module/kpc ]; then
			run 0 "${sync[@]}" --no-keys --force
		else
			refuses 1 "kpc: sync: kpc.ko is not loaded: modprobe kpc" \
				"${sync[@]}" --no-keys --force
		fi
	}
	long=limt-word-of-29-characters-ab
	accepted="accepted: role kpc-id format id-a kind-a id-b kind-b sp-id mark versions suites profile offload peer listen plain owner mode allow-uid holder-uid holder-cgroup authority start rekey-after weak-key proxy selector limit"
	ok "what is accepted is told whole, of the longest file's name too" \
		refuses 1 "kpc: sync: /etc/kpc/conf.d/a.conf:1: \"$long\" is not known; $accepted" \
		unshare -m sh -c "$apart" sh "c1 $long" kpc sync
	ok "sync refuses a store that others may read, but --no-keys asks the module" \
		of_store "b2@sp.example hex:$key" 0644 \
		"/etc/kpc/keys has mode 0644; keys are read only from files without any right for group and others (0600)"
	ok "and one that names a credential which is not there yet" \
		of_store "b2@sp.example file:/run/credentials/kpcd.service/b2" 0600 \
		"/etc/kpc/keys:1: /run/credentials/kpcd.service/b2: No such file or directory"
	ok "or key ring, by a reference that may be a key in the wrong place" \
		eval 'of_store "b2@sp.example credential:$key" 0600 \
		"/etc/kpc/keys:1: key: credential: systemd has decrypted none: CREDENTIALS_DIRECTORY is not set, and /run/credentials/kpcd.service, which is there while kpcd.service runs with credentials, is not" &&
		of_store "b2@sp.example keyring:@u/$key" 0600 \
		"/etc/kpc/keys:1: key: keyring: there is no user key of that description in @u of uid 0"'
	ok "and one with a line that is none" \
		of_store "b2@sp.example" 0600 \
		"/etc/kpc/keys:1: the line has one word only; KpcId encoding:KEY is accepted"

	# Users that come later
	ok "a user that is not known" \
		refuses 1 'kpc: sync: /etc/kpc/kpc.conf:1: owner "later" is no user of this machine; a user'"'"'s name or number, or none, is accepted' \
		unshare -mn sh -c "$apart_keys" sh \
		"b2 role a kpc-id b2@sp.example $pair plain unix:/run/b2 owner later" \
		'' 0600 kpc sync
	ok "is warned of, and keeps no address open, where it may come later" \
		eval 'unshare -mn sh -c "$apart_keys" sh \
		"b2 role a kpc-id b2@sp.example $pair plain unix:/run/b2 owner later" \
		"" 0600 kpc sync --late-users >"$dir/out" 2>"$dir/err"
		[ "$(head -1 "$dir/err")" = "kpc: sync: warning: /etc/kpc/kpc.conf:1: owner lets in nobody for a user that this machine does not know yet; \`kpc sync\` mends that once it does" ] &&
		{ [ -e /sys/module/kpc ] || grep -qx "kpc: sync: kpc.ko is not loaded: modprobe kpc" "$dir/err"; }'

	# What kpcd.service keeps from the agent
	unit=$(dirname "$0")/../../packaging/systemd/kpcd.service.in
	ok "the unit hides what kpc says it does" \
		eval 'grep -qx ProtectHome=yes "$unit" &&
		grep -qx PrivateTmp=yes "$unit"'
	printf %032d 1 >"$dir/raw"
	echo "file:$dir/raw" >"$dir/key"
	away='mount -t tmpfs -o mode=755 tmpfs /etc && exec "$@"'
	c1=(c1 role a kpc-id c1@sp.example id-a //sp.example/cse/C7
	    id-b //sp.example/in)
	ok "no reference gets into the agent's store that it cannot follow" \
		refuses 1 "kpc: provision c1: the agent would refuse its whole key store for file:$dir/raw, as kpcd.service hides /tmp from it; a file beside the store in /etc/kpc is accepted" \
		unshare -m sh -c "$away" sh \
		kpc provision --key "$dir/key" --save --offline "${c1[@]}"
	ring='python3 -c "
import ctypes, os, sys
libc = ctypes.CDLL(None)
# keyctl(KEYCTL_JOIN_SESSION_KEYRING), then add_key() to KEY_SPEC_SESSION_KEYRING
keyctl, add_key = (250, 248) if os.uname().machine == \"x86_64\" else (219, 217)
libc.syscall(keyctl, 1, None)
libc.syscall(add_key, b\"user\", b\"kpc-cli\", b\"0123456789abcdefXX\", 18, -3)
os.execvp(sys.argv[1], sys.argv[1:])" "$@"'
	echo "keyring:@s/kpc-cli" >"$dir/key"
	ok "nor one to the session ring of this shell" \
		refuses 1 "kpc: provision c1: the agent would refuse its whole key store for keyring:@s/kpc-cli, as kpcd.service hides @s from it; a file beside the store in /etc/kpc is accepted" \
		unshare -m sh -c "mount -t tmpfs -o mode=755 tmpfs /etc && $ring" sh \
		kpc provision --key "$dir/key" --save --offline "${c1[@]}"
	echo "file:$dir/raw" >"$dir/key"
	slashes='mount -t tmpfs -o mode=755 tmpfs /etc && mkdir /etc/kpc && exec "$@"'
	ok "nor by another spelling of that store" \
		refuses 1 "kpc: provision c1: the agent would refuse its whole key store for file:$dir/raw, as kpcd.service hides /tmp from it; a file beside the store in /etc/kpc is accepted" \
		unshare -m sh -c "$slashes" sh kpc provision --key "$dir/key" \
		--keys /etc/kpc/.//keys --save --offline "${c1[@]}"
	ok "in another store it is left to its agent" \
		run 0 kpc provision --key "$dir/key" --keys "$dir/keys.c1" \
		--file "$dir/c1.conf" --offline "${c1[@]}"
	echo "hex:${key}c1" >"$dir/key"
	ok "a local socket that nobody would find is warned of" \
		eval 'run 0 unshare -m sh -c "$away" sh \
		kpc provision --key "$dir/key" --save --offline "${c1[@]}" \
		plain unix:/tmp/c1 &&
		[ "$(cat "$dir/err")" = "kpc: provision: warning: c1: plain unix:/tmp/c1: kpcd.service does not share /tmp with other programs; /run/kpc is for such sockets" ]'
	ok "and a backend's, which has another place" \
		eval 'run 0 unshare -m sh -c "$away" sh \
		kpc provision --key "$dir/key" --save --offline c1 role b \
		"${c1[@]:3}" listen 192.0.2.7:7 plain unix:/tmp/c1 &&
		[ "$(cat "$dir/err")" = "kpc: provision: warning: c1: plain unix:/tmp/c1: kpcd.service does not share /tmp with other programs; a directory of the backend'\''s own in /run is for its socket" ]'
	# The store and the association file are links to what it does not see.
	linked='mount -t tmpfs -o mode=755 tmpfs /etc && mkdir /etc/kpc &&
		cd "$1" && shift && ln -s "$PWD/keys.c1" /etc/kpc/keys &&
		ln -s "$PWD/c1.conf" /etc/kpc/kpc.conf && "$@"'
	# hides CHECK DETAIL: the doctor warns so.
	hides()
	{
		unshare -m sh -c "$linked" sh "$dir" kpc -j doctor \
			>"$dir/out" 2>"$dir/err"
		python3 -c 'import json, sys
rows = json.load(open(sys.argv[1]))
sys.exit(not [r for r in rows if r["check"] == sys.argv[2] and
	      r["verdict"] == "warn" and r["detail"] == sys.argv[3]])' \
			"$dir/out" "$@"
	}
	ok "the doctor finds a key store in a hidden place" \
		hides "key store" "kpcd.service hides /tmp, where /etc/kpc/keys is, from the agent"
	ok "and an association file" \
		hides "association file" "kpcd.service hides /tmp, where /etc/kpc/kpc.conf is, from the agent"
	linked='mount -t tmpfs -o mode=755 tmpfs /etc && mkdir /etc/kpc &&
		cd "$1" && shift && cp keys.c1 /etc/kpc/keys &&
		{ cat c1.conf; echo "association c2 role a kpc-id c2@sp.example $pair plain unix:/home/c2"; } \
			>/etc/kpc/kpc.conf && "$@"'
	export pair
	ok "a key that is referred to" \
		hides "key store" "kpcd.service hides /tmp, where file:$dir/raw is, from the agent"
	ok "and a local socket" \
		hides "association file" "kpcd.service hides /home, where unix:/home/c2 is, from the agent"
else
	skip "what boot reads beside the file is judged with it" \
		"wants a mount namespace"
fi

finish
