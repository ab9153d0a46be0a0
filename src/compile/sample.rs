//! Plans for tests.

use crate::diagnostics::{Human, Severity};
use crate::language::load;
use crate::plan::{Plan, resolve};
use std::io;
use std::path::Path;

/// The plan of a text whose values are right.
pub fn plan(text: &str) -> Plan {
    let loaded = load("plan.kdl", text, &mut |_: &Path| Err(io::ErrorKind::NotFound.into()));
    let (plan, diagnostics) = resolve(&loaded.document, &loaded.files);
    let all: Vec<_> = loaded.diagnostics.into_iter().chain(diagnostics).collect();
    let errors = all.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert!(!errors, "{}", Human::default().render(&all, &loaded.files));
    plan.expect("the text has a plan node")
}

/// A plan of the repository.
pub fn repository_plan(name: &str) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("plans/{name}.kdl"));
    plan(&std::fs::read_to_string(path).expect("the plan is there"))
}

/// The whole plan of the language's design page, and a secret that it should not have.
pub fn rpa() -> Plan {
    plan(RPA)
}

const RPA: &str = r#"
plan rpa {
    description "RPA V6.0.0: local every 4 h, cloud every 4 h, weekly archive"
    timezone UTC
    objective rpo="4h" rto="30m"
    key ops {
        recipient "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
        recipient "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg" note="off-site escrow"
        identity (file)"/etc/plan/rpa.key"
    }
    source data {
        base "/opt/imediatoseguros-rpa"
        include rpa_data logs sessions parametros.json
        exclude "*.tmp"
    }
    source config {
        include "/etc/nginx/sites-available/rpaimediatoseguros.com.br"
        include "/etc/systemd/system/rpa-startup.service"
        include "/opt/imediatoseguros-rpa/startup.sh"
    }
    source code {
        base "/opt"
        include "imediatoseguros-rpa/executar_rpa_imediato_playwright.py" imediatoseguros-rpa-v4
    }
    source system {
        base "/opt"
        include imediatoseguros-rpa imediatoseguros-rpa-v4
        exclude "*.log" "*.tmp" "venv/lib" "venv/include"
    }
    source db {
        command pg_dump "-Fc" rpa { stdout "rpa.dump" }
    }
    tier local {
        store fs { root "/opt/backups" }
        schedule "0 2-22/4 * * *"
        take data
        take config code db schedule="0 2 * * *"
        keep within="3d" last=3
        verify contents
    }
    tier cloud {
        store s3 {
            bucket imediatoseguros-rpa-backups
            region us-east-1
            root "/incremental"
            access_key_id (env)AWS_ACCESS_KEY_ID
            secret_access_key hunter2
        }
        storage-class STANDARD_IA
        server-side-encryption kms key="alias/rpa-backup-key"
        encrypt ops
        schedule "0 2-22/4 * * *" jitter="5m"
        take data
        take config code db schedule="0 3 * * *"
        keep daily=30
        verify checksum
        verify contents sample="5%" schedule="0 4 * * *"
    }
    tier archive {
        mode full
        store s3 { bucket imediatoseguros-rpa-backups; region us-east-1; root "/complete" }
        storage-class GLACIER
        encrypt ops
        compress gzip level=6
        take system schedule="0 2 * * 0"
        keep weekly=52
        verify presence
    }
    notify ops { slack (env)SLACK_WEBHOOK; on failure recovered missed }
    notify watchdog { healthchecks (env)PING_URL; on start success failure }
    report weekly schedule="0 8 * * 1" to=ops
    drill data tier=cloud schedule="0 5 1 * *" max-time="30m"
}
"#;
