# The filter is the agent's own.
host_confine_SRCS := userspace/kpcd/seccomp.c
kpcd_PKGS := libseccomp
