kmod_CFLAGS := -Wno-missing-field-initializers
