/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi history: conversations, messages, the reason behind each answer, and what users do with
 * them. With --json the library's own JSON form answers.
 */
#include "history.h"

#include "shared_cache.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

/* ---- Printing ---- */

typedef struct printer {
    bool first;
    bool why;
} printer;

static void print_time(int64_t ms)
{
    char text[32];
    time_t seconds = (time_t)(ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    fputs(text, stdout);
}

static bool print_conversation(void *user, const amphi_history_conversation *item)
{
    printer *p = user;
    print_time(item->updated_ms);
    fputs(item->is_pinned ? " * " : "   ", stdout);
    cli_print_name(stdout, item->id);
    printf("%*s %4" PRIu64 "  ", item->id.size < 24 ? 24 - (int)item->id.size : 0, "",
        item->messages_count);
    cli_print_name(stdout, item->title);
    puts(item->is_archived ? " (archived)" : "");
    p->first = false;
    return true;
}

static bool print_message(void *user, const amphi_history_message *item)
{
    printer *p = user;
    printf("%s%" PRId64 " ", cli_dim(stdout), item->id);
    cli_print_name(stdout, item->role);
    fputs(item->route.size > 0 ? ", " : "", stdout);
    cli_print_name(stdout, item->route);
    printf("%s%s%s\n", item->privacy != AMPHI_PRIVACY_NONE ? ", stays on this device" : "",
        item->state == AMPHI_MESSAGE_PARTIAL ? ", unfinished" : "", cli_plain(stdout));
    cli_print_text(stdout, item->content);
    fputs("\n\n", stdout);
    if (p->why && item->decision_json.size > 0)
        printf("%s%.*s%s\n\n", cli_dim(stdout), (int)item->decision_json.size,
            item->decision_json.data, cli_plain(stdout));
    p->first = false;
    return true;
}

/* ---- Arguments ---- */

/* "30d", "12h", "45m", "90s". */
static bool parse_age(const char *text, uint64_t *ms)
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'d', 86400000}, {'h', 3600000}, {'m', 60000}, {'s', 1000}};
    char *end = NULL;
    unsigned long long number = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (text[0] >= '0' && text[0] <= '9' && end[0] == units[i].unit && end[1] == '\0' &&
            number > 0 && number <= 1000000) {
            *ms = number * units[i].ms;
            return true;
        }
    cli_usage("--older-than takes a number and d, h, m or s, as in 30d");
    return false;
}

static bool number_of(const cli_history_call *c, const char *flag, uint64_t most, uint64_t *out)
{
    const char *text = cli_own(c->options, flag);
    return text == NULL || cli_number(flag, text, most, out);
}

bool cli_history_has(const cli_history_call *c, const char *flag)
{
    return cli_own(c->options, flag) != NULL;
}

/* 0 stands for "not given" from here on. */
static bool message_is_one(const cli_history_call *c)
{
    if (!cli_history_has(c, "--message") || c->message_id != 0)
        return true;
    cli_usage("message_id: --message takes a message's id, 1 or more");
    return false;
}

static bool read_flags(cli_history_call *c)
{
    const char *age = cli_own(c->options, "--older-than");
    return number_of(c, "--limit", UINT32_MAX, &c->limit) &&
           number_of(c, "--from", INT64_MAX, &c->from_id) &&
           number_of(c, "--before", INT64_MAX, &c->before_id) &&
           number_of(c, "--message", INT64_MAX, &c->message_id) && message_is_one(c) &&
           number_of(c, "--max-bytes", INT64_MAX, &c->max_bytes) &&
           (age == NULL || parse_age(age, &c->max_age_ms));
}

/* ---- With --json ---- */

static void put_number(cli_json *json, const char *name, uint64_t value)
{
    if (value != 0)
        cli_json_uint(json, name, value);
}

static void put_words(cli_json *json, const char *name, const char *text)
{
    if (text != NULL)
        cli_json_c(json, name, text);
}

/* `flag` is a member that is true or false; NULL: none. */
static void write_request(
    const cli_history_call *c, const char *op, const char *flag, bool value, FILE *to)
{
    cli_json json = {to, false};
    cli_json_open(&json, NULL, '{');
    cli_json_c(&json, "op", op);
    if (flag != NULL)
        cli_json_bool(&json, flag, value);
    put_words(&json, "conversation_id", c->id);
    put_words(&json, "title", c->title);
    put_words(&json, "words", c->words);
    put_words(&json, "cursor", cli_own(c->options, "--cursor"));
    if (cli_history_has(c, "--archived"))
        cli_json_bool(&json, "archived", true);
    if (cli_history_has(c, "--reverse"))
        cli_json_bool(&json, c->id != NULL ? "newest_first" : "backwards", true);
    put_number(&json, "limit", c->limit);
    put_number(&json, "from_id", c->from_id);
    put_number(&json, "before_id", c->before_id);
    put_number(&json, "message_id", c->message_id);
    put_number(&json, "max_age_ms", c->max_age_ms);
    put_number(&json, "max_bytes", c->max_bytes);
    cli_json_end(&json);
}

/* The receipt of a deletion has the count; in no string stands a quote that is not escaped. */
static void say_left(const cli_history_call *c, const char *answer)
{
    static const char member[] = "\"shared_left\":";
    const char *at = strstr(answer, member);
    uint64_t count = at != NULL ? strtoull(at + sizeof member - 1, NULL, 10) : 0;
    if (count > 0)
        cli_history_say_left(c->options, count);
}

static int answer_with_flag(cli_history_call *c, const char *op, const char *flag, bool value)
{
    char *request = NULL;
    char *answer = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&request, &size);
    if (to == NULL)
        return cli_usage("out of memory");
    write_request(c, op, flag, value, to);
    fclose(to);
    amphi_status status =
        amphi_history_json(c->client, amphi_str_make(request, size), &answer, &c->error);
    if (status == AMPHI_OK) {
        puts(answer);
        say_left(c, answer);
    }
    amphi_string_free(answer);
    free(request);
    return status == AMPHI_OK ? CLI_OK : cli_fail(&c->error);
}

int cli_history_answer_json(cli_history_call *c, const char *op)
{
    return answer_with_flag(c, op, NULL, false);
}

/* ---- Verbs ---- */

/* After reading: what came may not be all of it. An error that says so itself is enough. */
static int end_reading(cli_history_call *c, int rc)
{
    if (rc != CLI_OK && c->error.status == AMPHI_E_CORRUPT)
        return rc;
    return cli_is_damaged(c->client) ? CLI_FAILED : rc;
}

int cli_history_finish(cli_history_call *c, amphi_status status, const char *done)
{
    if (status == AMPHI_OK && done != NULL)
        puts(done);
    return status == AMPHI_OK ? CLI_OK : cli_fail(&c->error);
}

static int run_list(cli_history_call *c)
{
    printer p = {.first = true};
    amphi_history_query query;
    if (c->options->json)
        return cli_history_answer_json(c, "list");
    amphi_history_query_init(&query);
    query.cursor = amphi_str_from(cli_own(c->options, "--cursor"));
    query.limit = (uint32_t)c->limit;
    query.backwards = cli_history_has(c, "--reverse");
    query.with_archived = cli_history_has(c, "--archived");
    amphi_status status = amphi_history_list(c->client, &query, print_conversation, &p, &c->error);
    return cli_history_finish(c, status,
        p.first && query.cursor.size == 0 ? "no conversations yet; --conversation ID keeps one"
                                          : NULL);
}

static int run_show(cli_history_call *c)
{
    printer p = {.first = true, .why = cli_history_has(c, "--why")};
    amphi_history_message_query query;
    if (c->options->json)
        return cli_history_answer_json(c, "show");
    amphi_history_message_query_init(&query);
    query.conversation_id = amphi_str_from(c->id);
    query.from_id = (int64_t)c->from_id;
    query.limit = (uint32_t)c->limit;
    query.newest_first = cli_history_has(c, "--reverse");
    return cli_history_finish(
        c, amphi_history_read(c->client, &query, print_message, &p, &c->error), NULL);
}

static int run_rename(cli_history_call *c)
{
    if (c->options->json)
        return cli_history_answer_json(c, "rename");
    return cli_history_finish(c,
        amphi_history_rename(c->client, amphi_str_from(c->id), amphi_str_from(c->title), &c->error),
        c->title[0] != '\0' ? "renamed" : "the title is the first question's again");
}

static int pin(cli_history_call *c, bool pinned)
{
    if (c->options->json)
        return answer_with_flag(c, "pin", "pinned", pinned);
    return cli_history_finish(c,
        amphi_history_pin(c->client, amphi_str_from(c->id), pinned, &c->error),
        pinned ? "pinned" : "no longer pinned");
}

static int archive(cli_history_call *c, bool archived)
{
    if (c->options->json)
        return answer_with_flag(c, "archive", "archived", archived);
    return cli_history_finish(c,
        amphi_history_archive(c->client, amphi_str_from(c->id), archived, &c->error),
        archived ? "archived; --archived lists it" : "no longer archived");
}

static int run_pin(cli_history_call *c)
{
    return pin(c, true);
}

static int run_unpin(cli_history_call *c)
{
    return pin(c, false);
}

static int run_archive(cli_history_call *c)
{
    return archive(c, true);
}

static int run_unarchive(cli_history_call *c)
{
    return archive(c, false);
}

/* ---- The command ---- */

static char *join_words(const cli_options *options)
{
    size_t size = 1;
    for (size_t i = 1; i < options->words_count; i++)
        size += strlen(options->words[i]) + 1;
    char *text = calloc(1, size);
    for (size_t i = 1; text != NULL && i < options->words_count; i++) {
        if (i > 1)
            strcat(text, " ");
        strcat(text, options->words[i]);
    }
    return text;
}

static int run_search(cli_history_call *c)
{
    amphi_search_query query;
    char *words = join_words(c->options);
    if (words == NULL)
        return cli_usage("out of memory");
    c->id = c->options->conversation;
    c->words = words;
    amphi_search_query_init(&query);
    query.words = amphi_str_from(words);
    query.conversation_id = amphi_str_from(c->id);
    query.limit = c->limit < UINT32_MAX ? (uint32_t)c->limit : UINT32_MAX;
    query.before_id = (int64_t)c->before_id;
    int rc =
        c->options->json ? cli_history_answer_json(c, "search") : cli_history_search(c, &query);
    free(words);
    return rc;
}

/* What follows the verb: a conversation's id, its title as well, a file, or any words. */
typedef enum takes { NOTHING, ID, ID_AND_TITLE, FILE_NAME, WORDS } takes;

static const struct verb {
    const char *name;
    int (*run)(cli_history_call *c);
    int (*run_alone)(cli_options *options); /* instead: it makes its own client, or none */
    takes takes;
    bool reads; /* and shows it: says when it may not be all */
} verbs[] = {
    {"list", run_list, NULL, NOTHING, true},
    {"show", run_show, NULL, ID, true},
    {"rename", run_rename, NULL, ID_AND_TITLE, false},
    {"pin", run_pin, NULL, ID, false},
    {"unpin", run_unpin, NULL, ID, false},
    {"archive", run_archive, NULL, ID, false},
    {"unarchive", run_unarchive, NULL, ID, false},
    {"delete", cli_history_run_delete, NULL, ID, false},
    {"prune", cli_history_run_prune, NULL, NOTHING, false},
    {"export", cli_history_run_export, NULL, NOTHING, true},
    {"import", cli_history_run_import, NULL, FILE_NAME, false},
    {"erase-all", cli_history_run_erase_all, NULL, NOTHING, false},
    {"search", run_search, NULL, WORDS, true},
    {"check", NULL, cli_history_check, NOTHING, false},
    {"repair", NULL, cli_history_repair, NOTHING, false},
    {"backup", NULL, cli_history_backup, FILE_NAME, false},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static bool has_its_words(const struct verb *verb, size_t count)
{
    static const char *const words[] = {[NOTHING] = "no words",
        [ID] = "the conversation's id",
        [ID_AND_TITLE] = "the conversation's id and its title, in quotes",
        [FILE_NAME] = "a file",
        [WORDS] = "the words to be found"};
    static const size_t counts[] = {
        [NOTHING] = 0, [ID] = 1, [ID_AND_TITLE] = 2, [FILE_NAME] = 1, [WORDS] = 1};
    bool fits = count == counts[verb->takes] || (verb->takes == WORDS && count > 0);
    if (!fits)
        cli_usage("history %s takes %s", verb->name, words[verb->takes]);
    return fits;
}

/* The verb and its words. Without a verb: a conversation's messages, or all conversations. */
static const struct verb *choose(cli_history_call *c)
{
    const cli_options *options = c->options;
    size_t count = options->words_count;
    const struct verb *verb = find_verb(count > 0 ? options->words[0] : "list");
    if (count > 0 && verb != NULL) {
        const char *first = count > 1 ? options->words[1] : NULL;
        if (!has_its_words(verb, count - 1))
            return NULL;
        c->id = verb->takes == ID || verb->takes == ID_AND_TITLE ? first : NULL;
        c->title = verb->takes == ID_AND_TITLE ? options->words[2] : NULL;
        c->file = verb->takes == FILE_NAME ? first : NULL;
        return verb;
    }
    c->id = count > 0 ? options->words[0] : options->conversation;
    if (count > 1) {
        cli_usage("history: %s is no verb (--help lists them), and takes no words", c->id);
        return NULL;
    }
    if (cli_history_has(c, "--delete") && c->id == NULL) {
        cli_usage("history --delete takes the conversation's id");
        return NULL;
    }
    return find_verb(cli_history_has(c, "--delete") ? "delete" : c->id != NULL ? "show" : "list");
}

/* What would narrow another verb down is not passed over where more would go than was meant. */
static bool narrows_nothing_else(const cli_history_call *c, const struct verb *verb)
{
    static const char *const flags[] = {
        "--message", "--older-than", "--max-bytes", "--limit", "--before", "--from", "--cursor"};
    bool one = verb->run == cli_history_run_delete;
    bool some = verb->run == cli_history_run_prune;
    if (!one && !some && verb->run != cli_history_run_erase_all)
        return true;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (cli_history_has(c, flags[i]) && !(one && i == 0) && !(some && (i == 1 || i == 2))) {
            cli_usage("%s: unknown to history %s", flags[i], verb->name);
            return false;
        }
    if (!one && c->options->conversation != NULL) {
        cli_usage("--conversation: unknown to history %s", verb->name);
        return false;
    }
    return true;
}

static int run(cli_options *options)
{
    cli_history_call c = {.options = options};
    const struct verb *verb = choose(&c);
    if (verb == NULL || !narrows_nothing_else(&c, verb) || !read_flags(&c))
        return CLI_USAGE;
    if (verb->run_alone != NULL)
        return verb->run_alone(options);
    if (verb->run == cli_history_run_export && cli_is_lost(options, "nothing was exported: "))
        return CLI_FAILED;
    cli_shared_cache shared;
    int rc = cli_shared_cache_open(&shared, options);
    if (rc != CLI_OK)
        return rc;
    c.client = cli_client_new(options);
    rc = c.client == NULL ? CLI_FAILED : verb->run(&c);
    if (c.client != NULL && verb->reads)
        rc = end_reading(&c, rc);
    amphi_client_free(c.client);
    cli_shared_cache_close(&shared);
    return rc;
}

static const char *const own_flags[] = {"--delete", "--why",
    "--limit=", "--before=", "--cursor=", "--from=", "--reverse", "--archived",
    "--message=", "--older-than=", "--max-bytes=", "--out=", "--include-private", "--records",
    "--yes", "--shared-cache=", "--shared-cache-key=", NULL};

const cli_command cli_history = {
    .name = "history",
    .summary = "conversations, messages, and why each answer came from where",
    .help =
        "usage: amphi history [flags] [CONVERSATION]\n"
        "       amphi history VERB [flags] [WORDS]\n"
        "\n"
        "Shows the messages of a conversation; without one, all conversations, the pinned (*)\n"
        "first, then those used last. Verbs:\n"
        "  list, show ID         the same, in pages\n"
        "  rename ID TITLE       an empty title: the first question's again\n"
        "  pin|unpin|archive|unarchive ID\n"
        "  delete ID             every copy of a conversation, or of one message, for good\n"
        "  prune                 what is too old or too much goes; pinned conversations stay\n"
        "  export                JSON Lines, without what may not leave the device\n"
        "  import FILE           what an export wrote (-: standard input)\n"
        "  erase-all             every conversation, cached answer and waiting message, and the\n"
        "                        damaged stores that repairs kept aside\n"
        "  search WORDS          messages that hold all words, newest first: case and accents say\n"
        "                        nothing, '\"some words\"' stand in this order, the last word may\n"
        "                        be a beginning; in one conversation with --conversation ID\n"
        "  check                 verifies every page of the store\n"
        "  repair                saves what can be read of a damaged one; the old file is kept\n"
        "                        aside, under a name that it prints: no deletion but erase-all\n"
        "                        reaches it\n"
        "  backup FILE           copies the store into a new file, also while it is in use; the\n"
        "                        copy opens with the same store.key. Refused, as export is,\n"
        "                        while the store is lost (amphi history check)\n"
        "  --why                 the whole record of each answer: decision, takeovers, timing\n"
        "  --limit N             so many of a page, or hits of search (20)\n"
        "  --before ID           of search: only messages older than this one, for the next page\n"
        "  --cursor C            of list: go on behind the item that had it (--json shows it)\n"
        "  --from N              of show: go on behind this message\n"
        "  --reverse             the other way round\n"
        "  --archived            of list: archived conversations as well\n"
        "  --message N           of delete: only this message\n"
        "  --delete              the same as the verb\n"
        "  --older-than AGE      of prune: 30d, 12h, 45m or 90s\n"
        "  --max-bytes N         of prune: while texts take more, conversations used longest ago\n"
        "  --out FILE            of export: there instead of standard output\n"
        "  --include-private     of export: what was said privately or in only_local as well\n"
        "  --records             of export: of each answer, private ones too, what was decided\n"
        "                        and what came of it, without any text\n"
        "  --yes                 of erase-all: it is meant\n"
        "  --shared-cache URL    of delete, prune, erase-all: as for serve; its answers go too\n"
        "  --shared-cache-key FILE\n"
        "\n"
        "Exit status: 0 done, 1 it could not be done, or the history is damaged: what can be read\n"
        "of it is shown, and standard error says so (amphi history check, then repair).\n"
        "\n"
        "Example: amphi history holiday --why\n",
    .own_flags = own_flags,
    .run = run,
};
