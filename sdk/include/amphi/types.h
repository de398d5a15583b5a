/* SPDX-License-Identifier: Apache-2.0
 *
 * The few types that every other header needs: export marks and borrowed strings; and the rule by
 * which structs and tables grow.
 *
 * An app, the library that it runs with, and a part that it plugs in (amphi/ext/) may have been
 * compiled against different versions of these headers. Each struct says in its comment what it is:
 *
 * SIZED   begins with struct_size, which its inline _init sets; call it before anything else. Later
 *         versions add fields at the end only. Zero is every field's default, also for bytes that
 *         are missing (but for amphi_chat_request.sampling, whose defaults are _init's: it is
 *         part of the first version).
 * Read (options, requests): what an older caller's struct lacks counts as zero. What a newer
 *         caller's struct has in addition must be zero: a field that the library does not know and
 *         that is set is refused with AMPHI_E_ARGUMENT and the struct's name.
 *         Filled in (results, facts): never more than struct_size bytes; what the library does not
 *         know stays as _init left it. struct_size itself is not changed.
 *         Handed out through a pointer (history items, findings): struct_size says what is there;
 *         AMPHI_HAS asks for one field.
 *         In an array, every element has the same struct_size, and it is the distance to the next.
 * TABLE   an ops table: struct_size first, set to sizeof. Later versions add entries at the end
 *         only, and each of them is optional (NULL: unsupported). A shorter table lacks its last
 *         entries; entries that the library does not know are never called.
 * FROZEN  never changes its size or layout: strings, error values, elements of arrays, structs
 *         inside other structs. What has to grow is the struct around it. `reserved` members are
 *         zero until a later version names them.
 *
 * A field that is added begins at or behind the struct's former size, never in its last padding.
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

/* Is `field` within the size that this SIZED struct states? For structs that were handed out. */
#define AMPHI_HAS(item, field)                                                                     \
    ((size_t)((const char *)(&(item)->field + 1) - (const char *)(item)) <= (item)->struct_size)

/* FROZEN. Borrowed bytes. UTF-8 unless a comment says otherwise; not NUL-terminated; {NULL, 0} is
 * the empty string. As an argument it is borrowed for the call. */
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
