/* SPDX-License-Identifier: Apache-2.0
 *
 * The last step before text leaves the engine: bytes of tokens go in, text that may be shown comes
 * out. Only whole UTF-8 characters are released, what could be the beginning of a stop string is
 * held back, and at a stop string the text ends just before it, wherever the tokens' borders lie.
 * The stop string that is complete first wins (of those that end together, the longest), so the
 * result does not depend on how the bytes were cut, and no answer runs on to see more.
 */
#ifndef AMPHI_TEXT_STOP_STRINGS_H
#define AMPHI_TEXT_STOP_STRINGS_H

#include "sdk/core/buf.h"

#include <amphi/error.h>

#define AMPHI_STOP_STRINGS_MAX 16u
#define AMPHI_STOP_BYTES_MAX   256u /* each */

typedef struct amphi_stop_strings amphi_stop_strings;

/* The strings are copied; count may be 0. AMPHI_E_ARGUMENT: an empty one; AMPHI_E_LIMIT: too many
 * or too long. */
amphi_status amphi__stop_strings_new(
    amphi_stop_strings **out, const amphi_str *strings, size_t count, amphi_error *error);
void amphi__stop_strings_free(amphi_stop_strings *stop);
/* Ready for another text with the same strings. */
void amphi__stop_strings_reset(amphi_stop_strings *stop);

/* Text that is out already, before the first bytes come: a stop string may have begun in it. */
amphi_status amphi__stop_strings_begin_behind(amphi_stop_strings *stop, amphi_str text);
/* Takes bytes, appends what may be released to `out`. *matched: a stop string came; nothing is
 * released after that. Bytes that can't be UTF-8 are released as U+FFFD, one for each. */
amphi_status amphi__stop_strings_feed(
    amphi_stop_strings *stop, amphi_str bytes, amphi_buf *out, bool *matched);
/* The text has ended: what was held back comes out (a half character as U+FFFD). Nothing when a
 * stop string matched. */
amphi_status amphi__stop_strings_finish(amphi_stop_strings *stop, amphi_buf *out);
/* How many of the bytes that came in have been released; those of a stop string, and what came
 * behind it, never are. */
uint64_t amphi__stop_strings_released(const amphi_stop_strings *stop);
/* The string that matched (0-based), or -1. */
int amphi__stop_strings_which(const amphi_stop_strings *stop);

#endif
