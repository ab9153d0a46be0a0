//! Plans for the tests of this module.

use super::PriceTable;
use crate::base::Timestamp;
use crate::diagnostics::{Human, Severity, Span, Spanned};
use crate::language::load;
use crate::plan::{Plan, Setting, SettingValue, StoreSpec, resolve};
use std::io;
use std::path::Path;

/// The plan of a text whose values are right.
pub(super) fn plan(text: &str) -> Plan {
    let loaded = load("plan.kdl", text, &mut |_: &Path| Err(io::ErrorKind::NotFound.into()));
    let (plan, diagnostics) = resolve(&loaded.document, &loaded.files);
    let all: Vec<_> = loaded.diagnostics.into_iter().chain(diagnostics).collect();
    let is_wrong = all.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert!(!is_wrong, "{}", Human::default().render(&all, &loaded.files));
    plan.expect("the text has a plan node")
}

/// A plan with one source of 100 MB and one tier with these lines.
pub(super) fn one_tier(tier: &str) -> Plan {
    plan(&format!(
        "plan p {{\n source data {{ base \"/srv\"; expect size=\"100MB\" change=\"10MB\" }}\n tier t {{\n{tier}\n}}\n}}"
    ))
}

pub(super) fn repository_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).expect("the file is there")
}

/// The prices that the RPA document reckons with.
pub(super) fn document_prices() -> PriceTable {
    PriceTable::parse("rpa-prices.json", &repository_file("plans/rpa-prices.json")).expect("it is right")
}

pub(super) fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().expect("it is a time")
}

fn at<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

pub(super) fn store(service: &str, settings: &[(&str, &str)]) -> StoreSpec {
    let setting = |(key, value): &(&str, &str)| Setting {
        key: at((*key).to_owned()),
        value: at(SettingValue::Text((*value).to_owned())),
    };
    StoreSpec {
        service: at(service.to_owned()),
        settings: settings.iter().map(setting).collect(),
        span: Span::default(),
    }
}
