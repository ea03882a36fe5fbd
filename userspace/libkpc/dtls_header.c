// SPDX-License-Identifier: LGPL-2.1-or-later
/* The header of a record of DTLS. */
#include <kpc/ktls.h>

#include "dtls_internal.h"

#define VERSION_MAJOR	0xfe

void kpci_put64(uint8_t *p, uint64_t number)
{
	for (int i = 7; i >= 0; i--, number >>= 8)
		p[i] = (uint8_t)number;
}

uint64_t kpci_get64(const uint8_t *p)
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | p[i];
	return number;
}

bool kpci_dtls_header_read(const uint8_t *octets, size_t len, struct kpci_dtls_header *header)
{
	if (len < KPCI_DTLS_RECORD_LEN || octets[1] != VERSION_MAJOR)
		return false;
	header->type = octets[0];
	header->version = kpci_get16(octets + 1);
	header->sequence = kpci_get64(octets + 3);
	header->len = kpci_get16(octets + 11);
	return header->type >= KPC_RECORD_CHANGE_CIPHER && header->type <= KPC_RECORD_DATA &&
	       header->len <= len - KPCI_DTLS_RECORD_LEN;
}

void kpci_dtls_header_write(const struct kpci_dtls_header *header, uint8_t *octets)
{
	octets[0] = header->type;
	octets[1] = (uint8_t)(header->version >> 8);
	octets[2] = (uint8_t)header->version;
	kpci_put64(octets + 3, header->sequence);
	octets[11] = (uint8_t)(header->len >> 8);
	octets[12] = (uint8_t)header->len;
}
