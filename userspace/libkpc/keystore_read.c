// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads the lines of one key store file through locked memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "keystore_internal.h"

#define BUFFER_SIZE	4096
#define LINE_MAX_OCTETS	1024

/* Stands for KpcId and key where each file of a directory has both. */
#define EACH		"*"
#define DIRECTORY	"directory"

/* The next word of a line, cut off there; NULL: none, or a comment. */
static char *take_word(char **line)
{
	char *word = *line + strspn(*line, " \t");

	if (!*word || *word == '#')
		return NULL;
	*line = word + strcspn(word, " \t");
	if (**line)
		*(*line)++ = '\0';
	return word;
}

/* @text: the key, or where it is. */
static int add_key(struct kpc_keystore *store, struct kpc_keystore_entry *entry, const char *text,
		   unsigned int flags, struct kpc_error *err)
{
	char id_text[KPC_KPCID_TEXT_MAX];
	struct kpc_key *key;
	int code;

	code = kpc_key_parse(&key, text, err);
	if (code)
		return code;
	entry->key = key;
	code = kpc_key_check(kpc_key_length(key), flags & KPC_KEYSTORE_WEAK, err);
	if (code < 0) {
		struct kpc_error why = *err;

		kpc_error_set(err, "KpcId %s: %s", kpc_kpcid_text(&entry->id, id_text), why.text);
		kpc_key_free(key);
		return code;
	}
	code = 0;
	if (kpc_key_is_reference(text)) {
		entry->reference = strdup(text);
		code = entry->reference ? 0 : -ENOMEM;
	}
	if (!code)
		code = kpci_keystore_add(store, entry);
	if (code) {
		kpc_key_free(key);
		free((char *)entry->reference);
		kpc_error_set(err, "no memory for the key store");
	}
	return code;
}

static int read_id(struct kpc_kpcid *id, const char *name, unsigned int flags,
		   struct kpc_error *err)
{
	return kpc_kpcid_parse(id, name, flags & KPC_KEYSTORE_ANY ? KPC_ID_FORMAT_ANY :
			       KPC_ID_FORMAT_STRICT, err);
}

/* A line that refers to a directory. @where: from the colon or the format on. */
struct directory {
	struct kpc_keystore *store;
	const struct kpci_keystore_place *place;
	const char *where;
	const char *path;
	unsigned int flags;
};

static bool is_directory(const char *text)
{
	size_t len = strlen(DIRECTORY);

	return !strncmp(text, DIRECTORY, len) && (text[len] == ':' || text[len] == '+');
}

static int add_file(void *context, const char *name, struct kpc_error *err)
{
	const struct directory *directory = context;
	struct kpc_keystore_entry entry = {
		.file = directory->place->file, .line = directory->place->line,
	};
	struct kpc_error why = { "" };
	char *text;
	int code;

	code = read_id(&entry.id, name, directory->flags, &why);
	if (code)
		return kpc_error_return(err, code, "%s/%s: the name of the file is to be a KpcId: "
					"%s", directory->path, name, why.text);
	if (asprintf(&text, "file%s/%s", directory->where, name) < 0)
		return kpc_error_return(err, -ENOMEM, "no memory for the key store");
	code = add_key(directory->store, &entry, text, directory->flags, err);
	free(text);
	return code;
}

static int read_directory(struct kpc_keystore *store, const struct kpci_keystore_place *place,
			  const char *text, unsigned int flags, struct kpc_error *err)
{
	struct directory directory = {
		.store = store, .place = place, .flags = flags,
		.where = text + strlen(DIRECTORY), .path = strchr(text, ':'),
	};
	int code;

	if (!directory.path || *++directory.path != '/')
		return kpc_error_return(err, -EINVAL, "directory: wants a path from the root; "
					EACH " directory:/PATH is accepted, and directory+hex:, "
					"+base64: or +ascii:");
	code = kpci_keystore_directory(directory.path, add_file, &directory, err);
	/* The key is not there; that the key store is not says ENOENT. */
	return code == -ENOENT ? -ENOKEY : code;
}

/*
 * Words in the wrong order put a key where a KpcId belongs, so the first word
 * is not repeated before the second is seen to be the key.
 */
static int read_line(struct kpc_keystore *store, const struct kpci_keystore_place *place,
		     char *line, unsigned int flags, struct kpc_error *err)
{
	char *name = take_word(&line), *text = name ? take_word(&line) : NULL;
	struct kpc_keystore_entry entry = { .file = place->file, .line = place->line };
	int code;

	if (!name)
		return 0;
	if (!text)
		return kpc_error_return(err, -EINVAL, "the line has one word only; "
					"KpcId encoding:KEY is accepted");
	if (kpci_key_encoded(name))
		return kpc_error_return(err, -EINVAL, "the line starts with the key; "
					"KpcId encoding:KEY is accepted");
	if (!kpci_key_encoded(text) && !is_directory(text))
		return kpc_error_return(err, -EINVAL, "the key names no encoding; "
					KPCI_KEY_ACCEPTED " after the KpcId");
	if (take_word(&line))
		return kpc_error_return(err, -EINVAL, "the line has a third word; "
					"KpcId encoding:KEY is accepted");
	if (is_directory(text)) {
		if (strcmp(name, EACH))
			return kpc_error_return(err, -EINVAL, "directory: has a key in each of its "
						"files; " EACH " is accepted in place of the "
						"KpcId, or file:/PATH for this one");
		return read_directory(store, place, text, flags, err);
	}
	code = read_id(&entry.id, name, flags, err);
	return code ? code : add_key(store, &entry, text, flags, err);
}

/* A line with a NUL would be judged by its first part only. */
static int read_whole_line(struct kpc_keystore *store, struct kpci_keystore_place *place,
			   char *line, size_t len, unsigned int flags, struct kpc_error *err)
{
	place->line++;
	if (len && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	if (len > LINE_MAX_OCTETS)
		return kpc_error_return(err, -EINVAL, "the line is over %d octets long",
					LINE_MAX_OCTETS);
	if (memchr(line, '\0', len))
		return kpc_error_return(err, -EINVAL, "the line has a NUL octet");
	return read_line(store, place, line, flags, err);
}

static int read_lines(struct kpc_keystore *store, struct kpci_keystore_place *place, int fd,
		      char *buffer, unsigned int flags, struct kpc_error *err)
{
	size_t have = 0;
	ssize_t got;
	int code;

	do {
		size_t used = 0;
		char *end;

		/* One octet stays free for the NUL of a last line without newline. */
		got = read(fd, buffer + have, BUFFER_SIZE - 1 - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return kpc_error_return(err, -errno, "%s", strerror(errno));
		have += (size_t)got;
		while ((end = memchr(buffer + used, '\n', have - used))) {
			code = read_whole_line(store, place, buffer + used,
					       (size_t)(end - buffer) - used, flags, err);
			if (code)
				return code;
			used = (size_t)(end - buffer) + 1;
		}
		memmove(buffer, buffer + used, have - used);
		have -= used;
		if (have > LINE_MAX_OCTETS || (!got && have)) {
			code = read_whole_line(store, place, buffer, have, flags, err);
			if (code)
				return code;
			have = 0;
		}
	} while (got);
	return 0;
}

int kpci_keystore_read(struct kpc_keystore *store, const char *file, unsigned int flags,
		       struct kpc_error *err)
{
	struct kpci_keystore_place place = { .file = file };
	struct kpc_error why = { "" };
	char *buffer;
	int fd, code;

	fd = kpci_secret_open(file, err);
	if (fd < 0)
		return fd;
	buffer = kpci_locked_map(BUFFER_SIZE, err);
	if (!buffer) {
		code = -errno;
		goto out;
	}
	code = read_lines(store, &place, fd, buffer, flags, &why);
	if (code)
		kpc_error_set(err, "%s:%u: %s", file, place.line ? place.line : 1, why.text);
	kpci_locked_unmap(buffer, BUFFER_SIZE);
out:
	close(fd);
	return code;
}
