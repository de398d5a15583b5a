/* SPDX-License-Identifier: Apache-2.0
 *
 * See device_tree.h. Knows nothing of the probe but its public table.
 */
#include "tests/support/device_tree.h"
#include "policy/probe_linux.h"
#include "tests/support/device_route.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX      40
#define LINE_BYTES_MAX 4096

typedef struct tree {
    char name[128];
    char root[64];
    amphi_device probe;
    unsigned looks; /* so far */
    unsigned zones_trips;
    bool has_failed, has_why;
    const char *file;
    unsigned line;
} tree;

static void complain(tree *t, const char *what, const char *detail)
{
    t->has_failed = true;
    printf("%s:%u: %s: %s %s\n", t->file, t->line, t->name, what, detail);
}

/* ---- the trees' clock: one at a time is looked at ---- */

static uint64_t now_us = 1;

static uint64_t boot_us(void *self)
{
    return now_us;
}

static int64_t wall_ms(void *self)
{
    return (int64_t)(now_us / 1000);
}

static const amphi_clock tree_clock = {.struct_size = sizeof tree_clock,
    .name = "trees",
    .monotonic_us = boot_us,
    .wall_ms = wall_ms,
    .boot_us = boot_us};

/* ---- files ---- */

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    return remove(path);
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void put(tree *t, const char *path, const char *text, const char *mode)
{
    char full[2 * LINE_BYTES_MAX];
    snprintf(full, sizeof full, "%s%s", t->root, path);
    make_folders(full);
    if (strcmp(text, "!") == 0) { /* a folder of that name: opening it works, reading it does not */
        (void)remove(full);
        if (mkdir(full, 0700) != 0)
            complain(t, "can't make", path);
        return;
    }
    if (strcmp(text, "-") == 0) { /* gone */
        (void)remove(full);
        return;
    }
    FILE *file = fopen(full, mode);
    if (file == NULL || fputs(text, file) == EOF)
        complain(t, "can't write", path);
    if (file != NULL)
        fclose(file);
}

/* ---- words and values ---- */

/* Cuts a line in place at blanks outside of quotes; quotes are taken away. */
static size_t cut_words(char *line, char **words)
{
    size_t count = 0;
    char *at = line;
    while (*at != '\0' && count < WORDS_MAX) {
        while (*at == ' ' || *at == '\t')
            at++;
        if (*at == '\0')
            break;
        char *to = at;
        bool quoted = false;
        words[count++] = at;
        while (*at != '\0' && (quoted || (*at != ' ' && *at != '\t'))) {
            if (*at == '"')
                quoted = !quoted;
            else
                *to++ = *at;
            at++;
        }
        bool is_end = *at == '\0';
        *to = '\0';
        at += is_end ? 0 : 1;
    }
    return count;
}

/* "4MiB" -> bytes; *end is behind it. */
static unsigned long long quantity(const char *text, char **end)
{
    static const char *const units[] = {"KiB", "MiB", "GiB"};
    unsigned long long number = strtoull(text, end, 10);
    for (size_t i = 0; i < 3; i++)
        if (*end != text && strncmp(*end, units[i], 3) == 0) {
            *end += 3;
            return number << (10 * (i + 1));
        }
    return number;
}

/* Quantities become bytes, ";" becomes a line's end, and the file ends with one. */
static void expand(const char *value, char *out, size_t size)
{
    size_t used = 0;
    while (*value != '\0' && used + 32 < size) {
        char *end = NULL;
        if (*value >= '0' && *value <= '9') {
            unsigned long long number = quantity(value, &end);
            bool has_unit = end[-1] == 'B';
            used += has_unit ? (size_t)snprintf(out + used, size - used, "%llu", number)
                             : (size_t)snprintf(
                                   out + used, size - used, "%.*s", (int)(end - value), value);
            value = end;
        } else {
            out[used++] = *value == ';' ? '\n' : *value;
            value++;
        }
    }
    out[used++] = '\n';
    out[used] = '\0';
}

static void put_values(tree *t, const char *folder, char **words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char path[LINE_BYTES_MAX];
        char text[LINE_BYTES_MAX];
        char *equals = strchr(words[i], '=');
        if (equals == NULL) {
            complain(t, "no file=value:", words[i]);
            return;
        }
        *equals = '\0';
        snprintf(path, sizeof path, "%s/%s", folder, words[i]);
        if (strcmp(equals + 1, "!") == 0 || strcmp(equals + 1, "-") == 0)
            snprintf(text, sizeof text, "%s", equals + 1);
        else
            expand(equals + 1, text, sizeof text);
        put(t, path, text, "w");
    }
}

/* trips="85000 passive, 100000 critical" */
static void put_trips(tree *t, const char *folder, char *trips)
{
    char *rest = NULL;
    unsigned number = 0;
    for (char *one = strtok_r(trips, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        char path[LINE_BYTES_MAX];
        char temp[32] = "";
        char type[32] = "";
        if (sscanf(one, "%31s %31s", temp, type) != 2)
            complain(t, "a trip is TEMP TYPE:", one);
        snprintf(path, sizeof path, "%s/trip_point_%u_temp", folder, number);
        put(t, path, temp, "w");
        snprintf(path, sizeof path, "%s/trip_point_%u_type", folder, number);
        put(t, path, type, "w");
        number++;
    }
}

static void put_zone(tree *t, char **words, size_t count)
{
    char folder[256];
    snprintf(folder, sizeof folder, "/sys/class/thermal/thermal_zone%s", words[0]);
    for (size_t i = 1; i < count; i++)
        if (strncmp(words[i], "trips=", 6) == 0)
            put_trips(t, folder, words[i] + 6);
        else
            put_values(t, folder, words + i, 1);
}

static void put_cpus(tree *t, char **words, size_t count)
{
    char *at = words[0];
    while (*at != '\0') {
        unsigned long from = strtoul(at, &at, 10);
        unsigned long to = *at == '-' ? strtoul(at + 1, &at, 10) : from;
        for (unsigned long cpu = from; cpu <= to && cpu < 1024; cpu++) {
            char folder[128];
            char copies[WORDS_MAX][256];
            char *values[WORDS_MAX];
            for (size_t i = 1; i < count; i++) {
                snprintf(copies[i], sizeof copies[i], "%s", words[i]);
                values[i] = copies[i];
            }
            snprintf(folder, sizeof folder, "/sys/devices/system/cpu/cpu%lu", cpu);
            put_values(t, folder, values + 1, count - 1);
        }
        at += *at == ',' ? 1 : 0;
    }
}

/* "file PATH TEXT": the text is the rest of the line. */
static void put_file(tree *t, const char *rest)
{
    char path[LINE_BYTES_MAX];
    char text[LINE_BYTES_MAX];
    size_t used = 0;
    size_t length = strcspn(rest, " ");
    snprintf(path, sizeof path, "%.*s", (int)length, rest);
    char *blank = strstr(path, "\\040");
    if (blank != NULL) {
        *blank = ' ';
        memmove(blank + 1, blank + 4, strlen(blank + 4) + 1);
    }
    rest += length + (rest[length] != '\0');
    if (strcmp(rest, "!") == 0 || strcmp(rest, "-") == 0) {
        put(t, path, rest, "w");
        return;
    }
    for (; *rest != '\0' && used + 2 < sizeof text; rest++)
        if (*rest == '\\' && (rest[1] == 'n' || rest[1] == 't'))
            text[used++] = *++rest == 'n' ? '\n' : '\t';
        else
            text[used++] = *rest;
    text[used] = '\0';
    put(t, path, text, "w");
}

static void put_memory(tree *t, char **words)
{
    char text[256];
    char *end = NULL;
    unsigned long long total = quantity(words[0], &end);
    snprintf(text, sizeof text,
        "MemTotal:       %llu kB\nMemFree:          1024 kB\nMemAvailable:   %llu kB\n",
        total >> 10, quantity(words[1], &end) >> 10);
    put(t, "/proc/meminfo", text, "w");
}

static void put_mount(tree *t, char **words)
{
    char line[LINE_BYTES_MAX];
    snprintf(line, sizeof line, "31 23 0:28 %s %s rw,nosuid shared:9 - %s %s rw,%s\n", words[2],
        words[1], words[0], words[0], words[3]);
    put(t, "/proc/self/mountinfo", line, "a");
}

static void put_stall(tree *t, char **words)
{
    char path[128];
    char text[256];
    snprintf(path, sizeof path, "/proc/pressure/%s", words[0]);
    snprintf(text, sizeof text,
        "some avg10=%s avg60=0.00 avg300=0.00 total=1\nfull avg10=%s avg60=0.00 avg300=0.00 "
        "total=1\n",
        words[1], words[2]);
    put(t, path, text, "w");
}

/* ---- routes ---- */

static void put_route(tree *t, const char *path, const char *line)
{
    if (line[0] == '\0')
        complain(t, "no such route:", path);
    put(t, path, line, "a");
}

static void put_v4(tree *t, char **words, size_t count)
{
    char line[ROUTE_LINE_MAX];
    char path[128];
    snprintf(path, sizeof path, "%s/proc/net/route", t->root);
    if (access(path, F_OK) != 0)
        put(t, "/proc/net/route", device_route_v4_heading, "w");
    if (strcmp(words[0], "none") == 0)
        return;
    if (strcmp(words[0], "many") != 0 || count != 3) {
        device_route_v4(line, words, count);
        put_route(t, "/proc/net/route", line);
        return;
    }
    char *lines = device_route_v4_many(strtoul(words[1], NULL, 10), words[2]);
    put_route(t, "/proc/net/route", lines);
    free(lines);
}

static void put_v6(tree *t, char **words, size_t count)
{
    char line[ROUTE_LINE_MAX] = "";
    bool is_none = strcmp(words[0], "none") == 0;
    if (!is_none)
        device_route_v6(line, words, count);
    if (is_none)
        put(t, "/proc/net/ipv6_route", "", "a");
    else
        put_route(t, "/proc/net/ipv6_route", line);
}

/* ---- what is expected ---- */

static const char *thermal_word(const amphi_device_facts *f)
{
    static const char *const words[] = {"unknown", "nominal", "fair", "serious", "critical"};
    return words[f->known & AMPHI_FACT_THERMAL ? f->thermal : 0];
}

static const char *network_word(const amphi_device_facts *f)
{
    static const char *const words[] = {"unknown", "none", "metered", "free"};
    return words[f->known & AMPHI_FACT_NETWORK ? f->network : 0];
}

typedef struct fact {
    const char *name;
    char found[64], expected[64];
} fact;

static void add_fact(fact *facts, size_t *count, const char *name, const char *found)
{
    snprintf(facts[*count].found, sizeof facts[*count].found, "%s", found);
    snprintf(facts[*count].expected, sizeof facts[*count].expected, "unknown");
    facts[(*count)++].name = name;
}

static const char *number_word(
    char *text, size_t size, const amphi_device_facts *f, unsigned bit, unsigned long long number)
{
    snprintf(text, size, "%llu", number);
    return f->known & bit ? text : "unknown";
}

static size_t list_facts(fact *facts, const amphi_device_facts *f)
{
    char text[64];
    size_t n = 0;
#define NUMBER(bit, number) number_word(text, sizeof text, f, (bit), (number))
    add_fact(facts, &n, "total", NUMBER(AMPHI_FACT_MEMORY, f->memory_total_bytes));
    add_fact(facts, &n, "available", NUMBER(AMPHI_FACT_MEMORY, f->memory_available_bytes));
    add_fact(facts, &n, "pressure", NUMBER(AMPHI_FACT_PRESSURE, f->memory_pressure));
    add_fact(facts, &n, "battery", NUMBER(AMPHI_FACT_BATTERY, f->battery_percent));
    add_fact(facts, &n, "charging",
        !(f->known & AMPHI_FACT_BATTERY) ? "unknown"
        : f->charging                    ? "yes"
                                         : "no");
    add_fact(facts, &n, "thermal", thermal_word(f));
    add_fact(facts, &n, "forecast", NUMBER(AMPHI_FACT_FORECAST, f->heat_forecast_percent));
    add_fact(facts, &n, "network", network_word(f));
    add_fact(facts, &n, "cores", NUMBER(AMPHI_FACT_CORES, f->cores));
    add_fact(facts, &n, "big", NUMBER(AMPHI_FACT_CORES, f->cores_big));
    add_fact(facts, &n, "cpu_stall", NUMBER(AMPHI_FACT_CPU_STALL, f->cpu_stall_percent));
    add_fact(facts, &n, "memory_stall", NUMBER(AMPHI_FACT_MEMORY_STALL, f->memory_stall_percent));
    add_fact(facts, &n, "io_stall", NUMBER(AMPHI_FACT_IO_STALL, f->io_stall_percent));
    add_fact(facts, &n, "draw", NUMBER(AMPHI_FACT_DRAW, f->draw_mw));
    add_fact(facts, &n, "energy", NUMBER(AMPHI_FACT_ENERGY, f->energy_uj));
#undef NUMBER
    return n;
}

static amphi_device_facts look(tree *t)
{
    amphi_device_facts found;
    memset(&found, 0xa5, sizeof found);
    found.struct_size = sizeof found;
    if (t->probe.ops == NULL &&
        amphi__probe_linux_new(&t->probe, t->root, &tree_clock, NULL) != AMPHI_OK)
        complain(t, "no probe", "");
    else
        t->probe.ops->snapshot(t->probe.self, &found);
    t->looks++;
    return found;
}

static void expect(tree *t, char **words, size_t count)
{
    fact facts[24];
    amphi_device_facts found = look(t);
    size_t n = list_facts(facts, &found);
    for (size_t f = 0; f < n; f++)
        if (strcmp(facts[f].name, "forecast") == 0)
            snprintf(facts[f].expected, sizeof facts[f].expected, "%s", facts[f].found);
    for (size_t i = 0; i < count; i++) {
        char *equals = strchr(words[i], '=');
        size_t f = 0;
        while (equals != NULL && f < n &&
               (strlen(facts[f].name) != (size_t)(equals - words[i]) ||
                   strncmp(facts[f].name, words[i], (size_t)(equals - words[i])) != 0))
            f++;
        if (equals == NULL || f == n) {
            complain(t, "unknown fact", words[i]);
            return;
        }
        char bytes[64];
        char *end = NULL;
        snprintf(bytes, sizeof bytes, "%llu", quantity(equals + 1, &end));
        bool is_quantity = end != equals + 1 && end[-1] == 'B';
        snprintf(
            facts[f].expected, sizeof facts[f].expected, "%s", is_quantity ? bytes : equals + 1);
    }
    for (size_t i = 0; i < n; i++) {
        char line[256];
        snprintf(line, sizeof line, "%s is %s, not %s (look %u)", facts[i].name, facts[i].found,
            facts[i].expected, t->looks);
        if (strcmp(facts[i].found, facts[i].expected) != 0)
            complain(t, line, "");
    }
}

/* ---- one line, one tree, one file ---- */

static void put_folder(tree *t, const char *parent, char **words, size_t count)
{
    char folder[LINE_BYTES_MAX + 64];
    bool is_top = strcmp(words[0], "/") == 0;
    snprintf(folder, sizeof folder, "%s%s%s", parent, words[0][0] == '/' ? "" : "/",
        is_top ? "" : words[0]);
    char marker[LINE_BYTES_MAX + 256];
    snprintf(marker, sizeof marker, "%s%s/.", t->root, folder);
    make_folders(marker);
    put_values(t, folder, words + 1, count - 1);
}

static void directive(tree *t, char *line)
{
    static const struct {
        const char *word, *parent;
    } folders[] = {{"supply", "/sys/class/power_supply"}, {"link", "/sys/class/net"},
        {"group", "/sys/fs/cgroup"}, {"power", "/sys/class/powercap"}};
    char whole[LINE_BYTES_MAX];
    char *words[WORDS_MAX];
    snprintf(whole, sizeof whole, "%s", line);
    size_t count = cut_words(line, words);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (count >= 2 && strcmp(words[0], folders[i].word) == 0) {
            put_folder(t, folders[i].parent, words + 1, count - 1);
            return;
        }
    if (strcmp(words[0], "why") == 0)
        t->has_why = true;
    else if (strcmp(words[0], "folder") == 0 && count == 2)
        put_folder(t, "", words + 1, 1);
    else if (strcmp(words[0], "file") == 0)
        put_file(t, whole + strlen("file "));
    else if (strcmp(words[0], "zone") == 0 && count >= 2)
        put_zone(t, words + 1, count - 1);
    else if (strcmp(words[0], "cpu") == 0 && count >= 3)
        put_cpus(t, words + 1, count - 1);
    else if (strcmp(words[0], "memory") == 0 && count == 3)
        put_memory(t, words + 1);
    else if (strcmp(words[0], "mount") == 0 && count == 5)
        put_mount(t, words + 1);
    else if (strcmp(words[0], "stall") == 0 && count == 4)
        put_stall(t, words + 1);
    else if (strcmp(words[0], "v4") == 0 && count >= 2)
        put_v4(t, words + 1, count - 1);
    else if (strcmp(words[0], "v6") == 0 && count >= 2)
        put_v6(t, words + 1, count - 1);
    else if (strcmp(words[0], "expect") == 0)
        expect(t, words + 1, count - 1);
    else if (strcmp(words[0], "self") == 0) {
        strcat(whole, "\n");
        put(t, "/proc/self/cgroup", whole + strlen("self "), "a");
    } else if (strcmp(words[0], "later") == 0 && count <= 2)
        now_us += 1000000 * (count == 2 ? strtoull(words[1], NULL, 10) : 1);
    else
        complain(t, "unknown directive", words[0]);
}

static void tree_begin(tree *t, const char *name)
{
    const char *file = t->file;
    unsigned line = t->line;
    memset(t, 0, sizeof *t);
    t->file = file;
    t->line = line;
    snprintf(t->name, sizeof t->name, "%s", name);
    snprintf(t->root, sizeof t->root, "/tmp/amphi-tree-XXXXXX");
    if (mkdtemp(t->root) == NULL)
        complain(t, "can't make", t->root);
}

static bool tree_end(tree *t)
{
    if (t->root[0] == '\0')
        return false;
    if (t->looks == 0)
        complain(t, "nothing is expected", "");
    if (!t->has_why)
        complain(t, "no source is named", "");
    if (t->probe.ops != NULL)
        t->probe.ops->free(t->probe.self);
    nftw(t->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    t->root[0] = '\0';
    return t->has_failed;
}

unsigned device_trees_check(const char *path, unsigned *trees)
{
    char line[LINE_BYTES_MAX];
    unsigned failed = 0;
    tree t = {.file = path};
    *trees = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        printf("%s: can't be opened\n", path);
        return 1;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        t.line++;
        line[strcspn(line, "\n")] = '\0';
        char *start = line + strspn(line, " ");
        if (*start == '\0' || *start == '#')
            continue;
        if (strncmp(start, "tree ", 5) == 0) {
            failed += tree_end(&t);
            tree_begin(&t, start + 5);
            (*trees)++;
        } else {
            directive(&t, start);
        }
    }
    failed += tree_end(&t);
    fclose(file);
    return failed;
}

/* ---- one that a test lays out ---- */

void scratch_tree_open(scratch_tree *out)
{
    tree *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->file = "scratch";
    tree_begin(t, "scratch");
    t->has_why = true;
    t->looks = 1; /* it need not look */
    out->self = t;
    snprintf(out->root, sizeof out->root, "%s", t->root);
}

void scratch_tree_put(scratch_tree *out, const char *line)
{
    char copy[LINE_BYTES_MAX];
    tree *t = out->self;
    snprintf(copy, sizeof copy, "%s", line);
    directive(t, copy);
    assert_false(t->has_failed);
}

amphi_device_facts scratch_tree_look(scratch_tree *out)
{
    return look(out->self);
}

void scratch_tree_close(scratch_tree *out)
{
    tree *t = out->self;
    assert_false(tree_end(t));
    free(t);
}
