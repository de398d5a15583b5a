/* SPDX-License-Identifier: Apache-2.0
 *
 * A scene for tests of the rollout: a store in memory, a folder, a transport that answers from a
 * script, and a clock that stands. One scene at a time.
 */
#ifndef AMPHI_TESTS_ROLLOUT_SCENE_H
#define AMPHI_TESTS_ROLLOUT_SCENE_H

#include "policy/policy.h"
#include "sdk/core/json.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/settings_store.h"

#include <pthread.h>

typedef struct fake_http {
    int status;
    const char *etag, *body;
    size_t body_times;     /* the body is sent this often; 0: once */
    amphi_status fails;    /* the exchange ends with this */
    bool hangs;            /* until cancelled */
    const char *signature; /* body of URLs that end in .jws; NULL: 404 */
    /* What was requested. */
    unsigned requests, signatures;
    bool is_signature;
    char url[200];
    char if_none_match[64];
    uint64_t body_limit;
    /* The exchange under way. */
    amphi_http_sink sink;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool cancelled;
} fake_http;

extern fake_store store;
extern fake_http http;
extern scratch_dir dir;
extern char source[300]; /* a file in the folder */
extern amphi_policy base;
extern char scene_keys[200]; /* what is pinned; empty: nothing */
extern int64_t scene_now_s;
extern const amphi_clock scene_clock;
extern const amphi_http_ops fake_http_ops;

int rollout_scene_set_up(void **state);
int rollout_scene_tear_down(void **state);
#define SCENE(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, rollout_scene_set_up, rollout_scene_tear_down)

amphi_rollout *rollout_from(const char *from);
void write_source(const char *payload);
void install_id_is(const char *id);
/* amphi__rollout_steer with `own` as the app's document, and nothing else to be steered. */
amphi_status scene_apply(
    amphi_rollout *rollout, amphi_policy *policy, const amphi_policy *own, amphi_error *error);
/* The same for one endpoint, which comes first. */
amphi_rollout_steering scene_steering(amphi_rollout *rollout, const char *endpoint);
amphi_policy applied(amphi_rollout *rollout);
/* What amphi__rollout_show writes; free it. */
amphi_json *shown(amphi_rollout *rollout);
void assert_shows(amphi_rollout *rollout, const char *member, const char *part);

#define KILL_SWITCH                                                                                \
    "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"local\":{\"enabled\":false}}}}}"
#define QUARTER                                                                                    \
    "{\"features\":{\"amphi.policy\":{\"defaultValue\":null,\"rules\":[{\"force\":{\"mode\":"      \
    "\"only_cloud\"},\"coverage\":0.25,\"hashAttribute\":\"id\"}]}}}"

#define URL "https://cdn.example/rollout.json"

#endif
