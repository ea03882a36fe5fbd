#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Peers that break TLS in every way, and what the agent answers (malformed.py).

. "$(dirname "$0")/lib.sh"

port=$(free_port)
write "$dir/keys" <<END
new@example.org hex:$key
old@example.org hex:$other
END
write "$dir/table" <<END
association new role b kpc-id new@example.org listen 127.0.0.1:$port \\
	id-a //a.example/cse/Cnew id-b //b.example/cse offload off \\
	plain unix:$dir/back owner $UID start auto
association old role b kpc-id old@example.org listen 127.0.0.1:$port \\
	id-a //a.example/cse/Cold id-b //b.example/cse offload off \\
	versions tls1.2 suites TLS_PSK_WITH_CHACHA20_POLY1305_SHA256 \\
	plain unix:$dir/back owner $UID start auto
END
echo_backend "$dir/back"
up b --table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin
worker=$(workers "$pid")
python3 "$(dirname "$0")/malformed.py" "$port" "$key" "$other"
failures=$?
if [ "$(workers "$pid")" != "$worker" ]; then
	echo "# the worker was replaced"
	tail -n 20 "$dir/b.log" | sed 's/^/# /'
	failures=1
fi
finish
