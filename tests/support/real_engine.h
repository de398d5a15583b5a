/* SPDX-License-Identifier: Apache-2.0
 *
 * A local engine over the real worker and a small real model, for tests of the whole way down.
 */
#ifndef AMPHI_TESTS_REAL_ENGINE_H
#define AMPHI_TESTS_REAL_ENGINE_H

#include <amphi/ext/engine.h>

/* "stories": a model of 260,000 weights without a chat template, from ../shared/vectors.
 * "help": the embedded default model. Prints why and returns false when it isn't there. */
bool real_engine_new(amphi_engine *out, const char *model);
/* The same with a copy of the file, which the test may spoil. */
bool real_engine_copy_new(amphi_engine *out, const char *model, const char *copy);

#endif
