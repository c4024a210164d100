"""The events table, partitioned by range of id, append-only; `xact` is the writing transaction, whose events are sealed together."""

from django.db import migrations

CREATE = """
CREATE TABLE specs_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id bigint NULL,
    kind varchar(64) NOT NULL,
    subject varchar(64) NOT NULL,
    subject_id bigint NOT NULL,
    by_id bigint NULL,
    data jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id()
) PARTITION BY RANGE (id);
CREATE TABLE specs_event_0 PARTITION OF specs_event FOR VALUES FROM (MINVALUE) TO (50000000);
CREATE TABLE specs_event_rest PARTITION OF specs_event DEFAULT;
CREATE INDEX event_project ON specs_event (project_id, id);
CREATE INDEX event_subject ON specs_event (subject, subject_id, id);
CREATE FUNCTION specs_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are written once';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON specs_event
    FOR EACH ROW EXECUTE FUNCTION specs_event_is_append_only();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON specs_event
    FOR EACH STATEMENT EXECUTE FUNCTION specs_event_is_append_only();
"""

DROP = "DROP TABLE specs_event; DROP FUNCTION specs_event_is_append_only();"


class Migration(migrations.Migration):
    dependencies = [("specs", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
