//! A training step by step, with the results that `rtrain train` would write.

use rtrain::data::{Dataset, Task};
use rtrain::diagnostic::{Diagnostic, Error, Result, Site};
use rtrain::format::json::Json;
use rtrain::format::torch::training_args;
use rtrain::kernels::Precision;
use rtrain::storage::{MemoryDirectory, MemoryFileSystem, Source};
use rtrain::train::arguments::TrainingArguments;
use rtrain::train::checkpoint::training_args;
use rtrain::train::engine::Engine;
use rtrain::train::evaluation::predict;
use rtrain::train::preparation::{LoadedModel, ModelSources};
use rtrain::train::resumption::Resumption;
use rtrain::train::run_directory::RunDirectory;
use rtrain::train::tables::Tables;
use rtrain::train::{EvalSet, Host, Outcome, Progress, Run, Trainer};
use serde_json::{Value, json};
use std::rc::Rc;
use web_time::Instant;

use crate::classifier::{Classifier, Evaluation};
use crate::device::{self, Device};
use crate::diagnostic::missing;
use crate::durable::{self, Sink};
use crate::model::has_weights;
use crate::page::{Page, numbers};
use crate::requests::{Desk, Inbox, Request};
use crate::surroundings::Surroundings;

/// A training that is under way or over. The work itself goes on by its own, and answers at the desk.
#[derive(Debug)]
pub struct Training {
    /// Where it is asked for steps and all else.
    pub desk: Desk,
    prepared: Rc<Prepared>,
}

/// All that a training borrows from.
#[derive(Debug)]
struct Prepared {
    arguments: TrainingArguments,
    task: Task,
    model: LoadedModel,
    max_length: usize,
    train: Dataset,
    eval: Vec<(Option<String>, Rc<Dataset>)>,
    test: Option<Dataset>,
    training_args: Vec<u8>,
    system: MemoryFileSystem,
    output_dir: String,
    began: Instant,
}

impl Training {
    /// Prepares a training of a model, or to go on with one from the newest of its checkpoints, if some were kept; [`Request::Begin`] begins it.
    ///
    /// # Errors
    /// The model, the tables and the arguments do not fit each other.
    pub fn prepare(
        source: &MemoryDirectory,
        tables: &Tables,
        arguments: TrainingArguments,
        kept: MemoryDirectory,
        time: &str,
        surroundings: &Rc<dyn Surroundings>,
        device: &Device,
    ) -> Result<Training> {
        let (task, unknown) = tables.task(&arguments)?;
        let mut tell = |text: String| surroundings.tell(json!({"type": "notice", "text": text}));
        if !unknown.is_empty() {
            tell(format!("labels that the training table does not have: {}", unknown.join(", ")));
        }
        let output_dir = arguments.output_dir.display().to_string();
        let (system, checkpoint) = durable::unpack(kept, &output_dir, |diagnostic| tell(diagnostic.to_string()))?;
        let (checkpoint, resumption) = checkpoint.unzip();
        if let Some(resumption) = &resumption {
            tell(format!("going on after step {}", resumption.state.global_step));
        }
        let weights = checkpoint.as_ref().or_else(|| has_weights(source).then_some(source)).map(|source| source as &dyn Source);
        let sources = ModelSources { weights, config: source, tokenizer: source, is_checkpoint: checkpoint.is_some(), offline: false };
        let mut model = LoadedModel::for_training(&sources, &task, &arguments)?;
        tell_loading(&model, &mut tell);
        drop(checkpoint);
        let max_length = model.max_length(arguments.max_seq_length);
        let train = tables.train_dataset(&model, &arguments, &task, max_length)?;
        let train = train.ok_or_else(|| missing("there is no table to train on", "load a table of the role train"))?;
        let eval = tables.eval_datasets(&model, &arguments, &task, max_length)?;
        let eval = eval.into_iter().map(|(name, dataset)| (name, Rc::new(dataset))).collect();
        let test = tables.test_dataset(&model, &arguments, max_length)?;
        model.tokenizer.set_truncation_and_padding(max_length as u64, arguments.pad_to_max_length);
        if arguments.bf16 && device.is_some() {
            let diagnostic = Diagnostic::new("argument-conflict", Site::default(), "on a GPU rtrain computes in float32 only");
            return Err(Error::unsupported(diagnostic.hint("leave bf16 out, or create the trainer on the CPU")));
        }
        if !precision(&arguments).is_fast() {
            tell("bf16 gains nothing here over float32".to_owned());
        }
        let logging_folder = format!("runs/{time}_browser");
        let training_args = training_args(&arguments, &training_args::Surroundings { gpus: 0, logging_folder, reports: Vec::new() })?;
        let began = Instant::now();
        let weights = std::mem::take(&mut model.weights);
        let prepared = Prepared { arguments, task, model, max_length, train, eval, test, training_args, system, output_dir, began };
        let prepared = Rc::new(prepared);
        let desk = Desk::open(surroundings, |inbox| work(Rc::clone(&prepared), device.clone(), weights, resumption, inbox));
        Ok(Training { desk, prepared })
    }

    /// What [`Request::Evaluate`] is to measure the model on.
    ///
    /// # Errors
    /// There is nothing.
    pub fn evaluation(&self) -> Result<Evaluation> {
        let Prepared { arguments, eval, .. } = &*self.prepared;
        let Some((_, dataset)) = eval.first() else {
            return Err(missing("there is no table to evaluate on", "load a table of the role validation, then train"));
        };
        Ok(Evaluation {
            dataset: Rc::clone(dataset),
            batch_size: arguments.per_device_eval_batch_size,
            label_smoothing_factor: arguments.label_smoothing_factor,
        })
    }

    /// The steps of the checkpoints that the run has saved.
    ///
    /// # Errors
    /// None: they are in memory.
    pub fn checkpoints(&self) -> Result<Vec<u64>> {
        durable::steps(&self.prepared.system, &self.prepared.output_dir)
    }

    /// Hands a checkpoint of the run to a sink.
    pub fn pack_checkpoint(&self, step: u64, sink: Sink) -> Value {
        durable::pack(&self.prepared.system, &self.prepared.output_dir, step, sink)
    }

    /// Names of the files of the run; those of checkpoints have folders in them.
    pub fn files(&self) -> Vec<String> {
        let prefix = format!("{}/", self.prepared.output_dir);
        self.prepared.system.paths().iter().filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).collect()
    }

    /// The bytes of a file of the run.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.prepared.system.read(&format!("{}/{name}", self.prepared.output_dir))
    }
}

impl Prepared {
    fn directory(&self) -> RunDirectory<'_> {
        let Prepared { system, output_dir, arguments, training_args, model, .. } = self;
        RunDirectory { system, path: output_dir, arguments, training_args, model }
    }

    fn classifier(&self) -> Classifier<'_> {
        Classifier { model: &self.model, task: &self.task, max_length: self.max_length }
    }

    fn page<'a>(&'a self, inbox: &'a mut Inbox) -> Page<'a> {
        Page::new(self.directory(), self.classifier(), self.began, inbox)
    }
}

fn precision(arguments: &TrainingArguments) -> Precision {
    if arguments.bf16 { Precision::Bf16 } else { Precision::F32 }
}

/// The whole of a training, from its engine to the last request.
async fn work(
    prepared: Rc<Prepared>,
    device: Device,
    weights: Vec<Vec<f32>>,
    resumption: Option<Resumption>,
    mut inbox: Inbox,
) -> (Inbox, Result<()>) {
    let result = async {
        let engine = device::engine(device, &prepared.model, weights).await?;
        let mut progressing = Progressing::begin(&prepared, engine, resumption, &mut inbox).await?;
        while let Some((request, reply)) = inbox.next().await {
            reply.send(progressing.answer(request, &mut inbox).await);
        }
        Ok(())
    };
    let result = result.await;
    (inbox, result)
}

#[derive(Debug)]
struct Progressing<'a> {
    prepared: &'a Prepared,
    trainer: Trainer<'a>,
    phase: Phase<'a>,
    is_stopped: bool,
    results: Vec<(String, Json)>,
}

/// What is next.
#[derive(Debug)]
enum Phase<'a> {
    Steps(Box<Run<'a>>),
    Evaluation,
    Prediction,
    Done,
}

impl<'a> Progressing<'a> {
    async fn begin(prepared: &'a Prepared, engine: Engine, resumption: Option<Resumption>, inbox: &mut Inbox) -> Result<Self> {
        let Prepared { arguments, task, train, eval, max_length, .. } = prepared;
        let engine = engine.with_precision(precision(arguments)).with_optimizer(arguments.algorithm);
        let eval_sets = eval.iter().map(|(name, dataset)| EvalSet { name: name.as_deref(), dataset }).collect();
        let padded_length = arguments.pad_to_max_length.then_some(*max_length);
        let mut trainer = Trainer::new(engine, arguments, task, eval_sets, padded_length);
        if let Some(resumption) = resumption {
            trainer.resume_from(resumption);
        }
        let phase = match arguments.do_train {
            true => Phase::Steps(Box::new(trainer.start(train, &mut prepared.page(inbox)).await?)),
            false => Phase::Evaluation,
        };
        Ok(Progressing { prepared, trainer, phase, is_stopped: false, results: Vec::new() })
    }

    async fn answer(&mut self, request: Request, inbox: &mut Inbox) -> Result<Value> {
        let engine = &mut self.trainer.engine;
        match request {
            Request::Begin => {}
            Request::Advance => {
                self.advance(inbox).await?;
                if matches!(self.phase, Phase::Done) {
                    return Ok(json!({"metrics": numbers(&self.results), "stopped": self.is_stopped}));
                }
            }
            Request::Stop => {
                self.trainer.stop();
                self.is_stopped = matches!(self.phase, Phase::Steps(_));
            }
            // A run that is over has written it.
            Request::Save if matches!(self.phase, Phase::Steps(_)) => self.save().await?,
            Request::Save => {}
            Request::Recover(sink) => return self.recover(sink).await,
            Request::Evaluate(evaluation) => return self.prepared.classifier().evaluate(engine, &evaluation, inbox).await,
            Request::Predict(texts) => return self.prepared.classifier().predict(engine, &texts).await,
        }
        Ok(Value::Null)
    }

    async fn advance(&mut self, inbox: &mut Inbox) -> Result<()> {
        let prepared = self.prepared;
        let (directory, mut page) = (prepared.directory(), prepared.page(inbox));
        match &mut self.phase {
            Phase::Steps(run) => {
                if let Some(Outcome::Finished(mut metrics)) = self.trainer.advance(run, &mut page).await? {
                    metrics.push(("train_samples".to_owned(), prepared.train.len().into()));
                    self.save().await?;
                    directory.save_results("train", &metrics, &mut self.results)?;
                    self.phase = Phase::Evaluation;
                }
            }
            Phase::Evaluation => {
                if prepared.arguments.do_eval && !prepared.eval.is_empty() {
                    let mut metrics = self.trainer.evaluate(&mut page).await?;
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
                    let progress = async |engine: &mut Engine, done| {
                        page.progress(Progress::Evaluation(done, test.len()));
                        page.give_way(engine).await;
                    };
                    let logits = predict(&mut self.trainer.engine, test, batch_size, 0.0, progress).await?.logits;
                    directory.save_predictions(&prepared.task, &logits)?;
                }
                self.phase = Phase::Done;
            }
            Phase::Done => {}
        }
        Ok(())
    }

    /// Hands the step that was just done to a sink as a checkpoint that the run does not know of, unless it has saved this step itself.
    async fn recover(&mut self, sink: Sink) -> Result<Value> {
        let (Phase::Steps(run), directory) = (&self.phase, self.prepared.directory()) else { return Ok(Value::Null) };
        let packed = self.trainer.with_extra_checkpoint(run, |checkpoint| durable::pack_extra(checkpoint, directory, sink)).await?;
        Ok(packed.unwrap_or_default())
    }

    async fn save(&mut self) -> Result<()> {
        let directory = self.prepared.directory();
        directory.save_model(&mut self.trainer.engine).await?;
        directory.save_state(&self.trainer.state)
    }
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
