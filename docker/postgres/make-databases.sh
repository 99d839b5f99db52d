#!/bin/sh
# Run once by the postgres image, in an empty volume: a database and its owner for each of two.
set -eu
for name in airflow mlflow; do
    psql --set=ON_ERROR_STOP=1 --set=name="$name" \
        --set=password="$(cat "/run/secrets/${name}_db_password")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
SQL
done
