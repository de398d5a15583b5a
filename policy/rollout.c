/* SPDX-License-Identifier: Apache-2.0
 *
 * The gray release. A payload in GrowthBook's format comes from a file or an https URL; its
 * feature "amphi.policy" is evaluated for this install (attributes: id, sdkVersion, platform),
 * and the object that comes out overrides fields of the policy document. The id is a random UUID
 * that is made once and kept in the store; it is never sent anywhere, the choice is made here.
 *
 * The last good payload is kept in the store with its ETag and its source, as one value, so that
 * a crash can't pair one payload with another's tag. A payload that can't be used changes
 * nothing. `lock` guards what stands below it; no file, store or network call is made under it.
 */
#include "policy/growthbook.h"
#include "policy/rollout_fetch.h"
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

#include <amphi/version.h>

#include <stdio.h>

#define FEATURE      "amphi.policy"
#define SETTING_ID   "rollout.install_id"
#define SETTING_KEPT "rollout.payload" /* {"source","etag"}, a line end, the payload's bytes */
#define KEPT_MAX     (AMPHI_ROLLOUT_PAYLOAD_MAX + 8192)

#if defined(__ANDROID__)
#define PLATFORM "android"
#elif defined(__linux__)
#define PLATFORM "linux"
#elif defined(__APPLE__)
#define PLATFORM "apple"
#elif defined(_WIN32)
#define PLATFORM "windows"
#else
#define PLATFORM "other"
#endif

typedef enum amphi_rollout_state { STATE_NONE, STATE_KEPT, STATE_FRESH } amphi_rollout_state;

struct amphi_rollout {
    char *source; /* never NULL */
    bool allow_http_loopback;
    amphi_http http;
    amphi_store store;
    amphi_log log;
    char install_id[37];
    amphi_json *attributes;
    _Atomic uint32_t stopped; /* 1: for good; any thread */
    uint8_t kept_digest[32];  /* of what the store holds, so that the same bytes are not written
                                again at every start; the refresh under way alone touches it */

    amphi_mutex lock;
    /* Under the lock: */
    bool refreshing;
    amphi_json *payload; /* NULL: none */
    char etag[AMPHI_ROLLOUT_ETAG_MAX];
    amphi_rollout_state state;
    amphi_error problem; /* of the last refresh; status OK: it went well */
    bool said_ignored;   /* the value's misfit was logged for this payload */
};

static amphi_status load_install_id(amphi_rollout *rollout, amphi_error *error);
static amphi_status make_attributes(amphi_rollout *rollout, amphi_error *error);
static amphi_status load_kept(amphi_rollout *rollout, amphi_error *error);
static amphi_status parse_payload(amphi_json **out, amphi_str text, amphi_error *error);
static void evaluate(const amphi_rollout *rollout, const amphi_json *payload, amphi_gb_result *out);
static amphi_status apply_value(amphi_policy *policy, const amphi_json *value, amphi_error *error);
static amphi_status keep(
    amphi_rollout *rollout, amphi_str payload, const char *etag, amphi_error *error);

amphi_status amphi__rollout_new(
    amphi_rollout **out, const amphi_rollout_options *options, amphi_error *error)
{
    *out = NULL;
    amphi_rollout *rollout = amphi__calloc(1, sizeof *rollout);
    if (rollout == NULL)
        return amphi__fail_no_memory(error);
    rollout->allow_http_loopback = options->allow_http_loopback;
    rollout->http = options->http;
    rollout->store = options->store;
    rollout->log = options->log;
    rollout->source = amphi__str_copy(options->source);
    amphi_status status = amphi__mutex_init(&rollout->lock);
    if (rollout->source == NULL || status != AMPHI_OK) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    status = load_install_id(rollout, error);
    if (status == AMPHI_OK)
        status = make_attributes(rollout, error);
    if (status == AMPHI_OK)
        status = load_kept(rollout, error);
    if (status == AMPHI_OK) {
        *out = rollout;
        rollout = NULL; /* the caller owns it now */
    }
cleanup:
    amphi__rollout_free(rollout);
    return status;
}

void amphi__rollout_free(amphi_rollout *rollout)
{
    if (rollout == NULL)
        return;
    amphi__mutex_clear(&rollout->lock);
    amphi__json_free(rollout->payload);
    amphi__json_free(rollout->attributes);
    amphi__free(rollout->source);
    amphi__free(rollout);
}

/* ---- what is kept in the store ---- */

typedef struct amphi_rollout_setting {
    amphi_buf text;
} amphi_rollout_setting;

static void copy_setting(void *user, amphi_str value)
{
    amphi_rollout_setting *setting = user;
    amphi__buf_append_str(&setting->text, value);
}

/* An absent setting, or no store at all, is the empty text. */
static amphi_status read_setting(
    const amphi_rollout *rollout, const char *name, amphi_rollout_setting *out, amphi_error *error)
{
    amphi__buf_init(&out->text, KEPT_MAX);
    if (rollout->store.ops == NULL)
        return AMPHI_OK;
    amphi_status status = rollout->store.ops->setting_get(
        rollout->store.self, amphi_str_from(name), copy_setting, out, error);
    if (status == AMPHI_E_NOT_FOUND) {
        amphi__error_clear(error);
        return AMPHI_OK;
    }
    if (status == AMPHI_OK && out->text.status == AMPHI_E_NO_MEMORY)
        return amphi__fail_no_memory(error);
    if (out->text.status != AMPHI_OK)
        amphi__buf_reset(&out->text); /* longer than anything we wrote */
    return status;
}

static bool is_install_id(amphi_str text)
{
    if (text.size != 36)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'))
            return false;
    }
    return true;
}

static amphi_status load_install_id(amphi_rollout *rollout, amphi_error *error)
{
    amphi_rollout_setting kept;
    amphi_status status = read_setting(rollout, SETTING_ID, &kept, error);
    amphi_str text = amphi__buf_str(&kept.text);
    if (status == AMPHI_OK && is_install_id(text)) {
        amphi__str_copy_to(rollout->install_id, sizeof rollout->install_id, text);
    } else if (status == AMPHI_OK) {
        status = amphi__uuid(rollout->install_id);
        if (status != AMPHI_OK) {
            amphi__fail(error, status, 0, "rollout: no random numbers for the install id");
        } else if (rollout->store.ops != NULL) {
            status = rollout->store.ops->setting_put(rollout->store.self, AMPHI_STR(SETTING_ID),
                amphi_str_from(rollout->install_id), error);
        }
    }
    amphi__buf_clear(&kept.text);
    return status;
}

static amphi_status make_attributes(amphi_rollout *rollout, amphi_error *error)
{
    amphi_buf text;
    amphi_json_writer writer;
    amphi__buf_init(&text, 1024);
    amphi__json_writer_init(&writer, &text);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "id", amphi_str_from(rollout->install_id));
    amphi__json_put_str(&writer, "sdkVersion", AMPHI_STR(AMPHI_VERSION));
    amphi__json_put_str(&writer, "platform", AMPHI_STR(PLATFORM));
    amphi__json_close(&writer, '}');
    amphi_status status = text.status != AMPHI_OK ? amphi__fail_no_memory(error)
                                                  : amphi__json_parse(&rollout->attributes,
                                                        amphi__buf_str(&text), "attributes", error);
    amphi__buf_clear(&text);
    return status;
}

/* A kept payload that is damaged or from another source counts as none. */
static amphi_status load_kept(amphi_rollout *rollout, amphi_error *error)
{
    if (rollout->source[0] == '\0')
        return AMPHI_OK;
    amphi_rollout_setting kept;
    amphi_json *head = NULL;
    amphi_status status = read_setting(rollout, SETTING_KEPT, &kept, error);
    amphi_str payload;
    amphi_str line = amphi__str_cut(amphi__buf_str(&kept.text), '\n', &payload);
    amphi_status usable =
        line.size > 0 ? amphi__json_parse(&head, line, "rollout", NULL) : AMPHI_E_NOT_FOUND;
    if (usable == AMPHI_OK &&
        !amphi__str_equal_c(amphi__json_string(amphi__json_get(head, "source")), rollout->source))
        usable = AMPHI_E_NOT_FOUND;
    if (usable == AMPHI_OK)
        usable = parse_payload(&rollout->payload, payload, NULL);
    if (status == AMPHI_OK && usable == AMPHI_E_NO_MEMORY) {
        status = amphi__fail_no_memory(error);
    } else if (usable == AMPHI_OK) {
        amphi__str_copy_to(
            rollout->etag, sizeof rollout->etag, amphi__json_string(amphi__json_get(head, "etag")));
        rollout->state = STATE_KEPT;
        if (amphi__sha256(amphi__buf_str(&kept.text), rollout->kept_digest) != AMPHI_OK)
            memset(rollout->kept_digest, 0, sizeof rollout->kept_digest);
    }
    amphi__json_free(head);
    amphi__buf_clear(&kept.text);
    return status;
}

static amphi_status keep(
    amphi_rollout *rollout, amphi_str payload, const char *etag, amphi_error *error)
{
    if (rollout->store.ops == NULL)
        return AMPHI_OK;
    amphi_buf text;
    amphi_json_writer writer;
    amphi__buf_init(&text, KEPT_MAX);
    amphi__json_writer_init(&writer, &text);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "source", amphi_str_from(rollout->source));
    amphi__json_put_str(&writer, "etag", amphi_str_from(etag));
    amphi__json_close(&writer, '}');
    amphi__buf_append_char(&text, '\n');
    amphi__buf_append_str(&text, payload);
    uint8_t digest[32];
    amphi_status status = text.status;
    if (status == AMPHI_OK)
        status = amphi__sha256(amphi__buf_str(&text), digest);
    if (status != AMPHI_OK) {
        amphi__fail(error, status, 0, "out of memory, or longer than its limit");
        goto cleanup;
    }
    /* Only one refresh runs at a time, and only a refresh writes the digest. */
    if (memcmp(digest, rollout->kept_digest, sizeof digest) != 0) {
        status = rollout->store.ops->setting_put(
            rollout->store.self, AMPHI_STR(SETTING_KEPT), amphi__buf_str(&text), error);
        if (status == AMPHI_OK)
            memcpy(rollout->kept_digest, digest, sizeof digest);
    }
cleanup:
    amphi__buf_clear(&text);
    return status;
}

/* ---- refreshing ---- */

static amphi_status parse_payload(amphi_json **out, amphi_str text, amphi_error *error)
{
    amphi_json *root = NULL;
    amphi_status status = amphi__json_parse(&root, text, "rollout", error);
    if (status != AMPHI_OK)
        return status;
    if (amphi__json_kind(amphi__json_get(root, "features")) != AMPHI_JSON_OBJECT) {
        bool encrypted = amphi__json_get(root, "encryptedFeatures") != NULL;
        amphi__json_free(root);
        return amphi__fail(error, encrypted ? AMPHI_E_UNSUPPORTED : AMPHI_E_FORMAT, 0,
            encrypted ? "rollout: encrypted payloads are not supported"
                      : "rollout: the payload has no object \"features\"");
    }
    *out = root;
    return AMPHI_OK;
}

static bool is_url(const char *source)
{
    return strncmp(source, "https://", 8) == 0 || strncmp(source, "http://", 7) == 0;
}

static amphi_status fetch(
    amphi_rollout *rollout, amphi_rollout_fetch *fetched, uint32_t timeout_ms, amphi_error *error)
{
    if (!is_url(rollout->source))
        return amphi__rollout_fetch_file(fetched, rollout->source, error);
    if (strncmp(rollout->source, "https://", 8) != 0 && !rollout->allow_http_loopback)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "rollout: the source must be https");
    return amphi__rollout_fetch_url(fetched, &rollout->http, amphi_str_from(rollout->source),
        rollout->allow_http_loopback, timeout_ms, error);
}

/* A value that does not fit the policy document must not push aside one that does: a typing mistake
 * on the server would switch a kill switch off. */
static amphi_status check_against_last(
    amphi_rollout *rollout, const amphi_json *payload, amphi_error *error)
{
    amphi_gb_result result;
    amphi_policy policy;
    amphi_error misfit;
    amphi__policy_init(&policy);
    evaluate(rollout, payload, &result);
    amphi_status status = apply_value(&policy, result.value, &misfit);
    if (status == AMPHI_OK || status == AMPHI_E_NO_MEMORY)
        return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
    bool last_fits = false;
    amphi__mutex_lock(&rollout->lock);
    if (rollout->payload != NULL) {
        evaluate(rollout, rollout->payload, &result);
        last_fits = apply_value(&policy, result.value, NULL) == AMPHI_OK;
    }
    amphi__mutex_unlock(&rollout->lock);
    if (!last_fits)
        return AMPHI_OK; /* there is nothing to hold on to; `show` says that it is ignored */
    return amphi__fail(
        error, AMPHI_E_FORMAT, 0, "rollout: the last good payload is kept: %s", misfit.message);
}

/* Puts the new payload into force; false when the old one was confirmed. */
static bool put_into_force(
    amphi_rollout *rollout, amphi_json *payload, const amphi_rollout_fetch *fetched)
{
    amphi_json *old = NULL;
    amphi__mutex_lock(&rollout->lock);
    rollout->state = STATE_FRESH;
    if (payload != NULL) {
        old = rollout->payload;
        rollout->payload = payload;
        rollout->said_ignored = false;
        memcpy(rollout->etag, fetched->etag, sizeof rollout->etag);
    }
    amphi__mutex_unlock(&rollout->lock);
    amphi__json_free(old);
    return payload != NULL;
}

static amphi_status refresh(
    amphi_rollout *rollout, amphi_rollout_fetch *fetched, uint32_t timeout_ms, amphi_error *error)
{
    amphi_json *payload = NULL;
    amphi_status status = fetch(rollout, fetched, timeout_ms, error);
    if (status == AMPHI_OK && !fetched->not_modified) {
        status = parse_payload(&payload, amphi__buf_str(&fetched->body), error);
        status = status == AMPHI_OK ? check_against_last(rollout, payload, error) : status;
    }
    if (status != AMPHI_OK) {
        amphi__json_free(payload);
        return status;
    }
    if (put_into_force(rollout, payload, fetched)) {
        /* In force even when the disk is full; the next start then fetches again. */
        amphi_error problem;
        if (keep(rollout, amphi__buf_str(&fetched->body), fetched->etag, &problem) != AMPHI_OK) {
            amphi__log(
                &rollout->log, AMPHI_LOG_WARNING, "rollout: payload not kept: %s", problem.message);
        }
    }
    return AMPHI_OK;
}

amphi_status amphi__rollout_refresh(amphi_rollout *rollout, uint32_t timeout_ms, amphi_error *error)
{
    if (rollout->source[0] == '\0')
        return AMPHI_OK;
    amphi_rollout_fetch fetched;
    memset(&fetched, 0, sizeof fetched);
    fetched.cancel = (amphi_cancel){&rollout->stopped, 1};
    amphi__mutex_lock(&rollout->lock);
    bool busy = rollout->refreshing;
    rollout->refreshing = true;
    if (rollout->payload != NULL)
        memcpy(fetched.etag, rollout->etag, sizeof fetched.etag);
    amphi__mutex_unlock(&rollout->lock);
    if (busy)
        return amphi__fail(error, AMPHI_E_BUSY, 0, "rollout: another refresh is under way");

    amphi_error problem;
    amphi__error_clear(&problem);
    amphi_status status = refresh(rollout, &fetched, timeout_ms, &problem);
    amphi__mutex_lock(&rollout->lock);
    rollout->refreshing = false;
    rollout->problem = problem;
    amphi__mutex_unlock(&rollout->lock);
    amphi__buf_clear(&fetched.body);
    if (status != AMPHI_OK && error != NULL)
        *error = problem;
    return status;
}

void amphi__rollout_stop(amphi_rollout *rollout)
{
    if (rollout != NULL)
        atomic_store(&rollout->stopped, 1);
}

/* ---- applying ---- */

static void evaluate(const amphi_rollout *rollout, const amphi_json *payload, amphi_gb_result *out)
{
    amphi_gb gb;
    amphi__gb_init(&gb, amphi__json_get(payload, "features"), rollout->attributes);
    gb.saved_groups = amphi__json_get(payload, "savedGroups");
    gb.bandits = amphi__json_get(payload, "contextualBandits");
    amphi__gb_feature(&gb, AMPHI_STR(FEATURE), out);
}

/* null means: the app's own policy. */
static amphi_status apply_value(amphi_policy *policy, const amphi_json *value, amphi_error *error)
{
    if (amphi__json_kind(value) <= AMPHI_JSON_NULL)
        return AMPHI_OK;
    amphi_buf text;
    amphi__buf_init(&text, AMPHI_ROLLOUT_PAYLOAD_MAX);
    amphi_status status = amphi__json_write(&text, value);
    status = status == AMPHI_OK ? amphi__policy_apply_json(policy, amphi__buf_str(&text), error)
                                : amphi__fail(error, status, 0, "rollout: the value is too long");
    amphi__buf_clear(&text);
    return status;
}

amphi_status amphi__rollout_apply(
    amphi_rollout *rollout, amphi_policy *policy, const amphi_policy *base, amphi_error *error)
{
    amphi_gb_result result;
    amphi_error misfit;
    amphi_policy changed = *base;
    amphi__error_clear(&misfit);
    amphi__mutex_lock(&rollout->lock);
    evaluate(rollout, rollout->payload, &result);
    amphi_status status = apply_value(&changed, result.value, &misfit);
    bool warn = status != AMPHI_OK && status != AMPHI_E_NO_MEMORY && !rollout->said_ignored;
    rollout->said_ignored = rollout->said_ignored || warn;
    amphi__mutex_unlock(&rollout->lock);
    if (warn) {
        amphi__log(&rollout->log, AMPHI_LOG_WARNING, "rollout: value of " FEATURE " ignored: %s",
            misfit.message);
    }
    *policy = changed; /* apply_json is all or nothing: equal to *base after a failure */
    return status == AMPHI_E_NO_MEMORY ? amphi__fail_no_memory(error) : AMPHI_OK;
}

/* ---- showing ---- */

static void say_bucket(amphi_buf *out, const amphi_gb_result *result)
{
    amphi__buf_printf(out, "bucket %.4f lies %s coverage %.4g to %.4g", result->bucket,
        result->source == AMPHI_GB_DEFAULT_VALUE ? "outside" : "inside", result->coverage.from,
        result->coverage.to);
}

static void say_why(amphi_buf *out, const amphi_rollout *rollout, const amphi_gb_result *result)
{
    switch (result->source) {
    case AMPHI_GB_FORCE:
        amphi__buf_printf(out, "rule %d: ", result->rule_index);
        if (result->has_bucket)
            say_bucket(out, result);
        else
            amphi__buf_append_c(
                out, "this install meets its condition, and it covers every install");
        break;
    case AMPHI_GB_EXPERIMENT:
        amphi__buf_printf(out, "rule %d: variation %d, ", result->rule_index, result->variation);
        say_bucket(out, result);
        break;
    case AMPHI_GB_DEFAULT_VALUE:
        if (result->has_bucket) {
            say_bucket(out, result);
            amphi__buf_printf(out, " of rule %d, so the default value counts", result->rule_index);
        } else {
            amphi__buf_append_c(out, "no rule applies, so the default value counts");
        }
        break;
    case AMPHI_GB_UNKNOWN_FEATURE:
        amphi__buf_append_c(out, rollout->source[0] == '\0' ? "no rollout source is configured"
                                 : rollout->payload == NULL
                                     ? "there is no payload yet"
                                     : "the payload has no feature " FEATURE);
        break;
    case AMPHI_GB_PREREQUISITE:
        amphi__buf_append_c(out, "a prerequisite feature holds it back");
        break;
    case AMPHI_GB_CYCLIC_PREREQUISITE:
        amphi__buf_append_c(out, "its prerequisites go round in a circle");
        break;
    case AMPHI_GB_TOO_COMPLEX:
        amphi__buf_append_c(out, "the payload's rules are too many to evaluate");
        break;
    case AMPHI_GB_MISSHAPEN:
        amphi__buf_append_c(out, "a rule is misshapen, so nothing can be evaluated");
        break;
    }
    amphi_policy scratch;
    amphi_error misfit;
    amphi__policy_init(&scratch);
    amphi_status status = apply_value(&scratch, result->value, &misfit);
    if (status == AMPHI_E_NO_MEMORY)
        out->status = status;
    else if (status != AMPHI_OK)
        amphi__buf_printf(out, "; the value is ignored: %s", misfit.message);
    if (rollout->problem.status != AMPHI_OK)
        amphi__buf_printf(out, "; last refresh: %s", rollout->problem.message);
}

static void put_bucket(amphi_json_writer *writer, const amphi_gb_result *result)
{
    if (!result->has_bucket) {
        amphi__json_put_null(writer, "bucket");
        amphi__json_put_null(writer, "coverage");
        return;
    }
    amphi__json_put_number(writer, "bucket", result->bucket);
    amphi__json_open(writer, "coverage", '[');
    amphi__json_put_number(writer, NULL, result->coverage.from);
    amphi__json_put_number(writer, NULL, result->coverage.to);
    amphi__json_close(writer, ']');
}

amphi_status amphi__rollout_show(amphi_rollout *rollout, amphi_buf *out, amphi_error *error)
{
    static const char *const states[] = {"none", "kept", "fresh"};
    amphi_gb_result result;
    amphi_json_writer writer;
    amphi_buf why;
    amphi__buf_init(&why, 4096);
    amphi__json_writer_init(&writer, out);
    amphi__mutex_lock(&rollout->lock);
    evaluate(rollout, rollout->payload, &result);
    say_why(&why, rollout, &result);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "source", amphi_str_from(rollout->source));
    amphi__json_put_str(&writer, "install_id", amphi_str_from(rollout->install_id));
    amphi__json_put_str(&writer, "feature", AMPHI_STR(FEATURE));
    if (result.value != NULL)
        amphi__json_put_value(&writer, "value", result.value);
    else
        amphi__json_put_null(&writer, "value");
    put_bucket(&writer, &result);
    bool by_rule = result.source == AMPHI_GB_FORCE || result.source == AMPHI_GB_EXPERIMENT;
    if (by_rule)
        amphi__json_put_int(&writer, "rule", result.rule_index);
    else
        amphi__json_put_null(&writer, "rule");
    amphi__json_put_str(&writer, "why", amphi__buf_str(&why));
    amphi__json_put_str(&writer, "payload", amphi_str_from(states[rollout->state]));
    amphi__json_close(&writer, '}');
    amphi__mutex_unlock(&rollout->lock);
    bool failed = why.status != AMPHI_OK || out->status != AMPHI_OK;
    amphi__buf_clear(&why);
    return failed ? amphi__fail_no_memory(error) : AMPHI_OK;
}
