// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the BIOs on queues in memory have in common. */
#include "bio.h"

/* Of what is asked of a socket here nothing can be told. */
static long queue_ctrl(BIO *bio, int command, long number, void *pointer)
{
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

BIO_METHOD *kpci_bio_method(const char *name)
{
	BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, name);

	if (made && BIO_meth_set_ctrl(made, queue_ctrl) == 1)
		return made;
	BIO_meth_free(made);
	return NULL;
}

BIO *kpci_bio_new(const BIO_METHOD *method, void *data)
{
	BIO *bio = method ? BIO_new(method) : NULL;

	if (!bio)
		return NULL;
	BIO_set_data(bio, data);
	BIO_set_init(bio, 1);
	return bio;
}
