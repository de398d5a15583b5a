/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulated phone: a model that computes makes it warm and empties its battery; otherwise it
 * cools towards its surroundings. What is read is brought up to date first.
 */
#include "tests/simulate/world.h"

#define TOTAL_BYTES          (8ull << 30)
#define COOLING_S            150.0 /* time constant */
#define HEATING_PER_S        0.25  /* degrees, of one running answer */
#define IDLE_PER_S           (1.0 / 240)
#define COMPUTING_PER_S      (1.0 / 25)
#define CHARGING_PER_S       (1.0 / 60)
#define TEMPERATURE_FAIR     40.0
#define TEMPERATURE_SERIOUS  44.0
#define TEMPERATURE_CRITICAL 48.0

void sim_device_update(sim_world *w)
{
    uint64_t now_us = sim_time_peek_us();
    double s = (double)(now_us - w->device_us) / 1e6;
    double share = s < COOLING_S ? s / COOLING_S : 1;
    w->device_us = now_us;
    w->counts.computing_ms += w->model.running > 0 ? (uint64_t)(s * 1000) : 0;
    w->temperature += (w->ambient - w->temperature) * share;
    w->temperature += HEATING_PER_S * s * w->model.running;
    w->battery -= (IDLE_PER_S + COMPUTING_PER_S * w->model.running) * s;
    w->battery += w->is_charging ? CHARGING_PER_S * s : 0;
    w->battery = w->battery < 1 ? 1 : w->battery > 100 ? 100 : w->battery;
}

static amphi_thermal thermal(const sim_world *w)
{
    return w->temperature >= TEMPERATURE_CRITICAL  ? AMPHI_THERMAL_CRITICAL
           : w->temperature >= TEMPERATURE_SERIOUS ? AMPHI_THERMAL_SERIOUS
           : w->temperature >= TEMPERATURE_FAIR    ? AMPHI_THERMAL_FAIR
                                                   : AMPHI_THERMAL_NOMINAL;
}

static void snapshot(void *self, amphi_device_facts *out)
{
    sim_world *w = self;
    sim_device_update(w);
    out->known = AMPHI_FACT_MEMORY | AMPHI_FACT_BATTERY | AMPHI_FACT_THERMAL | AMPHI_FACT_NETWORK |
                 AMPHI_FACT_PRESSURE;
    out->memory_total_bytes = TOTAL_BYTES;
    out->memory_available_bytes = w->memory_available;
    out->battery_percent = (uint8_t)w->battery;
    out->charging = w->is_charging;
    out->thermal = thermal(w);
    out->network = w->network;
    out->memory_pressure = w->pressure;
}

static const amphi_device_ops ops = {
    .struct_size = sizeof(amphi_device_ops), .name = "simulated", .snapshot = snapshot};

amphi_device sim_device_value(sim_world *w)
{
    return (amphi_device){&ops, w};
}
