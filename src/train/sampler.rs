//! Which rows make the batches of an epoch, and in which order, as the Trainer's samplers say.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_get_train_sampler`, `_get_eval_sampler`) and `trainer_pt_utils.py` (`LengthGroupedSampler`,
//! `BatchRebalanceSampler`); torch 2.15.0, `utils/data/dataloader.py` (`_BaseDataLoaderIter`).

use std::collections::HashSet;

use super::arguments::{SamplingStrategy, TrainingArguments};
use crate::random::{Mt19937, epoch_order, randperm};

/// Makes the batches of each epoch of a training.
#[derive(Debug)]
pub struct Sampler {
    strategy: SamplingStrategy,
    seed: u64,
    batch_size: usize,
    accumulation: usize,
    drop_last: bool,
    /// Tokens of each row, padding of `pad_to_max_length` included.
    lengths: Vec<usize>,
}

impl Sampler {
    /// The sampler for rows of these lengths: the tokens of each, or what all are padded to.
    pub fn new(arguments: &TrainingArguments, lengths: Vec<usize>) -> Self {
        Sampler {
            strategy: arguments.train_sampling_strategy,
            seed: arguments.data_seed.unwrap_or(arguments.seed),
            batch_size: arguments.per_device_train_batch_size.max(1),
            accumulation: arguments.gradient_accumulation_steps.max(1),
            drop_last: arguments.dataloader_drop_last,
            lengths,
        }
    }

    /// Whether the order of an epoch is drawn from torch's generator, so that it is not known without the state which that had.
    pub fn draws_order(&self) -> bool {
        self.strategy == SamplingStrategy::GroupByLength
    }

    /// The rows of each batch of an epoch, counted from 0. `generator` is torch's, as the epoch finds it: the loader draws a seed from it,
    /// and grouping by length draws its order.
    pub fn batches(&self, epoch: u64, generator: &mut Mt19937) -> Vec<Vec<u32>> {
        generator.random_i64();
        let order = match self.strategy {
            SamplingStrategy::Random => epoch_order(self.lengths.len(), self.seed, epoch),
            SamplingStrategy::Sequential => (0..).take(self.lengths.len()).collect(),
            SamplingStrategy::GroupByLength => group_by_length(&self.lengths, self.batch_size * self.accumulation, generator),
            SamplingStrategy::BatchRebalance => return self.rebalanced(epoch),
        };
        let batches = order.chunks(self.batch_size).filter(|batch| !self.drop_last || batch.len() == self.batch_size);
        batches.map(<[u32]>::to_vec).collect()
    }

    /// The batches of each optimizer step cost about the same; a last step that has fewer rows than batches takes more from the start.
    fn rebalanced(&self, epoch: u64) -> Vec<Vec<u32>> {
        // The Trainer leaves this sampler with the seed that it has by default.
        const SEED: u64 = 42;
        let order = epoch_order(self.lengths.len(), SEED, epoch);
        let rows = self.batch_size * self.accumulation;
        let steps = order.chunks(rows).filter(|step| !self.drop_last || step.len() == rows);
        steps
            .flat_map(|step| {
                let missing = self.accumulation.saturating_sub(step.len());
                balanced(step.iter().chain(order.iter().cycle().take(missing)).copied().collect(), self.accumulation, rows, &self.lengths)
            })
            .collect()
    }
}

/// Draws what iterating the loader of an evaluation draws from torch's generator.
///
/// Release 4 groups the rows of an evaluation by length too, and draws their order from the same generator.
pub fn iterate_evaluation(arguments: &TrainingArguments, rows: usize, generator: &mut Mt19937) {
    generator.random_i64();
    if arguments.train_sampling_strategy == SamplingStrategy::GroupByLength && !arguments.release.trainer.has_sampling_strategies {
        generator.skip(rows.saturating_sub(1));
    }
}

/// A random order whose neighbours have similar lengths: the rows of some batches at a time, longest first. The longest of all comes first.
fn group_by_length(lengths: &[usize], batch_size: usize, generator: &mut Mt19937) -> Vec<u32> {
    let mut order = randperm(lengths.len(), generator);
    let length = |row: &u32| lengths[*row as usize];
    let group = batch_size * (lengths.len() / (batch_size * 4)).clamp(1, 50);
    order.chunks_mut(group).for_each(|rows| rows.sort_by_key(|row| std::cmp::Reverse(length(row))));
    let longest = (0..order.len()).step_by(group).rev().max_by_key(|first| length(&order[*first]));
    if let Some(longest) = longest {
        order.swap(0, longest);
    }
    order
}

/// Shares the rows of an optimizer step out to batches, the most expensive one first.
///
/// Rows are sorted by length and cut into batches of about as many rows; then row after row goes from the most to the least expensive one,
/// until nothing changes or a state comes back. The state with the least spread wins.
fn balanced(mut rows: Vec<u32>, count: usize, rows_of_a_full_step: usize, lengths: &[usize]) -> Vec<Vec<u32>> {
    let length = |row: &u32| lengths[*row as usize];
    rows.sort_by_key(|row| std::cmp::Reverse(length(row)));
    let mut sizes: Vec<usize> = (0..count).map(|batch| rows.len() / count + usize::from(batch < rows.len() % count)).collect();
    let (mut least_spread, mut best, mut seen) = (f64::INFINITY, sizes.clone(), HashSet::new());
    for _ in 0..(30 * count).max(rows_of_a_full_step) {
        if !seen.insert(sizes.clone()) {
            break;
        }
        let costs: Vec<f64> = cut(&rows, &sizes).map(|batch| cost(batch.len(), length(&batch[0]))).collect();
        let (cheapest, dearest) = (first_where(&costs, |cost, least| cost < least), first_where(&costs, |cost, most| cost > most));
        let spread = costs[dearest] - costs[cheapest];
        if spread < least_spread {
            (least_spread, best) = (spread, sizes.clone());
        }
        if spread == 0.0 || sizes[dearest] == 1 {
            break;
        }
        sizes[dearest] -= 1;
        sizes[cheapest] += 1;
    }
    let mut batches: Vec<Vec<u32>> = cut(&rows, &best).map(<[u32]>::to_vec).collect();
    batches.sort_by(|left, right| cost(right.len(), length(&right[0])).total_cmp(&cost(left.len(), length(&left[0]))));
    batches
}

/// What a padded batch costs: linear layers, and attention.
fn cost(rows: usize, longest: usize) -> f64 {
    let (rows, longest) = (rows as f64, longest as f64);
    rows * longest + 0.001 * rows * longest * longest
}

fn cut<'a>(rows: &'a [u32], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u32]> {
    let mut rest = rows;
    sizes.iter().map(move |size| {
        let (batch, later) = rest.split_at(*size);
        rest = later;
        batch
    })
}

/// The first place whose value is better than all before it and no worse than all after it.
fn first_where(values: &[f64], is_better: fn(f64, f64) -> bool) -> usize {
    (1..values.len()).fold(0, |best, place| if is_better(values[place], values[best]) { place } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::golden;
    use crate::train::arguments::{RawValue, Values};
    use serde_json::Value;

    const NAMES: [&str; 5] = ["seed", "data_seed", "per_device_train_batch_size", "gradient_accumulation_steps", "dataloader_drop_last"];

    fn arguments(release: &str, case: &Value) -> TrainingArguments {
        let mut values: Values =
            ["model_name_or_path", "train_file", "output_dir"].map(|name| (name.to_owned(), RawValue::command_line(name))).into();
        values.insert("release".to_owned(), RawValue::command_line(release));
        values.insert("train_sampling_strategy".to_owned(), RawValue::command_line(case["strategy"].as_str().unwrap()));
        for name in NAMES {
            if let Some(value) = case.get(name).filter(|value| !value.is_null()) {
                values.insert(name.to_owned(), RawValue::command_line(value.to_string()));
            }
        }
        TrainingArguments::resolve(&values).unwrap()
    }

    fn lengths(case: &Value) -> Vec<usize> {
        (0..golden::integer(case, "rows") as usize).map(|row| 1 + row * row % 61).collect()
    }

    fn cases(part: &str) -> Vec<(String, Value)> {
        let golden = golden::draws_of_releases();
        let releases = golden.as_object().unwrap();
        assert_eq!(releases.len(), 2);
        releases
            .iter()
            .flat_map(|(release, parts)| parts[part].as_array().unwrap().iter().map(|case| (release.clone(), case.clone())))
            .collect()
    }

    #[test]
    fn batches_are_those_of_the_trainers_loader() {
        let mut strategies = HashSet::new();
        for (release, case) in cases("loader_cases") {
            let arguments = arguments(&release, &case);
            let sampler = Sampler::new(&arguments, lengths(&case));
            let mut generator = Mt19937::new(arguments.seed);
            let mut digested: Vec<u8> = Vec::new();
            for epoch in 0..3 {
                let batches = sampler.batches(epoch, &mut generator);
                assert_eq!(batches.len() as u64, golden::integer(&case, "batches"), "{release} {case}");
                assert_eq!(batches.len(), arguments.length(sampler.lengths.len()).batches_per_epoch, "{release} {case}");
                for batch in &batches {
                    digested.extend((batch.len() as u32).to_le_bytes());
                    digested.extend(batch.iter().flat_map(|row| row.to_le_bytes()));
                }
            }
            assert_eq!(golden::sha256([digested]), case["sha256"], "{release} {case}");
            assert_eq!(generator.random_i64() as u64, golden::integer(&case, "next"), "{release} {case}");
            strategies.insert((release, case["strategy"].to_string()));
        }
        assert_eq!(strategies.len(), 6);
    }

    #[test]
    fn a_training_draws_for_its_epochs_and_evaluations() {
        let cases = cases("trained_cases");
        assert_eq!(cases.len(), 12);
        for (release, case) in cases {
            let arguments = arguments(&release, &case);
            let sampler = Sampler::new(&arguments, lengths(&case));
            let mut generator = Mt19937::new(arguments.seed);
            let expected: Vec<Vec<u32>> = serde_json::from_value(case["batches"].clone()).unwrap();
            let evaluated = golden::integer(&case, "eval_rows") as usize;
            let batches_of_evaluation = evaluated.div_ceil(golden::integer(&case, "per_device_eval_batch_size") as usize);
            let mut rest = expected.as_slice();
            for epoch in 0..3 {
                let batches = sampler.batches(epoch, &mut generator);
                let (now, later) = rest.split_at(batches.len());
                assert_eq!(batches, now, "{release} {case}");
                iterate_evaluation(&arguments, evaluated, &mut generator);
                rest = &later[batches_of_evaluation..];
            }
            assert!(rest.is_empty());
            assert_eq!(generator.random_i64() as u64, golden::integer(&case, "next"), "{release} {case}");
        }
    }
}
