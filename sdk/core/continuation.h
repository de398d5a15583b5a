/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of amphi_continuation's ways, as options and records spell them, and what the name of a
 * model tells of the way to continue it.
 */
#ifndef AMPHI_CORE_CONTINUATION_H
#define AMPHI_CORE_CONTINUATION_H

#include <amphi/ext/engine.h>

/* "auto", "no", "native", "vllm", "prefix", "instruct". */
const char *amphi__continuation_name(amphi_continuation way);
/* Empty is "auto". false: there is none of that name. */
bool amphi__continuation_parse(amphi_continuation *out, amphi_str name);

/* The first guess where the server is not known. AUTO: the name says nothing, as those of open
 * models: how they continue depends on the server. */
amphi_continuation amphi__continuation_of_model(amphi_str model);

#endif
