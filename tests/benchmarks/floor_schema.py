"""The tables of the bare floor."""

SCHEMA = """
    DROP TABLE IF EXISTS floor_answer, floor_lease, floor_item;
    CREATE TABLE floor_item (id bigint PRIMARY KEY, rank bigint NOT NULL, payload jsonb NOT NULL, open smallint NOT NULL);
    CREATE TABLE floor_lease (item_id bigint NOT NULL REFERENCES floor_item, user_id int NOT NULL, state smallint NOT NULL
        DEFAULT 0, lease_until timestamptz NOT NULL, PRIMARY KEY (item_id, user_id));
    CREATE TABLE floor_answer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item_id bigint NOT NULL REFERENCES floor_item,
        user_id int NOT NULL, label text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (item_id, user_id));
    INSERT INTO floor_item SELECT g, g, jsonb_build_object('text', repeat('w' || (g % 5000) || ' ', 30)), {overlap}
        FROM generate_series(1, {tasks}) g;
    CREATE INDEX floor_pending ON floor_item (rank) WHERE open > 0;
    ANALYZE floor_item;
"""
