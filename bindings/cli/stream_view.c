/* SPDX-License-Identifier: Apache-2.0
 *
 * How a stream is printed: the answer on standard output as it comes; the route, the reason for it
 * and takeovers in dim lines on standard error; a progress bar while a model loads. Ctrl-C cancels
 * the answer, not the program.
 */
#include "cli.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    interrupted = 1;
}

typedef struct stream_view {
    const cli_options *options;
    bool has_bar;  /* a progress bar stands on the line */
    bool mid_line; /* the last words printed ended no line */
} stream_view;

/* Is what goes to standard error seen among the answer's words: on one terminal, or in one file? */
static bool shares_output(void)
{
    struct stat out;
    struct stat error;
    return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &error) == 0 &&
           out.st_dev == error.st_dev && out.st_ino == error.st_ino;
}

static void end_line(stream_view *view)
{
    if (view->mid_line)
        fputc('\n', stdout);
    view->mid_line = false;
    fflush(stdout);
}

static void draw_bar(stream_view *view, const amphi_event *event)
{
    if (view->options->json || isatty(STDERR_FILENO) != 1)
        return;
    if (shares_output())
        end_line(view); /* the bar is drawn over its whole line */
    cli_progress_bar_draw(event->text, event->progress_permille);
    view->has_bar = true;
}

static void clear_bar(stream_view *view)
{
    if (view->has_bar)
        cli_progress_bar_clear();
    view->has_bar = false;
}

/* A dim line of its own on standard error; with --json, nothing. */
static void note(stream_view *view, const char *format, ...) AMPHI_PRINTF(2, 3);

static void note(stream_view *view, const char *format, ...)
{
    char line[1024];
    if (view->options->json)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (shares_output())
        end_line(view);
    fputs(cli_dim(stderr), stderr);
    cli_print_text(stderr, amphi_str_from(line));
    fprintf(stderr, "%s\n", cli_plain(stderr));
}

static void print_words(stream_view *view, amphi_str text)
{
    if (view->options->json || text.size == 0)
        return;
    cli_print_text(stdout, text);
    fflush(stdout);
    view->mid_line = text.data[text.size - 1] != '\n';
}

static void show_event(stream_view *view, const amphi_event *event)
{
    if (event->kind != AMPHI_EVENT_PROGRESS)
        clear_bar(view);
    switch (event->kind) {
    case AMPHI_EVENT_PROGRESS:
        draw_bar(view, event);
        break;
    case AMPHI_EVENT_DELTA:
        print_words(view, event->text);
        break;
    case AMPHI_EVENT_REPLACE:
        end_line(view);
        note(view, "(the answer starts again)");
        print_words(view, event->text);
        break;
    case AMPHI_EVENT_TAKEOVER:
        note(view, "(%s took over from %s after %llu bytes: %s)", event->takeover->to,
            event->takeover->from, (unsigned long long)event->takeover->byte_offset,
            event->takeover->why);
        break;
    case AMPHI_EVENT_TOOL_CALL:
        note(view, "(tool call: %.*s)", (int)event->text.size, event->text.data);
        break;
    case AMPHI_EVENT_QUEUED:
        if (event->outbox_before > 0)
            note(view, "(%s; kept behind %u as %.*s)", event->error->message, event->outbox_before,
                (int)event->text.size, event->text.data);
        else
            note(view, "(%s; no route now: kept in the outbox as %.*s and sent when one returns)",
                event->error->message, (int)event->text.size, event->text.data);
        break;
    default:
        break;
    }
}

static const char *cached_because(const amphi_chat_result *result, char out[320])
{
    const char *stale = result->cache_is_stale ? ", past its time, as nothing else answers" : "";
    if (result->cache_match == AMPHI_CACHE_MATCH_NEAR)
        snprintf(out, 320, "asked before in other words: \"%.200s\" (%.2f alike)%s",
            result->cache_question.data, (double)result->cache_score, stale);
    else
        snprintf(out, 320, "the same was asked before%s", stale);
    return out;
}

/* "[local] ..." after the answer: its route, the reason in words, tokens and times. */
static void show_summary(stream_view *view, amphi_stream *stream)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    if (view->options->json || amphi_stream_result(stream, &result, NULL) != AMPHI_OK ||
        result.error != NULL)
        return;
    char why_cached[320];
    const char *why = result.cache_hit ? cached_because(&result, why_cached) : "";
    for (size_t i = 0; i < result.decision->entries_count && !result.cache_hit; i++) {
        const amphi_decision_route *route = &result.decision->entries[i].route;
        if (strlen(route->route) == result.route.size &&
            memcmp(route->route, result.route.data, result.route.size) == 0)
            why = route->why;
    }
    note(view, "[%.*s] %s (%u tokens, first after %u ms, %u ms in all)", (int)result.route.size,
        result.route.data, why, result.usage.completion_tokens, result.first_token_ms,
        result.total_ms);
    if (result.outbox_before > 0)
        note(view, "(%u earlier messages of this conversation still wait in the outbox)",
            result.outbox_before);
}

/* Was answered, and so is no failure. */
void cli_warn_of_history(amphi_stream *stream)
{
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    if (amphi_stream_result(stream, &result, NULL) == AMPHI_OK && result.history_error != NULL)
        cli_fail(result.history_error);
}

static int finish(stream_view *view, amphi_stream *stream, const amphi_event *last)
{
    int rc = last->kind == AMPHI_EVENT_DONE     ? CLI_OK
             : last->kind == AMPHI_EVENT_QUEUED ? CLI_QUEUED
                                                : CLI_FAILED;
    end_line(view);
    if (view->options->json) {
        char *json = NULL;
        amphi_error why;
        if (amphi_stream_result_json(stream, &json, &why) == AMPHI_OK)
            puts(json);
        amphi_string_free(json);
    } else if (isatty(STDERR_FILENO) || view->options->verbose) {
        show_summary(view, stream);
    }
    fflush(stdout);
    if (last->kind == AMPHI_EVENT_ERROR)
        return cli_fail_of_request(last->error, last->provider);
    cli_warn_of_history(stream);
    return rc;
}

int cli_stream_view(amphi_stream *stream, const cli_options *options)
{
    stream_view view = {.options = options};
    amphi_event event;
    amphi_error error;
    struct sigaction on = {.sa_handler = on_interrupt};
    struct sigaction before;
    interrupted = 0;
    sigaction(SIGINT, &on, &before);
    for (;;) {
        amphi_status status = amphi_stream_next(stream, 100, &event, &error);
        if (interrupted)
            amphi_stream_cancel(stream);
        if (status == AMPHI_E_TIMEOUT)
            continue;
        if (status != AMPHI_OK) {
            sigaction(SIGINT, &before, NULL);
            return cli_fail(&error);
        }
        show_event(&view, &event);
        if (amphi_event_is_terminal(&event))
            break;
    }
    sigaction(SIGINT, &before, NULL);
    return finish(&view, stream, &event);
}
