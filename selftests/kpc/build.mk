# What kpc(8) prints objects with.
host_print_SRCS := $(addprefix userspace/kpc/,json.c print.c print_object.c)
