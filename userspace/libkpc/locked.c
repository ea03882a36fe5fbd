// SPDX-License-Identifier: LGPL-2.1-or-later
/* Memory for secrets: not swapped, not dumped, not inherited by fork(). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* The kernel takes these pages out of its own direct map too; needs no mlock(). */
static void *secret_map(size_t size)
{
#ifdef SYS_memfd_secret
	void *map = MAP_FAILED;
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (!ftruncate(fd, (off_t)size))
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return NULL;
	if (!madvise(map, size, MADV_DONTFORK))
		return map;
	munmap(map, size);
#endif
	return NULL;
}

void *kpci_locked_map(size_t size, struct kpc_error *err)
{
	void *map = secret_map(size);
	int code;

	if (map)
		return map;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED) {
		code = errno;
		kpc_error_set(err, "no memory for keys: %s", strerror(code));
		errno = code;
		return NULL;
	}
	if (mlock(map, size) || madvise(map, size, MADV_DONTDUMP) ||
	    madvise(map, size, MADV_DONTFORK)) {
		code = errno;
		munmap(map, size);
		kpc_error_set(err, "memory for keys cannot be locked: %s (see RLIMIT_MEMLOCK)",
			      strerror(code));
		errno = code;
		return NULL;
	}
	return map;
}

void kpci_locked_unmap(void *map, size_t size)
{
	if (!map)
		return;
	explicit_bzero(map, size);
	munmap(map, size);
}
