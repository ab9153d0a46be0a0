//! Plans for the tests of this module.

use crate::diagnostics::{Span, Spanned};
use crate::plan::{Setting, SettingValue, StoreSpec};

pub(super) fn at<T>(value: T) -> Spanned<T> {
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
