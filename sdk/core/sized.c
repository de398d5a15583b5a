/* SPDX-License-Identifier: Apache-2.0
 *
 * Every SIZED struct and every ops table begins with a size_t struct_size, which is all that this
 * file knows of them.
 */
#include "sdk/core/sized.h"

#include "sdk/core/error.h"

#include <stdio.h>
#include <string.h>

/* Structs that begin with a size_t are aligned like it, so every version's size is a multiple. */
static bool is_a_size(size_t bytes)
{
    return bytes >= sizeof(size_t) && bytes <= AMPHI_SIZED_BYTES_MAX && bytes % sizeof(size_t) == 0;
}

static size_t stated_size(const void *sized)
{
    size_t bytes = 0;
    memcpy(&bytes, sized, sizeof bytes);
    return bytes;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

amphi_status amphi__sized_check(const void *out, amphi_sized_name name, amphi_error *error)
{
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: NULL", name.field);
    if (is_a_size(stated_size(out)))
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "%s.struct_size: not the size of any version of this struct: %s%s", name.field,
        name.init != NULL ? name.init : "set it to sizeof",
        name.init != NULL ? " must be called first" : "");
}

/* The bytes behind this library's version: what a newer caller asks for and cannot get. */
static amphi_status check_tail(
    const void *source, size_t own_bytes, amphi_sized_name name, amphi_error *error)
{
    const unsigned char *bytes = source;
    size_t unknown = 0;
    for (size_t i = own_bytes; i < stated_size(source); i++)
        unknown += bytes[i] != 0;
    if (unknown == 0)
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "%s.struct_size: %zu bytes behind what this library knows are not zero: the caller was "
        "built for a newer amphi; update the library, or leave the new fields at their defaults",
        name.field, unknown);
}

amphi_status amphi__sized_read(
    void *own, size_t own_bytes, const void *source, amphi_sized_name name, amphi_error *error)
{
    memset(own, 0, own_bytes);
    amphi_status status = amphi__sized_check(source, name, error);
    if (status == AMPHI_OK)
        status = check_tail(source, own_bytes, name, error);
    if (status != AMPHI_OK)
        return status;
    memcpy(own, source, smaller(own_bytes, stated_size(source)));
    memcpy(own, &own_bytes, sizeof own_bytes);
    return AMPHI_OK;
}

amphi_status amphi__sized_array_read(void *own, size_t own_bytes, const void *source, size_t count,
    amphi_sized_name name, amphi_error *error)
{
    if (count == 0)
        return AMPHI_OK;
    if (source == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "%s: NULL with a count", name.field);
    size_t stride = stated_size(source);
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < count && status == AMPHI_OK; i++) {
        char element_name[80];
        snprintf(element_name, sizeof element_name, "%s[%zu]", name.field, i);
        const unsigned char *element = (const unsigned char *)source + i * stride;
        if (i > 0 && stated_size(element) != stride)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "%s.struct_size: not the same as that of the element before: call %s on each",
                element_name, name.init);
        status = amphi__sized_read((unsigned char *)own + i * own_bytes, own_bytes, element,
            (amphi_sized_name){element_name, name.init}, error);
    }
    return status;
}

void amphi__sized_write(void *out, const void *own, size_t own_bytes)
{
    if (out == NULL || !is_a_size(stated_size(out)))
        return;
    size_t bytes = smaller(own_bytes, stated_size(out));
    memcpy((unsigned char *)out + sizeof(size_t), (const unsigned char *)own + sizeof(size_t),
        bytes - sizeof(size_t));
}

amphi_status amphi__sized_read_known(
    void *own, size_t own_bytes, const void *source, amphi_sized_name name, amphi_error *error)
{
    memset(own, 0, own_bytes);
    amphi_status status = amphi__sized_check(source, name, error);
    if (status != AMPHI_OK)
        return status;
    memcpy(own, source, smaller(own_bytes, stated_size(source)));
    memcpy(own, &own_bytes, sizeof own_bytes);
    return AMPHI_OK;
}
