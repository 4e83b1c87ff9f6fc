//! Predictions as a page gets them.

use rtrain::data::Task;
use rtrain::diagnostic::Result;
use rtrain::train::engine::Engine;
use rtrain::train::evaluation::{argmax, predict};
use rtrain::train::preparation::LoadedModel;
use serde_json::{Value, json};

use crate::diagnostic::unreadable;

/// Rows of a batch; no prediction depends on it.
const BATCH_SIZE: usize = 8;

/// What a model says of texts, a JSON list of texts and of pairs of texts: for each the likeliest label, or the number of a regression.
///
/// # Errors
/// The texts cannot be read or encoded, or some are pairs and some are not.
pub fn predictions(engine: &mut Engine, model: &LoadedModel, task: &Task, max_length: usize, texts: &str) -> Result<Value> {
    let (firsts, seconds) = read(texts)?;
    let firsts: Vec<&str> = firsts.iter().map(String::as_str).collect();
    let seconds: Vec<&str> = seconds.iter().map(String::as_str).collect();
    let dataset = model.encode("texts", &firsts, (!seconds.is_empty()).then_some(&seconds[..]), None, max_length)?;
    let logits = predict(engine, &dataset, BATCH_SIZE, 0.0, |_| {}).logits;
    Ok(logits.chunks_exact(task.num_labels().max(1)).map(|row| prediction(task, row)).collect())
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
