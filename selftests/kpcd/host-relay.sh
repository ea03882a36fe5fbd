#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The relay with records carried by the agent, on io_uring.
exec python3 "$(dirname "$0")/relay.py" uring agent
