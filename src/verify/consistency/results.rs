//! `all_results.json` against the results of each split that are gathered in it.

use super::{Directory, parsed, show};
use crate::diagnostic::{Diagnostic, Result};
use crate::format::json::Json;
use crate::format::run::results::Results;
use crate::verify::Report;

const ALL: &str = "all_results.json";

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(all) = parsed(directory.source, ALL, Results::parse)? else { return Ok(()) };
    let mut splits = Vec::new();
    for name in directory.names.iter().filter(|name| name.ends_with("_results.json") && name.as_str() != ALL) {
        splits.extend(parsed(directory.source, name, Results::parse)?.map(|results| (name, results)));
    }
    // What several splits have, such as the epoch, is that of the split that was written last.
    let values = |metric: &str| -> Vec<&Json> {
        let metrics = splits.iter().flat_map(|(_, results)| &results.metrics);
        metrics.filter(|(known, _)| known == metric).map(|(_, value)| value).collect()
    };
    let find = |metric: &str| all.metrics.iter().find(|(known, _)| known == metric).map(|(_, value)| value);
    for (name, results) in &splits {
        for (metric, expected) in &results.metrics {
            let found = find(metric);
            let is_of_another = || found.is_some_and(|found| values(metric).iter().any(|value| same(value, found)));
            if found.is_none_or(|found| !same(found, expected)) && !is_of_another() {
                let site = directory.site(ALL, format!("/{metric}"));
                let diagnostic = Diagnostic::new("run-results", site, format!("{name} has another value"));
                report.findings.push(diagnostic.expected(show(Some(expected))).found(show(found)));
            }
        }
    }
    Ok(())
}

/// Whether two metrics are the same; NaN is the same as NaN.
fn same(left: &Json, right: &Json) -> bool {
    show(Some(left)) == show(Some(right))
}
