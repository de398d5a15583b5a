/* SPDX-License-Identifier: Apache-2.0
 *
 * What a payload's conditions may ask of this install. Nothing of it is ever sent: the choice is
 * made here.
 */
#include "policy/rollout_state.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <amphi/version.h>

#include <sys/utsname.h>
#include <unistd.h>

#if defined(__ANDROID__)
#define PLATFORM "android"
#elif defined(__linux__)
#define PLATFORM "linux"
#elif defined(__APPLE__)
#define PLATFORM "apple"
#elif defined(_WIN32)
#define PLATFORM "windows"
#else
#define PLATFORM "other"
#endif

#define ATTRIBUTES_MAX (64u << 10)
#define MIB            (1024u * 1024u)

/* "low" below 3 GiB of memory, "mid" below 6, "high" from there on: what a phone is sold with. */
static const char *device_class(uint64_t ram_mib)
{
    return ram_mib == 0 ? "unknown" : ram_mib < 3072 ? "low" : ram_mib < 6144 ? "mid" : "high";
}

static uint64_t ram_mib(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / MIB : 0;
}

static void put_own(amphi_json_writer *writer)
{
    struct utsname system;
    bool is_named = uname(&system) == 0;
    uint64_t ram = ram_mib();
    amphi__json_put_str(writer, "sdkVersion", AMPHI_STR(AMPHI_VERSION));
    amphi__json_put_str(writer, "platform", AMPHI_STR(PLATFORM));
    amphi__json_put_str(writer, "os", amphi_str_from(is_named ? system.sysname : PLATFORM));
    amphi__json_put_str(writer, "osVersion", amphi_str_from(is_named ? system.release : ""));
    amphi__json_put_str(writer, "arch", amphi_str_from(is_named ? system.machine : ""));
    if (ram > 0)
        amphi__json_put_int(writer, "ramMb", (int64_t)ram);
    amphi__json_put_str(writer, "deviceClass", amphi_str_from(device_class(ram)));
}

amphi_status amphi__rollout_make_attributes(
    const amphi_rollout *rollout, amphi_str own, amphi_json **out, amphi_error *error)
{
    amphi_json *given = NULL;
    amphi_buf text;
    amphi_json_writer writer;
    amphi_status status = AMPHI_OK;
    if (own.size > ATTRIBUTES_MAX)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "rollout attributes: longer than 64 KiB");
    if (own.size > 0)
        status = amphi__json_parse(&given, own, "rollout attributes", error);
    if (status == AMPHI_OK && given != NULL && amphi__json_kind(given) != AMPHI_JSON_OBJECT)
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "rollout attributes: not a JSON object");
    if (status != AMPHI_OK) {
        amphi__json_free(given);
        return status == AMPHI_E_FORMAT ? AMPHI_E_ARGUMENT : status;
    }
    amphi__buf_init(&text, 0);
    amphi__json_writer_init(&writer, &text);
    amphi__json_open(&writer, NULL, '{');
    put_own(&writer);
    /* Of duplicate keys the last one counts: the app knows its device better than we do. */
    for (const amphi_json *m = amphi__json_first(given); m != NULL; m = amphi__json_next(m)) {
        amphi__json_put_key(&writer, amphi__json_key(m));
        amphi__json_put_value(&writer, NULL, m);
    }
    amphi__json_put_str(&writer, "id", amphi_str_from(rollout->install_id));
    amphi__json_close(&writer, '}');
    status = text.status != AMPHI_OK
                 ? amphi__fail_no_memory(error)
                 : amphi__json_parse(out, amphi__buf_str(&text), "attributes", error);
    amphi__json_free(given);
    amphi__buf_clear(&text);
    return status;
}
