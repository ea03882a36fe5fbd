#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# 20000 peers from a hundred places that connect and say nothing: the worker holds
# as many of them as it says, good peers are served meanwhile, and nothing else of
# it is spent (X5). With fewer descriptors than that there are fewer peers.

. "$(dirname "$0")/lib.sh"
ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -Hn)"
[ "$(ulimit -n)" -ge 4096 ] || skip_all "4096 descriptors are needed"
plan 12

port=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
END
write "$dir/table" <<END
association pump role b kpc-id pump@example.org listen 127.0.0.1:$port \\
	id-a //a.example/cse id-b //b.example/cse offload off \\
	plain unix:$dir/back owner $UID start auto limit handshake-time 10m
END
echo_backend "$dir/back"

cat >"$dir/silent.py" <<'END'
"""silent.py PORT KEY WORKER: says how many silent peers were there, how many the
worker kept, how many good ones were served meanwhile and how many not, and the
most descriptors and KiB that the worker had."""
import multiprocessing, os, resource, select, socket, sys, time

sys.path.insert(0, os.environ["TESTS"])
from tls import APPLICATION_DATA, Peer13

port, key, worker = int(sys.argv[1]), bytes.fromhex(sys.argv[2]), sys.argv[3]
CROWDS, PLACES, ALL = 4, 25, 20000
size = min(ALL // CROWDS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 64)

def crowd(number, pipe):
    """Connects from many places, then counts those that still are."""
    held, each = select.poll(), []
    for at in range(size):
        s = socket.socket()
        s.bind((f"127.0.{number + 1}.{at % PLACES + 1}", 0))
        s.connect(("127.0.0.1", port))
        held.register(s, 0)
        each.append(s)
    pipe.send(len(each))
    while pipe.recv():
        pipe.send(len(each) - len(held.poll(0)))

def good():
    """One that is served."""
    try:
        with Peer13(port, b"pump@example.org", key) as peer:
            peer.connect()
            peer.send(peer.protect(APPLICATION_DATA, b"hello"))
            return peer.read()[1] == b"hello"
    except (OSError, EOFError):
        return False

def memory():
    with open(f"/proc/{worker}/smaps_rollup", encoding="ascii") as rollup:
        return next(int(line.split()[1]) for line in rollup
                    if line.startswith("Pss_Anon:"))

pipes = []
for number in range(CROWDS):
    pipe, far = multiprocessing.Pipe()
    pipes.append(pipe)
    multiprocessing.Process(target=crowd, args=(number, far), daemon=True).start()
served = refused = descriptors = most = 0
waits = set(pipes)
while waits or served + refused < 20:
    if good():
        served += 1
    else:
        refused += 1
    descriptors = max(descriptors, len(os.listdir(f"/proc/{worker}/fd")))
    most = max(most, memory())
    waits -= {pipe for pipe in waits if pipe.poll()}
there = sum(pipe.recv() for pipe in pipes)

def kept():
    for pipe in pipes:
        pipe.send("count")
    return sum(pipe.recv() for pipe in pipes)

# Those that wait in the listener's queue have yet to be met.
until = time.monotonic() + 30
while (now := kept()) > 1024 and time.monotonic() < until:
    time.sleep(0.1)
print(f"peers={there} kept={now} served={served} refused={refused} "
      f"descriptors={descriptors} memory={most}")
END
export TESTS=${0%/*}

# of WORD: a figure that was said.
of()
{
	sed -n "s/.*\\b$1=\\([0-9]*\\).*/\\1/p" "$dir/said"
}

check()
{
	local engine=$1 worker

	up b --table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin \
		--engine "$engine"
	if ! logged b "worker 0 is ready"; then
		for _ in 1 2 3 4 5 6; do
			skip "silent peers on $engine" "this kernel has it not"
		done
		return
	fi
	worker=$(workers "$pid")
	ok "$engine: silent peers come" \
		python3 "$dir/silent.py" "$port" $key "$worker"
	cp "$dir/why" "$dir/said"
	sed 's/^/# /' "$dir/said"
	ok "$engine: of $(of peers) of 20000 the worker keeps 1024 at most" \
		eval '[ "$(of kept)" -ge 1000 ] && [ "$(of kept)" -le 1024 ]'
	ok "$engine: the log says why the others went" \
		logged b "too many peers in their handshakes, the oldest gives way"
	ok "$engine: meanwhile all of $(of served) good peers are served" \
		eval '[ "$(of served)" -ge 20 ] && [ "$(of refused)" -eq 0 ]'
	ok "$engine: at no time it had descriptors for many more than it keeps" \
		test "$(of descriptors)" -lt 1500
	ok "$engine: the worker is the same" test "$(workers "$pid")" = "$worker"
	kill "$pid"
	wait "$pid" 2>/dev/null
}
check epoll
check uring
finish
