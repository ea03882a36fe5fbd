/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages whose faults are answered when the test says so: a system call that
 * copies from or to one of them stands still until then, with what it has locked.
 */
#ifndef KPC_TEST_FAULT_H
#define KPC_TEST_FAULT_H

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAULT_PAGE	4096

struct faults {
	int uffd;
	char *pages;
	unsigned int n;
};

/* Whether there can be any here. */
static inline bool faults_open(struct faults *f, unsigned int n)
{
	struct uffdio_register area = { 0 };
	struct uffdio_api api = { .api = UFFD_API };

	f->n = n;
	f->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (f->uffd < 0)
		return false;
	f->pages = mmap(NULL, n * FAULT_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area.range.start = (uintptr_t)f->pages;
	area.range.len = n * FAULT_PAGE;
	area.mode = UFFDIO_REGISTER_MODE_MISSING;
	return f->pages != MAP_FAILED && !ioctl(f->uffd, UFFDIO_API, &api) &&
	       !ioctl(f->uffd, UFFDIO_REGISTER, &area);
}

/* From now on each page is one that faults. */
static inline int faults_arm(struct faults *f)
{
	return madvise(f->pages, f->n * FAULT_PAGE, MADV_DONTNEED);
}

/* Returns once somebody is in a fault, which is when that can be read. */
static inline bool faults_wait(struct faults *f)
{
	struct uffd_msg msg;

	return read(f->uffd, &msg, sizeof(msg)) == (ssize_t)sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

/* Answers all that are waiting, and all that would come. */
static inline void faults_answer(struct faults *f)
{
	for (unsigned int i = 0; i < f->n; i++) {
		struct uffdio_zeropage zero = { 0 };

		zero.range.start = (uintptr_t)f->pages + i * FAULT_PAGE;
		zero.range.len = FAULT_PAGE;
		ioctl(f->uffd, UFFDIO_ZEROPAGE, &zero);
	}
}

#endif /* KPC_TEST_FAULT_H */
