#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kpcperf without TLS.
exec python3 "$(dirname "$0")/perf.py" plain
