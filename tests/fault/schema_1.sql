-- The store's first schema as it shipped, for stores that are older than this build.
CREATE TABLE conversations (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  updated_ms INTEGER NOT NULL,
  messages_count INTEGER NOT NULL,
  title TEXT NOT NULL);
CREATE INDEX conversations_by_update ON conversations (updated_ms, seq);
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  role TEXT NOT NULL,
  content TEXT NOT NULL,
  content_is_json INTEGER NOT NULL,
  extra_json TEXT NOT NULL,
  route TEXT NOT NULL,
  model TEXT NOT NULL,
  decision_json TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL);
CREATE INDEX messages_by_conversation ON messages (conversation, id);
CREATE TABLE cache (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  used INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  size INTEGER NOT NULL,
  value BLOB NOT NULL);
CREATE INDEX cache_by_use ON cache (used);
CREATE INDEX cache_by_expiry ON cache (expires_ms);
CREATE TABLE cache_totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO cache_totals VALUES (0, 0);
CREATE TRIGGER cache_grows AFTER INSERT ON cache BEGIN
  UPDATE cache_totals SET entries = entries + 1, bytes = bytes + NEW.size; END;
CREATE TRIGGER cache_shrinks AFTER DELETE ON cache BEGIN
  UPDATE cache_totals SET entries = entries - 1, bytes = bytes - OLD.size; END;
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  conversation TEXT NOT NULL,
  request_json TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  not_before_ms INTEGER NOT NULL,
  lease_until_ms INTEGER NOT NULL);
CREATE INDEX outbox_by_conversation ON outbox (conversation, seq);
CREATE TABLE settings (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
