use super::SettingsError;
use super::placeholders::{Place, unknown_placeholders};
use super::settings::{check_class, check_metadata_key, find_key, find_service};
use crate::diagnostics::{Diagnostic, Fix, Rule, Severity, Span};
use crate::plan::{SettingValue, Tier};

static SERVICE: Rule = Rule {
    code: "plan::store::service",
    severity: Severity::Error,
    title: "a store's service is none that this program knows",
    why: "The word after `store` names the service that keeps the objects. Services are built into the program; \
          anything that speaks the S3 protocol is `s3` with an `endpoint`.",
    bad: "store minio { bucket backups }",
    good: "store s3 {\n    bucket backups\n    endpoint \"https://minio.example\"\n}",
};

static SETTING: Rule = Rule {
    code: "plan::store::setting",
    severity: Severity::Error,
    title: "a store's service has no setting of that name",
    why: "Each service reads its own settings, by OpenDAL's names for them. A setting with another name would be \
          ignored, and the store would be a different one than the plan says.",
    bad: "store s3 {\n    bucket backups\n    regoin eu-central-1\n}",
    good: "store s3 {\n    bucket backups\n    region eu-central-1\n}",
};

static REPEATED: Rule = Rule {
    code: "plan::store::repeated",
    severity: Severity::Error,
    title: "a setting of a store is set twice",
    why: "A setting has one value. `access-key-id` and `access_key_id` are the same setting.",
    bad: "store s3 {\n    bucket a\n    bucket b\n}",
    good: "store s3 { bucket a }",
};

static MISSING: Rule = Rule {
    code: "plan::store::missing",
    severity: Severity::Error,
    title: "a store lacks a setting that its service needs",
    why: "Without it the service does not know where the objects go.",
    bad: "store s3 { region us-east-1 }",
    good: "store s3 {\n    bucket backups\n    region us-east-1\n}",
};

static CLASS: Rule = Rule {
    code: "plan::store::class",
    severity: Severity::Error,
    title: "a storage class that the service does not have",
    why: "The service would refuse every upload, or store in its standard class without a word. Some services have no \
          classes that an upload could choose.",
    bad: "tier cold {\n    store s3 { bucket b }\n    storage-class COLDLINE\n}",
    good: "tier cold {\n    store s3 { bucket b }\n    storage-class GLACIER\n}",
};

static ENCRYPTION: Rule = Rule {
    code: "plan::store::encryption",
    severity: Severity::Error,
    title: "server-side encryption where it can't be chosen",
    why: "Only S3 lets each upload choose how the service encrypts it. Elsewhere it is set on the bucket or account. \
          `encrypt` is another thing: it encrypts before anything leaves this machine, everywhere.",
    bad: "tier local {\n    store fs { root \"/backups\" }\n    server-side-encryption s3\n}",
    good: "tier local {\n    store fs { root \"/backups\" }\n    encrypt ops\n}",
};

static PLACEHOLDER: Rule = Rule {
    code: "plan::store::placeholder",
    severity: Severity::Error,
    title: "braces around something that is no placeholder",
    why: "`{host}`, `{plan}`, `{tier}` and `{source}` stand for what a run works on, in a store's `root` and in \
          `metadata`. There, `{date}` is when the run started; a `root` does not change from run to run.",
    bad: "store fs { root \"/backups/{hostname}\" }",
    good: "store fs { root \"/backups/{host}\" }",
};

static METADATA: Rule = Rule {
    code: "plan::store::metadata",
    severity: Severity::Error,
    title: "a name of metadata that can't be sent",
    why: "Metadata travels in HTTP headers, whose names are letters, digits and `-`.",
    bad: "metadata \"kept until\"=\"2030\"",
    good: "metadata kept-until=\"2030\"",
};

/// The rules that [`diagnose`] reports.
pub static RULES: [&Rule; 8] = [&CLASS, &ENCRYPTION, &METADATA, &MISSING, &PLACEHOLDER, &REPEATED, &SERVICE, &SETTING];

/// Everything that is wrong with a tier's store and can be known without
/// resolving secrets or connecting.
pub fn diagnose(tier: &Tier) -> Vec<Diagnostic> {
    let store = &tier.store;
    let service = match find_service(&store.service) {
        Ok(service) => service,
        Err(error) => return vec![diagnostic(store.service.span, &error)],
    };
    let mut wrong = Vec::new();
    let mut seen: Vec<(String, Span)> = Vec::new();
    for setting in &store.settings {
        match find_key(service, &setting.key) {
            Err(error) => {
                // What is misspelt is not missing, too.
                seen.extend(error.suggestion().map(|meant| (meant.to_owned(), setting.key.span)));
                wrong.push(diagnostic(setting.key.span, &error));
            }
            Ok(key) => match seen.iter().find(|(other, _)| *other == key) {
                Some((_, first)) => {
                    let error = diagnostic(setting.key.span, &SettingsError::RepeatedKey { key });
                    wrong.push(error.label("again").also(*first, "first"));
                }
                None => seen.push((key, setting.key.span)),
            },
        }
        if let (true, SettingValue::Text(root)) = (setting.key.value == "root", &setting.value.value) {
            wrong.extend(
                unknown_placeholders(root, Place::Root).iter().map(|error| diagnostic(setting.value.span, error)),
            );
        }
    }
    if let Some(key) = service.missing_key(seen.iter().map(|(key, _)| key.as_str())) {
        wrong.push(diagnostic(store.service.span, &SettingsError::MissingKey { service: service.name, key }));
    }
    if let Some(class) = &tier.storage_class
        && let Err(error) = check_class(service, class)
    {
        wrong.push(diagnostic(class.span, &error));
    }
    if let Some(encryption) = tier.server_side_encryption.as_ref().filter(|_| service.name != "s3") {
        wrong.push(diagnostic(encryption.span, &SettingsError::NoEncryption { service: service.name }));
    }
    for (key, value) in &tier.metadata {
        wrong.extend(check_metadata_key(key).err().map(|error| diagnostic(key.span, &error)));
        wrong.extend(unknown_placeholders(value, Place::Metadata).iter().map(|error| diagnostic(key.span, error)));
    }
    wrong
}

fn diagnostic(span: Span, error: &SettingsError) -> Diagnostic {
    let rule = match error {
        SettingsError::UnknownService { .. } => &SERVICE,
        SettingsError::UnknownKey { .. } | SettingsError::Secret { .. } => &SETTING,
        SettingsError::RepeatedKey { .. } => &REPEATED,
        SettingsError::MissingKey { .. } => &MISSING,
        SettingsError::UnknownClass { .. } | SettingsError::NoClasses { .. } => &CLASS,
        SettingsError::NoEncryption { .. } | SettingsError::CustomerKey => &ENCRYPTION,
        SettingsError::UnknownPlaceholder { .. } | SettingsError::NoSource => &PLACEHOLDER,
        SettingsError::MetadataKey { .. } => &METADATA,
    };
    let found = Diagnostic::new(rule, span, error.to_string()).help(error.help());
    match error.suggestion() {
        Some(name) => found.fix(Fix::replace(span, name)),
        None => found,
    }
}
