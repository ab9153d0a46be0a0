use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;

/// The field names (aliases among them) of a struct that derives
/// `Deserialize`: it is asked to deserialize itself from a source that only
/// writes down which fields it would look for.
pub(super) fn field_names<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    match T::deserialize(AskForFields) {
        Err(Answer::Fields(fields)) => fields,
        _ => &[],
    }
}

struct AskForFields;

#[derive(Debug)]
enum Answer {
    Fields(&'static [&'static str]),
    NoStruct,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only the field names were asked for")
    }
}

impl std::error::Error for Answer {}

impl de::Error for Answer {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::NoStruct
    }
}

impl<'de> Deserializer<'de> for AskForFields {
    type Error = Answer;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        Err(Answer::NoStruct)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Answer> {
        Err(Answer::Fields(fields))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
