/* SPDX-License-Identifier: Apache-2.0
 *
 *     amphi-simulate [--scenario=NAME] [--seed=N] [--seeds=N] [--jobs=N] [--log]
 *                    [--sabotage=NAME] [--policy=FILE]... [--report=FILE]
 *     amphi-simulate --trace=FILE --policy=FILE... [--report=FILE]
 *     amphi-simulate --fleet=N [--crash=PERCENT] [--seed=N] [--seeds=N] [--json]
 *
 * Runs seeds through the whole client on a virtual device and holds the invariants against each.
 * The first one that breaks one is printed with the command that shows it again.
 */
#include "policy/policy.h"
#include "tests/simulate/figures.h"
#include "tests/simulate/fleet.h"
#include "tests/simulate/trace_compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64

typedef struct options {
    sim_scenario scenario; /* SIM_SCENARIOS: seed % SIM_SCENARIOS */
    uint64_t seed, seeds;
    uint32_t jobs;
    sim_sabotage sabotage;
    bool log;
    const char *policies[SIM_POLICIES_MAX]; /* files */
    size_t policies_count;
    const char *policy;  /* the document of this run; NULL: none */
    const char *report;  /* a page to be written */
    const char *trace;   /* recorded decisions, in place of seeds */
    fleet_options fleet; /* devices 0: no fleet */
    bool is_about_fleets;
    const char *seeded; /* the first option that is about seeds; NULL: none */
} options;

/* Shared with the parent. */
typedef struct batch {
    uint64_t current; /* the seed that runs */
    uint64_t runs, failures, first_failure, digest;
    char why[256];
    sim_counts counts;
} batch;

static void add_counts(sim_counts *sum, const sim_counts *one)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)one;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
}

static void run_seed(const options *o, uint64_t seed, batch *job)
{
    sim_world w;
    uint64_t steps = 0;
    sim_scenario scenario =
        o->scenario < SIM_SCENARIOS ? o->scenario : (sim_scenario)(seed % SIM_SCENARIOS);
    job->current = seed;
    sim_world_init(&w, scenario, seed, o->log);
    w.sabotage = o->sabotage;
    w.policy = o->policy;
    sim_outcome outcome = sim_fibers_run(seed, sim_app_run, &w, &steps);
    if (outcome != SIM_ENDED && w.violations++ == 0)
        snprintf(w.first_violation, sizeof w.first_violation, "%s\n%.150s",
            outcome == SIM_DEADLOCK ? "every thread waits for ever" : "it does not end",
            sim_fibers_report());
    w.counts.steps += steps;
    if (w.violations > 0)
        fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, w.first_violation);
    if (w.violations > 0 && job->failures++ == 0) {
        job->first_failure = seed;
        snprintf(
            job->why, sizeof job->why, "%s: %s", sim_scenario_name(scenario), w.first_violation);
    }
    if (o->log)
        fwrite(w.log.data, 1, w.log.size, stdout);
    job->digest += w.digest; /* in any order */
    job->runs++;
    add_counts(&job->counts, &w.counts);
    sim_world_clear(&w);
}

static void run_job(const options *o, uint32_t index, batch *job)
{
    for (uint64_t i = index; i < o->seeds; i += o->jobs)
        run_seed(o, o->seed + i, job);
}

static void merge(batch *sum, const batch *one)
{
    sum->runs += one->runs;
    sum->digest += one->digest;
    add_counts(&sum->counts, &one->counts);
    if (one->failures == 0)
        return;
    if (sum->failures == 0 || one->first_failure < sum->first_failure) {
        sum->first_failure = one->first_failure;
        memcpy(sum->why, one->why, sizeof sum->why);
    }
    sum->failures += one->failures;
}

/* A process each, so that one that dies takes no other with it. */
static void run_jobs(const options *o, batch *sum)
{
    batch *jobs = mmap(
        NULL, JOBS_MAX * sizeof *jobs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[JOBS_MAX];
    if (jobs == MAP_FAILED)
        abort();
    for (uint32_t i = 0; i < o->jobs; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            run_job(o, i, &jobs[i]);
            fflush(NULL);
            _exit(0);
        }
    }
    for (uint32_t i = 0; i < o->jobs; i++) {
        int status = 0;
        waitpid(children[i], &status, 0);
        if (status != 0 && jobs[i].failures++ == 0) {
            jobs[i].first_failure = jobs[i].current;
            snprintf(jobs[i].why, sizeof jobs[i].why, "the program died (status %d)", status);
        }
        merge(sum, &jobs[i]);
    }
}

static void print_counts(const batch *sum)
{
    const sim_counts *c = &sum->counts;
    printf("%llu requests: %llu done, %llu queued, %llu failed, %llu cancelled; %llu by the model,"
           " %llu by clouds, %llu from the cache, %llu takeovers\n",
        (unsigned long long)c->requests, (unsigned long long)c->done, (unsigned long long)c->queued,
        (unsigned long long)c->failed, (unsigned long long)c->cancelled,
        (unsigned long long)c->local, (unsigned long long)c->cloud, (unsigned long long)c->cached,
        (unsigned long long)c->takeovers);
    printf("%llu sent from the outbox, %llu expired, %llu flushes, %llu restarts, %llu kills; %llu "
           "crashes, %llu"
           " cloud faults, %llu freezes, %llu clock jumps, %llu tunnels, %llu payloads asked for\n",
        (unsigned long long)c->sent, (unsigned long long)c->expired, (unsigned long long)c->flushes,
        (unsigned long long)c->restarts, (unsigned long long)c->kills,
        (unsigned long long)c->crashes, (unsigned long long)c->faults,
        (unsigned long long)c->freezes, (unsigned long long)c->jumps,
        (unsigned long long)c->tunnels, (unsigned long long)c->rollouts);
    printf("%llu switches, %.1f days of virtual time, digest %016llx\n",
        (unsigned long long)c->steps, (double)c->virtual_s / 86400,
        (unsigned long long)sum->digest);
}

static bool read_fleet(options *o, const char *value)
{
    char *end = NULL;
    o->fleet.devices = strtoull(value, &end, 10);
    return *value >= '0' && *value <= '9' && *end == '\0' && o->fleet.devices >= 1 &&
           o->fleet.devices <= FLEET_DEVICES_MAX;
}

static bool read_crash(options *o, const char *value)
{
    char *end = NULL;
    o->fleet.crash_percent = strtod(value, &end);
    o->is_about_fleets = true;
    return *value >= '0' && *value <= '9' && *end == '\0' && o->fleet.crash_percent <= 100;
}

static bool read_option(options *o, const char *arg)
{
    static const char *const about_seeds[] = {
        "--scenario", "--seed", "--seeds", "--jobs", "--log", "--sabotage"};
    const char *value = strchr(arg, '=');
    size_t size = strcspn(arg, "=");
    value = value != NULL ? value + 1 : "";
    for (size_t i = 0; i < sizeof about_seeds / sizeof about_seeds[0]; i++)
        if (strlen(about_seeds[i]) == size && strncmp(arg, about_seeds[i], size) == 0)
            o->seeded = about_seeds[i];
    if (strncmp(arg, "--scenario=", 11) == 0) {
        o->scenario = sim_scenario_parse(value);
        return o->scenario < SIM_SCENARIOS;
    }
    if (strncmp(arg, "--seed=", 7) == 0)
        o->seed = strtoull(value, NULL, 10);
    else if (strncmp(arg, "--seeds=", 8) == 0)
        o->seeds = strtoull(value, NULL, 10);
    else if (strncmp(arg, "--jobs=", 7) == 0)
        o->jobs = (uint32_t)strtoul(value, NULL, 10);
    else if (strncmp(arg, "--fleet=", 8) == 0)
        return read_fleet(o, value);
    else if (strncmp(arg, "--crash=", 8) == 0)
        return read_crash(o, value);
    else if (strcmp(arg, "--json") == 0)
        o->fleet.json = o->is_about_fleets = true;
    else if (strcmp(arg, "--log") == 0)
        o->log = true;
    else if (strncmp(arg, "--report=", 9) == 0)
        o->report = value;
    else if (strncmp(arg, "--trace=", 8) == 0)
        o->trace = value;
    else if (strncmp(arg, "--policy=", 9) == 0 && o->policies_count < SIM_POLICIES_MAX)
        o->policies[o->policies_count++] = value;
    else if (strncmp(arg, "--sabotage=", 11) == 0)
        return (o->sabotage = sim_sabotage_parse(value)) < SIM_SABOTAGES;
    else
        return false;
    return true;
}

static bool read_whole(const char *path, amphi_buf *out)
{
    char piece[4096];
    size_t got;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        amphi__buf_append(out, piece, got);
    bool done = !ferror(file) && amphi__buf_append_char(out, '\0') == AMPHI_OK;
    fclose(file);
    return done;
}

/* false: a line on standard error says why. The texts are the process's, to its end. */
static bool read_policy(options *o, const char *path, amphi_buf *out, amphi_policy *policy)
{
    amphi_error error;
    amphi__policy_init(policy);
    if (!read_whole(path, out)) {
        fprintf(stderr, "amphi-simulate: %s: can't be read\n", path);
        return false;
    }
    o->policy = out->data;
    if (amphi__policy_apply_json(policy, amphi_str_from(o->policy), &error) == AMPHI_OK)
        return true;
    fprintf(stderr, "amphi-simulate: %s: %s\n", path, error.message);
    return false;
}

static void run_all(const options *o, batch *sum)
{
    if (o->jobs > 1)
        run_jobs(o, sum);
    else
        run_job(o, 0, sum);
}

/* A fault that was put in on purpose is to be found: no seed that fails is the failure then. */
static int print_sabotage(const batch *sum)
{
    bool is_found = sum->failures > 0;
    printf("%llu of %llu seeds show what was put in\n", (unsigned long long)sum->failures,
        (unsigned long long)sum->runs);
    printf("%d passed, %d failed\n", is_found, !is_found);
    return !is_found;
}

static int print_end(const options *o, const batch *sum)
{
    if (sum->failures > 0)
        printf("seed %llu: %s\nagain, with its log: amphi simulate --seed=%llu --log\n",
            (unsigned long long)sum->first_failure, sum->why,
            (unsigned long long)sum->first_failure);
    if (o->sabotage != SIM_SABOTAGE_NONE)
        return print_sabotage(sum);
    printf("%llu passed, %llu failed\n", (unsigned long long)(sum->runs - sum->failures),
        (unsigned long long)sum->failures);
    return sum->failures > 0;
}

/* The same seeds under each document. */
static int compare(options *o)
{
    sim_figures figures[SIM_POLICIES_MAX];
    amphi_buf texts[SIM_POLICIES_MAX];
    static sim_comparison comparison;
    char subject[64];
    batch sum = {0};
    for (size_t i = 0; i < o->policies_count; i++) {
        batch one = {0};
        amphi_policy policy;
        amphi__buf_init(&texts[i], 1 << 20);
        if (!read_policy(o, o->policies[i], &texts[i], &policy))
            return 2;
        run_all(o, &one);
        figures[i] = (sim_figures){o->policies[i], one.counts};
        merge(&sum, &one);
    }
    snprintf(subject, sizeof subject, "%llu simulated days each, the same for all.",
        (unsigned long long)o->seeds);
    sim_figures_compare(&comparison, figures, o->policies_count, subject);
    sim_comparison_print(stdout, &comparison);
    if (!sim_comparison_report(o->report, &comparison))
        return 1;
    return print_end(o, &sum);
}

/* Recorded decisions under each document. */
static int compare_trace(options *o)
{
    amphi_policy policies[SIM_POLICIES_MAX];
    amphi_buf texts[SIM_POLICIES_MAX];
    bool done = true;
    size_t i = 0;
    for (i = 0; i < o->policies_count && done; i++) {
        amphi__buf_init(&texts[i], 1 << 20);
        done = read_policy(o, o->policies[i], &texts[i], &policies[i]);
    }
    while (i-- > 0)
        amphi__buf_clear(&texts[i]);
    const sim_trace_options trace = {o->trace, o->policies, policies, o->policies_count, o->report};
    return done ? sim_trace_compare(&trace) : 2;
}

/* What was asked for in vain; NULL: nothing. */
static const char *find_odd(const options *o)
{
    if (o->trace != NULL && o->policies_count == 0)
        return "--trace: a --policy is needed, and another one to compare it with";
    if (o->trace != NULL && o->seeded != NULL)
        return "is about seeds, and a trace has none";
    if (o->is_about_fleets && o->fleet.devices == 0)
        return "--crash, --json: of what? A --fleet is needed";
    if (o->fleet.devices > 0 &&
        (o->trace != NULL || o->policies_count > 0 || o->log || o->jobs != 1 ||
            o->scenario < SIM_SCENARIOS || o->sabotage != SIM_SABOTAGE_NONE))
        return "--fleet: takes --crash, --seed, --seeds and --json only";
    if (o->report != NULL && o->policies_count == 0)
        return "--report: of what? A --policy is needed, and another one to compare it with";
    return NULL;
}

int main(int argc, char **argv)
{
    options o = {.scenario = SIM_SCENARIOS, .seed = 1, .seeds = 1, .jobs = 1};
    batch sum = {0};
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        if (!read_option(&o, argv[i])) {
            fprintf(
                stderr, "amphi-simulate: %s: not an option, no such name, or too many\n", argv[i]);
            return 2;
        }
    }
    const char *odd = find_odd(&o);
    if (odd != NULL) {
        bool names_itself = odd[0] == '-';
        fprintf(stderr, "amphi-simulate: %s%s%s\n", names_itself ? "" : o.seeded,
            names_itself ? "" : " ", odd);
        return 2;
    }
    if (o.fleet.devices > 0) {
        o.fleet.seed = o.seed;
        o.fleet.seeds = o.seeds > 0 ? o.seeds : 1;
        return fleet_run(&o.fleet);
    }
    if (o.trace != NULL)
        return compare_trace(&o);
    o.jobs = o.jobs < 1 ? 1 : o.jobs > JOBS_MAX ? JOBS_MAX : o.jobs;
    if (o.policies_count > 0) {
        failed = compare(&o);
    } else {
        run_all(&o, &sum);
        print_counts(&sum);
        failed = print_end(&o, &sum);
    }
    fflush(stdout);
    _exit(failed); /* what killed apps had in memory is not given back */
}
