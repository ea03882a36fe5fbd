/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the BIOs on queues in memory have in common. */
#ifndef KPCI_BIO_H
#define KPCI_BIO_H

#include <openssl/bio.h>

/**
 * kpci_bio_method() - of a BIO of which nothing can be told but that it is there
 * @name: for OpenSSL's messages
 *
 * Return: the method, which reads and writes nothing yet; NULL: no memory.
 */
struct bio_method_st *kpci_bio_method(const char *name);

/**
 * kpci_bio_new() - a BIO on something
 * @method: of kpci_bio_method(), or NULL
 * @data: outlives the BIO, or is replaced by BIO_set_data() before it goes
 *
 * Return: the BIO, NULL: no memory, or no method.
 */
BIO *kpci_bio_new(const BIO_METHOD *method, void *data);

#endif
