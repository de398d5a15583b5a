/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of answers under way and the thread that saves them. The thread copies an answer's text
 * under the stream's lock and writes it outside of every lock of ours; an answer's end waits for a
 * write of its own that is under way, and for nothing else.
 */
#include "sdk/client/drafts.h"

#include "sdk/client/history_write.h"
#include "sdk/client/stream.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"

#define INTERVAL_US (500u * 1000)

typedef struct draft {
    struct draft *next;
    amphi_stream *stream;
    size_t saved_bytes; /* of the text, when it was saved last */
    bool is_saved;      /* ever */
} draft;

struct amphi_drafts {
    amphi_client *client;
    amphi_mutex lock; /* guards what follows */
    amphi_cond changed;
    draft *first;
    amphi_stream *writing; /* whose draft is being written; NULL: none */
    bool closing;
    amphi_thread thread;
};

/* Under the lock, which is given up meanwhile. */
static void save(amphi_drafts *drafts, draft *d)
{
    amphi_buf text;
    amphi_stream *stream = d->stream;
    amphi__buf_init(&text, 0);
    amphi__mutex_lock(&stream->lock);
    bool is_new = !d->is_saved || stream->text.size != d->saved_bytes;
    if (is_new)
        amphi__buf_append_str(&text, amphi__buf_str(&stream->text));
    amphi__mutex_unlock(&stream->lock);
    if (is_new && text.status == AMPHI_OK) {
        d->saved_bytes = text.size;
        d->is_saved = true;
        drafts->writing = stream;
        amphi__mutex_unlock(&drafts->lock);
        amphi__history_write_draft(stream, amphi__buf_str(&text));
        amphi__mutex_lock(&drafts->lock);
        drafts->writing = NULL;
        amphi__cond_broadcast(&drafts->changed);
    }
    amphi__buf_wipe(&text);
}

/* The n-th of the list, which may have changed since the last one was saved. */
static draft *at(amphi_drafts *drafts, size_t n)
{
    draft *d = drafts->first;
    while (d != NULL && n-- > 0)
        d = d->next;
    return d;
}

static void run(void *arg)
{
    amphi_drafts *drafts = arg;
    uint64_t due_us = 0; /* 0: no answer was under way */
    amphi__mutex_lock(&drafts->lock);
    while (!drafts->closing) {
        uint64_t now_us = amphi__clock_us(NULL);
        if (drafts->first == NULL) {
            due_us = 0;
            amphi__cond_wait(&drafts->changed, &drafts->lock);
        } else if (due_us == 0) {
            due_us = now_us + INTERVAL_US; /* not at once: the first token comes first */
        } else if (now_us < due_us) {
            (void)amphi__cond_wait_us(&drafts->changed, &drafts->lock, due_us - now_us);
        } else {
            for (size_t i = 0; at(drafts, i) != NULL && !drafts->closing; i++)
                save(drafts, at(drafts, i));
            due_us = amphi__clock_us(NULL) + INTERVAL_US;
        }
    }
    amphi__mutex_unlock(&drafts->lock);
}

void amphi__drafts_begin(amphi_drafts *drafts, amphi_stream *stream)
{
    const amphi_store store = stream->client->store;
    if (drafts == NULL || stream->has_draft || store.ops->draft_put == NULL ||
        stream->request.conversation_id[0] == '\0' || stream->request.outbox_id != NULL)
        return;
    draft *made = amphi__calloc(1, sizeof *made);
    if (made == NULL)
        return; /* the answer itself goes on */
    made->stream = stream;
    stream->has_draft = true;
    amphi__mutex_lock(&drafts->lock);
    made->next = drafts->first;
    drafts->first = made;
    if (!drafts->thread.started &&
        amphi__thread_start(&drafts->thread, "amphi-drafts", run, drafts) != AMPHI_OK)
        amphi__log(&drafts->client->log, AMPHI_LOG_WARNING, "drafts: no thread");
    amphi__cond_broadcast(&drafts->changed);
    amphi__mutex_unlock(&drafts->lock);
}

void amphi__drafts_end(amphi_drafts *drafts, amphi_stream *stream)
{
    if (drafts == NULL || !stream->has_draft)
        return;
    amphi__mutex_lock(&drafts->lock);
    draft **link = &drafts->first;
    while (*link != NULL && (*link)->stream != stream)
        link = &(*link)->next;
    draft *found = *link;
    while (drafts->writing == stream)
        amphi__cond_wait(&drafts->changed, &drafts->lock);
    if (found != NULL) {
        for (link = &drafts->first; *link != found;)
            link = &(*link)->next;
        *link = found->next;
    }
    amphi__mutex_unlock(&drafts->lock);
    amphi__free(found);
}

amphi_status amphi__drafts_new(amphi_drafts **out, amphi_client *client, amphi_error *error)
{
    amphi_drafts *drafts = amphi__calloc(1, sizeof *drafts);
    if (drafts == NULL)
        return amphi__fail_no_memory(error);
    drafts->client = client;
    if (amphi__mutex_init(&drafts->lock) != AMPHI_OK ||
        amphi__cond_init(&drafts->changed) != AMPHI_OK) {
        amphi__free(drafts);
        return amphi__fail_no_memory(error);
    }
    *out = drafts;
    return AMPHI_OK;
}

void amphi__drafts_free(amphi_drafts *drafts)
{
    if (drafts == NULL)
        return;
    amphi__mutex_lock(&drafts->lock);
    drafts->closing = true;
    amphi__cond_broadcast(&drafts->changed);
    amphi__mutex_unlock(&drafts->lock);
    if (drafts->thread.started)
        amphi__thread_join(&drafts->thread);
    amphi__cond_clear(&drafts->changed);
    amphi__mutex_clear(&drafts->lock);
    amphi__free(drafts);
}
