/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi/repair.h: what works on a store that no client can open.
 */
#include "sdk/client/client.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <amphi/repair.h>

amphi_status amphi_history_check(
    const amphi_client_options *options, amphi_history_check_report *out, amphi_error *error)
{
    amphi_whole_options whole;
    amphi_history_check_report own;
    amphi__error_clear(error);
    amphi_status status = AMPHI__SIZED_CHECK(amphi_history_check_report, out, "out", error);
    if (status == AMPHI_OK)
        status = amphi__whole_options_read(&whole, options, error);
    if (status == AMPHI_OK)
        status = amphi__compose_check(&own, &whole.own, &whole.parts, false, error);
    if (status == AMPHI_OK)
        AMPHI__SIZED_WRITE(out, &own);
    return status;
}

amphi_status amphi_history_repair(
    const amphi_client_options *options, amphi_history_repair_report *out, amphi_error *error)
{
    amphi_whole_options whole;
    amphi_history_repair_report own;
    amphi__error_clear(error);
    amphi_status status = AMPHI__SIZED_CHECK(amphi_history_repair_report, out, "out", error);
    if (status == AMPHI_OK)
        status = amphi__whole_options_read(&whole, options, error);
    if (status == AMPHI_OK)
        status = amphi__compose_repair(&own, &whole.own, &whole.parts, error);
    if (status == AMPHI_OK)
        AMPHI__SIZED_WRITE(out, &own);
    return status;
}

amphi_status amphi_history_lost(
    const amphi_client_options *options, char *words, size_t capacity, amphi_error *error)
{
    amphi_whole_options whole;
    amphi__error_clear(error);
    if (words == NULL || capacity == 0)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "words is NULL, or capacity is 0");
    words[0] = '\0';
    amphi_status status = amphi__whole_options_read(&whole, options, error);
    return status == AMPHI_OK
               ? amphi__compose_lost(words, capacity, &whole.own, &whole.parts, error)
               : status;
}
