/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi/keys.h: the store's key, without a client.
 */
#include "sdk/client/client.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <amphi/keys.h>

amphi_status amphi_keys_describe(
    const amphi_client_options *options, amphi_keys_report *out, amphi_error *error)
{
    amphi_whole_options whole;
    amphi_keys_report own;
    amphi__error_clear(error);
    amphi_status status = AMPHI__SIZED_CHECK(amphi_keys_report, out, "out", error);
    if (status == AMPHI_OK)
        status = amphi__whole_options_read(&whole, options, error);
    if (status == AMPHI_OK)
        status = amphi__compose_keys(&own, &whole.own, &whole.parts, error);
    if (status == AMPHI_OK)
        AMPHI__SIZED_WRITE(out, &own);
    return status;
}

amphi_status amphi_keys_rekey(const amphi_client_options *options, amphi_error *error)
{
    amphi_whole_options whole;
    amphi__error_clear(error);
    amphi_status status = amphi__whole_options_read(&whole, options, error);
    return status == AMPHI_OK ? amphi__compose_rekey(&whole.own, &whole.parts, error) : status;
}

amphi_status amphi_keys_shred(const amphi_client_options *options, amphi_error *error)
{
    amphi_whole_options whole;
    amphi__error_clear(error);
    amphi_status status = amphi__whole_options_read(&whole, options, error);
    return status == AMPHI_OK ? amphi__compose_shred(&whole.own, &whole.parts, error) : status;
}
