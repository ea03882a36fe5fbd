/* SPDX-License-Identifier: MIT */
/*
 * Tells the service manager how far the warden is, as sd_notify(3) does.
 */
#ifndef KPCD_NOTIFY_H
#define KPCD_NOTIFY_H

/**
 * notify_send() - one datagram to NOTIFY_SOCKET; nothing without it
 * @state: lines such as "READY=1"
 */
void notify_send(const char *state);

/** notify_reloading() - RELOADING=1 with the time that systemd wants beside it */
void notify_reloading(void);

#endif
