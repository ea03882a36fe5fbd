/* SPDX-License-Identifier: MIT */
/*
 * From a part of a structure to the whole.
 */
#ifndef KPCD_CONTAINER_H
#define KPCD_CONTAINER_H

#include <stddef.h>

#define container_of(at, type, member) \
	((type *)((char *)(at) - offsetof(type, member)))

#endif
