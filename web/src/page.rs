//! The page around a training: it hears of every event, and keeps the directory of the run in memory.

use rtrain::diagnostic::Result;
use rtrain::format::json::Json;
use rtrain::train::checkpoint::Checkpoint;
use rtrain::train::engine::Engine;
use rtrain::train::run_directory::RunDirectory;
use rtrain::train::{Host, Progress};
use serde_json::{Map, Value, json};
use std::pin::Pin;
use web_time::Instant;

use crate::classifier::Classifier;
use crate::requests::Inbox;

/// The page, as long as one step takes.
pub struct Page<'a> {
    directory: RunDirectory<'a>,
    classifier: Classifier<'a>,
    began: Instant,
    step_began: Instant,
    inbox: &'a mut Inbox,
}

impl<'a> Page<'a> {
    /// The page around a run that began at a moment.
    pub fn new(directory: RunDirectory<'a>, classifier: Classifier<'a>, began: Instant, inbox: &'a mut Inbox) -> Self {
        Page { directory, classifier, began, step_began: Instant::now(), inbox }
    }
}

impl Host for Page<'_> {
    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn progress(&mut self, progress: Progress<'_>) {
        self.inbox.tell(match progress {
            Progress::Step { step, total, epoch, loss, learning_rate, tokens } => {
                let seconds = self.step_began.elapsed().as_secs_f64().max(1e-6);
                json!({
                    "type": "step",
                    "step": step,
                    "total": total,
                    "epoch": epoch,
                    "loss": loss,
                    "learningRate": learning_rate,
                    "tokensPerSecond": tokens as f64 / seconds,
                })
            }
            Progress::Log(entry) => json!({"type": "log", "entry": numbers(entry.entries().unwrap_or(&[]))}),
            Progress::Evaluation(done, total) => json!({"type": "evaluation", "done": done, "total": total}),
            Progress::Notice(text) => json!({"type": "notice", "text": text}),
        });
    }

    fn save(&mut self, checkpoint: Checkpoint<'_>) -> Result<()> {
        let (step, best) = (checkpoint.state.global_step, checkpoint.state.best_model_checkpoint.clone());
        self.directory.save_checkpoint(checkpoint)?;
        self.directory.rotate(step, best.as_deref())
    }

    fn checkpoint_path(&self, step: u64) -> String {
        self.directory.checkpoints().path(step)
    }

    fn has_directory(&self, path: &str) -> bool {
        self.directory.system.is_directory(path).is_ok_and(|found| found == Some(true))
    }

    fn weights(&self, directory: &str) -> Result<Vec<Vec<f32>>> {
        self.directory.weights(directory)
    }

    fn keep_only(&mut self, checkpoint: &str) {
        // In memory nothing refuses to go.
        let _ = self.directory.keep_only(checkpoint);
    }

    fn give_way<'b>(&'b mut self, engine: &'b mut Engine) -> Pin<Box<dyn Future<Output = ()> + 'b>> {
        Box::pin(self.inbox.give_way(engine, &self.classifier))
    }
}

/// Metrics as an object of numbers; null for one that is not finite.
pub fn numbers(metrics: &[(String, Json)]) -> Map<String, Value> {
    let number = |value: &Json| match value {
        Json::Integer(number) => Value::from(*number as f64),
        Json::Float(number) => Value::from(*number),
        _ => Value::Null,
    };
    metrics.iter().map(|(name, value)| (name.clone(), number(value))).collect()
}
