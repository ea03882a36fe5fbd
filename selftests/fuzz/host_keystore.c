// SPDX-License-Identifier: MIT
/* The fuzzer's corpus, played without one. */
#include "fuzz_keystore.c"
#include "replay.h"
