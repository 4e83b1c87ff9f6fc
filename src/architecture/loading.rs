//! Which tensor of a checkpoint becomes which parameter, and what transformers would report about it.

use super::{Construction, Initializer, Parameter, ParameterTable, bert};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::safetensors::{Dtype, to_f32};
use crate::format::shards::Shard;
use crate::random::{Mt19937, normal_, skip_normal};

/// What became of a checkpoint's tensors, as transformers' load report has it. Names are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadReport {
    /// Parameters that the checkpoint does not have; they were initialised.
    pub missing: Vec<String>,
    /// Tensors that the model has no use for.
    pub unexpected: Vec<String>,
    /// Parameters whose tensor has another shape: name, shape in the checkpoint, shape in the model; they were initialised.
    pub mismatched: Vec<(String, Vec<u64>, Vec<u64>)>,
    /// Element types that were widened to `f32`.
    pub widened: Vec<&'static str>,
}

impl LoadReport {
    /// Whether the checkpoint filled the model exactly.
    pub fn is_clean(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mismatched.is_empty()
    }
}

/// How the tensors of a checkpoint fill a parameter table.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// For each parameter, in table order: shard and tensor name, or nothing where it is to be initialised.
    sources: Vec<Option<(usize, String)>>,
    /// Whether torch makes the modules with values, as it does without a checkpoint.
    constructed: bool,
    /// For each parameter the name under which it is saved: transformers 5.23.0 writes legacy LayerNorm names back.
    pub saved_names: Vec<String>,
    /// What to tell the user.
    pub report: LoadReport,
}

impl LoadPlan {
    /// Without a checkpoint: every parameter is initialised.
    pub fn from_scratch(table: &ParameterTable) -> LoadPlan {
        let saved_names = table.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        LoadPlan { sources: vec![None; table.parameters.len()], constructed: true, saved_names, report: LoadReport::default() }
    }

    /// Finds the tensor of each parameter.
    ///
    /// # Errors
    /// A tensor has another shape than its parameter and `ignore_mismatched_sizes` is false, or it does not hold floats.
    pub fn new(table: &ParameterTable, shards: &[Shard<'_>], directory: &str, ignore_mismatched_sizes: bool) -> Result<LoadPlan> {
        let mut plan = LoadPlan { constructed: false, ..LoadPlan::from_scratch(table) };
        let mut used = std::collections::BTreeSet::new();
        for (position, parameter) in table.parameters.iter().enumerate() {
            let Some((shard, name)) = find(shards, &parameter.name) else {
                plan.report.missing.push(parameter.name.clone());
                continue;
            };
            used.insert(name.clone());
            let Some(info) = shards[shard].header.find(&name) else { continue };
            let shape: Vec<u64> = parameter.shape.iter().map(|&size| size as u64).collect();
            if info.shape != shape {
                plan.report.mismatched.push((parameter.name.clone(), info.shape.clone(), shape));
                continue;
            }
            if info.dtype != Dtype::F32 && !plan.report.widened.contains(&info.dtype.name()) {
                plan.report.widened.push(info.dtype.name());
            }
            if name.ends_with("LayerNorm.gamma") || name.ends_with("LayerNorm.beta") {
                let legacy = if name.ends_with("gamma") { "gamma" } else { "beta" };
                let stem = parameter.name.rsplit_once('.').map_or("", |(stem, _)| stem);
                plan.saved_names[position] = format!("{stem}.{legacy}");
            }
            plan.sources[position] = Some((shard, name));
        }
        let tensors = shards.iter().flat_map(|shard| &shard.header.tensors).map(|tensor| tensor.name.clone());
        plan.report.unexpected = tensors.filter(|name| !used.contains(name) && !bert::is_ignored_buffer(name)).collect();
        plan.report.unexpected.sort();
        plan.report.missing.sort();
        plan.report.mismatched.sort();
        match plan.report.mismatched.first() {
            Some((name, found, expected)) if !ignore_mismatched_sizes => {
                let site = Site::file(directory).at(Place::Tensor(name.clone()));
                let diagnostic =
                    Diagnostic::new("size-mismatch", site, "the checkpoint's tensor has another shape than the config asks for")
                        .expected(format!("{expected:?}"))
                        .found(format!("{found:?}"))
                        .hint("mend config.json, or pass --ignore_mismatched_sizes to initialise such tensors anew");
                Err(Error::malformed(diagnostic))
            }
            _ => Ok(plan),
        }
    }

    /// The values of all parameters, in table order. Those that the checkpoint does not have are drawn from torch's generator in the
    /// order in which transformers does it: module by module, in registration order.
    ///
    /// # Errors
    /// A tensor does not hold floats.
    pub fn weights(&self, table: &ParameterTable, shards: &[Shard<'_>], seed: u64) -> Result<Vec<Vec<f32>>> {
        let mut generator = Mt19937::new(seed);
        let mut weights = Vec::with_capacity(table.parameters.len());
        let (base, head) = table.parameters.split_at(table.base_parameters);
        let mut sources = self.sources.iter();
        for part in [base, head] {
            if self.constructed {
                part.iter().for_each(|parameter| construct(parameter, &mut generator));
            }
            for (parameter, source) in part.iter().zip(&mut sources) {
                weights.push(match source {
                    Some((shard, name)) => read(&shards[*shard], name)?,
                    None => initialised(parameter, &mut generator),
                });
            }
        }
        Ok(weights)
    }
}

fn read(shard: &Shard<'_>, tensor: &str) -> Result<Vec<f32>> {
    let info = shard.header.find(tensor);
    let values = info.map(|info| Ok(to_f32(info.dtype, &shard.data(info)?))).transpose()?.flatten();
    values.ok_or_else(|| {
        let site = Site::file(shard.name.as_str()).at(Place::Tensor(tensor.to_owned()));
        Error::unsupported(Diagnostic::new("tensor-dtype", site, "a parameter must be a float tensor"))
    })
}

/// Passes over the draws of the module's constructor, whose values are lost.
fn construct(parameter: &Parameter, generator: &mut Mt19937) {
    match parameter.construction {
        Construction::Normal => skip_normal(generator, parameter.numel()),
        Construction::Uniform => generator.skip(parameter.numel()),
        Construction::Constant => {}
    }
}

fn initialised(parameter: &Parameter, generator: &mut Mt19937) -> Vec<f32> {
    let mut values = vec![0.0; parameter.numel()];
    match parameter.initializer {
        Initializer::Zeros => {}
        Initializer::Ones => values.fill(1.0),
        Initializer::Normal { std } => normal_(generator, &mut values, 0.0, std),
    }
    if let Some(row) = parameter.padding_row {
        let width = parameter.shape.last().copied().unwrap_or(0);
        values[row * width..(row + 1) * width].fill(0.0);
    }
    values
}

fn find(shards: &[Shard<'_>], parameter: &str) -> Option<(usize, String)> {
    let names = bert::checkpoint_names(parameter);
    names.into_iter().find_map(|name| shards.iter().position(|shard| shard.header.find(&name).is_some()).map(|shard| (shard, name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::BertConfig;
    use crate::random::golden;

    /// Of all seeds from 0 to 99, and with few elements and many: torch draws fewer than 16 by another algorithm.
    #[test]
    fn a_new_head_has_the_bits_of_transformers() {
        let mut fewest = usize::MAX;
        golden::draws("heads", |case| {
            let [hidden_size, num_labels] = ["hidden_size", "num_labels"].map(|name| golden::integer(case, name) as usize);
            let config = BertConfig { hidden_size, num_labels, ..tiny() };
            let table = config.sequence_classification();
            let head = table.parameters.iter().find(|parameter| parameter.name == "classifier.weight").unwrap();
            fewest = fewest.min(head.numel());
            let heads = (0..100).map(|seed| {
                let mut generator = Mt19937::new(seed);
                let values = initialised(head, &mut generator).into_iter().flat_map(f32::to_le_bytes);
                values.chain(generator.random_i64().to_le_bytes()).collect::<Vec<u8>>()
            });
            assert_eq!(golden::sha256(heads), case["sha256"], "{case}");
        });
        assert_eq!(fewest, 8);
    }

    fn tiny() -> BertConfig {
        BertConfig {
            vocab_size: 8,
            hidden_size: 4,
            num_hidden_layers: 1,
            num_attention_heads: 1,
            intermediate_size: 4,
            max_position_embeddings: 4,
            type_vocab_size: 2,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            classifier_dropout: 0.1,
            pad_token_id: Some(0),
            num_labels: 2,
        }
    }
}
