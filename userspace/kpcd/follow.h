/* SPDX-License-Identifier: MIT */
/*
 * Follows the module's table: a dump, then its events, and a dump again
 * whenever events were lost.
 */
#ifndef KPCD_FOLLOW_H
#define KPCD_FOLLOW_H

struct warden;

/**
 * follow_open() - find the module and be its warden
 *
 * Logs why not, and what to do.
 *
 * Return: 0 or a negative errno.
 */
int follow_open(struct warden *warden);

/**
 * follow_begin() - read the table and act on events from now on
 *
 * Return: 0 or a negative errno.
 */
int follow_begin(struct warden *warden);

/**
 * follow_flows() - hear of the ends of bindings too
 *
 * From the first association of datagrams on: without one all that is heard
 * would be of sockets, which tell of their ends themselves.
 */
void follow_flows(struct warden *warden);

#endif
