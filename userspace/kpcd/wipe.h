/* SPDX-License-Identifier: MIT */
/*
 * Memory of OpenSSL that is wiped before it is free.
 */
#ifndef KPCD_WIPE_H
#define KPCD_WIPE_H

/**
 * wipe_openssl() - Have OpenSSL's memory wiped when it is freed
 *
 * Before anything else of OpenSSL is called.
 *
 * Return: 0 or -EBUSY.
 */
int wipe_openssl(void);

#endif
