// SPDX-License-Identifier: MIT
/* Association files: what is taken prints so that it reads back. */
#include <sys/mman.h>
#include <unistd.h>

#include <kpc/association.h>

#include "fuzz.h"

/* One line as it is printed; to be freed. */
static char *print(const struct kpc_association *association)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	kpc_association_format(out, association, 0);
	fclose(out);
	return text;
}

static void again(const struct kpc_association *association)
{
	char *text = print(association), *second;
	struct kpc_association read;
	struct kpc_error err = { "" };
	struct kpc_line line;
	unsigned int number = 0;
	FILE *in = fmemopen(text, strlen(text), "r");

	if (kpc_line_read(in, &number, &line, &err) != 1)
		FUZZ_FAIL("'%s' is no line: %s", text, err.text);
	fclose(in);
	if (kpc_association_parse(&read, line.count, line.words, &err))
		FUZZ_FAIL("'%s' does not read back: %s", text, err.text);
	kpc_line_free(&line);
	second = print(&read);
	if (strcmp(text, second))
		FUZZ_FAIL("'%s' reads back as '%s'", text, second);
	free(text);
	free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct kpc_error err = { "" };
	struct kpc_table table;
	char path[64];

	if (fd < 0)
		fd = memfd_create("associations", 0);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		FUZZ_FAIL("no file to read from");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	kpc_table_init(&table);
	if (!kpc_table_read(&table, path, KPC_TABLE_ANY_OWNER, &err)) {
		for (size_t i = 0; i < table.count; i++)
			again(&table.entries[i].association);
		kpc_table_check(&table, NULL, &err);
	} else if (table.count || !err.text[0]) {
		FUZZ_FAIL("refused with %zu associations left, because '%s'", table.count,
			  err.text);
	}
	kpc_table_free(&table);
	return 0;
}
