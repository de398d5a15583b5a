/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi history delete, prune and erase-all: what is taken away for good, and the receipt.
 */
#include "history.h"

#include <inttypes.h>

void cli_history_say_left(const cli_options *options, uint64_t count)
{
    fprintf(stderr,
        "%s: %" PRIu64 " answers stay there until their time is over, or the next serve, deletion "
        "or `amphi cache clear` with --shared-cache URL --shared-cache-key FILE\n",
        cli_own(options, "--shared-cache") != NULL ? "the shared cache did not answer"
                                                   : "the shared cache was not named",
        count);
}

/* What a deletion took; what it could not reach, on standard error. */
static void print_receipt(const cli_history_call *c, const amphi_history_receipt *r)
{
    printf("gone: %" PRIu64 " conversations, %" PRIu64 " messages, %" PRIu64
           " cached answers, %" PRIu64 " waiting; %" PRIu64 " bytes of text%s\n",
        r->conversations_count, r->messages_count, r->cached_count, r->outbox_count, r->text_bytes,
        r->log_is_wiped ? "" : "; the log is wiped when the other process no longer reads it");
    if (r->damaged_count > 0 && r->damaged_path[0] == '\0')
        printf("gone: %" PRIu64 " damaged stores that were kept aside\n", r->damaged_count);
    if (r->damaged_path[0] != '\0') {
        fputs("a damaged store that was kept aside may still hold it: ", stderr);
        cli_print_text(stderr, amphi_str_from(r->damaged_path));
        fprintf(stderr, "; delete it (%" PRIu64 " in all)\n", r->damaged_count);
    }
    if (r->shared_count > 0)
        printf("gone: %" PRIu64 " answers of the shared cache\n", r->shared_count);
    if (r->shared_left_count > 0)
        cli_history_say_left(c->options, r->shared_left_count);
}

static int show_receipt(
    cli_history_call *c, amphi_status status, const amphi_history_receipt *receipt)
{
    if (status == AMPHI_OK)
        print_receipt(c, receipt);
    return cli_history_finish(c, status, NULL);
}

int cli_history_run_delete(cli_history_call *c)
{
    amphi_history_receipt receipt;
    amphi_str id = amphi_str_from(c->id);
    if (c->options->json)
        return cli_history_answer_json(c, "delete");
    amphi_history_receipt_init(&receipt);
    return show_receipt(c,
        c->message_id != 0 ? amphi_history_erase_message(
                                 c->client, id, (int64_t)c->message_id, &receipt, &c->error)
                           : amphi_history_erase(c->client, id, &receipt, &c->error),
        &receipt);
}

int cli_history_run_prune(cli_history_call *c)
{
    amphi_history_receipt receipt;
    amphi_history_retention keep;
    if (c->max_age_ms == 0 && c->max_bytes == 0)
        return cli_usage("history prune takes --older-than 30d, --max-bytes N, or both");
    if (c->options->json)
        return cli_history_answer_json(c, "prune");
    amphi_history_receipt_init(&receipt);
    amphi_history_retention_init(&keep);
    keep.max_age_ms = c->max_age_ms;
    keep.max_bytes = c->max_bytes;
    return show_receipt(c, amphi_history_prune(c->client, &keep, &receipt, &c->error), &receipt);
}

int cli_history_run_erase_all(cli_history_call *c)
{
    amphi_history_receipt receipt;
    if (!cli_history_has(c, "--yes"))
        return cli_usage("history erase-all takes every conversation, cached answer and waiting "
                         "message away for good: add --yes");
    if (c->options->json)
        return cli_history_answer_json(c, "erase_all");
    amphi_history_receipt_init(&receipt);
    return show_receipt(c, amphi_history_erase_all(c->client, &receipt, &c->error), &receipt);
}
