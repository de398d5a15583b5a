/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts about the device. Amphi probes what it can; a host app with better sources (Android's
 * BatteryManager, iOS's ProcessInfo.thermalState) pushes facts, and a pushed fact wins over a
 * probed one until it is cleared. Whether the app is in the foreground only the app knows.
 */
#ifndef AMPHI_DEVICE_H
#define AMPHI_DEVICE_H

#include <amphi/error.h>

AMPHI_BEGIN_DECLS

typedef struct amphi_client amphi_client;

typedef enum amphi_thermal {
    AMPHI_THERMAL_UNKNOWN = 0,
    AMPHI_THERMAL_NOMINAL = 1,
    AMPHI_THERMAL_FAIR = 2,
    AMPHI_THERMAL_SERIOUS = 3,
    AMPHI_THERMAL_CRITICAL = 4
} amphi_thermal;

typedef enum amphi_network {
    AMPHI_NETWORK_UNKNOWN = 0,
    AMPHI_NETWORK_NONE = 1,    /* nothing can be reached */
    AMPHI_NETWORK_METERED = 2, /* reachable, and bytes cost money */
    AMPHI_NETWORK_FREE = 3     /* reachable, and bytes cost nothing */
} amphi_network;

typedef enum amphi_tristate { AMPHI_UNKNOWN = 0, AMPHI_NO = 1, AMPHI_YES = 2 } amphi_tristate;

/* Which fields of amphi_device_facts are known; OR them together in `known`. */
enum {
    AMPHI_FACT_MEMORY = 1 << 0,       /* memory_total_bytes and memory_available_bytes */
    AMPHI_FACT_BATTERY = 1 << 1,      /* battery_percent and charging */
    AMPHI_FACT_THERMAL = 1 << 2,      /* thermal */
    AMPHI_FACT_NETWORK = 1 << 3,      /* network */
    AMPHI_FACT_LATENCY = 1 << 4,      /* rtt_ms and throughput_kbps */
    AMPHI_FACT_PRESSURE = 1 << 5,     /* memory_pressure */
    AMPHI_FACT_FOREGROUND = 1 << 6,   /* in_foreground */
    AMPHI_FACT_CORES = 1 << 7,        /* cores and cores_big */
    AMPHI_FACT_CPU_STALL = 1 << 8,    /* cpu_stall_percent */
    AMPHI_FACT_MEMORY_STALL = 1 << 9, /* memory_stall_percent */
    AMPHI_FACT_IO_STALL = 1 << 10,    /* io_stall_percent */
    AMPHI_FACT_DRAW = 1 << 11,        /* draw_mw */
    AMPHI_FACT_ENERGY = 1 << 12,      /* energy_uj */
    AMPHI_FACT_FORECAST = 1 << 13,    /* heat_forecast_percent */
    AMPHI_FACT_POWER_SAVE = 1 << 14,  /* power_save */
    AMPHI_FACT_BACKGROUND = 1 << 15,  /* background_left_ms */
    AMPHI_FACT_ALL = (1 << 16) - 1
};

/* How many facts there may be: the bits of `known`. */
#define AMPHI_FACT_MAX 32

/* SIZED, read by a push, filled in by a snapshot. */
typedef struct amphi_device_facts {
    size_t struct_size;              /* in bytes; see amphi/types.h */
    uint32_t known;                  /* AMPHI_FACT_… bits; a field without its bit is ignored */
    uint64_t memory_total_bytes;     /* of the device, or of its cgroup when that is smaller */
    uint64_t memory_available_bytes; /* what a new process could take without swapping */
    uint8_t battery_percent;         /* 0..100 */
    bool charging;                   /* true as well on a machine without a battery */
    amphi_thermal thermal;           /* of the device */
    amphi_network network;           /* none, metered or free */
    uint32_t rtt_ms;                 /* moving average; 0: unknown, a push leaves it as it was */
    uint32_t throughput_kbps;        /* likewise */
    uint8_t memory_pressure;         /* 0 none, 1 moderate, 2 critical (onTrimMemory, PSI) */
    amphi_tristate in_foreground;    /* the app is what the user looks at; unknown counts as yes */
    uint64_t energy_uj;              /* microjoules that the processor has used, counted from some
                                        moment on: only differences mean anything */
    uint32_t draw_mw;                /* what the batteries give, while they discharge */
    uint16_t cores;                  /* processors that this process may use at the same time */
    uint16_t cores_big;              /* how many of these are fast; all when nothing tells them
                                        apart */
    uint16_t heat_forecast_percent;  /* in ten seconds: 100 is serious, 0 is 30 degrees below it
                                        (100 times Android's getThermalHeadroom(10)) */
    uint8_t cpu_stall_percent;       /* of the last ten seconds, in which some task of our */
    uint8_t memory_stall_percent;    /* control group (or of the machine) waited for it; */
    uint8_t io_stall_percent;        /* avg10 of "some" in the kernel's pressure stall files */
    uint32_t age_ms[AMPHI_FACT_MAX]; /* how old the fact with the bit 1 << i is; pushed: how old
                                        it was already */
    amphi_tristate power_save;       /* the system's battery saver (low power mode) is on */
    uint32_t background_left_ms;     /* with in_foreground no: so much longer the system lets the
                                        app run (a quota, beginBackgroundTask); a snapshot has
                                        what is left of it */
} amphi_device_facts;

static inline void amphi_device_facts_init(amphi_device_facts *facts)
{
    memset(facts, 0, sizeof *facts);
    facts->struct_size = sizeof *facts;
}

/* Any thread. The facts whose bits are set in `known` replace what was probed, from the next
 * decision on; running local answers are re-examined at once. A value that says "unknown" takes
 * that fact's push back, known = 0 every push. AMPHI_E_ARGUMENT names a fact that can't be: a
 * total of 0 bytes, more available than there is, 101 %, a bit that this version does not know. */
AMPHI_API amphi_status amphi_device_push(
    amphi_client *client, const amphi_device_facts *facts, amphi_error *error);

/* The same from JSON: {"memory_total_bytes":N,"memory_available_bytes":N,"battery_percent":8,
 * "charging":false,"thermal":"serious","network":"none|metered|free","rtt_ms":N,
 * "throughput_kbps":N,"memory_pressure":0,"in_foreground":false,"cores":8,"cores_big":4,
 * "cpu_stall_percent":N,"memory_stall_percent":N,"io_stall_percent":N,"draw_mw":N,"energy_uj":N,
 * "heat_forecast_percent":N,"power_save":true,"background_left_ms":N}; every key optional, but
 * the two of memory go together, charging with battery_percent (without it: not charging), and
 * background_left_ms with in_foreground. An unknown key, or one that stands there twice,
 * is an error. {} takes every push back. */
AMPHI_API amphi_status amphi_device_push_json(
    amphi_client *client, amphi_str json, amphi_error *error);

/* What onTrimMemory, didReceiveMemoryWarning and the like report: 0 none, 1 moderate, 2 critical.
 * Moderate: idle local engines give their memory back. Critical: running ones as well, at once;
 * their answers go on elsewhere. It stays pushed until the next call: push 0 when it is over.
 * Any thread; does not wait. */
AMPHI_API amphi_status amphi_device_push_memory_pressure(
    amphi_client *client, unsigned level, amphi_error *error);

/* What a decision made now would see: probed facts with the pushed ones on top. *out after
 * amphi_device_facts_init. */
AMPHI_API amphi_status amphi_device_snapshot(
    amphi_client *client, amphi_device_facts *out, amphi_error *error);

AMPHI_END_DECLS

#endif
