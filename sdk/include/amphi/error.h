/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors: a status to branch on, and details where the caller wants them. There is no thread-local
 * "last error": every fallible call takes an amphi_error pointer last, and NULL is fine.
 * A message never holds a user's text, a key or a prompt.
 */
#ifndef AMPHI_ERROR_H
#define AMPHI_ERROR_H

#include <amphi/types.h>

AMPHI_BEGIN_DECLS

typedef enum amphi_status {
    AMPHI_OK = 0,
    AMPHI_E_ARGUMENT = 1,        /* the caller's mistake; the message names the field */
    AMPHI_E_NO_MEMORY = 2,       /* an allocation failed; nothing changed */
    AMPHI_E_CANCELLED = 3,       /* amphi_stream_cancel was called */
    AMPHI_E_TIMEOUT = 4,         /* a budget ran out */
    AMPHI_E_NOT_FOUND = 5,       /* no such file, conversation, key, model */
    AMPHI_E_IO = 6,              /* the operating system refused a read or a write */
    AMPHI_E_FORMAT = 7,          /* malformed input: a model file, JSON, a policy document */
    AMPHI_E_LIMIT = 8,           /* well-formed, but above a limit of the library */
    AMPHI_E_UNSUPPORTED = 9,     /* well-formed, but this build or engine can't do it */
    AMPHI_E_BUSY = 10,           /* try again in a moment */
    AMPHI_E_FULL = 11,           /* the outbox or a queue is full */
    AMPHI_E_OFFLINE = 12,        /* no network */
    AMPHI_E_NETWORK = 13,        /* could not connect, or the connection broke */
    AMPHI_E_TLS = 14,            /* certificate, pin or protocol version refused */
    AMPHI_E_PROTOCOL = 15,       /* the server's answer breaks its protocol */
    AMPHI_E_TRUNCATED = 16,      /* the answer stopped before its finish */
    AMPHI_E_PROVIDER = 17,       /* the provider answered with a server error (5xx) */
    AMPHI_E_REQUEST = 18,        /* the provider refused the request (4xx) */
    AMPHI_E_AUTH = 19,           /* the provider refused the API key */
    AMPHI_E_RATE_LIMITED = 20,   /* 429; retry_after_ms says when */
    AMPHI_E_CONTEXT_LENGTH = 21, /* the conversation is longer than the engine's context */
    AMPHI_E_CONTENT_FILTER = 22, /* the provider's filter stopped it */
    AMPHI_E_ENGINE_DIED = 23,    /* the local engine's process ended */
    AMPHI_E_ENGINE_STALLED = 24, /* the engine went silent */
    AMPHI_E_REFUSED = 25,        /* policy leaves no route (private, only_local, kill switch) */
    AMPHI_E_KEY = 26,            /* the store's key does not open it */
    AMPHI_E_CORRUPT = 27,        /* stored data fails its own check */
    AMPHI_E_RESOURCE = 28,       /* memory, heat or battery stopped a local run, or the system took
                                    its model away */
    AMPHI_E_INTERNAL = 29,       /* a bug in the library; please report it */
    AMPHI_E_QUOTA = 30,          /* an account is used up or unpaid, or the policy's budget for
                                    the day is, or the system takes no more requests of this
                                    app; retry_after_ms 0: no use to wait */
    AMPHI_E_BACKGROUND = 31,     /* the system refuses its model to an app in the background */
    AMPHI_E_UNCERTAIN = 32       /* a local answer was too likely to be wrong, and another route
                                    took over before it was shown */
} amphi_status;

/* FROZEN: callers declare it without an _init. */
typedef struct amphi_error {
    amphi_status status;     /* what a program branches on */
    int32_t native_code;     /* curl, SQLite, errno, HTTP or PSA code; for logs only */
    uint32_t retry_after_ms; /* 0: trying again will not help, or the time is unknown */
    char message[240];       /* one line for people: what, why, what to do */
} amphi_error;

/* FROZEN. What a cloud provider said of a failure, as it said it, bounded, with API keys taken out.
 * Empty strings: it did not say. */
typedef struct amphi_provider_error {
    uint32_t http_status; /* of its answer; 200 where the error came in the stream */
    char type[64];        /* OpenAI's error.type */
    char code[64];        /* OpenAI's error.code; a number as text */
    char param[128];      /* OpenAI's error.param: the field that is meant */
    char request_id[128]; /* x-request-id: what its support asks for */
    char message[1024];   /* error.message */
    uint64_t reserved[8]; /* 0 */
} amphi_provider_error;

/* The constant's name without its prefix, in lower case: "timeout". Never NULL. */
AMPHI_API const char *amphi_status_name(amphi_status status);

AMPHI_END_DECLS

#endif
