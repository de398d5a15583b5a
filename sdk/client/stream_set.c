/* SPDX-License-Identifier: Apache-2.0
 *
 * A list and a reference count. A thread that uses a stream of the list without owning it
 * (amphi_client_free) holds it; amphi_stream_free, which other threads may call meanwhile, waits
 * for that.
 */
#include "sdk/client/stream_set.h"

#include "sdk/client/stream.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

struct amphi_stream_set {
    amphi_mutex lock; /* guards what follows, and the places of the streams */
    amphi_cond changed;
    amphi_stream *first;
    uint32_t references; /* the client's, and one per stream in the list */
    bool closing;
};

static void set_free(amphi_stream_set *set)
{
    if (set == NULL)
        return;
    amphi__cond_clear(&set->changed);
    amphi__mutex_clear(&set->lock);
    amphi__free(set);
}

amphi_status amphi__stream_set_new(amphi_stream_set **out, amphi_error *error)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    amphi_stream_set *set = amphi__calloc(1, sizeof *set);
    if (set == NULL)
        goto cleanup;
    set->references = 1;
    status = amphi__mutex_init(&set->lock);
    if (status == AMPHI_OK)
        status = amphi__cond_init(&set->changed);
    if (status != AMPHI_OK)
        goto cleanup;
    *out = set;
    set = NULL;
cleanup:
    set_free(set);
    return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}

void amphi__stream_set_unref(amphi_stream_set *set)
{
    if (set == NULL)
        return;
    amphi__mutex_lock(&set->lock);
    bool last = --set->references == 0;
    amphi__mutex_unlock(&set->lock);
    if (last)
        set_free(set);
}

bool amphi__stream_set_add(amphi_stream_set *set, amphi_stream *stream)
{
    amphi__mutex_lock(&set->lock);
    bool open = !set->closing;
    if (open) {
        stream->place = (amphi_stream_place){.set = set, .next = set->first};
        if (set->first != NULL)
            set->first->place.previous = stream;
        set->first = stream;
        set->references++;
    }
    amphi__mutex_unlock(&set->lock);
    return open;
}

/* Under the lock, which is given up meanwhile. After this the stream has no driver. */
static void join(amphi_stream_set *set, amphi_stream *stream)
{
    amphi_driver *driver = stream->driver;
    stream->driver = NULL;
    stream->place.holds++;
    amphi__mutex_unlock(&set->lock);
    amphi__driver_join(driver);
    amphi__mutex_lock(&set->lock);
    stream->place.holds--;
    amphi__cond_broadcast(&set->changed);
}

void amphi__stream_set_leave(amphi_stream *stream)
{
    amphi_stream_place *place = &stream->place;
    amphi_stream_set *set = place->set;
    amphi__mutex_lock(&set->lock);
    if (stream->driver != NULL)
        join(set, stream);
    while (place->holds > 0)
        amphi__cond_wait(&set->changed, &set->lock);
    if (place->previous != NULL)
        place->previous->place.next = place->next;
    else
        set->first = place->next;
    if (place->next != NULL)
        place->next->place.previous = place->previous;
    amphi__mutex_unlock(&set->lock);
    amphi__stream_set_unref(set);
}

void amphi__stream_set_cancel_all(amphi_stream_set *set)
{
    if (set == NULL)
        return;
    amphi__mutex_lock(&set->lock);
    set->closing = true;
    for (amphi_stream *stream = set->first; stream != NULL; stream = stream->place.next) {
        if (stream->request.outbox_id != NULL)
            continue;
        stream->place.holds++; /* so it stays in the list */
        amphi__mutex_unlock(&set->lock);
        amphi_stream_cancel(stream);
        amphi__mutex_lock(&set->lock);
        stream->place.holds--;
        amphi__cond_broadcast(&set->changed);
    }
    amphi__mutex_unlock(&set->lock);
}

bool amphi__stream_set_is_closing(amphi_stream_set *set)
{
    amphi__mutex_lock(&set->lock);
    bool closing = set->closing;
    amphi__mutex_unlock(&set->lock);
    return closing;
}

bool amphi__stream_set_has_key(amphi_stream_set *set, amphi_str key)
{
    amphi__mutex_lock(&set->lock);
    const amphi_stream *stream = set->first;
    while (stream != NULL && !amphi__str_equal_c(key, stream->key))
        stream = stream->place.next;
    amphi__mutex_unlock(&set->lock);
    return stream != NULL;
}

/* Under the lock. One whose request may be running, NULL when there is none. */
static amphi_stream *find_running(const amphi_stream_set *set)
{
    amphi_stream *stream = set->first;
    while (stream != NULL && stream->driver == NULL && stream->place.holds == 0)
        stream = stream->place.next;
    return stream;
}

void amphi__stream_set_join_all(amphi_stream_set *set)
{
    if (set == NULL)
        return;
    amphi__mutex_lock(&set->lock);
    for (amphi_stream *stream = find_running(set); stream != NULL; stream = find_running(set))
        if (stream->driver != NULL)
            join(set, stream);
        else /* another thread is about to free it, and joins its driver */
            amphi__cond_wait(&set->changed, &set->lock);
    amphi__mutex_unlock(&set->lock);
}
