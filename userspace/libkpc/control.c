// SPDX-License-Identifier: LGPL-2.1-or-later
/* Judges the records of a running connection that are not data. */
#include <stdint.h>

#include <kpc/ktls.h>
#include <kpc/suite.h>

#include "internal.h"

enum {
	HELLO_REQUEST = 0,
	CLIENT_HELLO = 1,
	NEW_SESSION_TICKET = 4,
	KEY_UPDATE = 24,
};

static enum kpc_control parse_alert(uint16_t version, const uint8_t *p, size_t len, int *detail)
{
	if (len != 2)
		return KPC_CONTROL_UNEXPECTED;
	*detail = p[1];
	if (p[1] == KPC_ALERT_CLOSE_NOTIFY)
		return KPC_CONTROL_CLOSE_NOTIFY;
	/* RFC 8446 6: all other alerts are errors, whatever level they claim. */
	if (p[1] == KPC_ALERT_USER_CANCELED ||
	    (version == KPC_VERSION_TLS12 && p[0] == KPC_ALERT_WARNING))
		return KPC_CONTROL_IGNORE;
	return KPC_CONTROL_ALERT;
}

static enum kpc_control parse_handshake(uint16_t version, const uint8_t *p, size_t len,
					int *detail)
{
	size_t body;

	if (len < KPCI_MESSAGE_HEADER_LEN)
		return KPC_CONTROL_UNEXPECTED;
	if (version == KPC_VERSION_TLS12)
		return p[0] == HELLO_REQUEST || p[0] == CLIENT_HELLO ? KPC_CONTROL_RENEGOTIATE :
								       KPC_CONTROL_UNEXPECTED;
	body = (size_t)p[1] << 16 | kpci_get16(p + 2);
	if (p[0] == NEW_SESSION_TICKET)
		return KPC_CONTROL_IGNORE;
	/* It must be the last of its record (RFC 8446 5.1): the keys change after it. */
	if (p[0] == KEY_UPDATE && body == 1 && len == KPCI_MESSAGE_HEADER_LEN + 1 && p[4] <= 1) {
		*detail = p[4];
		return KPC_CONTROL_KEY_UPDATE;
	}
	return KPC_CONTROL_UNEXPECTED;
}

enum kpc_control kpc_control_parse(uint16_t version, uint8_t type, const void *octets,
				   size_t len, int *detail)
{
	*detail = 0;
	if (type == KPC_RECORD_ALERT)
		return parse_alert(version, octets, len, detail);
	if (type == KPC_RECORD_HANDSHAKE)
		return parse_handshake(version, octets, len, detail);
	return KPC_CONTROL_UNEXPECTED;
}
