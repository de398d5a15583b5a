/* SPDX-License-Identifier: Apache-2.0
 *
 * A setting's name is made of the key's parts; a long model's name is shortened to a hash of it.
 */
#include "sdk/client/learned.h"

#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <inttypes.h>
#include <stdio.h>

enum { NAME_BYTES_MAX = 64 };

/* FNV-1a, 64 bits: names differ, and are not chosen to be alike. */
static uint64_t hash(uint64_t seed, amphi_str text)
{
    for (size_t i = 0; i < text.size; i++)
        seed = (seed ^ (unsigned char)text.data[i]) * 0x100000001b3u;
    return (seed ^ 0xFF) * 0x100000001b3u; /* an end that no text has: "ab", "c" is not "a", "bc" */
}

/* "learned-engine-0123456789abcdef" */
static void write_name(const amphi_learned_key *key, char out[NAME_BYTES_MAX])
{
    uint64_t of_both = hash(hash(0xcbf29ce484222325u, key->route), key->model);
    snprintf(out, NAME_BYTES_MAX, "learned-%.24s-%016" PRIx64, key->topic, of_both);
}

static void read_value(void *user, amphi_str value)
{
    amphi_buf *out = user;
    if (value.size <= AMPHI_LEARNED_BYTES_MAX)
        amphi__buf_append_str(out, value);
}

void amphi__learned_read(amphi_client *client, const amphi_learned_key *key, amphi_buf *out)
{
    char name[NAME_BYTES_MAX];
    const amphi_store store = client->store;
    size_t before = out->size;
    write_name(key, name);
    if (store.ops->setting_get(store.self, amphi_str_from(name), read_value, out, NULL) != AMPHI_OK)
        amphi__buf_truncate(out, before);
}

static bool is_object(amphi_str text)
{
    amphi_str trimmed = amphi__str_trim(text);
    return text.size <= AMPHI_LEARNED_BYTES_MAX && trimmed.size > 0 && trimmed.data[0] == '{' &&
           amphi__json_check(text, "learned", NULL) == AMPHI_OK;
}

void amphi__learned_write(amphi_client *client, const amphi_learned_key *key, amphi_str object)
{
    char name[NAME_BYTES_MAX];
    amphi_error error;
    const amphi_store store = client->store;
    amphi_buf known;
    if (!is_object(object))
        return;
    amphi__buf_init(&known, AMPHI_LEARNED_BYTES_MAX);
    amphi__learned_read(client, key, &known);
    write_name(key, name);
    if (!amphi__str_equal(amphi__buf_str(&known), object) &&
        store.ops->setting_put(store.self, amphi_str_from(name), object, &error) != AMPHI_OK)
        amphi__log(&client->log, AMPHI_LOG_WARNING, "what %.*s has shown could not be kept: %s",
            (int)key->route.size, key->route.data, error.message);
    amphi__buf_clear(&known);
}
