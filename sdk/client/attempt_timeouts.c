/* SPDX-License-Identifier: Apache-2.0
 *
 * The time budgets of an attempt, for local and cloud routes alike: until the first token, between
 * two tokens (silence in mid-answer), and the request's deadline over all attempts. The time until
 * a connection stands is limited by the transport (connect_ms, remote/http_curl_exchange.c). All in
 * awake time, so that a frozen app does not take an engine for silent.
 */
#include "sdk/client/attempt_state.h"

uint64_t amphi__attempt_check_timeouts(amphi_attempt *a, uint64_t now_us)
{
    const amphi_budgets *budgets = &a->args->step->budgets;
    uint64_t overdue_us = UINT64_MAX; /* when the next token is overdue */
    if (a->token_us == 0 && budgets->first_token_ms > 0)
        overdue_us = a->progress_us + (uint64_t)budgets->first_token_ms * 1000;
    else if (a->token_us > 0 && budgets->idle_ms > 0)
        overdue_us = a->token_us + (uint64_t)budgets->idle_ms * 1000;
    if (now_us >= a->args->deadline_us)
        amphi__attempt_stop(a, AMPHI_E_TIMEOUT, "the request's time is used up");
    else if (now_us >= overdue_us && a->token_us == 0)
        amphi__attempt_stop(a, AMPHI_E_TIMEOUT, "no first token within its budget");
    else if (now_us >= overdue_us)
        amphi__attempt_stop(a, AMPHI_E_TIMEOUT, "went silent in mid-answer");
    if (a->ended)
        return 0;
    uint64_t until_us = overdue_us < a->args->deadline_us ? overdue_us : a->args->deadline_us;
    uint64_t decide_us = a->held_us + AMPHI_SPLICE_HOLD_US; /* what is held back for the judge */
    if (a->held_us > 0 && decide_us < until_us)
        until_us = decide_us > now_us ? decide_us : now_us + 1;
    uint64_t show_us = a->handoff.is_holding ? amphi__handoff_until_us(&a->handoff) : UINT64_MAX;
    if (show_us < until_us)
        until_us = show_us > now_us ? show_us : now_us + 1;
    uint64_t wait_us = until_us == UINT64_MAX ? UINT64_MAX : until_us - now_us;
    bool local = a->info.kind == AMPHI_ENGINE_LOCAL;
    return local && wait_us > AMPHI_DEVICE_CHECK_US ? AMPHI_DEVICE_CHECK_US : wait_us;
}
