# Slack Webhook
SLACK_WEBHOOK="https://hooks.slack.com/services/..."

# Função de alerta
send_alert() {
    curl -X POST "$SLACK_WEBHOOK" \
        -H "Content-Type: application/json" \
        -d "{\"text\":\"🚨 RPA Backup Alert: $1\"}"
}

# Uso
send_alert "Backup incremental falhou em $(date)"
