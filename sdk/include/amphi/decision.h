/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a request went where it went: one entry per route, in the order in which they were to be
 * tried, refused ones last, each with a reason in words.
 */
#ifndef AMPHI_DECISION_H
#define AMPHI_DECISION_H

#include <amphi/error.h>

#define AMPHI_ROUTES_MAX 16
#define AMPHI_NAME_MAX   48

/* How far a message may travel: a property of what was said, not of one request. The stricter is
 * the larger. Names for JSON: amphi_privacy_name(). */
typedef enum amphi_privacy {
    AMPHI_PRIVACY_NONE = 0,       /* wherever the policy sends it */
    AMPHI_PRIVACY_ONLY_LOCAL = 1, /* said in mode only_local */
    AMPHI_PRIVACY_PRIVATE = 2     /* said in a private request: never leaves this device */
} amphi_privacy;

typedef enum amphi_mode {
    AMPHI_MODE_DEFAULT = 0, /* the policy document's; "auto" where it has none */
    AMPHI_MODE_AUTO = 1,
    AMPHI_MODE_PREFER_LOCAL = 2,
    AMPHI_MODE_PREFER_CLOUD = 3,
    AMPHI_MODE_ONLY_LOCAL = 4,
    AMPHI_MODE_ONLY_CLOUD = 5
} amphi_mode;

/* The rule that settled a route's fate. Names for JSON: amphi_reason_name(). */
typedef enum amphi_reason {
    AMPHI_REASON_OK = 0,          /* no rule spoke against it */
    AMPHI_REASON_MODE,            /* the mode excludes or prefers it */
    AMPHI_REASON_PRIVATE,         /* private: never leaves the device */
    AMPHI_REASON_KILL_SWITCH,     /* policy or rollout switched this kind off */
    AMPHI_REASON_BATTERY_LOW,     /* too low for the policy, and not charging */
    AMPHI_REASON_THERMAL,         /* hotter than the policy's maximum */
    AMPHI_REASON_MEMORY,          /* predicted need against what is free */
    AMPHI_REASON_MEMORY_PRESSURE, /* the system runs short of memory */
    AMPHI_REASON_NETWORK_NONE,    /* no network */
    AMPHI_REASON_NETWORK_METERED, /* the policy allows no metered network */
    AMPHI_REASON_NETWORK_SLOW,    /* round trips slower than the policy's limit */
    AMPHI_REASON_CONTEXT_LENGTH,  /* prompt and answer do not fit into its context */
    AMPHI_REASON_CAPABILITY,      /* tools, images, audio, constrained output */
    AMPHI_REASON_BREAKER_OPEN,    /* failed too often lately */
    AMPHI_REASON_QUARANTINE,      /* the local engine crashed too often */
    AMPHI_REASON_UNAVAILABLE,     /* no model, no key, engine can't start */
    AMPHI_REASON_COST,            /* reserved for endpoints with prices: no rule gives it yet */
    AMPHI_REASON_LATENCY,         /* reserved for learnt first-token times: no rule gives it yet */
    AMPHI_REASON_PREFERENCE,      /* the request's "model" and "fallbacks" */
    AMPHI_REASON_ASKED_TO_WAIT,   /* the provider named a time, and it is not over */
    AMPHI_REASON_SCOPE,           /* the model was made for another, narrow job */
    AMPHI_REASON_QUOTA,           /* a system's model takes no more requests of this app for now */
    AMPHI_REASON_BUSY,            /* a system's model works for others */
    AMPHI_REASON_BACKGROUND,      /* a system's model refuses an app in the background */
    AMPHI_REASON_COUNT            /* not a reason: how many there are */
} amphi_reason;

/* FROZEN: an element of an array. */
typedef struct amphi_decision_route {
    char route[AMPHI_NAME_MAX]; /* "local", or the endpoint's name */
    bool kept;                  /* true: in the plan */
    amphi_reason reason;        /* the rule that decided */
    char why[160];              /* in words: "battery 8 % is below 20 %, not charging" */
} amphi_decision_route;

/* SIZED, filled in. */
typedef struct amphi_decision {
    size_t struct_size;
    amphi_decision_route routes[AMPHI_ROUTES_MAX];
    size_t routes_count;
} amphi_decision;

static inline void amphi_decision_init(amphi_decision *decision)
{
    memset(decision, 0, sizeof *decision);
    decision->struct_size = sizeof *decision;
}

AMPHI_BEGIN_DECLS

/* "battery_low", "prefer_cloud". Constants, never NULL. */
AMPHI_API const char *amphi_reason_name(amphi_reason reason);
AMPHI_API const char *amphi_mode_name(amphi_mode mode);
/* "none", "only_local", "private". */
AMPHI_API const char *amphi_privacy_name(amphi_privacy privacy);
/* "auto", "prefer_local", ...; AMPHI_E_ARGUMENT for anything else. */
AMPHI_API amphi_status amphi_mode_parse(amphi_mode *out, amphi_str name);

AMPHI_END_DECLS

#endif
