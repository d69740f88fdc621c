-- Undo: what changed people were before an import, for the window that the account document sets (docs/effects.md).

-- One row for each person whom an import changed. None for people whom the import created.
CREATE TABLE before_image (
  account_id integer NOT NULL DEFAULT current_account(),
  import_id uuid NOT NULL,
  profile_id bigint NOT NULL,
  sequence_number integer NOT NULL,                -- the record that changed the person last
  image bytea NOT NULL,                            -- the states before and after each slice that changed the person, zstd
  named_keys uuid[] NOT NULL DEFAULT '{}',         -- key_hash of each alternate id that the person gained or lost
  PRIMARY KEY (account_id, import_id, profile_id)
);
ALTER TABLE before_image ALTER COLUMN image SET STORAGE EXTERNAL;
ALTER TABLE before_image ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON before_image USING (account_id = current_account());
-- The role that serves requests cannot read an image: it finds out whom an import changed, and deletes with a person.
GRANT SELECT (account_id, import_id, profile_id, sequence_number, named_keys), DELETE
  ON before_image TO consentory_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON before_image TO consentory_worker;

-- Somebody else than the import that created the person has changed the person since. Imports of earlier releases have
-- no before-images and cannot be undone, so nobody asks this about their people.
ALTER TABLE profile ADD COLUMN changed_since boolean NOT NULL DEFAULT false;

ALTER TABLE import
  ADD COLUMN before_images text CHECK (before_images IN ('Kept', 'Going')),  -- NULL: there are none
  ADD COLUMN undo_of uuid,                         -- the import that this one takes back
  ADD COLUMN restore_yes boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT staged_is_not_empty,
  ADD CONSTRAINT staged_is_not_empty
    CHECK (status IN ('Initiated', 'Failed') OR received > 0 OR undo_of IS NOT NULL);
-- An import is undone once. One whose undo failed may be undone again.
CREATE UNIQUE INDEX import_undone_once ON import (account_id, undo_of) WHERE undo_of IS NOT NULL AND status <> 'Failed';
CREATE INDEX import_before_images ON import (account_id, import_id) WHERE before_images IS NOT NULL;
