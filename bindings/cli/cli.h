/* SPDX-License-Identifier: Apache-2.0
 *
 * What the subcommands of `amphi` share: one set of flags that mean the same everywhere, one way
 * to make a client from them, and one way to say what went wrong.
 */
#ifndef AMPHI_CLI_H
#define AMPHI_CLI_H

#include <amphi/amphi.h>

#include <stdio.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_QUEUED = 3 };
enum { CLI_ENDPOINTS_MAX = AMPHI_ROUTES_MAX - 1, CLI_PINS_SIZE = 512 };

#define CLI_OWN_FLAGS_MAX 32
#define CLI_OWN_GIVEN_MAX 64

enum { CLI_ROLLOUT_MODELS_MAX = 16, CLI_ROLLOUT_KEYS_SIZE = 512 };

/* rollout_options.c: what the flags say beside the source. */
typedef struct cli_rollout_options {
    amphi_rollout_settings settings;
    amphi_rollout_model models[CLI_ROLLOUT_MODELS_MAX];
    char keys[CLI_ROLLOUT_KEYS_SIZE];
    char pins[CLI_PINS_SIZE];
    char *attributes, *bootstrap, *signature; /* contents of files */
} cli_rollout_options;

/* telemetry_options.c: --telemetry-set. */
typedef struct cli_telemetry_options {
    amphi_telemetry_settings settings;
    char pins[CLI_PINS_SIZE];
} cli_telemetry_options;

typedef struct cli_options {
    /* Shared flags. */
    const char *data_dir;
    const char *keys_place;
    const char *model;
    const char *rollout;
    cli_rollout_options rollout_options; /* --rollout-key, --rollout-set */
    cli_telemetry_options telemetry;     /* --telemetry, --telemetry-set */
    const char *conversation;
    amphi_endpoint_options endpoints[CLI_ENDPOINTS_MAX];
    char pins[CLI_ENDPOINTS_MAX][CLI_PINS_SIZE];
    size_t endpoints_count;
    char *policy_json; /* content of --policy's file */
    char *device_json; /* content of --device's file */
    amphi_mode mode;
    amphi_cache_use cache;
    bool is_private;
    bool no_cache;
    bool no_store;
    bool no_queue;
    bool allow_http_loopback;
    bool json;
    bool verbose;
    bool help;
    uint32_t threads;
    uint32_t tokens_max;
    int64_t seed;
    float temperature; /* NAN: not said */
    /* Set by a command before it makes its client; NULL: all parts are built in. */
    const amphi_parts *parts;
    /* What is left: words that are no flags. */
    const char *words[256];
    size_t words_count;
    /* Flags of one subcommand, as it declared them. */
    const char *const *own_flags; /* NULL-terminated: "--port=" takes a value, "--events" none */
    const char *own_values[CLI_OWN_FLAGS_MAX]; /* NULL: not given; "" for flags without a value */
    struct {
        int flag; /* of own_flags */
        const char *value;
    } own_given[CLI_OWN_GIVEN_MAX]; /* every one, in order: some may be repeated */
    size_t own_given_count;
} cli_options;

/* A subcommand: its line in the overview, its help page, its own flags, its main. */
typedef struct cli_command {
    const char *name;
    const char *summary;
    const char *help;
    const char *const *own_flags;
    int (*run)(cli_options *options);
} cli_command;

/* --rollout-key KEY, --rollout-set NAME=VALUE; CLI_OK or CLI_USAGE. */
int cli_rollout_key(cli_rollout_options *out, const char *key);
int cli_rollout_set(cli_rollout_options *out, const char *text);
int cli_telemetry_set(cli_telemetry_options *out, const char *text);
void cli_rollout_options_clear(cli_rollout_options *options);

/* `amphi history check`, `repair` and `backup FILE` (history_repair.c). */
int cli_history_check(cli_options *options);
int cli_history_repair(cli_options *options);
int cli_history_backup(cli_options *options);

/* `amphi model head train ROWS` and `test ROWS` (model_head.c). */
int cli_model_head(cli_options *options);

extern const cli_command cli_ask, cli_chat, cli_route, cli_history, cli_outbox, cli_cache, cli_keys,
    cli_policy, cli_rollout, cli_model, cli_replay, cli_serve, cli_bench, cli_doctor, cli_simulate;

/* CLI_OK, or a line on standard error and CLI_USAGE. */
int cli_options_parse(cli_options *out, int argc, char **argv, const char *const *own_flags);
void cli_options_clear(cli_options *options);
/* The value of one of the command's own flags, or NULL; the last one when it is repeated. */
const char *cli_own(const cli_options *options, const char *flag);
/* The values of a flag that may be repeated, one by one; NULL behind the last. */
const char *cli_own_nth(const cli_options *options, const char *flag, size_t n);
/* A number from text, or a line on standard error and false. */
bool cli_number(const char *what, const char *text, uint64_t most, uint64_t *out);

/* The client's options as the shared flags say; they point into `options`. */
void cli_client_options(const cli_options *options, amphi_client_options *out);
/* Says on standard error, after `before`, that the store is lost, if it is. */
bool cli_is_lost(const cli_options *options, const char *before);
/* Says on standard error that the history is damaged, if it is: what was shown may lack some. */
bool cli_is_damaged(amphi_client *client);
/* Client from the shared flags, device facts pushed. A line on standard error when it fails, and
 * where the store is lost. */
amphi_client *cli_client_new(const cli_options *options);
/* A request from the shared flags; `message` is borrowed by it. */
void cli_request_init(
    const cli_options *options, amphi_chat_request *request, amphi_message *message);

/* "amphi: MESSAGE" on standard error; returns CLI_FAILED. */
int cli_fail(const amphi_error *error);
/* The same, and a line with what the provider said, if it said something. */
int cli_fail_of_request(const amphi_error *error, const amphi_provider_error *provider);
int cli_usage(const char *format, ...) AMPHI_PRINTF(1, 2);

/* A whole file, or standard input for "-"; NULL with a line on standard error. free() it. */
char *cli_read_file(const char *path, size_t *size_out);
/* The words joined by blanks, or standard input when there are none or only "-". free() it. */
char *cli_words(const cli_options *options);
/* Text as it is, but what would steer a terminal (escape sequences in an answer) is left out when
 * `out` is one. */
void cli_print_text(FILE *out, amphi_str text);
/* A name on a line of its own or in a table (a title, an id): control characters, line ends too,
 * are shown as \xNN, wherever `out` leads. */
void cli_print_name(FILE *out, amphi_str text);

/* json_print.c: JSON to a stream; commas and escapes come by themselves. {stdout} begins one; key
 * is NULL inside arrays and at the top. */
typedef struct cli_json {
    FILE *out;
    bool follows; /* a value came before in this object or array */
} cli_json;
void cli_json_open(cli_json *json, const char *key, char bracket);
void cli_json_close(cli_json *json, char bracket);
/* Closes the outermost object, and ends the line. */
void cli_json_end(cli_json *json);
void cli_json_str(cli_json *json, const char *key, amphi_str text);
void cli_json_c(cli_json *json, const char *key, const char *text);
void cli_json_uint(cli_json *json, const char *key, uint64_t value);
void cli_json_int(cli_json *json, const char *key, int64_t value);
void cli_json_bool(cli_json *json, const char *key, bool value);
void cli_json_raw(cli_json *json, const char *key, amphi_str value); /* is JSON already */
/* A quoted JSON string on `out`. */
void cli_print_json_string(FILE *out, amphi_str text);
/* Escape sequences only where they are understood: "" otherwise. */
const char *cli_dim(FILE *out);
const char *cli_plain(FILE *out);

/* progress_bar.c: permille from 0 to 1000; `clear` empties the line that a bar stands on. */
void cli_progress_bar_draw(amphi_str label, uint32_t permille);
void cli_progress_bar_clear(void);

/* stream_view.c: reads a stream to its end and prints it as it comes. Cancels it on ctrl-C. */
int cli_stream_view(amphi_stream *stream, const cli_options *options);
/* After the answer: a line on standard error if the history could not keep it. */
void cli_warn_of_history(amphi_stream *stream);

/* `amphi bench remote`: what Amphi adds to plain libcurl (bench_remote.c). */
int cli_bench_remote(const cli_options *options);
/* `amphi bench gateway`: what `amphi serve` adds, and many at the same time (bench_gateway.c). */
int cli_bench_gateway(const cli_options *options);

#endif
