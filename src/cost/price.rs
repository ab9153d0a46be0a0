use crate::base::Money;
use std::fmt;

/// Dollars for one unit of something, in whole billionths: requests cost less
/// than a millionth each, but a price is for a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price {
    nanos: u64,
}

/// No unit of anything costs a million dollars; this keeps sums within 128 bits.
const MOST: f64 = 1e6;

impl Price {
    pub const FREE: Price = Price { nanos: 0 };

    /// `None` if it is negative, too large or no number. Rounds to the billionth.
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        (0.0..=MOST).contains(&dollars).then(|| Self { nanos: (dollars * 1e9).round() as u64 })
    }

    /// What `quantity` costs when the price is for `unit`; rounded half up to the millionth.
    pub fn charge(self, quantity: u128, unit: u128) -> Money {
        let divisor = unit.max(1).saturating_mul(1000);
        let micros = u128::from(self.nanos).saturating_mul(quantity).saturating_add(divisor / 2) / divisor;
        Money::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// As in a price list: `$0.0125`.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.nanos % 1_000_000_000);
        let fraction = fraction.trim_end_matches('0');
        f.pad(&format!("${}.{fraction:0<2}", self.nanos / 1_000_000_000))
    }
}

/// A price for a GB that falls with the quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bands {
    /// Up to how many GB in all, and the price of each of them; ascending,
    /// the last without an end. Never empty.
    bands: Vec<(Option<u64>, Price)>,
}

impl From<Price> for Bands {
    fn from(price: Price) -> Self {
        Self { bands: vec![(None, price)] }
    }
}

impl Bands {
    /// `None` unless the ends ascend and only the last band has none.
    pub fn new(bands: Vec<(Option<u64>, Price)>) -> Option<Self> {
        let (last, others) = bands.split_last()?;
        let ends: Option<Vec<u64>> = others.iter().map(|(end, _)| *end).collect();
        let is_ascending = ends?.windows(2).all(|pair| pair[0] < pair[1]);
        (is_ascending && last.0.is_none()).then_some(Self { bands })
    }

    /// The price of the first GB.
    pub fn first(&self) -> Price {
        self.bands[0].1
    }

    /// The price of the first GB that is not free.
    pub fn first_charged(&self) -> Price {
        self.bands.iter().map(|(_, price)| *price).find(|price| *price > Price::FREE).unwrap_or_default()
    }

    /// What so many bytes cost, at `gb_bytes` a GB.
    pub fn charge(&self, bytes: u128, gb_bytes: u64) -> Money {
        let mut from = 0;
        let mut total = Money::ZERO;
        for (end, price) in &self.bands {
            let end = end.map_or(u128::MAX, |gb| u128::from(gb) * u128::from(gb_bytes));
            total += price.charge(bytes.min(end).saturating_sub(from), gb_bytes.into());
            from = end;
            if bytes <= end {
                break;
            }
        }
        total
    }

    /// What `more` bytes cost on top of `bytes`.
    pub fn charge_on_top(&self, bytes: u128, more: u128, gb_bytes: u64) -> Money {
        self.charge(bytes.saturating_add(more), gb_bytes) - self.charge(bytes, gb_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn price(dollars: f64) -> Price {
        Price::from_dollars(dollars).expect("it is a price")
    }

    #[test]
    fn a_charge_is_exact_to_the_millionth() {
        assert_eq!(price(0.0125).charge(3_000_000_000, GB.into()), Money::from_micros(37_500));
        assert_eq!(price(0.004).charge(104_000_000_000, GB.into()), Money::from_micros(416_000));
        assert_eq!(price(0.0004).charge(1, 1000), Money::from_micros(0));
        assert_eq!(price(0.0004).charge(2, 1000), Money::from_micros(1), "0.8 millionths");
        assert_eq!(price(1e6).charge(u128::MAX, 1), Money::from_micros(i64::MAX));
    }

    #[test]
    fn prices_out_of_range_are_none() {
        for wrong in [-0.01, 1e7, f64::NAN, f64::INFINITY] {
            assert_eq!(Price::from_dollars(wrong), None, "{wrong}");
        }
        assert_eq!(price(0.0125).to_string(), "$0.0125");
        assert_eq!(price(10.0).to_string(), "$10.00");
    }

    #[test]
    fn bands_charge_each_part_at_its_own_price() {
        let bands = Bands::new(vec![(Some(100), Price::FREE), (Some(10_000), price(0.09)), (None, price(0.05))]);
        let bands = bands.expect("they ascend");
        let dollars = |gb: u128| bands.charge(gb * u128::from(GB), GB).micros() / 1_000_000;
        assert_eq!([0, 100, 200, 10_000, 20_000].map(dollars), [0, 0, 9, 891, 1391]);
        assert_eq!(bands.charge_on_top(u128::from(GB) * 50, u128::from(GB) * 100, GB), Money::from_micros(4_500_000));
        assert_eq!(bands.first_charged(), price(0.09));
    }

    #[test]
    fn bands_must_ascend_and_end_open() {
        let free = Price::FREE;
        for wrong in [
            vec![],
            vec![(Some(1), free)],
            vec![(None, free), (None, free)],
            vec![(Some(2), free), (Some(2), free), (None, free)],
        ] {
            assert_eq!(Bands::new(wrong.clone()), None, "{wrong:?}");
        }
    }
}
