/* SPDX-License-Identifier: Apache-2.0
 *
 * The release's schedule, and the server that stops it: by what the devices report, with the same
 * always valid test as theirs. It looks after every round. Either of two things stops the release:
 *
 *     crashes    more devices crash among their first answers under it than without it
 *     rollbacks  more devices gave it up than do so under a harmless one (rollback.alpha_ppm)
 */
#include "tests/simulate/fleet.h"

#include "policy/rollout_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 12u /* of each stage; in one, every second device answers a request */
/* How likely a harmless release is stopped at most; half for each of the two reasons. */
#define STOP_ALPHA  0.001
#define STOP_MARGIN 0.005 /* so many more devices may crash */

static const double stages[FLEET_STAGES] = {1, 5, 20, 50, 100};

typedef struct stage_end {
    double percent;
    uint32_t rounds;
    uint64_t treated, answers, crashed_once, crashed_twice, given_up, left;
    double evidence_crashes, evidence_rollbacks; /* natural logarithms */
} stage_end;

typedef struct release {
    const fleet_options *options;
    fleet_device *devices;
    amphi_policy policy;
    uint64_t seed;
    fleet_reports reports;
    stage_end ends[FLEET_STAGES + 1]; /* the last one: after the stop */
    size_t ends_count;
    uint64_t answers;
    const char *stopped; /* why; NULL: it was not */
} release;

/* What the server would send. */
static amphi_json *payload_of(double percent)
{
    char text[256];
    amphi_json *root = NULL;
    int size = snprintf(text, sizeof text,
        "{\"features\":{\"amphi.model\":{\"defaultValue\":\"small\",\"rules\":[{\"id\":\"fr_1\","
        "\"force\":\"large\",\"coverage\":%g,\"hashAttribute\":\"id\",\"seed\":\"model-2\","
        "\"hashVersion\":2}]}}}",
        percent / 100);
    if (amphi__rollout_parse(&root, amphi_str_make(text, (size_t)size), NULL) != AMPHI_OK)
        abort();
    return root;
}

static void look(release *r, stage_end *end)
{
    const fleet_reports *reports = &r->reports;
    double enough = -log(STOP_ALPHA / 2);
    end->evidence_crashes = amphi__rollback_evidence(reports->crashed[1], reports->devices[1],
        reports->crashed[0], reports->devices[0], STOP_MARGIN);
    end->evidence_rollbacks = amphi__rollback_evidence_of_rate(
        reports->given_up < reports->devices[1] ? reports->given_up : reports->devices[1],
        reports->devices[1], r->policy.rollback_alpha_ppm * 1e-6);
    if (end->evidence_crashes >= enough)
        r->stopped = "crashes";
    else if (end->evidence_rollbacks >= enough)
        r->stopped = "rollbacks";
}

static void sum_up(const release *r, stage_end *end)
{
    for (uint64_t i = 0; i < r->options->devices; i++) {
        const fleet_device *device = &r->devices[i];
        end->treated += device->is_treated;
        end->crashed_once += device->crashes > 0;
        end->crashed_twice += device->crashes > 1;
        end->given_up += device->has_given_up;
    }
    end->answers = r->answers;
}

/* The devices take the payload, and live on until the stage ends or is stopped. */
static void run_stage(release *r, double percent, uint32_t rounds)
{
    stage_end *end = &r->ends[r->ends_count++];
    amphi_json *payload = payload_of(percent);
    *end = (stage_end){.percent = percent};
    for (uint64_t i = 0; i < r->options->devices; i++) {
        bool before = r->devices[i].is_treated;
        fleet_device_take(&r->devices[i], payload, r->seed, i);
        end->left += before && !r->devices[i].is_treated;
    }
    const char *stopped = r->stopped;
    for (; end->rounds < rounds && r->stopped == stopped; end->rounds++) {
        for (uint64_t i = 0; i < r->options->devices; i++)
            r->answers += fleet_device_live(
                &r->devices[i], &r->policy, r->options->crash_percent / 100, &r->reports);
        look(r, end);
    }
    sum_up(r, end);
    amphi__json_free(payload);
}

static void run_release(release *r, const fleet_options *options, uint64_t seed)
{
    fleet_device *devices = r->devices;
    memset(r, 0, sizeof *r);
    r->devices = devices;
    r->options = options;
    r->seed = seed;
    amphi__policy_init(&r->policy);
    for (uint64_t i = 0; i < options->devices; i++)
        fleet_device_init(&devices[i], seed, i);
    for (size_t i = 0; i < FLEET_STAGES && r->stopped == NULL; i++)
        run_stage(r, stages[i], ROUNDS);
    if (r->stopped != NULL) { /* all go back with the next payload, a round later */
        const char *why = r->stopped;
        run_stage(r, 0, 1);
        r->stopped = why;
    }
}

/* ---- what came of it ---- */

static double share(const release *r, uint64_t count)
{
    return 100.0 * (double)count / (double)r->options->devices;
}

static const stage_end *last_of(const release *r)
{
    return &r->ends[r->ends_count - 1];
}

static double reached(const release *r)
{
    return r->ends[r->ends_count - (r->stopped != NULL ? 2 : 1)].percent;
}

static void print_table(const release *r)
{
    printf("%llu devices, seed %llu, a model that crashes in %g %% of its answers\n\n",
        (unsigned long long)r->options->devices, (unsigned long long)r->seed,
        r->options->crash_percent);
    printf("%6s %6s %9s %12s %12s %12s %9s %9s\n", "stage", "rounds", "devices", "crashed once",
        "crashed 2x", "gave it up", "crashes", "rollbacks");
    for (size_t i = 0; i < r->ends_count; i++) {
        const stage_end *end = &r->ends[i];
        printf("%4g %% %6u %9llu %12llu %12llu %12llu %9.1f %9.1f\n", end->percent, end->rounds,
            (unsigned long long)end->treated, (unsigned long long)end->crashed_once,
            (unsigned long long)end->crashed_twice, (unsigned long long)end->given_up,
            end->evidence_crashes, end->evidence_rollbacks);
    }
    printf("\n(the last two: logarithms of the evidence; the release is stopped at %.1f)\n",
        -log(STOP_ALPHA / 2));
    if (r->stopped != NULL)
        printf("stopped at %g %%, by %s; %.4f %% of the devices crashed twice\n", reached(r),
            r->stopped, share(r, last_of(r)->crashed_twice));
    else
        printf("it reached %g %%; %.4f %% of the devices gave it up by themselves\n", reached(r),
            share(r, last_of(r)->given_up));
}

static void print_json(const release *r)
{
    amphi_buf text;
    amphi_json_writer writer;
    amphi__buf_init(&text, 0);
    amphi__json_writer_init(&writer, &text);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_int(&writer, "devices", (int64_t)r->options->devices);
    amphi__json_put_int(&writer, "seed", (int64_t)r->seed);
    amphi__json_put_number(&writer, "crash_percent", r->options->crash_percent);
    amphi__json_put_bool(&writer, "stopped", r->stopped != NULL);
    if (r->stopped != NULL)
        amphi__json_put_str(&writer, "stopped_by", amphi_str_from(r->stopped));
    amphi__json_put_number(&writer, "reached_percent", reached(r));
    amphi__json_put_number(&writer, "crashed_twice_percent", share(r, last_of(r)->crashed_twice));
    amphi__json_put_number(&writer, "gave_up_percent", share(r, last_of(r)->given_up));
    amphi__json_open(&writer, "stages", '[');
    for (size_t i = 0; i < r->ends_count; i++) {
        const stage_end *end = &r->ends[i];
        amphi__json_open(&writer, NULL, '{');
        amphi__json_put_number(&writer, "percent", end->percent);
        amphi__json_put_int(&writer, "rounds", end->rounds);
        amphi__json_put_int(&writer, "devices", (int64_t)end->treated);
        amphi__json_put_int(&writer, "left", (int64_t)end->left);
        amphi__json_put_int(&writer, "answers", (int64_t)end->answers);
        amphi__json_put_int(&writer, "crashed_once", (int64_t)end->crashed_once);
        amphi__json_put_int(&writer, "crashed_twice", (int64_t)end->crashed_twice);
        amphi__json_put_int(&writer, "gave_up", (int64_t)end->given_up);
        amphi__json_put_number(&writer, "evidence_crashes", end->evidence_crashes);
        amphi__json_put_number(&writer, "evidence_rollbacks", end->evidence_rollbacks);
        amphi__json_close(&writer, '}');
    }
    amphi__json_close(&writer, ']');
    amphi__json_close(&writer, '}');
    printf("%.*s\n", (int)text.size, text.data);
    amphi__buf_clear(&text);
}

/* Of several seeds: how many were stopped, and the worst of each. */
static void print_seeds(
    const fleet_options *options, uint64_t stopped, double twice, double gave_up)
{
    if (options->json)
        printf("{\"devices\":%llu,\"seeds\":%llu,\"crash_percent\":%g,\"stopped\":%llu,"
               "\"crashed_twice_percent_max\":%g,\"gave_up_percent_max\":%g}\n",
            (unsigned long long)options->devices, (unsigned long long)options->seeds,
            options->crash_percent, (unsigned long long)stopped, twice, gave_up);
    else
        printf("%llu of %llu releases to %llu devices were stopped; at most %.4f %% of the devices "
               "crashed twice, %.4f %% gave it up\n",
            (unsigned long long)stopped, (unsigned long long)options->seeds,
            (unsigned long long)options->devices, twice, gave_up);
}

/* A single harmless release that is stopped is a failure as well. */
int fleet_run(const fleet_options *options)
{
    static release r;
    uint64_t stopped = 0;
    double twice = 0;
    double gave_up = 0;
    r.devices = calloc(options->devices, sizeof *r.devices);
    if (r.devices == NULL) {
        fprintf(stderr, "amphi-simulate: not enough memory for so many devices\n");
        return 1;
    }
    for (uint64_t i = 0; i < options->seeds; i++) {
        run_release(&r, options, options->seed + i);
        stopped += r.stopped != NULL;
        twice = fmax(twice, share(&r, last_of(&r)->crashed_twice));
        gave_up = fmax(gave_up, share(&r, last_of(&r)->given_up));
    }
    /* What a harmless release may look like, and what a crashing one must not reach. */
    bool is_good = options->crash_percent > 0 ? twice < 2 : stopped * 100 <= options->seeds;
    if (options->seeds > 1)
        print_seeds(options, stopped, twice, gave_up);
    else if (options->json)
        print_json(&r);
    else
        print_table(&r);
    free(r.devices);
    if (options->seeds > 1 && !options->json)
        printf("%d passed, %d failed\n", is_good, !is_good);
    return is_good ? 0 : 1;
}
