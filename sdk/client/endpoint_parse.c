/* SPDX-License-Identifier: Apache-2.0
 *
 * "NAME=URL,key=value,..." as the command line and simple configurations spell an endpoint, and a
 * check of the key file that an endpoint's options name.
 */
#include "sdk/client/client.h"
#include "sdk/core/alloc.h"
#include "sdk/core/continuation.h"
#include "sdk/core/error.h"
#include "sdk/core/price.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

#include <sys/stat.h>

/* Where repeated options are joined. */
typedef struct joined_room {
    char *buffer; /* the caller's; may be NULL */
    size_t size;
    size_t used;
} joined_room;

/* A second value is joined to the first in the caller's buffer. */
static amphi_status add_value(
    amphi_str *out, amphi_str value, char separator, joined_room *room, amphi_error *error)
{
    if (out->size == 0) {
        *out = value;
        return AMPHI_OK;
    }
    bool is_last = room->buffer != NULL && out->data + out->size == room->buffer + room->used;
    if (is_last)
        room->used -= out->size; /* it grows where it is */
    size_t needed = out->size + 1 + value.size;
    if (room->buffer == NULL || needed > room->size - room->used)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "endpoint: too many models, pins or headers");
    char *at = room->buffer + room->used;
    memmove(at, out->data, out->size);
    at[out->size] = separator;
    memcpy(at + out->size + 1, value.data, value.size);
    room->used += needed;
    *out = amphi_str_make(at, needed);
    return AMPHI_OK;
}

static amphi_status number_option(uint32_t *out, amphi_str key, amphi_str value, amphi_error *error)
{
    uint64_t number = 0;
    if (!amphi__str_to_u64(value, &number) || number > UINT32_MAX)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "endpoint: %.*s= takes a number", (int)key.size, key.data);
    *out = (uint32_t)number;
    return AMPHI_OK;
}

static amphi_status yes_option(bool *out, amphi_str key, amphi_str value, amphi_error *error)
{
    *out = amphi__str_equal_c(value, "yes");
    if (*out || amphi__str_equal_c(value, "no"))
        return AMPHI_OK;
    return amphi__fail(
        error, AMPHI_E_ARGUMENT, 0, "endpoint: %.*s= takes yes or no", (int)key.size, key.data);
}

/* "Name: value" */
static amphi_status add_header(
    amphi_endpoint_options *out, amphi_str value, joined_room *room, amphi_error *error)
{
    amphi_str text;
    (void)amphi__str_cut(value, ':', &text);
    if (amphi__str_trim(text).size == 0)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "endpoint: header= takes \"Name: value\", without a comma");
    return add_value(&out->headers, value, '\n', room, error);
}

static amphi_status continue_option(amphi_str *out, amphi_str value, amphi_error *error)
{
    amphi_continuation way;
    *out = value;
    if (value.size > 0 && amphi__continuation_parse(&way, value))
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
        "endpoint: continue= takes native, vllm, prefix, instruct, no or auto");
}

static amphi_status prices_option(amphi_endpoint_options *out, amphi_str value, amphi_error *error)
{
    if (out->prices.size > 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "endpoint: prices= is given twice; of several models: prices=a=0.15/0.60|b=2.5/10");
    out->prices = value;
    return amphi__price_list_check(value, error);
}

static amphi_status read_option(amphi_endpoint_options *out, amphi_str key, amphi_str value,
    joined_room *room, amphi_error *error)
{
    bool yes = false;
    amphi_status status = AMPHI_OK;
    bool guards = amphi__str_equal_c(key, "pin") || amphi__str_equal_c(key, "ca") ||
                  amphi__str_equal_c(key, "key-file") || amphi__str_equal_c(key, "headers-file") ||
                  amphi__str_equal_c(key, "header") || amphi__str_equal_c(key, "prices");
    if (guards && value.size == 0) /* an unset shell variable must not switch a check off */
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "endpoint: %.*s= needs a value", (int)key.size, key.data);
    if (amphi__str_equal_c(key, "model"))
        status = add_value(&out->model, value, '|', room, error);
    else if (amphi__str_equal_c(key, "key-file"))
        out->key_file = value;
    else if (amphi__str_equal_c(key, "ca"))
        out->ca_file = value;
    else if (amphi__str_equal_c(key, "pin"))
        status = add_value(&out->pins, value, ';', room, error);
    else if (amphi__str_equal_c(key, "header"))
        status = add_header(out, value, room, error);
    else if (amphi__str_equal_c(key, "headers-file"))
        out->headers_file = value;
    else if (amphi__str_equal_c(key, "context"))
        status = number_option(&out->context_tokens_max, key, value, error);
    else if (amphi__str_equal_c(key, "priority"))
        status = number_option(&out->priority, key, value, error);
    else if (amphi__str_equal_c(key, "weight"))
        status = number_option(&out->weight, key, value, error);
    else if (amphi__str_equal_c(key, "tls12"))
        status = yes_option(&out->tls12, key, value, error);
    else if (amphi__str_equal_c(key, "dialect"))
        out->dialect = value;
    else if (amphi__str_equal_c(key, "continue"))
        status = continue_option(&out->continues, value, error);
    else if (amphi__str_equal_c(key, "prices"))
        status = prices_option(out, value, error);
    else if (amphi__str_equal_c(key, "prefix")) {
        status = yes_option(&yes, key, value, error);
        out->prefix = yes ? AMPHI_YES : AMPHI_NO;
    } else
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "endpoint: unknown option \"%.*s\" (known: model key-file ca pin context priority "
            "weight continue tls12 dialect header headers-file prices)",
            (int)(key.size < 32 ? key.size : 32), key.data);
    return status;
}

amphi_status amphi_endpoint_parse(amphi_endpoint_options *out, amphi_str text, char *pins_buffer,
    size_t pins_size, amphi_error *error)
{
    amphi__error_clear(error);
    amphi_status status = AMPHI__SIZED_CHECK(amphi_endpoint_options, out, "out", error);
    if (status != AMPHI_OK)
        return status;
    amphi_endpoint_options own;
    amphi_endpoint_options_init(&own);
    amphi_str rest;
    joined_room room = {pins_buffer, pins_size, 0};
    amphi_str first = amphi__str_cut(text, ',', &rest);
    own.name = amphi__str_cut(first, '=', &own.url);
    if (own.name.size == 0 || own.url.size == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "endpoint: NAME=URL is expected, for example work=https://api.example.com/v1");
    while (rest.size > 0) {
        amphi_str value;
        amphi_str option = amphi__str_cut(rest, ',', &rest);
        amphi_str key = amphi__str_cut(option, '=', &value);
        status = read_option(&own, key, value, &room, error);
        if (status != AMPHI_OK)
            return status;
    }
    AMPHI__SIZED_WRITE(out, &own);
    return AMPHI_OK;
}

bool amphi__endpoint_key_is_exposed(const amphi_endpoint_options *options)
{
    struct stat file;
    char *path = amphi__str_copy(options->key_file);
    bool exposed = path != NULL && path[0] != '\0' && stat(path, &file) == 0 &&
                   S_ISREG(file.st_mode) && (file.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    amphi__free(path);
    return exposed;
}
