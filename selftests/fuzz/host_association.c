// SPDX-License-Identifier: MIT
/* The fuzzer's corpus, played without one. */
#include "fuzz_association.c"
#include "replay.h"
