//! `all_results.json` against the results of each split that are gathered in it.

use super::{Directory, parsed, show};
use crate::diagnostic::{Diagnostic, Result};
use crate::format::run::results::Results;
use crate::verify::Report;
use std::collections::{BTreeMap, BTreeSet};

const ALL: &str = "all_results.json";

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(all) = parsed(directory.source, ALL, Results::parse)? else { return Ok(()) };
    let mut splits = Vec::new();
    for name in directory.names.iter().filter(|name| name.ends_with("_results.json") && name.as_str() != ALL) {
        splits.extend(parsed(directory.source, name, Results::parse)?.map(|results| (name, results)));
    }
    let gathered: BTreeMap<&str, String> = all.metrics.iter().map(|(metric, value)| (metric.as_str(), show(Some(value)))).collect();
    // What several splits have, such as the epoch, is that of the split that was written last.
    let metrics = splits.iter().flat_map(|(_, results)| &results.metrics);
    let told: BTreeSet<(&str, String)> = metrics.map(|(metric, value)| (metric.as_str(), show(Some(value)))).collect();
    for (name, results) in &splits {
        for (metric, expected) in &results.metrics {
            let found = gathered.get(metric.as_str());
            if found.is_none_or(|found| !told.contains(&(metric.as_str(), found.clone()))) {
                let site = directory.site(ALL, format!("/{metric}"));
                let diagnostic = Diagnostic::new("run-results", site, format!("{name} has another value"));
                report.findings.push(diagnostic.expected(show(Some(expected))).found(found.map_or("nothing", String::as_str)));
            }
        }
    }
    Ok(())
}
