// SPDX-License-Identifier: MIT
/*
 * Changes files whole or not at all: the key store and the association file.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyfile.h"

#define PATH_ROOM	4096
#define FILE_MAX	(64 << 20)

static int refuse(struct kpc_error *err, const char *path, int error)
{
	return kpc_error_return(err, -error, "%s: %s", path, strerror(error));
}

/* How long X is in X.d; 0: it is another name. */
static size_t store_length(const char *directory)
{
	size_t length = strlen(directory);

	return length > 2 && !strcmp(directory + length - 2, ".d") &&
	       directory[length - 3] != '/' ? length - 2 : 0;
}

/* Whether there is a store of that name, or the agent's default one may come. */
static bool is_store(const char *directory, size_t length)
{
	char store[PATH_ROOM];
	struct stat file;
	const char *name;

	if (!length)
		return false;
	snprintf(store, sizeof(store), "%.*s", (int)length, directory);
	name = strrchr(store, '/');
	return !strcmp(name ? name + 1 : store, "keys") ||
	       (!stat(store, &file) && S_ISREG(file.st_mode));
}

/* A store of its own, whatever the directory is called that it stands in. */
static bool has_more(const char *path)
{
	char more[PATH_ROOM + 2];

	snprintf(more, sizeof(more), "%s.d", path);
	return !access(more, F_OK);
}

/*
 * The store that a file belongs to: of X.d/FILE it is X, if there is one, unless
 * the store's reader passes FILE over.
 */
static bool store_of(const char *path, char *store)
{
	char copy[PATH_ROOM], real[PATH_ROOM];
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *directory;
	size_t length = strlen(path);

	if (length >= PATH_ROOM)
		return false;
	strcpy(store, path);
	if (!*name || *name == '.' || path[length - 1] == '~' || has_more(path))
		return true;
	strcpy(copy, path);
	directory = dirname(copy);
	/* Another name may lead there, as "." does. */
	length = store_length(directory);
	if (!is_store(directory, length) && realpath(directory, real)) {
		directory = real;
		length = store_length(directory);
	}
	if (is_store(directory, length))
		snprintf(store, PATH_ROOM, "%.*s", (int)length, directory);
	return true;
}

static bool lock_name(char *name, const char *path)
{
	return snprintf(name, PATH_ROOM, "%s.lock~", path) < PATH_ROOM;
}

static int make_directory(const char *path, struct kpc_error *err)
{
	char name[PATH_ROOM];

	if (strlen(path) >= sizeof(name))
		return refuse(err, path, ENAMETOOLONG);
	strcpy(name, path);
	if (mkdir(dirname(name), 0755) && errno != EEXIST)
		return refuse(err, path, errno);
	return 0;
}

/*
 * The lock is a file beside the one that is replaced: that one's inode changes,
 * and both files of a provision may share a directory.
 */
static int lock(const char *path, struct kpc_error *err)
{
	char name[PATH_ROOM];
	int fd;

	if (!lock_name(name, path))
		return refuse(err, path, ENAMETOOLONG);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return refuse(err, name, errno);
	if (flock(fd, LOCK_EX)) {
		close(fd);
		return refuse(err, name, errno);
	}
	return fd;
}

/* Without stdio, whose buffers would keep keys. */
static int read_whole(struct textfile *file, int fd, size_t size,
		      struct kpc_error *err)
{
	ssize_t got;

	file->old = malloc(size + 1);
	if (!file->old)
		return refuse(err, file->path, ENOMEM);
	while (file->old_length < size) {
		got = read(fd, file->old + file->old_length,
			   size - file->old_length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return refuse(err, file->path, errno);
		if (!got)
			break;
		file->old_length += got;
	}
	return 0;
}

/* @locked: The file whose lock it is. */
static int open_under(struct textfile *file, const char *path,
		      const char *locked, mode_t mode, struct kpc_error *err)
{
	struct stat stat;
	int ret;
	int fd;

	*file = (struct textfile) {
		.path = path, .mode = mode,
		.owner = geteuid(), .group = getegid(), .lock = -1,
	};
	ret = make_directory(path, err);
	if (ret)
		return ret;
	file->lock = lock(locked, err);
	if (file->lock < 0)
		return file->lock;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : refuse(err, path, errno);
	if (fstat(fd, &stat)) {
		ret = refuse(err, path, errno);
	} else if (!S_ISREG(stat.st_mode) || stat.st_size > FILE_MAX) {
		ret = kpc_error_return(err, -EINVAL,
				       "%s: is not a regular file of at most 64 MiB",
				       path);
	} else {
		file->existed = true;
		file->mode = stat.st_mode & 07777;
		file->owner = stat.st_uid;
		file->group = stat.st_gid;
		ret = read_whole(file, fd, stat.st_size, err);
	}
	close(fd);
	return ret;
}

int textfile_open(struct textfile *file, const char *path, mode_t mode,
		  struct kpc_error *err)
{
	return open_under(file, path, path, mode, err);
}

int keyfile_open(struct textfile *file, const char *path, struct kpc_error *err)
{
	char store[PATH_ROOM];

	*file = (struct textfile) { .lock = -1 };
	if (!store_of(path, store))
		return refuse(err, path, ENAMETOOLONG);
	return open_under(file, path, store, 0600, err);
}

static bool same_inode(const struct stat *one, const struct stat *two)
{
	return one->st_dev == two->st_dev && one->st_ino == two->st_ino;
}

/* By its name, by a link, or not there yet and by the name of its lock. */
static bool textfile_is(const struct textfile *file, const char *path)
{
	struct stat mine, other;
	char name[PATH_ROOM];

	if (!stat(file->path, &mine) && !stat(path, &other) &&
	    same_inode(&mine, &other))
		return true;
	return lock_name(name, path) && !fstat(file->lock, &mine) &&
	       !stat(name, &other) && same_inode(&mine, &other);
}

/* The same name in the same directory, however that one is named. */
static bool same_place(const char *one, const char *two)
{
	char copies[2][PATH_ROOM], places[2][PATH_ROOM];

	strcpy(copies[0], one);
	strcpy(copies[1], two);
	if (strcmp(basename(copies[0]), basename(copies[1])))
		return false;
	strcpy(copies[0], one);
	strcpy(copies[1], two);
	return realpath(dirname(copies[0]), places[0]) &&
	       realpath(dirname(copies[1]), places[1]) &&
	       !strcmp(places[0], places[1]);
}

bool keyfile_is_of(const char *path, const char *store)
{
	struct stat one, two;
	char mine[PATH_ROOM];

	if (!store_of(path, mine))
		return false;
	return !strcmp(mine, store) || same_place(mine, store) ||
	       (!stat(mine, &one) && !stat(store, &two) && same_inode(&one, &two));
}

bool keyfile_shares(const struct textfile *file, const char *path)
{
	char mine[PATH_ROOM], other[PATH_ROOM];

	return store_of(file->path, mine) && store_of(path, other) &&
	       (textfile_is(file, path) || textfile_is(file, other) ||
		same_place(mine, other));
}

unsigned int textfile_lines(const struct textfile *file)
{
	unsigned int lines = 0;
	size_t i;

	for (i = 0; i < file->old_length; i++)
		lines += file->old[i] == '\n';
	if (file->old_length && file->old[file->old_length - 1] != '\n')
		lines++;
	return lines;
}

static int write_whole(int fd, const char *octets, size_t length)
{
	ssize_t done;

	while (length) {
		done = write(fd, octets, length);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		octets += done;
		length -= done;
	}
	return 0;
}

/* A rename is on the disk once its directory is. */
static int sync_directory(const char *path, struct kpc_error *err)
{
	char copy[PATH_ROOM];
	int fd;

	strcpy(copy, path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return refuse(err, path, errno);
	fsync(fd);
	close(fd);
	return 0;
}

/* Would the store be read back; the sentence names the file it becomes. */
static int judge_store(const struct textfile *file, const char *temporary,
		       struct kpc_error *err)
{
	struct kpc_keystore *store = NULL;
	size_t length = strlen(temporary);
	struct kpc_error why = { "" };
	int ret;

	ret = kpc_keystore_load(&store, temporary,
				KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK, &why);
	kpc_keystore_free(store);
	if (ret && !strncmp(why.text, temporary, length))
		kpc_error_set(err, "%s%s", file->path, why.text + length);
	else if (ret)
		kpc_error_set(err, "%s: %s", file->path, why.text);
	return ret;
}

/*
 * How many line ends are missing before the next line: one where the last has
 * none, and one where that goes on in the next, as a line of an association file
 * does behind a backslash.
 */
static size_t lines_to_end(const struct textfile *file)
{
	size_t length = file->old_length;
	size_t missing = 0;

	if (!length)
		return 0;
	if (file->old[length - 1] == '\n')
		length--;
	else
		missing++;
	if (length && file->old[length - 1] == '\r')
		length--;
	if (length && file->old[length - 1] == '\\')
		missing++;
	return missing;
}

/*
 * Writes old content and @line beside the file, then takes its place, once
 * @judge, where there is one, has found it good.
 */
static int replace(struct textfile *file, const char *line,
		   int (*judge)(const struct textfile *file,
				const char *temporary, struct kpc_error *err),
		   struct kpc_error *err)
{
	char temporary[PATH_ROOM];
	int ret;
	int fd;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX~", file->path) >=
	    (int)sizeof(temporary))
		return refuse(err, file->path, ENAMETOOLONG);
	fd = mkostemps(temporary, 1, O_CLOEXEC);
	if (fd < 0)
		return refuse(err, temporary, errno);
	ret = write_whole(fd, file->old, file->old_length);
	if (!ret && line)
		ret = write_whole(fd, "\n\n", lines_to_end(file));
	if (!ret && line)
		ret = write_whole(fd, line, strlen(line));
	if (!ret && line)
		ret = write_whole(fd, "\n", 1);
	if (!ret && (file->owner != geteuid() || file->group != getegid()) &&
	    fchown(fd, file->owner, file->group))
		ret = -errno;
	if (!ret && (fchmod(fd, file->mode) || fsync(fd)))
		ret = -errno;
	if (!ret && judge) {
		ret = judge(file, temporary, err);
		if (ret) {
			close(fd);
			unlink(temporary);
			return ret;
		}
	}
	if (!ret && rename(temporary, file->path))
		ret = -errno;
	close(fd);
	if (ret) {
		unlink(temporary);
		return refuse(err, file->path, -ret);
	}
	return sync_directory(file->path, err);
}

int textfile_append(struct textfile *file, const char *line,
		    struct kpc_error *err)
{
	return replace(file, line, NULL, err);
}

int keyfile_append(struct textfile *file, const char *line,
		   struct kpc_error *err)
{
	return replace(file, line, judge_store, err);
}

int textfile_restore(struct textfile *file, struct kpc_error *err)
{
	if (file->existed)
		return replace(file, NULL, NULL, err);
	return unlink(file->path) ? refuse(err, file->path, errno) : 0;
}

void textfile_close(struct textfile *file)
{
	if (file->old) {
		explicit_bzero(file->old, file->old_length);
		free(file->old);
	}
	file->old = NULL;
	if (file->lock >= 0)
		close(file->lock);
	file->lock = -1;
}

static int judge_entry(const struct kpc_keystore_entry *entry,
		       const struct kpc_kpcid *id, const struct kpc_key *key,
		       struct kpc_error *err)
{
	bool same_key = kpc_key_equal(entry->key, key);
	char text[KPC_KPCID_TEXT_MAX];

	if (!kpc_kpcid_fold_compare(&entry->id, id)) {
		if (!kpc_kpcid_equal(&entry->id, id))
			return kpc_error_return(err, -EEXIST,
						"KpcId %s differs only in case from one at %s:%u",
						kpc_kpcid_text(id, text),
						entry->file, entry->line);
		if (same_key)
			return 0;
		return kpc_error_return(err, -EEXIST,
					"KpcId %s has another Kpc already at %s:%u; remove that line first",
					kpc_kpcid_text(id, text), entry->file,
					entry->line);
	}
	if (same_key)
		return kpc_error_return(err, -EEXIST,
					"this Kpc is that of KpcId %s at %s:%u already; each pair has its own",
					kpc_kpcid_text(&entry->id, text),
					entry->file, entry->line);
	return 1;
}

int keyfile_store(const char *path, struct kpc_keystore **store,
		  struct kpc_error *err)
{
	char whole[PATH_ROOM];
	int ret;

	*store = NULL;
	if (!store_of(path, whole))
		return refuse(err, path, ENAMETOOLONG);
	ret = kpc_keystore_load(store, whole,
				KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK, err);
	return ret == -ENOENT ? 0 : ret;
}

int keyfile_judge(const struct kpc_keystore *store, const struct kpc_kpcid *id,
		  const struct kpc_key *key, struct kpc_error *err)
{
	size_t count = store ? kpc_keystore_count(store) : 0;
	int ret = 1;
	size_t i;

	for (i = 0; ret == 1 && i < count; i++)
		ret = judge_entry(kpc_keystore_entry(store, i), id, key, err);
	return ret;
}

int keyfile_add(struct textfile *file, const struct kpc_kpcid *id,
		const struct kpc_key *key, const char *line,
		struct kpc_error *err)
{
	struct kpc_keystore *store;
	int ret;

	ret = keyfile_store(file->path, &store, err);
	if (!ret)
		ret = keyfile_judge(store, id, key, err);
	kpc_keystore_free(store);
	if (ret <= 0)
		return ret;
	ret = keyfile_append(file, line, err);
	return ret ? ret : 1;
}

void keyfile_line(const struct kpc_kpcid *id, const struct kpc_key *key,
		  const char *text, char *line)
{
	const uint8_t *octets = kpc_key_octets(key);
	char kpc_id[KPC_KPCID_TEXT_MAX];
	size_t used;
	size_t i;

	used = snprintf(line, KEYFILE_LINE_MAX, "%s ",
			kpc_kpcid_text(id, kpc_id));
	if (text && kpc_key_is_reference(text)) {
		snprintf(line + used, KEYFILE_LINE_MAX - used, "%s", text);
		return;
	}
	used += snprintf(line + used, KEYFILE_LINE_MAX - used, "hex:");
	for (i = 0; i < kpc_key_length(key); i++)
		used += snprintf(line + used, KEYFILE_LINE_MAX - used, "%02x",
				 octets[i]);
}
