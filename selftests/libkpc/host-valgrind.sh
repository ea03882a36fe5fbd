#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# valgrind has nothing to say of handshakes, in either role and of either version, of
# peers that break them, of the records that follow, and of a worker that has them
# all and no memory: no octet is read that nobody wrote, none behind an end, and
# nothing is left. What sanitizers do not see is the first.

. "$(dirname "$0")/../tap.sh"
programs=(libkpc/host_handshake libkpc/host_handshake_foreign
	libkpc/host_handshake_alike libkpc/host_secrets libkpc/host_records
	libkpc/host_records_limit libkpc/host_memory kpcd/host_starved)
where=$KPC_BUILD/selftests

command -v valgrind >/dev/null || skip_all "valgrind is not here"
ldd "$where/${programs[0]}" | grep -q libasan &&
	skip_all "the address sanitizer has memory of its own"
plan $((${#programs[@]} + 1))

checked()
{
	valgrind --quiet --error-exitcode=99 --leak-check=full \
		--errors-for-leak-kinds=definite,possible "$@"
}

# It would say so.
cat >"$dir/reads.c" <<'END'
#include <openssl/crypto.h>
#include <stdlib.h>

int main(void)
{
	unsigned char *octets = OPENSSL_malloc(16);

	return octets[7] == 1 ? 0 : !!getenv("NOBODY");
}
END
reads()
{
	cc -g -o "$dir/reads" "$dir/reads.c" -lcrypto && "$dir/reads" || return
	checked "$dir/reads"
	[ $? = 99 ]
}
ok "an octet that nobody wrote is found" reads
for program in "${programs[@]}"; do
	ok "$program" checked "$where/$program"
done
finish
