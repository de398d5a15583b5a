/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi/repair.h: what works on a store that no client can open.
 */
#include "sdk/client/client.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <amphi/repair.h>

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

amphi_status amphi_history_check(
    const amphi_client_options *options, amphi_history_check_report *out, amphi_error *error)
{
    whole_options whole;
    amphi_history_check_report own;
    amphi__error_clear(error);
    amphi_status status = AMPHI__SIZED_CHECK(amphi_history_check_report, out, "out", error);
    if (status == AMPHI_OK)
        status = read_options(&whole, options, error);
    if (status == AMPHI_OK)
        status = amphi__compose_check(&own, &whole.own, &whole.parts, false, error);
    if (status == AMPHI_OK)
        AMPHI__SIZED_WRITE(out, &own);
    return status;
}

amphi_status amphi_history_repair(
    const amphi_client_options *options, amphi_history_repair_report *out, amphi_error *error)
{
    whole_options whole;
    amphi_history_repair_report own;
    amphi__error_clear(error);
    amphi_status status = AMPHI__SIZED_CHECK(amphi_history_repair_report, out, "out", error);
    if (status == AMPHI_OK)
        status = read_options(&whole, options, error);
    if (status == AMPHI_OK)
        status = amphi__compose_repair(&own, &whole.own, &whole.parts, error);
    if (status == AMPHI_OK)
        AMPHI__SIZED_WRITE(out, &own);
    return status;
}

amphi_status amphi_history_backup(amphi_client *client, amphi_str path, amphi_error *error)
{
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    if (client->store.ops->backup == NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "the store makes no backups");
    return client->store.ops->backup(client->store.self, path, error);
}
