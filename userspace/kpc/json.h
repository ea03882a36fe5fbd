/* SPDX-License-Identifier: MIT */
/*
 * A writer of JSON that needs no memory.
 */
#ifndef KPC_JSON_H
#define KPC_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * struct json - A text being written
 * @out: Where to; NULL: nothing is written.
 * @pretty: Indented, one member to a line.
 * @depth: Open objects and arrays.
 * @begun: The innermost one has a member.
 */
struct json {
	FILE *out;
	bool pretty;
	unsigned int depth;
	bool begun;
};

/* In an object @key names the member; in an array and at the top it is NULL. */
void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_string(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, uint64_t number);
void json_signed(struct json *json, const char *key, int64_t number);
void json_real(struct json *json, const char *key, double number);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

#endif
