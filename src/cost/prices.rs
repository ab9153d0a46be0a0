use super::price_file::{BandList, ClassFile, PriceFile, ProviderFile, Sourced};
use super::{Bands, Price, Provider, ThawSpeed};
use crate::base::Timestamp;
use chrono::NaiveDate;
use std::collections::BTreeMap;

const BUILT_IN: &str = include_str!("../../schema/prices.json");
const BUILT_IN_NAME: &str = "built-in prices";
const FORMAT: &str = "plan-prices/1";

/// Prices older than this are said to be old.
pub const OLD_DAYS: i64 = 90;

/// Sources of this date are the compiler's memory of a page, not a copy of it.
const UNCONFIRMED: &str = "unconfirmed";

/// A dated list of what providers ask for.
///
/// Every price in it is in dollars: those in another currency were converted
/// by the file's own dated rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTable {
    /// The file that it was read from, or `built-in prices`.
    pub name: String,
    pub as_of: NaiveDate,
    providers: BTreeMap<Provider, ProviderPrices>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderPrices {
    /// The region whose prices these are; `all` where they are the same in all.
    pub region: String,
    pub as_of: NaiveDate,
    /// What it means by GB.
    pub gb_bytes: u64,
    /// So many GB are billed even if less is stored.
    pub minimum_gb: u64,
    /// For a GB that leaves the provider; `None`: not known.
    pub egress: Option<Bands>,
    /// What a single number cannot say.
    pub note: Option<String>,
    classes: BTreeMap<String, ClassPrices>,
}

/// `None`: not known, which is not the same as free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassPrices {
    /// For a GB and month.
    pub storage: Bands,
    /// For a thousand requests.
    pub put: Option<Price>,
    pub list: Option<Price>,
    pub get: Option<Price>,
    /// For a GB read, where no thaw is needed.
    pub retrieval: Option<Price>,
    pub thaw: BTreeMap<ThawSpeed, ThawPrices>,
    /// For a thousand objects and month.
    pub monitoring: Option<Price>,
    /// Some of these prices are not confirmed by a source.
    pub is_unconfirmed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThawPrices {
    pub gb: Price,
    /// For a thousand objects.
    pub request: Price,
}

/// Why a price file cannot be used. Prints as one line that names the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PricesError {
    #[error("`{name}` line {line} column {column}: {message}")]
    Json { name: String, line: usize, column: usize, message: String },
    #[error("`{name}` is no price file of format `{FORMAT}`: its `format` is `{found}`")]
    Format { name: String, found: String },
    #[error("`{name}`: {place}: {problem}")]
    Content { name: String, place: String, problem: String },
}

impl PriceTable {
    /// The table that the program carries.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN_NAME, BUILT_IN).expect("a test reads the built-in prices")
    }

    /// Reads a price file; `schema/prices.json` is the example of one. It need
    /// not have all providers, classes and prices.
    ///
    /// # Errors
    /// The first thing that is wrong with the text; `name` is what it is called there.
    pub fn parse(name: &str, text: &str) -> Result<Self, PricesError> {
        let file: PriceFile = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
            let (line, column) = (error.line(), error.column());
            PricesError::Json { name: name.to_owned(), line, column, message: message.to_owned() }
        })?;
        if file.format != FORMAT {
            return Err(PricesError::Format { name: name.to_owned(), found: file.format });
        }
        let reader = Reader { name, file: &file };
        let as_of = reader.date("as_of", &file.as_of)?;
        let mut providers = BTreeMap::new();
        for (key, provider) in &file.providers {
            let known = Provider::ALL.into_iter().find(|known| known.key() == key);
            let Some(known) = known else {
                let keys = Provider::ALL.map(Provider::key).join("`, `");
                return Err(reader.error(key, &format!("no provider of that name; known are `{keys}`")));
            };
            providers.insert(known, reader.provider(known, provider, as_of)?);
        }
        Ok(Self { name: name.to_owned(), as_of, providers })
    }

    pub fn provider(&self, provider: Provider) -> Option<&ProviderPrices> {
        self.providers.get(&provider)
    }
}

impl ProviderPrices {
    pub fn class(&self, name: &str) -> Option<&ClassPrices> {
        self.classes.get(name)
    }

    /// Whole days since its prices were read; zero if that is in the future.
    pub fn age_days(&self, now: Timestamp) -> i64 {
        (now.date_naive() - self.as_of).num_days().max(0)
    }

    /// Whether the prices are too old to be quoted without saying so.
    pub fn is_old(&self, now: Timestamp) -> bool {
        self.age_days(now) > OLD_DAYS
    }
}

struct Reader<'a> {
    name: &'a str,
    file: &'a PriceFile,
}

impl Reader<'_> {
    fn error(&self, place: &str, problem: &str) -> PricesError {
        PricesError::Content { name: self.name.to_owned(), place: place.to_owned(), problem: problem.to_owned() }
    }

    fn date(&self, place: &str, text: &str) -> Result<NaiveDate, PricesError> {
        text.parse().map_err(|_| self.error(place, &format!("`{text}` is not a date such as `2026-09-20`")))
    }

    fn provider(
        &self,
        provider: Provider,
        file: &ProviderFile,
        as_of: NaiveDate,
    ) -> Result<ProviderPrices, PricesError> {
        let place = provider.key();
        let as_of = file.as_of.as_ref().map_or(Ok(as_of), |date| self.date(&format!("{place} as_of"), date))?;
        if file.gb_bytes == 0 {
            return Err(self.error(place, "`gb_bytes` must be more than 0"));
        }
        let rate = self.rate(place, file.currency.as_deref())?;
        let egress = file.egress.as_ref().map(|egress| self.bands(&format!("{place} egress"), egress, rate));
        let mut classes = BTreeMap::new();
        for (name, class) in &file.classes {
            let place = format!("{place} {name}");
            if provider.class(name).is_none() && provider.classes_are_complete() {
                let known: Vec<&str> = provider.classes().iter().map(|class| class.name).collect();
                return Err(self.error(&place, &format!("{provider} has no such class, only `{}`", known.join("`, `"))));
            }
            classes.insert(name.clone(), self.class(&place, class, rate)?);
        }
        Ok(ProviderPrices {
            region: file.region.clone().unwrap_or_else(|| "all".to_owned()),
            as_of,
            gb_bytes: file.gb_bytes,
            minimum_gb: file.minimum_gb,
            egress: egress.transpose()?,
            note: file.note.clone(),
            classes,
        })
    }

    /// Dollars for one of a currency.
    fn rate(&self, place: &str, currency: Option<&str>) -> Result<f64, PricesError> {
        match currency {
            None | Some("USD") => Ok(1.0),
            Some(currency) => match self.file.rates.get(currency) {
                Some(rate) => self.price(place, rate, 1.0).map(|_| rate.dollars),
                None => Err(self.error(place, &format!("there is no rate for `{currency}` among `rates`"))),
            },
        }
    }

    fn class(&self, place: &str, file: &ClassFile, rate: f64) -> Result<ClassPrices, PricesError> {
        let price = |name: &str, sourced: &Option<Sourced<f64>>| {
            sourced.as_ref().map(|sourced| self.price(&format!("{place} {name}"), sourced, rate)).transpose()
        };
        let mut thaw = BTreeMap::new();
        for (key, prices) in &file.thaw {
            let place = format!("{place} thaw {key}");
            let Some(speed) = ThawSpeed::ALL.into_iter().find(|speed| speed.key() == key) else {
                return Err(self.error(&place, "a thaw is `expedited`, `standard` or `bulk`"));
            };
            let gb = self.price(&format!("{place} gb"), &prices.gb, rate)?;
            let request = self.price(&format!("{place} request"), &prices.request, rate)?;
            thaw.insert(speed, ThawPrices { gb, request });
        }
        Ok(ClassPrices {
            storage: self.bands(&format!("{place} storage"), &file.storage, rate)?,
            put: price("put", &file.put)?,
            list: price("list", &file.list)?,
            get: price("get", &file.get)?,
            retrieval: price("retrieval", &file.retrieval)?,
            thaw,
            monitoring: price("monitoring", &file.monitoring)?,
            is_unconfirmed: file.sources().any(|source| self.is_unconfirmed(source)),
        })
    }

    fn is_unconfirmed(&self, source: &str) -> bool {
        self.file.sources.get(source).is_some_and(|source| source.as_of == UNCONFIRMED)
    }

    fn price(&self, place: &str, sourced: &Sourced<f64>, rate: f64) -> Result<Price, PricesError> {
        self.known_source(place, sourced.source.as_deref())?;
        self.dollars(place, sourced.dollars, rate)
    }

    fn dollars(&self, place: &str, dollars: f64, rate: f64) -> Result<Price, PricesError> {
        Price::from_dollars(dollars * rate).ok_or_else(|| self.error(place, &format!("`{dollars}` is no price")))
    }

    fn bands(&self, place: &str, sourced: &Sourced<BandList>, rate: f64) -> Result<Bands, PricesError> {
        self.known_source(place, sourced.source.as_deref())?;
        let bands: Result<Vec<_>, _> =
            (sourced.dollars.iter()).map(|(end, dollars)| Ok((*end, self.dollars(place, *dollars, rate)?))).collect();
        Bands::new(bands?).ok_or_else(|| self.error(place, "bands ascend, and the last one ends with `null`"))
    }

    fn known_source(&self, place: &str, source: Option<&str>) -> Result<(), PricesError> {
        match source {
            Some(source) if !self.file.sources.contains_key(source) => {
                Err(self.error(place, &format!("`{source}` is not among `sources`")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn example() -> Value {
        json!({
            "format": "plan-prices/1",
            "as_of": "2026-09-20",
            "sources": { "page": { "what": "a page", "as_of": "2026-09-20" } },
            "rates": { "EUR": [1.25, "page"] },
            "providers": { "aws": { "gb_bytes": 1_000_000_000, "classes": {
                "STANDARD": { "storage": [0.023, "page"], "put": 0.005 },
                "GLACIER": { "storage": { "bands": [[100, 0.004], [null, 0.003]] }, "thaw": { "standard": { "gb": 0.01, "request": 0.05 } } }
            } } }
        })
    }

    fn refusal(change: impl FnOnce(&mut Value)) -> String {
        let mut file = example();
        change(&mut file);
        PriceTable::parse("my.json", &file.to_string()).expect_err("it is wrong").to_string()
    }

    #[test]
    fn the_built_in_prices_are_read_and_say_what_the_providers_ask() {
        let table = PriceTable::built_in();
        let mut lines = Vec::new();
        for provider in Provider::ALL {
            let prices = table.provider(provider).expect("it is in the table");
            for class in provider.classes() {
                let Some(class_prices) = prices.class(class.name) else { continue };
                let request = |price: Option<Price>| price.map_or("?".to_owned(), |price| price.to_string());
                let read = match class_prices.thaw.get(&ThawSpeed::Standard) {
                    Some(thaw) => format!("thaw {}", thaw.gb),
                    None => request(class_prices.retrieval),
                };
                lines.push(format!(
                    "{} {:<9}{:<20}{:<13} put {:<9} get {:<9} read {read}",
                    prices.as_of,
                    provider.key(),
                    class.name,
                    class_prices.storage.first().to_string(),
                    request(class_prices.put),
                    request(class_prices.get),
                ));
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
        2026-08-31 aws      STANDARD            $0.023        put $0.005    get $0.0004   read $0.00
        2026-08-31 aws      STANDARD_IA         $0.0125       put $0.01     get $0.001    read $0.01
        2026-08-31 aws      ONEZONE_IA          $0.01         put $0.01     get $0.001    read $0.01
        2026-08-31 aws      INTELLIGENT_TIERING $0.023        put $0.005    get $0.0004   read $0.00
        2026-08-31 aws      GLACIER_IR          $0.004        put $0.02     get $0.01     read $0.03
        2026-08-31 aws      GLACIER             $0.0036       put $0.03     get $0.0004   read thaw $0.01
        2026-08-31 aws      DEEP_ARCHIVE        $0.00099      put $0.05     get $0.0004   read thaw $0.02
        2026-08-31 aws      REDUCED_REDUNDANCY  $0.024        put $0.005    get $0.0004   read $0.00
        2026-09-20 gcs      STANDARD            $0.02         put $0.005    get $0.0004   read $0.00
        2026-09-20 gcs      NEARLINE            $0.01         put $0.01     get $0.001    read $0.01
        2026-09-20 gcs      COLDLINE            $0.004        put $0.02     get $0.01     read $0.02
        2026-09-20 gcs      ARCHIVE             $0.0012       put $0.05     get $0.05     read $0.05
        2026-09-01 azure    Hot                 $0.0208       put $0.005    get $0.0004   read $0.00
        2026-09-01 azure    Cool                $0.0152       put $0.01     get $0.001    read $0.01
        2026-09-01 azure    Cold                $0.0036       put $0.018    get $0.01     read $0.03
        2026-09-01 azure    Archive             $0.00099      put $0.01     get $0.50     read thaw $0.02
        2026-09-11 b2       STANDARD            $0.00695      put $0.00     get $0.00     read $0.00
        2026-07-01 wasabi   STANDARD            $0.007802734  put $0.00     get $0.00     read $0.00
        2026-01-01 r2       STANDARD            $0.015        put $0.0045   get $0.00036  read $0.00
        2026-01-01 r2       STANDARD_IA         $0.01         put $0.009    get $0.0009   read $0.01
        2026-09-07 scaleway STANDARD            $0.0186024    put $0.00     get $0.00     read $0.00
        2026-09-07 scaleway ONEZONE_IA          $0.0139518    put $0.00     get $0.00     read $0.00
        2026-09-07 scaleway GLACIER             $0.002953131  put $0.00     get $0.00     read thaw $0.01046385
        2026-05-27 ovh      COLD_ARCHIVE        $0.00197      put ?         get ?         read thaw $0.011
        2026-01-01 hetzner  STANDARD            $0.007545598  put $0.00     get $0.00     read $0.00
        ");
    }

    #[test]
    fn a_table_of_ones_own_may_leave_things_out() {
        let table = PriceTable::parse("my.json", &example().to_string()).expect("it is right");
        let aws = table.provider(Provider::Aws).expect("it is there");
        assert_eq!(aws.as_of, table.as_of);
        assert_eq!(aws.egress, None);
        assert_eq!(aws.class("GLACIER").expect("it is there").put, None);
        assert_eq!(aws.class("STANDARD_IA"), None);
        assert_eq!(table.provider(Provider::Gcs), None);
    }

    #[test]
    fn other_currencies_are_converted_by_the_rate_of_the_file() {
        let mut file = example();
        file["providers"]["aws"]["currency"] = json!("EUR");
        let table = PriceTable::parse("my.json", &file.to_string()).expect("it is right");
        let aws = table.provider(Provider::Aws).expect("it is there");
        assert_eq!(aws.class("STANDARD").expect("it is there").put.expect("it is priced").to_string(), "$0.00625");
    }

    #[test]
    fn a_bad_price_file_says_what_and_where() {
        let class = |file: &mut Value, value| file["providers"]["aws"]["classes"]["STANDARD"] = value;
        let refusals = [
            PriceTable::parse("my.json", "{\n  \"format\": \"plan-prices/1\",\n  oops")
                .expect_err("no JSON")
                .to_string(),
            PriceTable::parse("my.json", "").expect_err("no JSON").to_string(),
            refusal(|file| file["format"] = json!("plan-prices/2")),
            refusal(|file| file["as_of"] = json!("yesterday")),
            refusal(|file| file["extra"] = json!(1)),
            refusal(|file| file["providers"]["azur"] = file["providers"]["aws"].clone()),
            refusal(|file| file["providers"]["aws"]["classes"]["STANDRD"] = json!({ "storage": 1 })),
            refusal(|file| file["providers"]["aws"]["currency"] = json!("CHF")),
            refusal(|file| file["providers"]["aws"]["gb_bytes"] = json!(0)),
            refusal(|file| class(file, json!({ "put": 0.005 }))),
            refusal(|file| class(file, json!({ "storage": "cheap" }))),
            refusal(|file| class(file, json!({ "storage": -0.01 }))),
            refusal(|file| class(file, json!({ "storage": [0.01, "rumour"] }))),
            refusal(|file| class(file, json!({ "storage": { "bands": [[100, 0.02]] } }))),
            refusal(|file| class(file, json!({ "storage": 0.02, "thaw": { "quick": { "gb": 1, "request": 1 } } }))),
        ];
        insta::assert_snapshot!(refusals.join("\n"), @r#"
        `my.json` line 3 column 3: key must be a string
        `my.json` line 1 column 0: EOF while parsing a value
        `my.json` is no price file of format `plan-prices/1`: its `format` is `plan-prices/2`
        `my.json`: as_of: `yesterday` is not a date such as `2026-09-20`
        `my.json` line 1 column 354: unknown field `extra`, expected one of `format`, `as_of`, `currency`, `note`, `sources`, `rates`, `providers`
        `my.json`: azur: no provider of that name; known are `aws`, `gcs`, `azure`, `b2`, `wasabi`, `r2`, `scaleway`, `ovh`, `hetzner`
        `my.json`: aws STANDRD: Amazon S3 has no such class, only `STANDARD`, `STANDARD_IA`, `ONEZONE_IA`, `INTELLIGENT_TIERING`, `GLACIER_IR`, `GLACIER`, `DEEP_ARCHIVE`, `REDUCED_REDUNDANCY`, `EXPRESS_ONEZONE`, `OUTPOSTS`
        `my.json`: aws: there is no rate for `CHF` among `rates`
        `my.json`: aws: `gb_bytes` must be more than 0
        `my.json` line 1 column 212: missing field `storage`
        `my.json` line 1 column 217: invalid type: string "cheap", expected a price such as 0.0125 or [0.0125, "source"], or bands of prices
        `my.json`: aws STANDARD storage: `-0.01` is no price
        `my.json`: aws STANDARD storage: `rumour` is not among `sources`
        `my.json`: aws STANDARD storage: bands ascend, and the last one ends with `null`
        `my.json`: aws STANDARD thaw quick: a thaw is `expedited`, `standard` or `bulk`
        "#);
    }

    #[test]
    fn prices_are_old_after_ninety_days() {
        let table = PriceTable::parse("my.json", &example().to_string()).expect("it is right");
        let aws = table.provider(Provider::Aws).expect("it is there");
        let day = |text: &str| format!("{text}T12:00:00Z").parse::<Timestamp>().expect("it is a time");
        assert!(!aws.is_old(day("2026-12-19")), "90 days");
        assert!(aws.is_old(day("2026-12-20")), "91 days");
        assert_eq!(aws.age_days(day("2020-01-01")), 0);
    }
}
