#!/bin/sh
# Run once by PostgreSQL's image on its empty data folder: the role that owns the tables, the application's, the database.
set -eu
password() { sed 's#^[^:]*://[^:]*:\([^@]*\)@.*$#\1#' "/run/secrets/$1"; }
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
    --set=owner="$(password owner_database_url)" --set=app="$(password database_url)" <<'SQL'
CREATE ROLE concordat_owner LOGIN PASSWORD :'owner';
CREATE ROLE concordat_app LOGIN PASSWORD :'app';
CREATE DATABASE concordat OWNER concordat_owner TEMPLATE template0 ENCODING 'UTF8';
SQL
