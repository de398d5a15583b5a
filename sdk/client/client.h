/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's own state, shared by the files of this folder. Parts are tables; only compose.c
 * knows which implementations stand behind them.
 */
#ifndef AMPHI_CLIENT_CLIENT_H
#define AMPHI_CLIENT_CLIENT_H

#include "policy/policy.h"
#include "sdk/client/client_options.h"
#include "sdk/client/decision_record.h"
#include "sdk/client/response_cache.h"
#include "sdk/client/retry_budget.h"
#include "sdk/client/rollout_guard.h"
#include "sdk/client/route_pace.h"
#include "sdk/client/single_flight.h"
#include "sdk/client/spending.h"
#include "sdk/client/stream_set.h"
#include "sdk/core/json.h"
#include "sdk/core/log.h"
#include "sdk/core/model_list.h"
#include "sdk/core/price.h"
#include "sdk/core/process_identity.h"
#include "sdk/core/thread.h"

#include <amphi/client.h>
#include <amphi/ext/parts.h>
#include <amphi/history.h>
#include <amphi/keys.h>
#include <amphi/repair.h>
#include <amphi/rollout.h>

#include <stdatomic.h>

/* Deaths of an engine's process since the engine was made, as in its info. */
typedef struct amphi_route_deaths {
    uint32_t early, late, memory, outside;
} amphi_route_deaths;

/* What a route runs, for the cache: a model file's fingerprint, or a model's name. */
typedef struct amphi_model_identity {
    char text[80];
} amphi_model_identity;

/* What the ledger had on an engine when it was last read (crash_ledger.c). */
typedef struct amphi_known_crashes {
    char fingerprint[65];
    char build[32];
    amphi_crash_facts facts;
    unsigned writes;  /* ledger_writes of that moment */
    uint64_t read_ms; /* monotonic; 0: never */
} amphi_known_crashes;

typedef struct amphi_route {
    amphi_engine engine;
    bool owned;                             /* freed with the client */
    char name[AMPHI_NAME_MAX];              /* constant; empty: a foreign engine, describe has it */
    char model[AMPHI_MODEL_LIST_BYTES_MAX]; /* of an endpoint, as configured: constant; "", "a"
                                               or "a|b|c" */
    char prices[AMPHI_PRICE_LIST_BYTES_MAX];   /* likewise: constant; empty: none are known */
    amphi_breaker breaker;                     /* under client->lock */
    char last_failure[AMPHI_LAST_FAILURE_MAX]; /* what the breaker counted last; likewise */
    char credentials[65];                      /* the fingerprint that both are of; likewise */
    uint64_t pause_until_ms;                   /* monotonic; under the lock */
    amphi_reason pause_reason;                 /* of that pause; likewise */
    amphi_route_deaths deaths;                 /* those that are in the ledger; under the lock */
    amphi_known_crashes known;                 /* under the lock */
    uint32_t load;                             /* runs under way; under the lock */
    uint32_t first_tokens_ms[32];              /* the most recent ones; under the lock */
    uint32_t first_tokens_count;               /* ever */
    amphi_route_pace pace;                     /* of complete answers; under the lock */
    amphi_thresholds thresholds; /* as the last real decision left them; under the lock */
    uint64_t thresholds_ms;      /* when its facts were read; likewise */
} amphi_route;

typedef struct amphi_background amphi_background;
typedef struct amphi_telemetry amphi_telemetry;
typedef struct amphi_drivers amphi_drivers;
typedef struct amphi_drafts amphi_drafts;

struct amphi_client {
    /* Parts; constant after amphi_client_new. Tables of the app are in `tables`. */
    amphi_tables tables;
    amphi_log log;
    const amphi_clock *clock;
    amphi_keys keys;
    amphi_store store;
    amphi_http http;
    amphi_device device;
    amphi_shared_cache shared_cache; /* ops NULL: none */
    bool owns_keys, owns_store, owns_http, owns_device;
    amphi_route routes[AMPHI_ROUTES_MAX];
    size_t routes_count;
    char process_identity[AMPHI_PROCESS_IDENTITY_MAX]; /* this process, for the ledger */
    amphi_rollout *rollout;                            /* NULL: no source was given */
    bool rollout_is_remote;                            /* its source is not a file */
    char rollout_model[AMPHI_NAME_MAX];  /* that amphi.model chose at the start; empty: none */
    uint32_t rollout_poll_s;             /* how often a URL is looked at */
    amphi_rollout_exposure_fn *exposure; /* NULL: no events */
    void *exposure_user;
    amphi_policy policy_base;            /* the app's document */
    amphi_mode mode;                     /* of requests that name none */
    bool is_private, no_cache, no_queue; /* of every request */
    amphi_outbox_event_fn *outbox_event; /* NULL: none */
    void *outbox_user;
    amphi_history_retention retention; /* what the background lets stay */

    amphi_mutex apply_lock; /* one thread at a time applies the remote config; before `lock` */
    amphi_mutex lock;       /* guards what follows */
    amphi_policy policy;    /* in force: base with the rollout on top */
    amphi_rollout_steering steering; /* of the payload that `policy` is of */
    amphi_rollout_exposure reported[AMPHI_ROLLOUT_FEATURES];
    size_t reported_count;
    /* The document of the last decision, for the records of answers. */
    amphi_decided_policy decided_policy;
    amphi_rollout_guard guard;
    uint64_t cache_number;              /* amphi.cache's, as it was done last */
    amphi_device_facts pushed;          /* by the app */
    uint64_t pushed_ms[AMPHI_FACT_MAX]; /* when each of them was; monotonic */
    amphi_device_facts probed;          /* by the device part; cached */
    uint64_t probed_ms;                 /* monotonic; 0: never */
    bool is_probing;                    /* a thread looks at the device, without the lock */
    amphi_cond probe_done;              /* ... and no longer */
    amphi_spending spending;            /* today */
    amphi_retry_budget retry_budget;    /* of second tries, across requests */
    atomic_uint device_epoch;  /* grows with every push: running answers check the device */
    atomic_uint ledger_writes; /* grows with every row written or changed */

    amphi_telemetry *telemetry; /* NULL: off; constant after amphi_client_new */
    amphi_response_cache *cache;
    amphi_single_flight *flights;
    amphi_stream_set *streams; /* those that are not freed; outlives the client */
    amphi_drivers *drivers;
    amphi_drafts *drafts;
    amphi_background *background;
};

/* compose.c: fills in the parts that the options do not bring. */
amphi_status amphi__compose(
    amphi_client *client, const amphi_client_options *options, amphi_error *error);
/* Frees what compose made, in reverse order. Accepts a client that is half made. */
void amphi__decompose(amphi_client *client);

/* For amphi_storage_measure: writes the built-in store's figures as members. */
amphi_status amphi__compose_measure_storage(
    amphi_json_writer *writer, amphi_str folder, uint64_t large_bytes, amphi_error *error);

/* For amphi_doctor: the built-in parts' own reports. Empty: not the built-in part. */
typedef struct amphi_parts_report {
    char store[96];  /* versions of SQLCipher and SQLite */
    char cage[256];  /* what the engine process's cage lacks */
    bool cage_known; /* false: no engine process was started */
} amphi_parts_report;
void amphi__compose_report(const amphi_client *client, amphi_parts_report *out);

/* amphi/repair.h and amphi/keys.h, without a client. Options and parts are whole
 * (client_options.h). */
amphi_status amphi__compose_check(amphi_history_check_report *out,
    const amphi_client_options *options, const amphi_parts *parts, bool is_quick,
    amphi_error *error);
amphi_status amphi__compose_keys(amphi_keys_report *out, const amphi_client_options *options,
    const amphi_parts *parts, amphi_error *error);
amphi_status amphi__compose_rekey(
    const amphi_client_options *options, const amphi_parts *parts, amphi_error *error);
amphi_status amphi__compose_shred(
    const amphi_client_options *options, const amphi_parts *parts, amphi_error *error);
amphi_status amphi__compose_repair(amphi_history_repair_report *out,
    const amphi_client_options *options, const amphi_parts *parts, amphi_error *error);

amphi_status amphi__compose_lost(char *out, size_t capacity, const amphi_client_options *options,
    const amphi_parts *parts, amphi_error *error);

/* How many damaged stores were kept aside, and the path of one. */
uint64_t amphi__compose_aside(
    const amphi_client_options *options, const amphi_parts *parts, char *path, size_t capacity);

/* The policy in force now, copied under the lock. */
void amphi__client_policy(amphi_client *client, amphi_policy *out);
/* With the rest of what the remote config says at that moment. */
void amphi__client_steering(
    amphi_client *client, amphi_policy *policy, amphi_rollout_steering *steering);

/* Did the remote config switch this endpoint off? */
bool amphi__client_endpoint_is_off(amphi_client *client, size_t index);

/* device_facts.c: probed (at most a second old) with pushed on top. */
void amphi__client_facts(amphi_client *client, amphi_device_facts *out);
/* Do this engine's bytes go over a network that is paid for by them? */
bool amphi__client_is_metered(amphi_client *client, const amphi_engine_info *info);
bool amphi__client_is_short_of_memory(amphi_client *client);
/* Parses the JSON form of pushed facts. */
amphi_status amphi__device_facts_parse(amphi_device_facts *out, amphi_str json, amphi_error *error);

/* May other users of this machine read the endpoint's key file? Mounted secrets often are readable,
 * so that is logged, not refused. */
bool amphi__endpoint_key_is_exposed(const amphi_endpoint_options *options);

#endif
