/* SPDX-License-Identifier: Apache-2.0
 *
 * One app that has its engine broken again and again, through the public API: what it shows to its
 * user is held against the promises, run by run, and what it holds (descriptors, memory, children)
 * against what it held at the beginning.
 */
#include "tests/fault/fault.h"
#include "tests/support/engine_recorder.h"
#include "tests/support/process_count.h"
#include "tests/support/scratch_dir.h"

#include "local/local.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"

#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_GROWTH_MAX (6u << 20)

typedef struct app {
    scratch_dir dir;
    amphi_engine local;
    char model[256];
    bool real;
    amphi_parts parts;
    amphi_client *client;
    amphi_buf expected; /* the whole answer */
    size_t before_last; /* how much of it there is before its last token */
} app;

/* Every breaker and ledger stays open: these runs are about one death each. No faster than 400
 * tokens per second, so that there is a middle to be hit. */
static const char policy[] =
    "{\"mode\":\"prefer_local\",\"breaker\":{\"failures\":1000,\"failure_percent\":0},\"crash\":{"
    "\"limit\":1000,\"outside_limit\":0},"
    "\"local\":{\"tokens_per_second_max\":400},\"memory\":{\"max_percent\":100,"
    "\"unload_percent\":100}}";

static void snapshot(void *self, amphi_device_facts *out)
{
    amphi_device_facts_init(out); /* a device about which nothing is known */
}

static const amphi_device_ops device_ops = {
    .struct_size = sizeof(amphi_device_ops), .name = "unknown", .snapshot = snapshot};

static bool copy_model(app *a)
{
    static const char *const places[] = {
        "../shared/vectors/models/stories260K-f32.gguf", "local/models/amphi-help.gguf"};
    size_t size = 0;
    char *data = NULL;

    for (size_t i = 0; i < 2 && data == NULL; i++)
        data = scratch_read(places[i], &size);
    if (data != NULL) {
        snprintf(a->model, sizeof a->model, "%s", scratch_dir_file(&a->dir, "model.gguf"));
        scratch_write(a->model, data, size, 0600);
    }
    free(data);
    return size > 0;
}

static bool open_engine(app *a)
{
    amphi_local_options options;

    if (!a->real)
        return fault_scripted_engine(&a->local, a->model);
    memset(&options, 0, sizeof options);
    if (!copy_model(a))
        return false;
    options.model_path = amphi_str_from(a->model);
    options.threads = 1;
    options.context_tokens_max = 256;
    return amphi__local_engine_new(&a->local, &options, NULL) == AMPHI_OK;
}

static bool open_app(app *a, bool real)
{
    amphi_client_options options;
    amphi_error error;

    memset(a, 0, sizeof *a);
    a->real = real;
    amphi__buf_init(&a->expected, 0);
    scratch_dir_make(&a->dir);
    if (!open_engine(a))
        return false;
    amphi_parts_init(&a->parts);
    a->parts.local = a->local;
    a->parts.device.ops = &device_ops;
    a->parts.engines = fault_cloud_engine();
    a->parts.engines_count = 1;
    amphi_client_options_init(&options);
    options.data_dir = amphi_str_from(a->dir.path);
    options.policy_json = amphi_str_from(policy);
    options.parts = &a->parts;
    if (amphi_client_new(&a->client, &options, &error) != AMPHI_OK) {
        fprintf(stderr, "%s\n", error.message);
        return false;
    }
    return true;
}

static void close_app(app *a)
{
    amphi_client_free(a->client);
    a->local.ops->free(a->local.self);
    amphi__buf_clear(&a->expected);
    if (!a->real)
        unlink(a->model);
    scratch_dir_remove(&a->dir);
}

/* ---- one run ---- */

/* What the user's screen showed. */
typedef struct screen {
    amphi_buf text;
    size_t before_last; /* its size before the last piece */
    unsigned terminals, after_terminal, takeovers, replaces;
    bool done;
    bool prefix_exact; /* whatever stood there was a beginning of the answer */
    uint64_t taken_over_at;
    char why[160]; /* the error's words */
} screen;

typedef struct killer {
    const fault_run *run;
    const app *app;
    bool struck, hit;
} killer;

static void strike(killer *k)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGKILL, SIGSTOP};
    int worker = k->struck ? 0 : only_child();

    k->struck = true;
    k->hit = worker > 0 && kill(worker, signals[k->run->kind]) == 0;
}

/* From outside, when the screen shows that the moment has come. */
static void strike_when_due(killer *k, const amphi_event *event, size_t shown)
{
    size_t whole = k->app->expected.size;
    bool text = event->kind == AMPHI_EVENT_DELTA || event->kind == AMPHI_EVENT_REPLACE;
    bool due = false;

    if (!k->app->real || k->struck)
        return;
    switch (k->run->phase) {
    case FAULT_AT_LOAD:
        due = event->kind == AMPHI_EVENT_PROGRESS;
        break;
    case FAULT_AT_PREFILL:
        due = event->kind == AMPHI_EVENT_PROGRESS && event->text.size > 0 &&
              event->text.data[0] == 'r'; /* "reading the prompt" */
        break;
    case FAULT_AT_FIRST_TOKEN:
        due = text;
        break;
    case FAULT_AT_MIDDLE:
        due = text && shown >= whole / 2;
        break;
    case FAULT_AT_LAST_TOKEN:
        due = text && shown >= k->app->before_last && shown < whole;
        break;
    case FAULT_AFTER_LAST:
        due = amphi_event_is_terminal(event);
        break;
    default:
        break;
    }
    if (due)
        strike(k);
}

static void show(screen *s, const app *a, const amphi_event *event)
{
    if (s->terminals > 0)
        s->after_terminal++;
    s->terminals += amphi_event_is_terminal(event);
    s->done |= event->kind == AMPHI_EVENT_DONE;
    if (event->error != NULL)
        amphi__str_copy_to(s->why, sizeof s->why, amphi_str_from(event->error->message));
    if (event->kind == AMPHI_EVENT_TAKEOVER) {
        s->takeovers++;
        s->taken_over_at = event->takeover->byte_offset;
        s->prefix_exact = s->prefix_exact && s->taken_over_at == s->text.size;
    }
    if (event->kind == AMPHI_EVENT_REPLACE) {
        s->replaces++;
        amphi__buf_truncate(&s->text, 0);
    }
    if (event->kind == AMPHI_EVENT_DELTA || event->kind == AMPHI_EVENT_REPLACE) {
        s->before_last = s->text.size;
        amphi__buf_append_str(&s->text, event->text);
    }
    s->prefix_exact = s->prefix_exact && s->text.size <= a->expected.size &&
                      memcmp(s->text.data == NULL ? "" : s->text.data,
                          a->expected.size == 0 ? "" : a->expected.data, s->text.size) == 0;
}

/* A long prompt, so that reading it takes more than one step. */
static const char prompt[] =
    "Once upon a time there was a little boat that wanted to see the sea. It asked the river, and "
    "the river asked the rain, and the rain asked the wind, and the wind did not know. So the boat "
    "asked the bridge, and the bridge asked the road, and the road asked the hill, and the hill "
    "said that the sea was near. Every day the boat looked at the hill, and every day the hill "
    "looked at the sea. One day";

static amphi_stream *ask(app *a, amphi_mode mode)
{
    const amphi_message message = {AMPHI_ROLE_USER, amphi_str_from(prompt)};
    amphi_chat_request request;
    amphi_stream *stream = NULL;

    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = mode;
    request.no_cache = true;
    request.no_queue = true;
    request.sampling.temperature = 0;
    request.sampling.tokens_max = 40;
    return amphi_chat_start(&stream, a->client, &request, NULL) == AMPHI_OK ? stream : NULL;
}

/* Another file, so that the engine starts anew and this run has a first phase. */
static bool renew_model(app *a, const fault_run *run)
{
    char text[64];

    if (a->real) {
        struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
        return utimensat(AT_FDCWD, a->model, times, 0) == 0;
    }
    snprintf(
        text, sizeof text, "%s@%s", fault_kind_names[run->kind], fault_phase_names[run->phase]);
    return fault_write_script(a->model, text);
}

fault_seen fault_seen_of(fault_phase phase)
{
    switch (phase) {
    case FAULT_AT_SPAWN:
        return FAULT_SEEN_START;
    case FAULT_AT_LOAD:
        return FAULT_SEEN_LOAD;
    case FAULT_AT_PREFILL:
        return FAULT_SEEN_PREFILL;
    case FAULT_AFTER_LAST:
        return FAULT_SEEN_NO_DEATH;
    default:
        return FAULT_SEEN_TOKEN;
    }
}

static fault_seen seen_in(amphi_str why)
{
    static const struct {
        const char *words;
        fault_seen seen;
    } table[] = {{"while starting", FAULT_SEEN_START},
        {"while reading the model's header", FAULT_SEEN_START},
        {"while loading the model", FAULT_SEEN_LOAD},
        {"while reading the prompt", FAULT_SEEN_PREFILL}, {"while generating", FAULT_SEEN_TOKEN},
        {"while ", FAULT_SEEN_OTHER}};

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (amphi__str_find(why, amphi_str_from(table[i].words)) != SIZE_MAX)
            return table[i].seen;
    return FAULT_SEEN_NO_DEATH;
}

/* The first death of the request: later ones are of its second start. */
static fault_seen seen_of(const amphi_chat_result *result)
{
    fault_seen seen = FAULT_SEEN_NO_DEATH;

    for (size_t i = 0; i < result->takeovers_count && seen == FAULT_SEEN_NO_DEATH; i++)
        seen = seen_in(amphi_str_from(result->takeovers[i].why));
    if (seen == FAULT_SEEN_NO_DEATH && result->error != NULL)
        seen = seen_in(amphi_str_from(result->error->message));
    return seen;
}

static const char *judge(const fault_run *run, const screen *s, const app *a, fault_seen seen)
{
    bool cloud_answers = run->cloud == FAULT_CLOUD_OK || run->cloud == FAULT_CLOUD_SLOW;

    if (s->terminals != 1 || s->after_terminal != 0)
        return "not exactly one terminal event";
    if (!s->prefix_exact)
        return "what was delivered is no beginning of the answer";
    if (s->done && s->text.size != a->expected.size)
        return "a part was called a whole answer";
    if (cloud_answers && !s->done)
        return "the cloud was there, and the answer did not come";
    if (run->phase == FAULT_AFTER_LAST && !s->done)
        return "an answer that was whole was lost";
    if (!a->real && run->phase < FAULT_AFTER_LAST && !cloud_answers && s->done)
        return "no engine could have finished this answer";
    if (!a->real && seen != fault_seen_of((fault_phase)run->phase))
        return "it did not die in that phase, or no report says so";
    return NULL;
}

/* Kills the worker before its first message: on a thread of its own, while the client still reads
 * the model's header. */
static void *strike_at_spawn(void *opaque)
{
    killer *k = opaque;

    for (int i = 0; i < 2000 && !k->struck; i++) {
        if (only_child() > 0)
            strike(k);
        usleep(300);
    }
    return NULL;
}

static void watch(app *a, amphi_stream *stream, killer *k, screen *s)
{
    amphi_event event;

    while (amphi_stream_next(stream, 30000, &event, NULL) == AMPHI_OK) {
        show(s, a, &event);
        if (k != NULL)
            strike_when_due(k, &event, s->text.size);
    }
}

static void screen_init(screen *s)
{
    memset(s, 0, sizeof *s);
    amphi__buf_init(&s->text, 0);
    s->prefix_exact = true;
}

static void do_run(app *a, const fault_run *run, fault_result *out)
{
    killer k = {run, a, false, false};
    pthread_t thread;
    bool from_thread = a->real && run->phase == FAULT_AT_SPAWN;
    screen s;
    const char *broken = NULL;
    amphi_stream *stream = NULL;

    screen_init(&s);
    for (int i = 0; i < 2000 && a->real && count_children() > 0; i++) {
        a->local.ops->unload(a->local.self, true);
        usleep(500);
    }
    fault_cloud_set((fault_cloud)run->cloud, a->expected.data);
    from_thread = renew_model(a, run) && from_thread &&
                  pthread_create(&thread, NULL, strike_at_spawn, &k) == 0;
    stream = ask(a, AMPHI_MODE_PREFER_LOCAL);
    if (stream != NULL) {
        amphi_chat_result result;
        amphi_chat_result_init(&result);

        watch(a, stream, &k, &s);
        if (amphi_stream_result(stream, &result, NULL) != AMPHI_OK)
            memset(&result, 0, sizeof result);
        out->seen = (uint8_t)seen_of(&result);
        broken = judge(run, &s, a, (fault_seen)out->seen);
        if (!amphi__str_equal(result.text, amphi__buf_str(&s.text)) ||
            (result.error == NULL) != s.done)
            broken = broken != NULL ? broken : "the result is not what was shown";
        out->total_ms = result.total_ms;
    } else {
        broken = "the request did not start";
    }
    amphi_stream_free(stream);
    k.struck = true;
    if (from_thread)
        pthread_join(thread, NULL);
    out->struck = k.hit;
    out->kept = broken == NULL;
    out->took_over = s.takeovers > 0;
    out->whole = s.done;
    snprintf(out->broken, sizeof out->broken, "%s (%s)", broken != NULL ? broken : "", s.why);
    amphi__buf_clear(&s.text);
}

/* The answer as it is when nothing breaks. */
static bool learn_expected(app *a)
{
    screen s;
    amphi_stream *stream = NULL;

    for (int i = 0; i < FAULT_WORDS && !a->real; i++)
        amphi__buf_printf(&a->expected, "word%02d ", i);
    if (!a->real)
        return a->expected.status == AMPHI_OK;
    screen_init(&s);
    stream = ask(a, AMPHI_MODE_ONLY_LOCAL);
    if (stream != NULL)
        watch(a, stream, NULL, &s);
    amphi_stream_free(stream);
    a->expected = s.text;
    a->before_last = s.before_last;
    amphi__buf_append_char(&a->expected, '\0');
    amphi__buf_truncate(&a->expected, a->expected.size > 0 ? a->expected.size - 1 : 0);
    return s.done && a->expected.size > 20;
}

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return (uint64_t)pages * 4096;
}

static int leftovers(int descriptors, uint64_t resident, uint64_t resident_now)
{
    int status = 0;

    for (int i = 0; i < 1000 && count_children() > 0; i++)
        usleep(5000);
    if (count_children() != 0) {
        fprintf(stderr, "fault: %d processes were left behind\n", count_children());
        status = 3;
    }
    if (count_descriptors() != descriptors) {
        fprintf(stderr, "fault: %d descriptors at the end, %d at the beginning\n",
            count_descriptors(), descriptors);
        status = 3;
    }
    if (resident_now > resident + MEMORY_GROWTH_MAX) {
        fprintf(stderr, "fault: memory grew from %llu to %llu KiB\n",
            (unsigned long long)(resident >> 10), (unsigned long long)(resident_now >> 10));
        status = 3;
    }
    return status;
}

int fault_app(
    const fault_run *runs, uint32_t from, uint32_t step, uint32_t count, bool real, int out_fd)
{
    int descriptors = count_descriptors();
    uint64_t resident = 0;
    uint64_t resident_now = 0;
    uint32_t done = 0;
    app a;

    if (!open_app(&a, real) || !learn_expected(&a)) {
        fprintf(stderr, "fault: the app could not be opened (%s worker)\n", real ? "real" : "own");
        return 4;
    }
    for (uint32_t i = from; i < count; i += step) {
        fault_result result = {.run = i};

        if (runs[i].real != real)
            continue;
        do_run(&a, &runs[i], &result);
        if (write(out_fd, &result, sizeof result) != (ssize_t)sizeof result)
            return 4;
        if (++done == 40) /* everything has been used once by then */
            resident = resident_bytes();
    }
    resident_now = resident_bytes();
    close_app(&a);
    return leftovers(descriptors, resident > 0 ? resident : resident_now, resident_now);
}
