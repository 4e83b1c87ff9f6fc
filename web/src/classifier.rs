//! A model that can be asked: what it says of texts, and how good it is.

use rtrain::data::{Dataset, Task};
use rtrain::diagnostic::Result;
use rtrain::train::engine::Engine;
use rtrain::train::evaluation::{argmax, measure, predict};
use rtrain::train::preparation::LoadedModel;
use serde_json::{Value, json};
use std::rc::Rc;

use crate::diagnostic::unreadable;
use crate::page::numbers;
use crate::requests::Inbox;

/// Rows of a batch; no prediction depends on it.
const BATCH_SIZE: usize = 8;

/// A model that can be asked; its weights are in an engine.
#[derive(Debug, Clone, Copy)]
pub struct Classifier<'a> {
    /// The model without its weights.
    pub model: &'a LoadedModel,
    /// What its labels mean.
    pub task: &'a Task,
    /// Where texts are cut.
    pub max_length: usize,
}

/// What a model is to be measured on.
#[derive(Debug)]
pub struct Evaluation {
    /// The rows.
    pub dataset: Rc<Dataset>,
    /// How many of them share a loss.
    pub batch_size: usize,
    /// As in the training.
    pub label_smoothing_factor: f64,
}

impl Classifier<'_> {
    /// What the model says of texts, a JSON list of texts and of pairs of texts: for each the likeliest label, or the number of a regression.
    ///
    /// # Errors
    /// The texts cannot be read or encoded, or some are pairs and some are not.
    pub async fn predict(&self, engine: &mut Engine, texts: &str) -> Result<Value> {
        let (firsts, seconds) = read(texts)?;
        let firsts: Vec<&str> = firsts.iter().map(String::as_str).collect();
        let seconds: Vec<&str> = seconds.iter().map(String::as_str).collect();
        let dataset = self.model.encode("texts", &firsts, (!seconds.is_empty()).then_some(&seconds[..]), None, self.max_length)?;
        let logits = predict(engine, &dataset, BATCH_SIZE, 0.0, async |_, _| {}).await?.logits;
        Ok(logits.chunks_exact(self.task.num_labels().max(1)).map(|row| prediction(self.task, row)).collect())
    }

    /// Loss and metrics of the model as it is now; a training does not notice.
    ///
    /// # Errors
    /// The engine's device is lost.
    pub async fn evaluate(&self, engine: &mut Engine, evaluation: &Evaluation, inbox: &mut Inbox) -> Result<Value> {
        let Evaluation { dataset, batch_size, label_smoothing_factor } = evaluation;
        let predictions = predict(engine, dataset, *batch_size, *label_smoothing_factor, async |engine: &mut Engine, done| {
            inbox.tell(json!({"type": "evaluation", "done": done, "total": dataset.len()}));
            inbox.give_way(engine, self).await;
        });
        let predictions = predictions.await?;
        let measured = measure(self.task, &predictions.logits, dataset.labels());
        let metrics = measured.into_iter().map(|(name, value)| (format!("eval_{name}"), value.into()));
        let metrics: Vec<_> = [("eval_loss".to_owned(), predictions.loss.into())].into_iter().chain(metrics).collect();
        Ok(numbers(&metrics).into())
    }
}

fn read(texts: &str) -> Result<(Vec<String>, Vec<String>)> {
    let items: Vec<Vec<String>> =
        serde_json::from_str(texts).map_err(|error| unreadable("the texts", "a list of texts and pairs", &error))?;
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    for mut item in items.into_iter().map(Vec::into_iter) {
        firsts.extend(item.next());
        seconds.extend(item.next());
    }
    Ok((firsts, seconds))
}

fn prediction(task: &Task, logits: &[f32]) -> Value {
    let name = |id: usize| task.label_set().and_then(|labels| labels.name(u32::try_from(id).ok()?)).unwrap_or("LABEL_0").to_owned();
    let scores: Vec<f64> = match task {
        Task::SingleLabel(_) => softmax(logits),
        Task::MultiLabel(_) => logits.iter().map(|logit| 1.0 / (1.0 + f64::from(-logit).exp())).collect(),
        Task::Regression => logits.iter().map(|logit| f64::from(*logit)).collect(),
    };
    let best = argmax(logits, logits.len()).first().map_or(0, |best| *best as usize);
    let mut named: Vec<(String, f64)> = scores.iter().enumerate().map(|(id, score)| (name(id), *score)).collect();
    let score = scores.get(best).copied();
    named.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    let named: Vec<Value> = named.into_iter().map(|(label, score)| json!({"label": label, "score": score})).collect();
    json!({"label": name(best), "score": score, "scores": named})
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f64> = logits.iter().map(|logit| f64::from(logit - highest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|value| value / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtrain::data::LabelSet;

    #[test]
    fn labels_come_by_score() {
        let task = Task::SingleLabel(LabelSet::from_names(["no", "yes"].map(str::to_owned)).unwrap());
        let prediction = prediction(&task, &[0.0, 3.0_f32.ln()]);
        assert_eq!((&prediction["label"], &prediction["scores"][1]["label"]), (&"yes".into(), &"no".into()));
        assert!((prediction["score"].as_f64().unwrap() - 0.75).abs() < 1e-6);
    }

    #[test]
    fn texts_are_alone_or_in_pairs() {
        assert_eq!(read(r#"[["a"], ["b"]]"#).unwrap(), (vec!["a".to_owned(), "b".to_owned()], Vec::new()));
        assert_eq!(read(r#"[["a", "b"]]"#).unwrap(), (vec!["a".to_owned()], vec!["b".to_owned()]));
        assert_eq!(read(r#"["a"]"#).unwrap_err().diagnostic().code, "argument-value");
    }
}
