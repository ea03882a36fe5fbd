/* SPDX-License-Identifier: MIT */
/*
 * Keys on their way in: from a file, a pipe, a terminal, the random source.
 */
#ifndef KPC_SECRET_H
#define KPC_SECRET_H

#include <kpc/error.h>
#include <kpc/key.h>

#define SECRET_TEXT_MAX	512

/**
 * secret_guard() - Keep this process's memory out of core dumps and tracers
 */
void secret_guard(void);

/**
 * secret_read() - Read `encoding:KEY` from the first line of a file
 * @path: The file, or "-" for standard input.
 * @text: SECRET_TEXT_MAX octets; the caller wipes it.
 *
 * Return: 0 or a negative errno.
 */
int secret_read(const char *path, char *text, struct kpc_error *err);

/**
 * secret_read_all() - Read a file whole that has keys
 * @path: The file, or "-" for standard input.
 * @length: Octets of it; a NUL follows.
 *
 * Return: What it holds, which the caller wipes and frees; NULL.
 */
char *secret_read_all(const char *path, size_t *length, struct kpc_error *err);

/**
 * secret_generate() - A new key of @octets random octets
 *
 * Return: the key, or NULL.
 */
struct kpc_key *secret_generate(size_t octets, struct kpc_error *err);

#endif
