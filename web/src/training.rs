//! A training step by step, with the results that `rtrain train` would write.

use rtrain::data::{Dataset, Task};
use rtrain::diagnostic::Result;
use rtrain::format::json::Json;
use rtrain::format::torch::training_args::Surroundings;
use rtrain::kernels::Precision;
use rtrain::storage::{MemoryDirectory, MemoryFileSystem};
use rtrain::train::arguments::TrainingArguments;
use rtrain::train::checkpoint::training_args;
use rtrain::train::engine::Engine;
use rtrain::train::evaluation::predict;
use rtrain::train::preparation::{LoadedModel, ModelSources};
use rtrain::train::run_directory::RunDirectory;
use rtrain::train::tables::Tables;
use rtrain::train::{EvalSet, Host, Outcome, Progress, Run, Trainer};
use self_cell::self_cell;
use serde_json::{Value, json};
use web_time::Instant;

use crate::diagnostic::missing;
use crate::model::has_weights;
use crate::page::{Listener, Page, numbers};
use crate::prediction::predictions;

/// All that a training borrows from.
#[derive(Debug)]
struct Prepared {
    arguments: TrainingArguments,
    task: Task,
    model: LoadedModel,
    max_length: usize,
    train: Dataset,
    eval: Vec<(Option<String>, Dataset)>,
    test: Option<Dataset>,
    training_args: Vec<u8>,
    system: MemoryFileSystem,
    output_dir: String,
    began: Instant,
}

impl Prepared {
    fn directory(&self) -> RunDirectory<'_> {
        let Prepared { system, output_dir, arguments, training_args, model, .. } = self;
        RunDirectory { system, path: output_dir, arguments, training_args, model }
    }
}

/// What is next.
#[derive(Debug)]
enum Phase<'a> {
    Steps(Box<Run<'a>>),
    Evaluation,
    Prediction,
    Done,
}

#[derive(Debug)]
struct Progressing<'a> {
    trainer: Trainer<'a>,
    phase: Phase<'a>,
    is_stopped: bool,
    results: Vec<(String, Json)>,
}

self_cell!(
    /// A training that is under way or over, with all that it needs.
    pub struct Training {
        owner: Prepared,
        #[covariant]
        dependent: Progressing,
    }
    impl {Debug}
);

impl Training {
    /// Begins a training of a model.
    ///
    /// # Errors
    /// The model, the tables and the arguments do not fit each other.
    pub fn start(
        source: &MemoryDirectory,
        tables: &Tables,
        arguments: TrainingArguments,
        time: &str,
        listener: Listener<'_>,
    ) -> Result<Training> {
        let (task, unknown) = tables.task(&arguments)?;
        let mut tell = |text: String| listener(json!({"type": "notice", "text": text}));
        if !unknown.is_empty() {
            tell(format!("labels that the training table does not have: {}", unknown.join(", ")));
        }
        let weights = has_weights(source).then_some(source as &dyn rtrain::storage::Source);
        let sources = ModelSources { weights, config: source, tokenizer: source, is_checkpoint: false, offline: false };
        let mut model = LoadedModel::for_training(&sources, &task, &arguments)?;
        tell_loading(&model, &mut tell);
        let max_length = model.max_length(arguments.max_seq_length);
        let train = tables.train_dataset(&model, &arguments, &task, max_length)?;
        let train = train.ok_or_else(|| missing("there is no table to train on", "load a table of the role train"))?;
        let eval = tables.eval_datasets(&model, &arguments, &task, max_length)?;
        let test = tables.test_dataset(&model, &arguments, max_length)?;
        model.tokenizer.set_truncation_and_padding(max_length as u64, arguments.pad_to_max_length);
        let precision = if arguments.bf16 { Precision::Bf16 } else { Precision::F32 };
        if !precision.is_fast() {
            tell("bf16 gains nothing here over float32".to_owned());
        }
        let engine = Engine::new(model.bert.clone(), model.table.clone(), std::mem::take(&mut model.weights));
        let engine = engine.with_precision(precision).with_optimizer(arguments.algorithm);
        let surroundings = Surroundings { gpus: 0, logging_folder: format!("runs/{time}_browser"), reports: Vec::new() };
        let training_args = training_args(&arguments, &surroundings)?;
        let output_dir = arguments.output_dir.display().to_string();
        let (system, began) = (MemoryFileSystem::default(), Instant::now());
        let prepared = Prepared { arguments, task, model, max_length, train, eval, test, training_args, system, output_dir, began };
        Training::try_new(prepared, |prepared| {
            let Prepared { arguments, task, train, eval, max_length, .. } = prepared;
            let eval_sets = eval.iter().map(|(name, dataset)| EvalSet { name: name.as_deref(), dataset }).collect();
            let padded_length = arguments.pad_to_max_length.then_some(*max_length);
            let mut trainer = Trainer::new(engine, arguments, task, eval_sets, padded_length);
            let phase = if arguments.do_train {
                Phase::Steps(Box::new(trainer.start(train, &mut Page::new(prepared.directory(), prepared.began, listener))?))
            } else {
                Phase::Evaluation
            };
            Ok(Progressing { trainer, phase, is_stopped: false, results: Vec::new() })
        })
    }

    /// Makes the next step, the last evaluation among them; once all is done an object with the metrics.
    ///
    /// # Errors
    /// The files of the run could not be written.
    pub fn advance(&mut self, listener: Listener<'_>) -> Result<Option<Value>> {
        self.with_dependent_mut(|prepared, progressing| {
            progressing.advance(prepared, listener)?;
            let is_done = matches!(progressing.phase, Phase::Done);
            Ok(is_done.then(|| json!({"metrics": numbers(&progressing.results), "stopped": progressing.is_stopped})))
        })
    }

    /// Lets the training end before its next step, as one that has made all of them.
    pub fn stop(&mut self) {
        self.with_dependent_mut(|_, progressing| {
            progressing.trainer.stop();
            progressing.is_stopped = matches!(progressing.phase, Phase::Steps(_));
        });
    }

    /// Measures the model as it is now; the training does not notice.
    ///
    /// # Errors
    /// There is nothing to measure it on.
    pub fn evaluate(&mut self, listener: Listener<'_>) -> Result<Value> {
        self.with_dependent_mut(|prepared, Progressing { trainer, .. }| {
            if prepared.eval.is_empty() {
                return Err(missing("there is no table to evaluate on", "load a table of the role validation, then train"));
            }
            let metrics = trainer.evaluate(&mut Page::new(prepared.directory(), prepared.began, listener));
            Ok(numbers(&metrics).into())
        })
    }

    /// What the model as it is now says of texts.
    ///
    /// # Errors
    /// As [`predictions`].
    pub fn predict(&mut self, texts: &str) -> Result<Value> {
        self.with_dependent_mut(|prepared, Progressing { trainer, .. }| {
            predictions(&mut trainer.engine, &prepared.model, &prepared.task, prepared.max_length, texts)
        })
    }

    /// Writes the model as it is now, unless the run is over and did that.
    ///
    /// # Errors
    /// As [`RunDirectory::save_model`].
    pub fn save(&mut self) -> Result<()> {
        self.with_dependent_mut(|prepared, Progressing { trainer, phase, .. }| match phase {
            Phase::Steps(_) => save(prepared, trainer),
            Phase::Evaluation | Phase::Prediction | Phase::Done => Ok(()),
        })
    }

    /// Names of the files of the run; those of checkpoints have folders in them.
    pub fn files(&self) -> Vec<String> {
        let prepared = self.borrow_owner();
        let prefix = format!("{}/", prepared.output_dir);
        prepared.system.paths().iter().filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).collect()
    }

    /// The bytes of a file of the run.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        let prepared = self.borrow_owner();
        prepared.system.read(&format!("{}/{name}", prepared.output_dir))
    }
}

impl<'a> Progressing<'a> {
    fn advance(&mut self, prepared: &'a Prepared, listener: Listener<'_>) -> Result<()> {
        let directory = prepared.directory();
        let mut page = Page::new(directory, prepared.began, listener);
        match &mut self.phase {
            Phase::Steps(run) => {
                if let Some(Outcome::Finished(mut metrics)) = self.trainer.advance(run, &mut page)? {
                    metrics.push(("train_samples".to_owned(), prepared.train.len().into()));
                    save(prepared, &mut self.trainer)?;
                    directory.save_results("train", &metrics, &mut self.results)?;
                    self.phase = Phase::Evaluation;
                }
            }
            Phase::Evaluation => {
                if prepared.arguments.do_eval && !prepared.eval.is_empty() {
                    let mut metrics = self.trainer.evaluate(&mut page);
                    let rows = prepared.eval.iter().map(|(_, dataset)| dataset.len()).sum::<usize>();
                    metrics.push(("eval_samples".to_owned(), rows.into()));
                    if prepared.arguments.do_train {
                        metrics.extend(self.trainer.where_it_stands());
                    }
                    directory.save_results("eval", &metrics, &mut self.results)?;
                }
                self.phase = Phase::Prediction;
            }
            Phase::Prediction => {
                if let (true, Some(test)) = (prepared.arguments.do_predict, &prepared.test) {
                    let batch_size = prepared.arguments.per_device_eval_batch_size;
                    let progress = |done| page.progress(Progress::Evaluation(done, test.len()));
                    let logits = predict(&mut self.trainer.engine, test, batch_size, 0.0, progress).logits;
                    directory.save_predictions(&prepared.task, &logits)?;
                }
                self.phase = Phase::Done;
            }
            Phase::Done => {}
        }
        Ok(())
    }
}

fn save(prepared: &Prepared, trainer: &mut Trainer<'_>) -> Result<()> {
    let directory = prepared.directory();
    directory.save_model(&mut trainer.engine)?;
    directory.save_state(&trainer.state)
}

fn tell_loading(model: &LoadedModel, tell: &mut impl FnMut(String)) {
    let Some(report) = &model.report else {
        return tell(format!("all {} parameters start from random values", model.table.numel()));
    };
    if !report.missing.is_empty() {
        tell(format!("newly initialized: {}", report.missing.join(", ")));
    }
    if !report.mismatched.is_empty() {
        let names: Vec<&str> = report.mismatched.iter().map(|(name, _, _)| name.as_str()).collect();
        tell(format!("newly initialized, since they had another shape: {}", names.join(", ")));
    }
    if !report.unexpected.is_empty() {
        tell(format!("not used by this model: {}", report.unexpected.join(", ")));
    }
}
