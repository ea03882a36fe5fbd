# SPDX-License-Identifier: GPL-2.0-only
# The writer of JSON, and what keeps keys out of core dumps, are those of kpc.
kpcperf_MORE := kpc/json.c kpc/secret.c
