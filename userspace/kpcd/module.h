/* SPDX-License-Identifier: MIT */
/*
 * Whether the module that the agent speaks to is still there.
 */
#ifndef KPCD_MODULE_H
#define KPCD_MODULE_H

struct warden;

/**
 * module_watch() - end the agent when its module is unloaded
 *
 * Nothing of it comes up any more then, and with another module, loaded later,
 * it has no session. Who starts it anew gives it one.
 *
 * Return: 0 or a negative errno.
 */
int module_watch(struct warden *warden);

#endif
