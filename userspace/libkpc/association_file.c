// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Association files: who may have written them, and what their lines say.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "association_internal.h"
#include "internal.h"

#define PATH_ROOM	4096

/* The two parts of KPC_TABLE_FILE. */
#define TABLE_PLACE	"/etc/kpc"
#define TABLE_NAME	"kpc.conf"

/**
 * struct reader - A file being read
 * @table: Receives its lines.
 * @path: Its name, for messages.
 * @number: Line in work.
 * @late_users: See KPC_TABLE_LATE_USERS.
 */
struct reader {
	struct kpc_table *table;
	const char *path;
	unsigned int number;
	bool late_users;
};

int kpc_table_add(struct kpc_table *table,
		  const struct kpc_association *association, const char *file,
		  unsigned int line)
{
	struct kpc_table_entry *grown;

	grown = realloc(table->entries, (table->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->entries = grown;
	grown += table->count;
	grown->association = *association;
	grown->line = line;
	grown->file = strdup(file);
	if (!grown->file)
		return -ENOMEM;
	table->count++;
	return 0;
}

static int take_association(struct reader *reader, int argc, char **argv,
			    struct kpc_error *err)
{
	struct kpc_table *table = reader->table;
	struct kpc_association association;
	int ret;

	ret = kpci_association_parse(&association, argc, argv,
				     table->has_own ? &table->own : NULL,
				     reader->late_users, err);
	if (ret)
		return ret;
	ret = kpc_table_add(table, &association, reader->path, reader->number);
	if (ret)
		kpc_error_set(err, "out of memory");
	return ret;
}

static int take_config(struct reader *reader, int argc, char **argv,
		       struct kpc_error *err)
{
	struct kpc_table *table = reader->table;
	int ret;

	ret = kpc_config_parse(&table->config, argc, argv, err);
	if (ret)
		return ret;
	if (table->config.set & 1U << KPC_A_CONFIG_CLOCK &&
	    table->config.clock == KPC_CLOCK_SET)
		return kpc_error_return(err, -EINVAL,
					"clock set says that the time is right now, which no file can know; trust or wait is accepted");
	free(table->config_file);
	table->config_file = strdup(reader->path);
	if (!table->config_file)
		return kpc_error_return(err, -ENOMEM, "out of memory");
	table->config_line = reader->number;
	table->config_lines++;
	return 0;
}

static int take_identity(struct reader *reader, int argc, char **argv,
			 struct kpc_error *err)
{
	struct kpc_identity identity;
	int kind;
	int ret;

	if (argc != 2)
		return kpc_error_return(err, -EINVAL,
					"identity needs an absolute identity and its kind: identity //sp.example/cse cse");
	kind = kpci_value_name("identity kind", argv[1], &kpci_kind_names, err);
	if (kind < 0)
		return kind;
	ret = kpc_identity_parse(&identity, argv[0], kind, NULL, err);
	if (ret)
		return ret;
	reader->table->own = identity;
	reader->table->has_own = true;
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct reader *reader, int argc, char **argv,
		    struct kpc_error *err);
} line_kinds[] = {
	{ "association", take_association },
	{ "config", take_config },
	{ "identity", take_identity },
};

static int take_line(struct reader *reader, const struct kpc_line *line,
		     struct kpc_error *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(line_kinds); i++)
		if (!strcmp(line_kinds[i].name, line->words[0]))
			return line_kinds[i].take(reader, line->count - 1,
						  line->words + 1, err);
	/* As other programs' files of keys have it: not one word of that is shown. */
	if (strchr(line->words[0], ':'))
		return kpc_error_return(err, -EINVAL,
					"what has a colon begins no line; association, config or identity is accepted");
	return kpc_error_return(err, -EINVAL,
				"\"%s\" begins no line; association, config or identity is accepted",
				line->words[0]);
}

static int read_lines(struct reader *reader, FILE *file, struct kpc_error *err)
{
	struct kpc_error reason = { "" };
	struct kpc_line line;
	unsigned int read = 0;
	int ret;

	while ((ret = kpc_line_read(file, &read, &line, &reason)) > 0) {
		reader->number = line.number;
		ret = take_line(reader, &line, &reason);
		kpc_line_free(&line);
		if (ret)
			break;
	}
	if (ret < 0)
		return kpc_error_return(err, ret, "%s:%u: %s", reader->path,
					line.number, reason.text);
	if (ferror(file))
		return kpc_error_return(err, -EIO, "%s: %s", reader->path,
					strerror(EIO));
	return 0;
}

/*
 * T5: whoever can write the file decides who may speak as whom. A directory on
 * the way there is the administrator's, as /etc is.
 */
static int check_owner(int fd, const char *path, struct kpc_error *err)
{
	struct stat stat;

	if (fstat(fd, &stat))
		return kpc_error_return(err, -errno, "%s: %s", path,
					strerror(errno));
	if (S_ISDIR(stat.st_mode))
		return kpc_error_return(err, -EISDIR,
					"%s: is a directory; its *.conf are read where a directory is expected",
					path);
	if (!S_ISREG(stat.st_mode) && !S_ISFIFO(stat.st_mode))
		return kpc_error_return(err, -EINVAL,
					"%s: is not a regular file", path);
	if (stat.st_uid && stat.st_uid != geteuid())
		return kpc_error_return(err, -EACCES,
					"%s: belongs to user %u; root or the caller (%u) is accepted",
					path, stat.st_uid, geteuid());
	if (stat.st_mode & 022)
		return kpc_error_return(err, -EACCES,
					"%s: may be written by others (mode %04o); chmod go-w makes it acceptable",
					path, stat.st_mode & 07777);
	return 0;
}

static int check_file(int fd, const char *path, unsigned int flags,
		      struct kpc_error *err)
{
	struct stat stat;

	if (flags & KPC_TABLE_REGULAR && !fstat(fd, &stat) &&
	    S_ISFIFO(stat.st_mode))
		return kpc_error_return(err, -EINVAL,
					"%s: is a pipe; a regular file is accepted here",
					path);
	return flags & KPC_TABLE_ANY_OWNER ? 0 : check_owner(fd, path, err);
}

static int read_file(struct kpc_table *table, const char *path,
		     unsigned int flags, struct kpc_error *err)
{
	struct reader reader = {
		.table = table, .path = path,
		.late_users = flags & KPC_TABLE_LATE_USERS,
	};
	FILE *file;
	int how = O_RDONLY | O_CLOEXEC;
	int ret;
	int fd;

	/* A pipe that nobody writes to is opened, to be refused. */
	if (flags & KPC_TABLE_REGULAR)
		how |= O_NONBLOCK;
	fd = open(path, how);
	if (fd < 0)
		return kpci_path_refuse(path, errno, err);
	ret = check_file(fd, path, flags, err);
	if (ret) {
		close(fd);
		return ret;
	}
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return kpc_error_return(err, -ENOMEM, "out of memory");
	}
	ret = read_lines(&reader, file, err);
	fclose(file);
	return ret;
}

static bool is_conf_name(const char *name)
{
	size_t length = strlen(name);

	return *name != '.' && length > 5 && !strcmp(name + length - 5, ".conf");
}

static int is_conf(const struct dirent *entry)
{
	return is_conf_name(entry->d_name);
}

/* Returns how many files were read. */
static int read_directory(struct kpc_table *table, const char *path,
			  unsigned int flags, struct kpc_error *err)
{
	struct dirent **entries;
	char file[PATH_ROOM];
	int ret = 0;
	int count;
	int i;

	count = scandir(path, &entries, is_conf, alphasort);
	if (count < 0)
		return kpci_path_refuse(path, errno, err);
	for (i = 0; i < count; i++) {
		if (!ret && snprintf(file, sizeof(file), "%s/%s", path,
				     entries[i]->d_name) >= (int)sizeof(file))
			ret = kpc_error_return(err, -ENAMETOOLONG,
					       "%s: the name is too long",
					       path);
		if (!ret)
			ret = read_file(table, file, flags, err);
		/* The directory is there, but for a file that has just gone. */
		if (ret == -ENOENT)
			ret = -ESTALE;
		free(entries[i]);
	}
	free(entries);
	return ret ? ret : count;
}

static int read_any(struct kpc_table *table, const char *path,
		    unsigned int flags, struct kpc_error *err)
{
	struct reader reader = {
		.table = table, .path = "standard input",
		.late_users = flags & KPC_TABLE_LATE_USERS,
	};
	struct stat stat_;
	int files;

	if (!(flags & KPC_TABLE_REGULAR) && !strcmp(path, "-"))
		return read_lines(&reader, stdin, err);
	if (stat(path, &stat_) || !S_ISDIR(stat_.st_mode))
		return read_file(table, path, flags, err);
	files = read_directory(table, path, flags, err);
	return files < 0 ? files : 0;
}

/*
 * No file at all is no empty table: whoever lives by `kpc association add` alone
 * must not lose all of it by a reload.
 */
static int read_default(struct kpc_table *table, unsigned int flags,
			struct kpc_error *err)
{
	int first, files;

	first = read_file(table, KPC_TABLE_FILE, flags, err);
	if (first && first != -ENOENT)
		return first;
	files = read_directory(table, KPC_TABLE_DIRECTORY, flags, err);
	if (files < 0 && files != -ENOENT)
		return files;
	if (first && files <= 0)
		return kpc_error_return(err, -ENOENT,
					"there is neither %s nor a *.conf in %s",
					KPC_TABLE_FILE, KPC_TABLE_DIRECTORY);
	return 0;
}

static bool is_same(const char *one, const char *two)
{
	struct stat a, b;

	return !stat(one, &a) && !stat(two, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Whether the name itself is there or not. */
static bool is_in(const char *path, const char *directory)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_ROOM];
	int length = slash ? slash - path + 1 : 0;

	if (snprintf(parent, sizeof(parent), "%.*s.", length, path) >=
	    (int)sizeof(parent))
		return false;
	return is_same(parent, directory);
}

bool kpc_table_is_default(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return is_same(path, KPC_TABLE_FILE) ||
	       (!strcmp(name, TABLE_NAME) && is_in(path, TABLE_PLACE)) ||
	       (is_conf_name(name) && is_in(path, KPC_TABLE_DIRECTORY));
}

static void drop_from(struct kpc_table *table, size_t count)
{
	while (table->count > count)
		free(table->entries[--table->count].file);
}

int kpc_table_read(struct kpc_table *table, const char *path,
		   unsigned int flags, struct kpc_error *err)
{
	struct kpc_table before = *table;
	int ret;

	table->config_file = NULL;
	if (path)
		ret = read_any(table, path, flags, err);
	else
		ret = read_default(table, flags, err);
	if (!ret) {
		if (!table->config_file)
			table->config_file = before.config_file;
		else
			free(before.config_file);
		return 0;
	}
	drop_from(table, before.count);
	free(table->config_file);
	table->config = before.config;
	table->config_file = before.config_file;
	table->config_line = before.config_line;
	table->config_lines = before.config_lines;
	table->own = before.own;
	table->has_own = before.has_own;
	return ret;
}
