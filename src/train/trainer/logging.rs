//! What is logged.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_maybe_log_save_evaluate`, `log`) and `trainer_utils.py` (`speed_metrics`).

use super::{Host, Progress, Run, Trainer};
use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::train::arguments::InputTokens;
use crate::train::callback::Event;

impl Trainer<'_> {
    pub(super) async fn log_evaluate_save(&mut self, run: &mut Run<'_>, host: &mut dyn Host) -> Result<()> {
        if self.control.should_log && self.state.global_step > self.tally.last_logged {
            self.log_loss(run, host);
        }
        if self.control.should_evaluate {
            self.evaluate_and_judge(run, host).await?;
        }
        if self.control.should_save { self.save(run, host).await } else { Ok(()) }
    }

    fn log_loss(&mut self, run: &Run<'_>, host: &mut dyn Host) {
        let loss = self.tally.mean_since_log(self.state.global_step);
        let loss = self.arguments.release.trainer.logged_loss_decimals.map_or(loss, |decimals| rounded(loss, decimals));
        let mut entries = vec![("loss".to_owned(), Json::Float(loss))];
        entries.extend(self.tally.gradient_norm.map(|norm| ("grad_norm".to_owned(), Json::Float(norm))));
        entries.extend(self.tally.learning_rate.map(|rate| ("learning_rate".to_owned(), Json::Float(rate))));
        self.log(entries, Some(host.seconds() - run.started), host);
    }

    /// What every entry of the log says of the run, and so the results do that were logged.
    pub fn where_it_stands(&self) -> Vec<(String, Json)> {
        let mut entries = vec![("epoch".to_owned(), self.state.epoch.into())];
        if self.arguments.include_num_input_tokens_seen != InputTokens::No {
            entries.push(("num_input_tokens_seen".to_owned(), self.state.num_input_tokens_seen.into()));
        }
        entries
    }

    /// Adds an entry to the log; `seconds` since the training began, where the speed is to be told.
    pub(super) fn log(&mut self, mut entries: Vec<(String, Json)>, seconds: Option<f64>, host: &mut dyn Host) {
        entries.extend(self.where_it_stands());
        let counts_tokens = self.arguments.include_num_input_tokens_seen != InputTokens::No;
        if let Some(seconds) = seconds.filter(|_| counts_tokens) {
            let tokens = self.state.num_input_tokens_seen.to_f64() - self.tally.tokens_before as f64;
            entries.push(("train_runtime".to_owned(), Json::Float(rounded(seconds, 4))));
            entries.push(("train_tokens_per_second".to_owned(), rate(tokens, seconds)));
        }
        let mut entry = entries.clone();
        entry.push(("step".to_owned(), self.state.global_step.into()));
        let entry = Json::Object(entry);
        host.progress(Progress::Log(&entry));
        self.state.log_history.push(entry);
        self.fire(Event::Log(&entries));
    }
}

/// `{split}_runtime` in seconds, rounded to 4 digits, and the rates, to 3.
pub(super) fn speed(split: &str, seconds: f64, samples: f64, steps: u64) -> Vec<(String, Json)> {
    vec![
        (format!("{split}_runtime"), Json::Float(rounded(seconds, 4))),
        (format!("{split}_samples_per_second"), rate(samples, seconds)),
        (format!("{split}_steps_per_second"), rate(steps as f64, seconds)),
    ]
}

fn rate(count: f64, seconds: f64) -> Json {
    Json::Float(rounded(count / seconds.max(1e-9), 3))
}

/// As Python's `round`: the decimal number with so many digits that is nearest to the value itself.
fn rounded(value: f64, decimals: u8) -> f64 {
    format!("{value:.*}", usize::from(decimals)).parse().unwrap_or(value)
}
