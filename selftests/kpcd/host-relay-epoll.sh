#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The relay with records carried by the agent, on epoll.
exec python3 "$(dirname "$0")/relay.py" epoll agent
