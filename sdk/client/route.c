/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's describe and identify, called on a zeroed struct that states its size.
 */
#include "sdk/client/route.h"

#include "sdk/core/model_list.h"
#include "sdk/core/str.h"

/* Whatever the engine wrote: the size is ours, and every string has an end. */
static void settle(amphi_engine_info *info)
{
    info->struct_size = sizeof *info;
    info->name[sizeof info->name - 1] = '\0';
    info->model[sizeof info->model - 1] = '\0';
    info->why[sizeof info->why - 1] = '\0';
    info->fingerprint[sizeof info->fingerprint - 1] = '\0';
    info->build[sizeof info->build - 1] = '\0';
    info->kernels[sizeof info->kernels - 1] = '\0';
}

void amphi__route_describe(const amphi_route *route, amphi_engine_info *out)
{
    amphi_engine_info_init(out);
    route->engine.ops->describe(route->engine.self, out);
    settle(out);
}

void amphi__route_describe_for(const amphi_route *route, amphi_str asked, amphi_engine_info *out)
{
    amphi__route_describe(route, out);
    amphi_str models = amphi_str_from(route->model);
    if (memchr(models.data, '|', models.size) != NULL)
        amphi__str_copy_to(out->model, sizeof out->model, amphi__model_list_choose(models, asked));
    else if (out->model[0] == '\0')
        amphi__str_copy_to(out->model, sizeof out->model, asked);
}

bool amphi__route_identify(const amphi_route *route, amphi_engine_info *out)
{
    amphi_engine_info_init(out);
    if (route->engine.ops->identify == NULL)
        return false;
    route->engine.ops->identify(route->engine.self, out);
    settle(out);
    return true;
}

void amphi__route_model_identity(const amphi_route *route, amphi_model_identity *out)
{
    amphi_engine_info info;
    const char *model = route->model;
    if (amphi__route_identify(route, &info)) {
        model = info.fingerprint;
    } else if (route->name[0] == '\0') {
        amphi__route_describe(route, &info);
        model = info.model;
    }
    amphi__str_copy_to(out->text, sizeof out->text, amphi_str_from(model));
}

amphi_price amphi__route_price(
    const amphi_route *route, const amphi_engine_info *info, amphi_str asked)
{
    amphi_str models = amphi_str_from(route->model);
    amphi_str model = models.size > 0 ? amphi__model_list_choose(models, asked) : asked;
    if (info->kind != AMPHI_ENGINE_CLOUD)
        return (amphi_price){.is_known = true};
    if (route->prices[0] != '\0')
        return amphi__price_list_find(amphi_str_from(route->prices), model);
    return (amphi_price){.is_known = info->price_prompt > 0 || info->price_completion > 0,
        .prompt = info->price_prompt,
        .cached = info->price_prompt,
        .completion = info->price_completion};
}
