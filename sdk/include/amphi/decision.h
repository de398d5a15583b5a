/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a request went where it went: one entry per route, in the order in which they were to be
 * tried, refused ones last, each with a reason in words.
 */
#ifndef AMPHI_DECISION_H
#define AMPHI_DECISION_H

#include <amphi/error.h>

#define AMPHI_ROUTES_MAX 64
#define AMPHI_NAME_MAX   48
/* Routes in the part of amphi_decision that its first version had. */
#define AMPHI_DECISION_ROUTES_MAX 16
/* A price or a cost that is not known: never the same as free. */
#define AMPHI_COST_UNKNOWN UINT64_MAX

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
    AMPHI_REASON_UNAVAILABLE,     /* no model, key missing or refused, no start */
    AMPHI_REASON_COST,            /* the day's budget is used up, or this request would pass it */
    AMPHI_REASON_LATENCY,         /* by what was learnt of it, later or slower than wished for */
    AMPHI_REASON_PREFERENCE,      /* the request's "model" and "fallbacks" */
    AMPHI_REASON_ASKED_TO_WAIT,   /* the provider named a time, and it is not over */
    AMPHI_REASON_SCOPE,           /* the model was made for another, narrow job */
    AMPHI_REASON_QUOTA,           /* the account, or a system, takes no more requests for now */
    AMPHI_REASON_BUSY,            /* a system's model works for others */
    AMPHI_REASON_BACKGROUND,      /* the system stops the app, or its own model, there */
    AMPHI_REASON_COUNT            /* not a reason: how many there are */
} amphi_reason;

/* What was turned down for a route that is kept, before it would have been left out: bits of
 * amphi_decision_entry.turned_down. */
enum {
    AMPHI_TURNED_THREADS = 1 << 0, /* fewer threads */
    AMPHI_TURNED_PACE = 1 << 1,    /* fewer tokens a second */
    AMPHI_TURNED_CONTEXT = 1 << 2, /* a shorter context */
    AMPHI_TURNED_ANSWER = 1 << 3,  /* a shorter answer */
    AMPHI_TURNED_KERNELS = 1 << 4  /* plain kernels, after crashes */
};

/* FROZEN: an element of an array. */
typedef struct amphi_decision_route {
    char route[AMPHI_NAME_MAX]; /* "local", or the endpoint's name */
    bool kept;                  /* true: in the plan */
    amphi_reason reason;        /* the rule that decided */
    char why[160];              /* in words: "battery 8 % is below 20 %, not charging" */
} amphi_decision_route;

/* FROZEN: an element of an array. A route with everything that is known of it for this request.
 * Money is in millionths of a US dollar ("microdollars"); AMPHI_COST_UNKNOWN where no price is
 * known. */
typedef struct amphi_decision_entry {
    amphi_decision_route route;
    char also[136];            /* what else holds, in words, "cost: ...; latency: ..."; or empty */
    uint64_t reasons;          /* every reason that holds, each as the bit 1 << amphi_reason */
    uint64_t price_prompt;     /* per million tokens */
    uint64_t price_cached;     /* likewise, of a prompt that the provider had cached */
    uint64_t price_completion; /* likewise */
    uint64_t estimate;         /* of this request: its prompt, and an answer of answer_tokens */
    uint32_t answer_tokens;    /* the mean of its recent answers; the request's or the policy's
                                * bound where that is smaller, or no mean is known; 0: neither */
    uint32_t first_token_ms;   /* the median of its recent answers; 0: too few are known */
    float tokens_per_second;   /* likewise, behind the first token */
    uint32_t answers;          /* how many recent ones that is */
    uint32_t prompt_tokens;    /* what the estimate takes the prompt and its conversation for */
    uint32_t turned_down;      /* AMPHI_TURNED_... bits */
    uint64_t reserved[2];      /* 0 */
} amphi_decision_entry;

/* What failed more often under a release than without it, so that this device gave it up
 * (sdk/docs/policy.md). */
typedef enum amphi_rollback_kind {
    AMPHI_ROLLBACK_NONE = 0,
    AMPHI_ROLLBACK_CRASH = 1,   /* the engine, or the app with it, died, hung or had no memory */
    AMPHI_ROLLBACK_ERROR = 2,   /* there was no answer */
    AMPHI_ROLLBACK_SLOW = 3,    /* the answer began late */
    AMPHI_ROLLBACK_TAKEOVER = 4 /* a route failed, and another one answered */
} amphi_rollback_kind;

/* FROZEN: an element of an array. A feature of the remote config that is in force here, and the
 * rule that chose its value. */
typedef struct amphi_rollout_exposure {
    char feature[24];     /* "amphi.policy" */
    char rule[64];        /* the rule's id, or its place ("#0"); "default": no rule */
    char experiment[64];  /* the experiment's key; empty: none */
    int32_t variation;    /* -1: no experiment */
    uint32_t rolled_back; /* an amphi_rollback_kind: this device gave its value up, and the control
                             value counts; 0: it did not */
    uint64_t version;     /* of the signature; 0: the payload is not signed */
    char payload[24];     /* the first eight bytes of its SHA-256, in hex */
    /* So many answers of so many failed so: under the release, and without it. */
    uint16_t rolled_back_failed, rolled_back_of;
    uint16_t control_failed, control_of;
    uint64_t reserved; /* 0 */
} amphi_rollout_exposure;

/* SIZED, filled in. `entries` has every route; `routes` repeats the first ones for callers of the
 * first version. */
typedef struct amphi_decision {
    size_t struct_size; /* in bytes; see amphi/types.h */
    /* The first routes_count ... */
    amphi_decision_route routes[AMPHI_DECISION_ROUTES_MAX];
    size_t routes_count;
    /* ... and all of them. */
    amphi_decision_entry entries[AMPHI_ROUTES_MAX];
    size_t entries_count;
    /* Of this request, tools included, an estimate or a count; and an estimate of what of them its
     * tool schemas cost. */
    uint32_t prompt_tokens;
    uint32_t tool_tokens;
    /* Since 0 h UTC, by every client of this store, in microdollars; the policy's budget for a day,
     * 0: none. */
    uint64_t spent_today;
    uint64_t day_max;
    /* Today's answers of unknown price, which are not in spent_today, and those that broke off,
     * whose cost is an estimate; today's bytes over a metered network, sent and received. */
    uint32_t spent_unknown;
    uint32_t spent_estimated;
    uint64_t metered_bytes;
    /* What this client's requests under way are expected to cost, in microdollars; it counts
     * against day_max beside spent_today. */
    uint64_t reserved_now;
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
