#!/bin/sh
# What the official postgres image does with an empty volume, as far as docker/compose.yaml needs it.
set -eu
export PGDATA=/var/lib/postgresql/data
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username=postgres --auth-local=trust --auth-host=scram-sha-256 --pwfile="$POSTGRES_PASSWORD_FILE" >/dev/null
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl --wait --options="-c listen_addresses='' -k /tmp" start >/dev/null
    PGHOST=/tmp PGUSER=postgres sh /docker-entrypoint-initdb.d/make-databases.sh
    pg_ctl --wait stop >/dev/null
fi
exec postgres -c listen_addresses='*' -k /tmp
