/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi: the command. Finds the subcommand and hands over.
 */
#include "cli.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

static const cli_command *const commands[] = {&cli_chat, &cli_ask, &cli_route, &cli_history,
    &cli_outbox, &cli_cache, &cli_keys, &cli_policy, &cli_rollout, &cli_model, &cli_replay,
    &cli_serve, &cli_bench, &cli_doctor, &cli_simulate};

static const char shared_help[] =
    "Flags that mean the same everywhere (what holds without them):\n"
    "  --data DIR            store, keys and learnt facts ($XDG_DATA_HOME/amphi)\n"
    "  --keys PLACE          where the store's key is: file, in DIR; libsecret, the desktop's\n"
    "                        secret service; keyring, the Linux kernel's, which a reboot\n"
    "                        empties: for stores that may be lost then (file)\n"
    "  --model FILE          a GGUF model for the device ($AMPHI_MODEL, else the help model)\n"
    "  --help-model          the help model, asked by name: it answers beside endpoints too\n"
    "  --endpoint NAME=URL[,model=M|M2][,key-file=F][,ca=F][,pin=sha256//...][,context=N]\n"
    "             [,priority=N][,weight=N][,tls12=yes][,dialect=chat|responses]\n"
    "             [,continue=WAY][,header=Name: value][,headers-file=F]\n"
    "             [,prices=PROMPT/COMPLETION]\n"
    "                        an OpenAI-compatible API; may be repeated. WAY is how it goes on\n"
    "                        after a takeover: native, a trailing assistant message; vllm, with\n"
    "                        its two flags; prefix, marked (Mistral, DeepSeek beta); instruct,\n"
    "                        by words; no: starts again (auto: tries, and learns).\n"
    "                        prices: US dollars per million tokens, 0.15/0.60, or with what\n"
    "                        a cached prompt costs, 0.15/0.60/0.075; per model\n"
    "                        M=0.15/0.60|M2=2.5/10 (unknown: said so, never taken for 0)\n"
    "  --mode MODE           auto, prefer_local, prefer_cloud, only_local, only_cloud\n"
    "  --private             never leaves the device\n"
    "  --no-cache            neither read nor write the response cache\n"
    "  --cache USE           exact: the same question gets the same answer, at any temperature\n"
    "                        (at temperature 0 alone); near: also in other words; off: none\n"
    "  --no-store            read the cache, but leave this answer out of it\n"
    "  --no-queue            fail rather than keep the message in the outbox\n"
    "  --conversation ID     keep this in the history under ID\n"
    "  --policy FILE         the policy document (JSON)\n"
    "  --device FILE         facts about the device, in place of what is measured: a JSON object\n"
    "                        of any of battery_percent (0 to 100), charging (true, false),\n"
    "                        thermal (nominal, fair, serious, critical), network (none,\n"
    "                        metered: bytes cost money, free), rtt_ms, throughput_kbps,\n"
    "                        memory_total_bytes, memory_available_bytes, memory_pressure\n"
    "                        (0 to 2), in_foreground (true, false), cores, cores_big,\n"
    "                        cpu_stall_percent, memory_stall_percent, io_stall_percent,\n"
    "                        draw_mw, energy_uj, heat_forecast_percent, power_save,\n"
    "                        background_left_ms (with in_foreground)\n"
    "  --rollout SRC         a GrowthBook payload: a file or an https URL\n"
    "  --rollout-key KEY     a public key: payloads have to be signed by it; may be repeated\n"
    "                        (any payload is taken)\n"
    "  --rollout-set N=VALUE attributes=FILE, a JSON object for its conditions; bootstrap=FILE,\n"
    "                        the payload of a first start; model=NAME=FILE, one that it may\n"
    "                        choose; poll=SECONDS (600); of the URL: ca=FILE, pin=sha256//...,\n"
    "                        key-file=FILE, a bearer token, tls12=yes; may be repeated\n"
    "  --telemetry URL       an OpenTelemetry collector (OTLP/HTTP): metrics and spans, never "
    "what\n"
    "                        was asked or answered (none is sent)\n"
    "  --telemetry-set N=VALUE  service=NAME, version=TEXT, interval=SECONDS (60), spans=no; of\n"
    "                        the URL: ca=FILE, pin=sha256//..., key-file=FILE, tls12=yes\n"
    "  --allow-http-loopback accept http:// for this machine itself\n"
    "  --threads N           of the local model (one per fast core, 4 at most)\n"
    "  --max-tokens N        the longest answer, in tokens (the policy's)\n"
    "  --seed N              same seed, same engine, same text (random)\n"
    "  --temperature T       0 to 10; 0: always the likeliest token (the engine's)\n"
    "  --json                output for programs\n"
    "  --verbose             the log, on standard error\n"
    "  --help, -h            this page\n";

static void print_overview(FILE *out)
{
    fprintf(out,
        "amphi %s: chat over a model on the device and an API in the cloud\n\n"
        "usage: amphi COMMAND [flags]\n\n",
        amphi_version());
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out,
        "\n%s\nExample: amphi ask \"What happens when the battery is low?\"\n"
        "`amphi COMMAND --help` shows a command's own flags, `amphi --version` the version.\n",
        shared_help);
}

int main(int argc, char **argv)
{
    const struct rlimit no_core = {0, 0}; /* API keys and conversations are in this memory */
    signal(SIGPIPE, SIG_IGN);
    setrlimit(RLIMIT_CORE, &no_core);
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_overview(stdout);
        return CLI_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("amphi %s\n", amphi_version());
        return CLI_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i]->name, name) != 0)
            continue;
        cli_options *options = calloc(1, sizeof *options);
        if (options == NULL) {
            fputs("amphi: out of memory\n", stderr);
            return CLI_FAILED;
        }
        int rc = cli_options_parse(options, argc - 2, argv + 2, commands[i]->own_flags);
        if (rc == CLI_OK && options->help)
            printf("%s\n%s", commands[i]->help, shared_help);
        else if (rc == CLI_OK)
            rc = commands[i]->run(options);
        cli_options_clear(options);
        free(options);
        if ((fflush(stdout) != 0 || ferror(stdout)) && rc == CLI_OK) {
            fputs("amphi: the output could not be written\n", stderr);
            rc = CLI_FAILED;
        }
        return rc;
    }
    return cli_usage("unknown command \"%s\"; `amphi --help` lists them", name);
}
