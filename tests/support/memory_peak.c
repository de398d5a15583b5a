/* SPDX-License-Identifier: Apache-2.0
 *
 * From /proc (proc(5)): "5" into clear_refs sets the high water mark to what is resident.
 */
#include "tests/support/memory_peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef AMPHI_SANITIZE
/* What is freed stays in AddressSanitizer's quarantine, 256 MiB of it by default: in programs that
 * measure, little. (The runtime calls this by its name.) */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1";
}
#endif

static uint64_t read_status(const char *key)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtoull(line + strlen(key), NULL, 10);
    if (file != NULL)
        fclose(file);
    return (uint64_t)kib * 1024;
}

uint64_t memory_peak_begin(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (file != NULL) {
        fputs("5", file);
        fclose(file);
    }
    return read_status("VmRSS:");
}

uint64_t memory_peak_bytes(void)
{
    return read_status("VmHWM:");
}

uint64_t memory_peak_growth(uint64_t before)
{
    uint64_t peak = memory_peak_bytes();
    return peak > before ? peak - before : 0;
}
