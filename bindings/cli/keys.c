/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi keys: where the store's key is, a new one, and its end. Never prints a key.
 */
#include "cli.h"

#include <inttypes.h>

static void print_report(const cli_options *options, const amphi_keys_report *report)
{
    if (options->json) {
        cli_json json = {stdout, false};
        cli_json_open(&json, NULL, '{');
        cli_json_c(&json, "provider", report->provider);
        cli_json_c(&json, "place", report->place);
        cli_json_bool(&json, "has_key", report->has_key);
        cli_json_bool(&json, "wrapped", report->is_wrapped);
        cli_json_bool(&json, "can_destroy", report->can_destroy);
        cli_json_uint(&json, "store_bytes", report->store_bytes);
        cli_json_end(&json);
        return;
    }
    printf("provider  %s\nkey       %s%s\n", report->provider,
        report->place[0] != '\0' ? report->place : "the provider does not say where",
        report->place[0] == '\0' || report->has_key ? ""
        : report->store_bytes > 0                   ? " (not there)"
                                                    : " (not made yet)");
    printf("store     %" PRIu64 " bytes, under %s\n", report->store_bytes,
        report->is_wrapped ? "a key of its own, which the provider's key wraps"
                           : "the provider's key itself");
}

static int show(const cli_options *options, const amphi_client_options *client)
{
    amphi_error error;
    amphi_keys_report report;
    amphi_keys_report_init(&report);
    if (amphi_keys_describe(client, &report, &error) != AMPHI_OK)
        return cli_fail(&error);
    print_report(options, &report);
    return CLI_OK;
}

static int rekey(const cli_options *options, const amphi_client_options *client)
{
    amphi_error error;
    if (amphi_keys_rekey(client, &error) != AMPHI_OK)
        return cli_fail(&error);
    puts(options->json ? "{\"rekeyed\":true}" : "The store has a new key.");
    return CLI_OK;
}

/* The receipt says what was there and what is not there any more. */
static int shred(const cli_options *options, const amphi_client_options *client)
{
    amphi_error error;
    amphi_keys_report before;
    amphi_keys_report after;
    if (cli_own(options, "--yes") == NULL)
        return cli_usage("keys shred: everything in the store is lost for good: add --yes");
    amphi_keys_report_init(&before);
    amphi_keys_report_init(&after);
    if (amphi_keys_describe(client, &before, &error) != AMPHI_OK ||
        amphi_keys_shred(client, &error) != AMPHI_OK ||
        amphi_keys_describe(client, &after, &error) != AMPHI_OK)
        return cli_fail(&error);
    bool gone = !after.has_key && !after.is_wrapped && after.store_bytes == 0;
    if (options->json) {
        cli_json json = {stdout, false};
        cli_json_open(&json, NULL, '{');
        cli_json_c(&json, "provider", before.provider);
        cli_json_c(&json, "place", before.place);
        cli_json_bool(&json, "had_key", before.has_key);
        cli_json_bool(&json, "was_wrapped", before.is_wrapped);
        cli_json_uint(&json, "store_bytes", before.store_bytes);
        cli_json_bool(&json, "gone", gone);
        cli_json_end(&json);
    } else {
        printf("Destroyed: the key (%s%s)%s and the store (%" PRIu64 " bytes). Copies of the store "
               "are noise now.\n",
            before.place, before.has_key ? "" : ", which was not there",
            before.is_wrapped ? ", the key it wrapped" : "", before.store_bytes);
    }
    return gone ? CLI_OK : CLI_FAILED;
}

static int run(cli_options *options)
{
    const char *verb = options->words_count == 1 ? options->words[0] : "";
    amphi_client_options client;
    cli_client_options(options, &client);
    if (strcmp(verb, "shred") == 0)
        return shred(options, &client);
    if (cli_own(options, "--yes") == NULL && strcmp(verb, "show") == 0)
        return show(options, &client);
    if (cli_own(options, "--yes") == NULL && strcmp(verb, "rekey") == 0)
        return rekey(options, &client);
    return cli_usage("keys: show, rekey, or shred --yes, is what it takes");
}

static const char *const own_flags[] = {"--yes", NULL};

const cli_command cli_keys = {
    .name = "keys",
    .summary = "the store's key: show, rekey, shred",
    .help = "usage: amphi keys show [flags]\n"
            "       amphi keys rekey [flags]\n"
            "       amphi keys shred --yes [flags]\n"
            "\n"
            "show says where the store's key is, never the key. rekey gives the store a new key\n"
            "and encrypts everything anew; it may be cut off at any moment, and is refused while\n"
            "another program has the store open. shred destroys the key, after which all that\n"
            "the store kept is noise, wherever copies of it are, and removes the store.\n"
            "\n"
            "--keys says where the key is made and looked for; a store is opened with the place\n"
            "that it was made with, or not at all. file: store.key in the data folder, mode 0600.\n"
            "libsecret: the desktop's secret service. keyring: the user's keyring in the Linux\n"
            "kernel; it lives until the next reboot, and then the store can't be read any more:\n"
            "for stores that may be lost then. With both, the data folder's path names the key.\n"
            "  --yes                 with shred: it can't be undone\n"
            "\n"
            "Example: amphi keys rekey --data ./mine\n",
    .own_flags = own_flags,
    .run = run,
};
