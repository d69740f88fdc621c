-- Staged records that stayed behind: two workers purged one import, the second noted that nothing was left while rows
-- were, and the first ended before they were gone. Such imports are purged again.
UPDATE import AS i SET cleared_at = NULL
WHERE cleared_at IS NOT NULL
  AND (EXISTS (SELECT FROM import_frame AS f WHERE f.account_id = i.account_id AND f.import_id = i.import_id)
       OR EXISTS (SELECT FROM import_fault AS t WHERE t.account_id = i.account_id AND t.import_id = i.import_id));

-- The bytes that an import's staged records and faults take, so that an account's have a bound. Of imports staged
-- before this column they are not known, and count as none until their retention ends.
ALTER TABLE import ADD COLUMN staged_bytes bigint NOT NULL DEFAULT 0;
CREATE INDEX import_kept ON import (account_id) WHERE cleared_at IS NULL;
