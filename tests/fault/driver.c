/* SPDX-License-Identifier: Apache-2.0
 *
 * `./dev test --fault`: the matrix of deaths (how x when x what the cloud is like), at least 2,000
 * runs, in apps that are processes of their own, so that the death of an app is counted and not
 * suffered. Prints the counts and the bound that they allow: nothing seen in n runs means, at 95 %
 * confidence, a rate below 3/n (Hanley and Lippman-Hand, 1983).
 *
 * usage: fault_driver [ROUNDS_INSIDE ROUNDS_OUTSIDE]   (repetitions of each cell; 8 and 8)
 */
#include "tests/fault/fault.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { APPS = 4, RUNS_MAX = 100000 };

static fault_run runs[RUNS_MAX];
static uint32_t runs_count;

typedef struct count {
    uint32_t runs, kept, whole, took_over, in_phase, missed;
} count;

static count by_cell[2][FAULT_KINDS][FAULT_PHASES];
static count by_cloud[FAULT_CLOUDS];
static uint32_t host_deaths, leftovers, broken_shown;

static void add_cells(bool real, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++) {
        for (int kind = 0; kind < (real ? FAULT_OUTSIDE_KINDS : FAULT_KINDS); kind++) {
            for (int phase = 0; phase < FAULT_PHASES; phase++) {
                for (int cloud = 0; cloud < FAULT_CLOUDS && runs_count < RUNS_MAX; cloud++) {
                    runs[runs_count++] =
                        (fault_run){(uint8_t)kind, (uint8_t)phase, (uint8_t)cloud, real};
                }
            }
        }
    }
}

static void note(const fault_result *result)
{
    const fault_run *run = &runs[result->run];
    count *places[] = {&by_cell[run->real][run->kind][run->phase], &by_cloud[run->cloud]};

    for (int i = 0; i < 2; i++) {
        places[i]->runs++;
        places[i]->kept += result->kept;
        places[i]->whole += result->whole;
        places[i]->took_over += result->took_over;
        places[i]->in_phase += result->seen == fault_seen_of((fault_phase)run->phase);
        places[i]->missed += run->real && !result->struck;
    }
    if (!result->kept && broken_shown++ < 20) {
        fprintf(stderr, "fault: %s worker, %s at %s, cloud %s: %s\n",
            run->real ? "real" : "scripted", fault_kind_names[run->kind],
            fault_phase_names[run->phase], fault_cloud_names[run->cloud], result->broken);
    }
}

typedef struct app_process {
    pid_t pid;
    int from_fd;
    uint32_t next; /* the run that it is at, or behind */
    bool real;
} app_process;

static bool start(app_process *app, uint32_t from, bool real)
{
    int ends[2];

    if (pipe(ends) != 0)
        return false;
    fflush(NULL);
    app->pid = fork();
    if (app->pid == 0) {
        close(ends[0]);
        _exit(fault_app(runs, from, APPS / 2, runs_count, real, ends[1]));
    }
    close(ends[1]);
    app->from_fd = ends[0];
    app->next = from;
    app->real = real;
    return app->pid > 0;
}

/* The app is gone. true: it goes on with another one behind the run that killed it. */
static bool bury(app_process *app)
{
    int status = 0;

    close(app->from_fd);
    waitpid(app->pid, &status, 0);
    app->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3) {
        leftovers++;
        return false;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 4) {
        leftovers++; /* it could not even begin: no reason to try again */
        return false;
    }
    host_deaths++;
    fprintf(stderr, "fault: an app died (status %d) at run %u\n", status, app->next);
    return start(app, app->next + APPS / 2, app->real);
}

static bool run_all(void)
{
    app_process apps[APPS];
    int alive = APPS;

    for (int i = 0; i < APPS; i++)
        if (!start(&apps[i], (uint32_t)i / 2, i % 2 != 0))
            return false;
    while (alive > 0) {
        struct pollfd fds[APPS];

        for (int i = 0; i < APPS; i++) {
            fds[i] =
                (struct pollfd){.fd = apps[i].pid > 0 ? apps[i].from_fd : -1, .events = POLLIN};
        }
        poll(fds, APPS, -1);
        for (int i = 0; i < APPS; i++) {
            fault_result result;

            if (fds[i].revents == 0)
                continue;
            if (read(apps[i].from_fd, &result, sizeof result) == (ssize_t)sizeof result) {
                apps[i].next = result.run;
                note(&result);
            } else if (!bury(&apps[i])) {
                alive--;
            }
        }
    }
    return true;
}

/* From outside a signal may come a moment too late for its phase. How many came in time? A cell
 * that none did is not what it says. */
static uint32_t print_phases(void)
{
    uint32_t empty = 0;

    for (int real = 0; real < 2; real++) {
        printf("\n%s: runs whose death was reported in that phase (after: that were whole)\n%-9s",
            real ? "real worker, from outside" : "scripted worker, from inside", "");
        for (int phase = 0; phase < FAULT_PHASES; phase++)
            printf("%10s", fault_phase_names[phase]);
        for (int kind = 0; kind < (real ? FAULT_OUTSIDE_KINDS : FAULT_KINDS); kind++) {
            printf("\n%-9s", fault_kind_names[kind]);
            for (int phase = 0; phase < FAULT_PHASES; phase++) {
                const count *cell = &by_cell[real][kind][phase];

                printf("   %3u/%-3u", cell->in_phase, cell->runs);
                empty += cell->in_phase == 0 && cell->runs > 0;
            }
        }
        printf("\n");
    }
    printf("%u cells without a death in their phase\n", empty);
    return empty;
}

static void print_counts(double took_s, uint32_t empty)
{
    uint32_t total = 0;
    uint32_t kept = 0;
    uint32_t missed = 0;
    struct rusage used;

    for (int real = 0; real < 2; real++) {
        printf("\n%s: runs that kept every promise / runs, by death and phase\n%-9s",
            real ? "real worker, from outside" : "scripted worker, from inside", "");
        for (int phase = 0; phase < FAULT_PHASES; phase++)
            printf("%10s", fault_phase_names[phase]);
        for (int kind = 0; kind < (real ? FAULT_OUTSIDE_KINDS : FAULT_KINDS); kind++) {
            printf("\n%-9s", fault_kind_names[kind]);
            for (int phase = 0; phase < FAULT_PHASES; phase++) {
                const count *cell = &by_cell[real][kind][phase];

                printf("   %3u/%-3u", cell->kept, cell->runs);
                total += cell->runs;
                kept += cell->kept;
            }
        }
        printf("\n");
    }
    printf("\nby cloud: kept, whole answers, taken over / runs\n");
    for (int cloud = 0; cloud < FAULT_CLOUDS; cloud++) {
        missed += by_cloud[cloud].missed;
        printf("%-9s%u, %u, %u / %u\n", fault_cloud_names[cloud], by_cloud[cloud].kept,
            by_cloud[cloud].whole, by_cloud[cloud].took_over, by_cloud[cloud].runs);
    }
    getrusage(RUSAGE_CHILDREN, &used);
    printf("\n%u runs in %.0f s (%.0f s of processor time): %u apps died, %u apps left something "
           "behind (processes, descriptors, memory); %u signals came too late for any process\n",
        total, took_s,
        (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
            (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6,
        host_deaths, leftovers, missed);
    if (kept == total && total > 0 && host_deaths == 0 && leftovers == 0) {
        printf("no promise was broken: the failure rate is below 3/%u = %.2f %% (95 %% "
               "confidence)\n",
            total, 300.0 / total);
    }
    printf("%u passed, %u failed\n", kept, total - kept + host_deaths + leftovers + empty);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    double from_s = now_s();
    uint32_t bad = 0;
    uint32_t done = 0;

    fault_worker_main(argc, argv);
    add_cells(false, argc > 1 ? (unsigned)atoi(argv[1]) : 8);
    add_cells(true, argc > 2 ? (unsigned)atoi(argv[2]) : 8);
    if (!run_all()) {
        fprintf(stderr, "fault: no process can be started\n");
        return 1;
    }
    bad = print_phases();
    print_counts(now_s() - from_s, bad);
    for (int cloud = 0; cloud < FAULT_CLOUDS; cloud++) {
        bad += by_cloud[cloud].runs - by_cloud[cloud].kept;
        done += by_cloud[cloud].runs;
    }
    return bad + host_deaths + leftovers == 0 && done == runs_count ? 0 : 1;
}
