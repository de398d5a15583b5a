/* SPDX-License-Identifier: Apache-2.0
 *
 * What one interface is. Whole tables of routes are in trees/network.txt.
 */
#include "policy/probe_linux_link.h"
#include "tests/support/device_tree.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

/* One line of a tree that describes "x", and what it then is. */
static void expect_kind(const char *line, amphi_probe_link_kind kind)
{
    scratch_tree tree;
    scratch_tree_open(&tree);
    scratch_tree_put(&tree, line);
    assert_int_equal(amphi__probe_link_kind(tree.root, "x"), kind);
    scratch_tree_close(&tree);
}

static void link__state_comes_first(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool is_dead;
    } table[] = {{"link x operstate=up", false}, {"link x operstate=unknown", false},
        {"link x operstate=down", true}, {"link x operstate=dormant", true},
        {"link x operstate=lowerlayerdown", true}, {"link x operstate=notpresent", true},
        {"link x operstate=testing", true}, {"link x operstate=!", false},
        {"folder /sys/class/net", false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        expect_kind(
            table[i].line, table[i].is_dead ? AMPHI_PROBE_LINK_DEAD : AMPHI_PROBE_LINK_FREE);
    expect_kind("link x operstate=down uevent=DEVTYPE=wwan", AMPHI_PROBE_LINK_DEAD);
}

static void link__kinds(void **state)
{
    (void)state;
    expect_kind("link x type=1", AMPHI_PROBE_LINK_FREE);
    expect_kind("link x type=1 uevent=DEVTYPE=wwan", AMPHI_PROBE_LINK_METERED);
    expect_kind("link x type=1 uevent=\"A=1;DEVTYPE=wwan;B=2\"", AMPHI_PROBE_LINK_METERED);
    expect_kind("link x type=1 uevent=XDEVTYPE=wwan", AMPHI_PROBE_LINK_FREE);
    expect_kind("link x type=1 uevent=DEVTYPE=wwans", AMPHI_PROBE_LINK_FREE);
    expect_kind("link x type=519", AMPHI_PROBE_LINK_METERED);
    expect_kind("link x type=512", AMPHI_PROBE_LINK_PPP);
    expect_kind("link x type=65534", AMPHI_PROBE_LINK_TUNNEL);
    expect_kind("link x type=1 tun_flags=0x1002", AMPHI_PROBE_LINK_TUNNEL);
    static const char *const tunnels[] = {"768", "769", "776", "778", "823"};
    for (size_t i = 0; i < sizeof tunnels / sizeof tunnels[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "link x type=%s", tunnels[i]);
        expect_kind(line, AMPHI_PROBE_LINK_TUNNEL);
    }
    expect_kind("link x type=770", AMPHI_PROBE_LINK_FREE); /* ARPHRD_FRAD */
    expect_kind("link x type=ether", AMPHI_PROBE_LINK_FREE);
}

static void link__names_that_lead_elsewhere_are_none(void **state)
{
    (void)state;
    assert_int_equal(amphi__probe_link_kind("", "lo"), AMPHI_PROBE_LINK_DEAD);
    assert_int_equal(amphi__probe_link_kind("", ".."), AMPHI_PROBE_LINK_DEAD);
    assert_int_equal(amphi__probe_link_kind("", "a/b"), AMPHI_PROBE_LINK_DEAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(link__state_comes_first),
        cmocka_unit_test(link__kinds),
        cmocka_unit_test(link__names_that_lead_elsewhere_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
