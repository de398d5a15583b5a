/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi history check, repair and backup. The first two work where no client can be made, so they
 * make none.
 */
#include "cli.h"

#include <inttypes.h>

static int print_check(const amphi_history_check_report *report, bool json)
{
    if (json) {
        cli_json out = {stdout, false};
        cli_json_open(&out, NULL, '{');
        cli_json_bool(&out, "whole", report->is_whole);
        cli_json_bool(&out, "lost", report->is_lost);
        cli_json_uint(&out, "pages", report->pages);
        cli_json_uint(&out, "pages_bad", report->pages_bad);
        cli_json_uint(&out, "log_pages", report->log_pages);
        cli_json_uint(&out, "log_pages_bad", report->log_pages_bad);
        cli_json_uint(&out, "faults", report->faults);
        cli_json_c(&out, "fault", report->fault);
        cli_json_end(&out);
    } else if (report->is_lost && report->pages_bad + report->log_pages_bad + report->faults == 0) {
        printf("the store is lost: %s\n", report->fault);
    } else if (report->is_whole) {
        printf("the store is whole: %" PRIu64 " pages\n", report->pages);
    } else {
        printf("the store is damaged: %" PRIu64 " of %" PRIu64 " pages, %" PRIu64 " of %" PRIu64
               " in the log\n",
            report->pages_bad, report->pages, report->log_pages_bad, report->log_pages);
        if (report->fault[0] != '\0')
            printf("  %s\n", report->fault);
        puts("  -> amphi history repair");
    }
    return report->is_whole ? CLI_OK : CLI_FAILED;
}

static int print_repair(const amphi_history_repair_report *report, bool json)
{
    if (json) {
        cli_json out = {stdout, false};
        cli_json_open(&out, NULL, '{');
        cli_json_uint(&out, "messages", report->messages);
        cli_json_uint(&out, "rows", report->rows);
        cli_json_uint(&out, "rows_bad", report->rows_bad);
        cli_json_uint(&out, "pages_bad", report->pages_bad);
        cli_json_c(&out, "kept", report->kept_path);
        cli_json_end(&out);
        return CLI_OK;
    }
    printf("%" PRIu64 " messages, %" PRIu64 " rows in all, are in the repaired store\n",
        report->messages, report->rows);
    if (report->pages_bad > 0 || report->rows_bad > 0)
        printf("lost: what stood on %" PRIu64 " pages, and %" PRIu64 " rows that make no sense\n",
            report->pages_bad, report->rows_bad);
    fputs("the old one is kept as ", stdout);
    cli_print_text(stdout, amphi_str_from(report->kept_path));
    putchar('\n');
    return CLI_OK;
}

int cli_history_check(cli_options *options)
{
    amphi_client_options client_options;
    amphi_history_check_report report;
    amphi_error error;
    cli_client_options(options, &client_options);
    amphi_history_check_report_init(&report);
    if (amphi_history_check(&client_options, &report, &error) != AMPHI_OK)
        return cli_fail(&error);
    return print_check(&report, options->json);
}

int cli_history_repair(cli_options *options)
{
    amphi_client_options client_options;
    amphi_history_repair_report report;
    amphi_error error;
    cli_client_options(options, &client_options);
    amphi_history_repair_report_init(&report);
    if (amphi_history_repair(&client_options, &report, &error) != AMPHI_OK)
        return cli_fail(&error);
    (void)cli_is_lost(options, "");
    return print_repair(&report, options->json);
}

int cli_history_backup(cli_options *options)
{
    amphi_error error;
    if (cli_is_lost(options, "nothing was copied: "))
        return CLI_FAILED;
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    amphi_status status = amphi_history_backup(client, amphi_str_from(options->words[1]), &error);
    amphi_client_free(client);
    if (status != AMPHI_OK)
        return cli_fail(&error);
    if (options->json) {
        cli_json out = {stdout, false};
        cli_json_open(&out, NULL, '{');
        cli_json_c(&out, "backup", options->words[1]);
        cli_json_end(&out);
    }
    return CLI_OK;
}
