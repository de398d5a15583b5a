/* SPDX-License-Identifier: Apache-2.0
 *
 * What is reported to the app of queued messages: in which order, on which thread, and that an
 * event comes again until the app has seen it.
 */
#include "sdk/client/outbox_events.h"

#include "sdk/core/str.h"
#include "tests/support/outbox_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static const scripted_step refuses[] = {{SCRIPT_FAIL, NULL, AMPHI_E_REQUEST}};

/* ---- an app that writes down what it hears ---- */

typedef struct app {
    pthread_mutex_t lock;
    char reported[1000];
    pthread_t thread;       /* of the last event */
    amphi_client *collects; /* not NULL: collects what has expired, at once */
} app;

static void note_event(void *user, const amphi_outbox_entry *entry)
{
    app *a = user;
    char line[300];
    snprintf(line, sizeof line, "%s %.*s [%.*s] %.*s\n", amphi_outbox_state_name(entry->state),
        (int)entry->conversation_id.size, entry->conversation_id.data,
        entry->state == AMPHI_OUTBOX_EXPIRED ? (int)entry->reason.size : 0, entry->reason.data,
        (int)entry->text.size, entry->text.data);
    pthread_mutex_lock(&a->lock);
    strncat(a->reported, line, sizeof a->reported - strlen(a->reported) - 1);
    a->thread = pthread_self();
    pthread_mutex_unlock(&a->lock);
    if (a->collects != NULL && entry->state == AMPHI_OUTBOX_EXPIRED)
        (void)amphi_outbox_collect(a->collects, entry->id, NULL);
}

static void expect_told(app *a, const char *text)
{
    char now[1000];
    for (int ms = 0; ms < OUTBOX_FIXTURE_LONG_MS; ms++) {
        pthread_mutex_lock(&a->lock);
        memcpy(now, a->reported, sizeof now);
        pthread_mutex_unlock(&a->lock);
        if (strlen(now) >= strlen(text))
            break;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_string_equal(now, text);
}

static void open_watching(chat_fixture *f, app *a, const scripted_step *cloud)
{
    *a = (app){.lock = PTHREAD_MUTEX_INITIALIZER};
    chat_fixture_init(f, says_hello, cloud);
    f->outbox_event = note_event;
    f->outbox_user = a;
    chat_fixture_start(f, NULL);
    outbox_fixture_set_network(f->client, "none");
}

static void restart(chat_fixture *f)
{
    amphi_client_free(f->client);
    chat_fixture_start(f, NULL);
}

static void events__queued_and_sent_reach_the_app(void **state)
{
    chat_fixture f;
    app a;
    open_watching(&f, &a, says_hello);
    outbox_fixture_queue(&f, "c", "Hi", NULL);
    expect_told(&a, "queued c [] Hi\n"); /* without a round of the sender */
    assert_false(pthread_equal(a.thread, pthread_self()));
    outbox_fixture_set_network(f.client, "free");
    (void)outbox_fixture_flush(f.client);
    expect_told(&a, "queued c [] Hi\nsent c [] \n");
    restart(&f);
    (void)outbox_fixture_flush(f.client);
    expect_told(&a, "queued c [] Hi\nsent c [] \n"); /* once */
    chat_fixture_close(&f);
}

static void events__expired_comes_with_text_and_reason_and_may_be_collected_at_once(void **state)
{
    chat_fixture f;
    app a;
    open_watching(&f, &a, refuses);
    chat_fixture_close(&f);
    chat_fixture_init(&f, says_hello, refuses);
    chat_fixture_store(&f, &(amphi_storage_options){.outbox_age_max_ms = 1});
    f.outbox_event = note_event;
    f.outbox_user = &a;
    chat_fixture_start(&f, NULL);
    a.collects = f.client;
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "c", "Hi", NULL);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); /* older than a millisecond */
    (void)outbox_fixture_flush(f.client);
    pthread_mutex_lock(&a.lock);
    const char *expired =
        strstr(a.reported, "expired c [not sent within 0 seconds; the last try: ");
    assert_non_null(expired);
    assert_string_equal(strrchr(expired, ']'), "] Hi\n");
    pthread_mutex_unlock(&a.lock);
    assert_int_equal(amphi_outbox_collect(f.client, AMPHI_STR("x"), NULL), AMPHI_E_NOT_FOUND);
    restart(&f);
    (void)outbox_fixture_flush(f.client);
    pthread_mutex_lock(&a.lock);
    assert_null(strstr(expired + 1, "expired"));
    pthread_mutex_unlock(&a.lock);
    chat_fixture_close(&f);
}

/* Another process delivers, which reports to no app. */
static void events__an_app_learns_at_its_next_start_what_others_sent(void **state)
{
    chat_fixture f;
    app a;
    open_watching(&f, &a, says_hello);
    outbox_fixture_queue(&f, "c", "Hi", NULL);
    expect_told(&a, "queued c [] Hi\n");
    f.outbox_event = NULL;
    restart(&f);
    outbox_fixture_set_network(f.client, "free");
    (void)outbox_fixture_flush(f.client);
    expect_told(&a, "queued c [] Hi\n");
    f.outbox_event = note_event;
    restart(&f);
    (void)outbox_fixture_flush(f.client);
    expect_told(&a, "queued c [] Hi\nsent c [] \n");
    chat_fixture_close(&f);
}

static amphi_store inner;
static bool dies; /* the process, before it can write that it reported */

static amphi_status change_or_die(
    void *self, const amphi_store_outbox_change *change, amphi_error *error)
{
    if (dies && change->kind == AMPHI_OUTBOX_CHANGE_REPORTED)
        return AMPHI_E_IO;
    return inner.ops->outbox_change(self, change, error);
}

static void events__come_again_until_the_app_has_seen_them(void **state)
{
    chat_fixture f;
    app a = {.lock = PTHREAD_MUTEX_INITIALIZER};
    chat_fixture_init(&f, says_hello, says_hello);
    inner = f.parts.store;
    amphi_store_ops hooked = *inner.ops;
    hooked.outbox_change = change_or_die;
    f.parts.store.ops = &hooked;
    f.outbox_event = note_event;
    f.outbox_user = &a;
    dies = true;
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    outbox_fixture_queue(&f, "c", "Hi", NULL);
    (void)outbox_fixture_flush(f.client);
    amphi_client_free(f.client);
    assert_int_equal(strncmp(a.reported, "queued c [] Hi\n", 15), 0); /* once, or at every round */
    a.reported[0] = '\0';
    dies = false;
    chat_fixture_start(&f, NULL);
    outbox_fixture_set_network(f.client, "none");
    for (int i = 0; i < 2; i++) {
        (void)outbox_fixture_flush(f.client);
        expect_told(&a, "queued c [] Hi\n");
    }
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events__queued_and_sent_reach_the_app),
        cmocka_unit_test(events__expired_comes_with_text_and_reason_and_may_be_collected_at_once),
        cmocka_unit_test(events__an_app_learns_at_its_next_start_what_others_sent),
        cmocka_unit_test(events__come_again_until_the_app_has_seen_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
