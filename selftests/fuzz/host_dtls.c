// SPDX-License-Identifier: MIT
/* The fuzzer's corpus, played without one. */
#include "fuzz_dtls.c"
#include "replay.h"
