#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Groups of (EC)DHE with the machine's own OpenSSL, which has more of them.
exec "$(dirname "$0")/host-groups.sh"
