use crate::base::printable;
use crate::compile::{Action, Compiled, Edge, Needs, NodeId, Step};
use std::collections::BTreeMap;
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

/// Sizes in pixels. Chosen.
const ROW_HEIGHT: usize = 38;
const NODE_HEIGHT: usize = 26;
const COLUMN_GAP: usize = 34;
const NODE_PADDING: usize = 10;
const CHARACTER_WIDTH: usize = 7;
const MARGIN: usize = 20;
const TITLE_HEIGHT: usize = 26;

/// The graph as a picture: a band for each tier, a row for each job, steps
/// from left to right in the order in which they can run. Bold where bytes
/// stream, dashed where only the order matters. Follows a page's dark mode.
pub fn svg(compiled: &Compiled) -> String {
    let layout = Layout::of(compiled);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\">\n\
         <title>{}</title>\n{STYLE}",
        escaped(&compiled.plan),
        w = layout.width,
        h = layout.height
    );
    let mut line = |line: String| writeln!(out, "{line}").expect("a string takes all that is written to it");
    for band in &layout.bands {
        line(format!(
            "<rect class=\"band\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/><text class=\"tier\" x=\"{}\" y=\"{}\">{}</text>",
            MARGIN / 2,
            band.top,
            layout.width - MARGIN,
            band.height,
            MARGIN,
            band.top + 18,
            escaped(&band.title)
        ));
    }
    for edge in compiled.steps.edges() {
        line(arrow(compiled, &layout, edge));
    }
    for (id, step) in compiled.steps.nodes() {
        let place = &layout.places[&id];
        line(format!(
            "<g><rect class=\"step\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{NODE_HEIGHT}\" rx=\"5\"/><text x=\"{}\" y=\"{}\">{}</text><title>{}</title></g>",
            place.x,
            place.y,
            place.width,
            place.x + place.width / 2,
            place.y + 17,
            escaped(&super::title(compiled, step)),
            escaped(&step.id)
        ));
    }
    out.push_str("</svg>\n");
    out
}

const STYLE: &str = "<style>
text { font: 12px sans-serif; text-anchor: middle; fill: #1d2733 }
.tier { font-weight: bold; text-anchor: start }
.band { fill: #f3f5f8; stroke: #c9d1dc }
.step { fill: #ffffff; stroke: #4a6785 }
path { fill: none; stroke: #4a6785; marker-end: url(#head) }
.stream { stroke-width: 2.5 }
.order { stroke-dasharray: 4 4; opacity: 0.6 }
#head path { fill: #4a6785; stroke: none; marker-end: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6ebf1 }
.band { fill: #1d2733; stroke: #3a4a5c }
.step { fill: #2a3747; stroke: #8fb0d0 }
path { stroke: #8fb0d0 }
#head path { fill: #8fb0d0 }
}
</style>
<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>
";

struct Place {
    x: usize,
    y: usize,
    width: usize,
}

struct Band {
    title: String,
    top: usize,
    height: usize,
}

struct Layout {
    places: BTreeMap<NodeId, Place>,
    bands: Vec<Band>,
    width: usize,
    height: usize,
}

impl Layout {
    /// Columns by the longest way to a step, rows by job; what belongs to no
    /// job gets a row for each source (hooks) or for each channel (the end).
    fn of(compiled: &Compiled) -> Self {
        let columns = columns(compiled);
        let (rows, bands, height) = rows(compiled, &columns);
        let title = |id: NodeId| super::title(compiled, compiled.steps.node(id)).width();
        let width_of = |id: NodeId| title(id) * CHARACTER_WIDTH + 2 * NODE_PADDING;
        let mut lefts = Vec::new();
        let mut x = MARGIN;
        for column in 0..=columns.values().copied().max().unwrap_or(0) {
            lefts.push(x);
            let widest = columns.iter().filter(|(_, at)| **at == column).map(|(id, _)| width_of(*id)).max();
            x += widest.unwrap_or(0) + COLUMN_GAP;
        }
        let places =
            columns.iter().map(|(id, column)| (*id, Place { x: lefts[*column], y: rows[id], width: width_of(*id) }));
        Self { places: places.collect(), bands, width: x - COLUMN_GAP + MARGIN, height }
    }
}

fn columns(compiled: &Compiled) -> BTreeMap<NodeId, usize> {
    let mut columns = BTreeMap::new();
    for id in compiled.order() {
        let before = compiled.steps.predecessors(*id).iter().map(|(before, _)| columns[before] + 1);
        columns.insert(*id, before.max().unwrap_or(0));
    }
    columns
}

type Rows = (BTreeMap<NodeId, usize>, Vec<Band>, usize);

fn rows(compiled: &Compiled, columns: &BTreeMap<NodeId, usize>) -> Rows {
    let mut rows = BTreeMap::new();
    let mut bands = Vec::new();
    let mut y = MARGIN / 2;
    for tier in super::tiers(compiled) {
        let top = y;
        y += TITLE_HEIGHT;
        for job in compiled.jobs.iter().filter(|job| job.name.tier == tier) {
            rows.extend(compiled.job_steps(&job.name).map(|(id, _)| (id, y)));
            y += ROW_HEIGHT;
        }
        bands.push(Band { title: tier.to_owned(), top, height: y - top });
        y += MARGIN / 2;
    }
    // Steps of one row must stand in different columns.
    let mut taken: Vec<(String, usize, usize)> = Vec::new();
    let top = y;
    for (id, step) in super::steps_outside_tiers(compiled) {
        let key = row_key(step);
        let column = columns[&id];
        let free = taken.iter().rposition(|(row, last, _)| *row == key && *last < column);
        let row = match free {
            Some(row) => {
                taken[row].1 = column;
                taken[row].2
            }
            None => {
                taken.push((key, column, y));
                y += ROW_HEIGHT;
                y - ROW_HEIGHT
            }
        };
        rows.insert(id, row);
    }
    (rows, bands, y.max(top) + MARGIN / 2)
}

fn row_key(step: &Step) -> String {
    match &step.action {
        Action::Before { source, .. } | Action::After { source, .. } => format!("source {source}"),
        Action::Record | Action::Report { .. } | Action::Notify { .. } => "end".to_owned(),
        _ => step.id.clone(),
    }
}

fn arrow(compiled: &Compiled, layout: &Layout, edge: Edge) -> String {
    let (from, to) = (&layout.places[&edge.from], &layout.places[&edge.to]);
    let (x1, y1) = (from.x + from.width, from.y + NODE_HEIGHT / 2);
    let (x2, y2) = (to.x, to.y + NODE_HEIGHT / 2);
    let class = match edge.needs {
        Needs::Completion => "order",
        Needs::Success if super::is_stream(compiled, edge) => "stream",
        Needs::Success => "then",
    };
    if y1 == y2 {
        return format!("<path class=\"{class}\" d=\"M{x1} {y1}H{x2}\"/>");
    }
    // Where the row is free it goes along it, so that long edges do not cross other tiers' steps.
    let is_last_in_row = layout.places.values().all(|place| place.y != from.y || place.x <= from.x);
    let start = if is_last_in_row { (x2 - COLUMN_GAP).max(x1) } else { x1 };
    let middle = (start + x2) / 2;
    format!("<path class=\"{class}\" d=\"M{x1} {y1}H{start}C{middle} {y1} {middle} {y2} {x2} {y2}\"/>")
}

fn escaped(text: &str) -> String {
    printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Selection, compile, sample};

    #[test]
    fn the_design_plan_as_a_picture() {
        let plan = sample::rpa();
        let compiled = compile(&plan, &Selection::everything(&plan)).expect("the plan compiles");
        insta::assert_snapshot!(svg(&compiled));
    }

    #[test]
    fn no_two_steps_lie_on_each_other() {
        let plan = sample::rpa();
        let compiled = compile(&plan, &Selection::everything(&plan)).expect("the plan compiles");
        let layout = Layout::of(&compiled);
        let mut places: Vec<(usize, usize, usize)> =
            layout.places.values().map(|place| (place.y, place.x, place.x + place.width)).collect();
        places.sort_unstable();
        for pair in places.windows(2) {
            assert!(pair[0].0 != pair[1].0 || pair[0].2 < pair[1].1, "{pair:?}");
            assert!(pair[1].0 + NODE_HEIGHT <= layout.height && pair[1].2 <= layout.width);
        }
    }

    #[test]
    fn names_cannot_break_out_of_the_markup() {
        assert_eq!(escaped("<script>\"&"), "&lt;script&gt;&quot;&amp;");
    }
}
