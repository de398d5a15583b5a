/* SPDX-License-Identifier: Apache-2.0
 *
 * The operating system's model as a route of Amphi, for an app to copy. system_engine.c turns a
 * small table of three calls, which the app fills in with Swift (FoundationModels) or Kotlin
 * (ML Kit GenAI over AICore), into an amphi_engine.
 *
 * Any thread may call system_run_text and system_run_end: a Task, a coroutine, a callback of the
 * system. A run that was given up meanwhile stays valid until system_run_end.
 */
#ifndef SYSTEM_ENGINE_H
#define SYSTEM_ENGINE_H

#include <amphi/ext/engine.h>

/* Why the model can't be used now. */
typedef enum system_availability {
    SYSTEM_AVAILABLE = 0,
    SYSTEM_NOT_DOWNLOADED,
    SYSTEM_DOWNLOADING,
    SYSTEM_NOT_ENABLED,  /* the user has not switched it on */
    SYSTEM_NOT_ELIGIBLE, /* never on this device */
    SYSTEM_AVAILABILITY_COUNT
} system_availability;

typedef struct system_state {
    system_availability availability;
    bool on_device;          /* false: Apple's private cloud */
    bool is_busy;            /* it works for another app */
    bool quota_used_up;      /* of this app, for now */
    bool needs_foreground;   /* AICore: true */
    uint32_t retry_after_ms; /* of the two above; 0: unknown */
    uint32_t context_tokens; /* prompt and answer together; 4096 */
} system_state;

/* How a run ended. */
typedef enum system_end {
    SYSTEM_DONE = 0,
    SYSTEM_CUT,          /* at the longest answer that was asked for */
    SYSTEM_CANCELLED,    /* as asked */
    SYSTEM_QUOTA,        /* the app has had its share */
    SYSTEM_RATE_LIMITED, /* too many requests in a row */
    SYSTEM_BUSY,         /* it works for another app, or for another request of this one */
    SYSTEM_BACKGROUND,   /* the app is not in the foreground */
    SYSTEM_GUARDRAIL,    /* prompt or answer was refused by its safety rules */
    SYSTEM_TOO_LONG,     /* prompt and answer do not fit into its context */
    SYSTEM_LANGUAGE,     /* it does not speak the prompt's language */
    SYSTEM_UNSUPPORTED,  /* the request asks for what it can't do: a schema, tools */
    SYSTEM_ASSETS_GONE,  /* the model was taken away */
    SYSTEM_SERVICE_DIED, /* the system's process ended in mid-answer */
    SYSTEM_NO_NETWORK,   /* private cloud: it could not be reached */
    SYSTEM_FAILED,       /* anything else */
    SYSTEM_END_COUNT
} system_end;

typedef struct system_run system_run;

/* The app's side. Every entry but `prewarm` is required. */
typedef struct system_model {
    void *user;
    const char *name;  /* the route's: "system" */
    const char *model; /* as the records name it: "apple-on-device", "gemini-nano" */
    /* Any thread, several times per request: what the system said last, without asking it. */
    void (*state)(void *user, system_state *out);
    /* Starts an answer and returns at once. `body` is an OpenAI chat-completions request, to be
     * copied. Reports the answer's text piece by piece, and then its end, once. */
    void (*generate)(void *user, system_run *run, const char *body, size_t size);
    /* Any thread; SYSTEM_CANCELLED is to follow soon. One that crosses with system_run_end comes
     * too late, so look the run up among those that go on, and use nothing of it otherwise. */
    void (*cancel)(void *user, system_run *run);
    /* The user begins to write: get ready, without waiting. NULL: nothing. */
    void (*prewarm)(void *user);
} system_model;

/* A piece of the answer: what is new since the last one, whole UTF-8 characters. */
void system_run_text(system_run *run, const char *text, size_t size);
/* Once per run; the run is gone afterwards. retry_after_ms of QUOTA, RATE_LIMITED, BUSY and
 * BACKGROUND; 0: the system does not say. */
void system_run_end(system_run *run, system_end end, uint32_t retry_after_ms);

/* For amphi_parts.engines. `model` must outlive the client, and all runs. */
amphi_engine system_engine(const system_model *model);

#endif
