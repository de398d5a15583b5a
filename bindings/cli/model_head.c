/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi model head: trains the judge of one model's first tokens, and tries it.
 */
#include "cli.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static bool draw_progress(void *user, uint32_t permille)
{
    uint32_t *drawn = user;
    if (stopped || permille == *drawn)
        return !stopped;
    *drawn = permille;
    cli_progress_bar_draw(AMPHI_STR("asking the model"), permille);
    if (permille == 1000 && isatty(STDERR_FILENO) == 1)
        fputc('\n', stderr);
    return true;
}

/* The report without its last member, the scores: one line for a person. */
static void print_report(const char *report, bool whole)
{
    const char *scores = strstr(report, ",\"scores\"");
    if (whole || scores == NULL)
        puts(report);
    else
        printf("%.*s}\n", (int)(scores - report), report);
}

int cli_model_head(cli_options *options)
{
    const char *verb = options->words_count > 0 ? options->words[0] : "";
    const char *tokens = cli_own(options, "--tokens");
    bool trains = strcmp(verb, "train") == 0;
    uint64_t number = 0;
    uint32_t drawn = UINT32_MAX;
    size_t size = 0;
    char *report = NULL;
    amphi_error error;
    if ((!trains && strcmp(verb, "test") != 0) || options->words_count != 2)
        return cli_usage("model head: train ROWS or test ROWS is what it takes");
    if (options->model == NULL)
        return cli_usage("--model FILE is needed");
    if (tokens != NULL && !cli_number("--tokens", tokens, 32, &number))
        return CLI_USAGE;
    char *rows = cli_read_file(options->words[1], &size);
    if (rows == NULL)
        return CLI_USAGE;
    amphi_head_options head;
    amphi_head_options_init(&head);
    head.model_path = amphi_str_from(options->model);
    head.rows = amphi_str_make(rows, size);
    head.out_path = amphi_str_from(cli_own(options, "--out"));
    head.threads = options->threads;
    head.tokens = (uint32_t)number;
    head.progress = draw_progress;
    head.user = &drawn;
    (void)signal(SIGINT, stop);
    (void)signal(SIGTERM, stop);
    amphi_status status = trains ? amphi_model_head_train(&report, &head, &error)
                                 : amphi_model_head_test(&report, &head, &error);
    if (status == AMPHI_OK)
        print_report(report, options->json);
    free(rows);
    amphi_string_free(report);
    return status == AMPHI_OK ? CLI_OK : cli_fail(&error);
}
