/* SPDX-License-Identifier: Apache-2.0
 *
 * A singly linked list with its end, and a count.
 */
#include "local/run_queue.h"

#include "sdk/core/error.h"

amphi_status amphi__run_queue_add(amphi_run_queue *queue, amphi_engine_run *run)
{
    if (queue->count > AMPHI_LOCAL_QUEUE_MAX)
        return AMPHI_E_BUSY;
    queue->last_id++;
    if (queue->last_id == 0) /* 0 is "none" where a run is cancelled by its id */
        queue->last_id++;
    run->id = queue->last_id;
    *(queue->last != NULL ? &queue->last->next : &queue->first) = run;
    queue->last = run;
    queue->count++;
    return AMPHI_OK;
}

amphi_status amphi__run_queue_refused(amphi_status status, amphi_error *error)
{
    return status == AMPHI_E_BUSY
               ? amphi__fail(error, status, 0, "the local engine has %d requests waiting",
                     AMPHI_LOCAL_QUEUE_MAX)
               : amphi__fail(error, status, 0, "can't start the local engine's thread");
}

amphi_engine_run *amphi__run_queue_next(amphi_run_queue *queue)
{
    if (queue->current == NULL && queue->first != NULL) {
        queue->current = queue->first;
        queue->first = queue->current->next;
        queue->current->next = NULL;
        if (queue->first == NULL)
            queue->last = NULL;
    }
    return queue->current;
}

amphi_engine_run *amphi__run_queue_take_abandoned(amphi_run_queue *queue, bool all)
{
    amphi_engine_run *taken = NULL;
    amphi_engine_run **taken_end = &taken;
    amphi_engine_run **link = &queue->first;
    queue->last = NULL;
    while (*link != NULL) {
        amphi_engine_run *run = *link;
        if (all || run->cancelled || run->evicted) {
            *link = run->next;
            run->next = NULL;
            *taken_end = run;
            taken_end = &run->next;
        } else {
            queue->last = run;
            link = &run->next;
        }
    }
    return taken;
}

void amphi__run_queue_evict(amphi_run_queue *queue)
{
    for (amphi_engine_run *run = queue->first; run != NULL; run = run->next)
        run->evicted = true;
    if (queue->current != NULL)
        queue->current->evicted = true;
}

void amphi__run_queue_ended(amphi_run_queue *queue, amphi_engine_run *run)
{
    if (queue->current == run)
        queue->current = NULL;
    queue->count--;
    run->ended = true;
}
