// SPDX-License-Identifier: MIT
/*
 * The log: one structured line per event, to the journal or to stderr.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <kpc/error.h>

#include "log.h"

#define JOURNAL_SOCKET	"/run/systemd/journal/socket"

/* Connected to the journal; -1, text on stderr. */
static int log_journal = -1;

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat at;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &at) && at.st_dev == device &&
	       at.st_ino == inode;
}

void log_init(void)
{
	struct sockaddr_un address = {
		.sun_family = AF_UNIX,
		.sun_path = JOURNAL_SOCKET,
	};
	int fd;

	if (log_journal >= 0 || !stderr_is_journal())
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return;
	}
	log_journal = fd;
}

static void format_message(struct log_line *line, int priority,
			   const char *format, va_list args)
{
	char text[1024];

	line->priority = priority;
	line->count = 0;
	vsnprintf(text, sizeof(text), format, args);

	/* Quotes are welcome in a message. */
	kpc_escape(line->message, sizeof(line->message), text, strlen(text),
		   "");
}

void log_begin(struct log_line *line, int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_message(line, priority, format, args);
	va_end(args);
}

void log_octets(struct log_line *line, const char *name, const void *octets,
		size_t len)
{
	if (line->count == LOG_FIELDS_MAX)
		return;
	snprintf(line->field[line->count].name,
		 sizeof(line->field[line->count].name), "%s", name);
	kpc_escape(line->field[line->count].value,
		   sizeof(line->field[line->count].value), octets, len,
		   "\\\"");
	line->count++;
}

void log_text(struct log_line *line, const char *name, const char *value)
{
	if (*value)
		log_octets(line, name, value, strlen(value));
}

void log_number(struct log_line *line, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	log_text(line, name, text);
}

void log_address_format(char *out, size_t size,
			const struct sockaddr_in6 *address)
{
	char text[INET6_ADDRSTRLEN] = "?";
	unsigned int port = ntohs(address->sin6_port);

	if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr)) {
		inet_ntop(AF_INET, &address->sin6_addr.s6_addr[12], text,
			  sizeof(text));
		snprintf(out, size, "%s:%u", text, port);
		return;
	}
	inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof(text));
	snprintf(out, size, "[%s]:%u", text, port);
}

void log_address(struct log_line *line, const char *name,
		 const struct sockaddr_in6 *address)
{
	char text[64];

	if (address->sin6_family != AF_INET6)
		return;
	log_address_format(text, sizeof(text), address);
	log_text(line, name, text);
}

static struct iovec part(const char *text)
{
	return (struct iovec){ (void *)text, strlen(text) };
}

static int write_journal(const struct log_line *line)
{
	char priority[64];
	struct iovec parts[3 + 5 * LOG_FIELDS_MAX];
	struct msghdr message = { .msg_iov = parts };
	size_t i, n = 0;

	snprintf(priority, sizeof(priority),
		 "\nPRIORITY=%d\nSYSLOG_IDENTIFIER=kpcd\n", line->priority);
	parts[n++] = part("MESSAGE=");
	parts[n++] = part(line->message);
	parts[n++] = part(priority);
	for (i = 0; i < line->count; i++) {
		parts[n++] = part("KPC_");
		parts[n++] = part(line->field[i].name);
		parts[n++] = part("=");
		parts[n++] = part(line->field[i].value);
		parts[n++] = part("\n");
	}
	message.msg_iovlen = n;
	return sendmsg(log_journal, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void log_end(struct log_line *line)
{
	char text[8192];
	size_t i, n;

	if (log_journal >= 0 && !write_journal(line))
		return;

	n = snprintf(text, sizeof(text), "kpcd: %s", line->message);
	for (i = 0; i < line->count && n < sizeof(text); i++) {
		const char *value = line->field[i].value;
		const char *quote = strchr(value, ' ') ? "\"" : "";

		n += snprintf(text + n, sizeof(text) - n, " %s=%s%s%s",
			      line->field[i].name, quote, value, quote);
	}
	if (n > sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n++] = '\n';

	/* One write a line, so that lines of several processes do not mix. */
	if (write(STDERR_FILENO, text, n) < 0)
		return;
}

void log_say(int priority, const char *format, ...)
{
	struct log_line line;
	va_list args;

	va_start(args, format);
	format_message(&line, priority, format, args);
	va_end(args);
	log_end(&line);
}
