/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi history: conversations, messages, the reason behind each answer, and what users do with
 * them. With --json the library's own JSON form answers.
 */
#include "cli.h"

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
    cli_print_text(stdout, item->id);
    printf("%*s %4" PRIu64 "  ", item->id.size < 24 ? 24 - (int)item->id.size : 0, "",
        item->messages_count);
    cli_print_text(stdout, item->title);
    puts(item->is_archived ? " (archived)" : "");
    p->first = false;
    return true;
}

static bool print_message(void *user, const amphi_history_message *item)
{
    printer *p = user;
    printf("%s%" PRId64 " %.*s%s%.*s%s%s%s\n", cli_dim(stdout), item->id, (int)item->role.size,
        item->role.data, item->route.size > 0 ? ", " : "", (int)item->route.size, item->route.data,
        item->privacy != AMPHI_PRIVACY_NONE ? ", stays on this device" : "",
        item->state == AMPHI_MESSAGE_PARTIAL ? ", unfinished" : "", cli_plain(stdout));
    cli_print_text(stdout, item->content);
    fputs("\n\n", stdout);
    if (p->why && item->decision_json.size > 0)
        printf("%s%.*s%s\n\n", cli_dim(stdout), (int)item->decision_json.size,
            item->decision_json.data, cli_plain(stdout));
    p->first = false;
    return true;
}

static void print_receipt(const amphi_history_receipt *r)
{
    printf("gone: %" PRIu64 " conversations, %" PRIu64 " messages, %" PRIu64
           " cached answers, %" PRIu64 " waiting; %" PRIu64 " bytes of text%s\n",
        r->conversations_count, r->messages_count, r->cached_count, r->outbox_count, r->text_bytes,
        r->log_is_wiped ? "" : "; the log is wiped when the other process no longer reads it");
    if (r->damaged_count > 0 && r->damaged_path[0] == '\0')
        printf("gone: %" PRIu64 " damaged stores that were kept aside\n", r->damaged_count);
    if (r->damaged_path[0] != '\0') {
        fputs("a damaged store that was kept aside may still hold it: ", stderr);
        cli_print_text(stderr, amphi_str_from(r->damaged_path));
        fprintf(stderr, "; delete it (%" PRIu64 " in all)\n", r->damaged_count);
    }
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

typedef struct call {
    cli_options *options;
    amphi_client *client;
    const char *id;    /* the conversation; NULL: none */
    const char *title; /* of rename */
    const char *file;  /* of import */
    const char *words; /* of search */
    uint64_t limit, from_id, before_id, message_id, max_age_ms, max_bytes;
    amphi_error error;
} call;

static bool number_of(const call *c, const char *flag, uint64_t most, uint64_t *out)
{
    const char *text = cli_own(c->options, flag);
    return text == NULL || cli_number(flag, text, most, out);
}

static bool has(const call *c, const char *flag)
{
    return cli_own(c->options, flag) != NULL;
}

/* 0 stands for "not given" from here on. */
static bool message_is_one(const call *c)
{
    if (!has(c, "--message") || c->message_id != 0)
        return true;
    cli_usage("message_id: --message takes a message's id, 1 or more");
    return false;
}

static bool read_flags(call *c)
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

static void put_string(FILE *to, const char *name, const char *text)
{
    fprintf(to, ",\"%s\":", name);
    cli_print_json_string(to, amphi_str_from(text));
}

static void put_number(FILE *to, const char *name, uint64_t value)
{
    if (value != 0)
        fprintf(to, ",\"%s\":%" PRIu64, name, value);
}

static void write_request(const call *c, const char *op, const char *more, FILE *to)
{
    fprintf(to, "{\"op\":\"%s\"%s", op, more);
    if (c->id != NULL)
        put_string(to, "conversation_id", c->id);
    if (c->title != NULL)
        put_string(to, "title", c->title);
    if (c->words != NULL)
        put_string(to, "words", c->words);
    if (has(c, "--cursor"))
        put_string(to, "cursor", cli_own(c->options, "--cursor"));
    if (has(c, "--archived"))
        fputs(",\"archived\":true", to);
    if (has(c, "--reverse"))
        fputs(c->id != NULL ? ",\"newest_first\":true" : ",\"backwards\":true", to);
    put_number(to, "limit", c->limit);
    put_number(to, "from_id", c->from_id);
    put_number(to, "before_id", c->before_id);
    put_number(to, "message_id", c->message_id);
    put_number(to, "max_age_ms", c->max_age_ms);
    put_number(to, "max_bytes", c->max_bytes);
    fputc('}', to);
}

static int answer_json(call *c, const char *op, const char *more)
{
    char *request = NULL;
    char *answer = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&request, &size);
    if (to == NULL)
        return cli_usage("out of memory");
    write_request(c, op, more, to);
    fclose(to);
    amphi_status status =
        amphi_history_json(c->client, amphi_str_make(request, size), &answer, &c->error);
    if (status == AMPHI_OK)
        puts(answer);
    amphi_string_free(answer);
    free(request);
    return status == AMPHI_OK ? CLI_OK : cli_fail(&c->error);
}

/* ---- Verbs ---- */

static int finish(call *c, amphi_status status, const char *done)
{
    if (status == AMPHI_OK && done != NULL)
        puts(done);
    return status == AMPHI_OK ? CLI_OK : cli_fail(&c->error);
}

static int run_list(call *c)
{
    printer p = {.first = true};
    amphi_history_query query;
    if (c->options->json)
        return answer_json(c, "list", "");
    amphi_history_query_init(&query);
    query.cursor = amphi_str_from(cli_own(c->options, "--cursor"));
    query.limit = (uint32_t)c->limit;
    query.backwards = has(c, "--reverse");
    query.with_archived = has(c, "--archived");
    amphi_status status = amphi_history_list(c->client, &query, print_conversation, &p, &c->error);
    return finish(c, status,
        p.first && query.cursor.size == 0 ? "no conversations yet; --conversation ID keeps one"
                                          : NULL);
}

static int run_show(call *c)
{
    printer p = {.first = true, .why = has(c, "--why")};
    amphi_history_message_query query;
    if (c->options->json)
        return answer_json(c, "show", "");
    amphi_history_message_query_init(&query);
    query.conversation_id = amphi_str_from(c->id);
    query.from_id = (int64_t)c->from_id;
    query.limit = (uint32_t)c->limit;
    query.newest_first = has(c, "--reverse");
    return finish(c, amphi_history_read(c->client, &query, print_message, &p, &c->error), NULL);
}

static int run_rename(call *c)
{
    if (c->options->json)
        return answer_json(c, "rename", "");
    return finish(c,
        amphi_history_rename(c->client, amphi_str_from(c->id), amphi_str_from(c->title), &c->error),
        c->title[0] != '\0' ? "renamed" : "the title is the first question's again");
}

static int pin(call *c, bool pinned)
{
    if (c->options->json)
        return answer_json(c, "pin", pinned ? ",\"pinned\":true" : ",\"pinned\":false");
    return finish(c, amphi_history_pin(c->client, amphi_str_from(c->id), pinned, &c->error),
        pinned ? "pinned" : "no longer pinned");
}

static int archive(call *c, bool archived)
{
    if (c->options->json)
        return answer_json(c, "archive", archived ? ",\"archived\":true" : ",\"archived\":false");
    return finish(c, amphi_history_archive(c->client, amphi_str_from(c->id), archived, &c->error),
        archived ? "archived; --archived lists it" : "no longer archived");
}

static int run_pin(call *c)
{
    return pin(c, true);
}

static int run_unpin(call *c)
{
    return pin(c, false);
}

static int run_archive(call *c)
{
    return archive(c, true);
}

static int run_unarchive(call *c)
{
    return archive(c, false);
}

static int show_receipt(call *c, amphi_status status, const amphi_history_receipt *receipt)
{
    if (status == AMPHI_OK)
        print_receipt(receipt);
    return finish(c, status, NULL);
}

static int run_delete(call *c)
{
    amphi_history_receipt receipt;
    amphi_str id = amphi_str_from(c->id);
    if (c->options->json)
        return answer_json(c, "delete", "");
    amphi_history_receipt_init(&receipt);
    return show_receipt(c,
        c->message_id != 0 ? amphi_history_erase_message(
                                 c->client, id, (int64_t)c->message_id, &receipt, &c->error)
                           : amphi_history_erase(c->client, id, &receipt, &c->error),
        &receipt);
}

static int run_prune(call *c)
{
    amphi_history_receipt receipt;
    amphi_history_retention keep;
    if (c->max_age_ms == 0 && c->max_bytes == 0)
        return cli_usage("history prune takes --older-than 30d, --max-bytes N, or both");
    if (c->options->json)
        return answer_json(c, "prune", "");
    amphi_history_receipt_init(&receipt);
    amphi_history_retention_init(&keep);
    keep.max_age_ms = c->max_age_ms;
    keep.max_bytes = c->max_bytes;
    return show_receipt(c, amphi_history_prune(c->client, &keep, &receipt, &c->error), &receipt);
}

static int run_erase_all(call *c)
{
    amphi_history_receipt receipt;
    if (!has(c, "--yes"))
        return cli_usage("history erase-all takes every conversation, cached answer and waiting "
                         "message away for good: add --yes");
    if (c->options->json)
        return answer_json(c, "erase_all", "");
    amphi_history_receipt_init(&receipt);
    return show_receipt(c, amphi_history_erase_all(c->client, &receipt, &c->error), &receipt);
}

static void print_transfer(const call *c, const amphi_history_transfer *t, FILE *to)
{
    if (c->options->json)
        fprintf(to,
            "{\"conversations\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"skipped\":%" PRIu64
            ",\"left_out\":%" PRIu64 "}\n",
            t->conversations_count, t->messages_count, t->skipped_count, t->left_out_count);
    else
        fprintf(to,
            "%" PRIu64 " conversations, %" PRIu64 " messages; %" PRIu64 " there already, %" PRIu64
            " left out as private\n",
            t->conversations_count, t->messages_count, t->skipped_count, t->left_out_count);
}

static bool write_line(void *user, amphi_str line)
{
    FILE *to = user;
    return fwrite(line.data, 1, line.size, to) == line.size && fputc('\n', to) != EOF;
}

/* To standard output or --out's file; what was written is said on standard error, or, with a file,
 * on standard output. */
static int run_export(call *c)
{
    amphi_history_transfer transfer;
    const char *path = cli_own(c->options, "--out");
    FILE *to = path != NULL ? fopen(path, "w") : stdout;
    if (to == NULL)
        return cli_usage("%s: can't be written", path);
    amphi_history_transfer_init(&transfer);
    amphi_status status = amphi_history_export(
        c->client, has(c, "--include-private"), write_line, to, &transfer, &c->error);
    bool closed = path != NULL ? fclose(to) == 0 : fflush(to) == 0;
    if (status == AMPHI_OK && !closed)
        return cli_usage("%s: can't be written to its end", path != NULL ? path : "export");
    if (status == AMPHI_OK)
        print_transfer(c, &transfer, path != NULL ? stdout : stderr);
    return finish(c, status, NULL);
}

typedef struct line_reader {
    FILE *from;
    char *line;
    size_t capacity;
} line_reader;

static bool next_line(void *user, amphi_str *line)
{
    line_reader *r = user;
    ssize_t size = getline(&r->line, &r->capacity, r->from);
    if (size < 0)
        return false;
    *line = amphi_str_make(r->line, (size_t)size - (size > 0 && r->line[size - 1] == '\n'));
    return true;
}

static int run_import(call *c)
{
    amphi_history_transfer transfer;
    bool standard = strcmp(c->file, "-") == 0;
    line_reader reader = {.from = standard ? stdin : fopen(c->file, "r")};
    if (reader.from == NULL)
        return cli_usage("%s: can't be read (no such file, or no permission)", c->file);
    amphi_history_transfer_init(&transfer);
    amphi_status status = amphi_history_import(c->client, next_line, &reader, &transfer, &c->error);
    if (!standard)
        fclose(reader.from);
    free(reader.line);
    if (status == AMPHI_OK)
        print_transfer(c, &transfer, stdout);
    return finish(c, status, NULL);
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

static int run_search(call *c)
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
        c->options->json ? answer_json(c, "search", "") : cli_history_search(c->client, &query);
    free(words);
    return rc;
}

/* What follows the verb: a conversation's id, its title as well, a file, or any words. */
typedef enum takes { NOTHING, ID, ID_AND_TITLE, FILE_NAME, WORDS } takes;

static const struct verb {
    const char *name;
    takes takes;
    int (*run)(call *c);
    int (*run_alone)(cli_options *options); /* instead: it makes its own client, or none */
} verbs[] = {
    {"list", NOTHING, run_list, NULL},
    {"show", ID, run_show, NULL},
    {"rename", ID_AND_TITLE, run_rename, NULL},
    {"pin", ID, run_pin, NULL},
    {"unpin", ID, run_unpin, NULL},
    {"archive", ID, run_archive, NULL},
    {"unarchive", ID, run_unarchive, NULL},
    {"delete", ID, run_delete, NULL},
    {"prune", NOTHING, run_prune, NULL},
    {"export", NOTHING, run_export, NULL},
    {"import", FILE_NAME, run_import, NULL},
    {"erase-all", NOTHING, run_erase_all, NULL},
    {"search", WORDS, run_search, NULL},
    {"check", NOTHING, NULL, cli_history_check},
    {"repair", NOTHING, NULL, cli_history_repair},
    {"backup", FILE_NAME, NULL, cli_history_backup},
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
static const struct verb *choose(call *c)
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
    if (has(c, "--delete") && c->id == NULL) {
        cli_usage("history --delete takes the conversation's id");
        return NULL;
    }
    return find_verb(has(c, "--delete") ? "delete" : c->id != NULL ? "show" : "list");
}

/* What would narrow another verb down is not passed over where more would go than was meant. */
static bool narrows_nothing_else(const call *c, const struct verb *verb)
{
    static const char *const flags[] = {
        "--message", "--older-than", "--max-bytes", "--limit", "--before", "--from", "--cursor"};
    bool one = verb->run == run_delete;
    bool some = verb->run == run_prune;
    if (!one && !some && verb->run != run_erase_all)
        return true;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (has(c, flags[i]) && !(one && i == 0) && !(some && (i == 1 || i == 2))) {
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
    call c = {.options = options};
    const struct verb *verb = choose(&c);
    if (verb == NULL || !narrows_nothing_else(&c, verb) || !read_flags(&c))
        return CLI_USAGE;
    if (verb->run_alone != NULL)
        return verb->run_alone(options);
    c.client = cli_client_new(options);
    if (c.client == NULL)
        return CLI_FAILED;
    int rc = verb->run(&c);
    amphi_client_free(c.client);
    return rc;
}

static const char *const own_flags[] = {"--delete", "--why",
    "--limit=", "--before=", "--cursor=", "--from=", "--reverse", "--archived",
    "--message=", "--older-than=", "--max-bytes=", "--out=", "--include-private", "--yes", NULL};

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
        "                        copy opens with the same store.key\n"
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
        "  --yes                 of erase-all: it is meant\n"
        "\n"
        "Example: amphi history holiday --why\n",
    .own_flags = own_flags,
    .run = run,
};
