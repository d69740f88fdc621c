"""SQL that fills every large table, so that a plan without an index shows."""

from __future__ import annotations

FILL = """
INSERT INTO account (account_id, client_id, revision) VALUES (1, 'A', 1), (2, 'B', 1);
INSERT INTO profile (account_id, profile_id, body, created, modified, active)
  SELECT 1 + n % 2, n, json_build_object('n', repeat('x', 200)), now(), now(), n % 10 <> 0
  FROM generate_series(1, 20000) AS n;
INSERT INTO alternate_key (account_id, key_hash, profile_id, type, value)
  SELECT account_id, profile_match_token(profile_id), profile_id, 'CRM', profile_id::text FROM profile;
INSERT INTO contact_key (account_id, key_hash, profile_id, kind, value)
  SELECT account_id, profile_match_token(profile_id), profile_id, 'E', profile_id::text FROM profile;
INSERT INTO contact_key (account_id, key_hash, profile_id, kind, value)
  SELECT account_id, profile_match_token(100000 + profile_id / 10), profile_id, 'P', profile_id::text FROM profile;
INSERT INTO ledger (account_id, profile_id, entry, choices, recorded, caller)
  SELECT account_id, profile_id, entry, '[{"of": "P", "place": "", "at": 0, "value": {}}]', now(), 'u'
  FROM profile CROSS JOIN generate_series(1, 4) AS entry;
INSERT INTO import (account_id, import_id, access_token, status, settings, caller, created_at, expires_at, queued_at,
                    started_at, completed_at, configuration_revision, first_profile_id, purged_at, received, valid,
                    created)
  SELECT 1 + n % 2, profile_match_token(n), n, 'Completed', '{"name": "n", "data_stage_duration": 3}', 'u',
         now() - n * interval '1 hour', now(), now(), now(), now(), 1, 1, now(), 1, 1, 1
  FROM generate_series(1, 4000) AS n;
INSERT INTO import (account_id, import_id, access_token, status, settings, caller, created_at, expires_at, queued_at,
                    started_at, configuration_revision, first_profile_id, received, valid, pending)
  SELECT account_id, import_id, 900000 + account_id, 'Processing', '{"name": "n"}', 'u', now(), now(), now(), now(), 1,
         1, 128000, 128000, 128000
  FROM (VALUES (1, profile_match_token(1879048192)), (2, profile_match_token(1879048193))) AS v (account_id, import_id);
INSERT INTO import_batch (account_id, import_id, batch_number, caller, staged_at, first_sequence, record_count, failed)
  SELECT i.account_id, i.import_id, n, 'u', now(), 1 + (n - 1) * 640, 640, 0
  FROM import AS i CROSS JOIN generate_series(1, 200) AS n WHERE status = 'Processing';
INSERT INTO import_block (account_id, import_id, first_sequence, record_count, batch_number, raw, work, named_keys,
                          named_at, profile_ids, profile_at)
  SELECT i.account_id, i.import_id, 1 + n * 64, 64, 1 + n / 10, decode(repeat('00', 500), 'hex'),
         decode(repeat('00', 500), 'hex'), '{}', '{}', '{}', '{}'
  FROM import AS i CROSS JOIN generate_series(0, 1999) AS n WHERE status = 'Processing';
INSERT INTO import_fault (account_id, import_id, not_honored, sequence_number, phase, faults)
  SELECT i.account_id, i.import_id, n % 2 = 0, n, CASE WHEN n % 2 = 0 THEN 3 ELSE 1 END, '[]'
  FROM import AS i CROSS JOIN generate_series(1, 10000) AS n WHERE status = 'Processing';
INSERT INTO import_chunk (account_id, import_id, chunk_number, next_sequence, last_sequence, waits_for)
  SELECT i.account_id, i.import_id, n, 1, 2, CASE WHEN n > 1900 THEN n - 1 END
  FROM import AS i CROSS JOIN generate_series(1, 2000) AS n WHERE status = 'Processing';
"""
FILL += """
INSERT INTO before_image (account_id, import_id, profile_id, sequence_number, image)
  SELECT p.account_id, profile_match_token(p.account_id + 2 * (n - 1)), p.profile_id, 1,
         decode(repeat('00', 500), 'hex')
  FROM profile AS p CROSS JOIN generate_series(1, 4) AS n;
UPDATE import SET before_images = 'Kept' WHERE access_token <= 8;
INSERT INTO change_block (account_id, block_id, wal_place, first_position, change_count, applied_at, changes)
  SELECT 1 + n % 2, profile_match_token(n), n, CASE WHEN n <= 20000 THEN n / 2 END, 1, now(), ''
  FROM generate_series(1, 20100) AS n;
INSERT INTO change_range (account_id, latest) VALUES (1, 10000), (2, 10000);
"""
