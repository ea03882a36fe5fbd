#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What two agents relay on io_uring, their records by OpenSSL.
exec python3 "$(dirname "$0")/agents.py" uring agent
