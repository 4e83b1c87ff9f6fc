//! Results for programs: indented JSON with a newline at the end.

use rtrain::format::python_json::{Layout, dumps};
use rtrain::verify::Report;

/// The report of `rtrain verify --format json`; [`Report::to_json`] names its keys.
pub fn report(report: &Report) -> String {
    dumps(&report.to_json(), Layout::PythonUnicode { indent: 2 }) + "\n"
}
