#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What two agents relay on epoll, their records by OpenSSL.
exec python3 "$(dirname "$0")/agents.py" epoll agent
