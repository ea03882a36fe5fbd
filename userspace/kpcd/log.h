/* SPDX-License-Identifier: MIT */
/*
 * The log: one structured line per event, to the journal or to stderr.
 *
 * Whatever came from outside is escaped here, in one place. Key material is
 * never handed to it.
 */
#ifndef KPCD_LOG_H
#define KPCD_LOG_H

#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

struct sockaddr_in6;

#define LOG_FIELDS_MAX	20

/**
 * struct log_line - a line being put together
 * @priority: LOG_ERR and so on
 * @message: for a person
 * @count: how many of @field
 * @field: NAME and value
 */
struct log_line {
	int priority;
	size_t count;
	char message[1100];
	struct {
		char name[24];
		char value[1100];
	} field[LOG_FIELDS_MAX];
};

/**
 * log_init() - find out where the log goes
 *
 * To the journal by its native protocol where stderr is the journal's, else
 * to stderr as text.
 */
void log_init(void);

/** log_begin() - start a line */
void log_begin(struct log_line *line, int priority, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** log_octets() - a field from octets that may be anything */
void log_octets(struct log_line *line, const char *name, const void *octets,
		size_t len);

/** log_text() - a field from a string; an empty one is left out */
void log_text(struct log_line *line, const char *name, const char *value);

/** log_number() - a field from a number */
void log_number(struct log_line *line, const char *name, uint64_t value);

/** log_address() - a field from an address, v4-mapped shown as IPv4 */
void log_address(struct log_line *line, const char *name,
		 const struct sockaddr_in6 *address);

/** log_end() - write the line */
void log_end(struct log_line *line);

/** log_say() - a line without fields */
void log_say(int priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * log_address_format() - ADDRESS:PORT as a person writes it
 * @size: 64 octets hold any
 */
void log_address_format(char *out, size_t size,
			const struct sockaddr_in6 *address);

#endif
