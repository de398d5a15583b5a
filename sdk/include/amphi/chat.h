/* SPDX-License-Identifier: Apache-2.0
 *
 * One chat request and the stream of its answer. Whatever happens below (a crash, a stall, a cut
 * connection), the caller pulls one sequence of events that ends with exactly one terminal event:
 * AMPHI_EVENT_DONE, AMPHI_EVENT_QUEUED or AMPHI_EVENT_ERROR. A truncated answer is never DONE.
 *
 *     amphi_stream *stream;
 *     amphi_chat_start(&stream, client, &request, &error);
 *     while (amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, &error) == AMPHI_OK) {
 *         if (event.kind == AMPHI_EVENT_DELTA) fwrite(event.text.data, 1, event.text.size, stdout);
 *         if (amphi_event_is_terminal(&event)) break;
 *     }
 *     amphi_stream_free(stream);
 */
#ifndef AMPHI_CHAT_H
#define AMPHI_CHAT_H

#include <amphi/client.h>
#include <amphi/decision.h>

#define AMPHI_WAIT_FOREVER UINT32_MAX

AMPHI_BEGIN_DECLS

typedef struct amphi_stream amphi_stream;

typedef enum amphi_role {
    AMPHI_ROLE_SYSTEM = 0,
    AMPHI_ROLE_USER = 1,
    AMPHI_ROLE_ASSISTANT = 2,
    AMPHI_ROLE_TOOL = 3
} amphi_role;

/* FROZEN: an element of arrays. Content parts and tool messages: amphi_chat_start_json. */
typedef struct amphi_message {
    amphi_role role;
    amphi_str content;
} amphi_message;

/* FROZEN. Sampling; a field that is NAN (or 0 where the comment says so) is left to the engine's
 * default. */
typedef struct amphi_sampling {
    float temperature;        /* 0: greedy; NAN: default */
    float top_p;              /* NAN: default */
    float min_p;              /* NAN: default */
    float repetition_penalty; /* NAN: default (1: none) */
    uint32_t top_k;           /* 0: default */
    uint32_t tokens_max;      /* 0: default; the longest answer, in tokens */
    int64_t seed;             /* below 0: random; same seed, same engine, same text */
} amphi_sampling;

/* FROZEN. How long a step may take, in milliseconds; 0: the policy document's value. */
typedef struct amphi_budgets {
    uint32_t connect_ms;     /* until the connection is established */
    uint32_t first_token_ms; /* from the attempt's start to its first token */
    uint32_t idle_ms;        /* between two tokens */
    uint32_t total_ms;       /* the whole request, every attempt together */
} amphi_budgets;

#define AMPHI_CONVERSATION_ID_BYTES_MAX 256

/* How a request uses the response cache. */
typedef enum amphi_cache_use {
    /* The same question (but for blanks, case, Unicode form and final punctuation where these can't
     * change the meaning), for greedy requests: temperature 0. The policy may widen both. */
    AMPHI_CACHE_DEFAULT = 0,
    AMPHI_CACHE_OFF = 1,   /* neither read nor written */
    AMPHI_CACHE_EXACT = 2, /* the same question, at any temperature */
    AMPHI_CACHE_NEAR = 3   /* also a question that asks the same in other words */
} amphi_cache_use;

/* SIZED, read. */
typedef struct amphi_chat_request {
    size_t struct_size;            /* in bytes; see amphi/types.h */
    const amphi_message *messages; /* new ones, oldest first; history is put before them */
    size_t messages_count;         /* of `messages` */
    /* Empty: a request of its own, not kept in the history. UTF-8 without NUL, at most
     * AMPHI_CONVERSATION_ID_BYTES_MAX bytes. */
    amphi_str conversation_id;
    amphi_mode mode;         /* DEFAULT: the client's */
    bool is_private;         /* never leaves the device, on any path; nor does it later, as
                                history */
    bool no_cache;           /* neither read nor write the response cache */
    bool no_queue;           /* fail rather than go to the outbox */
    amphi_sampling sampling; /* NAN or 0: the default, field by field */
    amphi_budgets budgets;   /* 0: the policy document's, field by field */
    /* An object with further OpenAI fields (tools, response_format, stop, ...), passed on as they
     * are; empty: none. "stream": false says that the app reads the result, not the words as they
     * come: nothing counts as shown then, and a route that takes over starts again. */
    amphi_str extra_json;
    amphi_cache_use cache; /* no_cache above is the same as OFF */
    bool no_store;         /* read the response cache, but leave the answer out of it */
} amphi_chat_request;

/* NAN, without <math.h>, whose names would reach every includer. */
static inline float amphi_nan(void)
{
    const uint32_t bits = 0x7fc00000u; /* IEEE 754 binary32, quiet */
    float nan;
    memcpy(&nan, &bits, sizeof nan);
    return nan;
}

static inline void amphi_chat_request_init(amphi_chat_request *request)
{
    memset(request, 0, sizeof *request);
    request->struct_size = sizeof *request;
    request->sampling.temperature = amphi_nan();
    request->sampling.top_p = amphi_nan();
    request->sampling.min_p = amphi_nan();
    request->sampling.repetition_penalty = amphi_nan();
    request->sampling.seed = -1;
}

typedef enum amphi_event_kind {
    AMPHI_EVENT_PROGRESS = 1, /* a model loads: permille; text names the phase */
    AMPHI_EVENT_ROUTE,        /* an attempt starts: route */
    AMPHI_EVENT_DELTA,        /* more of the answer: text (whole UTF-8 characters) */
    AMPHI_EVENT_REASONING,    /* thoughts: text; behind a TAKEOVER they begin anew */
    AMPHI_EVENT_TOOL_CALL,    /* text: JSON array, OpenAI's delta.tool_calls */
    AMPHI_EVENT_TAKEOVER,     /* another route continues the answer: takeover */
    AMPHI_EVENT_REPLACE,      /* discard the text so far; text replaces it */
    AMPHI_EVENT_USAGE,        /* usage */
    AMPHI_EVENT_DONE,         /* terminal: the answer is complete */
    /* terminal: no route now, or earlier messages of its conversation still wait: kept in the
     * outbox; text is its id, error the reason, outbox_before how many are before it */
    AMPHI_EVENT_QUEUED,
    AMPHI_EVENT_ERROR /* terminal: error */
} amphi_event_kind;

typedef enum amphi_finish {
    AMPHI_FINISH_NONE = 0,
    AMPHI_FINISH_STOP = 1,   /* the model ended it, or a stop string */
    AMPHI_FINISH_LENGTH = 2, /* tokens_max, or the end of the context */
    AMPHI_FINISH_TOOL_CALLS = 3,
    AMPHI_FINISH_CONTENT_FILTER = 4
} amphi_finish;

/* FROZEN. */
typedef struct amphi_usage {
    uint32_t prompt_tokens;
    uint32_t completion_tokens;
    uint32_t cached_tokens; /* of the prompt: not computed again */
} amphi_usage;

/* FROZEN: an element of arrays. */
typedef struct amphi_takeover {
    char from[AMPHI_NAME_MAX];
    char to[AMPHI_NAME_MAX];
    amphi_status reason;  /* why `from` was left */
    uint64_t byte_offset; /* bytes of answer delivered before */
    bool continued;       /* true: continues where it stopped; false: restarted */
    char why[240];        /* in words */
} amphi_takeover;

/* FROZEN: callers declare it without an _init. The library fills in all of it. */
typedef struct amphi_event {
    amphi_event_kind kind;
    uint32_t outbox_before;         /* QUEUED: messages of its conversation that go before it */
    amphi_str text;                 /* valid until the next call on this stream */
    amphi_str route;                /* likewise: "local", "cache", or an endpoint's name */
    amphi_str model;                /* likewise: the model that the route reports; may be empty */
    uint32_t progress_permille;     /* PROGRESS: 0..1000 */
    amphi_finish finish;            /* DONE */
    amphi_usage usage;              /* USAGE, DONE */
    const amphi_takeover *takeover; /* TAKEOVER; else NULL */
    const amphi_error *error;       /* ERROR; QUEUED: why it was not answered; else NULL */
    /* DELTA, REPLACE, when the request says "logprobs": true and the route has them: a JSON array
     * of OpenAI's logprobs.content for the tokens of this text. A local model's are its own
     * distribution, before temperature, penalties, biases and a response_format's mask. Valid until
     * the next call on this stream. */
    amphi_str logprobs;
    /* ERROR: in the provider's own words; else NULL. */
    const amphi_provider_error *provider;
    /* DELTA (its text may then be empty), REASONING, USAGE, DONE: fields of the provider's chunk
     * that Amphi does not know, {"delta":{...},"chunk":{...}}; empty: none. Valid until the next
     * call on this stream. */
    amphi_str extra_json;
    uint64_t reserved[1]; /* 0 */
} amphi_event;

static inline bool amphi_event_is_terminal(const amphi_event *event)
{
    return event->kind >= AMPHI_EVENT_DONE;
}

/* Starts a request and returns at once; everything is copied. The stream may outlive the client
 * (amphi_client_free ends its request). AMPHI_E_CANCELLED: the client is being freed. Messages of
 * its conversation that wait in the outbox are sent first; when they can't be, it waits behind them
 * (QUEUED), or with no_queue fails with AMPHI_E_BUSY. */
AMPHI_API AMPHI_NODISCARD amphi_status amphi_chat_start(amphi_stream **out, amphi_client *client,
    const amphi_chat_request *request, amphi_error *error);

/* The same from an OpenAI chat-completions request body. Beside OpenAI's fields it understands
 * "amphi": {"mode","private","conversation_id","no_cache","cache":"off"|"exact"|"near","no_store",
 * "no_queue","budgets":{...},"unkept_messages"} ("history_end" as well: it comes with an entry of
 * the outbox, and means nothing elsewhere). unkept_messages is how many of the first messages are
 * for this request alone: they stand before the conversation's, and are not kept in it. A trailing
 * message of role "assistant" is the beginning of the answer, which is continued. A body without an
 * "amphi" member is from a client that does not know Amphi and would not understand "queued":
 * no_queue is then true, so it gets an error that it can show. */
AMPHI_API AMPHI_NODISCARD amphi_status amphi_chat_start_json(
    amphi_stream **out, amphi_client *client, amphi_str request_json, amphi_error *error);

/* The same with settings that came beside the body (request headers), an object of the form of its
 * "amphi" member; empty: none. They fill in what the body leaves open and only make it stricter:
 * "private", "no_cache", "no_store" and "no_queue" hold if either says so, "mode":"only_local"
 * stands. They don't tell that the client understands "queued": only the body's member does. */
AMPHI_API AMPHI_NODISCARD amphi_status amphi_chat_start_json_with(amphi_stream **out,
    amphi_client *client, amphi_str request_json, amphi_str settings_json, amphi_error *error);

/* Waits up to timeout_ms for the next event. One thread at a time per stream.
 * AMPHI_E_TIMEOUT: nothing yet. AMPHI_E_NOT_FOUND: the terminal event was already delivered. */
AMPHI_API amphi_status amphi_stream_next(
    amphi_stream *stream, uint32_t timeout_ms, amphi_event *out, amphi_error *error);

/* The same as an OpenAI chat.completion.chunk (what Amphi adds is under "amphi"). USAGE is a chunk
 * with "usage" and without choices; an error is {"error":{...}}. *out is valid until the next call
 * on this stream. AMPHI_E_NO_MEMORY: the next call gives the same event again. */
AMPHI_API amphi_status amphi_stream_next_json(
    amphi_stream *stream, uint32_t timeout_ms, amphi_str *out, bool *terminal, amphi_error *error);

/* Any thread, any number of times; the terminal event is then ERROR with AMPHI_E_CANCELLED,
 * unless the answer had already ended. */
AMPHI_API void amphi_stream_cancel(amphi_stream *stream);

/* Cancels if need be and waits for the request's end. NULL is fine. Any thread, before or after the
 * client's end, when no other call on this stream is running. */
AMPHI_API void amphi_stream_free(amphi_stream *stream);

/* How the question of a cached answer and this request's are alike. */
typedef enum amphi_cache_match {
    AMPHI_CACHE_MATCH_NONE = 0,   /* the answer is not from the cache */
    AMPHI_CACHE_MATCH_EXACT = 1,  /* the same */
    AMPHI_CACHE_MATCH_FOLDED = 2, /* but for blanks, case, Unicode form or final punctuation */
    AMPHI_CACHE_MATCH_NEAR = 3    /* in other words */
} amphi_cache_match;

/* Where the cost of an answer is known from; of several attempts the least certain. */
typedef enum amphi_cost_source {
    AMPHI_COST_SOURCE_UNKNOWN = 0,  /* no price is known */
    AMPHI_COST_SOURCE_NONE = 1,     /* no cloud had a part in it: it costs nothing */
    AMPHI_COST_SOURCE_PRICES = 2,   /* from its usage and the endpoint's prices */
    AMPHI_COST_SOURCE_PROVIDER = 3, /* the provider said so ("cost") */
    AMPHI_COST_SOURCE_ESTIMATE = 4  /* by prices, of an attempt that broke off without usage */
} amphi_cost_source;

/* SIZED, filled in. What became of the request; what it points to is valid after the terminal
 * event, until the stream is freed. */
typedef struct amphi_chat_result {
    size_t struct_size;              /* in bytes; see amphi/types.h */
    amphi_str text;                  /* the whole answer */
    amphi_str reasoning;             /* the whole of the model's thinking, or empty */
    amphi_str tool_calls_json;       /* OpenAI's message.tool_calls, or empty */
    amphi_str logprobs_json;         /* OpenAI's logprobs.content for `text`, or empty */
    amphi_str route;                 /* it finished: "local", "cache", "outbox", or an endpoint */
    amphi_str model;                 /* the model that the route named */
    const amphi_takeover *takeovers; /* in their order */
    size_t takeovers_count;          /* of `takeovers` */
    bool cache_hit;                  /* the answer is from the response cache */
    amphi_finish finish;             /* as in the DONE event */
    amphi_usage usage;               /* likewise; all 0: nothing was counted */
    uint32_t first_token_ms;         /* from start to the first text; 0: there was none */
    uint32_t total_ms;               /* from start to the terminal event */
    const amphi_decision *decision;  /* every route with its reason */
    const amphi_error *error;        /* NULL when DONE or QUEUED */
    /* Not NULL: the answer is complete, but could not be stored. */
    const amphi_error *history_error;
    amphi_privacy privacy;         /* of this turn: the strictest of all that was in its prompt */
    uint32_t turns_omitted;        /* left out of the prompt for their privacy */
    amphi_cache_match cache_match; /* with cache_hit */
    float cache_score;             /* 0 to 1: how alike the two questions are, letter by letter */
    amphi_str cache_question;      /* the question that the answer was given to */
    bool cache_is_stale;           /* its time is over: nothing else could answer */
    /* Of `error`, in the provider's own words; or NULL. */
    const amphi_provider_error *provider;
    /* Fields of a whole answer that Amphi does not know, as in the events; or empty. */
    amphi_str extra_json;
    /* QUEUED: as in the event. DONE: messages of the conversation that still wait in the outbox; a
     * request that must stay on the device can't wait behind them, so it was answered before. */
    uint32_t outbox_before;
    /* Of every attempt of this request, in microdollars; AMPHI_COST_UNKNOWN. */
    uint64_t cost;
    amphi_cost_source cost_source;
    /* Of a local answer whose first tokens were judged before they were shown ("handoff" in the
     * policy): by whom ("head", "logits"; empty: it was not judged), by how many tokens, how likely
     * it is right (0 to 1) and how likely the policy wants it to be. */
    amphi_str judge;
    uint32_t judged_tokens;
    float judged_right;
    float judged_right_min;
    bool judged_moved; /* too unlikely: the next route answered instead */
    /* Which features of the remote config were in force for it, and by which rule; or NULL. */
    const amphi_rollout_exposure *exposures;
    size_t exposures_count; /* of `exposures` */
    /* What `decision` was made from, as a JSON object (sdk/docs/replay.md); nothing that was said.
     * Empty: nothing was decided, as for an answer from the cache. */
    amphi_str inputs_json;
    /* Of an answer that was computed on this device alone: what the device used meanwhile, whatever
     * else it did, by the processor's counter ("processor", of answers that take about a second and
     * more) or by what the batteries gave ("battery"). Empty: unknown. */
    double energy_joules;
    amphi_str energy_source;
} amphi_chat_result;

static inline void amphi_chat_result_init(amphi_chat_result *result)
{
    memset(result, 0, sizeof *result);
    result->struct_size = sizeof *result;
}

/* *out after amphi_chat_result_init. AMPHI_E_BUSY before the terminal event was delivered. */
AMPHI_API amphi_status amphi_stream_result(
    amphi_stream *stream, amphi_chat_result *out, amphi_error *error);

/* {"text","route","model","takeovers":[...],"authors" (of two routes' words only),"cache",
 * "finish_reason","cost":{"usd" (null: unknown),"source"},"timing","privacy","turns_omitted",
 * "decision","error"}, "usage" where something was counted, "energy":{"joules","source"} where it
 * is known, "inputs" where something was decided, "outbox_before" where it is not 0,
 * "rollout":[{"feature","rule","experiment","variation","version","payload"}] where a remote config
 * is in force, and, where a local answer was judged,
 * "confidence":{"judge","right","right_min","tokens","moved"}: what `amphi ask --json` prints. Free
 * with amphi_string_free. */
AMPHI_API amphi_status amphi_stream_result_json(
    amphi_stream *stream, char **out, amphi_error *error);

/* The whole answer as OpenAI's chat.completion object, for requests that did not ask to stream;
 * after an ERROR its {"error":{...}}. Free with amphi_string_free. */
AMPHI_API amphi_status amphi_stream_completion_json(
    amphi_stream *stream, char **out, amphi_error *error);

/* A failure as OpenAI's API tells it, the same words as in the chunks: {"error":{"message","type",
 * "param","code",...}}. For a program that serves the JSON form over HTTP: *http_status is the one
 * that OpenAI's packages choose their exception by, *try_again whether the same request may succeed
 * in a moment (x-should-retry); NULL is fine for both, and for `provider`. Free with
 * amphi_string_free. */
AMPHI_API amphi_status amphi_error_json(char **out, uint32_t *http_status, bool *try_again,
    const amphi_error *failure, const amphi_provider_error *provider, amphi_error *error);

/* Did the request body say "stream": true? For a program that serves the JSON form over HTTP. */
AMPHI_API bool amphi_stream_wants_chunks(const amphi_stream *stream);
/* Did it say "stream_options": {"include_usage": true}? */
AMPHI_API bool amphi_stream_wants_usage(const amphi_stream *stream);

/* What would be decided for this request now, without starting anything; what its conversation
 * holds counts. *out after amphi_decision_init. */
AMPHI_API amphi_status amphi_route_explain(amphi_client *client, const amphi_chat_request *request,
    amphi_decision *out, amphi_error *error);

/* The same as {"mode","private","privacy","turns_omitted","routes":[{"route","kept","reason",
 * "why","reasons":[...],"also","price","estimate_usd","answer_tokens","answers","first_token_ms",
 * "tokens_per_second"}],"tokens":{"prompt","tools"},"today":{"spent_usd","reserved_usd",
 * "max_usd","unknown_answers","estimated_answers","metered_bytes"}}; privacy: of the turn, with
 * what the conversation holds; prices and costs in US dollars, null where unknown. Free with
 * amphi_string_free. */
AMPHI_API amphi_status amphi_route_explain_json(
    amphi_client *client, const amphi_chat_request *request, char **out, amphi_error *error);

/* "stop", "length", "tool_calls", "content_filter"; "" for none. */
AMPHI_API const char *amphi_finish_name(amphi_finish finish);

AMPHI_END_DECLS

#endif
