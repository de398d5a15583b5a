/* SPDX-License-Identifier: Apache-2.0
 *
 * The transport of a build without a network: every request is refused with AMPHI_E_UNSUPPORTED.
 */
#include "remote/remote.h"

#include "sdk/core/error.h"

static amphi_status none_start(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    *out = NULL;
    return amphi__fail(
        error, AMPHI_E_UNSUPPORTED, 0, "this build of Amphi has no network transport");
}

static void none_cancel(void *self, amphi_http_exchange *exchange)
{
}

static void none_release(void *self, amphi_http_exchange *exchange)
{
}

static void none_free(void *self)
{
}

static const amphi_http_ops none_ops = {
    .struct_size = sizeof none_ops,
    .name = "none",
    .start = none_start,
    .cancel = none_cancel,
    .release = none_release,
    .warm = NULL,
    .free = none_free,
};

amphi_status amphi__http_new(amphi_http *out, amphi_error *error)
{
    out->ops = &none_ops;
    out->self = NULL;
    return AMPHI_OK;
}
