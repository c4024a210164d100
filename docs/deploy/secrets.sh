#!/bin/sh
# Makes the secrets of compose.yaml beside it, once. The folder is closed; the files in it are read by the containers' users.
set -eu
cd "$(dirname "$0")"
[ ! -e secrets ] || {
    echo "secrets: there are some already, and the database knows their passwords. Nothing was changed." >&2
    exit 1
}
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
mkdir -m 0700 secrets.new
umask 0333
printf '%s' "$(random)$(random)" >secrets.new/secret_key
printf '%s' "$(random)" >secrets.new/postgres_password
printf 'postgresql://concordat_app:%s@postgres/concordat' "$(random)" >secrets.new/database_url
printf 'postgresql://concordat_owner:%s@postgres/concordat' "$(random)" >secrets.new/owner_database_url
mv secrets.new secrets
