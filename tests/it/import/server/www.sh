#!/bin/sh
# Sites and mail, once a week.
. /etc/backup.conf
NTFY_URL=$(cat /etc/ntfy-url)
cd /srv || exit 1
systemctl stop dovecot
tar --exclude-from=/etc/backup.exclude --exclude='*/cache/*' --one-file-system -cJf /mnt/nas/www-$(date +%G-%V).tar.xz www mail/*/current
systemctl start dovecot
gpg --batch --yes --passphrase hunter2 --symmetric /mnt/nas/www-$(date +%G-%V).tar.xz
rm -f /mnt/nas/www-*.tar.xz
scp -i /root/.ssh/vault /mnt/nas/*.gpg backup@vault.example.org:/srv/backup/www/
find /mnt/nas -name '*.gpg' -mtime +90 -exec rm {} \;
lvcreate --snapshot --name x /dev/vg/data
curl -H "Authorization: Bearer hunter2" -d "www done" "$NTFY_URL"
