/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a count: a caller asks, the engine takes the question and answers it. A caller that
 * went away meanwhile leaves the place to the engine, whose answer frees it.
 */
#include "local/token_count.h"

#include "sdk/core/awake.h"

#define WAIT_US 100000u

void amphi__token_count_ask(amphi_token_count *count, amphi_str body)
{
    *count = (amphi_token_count){.step = AMPHI_COUNT_ASKED, .body = body};
}

amphi_status amphi__token_count_wait(
    amphi_token_count *count, amphi_mutex *lock, amphi_cond *changed, uint32_t *out)
{
    amphi_awake awake = {0};
    uint64_t until_us = amphi__awake_us(&awake, NULL) + WAIT_US;
    for (uint64_t now_us = amphi__awake_us(&awake, NULL);
         count->step != AMPHI_COUNT_DONE && now_us < until_us;
         now_us = amphi__awake_us(&awake, NULL))
        amphi__cond_wait_us(changed, lock, amphi__awake_slice_us(&awake, until_us - now_us));
    bool answered = count->step == AMPHI_COUNT_DONE && count->status == AMPHI_OK;
    if (answered)
        *out = count->tokens;
    if (count->step == AMPHI_COUNT_TAKEN)
        count->abandoned = true;
    else
        count->step = AMPHI_COUNT_FREE;
    return answered ? AMPHI_OK : AMPHI_E_BUSY;
}

void amphi__token_count_take(amphi_token_count *count)
{
    count->step = AMPHI_COUNT_TAKEN;
    count->body = amphi_str_make(NULL, 0);
}

void amphi__token_count_answer(amphi_token_count *count, amphi_status status, uint32_t tokens)
{
    count->step = count->abandoned ? AMPHI_COUNT_FREE : AMPHI_COUNT_DONE;
    count->status = status;
    count->tokens = tokens;
}
