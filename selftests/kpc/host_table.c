// SPDX-License-Identifier: MIT
/*
 * Proves what association files may say and who may have written them: lines,
 * whole-table contradictions, owner and mode (T2, T4, T5, T6).
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kpc/association.h>
#include <kpc/keystore.h>

#include "../tap.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define PAIR	" id-a //sp.example/cse/C1 id-b //sp.example/in"
#define BACK	" id-a //sp.example/in id-b //sp.example/cse/C1"
#define A(name, id)	"association " name " role a kpc-id " id PAIR
#define B(name, id)	"association " name " role b kpc-id " id BACK

static char directory[] = "/tmp/kpc-table.XXXXXX";
static char conf[64];

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) ||
	    chmod(path, mode)) {
		perror(path);
		exit(1);
	}
}

static const struct {
	const char *what;
	const char *text;
	size_t count;
} good[] = {
	{ "an empty file", "", 0 },
	{ "comments and empty lines", "# nothing\n\n   # here\n", 0 },
	{ "a line without an end", A("m1", "m1@sp.example"), 1 },
	{ "a line joined by backslashes",
	  "association m1 role a \\\n\tkpc-id m1@sp.example \\\n id-a //sp.example/cse/C1 "
	  "id-b //sp.example/in # end\n", 1 },
	{ "a line joined by backslashes before DOS line ends",
	  "association m1 role a \\\r\n\tkpc-id m1@sp.example \\\r\n id-a //sp.example/cse/C1 "
	  "id-b //sp.example/in\r\n", 1 },
	{ "quotes and DOS line ends",
	  "association 'm1' role \"a\" kpc-id m1@sp.example id-a //sp.example/cse/C1 id-b "
	  "//sp.example/in\r\n", 1 },
	{ "configuration",
	  "config mark-range 0x6b000000/0xff000000 handshake-mark 0x6bffffff\nconfig "
	  "agent-lost end agent-lost-after 30s max-bindings 1000 clock wait\n", 0 },
	{ "M4: the own identity of lines that have none",
	  "identity //sp.example/in cse\nassociation m1 role b kpc-id m1@sp.example id-a "
	  "//sp.example/cse/C1\n", 1 },
	{ "a KpcId that looks like a key",
	  "association m1 role a kpc-id hex:0011 format any id-a //sp.example/cse/C1 "
	  "id-b //sp.example/in\n", 1 },
	{ "X3: two KpcIds of a pair in rotation share a mark",
	  A("m1", "m1@sp.example") " mark 0x6b000001\n" A("m2",
							  "m2@sp.example") " mark "
							  "0x6b000001\n", 2 },
	{ "T6: the other direction with its own KpcId",
	  A("m1", "m1@sp.example") "\n" B("m2", "m2@sp.example") "\n", 2 },
};

/* The file's name stands for FILE in the sentences. */
static const struct {
	const char *what;
	const char *text;
	const char *sentence;
} bad[] = {
	{ "an unknown line", "frobnicate x\n",
	  "FILE:1: \"frobnicate\" begins no line; association, config or identity is accepted" },
	{ "I6: the key of a key file", "hex:00112233445566778899aabbccddeeff\n",
	  "FILE:1: word 1 is a key or where one is; only a key store holds these" },
	{ "I6: the line of a key store", "# keys\nm1@sp.example ascii:not-to-be-seen-anywhere\n",
	  "FILE:2: word 2 is a key or where one is; only a key store holds these" },
	{ "I6: the line of another program's keys",
	  "m1@sp.example:00112233445566778899aabbccddeeff\n",
	  "FILE:1: what has a colon begins no line; association, config or identity is accepted" },
	{ "I6: a key among the words of an association",
	  "association m1 role a authority base64:AAAAAAAAAAAAAAAAAAAAAA==\n",
	  "FILE:1: word 6 is a key or where one is; only a key store holds these" },
	{ "a mistake in the third line", "\n\nassociation m1 role c\n",
	  "FILE:3: role \"c\" is not known; a or b is accepted" },
	{ "a mistake behind a joined line", "association m1 \\\n role c\n",
	  "FILE:1: role \"c\" is not known; a or b is accepted" },
	{ "a mistake behind a line joined before a DOS line end",
	  "association m1 \\\r\n role a\r\nfrobnicate\r\n",
	  "FILE:1: kpc-id is missing: the identifier of the Kpc, such as kpc-id "
	  "meter7@sp.example" },
	{ "an open quote", "association 'm1\n",
	  "FILE:1: the quote ' is not closed on its line" },
	{ "a backslash at the end", "association m1 \\",
	  "FILE:1: the file ends after a backslash" },
	{ "an unknown configuration", "config mark 1\n",
	  "FILE:1: \"mark\" is not known; accepted: mark-range handshake-mark agent-lost "
	  "agent-lost-after max-associations max-bindings max-handshakes clock" },
	{ "a clock that a file says is right", "config clock set\n",
	  "FILE:1: clock set says that the time is right now, which no file can know; trust or "
	  "wait is accepted" },
	{ "a range with bits outside its mask", "config mark-range 0x6b000001/0xff000000\n",
	  "FILE:1: mark-range \"0x6b000001/0xff000000\" has bits of the value outside the mask" },
	{ "a configuration twice", "config max-bindings 1\nconfig max-bindings 2\n",
	  "FILE:2: max-bindings is given twice" },
	{ "an identity without its kind", "identity //sp.example/in\n",
	  "FILE:1: identity needs an absolute identity and its kind: identity "
	  "//sp.example/cse cse" },
	{ "a name twice", A("m1", "m1@sp.example") "\n" A("m1", "m2@sp.example") "\n",
	  "FILE:2: the name m1 is taken (line 1)" },
	{ "a KpcId twice", A("m1", "m1@sp.example") "\n" A("m2", "m1@sp.example") "\n",
	  "FILE:2: KpcId m1@sp.example is taken (line 1)" },
	{ "T2: KpcIds that differ only in case",
	  A("m1", "m1@sp.example") "\n" A("m2", "M1@sp.example") "\n",
	  "FILE:2: the KpcIds of m1 and m2, m1@sp.example and M1@sp.example, differ only in "
	  "case (line 1)" },
	{ "T4: one KpcId for two pairs",
	  A("m1", "m1@sp.example") "\nassociation m2 role a kpc-id m1@sp.example id-a "
	  "//sp.example/cse/C2 id-b //sp.example/in\n",
	  "FILE:2: KpcId m1@sp.example belongs to another pair of identities already; each "
	  "pair has its own (line 1)" },
	{ "T4: one KpcId for two identities of this machine",
	  B("m1", "m1@sp.example") "\nassociation m2 role b kpc-id m1@sp.example id-a "
	  "//sp.example/in id-b //sp.example/cse/C2\n",
	  "FILE:2: KpcId m1@sp.example belongs to another pair of identities already; each "
	  "pair has its own (line 1)" },
	{ "X4: one KpcId for both ends of a pair on one machine",
	  A("m1", "m1@sp.example") "\nassociation m2 role b kpc-id m1@sp.example id-a "
	  "//sp.example/cse/C1 id-b //sp.example/in\n",
	  "FILE:2: KpcId m1@sp.example has the other role already; each direction has its "
	  "own KpcId and Kpc (line 1)" },
	{ "T6, X4: one KpcId in both directions",
	  A("m1", "m1@sp.example") "\n" B("m2", "m1@sp.example") "\n",
	  "FILE:2: KpcId m1@sp.example has the other role already; each direction has its "
	  "own KpcId and Kpc (line 1)" },
	{ "one mark for two pairs",
	  A("m1", "m1@sp.example") " mark 0x6b000001\nassociation m2 role a kpc-id "
	  "m2@sp.example id-a //sp.example/cse/C2 id-b //sp.example/in mark 0x6b000001\n",
	  "FILE:2: mark 0x6b000001 belongs to other identities already (line 1)" },
	{ "two marks for one pair",
	  A("m1", "m1@sp.example") " mark 0x6b000001\n" A("m2",
							  "m2@sp.example") " mark 0x6b000002\n",
	  "FILE:2: marks 0x6b000001 and 0x6b000002 stand for the same identities and role; "
	  "they share one (line 1)" },
	{ "a mark outside the range",
	  "config mark-range 0x6b000000/0xff000000\n" A("m1", "m1@sp.example") " mark 0x6c000001\n",
	  "FILE:2: mark 0x6c000001 is outside mark-range 0x6b000000/0xff000000" },
	{ "the handshake mark",
	  "config handshake-mark 0x6bffffff\n" A("m1", "m1@sp.example") " mark 0x6bffffff\n",
	  "FILE:2: mark 0x6bffffff is the handshake mark" },
	{ "two associations at one local socket",
	  A("m1", "m1@sp.example") " plain unix:/run/x\n" A("m2",
							    "m2@sp.example") " plain unix:/run/x\n",
	  "FILE:2: plain unix:/run/x is the local socket of m1 already (line 1)" },
	{ "sockets of two kinds at one path",
	  A("m1", "m1@sp.example") " plain unix:/run/x\n"
	  A("m2", "m2@sp.example") " plain hand-over:/run/x\n",
	  "FILE:2: plain hand-over:/run/x is the local socket of m1 already (line 1)" },
};

static int read_and_check(struct kpc_table *table, const char *path,
			  const struct kpc_keystore *keys,
			  struct kpc_error *err)
{
	int ret;

	err->text[0] = '\0';
	kpc_table_init(table);
	ret = kpc_table_read(table, path, 0, err);
	return ret ? ret : kpc_table_check(table, keys, err);
}

/* Puts the file's name where FILE stands. */
static const char *expected(const char *sentence)
{
	static char text[512];

	if (strncmp(sentence, "FILE", 4))
		return sentence;
	snprintf(text, sizeof(text), "%s%s", conf, sentence + 4);
	return text;
}

static void check_refused(const char *what, int ret,
			  const struct kpc_error *err, const char *sentence)
{
	if (tap_ok(ret < 0 && !strcmp(err->text, expected(sentence)),
		   "refuses %s", what))
		return;
	tap_note("returned %d, said: %s", ret, err->text);
	tap_note("expected: %s", expected(sentence));
}

static void check_files(void)
{
	struct kpc_table table;
	struct kpc_error err;
	size_t i;
	int ret;

	for (i = 0; i < COUNT(good); i++) {
		write_file(conf, good[i].text, 0644);
		ret = read_and_check(&table, conf, NULL, &err);
		if (!tap_ok(!ret && table.count == good[i].count, "takes %s",
			    good[i].what))
			tap_note("returned %d, %zu entries, said: %s", ret,
				 table.count, err.text);
		kpc_table_free(&table);
	}
	for (i = 0; i < COUNT(bad); i++) {
		write_file(conf, bad[i].text, 0644);
		ret = read_and_check(&table, conf, NULL, &err);
		check_refused(bad[i].what, ret, &err, bad[i].sentence);
		kpc_table_free(&table);
	}
}

static void check_owner(void)
{
	struct kpc_table table;
	struct kpc_error err;
	int ret;

	write_file(conf, A("m1", "m1@sp.example") "\n", 0664);
	ret = read_and_check(&table, conf, NULL, &err);
	check_refused("T5: a file that its group may write", ret, &err,
		      "FILE: may be written by others (mode 0664); chmod go-w makes it acceptable");
	kpc_table_free(&table);
	chmod(conf, 0644);
	if (geteuid()) {
		tap_skip("T5: a file of another user",
			 "only root can make one");
		return;
	}
	if (chown(conf, 1234, 1234))
		perror(conf);
	ret = read_and_check(&table, conf, NULL, &err);
	check_refused("T5: a file of another user", ret, &err,
		      "FILE: belongs to user 1234; root or the caller (0) is accepted");
	kpc_table_free(&table);
	unlink(conf);
	ret = read_and_check(&table, conf, NULL, &err);
	check_refused("a file that is not there", ret, &err,
		      "FILE: No such file or directory");
}

static void check_directory(void)
{
	struct kpc_table table;
	struct kpc_error err;
	char path[96];
	int ret;

	snprintf(path, sizeof(path), "%s/20.conf", directory);
	write_file(path, A("m2", "m2@sp.example") "\n", 0644);
	snprintf(path, sizeof(path), "%s/10.conf", directory);
	write_file(path, A("m1", "m1@sp.example") "\n", 0644);
	snprintf(path, sizeof(path), "%s/30.conf.old", directory);
	write_file(path, "not looked at\n", 0666);
	ret = read_and_check(&table, directory, NULL, &err);
	tap_ok(!ret && table.count == 2 &&
	       !strcmp(table.entries[0].association.name, "m1") &&
	       !strcmp(table.entries[1].association.name, "m2") &&
	       kpc_table_find(&table, "m2") && !kpc_table_find(&table, "m3"),
	       "a directory's *.conf are read in order of name");
	write_file(conf, A("m3", "m3@sp.example") "\nassociation m4\n", 0644);
	ret = kpc_table_read(&table, conf, 0, &err);
	tap_ok(ret && table.count == 2,
	       "a refused file leaves the table as it was");
	kpc_table_free(&table);
}

static void check_keys(void)
{
	struct kpc_keystore *keys = NULL;
	struct kpc_table table;
	struct kpc_error err;
	char path[96];
	int ret;

	snprintf(path, sizeof(path), "%s/keys", directory);
	write_file(path, "m1@sp.example ascii:123456\n", 0600);
	write_file(conf, A("m1", "m1@sp.example") "\n", 0644);
	if (kpc_keystore_load(&keys, path,
			      KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK, &err)) {
		tap_ok(false, "the key store is read: %s", err.text);
		return;
	}
	ret = read_and_check(&table, conf, keys, &err);
	if (!tap_ok(ret == -EKEYREJECTED && strstr(err.text, "m1@sp.example") &&
		    !strncmp(err.text, conf, strlen(conf)) &&
		    strstr(err.text, "/keys:1") && !strstr(err.text, "123456"),
		    "a short Kpc is refused with both places, without the key"))
		tap_note("returned %d, said: %s", ret, err.text);
	kpc_table_free(&table);
	write_file(conf, A("m1", "m1@sp.example") " weak-key yes\n", 0644);
	ret = read_and_check(&table, conf, keys, &err);
	tap_ok(!ret, "weak-key yes takes it");
	kpc_table_free(&table);
	kpc_keystore_free(keys);
}

/* A user that only a directory service has, which is not there yet at boot. */
static void check_late_users(void)
{
	const struct kpc_agent *agents[3];
	struct kpc_table table;
	struct kpc_error err;
	size_t i;
	int ret;

	write_file(conf, A("m1", "m1@sp.example") " plain unix:/x owner nosuchuser\n"
		   "association m2 role a kpc-id m2@sp.example id-a //sp.example/cse/C2 id-b "
		   "//sp.example/in plain tcp:127.0.0.1:1 allow-uid 7,nosuchuser\n"
		   "association m3 role b kpc-id m3@sp.example id-a //sp.example/cse/C3 id-b "
		   "//sp.example/in plain tcp:192.0.2.9:1 allow-uid nosuchuser\n", 0644);
	ret = read_and_check(&table, conf, NULL, &err);
	check_refused("a user that is not known", ret, &err,
		      "FILE:1: owner \"nosuchuser\" is no user of this machine; a user's name or "
		      "number, or none, is accepted");
	kpc_table_free(&table);
	ret = kpc_table_read(&table, conf, KPC_TABLE_LATE_USERS, &err);
	if (!ret)
		ret = kpc_table_check(&table, NULL, &err);
	if (!tap_ok(!ret && table.count == 3, "takes one that will be"))
		tap_note("returned %d, said: %s", ret, err.text);
	for (i = 0; i < 3 && i < table.count; i++)
		agents[i] = &table.entries[i].association.agent;
	tap_ok(table.count == 3 && agents[0]->has_owner &&
	       agents[0]->owner == KPC_NO_USER &&
	       agents[1]->allow_uid_count == 2 && agents[1]->allow_uids[0] == 7 &&
	       agents[1]->allow_uids[1] == KPC_NO_USER && !agents[1]->allow_any,
	       "and lets in nobody for it");
	tap_ok(table.count == 3 && agents[2]->allow_uid_count == 1 &&
	       agents[2]->allow_uids[0] == KPC_NO_USER && !agents[2]->allow_any,
	       "where it is the only one a list is there all the same");
	kpc_table_free(&table);
}

/* With an /etc of this process alone. */
static bool is_apart(void)
{
	return !unshare(CLONE_NEWNS) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755") &&
	       !mkdir("/etc/kpc", 0755) && !mkdir(KPC_TABLE_DIRECTORY, 0755);
}

/* Whatever a link hides is refused: its associations are not to be taken away. */
static void check_links(void)
{
	static const char *const links[] = {
		KPC_TABLE_DIRECTORY "/10.conf", KPC_TABLE_FILE,
		KPC_TABLE_DIRECTORY,
	};
	struct kpc_table table;
	struct kpc_error err;
	char sentence[128];
	size_t i;
	int ret;

	if (!is_apart()) {
		tap_skip("links that lead nowhere", "wants a mount namespace");
		return;
	}
	write_file(KPC_TABLE_FILE, A("m1", "m1@sp.example") "\n", 0644);
	write_file(KPC_TABLE_DIRECTORY "/20.conf", A("m2", "m2@sp.example") "\n",
		   0644);
	ret = read_and_check(&table, NULL, NULL, &err);
	tap_ok(!ret && table.count == 2, "the default files are read together");
	kpc_table_free(&table);
	for (i = 0; i < COUNT(links); i++) {
		rename(links[i], "/etc/before");
		if (symlink("/nonexistent/kpc", links[i]))
			perror(links[i]);
		snprintf(sentence, sizeof(sentence),
			 "%s is a link to /nonexistent/kpc, which is not there",
			 links[i]);
		ret = read_and_check(&table, NULL, NULL, &err);
		check_refused(links[i], ret == -ENOENT ? 0 : ret, &err,
			      sentence);
		kpc_table_free(&table);
		unlink(links[i]);
		rename("/etc/before", links[i]);
	}
}

int main(void)
{
	char command[128];

	tap_begin();
	if (!mkdtemp(directory)) {
		perror(directory);
		return 1;
	}
	snprintf(conf, sizeof(conf), "%s/kpc", directory);
	check_files();
	check_owner();
	check_late_users();
	check_directory();
	check_keys();
	check_links();
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	if (system(command))
		tap_note("%s stays", directory);
	return tap_end();
}
