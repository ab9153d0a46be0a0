# 1. Criptografia de arquivos locais
gpg --symmetric --cipher-algo AES256 --compress-algo 1 \
    --output "$BACKUP_DIR/rpa_data_${BACKUP_DATE}.tar.gz.gpg" \
    "$BACKUP_DIR/rpa_data_${BACKUP_DATE}.tar.gz"

# 2. Criptografia S3 server-side
aws s3 cp "$file" "s3://$BUCKET/" \
    --sse aws:kms \
    --sse-kms-key-id "alias/rpa-backup-key"

# 3. Criptografia client-side
aws s3 cp "$file" "s3://$BUCKET/" \
    --sse-c "AES256" \
    --sse-c-key "base64-encoded-key"
