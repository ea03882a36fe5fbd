/* SPDX-License-Identifier: MIT */
/*
 * Descriptors beside a message over a UNIX socket.
 */
#ifndef KPCD_DESCRIPTOR_H
#define KPCD_DESCRIPTOR_H

#include <stddef.h>

/**
 * descriptor_send() - send a message, and a descriptor with it
 * @to: connected UNIX socket that keeps messages apart
 * @octets: message
 * @length: octets of it
 * @fd: descriptor, which stays the caller's; -1: none
 *
 * Does not wait. Return: 0 or a negative errno.
 */
int descriptor_send(int to, const void *octets, size_t length, int fd);

#endif
