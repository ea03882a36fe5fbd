// SPDX-License-Identifier: MIT
/*
 * doctor: what is missing on this machine, and what to do about it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/keystore.h>
#include <kpc/ktls.h>

#include "dump.h"
#include "hidden.h"
#include "print.h"
#include "secret.h"

#define LINE_ROOM	512

enum verdict {
	GOOD,
	WARNING,
	BAD,
};

/**
 * struct visit - One run of the doctor
 * @cli: Where it is told.
 * @keys_path: The key store.
 * @conf_path: The association file; NULL: the default ones.
 * @keys: The store, NULL if it could not be read.
 * @worst: The worst verdict so far.
 */
struct visit {
	struct cli *cli;
	const char *keys_path;
	const char *conf_path;
	struct kpc_keystore *keys;
	enum verdict worst;
};

static __attribute__((format(printf, 5, 6)))
void tell(struct visit *visit, enum verdict verdict, const char *subject,
	  const char *advice, const char *format, ...)
{
	static const char *const words[] = { "ok", "warn", "fail" };
	struct json *json = &visit->cli->json;
	char detail[LINE_ROOM];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	if (verdict > visit->worst)
		visit->worst = verdict;
	json_object(json, NULL);
	json_string(json, "check", subject);
	json_string(json, "verdict", words[verdict]);
	json_string(json, "detail", detail);
	if (verdict != GOOD)
		json_string(json, "advice", advice);
	json_object_end(json);
	if (visit->cli->use_json)
		return;
	printf("%-4s  %s: ", words[verdict], subject);
	print_text(stdout, detail);
	putchar('\n');
	if (verdict != GOOD)
		printf("      %s\n", advice);
}

static void look_at_module(struct visit *visit)
{
	struct kpc_config config = { 0 };
	struct kpc_error err = { "" };

	if (kpc_nl_open(&visit->cli->nl, &err)) {
		tell(visit, BAD, "module",
		     "modprobe kpc; systemctl enable kpc-table has it loaded at boot",
		     "%s", err.text);
		return;
	}
	visit->cli->connected = true;
	if (kpc_nl_config_get(&visit->cli->nl, &config, &err)) {
		tell(visit, BAD, "module", "run this as root", "%s",
		     err.text);
		return;
	}
	if (config.abi != KPC_ABI_VERSION)
		tell(visit, BAD, "module",
		     "install module and programs of one version",
		     "ABI %u, this program has %d", config.abi,
		     KPC_ABI_VERSION);
	else
		tell(visit, GOOD, "module", "", "kpc.ko %s, ABI %u",
		     config.module_version, config.abi);
}

static void look_at_tls(struct visit *visit)
{
	if (!kpc_ktls_probe())
		tell(visit, GOOD, "kernel TLS", "", "tls is there");
	else
		tell(visit, BAD, "kernel TLS",
		     "modprobe tls; a kernel without CONFIG_TLS can carry offload off only",
		     "the upper layer protocol tls is not loaded");
}

static void look_at_agent(struct visit *visit)
{
	const struct kpc_session *sessions;
	struct list list = { 0 };
	size_t workers = 0;
	uint32_t warden = 0;
	size_t i;

	if (!visit->cli->connected)
		return;
	if (dump_sessions(visit->cli, &list)) {
		visit->worst = BAD;
		return;
	}
	sessions = list.objects;
	for (i = 0; i < list.count; i++) {
		if (sessions[i].type == KPC_SESSION_TYPE_WARDEN)
			warden = sessions[i].pid;
		else
			workers++;
	}
	free(list.objects);
	if (warden)
		tell(visit, GOOD, "agent", "",
		     "warden is process %u, %zu workers", warden, workers);
	else
		tell(visit, BAD, "agent", "systemctl enable --now kpcd",
		     "kpcd does not run: nothing new comes up");
}

/* Whether a hidden place was told of, which is enough of that. */
static bool tell_hidden(struct visit *visit, const char *subject,
			const char *what, const char *place)
{
	if (place)
		tell(visit, WARNING, subject,
		     "move it to /etc/kpc, or a socket to /run/kpc, a backend's to a directory of its own in /run; kpcd(8) says what the unit hides",
		     "kpcd.service hides %s, where %s is, from the agent",
		     place, what);
	return place;
}

/* Of a store that is named only its own agent knows what it sees. */
static void look_at_key_places(struct visit *visit)
{
	const struct kpc_keystore_entry *entry;
	size_t i;

	if (strcmp(visit->keys_path, KPC_KEYSTORE_PATH))
		return;
	for (i = 0; i < kpc_keystore_count(visit->keys); i++) {
		entry = kpc_keystore_entry(visit->keys, i);
		if (tell_hidden(visit, "key store", entry->file,
				hidden_place(entry->file)))
			return;
		if (entry->reference &&
		    tell_hidden(visit, "key store", entry->reference,
				hidden_key(entry->reference)))
			return;
	}
}

static void look_at_file_places(struct visit *visit,
				const struct kpc_table *table)
{
	const struct kpc_table_entry *entry = table->entries;
	const struct kpc_table_entry *end = entry + table->count;

	for (; !visit->conf_path && entry < end; entry++)
		if (tell_hidden(visit, "association file", entry->file,
				hidden_place(entry->file)) ||
		    tell_hidden(visit, "association file",
				entry->association.agent.plain,
				hidden_plain(&entry->association)))
			return;
}

static void look_at_keys(struct visit *visit)
{
	struct kpc_error err = { "" };
	int ret;

	ret = kpc_keystore_load(&visit->keys, visit->keys_path,
				KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK, &err);
	if (!ret)
		tell(visit, GOOD, "key store", "", "%zu keys in %s",
		     kpc_keystore_count(visit->keys), visit->keys_path);
	else if (ret == -ENOENT)
		tell(visit, WARNING, "key store",
		     "kpc provision, or kpc key generate, makes one",
		     "%s is not there", visit->keys_path);
	else
		tell(visit, BAD, "key store",
		     "mend the line, or the owner and mode (root, 0600), named above",
		     "%s", err.text);
	if (!ret)
		look_at_key_places(visit);
}

static void look_at_file(struct visit *visit)
{
	struct kpc_error err = { "" };
	struct kpc_table table;
	int ret;

	kpc_table_init(&table);
	ret = kpc_table_read(&table, visit->conf_path, 0, &err);
	if (!ret)
		ret = kpc_table_check(&table, visit->keys, &err);
	if (!ret)
		tell(visit, GOOD, "association file", "",
		     "%zu associations", table.count);
	else if (ret == -ENOENT)
		tell(visit, WARNING, "association file",
		     "kpc save FILE keeps what is loaded over a reboot", "%s",
		     err.text);
	else
		tell(visit, BAD, "association file",
		     "mend the line; kpc.conf(5) has the grammar", "%s",
		     err.text);
	if (!ret)
		look_at_file_places(visit, &table);
	kpc_table_free(&table);
}

static void look_at_associations(struct visit *visit)
{
	const struct shown_association *shown;
	const char *name = NULL;
	struct list list = { 0 };
	size_t missing = 0;
	size_t i;

	if (!visit->cli->connected || !visit->keys)
		return;
	if (dump_associations(visit->cli, &list)) {
		visit->worst = BAD;
		return;
	}
	shown = list.objects;
	for (i = 0; i < list.count; i++) {
		if (kpc_keystore_find(visit->keys,
				      &shown[i].association.kpc_id))
			continue;
		name = shown[i].association.name;
		missing++;
	}
	if (!missing)
		tell(visit, GOOD, "associations", "",
		     "%zu loaded, each has its Kpc", list.count);
	else
		tell(visit, BAD, "associations",
		     "kpc key check names them all",
		     "%zu of %zu have no Kpc in the store, %s among them",
		     missing, list.count, name);
	free(list.objects);
}

/* The driver that the kernel takes for gcm(aes): the highest priority. */
static void find_driver(const char *algorithm, char *driver, size_t size)
{
	char line[LINE_ROOM];
	char name[128] = "";
	char candidate[128] = "";
	long highest = -1;
	long priority;
	FILE *file;

	driver[0] = '\0';
	file = fopen("/proc/crypto", "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "name : %127s", name) == 1 ||
		    sscanf(line, "driver : %127s", candidate) == 1)
			continue;
		if (sscanf(line, "priority : %ld", &priority) != 1 ||
		    strcmp(name, algorithm) || priority <= highest)
			continue;
		highest = priority;
		snprintf(driver, size, "%s", candidate);
	}
	fclose(file);
}

/* Drivers that use the processor's instructions have one of these in a name. */
static bool is_fast(const char *driver)
{
	static const char *const parts[] = {
		"aesni", "vaes", "-ce", "neon", "p8", "p10", "s390", "vmx",
	};
	size_t i;

	for (i = 0; i < CLI_COUNT(parts); i++)
		if (strstr(driver, parts[i]))
			return true;
	return false;
}

static void look_at_ciphers(struct visit *visit)
{
	char driver[128];

	find_driver("gcm(aes)", driver, sizeof(driver));
	if (!*driver)
		find_driver("aes", driver, sizeof(driver));
	if (!is_fast(driver))
		tell(visit, WARNING, "AES",
		     "modprobe aesni_intel (x86) or aes_ce_blk (arm64), where the processor has it",
		     "%s: AES would run in plain C",
		     *driver ? driver : "no driver is loaded yet");
	else
		tell(visit, GOOD, "AES", "", "%s", driver);
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	struct visit visit = { .cli = cli, .keys_path = KPC_KEYSTORE_PATH };
	const struct cli_option options[] = {
		{ "--keys", NULL, &visit.keys_path },
		{ "--file", NULL, &visit.conf_path },
	};
	static void (*const looks[])(struct visit *visit) = {
		look_at_module, look_at_tls, look_at_agent, look_at_keys,
		look_at_file, look_at_associations, look_at_ciphers,
	};
	size_t i;

	if (cli_options(cli, options, CLI_COUNT(options), &argc, argv) ||
	    cli_no_words(cli, argc, argv))
		return CLI_USAGE;
	secret_guard();
	json_array(&cli->json, NULL);
	for (i = 0; i < CLI_COUNT(looks); i++)
		looks[i](&visit);
	json_array_end(&cli->json);
	kpc_keystore_free(visit.keys);
	return visit.worst == BAD ? CLI_REFUSED : CLI_OK;
}
