# SPDX-License-Identifier: GPL-2.0-only
# What is looked at without a run is kpcperf's own.
host_histogram_SRCS := userspace/kpcperf/histogram.c
host_pattern_SRCS := userspace/kpcperf/pattern.c
host_limit_SRCS := userspace/kpcperf/channel.c
