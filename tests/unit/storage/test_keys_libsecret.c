/* SPDX-License-Identifier: Apache-2.0
 *
 * Without the library, without a service, and with a real one (gnome-keyring on a bus of its own),
 * in which this program calls itself.
 */
#include "storage/keys_place.h"
#include "storage/storage.h"
#include "tests/support/scratch_dir.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static amphi_status get_key(const char *path, uint8_t out[32], bool *created, amphi_error *error)
{
    amphi_keys keys = {NULL, NULL};
    amphi_status status =
        amphi__keys_new(&keys, AMPHI_STR("libsecret"), amphi_str_from(path), error);
    if (status == AMPHI_OK) {
        status = keys.ops->store_key(keys.self, out, created, error);
        keys.ops->free(keys.self);
    }
    return status;
}

/* The first test: a library that was loaded once is found again. Without a descriptor to open its
 * file with, it is as if there were none. */
static void keys__without_the_library_the_error_says_what_to_install(void **state)
{
    scratch_dir *dir = *state;
    struct rlimit old, none;
    uint8_t key[32];
    amphi_error error = {0};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    amphi_status status = get_key(dir->path, key, NULL, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(status, AMPHI_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "libsecret-1-0"));
    assert_null(strchr(error.message, '\n'));
}

static bool has_library(void)
{
    return dlopen("libsecret-1.so.0", RTLD_NOW | RTLD_LOCAL) != NULL;
}

static void keys__without_a_service_the_error_says_so_in_one_line(void **state)
{
    scratch_dir *dir = *state;
    uint8_t key[32];
    amphi_error error = {0};
    if (!has_library()) {
        printf("skipped: libsecret-1.so.0 is not on this machine\n");
        skip();
    }
    setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
    assert_int_equal(get_key(dir->path, key, NULL, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "secret service"));
    assert_null(strchr(error.message, '\n'));
    assert_false(scratch_exists(scratch_dir_file(dir, AMPHI_PLACE_FILE)));
    assert_int_equal(amphi__libsecret_place.remove(dir->path, NULL), AMPHI_E_KEY);
    assert_int_equal(get_key("/tmp/\xff", key, NULL, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "UTF-8"));
}

static void keys__a_real_service_is_used(void **state)
{
    scratch_dir *dir = *state;
    char self[512] = "";
    char command[2400];
    if (!has_library() || system("command -v dbus-run-session >/dev/null && "
                                 "command -v gnome-keyring-daemon >/dev/null") != 0) {
        printf("skipped: no libsecret, dbus-run-session and gnome-keyring-daemon here\n");
        skip();
    }
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    snprintf(command, sizeof command,
        "HOME='%s' XDG_RUNTIME_DIR='%s' XDG_DATA_HOME='%s/data' timeout 100 dbus-run-session -- "
        "sh -c 'printf unlock | gnome-keyring-daemon --unlock --components=secrets >/dev/null; "
        "exec \"$0\" inside' '%s'",
        dir->path, dir->path, dir->path, self);
    int how = system(command);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

/* ---- inside ---- */

static void keys__the_service_keeps_finds_and_destroys_a_key(void **state)
{
    scratch_dir *dir = *state;
    const amphi_key_place *place = &amphi__libsecret_place;
    uint8_t first[32] = {0}, second[32] = {0};
    bool created = false;
    amphi_error error = {0};
    assert_int_equal(place->get(dir->path, first, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(get_key(dir->path, first, &created, NULL), AMPHI_OK);
    assert_true(created);
    assert_int_equal(get_key(dir->path, second, &created, NULL), AMPHI_OK);
    assert_false(created);
    assert_memory_equal(first, second, 32);
    assert_int_equal(place->get("/another", second, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(place->remove(dir->path, NULL), AMPHI_OK);
    assert_int_equal(place->get(dir->path, second, NULL), AMPHI_E_NOT_FOUND);
    assert_int_equal(place->remove(dir->path, NULL), AMPHI_OK); /* none is fine */
    /* With a database there, the lost key is not replaced. */
    scratch_write(scratch_dir_file(dir, AMPHI_STORE_FILE), "data", 4, 0600);
    assert_int_equal(get_key(dir->path, second, NULL, &error), AMPHI_E_KEY);
    assert_non_null(strstr(error.message, "unlock it"));
    assert_int_equal(place->get(dir->path, second, NULL), AMPHI_E_NOT_FOUND);
}

int main(int argc, char **argv)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_dir_set_up, scratch_dir_tear_down)
    const struct CMUnitTest inside[] = {T(keys__the_service_keeps_finds_and_destroys_a_key)};
    const struct CMUnitTest tests[] = {
        T(keys__without_the_library_the_error_says_what_to_install),
        T(keys__without_a_service_the_error_says_so_in_one_line),
        T(keys__a_real_service_is_used),
    };
#ifdef __SANITIZE_THREAD__
    printf("skipped: ThreadSanitizer does not know GLib's locks\n");
    return 77;
#endif
    if (argc > 1 && strcmp(argv[1], "inside") == 0)
        return cmocka_run_group_tests_name("unit.storage.keys_libsecret", inside, NULL, NULL);
    return cmocka_run_group_tests_name("unit.storage.keys_libsecret", tests, NULL, NULL);
}
