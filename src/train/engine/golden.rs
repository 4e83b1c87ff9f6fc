//! The engine against real torch and transformers; the goldens are made by `tests/golden/bert.py`.

use std::collections::BTreeMap;

use pollster::block_on;
use safetensors::SafeTensors;
use serde_json::Value;

use super::*;
use crate::model::bert;
use crate::random::golden;

const KEY_BIAS: &str = ".self.key.bias";

fn read(json: &str) -> Value {
    serde_json::from_str(json).expect("a golden is JSON")
}

pub(super) fn classifier_json() -> Value {
    read(include_str!("../../../tests/golden/bert/classifier.json"))
}

fn copied(weights: &[&[f32]]) -> Vec<Vec<f32>> {
    weights.iter().map(|values| values.to_vec()).collect()
}

fn problems_json() -> Value {
    read(include_str!("../../../tests/golden/bert/problems.json"))
}

fn adamw_json() -> Value {
    read(include_str!("../../../tests/golden/bert/adamw.json"))
}

fn tensors(bytes: &[u8]) -> BTreeMap<String, Vec<f32>> {
    let file = SafeTensors::deserialize(bytes).expect("a golden is safetensors");
    let floats = |data: &[u8]| data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    file.tensors().into_iter().map(|(name, view)| (name, floats(view.data()))).collect()
}

/// The numbers of an array of any depth, row-major.
fn numbers(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        _ => vec![value.as_f64().expect("a number") as f32],
    }
}

fn config(num_labels: usize) -> BertConfig {
    let json = read(include_str!("../../../tests/golden/bert/classifier/config.json"));
    let size = |key: &str| json[key].as_u64().expect("a size") as usize;
    BertConfig {
        vocab_size: size("vocab_size"),
        hidden_size: size("hidden_size"),
        num_hidden_layers: size("num_hidden_layers"),
        num_attention_heads: size("num_attention_heads"),
        intermediate_size: size("intermediate_size"),
        max_position_embeddings: size("max_position_embeddings"),
        type_vocab_size: size("type_vocab_size"),
        initializer_range: json["initializer_range"].as_f64().expect("a number"),
        layer_norm_eps: json["layer_norm_eps"].as_f64().expect("a number"),
        hidden_dropout_prob: 0.1,
        attention_probs_dropout_prob: 0.1,
        classifier_dropout: 0.1,
        pad_token_id: Some(0),
        num_labels,
    }
}

/// The golden classifier; `head` holds another `classifier.weight` and `classifier.bias`, if any.
pub(super) fn engine(num_labels: usize, head: Option<&Value>) -> Engine {
    with_config(config(num_labels), head)
}

fn with_config(config: BertConfig, head: Option<&Value>) -> Engine {
    let table = config.sequence_classification();
    let stored = tensors(include_bytes!("../../../tests/golden/bert/classifier/model.safetensors"));
    let weights = table.parameters.iter().map(|parameter| match head.and_then(|head| head.get(&parameter.name)) {
        Some(values) => numbers(values),
        None => stored[&parameter.name].clone(),
    });
    let weights = weights.collect();
    Engine::new(config, table, weights)
}

pub(super) fn batch(inputs: &Value, labels: Labels) -> Batch {
    let lengths: Vec<usize> = numbers(&inputs["lengths"]).iter().map(|length| *length as usize).collect();
    let packed = |key: &str| -> Vec<i32> {
        let rows = inputs[key].as_array().expect("rows").iter().map(numbers);
        rows.zip(&lengths).flat_map(|(row, length)| row.into_iter().take(*length)).map(|id| id as i32).collect()
    };
    let offsets = std::iter::once(0).chain(lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end)
    }));
    Batch {
        token_ids: packed("input_ids"),
        token_type_ids: packed("token_type_ids"),
        position_ids: lengths.iter().flat_map(|length| 0..*length as i32).collect(),
        offsets: offsets.collect(),
        labels: Some(labels),
    }
}

pub(super) fn classes(inputs: &Value) -> Labels {
    Labels::Classes(numbers(&inputs["labels"]).iter().map(|class| *class as u32).collect())
}

/// One sequence of a batch as a batch.
fn sequence(batch: &Batch, index: usize) -> Batch {
    let range = batch.offsets[index]..batch.offsets[index + 1];
    Batch {
        token_ids: batch.token_ids[range.clone()].to_vec(),
        token_type_ids: batch.token_type_ids[range.clone()].to_vec(),
        position_ids: batch.position_ids[range.clone()].to_vec(),
        offsets: vec![0, range.len()],
        labels: batch.labels.as_ref().map(|labels| labels.select(&[index as u32])),
    }
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max)
}

/// ‖found - expected‖ / ‖expected‖.
fn relative_difference(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(expected).map(|(found, expected)| found - expected)) / norm(&mut expected.iter().copied())
}

/// Key biases change no probability, so their gradients are rounding noise.
fn assert_gradient(name: &str, found: &[f32], expected: &[f32]) {
    if name.ends_with(KEY_BIAS) {
        assert!(largest_difference(found, expected) < 1e-6, "{name}");
    } else {
        let difference = relative_difference(found, expected);
        assert!(difference < 1e-4, "{name} differs by {difference:e}");
    }
}

fn assert_loss(found: f64, expected: &Value) {
    let expected = expected.as_f64().expect("a loss");
    assert!((found - expected).abs() < 1e-5, "loss {found}, expected {expected}");
}

fn logits(engine: &mut Engine, batch: &Batch) -> Vec<f32> {
    block_on(engine.logits(batch)).expect("a CPU")
}

fn gradients(engine: &mut Engine, batch: &Batch, label_smoothing_factor: f64) -> (f64, Vec<(String, Vec<f32>)>) {
    block_on(engine.gradients(batch, label_smoothing_factor)).expect("a CPU")
}

fn train_step(
    engine: &mut Engine,
    micro_batches: &[Batch],
    batch: &BatchSettings,
    update: &UpdateSettings,
    dropout: Option<&mut Generators>,
) -> StepOutcome {
    block_on(engine.train_step(micro_batches, batch, update, dropout)).expect("a CPU")
}

fn weights(engine: &mut Engine) -> Vec<Vec<f32>> {
    block_on(engine.fetch()).expect("a CPU");
    engine.with_weights(copied)
}

#[test]
fn logits_and_losses_are_those_of_transformers() {
    let mut engine = engine(3, None);
    for (name, inputs) in classifier_json().as_object().expect("batches") {
        let batch = batch(inputs, classes(inputs));
        let logits = logits(&mut engine, &batch);
        let difference = largest_difference(&logits, &numbers(&inputs["logits"]));
        assert!(difference < 2e-5, "{name}: logits differ by {difference:e}");
        let labels = classes(inputs);
        assert_loss(engine.loss(&logits, &labels, 0.0), &inputs["loss"]);
        assert_loss(engine.loss(&logits, &labels, 0.1), &inputs["loss_label_smoothing_0.1"]);
        assert_loss(gradients(&mut engine, &batch, 0.0).0, &inputs["loss"]);
    }
}

#[test]
fn every_gradient_is_that_of_torch() {
    let inputs = &classifier_json()["single"];
    let expected = tensors(include_bytes!("../../../tests/golden/bert/gradients.safetensors"));
    let (_, gradients) = gradients(&mut engine(3, None), &batch(inputs, classes(inputs)), 0.0);
    assert_eq!(gradients.len(), expected.len());
    for (name, gradient) in gradients {
        assert_gradient(&name, &gradient, &expected[&name]);
    }
}

#[test]
fn smoothed_and_token_type_gradients_are_those_of_torch() {
    let mut engine = engine(3, None);
    for inputs in classifier_json().as_object().expect("batches").values() {
        let batch = batch(inputs, classes(inputs));
        let smoothed: BTreeMap<_, _> = gradients(&mut engine, &batch, 0.1).1.into_iter().collect();
        for (name, expected) in inputs["gradients_label_smoothing_0.1"].as_object().expect("gradients") {
            assert_gradient(name, &smoothed[name], &numbers(expected));
        }
        let plain: BTreeMap<_, _> = gradients(&mut engine, &batch, 0.0).1.into_iter().collect();
        let name = "bert.embeddings.token_type_embeddings.weight";
        assert_gradient(name, &plain[name], &numbers(&inputs["token_type_gradient"]));
    }
}

#[test]
fn other_problem_types_are_those_of_transformers() {
    let (inputs, problems) = (&classifier_json()["single"], problems_json());
    for (problem, num_labels) in [("multi_label_classification", 3), ("regression", 1)] {
        let golden = &problems[problem];
        let values = numbers(&golden["labels"]);
        let labels = if num_labels == 1 { Labels::Values(values) } else { Labels::MultiHot { num_labels, values } };
        let mut engine = engine(num_labels, Some(golden));
        let batch = batch(inputs, labels.clone());
        let logits = logits(&mut engine, &batch);
        assert!(largest_difference(&logits, &numbers(&golden["logits"])) < 2e-5, "{problem}");
        assert_loss(engine.loss(&logits, &labels, 0.0), &golden["loss"]);
        let (loss, gradients) = gradients(&mut engine, &batch, 0.0);
        assert_loss(loss, &golden["loss"]);
        let gradients: BTreeMap<_, _> = gradients.into_iter().collect();
        for (name, expected) in golden["gradients"].as_object().expect("gradients") {
            assert_gradient(name, &gradients[name], &numbers(expected));
        }
    }
}

fn settings(golden: &Value, learning_rate: f64) -> UpdateSettings {
    let number = |key: &str| golden["settings"][key].as_f64().expect("a number");
    UpdateSettings { learning_rate, weight_decay: number("weight_decay"), max_grad_norm: number("max_grad_norm") }
}

#[test]
fn three_steps_are_those_of_the_trainer() {
    let golden = adamw_json();
    let mut engine = engine(3, None);
    let before = weights(&mut engine);
    let rates: Vec<f64> = golden["learning_rates"].as_array().expect("rates").iter().filter_map(Value::as_f64).collect();
    for (step, rate) in rates.iter().enumerate() {
        let inputs = &golden["batches"][step];
        let update = settings(&golden, *rate);
        let outcome = train_step(&mut engine, &[batch(inputs, classes(inputs))], &BatchSettings::default(), &update, None);
        assert_loss(outcome.loss(), &golden["losses"][step]);
        let (found, norm) = (outcome.gradient_norm.expect("a step"), golden["grad_norms"][step].as_f64().expect("a norm"));
        assert!((found / norm - 1.0).abs() < 1e-5, "norm {found}, expected {norm}");
    }
    let expected = tensors(include_bytes!("../../../tests/golden/bert/adamw.safetensors"));
    let weights = weights(&mut engine);
    let names = engine.table().parameters.iter().map(|parameter| &parameter.name);
    for (name, (found, before)) in names.zip(weights.iter().zip(&before)) {
        if name.ends_with(KEY_BIAS) {
            // Adam turns the noise of such a gradient into a whole step in a direction of chance.
            assert!(f64::from(largest_difference(found, before)) <= rates.iter().sum::<f64>() * 1.01, "{name}");
        } else {
            let difference = relative_difference(found, &expected[name]);
            assert!(difference < 1e-5, "{name} differs by {difference:e}");
        }
    }
    let inputs = &golden["batches"][0];
    let logits = logits(&mut engine, &batch(inputs, classes(inputs)));
    let difference = largest_difference(&logits, &numbers(&golden["logits_after"]));
    assert!(difference < 1e-4, "logits after the steps differ by {difference:e}");
}

#[test]
fn every_sequence_is_computed_as_if_alone() {
    let mut engine = engine(3, None);
    let inputs = &classifier_json()["pairs"];
    let batch = batch(inputs, classes(inputs));
    let together = logits(&mut engine, &batch);
    let alone: Vec<f32> = (0..batch.len()).flat_map(|index| logits(&mut engine, &sequence(&batch, index))).collect();
    let difference = largest_difference(&together, &alone);
    assert!(difference < 5e-6, "logits differ by {difference:e}");
}

#[test]
fn micro_batches_learn_as_one_batch() {
    let inputs = &classifier_json()["single"];
    let whole = batch(inputs, classes(inputs));
    let parts: Vec<Batch> = (0..whole.len()).map(|index| sequence(&whole, index)).collect();
    let (batch, update) = (BatchSettings::default(), UpdateSettings { max_grad_norm: 0.0, ..settings(&adamw_json(), 0.0) });
    let once = train_step(&mut engine(3, None), std::slice::from_ref(&whole), &batch, &update, None);
    let averaged = train_step(&mut engine(3, None), &parts, &batch, &update, None);
    assert!((averaged.loss() - once.loss()).abs() < 1e-5, "{averaged:?} {once:?}");
    let [found, expected] = [&averaged, &once].map(|outcome| outcome.gradient_norm.expect("a step"));
    assert!((found / expected - 1.0).abs() < 1e-5, "{averaged:?} {once:?}");
}

/// With dropout, two micro batches, and a generator that goes on: steps with and without checkpoints are the same.
#[test]
fn gradient_checkpointing_changes_nothing() {
    let golden = adamw_json();
    let inputs = classifier_json();
    let batches: Vec<Batch> = inputs.as_object().expect("batches").values().map(|inputs| batch(inputs, classes(inputs))).collect();
    let run = |gradient_checkpointing: bool| {
        let (mut engine, mut generator) = (engine(3, None), Generators::new(5));
        let batch = BatchSettings { gradient_checkpointing, neftune_noise_alpha: Some(5.0), ..BatchSettings::default() };
        let update = settings(&golden, 1e-3);
        let outcomes = [(); 3].map(|()| train_step(&mut engine, &batches, &batch, &update, Some(&mut generator)));
        (outcomes.map(|outcome| outcome.losses), weights(&mut engine), generator.torch.next_u64())
    };
    let (plain, checkpointed) = (run(false), run(true));
    assert_eq!((plain.0, plain.2), (checkpointed.0, checkpointed.2));
    let table = config(3).sequence_classification();
    for (parameter, (found, expected)) in table.parameters.iter().zip(checkpointed.1.iter().zip(&plain.1)) {
        // Out of the rounding noise in these gradients AdamW makes steps of the size of the learning rate.
        if !parameter.name.ends_with(KEY_BIAS) {
            let difference = relative_difference(found, expected);
            assert!(difference < 1e-6, "{} differs by {difference:e}", parameter.name);
        }
    }
}

/// Saved after one step, restored, and trained on: the bits of a run that was not interrupted, in weights and optimizer. The batches have
/// other words each, so that rows of the embedding table wait for steps when the checkpoint is made.
#[test]
fn a_restored_engine_goes_on_bit_for_bit() {
    use crate::format::torch::optimizer_state::GroupSettings;

    fn saved(engine: &mut Engine) -> (Vec<Vec<f32>>, Vec<u8>) {
        let table = engine.table().clone();
        block_on(engine.fetch()).expect("a CPU");
        engine.with_state(|weights, optimizer| {
            let settings = GroupSettings { weight_decay: 0.1, lr: 1e-3, initial_lr: Some(1e-3) };
            let state = OptimizerState::new(optimizer.algorithm(), &settings, optimizer.trained_parameters(&table));
            (copied(weights), state.to_bytes())
        })
    }

    let inputs = classifier_json();
    let batches: Vec<Batch> = inputs.as_object().expect("batches").values().map(|inputs| batch(inputs, classes(inputs))).collect();
    let momentum = Algorithm::Sgd { momentum: Some(0.9), dampening: None, nesterov: false };
    for algorithm in [Algorithm::default(), Algorithm::Adafactor, momentum] {
        let run = |restarts: &[usize]| {
            let (mut engine, mut generator) = (engine(3, None).with_optimizer(algorithm), Generators::new(5));
            for step in 0..4 {
                let update = UpdateSettings { learning_rate: 1e-3, weight_decay: 0.1, max_grad_norm: 1.0 };
                let batch = std::slice::from_ref(&batches[step % batches.len()]);
                train_step(&mut engine, batch, &BatchSettings::default(), &update, Some(&mut generator));
                if restarts.contains(&step) {
                    let (weights, bytes) = saved(&mut engine);
                    engine = self::engine(3, None).with_optimizer(algorithm);
                    block_on(engine.set_weights(weights)).expect("a CPU");
                    let state = OptimizerState::parse("f", &bytes).expect("a file");
                    block_on(engine.restore_optimizer("f", &state)).expect("the same parameters");
                }
            }
            saved(&mut engine)
        };
        let whole = run(&[]);
        assert!(run(&[0]) == whole, "{algorithm:?}");
        assert!(run(&[1, 2]) == whole, "{algorithm:?}");
    }
}

/// Losses are told once, and a norm only of gradients that were applied.
#[test]
fn an_outcome_is_of_what_came_since_the_last_one() {
    let (mut engine, inputs) = (engine(3, None), &classifier_json()["single"]);
    let batch = batch(inputs, classes(inputs));
    let mut outcome_after = |steps: usize, micro_batches: usize| {
        for _ in 0..micro_batches {
            block_on(engine.accumulate(&batch, &BatchSettings::default(), None)).expect("a CPU");
        }
        for _ in 0..steps {
            block_on(engine.apply(&settings(&adamw_json(), 1e-3))).expect("a CPU");
        }
        let outcome = block_on(engine.outcome()).expect("a CPU");
        (outcome.losses.len(), outcome.gradient_norm.is_some())
    };
    assert_eq!(outcome_after(0, 2), (2, false));
    assert_eq!(outcome_after(1, 1), (1, true));
    assert_eq!(outcome_after(0, 0), (0, false));
}

#[test]
#[should_panic(expected = "fetched")]
fn weights_are_not_shown_as_they_were() {
    let mut engine = engine(3, None);
    weights(&mut engine);
    block_on(engine.apply(&settings(&adamw_json(), 1e-3))).expect("a CPU");
    engine.with_weights(|_| ());
}

/// Masks of dropout and noise of embeddings, in batches padded to their longest row or further: the loss is that of the Trainer's model in
/// training mode, and so is what is drawn next.
#[test]
fn draws_of_a_step_are_those_of_transformers() {
    golden::draws("noisy_steps", |case| {
        let inputs = &classifier_json()[case["batch"].as_str().expect("a name")];
        let batch = batch(inputs, classes(inputs));
        let longest = batch.max_length();
        let padded_length = golden::integer(case, "padded_length") as usize;
        let mut config = config(3);
        let probability = |place: usize| case["probabilities"][place].as_f64().expect("a probability");
        config.hidden_dropout_prob = probability(0);
        config.attention_probs_dropout_prob = probability(1);
        config.classifier_dropout = probability(2);
        let settings = BatchSettings {
            neftune_noise_alpha: case["alpha"].as_f64(),
            padded_length: (padded_length > longest).then_some(padded_length),
            ..BatchSettings::default()
        };
        let seed = golden::integer(case, "seed");
        let mut skipped = Generators::new(seed).torch;
        let noise = settings.neftune_noise_alpha.map_or(0, |_| batch.len() * padded_length * config.hidden_size);
        skipped.skip(noise + bert::words_drawn(&config, batch.len(), padded_length));
        let mut generators = Generators::new(seed);
        let update = self::settings(&adamw_json(), 0.0);
        let outcome = train_step(&mut with_config(config, None), &[batch], &settings, &update, Some(&mut generators));
        assert_loss(outcome.loss(), &case["loss"]);
        assert_eq!(generators.torch.random_i64() as u64, golden::integer(case, "next"), "{case}");
        assert_eq!(skipped.random_i64() as u64, golden::integer(case, "next"), "{case}");
    });
}
