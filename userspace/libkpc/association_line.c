// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Splits the lines of an association file into words.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "association_internal.h"
#include "internal.h"

/* A line that is longer is no association; bounds what a bad file costs. */
#define LINE_MAX_OCTETS	65536

/**
 * struct splitter - A line in work
 * @file: Read from.
 * @number: Lines read so far.
 * @octets: Octets of the line so far.
 * @word: The word in work.
 * @length: Octets of it.
 * @room: Octets allocated for it.
 * @inside: A word has begun, be it empty quotes.
 * @line: Words so far.
 */
struct splitter {
	FILE *file;
	unsigned int *number;
	size_t octets;
	char *word;
	size_t length;
	size_t room;
	bool inside;
	struct kpc_line *line;
};

static int get(struct splitter *splitter)
{
	int c = getc(splitter->file);

	if (c == '\n')
		++*splitter->number;
	splitter->octets++;
	return c;
}

static int put(struct splitter *splitter, char c)
{
	char *grown;

	if (!c)
		return -EILSEQ;
	splitter->inside = true;
	if (splitter->length + 1 >= splitter->room) {
		splitter->room = splitter->room ? 2 * splitter->room : 64;
		grown = realloc(splitter->word, splitter->room);
		if (!grown)
			return -ENOMEM;
		splitter->word = grown;
	}
	splitter->word[splitter->length++] = c;
	splitter->word[splitter->length] = '\0';
	return 0;
}

static int end_word(struct splitter *splitter)
{
	struct kpc_line *line = splitter->line;
	char **grown;
	char *word;

	if (!splitter->inside)
		return 0;
	splitter->inside = false;
	grown = realloc(line->words, (line->count + 2) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	line->words = grown;
	word = strndup(splitter->length ? splitter->word : "",
		       splitter->length);
	if (!word)
		return -ENOMEM;
	line->words[line->count++] = word;
	line->words[line->count] = NULL;
	splitter->length = 0;
	return 0;
}

static int quoted(struct splitter *splitter, int quote, struct kpc_error *err)
{
	int ret = 0;
	int c;

	splitter->inside = true;
	while (!ret && splitter->octets <= LINE_MAX_OCTETS) {
		c = get(splitter);
		if (c == quote)
			return 0;
		if (c == EOF || c == '\n')
			return kpc_error_return(err, -EINVAL,
						"the quote %c is not closed on its line",
						quote);
		if (c == '\\' && quote == '"') {
			c = getc(splitter->file);
			if (c <= 0 || !strchr("\"\\$`", c)) {
				ungetc(c, splitter->file);
				c = '\\';
			}
		}
		ret = put(splitter, c);
	}
	return ret;
}

/* A backslash joins lines at their end; elsewhere it keeps what follows. */
static int escaped(struct splitter *splitter, struct kpc_error *err)
{
	int c = get(splitter);
	int next;

	/* DOS line ends join too. */
	if (c == '\r') {
		next = getc(splitter->file);
		ungetc(next, splitter->file);
		if (next == '\n')
			c = get(splitter);
	}
	if (c == '\n')
		return end_word(splitter);
	if (c == EOF)
		return kpc_error_return(err, -EINVAL,
					"the file ends after a backslash");
	return put(splitter, c);
}

static void skip_comment(struct splitter *splitter)
{
	int c;

	do {
		c = getc(splitter->file);
	} while (c != '\n' && c != EOF);
	ungetc(c, splitter->file);
}

/* Return: 1 at the end of a line, 2 at the end of the file, 0 to go on. */
static int take(struct splitter *splitter, struct kpc_error *err)
{
	int c = get(splitter);
	int ret;

	switch (c) {
	case EOF:
		ret = end_word(splitter);
		return ret ? ret : 2;
	case '\n':
		ret = end_word(splitter);
		return ret ? ret : 1;
	case ' ':
	case '\t':
	case '\r':
		return end_word(splitter);
	case '\'':
	case '"':
		return quoted(splitter, c, err);
	case '\\':
		return escaped(splitter, err);
	case '#':
		if (splitter->inside)
			return put(splitter, c);
		skip_comment(splitter);
		return 0;
	}
	return put(splitter, c);
}

/* A key store given for another file is refused before anyone repeats a word of it. */
static int refuse_key(const struct kpc_line *line, struct kpc_error *err)
{
	int number = kpci_key_word(line->words, line->count, true);

	return number ? kpc_error_return(err, -EINVAL,
					 "word %d is a key or where one is; only a key store holds these",
					 number) : 0;
}

int kpc_line_read(FILE *file, unsigned int *number, struct kpc_line *line,
		  struct kpc_error *err)
{
	struct splitter splitter = {
		.file = file, .number = number, .line = line,
	};
	int ret;

	memset(line, 0, sizeof(*line));
	do {
		splitter.octets = 0;
		line->number = *number + 1;
		do {
			ret = take(&splitter, err);
			if (!ret && splitter.octets > LINE_MAX_OCTETS)
				ret = kpc_error_return(err, -E2BIG,
						       "the line has more than %d octets",
						       LINE_MAX_OCTETS);
		} while (!ret);
	} while (ret == 1 && !line->count);
	free(splitter.word);
	if (ret == -ENOMEM)
		kpc_error_set(err, "out of memory");
	if (ret == -EILSEQ)
		kpc_error_set(err, "an octet 0 stands in the line; text is accepted");
	if (ret >= 0 && refuse_key(line, err))
		ret = -EINVAL;
	if (ret < 0) {
		kpc_line_free(line);
		return ret;
	}
	return line->count ? 1 : 0;
}

void kpc_line_free(struct kpc_line *line)
{
	int i;

	for (i = 0; i < line->count; i++)
		free(line->words[i]);
	free(line->words);
	line->words = NULL;
	line->count = 0;
}
