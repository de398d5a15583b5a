/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of amphi_continuation's ways, as options and records spell them.
 */
#ifndef AMPHI_CORE_CONTINUATION_H
#define AMPHI_CORE_CONTINUATION_H

#include <amphi/ext/engine.h>

/* "auto", "no", "native", "vllm", "prefix", "instruct". */
const char *amphi__continuation_name(amphi_continuation way);
/* Empty is "auto". false: there is none of that name. */
bool amphi__continuation_parse(amphi_continuation *out, amphi_str name);

#endif
