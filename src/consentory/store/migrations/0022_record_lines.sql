-- The lines of the file that the records of a batch come from, so that a record leads back to its line.

-- NULL: the batch did not come from an uploaded file. See codec/staging/batch_lines.py.
ALTER TABLE import_batch ADD COLUMN lines bytea;
