#!/bin/bash
# Script de Backup Completo Semanal - RPA V6.0.0
# Data: 03/10/2025
# Versão: 6.0.0

set -euo pipefail

# Configurações
BACKUP_DATE=$(date +%Y%m%d_%H%M%S)
LOG_FILE="/opt/imediatoseguros-rpa/logs/backup_complete_${BACKUP_DATE}.log"
BACKUP_DIR="/opt/backups/complete"
S3_BUCKET="imediatoseguros-rpa-backups"
AWS_REGION="us-east-1"

# Função de log
log() {
    echo -e "${GREEN}[$(date '+%Y-%m-%d %H:%M:%S')]${NC} $1" | tee -a "$LOG_FILE"
}

log "=== INICIANDO BACKUP COMPLETO RPA V6.0.0 ==="

# Criar diretório
mkdir -p "$BACKUP_DIR"

# Backup completo do sistema RPA
log "Fazendo backup completo do sistema..."
tar -czf "$BACKUP_DIR/full_backup_${BACKUP_DATE}.tar.gz" \
    --exclude="*.log" \
    --exclude="*.tmp" \
    --exclude="venv/lib" \
    --exclude="venv/include" \
    -C /opt \
    imediatoseguros-rpa/ \
    imediatoseguros-rpa-v4/

# Upload para S3 com classe de armazenamento otimizada
log "Fazendo upload para S3 (classe Glacier)..."
aws s3 cp "$BACKUP_DIR/full_backup_${BACKUP_DATE}.tar.gz" \
    "s3://$S3_BUCKET/complete/full_backup_${BACKUP_DATE}.tar.gz" \
    --region "$AWS_REGION" \
    --storage-class GLACIER \
    --metadata "backup-type=complete,date=$BACKUP_DATE"

log "=== BACKUP COMPLETO CONCLUÍDO ==="
exit 0
