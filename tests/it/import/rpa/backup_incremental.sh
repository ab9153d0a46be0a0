#!/bin/bash
# Script de Backup Incremental Diário - RPA V6.0.0
# Data: 03/10/2025
# Versão: 6.0.0

set -euo pipefail

# Configurações
BACKUP_DATE=$(date +%Y%m%d_%H%M%S)
LOG_FILE="/opt/imediatoseguros-rpa/logs/backup_${BACKUP_DATE}.log"
BACKUP_DIR="/opt/backups/incremental"
S3_BUCKET="imediatoseguros-rpa-backups"
AWS_REGION="us-east-1"

# Cores para log
RED='\033[0;31m'
GREEN='\033[0;32m'
YELLOW='\033[1;33m'
NC='\033[0m' # No Color

# Função de log
log() {
    echo -e "${GREEN}[$(date '+%Y-%m-%d %H:%M:%S')]${NC} $1" | tee -a "$LOG_FILE"
}

error() {
    echo -e "${RED}[$(date '+%Y-%m-%d %H:%M:%S')] ERROR:${NC} $1" | tee -a "$LOG_FILE"
}

warning() {
    echo -e "${YELLOW}[$(date '+%Y-%m-%d %H:%M:%S')] WARNING:${NC} $1" | tee -a "$LOG_FILE"
}

# Iniciar backup
log "=== INICIANDO BACKUP INCREMENTAL RPA V6.0.0 ==="
log "Data/Hora: $(date)"
log "Arquivo de log: $LOG_FILE"

# Criar diretório de backup
mkdir -p "$BACKUP_DIR"

# 1. Backup dos dados críticos do RPA
log "1. Fazendo backup dos dados críticos..."
tar -czf "$BACKUP_DIR/rpa_data_${BACKUP_DATE}.tar.gz" \
    -C /opt/imediatoseguros-rpa \
    rpa_data/ logs/ sessions/ parametros.json

# 2. Backup das configurações
log "2. Fazendo backup das configurações..."
tar -czf "$BACKUP_DIR/config_${BACKUP_DATE}.tar.gz" \
    /etc/nginx/sites-available/rpaimediatoseguros.com.br \
    /etc/systemd/system/rpa-startup.service \
    /opt/imediatoseguros-rpa/startup.sh

# 3. Backup do código fonte
log "3. Fazendo backup do código fonte..."
tar -czf "$BACKUP_DIR/source_${BACKUP_DATE}.tar.gz" \
    -C /opt \
    imediatoseguros-rpa/executar_rpa_imediato_playwright.py \
    imediatoseguros-rpa-v4/

# 4. Upload para S3
log "4. Fazendo upload para Amazon S3..."
aws s3 sync "$BACKUP_DIR/" "s3://$S3_BUCKET/incremental/$BACKUP_DATE/" \
    --region "$AWS_REGION" \
    --storage-class STANDARD_IA \
    --metadata "backup-type=incremental,date=$BACKUP_DATE" \
    --delete

# 5. Verificar integridade
log "5. Verificando integridade dos backups..."
for file in "$BACKUP_DIR"/*.tar.gz; do
    if tar -tzf "$file" >/dev/null 2>&1; then
        log "✅ $(basename "$file") - OK"
    else
        error "❌ $(basename "$file") - CORROMPIDO"
        exit 1
    fi
done

# 6. Limpeza local (manter apenas últimos 3 dias)
log "6. Limpando backups locais antigos..."
find "$BACKUP_DIR" -name "*.tar.gz" -mtime +3 -delete

# 7. Estatísticas
log "7. Estatísticas do backup:"
log "   - Arquivos criados: $(ls -1 "$BACKUP_DIR"/*.tar.gz | wc -l)"
log "   - Tamanho total: $(du -sh "$BACKUP_DIR" | cut -f1)"
log "   - Tempo de execução: $SECONDS segundos"

log "=== BACKUP INCREMENTAL CONCLUÍDO COM SUCESSO ==="

# Notificação de sucesso (opcional)
# curl -X POST "https://hooks.slack.com/services/..." \
#     -H "Content-Type: application/json" \
#     -d '{"text":"✅ Backup incremental RPA concluído com sucesso"}'

exit 0
