/* SPDX-License-Identifier: Apache-2.0
 *
 * What a message says of a name in a document that is none: the name itself, made fit for one line,
 * and the known name that was meant, as far as that can be guessed.
 */
#ifndef AMPHI_CORE_UNKNOWN_NAME_H
#define AMPHI_CORE_UNKNOWN_NAME_H

#include <amphi/types.h>

#define AMPHI_SHOWN_NAME_MAX 56u

/* Visible ASCII as it is, any other character as \u00e4, a byte that is none as \xff; long names
 * are cut, with "..." at the end. A document may come from a server, and a log line stays one. */
void amphi__shown_name(char out[AMPHI_SHOWN_NAME_MAX], amphi_str name);

/* The one of `known` (dotted names) that `name` most likely means, or NULL: the same but for case
 * and punctuation; the beginning of one ("battery" of "battery_percent") or the last part of one
 * ("min_percent" of "battery.min_percent" rather than of "handoff.right_min_percent"), if of one
 * only; or a few letters off. */
const char *amphi__nearest_name(amphi_str name, const char *const *known, size_t count);

#endif
