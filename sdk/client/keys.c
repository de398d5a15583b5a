/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi/keys.h: the store's key, without a client.
 */
#include "sdk/client/client.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <amphi/keys.h>

/* The caller's options and parts as this version's. */
typedef struct whole_options {
    amphi_client_options own;
    amphi_endpoint_options endpoints[AMPHI_ROUTES_MAX - 1];
    amphi_parts parts;
    amphi_tables tables;
} whole_options;

static amphi_status read_options(
    whole_options *out, const amphi_client_options *source, amphi_error *error)
{
    amphi_status status = amphi__client_options_read(&out->own, out->endpoints, source, error);
    return status == AMPHI_OK ? amphi__parts_read(&out->parts, &out->tables, out->own.parts, error)
                              : status;
}

amphi_status amphi_keys_describe(
    const amphi_client_options *options, amphi_keys_report *out, amphi_error *error)
{
    whole_options whole;
    amphi_keys_report own;
    amphi__error_clear(error);
    amphi_status status = AMPHI__SIZED_CHECK(amphi_keys_report, out, "out", error);
    if (status == AMPHI_OK)
        status = read_options(&whole, options, error);
    if (status == AMPHI_OK)
        status = amphi__compose_keys(&own, &whole.own, &whole.parts, error);
    if (status == AMPHI_OK)
        AMPHI__SIZED_WRITE(out, &own);
    return status;
}

amphi_status amphi_keys_rekey(const amphi_client_options *options, amphi_error *error)
{
    whole_options whole;
    amphi__error_clear(error);
    amphi_status status = read_options(&whole, options, error);
    return status == AMPHI_OK ? amphi__compose_rekey(&whole.own, &whole.parts, error) : status;
}

amphi_status amphi_keys_shred(const amphi_client_options *options, amphi_error *error)
{
    whole_options whole;
    amphi__error_clear(error);
    amphi_status status = read_options(&whole, options, error);
    return status == AMPHI_OK ? amphi__compose_shred(&whole.own, &whole.parts, error) : status;
}
