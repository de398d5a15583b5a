/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's describe and identify, called on a zeroed struct that states its size.
 */
#include "sdk/client/route.h"

static void init(amphi_engine_info *info)
{
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
}

void amphi__route_describe(const amphi_route *route, amphi_engine_info *out)
{
    init(out);
    route->engine.ops->describe(route->engine.self, out);
}

bool amphi__route_identify(const amphi_route *route, amphi_engine_info *out)
{
    init(out);
    if (route->engine.ops->identify == NULL)
        return false;
    route->engine.ops->identify(route->engine.self, out);
    return true;
}
