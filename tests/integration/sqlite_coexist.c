/* SPDX-License-Identifier: Apache-2.0
 *
 * An app that links its own libsqlite3 and uses our store in the same process, in either order
 * (argv[1]: "app-first" or "store-first"; argv[2]: an empty folder). Built without sanitizers by
 * test_storage_sqlite_coexist.sh, because ASan refuses the scope that keeps the two apart.
 */
#include "storage/storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Declared here, so that libsqlite3's headers need not be there. */
typedef struct sqlite3 sqlite3;
extern const char *sqlite3_libversion(void);
extern int sqlite3_open(const char *path, sqlite3 **out);
extern int sqlite3_exec(
    sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *, char **);
extern int sqlite3_close(sqlite3 *db);

static void need(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

static int take(void *user, int columns, char **values, char **names)
{
    (void)columns;
    (void)names;
    snprintf(user, 64, "%s", values[0]);
    return 0;
}

/* Things that SQLite 3.15 can't do, in the app's own database. */
static void use_app(const char *dir, char version[64])
{
    char path[512], value[64] = "";
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/app.db", dir);
    need(sqlite3_open(path, &db) == 0, "the app opens its database");
    need(sqlite3_exec(db, "SELECT sqlite_version()", take, version, NULL) == 0, "version");
    need(strcmp(version, sqlite3_libversion()) == 0, "one version for the app");
    need(sqlite3_exec(db,
             "CREATE TABLE IF NOT EXISTS t (k PRIMARY KEY, n);"
             "INSERT INTO t VALUES ('a', 1) ON CONFLICT (k) DO UPDATE SET n = n + 1;"
             "SELECT max(n) OVER () FROM t",
             take, value, NULL) == 0,
        "the app's SQLite is its own, newer one");
    need(atoi(value) > 0, "the app's row");
    sqlite3_close(db);
}

static void use_store(const char *dir)
{
    amphi_error error = {0};
    amphi_keys keys;
    amphi_store store;
    need(amphi__keys_file_new(&keys, amphi_str_from(dir), &error) == AMPHI_OK, error.message);
    amphi_storage_options options = {.data_dir = amphi_str_from(dir), .keys = keys};
    need(amphi__store_new(&store, &options, &error) == AMPHI_OK, error.message);
    need(
        store.ops->setting_put(store.self, AMPHI_STR("a"), AMPHI_STR("secret"), &error) == AMPHI_OK,
        error.message);
    store.ops->free(store.self);
    keys.ops->free(keys.self);
}

int main(int argc, char **argv)
{
    char before[64] = "", after[64] = "", ours[64] = "";
    need(argc == 3, "two arguments");
    if (strcmp(argv[1], "app-first") == 0)
        use_app(argv[2], before);
    use_store(argv[2]);
    use_app(argv[2], before);
    use_store(argv[2]);
    use_app(argv[2], after);
    need(strcmp(before, after) == 0, "the app's version stays");
    need(amphi__storage_version(ours, sizeof ours, NULL) == AMPHI_OK, "our version");
    printf("app: SQLite %s, store: %s\n", after, ours);
    return 0;
}
