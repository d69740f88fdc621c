-- The file that an import came from, as the client says it: name, SHA-256, rows, and the mapping of its columns.

ALTER TABLE import
  ADD COLUMN source jsonb CHECK (jsonb_typeof(source) = 'object' AND length(source::text) <= 200000);
