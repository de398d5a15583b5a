/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling in an amphi_error and returning its status in one expression:
 *     return amphi__fail(error, AMPHI_E_FORMAT, 0, "%s: tensor %u lies outside the file", ...);
 */
#ifndef AMPHI_CORE_ERROR_H
#define AMPHI_CORE_ERROR_H

#include <amphi/error.h>

/* error may be NULL. Returns `status`. retry_after_ms becomes 0. */
amphi_status amphi__fail(amphi_error *error, amphi_status status, int32_t native_code,
    const char *format, ...) AMPHI_PRINTF(4, 5);
/* The usual message for AMPHI_E_NO_MEMORY. */
amphi_status amphi__fail_no_memory(amphi_error *error);
/* The status of what grew, a buffer or a grammar: without memory the usual message, past its limit
 * `too_large`, and AMPHI_OK as it is. */
amphi_status amphi__fail_grown(amphi_error *error, amphi_status status, const char *too_large);
void amphi__error_clear(amphi_error *error);

#ifdef __clang_analyzer__ /* it sees one file at a time, so this states what they return */
#define amphi__fail(error, status, ...) (amphi__fail(error, status, __VA_ARGS__), (status))
#define amphi__fail_no_memory(error)    (amphi__fail_no_memory(error), AMPHI_E_NO_MEMORY)
#define amphi__fail_grown(error, status, too_large)                                                \
    (amphi__fail_grown(error, status, too_large), (status))
#endif

#endif
