/* SPDX-License-Identifier: Apache-2.0
 *
 * `amphi simulate`: hands over to amphi-simulate, a program beside this one: the library's code is
 * linked there with virtual threads, clocks and random numbers (tests/simulate).
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX  17
#define ARGUMENT_BYTES 512

static const char *const own_flags[] = {"--scenario=", "--seeds=", "--jobs=", "--sabotage=",
    "--log", "--policy=", "--report=", "--trace=", "--fleet=", "--crash=", NULL};

/* Beside this program in a build folder, in libexec in an installed prefix. */
static bool find_program(char *out, size_t size)
{
    static const char *const places[] = {"amphi-simulate", "../libexec/amphi/amphi-simulate"};
    char folder[400];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length <= 0)
        return false;
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(out, size, "%s/%s", folder, places[i]);
        if (access(out, X_OK) == 0)
            return true;
    }
    return false;
}

static int run(cli_options *options)
{
    char program[512];
    char texts[ARGUMENTS_MAX][ARGUMENT_BYTES];
    char *arguments[ARGUMENTS_MAX + 2] = {program};
    size_t count = 0;
    if (options->words_count > 0)
        return cli_usage("simulate: \"%s\": it takes flags only", options->words[0]);
    if (!find_program(program, sizeof program))
        return cli_usage(
            "simulate: amphi-simulate is neither beside this program nor in ../libexec/amphi");
    for (size_t i = 0; i < options->own_given_count; i++) {
        const char *flag = own_flags[options->own_given[i].flag];
        if (count == ARGUMENTS_MAX - 2) /* the two below */
            return cli_usage("simulate: more than %d flags", ARGUMENTS_MAX - 2);
        if (snprintf(texts[count], ARGUMENT_BYTES, "%s%s", flag, options->own_given[i].value) >=
            ARGUMENT_BYTES)
            return cli_usage("simulate: %s: too long", flag);
        arguments[1 + count] = texts[count];
        count++;
    }
    if (options->seed >= 0) {
        snprintf(texts[count], ARGUMENT_BYTES, "--seed=%lld", (long long)options->seed);
        arguments[1 + count] = texts[count];
        count++;
    }
    if (options->json) {
        snprintf(texts[count], ARGUMENT_BYTES, "--json");
        arguments[1 + count] = texts[count];
        count++;
    }
    execv(program, arguments);
    return cli_usage("simulate: amphi-simulate can't be started");
}

const cli_command cli_simulate = {
    .name = "simulate",
    .summary = "the whole client on a virtual device, from a seed",
    .help =
        "usage: amphi simulate [--scenario NAME] [--seed N] [--seeds N] [--jobs N] [--log]\n"
        "       amphi simulate --policy FILE --policy FILE [--seeds N] [--report FILE.html]\n"
        "       amphi simulate --trace FILE --policy FILE --policy FILE [--report FILE.html]\n"
        "       amphi simulate --fleet N [--crash PERCENT] [--seed N] [--seeds N] [--json]\n"
        "       amphi simulate --sabotage NAME [--seeds N]\n\n"
        "Runs the real client (policy, breakers, outbox, cache, rollout, history) on a virtual\n"
        "device with a virtual clock, network, clouds, model and store. Everything that happens\n"
        "follows from the seed, bit for bit. After each run must hold: every request ended once\n"
        "and in time, with the right answer; no private word reached a cloud; what was\n"
        "acknowledged is in the history once, in order.\n\n"
        "  --scenario NAME  commuter, hot_phone, flat_battery, flapping_cloud, crash_loop,\n"
        "                   bad_rollout, frozen_app, jumping_clock (by the seed)\n"
        "  --seed N         the first seed (1)\n"
        "  --seeds N        how many (1)\n"
        "  --jobs N         processes side by side (1)\n"
        "  --log            what happened, line by line\n"
        "  --policy FILE    under this policy document; repeated, up to four: the same seeds\n"
        "                   under each, and what they differ in\n"
        "  --report FILE    that comparison as a page with plots, which needs no network\n"
        "  --trace FILE     in place of seeds: the decisions that `amphi history export\n"
        "                   --records` wrote, each made anew under each policy; what would have\n"
        "                   come of it is the recorded outcome where the same routes are tried,\n"
        "                   else an estimate from what those routes did in the trace\n"
        "  --fleet N        in place of all this: a gray release of a model to N devices (1, 5, "
        "20,\n"
        "                   50, 100 %), with the client's bucketing and its guard on each, and a\n"
        "                   server that stops it by what they report\n"
        "  --crash PERCENT  of that model's answers (0)\n"
        "  --json           what came of it, as JSON\n"
        "  --sabotage NAME  puts in a fault that must be found: privacy, loss, twice, hole\n\n"
        "Example: amphi simulate --scenario crash_loop --seeds 1000 --jobs 2\n",
    .own_flags = own_flags,
    .run = run,
};
