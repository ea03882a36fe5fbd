#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The installed library: a program finds it by pkg-config alone, links with the
# shared object, and sees the names of the headers and no others.
set -u

top=$(cd "$(dirname -- "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0 failed=0

check()
{
	local name=$1
	shift
	count=$((count + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $count $name"
	else
		failed=1
		echo "not ok $count $name"
		sed 's/^/# /' "$work/log"
	fi
}

install_library()
{
	# Objects of its own: the programs are not part of this.
	env -u MAKEFLAGS make -C "$top/userspace" O="$work/build" DESTDIR="$work/root" \
		PREFIX=/usr LIBDIR=/usr/lib INCLUDEDIR=/usr/include programs= install
}

build_program()
{
	cat >"$work/program.c" <<-'END'
	#include <stdio.h>
	#include <string.h>
	#include <kpc/identity.h>
	#include <kpc/ktls.h>
	#include <kpc/records.h>
	#include <kpc/keystore.h>

	int main(void)
	{
		struct kpc_handshake_policy policy = { .role = KPC_ROLE_B };
		struct kpc_handshake_context *context;
		struct kpc_identity id;

		context = kpc_handshake_context_new(&policy, NULL);
		if (!context || kpc_identity_parse(&id, "/cse", KPC_KIND_CSE, "sp.example", NULL))
			return 1;
		kpc_handshake_context_free(context);
		return puts(id.text) < 0;
	}
	END
	cc -Wall -Wextra -Werror -o "$work/program" "$work/program.c" $(pc --cflags --libs libkpc)
}

pc()
{
	PKG_CONFIG_LIBDIR=$work/root/usr/lib/pkgconfig PKG_CONFIG_PATH=$(pkg-config \
		--variable pc_path pkg-config) PKG_CONFIG_SYSROOT_DIR=$work/root pkg-config "$@"
}

run_program()
{
	[ "$(LD_LIBRARY_PATH=$work/root/usr/lib "$work/program")" = //sp.example/cse ] &&
		readelf -d "$work/program" | grep -q 'NEEDED.*libkpc.so.0'
}

only_own_names()
{
	! nm -D --defined-only "$work/root/usr/lib/libkpc.so.0" | awk '{ print $3 }' |
		grep -vE '^(kpc_[a-z0-9_]+|LIBKPC_[0-9]+)(@@LIBKPC_[0-9]+)?$'
}

# Every function that a header declares is there to be linked with.
all_names_there()
{
	nm -D --defined-only "$work/root/usr/lib/libkpc.so.0" |
		sed -n 's/.* T \(kpc_[a-z0-9_]*\).*/\1/p' | sort -u >"$work/defined"
	cat "$top"/include/kpc/*.h | tr '\n' ' ' | sed 's|/\*|\n/*|g; s|\*/|*/\n|g' |
		grep -v '^/\*' | tr ';' '\n' | grep -v '{\|typedef\|static inline' |
		grep -oE '\bkpc_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$work/declared"
	[ -s "$work/declared" ] && ! comm -23 "$work/declared" "$work/defined" | grep .
}

hardened()
{
	local file=$work/root/usr/lib/libkpc.so.0

	readelf -lW "$file" | grep -q GNU_RELRO && readelf -dW "$file" | grep -q BIND_NOW &&
		! readelf -lW "$file" | grep -q 'GNU_STACK.*RWE' &&
		readelf -sW "$file" | grep -q __stack_chk_fail
}

# Whatever umask root has, all may read it, but for the place of keys: all is
# installed with 077.
readable_by_all()
{
	env -u MAKEFLAGS make -C "$top/packaging" DESTDIR="$work/root" PREFIX=/usr install &&
		! find "$work/root" ! -path "*/etc/kpc/keys.d" \( -type d ! -perm -755 -o \
		-type f ! -perm -644 \) | grep . &&
		[ "$(stat -c %a "$work/root/etc/kpc/keys.d")" = 700 ]
}

# Where kpc(8) says that it is.
schema_there()
{
	local path

	env -u MAKEFLAGS make -C "$top/packaging" DESTDIR="$work/root" PREFIX=/usr install &&
		path=$(sed -n 's/^\.It Pa \(.*kpc\.schema\.json\)$/\1/p' \
			"$top/Documentation/man/kpc.8") && [ -n "$path" ] &&
		cmp "$work/root$path" "$top/Documentation/schema/kpc.schema.json"
}

# kpcperf runs from where it is installed, and what belongs to it is there.
kpcperf_there()
{
	env -u MAKEFLAGS make -C "$top/userspace" O="$work/build" DESTDIR="$work/root" \
		PREFIX=/usr LIBDIR=/usr/lib INCLUDEDIR=/usr/include programs=kpcperf install &&
		"$work/root/usr/bin/kpcperf" --version | grep -q '^kpcperf [0-9]' &&
		[ -f "$work/root/usr/share/man/man1/kpcperf.1" ] &&
		bash -c ". '$work/root/usr/share/bash-completion/completions/kpcperf'
			complete -p kpcperf"
}

echo "TAP version 13"
umask 077
check "make install puts the library, headers and pkg-config file in place" install_library
check "a program builds with what pkg-config says" build_program
check "it runs with the shared library" run_program
check "the library exports kpc_ names only" only_own_names
check "every function of the headers is exported" all_names_there
check "the library is hardened" hardened
check "all that is installed may be read by all, keys but by root" readable_by_all
check "the schema of kpc -j is installed where kpc(8) says" schema_there
check "kpcperf is installed with its page and completion" kpcperf_there
echo "1..$count"
exit $failed
