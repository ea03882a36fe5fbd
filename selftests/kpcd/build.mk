# The buffers, the filter and the rates are the agent's own.
host_buffer_SRCS := userspace/kpcd/buffer.c
host_confine_SRCS := userspace/kpcd/seccomp.c
host_source_SRCS := userspace/kpcd/source.c
kpcd_PKGS := libseccomp
