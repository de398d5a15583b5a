/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi model: what is in a model file, without a client: logits, tokens, rendered prompts, facts.
 */
#include "cli.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static amphi_model *open_model(const cli_options *options, bool vocabulary_only)
{
    amphi_model_options model_options;
    amphi_model *model = NULL;
    amphi_error error;
    const char *context = cli_own(options, "--context");
    uint64_t number = 0;
    amphi_model_options_init(&model_options);
    model_options.threads = options->threads;
    model_options.vocabulary_only = vocabulary_only;
    model_options.kernels = amphi_str_from(cli_own(options, "--kernels"));
    if (context != NULL && !cli_number("--context", context, UINT32_MAX, &number))
        return NULL;
    model_options.context_tokens_max = (uint32_t)number;
    if (options->model == NULL) {
        cli_usage("--model FILE is needed");
        return NULL;
    }
    if (amphi_model_open(&model, amphi_str_from(options->model), &model_options, &error) !=
        AMPHI_OK)
        cli_fail(&error);
    return model;
}

/* ---- logits ---- */

static int32_t argmax(const float *logits, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        if (logits[i] > logits[best])
            best = i;
    return (int32_t)best;
}

/* "1,2,3" to ids; NULL with a line on standard error. */
static int32_t *parse_tokens(const char *text, size_t *count)
{
    int32_t *tokens = calloc(strlen(text) / 2 + 1, sizeof *tokens);
    *count = 0;
    while (tokens != NULL && *text != '\0') {
        char *end = NULL;
        long long value = strtoll(text, &end, 10);
        if (end == text || (*end != ',' && *end != '\0') || value < 0 || value > INT32_MAX) {
            cli_usage("--tokens takes ids like 1,2,3");
            free(tokens);
            return NULL;
        }
        tokens[(*count)++] = (int32_t)value;
        text = *end == ',' ? end + 1 : end;
    }
    if (tokens != NULL && *count == 0) {
        cli_usage("--tokens takes ids like 1,2,3");
        free(tokens);
        return NULL;
    }
    return tokens;
}

static void print_top(const float *logits, uint32_t count, uint64_t top)
{
    bool *taken = calloc(count, sizeof *taken);
    fputs("\"top\":[", stdout);
    for (uint64_t k = 0; taken != NULL && k < top && k < count; k++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < count; i++)
            if (!taken[i] && (best == UINT32_MAX || logits[i] > logits[best]))
                best = i;
        taken[best] = true;
        printf("%s{\"id\":%u,\"logit\":%.6f}", k > 0 ? "," : "", best, (double)logits[best]);
    }
    fputs("]", stdout);
    free(taken);
}

static int write_floats(const char *path, const float *data, size_t count)
{
    FILE *file = fopen(path, "wb");
    bool good = file != NULL && fwrite(data, sizeof *data, count, file) == count;
    if (file != NULL && fclose(file) != 0)
        good = false;
    return good ? CLI_OK : cli_usage("%s: can't be written", path);
}

/* Greedy continuation after the prompt, printed as an array. */
static int print_greedy(amphi_model *model, float *last, uint32_t vocabulary, uint64_t count)
{
    amphi_error error;
    fputs("\"greedy\":[", stdout);
    for (uint64_t i = 0; i < count; i++) {
        int32_t token = argmax(last, vocabulary);
        printf("%s%" PRId32, i > 0 ? "," : "", token);
        if (i + 1 < count &&
            amphi_model_logits(model, &token, 1, false, false, last, &error) != AMPHI_OK) {
            puts("]}");
            return cli_fail(&error);
        }
    }
    puts("]}");
    return CLI_OK;
}

static int run_logits(const cli_options *options)
{
    const char *tokens_text = cli_own(options, "--tokens");
    const char *out = cli_own(options, "--out");
    uint64_t top = 5;
    uint64_t greedy = 0;
    size_t count = 0;
    amphi_error error;
    int rc = CLI_USAGE;
    float *logits = NULL;
    if (tokens_text == NULL)
        return cli_usage("model logits: --tokens 1,2,3 is needed");
    if ((cli_own(options, "--top") != NULL &&
            !cli_number("--top", cli_own(options, "--top"), 1000, &top)) ||
        (cli_own(options, "--greedy") != NULL &&
            !cli_number("--greedy", cli_own(options, "--greedy"), 1u << 20, &greedy)))
        return CLI_USAGE;
    int32_t *tokens = parse_tokens(tokens_text, &count);
    amphi_model *model = tokens != NULL ? open_model(options, false) : NULL;
    if (model == NULL) {
        free(tokens);
        return tokens_text != NULL ? CLI_FAILED : CLI_USAGE;
    }
    uint32_t vocabulary = amphi_model_vocabulary_size(model);
    bool all = cli_own(options, "--all") != NULL;
    logits = malloc(sizeof *logits * vocabulary * (all ? count : 1));
    if (logits == NULL) {
        rc = cli_usage("out of memory for the logits");
        goto cleanup;
    }
    if (amphi_model_logits(model, tokens, count, true, all, logits, &error) != AMPHI_OK) {
        rc = cli_fail(&error);
        goto cleanup;
    }
    float *last = logits + (all ? (count - 1) * vocabulary : 0);
    rc = out != NULL ? write_floats(out, logits, (all ? count : 1) * (size_t)vocabulary) : CLI_OK;
    if (rc != CLI_OK)
        goto cleanup;
    fputs("{\"tokens\":[", stdout);
    for (size_t i = 0; i < count; i++)
        printf("%s%" PRId32, i > 0 ? "," : "", tokens[i]);
    fputs("],", stdout);
    print_top(last, vocabulary, top);
    fputs(",", stdout);
    rc = print_greedy(model, last, vocabulary, greedy);
cleanup:
    free(logits);
    amphi_model_free(model);
    free(tokens);
    return rc;
}

/* ---- tokenize ---- */

static int run_tokenize(const cli_options *options)
{
    const char *path = cli_own(options, "--file");
    size_t size = 0;
    size_t count = 0;
    int32_t *tokens = NULL;
    amphi_error error;
    int rc = CLI_FAILED;
    char *text = path != NULL ? cli_read_file(path, &size) : cli_words(options);
    if (text == NULL)
        return CLI_USAGE;
    if (path == NULL)
        size = strlen(text);
    amphi_model *model = open_model(options, true);
    if (model == NULL)
        goto cleanup;
    if (amphi_model_tokenize(model, amphi_str_make(text, size),
            cli_own(options, "--special") != NULL, &tokens, &count, &error) != AMPHI_OK) {
        rc = cli_fail(&error);
        goto cleanup;
    }
    if (options->json)
        fputs("{\"tokens\":[", stdout);
    for (size_t i = 0; i < count; i++)
        printf("%s%" PRId32, i == 0 ? "" : options->json ? "," : " ", tokens[i]);
    puts(options->json ? "]}" : "");
    rc = CLI_OK;
cleanup:
    amphi_model_tokens_free(tokens);
    amphi_model_free(model);
    free(text);
    return rc;
}

/* ---- render ---- */

/* The members of one --set, KEY=JSON or an object; *out is NULL for an empty one. false:
 * neither. */
static bool read_set(const char *set, char **out)
{
    const char *equals = strchr(set, '=');
    const char *end = strrchr(set, '}');
    size_t size = strlen(set) + 8;
    *out = NULL;
    if (set[0] == '{') {
        set++;
        if (end == NULL || end < set)
            return false;
        *out =
            strspn(set, " \t\r\n") < (size_t)(end - set) ? strndup(set, (size_t)(end - set)) : NULL;
        return true;
    }
    if (equals == NULL || equals == set)
        return false;
    *out = malloc(size);
    if (*out != NULL)
        snprintf(*out, size, "\"%.*s\":%s", (int)(equals - set), set, equals + 1);
    return true;
}

/* One object of all that --set says; NULL with a line on standard error. */
static char *sets_to_json(const cli_options *options)
{
    char *json = strdup("{");
    const char *set = NULL;
    for (size_t n = 0; json != NULL && (set = cli_own_nth(options, "--set", n)) != NULL; n++) {
        char *members = NULL;
        if (!read_set(set, &members)) {
            cli_usage("--set takes KEY=JSON or an object");
            free(json);
            return NULL;
        }
        if (members == NULL)
            continue;
        size_t size = strlen(json) + strlen(members) + 2;
        char *longer = malloc(size);
        if (longer != NULL)
            snprintf(longer, size, "%s%s%s", json, json[1] != '\0' ? "," : "", members);
        free(json);
        free(members);
        json = longer;
    }
    char *closed = json != NULL ? malloc(strlen(json) + 2) : NULL;
    if (closed != NULL)
        snprintf(closed, strlen(json) + 2, "%s}", json);
    free(json);
    return closed;
}

static int run_render(const cli_options *options)
{
    const char *template_path = cli_own(options, "--template");
    const char *messages_path = cli_own(options, "--messages");
    const char *tools_path = cli_own(options, "--tools");
    size_t template_size = 0;
    char *text = NULL;
    amphi_error error;
    int rc = CLI_FAILED;
    if (messages_path == NULL || (template_path == NULL && options->model == NULL))
        return cli_usage("model render: --messages FILE and --template FILE (or --model FILE)");
    char *template_text =
        template_path != NULL ? cli_read_file(template_path, &template_size) : NULL;
    char *messages = cli_read_file(messages_path, NULL);
    char *tools = tools_path != NULL ? cli_read_file(tools_path, NULL) : NULL;
    char *extra = sets_to_json(options);
    amphi_model *model = NULL;
    if (messages == NULL || (template_path != NULL && template_text == NULL) ||
        (tools_path != NULL && tools == NULL) || extra == NULL)
        goto cleanup;
    if (options->model != NULL) {
        model = open_model(options, true);
        if (model == NULL)
            goto cleanup;
    }
    if (amphi_model_render(model, amphi_str_make(template_text, template_size),
            amphi_str_from(messages), amphi_str_from(tools), amphi_str_from(extra),
            amphi_str_from(cli_own(options, "--now")),
            cli_own(options, "--no-generation-prompt") == NULL, &text, &error) == AMPHI_OK) {
        if (options->json) {
            fputs("{\"text\":", stdout);
            cli_print_json_string(stdout, amphi_str_from(text));
            puts("}");
        } else {
            fputs(text, stdout);
        }
        rc = CLI_OK;
    } else {
        rc = cli_fail(&error);
    }
cleanup:
    amphi_string_free(text);
    amphi_model_free(model);
    free(template_text);
    free(messages);
    free(tools);
    free(extra);
    return rc;
}

static int run_inspect(const cli_options *options)
{
    char *json = NULL;
    amphi_error error;
    amphi_model *model = open_model(options, true);
    if (model == NULL)
        return CLI_FAILED;
    int rc = CLI_OK;
    if (amphi_model_inspect(model, &json, &error) == AMPHI_OK)
        puts(json);
    else
        rc = cli_fail(&error);
    amphi_string_free(json);
    amphi_model_free(model);
    return rc;
}

/* ---- quantize ---- */

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

/* The callback of amphi_model_quantize: false after ctrl-C, and the half-written file is
 * removed. */
static bool draw_progress(void *user, uint32_t permille)
{
    uint32_t *drawn = user;
    if (stopped || permille == *drawn)
        return !stopped;
    *drawn = permille;
    cli_progress_bar_draw(AMPHI_STR("quantizing"), permille);
    if (permille == 1000 && isatty(STDERR_FILENO) == 1)
        fputc('\n', stderr);
    return true;
}

static int run_quantize(const cli_options *options)
{
    const char *type = cli_own(options, "--type");
    uint32_t drawn = UINT32_MAX;
    amphi_error error;
    if (options->words_count != 2 || type == NULL)
        return cli_usage("model quantize: IN OUT --type Q4_K");
    (void)signal(SIGINT, stop);
    (void)signal(SIGTERM, stop);
    if (amphi_model_quantize(amphi_str_from(options->words[0]), amphi_str_from(options->words[1]),
            amphi_str_from(type), draw_progress, &drawn, &error) != AMPHI_OK)
        return cli_fail(&error);
    return CLI_OK;
}

static int run(cli_options *options)
{
    const char *verb = options->words_count > 0 ? options->words[0] : "";
    options->words_count -= options->words_count > 0;
    memmove(options->words, options->words + 1, options->words_count * sizeof options->words[0]);
    if (strcmp(verb, "logits") == 0)
        return run_logits(options);
    if (strcmp(verb, "tokenize") == 0)
        return run_tokenize(options);
    if (strcmp(verb, "render") == 0)
        return run_render(options);
    if (strcmp(verb, "inspect") == 0)
        return run_inspect(options);
    if (strcmp(verb, "quantize") == 0)
        return run_quantize(options);
    if (strcmp(verb, "head") == 0)
        return cli_model_head(options);
    return cli_usage("model: logits, tokenize, render, inspect, quantize or head is what it takes");
}

static const char *const own_flags[] = {"--tokens=", "--top=", "--greedy=", "--out=", "--all",
    "--file=", "--special",
    "--template=", "--messages=", "--tools=", "--set=", "--now=", "--no-generation-prompt",
    "--kernels=", "--context=", "--type=", NULL};

const cli_command cli_model = {
    .name = "model",
    .summary = "inside a model file: logits, tokenize, render, inspect, quantize, head",
    .help =
        "usage: amphi model logits   --model FILE --tokens 1,2,3 [flags]\n"
        "       amphi model tokenize --model FILE (--file TEXT | WORDS...) [flags]\n"
        "       amphi model render   (--template FILE | --model FILE) --messages FILE [flags]\n"
        "       amphi model inspect  --model FILE\n"
        "       amphi model quantize IN OUT --type TYPE\n"
        "       amphi model head train|test --model FILE ROWS [--tokens N] [--out FILE] [--json]\n"
        "\n"
        "Runs in this process, without the worker: for tools and tests. Only head asks the model\n"
        "as chat does, in a process of its own. ROWS has a line for each prompt,\n"
        "{\"prompt\":\"...\",\"right\":true} or false: was this model's answer right? head train\n"
        "writes MODEL.head (or --out), which then judges the first tokens of each answer that a\n"
        "cloud could give as well; head test tries it on rows that it has not seen. What they\n"
        "print: area under the ROC curve, of the head and of the model's own doubt (logits).\n"
        "  --tokens N            head train: first tokens to judge by (8)\n"
        "  --tokens 1,2,3        logits: the ids to be read\n"
        "  --top K               logits: the K likeliest next ids (5)\n"
        "  --greedy N            logits: N more ids, each the likeliest (0)\n"
        "  --out FILE            logits: float32 values, of the last position\n"
        "  --all                 logits: --out of every position\n"
        "  --kernels NAME        logits: avx512, avx2 or reference (the best of this machine)\n"
        "  --context N           logits: positions in the KV cache (the model's, 4096 at most)\n"
        "  --file TEXT           tokenize: a file instead of words\n"
        "  --special             tokenize: names of special tokens in the text are these tokens\n"
        "  --template FILE       render: a Jinja template instead of the model's\n"
        "  --messages FILE       render: a JSON array of messages\n"
        "  --tools FILE          render: a JSON array of tools\n"
        "  --set KEY=JSON|OBJECT render: a variable, or several; may be repeated\n"
        "  --now TIME            render: ISO time for templates that print the date (now)\n"
        "  --no-generation-prompt\n"
        "                        render: without the beginning of an answer\n"
        "  --type TYPE           quantize: Q8_0, Q6_K, Q5_K, Q4_K, Q3_K, Q2_K, Q5_1, Q5_0, Q4_1,\n"
        "                        Q4_0, IQ4_NL, IQ4_XS, F16, BF16 or F32\n"
        "\n"
        "Example: amphi model tokenize --model model.gguf \"Hello world\"\n",
    .own_flags = own_flags,
    .run = run,
};
