/* SPDX-License-Identifier: MIT */
/*
 * What kpcd.service keeps from the agent, while this shell sees it.
 */
#ifndef KPC_HIDDEN_H
#define KPC_HIDDEN_H

#include <kpc/association.h>

struct cli;

/**
 * hidden_place() - Where a file is that the agent does not see
 * @path: File or socket, which need not be there.
 *
 * Return: The directory that kpcd.service hides or has one of its own of; NULL:
 * the agent sees the file.
 */
const char *hidden_place(const char *path);

/**
 * hidden_key() - The same of a key that a text says the place of
 * @text: A key, or a reference to one.
 *
 * Return: The directory or the key ring; NULL: the agent finds the key.
 */
const char *hidden_key(const char *text);

/**
 * hidden_plain() - The same of an association's plain leg
 */
const char *hidden_plain(const struct kpc_association *association);

/**
 * hidden_warn() - Warn where an association's plain leg is hidden
 */
void hidden_warn(const struct cli *cli,
		 const struct kpc_association *association);

#endif
