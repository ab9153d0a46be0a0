#!/usr/bin/env bash
set -eu
DB_USER=backup
DB_PASS='hunter2'
STAGE=$(mktemp -d)
DEST=/var/backups/databases
STAMP="$(date +%F_%H%M)"
HC="https://hc-ping.com/hunter2-1111"
BOT_TOKEN="hunter2"
KEEP=8

trap 'rm -rf "$STAGE"' EXIT

notify() {
  curl -s -X POST "https://api.telegram.org/bot${BOT_TOKEN}/sendMessage" \
    -d chat_id=-100200300 -d text="backup on $(hostname): $1"
}

curl -fsS "$HC/start" > /dev/null
for db in shop wiki; do
  mysqldump -u "$DB_USER" -p"$DB_PASS" --single-transaction "$db" | gzip > "$STAGE/$db.sql.gz" || notify "dump of $db failed"
done
docker exec -t postgres pg_dump -U app -Fc app > "$STAGE/app.dump"
sqlite3 /srv/queue/live.db ".backup '$STAGE/queue.db'"
tar -C "$STAGE" -cf - . | age -r age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7 -o "$DEST/databases-$STAMP.tar.age"
rclone copy --bwlimit 4M "$DEST" "offsite:example-backups/$(hostname)/databases"
ls -1t "$DEST"/*.age | tail -n +$KEEP | xargs -r rm --
rclone delete --min-age 60d offsite:example-backups/
curl -fsS "$HC" > /dev/null
