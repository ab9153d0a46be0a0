use crate::base::format_duration;
use std::time::Duration;

/// How long after its time a run may be missing before it alerts. Chosen: as
/// long as a late job still counts as fresh.
const MISSED_AFTER_SECONDS: u64 = 3600;

/// Alerting rules for Prometheus over the metrics of [`super::prometheus()`], as
/// the YAML of a rule file. They also fire when the metrics are gone.
pub fn alert_rules(plan: &str, rpo: Option<Duration>) -> String {
    let label = plan.replace('\\', "\\\\").replace('"', "\\\"");
    let of_plan = format!("{{plan=\"{label}\"}}");
    let mut rules = vec![
        Rule {
            name: "PlanRunFailed",
            expression: format!("plan_last_run_status{of_plan} >= 2"),
            pending: None,
            severity: "critical",
            summary: "{{ $labels.tier }}/{{ $labels.source }}: the last run failed".to_owned(),
        },
        Rule {
            name: "PlanRunPartial",
            expression: format!("plan_last_run_status{of_plan} == 1"),
            pending: None,
            severity: "warning",
            summary: "{{ $labels.tier }}/{{ $labels.source }}: the last run could not read everything".to_owned(),
        },
        Rule {
            name: "PlanRunMissed",
            expression: format!("time() - plan_next_run_timestamp_seconds{of_plan} > {MISSED_AFTER_SECONDS}"),
            pending: None,
            severity: "critical",
            summary: "{{ $labels.tier }}/{{ $labels.source }}: a scheduled run did not happen".to_owned(),
        },
        Rule {
            name: "PlanMetricsAbsent",
            expression: format!("absent(plan_last_run_timestamp_seconds{of_plan})"),
            pending: Some("1h"),
            severity: "critical",
            summary: "no metrics of this plan: it does not run, or its metrics are not collected".to_owned(),
        },
    ];
    if let Some(rpo) = rpo {
        let newest = format!("max by (plan, source) (plan_last_success_timestamp_seconds{of_plan})");
        rules.push(Rule {
            name: "PlanObjectiveMissed",
            expression: format!("time() - {newest} > {}", rpo.as_secs()),
            pending: None,
            severity: "critical",
            summary: format!(
                "{{{{ $labels.source }}}}: the newest snapshot is older than the {} that the plan allows",
                format_duration(rpo)
            ),
        });
    }
    let rules: String = rules.iter().map(Rule::yaml).collect();
    format!("groups:\n  - name: {}\n    rules:\n{rules}", quoted(&format!("plan-{plan}")))
}

struct Rule {
    name: &'static str,
    expression: String,
    pending: Option<&'static str>,
    severity: &'static str,
    summary: String,
}

impl Rule {
    fn yaml(&self) -> String {
        let pending = self.pending.map(|pending| format!("        for: {pending}\n")).unwrap_or_default();
        format!(
            "      - alert: {}\n        expr: {}\n{pending}        labels:\n          severity: {}\n        \
             annotations:\n          summary: {}\n",
            self.name,
            quoted(&self.expression),
            self.severity,
            quoted(&self.summary)
        )
    }
}

/// A single-quoted scalar of YAML.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alert_rules_of_a_plan() {
        insta::assert_snapshot!(alert_rules("rpa", Some(Duration::from_secs(4 * 3600))));
    }
}
