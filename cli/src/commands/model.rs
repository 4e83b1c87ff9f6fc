//! What `train`, `evaluate` and `predict` share: tables, directories, threads, progress.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rtrain::data::{Table, TableFormat};
use rtrain::diagnostic::{Diagnostic, Error, Result, Site};
use rtrain::gpu::Gpu;
use rtrain::kernels::Precision;
use rtrain::train::arguments::Device;
use rtrain::train::device;
use std::path::Path;
use std::rc::Rc;

/// Reads a table by the extension of its name.
///
/// # Errors
/// The file cannot be read, or is not a table.
pub fn read_table(path: &Path) -> Result<Table> {
    let name = path.display().to_string();
    let format = TableFormat::of(&name)?;
    let bytes = std::fs::read(path).map_err(|error| Error::io(name.as_str(), "read", &error))?;
    Table::read(&name, format, &bytes)
}

/// Sets the number of threads for everything that runs in parallel.
///
/// # Errors
/// The threads cannot be started.
pub fn set_threads(threads: Option<usize>) -> Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    built.map_err(|error| Error::misuse(Diagnostic::new("threads", Site::default(), format!("could not start {threads} threads: {error}"))))
}

/// How products of linear layers are computed; says on standard error where bfloat16 gains nothing.
pub fn precision(bf16: bool, quiet: bool) -> Precision {
    let precision = if bf16 { Precision::Bf16 } else { Precision::F32 };
    if !(precision.is_fast() || quiet) {
        eprintln!("warning: this processor has no products of bfloat16 (AVX-512 BF16): --bf16 gains nothing here over float32");
    }
    precision
}

/// Opens the GPU that is asked for, and says on standard error which one it is; nothing for the CPU.
///
/// # Errors
/// There is no such GPU.
pub async fn open_device(device: Device, bf16: bool, quiet: bool) -> Result<Option<Rc<Gpu>>> {
    let gpu = device::open(device, bf16).await?;
    if let (Some(gpu), false) = (&gpu, quiet) {
        anstream::eprintln!("on {}", device::name(Some(gpu)));
    }
    Ok(gpu)
}

/// A bar on standard error, which shows on a terminal only.
pub fn progress_bar(total: u64, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{prefix}{bar:32} {pos}/{len} [{elapsed}<{eta}, {per_sec}] {msg}");
    ProgressBar::with_draw_target(Some(total), target).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
