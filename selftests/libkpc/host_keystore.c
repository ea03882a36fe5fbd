// SPDX-License-Identifier: MIT
/* Keys and the key store (M2, T4, T5, I6): what is taken, what is refused and how. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kpc/key.h>
#include <kpc/keystore.h>

#include "../tap.h"
#include "folder.h"

#define HEX16	"000102030405060708090a0b0c0d0e0f"
#define HEX16B	"100102030405060708090a0b0c0d0e0f"
#define HEX64	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" \
		"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

static void give_to(const char *path, uid_t uid)
{
	if (chown(path, uid, 0)) {
		perror(path);
		exit(1);
	}
}

/* @len: of the key, 0: refused */
static const struct {
	const char *text;
	size_t len;
} keys[] = {
	{ "hex:" HEX16, 16 },
	{ "hex:00AAff", 3 },
	{ "hex:" HEX64, 64 },
	{ "ascii:123456", 6 },
	{ "base64:AAECAwQFBgcICQoLDA0ODw==", 16 },
	{ "base64:AAECAwQFBgcICQoLDA0ODw", 16 },
	{ "base64:////", 3 },
	{ "123456", 0 },
	{ "", 0 },
	{ "hex:", 0 },
	{ "hex:0", 0 },
	{ "hex:0g", 0 },
	{ "hex:" HEX64 "00", 0 },
	{ "HEX:" HEX16, 0 },
	{ "ascii:", 0 },
	{ "ascii:a b", 0 },
	{ "ascii:a\303\244", 0 },
	{ "base64:", 0 },
	{ "base64:A", 0 },
	{ "base64:AB", 0 },
	{ "base64:AA=", 0 },
	{ "base64:AA==A", 0 },
	{ "base64:A===", 0 },
	{ "base64:AA-_", 0 },
	{ "file:keys", 0 },
	{ "file:/nonexistent/kpc", 0 },
	{ "keyring:user:kpc", 0 },
	{ "credential:kpc", 0 },
};

/* A refusal must not repeat what may be the key. */
static bool repeats(const char *text, const char *words)
{
	const char *secret = strchr(text, ':');

	return secret && strlen(secret + 1) > 3 && secret[1] != '/' && strstr(words, secret + 1);
}

static void check_keys(void)
{
	struct kpc_error err;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct kpc_key *key = NULL;
		int code;

		err.text[0] = '\0';
		code = kpc_key_parse(&key, keys[i].text, &err);
		if (keys[i].len)
			tap_ok(!code && kpc_key_length(key) == keys[i].len, "M2 %.12s... has %zu "
			       "octets", keys[i].text, keys[i].len);
		else
			tap_ok(code < 0 && !key && err.text[0] && !repeats(keys[i].text, err.text),
			       "I6 refused: %s", err.text);
		kpc_key_free(key);
	}
}

static void check_key_files(void)
{
	struct kpc_key *key = NULL;
	char text[160], big[65] = "";
	struct kpc_error err;

	put("raw", "0123456789abcdef", 16, 0600);
	snprintf(text, sizeof(text), "file:%s", path_of("raw"));
	tap_ok(!kpc_key_parse(&key, text, &err) && kpc_key_length(key) == 16 &&
	       !memcmp(kpc_key_octets(key), "0123456789abcdef", 16), "M2 a key from a file");
	kpc_key_free(key);
	chmod(path_of("raw"), 0640);
	tap_ok(kpc_key_parse(&key, text, &err) == -EACCES, "T5 refused: %s", err.text);
	put("big", big, sizeof(big), 0600);
	snprintf(text, sizeof(text), "file:%s", path_of("big"));
	tap_ok(kpc_key_parse(&key, text, &err) == -EINVAL, "M2 refused: %s", err.text);
	put("empty", "", 0, 0600);
	snprintf(text, sizeof(text), "file:%s", path_of("empty"));
	tap_ok(kpc_key_parse(&key, text, &err) == -EINVAL, "M2 refused: %s", err.text);
	mkfifo(path_of("fifo"), 0600);
	snprintf(text, sizeof(text), "file:%s", path_of("fifo"));
	tap_ok(kpc_key_parse(&key, text, &err) == -EACCES, "T5 refused: %s", err.text);
	snprintf(text, sizeof(text), "file:%s", folder);
	tap_ok(kpc_key_parse(&key, text, &err) == -EACCES, "T5 refused: %s", err.text);
	unlink(path_of("raw"));
	unlink(path_of("big"));
	unlink(path_of("empty"));
	unlink(path_of("fifo"));
}

static void check_lengths(void)
{
	struct kpc_error err;

	tap_ok(kpc_key_check(15, false, &err) == -EKEYREJECTED, "M2 refused: %s", err.text);
	tap_ok(kpc_key_check(15, true, &err) == 1, "M2 taken with a warning: %s", err.text);
	tap_ok(!kpc_key_check(16, false, NULL) && !kpc_key_check(32, false, NULL),
	       "M2 16 and 32 octets are taken");
	tap_ok(kpc_key_check(33, false, &err) == 1, "M2 taken with a warning: %s", err.text);
	tap_ok(kpc_key_check(64, false, &err) == 1, "M2 64 octets are taken");
	tap_ok(kpc_key_check(65, true, &err) == -EKEYREJECTED, "M2 refused: %s", err.text);
	tap_ok(kpc_key_check(0, true, &err) == -EKEYREJECTED, "M2 refused: %s", err.text);
}

/* Flags of the pages a key is in, as smaps has them; whether they are secret. */
static bool memory_of(const struct kpc_key *key, char flags[512])
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	bool found = false, secret = false;
	unsigned long from, to;
	char line[512];

	strcpy(flags, "none");
	while (maps && fgets(line, sizeof(line), maps)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			found = (unsigned long)key >= from && (unsigned long)key < to;
			secret = secret || (found && strstr(line, "/secretmem"));
		} else if (found && !strncmp(line, "VmFlags:", 8)) {
			strcpy(flags, line);
		}
	}
	if (maps)
		fclose(maps);
	return secret;
}

/*
 * Is any page of the key's in swap's reach, in a dump, or in a child? Pages of
 * memfd_secret() are never swapped; others have to be locked.
 */
static void check_memory(void)
{
	struct kpc_key *key = kpc_key_new("0123456789abcdef", 16, NULL), *own;
	char flags[512];
	bool secret = memory_of(key, flags);
	int status;
	pid_t child;

	tap_ok((secret || strstr(flags, " lo")) && strstr(flags, " dd") && strstr(flags, " dc"),
	       "I6 keys are in memory that is %s, not dumped, not forked: %s",
	       secret ? "secret" : "locked", flags);

	child = fork();
	if (!child) {
		own = kpc_key_new("fedcba9876543210", 16, NULL);
		kpc_key_free(key);	/* the parent's: nothing happens */
		_exit(!own || own == key ||
		      memcmp(kpc_key_octets(own), "fedcba9876543210", 16));
	}
	waitpid(child, &status, 0);
	tap_ok(WIFEXITED(status) && !WEXITSTATUS(status), "I6 a child has keys of its own only");
	child = fork();
	if (!child) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		close(STDERR_FILENO);
		_exit(kpc_key_octets(key)[0] != '0');
	}
	waitpid(child, &status, 0);
#ifdef __SANITIZE_ADDRESS__
	tap_ok(!WIFEXITED(status) || WEXITSTATUS(status),
	       "I6 a parent's key faults in the child");
#else
	tap_ok(WIFSIGNALED(status), "I6 a parent's key faults in the child");
#endif
	tap_ok(!memcmp(kpc_key_octets(key), "0123456789abcdef", 16),
	       "I6 and is whole in the parent");
	kpc_key_free(key);
}

static void check_many(void)
{
	static struct kpc_key *many[2000];
	bool held = true;

	for (size_t i = 0; i < 2000; i++) {
		uint32_t octets[4] = { (uint32_t)i, 1, 2, 3 };

		many[i] = kpc_key_new(octets, sizeof(octets), NULL);
		held = held && many[i];
	}
	for (size_t i = 0; i < 2000 && held; i++)
		held = *(const uint32_t *)kpc_key_octets(many[i]) == i;
	for (size_t i = 0; i < 2000; i++)
		kpc_key_free(many[i]);
	tap_ok(held, "M2 2000 keys at once");
	tap_ok(!kpc_key_reserve(500, NULL), "M2 room for 500 more");
}

/* Without the right to lock memory: secret memory, or no keys; never swap. */
static bool without_lock(void)
{
	struct rlimit none = { 0, 0 };
	struct kpc_error err = { "" };
	struct kpc_key *key;
	char flags[512];

	if (setrlimit(RLIMIT_MEMLOCK, &none) || setgid(65534) || setuid(65534))
		return false;
	if (kpc_key_reserve(10, &err))
		return strstr(err.text, "RLIMIT_MEMLOCK") &&
		       !kpc_key_new("0123456789abcdef", 16, NULL);
	key = kpc_key_new("0123456789abcdef", 16, NULL);
	/* smaps belongs to root after setuid(), until it may be read again */
	prctl(PR_SET_DUMPABLE, 1);
	return key && memory_of(key, flags);
}

static void check_no_lock(void)
{
	const char *name = "I6 memory that may be swapped takes no key";
	int status;
	pid_t child;

#ifdef __SANITIZE_ADDRESS__
	tap_skip(name, "the address sanitizer makes mlock() do nothing");
	return;
#endif
	if (geteuid()) {
		tap_skip(name, "wants root, to give its rights up");
		return;
	}
	child = fork();
	if (!child)
		_exit(!without_lock());
	waitpid(child, &status, 0);
	tap_ok(WIFEXITED(status) && !WEXITSTATUS(status), "%s", name);
}

/* @say: words the refusal must have, NULL: taken with @count entries */
static const struct {
	const char *name, *text;
	unsigned int flags;
	size_t count;
	const char *say;
} stores[] = {
	{ "two keys and comments",
	  "# a comment\n\n gw-1@a.example\thex:" HEX16 "  # behind\r\ngw-2@a.example hex:" HEX16B,
	  0, 2, NULL },
	{ "an empty file", "", 0, 0, NULL },
	{ "a KpcId of format any", "Client_identity hex:" HEX16 "\n", KPC_KEYSTORE_ANY, 1, NULL },
	{ "an escaped KpcId", "a\\x20b hex:" HEX16 "\n", KPC_KEYSTORE_ANY, 1, NULL },
	{ "a weak key when asked", "a@b ascii:123456\n", KPC_KEYSTORE_WEAK, 1, NULL },
	{ "format any without leave", "\nClient_identity hex:" HEX16 "\n", 0, 0, ":2: KpcId" },
	{ "a weak key without leave", "a@b ascii:123456\n", 0, 0, ":1: KpcId a@b: key of 6" },
	{ "no encoding", "a@b 123456secret\n", 0, 0, "names no encoding" },
	{ "one word", "# x\n# y\nsecret123456\n", 0, 0, ":3: the line has one word" },
	{ "the key first", "hex:" HEX16 " a@b\n", 0, 0, "starts with the key" },
	{ "three words", "a@b hex:" HEX16 " x\n", 0, 0, "third word" },
	{ "the KpcId twice", "a@b hex:" HEX16 "\na@b hex:" HEX16B "\n", 0, 0, "is already at" },
	{ "KpcIds different in case", "a@b hex:" HEX16 "\nA@b hex:" HEX16B "\n", 0, 0,
	  "in case only" },
	{ "one key for two", "a@b hex:" HEX16 "\nc@d hex:" HEX16 "\n", 0, 0, "same key as" },
	{ "one key in two encodings",
	  "a@b ascii:0123456789abcdef\nc@d hex:30313233343536373839616263646566\n", 0, 0,
	  "same key as" },
};

static void check_stores(void)
{
	const char *path;
	struct kpc_error err;

	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		struct kpc_keystore *store = NULL;
		int code;

		put("keys", stores[i].text, strlen(stores[i].text), 0600);
		path = path_of("keys");
		err.text[0] = '\0';
		code = kpc_keystore_load(&store, path, stores[i].flags, &err);
		if (!stores[i].say)
			tap_ok(!code && kpc_keystore_count(store) == stores[i].count, "M2 %s%s%s",
			       stores[i].name, code ? ": " : "", err.text);
		else
			tap_ok(code < 0 && !store && strstr(err.text, stores[i].say) &&
			       !strncmp(err.text, path, strlen(path)) &&
			       !strstr(err.text, "secret") && !strstr(err.text, "0102030405"),
			       "T4 %s: refused: %s", stores[i].name, err.text + strlen(folder));
		kpc_keystore_free(store);
	}
	put("keys", "a@b hex:00\0\n", 12, 0600);
	tap_ok(kpc_keystore_load(&(struct kpc_keystore *){ NULL }, path_of("keys"), 3, &err) < 0 &&
	       strstr(err.text, "NUL"), "T4 a NUL in a line is refused");
}

/* A store with a link that leads nowhere is not one that is not there. */
static void check_link(const char *name)
{
	struct kpc_keystore *store = NULL;
	struct kpc_error err = { "" };
	int code;

	if (symlink("/nonexistent/kpc", path_of(name))) {
		perror(path_of(name));
		exit(1);
	}
	code = kpc_keystore_load(&store, path_of("keys"), 0, &err);
	tap_ok(code < 0 && code != -ENOENT && strstr(err.text, path_of(name)) &&
	       strstr(err.text, " is a link to /nonexistent/kpc, "), "M2 refused: %s", err.text);
	kpc_keystore_free(store);
	unlink(path_of(name));
}

static void check_store_files(void)
{
	struct kpc_keystore *store = NULL;
	struct kpc_kpcid id;
	struct kpc_error err;
	char line[2048];

	memset(line, 'a', sizeof(line));
	put("keys", line, sizeof(line), 0600);
	tap_ok(kpc_keystore_load(&store, path_of("keys"), 0, &err) == -EINVAL &&
	       strstr(err.text, ":1:"), "M2 a line without end is refused: %s", err.text);
	put("keys", "a@b hex:" HEX16 "\n", 8 + 33, 0644);
	tap_ok(kpc_keystore_load(&store, path_of("keys"), 0, &err) == -EACCES &&
	       strstr(err.text, "0644"), "T5 refused: %s", err.text);
	chmod(path_of("keys"), 0600);
	if (!geteuid()) {
		give_to(path_of("keys"), 12345);
		tap_ok(kpc_keystore_load(&store, path_of("keys"), 0, &err) == -EACCES &&
		       strstr(err.text, "12345"), "T5 refused: %s", err.text);
		give_to(path_of("keys"), 0);
	} else {
		tap_skip("T5 a key store of another owner", "wants root");
	}

	mkdir(path_of("keys.d"), 0700);
	put("keys.d/b", "c@d hex:" HEX16B "\n", 8 + 33, 0600);
	put("keys.d/b~", "garbage\n", 8, 0600);
	put("keys.d/.hidden", "garbage\n", 8, 0600);
	kpc_kpcid_set(&id, "c@d", 3);
	tap_ok(!kpc_keystore_load(&store, path_of("keys"), 0, &err) &&
	       kpc_keystore_count(store) == 2 && kpc_keystore_find(store, &id) &&
	       kpc_keystore_find(store, &id)->line == 1 &&
	       strstr(kpc_keystore_find(store, &id)->file, "keys.d/b") &&
	       kpc_keystore_entry(store, 1) && !kpc_keystore_entry(store, 2),
	       "M2 keys.d is read too, without backups and hidden files");
	kpc_kpcid_set(&id, "C@d", 3);
	tap_ok(store && !kpc_keystore_find(store, &id), "T2 lookup is by octets, case included");
	kpc_keystore_free(store);
	store = NULL;
	chmod(path_of("keys.d"), 0770);
	tap_ok(kpc_keystore_load(&store, path_of("keys"), 0, &err) == -EACCES, "T5 refused: %s",
	       err.text);
	chmod(path_of("keys.d"), 0700);
	unlink(path_of("keys"));
	tap_ok(!kpc_keystore_load(&store, path_of("keys"), 0, &err) &&
	       kpc_keystore_count(store) == 1, "M2 keys.d alone will do");
	kpc_keystore_free(store);
	unlink(path_of("keys.d/b"));
	unlink(path_of("keys.d/b~"));
	unlink(path_of("keys.d/.hidden"));
	check_link("keys.d/l");
	rmdir(path_of("keys.d"));
	check_link("keys.d");
	check_link("keys");
	tap_ok(kpc_keystore_load(&store, path_of("keys"), 0, &err) == -ENOENT,
	       "M2 refused: %s", err.text);
}

/* Who may write the directory of the store may put another file in its place. */
static void check_store_place(void)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		int code;
	} rows[] = {
		{ 0700, 0, 0 }, { 0755, 0, 0 }, { 01777, 0, 0 },
		{ 0770, 0, -EACCES }, { 0777, 0, -EACCES }, { 0702, 0, -EACCES },
		{ 0700, 12345, -EACCES }, { 01777, 12345, -EACCES },
	};
	const char *const kinds[] = { "keys", "keys.d alone", "a key file" };
	struct kpc_error err;

	for (unsigned int i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int kind = i % 3, row = i / 3;
		struct kpc_keystore *store = NULL;
		char text[160] = "file:";
		struct kpc_key *key = NULL;
		int code;

		if (rows[row].owner && geteuid()) {
			tap_skip("T5 a directory of another owner", "wants root");
			continue;
		}
		mkdir(path_of("place"), 0700);
		if (kind == 1)
			mkdir(path_of("place/keys.d"), 0700);
		else
			put("place/keys", "0123456789abcdef", kind ? 16 : 0, 0600);
		if (!geteuid())
			give_to(path_of("place"), rows[row].owner);
		chmod(path_of("place"), rows[row].mode);
		err.text[0] = '\0';
		strcat(text, path_of("place/keys"));
		if (kind == 2)
			code = kpc_key_parse(&key, text, &err);
		else
			code = kpc_keystore_load(&store, path_of("place/keys"), 0, &err);
		tap_ok(code == rows[row].code && (!code || strstr(err.text, "/place can be")),
		       "T5 %s in a directory of mode %04o and uid %u: %d %s", kinds[kind],
		       rows[row].mode, rows[row].owner, code, err.text);
		kpc_key_free(key);
		kpc_keystore_free(store);
		unlink(path_of("place/keys"));
		rmdir(path_of("place/keys.d"));
		rmdir(path_of("place"));
	}
	chmod(folder, 0770);
	put("keys", "", 0, 0600);
	tap_ok(!chdir(folder) &&
	       kpc_keystore_load(&(struct kpc_keystore *){ NULL }, "keys", 0, &err) == -EACCES,
	       "T5 refused: %s", err.text);
	chmod(folder, 0700);
	unlink(path_of("keys"));
}

/* Every line crosses a border of the reader's buffer somewhere. */
static void check_large(void)
{
	struct kpc_keystore *store = NULL;
	struct kpc_error err = { "" };
	FILE *file;
	bool held;

	put("keys", "", 0, 0600);
	file = fopen(path_of("keys"), "w");
	for (int i = 0; i < 3000; i++)
		fprintf(file, "gw-%d@site.example hex:%032x\n", i, i + 1);
	fclose(file);
	held = !kpc_keystore_load(&store, path_of("keys"), 0, &err) &&
	       kpc_keystore_count(store) == 3000;
	for (int i = 0; held && i < 3000; i += 7) {
		const struct kpc_keystore_entry *entry;
		struct kpc_kpcid id;
		char name[64];

		snprintf(name, sizeof(name), "gw-%d@site.example", i);
		kpc_kpcid_set(&id, name, strlen(name));
		entry = kpc_keystore_find(store, &id);
		held = entry && entry->line == (unsigned int)i + 1 &&
		       kpc_key_octets(entry->key)[15] == ((i + 1) & 0xff);
	}
	tap_ok(held, "M2 a store of 3000 keys%s%s", err.text[0] ? ": " : "", err.text);
	kpc_keystore_free(store);
	unlink(path_of("keys"));
}

int main(void)
{
	tap_begin();
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	check_keys();
	check_key_files();
	check_lengths();
	check_memory();
	check_many();
	check_no_lock();
	check_stores();
	check_store_files();
	check_store_place();
	check_large();
	rmdir(folder);
	return tap_end();
}
