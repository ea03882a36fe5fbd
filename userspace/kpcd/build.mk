# SPDX-License-Identifier: GPL-2.0-only
# What kpcd needs beyond libkpc.
kpcd_PKGS := liburing libseccomp
