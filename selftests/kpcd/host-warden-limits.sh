#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that what waits in a worker is bounded: handshakes that local programs
# of role a begin, and for whom, and questions to a warden that does not answer;
# and what a source of peers may cost (I5, I8, X5).

. "$(dirname "$0")/lib.sh"
plan 24
ulimit -n 8192 2>/dev/null || skip_all "8192 descriptors are needed"

b=$(free_port)
mute=$(free_port)
next=$(free_port)
shut=$(free_port)
door=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
mute@example.org hex:$other
next@example.org hex:8899aabbccddeeff0011223344556677
shut@example.org hex:445566778899aabbccddeeff00112233
door@example.org hex:66778899aabbccddeeff001122334455
END
write "$dir/table" <<END
association pump role b kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b plain unix:$dir/back owner $UID start auto
association mute role a kpc-id mute@example.org \\
	id-a //b.example/cse id-b //m.example/cse \\
	offload off peer 127.0.0.1:$mute plain unix:$dir/front start demand
association next role a kpc-id next@example.org \\
	id-a //b.example/cse id-b //n.example/cse \\
	offload off peer 127.0.0.1:$next plain unix:$dir/next start demand
association shut role a kpc-id shut@example.org \\
	id-a //b.example/cse id-b //s.example/cse offload off \\
	peer 127.0.0.1:$next plain tcp:127.0.0.1:$shut allow-uid 54321 start demand
association door role a kpc-id door@example.org \\
	id-a //b.example/cse id-b //d.example/cse offload off \\
	peer 127.0.0.1:$mute plain tcp:127.0.0.1:$door allow-uid $UID start demand
END
echo_backend "$dir/back"

cat >"$dir/many.py" <<'END'
"""Many connections at once, held or not."""
import select, socket, sys, time

def other(path, port):
    """Whether a far end elsewhere is gone to for a local program."""
    far = socket.create_server(("127.0.0.1", port))
    far.settimeout(10)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        try:
            far.accept()
        except TimeoutError:
            return
    print("another is taken", flush=True)

def hold(path, port, count, beside):
    """Local programs, and a far end that takes all and says nothing."""
    far = socket.create_server(("127.0.0.1", port), backlog=4096)
    far.setblocking(False)
    local, taken, ended = [], [], 0
    for _ in range(count):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        local.append(s)
        try:
            taken.append(far.accept()[0])
        except BlockingIOError:
            pass
    until = time.monotonic() + 20
    while time.monotonic() < until and len(taken) + ended < count:
        ready = select.poll()
        ready.register(far, select.POLLIN)
        for s in local:
            ready.register(s, select.POLLIN)
        events = dict(ready.poll(100))
        if far.fileno() in events:
            taken.append(far.accept()[0])
        for s in [s for s in local if s.fileno() in events]:
            local.remove(s)
            ended += 1
    print("taken", len(taken), "ended", ended, flush=True)
    if beside:
        other(beside[0], int(beside[1]))

def wait_for(sockets, events, seconds):
    """Those of some sockets of which something can be told by then."""
    ready = select.poll()
    for s in sockets:
        ready.register(s, events)
    told = dict(ready.poll(seconds * 1000))
    return [s for s in sockets if s.fileno() in told]

class Crowd:
    """Local programs before a far end that takes all and says nothing."""

    def __init__(self, local, port):
        self.local = local
        self.far = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.taken, self.held = [], []

    def join(self, say=b"", half=False):
        """One more; whether it is taken, and not ended."""
        if self.local[0] == "/":
            one = socket.socket(socket.AF_UNIX)
            one.connect(self.local)
        else:
            one = socket.create_connection(("127.0.0.1", int(self.local)))
        self.held.append(one)
        try:
            one.sendall(say)
            if half:
                one.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        taken = self.far in wait_for([self.far, one], select.POLLIN, 10)
        if taken:
            self.taken.append(self.far.accept()[0])
        return taken

    def fill(self, **how):
        """As many as there are places for; how many that is."""
        count = 0
        while self.join(**how):
            count += 1
        return count

    def leave(self):
        """All local programs end."""
        for one in self.held:
            one.close()
        self.held = []

    def ended(self, seconds):
        """How many the far end hears no more of by then."""
        until = time.monotonic() + seconds
        kept, all_of = self.taken, len(self.taken)
        while kept and (left := until - time.monotonic()) > 0:
            gone = wait_for(kept, select.POLLRDHUP, left)
            kept = [one for one in kept if one not in gone]
        self.taken = kept
        return all_of - len(kept)

def leave(local, port):
    """Whose places are free when the programs have gone."""
    crowd = Crowd(local, port)
    print("silent", crowd.fill(), flush=True)
    crowd.leave()
    print("gone", crowd.ended(20), flush=True)
    print("half closed", crowd.fill(half=True), flush=True)
    print("gone", crowd.ended(2), flush=True)
    crowd.leave()
    print("gone", crowd.ended(20), flush=True)
    print("with words", crowd.fill(say=b"x"), flush=True)
    crowd.leave()
    print("gone", crowd.ended(2), flush=True)

def hello(port, identity):
    """What a client of this identity says first."""
    import subprocess
    server = socket.create_server(("127.0.0.1", 0))
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.getsockname()[1],
         "-psk_identity", identity, "-psk", "00" * 16, "-tls1_3"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    peer = server.accept()[0]
    head = peer.recv(5, socket.MSG_WAITALL)
    data = head + peer.recv(int.from_bytes(head[3:5], "big"), socket.MSG_WAITALL)
    client.kill()
    client.wait()
    return data

def flood(port, identity, count):
    """Peers that say hello, are heard, and give way to those behind them."""
    data = hello(port, identity)
    held = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall(data)
        held.append(s)
        time.sleep(0.0003)
        if len(held) > 2000:
            held.pop(0).close()

def refused(port, count):
    """Local users that are not allowed."""
    for _ in range(count):
        # The reset may be there before connect() is through.
        try:
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.recv(1)
        except ConnectionError:
            pass

if sys.argv[1] == "leave":
    leave(sys.argv[2], int(sys.argv[3]))
elif sys.argv[1] == "refused":
    refused(int(sys.argv[2]), int(sys.argv[3]))
elif sys.argv[1] == "hold":
    hold(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
else:
    flood(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
END

up b --table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin \
	--source-rate 0
warden=$pid
worker=$(workers "$warden")
within 10 test -S "$dir/front"
within 10 test -S "$dir/next"

python3 "$dir/many.py" hold "$dir/front" "$mute" 1100 "$dir/next" "$next" \
	>"$dir/held" 2>&1
sed 's/^/# /' "$dir/held"
ok "half of 1024 handshakes of role a are begun, more local programs are refused" \
	grep -qx "taken 512 ended 588" "$dir/held"
ok "but for those of another association" grep -qx "another is taken" "$dir/held"
ok "and the log says why" logged b \
	"too many handshakes with the far end are under way"
ok "the worker is the same" test "$(workers "$warden")" = "$worker"
ok "no system call of it was refused" not logged b "made a system call"
ok "a peer of role b is served meanwhile and after" \
	answered "$b" pump@example.org $key -tls1_3
freed()
{
	python3 "$dir/many.py" hold "$dir/front" "$mute" 8 >"$dir/held" 2>&1
	grep -qx "taken 8 ended 0" "$dir/held"
}
ok "handshakes that ended make room" within 10 freed

# left PLAIN: the programs that have gone with nothing to say have no place.
left()
{
	python3 "$dir/many.py" leave "$1" "$mute" >"$dir/held" 2>&1
	sed 's/^/# /' "$dir/held"
	diff - "$dir/held" <<-END
	silent 512
	gone 512
	half closed 512
	gone 0
	gone 512
	with words 512
	gone 0
	END
}
ok "local programs that have gone give their places back" left "$dir/front"
ok "those of TCP too" left "$door"
ok "and the log says that they have" logged b "local program gone NAME=door"
# idle PLAIN: an octet out of band, which a socket tells of as long as it is there,
# is waited beside, not run after: of two seconds the worker takes no half.
idle()
{
	python3 - "$1" "$mute" "$worker" <<-'END'
		import os, socket, sys, time
		def ticks():
		    with open(f"/proc/{sys.argv[3]}/stat", encoding="ascii") as stat:
		        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
		far = socket.create_server(("127.0.0.1", int(sys.argv[2])))
		far.settimeout(10)
		local = socket.socket(socket.AF_UNIX)
		local.connect(sys.argv[1])
		taken = far.accept()
		local.send(b"x", socket.MSG_OOB)
		before = ticks()
		time.sleep(2)
		took = (ticks() - before) / os.sysconf("SC_CLK_TCK")
		print(f"# the worker took {took} s of 2")
		sys.exit(took >= 1)
	END
}
ok "an octet out of band does not keep the worker busy" within 10 idle "$dir/front"

# What a local user does must not fill the log, nor use up others' lines.
told()
{
	grep -c "local user refused" "$dir/b.log"
}
python3 "$dir/many.py" refused "$shut" 3000
ok "M8: of 3000 connections of another user less than 500 are told of" \
	eval '[ "$(told)" -ge 50 ] && [ "$(told)" -lt 500 ]'
counted()
{
	local more all

	more=$(sed -n 's/.*local user refused.*(\([0-9]*\) more not told).*/\1/p' "$dir/b.log" |
		awk '{ n += $1 } END { print n + 0 }')
	# Such a line is of no connection itself.
	all=$(grep -c "local user refused.*these are all" "$dir/b.log")
	[ "$all" -gt 0 ] && [ $(($(told) - all + more)) -ge 3000 ]
}
ok "and how many are not, to the last one" within 5 counted
ok "and no other line is left out" not logged b LINES_LOST

memory()
{
	sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$worker/status"
}
kill -STOP "$warden"
ok "4000 peers while the warden does not answer" \
	python3 "$dir/many.py" flood "$b" pump@example.org 4000
before=$(memory)
ok "and 16000 more" python3 "$dir/many.py" flood "$b" pump@example.org 16000
after=$(memory)
echo "# the worker has $before kB, then $after kB"
kill -CONT "$warden"
# Each question is a kilobyte; what the heap keeps of handshakes varies.
if sanitized; then
	skip "questions of peers that are gone take no memory" \
		"the address sanitizer keeps what was freed"
else
	ok "questions of peers that are gone take no memory" \
		test $((after - before)) -lt 13000
fi
ok "the worker is the same still" test "$(workers "$warden")" = "$worker"
ok "and serves" within 20 answered "$b" pump@example.org $key -tls1_3

# The other engine, too.
kill "$warden"
within 10 eval '! kill -0 $warden 2>/dev/null'
up b --table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin --engine epoll
warden=$pid
within 10 test -S "$dir/front"
ok "local programs that have gone give their places back on epoll" \
	left "$dir/front"

# One source that makes too many connections, and another that does not.
kill "$warden"
within 10 eval '! kill -0 $warden 2>/dev/null'
up b --table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin \
	--source-rate 5
cat >"$dir/source.py" <<'END'
import socket, sys
kept, ended = [], 0
for _ in range(20):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.settimeout(0.2)
    kept.append(s)
for s in kept:
    try:
        ended += not s.recv(1)
    except ConnectionResetError:
        ended += 1
    except TimeoutError:
        pass
print("reset" if 5 <= ended <= 15 else "no", ended)
END
python3 "$dir/source.py" "$b" >"$dir/said" 2>&1
sed 's/^/# /' "$dir/said"
ok "X5: 5 connections at once are taken, of 20" grep -q "^reset" "$dir/said"
ok "the others are reset, and the log says why" logged b \
	"more than 5 connections a second from this source"
ok "another source is served meanwhile" \
	answered "$b" pump@example.org $key -tls1_3 -bind 127.0.0.2
ok "and this one later" within 5 answered "$b" pump@example.org $key -tls1_3
finish
