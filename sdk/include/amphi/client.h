/* SPDX-License-Identifier: Apache-2.0
 *
 * The client: one per app. It owns the store, the engines, the router and the I/O thread, and is
 * safe to call from any thread. Create it once and keep it.
 */
#ifndef AMPHI_CLIENT_H
#define AMPHI_CLIENT_H

#include <amphi/decision.h>
#include <amphi/device.h>
#include <amphi/error.h>
#include <amphi/outbox.h>

AMPHI_BEGIN_DECLS

/* SIZED, read (and filled in by amphi_endpoint_parse). One OpenAI-compatible API. Zero means the
 * default that the comment states. */
typedef struct amphi_endpoint_options {
    size_t struct_size;          /* in bytes; see amphi/types.h */
    amphi_str name;              /* in plans and records; required, unique, not "local" */
    amphi_str url;               /* base, https://host[:port]/v1; the dialect's path follows */
    amphi_str model;             /* sent as "model"; empty: the request's own. "a|b|c": the one of
                                    them that the request names, else the first */
    amphi_str key_file;          /* file with the API key; empty: no Authorization header */
    amphi_str ca_file;           /* PEM bundle that replaces the system's; empty: the system's */
    amphi_str pins;              /* "sha256//BASE64;sha256//BASE64": SPKI pins, and a backup */
    uint32_t context_tokens_max; /* 0: unknown, no check */
    uint32_t priority;           /* lower is tried first; default 0 */
    uint32_t weight;             /* share among equals; 0: 1 */
    amphi_tristate prefix;       /* may an answer be continued by sending its beginning as a
                                    trailing assistant message? unknown: try, and learn */
    bool tls12;                  /* accept TLS 1.2 as well; default 1.3 only */
    amphi_str dialect;           /* "chat" (chat completions; empty: this) or "responses" */
    /* "native", "vllm", "prefix", "instruct", "no" or "auto" (empty: this): how an answer is
     * continued, see amphi_continuation; auto: as the host and a Server header show, and learnt. */
    amphi_str continues;
    amphi_str headers; /* further ones of each request, "Name: value" lines; empty: none */
    /* In US dollars per million tokens: "PROMPT/COMPLETION", or "PROMPT/COMPLETION/CACHED" where a
     * cached prompt is cheaper, "0.15/0.60/0.075". Per model: "a=0.15/0.60|b=2.5/10"; one without a
     * name is for all others. "0/0" is free; empty, or a model without one: unknown. */
    amphi_str prices;
    /* A file with further such lines, read for each request; empty: none. */
    amphi_str headers_file;
} amphi_endpoint_options;

static inline void amphi_endpoint_options_init(amphi_endpoint_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* Parses "NAME=URL[,model=M][,key-file=F][,ca=F][,pin=sha256//...][,context=N][,priority=N]
 * [,weight=N][,prefix=yes|no][,tls12=yes][,dialect=chat|responses][,header=Name: value]
 * [,headers-file=F][,prices=PROMPT/COMPLETION]" into *out, after amphi_endpoint_options_init; a
 * repeated model= adds a model ("a|b"), a repeated pin= a pin, a repeated header= a header (its
 * value has no comma). The strings in *out point into `text` or, for repeated ones, into
 * pins_buffer (pins_size bytes, may be NULL when nothing is repeated). */
AMPHI_API amphi_status amphi_endpoint_parse(amphi_endpoint_options *out, amphi_str text,
    char *pins_buffer, size_t pins_size, amphi_error *error);

/* Called from any of the library's threads, never under a lock. `line` is one line without
 * user data. level: 0 error, 1 warning, 2 info, 3 debug. */
typedef void amphi_log_fn(void *user, int level, amphi_str line);

/* Replacements for built-in parts; see amphi/ext/. Any pointer may be NULL: the built-in one. */
typedef struct amphi_parts amphi_parts;

/* What a remote config needs beside its source: pinned keys, a payload for the first start, the
 * app's attributes; see amphi/rollout.h. */
typedef struct amphi_rollout_settings amphi_rollout_settings;
typedef struct amphi_telemetry_settings amphi_telemetry_settings; /* amphi/telemetry.h */

/* Where the built-in local engine runs. */
typedef enum amphi_isolation {
    AMPHI_ISOLATION_PROCESS = 0, /* in a confined process; its death is an event */
    AMPHI_ISOLATION_THREAD = 1   /* on a thread of the app, where processes are forbidden: its
                                    death is the app's; the next launch remembers it (see
                                    sdk/docs/crash-safety.md) */
} amphi_isolation;

/* SIZED, read. */
typedef struct amphi_client_options {
    size_t struct_size; /* in bytes; see amphi/types.h */
    amphi_str data_dir; /* store, keys, models; empty: $XDG_DATA_HOME/amphi, else
                             ~/.local/share/amphi */
    /* A GGUF file, for any subject; "amphi-help": the embedded help model, likewise. Empty:
     * $AMPHI_MODEL, else the help model for what it was made for: it answers when no other route
     * may, or when a request's "model" names it. */
    amphi_str model_path;
    /* Cloud routes, AMPHI_ROUTES_MAX - 1 of them at most. */
    const amphi_endpoint_options *endpoints;
    size_t endpoints_count;
    amphi_str policy_json;     /* the policy document; empty: all defaults */
    amphi_str rollout_source;  /* GrowthBook payload: a file or an https URL; empty: none */
    uint32_t threads;          /* of the local engine; 0: one per fast core, 4 at most */
    bool allow_http_loopback;  /* accept http:// for 127.0.0.0/8, ::1 and localhost */
    amphi_log_fn *log;         /* NULL: no log */
    void *log_user;            /* the log's first argument */
    const amphi_parts *parts;  /* NULL: all built-in */
    amphi_isolation isolation; /* of the local engine; default: a process */
    amphi_mode mode;           /* of requests that name none; default: the policy's */
    bool is_private;           /* every request is private, whatever the request has set, and so is
                                  each delivery of the outbox; nothing is fetched for the rollout
                                  but by amphi_rollout_refresh */
    bool no_cache;             /* likewise */
    bool no_queue;             /* likewise */
    /* Hears what becomes of queued messages (amphi/outbox.h); NULL: no events. */
    amphi_outbox_event_fn *outbox_event;
    void *outbox_user; /* its first argument */
    /* What the history may keep (see amphi_history_prune); the background thread takes away more,
     * every few minutes. 0: no limit. */
    uint64_t history_bytes_max;
    uint32_t history_days_max;
    /* Where the store's key is, unless it is the app's own part: "file" (empty: this), in the data
     * folder; "libsecret", with the desktop's secret service; "keyring", in the user's keyring of
     * the Linux kernel, which a reboot empties: for a store that may be lost then. The path of the
     * data folder names the key in the last two: a folder that moves loses it. A store is opened
     * with the place that it was made with, or not at all (AMPHI_E_KEY). */
    amphi_str keys_place;
    /* "cloud.enabled,battery": fields of the policy document, or groups of them, that no rollout
     * may change, besides those in the document's "pinned". */
    amphi_str policy_pinned;
    const amphi_rollout_settings *rollout;     /* NULL: all defaults */
    const amphi_telemetry_settings *telemetry; /* NULL: no telemetry */
} amphi_client_options;

static inline void amphi_client_options_init(amphi_client_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* Opens the store (creating its directory and key on first use) and prepares the engines; no
 * model is loaded and no connection is made yet. A missing or broken model is not an error here:
 * the local route is then refused, with the reason, in every decision. */
AMPHI_API AMPHI_NODISCARD amphi_status amphi_client_new(
    amphi_client **out, const amphi_client_options *options, amphi_error *error);

/* Cancels every request under way and waits for its end: milliseconds as a rule, up to a second for
 * a delivery of the outbox, up to two while an engine process that starts does not answer. Then it
 * closes everything. NULL is fine. No other call on the client may be running or come afterwards.
 * Streams are an exception: those that were not freed get their terminal event (AMPHI_E_CANCELLED,
 * unless they had ended), which also wakes a thread that waits in amphi_stream_next; they stay
 * valid to read, by any call of amphi/chat.h, and are freed by their owners during this call or at
 * any time after it. */
AMPHI_API void amphi_client_free(amphi_client *client);

/* One route of the client, in the order in which they were configured: "local" and the endpoints.
 * `model` is the model it runs; empty where the request decides; a route with several comes once
 * for each. Strings are valid for the call; false ends the walk. */
typedef bool amphi_route_fn(void *user, amphi_str route, amphi_str model);

/* Every name that a request's "model" and "fallbacks" may use. */
AMPHI_API amphi_status amphi_client_routes(
    amphi_client *client, amphi_route_fn *visit, void *user, amphi_error *error);

/* For the moment when the user begins to write: starts the local engine, loads its weights and
 * opens a connection, as far as policy allows. Returns at once. */
AMPHI_API amphi_status amphi_client_prewarm(amphi_client *client, amphi_error *error);

/* Frees a string that the library returned through a `char **out`. NULL is fine. */
AMPHI_API void amphi_string_free(char *string);

AMPHI_END_DECLS

#endif
