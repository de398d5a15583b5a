/* SPDX-License-Identifier: Apache-2.0
 *
 * Replacements for the client's built-in parts, handed over in amphi_client_options.parts. A value
 * whose ops is NULL means the built-in part. A table that is given is read once, by
 * amphi_client_new, which refuses it by name when a required entry is missing. Its self is
 * borrowed: it must outlive the client, which does not call `free`.
 */
#ifndef AMPHI_EXT_PARTS_H
#define AMPHI_EXT_PARTS_H

#include <amphi/client.h>
#include <amphi/ext/cache.h>
#include <amphi/ext/clock.h>
#include <amphi/ext/device.h>
#include <amphi/ext/engine.h>
#include <amphi/ext/http.h>
#include <amphi/ext/keys.h>
#include <amphi/ext/store.h>

/* SIZED, read. */
struct amphi_parts {
    size_t struct_size;
    const amphi_clock *clock;    /* NULL: the system's */
    amphi_keys keys;             /* built-in: a file in data_dir, mode 0600 */
    amphi_store store;           /* built-in: SQLCipher in data_dir */
    amphi_http http;             /* built-in: libcurl */
    amphi_device device;         /* built-in: the platform's probe */
    amphi_engine local;          /* built-in: the worker process */
    const amphi_engine *engines; /* further engines, after the local one and the endpoints */
    size_t engines_count;
    /* Built-in: none; answers that are cached lie in the store. */
    amphi_shared_cache shared_cache;
};

static inline void amphi_parts_init(amphi_parts *parts)
{
    memset(parts, 0, sizeof *parts);
    parts->struct_size = sizeof *parts;
}

#endif
