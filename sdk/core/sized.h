/* SPDX-License-Identifier: Apache-2.0
 *
 * The one place that knows what struct_size means (the rule is at the top of amphi/types.h). The
 * caller of a public function, or the implementer of a table, may have been compiled against an
 * older or a newer version of a SIZED struct. Such a struct of the other side is never read or
 * written directly: in-structs are read into a local one of this library's version, out-structs are
 * made in a local one and then written.
 *
 *     amphi_chat_request own;
 *     status = AMPHI__SIZED_READ(amphi_chat_request, &own, request, "request", error);
 *     ...
 *     AMPHI__SIZED_WRITE(out, &own_result);
 */
#ifndef AMPHI_CORE_SIZED_H
#define AMPHI_CORE_SIZED_H

#include <amphi/error.h>

/* No public struct comes near it, so a larger struct_size is memory that was never initialized. */
#define AMPHI_SIZED_BYTES_MAX 65536u

/* Use the macros below. What a failure needs to say: the argument or field, and the function that
 * sets struct_size. */
typedef struct amphi_sized_name {
    const char *field; /* "request" */
    const char *init;  /* "amphi_chat_request_init"; NULL: it is set to sizeof by hand */
} amphi_sized_name;

amphi_status amphi__sized_check(const void *out, amphi_sized_name name, amphi_error *error);
amphi_status amphi__sized_read(
    void *own, size_t own_bytes, const void *source, amphi_sized_name name, amphi_error *error);
amphi_status amphi__sized_read_known(
    void *own, size_t own_bytes, const void *source, amphi_sized_name name, amphi_error *error);
amphi_status amphi__sized_array_read(void *own, size_t own_bytes, const void *source, size_t count,
    amphi_sized_name name, amphi_error *error);
void amphi__sized_write(void *out, const void *own, size_t own_bytes);

/* sizeof *own; does not compile unless both pointers are of one type. */
#define AMPHI__SIZED_BYTES(own, other) (sizeof *(own) + 0 * sizeof((own) == (other)))
#define AMPHI__SIZED_BYTES_OF(type, own, other)                                                    \
    (AMPHI__SIZED_BYTES(own, other) + 0 * sizeof((own) == (const type *)NULL))
#define AMPHI__SIZED_NAME(type, field) ((amphi_sized_name){(field), #type "_init"})

/* Copies *source, whatever version it has, into *own. A tail that `source` lacks is zero in *own; a
 * tail that this library does not know must be zero. own->struct_size becomes this library's.
 * AMPHI_E_ARGUMENT names the field (`field`.struct_size); *own is then all zero. */
#define AMPHI__SIZED_READ(type, own, source, field, error)                                         \
    amphi__sized_read((own), AMPHI__SIZED_BYTES_OF(type, own, source), (source),                   \
        AMPHI__SIZED_NAME(type, field), (error))

/* The same for an array: element i + 1 begins struct_size bytes behind element i, in the caller's
 * version; every element must state the same size. `own` has room for `count` elements. */
#define AMPHI__SIZED_ARRAY_READ(type, own, source, count, field, error)                            \
    amphi__sized_array_read((own), AMPHI__SIZED_BYTES_OF(type, own, source), (source), (count),    \
        AMPHI__SIZED_NAME(type, field), (error))

/* For ops tables and for structs that were handed out, where a tail that this library does not know
 * does not matter: it never calls those entries and never shows those fields. */
#define AMPHI__SIZED_READ_KNOWN(own, source, field, error)                                         \
    amphi__sized_read_known((own), AMPHI__SIZED_BYTES(own, source), (source),                      \
        (amphi_sized_name){(field), NULL}, (error))

/* Is out->struct_size one that a caller can mean? Before work is done whose result goes there. */
#define AMPHI__SIZED_CHECK(type, out, field, error)                                                \
    amphi__sized_check(                                                                            \
        (out) + 0 * sizeof((out) == (const type *)NULL), AMPHI__SIZED_NAME(type, field), (error))

/* Copies *own into *out as far as out->struct_size reaches. out->struct_size stays, and so does
 * what lies behind this library's version. Does nothing when the size is none. */
#define AMPHI__SIZED_WRITE(out, own) amphi__sized_write((out), (own), AMPHI__SIZED_BYTES(own, out))

#endif
