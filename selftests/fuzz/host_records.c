// SPDX-License-Identifier: MIT
/* The fuzzer's corpus, played without one. */
#include "fuzz_records.c"
#include "replay.h"
