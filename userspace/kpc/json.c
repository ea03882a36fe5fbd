// SPDX-License-Identifier: MIT
/*
 * A writer of JSON that needs no memory.
 */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "json.h"

static void new_line(struct json *json)
{
	unsigned int i;

	if (!json->pretty)
		return;
	putc('\n', json->out);
	for (i = 0; i < json->depth; i++)
		fputs("  ", json->out);
}

/* Length of the UTF-8 sequence at @text, 0 where it is none. */
static size_t utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char first;
		unsigned char last;
		unsigned char low;
		unsigned char high;
		size_t length;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t i;
	size_t j;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (text[1] < forms[i].low || text[1] > forms[i].high)
			return 0;
		for (j = 2; j < forms[i].length; j++)
			if ((text[j] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

/*
 * What is not UTF-8 comes out as U+FFFD: JSON has no octets. The controls behind
 * ASCII need no escape for JSON's sake, but a terminal follows them too.
 */
static void put_quoted(FILE *out, const char *string)
{
	const unsigned char *text = (const unsigned char *)string;
	size_t length;

	putc('"', out);
	while (*text) {
		if (*text == '"' || *text == '\\') {
			fprintf(out, "\\%c", *text++);
		} else if (*text < 0x20 || *text == 0x7f) {
			fprintf(out, "\\u%04x", *text++);
		} else if (*text < 0x80) {
			putc(*text++, out);
		} else {
			length = utf8_length(text);
			if (text[0] == 0xc2 && length && text[1] < 0xa0)
				fprintf(out, "\\u%04x", text[1]);
			else if (length)
				fwrite(text, 1, length, out);
			else
				fputs("\\ufffd", out);
			text += length ? length : 1;
		}
	}
	putc('"', out);
}

static bool begin_value(struct json *json, const char *key)
{
	if (!json->out)
		return false;
	if (json->begun)
		putc(',', json->out);
	if (json->depth)
		new_line(json);
	if (key) {
		put_quoted(json->out, key);
		fputs(json->pretty ? ": " : ":", json->out);
	}
	json->begun = true;
	return true;
}

static void open_value(struct json *json, const char *key, char bracket)
{
	if (!begin_value(json, key))
		return;
	putc(bracket, json->out);
	json->depth++;
	json->begun = false;
}

static void close_value(struct json *json, char bracket)
{
	if (!json->out)
		return;
	json->depth--;
	if (json->begun)
		new_line(json);
	putc(bracket, json->out);
	json->begun = true;
	if (!json->depth) {
		putc('\n', json->out);
		json->begun = false;
	}
}

void json_object(struct json *json, const char *key)
{
	open_value(json, key, '{');
}

void json_object_end(struct json *json)
{
	close_value(json, '}');
}

void json_array(struct json *json, const char *key)
{
	open_value(json, key, '[');
}

void json_array_end(struct json *json)
{
	close_value(json, ']');
}

void json_string(struct json *json, const char *key, const char *text)
{
	if (begin_value(json, key))
		put_quoted(json->out, text);
}

void json_number(struct json *json, const char *key, uint64_t number)
{
	if (begin_value(json, key))
		fprintf(json->out, "%" PRIu64, number);
}

void json_signed(struct json *json, const char *key, int64_t number)
{
	if (begin_value(json, key))
		fprintf(json->out, "%" PRId64, number);
}

void json_real(struct json *json, const char *key, double number)
{
	/* JSON has no infinity, and no number that is none. */
	if (begin_value(json, key))
		fprintf(json->out, "%.9g", isfinite(number) ? number : 0);
}

void json_bool(struct json *json, const char *key, bool value)
{
	if (begin_value(json, key))
		fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
	if (begin_value(json, key))
		fputs("null", json->out);
}
