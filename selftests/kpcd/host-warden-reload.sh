#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves SIGHUP and SIGTERM: what stays in the files keeps its connections, what
# is removed ends, broken files change nothing, and UNIX sockets have owner and
# mode (X2, X3, I8).

. "$(dirname "$0")/lib.sh"
plan 29

port=$(free_port)
second=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
END
one="association pump role b kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto"
two="association tank role b kpc-id tank@example.org \\
	id-a //a.example/cse/Ctank id-b //b.example/cse \\
	offload off listen 127.0.0.1:$second plain unix:$dir/back owner $UID start auto"
write "$dir/table" <<<"$one"
echo_backend "$dir/back"
up b --table "$dir/table" --keys "$dir/keys" --workers 2 --drain 5
warden=$pid

# A connection that lives through all that follows.
mkfifo "$dir/in"
timeout 60 openssl s_client -connect "127.0.0.1:$port" -psk_identity \
	pump@example.org -psk $key -tls1_3 -quiet <"$dir/in" >"$dir/out" 2>&1 &
started+=($!)
exec 9>"$dir/in"
count=0
lives()
{
	count=$((count + 1))
	echo "alive $count" >&9
	within 5 grep -q "alive $count" "$dir/out"
}

# reload PATTERN: SIGHUP, then a line of the log from after it.
reload()
{
	local seen

	seen=$(wc -l <"$dir/b.log")
	kill -HUP "$warden"
	within 5 eval 'tail -n +'$((seen + 1))' "$dir/b.log" | grep -qE -- '"'$1'"
}
ok "a connection is up" lives

write "$dir/keys" <<END
pump@example.org hex:$key
tank@example.org hex:$other
END
write "$dir/table" <<<"$one
$two"
ok "SIGHUP brings a second association" reload ': reloaded$'
ok "and it works" answered "$second" tank@example.org $other -tls1_3
ok "the first one's connection goes on" lives

write "$dir/table" <<<"$one
association tank role c"
ok "a broken association file is refused with file and line" \
	reload "$dir/table:4: "
rm "$dir/table"
mkfifo -m 600 "$dir/table"
ok "a pipe that nobody writes to is refused" reload "$dir/table: is a pipe"
ok "so is one that somebody keeps open" \
	eval 'reload "$dir/table: is a pipe" 5<>"$dir/table"'
rm "$dir/table"
ok "what was there works on" answered "$second" tank@example.org $other -tls1_3
write "$dir/table" <<<"$one
$two"
write "$dir/keys" <<END
pump@example.org hex:$key
tank@example.org hex:$key
END
ok "T4: a broken key store is refused with file and line" \
	reload "$dir/keys:2: "
ok "the keys of before hold" answered "$second" tank@example.org $other -tls1_3
ok "all through it the connection lives" lives

new=0123456789abcdef0123456789abcdef
write "$dir/keys" <<END
pump@example.org hex:$key
tank@example.org hex:$new
END
ok "X3: a key is replaced" reload ': reloaded$'
ok "the new one holds" answered "$second" tank@example.org $new -tls1_3
ok "the old one does not" not answered "$second" tank@example.org $other -tls1_3

write "$dir/table" <<<"$two"
ok "X2: an association is removed" reload "association gone NAME=pump"
ended()
{
	# Whoever read this may have gone.
	(trap '' PIPE; echo "too late" >&9) 2>/dev/null
	sleep 0.2
	not grep -q "too late" "$dir/out"
}
ok "its connection ends" within 3 logged b \
	"connection closed NAME=pump .*the association is gone"
ok "and carries nothing any more" ended
ok "its listener is closed" not answered "$port" pump@example.org $key -tls1_3

# Plain sockets of role a.
write "$dir/table-a" <<END
association pump role a kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off peer 127.0.0.1:$second plain unix:$dir/front mode 0620 \\
	start demand
END
python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/front"
up a --table "$dir/table-a" --keys "$dir/keys" --workers 1
ok "a socket left behind is replaced, with its mode" \
	test "$(stat -c %a "$dir/front")" = 620
run again --table "$dir/table-a" --keys "$dir/keys" --workers 1
ok "one that somebody listens on is not" \
	within 5 logged again "$dir/front is in use by another program"
kill "$pid"
sed "s|$dir/front mode 0620|$dir/shut mode 0000 owner none|" "$dir/table-a" >"$dir/table-shut"
run shut --table "$dir/table-shut" --keys "$dir/keys" --workers 1
within 5 test -S "$dir/shut"
ok "mode 0 is a mode" test "$(stat -c %a "$dir/shut")" = 0
ok "and the agent its owner where that is no user" \
	test "$(stat -c %u "$dir/shut")" = "$(stat -c %u "$dir/front")"
kill "$pid"
rm "$dir/table-a"
echo precious >"$dir/file"
write "$dir/table-a" <<END
association pump role a kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off peer 127.0.0.1:$second plain unix:$dir/file start demand
END
run file --table "$dir/table-a" --keys "$dir/keys" --workers 1
within 5 logged file "is not a socket; it is not replaced"
ok "a file is not replaced" grep -q precious "$dir/file"
kill "$pid"
write "$dir/table-a" <<END
association tank role a kpc-id tank@example.org \\
	id-a //a.example/cse/Ctank id-b //b.example/cse \\
	offload off peer 127.0.0.1:$second plain unix:$dir/file start auto
END
run auto --table "$dir/table-a" --keys "$dir/keys" --workers 1
within 10 logged auto "is not a socket; it is not replaced"
ok "and the connection that was made for it does not stay" within 10 \
	eval '! ss -Htn state established "dport = :$second" | grep -q .'
kill "$pid"

# A worker has a copy of a local socket, and hears late that it is gone.
front=$(free_port)
write "$dir/table-a" <<END
association tank role a kpc-id tank@example.org \\
	id-a //a.example/cse/Ctank id-b //b.example/cse \\
	offload off peer 127.0.0.1:$port plain tcp:127.0.0.1:$front allow-uid $UID start demand
END
up moved --table "$dir/table-a" --keys "$dir/keys" --workers 1
within 5 listening "$front"
kill -STOP "$(workers "$pid")"
sed -i "s/127.0.0.1:$port/127.0.0.1:$second/" "$dir/table-a"
kill -HUP "$pid"
ok "a local port is open again at once, whatever a worker does" \
	within 5 eval 'logged moved ": reloaded$" && listening "$front"'
kill -CONT "$(workers "$pid")"
through_front()
{
	talk hello hello timeout 10 socat - "TCP:127.0.0.1:$front" | grep -qx hello
}
ok "and leads to where it is to lead now" through_front
ok "and nothing went wrong meanwhile" not logged moved "in use|accepting failed"
kill "$pid"

# SIGTERM lets what runs finish.
exec 9>&-
mkfifo "$dir/in2"
timeout 60 openssl s_client -connect "127.0.0.1:$second" -psk_identity \
	tank@example.org -psk $new -tls1_3 -quiet <"$dir/in2" >"$dir/out2" 2>&1 &
started+=($!)
exec 8>"$dir/in2"
echo before >&8
within 5 grep -q before "$dir/out2"
kill "$warden"
within 2 logged b "stopping"
finishing()
{
	echo after >&8
	within 3 grep -q after "$dir/out2" &&
		not answered "$second" tank@example.org $new -tls1_3
}
ok "SIGTERM: nothing new, but what is up goes on" finishing
exec 8>&-
ok "and then the end, in the time that --drain gives" \
	within 8 eval "! kill -0 $warden"
finish
