-- The guard: an import that exceeds a limit stays Queued until a person decides (docs/effects.md).

ALTER TABLE import
  ADD COLUMN executed_by text COLLATE "C",         -- the user whose Execute queued it
  ADD COLUMN guard_state text,                     -- NULL: no guard was asked yet, or no limit applies
  ADD COLUMN held_reason jsonb CHECK (jsonb_typeof(held_reason) = 'array'),
  ADD CONSTRAINT guard_state_known CHECK (guard_state IN ('Checking', 'Held', 'Passed', 'Released')),
  ADD CONSTRAINT checked_after_execute CHECK (guard_state IS NULL OR queued_at IS NOT NULL),
  ADD CONSTRAINT waits_while_queued CHECK (status = 'Queued' OR guard_state IS NULL
                                           OR guard_state NOT IN ('Checking', 'Held')),
  ADD CONSTRAINT held_has_reason CHECK ((coalesce(guard_state, '') = 'Held') = (held_reason IS NOT NULL));

-- Who executed an import before this migration is in the audit trail alone; the initiator stands in.
UPDATE import SET executed_by = caller WHERE status = 'Queued';

-- The active profiles of the preview's snapshot, counted only where a limit is a share of them.
ALTER TABLE import_preview ADD COLUMN active_profiles bigint NOT NULL DEFAULT 0;

-- The worker starts the preview with which the execution of a guarded import begins.
GRANT INSERT ON import_preview TO consentory_worker;
