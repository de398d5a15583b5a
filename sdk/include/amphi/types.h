/* SPDX-License-Identifier: Apache-2.0
 *
 * The few types that every other header needs: export marks and borrowed strings.
 */
#ifndef AMPHI_TYPES_H
#define AMPHI_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define AMPHI_BEGIN_DECLS extern "C" {
#define AMPHI_END_DECLS   }
#else
#define AMPHI_BEGIN_DECLS
#define AMPHI_END_DECLS
#endif

#if defined(__GNUC__)
#define AMPHI_API                         __attribute__((visibility("default")))
#define AMPHI_NODISCARD                   __attribute__((warn_unused_result))
#define AMPHI_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define AMPHI_API
#define AMPHI_NODISCARD
#define AMPHI_PRINTF(format_index, first)
#endif

/* Bytes that somebody else owns. UTF-8 unless a comment says otherwise; not NUL-terminated;
 * {NULL, 0} is the empty string. As an argument it is borrowed for the call. */
typedef struct amphi_str {
    const char *data;
    size_t size;
} amphi_str;

/* A string literal as an amphi_str, without a strlen. */
#define AMPHI_STR(literal) (amphi_str_make("" literal, sizeof(literal) - 1))

static inline amphi_str amphi_str_make(const char *data, size_t size_bytes)
{
    amphi_str str;
    str.data = data;
    str.size = size_bytes;
    return str;
}

/* A C string as an amphi_str; NULL gives the empty string. */
static inline amphi_str amphi_str_from(const char *text)
{
    return amphi_str_make(text, text != NULL ? strlen(text) : 0);
}

#endif
