/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions live in PRAGMA user_version, inside the same transaction as the change itself, so a
 * crash between two versions can't be seen. A step that has shipped is never edited: add the next.
 * SQL of SQLite 3.15 only.
 */
#include "storage/schema.h"

#include "sdk/core/error.h"

/* From the turn of a conversation's first answer with this record on; a turn ends with the answer
 * that has a record. */
#define PRIVACY_SINCE(privacy, record)                                                             \
    "DELETE FROM privacy_begins;"                                                                  \
    "INSERT INTO privacy_begins SELECT conversation, MIN(id) FROM messages WHERE " record          \
    " GROUP BY conversation;"                                                                      \
    "UPDATE privacy_begins SET id = COALESCE((SELECT MAX(m.id) FROM messages m"                    \
    "  WHERE m.conversation = privacy_begins.conversation AND m.id < privacy_begins.id"            \
    "  AND m.decision_json <> ''), 0);"                                                            \
    "UPDATE messages SET privacy = " privacy " WHERE id >"                                         \
    " (SELECT b.id FROM privacy_begins b WHERE b.conversation = messages.conversation);"

/* A conversation's facts, from its messages. */
#define FACTS_OF_CONVERSATIONS                                                                     \
    "UPDATE conversations SET"                                                                     \
    "  created_ms = COALESCE((SELECT MIN(m.created_ms) FROM messages m"                            \
    "   WHERE m.conversation = seq), updated_ms),"                                                 \
    "  privacy = COALESCE((SELECT MAX(m.privacy) FROM messages m WHERE m.conversation = seq), 0)," \
    "  bytes = COALESCE((SELECT SUM(LENGTH(CAST(m.content AS BLOB))"                               \
    "   + LENGTH(CAST(m.extra_json AS BLOB)) + LENGTH(CAST(m.decision_json AS BLOB)))"             \
    "   FROM messages m WHERE m.conversation = seq), 0);"

/* Of a trigger on messages: the segment of the search index that covers `row`, OLD or NEW. */
#define SEGMENT_OF(row)                                                                            \
    "(SELECT s.last_id FROM (SELECT last_id, first_id FROM search_segments"                        \
    "  WHERE last_id >= " row ".id ORDER BY last_id LIMIT 1) s WHERE s.first_id <= " row ".id)"
/* Such a trigger: it drops that segment, which is then made anew. */
#define FORGETS(trigger, event, segment)                                                           \
    "CREATE TRIGGER " trigger " AFTER " event " ON messages BEGIN"                                 \
    "  DELETE FROM search_index WHERE segment = " segment ";"                                      \
    "  DELETE FROM search_segments WHERE last_id = " segment "; END;"
/* Content changes while a draft grows; an import puts rows between others. */
#define SEARCH_TRIGGERS                                                                            \
    FORGETS("search_forgets", "DELETE", SEGMENT_OF("OLD"))                                         \
    FORGETS("search_follows", "UPDATE OF content", SEGMENT_OF("OLD"))                              \
    FORGETS("search_gains", "INSERT", SEGMENT_OF("NEW"))

static const char *const steps[] = {
    /* 1: first light */
    "CREATE TABLE conversations ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id TEXT NOT NULL UNIQUE,"
    "  updated_ms INTEGER NOT NULL,"
    "  messages_count INTEGER NOT NULL,"
    "  title TEXT NOT NULL);"
    "CREATE INDEX conversations_by_update ON conversations (updated_ms, seq);"
    "CREATE TABLE messages ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  conversation INTEGER NOT NULL," /* conversations.seq */
    "  created_ms INTEGER NOT NULL,"
    "  role TEXT NOT NULL,"
    "  content TEXT NOT NULL,"
    "  content_is_json INTEGER NOT NULL,"
    "  extra_json TEXT NOT NULL,"
    "  route TEXT NOT NULL,"
    "  model TEXT NOT NULL,"
    "  decision_json TEXT NOT NULL,"
    "  prompt_tokens INTEGER NOT NULL,"
    "  completion_tokens INTEGER NOT NULL,"
    "  cached_tokens INTEGER NOT NULL);"
    "CREATE INDEX messages_by_conversation ON messages (conversation, id);"
    "CREATE TABLE cache ("
    "  id INTEGER PRIMARY KEY,"
    "  key BLOB NOT NULL UNIQUE,"
    "  used INTEGER NOT NULL," /* grows with every use: the lowest goes first */
    "  expires_ms INTEGER NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  value BLOB NOT NULL);"
    "CREATE INDEX cache_by_use ON cache (used);"
    "CREATE INDEX cache_by_expiry ON cache (expires_ms);"
    /* What the cache holds, kept by triggers, so that a put need not count it. */
    "CREATE TABLE cache_totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);"
    "INSERT INTO cache_totals VALUES (0, 0);"
    "CREATE TRIGGER cache_grows AFTER INSERT ON cache BEGIN"
    "  UPDATE cache_totals SET entries = entries + 1, bytes = bytes + NEW.size; END;"
    "CREATE TRIGGER cache_shrinks AFTER DELETE ON cache BEGIN"
    "  UPDATE cache_totals SET entries = entries - 1, bytes = bytes - OLD.size; END;"
    "CREATE TABLE outbox ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id TEXT NOT NULL UNIQUE,"
    "  conversation TEXT NOT NULL," /* the id; there may be no such conversation yet */
    "  request_json TEXT NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL,"
    "  not_before_ms INTEGER NOT NULL,"
    "  lease_until_ms INTEGER NOT NULL);"
    "CREATE INDEX outbox_by_conversation ON outbox (conversation, seq);"
    "CREATE TABLE settings (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;",
    /* 2: the ledger of local starts */
    "CREATE TABLE ledger ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  fingerprint TEXT NOT NULL,"
    "  build TEXT NOT NULL,"
    "  kernels TEXT NOT NULL,"
    "  host TEXT NOT NULL,"
    "  in_process INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL,"
    "  changed_ms INTEGER NOT NULL,"
    "  phase INTEGER NOT NULL,"
    "  outcome INTEGER NOT NULL);"
    "CREATE INDEX ledger_by_model ON ledger (fingerprint, changed_ms);"
    "PRAGMA user_version = 2;",
    /* 3: who sends an entry (amphi__process_identity), so that a dead process's lease is known as
     * such */
    "ALTER TABLE outbox ADD COLUMN lease_holder TEXT NOT NULL DEFAULT '';"
    "PRAGMA user_version = 3;",
    /* 4: how far a message may travel (amphi_privacy), and whether it is whole
     * (amphi_message_state). Of older answers the record tells why the cloud was left out. What
     * came after such a turn was answered with it in the prompt, so it is no freer. */
    "ALTER TABLE messages ADD COLUMN privacy INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE messages ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE privacy_begins (conversation INTEGER PRIMARY KEY, id INTEGER NOT "
    "NULL);" PRIVACY_SINCE("1", "decision_json LIKE '%\"why\":\"mode only_local %' OR"
                                " decision_json LIKE '%\"why\":\"only_local: %'") PRIVACY_SINCE("2",
        "decision_json LIKE '%\"reason\":\"private\"%'") "DROP TABLE privacy_begins;"
                                                         "PRAGMA user_version = 4;",
    /* 5: the outbox without a wall clock, and what became of its entries (storage/outbox.c). An
     * older entry's age begins now (boot '?'); leases and pauses by the wall clock are over. The
     * request comes last, so that the others are read without its pages. */
    "ALTER TABLE outbox RENAME TO outbox_4;"
    "CREATE TABLE outbox ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id TEXT NOT NULL UNIQUE,"
    "  conversation TEXT NOT NULL,"            /* the id; there may be no such conversation yet */
    "  created_ms INTEGER NOT NULL,"           /* to be shown, no more */
    "  state INTEGER NOT NULL DEFAULT 0,"      /* amphi_outbox_state */
    "  is_watched INTEGER NOT NULL DEFAULT 0," /* that it was sent is to be reported to an app */
    "  reported INTEGER NOT NULL DEFAULT 0,"   /* 0 nothing, 1 queued, 2 what became of it */
    "  attempts INTEGER NOT NULL DEFAULT 0,"
    "  refusals INTEGER NOT NULL DEFAULT 0,"
    "  tried INTEGER NOT NULL DEFAULT 0,"  /* grows with every try of any entry */
    "  age_ms INTEGER NOT NULL DEFAULT 0," /* when it was last observed */
    "  boot TEXT NOT NULL,"                /* of that observation */
    "  seen_ms INTEGER NOT NULL,"          /* its time since that boot */
    "  lease_holder TEXT NOT NULL DEFAULT '',"
    "  lease_age_ms INTEGER NOT NULL DEFAULT 0," /* the age at which the lease ends */
    "  pause_age_ms INTEGER NOT NULL DEFAULT 0," /* likewise */
    "  size_bytes INTEGER NOT NULL,"
    "  reason TEXT NOT NULL DEFAULT '',"
    "  request_json TEXT NOT NULL);"
    "INSERT INTO outbox (seq, id, conversation, created_ms, reported, attempts, boot, seen_ms,"
    "  size_bytes, request_json) SELECT seq, id, conversation, created_ms, 1, attempts, '?', 0,"
    "  length(CAST(request_json AS BLOB)), request_json FROM outbox_4;"
    "DROP TABLE outbox_4;"
    "CREATE INDEX outbox_by_conversation ON outbox (conversation, seq);"
    "PRAGMA user_version = 5;",
    /* 6: what a user does with conversations */
    "ALTER TABLE conversations ADD COLUMN title_is_own INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE conversations ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE conversations ADD COLUMN is_archived INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 6;",
    /* 7: a conversation's facts, so that a list need not read messages; which entry of the cache an
     * answer is, so that it goes with its message (of older entries that is not known: they go
     * now); what was erased (see history_erase.c), so that no request under way brings it back */
    "ALTER TABLE conversations ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE conversations ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE conversations ADD COLUMN privacy INTEGER NOT NULL DEFAULT "
    "0;" FACTS_OF_CONVERSATIONS "DROP INDEX conversations_by_update;"
    "CREATE INDEX conversations_by_use ON conversations (is_pinned, updated_ms, seq);"
    "ALTER TABLE messages ADD COLUMN cache_key BLOB NOT NULL DEFAULT x'';"
    "DELETE FROM cache;"
    "CREATE TABLE erasures (name BLOB PRIMARY KEY NOT NULL, epoch INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX erasures_by_epoch ON erasures (epoch);"
    "INSERT INTO erasures VALUES (x'', 1);" /* the latest epoch */
    "PRAGMA user_version = 7;",
    /* 8: a start's own id, which it has before its row */
    "ALTER TABLE ledger ADD COLUMN start_id INTEGER NOT NULL DEFAULT 0;"
    "UPDATE ledger SET start_id = id;"
    "CREATE UNIQUE INDEX ledger_by_start ON ledger (start_id);"
    "PRAGMA user_version = 8;",
    /* 9: the search index, see search_index.h */
    "CREATE TABLE search_segments (last_id INTEGER PRIMARY KEY, first_id INTEGER NOT NULL);"
    "CREATE TABLE search_index ("
    "  segment INTEGER NOT NULL," /* search_segments.last_id */
    "  term BLOB NOT NULL,"
    "  postings BLOB NOT NULL,"
    "  PRIMARY KEY (segment, term)) WITHOUT ROWID;" SEARCH_TRIGGERS "PRAGMA user_version = 9;",
    /* 10: answers under way (history_drafts.c) */
    "CREATE TABLE drafts ("
    "  draft TEXT NOT NULL,"        /* the request's key */
    "  place INTEGER NOT NULL,"     /* within its turn; the last is the answer */
    "  holder TEXT NOT NULL,"       /* the process (amphi__process_identity) */
    "  conversation TEXT NOT NULL," /* the id; there may be no such conversation yet */
    "  created_ms INTEGER NOT NULL,"
    "  role TEXT NOT NULL,"
    "  content TEXT NOT NULL,"
    "  content_is_json INTEGER NOT NULL,"
    "  extra_json TEXT NOT NULL,"
    "  privacy INTEGER NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  PRIMARY KEY (draft, place)) WITHOUT ROWID;"
    "CREATE INDEX drafts_by_conversation ON drafts (conversation);"
    "PRAGMA user_version = 10;",
};

#define FACTS_SINCE  7
#define SEARCH_SINCE 9
#define VERSION      ((int64_t)(sizeof steps / sizeof steps[0]))

int64_t amphi__schema_version(void)
{
    return VERSION;
}

static amphi_status read_version(amphi_db *db, int64_t *out, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "PRAGMA user_version");
    *out = amphi__query_row(&q) ? amphi__query_int(&q, 0) : -1;
    return amphi__query_end(&q, error);
}

/* Its file stays as it is, byte for byte: closing would copy the log into it. */
static amphi_status refuse_newer(amphi_db *db, int64_t version, amphi_error *error)
{
    amphi__db_forbid_writes(db);
    return amphi__fail(error, AMPHI_E_UNSUPPORTED, (int32_t)version,
        "store: written by a newer Amphi (schema %d, this build knows %d): update the app",
        (int)version, (int)VERSION);
}

amphi_status amphi__schema_expect(amphi_db *db, amphi_error *error)
{
    int64_t version = 0;
    amphi_status status = read_version(db, &version, error);
    if (status == AMPHI_OK && version != VERSION)
        status = amphi__fail(error, AMPHI_E_UNSUPPORTED, (int32_t)version,
            "store: of schema %d, and it can't be brought to %d where nothing can be written",
            (int)version, (int)VERSION);
    return status;
}

amphi_status amphi__schema_migrate(amphi_db *db, amphi_error *error)
{
    return amphi__schema_migrate_to(db, VERSION, error);
}

amphi_status amphi__schema_migrate_to(amphi_db *db, int64_t wanted, amphi_error *error)
{
    int64_t version = 0;
    amphi_status status = read_version(db, &version, error);
    if (status == AMPHI_OK && version > VERSION)
        return refuse_newer(db, version, error);
    if (status != AMPHI_OK || version == wanted)
        return status;
    status = amphi__db_begin(db, error);
    if (status != AMPHI_OK)
        return status;
    status = read_version(db, &version, error); /* another process may have been faster */
    if (status == AMPHI_OK && (version < 0 || version > VERSION))
        status = refuse_newer(db, version, error);
    for (; status == AMPHI_OK && version < wanted; version++)
        status = amphi__db_exec(db, steps[version], error);
    return amphi__db_finish(db, status, error);
}

amphi_status amphi__schema_recount(amphi_db *db, amphi_error *error)
{
    int64_t version = 0;
    amphi_status status = read_version(db, &version, error);
    /* A search index that lost rows would hide messages; an empty one is filled again. */
    if (status == AMPHI_OK && version >= SEARCH_SINCE)
        status = amphi__db_exec(db, "DELETE FROM search_segments; DELETE FROM search_index", error);
    if (status != AMPHI_OK)
        return status;
    status = amphi__db_exec(db,
        "DELETE FROM cache_totals;"
        "INSERT INTO cache_totals SELECT count(*), COALESCE(SUM(size), 0) FROM cache;"
        "INSERT OR IGNORE INTO conversations (seq, id, updated_ms, messages_count, title)"
        "  SELECT conversation, 'recovered-' || conversation, MAX(created_ms), 0, 'recovered'"
        "  FROM messages WHERE conversation NOT IN (SELECT seq FROM conversations)"
        "  GROUP BY conversation;"
        "UPDATE conversations SET messages_count ="
        "  (SELECT count(*) FROM messages m WHERE m.conversation = conversations.seq)",
        error);
    if (status == AMPHI_OK && version >= FACTS_SINCE)
        status = amphi__db_exec(db, FACTS_OF_CONVERSATIONS, error);
    return status;
}
