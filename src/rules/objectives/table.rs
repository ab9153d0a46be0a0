use super::{Exposure, Objectives};
use crate::base::{Cell, Column, Paint, Style, Table, format_duration};
use serde_json::{Value, json};
use std::time::Duration;

impl Objectives {
    /// A line for each source and loss, then the plan's promises and what the figures rest on.
    /// Where there is no room for the sums beside them, these stand below.
    pub fn render(&self, width: usize, style: Style) -> String {
        const LEAST_FOR_SUMS: usize = 40;
        let figures = self.table(false).render(usize::MAX / 2, Style::PLAIN);
        let widest = figures.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        let has_room = widest + LEAST_FOR_SUMS <= width;
        let mut out = self.table(has_room).render(width, style);
        if !has_room {
            out.push('\n');
            for line in self.sums() {
                out.push_str(&format!("{line}\n"));
            }
        }
        let promise = |name: &str, value: Option<Duration>| match value {
            Some(value) => format!("{name} {}", format_duration(value)),
            None => format!("no {name}"),
        };
        let (rpo, rto) = (promise("rpo", self.rpo), promise("rto", self.rto));
        out.push_str(&format!("\nthe plan promises {rpo} and {rto}; what breaks that is marked `!`\n"));
        out.push_str(
            "sizes are those of `expect`, a line carries 100 Mbit/s unless limited; reading and packing is not counted\n",
        );
        out
    }

    /// `data, the disk: 4h between runs + 2s to send what changed`, one a line, each sum once for a source.
    fn sums(&self) -> Vec<String> {
        let mut sums: Vec<(&str, &str, Vec<String>)> = Vec::new();
        for exposure in &self.exposures {
            let Some(copy) = exposure.freshest() else { continue };
            match sums.last_mut() {
                Some((source, sum, losses)) if *source == exposure.source && *sum == copy.because => {
                    losses.push(exposure.loss.to_string());
                }
                _ => sums.push((&exposure.source, &copy.because, vec![exposure.loss.to_string()])),
            }
        }
        sums.iter().map(|(source, sum, losses)| format!("{source}, {}: {sum}", losses.join(", "))).collect()
    }

    fn table(&self, with_sums: bool) -> Table {
        let mut columns = vec![
            Column::left("SOURCE"),
            Column::left("AFTER THE LOSS OF"),
            Column::left("LEFT IN").wrap(),
            Column::right("AT MOST LOST"),
            Column::right("BACK WITHIN"),
        ];
        columns.extend(with_sums.then(|| Column::left("BECAUSE").wrap()));
        let mut table = Table::new(columns);
        let mut last = "";
        for exposure in &self.exposures {
            let name = if last == exposure.source { "" } else { &exposure.source };
            last = &exposure.source;
            let tiers: Vec<&str> = exposure.copies.iter().map(|copy| copy.tier.as_str()).collect();
            let left =
                if tiers.is_empty() { Cell::painted(Paint::Bad, "nothing") } else { Cell::from(tiers.join(", ")) };
            let figures = [
                Cell::from(name),
                Cell::from(exposure.loss.to_string()),
                left,
                self.lost(exposure),
                self.back(exposure),
            ];
            let sum = exposure.freshest().map_or(String::new(), |copy| copy.because.clone());
            table.row(figures.into_iter().chain(with_sums.then(|| Cell::from(sum))));
        }
        table
    }

    fn lost(&self, exposure: &Exposure) -> Cell {
        if exposure.copies.is_empty() {
            return Cell::painted(Paint::Bad, "everything");
        }
        match exposure.freshest().and_then(|copy| copy.lost) {
            None => Cell::painted(Paint::Bad, "unknown"),
            Some(lost) => marked(lost, self.rpo.is_some_and(|rpo| lost >= rpo)),
        }
    }

    fn back(&self, exposure: &Exposure) -> Cell {
        if exposure.copies.is_empty() {
            return Cell::painted(Paint::Bad, "never");
        }
        match exposure.quickest().and_then(|copy| copy.back) {
            None => Cell::from("unknown"),
            Some(back) if back.is_zero() => Cell::from("unknown"),
            Some(back) => marked(back, self.rto.is_some_and(|rto| back > rto)),
        }
    }

    pub fn to_json(&self) -> Value {
        let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs());
        let exposures: Vec<Value> = self
            .exposures
            .iter()
            .map(|exposure| {
                let (freshest, quickest) = (exposure.freshest(), exposure.quickest());
                let lost = freshest.and_then(|copy| copy.lost);
                let back = quickest.and_then(|copy| copy.back).filter(|back| !back.is_zero());
                let met =
                    |promise: Option<Duration>, value: Option<Duration>, meets: fn(Duration, Duration) -> bool| {
                        promise.map(|promise| value.is_some_and(|value| meets(value, promise)))
                    };
                json!({
                    "source": exposure.source,
                    "loss": exposure.loss,
                    "tiers": exposure.copies.iter().map(|copy| copy.tier.as_str()).collect::<Vec<_>>(),
                    "lost_seconds": seconds(lost),
                    "because": freshest.map(|copy| copy.because.as_str()),
                    "back_seconds": seconds(back),
                    "rpo_met": met(self.rpo, lost, |lost, rpo| lost < rpo),
                    "rto_met": back.and_then(|back| met(self.rto, Some(back), |back, rto| back <= rto)),
                })
            })
            .collect();
        json!({ "rpo_seconds": seconds(self.rpo), "rto_seconds": seconds(self.rto), "exposures": exposures })
    }
}

fn marked(duration: Duration, is_broken: bool) -> Cell {
    let text = format_duration(duration);
    if is_broken { Cell::painted(Paint::Bad, format!("! {text}")) } else { Cell::from(text) }
}
