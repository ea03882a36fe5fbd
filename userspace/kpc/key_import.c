// SPDX-License-Identifier: MIT
/*
 * key import: the keys of stunnel's PSKsecrets and of mosquitto's psk_file.
 *
 * Both have lines IDENTITY:KEY, and disagree about the rest. stunnel(8) takes the
 * line as it is; a KEY of pairs of hexadecimal digits, with or without colons
 * between them, means their octets, any other its characters. mosquitto.conf(5)
 * cuts blanks off, knows comments, and wants hexadecimal digits. An odd number of
 * them is text for one, and for the other a number, so that its first zero counts
 * or not; here it is refused where it is one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "key.h"
#include "keyfile.h"
#include "secret.h"

#define KEY_TEXT_MAX	512

/**
 * struct parts - A line of such a file, taken apart
 * @id: Identity, not terminated.
 * @id_length: Octets of @id.
 * @key: Key as text, not terminated.
 * @key_length: Octets of @key.
 */
struct parts {
	const char *id;
	size_t id_length;
	const char *key;
	size_t key_length;
};

/**
 * struct imported - One key
 * @id: KpcId.
 * @key: Kpc.
 * @line: Where it was.
 */
struct imported {
	struct kpc_kpcid id;
	struct kpc_key *key;
	unsigned int line;
};

/**
 * struct import - One run
 * @cli: Where it is told.
 * @format: Of the file.
 * @path: The file.
 * @line: Line that is read, from 1.
 * @any: KpcIds of format any are taken.
 * @weak: Short keys are taken.
 * @keys: What was read.
 * @count: How many.
 * @store: What the store has already; NULL: nothing.
 */
struct import {
	struct cli *cli;
	const struct format *format;
	const char *path;
	unsigned int line;
	bool any;
	bool weak;
	struct imported *keys;
	size_t count;
	struct kpc_keystore *store;
};

/**
 * struct format - Whose file it is
 * @name: The program's.
 * @split: Take a line apart, without its end; 1: it says nothing.
 * @read: The key of its text.
 */
struct format {
	const char *name;
	int (*split)(struct parts *parts, const char *line, size_t length,
		     struct kpc_error *err);
	int (*read)(const struct import *import, struct kpc_key **key,
		    const struct parts *parts, struct kpc_error *err);
};

static bool is_digit(char c)
{
	return c && strchr("0123456789abcdefABCDEF", c);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(const char **text, size_t *length)
{
	while (*length && is_blank(**text)) {
		++*text;
		--*length;
	}
	while (*length && is_blank((*text)[*length - 1]))
		--*length;
}

/* The sentence has no word of the line: any of them may be the key. */
static int split_line(struct parts *parts, const char *line, size_t length,
		      struct kpc_error *err)
{
	const char *colon = memchr(line, ':', length);

	if (!colon)
		return kpc_error_return(err, -EINVAL,
					"has no colon; IDENTITY:KEY is accepted");
	*parts = (struct parts) {
		.id = line, .id_length = colon - line,
		.key = colon + 1, .key_length = line + length - colon - 1,
	};
	return 0;
}

static int split_stunnel(struct parts *parts, const char *line, size_t length,
			 struct kpc_error *err)
{
	return length ? split_line(parts, line, length, err) : 1;
}

static int split_mosquitto(struct parts *parts, const char *line,
			   size_t length, struct kpc_error *err)
{
	const char *text = line;
	size_t left = length;
	int ret;

	trim(&text, &left);
	if (!left || *line == '#')
		return 1;
	ret = split_line(parts, line, length, err);
	if (ret)
		return ret;
	if (memchr(parts->key, ':', parts->key_length))
		return kpc_error_return(err, -EINVAL,
					"has a second colon, what is behind which mosquitto does not read; IDENTITY:KEY is accepted");
	trim(&parts->id, &parts->id_length);
	trim(&parts->key, &parts->key_length);
	return 0;
}

/* @digits: Hexadecimal digits; in pairs, or it is refused. */
static int read_digits(struct kpc_key **key, const char *digits, size_t length,
		       struct kpc_error *err)
{
	char text[KEY_TEXT_MAX] = "hex:";
	int ret;

	/* Longer ones are refused by their beginning. */
	if (length > sizeof(text) - strlen(text) - 1)
		length = (sizeof(text) - strlen(text) - 1) & ~1U;
	memcpy(text + strlen(text), digits, length);
	ret = kpc_key_parse(key, text, err);
	explicit_bzero(text, sizeof(text));
	return ret;
}

/*
 * Puts the digits into @digits, which has room for @length.
 *
 * Return: How many; 0: it is no hexadecimal for stunnel.
 */
static size_t stunnel_digits(char *digits, const char *text, size_t length)
{
	size_t count = 0;
	size_t i = 0;

	while (i < length) {
		if (text[i] == ':') {
			i++;
			continue;
		}
		if (i + 1 == length || !is_digit(text[i]) ||
		    !is_digit(text[i + 1]))
			return 0;
		digits[count++] = text[i++];
		digits[count++] = text[i++];
	}
	return count;
}

static bool looks_like_digits(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (!is_digit(text[i]) && text[i] != ':' && !is_blank(text[i]))
			return false;
	return true;
}

static int read_stunnel(const struct import *import, struct kpc_key **key,
			const struct parts *parts, struct kpc_error *err)
{
	char digits[KEY_TEXT_MAX];
	size_t count = 0;
	int ret = 0;

	if (parts->key_length <= sizeof(digits))
		count = stunnel_digits(digits, parts->key, parts->key_length);
	if (count) {
		ret = read_digits(key, digits, count, err);
		explicit_bzero(digits, sizeof(digits));
		return ret;
	}
	explicit_bzero(digits, sizeof(digits));
	*key = kpc_key_new(parts->key, parts->key_length, err);
	if (!*key)
		return -errno;
	if (looks_like_digits(parts->key, parts->key_length))
		cli_warn(import->cli, "%s:%u: the key is not of pairs of hexadecimal digits; it is taken as stunnel does, %zu characters",
			 import->path, import->line, parts->key_length);
	return 0;
}

static int read_mosquitto(const struct import *import, struct kpc_key **key,
			  const struct parts *parts, struct kpc_error *err)
{
	return read_digits(key, parts->key, parts->key_length, err);
}

static const struct format formats[] = {
	{ "stunnel", split_stunnel, read_stunnel },
	{ "mosquitto", split_mosquitto, read_mosquitto },
};

static int judge_id(const struct import *import, struct kpc_kpcid *id,
		    const struct parts *parts, struct kpc_error *err)
{
	int ret;

	ret = kpc_kpcid_set(id, parts->id, parts->id_length);
	if (ret)
		return kpc_error_return(err, ret,
					"an identity of %zu octets is no KpcId; 1 to %d are accepted",
					parts->id_length, KPC_KPCID_ENTRY_MAX);
	ret = kpc_kpcid_check(id, import->any ? KPC_ID_FORMAT_ANY :
			      KPC_ID_FORMAT_STRICT, NULL);
	/* Not shown: who mistook the order has the key there. */
	if (ret)
		kpc_error_set(err, import->any ?
			      "the identity is not text without control octets" :
			      "the identity is not of the form relative@FQDN; --any takes it");
	return ret;
}

/* Against those before it, and the store. Return: as keyfile_judge(). */
static int judge_key(const struct import *import, const struct imported *one,
		     struct kpc_error *err)
{
	const struct imported *other;

	for (other = import->keys; other < one; other++) {
		if (!kpc_kpcid_fold_compare(&one->id, &other->id))
			return kpc_error_return(err, -EEXIST,
						"its KpcId is at line %u already, in upper or lower case",
						other->line);
		if (kpc_key_equal(one->key, other->key))
			return kpc_error_return(err, -EEXIST,
						"has the Kpc of line %u; each pair has its own",
						other->line);
	}
	return keyfile_judge(import->store, &one->id, one->key, err);
}

static int read_line(struct import *import, const char *line, size_t length,
		     struct kpc_error *err)
{
	struct imported *one;
	struct parts parts;
	struct kpc_error why = { "" };
	int ret;

	if (memchr(line, '\0', length))
		return kpc_error_return(err, -EINVAL, "has a NUL octet");
	ret = import->format->split(&parts, line, length, err);
	if (ret)
		return ret < 0 ? ret : 0;
	one = reallocarray(import->keys, import->count + 1, sizeof(*one));
	if (!one)
		return kpc_error_return(err, -ENOMEM, "out of memory");
	import->keys = one;
	one += import->count;
	one->line = import->line;
	ret = judge_id(import, &one->id, &parts, err);
	if (ret)
		return ret;
	ret = import->format->read(import, &one->key, &parts, &why);
	if (!ret) {
		import->count++;
		ret = kpc_key_check(kpc_key_length(one->key), import->weak, &why);
		if (ret > 0)
			cli_warn(import->cli, "%s:%u: %s", import->path,
				 import->line, why.text);
	}
	if (ret < 0)
		return kpc_error_return(err, ret, "%s", why.text);
	ret = judge_key(import, one, err);
	if (!ret) {
		kpc_key_free(one->key);
		import->count--;
	}
	return ret < 0 ? ret : 0;
}

static int read_lines(struct import *import, const char *text, size_t length,
		      struct kpc_error *err)
{
	const char *end = text + length;
	struct kpc_error why = { "" };
	const char *next;
	size_t size;
	int ret = 0;

	for (; !ret && text < end; text = next) {
		next = memchr(text, '\n', end - text);
		size = (next ? next : end) - text;
		next = next ? next + 1 : end;
		while (size && text[size - 1] == '\r')
			size--;
		import->line++;
		ret = read_line(import, text, size, &why);
	}
	if (ret)
		kpc_error_set(err, "%s:%u: %s", import->path, import->line,
			      why.text);
	return ret;
}

/* All lines at once, so that all of them or none are in the store. */
static int append(struct import *import, struct textfile *file,
		  struct kpc_error *err)
{
	size_t room = import->count * KEYFILE_LINE_MAX;
	size_t used = 0;
	char *lines;
	size_t i;
	int ret;

	if (!import->count)
		return 0;
	lines = malloc(room);
	if (!lines)
		return kpc_error_return(err, -ENOMEM, "out of memory");
	for (i = 0; i < import->count; i++) {
		if (i)
			lines[used++] = '\n';
		keyfile_line(&import->keys[i].id, import->keys[i].key, NULL,
			     lines + used);
		used += strlen(lines + used);
	}
	ret = keyfile_append(file, lines, err);
	explicit_bzero(lines, used);
	free(lines);
	return ret;
}

static int run(struct import *import, const char *store)
{
	struct textfile file = { .lock = -1 };
	struct kpc_error err = { "" };
	size_t length;
	char *text;
	int ret;

	secret_guard();
	text = secret_read_all(import->path, &length, &err);
	ret = text ? keyfile_open(&file, store, &err) : -EIO;
	if (!ret)
		ret = keyfile_store(store, &import->store, &err);
	if (!ret)
		ret = read_lines(import, text, length, &err);
	if (!ret)
		ret = append(import, &file, &err);
	if (text)
		explicit_bzero(text, length);
	free(text);
	textfile_close(&file);
	kpc_keystore_free(import->store);
	if (ret)
		return cli_refuse(import->cli, NULL, &err);
	if (!import->cli->use_json)
		printf("%zu keys of %s are new in %s\n", import->count,
		       import->path, store);
	return CLI_OK;
}

static const struct format *find_format(const char *name)
{
	size_t i;

	for (i = 0; i < CLI_COUNT(formats); i++)
		if (!strcmp(name, formats[i].name))
			return &formats[i];
	return NULL;
}

int key_import(struct cli *cli, int argc, char **argv)
{
	struct import import = { .cli = cli };
	char store[sizeof(KPC_KEYSTORE_PATH ".d/") + 16];
	const char *path = NULL;
	const struct cli_option options[] = {
		{ "--keys", NULL, &path },
		{ "--any", &import.any, NULL },
		{ "--weak", &import.weak, NULL },
	};
	size_t i;
	int ret;

	if (cli_options(cli, options, CLI_COUNT(options), &argc, argv))
		return CLI_USAGE;
	if (argc != 2)
		return cli_usage(cli, "stunnel FILE or mosquitto FILE is accepted");
	import.format = find_format(argv[0]);
	if (!import.format)
		return cli_usage(cli, "\"%.40s\" is not known; stunnel or mosquitto is accepted",
				 argv[0]);
	import.path = argv[1];
	snprintf(store, sizeof(store), KPC_KEYSTORE_PATH ".d/%s",
		 import.format->name);
	ret = run(&import, path ? path : store);
	for (i = 0; i < import.count; i++)
		kpc_key_free(import.keys[i].key);
	free(import.keys);
	return ret;
}
