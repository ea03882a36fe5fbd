// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which records of DTLS have come already, so that each passes once. */
#include "dtls_internal.h"

#define WINDOW	64

bool kpci_dtls_window_new(const struct kpci_dtls_window *window, uint64_t number)
{
	if (!window->any || number > window->last)
		return true;
	return window->last - number < WINDOW &&
	       !(window->seen >> (window->last - number) & 1);
}

void kpci_dtls_window_take(struct kpci_dtls_window *window, uint64_t number)
{
	if (!window->any || number > window->last) {
		uint64_t step = window->any ? number - window->last : WINDOW;

		window->seen = step < WINDOW ? window->seen << step : 0;
		window->last = number;
		window->any = true;
	}
	window->seen |= 1ULL << (window->last - number);
}
