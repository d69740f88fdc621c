-- The spelling first configured stays from now on. Earlier, a document could spell a name anew, and stored people and
-- staged records may have both spellings. Of such accounts names are compared with the configuration whenever a person
-- or a record is read (domain/spelling.py); accounts made later need no look. Where a second revision was applied we
-- do not know whether it spelled anything anew, so it counts.
ALTER TABLE account ADD COLUMN respelled boolean NOT NULL DEFAULT false;
UPDATE account SET respelled = true WHERE revision > 1;
