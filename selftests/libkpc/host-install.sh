#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The installed library: a program finds it by pkg-config alone, links with the
# shared object, and sees the names of the headers and no others.
set -u

top=$(cd "$(dirname -- "$0")/../.." && pwd)
. "$top/selftests/tap.sh"

install_library()
{
	# Objects of its own: the programs are not part of this.
	env -u MAKEFLAGS make -C "$top/userspace" O="$dir/build" DESTDIR="$dir/root" \
		PREFIX=/usr LIBDIR=/usr/lib INCLUDEDIR=/usr/include programs= install
}

build_program()
{
	cat >"$dir/program.c" <<-'END'
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
	cc -Wall -Wextra -Werror -o "$dir/program" "$dir/program.c" $(pc --cflags --libs libkpc)
}

pc()
{
	PKG_CONFIG_LIBDIR=$dir/root/usr/lib/pkgconfig PKG_CONFIG_PATH=$(pkg-config \
		--variable pc_path pkg-config) PKG_CONFIG_SYSROOT_DIR=$dir/root pkg-config "$@"
}

run_program()
{
	[ "$(LD_LIBRARY_PATH=$dir/root/usr/lib "$dir/program")" = //sp.example/cse ] &&
		readelf -d "$dir/program" | grep -q 'NEEDED.*libkpc.so.0'
}

only_own_names()
{
	! nm -D --defined-only "$dir/root/usr/lib/libkpc.so.0" | awk '{ print $3 }' |
		grep -vE '^(kpc_[a-z0-9_]+|LIBKPC_[0-9]+)(@@LIBKPC_[0-9]+)?$'
}

# Every function that a header declares is there to be linked with.
all_names_there()
{
	nm -D --defined-only "$dir/root/usr/lib/libkpc.so.0" |
		sed -n 's/.* T \(kpc_[a-z0-9_]*\).*/\1/p' | sort -u >"$dir/defined"
	cat "$top"/include/kpc/*.h | tr '\n' ' ' | sed 's|/\*|\n/*|g; s|\*/|*/\n|g' |
		grep -v '^/\*' | tr ';' '\n' | grep -v '{\|typedef\|static inline' |
		grep -oE '\bkpc_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$dir/declared"
	[ -s "$dir/declared" ] && ! comm -23 "$dir/declared" "$dir/defined" | grep .
}

hardened()
{
	local file=$dir/root/usr/lib/libkpc.so.0

	readelf -lW "$file" | grep -q GNU_RELRO && readelf -dW "$file" | grep -q BIND_NOW &&
		! readelf -lW "$file" | grep -q 'GNU_STACK.*RWE' &&
		readelf -sW "$file" | grep -q __stack_chk_fail
}

# Whatever umask root has, all may read it, but for the place of keys: all is
# installed with 077.
readable_by_all()
{
	env -u MAKEFLAGS make -C "$top/packaging" DESTDIR="$dir/root" PREFIX=/usr install &&
		! find "$dir/root" ! -path "*/etc/kpc/keys.d" \( -type d ! -perm -755 -o \
		-type f ! -perm -644 \) | grep . &&
		[ "$(stat -c %a "$dir/root/etc/kpc/keys.d")" = 700 ]
}

# Where kpc(8) says that it is.
schema_there()
{
	local path

	env -u MAKEFLAGS make -C "$top/packaging" DESTDIR="$dir/root" PREFIX=/usr install &&
		path=$(sed -n 's/^\.It Pa \(.*kpc\.schema\.json\)$/\1/p' \
			"$top/Documentation/man/kpc.8") && [ -n "$path" ] &&
		cmp "$dir/root$path" "$top/Documentation/schema/kpc.schema.json"
}

# As who has nothing but what is installed would build them.
examples_build()
{
	local source count=0

	env -u MAKEFLAGS make -C "$top/packaging" DESTDIR="$dir/root" PREFIX=/usr install || return
	for source in "$dir"/root/usr/share/doc/kpc/examples/*.c; do
		cc -Wall -Wextra -Werror -o "$dir/example" "$source" $(pc --cflags --libs libkpc) &&
			LD_LIBRARY_PATH=$dir/root/usr/lib "$dir/example" 2>&1 | grep ^usage: || return
		count=$((count + 1))
	done
	[ $count = 2 ]
}

# kpcperf runs from where it is installed, and what belongs to it is there.
kpcperf_there()
{
	env -u MAKEFLAGS make -C "$top/userspace" O="$dir/build" DESTDIR="$dir/root" \
		PREFIX=/usr LIBDIR=/usr/lib INCLUDEDIR=/usr/include programs=kpcperf install &&
		"$dir/root/usr/bin/kpcperf" --version | grep -q '^kpcperf [0-9]' &&
		[ -f "$dir/root/usr/share/man/man1/kpcperf.1" ] &&
		bash -c ". '$dir/root/usr/share/bash-completion/completions/kpcperf'
			complete -p kpcperf"
}

# What a build without any of them says is missing, and where README tells what to
# install, has the package that holds each.
packages_named()
{
	local hint name file package

	hint=$(env -u MAKEFLAGS make -C "$top/userspace" O="$dir/bare" \
		PKG_CONFIG=false 2>&1)
	grep -q 'missing: [a-z]' <<<"$hint" || return
	for name in $(sed -n 's/.*missing: \([^;]*\);.*/\1/p' <<<"$hint"); do
		file=$(pkg-config --variable=pcfiledir "$name")/$name.pc
		package=$(dpkg -S "$(realpath "$file")") || return
		package=${package%%:*}
		echo "$name: $package"
		grep -q "on Debian:.* $package\( \|\.\|$\)" <<<"$hint" &&
			grep -qw -- "$package" "$top/README.md" || return
	done
}

plan 11
umask 077
ok "make install puts the library, headers and pkg-config file in place" install_library
ok "a program builds with what pkg-config says" build_program
ok "it runs with the shared library" run_program
ok "the library exports kpc_ names only" only_own_names
ok "every function of the headers is exported" all_names_there
ok "the library is hardened" hardened
ok "all that is installed may be read by all, keys but by root" readable_by_all
ok "the schema of kpc -j is installed where kpc(8) says" schema_there
ok "the examples are installed, and build with that" examples_build
ok "kpcperf is installed with its page and completion" kpcperf_there
if command -v dpkg >/dev/null; then
	ok "a build that misses something names the packages" packages_named
else
	skip "a build that misses something names the packages" "no dpkg"
fi
finish
