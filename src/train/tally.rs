//! What a run keeps count of and `trainer_state.json` does not hold: transformers loses it when a run is resumed.

use super::callback::TrainerControl;
use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::fields::Fields;
use crate::format::json::number::Number;
use crate::format::run::trainer_state::TrainerState;
use crate::random::Mt19937;

const IS_EXTRA: &str = "is_extra";

/// Whether a run that is left alone does not save the checkpoint beside which [`Tally::to_json`] was kept.
pub fn is_extra(progress: &Json) -> bool {
    progress.get(IS_EXTRA).and_then(Json::as_bool).unwrap_or(false)
}

/// Sums of the loss, and where in its epoch the run is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    /// Losses of the steps since the last log entry, added up in `f32` as transformers does.
    loss_since_log: f32,
    /// Losses of all steps before that entry.
    loss_logged: f64,
    /// Step of the last log entry.
    pub last_logged: u64,
    /// Steps whose losses are in no sum, because they were made elsewhere.
    pub steps_before: u64,
    /// Tokens seen before this process.
    pub tokens_before: u64,
    /// Norm of the gradients of the last step.
    pub gradient_norm: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: Option<f64>,
    /// Whether the end of an epoch is still to come: evaluations and checkpoints of an epoch come after those of its last step.
    pub epoch_is_open: bool,
    /// torch's generator as the epoch found it, where the order of its rows was drawn from it.
    pub epoch_began_with: Option<Mt19937>,
    /// The step of the last checkpoint that this process wrote.
    pub saved_step: Option<u64>,
}

impl Tally {
    /// That of a run which others have brought to this state.
    pub fn after(state: &TrainerState) -> Self {
        let tokens_before = state.num_input_tokens_seen.to_u64().unwrap_or(0);
        Tally { last_logged: state.global_step, steps_before: state.global_step, tokens_before, ..Tally::default() }
    }

    /// Adds the loss of a batch to those of its step, `step` being those done; one that is not finite counts as the mean so far if
    /// `filters`.
    ///
    /// # Source
    /// transformers 5.23.0, `trainer.py` (`_run_epoch`).
    pub fn add_loss(&mut self, loss: f32, step: u64, filters: bool) {
        self.loss_since_log += if filters && !loss.is_finite() { self.loss_since_log / (1 + step - self.last_logged) as f32 } else { loss };
    }

    /// The mean loss of the steps since the last log entry; the next ones begin anew.
    pub fn mean_since_log(&mut self, step: u64) -> f64 {
        let sum = f64::from(std::mem::take(&mut self.loss_since_log));
        self.loss_logged += sum;
        let steps = step - std::mem::replace(&mut self.last_logged, step);
        sum / steps as f64
    }

    /// The mean loss of all steps.
    pub fn mean(&self, step: u64) -> f64 {
        (self.loss_logged + f64::from(self.loss_since_log)) / (step.saturating_sub(self.steps_before) as f64).max(0.001)
    }

    /// As it is kept beside a checkpoint, with what the run's state will show of its callbacks if nothing more is saved; `is_extra` says that
    /// a run which is left alone does not save this checkpoint.
    pub fn to_json(&self, state: &TrainerState, control: TrainerControl, is_extra: bool) -> Json {
        let entries = [
            (IS_EXTRA, is_extra.into()),
            ("loss_since_log", Json::Float(f64::from(self.loss_since_log))),
            ("loss_logged", Json::Float(self.loss_logged)),
            ("last_logged", self.last_logged.into()),
            ("steps_before", self.steps_before.into()),
            ("gradient_norm", self.gradient_norm.into()),
            ("learning_rate", self.learning_rate.into()),
            ("epoch_is_open", self.epoch_is_open.into()),
            ("epoch_began_with", self.epoch_began_with.as_ref().map_or(Json::Null, generator_json)),
            ("is_stopped", (control.should_training_stop && state.global_step < state.max_steps).into()),
            ("stateful_callbacks", state.stateful_callbacks()),
        ];
        Json::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Reads what [`Tally::to_json`] wrote in `file`, lets `state` show what it would have shown, and tells whether a callback had stopped
    /// the run.
    ///
    /// # Errors
    /// Something is missing or of another kind.
    pub fn from_json(file: &str, json: Json, state: &mut TrainerState) -> Result<(Self, bool)> {
        let mut fields = Fields::new("checkpoint-progress", file, "/progress", json)?;
        let is_stopped = fields.required("is_stopped")?;
        state.set_stateful_callbacks(fields.object("stateful_callbacks")?)?;
        let number = |fields: &mut Fields, name: &str| Ok(fields.required::<Option<Number>>(name)?.map(Number::to_f64));
        let tally = Tally {
            loss_since_log: number(&mut fields, "loss_since_log")?.unwrap_or_default() as f32,
            loss_logged: number(&mut fields, "loss_logged")?.unwrap_or_default(),
            last_logged: fields.required("last_logged")?,
            steps_before: fields.required("steps_before")?,
            gradient_norm: number(&mut fields, "gradient_norm")?,
            learning_rate: number(&mut fields, "learning_rate")?,
            epoch_is_open: fields.required("epoch_is_open")?,
            epoch_began_with: match fields.required::<Option<Vec<Json>>>("epoch_began_with")? {
                None => None,
                Some(state) => {
                    Some(generator(&state).ok_or_else(|| fields.error("epoch_began_with", "the state of a generator", "another list"))?)
                }
            },
            ..Tally::after(state)
        };
        Ok((tally, is_stopped))
    }
}

/// A generator as a list: how many words are drawn, then the words.
fn generator_json(generator: &Mt19937) -> Json {
    let words = generator.words().iter().map(|word| Json::from(u64::from(*word)));
    Json::Array([Json::from(generator.drawn())].into_iter().chain(words).collect())
}

fn generator(state: &[Json]) -> Option<Mt19937> {
    let (drawn, words) = state.split_first()?;
    let words: Vec<u32> = words.iter().map(|word| u32::try_from(word.as_u64()?).ok()).collect::<Option<_>>()?;
    let words: [u32; 624] = words.try_into().ok()?;
    let drawn = usize::try_from(drawn.as_u64()?).ok().filter(|drawn| *drawn <= words.len())?;
    Some(Mt19937::with_state(words, drawn, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_go_on_where_they_were_left() {
        let mut tally = Tally::default();
        tally.add_loss(0.5, 0, true);
        assert_eq!(tally.mean_since_log(1), 0.5);
        tally.add_loss(0.25, 1, true);
        (tally.gradient_norm, tally.epoch_is_open) = (Some(1.5), true);
        let mut generator = Mt19937::new(3);
        generator.next_u32();
        tally.epoch_began_with = Some(generator);
        let state = TrainerState { global_step: 2, max_steps: 4, in_checkpoint: true, ..TrainerState::default() };
        let stopped = TrainerControl { should_training_stop: true, ..TrainerControl::default() };
        for control in [TrainerControl::default(), stopped] {
            let mut resumed = TrainerState { in_checkpoint: false, ..state.clone() };
            let json = tally.to_json(&state, control, false);
            let (read, is_stopped) = Tally::from_json("f", json, &mut resumed).unwrap();
            assert_eq!((&read, is_stopped, &resumed), (&tally, control.should_training_stop, &state));
            assert_eq!(read.mean(2), 0.375);
        }
    }

    #[test]
    fn a_loss_that_is_not_finite_counts_as_the_mean() {
        let mut tally = Tally::default();
        tally.add_loss(3.0, 0, true);
        tally.add_loss(f32::NAN, 1, true);
        assert_eq!(tally.mean_since_log(2), 2.25);
        tally.add_loss(f32::INFINITY, 2, false);
        assert_eq!(tally.mean_since_log(3), f64::INFINITY);
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut state = TrainerState::default();
        let error = Tally::from_json("f", Json::Object(Vec::new()), &mut state).unwrap_err();
        assert_eq!(error.diagnostic().site.to_string(), "f, at /progress/is_stopped");
    }
}
