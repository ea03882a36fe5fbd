#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kpcperf with records by OpenSSL, and what has nothing to do with the carrier.
exec python3 "$(dirname "$0")/perf.py" user
