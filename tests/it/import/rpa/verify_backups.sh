#!/bin/bash
# verify_backups.sh - Verificação de integridade

# Verificar backups locais
for backup in /opt/backups/incremental/*.tar.gz; do
    if ! tar -tzf "$backup" >/dev/null 2>&1; then
        echo "❌ Backup corrompido: $backup"
        # Enviar alerta
    fi
done

# Verificar backups S3
aws s3 ls "s3://imediatoseguros-rpa-backups/incremental/" --recursive | \
    awk '{print $4}' | while read file; do
        if ! aws s3api head-object --bucket "imediatoseguros-rpa-backups" --key "$file"; then
            echo "❌ Arquivo S3 não encontrado: $file"
        fi
    done
