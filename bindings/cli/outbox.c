/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi outbox: what waits for a route or has expired, sending it now, and letting go of it.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct printer {
    bool json;
    bool first;
    cli_json writer;
} printer;

static void print_json_entry(cli_json *json, const amphi_outbox_entry *item)
{
    cli_json_open(json, NULL, '{');
    cli_json_str(json, "id", item->id);
    cli_json_str(json, "conversation_id", item->conversation_id);
    cli_json_c(json, "state", amphi_outbox_state_name(item->state));
    cli_json_int(json, "created_ms", item->created_ms);
    cli_json_uint(json, "age_ms", item->age_ms);
    cli_json_uint(json, "attempts", item->attempts);
    cli_json_bool(json, "being_sent", item->is_being_sent);
    cli_json_int(json, "not_before_ms", item->not_before_ms);
    cli_json_str(json, "reason", item->reason);
    cli_json_str(json, "text", item->text);
    cli_json_raw(json, "request", item->request_json);
    cli_json_close(json, '}');
}

static bool print_entry(void *user, const amphi_outbox_entry *item)
{
    printer *p = user;
    if (p->json) {
        print_json_entry(&p->writer, item);
    } else {
        cli_print_name(stdout, item->id);
        fputs("  conversation ", stdout);
        cli_print_name(stdout, item->conversation_id);
        printf(", %s%s, %u attempts", amphi_outbox_state_name(item->state),
            item->is_being_sent ? ", being sent" : "", item->attempts);
        if (item->reason.size > 0) {
            fputs(": ", stdout);
            cli_print_text(stdout, item->reason);
        }
        fputs("\n    ", stdout);
        cli_print_text(stdout, item->text);
        putchar('\n');
    }
    p->first = false;
    return true;
}

/* What is left, and why. Each entry that waits counts once. */
typedef struct left {
    unsigned waiting;
    unsigned being_sent; /* by another process, or by us: the wait has an end */
    unsigned put_off;    /* not to be tried yet */
    unsigned behind;     /* an earlier message of its conversation waits */
    unsigned failed;     /* its last try did */
    unsigned untried;    /* none was made: another sender had it, or this program may not send it */
    int64_t next_ms;     /* when the first of those put off may go again */
    unsigned expired;
    amphi_str *conversations; /* of the entries that waited so far; data is owned */
    unsigned conversations_count;
} left;

/* Does an earlier entry of its conversation wait? Without memory for that: it is said of none. */
static bool is_behind(left *l, amphi_str conversation)
{
    for (unsigned i = 0; i < l->conversations_count; i++)
        if (l->conversations[i].size == conversation.size && conversation.size > 0 &&
            memcmp(l->conversations[i].data, conversation.data, conversation.size) == 0)
            return true;
    amphi_str *larger =
        realloc(l->conversations, (l->conversations_count + 1) * sizeof *l->conversations);
    char *copy = malloc(conversation.size + 1);
    l->conversations = larger != NULL ? larger : l->conversations;
    if (larger == NULL || copy == NULL) {
        free(copy);
        return false;
    }
    if (conversation.size > 0)
        memcpy(copy, conversation.data, conversation.size);
    l->conversations[l->conversations_count++] = amphi_str_make(copy, conversation.size);
    return false;
}

static void forget_conversations(left *l)
{
    while (l->conversations_count > 0)
        free((char *)l->conversations[--l->conversations_count].data);
    free(l->conversations);
    l->conversations = NULL;
}

static bool count_left(void *user, const amphi_outbox_entry *item)
{
    left *l = user;
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    if (item->state == AMPHI_OUTBOX_EXPIRED) {
        l->expired++;
        return true;
    }
    l->waiting++;
    if (is_behind(l, item->conversation_id)) {
        l->behind++;
    } else if (item->is_being_sent) {
        l->being_sent++;
    } else if (item->not_before_ms > now_ms) {
        l->next_ms = l->put_off++ == 0 || item->not_before_ms < l->next_ms ? item->not_before_ms
                                                                           : l->next_ms;
    } else if (item->attempts > 0) {
        l->failed++;
    } else {
        l->untried++;
    }
    return true;
}

typedef struct reasons {
    unsigned shown;
    unsigned more;
} reasons;

static bool print_reason(void *user, const amphi_outbox_entry *item)
{
    enum { SHOWN_MAX = 10 };
    reasons *r = user;
    if (item->state != AMPHI_OUTBOX_QUEUED || item->is_being_sent || item->attempts == 0 ||
        item->reason.size == 0)
        return true;
    if (r->shown == SHOWN_MAX) {
        r->more++;
        return true;
    }
    r->shown++;
    fputs("    ", stdout);
    cli_print_name(stdout, item->id);
    fputs(": ", stdout);
    cli_print_text(stdout, item->reason);
    putchar('\n');
    return true;
}

static void print_count(const char **gap, unsigned count, const char *what)
{
    if (count == 0)
        return;
    printf("%s%u %s", *gap, count, what);
    *gap = ", ";
}

/* One line, and one for each reason. */
static amphi_status print_waiting(amphi_client *client, const left *l, amphi_error *error)
{
    const char *gap = ": ";
    reasons r = {0, 0};
    printf("%u still wait", l->waiting);
    print_count(&gap, l->being_sent, "being sent");
    print_count(&gap, l->put_off, "put off, the next try in ");
    if (l->put_off > 0)
        printf("%lld min", ((long long)l->next_ms / 1000 - (long long)time(NULL) + 59) / 60);
    print_count(&gap, l->failed, "could not be sent");
    print_count(&gap, l->untried,
        "not tried (another sender had it, or this program keeps all on the device)");
    print_count(&gap, l->behind, "behind an earlier message of the same conversation");
    putchar('\n');
    amphi_status status = amphi_outbox_entries(client, print_reason, &r, error);
    if (r.more > 0)
        printf("    and %u more: amphi outbox list shows all\n", r.more);
    return status;
}

static void print_json_left(const left *l)
{
    cli_json json = {stdout, false};
    cli_json_open(&json, NULL, '{');
    cli_json_uint(&json, "left", l->waiting);
    cli_json_uint(&json, "being_sent", l->being_sent);
    cli_json_uint(&json, "put_off", l->put_off);
    cli_json_uint(&json, "failed", l->failed);
    cli_json_uint(&json, "untried", l->untried);
    cli_json_uint(&json, "behind", l->behind);
    cli_json_uint(&json, "expired", l->expired);
    cli_json_end(&json);
}

static int send_all(amphi_client *client, bool json)
{
    enum { WAIT_MS = 60000 };
    left l = {.waiting = 0};
    amphi_error error;
    amphi_status status = amphi_outbox_flush(client, WAIT_MS, NULL, &error);
    if (status == AMPHI_OK)
        status = amphi_outbox_entries(client, count_left, &l, &error);
    forget_conversations(&l);
    if (status == AMPHI_OK && json)
        print_json_left(&l);
    else if (status == AMPHI_OK && l.waiting > 0)
        status = print_waiting(client, &l, &error);
    if (status != AMPHI_OK)
        return cli_fail(&error);
    if (!json && l.expired > 0)
        printf("%u expired and will not be sent: amphi outbox list shows why,"
               " amphi outbox collect ID forgets one\n",
            l.expired);
    if (!json && l.waiting + l.expired == 0)
        puts("the outbox is empty");
    return l.waiting + l.expired == 0 ? CLI_OK : CLI_QUEUED;
}

static int list(amphi_client *client, bool json)
{
    printer p = {.json = json, .first = true, .writer = {stdout, false}};
    amphi_error error;
    int rc = CLI_OK;
    if (json) {
        cli_json_open(&p.writer, NULL, '{');
        cli_json_open(&p.writer, "entries", '[');
    }
    if (amphi_outbox_entries(client, print_entry, &p, &error) != AMPHI_OK)
        rc = cli_fail(&error);
    if (json) {
        cli_json_close(&p.writer, ']');
        cli_json_end(&p.writer);
    } else if (p.first && rc == CLI_OK) {
        puts("the outbox is empty");
    }
    if (rc == CLI_OK && cli_is_damaged(client))
        rc = CLI_FAILED;
    return rc;
}

static int let_go(amphi_client *client, const char *verb, const char *id, bool json)
{
    amphi_error error;
    bool is_cancel = strcmp(verb, "cancel") == 0;
    amphi_status status = is_cancel ? amphi_outbox_cancel(client, amphi_str_from(id), &error)
                                    : amphi_outbox_collect(client, amphi_str_from(id), &error);
    if (status != AMPHI_OK)
        return cli_fail(&error);
    if (json) {
        cli_json out = {stdout, false};
        cli_json_open(&out, NULL, '{');
        cli_json_c(&out, is_cancel ? "cancelled" : "collected", id);
        cli_json_end(&out);
    } else {
        printf("%s %s\n", is_cancel ? "cancelled" : "collected", id);
    }
    return CLI_OK;
}

static int run(cli_options *options)
{
    const char *verb = options->words_count > 0 ? options->words[0] : "list";
    bool takes_id = strcmp(verb, "cancel") == 0 || strcmp(verb, "collect") == 0;
    if (!takes_id && strcmp(verb, "list") != 0 && strcmp(verb, "send") != 0)
        return cli_usage("outbox: list, send, cancel ID or collect ID is what it takes");
    if (options->words_count > (takes_id ? 2u : 1u) || (takes_id && options->words_count < 2))
        return cli_usage(takes_id ? "outbox: one ID is needed; amphi outbox list shows them"
                                  : "outbox: list and send take no further word");
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    int rc = takes_id                    ? let_go(client, verb, options->words[1], options->json)
             : strcmp(verb, "send") == 0 ? send_all(client, options->json)
                                         : list(client, options->json);
    amphi_client_free(client);
    return rc;
}

const cli_command cli_outbox = {
    .name = "outbox",
    .summary = "messages that wait for a route: list, send, cancel, collect",
    .help =
        "usage: amphi outbox [list|send|cancel ID|collect ID] [flags]\n"
        "\n"
        "A message that no route could answer waits here, encrypted, and is sent once when a\n"
        "route returns: by any client that runs, or by send, which also tries what is put off.\n"
        "A later message of its conversation sends it first, or waits behind it. Without a\n"
        "word: list.\n"
        "One that is too old when a try fails (policy: outbox.age_max_s), or that is refused\n"
        "three times, an hour apart, expires: it keeps its text and the reason until collect\n"
        "forgets it. send says what keeps the rest.\n"
        "cancel forgets one that waits; if it is being sent, its answer is dropped.\n"
        "Exit status of send: 0 the outbox is empty, 3 some messages still wait or have\n"
        "expired.\n"
        "\n"
        "Example: amphi outbox send --endpoint work=https://api.example.com/v1\n",
    .run = run,
};
