/* SPDX-License-Identifier: Apache-2.0
 *
 * An amphi_engine that follows a script: what it says, when it breaks, and how. For tests of the
 * client; it goes in through the public table, as an app's engine does.
 */
#ifndef AMPHI_TESTS_SCRIPTED_ENGINE_H
#define AMPHI_TESTS_SCRIPTED_ENGINE_H

#include "sdk/core/thread.h"

#include <amphi/ext/engine.h>

#include <stdatomic.h>

typedef enum scripted_kind {
    SCRIPT_END = 0,
    SCRIPT_PROGRESS,      /* number: permille of loading */
    SCRIPT_SAY,           /* text */
    SCRIPT_TOKEN,         /* text with its log-probability: -number */
    SCRIPT_CONTINUE,      /* text less the prefix that the request brought */
    SCRIPT_REASON,        /* text */
    SCRIPT_TOOL_CALL,     /* text: JSON */
    SCRIPT_EXTRA,         /* text: JSON, fields that Amphi does not know */
    SCRIPT_USAGE,         /* number: completion tokens */
    SCRIPT_CONFIDENCE,    /* text: the judge; number: permille, likely right, by one token more than
                             the one before; 10000 more: the last one */
    SCRIPT_WAIT,          /* number: milliseconds, ends early when cancelled */
    SCRIPT_FINISH,        /* number: an amphi_finish */
    SCRIPT_FAIL,          /* number: an amphi_status; AMPHI_OK: without an error */
    SCRIPT_RETRY_LATER,   /* fails with AMPHI_E_RATE_LIMITED; number: retry_after_ms */
    SCRIPT_REFUSE_PREFIX, /* fails with prefix_refused if the request brought one */
    SCRIPT_REFUSE_START   /* start itself fails with status `number` */
} scripted_kind;

typedef struct scripted_step {
    scripted_kind kind;
    const char *text;
    int number;
} scripted_step;

/* The script of each request whose body holds the word. */
typedef struct scripted_choice {
    const char *word; /* NULL: the end of the list */
    const scripted_step *script;
} scripted_choice;

typedef struct scripted_engine {
    amphi_engine_info info;
    const scripted_step *script;      /* of every run... */
    const scripted_step *next_script; /* ... after the first; NULL: the same */
    const scripted_choice *choices;   /* come before both; NULL: none */
    atomic_int starts;
    atomic_int running;
    uint32_t tokens;        /* what it counts in any body; 0: it is busy */
    atomic_int counts;      /* calls of count_tokens */
    char last_prefix[4096]; /* read it after a run */
    char last_body[16384];
    char last_key[64];
    uint64_t last_judge_tokens;
} scripted_engine;

void scripted_engine_init(
    scripted_engine *engine, const char *name, amphi_engine_kind kind, const scripted_step *script);
amphi_engine scripted_engine_value(scripted_engine *engine);

#endif
