// SPDX-License-Identifier: MIT
/*
 * Keys by reference (M2, T5, I6): files, directories, key rings and credentials,
 * in each format; what is taken, and what is refused without repeating a key.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include <kpc/keystore.h>

#include "../tap.h"
#include "folder.h"

#define OCTETS	"kpc-test-octets!"
#define HEX	"6b70632d746573742d6f637465747321"
#define BASE64	"a3BjLXRlc3Qtb2N0ZXRzIQ=="

static bool shows_key(const char *text)
{
	return strstr(text, OCTETS) || strstr(text, HEX) || strstr(text, "a3BjLXRl");
}

/* One reference: the key, or a refusal with @say. */
static void check(const char *name, const char *text, int code, const char *say)
{
	struct kpc_error err = { "" };
	struct kpc_key *key = NULL;
	int got = kpc_key_parse(&key, text, &err);

	if (!code)
		tap_ok(!got && kpc_key_length(key) == 16 &&
		       !memcmp(kpc_key_octets(key), OCTETS, 16), "M2 %s%s%s", name,
		       got ? ": " : "", err.text);
	else
		tap_ok(got == code && !key && strstr(err.text, say) && !shows_key(err.text),
		       "I6 %s: refused (%d): %s", name, got, err.text);
	kpc_key_free(key);
}

/* @say: NULL: taken */
static const struct {
	const char *name, *format, *octets;
	size_t len;
	const char *say;
} contents[] = {
	{ "raw octets", "", OCTETS, 16, NULL },
	{ "raw octets, so named", "+raw", OCTETS, 16, NULL },
	{ "hex", "+hex", HEX, 32, NULL },
	{ "hex and a newline", "+hex", HEX "\n", 33, NULL },
	{ "base64 and a newline of two octets", "+base64", BASE64 "\r\n", 26, NULL },
	{ "base64 without padding", "+base64", BASE64, 22, NULL },
	{ "ascii, blanks behind it", "+ascii", OCTETS " \t\t\n", 20, NULL },
	{ "hex that is not", "+hex", OCTETS "xx", 18, "position 1 is not a hex digit" },
	{ "hex with an odd number of digits", "+hex", HEX "0", 33, "odd number" },
	{ "hex of two lines", "+hex", HEX "\n" HEX, 65, "odd number" },
	{ "hex of two words", "+hex", HEX "  " HEX, 66, "position 33" },
	{ "hex with a NUL inside", "+hex", HEX "\0z", 34, "position 33" },
	{ "hex with a NUL behind it", "+hex", HEX "\0", 33, "odd number" },
	{ "base64 with its padding inside", "+base64", "MD==MDEy", 8, "padding" },
	{ "ascii with a blank inside", "+ascii", "0123 4567", 9, "position 5" },
	{ "an unknown format", "+octal", OCTETS, 16, "hex, base64, ascii and raw" },
	{ "nothing", "", "", 0, "empty" },
	{ "an end of line and nothing before it", "+hex", "\n", 1, "empty" },
	{ "more than a key", "", HEX HEX, 65, "over 64 octets" },
	{ "hex of more than a key", "+hex", HEX HEX HEX HEX "00", 130, "over 64 octets" },
};

static void check_contents(void)
{
	char text[256];

	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		put("key", contents[i].octets, contents[i].len, 0600);
		snprintf(text, sizeof(text), "file%s:%s", contents[i].format, path_of("key"));
		check(contents[i].name, text, contents[i].say ? -EINVAL : 0, contents[i].say);
	}
	put("key", HEX, 32, 0640);
	snprintf(text, sizeof(text), "file+hex:%s", path_of("key"));
	check("T5 a file that its group may read", text, -EACCES, "mode 0640");
	unlink(path_of("key"));
	check("a file that is not there", text, -ENOKEY, "No such file");
	check("a path from here", "file+hex:" HEX, -EINVAL, "a path from the root");
	check("raw text in place", "raw:" OCTETS, -EINVAL, "no encoding is named");
	check("a format without a source", "+hex:" HEX, -EINVAL, "no encoding is named");
}

static void check_credentials(void)
{
	setenv("CREDENTIALS_DIRECTORY", path_of("credentials"), 1);
	mkdir(path_of("credentials"), 0700);
	put("credentials/raw", OCTETS, 16, 0400);
	put("credentials/kpc.hex", HEX "\n", 33, 0400);
	check("a credential", "credential:raw", 0, NULL);
	check("a credential in hex", "credential+hex:kpc.hex", 0, NULL);
	check("a key in place of its name", "credential:" HEX, -ENOKEY, "LoadCredentialEncrypted=");
	check("a way out of the directory", "credential:../key", -EINVAL, "no /");
	check("a name of nothing", "credential:", -EINVAL, "no /");
	check("a credential that is not hex", "credential+hex:raw", -EINVAL, "position 1");
	chmod(path_of("credentials/raw"), 0444);
	check("T5 a credential that all may read", "credential:raw", -EACCES, "mode 0444");
	chmod(path_of("credentials/raw"), 0400);
	chmod(path_of("credentials"), 0777);
	check("T5 a directory that all may write", "credential:raw", -EACCES, "written by others");
	unlink(path_of("credentials/raw"));
	unlink(path_of("credentials/kpc.hex"));
	rmdir(path_of("credentials"));
	setenv("CREDENTIALS_DIRECTORY", "here", 1);
	check("a directory from here", "credential:raw", -EINVAL, "CREDENTIALS_DIRECTORY");
	unsetenv("CREDENTIALS_DIRECTORY");
	if (access("/run/credentials/kpcd.service", F_OK))
		check("no credentials", "credential:raw", -ENOKEY, "while kpcd.service runs");
	else
		tap_skip("I6 no credentials", "kpcd.service runs here with some");
}

static long keyctl(int operation, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, operation, a, b, c, d);
}

static long add_key(const char *name, const void *octets, size_t len, long ring)
{
	return syscall(SYS_add_key, "user", name, octets, len, ring);
}

/* Whether this process may read a key, other than by asking the library. */
static bool readable(long key)
{
	char octets[64];

	return keyctl(KEYCTL_READ, key, (long)octets, sizeof(octets), 0) >= 0;
}

/* Until the library takes it out of the thread's ring again. */
static long take_hold(const char *name)
{
	return keyctl(KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, (long)"user", (long)name,
		      KEY_SPEC_THREAD_KEYRING);
}

static void check_rings(void)
{
	char big[600] = "";
	long key, own, hex;

	/* As systemd starts a service: a session ring of its own, without the user's. */
	if (keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0) {
		tap_skip("M2 keys in key rings", strerror(errno));
		return;
	}
	key = add_key("kpc-test:raw", OCTETS, 16, KEY_SPEC_USER_KEYRING);
	hex = add_key("kpc-test:hex", HEX, 32, KEY_SPEC_USER_KEYRING);
	own = add_key("kpc-test:own", OCTETS, 16, KEY_SPEC_SESSION_KEYRING);
	tap_ok(key > 0 && hex > 0 && own > 0 && !readable(key),
	       "M2 keys in the user's ring, which this session does not reach");
	check("a key of the user's ring", "keyring:@u/kpc-test:raw", 0, NULL);
	check("the same in hex", "keyring+hex:@u/kpc-test:hex", 0, NULL);
	add_key("kpc-test:us", OCTETS, 16, KEY_SPEC_USER_SESSION_KEYRING);
	check("a key of the user's session ring", "keyring:@us/kpc-test:us", 0, NULL);
	check("a key of the session's ring", "keyring:@s/kpc-test:own", 0, NULL);
	tap_ok(!readable(key), "I6 the key is no more within reach than before");
	check("a ring it is not in", "keyring:@s/kpc-test:raw", -ENOKEY, "in @s");
	check("a key in place of its name", "keyring:@u/" HEX, -ENOKEY, "in @u");
	check("a ring that is none", "keyring:@x/kpc-test:raw", -EINVAL, "@u/DESCRIPTION");
	check("no description", "keyring:@u/", -EINVAL, "@u/DESCRIPTION");
	check("no ring", "keyring:" HEX, -EINVAL, "@u/DESCRIPTION");
	check("a key that is not hex", "keyring+hex:@u/kpc-test:raw", -EINVAL, "position 1");
	add_key("kpc-test:raw", big, 65, KEY_SPEC_USER_KEYRING);
	check("a key of 65 octets", "keyring:@u/kpc-test:raw", -EINVAL, "over 64 octets");
	add_key("kpc-test:raw", big, sizeof(big), KEY_SPEC_USER_KEYRING);
	check("a key of 600 octets", "keyring:@u/kpc-test:raw", -EINVAL, "over 64 octets");

	key = take_hold("kpc-test:raw");
	keyctl(KEYCTL_SETPERM, key, 0x3f010002, 0, 0);
	check("T5 a key that others may read", "keyring:@u/kpc-test:raw", -EACCES,
	      "0x3f010002");
	take_hold("kpc-test:raw");
	keyctl(KEYCTL_SETPERM, key, 0x3f010000, 0, 0);
	keyctl(KEYCTL_REVOKE, key, 0, 0, 0);
	check("a key that was revoked", "keyring:@u/kpc-test:raw", -EKEYREVOKED, "revoked");
	if (!geteuid()) {
		keyctl(KEYCTL_CHOWN, own, 65534, -1, 0);
		check("T5 a key of somebody else", "keyring:@s/kpc-test:own", -EACCES,
		      "uid 65534");
		keyctl(KEYCTL_CHOWN, KEY_SPEC_SESSION_KEYRING, 65534, -1, 0);
		check("T5 a ring of somebody else", "keyring:@s/kpc-test:own", -EACCES,
		      "the ring @s belongs to uid 65534");
	}
	keyctl(KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING, 0, 0);
	keyctl(KEYCTL_UNLINK, hex, KEY_SPEC_USER_KEYRING, 0, 0);
	keyctl(KEYCTL_UNLINK, keyctl(KEYCTL_SEARCH, KEY_SPEC_USER_SESSION_KEYRING, (long)"user",
				     (long)"kpc-test:us", 0),
	       KEY_SPEC_USER_SESSION_KEYRING, 0, 0);
}

/* @say: words of the refusal, behind file and line; NULL: taken with @count keys */
static void check_store(const char *name, const char *line, size_t count, const char *say)
{
	struct kpc_keystore *store = NULL;
	struct kpc_error err = { "" };
	char text[512], place[160];
	int code;

	snprintf(text, sizeof(text), "# keys by reference\n%s\n", line);
	put("keys", text, strlen(text), 0600);
	snprintf(place, sizeof(place), "%s:2: ", path_of("keys"));
	code = kpc_keystore_load(&store, path_of("keys"), 0, &err);
	if (!say)
		tap_ok(!code && kpc_keystore_count(store) == count, "M2 %s%s%s", name,
		       code ? ": " : "", err.text);
	else
		tap_ok(code < 0 && code != -ENOENT && !store && strstr(err.text, say) &&
		       !strncmp(err.text, place, strlen(place)) && !shows_key(err.text),
		       "T4 %s: refused: %s", name, err.text);
	for (size_t i = 0; store && i < kpc_keystore_count(store); i++)
		if (kpc_keystore_entry(store, i)->line != 2 ||
		    !kpc_keystore_entry(store, i)->reference)
			tap_ok(false, "M2 %s: entry %zu tells where it is from", name, i);
	kpc_keystore_free(store);
	unlink(path_of("keys"));
}

static void check_directories(void)
{
	char line[256];

	mkdir(path_of("each"), 0700);
	put("each/gw-1@a.example", HEX "\n", 33, 0600);
	put("each/gw-2@a.example", "00" HEX "\n", 35, 0600);
	put("each/gw-2@a.example~", "", 0, 0644);
	put("each/.hidden", "", 0, 0644);
	snprintf(line, sizeof(line), "* directory+hex:%s", path_of("each"));
	check_store("a directory with a file for each key", line, 2, NULL);
	snprintf(line, sizeof(line), "* directory:%s", path_of("each"));
	check_store("the same as raw octets, 33 of them and 35", line, 2, NULL);
	snprintf(line, sizeof(line), "gw-1@a.example directory:%s", path_of("each"));
	check_store("a directory for one KpcId", line, 0, "* is accepted");
	check_store("a directory from here", "* directory:each", 0, "a path from the root");
	check_store("a directory that is not there", "* directory:/nonexistent/kpc", 0,
		    "No such file");
	snprintf(line, sizeof(line), "* directory+octal:%s", path_of("each"));
	check_store("an unknown format", line, 0, "hex, base64, ascii and raw");
	snprintf(line, sizeof(line), "* directory+hex:%s", path_of("each"));
	put("each/gw-3@a.example", HEX, 32, 0644);
	check_store("T5 a file that all may read", line, 0, "/each/gw-3@a.example has mode 0644");
	put("each/gw-3@a.example", HEX, 32, 0600);
	check_store("one Kpc under two names", line, 0, "same key as");
	put("each/gw-3@a.example", HEX, 31, 0600);
	check_store("a file that is not hex", line, 0, "/gw-3@a.example: key: hex: has an odd");
	put("each/gw-3@a.example", HEX, 14, 0600);
	check_store("a weak key", line, 0, "KpcId gw-3@a.example: key of 7 octets");
	unlink(path_of("each/gw-3@a.example"));
	put("each/meter", "0102" HEX, 36, 0600);
	check_store("a name that is no KpcId", line, 0, "/each/meter: the name of the file is");
	unlink(path_of("each/meter"));
	chmod(path_of("each"), 0770);
	check_store("T5 a directory that its group may write", line, 0, "written by others");
	unlink(path_of("each/gw-1@a.example"));
	unlink(path_of("each/gw-2@a.example"));
	unlink(path_of("each/gw-2@a.example~"));
	unlink(path_of("each/.hidden"));
	rmdir(path_of("each"));
	check_store("a file that is not there", "a@b file+hex:/nonexistent/kpc", 0, "No such file");
	check_store("a key in place of a path", "a@b file+hex:" HEX, 0, "a path from the root");
}

static void check_forms(void)
{
	tap_ok(kpc_key_is_reference("file:/k") && kpc_key_is_reference("credential+hex:k") &&
	       kpc_key_is_reference("keyring:@u/k") && !kpc_key_is_reference("hex:00") &&
	       !kpc_key_is_reference("ascii:file:/k") && !kpc_key_is_reference("file"),
	       "M2 what is a reference");
	tap_ok(!strcmp(kpc_key_path("file+base64:/k:l"), "/k:l") &&
	       !kpc_key_path("credential:k") && !kpc_key_path("ascii:file:/k"),
	       "M2 which is to a file");
}

int main(void)
{
	tap_begin();
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	check_forms();
	check_contents();
	check_credentials();
	check_rings();
	check_directories();
	rmdir(folder);
	return tap_end();
}
