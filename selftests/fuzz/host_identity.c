// SPDX-License-Identifier: MIT
/* The fuzzer's corpus, played without one. */
#include "fuzz_identity.c"
#include "replay.h"
