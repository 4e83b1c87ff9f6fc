//! What the worker sees of a session, and the session of the worker.

use rtrain::diagnostic::{Error, Result};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_time::Instant;

use crate::diagnostic::to_json;
use crate::durable;
use crate::failure;
use crate::surroundings::{Surroundings, Work};

/// A model, its tables, its arguments and its training.
///
/// What takes its time is a promise; several may be waited for at once, and are kept one after the other.
#[wasm_bindgen]
pub struct Session {
    inner: RefCell<crate::session::Session>,
}

type Thrown<T> = std::result::Result<T, JsValue>;

#[wasm_bindgen]
impl Session {
    /// A session in which nothing is loaded, on a device: `cpu`, `webgpu`, or `auto`.
    pub async fn open(worker: Worker, device: String) -> Thrown<Session> {
        failure::remember();
        let device = crate::device::open(&device).await.map_err(thrown)?;
        Ok(Session { inner: RefCell::new(crate::session::Session::new(Rc::new(Around::new(worker)), device)) })
    }

    /// Another session on the same device, in which nothing is loaded.
    pub fn another(&self) -> Session {
        Session { inner: RefCell::new(self.inner.borrow().another()) }
    }

    /// Opens the GPU anew after it was lost, for what begins from now on.
    pub async fn reopen_device(&self) -> Thrown<()> {
        let device = crate::device::open("webgpu").await.map_err(thrown)?;
        self.inner.borrow_mut().move_to(device);
        Ok(())
    }

    /// What trains and predicts: `kind`, `name`, `isSoftware`.
    pub fn device(&self) -> String {
        self.inner.borrow().device().to_string()
    }

    /// Bytes of the tensors on the GPU.
    pub fn gpu_bytes(&self) -> f64 {
        self.inner.borrow().gpu_bytes() as f64
    }

    /// Ends the GPU, as a crash of its driver would.
    pub fn lose_device(&self) {
        self.inner.borrow().lose_device();
    }

    /// Compares the GPU with the processor: the largest deviations, case by case.
    pub async fn self_check(&self) -> Thrown<String> {
        let checked = self.inner.borrow().self_check();
        answer(checked.await)
    }

    /// Hands over a file of the model that [`Session::load_model`] is to load.
    pub fn add_file(&self, name: String, bytes: Vec<u8>) {
        self.inner.borrow_mut().add_file(name, bytes);
    }

    /// Checks the files that were handed over, and takes them as the model; says what it is.
    pub fn load_model(&self, name: String) -> Thrown<String> {
        answer(self.inner.borrow_mut().load_model(name))
    }

    /// Reads a table of the role `train`, `validation` or `test`; says what is in it.
    pub fn load_table(&self, role: &str, name: &str, bytes: &[u8]) -> Thrown<String> {
        answer(self.inner.borrow_mut().load_table(role, name, bytes))
    }

    /// All arguments that a page can set.
    pub fn argument_table() -> String {
        crate::arguments::table().to_string()
    }

    /// Sets arguments, an object of JSON; null takes one back to its default. Where one is wrong all stay as they were.
    pub fn set_arguments(&self, values: &str) -> Thrown<()> {
        self.inner.borrow_mut().set_arguments(values).map_err(thrown)
    }

    /// Begins a training; `time` is what folders of logs are called by, such as `Nov26_01-10-00`.
    pub async fn start(&self, time: String) -> Thrown<()> {
        let ended = self.inner.borrow_mut().end();
        ended.await;
        let begun = self.inner.borrow_mut().start(&time);
        answered(begun).await.map(drop)
    }

    /// Makes the next step of the training; at its end an object with its metrics, and null before.
    pub async fn advance(&self) -> Thrown<String> {
        let step = self.inner.borrow().advance();
        answered(step).await
    }

    /// Names of the files of the loaded model.
    pub fn model_files(&self) -> Vec<String> {
        self.inner.borrow().model_files()
    }

    /// The bytes of a file of the loaded model.
    pub fn model_file(&self, name: &str) -> Option<Vec<u8>> {
        self.inner.borrow().model_file(name)
    }

    /// The arguments that were set, an object of JSON.
    pub fn arguments(&self) -> String {
        self.inner.borrow().arguments()
    }

    /// The steps of the checkpoints that the training has saved and not removed.
    pub fn checkpoints(&self) -> Thrown<Vec<u32>> {
        self.inner.borrow().checkpoints().map_err(thrown)
    }

    /// Hands a checkpoint to a sink, file after file; an object with the sizes and the checksum.
    pub fn pack_checkpoint(&self, step: u32, sink: Sink) -> Option<String> {
        self.inner.borrow().pack_checkpoint(step.into(), taking(sink)).map(|packed| packed.to_string())
    }

    /// Hands the step that was just done to a sink as a checkpoint, of which the training does not know; null where it has saved it itself.
    pub async fn pack_recovery(&self, sink: Sink) -> Thrown<String> {
        let packed = self.inner.borrow().pack_recovery(taking(sink));
        answered(Ok(packed)).await
    }

    /// Hands over a file of a checkpoint, from the newest of which the next training goes on; the checksum of it and of `crc32` before it.
    pub fn add_kept(&self, name: String, bytes: Vec<u8>, crc32: u32) -> u32 {
        self.inner.borrow_mut().add_kept(name, bytes, crc32)
    }

    /// Takes files of checkpoints back whose names begin like this.
    pub fn drop_kept(&self, prefix: &str) {
        self.inner.borrow_mut().drop_kept(prefix);
    }

    /// Lets the next training go on from the newest checkpoint in memory, if there is one.
    pub fn keep_checkpoints(&self) -> Thrown<()> {
        self.inner.borrow_mut().keep_checkpoints().map_err(thrown)
    }

    /// Lets the training end before its next step.
    pub fn stop(&self) {
        self.inner.borrow().stop();
    }

    /// Measures the model as it is now on the validation table.
    pub async fn evaluate(&self) -> Thrown<String> {
        let metrics = self.inner.borrow_mut().evaluate();
        answered(metrics).await
    }

    /// What the model as it is now says of texts: a list of texts and of pairs of texts.
    pub async fn predict(&self, texts: String) -> Thrown<String> {
        let predictions = self.inner.borrow_mut().predict(&texts);
        answered(predictions).await
    }

    /// Writes the directory of the run as it is now, in memory, and lists its files.
    pub async fn list_files(&self) -> Thrown<Vec<String>> {
        let saved = self.inner.borrow().save();
        answered(Ok(saved)).await?;
        self.inner.borrow().list_files().map_err(thrown)
    }

    /// The bytes of a file that [`Session::list_files`] named.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.inner.borrow().file(name)
    }

    /// Checks the directory of the run as `rtrain verify` does.
    pub async fn verify(&self) -> Thrown<String> {
        let saved = self.inner.borrow().save();
        answered(Ok(saved)).await?;
        answer(self.inner.borrow().verify())
    }
}

/// What the program said when it broke, if it did.
#[wasm_bindgen]
pub fn last_failure() -> Option<String> {
    failure::last()
}

async fn answered(asked: Result<Work<Result<Value>>>) -> Thrown<String> {
    answer(asked.map_err(thrown)?.await)
}

fn taking(sink: Sink) -> durable::Sink {
    durable::Sink(Box::new(move |bytes| sink.write(bytes)))
}

fn answer(result: Result<Value>) -> Thrown<String> {
    result.map(|value| value.to_string()).map_err(thrown)
}

fn thrown(error: Error) -> JsValue {
    JsValue::from_str(&to_json(error.diagnostic()).to_string())
}

/// How long messages of the page wait at most, while parts of the work do not take longer.
const TURN: Duration = Duration::from_millis(30);

#[wasm_bindgen]
extern "C" {
    /// The worker that a session is in.
    #[derive(Clone)]
    pub type Worker;

    /// Hears of an event, a text of JSON.
    #[wasm_bindgen(method)]
    fn tell(this: &Worker, event: &str);

    /// Lets the messages be handled that came in the meantime.
    #[wasm_bindgen(method, js_name = otherMessages)]
    async fn other_messages(this: &Worker);

    /// Somebody who takes bytes as they come; they are gone when `write` returns.
    pub type Sink;

    #[wasm_bindgen(method)]
    fn write(this: &Sink, bytes: &[u8]);
}

/// The worker, and when it last could do something else.
pub struct Around {
    worker: Worker,
    gave_way: Cell<Instant>,
}

impl Around {
    /// What is around a session in a worker.
    pub fn new(worker: Worker) -> Around {
        Around { worker, gave_way: Cell::new(Instant::now()) }
    }
}

impl Surroundings for Around {
    fn tell(&self, event: Value) {
        self.worker.tell(&event.to_string());
    }

    fn give_way(&self) -> Work<()> {
        if self.gave_way.get().elapsed() < TURN {
            return Box::pin(std::future::ready(()));
        }
        self.gave_way.set(Instant::now());
        let worker = self.worker.clone();
        Box::pin(async move { worker.other_messages().await })
    }

    fn spawn(&self, work: Work<()>) {
        spawn_local(work);
    }
}
