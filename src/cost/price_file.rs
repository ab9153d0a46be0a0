//! The JSON of a price file, as it stands there. What its names mean and
//! whether its numbers are prices, [`super::PriceTable`] decides.

use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceFile {
    pub format: String,
    pub as_of: String,
    /// Of the file as a whole: always dollars.
    #[serde(default, rename = "currency")]
    _currency: Option<Dollars>,
    #[serde(default, rename = "note")]
    _note: Option<String>,
    #[serde(default)]
    pub sources: BTreeMap<String, SourceFile>,
    /// Dollars for one of a currency.
    #[serde(default)]
    pub rates: BTreeMap<String, Sourced<f64>>,
    pub providers: BTreeMap<String, ProviderFile>,
}

#[derive(Deserialize)]
enum Dollars {
    #[serde(rename = "USD")]
    Usd,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceFile {
    #[serde(rename = "what")]
    _what: String,
    pub as_of: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderFile {
    pub region: Option<String>,
    pub as_of: Option<String>,
    pub currency: Option<String>,
    pub gb_bytes: u64,
    #[serde(default)]
    pub minimum_gb: u64,
    pub egress: Option<Sourced<BandList>>,
    pub note: Option<String>,
    pub classes: BTreeMap<String, ClassFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassFile {
    pub storage: Sourced<BandList>,
    pub put: Option<Sourced<f64>>,
    pub list: Option<Sourced<f64>>,
    pub get: Option<Sourced<f64>>,
    pub retrieval: Option<Sourced<f64>>,
    #[serde(default)]
    pub thaw: BTreeMap<String, ThawFile>,
    pub monitoring: Option<Sourced<f64>>,
}

impl ClassFile {
    /// The sources of all its prices, with repetitions.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let single = [&self.put, &self.list, &self.get, &self.retrieval, &self.monitoring].into_iter().flatten();
        let thaw = self.thaw.values().flat_map(|thaw| [&thaw.gb, &thaw.request]);
        let prices = single.chain(thaw).filter_map(|price| price.source.as_deref());
        self.storage.source.as_deref().into_iter().chain(prices)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThawFile {
    pub gb: Sourced<f64>,
    pub request: Sourced<f64>,
}

/// Up to how many GB in all, and the price of each of them.
pub(super) type BandList = Vec<(Option<u64>, f64)>;

/// A price, or bands of prices, with the name of the source.
pub(super) struct Sourced<T> {
    pub dollars: T,
    pub source: Option<String>,
}

/// `0.0125` or `[0.0125, "source"]`.
struct PriceVisitor;

impl<'de> Visitor<'de> for PriceVisitor {
    type Value = Sourced<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a price such as 0.0125 or [0.0125, \"source\"]")
    }

    fn visit_f64<E: de::Error>(self, dollars: f64) -> Result<Self::Value, E> {
        Ok(Sourced { dollars, source: None })
    }

    fn visit_u64<E: de::Error>(self, dollars: u64) -> Result<Self::Value, E> {
        self.visit_f64(dollars as f64)
    }

    fn visit_i64<E: de::Error>(self, dollars: i64) -> Result<Self::Value, E> {
        self.visit_f64(dollars as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let dollars = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
        let source = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
        if seq.next_element::<de::IgnoredAny>()?.is_some() {
            return Err(de::Error::invalid_length(3, &self));
        }
        Ok(Sourced { dollars, source: Some(source) })
    }
}

impl<'de> Deserialize<'de> for Sourced<f64> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PriceVisitor)
    }
}

/// A price, or `{"bands": [[100, 0.02], [null, 0.01]], "source": "…"}`.
struct BandsVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BandsFile {
    bands: BandList,
    source: Option<String>,
}

impl<'de> Visitor<'de> for BandsVisitor {
    type Value = Sourced<BandList>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a price such as 0.0125 or [0.0125, \"source\"], or bands of prices")
    }

    fn visit_f64<E: de::Error>(self, dollars: f64) -> Result<Self::Value, E> {
        Ok(Sourced { dollars: vec![(None, dollars)], source: None })
    }

    fn visit_u64<E: de::Error>(self, dollars: u64) -> Result<Self::Value, E> {
        self.visit_f64(dollars as f64)
    }

    fn visit_i64<E: de::Error>(self, dollars: i64) -> Result<Self::Value, E> {
        self.visit_f64(dollars as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        let price = PriceVisitor.visit_seq(seq)?;
        Ok(Sourced { dollars: vec![(None, price.dollars)], source: price.source })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let file = BandsFile::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Sourced { dollars: file.bands, source: file.source })
    }
}

impl<'de> Deserialize<'de> for Sourced<BandList> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BandsVisitor)
    }
}
