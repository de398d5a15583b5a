/* SPDX-License-Identifier: Apache-2.0
 *
 * Signed payloads over a store, files and a transport: what an attacker between server and device
 * may try, and that none of it is taken.
 */
#include "policy/rollout_signature.h"
#include "sdk/core/alloc.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define DAY (24 * 3600)
#define NOW 1800000000

/* The app's own document, a kill switch, and what an attacker would like best. */
#define OPEN  "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"mode\":\"only_cloud\"}}}}"
#define OTHER "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"total_ms\":50999}}}}"

static char *private_jwk[2], *public_key[2];
static char signature[2][AMPHI_ROLLOUT_SIGNATURE_MAX]; /* of http.signature, and a second one */

static int make_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        amphi_buf secret;
        amphi_buf public;
        amphi__buf_init(&secret, 0);
        amphi__buf_init(&public, 0);
        assert_int_equal(amphi__rollout_keygen(&secret, &public, NULL), AMPHI_OK);
        private_jwk[i] = amphi__buf_take(&secret);
        public_key[i] = amphi__buf_take(&public);
    }
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        amphi__free(private_jwk[i]);
        amphi__free(public_key[i]);
    }
    return 0;
}

/* Into one of the two signature files; `expires_s` 0: in 30 days. */
static const char *sign_at(
    size_t file, size_t key, const char *payload, uint64_t version, int64_t issued_s)
{
    amphi_buf text;
    amphi__buf_init(&text, 0);
    assert_int_equal(
        amphi__rollout_sign(&text, amphi_str_from(private_jwk[key]), amphi_str_from(payload),
            version, (uint64_t)issued_s, (uint64_t)issued_s + 30 * DAY, NULL),
        AMPHI_OK);
    amphi__str_copy_to(signature[file], sizeof signature[file], amphi__buf_str(&text));
    amphi__buf_clear(&text);
    return signature[file];
}

static void serve(const char *payload, uint64_t version)
{
    http.body = payload;
    http.signature = sign_at(0, 0, payload, version, NOW);
}

static amphi_rollout *pinned_from(const char *from)
{
    snprintf(scene_keys, sizeof scene_keys, "%s", public_key[0]);
    return rollout_from(from);
}

static void signed__payload_is_taken_and_kept(void **state)
{
    (void)state;
    serve(KILL_SWITCH, 5);
    http.etag = "\"s5\"";
    amphi_rollout *rollout = pinned_from(URL);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_int_equal(http.requests, 2);
    assert_false(applied(rollout).local_enabled);
    amphi_json *json = shown(rollout);
    const amphi_json *said = amphi__json_get(json, "signature");
    assert_int_equal(amphi__json_int(amphi__json_get(said, "version"), 0), 5);
    assert_false(amphi__json_bool(amphi__json_get(said, "expired"), true));
    amphi__json_free(json);

    /* Nothing new: one exchange for the signature, and the payload stays where it is. */
    http.status = 304;
    http.signature = "";
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_int_equal(http.requests, 3);
    assert_string_equal(http.if_none_match, "\"s5\"");
    assert_true(amphi__str_ends_with(amphi_str_from(http.url), AMPHI_STR("/rollout.json.jws")));
    http.status = 200;
    http.signature = signature[0]; /* a server without tags */
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_int_equal(http.requests, 4);
    amphi__rollout_free(rollout);

    http.fails = AMPHI_E_OFFLINE;
    rollout = pinned_from(URL);
    assert_shows(rollout, "payload", "kept");
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
}

static void signed__the_signature_of_a_url_stands_before_its_query(void **state)
{
    (void)state;
    http.status = 404;
    amphi_rollout *rollout = pinned_from("https://cdn.example/f.json?v=1#x");
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_E_NOT_FOUND);
    assert_string_equal(http.url, "https://cdn.example/f.json.jws?v=1#x");
    amphi__rollout_free(rollout);
}

typedef struct attack {
    const char *what;
    const char *body;      /* what is served */
    const char *signature; /* NULL: none */
    int64_t now_s;
} attack;

/* Every attack on a device that has taken version 5, a kill switch, and on one that has taken none:
 * 0 accepted, and the kill switch holds, now and after a restart. */
static void attacks__none_is_accepted(void **state)
{
    (void)state;
    char old[AMPHI_ROLLOUT_SIGNATURE_MAX], wrong_key[AMPHI_ROLLOUT_SIGNATURE_MAX],
        same[AMPHI_ROLLOUT_SIGNATURE_MAX], expired[AMPHI_ROLLOUT_SIGNATURE_MAX],
        good[AMPHI_ROLLOUT_SIGNATURE_MAX], stripped[AMPHI_ROLLOUT_SIGNATURE_MAX];
    snprintf(old, sizeof old, "%s", sign_at(1, 0, OPEN, 4, NOW - DAY));
    snprintf(wrong_key, sizeof wrong_key, "%s", sign_at(1, 1, OPEN, 9, NOW));
    snprintf(same, sizeof same, "%s", sign_at(1, 0, OPEN, 5, NOW));
    snprintf(expired, sizeof expired, "%s", sign_at(1, 0, OPEN, 9, NOW - 31 * DAY));
    snprintf(good, sizeof good, "%s", sign_at(1, 0, OPEN, 9, NOW));
    snprintf(stripped, sizeof stripped, "%.*s..\n", (int)(strchr(good, '.') - good), good);
    const attack attacks[] = {
        {"an older version is played again", OPEN, old, NOW},
        {"and with a clock that is a year behind", OPEN, old, NOW - 365 * DAY},
        {"another payload under the version that was taken", OPEN, same, NOW},
        {"expired", OPEN, expired, NOW},
        {"expired, and the clock was set back", OPEN, expired, NOW - 20 * DAY},
        {"a key that is not pinned", OPEN, wrong_key, NOW},
        {"no signature", OPEN, NULL, NOW},
        {"an empty signature file", OPEN, "\n", NOW},
        {"the signature is taken out", OPEN, stripped, NOW},
        {"the signature of another payload", OPEN " ", good, NOW},
        {"a clock a year ahead", OPEN, good, NOW + 365 * DAY},
        {"a clock a year behind", OPEN, good, NOW - 365 * DAY},
    };
    unsigned accepted = 0;
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        for (int fresh = 0; fresh < 2; fresh++) {
            /* Some are attacks on a device that knows better. */
            if (fresh && i < 3 && i != 1)
                continue;
            if (fresh && i == 4)
                continue; /* no clock and no memory: a bootstrap payload helps; see below */
            rollout_scene_tear_down(NULL);
            rollout_scene_set_up(NULL);
            amphi_rollout *rollout = pinned_from(URL);
            serve(KILL_SWITCH, 5);
            if (!fresh)
                assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
            http.body = attacks[i].body;
            http.signature = attacks[i].signature;
            scene_now_s = attacks[i].now_s;
            for (int start = 0; start < 2; start++) {
                amphi_error error;
                bool taken = amphi__rollout_refresh(rollout, 5000, &error) == AMPHI_OK;
                taken = taken || applied(rollout).mode == AMPHI_MODE_ONLY_CLOUD;
                if (taken)
                    printf("accepted: %s\n", attacks[i].what);
                accepted += taken;
                assert_true(fresh || !applied(rollout).local_enabled);
                amphi__rollout_free(rollout);
                rollout = pinned_from(URL);
            }
            amphi__rollout_free(rollout);
        }
    }
    printf("%u of %zu attacks accepted\n", accepted, sizeof attacks / sizeof attacks[0]);
    assert_int_equal(accepted, 0);
}

/* Bits of both files as they come off the wire, over the whole way into the policy: each n-th one,
 * and in `./dev test --fault` each. */
static void attacks__no_flipped_bit_is_accepted(void **state)
{
    (void)state;
    serve(OPEN, 5);
    char body[] = OPEN;
    char text[AMPHI_ROLLOUT_SIGNATURE_MAX];
    snprintf(text, sizeof text, "%s", http.signature);
    http.body = body;
    http.signature = text;
    const char *wish = getenv("AMPHI_CASES_STEP");
    size_t step = wish != NULL && atoi(wish) > 0 ? (size_t)atoi(wish) : 13;
    unsigned accepted = 0;
    unsigned tried = 0;
    amphi_rollout *rollout = pinned_from(URL);
    char *const files[] = {body, text};
    for (size_t f = 0; f < 2; f++) {
        size_t bits = 8 * strlen(files[f]);
        for (size_t bit = 0; bit < bits; bit += step, tried++) {
            files[f][bit / 8] = (char)(files[f][bit / 8] ^ 1 << bit % 8);
            if (files[f][bit / 8] != '\0')
                accepted += amphi__rollout_refresh(rollout, 5000, NULL) == AMPHI_OK;
            files[f][bit / 8] = (char)(files[f][bit / 8] ^ 1 << bit % 8);
        }
    }
    printf("%u of %u flipped bits accepted\n", accepted, tried);
    assert_int_equal(accepted, 0);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    amphi__rollout_free(rollout);
}

static void version__is_one_for_every_source_and_process(void **state)
{
    (void)state;
    serve(KILL_SWITCH, 5);
    amphi_rollout *other = pinned_from(URL);
    amphi_rollout *rollout = pinned_from(URL);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    serve(OPEN, 4); /* another process of this store, and then another source */
    assert_int_equal(amphi__rollout_refresh(other, 5000, NULL), AMPHI_E_REFUSED);
    amphi__rollout_free(other);
    other = pinned_from("https://other.example/x.json");
    assert_int_equal(amphi__rollout_refresh(other, 5000, NULL), AMPHI_E_REFUSED);
    assert_false(applied(other).local_enabled);
    serve(OTHER, 6);
    assert_int_equal(amphi__rollout_refresh(other, 5000, NULL), AMPHI_OK);
    assert_true(applied(other).local_enabled);
    amphi__rollout_free(other);
    amphi__rollout_free(rollout);
}

/* A full disk: in force in this process, and not to be undone in it. */
static void version__does_not_go_back_where_nothing_can_be_written(void **state)
{
    (void)state;
    serve(KILL_SWITCH, 5);
    amphi_rollout *rollout = pinned_from(URL);
    store.refuse_puts = true;
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    serve(OPEN, 4);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_E_REFUSED);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
}

static void expiry__leaves_what_takes_away_and_takes_what_gives(void **state)
{
    (void)state;
    serve("{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"local\":{\"enabled\":false},"
          "\"total_ms\":50999,\"network\":{\"metered_allowed\":false}}},\"amphi.endpoints\":"
          "{\"defaultValue\":{\"a\":{\"enabled\":false},\"b\":{\"weight\":9}}}}}",
        5);
    amphi_rollout_endpoint got;
    amphi_rollout *rollout = pinned_from(URL);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_int_equal(applied(rollout).total_ms, 50999);
    http.fails = AMPHI_E_OFFLINE;
    for (int start = 0; start < 2; start++) {
        scene_now_s = NOW + 31 * DAY;
        amphi_policy policy = applied(rollout);
        assert_false(policy.local_enabled);
        assert_false(policy.metered_allowed);
        assert_int_equal(policy.total_ms, base.total_ms);
        got = scene_steering(rollout, "a").endpoints[0];
        assert_true(got.is_off);
        got = scene_steering(rollout, "b").endpoints[0];
        assert_int_equal(got.weight, 0);
        assert_shows(rollout, "why", "has expired");
        scene_now_s = NOW;
        assert_int_equal(applied(rollout).total_ms, 50999);
        amphi__rollout_free(rollout);
        rollout = pinned_from(URL);
    }
    http.fails = AMPHI_OK; /* signed again, for longer: the same version and payload */
    scene_now_s = NOW + 31 * DAY;
    http.signature = sign_at(0, 0, http.body, 5, scene_now_s);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_int_equal(applied(rollout).total_ms, 50999);
    amphi__rollout_free(rollout);
}

static void keys__rotate_without_a_gap(void **state)
{
    (void)state;
    char both[2 * AMPHI_ROLLOUT_SIGNATURE_MAX];
    snprintf(both, sizeof both, "%s", sign_at(0, 1, KILL_SWITCH, 5, NOW));
    snprintf(
        both + strlen(both), sizeof both - strlen(both), "%s", sign_at(0, 0, KILL_SWITCH, 5, NOW));
    http.body = KILL_SWITCH;
    http.signature = both;
    amphi_rollout *rollout = pinned_from(URL); /* an app that pins the old key */
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    amphi__rollout_free(rollout);
    http.fails = AMPHI_E_OFFLINE;
    snprintf(scene_keys, sizeof scene_keys, "%s;%s", public_key[0], public_key[1]);
    rollout = rollout_from(URL);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
    snprintf(scene_keys, sizeof scene_keys, "%s", public_key[1]); /* its update: the new one */
    rollout = rollout_from(URL);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
    http.fails = AMPHI_OK;
    http.body = OPEN; /* the old key is worth nothing now */
    http.signature = sign_at(0, 0, OPEN, 6, NOW);
    rollout = rollout_from(URL);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_E_CORRUPT);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
}

static void keys__pinned_later_distrust_what_was_kept_unsigned(void **state)
{
    (void)state;
    http.body = OPEN;
    amphi_rollout *rollout = rollout_from(URL);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    amphi__rollout_free(rollout);
    rollout = pinned_from(URL);
    assert_shows(rollout, "payload", "none");
    assert_int_equal(applied(rollout).mode, AMPHI_MODE_AUTO);
    amphi__rollout_free(rollout);
}

/* ---- bootstrap ---- */

static amphi_rollout *bootstrapped(
    const char *payload, const char *signed_by, amphi_status expected)
{
    amphi_rollout_options options = {
        .source = amphi_str_from(URL),
        .http = {&fake_http_ops, &http},
        .store = {&settings_store_ops, &store},
        .clock = &scene_clock,
        .keys = amphi_str_from(public_key[0]),
        .bootstrap = amphi_str_from(payload),
        .bootstrap_signature = amphi_str_from(signed_by),
    };
    amphi_rollout *rollout = NULL;
    amphi_error error;
    assert_int_equal(amphi__rollout_new(&rollout, &options, &error), expected);
    return rollout;
}

static void bootstrap__holds_until_another_was_taken(void **state)
{
    (void)state;
    amphi_rollout *rollout = bootstrapped(KILL_SWITCH, "", AMPHI_OK);
    assert_false(applied(rollout).local_enabled);
    assert_shows(rollout, "payload", "bootstrap");
    serve(OTHER, 1);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    assert_int_equal(applied(rollout).total_ms, 50999);
    amphi__rollout_free(rollout);
    rollout = bootstrapped(KILL_SWITCH, "", AMPHI_OK);
    assert_int_equal(applied(rollout).total_ms, 50999);
    assert_shows(rollout, "payload", "kept");
    amphi__rollout_free(rollout);
}

static void bootstrap__with_a_signature_is_a_floor(void **state)
{
    (void)state;
    char text[AMPHI_ROLLOUT_SIGNATURE_MAX];
    snprintf(text, sizeof text, "%s", sign_at(1, 0, KILL_SWITCH, 8, NOW - 60 * DAY));
    amphi_rollout *rollout = bootstrapped(KILL_SWITCH, text, AMPHI_OK);
    assert_false(applied(rollout).local_enabled); /* its expiry counts for nothing */
    http.body = OPEN;
    http.signature = sign_at(0, 0, OPEN, 7, NOW);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_E_REFUSED);
    http.signature = sign_at(0, 0, OPEN, 9, NOW - 95 * DAY); /* expired before the app was made */
    scene_now_s = NOW - 90 * DAY;
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_E_REFUSED);
    assert_false(applied(rollout).local_enabled);
    scene_now_s = NOW;
    serve(OTHER, 8); /* another payload under the version of the bootstrap */
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_E_REFUSED);
    serve(OTHER, 9);
    assert_int_equal(amphi__rollout_refresh(rollout, 5000, NULL), AMPHI_OK);
    amphi__rollout_free(rollout);
    rollout = bootstrapped(KILL_SWITCH, text, AMPHI_OK); /* what was kept is newer */
    assert_int_equal(applied(rollout).total_ms, 50999);
    amphi__rollout_free(rollout);
    sign_at(1, 0, KILL_SWITCH, 10, NOW); /* an update of the app brings a newer one */
    rollout = bootstrapped(KILL_SWITCH, signature[1], AMPHI_OK);
    assert_false(applied(rollout).local_enabled);
    amphi__rollout_free(rollout);
}

static void bootstrap__that_is_bad_is_the_apps_mistake(void **state)
{
    (void)state;
    assert_null(bootstrapped("{}", "", AMPHI_E_ARGUMENT));
    assert_null(bootstrapped("{", "", AMPHI_E_ARGUMENT));
    assert_null(bootstrapped(KILL_SWITCH, "x", AMPHI_E_ARGUMENT));
    assert_null(bootstrapped(OPEN, sign_at(1, 0, KILL_SWITCH, 8, NOW), AMPHI_E_ARGUMENT));
    assert_null(bootstrapped(KILL_SWITCH, sign_at(1, 1, KILL_SWITCH, 8, NOW), AMPHI_E_ARGUMENT));
}

/* ---- every allocation fails in turn ---- */

static amphi_status whole_life(void)
{
    amphi_rollout_options options = {
        .source = AMPHI_STR(URL),
        .http = {&fake_http_ops, &http},
        .store = {&settings_store_ops, &store},
        .clock = &scene_clock,
        .keys = amphi_str_from(public_key[0]),
        .attributes = AMPHI_STR("{\"tier\":\"free\"}"),
    };
    amphi_rollout *rollout = NULL;
    amphi_policy policy;
    amphi_rollout_steering steering;
    const amphi_rollout_target target = {.base = &base, .model = ""};
    amphi_buf text;
    amphi_error error;
    amphi__buf_init(&text, 0);
    amphi_status status = amphi__rollout_new(&rollout, &options, &error);
    if (status == AMPHI_OK)
        status = amphi__rollout_refresh(rollout, 5000, &error);
    if (status == AMPHI_OK)
        status = amphi__rollout_steer(rollout, &target, &policy, &steering, &error);
    if (status == AMPHI_OK) {
        assert_false(policy.local_enabled);
        assert_int_equal(steering.exposures_count, 1);
        status = amphi__rollout_show(rollout, &text, &error);
    }
    amphi__buf_clear(&text);
    amphi__rollout_free(rollout);
    return status;
}

static void memory__every_failed_allocation_is_survived(void **state)
{
    (void)state;
    serve(KILL_SWITCH, 5);
    assert_int_equal(whole_life(), AMPHI_OK); /* so that there is something kept as well */
    serve(KILL_SWITCH, 5);                    /* signed anew: fetched and checked again */
    failing_alloc_install();
    bool failed;
    size_t n = 1;
    do {
        failing_alloc_at(n++);
        amphi_status status = whole_life();
        failed = failing_alloc_failed();
        if (status != AMPHI_OK && status != AMPHI_E_NO_MEMORY)
            fail_msg("allocation %zu: %s", n - 1, amphi_status_name(status));
        assert_int_equal(failing_alloc_live(), 0);
    } while (failed);
    failing_alloc_remove();
    assert_in_range(n, 30, 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(signed__payload_is_taken_and_kept),
        SCENE(signed__the_signature_of_a_url_stands_before_its_query),
        SCENE(attacks__none_is_accepted),
        SCENE(attacks__no_flipped_bit_is_accepted),
        SCENE(version__is_one_for_every_source_and_process),
        SCENE(version__does_not_go_back_where_nothing_can_be_written),
        SCENE(expiry__leaves_what_takes_away_and_takes_what_gives),
        SCENE(keys__rotate_without_a_gap),
        SCENE(keys__pinned_later_distrust_what_was_kept_unsigned),
        SCENE(bootstrap__holds_until_another_was_taken),
        SCENE(bootstrap__with_a_signature_is_a_floor),
        SCENE(bootstrap__that_is_bad_is_the_apps_mistake),
        SCENE(memory__every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
