//! Whether a GPU computes what the CPU does: small models of every kind of shape, their logits, losses, gradients and steps on both.

use std::rc::Rc;

use super::engine::{BatchSettings, Engine};
use super::optimizer::UpdateSettings;
use crate::architecture::{BertConfig, ParameterTable};
use crate::data::{Batch, Labels};
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::gpu::{Gpu, Style};
use crate::random::{Generators, Mt19937, uniform_};

/// What differs most between a device and the CPU in one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// What was computed, and of what.
    pub case: String,
    /// The tensor that differs most.
    pub tensor: String,
    /// The largest difference of an element, as a share of the largest value of its tensor, or of 1 if that is smaller.
    pub share: f32,
}

/// Largest [`Deviation::share`] that is rounding.
pub const TOLERANCE: f32 = 1e-4;

/// A model's shape, its labels, and how its batches are trained on.
struct Case {
    name: &'static str,
    hidden: usize,
    inner: usize,
    heads: usize,
    layers: usize,
    labels: fn(usize) -> Labels,
    num_labels: usize,
    lengths: &'static [usize],
    dropout: f64,
    settings: BatchSettings,
}

const PLAIN: BatchSettings =
    BatchSettings { label_smoothing_factor: 0.0, neftune_noise_alpha: None, padded_length: None, gradient_checkpointing: false };

/// What a case is where it does not say.
const BASE: Case = Case {
    name: "",
    hidden: 32,
    inner: 32,
    heads: 2,
    layers: 2,
    labels: classes,
    num_labels: 2,
    lengths: &[5, 1, 16, 9],
    dropout: 0.0,
    settings: PLAIN,
};

const CASES: &[Case] = &[
    Case { name: "whole vectors", inner: 64, ..BASE },
    Case { name: "many rows", hidden: 64, inner: 128, heads: 4, layers: 1, num_labels: 3, lengths: &[16; 12], dropout: 0.1, ..BASE },
    Case { name: "odd sizes", hidden: 15, inner: 22, heads: 3, layers: 3, num_labels: 5, lengths: &[7, 3], ..BASE },
    Case {
        name: "odd sizes with dropout",
        hidden: 21,
        inner: 10,
        heads: 3,
        labels: several,
        num_labels: 3,
        lengths: &[4, 11, 1],
        dropout: 0.2,
        ..BASE
    },
    Case { name: "numbers", hidden: 16, inner: 8, heads: 1, labels: numbers, num_labels: 1, lengths: &[3, 2, 6], ..BASE },
    Case { name: "no layers", hidden: 8, inner: 8, layers: 0, lengths: &[3, 5], dropout: 0.1, ..BASE },
    Case {
        name: "smoothed, with noise",
        hidden: 24,
        inner: 36,
        num_labels: 4,
        lengths: &[6, 8, 8],
        settings: BatchSettings { label_smoothing_factor: 0.1, neftune_noise_alpha: Some(5.0), ..PLAIN },
        ..BASE
    },
    Case {
        name: "computed again",
        heads: 4,
        layers: 3,
        lengths: &[10, 12, 2],
        dropout: 0.1,
        settings: BatchSettings { gradient_checkpointing: true, padded_length: Some(16), ..PLAIN },
        ..BASE
    },
];

fn classes(rows: usize) -> Labels {
    Labels::Classes((0..rows as u32).map(|row| row % 2).collect())
}

fn several(rows: usize) -> Labels {
    Labels::MultiHot { num_labels: 3, values: (0..rows * 3).map(|place| (place % 2) as f32).collect() }
}

fn numbers(rows: usize) -> Labels {
    Labels::Values((0..rows).map(|row| row as f32 - 0.5).collect())
}

/// Compares a device with the CPU, case by case, with both kinds of kernels.
///
/// # Errors
/// The device is lost, or refuses its work.
pub async fn self_check(gpu: &Rc<Gpu>) -> Result<Vec<Deviation>> {
    let own = gpu.style();
    let mut deviations = Vec::new();
    for style in Style::ALL {
        gpu.set_style(style);
        for case in CASES {
            let found = case.run(gpu).await.inspect_err(|_| gpu.set_style(own))?;
            deviations.extend(found.into_iter().map(|found| Deviation { case: format!("{style:?}: {}", found.case), ..found }));
        }
    }
    gpu.set_style(own);
    Ok(deviations)
}

/// Refuses a device whose results differ by more than rounding.
///
/// # Errors
/// `device-wrong` with the largest deviation.
pub fn judge(deviations: &[Deviation]) -> Result<()> {
    let worst = deviations.iter().filter(|deviation| deviation.share.is_nan() || deviation.share > TOLERANCE);
    let Some(worst) = worst.max_by(|left, right| left.share.total_cmp(&right.share)) else { return Ok(()) };
    let message = format!("the device computes {} of {} otherwise than the CPU", worst.tensor, worst.case);
    let diagnostic = Diagnostic::new("device-wrong", Site::default(), message);
    let diagnostic = diagnostic.expected(format!("at most {TOLERANCE} of the largest value apart")).found(worst.share);
    Err(Error::unsupported(diagnostic.hint("update the driver, or train on the CPU")))
}

/// Rows of the tables of words, types and positions.
const VOCABULARY: usize = 40;
const POSITIONS: usize = 16;

impl Case {
    async fn run(&self, gpu: &Rc<Gpu>) -> Result<Vec<Deviation>> {
        let (config, table) = self.model();
        let weights = weights(&table);
        let mut cpu = Engine::new(config.clone(), table.clone(), weights.clone());
        let mut device = Engine::on(Rc::clone(gpu), config, table, weights).await?;
        let batches = [self.batch(0), self.batch(1)];
        let mut deviations = Vec::new();

        let (expected, found) = (cpu.logits(&batches[0]).await?, device.logits(&batches[0]).await?);
        deviations.push(self.deviation("logits", [("logits", expected.as_slice(), found.as_slice())]));

        let smoothing = self.settings.label_smoothing_factor;
        let (expected_loss, expected) = cpu.gradients(&batches[0], smoothing).await?;
        let (found_loss, found) = device.gradients(&batches[0], smoothing).await?;
        let tensors =
            expected.iter().zip(&found).map(|((name, expected), (_, found))| (name.as_str(), expected.as_slice(), found.as_slice()));
        let losses = ("loss", &[expected_loss as f32][..], &[found_loss as f32][..]);
        deviations.push(self.deviation("gradients", std::iter::once(losses).chain(tensors)));

        let mut both = Vec::new();
        for engine in [&mut cpu, &mut device] {
            let mut generators = Generators::new(3);
            let mut found = Vec::new();
            for learning_rate in [1e-3, 5e-4] {
                let update = UpdateSettings { learning_rate, weight_decay: 0.1, max_grad_norm: 0.5 };
                let outcome = engine.train_step(&batches, &self.settings, &update, Some(&mut generators)).await?;
                found.extend(outcome.losses.iter().map(|loss| *loss as f32));
                found.extend(outcome.gradient_norm.map(|norm| norm as f32));
            }
            engine.fetch().await?;
            let weights = engine.with_weights(|weights| weights.iter().map(|values| values.to_vec()).collect::<Vec<_>>());
            both.push((found, weights));
        }
        let [(expected, expected_weights), (found, found_weights)] = &both[..] else { unreachable!("two engines") };
        let names = cpu.table().parameters.iter().map(|parameter| parameter.name.as_str());
        let tensors =
            names.zip(expected_weights.iter().zip(found_weights)).map(|(name, (expected, found))| (name, &expected[..], &found[..]));
        // A key's bias has no gradient but rounding, which Adam makes as large as any other.
        let tensors = tensors.filter(|(name, ..)| !name.ends_with("key.bias"));
        deviations.push(self.deviation("two steps", std::iter::once(("losses and norms", &expected[..], &found[..])).chain(tensors)));
        Ok(deviations)
    }

    fn model(&self) -> (BertConfig, ParameterTable) {
        let config = BertConfig {
            vocab_size: VOCABULARY,
            hidden_size: self.hidden,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            intermediate_size: self.inner,
            max_position_embeddings: POSITIONS,
            type_vocab_size: 2,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            hidden_dropout_prob: self.dropout,
            attention_probs_dropout_prob: self.dropout,
            classifier_dropout: self.dropout,
            pad_token_id: Some(0),
            num_labels: self.num_labels,
        };
        let table = config.sequence_classification();
        (config, table)
    }

    fn batch(&self, salt: usize) -> Batch {
        let mut batch =
            Batch { token_ids: Vec::new(), token_type_ids: Vec::new(), position_ids: Vec::new(), offsets: vec![0], labels: None };
        for length in self.lengths {
            for position in 0..*length {
                // Some tokens are padding, and some words come twice.
                batch.token_ids.push(((position * 7 + batch.offsets.len() * 3 + salt * 11) % VOCABULARY) as i32);
                batch.token_type_ids.push((position % 2) as i32);
                batch.position_ids.push(position as i32);
            }
            batch.offsets.push(batch.token_ids.len());
        }
        batch.labels = Some((self.labels)(self.lengths.len()));
        batch
    }

    fn deviation<'t>(&self, what: &str, tensors: impl IntoIterator<Item = (&'t str, &'t [f32], &'t [f32])>) -> Deviation {
        let mut worst = Deviation { case: format!("{}, {what}", self.name), tensor: String::new(), share: 0.0 };
        for (tensor, expected, found) in tensors {
            let largest = expected.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
            let differences = expected.iter().zip(found).map(|(expected, found)| (expected - found).abs() / largest);
            let share = differences.fold(0.0_f32, |most, share| if share > most || share.is_nan() { share } else { most });
            if share > worst.share || share.is_nan() || worst.tensor.is_empty() {
                worst = Deviation { tensor: tensor.to_owned(), share, ..worst };
            }
        }
        worst
    }
}

/// Weights that no operation leaves as they are.
fn weights(table: &ParameterTable) -> Vec<Vec<f32>> {
    let mut generator = Mt19937::new(5);
    let one = |parameter: &crate::architecture::Parameter| {
        let mut values = vec![0.0; parameter.numel()];
        let (low, high) = if parameter.name.ends_with("LayerNorm.weight") { (0.5, 1.5) } else { (-0.4, 0.4) };
        uniform_(&mut generator, &mut values, low, high);
        values
    };
    table.parameters.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Api;
    use pollster::block_on;

    #[test]
    #[ignore = "needs a GPU, or SwiftShader as tests/run finds it"]
    fn the_device_computes_what_the_cpu_does() {
        let gpu = Rc::new(block_on(Gpu::open(Api::WebGpu)).unwrap());
        let deviations = block_on(self_check(&gpu)).unwrap();
        for Deviation { case, tensor, share } in &deviations {
            println!("{share:9.1e}  {case}: {tensor}");
        }
        assert_eq!(deviations.len(), 2 * 3 * CASES.len());
        judge(&deviations).unwrap();
    }

    #[test]
    fn wrong_results_are_refused() {
        let deviation = |share| Deviation { case: "a case".to_owned(), tensor: "logits".to_owned(), share };
        assert!(judge(&[deviation(0.0), deviation(TOLERANCE)]).is_ok());
        for wrong in [2.0 * TOLERANCE, f32::NAN, f32::INFINITY] {
            assert_eq!(judge(&[deviation(0.0), deviation(wrong)]).unwrap_err().diagnostic().code, "device-wrong");
        }
    }
}
