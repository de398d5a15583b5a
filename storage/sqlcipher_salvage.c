/* SPDX-License-Identifier: Apache-2.0
 *
 * The damaged file's own list of tables (sqlite_master) says where each table begins. Where that is
 * lost, and below lost inner pages, a row is given to the one table whose columns it fits. The
 * fresh file gets the schema of the old one's version; the store migrates it when it is opened.
 */
#include "storage/sqlcipher_salvage.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/salvage_table.h"
#include "storage/schema.h"
#include "storage/sqlcipher_db.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#define TABLES_MAX   48
#define TRIGGERS_MAX 48

typedef struct salvage {
    amphi_db_pages *pages;
    amphi_walk walk;
    const amphi_db_key *key;
    const char *path;
    amphi_db *fresh;
    amphi_history_repair_report *out;
    amphi_salvage_table tables[TABLES_MAX];
    uint32_t roots[TABLES_MAX]; /* 0: lost */
    uint32_t sequences_root;    /* of sqlite_sequence */
    size_t tables_count;
    char *triggers[TRIGGERS_MAX]; /* their SQL */
    size_t triggers_count;
    int64_t matches; /* of the old schema with the fresh one */
    /* The table whose rows come now, and its INSERT for a number of columns. */
    const amphi_salvage_table *table;
    sqlite3_stmt *insert;
    const amphi_salvage_table *insert_table;
    size_t insert_count;
    int native_code;
} salvage;

/* ---- The schema's rows ---- */

/* Type, name, table, root page, SQL. */
static bool is_schema_row(const amphi_row *row)
{
    static const char *const types[] = {"table", "index", "trigger", "view"};
    if (row->count != 5 || row->values[3].type != AMPHI_VALUE_INT)
        return false;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (amphi__str_equal_c(row->values[0].bytes, types[i]))
            return true;
    return false;
}

/* Calls `visit` with each row of the schema, from its tree or, where nothing is left of that, from
 * whichever page has one. */
static amphi_status each_schema_row(
    salvage *s, amphi_row_fn *visit, bool by_tree, amphi_error *error)
{
    amphi_walk walk;
    amphi_status status = amphi__walk_init(&walk, s->pages, error);
    if (status == AMPHI_OK && by_tree)
        status = amphi__walk_table(&walk, 1, visit, s, error);
    uint32_t count = by_tree ? 0 : amphi__db_pages_count(s->pages);
    for (uint32_t number = 1; number <= count && status == AMPHI_OK; number++)
        status = amphi__walk_orphan(&walk, number, visit, s, error);
    amphi__walk_clear(&walk);
    return status;
}

static bool note_root(void *user, const amphi_row *row)
{
    salvage *s = user;
    if (!is_schema_row(row) || !amphi__str_equal_c(row->values[0].bytes, "table"))
        return true;
    for (size_t i = 0; i < s->tables_count; i++)
        if (amphi__str_equal_c(row->values[1].bytes, s->tables[i].name) && s->roots[i] == 0)
            s->roots[i] = (uint32_t)row->values[3].integer;
    if (amphi__str_equal_c(row->values[1].bytes, "sqlite_sequence"))
        s->sequences_root = (uint32_t)row->values[3].integer;
    return true;
}

static bool count_match(void *user, const amphi_row *row)
{
    salvage *s = user;
    amphi_query q;
    if (!is_schema_row(row) || row->values[4].type != AMPHI_VALUE_TEXT)
        return true;
    amphi__query_begin(&q, s->fresh, "SELECT count(*) FROM sqlite_master WHERE sql = ?1");
    amphi__query_bind_str(&q, 1, row->values[4].bytes);
    if (amphi__query_row(&q))
        s->matches += amphi__query_int(&q, 0);
    if (amphi__query_end(&q, NULL) != AMPHI_OK)
        s->native_code = q.native_code;
    return s->native_code == SQLITE_OK;
}

/* ---- The fresh file ---- */

static void remove_fresh(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char name[4200];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static amphi_status open_fresh(salvage *s, int64_t version, amphi_error *error)
{
    amphi__db_close(s->fresh);
    s->fresh = NULL;
    remove_fresh(s->path);
    amphi_status status = amphi__db_open(&s->fresh, s->path, s->key, error);
    return status == AMPHI_OK ? amphi__schema_migrate_to(s->fresh, version, error) : status;
}

/* From the header; 0: it is lost. */
static int64_t version_in_header(salvage *s)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    int64_t version = 0;
    if (amphi__db_pages_read(s->pages, 1, page) == AMPHI_PAGE_GOOD)
        version = (int64_t)page[60] << 24 | page[61] << 16 | page[62] << 8 | page[63];
    amphi__wipe(page, sizeof page);
    return version;
}

/* The version whose schema has most in common with what is left of the old one. */
static amphi_status guess_version(salvage *s, int64_t *version, amphi_error *error)
{
    int64_t most = 0;
    amphi_status status = AMPHI_OK;
    *version = amphi__schema_version();
    for (int64_t tried = 1; tried <= amphi__schema_version() && status == AMPHI_OK; tried++) {
        status = open_fresh(s, tried, error);
        s->matches = 0;
        if (status == AMPHI_OK)
            status = each_schema_row(s, count_match, false, error);
        if (status == AMPHI_OK)
            status = amphi__db_fail(s->fresh, error, s->native_code);
        if (s->matches >= most && s->matches > 0) {
            most = s->matches;
            *version = tried;
        }
    }
    return status;
}

static amphi_status make_fresh(salvage *s, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    int64_t version = version_in_header(s);
    if (version > amphi__schema_version())
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, (int32_t)version,
            "store: written by a newer Amphi (schema %d): repair it with that one", (int)version);
    if (version <= 0)
        status = guess_version(s, &version, error);
    return status == AMPHI_OK ? open_fresh(s, version, error) : status;
}

static char *copy_of(amphi_str text)
{
    char *copy = amphi__alloc(text.size + 1);
    if (copy != NULL)
        amphi__str_copy_to(copy, text.size + 1, text);
    return copy;
}

/* Whether its rows are copied: a virtual table keeps its rows in others. */
static bool is_copied(amphi_str name, amphi_str sql)
{
    return name.size < AMPHI_TABLE_NAME_BYTES && strncasecmp(sql.data, "CREATE TABLE", 12) == 0;
}

/* One row of PRAGMA table_info. */
static int read_column(salvage *s, amphi_salvage_table *table, sqlite3_stmt *columns)
{
    const amphi_sqlite *lib = s->fresh->lib;
    amphi_salvage_column *column = &table->columns[table->count];
    const char *name = lib->column_blob(columns, 1);
    const char *type = lib->column_blob(columns, 2);
    if (name == NULL || type == NULL)
        return SQLITE_NOMEM;
    snprintf(column->name, sizeof column->name, "%s", name);
    column->type = amphi__salvage_type(amphi_str_make(type, (size_t)lib->column_bytes(columns, 2)));
    column->is_never_null = lib->column_int64(columns, 3) != 0;
    column->is_required = column->is_never_null && lib->column_bytes(columns, 4) == 0;
    if (table->has_rowid && lib->column_int64(columns, 5) == 1 && column->type == AMPHI_VALUE_INT)
        table->rowid_column = (int)table->count;
    table->count++;
    return SQLITE_OK;
}

/* Columns of one of the fresh file's tables. */
static amphi_status read_table(
    salvage *s, amphi_salvage_table *table, amphi_str name, amphi_str sql, amphi_error *error)
{
    char pragma[AMPHI_TABLE_NAME_BYTES + 32];
    sqlite3_stmt *columns = NULL;
    const amphi_sqlite *lib = s->fresh->lib;
    *table = (amphi_salvage_table){.rowid_column = -1};
    amphi__str_copy_to(table->name, sizeof table->name, name);
    table->has_rowid = strstr(sql.data, "WITHOUT ROWID") == NULL;
    snprintf(pragma, sizeof pragma, "PRAGMA table_info(\"%s\")", table->name);
    int rc = lib->prepare_v2(s->fresh->handle, pragma, -1, &columns, NULL);
    while (rc == SQLITE_OK && table->count < AMPHI_TABLE_COLUMNS_MAX) {
        rc = lib->step(columns);
        if (rc == SQLITE_ROW)
            rc = read_column(s, table, columns);
    }
    lib->finalize(columns);
    return amphi__db_fail(s->fresh, error, rc);
}

/* The fresh file's tables and triggers. */
static amphi_status read_tables(salvage *s, amphi_error *error)
{
    amphi_query q;
    amphi_status status = AMPHI_OK;
    amphi__query_begin(&q, s->fresh,
        "SELECT type, name, sql || char(0) FROM sqlite_master WHERE type IN ('table', 'trigger') "
        "AND name NOT LIKE 'sqlite_%' ORDER BY rowid");
    while (status == AMPHI_OK && amphi__query_row(&q)) {
        amphi_str name = amphi__query_str(&q, 1);
        amphi_str sql = amphi__query_str(&q, 2);
        if (amphi__str_equal_c(amphi__query_str(&q, 0), "trigger")) {
            if (s->triggers_count < TRIGGERS_MAX)
                s->triggers[s->triggers_count++] = copy_of(sql);
        } else if (s->tables_count < TABLES_MAX && is_copied(name, sql)) {
            status = read_table(s, &s->tables[s->tables_count], name, sql, error);
            s->tables_count++;
        }
    }
    amphi_status ended = amphi__query_end(&q, status == AMPHI_OK ? error : NULL);
    return status == AMPHI_OK ? ended : status;
}

static amphi_status exec_for(
    salvage *s, const char *before, const char *name, const char *after, amphi_error *error)
{
    char sql[AMPHI_TABLE_NAME_BYTES + 64];
    snprintf(sql, sizeof sql, "%s\"%s\"%s", before, name, after);
    return amphi__db_exec(s->fresh, sql, error);
}

/* Until the rows are in. */
static amphi_status drop_triggers(salvage *s, amphi_error *error)
{
    char name[AMPHI_TABLE_NAME_BYTES];
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < s->triggers_count && status == AMPHI_OK; i++) {
        if (s->triggers[i] == NULL)
            return amphi__fail_no_memory(error);
        if (sscanf(s->triggers[i], "CREATE TRIGGER %63s", name) != 1)
            return amphi__fail(error, AMPHI_E_INTERNAL, 0, "store: a trigger without a name");
        status = exec_for(s, "DROP TRIGGER ", name, "", error);
    }
    return status;
}

static amphi_status create_triggers(salvage *s, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < s->triggers_count && status == AMPHI_OK; i++)
        status = amphi__db_exec(s->fresh, s->triggers[i], error);
    return status;
}

/* ---- Rows ---- */

static int prepare_insert(salvage *s, size_t count)
{
    char sql[AMPHI_TABLE_COLUMNS_MAX * (AMPHI_TABLE_NAME_BYTES + 8) + 128];
    if (s->insert != NULL && s->insert_table == s->table && s->insert_count == count)
        return SQLITE_OK;
    s->fresh->lib->finalize(s->insert);
    s->insert = NULL;
    int at = snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO \"%s\" (", s->table->name);
    for (size_t i = 0; i < count; i++)
        at += snprintf(sql + at, sizeof sql - (size_t)at, "%s\"%s\"", i > 0 ? "," : "",
            s->table->columns[i].name);
    at += snprintf(sql + at, sizeof sql - (size_t)at, ") VALUES (");
    for (size_t i = 0; i < count; i++)
        at += snprintf(sql + at, sizeof sql - (size_t)at, "%s?%zu", i > 0 ? "," : "", i + 1);
    snprintf(sql + at, sizeof sql - (size_t)at, ")");
    s->insert_table = s->table;
    s->insert_count = count;
    return s->fresh->lib->prepare_v2(s->fresh->handle, sql, -1, &s->insert, NULL);
}

static int bind_value(salvage *s, int index, const amphi_row_value *value)
{
    const amphi_sqlite *lib = s->fresh->lib;
    const char *data = value->bytes.size > 0 ? value->bytes.data : "";
    switch (value->type) {
    case AMPHI_VALUE_INT:
        return lib->bind_int64(s->insert, index, value->integer);
    case AMPHI_VALUE_FLOAT:
        return lib->bind_double(s->insert, index, value->real);
    case AMPHI_VALUE_TEXT:
        return lib->bind_text(s->insert, index, data, (int)value->bytes.size, SQLITE_STATIC);
    case AMPHI_VALUE_BLOB:
        return lib->bind_blob(s->insert, index, data, (int)value->bytes.size, SQLITE_STATIC);
    default:
        return lib->bind_null(s->insert, index);
    }
}

/* False stops the walk, with the reason in native_code. */
static bool insert_row(salvage *s, const amphi_row *row)
{
    const amphi_sqlite *lib = s->fresh->lib;
    s->native_code = prepare_insert(s, row->count);
    for (size_t i = 0; i < row->count && s->native_code == SQLITE_OK; i++)
        s->native_code = (int)i == s->table->rowid_column
                             ? lib->bind_int64(s->insert, (int)i + 1, row->rowid)
                             : bind_value(s, (int)i + 1, &row->values[i]);
    if (s->native_code == SQLITE_OK && lib->step(s->insert) != SQLITE_DONE)
        s->native_code = lib->extended_errcode(s->fresh->handle);
    else if (s->native_code == SQLITE_OK)
        s->out->rows += (uint64_t)lib->changes(s->fresh->handle);
    if (s->insert != NULL) {
        lib->reset(s->insert);
        lib->clear_bindings(s->insert);
    }
    if ((s->native_code & 0xff) == SQLITE_CONSTRAINT) {
        s->out->rows_bad++;
        s->native_code = SQLITE_OK;
    }
    return s->native_code == SQLITE_OK;
}

static bool take_row(void *user, const amphi_row *row)
{
    salvage *s = user;
    if (amphi__salvage_fits(s->table, row))
        return insert_row(s, row);
    s->out->rows_bad++;
    return true;
}

/* A table's name and the largest rowid that it ever had, so that none is given twice. */
static bool is_sequence(const salvage *s, const amphi_row *row)
{
    if (row->count != 2 || row->values[0].type != AMPHI_VALUE_TEXT ||
        row->values[1].type != AMPHI_VALUE_INT)
        return false;
    for (size_t i = 0; i < s->tables_count; i++)
        if (amphi__str_equal_c(row->values[0].bytes, s->tables[i].name))
            return true;
    return false;
}

static bool take_sequence(void *user, const amphi_row *row)
{
    salvage *s = user;
    amphi_query q;
    if (!is_sequence(s, row))
        return true;
    amphi__query_begin(
        &q, s->fresh, "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1");
    amphi__query_bind_str(&q, 1, row->values[0].bytes);
    amphi__query_bind_int(&q, 2, row->values[1].integer);
    amphi_status status = amphi__query_run(&q, NULL);
    if (status == AMPHI_OK && amphi__db_changes(s->fresh) == 0) {
        amphi__query_begin(&q, s->fresh, "INSERT INTO sqlite_sequence VALUES (?1, ?2)");
        amphi__query_bind_str(&q, 1, row->values[0].bytes);
        amphi__query_bind_int(&q, 2, row->values[1].integer);
        status = amphi__query_run(&q, NULL);
    }
    if (status != AMPHI_OK)
        s->native_code = q.native_code;
    return status == AMPHI_OK;
}

/* A row whose table is not known. The schema's own rows fit none of ours. */
static bool take_orphan(void *user, const amphi_row *row)
{
    salvage *s = user;
    const amphi_salvage_table *owner = NULL;
    size_t fits = 0;
    for (size_t i = 0; i < s->tables_count; i++) {
        if (s->tables[i].has_rowid && amphi__salvage_fits(&s->tables[i], row)) {
            owner = &s->tables[i];
            fits++;
        }
    }
    if (is_schema_row(row))
        return true;
    s->table = owner;
    if (fits == 1)
        return insert_row(s, row);
    if (fits == 0 && is_sequence(s, row))
        return take_sequence(s, row);
    s->out->rows_bad++;
    return true;
}

static amphi_status copy_rows(salvage *s, amphi_error *error)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    amphi_status status = amphi__walk_init(&s->walk, s->pages, error);
    for (size_t i = 0; i < s->tables_count && status == AMPHI_OK; i++) {
        s->table = &s->tables[i];
        if (s->roots[i] != 0)
            status = amphi__walk_table(&s->walk, s->roots[i], take_row, s, error);
        if (status == AMPHI_OK)
            status = amphi__db_fail(s->fresh, error, s->native_code);
    }
    if (status == AMPHI_OK && s->sequences_root != 0)
        status = amphi__walk_table(&s->walk, s->sequences_root, take_sequence, s, error);
    if (status == AMPHI_OK)
        status = amphi__db_fail(s->fresh, error, s->native_code);
    for (uint32_t n = 1; n <= amphi__db_pages_count(s->pages) && status == AMPHI_OK; n++) {
        bool is_new = (s->walk.seen[n / 8] >> n % 8 & 1) == 0;
        if (is_new && amphi__db_pages_read(s->pages, n, page) != AMPHI_PAGE_GOOD)
            s->out->pages_bad++;
        status = amphi__walk_orphan(&s->walk, n, take_orphan, s, error);
        if (status == AMPHI_OK)
            status = amphi__db_fail(s->fresh, error, s->native_code);
    }
    amphi__wipe(page, sizeof page);
    s->out->pages_bad += s->walk.pages_bad;
    s->out->rows_bad += s->walk.rows_bad;
    return status;
}

/* ---- All of it ---- */

static amphi_status count_messages(salvage *s, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, s->fresh, "SELECT count(*) FROM messages");
    s->out->messages = amphi__query_row(&q) ? (uint64_t)amphi__query_int(&q, 0) : 0;
    return amphi__query_end(&q, error);
}

static amphi_status fill(salvage *s, amphi_error *error)
{
    amphi_status status = amphi__db_begin(s->fresh, error);
    if (status != AMPHI_OK)
        return status;
    status = drop_triggers(s, error);
    if (status == AMPHI_OK)
        status = copy_rows(s, error);
    if (status == AMPHI_OK)
        status = amphi__schema_recount(s->fresh, error);
    if (status == AMPHI_OK)
        status = create_triggers(s, error);
    s->fresh->lib->finalize(s->insert);
    s->insert = NULL;
    return amphi__db_finish(s->fresh, status, error);
}

static amphi_status expect_whole(salvage *s, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, s->fresh, "PRAGMA integrity_check");
    bool is_whole = amphi__query_row(&q) && amphi__str_equal_c(amphi__query_str(&q, 0), "ok");
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && !is_whole)
        status = amphi__fail(error, AMPHI_E_INTERNAL, 0,
            "store: the repaired database is not whole; the old one was left as it is");
    return status;
}

static amphi_status salvage_into(salvage *s, amphi_error *error)
{
    amphi_status status = make_fresh(s, error);
    if (status == AMPHI_OK)
        status = read_tables(s, error);
    if (status == AMPHI_OK)
        status = each_schema_row(s, note_root, true, error);
    if (status == AMPHI_OK)
        status = each_schema_row(s, note_root, false, error);
    if (status == AMPHI_OK)
        status = fill(s, error);
    if (status == AMPHI_OK)
        status = count_messages(s, error);
    if (status == AMPHI_OK)
        status = expect_whole(s, error);
    if (status == AMPHI_OK)
        status = amphi__db_exec(s->fresh, "PRAGMA wal_checkpoint(TRUNCATE)", error);
    return status;
}

amphi_status amphi__db_salvage(amphi_history_repair_report *out, amphi_db_pages *pages,
    const char *fresh_path, const amphi_db_key *key, amphi_error *error)
{
    salvage *s = amphi__calloc(1, sizeof *s);
    if (s == NULL)
        return amphi__fail_no_memory(error);
    s->pages = pages;
    s->key = key;
    s->path = fresh_path;
    s->out = out;
    amphi_status status = salvage_into(s, error);
    amphi__db_close(s->fresh);
    if (status != AMPHI_OK)
        remove_fresh(fresh_path);
    amphi__walk_clear(&s->walk);
    for (size_t i = 0; i < s->triggers_count; i++)
        amphi__free(s->triggers[i]);
    amphi__free(s);
    return status;
}
