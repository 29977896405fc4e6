/* SPDX-License-Identifier: MIT */
/* What the files of a layer's keys share. */
#ifndef BENCH_LAYER_KEYS_H
#define BENCH_LAYER_KEYS_H

#include "config/layer.h"

extern const struct oct_word layer_thread_words[];

#endif
