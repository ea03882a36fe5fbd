# The buffers, the filter and the rates are the agent's own.
host_buffer_SRCS := userspace/kpcd/buffer.c
host_confine_SRCS := userspace/kpcd/seccomp.c
host_bucket_SRCS := userspace/kpcd/bucket.c
host_crowd_SRCS := userspace/kpcd/crowd.c
# Of the engines; one is what host_engines.c includes itself.
host_engines_SRCS := userspace/kpcd/engine.c userspace/kpcd/engine_epoll.c userspace/kpcd/buffer.c
host_source_SRCS := userspace/kpcd/bucket.c userspace/kpcd/source.c
# A whole worker; what host_starved.c includes itself is left out.
host_starved_SRCS := $(patsubst $(top)/%,%,$(foreach name,address bind bucket connection* contender crowd descriptor dtls* \
	engine* hand_over handshake* message plain* proxy rekey relay relay_carrier source timer worker_[!c]*, \
	$(wildcard $(top)/userspace/kpcd/$(name).c)))
host_dtls_peer_SRCS := $(patsubst $(top)/%,%,$(foreach name,address bind bucket buffer connection* contender crowd \
	descriptor dtls_[!s]* engine* hand_over handshake* message plain* proxy rekey relay* source timer worker_*, \
	$(wildcard $(top)/userspace/kpcd/$(name).c)))
# A whole agent; what host_crew.c includes itself is left out.
host_crew_SRCS := $(patsubst $(top)/%,%,$(filter-out %/main.c %/crew.c, \
	$(wildcard $(top)/userspace/kpcd/*.c)))
host_quota_SRCS := $(patsubst $(top)/%,%,$(filter-out %/main.c, \
	$(wildcard $(top)/userspace/kpcd/*.c)))
# Streams that tell what is wrong with them.
tool_integrity_SRCS := userspace/kpcperf/pattern.c
kpcd_PKGS := libseccomp liburing
